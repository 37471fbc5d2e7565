//! Parallel moves as a sequence of single ones.

use crate::reg::{Class, SCRATCH, SCRATCH_D};
use crate::regalloc::Loc;

/// Orders moves (destination, source) so that each source is read before it is overwritten. Cycles go through the scratch
/// register of the class. A destination occurs once; moves from a place to itself disappear.
pub fn sequence(moves: &[(Class, Loc, Loc)]) -> Vec<(Loc, Loc)> {
    let mut pending: Vec<(Class, Loc, Loc)> = moves.iter().copied().filter(|(_, d, s)| d != s).collect();
    let mut out = Vec::new();
    while !pending.is_empty() {
        let ready =
            (0..pending.len()).find(|&i| !pending.iter().enumerate().any(|(j, m)| j != i && m.2 == pending[i].1));
        match ready {
            Some(i) => {
                let (_, d, s) = pending.remove(i);
                out.push((d, s));
            }
            None => {
                // Every destination is still to be read: save the first one's old value.
                let (class, d, _) = pending[0];
                let scratch = Loc::Reg(if class == Class::X { SCRATCH } else { SCRATCH_D });
                out.push((scratch, d));
                for m in &mut pending {
                    if m.2 == d {
                        m.2 = scratch;
                    }
                }
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reg::PReg;
    use rustc_hash::FxHashMap;

    fn x(n: u8) -> Loc {
        Loc::Reg(PReg::x(n))
    }

    fn check(moves: &[(Class, Loc, Loc)]) -> usize {
        let mut at: FxHashMap<Loc, Loc> = FxHashMap::default();
        let sequence = sequence(moves);
        for &(d, s) in &sequence {
            let value = at.get(&s).copied().unwrap_or(s);
            at.insert(d, value);
        }
        for &(_, d, s) in moves {
            assert_eq!(at.get(&d).copied().unwrap_or(d), s, "{moves:?}");
        }
        sequence.len()
    }

    #[test]
    fn chains_cycles_and_fans() {
        let m = |d: Loc, s: Loc| (Class::X, d, s);
        assert_eq!(check(&[m(x(1), x(2)), m(x(2), x(3))]), 2);
        assert_eq!(check(&[m(x(2), x(3)), m(x(1), x(2))]), 2);
        assert_eq!(check(&[m(x(1), x(2)), m(x(2), x(1))]), 3);
        assert_eq!(check(&[m(x(1), x(2)), m(x(2), x(3)), m(x(3), x(1)), m(x(4), x(1))]), 5);
        assert_eq!(check(&[m(x(1), x(1))]), 0);
        assert_eq!(check(&[m(Loc::Spill(0), Loc::Spill(1)), m(Loc::Spill(1), Loc::Spill(0))]), 3);
        let d = |n| Loc::Reg(PReg::d(n));
        let cycles = [m(x(1), x(2)), m(x(2), x(1)), (Class::D, d(1), d(2)), (Class::D, d(2), d(1))];
        assert_eq!(check(&cycles), 6);
    }

    #[test]
    fn every_permutation_of_five() {
        let mut p = [0u8, 1, 2, 3, 4];
        permute(&mut p, 0, &mut |p| {
            let moves: Vec<_> = p.iter().enumerate().map(|(d, &s)| (Class::X, x(d as u8), x(s))).collect();
            check(&moves);
        });
    }

    fn permute(p: &mut [u8; 5], k: usize, f: &mut impl FnMut(&[u8; 5])) {
        if k == p.len() {
            return f(p);
        }
        for i in k..p.len() {
            p.swap(k, i);
            permute(p, k + 1, f);
            p.swap(k, i);
        }
    }
}
