//! Loop depths of the graph's blocks.

use gsx_ir::graph::{BlockId, Graph};
use rustc_hash::{FxHashMap, FxHashSet};

/// How many natural loops each reachable block is in.
pub(super) fn depths(graph: &Graph) -> FxHashMap<BlockId, u32> {
    let order = graph.reverse_postorder();
    let doms = graph.dominators();
    let mut bodies: FxHashMap<BlockId, FxHashSet<BlockId>> = FxHashMap::default();
    let reachable: FxHashSet<BlockId> = order.iter().copied().collect();
    for &b in &order {
        for h in graph.succs(b) {
            if !doms.dominates(h, b) {
                continue;
            }
            let body = bodies.entry(h).or_default();
            body.insert(h);
            let mut work = vec![b];
            while let Some(x) = work.pop() {
                if body.insert(x) {
                    work.extend(graph.preds(x).iter().copied().filter(|p| reachable.contains(p)));
                }
            }
        }
    }
    let mut out: FxHashMap<BlockId, u32> = order.iter().map(|&b| (b, 0)).collect();
    for body in bodies.values() {
        for b in body {
            *out.entry(*b).or_default() += 1;
        }
    }
    out
}
