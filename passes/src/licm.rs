//! Loop-invariant code motion: what is the same in every iteration is loaded, checked and computed once, in front of the loop.
//!
//! Loops are taken innermost first, so that what leaves an inner one can go on leaving outer ones. Guards and loads move from
//! blocks that every iteration executes. A guard gets a snapshot that resumes at the loop's start. A load moves if nothing in
//! the loop may write its memory ([`gsx_ir::memory`] has the alias rule), and if it may be made at all where it goes: no
//! check that stays behind says anything about its address. Pure nodes float; what holds them in front of the loop is a
//! parameter of its header.
//!
//! It must never let a load go before the check that makes it legal, nor add an exit where memory is not right.

use std::collections::BTreeSet;

use gsx_ir::analysis::loops::{Loop, natural_loops};
use gsx_ir::effects::{SnapshotReads, slot_effects};
use gsx_ir::graph::{Graph, Terminator, User};
use gsx_ir::memory::{self, may_write};
use gsx_ir::schedule::Schedule;
use gsx_ir::{BlockId, NodeId, Op, SlotSet, Unit};
use rustc_hash::FxHashSet;

use crate::promotion::{can_leave_on_entry, make_preheader, snapshot_on_entry};
use crate::support::{all_sources, counted, source_line};
use crate::{Outcome, Pass, PassContext, PassError, PassInfo, RemarkKind};

/// The pass.
pub struct Licm;

static INFO: PassInfo = PassInfo {
    id: "licm",
    summary: "loads, checks and arithmetic that every iteration repeats move in front of the loop",
    details: "Guards, loads and arithmetic whose operands do not change in a loop move in front of it, out of every loop where \
              that holds, if each iteration would execute them. Loads move only if nothing in the loop may write what they \
              read, and not before a check of their address that stays. A guard that fails in front of the loop leaves \
              there, once, and not in the loop. Constants, comparisons and moves between representations stay where they \
              are used.",
    groups: &[],
    needs: &[],
    origin: "code motion: Aho, Lam, Sethi, Ullman, \"Compilers: Principles, Techniques, and Tools\", 2006, section 9.5",
};

impl Pass for Licm {
    fn info(&self) -> &'static PassInfo {
        &INFO
    }

    fn run(&self, unit: &mut Unit, cx: &mut PassContext) -> Result<Outcome, PassError> {
        let mut done: BTreeSet<BlockId> = BTreeSet::new();
        let mut total = Moved::default();
        let loops = natural_loops(&unit.graph);
        if loops.is_empty() {
            cx.remark(RemarkKind::Note, "no loop");
        }
        // Loops are found anew after each one, since preheaders are added.
        while let Some(l) = natural_loops(&unit.graph).into_iter().find(|l| !done.contains(&l.header)) {
            done.insert(l.header);
            let at = unit.graph.block(l.header).origin;
            let moved = Mover::new(unit, l).run(cx);
            if moved.all() > 0 {
                let text = format!(
                    "moved {}, {} and {} in front of the loop",
                    counted(moved.loads, "load"),
                    counted(moved.guards, "guard"),
                    counted(moved.values, "computation")
                );
                cx.remark_at(unit, at, RemarkKind::Applied, text);
            }
            total.loads += moved.loads;
            total.guards += moved.guards;
            total.values += moved.values;
        }
        cx.count("loads moved", total.loads);
        cx.count("guards moved", total.guards);
        cx.count("computations moved", total.values);
        if total.all() > 0 {
            return Ok(Outcome::Changed);
        }
        if !loops.is_empty() {
            cx.remark(RemarkKind::Note, "nothing that a loop repeats can move in front of it");
        }
        Ok(Outcome::Unchanged)
    }
}

/// What went in front of a loop.
#[derive(Default, Clone, Copy)]
struct Moved {
    loads: u64,
    guards: u64,
    values: u64,
}

impl Moved {
    fn all(self) -> u64 {
        self.loads + self.guards + self.values
    }
}

struct Mover<'a> {
    unit: &'a mut Unit,
    l: Loop,
    /// Blocks that every iteration executes, in order.
    always: Vec<BlockId>,
    /// Slots that the loop may write.
    written: SlotSet,
    /// The block in front of the loop, when there is one.
    preheader: Option<BlockId>,
    moved: Moved,
    /// Nodes known to be the same in every iteration.
    invariant: FxHashSet<NodeId>,
}

impl<'a> Mover<'a> {
    fn new(unit: &'a mut Unit, l: Loop) -> Mover<'a> {
        let graph = &unit.graph;
        let doms = graph.dominators();
        let is_always = |b: &BlockId| l.blocks.contains(b) && l.latches.iter().all(|&latch| doms.dominates(*b, latch));
        let always = graph.reverse_postorder().into_iter().filter(is_always).collect();
        let mut written = SlotSet::EMPTY;
        for n in effects_in(graph, &l) {
            written.union(&slot_effects(unit, n).may_write);
            if graph.node(n).op.may_run_code() || matches!(graph.node(n).op, Op::UpvalStore(_) | Op::CloseFrame) {
                written.union(&unit.shared);
            }
        }
        let preheader = existing_preheader(graph, &l);
        Mover { unit, l, always, written, preheader, moved: Moved::default(), invariant: FxHashSet::default() }
    }

    fn run(mut self, cx: &mut PassContext) -> Moved {
        self.move_effects(cx);
        self.move_values(cx);
        self.moved
    }

    fn move_effects(&mut self, cx: &mut PassContext) {
        let reads = SnapshotReads::new(self.unit);
        for b in self.always.clone() {
            for n in self.unit.graph.block(b).effects.clone() {
                let node = self.unit.graph.node(n);
                let args = node.args.clone();
                if (node.op.is_guard() || node.op.is_load())
                    && self.reads_what_stays(n)
                    && args.iter().all(|&a| self.is_invariant(a))
                    && self.may_go_first(n)
                {
                    self.go(n, &reads, cx);
                }
            }
        }
    }

    /// Does nothing in the loop write what effect `n` reads?
    fn reads_what_stays(&self, n: NodeId) -> bool {
        let graph = &self.unit.graph;
        let op = graph.node(n).op;
        if let Op::SlotLoad(slot, _) = op {
            return !self.written.contains(slot) && !self.unit.stale.contains(slot);
        }
        let Some(read) = memory::reads(op) else { return true };
        let mut writers = effects_in(graph, &self.l).filter(|&m| m != n).map(|m| graph.node(m).op);
        let is_written = writers.any(|w| {
            let stores_variable = |slot: u16| read == memory::Memory::Upvalues && self.unit.shared.contains(slot);
            may_write(w, read) || matches!(w, Op::SlotStore(s) | Op::SlotStorePayload(s, _) if stores_variable(s))
        });
        !is_written
    }

    /// Is `n` the same in every iteration, and known in front of the loop?
    fn is_invariant(&mut self, n: NodeId) -> bool {
        let (graph, l) = (&self.unit.graph, &self.l);
        all_sources(graph, n, &mut self.invariant, |n| graph.node(n).block.is_none_or(|b| !l.blocks.contains(&b)))
    }

    /// Is `n` no load from an object, or one that no check in the loop allows? Checks that come later do not count. What is
    /// checked is the value itself, so it is enough to look for checks of what the address is the payload of, and of the key.
    fn may_go_first(&self, n: NodeId) -> bool {
        let graph = &self.unit.graph;
        let node = graph.node(n);
        let (Op::TableLoad(_) | Op::FieldLoad(_) | Op::ElemLoad, Some(block)) = (node.op, node.block) else {
            return true;
        };
        let address = checked_values(graph, &node.args);
        let doms = graph.dominators();
        let is_about_it = |args: &[NodeId]| !checked_values(graph, args).is_disjoint(&address);
        self.l.blocks.iter().all(|&b| {
            let block_is_later = b != block && doms.dominates(block, b);
            if block_is_later {
                return true;
            }
            let effects = &graph.block(b).effects;
            let before = effects.iter().position(|&e| e == n).unwrap_or(effects.len());
            let guards = effects[..before].iter().filter(|&&e| graph.node(e).op.is_guard());
            let branch = match graph.block(b).term {
                Terminator::Branch { cond, .. } if b != block => Some(cond),
                _ => None,
            };
            !guards.map(|&g| graph.node(g).args.as_slice()).chain([branch.as_slice()]).any(is_about_it)
        })
    }

    /// Moves guard or load `n` to the end of the preheader.
    fn go(&mut self, n: NodeId, reads: &SnapshotReads, cx: &mut PassContext) -> bool {
        let node = self.unit.graph.node(n).clone();
        let (is_guard, origin) = (node.op.is_guard(), node.origin);
        let at = self.unit.graph.block(self.l.header).origin;
        if is_guard && !can_leave_on_entry(self.unit, self.l.header, &self.l.blocks) {
            return false;
        }
        if !cx.permits(|| format!("{n} moved in front of the loop at {}", source_line(self.unit, at))) {
            return false;
        }
        let preheader = self.preheader();
        let snapshot = is_guard.then(|| snapshot_on_entry(self.unit, preheader, self.l.header, reads));
        let graph = &mut self.unit.graph;
        let new = graph.effect(preheader, node.op, &node.args, node.ty, snapshot, origin);
        graph.replace_uses(n, new);
        graph.remove_effect(n);
        *if is_guard { &mut self.moved.guards } else { &mut self.moved.loads } += 1;
        true
    }

    fn preheader(&mut self) -> BlockId {
        if let Some(b) = self.preheader {
            return b;
        }
        let b = make_preheader(self.unit, self.l.header, &self.l.blocks);
        self.preheader = Some(b);
        b
    }

    /// Makes the header a parameter of each computation that the loop repeats.
    fn move_values(&mut self, cx: &mut PassContext) {
        let is_invariant: Vec<bool> =
            (0..self.unit.graph.node_count() as u32).map(|n| self.is_invariant(NodeId(n))).collect();
        let graph = &self.unit.graph;
        let schedule = Schedule::new(graph);
        let in_loop: BTreeSet<NodeId> = self.l.blocks.iter().flat_map(|&b| schedule.block(b)).copied().collect();
        let moves = |n: NodeId| is_worth_moving(graph.node(n).op) && is_invariant[n.0 as usize];
        // What another such computation is made from goes with that.
        let is_last = |n: NodeId| {
            graph.users(n).iter().any(|u| match u {
                User::Node(m) => in_loop.contains(m) && !moves(*m),
                _ => true,
            })
        };
        // What is made from constants alone is for const-prop.
        let mut constant = FxHashSet::default();
        let mut found: Vec<NodeId> = self.always.iter().flat_map(|&b| schedule.block(b)).copied().collect();
        found.retain(|&n| {
            moves(n) && is_last(n) && !all_sources(graph, n, &mut constant, |n| graph.node(n).op.is_const())
        });
        for n in found {
            let header = self.l.header;
            let at = self.unit.graph.block(header).origin;
            if !cx.permits(|| format!("{n} is computed in front of the loop at {}", source_line(self.unit, at))) {
                continue;
            }
            let preheader = self.preheader();
            let graph = &mut self.unit.graph;
            let Some(ty) = graph.node(n).ty else { continue };
            let param = graph.add_param(header, ty, None, graph.node(n).origin);
            // What is computed from it in front of the loop, too, goes on using it there.
            graph.replace_uses_by(n, param, |graph, user| match user {
                User::Node(m) => graph.node(m).block.is_some() || !is_invariant[m.0 as usize],
                _ => true,
            });
            for pred in graph.preds(header) {
                let value = if pred == preheader { n } else { param };
                graph.edit_targets(pred, |t| {
                    if t.block == header {
                        t.args.push(value);
                    }
                });
            }
            self.moved.values += 1;
        }
    }
}

fn effects_in<'a>(graph: &'a Graph, l: &'a Loop) -> impl Iterator<Item = NodeId> + 'a {
    l.blocks.iter().flat_map(|&b| graph.block(b).effects.iter().copied())
}

/// The block outside of the loop that jumps to its header and nowhere else, if it is the only one that leads there.
fn existing_preheader(graph: &Graph, l: &Loop) -> Option<BlockId> {
    let preds = graph.preds(l.header);
    let mut outside = preds.into_iter().filter(|p| !l.blocks.contains(p));
    let (first, more) = (outside.next()?, outside.next());
    let is_jump = matches!(graph.block(first).term, Terminator::Jump(_));
    // An exit must be able to resume at the header, so nothing of another instruction may lie in between.
    (more.is_none() && is_jump && first != graph.entry && graph.block(first).origin == graph.block(l.header).origin)
        .then_some(first)
}

/// Does it take an instruction that a register costs less than?
fn is_worth_moving(op: Op) -> bool {
    matches!(
        op,
        Op::IAdd
            | Op::ISub
            | Op::IMul
            | Op::IMod
            | Op::FAdd
            | Op::FSub
            | Op::FMul
            | Op::FDiv
            | Op::FNeg
            | Op::FSqrt
            | Op::FAbs
            | Op::FloorToInt
            | Op::IntToFloat
    )
}

/// A value that a check may be about. Loads from one slot or variable are one, although they are different nodes.
#[derive(PartialEq, Eq, Hash)]
enum Checked {
    Slot(u16),
    Global(u32),
    Upvalue(u8),
    Node(NodeId),
}

/// The values that these are made from, through pure operations and words of table headers.
fn checked_values(graph: &Graph, of: &[NodeId]) -> FxHashSet<Checked> {
    let mut out = FxHashSet::default();
    let mut seen = FxHashSet::default();
    let mut work = of.to_vec();
    while let Some(n) = work.pop() {
        let node = graph.node(n);
        if node.op.is_const() || !seen.insert(n) {
            continue;
        }
        out.insert(match node.op {
            Op::SlotLoad(slot, _) => Checked::Slot(slot),
            Op::GlobalLoad(i) => Checked::Global(i),
            Op::UpvalLoad(i) => Checked::Upvalue(i),
            _ => Checked::Node(n),
        });
        if node.op.is_pure() || matches!(node.op, Op::TableLoad(_)) {
            work.extend(&node.args);
        }
    }
    out
}
