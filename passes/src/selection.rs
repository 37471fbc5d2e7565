//! From `--passes pin,dse` to the list of passes to run.

use std::fmt;
use std::sync::Arc;

use gsx_ir::{Layout, Unit};

use crate::simplify::RuleSet;
use crate::{CalleeLimits, Counter, Pass, PassContext, PassError, Registry, Remark, RewriteMeter, run_pass};

/// Why a selection of passes could not be understood.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SelectionError {
    /// No such pass or group.
    #[error("unknown pass `{name}`{}", .nearest.as_ref().map(|n| format!("; did you mean `{n}`?")).unwrap_or_default())]
    Unknown {
        /// As written.
        name: String,
        /// The nearest known name, if one is near.
        nearest: Option<String>,
    },
    /// A pass occurs twice in an explicit pipeline.
    #[error("pass `{0}` occurs twice in the pipeline")]
    Twice(String),
    /// A group in an explicit pipeline.
    #[error("`{0}` is a group: an explicit pipeline lists single passes, in order")]
    GroupInPipeline(String),
}

/// Passes to run, in order.
#[derive(Clone, Default)]
pub struct Pipeline {
    passes: Vec<&'static dyn Pass>,
    /// The rules of `simplify`; gsx's own if none were chosen.
    rules: Option<Arc<RuleSet>>,
    meter: Option<Arc<RewriteMeter>>,
}

impl fmt::Debug for Pipeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.ids()).finish()
    }
}

/// What a pipeline did to a unit.
#[derive(Default)]
pub struct PipelineReport {
    /// All remarks, in order.
    pub remarks: Vec<Remark>,
    /// All counters.
    pub counters: Vec<Counter>,
}

impl Pipeline {
    /// No passes.
    pub fn none() -> Pipeline {
        Pipeline::default()
    }

    /// These passes in this order.
    pub fn of(passes: Vec<&'static dyn Pass>) -> Pipeline {
        Pipeline { passes, ..Pipeline::default() }
    }

    /// The same passes, `simplify` with these rules.
    pub fn with_rules(self, rules: Arc<RuleSet>) -> Pipeline {
        Pipeline { rules: Some(rules), ..self }
    }

    /// The same passes, the rewrites of one of them counted, and perhaps limited.
    pub fn with_meter(self, meter: Arc<RewriteMeter>) -> Pipeline {
        Pipeline { meter: Some(meter), ..self }
    }

    /// Other passes in this order, with all else as it is.
    pub fn with_passes(&self, passes: Vec<&'static dyn Pass>) -> Pipeline {
        Pipeline { passes, ..self.clone() }
    }

    /// The passes, in order.
    pub fn passes(&self) -> &[&'static dyn Pass] {
        &self.passes
    }

    /// Their ids, in order.
    pub fn ids(&self) -> Vec<&'static str> {
        self.passes.iter().map(|p| p.info().id).collect()
    }

    /// The callees that the passes look into; none if no pass does.
    pub fn callees(&self) -> Option<CalleeLimits> {
        self.passes.iter().filter_map(|p| p.callees()).reduce(CalleeLimits::union)
    }

    /// How values lie in memory: as the last pass says that decides it, else with tags.
    pub fn layout(&self) -> Layout {
        self.passes.iter().filter_map(|p| p.layout()).next_back().unwrap_or_default()
    }

    /// The passes that `text` selects, in registry order: ids and groups, separated by commas; a name with `-` in front
    /// is taken away from what stands before it (`all,-dse`). An empty text selects nothing.
    pub fn select(registry: &Registry, text: &str) -> Result<Pipeline, SelectionError> {
        let mut on = vec![false; registry.passes().len()];
        for item in text.split(',').map(str::trim).filter(|i| !i.is_empty()) {
            let (name, value) = match item.strip_prefix('-') {
                Some(rest) => (rest.trim(), false),
                None => (item, true),
            };
            for pass in resolve(registry, name)? {
                let i = registry.passes().iter().position(|p| p.info().id == pass.info().id);
                if let Some(i) = i {
                    on[i] = value;
                }
            }
        }
        let chosen = registry.passes().iter().zip(on).filter(|(_, on)| *on).map(|(p, _)| *p);
        Ok(Pipeline { passes: chosen.collect(), ..Pipeline::default() })
    }

    /// Exactly the passes that `text` lists, in its order.
    pub fn explicit(registry: &Registry, text: &str) -> Result<Pipeline, SelectionError> {
        let mut passes: Vec<&'static dyn Pass> = Vec::new();
        for name in text.split(',').map(str::trim).filter(|i| !i.is_empty()) {
            let Some(pass) = registry.get(name) else {
                if registry.group(name).is_some() {
                    return Err(SelectionError::GroupInPipeline(name.to_string()));
                }
                return Err(unknown(registry, name));
            };
            if passes.iter().any(|p| p.info().id == pass.info().id) {
                return Err(SelectionError::Twice(name.to_string()));
            }
            passes.push(pass);
        }
        Ok(Pipeline { passes, ..Pipeline::default() })
    }

    /// Runs the passes over a unit. `after` is called after each one, and may object.
    ///
    /// # Errors
    /// The first error of a pass or of `after`.
    pub fn run<E: From<PassError>>(
        &self,
        unit: &mut Unit,
        mut after: impl FnMut(&'static str, &Unit) -> Result<(), E>,
    ) -> Result<PipelineReport, E> {
        let mut cx = PassContext::new(unit, self.ids());
        cx.rules = self.rules.clone();
        cx.set_meter(self.meter.clone());
        for pass in &self.passes {
            run_pass(*pass, unit, &mut cx)?;
            after(pass.info().id, unit)?;
        }
        Ok(PipelineReport { remarks: cx.remarks, counters: cx.counters })
    }
}

fn resolve(registry: &Registry, name: &str) -> Result<Vec<&'static dyn Pass>, SelectionError> {
    if let Some(pass) = registry.get(name) {
        return Ok(vec![pass]);
    }
    registry.group(name).ok_or_else(|| unknown(registry, name))
}

fn unknown(registry: &Registry, name: &str) -> SelectionError {
    let mut names: Vec<&str> = registry.passes().iter().map(|p| p.info().id).collect();
    names.extend(registry.group_names());
    SelectionError::Unknown { name: name.to_string(), nearest: nearest(name, &names) }
}

/// The known name nearest to `name` by edit distance, if it is near enough to be a slip of the finger.
pub fn nearest(name: &str, known: &[&str]) -> Option<String> {
    let (best, distance) = known.iter().map(|k| (*k, edit_distance(name, k))).min_by_key(|(_, d)| *d)?;
    (distance <= 1 + name.len().max(best.len()) / 3).then(|| best.to_string())
}

/// Levenshtein distance.
fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, cb) in b.iter().enumerate() {
            let substitute = diagonal + usize::from(ca != *cb);
            diagonal = row[j + 1];
            row[j + 1] = substitute.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(text: &str) -> Vec<&'static str> {
        Pipeline::select(&Registry::default(), text).expect(text).ids()
    }

    #[test]
    fn ids_groups_and_subtraction() {
        assert_eq!(ids("none"), Vec::<&str>::new());
        assert_eq!(ids("pin"), ["acc-pin", "r0-pin"]);
        assert_eq!(ids("dse, pin"), ["acc-pin", "r0-pin", "dse"], "registry order, whatever the order written");
        assert!(!ids("all,-dse").contains(&"dse"));
        assert_eq!(ids("all,-all"), Vec::<&str>::new());
    }

    #[test]
    fn unknown_names_get_the_nearest() {
        let error = Pipeline::select(&Registry::default(), "pinn").unwrap_err();
        assert_eq!(error.to_string(), "unknown pass `pinn`; did you mean `pin`?");
        let error = Pipeline::select(&Registry::default(), "vectorize").unwrap_err();
        assert_eq!(error.to_string(), "unknown pass `vectorize`");
    }

    #[test]
    fn explicit_pipelines_keep_their_order() {
        let registry = Registry::default();
        let p = Pipeline::explicit(&registry, "dse,acc-pin").unwrap();
        assert_eq!(p.ids(), ["dse", "acc-pin"]);
        assert!(matches!(Pipeline::explicit(&registry, "dse,dse"), Err(SelectionError::Twice(_))));
        assert!(matches!(Pipeline::explicit(&registry, "pin"), Err(SelectionError::GroupInPipeline(_))));
    }

    #[test]
    fn distance() {
        assert_eq!(edit_distance("kitten", "sitting"), 3);
        assert_eq!(edit_distance("", "abc"), 3);
        assert_eq!(nearest("acpin", &["acc-pin", "dse"]).as_deref(), Some("acc-pin"));
    }
}
