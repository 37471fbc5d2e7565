//! Runtime errors.

use crate::value::Value;

/// A runtime error on its way to a `pcall`, or to the user.
#[derive(Clone, Debug)]
pub struct RuntimeError {
    /// What kind it is, and with it who can act on it.
    pub kind: ErrorKind,
    /// Message as the user sees it, with the `file:line:column: ` prefix where the place is known.
    pub message: String,
    /// The value that `pcall` returns.
    pub value: Value,
    /// Activations from the innermost outwards: `name at file:line:column`. Long ones are cut in the middle.
    pub trace: Vec<String>,
}

/// Who can act on an error.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ErrorKind {
    /// The program failed; `pcall` catches it.
    Program,
    /// The heap limit was reached (not catchable).
    HeapLimit,
    /// The step budget or the simulated core's instruction budget ran out (not catchable).
    Budget,
    /// Compiled code misbehaved: a bug in gsx (not catchable).
    Fault,
}
