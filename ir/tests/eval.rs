//! The evaluator against the interpreter: whole programs with graphs in place of their hot functions, and every side
//! exit taken once, whether or not an input takes it.

mod common;

use common::{Seen, call, compile, fresh, profile, run_graphs, units};
use gscript::bytecode::ProtoId;
use gscript::error::{ErrorKind, RuntimeError};
use gscript::interp::Vm;
use gscript::jit::{Jit, NoJit, Results};
use gscript::layout::MAX_DEPTH;
use gscript::value::Value;
use gsx_ir::eval::{EvalError, EvalOptions, evaluate};
use gsx_ir::parse::parse_unit;
use gsx_ir::text::unit_to_string;
use gsx_ir::{Op, Unit};

/// Most side exits that one program is made to take; of more, a spread is taken.
const MAX_FORCED: u64 = 300;

/// Runs `entry(args)` after a warm-up with `warmup`: the graphs must do what the interpreter does, with every exit forced
/// in turn. Returns the number of exits taken without force.
fn check(text: &str, entry: &str, warmup: &[Value], args: &[Value]) -> u64 {
    let program = compile(text);
    let expected = call(&mut fresh(&program, false), &mut NoJit, entry, args);
    let profile = profile(&program, entry, warmup);
    let plain = run_graphs(&program, &profile, entry, args, None);
    assert!(plain.error.is_none(), "{:?}", plain.error);
    assert_eq!(plain.seen, expected, "without forced exits");
    assert!(plain.points > 0, "nothing was evaluated");
    let stride = plain.points.div_ceil(MAX_FORCED).max(1);
    for k in (0..plain.points).step_by(stride as usize) {
        let forced = run_graphs(&program, &profile, entry, args, Some(k));
        assert!(forced.error.is_none(), "exit {k} forced: {:?}", forced.error);
        assert_eq!(forced.seen, expected, "exit {k} forced");
        assert!(forced.exits > 0, "exit {k} was not taken");
    }
    plain.exits
}

fn int(n: i64) -> Value {
    Value::int(n)
}

#[test]
fn fib() {
    let text = "func fib(n) { if n < 2 { return n } return fib(n-1) + fib(n-2) }";
    assert_eq!(check(text, "fib", &[int(6)], &[int(7)]), 0);
    // Other types than the profile saw.
    assert!(check(text, "fib", &[int(6)], &[Value::float(6.5)]) > 0);
}

#[test]
fn ackermann() {
    let text = "func ack(m, n) {
        if m == 0 { return n + 1 }
        if n == 0 { return ack(m - 1, 1) }
        return ack(m - 1, ack(m, n - 1))
    }";
    check(text, "ack", &[int(2), int(2)], &[int(2), int(3)]);
}

#[test]
fn call_many() {
    let text = "func add(a, b) { return a + b }
    func callMany(n) { x := 0; for i := 0; i < n; i++ { x = add(x, 1) } return x }";
    assert_eq!(check(text, "callMany", &[int(10)], &[int(25)]), 0);
}

#[test]
fn a_redefined_callee() {
    let text = "func add(a, b) { return a + b }
    func f(n) {
        x := 0
        for i := 0; i < n; i++ {
            if i == 5 { add = func(a, b) { return a * 10.5 + b } }
            x = add(x, 1)
        }
        return x
    }
    func again(n) { if n == 2 { again = func(n) { return n * 1000 } } if n == 0 { return 0 } return again(n-1) + n }";
    check(text, "f", &[int(3)], &[int(10)]);
    check(text, "again", &[int(1)], &[int(6)]);
}

#[test]
fn floats() {
    let text = "func mandel(n) {
        inside := 0
        for y := 0; y < n; y++ {
            for x := 0; x < n; x++ {
                cr := 2.0 * x / n - 1.5
                ci := 2.0 * y / n - 1.0
                zr := 0.0
                zi := 0.0
                escaped := false
                for k := 0; k < 8; k++ {
                    t := zr * zr - zi * zi + cr
                    zi = 2.0 * zr * zi + ci
                    zr = t
                    if zr * zr + zi * zi > 4.0 { escaped = true; break }
                }
                if !escaped { inside++ }
            }
        }
        return inside, -inside / 3
    }
    func half(x) { return -x / 2 }
    func sum(n) { s := 0.5; for x := 0.0; x < n; x += 1 { s = s + half(x) } return s }";
    check(text, "mandel", &[int(3)], &[int(4)]);
    check(text, "sum", &[Value::float(3.5)], &[Value::float(6.5)]);
}

#[test]
fn comparisons_of_all_kinds() {
    let text = r#"func cmp(a, b) { return a < b, a <= b, a > b, a >= b, a == b, a != b }
    func all() {
        print(cmp(1, 2), cmp(2, 1), cmp(2, 2))
        print(cmp(1, 2.5), cmp(2.5, 1), cmp(9007199254740993, 9007199254740992.0))
        print(cmp("a", "b"), cmp("b", "b"))
        nan := 0.0 / 0
        print(cmp(nan, 1), cmp(1.5, nan), cmp(nan, nan))
    }"#;
    check(text, "all", &[], &[]);
    let ints = "func f(n) { c := 0; for i := 0; i < n; i++ { if i <= 3 { c++ } if 2 == i { c += 10 } if i != 4 { c += 100 } } return c }";
    check(ints, "f", &[int(3)], &[int(8)]);
}

#[test]
fn tables_strings_and_library() {
    let text = r##"func sieve(n) {
        flags := {}
        for i := 2; i <= n; i++ { flags[i] = true }
        count := 0
        for i := 2; i <= n; i++ {
            if flags[i] {
                count++
                for j := i * i; j <= n; j += i { flags[j] = false }
            }
        }
        t := {a: 1, b: {c: 2}, 10, 20, count}
        t.b.c = t.b.c + #t
        s := "n" .. count .. ":" .. t.b.c % 3 .. "," .. 2 ** 3
        for i, v := range ipairs(t) { s = s .. i .. "=" .. v .. ";" }
        return s, #s
    }"##;
    check(text, "sieve", &[int(10)], &[int(12)]);
}

#[test]
fn closures_and_upvalues() {
    let text = "func counter(start) {
        n := start
        step := func() { n = n + 1; return n }
        n = n + 10
        a := step()
        return a + n, step
    }
    func f(k) {
        total := 0
        add := func(x) { total = total + x }
        for i := 0; i < k; i++ {
            a, step := counter(i)
            add(a)
            add(step())
        }
        return total
    }";
    check(text, "f", &[int(3)], &[int(5)]);
}

#[test]
fn open_calls_and_counts_of_results() {
    let text = "func two(x) { if x > 3 { return x } return x, x + 1 }
    func none() { }
    func sum(a, b, c) { if b == nil { return a } if c == nil { return a + b } return a + b + c }
    func pass(x) { return two(x) }
    func f(n) {
        s := 0
        for i := 0; i < n; i++ {
            s = s + sum(two(i)) + sum(i, two(i))
            a, b, c := pass(i)
            d := none()
            if b == nil { s = s + 1000 }
            if c == nil && d == nil { s = s + a }
        }
        return s, two(n)
    }";
    check(text, "f", &[int(3)], &[int(3)]);
    check(text, "f", &[int(3)], &[int(6)]);
}

#[test]
fn logic() {
    let text = "func f(a, b, n) {
        x := a && b
        y := a || b
        z := !a
        for i := 0; i < n; i++ { if (x || i > 2) && !z { n = n - 1 } else { y = nil } }
        return x, y, z, n
    }
    func all() { print(f(1, false, 6)); print(f(nil, 2, 3)); print(f(true, true, 9)); print(f(false, nil, 1)) }";
    check(text, "all", &[], &[]);
}

#[test]
fn errors_are_the_programs_own() {
    let text = r#"func inner(t, i) { if i == 4 { return t.x.y } return i }
    func f(n) { s := 0; for i := 0; i < n; i++ { s = s + inner({}, i) } return s }
    func guarded(n) { ok, e := pcall(f, n); print(ok, e); return ok }"#;
    check(text, "f", &[int(3)], &[int(6)]);
    check(text, "guarded", &[int(3)], &[int(6)]);
}

#[test]
fn a_hundred_thousand_frames() {
    let text = "func down(n) { if n == 0 { return 0 } return down(n - 1) + 1 }";
    let program = compile(text);
    let profile = profile(&program, "down", &[int(5)]);
    for n in [90_000, MAX_DEPTH as i64 + 5] {
        let expected = call(&mut fresh(&program, false), &mut NoJit, "down", &[int(n)]);
        let found = run_graphs(&program, &profile, "down", &[int(n)], None);
        assert!(found.error.is_none(), "{:?}", found.error);
        assert_eq!(found.seen, expected);
    }
}

/// Calls [`evaluate`] itself, and counts.
struct Direct {
    unit: Unit,
    options: EvalOptions,
    last: Option<Result<(u64, u64, u64), String>>,
}

impl Jit for Direct {
    fn invoke(&mut self, vm: &mut Vm, proto: ProtoId, base: u64) -> Result<Option<Results>, RuntimeError> {
        if proto != self.unit.proto {
            return Ok(None);
        }
        let (unit, options) = (self.unit.clone(), self.options);
        match evaluate(&unit, vm, self, base, &options) {
            Ok(o) => {
                self.last = Some(Ok((o.exits, o.guards_executed, o.ops_executed)));
                Ok(Some(o.results))
            }
            Err(EvalError::Runtime(e)) => Err(e),
            Err(e) => {
                let message = e.to_string();
                self.last = Some(Err(message.clone()));
                Err(RuntimeError { kind: ErrorKind::Fault, message, value: Value::NIL, trace: Vec::new() })
            }
        }
    }
    fn hot(&mut self, _: &mut Vm, _: ProtoId) {}
}

fn direct(
    text: &str,
    entry: &str,
    args: &[Value],
    options: EvalOptions,
    edit: impl Fn(&str) -> String,
) -> (Seen, Direct) {
    let program = compile(text);
    let profile = profile(&program, entry, args);
    let mut vm = fresh(&program, false);
    let proto = program.protos.iter().find(|p| p.name == entry).map_or(ProtoId::MAIN, |p| p.id);
    let unit = units(&program, &profile, &mut vm).remove(&proto).expect("the entry can be built");
    let edited = edit(&unit_to_string(&unit));
    let unit = parse_unit(&edited, &program).unwrap_or_else(|e| panic!("{e}\n{edited}"));
    vm.set_compiled(proto, 0);
    let mut jit = Direct { unit, options, last: None };
    let seen = call(&mut vm, &mut jit, entry, args);
    (seen, jit)
}

const TRIANGLE: &str = "func tri(n) { if n == 0 { return 0 } return tri(n - 1) + n }";

#[test]
fn counts_and_budget() {
    let (seen, jit) = direct(TRIANGLE, "tri", &[int(4)], EvalOptions::default(), str::to_owned);
    assert_eq!(seen.results, Ok(vec!["10".to_owned()]));
    let Some(Ok((exits, guards, ops))) = jit.last else { panic!("{:?}", jit.last) };
    assert_eq!(exits, 0);
    let per_call = jit.unit.graph.live_snapshots().len() as u64;
    assert!(guards > 4 && guards <= 5 * per_call, "{guards}");
    assert!(ops > guards);
    // One operation less than it takes.
    let options = EvalOptions { budget: ops - 1, ..EvalOptions::default() };
    let (_, jit) = direct(TRIANGLE, "tri", &[int(4)], options, str::to_owned);
    assert_eq!(jit.last, Some(Err("the evaluator's budget ran out".to_owned())));
    let options = EvalOptions { force_exit: Some(guards - 1), ..EvalOptions::default() };
    let (seen, jit) = direct(TRIANGLE, "tri", &[int(4)], options, str::to_owned);
    assert_eq!(seen.results, Ok(vec!["10".to_owned()]));
    assert!(matches!(jit.last, Some(Ok((1, _, _)))), "{:?}", jit.last);
}

#[test]
fn wrong_graphs_are_noticed() {
    let wrong = |from: &'static str, to: &'static str| {
        let edit = move |text: &str| {
            assert!(text.contains(from), "{from} is not in\n{text}");
            text.replacen(from, to, 1)
        };
        let (_, jit) = direct(TRIANGLE, "tri", &[int(4)], EvalOptions::default(), edit);
        match jit.last {
            Some(Err(e)) => e,
            other => panic!("{from} -> {to} was not noticed: {other:?}"),
        }
    };
    assert!(wrong("unbox.int", "unbox.float").contains("wrong graph of tri at"));
    let float_load = wrong("slot.load.boxed 0", "slot.load.float 0");
    assert!(float_load.contains("slot 0 holds a int, its payload is loaded as float"), "{float_load}");
    let early = wrong("b1:", "b1:\n v90: slot.store 1, v91\n v91 = slot.load.boxed 0");
    assert!(early.contains("uses v91 before it is computed"), "{early}");
}

#[test]
fn every_operation_of_the_profiled_shapes_occurs() {
    let program = compile(TRIANGLE);
    let profile = profile(&program, "tri", &[int(4)]);
    let mut vm = fresh(&program, false);
    let units = units(&program, &profile, &mut vm);
    let ops: Vec<Op> = units
        .values()
        .flat_map(|u| (0..u.graph.node_count()).map(|i| u.graph.node(gsx_ir::NodeId(i as u32)).op))
        .collect();
    assert!(ops.iter().any(|o| matches!(o, Op::Call { .. })) && ops.contains(&Op::IAdd) && ops.contains(&Op::Callee));
}
