//! Which virtual registers are live at the end of each block.

use smallvec::SmallVec;

use super::VRegSet;
use crate::mir::{Function, MBlock, Operands, VReg};

/// Operands of all instructions, by block and position. Allocators that rewrite operands work on their own copy.
pub(super) type OperandTable = Vec<Vec<Operands>>;

/// The operands of a function as lowering made them.
pub(super) fn operand_table(f: &Function) -> OperandTable {
    f.blocks.iter().map(|b| b.insts.iter().map(|d| f.operands(&d.inst)).collect()).collect()
}

/// Live registers at the end of each block. Only registers that live in more than one block are ever in these sets, so
/// they are kept dense over those alone.
pub(super) struct Liveness {
    /// Global registers: their numbers in the sets.
    globals: Vec<VReg>,
    into: Vec<VRegSet>,
    out: Vec<VRegSet>,
}

impl Liveness {
    pub fn new(f: &Function, ops: &OperandTable, vregs: usize) -> Liveness {
        // Temporaries of spilled values live within one instruction.
        let globals = upward_exposed(ops, vregs, f.vregs.len());
        let mut number = vec![u32::MAX; vregs];
        for (i, v) in globals.iter().enumerate() {
            number[v.0 as usize] = i as u32;
        }
        let empty = VRegSet::new(globals.len());
        let blocks = f.blocks.len();
        let (mut uses, mut defs) = (vec![empty.clone(); blocks], vec![empty.clone(); blocks]);
        for (b, insts) in ops.iter().enumerate() {
            for op in insts.iter().rev().flat_map(|i| i.iter().rev()) {
                let n = number[op.vreg.0 as usize];
                if n == u32::MAX {
                    continue;
                }
                if op.role.is_def() {
                    defs[b].insert(VReg(n));
                    uses[b].remove(VReg(n));
                } else {
                    uses[b].insert(VReg(n));
                }
            }
        }
        let mut preds: Vec<SmallVec<[usize; 4]>> = vec![SmallVec::new(); blocks];
        for (b, block) in f.blocks.iter().enumerate() {
            for s in block.succs() {
                preds[s.0 as usize].push(b);
            }
        }
        let mut live_in = uses.clone();
        let mut out = vec![empty; blocks];
        let mut work: Vec<usize> = (0..blocks).collect();
        let mut queued = vec![true; blocks];
        while let Some(b) = work.pop() {
            queued[b] = false;
            for s in f.blocks[b].succs() {
                for (o, i) in out[b].0.iter_mut().zip(&live_in[s.0 as usize].0) {
                    *o |= i;
                }
            }
            let mut changed = false;
            for i in 0..live_in[b].0.len() {
                let new = uses[b].0[i] | out[b].0[i] & !defs[b].0[i];
                changed |= new != live_in[b].0[i];
                live_in[b].0[i] = new;
            }
            if changed {
                work.extend(preds[b].iter().copied().filter(|&p| !std::mem::replace(&mut queued[p], true)));
            }
        }
        Liveness { globals, into: live_in, out }
    }

    /// The registers that are live at the start of a block.
    pub fn live_in(&self, b: MBlock) -> impl Iterator<Item = VReg> + '_ {
        self.into[b.0 as usize].iter().map(|v| self.globals[v.0 as usize])
    }

    /// The registers that are live at the end of a block.
    pub fn live_out(&self, b: MBlock) -> impl Iterator<Item = VReg> + '_ {
        self.out[b.0 as usize].iter().map(|v| self.globals[v.0 as usize])
    }
}

/// Registers that some block reads before it writes them: all that can be live across a block boundary.
fn upward_exposed(ops: &OperandTable, vregs: usize, first_temp: usize) -> Vec<VReg> {
    let mut written_in = vec![usize::MAX; vregs];
    let mut exposed = vec![false; vregs];
    for (b, insts) in ops.iter().enumerate() {
        for op in insts.iter().flatten() {
            if op.role.is_def() {
                written_in[op.vreg.0 as usize] = b;
            } else if written_in[op.vreg.0 as usize] != b {
                exposed[op.vreg.0 as usize] = true;
            }
        }
    }
    (0..first_temp as u32).map(VReg).filter(|v| exposed[v.0 as usize]).collect()
}
