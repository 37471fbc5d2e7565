//! Branches, hints and barriers.

use super::{Place, bit, bits, by_width, destination, signed, source};
use crate::sim::alu::condition_mask;
use crate::sim::op::{Code, Op};

pub(super) fn decode(word: u32, place: Place) -> Option<Op> {
    if bits(word, 26, 5) == 0b00101 {
        let code = if bit(word, 31) { Code::Bl } else { Code::B };
        return Some(direct(word, place, signed(word, 0, 26), Op::new(code)));
    }
    if bits(word, 24, 8) == 0x54 && !bit(word, 4) {
        let mask = condition_mask(bits(word, 0, 4));
        return Some(direct(word, place, signed(word, 5, 19), Op::new(Code::BCond).imm(mask << 32)));
    }
    match bits(word, 25, 6) {
        0b011010 => {
            let w = !bit(word, 31);
            let op =
                if bit(word, 24) { by_width(w, Code::CbnzX, Code::CbnzW) } else { by_width(w, Code::CbzX, Code::CbzW) };
            return Some(direct(word, place, signed(word, 5, 19), op.n(source(word, 0))));
        }
        0b011011 => {
            let code = if bit(word, 24) { Code::Tbnz } else { Code::Tbz };
            let number = bits(word, 31, 1) << 5 | bits(word, 19, 5);
            let op = Op::new(code).n(source(word, 0)).s(number as u8);
            return Some(direct(word, place, signed(word, 5, 14), op));
        }
        _ => {}
    }
    let n = source(word, 5);
    match word & 0xffff_fc1f {
        0xd61f_0000 | 0xd65f_0000 => return Some(Op::new(Code::Br).n(n)),
        0xd63f_0000 => return Some(Op::new(Code::Blr).n(n)),
        _ => {}
    }
    // Hints do nothing here, and barriers order what is in order anyway.
    if word & 0xffff_f01f == 0xd503_201f {
        return Some(Op::new(Code::Nop));
    }
    if word & 0xffff_f01f == 0xd503_301f && matches!(bits(word, 5, 3), 4..=6) {
        return Some(Op::new(Code::Nop));
    }
    None
}

/// Completes a direct branch, or makes it one that looks again when it is executed.
fn direct(word: u32, place: Place, offset: i64, op: Op) -> Op {
    match place.target(offset) {
        Some(target) => op.imm(op.imm | target),
        None => Op::new(Code::Far).d(destination(word, 0)).imm(u64::from(word)),
    }
}

/// The offset, in words, of a direct branch.
pub(in crate::sim) fn direct_offset(word: u32) -> i64 {
    match bits(word, 25, 6) {
        0b011011 => signed(word, 5, 14),
        0b011010 | 0b101010 => signed(word, 5, 19),
        _ => signed(word, 0, 26),
    }
}
