//! What can go wrong, as the user sees it.

use std::io::{self, Write};

use gscript::bytecode::Source;
use gscript::diagnostic::Diagnostic;
use gsx_engine::CellError;

use crate::output::style::{Paint, Style};

/// Exit status: the program or the run failed.
pub const STATUS_FAILED: u8 = 1;
/// Exit status: the command line, a configuration or a source text is wrong.
pub const STATUS_USAGE: u8 = 2;
/// Exit status: gsx or a pass is wrong.
pub const STATUS_WRONG_CODE: u8 = 3;

/// Who can act on a status of 3.
pub const OUR_BUG: &str = "this is a bug in gsx or in a pass of yours, not in the program; no figure is kept";

/// Why a command did not succeed.
#[derive(Debug)]
pub enum Failure {
    /// A message, with what to do about it.
    Message {
        /// Process exit status.
        status: u8,
        /// What is wrong; further lines (a call trace) follow the first.
        text: String,
        /// The way out.
        help: Option<String>,
    },
    /// A message that shows the place in a text.
    Excerpt(String),
    /// The result itself said it: nothing but the status is left to give.
    Shown(u8),
    /// Output could not be written.
    Output(io::Error),
}

impl From<io::Error> for Failure {
    fn from(e: io::Error) -> Failure {
        Failure::Output(e)
    }
}

impl Failure {
    /// A mistake on the command line or in a file that it names.
    pub fn usage(text: impl Into<String>) -> Failure {
        Failure::Message { status: STATUS_USAGE, text: text.into(), help: None }
    }

    /// The same, with the way out.
    pub fn usage_help(text: impl Into<String>, help: impl Into<String>) -> Failure {
        Failure::Message { status: STATUS_USAGE, text: text.into(), help: Some(help.into()) }
    }

    /// A mistake at a place in a text.
    pub fn at(diagnostic: &Diagnostic, source: &Source) -> Failure {
        Failure::Excerpt(diagnostic.render(source))
    }

    /// A cell or a program that gave no result.
    pub fn cell(error: &CellError, help: Option<String>) -> Failure {
        let mut text = error.to_string();
        if let CellError::Program(e) = error {
            for line in &e.trace {
                // Long traces are cut in the middle: that line names no function.
                let word = if line.starts_with(['.', '…']) { "" } else { "in " };
                text.push_str(&format!("\n    {word}{line}"));
            }
        }
        if matches!(error, CellError::Miscompiled(_)) {
            text.insert_str(0, "wrong code: ");
        }
        let help = match error {
            CellError::Miscompiled(_) | CellError::Compiler(_) if help.is_none() => {
                Some(format!("{OUR_BUG}; with --verify-each the verifier and the evaluator look for the pass"))
            }
            _ => help,
        };
        Failure::Message { status: error.status(), text, help }
    }

    /// Process exit status.
    pub fn status(&self) -> u8 {
        match self {
            Failure::Message { status, .. } => *status,
            Failure::Excerpt(_) => STATUS_USAGE,
            Failure::Shown(status) => *status,
            // Whoever closed the pipe has seen enough.
            Failure::Output(e) if e.kind() == io::ErrorKind::BrokenPipe => 0,
            Failure::Output(_) => STATUS_FAILED,
        }
    }

    /// Shows it on standard error.
    pub fn print(&self, style: Style) {
        let word = style.paint(Paint::Bad, "error:");
        let text = match self {
            Failure::Message { text, help, .. } => {
                let help = help.as_ref().map(|h| format!("\n{} {h}", style.paint(Paint::Note, "help:")));
                format!("{word} {text}{}", help.unwrap_or_default())
            }
            Failure::Excerpt(text) => match text.strip_prefix("error:") {
                Some(rest) => format!("{word}{rest}"),
                None => text.clone(),
            },
            Failure::Shown(_) => return,
            Failure::Output(e) if e.kind() == io::ErrorKind::BrokenPipe => return,
            Failure::Output(e) => format!("{word} cannot write the output: {e}"),
        };
        // Nothing can be done about a closed standard error.
        let _ = writeln!(io::stderr(), "{text}");
    }
}
