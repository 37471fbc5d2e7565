//! Spilled values, for allocators that keep a value in one place throughout: it is loaded before and stored after each
//! instruction that needs it in a register, through a temporary that the allocator's next round gives a register to.

use rustc_hash::FxHashSet;

use super::interference::Interference;
use super::liveness::{OperandTable, operand_table};
use super::{Allocation, Edit, Loc};
use crate::code::CodegenError;
use crate::mir::{Function, MBlock, Role, VReg};
use crate::reg::{Class, PReg, RegSet};

/// Rounds of spilling before giving up; each spills at least one more value, and few take more than three.
const MAX_ROUNDS: usize = 64;

/// Added move whose register side is a temporary.
struct TempEdit {
    block: MBlock,
    inst: u32,
    after: bool,
    temp: VReg,
    slot: u32,
}

/// A function, with what has been spilled so far.
pub(super) struct Work<'a> {
    pub f: &'a Function,
    /// Operands, spilled ones replaced by temporaries.
    pub ops: OperandTable,
    /// By register, temporaries behind the function's own: is it a general one?
    pub general: Vec<bool>,
    /// By register of the function: its spill slot.
    spilled: Vec<Option<u32>>,
    /// Values in each spill slot.
    spill_slots: Vec<Vec<VReg>>,
    edits: Vec<TempEdit>,
    /// The graph of the first round, when no value was in pieces yet: it tells which values can share a spill slot.
    pub whole: Option<Interference>,
}

/// What came of giving out registers.
pub(super) enum Coloured {
    /// Each virtual register's machine register.
    All(Vec<Option<PReg>>),
    /// Classes to spill.
    Spill(Vec<Vec<VReg>>),
}

/// Rounds of `colour`, which gives out registers or says what to spill.
pub(super) fn rounds(
    f: &Function,
    colour: impl Fn(&mut Work) -> Result<Coloured, CodegenError>,
) -> Result<Allocation, CodegenError> {
    let mut work = Work {
        f,
        ops: operand_table(f),
        general: f.vregs.iter().map(|v| v.class == Class::X).collect(),
        spilled: vec![None; f.vregs.len()],
        spill_slots: Vec::new(),
        edits: Vec::new(),
        whole: None,
    };
    for _ in 0..MAX_ROUNDS {
        match colour(&mut work)? {
            Coloured::All(registers) => return Ok(work.finish(&registers)),
            Coloured::Spill(classes) => work.spill(classes),
        }
    }
    Err(CodegenError::Allocation(format!("no colouring after {MAX_ROUNDS} rounds")))
}

impl Work<'_> {
    /// Is it a temporary of a spilled value?
    pub fn is_temp(&self, v: VReg) -> bool {
        v.0 as usize >= self.f.vregs.len()
    }

    /// Is it spilled?
    pub fn is_spilled(&self, v: VReg) -> bool {
        self.spilled.get(v.0 as usize).is_some_and(|s| s.is_some())
    }

    /// Registers of the class of `v`, but for those in `taken`.
    pub fn free(&self, v: VReg, taken: RegSet) -> RegSet {
        let class = if self.general[v.0 as usize] { Class::X } else { Class::D };
        RegSet::ALLOCATABLE.intersection(RegSet::of_class(class)).minus(taken)
    }

    /// The best register that is not taken: one that calls destroy if the value does not live across any, never a pin of
    /// the unit's if there is another.
    pub fn prefer(&self, v: VReg, taken: RegSet, forbidden: RegSet) -> Option<PReg> {
        let free = self.free(v, taken);
        let crosses_calls = !forbidden.is_empty();
        let (first, second) = match crosses_calls {
            true => (RegSet::CALLEE_SAVED, RegSet::CALLER_SAVED),
            false => (RegSet::CALLER_SAVED, RegSet::CALLEE_SAVED),
        };
        let unpinned = free.minus(self.f.pinned);
        [unpinned.intersection(first), unpinned.intersection(second), free]
            .into_iter()
            .find_map(|set| set.iter().next())
    }

    /// Moves between registers that are not spilled, most frequent first.
    pub fn moves(&self) -> Vec<(VReg, VReg)> {
        let mut out = moves(self.f);
        out.retain(|&(d, s)| !self.is_spilled(d) && !self.is_spilled(s));
        out
    }

    /// Uses and definitions of each register, weighted.
    pub fn weights(&self) -> Vec<u64> {
        let mut out = vec![0u64; self.general.len()];
        for (b, insts) in self.ops.iter().enumerate() {
            let weight = frequency(self.f, MBlock(b as u32));
            for (i, operands) in insts.iter().enumerate() {
                for op in operands {
                    // An exit's values may as well be in memory: such a use hardly counts, but it keeps the value alive.
                    let is_exit =
                        op.role == Role::UseAnywhere && self.f.blocks[b].insts[i].inst.moves().next().is_none();
                    let weight = if is_exit { 1 } else { weight };
                    out[op.vreg.0 as usize] = out[op.vreg.0 as usize].saturating_add(weight).min(u64::MAX - 1);
                }
            }
        }
        out
    }

    fn spill(&mut self, classes: Vec<Vec<VReg>>) {
        for members in classes {
            let near: FxHashSet<VReg> =
                self.whole.iter().flat_map(|g| members.iter().flat_map(|&m| g.of(m))).copied().collect();
            // The graph says nothing about registers of different classes, so they never share.
            let class = self.f.class(members[0]);
            let fits = |held: &Vec<VReg>| held.iter().all(|&v| self.f.class(v) == class && !near.contains(&v));
            let slot = self.spill_slots.iter().position(fits);
            let slot = slot.unwrap_or_else(|| {
                self.spill_slots.push(Vec::new());
                self.spill_slots.len() - 1
            });
            for &m in &members {
                self.spilled[m.0 as usize] = Some(slot as u32);
            }
            self.spill_slots[slot].extend(members);
        }
        for b in 0..self.ops.len() {
            for i in 0..self.ops[b].len() {
                self.rewrite(b, i);
            }
        }
    }

    /// Replaces the operands of an instruction that are spilled now and must be in registers.
    fn rewrite(&mut self, b: usize, i: usize) {
        let mut temps: Vec<(VReg, VReg)> = Vec::new();
        let mut operands = std::mem::take(&mut self.ops[b][i]);
        for op in &mut operands {
            let Some(&Some(slot)) = self.spilled.get(op.vreg.0 as usize) else {
                continue;
            };
            if matches!(op.role, Role::UseAnywhere | Role::DefAnywhere) {
                continue;
            }
            // One temporary serves all uses of a value in the instruction.
            let known = temps.iter().find(|t| t.0 == op.vreg && !op.role.is_def()).map(|t| t.1);
            let temp = known.unwrap_or_else(|| {
                self.general.push(self.general[op.vreg.0 as usize]);
                let temp = VReg(self.general.len() as u32 - 1);
                temps.push((op.vreg, temp));
                let (block, inst) = (MBlock(b as u32), i as u32);
                self.edits.push(TempEdit { block, inst, after: op.role.is_def(), temp, slot });
                temp
            });
            op.vreg = temp;
        }
        self.ops[b][i] = operands;
    }

    fn finish(&self, registers: &[Option<PReg>]) -> Allocation {
        // A register that nothing reads still needs a place to be written to; colouring gave it one, because writing
        // counts as use.
        let place = |v: VReg| match self.spilled.get(v.0 as usize) {
            Some(&Some(slot)) => Loc::Spill(slot),
            _ => Loc::Reg(registers[v.0 as usize].unwrap_or(crate::reg::ZERO)),
        };
        let places = self
            .ops
            .iter()
            .map(|insts| insts.iter().map(|ops| ops.iter().map(|o| place(o.vreg)).collect()).collect())
            .collect();
        let mut edits: Vec<Edit> = self
            .edits
            .iter()
            .map(|e| {
                let (reg, slot) = (place(e.temp), Loc::Spill(e.slot));
                let (from, to) = if e.after { (reg, slot) } else { (slot, reg) };
                Edit { block: e.block, inst: e.inst, after: e.after, from, to }
            })
            .collect();
        edits.sort_by_key(|e| (e.block, e.inst, e.after));
        Allocation { places, edits, spill_slots: self.spill_slots.len() as u32 }
    }
}

/// Estimated executions of a block: eight per loop around it.
fn frequency(f: &Function, b: MBlock) -> u64 {
    let block = &f.blocks[b.0 as usize];
    if block.cold { 1 } else { 8u64 << (3 * block.depth.min(16)) }
}

/// Moves of a function, most frequent first.
pub(super) fn moves(f: &Function) -> Vec<(VReg, VReg)> {
    let mut out: Vec<(u64, VReg, VReg)> = Vec::new();
    for (b, _, data) in f.insts() {
        let weight = frequency(f, b);
        out.extend(data.inst.moves().map(|(d, s)| (weight, d, s)));
    }
    out.sort_by_key(|&(weight, ..)| std::cmp::Reverse(weight));
    out.into_iter().map(|(_, d, s)| (d, s)).collect()
}
