//! Rules as questions to an SMT solver: can the two sides differ where the conditions hold?
//!
//! A question is SMT-LIB 2 over bit vectors of 64 bits; `unsat` means that the rule is right for every word. Floats are
//! their bits. Float arithmetic is IEEE 754 rounding to nearest even, with NaNs as ARM64 makes them: a signalling operand
//! before a quiet one, the first before the second, made quiet; the default NaN where no operand is one. A boxed value is
//! its tag and its payload. What a condition says to be
//! a power of two, or the bits of a shift, is asked about value by value.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::process::{Command, Stdio};

use gscript::value::Tag;
use gsx_ir::{Cond, Type};

use super::expr::{Expr, Kind};
use super::rule::{Condition, Rule, Test};
use super::term::{Sort, Sym};

/// What the solver is told about floats.
const FLOATS: &str = "\
(define-fun is-nan ((x (_ BitVec 64))) Bool
  (and (= ((_ extract 62 52) x) #b11111111111) (not (= ((_ extract 51 0) x) (_ bv0 52)))))
(define-fun is-signalling ((x (_ BitVec 64))) Bool (and (is-nan x) (= ((_ extract 51 51) x) #b0)))
(define-fun quiet ((x (_ BitVec 64))) (_ BitVec 64) (bvor x #x0008000000000000))
(define-fun result ((a (_ BitVec 64)) (b (_ BitVec 64)) (r (_ FloatingPoint 11 53))) (_ BitVec 64)
  (ite (is-signalling a) (quiet a) (ite (is-signalling b) (quiet b) (ite (is-nan a) a (ite (is-nan b) b
    (ite (fp.isNaN r) #x7ff8000000000000 (fp.to_ieee_bv r)))))))
";

/// The question whether a rule is right.
pub fn query(rule: &Rule) -> String {
    write_query(rule, None)
}

/// What one question is about: a rule, and the number of the bit where a power of two has it.
struct Asked<'a> {
    rule: &'a Rule,
    /// An expression and its value, which is fixed in this question.
    case: Option<(&'a Expr, Case)>,
}

/// How a question is cut into 64 simple ones.
#[derive(Clone, Copy)]
enum Case {
    /// The expression is two to this power.
    Power(u32),
    /// The expression is this number of bits.
    Bits(u32),
}

/// The question, and after each answer the values that make the sides differ.
fn write_query(rule: &Rule, values: Option<&str>) -> String {
    let of = |test: Test| rule.conditions.iter().find(|c| c.test == test).map(|c| &c.args[0]);
    let cases: Vec<Asked<'_>> = match (of(Test::PowerOfTwo), of(Test::ShiftAmount)) {
        (Some(e), _) => (0..64).map(|k| Asked { rule, case: Some((e, Case::Power(k))) }).collect(),
        (None, Some(e)) => (0..64).map(|k| Asked { rule, case: Some((e, Case::Bits(k))) }).collect(),
        (None, None) => vec![Asked { rule, case: None }],
    };
    let mut out = format!("; {rule}\n");
    if cases.len() > 1 {
        // Shifts by the number that a case fixes are written as products below: this is why they may be.
        out.push_str("(declare-const x (_ BitVec 64))\n");
        for k in 0..64 {
            let differ = format!("(not (= (bvshl x (_ bv{k} 64)) (bvmul x #x{:016x})))", 1u64 << k);
            let _ = writeln!(out, "(push 1)\n(assert {differ})\n(check-sat)\n(pop 1)");
        }
        out.push_str("(reset)\n");
    }
    let ask = format!("(check-sat)\n{}", values.unwrap_or_default());
    let questions: Vec<String> = cases.iter().map(|c| format!("{}{ask}", c.text())).collect();
    out.push_str(&questions.join("(reset)\n"));
    out
}

impl Asked<'_> {
    /// Everything up to the question itself.
    fn text(&self) -> String {
        let rule = self.rule;
        let mut out = String::new();
        let both = format!("{} {}", rule.lhs, rule.rhs);
        let uses = |names: &[&str]| names.iter().any(|n| both.contains(n));
        if uses(&["(f", "(itof"]) {
            out.push_str(FLOATS);
        }
        if uses(&["(log2"]) {
            out.push_str(&log2());
        }
        if rule.types.values().any(|t| t.single().is_none() && !t.is_word()) {
            out.push_str("(declare-sort Value 0)\n");
        }
        for (name, types) in &rule.types {
            let sort = match types.single() {
                Some(Type::Bool) => "Bool",
                Some(Type::Boxed) => "(_ BitVec 128)",
                Some(_) => "(_ BitVec 64)",
                None if types.is_word() => "(_ BitVec 64)",
                None => "Value",
            };
            let v = var(name);
            let _ = writeln!(out, "(declare-const {v} {sort})");
            if types.single() == Some(Type::Boxed) {
                let _ = writeln!(out, "(assert (bvult ((_ extract 127 64) {v}) (_ bv{} 64)))", Tag::ALL.len());
            }
        }
        for c in &rule.conditions {
            if let Some(assumed) = self.assumption(c) {
                let _ = writeln!(out, "(assert {assumed})");
            }
        }
        if let Some((e, case)) = self.case {
            let value = match case {
                Case::Power(k) => 1u64 << k,
                Case::Bits(k) => k.into(),
            };
            let _ = writeln!(out, "(assert (= {} #x{value:016x}))", self.term(e));
        }
        let _ = writeln!(out, "(assert (not (= {} {})))", self.term(&rule.lhs), self.term(&rule.rhs));
        out
    }

    /// The number of bits of a shift, where the case fixes it.
    fn bits(&self, amount: &Expr) -> Option<u32> {
        match (self.case?, &amount.kind) {
            ((e, Case::Bits(k)), _) if same(e, amount) => Some(k),
            ((e, Case::Power(k)), Kind::Apply(Sym::Log2, args)) if same(e, &args[0]) => Some(k),
            _ => None,
        }
    }
}

/// Are they written alike?
fn same(a: &Expr, b: &Expr) -> bool {
    a.to_string() == b.to_string()
}

fn log2() -> String {
    let mut chain = "(_ bv64 64)".to_owned();
    for bit in (0..64).rev() {
        chain = format!("(ite (= ((_ extract {bit} {bit}) x) #b1) (_ bv{bit} 64) {chain})");
    }
    format!("(define-fun log2 ((x (_ BitVec 64))) (_ BitVec 64) {chain})\n")
}

fn var(name: &str) -> String {
    format!("|?{name}|")
}

impl Asked<'_> {
    /// A condition as what the solver may take for granted; none if it says nothing about the value itself.
    fn assumption(&self, c: &Condition) -> Option<String> {
        let arg = |i: usize| self.term(&c.args[i]);
        let bound = 1u64 << 53;
        let fits = |op: &str| {
            let (a, b) = (arg(0), arg(1));
            let wide = |x: &str| format!("((_ sign_extend 1) {x})");
            format!("(= {} ({op} {} {}))", wide(&format!("({op} {a} {b})")), wide(&a), wide(&b))
        };
        Some(match c.test {
            Test::Constant | Test::HasType(_) => return None,
            Test::PowerOfTwo => return None, // asked about one by one
            Test::NonNegative => format!("(bvsge {} (_ bv0 64))", arg(0)),
            Test::NonZero => format!("(not (= {} (_ bv0 64)))", arg(0)),
            Test::AddFits => fits("bvadd"),
            Test::SubFits => fits("bvsub"),
            Test::ExactFloat => {
                format!("(and (bvsge {0} (bvneg #x{bound:016x})) (bvsle {0} #x{bound:016x}))", arg(0))
            }
            Test::ShiftAmount => format!("(bvult {} (_ bv64 64))", arg(0)),
        })
    }

    /// Type of an expression, as far as boxing asks for it.
    fn type_of(&self, e: &Expr) -> Option<Type> {
        match &e.kind {
            Kind::Var(name) => self.rule.types.get(name)?.single(),
            Kind::Apply(sym, args) => match sym.signature().1 {
                Sort::Is(ty) => Some(ty),
                _ => self.type_of(args.last()?),
            },
        }
    }

    fn term(&self, e: &Expr) -> String {
        let (sym, args) = match &e.kind {
            Kind::Var(name) => return var(name),
            Kind::Apply(sym, args) => (*sym, args),
        };
        let a: Vec<String> = args.iter().map(|x| self.term(x)).collect();
        let call = |op: &str| format!("({op} {})", a.join(" "));
        let fp = |x: &str| format!("((_ to_fp 11 53) {x})");
        let arithmetic = |op: &str| format!("(result {0} {1} ({op} RNE {2} {3}))", a[0], a[1], fp(&a[0]), fp(&a[1]));
        let float_compare = |op: &str| format!("({op} {} {})", fp(&a[0]), fp(&a[1]));
        let payload = |x: &str| format!("((_ extract 63 0) {x})");
        let tag = |x: &str| format!("((_ extract 127 64) {x})");
        match sym {
            Sym::Int(n) => format!("#x{n:016x}"),
            Sym::Float(bits) => format!("#x{bits:016x}"),
            Sym::Bool(b) => b.to_string(),
            Sym::Boxed(tag, bits) => format!("(concat (_ bv{tag} 64) #x{bits:016x})"),
            Sym::Leaf(n) => format!("{n}"),
            Sym::IAdd => call("bvadd"),
            Sym::ISub => call("bvsub"),
            Sym::IMul => call("bvmul"),
            Sym::INeg => call("bvneg"),
            Sym::IShl => match self.bits(&args[1]) {
                Some(k) => format!("(bvmul {} #x{:016x})", a[0], 1u64 << k),
                None => format!("(bvshl {} (bvand {} (_ bv63 64)))", a[0], a[1]),
            },
            Sym::Log2 => call("log2"),
            Sym::FAdd => arithmetic("fp.add"),
            Sym::FSub => arithmetic("fp.sub"),
            Sym::FMul => arithmetic("fp.mul"),
            Sym::FDiv => arithmetic("fp.div"),
            Sym::FNeg => format!("(bvxor {} #x8000000000000000)", a[0]),
            Sym::IntToFloat => format!("(fp.to_ieee_bv ((_ to_fp 11 53) RNE {}))", a[0]),
            Sym::ICmp(Cond::Eq) => call("="),
            Sym::ICmp(Cond::Ne) => format!("(not {})", call("=")),
            Sym::ICmp(Cond::Lt) => call("bvslt"),
            Sym::ICmp(Cond::Le) => call("bvsle"),
            Sym::ICmp(Cond::Gt) => call("bvsgt"),
            Sym::ICmp(Cond::Ge) => call("bvsge"),
            Sym::FCmp(Cond::Eq) => float_compare("fp.eq"),
            Sym::FCmp(Cond::Ne) => format!("(not {})", float_compare("fp.eq")),
            Sym::FCmp(Cond::Lt) => float_compare("fp.lt"),
            Sym::FCmp(Cond::Le) => float_compare("fp.leq"),
            Sym::FCmp(Cond::Gt) => float_compare("fp.gt"),
            Sym::FCmp(Cond::Ge) => float_compare("fp.geq"),
            Sym::BNot => call("not"),
            Sym::Select => call("ite"),
            Sym::Box => match self.type_of(&args[0]) {
                Some(Type::Bool) => {
                    format!("(concat (_ bv{} 64) (ite {} (_ bv1 64) (_ bv0 64)))", Tag::Bool as u64, a[0])
                }
                Some(Type::Float) => format!("(concat (_ bv{} 64) {})", Tag::Float as u64, a[0]),
                _ => format!("(concat (_ bv{} 64) {})", Tag::Int as u64, a[0]),
            },
            Sym::Unbox(Type::Bool) => format!("(= ((_ extract 0 0) {}) #b1)", a[0]),
            Sym::Unbox(_) => payload(&a[0]),
            Sym::TagOf => tag(&a[0]),
            Sym::Truthy => {
                let big = format!("(bvugt {} (_ bv{} 64))", tag(&a[0]), Tag::Bool as u64);
                format!("(or {big} (not (= {} (_ bv0 64))))", payload(&a[0]))
            }
        }
    }
}

/// What the solver says of a rule.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Answer {
    /// The sides are equal wherever the conditions hold.
    Proved,
    /// They are not: values of the variables that show it, as the solver writes them.
    Refuted(Vec<(String, String)>),
    /// The solver gave up, or said something else.
    Unknown(String),
}

/// The solver's program.
const SOLVER: &str = "z3";

/// Is there a solver?
pub fn solver_is_there() -> bool {
    let run = Command::new(SOLVER).arg("-version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    run.is_ok_and(|s| s.success())
}

/// Asks the solver about a rule, for so many seconds at most.
///
/// # Errors
/// When the solver cannot be run.
pub fn prove(rule: &Rule, seconds: u32) -> io::Result<Answer> {
    let text = ask(&query(rule), seconds)?;
    let answers: Vec<&str> = text.lines().map(str::trim).filter(|l| !l.is_empty()).collect();
    if !answers.is_empty() && answers.iter().all(|a| *a == "unsat") {
        return Ok(Answer::Proved);
    }
    if !answers.contains(&"sat") {
        let said = answers.iter().find(|a| **a != "unsat").copied().unwrap_or("nothing");
        return Ok(Answer::Unknown(said.to_owned()));
    }
    let names: Vec<String> = rule.types.keys().map(|n| var(n)).collect();
    let text = ask(&write_query(rule, Some(&format!("(get-value ({}))\n", names.join(" ")))), seconds)?;
    let model = text.split_once("\nsat\n").map_or(text.strip_prefix("sat\n"), |(_, rest)| Some(rest)).unwrap_or("");
    let values = rule.types.keys().map(|name| (format!("?{name}"), value_in(model, &var(name)))).collect();
    Ok(Answer::Refuted(values))
}

/// The value that a model gives a variable.
fn value_in(model: &str, name: &str) -> String {
    let Some((_, rest)) = model.split_once(&format!("({name} ")) else { return "any".to_owned() };
    let mut depth = 0;
    let end = rest.find(|c: char| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        depth < 0
    });
    let value = rest[..end.unwrap_or(rest.len())].trim();
    match value.strip_prefix("#x").and_then(|hex| u64::from_str_radix(hex, 16).ok()) {
        Some(word) => format!("{} ({value})", word as i64),
        None => value.to_owned(),
    }
}

fn ask(question: &str, seconds: u32) -> io::Result<String> {
    let mut child = Command::new(SOLVER)
        .args(["-smt2", "-in", &format!("-T:{seconds}")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    if let Some(mut to) = child.stdin.take() {
        to.write_all(question.as_bytes())?;
    }
    Ok(String::from_utf8_lossy(&child.wait_with_output()?.stdout).into_owned())
}
