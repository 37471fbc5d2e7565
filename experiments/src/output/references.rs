//! Published figures beside ours.

use std::fmt::Write;

use gsx_engine::CellReport;

use super::style::{Paint, Style};
use super::table::{Align, Table};
use super::text::{ratio, thousands};
use crate::config::{Metric, Reference};

/// A table of the quoted figures with the ratio of ours to them, and their sources. Empty without figures.
pub fn references(references: &[Reference], report: &CellReport, style: Style) -> String {
    if references.is_empty() {
        return String::new();
    }
    let heading = "Reference figures: quoted from their sources, not measured here";
    let mut out = format!("\n{}\n", style.strong(heading));
    let mut table = Table::new(&[Align::Left, Align::Right, Align::Left, Align::Right, Align::Left]);
    for (i, r) in references.iter().enumerate() {
        let ours = measured(report, r.metric);
        let (low, high) = (ratio(ours as f64, r.high), ratio(ours as f64, r.low));
        let ratios = if low == high { low } else { format!("{low}–{high}") };
        let value = match (number(r.low), number(r.high)) {
            (low, high) if low == high => low,
            (low, high) => format!("{low}–{high}"),
        };
        let ours = format!("gsx executes {ratios} as many");
        table.row(Paint::Plain, [r.what.clone(), value, r.metric.name().into(), ours, format!("[{}]", i + 1)]);
    }
    out.push_str(&table.render(style));
    for (i, r) in references.iter().enumerate() {
        let _ = writeln!(out, "{}", style.faint(&format!("  [{}] {}", i + 1, r.source)));
    }
    out
}

/// Our count of what a figure counts.
fn measured(report: &CellReport, metric: Metric) -> u64 {
    match metric {
        Metric::Instructions => report.counters.instructions,
        Metric::Loads => report.counters.loads,
        Metric::Stores => report.counters.stores,
    }
}

/// Whole numbers with separators, others as they are.
fn number(x: f64) -> String {
    if x.fract() == 0.0 && x < 1e15 { thousands(x as u64) } else { x.to_string() }
}
