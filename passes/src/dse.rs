//! Dead-store elimination over frame slots.
//!
//! A backward liveness analysis over the slots in memory: a store is dead if on every path the slot is overwritten, or
//! the function returns, before anything reads it. Readers are loads, calls and runtime operations, returns, and
//! snapshots. A snapshot that alone keeps a store alive gets the value instead, if the store is the only one that
//! reaches it: the exit stub then makes the store, off the main path. A value is not kept across a call for this
//! (constants and pinned registers excepted), since it would have to be saved there, which is a store again.
//!
//! Stores to slots that inner functions capture are never removed. The analysis looks at whole paths, not at the first
//! reader that a scan meets.

use std::collections::BTreeMap;

use fixedbitset::FixedBitSet;
use gsx_ir::effects::{SnapshotReads, slot_effects};
use gsx_ir::graph::Terminator;
use gsx_ir::{BlockId, NodeId, Op, SlotSet, SnapshotId, Unit};

use crate::live_values::live_behind_calls;
use crate::reaching::{Reaching, ReachingStores, transfer};
use crate::support::{counted, remove_unused_loads, slot_name, source_line};
use crate::{Outcome, Pass, PassContext, PassError, PassInfo, RemarkKind};

/// The pass.
pub struct DeadStore;

static INFO: PassInfo = PassInfo {
    id: "dse",
    summary: "stores that nothing reads before they are overwritten disappear",
    details: "Backward liveness over the frame's slots, across basic blocks. A store whose only readers are side exits moves \
              into their stubs, so that the main path is free of it. Without const-prop or a pin there is little to do, \
              because in slot form nearly every store is loaded again: this pass profits from the others.",
    groups: &["seed"],
    needs: &[],
    origin: "seed post, the final push, optimization 3 (upstream: isLoadIntDeadStore)",
};

impl Pass for DeadStore {
    fn info(&self) -> &'static PassInfo {
        &INFO
    }

    fn run(&self, unit: &mut Unit, cx: &mut PassContext) -> Result<Outcome, PassError> {
        let mut removed = 0;
        let mut sunk = 0;
        loop {
            let (r, s) = round(unit, cx);
            removed += r;
            sunk += s;
            // A removed store may have been the last user of a load, whose slot's own store may now be dead.
            if r == 0 {
                break;
            }
            remove_unused_loads(&mut unit.graph, cx);
        }
        cx.count("stores removed", removed);
        cx.count("values handed to exit stubs", sunk);
        if removed == 0 {
            cx.remark(RemarkKind::Note, "every store is read");
            return Ok(Outcome::Unchanged);
        }
        let stubs = if sunk == 0 {
            String::new()
        } else {
            format!("; exit stubs got {} that they now write back themselves", counted(sunk, "value"))
        };
        cx.remark(RemarkKind::Applied, format!("removed {}{stubs}", counted(removed, "store")));
        Ok(Outcome::Changed)
    }
}

/// One round: how many stores went, and how many values snapshots got.
fn round(unit: &mut Unit, cx: &mut PassContext) -> (u64, u64) {
    let order = unit.graph.reverse_postorder();
    let reads = SnapshotReads::new(unit);
    let reaching = snapshot_stores(unit, &order, &reads);
    let mut dead = dead_stores(unit, &order, &reads, &reaching);
    dead.retain(|&store| {
        cx.permits(|| {
            let at = unit.graph.node(store).origin;
            let name = stored_slot(unit.graph.node(store).op).map(|slot| slot_name(unit, slot, at));
            format!("removed the store to {} at {} ({store})", name.unwrap_or_default(), source_line(unit, at))
        })
    });
    let mut sunk = 0;
    for (&(snapshot, slot), &store) in &reaching {
        if dead.contains(&store) {
            let mut writes = unit.graph.snapshot(snapshot).writes.clone();
            writes.push((slot, unit.graph.node(store).args[0]));
            writes.sort_unstable();
            unit.graph.set_snapshot_writes(snapshot, writes);
            sunk += 1;
        }
    }
    for &store in &dead {
        if let Some(slot) = stored_slot(unit.graph.node(store).op) {
            unit.stale.insert(slot);
        }
        unit.graph.remove_effect(store);
    }
    (dead.len() as u64, sunk)
}

/// The slot that a store writes.
fn stored_slot(op: Op) -> Option<u16> {
    match op {
        Op::SlotStore(slot) | Op::SlotStorePayload(slot, _) => Some(slot),
        _ => None,
    }
}

/// For each snapshot and each slot that it needs from memory: the one store that the slot comes from, where there is one.
pub(crate) fn snapshot_stores(
    unit: &Unit,
    order: &[BlockId],
    reads: &SnapshotReads,
) -> BTreeMap<(SnapshotId, u16), NodeId> {
    let graph = &unit.graph;
    let live = live_behind_calls(graph, order);
    let keep_across_calls = |unit: &Unit, call: NodeId, state: &mut Reaching| {
        keep_across_call(unit, live.get(&call), state);
    };
    let stores = ReachingStores::new(unit, order, &keep_across_calls);
    let mut out = BTreeMap::new();
    let mut record = |s: SnapshotId, state: &Reaching| {
        for slot in reads.from_memory(unit, s).iter() {
            if let Some(&store) = state.get(&slot) {
                out.insert((s, slot), store);
            }
        }
    };
    for &b in order {
        let mut state = stores.at_start(unit, b);
        for &n in &graph.block(b).effects {
            if let Some(s) = graph.node(n).snapshot {
                // A call's snapshot also serves behind the call, and what is needed there must survive it.
                let mut survives = state.clone();
                if graph.node(n).op.may_run_code() {
                    keep_across_calls(unit, n, &mut survives);
                    let behind = reads.needed_behind(unit, n);
                    let before = state.iter().filter(|(slot, _)| !behind.contains(**slot));
                    survives.extend(before.map(|(&slot, &store)| (slot, store)));
                }
                record(s, &survives);
            }
            transfer(unit, n, &mut state, &keep_across_calls);
        }
        if let Terminator::Exit(s) = graph.block(b).term {
            record(s, &state);
        }
    }
    out
}

/// Forgets the stores whose values would have to be saved across a call for this alone.
fn keep_across_call(unit: &Unit, live: Option<&FixedBitSet>, state: &mut Reaching) {
    state.retain(|_, store| {
        let mut value = unit.graph.node(*store).args[0];
        if unit.graph.node(value).op == Op::Box {
            value = unit.graph.node(value).args[0];
        }
        let node = unit.graph.node(value);
        node.op.is_const() || node.pin.is_some() || live.is_some_and(|live| live.contains(value.0 as usize))
    });
}

/// By snapshot in use: the slots that it reads from memory and that no store was found to hand to it.
pub(crate) fn unserved_reads(
    unit: &Unit,
    reads: &SnapshotReads,
    served: &BTreeMap<(SnapshotId, u16), NodeId>,
) -> Vec<SlotSet> {
    let mut out = vec![SlotSet::EMPTY; unit.graph.snapshot_count()];
    for (s, _) in unit.graph.live_snapshots() {
        out[s.0 as usize] = reads.from_memory(unit, s);
    }
    for &(s, slot) in served.keys() {
        out[s.0 as usize].remove(slot);
    }
    out
}

/// Stores that no path reads from memory, given which snapshots can be served otherwise.
fn dead_stores(
    unit: &Unit,
    order: &[BlockId],
    reads: &SnapshotReads,
    served: &BTreeMap<(SnapshotId, u16), NodeId>,
) -> Vec<NodeId> {
    let graph = &unit.graph;
    let exits = unserved_reads(unit, reads, served);
    let read_by = |s: SnapshotId| &exits[s.0 as usize];
    let mut live_in = vec![SlotSet::EMPTY; graph.block_bound()];
    let walk = |b: BlockId, live_in: &[SlotSet], dead: &mut Vec<NodeId>| {
        let mut live = SlotSet::EMPTY;
        for next in graph.succs(b) {
            live.union(&live_in[next.0 as usize]);
        }
        match graph.block(b).term {
            Terminator::Return { first, count } => {
                live.union(&SlotSet::range(first..first + count));
            }
            Terminator::Exit(s) => {
                live.union(read_by(s));
            }
            _ => {}
        }
        for &n in graph.block(b).effects.iter().rev() {
            let node = graph.node(n);
            let effects = slot_effects(unit, n);
            if let Some(slot) = stored_slot(node.op)
                && !live.contains(slot)
                && !unit.shared.contains(slot)
            {
                dead.push(n);
            }
            live.subtract(&effects.writes);
            live.union(&effects.reads);
            if let Some(s) = node.snapshot {
                live.union(read_by(s));
            }
        }
        live
    };
    loop {
        let mut changed = false;
        for &b in order.iter().rev() {
            let live = walk(b, &live_in, &mut Vec::new());
            if live_in[b.0 as usize] != live {
                live_in[b.0 as usize] = live;
                changed = true;
            }
        }
        if !changed || graph.is_acyclic() {
            break;
        }
    }
    let mut dead = Vec::new();
    for &b in order {
        walk(b, &live_in, &mut dead);
    }
    dead
}
