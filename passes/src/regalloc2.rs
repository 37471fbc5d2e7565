//! The allocator of the regalloc2 crate: a choice, carried out by the backend.

use gsx_ir::Unit;
use gsx_ir::unit::Allocator;

use crate::{Outcome, Pass, PassContext, PassError, PassInfo, RemarkKind};

/// The pass.
pub struct Regalloc2;

static INFO: PassInfo = PassInfo {
    id: "regalloc2",
    summary: "registers are allocated by the backtracking allocator of the regalloc2 crate",
    details: "Live ranges are split where that pays, and bundles of them get registers by priority, taking them from others that \
              need them less. The strong allocator among the three; pinned registers stay outside of it. Takes precedence \
              over linear-scan.",
    groups: &["registers"],
    needs: &[],
    origin: "the regalloc2 crate, after the allocator of IonMonkey",
};

impl Pass for Regalloc2 {
    fn info(&self) -> &'static PassInfo {
        &INFO
    }

    fn run(&self, unit: &mut Unit, cx: &mut PassContext) -> Result<Outcome, PassError> {
        if unit.allocator == Allocator::Regalloc2 || !cx.permits(|| "allocation by regalloc2".to_string()) {
            return Ok(Outcome::Unchanged);
        }
        unit.allocator = Allocator::Regalloc2;
        cx.remark(RemarkKind::Applied, "registers are allocated by regalloc2");
        Ok(Outcome::Changed)
    }
}
