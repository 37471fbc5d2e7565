//! What any bytecode must satisfy, whatever the source.

use gscript::bytecode::{MAX_REGISTERS, Op, Program, Proto, SETLIST_OPEN};

/// Checks all functions of a program.
pub fn program(program: &Program) {
    for (index, p) in program.protos.iter().enumerate() {
        assert_eq!(p.id.index(), index);
        proto(program, p);
    }
}

fn proto(program: &Program, p: &Proto) {
    assert_eq!(p.code.len(), p.spans.len());
    assert_eq!(p.code.last().map(|inst| inst.op), Some(Op::Return));
    assert!(p.nregs > p.nparams && p.nregs as usize <= MAX_REGISTERS + 1);
    let last = p.code.len() - 1;
    let reg = |r: u8| assert!(r < p.nregs - 1, "register {r} of {} in {}", p.nregs, p.name);
    let regs = |from: u8, count: u32| {
        assert!(u32::from(from) + count < u32::from(p.nregs), "{count} registers from {from} in {}", p.name);
    };
    let constant = |index: i32| assert!((index as usize) < p.consts.len());
    for (pc, &inst) in p.code.iter().enumerate() {
        let (a, b, c, imm) = (inst.a, inst.b, inst.c, inst.imm);
        let jump = || assert!(inst.target(pc) <= last, "jump out of {} at {pc}", p.name);
        let skips = || assert_eq!(p.code.get(pc + 1).map(|next| next.op), Some(Op::Jmp));
        let pos = p.spans[pc];
        assert!(pos.line > 0 && pos.col > 0, "no position in {} at {pc}", p.name);
        match inst.op {
            Op::LoadNil => regs(a, u32::from(b) + 1),
            Op::LoadBool => {
                reg(a);
                assert!(c == 0 || pc + 2 <= last);
            }
            Op::LoadInt | Op::NewTable => reg(a),
            Op::LoadK => {
                reg(a);
                constant(imm);
            }
            Op::Move | Op::Unm | Op::Not | Op::Len | Op::Send | Op::Recv => {
                reg(a);
                reg(b);
            }
            Op::GetGlobal | Op::SetGlobal => {
                reg(a);
                assert!((imm as usize) < program.globals.len());
            }
            Op::GetUpval | Op::SetUpval => {
                reg(a);
                assert!((b as usize) < p.upvals.len());
            }
            Op::GetTable | Op::SetTable => [a, b, c].into_iter().for_each(reg),
            Op::GetField => {
                reg(a);
                reg(b);
                constant(imm);
            }
            Op::SetField => {
                reg(a);
                reg(c);
                constant(imm);
            }
            Op::SetList if b == SETLIST_OPEN => reg(a),
            Op::SetList => {
                assert!(b > 0 && imm >= 0);
                regs(a, u32::from(b) + 1);
            }
            Op::Add | Op::Sub | Op::Mul | Op::Div | Op::Mod | Op::Pow => [a, b, c].into_iter().for_each(reg),
            Op::Concat => {
                [a, b, c].into_iter().for_each(reg);
                assert!(b < c);
            }
            Op::Eq | Op::Lt | Op::Le => {
                reg(b);
                reg(c);
                skips();
            }
            Op::Test => {
                reg(a);
                skips();
            }
            Op::TestSet => {
                reg(a);
                reg(b);
                assert!(a != b);
                skips();
            }
            Op::Jmp => jump(),
            Op::Call | Op::Go => {
                regs(a, u32::from(b.max(1)));
                regs(a, u32::from(c.saturating_sub(1)));
            }
            Op::Return | Op::Vararg => {
                assert!(a == 0 || b == 1 || a < p.nregs - 1);
                regs(a, u32::from(b.saturating_sub(1)));
            }
            Op::Closure => {
                reg(a);
                let inner = &program.protos[imm as usize];
                assert!(imm as usize > p.id.index());
                for upval in &inner.upvals {
                    match upval.from_register {
                        true => assert!(p.captured.contains(&upval.index)),
                        false => assert!((upval.index as usize) < p.upvals.len()),
                    }
                }
            }
            Op::Close => assert!(p.captured.contains(&a)),
            Op::ForPrepLt | Op::ForPrepLe | Op::ForLoopLt | Op::ForLoopLe => {
                regs(a, 3);
                jump();
            }
            Op::TForCall => {
                assert!((1..=2).contains(&c));
                regs(a, 6);
                assert_eq!(p.code[pc + 1].op, Op::TForLoop);
                assert_eq!(p.code[pc + 1].a, a);
            }
            Op::TForLoop => {
                regs(a, 4);
                jump();
            }
            Op::SelfGet => {
                regs(a, 2);
                reg(b);
                constant(imm);
            }
            Op::MakeChan => {
                reg(a);
                assert!(c <= 1);
                if c == 1 {
                    reg(b);
                }
            }
        }
    }
    for local in &p.locals {
        assert!(local.start <= local.end && local.end as usize <= p.code.len());
        reg(local.reg);
    }
}
