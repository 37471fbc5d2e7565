//! Calls: building frames, running builtins, delivering results.

use super::frame::{BOUNDARY, CallInfo, PCALL, ProtoRt, SEGMENT, SLACK_SLOTS, XPCALL};
use super::{Cx, Fail, MAX_JIT_LEVELS, MAX_NATIVE_LEVELS, Vm};
use crate::bytecode::{Op, ProtoId};
use crate::heap::slot::Slots;
use crate::jit::Results;
use crate::layout::{CLOSURE_FUNC, FRAME_SLOTS_RESERVED, FUNC_BUILTIN, HEADER, MAX_DEPTH};
use crate::library::{Action, Args, BuiltinFn};
use crate::value::{Tag, Value};

/// Longest chain of `__call` metamethods.
const MAX_CALL_CHAIN: usize = 50;

impl Vm {
    /// How to read and write slots.
    #[inline(always)]
    pub(crate) fn slots(&self) -> Slots {
        self.heap.slots
    }

    /// Host address of the slot `n` slots further on.
    #[inline(always)]
    pub(crate) fn at(&self, p: *mut u8, n: usize) -> *mut u8 {
        p.wrapping_add(n * self.slots().size())
    }

    /// Slots between two host addresses.
    fn slots_between(&self, low: *const u8, high: *const u8) -> usize {
        (high as usize).saturating_sub(low as usize) / self.slots().size()
    }

    /// What is behind a function value: the prototype of a closure, or `None` for a builtin.
    #[inline]
    pub(super) fn proto_of(&self, f: Value) -> Option<*mut ProtoRt> {
        let index = (self.heap.word(f.bits, HEADER) >> 32) as u32;
        self.protos.get(index as usize).copied()
    }

    /// Index in the library of the function that a builtin's closure, at a guest address, runs.
    pub(super) fn builtin_index(&self, closure: u64) -> Option<u32> {
        let index = self.heap.half(self.heap.word(closure, CLOSURE_FUNC), FUNC_BUILTIN);
        self.builtins.get(index as usize).map(|_| index)
    }

    fn builtin_action(&self, f: Value) -> Action {
        let record = self.heap.word(f.bits, CLOSURE_FUNC);
        let builtin = self.builtins.get(self.heap.half(record, FUNC_BUILTIN) as usize);
        builtin.map_or(Action::Plain(damaged), |b| b.action)
    }

    /// Calls `f` on behalf of the instruction in progress in the innermost frame. The results go where that instruction
    /// wants them, now or when the frame that was pushed returns.
    pub(super) fn call_op(&mut self, cx: &mut Cx, f: Value, args: *mut u8, n: usize, flags: u32) -> Result<(), Fail> {
        let (mut f, mut args, mut n) = (f, args, n);
        for _ in 0..MAX_CALL_CHAIN {
            if f.tag == Tag::Function {
                let Some(rt) = self.proto_of(f) else {
                    return match self.builtin_action(f) {
                        Action::Plain(run) => {
                            let (ptr, n) = self.run_builtin(cx, run, f, args, n)?;
                            self.finish_call(ptr, n)
                        }
                        action => self.special(cx, action, f, args, n),
                    };
                };
                self.count_call(cx, rt);
                // SAFETY: the pointers in `protos` are live.
                if unsafe { (*rt).compiled } && self.current == 0 && self.jit_levels < MAX_JIT_LEVELS {
                    return self.call_compiled(cx, rt, f, args, n, flags);
                }
                return self.push_frame(cx, rt, f, args, n, flags);
            }
            // What is called becomes the first argument of its `__call`.
            let meta = self.metamethod(f, self.names.call);
            if meta.is_nil() {
                break;
            }
            (args, n) = self.prepend(cx, f, args, n)?;
            f = meta;
        }
        Err(self.error(format!("attempt to call a {} value", f.tag.type_name())))
    }

    /// Copies arguments to free stack with `first` before them.
    fn prepend(&mut self, cx: &mut Cx, first: Value, args: *mut u8, n: usize) -> Result<(*mut u8, usize), Fail> {
        let to = self.at(cx.at.max(self.at(args, n)), 1);
        if self.at(to, n + 1) > self.stack_limit {
            return Err(self.stack_overflow());
        }
        // SAFETY: `to` and the slots behind it are free stack below the limit.
        unsafe {
            self.slots().copy_n(self.at(to, 1), args, n);
            self.heap.put(to, first);
        }
        Ok((to, n + 1))
    }

    /// Counts a call that does not come from a `CALL` instruction (those count themselves).
    pub(super) fn tick(&mut self, rt: *mut ProtoRt) {
        // SAFETY: the pointers in `protos` are live.
        unsafe { (*rt).countdown = (*rt).countdown.saturating_sub(1) };
    }

    /// Counts a call that took the slow path, and tells the JIT when the function has become hot.
    fn count_call(&mut self, cx: &mut Cx, rt: *mut ProtoRt) {
        // SAFETY: the pointers in `protos` are live; no reference is kept over the call into the JIT.
        unsafe {
            let forced = (*rt).is_vararg || (*rt).compiled;
            if !forced && (*rt).countdown > 0 {
                return;
            }
            (*rt).slow_calls = (*rt).slow_calls.saturating_add(1);
            let hot = !forced || (*rt).slow_calls == self.hot_calls;
            (*rt).countdown = if forced { 1 } else { u32::MAX };
            if hot && !(*rt).compiled {
                let id = (*rt).id;
                cx.jit.hot(self, id);
            }
        }
    }

    /// Runs a builtin with its arguments in place; gives its results.
    pub(super) fn run_builtin(
        &mut self,
        cx: &mut Cx,
        run: BuiltinFn,
        f: Value,
        args: *mut u8,
        n: usize,
    ) -> Result<(*mut u8, usize), Fail> {
        let ret = cx.at.max(self.at(args, n));
        let mut inner = Cx { jit: &mut *cx.jit, at: ret, depth: cx.depth };
        let slots = self.slots();
        let count = run(self, &mut inner, Args { base: args, n, ret, callee: f.bits, slots })?;
        Ok((self.big_results.take().unwrap_or(ret), count))
    }

    /// Room for `n` results of a builtin, at `ret` if they fit there.
    pub(crate) fn results_room(&mut self, ret: *mut u8, n: usize) -> Result<*mut u8, Fail> {
        if n <= SLACK_SLOTS - 8 || self.at(ret, n) <= self.stack_limit {
            return Ok(ret);
        }
        let block = self.heap.alloc_slots(0, n as u64).map_err(|e| self.heap_error(e))?;
        let ptr = self.heap.host(block);
        self.big_results = Some(ptr);
        Ok(ptr)
    }

    /// Pushes a frame for `rt`. Arguments may overlap with the new frame.
    pub(super) fn push_frame(
        &mut self,
        cx: &mut Cx,
        rt: *mut ProtoRt,
        f: Value,
        args: *mut u8,
        n: usize,
        flags: u32,
    ) -> Result<(), Fail> {
        // SAFETY: the pointers in `protos` are live; only numbers are read.
        let (nparams, nregs, vararg, code) =
            unsafe { ((*rt).nparams as usize, (*rt).nregs as usize, (*rt).is_vararg, (*rt).code) };
        let extra = if vararg { n.saturating_sub(nparams) } else { 0 };
        let depth = cx.depth + 1;
        if depth > MAX_DEPTH {
            return Err(self.stack_overflow());
        }
        self.charge()?;
        let mut flags = flags;
        let mut low = cx.at;
        if self.at(low, extra + 1 + nregs) > self.stack_limit {
            low = self.next_segment(extra + 1 + nregs)?;
            flags |= SEGMENT;
        } else if self.current == 0 && extra > 0 {
            self.check_vararg_room(self.at(low, extra + 1 + nregs), depth)?;
        }
        let base = self.at(low, extra + 1);
        // SAFETY: the frame lies below the stack limit, which leaves slack; arguments are live slots.
        unsafe {
            if extra > 0 {
                self.spend_on_list(extra);
                self.scratch.clear();
                for i in 0..n {
                    self.scratch.push(self.slots().load(self.at(args, i)));
                }
                for (i, &v) in self.scratch.iter().enumerate() {
                    self.heap.put(if i < nparams { self.at(base, i) } else { self.at(low, i - nparams) }, v);
                }
            } else {
                let given = n.min(nparams);
                self.slots().copy_n(base, args, given);
                self.slots().fill_nil(self.at(base, given), nparams - given);
            }
            self.heap.put(base.sub(self.slots().size()), f);
        }
        self.frames.push(CallInfo { base, pc: code, rt, nvarargs: extra as u32, flags, depth });
        if self.profiling {
            self.observe_entry(rt, base);
        }
        Ok(())
    }

    /// Takes one step from the budget.
    #[inline]
    pub(super) fn charge(&mut self) -> Result<(), Fail> {
        self.budget -= 1;
        if self.budget == 0 { Err(self.budget_error()) } else { Ok(()) }
    }

    /// Takes steps for work inside of the library; the next call or loop notices when none are left.
    pub(crate) fn spend(&mut self, steps: u64) {
        self.budget = self.budget.saturating_sub(steps).max(1);
    }

    /// Takes steps for handling a list of `n` values: none for the usual ones.
    pub(super) fn spend_on_list(&mut self, n: usize) {
        if n >= 64 {
            self.spend(n as u64 / 16);
        }
    }

    /// Checks that frames of the usual size still have room when values reach up to `end` on the main stack.
    fn check_vararg_room(&mut self, end: *mut u8, depth: u64) -> Result<(), Fail> {
        let high = self.heap.host(self.heap.stack().1 - self.heap.slot_bytes());
        let reserve = (MAX_DEPTH - depth.min(MAX_DEPTH)) * FRAME_SLOTS_RESERVED;
        if (self.slots_between(end, high) as u64) < reserve { Err(self.stack_overflow()) } else { Ok(()) }
    }

    /// Builds the frame of a function with compiled code and runs it.
    fn call_compiled(
        &mut self,
        cx: &mut Cx,
        rt: *mut ProtoRt,
        f: Value,
        args: *mut u8,
        n: usize,
        flags: u32,
    ) -> Result<(), Fail> {
        if unsafe_is_vararg(rt) {
            return self.push_frame(cx, rt, f, args, n, flags);
        }
        // Building and removing it checks depth and fills in parameters as for any other call.
        self.push_frame(cx, rt, f, args, n, flags)?;
        let Some(frame) = self.frames.pop() else { return Ok(()) };
        // SAFETY: `rt` is live.
        let id = unsafe { (*rt).id };
        match self.invoke(cx, id, frame.base, frame.depth)? {
            Some(r) => {
                let ptr = self.results_from_compiled(r)?;
                self.finish_call(ptr, r.count as usize)
            }
            None => {
                self.frames.push(frame);
                Ok(())
            }
        }
    }

    fn invoke(&mut self, cx: &mut Cx, id: ProtoId, base: *mut u8, depth: u64) -> Result<Option<Results>, Fail> {
        let base = self.heap.guest(base);
        let outer = std::mem::replace(&mut self.entry_depth, depth);
        self.jit_levels += 1;
        let result = cx.jit.invoke(self, id, base);
        self.jit_levels -= 1;
        self.entry_depth = outer;
        result.map_err(Box::new)
    }

    /// Hands `n` results from `ptr` on to the instruction in progress in the innermost frame.
    pub(super) fn finish_call(&mut self, ptr: *mut u8, n: usize) -> Result<(), Fail> {
        let Some(ci) = self.frames.last() else { return Ok(()) };
        // SAFETY: a frame that waits for results is behind its call instruction.
        let (inst, mut base) = unsafe { (*ci.pc.sub(1), ci.base) };
        let (first, wanted) = match inst.op {
            Op::TForCall => (inst.a as usize + 3, inst.c as usize + 1),
            _ => (inst.a as usize, inst.c as usize),
        };
        if self.profiling {
            self.observe_results(ptr, n);
        }
        if wanted == 0 {
            if self.at(base, first + n) > self.stack_limit {
                base = self.move_frame(first, n)?;
            } else if self.current == 0 && n > SLACK_SLOTS {
                let depth = self.frames.last().map_or(0, |ci| ci.depth);
                self.check_vararg_room(self.at(base, first + n), depth)?;
            }
            self.spend_on_list(n);
            // SAFETY: there is room for `n` slots from `first` on now.
            unsafe { self.slots().copy_n(self.at(base, first), ptr, n) };
            self.top = self.at(base, first + n);
        } else {
            let given = n.min(wanted - 1);
            // SAFETY: the instruction's results are registers of the frame.
            unsafe {
                self.slots().copy_n(self.at(base, first), ptr, given);
                self.slots().fill_nil(self.at(base, first + given), wanted - 1 - given);
            }
        }
        Ok(())
    }

    /// Calls `f` from Rust and runs it to its end; gives its results, which stay valid until the next call.
    pub(super) fn call_nested(
        &mut self,
        cx: &mut Cx,
        f: Value,
        args: *mut u8,
        n: usize,
    ) -> Result<(*mut u8, usize), Fail> {
        if self.native_levels >= MAX_NATIVE_LEVELS {
            return Err(self.error("stack overflow (too many nested library calls)"));
        }
        self.native_levels += 1;
        let result = self.call_here(cx, f, args, n);
        self.native_levels -= 1;
        result
    }

    /// The same without counting the nesting.
    pub(super) fn call_here(
        &mut self,
        cx: &mut Cx,
        f: Value,
        args: *mut u8,
        n: usize,
    ) -> Result<(*mut u8, usize), Fail> {
        self.safe_point_for_call(f, self.at(args, n))?;
        if f.tag == Tag::Function {
            match self.proto_of(f) {
                Some(rt) => {
                    self.tick(rt);
                    self.count_call(cx, rt);
                    // SAFETY: the pointers in `protos` are live.
                    let compiled = unsafe { (*rt).compiled && !(*rt).is_vararg };
                    self.push_frame(cx, rt, f, args, n, BOUNDARY)?;
                    if compiled
                        && self.current == 0
                        && self.jit_levels < MAX_JIT_LEVELS
                        && let Some(frame) = self.frames.pop()
                    {
                        // SAFETY: `rt` is live.
                        let id = unsafe { (*rt).id };
                        if let Some(r) = self.invoke(cx, id, frame.base, frame.depth)? {
                            return Ok((self.results_from_compiled(r)?, r.count as usize));
                        }
                        self.frames.push(frame);
                    }
                    return self.run(cx);
                }
                None => {
                    if let Action::Plain(run) = self.builtin_action(f) {
                        return self.run_builtin(cx, run, f, args, n);
                    }
                }
            }
        }
        self.push_call_helper(cx, f, args, n)?;
        self.run(cx)
    }

    /// Pushes a frame that calls `f`, whatever it is, and returns what it returns. It does not count as an activation.
    fn push_call_helper(&mut self, cx: &mut Cx, f: Value, args: *mut u8, n: usize) -> Result<(), Fail> {
        let base = self.at(cx.at, 1);
        if self.at(base, n + 2) > self.stack_limit {
            return Err(self.stack_overflow());
        }
        // SAFETY: the slots lie below the stack limit.
        unsafe {
            self.slots().copy_n(self.at(base, 1), args, n);
            self.heap.put(base, f);
            self.slots().set_nil(base.sub(self.slots().size()));
        }
        self.top = self.at(base, n + 1);
        let rt = self.call_helper;
        // SAFETY: the helper is live as long as the `Vm`.
        let pc = unsafe { (*rt).code };
        self.frames.push(CallInfo { base, pc, rt, nvarargs: 0, flags: BOUNDARY, depth: cx.depth });
        Ok(())
    }

    /// `pcall(f, …)` and `xpcall(f, handler, …)`: pushes the frame at which errors end.
    pub(super) fn push_protected(
        &mut self,
        cx: &mut Cx,
        handler: Option<Value>,
        f: Value,
        args: *mut u8,
        n: usize,
    ) -> Result<(), Fail> {
        let depth = cx.depth + 1;
        if depth > MAX_DEPTH {
            return Err(self.stack_overflow());
        }
        self.charge()?;
        let mut flags = if handler.is_some() { PCALL | XPCALL } else { PCALL };
        let mut low = cx.at;
        if self.at(low, n + 6) > self.stack_limit {
            low = self.next_segment(n + 6)?;
            flags |= SEGMENT;
        }
        let base = self.at(low, 1);
        // SAFETY: the slots lie below the stack limit; arguments are moved before lower slots are written.
        unsafe {
            self.slots().copy_n(self.at(base, 3), args, n);
            self.slots().set_nil(low);
            self.heap.put(base, handler.unwrap_or(Value::NIL));
            self.heap.put(self.at(base, 1), Value::bool(true));
            self.heap.put(self.at(base, 2), f);
        }
        self.top = self.at(base, n + 3);
        let rt = self.protected_helper;
        // SAFETY: the helper is live as long as the `Vm`.
        let pc = unsafe { (*rt).code };
        self.frames.push(CallInfo { base, pc, rt, nvarargs: 0, flags, depth });
        Ok(())
    }

    /// Runs the innermost frame, which was entered from Rust, until it returns.
    pub(super) fn run(&mut self, cx: &mut Cx) -> Result<(*mut u8, usize), Fail> {
        let thread = self.current;
        self.threads[thread].boundaries += 1;
        let result =
            if self.profiling { self.execute::<true>(&mut *cx.jit) } else { self.execute::<false>(&mut *cx.jit) };
        self.threads[thread].boundaries -= 1;
        result
    }

    /// Calls `f` with `args` from Rust; gives all results.
    pub(crate) fn call_values(&mut self, cx: &mut Cx, f: Value, args: &[Value]) -> Result<Vec<Value>, Fail> {
        let (ptr, n) = self.call_slice(cx, f, args)?;
        Ok(self.values_at(ptr, n))
    }

    /// Calls `f` with `args` from Rust; gives the first result.
    pub(crate) fn call_values_1(&mut self, cx: &mut Cx, f: Value, args: &[Value]) -> Result<Value, Fail> {
        let (ptr, n) = self.call_slice(cx, f, args)?;
        // SAFETY: there are `n` results.
        Ok(if n == 0 { Value::NIL } else { unsafe { self.slots().load(ptr) } })
    }

    fn call_slice(&mut self, cx: &mut Cx, f: Value, args: &[Value]) -> Result<(*mut u8, usize), Fail> {
        let to = self.at(cx.at, 1);
        if args.len() > SLACK_SLOTS - 4 && self.at(to, args.len()) > self.stack_limit {
            return Err(self.stack_overflow());
        }
        for (i, &v) in args.iter().enumerate() {
            // SAFETY: free stack; a few slots are always there, many were checked.
            unsafe { self.heap.put(self.at(to, i), v) };
        }
        self.call_nested(cx, f, to, args.len())
    }
}

/// Stands for the code of a function value that wrong compiled code has damaged.
fn damaged(vm: &mut Vm, _: &mut Cx, _: Args) -> Result<usize, Fail> {
    Err(Box::new(vm.fault("compiled code left a function value that is none")))
}

fn unsafe_is_vararg(rt: *mut ProtoRt) -> bool {
    // SAFETY: the pointers in `protos` are live.
    unsafe { (*rt).is_vararg }
}
