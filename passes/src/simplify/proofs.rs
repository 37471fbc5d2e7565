//! The solver's answers, kept so that nobody needs a solver to know that the rules are right.
//!
//! An answer is filed under the hash of the question, so a rule that was changed (or a model of an operation that was)
//! has no answer any more. gsx's own are in `rules/proofs.txt`; those of `FILE.toml` are beside it in `FILE.proofs`.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::rule::Rule;
use super::smt;

/// Answers by the hash of their questions.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Cache {
    proved: BTreeMap<u64, String>,
}

/// The answers about gsx's own rules.
pub fn own() -> &'static Cache {
    static OWN: OnceLock<Cache> = OnceLock::new();
    OWN.get_or_init(|| Cache::parse(include_str!("../../rules/proofs.txt")))
}

impl Cache {
    /// Reads a file of answers; lines that are none are skipped, as if they were not there.
    pub fn parse(text: &str) -> Cache {
        let line = |l: &str| {
            let (hash, rest) = l.split_once(' ')?;
            let rest = rest.strip_prefix("unsat ")?;
            Some((u64::from_str_radix(hash, 16).ok()?, rest.to_owned()))
        };
        Cache { proved: text.lines().filter_map(line).collect() }
    }

    /// Is this very rule, under this very model of the operations, proved?
    pub fn is_proved(&self, rule: &Rule) -> bool {
        self.proved.contains_key(&hash(&smt::query(rule)))
    }

    /// Files that a rule is proved.
    pub fn add(&mut self, rule: &Rule) {
        self.proved.insert(hash(&smt::query(rule)), format!("{}: {rule}", rule.name));
    }
}

/// The file for these rules: only they are in it, in their order.
pub fn render<'a>(rules: impl Iterator<Item = &'a Rule>, cache: &Cache) -> String {
    let mut out = "; hash of the question, the solver's answer, the rule; written by `gsx rules prove`\n".to_owned();
    for rule in rules.filter(|r| cache.is_proved(r)) {
        let _ = writeln!(out, "{:016x} unsat {}: {rule}", hash(&smt::query(rule)), rule.name);
    }
    out
}

/// Where the answers about a file of rules are kept.
pub fn path_for(rules: &Path) -> PathBuf {
    rules.with_extension("proofs")
}

/// FNV-1a, 64 bits.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::super::RuleSet;
    use super::super::smt::{Answer, prove, solver_is_there};
    use super::*;

    fn rule(lhs: &str, rhs: &str, conditions: &str) -> Rule {
        Rule::new("test", "", lhs, rhs, conditions).expect(lhs)
    }

    #[test]
    fn every_rule_has_its_proof() {
        let set = RuleSet::default();
        let rules: Vec<&Rule> = set.entries().iter().map(|e| e.rule()).collect();
        let missing: Vec<&str> = rules.iter().filter(|r| !own().is_proved(r)).map(|r| r.name.as_str()).collect();
        assert!(missing.is_empty(), "not proved: {missing:?}; `gsx rules prove` proves them and says what to do");
        let text = render(rules.into_iter(), own());
        assert_eq!(text, include_str!("../../rules/proofs.txt"), "the file holds answers about rules that are gone");
    }

    #[test]
    fn a_changed_rule_loses_its_proof() {
        let mut cache = Cache::default();
        cache.add(&rule("(iadd ?a 0)", "?a", ""));
        assert!(cache.is_proved(&rule("(iadd ?a 0)", "?a", "")));
        assert!(!cache.is_proved(&rule("(iadd ?a 1)", "?a", "")));
        assert!(!cache.is_proved(&rule("(iadd ?a 0)", "?a", "non-zero ?a")));
    }

    /// Live, where there is a solver: wrong rules are refuted with values that show it, right ones are proved.
    #[test]
    fn wrong_rules_are_refuted() {
        if !solver_is_there() {
            println!("skipped: z3 is not installed");
            return;
        }
        for (lhs, rhs, conditions) in [
            ("(isub ?a ?b)", "(isub ?b ?a)", ""),
            ("(icmp.lt (iadd ?a ?c) ?d)", "(icmp.lt ?a (isub ?d ?c))", "constant ?c, constant ?d"),
            ("(imul ?a ?c)", "(ishl ?a (log2 (iadd ?c 1)))", "power-of-two ?c"),
            ("(bnot (fcmp.lt ?a ?b))", "(fcmp.ge ?a ?b)", ""),
            ("(fadd ?a 0.0)", "?a", ""),
            ("(fmul ?a 1.0)", "?a", ""),
            ("(fsub ?a ?b)", "(fneg (fsub ?b ?a))", ""),
            ("(icmp.gt ?a 0)", "(icmp.ne ?a 0)", ""),
            ("(truthy (box ?a))", "(icmp.ne ?a 0)", "int ?a"),
        ] {
            let r = rule(lhs, rhs, conditions);
            let answer = prove(&r, 60).expect("the solver runs");
            assert!(matches!(&answer, Answer::Refuted(values) if !values.is_empty()), "{r}: {answer:?}");
        }
        let Answer::Refuted(values) = prove(&rule("(iadd ?a 1)", "?a", ""), 60).expect("the solver runs") else {
            panic!("not refuted")
        };
        assert!(values[0].0 == "?a" && values[0].1.contains("#x"), "{values:?}");
    }

    #[test]
    fn a_sample_of_the_proofs_is_made_again() {
        if !solver_is_there() {
            println!("skipped: z3 is not installed");
            return;
        }
        let set = RuleSet::default();
        for name in ["add-consts", "mul-power-plus-one", "lt-add-const", "fcmp-lt-swap", "unbox-box-bool", "select-eq"]
        {
            let rule = set.get(name).expect(name).rule();
            assert_eq!(prove(rule, 120).expect("the solver runs"), Answer::Proved, "{name}");
        }
    }
}
