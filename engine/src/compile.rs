//! Source to program, function to code.

use std::sync::Arc;

use gscript::bytecode::{Program, Source};
use gscript::diagnostic::Diagnostic;

/// Compiles source text to bytecode.
///
/// # Errors
/// A syntax error, with its place.
pub fn compile_source(source: Arc<Source>) -> Result<Arc<Program>, Diagnostic> {
    gscript::compiler::compile(source).map(Arc::new)
}
