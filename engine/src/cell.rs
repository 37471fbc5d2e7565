//! The life of one cell.

use std::sync::Arc;

use gscript::bytecode::Program;
use gsx_passes::Pipeline;

use crate::error::CellError;
use crate::report::CellReport;

/// An argument for an entry function.
#[derive(Clone, PartialEq, Debug)]
pub enum Arg {
    /// nil
    Nil,
    /// Boolean.
    Bool(bool),
    /// Integer.
    Int(i64),
    /// Float.
    Float(f64),
    /// String.
    Str(String),
}

impl std::fmt::Display for Arg {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Arg::Nil => f.write_str("nil"),
            Arg::Bool(b) => write!(f, "{b}"),
            Arg::Int(n) => write!(f, "{n}"),
            Arg::Float(x) => write!(f, "{x:?}"),
            Arg::Str(s) => write!(f, "{s:?}"),
        }
    }
}

/// Interpreted calls of the entry before it is compiled: they collect type feedback.
#[derive(Clone, PartialEq, Debug)]
pub struct Warmup {
    /// Arguments.
    pub args: Vec<Arg>,
    /// How many calls.
    pub calls: u32,
}

/// Limits that turn an endless run into an error.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Bytes of heap.
    pub heap_bytes: u64,
    /// Calls and backward jumps that the interpreter may execute.
    pub steps: u64,
    /// Instructions that compiled code may execute per call of the entry.
    pub instructions: u64,
}

impl Default for Limits {
    /// 1 GiB of heap, 10^10 steps, 10^11 instructions: minutes of work.
    fn default() -> Self {
        Limits { heap_bytes: 1 << 30, steps: 10_000_000_000, instructions: 100_000_000_000 }
    }
}

/// What to do beside measuring.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Options {
    /// Run the verifier after every pass, and compare the IR evaluator with the interpreter on the entry.
    pub verify_each: bool,
    /// Keep the graph of every stage in the report.
    pub keep_stages: bool,
    /// Count the executions of every instruction.
    pub count_executions: bool,
}

/// One cell: program, entry and arguments, pass set.
#[derive(Clone, Debug)]
pub struct CellSpec {
    /// The program. Its main chunk is run once, interpreted, before anything else.
    pub program: Arc<Program>,
    /// Global function to measure.
    pub entry: String,
    /// Its arguments.
    pub args: Vec<Arg>,
    /// What to run first.
    pub warmup: Warmup,
    /// The result that the program is known to give, as `print` shows it.
    pub expected: Option<String>,
    /// Passes.
    pub pipeline: Pipeline,
    /// Limits.
    pub limits: Limits,
    /// Options.
    pub options: Options,
}

/// Takes a cell through profile, compilation, execution, check and measurement.
///
/// # Errors
/// See [`CellError`]. There is a report only if the compiled code's result and output equal the interpreter's.
pub fn run_cell(spec: &CellSpec) -> Result<CellReport, CellError> {
    let _ = spec;
    Err(CellError::Setup("not wired up yet".into()))
}
