//! A program to hang hand-written graphs on.

use std::sync::Arc;

use gscript::bytecode::{Inst, Op, Pos, Program, Proto, ProtoId, Source, UpvalDesc};

/// The function that [`synthetic_program`] gives to hand-written graphs.
pub const SYNTHETIC_PROTO: ProtoId = ProtoId(1);

/// A program whose prototype 1, `test`, has `slots` registers, `nparams` parameters and `code_len` instructions, so
/// that IR can be written without source; it has 4 upvalues, the program 8 globals. All its registers are live everywhere: the instructions do nothing, and the
/// last one returns every register. `slots` is at most 250, `code_len` at least 1 (else they are made so).
pub fn synthetic_program(slots: u16, nparams: u8, code_len: usize) -> Arc<Program> {
    let slots = slots.min(gscript::bytecode::MAX_REGISTERS as u16) as u8;
    let nop = Inst { op: Op::Jmp, a: 0, b: 0, c: 0, imm: 0 };
    let mut code = vec![nop; code_len.max(1)];
    let last = code.len() - 1;
    code[last] = Inst { op: Op::Return, a: 0, b: slots + 1, c: 0, imm: 0 };
    let main = vec![Inst { op: Op::Return, a: 0, b: 1, c: 0, imm: 0 }];
    Arc::new(Program {
        source: Arc::new(Source { name: "synthetic.gs".to_owned(), text: String::new() }),
        protos: vec![
            proto(ProtoId::MAIN, "main", 1, 0, 0, main),
            proto(SYNTHETIC_PROTO, "test", slots, nparams, 4, code),
        ],
        globals: (0..8).map(|i| format!("g{i}")).collect(),
    })
}

fn proto(id: ProtoId, name: &str, nregs: u8, nparams: u8, upvals: u8, code: Vec<Inst>) -> Proto {
    Proto {
        id,
        name: name.to_owned(),
        pos: Pos::default(),
        nparams,
        is_vararg: false,
        nregs,
        spans: vec![Pos::default(); code.len()],
        code,
        consts: Vec::new(),
        upvals: (0..upvals).map(|index| UpvalDesc { name: format!("u{index}"), from_register: true, index }).collect(),
        captured: Vec::new(),
        locals: Vec::new(),
    }
}
