//! Promotion of slots to values: static single assignment form for the frame.
//!
//! A forward analysis finds, for each slot at each point, the one value that it holds: what was stored or loaded last, or,
//! where paths with different values meet, the parameter that the block gets for it. Loads give way to these values. Around
//! loops that needs a load in front of them, where nothing has loaded or stored the slot yet. Stores stay: whether
//! anyone still reads them is [`dse`](crate::dse)'s question.
//!
//! It must leave alone what inner functions capture, and load nothing from memory that is not right.

use std::collections::{BTreeMap, BTreeSet};

use gsx_ir::analysis::loops::natural_loops;
use gsx_ir::analysis::slot_tags::{SlotTags, known_tag};
use gsx_ir::effects::slot_effects;
use gsx_ir::graph::Graph;
use gsx_ir::{BlockId, NodeId, Op, SlotSet, SmallMap, Type, Unit};
use rustc_hash::FxHashMap;

use crate::support::{counted, remove_proved_guards, remove_unused_loads};
use crate::{Outcome, Pass, PassContext, PassError, PassInfo, RemarkKind};

/// The pass.
pub struct Promote;

static INFO: PassInfo = PassInfo {
    id: "promote",
    summary: "frame slots become values: loads give way to what was stored, also where paths meet",
    details: "Static single assignment form for all slots that no inner function captures: each load of a slot becomes the value \
              that was last stored or loaded there, or a block parameter where different values meet, loop headers included. \
              A parameter is unboxed where all values that reach it are of one type. Stores stay until dse finds that \
              nothing reads them. Pinning passes keep the most important slots of a loop in fixed registers; this is the \
              textbook's way for all of them.",
    groups: &["memory"],
    needs: &[],
    origin: "Cytron, Ferrante, Rosen, Wegman, Zadeck, \"Efficiently computing static single assignment form and the control \
             dependence graph\", 1991",
};

impl Pass for Promote {
    fn info(&self) -> &'static PassInfo {
        &INFO
    }

    fn run(&self, unit: &mut Unit, cx: &mut PassContext) -> Result<Outcome, PassError> {
        let definitions = Definitions::new(unit);
        let mut loads = definitions.loads(unit);
        loads.retain(|l| cx.permits(|| format!("load {} of slot {} is a value", l.load, l.slot)));
        if loads.is_empty() {
            cx.remark(RemarkKind::Note, "no load of a slot whose value is known");
            return Ok(Outcome::Unchanged);
        }
        let mut rewriter = Rewriter::new(unit, &definitions);
        rewriter.add_params(&loads);
        let removed = rewriter.replace_loads(&loads);
        let (params, entry_loads) = (rewriter.params.len() as u64, rewriter.loaded.len() as u64);
        let guards = remove_proved_guards(&mut unit.graph, cx);
        remove_unused_loads(&mut unit.graph, cx);
        cx.count("loads removed", removed);
        cx.count("block parameters", params);
        cx.count("loads put in front of loops", entry_loads);
        cx.count("guards proved", guards);
        if removed == 0 {
            return Ok(Outcome::Changed);
        }
        let text =
            format!("{} of slots became values, with {}", counted(removed, "load"), counted(params, "block parameter"));
        cx.remark(RemarkKind::Applied, text);
        Ok(Outcome::Changed)
    }
}

/// What a slot holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Def {
    /// This value.
    Value(NodeId),
    /// The parameter that this block would get for the slot.
    Param(BlockId),
    /// What a load at the end of this block would give.
    LoadIn(BlockId),
}

type Slots = SmallMap<u16, Def>;

/// A load that need not be one.
struct Redundant {
    load: NodeId,
    slot: u16,
    def: Def,
}

/// What each slot holds at the start and the end of each block.
struct Definitions {
    order: Vec<BlockId>,
    /// By block.
    starts: Vec<Slots>,
    /// By block; none where the analysis did not get.
    ends: Vec<Option<Slots>>,
}

impl Definitions {
    /// Iterates until nothing changes. Optimistic: edges that were not seen yet do not count. What a slot holds goes from a
    /// value to a parameter to nothing that is known, so this ends.
    fn new(unit: &Unit) -> Definitions {
        let graph = &unit.graph;
        let order = graph.reverse_postorder();
        let bound = graph.block_bound();
        let mut out = Definitions { order, starts: vec![Slots::new(); bound], ends: vec![None; bound] };
        let wanted = carried_slots(unit);
        loop {
            let mut changed = false;
            for b in out.order.clone() {
                let start = out.meet(unit, b, wanted.get(&b));
                let i = b.0 as usize;
                if out.ends[i].is_some() && start == out.starts[i] {
                    continue;
                }
                let mut at = start.clone();
                out.starts[i] = start;
                for &n in &graph.block(b).effects {
                    pass(unit, n, &mut at);
                }
                changed |= out.ends[i].as_ref() != Some(&at);
                out.ends[i] = Some(at);
            }
            if !changed {
                return out;
            }
        }
    }

    /// What the slots hold at the start of a block. The slots of `carried` are loaded in front of the loop, if need be.
    fn meet(&self, unit: &Unit, b: BlockId, carried: Option<&Carried>) -> Slots {
        let graph = &unit.graph;
        // Self calls come in with nothing in the slots that the graph knows.
        if b == graph.entry || unit.self_entry.as_ref().is_some_and(|e| e.block == b) {
            return Slots::new();
        }
        let mut met: Option<Slots> = None;
        for p in graph.preds(b) {
            let Some(end) = &self.ends[p.0 as usize] else { continue };
            let mut end = end.clone();
            for slot in carried.filter(|c| !c.blocks.contains(&p)).into_iter().flat_map(|c| c.slots.iter()) {
                if end.get(&slot).is_none() && is_right_in(unit, slot, p) {
                    end.insert(slot, Def::LoadIn(p));
                }
            }
            match &mut met {
                None => met = Some(end),
                Some(met) => {
                    for (slot, def) in met.clone().iter() {
                        match end.get(slot) {
                            Some(other) if other == def => {}
                            Some(_) => met.insert(*slot, Def::Param(b)),
                            None => met.remove(slot),
                        }
                    }
                }
            }
        }
        let mut met = met.unwrap_or_default();
        // Once different values have met here, the slot is not one value again.
        for (slot, _) in self.starts[b.0 as usize].iter().filter(|(_, def)| **def == Def::Param(b)) {
            if met.get(slot).is_some() {
                met.insert(*slot, Def::Param(b));
            }
        }
        met
    }

    /// The loads that need not be any, in order.
    fn loads(&self, unit: &Unit) -> Vec<Redundant> {
        let mut out = Vec::new();
        for &b in &self.order {
            let mut at = self.starts[b.0 as usize].clone();
            for &n in &unit.graph.block(b).effects {
                if let Op::SlotLoad(slot, _) = unit.graph.node(n).op
                    && let Some(&def) = at.get(&slot)
                {
                    out.push(Redundant { load: n, slot, def });
                }
                pass(unit, n, &mut at);
            }
        }
        out
    }

    fn at_end(&self, b: BlockId, slot: u16) -> Option<Def> {
        self.ends[b.0 as usize].as_ref()?.get(&slot).copied()
    }
}

/// Goes on behind effect `n`.
fn pass(unit: &Unit, n: NodeId, at: &mut Slots) {
    let node = unit.graph.node(n);
    match node.op {
        Op::SlotLoad(slot, _) if !unit.shared.contains(slot) => {
            if at.get(&slot).is_none() {
                at.insert(slot, Def::Value(n));
            }
        }
        Op::SlotStore(slot) | Op::SlotStorePayload(slot, _) if !unit.shared.contains(slot) => {
            at.insert(slot, Def::Value(node.args[0]));
        }
        op if op.is_guard() || op.is_removable_when_unused() => {}
        _ => {
            let written = slot_effects(unit, n).may_write;
            at.retain(|slot, _| !written.contains(*slot));
        }
    }
}

/// Is the slot's memory as the bytecode left it at the end of a block?
fn is_right_in(unit: &Unit, slot: u16, b: BlockId) -> bool {
    !unit.stale.contains(slot) && !unit.pinned.iter().any(|p| p.written && p.slot == slot && p.blocks.contains(&b))
}

/// Slots that a loop both loads and stores.
struct Carried {
    blocks: BTreeSet<BlockId>,
    slots: SlotSet,
}

/// By loop header.
fn carried_slots(unit: &Unit) -> BTreeMap<BlockId, Carried> {
    let graph = &unit.graph;
    let mut out = BTreeMap::new();
    for l in natural_loops(graph) {
        let (mut loaded, mut stored) = (SlotSet::EMPTY, SlotSet::EMPTY);
        for &n in l.blocks.iter().flat_map(|&b| &graph.block(b).effects) {
            match graph.node(n).op {
                Op::SlotLoad(slot, _) => _ = loaded.insert(slot),
                Op::SlotStore(slot) | Op::SlotStorePayload(slot, _) => _ = stored.insert(slot),
                _ => {}
            }
        }
        loaded.intersect(&stored);
        loaded.subtract(&unit.shared);
        out.insert(l.header, Carried { blocks: l.blocks, slots: loaded });
    }
    out
}

struct Rewriter<'a> {
    unit: &'a mut Unit,
    definitions: &'a Definitions,
    /// Parameters that some load needs, directly or through others: by block, then slot.
    params: BTreeMap<(BlockId, u16), Option<NodeId>>,
    /// Their types.
    types: FxHashMap<(BlockId, u16), Type>,
    /// Loads put at the ends of blocks.
    loaded: FxHashMap<(BlockId, u16), NodeId>,
    /// The tags in memory before anything was changed.
    tags: SlotTags,
}

impl<'a> Rewriter<'a> {
    fn new(unit: &'a mut Unit, definitions: &'a Definitions) -> Rewriter<'a> {
        let tags = SlotTags::new(unit, &[]);
        let loaded = FxHashMap::default();
        Rewriter { unit, definitions, params: BTreeMap::new(), types: FxHashMap::default(), loaded, tags }
    }

    /// Adds the parameters that these loads need, and passes them their arguments.
    fn add_params(&mut self, loads: &[Redundant]) {
        let mut work: Vec<(BlockId, u16)> = Vec::new();
        for l in loads {
            if let Def::Param(b) = l.def {
                work.push((b, l.slot));
            }
        }
        while let Some((b, slot)) = work.pop() {
            if self.params.insert((b, slot), None).is_some() {
                continue;
            }
            for p in self.unit.graph.preds(b) {
                if let Def::Param(b) = self.arriving(b, p, slot) {
                    work.push((b, slot));
                }
            }
        }
        self.find_types();
        for (&(b, slot), param) in &mut self.params {
            let origin = self.unit.graph.block(b).origin;
            *param = Some(self.unit.graph.add_param(b, self.types[&(b, slot)], None, origin));
        }
        for (b, slot) in self.params.keys().copied().collect::<Vec<_>>() {
            let ty = self.types[&(b, slot)];
            for p in self.unit.graph.preds(b) {
                let arriving = self.arriving(b, p, slot);
                let value = self.value(arriving, slot);
                let value = converted(&mut self.unit.graph, value, ty);
                self.unit.graph.edit_targets(p, |t| {
                    if t.block == b {
                        t.args.push(value);
                    }
                });
            }
        }
    }

    /// What a slot for which `b` has a parameter holds at the end of `p`, one of its predecessors.
    fn arriving(&self, b: BlockId, p: BlockId, slot: u16) -> Def {
        let known = self.definitions.at_end(p, slot);
        debug_assert!(known.is_some() || self.definitions.starts[b.0 as usize].get(&slot).is_some());
        known.unwrap_or(Def::LoadIn(p))
    }

    /// The node for what a slot holds.
    fn value(&mut self, def: Def, slot: u16) -> NodeId {
        match def {
            Def::Value(n) => n,
            Def::Param(b) => self.params[&(b, slot)].expect("added before"),
            Def::LoadIn(b) => *self.loaded.entry((b, slot)).or_insert_with(|| {
                let ty = self.tags.at_end(self.unit, b).slot(slot).and_then(Type::of_tag).unwrap_or(Type::Boxed);
                let graph = &mut self.unit.graph;
                let origin = graph.block(b).origin;
                graph.effect(b, Op::SlotLoad(slot, ty), &[], Some(ty), None, origin)
            }),
        }
    }

    /// Finds the parameters that are of one unboxed type, whatever reaches them. Optimistic, so that a loop's own values do not
    /// count against it.
    fn find_types(&mut self) {
        // What came in so far: nothing yet, one type, or several.
        let mut seen: FxHashMap<(BlockId, u16), Option<Type>> = self.params.keys().map(|&k| (k, None)).collect();
        loop {
            let mut changed = false;
            for &(b, slot) in self.params.keys() {
                let mut met = None;
                for p in self.unit.graph.preds(b) {
                    let arriving = match self.arriving(b, p, slot) {
                        Def::Value(n) => Some(type_of(&self.unit.graph, n)),
                        Def::Param(from) => seen[&(from, slot)],
                        Def::LoadIn(_) => Some(Type::Boxed),
                    };
                    // What a check on the way has shown counts, too.
                    let arriving = match arriving {
                        Some(Type::Boxed) => {
                            let tag = self.tags.at_end(self.unit, p).slot(slot);
                            Some(tag.and_then(Type::of_tag).unwrap_or(Type::Boxed))
                        }
                        known => known,
                    };
                    met = match (met, arriving) {
                        (None, t) | (t, None) => t,
                        (Some(a), Some(b)) => Some(if a == b { a } else { Type::Boxed }),
                    };
                }
                changed |= seen.insert((b, slot), met) != Some(met);
            }
            if !changed {
                break;
            }
        }
        self.types = seen.into_iter().map(|(k, ty)| (k, ty.unwrap_or(Type::Boxed))).collect();
    }

    /// Lets the values stand for the loads. Returns how many loads went.
    fn replace_loads(&mut self, loads: &[Redundant]) -> u64 {
        let mut stands_for: FxHashMap<NodeId, NodeId> = FxHashMap::default();
        let mut removed = 0;
        for l in loads {
            let value = self.value(l.def, l.slot);
            let value = stands_for.get(&value).copied().unwrap_or(value);
            let graph = &mut self.unit.graph;
            let ty = graph.node(l.load).ty.unwrap_or(Type::Boxed);
            // In code that a guard keeps from being executed types may contradict each other.
            if value == l.load || !fits(graph, value, ty) {
                continue;
            }
            let value = converted(graph, value, ty);
            stands_for.insert(l.load, value);
            graph.replace_uses(l.load, value);
            graph.remove_effect(l.load);
            removed += 1;
        }
        removed
    }
}

/// The unboxed type of what is boxed, where the graph shows it.
fn type_of(graph: &Graph, n: NodeId) -> Type {
    match graph.node(n).ty {
        Some(Type::Boxed) | None => known_tag(graph, n).and_then(Type::of_tag).unwrap_or(Type::Boxed),
        Some(ty) => ty,
    }
}

fn fits(graph: &Graph, value: NodeId, ty: Type) -> bool {
    match graph.node(value).ty {
        Some(have) => have == ty || have == Type::Boxed || ty == Type::Boxed && have.tag().is_some(),
        None => false,
    }
}

/// A value as one of this type, which it [`fits`].
fn converted(graph: &mut Graph, value: NodeId, ty: Type) -> NodeId {
    let node = graph.node(value);
    let (have, origin) = (node.ty, node.origin);
    match have {
        Some(have) if have == ty => value,
        Some(Type::Boxed) if node.op == Op::Box && graph.node(node.args[0]).ty == Some(ty) => node.args[0],
        Some(Type::Boxed) => graph.pure(Op::Unbox(ty), &[value], ty, origin),
        _ => graph.pure(Op::Box, &[value], Type::Boxed, origin),
    }
}
