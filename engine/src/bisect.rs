//! Which pass makes a program's compiled code wrong, and which of its rewrites.
//!
//! A cell fails when its code does not do what the interpreter does, when the verifier or the backend refuses the graph, or
//! when the code faults or does not end. First the shortest prefix of the pipeline that fails is found: its last pass
//! brings the failure about (LLVM's `-opt-bisect-limit` works this way). Then earlier passes are left out as long as
//! the failure stays. At last that pass is allowed fewer and fewer of its rewrites, halving, until one rewrite makes the
//! difference.

use std::sync::Arc;

use gsx_passes::{Pass, Rewrite, RewriteMeter};

use crate::cell::{CellSpec, Limits, run_cell};
use crate::error::CellError;

/// Room for code under a few passes to be slower than without any, before it counts as endless.
const SLOWDOWN: u64 = 8;

/// What [`bisect`] found.
#[derive(Debug)]
pub struct Bisection {
    /// What is wrong with the cell under all of its passes, and since when; none if nothing is.
    pub culprit: Option<Culprit>,
    /// Cells that were compiled and run for it.
    pub runs: u32,
}

/// What makes a cell fail.
#[derive(Debug)]
pub struct Culprit {
    /// How the cell fails under all of its passes.
    pub error: CellError,
    /// The pass that brings the failure about; none if the cell fails without passes.
    pub pass: Option<&'static str>,
    /// Its place in the pipeline, from 1.
    pub place: usize,
    /// Passes before it without which the failure does not show.
    pub needs: Vec<&'static str>,
    /// The rewrite that makes the difference. None if the pass is wrong although it makes no rewrite that it asks for.
    pub rewrite: Option<CulpritRewrite>,
    /// How the cell fails under only these passes, with that rewrite as the last one.
    pub last_error: String,
}

/// A rewrite that makes a right program wrong.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CulpritRewrite {
    /// Which of the pass's rewrites it is, from 1, over all functions in order of compilation.
    pub number: u64,
    /// How many rewrites the pass makes in this cell.
    pub of: u64,
    /// What it is.
    pub rewrite: Rewrite,
}

/// Finds the pass of the cell's pipeline, and the rewrite in it, that makes the cell fail.
///
/// # Errors
/// The program's own failure: there is nothing to compare compiled code with.
pub fn bisect(spec: &CellSpec) -> Result<Bisection, CellError> {
    let all = spec.pipeline.passes().to_vec();
    let mut search = Search { spec: spec.clone(), runs: 0 };
    let baseline = match search.attempt(&[], None) {
        Ok(instructions) => instructions,
        Err(error @ (CellError::Miscompiled(_) | CellError::Compiler(_))) => {
            let last_error = error.to_string();
            let culprit = Culprit { error, pass: None, place: 0, needs: Vec::new(), rewrite: None, last_error };
            return Ok(Bisection { culprit: Some(culprit), runs: search.runs });
        }
        Err(error) => return Err(error),
    };
    // The interpreter is through: from here on, every failure is the compiled code's. Some passes make loops endless.
    let instructions = spec.limits.instructions.min(baseline.saturating_mul(SLOWDOWN).saturating_add(1_000_000));
    search.spec.limits = Limits { instructions, ..spec.limits };
    let Err(error) = search.attempt(&all, None) else {
        return Ok(Bisection { culprit: None, runs: search.runs });
    };
    let place = (1..all.len()).find(|&k| search.fails(&all[..k])).unwrap_or(all.len());
    let pass = all[place - 1];
    let mut passes = all[..place].to_vec();
    search.shrink(&mut passes);
    let (rewrite, last_error) = search.rewrite(&passes, pass);
    let needs = passes[..passes.len() - 1].iter().map(|p| p.info().id).collect();
    let last_error = last_error.as_ref().unwrap_or(&error).to_string();
    let culprit = Culprit { error, pass: Some(pass.info().id), place, needs, rewrite, last_error };
    Ok(Bisection { culprit: Some(culprit), runs: search.runs })
}

struct Search {
    spec: CellSpec,
    runs: u32,
}

impl Search {
    /// Runs the cell under some passes; gives the number of instructions executed.
    fn attempt(&mut self, passes: &[&'static dyn Pass], meter: Option<Arc<RewriteMeter>>) -> Result<u64, CellError> {
        self.runs += 1;
        let pipeline = self.spec.pipeline.with_passes(passes.to_vec());
        let pipeline = match meter {
            Some(meter) => pipeline.with_meter(meter),
            None => pipeline,
        };
        run_cell(&CellSpec { pipeline, ..self.spec.clone() }).map(|report| report.counters.instructions)
    }

    fn fails(&mut self, passes: &[&'static dyn Pass]) -> bool {
        self.attempt(passes, None).is_err()
    }

    /// Leaves out passes before the last one, as long as the last one still makes the difference.
    fn shrink(&mut self, passes: &mut Vec<&'static dyn Pass>) {
        let mut i = 0;
        while i + 1 < passes.len() {
            let mut fewer = passes.clone();
            fewer.remove(i);
            if self.fails(&fewer) && !self.fails(&fewer[..fewer.len() - 1]) {
                *passes = fewer;
            } else {
                i += 1;
            }
        }
    }

    /// The first rewrite of the last pass that makes the cell fail, and how it fails then.
    fn rewrite(
        &mut self,
        passes: &[&'static dyn Pass],
        last: &'static dyn Pass,
    ) -> (Option<CulpritRewrite>, Option<CellError>) {
        let id = last.info().id;
        let all = Arc::new(RewriteMeter::new(id, u64::MAX));
        let failure = self.attempt(passes, Some(all.clone())).err();
        let none = Arc::new(RewriteMeter::new(id, 0));
        if let Err(error) = self.attempt(passes, Some(none)) {
            return (None, Some(error));
        }
        // Right with `good` rewrites, wrong with `bad`.
        let (mut good, mut bad) = (0, all.asked());
        let mut found = (all.last(), failure);
        while good + 1 < bad {
            let middle = good + (bad - good) / 2;
            let meter = Arc::new(RewriteMeter::new(id, middle));
            match self.attempt(passes, Some(meter.clone())) {
                Ok(_) => good = middle,
                Err(error) => {
                    bad = middle;
                    found = (meter.last(), Some(error));
                }
            }
        }
        let rewrite = found.0.map(|rewrite| CulpritRewrite { number: bad, of: all.asked(), rewrite });
        (rewrite, found.1)
    }
}

impl Culprit {
    /// The passes that suffice for the failure, in order.
    pub fn passes(&self) -> Vec<&'static str> {
        self.needs.iter().copied().chain(self.pass).collect()
    }
}
