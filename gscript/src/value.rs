//! Values as the interpreter handles them in Rust, and their type tags.

use std::fmt;

/// Type tag, as stored in a slot's tag word.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
#[repr(u8)]
pub enum Tag {
    /// `nil`
    Nil = 0,
    /// `true`, `false`
    Bool = 1,
    /// 64-bit wrapping integer
    Int = 2,
    /// IEEE 754 double
    Float = 3,
    /// Immutable byte string
    Str = 4,
    /// Table
    Table = 5,
    /// Closure or builtin
    Function = 6,
    /// Coroutine
    Coroutine = 7,
    /// Channel
    Channel = 8,
}

impl Tag {
    /// All tags, in numeric order.
    pub const ALL: [Tag; 9] =
        [Tag::Nil, Tag::Bool, Tag::Int, Tag::Float, Tag::Str, Tag::Table, Tag::Function, Tag::Coroutine, Tag::Channel];

    /// The tag with this number.
    pub fn from_u64(n: u64) -> Option<Tag> {
        Tag::ALL.get(usize::try_from(n).ok()?).copied()
    }

    /// Does the payload hold a guest address?
    pub fn is_object(self) -> bool {
        self >= Tag::Str
    }

    /// Name as `type()` gives it.
    pub fn type_name(self) -> &'static str {
        match self {
            Tag::Nil => "nil",
            Tag::Bool => "boolean",
            Tag::Int | Tag::Float => "number",
            Tag::Str => "string",
            Tag::Table => "table",
            Tag::Function => "function",
            Tag::Coroutine => "coroutine",
            Tag::Channel => "channel",
        }
    }
}

impl fmt::Display for Tag {
    /// The tag's own name (`int` and `float` apart), as the IR prints it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Tag::Nil => "nil",
            Tag::Bool => "bool",
            Tag::Int => "int",
            Tag::Float => "float",
            Tag::Str => "string",
            Tag::Table => "table",
            Tag::Function => "function",
            Tag::Coroutine => "coroutine",
            Tag::Channel => "channel",
        })
    }
}

/// A value: tag and payload word. For objects the payload is a guest address.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Value {
    /// Type.
    pub tag: Tag,
    /// Integer, float bits, 0/1, guest address, or 0 for nil.
    pub bits: u64,
}

impl Value {
    /// `nil`
    pub const NIL: Value = Value { tag: Tag::Nil, bits: 0 };

    /// An integer.
    pub const fn int(n: i64) -> Value {
        Value { tag: Tag::Int, bits: n as u64 }
    }
    /// A float.
    pub const fn float(x: f64) -> Value {
        Value { tag: Tag::Float, bits: x.to_bits() }
    }
    /// A boolean.
    pub const fn bool(b: bool) -> Value {
        Value { tag: Tag::Bool, bits: b as u64 }
    }
    /// An object at a guest address.
    pub const fn object(tag: Tag, address: u64) -> Value {
        Value { tag, bits: address }
    }
    /// The integer payload; meaningful only for [`Tag::Int`].
    pub const fn as_int(self) -> i64 {
        self.bits as i64
    }
    /// The float payload; meaningful only for [`Tag::Float`].
    pub const fn as_float(self) -> f64 {
        f64::from_bits(self.bits)
    }
    /// Only nil and false are falsy.
    pub const fn truthy(self) -> bool {
        (self.tag as u8) > (Tag::Bool as u8) || self.bits != 0
    }
    /// Is it nil?
    pub const fn is_nil(self) -> bool {
        matches!(self.tag, Tag::Nil)
    }
}
