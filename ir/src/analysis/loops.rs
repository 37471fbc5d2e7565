//! Natural loops.

use std::collections::BTreeSet;

use rustc_hash::FxHashMap;

use crate::graph::{BlockId, Graph};

/// A natural loop: the blocks from which a back edge to the header can be reached without passing the header.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Loop {
    /// The only block through which the loop is entered; it dominates the others.
    pub header: BlockId,
    /// All blocks, the header and inner loops' among them.
    pub blocks: BTreeSet<BlockId>,
    /// Blocks in the loop that jump to the header.
    pub latches: Vec<BlockId>,
    /// Nesting depth: 1 for an outermost loop.
    pub depth: u32,
}

impl Loop {
    /// Edges that leave the loop: block inside, which of its targets, block outside.
    pub fn exits(&self, graph: &Graph) -> Vec<(BlockId, usize, BlockId)> {
        let mut out = Vec::new();
        for &b in &self.blocks {
            for (i, t) in graph.block(b).term.targets().iter().enumerate() {
                if !self.blocks.contains(&t.block) {
                    out.push((b, i, t.block));
                }
            }
        }
        out
    }
}

/// The natural loops of a graph, innermost first (by descending depth, then by header).
pub fn natural_loops(graph: &Graph) -> Vec<Loop> {
    let doms = graph.dominators();
    let order = graph.reverse_postorder();
    let mut by_header: FxHashMap<BlockId, Loop> = FxHashMap::default();
    for &latch in &order {
        for header in graph.succs(latch) {
            if !doms.dominates(header, latch) {
                continue;
            }
            let l = by_header.entry(header).or_insert_with(|| Loop {
                header,
                blocks: BTreeSet::from([header]),
                latches: Vec::new(),
                depth: 0,
            });
            l.latches.push(latch);
            let mut work = vec![latch];
            while let Some(b) = work.pop() {
                if l.blocks.insert(b) {
                    work.extend(graph.preds(b).into_iter().filter(|&p| doms.is_reachable(p)));
                }
            }
        }
    }
    let mut loops: Vec<Loop> = by_header.into_values().collect();
    let sets: Vec<(BlockId, BTreeSet<BlockId>)> = loops.iter().map(|l| (l.header, l.blocks.clone())).collect();
    for l in &mut loops {
        l.depth = sets.iter().filter(|(_, blocks)| blocks.contains(&l.header)).count() as u32;
    }
    loops.sort_by_key(|l| (std::cmp::Reverse(l.depth), l.header));
    loops
}

/// Loop depth of each block that is in a loop.
pub fn loop_depths(graph: &Graph) -> FxHashMap<BlockId, u32> {
    let mut depths = FxHashMap::default();
    for l in natural_loops(graph) {
        for &b in &l.blocks {
            let d = depths.entry(b).or_insert(0);
            *d = (*d).max(l.depth);
        }
    }
    depths
}
