//! A unit of compilation: one function's graph with what passes and backend need to know about it.

use std::fmt;
use std::sync::Arc;

use gscript::bytecode::{Program, Proto, ProtoId};
use gscript::layout;
pub use gscript::layout::Layout;
use gscript::profile::{ProtoProfile, SiteFeedback};
use gscript::value::{Tag, Value};

use crate::graph::{BlockId, FrameState, Graph, Origin, SnapshotId};
use crate::op::Type;

/// A machine register in which a value lives by decision of a pass, outside of register allocation.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Pin {
    /// General register X19–X24 or X27.
    X(u8),
    /// Floating-point register D8–D15.
    D(u8),
}

impl Pin {
    /// The register of the first parameter (`r0-pin`).
    pub const FIRST_PARAM: Pin = Pin::X(19);
    /// General registers for loop-carried values, in the order in which they are given out: X24 goes to the first accumulator.
    pub const LOOP_X: [Pin; 6] = [Pin::X(24), Pin::X(23), Pin::X(22), Pin::X(21), Pin::X(20), Pin::X(27)];
    /// Floating-point registers for loop-carried values.
    pub const LOOP_D: [Pin; 8] =
        [Pin::D(8), Pin::D(9), Pin::D(10), Pin::D(11), Pin::D(12), Pin::D(13), Pin::D(14), Pin::D(15)];
}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Pin::X(n) => write!(f, "x{n}"),
            Pin::D(n) => write!(f, "d{n}"),
        }
    }
}

/// Which register allocator to use.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Allocator {
    /// By frequency of use, the fallback when no allocator is chosen.
    #[default]
    Frequency,
    /// By live range, in one scan over the code.
    LinearScan,
    /// The backtracking allocator of the regalloc2 crate, over live ranges that it splits.
    Regalloc2,
}

impl Allocator {
    /// All allocators.
    pub const ALL: [Allocator; 3] = [Allocator::Frequency, Allocator::LinearScan, Allocator::Regalloc2];
}

impl fmt::Display for Allocator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Allocator::Frequency => "frequency",
            Allocator::LinearScan => "linear-scan",
            Allocator::Regalloc2 => "regalloc2",
        })
    }
}

/// What a compiled activation saves on the native stack.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum FrameStyle {
    /// A frame record (X29, X30) in every activation, and all callee-saved registers that the unit uses, from its entry to
    /// its return.
    #[default]
    Full,
    /// Only what is live across calls: no frame on paths that need none, no frame record, and calls at the self entry
    /// preserve no registers, so that their caller keeps what it still needs and nothing else.
    Compact,
}

impl FrameStyle {
    /// All frame styles.
    pub const ALL: [FrameStyle; 2] = [FrameStyle::Full, FrameStyle::Compact];
}

impl fmt::Display for FrameStyle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            FrameStyle::Full => "full",
            FrameStyle::Compact => "compact",
        })
    }
}

/// A set of slots of one frame.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct SlotSet([u64; 8]);

impl SlotSet {
    /// Slots that a set can hold: 0 to this, exclusive.
    pub const CAPACITY: u16 = 512;

    /// The empty set.
    pub const EMPTY: SlotSet = SlotSet([0; 8]);

    /// All slots below `n`.
    pub fn below(n: u16) -> SlotSet {
        SlotSet::range(0..n)
    }
    /// The slots of a range.
    ///
    /// # Panics
    /// If the range ends beyond [`SlotSet::CAPACITY`].
    pub fn range(slots: std::ops::Range<u16>) -> SlotSet {
        assert!(slots.end <= SlotSet::CAPACITY, "{slots:?}");
        // The bits below a slot that lie in the word that begins at slot `first`.
        let below = |slot: u16, first: u16| match slot.saturating_sub(first) {
            n @ 0..64 => (1u64 << n) - 1,
            _ => u64::MAX,
        };
        let mut set = SlotSet::EMPTY;
        for (word, first) in set.0.iter_mut().zip((0..).step_by(64)) {
            *word = below(slots.end, first) & !below(slots.start, first);
        }
        set
    }
    /// Adds a slot; false if it was there.
    pub fn insert(&mut self, slot: u16) -> bool {
        let (word, bit) = (&mut self.0[slot as usize / 64], 1 << (slot % 64));
        let new = *word & bit == 0;
        *word |= bit;
        new
    }
    /// Removes a slot.
    pub fn remove(&mut self, slot: u16) {
        self.0[slot as usize / 64] &= !(1 << (slot % 64));
    }
    /// Is it in?
    pub fn contains(&self, slot: u16) -> bool {
        self.0[slot as usize / 64] & (1 << (slot % 64)) != 0
    }
    /// Adds the slots of `other`, each `by` higher, as far as there are such slots.
    pub fn union_shifted(&mut self, other: &SlotSet, by: u16) {
        if by == 0 {
            self.union(other);
            return;
        }
        for slot in other.iter().filter(|s| s + by < SlotSet::CAPACITY) {
            self.insert(slot + by);
        }
    }
    /// Adds all of `other`; true if that changed anything.
    pub fn union(&mut self, other: &SlotSet) -> bool {
        let before = *self;
        for (a, b) in self.0.iter_mut().zip(other.0) {
            *a |= b;
        }
        *self != before
    }
    /// Removes all of `other`.
    pub fn subtract(&mut self, other: &SlotSet) {
        for (a, b) in self.0.iter_mut().zip(other.0) {
            *a &= !b;
        }
    }
    /// Keeps only what is in `other` too.
    pub fn intersect(&mut self, other: &SlotSet) {
        for (a, b) in self.0.iter_mut().zip(other.0) {
            *a &= b;
        }
    }
    /// Is nothing in it?
    pub fn is_empty(&self) -> bool {
        self.0 == [0; 8]
    }
    /// The slots, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u16> + '_ {
        // Word by word: most sets hold a few slots of the many that fit.
        self.0.iter().enumerate().flat_map(|(i, &word)| {
            let mut rest = word;
            std::iter::from_fn(move || {
                let bit = rest.trailing_zeros();
                (bit < 64).then(|| {
                    rest &= rest - 1;
                    64 * i as u16 + bit as u16
                })
            })
        })
    }
}

impl FromIterator<u16> for SlotSet {
    fn from_iter<I: IntoIterator<Item = u16>>(slots: I) -> SlotSet {
        let mut set = SlotSet::EMPTY;
        for s in slots {
            set.insert(s);
        }
        set
    }
}

impl fmt::Debug for SlotSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// A slot that a pass keeps in a register throughout some blocks. If it is written there, memory is stale, and every
/// snapshot at which the slot is live must write it back. The verifier holds passes to it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PinnedSlot {
    /// The slot.
    pub slot: u16,
    /// Its register.
    pub pin: Pin,
    /// The blocks in which the register holds the slot.
    pub blocks: Vec<BlockId>,
    /// Is it written in these blocks? If not, memory is right too: loads are legal and snapshots need not mention it.
    pub written: bool,
    /// The pass that pinned it.
    pub by: &'static str,
}

/// A function that a global cell holds at the time of compilation. Whoever relies on it guards it ([`Op::GuardGlobal`](crate::op::Op::GuardGlobal)).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KnownFunction {
    /// Index of the global.
    pub global: u32,
    /// Prototype of the closure.
    pub proto: ProtoId,
    /// The closure: its offset in the arena.
    pub closure: u64,
}

impl KnownFunction {
    /// The closure as a constant.
    pub fn value(&self) -> Value {
        Value::object(Tag::Function, self.closure)
    }
}

/// Where the arguments of a call at the self entry are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SelfArgs {
    /// In the slots of the callee's frame.
    Memory,
    /// In the parameters of the entry's block, which stand for these slots; memory does not hold them.
    Params(Vec<u16>),
}

/// A second way into a unit, behind the checks of its entry: for its calls of itself
/// ([`CallKind::SelfEntry`](crate::op::CallKind::SelfEntry)).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SelfEntry {
    /// The block where such calls come in. Its only predecessor is the entry block, and nothing that the entry block
    /// computes is used from here on but through its parameters.
    pub block: BlockId,
    /// The closure that the calls call: its offset in the arena.
    pub closure: u64,
    /// Where the arguments are.
    pub args: SelfArgs,
    /// Is the function value in the frame's header? If not, exits write it there.
    pub header: bool,
    /// The type of the one result, if it is returned in a register ([`ReturnValue`](crate::graph::Terminator::ReturnValue)
    /// at every return): the callee then guards it, and an activation that gave something else makes the call leave.
    pub result: Option<Type>,
}

/// A loop that is compiled by itself. Such a unit is entered at the loop's header, with all slots in the frame, and is left
/// where the loop goes on: the interpreter, or the code around, takes over there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LoopRegion {
    /// The first instruction of the loop.
    pub header: u32,
    /// The instructions behind the loop, ascending. An [`Exit`](crate::graph::Terminator::Exit) that goes on at one of them
    /// is the end of the loop, and no side exit.
    pub exits: Vec<u32>,
}

/// One function being compiled, or one loop of it.
#[derive(Clone, Debug)]
pub struct Unit {
    /// The program that the function belongs to.
    pub program: Arc<Program>,
    /// The function.
    pub proto: ProtoId,
    /// The loop, if the unit is not the whole function. Nothing is known about its slots where it is entered.
    pub region: Option<LoopRegion>,
    /// Slots of the frame.
    pub frame_slots: u16,
    /// Slots that inner closures capture: other code may read and write them behind any call, so they stay in memory.
    pub shared: SlotSet,
    /// Slots whose memory does not always hold what the bytecode left there, because a pass took away a store of theirs, or
    /// its tag, that the graph did not need. No pass may add a load of them, or a snapshot that reads them.
    pub stale: SlotSet,
    /// The graph.
    pub graph: Graph,
    /// What the interpreter saw of the function: types, targets, counts.
    pub feedback: ProtoProfile,
    /// The functions that the globals which the function loads hold, ascending by global.
    pub functions: Vec<KnownFunction>,
    /// Units of functions that may be called from here, in slot form, each function once: for passes that look into
    /// callees. Empty unless a pass of the pipeline does.
    pub callees: Vec<Arc<Unit>>,
    /// The entry for self calls, if some pass made one.
    pub self_entry: Option<SelfEntry>,
    /// Slots kept in registers, by the passes that did so.
    pub pinned: Vec<PinnedSlot>,
    /// Value layout to generate code for.
    pub layout: Layout,
    /// Register allocator to use.
    pub allocator: Allocator,
    /// What activations save.
    pub frames: FrameStyle,
    /// Are constants that need a register made in front of loops, rather than at each use?
    pub hoist_constants: bool,
    /// Do exit stubs and blocks that are rarely entered stand behind the rest of the code, rather than where control gets
    /// to them?
    pub cold_split: bool,
}

impl Unit {
    /// A unit without feedback, pins and choices, for a function with a frame of its own size.
    pub fn new(program: Arc<Program>, proto: ProtoId, graph: Graph) -> Unit {
        Unit {
            frame_slots: u16::from(program.proto(proto).nregs),
            program,
            proto,
            region: None,
            shared: SlotSet::EMPTY,
            stale: SlotSet::EMPTY,
            graph,
            feedback: ProtoProfile::default(),
            functions: Vec::new(),
            callees: Vec::new(),
            self_entry: None,
            pinned: Vec::new(),
            layout: Layout::default(),
            allocator: Allocator::default(),
            frames: FrameStyle::default(),
            hoist_constants: false,
            cold_split: false,
        }
    }

    /// The function's bytecode.
    pub fn bytecode(&self) -> &Proto {
        self.program.proto(self.proto)
    }

    /// Parameters that whoever enters the unit passes: those of the function. A loop has none.
    pub fn nparams(&self) -> u8 {
        if self.region.is_some() { 0 } else { self.bytecode().nparams }
    }

    /// Where the unit begins.
    pub fn start(&self) -> Origin {
        Origin::new(self.proto, self.region.as_ref().map_or(0, |r| r.header))
    }

    /// Does the end of a block with this snapshot end the loop that the unit is, at the instruction given back?
    pub fn loop_end(&self, s: SnapshotId) -> Option<u32> {
        let region = self.region.as_ref()?;
        match self.graph.snapshot(s).frames[..] {
            [FrameState { pc, open: None, .. }] if region.exits.contains(&pc) => Some(pc),
            _ => None,
        }
    }

    /// The function that a global held when compilation began, if it was one.
    pub fn known_function(&self, global: u32) -> Option<&KnownFunction> {
        self.functions.iter().find(|f| f.global == global)
    }

    /// The unit of a function that may be called from here.
    pub fn callee(&self, proto: ProtoId) -> Option<&Arc<Unit>> {
        self.callees.iter().find(|c| c.proto == proto)
    }

    /// What the interpreter saw of the function that an instruction belongs to: the unit's own, or an inlined one.
    pub fn feedback_at(&self, at: Origin) -> Option<&SiteFeedback> {
        let profile = match at.proto == self.proto {
            true => &self.feedback,
            false => &self.callee(at.proto)?.feedback,
        };
        profile.sites.get(at.pc as usize)
    }

    /// Slot of the `R[0]` of a function that an operation in this activation calls: behind the registers of the
    /// activation, and the callee's header.
    pub fn callee_base(&self, frame: u16) -> u16 {
        let graph = &self.graph;
        let proto = graph.inlined_frame(frame).map_or(self.proto, |c| c.proto);
        let end = graph.frame_base(frame) + u16::from(self.program.proto(proto).nregs);
        // Hand-written units may use more slots than their function has registers.
        let end = if graph.inlined.is_empty() { end.max(self.frame_slots) } else { end };
        end + layout::FRAME_HEADER_SLOTS as u16
    }

    /// The most frames that lie within the unit above its own.
    pub fn deepest_nesting(&self) -> u8 {
        (1..=self.graph.inlined.len() as u16).map(|f| self.graph.nesting(f)).max().unwrap_or(0)
    }

    /// The function's name.
    pub fn name(&self) -> &str {
        &self.bytecode().name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_the_set_of_its_slots() {
        for (from, to) in [(0, 0), (0, 1), (0, 512), (3, 64), (63, 65), (64, 128), (70, 300), (511, 512), (9, 4)] {
            assert_eq!(SlotSet::range(from..to), (from..to).collect(), "{from}..{to}");
        }
    }
}
