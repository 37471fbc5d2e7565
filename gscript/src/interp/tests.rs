use super::*;
use crate::bytecode::Source;
use crate::jit::{NoJit, Results, ResumeFrame};
use crate::profile::{CallTarget, ResultCount};
use crate::value::Tag;

pub(super) fn vm_with(text: &str, options: VmOptions) -> Vm {
    let source = Source { name: "test.gs".into(), text: text.into() };
    let program = crate::compiler::compile(Arc::new(source)).unwrap_or_else(|e| panic!("{e:?}"));
    Vm::new(Arc::new(program), options).unwrap()
}

fn vm(text: &str) -> Vm {
    let mut vm = vm_with(text, VmOptions::default());
    vm.run_main(&mut NoJit).unwrap_or_else(|e| panic!("{e:?}"));
    vm
}

fn call(vm: &mut Vm, name: &str, args: &[Value]) -> Result<Vec<Value>, RuntimeError> {
    let f = vm.global(name).unwrap();
    vm.call(&mut NoJit, f, args)
}

fn is_send<T: Send>() {}

#[test]
fn a_vm_can_move_between_threads() {
    is_send::<Vm>();
    let mut vm = vm("func f(x) { return x + 1 }");
    let r = std::thread::spawn(move || call(&mut vm, "f", &[Value::int(1)]).unwrap()).join().unwrap();
    assert_eq!(r, [Value::int(2)]);
}

#[test]
fn functions_can_be_called_from_outside() {
    let mut vm = vm("n := 0\nfunc f(a, b) { n = n + 1; return b, a, n }\nfunc fail() { error(\"no\") }");
    assert_eq!(call(&mut vm, "f", &[Value::int(1)]).unwrap(), [Value::NIL, Value::int(1), Value::int(1)]);
    let e = call(&mut vm, "fail", &[]).unwrap_err();
    assert_eq!(e.message, "test.gs:3:15: no");
    assert_eq!(vm.display(e.value), "test.gs:3:15: no");
    assert_eq!(e.trace, ["fail at test.gs:3:15"]);
    assert_eq!(call(&mut vm, "f", &[]).unwrap()[2], Value::int(2));
    assert!(vm.global("nobody").is_none());
    let e = vm.call(&mut NoJit, Value::int(3), &[]).unwrap_err();
    assert_eq!(e.message, "attempt to call a number value");
}

#[test]
fn the_depth_limit_is_exact() {
    let mut vm = vm("func deep(n) { if n == 1 { return 1 }\nreturn 1 + deep(n - 1) }");
    let limit = layout::MAX_DEPTH as i64;
    assert_eq!(call(&mut vm, "deep", &[Value::int(limit)]).unwrap(), [Value::int(limit)]);
    let e = call(&mut vm, "deep", &[Value::int(limit + 1)]).unwrap_err();
    assert_eq!(e.message, "test.gs:2:12: stack overflow (max call depth 100000)");
    assert_eq!(e.trace.len(), 21);
    assert_eq!(call(&mut vm, "deep", &[Value::int(limit)]).unwrap(), [Value::int(limit)]);
}

#[test]
fn budgets_stop_loops_and_recursion() {
    for text in [
        "for { }",
        "func f() { return f() }\nf()",
        "for { pcall(func() { for { } }) }",
        "x := 0\nfor i := 0; i < 1000000; i++ { x = i }",
    ] {
        let mut vm = vm_with(text, VmOptions { step_budget: 1000, ..VmOptions::default() });
        let e = vm.run_main(&mut NoJit).unwrap_err();
        assert_eq!(e.kind, ErrorKind::Budget, "{text}");
        assert_eq!(vm.stats().steps, 1000);
    }
    let mut vm = vm_with("for i := 0; i < 100; i++ { }", VmOptions { step_budget: 0, ..VmOptions::default() });
    assert!(vm.run_main(&mut NoJit).is_err());
    vm.set_step_budget(u64::MAX);
    assert!(vm.run_main(&mut NoJit).is_ok());
}

#[test]
fn profiles_tell_types_targets_and_counts() {
    let text = "func add(a, b) { return a + b }
func loop(n) { s := 0
for i := 0; i < n; i++ { s = add(s, i) }
return s }
func two() { return 1, 2 }
t := {x: 1.5}
loop(10); add(1.5, 2); x, y := two(); z := t.x; print(z)";
    let mut vm = vm_with(text, VmOptions { profile: true, ..VmOptions::default() });
    vm.run_main(&mut NoJit).unwrap();
    let program = vm.program().clone();
    let profile = vm.take_profile();
    let by_name = |name: &str| {
        let p = program.protos.iter().find(|p| p.name == name).unwrap();
        (p, &profile.protos[p.id.index()])
    };
    let (p, add) = by_name("add");
    assert_eq!(add.calls, 11);
    assert!(add.params[0].contains(Tag::Int) && add.params[0].contains(Tag::Float));
    assert_eq!(add.params[1].single(), Some(Tag::Int));
    let pc = p.code.iter().position(|i| i.op == crate::bytecode::Op::Add).unwrap();
    assert_eq!((add.sites[pc].count, add.sites[pc].rhs.single()), (11, Some(Tag::Int)));
    let (p, looped) = by_name("loop");
    assert_eq!(looped.back_edges, 9);
    let pc = p.code.iter().position(|i| i.op == crate::bytecode::Op::Call).unwrap();
    let site = looped.sites[pc];
    let target = CallTarget::Proto(by_name("add").0.id);
    assert_eq!((site.count, site.target, site.results), (10, target, ResultCount::Exactly(1)));
    assert_eq!(site.result.single(), Some(Tag::Int));
    let (p, main) = by_name("main");
    let results: Vec<ResultCount> = p
        .code
        .iter()
        .zip(&main.sites)
        .filter(|(i, _)| i.op == crate::bytecode::Op::Call)
        .map(|(_, s)| s.results)
        .collect();
    assert!(results.contains(&ResultCount::Exactly(2)) && results.contains(&ResultCount::Exactly(0)));
    let field = p.code.iter().position(|i| i.op == crate::bytecode::Op::GetField).unwrap();
    assert_eq!(main.sites[field].result.single(), Some(Tag::Float));
    assert_eq!(vm.profile().protos[0].calls, 0);
}

#[test]
fn records_and_constants_are_where_compiled_code_looks() {
    let mut vm = vm_with("func f(a, b) { return \"text\", 1.5 }\nprint(f)", VmOptions::default());
    let f = vm.program().protos.iter().find(|p| p.name == "f").unwrap().clone();
    let record = vm.func_record(f.id);
    assert_eq!(vm.heap().read_u32(record + layout::FUNC_NPARAMS), 2);
    assert_eq!(vm.heap().read_u32(record + layout::FUNC_PROTO), f.id.0);
    vm.set_default_code(0x42);
    vm.set_compiled(f.id, 0x77);
    assert_eq!(vm.heap().read_u64(record + layout::FUNC_CODE), 0x77);
    vm.set_default_code(0x43);
    assert_eq!(vm.heap().read_u64(record + layout::FUNC_CODE), 0x77);
    let print = vm.global("print").unwrap();
    let record = vm.heap().read_u64(print.bits + layout::CLOSURE_FUNC);
    assert_eq!(vm.heap().read_u64(record + layout::FUNC_CODE), 0x43);
    assert_eq!(vm.heap().read_u32(record + layout::FUNC_PROTO), u32::MAX);
    vm.clear_compiled(f.id);
    assert_eq!(vm.heap().read_u64(vm.func_record(f.id) + layout::FUNC_CODE), 0x43);
    let consts: Vec<Value> = (0..f.consts.len()).map(|k| vm.const_value(f.id, k)).collect();
    let texts: Vec<String> = consts.iter().map(|&v| vm.display(v)).collect();
    assert!(texts.contains(&"text".to_string()), "{texts:?}");
}

/// Counts what it is asked; runs everything through `resume`.
#[derive(Default)]
struct Counting {
    hot: Vec<ProtoId>,
    invoked: u32,
    deepest: u64,
}

impl Jit for Counting {
    fn invoke(&mut self, vm: &mut Vm, proto: ProtoId, base: u64) -> Result<Option<Results>, RuntimeError> {
        self.invoked += 1;
        self.deepest = self.deepest.max(vm.depth());
        let depth = vm.depth();
        let nested = vm.jit_levels;
        assert!(nested <= MAX_JIT_LEVELS);
        vm.resume(self, &[ResumeFrame { proto, base, pc: 0 }], depth).map(Some)
    }
    fn hot(&mut self, vm: &mut Vm, proto: ProtoId) {
        self.hot.push(proto);
        vm.set_compiled(proto, 1);
    }
}

#[test]
fn hot_functions_are_offered_once_and_then_invoked() {
    let text = "func f(n) { if n == 0 { return 0 }\nreturn 1 + f(n - 1) }\nprint(f(1000), f(99990))";
    let mut vm = vm_with(text, VmOptions { hot_calls: 5, ..VmOptions::default() });
    let mut jit = Counting::default();
    vm.run_main(&mut jit).unwrap();
    assert_eq!(vm.take_output(), b"1000\t99990\n");
    assert_eq!(jit.hot.len(), 1);
    assert!(jit.invoked >= 2 * (MAX_JIT_LEVELS - 1), "{}", jit.invoked);
    assert!(jit.deepest > 100);
    let text = "func f(n) { return 1 + f(n + 1) }\nprint(pcall(f, 1))";
    let mut vm = vm_with(text, VmOptions { hot_calls: 5, ..VmOptions::default() });
    vm.run_main(&mut Counting::default()).unwrap();
    assert_eq!(vm.take_output(), b"false\ttest.gs:1:24: stack overflow (max call depth 100000)\n");
}

#[test]
fn compiled_code_stays_out_of_coroutines() {
    let text = "func f(n) { coroutine.yield(n); return n }
co := coroutine.wrap(func() { for i := 0; i < 10; i++ { f(i) } })
s := 0
for i := 0; i < 10; i++ { s = s + co() }
print(s)";
    let mut vm = vm_with(text, VmOptions { hot_calls: 2, ..VmOptions::default() });
    let mut jit = Counting::default();
    vm.run_main(&mut jit).unwrap();
    assert_eq!((vm.take_output(), jit.invoked), (b"45\n".to_vec(), 0));
    assert_eq!(jit.hot.len(), 1);
}

#[test]
fn inlined_frames_can_be_rebuilt() {
    use crate::bytecode::Op;
    let mut vm = vm("func inner(x) { return x * 2 }\nfunc outer(a) { b := inner(a + 1)\nreturn b + 100 }");
    let program = vm.program().clone();
    let find = |name: &str| program.protos.iter().find(|p| p.name == name).unwrap();
    let (outer, inner) = (find("outer"), find("inner"));
    let call_pc = outer.code.iter().position(|i| i.op == Op::Call).unwrap();
    let slot_bytes = vm.heap().layout().slot_bytes();
    let base = vm.heap().stack().0 + vm.heap().layout().slot_bytes();
    let callee = base + vm.heap().layout().callee_distance(u64::from(outer.nregs));
    for (at, f) in [(base, "outer"), (callee, "inner")] {
        let f = vm.global(f).unwrap();
        vm.heap_mut().store(at - slot_bytes, f);
    }
    vm.heap_mut().store(callee, Value::int(21));
    let frames =
        [ResumeFrame { proto: outer.id, base, pc: call_pc }, ResumeFrame { proto: inner.id, base: callee, pc: 0 }];
    let r = vm.resume(&mut NoJit, &frames, 1).unwrap();
    assert_eq!((r.count, vm.heap().load(r.addr)), (1, Value::int(142)));
    // The inner frame would be one too many.
    let e = vm.resume(&mut NoJit, &frames, layout::MAX_DEPTH).unwrap_err();
    assert!(e.message.contains("stack overflow"), "{}", e.message);
}

#[test]
fn call_frame_calls_anything() {
    let text = "func v(a, ...) { return a, select(\"#\", ...) }
obj := setmetatable({}, {__call: func(self, x) { return x * 2 }})
p := pcall\nfunc bad() { error(\"e\") }\nfunc id(x) { return x }";
    let mut vm = vm(text);
    let slot_bytes = vm.heap().layout().slot_bytes();
    let base = vm.heap().stack().0 + 50 * vm.heap().layout().slot_bytes();
    let mut run = |name: &str, args: &[Value]| {
        let f = vm.global(name).unwrap();
        vm.heap_mut().store(base - slot_bytes, f);
        for (i, &v) in args.iter().enumerate() {
            vm.heap_mut().store(base + i as u64 * slot_bytes, v);
        }
        let r = vm.call_frame(&mut NoJit, base, args.len() as u64, 1);
        r.map(|r| {
            (0..r.count).map(|i| vm.heap().load(r.addr + i * vm.heap().layout().slot_bytes())).collect::<Vec<_>>()
        })
    };
    let int = Value::int;
    assert_eq!(run("id", &[int(5), int(6)]).unwrap(), [int(5)]);
    assert_eq!(run("v", &[int(1), int(2), int(3)]).unwrap(), [int(1), int(2)]);
    assert_eq!(run("obj", &[int(21)]).unwrap(), [int(42)]);
    assert_eq!(run("p", &[int(1)]).unwrap()[0], Value::bool(false));
    assert_eq!(run("bad", &[]).unwrap_err().message, "test.gs:4:14: e");
}

#[test]
fn output_is_captured_and_displayed() {
    let mut vm = vm("print(\"a\", 1, 2.0)\nt := {}");
    assert_eq!(vm.take_output(), b"a\t1\t2.0\n");
    assert_eq!(vm.take_output(), b"");
    let t = vm.global("t").unwrap();
    assert_eq!(vm.display(t), "table: 0x00000001");
    assert!(vm.equal_raw(Value::int(1), Value::float(1.0)));
}

#[test]
fn malformed_bytecode_is_refused() {
    let source = Source { name: "x".into(), text: "a := 1\nprint(a + 2)".into() };
    let good = crate::compiler::compile(Arc::new(source)).unwrap();
    for pc in 0..good.protos[0].code.len() {
        for field in 0..4 {
            let mut bad = good.clone();
            let inst = &mut bad.protos[0].code[pc];
            match field {
                0 => inst.a = 254,
                1 => inst.b = 254,
                2 => inst.c = 254,
                _ => inst.imm = 1 << 30,
            }
            // It is refused, or the operand does not matter and the program runs.
            if let Ok(mut vm) = Vm::new(Arc::new(bad), VmOptions { heap_limit: 1 << 22, ..VmOptions::default() }) {
                let _ = vm.run_main(&mut NoJit);
            }
        }
    }
    assert!(Vm::new(Arc::new(Program { protos: Vec::new(), ..good }), VmOptions::default()).is_err());
}

#[test]
fn a_heap_too_small_for_the_program_is_an_error() {
    let source = Source { name: "x".into(), text: "print(1)".into() };
    let program = Arc::new(crate::compiler::compile(Arc::new(source)).unwrap());
    let e = Vm::new(program, VmOptions { heap_limit: 100, ..VmOptions::default() }).err().unwrap();
    assert_eq!(e.kind, ErrorKind::HeapLimit);
}

#[test]
fn greedy_programs_end_in_clean_errors() {
    let programs = [
        "cs := {}\nfor i := 1; i > 0; i++ { cs[i] = coroutine.create(print) }",
        "for i := 1; i > 0; i++ { go print(i) }",
        "c := make(chan, 100000000)",
        "cs := {}\nfor i := 1; i > 0; i++ { cs[i] = make(chan, 1000) }",
        "fs := {}\nfor i := 1; i > 0; i++ { fs[i] = func() { return i } }",
        "t := {}\nfor { t = {t} }",
        "s := \"x\"\nfor { s = s .. s .. s .. s }",
        "s := string.rep(\"x\", 1000000)\nt := {}\nfor i := 1; i <= 100; i++ { t[i] = s }\nx := table.concat(t)",
        "s := string.rep(\"x\", 1000000)\nx := string.gsub(s, \"x\", s)",
        "s := string.rep(\"x\", 1000000)\nx := string.format(string.rep(\"%s\", 3), s, s, s)\nfor { x = x .. x }",
        "t := {}\nfor i := 1; i > 0; i++ { t[\"key\" .. i] = i }",
        "t := {}\nfor i := 1; i > 0; i++ { t[i + 0.5] = i }",
        "m := matrix.dense(10000, 10000)",
        "func f(...) { return f(1, ...) }\nf()",
        "func f(...) { t := {...}; return f(unpack(t), unpack(t)) }\nf(1)",
        "co := coroutine.wrap(func() { func f(n) { return 1 + f(n + 1) } return f(0) })\nco()",
        "func r() { return coroutine.wrap(r)() }\nr()",
        "t := setmetatable({}, {})\ngetmetatable(t).__index = func(t, k) { return t[k + 1] }\nprint(t[1])",
        "t := setmetatable({}, {})\ngetmetatable(t).__call = t\nt()",
        "t := {}\ntable.sort({1, 2, 3}, func(a, b) { table.sort({1, 2}, t.f) })\nfor { }",
        "func f() { table.sort({2, 1}, func(a, b) { f() }) }\nf()",
        "string.rep(\"x\", 1 << 1)",
        "func f() { pcall(f) f() }\nf()",
        "func h(e) { error(e) }\nfunc f() { return xpcall(f, h) }\nfor { f() }",
        "t := {}\nfor i := 0; i < 100000; i++ { t = setmetatable({}, {__index: t}) }\nprint(t.x)",
        "a := {}\na[1] = a\nfor i := 1; i > 0; i++ { a[i + 1] = {}; print(a, tostring({}), a[i + 1]) }",
    ];
    for text in programs {
        let source = Source { name: "test.gs".into(), text: text.into() };
        let Ok(program) = crate::compiler::compile(Arc::new(source)) else { continue };
        let options = VmOptions { heap_limit: 8 << 20, step_budget: 3_000_000, ..VmOptions::default() };
        let mut vm = Vm::new(Arc::new(program), options).unwrap();
        let e = vm.run_main(&mut NoJit).expect_err(text);
        assert_ne!(e.kind, ErrorKind::Fault, "{text}");
        assert!(vm.frames.is_empty() && vm.native_levels == 0 && vm.current == 0, "{text}");
    }
}

#[test]
fn stacks_of_coroutines_move_with_their_upvalues() {
    let text = "many := {}
for i := 1; i <= 3000; i++ { many[i] = i }
func work(...) {
  n := 0
  inc := func() { n = n + 1; return n }
  inc()
  x := {unpack(many)}
  y := {...}
  inc()
  n = n + 10
  z := select(\"#\", unpack(many), unpack(many), unpack(many))
  return inc(), n, #x, #y, z
}
print(coroutine.wrap(work)(1, 2, 3))
print(coroutine.wrap(work)(unpack(many)))
func deep(n, ...) { if n == 0 { return select(\"#\", ...), work(...) } return deep(n - 1, n, ...) }
print(coroutine.wrap(deep)(100))
print(work(1, 2, 3))";
    let mut vm = vm(text);
    let out = String::from_utf8(vm.take_output()).unwrap();
    assert_eq!(
        out,
        "13\t13\t3000\t3\t3002\n13\t13\t3000\t3000\t3002\n100\t13\t13\t3000\t100\t3002\n13\t13\t3000\t3\t3002\n"
    );
}

#[test]
fn damaged_values_never_crash() {
    let text = "v := nil
func all() {
  ops := {func() { return v.x }, func() { v.x = 1 }, func() { return v[1] }, func() { v[1] = 2 }, func() { v[\"k\"] = 3 },
    func() { return v(1) }, func() { return #v }, func() { return v .. \"s\" }, func() { return v == v, v < v },
    func() { for a, b := range pairs(v) { print(a) } }, func() { return tostring(v) }, func() { return v:m() },
    func() { return coroutine.resume(v), coroutine.status(v) }, func() { v <- 1 }, func() { return <-v },
    func() { return unpack(v) }, func() { table.insert(v, 1) }, func() { v[1.5] = 1 }, func() { return v + 1 }, func() { go v(1) }}
  for i := 1; i <= #ops; i++ { pcall(ops[i]) }
}";
    let mut seed = 88_172_645_463_325_252u64;
    let mut random = || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed
    };
    for round in 0..3000 {
        let gc_stress = u32::from(round % 4 < 2);
        let layout = Layout::ALL[round / 4 % 2];
        let options = VmOptions { heap_limit: 1 << 20, step_budget: 10_000, gc_stress, layout, ..VmOptions::default() };
        let mut vm = vm_with(text, options);
        vm.run_main(&mut NoJit).unwrap();
        let (base, used) = (vm.heap.guest_base(), vm.heap.used());
        let heap_start = vm.heap.native_stack().1;
        let address = match round % 3 {
            0 => random() & !7,
            1 => heap_start + random() % used.max(1) / 8 * 8,
            _ => base + random() % vm.heap.len() / 8 * 8,
        };
        let tag = Tag::ALL[4 + (round / 3) % 5];
        let slot = vm.heap.global_slot(vm.program.global_index("v").unwrap());
        vm.heap.store(slot, Value::object(tag, address));
        if round % 2 == 0 {
            // And words anywhere among the objects.
            for _ in 0..20 {
                let at = heap_start + random() % used / 8 * 8;
                let word = if random() % 2 == 0 { random() } else { heap_start + random() % used / 8 * 8 };
                vm.heap.write_u64(at, word);
            }
        }
        let _ = call(&mut vm, "all", &[]);
    }
}
