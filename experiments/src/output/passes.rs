//! What passes did to a program, and what passes there are.

use std::fmt::Write;

use gsx_engine::CellReport;
use gsx_passes::{Pipeline, RemarkKind};

use super::style::{Paint, Style};
use super::text::thousands;

/// Remarks shown per pass; the rest is counted.
const MAX_REMARKS: usize = 12;

/// Counters and remarks of each pass, in pipeline order. Every pass gets a line, even if it did nothing.
pub fn pass_report(pipeline: &Pipeline, report: &CellReport, style: Style) -> String {
    let mut out = String::new();
    let ids = pipeline.ids();
    let width = ids.iter().map(|id| id.chars().count()).max().unwrap_or(0);
    for id in ids {
        let counts = counters(report, id);
        let remarks: Vec<_> = report.remarks.iter().filter(|r| r.pass == id).collect();
        let summary = match (counts.is_empty(), remarks.is_empty()) {
            (false, _) => counts.join("; "),
            (true, true) => "nothing to do".to_string(),
            (true, false) if remarks.iter().any(|r| r.kind == RemarkKind::Applied) => String::new(),
            (true, false) => "changed nothing".to_string(),
        };
        let name = style.strong(&format!("{id:<width$}"));
        let _ = writeln!(out, "{}", format!("  {name}  {summary}").trim_end());
        for r in remarks.iter().take(MAX_REMARKS) {
            let line = r.line.map(|l| format!(":{l}")).unwrap_or_default();
            let paint = match r.kind {
                RemarkKind::Applied => Paint::Good,
                RemarkKind::Missed => Paint::Note,
                RemarkKind::Note => Paint::Faint,
            };
            let kind = style.paint(paint, &format!("{:<7}", r.kind.to_string()));
            let _ = writeln!(out, "    {kind} {}{line}: {}", r.function, r.text);
        }
        if remarks.len() > MAX_REMARKS {
            let _ = writeln!(out, "    … {} more remarks (all of them with --json)", remarks.len() - MAX_REMARKS);
        }
    }
    out
}

/// A pass's counters, summed over functions: `stores removed: 3`.
fn counters(report: &CellReport, id: &str) -> Vec<String> {
    let mut sums: Vec<(&str, u64)> = Vec::new();
    for c in report.pass_counters.iter().filter(|c| c.pass == id) {
        match sums.iter_mut().find(|(name, _)| *name == c.name) {
            Some((_, sum)) => *sum += c.count,
            None => sums.push((c.name, c.count)),
        }
    }
    sums.iter().map(|(name, n)| format!("{name}: {}", thousands(*n))).collect()
}

/// Text on one line, cut if it is long.
pub fn unfold(text: &str) -> String {
    super::text::fit(&text.trim_end().escape_debug().to_string(), 100)
}
