//! Arithmetic and comparisons.

use gscript::bytecode::{Inst, Op as Bc};
use gscript::profile::TypeSet;
use gscript::value::Tag;

use super::{Builder, numeric_shape};
use crate::graph::{NodeId, Target, Terminator};
use crate::op::{Cond, Op, Type};

/// Integers up to this size are floats, too: those of 53 bits.
const EXACT: i64 = 1 << 53;

/// Were integers and floats seen, and nothing else?
fn is_any_number(set: TypeSet) -> bool {
    let mut both = TypeSet::EMPTY;
    both.insert(Tag::Int);
    both.insert(Tag::Float);
    set == both
}

impl Builder<'_> {
    pub(super) fn arithmetic(&mut self, pc: usize, inst: Inst) {
        let site = self.site(pc);
        let Some(shape) = numeric_shape(site.lhs, site.rhs) else { return self.float_arithmetic(pc, inst) };
        let (l, r) = self.operands(pc, inst, shape);
        let value = if shape == (Type::Int, Type::Int) && inst.op != Bc::Div {
            let op = match inst.op {
                Bc::Add => Op::IAdd,
                Bc::Sub => Op::ISub,
                _ => Op::IMul,
            };
            self.pure(pc, op, &[l, r], Type::Int)
        } else {
            let (l, r) = (self.float_of(pc, l), self.float_of(pc, r));
            self.pure(pc, float_op(inst.op), &[l, r], Type::Float)
        };
        self.store(pc, inst.a, value);
    }

    /// Arithmetic on operands of which one was seen as integer and as float. If the result is a float whichever it is, both
    /// are made floats; else the runtime does it.
    fn float_arithmetic(&mut self, pc: usize, inst: Inst) {
        let site = self.site(pc);
        let is_number = |set: TypeSet| is_any_number(set) || matches!(set.single(), Some(Tag::Int | Tag::Float));
        let is_float = |set: TypeSet| set.single() == Some(Tag::Float);
        let gives_float = inst.op == Bc::Div || is_float(site.lhs) || is_float(site.rhs);
        if !(is_number(site.lhs) && is_number(site.rhs) && gives_float) {
            return self.step(pc);
        }
        let l = self.load_float(pc, inst.b, site.lhs);
        let r = if inst.b == inst.c { l } else { self.load_float(pc, inst.c, site.rhs) };
        let value = self.pure(pc, float_op(inst.op), &[l, r], Type::Float);
        self.store(pc, inst.a, value);
    }

    /// Loads a number as a float; types that were not seen leave.
    fn load_float(&mut self, pc: usize, reg: u8, seen: TypeSet) -> NodeId {
        let boxed = self.load(pc, reg);
        match seen.single() {
            Some(Tag::Int) => {
                let v = self.unbox(pc, boxed, Type::Int);
                return self.pure(pc, Op::IntToFloat, &[v], Type::Float);
            }
            Some(_) => return self.unbox(pc, boxed, Type::Float),
            None => {}
        }
        let is_float = self.pure(pc, Op::HasTag(Tag::Float), &[boxed], Type::Bool);
        let [float, int, join] = [(); 3].map(|()| self.graph.add_block(self.origin(pc)));
        let (then, other) = (Target::new(float), Target::new(int));
        self.graph.set_term(self.at, Terminator::Branch { cond: is_float, then, other });
        let result = self.graph.add_param(join, Type::Float, None, self.origin(pc));
        let payload = self.pure(pc, Op::Unbox(Type::Float), &[boxed], Type::Float);
        self.graph.set_term(float, Terminator::Jump(Target::with_args(join, &[payload])));
        self.at = int;
        let v = self.unbox(pc, boxed, Type::Int);
        let converted = self.pure(pc, Op::IntToFloat, &[v], Type::Float);
        self.graph.set_term(int, Terminator::Jump(Target::with_args(join, &[converted])));
        self.at = join;
        result
    }

    /// `%` of integers; a divisor of 0 leaves, and the interpreter says what is wrong. Floats are the runtime's.
    pub(super) fn modulo(&mut self, pc: usize, inst: Inst) {
        let site = self.site(pc);
        let seen = !site.lhs.is_empty() && !site.rhs.is_empty();
        if !seen || numeric_shape(site.lhs, site.rhs) != Some((Type::Int, Type::Int)) {
            return self.step(pc);
        }
        let (l, r) = self.operands(pc, inst, (Type::Int, Type::Int));
        let zero = self.pure(pc, Op::IConst(0), &[], Type::Int);
        let divides = self.pure(pc, Op::ICmp(Cond::Ne), &[r, zero], Type::Bool);
        self.guard(pc, Op::Guard, divides, None);
        let value = self.pure(pc, Op::IMod, &[l, r], Type::Int);
        self.store(pc, inst.a, value);
    }

    pub(super) fn compare_and_branch(&mut self, pc: usize, inst: Inst) {
        let cond = match inst.op {
            Bc::Eq => Cond::Eq,
            Bc::Lt => Cond::Lt,
            _ => Cond::Le,
        };
        let site = self.site(pc);
        let shape = numeric_shape(site.lhs, site.rhs);
        let result = match shape {
            Some((Type::Int, Type::Int)) => {
                let (l, r) = self.operands(pc, inst, (Type::Int, Type::Int));
                self.pure(pc, Op::ICmp(cond), &[l, r], Type::Bool)
            }
            Some((Type::Float, Type::Float)) => {
                let (l, r) = self.operands(pc, inst, (Type::Float, Type::Float));
                self.pure(pc, Op::FCmp(cond), &[l, r], Type::Bool)
            }
            Some(mixed) => return self.compare_mixed(pc, inst, cond, mixed),
            None => self.host_compare(pc, inst),
        };
        self.test_branch(pc, result, inst.a != 0);
    }

    fn host_compare(&mut self, pc: usize, inst: Inst) -> NodeId {
        self.effect(pc, Op::HostCompare { op: inst.op, b: inst.b, c: inst.c }, &[], Some(Type::Bool))
    }

    /// An integer and a float compare exactly. The integer as a float does that only up to 53 bits; larger ones are the
    /// runtime's.
    fn compare_mixed(&mut self, pc: usize, inst: Inst, cond: Cond, shape: (Type, Type)) {
        let (l, r) = self.operands(pc, inst, shape);
        let int = if shape.0 == Type::Int { l } else { r };
        let bias = self.pure(pc, Op::IConst(EXACT), &[], Type::Int);
        let biased = self.pure(pc, Op::IAdd, &[int, bias], Type::Int);
        let end = self.pure(pc, Op::IConst(2 * EXACT + 1), &[], Type::Int);
        let is_exact = self.pure(pc, Op::InBounds, &[biased, end], Type::Bool);
        let [exact, large] = [(); 2].map(|()| self.graph.add_block(self.origin(pc)));
        let (then, other) = (Target::new(exact), Target::new(large));
        self.graph.set_term(self.at, Terminator::Branch { cond: is_exact, then, other });
        self.at = large;
        let result = self.host_compare(pc, inst);
        self.test_branch(pc, result, inst.a != 0);
        self.at = exact;
        let (l, r) = (self.float_of(pc, l), self.float_of(pc, r));
        let result = self.pure(pc, Op::FCmp(cond), &[l, r], Type::Bool);
        self.test_branch(pc, result, inst.a != 0);
    }
}

fn float_op(op: Bc) -> Op {
    match op {
        Bc::Add => Op::FAdd,
        Bc::Sub => Op::FSub,
        Bc::Mul => Op::FMul,
        _ => Op::FDiv,
    }
}
