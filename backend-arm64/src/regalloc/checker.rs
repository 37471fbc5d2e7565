//! Checks an allocation without trusting any part of an allocator: follows every value through registers and spill slots
//! along all paths, and demands that each read finds the value that it names.

use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use super::{Allocation, Edit, Loc};
use crate::mir::{Function, Inst, MBlock, Reg, Role, VReg};
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
        for (op, &loc) in operands.iter().zip(places) {
            self.place(op.vreg, op.role, loc, &mut |message| complain(i, message));
            if !op.role.is_def() && !state.holds(loc, op.vreg) {
                complain(i, format!("`{inst}` reads %{} in {loc:?}, which holds {:?}", op.vreg.0, state.held(loc)));
            }
        }
        // What moves copy is read before anything is written.
        let copied: Vec<(VReg, SmallVec<[VReg; 2]>)> = match inst {
            Inst::ParallelMove { moves } => {
                moves.iter().zip(places).map(|(&(d, _), &loc)| (d, state.held(loc))).collect()
            }
            Inst::Mov { d: Reg::V(d), s: Reg::V(_) } => vec![(*d, state.held(places[0]))],
            _ => Vec::new(),
        };
        for reg in inst.clobbers().iter() {
            state.0.remove(&Loc::Reg(reg));
        }
        let defs: SmallVec<[(VReg, Loc); 4]> =
            operands.iter().zip(places).filter(|(o, _)| o.role.is_def()).map(|(o, &l)| (o.vreg, l)).collect();
        for (k, &(v, loc)) in defs.iter().enumerate() {
            state.forget(v);
            state.0.remove(&loc);
            if defs[..k].iter().any(|d| d.1 == loc) {
                complain(i, format!("two results in {loc:?}"));
            }
        }
        for &(v, loc) in &defs {
            let mut held: SmallVec<[VReg; 2]> = SmallVec::new();
            if let Some((_, values)) = copied.iter().find(|c| c.0 == v) {
                // Values that this same instruction overwrites are not what was copied any more.
                held.extend(values.iter().copied().filter(|h| !defs.iter().any(|d| d.0 == *h)));
            }
            held.push(v);
            state.0.insert(loc, held);
        }
    }

    /// Is a place of the kind that the operand may be in?
    fn place(&self, v: VReg, role: Role, loc: Loc, complain: &mut dyn FnMut(String)) {
        let info = self.f.vregs[v.0 as usize];
        match loc {
            Loc::Reg(reg) => {
                let usable = RegSet::ALLOCATABLE.contains(reg) && reg.class() == info.class;
                if !usable {
                    complain(format!("%{} is in {reg}", v.0));
                }
                if info.fixed.is_some_and(|fixed: PReg| fixed != reg) {
                    complain(format!("%{} must be in {:?} and is in {reg}", v.0, info.fixed));
                }
            }
            Loc::Spill(n) => {
                if matches!(role, Role::Use | Role::Def) || info.fixed.is_some() {
                    complain(format!("%{} is spilled where it must be in a register", v.0));
                }
                if n >= self.allocation.spill_slots {
                    complain(format!("there is no spill slot {n}"));
                }
            }
        }
    }
}
