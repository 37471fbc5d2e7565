//! Bytecode to graph, in slot form.
//!
//! Every VM register is a frame slot in memory. Each bytecode instruction becomes: load the operands' slots, check
//! their tags against what the profile saw, compute, store. With no pass on, this is what a naive template JIT
//! executes. What the profile says of an instruction's types decides the shape; a value of another type leaves
//! through a guard's snapshot, which resumes the interpreter at that instruction. Operations without a shape of
//! their own are executed by the runtime ([`Op::Step`]).

mod intrinsics;
mod numbers;
mod tables;

use std::sync::Arc;

use gscript::bytecode::{Inst, Op as Bc, Program, Proto, ProtoId};
use gscript::profile::{CallTarget, ProtoProfile, ResultCount, SiteFeedback, TypeSet};
use gscript::value::{Tag, Value};
use rustc_hash::FxHashMap;

use crate::analysis::bytecode_loops::BytecodeLoop;
use crate::analysis::liveness::successors;
use crate::graph::{BlockId, FrameState, Graph, NodeId, Origin, Snapshot, SnapshotId, Target, Terminator};
use crate::op::{CallKind, CallResults, Cond, Op, Type};
use crate::unit::{KnownFunction, LoopRegion, SlotSet, Unit};

/// Why a function stays interpreted.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BuildError {
    /// The function takes `...`.
    #[error("{0} takes variable arguments: such functions are interpreted")]
    Vararg(String),
    /// An operation that cannot be left to a runtime call.
    #[error("{name} uses {what} (line {line}): such functions are interpreted")]
    Unsupported {
        /// Function.
        name: String,
        /// What it uses.
        what: &'static str,
        /// Source line.
        line: u32,
    },
}

/// Gives the constants of prototypes as values; objects as arena offsets (see [`Op::BoxedConst`]).
pub trait Constants {
    /// Constant `k` of `proto`.
    fn constant(&mut self, proto: ProtoId, k: usize) -> Value;

    /// Name of a library function, as in `math.sqrt`.
    fn builtin_name(&self, _index: u32) -> Option<&'static str> {
        None
    }

    /// The function that a global holds now, if it holds a GScript function.
    fn function(&mut self, _global: u32) -> Option<KnownFunction> {
        None
    }
}

/// Builds the unit of `proto` from its bytecode and what the profile saw.
///
/// # Errors
/// Why the function stays interpreted.
pub fn build(
    program: &Arc<Program>,
    proto: ProtoId,
    profile: &ProtoProfile,
    constants: &mut dyn Constants,
) -> Result<Unit, BuildError> {
    if program.proto(proto).is_vararg {
        return Err(BuildError::Vararg(program.proto(proto).name.clone()));
    }
    build_part(program, proto, None, profile, constants)
}

/// Builds the unit of the loop of `proto` that begins at `header`.
///
/// # Errors
/// Why the loop stays interpreted.
pub fn build_loop(
    program: &Arc<Program>,
    proto: ProtoId,
    header: usize,
    profile: &ProtoProfile,
    constants: &mut dyn Constants,
) -> Result<Unit, BuildError> {
    let code = program.proto(proto);
    match BytecodeLoop::at(code, header) {
        Some(l) => build_part(program, proto, Some(&l), profile, constants),
        None => {
            Err(BuildError::Unsupported { name: code.name.clone(), what: "no loop", line: code.spans[header].line })
        }
    }
}

fn build_part(
    program: &Arc<Program>,
    proto: ProtoId,
    part: Option<&BytecodeLoop>,
    profile: &ProtoProfile,
    constants: &mut dyn Constants,
) -> Result<Unit, BuildError> {
    let code = program.proto(proto);
    check_supported(code, part, profile)?;
    let start = part.map_or(0, |l| l.header);
    let graph = Graph::new(Origin::new(proto, start as u32));
    let blocks = FxHashMap::default();
    let mut builder = Builder { proto: code, part, profile, constants, graph, blocks, at: BlockId(0), open: None };
    builder.run(start);
    let mut graph = builder.graph;
    graph.remove_unreachable();
    let mut globals: Vec<u32> =
        code.code.iter().filter(|inst| inst.op == Bc::GetGlobal).map(|inst| inst.imm as u32).collect();
    globals.sort_unstable();
    globals.dedup();
    let functions = globals.into_iter().filter_map(|g| constants.function(g)).collect();
    let region =
        part.map(|l| LoopRegion { header: l.header as u32, exits: l.exits.iter().map(|&pc| pc as u32).collect() });
    Ok(Unit {
        region,
        shared: code.captured.iter().map(|&r| u16::from(r)).collect::<SlotSet>(),
        feedback: profile.clone(),
        functions,
        ..Unit::new(program.clone(), proto, graph)
    })
}

fn check_supported(proto: &Proto, part: Option<&BytecodeLoop>, profile: &ProtoProfile) -> Result<(), BuildError> {
    for (pc, inst) in proto.code.iter().enumerate().filter(|(pc, _)| part.is_none_or(|l| l.body.contains(pc))) {
        let what = match inst.op {
            // They lie below the frame, where a runtime step does not find them.
            Bc::Vararg => "variable arguments",
            // These may have to wait for another goroutine, which a native frame cannot.
            Bc::Go | Bc::MakeChan | Bc::Send | Bc::Recv => "channels or goroutines",
            Bc::ForPrepLt | Bc::ForPrepLe | Bc::ForLoopLt | Bc::ForLoopLe => {
                let s = profile.sites.get(pc).copied().unwrap_or_default();
                if numeric_shape(s.lhs, s.rhs).is_some_and(|(l, r)| l == r) {
                    continue;
                }
                "a for loop over mixed types"
            }
            _ => continue,
        };
        return Err(BuildError::Unsupported { name: proto.name.clone(), what, line: proto.spans[pc].line });
    }
    Ok(())
}

/// The machine types for two operands, where the profile saw one numeric type for each (or nothing at all: then int).
fn numeric_shape(lhs: TypeSet, rhs: TypeSet) -> Option<(Type, Type)> {
    let one = |set: TypeSet| match set.single() {
        Some(Tag::Int) => Some(Type::Int),
        Some(Tag::Float) => Some(Type::Float),
        None if set.is_empty() => Some(Type::Int),
        _ => None,
    };
    Some((one(lhs)?, one(rhs)?))
}

struct Builder<'a> {
    proto: &'a Proto,
    /// The loop that is built; none for the whole function.
    part: Option<&'a BytecodeLoop>,
    profile: &'a ProtoProfile,
    constants: &'a mut dyn Constants,
    graph: Graph,
    blocks: FxHashMap<usize, BlockId>,
    /// Block being filled.
    at: BlockId,
    /// Results of the open call just before the current instruction: first register and number.
    open: Option<(u8, u8)>,
}

impl Builder<'_> {
    fn run(&mut self, start: usize) {
        let code = &self.proto.code;
        let part = self.part;
        let inside = |pc: usize| part.is_none_or(|l| l.body.contains(&pc));
        let mut leaders = vec![false; code.len() + 1];
        leaders[start] = true;
        for pc in (0..code.len()).filter(|&pc| inside(pc)) {
            let next = successors(self.proto, pc);
            if next.as_slice() != [pc + 1] {
                for n in next {
                    leaders[n] = true;
                }
                leaders[pc + 1] = true;
            }
        }
        // Where the loop goes on, the unit ends.
        for &pc in part.iter().flat_map(|l| &l.exits) {
            leaders[pc] = true;
        }
        for (pc, _) in leaders.iter().enumerate().filter(|(pc, l)| **l && *pc < code.len()) {
            let origin = self.origin(pc);
            let block = self.graph.add_block(origin);
            self.blocks.insert(pc, block);
            if !inside(pc) {
                let end = self.snapshot(pc, None);
                self.graph.set_term(block, Terminator::Exit(end));
            }
        }
        let first = self.blocks[&start];
        self.graph.set_term(self.graph.entry, Terminator::Jump(Target::new(first)));

        let mut open_block = false;
        for pc in 0..code.len() {
            if let Some(&b) = self.blocks.get(&pc) {
                if open_block {
                    self.graph.set_term(self.at, Terminator::Jump(Target::new(b)));
                }
                self.at = b;
                self.open = None;
                open_block = inside(pc);
            }
            if !inside(pc) {
                continue;
            }
            let open = self.open.take();
            let ended = self.instruction(pc, open);
            if ended {
                open_block = false;
            }
        }
    }

    fn origin(&self, pc: usize) -> Origin {
        Origin::new(self.proto.id, pc as u32)
    }

    fn site(&self, pc: usize) -> SiteFeedback {
        self.profile.sites.get(pc).copied().unwrap_or_default()
    }

    // ---- small node makers ----

    fn snapshot(&mut self, pc: usize, open: Option<(u8, u8)>) -> SnapshotId {
        let frame = FrameState { proto: self.proto.id, base: 0, pc: pc as u32, open };
        self.graph.add_snapshot(Snapshot { frames: smallvec::smallvec![frame], writes: Vec::new() })
    }

    fn pure(&mut self, pc: usize, op: Op, args: &[NodeId], ty: Type) -> NodeId {
        let origin = self.origin(pc);
        self.graph.pure(op, args, ty, origin)
    }

    fn effect(&mut self, pc: usize, op: Op, args: &[NodeId], ty: Option<Type>) -> NodeId {
        let origin = self.origin(pc);
        self.graph.effect(self.at, op, args, ty, None, origin)
    }

    fn guard(&mut self, pc: usize, op: Op, arg: NodeId, open: Option<(u8, u8)>) {
        let snapshot = self.snapshot(pc, open);
        let origin = self.origin(pc);
        self.graph.effect(self.at, op, &[arg], None, Some(snapshot), origin);
    }

    fn load(&mut self, pc: usize, reg: u8) -> NodeId {
        self.effect(pc, Op::SlotLoad(u16::from(reg), Type::Boxed), &[], Some(Type::Boxed))
    }

    fn store(&mut self, pc: usize, reg: u8, value: NodeId) {
        self.effect(pc, Op::SlotStore(u16::from(reg)), &[value], None);
    }

    /// Loads `reg`, checks its tag, gives the payload.
    fn load_as(&mut self, pc: usize, reg: u8, ty: Type) -> NodeId {
        let boxed = self.load(pc, reg);
        self.unbox(pc, boxed, ty)
    }

    fn unbox(&mut self, pc: usize, boxed: NodeId, ty: Type) -> NodeId {
        let tag = match ty {
            Type::Int => Tag::Int,
            Type::Float => Tag::Float,
            Type::Bool => Tag::Bool,
            Type::Boxed | Type::Ptr => unreachable!("only numbers and booleans are unboxed here"),
        };
        self.guard(pc, Op::GuardTag(tag), boxed, None);
        self.pure(pc, Op::Unbox(ty), &[boxed], ty)
    }

    /// Loads two operands as the given types: both loads, then both checks.
    fn operands(&mut self, pc: usize, inst: Inst, (l, r): (Type, Type)) -> (NodeId, NodeId) {
        if inst.b == inst.c {
            let v = self.load_as(pc, inst.b, l);
            return (v, v);
        }
        let (b, c) = (self.load(pc, inst.b), self.load(pc, inst.c));
        (self.unbox(pc, b, l), self.unbox(pc, c, r))
    }

    fn float_of(&mut self, pc: usize, v: NodeId) -> NodeId {
        match self.graph.node(v).ty {
            Some(Type::Int) => self.pure(pc, Op::IntToFloat, &[v], Type::Float),
            _ => v,
        }
    }

    fn step(&mut self, pc: usize) {
        self.effect(pc, Op::Step, &[], None);
    }

    fn block_at(&self, pc: usize) -> Target {
        Target::new(self.blocks[&pc])
    }

    fn branch(&mut self, cond: NodeId, then: usize, other: usize) {
        let term = Terminator::Branch { cond, then: self.block_at(then), other: self.block_at(other) };
        self.graph.set_term(self.at, term);
    }

    // ---- instructions ----

    /// Translates one instruction; true if it ended the block.
    fn instruction(&mut self, pc: usize, open: Option<(u8, u8)>) -> bool {
        let inst = self.proto.code[pc];
        match inst.op {
            Bc::LoadNil => {
                for reg in inst.a..=inst.a + inst.b {
                    let nil = self.pure(pc, Op::BoxedConst(Value::NIL), &[], Type::Boxed);
                    self.store(pc, reg, nil);
                }
            }
            Bc::LoadBool => {
                let v = self.pure(pc, Op::BConst(inst.b != 0), &[], Type::Bool);
                self.store(pc, inst.a, v);
                if inst.c != 0 {
                    let target = self.block_at(pc + 2);
                    self.graph.set_term(self.at, Terminator::Jump(target));
                    return true;
                }
            }
            Bc::LoadInt => {
                let v = self.pure(pc, Op::IConst(i64::from(inst.imm)), &[], Type::Int);
                self.store(pc, inst.a, v);
            }
            Bc::LoadK => {
                let k = self.constants.constant(self.proto.id, inst.imm as usize);
                let v = match k.tag {
                    Tag::Int => self.pure(pc, Op::IConst(k.as_int()), &[], Type::Int),
                    Tag::Float => self.pure(pc, Op::FConst(k.bits), &[], Type::Float),
                    _ => self.pure(pc, Op::BoxedConst(k), &[], Type::Boxed),
                };
                self.store(pc, inst.a, v);
            }
            Bc::Move => {
                let v = self.load(pc, inst.b);
                self.store(pc, inst.a, v);
            }
            Bc::GetGlobal => {
                let v = self.effect(pc, Op::GlobalLoad(inst.imm as u32), &[], Some(Type::Boxed));
                self.store(pc, inst.a, v);
            }
            Bc::SetGlobal => {
                let v = self.load(pc, inst.a);
                self.effect(pc, Op::GlobalStore(inst.imm as u32), &[v], None);
            }
            Bc::GetUpval => {
                let v = self.effect(pc, Op::UpvalLoad(inst.b), &[], Some(Type::Boxed));
                self.store(pc, inst.a, v);
            }
            Bc::SetUpval => {
                let v = self.load(pc, inst.a);
                self.effect(pc, Op::UpvalStore(inst.b), &[v], None);
            }
            Bc::Add | Bc::Sub | Bc::Mul | Bc::Div => self.arithmetic(pc, inst),
            Bc::Mod => self.modulo(pc, inst),
            Bc::GetTable => self.get_element(pc, inst),
            Bc::SetTable => self.set_element(pc, inst),
            Bc::Len => self.length(pc, inst),
            Bc::Unm => match self.site(pc).lhs.single() {
                Some(Tag::Float) => {
                    let v = self.load_as(pc, inst.b, Type::Float);
                    let r = self.pure(pc, Op::FNeg, &[v], Type::Float);
                    self.store(pc, inst.a, r);
                }
                None if !self.site(pc).lhs.is_empty() => self.step(pc),
                Some(Tag::Int) | None => {
                    let v = self.load_as(pc, inst.b, Type::Int);
                    let r = self.pure(pc, Op::INeg, &[v], Type::Int);
                    self.store(pc, inst.a, r);
                }
                Some(_) => self.step(pc),
            },
            Bc::Not => {
                let v = self.load(pc, inst.b);
                let t = self.pure(pc, Op::Truthy, &[v], Type::Bool);
                let r = self.pure(pc, Op::BNot, &[t], Type::Bool);
                self.store(pc, inst.a, r);
            }
            Bc::Eq | Bc::Lt | Bc::Le => {
                self.compare_and_branch(pc, inst);
                return true;
            }
            Bc::Test => {
                let v = self.load(pc, inst.a);
                let cond = self.pure(pc, Op::Truthy, &[v], Type::Bool);
                self.test_branch(pc, cond, inst.c != 0);
                return true;
            }
            Bc::TestSet => {
                let v = self.load(pc, inst.b);
                let cond = self.pure(pc, Op::Truthy, &[v], Type::Bool);
                // The copy happens on the path to the jump only: it gets a block of its own.
                let copy = self.graph.add_block(self.origin(pc));
                let (jump, skip) = (Target::new(copy), self.block_at(pc + 2));
                let (then, other) = if inst.c != 0 { (jump, skip) } else { (skip, jump) };
                self.graph.set_term(self.at, Terminator::Branch { cond, then, other });
                self.at = copy;
                self.store(pc, inst.a, v);
                let target = self.block_at(pc + 1);
                self.graph.set_term(copy, Terminator::Jump(target));
                return true;
            }
            Bc::Jmp => {
                let target = self.block_at(inst.target(pc));
                self.graph.set_term(self.at, Terminator::Jump(target));
                return true;
            }
            Bc::Call => self.call(pc, inst, open),
            Bc::Return => {
                self.ret(pc, inst, open);
                return true;
            }
            Bc::ForPrepLt | Bc::ForPrepLe => {
                let ty = self.loop_type(pc);
                let limit = inst.a + 1;
                let (i, n) = self.operands(pc, Inst { b: inst.a, c: limit, ..inst }, (ty, ty));
                let cond = self.loop_test(pc, inst.op == Bc::ForPrepLe, ty, i, n);
                self.branch(cond, pc + 1, inst.target(pc));
                return true;
            }
            Bc::ForLoopLt | Bc::ForLoopLe => {
                let ty = self.loop_type(pc);
                self.for_loop(pc, inst, ty);
                return true;
            }
            Bc::TForLoop => {
                let v = self.load(pc, inst.a + 3);
                let tag = self.pure(pc, Op::TagOf, &[v], Type::Int);
                let nil = self.pure(pc, Op::IConst(Tag::Nil as i64), &[], Type::Int);
                let more = self.pure(pc, Op::ICmp(Cond::Ne), &[tag, nil], Type::Bool);
                let next = self.graph.add_block(self.origin(pc));
                let (then, other) = (Target::new(next), self.block_at(pc + 1));
                self.graph.set_term(self.at, Terminator::Branch { cond: more, then, other });
                self.at = next;
                self.store(pc, inst.a + 2, v);
                let body = self.block_at(inst.target(pc));
                self.graph.set_term(next, Terminator::Jump(body));
                return true;
            }
            Bc::NewTable
            | Bc::GetField
            | Bc::SetField
            | Bc::SetList
            | Bc::Pow
            | Bc::Concat
            | Bc::Closure
            | Bc::Close
            | Bc::TForCall
            | Bc::SelfGet
            | Bc::Vararg
            | Bc::Go
            | Bc::MakeChan
            | Bc::Send
            | Bc::Recv => self.step_with_open(pc, open),
        }
        false
    }

    /// A runtime step; if it consumes open results that compiled code produced, the interpreter must see its top, so
    /// control leaves instead.
    fn step_with_open(&mut self, pc: usize, open: Option<(u8, u8)>) {
        if open.is_some() {
            let s = self.snapshot(pc, open);
            self.graph.set_term(self.at, Terminator::Exit(s));
            self.at = self.graph.add_block(self.origin(pc)); // unreachable from here on
        } else {
            self.step(pc);
        }
    }

    /// The instruction at `pc` is followed by a jump, taken when the condition equals `expected`.
    fn test_branch(&mut self, pc: usize, cond: NodeId, expected: bool) {
        let (jump, skip) = (pc + 1, pc + 2);
        if expected { self.branch(cond, jump, skip) } else { self.branch(cond, skip, jump) }
    }

    fn loop_type(&self, pc: usize) -> Type {
        let site = self.site(pc);
        numeric_shape(site.lhs, site.rhs).map_or(Type::Int, |(l, _)| l)
    }

    fn loop_test(&mut self, pc: usize, or_equal: bool, ty: Type, i: NodeId, limit: NodeId) -> NodeId {
        let cond = if or_equal { Cond::Le } else { Cond::Lt };
        let op = if ty == Type::Float { Op::FCmp(cond) } else { Op::ICmp(cond) };
        self.pure(pc, op, &[i, limit], Type::Bool)
    }

    fn for_loop(&mut self, pc: usize, inst: Inst, ty: Type) {
        let i = self.load(pc, inst.a);
        let limit = self.load(pc, inst.a + 1);
        let step = self.load(pc, inst.a + 2);
        let i = self.unbox(pc, i, ty);
        let limit = self.unbox(pc, limit, ty);
        // The step is a positive integer literal, whatever the type of the variable.
        let step = self.unbox(pc, step, Type::Int);
        let next = if ty == Type::Float {
            let step = self.float_of(pc, step);
            self.pure(pc, Op::FAdd, &[i, step], Type::Float)
        } else {
            self.pure(pc, Op::IAdd, &[i, step], Type::Int)
        };
        self.store(pc, inst.a, next);
        let more = self.loop_test(pc, inst.op == Bc::ForLoopLe, ty, next, limit);
        self.branch(more, inst.target(pc), pc + 1);
    }

    fn call(&mut self, pc: usize, inst: Inst, open: Option<(u8, u8)>) {
        let site = self.site(pc);
        let results = match (inst.c, site.results) {
            // More results than fit into the frame are the runtime's, like a varying number of them.
            // Only a call or a return can be told how many there are; a runtime step must find the interpreter's top.
            (0, _) if !self.proto.code.get(pc + 1).is_some_and(|i| matches!(i.op, Bc::Call | Bc::Return)) => {
                return self.step_with_open(pc, open);
            }
            (0, ResultCount::Exactly(n)) if n + u32::from(inst.a) <= u32::from(self.proto.nregs) => {
                CallResults::Expect(n as u8)
            }
            (0, ResultCount::None) => CallResults::Expect(1),
            // The number of results varies: the runtime makes the call and keeps the top.
            (0, _) => return self.step_with_open(pc, open),
            (c, _) => CallResults::Fixed(c - 1),
        };
        let nargs = match (inst.b, open) {
            (0, Some((first, count))) => first + count - (inst.a + 1),
            (0, None) => return self.step(pc),
            (b, _) => b - 1,
        };
        if let CallTarget::Builtin(target) = site.target
            && open.is_none()
            && self.intrinsic(pc, inst, target)
        {
            return;
        }
        // A loop is no callee: its calls of the function go to that one's own unit.
        let kind = if site.target == CallTarget::Proto(self.proto.id) && self.part.is_none() {
            self.guard_self(pc, inst.a, open);
            CallKind::SelfCall
        } else {
            CallKind::Generic
        };
        let snapshot = self.snapshot(pc, open.filter(|_| inst.b == 0));
        let origin = self.origin(pc);
        self.graph.effect(self.at, Op::Call { a: inst.a, nargs, results, kind }, &[], None, Some(snapshot), origin);
        if inst.c == 0 {
            self.open = Some((inst.a, results.count()));
        }
    }

    /// Checks that slot `a` holds the running closure.
    fn guard_self(&mut self, pc: usize, a: u8, open: Option<(u8, u8)>) {
        let open = open.filter(|_| self.proto.code[pc].b == 0);
        let callee = self.load(pc, a);
        self.guard(pc, Op::GuardTag(Tag::Function), callee, open);
        let address = self.pure(pc, Op::Unbox(Type::Ptr), &[callee], Type::Ptr);
        let me = self.effect(pc, Op::Callee, &[], Some(Type::Ptr));
        let same = self.pure(pc, Op::ICmp(Cond::Eq), &[address, me], Type::Bool);
        self.guard(pc, Op::Guard, same, open);
    }

    fn ret(&mut self, pc: usize, inst: Inst, open: Option<(u8, u8)>) {
        let first = u16::from(inst.a);
        let term = match (inst.b, open) {
            (0, Some((at, count))) => Terminator::Return { first, count: u16::from(at) + u16::from(count) - first },
            // Open results that the runtime produced: it knows their number.
            (0, None) => Terminator::Exit(self.snapshot(pc, None)),
            (b, _) => Terminator::Return { first, count: u16::from(b) - 1 },
        };
        if matches!(term, Terminator::Return { .. }) && !self.proto.captured.is_empty() {
            self.effect(pc, Op::CloseFrame, &[], None);
        }
        self.graph.set_term(self.at, term);
    }
}
