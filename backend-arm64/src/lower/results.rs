//! Lowering of what calls give back.

use gscript::bytecode::Op as Bytecode;
use gscript::layout::Layout;
use gscript::nanbox;
use gscript::value::Tag;
use gsx_ir::analysis::liveness::bytecode_liveness;
use gsx_ir::graph::NodeId;
use gsx_ir::op::{CallKind, CallResults, Op};

use super::{Half, Lower, Parts, Val};
use crate::code::{CodegenError, ExitKind};
use crate::mir::{Cc, ExitId, Inst, Test, VReg};
use crate::reg::Class;

impl Lower<'_> {
    /// What a call gave that returns slots: their number and the address of the first.
    pub(super) fn slot_results(
        &mut self,
        n: NodeId,
        a: u8,
        results: CallResults,
        kind: CallKind,
        count: VReg,
        addr: VReg,
    ) -> Result<(), CodegenError> {
        let own = kind.is_self();
        match results {
            CallResults::Expect(wanted) => {
                if !(own && self.returns.exactly(wanted)) {
                    self.expect_results(n, a, wanted, count, addr)?;
                }
                self.copy_results(a, wanted, addr);
            }
            CallResults::Fixed(0) => {}
            CallResults::Fixed(wanted) if own && self.returns.min >= u32::from(wanted) => {
                self.copy_results(a, wanted, addr);
            }
            CallResults::Fixed(wanted) => self.fill_results(a, wanted, count, addr)?,
            CallResults::ExpectValue => {
                let certain = own && self.returns.exactly(1);
                if !certain {
                    self.expect_results(n, a, 1, count, addr)?;
                }
                let val = self.first_result(n, true, count, addr);
                self.values[n.0 as usize] = Some(val);
            }
            CallResults::Value => {
                let val = self.first_result(n, own && self.returns.min >= 1, count, addr);
                self.values[n.0 as usize] = Some(val);
            }
        }
        Ok(())
    }

    /// The first result, or nil where there is none.
    fn first_result(&mut self, n: NodeId, certain: bool, count: VReg, addr: VReg) -> Val {
        let parts = self.demand.parts(n);
        if parts.is_empty() {
            return Val::typed(Half::Unused);
        }
        if certain {
            return self.load_value(parts, addr.into(), 0);
        }
        let class = if parts.prefers_d() { Class::D } else { Class::X };
        let tag = parts.wants_tag(self.layout()).then(|| self.f.vreg(Class::X));
        let payload = parts.has(Parts::PAYLOAD).then(|| self.f.vreg(class));
        let (usual, none, behind) = (self.new_block(false), self.new_block(true), self.new_block(false));
        self.emit(Inst::Branch { test: Test::Zero(count.into()), then: none, other: usual });
        self.cur = usual;
        let loaded = self.load_value(parts, addr.into(), 0);
        let both = [(tag, loaded.tag), (payload, loaded.payload)];
        let moves = both.iter().filter_map(|&(d, s)| match (d, s) {
            (Some(d), Half::Reg(s)) => Some((d, s)),
            _ => None,
        });
        let moves = moves.collect();
        self.emit(Inst::ParallelMove { moves });
        self.emit(Inst::Jump { to: behind });
        self.cur = none;
        let nil_bits = if self.layout() == Layout::Tagged { 0 } else { nanbox::NIL };
        let mut moves = Vec::new();
        for d in [tag, payload].into_iter().flatten() {
            let nil = self.f.vreg(self.f.class(d));
            self.emit(match self.f.class(d) {
                Class::X => Inst::MovImm { d: nil.into(), value: nil_bits },
                Class::D => Inst::FmovImm { d: nil.into(), bits: nil_bits },
            });
            moves.push((d, nil));
        }
        self.emit(Inst::ParallelMove { moves });
        self.emit(Inst::Jump { to: behind });
        self.cur = behind;
        let half = |v: Option<VReg>| v.map_or(Half::Unused, Half::Reg);
        Val { tag: half(tag), payload: half(payload) }
    }

    /// What a call at the self entry gave that returns a value in a register.
    pub(super) fn value_result(
        &mut self,
        n: NodeId,
        a: u8,
        results: CallResults,
        tag: Tag,
        (count, addr, float): (VReg, VReg, Option<VReg>),
    ) -> Result<(), CodegenError> {
        let exit = self.exit_behind_call(n, a, count, addr, format!("the call does not return one {tag}"))?;
        let frame = self.graph.node(n).origin.frame;
        let distance = self.layout().slot_offset(self.unit.callee_base(frame).into()) as u32;
        self.emit(Inst::LandingPad { exit, distance });
        let from = float.unwrap_or(count);
        let value = self.f.vreg(self.f.class(from));
        self.emit(Inst::Mov { d: value.into(), s: from.into() });
        if results.is_value() {
            self.values[n.0 as usize] = Some(Val::typed(Half::Reg(value)));
            return Ok(());
        }
        for i in 0..results.count() {
            let (base, offset) = self.slot(u16::from(a) + u16::from(i));
            match self.layout() {
                _ if i > 0 => self.store_nil(base, offset)?,
                Layout::Tagged => {
                    let tag = self.x(Half::Imm(tag as u64))?;
                    self.store_pair(tag, value.into(), base, offset);
                }
                Layout::NanBox => {
                    let word = self.word_of(tag, Half::Reg(value))?;
                    let s = self.any(word)?;
                    self.emit(Inst::Str { s, base, offset });
                }
            }
        }
        Ok(())
    }

    /// An exit behind a call whose results were not what was expected: the host puts them where the call instruction wants
    /// them, so of the frame's slots only those matter that are live behind it.
    fn exit_behind_call(
        &mut self,
        n: NodeId,
        a: u8,
        count: VReg,
        addr: VReg,
        reason: String,
    ) -> Result<ExitId, CodegenError> {
        let snapshot = self.snapshot_of(n)?;
        let origin = self.graph.node(n).origin;
        let frames = &self.graph.snapshot(snapshot).frames;
        let Some(frame) = frames.last().copied() else {
            return Err(CodegenError::Malformed(format!("{n} has a snapshot without frames")));
        };
        let proto = self.unit.program.proto(frame.proto);
        let live = self.live.get_or_insert_with(frame.proto, || bytecode_liveness(proto));
        let behind = live.get(frame.pc as usize + 1).copied().unwrap_or_default();
        let open = matches!(self.graph.node(n).op, Op::Call { results, .. } if results.is_expectation());
        let kind = match proto.code.get(frame.pc as usize) {
            Some(inst) if !open && inst.op == Bytecode::Call && inst.c != 0 => {
                ExitKind::Results { a: inst.a, count: inst.c - 1 }
            }
            _ => ExitKind::OpenResults { a: (u16::from(a) - frame.base) as u8 },
        };
        let exit = self.exit(snapshot, Some(n), origin, reason)?;
        self.f.exits[exit.0 as usize].info.speculative = true;
        let data = &mut self.f.exits[exit.0 as usize];
        let matters =
            |slot: u16| slot < frame.base || slot < u16::from(a) && (open || behind.contains(slot - frame.base));
        data.writes.retain(|w| matters(w.slot));
        data.info.raw.retain(|&mut (slot, _)| matters(slot));
        data.results = Some((count, addr));
        data.info.kind = kind;
        Ok(exit)
    }

    fn copy_result(&mut self, a: u8, i: u8, addr: VReg) {
        let from = self.layout().slot_offset(i.into()) as i32;
        let to = self.slot(u16::from(a) + u16::from(i));
        self.copy_slot((addr.into(), from), to);
    }

    fn copy_results(&mut self, a: u8, n: u8, addr: VReg) {
        for i in 0..n {
            self.copy_result(a, i, addr);
        }
    }

    /// Leaves unless there are exactly `expected` results. The exit lies behind the call: slots from `a` on no longer
    /// matter, the host fills them.
    fn expect_results(&mut self, n: NodeId, a: u8, expected: u8, count: VReg, addr: VReg) -> Result<(), CodegenError> {
        let test = match expected {
            0 => Test::NonZero(count.into()),
            n => {
                self.emit(Inst::CmpImm { n: count.into(), value: n.into() });
                Test::Flags(Cc::Ne)
            }
        };
        let plural = if expected == 1 { "" } else { "s" };
        let reason = format!("the call does not return {expected} value{plural}");
        let exit = self.exit_behind_call(n, a, count, addr, reason)?;
        self.emit(Inst::BranchExit { test, exit });
        Ok(())
    }

    /// Copies the first `wanted` results; out of line, where there are fewer, the missing ones are nil.
    fn fill_results(&mut self, a: u8, wanted: u8, count: VReg, addr: VReg) -> Result<(), CodegenError> {
        let behind = self.new_block(false);
        let usual = self.new_block(false);
        let mut unusual = self.new_block(true);
        let test = match wanted {
            1 => Test::Zero(count.into()),
            n => {
                self.emit(Inst::CmpImm { n: count.into(), value: n.into() });
                Test::Flags(Cc::Lo)
            }
        };
        self.emit(Inst::Branch { test, then: unusual, other: usual });

        self.cur = usual;
        self.copy_results(a, wanted, addr);
        self.emit(Inst::Jump { to: behind });

        // Copy while there are results, then go to the right place in the row of nil stores.
        let nils: Vec<_> = (0..wanted).map(|_| self.new_block(true)).collect();
        for i in 0..wanted - 1 {
            self.cur = unusual;
            let copy = self.new_block(true);
            let test = if i == 0 {
                Test::Zero(count.into())
            } else {
                self.emit(Inst::CmpImm { n: count.into(), value: i.into() });
                Test::Flags(Cc::Ls)
            };
            self.emit(Inst::Branch { test, then: nils[i as usize], other: copy });
            self.cur = copy;
            self.copy_result(a, i, addr);
            unusual = copy;
        }
        self.cur = unusual;
        self.emit(Inst::Jump { to: nils[wanted as usize - 1] });
        for i in 0..wanted {
            self.cur = nils[i as usize];
            let (base, offset) = self.slot(u16::from(a) + u16::from(i));
            self.store_nil(base, offset)?;
            let to = nils.get(i as usize + 1).copied().unwrap_or(behind);
            self.emit(Inst::Jump { to });
        }
        self.cur = behind;
        Ok(())
    }
}
