//! The collector by itself: allocation, marks from given roots, what is free afterwards.

use super::alloc::POISON;
use super::cells::Cell;
use super::mark::Marker;
use super::*;
use crate::layout::{
    ARRAY_CAP, ARRAY_HEADER_BYTES, ARRAY_SIZE, CTX_ALLOC_END, CTX_ALLOC_NEXT, HEADER, KIND_TABLE, KIND_UPVAL, Layout,
    TABLE_ARRAY, TABLE_ARRAY_LEN, TABLE_BYTES, TABLE_FIELDS, TABLE_FIELDS_CAP_SHIFT,
};
use crate::random::Random;
use crate::value::Tag;

fn heap(layout: Layout) -> Heap {
    Heap::new(4, 1 << 24, GuestBase::Simulated, layout).unwrap()
}

/// Collects with these roots, and nothing else.
fn collect(h: &mut Heap, mark: impl FnOnce(&mut Heap, &mut Marker)) {
    let mut marker = h.begin_collection();
    h.mark_own_roots(&mut marker);
    mark(h, &mut marker);
    h.trace(&mut marker);
    h.finish_collection(&marker);
    check(h);
}

/// Cells tile the heap, none is marked, and what is free is in the lists.
fn check(h: &Heap) {
    let (mut at, mut used, mut free_before) = (h.heap_start, 0, false);
    while at < h.cells.top() {
        let what = h.cells.get(at).expect("a cell begins where the one before ends");
        assert!(!h.cells.is_marked(at));
        let end = h.cells.end(at);
        assert!(!(free_before && what == Cell::Free), "two free runs side by side at {at:#x}");
        free_before = what == Cell::Free;
        used += if free_before { 0 } else { end - at };
        at = end;
    }
    assert_eq!((at, used), (h.cells.top(), h.used()));
}

fn table(h: &mut Heap, items: i64) -> u64 {
    let t = h.new_table(0, 0).unwrap();
    for k in 0..items {
        h.set_int_key(t, k, Value::int(k)).unwrap();
    }
    t
}

fn reference(t: u64) -> Value {
    Value::object(Tag::Table, t)
}

#[test]
fn what_the_roots_reach_stays_and_the_rest_goes() {
    for layout in Layout::ALL {
        let mut h = heap(layout);
        let (a, b, c) = (table(&mut h, 10), table(&mut h, 10), table(&mut h, 10));
        let name = h.string_value(b"b").unwrap();
        h.set(a, name, reference(b)).unwrap();
        h.set(b, Value::float(0.5), reference(c)).unwrap();
        h.set(c, reference(a), Value::int(1)).unwrap();
        let before = h.used();
        collect(&mut h, |h, m| h.mark_object(m, a));
        assert_eq!(h.used(), before);
        assert_eq!(h.get(a, name), reference(b));
        assert_eq!(h.get(c, reference(a)), Value::int(1));
        // Deleting leaves the key in the hash part, but not the value.
        h.set(b, Value::float(0.5), Value::NIL).unwrap();
        collect(&mut h, |h, m| h.mark_object(m, a));
        assert_eq!(h.cells.get(c), Some(Cell::Free));
        // Now the cycle a → b → a is all that there is, and nobody refers to it. The name belongs to a shape.
        h.set_metatable(b, a);
        collect(&mut h, |_, _| {});
        assert_eq!(h.used(), 32);
        assert_eq!(h.collections(), 3);
    }
}

#[test]
fn addresses_inside_keep_objects_and_blocks_alive() {
    for layout in Layout::ALL {
        for inside in [0, 1, 8, 72, 9 * layout.slot_bytes() + 5] {
            let mut h = heap(layout);
            let (t, inner) = (table(&mut h, 10), table(&mut h, 1));
            h.set_int_key(t, 7, reference(inner)).unwrap();
            let block = h.word(t, TABLE_ARRAY);
            // A pointer into the array block alone: the table is dead, what its items refer to is not.
            collect(&mut h, |h, m| h.mark_word(m, block + inside));
            assert_eq!(h.cells.get(block - ARRAY_HEADER_BYTES), Some(Cell::Block));
            assert_eq!(h.cells.get(inner), Some(Cell::Object));
            assert_ne!(h.cells.get(t), Some(Cell::Object));
            collect(&mut h, |h, m| h.mark_word(m, inner + inside.min(TABLE_BYTES - 1)));
            assert_eq!(h.cells.get(inner), Some(Cell::Object));
            assert_eq!(h.get_int(inner, 0), Value::int(0));
            // Neither addresses outside nor of free memory mean anything.
            let nothing = [0, block, h.heap_start - 1, h.cells.top(), u64::MAX];
            collect(&mut h, |h, m| nothing.into_iter().for_each(|w| h.mark_word(m, w)));
            assert_eq!((h.used(), h.cells.top()), (0, h.heap_start));
        }
    }
}

#[test]
fn strings_that_nobody_uses_are_forgotten() {
    for layout in Layout::ALL {
        let mut h = heap(layout);
        let kept = h.new_string(b"kept").unwrap();
        for i in 0..1000 {
            h.new_string(format!("string {i}").as_bytes()).unwrap();
        }
        collect(&mut h, |h, m| h.mark_object(m, kept));
        assert_eq!(h.used(), 32);
        assert_eq!(h.new_string(b"kept").unwrap(), kept);
        for i in 0..1000 {
            let text = format!("string {i}");
            let s = h.new_string(text.as_bytes()).unwrap();
            assert_eq!(h.bytes(s), text.as_bytes());
            assert_eq!(h.new_string(text.as_bytes()).unwrap(), s);
        }
    }
}

#[test]
fn free_memory_is_used_again_and_zeroed() {
    for layout in Layout::ALL {
        let mut h = heap(layout);
        let keep: Vec<u64> = (0..2000).map(|i| table(&mut h, i % 40)).collect();
        let survivors: Vec<u64> = keep.iter().copied().step_by(3).collect();
        collect(&mut h, |h, m| survivors.iter().for_each(|&t| h.mark_object(m, t)));
        let (top, live) = (h.cells.top(), h.used());
        for _ in 0..3 {
            while h.used() < live * 2 {
                let t = h.new_table(3, 2).unwrap();
                assert!((0..4).all(|k| h.get_int(t, k).is_nil()));
                table(&mut h, 17);
            }
            collect(&mut h, |h, m| survivors.iter().for_each(|&t| h.mark_object(m, t)));
            assert_eq!(h.used(), live);
        }
        assert!(h.cells.top() <= top, "the holes were enough");
        for (i, &t) in survivors.iter().enumerate() {
            let n = i as i64 * 3 % 40;
            assert_eq!((0..n).map(|k| h.get_int(t, k)).collect::<Vec<_>>(), (0..n).map(Value::int).collect::<Vec<_>>());
        }
    }
}

#[test]
fn addresses_are_the_same_each_time() {
    for layout in Layout::ALL {
        let run = || {
            let (mut h, mut random, mut roots) = (heap(layout), Random::new(7), vec![0; 64]);
            let mut trace = Vec::new();
            for _ in 0..20_000 {
                let (i, n) = (random.below(64), random.below(90) as i64);
                roots[i] = table(&mut h, n);
                trace.push(roots[i]);
                if h.collection_due() {
                    collect(&mut h, |h, m| roots.iter().for_each(|&t| h.mark_object(m, t)));
                }
            }
            (trace, h.used(), h.collections())
        };
        let (first, second) = (run(), run());
        assert!(first.2 > 10, "{} collections", first.2);
        assert!(first == second);
    }
}

/// What compiled code will do: a table with its blocks, then a cell, by bumping the pointer in the context block.
#[test]
fn objects_allocated_inline_are_found() {
    for layout in Layout::ALL {
        let mut h = heap(layout);
        let before = table(&mut h, 3);
        let context = |offset| crate::layout::GUEST_BASE + offset;
        let next = h.read_u64(context(CTX_ALLOC_NEXT));
        let fields = next + TABLE_BYTES;
        let array = (fields + 2 * layout.slot_bytes()).next_multiple_of(16) + ARRAY_HEADER_BYTES;
        let cell = array + 4 * layout.slot_bytes();
        let end = (cell + layout.upval_bytes()).next_multiple_of(16);
        assert!(end <= h.read_u64(context(CTX_ALLOC_END)));
        assert!((next..end).step_by(8).all(|at| h.read_u64(at) == 0));
        let header = KIND_TABLE | 2 << TABLE_FIELDS_CAP_SHIFT;
        for (offset, n) in [(HEADER, header), (TABLE_FIELDS, fields), (TABLE_ARRAY, array)] {
            h.write_u64(next + offset, n);
        }
        h.write_u32(next + TABLE_ARRAY_LEN, 1);
        h.write_u32(array - ARRAY_HEADER_BYTES + ARRAY_SIZE, 1);
        h.write_u32(array - ARRAY_HEADER_BYTES + ARRAY_CAP, 4);
        h.store(array, reference(before));
        h.write_u64(cell + HEADER, KIND_UPVAL);
        h.write_u64(context(CTX_ALLOC_NEXT), end);
        // The interpreter goes on allocating behind them, and may replace a block.
        let after = h.new_table(0, 0).unwrap();
        assert_eq!(after, end);
        assert_eq!([next, fields, array - ARRAY_HEADER_BYTES, cell].map(|at| h.cells.get(at).unwrap()), {
            [Cell::Object, Cell::Block, Cell::Block, Cell::Object]
        });
        for k in 1..20 {
            h.set_int_key(next, k, Value::int(k)).unwrap();
        }
        let used = h.used();
        collect(&mut h, |h, m| h.mark_object(m, next));
        assert_eq!(h.get_int(next, 0), reference(before));
        assert_eq!((h.get_int(next, 19), h.get_int(before, 2)), (Value::int(19), Value::int(2)));
        assert_eq!(used - h.used(), end - cell + TABLE_BYTES);
        // Nonsense in the context block is noticed.
        for nonsense in [1, u64::MAX, next, h.cells.top() + (1 << 20)] {
            h.write_u64(context(CTX_ALLOC_NEXT), nonsense);
            let t = h.new_table(0, 0).unwrap();
            assert_eq!(h.cells.get(t), Some(Cell::Object));
        }
    }
}

#[test]
fn stress_poisons_what_is_free() {
    for layout in Layout::ALL {
        let mut h = heap(layout);
        h.set_stress(1);
        let (t, kept) = (table(&mut h, 5), table(&mut h, 5));
        let block = h.word(t, TABLE_ARRAY);
        collect(&mut h, |h, m| h.mark_object(m, kept));
        let poison = u64::from_le_bytes([POISON; 8]);
        assert_eq!((h.read_u64(t), h.read_u64(block)), (poison, poison));
        assert!(layout != Layout::Tagged || h.load(block).is_nil(), "poison is no value");
        assert!(h.collection_due());
        assert_eq!(h.get_int(kept, 4), Value::int(4));
    }
}

#[test]
fn the_limit_counts_what_is_alive() {
    for layout in Layout::ALL {
        let mut h = Heap::new(0, 1 << 20, GuestBase::Simulated, layout).unwrap();
        for _ in 0..30_000 {
            table(&mut h, 20);
            if h.collection_due() {
                collect(&mut h, |_, _| {});
            }
        }
        assert!(h.collections() > 5 && h.peak() < (1 << 20) + (1 << 16), "{} {}", h.collections(), h.peak());
        assert_eq!(h.new_string(&[b'x'; (1 << 20) + 1]), Err(HeapError::Full));
    }
}
