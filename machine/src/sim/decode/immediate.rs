//! Data processing with an immediate.

use super::{Place, bit, bits, by_width, destination, or_sp, signed, source};
use crate::sim::op::{Code, Op};

pub(super) fn decode(word: u32, place: Place) -> Option<Op> {
    match bits(word, 23, 3) {
        0b000 | 0b001 => Some(adr(word, place)),
        0b010 => Some(add_sub(word)),
        0b100 => logical(word),
        0b101 => move_wide(word),
        0b110 => bit_field(word),
        0b111 => extract(word),
        _ => None,
    }
}

fn adr(word: u32, place: Place) -> Op {
    let offset = signed(word, 5, 19) << 2 | i64::from(bits(word, 29, 2));
    let address = if bit(word, 31) {
        (place.address() & !0xfff).wrapping_add((offset << 12) as u64)
    } else {
        place.address().wrapping_add(offset as u64)
    };
    Op::new(Code::MovI).d(destination(word, 0)).imm(address)
}

fn add_sub(word: u32) -> Op {
    let (w, subtract, set_flags) = (!bit(word, 31), bit(word, 30), bit(word, 29));
    let imm = u64::from(bits(word, 10, 12)) << if bit(word, 22) { 12 } else { 0 };
    let n = or_sp(word, 5);
    if set_flags {
        let op =
            if subtract { by_width(w, Code::SubsXI, Code::SubsWI) } else { by_width(w, Code::AddsXI, Code::AddsWI) };
        return op.d(destination(word, 0)).n(n).imm(imm);
    }
    let imm = if subtract { imm.wrapping_neg() } else { imm };
    let op = if imm == 0 { by_width(w, Code::MovX, Code::MovW).m(n) } else { by_width(w, Code::AddXI, Code::AddWI) };
    op.d(or_sp(word, 0)).n(n).imm(imm)
}

/// The mask of a logical immediate, and the pattern for bit fields (DecodeBitMasks of the manual).
fn bit_mask(n: u32, imms: u32, immr: u32) -> Option<u64> {
    let length = 31 - (n << 6 | (!imms & 0x3f)).checked_ilog2().map_or(31, |l| 31 - l);
    if length == 0 {
        return None;
    }
    let size = 1u32 << length;
    let (ones, rotate) = (imms & (size - 1), immr & (size - 1));
    if ones == size - 1 {
        return None;
    }
    let element = (1u64 << (ones + 1)) - 1;
    let element_mask = if size == 64 { u64::MAX } else { (1 << size) - 1 };
    let rotated = match rotate {
        0 => element,
        _ => (element >> rotate | element << (size - rotate)) & element_mask,
    };
    let mut mask = rotated;
    let mut filled = size;
    while filled < 64 {
        mask |= mask << filled;
        filled *= 2;
    }
    Some(mask)
}

fn logical(word: u32) -> Option<Op> {
    let w = !bit(word, 31);
    if w && bit(word, 22) {
        return None;
    }
    let mask = bit_mask(bits(word, 22, 1), bits(word, 10, 6), bits(word, 16, 6))?;
    let mask = if w { mask & 0xffff_ffff } else { mask };
    let n = source(word, 5);
    let (op, d) = match bits(word, 29, 2) {
        0 => (Op::new(Code::AndI), or_sp(word, 0)),
        1 if n == 31 => (Op::new(Code::MovI), or_sp(word, 0)),
        1 => (by_width(w, Code::OrrXI, Code::OrrWI), or_sp(word, 0)),
        2 => (by_width(w, Code::EorXI, Code::EorWI), or_sp(word, 0)),
        _ => (by_width(w, Code::AndsXI, Code::AndsWI), destination(word, 0)),
    };
    Some(op.d(d).n(n).imm(mask))
}

fn move_wide(word: u32) -> Option<Op> {
    let w = !bit(word, 31);
    let shift = bits(word, 21, 2) * 16;
    if w && shift >= 32 {
        return None;
    }
    let value = u64::from(bits(word, 5, 16)) << shift;
    let op = match bits(word, 29, 2) {
        0b00 if w => Op::new(Code::MovI).imm(!value & 0xffff_ffff),
        0b00 => Op::new(Code::MovI).imm(!value),
        0b10 => Op::new(Code::MovI).imm(value),
        0b11 => by_width(w, Code::MovkX, Code::MovkW).n(source(word, 0)).s(shift as u8).imm(value),
        _ => return None,
    };
    Some(op.d(destination(word, 0)))
}

fn bit_field(word: u32) -> Option<Op> {
    let w = !bit(word, 31);
    let (rotate, last) = (bits(word, 16, 6), bits(word, 10, 6));
    if bit(word, 22) == w || (w && (rotate >= 32 || last >= 32)) {
        return None;
    }
    let size = if w { 32 } else { 64 };
    let extracts = last >= rotate;
    let (d, n) = (destination(word, 0), source(word, 5));
    // The field of `last + 1` bits (or from bit `rotate` to bit `last`) is moved to the top, then down to its place.
    let left = 63 - last;
    let right = if extracts { left + rotate } else { left + rotate - size };
    match bits(word, 29, 2) {
        0b00 => Some(by_width(w, Code::SbfmX, Code::SbfmW).d(d).n(n).s(left as u8).t(right as u8)),
        0b10 => Some(Op::new(Code::Ubfm).d(d).n(n).s(left as u8).t(right as u8)),
        0b01 => {
            let (width, position) = if extracts { (last - rotate + 1, 0) } else { (last + 1, size - rotate) };
            let mask = (u64::MAX >> (64 - width)) << position;
            let turn = if extracts { rotate } else { 64 - position };
            // m reads the destination's old value: XZR as a destination reads as zero.
            Some(by_width(w, Code::BfmX, Code::BfmW).d(d).n(n).m(source(word, 0)).s(turn as u8).imm(mask))
        }
        _ => None,
    }
}

fn extract(word: u32) -> Option<Op> {
    let w = !bit(word, 31);
    let last = bits(word, 10, 6);
    if bits(word, 29, 2) != 0 || bit(word, 21) || bit(word, 22) == w || (w && last >= 32) {
        return None;
    }
    let op = Op::new(Code::Extr).n(source(word, 5)).m(source(word, 16)).s(last as u8).w(w);
    Some(op.d(destination(word, 0)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::op::SINK;

    #[test]
    fn bit_masks() {
        assert_eq!(bit_mask(0, 0b111100, 0), Some(0x5555_5555_5555_5555));
        assert_eq!(bit_mask(0, 0b111100, 1), Some(0xaaaa_aaaa_aaaa_aaaa));
        assert_eq!(bit_mask(1, 0, 0), Some(1));
        assert_eq!(bit_mask(1, 0, 1), Some(1 << 63));
        assert_eq!(bit_mask(1, 47, 0), Some(0xffff_ffff_ffff));
        assert_eq!(bit_mask(1, 15, 16), Some(0xffff_0000_0000_0000));
        assert_eq!(bit_mask(0, 0b000111, 0), Some(0x0000_00ff_0000_00ff));
        assert_eq!(bit_mask(1, 63, 0), None);
        assert_eq!(bit_mask(0, 0b111111, 0), None);
        assert_eq!(bit_mask(0, 0b111110, 0), None);
    }

    #[test]
    fn writes_to_the_zero_register_go_to_the_sink() {
        let place = Place { index: 0, len: 1 };
        // movz xzr, #1
        assert_eq!(decode(0xd280_003f, place).map(|op| op.d), Some(SINK));
    }
}
