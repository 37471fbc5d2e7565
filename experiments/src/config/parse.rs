//! From the text of a configuration to its meaning.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use gscript::bytecode::Source;
use gscript::diagnostic::Diagnostic;
use toml::de::{DeTable, DeValue};

use super::call;
use super::reader::{Read, Section, Spanned, diagnostic};
use super::{Config, Core, Metric, Reference};

/// Keys at the top of the file.
const KEYS: &[&str] = &[
    "program",
    "entry",
    "args",
    "expected",
    "passes",
    "rules",
    "without-rules",
    "core",
    "warmup",
    "full",
    "reference",
];
/// Keys of each `[[reference]]`.
const REFERENCE_KEYS: &[&str] = &["what", "metric", "value", "source"];

/// Reads a configuration. Its passes are not looked up yet: that takes a registry.
///
/// # Errors
/// The first thing wrong with it, with its place.
pub fn parse(source: Source) -> Result<Config, Box<Diagnostic>> {
    let source = Arc::new(source);
    let document = DeTable::parse(&source.text).map_err(|e| {
        let span = e.span().unwrap_or(0..0);
        Box::new(diagnostic(&source, &span, syntax_message(&source.text, &span, e.message())))
    })?;
    // What is missing from the top of the file is reported at its first line.
    let top = Section::new(&source, "", document.get_ref(), 0..0, KEYS)?;

    let program = top.required_string("program", "name the program's file: program = \"../benchmarks/fib.gs\"")?;
    let call = call::small(&top)?;
    let full = call::full(&top, &call)?;
    let passes = top.string("passes")?;
    let rules = top.string("rules")?.map(|s| Spanned { value: PathBuf::from(s.value), span: s.span });
    let without_rules = top.string("without-rules")?;
    let core = top.choice("core", &Core::ALL, Core::name)?.unwrap_or_default();
    let references = references(&source, &top)?;
    Ok(Config {
        program: Spanned { value: PathBuf::from(program.value), span: program.span },
        call,
        full,
        passes,
        rules,
        without_rules,
        core,
        references,
        source: source.clone(),
    })
}

/// The parser takes any bare word for a boolean or a string without quotes: say what is wrong in the user's terms.
fn syntax_message<'a>(text: &str, span: &Range<usize>, message: &'a str) -> &'a str {
    if !message.starts_with("invalid boolean") && !message.starts_with("string values must be quoted") {
        return message;
    }
    let rest = text.get(span.start..).and_then(|t| t.lines().next()).unwrap_or("");
    match rest.trim() {
        "" => "a value is missing",
        _ => "text must be in quotes; only numbers, true and false stand alone",
    }
}

/// `[[reference]]`, any number of times.
fn references(source: &Source, top: &Section<'_>) -> Read<Vec<Reference>> {
    let Some((value, span)) = top.get("reference") else {
        return Ok(Vec::new());
    };
    let DeValue::Array(items) = value else {
        let help = "write [[reference]], with two brackets".to_string();
        return top.error(&span, "`reference` must be an array of tables", Some(help));
    };
    items.iter().map(|item| reference(source, top, item.get_ref(), item.span())).collect()
}

fn reference(source: &Source, top: &Section<'_>, value: &DeValue<'_>, span: Range<usize>) -> Read<Reference> {
    let DeValue::Table(table) = value else {
        return top.wrong_type("reference", "a table", value, &span);
    };
    let section = Section::new(source, "reference", table, span, REFERENCE_KEYS)?;
    let what = section.required_string("what", "say whose figure it is: what = \"LuaJIT 2.1\"")?.value;
    let metric = section.choice("metric", &Metric::ALL, Metric::name)?.unwrap_or(Metric::Instructions);
    let (low, high) = range(&section)?;
    let from = section.required_string("source", "say where the figure comes from: source = \"…\"")?.value;
    Ok(Reference { what, metric, low, high, source: from })
}

/// `value = 5` or `value = [4, 6]`.
fn range(section: &Section<'_>) -> Read<(f64, f64)> {
    let Some((value, span)) = section.get("value") else {
        return section.missing("value", "one figure, value = 388_000, or a range, value = [920_000, 980_000]");
    };
    let bounds: Option<Vec<f64>> = match value {
        DeValue::Array(items) => items.iter().map(|i| number(i.get_ref())).collect(),
        one => number(one).map(|x| vec![x, x]),
    };
    match bounds.as_deref() {
        Some([low, high]) if low <= high => Ok((*low, *high)),
        _ => {
            let help = "one figure, 388_000, or a range, [920_000, 980_000]".to_string();
            section.error(&span, "`value` must be a number that is not negative, or two in order", Some(help))
        }
    }
}

/// A finite number that is not negative.
fn number(value: &DeValue<'_>) -> Option<f64> {
    let x: f64 = match value {
        DeValue::Integer(n) => i64::from_str_radix(n.as_str(), n.radix()).ok()? as f64,
        DeValue::Float(x) => x.as_str().parse().ok()?,
        _ => return None,
    };
    (x.is_finite() && x >= 0.0).then_some(x)
}

#[cfg(test)]
pub(super) mod tests {
    use gsx_engine::{Arg, Warmup};

    use super::*;

    pub fn read(text: &str) -> Result<Config, Box<Diagnostic>> {
        parse(Source { name: "c.toml".into(), text: text.into() })
    }

    const GOOD: &str = "program = 'p.gs'\nentry = 'f'\n";

    /// The error of a good beginning followed by `text`, as `line:column: message`.
    pub fn error(text: &str) -> String {
        let d = *read(&format!("{GOOD}{text}")).expect_err(text);
        format!("{}: {}", d.pos, d.message)
    }

    #[test]
    fn everything_has_its_place() {
        let c = read(
            "program = '../p.gs'\nentry = 'f'\nargs = [1, -2.5, true, 'x']\nexpected = 7\npasses = 'all,-dse'\n\
             [warmup]\nargs = [0x10]\ncalls = 3\n[[reference]]\nwhat = 'W'\nvalue = [1, 2]\nsource = 'S'\n",
        )
        .unwrap();
        assert_eq!(c.call.args, [Arg::Int(1), Arg::Float(-2.5), Arg::Bool(true), Arg::Str("x".into())]);
        assert_eq!(c.call.warmup, Warmup { args: vec![Arg::Int(16)], calls: 3 });
        assert_eq!(c.call.expected, Some(call::Expected::Always("7".into())));
        assert_eq!(c.passes.unwrap().value, "all,-dse");
        let r = &c.references[0];
        assert_eq!((r.low, r.high, r.metric), (1.0, 2.0, Metric::Instructions));
    }

    #[test]
    fn unknown_keys_get_their_place_and_the_nearest() {
        let d = *read(&format!("{GOOD}  warmpu = 1\n")).unwrap_err();
        assert_eq!((d.pos.line, d.pos.col, d.len), (3, 3, 6));
        assert_eq!(d.message, "unknown key `warmpu`");
        assert_eq!(d.label.as_deref(), Some("did you mean `warmup`?"));
        assert_eq!(error("[warmup]\ncall = 1\n"), "4:1: unknown key `call` in `warmup`");
        assert_eq!(error("[[reference]]\nwho = ''\n"), "4:1: unknown key `who` in `reference`");
    }

    #[test]
    fn wrong_types_get_their_place() {
        assert_eq!(error("args = 20\n"), "3:8: `args` must be an array, but is an integer");
        assert_eq!(error("args = [1, [2]]\n"), "3:12: `args` cannot hold an array");
        assert_eq!(error("args = [99999999999999999999]\n"), "3:9: 99999999999999999999 is not a 64-bit integer");
        assert_eq!(error("passes = 3\n"), "3:10: `passes` must be a string, but is an integer");
        assert_eq!(error("warmup = 3\n"), "3:10: `warmup` must be a table, but is an integer");
        assert_eq!(error("[warmup]\ncalls = -1\n"), "4:9: `calls` must be between 0 and 1000000, but is -1");
        assert_eq!(error("core = 'm1'\n"), "3:8: unknown core `m1`");
        assert_eq!(
            error("[[reference]]\nwhat = ''\nvalue = 'x'\n"),
            "5:9: `value` must be a number that is not negative, or two in order"
        );
    }

    #[test]
    fn missing_keys_are_named() {
        let d = *read("entry = 'f'\n").unwrap_err();
        assert_eq!((d.pos.line, d.message.as_str()), (1, "the key `program` is missing"));
        let d = *read("program = 'p'\n").unwrap_err();
        assert_eq!(d.message, "the key `entry` is missing");
        assert_eq!(error("[[reference]]\nwhat = ''\nvalue = 1\n"), "3:1: the key `source` is missing in `reference`");
    }

    #[test]
    fn bad_toml_has_a_place() {
        assert_eq!(error("x = \n"), "3:5: a value is missing");
        assert_eq!(
            error("core = functional\n"),
            "3:8: text must be in quotes; only numbers, true and false stand alone"
        );
        assert_eq!(error("core = fib\n"), "3:8: text must be in quotes; only numbers, true and false stand alone");
        assert!(error("args = [1\n").starts_with("3:10: unclosed array"), "{}", error("args = [1\n"));
        let d = *read("").unwrap_err();
        assert_eq!(d.message, "the key `program` is missing");
    }
}
