//! Linear scan (Poletto and Sarkar 1999, with the holes in live ranges of Traub et al. 1998): values get registers in the
//! order in which their live ranges begin, and a register is free again where a range has ended or has a hole.
//!
//! Moves are coalesced first, where neither side's value is in the other's way; what is left of them are hints. Where no
//! register is free, what is used least for its length loses its own, and lives in the native frame throughout.

use super::coalesce::Classes;
use super::interference::Interference;
use super::liveness::{Liveness, OperandTable};
use super::spilling::{Coloured, Work, rounds};
use super::{Allocation, RegisterAllocator, reverse_postorder};
use crate::code::CodegenError;
use crate::mir::{Function, MBlock, VReg};
use crate::reg::{PReg, RegSet};

/// The allocator by linear scan.
#[derive(Clone, Copy, Debug, Default)]
pub struct LinearScan;

impl RegisterAllocator for LinearScan {
    fn allocate(&self, f: &Function) -> Result<Allocation, CodegenError> {
        rounds(f, scan)
    }
}

/// Positions from a first one to one past the last. An instruction has two: at the first it reads, at the second it writes.
type Range = (u32, u32);

/// Where a class of coalesced values is live.
struct Interval {
    root: VReg,
    /// Ascending, with holes between them.
    ranges: Vec<Range>,
    /// How often it is used, for its length. None if it must be in a register.
    density: Option<u64>,
}

impl Interval {
    fn start(&self) -> u32 {
        self.ranges[0].0
    }
    fn end(&self) -> u32 {
        self.ranges[self.ranges.len() - 1].1
    }
    /// Is there a position where both are live?
    fn meets(&self, other: &Interval) -> bool {
        let (mut a, mut b) = (self.ranges.as_slice(), other.ranges.as_slice());
        while let ([x, rest @ ..], [y, others @ ..]) = (a, b) {
            if x.0 < y.1 && y.0 < x.1 {
                return true;
            }
            if x.1 <= y.1 { a = rest } else { b = others }
        }
        false
    }
}

fn scan(work: &mut Work) -> Result<Coloured, CodegenError> {
    let vregs = work.general.len();
    let liveness = Liveness::new(work.f, &work.ops, vregs);
    let graph = Interference::new(work.f, &work.ops, &liveness, &work.general);
    let moves = work.moves();
    let mut classes = Classes::new(work.f, vregs, &graph);
    classes.coalesce(&graph, &moves);

    let mut intervals = intervals(work, &classes, &liveness);
    intervals.sort_by_key(|i| (classes.fixed(i.root).is_none(), i.start(), i.root));
    let mut scan = Scan {
        work,
        classes: &classes,
        intervals: &intervals,
        hints: hints(&classes, &moves, vregs),
        assigned: vec![Vec::new(); 64],
        registers: vec![None; vregs],
        spills: Vec::new(),
    };
    for i in 0..intervals.len() {
        scan.place(i)?;
    }
    let registers = (0..vregs as u32).map(|v| scan.registers[classes.find(VReg(v)).0 as usize]).collect();
    let spills: Vec<Vec<VReg>> = scan.spills.iter().map(|&i| classes.members(intervals[i].root).to_vec()).collect();
    work.whole.get_or_insert(graph);
    Ok(if spills.is_empty() { Coloured::All(registers) } else { Coloured::Spill(spills) })
}

/// The live ranges of all classes that need a register.
fn intervals(work: &Work, classes: &Classes, liveness: &Liveness) -> Vec<Interval> {
    let mut ranges: Vec<Vec<Range>> = vec![Vec::new(); work.general.len()];
    for (v, range) in live_ranges(work.f, &work.ops, liveness, work.general.len()) {
        if !work.is_spilled(v) {
            ranges[classes.find(v).0 as usize].push(range);
        }
    }
    let weights = work.weights();
    let mut out = Vec::new();
    for (root, mut all) in ranges.into_iter().enumerate().filter(|(_, r)| !r.is_empty()) {
        all.sort_unstable();
        let mut merged: Vec<Range> = Vec::new();
        for (start, end) in all {
            match merged.last_mut() {
                Some(last) if start <= last.1 => last.1 = last.1.max(end),
                _ => merged.push((start, end)),
            }
        }
        let root = VReg(root as u32);
        let length: u64 = merged.iter().map(|r| u64::from(r.1 - r.0)).sum();
        let weight = classes.members(root).iter().map(|m| weights[m.0 as usize]).fold(0u64, u64::saturating_add);
        let must = classes.fixed(root).is_some() || work.is_temp(root);
        let density = (!must).then(|| weight.saturating_mul(1 << 16) / length.max(1));
        out.push(Interval { root, ranges: merged, density });
    }
    out
}

/// Where each virtual register is live, in pieces that lie within blocks.
fn live_ranges(f: &Function, ops: &OperandTable, liveness: &Liveness, vregs: usize) -> Vec<(VReg, Range)> {
    let mut order = reverse_postorder(f);
    let mut reached = vec![false; f.blocks.len()];
    for b in &order {
        reached[b.0 as usize] = true;
    }
    order.extend((0..f.blocks.len() as u32).map(MBlock).filter(|b| !reached[b.0 as usize]));

    let mut out = Vec::new();
    // Where the register is live until, seen from a position that a walk has got back to.
    let mut until: Vec<Option<u32>> = vec![None; vregs];
    let mut open: Vec<VReg> = Vec::new();
    let mut first = 0;
    for b in order {
        let insts = &ops[b.0 as usize];
        let end = first + 2 * insts.len() as u32;
        for v in liveness.live_out(b) {
            until[v.0 as usize] = Some(end);
            open.push(v);
        }
        for (i, operands) in insts.iter().enumerate().rev() {
            let reads = first + 2 * i as u32;
            let writes = reads + 1;
            for op in operands.iter().filter(|o| o.role.is_def()) {
                // What nothing reads is written all the same.
                let end = until[op.vreg.0 as usize].take().unwrap_or(writes + 1);
                out.push((op.vreg, (writes, end)));
            }
            for op in operands.iter().filter(|o| !o.role.is_def()) {
                // A temporary is loaded just before, and gone behind.
                if op.vreg.0 as usize >= f.vregs.len() {
                    out.push((op.vreg, (reads, writes)));
                } else if until[op.vreg.0 as usize].is_none() {
                    until[op.vreg.0 as usize] = Some(writes);
                    open.push(op.vreg);
                }
            }
        }
        for v in open.drain(..) {
            if let Some(end) = until[v.0 as usize].take() {
                out.push((v, (first, end)));
            }
        }
        first = end;
    }
    out
}

/// For each class, those that it is moved from and to, most frequent moves first.
fn hints(classes: &Classes, moves: &[(VReg, VReg)], vregs: usize) -> Vec<Vec<VReg>> {
    let mut out = vec![Vec::new(); vregs];
    for &(d, s) in moves {
        let (d, s) = (classes.find(d), classes.find(s));
        if d != s {
            out[d.0 as usize].push(s);
            out[s.0 as usize].push(d);
        }
    }
    out
}

struct Scan<'a> {
    work: &'a Work<'a>,
    classes: &'a Classes,
    intervals: &'a [Interval],
    hints: Vec<Vec<VReg>>,
    /// By machine register: the intervals in it that have not ended yet.
    assigned: Vec<Vec<usize>>,
    /// By the register that stands for a class.
    registers: Vec<Option<PReg>>,
    /// Intervals that lost their register, or got none.
    spills: Vec<usize>,
}

impl Scan<'_> {
    /// Finds a register for an interval, or a spill slot for it or for what is in its way.
    fn place(&mut self, i: usize) -> Result<(), CodegenError> {
        let this = &self.intervals[i];
        if let Some(fixed) = self.classes.fixed(this.root) {
            self.assign(i, fixed);
            return Ok(());
        }
        let forbidden = self.classes.forbidden(this.root);
        let mut taken = forbidden;
        for reg in self.work.free(this.root, forbidden).iter() {
            let intervals = self.intervals;
            // Intervals come in the order in which they begin: what has ended is gone for good. Fixed ones came first.
            self.assigned[reg.index()].retain(|&a| intervals[a].end() > this.start());
            if self.assigned[reg.index()].iter().any(|&a| intervals[a].meets(this)) {
                taken.insert(reg);
            }
        }
        let free = self.work.free(this.root, taken);
        let hinted = self.hints[this.root.0 as usize].iter().filter_map(|h| self.registers[h.0 as usize]);
        let hinted = hinted.into_iter().find(|&reg| free.contains(reg));
        match hinted.or_else(|| self.work.prefer(this.root, taken, forbidden)) {
            Some(reg) => self.assign(i, reg),
            None => self.evict(i, forbidden)?,
        }
        Ok(())
    }

    fn assign(&mut self, i: usize, reg: PReg) {
        self.registers[self.intervals[i].root.0 as usize] = Some(reg);
        self.assigned[reg.index()].push(i);
    }

    /// Spills the interval, or those in the register whose intervals are used least, if that is less.
    fn evict(&mut self, i: usize, forbidden: RegSet) -> Result<(), CodegenError> {
        let this = &self.intervals[i];
        let mut best: Option<(u64, PReg)> = None;
        for reg in self.work.free(this.root, forbidden).iter() {
            let met = self.assigned[reg.index()].iter().map(|&a| &self.intervals[a]).filter(|a| a.meets(this));
            let cost = met.map(|a| a.density).try_fold(0u64, |sum, d| Some(sum.saturating_add(d?)));
            if let Some(cost) = cost
                && best.is_none_or(|b| cost < b.0)
            {
                best = Some((cost, reg));
            }
        }
        match (best, this.density) {
            (Some((cost, reg)), own) if own.is_none_or(|own| cost < own) => {
                let (out, kept): (Vec<usize>, Vec<usize>) =
                    self.assigned[reg.index()].iter().partition(|&&a| self.intervals[a].meets(this));
                for &a in &out {
                    self.registers[self.intervals[a].root.0 as usize] = None;
                }
                self.spills.extend(out);
                self.assigned[reg.index()] = kept;
                self.assign(i, reg);
            }
            (_, Some(_)) => self.spills.push(i),
            (_, None) => return Err(CodegenError::Allocation("an instruction needs too many registers".into())),
        }
        Ok(())
    }
}
