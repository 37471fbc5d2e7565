//! A pass of one's own: `x * 2` becomes `x + x`. This crate is gsx with that pass, under all of gsx's commands:
//! `cargo run --release -p own-pass -- run --passes const-prop,dse,double-add --entry double --args 100
//! examples/own-pass/double.gs`.

use std::process::ExitCode;

use gsx_ir::{NodeId, Op, Unit};
use gsx_passes::{Outcome, Pass, PassContext, PassError, PassInfo, RemarkKind};

struct DoubleAdd;

static INFO: PassInfo = PassInfo {
    id: "double-add",
    summary: "x * 2 becomes x + x",
    details: "Integer multiplications by the constant 2 become additions, which wrap in the same way and take one cycle \
              instead of three. Without const-prop most constants still come from a slot, and are not seen.",
    groups: &["own"],
    needs: &[],
    origin: "an example",
};

impl Pass for DoubleAdd {
    fn info(&self) -> &'static PassInfo {
        &INFO
    }

    fn run(&self, unit: &mut Unit, cx: &mut PassContext) -> Result<Outcome, PassError> {
        let is_two = |unit: &Unit, n: NodeId| unit.graph.node(n).op == Op::IConst(2);
        let mut doubled = 0;
        for n in (0..unit.graph.node_count()).map(|i| NodeId(i as u32)) {
            let node = unit.graph.node(n);
            let (Op::IMul, &[a, b]) = (node.op, &node.args[..]) else { continue };
            let at = node.origin;
            let x = match (is_two(unit, a), is_two(unit, b)) {
                (_, true) => a,
                (true, _) => b,
                _ => continue,
            };
            if cx.permits(|| format!("{n} = {x} + {x}")) {
                unit.graph.rewrite(n, Op::IAdd, &[x, x]);
                cx.remark_at(unit, at, RemarkKind::Applied, "doubled by an addition");
                doubled += 1;
            }
        }
        cx.count("multiplications by two", doubled);
        Ok(if doubled == 0 { Outcome::Unchanged } else { Outcome::Changed })
    }
}

fn main() -> ExitCode {
    gsx_experiments::cli::main_with(&[&DoubleAdd])
}
