//! The words of a table that only the heap itself looks at: numbers that share a word, and what stands in front of the array
//! part's slots.

use super::{Heap, HeapError};
use crate::layout::{
    ARRAY_CAP, ARRAY_HASH, ARRAY_HEADER_BYTES, ARRAY_SIZE, HEADER, META_UNIT, TABLE_ARRAY, TABLE_FIELDS_CAP_SHIFT,
    TABLE_META,
};

impl Heap {
    /// Slots in the fields block.
    #[inline]
    pub(crate) fn fields_cap(&self, t: u64) -> u32 {
        ((self.word(t, HEADER) >> TABLE_FIELDS_CAP_SHIFT) as u16).into()
    }

    pub(super) fn set_fields_cap(&mut self, t: u64, cap: u32) {
        let others = self.word(t, HEADER) & !(0xffff << TABLE_FIELDS_CAP_SHIFT);
        self.set_word(t, HEADER, others | u64::from(cap & 0xffff) << TABLE_FIELDS_CAP_SHIFT);
    }

    /// Guest address of the array part's block, or 0.
    #[inline]
    pub(super) fn array_block(&self, t: u64) -> u64 {
        match self.word(t, TABLE_ARRAY) {
            0 => 0,
            slots => slots.wrapping_sub(ARRAY_HEADER_BYTES),
        }
    }

    /// Keys from 0 below this are never in the hash part.
    #[inline]
    pub(super) fn array_size(&self, t: u64) -> u32 {
        match self.array_block(t) {
            0 => 0,
            block => self.half(block, ARRAY_SIZE),
        }
    }

    /// Only for a table with a block.
    #[inline]
    pub(super) fn set_array_size(&mut self, t: u64, size: u32) {
        self.set_half(self.array_block(t), ARRAY_SIZE, size);
    }

    /// Slots of the array part.
    #[inline]
    pub(super) fn array_cap(&self, t: u64) -> u32 {
        match self.array_block(t) {
            0 => 0,
            block => self.half(block, ARRAY_CAP),
        }
    }

    /// Guest address of the hash part, or 0.
    #[inline]
    pub(super) fn hash_part(&self, t: u64) -> u64 {
        match self.array_block(t) {
            0 => 0,
            block => self.word(block, ARRAY_HASH),
        }
    }

    /// Only for a table with a block.
    pub(super) fn set_hash_part(&mut self, t: u64, hash: u64) {
        self.set_word(self.array_block(t), ARRAY_HASH, hash);
    }

    /// A new block for an array part of `cap` slots, with the size and the hash part of the old one.
    pub(super) fn new_array_block(&mut self, t: u64, cap: u64) -> Result<u64, HeapError> {
        let new = self.alloc_slots(ARRAY_HEADER_BYTES, cap)?;
        self.set_half(new, ARRAY_CAP, cap as u32);
        self.set_half(new, ARRAY_SIZE, self.array_size(t));
        self.set_word(new, ARRAY_HASH, self.hash_part(t));
        Ok(new)
    }

    /// Guest address of the metatable, or 0.
    #[inline]
    pub fn metatable(&self, t: u64) -> u64 {
        match self.half(t, TABLE_META) {
            0 => 0,
            n => self.guest_base + u64::from(n) * META_UNIT,
        }
    }

    /// Sets the metatable (0: none).
    pub fn set_metatable(&mut self, t: u64, meta: u64) {
        let distance = if meta == 0 { 0 } else { meta.wrapping_sub(self.guest_base) / META_UNIT };
        self.set_half(t, TABLE_META, distance as u32);
    }
}
