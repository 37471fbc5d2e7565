//! The micro-operations that are too rare to have a place in the run loop.

use super::access;
use super::alu::{Binary, Flags, add_with_carry_w, add_with_carry_x, condition_mask, extend, shift};
use super::cpu::Cpu;
use super::float::{self, Move};
use super::op::{Code, Op};
use crate::FaultKind;

/// Executes one operation that is no branch.
#[inline(never)]
pub(super) fn execute(cpu: &mut Cpu, op: &Op) -> Result<(), FaultKind> {
    match op.code {
        Code::LoadStoreAny => access::single(cpu, op),
        Code::PairAny => access::pair(cpu, op),
        Code::Undefined => Err(FaultKind::Undefined { word: op.imm as u32 }),
        Code::FpUnaryAny
        | Code::FpBinaryAny
        | Code::FpTernaryAny
        | Code::FcmpAny
        | Code::FccmpAny
        | Code::FcselAny
        | Code::FmovAny
        | Code::FpToIntAny
        | Code::IntToFpAny => {
            floating_point(cpu, op);
            Ok(())
        }
        _ => {
            integer(cpu, op);
            Ok(())
        }
    }
}

fn integer(cpu: &mut Cpu, op: &Op) {
    let w = op.w != 0;
    let (n, m) = (cpu.x[usize::from(op.n)], cpu.x[usize::from(op.m)]);
    let (n32, m32) = (n as u32, m as u32);
    let result = match op.code {
        Code::ShiftedAny => {
            let operand = shift(m, op.t, op.s, w);
            let operand = if op.imm != 0 { !operand } else { operand };
            Binary::from_number(op.a).apply(&mut cpu.flags, w, n, operand)
        }
        Code::ExtendedAny => Binary::from_number(op.a).apply(&mut cpu.flags, w, n, extend(m, op.t, op.s)),
        Code::AdcAny => {
            let operand = if op.a != 0 { !m } else { m };
            let carry = cpu.flags.carry();
            let (sum, nzcv) = if w {
                let (sum, nzcv) = add_with_carry_w(n32, operand as u32, carry);
                (u64::from(sum), nzcv)
            } else {
                add_with_carry_x(n, operand, carry)
            };
            if op.s != 0 {
                cpu.flags = Flags::known(nzcv);
            }
            sum
        }
        Code::CcmpAny => return conditional_compare(cpu, op),
        Code::Ror => shift(n, 3, if w { m as u8 & 31 } else { m as u8 & 63 }, w),
        Code::Extr if w => u64::from(((u64::from(n32) << 32 | u64::from(m32)) >> (op.s & 31)) as u32),
        Code::Extr => ((u128::from(n) << 64 | u128::from(m)) >> (op.s & 63)) as u64,
        Code::Clz if w => u64::from(n32.leading_zeros()),
        Code::Clz => u64::from(n.leading_zeros()),
        Code::Cls if w => u64::from((n32 ^ ((n32 as i32) >> 31) as u32).leading_zeros() - 1),
        Code::Cls => u64::from((n ^ ((n as i64) >> 63) as u64).leading_zeros() - 1),
        Code::Rbit if w => u64::from(n32.reverse_bits()),
        Code::Rbit => n.reverse_bits(),
        Code::Rev16 => {
            let swapped = (n & 0x00ff_00ff_00ff_00ff) << 8 | (n >> 8) & 0x00ff_00ff_00ff_00ff;
            if w { u64::from(swapped as u32) } else { swapped }
        }
        Code::Rev32 if w => u64::from(n32.swap_bytes()),
        Code::Rev32 => n.swap_bytes().rotate_left(32),
        Code::Rev64 => n.swap_bytes(),
        _ => {
            debug_assert!(false, "{:?} has a place in the run loop", op.code);
            return;
        }
    };
    cpu.x[usize::from(op.d)] = result;
}

fn conditional_compare(cpu: &mut Cpu, op: &Op) {
    if !cpu.flags.hold(op.imm) {
        cpu.flags = Flags::known(u32::from(op.t));
        return;
    }
    let a = cpu.x[usize::from(op.n)];
    let b = if op.s != 0 { u64::from(op.m) } else { cpu.x[usize::from(op.m)] };
    cpu.flags = match (op.a != 0, op.w != 0) {
        (false, false) => Flags::sub_x(a, b),
        (false, true) => Flags::sub_w(a, b),
        (true, false) => Flags::add_x(a, b),
        (true, true) => Flags::add_w(a, b),
    };
}

fn floating_point(cpu: &mut Cpu, op: &Op) {
    let single = op.w != 0;
    let mask = if single { 0xffff_ffff } else { u64::MAX };
    let (d, n) = (usize::from(op.d), cpu.v[usize::from(op.n)]);
    let (a, b) = (n & mask, cpu.v[usize::from(op.m)] & mask);
    let result = match op.code {
        // Conversion between the widths: the operand of FCVT D, S is single, that of FCVT S, D double.
        Code::FpUnaryAny if single => float::unary::<f32>(op.a, a),
        Code::FpUnaryAny => float::unary::<f64>(op.a, a),
        Code::FpBinaryAny if single => float::binary::<f32>(op.a, a, b),
        Code::FpBinaryAny => float::binary::<f64>(op.a, a, b),
        Code::FpTernaryAny => {
            let addend = cpu.v[usize::from(op.a)] & mask;
            if single {
                float::ternary::<f32>(op.s != 0, op.t != 0, addend, a, b)
            } else {
                float::ternary::<f64>(op.s != 0, op.t != 0, addend, a, b)
            }
        }
        Code::FcmpAny => {
            let b = if op.a != 0 { 0 } else { b };
            return compare(cpu, single, a, b);
        }
        Code::FccmpAny => {
            if cpu.flags.hold(op.imm) {
                compare(cpu, single, a, b);
            } else {
                cpu.flags = Flags::known(u32::from(op.t));
            }
            return;
        }
        Code::FcselAny => {
            if cpu.flags.hold(op.imm) {
                a
            } else {
                b
            }
        }
        Code::FpToIntAny => {
            let (unsigned, w) = (op.s != 0, op.t != 0);
            cpu.x[d] = if single {
                float::to_int::<f32>(op.a, unsigned, w, a)
            } else {
                float::to_int::<f64>(op.a, unsigned, w, a)
            };
            return;
        }
        Code::IntToFpAny => float::from_int(single, op.s != 0, op.t != 0, cpu.x[usize::from(op.n)]),
        _ => return move_register(cpu, op),
    };
    (cpu.v[d], cpu.vh[d]) = (result, 0);
}

fn compare(cpu: &mut Cpu, single: bool, a: u64, b: u64) {
    let nzcv = if single { float::compare::<f32>(a, b) } else { float::compare::<f64>(a, b) };
    cpu.flags = Flags::known(nzcv);
}

fn move_register(cpu: &mut Cpu, op: &Op) {
    const WORD_FROM_SINGLE: u8 = Move::WordFromSingle as u8;
    const SINGLE_FROM_WORD: u8 = Move::SingleFromWord as u8;
    const WHOLE_REGISTER: u8 = Move::WholeRegister as u8;
    let (d, n) = (usize::from(op.d), usize::from(op.n));
    match op.a {
        WORD_FROM_SINGLE => cpu.x[d] = u64::from(cpu.v[n] as u32),
        SINGLE_FROM_WORD => (cpu.v[d], cpu.vh[d]) = (u64::from(cpu.x[n] as u32), 0),
        WHOLE_REGISTER => (cpu.v[d], cpu.vh[d]) = (cpu.v[n], cpu.vh[n]),
        _ => (cpu.v[d], cpu.vh[d]) = (op.imm, op.imm),
    }
}

/// Is a direct branch taken whose target was no code when it was installed?
#[cold]
pub(super) fn far_branch_taken(cpu: &mut Cpu, word: u32) -> bool {
    let register = usize::from(word as u8 & 31);
    // The zero slot is number 31, so that XZR needs no care.
    let value = if word >> 31 != 0 { cpu.x[register] } else { u64::from(cpu.x[register] as u32) };
    match word >> 25 & 0b11_1111 {
        0b10_1010 => cpu.flags.hold(condition_mask(word & 15)),
        0b01_1010 => (value == 0) == (word >> 24 & 1 == 0),
        0b01_1011 => {
            let number = word >> 31 << 5 | word >> 19 & 31;
            cpu.x[register] >> number & 1 == u64::from(word >> 24 & 1)
        }
        _ => true,
    }
}
