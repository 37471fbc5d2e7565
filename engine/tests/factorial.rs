//! All subsets of some passes, with shared work, give what each subset gives alone.

mod common;

use common::{cell, ints, passes};
use gsx_engine::{CellError, CellSpec, factorial, run_cell};
use gsx_ir::{NodeId, Op, Unit};
use gsx_passes::{Outcome, Pass, PassContext, PassError, PassInfo, Pipeline, Registry};

/// Passes that ask about each other, look into callees, and change or leave alone much.
const PASSES: &str = "inline,type-seed,acc-pin,arg-trace,const-prop,dse,compact-frame";

fn programs() -> Vec<CellSpec> {
    [
        ("func entry(n) { if n < 2 { return n } return entry(n - 1) + entry(n - 2) }", [8], [12]),
        (
            "func add(a, b) { return a + b }
             func entry(n) { x := 0 for i := 0; i < n; i++ { x = add(x, i) } return x }",
            [5],
            [40],
        ),
        // Code and exits name a string and a table.
        (
            "t := {1, 2}
             func word(n) { if n > 3 { return \"many\" } return \"few\" }
             func entry(n) { s := \"\" for i := 0; i < n; i++ { s = s .. word(i) .. t[1] } return s }",
            [2],
            [6],
        ),
    ]
    .into_iter()
    .map(|(source, warmup, args)| {
        let mut spec = cell(source, "entry", &ints(&warmup), &ints(&args));
        spec.pipeline = passes(PASSES);
        spec
    })
    .collect()
}

#[test]
fn shared_work_gives_what_each_subset_gives_alone() {
    for spec in programs() {
        let all = factorial(&spec).unwrap_or_else(|e| panic!("{e}"));
        let n = spec.pipeline.passes().len();
        assert_eq!(all.run_of.len(), 1 << n);
        assert!(all.runs.len() > 8 && all.runs.len() < 1 << n, "{} executions", all.runs.len());
        for set in (0..1 << n).step_by(3) {
            let on = spec.pipeline.passes().iter().enumerate().filter(|(i, _)| set >> i & 1 == 1);
            let pipeline = Pipeline::of(on.map(|(_, p)| *p).collect());
            let alone = run_cell(&CellSpec { pipeline, ..spec.clone() }).unwrap_or_else(|e| panic!("{e}"));
            let shared = all.run(set);
            assert_eq!(shared.counters, alone.counters, "{:?}", alone.passes);
            assert_eq!(shared.code_bytes, alone.code_bytes(), "{:?}", alone.passes);
        }
    }
}

/// Wrong only where const-prop and dse have both run before it.
struct WrongTogether;

static INFO: PassInfo = PassInfo {
    id: "wrong-together",
    summary: "wrong on purpose, in company",
    details: "Turns additions into subtractions where const-prop and dse are on.",
    groups: &[],
    needs: &[],
    origin: "this test",
};

impl Pass for WrongTogether {
    fn info(&self) -> &'static PassInfo {
        &INFO
    }
    fn run(&self, unit: &mut Unit, cx: &mut PassContext) -> Result<Outcome, PassError> {
        if !cx.is_enabled("const-prop") || !cx.is_enabled("dse") {
            return Ok(Outcome::Unchanged);
        }
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

#[test]
fn the_smallest_wrong_subset_is_named() {
    let registry = Registry::default();
    let pass = |id| registry.get(id).expect(id);
    let mut spec = cell("func entry(n) { return n + 1 }", "entry", &ints(&[1]), &ints(&[3]));
    // What it asks about comes before it and behind it.
    spec.pipeline =
        Pipeline::of(vec![pass("acc-pin"), pass("const-prop"), &WrongTogether, pass("dse"), pass("tag-elim")]);
    let error = factorial(&spec).expect_err("one in four subsets is wrong");
    assert!(matches!(error.error, CellError::Miscompiled(_)), "{error}");
    assert_eq!(error.passes, ["const-prop", "wrong-together", "dse"]);
}
