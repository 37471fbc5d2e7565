//! Compact frames: native frames hold only what is live across calls.
//!
//! A choice of the calling convention, carried out by the backend: a path that makes no call runs without a frame, frames
//! have no frame record, and a call at the self entry preserves no registers at all, so that nobody saves what nobody
//! needs. Depth checks, exits and call traces work as with full frames: the unwinder knows the frame at each call.

use gsx_ir::Unit;
use gsx_ir::unit::FrameStyle;

use crate::{Outcome, Pass, PassContext, PassError, PassInfo, RemarkKind};

/// The pass.
pub struct CompactFrame;

static INFO: PassInfo = PassInfo {
    id: "compact-frame",
    summary: "native frames hold only what is live across calls",
    details: "Paths without calls need no native frame and get none; where there is one, it holds the return address, the \
              registers that must be preserved, and spilled values, but no frame record. Self calls that come in at the \
              self entry (see arg-trace and skip-spill) preserve no registers: their caller keeps what it still needs. \
              Depth checks, exits and call traces are those of full frames.",
    groups: &["frames", "seed"],
    needs: &[],
    origin: "seed post, what changed today (upstream: emitSelfCall); shrink-wrapping: Chow, PLDI 1988",
};

impl Pass for CompactFrame {
    fn info(&self) -> &'static PassInfo {
        &INFO
    }

    fn run(&self, unit: &mut Unit, cx: &mut PassContext) -> Result<Outcome, PassError> {
        if unit.frames == FrameStyle::Compact || !cx.permits(|| "compact native frames".to_string()) {
            return Ok(Outcome::Unchanged);
        }
        unit.frames = FrameStyle::Compact;
        let calls = if unit.self_entry.is_some() { "; calls at the self entry preserve no registers" } else { "" };
        cx.remark(RemarkKind::Applied, format!("frames only on paths that call, without frame record{calls}"));
        Ok(Outcome::Changed)
    }
}
