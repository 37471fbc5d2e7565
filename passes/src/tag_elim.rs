//! stub
use crate::*;
use gsx_ir::Unit;
/// x
pub struct TagElim;
static INFO: PassInfo = PassInfo { id: "tag-elim", summary: "x", details: "x", groups: &["types"], needs: &[], origin: "x" };
impl Pass for TagElim {
    fn info(&self) -> &'static PassInfo { &INFO }
    fn run(&self, _: &mut Unit, _: &mut PassContext) -> Result<Outcome, PassError> { Ok(Outcome::Unchanged) }
}
