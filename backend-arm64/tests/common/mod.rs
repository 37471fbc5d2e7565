//! Helpers to build units by hand.

#![allow(dead_code)] // each test file uses some of it

pub mod eval;
pub mod generate;
pub mod machine;

use std::sync::Arc;

use gscript::bytecode::{Inst, Op as BytecodeOp, Pos, Program, Proto, ProtoId, Source};
use gsx_backend_arm64::CodeObject;
use gsx_ir::graph::{BlockId, FrameState, Graph, NodeId, Origin, Snapshot, SnapshotId, Target, Terminator};
use gsx_ir::op::{Cond, Op, Type};
use gsx_ir::unit::Unit;
use smallvec::smallvec;

/// A bytecode instruction without immediate.
pub fn inst(op: BytecodeOp, a: u8, b: u8, c: u8) -> Inst {
    Inst { op, a, b, c, imm: 0 }
}

/// A unit of one function; its graph is an empty entry block. The bytecode is a single return of one value.
pub fn unit(nparams: u8, nregs: u8) -> Unit {
    unit_with_code(nparams, nregs, vec![inst(BytecodeOp::Return, 0, 2, 0)])
}

/// A unit of one function with this bytecode.
pub fn unit_with_code(nparams: u8, nregs: u8, code: Vec<Inst>) -> Unit {
    let spans = vec![Pos { line: 1, col: 1 }; code.len()];
    let proto = Proto {
        id: ProtoId(0),
        name: "f".into(),
        pos: Pos { line: 1, col: 1 },
        nparams,
        is_vararg: false,
        nregs,
        code,
        spans,
        consts: Vec::new(),
        upvals: Vec::new(),
        captured: Vec::new(),
        locals: Vec::new(),
    };
    let source = Source { name: "test.gs".into(), text: String::new() };
    let globals = vec!["g".into()];
    let program = Program { source: Arc::new(source), protos: vec![proto], globals };
    Unit::new(Arc::new(program), ProtoId(0), Graph::new(at(0)))
}

pub fn at(pc: u32) -> Origin {
    Origin::new(ProtoId(0), pc)
}

/// Builds the graph of a unit, one block at a time.
pub struct Builder {
    pub unit: Unit,
    pub block: BlockId,
    pub pc: u32,
}

impl Builder {
    pub fn new(unit: Unit) -> Builder {
        let block = unit.graph.entry;
        Builder { unit, block, pc: 0 }
    }
    pub fn g(&mut self) -> &mut Graph {
        &mut self.unit.graph
    }
    pub fn new_block(&mut self) -> BlockId {
        let pc = self.pc;
        self.g().add_block(at(pc))
    }
    pub fn go(&mut self, b: BlockId) {
        self.block = b;
    }
    pub fn pure(&mut self, op: Op, args: &[NodeId], ty: Type) -> NodeId {
        let pc = self.pc;
        self.g().pure(op, args, ty, at(pc))
    }
    pub fn int(&mut self, v: i64) -> NodeId {
        self.pure(Op::IConst(v), &[], Type::Int)
    }
    pub fn float(&mut self, v: f64) -> NodeId {
        self.pure(Op::FConst(v.to_bits()), &[], Type::Float)
    }
    pub fn bool(&mut self, v: bool) -> NodeId {
        self.pure(Op::BConst(v), &[], Type::Bool)
    }
    pub fn add(&mut self, a: NodeId, b: NodeId) -> NodeId {
        self.pure(Op::IAdd, &[a, b], Type::Int)
    }
    pub fn icmp(&mut self, c: Cond, a: NodeId, b: NodeId) -> NodeId {
        self.pure(Op::ICmp(c), &[a, b], Type::Bool)
    }
    pub fn load(&mut self, slot: u16, ty: Type) -> NodeId {
        self.effect(Op::SlotLoad(slot, ty), &[], Some(ty))
    }
    pub fn store(&mut self, slot: u16, v: NodeId) {
        self.effect(Op::SlotStore(slot), &[v], None);
    }
    pub fn effect(&mut self, op: Op, args: &[NodeId], ty: Option<Type>) -> NodeId {
        let (b, pc) = (self.block, self.pc);
        self.g().effect(b, op, args, ty, None, at(pc))
    }
    /// An effect with a snapshot that resumes at the current pc.
    pub fn leaving(&mut self, op: Op, args: &[NodeId], ty: Option<Type>, writes: &[(u16, NodeId)]) -> NodeId {
        let s = self.snapshot(writes);
        let (b, pc) = (self.block, self.pc);
        self.g().effect(b, op, args, ty, Some(s), at(pc))
    }
    pub fn snapshot(&mut self, writes: &[(u16, NodeId)]) -> SnapshotId {
        let frames = smallvec![FrameState { proto: ProtoId(0), base: 0, pc: self.pc, open: None }];
        self.g().add_snapshot(Snapshot { frames, writes: writes.to_vec() })
    }
    pub fn term(&mut self, t: Terminator) {
        let b = self.block;
        self.g().set_term(b, t);
    }
    pub fn jump(&mut self, b: BlockId, args: &[NodeId]) {
        self.term(Terminator::Jump(target(b, args)));
    }
    pub fn branch(&mut self, cond: NodeId, then: Target, other: Target) {
        self.term(Terminator::Branch { cond, then, other });
    }
    pub fn ret(&mut self, first: u16, count: u16) {
        self.term(Terminator::Return { first, count });
    }
}

pub fn target(b: BlockId, args: &[NodeId]) -> Target {
    Target { block: b, args: args.into() }
}

/// Text of a code object: blocks, exits, instructions.
pub fn listing(code: &CodeObject) -> String {
    let mut out = String::new();
    let mut exit = false;
    for (i, &word) in code.words.iter().enumerate() {
        for (b, _) in code.block_starts.iter().filter(|(_, w)| *w == i as u32) {
            out += &format!("{b}:\n");
        }
        let is_exit = code.provenance[i].part == gsx_backend_arm64::Part::Exit;
        if is_exit && !exit {
            out += "exits:\n";
        }
        exit = is_exit;
        out += &format!("{:4x}  {}\n", i * 4, gsx_backend_arm64::disassemble(word, i as u64 * 4));
    }
    out
}
