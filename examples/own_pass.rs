//! A gsx with a pass of one's own. Try it:
//!
//! ```text
//! cargo run --release -p gsx-experiments --example own_pass -- passes double
//! cargo run --release -p gsx-experiments --example own_pass -- run --passes double,all configs/fib.toml
//! ```

use std::process::ExitCode;

use gsx_ir::{NodeId, Op, Unit};
use gsx_passes::{Outcome, Pass, PassContext, PassError, PassInfo, RemarkKind};

/// `x + x` becomes a shift.
struct Double;

static INFO: PassInfo = PassInfo {
    id: "double",
    summary: "adding an integer to itself becomes a shift",
    details: "Every wrapping addition of a value to itself becomes a shift to the left by one, which is the same in all \
              64 bits.",
    groups: &["own"],
    needs: &[],
    origin: "an example",
};

impl Pass for Double {
    fn info(&self) -> &'static PassInfo {
        &INFO
    }

    fn run(&self, unit: &mut Unit, cx: &mut PassContext) -> Result<Outcome, PassError> {
        let mut doubled = 0;
        for n in (0..unit.graph.node_count() as u32).map(NodeId) {
            let node = unit.graph.node(n);
            let is_double = node.op == Op::IAdd && node.args[0] == node.args[1];
            if is_double && cx.permits(|| format!("{n} becomes a shift")) {
                let x = unit.graph.node(n).args[0];
                unit.graph.rewrite(n, Op::IShl(1), &[x]);
                doubled += 1;
            }
        }
        cx.count("additions that became shifts", doubled);
        if doubled == 0 {
            cx.remark(RemarkKind::Note, "nothing is added to itself");
            return Ok(Outcome::Unchanged);
        }
        cx.remark(RemarkKind::Applied, format!("{doubled} additions became shifts"));
        Ok(Outcome::Changed)
    }
}

fn main() -> ExitCode {
    gsx_experiments::cli::main_with(&[&Double])
}
