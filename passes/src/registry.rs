//! The list of passes.

use crate::{
    Pass, acc_pin, arg_trace, cold_split, compact_frame, const_prop, dse, gvn, inline, licm, linear_scan, load_elim,
    nan_box, promote, r0_pin, regalloc2, result_trace, shape_cache, simplify, skip_spill, tag_elim, type_seed,
};

/// All passes that come with gsx, in pipeline order. Adding a pass is adding its file and one line here.
#[rustfmt::skip] // one pass a line
pub const PASSES: &[&dyn Pass] = &[
    &nan_box::NanBox,
    &inline::Inline,
    &shape_cache::ShapeCache,
    &type_seed::TypeSeed,
    &acc_pin::AccPin,
    &r0_pin::R0Pin,
    &arg_trace::ArgTrace,
    &result_trace::ResultTrace,
    &skip_spill::SkipSpill,
    &promote::Promote,
    &load_elim::LoadElim,
    &const_prop::ConstProp,
    &gvn::Gvn,
    &licm::Licm,
    &simplify::Simplify,
    &dse::DeadStore,
    &tag_elim::TagElim,
    &compact_frame::CompactFrame,
    &cold_split::ColdSplit,
    &linear_scan::LinearScan,
    &regalloc2::Regalloc2,
];

/// A group of passes that can be named together.
pub struct GroupInfo {
    /// Name on the command line.
    pub id: &'static str,
    /// One line.
    pub summary: &'static str,
}

/// Groups that passes may name. `all` and `none` need no entry in a pass.
pub const GROUPS: &[GroupInfo] = &[
    GroupInfo { id: "all", summary: "every pass" },
    GroupInfo { id: "none", summary: "no pass: slot form, as a naive template JIT would execute it" },
    GroupInfo { id: "seed", summary: "the passes of the seed post" },
    GroupInfo { id: "types", summary: "types known ahead: fewer checks, fewer tags" },
    GroupInfo { id: "calls", summary: "arguments and results without copies, callees without calls" },
    GroupInfo { id: "frames", summary: "smaller native frames and fewer write-backs around calls" },
    GroupInfo { id: "registers", summary: "register allocators other than the one by use frequency" },
    GroupInfo { id: "memory", summary: "accesses to tables without the runtime, and fewer of them" },
    GroupInfo { id: "values", summary: "how values lie in memory" },
    GroupInfo { id: "pin", summary: "values kept in fixed registers" },
];

/// The passes that a program knows: gsx's own, and a user's.
#[derive(Clone)]
pub struct Registry {
    passes: Vec<&'static dyn Pass>,
}

impl Default for Registry {
    fn default() -> Self {
        Registry { passes: PASSES.to_vec() }
    }
}

impl Registry {
    /// gsx's own passes, followed by the given ones.
    ///
    /// # Errors
    /// When two passes have one id, or a pass has the name of a group.
    pub fn with(extra: &[&'static dyn Pass]) -> Result<Registry, String> {
        let mut registry = Registry::default();
        for pass in extra {
            let id = pass.info().id;
            if registry.get(id).is_some() || GROUPS.iter().any(|g| g.id == id) {
                return Err(format!("there is already a pass or group called {id}"));
            }
            registry.passes.push(*pass);
        }
        Ok(registry)
    }

    /// All passes, in pipeline order.
    pub fn passes(&self) -> &[&'static dyn Pass] {
        &self.passes
    }

    /// The pass with this id.
    pub fn get(&self, id: &str) -> Option<&'static dyn Pass> {
        self.passes.iter().copied().find(|p| p.info().id == id)
    }

    /// The members of a group; none if there is no such group.
    pub fn group(&self, name: &str) -> Option<Vec<&'static dyn Pass>> {
        let known = GROUPS.iter().any(|g| g.id == name);
        let members: Vec<_> =
            self.passes.iter().copied().filter(|p| name == "all" || p.info().groups.contains(&name)).collect();
        (known || !members.is_empty()).then_some(members)
    }

    /// Names of all groups: the known ones, then those that only users' passes name.
    pub fn group_names(&self) -> Vec<&'static str> {
        let mut names: Vec<&'static str> = GROUPS.iter().map(|g| g.id).collect();
        for pass in &self.passes {
            for g in pass.info().groups {
                if !names.contains(g) {
                    names.push(g);
                }
            }
        }
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique_and_well_formed() {
        let mut seen = Vec::new();
        for pass in PASSES {
            let id = pass.info().id;
            assert!(!seen.contains(&id), "two passes are called {id}");
            assert!(
                id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'),
                "{id}: lower case, digits and hyphens only"
            );
            assert!(!GROUPS.iter().any(|g| g.id == id), "{id} is the name of a group");
            seen.push(id);
        }
    }

    #[test]
    fn every_pass_is_described() {
        for pass in PASSES {
            let info = pass.info();
            for (what, text) in [("summary", info.summary), ("details", info.details), ("origin", info.origin)] {
                assert!(!text.trim().is_empty(), "{} has no {what}", info.id);
            }
            assert!(info.summary.len() <= 100, "{}: the summary is longer than a line", info.id);
        }
    }

    #[test]
    fn needs_and_groups_exist() {
        let registry = Registry::default();
        for pass in PASSES {
            for need in pass.info().needs {
                assert!(registry.get(need).is_some(), "{} needs {need}, which does not exist", pass.info().id);
            }
            for group in pass.info().groups {
                assert!(GROUPS.iter().any(|g| g.id == *group), "group {group} is not described");
            }
        }
    }
}
