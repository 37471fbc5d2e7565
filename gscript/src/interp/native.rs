//! What compiled code asks of the interpreter: to finish activations, to call functions, to run single instructions.
//!
//! `depth` is always the number of active frames up to and including the compiled activation that asks, as
//! [`Vm::depth`] told it on entry plus the calls that compiled code has made since. Inlined frames do not count until
//! [`Vm::resume`] makes real ones of them.

use super::collect::NativeRoots;
use super::frame::{BOUNDARY, CallInfo, ProtoRt};
use super::{Cx, Fail, Vm};
use crate::bytecode::Op;
use crate::error::{ErrorKind, RuntimeError};
use crate::jit::{Jit, NativeFrames, Results, ResumeFrame};
use crate::layout::{FRAME_SLOTS_RESERVED, MAX_DEPTH};
use crate::value::Value;

/// More slots than a unit of compiled code uses, with all frames of calls that are inlined in it and a callee's.
const UNIT_SLOTS: u64 = 1024;

/// A host call in progress: compiled activations lie between the interpreter's frames below and above it.
#[derive(Clone, Copy)]
pub(super) struct Mark {
    /// Interpreter frames of the main thread below.
    pub frames: usize,
    /// Native stack pointer and return address, as [`NativeFrames::walk`] takes them.
    pub sp: u64,
    pub return_address: u64,
    /// Native stack pointer from which on the native stack is in use.
    pub stack: u64,
    /// Entries of the root stack before those of the host call.
    pub roots: usize,
}

impl Vm {
    /// Compiled code misbehaved.
    #[cold]
    pub(super) fn fault(&self, what: &str) -> RuntimeError {
        let message = format!("{}{what}", self.where_now());
        RuntimeError { kind: ErrorKind::Fault, message, value: Value::NIL, trace: Vec::new() }
    }

    /// Refuses a frame of compiled code that does not lie on the main stack, or a place that is not in the function.
    pub(super) fn check_frame(&self, f: &ResumeFrame) -> Result<(), RuntimeError> {
        let (low, high) = self.heap.stack();
        let room = FRAME_SLOTS_RESERVED * self.heap.slot_bytes();
        let known = self.program.protos.get(f.proto.index()).is_some_and(|p| f.pc < p.code.len());
        if known && f.base > low && f.base <= high - room && f.base.is_multiple_of(8) {
            return Ok(());
        }
        Err(self.fault(&format!("compiled code handed over a frame that is none ({f:x?})")))
    }

    /// Host address of results of compiled code, if they are in the arena.
    pub(super) fn results_from_compiled(&self, r: Results) -> Result<*mut u8, Fail> {
        let bytes = r.count.checked_mul(self.heap.slot_bytes());
        bytes
            .and_then(|bytes| self.heap.span(r.addr, bytes))
            .ok_or_else(|| Box::new(self.fault(&format!("compiled code returned results that are none ({r:x?})"))))
    }

    /// Says who knows where compiled activations stand.
    pub fn set_native_frames(&mut self, frames: Box<dyn NativeFrames>) {
        self.native_frames = Some(frames);
    }

    /// A host call begins. The activation that makes it (around `return_address`, with native stack pointer `sp`) will be a
    /// frame of the interpreter; its compiled callers are found from here when an error needs them. `live` is what compiled
    /// code may refer to beside its frames on the VM stack.
    pub fn enter_host(&mut self, sp: u64, return_address: u64, live: NativeRoots) {
        let (frames, roots) = (self.frames.len(), self.roots.len());
        self.roots.extend_from_slice(live.words);
        self.native_marks.push(Mark { frames, sp, return_address, stack: live.stack, roots });
    }

    /// The innermost host call ends.
    pub fn leave_host(&mut self) {
        if let Some(mark) = self.native_marks.pop() {
            self.roots.truncate(mark.roots);
        }
    }

    /// The NaN-boxed word of an integer, for compiled code whose frame's `R[0]` is at `base`. Unlike the heap's own
    /// [`box_int`](crate::heap::Heap::box_int) this is a safe point.
    pub fn box_int(&mut self, n: i64, base: u64) -> Result<u64, RuntimeError> {
        if self.heap.collection_due() {
            // The frame, those of the calls that are inlined in it, and the one that arguments are being put in.
            let (low, high) = self.heap.stack();
            let end = base.saturating_add(self.heap.layout().slot_offset(UNIT_SLOTS)).clamp(low, high);
            let end = self.heap.host(end.min(high - 8));
            self.collect_if_needed(end).map_err(|e| *e)?;
        }
        Ok(self.heap.box_int(n))
    }

    /// Rebuilds frames of compiled code, outermost first (the function value is in each header slot), and runs until the
    /// outermost of them returns; gives its results. An outer frame's pc is that of the call in progress.
    pub fn resume(&mut self, jit: &mut dyn Jit, frames: &[ResumeFrame], depth: u64) -> Result<Results, RuntimeError> {
        let floor = self.frames.len();
        frames.iter().try_for_each(|f| self.check_frame(f))?;
        for (i, f) in frames.iter().enumerate() {
            let last = i + 1 == frames.len();
            let flags = if i == 0 { BOUNDARY } else { 0 };
            let depth = depth + i as u64;
            let rt = self.protos[f.proto.index()];
            self.push_resumed(f, rt, if last { f.pc } else { f.pc + 1 }, flags, depth);
            if depth > MAX_DEPTH {
                let e = self.stack_overflow();
                self.frames.truncate(floor);
                return Err(*e);
            }
        }
        self.run_resumed(jit)
    }

    /// The same after the call instruction (with open results) just before the innermost frame's pc has given `results`:
    /// they are copied to its `R[a..]` and the top is set behind them.
    pub fn resume_with_open_results(
        &mut self,
        jit: &mut dyn Jit,
        frames: &[ResumeFrame],
        a: u8,
        results: Results,
        depth: u64,
    ) -> Result<Results, RuntimeError> {
        let Some(&frame) = frames.last() else { return Err(self.fault("compiled code left without a frame")) };
        let top = self.place_open_results(frame, a, results)?;
        self.top = self.heap.host(top);
        self.resume(jit, frames, depth)
    }

    /// Copies the results of an open call to `R[a..]` of a frame; gives the guest address behind them.
    pub fn place_open_results(&mut self, frame: ResumeFrame, a: u8, results: Results) -> Result<u64, RuntimeError> {
        self.check_frame(&frame)?;
        let base = self.heap.host(frame.base);
        let from = self.results_from_compiled(results).map_err(|e| *e)?;
        let n = results.count as usize;
        let to = self.at(base, a as usize);
        if self.at(to, n) > self.stack_limit {
            return Err(*self.stack_overflow());
        }
        // SAFETY: the results are `n` slots, and there is room for as many.
        unsafe { self.slots().copy_n(to, from, n) };
        Ok(self.heap.guest(self.at(to, n)))
    }

    /// Runs the innermost frame, which was just rebuilt.
    fn run_resumed(&mut self, jit: &mut dyn Jit) -> Result<Results, RuntimeError> {
        let at = self.frames.last().map_or(std::ptr::null_mut(), |ci| ci.end(self.slots()));
        let depth = self.frames.last().map_or(0, |ci| ci.depth);
        let mut cx = Cx { jit, at, depth };
        let results = self.run(&mut cx);
        self.results(results)
    }

    fn results(&self, r: Result<(*mut u8, usize), Fail>) -> Result<Results, RuntimeError> {
        match r {
            Ok((ptr, n)) => Ok(Results { addr: self.heap.guest(ptr), count: n as u64 }),
            Err(e) => Err(*e),
        }
    }

    pub(super) fn push_resumed(&mut self, f: &ResumeFrame, rt: *mut ProtoRt, pc: usize, flags: u32, depth: u64) {
        // SAFETY: the pointers in `protos` are live; pcs of compiled code are pcs of the function.
        let pc = unsafe {
            let index = pc.saturating_sub((*rt).first_pc);
            (*rt).code.add(index)
        };
        let base = self.heap.host(f.base);
        self.frames.push(CallInfo { base, pc, rt, nvarargs: 0, flags, depth });
    }

    /// Says where compiled code is (the pc of its call instruction) for the messages of the next [`Vm::call_frame`].
    pub fn set_native_caller(&mut self, caller: ResumeFrame) {
        self.native_caller = Some(caller);
    }

    /// Calls what is in the header slot below `base` with the `nargs` arguments at `base`, whatever it is; gives its
    /// results. Errors point at the caller last told with [`Vm::set_native_caller`].
    pub fn call_frame(
        &mut self,
        jit: &mut dyn Jit,
        base: u64,
        nargs: u64,
        depth: u64,
    ) -> Result<Results, RuntimeError> {
        let (low, high) = self.heap.stack();
        let reach = nargs.checked_mul(self.heap.slot_bytes()).and_then(|bytes| base.checked_add(bytes));
        if base <= low || reach.is_none_or(|end| end > high - FRAME_SLOTS_RESERVED * self.heap.slot_bytes()) {
            return Err(self.fault(&format!("compiled code called with a frame that is none ({base:#x}, {nargs})")));
        }
        let args = self.heap.host(base);
        let header = args.wrapping_sub(self.slots().size());
        // SAFETY: compiled code hands over a frame under construction: header and arguments are slots of the stack.
        let f = unsafe { self.slots().load(header) };
        let floor = self.frames.len();
        match self.native_caller.take() {
            Some(caller) if self.check_frame(&caller).is_ok() => {
                let rt = self.protos[caller.proto.index()];
                self.push_resumed(&caller, rt, caller.pc + 1, BOUNDARY, depth);
            }
            _ => {
                let rt = self.call_helper;
                // SAFETY: the helper is live as long as the `Vm`.
                let pc = unsafe { (*rt).code };
                self.frames.push(CallInfo { base: header, pc, rt, nvarargs: 0, flags: BOUNDARY, depth });
            }
        }
        let mut cx = Cx { jit, at: header, depth };
        let results = self.call_here(&mut cx, f, args, nargs as usize);
        self.frames.truncate(floor);
        self.results(results)
    }

    /// Executes exactly the one instruction at the frame's pc: any but jumps, returns and comparisons. A call runs to its
    /// end. Open calls and variable arguments set the top, which later steps of the frame use.
    pub fn step(&mut self, jit: &mut dyn Jit, frame: ResumeFrame, depth: u64) -> Result<(), RuntimeError> {
        self.check_frame(&frame)?;
        let key = (frame.proto, frame.pc);
        let rt = match self.singles.get(&key) {
            Some(&rt) => rt,
            None => {
                // SAFETY: the pointers in `protos` are live.
                let single = unsafe { (*self.protos[frame.proto.index()]).single(frame.pc) };
                let rt = Box::into_raw(Box::new(single));
                self.singles.insert(key, rt);
                rt
            }
        };
        self.push_resumed(&frame, rt, frame.pc, BOUNDARY, depth);
        let top = self.run_resumed(jit);
        top.map(|_| ())
    }

    /// `R[B] op R[C]` for the comparison (`Eq`, `Lt`, `Le`) at the frame's pc.
    pub fn compare(&mut self, jit: &mut dyn Jit, frame: ResumeFrame, depth: u64) -> Result<bool, RuntimeError> {
        self.check_frame(&frame)?;
        let inst = self.program.proto(frame.proto).code[frame.pc];
        let rt = self.protos[frame.proto.index()];
        self.push_resumed(&frame, rt, frame.pc + 1, BOUNDARY, depth);
        let base = self.heap.host(frame.base);
        // SAFETY: operands are registers of the frame.
        let (a, b): (Value, Value) = unsafe {
            (self.slots().load(self.at(base, inst.b as usize)), self.slots().load(self.at(base, inst.c as usize)))
        };
        let free = self.frames.last().map_or(base, |ci| ci.end(self.slots()));
        let mut cx = Cx { jit, at: free, depth };
        let result = match inst.op {
            Op::Eq => self.equal(&mut cx, a, b),
            Op::Lt => self.less_than(&mut cx, a, b),
            _ => self.less_equal(&mut cx, a, b),
        };
        self.frames.pop();
        result.map_err(|e| *e)
    }
}
