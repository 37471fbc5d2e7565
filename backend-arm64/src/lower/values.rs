//! Lowering of nodes other than calls: arithmetic, comparisons, conversions, loads and stores.

use gscript::layout::{self, Layout};
use gscript::value::Tag;
use gsx_ir::graph::NodeId;
use gsx_ir::op::{Cond, Op, TablePart, Type};

use super::{Half, Lower, Parts, Val, class_of_type};
use crate::code::CodegenError;
use crate::emit::imm;
use crate::mir::{AluOp, Cc, FpuOp, FpuUnary, Inst, Reg, Test, VReg};
use crate::reg::{BASE, CONTEXT, Class, ZERO};

type Lowered<T> = Result<T, CodegenError>;

impl Lower<'_> {
    /// Lowers one scheduled node.
    pub(super) fn node(&mut self, n: NodeId) -> Lowered<()> {
        let node = self.graph.node(n);
        let parts = self.demand.parts(n);
        let dead = parts.is_empty() && node.op.is_removable_when_unused();
        if dead || node.op.is_const() || node.op == Op::Param || self.demand.is_fused(n) {
            return Ok(());
        }
        self.node = Some(n);
        self.origin = Some(node.origin);
        let arg = |i: usize| node.args[i];
        let val = match node.op {
            Op::IAdd if self.demand.is_fused(arg(1)) => typed(self.fused(AluOp::Add, arg(0), arg(1))?),
            Op::IAdd if self.demand.is_fused(arg(0)) => typed(self.fused(AluOp::Add, arg(1), arg(0))?),
            Op::IAdd => typed(self.add(arg(0), arg(1))?),
            Op::ISub if self.demand.is_fused(arg(1)) => typed(self.fused(AluOp::Sub, arg(0), arg(1))?),
            Op::ISub => typed(self.sub(arg(0), arg(1))?),
            Op::IMul => typed(self.mul(arg(0), arg(1))?),
            Op::INeg => {
                let m = self.x_of(arg(0))?;
                typed(self.alu(AluOp::Sub, ZERO.into(), m))
            }
            Op::IShl(shift) => typed(self.shl(arg(0), shift)?),
            Op::FAdd => self.fpu(FpuOp::Add, arg(0), arg(1))?,
            Op::FSub => self.fpu(FpuOp::Sub, arg(0), arg(1))?,
            Op::FMul => self.fpu(FpuOp::Mul, arg(0), arg(1))?,
            Op::FDiv => self.fpu(FpuOp::Div, arg(0), arg(1))?,
            Op::FNeg => self.fpu_unary(FpuUnary::Neg, arg(0))?,
            Op::FAbs => self.fpu_unary(FpuUnary::Abs, arg(0))?,
            Op::FSqrt => self.fpu_unary(FpuUnary::Sqrt, arg(0))?,
            Op::FloorToInt => {
                let n = self.d_of(arg(0))?;
                let d = self.f.vreg(Class::X);
                self.emit(Inst::Fcvtms { d: d.into(), n: n.into() });
                typed(d)
            }
            Op::IntToFloat => {
                let n = self.x_of(arg(0))?;
                let d = self.f.vreg(Class::D);
                self.emit(Inst::Scvtf { d: d.into(), n });
                typed(d)
            }
            Op::IMod => typed(self.modulo(arg(0), arg(1))?),
            Op::ICmp(_) | Op::FCmp(_) | Op::InBounds | Op::HasTag(_) | Op::Truthy => {
                let test = self.condition(n)?;
                typed(self.materialise(test))
            }
            Op::BNot => {
                let n = self.half(arg(0))?;
                let n = self.x_vreg(n)?;
                let d = self.f.vreg(Class::X);
                self.emit(Inst::NotBool { d: d.into(), n: n.into() });
                typed(d)
            }
            Op::Select => self.select(n)?,
            Op::Box if self.layout() == Layout::NanBox => Val::typed(self.word(arg(0))?),
            Op::Box => {
                let ty = self.graph.node(arg(0)).ty;
                let tag = ty
                    .and_then(Type::tag)
                    .map(|t| t as u64)
                    .ok_or_else(|| CodegenError::Malformed(format!("{n} boxes a value of a type that has no tag")))?;
                let payload = if parts.has(Parts::PAYLOAD) { self.half(arg(0))? } else { Half::Unused };
                Val { tag: Half::Imm(tag), payload }
            }
            Op::Unbox(ty) => self.unbox(arg(0), ty)?,
            Op::TagOf if self.layout() == Layout::NanBox => typed(self.tag_number(arg(0))?),
            Op::TagOf => Val::typed(self.val(arg(0))?.tag),
            Op::SlotLoad(slot, ty) => {
                let (base, offset) = self.slot(slot);
                self.load_typed(parts, ty, base, offset)?
            }
            Op::SlotStore(slot) => {
                let (base, offset) = self.slot(slot);
                return self.store_value(arg(0), base, offset);
            }
            Op::SlotStorePayload(slot, _) if self.layout() == Layout::NanBox => {
                let (base, offset) = self.slot(slot);
                return self.store_value(arg(0), base, offset);
            }
            Op::SlotStorePayload(slot, _) => {
                let payload = self.half(arg(0))?;
                let s = self.any(payload)?;
                let (base, offset) = self.slot(slot);
                self.emit(Inst::Str { s, base, offset: offset + layout::PAYLOAD_OFFSET as i32 });
                return Ok(());
            }
            Op::GlobalLoad(i) => {
                let (base, offset) = self.global(i)?;
                self.load_value(parts, base, offset)
            }
            Op::GlobalStore(i) => {
                let (base, offset) = self.global(i)?;
                return self.store_value(arg(0), base, offset);
            }
            Op::UpvalLoad(i) => {
                let at = self.upvalue(i);
                self.load_value(parts, at.into(), 0)
            }
            Op::UpvalStore(i) => {
                let at = self.upvalue(i);
                return self.store_value(arg(0), at.into(), 0);
            }
            Op::Callee => typed(self.callee()),
            Op::TableLoad(part) => typed(self.table_part(arg(0), part)?),
            Op::FieldLoad(i) => {
                let (base, offset) = self.element(arg(0), Key::Constant(i.into()))?;
                self.load_value(parts, base, offset)
            }
            Op::FieldStore(i) => {
                let (base, offset) = self.element(arg(0), Key::Constant(i.into()))?;
                return self.store_value(arg(1), base, offset);
            }
            Op::ElemLoad => {
                if self.layout() == Layout::NanBox && self.constant(arg(1))?.is_none() {
                    self.load_indexed_word(parts, arg(0), arg(1))?
                } else {
                    let (base, offset) = self.element(arg(0), Key::Value(arg(1)))?;
                    self.load_value(parts, base, offset)
                }
            }
            Op::ElemStore => {
                if self.layout() == Layout::NanBox && self.constant(arg(1))?.is_none() {
                    return self.store_indexed_word(arg(2), arg(0), arg(1));
                }
                let (base, offset) = self.element(arg(0), Key::Value(arg(1)))?;
                return self.store_value(arg(2), base, offset);
            }
            Op::GuardTag(tag) => return self.guard_tag(n, tag),
            Op::Guard => return self.guard(n),
            Op::GuardGlobal(i, f) => return self.guard_global(n, i, f),
            Op::GuardDepth(frames) => return self.guard_depth(n, frames),
            Op::Call { a, nargs, results, kind } => return self.call(n, a, nargs, results, kind),
            Op::HostCompare { .. } => typed(self.host_compare()?),
            Op::CloseFrame => return self.host_close(),
            Op::Step => return self.host_step(),
            Op::Param | Op::IConst(_) | Op::FConst(_) | Op::BConst(_) | Op::BoxedConst(_) => {
                return Ok(());
            }
        };
        self.values[n.0 as usize] = Some(val);
        Ok(())
    }

    pub(super) fn x_of(&mut self, n: NodeId) -> Lowered<Reg> {
        let half = self.half(n)?;
        self.x(half)
    }

    fn d_of(&mut self, n: NodeId) -> Lowered<VReg> {
        let half = self.half(n)?;
        self.d(half)
    }

    // ---- arithmetic ----

    fn add(&mut self, a: NodeId, b: NodeId) -> Lowered<VReg> {
        let (a, b) = if self.constant(a)?.is_some() { (b, a) } else { (a, b) };
        match self.constant(b)? {
            Some(0) => self.x_copy(a),
            Some(c) if added_at_once(c) => self.add_immediate(a, c),
            _ => self.alu_of(AluOp::Add, a, b),
        }
    }

    /// `a` and a shift or product in one instruction.
    fn fused(&mut self, op: AluOp, a: NodeId, b: NodeId) -> Lowered<VReg> {
        let (inner, args) = (self.graph.node(b).op, &self.graph.node(b).args);
        let x = self.x_of(a)?;
        let n = self.x_of(args[0])?;
        let d = self.f.vreg(Class::X);
        match inner {
            Op::IShl(shift) => self.emit(Inst::AluLsl { op, d: d.into(), n: x, m: n, shift }),
            _ => {
                let m = self.x_of(args[1])?;
                self.emit(Inst::MulAdd { op, d: d.into(), n, m, a: x });
            }
        }
        Ok(d)
    }

    fn sub(&mut self, a: NodeId, b: NodeId) -> Lowered<VReg> {
        match self.constant(b)? {
            Some(0) => self.x_copy(a),
            Some(c) if c != i64::MIN && added_at_once(-c) => self.add_immediate(a, -c),
            _ => self.alu_of(AluOp::Sub, a, b),
        }
    }

    /// The value of a node, as the result of an operation that does not change it.
    pub(super) fn x_copy(&mut self, n: NodeId) -> Lowered<VReg> {
        let half = self.half(n)?;
        self.x_vreg(half)
    }

    fn add_immediate(&mut self, a: NodeId, offset: i64) -> Lowered<VReg> {
        let n = self.x_copy(a)?;
        let d = self.f.vreg(Class::X);
        self.emit(Inst::AddImm { d: d.into(), n: n.into(), offset });
        Ok(d)
    }

    fn mul(&mut self, a: NodeId, b: NodeId) -> Lowered<VReg> {
        let (a, b) = if self.constant(a)?.is_some() { (b, a) } else { (a, b) };
        match self.constant(b)? {
            Some(1) => self.x_copy(a),
            Some(c) if c > 0 && c.count_ones() == 1 => self.shl(a, c.trailing_zeros() as u8),
            _ => self.alu_of(AluOp::Mul, a, b),
        }
    }

    fn shl(&mut self, a: NodeId, shift: u8) -> Lowered<VReg> {
        if shift == 0 {
            return self.x_copy(a);
        }
        let n = self.x_of(a)?;
        let d = self.f.vreg(Class::X);
        self.emit(Inst::Lsl { d: d.into(), n, shift });
        Ok(d)
    }

    fn alu_of(&mut self, op: AluOp, a: NodeId, b: NodeId) -> Lowered<VReg> {
        let n = self.x_of(a)?;
        let m = self.x_of(b)?;
        Ok(self.alu(op, n, m))
    }

    fn fpu(&mut self, op: FpuOp, a: NodeId, b: NodeId) -> Lowered<Val> {
        let n = self.d_of(a)?;
        let m = if a == b { n } else { self.d_of(b)? };
        let d = self.f.vreg(Class::D);
        self.emit(Inst::Fpu { op, d: d.into(), n: n.into(), m: m.into() });
        Ok(typed(d))
    }

    fn fpu_unary(&mut self, op: FpuUnary, a: NodeId) -> Lowered<Val> {
        let n = self.d_of(a)?;
        let d = self.f.vreg(Class::D);
        self.emit(Inst::FpuUnary { op, d: d.into(), n: n.into() });
        Ok(typed(d))
    }

    /// Floored remainder: that of the division towards zero, and the divisor added if the signs differ.
    fn modulo(&mut self, a: NodeId, b: NodeId) -> Lowered<VReg> {
        let divisor = self.constant(b)?;
        if let Some(c) = divisor
            && c > 0
            && c.count_ones() == 1
        {
            let n = self.x_of(a)?;
            let mask = self.x(Half::Imm(c as u64 - 1))?;
            return Ok(self.alu(AluOp::And, n, mask));
        }
        let (n, m) = (self.x_of(a)?, self.x_of(b)?);
        let quotient = self.alu(AluOp::Div, n, m);
        let rest = self.f.vreg(Class::X);
        self.emit(Inst::MulAdd { op: AluOp::Sub, d: rest.into(), n: quotient.into(), m, a: n });
        let adjusted = self.alu(AluOp::Add, rest.into(), m);
        let d = self.f.vreg(Class::X);
        if divisor.is_some_and(|c| c > 0) {
            self.emit(Inst::CmpImm { n: rest.into(), value: 0 });
        } else {
            let signs = self.alu(AluOp::Eor, rest.into(), m);
            self.emit(Inst::CmpImm { n: rest.into(), value: 0 });
            // A remainder of 0 is right as it is: flags that say "not less".
            self.emit(Inst::CcmpImm { n: signs.into(), value: 0, nzcv: 0, cc: Cc::Ne });
        }
        self.emit(Inst::Csel { d: d.into(), n: adjusted.into(), m: rest.into(), cc: Cc::Lt });
        Ok(d)
    }

    // ---- conditions ----

    /// The test that holds when a bool node is true. What sets the flags, if anything, is emitted right here, so the user
    /// of the test must be the next instruction. Computes the condition if it is fused or is being lowered itself.
    pub(super) fn condition(&mut self, n: NodeId) -> Lowered<Test> {
        let node = self.graph.node(n);
        let arg = |i: usize| node.args[i];
        match node.op {
            Op::ICmp(cond) => self.compare_ints(cond, arg(0), arg(1)),
            Op::FCmp(cond) => self.compare_floats(cond, arg(0), arg(1)),
            Op::InBounds => self.below(arg(0), arg(1)),
            Op::HasTag(tag) => self.has_tag(arg(0), tag),
            Op::BNot => Ok(self.test(arg(0))?.inverted()),
            Op::Truthy => self.truthy(arg(0)),
            _ => self.test(n),
        }
    }

    /// The test that holds when a bool node, computed before or fused into its user, is true.
    pub(super) fn test(&mut self, n: NodeId) -> Lowered<Test> {
        if self.demand.is_fused(n) {
            return self.condition(n);
        }
        let half = self.half(n)?;
        self.test_half(half)
    }

    fn test_half(&mut self, half: Half) -> Lowered<Test> {
        Ok(match half {
            Half::Imm(0) => Test::Never,
            Half::Imm(_) => Test::Always,
            _ => Test::NonZero(self.x(half)?),
        })
    }

    fn compare_ints(&mut self, cond: Cond, a: NodeId, b: NodeId) -> Lowered<Test> {
        let (ca, cb) = (self.constant(a)?, self.constant(b)?);
        if let (Some(x), Some(y)) = (ca, cb) {
            return Ok(if cond.holds_int(x, y) { Test::Always } else { Test::Never });
        }
        let (cond, a, b, c) = if ca.is_some() { (cond.swapped(), b, a, ca) } else { (cond, a, b, cb) };
        let n = self.half(a)?;
        let n = self.x_vreg(n)?;
        match (c, cond) {
            (Some(0), Cond::Eq) => return Ok(Test::Zero(n.into())),
            (Some(0), Cond::Ne) => return Ok(Test::NonZero(n.into())),
            (Some(value), _) if imm::is_add_immediate(value) => self.emit(Inst::CmpImm { n: n.into(), value }),
            _ => {
                let m = self.x_of(b)?;
                self.emit(Inst::Cmp { n: n.into(), m });
            }
        }
        Ok(Test::Flags(match cond {
            Cond::Eq => Cc::Eq,
            Cond::Ne => Cc::Ne,
            Cond::Lt => Cc::Lt,
            Cond::Le => Cc::Le,
            Cond::Gt => Cc::Gt,
            Cond::Ge => Cc::Ge,
        }))
    }

    /// Unsigned `a < b`.
    fn below(&mut self, a: NodeId, b: NodeId) -> Lowered<Test> {
        let n = self.x_copy(a)?;
        match self.constant(b)? {
            Some(value) if value >= 0 && imm::is_add_immediate(value) => {
                self.emit(Inst::CmpImm { n: n.into(), value });
            }
            _ => {
                let m = self.x_of(b)?;
                self.emit(Inst::Cmp { n: n.into(), m });
            }
        }
        Ok(Test::Flags(Cc::Lo))
    }

    fn has_tag(&mut self, n: NodeId, tag: Tag) -> Lowered<Test> {
        if self.layout() == Layout::NanBox {
            return self.word_has_tag(n, tag);
        }
        match (self.val(n)?.tag, tag as i64) {
            (Half::Imm(known), tag) => Ok(if known as i64 == tag { Test::Always } else { Test::Never }),
            (half, 0) => Ok(Test::Zero(self.x(half)?)),
            (half, value) => {
                let n = self.x(half)?;
                self.emit(Inst::CmpImm { n, value });
                Ok(Test::Flags(Cc::Eq))
            }
        }
    }

    fn compare_floats(&mut self, cond: Cond, a: NodeId, b: NodeId) -> Lowered<Test> {
        let n = self.d_of(a)?;
        if self.half(b)? == Half::Imm(0) {
            self.emit(Inst::FcmpZero { n: n.into() });
        } else {
            let m = self.d_of(b)?;
            self.emit(Inst::Fcmp { n: n.into(), m: m.into() });
        }
        // With NaN the flags are 0011: MI, LS, GT, GE and EQ are false then, NE is true.
        Ok(Test::Flags(match cond {
            Cond::Eq => Cc::Eq,
            Cond::Ne => Cc::Ne,
            Cond::Lt => Cc::Mi,
            Cond::Le => Cc::Ls,
            Cond::Gt => Cc::Gt,
            Cond::Ge => Cc::Ge,
        }))
    }

    /// Falsy are nil, whose payload is zero, and false, whose payload is zero: tag at most 1 and payload 0.
    fn truthy(&mut self, n: NodeId) -> Lowered<Test> {
        if self.layout() == Layout::NanBox {
            return self.word_is_truthy(n);
        }
        let val = self.val(n)?;
        match val.tag {
            Half::Imm(tag) if tag > 1 => Ok(Test::Always),
            Half::Imm(_) => self.test_half(val.payload),
            tag => {
                let tag = self.x_vreg(tag)?;
                let payload = self.x(val.payload)?;
                self.emit(Inst::CmpImm { n: tag.into(), value: 1 });
                self.emit(Inst::CcmpImm { n: payload, value: 0, nzcv: 0, cc: Cc::Ls });
                Ok(Test::Flags(Cc::Ne))
            }
        }
    }

    /// A test as 0 or 1 in a register.
    fn materialise(&mut self, test: Test) -> VReg {
        let d = self.f.vreg(Class::X);
        let cc = match test {
            Test::Always => {
                self.emit(Inst::MovImm { d: d.into(), value: 1 });
                return d;
            }
            Test::Never => {
                self.emit(Inst::MovImm { d: d.into(), value: 0 });
                return d;
            }
            test => self.flags(test),
        };
        self.emit(Inst::Cset { d: d.into(), cc });
        d
    }

    /// A test that is neither constant as flags.
    fn flags(&mut self, test: Test) -> Cc {
        let (n, cc) = match test {
            Test::Flags(cc) => return cc,
            Test::Zero(n) => (n, Cc::Eq),
            Test::NonZero(n) => (n, Cc::Ne),
            Test::Always | Test::Never => (Reg::P(ZERO), if test == Test::Always { Cc::Eq } else { Cc::Ne }),
        };
        match n {
            Reg::P(_) => self.emit(Inst::Cmp { n, m: ZERO.into() }),
            Reg::V(_) => self.emit(Inst::CmpImm { n, value: 0 }),
        }
        cc
    }

    fn select(&mut self, n: NodeId) -> Lowered<Val> {
        let node = self.graph.node(n);
        let (cond, a, b) = (node.args[0], node.args[1], node.args[2]);
        let class = node.ty.map_or(Class::X, class_of_type);
        // The arms first: making a constant must not come between compare and select.
        let (a_half, b_half) = (self.half(a)?, self.half(b)?);
        let (then, other): (Reg, Reg) = match class {
            Class::X => (self.x(a_half)?, self.x(b_half)?),
            Class::D => (self.d(a_half)?.into(), self.d(b_half)?.into()),
        };
        let test = self.test(cond)?;
        match test {
            Test::Always => return Ok(Val::typed(a_half)),
            Test::Never => return Ok(Val::typed(b_half)),
            _ => {}
        }
        let cc = self.flags(test);
        let d = self.f.vreg(class);
        self.emit(Inst::Csel { d: d.into(), n: then, m: other, cc });
        Ok(typed(d))
    }

    // ---- boxes ----

    fn unbox(&mut self, n: NodeId, ty: Type) -> Lowered<Val> {
        let payload = self.half(n)?;
        if self.layout() == Layout::NanBox {
            return self.unbox_word(payload, ty);
        }
        Ok(match (payload, class_of_type(ty)) {
            // A constant is made in the right class where it is used.
            (Half::Imm(_), _) => Val::typed(payload),
            (_, Class::D) => typed(self.d(payload)?),
            (Half::Object(_), Class::X) => Val::typed(payload),
            (_, Class::X) => typed(self.x_vreg(payload)?),
        })
    }

    // ---- memory ----

    fn load_typed(&mut self, parts: Parts, ty: Type, base: Reg, offset: i32) -> Lowered<Val> {
        match ty {
            Type::Boxed => Ok(self.load_value(parts, base, offset)),
            ty if self.layout() == Layout::NanBox => self.load_unboxed(ty, base, offset),
            ty => Ok(typed(self.load(class_of_type(ty), base, offset + layout::PAYLOAD_OFFSET as i32))),
        }
    }

    /// A word of a table object.
    fn table_part(&mut self, table: NodeId, part: TablePart) -> Lowered<VReg> {
        let base = self.x_copy(table)?.into();
        let offset = part.offset() as i32;
        if !part.is_half() {
            return Ok(self.load(Class::X, base, offset));
        }
        let d = self.f.vreg(Class::X);
        self.emit(Inst::LdrW { d: d.into(), base, offset });
        Ok(d)
    }

    /// Where a slot of a block of slots is.
    fn element(&mut self, block: NodeId, key: Key) -> Lowered<(Reg, i32)> {
        let slot_bytes = self.layout().slot_bytes();
        let base = self.x_copy(block)?;
        let constant = match key {
            Key::Constant(i) => Some(i),
            Key::Value(k) => self.constant(k)?,
        };
        if let Some(offset) = constant.and_then(|i| i.checked_mul(slot_bytes as i64))
            && let Ok(offset) = i32::try_from(offset)
        {
            return Ok((base.into(), offset));
        }
        let Key::Value(k) = key else { return Err(CodegenError::Malformed(format!("{block} has too many fields"))) };
        let k = self.x_of(k)?;
        let d = self.f.vreg(Class::X);
        let shift = slot_bytes.trailing_zeros() as u8;
        self.emit(Inst::AluLsl { op: AluOp::Add, d: d.into(), n: base.into(), m: k, shift });
        Ok((d.into(), 0))
    }

    /// The running closure, from the frame header.
    fn callee(&mut self) -> VReg {
        let header = self.layout().slot_offset(layout::FRAME_HEADER_SLOTS) as i32;
        match self.layout() {
            Layout::Tagged => self.load(Class::X, BASE.into(), layout::PAYLOAD_OFFSET as i32 - header),
            Layout::NanBox => {
                let word = self.load(Class::X, BASE.into(), -header);
                self.payload(word)
            }
        }
    }

    /// Where a global is.
    pub(super) fn global(&self, i: u32) -> Lowered<(Reg, i32)> {
        let offset = self.layout().global_offset(i.into());
        // Such a program has sixty million globals; there is no arena that holds them.
        let offset = i32::try_from(offset).map_err(|_| CodegenError::Malformed(format!("global {i}")))?;
        Ok((CONTEXT.into(), offset))
    }

    /// Address of the slot that holds an upvalue.
    fn upvalue(&mut self, i: u8) -> VReg {
        let closure = self.callee();
        let cell = self.load(Class::X, closure.into(), (layout::CLOSURE_UPVALS + 8 * u64::from(i)) as i32);
        self.load(Class::X, cell.into(), layout::UPVAL_PTR as i32)
    }
}

/// Which slot of a block.
#[derive(Clone, Copy)]
enum Key {
    Constant(i64),
    Value(NodeId),
}

/// Is a constant better added as immediates than from a register?
fn added_at_once(c: i64) -> bool {
    imm::is_add_immediate(c) || imm::is_split_add_immediate(c)
}

fn typed(v: VReg) -> Val {
    Val::typed(Half::Reg(v))
}
