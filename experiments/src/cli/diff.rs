//! `gsx diff`: two pass sets, line by line.

use std::fmt::Write;

use gsx_engine::{CellReport, CompiledFunction, Options};
use gsx_ir::text::{TextOptions, unit_to_string_with};
use serde::Serialize;

use super::Context;
use super::args::DiffArgs;
use super::choice::{choose_functions, select_text};
use super::failure::Failure;
use super::target::Target;
use crate::output::counts::counts_table;
use crate::output::diff::{Line, Pair, align, side_by_side, unified};
use crate::output::json::CellJson;
use crate::output::listing::{Instruction, instructions};
use crate::output::style::{Paint, Style, terminal_width};
use crate::output::text::{list, thousands};

/// Narrower terminals get one column.
const MIN_WIDTH: usize = 100;

/// Prints counts, IR and code of two pass sets. The left one is `--against`, what changes comes right.
pub fn diff(cx: &mut Context<'_>, args: &DiffArgs) -> Result<(), Failure> {
    let target = Target::resolve(&args.target)?;
    let left = target.with_rules(select_text(cx.registry, &args.against)?, &args.passes)?;
    let right = target.pipeline(cx.registry, &args.passes)?;
    let options = Options { count_executions: true, ..Options::default() };
    let (a, b) = (target.run(&left, options)?, target.run(&right, options)?);

    let mut all: Vec<&CompiledFunction> = b.functions.iter().collect();
    all.extend(a.functions.iter().filter(|f| b.functions.iter().all(|g| g.name != f.name)));
    let names: Vec<&str> =
        choose_functions(&all, |f| &f.name, args.function.as_deref())?.iter().map(|f| f.name.as_str()).collect();
    let functions: Vec<Function<'_>> = names.iter().map(|name| Function::new(&target, name, &a, &b)).collect();

    if cx.json {
        let cell = |r| CellJson::new(&target.path, &target.entry, &target.args, target.core, r);
        let functions = functions.iter().map(Function::json).collect();
        return cx.print_json(&DiffJson { cells: [cell(&a), cell(&b)], functions });
    }
    let width = match (args.unified, args.width) {
        (true, _) => None,
        (false, Some(width)) => Some(usize::from(width)),
        (false, None) => terminal_width().filter(|w| *w >= MIN_WIDTH),
    };
    let heads = (format!("passes: {}", list(&a.passes)), format!("passes: {}", list(&b.passes)));
    let text = report(&target, (&a, &b), &functions, (&heads.0, &heads.1), width, cx.style);
    cx.out.write_all(text.as_bytes())?;
    Ok(())
}

fn report(
    target: &Target,
    (a, b): (&CellReport, &CellReport),
    functions: &[Function<'_>],
    heads: (&str, &str),
    width: Option<usize>,
    style: Style,
) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "{} of {}", style.strong(&target.call()), target.path);
    let (left, right) = ("left", "right");
    let _ = writeln!(out, "  {left:<6} {}\n  {right:<6} {}\n", heads.0, heads.1);
    out.push_str(&counts_table(left, a, Some((right, b))).render(style));
    for f in functions {
        for (what, l, r) in [("IR after the last pass", &f.ir.0, &f.ir.1), ("ARM64 code", &f.code.0, &f.code.1)] {
            let _ = writeln!(out, "\n{}", style.strong(&format!("{}: {what}", f.name)));
            let pairs = align(l, r);
            if pairs.iter().all(|p| matches!(p, Pair::Both(..))) {
                let _ = writeln!(out, "{}", style.faint("  the same on both sides"));
                continue;
            }
            match width {
                Some(width) => out.push_str(&side_by_side(&pairs, heads, width, style)),
                None => {
                    let _ = writeln!(out, "{}", style.paint(Paint::Bad, &format!("--- {}", heads.0)));
                    let _ = writeln!(out, "{}", style.paint(Paint::Good, &format!("+++ {}", heads.1)));
                    out.push_str(&unified(&pairs, style));
                }
            }
        }
    }
    out
}

/// One function under both pass sets; no lines where it was not compiled.
struct Function<'a> {
    name: &'a str,
    ir: (Vec<Line>, Vec<Line>),
    code: (Vec<Line>, Vec<Line>),
}

impl<'a> Function<'a> {
    fn new(target: &Target, name: &'a str, a: &CellReport, b: &CellReport) -> Function<'a> {
        let find = |r: &CellReport| r.functions.iter().find(|f| f.name == name).cloned();
        let (a, b) = (find(a), find(b));
        Function {
            name,
            ir: (ir_lines(a.as_ref()), ir_lines(b.as_ref())),
            code: (code_lines(target, a.as_ref()), code_lines(target, b.as_ref())),
        }
    }

    fn json(&self) -> FunctionJson<'_> {
        FunctionJson {
            name: self.name,
            ir: pairs_json(&self.ir.0, &self.ir.1),
            code: pairs_json(&self.code.0, &self.code.1),
        }
    }
}

/// The graph as the last pass left it.
fn ir_lines(f: Option<&CompiledFunction>) -> Vec<Line> {
    let options = TextOptions { source: true, ..TextOptions::BARE };
    let text = f.and_then(|f| f.stages.last()).map(|(_, unit)| unit_to_string_with(unit, options));
    text.unwrap_or_default().lines().map(Line::plain).collect()
}

/// The code, with counts; compared without them.
fn code_lines(target: &Target, f: Option<&CompiledFunction>) -> Vec<Line> {
    let Some(f) = f else { return Vec::new() };
    let mut lines = Vec::new();
    let mut shown = None;
    for i in instructions(&target.program, f) {
        if i.line.is_some() && i.line != shown {
            let source = i.line.and_then(|l| target.program.source.line(l)).unwrap_or("");
            lines.push(Line::plain(format!("; {}  {}", i.line.unwrap_or(0), source.trim())));
            shown = i.line;
        }
        lines.push(code_line(&i));
    }
    lines
}

fn code_line(i: &Instruction) -> Line {
    let count = i.count.map(thousands).unwrap_or_default();
    let label = i.label.as_ref().map(|l| format!("{l}:")).unwrap_or_default();
    Line { text: format!("{count:>11} {label:>5} {}", i.text), key: i.key.clone() }
}

/// `gsx diff --json`
#[derive(Serialize)]
struct DiffJson<'a> {
    /// Left, right.
    cells: [CellJson<'a>; 2],
    functions: Vec<FunctionJson<'a>>,
}

#[derive(Serialize)]
struct FunctionJson<'a> {
    name: &'a str,
    ir: Vec<PairJson<'a>>,
    code: Vec<PairJson<'a>>,
}

/// A line of the comparison; the side that lacks it is null.
#[derive(Serialize)]
struct PairJson<'a> {
    left: Option<&'a str>,
    right: Option<&'a str>,
}

fn pairs_json<'a>(left: &'a [Line], right: &'a [Line]) -> Vec<PairJson<'a>> {
    align(left, right)
        .into_iter()
        .map(|p| match p {
            Pair::Both(a, b) => PairJson { left: Some(&a.text), right: Some(&b.text) },
            Pair::Left(a) => PairJson { left: Some(&a.text), right: None },
            Pair::Right(b) => PairJson { left: None, right: Some(&b.text) },
        })
        .collect()
}
