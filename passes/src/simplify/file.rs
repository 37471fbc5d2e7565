//! Rules in a file.
//!
//! ```toml
//! [[rule]]
//! name = "halve-then-double"
//! lhs = "(iadd (isub ?a ?b) (isub ?b ?c))"
//! rhs = "(isub ?a ?c)"
//! if = "constant ?b"       # optional: conditions, separated by commas
//! ```

use std::ops::Range;

use gscript::bytecode::{Pos, Source};
use gscript::diagnostic::Diagnostic;
use toml::de::{DeTable, DeValue};

use super::expr::Wrong;
use super::proofs::{self, Cache};
use super::rule::{Part, Rule};
use super::set::RuleSet;
use crate::selection::nearest;

type Read<T> = Result<T, Box<Diagnostic>>;

const KEYS: [&str; 4] = ["name", "lhs", "rhs", "if"];

impl RuleSet {
    /// Adds the rules of a file. `cache` is what is known to be proved about them.
    ///
    /// # Errors
    /// The first thing that is wrong with the file, with its place; no rule is added then.
    pub fn load(&mut self, source: &Source, cache: &Cache) -> Read<()> {
        let mut rules = Vec::new();
        for (rule, span) in read(source)? {
            if self.get(&rule.name).is_some() || rules.iter().any(|r: &Rule| r.name == rule.name) {
                let owner = if self.get(&rule.name).is_some_and(|e| !e.is_users) {
                    "gsx itself has"
                } else {
                    "there is already"
                };
                let message = format!("{owner} a rule called `{}`", rule.name);
                return Err(diagnostic(source, &span, message, Some("every rule needs a name of its own".into())));
            }
            rules.push(rule);
        }
        for rule in rules {
            let is_proved = cache.is_proved(&rule) || proofs::own().is_proved(&rule);
            self.add(rule, is_proved);
        }
        Ok(())
    }
}

/// The rules of a file, each with the place of its name.
fn read(source: &Source) -> Read<Vec<(Rule, Range<usize>)>> {
    let document = DeTable::parse(&source.text)
        .map_err(|e| diagnostic(source, &e.span().unwrap_or(0..0), e.message().to_owned(), None))?;
    let top = document.get_ref();
    known_keys(source, top, &["rule"])?;
    let Some(value) = top.get("rule") else { return Ok(Vec::new()) };
    let help = || Some("a rule is a table [[rule]] with name, lhs, rhs and perhaps if".to_owned());
    let DeValue::Array(items) = value.get_ref() else {
        return Err(diagnostic(source, &value.span(), "`rule` must be an array of tables", help()));
    };
    let mut out = Vec::new();
    for item in items.iter() {
        let DeValue::Table(table) = item.get_ref() else {
            return Err(diagnostic(source, &item.span(), "a rule must be a table", help()));
        };
        known_keys(source, table, &KEYS)?;
        let text = |key: &str| -> Read<Option<(String, Range<usize>)>> {
            match table.get(key).map(|v| (v.get_ref(), v.span())) {
                None => Ok(None),
                Some((DeValue::String(s), span)) => Ok(Some((s.to_string(), span))),
                Some((_, span)) => Err(diagnostic(source, &span, format!("`{key}` must be a string"), None)),
            }
        };
        let required = |key: &str| {
            text(key)?.ok_or_else(|| diagnostic(source, &item.span(), format!("the rule has no `{key}`"), help()))
        };
        let (name, name_span) = required("name")?;
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_') {
            let message = format!("`{name}` is no name for a rule");
            return Err(diagnostic(source, &name_span, message, Some("letters, digits, - and _ only".into())));
        }
        let (lhs, lhs_span) = required("lhs")?;
        let (rhs, rhs_span) = required("rhs")?;
        let (conditions, if_span) = text("if")?.unwrap_or((String::new(), 0..0));
        let rule = Rule::new(&name, "from a file", &lhs, &rhs, &conditions).map_err(|(part, wrong)| {
            let span = match part {
                Part::Left => lhs_span,
                Part::Right => rhs_span,
                Part::If => if_span,
            };
            let place = place_in_string(&source.text, &span, &wrong);
            diagnostic(source, &place, wrong.message, wrong.help)
        })?;
        out.push((rule, name_span));
    }
    Ok(out)
}

/// The place of a mistake in a string value: exact unless the string has escapes, then the string.
fn place_in_string(text: &str, span: &Range<usize>, wrong: &Wrong) -> Range<usize> {
    let raw = text.get(span.clone()).unwrap_or("");
    let quotes = ["\"\"\"", "'''", "\"", "'"].into_iter().find(|q| raw.starts_with(q)).map_or(0, str::len);
    if quotes == 0 || raw.contains('\\') || quotes == 3 {
        return span.clone();
    }
    let start = span.start + quotes + wrong.at;
    start..(start + wrong.len).min(span.end)
}

fn known_keys(source: &Source, table: &DeTable<'_>, known: &[&str]) -> Read<()> {
    for key in table.keys() {
        let name: &str = key.get_ref();
        if !known.contains(&name) {
            let near = nearest(name, known).map(|n| format!("did you mean `{n}`? "));
            let help = format!("{}the keys are {}", near.unwrap_or_default(), known.join(", "));
            return Err(diagnostic(source, &key.span(), format!("unknown key `{name}`"), Some(help)));
        }
    }
    Ok(())
}

fn diagnostic(
    source: &Source,
    span: &Range<usize>,
    message: impl Into<String>,
    help: Option<String>,
) -> Box<Diagnostic> {
    let before = source.text.get(..span.start).unwrap_or(&source.text);
    let line_start = before.rfind('\n').map_or(0, |i| i + 1);
    let line_end = source.text[line_start..].find('\n').map_or(source.text.len(), |i| line_start + i);
    Box::new(Diagnostic {
        file: source.name.clone(),
        message: message.into(),
        pos: Pos { line: 1 + before.matches('\n').count() as u32, col: (before.len() - line_start + 1) as u32 },
        len: span.end.min(line_end).saturating_sub(before.len()) as u32,
        label: None,
        help,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str) -> Result<RuleSet, String> {
        let mut set = RuleSet::default();
        let source = Source { name: "r.toml".into(), text: text.into() };
        set.load(&source, &Cache::default()).map(|()| set).map_err(|d| format!("{}: {}", d.pos, d.message))
    }

    fn error(text: &str) -> String {
        load(text).err().unwrap_or_else(|| panic!("no error in {text}"))
    }

    #[test]
    fn rules_are_read() {
        let set =
            load("[[rule]]\nname = 'mine'\nlhs = '(isub ?a ?c)'\nrhs = '(ineg ?a)'\nif = 'constant ?c'\n").unwrap();
        let e = set.get("mine").unwrap();
        assert!(e.is_users && e.is_on && !e.is_proved);
        assert_eq!(e.rule().to_string(), "(isub ?a ?c) => (ineg ?a) if constant ?c");
        let set = load("[[rule]]\nname = 'zero'\nlhs = '(iadd ?a 0)'\nrhs = '?a'\n").unwrap();
        assert!(set.get("zero").unwrap().is_proved, "gsx has a proof of the same");
        assert!(load("").is_ok());
    }

    #[test]
    fn mistakes_have_line_and_column() {
        let with = |lines: &str| error(&format!("[[rule]]\nname = 'mine'\n{lines}\n"));
        assert_eq!(with("lhs = '(iadd ?a 0)'\nrhs = '(ineg ?b)'"), "4:14: the left side does not bind ?b");
        assert_eq!(with("lhs = '(iad ?a 0)'\nrhs = '?a'"), "3:9: there is no operation `iad`");
        assert_eq!(with("lhs = \"(iadd ?a 0\"\nrhs = '?a'"), "3:8: this parenthesis is never closed");
        assert_eq!(with("lhs = '(iadd ?a 0)'\nrhs = '?a'\nif = 'evn ?a'"), "5:7: there is no condition `evn`");
        assert_eq!(with("lhs = '(iadd ?a 0)'\nrhs = 3"), "4:7: `rhs` must be a string");
        assert_eq!(with("lhs = '(iadd ?a 0)'"), "1:1: the rule has no `rhs`");
        assert_eq!(with("lhs = '(iadd ?a 0)'\nrsh = '?a'"), "4:1: unknown key `rsh`");
        assert_eq!(error("rules = 1\n"), "1:1: unknown key `rules`");
        assert_eq!(error("rule = 1\n"), "1:8: `rule` must be an array of tables");
        let good = "[[rule]]\nname = 'mine'\nlhs = '(iadd ?a 0)'\nrhs = '?a'\n";
        assert_eq!(error(&format!("{good}{good}")), "6:8: there is already a rule called `mine`");
        assert_eq!(error(&good.replace("mine", "add-zero")), "2:8: gsx itself has a rule called `add-zero`");
        assert_eq!(error(&good.replace("mine", "a b")), "2:8: `a b` is no name for a rule");
    }
}
