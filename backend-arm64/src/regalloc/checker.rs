//! Checks an allocation without trusting any part of an allocator: follows every value through registers and spill slots
//! along all paths, and demands that each read finds the value that it names.
//!
//! A move makes its destination's value that of its source, wherever that is: the two sides may share a place from then
//! on. A move from a place to itself is no instruction, so any place will do for it.

use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use super::{Allocation, Edit, Loc};
use crate::mir::{Function, Inst, MBlock, Role, VReg};
use crate::reg::{PReg, RegSet};

/// An error in an allocation.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("block m{block}, instruction {inst}: {message}")]
pub struct AllocationError {
    /// Block.
    pub block: u32,
    /// Position in the block.
    pub inst: usize,
    /// What is wrong.
    pub message: String,
}

/// A register that a move writes, the values at its source, and all places that hold the value that it reads.
type Copied = (VReg, SmallVec<[VReg; 2]>, SmallVec<[Loc; 4]>);

/// Which virtual registers' values each place holds.
#[derive(Clone, PartialEq, Debug, Default)]
struct State(FxHashMap<Loc, SmallVec<[VReg; 2]>>);

impl State {
    fn holds(&self, loc: Loc, v: VReg) -> bool {
        self.0.get(&loc).is_some_and(|held| held.contains(&v))
    }
    fn held(&self, loc: Loc) -> SmallVec<[VReg; 2]> {
        self.0.get(&loc).cloned().unwrap_or_default()
    }
    /// All places that hold `v`.
    fn places_of(&self, v: VReg) -> SmallVec<[Loc; 4]> {
        self.0.iter().filter(|(_, held)| held.contains(&v)).map(|(&loc, _)| loc).collect()
    }
    /// Calls at the self entry come in with its parameters in their fixed registers. All fixed registers of the function are
    /// named here, of which the parameters' are some; what the entry block's own way does not bring along as well goes
    /// when the two meet.
    fn called(f: &Function) -> State {
        let mut state = State::default();
        for (v, info) in f.vregs.iter().enumerate() {
            if let Some(reg) = info.fixed {
                state.0.entry(Loc::Reg(reg)).or_default().push(VReg(v as u32));
            }
        }
        state
    }
    /// `v` has a new value: no place holds it any more.
    fn forget(&mut self, v: VReg) {
        for held in self.0.values_mut() {
            held.retain(|h| *h != v);
        }
        self.0.retain(|_, held| !held.is_empty());
    }
    /// Keeps what both say. True if that changed anything.
    fn meet(&mut self, other: &State) -> bool {
        let before = self.clone();
        for (loc, held) in &mut self.0 {
            held.retain(|v| other.holds(*loc, *v));
        }
        self.0.retain(|_, held| !held.is_empty());
        *self != before
    }
}

/// Checks `allocation` of `f`.
///
/// # Errors
/// The first read that does not find its value, place of the wrong kind, or other inconsistency.
pub fn check(f: &Function, allocation: &Allocation) -> Result<(), AllocationError> {
    let mut edits: FxHashMap<(MBlock, u32, bool), Vec<Edit>> = FxHashMap::default();
    for e in &allocation.edits {
        edits.entry((e.block, e.inst, e.after)).or_default().push(*e);
    }
    let checker = Checker { f, allocation, edits };
    let mut at_start: FxHashMap<MBlock, State> = FxHashMap::default();
    at_start.insert(MBlock(0), State::default());
    // Find the fixed point first, then complain: a state on the way there may know too much.
    let mut work = vec![MBlock(0)];
    if let Some(entry) = f.self_entry {
        at_start.insert(entry.block, State::called(f));
        work.push(entry.block);
    }
    while let Some(b) = work.pop() {
        let mut state = at_start[&b].clone();
        checker.block(b, &mut state, &mut |_, _| ());
        for s in f.blocks[b.0 as usize].succs() {
            let changed = match at_start.get_mut(&s) {
                Some(known) => known.meet(&state),
                None => {
                    at_start.insert(s, state.clone());
                    true
                }
            };
            if changed {
                work.push(s);
            }
        }
    }
    let mut first = None;
    for b in (0..f.blocks.len() as u32).map(MBlock) {
        let Some(state) = at_start.get(&b) else {
            continue;
        };
        checker.block(b, &mut state.clone(), &mut |inst, message| {
            first.get_or_insert(AllocationError { block: b.0, inst, message });
        });
    }
    first.map_or(Ok(()), Err)
}

struct Checker<'a> {
    f: &'a Function,
    allocation: &'a Allocation,
    edits: FxHashMap<(MBlock, u32, bool), Vec<Edit>>,
}

impl Checker<'_> {
    fn block(&self, b: MBlock, state: &mut State, complain: &mut dyn FnMut(usize, String)) {
        for (i, data) in self.f.blocks[b.0 as usize].insts.iter().enumerate() {
            self.edits(b, i, false, state, complain);
            self.inst(b, i, &data.inst, state, complain);
            self.edits(b, i, true, state, complain);
        }
    }

    fn edits(&self, b: MBlock, i: usize, after: bool, state: &mut State, complain: &mut dyn FnMut(usize, String)) {
        for e in self.edits.get(&(b, i as u32, after)).into_iter().flatten() {
            if matches!((e.from, e.to), (Loc::Spill(_), Loc::Spill(_))) {
                complain(i, "a move from spill slot to spill slot".into());
            }
            let held = state.held(e.from);
            state.0.insert(e.to, held);
        }
    }

    fn inst(&self, b: MBlock, i: usize, inst: &Inst, state: &mut State, complain: &mut dyn FnMut(usize, String)) {
        let operands = self.f.operands(inst);
        let places = self.allocation.places(b, i);
        if operands.len() != places.len() {
            complain(i, format!("{} operands have {} places", operands.len(), places.len()));
            return;
        }
        if matches!(inst, Inst::LandingPad { .. })
            && (self.edits.contains_key(&(b, i as u32, false))
                || i > 0 && self.edits.contains_key(&(b, i as u32 - 1, true)))
        {
            complain(i, "a move between a call and its landing pad, where control may come past it".into());
        }
        // Destinations of moves, with the places of source and destination.
        let moves: SmallVec<[(VReg, VReg, Loc, Loc); 4]> = {
            let (sources, destinations) = places.split_at(places.len() / 2);
            let sides = destinations.iter().zip(sources);
            inst.moves().zip(sides).map(|((d, s), (&to, &from))| (d, s, to, from)).collect()
        };
        let idle = |k: usize| {
            let n = moves.len();
            n > 0 && moves[k % n].2 == moves[k % n].3
        };
        for (k, (op, &loc)) in operands.iter().zip(places).enumerate() {
            self.place(op.vreg, op.role, idle(k), loc, &mut |message| complain(i, message));
            if !op.role.is_def() && !state.holds(loc, op.vreg) {
                complain(i, format!("`{inst}` reads %{} in {loc:?}, which holds {:?}", op.vreg.0, state.held(loc)));
            }
        }
        // What moves copy is read before anything is written.
        let copied: SmallVec<[Copied; 2]> =
            moves.iter().map(|&(d, s, _, from)| (d, state.held(from), state.places_of(s))).collect();
        for reg in inst.clobbers().iter() {
            state.0.remove(&Loc::Reg(reg));
        }
        let defs: SmallVec<[(usize, VReg, Loc); 4]> = operands
            .iter()
            .zip(places)
            .enumerate()
            .filter(|(_, (o, _))| o.role.is_def())
            .map(|(k, (o, &l))| (k, o.vreg, l))
            .collect();
        for &(_, v, _) in &defs {
            state.forget(v);
        }
        for (n, &(k, _, loc)) in defs.iter().enumerate() {
            if !idle(k) {
                state.0.remove(&loc);
            }
            if defs[..n].iter().any(|d| d.2 == loc && !(idle(d.0) && idle(k))) {
                complain(i, format!("two results in {loc:?}"));
            }
        }
        for &(k, v, loc) in &defs {
            let mut held: SmallVec<[VReg; 2]> = SmallVec::new();
            if let Some((_, values, others)) = copied.iter().find(|c| c.0 == v) {
                // Values that this same instruction overwrites are not what was copied any more.
                held.extend(values.iter().copied().filter(|h| !defs.iter().any(|d| d.1 == *h)));
                for other in others.iter().filter(|o| !defs.iter().any(|d| d.2 == **o && !idle(d.0))) {
                    let there = state.0.entry(*other).or_default();
                    if !there.contains(&v) {
                        there.push(v);
                    }
                }
            }
            if idle(k) {
                continue;
            }
            held.push(v);
            state.0.insert(loc, held);
        }
    }

    /// Is a place of the kind that the operand may be in?
    fn place(&self, v: VReg, role: Role, idle: bool, loc: Loc, complain: &mut dyn FnMut(String)) {
        let info = self.f.vregs[v.0 as usize];
        match loc {
            Loc::Reg(reg) => {
                let usable = RegSet::ALLOCATABLE.contains(reg) && reg.class() == info.class;
                if !usable {
                    complain(format!("%{} is in {reg}", v.0));
                }
                if !idle && info.fixed.is_some_and(|fixed: PReg| fixed != reg) {
                    complain(format!("%{} must be in {:?} and is in {reg}", v.0, info.fixed));
                }
            }
            Loc::Spill(n) => {
                if matches!(role, Role::Use | Role::Def) || info.fixed.is_some() && !idle {
                    complain(format!("%{} is spilled where it must be in a register", v.0));
                }
                if n >= self.allocation.spill_slots {
                    complain(format!("there is no spill slot {n}"));
                }
            }
        }
    }
}
