//! Random programs under random pass sets: compiled code does what the interpreter does, errors included.

mod common;

use common::cell;
use gscript::random::Random;
use gsx_engine::fuzzing::random_program;
use gsx_engine::{Arg, CellError, run_cell};
use gsx_passes::{Registry, sampling};

/// How many programs; more with `GSX_FUZZ=10000`.
fn programs() -> u64 {
    std::env::var("GSX_FUZZ").ok().and_then(|n| n.parse().ok()).unwrap_or(150)
}

fn argument(random: &mut Random) -> Arg {
    match random.below(6) {
        0 => Arg::Float(random.below(9) as f64 / 2.0),
        1 => Arg::Int(i64::MAX - random.below(3) as i64),
        _ => Arg::Int(random.below(12) as i64 - 2),
    }
}

#[test]
fn random_programs_agree_with_the_interpreter() {
    let registry = Registry::default();
    let (mut checked, mut too_long) = (0, 0);
    for seed in 0..programs() {
        let source = random_program(seed);
        let mut random = Random::new(seed ^ 0xa5a5);
        let warmup = [argument(&mut random), argument(&mut random)];
        let args = [argument(&mut random), argument(&mut random)];
        for _ in 0..2 {
            let mut spec = cell(&source, "entry", &warmup, &args);
            spec.limits.steps = 100_000;
            spec.pipeline = match random.below(3) {
                0 => sampling::random_order(&registry, &mut random),
                _ => sampling::random_subset(&registry, &mut random),
            };
            spec.options.verify_each = seed % 8 == 0;
            match run_cell(&spec) {
                Ok(_) => checked += 1,
                Err(CellError::Limit(_)) => too_long += 1,
                Err(e) => panic!(
                    "seed {seed}, passes {:?}, warm-up {warmup:?}, arguments {args:?}: {e}\n{source}",
                    spec.pipeline
                ),
            }
        }
    }
    assert!(checked > 4 * too_long, "most programs must run to the end: {checked} did, {too_long} did not");
}
