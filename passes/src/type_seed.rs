//! Type seeding: types that are known ahead need no checks.
//!
//! A forward analysis ([`slot_tags`](gsx_ir::analysis::slot_tags)) knows which tag each slot's memory holds: by what was
//! stored there, and by the guards that were passed. Guards that it proves go; loads become loads of the payload alone.
//! What is not known is seeded: a parameter, or a slot that a loop carries, is guarded once where the function or the loop
//! is entered, if that makes more guards needless than it adds, and only where the profile saw one type.
//!
//! It must never take a result of a call for granted: whatever is called may have been redefined, or give something else.

use std::collections::{BTreeMap, BTreeSet};

use gscript::value::Tag;
use gsx_ir::analysis::frequency::{ENTRY, ITERATIONS, block_frequencies};
use gsx_ir::analysis::loops::{Loop, natural_loops};
use gsx_ir::analysis::slot_tags::{Assumption, SlotTags};
use gsx_ir::effects::{SnapshotReads, slot_effects};
use gsx_ir::graph::{DomTree, Origin, Terminator, User};
use gsx_ir::{BlockId, NodeId, Op, Type, Unit};

use crate::promotion::{guard_on_entry, make_preheader};
use crate::self_entry::self_calls;
use crate::support::{counted, is_memory_right_at, live_at, remove_unused_loads, resume_at, slot_name, tag_of};
use crate::{Outcome, Pass, PassContext, PassError, PassInfo, RemarkKind};

/// The pass.
pub struct TypeSeed;

static INFO: PassInfo = PassInfo {
    id: "type-seed",
    summary: "types known from stores, guards and feedback make checks needless",
    details: "A forward analysis over the frame's slots removes the guards that earlier stores and guards prove, across basic \
              blocks and around loops. Parameters and loop-carried slots of which the profile saw one numeric type are \
              guarded once, at entry or in front of the loop, where that removes more guards than it adds. A slot that a \
              call or a runtime operation may write is unknown behind it, and slots that inner functions capture are \
              never known.",
    groups: &["types", "seed"],
    needs: &[],
    origin: "seed post, type seeding (upstream: analyzeKnownIntRegs, emitPrologue)",
};

impl Pass for TypeSeed {
    fn info(&self) -> &'static PassInfo {
        &INFO
    }

    fn run(&self, unit: &mut Unit, cx: &mut PassContext) -> Result<Outcome, PassError> {
        let params = seed_params(unit, cx);
        let carried = seed_loops(unit, cx);
        let (guards, loads) = use_known_tags(unit, cx);
        cx.count("parameters seeded", params);
        cx.count("loop-carried slots seeded", carried);
        cx.count("guards removed", guards);
        cx.count("loads typed", loads);
        if params + carried + guards + loads == 0 {
            cx.remark(RemarkKind::Note, "no guard is proved by what is known before it");
            return Ok(Outcome::Unchanged);
        }
        let text = format!("removed {}, typed {}", counted(guards, "guard"), counted(loads, "load"));
        cx.remark(RemarkKind::Applied, text);
        Ok(Outcome::Changed)
    }
}

/// How often blocks run.
type Frequencies = BTreeMap<BlockId, u64>;

/// How often guards run that are proved, given what is assumed.
fn proved(unit: &Unit, frequencies: &Frequencies, assumed: &[Assumption]) -> u64 {
    let mut sum: u64 = 0;
    for (b, mut facts) in SlotTags::new(unit, assumed).blocks() {
        for &n in &unit.graph.block(b).effects {
            let node = unit.graph.node(n);
            if let Op::GuardTag(tag) = node.op
                && facts.value(&unit.graph, node.args[0]) == Some(tag)
            {
                sum = sum.saturating_add(frequencies.get(&b).copied().unwrap_or(0));
            }
            facts.pass(unit, n);
        }
    }
    sum
}

// ---- parameters ----

/// Guards parameters at entry; gives how many.
fn seed_params(unit: &mut Unit, cx: &mut PassContext) -> u64 {
    let entry = unit.graph.entry;
    let Terminator::Jump(target) = &unit.graph.block(entry).term else { return 0 };
    let first = target.block;
    let shared = unit.shared;
    let candidates: Vec<(u16, Tag)> = (0..u16::from(unit.nparams()))
        .filter_map(|slot| match unit.feedback.params.get(usize::from(slot))?.single()? {
            tag @ (Tag::Int | Tag::Float) => Some((slot, tag)).filter(|_| !shared.contains(slot)),
            _ => None,
        })
        .collect();
    if candidates.is_empty() {
        return 0;
    }
    // The guards' exits start the function anew, so nothing may have happened yet.
    let untouched = unit.graph.block(entry).effects.iter().all(|&n| {
        let op = unit.graph.node(n).op;
        op.is_removable_when_unused() || op.is_guard()
    });
    if !untouched {
        cx.remark(RemarkKind::Missed, "no parameter seeded: the entry block changes something");
        return 0;
    }
    let at = Origin::new(unit.proto, 0);
    let frequencies = block_frequencies(&unit.graph);
    // Self calls that come in behind the entry do not meet its guards: these cost next to nothing there.
    let cost = if self_calls(&unit.graph).is_empty() || !cx.is_enabled("arg-trace") { ENTRY } else { 0 };
    let mut before: Option<u64> = None;
    let mut seeded = 0;
    for (slot, tag) in candidates {
        let assumption = Assumption { from: vec![entry], to: first, slot, tag };
        let without = *before.get_or_insert_with(|| proved(unit, &frequencies, &[]));
        let with = proved(unit, &frequencies, &[assumption]);
        let gain = with.saturating_sub(without);
        let name = slot_name(unit, slot, at);
        if gain <= cost {
            if gain > 0 {
                let text = format!("{name} not seeded: a guard at entry would only take the place of another");
                cx.remark(RemarkKind::Missed, text);
            }
            continue;
        }
        if !cx.permits(|| format!("guard {name} at entry")) {
            continue;
        }
        let graph = &mut unit.graph;
        let boxed = graph.effect(entry, Op::SlotLoad(slot, Type::Boxed), &[], Some(Type::Boxed), None, at);
        let snapshot = resume_at(graph, at);
        graph.effect(entry, Op::GuardTag(tag), &[boxed], None, Some(snapshot), at);
        cx.remark(RemarkKind::Applied, format!("{name} is guarded to be {tag} once, at entry"));
        before = Some(with);
        seeded += 1;
    }
    seeded
}

// ---- loops ----

/// Guards loop-carried slots in front of their loops, outermost first; gives how many.
fn seed_loops(unit: &mut Unit, cx: &mut PassContext) -> u64 {
    let mut done: BTreeSet<BlockId> = BTreeSet::new();
    let mut seeded = 0;
    // Loops are found anew after each one, since preheaders belong to the loops around.
    while let Some(l) = natural_loops(&unit.graph).into_iter().rev().find(|l| !done.contains(&l.header)) {
        done.insert(l.header);
        seeded += seed_loop(unit, &l, cx);
    }
    seeded
}

fn seed_loop(unit: &mut Unit, l: &Loop, cx: &mut PassContext) -> u64 {
    let at = unit.graph.block(l.header).origin;
    let candidates = carried_types(unit, l);
    if candidates.is_empty() {
        return 0;
    }
    if !is_memory_right_at(unit, at) {
        let text =
            "a slot that the interpreter needs where the loop begins is not in memory: its entry can have no exit";
        cx.remark_at(unit, at, RemarkKind::Missed, text);
        return 0;
    }
    let outside: Vec<BlockId> = unit.graph.preds(l.header).into_iter().filter(|p| !l.blocks.contains(p)).collect();
    let frequencies = block_frequencies(&unit.graph);
    let header = frequencies.get(&l.header).copied().unwrap_or(0);
    let mut assumed: Vec<Assumption> = Vec::new();
    let mut before = proved(unit, &frequencies, &[]);
    let mut seeds: Vec<(u16, Type)> = Vec::new();
    for (slot, ty) in candidates {
        let name = slot_name(unit, slot, at);
        assumed.push(Assumption { from: outside.clone(), to: l.header, slot, tag: tag_of(ty) });
        let with = proved(unit, &frequencies, &assumed);
        // In front of the loop, a guard runs once where the header runs several times.
        if with.saturating_sub(before) <= header / ITERATIONS {
            assumed.pop();
            let text = format!("{name} not seeded: the loop does not keep its type");
            cx.remark_at(unit, at, RemarkKind::Missed, text);
            continue;
        }
        if cx.permits(|| format!("guard {name} in front of the loop")) {
            seeds.push((slot, ty));
            before = with;
        } else {
            assumed.pop();
        }
    }
    if seeds.is_empty() {
        return 0;
    }
    let entry = make_preheader(unit, l.header, &l.blocks);
    let reads = SnapshotReads::new(unit);
    for &(slot, ty) in &seeds {
        guard_on_entry(unit, entry, l.header, (slot, ty), &reads);
        let name = slot_name(unit, slot, at);
        let text = format!("{name} is guarded to be {ty} once, in front of the loop");
        cx.remark_at(unit, at, RemarkKind::Applied, text);
    }
    seeds.len() as u64
}

/// Slots that the loop carries, whose type is not known at its header, with the one type that the guards in the loop ask for.
/// At least one of these guards looks at what the slot held on entry, each time that the loop is entered, and never saw
/// another type: a guard in front of the loop then fails no sooner than that one.
fn carried_types(unit: &Unit, l: &Loop) -> Vec<(u16, Type)> {
    let graph = &unit.graph;
    let doms = graph.dominators();
    let tags = SlotTags::new(unit, &[]);
    let carried = live_at(unit, graph.block(l.header).origin);
    // Tags asked for, and whether a guard at the beginning of the loop is among those that ask.
    let mut asked: BTreeMap<u16, (BTreeSet<u8>, Option<Type>)> = BTreeMap::new();
    for &b in &l.blocks {
        let mut facts = tags.at_start(b);
        for &n in &graph.block(b).effects {
            let node = graph.node(n);
            if let Op::GuardTag(tag) = node.op
                && let Op::SlotLoad(slot, Type::Boxed) = graph.node(node.args[0]).op
                && facts.value(graph, node.args[0]) != Some(tag)
            {
                let (wanted, first) = asked.entry(slot).or_default();
                wanted.insert(tag as u8);
                if first.is_none() && looks_at_entry(unit, l, &doms, n, slot) && was_seen(unit, n, tag) {
                    *first = Type::of_tag(tag);
                }
            }
            facts.pass(unit, n);
        }
    }
    let at_header = tags.at_start(l.header);
    asked
        .into_iter()
        .filter(|(slot, (wanted, _))| {
            wanted.len() == 1
                && carried.contains(*slot)
                && !unit.shared.contains(*slot)
                && !unit.stale.contains(*slot)
                && at_header.slot(*slot).is_none()
        })
        .filter_map(|(slot, (_, first))| Some((slot, first.filter(|t| matches!(t, Type::Int | Type::Float))?)))
        .collect()
}

/// Does the guard check what `slot` held when the loop was entered, whenever it is entered? Its block is on every way
/// around and out of the loop, and nothing in the loop may write the slot on the way to the load.
fn looks_at_entry(unit: &Unit, l: &Loop, doms: &DomTree, guard: NodeId, slot: u16) -> bool {
    let graph = &unit.graph;
    let load = graph.node(guard).args[0];
    let (Some(guarded), Some(loaded)) = (graph.node(guard).block, graph.node(load).block) else { return false };
    let mut ways = l.latches.iter().copied().chain(l.exits(graph).into_iter().map(|(from, _, _)| from));
    if !ways.all(|b| doms.dominates(guarded, b)) || !l.blocks.contains(&loaded) {
        return false;
    }
    let writes = |n: NodeId| slot_effects(unit, n).may_write.contains(slot);
    let before = graph.block(loaded).effects.iter().take_while(|&&n| n != load);
    if before.copied().any(writes) {
        return false;
    }
    // Backward from the load to the header: no block on the way may write.
    let mut seen: BTreeSet<BlockId> = BTreeSet::from([loaded]);
    let mut work = if loaded == l.header { Vec::new() } else { vec![loaded] };
    while let Some(b) = work.pop() {
        for p in graph.preds(b) {
            if !seen.insert(p) {
                // A cycle back to the load's own block: it counts whole.
                if p == loaded && graph.block(p).effects.iter().copied().any(writes) {
                    return false;
                }
                continue;
            }
            if graph.block(p).effects.iter().copied().any(writes) {
                return false;
            }
            if p != l.header {
                work.push(p);
            }
        }
    }
    true
}

/// Did the profile see the guard's instruction, with operands of this type and no other?
fn was_seen(unit: &Unit, guard: NodeId, tag: Tag) -> bool {
    let origin = unit.graph.node(guard).origin;
    let Some(site) = unit.feedback_at(origin) else { return false };
    let mut seen = [site.lhs, site.rhs].into_iter().filter(|types| !types.is_empty()).peekable();
    seen.peek().is_some() && seen.all(|types| types.single() == Some(tag))
}

// ---- what is known ----

/// Removes proved guards and types loads of known slots; gives how many of each.
fn use_known_tags(unit: &mut Unit, cx: &mut PassContext) -> (u64, u64) {
    let tags = SlotTags::new(unit, &[]);
    let (mut guards, mut loads) = (Vec::new(), Vec::new());
    for (b, mut facts) in tags.blocks() {
        for &n in &unit.graph.block(b).effects {
            let node = unit.graph.node(n);
            if let Op::GuardTag(tag) = node.op
                && facts.value(&unit.graph, node.args[0]) == Some(tag)
            {
                guards.push(n);
            }
            facts.pass(unit, n);
            if let Op::SlotLoad(slot, Type::Boxed) = node.op
                && let Some(ty) = facts.slot(slot).and_then(Type::of_tag)
            {
                loads.push((n, slot, ty));
            }
        }
    }
    let (mut removed, mut typed) = (0, 0);
    for n in guards {
        if cx.permits(|| format!("remove the guard {n}")) {
            unit.graph.remove_effect(n);
            removed += 1;
        }
    }
    for (n, slot, ty) in loads {
        if wants_payload(unit, n) && cx.permits(|| format!("load {n} as {ty}")) {
            type_load(unit, n, slot, ty);
            typed += 1;
        }
    }
    remove_unused_loads(&mut unit.graph, cx);
    (removed, typed)
}

/// Does someone look into the value? Copies move tag and payload together, which is cheaper than making the tag anew.
fn wants_payload(unit: &Unit, n: NodeId) -> bool {
    unit.graph.users(n).iter().any(|u| match u {
        User::Node(u) => {
            matches!(unit.graph.node(*u).op, Op::Unbox(_) | Op::TagOf | Op::Truthy | Op::GuardTag(_))
        }
        _ => false,
    })
}

/// Puts a load of the payload in place of a load whose tag is known.
fn type_load(unit: &mut Unit, n: NodeId, slot: u16, ty: Type) {
    let graph = &mut unit.graph;
    let origin = graph.node(n).origin;
    let Some(block) = graph.node(n).block else { return };
    let at = graph.block(block).effects.iter().position(|&e| e == n).unwrap_or(0);
    let typed = graph.insert_effect(block, at, Op::SlotLoad(slot, ty), &[], Some(ty), None, origin);
    for user in graph.users(n).to_vec() {
        match user {
            User::Node(u) => match graph.node(u).op {
                Op::Unbox(t) if t == ty => graph.replace_uses(u, typed),
                op @ (Op::SlotStore(_) | Op::GlobalStore(_) | Op::UpvalStore(_)) => graph.rewrite(u, op, &[typed]),
                _ => {}
            },
            User::Snapshot(s) => {
                let mut writes = graph.snapshot(s).writes.clone();
                for w in writes.iter_mut().filter(|w| w.1 == n) {
                    w.1 = typed;
                }
                graph.set_snapshot_writes(s, writes);
            }
            User::Term(_) => {}
        }
    }
    let boxed = graph.pure(Op::Box, &[typed], Type::Boxed, origin);
    graph.replace_uses(n, boxed);
    graph.remove_effect(n);
}
