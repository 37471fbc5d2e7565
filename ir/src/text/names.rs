//! Names of operations and of their parts, both ways: what the printer writes and the parser reads.

use gscript::bytecode::Op as BytecodeOp;
use gscript::value::Tag;

use crate::op::{Cond, Op, TablePart, Type};

/// Operations without immediate operands.
pub(crate) const SIMPLE: [(&str, Op); 27] = [
    ("iadd", Op::IAdd),
    ("isub", Op::ISub),
    ("imul", Op::IMul),
    ("ineg", Op::INeg),
    ("imod", Op::IMod),
    ("in.bounds", Op::InBounds),
    ("fadd", Op::FAdd),
    ("fsub", Op::FSub),
    ("fmul", Op::FMul),
    ("fdiv", Op::FDiv),
    ("fneg", Op::FNeg),
    ("fsqrt", Op::FSqrt),
    ("fabs", Op::FAbs),
    ("floor", Op::FloorToInt),
    ("itof", Op::IntToFloat),
    ("bnot", Op::BNot),
    ("select", Op::Select),
    ("box", Op::Box),
    ("tag", Op::TagOf),
    ("truthy", Op::Truthy),
    ("param", Op::Param),
    ("callee", Op::Callee),
    ("elem.load", Op::ElemLoad),
    ("elem.store", Op::ElemStore),
    ("guard", Op::Guard),
    ("close.frame", Op::CloseFrame),
    ("step", Op::Step),
];

/// Bytecode operations that `host.compare` may name.
pub(crate) const HOST_COMPARISONS: [(&str, BytecodeOp); 3] =
    [("eq", BytecodeOp::Eq), ("lt", BytecodeOp::Lt), ("le", BytecodeOp::Le)];

/// All types.
pub(crate) const TYPES: [Type; 5] = [Type::Boxed, Type::Int, Type::Float, Type::Bool, Type::Ptr];

/// The type with this name.
pub(crate) fn type_named(name: &str) -> Option<Type> {
    TYPES.into_iter().find(|t| t.to_string() == name)
}

/// The tag with this name, as the IR spells it.
pub(crate) fn tag_named(name: &str) -> Option<Tag> {
    Tag::ALL.into_iter().find(|t| t.to_string() == name)
}

/// The condition with this name.
pub(crate) fn cond_named(name: &str) -> Option<Cond> {
    Cond::ALL.into_iter().find(|c| c.to_string() == name)
}

/// The part of a table with this name.
pub(crate) fn table_part_named(name: &str) -> Option<TablePart> {
    TablePart::ALL.into_iter().find(|p| p.to_string() == name)
}

/// The type that an operation's result has by its nature.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ResultType {
    /// No result.
    None,
    /// Always this one.
    Is(Type),
    /// The type of the arguments (`select`), or whatever was declared (a parameter).
    Varies,
}

/// The type that `op`'s result must have.
pub(crate) fn result_type(op: Op) -> ResultType {
    use ResultType::Is;
    match op {
        Op::Call { results, .. } if results.is_value() => ResultType::Varies,
        Op::Call { .. } => ResultType::None,
        Op::Param | Op::Select => ResultType::Varies,
        Op::IConst(_) | Op::IAdd | Op::ISub | Op::IMul | Op::INeg | Op::IShl(_) | Op::TagOf => Is(Type::Int),
        Op::IMod | Op::FloorToInt => Is(Type::Int),
        Op::FConst(_) | Op::FAdd | Op::FSub | Op::FMul | Op::FDiv | Op::FNeg | Op::IntToFloat => Is(Type::Float),
        Op::FSqrt | Op::FAbs => Is(Type::Float),
        Op::BConst(_) | Op::ICmp(_) | Op::FCmp(_) | Op::BNot | Op::Truthy => Is(Type::Bool),
        Op::InBounds | Op::HasTag(_) => Is(Type::Bool),
        Op::TableLoad(part) => Is(part.ty()),
        Op::FieldLoad(_) | Op::ElemLoad => Is(Type::Boxed),
        Op::HostCompare { .. } => Is(Type::Bool),
        Op::BoxedConst(_) | Op::Box | Op::GlobalLoad(_) | Op::UpvalLoad(_) => Is(Type::Boxed),
        Op::Unbox(ty) | Op::SlotLoad(_, ty) => Is(ty),
        Op::Callee => Is(Type::Ptr),
        Op::SlotStore(_)
        | Op::SlotStorePayload(..)
        | Op::GlobalStore(_)
        | Op::UpvalStore(_)
        | Op::FieldStore(_)
        | Op::ElemStore
        | Op::GuardTag(_)
        | Op::Guard
        | Op::GuardGlobal(..)
        | Op::GuardDepth(_)
        | Op::CloseFrame
        | Op::Step => ResultType::None,
    }
}
