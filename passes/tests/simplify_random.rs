//! Random expressions through `simplify`: the same values before and after, to the bit, on random and on nasty inputs.

use std::collections::BTreeMap;
use std::sync::Arc;

use gscript::bytecode::Source;
use gscript::random::Random;
use gscript::value::{Tag, Value};
use gsx_ir::eval::pure::{Val, evaluate, payload};
use gsx_ir::graph::{Graph, Origin, Target, Terminator};
use gsx_ir::parse::{SYNTHETIC_PROTO, parse_unit, synthetic_program};
use gsx_ir::verify::verify;
use gsx_ir::{Cond, NodeId, Op, Type, Unit};
use gsx_passes::simplify::RuleSet;
use gsx_passes::simplify::proofs::Cache;
use gsx_passes::{PassContext, Registry, RewriteMeter, registry, run_pass};

const INTS: [i64; 18] = [
    0,
    1,
    -1,
    2,
    3,
    5,
    7,
    -8,
    10,
    4095,
    4096,
    -4097,
    0x12_3456,
    1 << 53,
    (1 << 53) + 1,
    i64::MAX,
    i64::MIN,
    i64::MIN + 1,
];

fn floats() -> [f64; 14] {
    [
        0.0,
        -0.0,
        1.0,
        -1.0,
        0.5,
        2.0,
        4.0,
        1.5,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::NAN,
        f64::from_bits(0xfff8_0000_0000_1234),
        f64::MIN_POSITIVE / 4.0,
        f64::MAX,
    ]
}

const ORIGIN: Origin = Origin { proto: SYNTHETIC_PROTO, pc: 0, frame: 0 };

struct Generator {
    rng: Random,
    graph: Graph,
    /// Values that expressions may use.
    known: Vec<(NodeId, Type)>,
}

impl Generator {
    fn any(&mut self, ty: Type) -> NodeId {
        let fitting: Vec<NodeId> = self.known.iter().filter(|(_, t)| *t == ty).map(|(n, _)| *n).collect();
        if !fitting.is_empty() && self.rng.chance(75) {
            // Recent ones more often: that makes deep expressions.
            let recent = &fitting[fitting.len().saturating_sub(4)..];
            return if self.rng.chance(50) { self.rng.pick(recent) } else { self.rng.pick(&fitting) };
        }
        let op = match ty {
            Type::Int => Op::IConst(self.rng.pick(&INTS)),
            Type::Float => Op::FConst(self.rng.pick(&floats()).to_bits()),
            Type::Bool => Op::BConst(self.rng.chance(50)),
            _ => Op::BoxedConst(self.rng.pick(&[Value::NIL, Value::int(3), Value::float(1.5), Value::bool(false)])),
        };
        self.graph.pure(op, &[], ty, ORIGIN)
    }

    fn operation(&mut self) {
        use Type::{Bool, Boxed, Float, Int};
        let cond = self.rng.pick(&Cond::ALL);
        let shift = self.rng.pick(&[0, 1, 2, 3, 31, 63]);
        let arm = self.rng.pick(&[Int, Float, Bool]);
        let (op, args, ty): (Op, &[Type], Type) = self.rng.pick(&[
            (Op::IAdd, &[Int, Int][..], Int),
            (Op::IAdd, &[Int, Int], Int),
            (Op::ISub, &[Int, Int], Int),
            (Op::ISub, &[Int, Int], Int),
            (Op::IMul, &[Int, Int], Int),
            (Op::INeg, &[Int], Int),
            (Op::IShl(shift), &[Int], Int),
            (Op::FAdd, &[Float, Float], Float),
            (Op::FSub, &[Float, Float], Float),
            (Op::FMul, &[Float, Float], Float),
            (Op::FDiv, &[Float, Float], Float),
            (Op::FNeg, &[Float], Float),
            (Op::IntToFloat, &[Int], Float),
            (Op::ICmp(cond), &[Int, Int], Bool),
            (Op::ICmp(cond), &[Int, Int], Bool),
            (Op::FCmp(cond), &[Float, Float], Bool),
            (Op::BNot, &[Bool], Bool),
            (Op::Select, &[], arm),
            (Op::Box, &[], Boxed),
            (Op::TagOf, &[Boxed], Int),
            (Op::Truthy, &[Boxed], Bool),
        ]);
        let n = match op {
            Op::Select => {
                let args = [self.any(Bool), self.any(ty), self.any(ty)];
                self.graph.pure(op, &args, ty, ORIGIN)
            }
            Op::Box => {
                let inner = self.any(arm);
                let boxed = self.graph.pure(op, &[inner], Boxed, ORIGIN);
                self.known.push((boxed, Boxed));
                // What is boxed comes out again, as what it was: another type's payload means nothing.
                let out = self.graph.pure(Op::Unbox(arm), &[boxed], arm, ORIGIN);
                self.known.push((out, arm));
                return;
            }
            _ => {
                let args: Vec<NodeId> = args.iter().map(|&t| self.any(t)).collect();
                self.graph.pure(op, &args, ty, ORIGIN)
            }
        };
        self.known.push((n, ty));
    }
}

/// A unit with two blocks of expressions; the second has a parameter that is one of two constants. Returns the parameter's
/// possible values, too.
fn random_unit(seed: u64) -> (Unit, NodeId, [i64; 2]) {
    let program = synthetic_program(40, 0, 8);
    let text = "unit test slots=40 {\nb0:\n    return 0, 1\n}\n";
    let mut unit = parse_unit(text, &program).expect("a graph");
    let mut g = Generator { rng: Random::new(seed), graph: unit.graph, known: Vec::new() };
    let b0 = g.graph.entry;
    for (slot, ty) in [Type::Int, Type::Int, Type::Float, Type::Float, Type::Bool, Type::Boxed].into_iter().enumerate()
    {
        let n = g.graph.effect(b0, Op::SlotLoad(slot as u16, ty), &[], Some(ty), None, ORIGIN);
        g.known.push((n, ty));
    }
    for _ in 0..g.rng.below(8) {
        g.operation();
    }
    let b1 = g.graph.add_block(ORIGIN);
    let param = g.graph.add_param(b1, Type::Int, None, ORIGIN);
    let values = [g.rng.pick(&INTS), g.rng.pick(&[0, 1, 9, 1000, -7])];
    let args = values.map(|v| g.graph.pure(Op::IConst(v), &[], Type::Int, ORIGIN));
    let cond = g.any(Type::Bool);
    let target = |a: NodeId| Target { block: b1, args: [a].into_iter().collect() };
    g.graph.set_term(b0, Terminator::Branch { cond, then: target(args[0]), other: target(args[1]) });
    g.known.push((param, Type::Int));
    for _ in 0..4 + g.rng.below(16) {
        g.operation();
    }
    let mut slot = 8;
    for (n, ty) in g.known.clone() {
        if slot < 39 && ty != Type::Ptr && g.rng.chance(35) {
            g.graph.effect(b1, Op::SlotStore(slot), &[n], None, None, ORIGIN);
            slot += 1;
        }
    }
    let (last, _) = g.known[g.known.len() - 1];
    g.graph.effect(b1, Op::SlotStore(39), &[last], None, None, ORIGIN);
    g.graph.set_term(b1, Terminator::Return { first: 39, count: 1 });
    unit.graph = g.graph;
    (unit, param, values)
}

/// What the stores of a unit write, by slot: tag and bits.
fn stored(unit: &Unit, inputs: &BTreeMap<NodeId, Val>) -> BTreeMap<u16, (Tag, u64)> {
    fn value(unit: &Unit, n: NodeId, seen: &mut BTreeMap<NodeId, Val>) -> Val {
        if let Some(&v) = seen.get(&n) {
            return v;
        }
        let node = unit.graph.node(n);
        let args: Vec<Val> = node.args.iter().map(|&a| value(unit, a, seen)).collect();
        let v = evaluate(node, &args, 0).expect("it is well-typed");
        seen.insert(n, v);
        v
    }
    let mut seen = inputs.clone();
    let mut out = BTreeMap::new();
    for b in unit.graph.reverse_postorder() {
        for &e in &unit.graph.block(b).effects {
            if let Op::SlotStore(slot) = unit.graph.node(e).op {
                let v = value(unit, unit.graph.node(e).args[0], &mut seen).boxed().expect("no pointers here");
                out.insert(slot, (v.tag, v.bits));
            }
        }
        // The branch's condition decides which constant arrives, which the inputs fix here; but it must exist.
        if let Terminator::Branch { cond, .. } = unit.graph.block(b).term {
            value(unit, cond, &mut seen);
        }
    }
    out
}

fn random_inputs(unit: &Unit, param: NodeId, values: [i64; 2], rng: &mut Random) -> BTreeMap<NodeId, Val> {
    let mut inputs = BTreeMap::from([(param, Val::Int(rng.pick(&values)))]);
    for &e in &unit.graph.block(unit.graph.entry).effects {
        let random = rng.next_u64();
        let int = if rng.chance(60) { rng.pick(&INTS) } else { random as i64 };
        let float = if rng.chance(60) { rng.pick(&floats()) } else { f64::from_bits(random) };
        let v = match unit.graph.node(e).ty {
            Some(Type::Int) => Val::Int(int),
            Some(Type::Float) => Val::Float(float),
            Some(Type::Bool) => Val::Bool(random & 1 == 1),
            _ => payload(rng.pick(&[Value::NIL, Value::int(int), Value::float(float), Value::bool(true)]), Type::Boxed),
        };
        inputs.insert(e, v);
    }
    inputs
}

/// Simplifies; gives how many values were replaced.
fn simplify(unit: &mut Unit, rules: &Arc<RuleSet>, limit: Option<u64>) -> u64 {
    let pass = Registry::default().get("simplify").expect("it is registered");
    let mut cx = PassContext::new(unit, vec!["simplify"]);
    cx.rules = Some(rules.clone());
    cx.set_meter(limit.map(|rewrites| Arc::new(RewriteMeter::new("simplify", rewrites))));
    run_pass(pass, unit, &mut cx).expect("it does not fail");
    for r in &cx.remarks {
        assert!(!r.text.contains("contradict"), "{}", r.text);
    }
    cx.counters.iter().find(|c| c.name == "values replaced").map_or(0, |c| c.count)
}

/// The first difference between units, on some inputs.
fn difference(a: &Unit, b: &Unit, param: NodeId, values: [i64; 2], seed: u64) -> Option<String> {
    let mut rng = Random::new(seed ^ 0x5eed);
    for _ in 0..40 {
        let inputs = random_inputs(a, param, values, &mut rng);
        let (x, y) = (stored(a, &inputs), stored(b, &inputs));
        if x != y {
            return Some(format!("on {inputs:?}:\n{x:x?}\n{y:x?}"));
        }
    }
    None
}

fn seeds(default: u64) -> u64 {
    std::env::var("GSX_SEEDS").ok().and_then(|n| n.parse::<u64>().ok()).map_or(default, |n| n * default)
}

#[test]
fn simplified_expressions_give_the_same_values_to_the_bit() {
    let rules = RuleSet::own();
    let mut replaced = 0;
    for seed in 0..seeds(1500) {
        let (unit, param, values) = random_unit(seed);
        verify(&unit).unwrap_or_else(|e| panic!("seed {seed}: the generator is wrong:\n{e}"));
        // Every number of rewrites must leave a right graph.
        let limit = (seed % 3 == 0).then_some(seed % 5);
        let mut after = unit.clone();
        let n = simplify(&mut after, &rules, limit);
        assert!(limit.is_none_or(|l| n <= l), "seed {seed}: {n} rewrites with a limit of {limit:?}");
        replaced += n;
        verify(&after).unwrap_or_else(|e| panic!("seed {seed}:\n{e}"));
        if let Some(d) = difference(&unit, &after, param, values, seed) {
            let (a, b) = (gsx_ir::text::unit_to_string(&unit), gsx_ir::text::unit_to_string(&after));
            panic!("seed {seed}: {d}\n{a}\n{b}");
        }
    }
    assert!(replaced > 1500, "the test tests nothing: {replaced} values replaced");
}

#[test]
fn the_same_unit_is_always_simplified_in_the_same_way() {
    for seed in 0..100 {
        let (unit, ..) = random_unit(seed);
        let texts = [0, 1].map(|_| {
            let mut u = unit.clone();
            simplify(&mut u, &Arc::new(RuleSet::default()), None);
            gsx_ir::text::unit_to_string(&u)
        });
        assert_eq!(texts[0], texts[1], "seed {seed}");
    }
}

/// The test of the test: a wrong rule must show.
#[test]
fn a_wrong_rule_is_caught() {
    let text = "[[rule]]\nname = 'wrong'\nlhs = '(imul ?a ?b)'\nrhs = '?a'\n";
    let mut set = RuleSet::default();
    set.load(&Source { name: "wrong.toml".into(), text: text.into() }, &Cache::default()).expect("it is well-formed");
    let rules = Arc::new(set);
    let caught = (0..200).any(|seed| {
        let (unit, param, values) = random_unit(seed);
        let mut after = unit.clone();
        let pass = registry::PASSES.iter().find(|p| p.info().id == "simplify").expect("it is registered");
        let mut cx = PassContext::new(&after, vec!["simplify"]);
        cx.rules = Some(rules.clone());
        run_pass(*pass, &mut after, &mut cx).expect("it does not fail");
        cx.remarks.iter().any(|r| r.text.contains("contradict"))
            || difference(&unit, &after, param, values, seed).is_some()
    });
    assert!(caught);
}
