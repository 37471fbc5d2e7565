//! Inlining: a callee's graph stands in the place of a call.
//!
//! The callee is what a global held at compile time; a guard of that stands where the caller reads the global, and moves
//! out of loops where it can. The callee's slots lie where its frame would be, so exits in the inlined body hand both
//! frames to the interpreter as if the call had been made. What the call would have done to be undone again (copies of
//! arguments and results, the check of the depth) happens once, or as values.
//!
//! It must never lose a reassignment of the callee, the inlined frame at an exit, or a frame of the depth limit.

mod splice;

use std::collections::BTreeSet;

use gscript::layout;
use gscript::profile::CallTarget;
use gsx_ir::graph::Terminator;
use gsx_ir::op::{CallKind, CallResults, Op};
use gsx_ir::unit::KnownFunction;
use gsx_ir::{NodeId, Unit};

use crate::callee_guards::{guard_where_read, minimise};
use crate::reaching::{ReachingStores, forward, keep_all, transfer};
use crate::support::{can_resume_at, counted, remove_proved_guards, remove_unused_loads, resume_at};
use crate::{CalleeLimits, Outcome, Pass, PassContext, PassError, PassInfo, RemarkKind};
use splice::{Site, splice};

/// A callee may have so many bytecode instructions. A call costs some twenty machine instructions, about what eight
/// bytecode instructions take in slot form: much beyond five times that, the call no longer matters.
const MOST_INSTRUCTIONS: usize = 40;
/// A unit may grow by so many bytecode instructions: ten callees of the largest size keep code within a level-one
/// instruction cache, and compile times in proportion.
const MOST_GROWTH: usize = 400;
/// Inlined calls lie within each other so deep. Chains of small helpers are rarely longer.
const MOST_NESTING: u8 = 4;

/// The pass.
pub struct Inline;

static INFO: PassInfo = PassInfo {
    id: "inline",
    summary: "a callee's code stands in the place of a call",
    details: "Calls of functions that a global holds, and that the profile saw to be the only callee, are replaced by the \
              callee's graph: loops, several returns and further calls in it are no obstacle. The global is guarded where it \
              is read, in front of the loop if nothing in the loop can assign to it. Exits in the inlined code rebuild all \
              frames; one check at the unit's entry keeps the depth limit. A call is left alone when the callee is recursive, \
              too large (40 instructions; 400 in one function), has upvalues or captured variables, or takes variable \
              arguments, and when earlier passes took stores away or keep slots in registers.",
    groups: &["calls", "seed"],
    needs: &[],
    origin: "seed post, function inlining story, part 2 (upstream: emitInlineCall)",
};

impl Pass for Inline {
    fn info(&self) -> &'static PassInfo {
        &INFO
    }

    fn callees(&self) -> Option<CalleeLimits> {
        Some(CalleeLimits { instructions: MOST_INSTRUCTIONS, nesting: usize::from(MOST_NESTING) })
    }

    fn run(&self, unit: &mut Unit, cx: &mut PassContext) -> Result<Outcome, PassError> {
        let mut inlined = 0;
        let mut growth = 0;
        let mut window = BTreeSet::new();
        let mut refused: BTreeSet<NodeId> = BTreeSet::new();
        // A splice adds calls and moves others to new blocks, so they are looked up anew after each one.
        while let Some(call) = next_call(unit, &refused) {
            let origin = unit.graph.node(call).origin;
            match inline_call(unit, cx, call, &mut growth, &mut window) {
                Ok(text) => {
                    inlined += 1;
                    cx.remark_at(unit, origin, RemarkKind::Applied, text);
                }
                Err(why) => {
                    refused.insert(call);
                    if let Some(why) = why {
                        cx.remark_at(unit, origin, RemarkKind::Missed, why);
                    }
                }
            }
        }
        if inlined == 0 {
            if refused.is_empty() {
                cx.remark(RemarkKind::Note, "no call");
            }
            return Ok(Outcome::Unchanged);
        }
        let first_inlined = unit.callee_base(0) - layout::FRAME_HEADER_SLOTS as u16;
        let forwarded = forward(unit, cx, &|unit, store| match unit.graph.node(store).op {
            Op::SlotStore(slot) => slot >= first_inlined || window.contains(&slot),
            _ => false,
        });
        let guards = remove_proved_guards(&mut unit.graph, cx);
        remove_unused_loads(&mut unit.graph, cx);
        let identity = minimise(unit, cx);
        cx.count("calls inlined", inlined);
        cx.count("loads of arguments and results removed", forwarded);
        cx.count("guards removed", guards + identity.removed);
        cx.count("guards of callees moved out of loops", identity.hoisted);
        if identity.hoisted > 0 {
            let text = format!("{} of callees moved out of loops", counted(identity.hoisted, "guard"));
            cx.remark(RemarkKind::Applied, text);
        }
        Ok(Outcome::Changed)
    }
}

/// The first call that was not looked at yet, in order of blocks.
fn next_call(unit: &Unit, refused: &BTreeSet<NodeId>) -> Option<NodeId> {
    let graph = &unit.graph;
    let order = graph.reverse_postorder();
    let mut effects = order.iter().flat_map(|&b| graph.block(b).effects.iter().copied());
    effects.find(|n| matches!(graph.node(*n).op, Op::Call { .. }) && !refused.contains(n))
}

/// Inlines one call, and says so; or says why not. Nothing where it is not worth a word: the callee is no function of the
/// program's own.
fn inline_call(
    unit: &mut Unit,
    cx: &mut PassContext,
    call: NodeId,
    growth: &mut usize,
    window: &mut BTreeSet<u16>,
) -> Result<String, Option<String>> {
    let origin = unit.graph.node(call).origin;
    let proto = match unit.feedback_at(origin).map(|s| s.target) {
        Some(CallTarget::Proto(proto)) => proto,
        Some(CallTarget::Many) => return Err(Some("not inlined: the callee varies".into())),
        _ => return Err(None),
    };
    let name = unit.program.proto(proto).name.clone();
    let refuse = |why: &str| Some(format!("{name} not inlined: {why}"));
    let instructions = unit.program.proto(proto).code.len();
    check_callee(unit, call, proto).map_err(|why| refuse(&why))?;
    let (load, function) = find_callee(unit, call).map_err(|why| refuse(&why))?;
    if function.proto != proto {
        return Err(refuse("the global holds another function by now"));
    }
    let Some(callee) = unit.callee(proto).cloned() else { return Err(refuse("it has no graph")) };
    let (Op::Call { a, nargs, results, .. }, Some(block)) = (unit.graph.node(call).op, unit.graph.node(call).block)
    else {
        return Err(None);
    };
    check_results(&callee, results).map_err(|why| refuse(&why))?;
    if *growth + instructions > MOST_GROWTH {
        return Err(refuse(&format!("the function has grown by {growth} instructions already")));
    }
    if !cx.permits(|| format!("{name} is inlined at {call}")) {
        return Err(refuse("the limit of rewrites is reached"));
    }
    if let Some(load) = load {
        guard_where_read(unit, load, &function).map_err(|why| refuse(&why))?;
    }
    let site = Site { call, block, a, nargs, results, function };
    let done = splice(unit, &site, &callee);
    guard_depth(unit);
    window.extend(done.window);
    *growth += instructions;
    let depth = match unit.graph.nesting(done.frame) {
        1 => String::new(),
        n => format!(", {n} calls deep"),
    };
    Ok(format!("{name} inlined ({}{depth})", counted(instructions as u64, "instruction")))
}

/// Can this function's graph stand in the place of the call?
fn check_callee(unit: &Unit, call: NodeId, proto: gscript::bytecode::ProtoId) -> Result<(), String> {
    let graph = &unit.graph;
    let at = graph.node(call).origin;
    let code = unit.program.proto(proto);
    if graph.frames_at(at, None).iter().any(|f| f.proto == proto) {
        return Err("it is recursive".into());
    }
    if code.is_vararg {
        return Err("it takes variable arguments".into());
    }
    if !code.upvals.is_empty() {
        return Err("it has upvalues".into());
    }
    if !code.captured.is_empty() {
        return Err("inner functions capture its variables".into());
    }
    if code.code.len() > MOST_INSTRUCTIONS {
        return Err(format!("it has {} instructions, more than {MOST_INSTRUCTIONS}", code.code.len()));
    }
    if graph.nesting(at.frame) >= MOST_NESTING {
        return Err(format!("it lies {MOST_NESTING} inlined calls deep"));
    }
    let end = u64::from(unit.callee_base(at.frame)) + u64::from(code.nregs);
    if end > layout::FRAME_SLOTS_RESERVED {
        return Err(format!("the frames would take {end} slots, more than {}", layout::FRAME_SLOTS_RESERVED));
    }
    if !unit.pinned.is_empty() || unit.self_entry.is_some() {
        return Err("slots are in registers already".into());
    }
    if !unit.stale.is_empty() || !graph.snapshot(graph.node(call).snapshot.ok_or("it cannot leave")?).writes.is_empty()
    {
        return Err("stores that its exits would need are gone".into());
    }
    let Some(callee) = unit.callee(proto) else {
        return Err("it has no graph".into());
    };
    let calls_itself = |n: NodeId| match callee.graph.node(n).op {
        Op::Callee => true,
        Op::Call { kind, .. } => kind != CallKind::Generic,
        _ => false,
    };
    let blocks = callee.graph.reverse_postorder();
    if blocks.iter().flat_map(|&b| &callee.graph.block(b).effects).any(|&n| calls_itself(n)) {
        return Err("it is recursive".into());
    }
    Ok(())
}

/// Does every return give what the call can take?
fn check_results(callee: &Unit, results: CallResults) -> Result<(), String> {
    let wanted = match results {
        CallResults::Fixed(_) => return Ok(()),
        CallResults::Value | CallResults::ExpectValue => return Err("its result is a value already".into()),
        CallResults::Expect(n) => u16::from(n),
    };
    for b in callee.graph.reverse_postorder() {
        if let Terminator::Return { count, .. } = callee.graph.block(b).term
            && count != wanted
        {
            return Err(format!("it returns {} where the call passes on {wanted}", counted(count.into(), "value")));
        }
    }
    Ok(())
}

/// The function that a call calls, and the load of the global that it comes from, if it is not known to be a constant yet.
fn find_callee(unit: &Unit, call: NodeId) -> Result<(Option<NodeId>, KnownFunction), String> {
    let graph = &unit.graph;
    let node = graph.node(call);
    let (Op::Call { a, .. }, Some(block)) = (node.op, node.block) else { return Err("it is no call".into()) };
    let value = match node.args.first() {
        Some(&callee) => callee,
        None => {
            let order = graph.reverse_postorder();
            let stores = ReachingStores::new(unit, &order, &keep_all);
            let mut state = stores.at_start(unit, block);
            for &n in graph.block(block).effects.iter().take_while(|&&n| n != call) {
                transfer(unit, n, &mut state, &keep_all);
            }
            let store = state.get(&u16::from(a)).ok_or("its callee does not come from one store")?;
            graph.node(*store).args[0]
        }
    };
    match graph.node(value).op {
        Op::BoxedConst(v) => {
            let known = unit.functions.iter().find(|f| f.value() == v);
            Ok((None, *known.ok_or("its callee is no function of a global")?))
        }
        Op::GlobalLoad(g) => {
            let known = *unit.known_function(g).ok_or("the global holds no function")?;
            let load = graph.node(value);
            let home = load.block.ok_or("its callee is read nowhere")?;
            if !can_resume_at(unit, home, load.origin) {
                return Err("there is no way out where its callee is read".into());
            }
            Ok((Some(value), known))
        }
        _ => Err("its callee is not read from a global".into()),
    }
}

/// Checks once, at the entry, that there is room for all frames that lie in the unit: otherwise the interpreter finds out
/// where exactly the room ends.
fn guard_depth(unit: &mut Unit) {
    let frames = unit.deepest_nesting();
    let entry = unit.graph.entry;
    let effects = unit.graph.block(entry).effects.clone();
    let there = effects.into_iter().find(|&n| matches!(unit.graph.node(n).op, Op::GuardDepth(_)));
    if let Some(n) = there {
        unit.graph.rewrite(n, Op::GuardDepth(frames), &[]);
        return;
    }
    let start = unit.start();
    let snapshot = resume_at(&mut unit.graph, start);
    unit.graph.insert_effect(entry, 0, Op::GuardDepth(frames), &[], None, Some(snapshot), start);
}
