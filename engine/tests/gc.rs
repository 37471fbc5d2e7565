//! Garbage collection around and under compiled code: collections at every turn change nothing, and garbage does not count
//! against the heap limit.

mod common;

use std::path::Path;
use std::sync::Arc;

use common::{cell, ints, orders, passes, subsets};
use gscript::bytecode::Source;
use gsx_engine::exec::exec_captured;
use gsx_engine::{Arg, CellError, Engine, ExecSpec, Limits, Options, compile_source, run_cell};
use gsx_passes::Pipeline;

/// Objects of all kinds in and around functions that get compiled, some of them in registers over calls, some replaced
/// while compiled code knows the old one.
const OBJECTS: &str = "counter := 0
func node(l, r, name) { counter = counter + 1; return {left: l, right: r, name: name .. counter} }
func tree(d, name) { if d == 0 { return {} } return node(tree(d - 1, name), tree(d - 1, name), name) }
func count(t) { if t.left == nil { return 1 } return 1 + count(t.left) + count(t.right) }
func chain(t, n) { if n == 0 { return t } return chain({next: t, items: {n, n + 0.5, \"s\" .. n}}, n - 1) }
func total(t) { s := 0; for t != nil { if t.items != nil { s = s + t.items[1] + #t.items[3] } t = t.next } return s }
func adder(k) { sum := k; return func(x) { sum = sum + x; return sum } }
func make(k) { if k == 0 { return func(x) { return x + 1 } } return func(x) { return x * 100 } }
step := make(0)
func use(x) { return step(x) + step(x + 1) }
func each(n) { s := 0; for i, v := range {n, n + 1, n + 2} { s = s + v * i } return s }
func gen(n) { co := coroutine.wrap(func() { for i := 1; i <= n; i++ { coroutine.yield({i}) } }); co(); return co()[1] }
func entry(n) {
  add := adder(n)
  out := \"\"
  for i := 1; i <= n; i++ {
    t := tree(3, \"n\")
    add(count(t) + total(chain({}, i)))
    if i == 3 { step = nil; step = make(1) }
    out = out .. use(i) .. \",\" .. each(i) .. \",\" .. gen(i + 1) .. \";\"
    sorted := {\"b\" .. i, \"a\" .. i}
    table.sort(sorted, func(x, y) { return x < y })
    out = out .. sorted[1] .. string.gsub(\"xyz\", \"y\", func(c) { return c .. {i}[1] })
  }
  step = make(0)
  print(out, add(0), t)
  return add(1) .. out
}";

#[test]
fn collections_anywhere_change_nothing() {
    let plain = cell(OBJECTS, "entry", &ints(&[4]), &ints(&[6]));
    let expected = run_cell(&plain).expect("right").result;
    for (i, pipeline) in subsets().into_iter().chain(orders()).enumerate() {
        let mut spec = plain.clone();
        spec.pipeline = pipeline;
        spec.options.gc_stress = 1 + i as u32 % 3;
        spec.options.verify_each = i % 8 == 0;
        match run_cell(&spec) {
            Ok(report) => assert_eq!(report.result, expected),
            Err(e) => panic!("{:?}: {e}", spec.pipeline),
        }
    }
}

fn exec(source: Source, engine: Engine, pipeline: Pipeline, gc_stress: u32, heap_bytes: u64) -> String {
    let source = Arc::new(source);
    let program = compile_source(source.clone()).unwrap_or_else(|e| panic!("{}", e.render(&source)));
    let limits = Limits { heap_bytes, steps: 100_000_000, instructions: 2_000_000_000 };
    let spec = ExecSpec { program, engine, pipeline, hot_calls: 1, limits, gc_stress };
    match exec_captured(&spec) {
        Ok((_, output)) => String::from_utf8_lossy(&output).into_owned(),
        Err(e @ (CellError::Program(_) | CellError::Limit(_))) => e.to_string(),
        Err(e) => panic!("{} with {:?}: {e}", source.name, spec.pipeline),
    }
}

#[test]
fn language_programs_print_the_same_under_stress() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../gscript/tests/programs");
    for name in ["control", "coroutines", "functions", "goroutines", "metatables", "strings", "tables", "upstream_bugs"]
    {
        let text = std::fs::read_to_string(dir.join(name).with_extension("gs")).expect("the program is there");
        let source = || Source { name: format!("{name}.gs"), text: text.clone() };
        let expected = exec(source(), Engine::Interp, Pipeline::none(), 0, 256 << 20);
        for (set, stress) in [("none", 2), ("all", 1), ("seed", 3)] {
            let found = exec(source(), Engine::Sim, passes(set), stress, 256 << 20);
            assert_eq!(found, expected, "{name} with {set}");
        }
    }
}

#[test]
fn trees_fit_where_only_a_few_live_at_once() {
    // About 60 MB of nodes in all.
    let text = "func tree(d) { if d == 0 { return {} } return {left: tree(d - 1), right: tree(d - 1)} }
func check(t) { if t.left == nil { return 1 } return 1 + check(t.left) + check(t.right) }
long := tree(10)
for i := 1; i <= 200; i++ { if check(tree(9)) != 1023 { print(\"wrong\", i) } }
print(check(long))";
    let source = || Source { name: "trees.gs".into(), text: text.into() };
    for (engine, set) in [(Engine::Interp, "none"), (Engine::Sim, "none"), (Engine::Sim, "all")] {
        assert_eq!(exec(source(), engine, passes(set), 0, 2 << 20), "2047\n", "{engine:?} {set}");
    }
}

/// The evaluator that checks graphs after each pass must see the objects whose addresses the graphs hold, and not others that
/// took their place: `even0` is replaced again and again, and the functions that no longer have the name are garbage.
#[test]
fn the_evaluator_keeps_what_graphs_name() {
    let source = r#"age := 0
func spread(...) { return select(2, ...) }
func second(a, b) { return b, a }
func even0(n, x) {
}
func r2(n) {
    for i1 := 1; i1 <= n; i1++ {
    }
}
func obj1(n, x, y) {
    return (0.1 + y)
}
func f0(a, b) {
    for i0 := 0; i0 < 8; i0++ {
        if (i0 / a) == (2.25 + 0) || !((2.25 + 0) < (i0 / a)) { even0 = func(n, x, y) { return n } }
        b = spread((i0 - a), b)
        if i0 >= b {
            if i0 == 3 { return i0 }
        }
    }
}
func f1(a, b) {
    for i0 := 0; i0 < 6; i0 += 2 {
        key2 = func(n, x, y) { return n + 1 }
        for i2 := 0; i2 < 4; i2 += 3 {
            b = f0(second(r2(8), tostring(b)), (f0(i2, i0) - second(a, i0)))
        }
    }
}
func body(a, b) {
    print(pcall(obj1, 3, (a + a), even0(a % 6, a)))
    print(pcall(key2, 10, a, f1(b, b)))
}
func entry(a, b) { age = age + 1 return pcall(body, a, b) }"#;
    let args = [Arg::Int(0), Arg::Float(2.5)];
    let mut spec = cell(source, "entry", &args, &args);
    spec.pipeline = passes("inline");
    spec.options = Options { gc_stress: 2, verify_each: true, ..Options::default() };
    spec.warmup.calls = 3;
    run_cell(&spec).expect("right");
}
