//! What an effect does to the frame's slots: the facts that slot-based passes stand on.

use gscript::bytecode::ProtoId;
use gscript::layout;

use crate::analysis::liveness::{bytecode_liveness, inst_effects};
use crate::graph::{FrameState, NodeId, SnapshotId};
use crate::op::{Op, TagHalf};
use crate::small_map::SmallMap;
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
                out.reads = SlotSet::range(a..a + u16::from(nargs) + 1);
            }
            out.writes = SlotSet::range(a..a + u16::from(results.count()));
            out.may_write = frames_above(unit, n);
        }
        Op::HostCompare { b, c, .. } => {
            out.reads.insert(u16::from(b));
            out.reads.insert(u16::from(c));
            out.reads.union(&headers(unit, n));
            out.may_write = frames_above(unit, n);
        }
        Op::Step => {
            let effects = inst_effects(unit.program.proto(node.origin.proto), node.origin.pc as usize);
            let base = unit.graph.frame_base(node.origin.frame);
            out.reads = headers(unit, n);
            out.reads.union_shifted(&effects.reads, base);
            out.writes.union_shifted(&effects.writes, base);
            out.may_write = frames_above(unit, n);
            out.may_write.union_shifted(&effects.open_writes, base);
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

/// Slots that effect `n` overwrites in memory, or perhaps not: [`SlotEffects::may_write`] by itself.
pub fn may_write(unit: &Unit, n: NodeId) -> SlotSet {
    match unit.graph.node(n).op {
        op if op.is_guard() || op.is_removable_when_unused() => SlotSet::EMPTY,
        _ => slot_effects(unit, n).may_write,
    }
}

/// Slots of the unit above the activation that effect `n` belongs to: whatever it calls has its frame there.
fn frames_above(unit: &Unit, n: NodeId) -> SlotSet {
    let first = unit.callee_base(unit.graph.node(n).origin.frame) - layout::FRAME_HEADER_SLOTS as u16;
    SlotSet::range(first..unit.frame_slots)
}

/// The headers of the inlined activations around effect `n`: the runtime finds the running function there.
fn headers(unit: &Unit, n: NodeId) -> SlotSet {
    let frames = unit.graph.frames_at(unit.graph.node(n).origin, None);
    frames.iter().skip(1).map(|f| f.base - layout::FRAME_HEADER_SLOTS as u16).collect()
}

/// Liveness of every function that a unit's snapshots can resume in, computed once.
pub struct SnapshotReads {
    live: SmallMap<ProtoId, Vec<SlotSet>>,
}

impl SnapshotReads {
    /// For the snapshots of `unit`.
    pub fn new(unit: &Unit) -> SnapshotReads {
        let mut live = SmallMap::new();
        for proto in unit.graph.inlined.iter().map(|c| c.proto).chain([unit.proto]) {
            live.get_or_insert_with(proto, || bytecode_liveness(unit.program.proto(proto)));
        }
        SnapshotReads { live }
    }

    /// Slots that the interpreter may read after leaving through `s`, whether from memory or from the snapshot's writes.
    pub fn needed(&self, unit: &Unit, s: SnapshotId) -> SlotSet {
        self.needed_by(unit, &unit.graph.snapshot(s).frames)
    }

    /// Slots that the interpreter may read when it goes on with these activations.
    pub fn needed_by(&self, unit: &Unit, frames: &[FrameState]) -> SlotSet {
        let mut set = unit.shared;
        for (i, frame) in frames.iter().enumerate() {
            let pc = frame.pc as usize;
            let live = |pc: usize| self.live.get(&frame.proto).and_then(|l| l.get(pc)).copied().unwrap_or_default();
            if i > 0 {
                set.insert(frame.base - layout::FRAME_HEADER_SLOTS as u16);
            }
            if i + 1 == frames.len() {
                set.union_shifted(&live(pc), frame.base);
            } else {
                let mut behind = live(pc + 1);
                behind.subtract(&call_results(unit, frame));
                set.union_shifted(&behind, frame.base);
            }
        }
        set
    }

    /// Slots that the interpreter may read after leaving behind call `n`, results aside.
    pub fn needed_behind(&self, unit: &Unit, n: NodeId) -> SlotSet {
        let node = unit.graph.node(n);
        let (Op::Call { a, results, .. }, Some(s)) = (node.op, node.snapshot) else { return SlotSet::EMPTY };
        let Some(frame) = unit.graph.snapshot(s).frames.last() else { return SlotSet::EMPTY };
        let mut own = SlotSet::below(u16::from(a).saturating_sub(frame.base));
        // An exit for another number of results than expected keeps all that lies below them.
        if !results.is_expectation() {
            let live = self.live.get(&frame.proto).and_then(|l| l.get(frame.pc as usize + 1));
            own.intersect(&live.copied().unwrap_or_default());
        }
        // Outer activations need all of theirs.
        let mut set = SlotSet::below(frame.base);
        set.union_shifted(&own, frame.base);
        set.union(&unit.shared);
        set
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

/// The registers that the call in progress of an outer activation writes.
pub(crate) fn call_results(unit: &Unit, frame: &FrameState) -> SlotSet {
    let proto = unit.program.proto(frame.proto);
    let Some(inst) = proto.code.get(frame.pc as usize) else { return SlotSet::EMPTY };
    let first = u16::from(inst.a);
    match inst.c {
        // All of them, up to the top.
        0 => SlotSet::range(first..u16::from(proto.nregs)),
        c => SlotSet::range(first..first + u16::from(c) - 1),
    }
}
