//! Pictures: a unit's control-flow graph in Graphviz's language.

use std::fmt::Write;

use crate::graph::{BlockId, Terminator};
use crate::text::{Place, TextOptions, unit_lines};
use crate::unit::Unit;

/// Most characters of an operation that a picture shows: snapshots of large frames would make blocks as wide as walls.
const MAX_WIDTH: usize = 80;

/// The unit as a `digraph`: one box per block with its operations, edges labelled `true` and `false` at branches.
pub fn to_dot(unit: &Unit) -> String {
    let mut out = String::new();
    let graph = &unit.graph;
    let title = quote(&format!("{} (prototype {})", unit.name(), unit.proto.0));
    let _ = writeln!(out, "digraph unit {{");
    let _ = writeln!(out, "  graph [label=\"{title}\", labelloc=t, fontname=\"monospace\"];");
    let _ = writeln!(out, "  node [shape=plain, fontname=\"monospace\", fontsize=10];");
    let _ = writeln!(out, "  edge [fontname=\"monospace\", fontsize=10];");
    for (b, lines) in block_lines(unit) {
        let head_color = if b == graph.entry { "#d5e8d4" } else { "#dae8fc" };
        let _ = writeln!(out, "  {b} [label=<");
        let _ = writeln!(out, "    <table border=\"0\" cellborder=\"1\" cellspacing=\"0\" cellpadding=\"3\">");
        for (i, line) in lines.iter().enumerate() {
            let fill = if i == 0 { format!(" bgcolor=\"{head_color}\"") } else { String::new() };
            // Only the frame and the line below the head are drawn.
            let sides = match (i, i + 1 == lines.len()) {
                (0, _) => "LTRB",
                (_, true) => "LRB",
                _ => "LR",
            };
            let _ = writeln!(
                out,
                "      <tr><td align=\"left\" sides=\"{sides}\"{fill}>{}</td></tr>",
                escape(&shorten(line.trim()))
            );
        }
        let _ = writeln!(out, "    </table>>];");
    }
    for b in graph.blocks() {
        edges(unit, b, &mut out);
    }
    out.push_str("}\n");
    out
}

/// The listing's lines by block, the head first.
fn block_lines(unit: &Unit) -> Vec<(BlockId, Vec<String>)> {
    let mut out: Vec<(BlockId, Vec<String>)> = Vec::new();
    for line in unit_lines(unit, TextOptions::BARE) {
        match (line.place, out.last_mut()) {
            (Some(Place::Block(b)), _) => out.push((b, vec![line.text])),
            (Some(Place::Node(_) | Place::Term(_)), Some((_, lines))) => lines.push(line.text),
            _ => {}
        }
    }
    out
}

fn edges(unit: &Unit, b: BlockId, out: &mut String) {
    match &unit.graph.block(b).term {
        Terminator::Jump(t) => {
            let _ = writeln!(out, "  {b} -> {};", t.block);
        }
        Terminator::Branch { then, other, .. } => {
            let _ = writeln!(out, "  {b} -> {} [label=\"true\", color=\"#2e7d32\"];", then.block);
            let _ = writeln!(out, "  {b} -> {} [label=\"false\", color=\"#c62828\"];", other.block);
        }
        Terminator::Return { .. } | Terminator::ReturnValue(_) | Terminator::Exit(_) | Terminator::Unreachable => {}
    }
}

fn shorten(line: &str) -> String {
    if line.chars().count() <= MAX_WIDTH {
        return line.to_owned();
    }
    let mut out: String = line.chars().take(MAX_WIDTH - 1).collect();
    out.push('…');
    out
}

/// Text inside of an HTML-like label.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// Text inside of a quoted string.
fn quote(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace(char::is_control, " ")
}
