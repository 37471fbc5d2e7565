//! Slots: the only place that knows how a value lies in memory.
//!
//! A slot is [`SLOT_BYTES`] bytes: tag word, payload word, two unused words. Everything else in the crate reads and writes
//! values through the functions here, by host pointer, so that another layout needs another version of this file only.
//!
//! Every function is unsafe for the same reason: the pointer must be the (8-byte aligned) host address of a slot in a
//! live arena. Callers state why theirs is.

use crate::layout::{PAYLOAD_OFFSET, SLOT_BYTES, TAG_OFFSET};
use crate::value::{Tag, Value};

/// Tag word of nil.
pub const NIL: u64 = Tag::Nil as u64;
/// Tag word of booleans.
pub const BOOL: u64 = Tag::Bool as u64;
/// Tag word of integers.
pub const INT: u64 = Tag::Int as u64;
/// Tag word of floats.
pub const FLOAT: u64 = Tag::Float as u64;
/// Tag word of strings.
pub const STR: u64 = Tag::Str as u64;
/// Tag word of tables.
pub const TABLE: u64 = Tag::Table as u64;
/// Tag word of functions.
pub const FUNCTION: u64 = Tag::Function as u64;

/// Size of a slot as a pointer distance.
pub const SIZE: usize = SLOT_BYTES as usize;

/// The tag word.
///
/// # Safety
/// `p` is the host address of a slot.
#[inline(always)]
pub unsafe fn tag(p: *const u8) -> u64 {
    // SAFETY: by the function's contract.
    unsafe { p.add(TAG_OFFSET as usize).cast::<u64>().read() }
}

/// The payload word.
///
/// # Safety
/// `p` is the host address of a slot.
#[inline(always)]
pub unsafe fn bits(p: *const u8) -> u64 {
    // SAFETY: by the function's contract.
    unsafe { p.add(PAYLOAD_OFFSET as usize).cast::<u64>().read() }
}

/// The payload as an integer.
///
/// # Safety
/// `p` is the host address of a slot.
#[inline(always)]
pub unsafe fn int(p: *const u8) -> i64 {
    // SAFETY: by the function's contract.
    unsafe { bits(p) as i64 }
}

/// The payload as a float.
///
/// # Safety
/// `p` is the host address of a slot.
#[inline(always)]
pub unsafe fn float(p: *const u8) -> f64 {
    // SAFETY: by the function's contract.
    unsafe { f64::from_bits(bits(p)) }
}

/// Only nil and false are falsy.
///
/// # Safety
/// `p` is the host address of a slot.
#[inline(always)]
pub unsafe fn truthy(p: *const u8) -> bool {
    // SAFETY: by the function's contract.
    unsafe { tag(p) > BOOL || bits(p) != 0 }
}

/// Writes tag and payload.
///
/// # Safety
/// `p` is the host address of a slot.
#[inline(always)]
pub unsafe fn set(p: *mut u8, tag: u64, bits: u64) {
    // SAFETY: by the function's contract.
    unsafe {
        p.add(TAG_OFFSET as usize).cast::<u64>().write(tag);
        p.add(PAYLOAD_OFFSET as usize).cast::<u64>().write(bits);
    }
}

/// Writes an integer.
///
/// # Safety
/// `p` is the host address of a slot.
#[inline(always)]
pub unsafe fn set_int(p: *mut u8, n: i64) {
    // SAFETY: by the function's contract.
    unsafe { set(p, INT, n as u64) }
}

/// Writes a float.
///
/// # Safety
/// `p` is the host address of a slot.
#[inline(always)]
pub unsafe fn set_float(p: *mut u8, x: f64) {
    // SAFETY: by the function's contract.
    unsafe { set(p, FLOAT, x.to_bits()) }
}

/// Writes nil.
///
/// # Safety
/// `p` is the host address of a slot.
#[inline(always)]
pub unsafe fn set_nil(p: *mut u8) {
    // SAFETY: by the function's contract.
    unsafe { set(p, NIL, 0) }
}

/// Copies a value from slot to slot.
///
/// The words are moved one by one on purpose: a slot is usually read soon after it was written in two halves, and a
/// single wide load could not be forwarded from those stores. Volatile keeps the compiler from merging them.
///
/// # Safety
/// Both are host addresses of slots.
#[inline(always)]
pub unsafe fn copy(to: *mut u8, from: *const u8) {
    // SAFETY: by the function's contract.
    unsafe {
        let tag = from.add(TAG_OFFSET as usize).cast::<u64>().read_volatile();
        let bits = from.add(PAYLOAD_OFFSET as usize).cast::<u64>().read_volatile();
        set(to, tag, bits);
    }
}

/// Copies `n` values; the ranges may overlap.
///
/// # Safety
/// Both are host addresses of `n` consecutive slots.
#[inline]
pub unsafe fn copy_n(to: *mut u8, from: *const u8, n: usize) {
    // SAFETY: by the function's contract; `i` stays below `n`.
    unsafe {
        if (to as usize) <= (from as usize) {
            for i in 0..n {
                copy(to.add(i * SIZE), from.add(i * SIZE));
            }
        } else {
            for i in (0..n).rev() {
                copy(to.add(i * SIZE), from.add(i * SIZE));
            }
        }
    }
}

/// Writes nil into `n` consecutive slots.
///
/// # Safety
/// `p` is the host address of `n` slots.
#[inline]
pub unsafe fn fill_nil(p: *mut u8, n: usize) {
    // SAFETY: by the function's contract.
    unsafe {
        for i in 0..n {
            set_nil(p.add(i * SIZE));
        }
    }
}

/// Reads a value. A tag word that is none (only wrong compiled code can write one) reads as nil.
///
/// # Safety
/// `p` is the host address of a slot.
#[inline(always)]
pub unsafe fn load(p: *const u8) -> Value {
    // SAFETY: by the function's contract.
    unsafe { value(tag(p), bits(p)) }
}

/// Writes a value.
///
/// # Safety
/// `p` is the host address of a slot.
#[inline(always)]
pub unsafe fn store(p: *mut u8, v: Value) {
    // SAFETY: by the function's contract.
    unsafe { set(p, v.tag as u64, v.bits) }
}

/// Guest address of the object that the value in a slot refers to.
///
/// # Safety
/// `p` is the host address of a slot.
#[inline(always)]
pub unsafe fn object(p: *const u8) -> Option<u64> {
    // SAFETY: by the function's contract.
    unsafe { (tag(p) >= STR && tag(p) <= Tag::Channel as u64).then(|| bits(p)) }
}

/// The guest address that a word may be which was found where no tag says what it is: a payload, a pointer, anything.
#[inline(always)]
pub fn possible_address(word: u64) -> u64 {
    word
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
