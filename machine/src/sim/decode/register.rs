//! Data processing between general registers.

use super::{bit, bits, by_width, destination, or_sp, source};
use crate::sim::alu::{Binary, condition_mask};
use crate::sim::op::{Code, Op, ZERO};

pub(super) fn decode(word: u32) -> Option<Op> {
    match (bit(word, 28), bit(word, 24)) {
        (false, false) => logical(word),
        (false, true) if bit(word, 21) => extended(word),
        (false, true) => add_sub(word),
        (true, true) => three_sources(word),
        (true, false) => match bits(word, 21, 3) {
            0b000 if bits(word, 10, 6) == 0 => Some(carry(word)),
            0b010 => conditional_compare(word),
            0b100 => conditional_select(word),
            0b110 if bit(word, 30) => one_source(word),
            0b110 => two_sources(word),
            _ => None,
        },
    }
}

fn operands(word: u32, op: Op) -> Op {
    op.d(destination(word, 0)).n(source(word, 5)).m(source(word, 16)).w(!bit(word, 31))
}

fn logical(word: u32) -> Option<Op> {
    let w = !bit(word, 31);
    let (kind, amount, invert) = (bits(word, 22, 2), bits(word, 10, 6), bit(word, 21));
    if w && amount >= 32 {
        return None;
    }
    let operation = bits(word, 29, 2);
    if amount == 0 && !invert {
        let op = match operation {
            0 => by_width(w, Code::AndXR, Code::AndWR),
            1 if source(word, 5) == ZERO => by_width(w, Code::MovX, Code::MovW),
            1 => by_width(w, Code::OrrXR, Code::OrrWR),
            2 => by_width(w, Code::EorXR, Code::EorWR),
            _ => by_width(w, Code::AndsXR, Code::AndsWR),
        };
        return Some(operands(word, op));
    }
    let binary = [Binary::And, Binary::Orr, Binary::Eor, Binary::Ands][operation as usize];
    let op = Op::new(Code::ShiftedAny).a(binary as u8).s(amount as u8).t(kind as u8).imm(u64::from(invert));
    Some(operands(word, op))
}

fn binary(word: u32) -> Binary {
    [Binary::Add, Binary::Adds, Binary::Sub, Binary::Subs][bits(word, 29, 2) as usize]
}

fn add_sub(word: u32) -> Option<Op> {
    let w = !bit(word, 31);
    let (kind, amount) = (bits(word, 22, 2), bits(word, 10, 6));
    if kind == 3 || (w && amount >= 32) {
        return None;
    }
    let binary = binary(word);
    let op = match (amount, binary) {
        (0, Binary::Add) => by_width(w, Code::AddXR, Code::AddWR),
        (0, Binary::Adds) => by_width(w, Code::AddsXR, Code::AddsWR),
        (0, Binary::Sub) => by_width(w, Code::SubXR, Code::SubWR),
        (0, _) => by_width(w, Code::SubsXR, Code::SubsWR),
        (_, Binary::Add) if kind == 0 && !w => Op::new(Code::AddXS),
        (_, Binary::Sub) if kind == 0 && !w => Op::new(Code::SubXS),
        _ => Op::new(Code::ShiftedAny),
    };
    Some(operands(word, op.a(binary as u8).s(amount as u8).t(kind as u8)))
}

fn extended(word: u32) -> Option<Op> {
    let w = !bit(word, 31);
    let (kind, amount) = (bits(word, 13, 3), bits(word, 10, 3));
    if bits(word, 22, 2) != 0 || amount > 4 {
        return None;
    }
    let binary = binary(word);
    let sets_flags = bit(word, 29);
    let op = match binary {
        Binary::Add if !w && kind & 3 == 3 => Op::new(Code::AddXS),
        Binary::Sub if !w && kind & 3 == 3 => Op::new(Code::SubXS),
        _ => Op::new(Code::ExtendedAny),
    };
    let d = if sets_flags { destination(word, 0) } else { or_sp(word, 0) };
    let op = op.a(binary as u8).s(amount as u8).t(kind as u8).d(d).n(or_sp(word, 5));
    Some(op.m(source(word, 16)).w(w))
}

fn carry(word: u32) -> Op {
    let op = Op::new(Code::AdcAny).a(bit(word, 30) as u8).s(bit(word, 29) as u8);
    operands(word, op)
}

fn conditional_compare(word: u32) -> Option<Op> {
    if !bit(word, 29) || bit(word, 10) || bit(word, 4) {
        return None;
    }
    let immediate = bit(word, 11);
    let m = if immediate { bits(word, 16, 5) as u8 } else { source(word, 16) };
    let op = Op::new(Code::CcmpAny)
        .n(source(word, 5))
        .m(m)
        .a(!bit(word, 30) as u8)
        .s(immediate as u8)
        .t(bits(word, 0, 4) as u8)
        .w(!bit(word, 31));
    Some(op.imm(condition_mask(bits(word, 12, 4))))
}

fn conditional_select(word: u32) -> Option<Op> {
    let w = !bit(word, 31);
    if bit(word, 29) {
        return None;
    }
    let op = match (bit(word, 30), bits(word, 10, 2)) {
        (false, 0) => by_width(w, Code::CselX, Code::CselW),
        (false, 1) => by_width(w, Code::CsincX, Code::CsincW),
        (true, 0) => by_width(w, Code::CsinvX, Code::CsinvW),
        (true, 1) => by_width(w, Code::CsnegX, Code::CsnegW),
        _ => return None,
    };
    Some(operands(word, op).imm(condition_mask(bits(word, 12, 4))))
}

fn one_source(word: u32) -> Option<Op> {
    let w = !bit(word, 31);
    if bit(word, 29) || bits(word, 16, 5) != 0 {
        return None;
    }
    let code = match bits(word, 10, 6) {
        0 => Code::Rbit,
        1 => Code::Rev16,
        2 => Code::Rev32,
        3 if !w => Code::Rev64,
        4 => Code::Clz,
        5 => Code::Cls,
        _ => return None,
    };
    Some(operands(word, Op::new(code)))
}

fn two_sources(word: u32) -> Option<Op> {
    let w = !bit(word, 31);
    if bit(word, 29) {
        return None;
    }
    let op = match bits(word, 10, 6) {
        0b000010 => by_width(w, Code::UdivX, Code::UdivW),
        0b000011 => by_width(w, Code::SdivX, Code::SdivW),
        0b001000 => by_width(w, Code::LslX, Code::LslW),
        0b001001 => by_width(w, Code::LsrX, Code::LsrW),
        0b001010 => by_width(w, Code::AsrX, Code::AsrW),
        0b001011 => Op::new(Code::Ror),
        _ => return None,
    };
    Some(operands(word, op))
}

fn three_sources(word: u32) -> Option<Op> {
    let w = !bit(word, 31);
    if bits(word, 29, 2) != 0 {
        return None;
    }
    let op = match (bits(word, 21, 3), bit(word, 15)) {
        (0b000, false) => by_width(w, Code::MaddX, Code::MaddW),
        (0b000, true) => by_width(w, Code::MsubX, Code::MsubW),
        (0b001, false) if !w => Op::new(Code::Smaddl),
        (0b001, true) if !w => Op::new(Code::Smsubl),
        (0b010, false) if !w => Op::new(Code::Smulh),
        (0b101, false) if !w => Op::new(Code::Umaddl),
        (0b101, true) if !w => Op::new(Code::Umsubl),
        (0b110, false) if !w => Op::new(Code::Umulh),
        _ => return None,
    };
    Some(operands(word, op).a(source(word, 10)))
}
