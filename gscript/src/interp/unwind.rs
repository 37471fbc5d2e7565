//! Runtime errors: making them, and finding who catches them.

use std::collections::VecDeque;

use super::frame::{CallInfo, Helper, PCALL, SEGMENT, Status, ThreadKind, XPCALL};
use super::native::Mark;
use super::{Fail, Vm};
use crate::bytecode::{Pos, ProtoId};
use crate::error::{ErrorKind, RuntimeError};
use crate::heap::HeapError;
use crate::value::{Tag, Value};

/// Entries of a call trace that are kept at either end when it is long.
const TRACE_ENDS: usize = 10;

/// Where an interpreter loop was entered: errors do not unwind beyond it.
#[derive(Clone, Copy)]
pub(super) struct Level {
    /// Thread of the frame that the loop was entered with.
    pub thread: usize,
    /// Index of that frame.
    pub frame: usize,
}

impl Vm {
    /// A program error at the current place.
    #[cold]
    pub(crate) fn error(&mut self, message: impl Into<String>) -> Fail {
        let message = format!("{}{}", self.where_now(), message.into());
        // If no room is left for the text, `pcall` gets nil.
        let value = self.heap.string_value(message.as_bytes()).unwrap_or(Value::NIL);
        self.error_value(message, value)
    }

    /// A program error with any value; `message` is what the user sees if nobody catches it.
    #[cold]
    pub(crate) fn error_value(&mut self, message: String, value: Value) -> Fail {
        // Work that grows with the depth of the stack: programs that fail at great depth over and over end by the budget.
        self.spend(self.frames.len() as u64 / 4);
        let trace = self.trace();
        Box::new(RuntimeError { kind: ErrorKind::Program, message, value, trace })
    }

    /// A heap error at the current place.
    #[cold]
    pub(crate) fn heap_error(&mut self, e: HeapError) -> Fail {
        match e {
            HeapError::Full | HeapError::NoMemory(_) => self.heap_full(),
            HeapError::NilKey | HeapError::NanKey | HeapError::BadNextKey => self.error(e.to_string()),
        }
    }

    #[cold]
    pub(super) fn budget_error(&mut self) -> Fail {
        self.budget = 1;
        let mut e = self.error(format!("step budget of {} used up", self.budget_start - 1));
        e.kind = ErrorKind::Budget;
        e
    }

    #[cold]
    pub(super) fn stack_overflow(&mut self) -> Fail {
        self.error(format!("stack overflow (max call depth {})", crate::layout::MAX_DEPTH))
    }

    /// `file:line:col: ` of the instruction in progress, or nothing in a frame that has no source.
    pub(crate) fn where_now(&self) -> String {
        let mut place = String::new();
        self.activations(false, &mut |_, pos| {
            place = pos.map_or(String::new(), |pos| format!("{}:{pos}: ", self.program.source.name));
            place.is_empty()
        });
        place
    }

    /// The same for the frame `level` levels up (1: the one in progress).
    pub(crate) fn where_at(&self, level: i64) -> String {
        let mut place = String::new();
        let mut at = 0;
        self.activations(false, &mut |_, pos| {
            at += 1;
            if at == level {
                place = pos.map_or(String::new(), |pos| format!("{}:{pos}: ", self.program.source.name));
            }
            at < level
        });
        place
    }

    fn trace(&self) -> Vec<String> {
        let mut first: Vec<String> = Vec::new();
        let mut last: VecDeque<(ProtoId, Pos)> = VecDeque::new();
        let mut skipped = 0;
        let show =
            |id: ProtoId, pos: Pos| format!("{} at {}:{pos}", self.program.proto(id).name, self.program.source.name);
        self.activations(true, &mut |id, pos| {
            if let Some(pos) = pos {
                if first.len() < TRACE_ENDS {
                    first.push(show(id, pos));
                } else {
                    last.push_back((id, pos));
                    if last.len() > TRACE_ENDS {
                        last.pop_front();
                        skipped += 1;
                    }
                }
            }
            true
        });
        if skipped > 0 {
            first.push(format!("... {skipped} more ..."));
        }
        first.extend(last.into_iter().map(|(id, pos)| show(id, pos)));
        first
    }

    /// Visits the activations from the innermost outwards, compiled ones among them, until `visit` says stop: function,
    /// and place of the instruction in progress (none in a helper). With `threads`, from a coroutine on into whoever
    /// resumed it.
    fn activations(&self, threads: bool, visit: &mut dyn FnMut(ProtoId, Option<Pos>) -> bool) {
        let mut thread = self.current;
        let mut frames: &[CallInfo] = &self.frames;
        loop {
            let marks = if thread == 0 { self.native_marks.as_slice() } else { &[] };
            if !self.thread_activations(frames, marks, visit) {
                return;
            }
            let t = &self.threads[thread];
            if !threads || t.kind != ThreadKind::Coroutine || t.status != Status::Running {
                return;
            }
            thread = t.resumer;
            frames = &self.threads[thread].frames;
        }
    }

    /// The same for one thread; false if `visit` said stop.
    fn thread_activations(
        &self,
        frames: &[CallInfo],
        marks: &[Mark],
        visit: &mut dyn FnMut(ProtoId, Option<Pos>) -> bool,
    ) -> bool {
        let mut marks = marks.iter().rev().peekable();
        for i in (0..=frames.len()).rev() {
            if let Some(ci) = frames.get(i) {
                // SAFETY: `rt` lives as long as its frames.
                let (id, helper) = unsafe { ((*ci.rt).id, (*ci.rt).helper) };
                // Rust code that calls GScript is no activation; `pcall` is one.
                if helper != Helper::Call && !visit(id, ci.pos(&self.program)) {
                    return false;
                }
            }
            while let Some(mark) = marks.next_if(|m| m.frames >= i) {
                let Some(native) = &self.native_frames else { continue };
                let mut more = true;
                native.walk(&self.heap, mark.sp, mark.return_address, &mut |id, pc| {
                    more = visit(id, self.program.proto(id).spans.get(pc).copied());
                    more
                });
                if !more {
                    return false;
                }
            }
        }
        true
    }

    /// May `pcall` and `coroutine.resume` catch it?
    pub(super) fn catchable(&self, e: &RuntimeError) -> bool {
        e.kind == ErrorKind::Program && !self.fatal
    }

    /// Finds who catches `e` among the frames of the interpreter loop entered at `level`, and prepares to go on there.
    /// If nobody does, the loop's frames are gone and the error is handed back.
    pub(super) fn unwind(&mut self, e: Fail, level: Level) -> Result<(), Fail> {
        loop {
            let here = self.current == level.thread;
            let floor = if here { level.frame } else { 0 };
            while self.frames.len() > floor {
                let ci = self.frames[self.frames.len() - 1];
                if ci.flags & PCALL != 0 && self.catchable(&e) {
                    self.close_above(&ci);
                    self.catch(&e);
                    return Ok(());
                }
                self.drop_frame();
            }
            if here {
                return Err(e);
            }
            if self.thread_failed(&e) {
                return Ok(());
            }
        }
    }

    /// Removes the innermost frame.
    fn drop_frame(&mut self) {
        let Some(ci) = self.frames.pop() else { return };
        self.close_above(&ci);
        if ci.flags & SEGMENT != 0 {
            self.pop_segment();
        }
    }

    /// Closes the upvalues of a frame that is now innermost, and on the main thread those of compiled frames above it.
    fn close_above(&mut self, ci: &CallInfo) {
        if self.open.is_empty() {
        } else if self.current == 0 {
            self.close_upvalues(self.heap.guest(ci.base));
        } else {
            self.close_range(ci.base, ci.base, ci.end(self.slots()));
        }
    }

    /// Makes the innermost frame, one of `pcall` or `xpcall`, go on with an error.
    fn catch(&mut self, e: &RuntimeError) {
        let slots = self.slots();
        let Some(ci) = self.frames.last_mut() else { return };
        let handled = ci.flags & XPCALL != 0;
        // An error in the handler itself is not handled again.
        ci.flags &= !XPCALL;
        let base = ci.base;
        let reg = |i: usize| base.wrapping_add(i * slots.size());
        // SAFETY: the helper frame has these registers, and its code these instructions.
        unsafe {
            self.heap.put(reg(1), Value::bool(false));
            if handled {
                slots.copy(reg(2), reg(0));
                self.heap.put(reg(3), e.value);
                ci.pc = (*ci.rt).code.add(2);
            } else {
                self.heap.put(reg(2), e.value);
                ci.pc = (*ci.rt).code.add(1);
                self.top = reg(3);
            }
        }
    }

    /// Type name for messages.
    pub(crate) fn type_name(&self, v: Value) -> &'static str {
        v.tag.type_name()
    }

    /// The bytes of a string value; empty for others.
    pub(crate) fn str_bytes(&self, v: Value) -> &[u8] {
        if v.tag == Tag::Str { self.heap.bytes(v.bits) } else { &[] }
    }
}
