//! Result destination tracing: a call's result goes straight to what receives it.
//!
//! In slot form a call writes its results to slots of the caller's frame, from where they are loaded again. Here the first
//! result becomes the value of the call, and loads that only this call's result reaches use it. The slot is still
//! written behind the call; if nothing reads it from memory, dse removes that.

use gsx_ir::Unit;
use gsx_ir::graph::NodeId;
use gsx_ir::op::{CallKind, CallResults, Op, Type};

use crate::reaching::forward;
use crate::self_entry::position;
use crate::support::{counted, remove_proved_guards, remove_unused_loads};
use crate::{Outcome, Pass, PassContext, PassError, PassInfo, RemarkKind};

/// The pass.
pub struct ResultTrace;

static INFO: PassInfo = PassInfo {
    id: "result-trace",
    summary: "a call's result goes straight to the variable that receives it",
    details: "The one result that a call is asked for becomes a value: what reads the result's slot, perhaps after copies, \
              takes the value instead. The write of the slot stays for those who read it in memory, and goes with dse if \
              there are none. Calls with several results, or results nobody asked for, are left alone.",
    groups: &["calls", "seed"],
    needs: &[],
    origin: "seed post, function inlining story, part 3 (upstream: result destination tracing in emitInlineCall)",
};

impl Pass for ResultTrace {
    fn info(&self) -> &'static PassInfo {
        &INFO
    }

    fn run(&self, unit: &mut Unit, cx: &mut PassContext) -> Result<Outcome, PassError> {
        let mut traced = 0;
        let mut stores = Vec::new();
        for b in unit.graph.reverse_postorder() {
            for n in unit.graph.block(b).effects.clone() {
                if let Op::Call { results: CallResults::Fixed(1) | CallResults::Expect(1), .. } = unit.graph.node(n).op
                    && cx.permits(|| format!("the result of call {n} becomes a value"))
                {
                    stores.push(make_value(unit, n));
                    traced += 1;
                }
            }
        }
        if traced == 0 {
            cx.remark(RemarkKind::Note, "no call with one result");
            return Ok(Outcome::Unchanged);
        }
        // Copies of a result are stores of the same value.
        let values: Vec<NodeId> = stores.iter().map(|&s| unit.graph.node(s).args[0]).collect();
        let mut loads = 0;
        loop {
            let round =
                forward(unit, cx, &|unit, store| values.contains(&unboxed(unit, unit.graph.node(store).args[0])));
            loads += round;
            if round == 0 {
                break;
            }
        }
        let guards = remove_proved_guards(&mut unit.graph, cx);
        remove_unused_loads(&mut unit.graph, cx);
        cx.count("results that are values", traced);
        cx.count("loads removed", loads);
        cx.count("guards removed", guards);
        let text = format!("{} as values; removed {}", counted(traced, "result"), counted(loads, "load"));
        cx.remark(RemarkKind::Applied, text);
        Ok(Outcome::Changed)
    }
}

/// A value without the box around it.
fn unboxed(unit: &Unit, v: NodeId) -> NodeId {
    let node = unit.graph.node(v);
    if node.op == Op::Box { node.args[0] } else { v }
}

/// Makes the first result of a call its value, and stores it where the call wrote it. Gives the store.
fn make_value(unit: &mut Unit, call: NodeId) -> NodeId {
    let node = unit.graph.node(call).clone();
    let (Op::Call { a, nargs, results, kind }, Some(block)) = (node.op, node.block) else { return call };
    let typed = unit.self_entry.as_ref().filter(|_| kind == CallKind::SelfEntry).and_then(|e| e.result);
    let graph = &mut unit.graph;
    let snapshot = node.snapshot.map(|s| graph.snapshot(s).clone());
    let snapshot = snapshot.map(|s| graph.add_snapshot(s));
    let at = position(graph, block, call);
    let value = if results.is_expectation() { CallResults::ExpectValue } else { CallResults::Value };
    let op = Op::Call { a, nargs, results: value, kind };
    let ty = Some(typed.unwrap_or(Type::Boxed));
    let value = graph.insert_effect(block, at, op, &node.args, ty, snapshot, node.origin);
    graph.remove_effect(call);
    graph.insert_effect(block, at + 1, Op::SlotStore(u16::from(a)), &[value], None, None, node.origin)
}
