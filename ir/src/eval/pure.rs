//! Values, and what pure operations compute.

use gscript::value::{Tag, Value};

use crate::graph::Node;
use crate::op::{Op, Type};

/// A value of the graph.
#[derive(Clone, Copy, Debug)]
pub enum Val {
    /// A value with its tag.
    Boxed(Value),
    /// An integer.
    Int(i64),
    /// A float.
    Float(f64),
    /// A truth value.
    Bool(bool),
    /// A guest address.
    Ptr(u64),
}

impl Val {
    /// Its type.
    pub fn ty(self) -> Type {
        match self {
            Val::Boxed(_) => Type::Boxed,
            Val::Int(_) => Type::Int,
            Val::Float(_) => Type::Float,
            Val::Bool(_) => Type::Bool,
            Val::Ptr(_) => Type::Ptr,
        }
    }

    /// The value with its tag, as a store writes it; a pointer has none.
    pub fn boxed(self) -> Option<Value> {
        match self {
            Val::Boxed(v) => Some(v),
            Val::Int(n) => Some(Value::int(n)),
            Val::Float(x) => Some(Value::float(x)),
            Val::Bool(b) => Some(Value::bool(b)),
            Val::Ptr(_) => None,
        }
    }
}

/// The payload of a value as a type.
pub fn payload(v: Value, ty: Type) -> Val {
    match ty {
        Type::Boxed => Val::Boxed(v),
        Type::Int => Val::Int(v.as_int()),
        Type::Float => Val::Float(v.as_float()),
        Type::Bool => Val::Bool(v.bits & 1 != 0),
        Type::Ptr => Val::Ptr(v.bits),
    }
}

/// Is `tag` one whose payload has type `ty`?
pub(super) fn tag_fits(tag: Tag, ty: Type) -> bool {
    match ty {
        Type::Boxed => true,
        Type::Ptr => tag.is_object(),
        Type::Int | Type::Float | Type::Bool => ty.tag() == Some(tag),
    }
}

/// `a % b` with the sign of `b`; `a` if that is 0, as [`Op::IMod`] says.
pub fn floored_mod(a: i64, b: i64) -> i64 {
    if b == 0 {
        return a;
    }
    let r = a.wrapping_rem(b);
    if r != 0 && (r ^ b) < 0 { r.wrapping_add(b) } else { r }
}

/// Evaluates a pure operation; the error says what is wrong with its arguments. `guest_base` is where the arena lies.
pub fn evaluate(node: &Node, args: &[Val], guest_base: u64) -> Result<Val, String> {
    let val = match (node.op, args) {
        (Op::IConst(n), []) => Val::Int(n),
        (Op::FConst(bits), []) => Val::Float(f64::from_bits(bits)),
        (Op::BConst(b), []) => Val::Bool(b),
        (Op::BoxedConst(v), []) if v.tag.is_object() => {
            Val::Boxed(Value { bits: v.bits.wrapping_add(guest_base), ..v })
        }
        (Op::BoxedConst(v), []) => Val::Boxed(v),
        (Op::IAdd, &[Val::Int(a), Val::Int(b)]) => Val::Int(a.wrapping_add(b)),
        (Op::ISub, &[Val::Int(a), Val::Int(b)]) => Val::Int(a.wrapping_sub(b)),
        (Op::IMul, &[Val::Int(a), Val::Int(b)]) => Val::Int(a.wrapping_mul(b)),
        (Op::INeg, &[Val::Int(a)]) => Val::Int(a.wrapping_neg()),
        (Op::IShl(n), &[Val::Int(a)]) => Val::Int(a.wrapping_shl(n.into())),
        (Op::IMod, &[Val::Int(a), Val::Int(b)]) => Val::Int(floored_mod(a, b)),
        (Op::InBounds, &[Val::Int(a), Val::Int(b)]) => Val::Bool((a as u64) < b as u64),
        (Op::FSqrt, &[Val::Float(a)]) => Val::Float(a.sqrt()),
        (Op::FAbs, &[Val::Float(a)]) => Val::Float(a.abs()),
        (Op::FloorToInt, &[Val::Float(a)]) => Val::Int(a.floor() as i64),
        (Op::FAdd, &[Val::Float(a), Val::Float(b)]) => Val::Float(a + b),
        (Op::FSub, &[Val::Float(a), Val::Float(b)]) => Val::Float(a - b),
        (Op::FMul, &[Val::Float(a), Val::Float(b)]) => Val::Float(a * b),
        (Op::FDiv, &[Val::Float(a), Val::Float(b)]) => Val::Float(a / b),
        (Op::FNeg, &[Val::Float(a)]) => Val::Float(-a),
        (Op::IntToFloat, &[Val::Int(a)]) => Val::Float(a as f64),
        (Op::ICmp(c), &[Val::Int(a), Val::Int(b)]) => Val::Bool(c.holds_int(a, b)),
        (Op::ICmp(c), &[Val::Ptr(a), Val::Ptr(b)]) => Val::Bool(c.holds_int(a as i64, b as i64)),
        (Op::FCmp(c), &[Val::Float(a), Val::Float(b)]) => Val::Bool(c.holds_float(a, b)),
        (Op::BNot, &[Val::Bool(a)]) => Val::Bool(!a),
        (Op::Select, &[Val::Bool(c), a, b]) => {
            if c {
                a
            } else {
                b
            }
        }
        (Op::Box, &[v]) => match v.boxed() {
            Some(boxed) => Val::Boxed(boxed),
            None => return Err("boxes a pointer".to_owned()),
        },
        (Op::Unbox(ty), &[Val::Boxed(v)]) => payload(v, ty),
        (Op::TagOf, &[Val::Boxed(v)]) => Val::Int(v.tag as i64),
        (Op::HasTag(tag), &[Val::Boxed(v)]) => Val::Bool(v.tag == tag),
        (Op::Truthy, &[Val::Boxed(v)]) => Val::Bool(v.truthy()),
        (op, args) => {
            let types: Vec<String> = args.iter().map(|a| a.ty().to_string()).collect();
            return Err(format!("{op:?} of ({})", types.join(", ")));
        }
    };
    Ok(val)
}
