//! Loads and stores.

use super::{bit, bits, destination, or_sp, signed, source, vector};
use crate::sim::access::{Access, Kind, Mode};
use crate::sim::op::{Code, Op, SP};

pub(super) fn decode(word: u32) -> Option<Op> {
    match bits(word, 27, 3) {
        0b101 => pair(word),
        0b111 => single(word),
        _ => None,
    }
}

/// The alignment mask that goes with a base register.
fn alignment(base: u8) -> u8 {
    if base == SP { 15 } else { 0 }
}

/// The register that is loaded or stored.
fn data(word: u32, low: u32, kind: Kind) -> u8 {
    match kind {
        Kind::LoadVector | Kind::StoreVector => vector(word, low),
        Kind::Store => source(word, low),
        _ => destination(word, low),
    }
}

fn pair(word: u32) -> Option<Op> {
    let (is_vector, is_load, size) = (bit(word, 26), bit(word, 22), bits(word, 30, 2));
    let (kind, log2) = match (is_vector, size) {
        (true, 0..=2) => (if is_load { Kind::LoadVector } else { Kind::StoreVector }, size + 2),
        (false, 0b01) if is_load && bits(word, 23, 2) != 0 => (Kind::LoadSignedX, 2),
        (false, 0b00) => (if is_load { Kind::Load } else { Kind::Store }, 2),
        (false, 0b10) => (if is_load { Kind::Load } else { Kind::Store }, 3),
        _ => return None,
    };
    let mode = match bits(word, 23, 2) {
        0b01 => Mode::Post,
        0b11 => Mode::Pre,
        _ => Mode::Offset,
    };
    let n = or_sp(word, 5);
    // Unpredictable: two results in one register, or the base register among the data of a write-back.
    let (first, second) = (bits(word, 0, 5), bits(word, 10, 5));
    if is_load && first == second {
        return None;
    }
    if mode != Mode::Offset && !is_vector && (u32::from(n) == first || u32::from(n) == second) {
        return None;
    }
    let code = match (kind, log2, mode) {
        (Kind::Load, 3, Mode::Offset) => Code::LdpxI,
        (Kind::Load, 3, Mode::Post) => Code::LdpxPost,
        (Kind::Store, 3, Mode::Offset) => Code::StpxI,
        (Kind::Store, 3, Mode::Pre) => Code::StpxPre,
        (Kind::LoadVector, 3, Mode::Offset) => Code::LdpdI,
        (Kind::StoreVector, 3, Mode::Offset) => Code::StpdI,
        _ => Code::PairAny,
    };
    let offset = signed(word, 15, 7) << log2;
    let op = Op::new(code)
        .d(data(word, 0, kind))
        .m(data(word, 10, kind))
        .n(n)
        .t(alignment(n))
        .a(Access { kind, log2: log2 as u8 }.number())
        .s(mode as u8);
    Some(op.imm(offset as u64))
}

fn single(word: u32) -> Option<Op> {
    let (size, opc) = (bits(word, 30, 2), bits(word, 22, 2));
    let (kind, log2) = match (bit(word, 26), opc, size) {
        (false, 0b00, _) => (Kind::Store, size),
        (false, 0b01, _) => (Kind::Load, size),
        (false, 0b10, 0..=2) => (Kind::LoadSignedX, size),
        (false, 0b10, _) => return prefetch(word),
        (false, 0b11, 0..=1) => (Kind::LoadSignedW, size),
        (true, 0b00, _) => (Kind::StoreVector, size),
        (true, 0b01, _) => (Kind::LoadVector, size),
        (true, 0b10, 0) => (Kind::StoreVector, 4),
        (true, 0b11, 0) => (Kind::LoadVector, 4),
        _ => return None,
    };
    let n = or_sp(word, 5);
    let op =
        Op::new(Code::LoadStoreAny)
            .d(data(word, 0, kind))
            .n(n)
            .t(alignment(n))
            .a(Access { kind, log2: log2 as u8 }.number());
    if bit(word, 24) {
        return Some(immediate_form(op, kind, log2, u64::from(bits(word, 10, 12)) << log2));
    }
    let offset = signed(word, 12, 9) as u64;
    match (bit(word, 21), bits(word, 10, 2)) {
        (false, 0b00) => Some(immediate_form(op, kind, log2, offset)),
        (false, mode @ (0b01 | 0b11)) => {
            let is_vector = bit(word, 26);
            if !is_vector && u32::from(n) == bits(word, 0, 5) {
                return None;
            }
            let mode = if mode == 0b01 { Mode::Post } else { Mode::Pre };
            Some(op.s(mode as u8).imm(offset))
        }
        (true, 0b10) => {
            let extension = bits(word, 13, 3);
            if extension & 2 == 0 {
                return None;
            }
            let shift = if bit(word, 12) { log2 } else { 0 };
            Some(register_form(op.m(source(word, 16)), kind, log2, extension, shift))
        }
        _ => None,
    }
}

fn immediate_form(mut op: Op, kind: Kind, log2: u32, offset: u64) -> Op {
    op.code = match (kind, log2) {
        (Kind::Load, 0) => Code::LdrbI,
        (Kind::Load, 1) => Code::LdrhI,
        (Kind::Load, 2) => Code::LdrwI,
        (Kind::Load, _) => Code::LdrxI,
        (Kind::LoadSignedX, 2) => Code::LdrswI,
        (Kind::Store, 0) => Code::StrbI,
        (Kind::Store, 1) => Code::StrhI,
        (Kind::Store, 2) => Code::StrwI,
        (Kind::Store, _) => Code::StrxI,
        (Kind::LoadVector, 2) => Code::LdrsI,
        (Kind::LoadVector, 3) => Code::LdrdI,
        (Kind::StoreVector, 2) => Code::StrsI,
        (Kind::StoreVector, 3) => Code::StrdI,
        _ => Code::LoadStoreAny,
    };
    op.s(Mode::Offset as u8).imm(offset)
}

fn register_form(mut op: Op, kind: Kind, log2: u32, extension: u32, shift: u32) -> Op {
    if extension & 3 != 3 {
        return op.s(Mode::Register as u8).imm(u64::from(extension | shift << 8));
    }
    op.code = match (kind, log2) {
        (Kind::Load, 0) => Code::LdrbR,
        (Kind::Load, 2) => Code::LdrwR,
        (Kind::Load, 3) => Code::LdrxR,
        (Kind::Store, 0) => Code::StrbR,
        (Kind::Store, 2) => Code::StrwR,
        (Kind::Store, 3) => Code::StrxR,
        (Kind::LoadVector, 3) => Code::LdrdR,
        (Kind::StoreVector, 3) => Code::StrdR,
        _ => {
            return op.s(Mode::Register as u8).imm(u64::from(extension | shift << 8));
        }
    };
    op.s(shift as u8)
}

/// PRFM: a hint, without effect on a core without caches.
fn prefetch(word: u32) -> Option<Op> {
    let allocated = bit(word, 24) || matches!((bit(word, 21), bits(word, 10, 2)), (false, 0b00) | (true, 0b10));
    allocated.then_some(Op::new(Code::Nop))
}
