//! Loops that are compiled while they run: what the program does, and says, is the interpreter's.

use std::sync::Arc;

use gscript::bytecode::Source;
use gsx_engine::exec::exec_captured;
use gsx_engine::{CellError, Engine, ExecReport, ExecSpec, Limits, UnitKind, compile_source};
use gsx_passes::{Pipeline, Registry};

/// Programs with the ways in and out of loops.
const PROGRAMS: &[(&str, &str)] = &[
    (
        "the main chunk's own loops",
        "s := 0
         for i := 0; i < 300; i++ { for j := 0; j < 20; j++ { if j == 13 { break }; s = s + i * j } }
         print(s)
         k := 0
         for k < 100 { k = k + 3; if k % 7 == 0 { continue }; s = s - k }
         print(k, s)",
    ),
    (
        "returns from the middle of nested loops",
        "func find(t, x) { for i := 1; i <= #t; i++ { for j := 1; j <= #t; j++ { if t[i] + t[j] == x { return i, j } } } }
         t := {}
         for i := 1; i <= 40; i++ { t[i] = i * i }
         print(find(t, 74), find(t, 3))
         print(find(t, 3200))",
    ),
    (
        "captured variables, changed from both sides",
        "func f(n) {
             total := 0
             add := func(x) { total = total + x }
             fs := {}
             for i := 0; i < n; i++ { x := i * 2; total = total + 1; add(x); fs[i] = func() { x = x + 1; return x + total } }
             r := 0
             for i := 0; i < n; i++ { r = r + fs[i]() + fs[i]() }
             return total, r
         }
         print(f(50))",
    ),
    (
        "variable arguments around a loop",
        "func sum(a, ...) { s := a; for i := 0; i < 200; i++ { s = s + i }; t := {...}; return s + #t, ... }
         print(sum(1, 2, 3))
         func each(...) { s := 0; for i := 0; i < 50; i++ { t := {...}; s = s + t[1] }; return s }
         print(each(7, 8))",
    ),
    (
        "types that change while the loop runs",
        "func f(n) { x := 1; for i := 0; i < n; i++ { if i == 70 { x = 0.5 }; if i == 140 { x = x .. \"\"; break }; x = x + i }; return x }
         print(f(60), f(100), f(200))",
    ),
    (
        "errors, with their places and their callers",
        "func g(t, i) { return t[i] + 1 }
         func f(t) { s := 0; for i := 1; i <= 100; i++ { s = s + g(t, i) }; return s }
         t := {}
         for i := 1; i <= 90; i++ { t[i] = i }
         print(pcall(f, t))
         print(xpcall(f, func(e) { return \"<\" .. e .. \">\" }, t))
         for i := 0; i < 30; i++ { ok, e := pcall(f, t); if ok { print(e) } }
         f(t)",
    ),
    (
        "recursion and loops",
        "func tree(d) { s := 1; for i := 0; i < 3; i++ { if d > 0 { s = s + tree(d - 1) } }; return s }
         print(tree(6))
         func down(n) { s := 0; for i := 0; i < 5; i++ { s = s + i }; if n == 0 { return s }; return down(n - 1) + s }
         print(down(300))",
    ),
    (
        "the depth limit, found in a loop",
        "func down(n) { s := 0; for i := 0; i < 3; i++ { s = s + i }; return down(n + 1) + s }
         ok, e := pcall(down, 0)
         print(ok, e)",
    ),
    (
        "coroutines that loop, and loops that resume them",
        "func gen(n) { return coroutine.wrap(func() { for i := 0; i < n; i++ { coroutine.yield(i) }; return -1 }) }
         s := 0
         for k := 0; k < 20; k++ { g := gen(15); for { v := g(); if v < 0 { break }; s = s + v } }
         print(s)",
    ),
    (
        "ranges",
        "t := {}
         for i := 1; i <= 60; i++ { t[i] = i }
         s := 0
         for k, v := range t { s = s + k * v }
         for i := range 50 { s = s + i }
         for c := range string.gmatch(\"a b c d e f g h\", \"%a\") { s = s + #c }
         print(s)",
    ),
    (
        "open calls within loops",
        "func two(i) { if i % 3 == 0 { return i, 1, 2 }; return i, i + 1 }
         func sum(...) { s := 0; for k, v := range {...} { s = s + v }; return s }
         s := 0
         for i := 0; i < 100; i++ { s = s + sum(two(i)); t := {two(i)}; s = s + #t; s = s + math.max(two(i)) }
         print(s)",
    ),
    (
        "goroutines",
        "ch := make(chan)
         go func() { for i := 0; i < 40; i++ { ch <- i } }()
         func next() { return <-ch }
         s := 0
         for i := 0; i < 40; i++ { s = s + next() }
         print(s)",
    ),
];

fn run(text: &str, pipeline: &Pipeline, unit: UnitKind, hot: Option<u32>, gc_stress: u32) -> (String, ExecReport) {
    let source = Arc::new(Source { name: "loops.gs".into(), text: text.into() });
    let spec = ExecSpec {
        program: compile_source(source.clone()).unwrap_or_else(|d| panic!("{}", d.render(&source))),
        engine: if hot.is_some() { Engine::Sim } else { Engine::Interp },
        pipeline: pipeline.clone(),
        unit,
        // Functions too, but later.
        hot_calls: 20,
        hot_loops: hot.unwrap_or(u32::MAX),
        limits: Limits::default(),
        gc_stress,
    };
    match exec_captured(&spec) {
        Ok((report, output)) => (String::from_utf8_lossy(&output).into_owned(), report),
        Err(CellError::Program(e)) => (format!("{}\n{}", e.message, e.trace.join("\n")), ExecReport::default()),
        Err(e) => panic!("{text}\n{unit:?}, after {hot:?}, {:?}: {e}", pipeline.ids()),
    }
}

#[test]
fn loops_entered_while_they_run_change_nothing() {
    let registry = Registry::default();
    let sets = ["none", "seed", "all", "pin,type-seed,dse", "load-elim,gvn,licm,tag-elim", "nan-box", "all,-nan-box"];
    for (what, text) in PROGRAMS {
        let expected = run(text, &Pipeline::none(), UnitKind::Method, None, 0).0;
        for (i, set) in sets.iter().enumerate() {
            let pipeline = Pipeline::select(&registry, set).expect("passes");
            for unit in [UnitKind::Method, UnitKind::Trace] {
                let (hot, gc_stress) = ([1, 2, 7, 30][(i + unit as usize) % 4], if i == 2 { 5 } else { 0 });
                let found = run(text, &pipeline, unit, Some(hot), gc_stress).0;
                assert_eq!(found, expected, "{what}: {set}, {unit:?}, after {hot}");
            }
        }
    }
}

/// What the interpreter counts without compiled code, interpreter and compiled code count together with it.
#[test]
fn iterations_are_counted_exactly() {
    let registry = Registry::default();
    for (what, text) in PROGRAMS.iter().filter(|(what, _)| !what.contains("error")) {
        let all = run(text, &Pipeline::none(), UnitKind::Method, None, 0).1.interpreter.back_edges;
        for set in ["none", "seed", "all", "all,-cold-split", "all,-regalloc2,-nan-box"] {
            let pipeline = Pipeline::select(&registry, set).expect("passes");
            for unit in [UnitKind::Method, UnitKind::Trace] {
                let report = run(text, &pipeline, unit, Some(3), 0).1;
                let found = report.interpreter.back_edges + report.loop_iterations;
                assert_eq!(found, all, "{what}: {set}, {unit:?}");
            }
        }
    }
}

#[test]
fn a_function_that_is_called_once_runs_compiled() {
    let text = "func f(n) { s := 0.0; for i := 0; i < n; i++ { for j := 0; j < 30; j++ { s = s + i * j } }; return s }
                print(f(2000))";
    for set in ["none", "all"] {
        let pipeline = Pipeline::select(&Registry::default(), set).expect("passes");
        for unit in [UnitKind::Method, UnitKind::Trace] {
            let report = run(text, &pipeline, unit, Some(100), 0).1;
            let share = report.compiled_share().expect("loops");
            assert!(share > 0.95, "{share} with {set}, {unit:?}");
            assert_eq!(report.exits.iter().map(|e| e.count).sum::<u64>(), 0, "{:?}", report.exits);
        }
    }
}
