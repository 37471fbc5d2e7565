//! `gsx run`: one program under chosen passes, beside the same without passes.

use std::fmt::Write;

use gsx_engine::{CellReport, Options};
use gsx_passes::Pipeline;

use super::Context;
use super::args::RunArgs;
use super::failure::Failure;
use super::target::{Target, call_text};
use crate::output::counts::counts_table;
use crate::output::json::{CellJson, RunJson};
use crate::output::passes::{pass_report, unfold};
use crate::output::references::references;
use crate::output::style::{Paint, Style};
use crate::output::text::{duration, list, plural, thousands};

/// Runs the baseline and the chosen passes, and shows both.
pub fn run(cx: &mut Context<'_>, args: &RunArgs) -> Result<(), Failure> {
    let target = Target::resolve(&args.target)?;
    let pipeline = target.pipeline(cx.registry, &args.passes)?;
    let options = Options { verify_each: args.verify_each, ..Options::default() };
    let baseline = target.run(&Pipeline::none(), options)?;
    let chosen = match pipeline.passes() {
        [] => None,
        _ => Some(target.run(&pipeline, options)?),
    };
    if cx.json {
        let cell = |r| CellJson::new(&target.path, &target.entry, &target.args, target.core, r);
        let cells = std::iter::once(&baseline).chain(&chosen).map(cell).collect();
        return cx.print_json(&RunJson { cells });
    }
    let text = report(&target, &pipeline, &baseline, chosen.as_ref(), args.verify_each, cx.style);
    cx.out.write_all(text.as_bytes())?;
    Ok(())
}

/// Everything, top to bottom.
fn report(
    target: &Target,
    pipeline: &Pipeline,
    baseline: &CellReport,
    chosen: Option<&CellReport>,
    verified_each: bool,
    style: Style,
) -> String {
    let shown = chosen.unwrap_or(baseline);
    let mut out = head(target, shown, verified_each, style);

    let heading = format!("Executed per call of {}, in steady state", target.call());
    let _ = writeln!(out, "\n{}", style.strong(&heading));
    out.push_str(&counts_table("no pass", baseline, chosen.map(|c| ("with passes", c))).render(style));
    out.push_str(&exits(shown, style));

    if chosen.is_some() {
        let _ = writeln!(out, "\n{}", style.strong("What the passes did"));
        out.push_str(&pass_report(pipeline, shown, style));
    }
    let _ = writeln!(out, "\n{}", style.strong("Compiled"));
    out.push_str(&compiled(shown));
    if shown.functions.is_empty() {
        return out;
    }
    out.push_str(&references(&target.references, shown, style));
    out
}

/// What ran, and whether it was right.
fn head(target: &Target, report: &CellReport, verified_each: bool, style: Style) -> String {
    let mut out = String::new();
    let mut line = |name: &str, text: &str| {
        let _ = writeln!(out, "  {name:<10}{text}");
    };
    line("program", &target.path);
    line("call", &target.call());
    let warmup = match target.warmup.calls {
        0 => "none: no type feedback".to_string(),
        n => format!("{} × {}, interpreted", thousands(n.into()), call_text(&target.entry, &target.warmup.args)),
    };
    line("warm-up", &warmup);
    line("passes", &list(&report.passes));
    line("core", "sim, functional: executes ARM64 code exactly and counts; it models no time");
    line("values", &format!("{}, registers allocated by {}", report.layout, report.allocator));
    line("result", &report.result.join(", "));
    if !report.output.is_empty() {
        line("printed", &unfold(&String::from_utf8_lossy(&report.output)));
    }
    let each = if verified_each { "; verifier and evaluator agreed after every pass" } else { "" };
    let yes = style.paint(Paint::Good, "yes");
    line("verified", &format!("{yes} (equal to the interpreter{each})"));
    out
}

/// Where compiled code was left, if it was.
fn exits(report: &CellReport, style: Style) -> String {
    let mut out = String::new();
    if !report.exits.is_empty() {
        let _ = writeln!(out, "\n{}", style.strong("Side exits: compiled code met what it did not expect"));
    }
    for e in &report.exits {
        let line = if e.line > 0 { format!(":{}", e.line) } else { String::new() };
        let _ = writeln!(out, "  {:>12}  {}{line}  {}", thousands(e.count), e.function, e.reason);
    }
    if !report.host_calls.is_empty() {
        let _ = writeln!(out, "\n{}", style.strong("Host calls: compiled code asked the runtime"));
    }
    for (kind, count) in &report.host_calls {
        let meaning = meaning(kind);
        let _ = writeln!(out, "  {:>12}  {kind}{meaning}", thousands(*count));
    }
    out
}

/// What a kind of host call does, where it is known here.
fn meaning(kind: &str) -> &'static str {
    match kind {
        "call" => ": runs a function that has no code",
        "step" => ": executes one bytecode instruction",
        "compare" => ": compares two values of any type",
        "box" => ": puts an integer of more than 48 bits into a box",
        _ => "",
    }
}

/// Functions, and the time that it took.
fn compiled(report: &CellReport) -> String {
    let mut out = String::new();
    for f in &report.functions {
        let bytes = plural(f.code.words.len() as u64 * 4, "byte");
        let _ = writeln!(out, "  {}: {bytes}", f.name);
    }
    for name in &report.dropped {
        let _ = writeln!(out, "  {name}: given up, since its guards failed too often, and compiled anew");
    }
    for s in &report.skipped {
        let _ = writeln!(out, "  {}: stays interpreted: {}", s.name, s.reason);
    }
    if report.functions.is_empty() {
        let why = match report.skipped[..] {
            [] => "nothing: no function ran in the warm-up, and without feedback none is compiled",
            _ => "nothing: every function stays interpreted",
        };
        let _ = writeln!(out, "  {why}");
        return out;
    }
    let total: u64 = report.compile_times.iter().map(|t| t.nanoseconds).sum();
    let stages: Vec<String> =
        report.compile_times.iter().map(|t| format!("{} {}", t.stage, duration(t.nanoseconds))).collect();
    let _ = writeln!(out, "  compile time on this computer: {} ({})", duration(total), list(&stages));
    out
}
