//! Lexer, syntax tree, parser.
//!
//! The tree lives in one arena per source ([`ast::Ast`]) and its nodes name each other by index, so that neither a chain
//! of a million operators nor a hundred thousand `else if` costs stack depth, on the way in or on the way out.
//!
//! The grammar is upstream's (Go's look, newlines are plain white space, statements need no separator), plus
//!
//! - `var x`, `var x = e`, `var a, b = 1, 2`: the same as `:=`;
//! - `else if` beside `elseif`;
//! - `func f(a, rest...)`: `rest` is a table of the extra arguments (`...` is available too);
//! - `{"key": value}`; keywords as field names (`t.range`, `{in: 1}`, `obj:go()`);
//! - hexadecimal integers `0x10` (up to 64 bits, two's complement);
//! - the escapes `\0` and `\xHH`.
//!
//! and less an octal reading of `010`, which is an error, and escapes that mean nothing.
//!
//! A `<-` that starts a line behind a complete call or receive begins a receive statement; behind anything else it
//! sends. One that would begin a statement in the middle of a line (`x := a<-1`) is an error.

pub mod ast;
mod expr;
mod hints;
mod intern;
mod lexer;
mod parser;
mod stmt;
mod token;

#[cfg(test)]
mod lexer_tests;
#[cfg(test)]
mod parser_tests;

pub(crate) use parser::parse;

/// How deep parentheses, blocks, functions, tables, prefix operators and `**` may nest.
pub const MAX_NESTING: u32 = 200;
