//! A whole program, run to completion.

use std::sync::Arc;

use gscript::bytecode::Program;
use gsx_passes::Pipeline;

use crate::cell::Limits;
use crate::error::CellError;
use crate::report::ExecReport;

/// What executes hot functions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Engine {
    /// The interpreter only.
    Interp,
    /// Hot functions compiled and run on the simulated core.
    Sim,
}

/// A program to run.
#[derive(Clone, Debug)]
pub struct ExecSpec {
    /// The program.
    pub program: Arc<Program>,
    /// Engine.
    pub engine: Engine,
    /// Passes for hot functions.
    pub pipeline: Pipeline,
    /// Calls after which a function is compiled.
    pub hot_calls: u32,
    /// Limits.
    pub limits: Limits,
}

/// Runs a program; what it prints goes to standard output as it is printed.
///
/// # Errors
/// See [`CellError`].
pub fn exec(spec: &ExecSpec) -> Result<ExecReport, CellError> {
    let _ = spec;
    Err(CellError::Setup("not wired up yet".into()))
}
