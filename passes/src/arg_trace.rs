//! Argument source tracing: an argument's source replaces its copy into the callee's slot.
//!
//! In slot form a call's callee and arguments are stored to slots of the caller's frame, and copied from there to the
//! callee's. Where one store alone reaches the call's slot, the call takes the stored value instead. Since values do not
//! change, a source that is assigned to between its copy and the call is no problem: the call gets the old value.
//!
//! Calls of the function itself go further. The source of their callee is a global: a guard that the global holds the
//! function stands where it is read, and the callee is a constant from there on. Such calls come in at a self entry with
//! their arguments in registers, behind the checks of the entry, and the parameters' slots are read no more.

use gsx_ir::graph::NodeId;
use gsx_ir::op::{CallKind, Op, Type};
use gsx_ir::{BlockId, Unit};

use crate::reaching::{ReachingStores, forward, keep_all, transfer};
use crate::self_entry::{establish, guard_at_entry, own_value, position, redirect, self_calls};
use crate::support::{can_resume_at, counted, remove_proved_guards, remove_unused_loads, resume_at};
use crate::{Outcome, Pass, PassContext, PassError, PassInfo, RemarkKind};

/// The pass.
pub struct ArgTrace;

static INFO: PassInfo = PassInfo {
    id: "arg-trace",
    summary: "an argument's source replaces its copy into the callee's slot",
    details: "Callee and arguments whose slot one store alone reaches are taken from that store's value: registers and \
              constants go straight to the callee's frame. Calls of the function itself are guarded once, where the global is \
              read, and pass their arguments in registers to an entry behind the function's own checks; there the parameters \
              are values. The copies that nothing reads any more are dse's business. A call is left alone where its slots are \
              written on several paths.",
    groups: &["calls", "seed"],
    needs: &[],
    origin: "seed post, function inlining story, part 2 (upstream: argument source tracing in emitInlineCall)",
};

impl Pass for ArgTrace {
    fn info(&self) -> &'static PassInfo {
        &INFO
    }

    fn run(&self, unit: &mut Unit, cx: &mut PassContext) -> Result<Outcome, PassError> {
        let (traced, stores) = trace_calls(unit, cx);
        if traced == 0 {
            cx.remark(RemarkKind::Note, "no call whose arguments come from single stores");
            return Ok(Outcome::Unchanged);
        }
        let fed = forward(unit, cx, &|_, store| stores.contains(&store));
        remove_proved_guards(&mut unit.graph, cx);
        cx.count("calls that take values", traced);
        cx.count("loads removed", fed);
        cx.remark(RemarkKind::Applied, format!("{} take their arguments as values", counted(traced, "call")));
        enter_directly(unit, cx);
        remove_proved_guards(&mut unit.graph, cx);
        remove_unused_loads(&mut unit.graph, cx);
        Ok(Outcome::Changed)
    }
}

/// A slot that a call reads, and the one store that reaches it.
type Source = (u16, Option<NodeId>);

/// Lets calls take values. Gives how many, and the stores that fed them.
fn trace_calls(unit: &mut Unit, cx: &mut PassContext) -> (u64, Vec<NodeId>) {
    let order = unit.graph.reverse_postorder();
    let reaching = ReachingStores::new(unit, &order, &keep_all);
    let mut found: Vec<(BlockId, NodeId, Vec<Source>)> = Vec::new();
    for &b in &order {
        let mut state = reaching.at_start(unit, b);
        for &n in &unit.graph.block(b).effects {
            if let Op::Call { a, nargs, .. } = unit.graph.node(n).op
                && unit.graph.node(n).args.is_empty()
            {
                let slots = u16::from(a)..=u16::from(a) + u16::from(nargs);
                found.push((b, n, slots.map(|s| (s, state.get(&s).copied())).collect()));
            }
            transfer(unit, n, &mut state, &keep_all);
        }
    }
    let (mut traced, mut fed) = (0, Vec::new());
    for (b, call, slots) in found {
        let origin = unit.graph.node(call).origin;
        if slots.iter().all(|(_, store)| store.is_none()) {
            cx.remark_at(unit, origin, RemarkKind::Missed, "no argument comes from a single store");
            continue;
        }
        if !cx.permits(|| format!("call {call} takes values")) {
            continue;
        }
        let mut args = Vec::new();
        for (slot, store) in slots {
            match store {
                Some(store) => {
                    fed.push(store);
                    args.push(unit.graph.node(store).args[0]);
                }
                None => {
                    let (graph, boxed) = (&mut unit.graph, Some(Type::Boxed));
                    let at = position(graph, b, call);
                    let load = Op::SlotLoad(slot, Type::Boxed);
                    args.push(graph.insert_effect(b, at, load, &[], boxed, None, origin));
                }
            }
        }
        let op = unit.graph.node(call).op;
        unit.graph.rewrite(call, op, &args);
        traced += 1;
    }
    (traced, fed)
}

/// Lets calls of the function itself come in at a self entry.
fn enter_directly(unit: &mut Unit, cx: &mut PassContext) {
    let calls = self_calls(&unit.graph);
    let mut known = Vec::new();
    for call in calls {
        let origin = unit.graph.node(call).origin;
        match make_callee_constant(unit, cx, call) {
            Ok(()) => known.push(call),
            Err(why) => cx.remark_at(unit, origin, RemarkKind::Missed, format!("self call through the entry: {why}")),
        }
    }
    if known.is_empty() {
        return;
    }
    // The checks of the callee are gone, and what they looked at.
    remove_proved_guards(&mut unit.graph, cx);
    remove_unused_loads(&mut unit.graph, cx);
    if let Err(why) = establish(unit, true) {
        cx.remark(RemarkKind::Missed, format!("no entry for self calls: {why}"));
        return;
    }
    let mut redirected = 0;
    for call in known {
        let origin = unit.graph.node(call).origin;
        match redirect(unit, cx, call) {
            Ok(_) => redirected += 1,
            Err(why) => cx.remark_at(unit, origin, RemarkKind::Missed, format!("self call through the entry: {why}")),
        }
    }
    let needless = guard_at_entry(unit, cx);
    cx.count("callee guards removed", needless);
    let entry = unit.self_entry.as_ref().map(|e| e.block);
    let loads = forward(unit, cx, &|unit, store| unit.graph.node(store).block == entry);
    cx.count("self calls past the entry's checks", redirected);
    cx.count("loads of parameters removed", loads);
    if redirected > 0 {
        cx.remark(
            RemarkKind::Applied,
            format!("{} pass arguments in registers, past the entry's checks", counted(redirected, "self call")),
        );
    }
}

/// Guards the global that the callee of a self call is read from, where it is read; from there on it is a constant.
fn make_callee_constant(unit: &mut Unit, cx: &mut PassContext, call: NodeId) -> Result<(), String> {
    let Some((global, value)) = own_value(unit) else {
        return Err("no single global holds the function itself".into());
    };
    let graph = &unit.graph;
    let node = graph.node(call);
    if !matches!(node.op, Op::Call { kind: CallKind::SelfCall, .. }) {
        return Err("it is no self call".into());
    }
    let Some(&callee) = node.args.first() else { return Err("its callee does not come from one store".into()) };
    if graph.node(callee).op == Op::BoxedConst(value) {
        return Ok(());
    }
    let load = graph.node(callee);
    let (Op::GlobalLoad(g), Some(block)) = (load.op, load.block) else {
        return Err("its callee is not read from a global".into());
    };
    if g != global {
        return Err("its callee is read from another global".into());
    }
    let origin = load.origin;
    if origin.proto != unit.proto || !can_resume_at(unit, block, origin) {
        return Err("there is no way out where its callee is read".into());
    }
    if !cx.permits(|| format!("global {global} is guarded where {callee} reads it")) {
        return Err("the limit of rewrites is reached".into());
    }
    let snapshot = resume_at(&mut unit.graph, origin);
    let graph = &mut unit.graph;
    let at = position(graph, block, callee);
    graph.insert_effect(block, at, Op::GuardGlobal(global, value), &[], None, Some(snapshot), origin);
    let constant = graph.pure(Op::BoxedConst(value), &[], Type::Boxed, origin);
    graph.replace_uses(callee, constant);
    graph.remove_effect(callee);
    drop_proved_identity(unit, cx, constant);
    cx.count("callees guarded where they are read", 1);
    Ok(())
}

/// Guards that a callee is the running closure are proved where the callee is the closure that the global holds: every
/// closure of the function is as good, since none has upvalues of its own; calls that need the function value get it.
fn drop_proved_identity(unit: &mut Unit, cx: &mut PassContext, constant: NodeId) {
    let graph = &mut unit.graph;
    for b in graph.reverse_postorder() {
        for n in graph.block(b).effects.clone() {
            let node = graph.node(n);
            if node.op != Op::Guard {
                continue;
            }
            let cond = graph.node(node.args[0]);
            let is_identity = matches!(cond.op, Op::ICmp(gsx_ir::op::Cond::Eq)) && {
                let sides = [cond.args[0], cond.args[1]];
                let address = |v: NodeId| graph.node(v).op == Op::Unbox(Type::Ptr) && graph.node(v).args[0] == constant;
                let running = |v: NodeId| graph.node(v).op == Op::Callee;
                sides.iter().any(|&v| address(v)) && sides.iter().any(|&v| running(v))
            };
            if is_identity && cx.permits(|| format!("guard {n} of the callee is proved")) {
                graph.remove_effect(n);
            }
        }
    }
}
