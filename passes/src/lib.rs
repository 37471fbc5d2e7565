//! The optimization passes, one file each, and the pipeline that runs them.
//!
//! [`registry::PASSES`] is the one list from which help, documentation and sweeps derive. Any subset of it is legal: a
//! pass whose prerequisite is off does nothing and says so in a remark.

pub mod registry;
pub mod rewrites;
pub mod sampling;
pub mod selection;
pub mod simplify;

mod acc_pin;
mod arg_trace;
mod callee_guards;
mod cold_split;
mod compact_frame;
mod const_prop;
mod dse;
mod gvn;
mod inline;
mod licm;
mod linear_scan;
mod live_values;
mod load_elim;
mod nan_box;
mod promote;
mod promotion;
mod r0_pin;
mod reaching;
mod regalloc2;
mod result_trace;
mod self_entry;
mod shape_cache;
mod skip_spill;
mod support;
mod tag_elim;
mod type_seed;

pub use registry::{PASSES, Registry};
pub use rewrites::{Rewrite, RewriteMeter};
pub use selection::{Pipeline, SelectionError};

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc;

use gsx_ir::graph::Origin;
use gsx_ir::{Layout, Unit};

/// What a pass is, for people and for experiments.
#[derive(Clone, Copy, Debug)]
pub struct PassInfo {
    /// Name on the command line: lower case, digits and hyphens.
    pub id: &'static str,
    /// One line.
    pub summary: &'static str,
    /// What it does, when it applies, and what it never does: a paragraph or two.
    pub details: &'static str,
    /// Groups it belongs to, beside `all`.
    pub groups: &'static [&'static str],
    /// Ids of passes without which it does nothing.
    pub needs: &'static [&'static str],
    /// Where the idea comes from: the post, or a paper.
    pub origin: &'static str,
}

/// What a run of a pass came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// The unit is as it was.
    Unchanged,
    /// The unit was changed.
    Changed,
}

/// Did a pass do something, or say why not?
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RemarkKind {
    /// A transformation was made.
    Applied,
    /// A transformation was possible in form but a precondition failed.
    Missed,
    /// A fact worth knowing.
    Note,
}

impl std::fmt::Display for RemarkKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            RemarkKind::Applied => "applied",
            RemarkKind::Missed => "missed",
            RemarkKind::Note => "note",
        })
    }
}

/// One thing a pass has to say.
#[derive(Clone, PartialEq, Debug)]
pub struct Remark {
    /// The pass's id.
    pub pass: &'static str,
    /// The function.
    pub function: String,
    /// Source line, if it is about one place.
    pub line: Option<u32>,
    /// Kind.
    pub kind: RemarkKind,
    /// What it says.
    pub text: String,
}

/// A count that a pass kept, such as stores removed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Counter {
    /// The pass's id.
    pub pass: &'static str,
    /// The function.
    pub function: String,
    /// What was counted.
    pub name: &'static str,
    /// How many.
    pub count: u64,
}

/// What a pass may say and ask while it runs.
pub struct PassContext {
    pass: &'static str,
    function: String,
    enabled: Vec<&'static str>,
    /// Remarks so far.
    pub remarks: Vec<Remark>,
    /// Counters so far.
    pub counters: Vec<Counter>,
    meter: Option<Arc<RewriteMeter>>,
    /// Rules chosen for `simplify`, in place of gsx's own.
    pub rules: Option<Arc<simplify::RuleSet>>,
    /// Ids that passes have asked about with [`PassContext::is_enabled`].
    asked_about: RefCell<BTreeSet<String>>,
}

impl PassContext {
    /// For one unit and the passes that are on.
    pub fn new(unit: &Unit, enabled: Vec<&'static str>) -> PassContext {
        PassContext {
            pass: "",
            function: unit.name().to_string(),
            enabled,
            remarks: Vec::new(),
            counters: Vec::new(),
            meter: None,
            rules: None,
            asked_about: RefCell::default(),
        }
    }

    /// Counts, and may limit, the rewrites of one pass.
    pub fn set_meter(&mut self, meter: Option<Arc<RewriteMeter>>) {
        self.meter = meter;
    }

    /// May one more rewrite be made? Every pass asks before each single one (the smallest change that leaves a right
    /// graph), in a deterministic order, and leaves it out on a no; so a miscompilation can be narrowed down to one.
    /// `what` completes the sentence "rewrite 3 of 7 in pass dse: …".
    pub fn permits(&mut self, what: impl FnOnce() -> String) -> bool {
        match &self.meter {
            Some(meter) if meter.pass() == self.pass => meter.permits(&self.function, what),
            _ => true,
        }
    }

    /// Is this pass in the pipeline?
    pub fn is_enabled(&self, id: &str) -> bool {
        if !self.asked_about.borrow().contains(id) {
            self.asked_about.borrow_mut().insert(id.to_string());
        }
        self.enabled.contains(&id)
    }

    /// Ids that passes have asked about with [`PassContext::is_enabled`] so far: what they did depends on nothing else of
    /// the pipeline.
    pub fn asked_about(&self) -> Vec<String> {
        self.asked_about.borrow().iter().cloned().collect()
    }

    /// Adds a remark about the whole function.
    pub fn remark(&mut self, kind: RemarkKind, text: impl Into<String>) {
        self.push(None, kind, text.into());
    }

    /// Adds a remark about the source line of a bytecode position.
    pub fn remark_at(&mut self, unit: &Unit, at: Origin, kind: RemarkKind, text: impl Into<String>) {
        let line = unit.program.proto(at.proto).spans.get(at.pc as usize).map(|p| p.line).filter(|l| *l > 0);
        self.push(line, kind, text.into());
    }

    fn push(&mut self, line: Option<u32>, kind: RemarkKind, text: String) {
        self.remarks.push(Remark { pass: self.pass, function: self.function.clone(), line, kind, text });
    }

    /// Adds to a counter.
    pub fn count(&mut self, name: &'static str, by: u64) {
        if by == 0 {
            return;
        }
        match self.counters.iter_mut().find(|c| c.pass == self.pass && c.name == name) {
            Some(c) => c.count += by,
            None => self.counters.push(Counter { pass: self.pass, function: self.function.clone(), name, count: by }),
        }
    }
}

/// A pass gave up in the middle: a bug in the pass.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("pass {pass} failed on {function}: {reason}")]
pub struct PassError {
    /// The pass's id.
    pub pass: &'static str,
    /// The function.
    pub function: String,
    /// What happened.
    pub reason: String,
}

/// Which callees a pass looks into.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CalleeLimits {
    /// Bytecode instructions of a callee.
    pub instructions: usize,
    /// Calls between the unit and a callee.
    pub nesting: usize,
}

impl CalleeLimits {
    /// All callees that are within one or the other.
    pub fn union(self, other: CalleeLimits) -> CalleeLimits {
        CalleeLimits {
            instructions: self.instructions.max(other.instructions),
            nesting: self.nesting.max(other.nesting),
        }
    }
}

/// An optimization pass.
pub trait Pass: Sync {
    /// What it is.
    fn info(&self) -> &'static PassInfo;

    /// Does it look into callees? Then the unit comes with those of them that are within these limits.
    fn callees(&self) -> Option<CalleeLimits> {
        None
    }

    /// Does it decide how values lie in memory? Then programs run in such a heap from their beginning, and the pass says so in
    /// every unit.
    fn layout(&self) -> Option<Layout> {
        None
    }

    /// Transforms a unit. Remarks and counters go to the context.
    fn run(&self, unit: &mut Unit, cx: &mut PassContext) -> Result<Outcome, PassError>;
}

/// Runs one pass; what it says is filed under its id.
pub fn run_pass(pass: &dyn Pass, unit: &mut Unit, cx: &mut PassContext) -> Result<Outcome, PassError> {
    cx.pass = pass.info().id;
    for need in pass.info().needs {
        if !cx.is_enabled(need) {
            cx.remark(RemarkKind::Note, format!("does nothing: it needs {need}, which is off"));
            return Ok(Outcome::Unchanged);
        }
    }
    pass.run(unit, cx)
}

#[cfg(test)]
mod tests {
    use gsx_ir::parse::{parse_unit, synthetic_program};

    use super::*;

    /// Fails when it runs, which it must not do alone.
    struct Dependent;

    static INFO: PassInfo = PassInfo {
        id: "dependent",
        summary: "needs dse",
        details: "Fails whenever it runs.",
        groups: &[],
        needs: &["dse"],
        origin: "this test",
    };

    impl Pass for Dependent {
        fn info(&self) -> &'static PassInfo {
            &INFO
        }
        fn run(&self, unit: &mut Unit, _: &mut PassContext) -> Result<Outcome, PassError> {
            Err(PassError { pass: INFO.id, function: unit.name().into(), reason: "it ran".into() })
        }
    }

    #[test]
    fn a_pass_without_what_it_needs_does_nothing_and_says_so() {
        let text = "unit test slots=1 {\nb0:\n    return 0, 1\n}\n";
        let mut unit = parse_unit(text, &synthetic_program(1, 0, 1)).expect("a graph");
        let alone = Pipeline::of(vec![&Dependent]);
        let report = alone.run(&mut unit, |_, _| Ok::<(), PassError>(())).expect("it does not run");
        let said: Vec<&str> = report.remarks.iter().map(|r| r.text.as_str()).collect();
        assert_eq!(said, ["does nothing: it needs dse, which is off"]);

        let dse = Registry::default().get("dse").expect("dse exists");
        let both = Pipeline::of(vec![dse, &Dependent]);
        assert!(both.run(&mut unit, |_, _| Ok::<(), PassError>(())).is_err(), "with dse it runs");
    }
}
