//! The verifier: what must hold of every unit between any two passes.
//!
//! It collects all errors instead of stopping at the first, and renders them below the lines of the text form that they
//! are about. Nodes that nothing uses are not checked: passes leave them behind.

mod dominance;
mod pins;
mod self_entry;
mod snapshots;
mod structure;
mod types;

use std::fmt;

use rustc_hash::FxHashSet;

use crate::graph::{BlockId, Graph, NodeId, SnapshotId, Terminator};
use crate::op::Op;
use crate::text::{Place, TextOptions, unit_lines};
use crate::unit::Unit;

/// One thing that does not hold.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VerifyError {
    /// What it is about.
    pub place: Place,
    /// The block that this is in.
    pub block: Option<BlockId>,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.place, self.block) {
            (Place::Unit, _) => f.write_str("unit")?,
            (Place::SelfEntry, _) => f.write_str("self entry")?,
            (Place::Pinned(i), _) => write!(f, "pinned slot {i}")?,
            (Place::Block(b), _) => write!(f, "{b}")?,
            (Place::Term(b), _) => write!(f, "{b}, terminator")?,
            (Place::Node(n), Some(b)) => write!(f, "{b}, {n}")?,
            (Place::Node(n), None) => write!(f, "{n}")?,
        }
        write!(f, ": {}", self.message)
    }
}

/// All that does not hold of a unit; never empty.
#[derive(Clone, Debug)]
pub struct VerifyErrors {
    /// The errors, in the order of the listing.
    pub errors: Vec<VerifyError>,
    /// The unit's text with each error below its line.
    pub text: String,
}

impl fmt::Display for VerifyErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.errors.len() == 1 { "" } else { "s" };
        writeln!(f, "{} verifier error{plural}:", self.errors.len())?;
        for e in &self.errors {
            writeln!(f, "  {e}")?;
        }
        write!(f, "\n{}", self.text)
    }
}

impl std::error::Error for VerifyErrors {}

/// Checks everything that must hold of a unit.
///
/// # Errors
/// All that does not.
pub fn verify(unit: &Unit) -> Result<(), VerifyErrors> {
    let mut v = Verifier { unit, graph: &unit.graph, errors: Vec::new(), live: live_nodes(&unit.graph) };
    v.check_structure();
    v.check_types();
    v.check_snapshots();
    v.check_dominance();
    v.check_pins();
    v.check_self_entry();
    if v.errors.is_empty() { Ok(()) } else { Err(render(unit, v.errors)) }
}

struct Verifier<'a> {
    unit: &'a Unit,
    graph: &'a Graph,
    errors: Vec<VerifyError>,
    /// Block parameters, effects in blocks, and all that they and the terminators use, ascending.
    live: Vec<NodeId>,
}

impl Verifier<'_> {
    fn error(&mut self, place: Place, message: impl Into<String>) {
        let block = match place {
            Place::Node(n) => self.graph.node(n).block,
            Place::Block(b) | Place::Term(b) => Some(b),
            Place::Unit | Place::SelfEntry | Place::Pinned(_) => None,
        };
        self.errors.push(VerifyError { place, block, message: message.into() });
    }
}

/// The snapshot of a terminator.
fn exit_snapshot(term: &Terminator) -> Option<SnapshotId> {
    match term {
        Terminator::Exit(s) => Some(*s),
        _ => None,
    }
}

/// Does the node float?
fn floats(graph: &Graph, n: NodeId) -> bool {
    let op = graph.node(n).op;
    op.is_pure() && op != Op::Param
}

/// What a node uses itself and through its snapshot.
fn operands(graph: &Graph, n: NodeId) -> Vec<NodeId> {
    let node = graph.node(n);
    let mut out = node.args.to_vec();
    if let Some(s) = node.snapshot {
        out.extend(graph.snapshot(s).writes.iter().map(|w| w.1));
    }
    out
}

fn live_nodes(graph: &Graph) -> Vec<NodeId> {
    let mut work = Vec::new();
    for b in graph.blocks() {
        let block = graph.block(b);
        work.extend(block.params.iter().chain(&block.effects).copied());
        work.extend(block.term.uses());
        if let Some(s) = exit_snapshot(&block.term) {
            work.extend(graph.snapshot(s).writes.iter().map(|w| w.1));
        }
    }
    let mut seen = FxHashSet::default();
    while let Some(n) = work.pop() {
        if seen.insert(n) {
            work.extend(operands(graph, n));
        }
    }
    let mut live: Vec<NodeId> = seen.into_iter().collect();
    live.sort_unstable();
    live
}

/// Sorts the errors into the listing and puts each below its line.
fn render(unit: &Unit, errors: Vec<VerifyError>) -> VerifyErrors {
    let lines = unit_lines(unit, TextOptions::default());
    let mut left: Vec<Option<VerifyError>> = errors.into_iter().map(Some).collect();
    let mut sorted = Vec::new();
    let mut text = String::new();
    for line in &lines {
        text.push_str(&line.text);
        text.push('\n');
        let indent = line.text.len() - line.text.trim_start().len();
        for slot in &mut left {
            let here = slot.as_ref().is_some_and(|e| line.place.is_some_and(|p| covers(unit, p, e.place)));
            if here && let Some(e) = slot.take() {
                text.push_str(&format!("{:indent$}; ^ error: {}\n", "", e.message));
                sorted.push(e);
            }
        }
    }
    // Places without a line of their own, such as a node that is in no block.
    for e in left.into_iter().flatten() {
        text.push_str(&format!("; error: {e}\n"));
        sorted.push(e);
    }
    VerifyErrors { errors: sorted, text }
}

/// Does the line for `line` show `place`? Parameters stand in their block's head.
fn covers(unit: &Unit, line: Place, place: Place) -> bool {
    if line == place {
        return true;
    }
    match (line, place) {
        (Place::Block(b), Place::Node(n)) => unit.graph.block(b).params.contains(&n),
        _ => false,
    }
}
