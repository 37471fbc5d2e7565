//! Which virtual registers are live at the same time, and which machine registers each cannot be in.

use rustc_hash::FxHashSet;
use smallvec::SmallVec;

use super::VRegSet;
use super::liveness::{Liveness, OperandTable};
use crate::mir::{Function, MBlock, Operand, VReg};
use crate::reg::RegSet;

/// The interference graph (Chaitin's: the two sides of a move do not interfere by that move).
pub(super) struct Interference {
    adjacent: Vec<SmallVec<[VReg; 4]>>,
    edges: FxHashSet<(VReg, VReg)>,
    /// Machine registers that instructions destroy while the register is live.
    pub forbidden: Vec<RegSet>,
}

impl Interference {
    /// `general` tells for each register whether it is a general one: those of different classes never interfere.
    /// Registers that the function does not know are temporaries of spilled values.
    pub fn new(f: &Function, ops: &OperandTable, liveness: &Liveness, general: &[bool]) -> Interference {
        let vregs = general.len();
        let mut graph = Interference {
            adjacent: vec![SmallVec::new(); vregs],
            edges: FxHashSet::default(),
            forbidden: vec![RegSet::EMPTY; vregs],
        };
        let first_temp = f.vregs.len() as u32;
        let mut live = LiveList::new(vregs);
        for (b, block) in f.blocks.iter().enumerate() {
            live.clear();
            for v in liveness.live_out(MBlock(b as u32)) {
                live.insert(v);
            }
            for (i, data) in block.insts.iter().enumerate().rev() {
                let operands = &ops[b][i];
                // Moves of the original instruction; rewritten operands (spilled ones) are no moves any more.
                let moves: SmallVec<[(VReg, VReg); 2]> = data.inst.moves().collect();
                for def in operands.iter().filter(|o| o.role.is_def()) {
                    for &other in &live.list {
                        let by_move = moves.contains(&(def.vreg, other));
                        if !by_move && general[other.0 as usize] == general[def.vreg.0 as usize] {
                            graph.add(def.vreg, other);
                        }
                    }
                    for other in operands.iter().filter(|o| o.role.is_def() && o.vreg != def.vreg) {
                        if general[other.vreg.0 as usize] == general[def.vreg.0 as usize] {
                            graph.add(def.vreg, other.vreg);
                        }
                    }
                }
                for def in operands.iter().filter(|o| o.role.is_def()) {
                    live.remove(def.vreg);
                }
                let clobbers = data.inst.clobbers();
                if !clobbers.is_empty() {
                    for &v in &live.list {
                        let forbidden = &mut graph.forbidden[v.0 as usize];
                        *forbidden = forbidden.union(clobbers);
                    }
                }
                for op in operands.iter().filter(|o| !o.role.is_def()) {
                    live.insert(op.vreg);
                }
                // A temporary is loaded just before: it takes a register from all that is live there, and is gone before.
                let temps = |o: &&Operand| !o.role.is_def() && o.vreg.0 >= first_temp;
                for op in operands.iter().filter(temps) {
                    for &other in &live.list {
                        if general[other.0 as usize] == general[op.vreg.0 as usize] {
                            graph.add(op.vreg, other);
                        }
                    }
                }
                for op in operands.iter().filter(temps) {
                    live.remove(op.vreg);
                }
            }
        }
        graph
    }

    fn add(&mut self, a: VReg, b: VReg) {
        if a != b && self.edges.insert((a.min(b), a.max(b))) {
            self.adjacent[a.0 as usize].push(b);
            self.adjacent[b.0 as usize].push(a);
        }
    }

    /// The registers that interfere with `v`.
    pub fn of(&self, v: VReg) -> &[VReg] {
        &self.adjacent[v.0 as usize]
    }
}

/// A set of live registers that is quick to walk.
struct LiveList {
    list: Vec<VReg>,
    at: Vec<u32>,
    member: VRegSet,
}

impl LiveList {
    fn new(vregs: usize) -> LiveList {
        LiveList { list: Vec::new(), at: vec![0; vregs], member: VRegSet::new(vregs) }
    }
    fn insert(&mut self, v: VReg) {
        if self.member.insert(v) {
            self.at[v.0 as usize] = self.list.len() as u32;
            self.list.push(v);
        }
    }
    fn remove(&mut self, v: VReg) {
        let i = self.at[v.0 as usize] as usize;
        if self.list.get(i) == Some(&v) {
            self.member.remove(v);
            self.list.swap_remove(i);
            if let Some(&moved) = self.list.get(i) {
                self.at[moved.0 as usize] = i as u32;
            }
        }
    }
    fn clear(&mut self) {
        for v in std::mem::take(&mut self.list) {
            self.member.remove(v);
        }
    }
}
