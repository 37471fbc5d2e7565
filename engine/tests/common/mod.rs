//! What the tests share: cells from source text.
#![allow(dead_code)] // each test file uses its own part

use std::sync::Arc;

use gscript::bytecode::Source;
use gsx_engine::{Arg, CellSpec, Limits, Options, Warmup, compile_source};
use gsx_passes::{Pipeline, Registry, sampling};

/// A cell: a program, its entry with warm-up and measured arguments, and no passes.
pub fn cell(source: &str, entry: &str, warmup: &[Arg], args: &[Arg]) -> CellSpec {
    let source = Arc::new(Source { name: "test.gs".into(), text: source.into() });
    let program = compile_source(source.clone()).unwrap_or_else(|e| panic!("{}", e.render(&source)));
    CellSpec {
        program,
        entry: entry.into(),
        args: args.to_vec(),
        warmup: Warmup { args: warmup.to_vec(), calls: 3 },
        expected: None,
        pipeline: Pipeline::none(),
        limits: Limits { heap_bytes: 64 << 20, steps: 20_000_000, instructions: 200_000_000 },
        options: Options::default(),
    }
}

/// Integers as arguments.
pub fn ints(values: &[i64]) -> Vec<Arg> {
    values.iter().map(|&n| Arg::Int(n)).collect()
}

/// A sample of the subsets of gsx's passes; larger with `GSX_SETS`.
pub fn subsets() -> Vec<Pipeline> {
    sampling::subsets(&Registry::default(), sampling::random_sets())
}

/// All pairs of gsx's passes.
pub fn pairs() -> Vec<Pipeline> {
    sampling::pairs(&Registry::default())
}

/// Some orders of gsx's passes; more with `GSX_SETS`.
pub fn orders() -> Vec<Pipeline> {
    sampling::orders(&Registry::default(), sampling::random_sets())
}

/// Every pass set that `--passes` could name, here by text.
pub fn passes(text: &str) -> Pipeline {
    Pipeline::select(&Registry::default(), text).expect(text)
}
