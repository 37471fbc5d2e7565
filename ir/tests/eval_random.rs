//! Random programs: graphs built from feedback of one run must do what the interpreter does on another, whichever exit
//! is taken.

mod common;

use common::{call, compile, fresh, profile, run_graphs};
use gscript::jit::NoJit;
use gscript::random::Random;
use gscript::value::Value;

/// Functions of a program: each calls itself and those before it, with a counter that goes down.
const FUNCTIONS: usize = 3;
const VARS: [&str; 5] = ["a", "b", "x", "y", "z"];

struct Generator {
    rng: Random,
    out: String,
    depth: usize,
    /// The function being written.
    function: usize,
    loops: usize,
}

impl Generator {
    fn line(&mut self, text: &str) {
        for _ in 0..=self.depth {
            self.out.push_str("    ");
        }
        self.out.push_str(text);
        self.out.push('\n');
    }

    /// A number, of whatever type.
    fn number(&mut self, depth: usize) -> String {
        if depth == 0 || self.rng.below(3) == 0 {
            return match self.rng.below(10) {
                0 => self.rng.below(100).to_string(),
                1 => format!("{}.5", self.rng.below(10)),
                2 => "9223372036854775807".to_owned(),
                3 => "G".to_owned(),
                4 => "#t".to_owned(),
                _ => self.rng.pick(&VARS).to_owned(),
            };
        }
        let (l, r) = (self.number(depth - 1), self.number(depth - 1));
        match self.rng.below(12) {
            0 => format!("-({l})"),
            1 => format!("({l} / {r})"),
            2 => format!("({l} % 7)"),
            3 | 4 => format!("({l} * {r})"),
            5..8 => format!("({l} - {r})"),
            _ => format!("({l} + {r})"),
        }
    }

    fn condition(&mut self, depth: usize) -> String {
        if depth > 0 && self.rng.below(3) == 0 {
            let (l, r) = (self.condition(depth - 1), self.condition(depth - 1));
            return match self.rng.below(3) {
                0 => format!("!({l})"),
                1 => format!("({l} && {r})"),
                _ => format!("({l} || {r})"),
            };
        }
        let op = self.rng.pick(&["<", "<=", ">", ">=", "==", "!="]);
        format!("{} {op} {}", self.number(1), self.number(1))
    }

    fn call(&mut self) -> String {
        let callee = self.rng.below(self.function + 1);
        format!("f{callee}({}, {}, d - 1)", self.number(1), self.number(1))
    }

    fn block(&mut self, statements: usize) {
        self.depth += 1;
        for _ in 0..statements {
            self.statement();
        }
        self.depth -= 1;
    }

    fn statement(&mut self) {
        let var = self.rng.pick(&VARS);
        let nested = self.depth < 3;
        match self.rng.below(16) {
            0 if nested => {
                let c = self.condition(1);
                self.line(&format!("if {c} {{"));
                self.block(2);
                self.line("} else {");
                self.block(1);
                self.line("}");
            }
            1 | 2 if nested && self.loops < 2 => {
                self.loops += 1;
                let i = format!("i{}", self.depth);
                let limit = self.rng.pick(&["3", "5", "2.5", "a % 4"]);
                let start = self.rng.pick(&["0", "1", "0.5"]);
                self.line(&format!("for {i} := {start}; {i} < {limit}; {i}++ {{"));
                self.block(2);
                self.line(&format!("    {var} = {var} + {i}"));
                self.line("}");
                self.loops -= 1;
            }
            3..6 => {
                let (c, other) = (self.call(), self.rng.pick(&VARS));
                self.line(&format!("if d > 0 {{ {var}, {other} = {c} }}"));
            }
            6 => {
                let c = self.call();
                self.line(&format!("if d > 0 {{ return {c} }}"));
            }
            7 => {
                let n = self.number(1);
                self.line(&format!("t[#t + 1] = {n}"));
            }
            8 => self.line(&format!("if #t > 0 {{ {var} = t[#t] }}")),
            9 => {
                let n = self.number(1);
                self.line(&format!("g := func(p) {{ {var} = {var} + p; return p * {n} }}"));
                let n = self.number(1);
                self.line(&format!("{var} = g({n}) + {var}"));
            }
            10 => {
                let n = self.number(1);
                self.line(&format!("G = {n}"));
            }
            11 => {
                let c = self.condition(2);
                let n = self.number(1);
                self.line(&format!("{var} = ({c}) && {n} || {var}"));
            }
            _ => {
                let n = self.number(2);
                self.line(&format!("{var} = {n}"));
            }
        }
    }

    fn program(mut self) -> String {
        self.out.push_str("G = 1\n");
        for f in 0..FUNCTIONS {
            self.function = f;
            self.out.push_str(&format!("func f{f}(a, b, d) {{\n"));
            self.line("x := 1; y := a; z := b");
            self.line("t := {}");
            for _ in 0..3 + self.rng.below(4) {
                self.statement();
            }
            let returned = self.rng.pick(&["return x, y", "return z, x + y", "if d > 1 { return x } return y, z, x"]);
            self.line(returned);
            self.out.push_str("}\n");
        }
        let last = FUNCTIONS - 1;
        self.out.push_str(&format!("func run(n, m) {{ x, y, z := f{last}(n, m, 3); print(x, y, z, G); return x }}\n"));
        self.out
    }
}

fn random_program(seed: u64) -> String {
    let mut rng = Random::new(seed * 2 + 1);
    for _ in 0..4 {
        rng.next_u64();
    }
    Generator { rng, out: String::new(), depth: 0, function: 0, loops: 0 }.program()
}

#[test]
fn graphs_of_random_programs() {
    let mut exits = 0;
    let mut finished = 0;
    // More, to look for trouble: GSX_RANDOM_PROGRAMS=5000 cargo test -p gsx-ir --release --test eval_random
    let programs = std::env::var("GSX_RANDOM_PROGRAMS").ok().and_then(|n| n.parse().ok()).unwrap_or(60);
    for seed in 0..programs {
        let text = random_program(seed);
        let program = compile(&text);
        let warmup = [Value::int(3), Value::int(2)];
        let profile = profile(&program, "run", &warmup);
        for args in [warmup, [Value::int(-4), Value::float(1.5)]] {
            let expected = call(&mut fresh(&program, false), &mut NoJit, "run", &args);
            finished += u32::from(expected.results.is_ok());
            let plain = run_graphs(&program, &profile, "run", &args, None);
            assert!(plain.error.is_none(), "seed {seed}: {:?}\n{text}", plain.error);
            assert_eq!(plain.seen, expected, "seed {seed}\n{text}");
            exits += plain.exits;
            let stride = plain.points.div_ceil(4).max(1);
            for k in (seed % stride..plain.points).step_by(stride as usize) {
                let forced = run_graphs(&program, &profile, "run", &args, Some(k));
                assert!(forced.error.is_none(), "seed {seed}, exit {k}: {:?}\n{text}", forced.error);
                assert_eq!(forced.seen, expected, "seed {seed}, exit {k}\n{text}");
            }
        }
    }
    assert!(exits > 50, "only {exits} exits were taken");
    assert!(finished > 50, "only {finished} runs did not end in an error");
}
