//! Code listings: a graph in the IR's text, and the code that must come out.
//!
//! A file in `tests/files` is
//!
//! ```text
//! ; what the test is about
//! ; nparams: 1
//! unit test slots=4 { … }
//! ; code:
//! …
//! ```
//!
//! `GSX_BLESS=1 cargo test -p gsx-backend-arm64` rewrites everything from `; code:` on.

mod common;

use std::path::{Path, PathBuf};

use gsx_backend_arm64::compile;
use gsx_ir::parse::{parse_unit, synthetic_program};
use gsx_ir::verify;

const MARK: &str = "; code:\n";

fn run(input: &str) -> Result<String, String> {
    let nparams = input.lines().find_map(|l| l.strip_prefix("; nparams: ")).ok_or("no line `; nparams: …`")?;
    let slots = input.split_once(" slots=").and_then(|(_, rest)| rest.split([' ', '{']).next()?.parse().ok());
    let nparams = nparams.trim().parse().map_err(|e| format!("nparams: {e}"))?;
    let program = synthetic_program(slots.ok_or("no slots=")?, nparams, 16);
    let unit = parse_unit(input, &program).map_err(|e| e.to_string())?;
    verify::verify(&unit).map_err(|e| e.to_string())?;
    let code = compile(&unit, 1).map_err(|e| e.to_string())?;
    let mut out = common::listing(&code);
    for (i, exit) in code.exits.iter().enumerate() {
        out += &format!("exit {i}: {:?} at {}: {}\n", exit.kind, exit.frames[0].pc, exit.reason);
    }
    Ok(out)
}

fn check(path: &Path) -> Result<(), String> {
    let file = std::fs::read_to_string(path).map_err(|e| e.to_string())?;
    let (input, expected) = file.split_once(MARK).unwrap_or((&file, ""));
    let found = run(input)?;
    if found == expected {
        return Ok(());
    }
    if std::env::var_os("GSX_BLESS").is_some() {
        return std::fs::write(path, format!("{}\n{MARK}{found}", input.trim_end())).map_err(|e| e.to_string());
    }
    Err(format!("gives\n{found}\nbut the file says\n{expected}"))
}

#[test]
fn files() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/files");
    let mut files: Vec<PathBuf> = std::fs::read_dir(dir).unwrap().map(|f| f.unwrap().path()).collect();
    files.retain(|p| p.extension().is_some_and(|e| e == "ir"));
    files.sort();
    assert!(files.len() > 5);
    let failures: Vec<String> =
        files.iter().filter_map(|p| Some(format!("{}: {}", p.display(), check(p).err()?))).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
