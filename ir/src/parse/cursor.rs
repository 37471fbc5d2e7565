//! Reading tokens one by one, and the small things that they make up.

use super::lexer::{Kind, Token};
use super::{ParseError, Parser, Ref};
use crate::op::Type;
use crate::text::names::type_named;

impl Parser<'_> {
    pub(super) fn token(&self) -> &Token {
        // The last token is `End` and is never passed.
        &self.tokens[self.at.min(self.tokens.len() - 1)]
    }

    pub(super) fn peek(&self) -> &Kind {
        &self.token().kind
    }

    pub(super) fn advance(&mut self) {
        self.at = (self.at + 1).min(self.tokens.len() - 1);
    }

    pub(super) fn error(&self, message: impl Into<String>) -> ParseError {
        let t = self.token();
        ParseError::new(t.line, t.col, message)
    }

    pub(super) fn expected(&self, what: &str) -> ParseError {
        self.error(format!("expected {what}, found {}", self.peek().describe()))
    }

    pub(super) fn is(&self, c: char) -> bool {
        *self.peek() == Kind::Punct(c)
    }

    pub(super) fn eat(&mut self, c: char) -> bool {
        let found = self.is(c);
        if found {
            self.advance();
        }
        found
    }

    pub(super) fn expect(&mut self, c: char) -> Result<(), ParseError> {
        if self.eat(c) { Ok(()) } else { Err(self.expected(&format!("`{c}`"))) }
    }

    pub(super) fn skip_newlines(&mut self) {
        while *self.peek() == Kind::Newline {
            self.advance();
        }
    }

    pub(super) fn end_of_line(&mut self) -> Result<(), ParseError> {
        if *self.peek() != Kind::Newline {
            return Err(self.expected("the end of the line"));
        }
        self.skip_newlines();
        Ok(())
    }

    pub(super) fn word(&mut self, what: &str) -> Result<String, ParseError> {
        match self.peek() {
            Kind::Word(w) => {
                let w = w.clone();
                self.advance();
                Ok(w)
            }
            _ => Err(self.expected(what)),
        }
    }

    pub(super) fn keyword(&mut self, word: &str) -> Result<(), ParseError> {
        if matches!(self.peek(), Kind::Word(w) if w == word) {
            self.advance();
            return Ok(());
        }
        Err(self.expected(&format!("`{word}`")))
    }

    pub(super) fn name(&mut self) -> Result<String, ParseError> {
        match self.peek() {
            Kind::Word(s) | Kind::Quoted(s) => {
                let s = s.clone();
                self.advance();
                Ok(s)
            }
            _ => Err(self.expected("a name")),
        }
    }

    /// A number of some integer type, decimal.
    pub(super) fn number<T: std::str::FromStr>(&mut self, what: &str) -> Result<T, ParseError> {
        let Kind::Number(text) = self.peek() else { return Err(self.expected(what)) };
        let Ok(n) = text.parse() else {
            return Err(self.error(format!("{} is not {what} in range", self.peek().describe())));
        };
        self.advance();
        Ok(n)
    }

    /// A word that is `letter` and a number: `v12`, `b3`, `p1`, `s0`, `x24`.
    pub(super) fn numbered<T: std::str::FromStr>(&mut self, letter: char, what: &str) -> Result<Ref<T>, ParseError> {
        let (line, col) = (self.token().line, self.token().col);
        if let Kind::Word(w) = self.peek()
            && let Some(digits) = w.strip_prefix(letter)
            && digits.bytes().all(|b| b.is_ascii_digit())
            && let Ok(id) = digits.parse()
        {
            self.advance();
            return Ok(Ref { id, line, col });
        }
        Err(self.expected(what))
    }

    pub(super) fn value_ref(&mut self) -> Result<Ref<u32>, ParseError> {
        self.numbered('v', "a value such as `v1`")
    }

    pub(super) fn block_ref(&mut self) -> Result<Ref<u32>, ParseError> {
        self.numbered('b', "a block such as `b1`")
    }

    pub(super) fn is_value(&self) -> bool {
        matches!(self.peek(), Kind::Word(w) if w.strip_prefix('v').is_some_and(|d| {
            !d.is_empty() && d.bytes().all(|b| b.is_ascii_digit())
        }))
    }

    /// `v1, v2, …`
    pub(super) fn value_list(&mut self) -> Result<Vec<Ref<u32>>, ParseError> {
        let mut out = vec![self.value_ref()?];
        while self.eat(',') {
            out.push(self.value_ref()?);
        }
        Ok(out)
    }

    pub(super) fn ty(&mut self) -> Result<Type, ParseError> {
        match self.peek() {
            Kind::Word(w) if type_named(w).is_some() => {
                let ty = type_named(w);
                self.advance();
                Ok(ty.unwrap_or(Type::Boxed))
            }
            _ => Err(self.expected("a type (boxed, int, float, bool, ptr)")),
        }
    }

    pub(super) fn slot(&mut self) -> Result<u16, ParseError> {
        self.number("a slot number")
    }
}
