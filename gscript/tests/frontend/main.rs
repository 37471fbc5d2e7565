//! The front end as its users see it: source text in, bytecode or a diagnostic out.

mod check;
mod diagnostics;
mod kernels;
mod loops;
mod meaning;
mod random;
mod robust;
mod shapes;

use std::sync::Arc;

use gscript::bytecode::{Program, ProtoId, Source};
use gscript::diagnostic::Diagnostic;

/// Compiles a text named `test.gs` and checks what any bytecode must satisfy.
fn compile(text: &str) -> Result<Program, Diagnostic> {
    let source = Arc::new(Source { name: "test.gs".into(), text: text.into() });
    let program = gscript::compiler::compile(source)?;
    check::program(&program);
    Ok(program)
}

/// Compiles a text that must be right.
#[track_caller]
fn program(text: &str) -> Program {
    match compile(text) {
        Ok(program) => program,
        Err(error) => {
            let source = Source { name: "test.gs".into(), text: text.into() };
            panic!("{}", error.render(&source))
        }
    }
}

/// The error of a text that must be wrong.
#[track_caller]
fn error(text: &str) -> Diagnostic {
    match compile(text) {
        Ok(_) => panic!("compiles: {text}"),
        Err(error) => error,
    }
}

/// The prototype with this name.
#[track_caller]
fn proto_named(program: &Program, name: &str) -> ProtoId {
    match program.protos.iter().find(|proto| proto.name == name) {
        Some(proto) => proto.id,
        None => panic!("no function {name}"),
    }
}

/// Operations and operands of a function's code, one instruction per line, without positions and notes.
fn code_of(program: &Program, id: ProtoId) -> String {
    let listing = gscript::disasm::proto_to_string(program, id);
    let lines = listing.lines().skip(1).map(|line| {
        let words = line.split(';').next().unwrap_or("").split_whitespace().skip(1);
        words.collect::<Vec<_>>().join(" ")
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The code of `f` in `func f(…) {…}`.
#[track_caller]
fn code(text: &str) -> String {
    let program = program(text);
    code_of(&program, proto_named(&program, "f"))
}

/// Compares listings line by line, ignoring indentation.
#[track_caller]
fn same(code: &str, expected: &str) {
    let expected: Vec<_> = expected.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let found: Vec<_> = code.lines().collect();
    assert_eq!(found, expected, "\nfound:\n{code}\n");
}
