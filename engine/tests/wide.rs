//! Integers of more than 48 bits in NaN-boxed slots: boxed, collected, and never a reason to leave compiled code for ever.

mod common;

use common::{cell, ints, orders, passes, subsets};
use gsx_engine::run_cell;

/// Wrap-around in slots, arguments, results, globals, upvalues, fields and elements; integers as keys and in comparisons.
const WIDE: &str = "seed := 88172645463325252
last := 0
func next(x) { return x * 6364136223846793005 + 1442695040888963407 }
func make(start) { sum := start; return func(x) { sum = sum * 33 + x; return sum } }
func entry(n) {
  record := {a: 140737488355327, b: -140737488355328, c: seed}
  items := {}
  seen := {}
  add := make(n)
  x := seed
  under := 0
  for i := 1; i <= n; i++ {
    x = next(x)
    items[i] = x
    seen[x] = i
    record.a = record.a + 1
    record.b = record.b - i
    record.c = record.c + x
    last = last + items[i] - 1
    if items[i] < record.b { under = under + 1 }
    if seen[x] != i { print(\"lost\", i, x) }
    add(record.c)
  }
  y := 0
  for i := 1; i <= n; i++ { y = y + items[i] % 1000003 }
  print(x, y, under, record.a, record.b, record.c, last, add(0), -x, x + 0.5)
  return add(last) + y
}";

#[test]
fn wide_integers_are_what_they_are_with_tags() {
    let plain = cell(WIDE, "entry", &ints(&[20]), &ints(&[40]));
    let expected = run_cell(&plain).expect("right").result;
    for (i, pipeline) in subsets().into_iter().chain(orders()).enumerate() {
        let mut spec = plain.clone();
        spec.pipeline = pipeline;
        spec.options.gc_stress = i as u32 % 3;
        spec.options.verify_each = i % 8 == 0;
        match run_cell(&spec) {
            Ok(report) => assert_eq!(report.result, expected),
            Err(e) => panic!("{:?}: {e}", spec.pipeline),
        }
    }
}

/// A loop that does nothing but make wide integers collects its garbage by itself.
#[test]
fn boxes_are_garbage_soon() {
    let source = "g := 1
func entry(n) { for i := 1; i <= n; i++ { g = g * 6364136223846793005 + i } return g }";
    for set in ["nan-box", "nan-box,type-seed,load-elim", "seed", "all"] {
        let mut spec = cell(source, "entry", &ints(&[10]), &ints(&[300_000]));
        spec.limits.heap_bytes = 1 << 20;
        spec.pipeline = passes(set);
        if let Err(e) = run_cell(&spec) {
            panic!("{set}: {e}");
        }
    }
}

/// Code that has seen small integers only takes wide ones as well as it takes those.
#[test]
fn wide_integers_do_not_make_code_leave() {
    let source = "func id(x) { return x }
func entry(x) {
  t := {x, x, x}
  s := 0
  for i := 1; i <= 3; i++ { s = s + t[i] - id(x) + id(t[i]) }
  return s
}";
    for set in ["nan-box", "all"] {
        let mut spec = cell(source, "entry", &ints(&[5]), &ints(&[1 << 60]));
        spec.pipeline = passes(set);
        let report = run_cell(&spec).unwrap_or_else(|e| panic!("{set}: {e}"));
        assert_eq!((report.exits.len(), &report.result[0]), (0, &(3i64 << 60).to_string()), "{set}");
        assert!(report.host_calls.contains_key("box"), "{set}: boxes come from the host");
    }
}

/// The heap limit is an error as anywhere else, also where only compiled code allocates.
#[test]
fn boxes_count_against_the_limit() {
    let source = "func entry(n) {
  t := {}
  x := 1
  for i := 1; i <= n; i++ { x = x * 6364136223846793005 + i; t[i] = x }
  return x
}";
    for set in ["nan-box", "all"] {
        let mut spec = cell(source, "entry", &ints(&[10]), &ints(&[100_000]));
        spec.limits.heap_bytes = 1 << 20;
        spec.pipeline = passes(set);
        let error = run_cell(&spec).expect_err("too little memory").to_string();
        assert!(error.contains("heap limit"), "{set}: {error}");
    }
}
