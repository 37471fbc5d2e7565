//! One program, one pass set: profile → compile → run → check → measure.
//!
//! [`run_cell`] takes one cell through its life; [`exec()`] runs a program to completion with its hot functions compiled.

pub mod bisect;
pub mod cell;
pub mod error;
pub mod exec;
pub mod factorial;
pub mod fuzzing;
pub mod report;

mod compile;
mod evaluate;
mod host;
mod jit;
pub mod settle;
mod unwind;

pub use bisect::{Bisection, Culprit, bisect};
pub use cell::{Arg, CellSpec, Limits, Options, Warmup, run_cell};
pub use compile::{UnitKind, compile_source};
pub use error::CellError;
pub use exec::{Engine, ExecSpec, exec};
pub use factorial::{Factorial, FactorialError, factorial};
pub use report::{CellReport, CompiledFunction, ExecReport, ExitCount, HeapFigures, SkippedFunction, StageTime};
