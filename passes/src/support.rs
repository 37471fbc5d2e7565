//! What several passes share: facts about slots, and small clean-ups.

use std::collections::{BTreeMap, BTreeSet};

use gscript::bytecode::Op as Bytecode;
use gscript::value::Tag;
pub use gsx_ir::analysis::slot_tags::known_tag;
use gsx_ir::effects::{SnapshotReads, slot_effects};
use gsx_ir::graph::{Graph, Origin, Snapshot, Terminator};
use gsx_ir::{BlockId, NodeId, Op, SlotSet, SnapshotId, Type, Unit};
use rustc_hash::FxHashSet;

use crate::PassContext;

/// Why a slot cannot be kept in a register throughout a region.
pub type Refusal = String;

/// Accesses to one slot in a set of blocks.
#[derive(Default)]
pub struct SlotUse {
    /// Explicit loads.
    pub loads: Vec<NodeId>,
    /// Explicit stores.
    pub stores: Vec<NodeId>,
    /// Calls and runtime operations that read it in memory.
    pub readers: Vec<NodeId>,
    /// Calls and runtime operations that write it in memory.
    pub writers: Vec<NodeId>,
}

/// All slot accesses in `blocks`, by slot.
pub fn slot_uses(unit: &Unit, blocks: &BTreeSet<BlockId>) -> BTreeMap<u16, SlotUse> {
    let mut uses: BTreeMap<u16, SlotUse> = BTreeMap::new();
    for &b in blocks {
        for &n in &unit.graph.block(b).effects {
            match unit.graph.node(n).op {
                Op::SlotLoad(slot, _) => uses.entry(slot).or_default().loads.push(n),
                Op::SlotStore(slot) | Op::SlotStorePayload(slot, _) => uses.entry(slot).or_default().stores.push(n),
                _ => {
                    let effects = slot_effects(unit, n);
                    for slot in effects.reads.iter() {
                        uses.entry(slot).or_default().readers.push(n);
                    }
                    for slot in effects.may_write.iter() {
                        uses.entry(slot).or_default().writers.push(n);
                    }
                }
            }
        }
    }
    uses
}

/// Can the slot with these uses be kept as a value of type `ty`?
pub fn check_pinnable(unit: &Unit, slot: u16, uses: &SlotUse, ty: Type) -> Result<(), Refusal> {
    if unit.shared.contains(slot) {
        return Err("an inner function captures it".into());
    }
    if unit.stale.contains(slot) {
        return Err("its memory is not always up to date".into());
    }
    for &n in &uses.loads {
        if let Op::SlotLoad(_, t) = unit.graph.node(n).op
            && t != Type::Boxed
            && t != ty
        {
            return Err(format!("it is {ty} here and {t} there"));
        }
    }
    if let Some(&n) = uses.writers.first() {
        return Err(format!("{} writes it in memory", describe(unit, n)));
    }
    if !uses.stores.is_empty()
        && let Some(&n) = uses.readers.first()
    {
        return Err(format!("{} reads it in memory", describe(unit, n)));
    }
    for &n in &uses.stores {
        let value = unit.graph.node(n).args[0];
        match unit.graph.node(value).ty {
            Some(t) if t == ty => {}
            Some(Type::Boxed) => {
                if !restarts_cleanly(unit, n) || !is_memory_right_at(unit, unit.graph.node(n).origin) {
                    return Err("a write of unknown type comes in the middle of an operation".into());
                }
                let block = unit.graph.node(n).block;
                if unit.pinned.iter().any(|p| p.written && block.is_some_and(|b| p.blocks.contains(&b))) {
                    return Err("a write of unknown type lies where other slots are pinned".into());
                }
            }
            other => {
                let other = other.map_or("nothing".to_string(), |t| t.to_string());
                return Err(format!("it is {ty} here and {other} there"));
            }
        }
    }
    Ok(())
}

/// The source line of a bytecode position, as in `fib.gs:2`.
pub fn source_line(unit: &Unit, at: Origin) -> String {
    let name = &unit.program.source.name;
    let name = name.rsplit(['/', '\\']).next().unwrap_or(name);
    match unit.program.proto(at.proto).spans.get(at.pc as usize) {
        Some(pos) if pos.line > 0 => format!("{name}:{}", pos.line),
        _ => name.to_string(),
    }
}

fn describe(unit: &Unit, n: NodeId) -> &'static str {
    match unit.graph.node(n).op {
        Op::Call { .. } => "a call",
        Op::HostCompare { .. } => "a comparison in the runtime",
        _ => "a runtime operation",
    }
}

/// Can the interpreter execute the bytecode instruction of effect `n` again from its start, just before `n`? True when no
/// earlier effect of that instruction changed anything.
fn restarts_cleanly(unit: &Unit, n: NodeId) -> bool {
    let graph = &unit.graph;
    let node = graph.node(n);
    let Some(block) = node.block else { return false };
    // It would have to know how many results the call before it gave.
    let inst = unit.program.proto(node.origin.proto).code.get(node.origin.pc as usize);
    if inst.is_some_and(|i| i.b == 0 && matches!(i.op, Bytecode::Return | Bytecode::Call)) {
        return false;
    }
    let effects = &graph.block(block).effects;
    let at = effects.iter().position(|&e| e == n).unwrap_or(0);
    effects[..at].iter().rev().take_while(|&&e| graph.node(e).origin == node.origin).all(|&e| {
        graph.node(e).op.is_removable_when_unused()
            || graph.node(e).op.needs_snapshot() && !graph.node(e).op.may_run_code()
    })
}

/// A snapshot that resumes at a bytecode position with everything in memory.
pub fn resume_at(graph: &mut Graph, at: Origin) -> SnapshotId {
    let frames = graph.frames_at(at, None);
    graph.add_snapshot(Snapshot { frames, writes: Vec::new() })
}

/// May a new exit in block `b` resume at a bytecode position with all slots as they are in memory? Not where a register
/// holds a slot that is live there, nor where dse has removed stores of it.
pub fn can_resume_at(unit: &Unit, b: BlockId, at: Origin) -> bool {
    let pinned = unit.pinned.iter().filter(|p| p.written && p.blocks.contains(&b)).map(|p| p.slot).collect();
    is_complete_at(unit, at, &pinned)
}

/// Is every slot that the interpreter reads from a bytecode position on as the bytecode left it, registers that are
/// accounted for otherwise aside: no stores of it were removed?
pub fn is_memory_right_at(unit: &Unit, at: Origin) -> bool {
    is_complete_at(unit, at, &SlotSet::EMPTY)
}

/// Is every slot that the interpreter reads from a bytecode position on as the bytecode left it, if these are not?
pub fn is_complete_at(unit: &Unit, at: Origin, elsewhere: &SlotSet) -> bool {
    let mut missing = unit.stale;
    missing.union(elsewhere);
    if missing.is_empty() {
        return true;
    }
    let mut live = live_at(unit, at);
    live.intersect(&missing);
    live.is_empty()
}

/// The slots that the interpreter may read when it goes on at a bytecode position.
pub fn live_at(unit: &Unit, at: Origin) -> SlotSet {
    SnapshotReads::new(unit).needed_by(unit, &unit.graph.frames_at(at, None))
}

/// Tag of an unboxed type.
pub fn tag_of(ty: Type) -> Tag {
    ty.tag().unwrap_or(Tag::Nil)
}

/// Removes tag guards that the graph itself proves, and lets unboxing of what was just boxed use the original. Returns how
/// many guards went.
pub fn remove_proved_guards(graph: &mut Graph, cx: &mut PassContext) -> u64 {
    let proved: Vec<NodeId> = effects(graph)
        .filter(|&n| match graph.node(n).op {
            Op::GuardTag(tag) => known_tag(graph, graph.node(n).args[0]) == Some(tag),
            _ => false,
        })
        .collect();
    let mut removed = 0;
    for n in proved {
        if cx.permits(|| format!("guard {n} is proved by the graph")) {
            graph.remove_effect(n);
            removed += 1;
        }
    }
    for i in 0..graph.node_count() {
        let n = NodeId(i as u32);
        if let Op::Unbox(ty) = graph.node(n).op
            && !graph.users(n).is_empty()
        {
            let boxed = graph.node(n).args[0];
            let inner = graph.node(boxed).args.first().copied();
            if graph.node(boxed).op == Op::Box
                && let Some(inner) = inner.filter(|&i| graph.node(i).ty == Some(ty))
                && cx.permits(|| format!("{n} is {inner}, which was boxed"))
            {
                graph.replace_uses(n, inner);
            }
        }
    }
    removed
}

/// Removes loads whose values nothing uses. Returns how many.
pub fn remove_unused_loads(graph: &mut Graph, cx: &mut PassContext) -> u64 {
    let mut removed = 0;
    loop {
        let live = live_nodes(graph);
        let is_unused = |n: &NodeId| !live[n.0 as usize] && graph.node(*n).op.is_removable_when_unused();
        let unused: Vec<NodeId> = effects(graph).filter(is_unused).collect();
        let mut again = false;
        for n in unused {
            if cx.permits(|| format!("nothing uses what {n} loads")) {
                // What it was computed from may be unused now, too.
                again |= !graph.node(n).args.is_empty();
                graph.remove_effect(n);
                removed += 1;
            }
        }
        if !again {
            return removed;
        }
    }
}

/// Pinned-slot records must not name blocks that no longer exist.
pub fn forget_removed_blocks(unit: &mut Unit) {
    let graph = &unit.graph;
    for p in &mut unit.pinned {
        p.blocks.retain(|b| graph.has_block(*b));
    }
}

/// Does something hold for all effects, parameters and constants that `n` is computed from, through pure nodes (or for `n`
/// itself, if it is one)? `proved` are nodes for which the answer is known to be yes; more are added.
pub fn all_sources(graph: &Graph, n: NodeId, proved: &mut FxHashSet<NodeId>, holds: impl Fn(NodeId) -> bool) -> bool {
    // Explicit, and each node once: expressions can be deep, and share parts.
    let (mut work, mut seen) = (vec![n], FxHashSet::default());
    while let Some(n) = work.pop() {
        let node = graph.node(n);
        if proved.contains(&n) || !seen.insert(n) {
            continue;
        }
        if node.block.is_none() && !node.args.is_empty() {
            work.extend(&node.args);
        } else if !holds(n) {
            return false;
        }
    }
    proved.extend(seen);
    true
}

/// All effects in reachable blocks.
fn effects(graph: &Graph) -> impl Iterator<Item = NodeId> + '_ {
    graph.reverse_postorder().into_iter().flat_map(|b| graph.block(b).effects.iter().copied())
}

/// Nodes that some effect, terminator or snapshot in a reachable block uses, directly or through pure nodes.
fn live_nodes(graph: &Graph) -> Vec<bool> {
    let mut live = vec![false; graph.node_count()];
    let mut work: Vec<NodeId> = Vec::new();
    for b in graph.reverse_postorder() {
        for &n in &graph.block(b).effects {
            let node = graph.node(n);
            work.extend(&node.args);
            work.extend(node.snapshot.iter().flat_map(|&s| &graph.snapshot(s).writes).map(|w| w.1));
        }
        let term = &graph.block(b).term;
        work.extend(term.uses());
        if let Terminator::Exit(s) = *term {
            work.extend(graph.snapshot(s).writes.iter().map(|w| w.1));
        }
    }
    while let Some(n) = work.pop() {
        if !std::mem::replace(&mut live[n.0 as usize], true) && graph.node(n).op.is_pure() {
            work.extend(&graph.node(n).args);
        }
    }
    live
}

/// The type that type feedback and the graph lead one to expect of `value`, which effect `at` uses in the same block. A guess:
/// whoever relies on it puts a guard.
pub fn expected_type(unit: &Unit, value: NodeId, at: NodeId) -> Option<Type> {
    let graph = &unit.graph;
    let node = graph.node(value);
    if let Some(tag) = known_tag(graph, value) {
        return Type::of_tag(tag);
    }
    let seen = |origin: Origin| {
        let site = unit.feedback_at(origin)?;
        Type::of_tag(site.result.single()?)
    };
    match node.op {
        Op::GlobalLoad(_) | Op::UpvalLoad(_) | Op::ElemLoad | Op::FieldLoad(_) => seen(node.origin),
        Op::SlotLoad(slot, Type::Boxed) => {
            let block = node.block?;
            let effects = &graph.block(block).effects;
            let end = effects.iter().position(|&e| e == value).or_else(|| effects.iter().position(|&e| e == at))?;
            let writer = effects[..end].iter().rev().find(|&&e| slot_effects(unit, e).may_write.contains(slot))?;
            let writer_node = graph.node(*writer);
            match writer_node.op {
                Op::SlotStore(_) | Op::SlotStorePayload(..) => expected_type(unit, writer_node.args[0], *writer),
                // The feedback of a call is about its first result.
                Op::Call { a, .. } if u16::from(a) == slot => seen(writer_node.origin),
                Op::Step => seen(writer_node.origin),
                _ => None,
            }
        }
        _ => None,
    }
}

/// A slot as people know it: the local variable that lives there, or its register, in the activation that it belongs to.
pub fn slot_name(unit: &Unit, slot: u16, at: Origin) -> String {
    let frames = unit.graph.frames_at(at, None);
    let Some(frame) = frames.iter().rev().find(|f| f.base <= slot) else { return format!("R{slot}") };
    let register = slot - frame.base;
    let proto = unit.program.proto(frame.proto);
    match u8::try_from(register).ok().and_then(|reg| proto.local_name(reg, frame.pc as usize)) {
        Some(name) => format!("`{name}`"),
        None => format!("R{register}"),
    }
}

/// `1 store`, `2 stores`.
pub fn counted(n: u64, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}
