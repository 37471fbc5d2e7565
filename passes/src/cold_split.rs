//! Cold splitting: code that is rarely executed stands behind the rest.
//!
//! A choice of placement, carried out by the backend. Without it each guard's exit stub stands where the guard is, and the
//! usual way jumps over it.

use gsx_ir::Unit;

use crate::{Outcome, Pass, PassContext, PassError, PassInfo, RemarkKind};

/// The pass.
pub struct ColdSplit;

static INFO: PassInfo = PassInfo {
    id: "cold-split",
    summary: "exit stubs and unusual ways stand behind the hot code",
    details: "Each guard branches forward to an exit stub behind the unit's code, and blocks that are entered only in unusual \
              cases go there, too. Without this, stubs stand behind their guards and the usual way jumps over them: as many \
              instructions, but taken branches and code in between that nobody executes.",
    groups: &[],
    needs: &[],
    origin: "upstream after the seed post: deferCold, 2026-03-20",
};

impl Pass for ColdSplit {
    fn info(&self) -> &'static PassInfo {
        &INFO
    }

    fn run(&self, unit: &mut Unit, cx: &mut PassContext) -> Result<Outcome, PassError> {
        if unit.cold_split || !cx.permits(|| "exit stubs and cold blocks go behind the rest".to_string()) {
            return Ok(Outcome::Unchanged);
        }
        unit.cold_split = true;
        cx.remark(RemarkKind::Applied, "exit stubs and cold blocks stand behind the rest");
        Ok(Outcome::Changed)
    }
}
