//! `gsx asm`: the machine code, with everything that is known about it.

use std::fmt::Write;

use gscript::bytecode::Program;
use gsx_engine::{CompiledFunction, Options};
use serde::Serialize;

use super::Context;
use super::args::AsmArgs;
use super::choice::choose_functions;
use super::failure::Failure;
use super::target::Target;
use crate::output::listing::{Instruction, instructions};
use crate::output::style::{Paint, Style};
use crate::output::text::{plural, thousands};

/// Prints the code of all compiled functions or of one.
pub fn asm(cx: &mut Context<'_>, args: &AsmArgs) -> Result<(), Failure> {
    let target = Target::resolve(&args.target)?;
    let pipeline = target.pipeline(cx.registry, &args.passes)?;
    let report = target.run(&pipeline, Options { count_executions: true, ..Options::default() })?;
    let all: Vec<&CompiledFunction> = report.functions.iter().collect();
    let chosen = choose_functions(&all, |f| &f.name, args.function.as_deref())?;
    let keep = |i: &Instruction| !args.executed || i.count.is_some_and(|n| n > 0);
    let listings: Vec<(&CompiledFunction, Vec<Instruction>)> =
        chosen.into_iter().map(|f| (f, instructions(&target.program, f).into_iter().filter(keep).collect())).collect();
    if cx.json {
        let functions = listings
            .iter()
            .map(|(f, list)| CodeJson { name: &f.name, address: f.address, instructions: list })
            .collect();
        return cx.print_json(&AsmJson { program: &target.path, call: target.call(), functions });
    }
    for (i, (f, list)) in listings.iter().enumerate() {
        let gap = if i > 0 { "\n" } else { "" };
        write!(cx.out, "{gap}{}", listing(&target, f, list, cx.style))?;
    }
    for s in &report.skipped {
        writeln!(cx.out, "\n{} stays interpreted: {}", s.name, s.reason)?;
    }
    Ok(())
}

/// One function: heading, then source lines with their instructions.
fn listing(target: &Target, f: &CompiledFunction, list: &[Instruction], style: Style) -> String {
    let mut out = String::new();
    let size = plural(f.code.words.len() as u64, "instruction");
    let heading = format!("{}: {size}, {} bytes of native frame, at {:#x}", f.name, f.code.frame_bytes, f.address);
    let _ = writeln!(out, "{}", style.strong(&heading));
    let columns = format!("{:>12}  {:>6}  {:<8}    {:<38} node", "executed", "offset", "word", "instruction");
    let _ = writeln!(out, "{}", style.faint(&columns));
    let mut shown = Place::default();
    for i in list {
        let place = Place { part: i.part, function: i.function.clone(), line: i.line };
        if place != shown && (place.line.is_some() || place.part != shown.part) {
            let _ = writeln!(out, "{}", style.paint(Paint::Note, &place.heading(&target.program)));
            shown = place;
        }
        if let Some(label) = &i.label {
            let _ = writeln!(out, "{:>30}{label}:", "");
        }
        let count = i.count.map(thousands).unwrap_or_default();
        let node = i.node.as_deref().unwrap_or("");
        let line = format!("{count:>12}  {:>+6x}  {}    {:<38} {node}", i.offset, i.word, i.text);
        let line = line.trim_end();
        let cold = i.count == Some(0);
        let _ = writeln!(out, "{}", if cold { style.faint(line) } else { line.to_string() });
    }
    out
}

/// What the instructions between two headings share.
#[derive(Clone, PartialEq, Default)]
struct Place {
    part: &'static str,
    function: Option<String>,
    line: Option<u32>,
}

impl Place {
    /// A heading: `; exit  fib:2      if n < 2 { return n }`.
    fn heading(&self, program: &Program) -> String {
        let name = self.function.as_deref().unwrap_or("");
        let part = if self.part == "body" { String::new() } else { format!(" ({})", self.part) };
        match self.line {
            Some(line) => {
                let text = program.source.line(line).unwrap_or("");
                format!("; {name}:{line}{part}  {}", text.trim())
            }
            None => format!("; {}", self.part),
        }
    }
}

/// `gsx asm --json`
#[derive(Serialize)]
struct AsmJson<'a> {
    program: &'a str,
    /// The measured call.
    call: String,
    functions: Vec<CodeJson<'a>>,
}

#[derive(Serialize)]
struct CodeJson<'a> {
    name: &'a str,
    address: u64,
    instructions: &'a [Instruction],
}
