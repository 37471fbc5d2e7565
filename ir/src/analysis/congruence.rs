//! Which nodes surely have the same value: pure nodes with the same operation on the same arguments.
//!
//! Pessimistic value numbering by hashing. What an effect gives, and each block parameter, is a value of its own.

use rustc_hash::FxHashMap;

use crate::graph::{Args, Graph, NodeId};
use crate::op::{Op, Type};

/// The congruence classes of a graph's nodes.
pub struct Congruence {
    /// By node.
    representative: Vec<NodeId>,
}

impl Congruence {
    /// Classes of all nodes that a graph ever had.
    pub fn new(graph: &Graph) -> Congruence {
        let mut out = Congruence { representative: (0..graph.node_count() as u32).map(NodeId).collect() };
        let mut first: FxHashMap<(Op, Args, Option<Type>), NodeId> = FxHashMap::default();
        let mut done = vec![false; graph.node_count()];
        let mut stack = Vec::new();
        for i in 0..graph.node_count() {
            stack.push((NodeId(i as u32), false));
            while let Some((n, ready)) = stack.pop() {
                let node = graph.node(n);
                if node.op.is_effect() || node.op == Op::Param {
                    continue;
                }
                if ready {
                    out.representative[n.0 as usize] = out.classify(graph, n, &mut first);
                } else if !std::mem::replace(&mut done[n.0 as usize], true) {
                    stack.push((n, true));
                    stack.extend(node.args.iter().map(|&a| (a, false)));
                }
            }
        }
        out
    }

    /// The one node that stands for all of the class of `n`.
    pub fn of(&self, n: NodeId) -> NodeId {
        // Nodes made since then are alone.
        self.representative.get(n.0 as usize).copied().unwrap_or(n)
    }

    /// The class of a pure node whose arguments have theirs.
    fn classify(&self, graph: &Graph, n: NodeId, first: &mut FxHashMap<(Op, Args, Option<Type>), NodeId>) -> NodeId {
        let node = graph.node(n);
        let mut args: Args = node.args.iter().map(|&a| self.of(a)).collect();
        let mut op = node.op;
        // A payload taken out of what it was just put into.
        if let Op::Unbox(ty) = op {
            let boxed = graph.node(args[0]);
            if boxed.op == Op::Box && graph.node(boxed.args[0]).ty == Some(ty) {
                return self.of(boxed.args[0]);
            }
        }
        // Not float addition and multiplication: of two NaNs the first one's bits are the result's.
        if let [a, b] = args[..]
            && b < a
        {
            match op {
                Op::IAdd | Op::IMul => args.swap(0, 1),
                Op::ICmp(c) => {
                    args.swap(0, 1);
                    op = Op::ICmp(c.swapped());
                }
                Op::FCmp(c) => {
                    args.swap(0, 1);
                    op = Op::FCmp(c.swapped());
                }
                _ => {}
            }
        }
        *first.entry((op, args, node.ty)).or_insert(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::{parse_unit, synthetic_program};

    #[test]
    fn same_operations_on_the_same_values_are_one() {
        let text = "unit test slots=4 {
b0:
    v0 = slot.load.int 0
    v1 = slot.load.int 1
    v2 = iadd v0, v1
    v3 = iadd v1, v0
    v4 = isub v0, v1
    v5 = isub v1, v0
    v6 = icmp.lt v2, v4
    v7 = icmp.gt v4, v3
    v8 = box v2
    v9 = unbox.int v8
    v10 = slot.load.int 0
    v11 = itof v0
    v12 = itof v1
    v13 = fadd v11, v12
    v14 = fadd v12, v11
    return 0, 1
}
";
        let unit = parse_unit(text, &synthetic_program(4, 0, 8)).expect(text);
        let congruence = Congruence::new(&unit.graph);
        let same = |a: u32, b: u32| congruence.of(NodeId(a)) == congruence.of(NodeId(b));
        assert!(same(2, 3) && same(6, 7) && same(9, 3));
        assert!(!same(4, 5) && !same(0, 10) && !same(0, 1) && !same(2, 4));
        assert!(!same(13, 14), "which NaN comes out depends on the order");
    }
}
