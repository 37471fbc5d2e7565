//! Integers that do not fit a NaN-boxed slot: each is an immutable object of its own, collected like any other.

use super::Heap;
use crate::layout::{HEADER, KIND_WIDE, WIDE_BYTES, WIDE_VALUE};
use crate::nanbox;
use crate::value::{Tag, Value};

impl Heap {
    /// Writes a value into a slot. May allocate, but never collects.
    ///
    /// # Safety
    /// `p` is the host address of a slot.
    #[inline(always)]
    pub(crate) unsafe fn put(&mut self, p: *mut u8, v: Value) {
        // SAFETY: by the function's contract.
        unsafe {
            if !self.slots.try_store(p, v) {
                p.cast::<u64>().write(self.box_int(v.as_int()));
            }
        }
    }

    /// The NaN-boxed word of an integer. May allocate, but never collects. Where there is no memory it is that of 0, and the
    /// next safe point reports the heap limit.
    #[cold]
    pub fn box_int(&mut self, n: i64) -> u64 {
        if nanbox::fits(n) {
            return nanbox::int(n);
        }
        let Ok(at) = self.alloc(WIDE_BYTES) else {
            self.out_of_boxes = true;
            self.demand_collection();
            return nanbox::int(0);
        };
        self.set_word(at, HEADER, KIND_WIDE);
        self.set_word(at, WIDE_VALUE, n as u64);
        nanbox::WIDE << nanbox::SHIFT | at
    }

    /// Did an integer find no memory for its box?
    pub(crate) fn is_out_of_boxes(&self) -> bool {
        self.out_of_boxes
    }

    /// Puts values in place of payloads that compiled code has written raw, where boxing would have taken a call: the slots
    /// with these distances, in slots, from guest address `base`, and their tags. Addresses outside of the arena are left
    /// alone.
    pub fn box_payloads(&mut self, base: u64, raw: &[(u16, Tag)]) {
        for &(slot, tag) in raw {
            let at = base.wrapping_add(self.layout().slot_offset(slot.into()));
            if at.is_multiple_of(8) && self.contains(at, 8) {
                let bits = self.read_u64(at);
                self.store(at, Value { tag, bits });
            }
        }
    }
}
