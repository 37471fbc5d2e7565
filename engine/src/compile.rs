//! Source to program, function to code.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use gscript::bytecode::{Program, ProtoId, Source};
use gscript::diagnostic::Diagnostic;
use gscript::interp::Vm;
use gscript::profile::CallTarget;
use gscript::value::Value;
use gsx_backend_arm64::{CodeObject, CodegenError};
use gsx_ir::analysis::bytecode_loops::BytecodeLoop;
use gsx_ir::build::{BuildError, Constants, build, build_loop};
use gsx_ir::unit::KnownFunction;
use gsx_ir::{Unit, verify};
use gsx_passes::{CalleeLimits, Counter, PassError, Pipeline, Remark};

use crate::report::StageTime;

/// Compiles source text to bytecode.
///
/// # Errors
/// A syntax error, with its place.
pub fn compile_source(source: Arc<Source>) -> Result<Arc<Program>, Diagnostic> {
    gscript::compiler::compile(source).map(Arc::new)
}

/// What is compiled by itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum UnitKind {
    /// Whole functions; a loop only while a function that has no code runs it.
    #[default]
    Method,
    /// Loops. Functions without loops are compiled as methods, others are interpreted around their loops.
    Trace,
}

impl UnitKind {
    /// The parts of a function that are compiled, inner loops before those around them.
    pub(crate) fn parts(self, program: &Program, proto: ProtoId) -> Vec<Part> {
        let loops = match self {
            UnitKind::Method => Vec::new(),
            UnitKind::Trace => BytecodeLoop::all(program.proto(proto)),
        };
        if loops.is_empty() {
            return vec![Part::function(proto)];
        }
        loops.iter().rev().map(|l| Part { proto, header: Some(l.header) }).collect()
    }
}

/// What is compiled by itself: a function, or a loop of one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Part {
    /// The function.
    pub proto: ProtoId,
    /// Where the loop begins.
    pub header: Option<usize>,
}

impl Part {
    /// A whole function.
    pub fn function(proto: ProtoId) -> Part {
        Part { proto, header: None }
    }

    /// Its name for people: that of the function, with the line of the loop.
    pub fn name(self, program: &Program) -> String {
        let proto = program.proto(self.proto);
        match self.header {
            None => proto.name.clone(),
            Some(pc) => format!("{}@{}", proto.name, proto.spans.get(pc).map_or(0, |pos| pos.line)),
        }
    }
}

/// A function with its graph and code, not yet installed.
pub(crate) struct Compilation {
    pub stages: Vec<(&'static str, Unit)>,
    pub code: CodeObject,
    pub remarks: Vec<Remark>,
    pub counters: Vec<Counter>,
    pub times: Vec<StageTime>,
}

/// Why there is no code for a function.
#[derive(Debug)]
pub(crate) enum NotCompiled {
    /// It stays interpreted; nothing is wrong.
    Interpreted(String),
    /// A pass or the backend broke a rule.
    Bug(String),
}

impl From<PassError> for NotCompiled {
    fn from(e: PassError) -> NotCompiled {
        NotCompiled::Bug(e.to_string())
    }
}

impl From<BuildError> for NotCompiled {
    fn from(e: BuildError) -> NotCompiled {
        NotCompiled::Interpreted(e.to_string())
    }
}

impl From<CodegenError> for NotCompiled {
    fn from(e: CodegenError) -> NotCompiled {
        match e {
            CodegenError::FrameTooLarge { .. } | CodegenError::CodeTooLarge { .. } => {
                NotCompiled::Interpreted(e.to_string())
            }
            e => NotCompiled::Bug(e.to_string()),
        }
    }
}

/// Gives the builder its constants, objects as arena offsets.
struct VmConstants<'a> {
    vm: &'a mut Vm,
    /// Globals whose functions change.
    unstable: &'a BTreeSet<u32>,
}

impl Constants for VmConstants<'_> {
    fn constant(&mut self, proto: ProtoId, k: usize) -> Value {
        let value = self.vm.const_value(proto, k);
        if value.tag.is_object() {
            return Value::object(value.tag, value.bits - self.vm.heap().guest_base());
        }
        value
    }

    fn builtin_name(&self, index: u32) -> Option<&'static str> {
        self.vm.builtin_name(index)
    }

    fn function(&mut self, global: u32) -> Option<KnownFunction> {
        if self.unstable.contains(&global) {
            return None;
        }
        let heap = self.vm.heap();
        let value = heap.load(heap.global_slot(global as usize));
        let proto = self.vm.closure_proto(value)?;
        // The code compares with its address.
        self.vm.pin(value);
        Some(KnownFunction { global, proto, closure: value.bits - self.vm.heap().guest_base() })
    }
}

/// How to compile.
#[derive(Clone, Copy)]
pub(crate) struct Settings {
    /// What is compiled by itself.
    pub unit: UnitKind,
    /// Run the verifier after every stage.
    pub verify_each: bool,
    /// Keep the graph of every stage.
    pub keep_stages: bool,
}

/// Bytecode → graph, for one function or loop, with what the profile of `vm` knows of it, and with its callees within these
/// limits. `unstable`: globals of which nothing is expected.
pub(crate) fn build_unit(
    vm: &mut Vm,
    part: Part,
    limits: Option<CalleeLimits>,
    unstable: &BTreeSet<u32>,
) -> Result<Unit, BuildError> {
    let program = vm.program().clone();
    let Part { proto, header } = part;
    let feedback = vm.profile().protos.get(proto.index()).cloned().unwrap_or_default();
    let mut unit = match header {
        None => build(&program, proto, &feedback, &mut VmConstants { vm, unstable })?,
        Some(pc) => build_loop(&program, proto, pc, &feedback, &mut VmConstants { vm, unstable })?,
    };
    if let Some(limits) = limits {
        unit.callees = callees(vm, &unit, limits, unstable);
    }
    Ok(unit)
}

/// Bytecode → graph → passes → code, for one function or loop, with what the profile of `vm` knows of it.
pub(crate) fn compile_part(
    vm: &mut Vm,
    part: Part,
    unit_id: u32,
    pipeline: &Pipeline,
    settings: Settings,
    unstable: &BTreeSet<u32>,
) -> Result<Compilation, NotCompiled> {
    let mut times = Vec::new();
    let mut clock = Instant::now();
    let mut lap = |stage: &'static str, clock: &mut Instant| {
        let now = Instant::now();
        let nanoseconds = now.duration_since(*clock).as_nanos() as u64;
        times.push(StageTime { stage, nanoseconds });
        *clock = now;
    };

    let mut unit = build_unit(vm, part, pipeline.callees(), unstable)?;
    lap("build", &mut clock);
    check(&unit, "build", settings)?;
    let mut stages = Vec::new();
    if settings.keep_stages {
        stages.push(("build", unit.clone()));
    }
    clock = Instant::now();
    let report = pipeline.run(&mut unit, |pass, unit| -> Result<(), NotCompiled> {
        lap(pass, &mut clock);
        check(unit, pass, settings)?;
        if settings.keep_stages {
            stages.push((pass, unit.clone()));
        }
        clock = Instant::now();
        Ok(())
    })?;
    // Wrong graphs must never become code: the last one is always verified.
    check(&unit, "the last pass", Settings { verify_each: true, ..settings })?;
    if unit.layout != vm.heap().layout() {
        let (code, heap) = (unit.layout, vm.heap().layout());
        return Err(NotCompiled::Bug(format!("{} is compiled for {code} values, the heap has {heap}", unit.name())));
    }
    clock = Instant::now();
    let code = gsx_backend_arm64::compile(&unit, unit_id)?;
    lap("backend", &mut clock);
    if !settings.keep_stages {
        stages.push((pipeline.ids().last().copied().unwrap_or("build"), unit));
    }
    Ok(Compilation { stages, code, remarks: report.remarks, counters: report.counters, times })
}

/// The units of the functions that a unit was seen to call through globals, and of those that they call.
fn callees(vm: &mut Vm, unit: &Unit, limits: CalleeLimits, unstable: &BTreeSet<u32>) -> Vec<Arc<Unit>> {
    let program = vm.program().clone();
    let mut found: Vec<Arc<Unit>> = Vec::new();
    let mut callers = vec![called(unit)];
    for _ in 0..limits.nesting {
        let mut next = Vec::new();
        for proto in callers.into_iter().flatten() {
            let known = proto == unit.proto || found.iter().any(|c| c.proto == proto);
            if known || program.proto(proto).code.len() > limits.instructions {
                continue;
            }
            let feedback = vm.profile().protos.get(proto.index()).cloned().unwrap_or_default();
            if let Ok(callee) = build(&program, proto, &feedback, &mut VmConstants { vm, unstable }) {
                next.push(called(&callee));
                found.push(Arc::new(callee));
            }
        }
        callers = next;
    }
    found
}

/// The functions that a unit loads from globals and was seen to call.
fn called(unit: &Unit) -> Vec<ProtoId> {
    let is_called = |p: ProtoId| unit.feedback.sites.iter().any(|s| s.target == CallTarget::Proto(p));
    unit.functions.iter().map(|f| f.proto).filter(|&p| is_called(p)).collect()
}

fn check(unit: &Unit, stage: &str, settings: Settings) -> Result<(), NotCompiled> {
    if !settings.verify_each {
        return Ok(());
    }
    verify::verify(unit)
        .map_err(|errors| NotCompiled::Bug(format!("the verifier rejects {} after {stage}:\n{errors}", unit.name())))
}
