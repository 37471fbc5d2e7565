//! Accumulator pinning: a loop's accumulators and induction variables live in fixed registers.
//!
//! For each loop, innermost first, the slots that the loop carries from one iteration to the next are ranked by how many
//! memory accesses a register would save, and the best of them get a register of the pool (X24 for the first). The slot
//! is loaded and its type guarded once in front of the loop; in the loop it is a register; it is stored where the loop
//! is left, and nowhere else.
//!
//! It must never pin a slot whose type is not guarded on entry and at every write, a slot that an inner function captures,
//! or one that a call or a runtime operation reads or writes in memory.

use std::collections::BTreeSet;

use gscript::bytecode::Op as Bytecode;
use gsx_ir::analysis::loops::{Loop, natural_loops};
use gsx_ir::{BlockId, Op, Pin, Type, Unit};

use crate::promotion::{PinSpec, Region, make_preheader, promote};
use crate::support::{
    SlotUse, check_pinnable, expected_type, is_memory_right_at, live_at, slot_name, slot_uses, source_line,
};
use crate::{Outcome, Pass, PassContext, PassError, PassInfo, RemarkKind};

/// The pass.
pub struct AccPin;

static INFO: PassInfo = PassInfo {
    id: "acc-pin",
    summary: "loop accumulators and induction variables live in fixed registers",
    details: "Loop-carried slots get a register of the pool X24, X23, X22, X21, X20, X27 (D8-D15 for floats) for the whole \
              loop: loaded and guarded once in front of it, stored only on its exits. Accumulators come first, by the number \
              of memory accesses saved, then induction variables, then slots that the loop only reads. A slot is left alone \
              when its type is not the same everywhere in the loop, when an inner function captures it, or when a call or \
              a runtime operation needs it in memory.",
    groups: &["pin", "seed"],
    needs: &[],
    origin: "seed post, function inlining story, part 1 (upstream: findAccumulators, setupLoopPinning)",
};

/// A slot that could be pinned.
struct Candidate {
    slot: u16,
    ty: Type,
    written: bool,
    /// 0 accumulator, 1 induction variable, 2 only read.
    rank: u8,
    saved: usize,
}

impl Pass for AccPin {
    fn info(&self) -> &'static PassInfo {
        &INFO
    }

    fn run(&self, unit: &mut Unit, cx: &mut PassContext) -> Result<Outcome, PassError> {
        let mut done: BTreeSet<BlockId> = BTreeSet::new();
        let mut outcome = Outcome::Unchanged;
        if natural_loops(&unit.graph).is_empty() {
            cx.remark(RemarkKind::Note, "no loop");
        }
        // Loops are found anew after each one, since pinning adds blocks.
        while let Some(l) = natural_loops(&unit.graph).into_iter().find(|l| !done.contains(&l.header)) {
            done.insert(l.header);
            if pin_loop(unit, &l, cx) {
                outcome = Outcome::Changed;
            }
        }
        Ok(outcome)
    }
}

fn pin_loop(unit: &mut Unit, l: &Loop, cx: &mut PassContext) -> bool {
    let at = unit.graph.block(l.header).origin;
    if !is_memory_right_at(unit, at) {
        cx.remark_at(unit, at, RemarkKind::Missed, "stores that an exit in front of the loop would need are gone");
        return false;
    }
    let mut candidates = candidates(unit, l, cx);
    candidates.sort_by_key(|c| (c.rank, std::cmp::Reverse(c.saved), c.slot));
    let mut specs = Vec::new();
    let mut taken: Vec<Pin> = Vec::new();
    for c in &candidates {
        match choose_register(unit, l, c, &taken) {
            Some(pin) => {
                let what = || {
                    let name = slot_name(unit, c.slot, at);
                    format!("pinned {name} to {pin} in the loop at {}", source_line(unit, at))
                };
                if !cx.permits(what) {
                    continue;
                }
                taken.push(pin);
                specs.push(PinSpec { slot: c.slot, ty: c.ty, pin, written: c.written });
            }
            None => {
                let name = slot_name(unit, c.slot, at);
                cx.remark_at(
                    unit,
                    at,
                    RemarkKind::Missed,
                    format!("{name} not pinned: no register of the pool is left"),
                );
            }
        }
    }
    if specs.is_empty() {
        return false;
    }
    for (spec, c) in specs.iter().zip(candidates.iter().filter(|c| specs.iter().any(|s| s.slot == c.slot))) {
        let role = ["accumulator", "induction variable", "only read"][c.rank as usize];
        let name = slot_name(unit, spec.slot, at);
        let text = format!("{name} ({}, {role}) lives in {} throughout the loop", spec.ty, spec.pin);
        cx.remark_at(unit, at, RemarkKind::Applied, text);
    }
    let entry = make_preheader(unit, l.header, &l.blocks);
    let region = Region { entry, header: l.header, blocks: l.blocks.clone() };
    let done = promote(unit, cx, &region, &specs, INFO.id);
    cx.count("slots pinned", specs.len() as u64);
    cx.count("loads removed from loops", done.loads);
    cx.count("stores removed from loops", done.stores);
    cx.count("stores put on loop exits", done.write_backs);
    cx.count("guards removed", done.guards);
    true
}

fn candidates(unit: &Unit, l: &Loop, cx: &mut PassContext) -> Vec<Candidate> {
    let at = unit.graph.block(l.header).origin;
    let carried = live_at(unit, at);
    let mut out = Vec::new();
    for (slot, uses) in slot_uses(unit, &l.blocks) {
        let saved = uses.loads.len() + uses.stores.len();
        // A slot that is dead on entry holds anything at all: it is a temporary of the body, not loop-carried.
        if saved == 0 || !carried.contains(slot) {
            continue;
        }
        let name = slot_name(unit, slot, at);
        let Some(ty) = slot_type(unit, &uses, slot) else {
            cx.remark_at(unit, at, RemarkKind::Missed, format!("{name} not pinned: no single unboxed type was seen"));
            continue;
        };
        if let Err(why) = check_pinnable(unit, slot, &uses, ty) {
            cx.remark_at(unit, at, RemarkKind::Missed, format!("{name} not pinned: {why}"));
            continue;
        }
        let written = !uses.stores.is_empty();
        let rank = match (written, is_induction(unit, &uses)) {
            (false, _) => 2,
            (true, true) => 1,
            (true, false) => 0,
        };
        out.push(Candidate { slot, ty, written, rank, saved });
    }
    out
}

/// Is every write the increment of a counted loop?
fn is_induction(unit: &Unit, uses: &SlotUse) -> bool {
    uses.stores.iter().all(|&n| {
        let origin = unit.graph.node(n).origin;
        let inst = unit.program.proto(origin.proto).code[origin.pc as usize];
        matches!(inst.op, Bytecode::ForLoopLt | Bytecode::ForLoopLe)
    })
}

/// The one type that guards, typed stores and type feedback agree on.
fn slot_type(unit: &Unit, uses: &SlotUse, slot: u16) -> Option<Type> {
    let mut seen = Vec::new();
    for &n in &uses.loads {
        if let Op::SlotLoad(_, ty) = unit.graph.node(n).op
            && ty != Type::Boxed
        {
            seen.push(ty);
        }
        for user in unit.graph.users(n) {
            if let gsx_ir::graph::User::Node(u) = user
                && let Op::GuardTag(tag) = unit.graph.node(*u).op
            {
                seen.push(Type::of_tag(tag)?);
            }
        }
    }
    for &n in &uses.stores {
        seen.push(expected_type(unit, unit.graph.node(n).args[0], n)?);
    }
    if seen.is_empty() && u16::from(unit.bytecode().nparams) > slot {
        let tag = unit.feedback.params.get(usize::from(slot)).and_then(|p| p.single())?;
        seen.push(Type::of_tag(tag)?);
    }
    seen.dedup();
    match seen.as_slice() {
        [ty @ (Type::Int | Type::Float)] => Some(*ty),
        _ => None,
    }
}

/// A register that nothing else needs in the loop; the one that an inner loop already uses for this slot, if possible.
fn choose_register(unit: &Unit, l: &Loop, c: &Candidate, taken: &[Pin]) -> Option<Pin> {
    let overlaps = |blocks: &[BlockId]| blocks.iter().any(|b| l.blocks.contains(b));
    let is_free = |pin: &Pin| {
        !taken.contains(pin)
            && unit.pinned.iter().all(|p| p.pin != *pin || p.slot == c.slot && p.written || !overlaps(&p.blocks))
    };
    let inner = unit.pinned.iter().find(|p| p.slot == c.slot && p.written && overlaps(&p.blocks)).map(|p| p.pin);
    if let Some(pin) = inner.filter(is_free) {
        return Some(pin);
    }
    let pool: &[Pin] = if c.ty == Type::Float { &Pin::LOOP_D } else { &Pin::LOOP_X };
    pool.iter().copied().find(is_free)
}
