//! Every subset of every pass on the programs of configs/: compiled, verified, executed, and compared with the interpreter.
//!
//! It takes minutes in release mode and much longer without, so it runs only where it is asked for:
//! `cargo test --release -p gsx-experiments --test factorial -- --ignored --nocapture`.

mod common;

use gsx_engine::factorial;
use gsx_passes::{Pipeline, Registry};

fn check(name: &str) {
    let config = common::config(name);
    let spec = common::cell(&config, &config.call, Pipeline::of(Registry::default().passes().to_vec()));
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
    for name in ["fib", "ackermann", "call-many"] {
        check(name);
    }
}
