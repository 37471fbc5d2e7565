//! Which values are needed behind each operation that may run other code, exits aside.
//!
//! Such a value has to be kept across the operation in any case, so that an exit may use it for nothing. Only nodes with
//! a place of their own count (effects and block parameters): what floats is computed from them where it is needed.

use fixedbitset::FixedBitSet;
use gsx_ir::graph::Graph;
use gsx_ir::{BlockId, NodeId, Op};
use rustc_hash::FxHashMap;

/// The values needed behind each operation that may run other code: sets of node ids.
pub fn live_behind_calls(graph: &Graph, order: &[BlockId]) -> FxHashMap<NodeId, FixedBitSet> {
    let none = FixedBitSet::with_capacity(graph.node_count());
    let mut live_in: Vec<FixedBitSet> = vec![none.clone(); graph.block_bound()];
    let mut out = FxHashMap::default();
    let mut walk = Walk { graph, live: none.clone(), expanded: none, work: Vec::new() };
    loop {
        let mut changed = false;
        for &b in order.iter().rev() {
            let block = graph.block(b);
            walk.live.clear();
            walk.expanded.clear();
            for s in graph.succs(b) {
                walk.live.union_with(&live_in[s.0 as usize]);
            }
            for v in block.term.uses() {
                walk.read(v);
            }
            for &n in block.effects.iter().rev() {
                if graph.node(n).op.may_run_code() {
                    out.insert(n, walk.live.clone());
                }
                walk.live.remove(n.0 as usize);
                for &a in &graph.node(n).args {
                    walk.read(a);
                }
            }
            for p in &block.params {
                walk.live.remove(p.0 as usize);
            }
            if live_in[b.0 as usize] != walk.live {
                live_in[b.0 as usize].clone_from(&walk.live);
                changed = true;
            }
        }
        if !changed || graph.is_acyclic() {
            return out;
        }
    }
}

/// A walk through a block, backwards.
struct Walk<'a> {
    graph: &'a Graph,
    live: FixedBitSet,
    /// Floating nodes read in the block. What they are computed from stays live up to where it is defined, and in front of
    /// that nothing can read them: once is enough.
    expanded: FixedBitSet,
    work: Vec<NodeId>,
}

impl Walk<'_> {
    /// Makes the effects and parameters live that `v` is computed from.
    fn read(&mut self, v: NodeId) {
        self.work.push(v);
        while let Some(n) = self.work.pop() {
            let node = self.graph.node(n);
            if node.op.is_effect() || node.op == Op::Param {
                self.live.insert(n.0 as usize);
            } else if !self.expanded.put(n.0 as usize) {
                self.work.extend(node.args.iter().copied());
            }
        }
    }
}
