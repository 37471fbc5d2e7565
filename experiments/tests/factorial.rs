//! Every subset of every pass on the programs of configs/: compiled, verified, executed, and compared with the interpreter.
//!
//! It takes minutes in release mode and much longer without, so it runs only where it is asked for:
//! `cargo test --release -p gsx-experiments --test factorial -- --ignored --nocapture`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use gscript::bytecode::Source;
use gsx_engine::{CellSpec, Limits, Options, compile_source, factorial};
use gsx_experiments::config;
use gsx_passes::{Pipeline, Registry};

/// The cell of a configuration, with every pass.
fn cell(path: &Path) -> CellSpec {
    let read = |path: &Path| {
        let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        Arc::new(Source { name: path.display().to_string(), text })
    };
    let source = read(path);
    let config = config::parse((*source).clone()).unwrap_or_else(|d| panic!("{}", d.render(&source)));
    let source = read(&config.program_path());
    CellSpec {
        program: compile_source(source.clone()).unwrap_or_else(|d| panic!("{}", d.render(&source))),
        entry: config.entry.value.clone(),
        args: config.args.clone(),
        warmup: config.warmup.clone(),
        expected: config.expected.clone(),
        pipeline: Pipeline::of(Registry::default().passes().to_vec()),
        limits: Limits::default(),
        options: Options::default(),
    }
}

fn check(name: &str) {
    let spec = cell(&[env!("CARGO_MANIFEST_DIR"), "../configs", name].iter().collect::<PathBuf>());
    let all = factorial(&spec).unwrap_or_else(|e| panic!("{name}: {e}"));
    let instructions = || all.runs.iter().map(|run| run.counters.instructions);
    println!(
        "{name}: {} subsets of {} passes are right; {} executions of different code, {} to {} instructions; \
         {:.1} s for graphs and code, {:.1} s for execution",
        all.run_of.len(),
        all.passes.len(),
        all.runs.len(),
        instructions().min().unwrap_or(0),
        instructions().max().unwrap_or(0),
        all.compile_time.as_secs_f64(),
        all.run_time.as_secs_f64(),
    );
    if let Some(best) = all.runs.iter().min_by_key(|run| run.counters.instructions) {
        let on = spec.pipeline.ids().into_iter().enumerate().filter(|(i, _)| best.set >> i & 1 == 1);
        println!("    fewest instructions with {}", on.map(|(_, id)| id).collect::<Vec<_>>().join(","));
    }
    for f in &all.functions {
        println!(
            "    {}: {} different code objects from {} graphs, after {} runs of passes",
            f.name, f.codes, f.graphs, f.pass_runs
        );
    }
}

#[test]
#[ignore = "takes minutes: see .ci/run"]
fn all_subsets_of_all_passes_are_right() {
    for name in ["fib.toml", "ackermann.toml", "call-many.toml"] {
        check(name);
    }
}
