//! Placement of pure nodes: where each floating node is computed.
//!
//! A pure node goes into the nearest block that dominates all its uses, before its first use there (the "late"
//! placement of global code motion, Click 1995, without hoisting out of loops: that is a pass's business). Placement
//! is always legal, because a node's arguments dominate all its uses.

use rustc_hash::FxHashMap;

use crate::graph::{BlockId, DomTree, Graph, NodeId, Terminator, User};

/// The nodes of each reachable block in execution order.
pub struct Schedule {
    order: Vec<BlockId>,
    nodes: FxHashMap<BlockId, Vec<NodeId>>,
}

impl Schedule {
    /// Schedules a graph. Pure nodes that nothing reachable uses are left out.
    pub fn new(graph: &Graph) -> Schedule {
        let order = graph.reverse_postorder();
        let place = Placement::new(graph, &order);
        let mut nodes = FxHashMap::default();
        for &b in &order {
            nodes.insert(b, place.sequence(b));
        }
        Schedule { order, nodes }
    }

    /// Reachable blocks in reverse postorder.
    pub fn order(&self) -> &[BlockId] {
        &self.order
    }

    /// All nodes of a block, without its parameters, in execution order. Empty for an unreachable block.
    pub fn block(&self, b: BlockId) -> &[NodeId] {
        self.nodes.get(&b).map_or(&[], |v| v)
    }
}

struct Placement<'a> {
    graph: &'a Graph,
    block_of: FxHashMap<NodeId, BlockId>,
    /// Pure nodes placed in a block, ascending by id.
    placed: FxHashMap<BlockId, Vec<NodeId>>,
}

impl<'a> Placement<'a> {
    fn new(graph: &'a Graph, order: &[BlockId]) -> Placement<'a> {
        let doms = graph.dominators();
        let mut block_of: FxHashMap<NodeId, BlockId> = FxHashMap::default();
        let snapshot_block: FxHashMap<_, _> = graph
            .live_snapshots()
            .into_iter()
            .filter_map(|(s, user)| match user {
                User::Node(n) => Some((s, graph.node(n).block?)),
                User::Term(b) => Some((s, b)),
                User::Snapshot(_) => None,
            })
            .collect();

        // Pure nodes in an order in which users come before what they use.
        let mut post = Vec::new();
        let mut seen = vec![false; graph.node_count()];
        for &b in order {
            let mut roots: Vec<NodeId> = Vec::new();
            for &e in &graph.block(b).effects {
                roots.extend(operands(graph, e));
            }
            roots.extend(term_operands(graph, b));
            for r in roots {
                visit(graph, r, &mut seen, &mut post);
            }
        }
        for &n in post.iter().rev() {
            let mut place: Option<BlockId> = None;
            for &u in graph.users(n) {
                let at = match u {
                    User::Node(m) if graph.node(m).op.is_effect() => graph.node(m).block,
                    User::Node(m) => block_of.get(&m).copied(),
                    User::Term(b) => Some(b),
                    User::Snapshot(s) => snapshot_block.get(&s).copied(),
                };
                let Some(at) = at.filter(|b| is_reachable(&doms, graph, *b)) else { continue };
                place = Some(place.map_or(at, |p| doms.common(p, at)));
            }
            if let Some(p) = place {
                block_of.insert(n, p);
            }
        }
        let mut placed: FxHashMap<BlockId, Vec<NodeId>> = FxHashMap::default();
        for (&n, &b) in &block_of {
            placed.entry(b).or_default().push(n);
        }
        for list in placed.values_mut() {
            list.sort_unstable();
        }
        Placement { graph, block_of, placed }
    }

    fn sequence(&self, b: BlockId) -> Vec<NodeId> {
        let mut out = Vec::new();
        let mut done = rustc_hash::FxHashSet::default();
        for &e in &self.graph.block(b).effects {
            for a in operands(self.graph, e) {
                self.emit(a, b, &mut out, &mut done);
            }
            out.push(e);
        }
        // Values that only later blocks use are computed before the terminator's own.
        for &n in self.placed.get(&b).map_or(&[][..], |v| v) {
            if !self.graph.users(n).contains(&User::Term(b)) {
                self.emit(n, b, &mut out, &mut done);
            }
        }
        for a in term_operands(self.graph, b) {
            self.emit(a, b, &mut out, &mut done);
        }
        out
    }

    fn emit(&self, n: NodeId, b: BlockId, out: &mut Vec<NodeId>, done: &mut rustc_hash::FxHashSet<NodeId>) {
        // Explicit stack: expression chains can be thousands of nodes deep.
        let mut stack = vec![(n, false)];
        while let Some((n, ready)) = stack.pop() {
            if self.block_of.get(&n) != Some(&b) || done.contains(&n) {
                continue;
            }
            if ready {
                done.insert(n);
                out.push(n);
                continue;
            }
            stack.push((n, true));
            stack.extend(self.graph.node(n).args.iter().rev().map(|&a| (a, false)));
        }
    }
}

fn is_reachable(doms: &DomTree, graph: &Graph, b: BlockId) -> bool {
    b == graph.entry || doms.idom(b).is_some()
}

/// What a node uses: arguments and the values of its snapshot.
fn operands(graph: &Graph, n: NodeId) -> Vec<NodeId> {
    let node = graph.node(n);
    let mut out: Vec<NodeId> = node.args.to_vec();
    if let Some(s) = node.snapshot {
        out.extend(graph.snapshot(s).writes.iter().map(|w| w.1));
    }
    out
}

fn term_operands(graph: &Graph, b: BlockId) -> Vec<NodeId> {
    let term = &graph.block(b).term;
    let mut out = term.uses().to_vec();
    if let Terminator::Exit(s) = term {
        out.extend(graph.snapshot(*s).writes.iter().map(|w| w.1));
    }
    out
}

/// Postorder over the pure nodes below `n`.
fn visit(graph: &Graph, n: NodeId, seen: &mut [bool], post: &mut Vec<NodeId>) {
    let mut stack = vec![(n, false)];
    while let Some((n, ready)) = stack.pop() {
        if ready {
            post.push(n);
            continue;
        }
        let node = graph.node(n);
        if node.op.is_effect() || node.op == crate::op::Op::Param || std::mem::replace(&mut seen[n.0 as usize], true) {
            continue;
        }
        stack.push((n, true));
        stack.extend(node.args.iter().rev().map(|&a| (a, false)));
    }
}
