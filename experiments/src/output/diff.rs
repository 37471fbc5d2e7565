//! Lines of two texts, aligned.

use std::fmt::Write;

use super::style::{Paint, Style};
use super::text::fit;

/// A line of a comparison.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pair<'a> {
    /// In both; the texts may differ where the keys are equal.
    Both(&'a Line, &'a Line),
    /// Only on the left.
    Left(&'a Line),
    /// Only on the right.
    Right(&'a Line),
}

/// A line with what makes it the same as another line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Line {
    /// What is shown.
    pub text: String,
    /// What is compared.
    pub key: String,
}

impl Line {
    /// A line that is compared as it is shown, blanks at either end apart.
    pub fn plain(text: impl Into<String>) -> Line {
        let text = text.into();
        Line { key: text.trim().to_string(), text }
    }
}

/// Cells of the table that the alignment may fill: above that, what differs in the middle is not aligned.
const MAX_CELLS: usize = 16 << 20;

/// Aligns two texts: a longest common subsequence, equal lines at both ends taken first.
pub fn align<'a>(left: &'a [Line], right: &'a [Line]) -> Vec<Pair<'a>> {
    let same = |a: &Line, b: &Line| a.key == b.key;
    let head = left.iter().zip(right).take_while(|(a, b)| same(a, b)).count();
    let rest = left.len().min(right.len()) - head;
    let tail = left.iter().rev().zip(right.iter().rev()).take(rest).take_while(|(a, b)| same(a, b)).count();
    let (l, r) = (&left[head..left.len() - tail], &right[head..right.len() - tail]);

    let mut out: Vec<Pair<'a>> = left[..head].iter().zip(right).map(|(a, b)| Pair::Both(a, b)).collect();
    align_middle(l, r, &mut out);
    let tails = left[left.len() - tail..].iter().zip(&right[right.len() - tail..]);
    out.extend(tails.map(|(a, b)| Pair::Both(a, b)));
    out
}

fn align_middle<'a>(l: &'a [Line], r: &'a [Line], out: &mut Vec<Pair<'a>>) {
    if l.len().saturating_mul(r.len()) > MAX_CELLS {
        out.extend(l.iter().map(Pair::Left));
        out.extend(r.iter().map(Pair::Right));
        return;
    }
    // longest[i][j]: length of the longest common subsequence of l[i..] and r[j..].
    let width = r.len() + 1;
    let mut longest = vec![0u32; (l.len() + 1) * width];
    for i in (0..l.len()).rev() {
        for j in (0..r.len()).rev() {
            longest[i * width + j] = if l[i].key == r[j].key {
                longest[(i + 1) * width + j + 1] + 1
            } else {
                longest[(i + 1) * width + j].max(longest[i * width + j + 1])
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    while i < l.len() && j < r.len() {
        if l[i].key == r[j].key {
            out.push(Pair::Both(&l[i], &r[j]));
            (i, j) = (i + 1, j + 1);
        } else if longest[(i + 1) * width + j] >= longest[i * width + j + 1] {
            out.push(Pair::Left(&l[i]));
            i += 1;
        } else {
            out.push(Pair::Right(&r[j]));
            j += 1;
        }
    }
    out.extend(l[i..].iter().map(Pair::Left));
    out.extend(r[j..].iter().map(Pair::Right));
}

/// Equal lines kept around a difference in unified form.
const CONTEXT: usize = 3;

/// One column, `-` before what only the left has and `+` before what only the right has; long equal stretches are cut.
pub fn unified(pairs: &[Pair<'_>], style: Style) -> String {
    let near = |i: usize| {
        let from = i.saturating_sub(CONTEXT);
        pairs[from..pairs.len().min(i + CONTEXT + 1)].iter().any(|p| !matches!(p, Pair::Both(..)))
    };
    let mut out = String::new();
    let mut cut = 0usize;
    for (i, pair) in pairs.iter().enumerate() {
        if !near(i) {
            cut += 1;
            continue;
        }
        flush(&mut out, &mut cut, style);
        let (mark, paint, line) = match pair {
            Pair::Both(_, b) => (' ', Paint::Plain, b),
            Pair::Left(a) => ('-', Paint::Bad, a),
            Pair::Right(b) => ('+', Paint::Good, b),
        };
        let _ = writeln!(out, "{}", style.paint(paint, format!("{mark} {}", line.text).trim_end()));
    }
    flush(&mut out, &mut cut, style);
    out
}

fn flush(out: &mut String, cut: &mut usize, style: Style) {
    if *cut > 0 {
        let s = if *cut == 1 { "" } else { "s" };
        let _ = writeln!(out, "{}", style.faint(&format!("  … {cut} equal line{s}")));
        *cut = 0;
    }
}

/// Two columns that fit into `width` characters, headed by the two names.
pub fn side_by_side(pairs: &[Pair<'_>], names: (&str, &str), width: usize, style: Style) -> String {
    let column = width.saturating_sub(4) / 2;
    let mut out = String::new();
    let mut line = |left: &str, mark: &str, right: &str, paints: (Paint, Paint)| {
        let (left, right) = (fit(left, column), fit(right, column));
        let pad = " ".repeat(column - left.chars().count());
        let text = format!("{}{pad}  {mark} {}", style.paint(paints.0, &left), style.paint(paints.1, &right));
        let _ = writeln!(out, "{}", text.trim_end());
    };
    line(names.0, " ", names.1, (Paint::Strong, Paint::Strong));
    for pair in pairs {
        match pair {
            Pair::Both(a, b) => line(&a.text, " ", &b.text, (Paint::Plain, Paint::Plain)),
            Pair::Left(a) => line(&a.text, "<", "", (Paint::Bad, Paint::Plain)),
            Pair::Right(b) => line("", ">", &b.text, (Paint::Plain, Paint::Good)),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<Line> {
        text.split(' ').filter(|t| !t.is_empty()).map(Line::plain).collect()
    }

    fn shown(a: &str, b: &str) -> String {
        let (a, b) = (lines(a), lines(b));
        align(&a, &b)
            .iter()
            .map(|p| match p {
                Pair::Both(x, _) => x.text.clone(),
                Pair::Left(x) => format!("-{}", x.text),
                Pair::Right(x) => format!("+{}", x.text),
            })
            .collect::<Vec<_>>()
            .join(" ")
    }

    #[test]
    fn alignment() {
        assert_eq!(shown("a b c", "a c"), "a -b c");
        assert_eq!(shown("a c", "a b c"), "a +b c");
        assert_eq!(shown("a b c d", "b x d"), "-a b -c +x d");
        assert_eq!(shown("", "a"), "+a");
        assert_eq!(shown("a a", "a"), "a -a");
        assert_eq!(shown("", ""), "");
    }

    #[test]
    fn unified_cuts_equal_stretches() {
        let (a, b) = (lines("1 2 3 4 5 6 7 8 9"), lines("1 2 3 4 5 6 7 8 x"));
        assert_eq!(unified(&align(&a, &b), Style::PLAIN), "  … 5 equal lines\n  6\n  7\n  8\n- 9\n+ x\n");
    }

    #[test]
    fn side_by_side_fits() {
        let (a, b) = (lines("same left"), lines("same right-hand-side"));
        let text = side_by_side(&align(&a, &b), ("A", "B"), 18, Style::PLAIN);
        assert_eq!(text, "A          B\nsame       same\nleft     <\n         > right-…\n");
    }
}
