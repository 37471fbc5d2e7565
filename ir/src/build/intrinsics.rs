//! Library functions that are instructions: `math.sqrt`, `math.floor`, `math.abs`.
//!
//! The call must be of the very function that the profile saw, which is checked: a program may redefine `math.sqrt`. The
//! argument must be a number of the type that was seen.

use gscript::bytecode::Inst;
use gscript::profile::BuiltinTarget;
use gscript::value::{Tag, Value};

use super::Builder;
use crate::graph::NodeId;
use crate::op::{Cond, Op, Type};

/// 2^63: floats below it in size have an integer below them.
const TWO_63: f64 = 9_223_372_036_854_775_808.0;

#[derive(Clone, Copy)]
enum Intrinsic {
    Sqrt,
    Floor,
    Abs,
}

impl Intrinsic {
    fn named(name: &str) -> Option<Intrinsic> {
        Some(match name {
            "math.sqrt" => Intrinsic::Sqrt,
            "math.floor" => Intrinsic::Floor,
            "math.abs" => Intrinsic::Abs,
            _ => return None,
        })
    }
}

impl Builder<'_> {
    /// Translates a call of a library function, if it is one of these and was called with a number; false if not.
    pub(super) fn intrinsic(&mut self, pc: usize, inst: Inst, target: BuiltinTarget) -> bool {
        let Some(function) = self.constants.builtin_name(target.index).and_then(Intrinsic::named) else { return false };
        let ty = match self.site(pc).lhs.single() {
            Some(Tag::Int) => Type::Int,
            Some(Tag::Float) => Type::Float,
            _ => return false,
        };
        if inst.b < 2 {
            return false;
        }
        let callee = self.load(pc, inst.a);
        self.guard(pc, Op::GuardTag(Tag::Function), callee, None);
        let callee = self.pure(pc, Op::Unbox(Type::Ptr), &[callee], Type::Ptr);
        let expected = self.closure_address(pc, target.closure);
        let same = self.pure(pc, Op::ICmp(Cond::Eq), &[callee, expected], Type::Bool);
        self.guard(pc, Op::Guard, same, None);
        let x = self.load_as(pc, inst.a + 1, ty);
        let result = self.apply(pc, function, x, ty);
        match inst.c {
            // All results: there is one.
            0 => {
                self.store(pc, inst.a, result);
                self.open = Some((inst.a, 1));
            }
            1 => {}
            c => {
                self.store(pc, inst.a, result);
                for more in 1..c - 1 {
                    let nil = self.pure(pc, Op::BoxedConst(Value::NIL), &[], Type::Boxed);
                    self.store(pc, inst.a + more, nil);
                }
            }
        }
        true
    }

    fn apply(&mut self, pc: usize, function: Intrinsic, x: NodeId, ty: Type) -> NodeId {
        match (function, ty) {
            (Intrinsic::Sqrt, _) => {
                let x = self.float_of(pc, x);
                self.pure(pc, Op::FSqrt, &[x], Type::Float)
            }
            (Intrinsic::Abs, Type::Float) => self.pure(pc, Op::FAbs, &[x], Type::Float),
            (Intrinsic::Abs, _) => {
                let zero = self.pure(pc, Op::IConst(0), &[], Type::Int);
                let negative = self.pure(pc, Op::ICmp(Cond::Lt), &[x, zero], Type::Bool);
                let opposite = self.pure(pc, Op::INeg, &[x], Type::Int);
                self.pure(pc, Op::Select, &[negative, opposite, x], Type::Int)
            }
            (Intrinsic::Floor, Type::Float) => {
                // Others have no integer and stay what they are.
                let size = self.pure(pc, Op::FAbs, &[x], Type::Float);
                let limit = self.pure(pc, Op::FConst(TWO_63.to_bits()), &[], Type::Float);
                let fits = self.pure(pc, Op::FCmp(Cond::Lt), &[size, limit], Type::Bool);
                self.guard(pc, Op::Guard, fits, None);
                self.pure(pc, Op::FloorToInt, &[x], Type::Int)
            }
            (Intrinsic::Floor, _) => x,
        }
    }
}
