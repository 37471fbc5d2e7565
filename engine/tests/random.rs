//! Random programs under random pass sets: compiled code does what the interpreter does, errors included.

use gsx_engine::fuzzing::{Case, Choices, Verdict};
use gsx_ir::{NodeId, Op, Unit};
use gsx_passes::{Outcome, Pass, PassContext, PassError, PassInfo, Pipeline, Registry};

/// How many programs; more with `GSX_FUZZ=10000`.
fn programs() -> u64 {
    number("GSX_FUZZ").unwrap_or(150)
}

/// The first seed.
fn first() -> u64 {
    number("GSX_FUZZ_SEED").unwrap_or(0)
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

#[test]
fn random_programs_agree_with_the_interpreter() {
    let registry = Registry::default();
    let (mut checked, mut too_long) = (0, 0);
    for seed in first()..first() + programs() {
        let mut case = Case::new(&mut Choices::from_seed(seed), &registry);
        let other = Case::new(&mut Choices::from_seed(!seed), &registry);
        for pipeline in [case.pipeline.clone(), other.pipeline] {
            case.pipeline = pipeline;
            match case.check() {
                Ok(Verdict::Right) => checked += 1,
                Ok(Verdict::TooLong) => too_long += 1,
                Err(e) => panic!("seed {seed}: {e}"),
            }
        }
    }
    assert!(checked > 4 * too_long, "most programs must run to the end: {checked} did, {too_long} did not");
}

/// A fuzzer's bytes decide first; what they leave open is random, and the same each time.
#[test]
fn bytes_decide() {
    let registry = Registry::default();
    let source = |bytes: &[u8]| Case::new(&mut Choices::from_bytes(bytes), &registry).source;
    let bytes: Vec<u8> = (0..200u16).map(|i| (i * 37 % 251) as u8).collect();
    assert_eq!(source(&bytes), source(&bytes));
    let mut changed = bytes.clone();
    changed[150] ^= 1;
    let (a, b) = (source(&bytes), source(&changed));
    let same = a.lines().zip(b.lines()).take_while(|(a, b)| a == b).count();
    assert!(a != b && same >= 3, "{a}\n{b}");
}

/// Wrong in little: one subtraction of a function, its second, has its operands swapped.
struct Swapped;

static SWAPPED: PassInfo = PassInfo {
    id: "swapped",
    summary: "wrong on purpose",
    details: "Swaps the operands of a function's second integer subtraction.",
    groups: &[],
    needs: &[],
    origin: "this test",
};

impl Pass for Swapped {
    fn info(&self) -> &'static PassInfo {
        &SWAPPED
    }
    fn run(&self, unit: &mut Unit, _: &mut PassContext) -> Result<Outcome, PassError> {
        let nodes = (0..unit.graph.node_count()).map(|i| NodeId(i as u32));
        let Some(n) = nodes.filter(|n| unit.graph.node(*n).op == Op::ISub).nth(1) else {
            return Ok(Outcome::Unchanged);
        };
        let args: Vec<NodeId> = unit.graph.node(n).args.iter().rev().copied().collect();
        unit.graph.rewrite(n, Op::ISub, &args);
        Ok(Outcome::Changed)
    }
}

/// The programs are worth running only if they find what is wrong.
#[test]
fn a_wrong_pass_is_found_soon() {
    let registry = Registry::default();
    let types = registry.get("type-seed").expect("a pass of gsx");
    let found = (0..60).find(|&seed| {
        let mut case = Case::new(&mut Choices::from_seed(seed), &registry);
        case.pipeline = Pipeline::of(vec![types, &Swapped]);
        case.verify_each = false;
        case.check().is_err_and(|e| e.contains("instead of"))
    });
    assert!(found.is_some(), "60 programs ran as if nothing were wrong");
}

/// Each shape of function comes up, and each is called.
#[test]
fn all_shapes_come_up() {
    let registry = Registry::default();
    let sources: Vec<String> =
        (0..200).map(|seed| Case::new(&mut Choices::from_seed(seed), &registry).source).collect();
    for shape in ["h", "r", "even", "m", "acc", "deep", "down"] {
        let called = |source: &&String| {
            let names = (0..3).map(|i| format!("{shape}{i}("));
            names.filter(|name| source.contains(&format!("func {name}"))).any(|name| {
                let body = source.find("func f0(").map_or("", |at| &source[at..]);
                body.contains(&name) || body.contains(&name.replace('(', ","))
            })
        };
        assert!(sources.iter().filter(called).count() >= 3, "{shape}N is hardly called");
    }
}
