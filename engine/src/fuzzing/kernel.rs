//! A writer of functions that compute with numbers, arrays and records.
//!
//! It knows which names hold what, so its statements run without errors, mostly: an element or field that may be missing is
//! read with a default. Loops are counted and their variables are never assigned to, so the functions end. They show what they
//! computed, so that a wrong value is seen.

use std::fmt::Write;

use super::Choices;
use super::expressions::FIELDS;

/// Helpers that the functions rely on; written once per program.
pub(super) const PRELUDE: &str = r#"age := 0
shown := 0
func digest(v, depth) {
    if type(v) != "table" { return tostring(v) }
    if depth < 1 { return "{}" }
    s := "{" .. #v
    for k, e := range pairs(v) {
        s = s .. " " .. tostring(k) .. "=" .. digest(e, depth - 1)
        if #s > 400 { return s .. " more}" }
    }
    return s .. "}"
}
func show(...) {
    shown = shown + 1
    if shown < 300 { print(...) }
}
"#;

/// Writes one function, and what it needs beside it.
pub(super) struct Kernel<'a> {
    pub choices: &'a mut Choices,
    pub out: String,
    /// Names of integers that no statement may change: loop variables.
    pub fixed: Vec<String>,
    /// Names of numbers.
    pub numbers: Vec<String>,
    /// Names of tables that hold numbers, mostly under integers.
    pub arrays: Vec<String>,
    /// Names of tables that hold numbers under [`FIELDS`].
    pub records: Vec<String>,
    depth: usize,
    /// Loops around the current statement.
    loops: usize,
    counter: usize,
}

impl<'a> Kernel<'a> {
    pub fn new(choices: &'a mut Choices) -> Kernel<'a> {
        Kernel {
            choices,
            out: String::new(),
            fixed: vec![],
            numbers: vec![],
            arrays: vec![],
            records: vec![],
            depth: 0,
            loops: 0,
            counter: 0,
        }
    }

    /// A line at the current depth.
    pub fn line(&mut self, text: &str) {
        let _ = writeln!(self.out, "{}{text}", "    ".repeat(self.depth));
    }

    /// `head {`, what `body` writes, `}`. Names that the body adds are forgotten behind it.
    pub fn block(&mut self, head: &str, body: impl FnOnce(&mut Self)) {
        self.line(&format!("{head} {{"));
        let keep = [&self.fixed, &self.numbers, &self.arrays, &self.records].map(Vec::len);
        self.depth += 1;
        body(self);
        self.depth -= 1;
        for (names, keep) in
            [&mut self.fixed, &mut self.numbers, &mut self.arrays, &mut self.records].into_iter().zip(keep)
        {
            names.truncate(keep);
        }
        self.line("}");
    }

    /// `func name(n, x, y)`. Mostly x and y are made numbers first; n stays what it is.
    pub fn function(&mut self, name: &str, body: impl FnOnce(&mut Self)) {
        self.block(&format!("func {name}(n, x, y)"), |k| {
            for param in ["x", "y"] {
                let value = k.literal();
                if !k.choices.one_in(5) {
                    k.line(&format!("if type({param}) != \"number\" {{ {param} = {value} }}"));
                }
                k.numbers.push(param.into());
            }
            body(k);
        });
    }

    /// A loop with a variable from 0 or 1 to a limit or down from it; the body may use the variable. Mostly the limit is `limit`.
    pub fn counted(&mut self, limit: &str, body: impl FnOnce(&mut Self)) {
        let i = self.fresh("i");
        let head = match self.choices.below(12) {
            0..=4 => format!("for {i} := 0; {i} < {limit}; {i}++"),
            5..=8 => format!("for {i} := 1; {i} <= {limit}; {i}++"),
            9 => format!("for {i} := 0; {i} < {limit}; {i} += 2"),
            10 => format!("for {i} := {limit}; {i} > 0; {i} = {i} - 1"),
            _ => format!("for {i} := 0.5; {i} < {limit}; {i} += 0.75"),
        };
        self.block(&head, |k| {
            k.fixed.push(i);
            k.loops += 1;
            body(k);
            k.loops -= 1;
        });
    }

    /// A name that this function has not used.
    pub fn fresh(&mut self, prefix: &str) -> String {
        self.counter += 1;
        format!("{prefix}{}", self.counter)
    }

    /// A new local with a number.
    pub fn number_local(&mut self, name: &str, value: &str) {
        self.line(&format!("{name} := {value}"));
        self.numbers.push(name.into());
    }

    /// Some statements.
    pub fn statements(&mut self, most: usize) {
        for _ in 0..=self.choices.below(most) {
            self.statement(0);
        }
    }

    fn statement(&mut self, nesting: usize) {
        let kinds = if nesting < 2 { 20 } else { 14 };
        let kind = self.choices.below(kinds);
        let (number, array, record) = (self.name(|k| &k.numbers), self.name(|k| &k.arrays), self.name(|k| &k.records));
        match (kind, number, array, record) {
            (0..=2, Some(number), ..) => {
                let value = self.number(2);
                self.line(&format!("{number} = {value}"));
            }
            (3, Some(number), ..) => {
                let (op, value) = (self.choices.pick(&["+=", "-=", "*=", "/="]), self.number(1));
                self.line(&format!("{number} {op} {value}"));
            }
            (4 | 5, _, Some(array), _) => {
                let (index, value) = (self.index(), self.number(1));
                self.line(&format!("{array}[{index}] = {value}"));
            }
            (6, _, Some(array), _) => {
                let (index, value) = (self.index(), self.number(1));
                self.line(&format!("{array}[{index}] = ({array}[{index}] || 0) + {value}"));
            }
            (7, _, Some(array), _) => {
                let value = self.number(1);
                self.line(&format!("{array}[#{array} + 1] = {value}"));
            }
            (8, _, Some(array), _) => {
                // A hole, or a shorter array.
                let index = self.index();
                self.line(&format!("{array}[{index}] = nil"));
            }
            (9 | 10, _, _, Some(record)) => {
                let (field, value) = (self.choices.pick(FIELDS), self.number(1));
                self.line(&format!("{record}.{field} = {value}"));
            }
            (11, _, _, Some(record)) => {
                let (field, value) = (self.choices.pick(FIELDS), self.number(1));
                self.line(&format!("{record}.{field} = ({record}.{field} || 1) - {value}"));
            }
            (12, _, _, Some(record)) if self.choices.one_in(2) => {
                let field = self.choices.pick(FIELDS);
                self.line(&format!("{record}.{field} = nil"));
            }
            (13, ..) if self.loops > 0 && self.choices.one_in(2) => {
                let (condition, out) = (self.condition(), self.choices.pick(&["break", "continue"]));
                self.line(&format!("if {condition} {{ {out} }}"));
            }
            (14..=16, ..) => {
                let condition = self.condition();
                self.block(&format!("if {condition}"), |k| k.statement(nesting + 1));
                if self.choices.one_in(2) {
                    self.block("else", |k| k.statement(nesting + 1));
                }
            }
            (17 | 18, ..) if self.loops < 3 => {
                let limit = 1 + self.choices.below(5);
                self.counted(&limit.to_string(), |k| k.statement(nesting + 1));
            }
            (_, Some(number), ..) => {
                let value = self.number(1);
                self.line(&format!("{number} = {number} + {value}"));
            }
            _ => {
                let value = self.number(1);
                self.line(&format!("show({value})"));
            }
        }
    }

    /// Shows the values of all names, and returns a number.
    pub fn finish(&mut self, name: &str) {
        let tables = self.arrays.iter().chain(&self.records).map(|t| format!(", digest({t}, 2)"));
        let numbers = self.numbers.iter().map(|n| format!(", {n}"));
        let all: String = numbers.chain(tables).collect();
        self.line(&format!("show(\"{name}\"{all})"));
        let value = self.number(1);
        self.line(&format!("return {value}"));
    }
}
