//! Sets of rules: gsx's own, a user's file, and which of them are switched off.

use std::sync::{Arc, OnceLock};

use super::rule::Rule;
use super::saturate::Matcher;
use super::table::TOPICS;

/// A rule with what is known about it.
#[derive(Clone, Debug)]
pub struct Entry {
    matcher: Arc<Matcher>,
    /// Does it come from a user's file?
    pub is_users: bool,
    /// Has a solver shown that both sides are equal?
    pub is_proved: bool,
    /// Is it applied?
    pub is_on: bool,
}

impl Entry {
    /// The rule.
    pub fn rule(&self) -> &Rule {
        &self.matcher.rule
    }
}

/// Rules for `simplify`.
#[derive(Clone, Debug)]
pub struct RuleSet {
    entries: Vec<Entry>,
}

impl Default for RuleSet {
    /// gsx's own rules, all on.
    fn default() -> RuleSet {
        let mut entries = Vec::new();
        for (topic, rules) in TOPICS {
            for (name, lhs, rhs, conditions) in *rules {
                // A test holds the table to being right; a rule that is not would be left out here.
                if let Ok(rule) = Rule::new(name, topic, lhs, rhs, conditions) {
                    // Another test holds it to being proved: there is no need to look that up in every run.
                    let matcher = Arc::new(Matcher::new(rule));
                    entries.push(Entry { matcher, is_users: false, is_proved: true, is_on: true });
                }
            }
        }
        RuleSet { entries }
    }
}

impl RuleSet {
    /// gsx's own rules, all on: one set for everybody.
    pub fn own() -> Arc<RuleSet> {
        static OWN: OnceLock<Arc<RuleSet>> = OnceLock::new();
        OWN.get_or_init(Arc::default).clone()
    }

    /// All rules, gsx's own first.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Adds a user's rule.
    pub fn add(&mut self, rule: Rule, is_proved: bool) {
        self.entries.push(Entry { matcher: Arc::new(Matcher::new(rule)), is_users: true, is_proved, is_on: true });
    }

    /// The rule with this name.
    pub fn get(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|e| e.rule().name == name)
    }

    /// Names of all rules.
    pub fn names(&self) -> Vec<&str> {
        self.entries.iter().map(|e| e.rule().name.as_str()).collect()
    }

    /// Switches a rule off.
    ///
    /// # Errors
    /// When there is no rule of that name.
    pub fn without(&mut self, name: &str) -> Result<(), String> {
        match self.entries.iter_mut().find(|e| e.matcher.rule.name == name) {
            Some(e) => {
                e.is_on = false;
                Ok(())
            }
            None => Err(match crate::selection::nearest(name, &self.names()) {
                Some(near) => format!("unknown rule `{name}`; did you mean `{near}`?"),
                None => format!("unknown rule `{name}`"),
            }),
        }
    }

    /// The rules that are on.
    pub(super) fn matchers(&self) -> Vec<(&Entry, &Matcher)> {
        self.entries.iter().filter(|e| e.is_on).map(|e| (e, &*e.matcher)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_of_the_table_is_a_rule_and_has_a_name_of_its_own() {
        let mut names: Vec<&str> = Vec::new();
        for (topic, rules) in TOPICS {
            for (name, lhs, rhs, conditions) in *rules {
                Rule::new(name, topic, lhs, rhs, conditions)
                    .unwrap_or_else(|(part, w)| panic!("{name}: {part:?}: {w:?}"));
                assert!(!names.contains(name), "two rules are called {name}");
                names.push(name);
            }
        }
        assert_eq!(RuleSet::default().names(), names);
    }

    #[test]
    fn rules_are_switched_off_by_name() {
        let mut set = RuleSet::default();
        set.without("add-zero").unwrap();
        assert!(!set.get("add-zero").unwrap().is_on && set.get("mul-one").unwrap().is_on);
        assert_eq!(set.without("ad-zero"), Err("unknown rule `ad-zero`; did you mean `add-zero`?".into()));
    }
}
