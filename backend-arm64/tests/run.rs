//! Compiled code on the simulator: values, control, calls, exits.

mod common;

use common::machine::*;
use common::*;
use gscript::bytecode::Op as BytecodeOp;
use gscript::value::{Tag, Value};
use gsx_backend_arm64::{ExitKind, HostCall, Part, call_stub, compile, disassemble};
use gsx_ir::op::{CallKind, CallResults, Cond, Op, Type};
use gsx_ir::unit::{Pin, Unit};

/// `func f(n) { if n < 2 { return n }; return f(n-1) + f(n-2) }` in slot form, with the function in slot 1.
fn fib(kind: CallKind, results: CallResults) -> Unit {
    let mut b = Builder::new(unit(1, 6));
    let n = b.load(0, Type::Boxed);
    b.leaving(Op::GuardTag(Tag::Int), &[n], None, &[]);
    let n = b.pure(Op::Unbox(Type::Int), &[n], Type::Int);
    let two = b.int(2);
    let one = b.int(1);
    let c = b.icmp(Cond::Lt, n, two);
    let (leaf, inner) = (b.new_block(), b.new_block());
    b.branch(c, target(leaf, &[]), target(inner, &[]));
    b.go(leaf);
    b.ret(0, 1);
    b.go(inner);
    let f = b.pure(Op::BoxedConst(Value { tag: Tag::Function, bits: CLOSURE }), &[], Type::Boxed);
    for (pc, a, d) in [(10, 1, one), (11, 3, two)] {
        b.pc = pc;
        b.store(a, f);
        let arg = b.pure(Op::ISub, &[n, d], Type::Int);
        b.store(a + 1, arg);
        b.leaving(Op::Call { a: a as u8, nargs: 1, results, kind }, &[], None, &[]);
    }
    b.pc = 12;
    let x = b.load(1, Type::Boxed);
    b.leaving(Op::GuardTag(Tag::Int), &[x], None, &[]);
    let y = b.load(3, Type::Boxed);
    b.leaving(Op::GuardTag(Tag::Int), &[y], None, &[]);
    let x = b.pure(Op::Unbox(Type::Int), &[x], Type::Int);
    let y = b.pure(Op::Unbox(Type::Int), &[y], Type::Int);
    let sum = b.add(x, y);
    b.store(1, sum);
    b.ret(1, 1);
    b.unit
}

#[test]
fn fib_by_every_kind_of_call() {
    for kind in [CallKind::Generic, CallKind::SelfCall] {
        for results in [CallResults::Fixed(1), CallResults::Expect(1), CallResults::Fixed(2)] {
            let code = compile(&fib(kind, results), 1).unwrap();
            let mut m = Machine::new(&code);
            m.set(0, &[int(15)]);
            assert_eq!(m.run(1, &mut no_host).unwrap(), [int(610)], "{kind:?} {results:?}");
        }
    }
}

#[test]
fn depth_runs_out() {
    let code = compile(&fib(CallKind::SelfCall, CallResults::Fixed(1)), 7).unwrap();
    let mut m = Machine::new(&code);
    m.set(0, &[int(15)]);
    let mut exits = Vec::new();
    let answer = m.run_with_depth(1, 3, &mut |c| {
        let index = (c.x[0] & 0xffff_ffff) as usize;
        assert_eq!((c.call, c.x[0] >> 32, c.x[2]), (HostCall::Exit, 7, 0));
        exits.push((code.exits[index].reason.clone(), code.exits[index].origin.pc, c.x[1] - ARENA));
        c.memory.set_slot(c.x[1], 0, int(1000));
        (1, c.x[1])
    });
    // Four activations deep, each of the eight calls at the bottom is answered by the host.
    assert_eq!(answer.unwrap(), [int(8000)]);
    assert_eq!(exits.len(), 8);
    assert!(exits.iter().all(|e| e.0 == "too many frames" && e.2 == FRAME + 3 * 7 * 32));
}

#[test]
fn native_stacks_can_be_walked() {
    let code = compile(&fib(CallKind::SelfCall, CallResults::Fixed(1)), 7).unwrap();
    let mut m = Machine::new(&code);
    m.set(0, &[int(10)]);
    let (entry, words) = (m.entry, m.words as u64);
    let mut traces = Vec::new();
    m.run_with_depth(1, 4, &mut |c| {
        let (mut link, mut sp) = (c.link, c.sp);
        let mut trace = Vec::new();
        while (entry..entry + 4 * words).contains(&link) {
            let word = ((link - entry) / 4) as u32;
            let site = code.call_sites.iter().find(|s| s.return_word == word).expect("a call site");
            trace.push(site.origin.map(|o| o.pc));
            link = c.memory.read(sp + 8);
            sp += u64::from(site.frame_bytes);
        }
        traces.push(trace);
        c.memory.set_slot(c.x[1], 0, int(1));
        (1, c.x[1])
    })
    .unwrap();
    // First the exit itself, then the calls around it, at pc 10 and 11 in all combinations.
    assert_eq!(traces.len(), 16);
    assert!(traces.iter().all(|t| t.len() == 5 && t[0].is_none()));
    assert_eq!(traces[0][1..], [Some(10); 4]);
    assert_eq!(traces[1][1..], [Some(11), Some(10), Some(10), Some(10)]);
    assert_eq!(traces[15][1..], [Some(11); 4]);
}

#[test]
fn every_word_knows_where_it_comes_from() {
    let mut unit = fib(CallKind::Generic, CallResults::Fixed(2));
    let parts = |unit: &Unit| {
        let code = compile(unit, 7).unwrap();
        assert_eq!(code.words.len(), code.provenance.len());
        let mut parts: Vec<Part> = code.provenance.iter().map(|p| p.part).collect();
        parts.dedup();
        parts
    };
    // In line, each guard is followed by its stub, and the body goes on behind it.
    let inline = parts(&unit);
    assert!(inline.windows(3).any(|w| w == [Part::Body, Part::Exit, Part::Body]), "{inline:?}");
    unit.cold_split = true;
    assert_eq!(parts(&unit), [Part::Entry, Part::Body, Part::Cold, Part::Exit]);
    let code = compile(&unit, 7).unwrap();
    for p in &code.provenance {
        match p.part {
            Part::Body => assert!(p.origin.is_some()),
            Part::Entry => assert_eq!((p.node, p.origin), (None, None)),
            Part::Cold | Part::Exit => {}
        }
    }
    // The word that adds belongs to the node that adds.
    let sum = unit.graph.block(unit.graph.blocks().last().unwrap()).effects.clone();
    let store = *sum.last().unwrap();
    let add = unit.graph.node(store).args[0];
    let word = code.provenance.iter().position(|p| p.node == Some(add)).unwrap();
    assert!(disassemble(code.words[word], 0).starts_with("add "));
    assert_eq!(code.provenance[word].origin.unwrap().pc, 12);
    // Blocks start where the listing says, in order.
    assert!(code.block_starts.is_sorted_by_key(|b| b.1));
    assert_eq!(code.block_starts.len(), unit.graph.reverse_postorder().len());
    assert_eq!(code.fixed_entry, 2);
}

#[test]
fn call_stub_is_what_the_host_expects() {
    let texts: Vec<String> = call_stub().iter().enumerate().map(|(i, &w)| disassemble(w, 4 * i as u64)).collect();
    let expected = "stp x29, x30, [sp, #-16]!; mov x29, sp; mov x0, x26; mov x2, x25; ldr x16, [x28]; \
                    mov x17, #0x1; blr x16; ldp x29, x30, [sp], #16; ret";
    assert_eq!(texts.join("; "), expected);
    for call in
        [HostCall::CallFrame, HostCall::Exit, HostCall::Step, HostCall::Compare, HostCall::Close, HostCall::BoxInt]
    {
        assert_eq!(HostCall::try_from(call as u64), Ok(call));
    }
    assert!(HostCall::try_from(0).is_err() && HostCall::try_from(7).is_err());
}

#[test]
fn calls_to_functions_without_code_go_to_the_host() {
    for (results, answer, expected) in [
        (CallResults::Fixed(0), 3, vec![NIL; 3]),
        (CallResults::Fixed(1), 0, vec![NIL, NIL, NIL]),
        (CallResults::Fixed(1), 2, vec![int(50), NIL, NIL]),
        (CallResults::Fixed(3), 0, vec![NIL, NIL, NIL]),
        (CallResults::Fixed(3), 1, vec![int(50), NIL, NIL]),
        (CallResults::Fixed(3), 2, vec![int(50), int(51), NIL]),
        (CallResults::Fixed(3), 3, vec![int(50), int(51), int(52)]),
        (CallResults::Fixed(3), 5, vec![int(50), int(51), int(52)]),
        (CallResults::Expect(2), 2, vec![int(50), int(51), NIL]),
    ] {
        let mut b = Builder::new(unit(1, 6));
        b.pc = 4;
        let nil = b.pure(Op::BoxedConst(Value::NIL), &[], Type::Boxed);
        let f = b.pure(Op::BoxedConst(Value { tag: Tag::Function, bits: OTHER }), &[], Type::Boxed);
        let x = b.load(0, Type::Float);
        b.store(1, f);
        b.store(2, x);
        b.store(3, nil);
        b.leaving(Op::Call { a: 1, nargs: 2, results, kind: CallKind::Generic }, &[], None, &[]);
        if results.count() == 0 {
            b.store(1, nil);
        }
        if results.count() < 2 {
            b.store(2, nil);
        }
        b.ret(1, 3);
        let code = compile(&b.unit, 1).unwrap();
        let mut m = Machine::new(&code);
        m.set(0, &[float(1.5)]);
        let mut calls = 0;
        let got = m.run(1, &mut |c| {
            calls += 1;
            assert_eq!(c.call, HostCall::CallFrame);
            assert_eq!((c.x[0] - ARENA, c.x[1], c.x[2]), (FRAME + 7 * 32, 2, 999));
            assert_eq!(c.memory.slot(c.x[0] - 32, 0), (Tag::Function as u64, ARENA + OTHER));
            assert_eq!(c.memory.slot(c.x[0], 0), float(1.5));
            assert_eq!(c.memory.slot(c.x[0], 1), NIL);
            for i in 0..answer {
                c.memory.set_slot(c.x[0], i, int(50 + i as i64));
            }
            (answer, c.x[0])
        });
        assert_eq!(got.unwrap(), expected, "{results:?} {answer}");
        assert_eq!(calls, 1);
    }
}

#[test]
fn unexpected_number_of_results_leaves_behind_the_call() {
    for expected in [0u8, 2] {
        let mut b = Builder::new(unit(1, 6));
        b.pc = 4;
        let f = b.pure(Op::BoxedConst(Value { tag: Tag::Function, bits: OTHER }), &[], Type::Boxed);
        let x = b.load(0, Type::Int);
        let y = b.add(x, x);
        b.store(2, f);
        let results = CallResults::Expect(expected);
        let op = Op::Call { a: 2, nargs: 0, results, kind: CallKind::Generic };
        b.leaving(op, &[], None, &[(1, y), (2, x), (3, x)]);
        b.ret(0, 1);
        let code = compile(&b.unit, 1).unwrap();
        let mut m = Machine::new(&code);
        m.set(0, &[int(21)]);
        let got = m.run(1, &mut |c| match c.call {
            HostCall::CallFrame => {
                c.memory.set_slot(c.x[0], 5, int(77));
                (1, c.x[0] + 5 * 32)
            }
            HostCall::Exit => {
                let exit = &code.exits[(c.x[0] & 0xffff_ffff) as usize];
                assert_eq!(exit.kind, ExitKind::OpenResults { a: 2 });
                assert_eq!(c.x[3], 1);
                assert_eq!(c.memory.slot(c.x[4], 0), int(77));
                assert_eq!(c.memory.slot(c.x[1], 1), int(42));
                assert_ne!(c.memory.slot(c.x[1], 3), int(21));
                c.memory.set_slot(c.x[1], 1, int(5));
                (1, c.x[1] + 32)
            }
            other => panic!("{other:?}"),
        });
        assert_eq!(got.unwrap(), [int(5)]);
    }
}

#[test]
fn missing_arguments_are_nil() {
    for nargs in 0..=5 {
        let mut b = Builder::new(unit(3, 5));
        b.ret(0, 3);
        let code = compile(&b.unit, 1).unwrap();
        let mut m = Machine::new(&code);
        m.set(0, &[int(1), int(2), int(3), int(4), int(5)]);
        let expected: Vec<Slot> = (0..3).map(|i| if i < nargs { int(i as i64 + 1) } else { NIL }).collect();
        assert_eq!(m.run(nargs, &mut no_host).unwrap(), expected);
        assert_eq!(m.memory.slot(m.base(), 3), int(4));
    }
}

#[test]
fn truthiness_of_everything() {
    for (value, truthy) in [
        (NIL, false),
        ((1, 0), false),
        ((1, 1), true),
        (int(0), true),
        (float(0.0), true),
        ((4, ARENA), true),
        ((6, ARENA), true),
    ] {
        let mut b = Builder::new(unit(1, 4));
        let v = b.load(0, Type::Boxed);
        let t = b.pure(Op::Truthy, &[v], Type::Bool);
        b.store(1, t);
        let not = b.pure(Op::BNot, &[t], Type::Bool);
        b.store(2, not);
        let again = b.pure(Op::Truthy, &[v], Type::Bool);
        let (yes, no) = (b.new_block(), b.new_block());
        b.branch(again, target(yes, &[]), target(no, &[]));
        b.go(yes);
        let one = b.int(1);
        b.store(3, one);
        b.ret(1, 3);
        b.go(no);
        let zero = b.int(0);
        b.store(3, zero);
        b.ret(1, 3);
        let code = compile(&b.unit, 1).unwrap();
        let mut m = Machine::new(&code);
        m.set(0, &[value]);
        let t = truthy as u64;
        assert_eq!(m.run(1, &mut no_host).unwrap(), [(1, t), (1, 1 - t), int(t as i64)], "{value:?}");
    }
}

#[test]
fn float_conditions_with_nan() {
    let values = [0.0, -0.0, 1.0, -1.0, f64::INFINITY, f64::NAN];
    for cond in Cond::ALL {
        for (x, y) in values.iter().flat_map(|&x| values.iter().map(move |&y| (x, y))) {
            let mut b = Builder::new(unit(2, 6));
            let (vx, vy) = (b.load(0, Type::Float), b.load(1, Type::Float));
            let zero = b.float(0.0);
            let holds = b.pure(Op::FCmp(cond), &[vx, vy], Type::Bool);
            b.store(2, holds);
            let with_zero = b.pure(Op::FCmp(cond), &[vx, zero], Type::Bool);
            b.store(3, with_zero);
            let fused = b.pure(Op::FCmp(cond), &[vx, vy], Type::Bool);
            let not = b.pure(Op::BNot, &[fused], Type::Bool);
            let picked = b.pure(Op::Select, &[not, vx, vy], Type::Float);
            b.store(4, picked);
            let guarded = b.pure(Op::FCmp(cond), &[vx, vy], Type::Bool);
            b.leaving(Op::Guard, &[guarded], None, &[(5, holds)]);
            b.ret(2, 3);
            let code = compile(&b.unit, 1).unwrap();
            let mut m = Machine::new(&code);
            m.set(0, &[float(x), float(y)]);
            let mut exits = 0;
            let got = m.run(2, &mut |c| {
                exits += 1;
                assert_eq!(c.memory.slot(c.x[1], 5), (1, 0));
                (3, c.x[1] + 64)
            });
            let holds = cond.holds_float(x, y);
            let picked = if holds { y } else { x };
            let expected = [(1, holds as u64), (1, cond.holds_float(x, 0.0) as u64), float(picked)];
            assert_eq!(got.unwrap(), expected, "{x} {cond} {y}");
            assert_eq!(exits, usize::from(!holds));
        }
    }
}

#[test]
fn upvalues_globals_and_the_running_closure() {
    let mut b = Builder::new(unit(0, 4));
    let u = b.effect(Op::UpvalLoad(0), &[], Some(Type::Boxed));
    let g = b.effect(Op::GlobalLoad(2), &[], Some(Type::Boxed));
    b.store(0, u);
    b.store(1, g);
    b.effect(Op::UpvalStore(0), &[g], None);
    let half = b.float(0.5);
    b.effect(Op::GlobalStore(2), &[half], None);
    let callee = b.effect(Op::Callee, &[], Some(Type::Ptr));
    let me = b.pure(Op::BoxedConst(Value { tag: Tag::Function, bits: CLOSURE }), &[], Type::Boxed);
    let me = b.pure(Op::Unbox(Type::Ptr), &[me], Type::Ptr);
    let same = b.icmp(Cond::Eq, callee, me);
    b.store(2, same);
    b.ret(0, 3);
    let code = compile(&b.unit, 1).unwrap();
    let mut m = Machine::new(&code);
    let global = ARENA + gscript::layout::GLOBALS + 2 * 32;
    let cell = ARENA + CELL + gscript::layout::UPVAL_CLOSED;
    m.memory.set_slot(global, 0, int(11));
    m.memory.set_slot(cell, 0, float(2.5));
    assert_eq!(m.run(0, &mut no_host).unwrap(), [float(2.5), int(11), (1, 1)]);
    assert_eq!(m.memory.slot(global, 0), float(0.5));
    assert_eq!(m.memory.slot(cell, 0), int(11));
}

#[test]
fn host_steps_and_comparisons_keep_values() {
    let mut b = Builder::new(unit(1, 6));
    let x = b.load(0, Type::Int);
    let f = b.pure(Op::IntToFloat, &[x], Type::Float);
    b.pc = 8;
    b.effect(Op::Step, &[], None);
    b.pc = 9;
    let less = b.effect(Op::HostCompare { op: BytecodeOp::Lt, b: 0, c: 1 }, &[], Some(Type::Bool));
    b.leaving(Op::Guard, &[less], None, &[]);
    b.store(1, x);
    b.store(2, f);
    b.store(3, less);
    b.ret(1, 3);
    let code = compile(&b.unit, 1).unwrap();
    let mut m = Machine::new(&code);
    m.set(0, &[int(9)]);
    let mut seen = Vec::new();
    let got = m.run(1, &mut |c| {
        seen.push((c.call, c.x[0], c.x[1] - ARENA, c.x[2]));
        (1, 0)
    });
    assert_eq!(got.unwrap(), [int(9), float(9.0), (1, 1)]);
    assert_eq!(seen, [(HostCall::Step, 8, FRAME, 1000), (HostCall::Compare, 9, FRAME, 1000)]);
}

#[test]
fn lost_copy_and_swap_of_pinned_parameters() {
    // a, b = b, a + b with the old value of b needed behind the loop: a pin's register is redefined while its value lives.
    let mut b = Builder::new(unit(1, 4));
    let n = b.load(0, Type::Int);
    let (head, done) = (b.new_block(), b.new_block());
    let (zero, one) = (b.int(0), b.int(1));
    b.jump(head, &[zero, one, zero]);
    b.go(head);
    let p: Vec<_> =
        [24, 23, 22].into_iter().map(|r| b.g().add_param(head, Type::Int, Some(Pin::X(r)), at(0))).collect();
    let sum = b.add(p[0], p[1]);
    let i = b.add(p[2], one);
    let c = b.icmp(Cond::Lt, i, n);
    b.branch(c, target(head, &[p[1], sum, i]), target(done, &[p[0], p[2]]));
    b.go(done);
    let old = b.g().add_param(done, Type::Int, Some(Pin::X(23)), at(0));
    let last = b.g().add_param(done, Type::Int, Some(Pin::X(24)), at(0));
    b.store(0, old);
    b.store(1, last);
    b.store(2, sum);
    b.ret(0, 3);
    let code = compile(&b.unit, 1).unwrap();
    let mut m = Machine::new(&code);
    m.set(0, &[int(10)]);
    assert_eq!(m.run(1, &mut no_host).unwrap(), [int(34), int(9), int(89)]);
}
