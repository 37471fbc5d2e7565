//! The table of counts: one report, or two side by side.

use gsx_engine::CellReport;

use super::style::Paint;
use super::table::{Align, Table};
use super::text::{change, ratio, thousands};

/// The counts of a report, and of a second one with the change from the first to the second.
pub fn counts_table(name: &str, first: &CellReport, second: Option<(&str, &CellReport)>) -> Table {
    let mut table = Table::new(&[Align::Left, Align::Right, Align::Right, Align::Right, Align::Left]);
    match second {
        Some((second, _)) => table.row(Paint::Faint, ["", name, second, "change", ""]),
        None => table.row(Paint::Faint, ["", name]),
    }
    let second = second.map(|(_, report)| report);
    for (i, (label, count)) in ROWS.iter().enumerate() {
        let a = count(first);
        let paint = if i == 0 { Paint::Strong } else { Paint::Plain };
        let Some(second) = second else {
            table.row(paint, [label.to_string(), thousands(a)]);
            continue;
        };
        let b = count(second);
        let fewer = match i {
            0 if b > 0 && a as f64 >= b as f64 * NOTABLE => format!("{} fewer", ratio(a as f64, b as f64)),
            0 if a > 0 && b as f64 >= a as f64 * NOTABLE => format!("{} as many", ratio(b as f64, a as f64)),
            _ => String::new(),
        };
        table.row(paint, [label.to_string(), thousands(a), thousands(b), change(a, b), fewer]);
    }
    table
}

/// A ratio worth naming beside the percentage.
const NOTABLE: f64 = 1.1;

type Count = fn(&CellReport) -> u64;

/// What is counted. Instructions come first: they are the figure to look at.
const ROWS: [(&str, Count); 13] = [
    ("instructions", |r| r.counters.instructions),
    ("loads", |r| r.counters.loads),
    ("  bytes", |r| r.counters.bytes_loaded),
    ("stores", |r| r.counters.stores),
    ("  bytes", |r| r.counters.bytes_stored),
    ("branches", |r| r.counters.branches),
    ("  taken", |r| r.counters.branches_taken),
    ("side exits", CellReport::exit_count),
    ("host calls", CellReport::host_call_count),
    ("code bytes", |r| r.code_bytes() as u64),
    ("heap bytes: new", |r| r.heap.allocated),
    ("  alive behind", |r| r.heap.live),
    ("  at most", |r| r.heap.peak),
];
