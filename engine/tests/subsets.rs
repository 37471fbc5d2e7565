//! Programs that are hard on a compiler, under many pass sets and orders: the result is the interpreter's, or the cell
//! fails. Upstream's miscompilations are among them. (All subsets run on the programs of configs/: `tests/factorial.rs`.)

mod common;

use common::{cell, ints, orders, pairs, subsets};
use gscript::random::Random;
use gsx_engine::{Arg, CellSpec, run_cell};
use gsx_passes::{Pipeline, Registry, sampling};

struct Case {
    name: &'static str,
    source: &'static str,
    warmup: Vec<Arg>,
    args: Vec<Arg>,
    result: &'static str,
}

impl Case {
    /// Does it recurse so deep that repeating it many times takes long?
    fn is_deep(&self) -> bool {
        [
            "deep recursion",
            "deep recursion with loops, floats and several parameters",
            "recursion past the limit, caught",
            "overflow at one of several call sites",
            "frames left behind calls of all kinds",
        ]
        .contains(&self.name)
    }

    fn spec(&self, pipeline: &Pipeline) -> CellSpec {
        let mut spec = cell(self.source, "entry", &self.warmup, &self.args);
        spec.expected = Some([self.result.into(), self.result.into()]);
        spec.pipeline = pipeline.clone();
        spec
    }

    fn check(&self, pipeline: &Pipeline) {
        let spec = self.spec(pipeline);
        if let Err(e) = run_cell(&spec) {
            panic!("{} under {:?}: {e}", self.name, spec.pipeline);
        }
    }
}

fn cases() -> Vec<Case> {
    let case = |name, source, warmup: &[i64], args: &[i64], result| Case {
        name,
        source,
        warmup: ints(warmup),
        args: ints(args),
        result,
    };
    vec![
        case(
            "an inlined open call gives a float where self calls gave integers",
            "func id(n, x) { if n == 0 { return -n } return x }
             func r(n, x) { if n < 2 { return id(x, x) } return r(n - 2, x) + r(n - 1, n) }
             func entry(n) { if n > 10 { return r(5, 0.5) } return r(n, n) }",
            &[8],
            &[12],
            "21.5",
        ),
        case(
            "fib",
            "func entry(n) { if n < 2 { return n } return entry(n - 1) + entry(n - 2) }",
            &[8],
            &[15],
            "610",
        ),
        case(
            "ackermann",
            "func entry(m, n) { if m == 0 { return n + 1 } if n == 0 { return entry(m - 1, 1) }
             return entry(m - 1, entry(m, n - 1)) }",
            &[2, 2],
            &[2, 4],
            "11",
        ),
        case(
            "calls in a loop",
            "func add(a, b) { return a + b }
             func entry() { var x = 0 for i := 0; i < 1000; i++ { x = add(x, 1) } return x }",
            &[],
            &[],
            "1000",
        ),
        // Upstream: a constant used after a call was gone (5.5, bug 3).
        case("constant used after a call", "func entry(n) { if n < 1 { return 0 } return 1 + entry(n - 1) }", &[3], &[5], "5"),
        case("constant factor", "func entry(n) { if n < 1 { return 1 } return 2 * entry(n - 1) }", &[3], &[4], "16"),
        case(
            "constants around a call",
            "func entry(n) { if n < 1 { return 0 } return entry(n - 1) * 3 + 1 }",
            &[2],
            &[3],
            "13",
        ),
        // Upstream: floats through self recursion were taken for integers (bug 4).
        case("float result of a self call", "func entry(n) { if n < 1 { return 0.5 } return entry(n - 1) }", &[2], &[3], "0.5"),
        case(
            "float argument of a self call",
            "func p(a, x) { if a < 1 { return x } return p(a - 1, 1.5) } func entry(a) { return p(a, 2) }",
            &[0],
            &[3],
            "1.5",
        ),
        // Upstream: an accumulator that starts as a float (bug 5).
        case(
            "accumulator that starts as a float",
            "func add(a, b) { return a + b }
             func entry(f) { x := 0 if f == 1 { x = 0.5 } for i := 0; i < 3; i++ { x = add(x, 1) } return x }",
            &[0],
            &[1],
            "3.5",
        ),
        // Upstream: recursion and a pinned loop shared registers (bug 6).
        case(
            "recursion and a loop in one function",
            "func entry(n) { s := 0 for i := 0; i < 3; i++ { s = s + n } if n < 1 { return s } return s + entry(n - 1) }",
            &[2],
            &[4],
            "30",
        ),
        // Upstream: a reassigned callee was ignored (bug 7).
        case(
            "callee redefined after compilation",
            "func add(a, b) { return a + b }
             func entry(k) { if k == 1 { add = func(a, b) { return 100 } }
             x := 0 for i := 0; i < 10; i++ { x = x + add(i, 1) } return x }",
            &[0],
            &[1],
            "1000",
        ),
        case(
            "callee redefined while a loop calls it",
            "func add(a, b) { return a + b }
             func entry(k) { keep := add x := 0 for i := 0; i < 10; i++ { if k == 1 && i == 5 { add = func(a, b) { return a * b } }
             x = x + add(i, 3) } add = keep return x }",
            &[0],
            &[1],
            "130",
        ),
        case(
            "callee that redefines itself",
            "flag := 0
             func add(a, b) { if a == 4 && flag == 1 { add = func(a, b) { return 1000 } } return a + b }
             func entry(k) { keep := add flag = k x := 0 for i := 0; i < 8; i++ { x = x + add(i, 1) } add = keep return x }",
            &[0],
            &[1],
            "3015",
        ),
        case(
            "self calls in a loop whose accumulator is pinned",
            "func entry(n) { s := 0 for i := 0; i < 3; i++ { s = s + i if n > 0 { s = s + entry(n - 1) * 2 } } return s }",
            &[2],
            &[4],
            "4665",
        ),
        // Upstream: scans for constants and argument sources went on past the ends of basic blocks (bug 8).
        case(
            "constant that depends on the way, used behind a call",
            "func entry(n) { k := 1 if n > 2 { k = 2 } if n < 1 { return k } return k * 10 + entry(n - 1) + k }",
            &[4],
            &[5],
            "89",
        ),
        case(
            "arguments that depend on the way",
            "func f(a, b) { return a * 100 + b }
             func entry(n) { a := n if n > 3 { a = 7 } b := a + 1 if n % 2 == 0 { a = b } return f(a, b) + f(b, a) }",
            &[3],
            &[4],
            "1616",
        ),
        // Upstream: leaving to the interpreter from within nested self calls corrupted the stack (bug 9).
        case(
            "exits inside nested self calls",
            "func entry(n, k) { if n < 1 { if k == 1 { return 0.5 } return 1 } x := entry(n - 1, k) + 1 y := entry(n - 2, k) + x
             return x + y }",
            &[5, 0],
            &[6, 1],
            "357.5",
        ),
        case(
            "allocation inside nested self calls",
            "func tree(d) { if d == 0 { return {} } return {l: tree(d - 1), r: tree(d - 1)} }
             func count(t) { if t.l == nil { return 1 } return 1 + count(t.l) + count(t.r) }
             func entry(d) { return count(tree(d)) }",
            &[3],
            &[6],
            "127",
        ),
        // Upstream's trace compiler: polarity of equality, integers in float arithmetic, globals taken for constants, and
        // comparisons in a loop's body (bug 10).
        case(
            "comparisons in a loop's body",
            "func entry(n) { a := 0 b := 0 c := 0 for i := 0; i < n; i++ { if i % 3 == 0 { a = a + 1 } if i % 3 != 1 { b = b + 10 }
             if i < 5 { c = c + 100 } } return a + b + c }",
            &[4],
            &[20],
            "637",
        ),
        case(
            "integers in float arithmetic",
            "func entry(n) { x := 0.25 for i := 0; i < n; i++ { x = x * 2 + i } return x }",
            &[3],
            &[6],
            "73.0",
        ),
        case(
            "global that changes in a loop",
            "step := 1
             func entry(n) { step = 1 s := 0 for i := 0; i < n; i++ { s = s + step if i == 5 { step = 10 } } return s }",
            &[3],
            &[12],
            "66",
        ),
        case(
            "an open call that the profile never saw gives two results",
            "func two(a, b) { return a, b }
             func f(n) { if n < 5 { return 0 } return two(n, n + 1) }
             func entry(n) { a, b := f(n) if b == nil { return -1 } return a * 10 + b }",
            &[3],
            &[7],
            "78",
        ),
        case(
            "own name redefined",
            "func entry(n) { if n < 1 { return 1 } f := entry if n == 3 { entry = func(k) { return k * 100 } }
             r := entry(n - 1) entry = f return r + n }",
            &[2],
            &[5],
            "212",
        ),
        case(
            "integers become floats in a loop",
            "func entry(n) { x := 1 for i := 0; i < n; i++ { if i == 5 { x = x / 2 } x = x + 1 } return x }",
            &[4],
            &[12],
            "10.0",
        ),
        case(
            "captured accumulator",
            "func entry(n) { s := 0 add := func(k) { s = s + k } for i := 0; i < n; i++ { add(i) s = s + 1 } return s }",
            &[5],
            &[10],
            "55",
        ),
        case(
            "captured parameter",
            "func entry(n) { bump := func() { n = n + 10 } bump() if n < 100 { bump() } return n }",
            &[1],
            &[5],
            "25",
        ),
        case(
            "closures outlive compiled frames",
            "func counter(k) { n := k return func(d) { n = n + d return n } }
             func entry(k) { a := counter(k) b := counter(100) s := 0 for i := 0; i < 5; i++ { s = s + a(1) + b(i) } return s, a(0) }",
            &[1],
            &[10],
            "585, 15",
        ),
        case(
            "nested loops",
            "func entry(n) { s := 0 for i := 0; i < n; i++ { for j := 0; j < i; j++ { s = s + i * j } s = s - 1 } return s }",
            &[4],
            &[12],
            "1913",
        ),
        case(
            "loops with breaks and early returns",
            "func entry(n) { s := 0 for i := 1; i <= 100; i++ { if i == n { break } if i % 3 == 0 { continue } s = s + i
             if s > 400 { return -s } } return s }",
            &[10],
            &[60],
            "-432",
        ),
        case(
            "wrapping arithmetic",
            "func entry(n) { x := 9223372036854775807 for i := 0; i < n; i++ { x = x * 3 + i } return x }",
            &[2],
            &[9],
            "9223372036854761041",
        ),
        case(
            "while loop with a condition of its own",
            "func entry(n) { c := 0 for n != 1 { if n % 2 == 0 { n = n / 2 } else { n = 3 * n + 1 } c++ } return c }",
            &[1],
            &[27],
            "111",
        ),
        case(
            "several results",
            "func two(a) { return a, a + 1 } func entry(n) { s := 0 for i := 0; i < n; i++ { x, y := two(i) s = s + x * y } return s, n }",
            &[2],
            &[5],
            "40, 5",
        ),
        case(
            "results of varying number",
            "func some(n) { if n % 2 == 0 { return 1, 2 } return 3 } func pass(n) { return some(n) }
             func entry(n) { s := 0 for i := 0; i < n; i++ { a, b := pass(i) s = s + a if b == 2 { s = s + 10 } } return s }",
            &[1],
            &[5],
            "39",
        ),
        case(
            "missing and extra arguments",
            "func f(a, b, c) { if c == nil { return a } return c } func entry(n) { return f(n) + f(1, 2, n, 4) + f(n, 5) }",
            &[1],
            &[7],
            "21",
        ),
        case(
            "tables and strings around compiled loops",
            "func entry(n) { t := {} for i := 1; i <= n; i++ { t[i] = i * i } s := \"\" for i := 1; i <= n; i++ { s = s .. t[i] .. \" \" }
             return s, #t }",
            &[2],
            &[4],
            "1 4 9 16 , 4",
        ),
        case(
            "deep recursion",
            "func entry(n) { if n == 0 { return 0 } return 1 + entry(n - 1) }",
            &[5],
            &[90000],
            "90000",
        ),
        case(
            "recursion past the limit, caught",
            "func down(n) { return 1 + down(n + 1) } func entry(n) { ok, e := pcall(down, n) return ok, e }",
            &[],
            &[1],
            "false, test.gs:1:27: stack overflow (max call depth 100000)",
        ),
        // Upstream: an overflow went on in the outermost frame as if it were the innermost one (bug 2). The call that is too
        // deep is told from the others by its place, and nothing in front of the first call happens again.
        case(
            "overflow at one of several call sites",
            "before := 0
             func down(n) { if n % 2 == 0 { return 1 + down(n + 1) }
             return down(n + 1) - 1 }
             func start(n) { before = before + 1 return down(n) + down(n) }
             func entry(n) { before = 0 a, e := pcall(start, n) b, f := pcall(start, n + 1) return a, e, b, f, before }",
            &[1],
            &[1],
            "false, test.gs:3:21: stack overflow (max call depth 100000), false, test.gs:2:56: stack overflow (max call depth 100000), 2",
        ),
        // Frames of several sizes and types, at a depth that upstream's native stack did not bear (bug 1).
        case(
            "deep recursion with loops, floats and several parameters",
            "func entry(n, x) { s := 0.5 for i := 0; i < 2; i++ { s = s + i } if n == 0 { return x } return entry(n - 1, x + s) }",
            &[5, 0],
            &[5000, 1],
            "7501.0",
        ),
        // How deep it goes must not depend on who calls: compiled code, the call stub, a builtin, the interpreter.
        case(
            "frames left behind calls of all kinds",
            "depth := 0
             func down() { depth = depth + 1 return 1 + down() }
             func spread(...) { return down(...) }
             func a() { pcall(down) } func b() { pcall(spread, 1) } func c() { t := {a} t[1]() }
             func entry(n) { x, y, z := 0, 0, 0 for i := 0; i < n; i++ { depth = 0 a() x = depth depth = 0 b() y = depth
             depth = 0 c() z = depth } return x, y, z }",
            &[1],
            &[1],
            "99997, 99996, 99996",
        ),
        case(
            "error in a compiled function, caught",
            "func inner(n) { if n > 3 { return n + {} } return n }
             func entry(n) { ok, e := pcall(inner, n) return ok, e }",
            &[1],
            &[5],
            "false, test.gs:1:37: attempt to perform arithmetic on number and table",
        ),
        case(
            "error levels in compiled callers, caught",
            "func f(n) { if n > 3 { error(\"high\", 2) } return n }
             func g(n) { return f(n) + 1 } func entry(n) { ok, e := pcall(g, n) return ok, e }",
            &[1],
            &[5],
            "false, test.gs:2:33: high",
        ),
        case(
            "truthiness and short circuits",
            "func entry(n) { a := n > 2 && n b := nil || a c := false || nil || n == 3 if !c && b { return b } return c, b, a }",
            &[3],
            &[4],
            "4",
        ),
        case(
            "parameter overwritten in a loop",
            "func entry(n) { for i := 0; i < 5; i++ { n = n + i if n > 100 { n = n - 100 } } return n }",
            &[1],
            &[95],
            "5",
        ),
    ]
}

#[test]
fn subsets_give_the_interpreters_result() {
    for c in cases() {
        for pipeline in subsets() {
            c.check(&pipeline);
        }
    }
}

#[test]
fn pairs_of_passes_give_the_interpreters_result() {
    for c in cases().iter().filter(|c| !c.is_deep()) {
        for pipeline in pairs() {
            c.check(&pipeline);
        }
    }
}

#[test]
fn graphs_evaluate_to_the_interpreters_result_after_every_pass() {
    for c in cases().iter().filter(|c| !c.is_deep()) {
        let mut spec = cell(c.source, "entry", &c.warmup, &c.args);
        spec.pipeline = common::passes("all");
        spec.options.verify_each = true;
        if let Err(e) = run_cell(&spec) {
            panic!("{}: {e}", c.name);
        }
    }
}

#[test]
fn orders_of_the_passes_give_the_interpreters_result() {
    for c in cases().iter().filter(|c| !c.is_deep()) {
        for (i, pipeline) in orders().iter().enumerate() {
            let mut spec = c.spec(pipeline);
            spec.options.verify_each = i % 4 == 0;
            if let Err(e) = run_cell(&spec) {
                panic!("{} with the pipeline {:?}: {e}", c.name, pipeline);
            }
        }
    }
}

/// Programs whose profile sees other types than the measured call: every guard that a pass puts anywhere fails in one of them.
#[test]
fn types_that_change_after_the_profile() {
    use Arg::{Float, Int};
    let sources = [
        // Parameters that a loop reads and carries.
        "func entry(n, s) { for i := 0; i < 4; i++ { s = s + n if s > 1000 { return s } } return s, n }",
        "func entry(n, s) { k := 5 for k > 0 { s = s + n * k k = k - 1 } return s }",
        // A slot that a call fills in front of the loop, or in it.
        "func id(x) { return x } func entry(n, s) { x := id(n) y := 7 for i := 0; i < 3; i++ { x = x + 1 y = id(s) + y } return x, y }",
        // The result of a self call, then more of it.
        "func entry(n, s) { if n < 1 { return s } r := entry(n - 1, s) r = r + 1 r = r + n return r * 2 }",
        // Temporaries whose tags nobody reads, with exits behind them.
        "func entry(n, s) { a := n * 2 b := a + 1 a = s + 1 c := a + b b = c * 2 return c + b }",
        // Constants that exits need, in front of a loop that can be left at once.
        "func entry(n, s) { a := 3 b := 4.5 for n > 0 { s = s + a n = n - 1 } return s * b, a }",
        // A nested loop that carries what the outer one carries.
        "func entry(n, s) { for i := 0; i < 3; i++ { for n > i { s = s + n n = n - 1 } n = n + 2 } return s, n }",
    ];
    let arguments = [[Int(4), Int(3)], [Float(4.5), Int(3)], [Int(4), Float(0.25)], [Float(2.5), Float(0.25)]];
    let registry = Registry::default();
    let mut random = Random::new(11);
    for source in sources {
        for warmup in &arguments {
            for args in &arguments {
                let mut pipelines = vec![common::passes("all"), common::passes("types")];
                pipelines.push(sampling::random_order(&registry, &mut random));
                for pipeline in pipelines {
                    let mut spec = cell(source, "entry", warmup, args);
                    spec.pipeline = pipeline;
                    spec.options.verify_each = true;
                    if let Err(e) = run_cell(&spec) {
                        panic!("{source} under {:?}, warm-up {warmup:?}, arguments {args:?}: {e}", spec.pipeline);
                    }
                }
            }
        }
    }
}

#[test]
fn functions_with_captured_slots_return_without_leaving() {
    let source = "func entry(n) { s := 0 add := func(k) { s = s + k } for i := 0; i < n; i++ { add(i) } return s }";
    for pipeline in subsets() {
        let mut spec = cell(source, "entry", &ints(&[5]), &ints(&[10]));
        spec.pipeline = pipeline;
        let report = run_cell(&spec).expect("right");
        assert_eq!(report.result, ["45"]);
        assert_eq!(report.exit_count(), 0, "{:?}", report.exits);
        assert_eq!(report.host_calls.get("close"), Some(&1));
    }
}
