//! Bytecode listings.
