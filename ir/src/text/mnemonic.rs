//! Operations with their immediates.

use gscript::value::{Tag, Value};

use super::names::{HOST_COMPARISONS, SIMPLE};
use crate::graph::Node;
use crate::op::{CallKind, CallResults, Op, TagHalf};

/// An operation's name and its immediate operands. Immediates that are no list elements of their own (`guard.tag int`)
/// are part of the name.
pub(super) fn mnemonic(node: &Node) -> (String, Vec<String>) {
    let plain = |name: &str| (name.to_owned(), Vec::new());
    match node.op {
        Op::IConst(n) => (format!("iconst {n}"), Vec::new()),
        Op::FConst(bits) => (format!("fconst {}", float(bits)), Vec::new()),
        Op::BConst(b) => (format!("bconst {b}"), Vec::new()),
        Op::BoxedConst(v) => (format!("const {}", value(v)), Vec::new()),
        Op::IShl(n) => ("ishl".to_owned(), vec![n.to_string()]),
        Op::ICmp(c) => (format!("icmp.{c}"), Vec::new()),
        Op::FCmp(c) => (format!("fcmp.{c}"), Vec::new()),
        Op::Select => match node.ty {
            Some(ty) => (format!("select.{ty}"), Vec::new()),
            None => plain("select"),
        },
        Op::Unbox(ty) => (format!("unbox.{ty}"), Vec::new()),
        Op::SlotLoad(slot, ty) => (format!("slot.load.{ty}"), vec![slot.to_string()]),
        Op::SlotStore(slot) => ("slot.store".to_owned(), vec![slot.to_string()]),
        Op::SlotStorePayload(slot, tag) => {
            let name = match tag {
                TagHalf::Right => "slot.store.payload",
                TagHalf::Unread => "slot.store.untagged",
            };
            (name.to_owned(), vec![slot.to_string()])
        }
        Op::GlobalLoad(i) => ("global.load".to_owned(), vec![i.to_string()]),
        Op::GlobalStore(i) => ("global.store".to_owned(), vec![i.to_string()]),
        Op::UpvalLoad(i) => ("upval.load".to_owned(), vec![i.to_string()]),
        Op::HasTag(tag) => plain(&format!("has.tag {tag}")),
        Op::TableLoad(part) => (format!("table.{part}"), Vec::new()),
        Op::FieldLoad(i) => ("field.load".to_owned(), vec![i.to_string()]),
        Op::FieldStore(i) => ("field.store".to_owned(), vec![i.to_string()]),
        Op::UpvalStore(i) => ("upval.store".to_owned(), vec![i.to_string()]),
        // The tag is no element of the list of operands: `guard.tag int v0`.
        Op::GuardTag(tag) => plain(&format!("guard.tag {tag}")),
        Op::GuardGlobal(i, f) => (format!("guard.global {i}, {}", value(f)), Vec::new()),
        Op::GuardDepth(n) => (format!("guard.depth {n}"), Vec::new()),
        Op::Call { a, nargs, results, kind } => {
            let name = match kind {
                CallKind::Generic => "call",
                CallKind::SelfCall => "call.self",
                CallKind::SelfEntry => "call.entry",
            };
            let results = match results {
                CallResults::Fixed(n) => n.to_string(),
                CallResults::Expect(n) => format!("!{n}"),
                CallResults::Value => "value".to_owned(),
                CallResults::ExpectValue => "!value".to_owned(),
            };
            (format!("{name} a={a} nargs={nargs} results={results}"), Vec::new())
        }
        Op::HostCompare { op, b, c } => {
            let name = HOST_COMPARISONS.iter().find(|(_, o)| *o == op).map(|(n, _)| *n);
            let other = format!("{op:?}");
            (format!("host.compare {}", name.unwrap_or(&other)), vec![b.to_string(), c.to_string()])
        }
        op => match SIMPLE.iter().find(|(_, o)| *o == op) {
            Some((name, _)) => plain(name),
            None => plain(&format!("{op:?}")),
        },
    }
}

/// A float that parses back to the same bits.
fn float(bits: u64) -> String {
    let x = f64::from_bits(bits);
    let text = format!("{x:?}");
    if x.is_finite() { text } else { format!("{bits:#018x}") }
}

fn value(v: Value) -> String {
    match (v.tag, v.bits) {
        (Tag::Nil, 0) => "nil".to_owned(),
        (Tag::Bool, 0) => "bool false".to_owned(),
        (Tag::Bool, 1) => "bool true".to_owned(),
        (Tag::Int, n) => format!("int {}", n as i64),
        (Tag::Float, bits) => format!("float {}", float(bits)),
        (tag, bits) => format!("{tag} {bits:#x}"),
    }
}
