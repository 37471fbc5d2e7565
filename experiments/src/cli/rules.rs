//! `gsx rules`: the rewrite rules of `simplify`, and their proofs.

use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;

use gscript::bytecode::Source;
use gsx_passes::simplify::proofs::{self, Cache};
use gsx_passes::simplify::smt::{self, Answer};
use gsx_passes::simplify::{Entry, RuleSet, Test};
use serde::Serialize;

use super::Context;
use super::args::{PassArgs, ProveArgs, RulesArgs, RulesWhat};
use super::failure::{Failure, STATUS_FAILED};
use super::files::read_text;
use crate::config::Config;
use crate::output::style::{Paint, Style};
use crate::output::table::{Align, Table};
use crate::output::text::plural;

/// The rules that the configuration and the command line ask for; none if they say nothing of rules.
pub fn chosen(args: &PassArgs, config: Option<&Config>) -> Result<Option<Arc<RuleSet>>, Failure> {
    let configured = config.is_some_and(|c| c.rules.is_some() || c.without_rules.is_some());
    if args.rules.is_empty() && args.without_rule.is_empty() && !configured {
        return Ok(None);
    }
    let mut set = RuleSet::default();
    if let Some(config) = config {
        if let Some(file) = &config.rules {
            load(&mut set, &config.path(&file.value))?;
        }
        if let Some(names) = &config.without_rules {
            for name in names.value.split(',').map(str::trim).filter(|n| !n.is_empty()) {
                set.without(name).map_err(|e| Failure::at(&config.diagnostic(&names.span, e), &config.source))?;
            }
        }
    }
    for file in &args.rules {
        load(&mut set, file)?;
    }
    for name in &args.without_rule {
        set.without(name).map_err(|e| Failure::usage_help(e, "`gsx rules` lists them"))?;
    }
    Ok(Some(Arc::new(set)))
}

/// Adds a file's rules, with what is kept beside it about their proofs.
fn load(set: &mut RuleSet, file: &Path) -> Result<Source, Failure> {
    let source = read_text(file, "rules")?;
    set.load(&source, &kept(&proofs::path_for(file))).map_err(|d| Failure::at(&d, &source))?;
    Ok(source)
}

/// Answers in a file; none if there is no such file.
fn kept(path: &Path) -> Cache {
    std::fs::read_to_string(path).map(|text| Cache::parse(&text)).unwrap_or_default()
}

/// Lists, explains or proves rules.
pub fn rules(cx: &mut Context<'_>, args: &RulesArgs) -> Result<(), Failure> {
    match &args.what {
        None => list(cx, args.file.as_deref()),
        Some(RulesWhat::Conditions) => conditions(cx),
        Some(RulesWhat::Question { name, file }) => {
            let set = set_of(file.as_deref())?;
            let Some(entry) = set.get(name) else {
                let error = RuleSet::without(&mut set.clone(), name).err().unwrap_or_default();
                return Err(Failure::usage_help(error, "`gsx rules` lists them"));
            };
            cx.out.write_all(smt::query(entry.rule()).as_bytes())?;
            Ok(())
        }
        Some(RulesWhat::Prove(args)) => prove(cx, args),
    }
}

fn set_of(file: Option<&Path>) -> Result<RuleSet, Failure> {
    let mut set = RuleSet::default();
    if let Some(file) = file {
        load(&mut set, file)?;
    }
    Ok(set)
}

#[derive(Serialize)]
struct RuleJson<'a> {
    name: &'a str,
    topic: &'a str,
    lhs: String,
    rhs: String,
    conditions: Vec<String>,
    proved: bool,
}

impl<'a> RuleJson<'a> {
    fn new(entry: &'a Entry) -> RuleJson<'a> {
        let r = entry.rule();
        RuleJson {
            name: &r.name,
            topic: &r.topic,
            lhs: r.lhs.to_string(),
            rhs: r.rhs.to_string(),
            conditions: r.conditions.iter().map(ToString::to_string).collect(),
            proved: entry.is_proved,
        }
    }
}

#[derive(Serialize)]
struct RulesJson<'a> {
    rules: Vec<RuleJson<'a>>,
}

fn list(cx: &mut Context<'_>, file: Option<&Path>) -> Result<(), Failure> {
    let set = set_of(file)?;
    if cx.json {
        return cx.print_json(&RulesJson { rules: set.entries().iter().map(RuleJson::new).collect() });
    }
    let mut out = String::new();
    let mut topics: Vec<&str> = set.entries().iter().map(|e| e.rule().topic.as_str()).collect();
    topics.dedup();
    for topic in topics {
        let _ = writeln!(out, "{}{}", if out.is_empty() { "" } else { "\n" }, cx.style.strong(topic));
        let mut table = Table::new(&[Align::Left, Align::Left]);
        for e in set.entries().iter().filter(|e| e.rule().topic == topic) {
            let unproved = if e.is_proved { "" } else { "   (not proved)" };
            table.painted([(e.rule().name.clone(), Paint::Strong), (format!("{}{unproved}", e.rule()), Paint::Plain)]);
        }
        out.push_str(&table.render(cx.style));
    }
    out.push_str("\nSwitch one off with --without-rule NAME; add yours with --rules FILE.toml.\n");
    cx.out.write_all(out.as_bytes())?;
    Ok(())
}

#[derive(Serialize)]
struct ConditionJson {
    name: &'static str,
    meaning: &'static str,
    arguments: usize,
}

fn conditions(cx: &mut Context<'_>) -> Result<(), Failure> {
    if cx.json {
        let all = Test::ALL.map(|(name, _, meaning, arguments)| ConditionJson { name, meaning, arguments });
        return cx.print_json(&all);
    }
    let mut table = Table::new(&[Align::Left, Align::Left]);
    for (name, _, meaning, arguments) in Test::ALL {
        let variables = ["?a", "?a ?b"][usize::from(arguments == 2)];
        table.painted([(format!("{name} {variables}"), Paint::Strong), (meaning.to_string(), Paint::Plain)]);
    }
    let text = table.render(cx.style);
    cx.out.write_all(text.as_bytes())?;
    Ok(())
}

#[derive(Serialize)]
struct ProofJson {
    name: String,
    answer: &'static str,
    values: Vec<(String, String)>,
}

/// Asks the solver about each rule that has no proof yet, and keeps the answers.
fn prove(cx: &mut Context<'_>, args: &ProveArgs) -> Result<(), Failure> {
    if !smt::solver_is_there() {
        let text = "cannot run z3, the solver that proves rules".to_string();
        let help = Some("install it (Debian: apt-get install z3), then ask again".to_string());
        return Err(Failure::Message { status: STATUS_FAILED, text, help });
    }
    let set = set_of(args.file.as_deref())?;
    let keep = args.keep.clone().or(args.file.as_deref().map(proofs::path_for));
    let mut cache = match &keep {
        Some(path) if !args.again => kept(path),
        _ => Cache::default(),
    };
    let wanted: Vec<&Entry> = set
        .entries()
        .iter()
        .filter(|e| e.is_users == args.file.is_some())
        .filter(|e| args.rule.is_empty() || args.rule.contains(&e.rule().name))
        .collect();
    if let Some(name) = args.rule.iter().find(|n| wanted.iter().all(|e| e.rule().name != **n)) {
        return Err(Failure::usage_help(format!("unknown rule `{name}`"), "`gsx rules` lists them"));
    }
    let mut answers = Vec::new();
    for e in &wanted {
        let rule = e.rule();
        let answer = match cache.is_proved(rule) {
            true => Answer::Proved,
            false => smt::prove(rule, args.seconds).map_err(|e| Failure::usage(format!("cannot run z3: {e}")))?,
        };
        if answer == Answer::Proved {
            cache.add(rule);
        }
        if !cx.json {
            let text = line(&rule.to_string(), &rule.name, &answer, cx.style);
            cx.out.write_all(text.as_bytes())?;
            cx.out.flush()?;
        }
        answers.push((rule.name.clone(), answer));
    }
    if let Some(path) = &keep {
        let of_file = set.entries().iter().filter(|e| e.is_users == args.file.is_some()).map(Entry::rule);
        std::fs::write(path, proofs::render(of_file, &cache))
            .map_err(|e| Failure::usage(format!("cannot write {}: {e}", path.display())))?;
    }
    let refuted = answers.iter().filter(|(_, a)| matches!(a, Answer::Refuted(_))).count() as u64;
    let unknown = answers.iter().filter(|(_, a)| matches!(a, Answer::Unknown(_))).count() as u64;
    if cx.json {
        let json = |(name, answer): (String, Answer)| match answer {
            Answer::Proved => ProofJson { name, answer: "proved", values: Vec::new() },
            Answer::Refuted(values) => ProofJson { name, answer: "refuted", values },
            Answer::Unknown(_) => ProofJson { name, answer: "unknown", values: Vec::new() },
        };
        let all: Vec<ProofJson> = answers.into_iter().map(json).collect();
        cx.print_json(&all)?;
    }
    if refuted + unknown == 0 {
        return Ok(());
    }
    cx.out.flush()?;
    let text = match (refuted, unknown) {
        (0, n) => format!("{} without an answer", plural(n, "rule")),
        (n, _) => format!("{} wrong", plural(n, "rule")),
    };
    let help = match refuted {
        0 => "give the solver more time with --seconds",
        _ => "correct it, or add a condition under which both sides are equal",
    };
    Err(Failure::Message { status: STATUS_FAILED, text, help: Some(help.to_string()) })
}

fn line(rule: &str, name: &str, answer: &Answer, style: Style) -> String {
    match answer {
        Answer::Proved => format!("{}  {name}\n", style.paint(Paint::Good, "proved ")),
        Answer::Unknown(said) => format!("{}  {name}: the solver says {said}\n", style.paint(Paint::Bad, "unknown")),
        Answer::Refuted(values) => {
            let mut out = format!("{}  {name}: {rule}\n", style.paint(Paint::Bad, "refuted"));
            for (variable, value) in values {
                let _ = writeln!(out, "           {variable} = {value}");
            }
            out
        }
    }
}
