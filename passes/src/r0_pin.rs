//! R(0) pinning: the first parameter lives in X19 throughout the function and its self calls.
//!
//! The parameter is loaded and guarded once at entry. X19 is callee-saved, so it survives self calls; each activation saves
//! its caller's. It must never take a register that a loop of the same function uses, and never pin a parameter that
//! is not guarded to be an integer.

use std::collections::BTreeSet;

use gscript::value::Tag;
use gsx_ir::graph::Terminator;
use gsx_ir::{BlockId, Pin, Type, Unit};

use crate::promotion::{PinSpec, Region, promote};
use crate::support::{check_pinnable, is_memory_right_at, slot_name, slot_uses};
use crate::{Outcome, Pass, PassContext, PassError, PassInfo, RemarkKind};

/// The pass.
pub struct R0Pin;

static INFO: PassInfo = PassInfo {
    id: "r0-pin",
    summary: "the first parameter lives in X19 across the function and its self calls",
    details: "The first parameter is loaded and guarded to be an integer once at entry, and lives in X19 from there on: no \
              loads, no further type checks, no stores but where an exit or a return needs the slot in memory. Applies to \
              functions whose first parameter was an integer in the profile. It is left alone when an inner function \
              captures it, when a loop already keeps it in a register, or when a call or a runtime operation needs a \
              changed value of it in memory.",
    groups: &["pin", "seed"],
    needs: &[],
    origin: "seed post, the final push, optimization 1 (upstream: pinnedRegs[0]=X19)",
};

impl Pass for R0Pin {
    fn info(&self) -> &'static PassInfo {
        &INFO
    }

    fn run(&self, unit: &mut Unit, cx: &mut PassContext) -> Result<Outcome, PassError> {
        match prepare(unit) {
            Err(why) => {
                cx.remark(RemarkKind::Missed, why);
                Ok(Outcome::Unchanged)
            }
            Ok((region, spec)) => {
                let at = unit.graph.block(region.header).origin;
                let name = slot_name(unit, 0, at);
                if !cx.permits(|| format!("pinned {name} to {} throughout the function", spec.pin)) {
                    return Ok(Outcome::Unchanged);
                }
                let done = promote(unit, cx, &region, &[spec], INFO.id);
                cx.remark(RemarkKind::Applied, format!("{name} lives in {} throughout the function", spec.pin));
                cx.count("loads removed", done.loads);
                cx.count("stores removed", done.stores);
                cx.count("guards removed", done.guards);
                Ok(Outcome::Changed)
            }
        }
    }
}

/// The region and what to pin, or why not.
fn prepare(unit: &Unit) -> Result<(Region, PinSpec), String> {
    if unit.region.is_some() {
        return Err("the unit is a loop, which gets no parameters".into());
    }
    if unit.bytecode().nparams == 0 {
        return Err("the function has no parameter".into());
    }
    match unit.feedback.params.first().and_then(|p| p.single()) {
        Some(Tag::Int) => {}
        Some(tag) => return Err(format!("the first parameter is {tag}, not an integer")),
        None => return Err("the first parameter was not always of one type".into()),
    }
    let entry = unit.graph.entry;
    let Terminator::Jump(target) = &unit.graph.block(entry).term else {
        return Err("the entry block does not end in a jump".into());
    };
    let blocks: BTreeSet<BlockId> = unit.graph.reverse_postorder().into_iter().filter(|&b| b != entry).collect();
    if unit.self_entry.is_some() {
        return Err("self calls come in behind the entry already".into());
    }
    if !is_memory_right_at(unit, unit.graph.block(target.block).origin) {
        return Err("stores that an exit at the entry would need are gone".into());
    }
    if unit.pinned.iter().any(|p| p.slot == 0) {
        return Err("a loop keeps the first parameter in a register of its own".into());
    }
    if unit.pinned.iter().any(|p| p.pin == Pin::FIRST_PARAM) {
        return Err(format!("{} is taken", Pin::FIRST_PARAM));
    }
    let uses = slot_uses(unit, &blocks).remove(&0).unwrap_or_default();
    if uses.loads.is_empty() {
        return Err("nothing loads the first parameter".into());
    }
    check_pinnable(unit, 0, &uses, Type::Int)?;
    let written = !uses.stores.is_empty();
    let spec = PinSpec { slot: 0, ty: Type::Int, pin: Pin::FIRST_PARAM, written };
    Ok((Region { entry, header: target.block, blocks }, spec))
}
