//! What an effect does to the frame's slots: the facts that slot-based passes stand on.

use crate::analysis::liveness::{bytecode_liveness, inst_effects};
use crate::graph::{NodeId, SnapshotId};
use crate::op::{CallResults, Op, TagHalf};
use crate::unit::{SlotSet, Unit};

/// Slots that an effect reads and writes, apart from what its snapshot needs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SlotEffects {
    /// Read from memory.
    pub reads: SlotSet,
    /// Overwritten in memory whenever the operation completes.
    pub writes: SlotSet,
    /// Overwritten in memory, or perhaps not: all of `writes`, and the slots behind an open call's results.
    pub may_write: SlotSet,
}

/// Slots that effect `n` reads and writes. Slots in [`Unit::shared`] may in addition be read and written by whatever
/// operation [may run code](Op::may_run_code).
pub fn slot_effects(unit: &Unit, n: NodeId) -> SlotEffects {
    let node = unit.graph.node(n);
    let mut out = SlotEffects::default();
    match node.op {
        Op::SlotLoad(slot, _) => {
            out.reads.insert(slot);
        }
        Op::SlotStore(slot) => {
            out.writes.insert(slot);
        }
        // The tag stays. Where it matters, what wrote it must stay, too.
        Op::SlotStorePayload(slot, TagHalf::Right) => {
            out.may_write.insert(slot);
        }
        Op::SlotStorePayload(slot, TagHalf::Unread) => {
            out.writes.insert(slot);
        }
        Op::Call { a, nargs, results, .. } => {
            let a = u16::from(a);
            if node.args.is_empty() {
                out.reads = (a..=a + u16::from(nargs)).collect();
            }
            out.writes = (a..a + u16::from(results.count())).collect();
        }
        Op::HostCompare { b, c, .. } => {
            out.reads.insert(u16::from(b));
            out.reads.insert(u16::from(c));
        }
        Op::Step => {
            let effects = inst_effects(unit.program.proto(node.origin.proto), node.origin.pc as usize);
            out.reads = effects.reads;
            out.writes = effects.writes;
            out.may_write = effects.open_writes;
        }
        _ => {}
    }
    out.may_write.union(&out.writes);
    if node.op.may_run_code() || node.op == Op::CloseFrame {
        let shared = unit.shared;
        out.reads.union(&shared);
    }
    out
}

/// Liveness of every function that a unit's snapshots can resume in, computed once.
pub struct SnapshotReads {
    live: Vec<SlotSet>,
}

impl SnapshotReads {
    /// For the snapshots of `unit`.
    pub fn new(unit: &Unit) -> SnapshotReads {
        SnapshotReads { live: bytecode_liveness(unit.bytecode()) }
    }

    /// Slots that the interpreter may read after leaving through `s`, whether from memory or from the snapshot's writes.
    pub fn needed(&self, unit: &Unit, s: SnapshotId) -> SlotSet {
        let frame = unit.graph.snapshot(s).frames[0];
        let mut set = self.live.get(frame.pc as usize).copied().unwrap_or_default();
        set.union(&unit.shared);
        set
    }

    /// Slots that the interpreter may read after leaving behind call `n`, results aside.
    pub fn needed_behind(&self, unit: &Unit, n: NodeId) -> SlotSet {
        let node = unit.graph.node(n);
        let (Op::Call { a, results, .. }, Some(s)) = (node.op, node.snapshot) else { return SlotSet::EMPTY };
        let frame = unit.graph.snapshot(s).frames[0];
        let mut below = SlotSet::below(u16::from(a));
        // An exit for another number of results than expected keeps all that lies below them.
        if !matches!(results, CallResults::Expect(_)) {
            let behind = self.live.get(frame.pc as usize + 1).copied().unwrap_or_default();
            below.intersect(&behind);
        }
        below.union(&unit.shared);
        below
    }

    /// Slots that the interpreter reads from memory after leaving through `s`.
    pub fn from_memory(&self, unit: &Unit, s: SnapshotId) -> SlotSet {
        let mut set = self.needed(unit, s);
        for &(slot, _) in &unit.graph.snapshot(s).writes {
            set.remove(slot);
        }
        set
    }
}
