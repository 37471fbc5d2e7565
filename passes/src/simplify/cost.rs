//! What terms cost on ARM64.
//!
//! In quarters of an instruction: four for one that takes a cycle, a little more for each cycle beyond, so that a shorter
//! sequence always wins and among equally long ones the faster. Latencies are Firestorm's (dougallj, applecpu).

use gscript::value::Tag;
use gsx_ir::Cond;

use super::term::Sym;

/// Cost in quarters of an instruction.
pub type Cost = u32;

/// One instruction of one cycle.
const ONE: Cost = 4;

/// An operand, as far as its cost goes.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Operand {
    /// In a register, from elsewhere.
    Register,
    /// A known constant.
    Const(Sym),
    /// The result of a shift that nothing else uses.
    Shift,
    /// A product of two values that nothing else uses.
    Product,
}

/// Cost of an operation with these operands; constants that do not fit into it are made in front of it, every time.
pub fn cost(sym: Sym, args: &[Operand]) -> Cost {
    let constant = |i: usize| match args.get(i) {
        Some(Operand::Const(c)) => Some(*c),
        _ => None,
    };
    let int = |i: usize| match constant(i) {
        Some(Sym::Int(n)) => Some(n),
        _ => None,
    };
    let all: Cost = args.iter().map(|a| materialise(*a)).sum();
    match sym {
        Sym::Leaf(_) | Sym::Int(_) | Sym::Float(_) | Sym::Bool(_) | Sym::Boxed(..) => 0,
        // A shift on the right is part of the instruction, which is then two micro-operations.
        Sym::IAdd if args.contains(&Operand::Shift) && int(0).or(int(1)).is_none() => 1,
        Sym::ISub if args.get(1) == Some(&Operand::Shift) => 1 + materialise(args[0]),
        // So is a product (`madd`).
        Sym::IAdd if args.contains(&Operand::Product) && int(0).or(int(1)).is_none() => 0,
        Sym::ISub if args.get(1) == Some(&Operand::Product) => materialise(args[0]),
        Sym::IAdd if int(0).or(int(1)).is_some() => int(1).or(int(0)).map_or(ONE, add_const),
        Sym::ISub if int(1).is_some() => int(1).map_or(ONE, |n| add_const(n.wrapping_neg())),
        Sym::ISub if int(0) == Some(0) => ONE,
        Sym::IAdd | Sym::ISub => ONE + all,
        Sym::IMul if int(0).or(int(1)).is_some_and(|n| n > 0 && n.count_ones() == 1) => ONE,
        Sym::IMul => ONE + 2 + all,
        Sym::INeg | Sym::IShl => ONE,
        Sym::FAdd | Sym::FSub => ONE + 2 + all,
        Sym::FMul => ONE + 3 + all,
        Sym::FDiv => ONE + 9 + all,
        Sym::FNeg => ONE + 1 + all,
        Sym::IntToFloat => ONE + 3 + all,
        // Against zero, a branch needs no comparison.
        Sym::ICmp(Cond::Eq | Cond::Ne) if int(1) == Some(0) || int(0) == Some(0) => ONE - 1,
        Sym::ICmp(_) if int(0).or(int(1)).is_some_and(is_add_immediate) => ONE,
        Sym::ICmp(_) => ONE + all,
        Sym::FCmp(_) if constant(1) == Some(Sym::Float(0)) => ONE + 1 + materialise(args[0]),
        Sym::FCmp(_) => ONE + 1 + all,
        Sym::BNot => ONE - 1,
        Sym::Select => ONE + 1 + args[1..].iter().map(|a| materialise(*a)).sum::<Cost>(),
        // No instruction, but one value more to keep track of.
        Sym::Box | Sym::Unbox(_) | Sym::TagOf => 1,
        Sym::Truthy => 2 * ONE,
        Sym::Log2 => Cost::MAX / 4,
    }
}

/// Cost of bringing an operand into a register.
fn materialise(operand: Operand) -> Cost {
    match operand {
        Operand::Const(Sym::Int(0) | Sym::Bool(false)) => 0,
        Operand::Const(Sym::Int(n)) => ONE * move_words(n as u64),
        Operand::Const(Sym::Float(bits)) => ONE + ONE * if is_short_float(bits) { 0 } else { move_words(bits) },
        Operand::Const(Sym::Boxed(tag, _)) if tag == Tag::Nil as u8 => 0,
        Operand::Const(_) => ONE,
        Operand::Register | Operand::Shift | Operand::Product => 0,
    }
}

/// `movz` or `movn`, then `movk`: instructions to make a constant.
fn move_words(value: u64) -> Cost {
    let words = |v: u64| (0..4).filter(|i| v >> (16 * i) & 0xffff != 0).count().max(1) as Cost;
    words(value).min(words(!value))
}

/// Is the double one of the 256 that `fmov` has as immediates (or zero)?
fn is_short_float(bits: u64) -> bool {
    let exponent = bits >> 52 & 0x7ff;
    bits == 0 || bits & 0xffff_ffff_ffff == 0 && (0x3fc..=0x403).contains(&exponent)
}

fn is_add_immediate(n: i64) -> bool {
    let n = n.unsigned_abs();
    n <= 0xfff || n & 0xfff == 0 && n <= 0xfff << 12
}

/// Adding a constant: as an immediate, as two, or from a register.
fn add_const(n: i64) -> Cost {
    let words = move_words(n as u64);
    match n {
        _ if is_add_immediate(n) => ONE,
        _ if n.unsigned_abs() < 1 << 24 && words > 1 => 2 * ONE,
        _ => ONE + ONE * words,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const R: Operand = Operand::Register;

    fn c(n: i64) -> Operand {
        Operand::Const(Sym::Int(n))
    }

    #[test]
    fn constants_cost_what_their_instructions_do() {
        assert_eq!(cost(Sym::IAdd, &[R, c(4095)]), ONE);
        assert_eq!(cost(Sym::IAdd, &[R, c(-4096)]), ONE);
        assert_eq!(cost(Sym::IAdd, &[R, c(4097)]), 2 * ONE);
        assert_eq!(cost(Sym::IAdd, &[R, c(0x12_3456)]), 2 * ONE);
        assert_eq!(cost(Sym::IAdd, &[R, c(0x1_0000_0001)]), 3 * ONE);
        assert!(cost(Sym::IMul, &[R, c(3)]) > cost(Sym::IAdd, &[R, Operand::Shift]) + cost(Sym::IShl, &[R, c(1)]));
        assert!(cost(Sym::IMul, &[R, c(7)]) > cost(Sym::ISub, &[R, R]) + cost(Sym::IShl, &[R, c(3)]));
        assert_eq!(cost(Sym::IMul, &[R, c(8)]), cost(Sym::IShl, &[R, c(3)]), "lowering makes it a shift already");
        assert!(
            is_short_float(2.0f64.to_bits()) && is_short_float(0.5f64.to_bits()) && !is_short_float(0.1f64.to_bits())
        );
    }

    #[test]
    fn sums_do_not_overflow() {
        assert!(cost(Sym::Log2, &[R]).checked_mul(3).is_some());
    }
}
