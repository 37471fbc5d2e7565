//! The entry for self calls, and the calls that go there.

use rustc_hash::FxHashSet;

use super::types::{count, type_name};
use super::{Verifier, floats};
use crate::graph::{NodeId, SnapshotId, User};
use crate::op::{CallKind, Op, Type};
use crate::text::Place;
use crate::unit::SelfArgs;

impl Verifier<'_> {
    pub(super) fn check_self_entry(&mut self) {
        let Some(entry) = &self.unit.self_entry else { return };
        let (graph, block) = (self.graph, entry.block);
        if !graph.has_block(block) {
            self.error(Place::SelfEntry, format!("{block} does not exist"));
            return;
        }
        if graph.preds(block)[..] != [graph.entry] {
            self.error(Place::SelfEntry, format!("{block} has other predecessors than the entry block"));
        }
        if graph.succs(graph.entry)[..] != [block] {
            self.error(Place::SelfEntry, format!("the entry block does not lead to {block} alone"));
        }
        let params = &graph.block(block).params;
        if let SelfArgs::Params(slots) = &entry.args {
            if params.len() != slots.len() {
                let message = format!("{block} takes {}, not {}", count(params.len(), "argument"), slots.len());
                self.error(Place::SelfEntry, message);
            }
            if slots.iter().any(|&s| s >= u16::from(self.unit.bytecode().nparams)) {
                self.error(Place::SelfEntry, "passes a slot that is no parameter");
            }
        } else if !params.is_empty() {
            self.error(Place::SelfEntry, format!("{block} has parameters, but the arguments are in memory"));
        }
        let keeps = matches!(entry.args, SelfArgs::Memory) && !entry.header;
        if keeps {
            self.error(Place::SelfEntry, "arguments are in memory, but not the header");
        }
        if matches!(entry.result, Some(Type::Boxed | Type::Ptr)) {
            self.error(Place::SelfEntry, "the result has no unboxed type");
        }
        self.check_entry_values();
        if !entry.header {
            self.check_header_unused();
        }
    }

    /// Self calls do not pass through the entry block, so what it computes is known nowhere else.
    fn check_entry_values(&mut self) {
        let graph = self.graph;
        let effects = &graph.block(graph.entry).effects;
        let snapshots: Vec<SnapshotId> = effects.iter().filter_map(|&n| graph.node(n).snapshot).collect();
        for &n in effects {
            let mut seen = FxHashSet::default();
            let mut work = vec![n];
            while let Some(v) = work.pop() {
                for user in graph.users(v) {
                    let inside = match *user {
                        User::Node(m) if floats(graph, m) => {
                            if seen.insert(m) {
                                work.push(m);
                            }
                            true
                        }
                        User::Node(m) => graph.node(m).block == Some(graph.entry),
                        User::Term(b) => b == graph.entry,
                        User::Snapshot(s) => snapshots.contains(&s),
                    };
                    if !inside {
                        self.error(Place::Node(n), format!("is used behind {}, where self calls come in", graph.entry));
                        return;
                    }
                }
            }
        }
    }

    fn check_header_unused(&mut self) {
        for n in self.live.clone() {
            let op = self.graph.node(n).op;
            let reads = matches!(op, Op::Callee | Op::UpvalLoad(_) | Op::UpvalStore(_) | Op::CloseFrame | Op::Step)
                || matches!(op, Op::HostCompare { .. });
            if reads && self.graph.node(n).block != Some(self.graph.entry) {
                self.error(Place::Node(n), "needs the frame's header, which self calls do not write");
            }
        }
    }

    /// None, or the callee and as many values as there are arguments.
    pub(super) fn check_call_arguments(&mut self, n: NodeId) {
        let node = self.graph.node(n);
        let Op::Call { nargs, results, kind, .. } = node.op else { return };
        let values = node.args.len();
        if values != 0 && values != usize::from(nargs) + 1 {
            let message = format!("has {}, must have none or {}", count(values, "argument"), nargs + 1);
            self.error(Place::Node(n), message);
            return;
        }
        for &a in &node.args {
            if matches!(self.graph.node(a).ty, None | Some(Type::Ptr)) {
                self.error(Place::Node(n), format!("{a} is no value that can be passed"));
            }
        }
        if results.is_value() {
            let typed = self.unit.self_entry.as_ref().filter(|_| kind == CallKind::SelfEntry).and_then(|e| e.result);
            let expected = typed.unwrap_or(Type::Boxed);
            if node.ty != Some(expected) {
                let message = format!("is {}, must be {expected}", type_name(node.ty));
                self.error(Place::Node(n), message);
            }
        }
        if kind != CallKind::SelfEntry {
            return;
        }
        let Some(entry) = &self.unit.self_entry else {
            self.error(Place::Node(n), "goes to the self entry, which does not exist");
            return;
        };
        if node.args.is_empty() && matches!(entry.args, SelfArgs::Params(_)) {
            self.error(Place::Node(n), "must pass its arguments as values");
            return;
        }
        let SelfArgs::Params(slots) = &entry.args else { return };
        if !self.graph.has_block(entry.block) {
            return;
        }
        let params = self.graph.block(entry.block).params.clone();
        for (&p, &slot) in params.iter().zip(slots) {
            let given = node.args.get(usize::from(slot) + 1).and_then(|&a| self.graph.node(a).ty);
            let wanted = self.graph.node(p).ty;
            if given != wanted {
                let message = format!("argument {slot} is {}, must be {}", type_name(given), type_name(wanted));
                self.error(Place::Node(n), message);
            }
        }
    }
}
