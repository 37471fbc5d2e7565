//! Register allocation by live range: a choice of allocator, which the backend has.

use gsx_ir::Unit;
use gsx_ir::unit::Allocator;

use crate::{Outcome, Pass, PassContext, PassError, PassInfo, RemarkKind};

/// The pass.
pub struct LinearScan;

static INFO: PassInfo = PassInfo {
    id: "linear-scan",
    summary: "registers are allocated by live range instead of by use frequency",
    details: "Linear scan: values get registers in the order in which their live ranges begin, and the one that is needed furthest \
              away gives way when there are too few. Without an allocator chosen, the values that are used most often \
              come first. regalloc2 takes precedence.",
    groups: &["registers", "seed"],
    needs: &[],
    origin: "seed post, the mandelbrot gap; Poletto and Sarkar, TOPLAS 1999",
};

impl Pass for LinearScan {
    fn info(&self) -> &'static PassInfo {
        &INFO
    }

    fn run(&self, unit: &mut Unit, cx: &mut PassContext) -> Result<Outcome, PassError> {
        if unit.allocator != Allocator::Frequency {
            cx.remark(RemarkKind::Note, format!("the allocator is {} already", unit.allocator));
            return Ok(Outcome::Unchanged);
        }
        if cx.is_enabled("regalloc2") {
            cx.remark(RemarkKind::Note, "does nothing: regalloc2 takes precedence");
            return Ok(Outcome::Unchanged);
        }
        if !cx.permits(|| "allocation by linear scan".to_string()) {
            return Ok(Outcome::Unchanged);
        }
        unit.allocator = Allocator::LinearScan;
        cx.remark(RemarkKind::Applied, "registers are allocated by live range");
        Ok(Outcome::Changed)
    }
}
