//! Reads tables of a TOML document with the place of every value at hand.

use std::ops::Range;

use gscript::bytecode::{Pos, Source};
use gscript::diagnostic::Diagnostic;
use gsx_passes::selection::nearest;
use toml::de::{DeTable, DeValue};

use crate::output::text::fit;

/// A value with its bytes in the configuration.
#[derive(Clone, PartialEq, Debug)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub span: Range<usize>,
}

/// Result of reading; the error is boxed because it is large and rare.
pub(super) type Read<T> = Result<T, Box<Diagnostic>>;

/// Longest message: it may quote a key or a path of any length.
const MAX_MESSAGE: usize = 300;

/// A message about some bytes of a configuration.
pub(super) fn diagnostic(source: &Source, span: &Range<usize>, message: impl Into<String>) -> Diagnostic {
    let text = &source.text;
    let start = span.start.min(text.len());
    let before = &text.as_bytes()[..start];
    let line = 1 + before.iter().filter(|&&b| b == b'\n').count();
    let line_start = before.iter().rposition(|&b| b == b'\n').map_or(0, |i| i + 1);
    let line_end = text[line_start..].find('\n').map_or(text.len(), |i| line_start + i);
    let len = span.end.clamp(start, line_end.max(start)) - start;
    Diagnostic {
        file: source.name.clone(),
        message: fit(&message.into(), MAX_MESSAGE),
        pos: Pos { line: line as u32, col: (start - line_start + 1) as u32 },
        len: len as u32,
        label: None,
        help: None,
    }
}

/// One table of the document.
pub(super) struct Section<'a> {
    source: &'a Source,
    /// Name as the user writes it, empty for the top of the file.
    name: &'static str,
    table: &'a DeTable<'a>,
    span: Range<usize>,
}

impl<'a> Section<'a> {
    /// A table with the keys that it may hold.
    pub fn new(
        source: &'a Source,
        name: &'static str,
        table: &'a DeTable<'a>,
        span: Range<usize>,
        known: &[&str],
    ) -> Read<Section<'a>> {
        for key in table.keys() {
            let name_here: &str = key.get_ref();
            if known.contains(&name_here) {
                continue;
            }
            let of = if name.is_empty() { String::new() } else { format!(" in `{name}`") };
            let mut d = diagnostic(source, &key.span(), format!("unknown key `{name_here}`{of}"));
            d.label = nearest(name_here, known).map(|n| format!("did you mean `{n}`?"));
            d.help = Some(format!("the keys are {}", known.join(", ")));
            return Err(Box::new(d));
        }
        Ok(Section { source, name, table, span })
    }

    /// An error about a place in this document.
    pub fn error<T>(&self, span: &Range<usize>, message: impl Into<String>, help: Option<String>) -> Read<T> {
        let mut d = diagnostic(self.source, span, message);
        d.help = help;
        Err(Box::new(d))
    }

    /// The value of a key, with its place.
    pub fn get(&self, key: &str) -> Option<(&'a DeValue<'a>, Range<usize>)> {
        self.table.get(key).map(|v| (v.get_ref(), v.span()))
    }

    /// The error for a key that must be there.
    pub fn missing<T>(&self, key: &str, help: &str) -> Read<T> {
        let of = if self.name.is_empty() { String::new() } else { format!(" in `{}`", self.name) };
        self.error(&self.span, format!("the key `{key}` is missing{of}"), Some(help.to_string()))
    }

    /// A table, with the keys that it may hold.
    pub fn table(&self, key: &'static str, known: &[&str]) -> Read<Option<Section<'a>>> {
        let Some((value, span)) = self.get(key) else {
            return Ok(None);
        };
        match value {
            DeValue::Table(table) => Section::new(self.source, key, table, span, known).map(Some),
            other => self.wrong_type(key, "a table", other, &span),
        }
    }

    /// A string.
    pub fn string(&self, key: &str) -> Read<Option<Spanned<String>>> {
        let Some((value, span)) = self.get(key) else {
            return Ok(None);
        };
        match value {
            DeValue::String(s) => Ok(Some(Spanned { value: s.to_string(), span })),
            other => self.wrong_type(key, "a string", other, &span),
        }
    }

    /// A string that must be there.
    pub fn required_string(&self, key: &str, help: &str) -> Read<Spanned<String>> {
        match self.string(key)? {
            Some(s) => Ok(s),
            None => self.missing(key, help),
        }
    }

    /// One of a few names.
    pub fn choice<T: Copy>(&self, key: &str, all: &[T], name: impl Fn(T) -> &'static str) -> Read<Option<T>> {
        let Some(found) = self.string(key)? else {
            return Ok(None);
        };
        if let Some(value) = all.iter().copied().find(|v| name(*v) == found.value) {
            return Ok(Some(value));
        }
        let names: Vec<&str> = all.iter().map(|v| name(*v)).collect();
        let help = match nearest(&found.value, &names) {
            Some(n) => format!("did you mean `{n}`? Known: {}", names.join(", ")),
            None => format!("known: {}", names.join(", ")),
        };
        self.error(&found.span, format!("unknown {key} `{}`", found.value), Some(help))
    }

    /// A whole number in a range.
    pub fn integer(&self, key: &str, range: std::ops::RangeInclusive<i64>) -> Read<Option<i64>> {
        let Some((value, span)) = self.get(key) else {
            return Ok(None);
        };
        let DeValue::Integer(n) = value else {
            return self.wrong_type(key, "an integer", value, &span);
        };
        match i64::from_str_radix(n.as_str(), n.radix()) {
            Ok(n) if range.contains(&n) => Ok(Some(n)),
            _ => {
                let message = format!("`{key}` must be between {} and {}, but is {n}", range.start(), range.end());
                self.error(&span, message, None)
            }
        }
    }

    /// The error for a value of the wrong type.
    pub fn wrong_type<T>(&self, key: &str, wanted: &str, found: &DeValue<'_>, span: &Range<usize>) -> Read<T> {
        self.error(span, format!("`{key}` must be {wanted}, but is {}", type_name(found)), None)
    }
}

/// A TOML type, as in "must be a string, but is …".
pub(super) fn type_name(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a float",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    }
}
