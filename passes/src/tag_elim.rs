//! Tag elimination: a store writes the payload alone where the tag in memory is right already, or where nobody looks at it.
//!
//! Two things justify it. Either the slot's memory holds the right tag on every path to the store, by the same forward
//! analysis that [type seeding](crate::type_seed) stands on. Or a backward liveness of the tags says that the tag is not
//! read before the slot gets one again: loads of the payload do not read it; whole loads, calls, runtime operations, returns
//! and exits do. An exit that alone reads it gets the slot as a value to write, where that costs nothing on the way.
//!
//! A wrong tag must never be seen by an exit, a callee, or a collector. The runtime may collect in any operation of its own
//! and in every call: all slots that the function still needs count as read there. Slots that inner functions capture keep
//! their tags.

use std::collections::BTreeMap;

use gsx_ir::analysis::liveness::{bytecode_liveness, successors};
use gsx_ir::analysis::slot_tags::{SlotTags, known_tag};
use gsx_ir::effects::{SnapshotReads, slot_effects};
use gsx_ir::graph::Terminator;
use gsx_ir::{BlockId, Layout, NodeId, Op, SlotSet, SnapshotId, TagHalf, Type, Unit};

use crate::dse::{snapshot_stores, unserved_reads};
use crate::support::{counted, remove_unused_loads, slot_name};
use crate::{Outcome, Pass, PassContext, PassError, PassInfo, RemarkKind};

/// The pass.
pub struct TagElim;

static INFO: PassInfo = PassInfo {
    id: "tag-elim",
    summary: "stores write the payload alone where the tag in memory is right or unread",
    details: "A store of a number or boolean becomes one store of its payload, where every path to it has left the right tag in \
              the slot, or where the tag is overwritten before anything reads it: a whole load, a call that copies it, a \
              runtime operation, a return, an exit. Loads of the payload alone, which type-seed makes, do not read the tag. \
              It comes after dse, since a tag that one store leaves for the next keeps the first one alive.",
    groups: &["types", "seed"],
    needs: &[],
    origin: "seed post, tag elimination (upstream: storeIntValue)",
};

impl Pass for TagElim {
    fn info(&self) -> &'static PassInfo {
        &INFO
    }

    fn run(&self, unit: &mut Unit, cx: &mut PassContext) -> Result<Outcome, PassError> {
        if unit.layout == Layout::NanBox {
            cx.remark(RemarkKind::Note, "does nothing: in NaN-boxed slots tag and payload are one word");
            return Ok(Outcome::Unchanged);
        }
        let right = keep_right_tags(unit, cx);
        let (unread, given) = drop_unread_tags(unit, cx);
        remove_unused_loads(&mut unit.graph, cx);
        cx.count("tags right in memory", right);
        cx.count("tags that nobody reads", unread);
        cx.count("values handed to exit stubs", given);
        if right + unread == 0 {
            cx.remark(RemarkKind::Note, "every tag that is stored is new to its slot, and read");
            return Ok(Outcome::Unchanged);
        }
        let stubs = if given == 0 {
            String::new()
        } else {
            format!("; exit stubs got {} that they now write back themselves", counted(given, "value"))
        };
        let text = format!(
            "dropped {}: {right} right in memory already, {unread} read by nobody{stubs}",
            counted(right + unread, "tag")
        );
        cx.remark(RemarkKind::Applied, text);
        Ok(Outcome::Changed)
    }
}

/// Stores over the right tag write the payload alone; gives how many.
fn keep_right_tags(unit: &mut Unit, cx: &mut PassContext) -> u64 {
    let tags = SlotTags::new(unit, &[]);
    let mut found = Vec::new();
    for (b, mut facts) in tags.blocks() {
        for &n in &unit.graph.block(b).effects {
            let node = unit.graph.node(n);
            if let Op::SlotStore(slot) = node.op
                && let Some(tag) = facts.slot(slot)
                && facts.value(&unit.graph, node.args[0]) == Some(tag)
                && let Some(ty) = Type::of_tag(tag)
            {
                found.push((n, slot, ty));
            }
            facts.pass(unit, n);
        }
    }
    let mut done = 0;
    for (n, slot, ty) in found {
        if cx.permits(|| format!("store the payload of {} alone: its tag is right", place(unit, n, slot))) {
            let payload = payload(unit, n, ty);
            unit.graph.rewrite(n, Op::SlotStorePayload(slot, TagHalf::Right), &[payload]);
            done += 1;
        }
    }
    done
}

/// The payload of what a store writes, which is known to be of this type.
fn payload(unit: &mut Unit, store: NodeId, ty: Type) -> NodeId {
    let graph = &mut unit.graph;
    let (value, origin) = (graph.node(store).args[0], graph.node(store).origin);
    let node = graph.node(value);
    match node.op {
        _ if node.ty == Some(ty) => value,
        Op::Box => node.args[0],
        Op::BoxedConst(v) => {
            let op = match ty {
                Type::Int => Op::IConst(v.as_int()),
                Type::Float => Op::FConst(v.bits),
                _ => Op::BConst(v.bits != 0),
            };
            graph.pure(op, &[], ty, origin)
        }
        _ => graph.pure(Op::Unbox(ty), &[value], ty, origin),
    }
}

/// Stores whose tag nobody reads write the payload alone; gives how many, and how many values exits got for it.
fn drop_unread_tags(unit: &mut Unit, cx: &mut PassContext) -> (u64, u64) {
    let order = unit.graph.reverse_postorder();
    let reads = SnapshotReads::new(unit);
    // Which store reaches which exit is not worth finding out where something else reads every tag.
    if unread_tags(unit, &order, None).is_empty() {
        return (0, 0);
    }
    let reaching = snapshot_stores(unit, &order, &reads);
    let unread = unread_tags(unit, &order, Some((&reads, &reaching)));
    let (mut dropped, mut given) = (0, 0);
    for (n, slot, ty) in unread {
        if !cx.permits(|| format!("store the payload of {} alone: nobody reads its tag", place(unit, n, slot))) {
            continue;
        }
        let payload = payload(unit, n, ty);
        for (&(snapshot, _), _) in reaching.iter().filter(|((_, s), store)| *s == slot && **store == n) {
            let mut writes = unit.graph.snapshot(snapshot).writes.clone();
            writes.push((slot, payload));
            writes.sort_unstable();
            unit.graph.set_snapshot_writes(snapshot, writes);
            given += 1;
        }
        unit.graph.rewrite(n, Op::SlotStorePayload(slot, TagHalf::Unread), &[payload]);
        unit.stale.insert(slot);
        dropped += 1;
    }
    (dropped, given)
}

fn place(unit: &Unit, n: NodeId, slot: u16) -> String {
    format!("{} ({n})", slot_name(unit, slot, unit.graph.node(n).origin))
}

/// What snapshots read from memory, and the one store that a slot of theirs comes from, where there is one: if that loses
/// its tag, the snapshot gets the value.
type Exits<'a> = (&'a SnapshotReads, &'a BTreeMap<(SnapshotId, u16), NodeId>);

/// Stores of numbers and booleans whose tags no path reads. Without `exits`, these read nothing.
fn unread_tags(unit: &Unit, order: &[BlockId], exits: Option<Exits<'_>>) -> Vec<(NodeId, u16, Type)> {
    let graph = &unit.graph;
    let exits = exits.map(|(reads, served)| unserved_reads(unit, reads, served));
    let live = Liveness { unit, exits, bytecode: bytecode_liveness(unit.bytecode()) };
    let mut live_in = vec![SlotSet::EMPTY; graph.block_bound()];
    loop {
        let mut changed = false;
        for &b in order.iter().rev() {
            let set = live.block(b, &live_in, &mut Vec::new());
            if live_in[b.0 as usize] != set {
                live_in[b.0 as usize] = set;
                changed = true;
            }
        }
        if !changed || graph.is_acyclic() {
            break;
        }
    }
    let mut unread = Vec::new();
    for &b in order {
        let mut here = Vec::new();
        live.block(b, &live_in, &mut here);
        unread.extend(here.into_iter().rev());
    }
    let typed = |(n, slot): (NodeId, u16)| {
        let ty = known_tag(graph, graph.node(n).args[0]).and_then(Type::of_tag)?;
        Some((n, slot, ty))
    };
    unread.into_iter().filter_map(typed).collect()
}

/// Backward liveness of the slots' tags in memory.
struct Liveness<'a> {
    unit: &'a Unit,
    /// By snapshot: what it reads from memory. None where snapshots count for nothing.
    exits: Option<Vec<SlotSet>>,
    bytecode: Vec<SlotSet>,
}

impl Liveness<'_> {
    /// Tags read at the start of a block or behind it. Stores whose tag is not read are added to `unread`, last one first.
    fn block(&self, b: BlockId, live_in: &[SlotSet], unread: &mut Vec<(NodeId, u16)>) -> SlotSet {
        let graph = &self.unit.graph;
        let mut live = SlotSet::EMPTY;
        for next in graph.succs(b) {
            live.union(&live_in[next.0 as usize]);
        }
        match graph.block(b).term {
            Terminator::Return { first, count } => {
                live.union(&SlotSet::range(first..first + count));
            }
            Terminator::Exit(s) => {
                live.union(&self.snapshot(s));
            }
            _ => {}
        }
        for &n in graph.block(b).effects.iter().rev() {
            let node = graph.node(n);
            match node.op {
                Op::SlotStore(slot) => {
                    if !live.contains(slot) && !self.unit.shared.contains(slot) {
                        unread.push((n, slot));
                    }
                    live.remove(slot);
                }
                Op::SlotStorePayload(slot, TagHalf::Right) => {
                    live.insert(slot);
                }
                Op::SlotLoad(_, ty) if ty != Type::Boxed => {}
                op => {
                    let effects = slot_effects(self.unit, n);
                    live.subtract(&effects.writes);
                    live.union(&effects.reads);
                    if op.may_run_code() {
                        live.union(&self.needed_around(n));
                    }
                }
            }
            if let Some(s) = node.snapshot {
                live.union(&self.snapshot(s));
            }
        }
        live
    }

    fn snapshot(&self, s: SnapshotId) -> SlotSet {
        self.exits.as_ref().map_or(SlotSet::EMPTY, |exits| exits[s.0 as usize])
    }

    /// Slots that the function needs before or after an operation of the runtime, which may look at them.
    fn needed_around(&self, n: NodeId) -> SlotSet {
        let origin = self.unit.graph.node(n).origin;
        if origin.proto != self.unit.proto {
            return SlotSet::below(self.unit.frame_slots);
        }
        let pc = origin.pc as usize;
        let mut set = self.bytecode.get(pc).copied().unwrap_or_default();
        for next in successors(self.unit.bytecode(), pc) {
            if let Some(live) = self.bytecode.get(next) {
                set.union(live);
            }
        }
        set
    }
}
