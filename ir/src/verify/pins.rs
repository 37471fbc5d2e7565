//! Registers that passes gave away: pinned block parameters, and slots whose memory is stale.

use gscript::bytecode::ProtoId;
use rustc_hash::{FxHashMap, FxHashSet};

use super::{Verifier, exit_snapshot};
use crate::analysis::liveness::bytecode_liveness;
use crate::effects::{call_results, slot_effects};
use crate::graph::{BlockId, NodeId, SnapshotId, Terminator};
use crate::op::{Op, Type};
use crate::text::Place;
use crate::unit::{Pin, PinnedSlot, SlotSet};

/// Liveness of the functions that snapshots resume in, computed when first asked for.
type Liveness = FxHashMap<ProtoId, Vec<SlotSet>>;

impl Verifier<'_> {
    pub(super) fn check_pins(&mut self) {
        for b in self.graph.blocks().collect::<Vec<BlockId>>() {
            self.check_params(b);
        }
        let mut liveness = Liveness::default();
        let mut taken: FxHashMap<(BlockId, Pin), u16> = FxHashMap::default();
        for (i, pinned) in self.unit.pinned.iter().enumerate() {
            let place = Place::Pinned(i);
            if !is_register(pinned.pin) {
                self.error(place, format!("{} is no register for values", pinned.pin));
            }
            if pinned.slot >= self.unit.frame_slots {
                self.error(place, format!("a frame of {} slots has no s{}", self.unit.frame_slots, pinned.slot));
                continue;
            }
            if self.unit.shared.contains(pinned.slot) {
                self.error(place, format!("s{} is shared with closures and must stay in memory", pinned.slot));
            }
            let mut blocks = pinned.blocks.clone();
            blocks.sort_unstable();
            blocks.dedup();
            // Blocks that became unreachable and were removed may still be named.
            blocks.retain(|&b| self.graph.has_block(b));
            for b in blocks {
                if let Some(other) = taken.insert((b, pinned.pin), pinned.slot)
                    && other != pinned.slot
                {
                    self.error(place, format!("{} holds s{other} in {b}, too", pinned.pin));
                }
                self.check_pinned_block(pinned, b, &mut liveness);
            }
        }
    }

    fn check_params(&mut self, b: BlockId) {
        let mut taken = FxHashSet::default();
        for &p in &self.graph.block(b).params {
            let node = self.graph.node(p);
            let Some(pin) = node.pin else { continue };
            let fits = matches!(
                (node.ty, pin),
                (Some(Type::Float), Pin::D(_)) | (Some(Type::Int | Type::Bool | Type::Ptr), Pin::X(_))
            );
            if !fits {
                let ty = node.ty.map_or("no type".to_owned(), |t| t.to_string());
                self.error(Place::Node(p), format!("{p} is {ty}, which {pin} cannot hold"));
            }
            if !is_register(pin) {
                self.error(Place::Node(p), format!("{p} is pinned to {pin}, which is no register for values"));
            }
            if !taken.insert(pin) {
                self.error(Place::Node(p), format!("two parameters of {b} are pinned to {pin}"));
            }
        }
    }

    /// In `b`, the register has the slot's value, and only the register if the slot is written: then memory is not read
    /// and every exit writes the slot back. Memory is not written in either case.
    fn check_pinned_block(&mut self, pinned: &PinnedSlot, b: BlockId, liveness: &mut Liveness) {
        let block = self.graph.block(b);
        let (slot, pin) = (pinned.slot, pinned.pin);
        for &n in &block.effects {
            if self.effect_is_sound(n) {
                let effects = slot_effects(self.unit, n);
                for (set, verb, wrong) in
                    [(effects.reads, "reads", pinned.written), (effects.may_write, "writes", true)]
                {
                    if wrong && set.contains(slot) {
                        self.error(Place::Node(n), format!("{verb} s{slot} in memory, but {pin} holds it here"));
                    }
                }
            }
            if !pinned.written {
                continue;
            }
            if let Some(s) = self.graph.node(n).snapshot {
                self.check_written_back(pinned, s, Place::Node(n), liveness);
            }
        }
        if !pinned.written {
            return;
        }
        match block.term {
            Terminator::Return { first, count } if (first..first.saturating_add(count)).contains(&slot) => {
                self.error(Place::Term(b), format!("returns s{slot} from memory, but {pin} holds it here"));
            }
            _ => {}
        }
        if let Some(s) = exit_snapshot(&block.term) {
            self.check_written_back(pinned, s, Place::Term(b), liveness);
        }
    }

    /// Are the effect's slots and its instruction in range, so that its effects can be asked for?
    fn effect_is_sound(&self, n: NodeId) -> bool {
        let node = self.graph.node(n);
        match node.op {
            Op::SlotLoad(slot, _) | Op::SlotStore(slot) | Op::SlotStorePayload(slot, _) => slot < SlotSet::CAPACITY,
            Op::Step => {
                let proto = self.unit.program.protos.get(node.origin.proto.index());
                proto.is_some_and(|p| (node.origin.pc as usize) < p.code.len())
            }
            _ => true,
        }
    }

    fn check_written_back(&mut self, pinned: &PinnedSlot, s: SnapshotId, place: Place, liveness: &mut Liveness) {
        let snapshot = self.graph.snapshot(s);
        let slot = pinned.slot;
        if snapshot.writes.iter().any(|w| w.0 == slot) {
            return;
        }
        // The innermost activation that the slot belongs to decides whether anyone still reads it.
        let Some((i, frame)) = snapshot.frames.iter().enumerate().rev().find(|(_, f)| f.base <= slot) else { return };
        let Some(proto) = self.unit.program.protos.get(frame.proto.index()) else { return };
        if frame.pc as usize >= proto.code.len() {
            return;
        }
        let live = liveness.entry(frame.proto).or_insert_with(|| bytecode_liveness(proto));
        let register = slot - frame.base;
        let outer = i + 1 < snapshot.frames.len();
        let needed = if outer {
            // The call in progress has read its arguments, and will write its results.
            let results = call_results(self.unit, frame);
            live.get(frame.pc as usize + 1).is_some_and(|l| l.contains(register)) && !results.contains(register)
        } else {
            live[frame.pc as usize].contains(register)
        };
        if needed && register < u16::from(proto.nregs) {
            let message = format!("leaves without s{slot}, which {} holds and pc {} reads", pinned.pin, frame.pc);
            self.error(place, message);
        }
    }
}

/// May a pass pin values to this register?
fn is_register(pin: Pin) -> bool {
    pin == Pin::FIRST_PARAM || Pin::LOOP_X.contains(&pin) || Pin::LOOP_D.contains(&pin)
}
