//! Puts a callee's graph in the place of a call.

use std::collections::{BTreeMap, BTreeSet};

use gscript::bytecode::Op as Bytecode;
use gscript::layout;
use gscript::value::Value;
use gsx_ir::graph::{FrameState, InlinedCall, Origin, Snapshot, Target, Terminator};
use gsx_ir::op::{CallResults, Op, Type};
use gsx_ir::unit::KnownFunction;
use gsx_ir::{BlockId, Graph, NodeId, SnapshotId, Unit};

use crate::support::{known_tag, tag_of};

/// A call to be replaced by its callee's graph.
pub struct Site {
    /// The call.
    pub call: NodeId,
    /// Its block.
    pub block: BlockId,
    /// First slot of callee and arguments, and of the results.
    pub a: u8,
    /// Number of arguments.
    pub nargs: u8,
    /// What happens to the results.
    pub results: CallResults,
    /// The callee.
    pub function: KnownFunction,
}

/// What a splice leaves for the clean-up.
pub struct Spliced {
    /// The activation of the callee.
    pub frame: u16,
    /// Slots of the caller through which arguments and results go.
    pub window: BTreeSet<u16>,
}

/// Replaces a call by the callee's graph. The caller has checked that this is right.
pub fn splice(unit: &mut Unit, site: &Site, callee: &Unit) -> Spliced {
    let call = unit.graph.node(site.call).clone();
    let base = unit.callee_base(call.origin.frame);
    let proto = unit.program.proto(callee.proto);
    let (nregs, nparams) = (u16::from(proto.nregs), proto.nparams);
    let expected = unit.feedback_at(call.origin).and_then(|s| Type::of_tag(s.result.single()?));

    let graph = &mut unit.graph;
    let closure = site.function.closure;
    graph.inlined.push(InlinedCall { proto: callee.proto, closure, base, call: call.origin });
    let frame = graph.inlined.len() as u16;

    let at = graph.block(site.block).effects.iter().position(|&e| e == site.call).unwrap_or(0);
    let next = Origin { pc: call.origin.pc + 1, ..call.origin };
    let rest = graph.split_block(site.block, at + 1, next);
    graph.remove_effect(site.call);
    store_arguments(graph, site, &call.args, base, nparams, call.origin);

    let mut copy = Copy {
        callee,
        from: &callee.graph,
        to: graph,
        base,
        frame,
        outer: call.origin,
        nodes: BTreeMap::new(),
        blocks: BTreeMap::new(),
    };
    let returns = copy.run();
    let entry = copy.blocks[&callee.graph.entry];
    graph.set_term(site.block, Terminator::Jump(Target::new(entry)));
    give_results(graph, site, &returns, rest, expected);

    unit.frame_slots = unit.frame_slots.max(base + nregs);
    for f in &callee.functions {
        if unit.known_function(f.global).is_none() {
            unit.functions.push(*f);
        }
    }
    unit.functions.sort_by_key(|f| f.global);
    tidy(&mut unit.graph, frame, site.block);
    let first = u16::from(site.a);
    let end = first + u16::from(site.nargs.max(site.results.count().saturating_sub(1)));
    Spliced { frame, window: (first..=end).collect() }
}

/// Writes the callee's frame: its header, and its parameters.
fn store_arguments(graph: &mut Graph, site: &Site, args: &[NodeId], base: u16, nparams: u8, origin: Origin) {
    let b = site.block;
    let function = graph.pure(Op::BoxedConst(site.function.value()), &[], Type::Boxed, origin);
    let header = base - layout::FRAME_HEADER_SLOTS as u16;
    graph.effect(b, Op::SlotStore(header), &[function], None, None, origin);
    for i in 0..nparams {
        let value = if i >= site.nargs {
            graph.pure(Op::BoxedConst(Value::NIL), &[], Type::Boxed, origin)
        } else if let Some(&given) = args.get(usize::from(i) + 1) {
            given
        } else {
            let from = u16::from(site.a) + 1 + u16::from(i);
            graph.effect(b, Op::SlotLoad(from, Type::Boxed), &[], Some(Type::Boxed), None, origin)
        };
        graph.effect(b, Op::SlotStore(base + u16::from(i)), &[value], None, None, origin);
    }
}

/// A return of the callee: the block, its first result slot in the unit's numbering, and how many there are.
struct Return {
    block: BlockId,
    first: u16,
    count: u16,
    origin: Origin,
    /// For a return of all results of the call before it: their registers.
    open: Option<(u8, u8)>,
}

/// Lets every return write what the call wants, and go on behind the call. Where there are several, the first result comes
/// as a value if it has one type: a check at each return makes it one if the interpreter saw no other.
fn give_results(graph: &mut Graph, site: &Site, returns: &[Return], rest: BlockId, expected: Option<Type>) {
    let wanted = u16::from(site.results.count());
    let mut passed: Vec<(BlockId, NodeId)> = Vec::new();
    let several = returns.len() > 1 && wanted > 0;
    for r in returns {
        for i in 0..wanted {
            let value = if i < r.count {
                result(graph, r, i)
            } else {
                graph.pure(Op::BoxedConst(Value::NIL), &[], Type::Boxed, r.origin)
            };
            if i == 0 && several {
                passed.push((r.block, value));
            } else {
                graph.effect(r.block, Op::SlotStore(u16::from(site.a) + i), &[value], None, None, r.origin);
            }
        }
    }
    // A value that is surely of another type would always leave.
    let ty = expected
        .filter(|&ty| passed.iter().all(|&(_, v)| known_tag(graph, v).is_none_or(|tag| Type::of_tag(tag) == Some(ty))));
    let mut param = None;
    if let (true, Some(ty)) = (several, ty) {
        let origin = graph.block(rest).origin;
        let call = Origin { pc: origin.pc - 1, ..origin };
        let p = graph.add_param(rest, ty, None, call);
        graph.insert_effect(rest, 0, Op::SlotStore(site.a.into()), &[p], None, None, call);
        param = Some(ty);
    }
    for r in returns {
        let mut target = Target::new(rest);
        if let Some(&(b, value)) = passed.iter().find(|p| p.0 == r.block) {
            match param {
                Some(ty) => target.args.push(unboxed(graph, r, value, ty)),
                None => {
                    graph.effect(b, Op::SlotStore(site.a.into()), &[value], None, None, r.origin);
                }
            }
        }
        graph.set_term(r.block, Terminator::Jump(target));
    }
}

/// Result `i` of a return: what was just stored to its slot, or the slot.
fn result(graph: &mut Graph, r: &Return, i: u16) -> NodeId {
    let slot = r.first + i;
    let stored = graph.block(r.block).effects.iter().rev().find_map(|&n| match graph.node(n).op {
        Op::SlotStore(s) if s == slot => Some(Some(graph.node(n).args[0])),
        Op::SlotLoad(..) | Op::SlotStore(_) | Op::GuardTag(_) | Op::Guard => None,
        _ => Some(None),
    });
    match stored.flatten() {
        Some(value) => value,
        None => graph.effect(r.block, Op::SlotLoad(slot, Type::Boxed), &[], Some(Type::Boxed), None, r.origin),
    }
}

/// A value as one of this type, guarded if need be.
fn unboxed(graph: &mut Graph, r: &Return, value: NodeId, ty: Type) -> NodeId {
    if graph.node(value).ty == Some(ty) {
        return value;
    }
    if known_tag(graph, value).is_none() {
        let frames = graph.frames_at(r.origin, r.open);
        let snapshot = graph.add_snapshot(Snapshot { frames, writes: Vec::new() });
        graph.effect(r.block, Op::GuardTag(tag_of(ty)), &[value], None, Some(snapshot), r.origin);
    }
    graph.pure(Op::Unbox(ty), &[value], ty, r.origin)
}

/// Copies a graph into another one.
struct Copy<'a> {
    callee: &'a Unit,
    from: &'a Graph,
    to: &'a mut Graph,
    /// What is added to slots.
    base: u16,
    /// The new activation.
    frame: u16,
    /// The call.
    outer: Origin,
    nodes: BTreeMap<NodeId, NodeId>,
    blocks: BTreeMap<BlockId, BlockId>,
}

impl Copy<'_> {
    /// Copies all reachable blocks and gives the returns, whose blocks have no terminator yet.
    fn run(&mut self) -> Vec<Return> {
        let from = self.from;
        let order = from.reverse_postorder();
        for &b in &order {
            let origin = self.origin(from.block(b).origin);
            let new = self.to.add_block(origin);
            self.blocks.insert(b, new);
            for &p in &from.block(b).params {
                let node = from.node(p);
                let origin = self.origin(node.origin);
                let copy = self.to.add_param(new, node.ty.unwrap_or(Type::Boxed), None, origin);
                self.nodes.insert(p, copy);
            }
        }
        let mut returns = Vec::new();
        // In reverse postorder, what a block uses of other blocks is there before it.
        for &b in &order {
            let block = self.blocks[&b];
            for &n in &from.block(b).effects {
                self.effect(block, n);
            }
            let term = match from.block(b).term.clone() {
                Terminator::Return { first, count } => {
                    let at = Origin { pc: return_pc(from, b), ..from.block(b).origin };
                    let is_open = self
                        .callee
                        .bytecode()
                        .code
                        .get(at.pc as usize)
                        .is_some_and(|inst| inst.op == Bytecode::Return && inst.b == 0);
                    let open = is_open.then_some((first as u8, count as u8));
                    returns.push(Return { block, first: first + self.base, count, origin: self.origin(at), open });
                    continue;
                }
                Terminator::Jump(t) => Terminator::Jump(self.target(&t)),
                Terminator::Branch { cond, then, other } => {
                    let cond = self.value(cond);
                    Terminator::Branch { cond, then: self.target(&then), other: self.target(&other) }
                }
                Terminator::Exit(s) => Terminator::Exit(self.snapshot(s)),
                Terminator::ReturnValue(_) | Terminator::Unreachable => Terminator::Unreachable,
            };
            self.to.set_term(block, term);
        }
        returns
    }

    fn origin(&self, at: Origin) -> Origin {
        Origin { frame: self.frame, ..at }
    }

    fn target(&mut self, t: &Target) -> Target {
        let args = t.args.iter().map(|&a| self.value(a)).collect();
        Target { block: self.blocks[&t.block], args }
    }

    fn effect(&mut self, block: BlockId, n: NodeId) {
        let node = self.from.node(n).clone();
        let args: Vec<NodeId> = node.args.iter().map(|&a| self.value(a)).collect();
        let snapshot = node.snapshot.map(|s| self.snapshot(s));
        // The budget keeps all slots in a byte's range.
        let base = self.base as u8;
        let op = match node.op {
            Op::SlotLoad(slot, ty) => Op::SlotLoad(slot + self.base, ty),
            Op::SlotStore(slot) => Op::SlotStore(slot + self.base),
            Op::Call { a, nargs, results, kind } => Op::Call { a: a + base, nargs, results, kind },
            Op::HostCompare { op, b, c } => Op::HostCompare { op, b: b + base, c: c + base },
            op => op,
        };
        let origin = self.origin(node.origin);
        let copy = self.to.effect(block, op, &args, node.ty, snapshot, origin);
        self.nodes.insert(n, copy);
    }

    fn value(&mut self, n: NodeId) -> NodeId {
        if let Some(&copy) = self.nodes.get(&n) {
            return copy;
        }
        let node = self.from.node(n).clone();
        let args: Vec<NodeId> = node.args.iter().map(|&a| self.value(a)).collect();
        let origin = self.origin(node.origin);
        let copy = self.to.pure(node.op, &args, node.ty.unwrap_or(Type::Boxed), origin);
        self.nodes.insert(n, copy);
        copy
    }

    /// The same way out, with the activations of the call around it.
    fn snapshot(&mut self, s: SnapshotId) -> SnapshotId {
        let snapshot = self.from.snapshot(s).clone();
        let mut frames = self.to.frames_at(self.outer, None);
        frames.extend(snapshot.frames.iter().map(|f| FrameState { base: f.base + self.base, ..*f }));
        let writes = snapshot.writes.iter().map(|&(slot, v)| (slot + self.base, self.value(v))).collect();
        self.to.add_snapshot(Snapshot { frames, writes })
    }
}

/// The pc of the return that ends a block.
fn return_pc(graph: &Graph, b: BlockId) -> u32 {
    let block = graph.block(b);
    block.effects.iter().map(|&n| graph.node(n).origin.pc).max().map_or(block.origin.pc, |last| last + 1)
}

/// Straight-line code becomes one block again, so that analyses of single blocks see all of it.
fn tidy(graph: &mut Graph, frame: u16, call: BlockId) {
    graph.remove_unreachable();
    let blocks: Vec<BlockId> = graph.blocks().collect();
    for b in blocks {
        let is_near = |graph: &Graph| b == call || graph.block(b).origin.frame == frame;
        while graph.has_block(b) && is_near(graph) && graph.merge_successor(b) {}
    }
}
