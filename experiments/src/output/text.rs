//! Numbers and words for people.

/// `1234567` as `1,234,567`.
pub fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, d) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(d);
    }
    out
}

/// How much less (or more) `now` is than `before`, in percent: `-12.3 %`. Empty when there is nothing to compare with.
pub fn change(before: u64, now: u64) -> String {
    match (before, now) {
        (b, n) if b == n => "=".to_string(),
        (0, _) => String::new(),
        (b, n) => {
            let difference = n as f64 - b as f64;
            let percent = difference * 100.0 / b as f64;
            // A tiny change is still a change.
            if percent.abs() < 0.05 { format!("{difference:+}") } else { format!("{percent:+.1} %") }
        }
    }
}

/// A ratio with a sensible number of digits: `1.29×`.
pub fn ratio(a: f64, b: f64) -> String {
    let r = a / b;
    match r {
        r if !r.is_finite() => "-".to_string(),
        r if r >= 100.0 => format!("{r:.0}×"),
        r if r >= 10.0 => format!("{r:.1}×"),
        r => format!("{r:.2}×"),
    }
}

/// A duration in the largest unit that leaves it at 1 or more.
pub fn duration(nanoseconds: u64) -> String {
    let ns = nanoseconds as f64;
    match nanoseconds {
        0..1_000 => format!("{nanoseconds} ns"),
        1_000..1_000_000 => format!("{:.1} µs", ns / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} ms", ns / 1e6),
        _ => format!("{:.2} s", ns / 1e9),
    }
}

/// `1 call`, `2 calls`.
pub fn plural(n: u64, one: &str) -> String {
    let s = if n == 1 { "" } else { "s" };
    format!("{} {one}{s}", thousands(n))
}

/// Joins with commas; `none` for nothing.
pub fn list<S: AsRef<str>>(items: &[S]) -> String {
    if items.is_empty() {
        return "none".to_string();
    }
    items.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(", ")
}

/// Breaks a text into lines of at most `width` characters, each after `indent` spaces; paragraphs are kept apart.
pub fn wrap(text: &str, width: usize, indent: usize) -> String {
    let margin = " ".repeat(indent);
    let mut out = String::new();
    for (i, paragraph) in text.split("\n\n").enumerate() {
        if i > 0 {
            out.push('\n');
        }
        let mut line = String::new();
        for word in paragraph.split_whitespace() {
            if !line.is_empty() && indent + line.chars().count() + 1 + word.chars().count() > width {
                out.push_str(&format!("{margin}{line}\n"));
                line.clear();
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        if !line.is_empty() {
            out.push_str(&format!("{margin}{line}\n"));
        }
    }
    out
}

/// The text cut to `width` characters, with an ellipsis where something was cut.
pub fn fit(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_string();
    }
    let mut cut: String = text.chars().take(width.saturating_sub(1)).collect();
    cut.push('…');
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        for (n, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1234567, "1,234,567"), (100000, "100,000")] {
            assert_eq!(thousands(n), text);
        }
        assert_eq!(change(200, 100), "-50.0 %");
        assert_eq!(change(100, 101), "+1.0 %");
        assert_eq!(change(0, 0), "=");
        assert_eq!(change(262_683, 262_684), "+1");
        assert_eq!(change(262_684, 262_683), "-1");
        assert_eq!(change(0, 5), "");
        assert_eq!(ratio(1.0, 0.0), "-");
        assert_eq!(ratio(3.0, 2.0), "1.50×");
        assert_eq!(plural(1, "call"), "1 call");
        assert_eq!(plural(2000, "call"), "2,000 calls");
    }

    #[test]
    fn durations() {
        assert_eq!(duration(999), "999 ns");
        assert_eq!(duration(12_345), "12.3 µs");
        assert_eq!(duration(2_500_000_000), "2.50 s");
    }

    #[test]
    fn lines() {
        assert_eq!(wrap("one two three\n\nfour", 10, 2), "  one two\n  three\n\n  four\n");
        assert_eq!(fit("abcdef", 4), "abc…");
        assert_eq!(fit("abc", 4), "abc");
    }
}
