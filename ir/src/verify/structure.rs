//! Links that must be in step: blocks and their nodes, uses and users, terminators and edges.

use petgraph::stable_graph::NodeIndex;
use rustc_hash::FxHashMap;

use super::Verifier;
use crate::graph::{BlockId, NodeId, SnapshotId, User};
use crate::op::Op;
use crate::text::{Place, first_cycle};

impl Verifier<'_> {
    pub(super) fn check_structure(&mut self) {
        self.check_entry();
        let blocks: Vec<BlockId> = self.graph.blocks().collect();
        for &b in &blocks {
            self.check_lists(b);
            self.check_edges(b);
        }
        self.check_homes();
        self.check_users(&blocks);
        if let Some(n) = first_cycle(self.graph) {
            self.error(Place::Node(n), format!("{n} depends on itself without a block parameter in between"));
        }
    }

    fn check_entry(&mut self) {
        let entry = self.graph.entry;
        if !self.graph.has_block(entry) {
            self.error(Place::Unit, format!("the entry block {entry} does not exist"));
            return;
        }
        if !self.graph.block(entry).params.is_empty() {
            self.error(Place::Block(entry), "the entry block has parameters");
        }
        if let Some(p) = self.graph.preds(entry).first() {
            self.error(Place::Block(entry), format!("the entry block has a predecessor, {p}"));
        }
    }

    /// A block's lists name nodes of the right kind that name the block, each once.
    fn check_lists(&mut self, b: BlockId) {
        let block = self.graph.block(b);
        let mut seen = rustc_hash::FxHashSet::default();
        for &n in block.params.iter().chain(&block.effects) {
            let node = self.graph.node(n);
            if !seen.insert(n) {
                self.error(Place::Node(n), format!("{n} is in {b} twice"));
            }
            if node.block != Some(b) {
                let home = node.block.map_or("no block".to_owned(), |h| h.to_string());
                self.error(Place::Node(n), format!("{b} lists {n}, which says that it is in {home}"));
            }
        }
        for &n in &block.params {
            if self.graph.node(n).op != Op::Param {
                self.error(Place::Node(n), format!("{n} is among the parameters of {b} but is no parameter"));
            }
        }
        for &n in &block.effects {
            if !self.graph.node(n).op.is_effect() {
                self.error(Place::Node(n), format!("{n} is among the effects of {b} but is none"));
            }
        }
    }

    /// petgraph's edges are the terminator's targets.
    fn check_edges(&mut self, b: BlockId) {
        let cfg = self.graph.cfg();
        let mut edges: Vec<BlockId> =
            cfg.neighbors(NodeIndex::new(b.0 as usize)).map(|i| BlockId(i.index() as u32)).collect();
        let mut targets: Vec<BlockId> = self.graph.block(b).term.targets().iter().map(|t| t.block).collect();
        edges.sort_unstable();
        targets.sort_unstable();
        if edges != targets {
            let show = |list: &[BlockId]| list.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            let message = format!("the edges go to [{}], the terminator to [{}]", show(&edges), show(&targets));
            self.error(Place::Term(b), message);
        }
    }

    /// A used effect or parameter is in the block that it names; a floating node names none.
    fn check_homes(&mut self) {
        for n in self.live.clone() {
            let node = self.graph.node(n);
            let listed = |b: BlockId| {
                self.graph.has_block(b) && {
                    let block = self.graph.block(b);
                    block.params.contains(&n) || block.effects.contains(&n)
                }
            };
            let pinned_to_block = node.op.is_effect() || node.op == Op::Param;
            match node.block {
                Some(b) if !pinned_to_block => {
                    self.error(Place::Node(n), format!("{n} floats, but says that it is in {b}"));
                }
                Some(b) if !listed(b) => {
                    self.error(Place::Node(n), format!("{n} is used, but {b} does not list it"));
                }
                None if pinned_to_block => self.error(Place::Node(n), format!("{n} is used, but is in no block")),
                _ => {}
            }
        }
    }

    /// The users of each node are those that use it, as often as they do.
    fn check_users(&mut self, blocks: &[BlockId]) {
        let mut expected: FxHashMap<NodeId, FxHashMap<User, i64>> = FxHashMap::default();
        let mut add = |n: NodeId, user: User| *expected.entry(n).or_default().entry(user).or_default() += 1;
        for i in 0..self.graph.node_count() {
            let user = NodeId(i as u32);
            for &n in &self.graph.node(user).args {
                add(n, User::Node(user));
            }
        }
        for &b in blocks {
            for n in self.graph.block(b).term.uses() {
                add(n, User::Term(b));
            }
        }
        for i in 0..self.graph.snapshot_count() {
            let s = SnapshotId(i as u32);
            for &(_, n) in &self.graph.snapshot(s).writes {
                add(n, User::Snapshot(s));
            }
        }
        for i in 0..self.graph.node_count() {
            let n = NodeId(i as u32);
            let mut balance = expected.remove(&n).unwrap_or_default();
            for &user in self.graph.users(n) {
                *balance.entry(user).or_default() -= 1;
            }
            let mut wrong: Vec<(User, i64)> = balance.into_iter().filter(|(_, c)| *c != 0).collect();
            wrong.sort_by_key(|(user, _)| format!("{user:?}"));
            for (user, count) in wrong {
                let problem =
                    if count > 0 { "uses it but is not among its users" } else { "is a user but does not use it" };
                self.error(Place::Node(n), format!("{} {problem}", describe(user)));
            }
        }
    }
}

fn describe(user: User) -> String {
    match user {
        User::Node(n) => n.to_string(),
        User::Term(b) => format!("the terminator of {b}"),
        User::Snapshot(s) => format!("snapshot {}", s.0),
    }
}

#[cfg(test)]
mod tests {
    use crate::graph::{BlockId, NodeId, Target, Terminator, User};
    use crate::parse::{parse_unit, synthetic_program};
    use crate::unit::Unit;
    use crate::verify::verify;

    fn unit() -> Unit {
        let text = "unit test {\nb0:\n v0 = iconst 1\n v1: slot.store 0, v0\n jump b1\nb1:\n return 0, 1\nb2:\n return 0, 0\n}";
        parse_unit(text, &synthetic_program(4, 0, 2)).unwrap_or_else(|e| panic!("{e}"))
    }

    fn error(unit: &Unit) -> String {
        verify(unit).expect_err("must be rejected").to_string()
    }

    #[test]
    fn users_that_are_not_listed() {
        let mut unit = unit();
        unit.graph.users_mut(NodeId(0)).clear();
        assert!(error(&unit).contains("v0: v1 uses it but is not among its users"));
    }

    #[test]
    fn listed_users_that_are_none() {
        let mut unit = unit();
        unit.graph.users_mut(NodeId(0)).push(User::Term(BlockId(1)));
        assert!(error(&unit).contains("v0: the terminator of b1 is a user but does not use it"));
    }

    #[test]
    fn edges_that_are_not_the_terminators() {
        let mut unit = unit();
        *unit.graph.term_mut(BlockId(0)) = Terminator::Jump(Target::new(BlockId(2)));
        assert!(error(&unit).contains("b0, terminator: the edges go to [b1], the terminator to [b2]"));
    }
}
