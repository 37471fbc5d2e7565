//! Slots: the only place that knows how a value lies in memory, in either [`Layout`].
//!
//! Everything else in the crate reads and writes values through the functions here, by host pointer. Where the layout is a
//! constant (the interpreter loop makes its [`Slots`] itself), the compiler leaves one of the two ways.
//!
//! Every function is unsafe for the same reason: the pointer must be the (8-byte aligned) host address of a slot in a
//! live arena. Callers state why theirs is.

use crate::layout::{Layout, PAYLOAD_OFFSET, TAG_OFFSET, WIDE_VALUE};
use crate::nanbox;
use crate::value::{Tag, Value};

/// Number of nil's tag.
pub const NIL: u64 = Tag::Nil as u64;
/// Number of the tag of booleans.
pub const BOOL: u64 = Tag::Bool as u64;
/// Number of the tag of integers.
pub const INT: u64 = Tag::Int as u64;
/// Number of the tag of floats.
pub const FLOAT: u64 = Tag::Float as u64;
/// Number of the tag of strings.
pub const STR: u64 = Tag::Str as u64;
/// Number of the tag of tables.
pub const TABLE: u64 = Tag::Table as u64;
/// Number of the tag of functions.
pub const FUNCTION: u64 = Tag::Function as u64;

/// How to read and write slots of one arena.
#[derive(Clone, Copy)]
pub struct Slots {
    /// How values lie in them.
    pub layout: Layout,
    /// Host address of the arena's byte 0.
    pub arena: *const u8,
    /// Its guest address.
    pub guest_base: u64,
    /// Size of the arena in bytes.
    pub len: u64,
}

#[inline(always)]
unsafe fn word(p: *const u8, offset: u64) -> u64 {
    // SAFETY: by the callers' contract.
    unsafe { p.add(offset as usize).cast::<u64>().read() }
}

impl Slots {
    /// Size of a slot as a pointer distance.
    #[inline(always)]
    pub const fn size(&self) -> usize {
        self.layout.slot_bytes() as usize
    }

    /// The number in a box; 0 if wrong compiled code has made up its address.
    #[inline(always)]
    fn boxed(&self, address: u64) -> u64 {
        let offset = address.wrapping_sub(self.guest_base);
        if offset >= self.len || !offset.is_multiple_of(8) {
            return 0;
        }
        // SAFETY: a word at an offset below the arena's end is mapped, if need be in the margin behind it.
        unsafe { word(self.arena, offset + WIDE_VALUE) }
    }

    #[inline(always)]
    fn decode(&self, word: u64) -> Value {
        match nanbox::decode(word) {
            Ok(v) => v,
            Err(address) => Value { tag: Tag::Int, bits: self.boxed(address) },
        }
    }

    /// The number of the value's tag. In the tagged layout it is the tag word, which wrong code may have made any number.
    ///
    /// # Safety
    /// `p` is the host address of a slot.
    #[inline(always)]
    pub unsafe fn tag(&self, p: *const u8) -> u64 {
        // SAFETY: by the function's contract.
        unsafe {
            match self.layout {
                Layout::Tagged => word(p, TAG_OFFSET),
                Layout::NanBox => match word(p, 0) >> nanbox::SHIFT {
                    nanbox::INT | nanbox::WIDE => INT,
                    nanbox::TABLE => TABLE,
                    nanbox::BOOL => BOOL,
                    nanbox::FUNCTION => FUNCTION,
                    nanbox::STR => STR,
                    nanbox::OTHER => self.decode(word(p, 0)).tag as u64,
                    _ => FLOAT,
                },
            }
        }
    }

    /// The payload: an integer, the bits of a float, 0 or 1, an object's guest address.
    ///
    /// # Safety
    /// `p` is the host address of a slot.
    #[inline(always)]
    pub unsafe fn bits(&self, p: *const u8) -> u64 {
        // SAFETY: by the function's contract.
        unsafe {
            match self.layout {
                Layout::Tagged => word(p, PAYLOAD_OFFSET),
                Layout::NanBox => self.decode(word(p, 0)).bits,
            }
        }
    }

    /// The payload as an integer.
    ///
    /// # Safety
    /// `p` is the host address of a slot.
    #[inline(always)]
    pub unsafe fn int(&self, p: *const u8) -> i64 {
        // SAFETY: by the function's contract.
        unsafe {
            match self.layout {
                Layout::Tagged => word(p, PAYLOAD_OFFSET) as i64,
                Layout::NanBox => {
                    let w = word(p, 0);
                    match w >> nanbox::SHIFT {
                        nanbox::WIDE => self.boxed(w & nanbox::PAYLOAD) as i64,
                        _ => (w << 16) as i64 >> 16,
                    }
                }
            }
        }
    }

    /// The payload as a float.
    ///
    /// # Safety
    /// `p` is the host address of a slot.
    #[inline(always)]
    pub unsafe fn float(&self, p: *const u8) -> f64 {
        // SAFETY: by the function's contract.
        f64::from_bits(unsafe {
            match self.layout {
                Layout::Tagged => word(p, PAYLOAD_OFFSET),
                Layout::NanBox => word(p, 0),
            }
        })
    }

    /// Only nil and false are falsy.
    ///
    /// # Safety
    /// `p` is the host address of a slot.
    #[inline(always)]
    pub unsafe fn truthy(&self, p: *const u8) -> bool {
        // SAFETY: by the function's contract.
        unsafe {
            match self.layout {
                Layout::Tagged => word(p, TAG_OFFSET) > BOOL || word(p, PAYLOAD_OFFSET) != 0,
                Layout::NanBox => !matches!(word(p, 0), nanbox::NIL | nanbox::FALSE),
            }
        }
    }

    /// Writes tag and payload of the tagged layout.
    #[inline(always)]
    unsafe fn set(p: *mut u8, tag: u64, bits: u64) {
        // SAFETY: by the callers' contract.
        unsafe {
            p.add(TAG_OFFSET as usize).cast::<u64>().write(tag);
            p.add(PAYLOAD_OFFSET as usize).cast::<u64>().write(bits);
        }
    }

    /// Writes a float.
    ///
    /// # Safety
    /// `p` is the host address of a slot.
    #[inline(always)]
    pub unsafe fn set_float(&self, p: *mut u8, x: f64) {
        // SAFETY: by the function's contract.
        unsafe {
            match self.layout {
                Layout::Tagged => Slots::set(p, FLOAT, x.to_bits()),
                Layout::NanBox => p.cast::<u64>().write(nanbox::canonical(x.to_bits())),
            }
        }
    }

    /// Writes nil.
    ///
    /// # Safety
    /// `p` is the host address of a slot.
    #[inline(always)]
    pub unsafe fn set_nil(&self, p: *mut u8) {
        // SAFETY: by the function's contract.
        unsafe {
            match self.layout {
                Layout::Tagged => Slots::set(p, NIL, 0),
                Layout::NanBox => p.cast::<u64>().write(nanbox::NIL),
            }
        }
    }

    /// Writes a value, unless it is an integer that needs a box: then nothing is written and the answer is false. The heap's
    /// `put` does it all.
    ///
    /// # Safety
    /// `p` is the host address of a slot.
    #[inline(always)]
    #[must_use]
    pub unsafe fn try_store(&self, p: *mut u8, v: Value) -> bool {
        // SAFETY: by the function's contract.
        unsafe {
            match self.layout {
                Layout::Tagged => Slots::set(p, v.tag as u64, v.bits),
                Layout::NanBox => match nanbox::encode(v) {
                    Some(w) => p.cast::<u64>().write(w),
                    None => return false,
                },
            }
        }
        true
    }

    /// Copies a value from slot to slot.
    ///
    /// Tag and payload are moved one by one on purpose: a slot is usually read soon after it was written in two halves, and
    /// a single wide load could not be forwarded from those stores. Volatile keeps the compiler from merging them.
    ///
    /// # Safety
    /// Both are host addresses of slots.
    #[inline(always)]
    pub unsafe fn copy(&self, to: *mut u8, from: *const u8) {
        // SAFETY: by the function's contract.
        unsafe {
            match self.layout {
                Layout::Tagged => {
                    let tag = from.add(TAG_OFFSET as usize).cast::<u64>().read_volatile();
                    let bits = from.add(PAYLOAD_OFFSET as usize).cast::<u64>().read_volatile();
                    Slots::set(to, tag, bits);
                }
                Layout::NanBox => to.cast::<u64>().write(word(from, 0)),
            }
        }
    }

    /// Copies `n` values; the ranges may overlap.
    ///
    /// # Safety
    /// Both are host addresses of `n` consecutive slots.
    #[inline]
    pub unsafe fn copy_n(&self, to: *mut u8, from: *const u8, n: usize) {
        let size = self.size();
        // SAFETY: by the function's contract; `i` stays below `n`.
        unsafe {
            if (to as usize) <= (from as usize) {
                for i in 0..n {
                    self.copy(to.add(i * size), from.add(i * size));
                }
            } else {
                for i in (0..n).rev() {
                    self.copy(to.add(i * size), from.add(i * size));
                }
            }
        }
    }

    /// Writes nil into `n` consecutive slots.
    ///
    /// # Safety
    /// `p` is the host address of `n` slots.
    #[inline]
    pub unsafe fn fill_nil(&self, p: *mut u8, n: usize) {
        // SAFETY: by the function's contract.
        unsafe {
            for i in 0..n {
                self.set_nil(p.add(i * self.size()));
            }
        }
    }

    /// Reads a value. A tag word that is none (only wrong compiled code can write one) reads as nil.
    ///
    /// # Safety
    /// `p` is the host address of a slot.
    #[inline(always)]
    pub unsafe fn load(&self, p: *const u8) -> Value {
        // SAFETY: by the function's contract.
        unsafe {
            match self.layout {
                Layout::Tagged => value(word(p, TAG_OFFSET), word(p, PAYLOAD_OFFSET)),
                Layout::NanBox => self.decode(word(p, 0)),
            }
        }
    }

    /// Guest address of the object that the value in a slot refers to; the box of an integer is one.
    ///
    /// # Safety
    /// `p` is the host address of a slot.
    #[inline(always)]
    pub unsafe fn object(&self, p: *const u8) -> Option<u64> {
        // SAFETY: by the function's contract.
        unsafe {
            match self.layout {
                Layout::Tagged => {
                    let tag = word(p, TAG_OFFSET);
                    (tag >= STR && tag <= Tag::Channel as u64).then(|| word(p, PAYLOAD_OFFSET))
                }
                Layout::NanBox => nanbox::object(word(p, 0)),
            }
        }
    }

    /// The guest address that a word may be which was found where no tag says what it is: a payload, a pointer, a boxed
    /// value, anything.
    #[inline(always)]
    pub fn possible_address(&self, word: u64) -> u64 {
        match self.layout {
            Layout::Tagged => word,
            Layout::NanBox if nanbox::is_float(word) => word,
            Layout::NanBox => word & nanbox::PAYLOAD,
        }
    }
}

/// The value with this tag word and payload.
#[inline(always)]
pub fn value(tag: u64, bits: u64) -> Value {
    if tag <= Tag::Channel as u64 {
        // SAFETY: `Tag` is `repr(u8)` and has all numbers from 0 to `Channel`.
        let tag = unsafe { std::mem::transmute::<u8, Tag>(tag as u8) };
        Value { tag, bits }
    } else {
        Value::NIL
    }
}
