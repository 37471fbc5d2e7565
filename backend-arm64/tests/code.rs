mod common;
use common::*;
use gscript::value::Tag;
use gsx_backend_arm64::compile;
use gsx_ir::op::{CallKind, CallResults, Cond, Op, Type};
use gsx_ir::unit::Pin;

#[test]
fn pinned_loop() {
    let mut b = Builder::new(unit(1, 4));
    let n = b.load(0, Type::Int);
    let (head, done) = (b.new_block(), b.new_block());
    let zero = b.int(0);
    b.jump(head, &[zero, zero]);
    b.go(head);
    let acc = b.g().add_param(head, Type::Int, Some(Pin::X(24)), at(0));
    let i = b.g().add_param(head, Type::Int, Some(Pin::X(23)), at(0));
    let one = b.int(1);
    let acc2 = b.add(acc, one);
    let i2 = b.add(i, one);
    let c = b.icmp(Cond::Lt, i2, n);
    b.branch(c, target(head, &[acc2, i2]), target(done, &[acc2]));
    b.go(done);
    let r = b.g().add_param(done, Type::Int, None, at(0));
    b.store(0, r);
    b.ret(0, 1);
    let code = compile(&b.unit, 1).unwrap();
    println!("{}", listing(&code));
}

#[test]
fn generic_call() {
    let mut b = Builder::new(unit(2, 6));
    let x = b.load(0, Type::Boxed);
    b.leaving(Op::GuardTag(Tag::Int), &[x], None, &[]);
    let v = b.pure(Op::Unbox(Type::Int), &[x], Type::Int);
    let one = b.int(1);
    let y = b.add(v, one);
    b.store(3, y);
    b.leaving(
        Op::Call {
            a: 2,
            nargs: 1,
            results: CallResults::Fixed(2),
            kind: CallKind::Generic,
        },
        &[],
        None,
        &[(1, y)],
    );
    b.leaving(
        Op::Call {
            a: 2,
            nargs: 1,
            results: CallResults::Expect(1),
            kind: CallKind::Generic,
        },
        &[],
        None,
        &[(1, y)],
    );
    b.store(1, y);
    b.ret(0, 2);
    let code = compile(&b.unit, 1).unwrap();
    println!("{}", listing(&code));
    println!("{:?}", code.exits);
}
