//! Allocation: bumping through a region, and lists of free runs.
//!
//! Small cells come from the *current region*, by moving a pointer that lies in the context block
//! ([`CTX_ALLOC_NEXT`]), so that compiled code can do the same. The memory of a region is zero. When it is used
//! up, the next one comes from a free run, or from above the heap's top.
//!
//! Nothing is ever collected here, because callers hold values in Rust variables: allocation only notes that a collection
//! is due, and the interpreter collects at its next safe point. Between two safe points the heap may therefore grow past
//! its limit, up to twice of it; whether the limit is really reached is decided after a collection.
//!
//! Compiled code that allocates by itself does not write the map of cells. What it made since the interpreter last looked
//! is walked by header ([`Heap::note_inline`]). It must therefore write headers at once, and put a new table's fields block
//! and then its array block directly behind the table.

use super::cells::{Cell, GRANULE};
use super::free::SMALL_BYTES;
use super::{Heap, HeapError};
use crate::layout::{
    ARRAY_HEADER_BYTES, CLOSURE_COUNT_SHIFT, CLOSURE_UPVALS, CTX_ALLOC_END, CTX_ALLOC_NEXT, FUNC_BYTES, HEADER,
    KIND_CLOSURE, KIND_FUNC, KIND_STRING, KIND_TABLE, KIND_UPVAL, KIND_WIDE, Layout, STRING_BYTES, STRING_LEN,
    TABLE_BYTES, TABLE_FIELDS, WIDE_BYTES,
};

/// Size in bytes of a region taken from above the top (less in a small heap), and at most of any region.
const REGION_BYTES: u64 = 32 << 10;
/// Free runs of at least so many bytes become regions; smaller ones serve cells of their size first.
const GOOD_REGION_BYTES: u64 = 2 << 10;
/// Memory that is not in use is filled with this byte under stress: an address or a tag made of it is none.
pub(super) const POISON: u8 = 0xdb;

/// The current region.
#[derive(Clone, Copy, Default)]
pub(super) struct Region {
    /// What [`CTX_ALLOC_NEXT`] was when the map of cells was last complete.
    pub next: u64,
    pub end: u64,
}

impl Heap {
    /// Allocates an object of `bytes` zeroed bytes, 16-byte aligned. Its header must be written before the next collection.
    #[inline]
    pub(crate) fn alloc(&mut self, bytes: u64) -> Result<u64, HeapError> {
        self.alloc_cell(bytes, Cell::Object)
    }

    /// Allocates a block of `n` slots, all nil, behind so many zeroed bytes.
    #[inline]
    pub(crate) fn alloc_slots(&mut self, before: u64, n: u64) -> Result<u64, HeapError> {
        let bytes = n.saturating_mul(self.slot_bytes());
        let at = self.alloc_block(bytes.saturating_add(before))?;
        if self.layout() != Layout::Tagged
            && let Some(p) = self.span(at + before, bytes)
        {
            // SAFETY: the slots lie in the arena.
            unsafe { self.slots.fill_nil(p, n as usize) };
        }
        Ok(at)
    }

    /// Allocates a zeroed block without a header. In the tagged layout zeros read as nil.
    #[inline]
    pub(crate) fn alloc_block(&mut self, bytes: u64) -> Result<u64, HeapError> {
        self.alloc_cell(bytes, Cell::Block)
    }

    #[inline(always)]
    fn alloc_cell(&mut self, bytes: u64, what: Cell) -> Result<u64, HeapError> {
        let size = (bytes.saturating_add(GRANULE - 1) & !(GRANULE - 1)).max(GRANULE);
        if self.context(CTX_ALLOC_NEXT) == self.region.next && size <= self.region.end - self.region.next {
            return Ok(self.bump(size, what));
        }
        self.alloc_slow(size, what)
    }

    /// Takes a cell from the region, which has room for it.
    #[inline(always)]
    fn bump(&mut self, size: u64, what: Cell) -> u64 {
        let at = self.region.next;
        self.region.next = at + size;
        self.set_context(CTX_ALLOC_NEXT, at + size);
        self.cells.set(at, what);
        at
    }

    #[cold]
    fn alloc_slow(&mut self, size: u64, what: Cell) -> Result<u64, HeapError> {
        self.note_inline();
        if size <= self.region.end - self.region.next {
            return Ok(self.bump(size, what));
        }
        let used = self.used().checked_add(size).ok_or(HeapError::Full)?;
        if size > self.limit || used > self.limit.saturating_mul(2) {
            return Err(HeapError::Full);
        }
        self.due |= used > self.threshold;
        self.peak = self.peak.max(used);
        if size <= SMALL_BYTES {
            return self.alloc_small(size, what);
        }
        let at = match self.free.at_least(size) {
            Some((at, bytes)) => self.take(at, bytes, size),
            None => self.extend(size)?,
        };
        self.reserved += size;
        self.cells.set(at, what);
        Ok(at)
    }

    fn alloc_small(&mut self, size: u64, what: Cell) -> Result<u64, HeapError> {
        let good = match self.free.at_least(GOOD_REGION_BYTES) {
            Some(run) => Some(run),
            None => {
                if let Some(at) = self.free.exactly(size) {
                    self.zero(at, size);
                    self.reserved += size;
                    self.cells.set(at, what);
                    return Ok(at);
                }
                self.free.at_least(size)
            }
        };
        let (at, bytes) = match good {
            Some((at, bytes)) => {
                let part = bytes.min(REGION_BYTES);
                (self.take(at, bytes, part), part)
            }
            None => {
                let left = self.region_end - self.cells.top();
                let bytes = ((self.limit / 32) & !(GRANULE - 1)).clamp(SMALL_BYTES, REGION_BYTES).min(left);
                if bytes < size {
                    return Err(HeapError::Full);
                }
                (self.extend(bytes)?, bytes)
            }
        };
        self.give_back_region();
        // A region has no entry in the map: cells get theirs one by one, and what is left of it at the end gets one.
        self.region = Region { next: at, end: at + bytes };
        self.reserved += bytes;
        self.set_context(CTX_ALLOC_NEXT, at);
        // Under stress compiled code must ask for every allocation.
        self.set_context(CTX_ALLOC_END, if self.stress > 0 { at } else { at + bytes });
        Ok(self.bump(size, what))
    }

    /// Takes the first `size` bytes of a free run, zeroed; the rest stays free.
    fn take(&mut self, at: u64, run: u64, size: u64) -> u64 {
        self.cells.clear(at);
        if run > size {
            self.cells.set(at + size, Cell::Free);
            self.free.add(at + size, run - size);
        }
        self.zero(at, size);
        at
    }

    /// Takes zeroed bytes from above the top.
    fn extend(&mut self, bytes: u64) -> Result<u64, HeapError> {
        let at = self.cells.top();
        if bytes > self.region_end - at {
            return Err(HeapError::Full);
        }
        self.cells.set_top(at + bytes);
        // What lay above before a collection lowered the top is not zero any more.
        let dirty = self.dirty_end.saturating_sub(at).min(bytes);
        self.zero(at, dirty);
        self.dirty_end = self.dirty_end.max(at + bytes);
        Ok(at)
    }

    /// Ends the current region; what is left of it becomes a free run.
    pub(super) fn give_back_region(&mut self) {
        let Region { next, end } = self.region;
        if next < end {
            self.cells.set(next, Cell::Free);
            self.free.add(next, end - next);
            self.reserved -= end - next;
        }
        self.region = Region::default();
        self.set_context(CTX_ALLOC_NEXT, 0);
        self.set_context(CTX_ALLOC_END, 0);
    }

    /// Gives back a block to which nothing refers any more.
    pub(crate) fn free_block(&mut self, at: u64) {
        // Wrong compiled code may have changed the address of a table's block: what is no block is left alone.
        if self.cells.get(at) != Some(Cell::Block) {
            return;
        }
        self.note_inline();
        let end = self.cell_end(at);
        let bytes = end - at;
        if self.stress > 0 {
            self.fill(at, bytes, POISON);
        }
        self.cells.set(at, Cell::Free);
        self.free.add(at, bytes);
        self.reserved -= bytes;
        self.freed += bytes;
    }

    /// Where the object or block at `at` ends.
    pub(super) fn cell_end(&self, at: u64) -> u64 {
        let end = self.cells.end(at);
        // Behind the last cell of the region nothing begins yet.
        if at < self.region.next { end.min(self.region.next) } else { end }
    }

    /// Enters into the map what compiled code has allocated by itself.
    pub(super) fn note_inline(&mut self) {
        let next = self.context(CTX_ALLOC_NEXT);
        let Region { next: mut at, end } = self.region;
        if next == at {
            return;
        }
        if next < at || next > end || !next.is_multiple_of(GRANULE) {
            // Only wrong compiled code can have written that.
            self.set_context(CTX_ALLOC_NEXT, at);
            return;
        }
        while at < next {
            let bytes = self.inline_bytes(at).filter(|&n| n <= next - at);
            // What has no header that is known is kept as a whole, and looked through word by word.
            let what = if bytes.is_some() { Cell::Object } else { Cell::Block };
            let object = at;
            self.cells.set(at, what);
            at += bytes.unwrap_or(next - at);
            if what == Cell::Object && self.word(object, HEADER) & 0xff == KIND_TABLE {
                let fields = u64::from(self.fields_cap(object)) * self.slot_bytes();
                let array = ARRAY_HEADER_BYTES + u64::from(self.array_cap(object)) * self.slot_bytes();
                for (block, bytes) in [(self.word(object, TABLE_FIELDS), fields), (self.array_block(object), array)] {
                    let bytes = bytes.next_multiple_of(GRANULE);
                    if block == at && bytes > 0 && bytes <= next - at {
                        self.cells.set(at, Cell::Block);
                        at += bytes;
                    }
                }
            }
        }
        self.region.next = next;
    }

    /// Size of an object that compiled code may allocate, by its header.
    fn inline_bytes(&self, at: u64) -> Option<u64> {
        let header = self.word(at, HEADER);
        let bytes = match header & 0xff {
            KIND_STRING => STRING_BYTES + u64::from(self.half(at, STRING_LEN)),
            KIND_TABLE => TABLE_BYTES,
            KIND_CLOSURE => CLOSURE_UPVALS + 8 * ((header >> CLOSURE_COUNT_SHIFT) & 0xff),
            KIND_FUNC => FUNC_BYTES,
            KIND_UPVAL => self.layout().upval_bytes(),
            KIND_WIDE => WIDE_BYTES,
            _ => return None,
        };
        Some(bytes.next_multiple_of(GRANULE))
    }

    fn zero(&mut self, at: u64, bytes: u64) {
        self.fill(at, bytes, 0);
    }

    pub(super) fn fill(&mut self, at: u64, bytes: u64, byte: u8) {
        if let Some(p) = self.span(at, bytes) {
            // SAFETY: the range lies in the arena, and it is no part of any object or block.
            unsafe { p.write_bytes(byte, bytes as usize) };
        }
    }

    /// A word of the context block.
    #[inline(always)]
    fn context(&self, offset: u64) -> u64 {
        // SAFETY: the context block lies at the beginning of the arena.
        unsafe { self.host.add(offset as usize).cast::<u64>().read() }
    }

    #[inline(always)]
    fn set_context(&mut self, offset: u64, n: u64) {
        // SAFETY: the context block lies at the beginning of the arena.
        unsafe { self.host.add(offset as usize).cast::<u64>().write(n) }
    }

    /// Bytes of objects and blocks: those that are alive, and garbage that no collection has found yet.
    pub fn used(&self) -> u64 {
        self.reserved - (self.region.end - self.context(CTX_ALLOC_NEXT).clamp(self.region.next, self.region.end))
    }
}
