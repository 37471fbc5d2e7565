//! Checks bytecode before it runs: operands in range, jumps inside the function. The interpreter relies on it.

use crate::bytecode::{Inst, MAX_REGISTERS, Op, Program, Proto, SETLIST_OPEN};

/// `Err` says what is malformed and where.
pub(super) fn verify(program: &Program) -> Result<(), String> {
    if program.protos.is_empty() {
        return Err("malformed bytecode: no functions".into());
    }
    for (i, p) in program.protos.iter().enumerate() {
        if p.id.index() != i {
            return Err(format!("malformed bytecode: function {i} has id {}", p.id.0));
        }
        if p.nregs == 0 || p.nregs as usize > MAX_REGISTERS + 1 || p.nparams > p.nregs || p.spans.len() != p.code.len()
        {
            return Err(format!("malformed bytecode: bad header of {}", p.name));
        }
        if !matches!(p.code.last().map(|i| i.op), Some(Op::Return | Op::Jmp)) {
            return Err(format!("malformed bytecode: {} does not end in a return", p.name));
        }
        for (pc, &inst) in p.code.iter().enumerate() {
            check(program, p, pc, inst)
                .map_err(|what| format!("malformed bytecode: {what} in {} at {pc} ({inst:?})", p.name))?;
        }
    }
    Ok(())
}

fn check(program: &Program, p: &Proto, pc: usize, i: Inst) -> Result<(), &'static str> {
    let regs = |r: usize| if r <= p.nregs as usize { Ok(()) } else { Err("register out of range") };
    let (a, b, c) = (i.a as usize, i.b as usize, i.c as usize);
    let jump = |from: usize| {
        let target = from as i64 + 1 + i64::from(i.imm);
        if (0..p.code.len() as i64).contains(&target) { Ok(()) } else { Err("jump out of range") }
    };
    let skip = || match p.code.get(pc + 1) {
        Some(next) if next.op == Op::Jmp && pc + 2 < p.code.len() => Ok(()),
        _ => Err("no jump behind a test"),
    };
    let constant = || {
        if usize::try_from(i.imm).is_ok_and(|k| k < p.consts.len()) { Ok(()) } else { Err("constant out of range") }
    };
    let name = || match usize::try_from(i.imm).ok().and_then(|k| p.consts.get(k)) {
        Some(crate::bytecode::Const::Str(_)) => Ok(()),
        _ => Err("field name is not a string"),
    };
    match i.op {
        Op::LoadNil => regs(a + b + 1),
        Op::LoadBool => {
            if i.c != 0 && pc + 2 >= p.code.len() {
                return Err("jump out of range");
            }
            regs(a + 1)
        }
        Op::LoadInt | Op::NewTable | Op::Close => regs(a + 1),
        Op::LoadK => constant().and_then(|()| regs(a + 1)),
        Op::GetGlobal | Op::SetGlobal => {
            if !usize::try_from(i.imm).is_ok_and(|g| g < program.globals.len()) {
                return Err("global out of range");
            }
            regs(a + 1)
        }
        Op::GetUpval | Op::SetUpval => {
            if b >= p.upvals.len() {
                return Err("upvalue out of range");
            }
            regs(a + 1)
        }
        Op::GetField | Op::SelfGet => name().and_then(|()| regs((a + 1 + usize::from(i.op == Op::SelfGet)).max(b + 1))),
        Op::SetField => name().and_then(|()| regs(a.max(c) + 1)),
        Op::SetList => {
            if i.b == SETLIST_OPEN {
                regs(a + 1)
            } else {
                regs(a + b + 1)
            }
        }
        Op::Eq | Op::Lt | Op::Le => skip().and_then(|()| regs(b.max(c) + 1)),
        Op::Test => skip().and_then(|()| regs(a + 1)),
        Op::TestSet => skip().and_then(|()| regs(a.max(b) + 1)),
        Op::Jmp => jump(pc),
        Op::Call => regs((a + b).max(a + c.max(2) - 1)),
        Op::Go => regs(a + b.max(1)),
        Op::Return => regs((a + b).saturating_sub(1)),
        Op::Vararg => regs((a + b).saturating_sub(1)),
        Op::Closure => {
            let Some(inner) = usize::try_from(i.imm).ok().and_then(|k| program.protos.get(k)) else {
                return Err("function out of range");
            };
            for u in &inner.upvals {
                let limit = if u.from_register { p.nregs as usize } else { p.upvals.len() };
                if u.index as usize >= limit || (u.from_register && !p.is_captured(u.index)) {
                    return Err("upvalue out of range");
                }
            }
            regs(a + 1)
        }
        Op::ForPrepLt | Op::ForPrepLe | Op::ForLoopLt | Op::ForLoopLe => jump(pc).and_then(|()| regs(a + 3)),
        Op::TForCall => regs(a + 3 + c.max(1)),
        Op::TForLoop => jump(pc).and_then(|()| regs(a + 4)),
        Op::Concat => {
            if b > c {
                return Err("empty concatenation");
            }
            regs(a.max(c) + 1)
        }
        Op::Add | Op::Sub | Op::Mul | Op::Div | Op::Mod | Op::Pow | Op::GetTable | Op::SetTable => {
            regs(a.max(b).max(c) + 1)
        }
        Op::Move | Op::Unm | Op::Not | Op::Len | Op::MakeChan | Op::Send | Op::Recv => regs(a.max(b) + 1),
    }
}
