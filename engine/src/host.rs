//! Host calls of compiled code: what the runtime does for it.

use gscript::bytecode::ProtoId;
use gscript::error::{ErrorKind, RuntimeError};
use gscript::interp::{NativeRoots, Vm};
use gscript::jit::{LoopEnd, Results, ResumeFrame};
use gscript::layout;
use gscript::value::Value;
use gsx_backend_arm64::{ExitKind, HostCall, LOOP_LEFT};
use gsx_machine::{Executor, Host, HostAction, Registers};

use crate::jit::{JitSide, JitState, fault};

/// Native frame of the call stub: its frame record.
const STUB_FRAME_BYTES: u64 = 16;

/// How an exit ended.
enum Gone {
    /// The interpreter has finished the activation.
    Returned(Results),
    /// The interpreter goes on where it is told, once the loop has returned.
    LeftLoop,
    /// The loop is over, at this instruction.
    EndedLoop(u32),
}

/// Compiled code's view of the runtime.
pub(crate) struct HostSide<'a> {
    pub vm: &'a mut Vm,
    pub state: &'a mut JitState,
}

impl Host for HostSide<'_> {
    fn host_call(&mut self, executor: &mut dyn Executor, regs: &mut Registers) -> HostAction {
        let saved_sp = self.state.sp;
        self.state.sp = regs.sp;
        let (sp, return_address) = self.caller(regs);
        self.vm.enter_host(sp, return_address, NativeRoots { stack: regs.sp, words: &regs.x });
        if regs.x[17] == HostCall::BoxInt as u64 {
            let word = self.box_int(regs);
            self.vm.leave_host();
            self.state.sp = saved_sp;
            return match word {
                Ok(word) => HostAction::Preserve(word),
                Err(error) => {
                    self.state.pending = Some(error);
                    HostAction::Unwind
                }
            };
        }
        let done = match HostCall::try_from(regs.x[17]) {
            Ok(call) => self.dispatch(executor, regs, call),
            Err(unknown) => Err(RuntimeError {
                kind: ErrorKind::Fault,
                message: unknown.to_string(),
                value: Value::NIL,
                trace: Vec::new(),
            }),
        };
        self.vm.leave_host();
        self.state.sp = saved_sp;
        match done {
            Ok((x0, x1)) => {
                regs.x[0] = x0;
                regs.x[1] = x1;
                HostAction::Continue
            }
            Err(error) => {
                self.state.pending = Some(error);
                HostAction::Unwind
            }
        }
    }
}

impl HostSide<'_> {
    /// Native stack pointer and return address of the activation that makes a host call. A call of a function without code
    /// comes from the stub, whose own frame (a frame record) lies in between.
    fn caller(&self, regs: &Registers) -> (u64, u64) {
        if regs.x[17] == HostCall::CallFrame as u64 {
            return (regs.sp + STUB_FRAME_BYTES, self.vm.heap().read_u64(regs.sp + 8));
        }
        (regs.sp, regs.x[30])
    }

    /// The word of the integer that compiled code has pushed.
    fn box_int(&mut self, regs: &Registers) -> Result<u64, RuntimeError> {
        *self.state.host_calls.entry("box").or_insert(0) += 1;
        let at = regs.sp + 8;
        if !self.vm.heap().contains(at, 8) {
            return Err(fault("compiled code boxes an integer that is not on its stack"));
        }
        let n = self.vm.heap().read_u64(at) as i64;
        self.vm.box_int(n, regs.x[26])
    }

    /// Tells the interpreter which call instruction the callee with frame `base` was called by.
    fn name_caller(&mut self, base: u64, regs: &Registers) {
        let (_, return_address) = self.caller(regs);
        if let Some((f, _)) = self.state.unwind.innermost(return_address) {
            let nregs = u64::from(self.vm.program().proto(f.proto).nregs);
            let base = base - self.vm.heap().layout().callee_distance(nregs);
            self.vm.set_native_caller(ResumeFrame { proto: f.proto, base, pc: f.pc as usize });
        }
    }

    /// The activation in which the unit with `R[0]` at X1 asks for an instruction, which X0 names, to be executed, and how
    /// many frames are active then.
    fn asking(&self, regs: &Registers) -> (ResumeFrame, u64) {
        let x = regs.x;
        let depth = layout::MAX_DEPTH.saturating_sub(x[2]);
        let (base, outer) = match self.state.unwind.innermost(x[30]) {
            Some((f, outer)) => (x[1] + self.vm.heap().layout().slot_offset(u64::from(f.base)), outer),
            None => (x[1], 0),
        };
        let frame = ResumeFrame { proto: ProtoId((x[0] >> 32) as u32), base, pc: (x[0] & 0xffff_ffff) as usize };
        (frame, depth + outer)
    }

    fn dispatch(
        &mut self,
        executor: &mut dyn Executor,
        regs: &mut Registers,
        call: HostCall,
    ) -> Result<(u64, u64), RuntimeError> {
        let x = regs.x;
        let depth = layout::MAX_DEPTH.saturating_sub(x[2]);
        let results = |r: Results| (r.count, r.addr);
        let mut count = |kind: &'static str| *self.state.host_calls.entry(kind).or_insert(0) += 1;
        match call {
            HostCall::CallFrame => {
                count("call");
                self.name_caller(x[0], regs);
                let mut jit = JitSide { executor, state: self.state };
                // The caller has counted the callee's frame already; the interpreter will count it itself.
                self.vm.call_frame(&mut jit, x[0], x[1], depth - 1).map(results)
            }
            HostCall::Step => {
                count("step");
                let (frame, depth) = self.asking(regs);
                let mut jit = JitSide { executor, state: self.state };
                self.vm.step(&mut jit, frame, depth).map(|()| (0, 0))
            }
            HostCall::Compare => {
                count("compare");
                let (frame, depth) = self.asking(regs);
                let mut jit = JitSide { executor, state: self.state };
                self.vm.compare(&mut jit, frame, depth).map(|b| (u64::from(b), 0))
            }
            HostCall::Close => {
                count("close");
                self.vm.close_upvalues(x[1]);
                Ok((0, 0))
            }
            // Answered before, by itself: it preserves registers.
            HostCall::BoxInt => Ok((x[0], x[1])),
            HostCall::Exit => {
                let (unit, exit) = ((x[0] >> 32) as u32, x[0] as u32);
                let call_results = Results { count: x[3], addr: x[4] };
                match self.exit(executor, unit, exit, x[1], depth, call_results)? {
                    Gone::Returned(given) => Ok(self.return_from_exit(given, regs)),
                    Gone::LeftLoop => Ok((LOOP_LEFT, 0)),
                    Gone::EndedLoop(pc) => Ok((pc.into(), 0)),
                }
            }
        }
    }

    /// What an activation that left compiled code returns, in X0 and X1, and where to, in X2: a self call may expect one
    /// result in a register, and is told at its landing pad when there is none of the right type.
    fn return_from_exit(&self, given: Results, regs: &mut Registers) -> (u64, u64) {
        let heap = self.vm.heap();
        let plain = (given.count, given.addr);
        let Some(to) = self.state.unwind.caller(heap, regs.sp, regs.x[30]) else { return plain };
        regs.x[2] = to;
        let Some((tag, landing_pad)) = self.state.unwind.landing(to) else { return plain };
        if given.count == 1 && heap.contains(given.addr, heap.layout().slot_bytes()) {
            let value = heap.load(given.addr);
            if value.tag == tag {
                return (value.bits, given.addr);
            }
        }
        regs.x[2] = landing_pad;
        plain
    }

    /// Finishes an activation in the interpreter. From a loop the interpreter goes on by itself, when that has returned.
    fn exit(
        &mut self,
        executor: &mut dyn Executor,
        unit: u32,
        exit: u32,
        base: u64,
        depth: u64,
        call_results: Results,
    ) -> Result<Gone, RuntimeError> {
        let info =
            self.state.functions.get(unit as usize).and_then(|f| f.code.exits.get(exit as usize)).cloned().ok_or_else(
                || RuntimeError {
                    kind: ErrorKind::Fault,
                    message: format!("compiled code left through exit {exit} of unit {unit}, which does not exist"),
                    value: Value::NIL,
                    trace: Vec::new(),
                },
            )?;
        self.vm.heap_mut().box_payloads(base, &info.raw);
        if info.kind == ExitKind::LoopEnd {
            return Ok(Gone::EndedLoop(info.frames.last().map_or(0, |f| f.pc)));
        }
        *self.state.exits.entry((unit, exit)).or_insert(0) += 1;
        if info.speculative {
            self.state.note_failure(self.vm, unit, exit);
        }
        let mut frames: Vec<ResumeFrame> = info
            .frames
            .iter()
            .map(|f| ResumeFrame {
                proto: f.proto,
                base: base + self.vm.heap().layout().slot_offset(u64::from(f.base)),
                pc: f.pc as usize,
            })
            .collect();
        let last = frames.len() - 1;
        let innermost = frames[last];
        let state = info.frames[info.frames.len() - 1];
        let open = match (info.kind, state.open) {
            (ExitKind::OpenResults { a }, _) => {
                frames[last].pc += 1;
                Some((a, call_results))
            }
            (ExitKind::Results { a, count }, _) => {
                let to = innermost.base + self.vm.heap().layout().slot_offset(u64::from(a));
                let room = self.vm.heap().layout().slot_offset(u64::from(count));
                let from = call_results.count.min(u64::from(count));
                let layout = self.vm.heap().layout();
                let heap = self.vm.heap_mut();
                if !heap.contains(to, room) || !heap.contains(call_results.addr, layout.slot_offset(from)) {
                    return Err(fault("a call of compiled code gave results that are none"));
                }
                for i in 0..u64::from(count) {
                    let at = layout.slot_offset(i);
                    let v = if i < from { heap.load(call_results.addr + at) } else { Value::NIL };
                    heap.store(to + at, v);
                }
                frames[last].pc += 1;
                None
            }
            // The results of the open call before are in their slots already: the interpreter only learns how many.
            (ExitKind::Resume | ExitKind::LoopEnd, Some((a, count))) => {
                let addr = innermost.base + self.vm.heap().layout().slot_offset(u64::from(a));
                Some((a, Results { addr, count: u64::from(count) }))
            }
            (ExitKind::Resume | ExitKind::LoopEnd, None) => None,
        };
        if self.state.parts[unit as usize].header.is_some() {
            let top = match open {
                Some((a, results)) => Some(self.vm.place_open_results(innermost, a, results)?),
                None => None,
            };
            self.state.left = Some(LoopEnd::Left { frames, top });
            return Ok(Gone::LeftLoop);
        }
        let mut jit = JitSide { executor, state: self.state };
        let results = match open {
            Some((a, there)) => self.vm.resume_with_open_results(&mut jit, &frames, a, there, depth),
            None => self.vm.resume(&mut jit, &frames, depth),
        };
        results.map(Gone::Returned)
    }
}
