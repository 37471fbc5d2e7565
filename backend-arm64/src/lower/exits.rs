//! Guards and what their exits write back.

use gscript::layout::Layout;
use gscript::value::{Tag, Value};
use gsx_ir::graph::{BlockId, NodeId, Origin, SnapshotId};
use gsx_ir::op::{Cond, Op};

use smallvec::SmallVec;

use super::{Half, Lower};
use crate::code::{CodegenError, ExitInfo, ExitKind};
use crate::mir::{Cc, Exit, ExitId, ExitValue, ExitWrite, Inst, Test};
use crate::reg::{Class, DEPTH};

impl Lower<'_> {
    /// The snapshot of a node.
    pub(super) fn snapshot_of(&self, n: NodeId) -> Result<SnapshotId, CodegenError> {
        self.graph.node(n).snapshot.ok_or_else(|| CodegenError::Malformed(format!("{n} has no snapshot")))
    }

    /// Adds an exit through a snapshot.
    pub(super) fn exit(
        &mut self,
        snapshot: SnapshotId,
        node: Option<NodeId>,
        origin: Origin,
        reason: String,
    ) -> Result<ExitId, CodegenError> {
        let (mut writes, mut raw) = (Vec::new(), SmallVec::new());
        for &(slot, v) in &self.graph.snapshot(snapshot).writes {
            if self.layout() == Layout::NanBox {
                let (write, tag) = self.exit_word(slot, v)?;
                writes.push(write);
                raw.extend(tag.map(|tag| (slot, tag)));
                continue;
            }
            let (tag, payload) = self.stored(v)?;
            writes.push(ExitWrite { slot, tag: Some(exit_value(tag)?), payload: exit_value(payload)? });
        }
        writes.sort_by_key(|w| w.slot);
        let frames = self.graph.snapshot(snapshot).frames.clone();
        let op = node.map(|n| self.graph.node(n).op);
        let speculative = matches!(op, Some(Op::GuardTag(_) | Op::Guard | Op::GuardGlobal(..)));
        let info = ExitInfo { frames, speculative, kind: ExitKind::Resume, raw, origin, reason };
        self.f.exits.push(Exit { writes, results: None, info, node });
        Ok(ExitId(self.f.exits.len() as u32 - 1))
    }

    pub(super) fn exit_at_end(&mut self, b: BlockId, s: SnapshotId) -> Result<ExitId, CodegenError> {
        let origin = self.graph.block(b).origin;
        let exit = self.exit(s, None, origin, "this path is not compiled".into())?;
        if self.unit.loop_end(s).is_some() {
            let info = &mut self.f.exits[exit.0 as usize].info;
            (info.kind, info.reason) = (ExitKind::LoopEnd, "the loop is over".into());
        }
        Ok(exit)
    }

    pub(super) fn guard_tag(&mut self, n: NodeId, tag: Tag) -> Result<(), CodegenError> {
        let value = self.graph.node(n).args[0];
        if self.layout() == Layout::NanBox {
            return self.guard_word(n, value, tag);
        }
        let test = match self.val(value)?.tag {
            Half::Imm(known) if known == tag as u64 => return Ok(()),
            Half::Imm(_) => Test::Always,
            half => {
                let reg = self.x_vreg(half)?.into();
                match tag as i64 {
                    0 => Test::NonZero(reg),
                    expected => {
                        self.emit(Inst::CmpImm { n: reg, value: expected });
                        Test::Flags(Cc::Ne)
                    }
                }
            }
        };
        let reason = format!("{} is not {tag}", self.describe_operand(value));
        self.leave_if(test, n, reason)
    }

    fn guard_word(&mut self, n: NodeId, value: NodeId, tag: Tag) -> Result<(), CodegenError> {
        let reason = format!("{} is not {tag}", self.describe_operand(value));
        let word = self.half(value)?;
        if let (Half::Reg(v), Tag::Float) = (word, tag)
            && self.f.class(v) == Class::D
        {
            return self.guard_float(n, v, reason);
        }
        match self.half_has_tag(word, tag)?.inverted() {
            Test::Never => Ok(()),
            test => self.leave_if(test, n, reason),
        }
    }

    pub(super) fn guard(&mut self, n: NodeId) -> Result<(), CodegenError> {
        let cond = self.graph.node(n).args[0];
        let test = self.test(cond)?.inverted();
        if test == Test::Never {
            return Ok(());
        }
        let reason = self.describe_failure(cond);
        self.leave_if(test, n, reason)
    }

    pub(super) fn guard_global(&mut self, n: NodeId, i: u32, f: Value) -> Result<(), CodegenError> {
        let (base, offset) = self.global(i)?;
        let name = self.unit.program.globals.get(i as usize).cloned().unwrap_or_else(|| i.to_string());
        let reason = format!("global {name} is another function now");
        if self.layout() == Layout::NanBox {
            let word = self.load(Class::X, base, offset);
            let expected = self.x_vreg(Half::Tagged(f.tag, f.bits))?;
            self.emit(Inst::Cmp { n: word.into(), m: expected.into() });
            return self.leave_if(Test::Flags(Cc::Ne), n, reason);
        }
        let (tag, payload) = self.load_pair(base, offset);
        let expected = self.x_vreg(Half::Object(f.bits))?;
        self.emit(Inst::Cmp { n: payload.into(), m: expected.into() });
        self.emit(Inst::CcmpImm { n: tag.into(), value: f.tag as u8, nzcv: 0, cc: Cc::Eq });
        self.leave_if(Test::Flags(Cc::Ne), n, reason)
    }

    pub(super) fn guard_depth(&mut self, n: NodeId, frames: u8) -> Result<(), CodegenError> {
        let test = match frames {
            0 => return Ok(()),
            1 => Test::Zero(DEPTH.into()),
            frames => {
                self.emit(Inst::CmpImm { n: DEPTH.into(), value: frames.into() });
                Test::Flags(Cc::Lo)
            }
        };
        self.leave_if(test, n, "too many frames".into())
    }

    pub(super) fn leave_if(&mut self, test: Test, n: NodeId, reason: String) -> Result<(), CodegenError> {
        let snapshot = self.snapshot_of(n)?;
        let origin = self.graph.node(n).origin;
        let exit = self.exit(snapshot, Some(n), origin, reason)?;
        self.emit(Inst::BranchExit { test, exit });
        Ok(())
    }

    /// What it means, for people, that a condition is false.
    fn describe_failure(&self, n: NodeId) -> String {
        let node = self.graph.node(n);
        let arg = |i: usize| self.describe_operand(node.args[i]);
        match node.op {
            Op::ICmp(c) | Op::FCmp(c) => format!("{} {} {} does not hold", arg(0), sign(c), arg(1)),
            Op::BNot => format!("{} is true", arg(0)),
            Op::Truthy => format!("{} is nil or false", arg(0)),
            _ => format!("{} is false", self.describe_operand(n)),
        }
    }

    fn describe_operand(&self, n: NodeId) -> String {
        let node = self.graph.node(n);
        match node.op {
            Op::SlotLoad(slot, _) => self.describe_slot(slot, node.origin),
            Op::GlobalLoad(i) => match self.unit.program.globals.get(i as usize) {
                Some(name) => format!("global {name}"),
                None => format!("global {i}"),
            },
            Op::UpvalLoad(i) => match self.unit.bytecode().upvals.get(i as usize) {
                Some(u) => format!("upvalue {}", u.name),
                None => format!("upvalue {i}"),
            },
            Op::IConst(v) => v.to_string(),
            Op::FConst(bits) => format!("{:?}", f64::from_bits(bits)),
            Op::BConst(v) => v.to_string(),
            Op::BoxedConst(v) => format!("the {} constant", v.tag),
            Op::Unbox(_) | Op::Box | Op::IntToFloat => self.describe_operand(node.args[0]),
            Op::TagOf => format!("tag of {}", self.describe_operand(node.args[0])),
            Op::Callee => "the running function".into(),
            _ => n.to_string(),
        }
    }

    /// A slot by the register, and the local variable, that it is in the activation that it belongs to.
    fn describe_slot(&self, slot: u16, at: Origin) -> String {
        let frames = self.graph.frames_at(at, None);
        let Some(frame) = frames.iter().rev().find(|f| f.base <= slot) else { return format!("R{slot}") };
        let register = slot - frame.base;
        let proto = self.unit.program.proto(frame.proto);
        let local = u8::try_from(register).ok().and_then(|reg| proto.local_name(reg, frame.pc as usize));
        local.map_or_else(|| format!("R{register}"), |name| format!("{name} (R{register})"))
    }
}

fn sign(c: Cond) -> &'static str {
    match c {
        Cond::Eq => "==",
        Cond::Ne => "!=",
        Cond::Lt => "<",
        Cond::Le => "<=",
        Cond::Gt => ">",
        Cond::Ge => ">=",
    }
}

fn exit_value(half: Half) -> Result<ExitValue, CodegenError> {
    Ok(match half {
        Half::Imm(v) => ExitValue::Imm(v),
        Half::Object(offset) => ExitValue::Object(offset),
        Half::Tagged(tag, offset) => ExitValue::Tagged(tag, offset),
        Half::Reg(v) => ExitValue::Reg(v),
        Half::Wide(_) | Half::Unused => {
            return Err(CodegenError::Malformed("an exit needs an unused half".into()));
        }
    })
}
