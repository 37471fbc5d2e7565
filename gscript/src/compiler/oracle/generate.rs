//! Random programs that mostly run without errors: names tell types, calls go to functions that exist.

use crate::random::Random;

/// Variables with integers, with tables of integers, with functions from integers to integers.
const INTS: &[&str] = &["a", "b", "c", "d", "e"];
const TABLES: &[&str] = &["t", "u"];
const FUNCS: &[&str] = &["f", "g", "h"];

/// Writes one program.
pub struct Writer<'a> {
    rng: &'a mut Random,
    out: String,
    fuel: usize,
    indent: usize,
    loops: usize,
    vararg: bool,
    depth: usize,
}

/// A random program of about `fuel` statements and expressions.
pub fn program(rng: &mut Random, fuel: usize) -> String {
    let fuel = fuel / 2 + rng.below(fuel);
    let mut w = Writer { rng, out: String::new(), fuel, indent: 0, loops: 0, vararg: false, depth: 0 };
    w.line("a, b, c, d, e = 1, 2, 3, 4, 5");
    w.line("t, u = {x: 1, y: 2, 7, 8, 9}, {x: 3, y: 4, 5}");
    w.line("func f(a, b) { return a - 1, b }");
    w.line("func g(a, rest...) { print(\"g\", a, rest[1], ...) return a + 1 }");
    w.line("func h(...) { e = e + 1 return ... }");
    w.line("t.m = func(self, a) { self.x = a return self.y }");
    w.line("u.m = func(self, a, b) { self.y = a return b || 0, self.x }");
    // Most of the program is in functions, where variables are locals and upvalues.
    w.line("func main(a, b, ...) {");
    w.vararg = true;
    if w.rng.below(2) == 0 {
        w.line("  t, u := u, t");
    }
    w.body(8);
    w.vararg = false;
    w.line("}");
    w.body(2);
    w.line("print(\"main\", main(10, 20, 30, 40))");
    w.line("print(a, b, c, d, e, t.x, t.y, t[1], t[2], u.x, u.y, u[1])");
    w.out
}

impl Writer<'_> {
    fn line(&mut self, text: &str) {
        self.out.push_str(&"  ".repeat(self.indent));
        self.out.push_str(text);
        self.out.push('\n');
    }

    fn body(&mut self, most: usize) {
        self.indent += 1;
        for _ in 0..=self.rng.below(most) {
            self.stmt();
        }
        self.indent -= 1;
    }

    fn choice(&mut self, n: usize) -> usize {
        self.fuel = self.fuel.saturating_sub(1);
        if self.fuel == 0 || self.depth > 4 { 0 } else { self.rng.below(n) }
    }

    fn stmt(&mut self) {
        let v = self.rng.pick(INTS);
        match self.choice(27) {
            0..=2 => {
                let e = self.ints(3);
                self.line(&format!("print({e})"));
            }
            3..=6 => {
                let e = self.int();
                let how = self.rng.pick(&[":=", "=", "="]);
                self.line(&format!("{v} {how} {e}"));
            }
            7 | 8 => {
                let (w, e) = (self.rng.pick(INTS), self.ints(3));
                let how = self.rng.pick(&[":=", "=", "="]);
                self.line(&format!("{v}, {w} {how} {e}"));
                self.line(&format!("{v} = {v} || 1 {w} = {w} || 2"));
            }
            9 => {
                let (one, two, e) = (self.target(), self.target(), self.ints(3));
                self.line(&format!("{one}, {two} = {e}"));
                self.line(&format!("{one} = {one} || 1; {two} = {two} || 2"));
            }
            10 | 11 => {
                let (target, e) = (self.target(), self.int());
                let op = self.rng.pick(&["+=", "-=", "*=", "="]);
                self.line(&format!("{target} {op} {e}"));
            }
            12 => {
                let target = self.target();
                let op = self.rng.pick(&["++", "--"]);
                self.line(&format!("{target}{op}"));
            }
            13..=15 => {
                let cond = self.cond();
                self.line(&format!("if {cond} {{"));
                self.body(3);
                if self.rng.below(2) == 0 {
                    let cond = self.cond();
                    self.line(&format!("}} else if {cond} {{"));
                    self.body(3);
                }
                if self.rng.below(2) == 0 {
                    self.line("} else {");
                    self.body(3);
                }
                self.line("}");
            }
            16..=18 => self.counted_loop(v),
            19 => {
                let cond = self.cond();
                self.line(&format!("{v} := 0 for {v} < 3 && ({cond}) {{ {v}++"));
                self.in_loop(3);
            }
            20 => {
                let (w, e) = (self.rng.pick(INTS), self.inner_int());
                let names = if self.rng.below(2) == 0 { v.to_owned() } else { format!("{v}, {w}") };
                self.line(&format!(
                    "for {names} := range func(s, i) {{ i = (i || 0) + 1 if i < 4 {{ return i, {e} }} }} {{"
                ));
                self.in_loop(3);
            }
            21 if self.loops > 0 => {
                let (word, cond) = (self.rng.pick(&["break", "continue"]), self.cond());
                self.line(&format!("if {cond} {{ {word} }}"));
            }
            21 => {
                let (cond, e) = (self.cond(), self.ints(3));
                self.line(&format!("if {cond} {{ return {e} }}"));
            }
            22 | 23 => {
                let name = self.rng.pick(FUNCS);
                let head = match self.rng.below(3) {
                    0 => format!("func {name}"),
                    1 => format!("{name} := func"),
                    _ => format!("{name} = func"),
                };
                self.function(&head);
            }
            24 => {
                let table = self.rng.pick(TABLES);
                self.function(&format!("{table}.m = func"));
            }
            25 => {
                let (table, fields) = (self.rng.pick(TABLES), self.ints(3));
                let how = self.rng.pick(&[":=", "="]);
                let (x, y, key) = (self.int(), self.int(), self.small());
                self.line(&format!(
                    "{table} {how} {{6, x: {x}, [{key}]: {y}; y: {table}.x m: func(s, a) {{ return a || 0 }}, {fields}}}"
                ));
            }
            _ => {
                let call = self.call();
                self.line(&call);
            }
        }
    }

    fn counted_loop(&mut self, v: &str) {
        let limit = match self.rng.below(6) {
            0 => self.rng.pick(INTS).to_owned(),
            1 => format!("({} % 5)", self.rng.pick(INTS)),
            _ => self.rng.below(5).to_string(),
        };
        let cmp = self.rng.pick(&["<", "<=", "<"]);
        let post = match self.rng.below(5) {
            0 => format!("{v} += 2"),
            1 => format!("{v} = {v} + 1"),
            _ => format!("{v}++"),
        };
        let init = if self.rng.below(4) == 0 { self.int() } else { "0".into() };
        self.line(&format!("for {v} := {init}; {v} {cmp} {limit}; {post} {{"));
        if self.rng.below(3) == 0 {
            let keep = self.rng.pick(INTS);
            self.line(&format!("  g = func({keep}) {{ {v}, {keep} = {v}, 1 return {v} }}"));
        }
        self.in_loop(4);
    }

    /// The body of a loop whose head is written, and its end.
    fn in_loop(&mut self, most: usize) {
        self.loops += 1;
        self.body(most);
        self.loops -= 1;
        self.line("}");
    }

    fn function(&mut self, head: &str) {
        let params = self.rng.pick(&["()", "(a)", "(a, b)", "(b, c, ...)", "(d, t...)"]);
        let saved = (self.loops, self.vararg);
        (self.loops, self.vararg) = (0, params.contains("..."));
        if params.contains("t...") {
            self.line(&format!("{head}{params} {{ t.x = 1 t.m = func(s, a) {{ return a, s.x }}"));
        } else {
            self.line(&format!("{head}{params} {{"));
        }
        self.indent += 1;
        for v in INTS {
            if params.contains(v) {
                self.line(&format!("{v} = {v} || 0"));
            }
        }
        self.indent -= 1;
        self.body(4);
        let e = self.ints(3);
        self.line(&format!("  return {e}"));
        (self.loops, self.vararg) = saved;
        self.line("}");
    }

    /// Something that can be assigned.
    fn target(&mut self) -> String {
        let table = self.rng.pick(TABLES);
        match self.choice(4) {
            0 | 1 => self.rng.pick(INTS).to_owned(),
            2 => format!("{table}.{}", self.rng.pick(&["x", "y"])),
            _ => format!("{table}[{}]", self.rng.pick(&["\"x\"", "\"y\"", "1"])),
        }
    }

    /// A number from 1 to 3.
    fn small(&mut self) -> String {
        match self.choice(3) {
            0 => self.rng.pick(&["1", "2", "3"]).to_owned(),
            1 => format!("{} % 3 + 1", self.rng.pick(INTS)),
            _ => format!("({}) % 3 + 1", self.int()),
        }
    }

    fn call(&mut self) -> String {
        let args = self.ints(3);
        match self.rng.below(4) {
            0 => format!("{}:m({args})", self.rng.pick(TABLES)),
            _ => format!("{}({args})", self.rng.pick(FUNCS)),
        }
    }

    /// A list of integers; its last element may be several, or none.
    fn ints(&mut self, most: usize) -> String {
        let mut items: Vec<_> = (0..=self.rng.below(most)).map(|_| self.int()).collect();
        if self.choice(3) > 0 {
            items.push(self.call());
        } else if self.vararg && self.rng.below(2) == 0 {
            items.push("...".into());
        }
        items.join(", ")
    }

    fn cond(&mut self) -> String {
        let (x, y) = (self.int(), self.int());
        let cmp = self.rng.pick(&["<", "<=", ">", ">=", "==", "!="]);
        match self.choice(6) {
            0..=2 => format!("{x} {cmp} {y}"),
            3 => format!("!({x} {cmp} {y})"),
            4 => {
                let (one, two) = (self.cond(), self.cond());
                format!("({one} {} {two})", self.rng.pick(&["&&", "||"]))
            }
            _ => format!(
                "{} {} {x} {cmp} {y}",
                self.rng.pick(&["nil", "true", "!a", "t.z"]),
                self.rng.pick(&["&&", "||"])
            ),
        }
    }

    fn int(&mut self) -> String {
        self.depth += 1;
        let text = self.int_at_depth();
        self.depth -= 1;
        text
    }

    /// An expression inside of another function, which has no `...`.
    fn inner_int(&mut self) -> String {
        let vararg = std::mem::replace(&mut self.vararg, false);
        let text = self.int();
        self.vararg = vararg;
        text
    }

    fn int_at_depth(&mut self) -> String {
        match self.choice(14) {
            0 | 1 => self.rng.pick(INTS).to_owned(),
            2 => self.rng.pick(&["0", "1", "2", "-3", "4294967296", "100"]).to_owned(),
            3..=5 => {
                let (x, y) = (self.int(), self.int());
                format!("{x} {} {y}", self.rng.pick(&["+", "-", "*", "+"]))
            }
            6 => format!("({}) % 7", self.int()),
            7 => format!("({} || 0)", self.call()),
            8 => format!("({} || 0)", self.target()),
            9 => format!("-{}", self.rng.pick(INTS)),
            10 => {
                let (cond, x, y) = (self.cond(), self.int(), self.int());
                format!("({cond} && {x} || {y})")
            }
            11 => format!("#({} .. \"x\" .. {})", self.int(), self.rng.pick(INTS)),
            12 => {
                let (v, e) = (self.rng.pick(INTS), self.inner_int());
                format!("(func() {{ {v} = {v} + 1 return {e} }}())")
            }
            _ => {
                let (table, key) = (self.rng.pick(TABLES), self.small());
                format!("({table}[{key}] || 5)")
            }
        }
    }
}
