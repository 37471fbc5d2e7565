//! Machine registers and the roles that this backend gives them.

use std::fmt;

/// Register class.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Class {
    /// General registers, 64 bits.
    X,
    /// Floating-point registers, used as doubles.
    D,
}

/// A machine register: X0–X30 and XZR, D0–D31.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PReg(u8);

impl PReg {
    /// General register `n`; 31 is XZR.
    pub const fn x(n: u8) -> PReg {
        assert!(n < 32);
        PReg(n)
    }
    /// Floating-point register `n`.
    pub const fn d(n: u8) -> PReg {
        assert!(n < 32);
        PReg(n + 32)
    }
    /// Its class.
    pub const fn class(self) -> Class {
        if self.0 < 32 { Class::X } else { Class::D }
    }
    /// Its number within its class.
    pub const fn number(self) -> u8 {
        self.0 % 32
    }
    /// A number unique over both classes, below 64.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
    /// The register with this [`PReg::index`].
    pub const fn from_index(index: usize) -> PReg {
        assert!(index < 64);
        PReg(index as u8)
    }
}

impl fmt::Display for PReg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.class(), self.number()) {
            (Class::X, 31) => f.write_str("xzr"),
            (Class::X, n) => write!(f, "x{n}"),
            (Class::D, n) => write!(f, "d{n}"),
        }
    }
}

impl fmt::Debug for PReg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Guest address of the arena.
pub const CONTEXT: PReg = PReg::x(28);
/// Guest address of `R[0]` of the running frame.
pub const BASE: PReg = PReg::x(26);
/// Frames that may still be pushed.
pub const DEPTH: PReg = PReg::x(25);
/// Number of arguments on entry of a function.
pub const NARGS: PReg = PReg::x(1);
/// Number of results when a function returns.
pub const RESULT_COUNT: PReg = PReg::x(0);
/// Guest address of the first result when a function returns.
pub const RESULT_ADDR: PReg = PReg::x(1);
/// Zero.
pub const ZERO: PReg = PReg::x(31);
/// First scratch register of the emitter: constants, far addresses, memory-to-memory moves, branch targets.
pub const SCRATCH: PReg = PReg::x(16);
/// Second scratch register of the emitter; number of a host call.
pub const SCRATCH2: PReg = PReg::x(17);
/// Return address; saved in the frame, so that the emitter may use it as a third scratch register in exit stubs.
pub const LINK: PReg = PReg::x(30);
/// Frame pointer.
pub const FRAME: PReg = PReg::x(29);
/// Scratch register of the emitter for doubles.
pub const SCRATCH_D: PReg = PReg::d(31);

/// A set of machine registers.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct RegSet(u64);

impl RegSet {
    /// The empty set.
    pub const EMPTY: RegSet = RegSet(0);

    /// Registers that a call destroys and that allocation may use.
    pub const CALLER_SAVED: RegSet = RegSet(0xffff | 0x7fff_00ff << 32);
    /// Registers that a call preserves and that allocation may use: X19–X24, X27, D8–D15.
    pub const CALLEE_SAVED: RegSet = RegSet(0x09f8_0000 | 0xff00 << 32);
    /// All registers that allocation may use.
    pub const ALLOCATABLE: RegSet = RegSet(RegSet::CALLER_SAVED.0 | RegSet::CALLEE_SAVED.0);

    /// The registers of a class.
    pub const fn of_class(class: Class) -> RegSet {
        match class {
            Class::X => RegSet(0xffff_ffff),
            Class::D => RegSet(0xffff_ffff << 32),
        }
    }
    /// Is it in?
    pub const fn contains(self, r: PReg) -> bool {
        self.0 >> r.0 & 1 != 0
    }
    /// Adds one.
    pub const fn insert(&mut self, r: PReg) {
        self.0 |= 1 << r.0;
    }
    /// Both.
    #[must_use]
    pub const fn union(self, other: RegSet) -> RegSet {
        RegSet(self.0 | other.0)
    }
    /// Those in both.
    #[must_use]
    pub const fn intersection(self, other: RegSet) -> RegSet {
        RegSet(self.0 & other.0)
    }
    /// Those in this set but not in the other.
    #[must_use]
    pub const fn minus(self, other: RegSet) -> RegSet {
        RegSet(self.0 & !other.0)
    }
    /// Is nothing in it?
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
    /// Its members: X before D, by number.
    pub fn iter(self) -> impl Iterator<Item = PReg> {
        (0..64).filter(move |&i| self.0 >> i & 1 != 0).map(PReg)
    }
}

impl FromIterator<PReg> for RegSet {
    fn from_iter<I: IntoIterator<Item = PReg>>(regs: I) -> RegSet {
        let mut set = RegSet::EMPTY;
        for r in regs {
            set.insert(r);
        }
        set
    }
}

impl fmt::Debug for RegSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn allocatable_registers_leave_out_the_reserved_ones() {
        let names: Vec<String> = RegSet::ALLOCATABLE.iter().map(|r| r.to_string()).collect();
        let expected: Vec<String> = (0..16)
            .chain(19..25)
            .chain([27])
            .map(|n| format!("x{n}"))
            .chain((0..31).map(|n| format!("d{n}")))
            .collect();
        assert_eq!(names, expected);
        assert!(RegSet::CALLER_SAVED.intersection(RegSet::CALLEE_SAVED).is_empty());
    }
}
