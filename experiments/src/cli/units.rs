//! Numbers, sizes and argument lists as the command line writes them.

use gsx_engine::Arg;

/// A count: `1000`, `1_000`, `10M`, `1e9`.
pub fn parse_count(text: &str) -> Result<u64, String> {
    scaled(text, &[("k", 1e3), ("m", 1e6), ("g", 1e9)])
        .ok_or_else(|| "write a count such as 1000000, 10M or 1e9".into())
}

/// A size in bytes: `65536`, `64MiB`, `1GB`.
pub fn parse_bytes(text: &str) -> Result<u64, String> {
    const UNITS: [(&str, f64); 10] = [
        ("kib", 1024.0),
        ("mib", 1048576.0),
        ("gib", 1073741824.0),
        ("kb", 1e3),
        ("mb", 1e6),
        ("gb", 1e9),
        ("k", 1024.0),
        ("m", 1048576.0),
        ("g", 1073741824.0),
        ("b", 1.0),
    ];
    scaled(text, &UNITS).ok_or_else(|| "write a size such as 64MiB, 1GiB or a number of bytes".into())
}

/// A number that is not negative, with a unit.
fn scaled(text: &str, units: &[(&str, f64)]) -> Option<u64> {
    let text = text.trim().to_ascii_lowercase().replace('_', "");
    let (digits, factor) =
        units.iter().find_map(|(u, f)| Some((text.strip_suffix(u)?.trim_end(), *f))).unwrap_or((&text, 1.0));
    if !digits.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    if factor == 1.0
        && let Ok(n) = digits.parse()
    {
        return Some(n);
    }
    let value = digits.parse::<f64>().ok()? * factor;
    (value.is_finite() && value <= u64::MAX as f64).then_some(value as u64)
}

/// A list of arguments: `3,4`, `1.5,true,nil,"a, b"`; empty for none.
pub fn parse_args(text: &str) -> Result<Vec<Arg>, String> {
    let mut args = Vec::new();
    let mut rest = text.trim();
    if rest.is_empty() {
        return Ok(args);
    }
    loop {
        let (arg, after) = match rest.strip_prefix('"') {
            Some(quoted) => string(quoted)?,
            None => {
                let end = rest.find(',').unwrap_or(rest.len());
                (scalar(rest[..end].trim())?, &rest[end..])
            }
        };
        args.push(arg);
        let after = after.trim_start();
        match after.strip_prefix(',') {
            Some(next) => rest = next.trim_start(),
            None if after.is_empty() => return Ok(args),
            None => return Err(format!("expected a comma before `{after}`")),
        }
    }
}

/// A string up to its closing quote, and what follows.
fn string(text: &str) -> Result<(Arg, &str), String> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((i, c)) = chars.next() {
        match c {
            '"' => return Ok((Arg::Str(value), &text[i + 1..])),
            '\\' => match chars.next().map(|(_, c)| c) {
                Some('n') => value.push('\n'),
                Some('t') => value.push('\t'),
                Some(c @ ('"' | '\\')) => value.push(c),
                _ => return Err("in a string, `\\` is followed by n, t, \" or \\".into()),
            },
            c => value.push(c),
        }
    }
    Err("a string lacks its closing quote".into())
}

/// An argument that is no string.
fn scalar(word: &str) -> Result<Arg, String> {
    let number = word.starts_with(|c: char| c.is_ascii_digit() || c == '-' || c == '+' || c == '.');
    match word {
        "nil" => Ok(Arg::Nil),
        "true" => Ok(Arg::Bool(true)),
        "false" => Ok(Arg::Bool(false)),
        "" => Err("an argument is missing beside a comma".into()),
        _ if !number => Err(format!("`{word}` is no number, true, false or nil; a string needs quotes: '\"{word}\"'")),
        _ => match (word.parse(), word.parse()) {
            (Ok(n), _) => Ok(Arg::Int(n)),
            (_, Ok(x)) => Ok(Arg::Float(x)),
            _ => Err(format!("`{word}` is no number")),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_sizes() {
        assert_eq!(parse_count("1_000"), Ok(1000));
        assert_eq!(parse_count("1e9"), Ok(1_000_000_000));
        assert_eq!(parse_count("2.5M"), Ok(2_500_000));
        assert_eq!(parse_count("18446744073709551615"), Ok(u64::MAX));
        assert_eq!(parse_bytes("64MiB"), Ok(64 << 20));
        assert_eq!(parse_bytes("1 GiB"), Ok(1 << 30));
        assert_eq!(parse_bytes("100B"), Ok(100));
        assert_eq!(parse_bytes("4096"), Ok(4096));
        for bad in ["", "x", "-1", "1e99", "nan", "inf", "MiB", "1TiB"] {
            assert!(parse_bytes(bad).is_err(), "{bad}");
            assert!(parse_count(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn argument_lists() {
        assert_eq!(parse_args("3, -4"), Ok(vec![Arg::Int(3), Arg::Int(-4)]));
        assert_eq!(parse_args(" "), Ok(vec![]));
        assert_eq!(parse_args("nil,true"), Ok(vec![Arg::Nil, Arg::Bool(true)]));
        assert_eq!(parse_args("1e3,2."), Ok(vec![Arg::Float(1000.0), Arg::Float(2.0)]));
        assert_eq!(parse_args(r#""a, \"b\"" , "c""#), Ok(vec![Arg::Str("a, \"b\"".into()), Arg::Str("c".into())]));
        for bad in ["1,,2", "1,", "abc", "\"a", "\"a\"b", "1x", "\"\\q\""] {
            assert!(parse_args(bad).is_err(), "{bad}");
        }
    }
}
