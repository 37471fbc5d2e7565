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
//! For passes that look into callees, `; callee: add params=2 slots=3 code=8` gives the program a function (p2, then p3 …),
//! whose graph follows behind the unit's own, and `; call: 4 a=2 args=2 results=1` makes an instruction of the unit's
//! function (or `; call: add 4 …` of a callee) a call; `results=all` passes on what the callee gives.
//!
//! `; field: 2 get a=1 b=0 c=0` (or `set`, `self`) makes an instruction of the unit's function an access to a field.
//!
//! `GSX_BLESS=1 cargo test -p gsx-passes` rewrites everything from `; after:` on. Input and output must pass the verifier.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use gscript::bytecode::{Inst, Op, Program, ProtoId};
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
    let first = units(input).first().copied().ok_or("the file has no unit")?;
    let slots = first.split_once(" slots=").and_then(|(_, rest)| rest.split([' ', '{']).next()?.parse().ok());
    let program = synthetic_program(slots.ok_or("no slots= in the unit's first line")?, params.len() as u8, 64);
    let program = with_callees(&program, input)?;
    let mut units = units(input).into_iter();
    let mut unit = parse_unit(units.next().ok_or("no unit")?, &program)?;
    for text in units {
        let callee = parse_unit(text, &program)?;
        verify::verify(&callee).map_err(|e| format!("a callee is no legal graph:\n{e}"))?;
        unit.callees.push(Arc::new(callee));
    }
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

/// The texts of the file's units.
fn units(input: &str) -> Vec<&str> {
    let starts: Vec<usize> = input.match_indices("\nunit ").map(|(at, _)| at + 1).collect();
    let ends = starts.iter().skip(1).copied().chain([input.len()]);
    starts.iter().zip(ends).map(|(&start, end)| &input[start..end]).collect()
}

/// Adds the functions and instructions that the file's first lines ask for.
fn with_callees(program: &Arc<Program>, input: &str) -> Result<Arc<Program>, Failed> {
    let mut program = Program::clone(program);
    let of_kind = |kind: &'static str| input.lines().filter_map(move |l| l.strip_prefix(kind)).map(words);
    for words in of_kind("; callee: ") {
        let (slots, params, code) = (number(&words, "slots")?, number(&words, "params")?, number(&words, "code")?);
        let model = synthetic_program(slots, params as u8, code.into());
        let mut proto = model.proto(SYNTHETIC_PROTO).clone();
        proto.id = ProtoId(program.protos.len() as u32);
        proto.name = words[0].to_owned();
        proto.upvals.clear();
        program.protos.push(proto);
    }
    for words in of_kind("; call: ") {
        let function = program.protos.iter().position(|p| p.name == words[0]);
        let pc: usize = words[usize::from(function.is_some())].parse()?;
        let results = if words.contains(&"results=all") { 0 } else { number(&words, "results")? as u8 + 1 };
        let (a, b) = (number(&words, "a")? as u8, number(&words, "args")? as u8 + 1);
        program.protos[function.unwrap_or(SYNTHETIC_PROTO.index())].code[pc] =
            Inst { op: Op::Call, a, b, c: results, imm: 0 };
    }
    for words in of_kind("; field: ") {
        let op = match words[1] {
            "get" => Op::GetField,
            "set" => Op::SetField,
            _ => Op::SelfGet,
        };
        let [a, b, c] = ["a", "b", "c"].map(|key| number(&words, key).map(|n| n as u8));
        let pc: usize = words[0].parse()?;
        program.protos[SYNTHETIC_PROTO.index()].code[pc] = Inst { op, a: a?, b: b?, c: c?, imm: 0 };
    }
    Ok(Arc::new(program))
}

fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

/// The number in the word `key=…`.
fn number(words: &[&str], key: &str) -> Result<u16, Failed> {
    let value = words.iter().find_map(|w| w.strip_prefix(key)?.strip_prefix('='));
    Ok(value.ok_or_else(|| format!("no {key}= in `{}`", words.join(" ")))?.parse()?)
}
