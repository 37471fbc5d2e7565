//! The arena and the objects in it.
//!
//! One anonymous mapping per running program, laid out as [`crate::layout`] says: context block, globals, the
//! main thread's stack, compiled code's own stack, objects. Objects are laid out by explicit offsets and never move;
//! they name each other by guest address, so a program behaves the same wherever the mapping lies.
//!
//! Memory comes from `alloc`, and goes back by garbage collection (`mark`, `sweep`): who the roots are, and when to
//! collect, is decided by the interpreter (`interp::collect`).

mod alloc;
mod boxes;
mod cells;
mod free;
pub mod hash;
mod header;
pub(crate) mod mark;
pub mod shapes;
pub mod slot;
pub mod strings;
mod sweep;
pub mod table;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_gc;

use crate::layout::{self, Layout};
use crate::value::Value;
use alloc::Region;
use cells::CellMap;
use free::FreeRuns;
use memmap2::{MmapMut, MmapOptions};
use shapes::Shapes;
use slot::Slots;
use strings::Interner;

/// Why a heap operation failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum HeapError {
    /// The heap limit is reached.
    #[error("heap limit reached")]
    Full,
    /// A table was written with the key nil.
    #[error("table index is nil")]
    NilKey,
    /// A table was written with the key NaN.
    #[error("table index is NaN")]
    NanKey,
    /// `next` was asked for the key after one that is not in the table.
    #[error("invalid key to 'next'")]
    BadNextKey,
    /// The mapping could not be made.
    #[error("cannot reserve {0} bytes of address space for the program; lower --heap-limit")]
    NoMemory(u64),
}

/// Where the guest sees the arena.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum GuestBase {
    /// At [`layout::GUEST_BASE`]: for interpreter and simulated core; addresses are the same on every host.
    #[default]
    Simulated,
    /// At its host address: for native execution of compiled code.
    Host,
}

/// The arena of one program.
pub struct Heap {
    pub(crate) slots: Slots,
    map: MmapMut,
    host: *mut u8,
    guest_base: u64,
    /// Host address minus guest address, wrapping.
    delta: u64,
    len: u64,
    stack: (u64, u64),
    native_stack: (u64, u64),
    heap_start: u64,
    /// Guest address where the heap must end.
    region_end: u64,
    /// The most bytes of objects there may be after a collection.
    limit: u64,
    cells: CellMap,
    region: Region,
    free: FreeRuns,
    /// Bytes of cells, the current region counted as a whole.
    reserved: u64,
    /// Guest address behind the last byte that was ever used.
    dirty_end: u64,
    /// Bytes in use from which on a collection is due.
    threshold: u64,
    due: bool,
    /// Collect at every so manieth safe point, and poison what is free; 0: off.
    stress: u32,
    until_stress: u32,
    peak: u64,
    collections: u64,
    live: u64,
    /// Bytes that were freed.
    freed: u64,
    pub(crate) interner: Interner,
    pub(crate) shapes: Shapes,
    /// An integer found no memory for its box: the heap limit is reached.
    out_of_boxes: bool,
}

// SAFETY: the raw pointer points into the mapping that the struct owns; nothing is shared with another thread.
unsafe impl Send for Heap {}

const PAGE: u64 = 4096;
/// Bytes mapped behind the arena's end: a small object whose address lies in the arena never reaches beyond.
const MARGIN: u64 = PAGE;

impl Heap {
    /// Reserves an arena for a program with `globals` global variables and at most `heap_limit` bytes of objects.
    pub fn new(globals: usize, heap_limit: u64, guest_base: GuestBase, layout: Layout) -> Result<Heap, HeapError> {
        let round = |n: u64| n.next_multiple_of(PAGE);
        let stack_slots = (layout::MAX_DEPTH + 2) * layout::FRAME_SLOTS_RESERVED + layout::VARARG_SLOTS;
        let stack = round(layout.global_offset(globals as u64));
        let native = round(stack + layout.slot_offset(stack_slots));
        let heap = round(native + layout::NATIVE_STACK_BYTES);
        let too_much = HeapError::NoMemory(heap_limit);
        // Between two safe points the heap may grow past its limit.
        // Nor may the arena be larger than addresses in it can be.
        let limit = heap_limit.min((layout::MAX_ARENA_BYTES - heap) / 2 - PAGE);
        let len =
            heap.checked_add(limit.max(PAGE) * 2).and_then(|n| n.checked_next_multiple_of(PAGE)).ok_or(too_much)?;
        let bytes = usize::try_from(len).map_err(|_| too_much)?;
        let mut map =
            MmapOptions::new().len(bytes + MARGIN as usize).no_reserve_swap().map_anon().map_err(|_| too_much)?;
        let host = map.as_mut_ptr();
        let guest_base = match guest_base {
            GuestBase::Simulated => layout::GUEST_BASE,
            GuestBase::Host => host as u64,
        };
        let start = guest_base + heap;
        let mut free = FreeRuns::default();
        free.clear();
        let heap = Heap {
            slots: Slots { layout, arena: host, guest_base, len },
            map,
            host,
            guest_base,
            delta: (host as u64).wrapping_sub(guest_base),
            len,
            stack: (guest_base + stack, guest_base + native),
            native_stack: (guest_base + native, start),
            heap_start: start,
            region_end: guest_base + len,
            limit,
            cells: CellMap::new(start),
            region: Region::default(),
            free,
            reserved: 0,
            dirty_end: start,
            threshold: sweep::MIN_GROWTH.min(limit),
            due: false,
            stress: 0,
            until_stress: 0,
            peak: 0,
            collections: 0,
            live: 0,
            freed: 0,
            interner: Interner::default(),
            shapes: Shapes::new(),
            out_of_boxes: false,
        };
        let nil = heap.host(heap.global_slot(0));
        // SAFETY: the globals' slots begin there.
        unsafe { heap.slots.fill_nil(nil, globals) };
        Ok(heap)
    }

    /// How values lie in slots.
    #[inline(always)]
    pub fn layout(&self) -> Layout {
        self.slots.layout
    }

    /// Bytes of a slot.
    #[inline(always)]
    pub(crate) fn slot_bytes(&self) -> u64 {
        self.slots.layout.slot_bytes()
    }

    /// Guest address of byte 0.
    pub fn guest_base(&self) -> u64 {
        self.guest_base
    }

    /// Host address of byte 0.
    pub fn host_ptr(&self) -> *mut u8 {
        self.host
    }

    /// Size of the whole arena in bytes.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Never: an arena has at least its context block.
    pub fn is_empty(&self) -> bool {
        self.map.is_empty()
    }

    /// Lowest and one past the highest guest address of compiled code's own stack.
    pub fn native_stack(&self) -> (u64, u64) {
        self.native_stack
    }

    /// Lowest and one past the highest guest address of the main thread's frames.
    pub fn stack(&self) -> (u64, u64) {
        self.stack
    }

    /// Guest address of global `index`'s slot.
    pub fn global_slot(&self, index: usize) -> u64 {
        self.guest_base + self.layout().global_offset(index as u64)
    }

    /// The most bytes of objects there may be.
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// The shapes of all tables.
    pub fn shapes(&self) -> &Shapes {
        &self.shapes
    }

    /// Host address of a guest address.
    ///
    /// Wrong compiled code may leave nonsense in a slot. Whatever the address is, the result lies in the arena (at its
    /// start if `guest` does not), aligned to 8 bytes, so that nonsense gives a wrong result or an error but never a crash.
    #[inline(always)]
    pub(crate) fn host(&self, guest: u64) -> *mut u8 {
        self.host_of(guest, 8)
    }

    /// The same for what is aligned to `align` bytes only.
    #[inline(always)]
    pub(crate) fn host_of(&self, guest: u64, align: u64) -> *mut u8 {
        let offset = guest.wrapping_sub(self.guest_base);
        self.host.wrapping_add(if offset < self.len { (offset & !(align - 1)) as usize } else { 0 })
    }

    /// Do `bytes` bytes at a guest address lie in the arena?
    pub fn contains(&self, guest: u64, bytes: u64) -> bool {
        self.span(guest, bytes).is_some()
    }

    /// Host address of `bytes` bytes at a guest address, if they are in the arena.
    pub(crate) fn span(&self, guest: u64, bytes: u64) -> Option<*mut u8> {
        let offset = guest.wrapping_sub(self.guest_base);
        (offset <= self.len && bytes <= self.len - offset).then(|| self.host.wrapping_add(offset as usize))
    }

    /// Guest address of a host address inside of the arena.
    #[inline(always)]
    pub(crate) fn guest(&self, host: *const u8) -> u64 {
        (host as u64).wrapping_sub(self.delta)
    }

    /// Panics unless `size` bytes at `guest` are inside of the arena.
    fn checked(&self, guest: u64, size: u64) -> *mut u8 {
        let offset = guest.wrapping_sub(self.guest_base);
        assert!(
            offset <= self.len - size && guest.is_multiple_of(size.min(8)),
            "guest address {guest:#x} is outside of the arena"
        );
        self.host_of(guest, size.min(8))
    }

    /// Reads the value in the slot at a guest address. Panics if the address is outside of the arena.
    pub fn load(&self, guest: u64) -> Value {
        // SAFETY: `checked` has seen that the slot lies in the arena.
        unsafe { self.slots.load(self.checked(guest, self.slot_bytes())) }
    }

    /// Writes a value into the slot at a guest address. Panics if the address is outside of the arena.
    pub fn store(&mut self, guest: u64, v: Value) {
        // SAFETY: `checked` has seen that the slot lies in the arena.
        unsafe { self.put(self.checked(guest, self.slot_bytes()), v) }
    }

    /// Reads a 64-bit word at a guest address. Panics if the address is outside of the arena or unaligned.
    pub fn read_u64(&self, guest: u64) -> u64 {
        // SAFETY: `checked` has seen that the word lies in the arena.
        unsafe { self.checked(guest, 8).cast::<u64>().read() }
    }

    /// Writes a 64-bit word at a guest address. Panics if the address is outside of the arena or unaligned.
    pub fn write_u64(&mut self, guest: u64, n: u64) {
        // SAFETY: `checked` has seen that the word lies in the arena.
        unsafe { self.checked(guest, 8).cast::<u64>().write(n) }
    }

    /// Reads a 32-bit word at a guest address. Panics if the address is outside of the arena or unaligned.
    pub fn read_u32(&self, guest: u64) -> u32 {
        // SAFETY: `checked` has seen that the word lies in the arena.
        unsafe { self.checked(guest, 4).cast::<u32>().read() }
    }

    /// Writes a 32-bit word at a guest address. Panics if the address is outside of the arena or unaligned.
    pub fn write_u32(&mut self, guest: u64, n: u32) {
        // SAFETY: `checked` has seen that the word lies in the arena.
        unsafe { self.checked(guest, 4).cast::<u32>().write(n) }
    }

    /// The 64-bit word at `offset` of an object.
    #[inline(always)]
    pub(crate) fn word(&self, object: u64, offset: u64) -> u64 {
        // SAFETY: addresses of objects come from `alloc`, offsets from `layout`.
        unsafe { self.host(object.wrapping_add(offset)).cast::<u64>().read() }
    }

    /// Writes the 64-bit word at `offset` of an object.
    #[inline(always)]
    pub(crate) fn set_word(&mut self, object: u64, offset: u64, n: u64) {
        // SAFETY: addresses of objects come from `alloc`, offsets from `layout`.
        unsafe { self.host(object.wrapping_add(offset)).cast::<u64>().write(n) }
    }

    /// The 32-bit word at `offset` of an object.
    #[inline(always)]
    pub(crate) fn half(&self, object: u64, offset: u64) -> u32 {
        // SAFETY: addresses of objects come from `alloc`, offsets from `layout`.
        unsafe { self.host_of(object.wrapping_add(offset), 4).cast::<u32>().read() }
    }

    /// Writes the 32-bit word at `offset` of an object.
    #[inline(always)]
    pub(crate) fn set_half(&mut self, object: u64, offset: u64, n: u32) {
        // SAFETY: addresses of objects come from `alloc`, offsets from `layout`.
        unsafe { self.host_of(object.wrapping_add(offset), 4).cast::<u32>().write(n) }
    }
}
