//! The allocation checker must accept what the allocator does and reject what has been broken on purpose.

mod common;

use common::generate::{Shape, generate};
use gscript::random::Random;
use gsx_backend_arm64::lower::lower;
use gsx_backend_arm64::mir::MBlock;
use gsx_backend_arm64::reg::{Class, PReg, RegSet};
use gsx_backend_arm64::regalloc::checker::check;
use gsx_backend_arm64::regalloc::{Allocation, Frequency, Loc, RegisterAllocator, allocator};
use gsx_ir::unit::Allocator;

const SHAPES: [Shape; 3] = [
    Shape { size: 40, pressure: 4, calls: false, pins: true },
    Shape { size: 60, pressure: 10, calls: true, pins: true },
    Shape { size: 60, pressure: 45, calls: true, pins: false },
];

/// Breaks something in a copy of `good`; none if there was nothing of the kind.
fn broken(good: &Allocation, rng: &mut Random, kind: usize) -> Option<Allocation> {
    let mut bad = good.clone();
    if kind == 0 {
        if bad.edits.is_empty() {
            return None;
        }
        let at = rng.below(bad.edits.len());
        bad.edits.remove(at);
        return Some(bad);
    }
    let blocks = bad.places.len();
    let block = &mut bad.places[rng.below(blocks)];
    let inst = rng.below(block.len().max(1));
    let places = block.get_mut(inst)?;
    if places.is_empty() {
        return None;
    }
    let n = places.len();
    let place = &mut places[rng.below(n)];
    let class = match *place {
        Loc::Reg(r) => r.class(),
        Loc::Spill(_) => Class::X,
    };
    let regs: Vec<PReg> = RegSet::ALLOCATABLE.intersection(RegSet::of_class(class)).iter().collect();
    let other = Loc::Reg(rng.pick(&regs));
    if other == *place {
        return None;
    }
    *place = other;
    Some(bad)
}

#[test]
fn broken_allocations_are_rejected() {
    for choice in Allocator::ALL {
        let mut rng = Random::new(7);
        for shape in SHAPES {
            let (mut tried, mut missed) = (0, 0);
            for seed in 0..40 {
                let f = lower(&generate(seed, shape)).unwrap();
                let good = allocator(choice).allocate(&f).unwrap();
                check(&f, &good).unwrap();
                for i in 0..20 {
                    let Some(bad) = broken(&good, &mut rng, usize::from(i % 4 != 0)) else {
                        continue;
                    };
                    tried += 1;
                    if check(&f, &bad).is_ok() {
                        missed += 1;
                    }
                }
            }
            // What is not rejected must be harmless: a result that nothing reads, a value in two places, a block that cannot
            // be reached, a stored spill that is never loaded.
            println!("{choice}, {shape:?}: {tried} broken, {missed} accepted");
            assert!(tried > 300 && missed * 8 < tried, "{missed} of {tried} broken allocations were accepted");
        }
    }
}

#[test]
fn wrong_kinds_of_places_are_rejected() {
    let f = lower(&generate(3, SHAPES[1])).unwrap();
    let good = Frequency.allocate(&f).unwrap();
    let (b, i) = (0..f.blocks.len())
        .flat_map(|b| (0..f.blocks[b].insts.len()).map(move |i| (b, i)))
        .find(|&(b, i)| !good.places(MBlock(b as u32), i).is_empty())
        .unwrap();
    for (place, message) in [
        (Loc::Reg(PReg::x(18)), "is in x18"),
        (Loc::Reg(PReg::x(16)), "is in x16"),
        (Loc::Reg(PReg::x(26)), "is in x26"),
        (Loc::Reg(PReg::d(31)), "is in d31"),
        (Loc::Spill(0), "spilled where it must be in a register"),
        (Loc::Spill(1000), "spilled where it must be in a register"),
    ] {
        let mut bad = good.clone();
        bad.places[b][i][0] = place;
        let error = check(&f, &bad).unwrap_err();
        assert!(error.to_string().contains(message), "{error}");
    }
}
