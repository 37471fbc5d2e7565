//! The life of one cell.

use std::sync::Arc;
use std::time::Instant;

use gscript::bytecode::{Program, ProtoId};
use gscript::error::{ErrorKind, RuntimeError};
use gscript::interp::{Output, Vm, VmOptions};
use gscript::jit::{Jit, NoJit};
use gscript::layout::Layout;
use gscript::value::{Tag, Value};
use gsx_machine::Executor;
use gsx_machine::sim::Simulator;
use gsx_passes::Pipeline;

use crate::compile::{Settings, UnitKind};
use crate::error::CellError;
use crate::evaluate;
use crate::jit::{JitSide, JitState};
use crate::report::{CellReport, CompiledFunction, ExitCount, HeapFigures};

/// An argument for an entry function.
#[derive(Clone, PartialEq, Debug)]
pub enum Arg {
    /// nil
    Nil,
    /// Boolean.
    Bool(bool),
    /// Integer.
    Int(i64),
    /// Float.
    Float(f64),
    /// String.
    Str(String),
}

impl std::fmt::Display for Arg {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Arg::Nil => f.write_str("nil"),
            Arg::Bool(b) => write!(f, "{b}"),
            Arg::Int(n) => write!(f, "{n}"),
            Arg::Float(x) => write!(f, "{x:?}"),
            Arg::Str(s) => write!(f, "{s:?}"),
        }
    }
}

/// Interpreted calls of the entry before it is compiled: they collect type feedback.
#[derive(Clone, PartialEq, Debug)]
pub struct Warmup {
    /// Arguments.
    pub args: Vec<Arg>,
    /// How many calls.
    pub calls: u32,
}

/// Limits that turn an endless run into an error.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Bytes of heap.
    pub heap_bytes: u64,
    /// Calls and backward jumps that the interpreter may execute.
    pub steps: u64,
    /// Instructions that compiled code may execute per call of the entry.
    pub instructions: u64,
}

impl Default for Limits {
    /// 1 GiB of heap, 10^10 steps, 10^11 instructions: minutes of work.
    fn default() -> Self {
        Limits { heap_bytes: 1 << 30, steps: 10_000_000_000, instructions: 100_000_000_000 }
    }
}

/// What to do beside measuring.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Options {
    /// Run the verifier after every pass, and compare the IR evaluator with the interpreter on the entry.
    pub verify_each: bool,
    /// Keep the graph of every stage in the report.
    pub keep_stages: bool,
    /// Count the executions of every instruction.
    pub count_executions: bool,
    /// Collect garbage at every so manieth safe point ([`VmOptions::gc_stress`]); 0: when it is needed.
    pub gc_stress: u32,
    /// What is compiled by itself.
    pub unit: UnitKind,
    /// Times around, in an activation that is interpreted, after which a loop is compiled and entered; none for never.
    pub hot_loops: Option<u32>,
}

/// One cell: program, entry and arguments, pass set.
#[derive(Clone, Debug)]
pub struct CellSpec {
    /// The program. Its main chunk is run once, interpreted, before anything else.
    pub program: Arc<Program>,
    /// Global function to measure.
    pub entry: String,
    /// Its arguments.
    pub args: Vec<Arg>,
    /// What to run first.
    pub warmup: Warmup,
    /// What the two calls behind the warm-up are known to give, as `print` shows it.
    pub expected: Option<[String; 2]>,
    /// Passes.
    pub pipeline: Pipeline,
    /// Limits.
    pub limits: Limits,
    /// Options.
    pub options: Options,
}

/// Takes a cell through profile, compilation, execution, check and measurement.
///
/// # Errors
/// See [`CellError`]. There is a report only if the compiled code's result and output equal the interpreter's.
pub fn run_cell(spec: &CellSpec) -> Result<CellReport, CellError> {
    let reference = reference(spec)?;
    let mut vm = profiled_vm(spec)?;
    let mut executor = Simulator::new();
    executor.set_counting(true);
    executor.set_convention_check(true);
    let settings = Settings {
        unit: spec.options.unit,
        verify_each: spec.options.verify_each,
        keep_stages: spec.options.keep_stages || spec.options.verify_each,
    };
    let mut state = JitState::attach(&mut vm, &mut executor, spec.pipeline.clone(), settings)
        .map_err(|e| CellError::Compiler(e.to_string()))?;
    let program = vm.program().clone();
    for part in called(&vm).into_iter().flat_map(|proto| spec.options.unit.parts(&program, proto)) {
        // A loop that never ran has no types.
        if part.header.is_none_or(|pc| vm.profile().protos[part.proto.index()].sites[pc].count > 0) {
            state.compile(&mut vm, &mut executor, part).map_err(CellError::Compiler)?;
        }
    }
    vm.set_hot_loops(spec.options.hot_loops.unwrap_or(u32::MAX));
    if spec.options.verify_each {
        evaluate::check_stages(spec, &vm, &state)?;
    }

    let measured = run_compiled(spec, &mut vm, &mut executor, &mut state, &reference)?;
    let peak = vm.heap().peak();
    vm.collect_garbage();
    let heap = HeapFigures { allocated: measured.allocated, live: vm.heap().live(), peak };
    let [.., (result, output)] = reference;
    let mut functions = std::mem::take(&mut state.functions);
    if spec.options.count_executions {
        for f in &mut functions {
            f.executions = executor.execution_counts(f.address, f.code.words.len());
        }
    }
    let exits = exit_counts(&state, &functions);
    let dropped = state.dropped(vm.program());
    let choices = functions.first().map(|f| &f.stages[f.stages.len() - 1].1);
    Ok(CellReport {
        result,
        output,
        passes: spec.pipeline.ids(),
        layout: spec.pipeline.layout().to_string(),
        allocator: choices.map(|u| u.allocator).unwrap_or_default().to_string(),
        counters: executor.counters(),
        heap,
        exits,
        host_calls: state.host_calls,
        functions,
        dropped,
        skipped: state.skipped,
        compile_times: state.times,
        remarks: state.remarks,
        pass_counters: state.counters,
        host_nanoseconds: measured.nanoseconds,
    })
}

/// What is measured of a call beside the executor's counts.
#[derive(Clone, Copy, Default)]
pub(crate) struct Measured {
    /// Host nanoseconds.
    pub nanoseconds: u64,
    /// Bytes of objects that it allocated.
    pub allocated: u64,
}

/// Makes the two calls in compiled code and compares each with the interpreter's. Counters and counts are then those of
/// the second call, and so are the figures that it gives.
pub(crate) fn run_compiled(
    spec: &CellSpec,
    vm: &mut Vm,
    executor: &mut Simulator,
    state: &mut JitState,
    reference: &[Seen; 2],
) -> Result<Measured, CellError> {
    let mut measured = Measured::default();
    for (call, expected) in reference.iter().enumerate() {
        executor.reset_counters();
        executor.set_budget(spec.limits.instructions);
        state.reset_counts();
        let before = vm.heap().allocated();
        let clock = Instant::now();
        let mut jit = JitSide { executor, state };
        let found = call_entry(vm, &mut jit, &spec.entry, &spec.args)?;
        let nanoseconds = clock.elapsed().as_nanos() as u64;
        measured = Measured { nanoseconds, allocated: vm.heap().allocated() - before };
        if found != *expected {
            return Err(miscompiled(spec, call, &found, expected));
        }
    }
    Ok(measured)
}

/// Result as printed, and output, of one call.
pub(crate) type Seen = (Vec<String>, Vec<u8>);

/// What the interpreter gives for the two calls that compiled code will make.
pub(crate) fn reference(spec: &CellSpec) -> Result<[Seen; 2], CellError> {
    let mut vm = reference_vm(spec)?;
    warm_up(&mut vm, spec, spec.warmup.calls, &mut NoJit)?;
    let first = call_entry(&mut vm, &mut NoJit, &spec.entry, &spec.args)?;
    let second = call_entry(&mut vm, &mut NoJit, &spec.entry, &spec.args)?;
    if let Some(expected) = &spec.expected {
        for (seen, expected) in [&first, &second].into_iter().zip(expected) {
            let found = seen.0.join(", ");
            if found != *expected {
                return Err(CellError::Unexpected { expected: expected.clone(), found });
            }
        }
    }
    Ok([first, second])
}

/// A program whose main chunk has run, in the layout that the cell's passes decide on.
pub(crate) fn fresh_vm(spec: &CellSpec, profile: bool) -> Result<Vm, CellError> {
    vm_with(spec, profile, spec.pipeline.layout())
}

/// The same for the interpreter that says what is right: always with tagged values, so that a layout that changes what a
/// program computes shows.
pub(crate) fn reference_vm(spec: &CellSpec) -> Result<Vm, CellError> {
    vm_with(spec, false, Layout::Tagged)
}

fn vm_with(spec: &CellSpec, profile: bool, layout: Layout) -> Result<Vm, CellError> {
    // What fits the limit in the cell's layout must fit in the reference's.
    let slots = (layout.slot_bytes() / spec.pipeline.layout().slot_bytes()).max(1);
    let options = VmOptions {
        heap_limit: spec.limits.heap_bytes.saturating_mul(slots),
        layout,
        step_budget: spec.limits.steps,
        profile,
        gc_stress: spec.options.gc_stress,
        output: Output::Capture,
        ..VmOptions::default()
    };
    let mut vm = Vm::new(spec.program.clone(), options).map_err(runtime_error)?;
    vm.run_main(&mut NoJit).map_err(runtime_error)?;
    vm.take_output();
    Ok(vm)
}

/// A program after the warm-up, with what was seen in it.
pub(crate) fn profiled_vm(spec: &CellSpec) -> Result<Vm, CellError> {
    let mut vm = fresh_vm(spec, true)?;
    let early = spec.warmup.calls / 2;
    warm_up(&mut vm, spec, early, &mut NoJit)?;
    // Types that a program leaves behind in its first calls would make code for them for ever.
    let older = (early > 0).then(|| vm.take_profile());
    warm_up(&mut vm, spec, spec.warmup.calls - early, &mut NoJit)?;
    if let Some(older) = older {
        vm.fill_profile(&older);
    }
    vm.set_profiling(false);
    Ok(vm)
}

pub(crate) fn warm_up(vm: &mut Vm, spec: &CellSpec, calls: u32, jit: &mut dyn Jit) -> Result<(), CellError> {
    for _ in 0..calls {
        call_entry(vm, jit, &spec.entry, &spec.warmup.args)?;
    }
    Ok(())
}

/// Calls the entry once.
pub(crate) fn call_entry(vm: &mut Vm, jit: &mut dyn Jit, entry: &str, args: &[Arg]) -> Result<Seen, CellError> {
    let f = entry_function(vm, entry)?;
    let mut values = Vec::new();
    for a in args {
        values.push(match a {
            Arg::Nil => Value::NIL,
            Arg::Bool(b) => Value::bool(*b),
            Arg::Int(n) => Value::int(*n),
            Arg::Float(x) => Value::float(*x),
            Arg::Str(s) => vm.new_string(s.as_bytes()).map_err(runtime_error)?,
        });
    }
    let results = vm.call(jit, f, &values).map_err(runtime_error)?;
    let shown = results.iter().map(|v| vm.display(*v)).collect();
    Ok((shown, vm.take_output()))
}

fn entry_function(vm: &mut Vm, entry: &str) -> Result<Value, CellError> {
    if let Some(f) = vm.global(entry)
        && f.tag == Tag::Function
    {
        return Ok(f);
    }
    let program = vm.program().clone();
    let mut known: Vec<&str> =
        program.protos.iter().map(|p| p.name.as_str()).filter(|n| program.global_index(n).is_some()).collect();
    known.dedup();
    let known = if known.is_empty() { "none".to_string() } else { known.join(", ") };
    Err(CellError::Setup(format!("{} has no global function `{entry}`; its functions: {known}", program.source.name)))
}

/// Functions that the profile saw running, in order of their definition; not the main chunk.
pub(crate) fn called(vm: &Vm) -> Vec<ProtoId> {
    let protos = vm.profile().protos.iter().enumerate().skip(1);
    protos.filter(|(_, p)| p.calls > 0).map(|(i, _)| ProtoId(i as u32)).collect()
}

fn miscompiled(spec: &CellSpec, call: usize, found: &Seen, expected: &Seen) -> CellError {
    let passes = spec.pipeline.ids().join(",");
    CellError::Miscompiled(format!(
        "compiled call {} of {} differs from the interpreter: {} (passes: {})",
        call + 1,
        spec.entry,
        difference(found, expected),
        if passes.is_empty() { "none" } else { &passes },
    ))
}

/// What is different between what compiled code did and what the interpreter did: the result, or else the first line of
/// output that differs.
pub(crate) fn difference(found: &Seen, expected: &Seen) -> String {
    if found.0 != expected.0 {
        return format!("it gives {} instead of {}", found.0.join(", "), expected.0.join(", "));
    }
    let [found, expected] = [found, expected].map(|seen| String::from_utf8_lossy(&seen.1).into_owned());
    let (mut found, mut expected) = (found.lines(), expected.lines());
    for line in 1.. {
        match (found.next(), expected.next()) {
            (a, b) if a == b && a.is_some() => {}
            (Some(a), Some(b)) => return format!("line {line} of the output is {a:?} instead of {b:?}"),
            (None, Some(b)) => return format!("the output lacks line {line}, {b:?}"),
            (Some(a), None) => return format!("the output has a line more: {a:?}"),
            (None, None) => break,
        }
    }
    "the ends of lines in the output differ".into()
}

/// Turns the program's error into ours.
pub(crate) fn runtime_error(e: RuntimeError) -> CellError {
    match e.kind {
        ErrorKind::Program => CellError::Program(Box::new(e)),
        ErrorKind::Budget if !e.message.contains("--") => {
            CellError::Limit(format!("{} (raise it with --max-steps)", e.message))
        }
        ErrorKind::HeapLimit | ErrorKind::Budget => CellError::Limit(e.message),
        ErrorKind::Fault => CellError::Miscompiled(e.message),
    }
}

/// The exits that were taken, most frequent first.
pub(crate) fn exit_counts(state: &JitState, functions: &[CompiledFunction]) -> Vec<ExitCount> {
    let mut out: Vec<ExitCount> = state
        .exits
        .iter()
        .map(|(&(unit, exit), &count)| {
            let f = &functions[unit as usize];
            let info = &f.code.exits[exit as usize];
            let program = &f.stages[f.stages.len() - 1].1.program;
            let pos = program.proto(info.origin.proto).spans.get(info.origin.pc as usize);
            ExitCount {
                function: f.name.clone(),
                line: pos.map_or(0, |p| p.line),
                pc: info.origin.pc,
                reason: info.reason.clone(),
                count,
            }
        })
        .collect();
    out.sort_by_key(|e| std::cmp::Reverse(e.count));
    out
}
