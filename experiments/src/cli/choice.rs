//! What the command line chooses from: passes and functions.

use gsx_passes::selection::nearest;
use gsx_passes::{Pipeline, Registry, SelectionError};

use super::args::PassArgs;
use super::failure::Failure;
use super::rules;
use crate::config::Config;
use crate::output::text::list;

/// The passes that the command line names, else `default`.
pub fn select(registry: &Registry, args: &PassArgs, default: &str) -> Result<Pipeline, Failure> {
    let chosen = match (&args.passes, &args.pipeline) {
        (_, Some(list)) => Pipeline::explicit(registry, list),
        (text, None) => Pipeline::select(registry, text.as_deref().unwrap_or(default)),
    };
    with_rules(chosen.map_err(|e| unknown_pass(registry, &e))?, args, None)
}

/// The same passes, with the rewrite rules that the configuration and the command line name.
pub fn with_rules(pipeline: Pipeline, args: &PassArgs, config: Option<&Config>) -> Result<Pipeline, Failure> {
    Ok(match rules::chosen(args, config)? {
        Some(set) => pipeline.with_rules(set),
        None => pipeline,
    })
}

/// The passes of one more selection, such as that of `--against`.
pub fn select_text(registry: &Registry, text: &str) -> Result<Pipeline, Failure> {
    Pipeline::select(registry, text).map_err(|e| unknown_pass(registry, &e))
}

fn unknown_pass(registry: &Registry, error: &SelectionError) -> Failure {
    Failure::usage_help(error.to_string(), known_passes(registry))
}

/// Names that `--passes` takes.
pub fn known_passes(registry: &Registry) -> String {
    let ids: Vec<&str> = registry.passes().iter().map(|p| p.info().id).collect();
    format!("passes: {}; groups: {}; see `gsx passes`", list(&ids), list(&registry.group_names()))
}

/// All functions, or those with the name that the command line gives.
pub fn choose_functions<'a, T>(
    all: &[&'a T],
    name: impl Fn(&'a T) -> &'a str,
    wanted: Option<&str>,
) -> Result<Vec<&'a T>, Failure> {
    let Some(wanted) = wanted else {
        return Ok(all.to_vec());
    };
    let chosen: Vec<&T> = all.iter().copied().filter(|f| name(f) == wanted).collect();
    if !chosen.is_empty() {
        return Ok(chosen);
    }
    let names: Vec<&str> = all.iter().map(|f| name(f)).collect();
    let near = nearest(wanted, &names).map(|n| format!("; did you mean `{n}`?")).unwrap_or_default();
    Err(Failure::usage_help(format!("no function `{wanted}` here{near}"), format!("functions: {}", list(&names))))
}
