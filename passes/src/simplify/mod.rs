//! Equality saturation over the pure values.
//!
//! The pure operations of a unit become terms of an e-graph (egg: Willsey et al., POPL 2021), whose leaves (parameters,
//! loads, results of calls) carry what an analysis of types, constants and integer ranges found. Rules add equal terms;
//! then each value that has a cheaper equal is replaced by it. Control flow and effects stay as they are.
//!
//! Floating-point results never change, not by a bit.

mod cost;
mod expr;
mod extract;
pub mod file;
pub mod proofs;
mod rule;
mod saturate;
mod set;
pub mod smt;
mod table;
mod term;

use gsx_ir::analysis::facts::Facts;
use gsx_ir::schedule::Schedule;
use gsx_ir::{NodeId, Op, Unit};
use rustc_hash::FxHashMap;

pub use rule::{Rule, Test};
pub use set::{Entry, RuleSet};

use crate::support::counted;
use crate::{Outcome, Pass, PassContext, PassError, PassInfo, RemarkKind};
use extract::{Extractor, Live};
use saturate::{Classes, Stop};
use term::{Sym, Term};

/// The pass.
pub struct Simplify;

static INFO: PassInfo = PassInfo {
    id: "simplify",
    summary: "cheaper equal expressions, found by equality saturation with proved rules",
    details: "Puts a unit's pure operations into an e-graph, whose leaves carry types, constants and integer ranges, applies \
              rewrite rules within fixed limits, and replaces each value by a cheaper equal one: fewer or faster ARM64 \
              instructions, shared ones counted once. A replacement uses only what the replaced nodes used or what is \
              computed before in the same block with no call between, so no value lives longer across blocks or calls. \
              Floating-point results do not change by a bit. The rules are proved over 64-bit words by an SMT solver \
              (`gsx rules`); each can be switched off (--without-rule NAME), and more can be loaded (--rules FILE.toml).",
    groups: &[],
    needs: &[],
    origin: "Willsey et al., egg: fast and extensible equality saturation, POPL 2021",
};

/// Passes over all values: what one replacement makes possible, the next pass finds.
const ROUNDS: usize = 4;

impl Pass for Simplify {
    fn info(&self) -> &'static PassInfo {
        &INFO
    }

    fn run(&self, unit: &mut Unit, cx: &mut PassContext) -> Result<Outcome, PassError> {
        let rules = cx.rules.clone().unwrap_or_else(RuleSet::own);
        for e in rules.entries().iter().filter(|e| e.is_on && e.is_users && !e.is_proved) {
            let name = &e.rule().name;
            cx.remark(RemarkKind::Note, format!("rule {name} is not proved: `gsx rules prove FILE` does that"));
        }
        let live = Live::new(&unit.graph);
        let Some((mut classes, class_of)) = build(unit, &live) else {
            cx.remark(RemarkKind::Note, "there is nothing to simplify: no arithmetic on values");
            return Ok(Outcome::Unchanged);
        };
        let matchers = rules.matchers();
        let patterns: Vec<_> = matchers.iter().map(|(_, m)| *m).collect();
        let saturation = saturate::saturate(&mut classes, &patterns);
        match saturation.stop {
            Stop::Saturated => {}
            Stop::Iterations(n) => cx.count("iteration limits reached", u64::from(n > 0)),
            Stop::Nodes(n) => {
                cx.count("node limits reached", 1);
                cx.remark(RemarkKind::Note, format!("the e-graph reached its limit of {n} terms"));
            }
            Stop::Contradiction => {
                let text = "equal values contradict each other, so a rule is wrong: nothing is changed";
                cx.remark(RemarkKind::Missed, text);
                return Ok(Outcome::Unchanged);
            }
        }
        if let Stop::Iterations(n) = saturation.stop {
            cx.remark(
                RemarkKind::Note,
                format!("the rules still found something after {}", counted(n as u64, "round")),
            );
        }
        for ((entry, _), &times) in matchers.iter().zip(&saturation.applied) {
            if times > 0 {
                let text = format!("rule {}: applied {}", entry.rule().name, counted(times, "time"));
                cx.remark(RemarkKind::Note, text);
            }
        }
        cx.count("rule applications", saturation.applied.iter().sum());
        let replaced = write_back(unit, &classes, class_of, live, cx);
        cx.count("values replaced", replaced);
        let guards = remove_passed_guards(unit, cx);
        cx.count("guards removed", guards);
        if guards > 0 {
            cx.remark(RemarkKind::Applied, format!("{} always passed and went", counted(guards, "guard")));
        }
        match replaced {
            0 => cx.remark(RemarkKind::Note, "no value has a cheaper equal"),
            n => cx.remark(RemarkKind::Applied, format!("{} got a cheaper equal", counted(n, "value"))),
        }
        Ok(if replaced + guards == 0 { Outcome::Unchanged } else { Outcome::Changed })
    }
}

/// The live pure values as an e-graph, with the class of each node. None if there is no operation on them.
fn build(unit: &Unit, live: &Live) -> Option<(Classes, FxHashMap<NodeId, egg::Id>)> {
    let graph = &unit.graph;
    let schedule = Schedule::new(graph);
    let terms: Vec<NodeId> = Extractor::order(graph, &schedule);
    // Boxes alone offer nothing.
    if terms.iter().all(|&n| matches!(graph.node(n).op, Op::Box | Op::Unbox(_) | Op::TagOf)) && {
        let boxed = |n: &NodeId| graph.node(graph.node(*n).args[0]).op == Op::Box;
        !terms.iter().any(boxed)
    } {
        return None;
    }
    let facts = Facts::new(graph, unit.self_entry.as_ref().map(|e| e.block));
    let mut leaves = FxHashMap::default();
    for i in 0..graph.node_count() {
        let n = NodeId(i as u32);
        let node = graph.node(n);
        if live.is_live(n) && node.ty.is_some() && Sym::of_op(node.op).is_none() {
            leaves.insert(n, facts.of(n));
        }
    }
    let mut classes = saturate::classes(leaves);
    let mut class_of: FxHashMap<NodeId, egg::Id> = FxHashMap::default();
    for &n in terms.iter().rev() {
        let id = term_of(unit, n, &mut classes, &mut class_of);
        class_of.insert(n, id);
    }
    Some((classes, class_of))
}

/// The class of a node whose arguments' classes are known, or are leaves and constants.
fn term_of(unit: &Unit, n: NodeId, classes: &mut Classes, class_of: &mut FxHashMap<NodeId, egg::Id>) -> egg::Id {
    if let Some(&id) = class_of.get(&n) {
        return id;
    }
    let node = unit.graph.node(n);
    let term = match Sym::of_op(node.op) {
        None => Term::new(Sym::Leaf(n), []),
        Some((sym, immediate)) => {
            let mut args: Vec<egg::Id> = node.args.iter().map(|&a| term_of(unit, a, classes, class_of)).collect();
            args.extend(immediate.map(|sym| classes.add(Term::new(sym, []))));
            Term::new(sym, args)
        }
    };
    let id = classes.add(term);
    class_of.insert(n, id);
    id
}

/// Replaces values by cheaper ones. Returns how many.
fn write_back(
    unit: &mut Unit,
    classes: &Classes,
    class_of: FxHashMap<NodeId, egg::Id>,
    mut live: Live,
    cx: &mut PassContext,
) -> u64 {
    let mut extractor = Extractor::new(&unit.graph, classes, class_of);
    let order = Extractor::order(&unit.graph, &Schedule::new(&unit.graph));
    let mut replaced = 0;
    for _ in 0..ROUNDS {
        let mut again = false;
        for &n in &order {
            if !live.is_live(n) || !extract::is_term(&unit.graph, n) {
                continue;
            }
            let Some(replacement) = extractor.replacement(&unit.graph, &live, n) else { continue };
            if !cx.permits(|| {
                format!("cheaper equal of {n}, {}", Sym::of_op(unit.graph.node(n).op).map_or(Sym::BNot, |(sym, _)| sym))
            }) {
                continue;
            }
            extractor.write(&mut unit.graph, &live, n, &replacement);
            live = Live::new(&unit.graph);
            cx.count("quarters of an instruction saved", replacement.saving.into());
            replaced += 1;
            again = true;
        }
        if !again {
            break;
        }
    }
    replaced
}

/// Removes guards on what is now known to be true. Returns how many.
fn remove_passed_guards(unit: &mut Unit, cx: &mut PassContext) -> u64 {
    let mut removed = 0;
    for b in unit.graph.reverse_postorder() {
        for n in unit.graph.block(b).effects.clone() {
            let node = unit.graph.node(n);
            if node.op == Op::Guard
                && unit.graph.node(node.args[0]).op == Op::BConst(true)
                && cx.permits(|| format!("guard {n}, which always passes"))
            {
                unit.graph.remove_effect(n);
                removed += 1;
            }
        }
    }
    removed
}
