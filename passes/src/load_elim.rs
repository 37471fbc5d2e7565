//! Load elimination: a load whose memory is known to hold a value gives way to that value.
//!
//! A forward analysis knows, at each point, what some memory holds: what was stored there or loaded from there before, on
//! every path, with nothing in between that may have written it. What may write what is [`gsx_ir::memory`]'s alias rule for
//! tables, globals and upvalues, and [`gsx_ir::effects`]' for frame slots. Whatever runs other code ends all that is known
//! but of frame slots that no closure captures. In a loop, only what is computed outside of it is carried around.

use gsx_ir::analysis::congruence::Congruence;
use gsx_ir::effects::slot_effects;
use gsx_ir::graph::DomTree;
use gsx_ir::memory::{Memory, may_write};
use gsx_ir::op::TablePart;
use gsx_ir::{BlockId, Graph, NodeId, Op, Type, Unit};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::support::{all_sources, counted, remove_proved_guards, remove_unused_loads};
use crate::{Outcome, Pass, PassContext, PassError, PassInfo, RemarkKind};

/// The pass.
pub struct LoadElim;

static INFO: PassInfo = PassInfo {
    id: "load-elim",
    summary: "loads of what is known to be in memory give way to the value",
    details: "A load from a frame slot, a global, an upvalue, a table's header, a field or an array element is removed where every \
              path to it has stored or loaded that memory before, and nothing since may have written it. Fields with \
              different slots never overlap, nor do fields, elements and headers; two fields with one slot, or two \
              elements, do unless they are of the same block (and, elements, have different constant keys). Calls and \
              runtime steps end what is known, apart from frame slots that they do not write.",
    groups: &["memory"],
    needs: &[],
    origin: "redundant load elimination and store-to-load forwarding: Fink, Knobe, Sarkar, \"Unified analysis of array and object \
             references in strongly typed languages\", 2000",
};

/// Rounds after which the pass stops looking: each one uncovers addresses that the next can tell to be equal.
const ROUNDS: usize = 8;

impl Pass for LoadElim {
    fn info(&self) -> &'static PassInfo {
        &INFO
    }

    fn run(&self, unit: &mut Unit, cx: &mut PassContext) -> Result<Outcome, PassError> {
        let (mut slots, mut others) = (0, 0);
        for _ in 0..ROUNDS {
            let found = redundant_loads(unit);
            let mut changed = false;
            for (load, value) in found {
                let is_slot = matches!(unit.graph.node(load).op, Op::SlotLoad(..));
                if !cx.permits(|| format!("{} is {value}", text(unit, load))) {
                    continue;
                }
                replace(unit, load, value);
                changed = true;
                if is_slot {
                    slots += 1;
                } else {
                    others += 1;
                }
            }
            if !changed {
                break;
            }
        }
        cx.count("slot loads removed", slots);
        cx.count("other loads removed", others);
        if slots + others == 0 {
            return Ok(Outcome::Unchanged);
        }
        let guards = remove_proved_guards(&mut unit.graph, cx);
        remove_unused_loads(&mut unit.graph, cx);
        cx.count("guards proved", guards);
        let text = format!(
            "removed {} of frame slots and {} of tables, globals and upvalues",
            counted(slots, "load"),
            counted(others, "load")
        );
        cx.remark(RemarkKind::Applied, text);
        Ok(Outcome::Changed)
    }
}

fn text(unit: &Unit, load: NodeId) -> String {
    format!("{load}, {:?},", unit.graph.node(load).op)
}

/// Lets `value` stand for what `load` gives.
fn replace(unit: &mut Unit, load: NodeId, value: NodeId) {
    let graph = &mut unit.graph;
    let (wanted, origin) = (graph.node(load).ty, graph.node(load).origin);
    let value = match (wanted, graph.node(value).ty) {
        (Some(Type::Boxed), Some(have)) if have != Type::Boxed => graph.pure(Op::Box, &[value], Type::Boxed, origin),
        (Some(ty), Some(Type::Boxed)) if ty != Type::Boxed => graph.pure(Op::Unbox(ty), &[value], ty, origin),
        _ => value,
    };
    graph.replace_uses(load, value);
    graph.remove_effect(load);
}

/// Which element of an array part.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Index {
    Constant(i64),
    Value(NodeId),
}

/// A piece of memory. Objects are named by the value that their address comes from.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Place {
    Slot(u16),
    Global(u32),
    Upvalue(u8),
    Table(TablePart, NodeId),
    Field(u32, NodeId),
    Element(NodeId, Index),
}

impl Place {
    /// What a load or store accesses, if it is one.
    fn of(graph: &Graph, congruence: &Congruence, n: NodeId) -> Option<Place> {
        let node = graph.node(n);
        let object = |i: usize| source(graph, congruence, node.args[i]);
        Some(match node.op {
            Op::SlotLoad(slot, _) | Op::SlotStore(slot) | Op::SlotStorePayload(slot, _) => Place::Slot(slot),
            Op::GlobalLoad(i) | Op::GlobalStore(i) => Place::Global(i),
            Op::UpvalLoad(i) | Op::UpvalStore(i) => Place::Upvalue(i),
            Op::TableLoad(part) => Place::Table(part, object(0)),
            Op::FieldLoad(i) | Op::FieldStore(i) => Place::Field(i, object(0)),
            Op::ElemLoad | Op::ElemStore => {
                let index = match graph.node(node.args[1]).op {
                    Op::IConst(k) => Index::Constant(k),
                    _ => Index::Value(object(1)),
                };
                Place::Element(object(0), index)
            }
            _ => return None,
        })
    }

    fn memory(self) -> Option<Memory> {
        Some(match self {
            Place::Slot(_) => return None,
            Place::Global(i) => Memory::Global(i),
            Place::Upvalue(_) => Memory::Upvalues,
            Place::Table(part, _) => Memory::Table(part),
            Place::Field(i, _) => Memory::Field(i),
            Place::Element(..) => Memory::Elements,
        })
    }

    /// Are these, of one class of memory, surely different places?
    fn is_apart_from(self, other: Place) -> bool {
        match (self, other) {
            (Place::Element(a, Index::Constant(i)), Place::Element(b, Index::Constant(j))) => a == b && i != j,
            _ => false,
        }
    }

    /// The values that it is named by.
    fn names(self) -> impl Iterator<Item = NodeId> {
        let (a, b) = match self {
            Place::Slot(_) | Place::Global(_) | Place::Upvalue(_) => (None, None),
            Place::Table(_, n) | Place::Field(_, n) => (Some(n), None),
            Place::Element(n, Index::Constant(_)) => (Some(n), None),
            Place::Element(n, Index::Value(k)) => (Some(n), Some(k)),
        };
        a.into_iter().chain(b)
    }
}

/// The value that an address or a key is the payload of: different unboxings of one value give the same.
fn source(graph: &Graph, congruence: &Congruence, n: NodeId) -> NodeId {
    match graph.node(n).op {
        Op::Unbox(Type::Ptr | Type::Int) => congruence.of(graph.node(n).args[0]),
        _ => congruence.of(n),
    }
}

/// What is known to be in memory.
#[derive(Clone, PartialEq, Default)]
struct Known(FxHashMap<Place, NodeId>);

impl Known {
    /// Goes on behind effect `n`.
    fn pass(&mut self, unit: &Unit, congruence: &Congruence, n: NodeId) {
        let graph = &unit.graph;
        let node = graph.node(n);
        let place = Place::of(graph, congruence, n);
        if node.op.is_load() {
            // What the unit does not use as a whole value it may not have in memory as one.
            if let Some(place) = place.filter(|p| !self.0.contains_key(p)) {
                self.0.insert(place, n);
            }
            return;
        }
        let effects = slot_effects(unit, n);
        let shared = node.op.may_run_code() || matches!(node.op, Op::UpvalStore(_) | Op::CloseFrame);
        let writes_shared = matches!(place, Some(Place::Slot(slot)) if unit.shared.contains(slot));
        self.0.retain(|&known, _| match known {
            Place::Slot(slot) => !(effects.may_write.contains(slot) || shared && unit.shared.contains(slot)),
            Place::Upvalue(_) if writes_shared => false,
            known => {
                let written = known.memory().is_some_and(|m| may_write(node.op, m));
                !written || place.is_some_and(|p| p.is_apart_from(known))
            }
        });
        if let (Some(place), Some(&value)) = (place, node.args.last()) {
            self.0.insert(place, value);
        }
    }

    /// Keeps what `other` knows too.
    fn meet(&mut self, other: &Known) {
        self.0.retain(|place, value| other.0.get(place) == Some(value));
    }

    /// Keeps what is computed before `header`, and so is the same in every iteration of its loop.
    fn carry_around(&mut self, graph: &Graph, doms: &DomTree, header: BlockId) {
        let is_before = |n: NodeId| graph.node(n).block.is_none_or(|b| b != header && doms.dominates(b, header));
        let mut before = FxHashSet::default();
        self.0.retain(|place, value| {
            place.names().chain([*value]).all(|n| all_sources(graph, n, &mut before, is_before))
        });
    }
}

/// Loads with the value that each one gives, in an order in which they can be replaced one after the other.
fn redundant_loads(unit: &Unit) -> Vec<(NodeId, NodeId)> {
    let graph = &unit.graph;
    let order = graph.reverse_postorder();
    let doms = graph.dominators();
    let congruence = Congruence::new(graph);
    let place: FxHashMap<BlockId, usize> = order.iter().enumerate().map(|(i, &b)| (b, i)).collect();
    let mut starts: Vec<Known> = vec![Known::default(); order.len()];
    let mut ends: Vec<Option<Known>> = vec![None; order.len()];
    // Optimistic: a predecessor that was not visited yet does not count. What is known only ever shrinks, so this ends.
    let mut changed = true;
    while changed {
        changed = false;
        for (i, &b) in order.iter().enumerate() {
            let mut known: Option<Known> = None;
            // Self calls come in here without having passed the entry block.
            let is_self_entry = unit.self_entry.as_ref().is_some_and(|e| e.block == b);
            for p in graph.preds(b).into_iter().filter(|_| !is_self_entry) {
                let Some(&j) = place.get(&p) else { continue };
                let Some(end) = &ends[j] else { continue };
                let mut end = end.clone();
                if j >= i {
                    end.carry_around(graph, &doms, b);
                }
                match &mut known {
                    None => known = Some(end),
                    Some(k) => k.meet(&end),
                }
            }
            let start = known.unwrap_or_default();
            if ends[i].is_some() && start == starts[i] {
                continue;
            }
            starts[i] = start.clone();
            let mut at = start;
            for &n in &graph.block(b).effects {
                at.pass(unit, &congruence, n);
            }
            if ends[i].as_ref() != Some(&at) {
                ends[i] = Some(at);
                changed = true;
            }
        }
    }
    let mut found = Vec::new();
    let mut stands_for: FxHashMap<NodeId, NodeId> = FxHashMap::default();
    for (i, &b) in order.iter().enumerate() {
        let mut known = starts[i].clone();
        for &n in &graph.block(b).effects {
            if graph.node(n).op.is_load()
                && let Some(&value) = Place::of(graph, &congruence, n).and_then(|p| known.0.get(&p))
                && value != n
                && fits(graph, n, value)
            {
                // The value may itself be a load that goes. What it was of any type for may be of one that does not fit, in
                // code that a guard keeps from being executed.
                let value = stands_for.get(&value).copied().unwrap_or(value);
                if fits(graph, n, value) {
                    stands_for.insert(n, value);
                    found.push((n, value));
                }
            }
            known.pass(unit, &congruence, n);
        }
    }
    found
}

/// Can `value` stand for `load`? Not if memory held a payload of another type, or a pointer was loaded.
fn fits(graph: &Graph, load: NodeId, value: NodeId) -> bool {
    match (graph.node(load).ty, graph.node(value).ty) {
        (Some(a), Some(b)) => a == b || a == Type::Boxed && b.tag().is_some() || b == Type::Boxed && a.tag().is_some(),
        _ => false,
    }
}
