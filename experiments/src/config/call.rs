//! The measured call: its entry, arguments, warm-up and known result, at the top of a configuration and in `[full]`.

use std::ops::Range;

use gsx_engine::{Arg, Warmup};
use toml::de::DeValue;

use super::DEFAULT_WARMUP_CALLS;
use super::reader::{Read, Section, Spanned, type_name};

/// Keys of `[warmup]`.
const WARMUP_KEYS: &[&str] = &["args", "calls"];
/// Keys of `[full]`.
const FULL_KEYS: &[&str] = &["entry", "args", "expected", "warmup"];

/// What is called, and what is known about it.
#[derive(Clone, Debug)]
pub struct Call {
    /// The global function to measure.
    pub entry: Spanned<String>,
    /// Its arguments.
    pub args: Vec<Arg>,
    /// What to call before it is compiled.
    pub warmup: Warmup,
    /// What it gives.
    pub expected: Option<Expected>,
}

/// Known results, as `print` shows them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Expected {
    /// Every call gives this.
    Always(String),
    /// The two calls behind the configured warm-up give these: the program goes on from where it was.
    InTurn([String; 2]),
}

impl Expected {
    /// Results of the two calls that a cell makes.
    pub fn results(&self) -> [String; 2] {
        match self {
            Expected::Always(result) => [result.clone(), result.clone()],
            Expected::InTurn(results) => results.clone(),
        }
    }
}

/// The call at the top of the file.
pub(super) fn small(top: &Section<'_>) -> Read<Call> {
    let entry = top.required_string("entry", "name the function to measure: entry = \"fib\"")?;
    let args = args(top, "args")?.unwrap_or_default();
    let warmup = warmup(top, &args)?.unwrap_or(Warmup { args: args.clone(), calls: DEFAULT_WARMUP_CALLS });
    Ok(Call { entry, args, warmup, expected: expected(top)? })
}

/// `[full]`: the same program with more to do. Entry and warm-up are the small call's unless it has its own.
pub(super) fn full(top: &Section<'_>, small: &Call) -> Read<Option<Call>> {
    let Some(section) = top.table("full", FULL_KEYS)? else {
        return Ok(None);
    };
    let Some(args) = args(&section, "args")? else {
        return section.missing("args", "say what the larger call gets: args = [1000]");
    };
    let entry = section.string("entry")?.unwrap_or_else(|| small.entry.clone());
    let warmup = match warmup(&section, &args)? {
        Some(warmup) => warmup,
        // The small call's warm-up fits no other function.
        None if entry.value != small.entry.value => Warmup { args: args.clone(), calls: small.warmup.calls },
        None => small.warmup.clone(),
    };
    Ok(Some(Call { entry, args, warmup, expected: expected(&section)? }))
}

/// An array of arguments.
fn args(section: &Section<'_>, key: &str) -> Read<Option<Vec<Arg>>> {
    let Some((value, span)) = section.get(key) else {
        return Ok(None);
    };
    let DeValue::Array(items) = value else {
        let help = format!("one argument is written {key} = [20], none {key} = []");
        let message = format!("`{key}` must be an array, but is {}", type_name(value));
        return section.error(&span, message, Some(help));
    };
    items.iter().map(|item| arg(section, key, item.get_ref(), &item.span())).collect::<Read<_>>().map(Some)
}

/// One argument.
fn arg(section: &Section<'_>, key: &str, value: &DeValue<'_>, span: &Range<usize>) -> Read<Arg> {
    match value {
        DeValue::String(s) => Ok(Arg::Str(s.to_string())),
        DeValue::Boolean(b) => Ok(Arg::Bool(*b)),
        DeValue::Integer(n) => match i64::from_str_radix(n.as_str(), n.radix()) {
            Ok(n) => Ok(Arg::Int(n)),
            Err(_) => section.error(span, format!("{n} is not a 64-bit integer"), None),
        },
        DeValue::Float(x) => match x.as_str().parse() {
            Ok(x) => Ok(Arg::Float(x)),
            Err(_) => section.error(span, format!("{} is not a number", x.as_str()), None),
        },
        other => {
            let message = format!("`{key}` cannot hold {}", type_name(other));
            let help = "an argument is an integer, a float, a boolean or a string".to_string();
            section.error(span, message, Some(help))
        }
    }
}

/// `[warmup]`, which calls with the measured arguments unless it says otherwise.
fn warmup(section: &Section<'_>, measured: &[Arg]) -> Read<Option<Warmup>> {
    let Some(section) = section.table("warmup", WARMUP_KEYS)? else {
        return Ok(None);
    };
    let calls = section.integer("calls", 0..=1_000_000)?.map_or(DEFAULT_WARMUP_CALLS, |n| n as u32);
    let args = args(&section, "args")?.unwrap_or_else(|| measured.to_vec());
    Ok(Some(Warmup { args, calls }))
}

/// The known result: what `print` shows, or a value that prints so; or a list of two.
fn expected(section: &Section<'_>) -> Read<Option<Expected>> {
    let Some((value, span)) = section.get("expected") else {
        return Ok(None);
    };
    let DeValue::Array(items) = value else {
        return result(section, value, &span).map(|result| Some(Expected::Always(result)));
    };
    let results: Vec<String> =
        items.iter().map(|item| result(section, item.get_ref(), &item.span())).collect::<Read<_>>()?;
    match results.try_into() {
        Ok(two) => Ok(Some(Expected::InTurn(two))),
        Err(_) => {
            let help = "the results of the first and the second call behind the warm-up".to_string();
            section.error(&span, "a list in `expected` must have two results", Some(help))
        }
    }
}

/// One known result.
fn result(section: &Section<'_>, value: &DeValue<'_>, span: &Range<usize>) -> Read<String> {
    match value {
        DeValue::String(s) => Ok(s.to_string()),
        DeValue::Integer(n) if n.radix() == 10 => Ok(n.as_str().to_string()),
        DeValue::Boolean(b) => Ok(b.to_string()),
        other => {
            let message = format!("`expected` must be a string, an integer or a boolean, but is {}", type_name(other));
            let help = "write the result as `print` shows it: expected = \"0.5\"".to_string();
            section.error(span, message, Some(help))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse::tests::{error, read};
    use super::*;

    const GOOD: &str = "program = 'p.gs'\nentry = 'f'\nargs = [9]\n";

    #[test]
    fn warm_up_defaults_to_the_measured_arguments() {
        let c = read(GOOD).unwrap().call;
        assert_eq!(c.warmup, Warmup { args: vec![Arg::Int(9)], calls: DEFAULT_WARMUP_CALLS });
        let c = read(&format!("{GOOD}[warmup]\ncalls = 2\n")).unwrap().call;
        assert_eq!(c.warmup, Warmup { args: vec![Arg::Int(9)], calls: 2 });
    }

    #[test]
    fn the_full_size_takes_over_what_it_does_not_say() {
        let full = |text: &str| read(&format!("{GOOD}[warmup]\nargs = [1]\ncalls = 2\n{text}")).unwrap().full;
        assert!(full("").is_none());
        let c = full("[full]\nargs = [99]\nexpected = 7\n").unwrap();
        assert_eq!((c.entry.value.as_str(), &c.args[..]), ("f", &[Arg::Int(99)][..]));
        assert_eq!(c.warmup, Warmup { args: vec![Arg::Int(1)], calls: 2 });
        assert_eq!(c.expected, Some(Expected::Always("7".into())));
        let c = full("[full]\nentry = 'g'\nargs = []\n").unwrap();
        assert_eq!((c.entry.value.as_str(), c.expected), ("g", None));
        assert_eq!(c.warmup, Warmup { args: vec![], calls: 2 });
        let c = full("[full]\nargs = [99]\nwarmup = { args = [5], calls = 1 }\n").unwrap();
        assert_eq!(c.warmup, Warmup { args: vec![Arg::Int(5)], calls: 1 });
    }

    #[test]
    fn mistakes_in_the_full_size_get_their_place() {
        assert_eq!(error("[full]\nexpected = 1\n"), "3:1: the key `args` is missing in `full`");
        assert_eq!(error("[full]\nargs = []\ncore = 'x'\n"), "5:1: unknown key `core` in `full`");
        assert_eq!(error("[full]\nargs = []\n[full.warmup]\nx = 1\n"), "6:1: unknown key `x` in `warmup`");
        assert_eq!(error("full = 3\n"), "3:8: `full` must be a table, but is an integer");
    }

    #[test]
    fn results_may_follow_each_other() {
        let c = read(&format!("{GOOD}expected = ['0.5', 2]\n")).unwrap().call;
        assert_eq!(c.expected.unwrap().results(), ["0.5", "2"]);
        let c = read(&format!("{GOOD}expected = true\n")).unwrap().call;
        assert_eq!(c.expected.unwrap().results(), ["true", "true"]);
        assert_eq!(error("expected = [1]\n"), "3:12: a list in `expected` must have two results");
        assert_eq!(
            error("expected = [1, 0.5]\n"),
            "3:16: `expected` must be a string, an integer or a boolean, but is a float"
        );
    }
}
