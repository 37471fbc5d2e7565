//! Operations, types and conditions.

use std::fmt;

use gscript::bytecode::Op as BytecodeOp;
use gscript::layout;
use gscript::value::{Tag, Value};

/// Type of a value in the graph.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Type {
    /// A GScript value with its tag. How many machine registers it takes is the layout's business.
    Boxed,
    /// 64-bit integer.
    Int,
    /// Double.
    Float,
    /// 0 or 1.
    Bool,
    /// Guest address of an object.
    Ptr,
}

impl Type {
    /// The type of the payload of values with this tag, where it is one of the unboxed types.
    pub fn of_tag(tag: Tag) -> Option<Type> {
        match tag {
            Tag::Bool => Some(Type::Bool),
            Tag::Int => Some(Type::Int),
            Tag::Float => Some(Type::Float),
            _ => None,
        }
    }

    /// The tag that a value of this type gets when it is boxed; none for boxed values and pointers.
    pub fn tag(self) -> Option<Tag> {
        match self {
            Type::Bool => Some(Tag::Bool),
            Type::Int => Some(Tag::Int),
            Type::Float => Some(Tag::Float),
            Type::Boxed | Type::Ptr => None,
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Type::Boxed => "boxed",
            Type::Int => "int",
            Type::Float => "float",
            Type::Bool => "bool",
            Type::Ptr => "ptr",
        })
    }
}

/// Condition of a comparison. On floats, all but `Ne` are false when an operand is NaN.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Cond {
    /// equal
    Eq,
    /// not equal
    Ne,
    /// less (signed)
    Lt,
    /// less or equal (signed)
    Le,
    /// greater (signed)
    Gt,
    /// greater or equal (signed)
    Ge,
}

impl Cond {
    /// All of them.
    pub const ALL: [Cond; 6] = [Cond::Eq, Cond::Ne, Cond::Lt, Cond::Le, Cond::Gt, Cond::Ge];

    /// The condition with the operands exchanged.
    pub fn swapped(self) -> Cond {
        match self {
            Cond::Lt => Cond::Gt,
            Cond::Le => Cond::Ge,
            Cond::Gt => Cond::Lt,
            Cond::Ge => Cond::Le,
            c => c,
        }
    }

    /// The opposite condition. Right for integers only: with NaN, `!(a < b)` is not `a >= b`.
    pub fn negated(self) -> Cond {
        match self {
            Cond::Eq => Cond::Ne,
            Cond::Ne => Cond::Eq,
            Cond::Lt => Cond::Ge,
            Cond::Le => Cond::Gt,
            Cond::Gt => Cond::Le,
            Cond::Ge => Cond::Lt,
        }
    }

    /// Does it hold for integers `a`, `b`?
    pub fn holds_int(self, a: i64, b: i64) -> bool {
        match self {
            Cond::Eq => a == b,
            Cond::Ne => a != b,
            Cond::Lt => a < b,
            Cond::Le => a <= b,
            Cond::Gt => a > b,
            Cond::Ge => a >= b,
        }
    }

    /// Does it hold for floats `a`, `b`?
    pub fn holds_float(self, a: f64, b: f64) -> bool {
        match self {
            Cond::Eq => a == b,
            Cond::Ne => a != b,
            Cond::Lt => a < b,
            Cond::Le => a <= b,
            Cond::Gt => a > b,
            Cond::Ge => a >= b,
        }
    }
}

impl fmt::Display for Cond {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Cond::Eq => "eq",
            Cond::Ne => "ne",
            Cond::Lt => "lt",
            Cond::Le => "le",
            Cond::Gt => "gt",
            Cond::Ge => "ge",
        })
    }
}

/// How compiled code reaches a callee.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum CallKind {
    /// Whatever is in the slot: checked at run time, through the callee's function record.
    Generic,
    /// The function being compiled itself; a guard before the call has proved it.
    SelfCall,
    /// The function being compiled itself, behind the checks of its entry: at the unit's
    /// [`SelfEntry`](crate::unit::SelfEntry). A guard before the call has proved the callee, and the graph the
    /// types of the arguments.
    SelfEntry,
}

impl CallKind {
    /// Does it call the function being compiled?
    pub fn is_self(self) -> bool {
        self != CallKind::Generic
    }
}

/// What happens to a call's results.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum CallResults {
    /// The first `n` go to slots `a..a+n`, missing ones are nil.
    Fixed(u8),
    /// Exactly `n` are expected, go to slots `a..a+n`; another count leaves through the call's snapshot, behind the
    /// call, with all results in place (`OpenResults`).
    Expect(u8),
    /// The first result is the value of the node, nil if there is none; no slot is written. The node is boxed, or of the
    /// type that the unit's self entry returns: another result then leaves through the snapshot, behind the call.
    Value,
    /// As `Value`, but exactly one result is expected: another count leaves through the snapshot, behind the call.
    ExpectValue,
}

impl CallResults {
    /// How many slots the call writes.
    pub fn count(self) -> u8 {
        match self {
            CallResults::Fixed(n) | CallResults::Expect(n) => n,
            CallResults::Value | CallResults::ExpectValue => 0,
        }
    }

    /// Is the first result the node's value?
    pub fn is_value(self) -> bool {
        matches!(self, CallResults::Value | CallResults::ExpectValue)
    }

    /// Does another number of results than it says leave?
    pub fn is_expectation(self) -> bool {
        matches!(self, CallResults::Expect(_) | CallResults::ExpectValue)
    }
}

/// What a store of a payload alone leaves behind in the tag's half of its slot.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum TagHalf {
    /// The right tag: the slot's memory has it already, on every path.
    Right,
    /// Anything: nobody looks at it before the slot gets a tag again.
    Unread,
}

/// A word of a table object that compiled code looks at.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum TablePart {
    /// Number of the shape (int).
    Shape,
    /// Address of the fields block (pointer).
    Fields,
    /// Address of the array part (pointer).
    Array,
    /// Keys from 0 below this are in the array part (int).
    ArrayLen,
    /// The metatable as a number, 0 if there is none (int).
    Meta,
}

impl TablePart {
    /// All of them.
    pub const ALL: [TablePart; 5] =
        [TablePart::Shape, TablePart::Fields, TablePart::Array, TablePart::ArrayLen, TablePart::Meta];

    /// Type of the word.
    pub fn ty(self) -> Type {
        match self {
            TablePart::Shape | TablePart::ArrayLen | TablePart::Meta => Type::Int,
            TablePart::Fields | TablePart::Array => Type::Ptr,
        }
    }

    /// Its offset in the object, in bytes.
    pub fn offset(self) -> u64 {
        match self {
            TablePart::Shape => layout::TABLE_SHAPE,
            TablePart::Fields => layout::TABLE_FIELDS,
            TablePart::Array => layout::TABLE_ARRAY,
            TablePart::ArrayLen => layout::TABLE_ARRAY_LEN,
            TablePart::Meta => layout::TABLE_META,
        }
    }

    /// Is it 4 bytes wide, and not 8? The number is unsigned then.
    pub fn is_half(self) -> bool {
        matches!(self, TablePart::Shape | TablePart::ArrayLen | TablePart::Meta)
    }
}

impl fmt::Display for TablePart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TablePart::Shape => "shape",
            TablePart::Fields => "fields",
            TablePart::Array => "array",
            TablePart::ArrayLen => "len",
            TablePart::Meta => "meta",
        })
    }
}

/// An operation. Arguments are in [`Node::args`](crate::graph::Node::args), in the order named here.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Op {
    // ---- pure ----
    /// Parameter of a block; its arguments come from the predecessors' terminators.
    Param,
    /// Integer constant.
    IConst(i64),
    /// Float constant (bits).
    FConst(u64),
    /// Boolean constant.
    BConst(bool),
    /// A constant GScript value. The payload of an object is its offset in the arena (not a guest address), so that code is
    /// the same wherever the arena lies.
    BoxedConst(Value),
    /// Wrapping `a + b`.
    IAdd,
    /// Wrapping `a - b`.
    ISub,
    /// Wrapping `a * b`.
    IMul,
    /// Wrapping `-a`.
    INeg,
    /// `a << n`, `n` below 64.
    IShl(u8),
    /// Floored `a % b`: the sign of `b`. With `b = 0` it is `a`, which programs never see: a guard comes before.
    IMod,
    /// Float `a + b`.
    FAdd,
    /// Float `a - b`.
    FSub,
    /// Float `a * b`.
    FMul,
    /// Float `a / b`.
    FDiv,
    /// Float `-a`.
    FNeg,
    /// Square root; NaN of a negative number.
    FSqrt,
    /// Float without its sign.
    FAbs,
    /// Float to the greatest integer that is not larger. Beyond the integers the nearest one, of NaN 0.
    FloorToInt,
    /// Integer to float, rounding to nearest even.
    IntToFloat,
    /// Integer (or pointer) comparison to bool.
    ICmp(Cond),
    /// Float comparison to bool.
    FCmp(Cond),
    /// `a < b` on int, both taken as unsigned, to bool: for `b` from 0 up this is `0 <= a < b`.
    InBounds,
    /// `!a` on bool.
    BNot,
    /// `if c { a } else { b }`; arguments c, a, b; a and b of one type that is not boxed.
    Select,
    /// Int, float or bool to boxed.
    Box,
    /// Payload of a boxed value as this type; meaningful only where the tag has been checked, harmless elsewhere.
    Unbox(Type),
    /// Tag number of a boxed value, as int.
    TagOf,
    /// Has a boxed value this tag? To bool.
    HasTag(Tag),
    /// Truthiness of a boxed value, as bool.
    Truthy,

    // ---- effects ----
    /// Value of frame slot `n`. With a type other than boxed: its payload, the tag being known.
    SlotLoad(u16, Type),
    /// Writes slot `n` (argument: boxed, int, float or bool), tag and payload.
    SlotStore(u16),
    /// Writes the payload of slot `n` (argument: int, float or bool), and leaves its tag alone.
    SlotStorePayload(u16, TagHalf),
    /// Global cell `i` (boxed).
    GlobalLoad(u32),
    /// Writes global cell `i` (argument as for `SlotStore`).
    GlobalStore(u32),
    /// Upvalue `i` of the running closure (boxed).
    UpvalLoad(u8),
    /// Writes upvalue `i` (argument as for `SlotStore`).
    UpvalStore(u8),
    /// Guest address of the running closure (pointer), from the frame header.
    Callee,
    /// Word of a table object (argument: its address). Only where the argument is known to be a table's.
    TableLoad(TablePart),
    /// Field `i` of a fields block (argument: the block's address), boxed; nil if the table does not have it. Only where a
    /// shape has told that the block has such a field.
    FieldLoad(u32),
    /// Writes field `i` of a fields block (arguments: the block's address, a value as for `SlotStore`).
    FieldStore(u32),
    /// Element of an array part (arguments: its address, the key), boxed. Only where the key is below the part's length.
    ElemLoad,
    /// Writes an element of an array part (arguments: its address, the key, a value as for `SlotStore`).
    ElemStore,
    /// Leaves through the snapshot unless the boxed argument has this tag.
    GuardTag(Tag),
    /// Leaves through the snapshot unless the bool argument is true.
    Guard,
    /// Leaves through the snapshot unless global cell `i` holds exactly this function (as in [`Op::BoxedConst`]).
    GuardGlobal(u32, Value),
    /// Leaves through the snapshot unless at least `n` more frames may be pushed.
    GuardDepth(u8),
    /// Calls slot `a` with the `nargs` slots behind it, or, where the node has arguments, calls the first of these with the
    /// others: then the slots are not read. The snapshot resumes at the call itself (depth exceeded).
    Call {
        /// Slot of the callee; arguments follow it, results start in it.
        a: u8,
        /// Number of arguments.
        nargs: u8,
        /// What happens to the results.
        results: CallResults,
        /// How the callee is reached.
        kind: CallKind,
    },
    /// The runtime compares two slots (`Eq`, `Lt`, `Le`) and gives a bool: any types, metamethods included.
    HostCompare {
        /// `Eq`, `Lt` or `Le`.
        op: BytecodeOp,
        /// Left slot.
        b: u8,
        /// Right slot.
        c: u8,
    },
    /// The runtime closes the upvalues of the frame's slots: the last thing before a return of a function whose slots inner
    /// closures capture.
    CloseFrame,
    /// The runtime executes the bytecode instruction at the node's origin on the frame's slots.
    Step,
}

impl Op {
    /// Has it no effect, so that it floats?
    pub fn is_pure(self) -> bool {
        !self.is_effect()
    }

    /// Does it keep its place in its block?
    pub fn is_effect(self) -> bool {
        matches!(
            self,
            Op::SlotLoad(..)
                | Op::SlotStore(_)
                | Op::SlotStorePayload(..)
                | Op::GlobalLoad(_)
                | Op::GlobalStore(_)
                | Op::UpvalLoad(_)
                | Op::UpvalStore(_)
                | Op::Callee
                | Op::TableLoad(_)
                | Op::FieldLoad(_)
                | Op::FieldStore(_)
                | Op::ElemLoad
                | Op::ElemStore
                | Op::GuardTag(_)
                | Op::Guard
                | Op::GuardGlobal(..)
                | Op::GuardDepth(_)
                | Op::Call { .. }
                | Op::HostCompare { .. }
                | Op::CloseFrame
                | Op::Step
        )
    }

    /// Is it a constant?
    pub fn is_const(self) -> bool {
        matches!(self, Op::IConst(_) | Op::FConst(_) | Op::BConst(_) | Op::BoxedConst(_))
    }

    /// May it only be removed when its effect is known not to matter (as opposed to an unused load)?
    pub fn is_removable_when_unused(self) -> bool {
        self.is_pure() || self.is_load()
    }

    /// Does it read memory and do nothing else?
    pub fn is_load(self) -> bool {
        matches!(
            self,
            Op::SlotLoad(..)
                | Op::GlobalLoad(_)
                | Op::UpvalLoad(_)
                | Op::Callee
                | Op::TableLoad(_)
                | Op::FieldLoad(_)
                | Op::ElemLoad
        )
    }

    /// Does it carry a snapshot?
    pub fn needs_snapshot(self) -> bool {
        self.is_guard() || matches!(self, Op::Call { .. })
    }

    /// Does it leave through its snapshot or else do nothing?
    pub fn is_guard(self) -> bool {
        matches!(self, Op::GuardTag(_) | Op::Guard | Op::GuardGlobal(..) | Op::GuardDepth(_))
    }

    /// May it run other GScript code, which can change globals, upvalues and captured slots?
    pub fn may_run_code(self) -> bool {
        matches!(self, Op::Call { .. } | Op::HostCompare { .. } | Op::Step)
    }
}
