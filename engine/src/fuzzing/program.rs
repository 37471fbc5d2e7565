//! Random programs.
//!
//! They terminate by construction (loops are counted, recursion counts down) and are meant to be nasty: values change their
//! types, functions are redefined, closures capture what loops change, calls nest. Errors may happen at run time; compiled
//! code must then fail with the same message. A global counts the calls of the entry, so that things may change behind the
//! warm-up.

use std::fmt::Write;

use super::recursion::{Callable, functions};
use super::{Choices, kernel, shapes};

/// Source of a random program with a global function `entry(a, b)`.
pub fn random_program(choices: &mut Choices) -> String {
    let mut g = Generator {
        choices,
        out: kernel::PRELUDE.into(),
        functions: 0,
        callables: vec![],
        data: vec![],
        locals: vec![],
        depth: 0,
        loops: 0,
    };
    g.line("t := {1, 2.5, x: 3}");
    g.line("func spread(...) { return select(2, ...) }");
    g.line("func second(a, b) { return b, a }");
    g.shapes();
    g.data();
    let count = 1 + g.choices.below(3);
    for i in 0..count {
        g.function(&format!("f{i}"), i);
        g.functions += 1;
    }
    g.function("body", count);
    // Errors are results, too: message and place must be the interpreter's.
    g.line("func entry(a, b) { age = age + 1 return pcall(body, a, b) }");
    g.out
}

struct Generator<'a> {
    choices: &'a mut Choices,
    out: String,
    /// Functions f0..f(n-1) may be called.
    functions: usize,
    /// So may these.
    callables: Vec<Callable>,
    /// Those among them that compute with data.
    data: Vec<Callable>,
    locals: Vec<String>,
    depth: usize,
    loops: usize,
}

impl Generator<'_> {
    /// Helpers and recursive functions.
    fn shapes(&mut self) {
        let count = self.choices.below(4);
        for number in 0..count {
            let helpers: Vec<Callable> = self.callables.iter().filter(|c| c.most >= 1000).cloned().collect();
            let (source, callables) = functions(self.choices, number, &helpers);
            self.out.push_str(&source);
            self.callables.extend(callables);
        }
    }

    /// Functions that compute with floats, tables and records.
    fn data(&mut self) {
        let count = self.choices.below(5);
        for number in 0..count {
            let (source, callable) = shapes::function(self.choices, number);
            self.out.push_str(&source);
            self.callables.push(callable.clone());
            self.data.push(callable);
        }
    }

    /// Calls of these functions; what they show must not depend on what else happens.
    fn data_calls(&mut self) {
        for f in self.data.clone() {
            let (n, x, y) = (self.choices.below(f.most + 1), self.expression(1), self.expression(1));
            if !self.choices.one_in(4) {
                self.line(&format!("print(pcall({}, {n}, {x}, {y}))", f.name));
            }
        }
    }

    /// One of them, and arguments for it.
    fn callee(&mut self, size: usize) -> (Callable, String) {
        let f = self.callables[self.choices.below(self.callables.len())].clone();
        // Mostly a small integer; now and then anything at all, but small.
        let first = match self.choices.below(6) {
            0 => format!("{} % 6", self.local()),
            _ => self.choices.below(f.most.min(250) + 1).to_string(),
        };
        let rest: Vec<String> = (1..f.params).map(|_| format!(", {}", self.expression(size))).collect();
        let args = format!("{first}{}", rest.concat());
        (f, args)
    }

    /// A function gets another meaning, for a while or for good.
    fn redefinition(&mut self, nesting: usize) {
        let f = self.callables[self.choices.below(self.callables.len())].clone();
        let value = self.choices.pick(&["100", "n + 1", "0.5", "x", "n"]);
        let new = format!("{} = func(n, x, y) {{ return {value} }}", f.name);
        if self.choices.one_in(2) {
            let condition = self.condition();
            self.line(&format!("if {condition} {{ {new} }}"));
            return;
        }
        let old = format!("old{}", self.loops);
        self.loops += 1;
        self.line(&format!("var {old} = {}", f.name));
        self.line(&new);
        self.statement(nesting + 1);
        self.line(&format!("{} = {old}", f.name));
    }

    fn line(&mut self, text: &str) {
        let _ = writeln!(self.out, "{}{text}", "    ".repeat(self.depth));
    }

    fn function(&mut self, name: &str, index: usize) {
        self.locals = vec!["a".into(), "b".into()];
        self.loops = 0;
        self.line(&format!("func {name}(a, b) {{"));
        self.depth += 1;
        if index > 0 && self.choices.one_in(3) && name != "body" {
            // Counted recursion.
            self.line("if type(a) != \"number\" || a < 1 || a > 12 { return b }");
            let other = self.expression(2);
            self.line(&format!("var r = {name}(a - 1, {other})"));
            self.locals.push("r".into());
        }
        if name == "body" {
            self.data_calls();
        }
        let statements = 3 + self.choices.below(5);
        for _ in 0..statements {
            self.statement(0);
        }
        let value = self.expression(2);
        if self.choices.one_in(4) {
            let second = self.expression(1);
            self.line(&format!("return {value}, {second}"));
        } else {
            self.line(&format!("return {value}"));
        }
        self.depth -= 1;
        self.line("}");
    }

    fn statement(&mut self, nesting: usize) {
        let kinds = if nesting < 2 { 19 } else { 5 };
        match self.choices.below(kinds) {
            0 | 1 => {
                let name = format!("v{}", self.locals.len());
                let value = self.expression(3);
                self.line(&format!("var {name} = {value}"));
                self.locals.push(name);
            }
            2 | 3 => {
                let target = self.local();
                let value = self.expression(3);
                self.line(&format!("{target} = {value}"));
            }
            4 => {
                let target = self.local();
                let op = self.choices.pick(&["+=", "-=", "*="]);
                let value = self.expression(1);
                self.line(&format!("{target} {op} {value}"));
            }
            5 | 6 => {
                let condition = self.condition();
                self.line(&format!("if {condition} {{"));
                self.block(nesting);
                if self.choices.one_in(2) {
                    self.line("} else {");
                    self.block(nesting);
                }
                self.line("}");
            }
            7..=9 => {
                let i = format!("i{}", self.loops);
                self.loops += 1;
                let limit = 1 + self.choices.below(8);
                let step = self.choices.pick(&["++", " += 2", " += 3"]);
                self.line(&format!("for {i} := 0; {i} < {limit}; {i}{step} {{"));
                let keep = self.locals.len();
                self.locals.push(i);
                self.block(nesting);
                self.locals.truncate(keep);
                self.line("}");
            }
            10 => {
                let target = self.local();
                let value = self.expression(1);
                self.line(&format!("func() {{ {target} = {value} }}()"));
            }
            11 => {
                let place = self.choices.pick(&["t.x", "t.y", "t[1]", "t[2]", "t[a]"]);
                let value = self.expression(2);
                self.line(&format!("{place} = {value}"));
            }
            12 => {
                // An error, sometimes on behalf of the caller.
                let condition = self.condition();
                let level = 1 + self.choices.below(3);
                self.line(&format!("if {condition} {{ error(\"no\", {level}) }}"));
            }
            13 if self.functions > 0 => {
                let target = self.local();
                let f = self.choices.below(self.functions);
                let (a, b) = (self.expression(1), self.expression(1));
                self.line(&format!("_, {target} = pcall(f{f}, {a}, {b})"));
            }
            15 if !self.callables.is_empty() => self.redefinition(nesting),
            16 | 17 if !self.callables.is_empty() => {
                let target = self.local();
                let (Callable { name: f, several, .. }, args) = self.callee(1);
                let form = if several { 1 + self.choices.below(2) } else { self.choices.below(4) };
                let line = match form {
                    0 => format!("_, {target} = pcall({f}, {args})"),
                    1 => format!("{target} = spread(0, {f}({args}))"),
                    2 => format!("_, {target} = {f}({args})"),
                    _ => format!("{target} = {target} + {f}({args})"),
                };
                self.line(&line);
            }
            14 => {
                let target = self.local();
                let value = self.expression(1);
                self.line(&format!("{target} = spread({value}, {target})"));
            }
            _ => {
                let value = self.expression(2);
                self.line(&format!("print({value})"));
            }
        }
    }

    fn block(&mut self, nesting: usize) {
        self.depth += 1;
        let keep = self.locals.len();
        for _ in 0..1 + self.choices.below(3) {
            self.statement(nesting + 1);
        }
        if nesting > 0 && self.choices.one_in(6) {
            let value = self.expression(1);
            self.line(&format!("if {value} == 3 {{ return {value} }}"));
        }
        self.locals.truncate(keep);
        self.depth -= 1;
    }

    fn local(&mut self) -> String {
        // Loop variables are left alone: the loops must end.
        let names: Vec<String> = self.locals.iter().filter(|l| !l.starts_with('i')).cloned().collect();
        names[self.choices.below(names.len())].clone()
    }

    fn condition(&mut self) -> String {
        let (a, b) = (self.expression(1), self.expression(1));
        let op = self.choices.pick(&["<", "<=", ">", ">=", "==", "!="]);
        match self.choices.below(5) {
            0 => format!("{a} {op} {b} && {a} != {b}"),
            1 => format!("{a} == {b} || !({b} {op} {a})"),
            _ => format!("{a} {op} {b}"),
        }
    }

    fn expression(&mut self, size: usize) -> String {
        if size == 0 || self.choices.one_in(4) {
            return match self.choices.below(8) {
                0 => match self.choices.below(20) as i64 - 5 {
                    n if n < 0 => format!("({n})"),
                    n => n.to_string(),
                },
                1 => self.choices.pick(&["0.5", "1.0", "2.25", "1e3", "9223372036854775807", "1000000"]).to_string(),
                _ => {
                    let i = self.choices.below(self.locals.len());
                    self.locals[i].clone()
                }
            };
        }
        let (a, b) = (self.expression(size - 1), self.expression(size - 1));
        match self.choices.below(18) {
            15..=17 if !self.callables.is_empty() => {
                let (f, args) = self.callee(size - 1);
                format!("{}({args})", f.name)
            }
            12 => (self.choices.pick(&["t.x", "t.y", "t[1]", "t[b]", "#t"])).to_string(),
            13 => format!("second({a}, {b})"),
            14 => format!("tostring({a})"),
            0..=3 => format!("({a} + {b})"),
            4 | 5 => format!("({a} - {b})"),
            6 => format!("({a} * {b})"),
            7 => format!("({a} / {b})"),
            8 => format!("({a} % 7)"),
            9 => format!("-({a})"),
            _ if self.functions > 0 => {
                let f = self.choices.below(self.functions);
                format!("f{f}({a}, {b})")
            }
            _ => format!("({b} - {a})"),
        }
    }
}
