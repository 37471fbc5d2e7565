//! Scalar floating point, and the few vector forms that move whole registers.

use super::{bit, bits, destination, source, vector};
use crate::sim::alu::condition_mask;
use crate::sim::float::{Move, Rounding};
use crate::sim::op::{Code, Op};

pub(super) fn decode(word: u32) -> Option<Op> {
    match bits(word, 24, 7) {
        0b0011110 => scalar(word),
        0b0011111 if !bit(word, 31) => ternary(word),
        _ => vector_move(word),
    }
}

/// Single (true) or double; half precision is not supported.
fn is_single(word: u32) -> Option<bool> {
    match bits(word, 22, 2) {
        0b00 => Some(true),
        0b01 => Some(false),
        _ => None,
    }
}

fn operands(word: u32, op: Op) -> Op {
    op.d(vector(word, 0)).n(vector(word, 5)).m(vector(word, 16))
}

fn scalar(word: u32) -> Option<Op> {
    let single = is_single(word)?;
    if !bit(word, 21) {
        return None;
    }
    if bits(word, 10, 6) == 0 {
        return conversion(word, single);
    }
    if bit(word, 31) {
        return None;
    }
    match bits(word, 10, 2) {
        0b01 => {
            let op = Op::new(Code::FccmpAny).w(single).t(bits(word, 0, 4) as u8);
            return Some(operands(word, op).imm(condition_mask(bits(word, 12, 4))));
        }
        0b10 => return binary(word, single),
        0b11 => {
            let op = Op::new(if single { Code::FcselAny } else { Code::FcselD }).w(single);
            return Some(operands(word, op).imm(condition_mask(bits(word, 12, 4))));
        }
        _ => {}
    }
    if bit(word, 12) {
        let allocated = bits(word, 5, 5) == 0;
        let value = immediate(bits(word, 13, 8), single);
        return allocated.then_some(Op::new(Code::FmovI).d(vector(word, 0)).imm(value));
    }
    if bit(word, 13) {
        return compare(word, single);
    }
    if bit(word, 14) { unary(word, single) } else { None }
}

/// The value of an 8-bit floating-point immediate (VFPExpandImm of the manual).
fn immediate(imm8: u32, single: bool) -> u64 {
    let (sign, high, low, fraction) =
        (u64::from(imm8 >> 7), u64::from(imm8 >> 6 & 1), u64::from(imm8 >> 4 & 3), u64::from(imm8 & 15));
    if single {
        let exponent = (1 - high) << 7 | (high * 0x1f) << 2 | low;
        sign << 31 | exponent << 23 | fraction << 19
    } else {
        let exponent = (1 - high) << 10 | (high * 0xff) << 2 | low;
        sign << 63 | exponent << 52 | fraction << 48
    }
}

fn unary(word: u32, single: bool) -> Option<Op> {
    let operation = bits(word, 15, 6);
    let code = match (operation, single) {
        (0, false) => Code::FmovD,
        (1, false) => Code::FabsD,
        (2, false) => Code::FnegD,
        (3, false) => Code::FsqrtD,
        (0..=3 | 8..=12 | 14..=15, _) | (4, false) | (5, true) => Code::FpUnaryAny,
        _ => return None,
    };
    Some(operands(word, Op::new(code).a(operation as u8).w(single)).m(0))
}

fn binary(word: u32, single: bool) -> Option<Op> {
    let operation = bits(word, 12, 4);
    let code = match (operation, single) {
        (0, false) => Code::FmulD,
        (1, false) => Code::FdivD,
        (2, false) => Code::FaddD,
        (3, false) => Code::FsubD,
        (0..=8, _) => Code::FpBinaryAny,
        _ => return None,
    };
    Some(operands(word, Op::new(code).a(operation as u8).w(single)))
}

fn ternary(word: u32) -> Option<Op> {
    let single = is_single(word)?;
    let (negate_all, negate_product) = (bit(word, 21), bit(word, 15));
    let plain = !single && !negate_all && !negate_product;
    let op = Op::new(if plain { Code::FmaddD } else { Code::FpTernaryAny });
    let op = op.a(vector(word, 10)).s(negate_all as u8).t(negate_product as u8).w(single);
    Some(operands(word, op))
}

fn compare(word: u32, single: bool) -> Option<Op> {
    if bits(word, 14, 2) != 0 || bits(word, 0, 3) != 0 {
        return None;
    }
    let with_zero = bit(word, 3);
    let op = Op::new(if single || with_zero { Code::FcmpAny } else { Code::FcmpD });
    Some(operands(word, op.a(with_zero as u8).w(single)).d(0))
}

fn conversion(word: u32, single: bool) -> Option<Op> {
    let w = !bit(word, 31);
    let (mode, operation) = (bits(word, 19, 2), bits(word, 16, 3));
    let (d, n) = (destination(word, 0), source(word, 5));
    let unsigned = operation & 1;
    let op = match (operation, mode) {
        (0b000 | 0b001, _) => {
            let rounding = [Rounding::Nearest, Rounding::Up, Rounding::Down, Rounding::Zero][mode as usize];
            let plain = rounding == Rounding::Zero && operation == 0 && !w && !single;
            Op::new(if plain { Code::FcvtzsXD } else { Code::FpToIntAny }).a(rounding as u8)
        }
        (0b100 | 0b101, 0) => Op::new(Code::FpToIntAny).a(Rounding::Away as u8),
        (0b010 | 0b011, 0) => {
            let code = match (single, unsigned, w) {
                (false, 0, false) => Code::ScvtfDX,
                (false, 0, true) => Code::ScvtfDW,
                _ => Code::IntToFpAny,
            };
            let op = Op::new(code).s(unsigned as u8).t(w as u8).w(single);
            return Some(op.d(vector(word, 0)).n(n));
        }
        (0b110, 0) if w == single => {
            let op = Op::new(if w { Code::FmovAny } else { Code::FmovXD }).a(Move::WordFromSingle as u8);
            return Some(op.d(d).n(vector(word, 5)));
        }
        (0b111, 0) if w == single => {
            let op = Op::new(if w { Code::FmovAny } else { Code::FmovDX }).a(Move::SingleFromWord as u8);
            return Some(op.d(vector(word, 0)).n(n));
        }
        _ => return None,
    };
    Some(op.d(d).n(vector(word, 5)).s(unsigned as u8).t(w as u8).w(single))
}

/// MOVI of a byte mask to a D or Q register, and MOV of a whole register.
fn vector_move(word: u32) -> Option<Op> {
    let whole = bit(word, 30);
    let d = vector(word, 0);
    if word & 0xbff8_fc00 == 0x2f00_e400 {
        let mask = bits(word, 16, 3) << 5 | bits(word, 5, 5);
        let value = (0..8).filter(|&byte| bit(mask, byte)).fold(0, |value, byte| value | 0xffu64 << (8 * byte));
        let code = if whole { Code::FmovAny } else { Code::FmovI };
        return Some(Op::new(code).a(Move::BothHalves as u8).d(d).imm(value));
    }
    if word & 0xbfe0_fc00 == 0x0ea0_1c00 && vector(word, 5) == vector(word, 16) {
        let code = if whole { Code::FmovAny } else { Code::FmovD };
        return Some(Op::new(code).a(Move::WholeRegister as u8).d(d).n(vector(word, 5)));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::immediate;

    #[test]
    fn immediates() {
        assert_eq!(f64::from_bits(immediate(0x70, false)), 1.0);
        assert_eq!(f64::from_bits(immediate(0x00, false)), 2.0);
        assert_eq!(f64::from_bits(immediate(0x80, false)), -2.0);
        assert_eq!(f64::from_bits(immediate(0x3f, false)), 31.0);
        assert_eq!(f64::from_bits(immediate(0x40, false)), 0.125);
        assert_eq!(f32::from_bits(immediate(0x70, true) as u32), 1.0);
        assert_eq!(f32::from_bits(immediate(0x3f, true) as u32), 31.0);
    }
}
