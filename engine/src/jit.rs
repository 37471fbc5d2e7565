//! Compiled code attached to a running program.

use std::collections::BTreeMap;

use gscript::bytecode::ProtoId;
use gscript::error::{ErrorKind, RuntimeError};
use gscript::interp::Vm;
use gscript::jit::{Jit, LoopEnd, Results};
use gscript::layout;
use gscript::value::Value;
use gsx_backend_arm64::{CodeObject, LOOP_LEFT, Passing};
use gsx_ir::Unit;
use gsx_machine::{Executor, GuestMemory, InstallError, Registers, Stop};
use gsx_passes::{Counter, Pipeline, Remark};

use crate::compile::{NotCompiled, Part, Settings, compile_part};
use crate::host::HostSide;
use crate::report::{CompiledFunction, SkippedFunction, StageTime};
use crate::settle::Settling;
use crate::unwind::UnwindTable;

/// All compiled functions of a cell, and what is counted about them.
pub(crate) struct JitState {
    pub pipeline: Pipeline,
    pub settings: Settings,
    pub functions: Vec<CompiledFunction>,
    /// What each of `functions` is of.
    pub parts: Vec<Part>,
    /// Which of `functions` runs for a part.
    pub code: BTreeMap<Part, usize>,
    pub skipped: Vec<SkippedFunction>,
    pub remarks: Vec<Remark>,
    pub counters: Vec<Counter>,
    pub times: Vec<StageTime>,
    /// What is known of speculation that failed.
    pub settling: Settling,
    /// Where the interpreter goes on after compiled code of a loop that has just left through a side exit.
    pub left: Option<LoopEnd>,
    /// Side exits taken, by (function, exit index).
    pub exits: BTreeMap<(u32, u32), u64>,
    /// Host calls other than exits, by kind.
    pub host_calls: BTreeMap<&'static str, u64>,
    /// Where compiled activations stand.
    pub unwind: UnwindTable,
    /// The error on its way through compiled frames.
    pub pending: Option<RuntimeError>,
    /// Native stack pointer for the next entry into compiled code.
    pub sp: u64,
    /// A pass or the backend failed while the program ran.
    pub bug: Option<String>,
}

impl JitState {
    /// Attaches compiled code to a program: the call stub and the address for host calls.
    pub fn attach(
        vm: &mut Vm,
        executor: &mut dyn Executor,
        pipeline: Pipeline,
        settings: Settings,
    ) -> Result<JitState, InstallError> {
        let stub = gsx_backend_arm64::call_stub();
        let address = executor.install(&stub)?;
        vm.set_default_code(address);
        let base = vm.heap().guest_base();
        let host_entry = executor.host_entry();
        vm.heap_mut().write_u64(base + layout::CTX_HOST_ENTRY, host_entry);
        let (_, high) = vm.heap().native_stack();
        let unwind = UnwindTable::default();
        vm.set_native_frames(Box::new(unwind.clone()));
        Ok(JitState {
            pipeline,
            settings,
            functions: Vec::new(),
            parts: Vec::new(),
            code: BTreeMap::new(),
            skipped: Vec::new(),
            remarks: Vec::new(),
            counters: Vec::new(),
            times: Vec::new(),
            settling: Settling::default(),
            left: None,
            exits: BTreeMap::new(),
            host_calls: BTreeMap::new(),
            unwind,
            pending: None,
            sp: high & !15,
            bug: None,
        })
    }

    /// Compiles and installs one function or loop.
    ///
    /// # Errors
    /// A sentence about a bug in a pass or in the backend. A function that cannot be compiled for good reasons stays
    /// interpreted; that is no error.
    pub fn compile(&mut self, vm: &mut Vm, executor: &mut dyn Executor, part: Part) -> Result<(), String> {
        let unit_id = self.functions.len() as u32;
        if !self.settling.begin_version(vm, part) {
            return Ok(());
        }
        let name = part.name(vm.program());
        let done = match compile_part(vm, part, unit_id, &self.pipeline, self.settings, &self.settling.unstable) {
            Ok(done) => done,
            Err(NotCompiled::Interpreted(reason)) => {
                self.skipped.push(SkippedFunction { name, reason });
                return Ok(());
            }
            Err(NotCompiled::Bug(reason)) => return Err(reason),
        };
        if let Err(full) = self.install(vm, executor, part, done.stages, done.code) {
            self.skipped.push(SkippedFunction { name, reason: full.to_string() });
            return Ok(());
        }
        self.remarks.extend(done.remarks);
        self.counters.extend(done.counters);
        for t in done.times {
            match self.times.iter_mut().find(|s| s.stage == t.stage) {
                Some(s) => s.nanoseconds += t.nanoseconds,
                None => self.times.push(t),
            }
        }
        Ok(())
    }

    /// Installs the code of one function or loop. It must have been compiled with the number of functions before it as unit id.
    pub fn install(
        &mut self,
        vm: &mut Vm,
        executor: &mut dyn Executor,
        part: Part,
        stages: Vec<(&'static str, Unit)>,
        code: CodeObject,
    ) -> Result<(), InstallError> {
        let address = executor.install(&code.words)?;
        self.unwind.add(address, &code);
        match part.header {
            None => vm.set_compiled(part.proto, address),
            Some(header) => vm.set_loop_compiled(part.proto, header, true),
        }
        self.parts.push(part);
        self.code.insert(part, self.functions.len());
        let name = part.name(vm.program());
        self.functions.push(CompiledFunction { name, stages, code, address, executions: None });
        Ok(())
    }

    /// How often loops went around in compiled code since the executor's counters were reset.
    pub fn loop_iterations(&self, executor: &dyn Executor) -> u64 {
        let of = |f: &CompiledFunction| {
            let words = f.code.words.len();
            let counts = (executor.execution_counts(f.address, words), executor.taken_counts(f.address, words));
            let (Some(executed), Some(taken)) = counts else { return 0 };
            let each = f.code.back_edges.iter().map(|e| {
                let (executed, taken) = (executed[e.word as usize], taken[e.word as usize]);
                let times = match e.passing {
                    Passing::Executed => executed,
                    Passing::Taken => taken,
                    Passing::NotTaken => executed - taken,
                };
                times * u64::from(e.loops)
            });
            each.sum::<u64>()
        };
        self.functions.iter().filter(|f| !f.code.back_edges.is_empty()).map(of).sum()
    }

    /// Forgets what was counted.
    pub fn reset_counts(&mut self) {
        self.exits.clear();
        self.host_calls.clear();
    }
}

/// The interpreter's view of compiled code.
pub(crate) struct JitSide<'a> {
    pub executor: &'a mut dyn Executor,
    pub state: &'a mut JitState,
}

impl Jit for JitSide<'_> {
    fn invoke(&mut self, vm: &mut Vm, proto: ProtoId, base: u64) -> Result<Option<Results>, RuntimeError> {
        let Some(&index) = self.state.code.get(&Part::function(proto)) else { return Ok(None) };
        let nargs = u64::from(vm.program().proto(proto).nparams);
        let regs = self.call(vm, index, nargs, base)?;
        Ok(Some(Results { addr: regs.x[1], count: regs.x[0] }))
    }

    fn enter_loop(
        &mut self,
        vm: &mut Vm,
        proto: ProtoId,
        header: usize,
        base: u64,
    ) -> Result<Option<LoopEnd>, RuntimeError> {
        let Some(&index) = self.state.code.get(&Part { proto, header: Some(header) }) else { return Ok(None) };
        let regs = self.call(vm, index, 0, base)?;
        match (regs.x[0], self.state.left.take()) {
            (LOOP_LEFT, Some(left)) => Ok(Some(left)),
            (pc, None) => Ok(Some(LoopEnd::Done(usize::try_from(pc).unwrap_or(usize::MAX)))),
            (_, Some(_)) => Err(fault("compiled code of a loop went on after a side exit")),
        }
    }

    fn hot(&mut self, vm: &mut Vm, proto: ProtoId) {
        // In a function with loops, the loops are what gets hot.
        if self.state.settings.unit.parts(vm.program(), proto) == [Part::function(proto)] {
            self.compile(vm, Part::function(proto));
        }
    }

    fn hot_loop(&mut self, vm: &mut Vm, proto: ProtoId, header: usize) {
        self.compile(vm, Part { proto, header: Some(header) });
    }
}

impl JitSide<'_> {
    /// Compiles a part that has no code yet.
    fn compile(&mut self, vm: &mut Vm, part: Part) {
        if self.state.code.contains_key(&part) {
            return;
        }
        if let Err(bug) = self.state.compile(vm, self.executor, part) {
            self.state.bug.get_or_insert(bug);
        }
    }

    /// Runs a code object on the frame with its `R[0]` at `base`; gives the registers at the end.
    fn call(&mut self, vm: &mut Vm, index: usize, nargs: u64, base: u64) -> Result<Registers, RuntimeError> {
        let entry = self.state.functions[index].address;
        let heap = vm.heap_mut();
        // SAFETY: the arena stays mapped while `vm` lives, which is longer than this call, and the interpreter holds no
        // reference into it while code runs.
        let memory = unsafe { GuestMemory::new(heap.guest_base(), heap.host_ptr(), heap.len() as usize) };
        let mut regs = Registers::default();
        regs.x[1] = nargs;
        regs.x[25] = layout::MAX_DEPTH.saturating_sub(vm.depth());
        regs.x[26] = base;
        regs.x[28] = memory.base();
        regs.sp = self.state.sp;
        let saved_sp = self.state.sp;
        let mut host = HostSide { vm, state: self.state };
        let stop = self.executor.call(&memory, entry, &mut regs, &mut host);
        self.state.sp = saved_sp;
        match stop {
            Ok(()) => Ok(regs),
            Err(Stop::Unwound) => Err(self.state.pending.take().unwrap_or_else(|| fault("an error without a cause"))),
            Err(Stop::Budget { pc }) => Err(RuntimeError {
                kind: ErrorKind::Budget,
                message: format!(
                    "the instruction budget of compiled code ran out in {} (raise it with --max-instructions, or with --max-steps where only that is given)",
                    self.describe(pc)
                ),
                value: Value::NIL,
                trace: Vec::new(),
            }),
            Err(stop @ Stop::Fault { pc, .. }) => {
                Err(fault(&format!("compiled code misbehaved in {}: {stop}", self.describe(pc))))
            }
        }
    }

    /// Where an address of code lies: function, instruction, source line.
    fn describe(&self, pc: u64) -> String {
        for f in &self.state.functions {
            let Some(offset) = pc.checked_sub(f.address).filter(|o| *o < f.code.words.len() as u64 * 4) else {
                continue;
            };
            let word = (offset / 4) as usize;
            let text = gsx_backend_arm64::disassemble(f.code.words[word], pc);
            let unit = &f.stages[f.stages.len() - 1].1;
            let place = f.code.provenance.get(word).and_then(|p| p.origin).and_then(|o| {
                let pos = unit.program.proto(o.proto).spans.get(o.pc as usize)?;
                Some(format!(", {}:{pos}", unit.program.source.name))
            });
            return format!("{}+{offset:#x} ({text}{})", f.name, place.unwrap_or_default());
        }
        format!("{pc:#x}")
    }
}

pub(crate) fn fault(message: &str) -> RuntimeError {
    RuntimeError { kind: ErrorKind::Fault, message: message.to_string(), value: Value::NIL, trace: Vec::new() }
}
