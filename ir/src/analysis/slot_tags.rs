//! Which tag the memory of each frame slot is known to hold.
//!
//! A forward must-analysis over slots and boxed values, across blocks: a fact holds at a point if it holds on every path
//! there. Stores of values whose tag the graph knows make a slot's tag known; so does a guard on a value that was loaded
//! from the slot, or stored to it, with no write in between. Calls and runtime operations make unknown what they may write:
//! no callee's result is trusted. Slots that inner functions capture are never known.

use std::borrow::Cow;

use gscript::value::Tag;
use smallvec::SmallVec;

use crate::effects::may_write;
use crate::graph::{BlockId, Graph, NodeId};
use crate::op::{Op, TagHalf, Type};
use crate::small_map::SmallMap;
use crate::unit::Unit;

/// What is known at one point of a graph.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TagFacts {
    slots: SmallMap<u16, SlotFact>,
    /// Tags that guards have proved.
    values: SmallMap<NodeId, Tag>,
}

/// What is known of one slot's memory.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct SlotFact {
    tag: Option<Tag>,
    /// Values that are equal to the slot's content.
    same: SmallVec<[NodeId; 2]>,
}

/// Something to be taken for granted: on these edges, a slot holds a tag.
#[derive(Clone, Debug)]
pub struct Assumption {
    /// Where the edges come from.
    pub from: Vec<BlockId>,
    /// Where they lead.
    pub to: BlockId,
    /// The slot.
    pub slot: u16,
    /// Its tag.
    pub tag: Tag,
}

/// The tag of a value as far as the graph itself tells: unboxed, or boxed just now, or constant.
pub fn known_tag(graph: &Graph, n: NodeId) -> Option<Tag> {
    let node = graph.node(n);
    match node.op {
        Op::BoxedConst(v) => Some(v.tag),
        Op::Box => node.args.first().and_then(|&a| graph.node(a).ty?.tag()),
        _ => node.ty.and_then(Type::tag),
    }
}

impl TagFacts {
    /// The tag that the slot's memory holds.
    pub fn slot(&self, slot: u16) -> Option<Tag> {
        self.slots.get(&slot)?.tag
    }

    /// The tag of a value.
    pub fn value(&self, graph: &Graph, n: NodeId) -> Option<Tag> {
        known_tag(graph, n).or_else(|| self.values.get(&n).copied())
    }

    /// Goes past effect `n`.
    pub fn pass(&mut self, unit: &Unit, n: NodeId) {
        let graph = &unit.graph;
        let node = graph.node(n);
        match node.op {
            Op::SlotLoad(slot, ty) => {
                self.redefine(n);
                if unit.shared.contains(slot) {
                    return;
                }
                let fact = self.slots.get_or_default(slot);
                if ty == Type::Boxed {
                    fact.same.push(n);
                    if let Some(tag) = fact.tag {
                        self.values.insert(n, tag);
                    }
                }
            }
            Op::SlotStore(slot) => {
                if unit.shared.contains(slot) {
                    self.slots.remove(&slot);
                } else {
                    let value = node.args[0];
                    let tag = self.value(graph, value);
                    let same = if graph.node(value).ty == Some(Type::Boxed) {
                        SmallVec::from_slice(&[value])
                    } else {
                        SmallVec::new()
                    };
                    self.slots.insert(slot, SlotFact { tag, same });
                }
            }
            Op::SlotStorePayload(slot, half) => {
                self.slots.remove(&slot);
                // Its pass has proved the tag, whether this analysis can still see that or not.
                if half == TagHalf::Right && !unit.shared.contains(slot) {
                    let tag = known_tag(graph, node.args[0]);
                    self.slots.insert(slot, SlotFact { tag, same: SmallVec::new() });
                }
            }
            Op::GuardTag(tag) => self.learn(node.args[0], tag),
            _ => {
                if node.ty.is_some() {
                    self.redefine(n);
                }
                for slot in may_write(unit, n).iter() {
                    self.slots.remove(&slot);
                }
            }
        }
    }

    /// A value is known to have a tag, and with it the slots that it is equal to, and what else is equal to them.
    fn learn(&mut self, value: NodeId, tag: Tag) {
        self.values.insert(value, tag);
        for fact in self.slots.values_mut().filter(|f| f.same.contains(&value)) {
            fact.tag = Some(tag);
            for &other in &fact.same {
                self.values.insert(other, tag);
            }
        }
    }

    /// A value is computed anew: what was known is about its last instance.
    fn redefine(&mut self, n: NodeId) {
        self.values.remove(&n);
        for fact in self.slots.values_mut() {
            fact.same.retain(|v| *v != n);
        }
    }

    /// Keeps what `other` knows too.
    fn meet(&mut self, other: &TagFacts) {
        self.slots.retain(|slot, fact| {
            let Some(theirs) = other.slots.get(slot) else { return false };
            fact.tag = fact.tag.filter(|t| theirs.tag == Some(*t));
            fact.same.retain(|v| theirs.same.contains(v));
            fact.tag.is_some() || !fact.same.is_empty()
        });
        self.values.retain(|v, tag| other.values.get(v) == Some(tag));
    }
}

/// The facts at the start of every reachable block.
pub struct SlotTags {
    /// In reverse postorder.
    at_start: Vec<(BlockId, TagFacts)>,
}

impl SlotTags {
    /// For a unit, with some things taken for granted.
    ///
    /// Iterates from optimism: a predecessor that was not visited yet does not count. Facts only ever go away, so this ends.
    pub fn new(unit: &Unit, assumed: &[Assumption]) -> SlotTags {
        let graph = &unit.graph;
        let order = graph.reverse_postorder();
        let mut index = vec![usize::MAX; graph.block_bound()];
        for (i, b) in order.iter().enumerate() {
            index[b.0 as usize] = i;
        }
        let place = |b: BlockId| index.get(b.0 as usize).copied().filter(|&i| i != usize::MAX);
        let preds: Vec<SmallVec<[usize; 4]>> =
            order.iter().map(|&b| graph.preds(b).into_iter().filter_map(place).collect()).collect();
        let mut starts: Vec<Option<TagFacts>> = vec![None; order.len()];
        let mut ends: Vec<Option<TagFacts>> = vec![None; order.len()];
        let mut again = vec![true; order.len()];
        while again.contains(&true) {
            for (i, &b) in order.iter().enumerate() {
                if !std::mem::take(&mut again[i]) {
                    continue;
                }
                let mut meet: Option<TagFacts> = None;
                // Self calls come in here without having passed the entry block.
                let is_self_entry = unit.self_entry.as_ref().is_some_and(|e| e.block == b);
                for &p in preds[i].iter().filter(|_| !is_self_entry) {
                    let Some(end) = &ends[p] else { continue };
                    let mut facts = Cow::Borrowed(end);
                    for a in assumed.iter().filter(|a| a.to == b && a.from.contains(&order[p])) {
                        facts.to_mut().slots.get_or_default(a.slot).tag = Some(a.tag);
                    }
                    match &mut meet {
                        None => meet = Some(facts.into_owned()),
                        Some(m) => m.meet(&facts),
                    }
                }
                let mut facts = meet.unwrap_or_default();
                for &p in &graph.block(b).params {
                    facts.redefine(p);
                }
                if starts[i].as_ref() == Some(&facts) {
                    continue;
                }
                starts[i] = Some(facts.clone());
                for &n in &graph.block(b).effects {
                    facts.pass(unit, n);
                }
                if ends[i].as_ref() != Some(&facts) {
                    ends[i] = Some(facts);
                    graph.succs(b).into_iter().filter_map(place).for_each(|s| again[s] = true);
                }
            }
        }
        let starts = starts.into_iter().map(Option::unwrap_or_default);
        SlotTags { at_start: order.into_iter().zip(starts).collect() }
    }

    /// The reachable blocks in reverse postorder, with what is known where each starts.
    pub fn blocks(&self) -> impl Iterator<Item = (BlockId, TagFacts)> + '_ {
        self.at_start.iter().map(|(b, facts)| (*b, facts.clone()))
    }

    /// What is known where a block starts; go on from there with [`TagFacts::pass`].
    pub fn at_start(&self, b: BlockId) -> TagFacts {
        self.at_start.iter().find(|(at, _)| *at == b).map(|(_, facts)| facts.clone()).unwrap_or_default()
    }

    /// What is known where a block ends.
    pub fn at_end(&self, unit: &Unit, b: BlockId) -> TagFacts {
        let mut facts = self.at_start(b);
        for &n in &unit.graph.block(b).effects {
            facts.pass(unit, n);
        }
        facts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::{parse_unit, synthetic_program};

    /// The known slots at the end of a block, as `slot:tag`.
    fn at_end(text: &str, b: u32) -> Vec<String> {
        let unit = parse_unit(text, &synthetic_program(6, 0, 8)).expect("a graph");
        let facts = SlotTags::new(&unit, &[]).at_end(&unit, BlockId(b));
        facts.slots.iter().filter_map(|(slot, f)| f.tag.map(|t| format!("{slot}:{t}"))).collect()
    }

    #[test]
    fn joins_keep_what_both_paths_know() {
        let text = "unit test slots=6 {
            b0:
                v0 = slot.load.boxed 0
                v1 = truthy v0
                branch v1, b1, b2
            b1:
                v2 = iconst 1
                v3: slot.store 1, v2
                v4: slot.store 2, v2
                jump b3
            b2:
                v5 = iconst 2
                v6 = fconst 2.0
                v7: slot.store 1, v5
                v8: slot.store 2, v6
                jump b3
            b3:
                return 0, 1
            }";
        assert_eq!(at_end(text, 1), ["1:int", "2:int"]);
        assert_eq!(at_end(text, 3), ["1:int"]);
    }

    #[test]
    fn guards_tell_of_the_slots_that_a_value_came_from() {
        let text = "unit test slots=6 {
            b0:
                v0 = slot.load.boxed 0
                v1: slot.store 1, v0
                v2 = slot.load.boxed 2
                v3: slot.store 2, v0
                v4: guard.tag int v0 [p1@0:0]
                v5: guard.tag float v2 [p1@0:0]
                return 0, 1
            }";
        // Slot 2 was overwritten after v2 was loaded from it: it holds v0.
        assert_eq!(at_end(text, 0), ["0:int", "1:int", "2:int"]);
    }

    #[test]
    fn loops_keep_a_tag_that_every_write_keeps() {
        let text = "unit test slots=6 {
            b0:
                v0 = iconst 0
                v1: slot.store 0, v0
                v2: slot.store 1, v0
                jump b1
            b1:
                v3 = slot.load.int 0
                v4 = iadd v3, v3
                v5: slot.store 0, v4
                v6 = itof v3
                v7: slot.store 1, v6
                v8 = icmp.lt v4, v3
                branch v8, b1, b2
            b2:
                return 0, 1
            }";
        assert_eq!(at_end(text, 1), ["0:int", "1:float"]);
        let unit = parse_unit(text, &synthetic_program(6, 0, 8)).expect("a graph");
        let facts = SlotTags::new(&unit, &[]).at_start(BlockId(1));
        assert_eq!((facts.slot(0), facts.slot(1)), (Some(Tag::Int), None));
    }

    #[test]
    fn calls_forget_their_results_and_captured_slots_are_never_known() {
        let text = "unit test slots=6 shared={3} {
            b0:
                v0 = iconst 0
                v1: slot.store 0, v0
                v2: slot.store 2, v0
                v3: slot.store 3, v0
                v4: call a=2 nargs=1 results=1 [p1@0:1]
                return 0, 1
            }";
        assert_eq!(at_end(text, 0), ["0:int"]);
    }

    #[test]
    fn a_payload_store_keeps_the_tag_only_where_it_says_so() {
        let text = "unit test slots=6 {
            b0:
                v0 = iconst 0
                v1: slot.store 0, v0
                v2: slot.store 1, v0
                v3: slot.store.payload 0, v0
                v4: slot.store.untagged 1, v0
                return 0, 1
            }";
        assert_eq!(at_end(text, 0), ["0:int"]);
    }
}
