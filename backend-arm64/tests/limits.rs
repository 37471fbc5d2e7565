//! Code at and past the limits of what instructions can encode.

mod common;

use common::machine::*;
use common::*;
use gscript::layout::{self, Layout};
use gscript::value::{Tag, Value};
use gsx_backend_arm64::{CodegenError, HostCall, compile};
use gsx_ir::op::{CallKind, CallResults, Cond, Op, Type};
use gsx_ir::unit::Unit;
use gsx_machine::{Executor, Stop};

/// Stores `n` constants of four words each, between a guard and a loop's back edge.
fn long_loop(n: usize) -> Unit {
    let mut b = Builder::new(unit(1, 8));
    let (head, done) = (b.new_block(), b.new_block());
    let zero = b.int(0);
    b.jump(head, &[zero]);
    b.go(head);
    let i = b.g().add_param(head, Type::Int, None, at(0));
    let limit = b.load(0, Type::Int);
    let below = b.icmp(Cond::Lt, i, limit);
    b.pc = 1;
    b.leaving(Op::Guard, &[below], None, &[(1, i)]);
    for k in 0..n {
        let v = b.int(0x1234_5678_9abc_0000 + (k as i64 & 0xffff));
        b.store(2 + (k % 4) as u16, v);
    }
    let one = b.int(1);
    let next = b.add(i, one);
    let three = b.int(3);
    let more = b.icmp(Cond::Lt, next, three);
    b.branch(more, target(head, &[next]), target(done, &[]));
    b.go(done);
    b.store(1, next);
    b.ret(1, 1);
    b.unit
}

fn run_long_loop(n: usize) -> usize {
    let code = compile(&long_loop(n), 1).unwrap();
    for (limit, expected) in [(5, 3), (2, 2), (0, 0)] {
        let mut m = Machine::new(&code);
        m.set(0, &[int(limit)]);
        let got = m.run(1, &mut |c| {
            assert_eq!(c.call, HostCall::Exit);
            (1, c.x[1] + 32)
        });
        assert_eq!(got.unwrap(), [int(expected)], "{n} {limit}");
    }
    code.words.len()
}

#[test]
fn branches_across_more_than_a_mebibyte() {
    // About six words each; a conditional branch reaches 2^18 words.
    let near = run_long_loop(20_000);
    let far = run_long_loop(50_000);
    assert!(near < 1 << 18 && far > 1 << 18, "{near} {far}");
}

#[test]
fn the_highest_slots() {
    for a in [0u8, 12, 13, 14, 15, 100, 240] {
        for nargs in [0u8, 1, 9] {
            let mut b = Builder::new(unit(0, 250));
            let f = b.pure(Op::BoxedConst(Value { tag: Tag::Function, bits: OTHER }), &[], Type::Boxed);
            b.store(a.into(), f);
            for i in 1..=nargs {
                let v = b.int(i64::from(i) * 100);
                b.store(u16::from(a + i), v);
            }
            let results = CallResults::Fixed(nargs + 1);
            b.leaving(Op::Call { a, nargs, results, kind: CallKind::Generic }, &[], None, &[]);
            b.ret(a.into(), u16::from(nargs) + 1);
            let code = compile(&b.unit, 1).unwrap();
            let mut m = Machine::new(&code);
            let got = m.run(0, &mut |c| {
                assert_eq!(c.x[0], ARENA + FRAME + Layout::Tagged.callee_distance(250));
                // Answers with its arguments, and one more.
                c.memory.set_slot(c.x[0], c.x[1], float(0.5));
                (c.x[1] + 1, c.x[0])
            });
            let mut expected: Vec<Slot> = (1..=nargs).map(|i| int(i64::from(i) * 100)).collect();
            expected.push(float(0.5));
            assert_eq!(got.unwrap(), expected);
        }
    }
}

#[test]
fn many_arguments() {
    let mut b = Builder::new(unit(0, 250));
    let f = b.pure(Op::BoxedConst(Value { tag: Tag::Function, bits: OTHER }), &[], Type::Boxed);
    b.store(0, f);
    for i in 1..=249 {
        let v = b.int(i * i);
        b.store(i as u16, v);
    }
    let results = CallResults::Fixed(249);
    b.leaving(Op::Call { a: 0, nargs: 249, results, kind: CallKind::Generic }, &[], None, &[]);
    b.ret(0, 249);
    let code = compile(&b.unit, 1).unwrap();
    let mut m = Machine::new(&code);
    let got = m.run(0, &mut |c| (c.x[1], c.x[0])).unwrap();
    assert_eq!(got, (1..=249).map(|i| int(i * i)).collect::<Vec<_>>());
}

#[test]
fn far_globals_and_slots() {
    let mut b = Builder::new(unit(0, 250));
    let g = b.effect(Op::GlobalLoad(1100), &[], Some(Type::Boxed));
    let x = b.pure(Op::Unbox(Type::Float), &[g], Type::Float);
    let half = b.float(0.5);
    let y = b.pure(Op::FMul, &[x, half], Type::Float);
    b.effect(Op::GlobalStore(1101), &[y], None);
    let high = b.load(1500, Type::Boxed);
    b.store(1501, high);
    b.pc = 3;
    b.leaving(Op::GuardTag(Tag::Nil), &[high], None, &[(1600, y), (1601, high), (1602, g)]);
    b.ret(0, 0);
    let code = compile(&b.unit, 1).unwrap();
    let mut m = Machine::new(&code);
    let global = |i| ARENA + Layout::Tagged.global_offset(i);
    m.memory.set_slot(global(1100), 0, float(3.0));
    m.set(1500, &[int(8)]);
    let got = m.run(0, &mut |c| (3, c.x[1] + 1600 * 32));
    assert_eq!(got.unwrap(), [float(1.5), int(8), float(3.0)]);
    assert_eq!(m.memory.slot(global(1101), 0), float(1.5));
    assert_eq!(m.memory.slot(m.base(), 1501), int(8));
}

#[test]
fn a_loop_that_does_nothing() {
    let mut b = Builder::new(unit(0, 4));
    let (a, c) = (b.new_block(), b.new_block());
    b.jump(a, &[]);
    b.go(a);
    b.jump(c, &[]);
    b.go(c);
    b.jump(a, &[]);
    let code = compile(&b.unit, 1).unwrap();
    let mut m = Machine::new(&code);
    m.sim.set_budget(1000);
    assert!(matches!(m.run(0, &mut no_host), Err(Stop::Budget { .. })));
}

/// Computes `n` ints that are all live at once, across a call.
fn live_values(n: i64) -> Unit {
    let mut b = Builder::new(unit(1, 8));
    let x = b.load(0, Type::Int);
    let values: Vec<_> = (0..n)
        .map(|i| {
            let k = b.int(i + 1);
            b.pure(Op::IMul, &[x, k], Type::Int)
        })
        .collect();
    // Each value is used before the call, so that it is computed there, and after it.
    for &v in &values {
        b.store(1, v);
    }
    b.effect(Op::Step, &[], None);
    let mut sum = b.int(0);
    for &v in &values {
        sum = b.add(sum, v);
    }
    b.store(2, sum);
    b.ret(2, 1);
    b.unit
}

#[test]
fn native_frames_up_to_the_limit() {
    let mut sizes = Vec::new();
    let mut refused = 0;
    for n in (1..140).step_by(3) {
        match compile(&live_values(n), 1) {
            Ok(code) => {
                assert!(u64::from(code.frame_bytes) <= layout::NATIVE_FRAME_BYTES);
                assert_eq!(code.frame_bytes % 16, 0);
                let mut m = Machine::new(&code);
                m.set(0, &[int(10)]);
                assert_eq!(m.run(1, &mut |_| (0, 0)).unwrap(), [int(5 * n * (n + 1))]);
                assert_eq!(refused, 0);
                sizes.push(code.frame_bytes);
            }
            Err(CodegenError::FrameTooLarge { bytes }) => {
                assert!(bytes > layout::NATIVE_FRAME_BYTES);
                refused += 1;
            }
            Err(e) => panic!("{e}"),
        }
    }
    // Small frames, frames past the reach of pre- and post-indexed pairs, and refusals.
    assert!(sizes.iter().any(|&s| s <= 64) && sizes.iter().any(|&s| s > 512) && refused > 0, "{sizes:?}");
}
