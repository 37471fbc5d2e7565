//! Passes that are wrong in one place: the search finds the pass and the place, and nothing else.

mod common;

use common::{cell, ints, passes};
use gsx_engine::{Bisection, CellSpec, Culprit, bisect};
use gsx_ir::{NodeId, Op, Unit};
use gsx_passes::{Outcome, Pass, PassContext, PassError, PassInfo, Pipeline, Registry};

/// Goes over the integer additions, asks for each, and makes a subtraction of the one at this place. Does nothing if a
/// pass that it names is off.
struct OneWrong {
    info: &'static PassInfo,
    place: usize,
    with: Option<&'static str>,
    asks: bool,
}

const fn info(id: &'static str) -> PassInfo {
    PassInfo {
        id,
        summary: "wrong in one place",
        details: "Right everywhere else.",
        groups: &[],
        needs: &[],
        origin: "this test",
    }
}

static FIFTH: OneWrong = OneWrong { info: &info("fifth"), place: 4, with: None, asks: true };
static FIRST_AFTER_DSE: OneWrong = OneWrong { info: &info("first-after-dse"), place: 0, with: Some("dse"), asks: true };
static SILENT: OneWrong = OneWrong { info: &info("silent"), place: 1, with: None, asks: false };

impl Pass for OneWrong {
    fn info(&self) -> &'static PassInfo {
        self.info
    }
    fn run(&self, unit: &mut Unit, cx: &mut PassContext) -> Result<Outcome, PassError> {
        if self.with.is_some_and(|id| !cx.is_enabled(id)) {
            return Ok(Outcome::Unchanged);
        }
        let nodes = (0..unit.graph.node_count()).map(|i| NodeId(i as u32));
        let additions: Vec<NodeId> = nodes.filter(|n| unit.graph.node(*n).op == Op::IAdd).collect();
        for (i, n) in additions.into_iter().enumerate() {
            if self.asks && !cx.permits(|| format!("addition {i}")) {
                continue;
            }
            let args = unit.graph.node(n).args.clone();
            let op = if i == self.place { Op::ISub } else { Op::IAdd };
            unit.graph.rewrite(n, op, &args);
        }
        Ok(Outcome::Changed)
    }
}

fn pipeline(passes: &[&'static dyn Pass]) -> Pipeline {
    Pipeline::of(passes.to_vec())
}

fn own(id: &str) -> &'static dyn Pass {
    Registry::default().get(id).expect(id)
}

fn culprit(spec: &CellSpec) -> Culprit {
    let found = bisect(spec).unwrap_or_else(|e| panic!("{e}"));
    found.culprit.expect("the pass is wrong")
}

const ADDITIONS: &str =
    "func entry(n) { a := n + 1 b := a + 2 c := b + 3 d := c + 4 e := d + 5 f := e + 6 g := f + 7 return g }";

#[test]
fn one_wrong_rewrite_of_many_is_found() {
    let mut spec = cell(ADDITIONS, "entry", &ints(&[1]), &ints(&[10]));
    spec.pipeline = pipeline(&[own("acc-pin"), own("const-prop"), &FIFTH, own("dse"), own("compact-frame")]);
    let culprit = culprit(&spec);
    assert_eq!((culprit.pass, culprit.place), (Some("fifth"), 3));
    assert_eq!(culprit.needs, Vec::<&str>::new(), "it is wrong alone");
    let rewrite = culprit.rewrite.expect("it asks");
    assert_eq!((rewrite.number, rewrite.of), (5, 7));
    assert_eq!((rewrite.rewrite.function.as_str(), rewrite.rewrite.what.as_str()), ("entry", "addition 4"));
    assert!(culprit.last_error.contains("28 instead of 38"), "{}", culprit.last_error);
}

#[test]
fn rewrites_are_counted_over_all_functions() {
    // `few` is compiled first; its four additions are right. Then comes the fifth addition of `entry`.
    let source = format!("func few(n) {{ return n + 1 + 2 + 3 + 4 }}\n{ADDITIONS}");
    let source = source.replace("return g", "return few(g)");
    let mut spec = cell(&source, "entry", &ints(&[1]), &ints(&[10]));
    spec.pipeline = pipeline(&[&FIFTH]);
    let rewrite = culprit(&spec).rewrite.expect("it asks");
    assert_eq!((rewrite.number, rewrite.of, rewrite.rewrite.function.as_str()), (9, 11, "entry"));
}

#[test]
fn passes_that_the_failure_needs_are_kept() {
    let mut spec = cell(ADDITIONS, "entry", &ints(&[1]), &ints(&[10]));
    spec.pipeline = pipeline(&[own("type-seed"), own("dse"), own("tag-elim"), &FIRST_AFTER_DSE]);
    let culprit = culprit(&spec);
    assert_eq!((culprit.pass, culprit.place), (Some("first-after-dse"), 4));
    assert_eq!(culprit.needs, ["dse"]);
    assert_eq!(culprit.passes(), ["dse", "first-after-dse"]);
    assert_eq!(culprit.rewrite.map(|r| r.number), Some(1));
}

#[test]
fn a_pass_that_does_not_ask_is_found_without_a_rewrite() {
    let mut spec = cell(ADDITIONS, "entry", &ints(&[1]), &ints(&[10]));
    spec.pipeline = pipeline(&[own("const-prop"), &SILENT, own("dse")]);
    let culprit = culprit(&spec);
    assert_eq!((culprit.pass, culprit.rewrite), (Some("silent"), None));
}

#[test]
fn endless_code_counts_as_wrong() {
    // The loop counts down.
    let source = "func entry(n) { s := 0 for i := 0; i < 20; i++ { s = s + n } return s }";
    let mut spec = cell(source, "entry", &ints(&[1]), &ints(&[3]));
    static STEP: OneWrong = OneWrong { info: &info("step"), place: 1, with: None, asks: true };
    spec.pipeline = pipeline(&[own("dse"), &STEP]);
    let culprit = culprit(&spec);
    assert_eq!(culprit.rewrite.map(|r| r.number), Some(2));
    assert!(culprit.last_error.contains("instruction budget"), "{}", culprit.last_error);
}

#[test]
fn nothing_is_found_where_nothing_is_wrong() {
    let mut spec = cell(ADDITIONS, "entry", &ints(&[1]), &ints(&[10]));
    spec.pipeline = passes("all");
    assert!(matches!(bisect(&spec), Ok(Bisection { culprit: None, .. })));
}

#[test]
fn a_program_that_fails_is_no_miscompilation() {
    let mut spec = cell("func entry(n) { return n + {} }", "entry", &[], &ints(&[1]));
    spec.warmup.calls = 0;
    spec.pipeline = passes("all");
    assert_eq!(bisect(&spec).expect_err("there is nothing to compare with").status(), 1);
}

/// Each pass of gsx's own, held back at each number of rewrites, leaves a right graph.
#[test]
fn every_number_of_rewrites_is_right() {
    use gsx_passes::RewriteMeter;
    use std::sync::Arc;
    let source = "func add(a, b) { return a + b }
        func fib(n) { if n < 2 { return n } return fib(n - 1) + fib(n - 2) }
        func entry(n) { s := 3 k := 5 for i := 0; i < n; i++ { s = add(s, i) * 2 if s > 1000 { s = s - 999 } } return s + fib(k) }";
    for pass in Registry::default().passes() {
        let id = pass.info().id;
        let total = Arc::new(RewriteMeter::new(id, u64::MAX));
        let run = |meter: Arc<RewriteMeter>| {
            let mut spec = cell(source, "entry", &ints(&[5]), &ints(&[20]));
            spec.pipeline = passes("all").with_meter(meter);
            spec.options.verify_each = true;
            gsx_engine::run_cell(&spec)
        };
        run(total.clone()).unwrap_or_else(|e| panic!("{id}: {e}"));
        let step = total.asked().div_ceil(12).max(1);
        for limit in (0..total.asked()).step_by(step as usize) {
            let meter = Arc::new(RewriteMeter::new(id, limit));
            if let Err(e) = run(meter.clone()) {
                panic!("{id}, held back after rewrite {limit} of {} ({:?}): {e}", total.asked(), meter.last());
            }
        }
    }
}
