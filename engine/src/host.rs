//! Host calls of compiled code.
