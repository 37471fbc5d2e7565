//! A64 instructions, one method each, over dynasmrt. No method panics: what may not fit an immediate field takes a scratch
//! register or is checked by the caller through [`super::imm`].

// The macros convert register numbers that are of the right type already.
#![allow(clippy::useless_conversion)]

use dynasmrt::aarch64::Aarch64Relocation;
use dynasmrt::{DynamicLabel, DynasmApi, DynasmLabelApi, VecAssembler, dynasm};

use super::imm::{self, Chunk, Recipe};
use crate::code::CodegenError;
use crate::mir::{AluOp, Cc, FpuOp, FpuUnary, LogicOp};
use crate::reg::{Class, PReg};

/// A branch target within the code.
pub type Label = DynamicLabel;

/// Assembles `[before] cc [after]`.
macro_rules! with_cc {
    ($ops:expr, $cc:expr, [$($before:tt)*] [$($after:tt)*]) => {
        match $cc {
            Cc::Eq => dynasm!($ops ; .arch aarch64 ; $($before)* eq $($after)*),
            Cc::Ne => dynasm!($ops ; .arch aarch64 ; $($before)* ne $($after)*),
            Cc::Hs => dynasm!($ops ; .arch aarch64 ; $($before)* hs $($after)*),
            Cc::Lo => dynasm!($ops ; .arch aarch64 ; $($before)* lo $($after)*),
            Cc::Mi => dynasm!($ops ; .arch aarch64 ; $($before)* mi $($after)*),
            Cc::Pl => dynasm!($ops ; .arch aarch64 ; $($before)* pl $($after)*),
            Cc::Vs => dynasm!($ops ; .arch aarch64 ; $($before)* vs $($after)*),
            Cc::Vc => dynasm!($ops ; .arch aarch64 ; $($before)* vc $($after)*),
            Cc::Hi => dynasm!($ops ; .arch aarch64 ; $($before)* hi $($after)*),
            Cc::Ls => dynasm!($ops ; .arch aarch64 ; $($before)* ls $($after)*),
            Cc::Ge => dynasm!($ops ; .arch aarch64 ; $($before)* ge $($after)*),
            Cc::Lt => dynasm!($ops ; .arch aarch64 ; $($before)* lt $($after)*),
            Cc::Gt => dynasm!($ops ; .arch aarch64 ; $($before)* gt $($after)*),
            Cc::Le => dynasm!($ops ; .arch aarch64 ; $($before)* le $($after)*),
        }
    };
}

/// Number of SP where an instruction means it by register 31.
pub const SP: u8 = 31;

/// An assembler for one unit.
pub struct Asm {
    ops: VecAssembler<Aarch64Relocation>,
    /// Conditional branches may not reach: use an inverted one around an unconditional one.
    far: bool,
    /// The same for tests of single bits, which reach 32 KiB.
    far_bits: bool,
}

impl Asm {
    /// An empty one.
    pub fn new(far: bool) -> Asm {
        Asm { ops: VecAssembler::new(0), far, far_bits: true }
    }

    /// Tests of single bits reach all of the code.
    pub fn set_bits_near(&mut self) {
        self.far_bits = self.far;
    }

    /// Words so far.
    pub fn position(&self) -> u32 {
        (self.ops.offset().0 / 4) as u32
    }

    /// A new label.
    pub fn label(&mut self) -> Label {
        self.ops.new_dynamic_label()
    }

    /// Puts a label here.
    pub fn bind(&mut self, label: Label) {
        dynasm!(self.ops ; .arch aarch64 ; =>label);
    }

    /// The code.
    ///
    /// # Errors
    /// A branch that does not reach or a label that was never bound.
    pub fn finish(self) -> Result<Vec<u32>, CodegenError> {
        let bytes = self.ops.finalize().map_err(|e| CodegenError::Assembler(e.to_string()))?;
        let (words, _) = bytes.as_chunks::<4>();
        Ok(words.iter().map(|w| u32::from_le_bytes(*w)).collect())
    }

    // ---- moves and constants ----

    /// `mov d, s` within a class.
    pub fn mov(&mut self, d: PReg, s: PReg) {
        let (dn, sn) = (d.number(), s.number());
        match (d.class(), s.class()) {
            (Class::X, Class::X) => dynasm!(self.ops ; .arch aarch64 ; mov X(dn), X(sn)),
            (Class::D, Class::D) => dynasm!(self.ops ; .arch aarch64 ; fmov D(dn), D(sn)),
            (Class::D, Class::X) => dynasm!(self.ops ; .arch aarch64 ; fmov D(dn), X(sn)),
            (Class::X, Class::D) => dynasm!(self.ops ; .arch aarch64 ; fmov X(dn), D(sn)),
        }
    }

    /// `mov d, sp`
    pub fn mov_from_sp(&mut self, d: PReg) {
        let d = d.number();
        dynasm!(self.ops ; .arch aarch64 ; mov XSP(d), sp);
    }

    /// Makes a constant.
    pub fn mov_imm(&mut self, d: PReg, value: u64) {
        let n = d.number();
        let rest = match Recipe::of(value) {
            Recipe::Logical => {
                dynasm!(self.ops ; .arch aarch64 ; orr XSP(n), xzr, value);
                return;
            }
            Recipe::Movz(chunks) => {
                let Chunk { bits, shift } = chunks[0];
                dynasm!(self.ops ; .arch aarch64 ; movz X(n), bits, lsl shift);
                chunks
            }
            Recipe::Movn(chunks) => {
                let Chunk { bits, shift } = chunks[0];
                dynasm!(self.ops ; .arch aarch64 ; movn X(n), bits, lsl shift);
                chunks
            }
        };
        for &Chunk { bits, shift } in &rest[1..] {
            dynasm!(self.ops ; .arch aarch64 ; movk X(n), bits, lsl shift);
        }
    }

    /// Makes a double; `scratch` is a general register that may be overwritten.
    pub fn fmov_imm(&mut self, d: PReg, bits: u64, scratch: PReg) {
        let n = d.number();
        if bits == 0 {
            dynasm!(self.ops ; .arch aarch64 ; movi D(n), 0);
        } else if let Some(value) = imm::float(bits) {
            dynasm!(self.ops ; .arch aarch64 ; fmov D(n), value);
        } else {
            self.mov_imm(scratch, bits);
            self.mov(d, scratch);
        }
    }

    // ---- arithmetic ----

    /// `d = n + offset`; `d` and `n` may be X0–X30, or SP as 31. Any offset: a large one is first made in `scratch`, which may
    /// be `d` unless that is also `n` or SP.
    pub fn add_imm(&mut self, d: u8, n: u8, offset: i64, scratch: PReg) {
        let value = offset.unsigned_abs();
        let split = value < 1 << 24;
        if offset == 0 && d == n {
            return;
        }
        if let Some((bits, shift)) = imm::arithmetic(value) {
            self.add_sub(offset < 0, d, n, bits, shift);
        } else if split {
            self.add_sub(offset < 0, d, n, (value >> 12) as u32, 12);
            self.add_sub(offset < 0, d, d, (value & 0xfff) as u32, 0);
        } else {
            self.mov_imm(scratch, offset as u64);
            let m = scratch.number();
            if d == SP || n == SP {
                dynasm!(self.ops ; .arch aarch64 ; add XSP(d), XSP(n), X(m), uxtx);
            } else {
                dynasm!(self.ops ; .arch aarch64 ; add X(d), X(n), X(m));
            }
        }
    }

    fn add_sub(&mut self, negative: bool, d: u8, n: u8, bits: u32, shift: u32) {
        if negative {
            dynasm!(self.ops ; .arch aarch64 ; sub XSP(d), XSP(n), bits, lsl shift);
        } else {
            dynasm!(self.ops ; .arch aarch64 ; add XSP(d), XSP(n), bits, lsl shift);
        }
    }

    /// Integer operation on registers.
    pub fn alu(&mut self, op: AluOp, d: PReg, n: PReg, m: PReg) {
        let (d, n, m) = (d.number(), n.number(), m.number());
        match op {
            AluOp::Add => dynasm!(self.ops ; .arch aarch64 ; add X(d), X(n), X(m)),
            AluOp::Sub => dynasm!(self.ops ; .arch aarch64 ; sub X(d), X(n), X(m)),
            AluOp::Mul => dynasm!(self.ops ; .arch aarch64 ; mul X(d), X(n), X(m)),
            AluOp::Div => dynasm!(self.ops ; .arch aarch64 ; sdiv X(d), X(n), X(m)),
            AluOp::And => dynasm!(self.ops ; .arch aarch64 ; and X(d), X(n), X(m)),
            AluOp::Eor => dynasm!(self.ops ; .arch aarch64 ; eor X(d), X(n), X(m)),
        }
    }

    /// `add` or `sub d, n, m, lsl #shift`; the shift is below 64.
    pub fn alu_lsl(&mut self, op: AluOp, d: PReg, n: PReg, m: PReg, shift: u8) {
        let (d, n, m, shift) = (d.number(), n.number(), m.number(), u32::from(shift & 63));
        match op {
            AluOp::Sub => dynasm!(self.ops ; .arch aarch64 ; sub X(d), X(n), X(m), lsl shift),
            _ => dynasm!(self.ops ; .arch aarch64 ; add X(d), X(n), X(m), lsl shift),
        }
    }

    /// `madd d, n, m, a` or `msub`: `a` and, or without, the product.
    pub fn mul_add(&mut self, op: AluOp, d: PReg, n: PReg, m: PReg, a: PReg) {
        let (d, n, m, a) = (d.number(), n.number(), m.number(), a.number());
        match op {
            AluOp::Sub => dynasm!(self.ops ; .arch aarch64 ; msub X(d), X(n), X(m), X(a)),
            _ => dynasm!(self.ops ; .arch aarch64 ; madd X(d), X(n), X(m), X(a)),
        }
    }

    /// `lsl d, n, #shift`; the shift is below 64.
    pub fn lsl(&mut self, d: PReg, n: PReg, shift: u8) {
        let (d, n, shift) = (d.number(), n.number(), u32::from(shift & 63));
        dynasm!(self.ops ; .arch aarch64 ; lsl X(d), X(n), shift);
    }

    /// `asr d, n, #shift`; the shift is below 64.
    pub fn asr(&mut self, d: PReg, n: PReg, shift: u8) {
        let (d, n, shift) = (d.number(), n.number(), u32::from(shift & 63));
        dynasm!(self.ops ; .arch aarch64 ; asr X(d), X(n), shift);
    }

    /// `sbfx d, n, #0, #48`: the low 48 bits, sign-extended.
    pub fn low48(&mut self, d: PReg, n: PReg) {
        let (d, n) = (d.number(), n.number());
        dynasm!(self.ops ; .arch aarch64 ; sbfx X(d), X(n), 0, 48);
    }

    /// `movk d, #top, lsl #48`
    pub fn set_top(&mut self, d: PReg, top: u16) {
        let (d, top) = (d.number(), u32::from(top));
        dynasm!(self.ops ; .arch aarch64 ; movk X(d), top, lsl 48);
    }

    /// `and`, `orr` or `eor d, n, #mask`; through `d`, which must not be `n` then, if the mask is no immediate.
    pub fn logic(&mut self, op: LogicOp, d: PReg, n: PReg, mask: u64) {
        let (rd, rn) = (d.number(), n.number());
        if imm::is_logical(mask) {
            match op {
                LogicOp::And => dynasm!(self.ops ; .arch aarch64 ; and XSP(rd), X(rn), mask),
                LogicOp::Orr => dynasm!(self.ops ; .arch aarch64 ; orr XSP(rd), X(rn), mask),
                LogicOp::Eor => dynasm!(self.ops ; .arch aarch64 ; eor XSP(rd), X(rn), mask),
            }
            return;
        }
        self.mov_imm(d, mask);
        match op {
            LogicOp::And => dynasm!(self.ops ; .arch aarch64 ; and X(rd), X(rn), X(rd)),
            LogicOp::Orr => dynasm!(self.ops ; .arch aarch64 ; orr X(rd), X(rn), X(rd)),
            LogicOp::Eor => dynasm!(self.ops ; .arch aarch64 ; eor X(rd), X(rn), X(rd)),
        }
    }

    /// `eor d, n, #1`
    pub fn eor_one(&mut self, d: PReg, n: PReg) {
        let (d, n) = (d.number(), n.number());
        dynasm!(self.ops ; .arch aarch64 ; eor XSP(d), X(n), 1);
    }

    /// Float operation.
    pub fn fpu(&mut self, op: FpuOp, d: PReg, n: PReg, m: PReg) {
        let (d, n, m) = (d.number(), n.number(), m.number());
        match op {
            FpuOp::Add => dynasm!(self.ops ; .arch aarch64 ; fadd D(d), D(n), D(m)),
            FpuOp::Sub => dynasm!(self.ops ; .arch aarch64 ; fsub D(d), D(n), D(m)),
            FpuOp::Mul => dynasm!(self.ops ; .arch aarch64 ; fmul D(d), D(n), D(m)),
            FpuOp::Div => dynasm!(self.ops ; .arch aarch64 ; fdiv D(d), D(n), D(m)),
        }
    }

    /// `fneg`, `fabs` or `fsqrt d, n`
    pub fn fpu_unary(&mut self, op: FpuUnary, d: PReg, n: PReg) {
        let (d, n) = (d.number(), n.number());
        match op {
            FpuUnary::Neg => dynasm!(self.ops ; .arch aarch64 ; fneg D(d), D(n)),
            FpuUnary::Abs => dynasm!(self.ops ; .arch aarch64 ; fabs D(d), D(n)),
            FpuUnary::Sqrt => dynasm!(self.ops ; .arch aarch64 ; fsqrt D(d), D(n)),
        }
    }

    /// `fcvtms d, n`
    pub fn fcvtms(&mut self, d: PReg, n: PReg) {
        let (d, n) = (d.number(), n.number());
        dynasm!(self.ops ; .arch aarch64 ; fcvtms X(d), D(n));
    }

    /// `scvtf d, n`
    pub fn scvtf(&mut self, d: PReg, n: PReg) {
        let (d, n) = (d.number(), n.number());
        dynasm!(self.ops ; .arch aarch64 ; scvtf D(d), X(n));
    }

    // ---- comparison ----

    /// `cmp n, m`
    pub fn cmp(&mut self, n: PReg, m: PReg) {
        let (n, m) = (n.number(), m.number());
        dynasm!(self.ops ; .arch aarch64 ; cmp X(n), X(m));
    }

    /// `tst n, #mask`; the mask must be a bitmask immediate.
    pub fn tst(&mut self, n: PReg, mask: u64) {
        debug_assert!(imm::is_logical(mask));
        let n = n.number();
        dynasm!(self.ops ; .arch aarch64 ; tst X(n), mask);
    }

    /// `cmp n, #value` or `cmn`; `scratch` is used for a value that fits neither.
    pub fn cmp_imm(&mut self, n: PReg, value: i64, scratch: PReg) {
        let r = n.number();
        match imm::arithmetic(value.unsigned_abs()) {
            Some((bits, shift)) if value >= 0 => {
                dynasm!(self.ops ; .arch aarch64 ; cmp XSP(r), bits, lsl shift)
            }
            Some((bits, shift)) => dynasm!(self.ops ; .arch aarch64 ; cmn XSP(r), bits, lsl shift),
            None => {
                self.mov_imm(scratch, value as u64);
                self.cmp(n, scratch);
            }
        }
    }

    /// `fcmp n, m`
    pub fn fcmp(&mut self, n: PReg, m: PReg) {
        let (n, m) = (n.number(), m.number());
        dynasm!(self.ops ; .arch aarch64 ; fcmp D(n), D(m));
    }

    /// `fcmp n, #0.0`
    pub fn fcmp_zero(&mut self, n: PReg) {
        let n = n.number();
        dynasm!(self.ops ; .arch aarch64 ; fcmp D(n), 0.0);
    }

    /// `ccmp n, #value, #nzcv, cc`; value below 32, nzcv below 16.
    pub fn ccmp_imm(&mut self, n: PReg, value: u8, nzcv: u8, cc: Cc) {
        let (n, value, nzcv) = (n.number(), u32::from(value & 31), u32::from(nzcv & 15));
        with_cc!(self.ops, cc, [ccmp X(n), value, nzcv,] []);
    }

    /// `cset d, cc`
    pub fn cset(&mut self, d: PReg, cc: Cc) {
        let d = d.number();
        with_cc!(self.ops, cc, [cset X(d),] []);
    }

    /// `csel` or `fcsel`, by class.
    pub fn csel(&mut self, d: PReg, n: PReg, m: PReg, cc: Cc) {
        let class = d.class();
        let (d, n, m) = (d.number(), n.number(), m.number());
        match class {
            Class::X => with_cc!(self.ops, cc, [csel X(d), X(n), X(m),] []),
            Class::D => with_cc!(self.ops, cc, [fcsel D(d), D(n), D(m),] []),
        }
    }

    // ---- memory: bases are X0–X30, or SP as 31 ----

    /// Loads 8 bytes. An offset that does not fit is made in `scratch`.
    pub fn ldr(&mut self, d: PReg, base: u8, offset: i64, scratch: PReg) {
        let (class, d, m) = (d.class(), d.number(), scratch.number());
        if imm::scaled_offset_fits(offset) {
            let offset = offset as u32;
            match class {
                Class::X => dynasm!(self.ops ; .arch aarch64 ; ldr X(d), [XSP(base), offset]),
                Class::D => dynasm!(self.ops ; .arch aarch64 ; ldr D(d), [XSP(base), offset]),
            }
        } else if imm::unscaled_offset_fits(offset) {
            let offset = offset as i32;
            match class {
                Class::X => dynasm!(self.ops ; .arch aarch64 ; ldur X(d), [XSP(base), offset]),
                Class::D => dynasm!(self.ops ; .arch aarch64 ; ldur D(d), [XSP(base), offset]),
            }
        } else {
            self.mov_imm(scratch, offset as u64);
            match class {
                Class::X => dynasm!(self.ops ; .arch aarch64 ; ldr X(d), [XSP(base), X(m)]),
                Class::D => dynasm!(self.ops ; .arch aarch64 ; ldr D(d), [XSP(base), X(m)]),
            }
        }
    }

    /// Loads the 8 bytes with this index from an address in a register that is not SP.
    pub fn ldr_index(&mut self, d: PReg, base: PReg, index: PReg) {
        let (class, d, base, m) = (d.class(), d.number(), base.number(), index.number());
        match class {
            Class::X => dynasm!(self.ops ; .arch aarch64 ; ldr X(d), [XSP(base), X(m), lsl 3]),
            Class::D => dynasm!(self.ops ; .arch aarch64 ; ldr D(d), [XSP(base), X(m), lsl 3]),
        }
    }

    /// Stores the 8 bytes with this index from an address in a register that is not SP.
    pub fn str_index(&mut self, s: PReg, base: PReg, index: PReg) {
        let (class, s, base, m) = (s.class(), s.number(), base.number(), index.number());
        match class {
            Class::X => dynasm!(self.ops ; .arch aarch64 ; str X(s), [XSP(base), X(m), lsl 3]),
            Class::D => dynasm!(self.ops ; .arch aarch64 ; str D(s), [XSP(base), X(m), lsl 3]),
        }
    }

    /// Loads 4 bytes, unsigned, into a general register. An offset that does not fit is made in `scratch`.
    pub fn ldr_w(&mut self, d: PReg, base: u8, offset: i64, scratch: PReg) {
        let (d, m) = (d.number(), scratch.number());
        if (0..1 << 14).contains(&offset) && offset % 4 == 0 {
            let offset = offset as u32;
            dynasm!(self.ops ; .arch aarch64 ; ldr W(d), [XSP(base), offset]);
        } else {
            self.mov_imm(scratch, offset as u64);
            dynasm!(self.ops ; .arch aarch64 ; ldr W(d), [XSP(base), X(m)]);
        }
    }

    /// Stores 8 bytes. An offset that does not fit is made in `scratch`, which must not be `s`.
    pub fn str(&mut self, s: PReg, base: u8, offset: i64, scratch: PReg) {
        let (class, s, m) = (s.class(), s.number(), scratch.number());
        if imm::scaled_offset_fits(offset) {
            let offset = offset as u32;
            match class {
                Class::X => dynasm!(self.ops ; .arch aarch64 ; str X(s), [XSP(base), offset]),
                Class::D => dynasm!(self.ops ; .arch aarch64 ; str D(s), [XSP(base), offset]),
            }
        } else if imm::unscaled_offset_fits(offset) {
            let offset = offset as i32;
            match class {
                Class::X => dynasm!(self.ops ; .arch aarch64 ; stur X(s), [XSP(base), offset]),
                Class::D => dynasm!(self.ops ; .arch aarch64 ; stur D(s), [XSP(base), offset]),
            }
        } else {
            self.mov_imm(scratch, offset as u64);
            match class {
                Class::X => dynasm!(self.ops ; .arch aarch64 ; str X(s), [XSP(base), X(m)]),
                Class::D => dynasm!(self.ops ; .arch aarch64 ; str D(s), [XSP(base), X(m)]),
            }
        }
    }

    /// Loads two registers of one class; one by one when the offset does not fit a pair, for which `d` must not be the
    /// base.
    pub fn ldp(&mut self, d: PReg, d2: PReg, base: u8, offset: i64, scratch: PReg) {
        if !imm::pair_offset_fits(offset) {
            self.ldr(d, base, offset, scratch);
            self.ldr(d2, base, offset + 8, scratch);
            return;
        }
        let (class, d, d2, offset) = (d.class(), d.number(), d2.number(), offset as i32);
        match class {
            Class::X => dynasm!(self.ops ; .arch aarch64 ; ldp X(d), X(d2), [XSP(base), offset]),
            Class::D => dynasm!(self.ops ; .arch aarch64 ; ldp D(d), D(d2), [XSP(base), offset]),
        }
    }

    /// Stores two registers of one class; one by one when the offset does not fit a pair.
    pub fn stp(&mut self, s: PReg, s2: PReg, base: u8, offset: i64, scratch: PReg) {
        if !imm::pair_offset_fits(offset) {
            self.str(s, base, offset, scratch);
            self.str(s2, base, offset + 8, scratch);
            return;
        }
        let (class, s, s2, offset) = (s.class(), s.number(), s2.number(), offset as i32);
        match class {
            Class::X => dynasm!(self.ops ; .arch aarch64 ; stp X(s), X(s2), [XSP(base), offset]),
            Class::D => dynasm!(self.ops ; .arch aarch64 ; stp D(s), D(s2), [XSP(base), offset]),
        }
    }

    /// `stp a, b, [sp, #-bytes]!` of general registers; bytes a multiple of 8, at most 512.
    pub fn push_pair(&mut self, a: PReg, b: PReg, bytes: u32) {
        let (a, b, offset) = (a.number(), b.number(), -(bytes.min(512) as i32));
        dynasm!(self.ops ; .arch aarch64 ; stp X(a), X(b), [sp, offset]!);
    }

    /// `ldp a, b, [sp], #bytes` of general registers; bytes a multiple of 8, at most 504.
    pub fn pop_pair(&mut self, a: PReg, b: PReg, bytes: u32) {
        let (a, b, offset) = (a.number(), b.number(), bytes.min(504) as i32);
        dynasm!(self.ops ; .arch aarch64 ; ldp X(a), X(b), [sp], offset);
    }

    /// `str a, [sp, #-bytes]!` of a general register; at most 256 bytes.
    pub fn push(&mut self, a: PReg, bytes: u32) {
        let (a, offset) = (a.number(), -(bytes.min(256) as i32));
        dynasm!(self.ops ; .arch aarch64 ; str X(a), [sp, offset]!);
    }

    /// `ldr a, [sp], #bytes` of a general register; at most 255 bytes.
    pub fn pop(&mut self, a: PReg, bytes: u32) {
        let (a, offset) = (a.number(), bytes.min(255) as i32);
        dynasm!(self.ops ; .arch aarch64 ; ldr X(a), [sp], offset);
    }

    // ---- control ----

    /// Do conditional branches take their long form?
    pub fn is_far(&self) -> bool {
        self.far
    }

    /// `b label`
    pub fn b(&mut self, label: Label) {
        dynasm!(self.ops ; .arch aarch64 ; b =>label);
    }

    /// `bl label`
    pub fn bl(&mut self, label: Label) {
        dynasm!(self.ops ; .arch aarch64 ; bl =>label);
    }

    /// `blr target`
    pub fn blr(&mut self, target: PReg) {
        let n = target.number();
        dynasm!(self.ops ; .arch aarch64 ; blr X(n));
    }

    /// `ret`
    pub fn ret(&mut self) {
        dynasm!(self.ops ; .arch aarch64 ; ret);
    }

    /// `ret target`
    pub fn ret_to(&mut self, target: PReg) {
        let n = target.number();
        dynasm!(self.ops ; .arch aarch64 ; ret X(n));
    }

    /// `brk #0`: nothing gets here.
    pub fn trap(&mut self) {
        dynasm!(self.ops ; .arch aarch64 ; brk 0);
    }

    /// Branches when the flags say so.
    pub fn b_cc(&mut self, cc: Cc, label: Label) {
        if self.far {
            let skip = self.label();
            with_cc!(self.ops, cc.inverted(), [b.] [=>skip]);
            self.b(label);
            self.bind(skip);
        } else {
            with_cc!(self.ops, cc, [b.] [=>label]);
        }
    }

    /// `cbz` or `cbnz`.
    pub fn cb(&mut self, if_zero: bool, n: PReg, label: Label) {
        let n = n.number();
        let skip = self.far.then(|| self.label());
        let (direct, at) = (skip.is_none(), skip.unwrap_or(label));
        if if_zero == direct {
            dynasm!(self.ops ; .arch aarch64 ; cbz X(n), =>at);
        } else {
            dynasm!(self.ops ; .arch aarch64 ; cbnz X(n), =>at);
        }
        if let Some(skip) = skip {
            self.b(label);
            self.bind(skip);
        }
    }

    /// `tbz n, #bit`: branches if the bit (below 64) is clear.
    pub fn tbz(&mut self, n: PReg, bit: u8, label: Label) {
        let (n, bit) = (n.number(), u32::from(bit & 63));
        if self.far_bits {
            let skip = self.label();
            dynasm!(self.ops ; .arch aarch64 ; tbnz X(n), bit, =>skip);
            self.b(label);
            self.bind(skip);
        } else {
            dynasm!(self.ops ; .arch aarch64 ; tbz X(n), bit, =>label);
        }
    }
}
