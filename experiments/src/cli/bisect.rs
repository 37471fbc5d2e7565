//! `gsx bisect`: the pass, and the rewrite in it, that makes a program's code wrong.

use std::fmt::Write;

use gsx_engine::{Bisection, CellError, Culprit, Options, bisect as search};
use serde::Serialize;

use super::Context;
use super::args::BisectArgs;
use super::failure::{Failure, STATUS_WRONG_CODE};
use super::target::Target;
use crate::output::style::{Paint, Style};
use crate::output::text::{list, plural};

/// Searches, and shows what was found. Status 3 if something is wrong.
pub fn bisect(cx: &mut Context<'_>, args: &BisectArgs) -> Result<(), Failure> {
    let target = Target::resolve(&args.target)?;
    let pipeline = target.pipeline(cx.registry, &args.passes)?;
    let options = Options { verify_each: args.verify_each, ..Options::default() };
    let found = search(&target.cell(&pipeline, options)).map_err(|e: CellError| target.failure(&e, options))?;
    let ids = pipeline.ids();
    if cx.json {
        cx.print_json(&BisectJson::new(&target, &ids, &found))?;
    } else {
        let text = report(&target, &ids, &found, cx.style);
        cx.out.write_all(text.as_bytes())?;
    }
    cx.out.flush()?;
    match found.culprit {
        Some(_) => Err(Failure::Shown(STATUS_WRONG_CODE)),
        None => Ok(()),
    }
}

fn report(target: &Target, passes: &[&str], found: &Bisection, style: Style) -> String {
    let mut out = String::new();
    let mut line = |name: &str, text: &str| {
        let text = text.trim_end().replace('\n', &format!("\n{:12}", ""));
        let _ = writeln!(out, "  {name:<10}{text}");
    };
    line("program", &target.path);
    line("call", &target.call());
    line("passes", &list(passes));
    let runs = format!("{} of the cell", plural(u64::from(found.runs), "run"));
    let Some(culprit) = &found.culprit else {
        line("found", &style.paint(Paint::Good, "nothing: compiled code does what the interpreter does"));
        line("took", &runs);
        return out;
    };
    line("found", &style.paint(Paint::Bad, "wrong code"));
    line("", &culprit.error.to_string());
    line("took", &runs);
    out.push('\n');
    let _ = writeln!(out, "{}", style.strong(&headline(culprit)));
    let mut line = |name: &str, text: &str| {
        let text = text.trim_end().replace('\n', &format!("\n{:12}", ""));
        let _ = writeln!(out, "  {name:<10}{text}");
    };
    let Some(pass) = culprit.pass else {
        line("", "The program is wrong without passes: the fault lies in the graph builder or in the backend.");
        return out;
    };
    let before = match culprit.place {
        1 => "it is the first".to_string(),
        place => format!("with the {} before it, the code is right", plural(place as u64 - 1, "pass")),
    };
    line("pass", &format!("{pass}, pass {} of {}: {before}", culprit.place, passes.len()));
    let needs = match &culprit.needs[..] {
        [] => "nothing else: it is wrong alone".to_string(),
        needs => format!("{}, without which nothing shows", list(needs)),
    };
    line("needs", &needs);
    match &culprit.rewrite {
        Some(r) => {
            let before = match r.number {
                1 => "without it, the code is right".to_string(),
                n => format!("with the {} before it, the code is right", plural(n - 1, "rewrite")),
            };
            line("rewrite", &format!("in {}; {before}", r.rewrite.function));
        }
        None => line("rewrite", "none: the pass changes something without asking whether it may"),
    }
    line("with it", &culprit.last_error);
    line("see", &format!("gsx ir --after {pass} --pipeline {} …", culprit.passes().join(",")));
    out
}

/// The find in a sentence: "rewrite 3 of 7 in pass dse: removed the store to x at fib.gs:2".
fn headline(culprit: &Culprit) -> String {
    match (&culprit.pass, &culprit.rewrite) {
        (Some(pass), Some(r)) => format!("rewrite {} of {} in pass {pass}: {}", r.number, r.of, r.rewrite.what),
        (Some(pass), None) => format!("pass {pass}"),
        (None, _) => "no pass".to_string(),
    }
}

/// `gsx bisect --json`
#[derive(Serialize)]
struct BisectJson<'a> {
    program: &'a str,
    call: String,
    passes: &'a [&'static str],
    /// Cells compiled and run for it.
    runs: u32,
    /// Null if nothing is wrong.
    culprit: Option<CulpritJson<'a>>,
}

#[derive(Serialize)]
struct CulpritJson<'a> {
    error: String,
    /// Null if the program is wrong without passes.
    pass: Option<&'static str>,
    place: usize,
    needs: &'a [&'static str],
    /// Null if the pass changes something without asking.
    rewrite: Option<RewriteJson<'a>>,
    last_error: &'a str,
    summary: String,
}

#[derive(Serialize)]
struct RewriteJson<'a> {
    number: u64,
    of: u64,
    function: &'a str,
    what: &'a str,
}

impl<'a> BisectJson<'a> {
    fn new(target: &'a Target, passes: &'a [&'static str], found: &'a Bisection) -> BisectJson<'a> {
        let culprit = found.culprit.as_ref().map(|c| CulpritJson {
            error: c.error.to_string(),
            pass: c.pass,
            place: c.place,
            needs: &c.needs,
            rewrite: c.rewrite.as_ref().map(|r| RewriteJson {
                number: r.number,
                of: r.of,
                function: &r.rewrite.function,
                what: &r.rewrite.what,
            }),
            last_error: &c.last_error,
            summary: headline(c),
        });
        BisectJson { program: &target.path, call: target.call(), passes, runs: found.runs, culprit }
    }
}
