//! Allocation by the regalloc2 crate: live ranges are split where that pays, bundles of them get registers by priority, and
//! take them from others that need them less.
//!
//! The crate wants SSA form, which [`view`] makes: moves become names for the same value, moves at the ends of blocks
//! become block parameters, and it is the crate that decides where a value has to be moved. Pinned registers are
//! outside of its reach: a value that is coalesced with a pin is in that register throughout, and is no operand at all.

mod build;
mod view;

use ::regalloc2 as ra2;

use super::{Allocation, Edit, Loc, RegisterAllocator};
use crate::code::CodegenError;
use crate::mir::Function;
use crate::reg::{Class, PReg, RegSet, SCRATCH, SCRATCH_D};
use view::View;

/// The allocator of the regalloc2 crate.
#[derive(Clone, Copy, Debug, Default)]
pub struct Regalloc2 {
    /// Let the crate's own checker go over the result, and its validator over what it is given.
    pub verify: bool,
}

impl RegisterAllocator for Regalloc2 {
    fn allocate(&self, f: &Function) -> Result<Allocation, CodegenError> {
        let view = View::new(f)?;
        let env = environment(f.pinned);
        let options = ra2::RegallocOptions { validate_ssa: self.verify, ..Default::default() };
        let output =
            ra2::run(&view, &env, &options).map_err(|e| CodegenError::Allocation(format!("regalloc2: {e}")))?;
        if self.verify {
            let mut checker = ra2::checker::Checker::new(&view, &env);
            checker.prepare(&output);
            checker.run().map_err(|e| CodegenError::Allocation(format!("regalloc2's checker: {e:?}")))?;
        }
        finish(view, &output)
    }
}

/// The machine as the crate sees it. What calls destroy comes first, so that frames have little to save; the emitter's
/// scratch registers serve for moves in a circle.
fn environment(pinned: RegSet) -> ra2::MachineEnv {
    let of = |set: RegSet| {
        let class = |class| set.minus(pinned).intersection(RegSet::of_class(class)).iter().map(to_preg).collect();
        [class(Class::X), class(Class::D), ra2::PRegSet::empty()]
    };
    ra2::MachineEnv {
        preferred_regs_by_class: of(RegSet::CALLER_SAVED),
        non_preferred_regs_by_class: of(RegSet::CALLEE_SAVED),
        scratch_by_class: [Some(to_preg(SCRATCH)), Some(to_preg(SCRATCH_D)), None],
        fixed_stack_slots: Vec::new(),
    }
}

fn to_class(class: Class) -> ra2::RegClass {
    match class {
        Class::X => ra2::RegClass::Int,
        Class::D => ra2::RegClass::Float,
    }
}

fn to_preg(reg: PReg) -> ra2::PReg {
    ra2::PReg::new(reg.number().into(), to_class(reg.class()))
}

/// The place of an operand. None for what the crate did not allocate.
fn to_loc(allocation: ra2::Allocation) -> Option<Loc> {
    if let Some(slot) = allocation.as_stack() {
        return Some(Loc::Spill(slot.index() as u32));
    }
    let reg = allocation.as_reg()?;
    let number = reg.hw_enc() as u8;
    Some(Loc::Reg(match reg.class() {
        ra2::RegClass::Int => PReg::x(number),
        _ => PReg::d(number),
    }))
}

/// Puts places and moves where the function's own instructions are.
fn finish(view: View, output: &ra2::Output) -> Result<Allocation, CodegenError> {
    let missing = || CodegenError::Allocation("regalloc2 left an operand without a place".into());
    let mut places = view.places;
    for home in &view.homes {
        let loc = output.inst_allocs(ra2::Inst::new(home.inst as usize))[home.operand as usize];
        places[home.block.0 as usize][home.at as usize][home.slot as usize] = to_loc(loc).ok_or_else(missing)?;
    }
    let mut edits = Vec::new();
    for (point, ra2::Edit::Move { from, to }) in &output.edits {
        let (from, to) = (to_loc(*from).ok_or_else(missing)?, to_loc(*to).ok_or_else(missing)?);
        if from == to {
            continue;
        }
        let sides = &view.sides[point.inst().index()];
        let side = match point.pos() {
            ra2::InstPosition::Before => sides.before,
            ra2::InstPosition::After => sides.after,
        };
        edits.push(Edit { block: side.block, inst: side.inst, after: side.after, from, to });
    }
    // Stable: what is at one place stays in its order.
    edits.sort_by_key(|e| (e.block, e.inst, e.after));
    Ok(Allocation { places, edits, spill_slots: output.num_spillslots as u32 })
}
