//! Expressions of rules, written as s-expressions: `(iadd (imul ?a ?c) 1)`.

use std::fmt;

use super::term::Sym;
use crate::selection::nearest;

/// An expression with its place in the text.
#[derive(Clone, PartialEq, Debug)]
pub struct Expr {
    /// What it is.
    pub kind: Kind,
    /// First byte in the text that it was read from.
    pub at: usize,
}

/// What an expression is.
#[derive(Clone, PartialEq, Debug)]
pub enum Kind {
    /// `?name`, without the question mark.
    Var(String),
    /// An operation or a constant.
    Apply(Sym, Vec<Expr>),
}

/// What is wrong with a text, and at which byte.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Wrong {
    /// First byte.
    pub at: usize,
    /// How many bytes.
    pub len: usize,
    /// What is wrong.
    pub message: String,
    /// The way out, if one is known.
    pub help: Option<String>,
}

impl Wrong {
    /// About `len` bytes from `at` on.
    pub fn new(at: usize, len: usize, message: impl Into<String>) -> Wrong {
        Wrong { at, len, message: message.into(), help: None }
    }

    /// With the way out.
    pub fn help(mut self, help: impl Into<String>) -> Wrong {
        self.help = Some(help.into());
        self
    }
}

impl Expr {
    /// Reads one expression that takes up all of `text`.
    pub fn parse(text: &str) -> Result<Expr, Wrong> {
        let mut reader = Reader { text, at: 0 };
        let expr = reader.expr(0)?;
        reader.space();
        match reader.rest() {
            "" => Ok(expr),
            rest => Err(Wrong::new(reader.at, rest.len(), "there is something behind the expression")),
        }
    }

    /// Variables in order of their first occurrence, with their places.
    pub fn vars(&self) -> Vec<(&str, usize)> {
        let mut out: Vec<(&str, usize)> = Vec::new();
        self.walk(&mut |e| {
            if let Kind::Var(name) = &e.kind
                && !out.iter().any(|(n, _)| n == name)
            {
                out.push((name, e.at));
            }
        });
        out
    }

    /// Visits all expressions in it, outer ones first.
    pub fn walk<'a>(&'a self, visit: &mut impl FnMut(&'a Expr)) {
        visit(self);
        if let Kind::Apply(_, args) = &self.kind {
            for a in args {
                a.walk(visit);
            }
        }
    }
}

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Var(name) => write!(f, "?{name}"),
            Kind::Apply(sym, args) if args.is_empty() => write!(f, "{sym}"),
            Kind::Apply(sym, args) => {
                write!(f, "({sym}")?;
                for a in args {
                    write!(f, " {a}")?;
                }
                f.write_str(")")
            }
        }
    }
}

/// Nesting that no sensible rule reaches.
const MAX_DEPTH: u32 = 32;

/// Reads expressions and words one after the other.
pub struct Reader<'a> {
    /// The text.
    pub text: &'a str,
    /// The next byte.
    pub at: usize,
}

impl<'a> Reader<'a> {
    /// What has not been read.
    pub fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    /// Skips white space.
    pub fn space(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    /// The characters up to white space, a parenthesis or a comma.
    pub fn word(&mut self) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|c: char| c.is_whitespace() || "(),".contains(c)).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    /// One expression.
    pub fn expr(&mut self, depth: u32) -> Result<Expr, Wrong> {
        self.space();
        let at = self.at;
        if depth > MAX_DEPTH {
            return Err(Wrong::new(at, 1, "the expression is nested too deeply"));
        }
        let Some(first) = self.rest().chars().next() else {
            return Err(Wrong::new(at, 0, "an expression is missing")
                .help("write (OPERATION ARGUMENT …), ?variable or a constant"));
        };
        match first {
            '(' => {
                self.at += 1;
                self.apply(at, depth)
            }
            ')' | ',' => Err(Wrong::new(at, 1, format!("`{first}` without an expression in front of it"))),
            _ => {
                let word = self.word();
                if let Some(name) = word.strip_prefix('?') {
                    if name.is_empty() {
                        return Err(Wrong::new(at, 1, "a variable has no name").help("write ?x"));
                    }
                    return Ok(Expr { kind: Kind::Var(name.to_owned()), at });
                }
                let sym = constant(word).ok_or_else(|| {
                    let wrong = Wrong::new(at, word.len(), format!("`{word}` is no variable and no constant"));
                    let is_operation = Sym::operations().iter().any(|(name, _)| name == word);
                    wrong.help(match is_operation {
                        true => format!("an operation stands in parentheses: ({word} …)"),
                        false => format!("a variable is written ?{word}; constants are 7, -1, 2.5, true, false"),
                    })
                })?;
                Ok(Expr { kind: Kind::Apply(sym, Vec::new()), at })
            }
        }
    }

    /// An operation and its arguments, behind the parenthesis at `open`.
    fn apply(&mut self, open: usize, depth: u32) -> Result<Expr, Wrong> {
        self.space();
        let at = self.at;
        let word = self.word();
        let operations = Sym::operations();
        let Some(&(_, sym)) = operations.iter().find(|(name, _)| name == word) else {
            let names: Vec<&str> = operations.iter().map(|(name, _)| name.as_str()).collect();
            let wrong = Wrong::new(at, word.len().max(1), format!("there is no operation `{word}`"));
            return Err(wrong.help(match nearest(word, &names) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("operations: {}", names.join(", ")),
            }));
        };
        let mut args = Vec::new();
        loop {
            self.space();
            match self.rest().chars().next() {
                None => return Err(Wrong::new(open, 1, "this parenthesis is never closed")),
                Some(')') => {
                    self.at += 1;
                    break;
                }
                Some(_) => args.push(self.expr(depth + 1)?),
            }
        }
        let wanted = sym.signature().0.len();
        if args.len() != wanted {
            let s = if wanted == 1 { "" } else { "s" };
            let message = format!("`{word}` takes {wanted} argument{s}, but has {}", args.len());
            return Err(Wrong::new(open, self.at - open, message));
        }
        Ok(Expr { kind: Kind::Apply(sym, args), at: open })
    }
}

/// An integer, a float or a truth value.
fn constant(word: &str) -> Option<Sym> {
    match word {
        "true" => return Some(Sym::Bool(true)),
        "false" => return Some(Sym::Bool(false)),
        _ => {}
    }
    if let Ok(n) = word.parse::<i64>() {
        return Some(Sym::Int(n));
    }
    let is_number = word.starts_with(|c: char| c.is_ascii_digit() || c == '-') && word.contains(['.', 'e']);
    let x = word.parse::<f64>().ok().filter(|x| is_number && x.is_finite())?;
    Some(Sym::Float(x.to_bits()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_print_as_they_are_written() {
        for text in ["?a", "(iadd ?a (imul ?b -3))", "(fcmp.lt (fneg ?x) 2.5)", "(select ?c true false)", "(ineg 0)"] {
            assert_eq!(Expr::parse(text).expect(text).to_string(), text);
        }
    }

    #[test]
    fn mistakes_have_their_place() {
        for (text, at, message) in [
            ("", 0, "an expression is missing"),
            ("(iadd ?a", 0, "this parenthesis is never closed"),
            ("(iadd ?a ?b) ?c", 13, "there is something behind the expression"),
            ("(iadd ?a)", 0, "`iadd` takes 2 arguments, but has 1"),
            ("(iad ?a ?b)", 1, "there is no operation `iad`"),
            ("(iadd ?a b)", 9, "`b` is no variable and no constant"),
            ("(iadd ?a ?)", 9, "a variable has no name"),
            ("(iadd ?a nan)", 9, "`nan` is no variable and no constant"),
            ("(iadd , ?b)", 6, "`,` without an expression in front of it"),
        ] {
            let wrong = Expr::parse(text).expect_err(text);
            assert_eq!((wrong.at, wrong.message.as_str()), (at, message), "{text}");
        }
        let deep = "(ineg ".repeat(100);
        assert_eq!(Expr::parse(&deep).unwrap_err().message, "the expression is nested too deeply");
    }
}
