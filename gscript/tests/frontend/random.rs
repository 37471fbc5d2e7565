//! Random sources: bytes, tokens, and programs that are grammatical by construction.

use super::{compile, program};
use gscript::random::Random;

const TOKENS: &[&str] = &[
    "func",
    "return",
    "if",
    "else",
    "elseif",
    "for",
    "range",
    "break",
    "continue",
    "in",
    "var",
    "true",
    "false",
    "nil",
    "go",
    "chan",
    "make",
    "a",
    "b",
    "f",
    "x1",
    "0",
    "1",
    "2.5",
    "1e3",
    "0x1f",
    "9223372036854775808",
    "\"s\"",
    "\"\\n\"",
    "...",
    "..",
    ".",
    ":=",
    ":",
    "==",
    "=",
    "!=",
    "!",
    "<-",
    "<=",
    "<",
    ">=",
    ">",
    "&&",
    "||",
    "++",
    "+=",
    "+",
    "--",
    "-=",
    "-",
    "**",
    "*=",
    "*",
    "/=",
    "/",
    "%",
    "#",
    "(",
    ")",
    "{",
    "}",
    "[",
    "]",
    ",",
    ";",
    "\n",
    "// c\n",
    "/* c */",
    "func(a, b...) {",
    "for i := 0; i < n; i++ {",
    "if a {",
    "make(chan, 2)",
];

/// Bytes that mean something to the lexer.
const SHARP: &[u8] = b"\"\\x0/*.<-+=:&|{}()\n\r\0\xc3\xa9 1ae";

/// Shows the diagnostic too, if there is one: that must not fail either.
fn try_compile(text: &str) {
    if let Err(error) = compile(text) {
        let source = gscript::bytecode::Source { name: "soup.gs".into(), text: text.into() };
        let shown = error.render(&source);
        assert!(shown.contains(&error.message), "{shown}");
        assert!(error.pos.line > 0 && error.pos.col > 0);
    }
}

#[test]
fn byte_soup() {
    let mut rng = Random::new(0x9e37_79b9_7f4a_7c15);
    for round in 0..20_000 {
        let len = rng.below(60);
        let bytes: Vec<u8> = match round % 3 {
            0 => (0..len).map(|_| rng.next_u64() as u8).collect(),
            1 => (0..len).map(|_| 32 + rng.below(95) as u8).collect(),
            _ => (0..len).map(|_| SHARP[rng.below(SHARP.len())]).collect(),
        };
        try_compile(&String::from_utf8_lossy(&bytes));
    }
}

#[test]
fn token_soup() {
    let mut rng = Random::new(0x0123_4567_89ab_cdef);
    for _ in 0..20_000 {
        let len = rng.below(40);
        let text: String = (0..len).flat_map(|_| [rng.pick(TOKENS), " "]).collect();
        try_compile(&text);
    }
}

/// Grammatical programs with one token replaced, dropped or doubled.
#[test]
fn broken_programs() {
    let mut rng = Random::new(0xdead_beef_cafe_f00d);
    for _ in 0..2_000 {
        let text = Grammar { rng: &mut rng, fuel: 80, out: String::new() }.program();
        let mut words: Vec<&str> = text.split(' ').collect();
        let at = rng.below(words.len());
        match rng.below(3) {
            0 => words[at] = rng.pick(TOKENS),
            1 => drop(words.remove(at)),
            _ => words.insert(at, words[at]),
        }
        try_compile(&words.join(" "));
    }
}

#[test]
fn grammatical_programs_compile() {
    let mut rng = Random::new(0x5151_5151_5151_5151);
    for _ in 0..3_000 {
        let text = Grammar { rng: &mut rng, fuel: 150, out: String::new() }.program();
        program(&text);
    }
}

/// Writes programs by the grammar, tokens separated by blanks.
struct Grammar<'a> {
    rng: &'a mut Random,
    fuel: usize,
    out: String,
}

const NAMES: &[&str] = &["a", "b", "c", "d", "t", "f"];

impl Grammar<'_> {
    fn program(mut self) -> String {
        self.stmts(false);
        self.out
    }

    fn put(&mut self, text: &str) {
        self.out.push_str(text);
        self.out.push(' ');
    }

    fn name(&mut self) {
        let name = self.rng.pick(NAMES);
        self.put(name);
    }

    /// One of `n` ways to go on; 0, the simplest, when the fuel is spent.
    fn choice(&mut self, n: usize) -> usize {
        self.fuel = self.fuel.saturating_sub(1);
        if self.fuel == 0 { 0 } else { self.rng.below(n) }
    }

    fn list(&mut self, max: usize, item: fn(&mut Self)) {
        item(self);
        for _ in 1..=self.rng.below(max) {
            self.put(",");
            item(self);
        }
    }

    fn stmts(&mut self, in_loop: bool) {
        for _ in 0..1 + self.rng.below(5) {
            self.stmt(in_loop);
            self.put(";");
        }
    }

    fn block(&mut self, in_loop: bool) {
        self.put("{");
        self.stmts(in_loop);
        self.put("}");
    }

    fn stmt(&mut self, in_loop: bool) {
        match self.choice(18) {
            0 => self.put("f ( )"),
            1 => {
                self.list(3, Self::name);
                self.put(":=");
                self.list(3, Self::expr);
            }
            2 | 3 => {
                self.list(3, Self::target);
                self.put("=");
                self.list(3, Self::expr);
            }
            4 | 5 => {
                self.target();
                let op = self.rng.pick(&["+=", "-=", "*=", "/="]);
                self.put(op);
                self.expr();
            }
            6 => {
                self.target();
                let op = self.rng.pick(&["++", "--"]);
                self.put(op);
            }
            7 => {
                self.put("if");
                self.expr();
                self.block(in_loop);
                let word = self.rng.pick(&["elseif", "else if"]);
                self.put(word);
                self.expr();
                self.block(in_loop);
                self.put("else");
                self.block(in_loop);
            }
            8 => {
                // A brace right behind `for` would open the body.
                self.put("for !");
                self.expr();
                self.block(true);
            }
            9 | 10 => {
                let v = self.rng.pick(NAMES);
                let limit = self.rng.pick(&["10", "c", "2.5", "- 1", "t [ 1 ]"]);
                let cmp = self.rng.pick(&["<", "<=", ">"]);
                let post = ["++".to_owned(), "+= 2".to_owned(), format!("= {v} + 3"), "--".to_owned()];
                let post = &post[self.rng.below(4)];
                self.put(&format!("for {v} := 0 ; {v} {cmp} {limit} ; {v} {post}"));
                self.block(true);
            }
            11 => {
                self.put("for");
                self.list(2, Self::name);
                self.put(":= range");
                self.expr();
                self.block(true);
            }
            12 => {
                self.put("func");
                self.name();
                self.params_and_body();
            }
            13 => {
                self.put("var");
                self.list(3, Self::name);
            }
            14 if in_loop => {
                let word = self.rng.pick(&["break", "continue"]);
                self.put(word);
            }
            14 => {
                self.put("return");
                self.list(3, Self::expr);
            }
            15 => {
                self.put("go");
                self.name();
                self.call();
            }
            16 => {
                self.name();
                self.put("<-");
                self.expr();
            }
            _ => {
                self.name();
                self.put(": m");
                self.call();
            }
        }
    }

    fn target(&mut self) {
        self.name();
        match self.choice(3) {
            0 => {}
            1 => self.put(". x"),
            _ => {
                self.put("[");
                self.expr();
                self.put("]");
            }
        }
    }

    fn call(&mut self) {
        self.put("(");
        if self.rng.below(3) > 0 {
            self.list(3, Self::expr);
        }
        self.put(")");
    }

    fn params_and_body(&mut self) {
        let params = self.rng.pick(&["( )", "( a )", "( a , b )", "( a , b ... )", "( f ... )"]);
        self.put(params);
        self.block(false);
    }

    fn expr(&mut self) {
        match self.choice(16) {
            0 => {
                let literal = self.rng.pick(&["1", "2.5", "nil", "true", "\"s\"", "a", "b", "4294967296", "- 7"]);
                self.put(literal);
            }
            1..=5 => {
                self.expr();
                let op =
                    self.rng.pick(&["+", "-", "*", "/", "%", "**", "..", "==", "!=", "<", "<=", ">", ">=", "&&", "||"]);
                self.put(op);
                self.expr();
            }
            6 => {
                let op = self.rng.pick(&["-", "!", "#", "<-"]);
                self.put(op);
                self.expr();
            }
            7 => {
                self.put("(");
                self.expr();
                self.put(")");
            }
            8 | 9 => {
                self.name();
                self.call();
            }
            10 => {
                self.put("func");
                self.params_and_body();
            }
            11 => {
                self.put("{");
                self.list(3, Self::expr);
                self.put("; x : 1 ; [ 3 ] : a ; f ( ) }");
            }
            12 => self.put("make ( chan , 1 )"),
            13 => {
                self.name();
                self.put(". x [ 1 ] : m");
                self.call();
            }
            _ => self.target(),
        }
    }
}
