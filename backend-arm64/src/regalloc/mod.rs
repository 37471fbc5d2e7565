//! Register allocation: the interface, and the allocators.

pub mod checker;
mod coalesce;
mod frequency;
mod interference;
mod linear_scan;
mod liveness;
mod regalloc2;
mod spilling;

pub use frequency::Frequency;
pub use linear_scan::LinearScan;
pub use regalloc2::Regalloc2;

use gsx_ir::unit::Allocator;
use smallvec::{SmallVec, smallvec};

use crate::code::CodegenError;
use crate::mir::{Function, MBlock, VReg};
use crate::reg::PReg;

/// Where a value is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Loc {
    /// In a register.
    Reg(PReg),
    /// In a spill slot of the native frame.
    Spill(u32),
}

/// A move that allocation adds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Edit {
    /// Block.
    pub block: MBlock,
    /// Position of the instruction in the block.
    pub inst: u32,
    /// Behind that instruction rather than before it.
    pub after: bool,
    /// Source.
    pub from: Loc,
    /// Destination, of the same class. Never both spill slots.
    pub to: Loc,
}

/// The places of an instruction's operands.
pub type Places = SmallVec<[Loc; 4]>;

/// A place for every operand of every instruction, and the moves between places.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Allocation {
    /// By block and instruction: one place per operand, in the order of [`Function::operands`].
    pub places: Vec<Vec<Places>>,
    /// Added moves, by block, instruction and side.
    pub edits: Vec<Edit>,
    /// Spill slots in use.
    pub spill_slots: u32,
}

impl Allocation {
    /// The places of an instruction's operands.
    pub fn places(&self, block: MBlock, inst: usize) -> &[Loc] {
        &self.places[block.0 as usize][inst]
    }
}

/// A register allocator.
pub trait RegisterAllocator {
    /// Gives every operand of `f` a place such that each read finds the value that it names.
    ///
    /// # Errors
    /// [`CodegenError::Allocation`] when an instruction needs more registers at once than there are.
    fn allocate(&self, f: &Function) -> Result<Allocation, CodegenError>;
}

/// The allocator that a unit asks for.
pub fn allocator(choice: Allocator) -> &'static dyn RegisterAllocator {
    match choice {
        Allocator::Frequency => &Frequency,
        Allocator::LinearScan => &LinearScan,
        Allocator::Regalloc2 => &Regalloc2 { verify: false },
    }
}

/// The blocks that can be reached, each behind all that lead to it but for jumps back. Of two ways, the one into more
/// loops comes right behind, so that loops are in one piece as far as this order allows.
fn reverse_postorder(f: &Function) -> Vec<MBlock> {
    let succs = |b: MBlock| {
        let mut out = f.blocks[b.0 as usize].succs();
        out.sort_by_key(|s| f.blocks[s.0 as usize].depth);
        out.reverse();
        out
    };
    let mut seen = vec![false; f.blocks.len()];
    seen[0] = true;
    let mut out = Vec::new();
    let mut stack = vec![(MBlock(0), succs(MBlock(0)))];
    while let Some((b, rest)) = stack.last_mut() {
        match rest.pop() {
            Some(s) if !std::mem::replace(&mut seen[s.0 as usize], true) => stack.push((s, succs(s))),
            Some(_) => {}
            None => {
                out.push(*b);
                stack.pop();
            }
        }
    }
    out.reverse();
    out
}

/// A set of virtual registers.
#[derive(Clone, PartialEq, Eq, Default)]
struct VRegSet(SmallVec<[u64; 2]>);

impl VRegSet {
    fn new(vregs: usize) -> VRegSet {
        VRegSet(smallvec![0; vregs.div_ceil(64)])
    }
    fn insert(&mut self, v: VReg) -> bool {
        let (word, bit) = (&mut self.0[v.0 as usize / 64], 1 << (v.0 % 64));
        let new = *word & bit == 0;
        *word |= bit;
        new
    }
    fn remove(&mut self, v: VReg) {
        self.0[v.0 as usize / 64] &= !(1 << (v.0 % 64));
    }
    fn iter(&self) -> impl Iterator<Item = VReg> + '_ {
        self.0.iter().enumerate().flat_map(|(i, &word)| {
            let mut rest = word;
            std::iter::from_fn(move || {
                let bit = rest.trailing_zeros();
                (bit < 64).then(|| {
                    rest &= rest - 1;
                    VReg(i as u32 * 64 + bit)
                })
            })
        })
    }
}
