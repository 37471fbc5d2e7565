//! Memory figures of cells.

mod common;

use common::{cell, ints, passes};
use gsx_engine::run_cell;

/// A thousand records of eight fields in an array: NaN-boxed they take a third of the memory, library included.
#[test]
fn nan_boxed_records_take_a_third_of_the_heap() {
    let source = "list := {}
for i := 1; i <= 1000; i++ { list[i] = {a: i, b: i + 0.5, c: i, d: i * 2, e: 0.25, f: i, g: 1.5, h: i} }
func entry(n) { return #list }";
    let live = ["none", "nan-box", "all"].map(|set| {
        let mut spec = cell(source, "entry", &ints(&[1]), &ints(&[1]));
        spec.pipeline = passes(set);
        let heap = run_cell(&spec).unwrap_or_else(|e| panic!("{set}: {e}")).heap;
        assert!(heap.live <= heap.peak, "{set}: {heap:?}");
        assert_eq!(heap.allocated, 0, "{set}: the call makes nothing");
        heap.live
    });
    assert!(live[1] * 3 <= live[0] && live[2] * 3 <= live[0], "{live:?}");
}

/// What a call allocates counts whether the interpreter's functions or the collector give it back meanwhile.
#[test]
fn allocation_is_counted_through_collections() {
    let source = "func entry(n) { for i := 1; i <= n; i++ { t := {i, i, i} } return n }";
    for (set, bytes) in [("none", 32 + 16 + 4 * 32), ("nan-box", 32 + 16 + 4 * 8), ("all", 32 + 16 + 4 * 8)] {
        for gc_stress in [0, 7] {
            let mut spec = cell(source, "entry", &ints(&[5]), &ints(&[10_000]));
            spec.pipeline = passes(set);
            spec.options.gc_stress = gc_stress;
            let heap = run_cell(&spec).unwrap_or_else(|e| panic!("{set}: {e}")).heap;
            assert_eq!(heap.allocated, 10_000 * bytes, "{set}, stress {gc_stress}");
            assert!(heap.live < 20_000 && heap.peak < 3 << 20, "{set}: {heap:?}");
        }
    }
}
