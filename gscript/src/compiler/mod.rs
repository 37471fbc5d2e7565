//! Syntax tree to bytecode.
//!
//! `resolve` finds out what every name means; then each function becomes a [`Proto`], one after the other from the
//! outside inwards. Locals live in registers in the order of their declaration; intermediate values are kept in the
//! registers above them, as on a stack.
//!
//! What the generated code promises beyond [`Op`](crate::bytecode::Op):
//!
//! - operands are evaluated from left to right, and a variable is read when its turn comes: a local is copied to an
//!   intermediate register where a closure could change it before the operation;
//! - in assignments the right side is evaluated before the left side's tables and keys;
//! - one variable per C-style loop, shared by the closures made in its body; the variables of a range loop and the
//!   locals of any body are fresh in each iteration;
//! - `&&`, `||` and conditions jump as soon as they are decided.

mod assign;
mod call;
mod cond;
mod expr;
mod func;
mod loops;
#[cfg(test)]
mod oracle;
mod resolve;
mod stmt;
mod table;

use std::sync::Arc;

use crate::bytecode::{Program, Proto, Source};
use crate::diagnostic::{Checked, Diagnostic, LineMap};
use crate::syntax::ast::{Ast, FuncId};
use crate::syntax::parse;
use func::FuncState;
use resolve::Resolution;

/// Compiles a source text.
///
/// # Errors
/// The first syntax error, or a limit that the program exceeds (nesting depth, registers of a function, upvalues).
pub fn compile(source: Arc<Source>) -> Result<Program, Diagnostic> {
    // Positions are wanted for errors in the text, too, however long it is.
    let lines = LineMap::new(&source.text);
    let (protos, globals) = compile_text(&source.text, &lines).map_err(|p| p.locate(&source, &lines))?;
    Ok(Program { source, protos, globals })
}

fn compile_text(text: &str, lines: &LineMap) -> Checked<(Vec<Proto>, Vec<String>)> {
    let ast = parse(text)?;
    let res = resolve::resolve(&ast)?;
    let mut compiler =
        Compiler { ast: &ast, res: &res, lines, var_reg: vec![0; res.vars.len()], f: FuncState::default() };
    let mut protos = Vec::with_capacity(ast.funcs.len());
    for id in 0..ast.funcs.len() as u32 {
        // An enclosing function comes first, so the registers that a closure captures are known.
        protos.push(compiler.function(FuncId(id))?);
    }
    let globals = res.globals.iter().map(|&sym| ast.strings.text(sym).into_owned()).collect();
    Ok((protos, globals))
}

/// Compiles the functions of one source.
struct Compiler<'a> {
    ast: &'a Ast,
    res: &'a Resolution,
    lines: &'a LineMap,
    /// Register of each variable, once it is declared.
    var_reg: Vec<u8>,
    /// The function that is being compiled.
    f: FuncState,
}
