//! Every value is computed before it is used, on every path.
//!
//! Effects and block parameters have a place of their own. A floating node can be computed as soon as all effects and
//! parameters below it are: its place is the latest of theirs, which exists if they lie on one path of the dominator
//! tree.

use rustc_hash::{FxHashMap, FxHashSet};

use super::{Verifier, exit_snapshot, floats, operands};
use crate::graph::{BlockId, DomTree, NodeId};
use crate::op::Op;
use crate::text::{Place, first_cycle};

/// A point in the program: a block and a position in it. Parameters are at 0, effect `i` at `i + 1`.
type Point = (BlockId, usize);

struct Availability<'a> {
    doms: &'a DomTree,
    reachable: FxHashSet<BlockId>,
    /// Where effects and parameters stand.
    places: FxHashMap<NodeId, Point>,
    /// From where on each node is known; none if on no path.
    known: FxHashMap<NodeId, Option<Point>>,
}

impl Availability<'_> {
    /// Is everything at `earlier` known at `later`?
    fn before(&self, earlier: Point, later: Point) -> bool {
        if earlier.0 == later.0 { earlier.1 < later.1 } else { self.doms.dominates(earlier.0, later.0) }
    }

    /// The later of two points of one path, or none if no path has both.
    fn latest(&self, a: Point, b: Point) -> Option<Point> {
        if a.0 == b.0 {
            Some((a.0, a.1.max(b.1)))
        } else if self.doms.dominates(a.0, b.0) {
            Some(b)
        } else {
            self.doms.dominates(b.0, a.0).then_some(a)
        }
    }
}

impl Verifier<'_> {
    pub(super) fn check_dominance(&mut self) {
        let graph = self.graph;
        if !graph.has_block(graph.entry) || first_cycle(graph).is_some() {
            return; // reported already, and the order below does not exist
        }
        let doms = graph.dominators();
        let order = graph.reverse_postorder();
        let mut places = FxHashMap::default();
        for &b in &order {
            let block = graph.block(b);
            places.extend(block.params.iter().map(|&p| (p, (b, 0))));
            places.extend(block.effects.iter().enumerate().map(|(i, &e)| (e, (b, i + 1))));
        }
        let reachable = order.iter().copied().collect();
        let mut a = Availability { doms: &doms, reachable, places, known: FxHashMap::default() };
        for &b in &order {
            let block = graph.block(b);
            for (i, &e) in block.effects.iter().enumerate() {
                for v in operands(graph, e) {
                    self.check_use(&mut a, v, (b, i + 1), Place::Node(e));
                }
            }
            let mut used = block.term.uses().to_vec();
            if let Some(s) = exit_snapshot(&block.term) {
                used.extend(graph.snapshot(s).writes.iter().map(|w| w.1));
            }
            for v in used {
                self.check_use(&mut a, v, (b, block.effects.len() + 1), Place::Term(b));
            }
        }
    }

    fn check_use(&mut self, a: &mut Availability<'_>, v: NodeId, at: Point, place: Place) {
        if self.known_from(a, v).is_some_and(|p| a.before(p, at)) {
            return;
        }
        // Name the effects and parameters that come too late.
        let mut culprits: Vec<NodeId> = Vec::new();
        let mut seen = FxHashSet::default();
        let mut work = vec![v];
        while let Some(n) = work.pop() {
            if !seen.insert(n) {
                continue;
            }
            if floats(self.graph, n) {
                work.extend(self.graph.node(n).args.iter().copied());
            } else if !a.places.get(&n).is_some_and(|&p| a.before(p, at)) {
                culprits.push(n);
            }
        }
        culprits.sort_unstable();
        for n in culprits {
            let through = if n == v { String::new() } else { format!(" (through {v})") };
            let message = match a.places.get(&n) {
                Some((b, _)) if *b == at.0 => format!("uses {n}{through} before it is computed"),
                Some((b, _)) => format!("uses {n}{through}, but {b} does not dominate {}", at.0),
                None if self.graph.node(n).block.is_some_and(|b| !a.reachable.contains(&b)) => {
                    format!("uses {n}{through}, which is in an unreachable block")
                }
                None => format!("uses {n}{through}, which is in no block"),
            };
            self.error(place, message);
        }
    }

    /// From where on `n` is known, remembered for all floating nodes below it.
    fn known_from(&self, a: &mut Availability<'_>, n: NodeId) -> Option<Point> {
        let mut stack = vec![(n, false)];
        while let Some((n, ready)) = stack.pop() {
            if a.known.contains_key(&n) {
                continue;
            }
            let node = self.graph.node(n);
            if !floats(self.graph, n) {
                let place = a.places.get(&n).copied();
                a.known.insert(n, place);
            } else if ready {
                let mut point = Some((self.graph.entry, 0));
                for arg in &node.args {
                    let of_arg = a.known.get(arg).copied().flatten();
                    point = point.zip(of_arg).and_then(|(p, q)| a.latest(p, q));
                }
                a.known.insert(n, point);
            } else {
                debug_assert!(node.op != Op::Param);
                stack.push((n, true));
                stack.extend(node.args.iter().map(|&x| (x, false)));
            }
        }
        a.known.get(&n).copied().flatten()
    }
}
