//! The order of a block's nodes: the schedule's, but with new values of loop parameters computed late.
//!
//! A parameter and its next value share a register only if the old value is not needed any more when the new one is
//! computed. The schedule knows nothing of registers: of `sum + i` and `i + 1` it may well place the second first.

use gsx_ir::graph::{BlockId, Graph, NodeId, User};
use gsx_ir::op::Op;
use gsx_ir::schedule::Schedule;
use rustc_hash::{FxHashMap, FxHashSet};

use super::demand::Demand;

/// Position of what comes after all nodes: the block's end.
const END: usize = usize::MAX;

/// The nodes of a block in the order in which they are lowered.
pub(super) fn block_order(
    graph: &Graph,
    schedule: &Schedule,
    demand: &Demand,
    by_pin: &FxHashMap<gsx_ir::unit::Pin, Vec<NodeId>>,
    b: BlockId,
) -> Vec<NodeId> {
    let mut nodes = schedule.block(b).to_vec();
    let mut moved = FxHashSet::default();
    for t in graph.block(b).term.targets() {
        for (&param, &next) in graph.block(t.block).params.iter().zip(&t.args) {
            // Each value goes down once, so that two that stand in each other's way do not chase each other.
            let Some(at) = nodes.iter().position(|&n| n == next) else {
                continue;
            };
            let movable = graph.node(next).op.is_pure() && graph.node(next).op != Op::Param;
            if !movable || demand.is_fused(next) || moved.contains(&next) {
                continue;
            }
            let same_pin = graph.node(param).pin.and_then(|pin| by_pin.get(&pin));
            let old: Vec<NodeId> = std::iter::once(param).chain(same_pin.into_iter().flatten().copied()).collect();
            let places = Places::new(graph, demand, &nodes, b);
            let needed_later = old.iter().any(|&o| places.of_users(o).any(|u| u > at && u != END));
            if !needed_later {
                continue;
            }
            let until = places.of_users(next).min().unwrap_or(END).min(nodes.len());
            nodes.remove(at);
            nodes.insert(until - 1, next);
            moved.insert(next);
        }
    }
    nodes
}

/// Where in a block values are used.
struct Places<'a> {
    graph: &'a Graph,
    demand: &'a Demand,
    at: FxHashMap<NodeId, usize>,
    snapshots: FxHashMap<gsx_ir::graph::SnapshotId, usize>,
    block: BlockId,
}

impl<'a> Places<'a> {
    fn new(graph: &'a Graph, demand: &'a Demand, nodes: &[NodeId], block: BlockId) -> Places<'a> {
        let at = nodes.iter().enumerate().map(|(i, &n)| (n, i)).collect();
        let snapshots = nodes.iter().enumerate().filter_map(|(i, &n)| Some((graph.node(n).snapshot?, i))).collect();
        Places { graph, demand, at, snapshots, block }
    }

    /// The positions at which `n` is read in this block.
    fn of_users(&self, n: NodeId) -> impl Iterator<Item = usize> + '_ {
        self.graph.users(n).iter().filter_map(|u| self.of_user(*u))
    }

    fn of_user(&self, user: User) -> Option<usize> {
        match user {
            // A fused condition is computed where its user is.
            User::Node(m) if self.at.contains_key(&m) && self.demand.is_fused(m) => {
                self.graph.users(m).iter().filter_map(|u| self.of_user(*u)).min()
            }
            User::Node(m) => self.at.get(&m).copied(),
            User::Term(t) => (t == self.block).then_some(END),
            User::Snapshot(s) => self.snapshots.get(&s).copied(),
        }
    }
}
