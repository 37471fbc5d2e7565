//! Lowering of calls, to GScript code and to the host.

use gscript::layout::{self, Layout};
use gscript::value::Tag;
use gsx_ir::graph::{NodeId, Origin};
use gsx_ir::op::{CallKind, CallResults};
use gsx_ir::unit::FrameStyle;

use super::{Half, Lower};
use crate::code::CodegenError;
use crate::emit::imm;
use crate::host::HostCall;
use crate::mir::{CallInst, CallTarget, Cc, Inst, Reg, Test, VReg};
use crate::reg::{BASE, Class, DEPTH, PReg, RESULT_ADDR, RESULT_COUNT, SCRATCH};

/// A callee in registers.
#[derive(Clone, Copy)]
struct Callee {
    /// The first word of its slot.
    first: Reg,
    /// The second word of its slot, if it has one.
    second: Option<Reg>,
    /// Address of the closure.
    address: Reg,
}

impl Lower<'_> {
    pub(super) fn call(
        &mut self,
        n: NodeId,
        a: u8,
        nargs: u8,
        results: CallResults,
        kind: CallKind,
    ) -> Result<(), CodegenError> {
        let args = self.graph.node(n).args.clone();
        let generic = kind == CallKind::Generic;
        let callee = if generic { Some(self.checked_callee(n, a, args.first().copied())?) } else { None };
        let frame = self.graph.node(n).origin.frame;
        let nesting = self.graph.nesting(frame);
        let no_room = match nesting {
            0 => Test::Zero(DEPTH.into()),
            _ => {
                self.emit(Inst::CmpImm { n: DEPTH.into(), value: nesting.into() });
                Test::Flags(Cc::Ls)
            }
        };
        self.leave_if(no_room, n, "too many frames".into())?;

        let distance = self.layout().slot_offset(self.unit.callee_base(frame).into()) as i32;
        let mut registers = Vec::new();
        if kind == CallKind::SelfEntry {
            registers = self.self_entry_arguments(a, nargs, &args, distance)?;
        } else if let (Some(callee), true) = (callee, args.is_empty()) {
            self.copy_arguments(a, nargs, distance, callee);
        } else {
            self.copy_frame(a, nargs, &args, distance)?;
        }
        let target = match (kind, callee) {
            (CallKind::SelfEntry, _) => CallTarget::SelfEntry,
            (CallKind::SelfCall, _) if nargs >= self.unit.bytecode().nparams => CallTarget::Fixed,
            (CallKind::SelfCall, _) | (_, None) => CallTarget::Generic,
            (_, Some(callee)) => {
                let record = self.load(Class::X, callee.address, layout::CLOSURE_FUNC as i32);
                let offset = layout::FUNC_CODE as i32;
                self.emit(Inst::Ldr { d: SCRATCH.into(), base: record.into(), offset });
                CallTarget::Address(SCRATCH.into())
            }
        };
        let result = self.f.self_entry.filter(|_| kind == CallKind::SelfEntry).and_then(|e| e.result);
        let call = CallInst {
            target,
            distance: distance as u32,
            frames: nesting + 1,
            nargs,
            args: registers,
            count: self.f.fixed(RESULT_COUNT),
            addr: self.f.fixed(RESULT_ADDR),
            float: (result == Some(Tag::Float)).then(|| self.f.fixed(PReg::d(0))),
            destroys_all: kind == CallKind::SelfEntry && self.unit.frames == FrameStyle::Compact,
        };
        let (count, addr, float) = (call.count, call.addr, call.float);
        self.emit(Inst::Call(call));
        match result {
            Some(tag) => self.value_result(n, a, results, tag, (count, addr, float)),
            None => self.slot_results(n, a, results, kind, count, addr),
        }
    }

    /// The callee of a generic call: leaves if it is no function.
    fn checked_callee(&mut self, n: NodeId, a: u8, given: Option<NodeId>) -> Result<Callee, CodegenError> {
        if self.layout() == Layout::NanBox {
            return self.checked_callee_word(n, a, given);
        }
        let (tag, function) = match given {
            None => {
                let (base, slot) = self.slot(a.into());
                let (tag, function) = self.load_pair(base, slot);
                (Half::Reg(tag), Half::Reg(function))
            }
            Some(callee) => self.stored(callee)?,
        };
        let test = match tag {
            Half::Imm(known) if known == Tag::Function as u64 => Test::Never,
            Half::Imm(_) => Test::Always,
            tag => {
                let tag = self.x_vreg(tag)?;
                self.emit(Inst::CmpImm { n: tag.into(), value: Tag::Function as i64 });
                Test::Flags(Cc::Ne)
            }
        };
        if test != Test::Never {
            self.leave_if(test, n, format!("R{a} is not a function"))?;
        }
        let (tag, address) = (self.x(tag)?, self.any(function)?);
        Ok(Callee { first: tag, second: Some(address), address })
    }

    fn checked_callee_word(&mut self, n: NodeId, a: u8, given: Option<NodeId>) -> Result<Callee, CodegenError> {
        let word = match given {
            None => {
                let (base, slot) = self.slot(a.into());
                Half::Reg(self.load(Class::X, base, slot))
            }
            Some(callee) => self.word(callee)?,
        };
        let test = self.half_has_tag(word, Tag::Function)?.inverted();
        if test != Test::Never {
            self.leave_if(test, n, format!("R{a} is not a function"))?;
        }
        let first = self.x_vreg(word)?;
        let address = self.payload(first).into();
        Ok(Callee { first: first.into(), second: None, address })
    }

    /// Copies callee and arguments to where the callee's frame begins, its header and its first slots: from the slots
    /// from `a` on, or from `args` if there are any.
    pub(super) fn copy_frame(&mut self, a: u8, nargs: u8, args: &[NodeId], distance: i32) -> Result<(), CodegenError> {
        if args.is_empty() {
            let (base, slot) = self.slot(a.into());
            let callee = match self.layout() {
                Layout::Tagged => {
                    let (tag, function) = self.load_pair(base, slot);
                    Callee { first: tag.into(), second: Some(function.into()), address: function.into() }
                }
                Layout::NanBox => {
                    let first = self.load(Class::X, base, slot).into();
                    Callee { first, second: None, address: first }
                }
            };
            self.copy_arguments(a, nargs, distance, callee);
            return Ok(());
        }
        let (to, start) = self.frame_start(nargs, distance);
        for (i, &v) in args.iter().take(usize::from(nargs) + 1).enumerate() {
            self.store_value(v, to, start + self.layout().slot_offset(i as u64) as i32)?;
        }
        Ok(())
    }

    /// Base register and offset of a callee's header.
    fn frame_start(&mut self, nargs: u8, distance: i32) -> (Reg, i32) {
        let slots = |n: u64| self.layout().slot_offset(n) as i32;
        let header = distance - slots(layout::FRAME_HEADER_SLOTS);
        let last = header + slots(nargs.into());
        // Pairs reach 504 bytes from their base. Past that a second base does, for one more instruction.
        if imm::pair_offset_fits(last.into()) {
            return (BASE.into(), header);
        }
        let d = self.f.vreg(Class::X);
        self.emit(Inst::AddImm { d: d.into(), n: BASE.into(), offset: header.into() });
        (d.into(), 0)
    }

    /// Copies a callee that is in registers, and the arguments behind slot `a`, to where the callee's frame begins.
    fn copy_arguments(&mut self, a: u8, nargs: u8, distance: i32, callee: Callee) {
        let (to, start) = self.frame_start(nargs, distance);
        match callee.second {
            Some(second) => self.store_pair(callee.first, second, to, start),
            None => self.emit(Inst::Str { s: callee.first, base: to, offset: start }),
        }
        for i in 1..=u16::from(nargs) {
            let from = self.slot(u16::from(a) + i);
            self.copy_slot(from, (to, start + self.layout().slot_offset(i.into()) as i32));
        }
    }

    // ---- the host ----

    fn instruction_word(&self) -> u64 {
        let Origin { proto, pc, .. } = self.origin.unwrap_or(Origin::new(self.unit.proto, 0));
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
