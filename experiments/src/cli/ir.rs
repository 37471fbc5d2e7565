//! `gsx ir`: the graph after any pass.

use gsx_engine::{CompiledFunction, Options};
use gsx_ir::Unit;
use gsx_ir::dot::to_dot;
use gsx_ir::text::{TextOptions, unit_to_string_with};
use gsx_passes::Registry;
use gsx_passes::selection::nearest;

use super::Context;
use super::args::IrArgs;
use super::choice::choose_functions;
use super::failure::Failure;
use super::target::Target;
use crate::output::json::{TextJson, TextsJson};
use crate::output::text::list;

/// Prints the graph of all compiled functions or of one.
pub fn ir(cx: &mut Context<'_>, args: &IrArgs) -> Result<(), Failure> {
    let target = Target::resolve(&args.target)?;
    let pipeline = target.pipeline(cx.registry, &args.passes)?;
    if let Some(after) = &args.after {
        check_stage(cx.registry, &pipeline.ids(), after)?;
    }
    let report = target.run(&pipeline, Options { keep_stages: true, ..Options::default() })?;
    let functions: Vec<&CompiledFunction> = report.functions.iter().collect();
    let chosen = choose_functions(&functions, |f| &f.name, args.function.as_deref())?;
    let mut texts = Vec::new();
    for f in chosen {
        let (stage, unit) = stage(f, args.after.as_deref())?;
        let (form, text) = if args.dot {
            ("dot", to_dot(unit))
        } else {
            let options = if args.bare { TextOptions::default() } else { TextOptions::LISTING };
            ("ir", unit_to_string_with(unit, options))
        };
        texts.push(TextJson { function: &f.name, stage: Some(stage), form, text });
    }
    if cx.json {
        return cx.print_json(&TextsJson { program: &target.path, functions: texts });
    }
    for (i, t) in texts.iter().enumerate() {
        let gap = if i > 0 { "\n" } else { "" };
        match t.stage {
            // Neither a DOT file nor the form for the parser wants a heading.
            _ if args.dot || args.bare => write!(cx.out, "{gap}{}", t.text)?,
            Some("build") => write!(cx.out, "{gap}; {}, as built\n{}", t.function, t.text)?,
            Some(stage) => write!(cx.out, "{gap}; {}, after {stage}\n{}", t.function, t.text)?,
            None => {}
        }
    }
    Ok(())
}

/// `build`, or a pass that is on.
fn check_stage(registry: &Registry, ids: &[&'static str], after: &str) -> Result<(), Failure> {
    if after == "build" || ids.contains(&after) {
        return Ok(());
    }
    if registry.get(after).is_some() {
        let help = format!("passes that are on: {}; add it with --passes", list(ids));
        return Err(Failure::usage_help(format!("pass `{after}` is off, so there is no graph after it"), help));
    }
    let mut names = ids.to_vec();
    names.insert(0, "build");
    let near = nearest(after, &names).map(|n| format!("; did you mean `{n}`?")).unwrap_or_default();
    let help = format!("stages: {}", list(&names));
    Err(Failure::usage_help(format!("there is no stage `{after}`{near}"), help))
}

/// The graph after a pass, or the last one.
fn stage<'a>(f: &'a CompiledFunction, after: Option<&str>) -> Result<(&'static str, &'a Unit), Failure> {
    let found = match after {
        Some(name) => f.stages.iter().find(|(id, _)| *id == name),
        None => f.stages.last(),
    };
    match found {
        Some((id, unit)) => Ok((id, unit)),
        None => Err(Failure::usage(format!("the graph of {} was not kept", f.name))),
    }
}
