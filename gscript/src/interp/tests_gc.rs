//! Collections in running programs, and roots that are missing on purpose.

use super::tests::vm_with;
use super::*;
use crate::jit::{NoJit, Results, ResumeFrame};

/// What a program prints under stress, with a set of roots left out.
fn stressed(text: &str, forgotten: Option<RootSet>) -> String {
    let mut vm = vm_with(text, VmOptions { gc_stress: 1, ..VmOptions::default() });
    vm.forget_roots(forgotten);
    let failed = vm.run_main(&mut NoJit).err().map(|e| e.message).unwrap_or_default();
    String::from_utf8_lossy(&vm.take_output()).into_owned() + &failed
}

const FRAMES: &str = "func pair(i) { return {\"a\" .. i, \"b\" .. i} }
func show(p, q) { x := {}; return p[1] .. p[2] .. q[1] }
for i := 1; i <= 3; i++ { print(show(pair(i), pair(i + 1))) }";

/// More results than a frame has room for: they are on the stack only, above it.
const OPEN: &str = "func many() { t := {}; for i := 1; i <= 60; i++ { t[i] = \"s\" .. i }; return unpack(t) }
print(many())
u := {many()}
print(u[1], u[60])";

const SORT: &str = "t := {}
for i := 1; i <= 9; i++ { t[i] = \"item\" .. (i * 7 % 10) }
table.sort(t, func(a, b) {
  for i := 1; i <= 9; i++ { t[i] = nil }
  garbage := {a .. b}
  return a < b
})
print(table.concat(t, \" \"))
print(string.gsub(1234512345, \"%d\", func(d) { return (d .. d) .. \"x\" }))";

#[test]
fn a_missing_root_shows_under_stress() {
    let frames = "a1b1a2\na2b2a3\na3b3a4\n";
    assert_eq!(stressed(FRAMES, None), frames);
    assert_ne!(stressed(FRAMES, Some(RootSet::Frames)), frames);
    let open = (1..=60).map(|i| format!("s{i}")).collect::<Vec<_>>().join("\t") + "\ns1\ts60\n";
    assert_eq!(stressed(OPEN, None), open);
    let sorted = "item1 item2 item3 item4 item5 item6 item7 item8 item9
11x22x33x44x55x11x22x33x44x55x\t10\n";
    assert_eq!(stressed(SORT, None), sorted);
    assert_ne!(stressed(SORT, Some(RootSet::Words)), sorted);
}

/// Stands in for compiled code that keeps an object in a register, or on the native stack, and an array block's address
/// only, over a host call that collects.
struct Keeper {
    on_stack: bool,
    seen: String,
}

impl Jit for Keeper {
    fn invoke(&mut self, vm: &mut Vm, proto: ProtoId, base: u64) -> Result<Option<Results>, RuntimeError> {
        let item = vm.new_string(b"only in a register")?;
        let t = vm.heap.new_table(4, 0).unwrap();
        vm.heap.set_int_key(t, 3, item).unwrap();
        let block = vm.heap.word(t, layout::TABLE_ARRAY);
        let word = block + 3 * vm.heap().layout().slot_bytes();
        let sp = vm.heap.native_stack().1 - 32;
        if self.on_stack {
            vm.heap_mut().write_u64(sp, word);
            vm.enter_host(sp, 0, NativeRoots { stack: sp, words: &[] });
        } else {
            vm.enter_host(sp, 0, NativeRoots { stack: 0, words: &[1, word] });
        }
        let depth = vm.depth();
        let results = vm.resume(self, &[ResumeFrame { proto, base, pc: 0 }], depth);
        vm.leave_host();
        self.seen = String::from_utf8_lossy(vm.str_bytes(vm.heap.load(word))).into_owned();
        results.map(Some)
    }
    fn hot(&mut self, _: &mut Vm, _: ProtoId) {}
}

#[test]
fn registers_and_the_native_stack_are_roots() {
    let run = |on_stack: bool, forgotten| {
        let text = "func f() { t := {1, 2, 3}; return t }";
        let mut vm = vm_with(text, VmOptions { gc_stress: 1, ..VmOptions::default() });
        vm.run_main(&mut NoJit).unwrap();
        let f = vm.global("f").unwrap();
        let proto = vm.closure_proto(f).unwrap();
        vm.set_compiled(proto, 0x1000);
        vm.forget_roots(forgotten);
        let mut jit = Keeper { on_stack, seen: String::new() };
        vm.call(&mut jit, f, &[]).unwrap();
        assert!(vm.stats().collections > 0);
        jit.seen
    };
    for (on_stack, set) in [(false, RootSet::Words), (true, RootSet::NativeStack)] {
        assert_eq!(run(on_stack, None), "only in a register");
        assert_ne!(run(on_stack, Some(set)), "only in a register");
    }
}

#[test]
fn coroutines_go_with_their_stacks() {
    let text = "func counter() {
  n := 0
  co := coroutine.wrap(func() { big := {}; for i := 1; i <= 50; i++ { big[i] = {i} }; for { n = n + 1; coroutine.yield(n) } })
  co()
  return func() { n = n + 10; return n }
}
for i := 1; i <= 2000; i++ { f := counter(); f() }
f := counter()
g := coroutine.wrap(func() { x := \"x\"; inc := func() { x = x .. \"y\"; return x }; coroutine.yield(inc); return x })
inc := g()
g = nil
t := {}
for i := 1; i <= 20000; i++ { t = {i, t[1]} }
print(f(), inc(), inc())";
    for gc_stress in [0, 1] {
        let mut vm = vm_with(text, VmOptions { heap_limit: 2 << 20, gc_stress, ..VmOptions::default() });
        vm.run_main(&mut NoJit).unwrap();
        // Variables of coroutines that are gone, but not the closures that share them.
        assert_eq!(vm.take_output(), b"11\txy\txyy\n");
        assert!(vm.stats().collections > 3);
        assert!(vm.threads.len() < 500, "{} threads", vm.threads.len());
        vm.collect_garbage();
        let live = vm.threads.iter().filter(|t| t.status != frame::Status::Dead).count();
        assert_eq!(live, 1, "the main thread");
        // Their stacks are gone now, whatever stale slots may have kept alive before.
        vm.heap.new_string(&[b'x'; 100_000]).unwrap();
        for (name, expected) in [("f", "21"), ("inc", "xyyy")] {
            let results = vm.call(&mut NoJit, vm.global(name).unwrap(), &[]).unwrap();
            assert_eq!(vm.display(results[0]), expected);
        }
    }
}

#[test]
fn channels_go_and_blocked_goroutines_stay() {
    let text = "func use(i) { c := make(chan, 10); c <- {i}; c <- \"v\" .. i; v := <-c; return v[1] }
sum := 0
for i := 1; i <= 20000; i++ { sum = sum + use(i) }
done := make(chan)
go func() { c := make(chan); go func() { t := {}; for i := 1; i <= 20000; i++ { t = {i} }; c <- t }(); v := <-c; done <- v[1] }()
v := <-done
print(sum, v)";
    let mut vm = vm_with(text, VmOptions { heap_limit: 2 << 20, ..VmOptions::default() });
    vm.run_main(&mut NoJit).unwrap();
    assert_eq!(vm.take_output(), b"200010000\t20000\n");
    assert!(vm.channels.len() < 10_000, "{} channels", vm.channels.len());
}

#[test]
fn printed_numbers_are_not_given_twice() {
    let text = "t := {}
print(t)
for i := 1; i <= 5; i++ { print({i}) }
print(t, {})";
    let expected = (1..=6).map(|i| format!("table: {i:#010x}\n")).collect::<String>();
    assert_eq!(stressed(text, None), expected + "table: 0x00000001\ttable: 0x00000007\n");
}

#[test]
fn garbage_does_not_count_against_the_limit() {
    let text = "keep := {}
for i := 1; i <= 3000; i++ { keep[i] = {i, \"k\" .. i} }
s := 0
for i := 1; i <= 100000; i++ { t := {i, {i}}; s = s + t[2][1]; u := \"text \" .. i }
ok := true
for i := 1; i <= 3000; i++ { ok = ok && keep[i][1] == i && keep[i][2] == \"k\" .. i }
print(s, ok, string.len(string.rep(\"x\", 500000)) + string.len(string.rep(\"y\", 500000)))";
    let mut vm = vm_with(text, VmOptions { heap_limit: 2_000_000, ..VmOptions::default() });
    vm.run_main(&mut NoJit).unwrap();
    assert_eq!(vm.take_output(), b"5000050000\ttrue\t1000000\n");
    let stats = vm.stats();
    assert!(stats.collections > 10 && stats.heap_peak < 3_000_000, "{stats:?}");
    // What is really kept counts.
    let text = "keep := {}\nfor i := 1; i <= 100000; i++ { keep[i] = {i} }";
    let mut vm = vm_with(text, VmOptions { heap_limit: 2_000_000, ..VmOptions::default() });
    assert_eq!(vm.run_main(&mut NoJit).unwrap_err().kind, ErrorKind::HeapLimit);
}

#[test]
fn collections_in_coroutines_search_what_is_in_use_only() {
    let text = "mt := {__add: func(a, b) { return {v: a.v + b} }, __index: func(t, k) { return k .. t.v }}
co := coroutine.wrap(func() {
  t := setmetatable({v: 0}, mt)
  for i := 1; i <= 200; i++ { t = setmetatable(t + i, mt); coroutine.yield(t.key .. t.v) }
})
last := nil
for i := 1; i <= 200; i++ { last = co() }
print(last)";
    let mut vm = vm_with(text, VmOptions { gc_stress: 1, ..VmOptions::default() });
    vm.run_main(&mut NoJit).unwrap();
    assert_eq!(vm.take_output(), b"key2010020100\n");
    // A collection that searches much makes the next ones rarer.
    assert!(vm.stats().collections > 1000, "{:?}", vm.stats());
}

#[test]
fn pinned_objects_keep_their_addresses() {
    let mut vm = vm_with("func f() { return {} }\nf()", VmOptions::default());
    vm.run_main(&mut NoJit).unwrap();
    let f = vm.global("f").unwrap();
    let slot = vm.heap.global_slot(vm.program.global_index("f").unwrap());
    vm.heap.store(slot, Value::NIL);
    vm.pin(f);
    vm.collect_garbage();
    assert_eq!(vm.closure_proto(f), Some(ProtoId(1)));
    for _ in 0..100 {
        assert_ne!(vm.new_closure(ProtoId(1), &[]).unwrap(), f);
    }
    vm.pinned.clear();
    vm.collect_garbage();
    assert!((0..100).any(|_| vm.new_closure(ProtoId(1), &[]).unwrap() == f), "without, the address is another's");
}
