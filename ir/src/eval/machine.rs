//! The machine that executes graphs.

use std::cell::Cell;
use std::collections::BTreeMap;

use gscript::bytecode::{Op as Bytecode, ProtoId};
use gscript::error::RuntimeError;
use gscript::interp::{NativeRoots, Vm};
use gscript::jit::{Jit, LoopEnd, Results, ResumeFrame};
use gscript::layout::{self, Layout};
use gscript::value::{Tag, Value};
use smallvec::SmallVec;

use super::calls::CallStack;
use super::pure::{self, Val};
use super::{EvalError, EvalOptions, EvalOutcome};
use crate::effects::{SnapshotReads, slot_effects};
use crate::graph::{BlockId, FrameState, NodeId, SnapshotId, Target, Terminator};
use crate::op::{CallKind, CallResults, Op, TagHalf, Type};
use crate::schedule::Schedule;
use crate::unit::{SelfArgs, SlotSet, Unit};

/// What is in memory that a self call does not write: no program has this number.
const JUNK: f64 = -2.718_281_828e-300;

/// A unit with the order of its nodes.
#[derive(Clone, Copy)]
pub(super) struct Code<'a> {
    pub unit: &'a Unit,
    pub schedule: &'a Schedule,
}

/// What is counted; shared by nested evaluations of one program.
#[derive(Default, Debug)]
pub(super) struct Counts {
    exits: Cell<u64>,
    points: Cell<u64>,
    ops: Cell<u64>,
}

impl Counts {
    pub(super) fn outcome(&self, results: Results) -> EvalOutcome {
        EvalOutcome {
            results,
            exits: self.exits.get(),
            guards_executed: self.points.get(),
            ops_executed: self.ops.get(),
        }
    }
}

fn bump(counter: &Cell<u64>) -> u64 {
    let n = counter.get();
    counter.set(n + 1);
    n
}

/// A call in progress: where its results go.
#[derive(Clone, Copy)]
struct Pending {
    node: NodeId,
    a: u8,
    results: CallResults,
}

/// What an activation returns.
#[derive(Clone, Copy)]
enum Returned {
    /// Slots.
    Slots(Results),
    /// One value, in a register.
    Value(Val),
}

/// An activation of a graph.
struct Activation<'a> {
    code: Code<'a>,
    base: u64,
    depth: u64,
    block: BlockId,
    /// Next node of the block.
    at: usize,
    values: Vec<Option<Val>>,
    pending: Option<Pending>,
    /// Slots whose tag in memory is poison since a store without it, with the type of their payload.
    untagged: BTreeMap<u16, Type>,
    /// Did it come in at the self entry?
    by_self_entry: bool,
    /// Calls in progress outside of it.
    calls: usize,
    /// What the interpreter kept alive before its caller's values.
    held: usize,
}

/// The tag that a slot has in memory where nobody may look at it: one that makes itself felt.
const POISON: Tag = Tag::Nil;

/// Values of an operation's arguments.
type Vals = SmallVec<[Val; 3]>;

/// What an operation leads to.
enum Next<'a> {
    /// The next operation.
    Go,
    /// The activation is over.
    Done(Returned),
    /// A function with a graph runs first.
    Enter(Box<Activation<'a>>),
}

pub(super) struct Machine<'a, 'v> {
    /// The graph of a function.
    pub find: &'a dyn Fn(ProtoId) -> Option<Code<'a>>,
    pub counts: &'a Counts,
    pub options: EvalOptions,
    pub calls: &'a CallStack,
    pub vm: &'v mut Vm,
    pub jit: &'v mut dyn Jit,
    /// How the loop that is evaluated has ended.
    pub ended: Option<LoopEnd>,
}

impl<'a> Machine<'a, '_> {
    /// Runs a function on a complete frame; `depth` frames are active, this one among them.
    pub(super) fn run(mut self, code: Code<'a>, base: u64, depth: u64) -> Result<Results, EvalError> {
        self.run_all(code, base, depth)
    }

    /// Runs a loop in the frame of its activation.
    pub(super) fn run_loop(mut self, code: Code<'a>, base: u64, depth: u64) -> Result<LoopEnd, EvalError> {
        self.run_all(code, base, depth)?;
        self.ended.ok_or_else(|| malformed(&activation(code, base, depth), None, "a loop returned"))
    }

    fn run_all(&mut self, code: Code<'a>, base: u64, depth: u64) -> Result<Results, EvalError> {
        self.vm.set_native_frames(Box::new(self.calls.clone()));
        let calls = self.calls.len();
        self.calls.push(None);
        let held = self.vm.hold(std::iter::empty());
        let results = self.run_here(code, base, depth);
        self.vm.release(held);
        self.calls.truncate(calls);
        results
    }

    fn run_here(&mut self, code: Code<'a>, base: u64, depth: u64) -> Result<Results, EvalError> {
        let mut top = activation(code, base, depth);
        let mut callers: Vec<Activation<'a>> = Vec::new();
        loop {
            let mut next = self.step(&mut top)?;
            while let Next::Done(results) = next {
                match callers.pop() {
                    None => return self.slots(&top, results),
                    Some(caller) => {
                        self.calls.truncate(top.calls);
                        self.vm.release(top.held);
                        top = caller;
                    }
                }
                next = self.returned(&mut top, results)?;
            }
            if let Next::Enter(mut callee) = next {
                callee.calls = self.calls.len();
                callee.held = self.vm.hold(references(&top));
                match top.pending {
                    None => self.calls.push(None),
                    Some(p) => {
                        let graph = &top.code.unit.graph;
                        self.push_calls(&graph.frames_at(graph.node(p.node).origin, None));
                    }
                }
                callers.push(std::mem::replace(&mut top, *callee));
            }
        }
    }

    /// What an activation returned, as slots; a value goes to the first one of its frame.
    fn slots(&mut self, act: &Activation<'a>, returned: Returned) -> Result<Results, EvalError> {
        match returned {
            Returned::Slots(results) => Ok(results),
            Returned::Value(v) => {
                let v = v.boxed().ok_or_else(|| malformed(act, None, "returns a pointer"))?;
                self.vm.heap_mut().store(act.base, v);
                Ok(Results { addr: act.base, count: 1 })
            }
        }
    }

    fn push_calls(&self, frames: &[FrameState]) {
        for f in frames {
            self.calls.push(Some((f.proto, f.pc as usize)));
        }
    }

    /// Asks the interpreter for something on behalf of node `n`, whose activation the interpreter knows. Those that it is
    /// inlined in are calls in progress.
    fn ask_for<T>(
        &mut self,
        act: &Activation<'a>,
        n: NodeId,
        what: impl FnOnce(&mut Vm, &mut dyn Jit) -> Result<T, RuntimeError>,
    ) -> Result<T, EvalError> {
        let graph = &act.code.unit.graph;
        let frames = graph.frames_at(graph.node(n).origin, None);
        let calls = self.calls.len();
        self.push_calls(&frames[..frames.len() - 1]);
        let words: Vec<u64> = references(act).collect();
        let answer = self.ask(&words, what);
        self.calls.truncate(calls);
        answer
    }

    /// Asks the interpreter for something on behalf of the running activation, which needs what `words` refer to afterwards.
    fn ask<T>(
        &mut self,
        words: &[u64],
        what: impl FnOnce(&mut Vm, &mut dyn Jit) -> Result<T, RuntimeError>,
    ) -> Result<T, EvalError> {
        self.vm.enter_host(self.calls.len() as u64, 0, NativeRoots { stack: 0, words });
        let answer = what(self.vm, self.jit);
        self.vm.leave_host();
        Ok(answer?)
    }

    /// Executes one operation or terminator.
    fn step(&mut self, act: &mut Activation<'a>) -> Result<Next<'a>, EvalError> {
        if bump(&self.counts.ops) >= self.options.budget {
            return Err(EvalError::Budget);
        }
        let nodes = act.code.schedule.block(act.block);
        let Some(&n) = nodes.get(act.at) else { return self.terminate(act) };
        act.at += 1;
        let node = act.code.unit.graph.node(n);
        if node.op.is_effect() {
            return self.effect(act, n);
        }
        let args = self.args(act, &node.args, Some(n))?;
        let base = self.vm.heap().guest_base();
        let val = pure::evaluate(node, &args, base).map_err(|m| malformed(act, Some(n), m))?;
        if node.ty != Some(val.ty()) {
            return Err(malformed(act, Some(n), format!("is {}, declared {:?}", val.ty(), node.ty)));
        }
        act.values[n.0 as usize] = Some(val);
        Ok(Next::Go)
    }

    fn args(&self, act: &Activation<'a>, args: &[NodeId], user: Option<NodeId>) -> Result<Vals, EvalError> {
        args.iter().map(|&a| value(act, a, user)).collect()
    }

    fn layout(&self) -> Layout {
        self.vm.heap().layout()
    }

    fn slot(&self, act: &Activation<'a>, slot: u16) -> u64 {
        act.base + self.layout().slot_offset(u64::from(slot))
    }

    fn effect(&mut self, act: &mut Activation<'a>, n: NodeId) -> Result<Next<'a>, EvalError> {
        let node = act.code.unit.graph.node(n);
        let args = self.args(act, &node.args, Some(n))?;
        self.check_tags(act, n)?;
        let frame = self.frame_of(act, n);
        let depth = act.depth + u64::from(act.code.unit.graph.nesting(node.origin.frame));
        let result = match node.op {
            Op::SlotLoad(slot, ty) => {
                let v = self.vm.heap().load(self.slot(act, slot));
                let untagged = act.untagged.get(&slot);
                if untagged.map_or(!pure::tag_fits(v.tag, ty), |u| *u != ty) {
                    let message = format!("slot {slot} holds a {}, its payload is loaded as {ty}", v.tag);
                    return Err(malformed(act, Some(n), message));
                }
                Some(pure::payload(v, ty))
            }
            Op::SlotStore(slot) => {
                let v = stored(act, n, &args)?;
                let at = self.slot(act, slot);
                self.vm.heap_mut().store(at, v);
                None
            }
            Op::SlotStorePayload(slot, half) => {
                let v = stored(act, n, &args)?;
                let at = self.slot(act, slot);
                let old = self.vm.heap().load(at);
                let tag = match half {
                    TagHalf::Right if old.tag == v.tag => v.tag,
                    TagHalf::Right => {
                        let message = format!(
                            "slot {slot} holds a {}, but gets the payload of a value of type {}",
                            old.tag, v.tag
                        );
                        return Err(malformed(act, Some(n), message));
                    }
                    TagHalf::Unread => {
                        act.untagged.insert(slot, args[0].ty());
                        // Where tag and payload are one word there is no tag to leave out.
                        if self.layout() == Layout::Tagged { POISON } else { v.tag }
                    }
                };
                self.vm.heap_mut().store(at, Value { tag, ..v });
                None
            }
            Op::GlobalLoad(i) => {
                let at = self.global(act, n, i)?;
                Some(Val::Boxed(self.vm.heap().load(at)))
            }
            Op::GlobalStore(i) => {
                let (v, at) = (stored(act, n, &args)?, self.global(act, n, i)?);
                self.vm.heap_mut().store(at, v);
                None
            }
            Op::UpvalLoad(i) => {
                let at = self.upvalue(act, n, i)?;
                Some(Val::Boxed(self.vm.heap().load(at)))
            }
            Op::UpvalStore(i) => {
                let (v, at) = (stored(act, n, &args)?, self.upvalue(act, n, i)?);
                self.vm.heap_mut().store(at, v);
                None
            }
            Op::Callee => Some(Val::Ptr(self.running_closure(act))),
            Op::TableLoad(_) | Op::FieldLoad(_) | Op::FieldStore(_) | Op::ElemLoad | Op::ElemStore => {
                super::tables::access(self.vm.heap_mut(), node.op, &args).map_err(|m| malformed(act, Some(n), m))?
            }
            Op::GuardTag(tag) => {
                let [Val::Boxed(v)] = args[..] else { return Err(malformed(act, Some(n), "has no boxed argument")) };
                return self.guard(act, n, v.tag == tag);
            }
            Op::Guard => {
                let [Val::Bool(holds)] = args[..] else { return Err(malformed(act, Some(n), "has no bool argument")) };
                return self.guard(act, n, holds);
            }
            Op::GuardGlobal(i, f) => {
                let at = self.global(act, n, i)?;
                let (found, base) = (self.vm.heap().load(at), self.vm.heap().guest_base());
                return self.guard(act, n, found.tag == f.tag && found.bits == f.bits + base);
            }
            Op::GuardDepth(frames) => {
                return self.guard(act, n, act.depth + u64::from(frames) <= layout::MAX_DEPTH);
            }
            Op::Call { a, nargs, results, kind } => return self.call(act, n, a, nargs, results, kind),
            Op::HostCompare { .. } => Some(Val::Bool(self.ask_for(act, n, |vm, jit| vm.compare(jit, frame, depth))?)),
            Op::CloseFrame => {
                self.vm.close_upvalues(act.base);
                None
            }
            Op::Step => {
                self.ask_for(act, n, |vm, jit| vm.step(jit, frame, depth))?;
                None
            }
            op => return Err(malformed(act, Some(n), format!("{op:?} is no effect"))),
        };
        if node.ty != result.map(Val::ty) {
            return Err(malformed(act, Some(n), format!("its type is {:?}", node.ty)));
        }
        act.values[n.0 as usize] = result;
        Ok(Next::Go)
    }

    /// Nobody may look at a tag that is not there.
    fn check_tags(&self, act: &mut Activation<'a>, n: NodeId) -> Result<(), EvalError> {
        if act.untagged.is_empty() {
            return Ok(());
        }
        let unit = act.code.unit;
        let effects = slot_effects(unit, n);
        let is_typed_load = matches!(unit.graph.node(n).op, Op::SlotLoad(_, ty) if ty != Type::Boxed);
        if !is_typed_load {
            check_tagged(act, &effects.reads, Some(n))?;
        }
        act.untagged.retain(|slot, _| !effects.writes.contains(*slot));
        Ok(())
    }

    /// The activation that a node belongs to.
    fn frame_of(&self, act: &Activation<'a>, n: NodeId) -> ResumeFrame {
        let graph = &act.code.unit.graph;
        let origin = graph.node(n).origin;
        let base = self.slot(act, graph.frame_base(origin.frame));
        ResumeFrame { proto: origin.proto, base, pc: origin.pc as usize }
    }

    fn global(&self, act: &Activation<'a>, n: NodeId, i: u32) -> Result<u64, EvalError> {
        if i as usize >= act.code.unit.program.globals.len() {
            return Err(malformed(act, Some(n), "there is no such global"));
        }
        Ok(self.vm.heap().global_slot(i as usize))
    }

    /// Guest address of the running closure, from the frame's header.
    fn running_closure(&self, act: &Activation<'a>) -> u64 {
        self.vm.heap().load(act.base - self.layout().slot_offset(layout::FRAME_HEADER_SLOTS)).bits
    }

    /// Guest address of the slot that holds upvalue `i`.
    fn upvalue(&self, act: &Activation<'a>, n: NodeId, i: u8) -> Result<u64, EvalError> {
        if usize::from(i) >= act.code.unit.bytecode().upvals.len() {
            return Err(malformed(act, Some(n), "there is no such upvalue"));
        }
        let heap = self.vm.heap();
        let cell = heap.read_u64(self.running_closure(act) + layout::CLOSURE_UPVALS + 8 * u64::from(i));
        Ok(heap.read_u64(cell + layout::UPVAL_PTR))
    }

    fn guard(&mut self, act: &mut Activation<'a>, n: NodeId, holds: bool) -> Result<Next<'a>, EvalError> {
        let forced = self.options.force_exit == Some(bump(&self.counts.points));
        if holds && !forced {
            return Ok(Next::Go);
        }
        self.leave_at(act, n)
    }

    fn call(
        &mut self,
        act: &mut Activation<'a>,
        n: NodeId,
        a: u8,
        nargs: u8,
        results: CallResults,
        kind: CallKind,
    ) -> Result<Next<'a>, EvalError> {
        let forced = self.options.force_exit == Some(bump(&self.counts.points));
        let from = self.slot(act, u16::from(a));
        let passed: Vals = self.args(act, &act.code.unit.graph.node(n).args, Some(n))?;
        let frame = act.code.unit.graph.node(n).origin.frame;
        let depth = act.depth + u64::from(act.code.unit.graph.nesting(frame));
        let callee = match passed.first() {
            None => self.vm.heap().load(from),
            Some(v) => v.boxed().ok_or_else(|| malformed(act, Some(n), "calls a pointer"))?,
        };
        if forced || callee.tag != Tag::Function || depth >= layout::MAX_DEPTH {
            if kind.is_self() && callee.tag != Tag::Function {
                return Err(malformed(act, Some(n), format!("the callee is a {}", callee.tag)));
            }
            return self.leave_at(act, n);
        }
        let unit = act.code.unit;
        let base = self.slot(act, unit.callee_base(frame));
        let header = base - self.layout().slot_offset(layout::FRAME_HEADER_SLOTS);
        if kind == CallKind::SelfEntry {
            return self.call_self_entry(act, Pending { node: n, a, results }, callee, &passed);
        }
        for i in 0..=u64::from(nargs) {
            let v = match passed.get(i as usize) {
                None => self.vm.heap().load(from + self.layout().slot_offset(i)),
                Some(v) => v.boxed().ok_or_else(|| malformed(act, Some(n), "passes a pointer"))?,
            };
            let at = header + self.layout().slot_offset(i);
            self.vm.heap_mut().store(at, v);
        }
        let record = self.vm.heap().read_u64(callee.bits + layout::CLOSURE_FUNC);
        let proto = ProtoId(self.vm.heap().read_u32(record + layout::FUNC_PROTO));
        if kind == CallKind::SelfCall && proto != unit.proto {
            return Err(malformed(act, Some(n), "a self call reaches another function"));
        }
        act.pending = Some(Pending { node: n, a, results });
        if let Some(code) = (self.find)(proto) {
            for i in u64::from(nargs)..u64::from(unit.program.proto(proto).nparams) {
                let at = base + self.layout().slot_offset(i);
                self.vm.heap_mut().store(at, Value::NIL);
            }
            return Ok(Next::Enter(Box::new(activation(code, base, depth + 1))));
        }
        let caller = self.frame_of(act, n);
        self.vm.set_native_caller(caller);
        let results = self.ask_for(act, n, |vm, jit| vm.call_frame(jit, base, u64::from(nargs), depth))?;
        self.returned(act, Returned::Slots(results))
    }

    /// Calls the unit itself at its self entry. What such a call does not write holds junk here, so that code that reads it
    /// all the same shows.
    fn call_self_entry(
        &mut self,
        act: &mut Activation<'a>,
        pending: Pending,
        callee: Value,
        passed: &[Val],
    ) -> Result<Next<'a>, EvalError> {
        let (code, n) = (act.code, pending.node);
        let Some(entry) = &code.unit.self_entry else { return Err(malformed(act, Some(n), "there is no self entry")) };
        if entry.args != SelfArgs::Memory && callee.bits != entry.closure + self.vm.heap().guest_base() {
            return Err(malformed(act, Some(n), "a self call reaches another function"));
        }
        let frame = code.unit.graph.node(n).origin.frame;
        let base = self.slot(act, code.unit.callee_base(frame));
        let header = base - self.layout().slot_offset(layout::FRAME_HEADER_SLOTS);
        let depth = act.depth + u64::from(code.unit.graph.nesting(frame)) + 1;
        let junk = Value::float(JUNK);
        self.vm.heap_mut().store(header, if entry.header { callee } else { junk });
        let mut callee = activation(code, base, depth);
        (callee.block, callee.by_self_entry) = (entry.block, true);
        let in_memory = u64::from(code.unit.bytecode().nparams);
        for i in 0..in_memory {
            let from = self.slot(act, u16::from(pending.a)) + self.layout().slot_offset(i + 1);
            let v = match (&entry.args, passed.get(i as usize + 1)) {
                (SelfArgs::Params(_), _) => junk,
                (SelfArgs::Memory, None) => self.vm.heap().load(from),
                (SelfArgs::Memory, Some(v)) => v.boxed().unwrap_or(junk),
            };
            let at = base + self.layout().slot_offset(i);
            self.vm.heap_mut().store(at, v);
        }
        if let SelfArgs::Params(slots) = &entry.args {
            for (&p, &slot) in code.unit.graph.block(entry.block).params.iter().zip(slots) {
                callee.values[p.0 as usize] = passed.get(usize::from(slot) + 1).copied();
            }
        }
        act.pending = Some(pending);
        Ok(Next::Enter(Box::new(callee)))
    }

    /// Goes on behind a call that gave `results`.
    fn returned(&mut self, act: &mut Activation<'a>, returned: Returned) -> Result<Next<'a>, EvalError> {
        let Some(Pending { node, a, results: wanted }) = act.pending.take() else {
            return Err(malformed(act, None, "a callee returned, but no call was in progress"));
        };
        let results = match returned {
            Returned::Slots(results) => results,
            Returned::Value(v) if wanted.is_value() && act.code.unit.graph.node(node).ty == Some(v.ty()) => {
                act.values[node.0 as usize] = Some(v);
                return Ok(Next::Go);
            }
            Returned::Value(v) => {
                // Where the callee's frame was.
                let unit = act.code.unit;
                let addr = self.slot(act, unit.callee_base(unit.graph.node(node).origin.frame));
                let v = v.boxed().ok_or_else(|| malformed(act, Some(node), "gets a pointer"))?;
                self.vm.heap_mut().store(addr, v);
                Results { addr, count: 1 }
            }
        };
        if wanted == CallResults::ExpectValue && results.count != 1 {
            return self.leave_behind_call(act, node, a, results);
        }
        if wanted.is_value() {
            let v = if results.count == 0 { Value::NIL } else { self.vm.heap().load(results.addr) };
            let ty = act.code.unit.graph.node(node).ty;
            if ty != Some(Type::Boxed) && (results.count != 1 || Type::of_tag(v.tag) != ty) {
                return self.leave_behind_call(act, node, a, results);
            }
            act.values[node.0 as usize] = Some(ty.map_or(Val::Boxed(v), |ty| pure::payload(v, ty)));
            return Ok(Next::Go);
        }
        if let CallResults::Expect(n) = wanted
            && results.count != u64::from(n)
        {
            return self.leave_behind_call(act, node, a, results);
        }
        for i in 0..u64::from(wanted.count()) {
            let v = if i < results.count {
                self.vm.heap().load(results.addr + self.layout().slot_offset(i))
            } else {
                Value::NIL
            };
            let to = self.slot(act, u16::from(a)) + self.layout().slot_offset(i);
            self.vm.heap_mut().store(to, v);
        }
        Ok(Next::Go)
    }

    fn terminate(&mut self, act: &mut Activation<'a>) -> Result<Next<'a>, EvalError> {
        let unit = act.code.unit;
        match &unit.graph.block(act.block).term {
            Terminator::Jump(t) => self.jump(act, t),
            Terminator::Branch { cond, then, other } => {
                let Val::Bool(c) = value(act, *cond, None)? else {
                    return Err(malformed(act, None, "branches on something that is no bool"));
                };
                self.jump(act, if c { then } else { other })
            }
            Terminator::Return { first, count } => {
                check_tagged(act, &(*first..*first + *count).collect(), None)?;
                let results = Results { addr: self.slot(act, *first), count: u64::from(*count) };
                Ok(Next::Done(Returned::Slots(results)))
            }
            Terminator::ReturnValue(v) => Ok(Next::Done(Returned::Value(value(act, *v, None)?))),
            Terminator::Exit(s) => match unit.loop_end(*s) {
                None => self.leave(act, *s, None),
                Some(pc) => {
                    self.write_back(act, *s, None, u16::MAX)?;
                    self.counts.exits.set(self.counts.exits.get() - 1);
                    Ok(self.end_loop(LoopEnd::Done(pc as usize)))
                }
            },
            Terminator::Unreachable => Err(malformed(act, None, "control got to unreachable code")),
        }
    }

    fn jump(&mut self, act: &mut Activation<'a>, target: &Target) -> Result<Next<'a>, EvalError> {
        // All arguments are read before any parameter is written.
        let args = self.args(act, &target.args, None)?;
        let params = &act.code.unit.graph.block(target.block).params;
        if params.len() != args.len() {
            return Err(malformed(act, None, format!("{} arguments for {}", args.len(), target.block)));
        }
        for (&p, v) in params.iter().zip(args) {
            if act.code.unit.graph.node(p).ty != Some(v.ty()) {
                return Err(malformed(act, None, format!("{p} of {} gets a value of type {}", target.block, v.ty())));
            }
            act.values[p.0 as usize] = Some(v);
        }
        act.block = target.block;
        act.at = 0;
        Ok(Next::Go)
    }

    // ---- side exits ----

    fn leave_at(&mut self, act: &mut Activation<'a>, n: NodeId) -> Result<Next<'a>, EvalError> {
        match act.code.unit.graph.node(n).snapshot {
            Some(s) => self.leave(act, s, Some(n)),
            None => Err(malformed(act, Some(n), "leaves without a snapshot")),
        }
    }

    /// Writes what memory does not have, below slot `end`.
    fn write_back(
        &mut self,
        act: &Activation<'a>,
        s: SnapshotId,
        user: Option<NodeId>,
        end: u16,
    ) -> Result<Vec<ResumeFrame>, EvalError> {
        let unit = act.code.unit;
        if !act.untagged.is_empty() {
            check_tagged(act, &SnapshotReads::new(unit).from_memory(unit, s), user)?;
        }
        let snapshot = unit.graph.snapshot(s);
        for &(slot, v) in snapshot.writes.iter().filter(|w| w.0 < end) {
            let v = value(act, v, user)?.boxed().ok_or_else(|| malformed(act, user, "a snapshot writes a pointer"))?;
            let at = self.slot(act, slot);
            self.vm.heap_mut().store(at, v);
        }
        if snapshot.frames.is_empty() {
            return Err(malformed(act, user, "a snapshot has no frames"));
        }
        if let Some(entry) = act.code.unit.self_entry.as_ref().filter(|e| !e.header && act.by_self_entry) {
            let closure = entry.closure + self.vm.heap().guest_base();
            let header = act.base - self.layout().slot_offset(layout::FRAME_HEADER_SLOTS);
            self.vm.heap_mut().store(header, Value::object(Tag::Function, closure));
        }
        bump(&self.counts.exits);
        let resume = |f: &FrameState| ResumeFrame {
            proto: f.proto,
            base: act.base + self.layout().slot_offset(u64::from(f.base)),
            pc: f.pc as usize,
        };
        Ok(snapshot.frames.iter().map(resume).collect())
    }

    /// Lets the interpreter finish the activation.
    fn leave(&mut self, act: &Activation<'a>, s: SnapshotId, user: Option<NodeId>) -> Result<Next<'a>, EvalError> {
        let frames = self.write_back(act, s, user, u16::MAX)?;
        self.go_on(act, s, frames)
    }

    /// A loop is over, or left for the interpreter.
    fn end_loop(&mut self, end: LoopEnd) -> Next<'a> {
        self.ended = Some(end);
        Next::Done(Returned::Slots(Results { addr: 0, count: 0 }))
    }

    /// Behind `leave`: the interpreter goes on.
    fn go_on(&mut self, act: &Activation<'a>, s: SnapshotId, frames: Vec<ResumeFrame>) -> Result<Next<'a>, EvalError> {
        let states = &act.code.unit.graph.snapshot(s).frames;
        let (last, open) = (frames[frames.len() - 1], states[states.len() - 1].open);
        if act.code.unit.region.is_some() {
            let top = open.map(|(a, count)| last.base + self.layout().slot_offset(u64::from(a) + u64::from(count)));
            return Ok(self.end_loop(LoopEnd::Left { frames, top }));
        }
        let results = match open {
            None => self.ask(&[], |vm, jit| vm.resume(jit, &frames, act.depth))?,
            // The results of the open call are in their slots: the interpreter only learns how many they are.
            Some((a, count)) => {
                let addr = last.base + self.layout().slot_offset(u64::from(a));
                let there = Results { addr, count: u64::from(count) };
                self.ask(&[], |vm, jit| vm.resume_with_open_results(jit, &frames, a, there, act.depth))?
            }
        };
        Ok(Next::Done(Returned::Slots(results)))
    }

    /// Leaves behind a call whose results nobody expected: too many, too few, or of another type.
    fn leave_behind_call(
        &mut self,
        act: &Activation<'a>,
        n: NodeId,
        a: u8,
        results: Results,
    ) -> Result<Next<'a>, EvalError> {
        let Some(s) = act.code.unit.graph.node(n).snapshot else {
            return Err(malformed(act, Some(n), "leaves without a snapshot"));
        };
        let mut frames = self.write_back(act, s, Some(n), u16::from(a))?;
        let at = frames.len() - 1;
        let last = frames[at];
        frames[at].pc += 1;
        let inst = act.code.unit.program.proto(last.proto).code[last.pc];
        if inst.op == Bytecode::Call && inst.c != 0 {
            for i in 0..u64::from(inst.c - 1) {
                let from = results.addr + self.layout().slot_offset(i);
                let v = if i < results.count { self.vm.heap().load(from) } else { Value::NIL };
                let to = last.base + self.layout().slot_offset(u64::from(inst.a) + i);
                self.vm.heap_mut().store(to, v);
            }
            if act.code.unit.region.is_some() {
                return Ok(self.end_loop(LoopEnd::Left { frames, top: None }));
            }
            let results = self.ask(&[], |vm, jit| vm.resume(jit, &frames, act.depth))?;
            return Ok(Next::Done(Returned::Slots(results)));
        }
        let register = u16::from(a) - act.code.unit.graph.frame_base(act.code.unit.graph.node(n).origin.frame);
        let register = register as u8; // a register of a function
        if act.code.unit.region.is_some() {
            let top = Some(self.vm.place_open_results(last, register, results)?);
            return Ok(self.end_loop(LoopEnd::Left { frames, top }));
        }
        let results =
            self.ask(&[], |vm, jit| vm.resume_with_open_results(jit, &frames, register, results, act.depth))?;
        Ok(Next::Done(Returned::Slots(results)))
    }
}

/// What the values of an activation may refer to.
fn references<'v>(act: &'v Activation<'_>) -> impl Iterator<Item = u64> + 'v {
    act.values.iter().filter_map(|v| match v {
        Some(Val::Boxed(v)) if v.tag.is_object() => Some(v.bits),
        Some(Val::Ptr(address)) => Some(*address),
        _ => None,
    })
}

fn activation<'a>(code: Code<'a>, base: u64, depth: u64) -> Activation<'a> {
    let graph = &code.unit.graph;
    let values = vec![None; graph.node_count()];
    Activation {
        code,
        base,
        depth,
        block: graph.entry,
        at: 0,
        values,
        pending: None,
        untagged: BTreeMap::new(),
        by_self_entry: false,
        calls: 0,
        held: 0,
    }
}

/// Do these slots have a tag in memory?
fn check_tagged(act: &Activation<'_>, slots: &SlotSet, user: Option<NodeId>) -> Result<(), EvalError> {
    match act.untagged.keys().find(|slot| slots.contains(**slot)) {
        Some(slot) => Err(malformed(act, user, format!("the tag of slot {slot} is read, but it was not stored"))),
        None => Ok(()),
    }
}

fn value(act: &Activation<'_>, v: NodeId, user: Option<NodeId>) -> Result<Val, EvalError> {
    let known = act.values.get(v.0 as usize).copied().flatten();
    known.ok_or_else(|| malformed(act, user, format!("uses {v} before it is computed")))
}

/// What a store writes.
fn stored(act: &Activation<'_>, n: NodeId, args: &[Val]) -> Result<Value, EvalError> {
    match args {
        [v] => v.boxed().ok_or_else(|| malformed(act, Some(n), "stores a pointer")),
        _ => Err(malformed(act, Some(n), format!("stores {} values", args.len()))),
    }
}

fn malformed(act: &Activation<'_>, node: Option<NodeId>, message: impl Into<String>) -> EvalError {
    EvalError::Malformed { function: act.code.unit.name().to_owned(), block: act.block, node, message: message.into() }
}
