//! Bytecode listings.

use std::fmt::Write;

use crate::bytecode::{Const, Inst, Op, Program, Proto, ProtoId, SETLIST_OPEN};

/// Longest string constant shown.
const SHOWN_BYTES: usize = 40;

/// A listing of the whole program, function by function.
pub fn program_to_string(program: &Program) -> String {
    let listings = program.protos.iter().map(|proto| proto_to_string(program, proto.id));
    listings.collect::<Vec<_>>().join("\n")
}

/// A listing of one function: a head line, then one line per instruction with its pc, its operands, what they mean
/// and the source position.
pub fn proto_to_string(program: &Program, id: ProtoId) -> String {
    let proto = program.proto(id);
    let mut out = String::new();
    let dots = if proto.is_vararg { "+" } else { "" };
    let _ = writeln!(
        out,
        "function {} (proto {}) at {}:{}: {}{dots} parameters, {} registers, {} upvalues, {} instructions",
        proto.name,
        id.0,
        program.source.name,
        proto.pos,
        proto.nparams,
        proto.nregs,
        proto.upvals.len(),
        proto.code.len(),
    );
    for (pc, &inst) in proto.code.iter().enumerate() {
        let (operands, note) = operands(program, proto, pc, inst);
        let pos = proto.spans.get(pc).copied().unwrap_or_default();
        let place = pos.to_string();
        let line = format!("{pc:5}  {:<10} {operands:<14} ; {place:<8} {note}", mnemonic(inst.op));
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// The operation's name in listings: `LOADINT`, `FORPREPLT`.
pub fn mnemonic(op: Op) -> String {
    match op {
        Op::SelfGet => "SELF".to_owned(),
        op => format!("{op:?}").to_ascii_uppercase(),
    }
}

/// Operands of an instruction, and what they stand for.
fn operands(program: &Program, proto: &Proto, pc: usize, inst: Inst) -> (String, String) {
    let Inst { op, a, b, c, imm } = inst;
    let constant = || proto.consts.get(imm as usize).map(show_const).unwrap_or_default();
    let global = || program.globals.get(imm as usize).cloned().unwrap_or_default();
    let upvalue = || proto.upvals.get(b as usize).map(|u| u.name.clone()).unwrap_or_default();
    let target = || format!("->{}", inst.target(pc));
    let local = |reg: u8| proto.local_name(reg, pc).unwrap_or_default().to_owned();
    match op {
        Op::LoadNil => (format!("R{a}..R{}", u32::from(a) + u32::from(b)), String::new()),
        Op::LoadBool => (format!("R{a} {} C{c}", b != 0), if c != 0 { "skip".into() } else { String::new() }),
        Op::LoadInt => (format!("R{a} {imm}"), String::new()),
        Op::LoadK => (format!("R{a} K{imm}"), constant()),
        Op::Move => (format!("R{a} R{b}"), local(b)),
        Op::GetGlobal | Op::SetGlobal => (format!("R{a} G{imm}"), global()),
        Op::GetUpval | Op::SetUpval => (format!("R{a} U{b}"), upvalue()),
        Op::NewTable => (format!("R{a} B{imm} C{c}"), String::new()),
        Op::GetTable | Op::SetTable => (format!("R{a} R{b} R{c}"), String::new()),
        Op::GetField => (format!("R{a} R{b} K{imm}"), constant()),
        Op::SetField => (format!("R{a} K{imm} R{c}"), constant()),
        Op::SetList if b == SETLIST_OPEN => (format!("R{a} open +{imm}"), String::new()),
        Op::SetList => (format!("R{a} B{b} +{imm}"), String::new()),
        Op::Add | Op::Sub | Op::Mul | Op::Div | Op::Mod | Op::Pow => (format!("R{a} R{b} R{c}"), String::new()),
        Op::Unm | Op::Not | Op::Len | Op::Recv | Op::Send => (format!("R{a} R{b}"), String::new()),
        Op::Concat => (format!("R{a} R{b}..R{c}"), String::new()),
        Op::Eq | Op::Lt | Op::Le => (format!("{a} R{b} R{c}"), String::new()),
        Op::Test => (format!("R{a} C{c}"), local(a)),
        Op::TestSet => (format!("R{a} R{b} C{c}"), local(b)),
        Op::Jmp => (target(), String::new()),
        Op::Call => (format!("R{a} B{b} C{c}"), String::new()),
        Op::Return => (format!("R{a} B{b}"), String::new()),
        Op::Closure => {
            let inner = program.protos.get(imm as usize).map(|p| p.name.clone());
            (format!("R{a} P{imm}"), inner.unwrap_or_default())
        }
        Op::Close => (format!("R{a}"), local(a)),
        Op::ForPrepLt | Op::ForPrepLe | Op::ForLoopLt | Op::ForLoopLe => (format!("R{a} {}", target()), local(a)),
        Op::TForCall => (format!("R{a} C{c}"), String::new()),
        Op::TForLoop => (format!("R{a} {}", target()), String::new()),
        Op::Vararg => (format!("R{a} B{b}"), String::new()),
        Op::SelfGet => (format!("R{a} R{b} K{imm}"), constant()),
        Op::Go => (format!("R{a} B{b}"), String::new()),
        Op::MakeChan if c == 0 => (format!("R{a}"), String::new()),
        Op::MakeChan => (format!("R{a} R{b}"), String::new()),
    }
}

/// A constant as listings show it.
fn show_const(value: &Const) -> String {
    match value {
        Const::Int(value) => value.to_string(),
        Const::Float(value) => format!("{value:?}"),
        Const::Str(bytes) => {
            let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(SHOWN_BYTES)]);
            let dots = if bytes.len() > SHOWN_BYTES { "…" } else { "" };
            format!("\"{}{dots}\"", shown.escape_debug())
        }
    }
}
