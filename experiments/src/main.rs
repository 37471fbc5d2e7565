//! gsx.
fn main() {}
