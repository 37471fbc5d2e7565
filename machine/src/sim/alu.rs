//! Integer arithmetic with flags, and the condition codes.

/// N, Z, C, V as the four low bits of a number, N highest.
pub(super) type Nzcv = u32;

/// How the flags are held: most are overwritten unread, so the operands are kept and the flags are derived on demand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Source {
    /// `a` is the N, Z, C, V.
    Known,
    /// Flags of `a + b`, 64 bits.
    AddX,
    /// Flags of `a + b`, 32 bits.
    AddW,
    /// Flags of `a - b`, 64 bits.
    SubX,
    /// Flags of `a - b`, 32 bits.
    SubW,
    /// `a` is the result of a bitwise operation, 64 bits.
    BitsX,
    /// `a` is the result of a bitwise operation, 32 bits.
    BitsW,
}

/// The condition flags.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flags {
    source: Source,
    a: u64,
    b: u64,
}

impl Flags {
    /// Flags with a known value.
    pub(super) fn known(nzcv: Nzcv) -> Flags {
        Flags { source: Source::Known, a: u64::from(nzcv), b: 0 }
    }
    #[inline(always)]
    pub(super) fn add_x(a: u64, b: u64) -> Flags {
        Flags { source: Source::AddX, a, b }
    }
    #[inline(always)]
    pub(super) fn add_w(a: u64, b: u64) -> Flags {
        Flags { source: Source::AddW, a, b }
    }
    #[inline(always)]
    pub(super) fn sub_x(a: u64, b: u64) -> Flags {
        Flags { source: Source::SubX, a, b }
    }
    #[inline(always)]
    pub(super) fn sub_w(a: u64, b: u64) -> Flags {
        Flags { source: Source::SubW, a, b }
    }
    #[inline(always)]
    pub(super) fn bits_x(a: u64) -> Flags {
        Flags { source: Source::BitsX, a, b: 0 }
    }
    #[inline(always)]
    pub(super) fn bits_w(a: u64) -> Flags {
        Flags { source: Source::BitsW, a, b: 0 }
    }

    /// The flags' value; remembered, so that a second reader has it for nothing.
    #[inline(always)]
    pub(super) fn nzcv(&mut self) -> Nzcv {
        if self.source != Source::Known {
            *self = Flags::known(self.derive());
        }
        self.a as Nzcv
    }

    #[inline(never)]
    fn derive(&self) -> Nzcv {
        let (a, b) = (self.a, self.b);
        match self.source {
            Source::Known => a as Nzcv,
            Source::AddX => add_with_carry_x(a, b, false).1,
            Source::AddW => add_with_carry_w(a as u32, b as u32, false).1,
            Source::SubX => add_with_carry_x(a, !b, true).1,
            Source::SubW => add_with_carry_w(a as u32, !(b as u32), true).1,
            Source::BitsX => nz(a >> 63 != 0, a == 0),
            Source::BitsW => nz(a as u32 >> 31 != 0, a as u32 == 0),
        }
    }

    /// Does the condition with this mask (see [`condition_mask`]) hold?
    #[inline(always)]
    pub(super) fn hold(&mut self, mask: u64) -> bool {
        (mask >> self.nzcv()) & 1 != 0
    }

    /// The carry flag.
    pub(super) fn carry(&mut self) -> bool {
        self.nzcv() & 2 != 0
    }
}

fn nz(n: bool, z: bool) -> Nzcv {
    u32::from(n) << 3 | u32::from(z) << 2
}

/// `a + b + carry` and its flags.
#[inline(always)]
pub(super) fn add_with_carry_x(a: u64, b: u64, carry: bool) -> (u64, Nzcv) {
    let (sum, c1) = a.overflowing_add(b);
    let (sum, c2) = sum.overflowing_add(u64::from(carry));
    let v = ((a ^ sum) & (b ^ sum)) >> 63;
    (sum, nz(sum >> 63 != 0, sum == 0) | u32::from(c1 | c2) << 1 | v as u32)
}

/// `a + b + carry` and its flags, 32 bits.
#[inline(always)]
pub(super) fn add_with_carry_w(a: u32, b: u32, carry: bool) -> (u32, Nzcv) {
    let wide = u64::from(a) + u64::from(b) + u64::from(carry);
    let sum = wide as u32;
    let v = ((a ^ sum) & (b ^ sum)) >> 31;
    (sum, nz(sum >> 31 != 0, sum == 0) | ((wide >> 32) as u32) << 1 | v)
}

/// The 16 values of N, Z, C, V under which a condition code holds: bit i is for the value i.
pub(super) const fn condition_mask(condition: u32) -> u64 {
    let mut mask = 0;
    let mut nzcv = 0;
    while nzcv < 16 {
        let (n, z, c, v) = (nzcv & 8 != 0, nzcv & 4 != 0, nzcv & 2 != 0, nzcv & 1 != 0);
        let base = match condition >> 1 {
            0 => z,
            1 => c,
            2 => n,
            3 => v,
            4 => c && !z,
            5 => n == v,
            6 => n == v && !z,
            _ => true,
        };
        // The lowest bit inverts, except that 0b1111 also means "always".
        if base != (condition & 1 != 0 && condition != 15) {
            mask |= 1 << nzcv;
        }
        nzcv += 1;
    }
    mask
}

/// A binary operation of the shifted- and extended-register groups.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(super) enum Binary {
    Add,
    Adds,
    Sub,
    Subs,
    And,
    Orr,
    Eor,
    Ands,
}

impl Binary {
    const ALL: [Binary; 8] =
        [Binary::Add, Binary::Adds, Binary::Sub, Binary::Subs, Binary::And, Binary::Orr, Binary::Eor, Binary::Ands];

    /// The operation with this number.
    pub(super) fn from_number(number: u8) -> Binary {
        Binary::ALL[usize::from(number & 7)]
    }

    /// Its result; sets the flags where the operation does.
    pub(super) fn apply(self, flags: &mut Flags, w: bool, a: u64, b: u64) -> u64 {
        let result = match self {
            Binary::Add => a.wrapping_add(b),
            Binary::Adds => {
                *flags = if w { Flags::add_w(a, b) } else { Flags::add_x(a, b) };
                a.wrapping_add(b)
            }
            Binary::Sub => a.wrapping_sub(b),
            Binary::Subs => {
                *flags = if w { Flags::sub_w(a, b) } else { Flags::sub_x(a, b) };
                a.wrapping_sub(b)
            }
            Binary::And => a & b,
            Binary::Orr => a | b,
            Binary::Eor => a ^ b,
            Binary::Ands => {
                *flags = if w { Flags::bits_w(a & b) } else { Flags::bits_x(a & b) };
                a & b
            }
        };
        if w { u64::from(result as u32) } else { result }
    }
}

/// `value` shifted: kind 0 LSL, 1 LSR, 2 ASR, 3 ROR; the amount is below the width.
pub(super) fn shift(value: u64, kind: u8, amount: u8, w: bool) -> u64 {
    let amount = u32::from(amount);
    if w {
        let value = value as u32;
        u64::from(match kind & 3 {
            0 => value << (amount & 31),
            1 => value >> (amount & 31),
            2 => ((value as i32) >> (amount & 31)) as u32,
            _ => value.rotate_right(amount & 31),
        })
    } else {
        match kind & 3 {
            0 => value << (amount & 63),
            1 => value >> (amount & 63),
            2 => ((value as i64) >> (amount & 63)) as u64,
            _ => value.rotate_right(amount & 63),
        }
    }
}

/// `value` extended (UXTB, UXTH, UXTW, UXTX, SXTB, SXTH, SXTW, SXTX in this order), then shifted left.
#[inline(always)]
pub(super) fn extend(value: u64, kind: u8, amount: u8) -> u64 {
    let extended = match kind & 7 {
        0 => u64::from(value as u8),
        1 => u64::from(value as u16),
        2 => u64::from(value as u32),
        4 => value as i8 as u64,
        5 => value as i16 as u64,
        6 => value as i32 as u64,
        _ => value,
    };
    extended << (amount & 63)
}
