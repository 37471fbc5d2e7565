//! A rewrite rule: two expressions that are equal wherever its conditions hold.

use std::collections::BTreeMap;
use std::fmt;

use gsx_ir::Type;
use gsx_ir::analysis::facts::{Fact, transfer};
use gsx_ir::analysis::range::Range;

use super::expr::{Expr, Kind, Reader, Wrong};
use super::term::{Sort, Sym};
use crate::selection::nearest;

/// A rule.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Its name, unique in a set.
    pub name: String,
    /// What it is about, for listings.
    pub topic: String,
    /// What is looked for.
    pub lhs: Expr,
    /// What it is equal to.
    pub rhs: Expr,
    /// When.
    pub conditions: Vec<Condition>,
    /// Types that each variable may have.
    pub types: BTreeMap<String, Types>,
}

/// A condition: something that facts about values must say.
#[derive(Clone, PartialEq, Debug)]
pub struct Condition {
    /// Which.
    pub test: Test,
    /// Of what: variables, or expressions over them.
    pub args: Vec<Expr>,
}

/// What a condition asks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Test {
    /// The value is known.
    Constant,
    /// The integer is known and has one bit set.
    PowerOfTwo,
    /// The integer is never below zero.
    NonNegative,
    /// The integer is never zero.
    NonZero,
    /// The sum never wraps.
    AddFits,
    /// The difference never wraps.
    SubFits,
    /// The integer is one that a double holds exactly, as do its neighbours: from -2^53 to 2^53.
    ExactFloat,
    /// The integer is known and from 0 to 63.
    ShiftAmount,
    /// The value has this type.
    HasType(Type),
}

impl Test {
    /// All of them: name, what it means, number of arguments.
    pub const ALL: [(&'static str, Test, &'static str, usize); 11] = [
        ("constant", Test::Constant, "the value is known", 1),
        ("power-of-two", Test::PowerOfTwo, "the integer is known and has one bit set", 1),
        ("non-negative", Test::NonNegative, "the integer is never below zero", 1),
        ("non-zero", Test::NonZero, "the integer is never zero", 1),
        ("add-fits", Test::AddFits, "the sum of the two integers never wraps", 2),
        ("sub-fits", Test::SubFits, "the difference of the two integers never wraps", 2),
        ("exact-float", Test::ExactFloat, "the integer lies between -2^53 and 2^53", 1),
        ("shift-amount", Test::ShiftAmount, "the integer is known and from 0 to 63", 1),
        ("int", Test::HasType(Type::Int), "the value is an integer, not a pointer", 1),
        ("float", Test::HasType(Type::Float), "the value is a float", 1),
        ("bool", Test::HasType(Type::Bool), "the value is a truth value", 1),
    ];

    fn name(self) -> &'static str {
        Test::ALL.iter().find(|(_, t, ..)| *t == self).map_or("", |(name, ..)| name)
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.test.name())?;
        self.args.iter().try_for_each(|a| write!(f, " {a}"))
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} => {}", self.lhs, self.rhs)?;
        for (i, c) in self.conditions.iter().enumerate() {
            write!(f, "{} {c}", if i == 0 { " if" } else { "," })?;
        }
        Ok(())
    }
}

/// Which of a rule's texts is wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Part {
    /// `lhs`
    Left,
    /// `rhs`
    Right,
    /// `if`
    If,
}

impl Rule {
    /// A rule from its texts. An empty `conditions` means none.
    pub fn new(name: &str, topic: &str, lhs: &str, rhs: &str, conditions: &str) -> Result<Rule, (Part, Wrong)> {
        let lhs = Expr::parse(lhs).map_err(|w| (Part::Left, w))?;
        let rhs = Expr::parse(rhs).map_err(|w| (Part::Right, w))?;
        let conditions = parse_conditions(conditions).map_err(|w| (Part::If, w))?;
        match &lhs.kind {
            Kind::Apply(sym, args) if !args.is_empty() && *sym != Sym::Log2 => {}
            _ => {
                let wrong = Wrong::new(lhs.at, lhs.to_string().len(), "the left side must be an operation");
                return Err((Part::Left, wrong.help("a variable or a constant alone would match everywhere")));
            }
        }
        let bound = lhs.vars();
        for (part, e) in
            std::iter::once((Part::Right, &rhs)).chain(conditions.iter().flat_map(|c| &c.args).map(|e| (Part::If, e)))
        {
            if let Some((v, at)) = e.vars().into_iter().find(|(v, _)| !bound.iter().any(|(b, _)| b == v)) {
                let wrong = Wrong::new(at, v.len() + 1, format!("the left side does not bind ?{v}"));
                let names: Vec<String> = bound.iter().map(|(b, _)| format!("?{b}")).collect();
                return Err((part, wrong.help(format!("it binds {}", names.join(", ")))));
            }
        }
        let types = infer(&lhs, &rhs, &conditions)?;
        Ok(Rule { name: name.to_owned(), topic: topic.to_owned(), lhs, rhs, conditions, types })
    }

    /// Do the conditions hold for values with these facts?
    pub fn holds(&self, fact: &impl Fn(&str) -> Option<Fact>) -> bool {
        self.conditions.iter().all(|c| {
            let facts: Option<Vec<Fact>> = c.args.iter().map(|e| fact_of(e, fact)).collect();
            facts.is_some_and(|f| c.test.holds(&f))
        })
    }
}

/// What is known of an expression over values with these facts.
fn fact_of(e: &Expr, fact: &impl Fn(&str) -> Option<Fact>) -> Option<Fact> {
    match &e.kind {
        Kind::Var(name) => fact(name),
        Kind::Apply(sym, args) => {
            let args: Option<Vec<Fact>> = args.iter().map(|a| fact_of(a, fact)).collect();
            Some(fact_of_term(*sym, &args?))
        }
    }
}

/// What is known of a term over arguments with these facts. Leaves are not terms.
pub fn fact_of_term(sym: Sym, args: &[Fact]) -> Fact {
    let ty = match sym.signature().1 {
        Sort::Is(ty) => ty,
        _ => args.get(1).map_or(Type::Int, |f| f.ty),
    };
    if sym == Sym::Log2 {
        let bit = args.first().and_then(|f| f.range.single()).map(|n| i64::from((n as u64).trailing_zeros()));
        return Fact::int(bit.map_or(Range { lo: 0, hi: 64 }, Range::point));
    }
    sym.op(args).map_or(Fact::of_type(ty), |op| transfer(op, ty, args))
}

impl Test {
    fn holds(self, facts: &[Fact]) -> bool {
        let range = |i: usize| facts[i].range;
        let single = range(0).single();
        match self {
            Test::Constant => facts[0].constant().is_some(),
            Test::PowerOfTwo => single.is_some_and(|n| n.count_ones() == 1),
            Test::NonNegative => range(0).lo >= 0,
            Test::NonZero => !range(0).contains(0),
            Test::AddFits => range(0).exact_add(range(1)).is_some(),
            Test::SubFits => range(0).exact_sub(range(1)).is_some(),
            Test::ExactFloat => range(0).is_within(Range::EXACT_FLOAT),
            Test::ShiftAmount => single.is_some_and(|n| (0..64).contains(&n)),
            Test::HasType(ty) => facts[0].ty == ty,
        }
    }

    /// Types that the arguments must have; all types for those that take any.
    fn types(self) -> Types {
        match self {
            Test::Constant => Types::ALL,
            Test::HasType(ty) => Types::only(ty),
            _ => Types::only(Type::Int),
        }
    }
}

/// `power-of-two ?c, non-negative ?x`
fn parse_conditions(text: &str) -> Result<Vec<Condition>, Wrong> {
    let mut reader = Reader { text, at: 0 };
    let mut out = Vec::new();
    reader.space();
    while !reader.rest().is_empty() {
        let at = reader.at;
        let word = reader.word();
        let Some(&(name, test, _, wanted)) = Test::ALL.iter().find(|(name, ..)| *name == word) else {
            let names: Vec<&str> = Test::ALL.iter().map(|(name, ..)| *name).collect();
            let wrong = Wrong::new(at, word.len().max(1), format!("there is no condition `{word}`"));
            return Err(wrong.help(match nearest(word, &names) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("conditions: {}", names.join(", ")),
            }));
        };
        let mut args = Vec::new();
        reader.space();
        while !reader.rest().is_empty() && !reader.rest().starts_with(',') {
            args.push(reader.expr(0)?);
            reader.space();
        }
        if args.len() != wanted {
            let s = if wanted == 1 { "" } else { "s" };
            let message = format!("`{name}` takes {wanted} argument{s}, but has {}", args.len());
            return Err(Wrong::new(at, reader.at - at, message));
        }
        out.push(Condition { test, args });
        if reader.rest().starts_with(',') {
            reader.at += 1;
            reader.space();
        }
    }
    Ok(out)
}

/// A set of types.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Types(u8);

impl Types {
    const ALL: Types = Types(31);

    fn only(ty: Type) -> Types {
        Types(match ty {
            Type::Boxed => 1,
            Type::Int => 2,
            Type::Float => 4,
            Type::Bool => 8,
            Type::Ptr => 16,
        })
    }

    fn of_sort(sort: Sort) -> Types {
        match sort {
            Sort::Is(ty) => Types::only(ty),
            Sort::Word => Types(2 | 16),
            Sort::Arm => Types(2 | 4 | 8 | 16),
            Sort::Payload => Types(2 | 4 | 8),
        }
    }

    /// The only type in it.
    pub fn single(self) -> Option<Type> {
        [Type::Boxed, Type::Int, Type::Float, Type::Bool, Type::Ptr].into_iter().find(|&t| Types::only(t) == self)
    }

    /// Int or pointer: machine words that are compared alike.
    pub fn is_word(self) -> bool {
        self == Types::of_sort(Sort::Word)
    }
}

impl fmt::Display for Types {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = [Type::Boxed, Type::Int, Type::Float, Type::Bool, Type::Ptr];
        let names: Vec<String> =
            all.into_iter().filter(|&t| Types::only(t).0 & self.0 != 0).map(|t| t.to_string()).collect();
        f.write_str(&names.join(" or "))
    }
}

/// Type inference by unification: each variable and each occurrence of a polymorphic operation has a cell.
#[derive(Clone, Default)]
struct Cells {
    parent: Vec<usize>,
    types: Vec<Types>,
    vars: BTreeMap<String, usize>,
}

impl Cells {
    fn cell(&mut self, types: Types) -> usize {
        self.parent.push(self.parent.len());
        self.types.push(types);
        self.parent.len() - 1
    }

    fn find(&self, mut c: usize) -> usize {
        while self.parent[c] != c {
            c = self.parent[c];
        }
        c
    }

    fn unify(&mut self, a: usize, b: usize, e: &Expr) -> Result<(), Wrong> {
        let (a, b) = (self.find(a), self.find(b));
        let both = Types(self.types[a].0 & self.types[b].0);
        if both.0 == 0 {
            let message = format!("this is {}, but must be {}", self.types[b], self.types[a]);
            return Err(Wrong::new(e.at, e.to_string().len(), message));
        }
        self.parent[b] = a;
        self.types[a] = both;
        Ok(())
    }

    fn of(&mut self, e: &Expr) -> Result<usize, Wrong> {
        let (sym, args) = match &e.kind {
            Kind::Var(name) => {
                if let Some(&c) = self.vars.get(name) {
                    return Ok(c);
                }
                let c = self.cell(Types::ALL);
                self.vars.insert(name.clone(), c);
                return Ok(c);
            }
            Kind::Apply(sym, args) => (*sym, args),
        };
        let (wanted, result) = sym.signature();
        // A polymorphic sort is the same type at each of its places in one operation.
        let mut shared: Option<usize> = None;
        let mut place = |cells: &mut Cells, sort: Sort| match sort {
            Sort::Is(_) | Sort::Payload => cells.cell(Types::of_sort(sort)),
            _ => *shared.get_or_insert_with(|| cells.cell(Types::of_sort(sort))),
        };
        for (a, &sort) in args.iter().zip(wanted) {
            let want = place(self, sort);
            let found = self.of(a)?;
            self.unify(want, found, a)?;
        }
        Ok(place(self, result))
    }
}

/// The types of a rule's variables. The right side must fit whatever the left side matches.
fn infer(lhs: &Expr, rhs: &Expr, conditions: &[Condition]) -> Result<BTreeMap<String, Types>, (Part, Wrong)> {
    let mut cells = Cells::default();
    let root = cells.of(lhs).map_err(|w| (Part::Left, w))?;
    for c in conditions {
        for e in &c.args {
            let found = cells.of(e).map_err(|w| (Part::If, w))?;
            let want = cells.cell(c.test.types());
            cells.unify(want, found, e).map_err(|w| (Part::If, w))?;
        }
    }
    let left = cells.clone();
    let result = cells.of(rhs).map_err(|w| (Part::Right, w))?;
    cells.unify(root, result, rhs).map_err(|w| (Part::Right, w))?;
    for (name, &c) in &left.vars {
        let (before, after) = (left.types[left.find(c)], cells.types[cells.find(c)]);
        let merged = left.vars.values().any(|&d| cells.find(c) == cells.find(d) && left.find(c) != left.find(d));
        if before != after || merged && before.single().is_none() {
            let at = rhs.vars().into_iter().find(|(v, _)| v == name).map_or(rhs.at, |(_, at)| at);
            let message = format!("?{name} must be {after} here, but on the left side it may be {before}");
            let wrong = Wrong::new(at, name.len() + 1, message);
            return Err((Part::Right, wrong.help(format!("add the condition `{after} ?{name}`"))));
        }
    }
    for e in [lhs, rhs] {
        let mut boxed: Option<Wrong> = None;
        e.walk(&mut |e| {
            let Kind::Apply(Sym::Box, args) = &e.kind else { return };
            if let Kind::Var(name) = &args[0].kind
                && cells.types[cells.find(cells.vars[name])].single().is_none()
            {
                let wrong = Wrong::new(args[0].at, name.len() + 1, format!("?{name} may be int, float or bool"));
                boxed = Some(wrong.help(format!("say which: add the condition `int ?{name}`")));
            }
        });
        if let Some(wrong) = boxed {
            return Err((if std::ptr::eq(e, lhs) { Part::Left } else { Part::Right }, wrong));
        }
    }
    Ok(cells.vars.iter().map(|(name, &c)| (name.clone(), cells.types[cells.find(c)])).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(lhs: &str, rhs: &str, conditions: &str) -> (Part, usize, String) {
        let (part, w) = Rule::new("r", "", lhs, rhs, conditions).expect_err(lhs);
        (part, w.at, w.message)
    }

    #[test]
    fn bad_rules_are_refused_with_their_place() {
        let unbound = wrong("(iadd ?a 0)", "(ineg ?b)", "");
        assert_eq!(unbound, (Part::Right, 6, "the left side does not bind ?b".into()));
        assert_eq!(wrong("(iadd ?a 0)", "?a", "constant ?c").0, Part::If);
        assert_eq!(wrong("?a", "?a", "").2, "the left side must be an operation");
        assert_eq!(wrong("(iadd ?a 0)", "?a", "constnat ?a"), (Part::If, 0, "there is no condition `constnat`".into()));
        assert_eq!(wrong("(iadd ?a 0)", "?a", "add-fits ?a").2, "`add-fits` takes 2 arguments, but has 1");
    }

    #[test]
    fn types_must_fit_whatever_the_left_side_matches() {
        assert_eq!(wrong("(iadd ?a 1.5)", "?a", ""), (Part::Left, 9, "this is float, but must be int".into()));
        assert_eq!(wrong("(iadd ?a ?b)", "(icmp.eq ?a ?b)", "").2, "this is bool, but must be int");
        let pointers = wrong("(icmp.eq ?a ?b)", "(icmp.eq (isub ?a ?b) 0)", "");
        assert_eq!(
            pointers,
            (Part::Right, 15, "?a must be int here, but on the left side it may be int or ptr".into())
        );
        assert!(Rule::new("r", "", "(icmp.eq ?a ?b)", "(icmp.eq (isub ?a ?b) 0)", "int ?a").is_ok());
        assert_eq!(wrong("(tag (box ?a))", "2", "").2, "?a may be int, float or bool");
        let r = Rule::new("r", "", "(select ?c ?a ?a)", "?a", "").expect("any type will do");
        assert_eq!(r.types["a"].to_string(), "int or float or bool or ptr");
        assert_eq!(r.types["c"].single(), Some(Type::Bool));
    }

    #[test]
    fn conditions_ask_for_facts() {
        let r = Rule::new("r", "", "(imul ?a ?c)", "(ishl ?a (log2 ?c))", "power-of-two ?c").unwrap();
        let known = |n: i64| move |_: &str| Some(Fact::int(Range::point(n)));
        assert!(r.holds(&known(8)) && r.holds(&known(i64::MIN)) && !r.holds(&known(6)) && !r.holds(&known(0)));
        let r = Rule::new("r", "", "(imul ?a ?c)", "?a", "power-of-two (isub ?c 1), constant ?c").unwrap();
        assert!(r.holds(&known(9)) && !r.holds(&known(8)));
    }
}
