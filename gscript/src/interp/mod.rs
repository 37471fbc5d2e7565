//! The interpreter.

/// A running program (skeleton).
pub struct Vm {}
