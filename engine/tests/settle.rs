//! Programs whose types change behind compilation: the output stays the interpreter's, and exits come to an end.

use std::sync::Arc;

use gscript::bytecode::Source;
use gsx_engine::exec::exec_captured;
use gsx_engine::settle::{MOST_VERSIONS, UNIT_EXITS};
use gsx_engine::{Engine, ExecReport, ExecSpec, Limits, UnitKind, compile_source};
use gsx_passes::{Pipeline, Registry};

/// Each runs long with one kind of values, then long with another, then with both.
const PROGRAMS: &[(&str, &str)] = &[
    (
        "integers become floats",
        "func step(a, b) { return a * 2 + b }
         func sum(x) { s := x; for i := 0; i < 40; i++ { s = step(s, x) % 1000 }; return s }
         t := 0
         for k := 0; k < 200; k++ { t = t + sum(k) }
         for k := 0; k < 400; k++ { t = t + sum(k + 0.5) }
         for k := 0; k < 200; k++ { t = t + sum(k) + sum(k + 0.25) }
         print(t)",
    ),
    (
        "a field is added to records, in one order or another",
        "func area(r) { return r.w * r.h }
         func total(rs) { s := 0; for i := 1; i <= #rs; i++ { s = s + area(rs[i]) }; return s }
         rs := {}
         for i := 1; i <= 30; i++ { rs[i] = {w: i, h: 2} }
         s := 0
         for k := 0; k < 60; k++ { s = s + total(rs) }
         for i := 1; i <= 30; i++ { rs[i].name = \"r\" }
         for k := 0; k < 60; k++ { s = s + total(rs) }
         for i := 1; i <= 30; i++ { if i % 2 == 0 { rs[i] = {h: 3, w: i} } else { rs[i] = {h: 3, w: i, z: 1, y: 2} } }
         for k := 0; k < 60; k++ { s = s + total(rs) }
         for i := 1; i <= 30; i++ { r := {}; r[\"a\" .. i] = 1; r.w = 1; r.h = 1.5; rs[i] = r }
         for k := 0; k < 60; k++ { s = s + total(rs) }
         print(s)",
    ),
    (
        "an array gets a hole, and values of all kinds",
        "func count(t, n) { c := 0; for i := 1; i <= n; i++ { if t[i] { c = c + 1 } }; return c }
         func put(t, n, v) { for i := 1; i <= n; i++ { t[i] = v } }
         t := {}
         put(t, 50, 1)
         s := 0
         for k := 0; k < 80; k++ { put(t, 50, k); s = s + count(t, 50) }
         t[7] = nil
         for k := 0; k < 80; k++ { s = s + count(t, 60) + #t }
         for k := 0; k < 80; k++ { u := {}; put(u, 40, \"x\"); s = s + count(u, 60) }
         for k := 0; k < 80; k++ { u := {}; u[1000] = 1; for i := 30; i > 0; i-- { u[i] = i }; s = s + count(u, 60) }
         print(s)",
    ),
    (
        "a function is redefined, for good and then all the time",
        "func f(x) { return x + 1 }
         func run(n) { s := 0; for i := 0; i < n; i++ { s = s + f(i) }; return s }
         s := 0
         for k := 0; k < 150; k++ { s = s + run(20) }
         f = func(x) { return x * 2 }
         for k := 0; k < 150; k++ { s = s + run(20) }
         for k := 0; k < 300; k++ { if k % 2 == 0 { f = func(x) { return x } } else { f = math.sqrt }; s = s + run(20) }
         print(s)",
    ),
    (
        "numbers of results change",
        "func two(n) { if n > 400 { return n }; if n > 800 { return n, 1, 2 }; return n, 1 }
         func count(...) { t := {...}; return #t }
         func pass(n) { return two(n) }
         s := 0
         for k := 0; k < 1200; k++ { s = s + count(two(k)) + count(pass(k)) }
         print(s)",
    ),
    (
        "comparisons and negations of other types",
        "func less(a, b) { if a < b { return 1 }; return 0 }
         func neg(a) { return -a }
         func same(a, b) { return a == b }
         s := 0
         vs := {1, 2.5, 7, 0.25}
         for k := 0; k < 600; k++ { s = s + less(k, 300) + neg(k) }
         for k := 0; k < 600; k++ { s = s + less(vs[1 + k % 4], vs[1 + k % 3]) + neg(vs[1 + k % 4]) }
         for k := 0; k < 600; k++ { s = s + less(\"a\" .. k, \"b\"); if same(k, \"x\") { s = s + 1 }; if same(vs, vs) { s = s + 1 } }
         print(s)",
    ),
    (
        "a recursion gets floats",
        "func fib(n) { if n < 2 { return n }; return fib(n - 1) + fib(n - 2) }
         print(fib(15))
         print(fib(15.5))
         s := 0
         for k := 0; k < 300; k++ { s = s + fib(5) + fib(5.25) }
         print(s)",
    ),
    (
        "within one loop of the main chunk",
        "x := 1
         for i := 0; i < 3000; i++ {
             if i == 1000 { x = 0.5 }
             if i == 2000 { x = \"7\" }
             y := x * 2
             if i % 500 == 0 { print(i, y) }
         }",
    ),
];

fn run(text: &str, engine: Engine, set: &str, unit: UnitKind) -> (String, ExecReport) {
    let source = Arc::new(Source { name: "settle.gs".into(), text: text.into() });
    let spec = ExecSpec {
        program: compile_source(source.clone()).unwrap_or_else(|d| panic!("{}", d.render(&source))),
        engine,
        pipeline: Pipeline::select(&Registry::default(), set).expect("passes"),
        unit,
        hot_calls: 30,
        hot_loops: 100,
        limits: Limits::default(),
        gc_stress: 0,
    };
    let (report, output) = exec_captured(&spec).unwrap_or_else(|e| panic!("{text}\n{set}, {unit:?}: {e}"));
    (String::from_utf8_lossy(&output).into_owned(), report)
}

#[test]
fn changing_types_settle() {
    for (what, text) in PROGRAMS {
        let expected = run(text, Engine::Interp, "none", UnitKind::Method).0;
        for set in ["none", "seed", "all", "all,-nan-box", "inline,type-seed,pin", "shape-cache,load-elim,gvn,licm"] {
            for unit in [UnitKind::Method, UnitKind::Trace] {
                let (found, report) = run(text, Engine::Sim, set, unit);
                assert_eq!(found, expected, "{what}: {set}, {unit:?}");
                let exits: u64 = report.exits.iter().map(|e| e.count).sum();
                // Each version of each function or loop may be left that often, and what was in it when it was given up.
                let parts = report.compiled.iter().collect::<std::collections::BTreeSet<_>>().len() as u64;
                let most = parts * u64::from(MOST_VERSIONS * UNIT_EXITS) + 100;
                assert!(exits <= most, "{what}: {set}, {unit:?}: {exits} exits, {:#?}", report.exits);
                assert!(report.dropped.len() as u64 <= parts * u64::from(MOST_VERSIONS), "{:?}", report.dropped);
            }
        }
    }
}

/// When only the types have changed, for good, the second version is as good as the first: no more exits.
#[test]
fn the_second_version_fits_what_comes_now() {
    let text = "func work(x) { s := x; for i := 0; i < 50; i++ { s = s * 2 - x }; return s }
                t := 0.0
                for k := 0; k < 300; k++ { t = t + work(1) }
                for k := 0; k < 3000; k++ { t = t + work(0.5) / 3 }
                print(t)";
    for set in ["none", "seed", "all"] {
        let report = run(text, Engine::Sim, set, UnitKind::Method).1;
        let exits: u64 = report.exits.iter().map(|e| e.count).sum();
        assert!(exits <= 40, "{set}: {exits} exits, {:#?}", report.exits);
        assert!(report.dropped.iter().any(|name| name == "work"), "{set}: {:?}", report.dropped);
        let share = report.compiled_share().expect("loops");
        assert!(share > 0.9, "{set}: {share}");
    }
}
