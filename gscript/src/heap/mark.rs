//! Marking: which objects and blocks are alive.
//!
//! Inside of the heap marking is precise: each kind of object knows its slots and pointers. Roots may be *ambiguous*: a
//! word of a stack or register that may be an object's address, a block's, one inside of either, or a number that only
//! looks so. Whatever it points into stays alive. A block that only such a word refers to (its table may be dead) is
//! searched word by word.
//!
//! Nothing found in memory is believed: an address counts only if the map of cells knows it, and no object is read beyond
//! its cell, so that nonsense left by wrong compiled code cannot make gsx crash.

use super::Heap;
use super::cells::Cell;
use crate::layout::{
    ARRAY_HEADER_BYTES, CLOSURE_FUNC, CLOSURE_UPVALS, HEADER, KIND_CHANNEL, KIND_CLOSURE, KIND_COROUTINE, KIND_FUNC,
    KIND_STRING, KIND_TABLE, KIND_UPVAL, KIND_WIDE, TABLE_BYTES, TABLE_FIELDS, UPVAL_CLOSED, UPVAL_PTR,
};
use crate::value::Value;

/// A marking in progress.
#[derive(Default)]
pub(crate) struct Marker {
    /// Cells that are marked but not searched yet.
    work: Vec<u64>,
    /// Words that were searched so far, one for each object.
    searched: u64,
    /// Coroutines and channels that were found: what they refer to is known to the interpreter.
    pub found: Vec<u64>,
}

impl Marker {
    /// How much work it was, in words searched.
    pub(super) fn searched(&self) -> u64 {
        self.searched
    }
}

impl Heap {
    /// Was the object or block at `at` found alive by the collection in progress?
    pub(crate) fn is_marked(&self, at: u64) -> bool {
        self.cells.is_marked(at)
    }

    /// A reference to an object.
    #[inline]
    pub(crate) fn mark_object(&mut self, marker: &mut Marker, at: u64) {
        if self.cells.get(at) == Some(Cell::Object) && self.cells.mark(at) {
            marker.work.push(at);
        }
    }

    /// A value.
    pub(crate) fn mark_value(&mut self, marker: &mut Marker, v: Value) {
        if v.tag.is_object() {
            self.mark_object(marker, v.bits);
        }
    }

    /// A reference to a block, whose contents the caller looks through; false if it is none.
    pub(crate) fn mark_block(&mut self, at: u64) -> bool {
        let is_block = self.cells.get(at) == Some(Cell::Block);
        if is_block {
            self.cells.mark(at);
        }
        is_block
    }

    /// A word that may refer to anything or nothing.
    #[inline]
    pub(crate) fn mark_word(&mut self, marker: &mut Marker, word: u64) {
        let address = self.slots.possible_address(word);
        if address.wrapping_sub(self.heap_start) >= self.cells.top() - self.heap_start {
            return;
        }
        if let Some((at, what)) = self.cells.find(address)
            && what != Cell::Free
            && self.cells.mark(at)
        {
            marker.work.push(at);
        }
    }

    /// All words between two guest addresses.
    pub(crate) fn mark_words(&mut self, marker: &mut Marker, low: u64, high: u64) {
        let low = low.next_multiple_of(8);
        let Some(p) = self.span(low, high.saturating_sub(low)) else { return };
        let n = high.saturating_sub(low) / 8;
        marker.searched += n;
        for i in 0..n {
            // SAFETY: the words lie in the arena.
            let word = unsafe { p.cast::<u64>().add(i as usize).read() };
            self.mark_word(marker, word);
        }
    }

    /// `n` slots whose tags are right.
    fn mark_slots(&mut self, marker: &mut Marker, at: u64, n: u64) {
        let Some(p) = self.span(at, n.saturating_mul(self.slot_bytes())) else { return };
        for i in 0..n as usize {
            // SAFETY: the slots lie in the arena.
            if let Some(object) = unsafe { self.slots.object(p.add(i * self.slots.size())) } {
                self.mark_object(marker, object);
            }
        }
    }

    /// Searches what is marked until nothing new is found; coroutines and channels are left in [`Marker::found`].
    pub(crate) fn trace(&mut self, marker: &mut Marker) {
        while let Some(at) = marker.work.pop() {
            marker.searched += 1;
            let bytes = self.cells.end(at) - at;
            let object = self.cells.get(at) == Some(Cell::Object);
            match if object { self.word(at, HEADER) & 0xff } else { 0 } {
                KIND_STRING | KIND_FUNC | KIND_WIDE => {}
                KIND_TABLE if bytes >= TABLE_BYTES => self.trace_table(marker, at),
                KIND_CLOSURE if bytes >= CLOSURE_UPVALS => self.trace_closure(marker, at, bytes),
                KIND_UPVAL if bytes >= self.layout().upval_bytes() => self.trace_upvalue(marker, at),
                KIND_COROUTINE | KIND_CHANNEL => marker.found.push(at),
                _ => self.mark_words(marker, at, at + bytes),
            }
        }
    }

    fn trace_table(&mut self, marker: &mut Marker, t: u64) {
        for (at, before, cap) in [
            (self.word(t, TABLE_FIELDS), 0, self.fields_cap(t)),
            (self.array_block(t), ARRAY_HEADER_BYTES, self.array_cap(t)),
        ] {
            if self.mark_block(at) {
                let room = (self.cells.end(at) - at).saturating_sub(before) / self.slot_bytes();
                self.mark_slots(marker, at + before, u64::from(cap).min(room));
            }
        }
        let hash = self.hash_part(t);
        if self.mark_block(hash) {
            let (first, n) = self.hash_slots(hash);
            let room = (self.cells.end(hash) - hash).saturating_sub(first) / self.slot_bytes();
            // A deleted entry keeps its key alive: `next` may go on from it.
            self.mark_slots(marker, hash + first, n.min(room));
        }
        self.mark_object(marker, self.metatable(t));
    }

    fn trace_closure(&mut self, marker: &mut Marker, at: u64, bytes: u64) {
        self.mark_object(marker, self.word(at, CLOSURE_FUNC));
        if (self.word(at, HEADER) >> 32) as u32 == u32::MAX {
            self.mark_slots(marker, at + CLOSURE_UPVALS, ((bytes - CLOSURE_UPVALS) / self.slot_bytes()).min(1));
            return;
        }
        for i in 0..(bytes - CLOSURE_UPVALS) / 8 {
            self.mark_object(marker, self.word(at, CLOSURE_UPVALS + 8 * i));
        }
    }

    fn trace_upvalue(&mut self, marker: &mut Marker, cell: u64) {
        let slot = self.word(cell, UPVAL_PTR);
        if slot == cell + UPVAL_CLOSED {
            self.mark_slots(marker, slot, 1);
        } else {
            // A variable of a frame, which may belong to a coroutine that is garbage.
            self.mark_words(marker, slot, slot.saturating_add(self.slot_bytes()));
        }
    }
}
