//! Constants in registers: made where they are used or, in loops that call nobody, once in front of the loop.

use gsx_ir::analysis::loops::natural_loops;
use gsx_ir::graph::{BlockId, Graph};
use gsx_ir::unit::Unit;
use rustc_hash::FxHashMap;

use super::Lower;
use crate::mir::{Inst, InstData, VReg};
use crate::reg::Class;

/// Constants that one loop may keep in registers: more would take registers from its values, and a constant that has to
/// be spilled is better made anew.
const MOST_PER_LOOP: usize = 4;

/// Constants that stand in front of loops.
#[derive(Default)]
pub(super) struct Hoisted {
    /// By block in a loop: the block in front of its outermost loop that makes the loop's constants.
    to: FxHashMap<BlockId, BlockId>,
    made: FxHashMap<(BlockId, u64, bool), VReg>,
    count: FxHashMap<BlockId, usize>,
}

impl Hoisted {
    /// For a unit whose constants are to be hoisted.
    pub fn new(unit: &Unit) -> Hoisted {
        let graph = &unit.graph;
        let mut to = FxHashMap::default();
        if !unit.hoist_constants {
            return Hoisted::default();
        }
        let loops = natural_loops(graph);
        let doms = graph.dominators();
        for l in loops.iter().filter(|l| l.depth == 1) {
            // Across a call a register costs as much as making the constant again.
            let calls = |&b: &BlockId| graph.block(b).effects.iter().any(|&n| graph.node(n).op.may_run_code());
            let before = doms.idom(l.header).filter(|&d| usable(unit, graph, d));
            if let Some(before) = before.filter(|_| !l.blocks.iter().any(calls)) {
                to.extend(l.blocks.iter().map(|&b| (b, before)));
            }
        }
        Hoisted { to, ..Hoisted::default() }
    }
}

/// What the entry block computes is not known to self calls.
fn usable(unit: &Unit, graph: &Graph, b: BlockId) -> bool {
    unit.self_entry.is_none() || b != graph.entry
}

impl Lower<'_> {
    /// A constant in a register.
    pub(super) fn constant_register(&mut self, class: Class, value: u64) -> VReg {
        if let Some(v) = self.at_block.and_then(|b| self.hoisted_constant(b, class, value)) {
            return v;
        }
        let d = self.f.vreg(class);
        self.emit(make(class, d, value));
        d
    }

    fn hoisted_constant(&mut self, b: BlockId, class: Class, value: u64) -> Option<VReg> {
        let before = *self.hoisted.to.get(&b)?;
        let key = (before, value, class == Class::D);
        if let Some(&v) = self.hoisted.made.get(&key) {
            return Some(v);
        }
        let count = self.hoisted.count.entry(before).or_default();
        if *count == MOST_PER_LOOP {
            return None;
        }
        *count += 1;
        let end = *self.ends.get(&before)?;
        let d = self.f.vreg(class);
        let insts = &mut self.f.blocks[end.0 as usize].insts;
        // Not between a comparison and what looks at its flags, nor behind the moves to the next block's parameters.
        let tied = |inst: &Inst| {
            matches!(
                inst,
                Inst::ParallelMove { .. }
                    | Inst::Cmp { .. }
                    | Inst::CmpImm { .. }
                    | Inst::Fcmp { .. }
                    | Inst::FcmpZero { .. }
                    | Inst::CcmpImm { .. }
            ) || inst.is_terminator()
        };
        let at = insts.iter().rposition(|data| !tied(&data.inst)).map_or(0, |i| i + 1);
        insts.insert(at, InstData { inst: make(class, d, value), node: None, origin: self.origin });
        self.hoisted.made.insert(key, d);
        Some(d)
    }
}

fn make(class: Class, d: VReg, value: u64) -> Inst {
    match class {
        Class::X => Inst::MovImm { d: d.into(), value },
        Class::D => Inst::FmovImm { d: d.into(), bits: value },
    }
}
