//! Choosing the cheapest terms, and writing back what is cheaper than the graph.
//!
//! egg's own extractor counts shared terms twice. Here one value at a time is considered, with its *cone*: the pure
//! nodes that exist only for it, and so disappear when it does. From its class a directed acyclic graph of terms is chosen
//! greedily, each class costing once however often it is used; operands of the cone are free, being there anyway. If
//! the choice costs less than the cone, it takes its place; a tie leaves the graph as it is.
//!
//! A replacement uses only operands of the cone, constants, and values that are computed earlier in the same block with
//! no call between: so everything it uses is available, and no live range grows over a call or into another block.

use std::collections::BTreeMap;

use egg::{Id, Language};
use gsx_ir::analysis::facts::Fact;
use gsx_ir::graph::{Graph, User};
use gsx_ir::schedule::Schedule;
use gsx_ir::{BlockId, NodeId, Op};
use rustc_hash::{FxHashMap, FxHashSet};

use super::cost::{Cost, Operand, cost};
use super::saturate::Classes;
use super::term::{Sym, Term};

/// Classes that are looked at for one value.
const UNIVERSE: usize = 48;
/// Rounds in which cheaper terms may still be found.
const ROUNDS: usize = 8;

/// A replacement for a value.
pub struct Replacement {
    /// What it costs less, in quarters of an instruction.
    pub saving: Cost,
    /// New nodes, arguments first; the last one takes the value's place unless `root` says otherwise.
    nodes: Vec<New>,
    root: Arg,
}

/// A new node.
struct New {
    op: Op,
    class: Id,
    args: Vec<Arg>,
}

/// An argument of a new node.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Arg {
    /// A node of the graph.
    Old(NodeId),
    /// A constant.
    Const(Sym),
    /// A new node.
    New(usize),
}

/// What a class becomes.
#[derive(Clone)]
enum Choice {
    /// A node that is there.
    Old(NodeId),
    /// A constant.
    Const(Sym),
    /// This term.
    Term(Term),
}

#[derive(Clone)]
struct Best {
    choice: Choice,
    /// Cost of each class that has to be computed for it, itself among them.
    parts: BTreeMap<Id, Cost>,
    total: Cost,
}

/// The graph's values and their classes.
pub struct Extractor<'a> {
    classes: &'a Classes,
    /// Class of each node that is in the e-graph.
    class_of: FxHashMap<NodeId, Id>,
    /// Where pure nodes were computed when extraction began: block, calls before, position.
    places: FxHashMap<NodeId, (BlockId, usize, usize)>,
    /// Nodes of each class by place.
    at: FxHashMap<(BlockId, usize, Id), Vec<(usize, NodeId)>>,
}

impl<'a> Extractor<'a> {
    /// For a saturated e-graph.
    pub fn new(graph: &Graph, classes: &'a Classes, class_of: FxHashMap<NodeId, Id>) -> Extractor<'a> {
        let schedule = Schedule::new(graph);
        let mut places = FxHashMap::default();
        let mut at: FxHashMap<(BlockId, usize, Id), Vec<(usize, NodeId)>> = FxHashMap::default();
        for &b in schedule.order() {
            let mut calls = 0;
            for (i, &n) in schedule.block(b).iter().enumerate() {
                if graph.node(n).op.may_run_code() {
                    calls += 1;
                } else if let Some(&c) = class_of.get(&n)
                    && !graph.node(n).op.is_const()
                {
                    places.insert(n, (b, calls, i));
                    at.entry((b, calls, classes.find(c))).or_default().push((i, n));
                }
            }
        }
        Extractor { classes, class_of, places, at }
    }

    /// Values in the order in which they are to be considered: users before what they use.
    pub fn order(graph: &Graph, schedule: &Schedule) -> Vec<NodeId> {
        let mut out: Vec<NodeId> = Vec::new();
        for &b in schedule.order() {
            out.extend(schedule.block(b).iter().filter(|&&n| is_term(graph, n)));
        }
        out.reverse();
        out
    }

    /// Is `n` one of the values that were there when extraction began?
    fn class(&self, n: NodeId) -> Option<Id> {
        self.class_of.get(&n).map(|&c| self.classes.find(c))
    }

    /// A cheaper way to compute `n`, if there is one.
    pub fn replacement(&self, graph: &Graph, live: &Live, n: NodeId) -> Option<Replacement> {
        let root = self.class(n)?;
        let cone = cone(graph, live, n);
        let old = self.cone_cost(graph, &cone);
        let universe = self.universe(root);
        let free = self.free(graph, live, n, &cone, &universe);
        if universe.len() > 1 || free.contains_key(&root) || self.is_const(root).is_some() {
            let best = self.choose(&universe, &free);
            let (nodes, root) = self.build(root, &best)?;
            let new = self.new_cost(&nodes);
            if new < old {
                return Some(Replacement { saving: old - new, nodes, root });
            }
        }
        None
    }

    /// The classes from which `root` can be built, nearest first.
    fn universe(&self, root: Id) -> Vec<Id> {
        let mut out = vec![root];
        let mut next = 0;
        while next < out.len() && out.len() < UNIVERSE {
            for term in &self.classes[out[next]].nodes {
                for &a in term.children() {
                    let a = self.classes.find(a);
                    if !out.contains(&a) && out.len() < UNIVERSE {
                        out.push(a);
                    }
                }
            }
            next += 1;
        }
        out
    }

    /// Nodes that a replacement of `n` may use at no cost.
    fn free(&self, graph: &Graph, live: &Live, n: NodeId, cone: &[NodeId], universe: &[Id]) -> FxHashMap<Id, NodeId> {
        let mut free: FxHashMap<Id, NodeId> = FxHashMap::default();
        for &m in cone {
            for &a in &graph.node(m).args {
                if !cone.contains(&a)
                    && !graph.node(a).op.is_const()
                    && let Some(c) = self.class(a)
                {
                    let node = free.entry(c).or_insert(a);
                    *node = (*node).min(a);
                }
            }
        }
        if let Some(&(block, calls, position)) = self.places.get(&n) {
            for &c in universe {
                let earlier = self.at.get(&(block, calls, c)).into_iter().flatten();
                let found = earlier.filter(|&&(i, m)| i < position && live.is_live(m) && !cone.contains(&m)).min();
                if let Some(&(_, m)) = found {
                    free.entry(c).or_insert(m);
                }
            }
        }
        free
    }

    fn is_const(&self, c: Id) -> Option<Sym> {
        self.classes[c].nodes.iter().map(|t| t.sym).find(|s| s.is_const())
    }

    /// The cheapest choice for each class that can be built.
    fn choose(&self, universe: &[Id], free: &FxHashMap<Id, NodeId>) -> FxHashMap<Id, Best> {
        let mut best: FxHashMap<Id, Best> = FxHashMap::default();
        for &c in universe {
            let choice = match (self.is_const(c), free.get(&c)) {
                (Some(sym), _) => Choice::Const(sym),
                (None, Some(&n)) => Choice::Old(n),
                (None, None) => continue,
            };
            best.insert(c, Best { choice, parts: BTreeMap::new(), total: 0 });
        }
        for _ in 0..ROUNDS {
            let mut changed = false;
            for &c in universe.iter().rev() {
                if best.get(&c).is_some_and(|b| b.parts.is_empty()) {
                    continue;
                }
                for term in &self.classes[c].nodes {
                    let Some(candidate) = self.candidate(c, term, &best) else { continue };
                    if best.get(&c).is_none_or(|b| candidate.total < b.total) {
                        best.insert(c, candidate);
                        changed = true;
                    }
                }
            }
            if !changed {
                break;
            }
        }
        best
    }

    /// Class `c` computed by `term`, from the best choices for its arguments.
    fn candidate(&self, c: Id, term: &Term, best: &FxHashMap<Id, Best>) -> Option<Best> {
        let args: Vec<Id> = term.args.iter().map(|&a| self.classes.find(a)).collect();
        let facts: Vec<Fact> = args.iter().map(|&a| self.classes[a].data).collect();
        let op = term.sym.op(&facts)?;
        let mut parts: BTreeMap<Id, Cost> = BTreeMap::new();
        let mut operands = Vec::new();
        for &a in &args {
            let b = best.get(&a)?;
            parts.extend(&b.parts);
            operands.push(match &b.choice {
                Choice::Const(sym) => Operand::Const(*sym),
                Choice::Term(t) if t.sym == Sym::IShl => Operand::Shift,
                Choice::Term(t) if t.sym == Sym::IMul && !t.args.iter().any(|&a| self.is_const(a).is_some()) => {
                    Operand::Product
                }
                _ => Operand::Register,
            });
        }
        // A term cannot be among what it is computed from.
        if parts.contains_key(&c) || op.is_const() {
            return None;
        }
        parts.insert(c, cost(term.sym, &operands));
        let total = parts.values().sum();
        Some(Best { choice: Choice::Term(term.clone()), parts, total })
    }

    /// The nodes of a choice, arguments first, each class once.
    fn build(&self, root: Id, best: &FxHashMap<Id, Best>) -> Option<(Vec<New>, Arg)> {
        let mut nodes = Vec::new();
        let mut made: FxHashMap<Id, Arg> = FxHashMap::default();
        let root = self.build_class(root, best, &mut nodes, &mut made)?;
        Some((nodes, root))
    }

    fn build_class(
        &self,
        c: Id,
        best: &FxHashMap<Id, Best>,
        nodes: &mut Vec<New>,
        made: &mut FxHashMap<Id, Arg>,
    ) -> Option<Arg> {
        if let Some(&arg) = made.get(&c) {
            return Some(arg);
        }
        let arg = match &best.get(&c)?.choice {
            Choice::Old(n) => Arg::Old(*n),
            Choice::Const(sym) => Arg::Const(*sym),
            Choice::Term(term) => {
                let ids: Vec<Id> = term.args.iter().map(|&a| self.classes.find(a)).collect();
                let facts: Vec<Fact> = ids.iter().map(|&a| self.classes[a].data).collect();
                let op = term.sym.op(&facts)?;
                // The bits of a shift are part of the node.
                let taken = if matches!(op, Op::IShl(_)) { 1 } else { ids.len() };
                let mut args = Vec::new();
                for &a in &ids[..taken] {
                    args.push(self.build_class(a, best, nodes, made)?);
                }
                nodes.push(New { op, class: c, args });
                Arg::New(nodes.len() - 1)
            }
        };
        made.insert(c, arg);
        Some(arg)
    }

    /// Cost of a cone as it stands, by the same measure as that of what would replace it.
    fn cone_cost(&self, graph: &Graph, cone: &[NodeId]) -> Cost {
        let has_const = |n: NodeId| graph.node(n).args.iter().any(|&a| graph.node(a).op.is_const());
        let uses = |n: NodeId| cone.iter().flat_map(|&m| &graph.node(m).args).filter(|&&a| a == n).count();
        cone.iter()
            .map(|&m| {
                let node = graph.node(m);
                let operands: Vec<Operand> = node
                    .args
                    .iter()
                    .map(|&a| match (graph.node(a).op, Sym::of_op(graph.node(a).op)) {
                        (op, Some((sym, _))) if op.is_const() => Operand::Const(sym),
                        (Op::IShl(_), _) if cone.contains(&a) && uses(a) == 1 => Operand::Shift,
                        (Op::IMul, _) if cone.contains(&a) && uses(a) == 1 && !has_const(a) => Operand::Product,
                        _ => Operand::Register,
                    })
                    .collect();
                Sym::of_op(node.op).map_or(0, |(sym, _)| cost(sym, &operands))
            })
            .sum()
    }

    fn new_cost(&self, nodes: &[New]) -> Cost {
        let has_const = |i: usize| nodes[i].args.iter().any(|a| matches!(a, Arg::Const(_)));
        let uses = |i: usize| nodes.iter().flat_map(|n| &n.args).filter(|&&a| a == Arg::New(i)).count();
        nodes
            .iter()
            .map(|New { op, args, .. }| {
                let operands: Vec<Operand> = args
                    .iter()
                    .map(|&a| match a {
                        Arg::Const(sym) => Operand::Const(sym),
                        Arg::New(i) if matches!(nodes[i].op, Op::IShl(_)) && uses(i) == 1 => Operand::Shift,
                        Arg::New(i) if nodes[i].op == Op::IMul && uses(i) == 1 && !has_const(i) => Operand::Product,
                        _ => Operand::Register,
                    })
                    .collect();
                Sym::of_op(*op).map_or(0, |(sym, _)| cost(sym, &operands))
            })
            .sum()
    }

    /// Puts a replacement in `n`'s place. Nodes of the cone that are part of it keep their ids.
    pub fn write(&mut self, graph: &mut Graph, live: &Live, n: NodeId, replacement: &Replacement) {
        let cone = cone(graph, live, n);
        let origin = graph.node(n).origin;
        let mut ids: Vec<NodeId> = Vec::new();
        let last = replacement.nodes.len().wrapping_sub(1);
        for (i, New { op, class, args }) in replacement.nodes.iter().enumerate() {
            let args: Vec<NodeId> = args.iter().map(|&a| node_of(graph, a, &ids, n)).collect();
            if i == last && replacement.root == Arg::New(i) {
                graph.rewrite(n, *op, &args);
                ids.push(n);
                continue;
            }
            let same = |m: &&NodeId| **m != n && graph.node(**m).op == *op && graph.node(**m).args[..] == args[..];
            let id = match cone.iter().find(same) {
                Some(&m) => m,
                None => graph.pure(*op, &args, self.classes[*class].data.ty, origin),
            };
            self.class_of.insert(id, *class);
            ids.push(id);
        }
        match replacement.root {
            Arg::New(_) => {}
            Arg::Old(m) => graph.replace_uses(n, m),
            Arg::Const(sym) => {
                if let Some(op) = sym.op(&[]) {
                    graph.rewrite(n, op, &[]);
                }
            }
        }
    }
}

/// The node of an argument; constants are made.
fn node_of(graph: &mut Graph, arg: Arg, ids: &[NodeId], n: NodeId) -> NodeId {
    let origin = graph.node(n).origin;
    match arg {
        Arg::Old(m) => m,
        Arg::New(i) => ids[i],
        Arg::Const(sym) => {
            let op = sym.op(&[]).unwrap_or(Op::BConst(false));
            let ty = match sym {
                Sym::Int(_) => gsx_ir::Type::Int,
                Sym::Float(_) => gsx_ir::Type::Float,
                Sym::Bool(_) => gsx_ir::Type::Bool,
                _ => gsx_ir::Type::Boxed,
            };
            graph.pure(op, &[], ty, origin)
        }
    }
}

/// Is `n` a pure operation that rules look into, and no constant?
pub fn is_term(graph: &Graph, n: NodeId) -> bool {
    let op = graph.node(n).op;
    !op.is_const() && Sym::of_op(op).is_some()
}

/// `n` and the pure nodes that only it needs.
fn cone(graph: &Graph, live: &Live, n: NodeId) -> Vec<NodeId> {
    let mut cone = vec![n];
    loop {
        let before = cone.len();
        for i in 0..cone.len() {
            for &a in &graph.node(cone[i]).args {
                if !cone.contains(&a)
                    && is_term(graph, a)
                    && live.users(graph, a).all(|u| matches!(u, User::Node(m) if cone.contains(&m)))
                {
                    cone.push(a);
                }
            }
        }
        if cone.len() == before {
            return cone;
        }
    }
}

/// What is needed by something that happens.
pub struct Live {
    nodes: Vec<bool>,
    snapshots: FxHashSet<gsx_ir::SnapshotId>,
    blocks: FxHashSet<BlockId>,
}

impl Live {
    /// Of a graph as it is now.
    pub fn new(graph: &Graph) -> Live {
        let mut nodes = vec![false; graph.node_count()];
        let mut work: Vec<NodeId> = Vec::new();
        let order = graph.reverse_postorder();
        for &b in &order {
            for &e in &graph.block(b).effects {
                nodes[e.0 as usize] = true;
                work.extend(graph.node(e).args.iter().copied());
            }
            work.extend(graph.block(b).term.uses());
        }
        let mut snapshots = FxHashSet::default();
        for (s, _) in graph.live_snapshots() {
            snapshots.insert(s);
            work.extend(graph.snapshot(s).writes.iter().map(|w| w.1));
        }
        while let Some(n) = work.pop() {
            if !std::mem::replace(&mut nodes[n.0 as usize], true) {
                work.extend(graph.node(n).args.iter().copied());
            }
        }
        Live { nodes, snapshots, blocks: order.into_iter().collect() }
    }

    /// Is `n` needed?
    pub fn is_live(&self, n: NodeId) -> bool {
        self.nodes.get(n.0 as usize).copied().unwrap_or(false)
    }

    /// The live users of a node.
    fn users<'a>(&'a self, graph: &'a Graph, n: NodeId) -> impl Iterator<Item = User> + 'a {
        graph.users(n).iter().copied().filter(|u| match u {
            User::Node(m) => self.is_live(*m),
            User::Term(b) => self.blocks.contains(b),
            User::Snapshot(s) => self.snapshots.contains(s),
        })
    }
}
