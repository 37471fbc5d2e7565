//! The e-graph: classes of terms that are equal, with facts about each, grown by the rules.
//!
//! Saturation is bounded by numbers of iterations, nodes and matches, never by time, so its result is the same everywhere.

use std::collections::BTreeMap;

use egg::{Analysis, DidMerge, EGraph, ENodeOrVar, Id, Pattern, RecExpr, Searcher, Subst, Var};
use gscript::value::Tag;
use gsx_ir::analysis::facts::Fact;
use gsx_ir::{NodeId, Type};
use rustc_hash::FxHashMap;

use super::expr::{Expr, Kind};
use super::rule::{Rule, fact_of_term};
use super::term::{Sym, Term};

/// Rounds of matching all rules.
const ITERATIONS: usize = 6;
/// Matches of one rule in one round.
const MATCHES: usize = 2_000;
/// Most terms of any e-graph.
const MAX_NODES: usize = 20_000;

/// How many terms an e-graph that starts with `initial` of them may grow to.
fn node_limit(initial: usize) -> usize {
    (600 + 12 * initial).min(MAX_NODES.max(2 * initial))
}

/// What is known of each class: what egg calls an analysis.
#[derive(Default)]
pub struct Known {
    /// Facts about leaves.
    leaves: FxHashMap<NodeId, Fact>,
    /// Did two equal terms turn out to have nothing in common? Then some rule is wrong.
    pub contradiction: bool,
}

/// The e-graph of a unit's pure values.
pub type Classes = EGraph<Term, Known>;

impl Analysis<Term> for Known {
    type Data = Fact;

    fn make(egraph: &mut Classes, term: &Term, _: Id) -> Fact {
        if let Sym::Leaf(n) = term.sym {
            return egraph.analysis.leaves.get(&n).copied().unwrap_or(Fact::of_type(Type::Boxed));
        }
        let args: Vec<Fact> = term.args.iter().map(|&a| egraph[a].data).collect();
        fact_of_term(term.sym, &args)
    }

    fn merge(&mut self, a: &mut Fact, b: Fact) -> DidMerge {
        let both = match a.intersect(b) {
            Some(both) if a.ty == b.ty => both,
            _ => {
                self.contradiction = true;
                *a
            }
        };
        let changed = DidMerge(both != *a, both != b);
        *a = both;
        changed
    }

    fn modify(egraph: &mut Classes, id: Id) {
        let fact = egraph[id].data;
        let sym = match (fact.ty, fact.constant()) {
            (Type::Int, Some(v)) => Sym::Int(v.as_int()),
            (Type::Float, Some(v)) => Sym::Float(v.bits),
            (Type::Bool, Some(v)) => Sym::Bool(v.bits != 0),
            // An object's payload is an offset here and an address there.
            (Type::Boxed, Some(v)) if matches!(v.tag, Tag::Nil) => Sym::Boxed(v.tag as u8, v.bits),
            _ => return,
        };
        let c = egraph.add(Term::new(sym, []));
        egraph.union(id, c);
        // Nobody computes what is known: rules need not look into it, and without this they would breed constants.
        egraph[id].nodes.retain(|t| t.args.is_empty());
    }
}

/// A rule, ready to be matched.
#[derive(Debug)]
pub struct Matcher {
    /// The rule.
    pub rule: Rule,
    pattern: Pattern<Term>,
    vars: BTreeMap<String, Var>,
}

impl Matcher {
    /// Prepares a rule.
    pub fn new(rule: Rule) -> Matcher {
        let mut ast = RecExpr::default();
        let mut vars = BTreeMap::new();
        pattern(&rule.lhs, &mut ast, &mut vars);
        Matcher { pattern: Pattern::new(ast), vars, rule }
    }

    /// Adds the right side for one match and makes it equal to the left. Returns whether that was news.
    fn apply(&self, egraph: &mut Classes, class: Id, subst: &Subst) -> bool {
        let id_of = |name: &str| self.vars.get(name).and_then(|v| subst.get(*v)).copied();
        let applicable = {
            let egraph = &*egraph;
            self.rule.holds(&|name: &str| Some(egraph[id_of(name)?].data))
        };
        if !applicable {
            return false;
        }
        let Some(new) = instantiate(egraph, &self.rule.rhs, &id_of) else { return false };
        egraph.union(class, new)
    }
}

fn pattern(e: &Expr, ast: &mut RecExpr<ENodeOrVar<Term>>, vars: &mut BTreeMap<String, Var>) -> Id {
    match &e.kind {
        Kind::Var(name) => {
            let next = vars.len() as u32;
            let var = *vars.entry(name.clone()).or_insert_with(|| Var::from_u32(next));
            ast.add(ENodeOrVar::Var(var))
        }
        Kind::Apply(sym, args) => {
            let args: Vec<Id> = args.iter().map(|a| pattern(a, ast, vars)).collect();
            ast.add(ENodeOrVar::ENode(Term::new(*sym, args)))
        }
    }
}

fn instantiate(egraph: &mut Classes, e: &Expr, id_of: &impl Fn(&str) -> Option<Id>) -> Option<Id> {
    match &e.kind {
        Kind::Var(name) => id_of(name),
        Kind::Apply(sym, args) => {
            let args: Option<Vec<Id>> = args.iter().map(|a| instantiate(egraph, a, id_of)).collect();
            Some(egraph.add(Term::new(*sym, args?)))
        }
    }
}

/// Why saturation ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stop {
    /// No rule finds anything new.
    Saturated,
    /// After so many rounds.
    Iterations(usize),
    /// At so many terms.
    Nodes(usize),
    /// Equal terms contradict each other: one of the rules is wrong.
    Contradiction,
}

/// What saturation did.
pub struct Saturation {
    /// How often each rule, by its index, found something new.
    pub applied: Vec<u64>,
    /// Why it ended.
    pub stop: Stop,
}

/// An empty e-graph with facts about its leaves.
pub fn classes(leaves: FxHashMap<NodeId, Fact>) -> Classes {
    EGraph::new(Known { leaves, contradiction: false })
}

/// Applies the rules until nothing new is found or a limit is reached.
pub fn saturate(egraph: &mut Classes, rules: &[&Matcher]) -> Saturation {
    let mut applied = vec![0; rules.len()];
    egraph.rebuild();
    let limit = node_limit(egraph.total_number_of_nodes());
    for _ in 0..ITERATIONS {
        let found: Vec<_> = rules.iter().map(|r| r.pattern.search_with_limit(egraph, MATCHES)).collect();
        let mut news = false;
        let mut full = false;
        'rules: for ((rule, matches), count) in rules.iter().zip(&found).zip(&mut applied) {
            for m in matches {
                for subst in &m.substs {
                    if rule.apply(egraph, m.eclass, subst) {
                        *count += 1;
                        news = true;
                    }
                    full = egraph.total_number_of_nodes() > limit;
                    if full {
                        break 'rules;
                    }
                }
            }
        }
        egraph.rebuild();
        let stop = match (egraph.analysis.contradiction, full, news) {
            (true, ..) => Stop::Contradiction,
            (_, true, _) => Stop::Nodes(limit),
            (.., false) => Stop::Saturated,
            _ => continue,
        };
        return Saturation { applied, stop };
    }
    Saturation { applied, stop: Stop::Iterations(ITERATIONS) }
}
