//! Filetests: a graph in the IR's text, passes to run, and the graph that must come out.
//!
//! A file in `tests/files` is
//!
//! ```text
//! ; what the test is about
//! ; passes: dse
//! ; params: int int        (optional: types of the parameters in the type feedback)
//! unit test slots=4 { … }
//! ; after:
//! unit test slots=4 { … }
//! ; remark: …              (one line for each remark, in order)
//! ```
//!
//! `GSX_BLESS=1 cargo test -p gsx-passes` rewrites everything from `; after:` on. Input and output must pass the verifier.

use std::path::{Path, PathBuf};

use gscript::value::Tag;
use gsx_ir::parse::{SYNTHETIC_PROTO, parse_unit, synthetic_program};
use gsx_ir::{text, verify};
use gsx_passes::{PassError, Pipeline, Registry};
use libtest_mimic::{Arguments, Failed, Trial};

const MARK: &str = "; after:\n";

fn main() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/files");
    let mut files: Vec<PathBuf> = std::fs::read_dir(&dir)
        .expect("tests/files exists")
        .filter_map(|f| Some(f.ok()?.path()))
        .filter(|p| p.extension().is_some_and(|e| e == "ir"))
        .collect();
    files.sort();
    let trials = files
        .into_iter()
        .map(|path| {
            let name = path.file_stem().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
            Trial::test(name, move || check(&path))
        })
        .collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

fn check(path: &Path) -> Result<(), Failed> {
    let file = std::fs::read_to_string(path)?;
    let (input, expected) = file.split_once(MARK).unwrap_or((&file, ""));
    let found = run(input)?;
    if found == expected {
        return Ok(());
    }
    if std::env::var_os("GSX_BLESS").is_some() {
        std::fs::write(path, format!("{}\n{MARK}{found}", input.trim_end()))?;
        return Ok(());
    }
    Err(format!(
        "{} gives\n{found}\nbut the file says\n{expected}\n(GSX_BLESS=1 cargo test -p gsx-passes takes the new text over)",
        path.display()
    )
    .into())
}

fn run(input: &str) -> Result<String, Failed> {
    let header = |key: &str| {
        let prefix = format!("; {key}: ");
        input.lines().find_map(|l| l.strip_prefix(&prefix)).map(str::trim)
    };
    let passes = header("passes").ok_or("the file has no line `; passes: …`")?;
    let pipeline = Pipeline::explicit(&Registry::default(), passes)?;
    let params: Vec<&str> = header("params").map(|p| p.split(' ').collect()).unwrap_or_default();
    let slots = input.split_once(" slots=").and_then(|(_, rest)| rest.split([' ', '{']).next()?.parse().ok());
    let program = synthetic_program(slots.ok_or("no slots= in the unit's first line")?, params.len() as u8, 64);
    let mut unit = parse_unit(input, &program)?;
    unit.feedback.params = params
        .iter()
        .map(|p| {
            let mut set = gscript::profile::TypeSet::EMPTY;
            set.insert(Tag::ALL.into_iter().find(|t| t.to_string() == *p).unwrap_or(Tag::Nil));
            set
        })
        .collect();
    assert_eq!(unit.proto, SYNTHETIC_PROTO);
    verify::verify(&unit).map_err(|e| format!("the input is no legal graph:\n{e}"))?;
    let report = pipeline.run(&mut unit, |_, _| Ok::<(), PassError>(()))?;
    verify::verify(&unit).map_err(|e| format!("the output is no legal graph:\n{e}"))?;
    let mut out = text::unit_to_string(&unit);
    for r in &report.remarks {
        out.push_str(&format!("; remark: {} {}: {}\n", r.pass, r.kind, r.text));
    }
    Ok(out)
}
