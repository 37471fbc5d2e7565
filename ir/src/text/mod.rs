//! The text form: one operation per line, read back by [`parse`](mod@crate::parse) to the same graph.
//!
//! ```text
//! unit add proto=1 slots=3 {
//! b0:
//!     v0 = slot.load.boxed 0
//!     v1: guard.tag int v0 [p1@0:0]
//!     v2 = unbox.int v0
//!     v3 = iconst 1
//!     v4 = iadd v2, v3                        !2
//!     v5: slot.store 2, v4                    !2
//!     jump b1(v4)                             !3
//! b1(v6: int @x24):
//!     return 2, 1                             !4
//! }
//! ```
//!
//! Ids are the graph's own: `v` for nodes, `b` for blocks; `=` stands before an operation with a result, `:` before one
//! without. A snapshot is `[p<proto>@<slot of its R[0]>:<pc>, …; s<slot>=v<id>, …]`, frames outermost first. `!<pc>`, or
//! `!p<proto>:<pc>` for another function, is the provenance; it is left out for pc 0. `;` starts a comment.

mod feedback;
mod mnemonic;
pub(crate) mod names;
mod order;

use std::fmt::Write;

use gscript::bytecode::{Pos, ProtoId};

use crate::graph::{BlockId, Node, NodeId, Origin, SnapshotId, Target, Terminator};
use crate::op::Op;
use crate::unit::{Allocator, FrameStyle, Layout, SelfArgs, SelfEntry, SlotSet, Unit};

use mnemonic::mnemonic;
use names::{ResultType, result_type};

pub(crate) use order::{first_cycle, listing_order};

/// What to show beside the graph itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TextOptions {
    /// The provenance of each node. Without it the text no longer parses to the same graph.
    pub provenance: bool,
    /// Source line and column of each node, as a comment.
    pub positions: bool,
    /// The source line before the first operation that belongs to it, as a comment.
    pub source: bool,
    /// What the interpreter saw of the function.
    pub feedback: bool,
}

impl Default for TextOptions {
    /// The form that parses back to the same graph; feedback is left out.
    fn default() -> Self {
        TextOptions { provenance: true, positions: false, source: false, feedback: false }
    }
}

impl TextOptions {
    /// For people: source lines between the operations and positions beside them.
    pub const LISTING: TextOptions = TextOptions { provenance: true, positions: true, source: true, feedback: false };
    /// The graph alone.
    pub const BARE: TextOptions = TextOptions { provenance: false, positions: false, source: false, feedback: false };
}

/// What a line of the listing shows.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Place {
    /// The unit as a whole.
    Unit,
    /// The unit's entry for self calls.
    SelfEntry,
    /// The unit's pinned slot with this index.
    Pinned(usize),
    /// A block's head.
    Block(BlockId),
    /// A node.
    Node(NodeId),
    /// A block's terminator.
    Term(BlockId),
}

/// A line of the listing.
pub(crate) struct Line {
    /// What it shows; none for comments and the closing brace.
    pub place: Option<Place>,
    /// The text, without line end.
    pub text: String,
}

/// The unit as text that [`parse_unit`](crate::parse::parse_unit) reads back.
pub fn unit_to_string(unit: &Unit) -> String {
    unit_to_string_with(unit, TextOptions::default())
}

/// The unit as text. Every choice of options gives text that parses; see [`TextOptions::provenance`].
pub fn unit_to_string_with(unit: &Unit, options: TextOptions) -> String {
    let mut out = String::new();
    for line in unit_lines(unit, options) {
        out.push_str(&line.text);
        out.push('\n');
    }
    out
}

/// One node as in the listing, without its id, provenance and comments: `iadd v1, v2`.
pub fn node_to_string(unit: &Unit, n: NodeId) -> String {
    Printer::new(unit, TextOptions::BARE).operation(unit.graph.node(n))
}

/// A block's terminator as in the listing.
pub fn terminator_to_string(unit: &Unit, b: BlockId) -> String {
    Printer::new(unit, TextOptions::BARE).terminator(&unit.graph.block(b).term)
}

/// A snapshot as in the listing.
pub fn snapshot_to_string(unit: &Unit, s: SnapshotId) -> String {
    Printer::new(unit, TextOptions::BARE).snapshot(s)
}

/// The lines of the listing.
pub(crate) fn unit_lines(unit: &Unit, options: TextOptions) -> Vec<Line> {
    let mut printer = Printer::new(unit, options);
    printer.unit();
    printer.lines
}

/// `{1, 2}`
fn slot_set(slots: &SlotSet) -> String {
    let slots: Vec<String> = slots.iter().map(|s| s.to_string()).collect();
    format!("{{{}}}", slots.join(", "))
}

/// Column in which provenance and comments start, where the operation leaves room.
const TAIL_COLUMN: usize = 44;

struct Printer<'a> {
    unit: &'a Unit,
    options: TextOptions,
    lines: Vec<Line>,
    /// Function and source line shown last.
    shown: Option<(ProtoId, u32)>,
}

impl<'a> Printer<'a> {
    fn new(unit: &'a Unit, options: TextOptions) -> Printer<'a> {
        Printer { unit, options, lines: Vec::new(), shown: None }
    }

    fn unit(&mut self) {
        self.push(Place::Unit, self.header());
        if self.options.feedback {
            let lines = feedback::lines(&self.unit.feedback);
            self.lines.extend(lines.into_iter().map(|text| Line { place: None, text }));
            for f in &self.unit.functions {
                let text = format!("    function {} = p{} {:#x}", f.global, f.proto.0, f.closure);
                self.lines.push(Line { place: None, text });
            }
        }
        for (i, c) in self.unit.graph.inlined.iter().enumerate() {
            let call = position_of(c.call);
            let text = format!("    inlined {} = p{}@{} {:#x} {call}", i + 1, c.proto.0, c.base, c.closure);
            self.lines.push(Line { place: None, text });
        }
        if let Some(entry) = &self.unit.self_entry {
            self.push(Place::SelfEntry, self_entry(entry));
        }
        for (i, p) in self.unit.pinned.iter().enumerate() {
            let there = p.blocks.iter().filter(|&&b| self.unit.graph.has_block(b));
            let blocks: Vec<String> = there.map(ToString::to_string).collect();
            let written = if p.written { "" } else { " unwritten" };
            let (slot, pin, by) = (p.slot, p.pin, name(p.by));
            let text = format!("    pinned s{slot} @{pin}{written} in {} by {by}", blocks.join(", "));
            self.push(Place::Pinned(i), text);
        }
        for (b, nodes) in listing_order(&self.unit.graph) {
            self.block(b, &nodes);
        }
        self.lines.push(Line { place: None, text: "}".to_owned() });
    }

    fn push(&mut self, place: Place, text: String) {
        self.lines.push(Line { place: Some(place), text });
    }

    fn header(&self) -> String {
        let u = self.unit;
        let mut out = format!("unit {} proto={} slots={}", name(u.name()), u.proto.0, u.frame_slots);
        if let Some(region) = &u.region {
            let ends: Vec<String> = region.exits.iter().map(ToString::to_string).collect();
            let _ = write!(out, " loop={} ends={{{}}}", region.header, ends.join(", "));
        }
        if u.graph.entry != BlockId(0) {
            let _ = write!(out, " entry={}", u.graph.entry);
        }
        if !u.shared.is_empty() {
            let _ = write!(out, " shared={}", slot_set(&u.shared));
        }
        if !u.stale.is_empty() {
            let _ = write!(out, " stale={}", slot_set(&u.stale));
        }
        if u.layout != Layout::default() {
            let _ = write!(out, " layout={}", u.layout);
        }
        if u.allocator != Allocator::default() {
            let _ = write!(out, " allocator={}", u.allocator);
        }
        if u.frames != FrameStyle::default() {
            let _ = write!(out, " frames={}", u.frames);
        }
        if u.hoist_constants {
            out.push_str(" constants=hoisted");
        }
        if u.cold_split {
            out.push_str(" cold=apart");
        }
        out.push_str(" {");
        out
    }

    fn block(&mut self, b: BlockId, nodes: &[NodeId]) {
        let block = self.unit.graph.block(b);
        let mut head = b.to_string();
        if !block.params.is_empty() {
            let params: Vec<String> = block.params.iter().map(|&p| self.param(p)).collect();
            let _ = write!(head, "({})", params.join(", "));
        }
        head.push(':');
        self.push(Place::Block(b), head);
        for &n in nodes {
            self.node(n);
        }
        let text = format!("    {}", self.terminator(&block.term));
        let shown = self.unit.graph.term_origin(b);
        self.line_with_tail(Place::Term(b), text, block.origin, shown, None);
    }

    fn param(&self, n: NodeId) -> String {
        let node = self.unit.graph.node(n);
        let mut out = match node.ty {
            Some(ty) => format!("{n}: {ty}"),
            None => format!("{n}: none"),
        };
        if let Some(pin) = node.pin {
            let _ = write!(out, " @{pin}");
        }
        if let Some(origin) = self.provenance(node.origin) {
            let _ = write!(out, " {origin}");
        }
        out
    }

    fn node(&mut self, n: NodeId) {
        let node = self.unit.graph.node(n);
        let sign = if node.ty.is_some() { " =" } else { ":" };
        let mut text = format!("    {n}{sign} {}", self.operation(node));
        if let Some(ty) = node.ty
            && node.op != Op::Select
            && result_type(node.op) != ResultType::Is(ty)
        {
            let _ = write!(text, " : {ty}");
        }
        if let Some(pin) = node.pin {
            let _ = write!(text, " @{pin}");
        }
        let comment = match node.op {
            Op::GlobalLoad(i) | Op::GlobalStore(i) | Op::GuardGlobal(i, _) => {
                self.unit.program.globals.get(i as usize).cloned()
            }
            _ => None,
        };
        self.line_with_tail(Place::Node(n), text, node.origin, node.origin, comment);
    }

    /// Pushes a line, behind it the provenance, positions and comment, before it the source line where asked for.
    /// A line with its provenance `origin`, under the source line of `shown`.
    fn line_with_tail(
        &mut self,
        place: Place,
        mut text: String,
        origin: Origin,
        shown: Origin,
        comment: Option<String>,
    ) {
        let pos = self.position(shown);
        if self.options.source
            && let Some(pos) = pos
            && self.shown != Some((shown.proto, pos.line))
        {
            self.shown = Some((shown.proto, pos.line));
            let source = self.unit.program.source.line(pos.line).unwrap_or("").trim_end();
            self.lines.push(Line { place: None, text: format!("    ; {:>4} | {source}", pos.line) });
        }
        let mut tail = self.provenance(origin).unwrap_or_default();
        let mut comments: Vec<String> = comment.into_iter().collect();
        if self.options.positions
            && let Some(pos) = pos
        {
            comments.push(pos.to_string());
        }
        if !comments.is_empty() {
            let pad = if tail.is_empty() { "" } else { " " };
            let _ = write!(tail, "{pad}; {}", comments.join(", "));
        }
        if !tail.is_empty() {
            let column = TAIL_COLUMN.max(text.chars().count() + 2);
            text = format!("{text:<column$}{tail}");
        }
        self.push(place, text);
    }

    fn position(&self, origin: Origin) -> Option<Pos> {
        let proto = self.unit.program.protos.get(origin.proto.index())?;
        proto.spans.get(origin.pc as usize).copied().filter(|p| p.line != 0)
    }

    /// `!pc`; none for the unit's first instruction, or where provenance is not wanted.
    fn provenance(&self, origin: Origin) -> Option<String> {
        if !self.options.provenance {
            return None;
        }
        if origin.frame == 0 && origin.proto != self.unit.proto {
            return Some(format!("!p{}:{}", origin.proto.0, origin.pc));
        }
        (origin.pc != 0 || origin.frame != 0).then(|| position_of(origin))
    }

    fn operation(&self, node: &Node) -> String {
        let (name, immediates) = mnemonic(node);
        let mut operands = immediates;
        for a in &node.args {
            operands.push(a.to_string());
        }
        let mut out = name;
        if !operands.is_empty() {
            let _ = write!(out, " {}", operands.join(", "));
        }
        if let Some(s) = node.snapshot {
            let _ = write!(out, " {}", self.snapshot(s));
        }
        out
    }

    fn snapshot(&self, s: SnapshotId) -> String {
        let snapshot = self.unit.graph.snapshot(s);
        let frames: Vec<String> = snapshot
            .frames
            .iter()
            .map(|f| {
                let open = f.open.map(|(first, count)| format!(" open {first}, {count}"));
                format!("p{}@{}:{}{}", f.proto.0, f.base, f.pc, open.unwrap_or_default())
            })
            .collect();
        let mut out = format!("[{}", frames.join(", "));
        for (i, (slot, v)) in snapshot.writes.iter().enumerate() {
            let _ = write!(out, "{} s{slot}={v}", if i == 0 { ";" } else { "," });
        }
        out.push(']');
        out
    }

    fn terminator(&self, term: &Terminator) -> String {
        match term {
            Terminator::Jump(t) => format!("jump {}", target(t)),
            Terminator::Branch { cond, then, other } => {
                format!("branch {cond}, {}, {}", target(then), target(other))
            }
            Terminator::Return { first, count } => format!("return {first}, {count}"),
            Terminator::ReturnValue(v) => format!("return.value {v}"),
            Terminator::Exit(s) => format!("exit {}", self.snapshot(*s)),
            Terminator::Unreachable => "unreachable".to_owned(),
        }
    }
}

/// `!pc`, or `!f1:pc` in the activation of an inlined call.
fn position_of(origin: Origin) -> String {
    match origin.frame {
        0 => format!("!{}", origin.pc),
        frame => format!("!f{frame}:{}", origin.pc),
    }
}

fn self_entry(entry: &SelfEntry) -> String {
    let mut out = format!("    self.entry {} closure={:#x} args=", entry.block, entry.closure);
    match &entry.args {
        SelfArgs::Memory => out.push_str("memory"),
        SelfArgs::Params(slots) => {
            let slots: Vec<String> = slots.iter().map(ToString::to_string).collect();
            let _ = write!(out, "({})", slots.join(", "));
        }
    }
    if entry.header {
        out.push_str(" header");
    }
    if let Some(ty) = entry.result {
        let _ = write!(out, " result={ty}");
    }
    out
}

fn target(t: &Target) -> String {
    if t.args.is_empty() {
        return t.block.to_string();
    }
    let args: Vec<String> = t.args.iter().map(ToString::to_string).collect();
    format!("{}({})", t.block, args.join(", "))
}

/// A name as the lexer reads it back: bare where it is one word, else quoted.
fn name(s: &str) -> String {
    let mut chars = s.chars();
    let bare = chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'));
    if bare {
        return s.to_owned();
    }
    let mut out = String::from("\"");
    for c in s.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
