//! `gsx passes`: what there is, and what one does.

use std::fmt::Write;

use gsx_passes::registry::GROUPS;
use gsx_passes::selection::nearest;
use gsx_passes::{Pass, PassInfo, Registry};

use super::Context;
use super::args::PassesArgs;
use super::failure::Failure;
use crate::output::json::{GroupJson, PassJson, PassesJson};
use crate::output::style::{Paint, Style, terminal_width};
use crate::output::table::{Align, Table};
use crate::output::text::{list, wrap};

/// Widest text, however wide the terminal.
const MAX_WIDTH: usize = 100;

/// Lists passes and groups, or explains one.
pub fn passes(cx: &mut Context<'_>, args: &PassesArgs) -> Result<(), Failure> {
    let registry = cx.registry;
    let (passes, groups) = match &args.id {
        None => (registry.passes().to_vec(), registry.group_names()),
        Some(id) => choose(registry, id)?,
    };
    if cx.json {
        return cx.print_json(&PassesJson {
            passes: passes.iter().map(|p| pass_json(p.info())).collect(),
            groups: groups.iter().map(|g| group_json(registry, g)).collect(),
        });
    }
    let text = match (&args.id, &passes[..]) {
        (None, _) => overview(registry, cx.style),
        (Some(id), [pass]) if pass.info().id == id => explain(pass.info(), cx.style),
        (Some(id), members) => explain_group(id, members, cx.style),
    };
    cx.out.write_all(text.as_bytes())?;
    Ok(())
}

type Chosen = (Vec<&'static dyn Pass>, Vec<&'static str>);

/// The pass with this name, or the group and its members.
fn choose(registry: &Registry, id: &str) -> Result<Chosen, Failure> {
    if let Some(pass) = registry.get(id) {
        return Ok((vec![pass], Vec::new()));
    }
    let groups = registry.group_names();
    if let Some(group) = groups.iter().find(|g| **g == id) {
        return Ok((members(registry, group), vec![group]));
    }
    let mut names: Vec<&str> = registry.passes().iter().map(|p| p.info().id).collect();
    names.extend(&groups);
    let near = nearest(id, &names).map(|n| format!("; did you mean `{n}`?")).unwrap_or_default();
    Err(Failure::usage_help(format!("no pass or group is called `{id}`{near}"), "`gsx passes` lists them all"))
}

/// Passes of a group. `none` is a name for choosing nothing.
fn members(registry: &Registry, group: &str) -> Vec<&'static dyn Pass> {
    registry.group(group).unwrap_or_default()
}

fn overview(registry: &Registry, style: Style) -> String {
    let mut out = format!("{}\n", style.strong("Passes, in pipeline order"));
    let mut table = Table::new(&[Align::Left, Align::Left, Align::Left]);
    for pass in registry.passes() {
        let info = pass.info();
        let groups = if info.groups.is_empty() { "-".to_string() } else { info.groups.join(" ") };
        let needs = match info.needs {
            [] => String::new(),
            needs => format!(" (needs {})", needs.join(", ")),
        };
        table.painted([
            (info.id.to_string(), Paint::Strong),
            (groups, Paint::Faint),
            (format!("{}{needs}", info.summary), Paint::Plain),
        ]);
    }
    out.push_str(&table.render(style));

    let _ = writeln!(out, "\n{}", style.strong("Groups"));
    let mut table = Table::new(&[Align::Left, Align::Left]);
    for id in registry.group_names() {
        let summary = summary(id).unwrap_or("passes of yours");
        table.painted([(id.to_string(), Paint::Strong), (summary.to_string(), Paint::Plain)]);
    }
    out.push_str(&table.render(style));
    out.push_str("\n`gsx passes NAME` explains one. Choose with --passes pin,dse or --passes all,-dse.\n");
    out
}

fn explain(info: &PassInfo, style: Style) -> String {
    let width = terminal_width().unwrap_or(MAX_WIDTH).clamp(40, MAX_WIDTH);
    let mut out = format!("{}: {}\n\n", style.strong(info.id), info.summary);
    out.push_str(&wrap(info.details, width, 2));
    let groups: Vec<&str> = info.groups.iter().copied().chain(["all"]).collect();
    let needs = match info.needs {
        [] => "no other pass".to_string(),
        needs => format!("{}; without, it does nothing and says so", needs.join(", ")),
    };
    let _ = writeln!(out, "\n  groups  {}\n  needs   {needs}", groups.join(", "));
    let origin = wrap(info.origin, width, 10);
    let _ = writeln!(out, "  origin  {}", origin.trim());
    out
}

fn explain_group(id: &str, members: &[&'static dyn Pass], style: Style) -> String {
    let mut out = format!("{}: {}\n", style.strong(id), summary(id).unwrap_or("passes of yours"));
    let ids: Vec<&str> = members.iter().map(|p| p.info().id).collect();
    let _ = writeln!(out, "\n  passes  {}", list(&ids));
    out
}

fn summary(group: &str) -> Option<&'static str> {
    GROUPS.iter().find(|g| g.id == group).map(|g| g.summary)
}

fn pass_json(info: &'static PassInfo) -> PassJson {
    PassJson {
        id: info.id,
        summary: info.summary,
        details: info.details,
        groups: info.groups,
        needs: info.needs,
        origin: info.origin,
    }
}

fn group_json(registry: &Registry, id: &'static str) -> GroupJson {
    GroupJson { id, summary: summary(id), passes: members(registry, id).iter().map(|p| p.info().id).collect() }
}
