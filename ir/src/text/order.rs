//! The order in which nodes are printed.

use rustc_hash::FxHashSet;

use crate::graph::{BlockId, Graph, NodeId, SnapshotId, Terminator};
use crate::op::Op;
use crate::schedule::Schedule;

/// Blocks in the order of the listing, each with its nodes (parameters apart): reachable blocks in reverse postorder,
/// then the others by id. Works on graphs that the verifier would reject, too.
pub(crate) fn listing_order(graph: &Graph) -> Vec<(BlockId, Vec<NodeId>)> {
    let reachable = graph.reverse_postorder();
    let mut printed: FxHashSet<NodeId> = FxHashSet::default();
    let mut out = Vec::new();
    if is_acyclic(graph) {
        let schedule = Schedule::new(graph);
        for &b in &reachable {
            let nodes = schedule.block(b).to_vec();
            printed.extend(nodes.iter().copied());
            out.push((b, nodes));
        }
    } else {
        for &b in &reachable {
            out.push((b, on_demand(graph, b, &mut printed)));
        }
    }
    let seen: FxHashSet<BlockId> = reachable.into_iter().collect();
    for b in graph.blocks().filter(|b| !seen.contains(b)) {
        out.push((b, on_demand(graph, b, &mut printed)));
    }
    out
}

/// The nodes of a block, pure ones before the first use in the whole listing.
fn on_demand(graph: &Graph, b: BlockId, printed: &mut FxHashSet<NodeId>) -> Vec<NodeId> {
    let mut out = Vec::new();
    for &e in &graph.block(b).effects {
        for n in operands(graph, &graph.node(e).args, graph.node(e).snapshot) {
            emit(graph, n, printed, &mut out);
        }
        out.push(e);
    }
    let term = &graph.block(b).term;
    for n in operands(graph, &term.uses(), exit_snapshot(term)) {
        emit(graph, n, printed, &mut out);
    }
    out
}

fn operands(graph: &Graph, args: &[NodeId], snapshot: Option<SnapshotId>) -> Vec<NodeId> {
    let mut all = args.to_vec();
    if let Some(s) = snapshot {
        all.extend(graph.snapshot(s).writes.iter().map(|w| w.1));
    }
    all
}

fn floats(graph: &Graph, n: NodeId) -> bool {
    let op = graph.node(n).op;
    op.is_pure() && op != Op::Param
}

fn emit(graph: &Graph, n: NodeId, printed: &mut FxHashSet<NodeId>, out: &mut Vec<NodeId>) {
    // An explicit stack: chains of operations can be thousands of nodes long.
    let mut stack = vec![(n, false)];
    while let Some((n, ready)) = stack.pop() {
        if ready {
            out.push(n);
        } else if floats(graph, n) && printed.insert(n) {
            stack.push((n, true));
            stack.extend(graph.node(n).args.iter().rev().map(|&a| (a, false)));
        }
    }
}

/// All that a block's effects and its terminator use.
fn used_by_block(graph: &Graph, b: BlockId) -> Vec<NodeId> {
    let block = graph.block(b);
    let mut out = Vec::new();
    for &e in &block.effects {
        out.extend(operands(graph, &graph.node(e).args, graph.node(e).snapshot));
    }
    out.extend(operands(graph, &block.term.uses(), exit_snapshot(&block.term)));
    out
}

fn exit_snapshot(term: &Terminator) -> Option<SnapshotId> {
    match term {
        Terminator::Exit(s) => Some(*s),
        _ => None,
    }
}

/// Does no pure node depend on itself?
fn is_acyclic(graph: &Graph) -> bool {
    first_cycle(graph).is_none()
}

/// A pure node that something uses and that depends on itself through pure nodes, if there is one.
pub(crate) fn first_cycle(graph: &Graph) -> Option<NodeId> {
    #[derive(Clone, Copy, PartialEq)]
    enum Mark {
        New,
        Open,
        Done,
    }
    let mut marks = vec![Mark::New; graph.node_count()];
    for root in graph.blocks().flat_map(|b| used_by_block(graph, b)) {
        let mut stack = vec![(root, false)];
        while let Some((n, ready)) = stack.pop() {
            let mark = &mut marks[n.0 as usize];
            if ready {
                *mark = Mark::Done;
                continue;
            }
            match *mark {
                Mark::Done => {}
                Mark::Open => return Some(n),
                Mark::New if !floats(graph, n) => *mark = Mark::Done,
                Mark::New => {
                    *mark = Mark::Open;
                    stack.push((n, true));
                    stack.extend(graph.node(n).args.iter().map(|&a| (a, false)));
                }
            }
        }
    }
    None
}
