//! Type feedback as lines of the text form.

use std::fmt::Write;

use gscript::profile::{CallTarget, ProtoProfile, ResultCount, SiteFeedback, TypeSet};
use gscript::value::Tag;

/// One line for the function, then one per instruction about which something is known.
pub(super) fn lines(feedback: &ProtoProfile) -> Vec<String> {
    let mut out = Vec::new();
    if *feedback != ProtoProfile::default() {
        let params: Vec<String> = feedback.params.iter().map(|&p| types(p)).collect();
        out.push(format!(
            "    feedback calls={} back_edges={} params({})",
            feedback.calls,
            feedback.back_edges,
            params.join(", ")
        ));
    }
    for (pc, site) in feedback.sites.iter().enumerate() {
        if *site != SiteFeedback::default() {
            out.push(format!("    feedback {pc}:{}", fields(site)));
        }
    }
    out
}

fn fields(site: &SiteFeedback) -> String {
    let mut out = String::new();
    if site.count != 0 {
        let _ = write!(out, " count={}", site.count);
    }
    for (name, set) in [("lhs", site.lhs), ("rhs", site.rhs), ("result", site.result)] {
        if !set.is_empty() {
            let _ = write!(out, " {name}={}", types(set));
        }
    }
    match site.target {
        CallTarget::None => {}
        CallTarget::Proto(p) => {
            let _ = write!(out, " target=p{}", p.0);
        }
        CallTarget::Builtin(b) => {
            let _ = write!(out, " target=builtin {} {:#x}", b.index, b.closure);
        }
        CallTarget::Many => out.push_str(" target=many"),
    }
    match site.results {
        ResultCount::None => {}
        ResultCount::Exactly(n) => {
            let _ = write!(out, " results={n}");
        }
        ResultCount::Many => out.push_str(" results=many"),
    }
    for access in site.fields.iter() {
        let _ = write!(out, " field={}", access.shape);
        if let Some(slot) = access.slot {
            let _ = write!(out, ":{slot}");
        }
        if let Some(to) = access.grows_to {
            let _ = write!(out, " to={to}");
        }
    }
    if site.fields.many {
        out.push_str(" field=many");
    }
    if site.beyond {
        out.push_str(" beyond=true");
    }
    out
}

/// `int|float`, `none`.
fn types(set: TypeSet) -> String {
    if set.is_empty() {
        return "none".to_owned();
    }
    let names: Vec<String> = Tag::ALL.iter().filter(|&&t| set.contains(t)).map(ToString::to_string).collect();
    names.join("|")
}
