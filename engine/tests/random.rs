//! Random programs under random pass sets: compiled code does what the interpreter does, errors included.

use std::sync::Arc;

use gscript::bytecode::Source;
use gscript::interp::{Output, Vm, VmOptions};
use gscript::jit::NoJit;
use gsx_engine::compile_source;
use gsx_engine::fuzzing::{Case, Choices, Verdict, shape_names};
use gsx_ir::{Cond, Graph, NodeId, Op, Type, Unit};
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

/// Wrong in little: one operation of a function is changed.
struct Wrong {
    info: &'static PassInfo,
    is_meant: fn(Op) -> bool,
    /// How many such operations are left alone.
    skipped: usize,
    change: fn(&mut Graph, NodeId),
}

const fn wrong(id: &'static str) -> PassInfo {
    PassInfo {
        id,
        summary: "wrong on purpose",
        details: "Changes one operation of a function.",
        groups: &[],
        needs: &[],
        origin: "this test",
    }
}

static SWAPPED_INTS: Wrong =
    Wrong { info: &const { wrong("swapped-ints") }, is_meant: |op| op == Op::ISub, skipped: 1, change: swap_operands };
static SWAPPED_FLOATS: Wrong = Wrong {
    info: &const { wrong("swapped-floats") },
    is_meant: |op| op == Op::FSub,
    skipped: 1,
    change: swap_operands,
};
/// Takes `a < b` for `!(a >= b)`, which is something else where NaN is among them.
static NAN_BLIND: Wrong = Wrong {
    info: &const { wrong("nan-blind") },
    is_meant: |op| op == Op::FCmp(Cond::Lt),
    skipped: 0,
    change: |graph, n| {
        let node = graph.node(n).clone();
        let other = graph.pure(Op::FCmp(Cond::Ge), &node.args, Type::Bool, node.origin);
        graph.rewrite(n, Op::BNot, &[other]);
    },
};

fn swap_operands(graph: &mut Graph, n: NodeId) {
    let node = graph.node(n);
    let (op, args): (Op, Vec<NodeId>) = (node.op, node.args.iter().rev().copied().collect());
    graph.rewrite(n, op, &args);
}

impl Pass for Wrong {
    fn info(&self) -> &'static PassInfo {
        self.info
    }
    fn run(&self, unit: &mut Unit, _: &mut PassContext) -> Result<Outcome, PassError> {
        let nodes = (0..unit.graph.node_count()).map(|i| NodeId(i as u32));
        let Some(n) = nodes.filter(|n| (self.is_meant)(unit.graph.node(*n).op)).nth(self.skipped) else {
            return Ok(Outcome::Unchanged);
        };
        (self.change)(&mut unit.graph, n);
        Ok(Outcome::Changed)
    }
}

/// The programs are worth running only if they find what is wrong.
#[test]
fn wrong_passes_are_found_soon() {
    let registry = Registry::default();
    let types = registry.get("type-seed").expect("a pass of gsx");
    for pass in [&SWAPPED_INTS, &SWAPPED_FLOATS, &NAN_BLIND] {
        let found = (0..100).find(|&seed| {
            let mut case = Case::new(&mut Choices::from_seed(seed), &registry);
            case.pipeline = Pipeline::of(vec![types, pass]);
            case.verify_each = false;
            case.check().is_err_and(|e| e.contains("instead of"))
        });
        assert!(found.is_some(), "100 programs ran as if nothing were wrong with {}", pass.info.id);
        println!("{}: found by program {found:?}", pass.info.id);
    }
}

/// The programs of some seeds.
fn sources(count: u64) -> Vec<String> {
    let registry = Registry::default();
    (0..count).map(|seed| Case::new(&mut Choices::from_seed(seed), &registry).source).collect()
}

/// Each shape of function comes up, and each is called.
#[test]
fn all_shapes_come_up() {
    let sources = sources(300);
    for shape in ["h", "r", "even", "m", "acc", "deep", "down"].into_iter().chain(shape_names()) {
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

/// What the programs are meant to be about is in them.
#[test]
fn all_features_come_up() {
    let sources = sources(600);
    for feature in [
        "(0.0 / 0)",
        "(-0.0)",
        "(1.0 / 0)",
        "math.huge",
        "9007199254740993",
        "9223372036854775807",
        "5e-324",
        "math.sqrt(",
        "math.floor(",
        "math.abs(",
        "= otherredef",
        "math = {",
        "/ 2]",
        "[0]: ",
        "[#a + 1] = ",
        "] = nil",
        ".x = nil",
        "(-2);",
        "[-i",
        "[\"x\"]",
        "[1024]",
        "#a",
        "setmetatable(",
        "__index: func",
        "__newindex",
        "__add",
        "f69: 69",
        ":move(",
        "all[i] = func(d)",
        "\"k\" .. ",
        "a, b = b, a",
        "(age > ",
        "if age == ",
        "break",
        "continue",
        "i1 += 2",
        "i1 > 0",
        " += 0.75",
        "left: ",
        "digest(",
    ] {
        let count = sources.iter().filter(|source| source.contains(feature)).count();
        assert!(count >= 3, "{feature} is in {count} of 600 programs");
    }
}

/// Functions that compute with data mostly come to their end, and what they show changes from call to call.
#[test]
fn functions_on_data_run_without_errors() {
    let names: Vec<&str> = shape_names().collect();
    let (mut good, mut bad) = (0, 0);
    for seed in 0..60 {
        let case = Case::new(&mut Choices::from_seed(seed), &Registry::default());
        // Only the functions themselves, each called by the main chunk.
        let end = case.source.find("func f0(").expect("a function f0");
        let mut source = case.source[..end].to_string();
        let heads = case.source[..end].lines().filter_map(|l| l.strip_prefix("func ")?.strip_suffix("(n, x, y) {"));
        let data = heads.filter(|f| names.contains(&f.trim_end_matches(char::is_numeric)));
        for f in data {
            source += &format!("print(\"end\", pcall({f}, 9, 2, 0.5))\n");
        }
        let output = interpreted(&source);
        good += output.matches("end\ttrue").count();
        bad += output.matches("end\tfalse").count();
    }
    assert!(good > 50 && good > 20 * bad, "{good} functions came to their end, {bad} failed");
}

/// What a program prints.
fn interpreted(source: &str) -> String {
    let options = VmOptions { output: Output::Capture, ..VmOptions::default() };
    let source = Arc::new(Source { name: "random.gs".into(), text: source.into() });
    let program = compile_source(source.clone()).unwrap_or_else(|d| panic!("{}", d.render(&source)));
    let mut vm = Vm::new(program, options).expect("a machine");
    vm.run_main(&mut NoJit).unwrap_or_else(|e| panic!("{}\n{}", e.message, source.text));
    String::from_utf8(vm.take_output()).expect("text")
}
