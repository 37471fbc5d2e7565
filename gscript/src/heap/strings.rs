//! Byte strings. Those of up to [`INTERN_MAX`] bytes exist once, so that equal ones have equal addresses.

use super::{Heap, HeapError};
use crate::layout::{FLAG_INTERNED, HEADER, KIND_STRING, STRING_BYTES, STRING_HASH, STRING_LEN};
use crate::value::{Tag, Value};

/// Longest string, in bytes, that is interned.
pub const INTERN_MAX: usize = 40;
/// Longest string, in bytes, that there can be.
pub const STRING_MAX: usize = 1 << 31;

/// All interned strings: an open-addressing table of guest addresses (0: free).
#[derive(Default)]
pub(crate) struct Interner {
    table: Vec<u64>,
    count: usize,
}

/// A hash of the bytes, the same on every host; never 0.
pub fn hash_bytes(bytes: &[u8]) -> u32 {
    const K: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut h = bytes.len() as u64;
    let mut chunks = bytes.chunks_exact(8);
    for c in &mut chunks {
        let mut word = [0; 8];
        word.copy_from_slice(c);
        h = (h.rotate_left(5) ^ u64::from_le_bytes(word)).wrapping_mul(K);
    }
    for &b in chunks.remainder() {
        h = (h.rotate_left(5) ^ u64::from(b)).wrapping_mul(K);
    }
    ((h >> 32) as u32 ^ h as u32).max(1)
}

impl Heap {
    /// The string with these bytes.
    pub fn new_string(&mut self, bytes: &[u8]) -> Result<u64, HeapError> {
        if bytes.len() <= INTERN_MAX {
            return self.intern(bytes);
        }
        if bytes.len() > STRING_MAX {
            return Err(HeapError::Full);
        }
        self.alloc_string(bytes, 0, KIND_STRING)
    }

    /// The same as a value.
    pub fn string_value(&mut self, bytes: &[u8]) -> Result<Value, HeapError> {
        Ok(Value::object(Tag::Str, self.new_string(bytes)?))
    }

    fn alloc_string(&mut self, bytes: &[u8], hash: u32, header: u64) -> Result<u64, HeapError> {
        let at = self.alloc(STRING_BYTES + bytes.len() as u64)?;
        self.set_word(at, HEADER, header);
        self.set_half(at, STRING_LEN, bytes.len() as u32);
        self.set_half(at, STRING_HASH, hash);
        let to = self.host(at + STRING_BYTES);
        // SAFETY: the object was just allocated with room for the bytes, and nothing else refers to it.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len()) };
        Ok(at)
    }

    fn intern(&mut self, bytes: &[u8]) -> Result<u64, HeapError> {
        if (self.interner.count + 1) * 2 > self.interner.table.len() {
            self.grow_interner();
        }
        let hash = hash_bytes(bytes);
        let mask = self.interner.table.len() - 1;
        let mut i = hash as usize & mask;
        loop {
            let at = self.interner.table[i];
            if at == 0 {
                break;
            }
            if self.half(at, STRING_HASH) == hash && self.bytes(at) == bytes {
                return Ok(at);
            }
            i = (i + 1) & mask;
        }
        let at = self.alloc_string(bytes, hash, KIND_STRING | FLAG_INTERNED)?;
        self.interner.table[i] = at;
        self.interner.count += 1;
        Ok(at)
    }

    #[cold]
    fn grow_interner(&mut self) {
        let size = (self.interner.table.len() * 2).max(256);
        let old = std::mem::replace(&mut self.interner.table, vec![0; size]);
        for at in old.into_iter().filter(|&at| at != 0) {
            self.enter_string(at, size);
        }
    }

    /// Forgets the strings that are not marked.
    pub(super) fn drop_unmarked_strings(&mut self) {
        let mut table = std::mem::take(&mut self.interner.table);
        let size = table.len();
        let old: Vec<u64> = table.iter().copied().filter(|&at| at != 0 && self.is_marked(at)).collect();
        table.fill(0);
        self.interner = Interner { table, count: old.len() };
        for at in old {
            self.enter_string(at, size);
        }
    }

    /// Enters a string into the interner's table of `size` places.
    fn enter_string(&mut self, at: u64, size: usize) {
        let mut i = self.half(at, STRING_HASH) as usize & (size - 1);
        while self.interner.table[i] != 0 {
            i = (i + 1) & (size - 1);
        }
        self.interner.table[i] = at;
    }

    /// The bytes of the string object at `at`.
    #[inline]
    pub fn bytes(&self, at: u64) -> &[u8] {
        let len = self.half(at, STRING_LEN) as usize;
        let start = at.wrapping_add(STRING_BYTES);
        match self.span(start, len as u64) {
            // SAFETY: the bytes lie in the arena; string objects are complete when their address becomes known, and
            // never change.
            Some(p) => unsafe { std::slice::from_raw_parts(p, len) },
            None => &[],
        }
    }

    /// Is the string the only one with its bytes?
    #[inline]
    pub(crate) fn is_interned(&self, at: u64) -> bool {
        self.word(at, HEADER) & FLAG_INTERNED != 0
    }

    /// Have two strings the same bytes?
    #[inline]
    pub(crate) fn string_eq(&self, a: u64, b: u64) -> bool {
        // Lengths on both sides of the interning limit differ, so two different interned ones are different.
        a == b || (!self.is_interned(a) && !self.is_interned(b) && self.bytes(a) == self.bytes(b))
    }

    /// Hash of the string's bytes.
    pub(crate) fn string_hash(&self, at: u64) -> u32 {
        match self.half(at, STRING_HASH) {
            0 => hash_bytes(self.bytes(at)),
            h => h,
        }
    }
}
