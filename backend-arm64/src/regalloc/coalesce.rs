//! Coalescing: registers that are moved into each other and never hold different values at the same time become one.

use crate::mir::{Function, VReg};
use crate::reg::{PReg, RegSet};

use super::interference::Interference;

/// Classes of virtual registers that share a place.
pub(super) struct Classes {
    parent: Vec<VReg>,
    members: Vec<Vec<VReg>>,
    forbidden: Vec<RegSet>,
    fixed: Vec<Option<PReg>>,
}

impl Classes {
    /// Each register on its own.
    pub fn new(f: &Function, vregs: usize, graph: &Interference) -> Classes {
        Classes {
            parent: (0..vregs as u32).map(VReg).collect(),
            members: (0..vregs as u32).map(|v| vec![VReg(v)]).collect(),
            forbidden: graph.forbidden.clone(),
            fixed: (0..vregs).map(|v| f.vregs.get(v).and_then(|i| i.fixed)).collect(),
        }
    }

    /// The register that stands for `v`'s class.
    pub fn find(&self, v: VReg) -> VReg {
        let mut at = v;
        while self.parent[at.0 as usize] != at {
            at = self.parent[at.0 as usize];
        }
        at
    }

    /// All registers of the class that `root` stands for.
    pub fn members(&self, root: VReg) -> &[VReg] {
        &self.members[root.0 as usize]
    }

    /// Machine registers that the class cannot be in.
    pub fn forbidden(&self, root: VReg) -> RegSet {
        self.forbidden[root.0 as usize]
    }

    /// The machine register that the class must be in.
    pub fn fixed(&self, root: VReg) -> Option<PReg> {
        self.fixed[root.0 as usize]
    }

    /// Merges the classes of the two sides of each move, most important moves first, where nothing speaks against it.
    pub fn coalesce(&mut self, graph: &Interference, moves: &[(VReg, VReg)]) {
        for &(d, s) in moves {
            let (a, b) = (self.find(d), self.find(s));
            if a != b && self.compatible(graph, a, b) {
                self.merge(a, b);
            }
        }
    }

    fn compatible(&self, graph: &Interference, a: VReg, b: VReg) -> bool {
        let fixed = match (self.fixed(a), self.fixed(b)) {
            (Some(x), Some(y)) if x != y => return false,
            (x, y) => x.or(y),
        };
        let forbidden = self.forbidden(a).union(self.forbidden(b));
        match fixed {
            Some(reg) => {
                if forbidden.contains(reg) {
                    return false;
                }
                // Others that must be in the same register count as members of the class.
                let taken = |v: &VReg| self.fixed(self.find(*v)) == Some(reg);
                let free = if self.fixed(a).is_some() { b } else { a };
                if self.fixed(free).is_none() && self.members(free).iter().any(|&m| graph.of(m).iter().any(taken)) {
                    return false;
                }
            }
            None if RegSet::ALLOCATABLE.minus(forbidden).is_empty() => return false,
            None => {}
        }
        let (small, large) = if self.members(a).len() <= self.members(b).len() { (a, b) } else { (b, a) };
        !self.members(small).iter().any(|&m| graph.of(m).iter().any(|&n| self.find(n) == large))
    }

    fn merge(&mut self, a: VReg, b: VReg) {
        let (into, from) = if self.members(a).len() >= self.members(b).len() { (a, b) } else { (b, a) };
        let moved = std::mem::take(&mut self.members[from.0 as usize]);
        self.members[into.0 as usize].extend(moved);
        self.parent[from.0 as usize] = into;
        self.forbidden[into.0 as usize] = self.forbidden(a).union(self.forbidden(b));
        self.fixed[into.0 as usize] = self.fixed(a).or(self.fixed(b));
    }
}
