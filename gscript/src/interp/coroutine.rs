//! Coroutines: threads of their own, switched inside the interpreter loop without Rust recursion.

use super::frame::{CallInfo, ROOT, SEGMENT, SLACK_SLOTS, Segment, Status, Thread, ThreadKind};
use super::{Cx, Fail, Vm};
use crate::error::RuntimeError;
use crate::layout::{HEADER, KIND_COROUTINE, OBJECT_ID};
use crate::library::Action;
use crate::value::{Tag, Value};

/// Slots of a thread's first stack segment.
const FIRST_SEGMENT: usize = 64 + SLACK_SLOTS;

impl Vm {
    /// Runs one of the builtins that switch frames or threads.
    pub(super) fn special(
        &mut self,
        cx: &mut Cx,
        action: Action,
        f: Value,
        args: *mut u8,
        n: usize,
    ) -> Result<(), Fail> {
        // SAFETY: there are `n` arguments.
        let arg = |i: usize| if i < n { unsafe { self.slots().load(self.at(args, i)) } } else { Value::NIL };
        match action {
            Action::Plain(run) => {
                let (ptr, n) = self.run_builtin(cx, run, f, args, n)?;
                self.finish_call(ptr, n)
            }
            Action::Pcall => {
                if n == 0 {
                    return Err(self.error("bad argument #1 to 'pcall' (value expected)"));
                }
                self.push_protected(cx, None, arg(0), self.at(args, 1), n - 1)
            }
            Action::Xpcall => {
                if n < 2 {
                    return Err(self.error("bad argument #2 to 'xpcall' (value expected)"));
                }
                self.push_protected(cx, Some(arg(1)), arg(0), self.at(args, 2), n - 2)
            }
            Action::Resume => {
                let co = arg(0);
                if co.tag != Tag::Coroutine {
                    return Err(self.error(format!(
                        "bad argument #1 to 'coroutine.resume' (coroutine expected, got {})",
                        if n == 0 { "no value" } else { co.tag.type_name() }
                    )));
                }
                match self.resume_thread(co, self.at(args, 1), n - 1, false)? {
                    None => Ok(()),
                    Some(message) => {
                        let text = self.heap.string_value(message.as_bytes()).map_err(|e| self.heap_error(e))?;
                        self.finish_with(cx.at, &[Value::bool(false), text])
                    }
                }
            }
            Action::Wrapped => match self.resume_thread(self.captured(f.bits), args, n, true)? {
                None => Ok(()),
                Some(message) => Err(self.error(message)),
            },
            Action::Yield => self.yield_thread(args, n),
            Action::Sleep => self.sleep(cx, arg(0)),
        }
    }

    /// Hands a few values on as the results of the call in progress.
    pub(super) fn finish_with(&mut self, free: *mut u8, values: &[Value]) -> Result<(), Fail> {
        for (i, &v) in values.iter().enumerate() {
            // SAFETY: a few slots above a frame are always there.
            unsafe { self.heap.put(self.at(free, i), v) };
        }
        self.finish_call(free, values.len())
    }

    /// A thread that will call `f` with `args`.
    pub(super) fn new_thread(&mut self, kind: ThreadKind, f: Value, args: &[Value]) -> Result<usize, Fail> {
        let slots = FIRST_SEGMENT + args.len();
        let segment = self.new_segment(slots)?;
        let base = self.at(self.heap.host(segment.low), 1);
        // SAFETY: the segment has room for the function and its arguments.
        unsafe {
            self.slots().set_nil(base.sub(self.slots().size()));
            self.heap.put(base, f);
            for (i, &v) in args.iter().enumerate() {
                self.heap.put(self.at(base, i + 1), v);
            }
        }
        let rt = self.call_helper;
        // SAFETY: the helper is live as long as the `Vm`.
        let pc = unsafe { (*rt).code };
        let mut thread = Thread::new(kind);
        thread.frames.push(CallInfo { base, pc, rt, nvarargs: 0, flags: ROOT, depth: 0 });
        thread.segments.push(segment);
        thread.top = self.at(base, args.len() + 1);
        Ok(match self.free_threads.pop() {
            Some(id) => {
                self.threads[id] = thread;
                id
            }
            None => {
                self.threads.push(thread);
                self.threads.len() - 1
            }
        })
    }

    /// `coroutine.create(f)`
    pub(crate) fn new_coroutine(&mut self, f: Value) -> Result<Value, Fail> {
        let object = self.heap.alloc(16).map_err(|e| self.heap_error(e))?;
        let id = self.new_thread(ThreadKind::Coroutine, f, &[])?;
        self.heap.set_word(object, HEADER, KIND_COROUTINE);
        self.heap.set_half(object, OBJECT_ID, id as u32);
        self.threads[id].object = object;
        Ok(Value::object(Tag::Coroutine, object))
    }

    /// The thread of a coroutine, unless it is dead.
    fn thread_of(&self, co: Value) -> Option<usize> {
        match self.heap.half(co.bits, OBJECT_ID) {
            u32::MAX => None,
            id => Some(id as usize).filter(|&id| id < self.threads.len()),
        }
    }

    /// `coroutine.status(co)`
    pub(crate) fn coroutine_status(&self, co: Value) -> &'static str {
        let Some(id) = self.thread_of(co) else { return "dead" };
        match self.threads[id].status {
            Status::Suspended => "suspended",
            Status::Running if id == self.current => "running",
            Status::Running | Status::Blocked => "normal",
            Status::Dead => "dead",
        }
    }

    /// The running coroutine, or nil on the main thread and in a goroutine.
    pub(crate) fn running_coroutine(&self) -> Value {
        match self.threads[self.current].object {
            0 => Value::NIL,
            object => Value::object(Tag::Coroutine, object),
        }
    }

    /// May the code that runs now yield?
    pub(crate) fn is_yieldable(&self) -> bool {
        let t = &self.threads[self.current];
        t.kind == ThreadKind::Coroutine && t.boundaries == 0
    }

    /// Switches to a coroutine; `Some` says why it cannot be resumed.
    fn resume_thread(
        &mut self,
        co: Value,
        args: *mut u8,
        n: usize,
        wrapped: bool,
    ) -> Result<Option<&'static str>, Fail> {
        let Some(id) = self.thread_of(co) else { return Ok(Some("cannot resume dead coroutine")) };
        if self.threads[id].status != Status::Suspended {
            return Ok(Some("cannot resume non-suspended coroutine"));
        }
        self.charge()?;
        let resumer = self.current;
        let thread = &mut self.threads[id];
        thread.resumer = resumer;
        thread.wrapped = wrapped;
        thread.status = Status::Running;
        let fresh = std::mem::take(&mut thread.fresh);
        self.switch_to(id);
        if !fresh {
            self.finish_call(args, n)?;
            return Ok(None);
        }
        let mut base = self.frames.last().map_or(self.top, |ci| ci.base);
        if self.at(base, n + 1) > self.stack_limit {
            base = self.move_frame(1, n)?;
        }
        // SAFETY: there is room for the arguments behind the function now.
        unsafe { self.slots().copy_n(self.at(base, 1), args, n) };
        self.top = self.at(base, n + 1);
        Ok(None)
    }

    fn yield_thread(&mut self, args: *mut u8, n: usize) -> Result<(), Fail> {
        let t = &self.threads[self.current];
        if t.kind != ThreadKind::Coroutine {
            return Err(self.error("attempt to yield from outside a coroutine"));
        }
        if t.boundaries > 0 {
            return Err(self.error("attempt to yield across a library call"));
        }
        let (resumer, wrapped) = (t.resumer, t.wrapped);
        self.threads[self.current].status = Status::Suspended;
        self.switch_to(resumer);
        self.hand_over(args, n, wrapped)
    }

    /// Gives values from a coroutine to the call that resumed it: behind `true`, unless it is a wrapped one.
    fn hand_over(&mut self, values: *mut u8, n: usize, wrapped: bool) -> Result<(), Fail> {
        if wrapped {
            return self.finish_call(values, n);
        }
        let first = values.wrapping_sub(self.slots().size());
        // SAFETY: below the values of a call or return there is a slot of the same frame that is no longer needed.
        unsafe { self.heap.put(first, Value::bool(true)) };
        self.finish_call(first, n + 1)
    }

    /// The bottom frame of the current thread has returned `n` values.
    pub(super) fn thread_finished(&mut self, values: *mut u8, n: usize) -> Result<(), Fail> {
        let id = self.current;
        let (kind, resumer, wrapped) = {
            let t = &self.threads[id];
            (t.kind, t.resumer, t.wrapped)
        };
        match kind {
            ThreadKind::Coroutine => {
                self.switch_to(resumer);
                let result = self.hand_over(values, n, wrapped);
                self.release_thread(id);
                result
            }
            _ => {
                // Its stack is released only after the switch away from it.
                let result = self.run_next();
                self.release_thread(id);
                result
            }
        }
    }

    /// An error has ended the current thread. True: its resumer has got the error as a result and goes on. False: the
    /// error goes on in the thread that is current now.
    pub(super) fn thread_failed(&mut self, e: &RuntimeError) -> bool {
        let id = self.current;
        let (kind, resumer, wrapped) = {
            let t = &self.threads[id];
            (t.kind, t.resumer, t.wrapped)
        };
        if kind != ThreadKind::Coroutine {
            // An error that nobody in a goroutine catches ends the program.
            self.fatal = true;
            self.switch_to(0);
            self.threads[0].status = Status::Running;
            self.release_thread(id);
            return false;
        }
        self.switch_to(resumer);
        self.release_thread(id);
        if wrapped || !self.catchable(e) {
            return false;
        }
        let free = self.frames.last().map_or(self.top, |ci| ci.end(self.slots()));
        self.finish_with(free, &[Value::bool(false), e.value]).is_ok()
    }

    /// Makes another thread current.
    pub(super) fn switch_to(&mut self, id: usize) {
        if id == self.current {
            return;
        }
        let old = &mut self.threads[self.current];
        std::mem::swap(&mut self.frames, &mut old.frames);
        std::mem::swap(&mut self.open, &mut old.open);
        old.top = self.top;
        self.current = id;
        let new = &mut self.threads[id];
        std::mem::swap(&mut self.frames, &mut new.frames);
        std::mem::swap(&mut self.open, &mut new.open);
        self.top = new.top;
        self.set_limit();
    }

    fn set_limit(&mut self) {
        if let Some(segment) = self.threads[self.current].segments.last() {
            self.stack_limit = self.heap.host(segment.high - SLACK_SLOTS as u64 * self.heap.slot_bytes());
        }
    }

    fn release_thread(&mut self, id: usize) {
        let t = std::mem::replace(&mut self.threads[id], Thread::new(ThreadKind::Goroutine));
        self.threads[id].status = Status::Dead;
        if t.object != 0 {
            self.heap.set_half(t.object, OBJECT_ID, u32::MAX);
        }
        for s in t.segments {
            self.heap.free_block(s.low);
        }
        self.free_threads.push(id);
    }

    /// Lets a thread go whose coroutine is garbage. Variables of it that closures still share are closed; the collection in
    /// progress takes the rest.
    pub(super) fn drop_unreachable_thread(&mut self, id: usize) {
        let t = std::mem::replace(&mut self.threads[id], Thread::new(ThreadKind::Goroutine));
        self.threads[id].status = Status::Dead;
        for open in t.open {
            if self.heap.is_marked(open.cell) {
                self.close_cell(open);
            }
        }
        self.free_threads.push(id);
    }

    fn new_segment(&mut self, slots: usize) -> Result<Segment, Fail> {
        let bytes = slots as u64 * self.heap.slot_bytes();
        let low = self.heap.alloc_block(bytes).map_err(|e| self.heap_error(e))?;
        Ok(Segment { low, high: low + bytes })
    }

    /// A further stack segment for the current thread, with room for a frame of `slots` slots; gives its low end.
    pub(super) fn next_segment(&mut self, slots: usize) -> Result<*mut u8, Fail> {
        let id = self.current;
        if id == 0 {
            return Err(self.stack_overflow());
        }
        let last = self.threads[id].segments.last().map_or(0, |s| ((s.high - s.low) / self.heap.slot_bytes()) as usize);
        let segment = self.new_segment((last * 2).max(slots + 2 * SLACK_SLOTS).min(last + slots + (1 << 16)))?;
        self.threads[id].segments.push(segment);
        self.set_limit();
        Ok(self.heap.host(segment.low))
    }

    /// Gives back the current thread's last stack segment.
    pub(super) fn pop_segment(&mut self) {
        let segment = self.take_segment();
        self.give_back(segment);
    }

    /// Removes the current thread's last stack segment, without giving it back yet.
    pub(super) fn take_segment(&mut self) -> Option<Segment> {
        let segment = self.threads[self.current].segments.pop();
        self.set_limit();
        segment
    }

    /// Gives back a stack segment.
    pub(super) fn give_back(&mut self, segment: Option<Segment>) {
        if let Some(s) = segment {
            self.heap.free_block(s.low);
        }
    }

    /// Moves the innermost frame to a segment of its own, with room for `n` values from register `first` on; gives the
    /// new address of `R[0]`.
    pub(super) fn move_frame(&mut self, first: usize, n: usize) -> Result<*mut u8, Fail> {
        let Some(ci) = self.frames.last().copied() else { return Err(self.stack_overflow()) };
        let below = ci.nvarargs as usize + 1;
        // SAFETY: `rt` lives as long as its frames.
        let nregs = unsafe { (*ci.rt).nregs as usize };
        let low = self.next_segment(below + nregs.max(first + n))?;
        let base = self.at(low, below);
        // SAFETY: the frame's slots are live, and the new segment has room for them.
        unsafe { self.slots().copy_n(low, ci.base.sub(below * self.slots().size()), below + nregs) };
        let (old, end, new) = (self.heap.guest(ci.base), self.heap.guest(ci.end(self.slots())), self.heap.guest(base));
        for i in (0..self.open.len()).rev() {
            let mut open = self.open[i];
            if !(old..end).contains(&open.slot) {
                break;
            }
            open.slot = open.slot - old + new;
            self.open[i] = open;
            self.heap.set_word(open.cell, crate::layout::UPVAL_PTR, open.slot);
        }
        if let Some(ci) = self.frames.last_mut() {
            ci.base = base;
            // If the frame was the first of its segment already, that one is now unused but stays until the next is popped.
            if ci.flags & SEGMENT == 0 {
                ci.flags |= SEGMENT;
            } else {
                let segments = &mut self.threads[self.current].segments;
                let unused = segments.remove(segments.len() - 2);
                self.heap.free_block(unused.low);
            }
        }
        Ok(base)
    }
}
