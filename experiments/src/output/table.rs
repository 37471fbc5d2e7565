//! Tables with aligned columns.

use super::style::{Paint, Style};

/// On which side a column's text stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Align {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// A table under construction.
#[derive(Clone, Debug)]
pub struct Table {
    align: Vec<Align>,
    rows: Vec<Vec<(String, Paint)>>,
}

/// Spaces before the first column.
const INDENT: usize = 2;
/// Spaces between columns.
const GAP: usize = 2;

impl Table {
    /// A table with these columns.
    pub fn new(align: &[Align]) -> Table {
        Table { align: align.to_vec(), rows: Vec::new() }
    }

    /// Adds a row in one colour.
    pub fn row<S: Into<String>>(&mut self, paint: Paint, cells: impl IntoIterator<Item = S>) {
        self.rows.push(cells.into_iter().map(|c| (c.into(), paint)).collect());
    }

    /// Adds a row with a colour for each cell.
    pub fn painted<S: Into<String>>(&mut self, cells: impl IntoIterator<Item = (S, Paint)>) {
        self.rows.push(cells.into_iter().map(|(c, p)| (c.into(), p)).collect());
    }

    /// The table as text, each row ending in a line end, no row in a space.
    pub fn render(&self, style: Style) -> String {
        let columns = self.align.len();
        let width = |c: usize| self.rows.iter().filter_map(|r| r.get(c)).map(|(t, _)| chars(t)).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns).map(width).collect();
        let mut out = String::new();
        for row in &self.rows {
            let mut line = " ".repeat(INDENT);
            // Blanks are written only before text, so that no line ends in one.
            let mut owed = 0;
            for ((text, paint), (align, width)) in row.iter().zip(self.align.iter().zip(&widths)) {
                let pad = width - chars(text);
                let (before, after) = match align {
                    Align::Left => (0, pad),
                    Align::Right => (pad, 0),
                };
                owed += before;
                if !text.is_empty() {
                    line.extend(std::iter::repeat_n(' ', owed));
                    line.push_str(&style.paint(*paint, text));
                    owed = 0;
                }
                owed += after + GAP;
            }
            out.push_str(line.trim_end());
            out.push('\n');
        }
        out
    }
}

fn chars(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let mut t = Table::new(&[Align::Left, Align::Right, Align::Left]);
        t.row(Paint::Strong, ["what", "n", "note"]);
        t.row(Paint::Plain, ["µops", "1,000", ""]);
        t.row(Paint::Plain, ["x", "", "y"]);
        assert_eq!(t.render(Style::PLAIN), "  what      n  note\n  µops  1,000\n  x            y\n");
    }
}
