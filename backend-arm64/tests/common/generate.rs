//! Random graphs: structured control flow, many live values of all types, guards, calls.

use gscript::bytecode::Op as BytecodeOp;
use gscript::random::Random;
use gscript::value::{Tag, Value};
use gsx_ir::graph::{BlockId, NodeId, Target, Terminator};
use gsx_ir::op::{CallKind, CallResults, Cond, Op, TagHalf, Type};
use gsx_ir::unit::{Pin, Unit};

use super::machine::OTHER;
use super::{Builder, at, target, unit};

/// What graphs look like.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Operations, roughly.
    pub size: usize,
    /// Values that are computed first and used last.
    pub pressure: usize,
    pub calls: bool,
    pub pins: bool,
}

pub const SLOTS: u8 = 24;
/// Slots that calls use: callee, arguments, results.
const CALL_SLOT: u8 = 18;

struct Generator {
    b: Builder,
    rng: Random,
    shape: Shape,
    /// Values in scope.
    env: Vec<(NodeId, Type)>,
    left: usize,
    /// Pins that loops around have taken.
    pins: Vec<Pin>,
}

/// A random unit whose slots 0..8 hold ints, floats or other values on entry.
pub fn generate(seed: u64, shape: Shape) -> Unit {
    let b = Builder::new(unit(8, SLOTS));
    let mut g = Generator { b, rng: Random::new(seed), shape, env: Vec::new(), left: shape.size, pins: Vec::new() };
    for slot in 0..8 {
        let v = g.b.load(slot, Type::Boxed);
        g.env.push((v, Type::Boxed));
    }
    for i in 0..shape.pressure {
        let ty = if i % 3 == 2 { Type::Float } else { Type::Int };
        let v = g.pure_of(ty);
        g.env.push((v, ty));
    }
    let kept: Vec<_> = g.env.clone();
    g.region(0);
    for (i, &(v, _)) in kept.iter().enumerate() {
        g.b.store((i % 16) as u16, v);
        if i % 16 == 15 {
            let (_, ty) = kept[i];
            let loaded = g.b.load(0, Type::Boxed);
            g.env.push((loaded, Type::Boxed));
            g.env.push((v, ty));
        }
    }
    g.snapshot_guard();
    let first = g.rng.below(8) as u16;
    let count = g.rng.below(8) as u16;
    g.b.ret(first, count);
    g.b.unit
}

const TYPES: [Type; 4] = [Type::Int, Type::Float, Type::Bool, Type::Boxed];

impl Generator {
    fn next_pc(&mut self) {
        self.b.pc += 1;
    }

    /// A value of a type: one in scope, or a constant.
    fn value(&mut self, ty: Type) -> NodeId {
        let of_type: Vec<NodeId> = self.env.iter().filter(|v| v.1 == ty).map(|v| v.0).collect();
        if !of_type.is_empty() && self.rng.chance(80) {
            return self.rng.pick(&of_type);
        }
        const INTS: [i64; 14] =
            [0, 1, -1, 2, 7, 4095, 4096, -4096, 4097, 0xfff000, 70_000, -70_001, i64::MIN, 0x1234_5678_9abc];
        const FLOATS: [f64; 6] = [0.0, -0.0, 1.0, 0.1, -2.5, 1e300];
        match ty {
            Type::Int => {
                let v = self.rng.pick(&INTS);
                self.b.int(v)
            }
            Type::Float => {
                let v = self.rng.pick(&FLOATS);
                self.b.float(v)
            }
            Type::Bool => {
                let v = self.rng.chance(50);
                self.b.bool(v)
            }
            _ => {
                let v = self.rng.pick(&[
                    Value::NIL,
                    Value::int(3),
                    Value::float(1.5),
                    Value::bool(false),
                    Value { tag: Tag::Function, bits: OTHER },
                ]);
                self.b.pure(Op::BoxedConst(v), &[], Type::Boxed)
            }
        }
    }

    fn pure_of(&mut self, ty: Type) -> NodeId {
        let cond = self.rng.pick(&Cond::ALL);
        let shift = self.rng.pick(&[0, 1, 3, 32, 63]);
        let tag = self.rng.pick(&[Tag::Nil, Tag::Bool, Tag::Int, Tag::Float, Tag::Function]);
        let (op, types): (Op, &[Type]) = match ty {
            Type::Int => self.rng.pick(&[
                (Op::IAdd, &[Type::Int, Type::Int][..]),
                (Op::ISub, &[Type::Int, Type::Int]),
                (Op::IMul, &[Type::Int, Type::Int]),
                (Op::INeg, &[Type::Int]),
                (Op::IShl(shift), &[Type::Int]),
                (Op::IMod, &[Type::Int, Type::Int]),
                (Op::FloorToInt, &[Type::Float]),
                (Op::TagOf, &[Type::Boxed]),
                (Op::Select, &[Type::Bool, Type::Int, Type::Int]),
            ]),
            Type::Float => self.rng.pick(&[
                (Op::FAdd, &[Type::Float, Type::Float][..]),
                (Op::FSub, &[Type::Float, Type::Float]),
                (Op::FMul, &[Type::Float, Type::Float]),
                (Op::FDiv, &[Type::Float, Type::Float]),
                (Op::FNeg, &[Type::Float]),
                (Op::FSqrt, &[Type::Float]),
                (Op::FAbs, &[Type::Float]),
                (Op::IntToFloat, &[Type::Int]),
                (Op::Select, &[Type::Bool, Type::Float, Type::Float]),
            ]),
            Type::Bool => self.rng.pick(&[
                (Op::ICmp(cond), &[Type::Int, Type::Int][..]),
                (Op::FCmp(cond), &[Type::Float, Type::Float]),
                (Op::InBounds, &[Type::Int, Type::Int]),
                (Op::HasTag(tag), &[Type::Boxed]),
                (Op::BNot, &[Type::Bool]),
                (Op::Truthy, &[Type::Boxed]),
                (Op::Select, &[Type::Bool, Type::Bool, Type::Bool]),
            ]),
            _ => (Op::Box, self.rng.pick(&[&[Type::Int][..], &[Type::Float], &[Type::Bool]])),
        };
        let args: Vec<NodeId> = types.iter().map(|&t| self.value(t)).collect();
        self.b.pure(op, &args, ty)
    }

    /// Some slots with values that exits write.
    fn writes(&mut self) -> Vec<(u16, NodeId)> {
        let mut out: Vec<(u16, NodeId)> = Vec::new();
        for slot in 0..16 {
            if self.rng.chance(20) {
                let ty = self.rng.pick(&TYPES);
                out.push((slot, self.value(ty)));
            }
        }
        out
    }

    fn snapshot_guard(&mut self) {
        self.next_pc();
        let writes = self.writes();
        if self.rng.chance(50) {
            let v = self.value(Type::Boxed);
            let tag = self.rng.pick(&[Tag::Int, Tag::Int, Tag::Float, Tag::Nil, Tag::Bool]);
            self.b.leaving(Op::GuardTag(tag), &[v], None, &writes);
            if let Some(ty) = Type::of_tag(tag) {
                let unboxed = self.b.pure(Op::Unbox(ty), &[v], ty);
                self.env.push((unboxed, ty));
            }
        } else {
            // A guard that mostly holds, so that runs get far.
            let (x, y) = (self.value(Type::Int), self.value(Type::Int));
            let a = self.b.icmp(Cond::Ne, x, y);
            let b = self.value(Type::Bool);
            let t = self.b.bool(true);
            let cond = self.b.pure(Op::Select, &[b, t, a], Type::Bool);
            self.b.leaving(Op::Guard, &[cond], None, &writes);
        }
    }

    fn call(&mut self) {
        self.next_pc();
        let writes = self.writes();
        match self.rng.below(6) {
            0 => {
                self.b.effect(Op::Step, &[], None);
                return;
            }
            1 => {
                let (b, c) = (self.rng.below(16) as u8, self.rng.below(16) as u8);
                let op = Op::HostCompare { op: BytecodeOp::Lt, b, c };
                let v = self.b.effect(op, &[], Some(Type::Bool));
                self.env.push((v, Type::Bool));
                return;
            }
            _ => {}
        }
        let a = CALL_SLOT;
        let f = if self.rng.chance(95) {
            self.b.pure(Op::BoxedConst(Value { tag: Tag::Function, bits: OTHER }), &[], Type::Boxed)
        } else {
            self.value(Type::Boxed)
        };
        self.b.store(a.into(), f);
        let nargs = self.rng.below(5) as u8;
        for i in 1..=nargs {
            let ty = self.rng.pick(&TYPES);
            let v = self.value(ty);
            self.b.store(u16::from(a + i), v);
        }
        if self.rng.chance(30) {
            // A payload over another of the same type.
            let (slot, ty) = (self.rng.below(8) as u16, self.rng.pick(&TYPES[..3]));
            let (first, second) = (self.value(ty), self.value(ty));
            self.b.store(slot, first);
            let half = self.rng.pick(&[TagHalf::Right, TagHalf::Unread]);
            self.b.effect(Op::SlotStorePayload(slot, half), &[second], None);
        }
        let n = self.rng.below(4) as u8;
        let results = if self.rng.chance(20) { CallResults::Expect(n) } else { CallResults::Fixed(n) };
        self.b.leaving(Op::Call { a, nargs, results, kind: CallKind::Generic }, &[], None, &writes);
        for i in 0..n {
            let v = self.b.load(u16::from(a + i), Type::Boxed);
            self.env.push((v, Type::Boxed));
        }
    }

    /// A number of statements at a nesting depth.
    fn region(&mut self, depth: usize) {
        let statements = 2 + self.rng.below(10);
        for _ in 0..statements {
            if self.left == 0 {
                return;
            }
            self.left -= 1;
            match self.rng.below(100) {
                0..55 => {
                    let ty = self.rng.pick(&TYPES);
                    let v = self.pure_of(ty);
                    self.env.push((v, ty));
                }
                55..62 => {
                    let slot = self.rng.below(16) as u16;
                    let v = self.b.load(slot, Type::Boxed);
                    self.env.push((v, Type::Boxed));
                }
                62..70 => {
                    let ty = self.rng.pick(&TYPES);
                    let v = self.value(ty);
                    let slot = self.rng.below(16) as u16;
                    self.b.store(slot, v);
                }
                70..74 => {
                    let g = self.rng.below(3) as u32 + 1;
                    let v = self.b.effect(Op::GlobalLoad(g), &[], Some(Type::Boxed));
                    self.env.push((v, Type::Boxed));
                    let ty = self.rng.pick(&TYPES);
                    let v = self.value(ty);
                    self.b.effect(Op::GlobalStore(g), &[v], None);
                }
                74..80 => self.snapshot_guard(),
                80..86 if self.shape.calls => self.call(),
                86..93 if depth < 4 => self.diamond(depth),
                93..100 if depth < 3 => self.a_loop(depth),
                _ => {}
            }
        }
    }

    fn params(&mut self, block: BlockId, types: &[Type], pins: &[Option<Pin>]) -> Vec<NodeId> {
        types.iter().zip(pins).map(|(&ty, &pin)| self.b.g().add_param(block, ty, pin, at(0))).collect()
    }

    fn args(&mut self, types: &[Type]) -> Vec<NodeId> {
        types.iter().map(|&t| self.value(t)).collect()
    }

    fn diamond(&mut self, depth: usize) {
        let cond = self.pure_of(Type::Bool);
        let (yes, no, join) = (self.b.new_block(), self.b.new_block(), self.b.new_block());
        let types: Vec<Type> = (0..self.rng.below(4)).map(|_| self.rng.pick(&TYPES)).collect();
        let none = vec![None; types.len()];
        let params = self.params(join, &types, &none);
        let inner = self.args(&types);
        let inner_params = self.params(yes, &types, &none);
        // Sometimes one side is empty: then the edge to the join has moves of its own.
        let empty_side = self.rng.chance(30);
        let other = if empty_side { target(join, &self.args(&types)) } else { target(no, &[]) };
        self.b.branch(cond, target(yes, &inner), other);
        let outer = self.env.clone();
        self.b.go(yes);
        self.env.extend(inner_params.iter().copied().zip(types.iter().copied()));
        self.region(depth + 1);
        let args = self.args(&types);
        self.b.jump(join, &args);
        self.env = outer.clone();
        if !empty_side {
            self.b.go(no);
            if self.rng.chance(10) {
                self.next_pc();
                let writes = self.writes();
                let s = self.b.snapshot(&writes);
                self.b.term(Terminator::Exit(s));
            } else {
                self.region(depth + 1);
                let args = self.args(&types);
                self.b.jump(join, &args);
            }
            self.env = outer;
        }
        self.b.go(join);
        self.env.extend(params.iter().copied().zip(types.iter().copied()));
    }

    fn a_loop(&mut self, depth: usize) {
        let mut types = vec![Type::Int];
        for _ in 0..self.rng.below(4) {
            types.push(self.rng.pick(&TYPES));
        }
        let taken = self.pins.len();
        let mut pins = Vec::new();
        for &ty in &types {
            let pool: &[Pin] = if ty == Type::Float { &Pin::LOOP_D } else { &Pin::LOOP_X };
            let pin = self.rng.pick(pool);
            // Inner loops sometimes use the registers of outer ones again.
            let free = !pins.contains(&Some(pin)) && (!self.pins.contains(&pin) || self.rng.chance(20));
            let wanted = self.shape.pins && ty != Type::Boxed && free && self.rng.chance(70);
            pins.push(wanted.then_some(pin));
            self.pins.extend(wanted.then_some(pin));
        }
        let (head, done) = (self.b.new_block(), self.b.new_block());
        let params = self.params(head, &types, &pins);
        let mut init = self.args(&types);
        let rounds = 1 + self.rng.below(4) as i64;
        init[0] = self.b.int(rounds);
        self.b.jump(head, &init);
        self.b.go(head);
        self.env.extend(params.iter().copied().zip(types.iter().copied()));
        let outer = self.env.clone();
        let one = self.b.int(1);
        let zero = self.b.int(0);
        let done_types: Vec<Type> = types[1..].to_vec();
        let none = vec![None; done_types.len()];
        let done_params = self.params(done, &done_types, &none);
        if self.rng.chance(50) {
            // Tested at the top.
            let body = self.b.new_block();
            let more = self.b.icmp(Cond::Gt, params[0], zero);
            let out = self.args(&done_types);
            self.b.branch(more, target(body, &[]), target(done, &out));
            self.b.go(body);
            self.region(depth + 1);
            let mut next = self.args(&types);
            next[0] = self.b.pure(Op::ISub, &[params[0], one], Type::Int);
            self.b.jump(head, &next);
            self.env = outer;
        } else {
            self.region(depth + 1);
            let mut next = self.args(&types);
            next[0] = self.b.pure(Op::ISub, &[params[0], one], Type::Int);
            let more = self.b.icmp(Cond::Gt, next[0], zero);
            let out = self.args(&done_types);
            let (then, other): (Target, Target) = (target(head, &next), target(done, &out));
            if self.rng.chance(50) {
                self.b.branch(more, then, other);
            } else {
                let less = self.b.pure(Op::BNot, &[more], Type::Bool);
                self.b.branch(less, other, then);
            }
        }
        self.pins.truncate(taken);
        self.b.go(done);
        self.env.extend(done_params.iter().copied().zip(done_types));
    }
}
