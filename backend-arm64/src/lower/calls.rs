//! Lowering of calls, to GScript code and to the host.

use gscript::layout;
use gscript::value::Tag;
use gsx_ir::graph::{NodeId, Origin};
use gsx_ir::op::{CallKind, CallResults};

use super::Lower;
use crate::code::{CodegenError, ExitKind};
use crate::emit::imm;
use crate::host::HostCall;
use crate::mir::{CallTarget, Cc, Inst, Reg, Test, VReg};
use crate::reg::{BASE, Class, DEPTH, RESULT_ADDR, RESULT_COUNT, SCRATCH, ZERO};

const SLOT: i32 = layout::SLOT_BYTES as i32;

impl Lower<'_> {
    pub(super) fn call(
        &mut self,
        n: NodeId,
        a: u8,
        nargs: u8,
        results: CallResults,
        kind: CallKind,
    ) -> Result<(), CodegenError> {
        let (base, slot) = self.slot(a.into());
        let callee = match kind {
            CallKind::Generic => {
                let (tag, function) = self.load_pair(base, slot);
                self.emit(Inst::CmpImm { n: tag.into(), value: Tag::Function as i64 });
                self.leave_if(Test::Flags(Cc::Ne), n, format!("R{a} is not a function"))?;
                Some((tag, function))
            }
            CallKind::SelfCall => None,
        };
        self.leave_if(Test::Zero(DEPTH.into()), n, "too many frames".into())?;

        let distance = layout::callee_distance(u64::from(self.unit.frame_slots)) as i32;
        let (tag, function) = match callee {
            Some(pair) => pair,
            None => self.load_pair(base, slot),
        };
        self.copy_arguments(a, nargs, distance, tag, function);

        let target = match kind {
            CallKind::Generic => {
                let record = self.load(Class::X, function.into(), layout::CLOSURE_FUNC as i32);
                let offset = layout::FUNC_CODE as i32;
                self.emit(Inst::Ldr { d: SCRATCH.into(), base: record.into(), offset });
                CallTarget::Address(SCRATCH.into())
            }
            CallKind::SelfCall if nargs >= self.unit.bytecode().nparams => CallTarget::Fixed,
            CallKind::SelfCall => CallTarget::Generic,
        };
        let count = self.f.fixed(RESULT_COUNT);
        let addr = self.f.fixed(RESULT_ADDR);
        self.emit(Inst::Call { target, distance: distance as u32, nargs, count, addr });

        let own = kind == CallKind::SelfCall;
        match results {
            CallResults::Expect(n_results) => {
                if !(own && self.returns.exactly(n_results)) {
                    self.expect_results(n, a, n_results, count, addr)?;
                }
                self.copy_results(a, n_results, addr);
            }
            CallResults::Fixed(0) => {}
            CallResults::Fixed(wanted) if own && self.returns.min >= u32::from(wanted) => {
                self.copy_results(a, wanted, addr);
            }
            CallResults::Fixed(wanted) => self.fill_results(a, wanted, count, addr),
        }
        Ok(())
    }

    /// Copies callee and arguments to where the callee's frame begins: its header and its first slots.
    fn copy_arguments(&mut self, a: u8, nargs: u8, distance: i32, tag: VReg, function: VReg) {
        let header = distance - layout::FRAME_HEADER_SLOTS as i32 * SLOT;
        let last = header + i32::from(nargs) * SLOT;
        // Pairs reach 504 bytes from their base. Past that a second base does, for one more instruction.
        let (to, start): (Reg, i32) = if imm::pair_offset_fits(last.into()) {
            (BASE.into(), header)
        } else {
            let d = self.f.vreg(Class::X);
            self.emit(Inst::AddImm { d: d.into(), n: BASE.into(), offset: header.into() });
            (d.into(), 0)
        };
        self.store_pair(tag.into(), function.into(), to, start);
        for i in 1..=i32::from(nargs) {
            let (base, offset) = self.slot(u16::from(a) + i as u16);
            let (tag, payload) = self.load_pair(base, offset);
            self.store_pair(tag.into(), payload.into(), to, start + i * SLOT);
        }
    }

    fn copy_result(&mut self, a: u8, i: u8, addr: VReg) {
        let (tag, payload) = self.load_pair(addr.into(), i32::from(i) * SLOT);
        let (base, offset) = self.slot(u16::from(a) + u16::from(i));
        self.store_pair(tag.into(), payload.into(), base, offset);
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
        let snapshot = self.snapshot_of(n)?;
        let origin = self.graph.node(n).origin;
        let exit = self.exit(snapshot, Some(n), origin, reason)?;
        let data = &mut self.f.exits[exit.0 as usize];
        data.writes.retain(|&(slot, _, _)| slot < u16::from(a));
        data.results = Some((count, addr));
        data.info.kind = ExitKind::OpenResults { a };
        self.emit(Inst::BranchExit { test, exit });
        Ok(())
    }

    /// Copies the first `wanted` results; out of line, where there are fewer, the missing ones are nil.
    fn fill_results(&mut self, a: u8, wanted: u8, count: VReg, addr: VReg) {
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
            self.store_pair(ZERO.into(), ZERO.into(), base, offset);
            let to = nils.get(i as usize + 1).copied().unwrap_or(behind);
            self.emit(Inst::Jump { to });
        }
        self.cur = behind;
    }

    // ---- the host ----

    fn instruction_word(&self) -> u64 {
        let Origin { proto, pc } = self.origin.unwrap_or(Origin { proto: self.unit.proto, pc: 0 });
        u64::from(proto.0) << 32 | u64::from(pc)
    }

    pub(super) fn host_step(&mut self) -> Result<(), CodegenError> {
        let x0 = self.instruction_word();
        self.emit(Inst::Host { call: HostCall::Step, x0, result: None });
        Ok(())
    }

    pub(super) fn host_close(&mut self) -> Result<(), CodegenError> {
        self.emit(Inst::Host { call: HostCall::Close, x0: 0, result: None });
        Ok(())
    }

    pub(super) fn host_compare(&mut self) -> Result<VReg, CodegenError> {
        let x0 = self.instruction_word();
        let result = self.f.fixed(RESULT_COUNT);
        self.emit(Inst::Host { call: HostCall::Compare, x0, result: Some(result) });
        let d = self.f.vreg(Class::X);
        self.emit(Inst::Mov { d: d.into(), s: result.into() });
        Ok(d)
    }
}
