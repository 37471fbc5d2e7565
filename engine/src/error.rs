//! Errors, by who can act on them.

use gscript::error::RuntimeError;
use gsx_passes::PassError;

/// Why a cell gave no figures.
#[derive(Debug, thiserror::Error)]
pub enum CellError {
    /// The request makes no sense for this program (no such entry, wrong arguments). The user can change it.
    #[error("{0}")]
    Setup(String),
    /// The program failed at run time.
    #[error("{}", .0.message)]
    Program(Box<RuntimeError>),
    /// A limit was reached: steps, instructions, heap.
    #[error("{0}")]
    Limit(String),
    /// What the program prints could not be written.
    #[error("cannot write the output: {0}")]
    Output(std::io::Error),
    /// The result differs from the one the configuration expects.
    #[error("the interpreter's result is {found}, but the configuration expects {expected}")]
    Unexpected {
        /// As configured.
        expected: String,
        /// As computed by the interpreter.
        found: String,
    },
    /// Compiled code did not do what the interpreter does. A bug in gsx or in a user's pass.
    #[error("{0}")]
    Miscompiled(String),
    /// A pass or the backend gave up. A bug in gsx or in a user's pass.
    #[error("{0}")]
    Compiler(String),
}

impl From<PassError> for CellError {
    fn from(e: PassError) -> CellError {
        CellError::Compiler(e.to_string())
    }
}

impl CellError {
    /// Process exit status: 1 the program or the run failed, 2 usage, 3 wrong code.
    pub fn status(&self) -> u8 {
        match self {
            CellError::Setup(_) => 2,
            CellError::Program(_) | CellError::Limit(_) | CellError::Output(_) | CellError::Unexpected { .. } => 1,
            CellError::Miscompiled(_) | CellError::Compiler(_) => 3,
        }
    }
}
