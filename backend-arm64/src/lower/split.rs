//! Splits the live ranges of self-entry parameters where calls begin.
//!
//! Compact self calls preserve no registers, so what is needed behind one is spilled, and an allocator that gives each value
//! one place spills it from its definition on. A copy of its own for the part of the unit that makes calls leaves the
//! paths without calls in registers. Any block may use either copy: both hold the value.

use gsx_ir::graph::{BlockId, NodeId, Terminator};
use gsx_ir::schedule::Schedule;
use gsx_ir::unit::{FrameStyle, Unit};
use rustc_hash::{FxHashMap, FxHashSet};

use super::{Half, Lower, Val};

/// Which blocks use which copy.
#[derive(Default)]
pub(super) struct Splits {
    /// By block behind the beginning of calls: the block that makes the copies that it uses.
    maker: FxHashMap<BlockId, BlockId>,
    /// By making block: the parameters that are used from there on.
    used: FxHashMap<BlockId, Vec<NodeId>>,
    copies: FxHashMap<(BlockId, NodeId), Val>,
    /// The parameters as they arrived.
    arrived: FxHashMap<NodeId, Val>,
}

impl Splits {
    /// For a unit with compact frames and a self entry; nothing is split in others.
    pub fn new(unit: &Unit, schedule: &Schedule) -> Splits {
        let mut splits = Splits::default();
        let Some(entry) = unit.self_entry.as_ref().filter(|_| unit.frames == FrameStyle::Compact) else {
            return splits;
        };
        let graph = &unit.graph;
        let calls = |b: BlockId| graph.block(b).effects.iter().any(|&n| graph.node(n).op.may_run_code());
        let mut behind: FxHashSet<BlockId> = FxHashSet::default();
        let mut work: Vec<BlockId> = schedule.order().iter().copied().filter(|&b| calls(b)).collect();
        while let Some(b) = work.pop() {
            if behind.insert(b) {
                work.extend(graph.succs(b));
            }
        }
        let doms = graph.dominators();
        let makers: Vec<BlockId> = schedule
            .order()
            .iter()
            .copied()
            .filter(|b| behind.contains(b) && *b != entry.block && graph.preds(*b).iter().all(|p| !behind.contains(p)))
            .collect();
        for &b in schedule.order().iter().filter(|b| behind.contains(b)) {
            if let Some(&maker) = makers.iter().find(|&&m| doms.dominates(m, b)) {
                splits.maker.insert(b, maker);
            }
        }
        for &p in &graph.block(entry.block).params {
            for (&b, &maker) in &splits.maker {
                let here = |v: &NodeId| *v == p;
                let mut nodes = schedule.block(b).iter().map(|&n| graph.node(n));
                let of_snapshot = |s| graph.snapshot(s).writes.iter().any(|w| w.1 == p);
                let exits = matches!(graph.block(b).term, Terminator::Exit(s) if of_snapshot(s));
                let used = graph.block(b).term.uses().iter().any(here)
                    || exits
                    || nodes.any(|n| n.args.iter().any(here) || n.snapshot.is_some_and(of_snapshot));
                let list = splits.used.entry(maker).or_default();
                if used && !list.contains(&p) {
                    list.push(p);
                }
            }
        }
        splits
    }
}

impl Lower<'_> {
    /// Chooses the copies of the self entry's parameters that block `b` uses, and makes them where it is the one to.
    pub(super) fn choose_copies(&mut self, b: BlockId) {
        let Some(entry) = &self.unit.self_entry else { return };
        if b == entry.block {
            for &p in &self.graph.block(b).params {
                if let Some(val) = self.values[p.0 as usize] {
                    self.splits.arrived.insert(p, val);
                }
            }
            return;
        }
        let maker = self.splits.maker.get(&b).copied();
        for &p in &self.graph.block(entry.block).params {
            let Some(&arrived) = self.splits.arrived.get(&p) else { continue };
            let used = maker.filter(|m| self.splits.used.get(m).is_some_and(|u| u.contains(&p)));
            let val = match used {
                None => arrived,
                Some(m) if m == b => {
                    (self.node, self.origin) = (Some(p), Some(self.graph.node(p).origin));
                    let val = Val { tag: self.copied(arrived.tag), payload: self.copied(arrived.payload) };
                    self.splits.copies.insert((m, p), val);
                    val
                }
                Some(m) => self.splits.copies.get(&(m, p)).copied().unwrap_or(arrived),
            };
            self.values[p.0 as usize] = Some(val);
        }
    }

    fn copied(&mut self, half: Half) -> Half {
        let Half::Reg(v) = half else { return half };
        let copy = self.f.vreg(self.f.class(v));
        self.emit(crate::mir::Inst::Mov { d: copy.into(), s: v.into() });
        Half::Reg(copy)
    }
}
