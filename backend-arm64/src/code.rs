//! The result of compilation: code words and everything that is known about them.

use gscript::layout;
use gscript::value::Tag;
use gsx_ir::graph::{BlockId, FrameState, InlinedCall, NodeId, Origin};
use smallvec::SmallVec;

/// What a word is there for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Part {
    /// Entry of the function: parameter check, frame.
    Entry,
    /// The program itself.
    Body,
    /// Unusual ways within the unit, moved out of the hot path: missing parameters or results.
    Cold,
    /// Leaving to the interpreter.
    Exit,
}

/// Where a word comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Provenance {
    /// Node that it computes.
    pub node: Option<NodeId>,
    /// Bytecode position.
    pub origin: Option<Origin>,
    /// Its purpose.
    pub part: Part,
}

/// How the interpreter goes on after an exit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ExitKind {
    /// At the innermost frame's pc.
    Resume,
    /// Not a side exit: the unit is a loop, which is over. Whoever entered it goes on at the pc.
    LoopEnd,
    /// Behind the call at the innermost frame's pc, whose results (X3: how many, X4: where) the host puts in slots from
    /// `a` on.
    OpenResults {
        /// First result register.
        a: u8,
    },
    /// Behind the call at the innermost frame's pc: the host puts the first `count` of its results (X3: how many, X4:
    /// where), or nil where there are fewer, in the innermost frame's registers from `a` on.
    Results {
        /// First register.
        a: u8,
        /// How many registers.
        count: u8,
    },
}

/// A way out of a unit.
#[derive(Clone, PartialEq, Debug)]
pub struct ExitInfo {
    /// Activations to go on with, outermost first.
    pub frames: SmallVec<[FrameState; 1]>,
    /// Is it a guard that fails, so that other code might not leave here?
    pub speculative: bool,
    /// How.
    pub kind: ExitKind,
    /// Slots into which the stub has written payloads that still have to be boxed, and their tags.
    pub raw: SmallVec<[(u16, Tag); 2]>,
    /// Bytecode position of what left.
    pub origin: Origin,
    /// Why, for people.
    pub reason: String,
}

/// A call instruction in a unit, for walking the native stack: during the call, the unit's frame is at the SP that the
/// callee was entered with, its return address at `[sp + link_offset]`, and the caller's SP is `sp + frame_bytes`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CallSite {
    /// Index of the word behind the call instruction.
    pub return_word: u32,
    /// Bytes of the native frame.
    pub frame_bytes: u32,
    /// Where the return address is in the frame.
    pub link_offset: u32,
    /// Bytecode position; none for the calls of exit stubs (the exit says where it left).
    pub origin: Option<Origin>,
    /// Tag of the result that the callee returns in a register.
    pub result: Option<Tag>,
    /// Word that an activation returns to, with the number of its results in X0 and their address in X1, if it did not give
    /// the one result that is expected in a register.
    pub landing_pad: Option<u32>,
}

/// When an instruction stands for a loop that goes around.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Passing {
    /// Whenever it is executed.
    Executed,
    /// Whenever it branches.
    Taken,
    /// Whenever it is executed and does not branch.
    NotTaken,
}

/// An instruction whose executions tell how often a loop goes around.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BackEdge {
    /// Index of the word.
    pub word: u32,
    /// Which of its executions.
    pub passing: Passing,
    /// How many loops go around each time.
    pub loops: u32,
}

/// What X0 holds when a loop's code returns and the interpreter has to go on where the host was told; else it holds the
/// pc behind the loop.
pub const LOOP_LEFT: u64 = u64::MAX;

/// A compiled unit.
#[derive(Clone, PartialEq, Debug)]
pub struct CodeObject {
    /// The code. Word 0 is the entry for any number of arguments. Position-independent.
    pub words: Vec<u32>,
    /// One per word.
    pub provenance: Vec<Provenance>,
    /// By exit index.
    pub exits: Vec<ExitInfo>,
    /// Ascending by word.
    pub call_sites: Vec<CallSite>,
    /// Where loops go around.
    pub back_edges: Vec<BackEdge>,
    /// The inlined calls that bytecode positions name ([`Origin::frame`]).
    pub inlined: Vec<InlinedCall>,
    /// First word of each reachable block of the graph; ascending by word.
    pub block_starts: Vec<(BlockId, u32)>,
    /// Word of the entry that is used when all parameters are there.
    pub fixed_entry: u32,
    /// Bytes of an activation on the native stack, a multiple of 16.
    pub frame_bytes: u32,
    /// Tag of the result that calls at the self entry get in a register. Exits of their activations then ask the host where to
    /// return to.
    pub result: Option<Tag>,
    /// Spill slots in the frame.
    pub spill_slots: u32,
    /// Loads and stores that spilling added.
    pub spill_instructions: u32,
}

impl CodeObject {
    /// Bytes of code.
    pub fn bytes(&self) -> usize {
        self.words.len() * 4
    }
}

/// Why a unit cannot be compiled. The function stays interpreted.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CodegenError {
    /// The native frame would be too large.
    #[error("the native frame needs {bytes} bytes; the limit is {}", layout::NATIVE_FRAME_BYTES)]
    FrameTooLarge {
        /// Bytes needed.
        bytes: u64,
    },
    /// More code than branches can span.
    #[error("the code needs {words} words; branches reach {limit}")]
    CodeTooLarge {
        /// Words needed (an upper bound).
        words: u64,
        /// Words that can be spanned.
        limit: u64,
    },
    /// The allocator could not find registers.
    #[error("register allocation failed: {0}")]
    Allocation(String),
    /// The graph breaks a rule that the verifier checks; a bug in a pass.
    #[error("malformed graph: {0}")]
    Malformed(String),
    /// The assembler refused: a bug in this crate.
    #[error("assembler: {0}")]
    Assembler(String),
}
