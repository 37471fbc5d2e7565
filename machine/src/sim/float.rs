//! Floating point as A64 has it with FPCR zero: round to nearest even, no flush to zero, NaNs propagate.
//!
//! Host arithmetic gives every result that is not a NaN. Which NaN comes out differs between hosts (and Rust promises
//! nothing), so NaN results are worked out here: the first signalling operand, made quiet; else the first quiet one;
//! else the default NaN.

/// Rounding of conversions to integers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(super) enum Rounding {
    /// To nearest, ties to even.
    Nearest,
    Up,
    Down,
    Zero,
    /// To nearest, ties away from zero.
    Away,
}

/// Register moves other than the plain double ones.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(super) enum Move {
    WordFromSingle,
    SingleFromWord,
    WholeRegister,
    BothHalves,
}

/// What both widths have in common.
pub(super) trait Float: Copy + PartialOrd {
    fn from_raw(bits: u64) -> Self;
    fn raw(self) -> u64;
    fn is_nan(self) -> bool;
    /// The bit that makes a NaN quiet.
    const QUIET: u64;
    const SIGN: u64;
    const DEFAULT_NAN: u64;
    const INFINITY: u64;
    fn add(self, other: Self) -> Self;
    fn sub(self, other: Self) -> Self;
    fn mul(self, other: Self) -> Self;
    fn div(self, other: Self) -> Self;
    fn fma(self, factor: Self, addend: Self) -> Self;
    fn square_root(self) -> Self;
    fn round(self, rounding: Rounding) -> Self;
    fn to_signed(self, w: bool) -> u64;
    fn to_unsigned(self, w: bool) -> u64;
}

macro_rules! float {
    ($type:ty, $bits:ty, $quiet:expr, $default:expr, $infinity:expr) => {
        impl Float for $type {
            const QUIET: u64 = $quiet;
            const SIGN: u64 = 1 << (<$bits>::BITS - 1);
            const DEFAULT_NAN: u64 = $default;
            const INFINITY: u64 = $infinity;
            #[inline(always)]
            fn from_raw(bits: u64) -> Self {
                <$type>::from_bits(bits as $bits)
            }
            #[inline(always)]
            fn raw(self) -> u64 {
                u64::from(self.to_bits())
            }
            #[inline(always)]
            fn is_nan(self) -> bool {
                <$type>::is_nan(self)
            }
            #[inline(always)]
            fn add(self, other: Self) -> Self {
                self + other
            }
            #[inline(always)]
            fn sub(self, other: Self) -> Self {
                self - other
            }
            #[inline(always)]
            fn mul(self, other: Self) -> Self {
                self * other
            }
            #[inline(always)]
            fn div(self, other: Self) -> Self {
                self / other
            }
            #[inline(always)]
            fn fma(self, factor: Self, addend: Self) -> Self {
                self.mul_add(factor, addend)
            }
            #[inline(always)]
            fn square_root(self) -> Self {
                self.sqrt()
            }
            fn round(self, rounding: Rounding) -> Self {
                match rounding {
                    Rounding::Nearest => self.round_ties_even(),
                    Rounding::Up => self.ceil(),
                    Rounding::Down => self.floor(),
                    Rounding::Zero => self.trunc(),
                    Rounding::Away => <$type>::round(self),
                }
            }
            fn to_signed(self, w: bool) -> u64 {
                if w { u64::from(self as i32 as u32) } else { self as i64 as u64 }
            }
            fn to_unsigned(self, w: bool) -> u64 {
                if w { u64::from(self as u32) } else { self as u64 }
            }
        }
    };
}

float!(f64, u64, 1 << 51, 0x7ff8_0000_0000_0000, 0x7ff0_0000_0000_0000);
float!(f32, u32, 1 << 22, 0x7fc0_0000, 0x7f80_0000);

fn is_nan<F: Float>(bits: u64) -> bool {
    F::from_raw(bits).is_nan()
}

/// The NaN that an operation gives whose result is none of the numbers.
#[cold]
#[inline(never)]
fn nan_result<F: Float>(operands: &[u64]) -> u64 {
    let nans = || operands.iter().copied().filter(|&bits| is_nan::<F>(bits));
    let signalling = nans().find(|bits| bits & F::QUIET == 0);
    signalling.or_else(|| nans().next()).map_or(F::DEFAULT_NAN, |bits| bits | F::QUIET)
}

macro_rules! binary {
    ($(#[$doc:meta])* $name:ident, $method:ident) => {
        $(#[$doc])*
        #[inline(always)]
        pub(super) fn $name<F: Float>(a: u64, b: u64) -> u64 {
            let result = F::from_raw(a).$method(F::from_raw(b));
            if result.is_nan() { nan_result::<F>(&[a, b]) } else { result.raw() }
        }
    };
}

binary!(
    /// FADD.
    add,
    add
);
binary!(
    /// FSUB.
    sub,
    sub
);
binary!(
    /// FMUL.
    mul,
    mul
);
binary!(
    /// FDIV.
    div,
    div
);

/// FSQRT.
#[inline(always)]
pub(super) fn square_root<F: Float>(a: u64) -> u64 {
    let result = F::from_raw(a).square_root();
    if result.is_nan() { nan_result::<F>(&[a]) } else { result.raw() }
}

/// `addend + a * b` with one rounding.
#[inline(always)]
pub(super) fn multiply_add<F: Float>(addend: u64, a: u64, b: u64) -> u64 {
    let result = F::from_raw(a).fma(F::from_raw(b), F::from_raw(addend));
    if result.is_nan() { multiply_add_nan::<F>(addend, a, b) } else { result.raw() }
}

#[cold]
#[inline(never)]
fn multiply_add_nan<F: Float>(addend: u64, a: u64, b: u64) -> u64 {
    // Infinity times zero is invalid, which a quiet NaN as the addend does not hide.
    let magnitude = |bits: u64| bits & (F::SIGN - 1);
    let invalid =
        (magnitude(a) == F::INFINITY && magnitude(b) == 0) || (magnitude(a) == 0 && magnitude(b) == F::INFINITY);
    if invalid && is_nan::<F>(addend) && addend & F::QUIET != 0 {
        return F::DEFAULT_NAN;
    }
    nan_result::<F>(&[addend, a, b])
}

/// N, Z, C, V of a comparison.
#[inline(always)]
pub(super) fn compare<F: Float>(a: u64, b: u64) -> u32 {
    let (a, b) = (F::from_raw(a), F::from_raw(b));
    if a < b {
        0b1000
    } else if a == b {
        0b0110
    } else if a > b {
        0b0010
    } else {
        0b0011
    }
}

/// FMAX or FMIN; the zeros are ordered by their signs.
fn extreme<F: Float>(a: u64, b: u64, maximum: bool) -> u64 {
    if is_nan::<F>(a) || is_nan::<F>(b) {
        return nan_result::<F>(&[a, b]);
    }
    let (x, y) = (F::from_raw(a), F::from_raw(b));
    let a_first = if x == y { (a & F::SIGN == 0) == maximum } else { (x > y) == maximum };
    if a_first { a } else { b }
}

/// FMAXNM or FMINNM: a quiet NaN loses against a number.
fn extreme_number<F: Float>(a: u64, b: u64, maximum: bool) -> u64 {
    let quiet = |bits: u64| is_nan::<F>(bits) && bits & F::QUIET != 0;
    match (quiet(a), quiet(b)) {
        (true, false) if !is_nan::<F>(b) => b,
        (false, true) if !is_nan::<F>(a) => a,
        _ => extreme::<F>(a, b, maximum),
    }
}

/// The two-operand group, by the opcode field of the encoding.
pub(super) fn binary<F: Float>(operation: u8, a: u64, b: u64) -> u64 {
    match operation {
        0 => mul::<F>(a, b),
        1 => div::<F>(a, b),
        2 => add::<F>(a, b),
        3 => sub::<F>(a, b),
        4 => extreme::<F>(a, b, true),
        5 => extreme::<F>(a, b, false),
        6 => extreme_number::<F>(a, b, true),
        7 => extreme_number::<F>(a, b, false),
        _ => mul::<F>(a, b) ^ F::SIGN,
    }
}

fn round<F: Float>(a: u64, rounding: Rounding) -> u64 {
    if is_nan::<F>(a) { a | F::QUIET } else { F::from_raw(a).round(rounding).raw() }
}

fn to_single(a: u64) -> u64 {
    if f64::from_bits(a).is_nan() {
        a >> 32 & 0x8000_0000 | 0x7fc0_0000 | a >> 29 & 0x003f_ffff
    } else {
        u64::from((f64::from_bits(a) as f32).to_bits())
    }
}

fn to_double(a: u64) -> u64 {
    let a = a as u32;
    if f32::from_bits(a).is_nan() {
        u64::from(a & 0x8000_0000) << 32 | 0x7ff8_0000_0000_0000 | u64::from(a & 0x003f_ffff) << 29
    } else {
        f64::from(f32::from_bits(a)).to_bits()
    }
}

/// The one-operand group, by the opcode field of the encoding.
pub(super) fn unary<F: Float>(operation: u8, a: u64) -> u64 {
    match operation {
        0 => F::from_raw(a).raw(),
        1 => F::from_raw(a).raw() & !F::SIGN,
        2 => F::from_raw(a).raw() ^ F::SIGN,
        3 => square_root::<F>(a),
        4 => to_single(a),
        5 => to_double(a),
        8 | 14 | 15 => round::<F>(a, Rounding::Nearest),
        9 => round::<F>(a, Rounding::Up),
        10 => round::<F>(a, Rounding::Down),
        11 => round::<F>(a, Rounding::Zero),
        _ => round::<F>(a, Rounding::Away),
    }
}

/// The three-operand group: `addend ± a * b`, or its negation.
pub(super) fn ternary<F: Float>(negate_all: bool, negate_product: bool, addend: u64, a: u64, b: u64) -> u64 {
    // Operands are negated before anything else, so that a NaN comes out with its sign changed.
    let addend = if negate_all { addend ^ F::SIGN } else { addend };
    let a = if negate_all != negate_product { a ^ F::SIGN } else { a };
    multiply_add::<F>(addend, a, b)
}

/// Conversion to an integer, saturating; a NaN gives zero.
pub(super) fn to_int<F: Float>(rounding: u8, unsigned: bool, w: bool, a: u64) -> u64 {
    let rounding = match rounding {
        0 => Rounding::Nearest,
        1 => Rounding::Up,
        2 => Rounding::Down,
        3 => Rounding::Zero,
        _ => Rounding::Away,
    };
    let rounded = F::from_raw(a).round(rounding);
    if unsigned { rounded.to_unsigned(w) } else { rounded.to_signed(w) }
}

/// Conversion from an integer, rounded to nearest even.
pub(super) fn from_int(single: bool, unsigned: bool, w: bool, a: u64) -> u64 {
    let signed = if w { i64::from(a as i32) } else { a as i64 };
    let plain = if w { u64::from(a as u32) } else { a };
    match (single, unsigned) {
        (true, true) => u64::from((plain as f32).to_bits()),
        (true, false) => u64::from((signed as f32).to_bits()),
        (false, true) => (plain as f64).to_bits(),
        (false, false) => (signed as f64).to_bits(),
    }
}
