//! Random programs under random pass sets: compiled code does what the interpreter does, errors included.

use gsx_engine::fuzzing::{Case, Choices, Verdict};
use gsx_passes::Registry;

/// How many programs; more with `GSX_FUZZ=10000`.
fn programs() -> u64 {
    number("GSX_FUZZ").unwrap_or(150)
}

/// The first seed.
fn first() -> u64 {
    number("GSX_FUZZ_SEED").unwrap_or(0)
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

#[test]
fn random_programs_agree_with_the_interpreter() {
    let registry = Registry::default();
    let (mut checked, mut too_long) = (0, 0);
    for seed in first()..first() + programs() {
        let mut case = Case::new(&mut Choices::from_seed(seed), &registry);
        let other = Case::new(&mut Choices::from_seed(!seed), &registry);
        for pipeline in [case.pipeline.clone(), other.pipeline] {
            case.pipeline = pipeline;
            match case.check() {
                Ok(Verdict::Right) => checked += 1,
                Ok(Verdict::TooLong) => too_long += 1,
                Err(e) => panic!("seed {seed}: {e}"),
            }
        }
    }
    assert!(checked > 4 * too_long, "most programs must run to the end: {checked} did, {too_long} did not");
}

/// A fuzzer's bytes decide first; what they leave open is random, and the same each time.
#[test]
fn bytes_decide() {
    let registry = Registry::default();
    let source = |bytes: &[u8]| Case::new(&mut Choices::from_bytes(bytes), &registry).source;
    let bytes: Vec<u8> = (0..200u16).map(|i| (i * 37 % 251) as u8).collect();
    assert_eq!(source(&bytes), source(&bytes));
    let mut changed = bytes.clone();
    changed[150] ^= 1;
    let (a, b) = (source(&bytes), source(&changed));
    let same = a.lines().zip(b.lines()).take_while(|(a, b)| a == b).count();
    assert!(a != b && same >= 3, "{a}\n{b}");
}
