//! From the command line to cells: what to measure, with which passes.

use std::sync::Arc;

use gscript::bytecode::{Program, Proto, ProtoId};
use gsx_engine::{Arg, CellError, CellReport, CellSpec, Limits, Options, Warmup, run_cell};
use gsx_passes::selection::nearest;
use gsx_passes::{Pipeline, Registry};

use super::args::{LimitArgs, PassArgs, SizeArg, TargetArgs, UnitArgs};
use super::choice::{known_passes, select, with_rules};
use super::failure::{Failure, OUR_BUG};
use super::files::{is_program, read_program, read_text};
use super::units::parse_args;
use crate::config::{self, Call, Config, Core, DEFAULT_WARMUP_CALLS, Expected, Reference, Spanned};
use crate::output::text::{list, plural};

/// One program with the call to measure: what a configuration and the command line come to.
pub struct Target {
    /// The program.
    pub program: Arc<Program>,
    /// Its path, as shown.
    pub path: String,
    /// Global function to measure.
    pub entry: String,
    /// Its arguments.
    pub args: Vec<Arg>,
    /// What to call first.
    pub warmup: Warmup,
    /// The known result.
    pub expected: Option<Expected>,
    /// What executes the code.
    pub core: Core,
    /// Figures quoted for exactly this call.
    pub references: Vec<Reference>,
    limits: Limits,
    gc_stress: u32,
    units: UnitArgs,
    config: Option<Config>,
}

impl Target {
    /// Reads the configuration (or the program itself) and applies what the command line overrides.
    pub fn resolve(args: &TargetArgs) -> Result<Target, Failure> {
        if is_program(&args.config) { Target::of_program(args) } else { Target::of_config(args) }
    }

    fn of_config(args: &TargetArgs) -> Result<Target, Failure> {
        let config = load_config(&args.config)?;
        let program = read_config_program(&config)?;
        let call = sized(&config, args.size)?;
        let entry = args.entry.clone().unwrap_or_else(|| call.entry.value.clone());
        // A known result, quoted figures and a warm-up belong to the configured call.
        let given = argument_list("--args", args.args.as_deref())?;
        let same_entry = entry == call.entry.value;
        let call_args = match given {
            Some(list) => list,
            None if same_entry => call.args.clone(),
            None => Vec::new(),
        };
        let same_call = same_entry && call_args == call.args;
        let configured = if same_entry { call.warmup.args.clone() } else { call_args.clone() };
        let warmup_args = argument_list("--warmup-args", args.warmup_args.as_deref())?.unwrap_or(configured);
        let warmup = Warmup { args: warmup_args, calls: args.warmup_calls.unwrap_or(call.warmup.calls) };
        // A program that goes on from where it was gives something else behind another warm-up.
        let still_known =
            |known: &Expected| same_call && (matches!(known, Expected::Always(_)) || warmup == call.warmup);
        let known = call.expected.clone().filter(still_known);
        let small = args.size == SizeArg::Small;
        let target = Target {
            path: program.source.name.clone(),
            program,
            entry,
            args: call_args,
            warmup,
            expected: args.expected.clone().map(Expected::Always).or(known),
            core: config.core,
            references: if same_call && small { config.references.clone() } else { Vec::new() },
            limits: limits(&args.limits),
            gc_stress: args.limits.gc_stress,
            units: args.units,
            config: Some(config),
        };
        target.check_entry(args.size, args.entry.is_some())?;
        Ok(target)
    }

    fn of_program(args: &TargetArgs) -> Result<Target, Failure> {
        let program = read_program(&args.config)?;
        if args.size == SizeArg::Full {
            let text = format!("{} is a program: only configurations have a full size", program.source.name);
            return Err(Failure::usage_help(text, "say what to call with --entry and --args"));
        }
        let Some(entry) = args.entry.clone() else {
            let text = format!("{} is a program: say which function to measure", program.source.name);
            let help = format!("add --entry NAME; {}", functions_of(&program));
            return Err(Failure::usage_help(text, help));
        };
        let call_args = argument_list("--args", args.args.as_deref())?.unwrap_or_default();
        let warmup_args =
            argument_list("--warmup-args", args.warmup_args.as_deref())?.unwrap_or_else(|| call_args.clone());
        let target = Target {
            path: program.source.name.clone(),
            program,
            entry,
            args: call_args,
            warmup: Warmup { args: warmup_args, calls: args.warmup_calls.unwrap_or(DEFAULT_WARMUP_CALLS) },
            expected: args.expected.clone().map(Expected::Always),
            core: Core::default(),
            references: Vec::new(),
            limits: limits(&args.limits),
            gc_stress: args.limits.gc_stress,
            units: args.units,
            config: None,
        };
        target.check_entry(args.size, true)?;
        Ok(target)
    }

    /// A name that occurs nowhere in the program cannot be a function of it.
    fn check_entry(&self, size: SizeArg, from_command_line: bool) -> Result<(), Failure> {
        if self.program.global_index(&self.entry).is_some() {
            return Ok(());
        }
        let text = format!("{} has no function `{}`", self.path, self.entry);
        let known: Vec<&str> = functions(&self.program).map(|p| p.name.as_str()).collect();
        let mut help = functions_of(&self.program);
        if let Some(n) = nearest(&self.entry, &known) {
            help = format!("did you mean `{n}`? {help}");
        }
        match &self.config {
            Some(config) if !from_command_line => {
                let full = config.full.as_ref().filter(|_| size == SizeArg::Full);
                let span = &full.unwrap_or(&config.call).entry.span;
                let mut d = config.diagnostic(span, text);
                d.help = Some(help);
                Err(Failure::at(&d, &config.source))
            }
            _ => Err(Failure::usage_help(text, help)),
        }
    }

    /// The passes that the command line, else the configuration, else nobody chose (then: all).
    pub fn pipeline(&self, registry: &Registry, args: &PassArgs) -> Result<Pipeline, Failure> {
        match self.config.as_ref().and_then(|c| Some((c, c.passes.as_ref()?))) {
            Some((config, Spanned { value, span })) if args.passes.is_none() && args.pipeline.is_none() => {
                let pipeline = Pipeline::select(registry, value).map_err(|e| {
                    let mut d = config.diagnostic(span, e.to_string());
                    d.help = Some(known_passes(registry));
                    Failure::at(&d, &config.source)
                })?;
                self.with_rules(pipeline, args)
            }
            _ => self.with_rules(select(registry, args, "all")?, args),
        }
    }

    /// The same passes, with the rewrite rules of the configuration and the command line.
    pub fn with_rules(&self, pipeline: Pipeline, args: &PassArgs) -> Result<Pipeline, Failure> {
        with_rules(pipeline, args, self.config.as_ref())
    }

    /// The cell of this target under some passes.
    pub fn cell(&self, pipeline: &Pipeline, options: Options) -> CellSpec {
        CellSpec {
            program: self.program.clone(),
            entry: self.entry.clone(),
            args: self.args.clone(),
            warmup: self.warmup.clone(),
            expected: self.expected.as_ref().map(Expected::results),
            pipeline: pipeline.clone(),
            limits: self.limits,
            options: Options {
                gc_stress: self.gc_stress,
                unit: self.units.kind(),
                hot_loops: self.units.hot_loops(),
                ..options
            },
        }
    }

    /// Runs the cell of this target under some passes.
    pub fn run(&self, pipeline: &Pipeline, options: Options) -> Result<CellReport, Failure> {
        run_cell(&self.cell(pipeline, options)).map_err(|e| self.failure(&e, options))
    }

    /// A failed cell, as shown to the user.
    pub fn failure(&self, error: &CellError, options: Options) -> Failure {
        Failure::cell(error, self.explain(error, options))
    }

    /// The measured call, as written in GScript: `fib(20)`.
    pub fn call(&self) -> String {
        call_text(&self.entry, &self.args)
    }

    /// What may have led to an error.
    fn explain(&self, error: &CellError, options: Options) -> Option<String> {
        let proto = functions(&self.program).find(|p| p.name == self.entry)?;
        let wanted = usize::from(proto.nparams);
        match error {
            CellError::Program(_) => {
                let few = [&self.args, &self.warmup.args].into_iter().find(|a| a.len() < wanted)?;
                let names: Vec<&str> = (0..proto.nparams).filter_map(|r| proto.local_name(r, 0)).collect();
                Some(format!(
                    "{} takes {} ({}), but the call is {}: missing ones are nil",
                    self.entry,
                    plural(wanted as u64, "argument"),
                    list(&names),
                    call_text(&self.entry, few),
                ))
            }
            CellError::Miscompiled(_) | CellError::Compiler(_) if options.verify_each => Some(OUR_BUG.to_string()),
            CellError::Unexpected { .. } => Some("correct `expected` in the configuration, or the program".to_string()),
            _ => None,
        }
    }
}

/// A call, as written in GScript.
pub fn call_text(entry: &str, args: &[Arg]) -> String {
    let args: Vec<String> = args.iter().map(ToString::to_string).collect();
    format!("{entry}({})", args.join(", "))
}

/// Instructions that stand for one step of the interpreter, a call or a backward jump, where only steps are limited: a loop
/// that never ends must meet the limit whether it is compiled or not.
const INSTRUCTIONS_PER_STEP: u64 = 100;

/// Limits, with defaults for those not given.
pub fn limits(args: &LimitArgs) -> Limits {
    let d = Limits::default();
    let for_steps = args.max_steps.map(|n| n.saturating_mul(INSTRUCTIONS_PER_STEP));
    Limits {
        heap_bytes: args.heap_limit.unwrap_or(d.heap_bytes),
        steps: args.max_steps.unwrap_or(d.steps),
        instructions: args.max_instructions.or(for_steps).unwrap_or(d.instructions),
    }
}

/// Global functions, by their definitions.
fn functions(program: &Program) -> impl Iterator<Item = &Proto> {
    program.protos.iter().filter(|p| p.id != ProtoId::MAIN && program.global_index(&p.name).is_some())
}

fn functions_of(program: &Program) -> String {
    let names: Vec<&str> = functions(program).map(|p| p.name.as_str()).collect();
    match names[..] {
        [] => "the program defines no global function".to_string(),
        _ => format!("its functions: {}", names.join(", ")),
    }
}

fn argument_list(option: &str, text: Option<&str>) -> Result<Option<Vec<Arg>>, Failure> {
    let Some(text) = text else { return Ok(None) };
    parse_args(text).map(Some).map_err(|e| {
        Failure::usage_help(
            format!("{option} {text}: {e}"),
            "arguments are separated by commas: 20 or 3,4 or 1.5,true,nil,\"text\"",
        )
    })
}

/// The call of a configuration that has the size.
fn sized(config: &Config, size: SizeArg) -> Result<&Call, Failure> {
    match (size, &config.full) {
        (SizeArg::Small, _) => Ok(&config.call),
        (SizeArg::Full, Some(call)) => Ok(call),
        (SizeArg::Full, None) => Err(Failure::usage_help(
            format!("{} has no full size", config.source.name),
            "add a table [full] with args = […], or give --args",
        )),
    }
}

/// The program that a configuration names.
fn read_config_program(config: &Config) -> Result<Arc<Program>, Failure> {
    let path = config.program_path();
    if !path.exists() {
        let mut d = config.diagnostic(&config.program.span, format!("there is no program {}", path.display()));
        d.help = Some("the path starts at the configuration's own directory".to_string());
        return Err(Failure::at(&d, &config.source));
    }
    read_program(&path)
}

/// The program of a configuration, or the program itself, for commands that only read it.
pub fn read_any_program(path: &std::path::Path) -> Result<Arc<Program>, Failure> {
    if is_program(path) {
        return read_program(path);
    }
    let config = load_config(path)?;
    read_config_program(&config)
}

fn load_config(path: &std::path::Path) -> Result<Config, Failure> {
    let source = read_text(path, "configuration")?;
    config::parse(source.clone()).map_err(|d| Failure::at(&d, &source))
}
