//! Which registers the interpreter may still read from a bytecode position on.
//!
//! Classic backward liveness over the bytecode. A side exit resumes the interpreter at some pc, so a slot that is live
//! there must be up to date, in memory or through the snapshot. Registers that an inner closure captures count as live
//! everywhere: other code reads them through upvalues.

use gscript::bytecode::{Op, Proto, SETLIST_OPEN};
use smallvec::{SmallVec, smallvec};

use crate::unit::SlotSet;

/// What one bytecode instruction reads and (always) writes.
pub struct InstEffects {
    /// Registers read.
    pub reads: SlotSet,
    /// Registers overwritten on every path through the instruction.
    pub writes: SlotSet,
    /// Registers that open results (`C = 0` of a call, `B = 0` of `Vararg`) may overwrite.
    pub open_writes: SlotSet,
}

/// Registers that the instruction at `pc` reads and writes.
pub fn inst_effects(proto: &Proto, pc: usize) -> InstEffects {
    let inst = proto.code[pc];
    let (a, b, c) = (u16::from(inst.a), u16::from(inst.b), u16::from(inst.c));
    let nregs = u16::from(proto.nregs);
    let range = |from: u16, count: u16| SlotSet::range(from..from + count);
    let from = |first: u16| SlotSet::range(first..nregs);
    let set = |regs: &[u16]| regs.iter().copied().collect::<SlotSet>();
    let none = SlotSet::EMPTY;
    let (reads, writes) = match inst.op {
        Op::LoadNil => (none, range(a, b + 1)),
        Op::LoadBool | Op::LoadInt | Op::LoadK | Op::GetGlobal | Op::GetUpval | Op::NewTable | Op::Closure => {
            (none, set(&[a]))
        }
        Op::Move | Op::Unm | Op::Not | Op::Len | Op::GetField | Op::Recv => (set(&[b]), set(&[a])),
        Op::SetGlobal | Op::SetUpval => (set(&[a]), none),
        Op::GetTable | Op::Add | Op::Sub | Op::Mul | Op::Div | Op::Mod | Op::Pow => (set(&[b, c]), set(&[a])),
        Op::SetTable => (set(&[a, b, c]), none),
        Op::SetField => (set(&[a, c]), none),
        Op::SetList if inst.b == SETLIST_OPEN => (from(a), none),
        Op::SetList => (range(a, b + 1), none),
        Op::Concat => (range(b, c - b + 1), set(&[a])),
        Op::Eq | Op::Lt | Op::Le => (set(&[b, c]), none),
        Op::Test => (set(&[a]), none),
        // R[A] is written on one path only.
        Op::TestSet => (set(&[b]), none),
        Op::Jmp | Op::Close => (none, none),
        Op::Call => {
            let reads = if inst.b == 0 { from(a) } else { range(a, b) };
            let writes = if inst.c == 0 { none } else { range(a, c - 1) };
            (reads, writes)
        }
        Op::Return if inst.b == 0 => (from(a), none),
        Op::Return => (range(a, b - 1), none),
        Op::ForPrepLt | Op::ForPrepLe => (set(&[a, a + 1]), none),
        Op::ForLoopLt | Op::ForLoopLe => (set(&[a, a + 1, a + 2]), set(&[a])),
        Op::TForCall => (range(a, 3), range(a + 3, c)),
        Op::TForLoop => (set(&[a + 3]), none),
        Op::Vararg => (none, if inst.b == 0 { none } else { range(a, b - 1) }),
        Op::SelfGet => (set(&[b]), set(&[a, a + 1])),
        Op::Go => (range(a, b.max(1)), none),
        Op::MakeChan => (if inst.c == 0 { none } else { set(&[b]) }, set(&[a])),
        Op::Send => (set(&[a, b]), none),
    };
    let is_open = inst.op == Op::Call && inst.c == 0 || inst.op == Op::Vararg && inst.b == 0;
    InstEffects { reads, writes, open_writes: if is_open { from(a) } else { none } }
}

/// Where control may go from `pc`.
pub fn successors(proto: &Proto, pc: usize) -> SmallVec<[usize; 2]> {
    let inst = proto.code[pc];
    match inst.op {
        Op::Jmp => smallvec![inst.target(pc)],
        Op::Return => smallvec![],
        Op::LoadBool if inst.c != 0 => smallvec![pc + 2],
        Op::Eq | Op::Lt | Op::Le | Op::Test | Op::TestSet => smallvec![pc + 1, pc + 2],
        Op::ForPrepLt | Op::ForPrepLe | Op::ForLoopLt | Op::ForLoopLe | Op::TForLoop => {
            smallvec![pc + 1, inst.target(pc)]
        }
        _ => smallvec![pc + 1],
    }
}

/// Registers live before each instruction.
pub fn bytecode_liveness(proto: &Proto) -> Vec<SlotSet> {
    let captured: SlotSet = proto.captured.iter().map(|&r| u16::from(r)).collect();
    let effects: Vec<InstEffects> = (0..proto.code.len()).map(|pc| inst_effects(proto, pc)).collect();
    let mut live = vec![captured; proto.code.len()];
    let mut changed = true;
    while changed {
        changed = false;
        for pc in (0..proto.code.len()).rev() {
            let mut set = captured;
            for next in successors(proto, pc) {
                if let Some(after) = live.get(next) {
                    set.union(after);
                }
            }
            set.subtract(&effects[pc].writes);
            set.union(&effects[pc].reads);
            set.union(&captured);
            if set != live[pc] {
                live[pc] = set;
                changed = true;
            }
        }
    }
    live
}
