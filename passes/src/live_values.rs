//! Which values are needed behind each operation that may run other code, exits aside.
//!
//! Such a value has to be kept across the operation in any case, so that an exit may use it for nothing. Only nodes with
//! a place of their own count (effects and block parameters): what floats is computed from them where it is needed.

use std::collections::{BTreeMap, BTreeSet};

use gsx_ir::graph::Graph;
use gsx_ir::{BlockId, NodeId, Op};

/// The values needed behind each operation that may run other code.
pub fn live_behind_calls(graph: &Graph, order: &[BlockId]) -> BTreeMap<NodeId, BTreeSet<NodeId>> {
    let mut live_in: BTreeMap<BlockId, BTreeSet<NodeId>> = BTreeMap::new();
    let mut out = BTreeMap::new();
    loop {
        let mut changed = false;
        for &b in order.iter().rev() {
            let block = graph.block(b);
            let mut live = BTreeSet::new();
            for s in graph.succs(b) {
                live.extend(live_in.get(&s).into_iter().flatten().copied());
            }
            for v in block.term.uses() {
                add_anchored(graph, v, &mut live);
            }
            for &n in block.effects.iter().rev() {
                if graph.node(n).op.may_run_code() {
                    out.insert(n, live.clone());
                }
                live.remove(&n);
                for &a in &graph.node(n).args {
                    add_anchored(graph, a, &mut live);
                }
            }
            for p in &block.params {
                live.remove(p);
            }
            if live_in.get(&b) != Some(&live) {
                live_in.insert(b, live);
                changed = true;
            }
        }
        if !changed {
            return out;
        }
    }
}

/// Adds the effects and parameters that `v` is computed from.
fn add_anchored(graph: &Graph, v: NodeId, live: &mut BTreeSet<NodeId>) {
    let mut seen = BTreeSet::new();
    let mut work = vec![v];
    while let Some(n) = work.pop() {
        let node = graph.node(n);
        if node.op.is_effect() || node.op == Op::Param {
            live.insert(n);
        } else if seen.insert(n) {
            work.extend(node.args.iter().copied());
        }
    }
}
