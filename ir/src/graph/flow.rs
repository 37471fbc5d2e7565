//! What follows from a graph's edges alone: the order of its blocks and their dominators.
//!
//! Passes ask for both again and again, and most of what they change are nodes. So the graph keeps them until an edge changes.

use std::sync::{Arc, OnceLock};

use super::{BlockId, Graph};

/// Analyses of the edges between blocks, made when they are first asked for.
#[derive(Clone, Debug, Default)]
pub(super) struct Flow {
    order: OnceLock<Vec<BlockId>>,
    acyclic: OnceLock<bool>,
    dominators: OnceLock<Arc<DomTree>>,
}

impl Graph {
    /// Reachable blocks in reverse postorder.
    pub fn reverse_postorder(&self) -> Vec<BlockId> {
        self.order().to_vec()
    }

    /// Dominator tree of the reachable blocks.
    pub fn dominators(&self) -> Arc<DomTree> {
        self.flow.dominators.get_or_init(|| Arc::new(DomTree::new(self, self.order()))).clone()
    }

    /// Does every edge between reachable blocks lead forward in [reverse postorder](Graph::reverse_postorder)? Then a dataflow
    /// analysis needs one sweep over the blocks in that order, or against it if it is a backward one.
    pub fn is_acyclic(&self) -> bool {
        *self.flow.acyclic.get_or_init(|| {
            let mut done = vec![false; self.block_bound()];
            self.order().iter().all(|&b| {
                done[b.0 as usize] = true;
                self.succs(b).iter().all(|s| !done[s.0 as usize])
            })
        })
    }

    fn order(&self) -> &[BlockId] {
        self.flow.order.get_or_init(|| {
            let mut out = self.postorder();
            out.reverse();
            out
        })
    }

    /// Reachable blocks, each behind all that can be reached from it but for edges back.
    fn postorder(&self) -> Vec<BlockId> {
        #[derive(Clone, Copy, PartialEq)]
        enum State {
            New,
            Entered,
            Left,
        }
        let mut state = vec![State::New; self.block_bound()];
        let mut out = Vec::new();
        let mut stack = vec![self.entry];
        while let Some(&b) = stack.last() {
            match std::mem::replace(&mut state[b.0 as usize], State::Entered) {
                State::New => {
                    // The last edge comes first: the first successor is on top of the stack.
                    let next = self.cfg.neighbors(b.index()).map(|i| BlockId(i.index() as u32));
                    stack.extend(next.filter(|s| state[s.0 as usize] == State::New));
                }
                before => {
                    stack.pop();
                    state[b.0 as usize] = State::Left;
                    if before == State::Entered {
                        out.push(b);
                    }
                }
            }
        }
        out
    }
}

/// Dominator tree of a graph's reachable blocks.
#[derive(Debug)]
pub struct DomTree {
    entry: BlockId,
    /// By block.
    idoms: Vec<Option<BlockId>>,
}

impl DomTree {
    /// Iterates over the blocks in reverse postorder until nothing changes (Cooper, Harvey and Kennedy, "A simple, fast
    /// dominance algorithm", 2001).
    fn new(graph: &Graph, order: &[BlockId]) -> DomTree {
        let mut number = vec![usize::MAX; graph.block_bound()];
        for (i, b) in order.iter().enumerate() {
            number[b.0 as usize] = i;
        }
        // By number. The entry is its own dominator here; so a common one is always found.
        let mut idoms: Vec<Option<usize>> = vec![None; order.len()];
        idoms[0] = Some(0);
        let common = |idoms: &[Option<usize>], mut a: usize, mut b: usize| {
            while a != b {
                let later = if a > b { &mut a } else { &mut b };
                *later = idoms[*later].unwrap_or(0);
            }
            a
        };
        loop {
            let mut changed = false;
            for (i, &b) in order.iter().enumerate().skip(1) {
                let preds = graph.preds(b).into_iter().map(|p| number[p.0 as usize]);
                let done = preds.filter(|&p| p != usize::MAX && idoms[p].is_some());
                let new = done.reduce(|a, b| common(&idoms, a, b));
                changed |= idoms[i] != new;
                idoms[i] = new;
            }
            if !changed {
                break;
            }
        }
        let mut by_block = vec![None; graph.block_bound()];
        for (i, &b) in order.iter().enumerate().skip(1) {
            by_block[b.0 as usize] = idoms[i].map(|d| order[d]);
        }
        DomTree { entry: graph.entry, idoms: by_block }
    }

    /// Immediate dominator; none for the entry and for unreachable blocks.
    pub fn idom(&self, b: BlockId) -> Option<BlockId> {
        self.idoms.get(b.0 as usize).copied().flatten()
    }

    /// Is there a way from the entry to `b`?
    pub fn is_reachable(&self, b: BlockId) -> bool {
        b == self.entry || self.idom(b).is_some()
    }

    /// Does `a` dominate `b` (every block dominates itself)?
    pub fn dominates(&self, a: BlockId, b: BlockId) -> bool {
        let mut at = Some(b);
        while let Some(x) = at {
            if x == a {
                return true;
            }
            at = self.idom(x);
        }
        false
    }

    /// The nearest block that dominates both.
    pub fn common(&self, a: BlockId, b: BlockId) -> BlockId {
        let mut at = a;
        while !self.dominates(at, b) {
            match self.idom(at) {
                Some(up) => at = up,
                None => return at,
            }
        }
        at
    }
}
