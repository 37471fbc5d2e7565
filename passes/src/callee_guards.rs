//! Guards on the identity of callees: that a global still holds the function that it held at compile time.
//!
//! A guard stands where the callee is read ([`guard_where_read`]). [`minimise`] then moves guards out of loops in which
//! nothing can assign to the global, and removes those that another one makes redundant: on every path there is a guard
//! before, and nothing in between that may assign to the global.

use std::collections::{BTreeMap, BTreeSet};

use gscript::value::Value;
use gsx_ir::analysis::loops::{Loop, natural_loops};
use gsx_ir::graph::Graph;
use gsx_ir::unit::KnownFunction;
use gsx_ir::{BlockId, NodeId, Op, Type, Unit};

use crate::PassContext;
use crate::promotion::make_preheader;
use crate::support::{can_resume_at, resume_at};

/// What became of the guards.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Minimised {
    /// Moved in front of loops.
    pub hoisted: u64,
    /// Removed, since another guard says the same.
    pub removed: u64,
}

/// Guards the global where `load` reads it, and makes the value that was read a constant. Gives the constant, or why there
/// can be no guard.
pub fn guard_where_read(unit: &mut Unit, load: NodeId, f: &KnownFunction) -> Result<NodeId, String> {
    let node = unit.graph.node(load).clone();
    let (Op::GlobalLoad(global), Some(block)) = (node.op, node.block) else {
        return Err("its callee is not read from a global".into());
    };
    if global != f.global {
        return Err("its callee is read from another global".into());
    }
    if !can_resume_at(unit, block, node.origin) {
        return Err("there is no way out where its callee is read".into());
    }
    let snapshot = resume_at(&mut unit.graph, node.origin);
    let graph = &mut unit.graph;
    let at = graph.block(block).effects.iter().position(|&e| e == load).unwrap_or(0);
    graph.insert_effect(block, at, Op::GuardGlobal(global, f.value()), &[], None, Some(snapshot), node.origin);
    let constant = graph.pure(Op::BoxedConst(f.value()), &[], Type::Boxed, node.origin);
    graph.replace_uses(load, constant);
    graph.remove_effect(load);
    Ok(constant)
}

/// Moves guards out of loops and removes redundant ones.
pub fn minimise(unit: &mut Unit, cx: &mut PassContext) -> Minimised {
    let mut done = Minimised::default();
    let mut seen: BTreeSet<BlockId> = BTreeSet::new();
    // From the outermost loop inwards, so that a guard moves as far as it can at once. Loops are found anew after each one,
    // since preheaders belong to the loops around.
    loop {
        let loops = natural_loops(&unit.graph);
        let Some(l) = loops.iter().rev().find(|l| !seen.contains(&l.header)) else { break };
        seen.insert(l.header);
        done.hoisted += hoist(unit, cx, l);
    }
    done.removed += remove_redundant(unit, cx);
    done
}

/// May an effect assign to a global?
fn may_assign(op: Op, global: u32) -> bool {
    op == Op::GlobalStore(global) || op.may_run_code()
}

/// Moves the guards of a loop in front of it, where nothing in the loop can assign to their globals. Gives how many there
/// were in the loop.
fn hoist(unit: &mut Unit, cx: &mut PassContext, l: &Loop) -> u64 {
    let graph = &unit.graph;
    let effects: Vec<NodeId> = l.blocks.iter().flat_map(|&b| graph.block(b).effects.iter().copied()).collect();
    let mut found: BTreeMap<u32, Vec<(NodeId, Value)>> = BTreeMap::new();
    for &n in &effects {
        if let Op::GuardGlobal(g, f) = graph.node(n).op {
            found.entry(g).or_default().push((n, f));
        }
    }
    let origin = graph.block(l.header).origin;
    let outside: Vec<BlockId> = graph.preds(l.header).into_iter().filter(|p| !l.blocks.contains(p)).collect();
    if outside.iter().any(|&b| !can_resume_at(unit, b, origin)) {
        return 0;
    }
    let mut preheader = None;
    let mut hoisted = 0;
    for (global, guards) in found {
        let value = guards[0].1;
        let stays =
            guards.iter().any(|g| g.1 != value) || effects.iter().any(|&n| may_assign(unit.graph.node(n).op, global));
        if stays || !cx.permits(|| format!("the guard of global {global} moves in front of the loop at {}", l.header)) {
            continue;
        }
        let before = *preheader.get_or_insert_with(|| make_preheader(unit, l.header, &l.blocks));
        let snapshot = resume_at(&mut unit.graph, origin);
        unit.graph.effect(before, Op::GuardGlobal(global, value), &[], None, Some(snapshot), origin);
        for &(n, _) in &guards {
            unit.graph.remove_effect(n);
        }
        hoisted += guards.len() as u64;
    }
    hoisted
}

/// What globals are known to hold.
type Facts = BTreeMap<u32, Value>;

/// Removes guards of what is known already. Gives how many.
fn remove_redundant(unit: &mut Unit, cx: &mut PassContext) -> u64 {
    let order = unit.graph.reverse_postorder();
    let mut at_end: BTreeMap<BlockId, Facts> = BTreeMap::new();
    loop {
        let mut changed = false;
        for &b in &order {
            let mut facts = at_start(unit, b, &at_end);
            for &n in &unit.graph.block(b).effects {
                transfer(&unit.graph, n, &mut facts);
            }
            if at_end.get(&b) != Some(&facts) {
                at_end.insert(b, facts);
                changed = true;
            }
        }
        if !changed {
            break;
        }
    }
    let mut redundant = Vec::new();
    for &b in &order {
        let mut facts = at_start(unit, b, &at_end);
        for &n in &unit.graph.block(b).effects {
            if let Op::GuardGlobal(g, f) = unit.graph.node(n).op
                && facts.get(&g) == Some(&f)
            {
                redundant.push(n);
            }
            transfer(&unit.graph, n, &mut facts);
        }
    }
    let mut removed = 0;
    for n in redundant {
        if cx.permits(|| format!("guard {n} is redundant")) {
            unit.graph.remove_effect(n);
            removed += 1;
        }
    }
    removed
}

/// Facts at the start of a block: what all predecessors that were looked at agree on; nothing where the unit is entered.
fn at_start(unit: &Unit, b: BlockId, at_end: &BTreeMap<BlockId, Facts>) -> Facts {
    if b == unit.graph.entry || unit.self_entry.as_ref().is_some_and(|e| e.block == b) {
        return Facts::new();
    }
    let mut meet: Option<Facts> = None;
    for end in unit.graph.preds(b).iter().filter_map(|p| at_end.get(p)) {
        match &mut meet {
            None => meet = Some(end.clone()),
            Some(m) => m.retain(|g, f| end.get(g) == Some(f)),
        }
    }
    meet.unwrap_or_default()
}

fn transfer(graph: &Graph, n: NodeId, facts: &mut Facts) {
    match graph.node(n).op {
        Op::GuardGlobal(g, f) => {
            facts.insert(g, f);
        }
        Op::GlobalStore(g) => {
            facts.remove(&g);
        }
        op if op.may_run_code() => facts.clear(),
        _ => {}
    }
}
