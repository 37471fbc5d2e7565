//! The benchmarks × pass sets × layouts × units of compilation: the interpreter's results everywhere.
//!
//! The whole matrix takes minutes, so it runs only where it is asked for:
//! `cargo test --release -p gsx-experiments --test matrix -- --ignored --nocapture`.

mod common;

use std::sync::Arc;

use gscript::bytecode::Source;
use gsx_engine::exec::exec_captured;
use gsx_engine::{Arg, CellReport, Engine, ExecReport, ExecSpec, Limits, UnitKind, compile_source, run_cell};
use gsx_passes::{Pipeline, Registry};
use rayon::prelude::*;

const UNITS: [UnitKind; 2] = [UnitKind::Method, UnitKind::Trace];

fn pipeline(set: &str) -> Pipeline {
    Pipeline::select(&Registry::default(), set).unwrap_or_else(|e| panic!("{set}: {e}"))
}

/// Each of these sets with 32-byte and with 8-byte values.
fn in_both_layouts(sets: Vec<String>) -> Vec<String> {
    sets.iter().flat_map(|set| [format!("{set},-nan-box"), format!("{set},nan-box")]).collect()
}

/// Runs a benchmark's small call, which fails if anything differs from the interpreter or from the known result.
fn run(name: &str, set: &str, unit: UnitKind) -> CellReport {
    let config = common::config(name);
    let mut spec = common::cell(&config, &config.call, pipeline(set));
    spec.options.unit = unit;
    run_cell(&spec).unwrap_or_else(|e| panic!("{name}: {set}, {unit:?}: {e}"))
}

fn check(sets: &[String]) {
    let names = common::names();
    let of = |name: &String| -> Vec<(String, String)> { sets.iter().map(|s| (name.clone(), s.clone())).collect() };
    let cells: Vec<(String, String)> = names.iter().flat_map(of).collect();
    let steady = ["mandelbrot", "nbody"];
    cells.par_iter().for_each(|(name, set)| {
        for unit in UNITS {
            let report = run(name, set, unit);
            assert!(report.counters.instructions > 0, "{name}: {set}, {unit:?}: nothing was compiled");
            if steady.contains(&name.as_str()) {
                let exits: u64 = report.exits.iter().map(|e| e.count).sum();
                assert_eq!(exits, 0, "{name}: {set}, {unit:?}: {:?}", report.exits);
            }
        }
    });
    println!("{} cells give the interpreter's results", cells.len() * UNITS.len());
}

#[test]
fn none_seed_and_all() {
    check(&in_both_layouts(["none", "seed", "all"].map(str::to_string).to_vec()));
}

#[test]
#[ignore = "takes minutes: see .ci/run"]
fn each_pass_alone_and_all_minus_each() {
    let registry = Registry::default();
    let ids = || registry.passes().iter().map(|p| p.info().id).filter(|id| *id != "nan-box");
    check(&in_both_layouts(ids().map(str::to_string).chain(ids().map(|id| format!("all,-{id}"))).collect()));
}

/// Runs a benchmark's program with a line behind it, as `gsx exec` does.
fn exec(name: &str, line: &str, engine: Engine, set: &str, unit: UnitKind, heap_bytes: u64) -> (String, ExecReport) {
    let path = common::config(name).program_path();
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let source = Arc::new(Source { name: format!("{name}.gs"), text: format!("{text}\n{line}\n") });
    let spec = ExecSpec {
        program: compile_source(source.clone()).unwrap_or_else(|d| panic!("{}", d.render(&source))),
        engine,
        pipeline: pipeline(set),
        unit,
        hot_calls: 30,
        hot_loops: 500,
        limits: Limits { heap_bytes, ..Limits::default() },
        gc_stress: 0,
    };
    let (report, output) = exec_captured(&spec).unwrap_or_else(|e| panic!("{name}: {set}, {unit:?}: {e}"));
    (String::from_utf8_lossy(&output).into_owned(), report)
}

#[test]
fn one_call_of_mandelbrot_runs_compiled() {
    let config = common::config("mandelbrot");
    assert_eq!(config.call.args, [Arg::Int(200)]);
    for set in ["none", "seed", "all"] {
        for unit in UNITS {
            let (output, report) =
                exec("mandelbrot", "print(mandelbrot(200))", Engine::Sim, set, unit, Limits::default().heap_bytes);
            assert_eq!(output, "15899\n", "{set}, {unit:?}");
            let share = report.compiled_share().expect("loops");
            assert!(share >= 0.95, "{set}, {unit:?}: {share}");
        }
    }
}

/// In all, the trees of depth 14 are several times as large as the heap.
#[test]
#[ignore = "takes long without optimisation: see .ci/run"]
fn deep_trees_in_a_small_heap() {
    let cells = [("none", Engine::Interp), ("none", Engine::Sim), ("all,-nan-box", Engine::Sim), ("all", Engine::Sim)];
    let outputs: Vec<String> = cells
        .par_iter()
        .map(|(set, engine)| exec("binary-trees", "print(binaryTrees(14))", *engine, set, UnitKind::Method, 64 << 20).0)
        .collect();
    assert!(outputs.iter().all(|o| *o == outputs[0]), "{outputs:?}");
    println!("binaryTrees(14) in 64 MiB: {}", outputs[0].trim());
}
