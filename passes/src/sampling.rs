//! Samples of pass sets, for tests: of 2^n subsets and n! orders, those that are likely to show a mistake.
//!
//! All subsets of n passes are too many to try on every program once n passes ten. A mistake of one pass shows when it runs
//! alone or is the only one missing; a mistake in how two passes meet mostly shows with just these two. The rest is left to
//! chance, from a fixed seed.

use gscript::random::Random;

use crate::{Pipeline, Registry};

/// Random sets and orders in a sample, unless `GSX_SETS` says otherwise.
const RANDOM_SETS: usize = 16;

/// No pass; every pass; each alone; every pass but one; and `random` sets of any size. No set occurs twice.
pub fn subsets(registry: &Registry, random: usize) -> Vec<Pipeline> {
    let n = registry.passes().len();
    let mut chosen = vec![vec![false; n], vec![true; n]];
    for i in 0..n {
        for value in [true, false] {
            let mut set = vec![!value; n];
            set[i] = value;
            chosen.push(set);
        }
    }
    let mut numbers = Random::new(0x5e75);
    chosen.extend((0..random).map(|_| random_set(n, &mut numbers)));
    without_repetition(chosen).into_iter().map(|set| pipeline(registry, &set)).collect()
}

/// All pairs of passes.
pub fn pairs(registry: &Registry) -> Vec<Pipeline> {
    let passes = registry.passes();
    let pair = |i: usize, j: usize| Pipeline::of(vec![passes[i], passes[j]]);
    (0..passes.len()).flat_map(|j| (0..j).map(move |i| pair(i, j))).collect()
}

/// The reverse of the pipeline order, with every pass, and `random` orders of random sets.
pub fn orders(registry: &Registry, random: usize) -> Vec<Pipeline> {
    let reverse = Pipeline::of(registry.passes().iter().rev().copied().collect());
    let mut numbers = Random::new(0x0de5);
    std::iter::once(reverse).chain((0..random).map(|_| random_order(registry, &mut numbers))).collect()
}

/// A random set of passes, in pipeline order. Each pass is on with one probability, which is drawn first: so small and
/// large sets are as frequent as middling ones.
pub fn random_subset(registry: &Registry, random: &mut Random) -> Pipeline {
    let set = random_set(registry.passes().len(), random);
    pipeline(registry, &set)
}

/// A random set of passes in a random order.
pub fn random_order(registry: &Registry, random: &mut Random) -> Pipeline {
    let mut passes = random_subset(registry, random).passes().to_vec();
    for i in (1..passes.len()).rev() {
        passes.swap(i, random.below(i + 1));
    }
    Pipeline::of(passes)
}

/// How many random sets a test should take: `GSX_SETS`, or a few.
pub fn random_sets() -> usize {
    std::env::var("GSX_SETS").ok().and_then(|n| n.parse().ok()).unwrap_or(RANDOM_SETS)
}

fn random_set(n: usize, random: &mut Random) -> Vec<bool> {
    let of_eight = 1 + random.below(7);
    (0..n).map(|_| random.below(8) < of_eight).collect()
}

fn pipeline(registry: &Registry, set: &[bool]) -> Pipeline {
    let on = registry.passes().iter().zip(set).filter(|(_, on)| **on);
    Pipeline::of(on.map(|(pass, _)| *pass).collect())
}

fn without_repetition(sets: Vec<Vec<bool>>) -> Vec<Vec<bool>> {
    let mut seen = std::collections::BTreeSet::new();
    sets.into_iter().filter(|set| seen.insert(set.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_grow_with_the_passes_and_not_with_their_subsets() {
        let registry = Registry::default();
        let n = registry.passes().len();
        let sample = subsets(&registry, 10);
        assert!((2 + 2 * n..=2 + 2 * n + 10).contains(&sample.len()), "{} sets of {n} passes", sample.len());
        assert_eq!(sample[0].ids(), Vec::<&str>::new());
        assert_eq!(sample[1].ids().len(), n);
        let names: std::collections::BTreeSet<_> = sample.iter().map(Pipeline::ids).collect();
        assert_eq!(names.len(), sample.len(), "a set occurs twice");
        assert_eq!(pairs(&registry).len(), n * (n - 1) / 2);
    }

    #[test]
    fn random_sets_keep_the_order_and_random_orders_do_not() {
        let registry = Registry::default();
        let all = Pipeline::of(registry.passes().to_vec()).ids();
        let sorted = |p: &Pipeline| {
            let places: Vec<_> = p.ids().iter().map(|id| all.iter().position(|a| a == id)).collect();
            places.is_sorted()
        };
        let mut random = Random::new(1);
        assert!((0..20).all(|_| sorted(&random_subset(&registry, &mut random))));
        assert!(!orders(&registry, 20).iter().all(sorted));
    }
}
