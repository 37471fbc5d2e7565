//! Garbage collection as the interpreter sees it: when it is safe, and what the roots are.
//!
//! Nothing is collected while an instruction or a library function is at work, except where it calls back into the
//! program: at such a *safe point* all values are in slots, in the Rust structures that are visited here, or on the root
//! stack ([`Vm::with_roots`]), where library functions put what they still need after a callback.
//!
//! Stacks are searched word by word: compiled code leaves slots stale, stores payloads without tags, keeps values and
//! addresses inside of objects in registers and on the native stack. A coroutine that waits to be resumed lives only as
//! long as somebody refers to it; threads that run or are blocked are roots.

use super::frame::{CallInfo, SLACK_SLOTS, Status, ThreadKind};
use super::{Fail, Vm};
use crate::bytecode::{Op, SETLIST_OPEN};
use crate::heap::mark::Marker;
use crate::layout::{HEADER, KIND_CHANNEL, OBJECT_ID};
use crate::value::Value;

/// What compiled code that makes a host call may refer to beside its frames on the VM stack. Every word counts that is the
/// address of an object or block, or one inside of it. No reference may be in a floating-point register only.
#[derive(Clone, Copy, Debug, Default)]
pub struct NativeRoots<'a> {
    /// The native stack is in use from this guest address up; 0: there is none.
    pub stack: u64,
    /// Registers.
    pub words: &'a [u64],
}

/// One of the places where references are, beside globals and objects.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RootSet {
    /// Frames on the VM stack.
    Frames,
    /// Registers of compiled code, and what library functions hold.
    Words,
    /// The native stack.
    NativeStack,
}

impl Vm {
    /// A place where all values are in slots of frames: garbage is collected here if need be.
    #[inline(always)]
    pub(super) fn safe_point(&mut self) -> Result<(), Fail> {
        if self.heap.collection_due() { self.collect_if_needed(std::ptr::null_mut()) } else { Ok(()) }
    }

    /// The same before Rust code calls `f`, with arguments that lie below `end`.
    #[inline(always)]
    pub(super) fn safe_point_for_call(&mut self, f: Value, end: *mut u8) -> Result<(), Fail> {
        if self.heap.collection_due() {
            return self.with_roots(&[f], |vm| vm.collect_if_needed(end));
        }
        Ok(())
    }

    #[cold]
    #[inline(never)]
    pub(super) fn collect_if_needed(&mut self, end: *mut u8) -> Result<(), Fail> {
        if !self.heap.decide_collection() {
            return Ok(());
        }
        self.collect_garbage_below(end);
        if self.heap.used() > self.heap.limit() || self.heap.is_out_of_boxes() { Err(self.heap_full()) } else { Ok(()) }
    }

    /// Collects garbage now. Only what the program can reach stays, and what compiled code in a host call refers to.
    pub fn collect_garbage(&mut self) {
        self.collect_garbage_below(std::ptr::null_mut());
    }

    /// Runs `f` while these values are kept alive.
    pub(crate) fn with_roots<T>(&mut self, values: &[Value], f: impl FnOnce(&mut Vm) -> T) -> T {
        let before = self.hold(values.iter().filter(|v| v.tag.is_object()).map(|v| v.bits));
        let result = f(self);
        self.release(before);
        result
    }

    /// Keeps what these words may refer to alive, until [`Vm::release`] is given the number that this returns. For what
    /// stands in for compiled code and keeps values in Rust variables over calls.
    pub fn hold(&mut self, words: impl IntoIterator<Item = u64>) -> usize {
        let before = self.roots.len();
        self.roots.extend(words);
        before
    }

    /// Ends what [`Vm::hold`] began, and all that was held since.
    pub fn release(&mut self, before: usize) {
        self.roots.truncate(before);
    }

    /// Keeps an object alive as long as the program: compiled code compares with its address, which must not become
    /// another object's.
    pub fn pin(&mut self, v: Value) {
        if v.tag.is_object() && !self.pinned.contains(&v.bits) {
            self.pinned.push(v.bits);
        }
    }

    /// Guest addresses of the objects that were [pinned](Vm::pin).
    pub fn pinned(&self) -> &[u64] {
        &self.pinned
    }

    /// Leaves a set of roots out of collections from now on. Programs go wrong that way: only tests of the tests want that.
    pub fn forget_roots(&mut self, which: Option<RootSet>) {
        self.forgotten = which;
    }

    fn collect_garbage_below(&mut self, end: *mut u8) {
        let mut marker = self.heap.begin_collection();
        let m = &mut marker;
        self.heap.mark_own_roots(m);
        self.mark_library(m);
        if self.forgotten != Some(RootSet::Words) {
            for i in 0..self.roots.len() {
                self.heap.mark_word(m, self.roots[i]);
            }
        }
        if self.forgotten != Some(RootSet::NativeStack)
            && let Some(stack) = self.native_marks.last().map(|mark| mark.stack)
        {
            let (low, high) = self.heap.native_stack();
            if (low..high).contains(&stack) {
                self.heap.mark_words(m, stack, high);
            }
        }
        if self.forgotten != Some(RootSet::Frames) {
            let low = self.heap.stack().0;
            let high = self.main_stack_end(end);
            self.heap.mark_words(m, low, high);
        }
        for id in 0..self.threads.len() {
            let t = &self.threads[id];
            // A coroutine that waits to be resumed, and a dead one, is found by those who refer to it.
            if t.status != Status::Dead && (t.kind != ThreadKind::Coroutine || t.status != Status::Suspended) {
                self.mark_thread(m, id);
            }
        }
        for i in 0..self.channels.len() {
            if self.channels[i].has_waiting() {
                self.heap.mark_object(m, self.channels[i].object);
            }
        }
        self.heap.trace(m);
        while let Some(object) = m.found.pop() {
            self.trace_found(m, object);
            self.heap.trace(m);
        }
        self.drop_unmarked();
        self.heap.finish_collection(&marker);
    }

    /// Constants, globals, and what the interpreter itself looks up.
    fn mark_library(&mut self, m: &mut Marker) {
        let names = self.names.all();
        for &at in names.iter().chain(&self.func_records).chain(&self.pinned).chain([&self.string_library]) {
            self.heap.mark_object(m, at);
        }
        for v in [self.hidden.next, self.hidden.inext, self.hidden.count] {
            self.heap.mark_value(m, v);
        }
        for &rt in &self.protos {
            // SAFETY: the pointers in `protos` are live.
            for &v in unsafe { (*rt).consts() } {
                self.heap.mark_value(m, v);
            }
        }
        let globals = self.program.globals.len();
        let (low, high) = (self.heap.global_slot(0), self.heap.global_slot(globals));
        self.heap.mark_words(m, low, high);
    }

    /// Guest address up to which the main thread's stack is in use; `end` is what a call in progress knows itself.
    fn main_stack_end(&self, end: *mut u8) -> u64 {
        let running = self.current == 0;
        let frames: &[CallInfo] = if running { &self.frames } else { &self.threads[0].frames };
        // What a coroutine knows lies on a stack of its own, which is searched as a whole.
        let mut high = if running { end } else { std::ptr::null_mut() };
        if let Some(ci) = frames.last() {
            high = high.max(ci.end(self.slots()));
            // The arguments of an open call lie above the frame.
            // SAFETY: a frame in which a safe point is has begun with an instruction.
            if running && unsafe { ci.pc > (*ci.rt).code && takes_open_list(*ci.pc.sub(1)) } {
                high = high.max(self.top);
            }
        }
        let (low, limit) = self.heap.stack();
        if high.is_null() { low } else { self.heap.guest(self.at(high, SLACK_SLOTS)).clamp(low, limit) }
    }

    /// Marks what a thread refers to, apart from the main thread's stack.
    fn mark_thread(&mut self, m: &mut Marker, id: usize) {
        let open = if id == self.current { &self.open } else { &self.threads[id].open };
        for o in open {
            self.heap.mark_object(m, o.cell);
        }
        self.heap.mark_object(m, self.threads[id].object);
        if id == 0 || self.forgotten == Some(RootSet::Frames) {
            return;
        }
        for s in &self.threads[id].segments {
            self.heap.mark_block(s.low);
            self.heap.mark_words(m, s.low, s.high);
        }
    }

    /// Marks what a coroutine or channel refers to.
    fn trace_found(&mut self, m: &mut Marker, object: u64) {
        let id = self.heap.half(object, OBJECT_ID) as usize;
        if self.heap.word(object, HEADER) & 0xff == KIND_CHANNEL {
            if let Some(channel) = self.channels.get(id).filter(|c| c.object == object) {
                for v in channel.values() {
                    self.heap.mark_value(m, v);
                }
            }
        } else if self.threads.get(id).is_some_and(|t| t.object == object && t.status == Status::Suspended) {
            self.mark_thread(m, id);
        }
    }

    /// Forgets what the interpreter knows of objects that are garbage.
    fn drop_unmarked(&mut self) {
        for id in 1..self.threads.len() {
            let t = &self.threads[id];
            if t.status == Status::Suspended && t.kind == ThreadKind::Coroutine && !self.heap.is_marked(t.object) {
                self.drop_unreachable_thread(id);
            }
        }
        for (id, channel) in self.channels.iter_mut().enumerate() {
            if channel.object != 0 && !self.heap.is_marked(channel.object) {
                *channel = Default::default();
                self.free_channels.push(id);
            }
        }
        self.identities.retain(|&at, _| self.heap.is_marked(at));
    }
}

/// Does the instruction take values up to the top?
fn takes_open_list(inst: crate::bytecode::Inst) -> bool {
    match inst.op {
        Op::Call | Op::Go | Op::Return => inst.b == 0,
        Op::SetList => inst.b == SETLIST_OPEN,
        _ => false,
    }
}
