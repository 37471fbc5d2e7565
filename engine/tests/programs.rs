//! The language's own test programs, with functions compiled as soon as they can be: what they print must not change.

mod common;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use common::{passes, subsets};
use gscript::bytecode::Source;
use gsx_engine::exec::exec_captured;
use gsx_engine::{CellError, Engine, ExecSpec, Limits, UnitKind, compile_source};
use gsx_passes::Pipeline;

fn programs() -> Vec<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../gscript/tests/programs");
    let mut files: Vec<PathBuf> = std::fs::read_dir(dir)
        .expect("the language tests are there")
        .filter_map(|f| Some(f.ok()?.path()))
        .filter(|p| p.extension().is_some_and(|e| e == "gs"))
        // Where the step budget runs out depends on what is compiled.
        .filter(|p| directive(&std::fs::read_to_string(p).unwrap_or_default(), "budget").is_none())
        .collect();
    files.sort();
    assert!(files.len() > 10, "where are the programs?");
    files
}

/// The number behind `// name: ` at the head of a program.
fn directive(text: &str, name: &str) -> Option<u64> {
    let prefix = format!("// {name}: ");
    text.lines().take_while(|l| l.starts_with("//")).find_map(|l| l.strip_prefix(&prefix)?.trim().parse().ok())
}

/// What a program prints, and how it fails.
fn run(
    path: &Path,
    engine: Engine,
    pipeline: Pipeline,
    unit: UnitKind,
    hot_calls: u32,
    hot_loops: u32,
) -> (String, Option<String>) {
    let text = std::fs::read_to_string(path).expect("readable");
    let name = path.file_name().expect("a file").to_string_lossy().into_owned();
    let source = Arc::new(Source { name, text });
    let program = compile_source(source.clone()).unwrap_or_else(|e| panic!("{}", e.render(&source)));
    let heap_bytes = directive(&source.text, "heap").unwrap_or(256 << 20);
    let limits = Limits { heap_bytes, steps: 100_000_000, instructions: 2_000_000_000 };
    let spec = ExecSpec { program, engine, pipeline, hot_calls, hot_loops, unit, limits, gc_stress: 0 };
    match exec_captured(&spec) {
        Ok((_, output)) => (String::from_utf8_lossy(&output).into_owned(), None),
        Err(e @ (CellError::Program(_) | CellError::Limit(_))) => (String::new(), Some(e.to_string())),
        Err(e) => panic!("{} with {:?}: {e}", path.display(), spec.pipeline),
    }
}

#[test]
fn compiled_programs_print_what_interpreted_ones_do() {
    for path in programs() {
        let expected = run(&path, Engine::Interp, Pipeline::none(), UnitKind::Method, u32::MAX, u32::MAX);
        use UnitKind::{Method, Trace};
        for (pipeline, unit, hot_calls, hot_loops) in [
            ("none", Method, 1, 1),
            ("all", Method, 1, u32::MAX),
            ("all", Method, 2, 1),
            ("all", Trace, 7, 3),
            ("seed", Method, u32::MAX, 2),
            ("none", Trace, 1, 1),
        ] {
            let found = run(&path, Engine::Sim, passes(pipeline), unit, hot_calls, hot_loops);
            assert_eq!(
                found,
                expected,
                "{} with {pipeline}, compiled after {hot_calls} calls, {hot_loops} times around",
                path.display()
            );
        }
    }
}

#[test]
fn subsets_are_right_on_some_programs() {
    // Each subset gets every fourth program, another quarter each time.
    for (i, pipeline) in subsets().into_iter().enumerate() {
        for path in programs().into_iter().skip(i % 4).step_by(4) {
            let expected = run(&path, Engine::Interp, Pipeline::none(), UnitKind::Method, u32::MAX, u32::MAX);
            let found = run(&path, Engine::Sim, pipeline.clone(), UnitKind::Method, 2, 5);
            assert_eq!(found, expected, "{} with {pipeline:?}", path.display());
        }
    }
}
