//! `gsx exec`: runs a program to completion.

use std::fmt::Write as _;
use std::io::{self, Write};

use gsx_engine::{Engine, ExecReport, ExecSpec};
use gsx_passes::{Pipeline, Registry};
use serde::Serialize;

use super::args::{EngineArg, ExecArgs};
use super::choice::select;
use super::failure::Failure;
use super::files::read_program;
use super::target::limits;
use crate::output::json::{ExitJson, SkippedJson};
use crate::output::style::Style;
use crate::output::text::{list, plural, thousands};

/// Runs the program; what it prints goes to standard output, statistics to standard error.
pub fn exec(registry: &Registry, args: &ExecArgs, json: bool) -> Result<(), Failure> {
    let pipeline = match args.engine {
        // All names are checked, but only the layout of values has an effect.
        EngineArg::Interp => {
            let chosen = select(registry, &args.passes, "none")?;
            Pipeline::of(chosen.passes().iter().copied().filter(|p| p.layout().is_some()).collect())
        }
        EngineArg::Sim => select(registry, &args.passes, "all")?,
    };
    let program = read_program(&args.file)?;
    let spec = ExecSpec {
        program,
        engine: match args.engine {
            EngineArg::Interp => Engine::Interp,
            EngineArg::Sim => Engine::Sim,
        },
        pipeline,
        hot_calls: args.hot_calls,
        hot_loops: args.units.hot_loops().unwrap_or(u32::MAX),
        unit: args.units.kind(),
        limits: limits(&args.limits),
        gc_stress: args.limits.gc_stress,
    };
    end_with_the_reader();
    let result = gsx_engine::exec(&spec).map_err(|e| Failure::cell(&e, None));
    io::stdout().flush()?;
    let report = result?;
    if json {
        let text = serde_json::to_string_pretty(&StatsJson::new(&spec, &report)).map_err(io::Error::from)?;
        writeln!(io::stderr(), "{text}")?;
    } else if args.stats {
        write!(io::stderr(), "{}", stats(&spec, &report, Style::stderr()))?;
    }
    Ok(())
}

/// Lets the operating system end gsx when nobody reads its output any more, as it does with other programs: the program
/// that runs may print for ever. (Rust's start-up code turns that off.)
fn end_with_the_reader() {
    #[cfg(unix)]
    // SAFETY: SIGPIPE gets back the action it has in every program by default; no handler of ours is involved.
    unsafe {
        libc::signal(libc::SIGPIPE, libc::SIG_DFL);
    }
}

/// Statistics for people.
fn stats(spec: &ExecSpec, report: &ExecReport, style: Style) -> String {
    let mut out = format!("{}\n", style.strong("Compiled code"));
    if spec.engine == Engine::Interp {
        out.push_str("  none: everything was interpreted (--engine sim compiles hot functions)\n");
        push_memory(&mut out, report, style);
        return out;
    }
    let _ = writeln!(out, "  passes        {}", list(&spec.pipeline.ids()));
    let _ = writeln!(out, "  functions     {}", list(&report.compiled));
    let loops = report.loops;
    let functions = report.compiled.len() - loops;
    let of = (plural(functions as u64, "function"), plural(loops as u64, "loop"));
    let _ = writeln!(out, "  compilations  {}, {}", of.0, of.1);
    if let Some(share) = report.compiled_share() {
        let all = report.loop_iterations + report.interpreter.back_edges;
        let (here, all) = (thousands(report.loop_iterations), thousands(all));
        let _ = writeln!(out, "  loops         {here} of {all} iterations ({:.2} %)", 100.0 * share);
    }
    let c = &report.counters;
    for (name, n) in [
        ("instructions", c.instructions),
        ("loads", c.loads),
        ("bytes loaded", c.bytes_loaded),
        ("stores", c.stores),
        ("bytes stored", c.bytes_stored),
        ("branches", c.branches),
        ("host calls", c.host_calls),
    ] {
        let _ = writeln!(out, "  {name:<12}  {}", thousands(n));
    }
    let _ = writeln!(out, "  side exits    {}", thousands(report.exits.iter().map(|e| e.count).sum()));
    for e in &report.exits {
        let _ = writeln!(out, "    {}:{} {}, {}", e.function, e.line, e.reason, plural(e.count, "time"));
    }
    for name in &report.dropped {
        let _ = writeln!(out, "  {name} was given up: its guards failed too often");
    }
    for s in &report.skipped {
        let _ = writeln!(out, "  {} stays interpreted: {}", s.name, s.reason);
    }
    push_memory(&mut out, report, style);
    out
}

/// What the heap held.
fn push_memory(out: &mut String, report: &ExecReport, style: Style) {
    let _ = writeln!(out, "{}", style.strong("Memory"));
    let s = &report.interpreter;
    for (name, n) in [
        ("heap bytes", s.heap_bytes),
        ("at most", s.heap_peak),
        ("collections", s.collections),
        ("live bytes", s.heap_live),
    ] {
        let _ = writeln!(out, "  {name:<12}  {}", thousands(n));
    }
}

/// Statistics for programs.
#[derive(Serialize)]
struct StatsJson<'a> {
    program: &'a str,
    passes: Vec<&'static str>,
    executor: &'static str,
    instructions: u64,
    loads: u64,
    stores: u64,
    bytes_loaded: u64,
    bytes_stored: u64,
    branches: u64,
    branches_taken: u64,
    loop_iterations: u64,
    loop_iterations_interpreted: u64,
    compiled_loops: usize,
    exits: u64,
    exit_places: Vec<ExitJson<'a>>,
    host_calls: u64,
    heap_bytes: u64,
    heap_peak: u64,
    heap_live: u64,
    collections: u64,
    compiled: &'a [String],
    dropped: &'a [String],
    skipped: Vec<SkippedJson<'a>>,
}

impl<'a> StatsJson<'a> {
    fn new(spec: &'a ExecSpec, report: &'a ExecReport) -> StatsJson<'a> {
        let c = &report.counters;
        StatsJson {
            program: &spec.program.source.name,
            passes: spec.pipeline.ids(),
            executor: match spec.engine {
                Engine::Interp => "interp",
                Engine::Sim => "sim",
            },
            instructions: c.instructions,
            loads: c.loads,
            stores: c.stores,
            bytes_loaded: c.bytes_loaded,
            bytes_stored: c.bytes_stored,
            branches: c.branches,
            branches_taken: c.branches_taken,
            loop_iterations: report.loop_iterations,
            loop_iterations_interpreted: report.interpreter.back_edges,
            compiled_loops: report.loops,
            exits: report.exits.iter().map(|e| e.count).sum(),
            exit_places: report.exits.iter().map(ExitJson::new).collect(),
            host_calls: c.host_calls,
            heap_bytes: report.interpreter.heap_bytes,
            heap_peak: report.interpreter.heap_peak,
            heap_live: report.interpreter.heap_live,
            collections: report.interpreter.collections,
            compiled: &report.compiled,
            dropped: &report.dropped,
            skipped: report.skipped.iter().map(SkippedJson::new).collect(),
        }
    }
}
