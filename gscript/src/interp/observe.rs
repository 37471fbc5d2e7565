//! Type feedback: what the profiling variant of the interpreter loop records.

use super::Vm;
use super::frame::{CallInfo, Helper, ProtoRt};
use crate::bytecode::{Inst, Op, Program, Proto};
use crate::heap::shapes::DICTIONARY;
use crate::profile::{BuiltinTarget, CallTarget, FieldAccess, Profile, ProtoProfile, ResultCount, SiteFeedback};
use crate::value::{Tag, Value};

/// A profile in which nothing was seen.
pub(super) fn empty_profile(program: &Program) -> Profile {
    Profile { protos: program.protos.iter().map(empty_function).collect() }
}

/// The same of one function.
pub(super) fn empty_function(p: &Proto) -> ProtoProfile {
    ProtoProfile {
        calls: 0,
        back_edges: 0,
        params: vec![Default::default(); p.nparams as usize],
        sites: vec![SiteFeedback::default(); p.code.len()],
    }
}

impl Vm {
    fn site(&mut self, ci: &CallInfo) -> Option<&mut SiteFeedback> {
        // SAFETY: `rt` lives as long as its frames.
        let rt = unsafe { &*ci.rt };
        if rt.helper != Helper::None {
            return None;
        }
        self.profile.protos.get_mut(rt.id.index())?.sites.get_mut(ci.current_pc())
    }

    /// A function of the program was entered with its parameters in place.
    pub(super) fn observe_entry(&mut self, rt: *mut ProtoRt, base: *mut u8) {
        // SAFETY: the pointers in `protos` are live.
        let rt = unsafe { &*rt };
        if rt.helper != Helper::None {
            return;
        }
        let slots = self.slots();
        let Some(p) = self.profile.protos.get_mut(rt.id.index()) else { return };
        p.calls += 1;
        for (i, set) in p.params.iter_mut().enumerate() {
            // SAFETY: parameters are registers of the frame.
            set.insert(unsafe { slots.load(base.add(i * slots.size())) }.tag);
        }
    }

    /// `inst`, the innermost frame's, is about to run.
    pub(super) fn observe_before(&mut self, ci: &CallInfo, inst: Inst) {
        // SAFETY: operands are registers of the frame.
        let reg = |i: u8| unsafe { self.slots().load(ci.base.add(i as usize * self.slots().size())) };
        let (lhs, rhs) = match inst.op {
            Op::Add | Op::Sub | Op::Mul | Op::Div | Op::Mod | Op::Pow | Op::Eq | Op::Lt | Op::Le | Op::GetTable => {
                (Some(reg(inst.b)), Some(reg(inst.c)))
            }
            Op::SetTable => (Some(reg(inst.a)), Some(reg(inst.b))),
            Op::SetField => (Some(reg(inst.a)), None),
            Op::GetField | Op::SelfGet | Op::Unm | Op::Not | Op::Len | Op::TestSet => (Some(reg(inst.b)), None),
            Op::Test => (Some(reg(inst.a)), None),
            Op::ForPrepLt | Op::ForPrepLe | Op::ForLoopLt | Op::ForLoopLe => (Some(reg(inst.a)), Some(reg(inst.a + 1))),
            _ => (None, None),
        };
        let target = match inst.op {
            Op::Call => Some(self.call_target(reg(inst.a))),
            _ => None,
        };
        let lhs = match inst.op {
            // The first argument, if there surely is one.
            Op::Call if inst.b >= 2 => Some(reg(inst.a + 1)),
            _ => lhs,
        };
        let field = match (inst.op, lhs) {
            (Op::GetField | Op::SetField | Op::SelfGet, Some(table)) if table.tag == Tag::Table => {
                Some(self.field_access(ci, inst, table.bits))
            }
            _ => None,
        };
        let beyond = match (lhs, rhs) {
            (Some(table), key) if table.tag == Tag::Table => self.goes_beyond(inst.op, table.bits, key),
            _ => false,
        };
        let Some(site) = self.site(ci) else { return };
        site.count = site.count.saturating_add(1);
        if let Some(v) = lhs {
            site.lhs.insert(v.tag);
        }
        if let Some(v) = rhs {
            site.rhs.insert(v.tag);
        }
        site.beyond |= beyond;
        match field {
            Some(Some(access)) => site.fields.insert(access),
            Some(None) => site.fields.many = true,
            None => {}
        }
        if let Some(t) = target {
            site.target = match site.target {
                CallTarget::None => t,
                seen if seen == t => t,
                _ => CallTarget::Many,
            };
        }
    }

    fn call_target(&self, f: Value) -> CallTarget {
        if f.tag != Tag::Function {
            return CallTarget::Many;
        }
        match self.proto_of(f) {
            // SAFETY: the pointers in `protos` are live.
            Some(rt) => CallTarget::Proto(unsafe { (*rt).id }),
            None => match self.builtin_index(f.bits) {
                Some(index) => {
                    CallTarget::Builtin(BuiltinTarget { index, closure: f.bits.wrapping_sub(self.heap.guest_base()) })
                }
                None => CallTarget::Many,
            },
        }
    }

    /// Where the field of an instruction is in a table; none if the table has no shape.
    fn field_access(&self, ci: &CallInfo, inst: Inst, table: u64) -> Option<FieldAccess> {
        // SAFETY: `rt` lives as long as its frames.
        let key = unsafe { &*ci.rt }.consts().get(inst.imm as usize).copied().filter(|k| k.tag == Tag::Str)?.bits;
        let shape = self.heap.shape_of(table);
        if shape == DICTIONARY {
            return None;
        }
        let shapes = self.heap.shapes();
        let slot = shapes.slot(shape, key);
        if slot.is_some() || inst.op != Op::SetField {
            return Some(FieldAccess { shape, slot, grows_to: None });
        }
        let grows_to = shapes.known_child(shape, key);
        let slot = grows_to.and_then(|child| shapes.slot(child, key));
        Some(FieldAccess { shape, slot, grows_to })
    }

    /// Does an access to a table's array part, or asking for its length, need more than that part?
    fn goes_beyond(&self, op: Op, table: u64, key: Option<Value>) -> bool {
        let len = self.heap.array_extent(table);
        match (op, key) {
            (Op::GetTable, Some(k)) if k.tag == Tag::Int => k.bits >= u64::from(len),
            (Op::SetTable, Some(k)) if k.tag == Tag::Int => k.bits >= u64::from(len) || self.heap.metatable(table) != 0,
            (Op::Len, _) => {
                let last = i64::from(len) - 1;
                last < 0 || self.heap.metatable(table) != 0 || self.heap.get_int(table, last).is_nil()
            }
            _ => false,
        }
    }

    /// The innermost frame's instruction has loaded a value into `R[a]`.
    pub(super) fn observe_loaded(&mut self, a: u8) {
        let Some(ci) = self.frames.last().copied() else { return };
        // SAFETY: `a` is a register of the frame.
        let tag = unsafe { self.slots().load(ci.base.add(a as usize * self.slots().size())) }.tag;
        if let Some(site) = self.site(&ci) {
            site.result.insert(tag);
        }
    }

    /// The innermost frame's call instruction has got `n` results.
    pub(super) fn observe_results(&mut self, ptr: *const u8, n: usize) {
        let Some(ci) = self.frames.last().copied() else { return };
        // SAFETY: there are `n` results.
        let tag = if n == 0 { Tag::Nil } else { unsafe { self.slots().load(ptr) }.tag };
        let Some(site) = self.site(&ci) else { return };
        site.result.insert(tag);
        let n = ResultCount::Exactly(n as u32);
        site.results = match site.results {
            ResultCount::None => n,
            seen if seen == n => n,
            _ => ResultCount::Many,
        };
    }

    /// The innermost frame has jumped backwards.
    pub(super) fn observe_back_edge(&mut self, rt: *mut ProtoRt) {
        // SAFETY: the pointers in `protos` are live.
        let rt = unsafe { &*rt };
        if rt.helper == Helper::None
            && let Some(p) = self.profile.protos.get_mut(rt.id.index())
        {
            p.back_edges += 1;
        }
    }
}
