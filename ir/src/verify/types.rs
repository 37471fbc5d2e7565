//! Arguments, results and immediates of operations; arguments of jumps.

use gscript::bytecode::Op as BytecodeOp;
use gscript::value::{Tag, Value};

use super::Verifier;
use crate::analysis::liveness::successors;
use crate::graph::{BlockId, NodeId, Target, Terminator};
use crate::op::{Op, TagHalf, Type};
use crate::text::Place;
use crate::text::names::{ResultType, result_type};
use crate::unit::SlotSet;

/// What an argument must be.
#[derive(Clone, Copy)]
enum Want {
    Is(Type),
    /// What has a tag: anything but a pointer.
    Value,
    /// A payload without its tag that can get one: int, float or bool.
    Payload,
    /// Int or pointer.
    Word,
    /// Anything but boxed.
    Unboxed,
}

impl Want {
    fn accepts(self, ty: Type) -> bool {
        match self {
            Want::Is(t) => t == ty,
            Want::Value => ty != Type::Ptr,
            Want::Payload => matches!(ty, Type::Int | Type::Float | Type::Bool),
            Want::Word => matches!(ty, Type::Int | Type::Ptr),
            Want::Unboxed => ty != Type::Boxed,
        }
    }

    fn name(self) -> String {
        match self {
            Want::Is(t) => t.to_string(),
            Want::Value => "anything but ptr".to_owned(),
            Want::Payload => "int, float or bool".to_owned(),
            Want::Word => "int or ptr".to_owned(),
            Want::Unboxed => "anything but boxed".to_owned(),
        }
    }
}

fn wants(op: Op) -> &'static [Want] {
    use Want::{Is, Payload, Unboxed, Value, Word};
    match op {
        Op::IAdd | Op::ISub | Op::IMul | Op::IMod | Op::InBounds => &[Is(Type::Int), Is(Type::Int)],
        Op::INeg | Op::IShl(_) | Op::IntToFloat => &[Is(Type::Int)],
        Op::FAdd | Op::FSub | Op::FMul | Op::FDiv | Op::FCmp(_) => &[Is(Type::Float), Is(Type::Float)],
        Op::FNeg | Op::FSqrt | Op::FAbs | Op::FloorToInt => &[Is(Type::Float)],
        Op::ICmp(_) => &[Word, Word],
        Op::BNot | Op::Guard => &[Is(Type::Bool)],
        Op::Select => &[Is(Type::Bool), Unboxed, Unboxed],
        Op::Box => &[Payload],
        Op::Unbox(_) | Op::TagOf | Op::HasTag(_) | Op::Truthy | Op::GuardTag(_) => &[Is(Type::Boxed)],
        Op::TableLoad(_) | Op::FieldLoad(_) => &[Is(Type::Ptr)],
        Op::FieldStore(_) => &[Is(Type::Ptr), Value],
        Op::ElemLoad => &[Is(Type::Ptr), Is(Type::Int)],
        Op::ElemStore => &[Is(Type::Ptr), Is(Type::Int), Value],
        Op::SlotStorePayload(..) => &[Payload],
        Op::SlotStore(_) | Op::GlobalStore(_) | Op::UpvalStore(_) => &[Value],
        Op::GuardGlobal(..)
        | Op::GuardDepth(_)
        | Op::Param
        | Op::IConst(_)
        | Op::FConst(_)
        | Op::BConst(_)
        | Op::BoxedConst(_)
        | Op::SlotLoad(..)
        | Op::GlobalLoad(_)
        | Op::UpvalLoad(_)
        | Op::Callee
        | Op::Call { .. }
        | Op::HostCompare { .. }
        | Op::CloseFrame
        | Op::Step => &[],
    }
}

impl Verifier<'_> {
    pub(super) fn check_types(&mut self) {
        self.check_inlined();
        if self.unit.frame_slots > SlotSet::CAPACITY {
            let message = format!("{} slots are more than a frame may have", self.unit.frame_slots);
            self.error(Place::Unit, message);
        }
        for n in self.live.clone() {
            self.check_arguments(n);
            self.check_result(n);
            self.check_immediates(n);
        }
        for b in self.graph.blocks().collect::<Vec<_>>() {
            self.check_terminator(b);
        }
    }

    /// Inlined frames lie where the callees' own frames would, and provenance names existing ones.
    fn check_inlined(&mut self) {
        let inlined = self.graph.inlined.clone();
        for (i, c) in inlined.iter().enumerate() {
            let what = format!("inlined call {}", i + 1);
            if usize::from(c.call.frame) > i || self.unit.program.protos.get(c.proto.index()).is_none() {
                self.error(Place::Unit, format!("{what} is in an inlined call behind it, or of no function"));
                return;
            }
            let end = u32::from(c.base) + u32::from(self.unit.program.proto(c.proto).nregs);
            if end > u32::from(self.unit.frame_slots) {
                self.error(Place::Unit, format!("{what} needs {end} slots of {}", self.unit.frame_slots));
            }
            if c.base != self.unit.callee_base(c.call.frame) {
                let message = format!("{what} has its frame at s{}, a callee's is at s{}", c.base, {
                    self.unit.callee_base(c.call.frame)
                });
                self.error(Place::Unit, message);
            }
        }
        for n in self.live.clone() {
            let origin = self.graph.node(n).origin;
            let frame = self.graph.inlined_frame(origin.frame);
            if origin.frame != 0 && frame.is_none_or(|c| c.proto != origin.proto) {
                self.error(Place::Node(n), format!("belongs to inlined call {}, which is none", origin.frame));
            }
        }
    }

    fn check_arguments(&mut self, n: NodeId) {
        let node = self.graph.node(n);
        if let Op::Call { .. } = node.op {
            return self.check_call_arguments(n);
        }
        let wants = wants(node.op);
        if node.args.len() != wants.len() {
            let message = format!("takes {}, has {}", count(wants.len(), "argument"), node.args.len());
            self.error(Place::Node(n), message);
            return;
        }
        let types: Vec<Option<Type>> = node.args.iter().map(|&a| self.graph.node(a).ty).collect();
        let mut fits = true;
        for ((&a, &ty), want) in node.args.iter().zip(&types).zip(wants) {
            if !ty.is_some_and(|ty| want.accepts(ty)) {
                fits = false;
                self.error(Place::Node(n), format!("{a} is {}, must be {}", type_name(ty), want.name()));
            }
        }
        if !fits {
            return;
        }
        match node.op {
            Op::ICmp(_) if types[0] != types[1] => {
                let message = format!("compares {} with {}", type_name(types[0]), type_name(types[1]));
                self.error(Place::Node(n), message);
            }
            Op::Select if types[1] != types[2] || node.ty != types[1] => {
                let message =
                    format!("selects {} from {} and {}", type_name(node.ty), type_name(types[1]), type_name(types[2]));
                self.error(Place::Node(n), message);
            }
            _ => {}
        }
    }

    fn check_result(&mut self, n: NodeId) {
        let node = self.graph.node(n);
        let expected = match result_type(node.op) {
            ResultType::None => None,
            ResultType::Is(ty) => Some(ty),
            ResultType::Varies if node.ty.is_none() => {
                self.error(Place::Node(n), "has no type");
                return;
            }
            ResultType::Varies => return,
        };
        if node.ty != expected {
            let message = format!("is {}, must be {}", type_name(node.ty), type_name(expected));
            self.error(Place::Node(n), message);
        }
    }

    fn check_immediates(&mut self, n: NodeId) {
        let node = self.graph.node(n);
        let unit = self.unit;
        let slots = unit.frame_slots;
        let mut slot_range = |what: &str, first: u16, count: u16| {
            let end = u32::from(first) + u32::from(count);
            if end > u32::from(slots) {
                let message = format!("{what} s{first} to s{} in a frame of {slots} slots", end - 1);
                self.error(Place::Node(n), message);
            }
        };
        match node.op {
            Op::SlotLoad(slot, _) => slot_range("reads", slot, 1),
            Op::SlotStore(slot) => slot_range("writes", slot, 1),
            Op::SlotStorePayload(slot, half) => {
                slot_range("writes", slot, 1);
                self.check_payload_store(n, slot, half);
            }
            Op::Call { a, nargs, results, .. } => {
                let a = u16::from(a);
                slot_range("reads", a, 1 + u16::from(nargs));
                slot_range("writes", a, u16::from(results.count()));
            }
            Op::HostCompare { op, b, c } => {
                slot_range("reads", u16::from(b), 1);
                slot_range("reads", u16::from(c), 1);
                if !matches!(op, BytecodeOp::Eq | BytecodeOp::Lt | BytecodeOp::Le) {
                    self.error(Place::Node(n), format!("{op:?} is no comparison"));
                }
                self.check_host_origin(n);
            }
            Op::Step => self.check_host_origin(n),
            Op::GuardGlobal(_, f) if f.tag != Tag::Function => {
                self.error(Place::Node(n), format!("guards for a {}, which is no function", f.tag));
            }
            Op::GlobalLoad(i) | Op::GlobalStore(i) | Op::GuardGlobal(i, _)
                if i as usize >= unit.program.globals.len() =>
            {
                let message = format!("the program has {}", count(unit.program.globals.len(), "global"));
                self.error(Place::Node(n), message);
            }
            Op::UpvalLoad(i) | Op::UpvalStore(i) if usize::from(i) >= unit.bytecode().upvals.len() => {
                let message = format!("the function has {}", count(unit.bytecode().upvals.len(), "upvalue"));
                self.error(Place::Node(n), message);
            }
            Op::IShl(bits) if bits >= 64 => self.error(Place::Node(n), format!("shifts by {bits} of 64 bits")),
            Op::Unbox(Type::Boxed) => self.error(Place::Node(n), "unboxes to boxed"),
            Op::BoxedConst(v) if !is_canonical(v) => {
                self.error(Place::Node(n), format!("{:#x} is no payload of {}", v.bits, v.tag));
            }
            _ => {}
        }
        if node.pin.is_some() && node.op != Op::Param {
            self.error(Place::Node(n), "only block parameters can be pinned");
        }
    }

    /// Nobody but the unit itself may rely on a slot that is stored without its tag.
    fn check_payload_store(&mut self, n: NodeId, slot: u16, half: TagHalf) {
        if slot >= SlotSet::CAPACITY {
            return;
        }
        if self.unit.shared.contains(slot) {
            self.error(Place::Node(n), format!("s{slot} is shared with closures and must keep its tag"));
        }
        if half == TagHalf::Unread && !self.unit.stale.contains(slot) {
            self.error(Place::Node(n), format!("s{slot} loses its tag, but the unit does not name it as stale"));
        }
    }

    /// The runtime executes the instruction at the node's origin on the frame of its activation.
    fn check_host_origin(&mut self, n: NodeId) {
        let node = self.graph.node(n);
        let (op, origin) = (node.op, node.origin);
        let running = self.graph.inlined_frame(origin.frame).map_or(self.unit.proto, |c| c.proto);
        if origin.proto != running {
            self.error(Place::Node(n), "the runtime cannot execute another function's instruction in this frame");
            return;
        }
        let base = self.graph.frame_base(origin.frame);
        let proto = self.unit.program.proto(running);
        let pc = origin.pc as usize;
        let Some(&inst) = proto.code.get(pc) else {
            self.error(Place::Node(n), format!("the function has no instruction {pc}"));
            return;
        };
        let is_comparison = matches!(inst.op, BytecodeOp::Eq | BytecodeOp::Lt | BytecodeOp::Le);
        match op {
            Op::Step if successors(proto, pc).as_slice() != [pc + 1] => {
                self.error(Place::Node(n), format!("{:?} at {pc} is no straight-line instruction", inst.op));
            }
            // Hand-written graphs have no real bytecode: there is nothing to compare with then.
            Op::HostCompare { op, b, c }
                if is_comparison
                    && (inst.op, base + u16::from(inst.b), base + u16::from(inst.c)) != (op, b.into(), c.into()) =>
            {
                let message = format!("the instruction at {pc} is {:?} {}, {}", inst.op, inst.b, inst.c);
                self.error(Place::Node(n), message);
            }
            _ => {}
        }
    }

    /// Are upvalues closed in `b`, or in the only blocks that lead to it?
    fn closes_before(&self, b: BlockId) -> bool {
        let mut at = b;
        // A chain of blocks is no longer than their number.
        for _ in self.graph.blocks() {
            let effects = &self.graph.block(at).effects;
            if effects.iter().any(|&n| self.graph.node(n).op == Op::CloseFrame) {
                return true;
            }
            match self.graph.preds(at)[..] {
                [only] => at = only,
                _ => return false,
            }
        }
        false
    }

    fn check_terminator(&mut self, b: BlockId) {
        let term = &self.graph.block(b).term;
        match term {
            Terminator::Branch { cond, .. } => {
                let ty = self.graph.node(*cond).ty;
                if ty != Some(Type::Bool) {
                    self.error(Place::Term(b), format!("branches on {cond}, which is {}", type_name(ty)));
                }
            }
            Terminator::ReturnValue(v) => {
                let (ty, result) = (self.graph.node(*v).ty, self.unit.self_entry.as_ref().and_then(|e| e.result));
                if ty.is_none() || ty != result {
                    let message = format!("returns {v}, {}, as {}", type_name(ty), type_name(result));
                    self.error(Place::Term(b), message);
                }
            }
            Terminator::Return { .. } if self.unit.self_entry.as_ref().is_some_and(|e| e.result.is_some()) => {
                self.error(Place::Term(b), "returns slots, but self calls expect a value");
            }
            Terminator::Return { first, count: n } => {
                if !self.unit.bytecode().captured.is_empty() && !self.closes_before(b) {
                    self.error(Place::Term(b), "returns without closing upvalues");
                }
                let end = u32::from(*first) + u32::from(*n);
                if end > u32::from(self.unit.frame_slots) {
                    let message =
                        format!("returns up to slot {} in a frame of {} slots", end - 1, self.unit.frame_slots);
                    self.error(Place::Term(b), message);
                }
            }
            _ => {}
        }
        for t in term.targets() {
            self.check_target(b, t);
        }
    }

    fn check_target(&mut self, b: BlockId, t: &Target) {
        if !self.graph.has_block(t.block) {
            self.error(Place::Term(b), format!("{} does not exist", t.block));
            return;
        }
        let params = &self.graph.block(t.block).params;
        if params.len() != t.args.len() {
            let message = format!("{} takes {}, gets {}", t.block, count(params.len(), "argument"), t.args.len());
            self.error(Place::Term(b), message);
            return;
        }
        for (&p, &a) in params.iter().zip(&t.args) {
            let (want, have) = (self.graph.node(p).ty, self.graph.node(a).ty);
            if want != have {
                let message = format!("{a} is {}, {p} of {} is {}", type_name(have), t.block, type_name(want));
                self.error(Place::Term(b), message);
            }
        }
    }
}

fn is_canonical(v: Value) -> bool {
    match v.tag {
        Tag::Nil => v.bits == 0,
        Tag::Bool => v.bits <= 1,
        _ => true,
    }
}

pub(super) fn type_name(ty: Option<Type>) -> String {
    ty.map_or("without a type".to_owned(), |t| t.to_string())
}

pub(super) fn count(n: usize, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}
