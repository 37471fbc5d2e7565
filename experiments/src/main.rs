//! The program `gsx`, with no passes but its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    gsx_experiments::cli::main_with(&[])
}
