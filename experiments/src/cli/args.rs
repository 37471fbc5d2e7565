//! What the command line may say.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use gsx_engine::UnitKind;

use super::units::{parse_bytes, parse_count};

/// Compile, check, count and compare: GScript on ARM64, one optimization pass at a time.
#[derive(Parser, Debug)]
#[command(
    name = "gsx",
    version,
    max_term_width = 100,
    after_help = "Examples:\n  \
        gsx run --passes pin,dse configs/fib.toml     compile, check and count\n  \
        gsx passes                                    what the passes do\n  \
        gsx diff configs/fib.toml --passes all --against none\n  \
        gsx exec program.gs                           run a program\n\n\
        Exit status: 0 good; 1 the program or the run failed; 2 usage or configuration; 3 wrong code."
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Print one JSON object instead of text
    #[arg(long, global = true)]
    pub json: bool,
}

/// The commands.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Compile one program with chosen passes, check it against the interpreter, and count
    Run(RunArgs),
    /// Run a program to completion and print what it prints
    Exec(ExecArgs),
    /// List the passes and groups, or explain one
    Passes(PassesArgs),
    /// Show the graph IR after any pass
    Ir(IrArgs),
    /// Show the machine code with execution counts, IR nodes and source lines
    Asm(AsmArgs),
    /// Show the bytecode
    Bytecode(BytecodeArgs),
    /// Compare two pass sets: counts, IR and code, line by line
    Diff(DiffArgs),
    /// List the rewrite rules of the pass simplify, or prove them
    Rules(RulesArgs),
    /// Find the pass, and the rewrite in it, that makes a program's code wrong
    Bisect(BisectArgs),
    /// Measure gsx itself
    Bench(BenchArgs),
}

/// Which program to measure, and how.
#[derive(Args, Clone, Debug)]
pub struct TargetArgs {
    /// Configuration, such as configs/fib.toml; or a program, FILE.gs, with --entry
    #[arg(value_name = "CONFIG.toml")]
    pub config: PathBuf,
    /// Which of the configured calls: the small one, or that of the table full
    #[arg(long, value_enum, default_value_t = SizeArg::Small)]
    pub size: SizeArg,
    /// Global function to measure instead of the configured one
    #[arg(long, value_name = "FUNCTION")]
    pub entry: Option<String>,
    /// Its arguments instead of the configured ones: 20 or 3,4 or 1.5,true,nil,"text"; '' for none
    #[arg(long, value_name = "ARGS", allow_hyphen_values = true)]
    pub args: Option<String>,
    /// Arguments of the warm-up calls
    #[arg(long, value_name = "ARGS", allow_hyphen_values = true)]
    pub warmup_args: Option<String>,
    /// Number of warm-up calls: interpreted, to collect type feedback
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(..=1_000_000))]
    pub warmup_calls: Option<u32>,
    /// The result that the entry must give, as print shows it
    #[arg(long, value_name = "RESULT", allow_hyphen_values = true)]
    pub expected: Option<String>,
    #[command(flatten)]
    pub units: UnitArgs,
    #[command(flatten)]
    pub limits: LimitArgs,
}

/// What is compiled by itself, and when.
#[derive(Args, Clone, Copy, Debug)]
pub struct UnitArgs {
    /// What is compiled by itself
    #[arg(long, value_enum, default_value_t = UnitArg::Method)]
    pub unit: UnitArg,
    /// Times around after which a loop that is interpreted is compiled and entered; 0 for never
    #[arg(long, value_name = "N", default_value_t = 500)]
    pub hot_loops: u32,
}

impl UnitArgs {
    /// The engine's word for it.
    pub fn kind(self) -> UnitKind {
        match self.unit {
            UnitArg::Method => UnitKind::Method,
            UnitArg::Trace => UnitKind::Trace,
        }
    }

    /// Times around, if loops are compiled at all.
    pub fn hot_loops(self) -> Option<u32> {
        (self.hot_loops > 0).then_some(self.hot_loops)
    }
}

/// Units of compilation.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, Debug)]
pub enum UnitArg {
    /// Whole functions; a loop only while a function without code runs it
    Method,
    /// Each loop by itself; whole functions only where they have no loop
    Trace,
}

/// How much there is to do.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, Debug)]
pub enum SizeArg {
    /// Quick: for experiments with many pass sets
    Small,
    /// As large as published runs: takes minutes
    Full,
}

/// Limits of a run.
#[derive(Args, Clone, Debug)]
pub struct LimitArgs {
    /// Heap that the program may use, such as 64MiB [default: 1GiB]
    #[arg(long, value_name = "SIZE", value_parser = parse_bytes, help_heading = "Limits")]
    pub heap_limit: Option<u64>,
    /// Calls and backward jumps that the interpreter may execute, such as 1e9 [default: 1e10]; where only this limit is given,
    /// compiled code may execute 100 instructions for each
    #[arg(long, value_name = "N", value_parser = parse_count, help_heading = "Limits")]
    pub max_steps: Option<u64>,
    /// Instructions that compiled code may execute per call of the entry [default: 1e11]
    #[arg(long, value_name = "N", value_parser = parse_count, help_heading = "Limits")]
    pub max_instructions: Option<u64>,
    /// Look for missing references: collect garbage at every Nth place where it is possible [without N: at every one], and
    /// poison free memory
    #[arg(long, value_name = "N", num_args = 0..=1, require_equals = true, default_missing_value = "1",
          default_value_t = 0, hide_default_value = true, help_heading = "Limits")]
    pub gc_stress: u32,
}

/// Which passes to run.
#[derive(Args, Clone, Debug, Default)]
pub struct PassArgs {
    /// Passes and groups, such as pin,dse or all,-dse or none [default: the configuration's, else all]
    #[arg(long, value_name = "PASSES", allow_hyphen_values = true)]
    pub passes: Option<String>,
    /// Exactly these passes, in this order
    #[arg(long, value_name = "PASSES", conflicts_with = "passes")]
    pub pipeline: Option<String>,
    /// Rewrite rules for the pass simplify, beside its own; may be given several times
    #[arg(long, value_name = "FILE.toml")]
    pub rules: Vec<PathBuf>,
    /// Leave out this rewrite rule of simplify; may be given several times
    #[arg(long, value_name = "NAME")]
    pub without_rule: Vec<String>,
}

/// `gsx run`
#[derive(Args, Clone, Debug)]
pub struct RunArgs {
    #[command(flatten)]
    pub target: TargetArgs,
    #[command(flatten)]
    pub passes: PassArgs,
    /// Run the IR verifier and the IR evaluator after every pass
    #[arg(long)]
    pub verify_each: bool,
}

/// `gsx exec`
#[derive(Args, Clone, Debug)]
pub struct ExecArgs {
    /// The program
    #[arg(value_name = "FILE.gs")]
    pub file: PathBuf,
    #[command(flatten)]
    pub passes: PassArgs,
    /// What executes functions once they are hot
    #[arg(long, value_enum, default_value_t = EngineArg::Sim)]
    pub engine: EngineArg,
    /// Calls after which a function is compiled
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub hot_calls: u32,
    #[command(flatten)]
    pub units: UnitArgs,
    /// Say on standard error what compiled code executed, and what the heap held (with --json: as JSON)
    #[arg(long)]
    pub stats: bool,
    #[command(flatten)]
    pub limits: LimitArgs,
}

/// Engines of `gsx exec`.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum EngineArg {
    /// The interpreter only
    Interp,
    /// Hot functions compiled, on the simulated ARM64 core
    Sim,
}

/// `gsx passes`
#[derive(Args, Clone, Debug)]
pub struct PassesArgs {
    /// A pass or group to explain
    #[arg(value_name = "PASS")]
    pub id: Option<String>,
}

/// `gsx ir`
#[derive(Args, Clone, Debug)]
pub struct IrArgs {
    #[command(flatten)]
    pub target: TargetArgs,
    #[command(flatten)]
    pub passes: PassArgs,
    /// Show the graph after this pass, or as built [default: after the last pass]
    #[arg(long, value_name = "PASS|build")]
    pub after: Option<String>,
    /// Show one function only
    #[arg(long, value_name = "NAME")]
    pub function: Option<String>,
    /// Print a DOT graph, for graphviz
    #[arg(long)]
    pub dot: bool,
    /// Print the bare form, without source lines, that the IR's parser and its tests read
    #[arg(long, conflicts_with = "dot")]
    pub bare: bool,
}

/// `gsx asm`
#[derive(Args, Clone, Debug)]
pub struct AsmArgs {
    #[command(flatten)]
    pub target: TargetArgs,
    #[command(flatten)]
    pub passes: PassArgs,
    /// Show one function only
    #[arg(long, value_name = "NAME")]
    pub function: Option<String>,
    /// Show only instructions that the measured call executed
    #[arg(long)]
    pub executed: bool,
}

/// `gsx bytecode`
#[derive(Args, Clone, Debug)]
pub struct BytecodeArgs {
    /// A configuration or a program
    #[arg(value_name = "CONFIG.toml|FILE.gs")]
    pub file: PathBuf,
    /// Show one function only
    #[arg(long, value_name = "NAME")]
    pub function: Option<String>,
}

/// `gsx diff`
#[derive(Args, Clone, Debug)]
pub struct DiffArgs {
    #[command(flatten)]
    pub target: TargetArgs,
    #[command(flatten)]
    pub passes: PassArgs,
    /// The passes to compare with, as for --passes
    #[arg(long, value_name = "PASSES", allow_hyphen_values = true, default_value = "none")]
    pub against: String,
    /// Show one function only
    #[arg(long, value_name = "NAME")]
    pub function: Option<String>,
    /// Two columns fitted to this many characters [default: the terminal's width if it is at least 100]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(40..))]
    pub width: Option<u16>,
    /// One column, whatever the width
    #[arg(long, conflicts_with = "width")]
    pub unified: bool,
}

/// `gsx rules`
#[derive(Args, Clone, Debug)]
pub struct RulesArgs {
    /// What to do [default: list them]
    #[command(subcommand)]
    pub what: Option<RulesWhat>,
    /// List the rules of this file, too
    #[arg(long, value_name = "FILE.toml")]
    pub file: Option<PathBuf>,
}

/// Things that `gsx rules` can do.
#[derive(Subcommand, Clone, Debug)]
pub enum RulesWhat {
    /// Prove rules with the SMT solver z3, and keep the answers
    Prove(ProveArgs),
    /// Explain the conditions that a rule may have
    Conditions,
    /// Print what the solver is asked about a rule, in SMT-LIB 2
    Question {
        /// The rule
        #[arg(value_name = "NAME")]
        name: String,
        /// A file that it may come from
        #[arg(value_name = "FILE.toml")]
        file: Option<PathBuf>,
    },
}

/// `gsx rules prove`
#[derive(Args, Clone, Debug)]
pub struct ProveArgs {
    /// Rules to prove [default: gsx's own]; the answers are kept beside it, in FILE.proofs
    #[arg(value_name = "FILE.toml")]
    pub file: Option<PathBuf>,
    /// Only this rule; may be given several times
    #[arg(long, value_name = "NAME")]
    pub rule: Vec<String>,
    /// Where answers are kept instead; for gsx's own rules passes/rules/proofs.txt
    #[arg(long, value_name = "FILE")]
    pub keep: Option<PathBuf>,
    /// Ask again what has an answer already
    #[arg(long)]
    pub again: bool,
    /// Time that the solver may take for one rule
    #[arg(long, value_name = "N", default_value_t = 600, value_parser = clap::value_parser!(u32).range(1..))]
    pub seconds: u32,
}

/// `gsx bisect`
#[derive(Args, Clone, Debug)]
pub struct BisectArgs {
    #[command(flatten)]
    pub target: TargetArgs,
    #[command(flatten)]
    pub passes: PassArgs,
    /// Search with the IR verifier and the IR evaluator after every pass: they see what this call does not show
    #[arg(long)]
    pub verify_each: bool,
}

/// `gsx bench`
#[derive(Args, Clone, Debug)]
pub struct BenchArgs {
    /// What to measure
    #[command(subcommand)]
    pub what: BenchWhat,
}

/// Things that `gsx bench` can measure.
#[derive(Subcommand, Clone, Debug)]
pub enum BenchWhat {
    /// Speed of the simulated core on compiled fib, in million instructions per second
    Sim {
        /// Argument of fib
        #[arg(long, value_name = "N", default_value_t = 27, value_parser = clap::value_parser!(u32).range(10..=40))]
        n: u32,
        /// Measurements, of which the median is taken
        #[arg(long, value_name = "N", default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=101))]
        runs: u32,
        #[command(flatten)]
        passes: PassArgs,
    },
}
