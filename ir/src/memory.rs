//! Memory outside of the frame's slots: which class of it an operation reads and writes.
//!
//! The classes never overlap, and that is the alias rule that passes stand on: the same word is always reached through the
//! same class. Words of table objects, fields blocks and array parts are different objects, which the heap never lets share
//! memory; a fields block's slot is always accessed with its number. Within a class any two accesses may be to the same
//! word, unless their arguments tell otherwise. Frame slots are [`crate::effects`]' business.

use crate::op::{Op, TablePart};

/// A class of memory.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Memory {
    /// The cell of a global.
    Global(u32),
    /// Variables that closures share: two upvalues of one closure may be the same variable of another.
    Upvalues,
    /// A word of every table object.
    Table(TablePart),
    /// The slot with this number of every fields block.
    Field(u32),
    /// Every slot of every array part.
    Elements,
}

/// The class that `op` reads; none for operations that read none, that run other code, or that read frame slots.
pub fn reads(op: Op) -> Option<Memory> {
    Some(match op {
        Op::GlobalLoad(i) | Op::GuardGlobal(i, _) => Memory::Global(i),
        Op::UpvalLoad(_) => Memory::Upvalues,
        Op::TableLoad(part) => Memory::Table(part),
        Op::FieldLoad(i) => Memory::Field(i),
        Op::ElemLoad => Memory::Elements,
        _ => return None,
    })
}

/// May `op` write memory of this class? Whatever [runs other code](Op::may_run_code) may write all of it.
pub fn may_write(op: Op, memory: Memory) -> bool {
    match op {
        Op::GlobalStore(i) => memory == Memory::Global(i),
        Op::UpvalStore(_) => memory == Memory::Upvalues,
        Op::FieldStore(i) => memory == Memory::Field(i),
        Op::ElemStore => memory == Memory::Elements,
        op => op.may_run_code(),
    }
}
