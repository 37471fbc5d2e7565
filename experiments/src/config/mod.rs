//! What to run: a configuration file such as `configs/fib.toml`.

mod call;
mod parse;
mod reader;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use gscript::bytecode::Source;
use gscript::diagnostic::Diagnostic;

pub use call::{Call, Expected};
pub use parse::parse;
pub use reader::Spanned;

/// Calls of the entry before it is compiled, when a configuration says nothing: the seed post's figure.
pub const DEFAULT_WARMUP_CALLS: u32 = 15;

/// A configuration: one program, the calls to measure, and what is known about them.
#[derive(Clone, Debug)]
pub struct Config {
    /// The file itself, for messages.
    pub source: Arc<Source>,
    /// The program's file, as the configuration writes it: relative to the configuration.
    pub program: Spanned<PathBuf>,
    /// The call to measure: the small size.
    pub call: Call,
    /// The full size: the call that a published figure of seconds may belong to.
    pub full: Option<Call>,
    /// Passes that are on unless the command line says otherwise, as for `--passes`.
    pub passes: Option<Spanned<String>>,
    /// A file of rewrite rules for the pass simplify, as the configuration writes it: relative to the configuration.
    pub rules: Option<Spanned<PathBuf>>,
    /// Rewrite rules that are left out, separated by commas.
    pub without_rules: Option<Spanned<String>>,
    /// What executes the code.
    pub core: Core,
    /// Published figures to set beside ours, for the small size.
    pub references: Vec<Reference>,
}

/// The simulated core.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Core {
    /// Exact execution, events counted, no time modelled.
    #[default]
    Functional,
}

impl Core {
    /// All cores.
    pub const ALL: [Core; 1] = [Core::Functional];

    /// Name in configurations and JSON.
    pub fn name(self) -> &'static str {
        match self {
            Core::Functional => "functional",
        }
    }
}

/// A figure published elsewhere. It is quoted, never measured here.
#[derive(Clone, PartialEq, Debug)]
pub struct Reference {
    /// Whose figure: a system, with its version.
    pub what: String,
    /// What was counted.
    pub metric: Metric,
    /// The least value quoted.
    pub low: f64,
    /// The greatest value quoted; the same where a single one is.
    pub high: f64,
    /// Where it comes from.
    pub source: String,
}

/// What a reference figure counts. Each has a counterpart in gsx's own counts, per call of the entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Metric {
    /// Executed ARM64 instructions.
    Instructions,
    /// Executed load instructions.
    Loads,
    /// Executed store instructions.
    Stores,
}

impl Metric {
    /// All metrics.
    pub const ALL: [Metric; 3] = [Metric::Instructions, Metric::Loads, Metric::Stores];

    /// Name in configurations and output.
    pub fn name(self) -> &'static str {
        match self {
            Metric::Instructions => "instructions",
            Metric::Loads => "loads",
            Metric::Stores => "stores",
        }
    }
}

impl Config {
    /// The program's path as seen from the current directory: a relative one starts at the configuration's directory.
    /// `configs/../benchmarks/fib.gs` is written `benchmarks/fib.gs`.
    pub fn program_path(&self) -> PathBuf {
        self.path(&self.program.value)
    }

    /// A path that the configuration writes, as seen from the current directory.
    pub fn path(&self, written: &Path) -> PathBuf {
        let from = Path::new(&self.source.name).parent().unwrap_or(Path::new(""));
        tidy(&from.join(written))
    }

    /// A message about a place in the configuration.
    pub fn diagnostic(&self, span: &std::ops::Range<usize>, message: impl Into<String>) -> Diagnostic {
        reader::diagnostic(&self.source, span, message)
    }
}

/// Takes `name/..` out of a path. (Not right where `name` is a symbolic link to a directory elsewhere; then the path is
/// kept as it is.)
fn tidy(path: &Path) -> PathBuf {
    use std::path::Component;
    let mut out = PathBuf::new();
    for part in path.components() {
        let parent_of_name = matches!(part, Component::ParentDir)
            && matches!(out.components().next_back(), Some(Component::Normal(_)))
            && !out.is_symlink();
        match part {
            _ if parent_of_name => {
                out.pop();
            }
            Component::CurDir => {}
            _ => out.push(part),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_shown_without_detours() {
        for (path, tidied) in [
            ("configs/../benchmarks/fib.gs", "benchmarks/fib.gs"),
            ("./a/./b.gs", "a/b.gs"),
            ("../../a.gs", "../../a.gs"),
            ("a/../../b.gs", "../b.gs"),
            ("/x/../y.gs", "/y.gs"),
        ] {
            assert_eq!(tidy(Path::new(path)), Path::new(tidied), "{path}");
        }
    }
}
