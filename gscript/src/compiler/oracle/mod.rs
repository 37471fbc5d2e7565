//! A second opinion on what programs mean: the syntax tree, evaluated directly and slowly, against compiled code.
//!
//! The evaluator shares the parser with the compiler, and nothing else: it looks names up in chains of scopes while the
//! program runs, knows no registers, no captured variables and no lowered loops. Random programs must print the same
//! on both.

mod eval;
mod generate;
mod tests;
