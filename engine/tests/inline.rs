//! Inlined calls: the callee redefined at any time, exits at any depth, errors and their traces, the depth limit.

mod common;

use common::{cell, ints, passes};
use gscript::random::Random;
use gsx_engine::exec::exec_captured;
use gsx_engine::fuzzing::{Choices, random_program};
use gsx_engine::{Arg, CellError, Engine, ExecSpec, Limits, UnitKind, run_cell};
use gsx_passes::{Pipeline, Registry, RemarkKind};

/// Pass sets with `inline` in them: alone, with what profits from it, all.
const SETS: [&str; 5] = ["inline", "inline,pin,const-prop,dse", "inline,frames,calls", "inline,dse,calls", "all"];

/// Orders in which `inline` comes late.
const ORDERS: [&str; 3] = ["acc-pin,inline,dse", "dse,inline,const-prop", "arg-trace,const-prop,inline,acc-pin,dse"];

struct Case {
    name: &'static str,
    source: &'static str,
    warmup: Vec<Arg>,
    args: Vec<Arg>,
    result: &'static str,
    /// Is something inlined where `entry` comes first?
    inlined: bool,
}

fn cases() -> Vec<Case> {
    let case = |name, source, warmup: &[i64], args: &[i64], result| Case {
        name,
        source,
        warmup: ints(warmup),
        args: ints(args),
        result,
        inlined: true,
    };
    let mut all = vec![
        case(
            "callee redefined before the loop",
            "func add(a, b) { return a + b }
             func entry(k) { if k == 1 { add = func(a, b) { return 100 } } x := 0 for i := 0; i < 10; i++ { x = add(x, i) } return x }",
            &[0],
            &[1],
            "100",
        ),
        case(
            "callee redefined in the loop",
            "func add(a, b) { return a + b } func old(a, b) { return a + b }
             func entry(k) { add = old x := 0 for i := 0; i < 10; i++ { x = add(x, i) if i == k { add = func(a, b) { return a - b } } } return x }",
            &[20],
            &[5],
            "-15",
        ),
        case(
            "callee redefined by a call in the loop",
            "func add(a, b) { return a + b } func old(a, b) { return a + b }
             func change(i, k) { if i == k { add = func(a, b) { return a - b } } }
             func entry(k) { add = old x := 0 for i := 0; i < 10; i++ { x = add(x, i) change(i, k) } return x }",
            &[20],
            &[5],
            "-15",
        ),
        case(
            "callee redefined behind the loop",
            "func add(a, b) { return a + b } func old(a, b) { return a + b }
             func entry(k) { add = old x := 0 for i := 0; i < 10; i++ { x = add(x, i) } if k == 1 { add = nil } return x }",
            &[0],
            &[1],
            "45",
        ),
        case(
            "callee redefined while its arguments are computed",
            "func add(a, b) { return a + b } func old(a, b) { return a + b }
             func swap(k) { if k == 1 { add = func(a, b) { return 1000 } } return k }
             func entry(k) { add = old x := add(swap(k), 1) return x, add(k, 1) }",
            &[0],
            &[1],
            "2, 1000",
        ),
        case(
            "types change in the inlined body",
            "func half(a) { return a / 2 + 1 } func add(a, b) { return a + b }
             func entry(k) { x := 0 for i := 0; i < 6; i++ { y := i if k == 1 && i > 2 { y = 0.5 } x = add(x, y) } return x, k }",
            &[0],
            &[1],
            "4.5, 1",
        ),
        case(
            "types change two calls deep",
            "func inner(a, b) { c := a + b return c * 2 } func outer(a, b) { d := inner(a, 1) return d + b }
             func entry(k) { x := 0 for i := 0; i < 6; i++ { y := i if k == 1 && i > 2 { y = i + 0.25 } x = x + outer(y, i) x = x - i } return x, k }",
            &[0],
            &[1],
            "43.5, 1",
        ),
        case(
            "several returns",
            "func sign(n) { if n < 0 { return -1 } if n == 0 { return 0 } return 1 }
             func entry(n) { s := 0 for i := -n; i < n + 2; i++ { s = s * 2 + sign(i) } return s }",
            &[3],
            &[4],
            "-929",
        ),
        case(
            "returns of several types",
            "func pick(n) { if n < 3 { return n } if n < 5 { return n + 0.5 } if n < 6 { return \"s\" } }
             func entry(n) { s := \"\" for i := 0; i < n; i++ { v := pick(i) s = s .. tostring(v) .. \" \" } return s }",
            &[2],
            &[8],
            "0 1 2 3.5 4.5 s nil nil ",
        ),
        case(
            "several results, missing ones nil",
            "func two(a) { return a, a + 1 } func none() {}
             func entry(n) { a, b, c := two(n) d := none() e, f := none(), two(n) none(two(n)) return a, b, c, d, e, f }",
            &[1],
            &[5],
            "5, 6, nil, nil, nil, 5",
        ),
        case(
            "missing and extra arguments",
            "func f(a, b, c) { if c == nil { return a } return c }
             func entry(n) { s := 0 for i := 0; i < n; i++ { s = s + f(n) + f(1, 2, n, 4) + f(n, 5) } return s }",
            &[3],
            &[7],
            "147",
        ),
        case(
            "callee with loops",
            "func sum(n) { s := 0 for i := 0; i < n; i++ { s = s + i } return s }
             func entry(n) { t := 0 for i := 0; i < n; i++ { t = t + sum(i) } return t }",
            &[6],
            &[12],
            "220",
        ),
        case(
            "callee with a loop that leaves",
            "func sum(n, d) { s := 0 for i := 0; i < n; i++ { s = s + d if i == 4 { d = 0.5 } } return s }
             func entry(n) { t := 0 for i := 0; i < n; i++ { t = t + sum(i, 1) } return t }",
            &[4],
            &[9],
            "33.0",
        ),
        case(
            "a chain of calls passed on",
            "func c(n) { if n % 2 == 0 { return n } return n, n } func b(n) { return c(n + 1) } func a(n) { return b(n * 2) }
             func entry(n) { x, y := a(n) p, q := b(n) return x, y, p, q }",
            &[1],
            &[4],
            "9, 9, 5, 5",
        ),
        case(
            "open results inside an inlined body",
            "func some(n) { if n % 2 == 0 { return 1, 2 } return 3 } func pass(n) { return some(n) } func outer(n) { a, b := pass(n) if b == nil { return a } return a + b * 10 }
             func entry(n) { s := 0 for i := 1; i < n; i += 2 { s = s + outer(i) } return s + outer(n) }",
            &[1],
            &[4],
            "27",
        ),
        case(
            "a call as argument of another",
            "func add(a, b) { return a + b } func mul(a, b) { return a * b }
             func entry(n) { s := 0 for i := 0; i < n; i++ { s = add(s, mul(add(i, 1), add(1, i))) } return s }",
            &[3],
            &[5],
            "55",
        ),
        case(
            "inlined bodies that call and use the runtime",
            "func helper(t, i) { t.n = t.n + i if t[i] == nil { t[i] = t.n } return #t } func work(t, i) { return helper(t, i) + t.n }
             func entry(n) { t := {n: 0} s := 0 for i := 1; i <= n; i++ { s = s + work(t, i) } return s, t.n }",
            &[2],
            &[6],
            "77, 21",
        ),
        case(
            "an inlined body that calls back",
            "func even(n) { if n == 0 { return true } return odd(n - 1) } func odd(n) { if n == 0 { return false } return even(n - 1) }
             func entry(n) { s := 0 for i := 0; i < n; i++ { if even(i) { s = s + i } } return s }",
            &[4],
            &[9],
            "20",
        ),
        case(
            "comparison in the runtime, inlined",
            "func less(a, b) { return a < b } func max(a, b) { if less(a, b) { return b } return a }
             func entry(n) { m := \"\" s := {\"b\", \"c\", \"a\"} for i := 1; i <= 3; i++ { m = max(m, s[i]) } k := 0 for i := 0; i < n; i++ { k = max(k, i) } return m, k }",
            &[2],
            &[5],
            "c, 4",
        ),
        case(
            "recursion into a function with inlined calls",
            "func add(a, b) { return a + b } func entry(n) { if n < 2 { return n } return add(entry(n - 1), entry(n - 2)) }",
            &[6],
            &[14],
            "377",
        ),
        case(
            "caller's captured variable around an inlined call",
            "func add(a, b) { return a + b }
             func entry(n) { s := 0 bump := func() { s = s + 1 } for i := 0; i < n; i++ { s = add(s, i) bump() } return s }",
            &[3],
            &[6],
            "21",
        ),
    ];
    all.push(Case {
        inlined: false,
        ..case(
            "recursive callee",
            "func f(n) { if n < 1 { return 0 } return n + f(n - 1) } func entry(n) { s := 0 for i := 0; i < n; i++ { s = s + f(i) } return s }",
            &[3],
            &[6],
            "35",
        )
    });
    all
}

#[test]
fn inlined_calls_give_the_interpreters_result_at_every_exit() {
    for c in cases() {
        for set in SETS {
            let mut spec = cell(c.source, "entry", &c.warmup, &c.args);
            spec.expected = Some([c.result.into(), c.result.into()]);
            spec.pipeline = passes(set);
            spec.options.verify_each = true;
            let report = run_cell(&spec).unwrap_or_else(|e| panic!("{} under {set}: {e}", c.name));
            let applied = report.remarks.iter().any(|r| {
                r.pass == "inline"
                    && r.kind == RemarkKind::Applied
                    && r.function == "entry"
                    && r.text.contains(" inlined")
            });
            assert_eq!(applied, c.inlined, "{}: {:?}", c.name, report.remarks);
        }
        for order in ORDERS {
            let mut spec = cell(c.source, "entry", &c.warmup, &c.args);
            spec.expected = Some([c.result.into(), c.result.into()]);
            spec.pipeline = Pipeline::explicit(&Registry::default(), order).expect("known passes");
            spec.options.verify_each = true;
            run_cell(&spec).unwrap_or_else(|e| panic!("{} with the pipeline {order}: {e}", c.name));
        }
        // The exits that no input takes, on the arguments that the profile has not seen.
        let mut spec = cell(c.source, "entry", &c.args, &c.args);
        spec.pipeline = passes("all");
        spec.options.verify_each = true;
        run_cell(&spec).unwrap_or_else(|e| panic!("{} warmed up with the arguments: {e}", c.name));
    }
}

#[test]
fn a_loop_around_an_inlined_call_has_no_guard_and_no_memory_access() {
    let source = "func add(a, b) { return a + b }
                  func entry(n) { x := 0 for i := 0; i < 1000; i++ { x = add(x, 1) } return x }";
    let mut spec = cell(source, "entry", &ints(&[1]), &ints(&[1]));
    spec.pipeline = passes("inline,pin,const-prop,dse");
    let report = run_cell(&spec).expect("right");
    assert_eq!(report.exit_count(), 0);
    assert!(report.counters.loads < 20 && report.counters.stores < 20, "{:?}", report.counters);
    assert!(report.counters.instructions < 5_100, "{:?}", report.counters);
}

/// The same program, compiled from its third call on and interpreted.
fn outcomes(source: &str, set: &str) -> [String; 2] {
    [Engine::Sim, Engine::Interp].map(|engine| {
        let spec = ExecSpec {
            program: cell(source, "", &[], &[]).program,
            engine,
            pipeline: passes(set),
            hot_calls: 3,
            hot_loops: 2,
            unit: UnitKind::Method,
            limits: Limits { heap_bytes: 64 << 20, ..Limits::default() },
            gc_stress: 0,
        };
        match exec_captured(&spec) {
            Ok((_, output)) => String::from_utf8_lossy(&output).into_owned(),
            Err(CellError::Program(e)) => format!("{}\n{:?}", e.message, e.trace),
            Err(e) => panic!("{set}: {e}\n{source}"),
        }
    })
}

#[test]
fn errors_in_inlined_code_read_like_the_interpreters() {
    for body in [
        // An operation of the inlined body, one level and two levels deep.
        "func f(n) { return n + 1 }\nfunc g(n) {\n return f(n) + 1 }\nfunc h(n) { return g(n) + 1 }",
        // A runtime operation.
        "func f(t) { if type(t) == \"number\" { t = {} } return t.x }\nfunc g(n) {\n f(n) return 1 }\nfunc h(n) { return g(n) }",
        "func f(n) { return {} .. n }\nfunc k(n) { if type(n) == \"table\" { f(n) } return 1 }\nfunc g(n) { return k(n) }\nfunc h(n) { return g(n) }",
        // A comparison in the runtime.
        "func f(a, b) { return a < b }\nfunc g(n) {\n return f(n, 1) }\nfunc h(n) { return g(n) }",
        // Builtins, and levels that point outwards.
        "func f(n) { if type(n) == \"table\" { error(\"boom\") } return 1 }\nfunc g(n) { return f(n) + 1 }\nfunc h(n) { return g(n) }",
        "func f(n) { if type(n) == \"table\" { error(\"boom\", 2) } return 1 }\nfunc g(n) {\n return f(n) + 1 }\nfunc h(n) { return g(n) }",
        "func f(n) { if type(n) == \"table\" { error(\"boom\", 3) } return 1 }\nfunc g(n) { return f(n) + 1 }\nfunc h(n) {\n return g(n) }",
        // Interpreted and compiled functions called from inlined code.
        "func v(...) { return select(1, ...) + 1 }\nfunc f(n) {\n return v(n) }\nfunc g(n) { return f(n) + 1 }\nfunc h(n) { return g(n) }",
        "func r(n, d) { if d < 1 { return n + 1 } return r(n, d - 1) }\nfunc f(n) { return r(n, 3) }\nfunc g(n) {\n return f(n) + 1 }\nfunc h(n) { return g(n) }",
        // A callee that is none.
        "func f(n) { return tostring(n) }\nfunc g(n) { if type(n) == \"table\" { tostring = 5 } return f(n) }\nfunc h(n) { return g(n) }",
    ] {
        for set in SETS {
            for end in ["h({})", "print(pcall(h, {}))", "x := pcall(g, {})\ng({})"] {
                let source = format!("{body}\nfor i := 0; i < 20; i++ {{ h(i) }}\n{end}");
                let [compiled, interpreted] = outcomes(&source, set);
                assert_eq!(compiled, interpreted, "under {set}:\n{source}");
            }
        }
    }
}

#[test]
fn the_depth_limit_is_where_the_interpreter_has_it() {
    // The deepest frame is an inlined one, or one that inlined code calls; at every distance from the limit.
    for k in 0..4 {
        let source = format!(
            "depth := 0
             func c(n) {{ depth = depth + 1 return n }}
             func b(n) {{ return c(n) + 1 }}
             func a(n) {{ return b(n) + 1 }}
             func down(n, k) {{ if n > 0 {{ return down(n - 1, k) + 1 }} return a(n) }}
             func step(n, k) {{ return down(n, k) }}
             func back(n) {{ depth = n return mid(n + 1) + 1 }}
             func mid(n) {{ return back(n) }}
             for i := 0; i < 20; i++ {{ step(i, 0) pcall(mid, 99900) }}
             for n := {}; n < {}; n++ {{ depth = 0 print(n, pcall(step, n, {k})) print(depth) }}
             print(pcall(mid, 0)) print(depth)
             print(pcall(back, 0)) print(depth)",
            99_988 + k * 3,
            99_991 + k * 3
        );
        for set in ["inline", "inline,pin,const-prop,dse", "all"] {
            let [compiled, interpreted] = outcomes(&source, set);
            assert_eq!(compiled, interpreted, "under {set}");
        }
    }
}

/// How many programs; more with `GSX_FUZZ=10000`.
fn programs() -> u64 {
    std::env::var("GSX_FUZZ").ok().and_then(|n| n.parse().ok()).unwrap_or(60)
}

#[test]
fn random_programs_with_inlined_calls_agree_with_the_interpreter() {
    let mut inlined = 0;
    for seed in 0..programs() {
        let source = random_program(&mut Choices::from_seed(seed));
        let mut random = Random::new(seed ^ 0x1_211e);
        let mut argument = || Arg::Int(random.below(12) as i64 - 2);
        let (warmup, args) = ([argument(), argument()], [argument(), argument()]);
        let mut spec = cell(&source, "entry", &warmup, &args);
        spec.limits.steps = 100_000;
        spec.pipeline = passes(SETS[seed as usize % SETS.len()]);
        spec.options.verify_each = seed % 4 == 0;
        match run_cell(&spec) {
            Ok(report) => {
                let applied = |r: &&gsx_passes::Remark| r.pass == "inline" && r.kind == RemarkKind::Applied;
                inlined += u64::from(report.remarks.iter().any(|r| applied(&r)));
            }
            Err(CellError::Limit(_)) => {}
            Err(e) => {
                panic!("seed {seed}, passes {:?}, warm-up {warmup:?}, arguments {args:?}: {e}\n{source}", spec.pipeline)
            }
        }
    }
    assert!(inlined > programs() / 4, "only {inlined} programs had something inlined");
}
