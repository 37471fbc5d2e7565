//! Type feedback: what the interpreter saw while it ran with profiling on.

use crate::bytecode::ProtoId;
use crate::value::Tag;

/// A set of type tags.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct TypeSet(pub u16);

impl TypeSet {
    /// Nothing seen.
    pub const EMPTY: TypeSet = TypeSet(0);

    /// Everything.
    pub const ALL: TypeSet = TypeSet((1 << Tag::ALL.len()) - 1);

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

/// A library function.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BuiltinTarget {
    /// Its index in the library ([`Vm::builtin_name`](crate::interp::Vm::builtin_name)).
    pub index: u32,
    /// Its closure: the offset in the arena.
    pub closure: u64,
}

/// How a field was found in a table, or was added to it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FieldAccess {
    /// The table's shape.
    pub shape: u32,
    /// The field's slot in the fields block; for a field that is added, the one that it gets. None: the shape does not have
    /// the field, and it was only read.
    pub slot: Option<u32>,
    /// The shape with the field, if the access adds it.
    pub grows_to: Option<u32>,
}

/// The shapes of the tables that an instruction accessed, with where it found its field, in order of first sight.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct FieldFeedback {
    seen: [Option<FieldAccess>; FieldFeedback::MOST],
    /// Were there more, or tables without a shape?
    pub many: bool,
}

impl FieldFeedback {
    /// Most shapes that are told apart.
    pub const MOST: usize = 4;

    /// Adds what was seen.
    pub fn insert(&mut self, access: FieldAccess) {
        for place in &mut self.seen {
            match place {
                Some(known) if known.shape == access.shape => {
                    // A field that one table lacks may be added to the next.
                    *known = access;
                    return;
                }
                Some(_) => {}
                None => {
                    *place = Some(access);
                    return;
                }
            }
        }
        self.many = true;
    }

    /// What was seen.
    pub fn iter(&self) -> impl Iterator<Item = FieldAccess> + '_ {
        self.seen.iter().flatten().copied()
    }

    /// The only access, if there was one shape.
    pub fn single(&self) -> Option<FieldAccess> {
        match (self.seen, self.many) {
            ([Some(access), None, ..], false) => Some(access),
            _ => None,
        }
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
    /// Always this library function.
    Builtin(BuiltinTarget),
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
    /// Types of `R[B]` (arithmetic, comparison, table access: the table) or `R[A]` (`Test`, `For…`), or of the first argument
    /// (`Call`).
    pub lhs: TypeSet,
    /// Types of `R[C]` (arithmetic, comparison) or of the key (table access), or of the limit (`For…`).
    pub rhs: TypeSet,
    /// Types of the value loaded (`GetTable`, `GetField`, `GetGlobal`, `GetUpval`) or of the first call result.
    pub result: TypeSet,
    /// For `Call`.
    pub target: CallTarget,
    /// For `Call`.
    pub results: ResultCount,
    /// For `GetField`, `SetField`, `SelfGet` on tables.
    pub fields: FieldFeedback,
    /// For `GetTable`, `SetTable` with integer keys, and `Len`: a key was not in the array part, a metatable had a say, or the
    /// array part did not end in a value.
    pub beyond: bool,
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

impl SiteFeedback {
    /// As if everything had been seen: whoever looks at it expects nothing.
    pub fn widen(&mut self) {
        self.count = self.count.max(1);
        (self.lhs, self.rhs, self.result) = (TypeSet::ALL, TypeSet::ALL, TypeSet::ALL);
        if self.target != CallTarget::None || self.results != ResultCount::None {
            (self.target, self.results) = (CallTarget::Many, ResultCount::Many);
        }
        (self.fields.many, self.beyond) = (true, true);
    }
}

impl ProtoProfile {
    /// Takes from an older profile what was not seen since: whole instructions and parameters, so that types which a program
    /// has left behind are forgotten where it has run again.
    pub fn fill_from(&mut self, older: &ProtoProfile) {
        if self.calls == 0 {
            self.params.clone_from(&older.params);
        }
        self.calls += older.calls;
        self.back_edges += older.back_edges;
        for (site, old) in self.sites.iter_mut().zip(&older.sites).filter(|(site, _)| site.count == 0) {
            *site = *old;
        }
    }
}

impl Profile {
    /// Takes from an older profile of the same program what was not seen since.
    pub fn fill_from(&mut self, older: &Profile) {
        for (p, old) in self.protos.iter_mut().zip(&older.protos) {
            p.fill_from(old);
        }
    }
}

/// Feedback of a program, by prototype index.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Profile {
    /// By prototype index.
    pub protos: Vec<ProtoProfile>,
}
