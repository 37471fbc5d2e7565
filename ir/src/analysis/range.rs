//! Intervals of 64-bit integers, and what wrapping arithmetic makes of them.

use std::fmt;

use crate::op::Cond;

/// All integers from `lo` to `hi`, both included; never empty.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Range {
    /// The least one.
    pub lo: i64,
    /// The greatest one.
    pub hi: i64,
}

#[allow(clippy::should_implement_trait)] // wrapping arithmetic of machine words, not that of numbers
impl Range {
    /// Every integer.
    pub const FULL: Range = Range { lo: i64::MIN, hi: i64::MAX };
    /// A bool's payload.
    pub const BOOL: Range = Range { lo: 0, hi: 1 };
    /// Integers that a double holds exactly, neighbours included.
    pub const EXACT_FLOAT: Range = Range { lo: -(1 << 53), hi: 1 << 53 };

    /// One integer.
    pub fn point(n: i64) -> Range {
        Range { lo: n, hi: n }
    }

    /// From `lo` to `hi`; none if that is empty.
    pub fn new(lo: i64, hi: i64) -> Option<Range> {
        (lo <= hi).then_some(Range { lo, hi })
    }

    /// The only member, if there is one only.
    pub fn single(self) -> Option<i64> {
        (self.lo == self.hi).then_some(self.lo)
    }

    /// Is `n` in it?
    pub fn contains(self, n: i64) -> bool {
        self.lo <= n && n <= self.hi
    }

    /// Is all of it in `other`?
    pub fn is_within(self, other: Range) -> bool {
        other.lo <= self.lo && self.hi <= other.hi
    }

    /// The least interval around both.
    pub fn union(self, other: Range) -> Range {
        Range { lo: self.lo.min(other.lo), hi: self.hi.max(other.hi) }
    }

    /// What is in both.
    pub fn intersect(self, other: Range) -> Option<Range> {
        Range::new(self.lo.max(other.lo), self.hi.min(other.hi))
    }

    /// This, with each bound that differs from `old`'s moved as far out as it goes: a chain of such steps is short.
    pub fn widened_from(self, old: Range) -> Range {
        Range {
            lo: if self.lo < old.lo { i64::MIN } else { old.lo },
            hi: if self.hi > old.hi { i64::MAX } else { old.hi },
        }
    }

    /// An interval of exact results if none of them wraps, else everything.
    fn exact(lo: i128, hi: i128) -> Option<Range> {
        Range::new(i64::try_from(lo).ok()?, i64::try_from(hi).ok()?)
    }

    /// Sums, if none of them wraps.
    pub fn exact_add(self, other: Range) -> Option<Range> {
        Range::exact(i128::from(self.lo) + i128::from(other.lo), i128::from(self.hi) + i128::from(other.hi))
    }

    /// Differences, if none of them wraps.
    pub fn exact_sub(self, other: Range) -> Option<Range> {
        Range::exact(i128::from(self.lo) - i128::from(other.hi), i128::from(self.hi) - i128::from(other.lo))
    }

    /// Products, if none of them wraps.
    pub fn exact_mul(self, other: Range) -> Option<Range> {
        let corner = |a: i64, b: i64| i128::from(a) * i128::from(b);
        let corners = [
            corner(self.lo, other.lo),
            corner(self.lo, other.hi),
            corner(self.hi, other.lo),
            corner(self.hi, other.hi),
        ];
        Range::exact(*corners.iter().min()?, *corners.iter().max()?)
    }

    /// Wrapping sums.
    pub fn add(self, other: Range) -> Range {
        match (self.single(), other.single()) {
            (Some(a), Some(b)) => Range::point(a.wrapping_add(b)),
            _ => self.exact_add(other).unwrap_or(Range::FULL),
        }
    }

    /// Wrapping differences.
    pub fn sub(self, other: Range) -> Range {
        match (self.single(), other.single()) {
            (Some(a), Some(b)) => Range::point(a.wrapping_sub(b)),
            _ => self.exact_sub(other).unwrap_or(Range::FULL),
        }
    }

    /// Wrapping products.
    pub fn mul(self, other: Range) -> Range {
        match (self.single(), other.single()) {
            (Some(a), Some(b)) => Range::point(a.wrapping_mul(b)),
            _ => self.exact_mul(other).unwrap_or(Range::FULL),
        }
    }

    /// Members shifted left, bits falling off the end.
    pub fn shl(self, bits: u8) -> Range {
        match self.single() {
            Some(n) => Range::point(n.wrapping_shl(bits.into())),
            None => Range::exact(i128::from(self.lo) << (bits & 63), i128::from(self.hi) << (bits & 63))
                .unwrap_or(Range::FULL),
        }
    }

    /// Remainders with the sign of the divisor; the dividend itself for divisor 0.
    pub fn floored_mod(self, other: Range) -> Range {
        match (self.single(), other.single()) {
            (Some(a), Some(b)) => Range::point(crate::eval::pure::floored_mod(a, b)),
            _ if other.lo > 0 => Range { lo: 0, hi: other.hi - 1 },
            _ if other.hi < 0 => Range { lo: other.lo + 1, hi: 0 },
            _ => Range::FULL,
        }
    }

    /// Does `a < b`, unsigned, hold for all members `a`, `b`, or for none?
    pub fn in_bounds(self, end: Range) -> Option<bool> {
        if self.lo >= 0 && self.hi < end.lo {
            return Some(true);
        }
        (end.lo >= 0 && (self.hi < 0 || self.lo >= end.hi)).then_some(false)
    }

    /// Does `a cond b` hold for all members `a`, `b`, or for none?
    pub fn compare(self, cond: Cond, other: Range) -> Option<bool> {
        let (never, always) = match cond {
            Cond::Eq => (self.intersect(other).is_none(), self.single().is_some() && self == other),
            Cond::Lt => (self.lo >= other.hi, self.hi < other.lo),
            Cond::Le => (self.lo > other.hi, self.hi <= other.lo),
            Cond::Ne | Cond::Gt | Cond::Ge => return self.compare(cond.negated(), other).map(|b| !b),
        };
        match (never, always) {
            (true, _) => Some(false),
            (_, true) => Some(true),
            _ => None,
        }
    }

    /// The members `a` for which `a cond b` holds for some `b` of `other`.
    pub fn where_cond(self, cond: Cond, other: Range) -> Option<Range> {
        let allowed = match cond {
            Cond::Eq => Some(other),
            Cond::Ne => {
                let mut r = self;
                if let Some(n) = other.single() {
                    // A member in the middle cannot be taken out of an interval.
                    match (r.lo == n, r.hi == n) {
                        (true, true) => return None,
                        (true, false) => r.lo += 1,
                        (false, true) => r.hi -= 1,
                        (false, false) => {}
                    }
                }
                Some(r)
            }
            Cond::Lt => other.hi.checked_sub(1).map(|hi| Range { lo: i64::MIN, hi }),
            Cond::Le => Some(Range { lo: i64::MIN, hi: other.hi }),
            Cond::Gt => other.lo.checked_add(1).map(|lo| Range { lo, hi: i64::MAX }),
            Cond::Ge => Some(Range { lo: other.lo, hi: i64::MAX }),
        };
        self.intersect(allowed?)
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.single() {
            Some(n) => write!(f, "{n}"),
            None if *self == Range::FULL => f.write_str("any"),
            None => write!(f, "{}..={}", self.lo, self.hi),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EDGES: [i64; 11] = [i64::MIN, i64::MIN + 1, -(1 << 62), -2, -1, 0, 1, 2, 1 << 62, i64::MAX - 1, i64::MAX];

    fn ranges() -> Vec<Range> {
        EDGES.iter().flat_map(|&lo| EDGES.iter().filter_map(move |&hi| Range::new(lo, hi))).collect()
    }

    fn members(r: Range) -> impl Iterator<Item = i64> {
        EDGES.into_iter().filter(move |&n| r.contains(n))
    }

    #[test]
    fn arithmetic_contains_every_result() {
        for a in ranges() {
            for bits in [0, 1, 2, 62, 63] {
                assert!(members(a).all(|x| a.shl(bits).contains(x.wrapping_shl(bits.into()))), "{a} << {bits}");
            }
            for b in ranges() {
                for x in members(a) {
                    for y in members(b) {
                        assert!(a.add(b).contains(x.wrapping_add(y)), "{a} + {b}: {x} + {y}");
                        assert!(a.sub(b).contains(x.wrapping_sub(y)), "{a} - {b}: {x} - {y}");
                        assert!(a.mul(b).contains(x.wrapping_mul(y)), "{a} * {b}: {x} * {y}");
                        let rest = crate::eval::pure::floored_mod(x, y);
                        assert!(a.floored_mod(b).contains(rest), "{a} % {b}: {x} % {y}");
                        let inside = (x as u64) < y as u64;
                        assert!(a.in_bounds(b).is_none_or(|d| d == inside), "{a} in bounds of {b}: {x}, {y}");
                        assert!(a.exact_add(b).is_none() || x.checked_add(y).is_some(), "{a} + {b}: {x} + {y} wraps");
                        assert!(a.exact_sub(b).is_none() || x.checked_sub(y).is_some(), "{a} - {b}: {x} - {y} wraps");
                        assert!(a.exact_mul(b).is_none() || x.checked_mul(y).is_some(), "{a} * {b}: {x} * {y} wraps");
                    }
                }
            }
        }
    }

    #[test]
    fn comparisons_decide_only_what_holds_for_all() {
        for a in ranges() {
            for b in ranges() {
                for cond in Cond::ALL {
                    let decided = a.compare(cond, b);
                    let kept = a.where_cond(cond, b);
                    for x in members(a) {
                        for y in members(b) {
                            let holds = cond.holds_int(x, y);
                            assert!(decided.is_none_or(|d| d == holds), "{a} {cond} {b}: {x}, {y}");
                            assert!(!holds || kept.is_some_and(|k| k.contains(x)), "{a} where {cond} {b}: {x}, {y}");
                        }
                    }
                }
            }
        }
        assert_eq!(Range { lo: 0, hi: 9 }.where_cond(Cond::Lt, Range::point(5)), Range::new(0, 4));
        assert_eq!(Range::FULL.where_cond(Cond::Lt, Range::point(i64::MIN)), None);
        assert_eq!(Range { lo: 0, hi: 4 }.compare(Cond::Lt, Range::point(5)), Some(true));
    }
}
