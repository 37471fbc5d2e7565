//! NaN-boxing: a choice of layout. Values take 8 bytes everywhere, in frames, tables, upvalues and globals.
//!
//! The graph does not change: boxes, tags and payloads are the backend's business, and the heap is made for the layout that
//! the passes of a run decide on. So the pass cannot be left out for one function. It comes first, for others to see.

use gsx_ir::{Layout, Unit};

use crate::{Outcome, Pass, PassContext, PassError, PassInfo, RemarkKind};

/// The pass.
pub struct NanBox;

static INFO: PassInfo = PassInfo {
    id: "nan-box",
    summary: "8-byte NaN-boxed values instead of 32-byte tagged ones, in frames, tables and upvalues",
    details: "A double is its own bits; all else hides in NaNs that no double is: 16 bits of tag and 48 of payload. Integers of \
              48 bits are in line, wider ones in a box of their own on the heap, so that integers wrap at 64 bits as before. \
              A slot is one word: loads and stores move a quarter of the memory, checks look at the top of the word, and an \
              integer that is stored is checked for its width where it may not fit. tag-elim does nothing then: there is \
              no tag to leave out.",
    groups: &["values", "seed"],
    needs: &[],
    origin: "seed post, planned; the layout of JavaScriptCore, SpiderMonkey and LuaJIT (GC64)",
};

impl Pass for NanBox {
    fn info(&self) -> &'static PassInfo {
        &INFO
    }

    fn layout(&self) -> Option<Layout> {
        Some(Layout::NanBox)
    }

    fn run(&self, unit: &mut Unit, cx: &mut PassContext) -> Result<Outcome, PassError> {
        if unit.layout == Layout::NanBox {
            return Ok(Outcome::Unchanged);
        }
        unit.layout = Layout::NanBox;
        cx.remark(RemarkKind::Applied, format!("values take {} bytes", unit.layout.slot_bytes()));
        Ok(Outcome::Changed)
    }
}
