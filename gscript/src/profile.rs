//! Type feedback: what the interpreter saw while it ran with profiling on.

use crate::bytecode::ProtoId;
use crate::value::Tag;

/// A set of type tags.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct TypeSet(pub u16);

impl TypeSet {
    /// Nothing seen.
    pub const EMPTY: TypeSet = TypeSet(0);

    /// Adds a tag.
    pub fn insert(&mut self, tag: Tag) {
        self.0 |= 1 << tag as u16;
    }
    /// Was `tag` seen?
    pub fn contains(self, tag: Tag) -> bool {
        self.0 & (1 << tag as u16) != 0
    }
    /// The only tag seen, if there is exactly one.
    pub fn single(self) -> Option<Tag> {
        (self.0.count_ones() == 1).then(|| Tag::ALL[self.0.trailing_zeros() as usize])
    }
    /// Was nothing seen?
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// Who was called at a call site.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum CallTarget {
    /// Never executed.
    #[default]
    None,
    /// Always a closure of this prototype.
    Proto(ProtoId),
    /// Always a builtin.
    Builtin,
    /// More than one, or something callable through `__call`.
    Many,
}

/// How many results a call gave.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ResultCount {
    /// Never returned.
    #[default]
    None,
    /// Always this many.
    Exactly(u32),
    /// It varied.
    Many,
}

/// Feedback of one instruction.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SiteFeedback {
    /// Times executed (saturating).
    pub count: u32,
    /// Types of `R[B]` (arithmetic, comparison, table access: the table) or `R[A]` (`Test`, `For…`).
    pub lhs: TypeSet,
    /// Types of `R[C]` (arithmetic, comparison) or of the key (table access), or of the limit (`For…`).
    pub rhs: TypeSet,
    /// Types of the value loaded (`GetTable`, `GetField`, `GetGlobal`, `GetUpval`) or of the first call result.
    pub result: TypeSet,
    /// For `Call`.
    pub target: CallTarget,
    /// For `Call`.
    pub results: ResultCount,
}

/// Feedback of one function.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ProtoProfile {
    /// Activations.
    pub calls: u64,
    /// Backward jumps taken.
    pub back_edges: u64,
    /// Types of each fixed parameter.
    pub params: Vec<TypeSet>,
    /// By pc.
    pub sites: Vec<SiteFeedback>,
}

/// Feedback of a program, by prototype index.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Profile {
    /// By prototype index.
    pub protos: Vec<ProtoProfile>,
}
