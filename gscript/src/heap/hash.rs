//! The hash part of a table: entries in insertion order, and an index over them.
//!
//! Block: entry capacity (u32), entries used (u32), index size (u32), integer keys (u32), two spare words; then the
//! entries, a key slot and a value slot each; then the index, a power of two of u32 entry numbers plus one (0: free).
//! A deleted entry keeps its key with the value nil, so that `next` can go on from it; growing drops it.

use super::{Heap, HeapError};
use crate::value::{Tag, Value};

const CAP: u64 = 0;
const USED: u64 = 4;
const INDEX_SIZE: u64 = 8;
const INT_KEYS: u64 = 12;
const ENTRIES: u64 = 32;

impl Heap {
    fn entry_bytes(&self) -> u64 {
        2 * self.slot_bytes()
    }

    fn hash_bytes(&self, cap: u32, index: u32) -> u64 {
        (ENTRIES + u64::from(cap) * self.entry_bytes() + u64::from(index) * 4).next_multiple_of(16)
    }

    fn hash_key(&self, key: Value) -> u32 {
        let bits = match key.tag {
            Tag::Str => return self.string_hash(key.bits),
            Tag::Nil | Tag::Bool | Tag::Int | Tag::Float => key.bits,
            Tag::Table | Tag::Function | Tag::Coroutine | Tag::Channel => key.bits.wrapping_sub(self.guest_base),
        };
        let h = (bits ^ (key.tag as u64) << 60).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (h >> 32) as u32 ^ h as u32
    }

    fn same_key(&self, a: Value, b: Value) -> bool {
        a.tag == b.tag && (a.bits == b.bits || (a.tag == Tag::Str && self.string_eq(a.bits, b.bits)))
    }

    fn index_slot(&self, block: u64, i: u32) -> *mut u32 {
        let cap = u64::from(self.half(block, CAP));
        self.host_of(block.wrapping_add(ENTRIES + cap * self.entry_bytes() + u64::from(i) * 4), 4).cast()
    }

    fn entry(&self, block: u64, n: u32) -> u64 {
        block.wrapping_add(ENTRIES + u64::from(n) * self.entry_bytes())
    }

    /// Entries used, deleted ones included; 0 without a block, or with one that wrong compiled code has damaged.
    pub(super) fn hash_used(&self, block: u64) -> u32 {
        if block == 0 || self.index_mask(block) == 0 { 0 } else { self.half(block, USED).min(self.half(block, CAP)) }
    }

    /// Index size less one; 0 for a block that wrong compiled code has damaged (true ones have at least 8 places).
    fn index_mask(&self, block: u64) -> u32 {
        let (cap, index) = (self.half(block, CAP), self.half(block, INDEX_SIZE));
        let sound = index.is_power_of_two() && self.hash_bytes(cap, index) <= self.limit();
        if sound { index - 1 } else { 0 }
    }

    /// Does the block hold an integer key?
    pub(super) fn hash_has_ints(&self, block: u64) -> bool {
        block != 0 && self.half(block, INT_KEYS) != 0
    }

    /// Key and value of entry `n`.
    pub(super) fn hash_entry(&self, block: u64, n: u32) -> (Value, Value) {
        let at = self.host(self.entry(block, n));
        // SAFETY: an entry below `USED` is two slots in the block.
        unsafe { (self.slots.load(at), self.slots.load(at.add(self.slots.size()))) }
    }

    /// Number of the entry with this key (already normalised).
    pub(super) fn hash_find(&self, block: u64, key: Value) -> Option<u32> {
        if block == 0 {
            return None;
        }
        let mask = self.index_mask(block);
        let mut i = self.hash_key(key) & mask;
        // The index always has free places; the bound is for one that wrong compiled code has damaged.
        for _ in 0..=mask {
            // SAFETY: `i` is masked to the index.
            let n = unsafe { self.index_slot(block, i).read() };
            if n == 0 {
                return None;
            }
            if self.same_key(self.hash_entry(block, n - 1).0, key) {
                return Some(n - 1);
            }
            i = i.wrapping_add(1) & mask;
        }
        None
    }

    /// The value under a key (already normalised), nil if there is none.
    pub(super) fn hash_get(&self, block: u64, key: Value) -> Value {
        self.hash_find(block, key).map_or(Value::NIL, |n| self.hash_entry(block, n).1)
    }

    pub(super) fn hash_set_value(&mut self, block: u64, n: u32, v: Value) {
        let at = self.host(self.entry(block, n).wrapping_add(self.slot_bytes()));
        // SAFETY: an entry below `USED` is two slots in the block.
        unsafe { self.put(at, v) }
    }

    /// Writes `v` under a key (already normalised) and returns the block, which may be another one now.
    pub(super) fn hash_set(&mut self, block: u64, key: Value, v: Value) -> Result<u64, HeapError> {
        if let Some(n) = self.hash_find(block, key) {
            self.hash_set_value(block, n, v);
            return Ok(block);
        }
        if v.is_nil() {
            return Ok(block);
        }
        let block =
            if block == 0 || self.half(block, USED) == self.half(block, CAP) { self.hash_grow(block)? } else { block };
        self.hash_append(block, key, v);
        Ok(block)
    }

    fn hash_append(&mut self, block: u64, key: Value, v: Value) {
        let n = self.half(block, USED);
        self.set_half(block, USED, n.wrapping_add(1));
        if key.tag == Tag::Int {
            let ints = self.half(block, INT_KEYS);
            self.set_half(block, INT_KEYS, ints.wrapping_add(1));
        }
        let at = self.host(self.entry(block, n));
        // SAFETY: `hash_set` made sure of room for another entry.
        unsafe {
            self.put(at, key);
            self.put(at.add(self.slots.size()), v);
        }
        let mask = self.index_mask(block);
        let mut i = self.hash_key(key) & mask;
        for _ in 0..=mask {
            let place = self.index_slot(block, i);
            // SAFETY: `i` is masked to the index, which is larger than the number of entries.
            unsafe {
                if place.read() == 0 {
                    place.write(n.wrapping_add(1));
                    return;
                }
            }
            i = i.wrapping_add(1) & mask;
        }
    }

    /// A block with the live entries of `old` and room for as many more.
    fn hash_grow(&mut self, old: u64) -> Result<u64, HeapError> {
        let used = self.hash_used(old);
        let live = (0..used).filter(|&n| !self.hash_entry(old, n).1.is_nil()).count() as u32;
        let cap = live.max(2).checked_mul(2).filter(|&c| c < 1 << 29).ok_or(HeapError::Full)?;
        let index = (cap * 2).next_power_of_two();
        let bytes = self.hash_bytes(cap, index);
        let new = self.alloc_block(bytes)?;
        self.set_half(new, CAP, cap);
        self.set_half(new, INDEX_SIZE, index);
        for n in 0..used {
            let (key, v) = self.hash_entry(old, n);
            if !v.is_nil() {
                self.hash_append(new, key, v);
            }
        }
        self.free_block(old);
        Ok(new)
    }

    /// Offset in the block, and number, of the slots of its entries.
    pub(super) fn hash_slots(&self, block: u64) -> (u64, u64) {
        (ENTRIES, u64::from(self.hash_used(block)) * 2)
    }
}
