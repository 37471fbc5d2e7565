//! From code words to micro-operations.
//!
//! The encodings follow the A64 decode tables of the Arm Architecture Reference Manual: a group by bits 28–25, then a
//! function per group. A word that is unallocated, unpredictable, or outside of the supported set becomes
//! [`Code::Undefined`].

mod branch;
mod float;
mod immediate;
mod memory;
mod register;

pub(super) use branch::direct_offset;

use super::CODE_BASE;
use super::op::{Code, Op, SINK, SP, ZERO};

/// Where the word being decoded is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// Index of the word in the code region.
    pub index: u64,
    /// Words in the code region; direct branches must stay below.
    pub len: u64,
}

impl Place {
    /// Guest address of the word.
    fn address(self) -> u64 {
        CODE_BASE + 4 * self.index
    }
    /// The word `offset` words away, if there is code.
    fn target(self, offset: i64) -> Option<u64> {
        let index = self.index.wrapping_add(offset as u64);
        (index < self.len).then_some(index)
    }
}

/// Decodes one word.
pub(super) fn decode(word: u32, place: Place) -> Op {
    let decoded = match bits(word, 25, 4) {
        0b1000 | 0b1001 => immediate::decode(word, place),
        0b1010 | 0b1011 => branch::decode(word, place),
        0b0100 | 0b0110 | 0b1100 | 0b1110 => memory::decode(word),
        0b0101 | 0b1101 => register::decode(word),
        0b0111 | 0b1111 => float::decode(word),
        _ => None,
    };
    decoded.unwrap_or(Op::undefined(word))
}

/// `count` bits of the word from bit `low` up.
fn bits(word: u32, low: u32, count: u32) -> u32 {
    (word >> low) & ((1 << count) - 1)
}

/// One bit of the word.
fn bit(word: u32, low: u32) -> bool {
    (word >> low) & 1 != 0
}

/// `count` bits from bit `low` up, as a signed number.
fn signed(word: u32, low: u32, count: u32) -> i64 {
    let value = i64::from(bits(word, low, count));
    (value << (64 - count)) >> (64 - count)
}

/// A register field that is read, 31 meaning XZR.
fn source(word: u32, low: u32) -> u8 {
    bits(word, low, 5) as u8
}

/// A register field that is written, 31 meaning XZR.
fn destination(word: u32, low: u32) -> u8 {
    match bits(word, low, 5) as u8 {
        ZERO => SINK,
        register => register,
    }
}

/// A register field where 31 means SP.
fn or_sp(word: u32, low: u32) -> u8 {
    match bits(word, low, 5) as u8 {
        ZERO => SP,
        register => register,
    }
}

/// The vector register in a field.
fn vector(word: u32, low: u32) -> u8 {
    bits(word, low, 5) as u8
}

/// Code `x` for 64 bits, `w` for 32.
fn by_width(word_sized: bool, x: Code, w: Code) -> Op {
    Op::new(if word_sized { w } else { x })
}
