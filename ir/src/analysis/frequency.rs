//! How often blocks run, guessed from the graph alone.

use std::collections::BTreeMap;

use crate::analysis::loops::loop_depths;
use crate::graph::{BlockId, Graph};

/// The frequency of the entry block: others are relative to it.
pub const ENTRY: u64 = 1 << 16;

/// Iterations of a loop, for want of better knowledge.
pub const ITERATIONS: u64 = 8;

/// The frequency of every reachable block: a branch goes either way equally often, but stays in a loop, and a loop runs eight
/// times.
pub fn block_frequencies(graph: &Graph) -> BTreeMap<BlockId, u64> {
    let depths = loop_depths(graph);
    let depth = |b: BlockId| depths.get(&b).copied().unwrap_or(0);
    let order = graph.reverse_postorder();
    let mut out: BTreeMap<BlockId, u64> = BTreeMap::new();
    let mut arriving: BTreeMap<BlockId, u64> = BTreeMap::from([(graph.entry, ENTRY)]);
    for &b in &order {
        let frequency = arriving.get(&b).copied().unwrap_or(0);
        out.insert(b, frequency);
        let targets = graph.block(b).term.targets();
        let stays = targets.iter().filter(|t| depth(t.block) >= depth(b)).count() as u64;
        for t in &targets {
            // Backward edges are part of the loop's factor.
            if out.contains_key(&t.block) {
                continue;
            }
            let (from, to) = (depth(b), depth(t.block));
            let share = if to < from {
                frequency / ITERATIONS.saturating_pow(from - to)
            } else {
                (frequency / stays).saturating_mul(ITERATIONS.saturating_pow(to - from))
            };
            let sum = arriving.entry(t.block).or_insert(0);
            *sum = sum.saturating_add(share);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::{parse_unit, synthetic_program};

    #[test]
    fn branches_halve_and_loops_multiply() {
        let text = "unit test slots=2 {
            b0:
                v0 = slot.load.boxed 0
                v1 = truthy v0
                branch v1, b1, b4
            b1:
                jump b2
            b2:
                v2 = slot.load.boxed 1
                v3 = truthy v2
                branch v3, b2, b3
            b3:
                jump b4
            b4:
                return 0, 1
            }";
        let unit = parse_unit(text, &synthetic_program(2, 0, 4)).expect("a graph");
        let of = block_frequencies(&unit.graph);
        let parts: Vec<u64> = of.values().map(|f| f * 2 / ENTRY).collect();
        assert_eq!(parts, [2, 1, 8, 1, 2]);
    }
}
