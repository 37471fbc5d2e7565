//! The program `gsx`.

mod args;
mod asm;
mod bench;
mod bisect;
mod bytecode;
mod choice;
mod crash;
mod diff;
mod exec;
mod failure;
mod files;
mod ir;
mod passes;
mod rules;
mod run;
mod target;
mod units;

use std::io::{self, BufWriter, Write};
use std::process::ExitCode;
use std::thread;

use clap::Parser;
use gsx_passes::{Pass, Registry};

use args::{Cli, Command};
use failure::{Failure, STATUS_USAGE, STATUS_WRONG_CODE};

use crate::output::style::Style;

/// Stack of the thread that does the work: recursion in the front end and the passes is bounded, but may be deep.
const STACK_BYTES: usize = 256 << 20;

/// The whole program: reads the command line, does what it says, and gives the exit status. The passes given here join
/// gsx's own.
///
/// Exit status: 0 good, 1 the program or the run failed, 2 usage or configuration, 3 wrong code or a bug in gsx.
pub fn main_with(passes: &[&'static dyn Pass]) -> ExitCode {
    crash::install_hook();
    let passes = passes.to_vec();
    let worker = thread::Builder::new().name("gsx".into()).stack_size(STACK_BYTES).spawn(move || {
        let cli = match Cli::try_parse() {
            Ok(cli) => cli,
            Err(e) => {
                // Help and version are "errors" too, with status 0. A closed pipe is nobody's fault.
                let _ = e.print();
                return u8::try_from(e.exit_code()).unwrap_or(STATUS_USAGE);
            }
        };
        match dispatch(&cli, &passes) {
            Ok(()) => 0,
            Err(failure) => {
                failure.print(Style::stderr());
                failure.status()
            }
        }
    });
    let status = match worker.map(thread::JoinHandle::join) {
        Ok(Ok(status)) => status,
        // The hook has said what happened.
        Ok(Err(_)) => crash::status(),
        Err(e) => {
            let _ = writeln!(io::stderr(), "error: cannot start a thread: {e}");
            STATUS_WRONG_CODE
        }
    };
    ExitCode::from(status)
}

/// What a command needs beside its own arguments.
struct Context<'a> {
    registry: &'a Registry,
    /// Where results go.
    out: &'a mut dyn Write,
    /// Colours for `out`.
    style: Style,
    /// JSON instead of text.
    json: bool,
}

impl Context<'_> {
    /// Prints one JSON object.
    fn print_json(&mut self, value: &impl serde::Serialize) -> Result<(), Failure> {
        serde_json::to_writer_pretty(&mut *self.out, value).map_err(io::Error::from)?;
        writeln!(self.out)?;
        Ok(())
    }
}

fn dispatch(cli: &Cli, passes: &[&'static dyn Pass]) -> Result<(), Failure> {
    let registry = Registry::with(passes).map_err(Failure::usage)?;
    // `exec` runs a program that writes to standard output itself.
    if let Command::Exec(args) = &cli.command {
        return exec::exec(&registry, args, cli.json);
    }
    let mut out = BufWriter::new(io::stdout().lock());
    let mut cx = Context { registry: &registry, out: &mut out, style: Style::stdout(), json: cli.json };
    match &cli.command {
        Command::Run(args) => run::run(&mut cx, args)?,
        Command::Exec(_) => {}
        Command::Passes(args) => passes::passes(&mut cx, args)?,
        Command::Ir(args) => ir::ir(&mut cx, args)?,
        Command::Asm(args) => asm::asm(&mut cx, args)?,
        Command::Bytecode(args) => bytecode::bytecode(&mut cx, args)?,
        Command::Diff(args) => diff::diff(&mut cx, args)?,
        Command::Rules(args) => rules::rules(&mut cx, args)?,
        Command::Bisect(args) => bisect::bisect(&mut cx, args)?,
        Command::Bench(args) => bench::bench(&mut cx, args)?,
    }
    out.flush()?;
    Ok(())
}
