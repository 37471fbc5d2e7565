//! Random programs under random pass sets: compiled code does what the interpreter does, errors included.
//!
//! The same check runs for seconds in `cargo test` (from seeds) and for hours under `cargo fuzz` (from the fuzzer's bytes).

mod changes;
mod expressions;
mod floats;
mod kernel;
mod program;
mod records;
mod recursion;
mod shapes;
mod tables;

use std::sync::Arc;

use gscript::bytecode::Source;
use gscript::random::Random;
use gsx_passes::{Pipeline, Registry, sampling};

use crate::cell::{Arg, CellSpec, Limits, Options, Warmup, run_cell};
use crate::compile::compile_source;
use crate::error::CellError;

pub use program::random_program;
pub use shapes::shape_names;

/// Where decisions come from: from bytes, as long as there are any, then from a random stream. So a fuzzer that changes a
/// byte changes one decision and leaves those before it alone.
pub struct Choices {
    bytes: std::vec::IntoIter<u8>,
    random: Random,
}

impl Choices {
    /// From a seed.
    pub fn from_seed(seed: u64) -> Choices {
        Choices { bytes: Vec::new().into_iter(), random: Random::new(seed) }
    }

    /// From a fuzzer's input.
    pub fn from_bytes(bytes: &[u8]) -> Choices {
        let seed = bytes.iter().fold(0, |sum: u64, &b| sum.wrapping_mul(31).wrapping_add(b.into()));
        Choices { bytes: Vec::from(bytes).into_iter(), random: Random::new(seed) }
    }

    /// A number below `n`, which must not be 0.
    pub fn below(&mut self, n: usize) -> usize {
        match self.bytes.next() {
            Some(b) => usize::from(b) % n,
            None => self.random.below(n),
        }
    }

    /// A copy of one of these; there must be one.
    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    /// True once in `n` times.
    pub fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    /// A stream of its own, for decisions that are many.
    fn stream(&mut self) -> Random {
        let seed = (self.below(256) << 8 | self.below(256)) as u64;
        Random::new(seed)
    }
}

/// A random program under a random pass set, in registry order or another.
#[derive(Clone, Debug)]
pub struct Case {
    /// The program; its entry is `entry(a, b)`.
    pub source: String,
    /// Arguments of the warm-up.
    pub warmup: Vec<Arg>,
    /// Arguments of the compiled calls.
    pub args: Vec<Arg>,
    /// Passes, register allocators among them.
    pub pipeline: Pipeline,
    /// Are verifier and evaluator run after every pass?
    pub verify_each: bool,
    /// Is garbage collected at every so manieth safe point? 0: when it is needed.
    pub gc_stress: u32,
}

/// How a case ended, if not wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Compiled code did what the interpreter did.
    Right,
    /// The program takes too long to tell.
    TooLong,
}

impl Case {
    /// The case of these choices.
    pub fn new(choices: &mut Choices, registry: &Registry) -> Case {
        // Passes first: a fuzzer changes them without changing the program.
        let mut stream = choices.stream();
        let pipeline = match choices.below(3) {
            0 => sampling::random_order(registry, &mut stream),
            _ => sampling::random_subset(registry, &mut stream),
        };
        let verify_each = choices.one_in(8);
        let warmup = vec![argument(choices), argument(choices)];
        let args = match choices.below(3) {
            0 => warmup.clone(),
            _ => vec![argument(choices), argument(choices)],
        };
        let source = random_program(choices);
        // Last, so that older seeds and inputs mean the same programs.
        let gc_stress = if choices.one_in(3) { 1 + choices.below(4) as u32 } else { 0 };
        Case { source, warmup, args, pipeline, verify_each, gc_stress }
    }

    /// Runs it.
    ///
    /// # Errors
    /// What is wrong, with everything that is needed to see it again.
    pub fn check(&self) -> Result<Verdict, String> {
        match self.run() {
            Ok(verdict) => Ok(verdict),
            Err(e) => {
                let list = |args: &[Arg]| args.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
                let stress =
                    if self.gc_stress > 0 { format!("--gc-stress={} ", self.gc_stress) } else { String::new() };
                Err(format!(
                    "{e}\n\n{}\n    (save the program and run: gsx bisect {stress}--entry entry --args '{}' --warmup-args '{}' \
                     --warmup-calls {WARMUP_CALLS} --pipeline {} FILE.gs)",
                    self.source,
                    list(&self.args),
                    list(&self.warmup),
                    self.pipeline.ids().join(","),
                ))
            }
        }
    }

    fn run(&self) -> Result<Verdict, String> {
        let source = Arc::new(Source { name: "random.gs".into(), text: self.source.clone() });
        let program = compile_source(source.clone()).map_err(|d| d.render(&source))?;
        let spec = CellSpec {
            program,
            entry: "entry".into(),
            args: self.args.clone(),
            warmup: Warmup { args: self.warmup.clone(), calls: WARMUP_CALLS },
            expected: None,
            pipeline: self.pipeline.clone(),
            limits: LIMITS,
            options: Options { verify_each: self.verify_each, gc_stress: self.gc_stress, ..Options::default() },
        };
        match run_cell(&spec) {
            Ok(_) => Ok(Verdict::Right),
            // The interpreter went first, and its steps are far fewer than these instructions: the code does not end.
            Err(e @ CellError::Limit(_)) if e.to_string().contains("--max-instructions") => Err(e.to_string()),
            Err(CellError::Limit(_)) => Ok(Verdict::TooLong),
            Err(e) => Err(e.to_string()),
        }
    }
}

const WARMUP_CALLS: u32 = 3;

/// Steps are calls and backward jumps of the interpreter. A recursion up to the depth limit is among what must fit.
const LIMITS: Limits = Limits { heap_bytes: 64 << 20, steps: 600_000, instructions: 2_000_000_000 };

/// Checks the case that a fuzzer's input stands for.
///
/// # Errors
/// See [`Case::check`].
pub fn check_bytes(bytes: &[u8]) -> Result<Verdict, String> {
    Case::new(&mut Choices::from_bytes(bytes), &Registry::default()).check()
}

fn argument(choices: &mut Choices) -> Arg {
    match choices.below(6) {
        0 => Arg::Float(choices.below(9) as f64 / 2.0),
        1 => Arg::Int(i64::MAX - choices.below(3) as i64),
        _ => Arg::Int(choices.below(12) as i64 - 2),
    }
}
