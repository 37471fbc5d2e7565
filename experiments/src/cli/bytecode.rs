//! `gsx bytecode`: what the compiler's front end makes of a program.

use gscript::disasm::proto_to_string;

use super::Context;
use super::args::BytecodeArgs;
use super::choice::choose_functions;
use super::failure::Failure;
use super::target::read_any_program;
use crate::output::json::{TextJson, TextsJson};

/// Prints the bytecode of all functions or of one.
pub fn bytecode(cx: &mut Context<'_>, args: &BytecodeArgs) -> Result<(), Failure> {
    let program = read_any_program(&args.file)?;
    let protos: Vec<_> = program.protos.iter().collect();
    let chosen = choose_functions(&protos, |p| &p.name, args.function.as_deref())?;
    let texts: Vec<TextJson<'_>> = chosen
        .iter()
        .map(|p| TextJson { function: &p.name, stage: None, form: "bytecode", text: proto_to_string(&program, p.id) })
        .collect();
    if cx.json {
        return cx.print_json(&TextsJson { program: &program.source.name, functions: texts });
    }
    for (i, t) in texts.iter().enumerate() {
        let gap = if i > 0 { "\n" } else { "" };
        write!(cx.out, "{gap}{}", t.text)?;
    }
    Ok(())
}
