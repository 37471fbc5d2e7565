//! Reads the text form ([`mod@crate::text`]) back into a graph.
//!
//! The parser checks what it needs to build a graph: that every word is known and that every node and block that is
//! used is defined, once. All the rest (types, dominance, snapshots …) is the verifier's, so that wrong graphs can be
//! written down, too. A node without a result may stand without its id; it then gets one behind all others.

mod block;
mod build;
mod cursor;
mod feedback;
mod header;
mod lexer;
mod operation;
mod synthetic;

use std::fmt;
use std::sync::Arc;

use gscript::bytecode::{Program, ProtoId};
use gscript::profile::ProtoProfile;
use smallvec::SmallVec;

use crate::graph::{FrameState, InlinedCall, Origin};
use crate::op::{Op, Type};
use crate::unit::{Allocator, FrameStyle, KnownFunction, Layout, LoopRegion, Pin, SelfArgs, SlotSet, Unit};

use lexer::{Kind, Token};

pub use synthetic::{SYNTHETIC_PROTO, synthetic_program};

/// Text that is no graph.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ParseError {
    /// 1-based line.
    pub line: u32,
    /// 1-based column, in characters.
    pub col: u32,
    /// What is wrong.
    pub message: String,
}

impl ParseError {
    fn new(line: u32, col: u32, message: impl Into<String>) -> ParseError {
        ParseError { line, col, message: message.into() }
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.col, self.message)
    }
}

impl std::error::Error for ParseError {}

/// Reads a unit. `program` gives the function its bytecode; see [`synthetic_program`] where there is none.
pub fn parse_unit(text: &str, program: &Arc<Program>) -> Result<Unit, ParseError> {
    let tokens = lexer::tokens(text)?;
    let mut parser = Parser { tokens: &tokens, at: 0, proto: ProtoId::MAIN, inlined: Vec::new() };
    let header = parser.header(program)?;
    parser.proto = header.proto;
    let feedback = parser.feedback(program.proto(header.proto).code.len())?;
    let functions = parser.functions(program)?;
    parser.inlined(program)?;
    let self_entry = parser.self_entry()?;
    let pinned = parser.pinned()?;
    let mut blocks = Vec::new();
    while !parser.eat('}') {
        blocks.push(parser.block()?);
    }
    parser.skip_newlines();
    if *parser.peek() != Kind::End {
        return Err(parser.expected("the end of the text"));
    }
    let inlined = parser.inlined;
    build::unit(program, header, Lines { feedback, functions, inlined, self_entry, pinned }, blocks)
}

/// A mention of something with an id, and where it stands.
#[derive(Clone, Copy, Debug)]
struct Ref<T> {
    id: T,
    line: u32,
    col: u32,
}

/// The first line.
struct Header {
    proto: ProtoId,
    region: Option<LoopRegion>,
    slots: u16,
    entry: Ref<u32>,
    shared: SlotSet,
    stale: SlotSet,
    layout: Layout,
    allocator: Allocator,
    frames: FrameStyle,
    hoist_constants: bool,
    cold_split: bool,
}

/// The lines between the first one and the blocks.
struct Lines {
    feedback: ProtoProfile,
    functions: Vec<KnownFunction>,
    inlined: Vec<InlinedCall>,
    self_entry: Option<SelfEntryText>,
    pinned: Vec<PinnedText>,
}

/// An entry for self calls, as written.
struct SelfEntryText {
    block: Ref<u32>,
    closure: u64,
    args: SelfArgs,
    header: bool,
    result: Option<Type>,
}

/// A pinned slot, as written.
struct PinnedText {
    slot: u16,
    pin: Pin,
    blocks: Vec<Ref<u32>>,
    written: bool,
    by: String,
}

/// A node, as written.
struct NodeText {
    id: Option<Ref<u32>>,
    op: Op,
    ty: Option<Type>,
    args: Vec<Ref<u32>>,
    snapshot: Option<SnapshotText>,
    pin: Option<Pin>,
    origin: Origin,
}

/// A snapshot, as written.
struct SnapshotText {
    frames: SmallVec<[FrameState; 1]>,
    writes: Vec<(u16, Ref<u32>)>,
}

/// A jump target, as written.
struct TargetText {
    block: Ref<u32>,
    args: Vec<Ref<u32>>,
}

/// A terminator, as written.
enum TermText {
    Jump(TargetText),
    Branch(Ref<u32>, TargetText, TargetText),
    Return(u16, u16),
    ReturnValue(Ref<u32>),
    Exit(SnapshotText),
    Unreachable,
}

/// A block, as written.
struct BlockText {
    id: Ref<u32>,
    params: Vec<NodeText>,
    nodes: Vec<NodeText>,
    term: TermText,
    origin: Origin,
}

struct Parser<'a> {
    tokens: &'a [Token],
    at: usize,
    /// The unit's function, for provenance without one.
    proto: ProtoId,
    /// Inlined calls so far, which provenance names.
    inlined: Vec<InlinedCall>,
}
