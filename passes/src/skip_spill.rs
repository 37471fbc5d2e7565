//! No write-back at returns inside self recursion: a result is returned in a register.
//!
//! In slot form a return leaves its results in the frame, and the caller reads them there. Between activations of one
//! function both sides are known: the one result is returned in a register, without its tag, and nothing is written.
//! Whoever else calls the function comes through the entry, which boxes the result once.
//!
//! A result's type is never trusted. Each return guards it, and an activation that leaves compiled code may return what
//! it likes: the call then leaves, too, at its landing pad. Exits see what they saw before: slots that they read are
//! written, or handed to them.

use gscript::bytecode::{Op as Bytecode, Proto};
use gsx_ir::graph::{FrameState, NodeId, Origin, Snapshot, Terminator};
use gsx_ir::op::{CallKind, Op, Type};
use gsx_ir::{BlockId, Unit};

use crate::reaching::{ReachingStores, keep_all};
use crate::self_entry::{establish, redirect, retype, self_calls};
use crate::support::{can_resume_at, counted, known_tag, remove_proved_guards, remove_unused_loads, tag_of};
use crate::{Outcome, Pass, PassContext, PassError, PassInfo, RemarkKind};

/// The pass.
pub struct SkipSpill;

static INFO: PassInfo = PassInfo {
    id: "skip-spill",
    summary: "returns inside self recursion write nothing back: the result stays in a register",
    details: "A function that calls itself and always returns one value of one unboxed type, as far as the profile tells, \
              returns it in X0 (D0 for floats) to its own calls, instead of writing it, and pinned values with it, to the \
              frame. Each return guards the type; an activation that gives something else makes the call leave. Other \
              callers come through the entry, which writes the result for them. Applies where every return is of one value \
              and no inner function captures variables.",
    groups: &["frames", "seed"],
    needs: &[],
    origin: "seed post, the final push, optimization 2 (upstream: emitSelfCallReturn)",
};

impl Pass for SkipSpill {
    fn info(&self) -> &'static PassInfo {
        &INFO
    }

    fn run(&self, unit: &mut Unit, cx: &mut PassContext) -> Result<Outcome, PassError> {
        match prepare(unit) {
            Err(why) => {
                cx.remark(RemarkKind::Missed, why);
                Ok(Outcome::Unchanged)
            }
            Ok((ty, returns)) => {
                if !cx.permits(|| format!("{} of {ty} in a register", counted(returns.len() as u64, "return"))) {
                    return Ok(Outcome::Unchanged);
                }
                Ok(apply(unit, cx, ty, &returns))
            }
        }
    }
}

/// A return to change.
struct Return {
    block: BlockId,
    /// The slot of the result.
    slot: u16,
    /// The store that it is known to come from.
    store: Option<NodeId>,
    /// The return instruction.
    origin: Origin,
    /// Open results just before it.
    open: Option<(u8, u8)>,
}

/// The type to return and the returns, or why not.
fn prepare(unit: &Unit) -> Result<(Type, Vec<Return>), String> {
    let graph = &unit.graph;
    let calls = self_calls(graph).len() + entry_calls(unit).len();
    if calls == 0 {
        return Err("the function does not call itself".into());
    }
    if unit.self_entry.as_ref().is_some_and(|e| e.result.is_some()) {
        return Err("results are in registers already".into());
    }
    if !unit.shared.is_empty() {
        return Err("an inner function captures variables of it".into());
    }
    let ty = result_type(unit).ok_or("its calls of itself did not always give one unboxed type")?;
    let order = graph.reverse_postorder();
    let reaching = ReachingStores::new(unit, &order, &keep_all);
    let mut returns = Vec::new();
    for &b in &order {
        let Terminator::Return { first, count } = graph.block(b).term else { continue };
        if count != 1 {
            return Err(format!("it returns {count} values somewhere"));
        }
        let start = graph.block(b).origin;
        let (origin, open) = return_instruction(unit, start).ok_or("a return has no place of its own")?;
        if !can_resume_at(unit, b, origin) {
            return Err("there is no way out at a return".into());
        }
        let store = reaching.at_end(b).and_then(|r| r.get(&first)).copied();
        if let Some(store) = store
            && let Some(tag) = known_tag(graph, graph.node(store).args[0])
            && Type::of_tag(tag) != Some(ty)
        {
            return Err(format!("it returns {tag} here and {ty} there"));
        }
        returns.push(Return { block: b, slot: first, store, origin, open });
    }
    Ok((ty, returns))
}

/// Calls that come in at the self entry already.
fn entry_calls(unit: &Unit) -> Vec<NodeId> {
    let mut out = Vec::new();
    for b in unit.graph.reverse_postorder() {
        let at_entry = |n: &NodeId| matches!(unit.graph.node(*n).op, Op::Call { kind: CallKind::SelfEntry, .. });
        out.extend(unit.graph.block(b).effects.iter().copied().filter(at_entry));
    }
    out
}

/// The one type that the profile saw self calls give.
fn result_type(unit: &Unit) -> Option<Type> {
    let mut seen = Vec::new();
    for call in self_calls(&unit.graph).into_iter().chain(entry_calls(unit)) {
        let origin = unit.graph.node(call).origin;
        if origin.proto != unit.proto {
            continue;
        }
        let site = unit.feedback.sites.get(origin.pc as usize)?;
        if !site.result.is_empty() {
            seen.push(Type::of_tag(site.result.single()?)?);
        }
    }
    seen.dedup();
    match seen[..] {
        [ty] => Some(ty),
        _ => None,
    }
}

/// The return instruction that straight-line code from `start` leads to, with the open call right before it.
fn return_instruction(unit: &Unit, start: Origin) -> Option<(Origin, Option<(u8, u8)>)> {
    if start.proto != unit.proto {
        return None;
    }
    let proto: &Proto = unit.bytecode();
    for pc in start.pc as usize..proto.code.len() {
        let inst = proto.code[pc];
        match inst.op {
            Bytecode::Return => {
                // An inlined call leaves nothing but what follows it: the bytecode tells that the results are open. There
                // is one, since the return is of one value.
                let before = pc.checked_sub(1).map(|p| proto.code[p]).filter(|_| inst.b == 0);
                let open = before.filter(|i| i.op == Bytecode::Call && i.c == 0).map(|i| (i.a, 1));
                return Some((Origin::new(start.proto, pc as u32), open));
            }
            Bytecode::Jmp
            | Bytecode::Eq
            | Bytecode::Lt
            | Bytecode::Le
            | Bytecode::Test
            | Bytecode::TestSet
            | Bytecode::ForPrepLt
            | Bytecode::ForPrepLe
            | Bytecode::ForLoopLt
            | Bytecode::ForLoopLe
            | Bytecode::TForLoop => return None,
            Bytecode::LoadBool if inst.c != 0 => return None,
            _ => {}
        }
    }
    None
}

fn apply(unit: &mut Unit, cx: &mut PassContext, ty: Type, returns: &[Return]) -> Outcome {
    if let Err(why) = establish(unit, false) {
        cx.remark(RemarkKind::Missed, format!("no entry for self calls: {why}"));
        return Outcome::Unchanged;
    }
    for r in returns {
        let value = returned_value(unit, r, ty);
        unit.graph.set_term(r.block, Terminator::ReturnValue(value));
    }
    if let Some(entry) = &mut unit.self_entry {
        entry.result = Some(ty);
    }
    for call in self_calls(&unit.graph) {
        let origin = unit.graph.node(call).origin;
        if let Err(why) = redirect(unit, cx, call) {
            let text = format!("self call takes its result from the frame: {why}");
            cx.remark_at(unit, origin, RemarkKind::Missed, text);
        }
    }
    for call in entry_calls(unit) {
        retype(unit, call, ty);
    }
    let guards = remove_proved_guards(&mut unit.graph, cx);
    remove_unused_loads(&mut unit.graph, cx);
    cx.count("returns without write-back", returns.len() as u64);
    cx.count("guards removed", guards);
    let text = format!("{} of {ty} to self calls in a register", counted(returns.len() as u64, "return"));
    cx.remark(RemarkKind::Applied, text);
    Outcome::Changed
}

/// The result of a return as a value of the type, guarded if it is not known to be one.
fn returned_value(unit: &mut Unit, r: &Return, ty: Type) -> NodeId {
    let graph = &mut unit.graph;
    let value = match r.store {
        Some(store) => graph.node(store).args[0],
        None => graph.effect(r.block, Op::SlotLoad(r.slot, Type::Boxed), &[], Some(Type::Boxed), None, r.origin),
    };
    if graph.node(value).ty == Some(ty) {
        return value;
    }
    if graph.node(value).op == Op::Box && graph.node(graph.node(value).args[0]).ty == Some(ty) {
        return graph.node(value).args[0];
    }
    let frame = FrameState { proto: r.origin.proto, base: 0, pc: r.origin.pc, open: r.open };
    let snapshot = graph.add_snapshot(Snapshot { frames: [frame].into_iter().collect(), writes: Vec::new() });
    graph.effect(r.block, Op::GuardTag(tag_of(ty)), &[value], None, Some(snapshot), r.origin);
    graph.pure(Op::Unbox(ty), &[value], ty, r.origin)
}
