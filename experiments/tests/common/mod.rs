//! What the tests share: the configurations of `configs/`, read and made into cells.
#![allow(dead_code)] // each test file uses its own part

use std::path::{Path, PathBuf};
use std::sync::Arc;

use gscript::bytecode::Source;
use gsx_engine::{CellSpec, Limits, Options, compile_source};
use gsx_experiments::config::{self, Call, Config, Expected};
use gsx_passes::Pipeline;

/// The top of the workspace.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Names of all configurations, without `.toml`, in order.
pub fn names() -> Vec<String> {
    let entries = std::fs::read_dir(root().join("configs")).expect("the folder configs");
    let paths = entries.map(|entry| entry.expect("an entry of configs").path());
    let mut names: Vec<String> = paths
        .filter(|path| path.extension().is_some_and(|e| e == "toml"))
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_string()))
        .collect();
    names.sort();
    assert!(names.len() >= 9, "only {} configurations", names.len());
    names
}

fn read(path: &Path) -> Arc<Source> {
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    Arc::new(Source { name: path.display().to_string(), text })
}

/// A configuration by its name.
pub fn config(name: &str) -> Config {
    let source = read(&root().join("configs").join(format!("{name}.toml")));
    config::parse((*source).clone()).unwrap_or_else(|d| panic!("{}", d.render(&source)))
}

/// A configuration's program under some passes, with the call of one of its sizes.
pub fn cell(config: &Config, call: &Call, pipeline: Pipeline) -> CellSpec {
    let source = read(&config.program_path());
    CellSpec {
        program: compile_source(source.clone()).unwrap_or_else(|d| panic!("{}", d.render(&source))),
        entry: call.entry.value.clone(),
        args: call.args.clone(),
        warmup: call.warmup.clone(),
        expected: call.expected.as_ref().map(Expected::results),
        pipeline,
        limits: Limits::default(),
        options: Options::default(),
    }
}
