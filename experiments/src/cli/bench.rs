//! `gsx bench`: how fast gsx itself is.

use std::sync::Arc;

use gscript::bytecode::Source;
use gsx_engine::{Arg, CellSpec, Limits, Options, Warmup, compile_source, run_cell};
use gsx_passes::Pipeline;
use serde::Serialize;

use super::Context;
use super::args::{BenchArgs, BenchWhat};
use super::choice::select;
use super::failure::Failure;
use crate::output::text::{duration, list, thousands};

/// The program that is simulated: the seed post's headline.
const FIB: &str = include_str!("../../../benchmarks/fib.gs");

/// Measures what the command names.
pub fn bench(cx: &mut Context<'_>, args: &BenchArgs) -> Result<(), Failure> {
    match &args.what {
        BenchWhat::Sim { n, runs, passes } => {
            let pipeline = select(cx.registry, passes, "none")?;
            let bench = sim(*n, *runs, &pipeline)?;
            if cx.json {
                return cx.print_json(&bench);
            }
            show(cx, &bench)
        }
    }
}

/// Speed of the simulated core.
#[derive(Serialize)]
struct SimBench {
    program: &'static str,
    entry: &'static str,
    args: [u32; 1],
    passes: Vec<&'static str>,
    /// Instructions of one run.
    instructions: u64,
    /// Host time of each run, ascending.
    run_ns: Vec<u64>,
    /// Median, in million instructions per second.
    mips: f64,
    /// Slowest and fastest run.
    mips_range: [f64; 2],
}

/// Runs compiled fib(n) `runs` times.
fn sim(n: u32, runs: u32, pipeline: &Pipeline) -> Result<SimBench, Failure> {
    let source = Arc::new(Source { name: "fib.gs".into(), text: FIB.into() });
    let program = compile_source(source.clone()).map_err(|d| Failure::at(&d, &source))?;
    let spec = CellSpec {
        program,
        entry: "fib".into(),
        args: vec![Arg::Int(n.into())],
        warmup: Warmup { args: vec![Arg::Int(10)], calls: 15 },
        expected: None,
        pipeline: pipeline.clone(),
        limits: Limits::default(),
        options: Options::default(),
    };
    let mut instructions = 0;
    let mut run_ns = Vec::new();
    for _ in 0..runs {
        let (count, ns) = measure(&spec)?;
        instructions = count;
        run_ns.push(ns.max(1));
    }
    run_ns.sort_unstable();
    let mips = |ns: u64| instructions as f64 * 1e3 / ns as f64;
    Ok(SimBench {
        program: "fib.gs",
        entry: "fib",
        args: [n],
        passes: pipeline.ids(),
        instructions,
        mips: mips(run_ns[run_ns.len() / 2]),
        mips_range: [mips(run_ns[run_ns.len() - 1]), mips(run_ns[0])],
        run_ns,
    })
}

/// Instructions of the measured call and the host time that it took. A compiled call has warmed the simulator before.
fn measure(spec: &CellSpec) -> Result<(u64, u64), Failure> {
    let report = run_cell(spec).map_err(|e| Failure::cell(&e, None))?;
    Ok((report.counters.instructions, report.host_nanoseconds))
}

fn show(cx: &mut Context<'_>, b: &SimBench) -> Result<(), Failure> {
    let heading = cx.style.strong("Simulated core, functional");
    writeln!(cx.out, "{heading}")?;
    writeln!(cx.out, "  program       fib({}) of the seed post, passes {}", b.args[0], list(&b.passes))?;
    writeln!(cx.out, "  instructions  {} per run", thousands(b.instructions))?;
    let median = duration(b.run_ns[b.run_ns.len() / 2]);
    writeln!(cx.out, "  time          {median}, median of {} runs", b.run_ns.len())?;
    let speed = cx.style.strong(&format!("{:.0} million instructions per second", b.mips));
    let [low, high] = b.mips_range;
    writeln!(cx.out, "  speed         {speed} ({low:.0} to {high:.0})")?;
    Ok(())
}
