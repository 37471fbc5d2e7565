//! Placement of pure nodes: where each floating node is computed.
//!
//! A pure node goes into the nearest block that dominates all its uses, before its first use there (the "late"
//! placement of global code motion, Click 1995, without hoisting out of loops: that is a pass's business). Placement
//! is always legal, because a node's arguments dominate all its uses.

use crate::graph::{BlockId, Graph, NodeId, Terminator, User};
use crate::op::Op;

/// The nodes of each reachable block in execution order.
pub struct Schedule {
    order: Vec<BlockId>,
    /// By block.
    nodes: Vec<Vec<NodeId>>,
}

impl Schedule {
    /// Schedules a graph. Pure nodes that nothing reachable uses are left out.
    pub fn new(graph: &Graph) -> Schedule {
        let order = graph.reverse_postorder();
        let mut place = Placement::new(graph, &order);
        let mut nodes = vec![Vec::new(); graph.block_bound()];
        for &b in &order {
            nodes[b.0 as usize] = place.sequence(b);
        }
        Schedule { order, nodes }
    }

    /// Reachable blocks in reverse postorder.
    pub fn order(&self) -> &[BlockId] {
        &self.order
    }

    /// All nodes of a block, without its parameters, in execution order. Empty for an unreachable block.
    pub fn block(&self, b: BlockId) -> &[NodeId] {
        self.nodes.get(b.0 as usize).map_or(&[], |v| v)
    }
}

struct Placement<'a> {
    graph: &'a Graph,
    /// By node: where a pure node is placed, until it is put in its block's sequence.
    waiting: Vec<Option<BlockId>>,
    /// By block: the pure nodes placed there, ascending by id.
    placed: Vec<Vec<NodeId>>,
    /// Work list of [`Placement::emit`]. Explicit: expression chains can be thousands of nodes deep.
    stack: Vec<(NodeId, bool)>,
}

impl<'a> Placement<'a> {
    fn new(graph: &'a Graph, order: &[BlockId]) -> Placement<'a> {
        let doms = graph.dominators();
        let mut block_of: Vec<Option<BlockId>> = vec![None; graph.node_count()];
        // By snapshot: the block that is left through it.
        let mut exit_block: Vec<Option<BlockId>> = vec![None; graph.snapshot_count()];

        // Pure nodes in an order in which users come before what they use.
        let mut post = Vec::new();
        let mut seen = vec![false; graph.node_count()];
        let mut stack = Vec::new();
        for &b in order {
            for &e in &graph.block(b).effects {
                for r in operands(graph, e) {
                    visit(graph, r, &mut seen, &mut stack, &mut post);
                }
                if let Some(s) = graph.node(e).snapshot {
                    exit_block[s.0 as usize] = Some(b);
                }
            }
            for r in term_operands(graph, b) {
                visit(graph, r, &mut seen, &mut stack, &mut post);
            }
            if let Terminator::Exit(s) = graph.block(b).term {
                exit_block[s.0 as usize] = Some(b);
            }
        }
        for &n in post.iter().rev() {
            let mut place: Option<BlockId> = None;
            for &u in graph.users(n) {
                let at = match u {
                    User::Node(m) if graph.node(m).op.is_effect() => graph.node(m).block,
                    User::Node(m) => block_of[m.0 as usize],
                    User::Term(b) => Some(b),
                    User::Snapshot(s) => exit_block[s.0 as usize],
                };
                let Some(at) = at.filter(|b| doms.is_reachable(*b)) else { continue };
                place = Some(place.map_or(at, |p| doms.common(p, at)));
            }
            block_of[n.0 as usize] = place;
        }
        let mut placed: Vec<Vec<NodeId>> = vec![Vec::new(); graph.block_bound()];
        for (i, place) in block_of.iter().enumerate() {
            if let Some(b) = place {
                placed[b.0 as usize].push(NodeId(i as u32));
            }
        }
        Placement { graph, waiting: block_of, placed, stack }
    }

    fn sequence(&mut self, b: BlockId) -> Vec<NodeId> {
        let graph = self.graph;
        let placed = std::mem::take(&mut self.placed[b.0 as usize]);
        let mut out = Vec::with_capacity(graph.block(b).effects.len() + placed.len());
        for &e in &graph.block(b).effects {
            for a in operands(graph, e) {
                self.emit(a, b, &mut out);
            }
            out.push(e);
        }
        // Values that only later blocks use are computed before the terminator's own.
        for &n in &placed {
            if !graph.users(n).contains(&User::Term(b)) {
                self.emit(n, b, &mut out);
            }
        }
        for a in term_operands(graph, b) {
            self.emit(a, b, &mut out);
        }
        out
    }

    /// Puts a node, and those of its block that it is computed from, in the sequence, unless they are in it.
    fn emit(&mut self, n: NodeId, b: BlockId, out: &mut Vec<NodeId>) {
        self.stack.push((n, false));
        while let Some((n, ready)) = self.stack.pop() {
            let waiting = &mut self.waiting[n.0 as usize];
            if *waiting != Some(b) {
                continue;
            }
            if ready {
                *waiting = None;
                out.push(n);
                continue;
            }
            self.stack.push((n, true));
            self.stack.extend(self.graph.node(n).args.iter().rev().map(|&a| (a, false)));
        }
    }
}

/// What a node uses: arguments and the values of its snapshot.
fn operands(graph: &Graph, n: NodeId) -> impl Iterator<Item = NodeId> + '_ {
    let node = graph.node(n);
    let exit = node.snapshot.into_iter().flat_map(|s| &graph.snapshot(s).writes).map(|w| w.1);
    node.args.iter().copied().chain(exit)
}

fn term_operands(graph: &Graph, b: BlockId) -> impl Iterator<Item = NodeId> + '_ {
    let term = &graph.block(b).term;
    let exit = match term {
        Terminator::Exit(s) => &graph.snapshot(*s).writes[..],
        _ => &[],
    };
    term.uses().into_iter().chain(exit.iter().map(|w| w.1))
}

/// Postorder over the pure nodes below `n`.
fn visit(graph: &Graph, n: NodeId, seen: &mut [bool], stack: &mut Vec<(NodeId, bool)>, post: &mut Vec<NodeId>) {
    stack.push((n, false));
    while let Some((n, ready)) = stack.pop() {
        if ready {
            post.push(n);
            continue;
        }
        let node = graph.node(n);
        if node.op.is_effect() || node.op == Op::Param || std::mem::replace(&mut seen[n.0 as usize], true) {
            continue;
        }
        stack.push((n, true));
        stack.extend(node.args.iter().rev().map(|&a| (a, false)));
    }
}
