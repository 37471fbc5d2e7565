//! Global value numbering: what was computed or checked before on every path is not computed or checked again.
//!
//! Pure nodes with the same operation on the same values are one node, if one of them is computed wherever the other is.
//! On the way down the dominator tree the pass knows which guards were passed and how branches went: a guard that cannot
//! fail any more is removed, a branch that can go only one way becomes a jump. Loads are [`load_elim`](crate::load_elim)'s
//! business: values are merged here once their loads are.
//!
//! It must never take what holds in the entry block for granted behind the self entry, where calls come in past it.

use std::collections::hash_map::Entry;

use gscript::value::{Tag, Value};
use gsx_ir::analysis::congruence::Congruence;
use gsx_ir::graph::{DomTree, Graph, Terminator};
use gsx_ir::memory::{Memory, may_write};
use gsx_ir::schedule::Schedule;
use gsx_ir::{BlockId, NodeId, Op, Unit};
use rustc_hash::FxHashMap;

use crate::support::{counted, forget_removed_blocks, known_tag, remove_unused_loads, source_line};
use crate::{Outcome, Pass, PassContext, PassError, PassInfo, RemarkKind};

/// The pass.
pub struct Gvn;

static INFO: PassInfo = PassInfo {
    id: "gvn",
    summary: "what was computed or checked before is not computed or checked again",
    details: "Equal operations on equal values become one where the first is computed on every way to the second; block \
              parameters that always get one value give way to it; guards whose condition was checked before, by a guard or a \
              branch, are removed, and branches on such a condition are decided. Constants are left to the backend, loads \
              to load-elim. The operands of float additions and multiplications are never exchanged.",
    groups: &[],
    needs: &[],
    origin: "value numbering by hashing over the dominator tree: Briggs, Cooper, Simpson, \"Value numbering\", 1997",
};

impl Pass for Gvn {
    fn info(&self) -> &'static PassInfo {
        &INFO
    }

    fn run(&self, unit: &mut Unit, cx: &mut PassContext) -> Result<Outcome, PassError> {
        let params = remove_trivial_params(unit, cx);
        let merged = merge_values(unit, cx);
        let mut walk = Walk::new(unit);
        walk.run(cx);
        let (guards, branches) = (walk.guards, walk.branches);
        if branches > 0 {
            unit.graph.remove_unreachable();
            forget_removed_blocks(unit);
        }
        if params + merged + guards + branches == 0 {
            cx.remark(RemarkKind::Note, "nothing is computed or checked twice");
            return Ok(Outcome::Unchanged);
        }
        let loads = remove_unused_loads(&mut unit.graph, cx);
        cx.count("parameters removed", params);
        cx.count("values merged", merged);
        cx.count("guards removed", guards);
        cx.count("branches decided", branches);
        cx.count("loads removed", loads);
        let text = format!(
            "merged {}, removed {} that had been checked, decided {}",
            counted(merged + params, "value"),
            counted(guards, "guard"),
            if branches == 1 { "1 branch".into() } else { format!("{branches} branches") }
        );
        cx.remark(RemarkKind::Applied, text);
        Ok(Outcome::Changed)
    }
}

/// Replaces parameters that get the same value, or themselves, over every edge. Those with a register of their own stay.
fn remove_trivial_params(unit: &mut Unit, cx: &mut PassContext) -> u64 {
    let mut removed = 0;
    let self_entry = unit.self_entry.as_ref().map(|e| e.block);
    loop {
        let graph = &unit.graph;
        let blocks = graph.reverse_postorder();
        let params = blocks.into_iter().filter(|&b| Some(b) != self_entry).flat_map(|b| graph.block(b).params.clone());
        let found: Vec<(NodeId, NodeId)> = params
            .filter(|&p| graph.node(p).pin.is_none())
            .filter_map(|p| Some((p, only_argument(graph, p)?)))
            .collect();
        let mut changed = false;
        for (p, _) in found {
            // An earlier one may have been its argument.
            let Some(value) = only_argument(&unit.graph, p) else { continue };
            if !cx.permits(|| format!("parameter {p} is always {value}")) {
                continue;
            }
            unit.graph.replace_uses(p, value);
            if let Some(b) = unit.graph.node(p).block {
                unit.graph.remove_param(b, p);
            }
            (removed, changed) = (removed + 1, true);
        }
        if !changed {
            return removed;
        }
    }
}

/// The one value besides itself that a parameter gets.
fn only_argument(graph: &Graph, p: NodeId) -> Option<NodeId> {
    let b = graph.node(p).block?;
    let index = graph.block(b).params.iter().position(|&q| q == p)?;
    let mut only = None;
    for pred in graph.preds(b) {
        for t in graph.block(pred).term.targets().into_iter().filter(|t| t.block == b) {
            let arg = t.args[index];
            if arg != p && *only.get_or_insert(arg) != arg {
                return None;
            }
        }
    }
    only
}

/// Lets the first of equal values stand for those that are computed below it. Returns how many went.
fn merge_values(unit: &mut Unit, cx: &mut PassContext) -> u64 {
    let graph = &unit.graph;
    let schedule = Schedule::new(graph);
    let congruence = Congruence::new(graph);
    let doms = graph.dominators();
    // Behind the self entry nothing of the entry block may be used.
    let first_block = unit.self_entry.as_ref().map(|_| graph.entry);
    let mut leaders: FxHashMap<NodeId, Vec<(BlockId, NodeId)>> = FxHashMap::default();
    let mut same = Vec::new();
    for &b in schedule.order() {
        for &n in schedule.block(b).iter().filter(|&&n| is_value(graph, n)) {
            let class = congruence.of(n);
            // Not a pure node with others in its class, but the effect or parameter that it unpacks.
            if class != n && !is_value(graph, class) {
                same.push((n, class));
                continue;
            }
            let leaders = leaders.entry(class).or_default();
            let above = |&&(at, _): &&(BlockId, NodeId)| {
                doms.dominates(at, b) && (at == b || first_block.is_none_or(|first| first != at))
            };
            match leaders.iter().find(above) {
                Some(&(_, leader)) => same.push((n, leader)),
                None => leaders.push((b, n)),
            }
        }
    }
    let mut merged = 0;
    for (n, leader) in same {
        if cx.permits(|| format!("{n} is computed as {leader} before")) {
            unit.graph.replace_uses(n, leader);
            merged += 1;
        }
    }
    merged
}

/// Is it a value that floats, and costs something to compute again?
fn is_value(graph: &Graph, n: NodeId) -> bool {
    let op = graph.node(n).op;
    op.is_pure() && !op.is_const() && op != Op::Param
}

/// What is known on the way down the dominator tree.
#[derive(Default)]
struct Known {
    /// Conditions, and what they are.
    conditions: FxHashMap<NodeId, bool>,
    /// Tags of boxed values.
    tags: FxHashMap<NodeId, Tag>,
    /// Functions in global cells that nothing in the unit writes.
    globals: FxHashMap<u32, Value>,
    /// Frames for which there is room.
    depth: u8,
}

/// What to take back on the way up.
enum Undo {
    Condition(NodeId),
    Tag(NodeId),
    Global(u32),
    Depth(u8),
}

struct Walk<'a> {
    unit: &'a mut Unit,
    known: Known,
    trail: Vec<Undo>,
    guards: u64,
    branches: u64,
}

impl<'a> Walk<'a> {
    fn new(unit: &'a mut Unit) -> Walk<'a> {
        Walk { unit, known: Known::default(), trail: Vec::new(), guards: 0, branches: 0 }
    }

    fn run(&mut self, cx: &mut PassContext) {
        let doms = self.unit.graph.dominators();
        let mut children: Vec<Vec<BlockId>> = vec![Vec::new(); self.unit.graph.block_bound()];
        let self_entry = self.unit.self_entry.as_ref().map(|e| e.block);
        for b in self.unit.graph.reverse_postorder() {
            if let Some(up) = doms.idom(b) {
                children[up.0 as usize].push(b);
            }
        }
        /// A step of the walk: into a block, or out of one, up to where the trail was that long.
        enum Step {
            Into(BlockId),
            Out(usize),
        }
        let mut work = vec![Step::Into(self.unit.graph.entry)];
        while let Some(step) = work.pop() {
            match step {
                Step::Out(mark) => self.take_back(mark),
                Step::Into(b) => {
                    // Calls come in here with nothing known.
                    if Some(b) == self_entry {
                        self.take_back(0);
                    }
                    work.push(Step::Out(self.trail.len()));
                    self.learn_from_branch(b, &doms);
                    self.block(b, cx);
                    work.extend(children[b.0 as usize].iter().rev().map(|&c| Step::Into(c)));
                }
            }
        }
    }

    fn take_back(&mut self, mark: usize) {
        while self.trail.len() > mark {
            match self.trail.pop() {
                Some(Undo::Condition(n)) => drop(self.known.conditions.remove(&n)),
                Some(Undo::Tag(n)) => drop(self.known.tags.remove(&n)),
                Some(Undo::Global(i)) => drop(self.known.globals.remove(&i)),
                Some(Undo::Depth(n)) => self.known.depth = n,
                None => {}
            }
        }
    }

    /// How the branch went that alone leads to `b`.
    fn learn_from_branch(&mut self, b: BlockId, doms: &DomTree) {
        let graph = &self.unit.graph;
        if let Some(up) = doms.idom(b)
            && let Terminator::Branch { cond, then, other } = &graph.block(up).term
            && then.block != other.block
            && graph.incoming_edges(b) == 1
        {
            let (cond, holds) = (*cond, then.block == b);
            self.learn(cond, holds);
        }
    }

    fn learn(&mut self, cond: NodeId, holds: bool) {
        // Where something else is known already, nothing gets.
        if let Entry::Vacant(place) = self.known.conditions.entry(cond) {
            place.insert(holds);
            self.trail.push(Undo::Condition(cond));
        }
        let node = self.unit.graph.node(cond);
        match node.op {
            Op::BNot => self.learn(node.args[0], !holds),
            Op::HasTag(tag) if holds => self.learn_tag(node.args[0], tag),
            _ => {}
        }
    }

    fn learn_tag(&mut self, n: NodeId, tag: Tag) {
        if let Entry::Vacant(place) = self.known.tags.entry(n) {
            place.insert(tag);
            self.trail.push(Undo::Tag(n));
        }
    }

    fn tag(&self, n: NodeId) -> Option<Tag> {
        known_tag(&self.unit.graph, n).or_else(|| self.known.tags.get(&n).copied())
    }

    fn decide(&self, cond: NodeId) -> Option<bool> {
        if let Some(&holds) = self.known.conditions.get(&cond) {
            return Some(holds);
        }
        let node = self.unit.graph.node(cond);
        match node.op {
            Op::BConst(b) => Some(b),
            Op::BNot => self.decide(node.args[0]).map(|b| !b),
            Op::HasTag(tag) => self.tag(node.args[0]).map(|t| t == tag),
            Op::Truthy => match self.tag(node.args[0])? {
                Tag::Nil => Some(false),
                Tag::Bool => None,
                _ => Some(true),
            },
            _ => None,
        }
    }

    fn block(&mut self, b: BlockId, cx: &mut PassContext) {
        // What globals that the unit writes hold is known up to the next write in the block.
        let mut globals: FxHashMap<u32, Value> = FxHashMap::default();
        for n in self.unit.graph.block(b).effects.clone() {
            let node = self.unit.graph.node(n);
            let (op, arg) = (node.op, node.args.first().copied());
            globals.retain(|&i, _| !may_write(op, Memory::Global(i)));
            let passed = match (op, arg) {
                (Op::Guard, Some(cond)) => self.decide(cond) == Some(true),
                (Op::GuardTag(tag), Some(v)) => self.tag(v) == Some(tag),
                (Op::GuardDepth(n), _) => n <= self.known.depth,
                (Op::GuardGlobal(i, f), _) => [&globals, &self.known.globals].iter().any(|g| g.get(&i) == Some(&f)),
                _ => continue,
            };
            if passed && cx.permits(|| format!("guard {n} was passed before, in {b}")) {
                self.unit.graph.remove_effect(n);
                self.guards += 1;
                continue;
            }
            match (op, arg) {
                (Op::Guard, Some(cond)) => self.learn(cond, true),
                (Op::GuardTag(tag), Some(v)) => self.learn_tag(v, tag),
                (Op::GuardDepth(n), _) if n > self.known.depth => {
                    self.trail.push(Undo::Depth(self.known.depth));
                    self.known.depth = n;
                }
                (Op::GuardGlobal(i, f), _) => {
                    globals.insert(i, f);
                    if self.is_never_written(i)
                        && let Entry::Vacant(place) = self.known.globals.entry(i)
                    {
                        place.insert(f);
                        self.trail.push(Undo::Global(i));
                    }
                }
                _ => {}
            }
        }
        let Terminator::Branch { cond, then, other } = self.unit.graph.block(b).term.clone() else { return };
        let Some(holds) = self.decide(cond) else { return };
        let at = self.unit.graph.node(cond).origin;
        if cx.permits(|| format!("the branch at the end of {b} became a jump at {}", source_line(self.unit, at))) {
            self.unit.graph.set_term(b, Terminator::Jump(if holds { then } else { other }));
            self.branches += 1;
        }
    }

    fn is_never_written(&self, global: u32) -> bool {
        let graph = &self.unit.graph;
        let memory = Memory::Global(global);
        graph.blocks().all(|b| graph.block(b).effects.iter().all(|&n| !may_write(graph.node(n).op, memory)))
    }
}
