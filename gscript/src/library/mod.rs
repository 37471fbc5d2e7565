//! The library that programs see.
