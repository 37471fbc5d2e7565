//! One cell under all 2^n subsets of its passes.
//!
//! Compiling 2^n times from scratch would repeat nearly everything. The subsets form a binary tree instead: each pass in
//! turn is left out or runs, on a graph that all subsets with the same beginning share. Branches whose graphs are equal
//! (a pass that finds nothing to do) are followed once. What a pass does depends on its graph and on which other passes are
//! on, if it asks: these questions are recorded, and graphs are the same only if the answers are, too. A question about a
//! pass that is not decided yet splits the branch.
//!
//! Code objects that are equal in words and in what the runtime reads of them are one; each combination of the functions'
//! code is executed once, and compared with the interpreter.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::{self, Write};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use gscript::bytecode::ProtoId;
use gscript::interp::Vm;
use gsx_backend_arm64::CodeObject;
use gsx_ir::{Unit, verify};
use gsx_machine::sim::Simulator;
use gsx_machine::{Counters, Executor};
use gsx_passes::{CalleeLimits, Pass, PassContext, Pipeline, run_pass};
use rayon::prelude::*;

use crate::cell::{CellSpec, Seen, called, profiled_vm, reference, run_compiled};
use crate::compile::{Part, Settings, UnitKind, build_unit};
use crate::error::CellError;
use crate::jit::JitState;

/// Most passes: one result is kept for every subset of them.
pub const MAX_PASSES: usize = 24;

/// Passes over whose decisions the work is spread.
const PARALLEL_PASSES: usize = 8;

/// Stack of a worker: graphs and programs may nest deeply.
const STACK_BYTES: usize = 64 << 20;

/// A set of the cell's passes: bit i stands for the i-th pass of its pipeline.
pub type PassSet = u32;

/// A cell under all subsets of its passes: each gives the interpreter's result.
#[derive(Debug)]
pub struct Factorial {
    /// The passes, in order.
    pub passes: Vec<&'static str>,
    /// What was compiled for each function.
    pub functions: Vec<FunctionCodes>,
    /// The different executions, each of one combination of code objects.
    pub runs: Vec<Run>,
    /// By pass set: which of the executions is its own.
    pub run_of: Vec<u32>,
    /// Time for graphs and code.
    pub compile_time: Duration,
    /// Time for the executions.
    pub run_time: Duration,
}

/// A function under all subsets.
#[derive(Clone, Debug)]
pub struct FunctionCodes {
    /// Name.
    pub name: String,
    /// Times that a pass ran.
    pub pass_runs: u64,
    /// Graphs that code was made from.
    pub graphs: u64,
    /// Different code objects.
    pub codes: usize,
}

/// One execution.
#[derive(Clone, Debug)]
pub struct Run {
    /// The smallest pass set with this code.
    pub set: PassSet,
    /// Events of the measured call, as [`run_cell`](crate::run_cell) counts them.
    pub counters: Counters,
    /// Bytes of machine code.
    pub code_bytes: usize,
}

/// Why a factorial gave no result.
#[derive(Debug, thiserror::Error)]
#[error("{error} (passes: {})", if .passes.is_empty() { "none".to_string() } else { .passes.join(",") })]
pub struct FactorialError {
    /// A pass set for which it happens.
    pub passes: Vec<&'static str>,
    /// What happened.
    pub error: CellError,
}

impl Factorial {
    /// The execution of a pass set.
    pub fn run(&self, set: PassSet) -> &Run {
        &self.runs[self.run_of[set as usize] as usize]
    }
}

/// Runs a cell under all subsets of the passes of its pipeline, in the pipeline's order.
///
/// # Errors
/// The first failure, in order of the number of passes: wrong code, a rejected graph, a program that fails, too many passes.
pub fn factorial(spec: &CellSpec) -> Result<Factorial, FactorialError> {
    let passes = spec.pipeline.passes();
    let failed = |error| FactorialError { passes: Vec::new(), error };
    if passes.len() > MAX_PASSES {
        let text = format!("{} passes have too many subsets: {MAX_PASSES} can be tried at most", passes.len());
        return Err(failed(CellError::Setup(text)));
    }
    let pool = rayon::ThreadPoolBuilder::new().stack_size(STACK_BYTES).build();
    let pool = pool.map_err(|e| failed(CellError::Setup(format!("cannot start threads: {e}"))))?;
    pool.install(|| {
        let clock = Instant::now();
        let reference = reference(spec).map_err(failed)?;
        let functions = compile_all(spec)?;
        let compile_time = clock.elapsed();
        let clock = Instant::now();
        let (runs, run_of) = run_all(spec, &functions, &reference)?;
        Ok(Factorial {
            passes: spec.pipeline.ids(),
            functions: functions.iter().map(|f| f.summary.clone()).collect(),
            runs,
            run_of,
            compile_time,
            run_time: clock.elapsed(),
        })
    })
}

/// A function's code under every pass set.
struct Function {
    proto: ProtoId,
    /// As built, for messages.
    unit: Unit,
    codes: Vec<CodeObject>,
    /// By pass set.
    code_of: Arc<[u32]>,
    summary: FunctionCodes,
}

/// The units of a function: as built with the callees that a set of passes looks into, by these passes.
type Roots = Vec<(PassSet, Unit)>;

/// Builds the units of all functions, always in the same order: the builder may make constants in the heap.
fn build_all(spec: &CellSpec, vm: &mut Vm) -> Result<Vec<(ProtoId, Roots)>, CellError> {
    let curious: Vec<(PassSet, CalleeLimits)> =
        (spec.pipeline.passes().iter().enumerate()).filter_map(|(i, pass)| Some((1 << i, pass.callees()?))).collect();
    let mut out = Vec::new();
    for proto in called(vm) {
        let mut roots = Vec::new();
        for choice in 0..1usize << curious.len() {
            let chosen = || curious.iter().enumerate().filter(|(i, _)| choice >> i & 1 == 1).map(|(_, c)| *c);
            let limits = chosen().map(|(_, limits)| limits).reduce(CalleeLimits::union);
            // A function that cannot be built stays interpreted under every set.
            if let Ok(unit) = build_unit(vm, Part::function(proto), limits, &BTreeSet::new()) {
                roots.push((chosen().map(|(bit, _)| bit).sum(), unit));
            }
        }
        if !roots.is_empty() {
            out.push((proto, roots));
        }
    }
    Ok(out)
}

fn compile_all(spec: &CellSpec) -> Result<Vec<Function>, FactorialError> {
    let failed = |error| FactorialError { passes: Vec::new(), error };
    let passes = spec.pipeline.passes();
    let curious: PassSet = (0..passes.len()).filter(|&i| passes[i].callees().is_some()).map(|i| 1 << i).sum();
    let layouts: PassSet = (0..passes.len()).filter(|&i| passes[i].layout().is_some()).map(|i| 1 << i).sum();
    // Addresses of constants depend on the layout: each has graphs of its own.
    let mut built: Vec<(ProtoId, Roots)> = Vec::new();
    for choice in (0..=layouts).filter(|choice| choice & !layouts == 0) {
        let chosen = CellSpec { pipeline: subset(&spec.pipeline, choice), ..spec.clone() };
        let mut vm = profiled_vm(&chosen).map_err(failed)?;
        for (proto, roots) in build_all(spec, &mut vm).map_err(failed)? {
            let roots = roots.into_iter().map(|(on, unit)| (on | choice, unit));
            match built.iter_mut().find(|(p, _)| *p == proto) {
                Some((_, all)) => all.extend(roots),
                None => built.push((proto, roots.collect())),
            }
        }
    }
    let mut out = Vec::new();
    for (id, (proto, roots)) in built.into_iter().enumerate() {
        let tree = Tree {
            passes,
            unit_id: id as u32,
            known: (0..=passes.len()).map(|_| Mutex::default()).collect(),
            codes: Mutex::default(),
        };
        let mut code_of: Option<Leaves> = None;
        let (name, unit) = (roots[0].1.name().to_string(), roots[0].1.clone());
        for (on, unit) in roots {
            let print = fingerprint(&unit);
            let subtree = tree.subtree(0, unit, print, Decided { known: curious | layouts, on })?;
            code_of = Some(match code_of {
                None => subtree.leaves,
                Some(other) => join(&other, &subtree.leaves),
            });
        }
        let codes = tree.codes.into_inner().unwrap_or_else(PoisonError::into_inner);
        let summary =
            FunctionCodes { name, pass_runs: codes.pass_runs, graphs: codes.graphs, codes: codes.objects.len() };
        let code_of = code_of.unwrap_or_default();
        out.push(Function { proto, unit, codes: codes.objects, code_of, summary });
    }
    Ok(out)
}

/// Which passes are decided, and how.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Decided {
    known: PassSet,
    on: PassSet,
}

impl Decided {
    fn with(self, bit: PassSet, on: bool) -> Decided {
        Decided { known: self.known | bit, on: if on { self.on | bit } else { self.on & !bit } }
    }

    fn masked(self, mask: PassSet) -> Decided {
        Decided { known: self.known & mask, on: self.on & mask }
    }
}

/// By the set of the passes still to come, the first of which is bit 0: the index of the code; [`NONE`] where that
/// contradicts what is decided.
type Leaves = Arc<[u32]>;

const NONE: u32 = u32::MAX;

fn join(a: &[u32], b: &[u32]) -> Leaves {
    a.iter().zip(b).map(|(&a, &b)| if a == NONE { b } else { a }).collect()
}

/// Everything that a graph leads to.
#[derive(Clone)]
struct Subtree {
    leaves: Leaves,
    /// The passes that were asked about on the way.
    asked: PassSet,
}

/// A graph, by its fingerprint, with the decisions about passes still to come that were made ahead.
type Key = (u64, Decided);

/// Subtrees of one graph, each with what it asked of the passes before and the answers.
type Known = HashMap<Key, Vec<(Decided, Subtree)>>;

struct Tree<'a> {
    passes: &'a [&'static dyn Pass],
    unit_id: u32,
    /// By number of passes done.
    known: Vec<Mutex<Known>>,
    codes: Mutex<Codes>,
}

/// All different code objects.
#[derive(Default)]
struct Codes {
    objects: Vec<CodeObject>,
    by_hash: HashMap<u64, Vec<u32>>,
    graphs: u64,
    pass_runs: u64,
}

impl Tree<'_> {
    /// Follows both decisions on the passes from `at` on.
    fn subtree(&self, at: usize, unit: Unit, print: u64, decided: Decided) -> Result<Subtree, FactorialError> {
        let before: PassSet = (1 << at) - 1;
        let key = (print, decided.masked(!before));
        if let Some(subtree) = self.lookup(at, &key, decided) {
            return Ok(subtree);
        }
        let subtree = if at == self.passes.len() {
            Subtree { leaves: Arc::new([self.leaf(&unit, decided)?]), asked: 0 }
        } else {
            self.decide(at, unit, print, decided)?
        };
        let asked = Decided { known: subtree.asked & before, on: decided.on & subtree.asked & before };
        lock(&self.known[at]).entry(key).or_default().push((asked, subtree.clone()));
        Ok(subtree)
    }

    fn lookup(&self, at: usize, key: &Key, decided: Decided) -> Option<Subtree> {
        let known = lock(&self.known[at]);
        let found = known.get(key)?.iter().find(|(asked, _)| decided.on & asked.known == asked.on)?;
        Some(found.1.clone())
    }

    fn decide(&self, at: usize, unit: Unit, print: u64, decided: Decided) -> Result<Subtree, FactorialError> {
        let bit = 1 << at;
        let size = 1 << (self.passes.len() - at - 1);
        let impossible = || Subtree { leaves: vec![NONE; size].into(), asked: 0 };
        let may = |on: bool| decided.known & bit == 0 || (decided.on & bit != 0) == on;
        let mut variants = Vec::new();
        let mut asked = 0;
        if may(true) {
            asked |= self.variants(at, &unit, decided.with(bit, true), &mut variants)?;
        }
        // Where the pass changed nothing, what follows is known once the other decision has been followed.
        let same = variants.iter().all(|v| v.print == print);
        let off = || match may(false) {
            true => self.subtree(at + 1, unit, print, decided.with(bit, false)),
            false => Ok(impossible()),
        };
        let on = || {
            variants.into_iter().try_fold(impossible(), |sum, v| {
                let subtree = self.subtree(at + 1, v.unit, v.print, v.decided)?;
                Ok(Subtree { leaves: join(&sum.leaves, &subtree.leaves), asked: sum.asked | subtree.asked })
            })
        };
        let (off, on) = if same || at >= PARALLEL_PASSES { (off(), on()) } else { rayon::join(off, on) };
        let (off, on) = (off?, on?);
        let leaves = off.leaves.iter().zip(on.leaves.iter()).flat_map(|(&off, &on)| [off, on]).collect();
        Ok(Subtree { leaves, asked: asked | off.asked | on.asked })
    }

    /// Runs a pass, once for each combination of undecided passes that it asks about; gives what it asked.
    fn variants(
        &self,
        at: usize,
        unit: &Unit,
        decided: Decided,
        out: &mut Vec<Variant>,
    ) -> Result<PassSet, FactorialError> {
        let mut changed = unit.clone();
        let enabled = self.set(decided.on);
        let mut cx = PassContext::new(&changed, enabled);
        let done = run_pass(self.passes[at], &mut changed, &mut cx);
        lock(&self.codes).pass_runs += 1;
        let ids = cx.asked_about();
        let asked: PassSet = (0..self.passes.len())
            .filter(|&i| ids.iter().any(|id| id == self.passes[i].info().id))
            .map(|i| 1 << i)
            .sum();
        let undecided = asked & !decided.known;
        if undecided != 0 {
            let first = 1 << undecided.trailing_zeros();
            let off = self.variants(at, unit, decided.with(first, false), out)?;
            let on = self.variants(at, unit, decided.with(first, true), out)?;
            return Ok(asked | off | on);
        }
        if let Err(e) = done {
            return Err(self.failed(decided, e.to_string()));
        }
        let print = fingerprint(&changed);
        out.push(Variant { unit: changed, print, decided });
        Ok(asked)
    }

    /// Verifies a graph and makes it code; gives the code's index.
    fn leaf(&self, unit: &Unit, decided: Decided) -> Result<u32, FactorialError> {
        if let Err(errors) = verify::verify(unit) {
            return Err(self.failed(decided, format!("the verifier rejects {}:\n{errors}", unit.name())));
        }
        let code = gsx_backend_arm64::compile(unit, self.unit_id);
        let mut code = code.map_err(|e| self.failed(decided, format!("{} has no code: {e}", unit.name())))?;
        // Only people read where words and blocks come from; many code objects differ in nothing else.
        code.provenance = Vec::new();
        code.block_starts = Vec::new();
        let hash = debug_hash(&code);
        let mut codes = lock(&self.codes);
        codes.graphs += 1;
        let candidates = codes.by_hash.get(&hash).map(Vec::as_slice).unwrap_or_default();
        if let Some(&same) = candidates.iter().find(|&&i| codes.objects[i as usize] == code) {
            return Ok(same);
        }
        let index = codes.objects.len() as u32;
        codes.objects.push(code);
        codes.by_hash.entry(hash).or_default().push(index);
        Ok(index)
    }

    fn set(&self, on: PassSet) -> Vec<&'static str> {
        ids(self.passes, on)
    }

    fn failed(&self, decided: Decided, reason: String) -> FactorialError {
        FactorialError { passes: self.set(decided.on), error: CellError::Compiler(reason) }
    }
}

/// A graph behind a pass.
struct Variant {
    unit: Unit,
    print: u64,
    decided: Decided,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Complete between any two insertions, also if a panic came in between.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn ids(passes: &[&'static dyn Pass], set: PassSet) -> Vec<&'static str> {
    passes.iter().enumerate().filter(|(i, _)| set >> i & 1 == 1).map(|(_, p)| p.info().id).collect()
}

/// A hash of everything in a unit that a pass can change. The program is the same for all, and so are callees that were
/// built together.
fn fingerprint(unit: &Unit) -> u64 {
    // Destructured, so that a new field is not forgotten.
    let Unit {
        program: _,
        proto,
        region,
        frame_slots,
        shared,
        stale,
        graph,
        feedback,
        functions,
        callees,
        self_entry,
        pinned,
        layout,
        allocator,
        frames,
        hoist_constants,
        cold_split,
    } = unit;
    let mut hasher = DefaultHasher::new();
    (proto, frame_slots, shared, stale, layout, allocator, frames, hoist_constants, cold_split).hash(&mut hasher);
    for callee in callees {
        Arc::as_ptr(callee).hash(&mut hasher);
    }
    debug_hash(&(region, graph, feedback, functions, self_entry, pinned)).hash(&mut hasher);
    hasher.finish()
}

/// A hash of what `{:?}` shows.
fn debug_hash(value: &impl fmt::Debug) -> u64 {
    struct Sink(DefaultHasher);
    impl Write for Sink {
        fn write_str(&mut self, s: &str) -> fmt::Result {
            self.0.write(s.as_bytes());
            Ok(())
        }
    }
    let mut sink = Sink(DefaultHasher::new());
    // The sink takes everything.
    let _ = write!(sink, "{value:?}");
    sink.0.finish()
}

/// Executes each combination of code objects once.
fn run_all(
    spec: &CellSpec,
    functions: &[Function],
    reference: &[Seen; 2],
) -> Result<(Vec<Run>, Vec<u32>), FactorialError> {
    let subsets: PassSet = 1 << spec.pipeline.passes().len();
    let mut sets: Vec<PassSet> = (0..subsets).collect();
    sets.sort_by_key(|set| (set.count_ones(), *set));
    let mut combinations: BTreeMap<Vec<u32>, u32> = BTreeMap::new();
    let mut first: Vec<PassSet> = Vec::new();
    let mut run_of = vec![0; subsets as usize];
    for set in sets {
        let combination: Vec<u32> = functions.iter().map(|f| f.code_of[set as usize]).collect();
        let next = first.len() as u32;
        let index = *combinations.entry(combination).or_insert(next);
        if index == next {
            first.push(set);
        }
        run_of[set as usize] = index;
    }
    let runs = first.par_iter().map(|&set| {
        run_one(spec, functions, set, reference)
            .map_err(|error| FactorialError { passes: ids(spec.pipeline.passes(), set), error })
    });
    // In order, so that the failure with the fewest passes is the one reported.
    let runs: Vec<Result<Run, FactorialError>> = runs.collect();
    Ok((runs.into_iter().collect::<Result<_, _>>()?, run_of))
}

fn run_one(spec: &CellSpec, functions: &[Function], set: PassSet, reference: &[Seen; 2]) -> Result<Run, CellError> {
    let spec = CellSpec { pipeline: subset(&spec.pipeline, set), ..spec.clone() };
    let mut vm = profiled_vm(&spec)?;
    // Code names heap objects by address: whatever the builder put there must be there again.
    build_all(&spec, &mut vm)?;
    let mut executor = Simulator::new();
    executor.set_convention_check(true);
    let settings = Settings { unit: UnitKind::Method, verify_each: false, keep_stages: false };
    let mut state = JitState::attach(&mut vm, &mut executor, spec.pipeline.clone(), settings)
        .map_err(|e| CellError::Compiler(e.to_string()))?;
    let mut code_bytes = 0;
    for f in functions {
        let code = f.codes[f.code_of[set as usize] as usize].clone();
        code_bytes += code.words.len() * 4;
        let stages = vec![("build", f.unit.clone())];
        let installed = state.install(&mut vm, &mut executor, Part::function(f.proto), stages, code);
        installed.map_err(|e| CellError::Compiler(e.to_string()))?;
    }
    run_compiled(&spec, &mut vm, &mut executor, &mut state, reference)?;
    Ok(Run { set, counters: executor.counters(), code_bytes })
}

fn subset(pipeline: &Pipeline, set: PassSet) -> Pipeline {
    let on = pipeline.passes().iter().enumerate().filter(|(i, _)| set >> i & 1 == 1);
    pipeline.with_passes(on.map(|(_, pass)| *pass).collect())
}
