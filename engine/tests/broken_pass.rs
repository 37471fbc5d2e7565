//! Tests of the tests: passes broken on purpose, each of which must be caught.

mod common;

use common::{cell, ints};
use gsx_engine::{CellError, run_cell};
use gsx_ir::{NodeId, Op, TagHalf, Type, Unit};
use gsx_passes::{Outcome, Pass, PassContext, PassError, PassInfo, Pipeline, Registry};

static INFO: PassInfo = PassInfo {
    id: "broken",
    summary: "wrong on purpose",
    details: "Does what no pass must do.",
    groups: &[],
    needs: &[],
    origin: "this test",
};

/// Every addition becomes a subtraction.
struct WrongArithmetic;

impl Pass for WrongArithmetic {
    fn info(&self) -> &'static PassInfo {
        &INFO
    }
    fn run(&self, unit: &mut Unit, _: &mut PassContext) -> Result<Outcome, PassError> {
        for i in 0..unit.graph.node_count() {
            let n = NodeId(i as u32);
            if unit.graph.node(n).op == Op::IAdd {
                let args = unit.graph.node(n).args.clone();
                unit.graph.rewrite(n, Op::ISub, &args);
            }
        }
        Ok(Outcome::Changed)
    }
}

/// Snapshots forget the slots that live in registers.
struct ForgottenSnapshot;

impl Pass for ForgottenSnapshot {
    fn info(&self) -> &'static PassInfo {
        &INFO
    }
    fn run(&self, unit: &mut Unit, _: &mut PassContext) -> Result<Outcome, PassError> {
        for (s, _) in unit.graph.live_snapshots() {
            unit.graph.set_snapshot_writes(s, Vec::new());
        }
        Ok(Outcome::Changed)
    }
}

/// Guards disappear.
struct NoGuards;

impl Pass for NoGuards {
    fn info(&self) -> &'static PassInfo {
        &INFO
    }
    fn run(&self, unit: &mut Unit, _: &mut PassContext) -> Result<Outcome, PassError> {
        for b in unit.graph.reverse_postorder() {
            for n in unit.graph.block(b).effects.clone() {
                if matches!(unit.graph.node(n).op, Op::GuardTag(_)) {
                    unit.graph.remove_effect(n);
                }
            }
        }
        Ok(Outcome::Changed)
    }
}

/// Stores of numbers lose their tags, whoever reads them.
struct NoTags(TagHalf);

impl Pass for NoTags {
    fn info(&self) -> &'static PassInfo {
        &INFO
    }
    fn run(&self, unit: &mut Unit, _: &mut PassContext) -> Result<Outcome, PassError> {
        for b in unit.graph.reverse_postorder() {
            for n in unit.graph.block(b).effects.clone() {
                let value = unit.graph.node(n).args.first().copied();
                if let Op::SlotStore(slot) = unit.graph.node(n).op
                    && let Some(value) = value.filter(|&v| unit.graph.node(v).ty != Some(Type::Boxed))
                {
                    unit.graph.rewrite(n, Op::SlotStorePayload(slot, self.0), &[value]);
                    unit.stale.insert(slot);
                }
            }
        }
        Ok(Outcome::Changed)
    }
}

#[test]
fn the_evaluator_sees_who_reads_a_tag_that_was_not_stored() {
    static UNREAD: NoTags = NoTags(TagHalf::Unread);
    static RIGHT: NoTags = NoTags(TagHalf::Right);
    let returned = "func entry(n) { return n + 1 }";
    let passed = "func id(x) { return x } func entry(n) { return id(n + 1) }";
    let left = "func entry(n) { x := n + 1 if x > 5 { x = x + n } y := x - n return y }";
    for (source, pass, what) in [
        (returned, &UNREAD, "the tag of slot"),
        (passed, &UNREAD, "the tag of slot"),
        (left, &UNREAD, "the tag of slot"),
        (returned, &RIGHT, "but gets the payload of a value of type int"),
    ] {
        let mut spec = cell(source, "entry", &ints(&[1]), &ints(&[3]));
        spec.pipeline = Pipeline::of(vec![pass]);
        spec.options.verify_each = true;
        let error = run_cell(&spec).expect_err("a tag is missing");
        assert!(error.to_string().contains(what), "{error}");
    }
}

const LOOP: &str = "func entry(n) { s := 0 for i := 0; i < 20; i++ { s = s + n } return s }";

#[test]
fn the_final_check_catches_wrong_arithmetic() {
    let mut spec = cell(LOOP, "entry", &ints(&[1]), &ints(&[3]));
    spec.pipeline = Pipeline::of(vec![&WrongArithmetic]);
    // The loop counts down for ever: the budget ends it.
    spec.limits.instructions = 1_000_000;
    let error = run_cell(&spec).expect_err("the code is wrong");
    assert!(matches!(error, CellError::Miscompiled(_) | CellError::Limit(_)), "{error}");

    let straight = "func entry(n) { return n + 1 }";
    let mut spec = cell(straight, "entry", &ints(&[1]), &ints(&[3]));
    spec.pipeline = Pipeline::of(vec![&WrongArithmetic]);
    let error = run_cell(&spec).expect_err("the code is wrong");
    assert!(matches!(error, CellError::Miscompiled(_)), "{error}");
    assert_eq!(error.status(), 3);
    assert!(error.to_string().contains("2 instead of 4"), "{error}");
}

#[test]
fn the_evaluator_names_the_pass() {
    let mut spec = cell("func entry(n) { return n + 1 }", "entry", &ints(&[1]), &ints(&[3]));
    let dse = Registry::default().get("dse").expect("dse exists");
    spec.pipeline = Pipeline::of(vec![dse, &WrongArithmetic]);
    spec.options.verify_each = true;
    let error = run_cell(&spec).expect_err("the graph is wrong");
    assert!(matches!(error, CellError::Miscompiled(_)), "{error}");
    assert!(error.to_string().contains("after broken"), "{error}");
}

#[test]
fn the_verifier_catches_a_forgotten_snapshot() {
    let source = "func id(x) { return x } func entry(n) { s := 0 for i := 0; i < 20; i++ { s = s + id(n) } return s }";
    let mut spec = cell(source, "entry", &ints(&[1]), &ints(&[3]));
    let pin = Registry::default().get("acc-pin").expect("acc-pin exists");
    spec.pipeline = Pipeline::of(vec![pin, &ForgottenSnapshot]);
    // `s + id(n)` can leave when id gives no integer; then s must be written back.
    let error = run_cell(&spec);
    if let Ok(report) = &error {
        panic!("not caught; {:?}", report.result);
    }
    assert!(matches!(error, Err(CellError::Compiler(_))), "{error:?}");
}

#[test]
fn the_final_check_catches_missing_guards() {
    let mut spec = cell(LOOP, "entry", &ints(&[1]), &[gsx_engine::Arg::Float(0.5)]);
    spec.pipeline = Pipeline::of(vec![&NoGuards]);
    let error = run_cell(&spec).expect_err("a float is taken for an integer");
    assert!(matches!(error, CellError::Miscompiled(_)), "{error}");
}

#[test]
fn forced_exits_catch_values_that_exits_lack() {
    // dse moved the constant of `n < 2` into the exit stubs. Without the snapshot's write nobody has it; no input
    // takes that exit, so only a forced one shows it.
    let source = "func entry(n) { if n < 2 { return n } return entry(n - 1) + entry(n - 2) }";
    let mut spec = cell(source, "entry", &ints(&[5]), &ints(&[9]));
    let registry = Registry::default();
    let mut passes = ["const-prop", "dse"].map(|id| registry.get(id).expect(id)).to_vec();
    passes.push(&ForgottenSnapshot);
    spec.pipeline = Pipeline::of(passes);
    run_cell(&spec).expect("without forced exits nothing shows");
    spec.options.verify_each = true;
    let error = run_cell(&spec).expect_err("an exit lacks a value");
    assert!(matches!(error, CellError::Miscompiled(_)), "{error}");
    assert!(error.to_string().contains("after broken"), "{error}");
}
