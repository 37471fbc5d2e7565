//! Experiments on gsx's passes, and the command-line program `gsx`.
//!
//! [`cli::main_with`] is the whole program; a crate with passes of its own calls it with them, and they appear in
//! `--passes`, `gsx passes` and every experiment:
//!
//! ```no_run
//! fn main() -> std::process::ExitCode {
//!     gsx_experiments::cli::main_with(&[/* &my_crate::MyPass */])
//! }
//! ```
//!
//! A configuration ([`config`]) says what to run; `output` says how it is shown.

pub mod cli;
pub mod config;

mod output;
