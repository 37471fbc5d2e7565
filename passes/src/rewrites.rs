//! Counting single rewrites, and stopping after some of them: how a miscompilation is narrowed down to one rewrite.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Counts the rewrites of one pass, over all units of a program in the order in which they are compiled; lets the first so
/// many through, and remembers the last of these.
///
/// Passes run in the same order on the same graphs up to the first rewrite that is held back. So the first k rewrites are
/// the same ones whatever the limit above k, and a search for the first wrong one may halve.
#[derive(Debug)]
pub struct RewriteMeter {
    pass: String,
    limit: u64,
    seen: Mutex<Seen>,
}

/// A rewrite that a pass was allowed to make.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rewrite {
    /// The function.
    pub function: String,
    /// What was changed, and where, in the pass's words.
    pub what: String,
}

#[derive(Default, Debug)]
struct Seen {
    asked: u64,
    last: Option<Rewrite>,
}

impl RewriteMeter {
    /// Counts the rewrites of a pass, and lets through no more than `limit` of them.
    pub fn new(pass: &str, limit: u64) -> RewriteMeter {
        RewriteMeter { pass: pass.to_string(), limit, seen: Mutex::default() }
    }

    /// The pass's id.
    pub fn pass(&self) -> &str {
        &self.pass
    }

    /// Rewrites asked for. Below the limit, these are the rewrites made. Above it, passes that try again may ask twice.
    pub fn asked(&self) -> u64 {
        self.seen().asked
    }

    /// The last rewrite that was made.
    pub fn last(&self) -> Option<Rewrite> {
        self.seen().last.clone()
    }

    /// One more rewrite of the pass, in a function: may it be made?
    pub(crate) fn permits(&self, function: &str, what: impl FnOnce() -> String) -> bool {
        let mut seen = self.seen();
        seen.asked += 1;
        let yes = seen.asked <= self.limit;
        if yes {
            seen.last = Some(Rewrite { function: function.to_string(), what: what() });
        }
        yes
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        // Consistent between any two rewrites, also if a panic came in between.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
