//! Which native frame each block of a unit runs in, and where frames are entered.
//!
//! With compact frames a path that makes no call and needs no memory of its own runs without a frame (shrink-wrapping,
//! Chow 1988, in its simplest form: once a frame is there, it stays until the return). A unit whose entry calls its
//! body has two frames, the entry's around the body's.

use rustc_hash::FxHashSet;

use super::frame::Frame;
use super::order::Order;
use crate::code::CodegenError;
use crate::mir::{Function, Inst, MBlock};
use crate::reg::RegSet;
use crate::regalloc::{Allocation, Loc};

/// The frame that a piece of code runs in.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Place {
    /// None: X30 holds the return address.
    Bare,
    /// The frame of the unit's body.
    Body,
    /// The frame of the entry that calls the body.
    Entry,
}

impl Place {
    /// All of them.
    pub const ALL: [Place; 3] = [Place::Bare, Place::Body, Place::Entry];
}

/// The frames of a unit.
pub(super) struct Frames {
    /// By block.
    places: Vec<Place>,
    /// Blocks that begin with the prologue of the body's frame.
    enters: FxHashSet<MBlock>,
    body: Frame,
    entry: Frame,
}

impl Frames {
    /// Decides for a function whose registers are known. `compact`: only the frames that are needed, without frame records.
    pub fn new(f: &Function, allocation: &Allocation, order: &Order, compact: bool) -> Result<Frames, CodegenError> {
        let wrapped = f.self_entry.filter(|e| e.wrapped).map(|e| e.block);
        let in_entry = wrapped.map_or_else(FxHashSet::default, |body| reachable(f, MBlock(0), body));
        let used = used_registers(f, allocation).intersection(RegSet::CALLEE_SAVED);
        // A body that is entered by compact self calls preserves nothing: its entry does.
        let body_saves = if compact && wrapped.is_some() { RegSet::EMPTY } else { used };
        let entry = match wrapped {
            Some(_) => Frame::new(!compact, used, allocation.spill_slots)?,
            None => Frame::NONE,
        };
        let body = Frame::new(!compact, body_saves, allocation.spill_slots)?;
        let mut frames = Frames {
            places: vec![if compact { Place::Bare } else { Place::Body }; f.blocks.len()],
            enters: FxHashSet::default(),
            body,
            entry,
        };
        for &b in &in_entry {
            frames.places[b.0 as usize] = Place::Entry;
        }
        let root = wrapped.unwrap_or(MBlock(0));
        if compact {
            frames.shrink_wrap(f, allocation, order, body_saves, order.target(root));
        } else {
            frames.enters.insert(order.target(root));
        }
        Ok(frames)
    }

    /// The place of a block.
    pub fn place(&self, b: MBlock) -> Place {
        self.places[b.0 as usize]
    }

    /// Does the block begin with the prologue of the body's frame?
    pub fn enters(&self, b: MBlock) -> bool {
        self.enters.contains(&b)
    }

    /// The frame of a place.
    pub fn frame(&self, place: Place) -> &Frame {
        const NONE: &Frame = &Frame::NONE;
        match place {
            Place::Bare => NONE,
            Place::Body => &self.body,
            Place::Entry => &self.entry,
        }
    }

    /// Blocks that need the body's frame, and all behind them, run in it. Only blocks that are emitted count: jumps go
    /// around the others, and so would a prologue in them.
    fn shrink_wrap(&mut self, f: &Function, allocation: &Allocation, order: &Order, saves: RegSet, root: MBlock) {
        let bare: Vec<MBlock> = order.blocks.iter().copied().filter(|&b| self.place(b) == Place::Bare).collect();
        let mut work: Vec<MBlock> = bare.iter().copied().filter(|&b| needs_frame(f, allocation, saves, b)).collect();
        let mut preds: Vec<Vec<MBlock>> = vec![Vec::new(); f.blocks.len()];
        for &b in &bare {
            for s in order.succs(f, b) {
                preds[s.0 as usize].push(b);
            }
        }
        loop {
            while let Some(b) = work.pop() {
                if std::mem::replace(&mut self.places[b.0 as usize], Place::Body) == Place::Bare {
                    work.extend(order.succs(f, b));
                }
            }
            // A block that is reached both with a frame and without one: those that come without enter it, too.
            for &b in &bare {
                let place = |p: &MBlock| self.places[p.0 as usize];
                let from = &preds[b.0 as usize];
                if place(&b) == Place::Body && from.iter().any(|p| place(p) == Place::Body) {
                    work.extend(from.iter().filter(|p| place(p) == Place::Bare));
                }
            }
            if work.is_empty() {
                break;
            }
        }
        for &b in &bare {
            let from = &preds[b.0 as usize];
            let arrives_bare = b == root || !from.is_empty() && from.iter().all(|&p| self.place(p) == Place::Bare);
            if self.place(b) == Place::Body && arrives_bare {
                self.enters.insert(b);
            }
        }
    }
}

/// Blocks that can be reached from `from` without `stop`.
fn reachable(f: &Function, from: MBlock, stop: MBlock) -> FxHashSet<MBlock> {
    let mut seen = FxHashSet::default();
    let mut work = vec![from];
    while let Some(b) = work.pop() {
        if b != stop && seen.insert(b) {
            work.extend(f.blocks[b.0 as usize].succs());
        }
    }
    seen
}

/// All registers that code of the function writes.
fn used_registers(f: &Function, allocation: &Allocation) -> RegSet {
    let places = allocation.places.iter().flatten().flatten();
    let used: RegSet = places
        .chain(allocation.edits.iter().map(|e| &e.to))
        .filter_map(|loc| match loc {
            Loc::Reg(r) => Some(*r),
            Loc::Spill(_) => None,
        })
        .collect();
    used.union(f.pinned)
}

/// Does a block make calls, use spill slots, or use registers that must be preserved?
fn needs_frame(f: &Function, allocation: &Allocation, saves: RegSet, b: MBlock) -> bool {
    let needs = |loc: &Loc| match loc {
        Loc::Reg(r) => saves.contains(*r),
        Loc::Spill(_) => true,
    };
    let calls = f.blocks[b.0 as usize].insts.iter().any(|d| matches!(d.inst, Inst::Call(_) | Inst::Host { .. }));
    calls
        || allocation.places[b.0 as usize].iter().flatten().any(needs)
        || allocation.edits.iter().any(|e| e.block == b && (needs(&e.from) || needs(&e.to)))
}
