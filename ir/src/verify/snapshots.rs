//! Snapshots: present where something can leave, and good for the interpreter.

use gscript::bytecode::Op as BytecodeOp;
use rustc_hash::FxHashSet;

use super::{Verifier, exit_snapshot};
use crate::graph::{BlockId, FrameState, SnapshotId};
use crate::op::Type;
use crate::text::Place;

impl Verifier<'_> {
    pub(super) fn check_snapshots(&mut self) {
        let mut seen = FxHashSet::default();
        for n in self.live.clone() {
            let node = self.graph.node(n);
            match (node.op.needs_snapshot(), node.snapshot) {
                (true, None) => self.error(Place::Node(n), "can leave, but has no snapshot"),
                (false, Some(_)) => self.error(Place::Node(n), "cannot leave, but has a snapshot"),
                (true, Some(s)) => self.check_snapshot(s, Place::Node(n), &mut seen),
                (false, None) => {}
            }
        }
        for b in self.graph.blocks().collect::<Vec<BlockId>>() {
            if let Some(s) = exit_snapshot(&self.graph.block(b).term) {
                self.check_snapshot(s, Place::Term(b), &mut seen);
            }
        }
    }

    fn check_snapshot(&mut self, s: SnapshotId, place: Place, seen: &mut FxHashSet<SnapshotId>) {
        if !seen.insert(s) {
            self.error(place, "shares its snapshot with another exit");
        }
        let snapshot = self.graph.snapshot(s);
        match snapshot.frames.first() {
            None => self.error(place, "the snapshot has no frames"),
            Some(f) if f.proto != self.unit.proto || f.base != 0 => {
                let message = format!("the outermost frame is p{}@{}, must be the unit's own", f.proto.0, f.base);
                self.error(place, message);
            }
            Some(_) => {}
        }
        let last = snapshot.frames.len().saturating_sub(1);
        for (i, frame) in snapshot.frames.iter().enumerate() {
            self.check_frame(frame, i == last, place);
            if let Some(outer) = i.checked_sub(1).map(|o| &snapshot.frames[o])
                && frame.base <= outer.base
            {
                self.error(place, format!("frame {i} starts at slot {}, not above its caller", frame.base));
            }
        }
        let mut slots = FxHashSet::default();
        for &(slot, v) in &snapshot.writes {
            if slot >= self.unit.frame_slots {
                let message = format!("writes s{slot} in a frame of {} slots", self.unit.frame_slots);
                self.error(place, message);
            }
            if !slots.insert(slot) {
                self.error(place, format!("writes s{slot} twice"));
            }
            match self.graph.node(v).ty {
                Some(Type::Ptr) => self.error(place, format!("writes {v}, a ptr, to s{slot}")),
                None => self.error(place, format!("writes {v}, which has no result, to s{slot}")),
                Some(_) => {}
            }
        }
    }

    fn check_frame(&mut self, frame: &FrameState, innermost: bool, place: Place) {
        let Some(proto) = self.unit.program.protos.get(frame.proto.index()) else {
            self.error(place, format!("the program has no function p{}", frame.proto.0));
            return;
        };
        let end = u32::from(frame.base) + u32::from(proto.nregs);
        if end > u32::from(self.unit.frame_slots) {
            let message = format!("the frame of {} ends at slot {end} of {}", proto.name, self.unit.frame_slots);
            self.error(place, message);
        }
        match proto.code.get(frame.pc as usize) {
            None => {
                let message = format!("{} has no instruction {}", proto.name, frame.pc);
                self.error(place, message);
            }
            Some(inst) if !innermost && inst.op != BytecodeOp::Call => {
                let message = format!("{} is at {:?}, which calls nobody", proto.name, inst.op);
                self.error(place, message);
            }
            Some(_) => {}
        }
        if let Some((first, count)) = frame.open
            && u16::from(first) + u16::from(count) > u16::from(proto.nregs)
        {
            let message = format!("{count} open results from register {first} on in {} registers", proto.nregs);
            self.error(place, message);
        }
    }
}
