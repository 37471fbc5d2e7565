//! Where things lie in a cell's arena: the contract between the interpreter, compiled code and the simulator.
//!
//! All offsets are in bytes. An arena is one contiguous mapping:
//!
//! ```text
//! 0            context block (X28 of compiled code points here)
//! GLOBALS      one slot per global
//! STACK        the main thread's VM stack: frames of slots, growing up
//! NATIVE       compiled code's own stack, growing down (SP)
//! HEAP         objects, growing up to the heap limit
//! ```
//!
//! Objects name each other by *guest address*: `Arena::guest_base() + offset`. On the simulated core the guest base
//! is [`GUEST_BASE`], the same on every host, so that addresses are reproducible; a native executor uses the host
//! address of the mapping. Code never holds an absolute address as a constant: it adds an offset to X28, so its
//! bytes are the same on both.

/// Guest address of byte 0 of the arena on the simulated core.
pub const GUEST_BASE: u64 = 0x1_0000_0000;

/// How values lie in slots: of frames, tables, globals and closed upvalues. One per program, fixed when its heap is made.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Layout {
    /// 32 bytes: tag word, payload word, and two words that upstream's layout used for a Go interface and that stay unused
    /// here (the slot keeps upstream's size, its memory footprint being what is studied).
    #[default]
    Tagged,
    /// 8 bytes: a double as it is, anything else inside of the NaNs, as [`crate::nanbox`] says.
    NanBox,
}

impl Layout {
    /// Both.
    pub const ALL: [Layout; 2] = [Layout::Tagged, Layout::NanBox];

    /// Bytes of a slot.
    #[inline(always)]
    pub const fn slot_bytes(self) -> u64 {
        match self {
            Layout::Tagged => 32,
            Layout::NanBox => 8,
        }
    }

    /// Offset, from `R[0]` of a frame, of its register `reg`.
    #[inline(always)]
    pub const fn slot_offset(self, reg: u64) -> u64 {
        reg * self.slot_bytes()
    }

    /// Distance in bytes from a frame's `R[0]` to the `R[0]` of a (non-vararg) callee: the frame's registers and the
    /// callee's header.
    pub const fn callee_distance(self, nregs: u64) -> u64 {
        self.slot_offset(nregs + FRAME_HEADER_SLOTS)
    }

    /// Offset in the arena of global `i`.
    pub const fn global_offset(self, i: u64) -> u64 {
        GLOBALS + self.slot_offset(i)
    }

    /// Size in bytes of an upvalue cell.
    pub const fn upval_bytes(self) -> u64 {
        UPVAL_CLOSED + self.slot_bytes()
    }
}

impl std::fmt::Display for Layout {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Layout::Tagged => "tagged-32",
            Layout::NanBox => "nan-box",
        })
    }
}

/// Tagged layout: offset of the tag word (a [`Tag`](crate::value::Tag) in 64 bits) in a slot.
pub const TAG_OFFSET: u64 = 0;
/// Tagged layout: offset of the payload word (integer, float bits, 0/1 for a boolean, guest address of an object, 0 for nil).
pub const PAYLOAD_OFFSET: u64 = 8;

/// Frames that may be active at once, compiled or interpreted, before a stack overflow error.
pub const MAX_DEPTH: u64 = 100_000;
/// Slots that each frame is sure to find room for: 250 registers, the header, and room to spare.
pub const FRAME_SLOTS_RESERVED: u64 = 256;
/// Slots kept for variable arguments on the main stack, beside the reserve for fixed frames.
pub const VARARG_SLOTS: u64 = 1 << 20;

/// The frame header: the slot just below `R[0]` holds the function value of the activation.
pub const FRAME_HEADER_SLOTS: u64 = 1;

/// Context block: address to branch to for a host call (the executor fills it in).
pub const CTX_HOST_ENTRY: u64 = 0;
/// Context block: guest address of the next object that is allocated by bumping. Its memory up to [`CTX_ALLOC_END`] is zero.
pub const CTX_ALLOC_NEXT: u64 = 8;
/// Context block: guest address up to which objects can be allocated by bumping. Whoever finds too little room there asks
/// the host, which may collect.
pub const CTX_ALLOC_END: u64 = 16;
/// Context block: size. Globals follow.
pub const CTX_BYTES: u64 = 256;
/// Offset of global 0; global `i` is at [`Layout::global_offset`].
pub const GLOBALS: u64 = CTX_BYTES;

/// Bytes of native stack that each frame may use: a compiled unit whose frame is larger stays interpreted.
pub const NATIVE_FRAME_BYTES: u64 = 1024;
/// Bytes of the native stack region.
pub const NATIVE_STACK_BYTES: u64 = MAX_DEPTH * NATIVE_FRAME_BYTES + (1 << 20);

/// Closure object: guest address of its function record.
pub const CLOSURE_FUNC: u64 = 8;
/// Closure object: first upvalue cell's guest address; upvalue `i` at `CLOSURE_UPVALS + 8 * i`.
pub const CLOSURE_UPVALS: u64 = 16;

/// Function record (one per prototype and per builtin): address of the code to call. Never zero once a JIT is
/// attached: functions without compiled code point to a stub that asks the host to run them.
pub const FUNC_CODE: u64 = 8;
/// Function record: number of fixed parameters (u32).
pub const FUNC_NPARAMS: u64 = 16;
/// Function record: prototype id (u32), or `u32::MAX` for a builtin.
pub const FUNC_PROTO: u64 = 20;
/// Function record: size in bytes.
pub const FUNC_BYTES: u64 = 32;

/// Upvalue cell: guest address of the slot that holds the value (on the stack while open, [`UPVAL_CLOSED`] after).
pub const UPVAL_PTR: u64 = 8;
/// Upvalue cell: the slot used once it is closed.
pub const UPVAL_CLOSED: u64 = 16;

/// Every object starts with a header word: its kind in the low byte ([`KIND_STRING`] …), flags in bits 8–15 (a table's
/// header has more: [`TABLE_FIELDS_CAP_SHIFT`], [`TABLE_SHAPE`]), and, for a closure, the number of its upvalue words in bits 16–23 and its prototype's index in bits 32–63 (`u32::MAX` for a
/// builtin).
pub const HEADER: u64 = 0;
/// Kind of a byte string.
pub const KIND_STRING: u64 = 1;
/// Kind of a table.
pub const KIND_TABLE: u64 = 2;
/// Kind of a closure.
pub const KIND_CLOSURE: u64 = 3;
/// Kind of a function record.
pub const KIND_FUNC: u64 = 4;
/// Kind of an upvalue cell.
pub const KIND_UPVAL: u64 = 5;
/// Kind of a coroutine.
pub const KIND_COROUTINE: u64 = 6;
/// Kind of a channel.
pub const KIND_CHANNEL: u64 = 7;
/// Kind of a boxed integer: one that NaN-boxing does not hold in line.
pub const KIND_WIDE: u64 = 8;
/// Boxed integer: the number.
pub const WIDE_VALUE: u64 = 8;
/// Boxed integer: size in bytes.
pub const WIDE_BYTES: u64 = 16;
/// Closure's header: lowest bit of the number of its upvalue words, 8 bits.
pub const CLOSURE_COUNT_SHIFT: u64 = 16;
/// Header flag of a string that is interned: no other string object has the same bytes.
pub const FLAG_INTERNED: u64 = 1 << 8;

/// String: length in bytes (u32).
pub const STRING_LEN: u64 = 8;
/// String: hash of the bytes (u32); 0 when not computed yet (long strings only).
pub const STRING_HASH: u64 = 12;
/// String: first byte.
pub const STRING_BYTES: u64 = 16;

/// Table's header: lowest bit of the number of slots in the fields block, 16 bits.
pub const TABLE_FIELDS_CAP_SHIFT: u64 = 16;
/// Table: shape number (u32): which string-keyed field is where in the fields block.
pub const TABLE_SHAPE: u64 = 4;
/// Table: guest address of the fields block, slot `i` for the shape's field `i`; a nil slot is an absent field.
pub const TABLE_FIELDS: u64 = 8;
/// Table: guest address of the array part's slots, or 0; the slot of key `k` is at [`Layout::slot_offset`]`(k)`, key 0
/// included. In front of them, in the same block, are [`ARRAY_HEADER_BYTES`] bytes for what is needed more rarely. A table
/// without array part has such a block (without slots) if it has a hash part.
pub const TABLE_ARRAY: u64 = 16;
/// Table: keys `0..len` (u32) are in use in the array part; slots from here to the size are nil.
pub const TABLE_ARRAY_LEN: u64 = 24;
/// Table: the metatable (u32): its distance from the guest base in units of [`META_UNIT`] bytes, or 0.
pub const TABLE_META: u64 = 28;
/// Table: size of the object in bytes.
pub const TABLE_BYTES: u64 = 32;

/// Bytes in which metatables are counted; objects begin at multiples of it.
pub const META_UNIT: u64 = 16;
/// Most bytes of an arena: a metatable's number has 32 bits.
pub const MAX_ARENA_BYTES: u64 = META_UNIT << 32;

/// Block of an array part: bytes in front of its slots.
pub const ARRAY_HEADER_BYTES: u64 = 16;
/// Block of an array part: keys `0..size` (u32) belong to it and are never in the hash part; `len <= size <= cap`.
pub const ARRAY_SIZE: u64 = 0;
/// Block of an array part: its slots (u32).
pub const ARRAY_CAP: u64 = 4;
/// Block of an array part: guest address of the hash part, or 0.
pub const ARRAY_HASH: u64 = 8;

/// Function record of a builtin: its index in the library (u32).
pub const FUNC_BUILTIN: u64 = 24;
/// Coroutine or channel: its number (u32) in the interpreter's own table.
pub const OBJECT_ID: u64 = 8;
