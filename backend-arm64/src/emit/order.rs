//! The order of blocks in the code: reverse postorder with every loop in one piece and, if they are to be apart, cold blocks
//! last; empty blocks are skipped.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::mir::{Function, Inst, MBlock};
use crate::regalloc::{Allocation, Loc};

/// A loop's header and all its blocks.
type Loop = (MBlock, FxHashSet<MBlock>);

/// The blocks to emit, in order, and where jumps to each block really go.
pub struct Order {
    /// Blocks to emit.
    pub blocks: Vec<MBlock>,
    forward: Vec<MBlock>,
}

impl Order {
    /// Decides the order for a function whose registers are known. `cold_split`: cold blocks come last.
    pub fn new(f: &Function, allocation: &Allocation, cold_split: bool) -> Order {
        let forward = (0..f.blocks.len() as u32).map(|b| thread(f, allocation, MBlock(b))).collect();
        let mut order = Order { blocks: Vec::new(), forward };
        let loops = order.loops(f, &order.reverse_postorder(f, &[]));
        // Once more, with what leaves a loop at its header before what leaves it elsewhere: after rotation the header is
        // the loop's last block.
        let mut blocks = order.reverse_postorder(f, &loops);
        for (header, body) in &loops {
            gather(&mut blocks, *header, body);
        }
        for (header, body) in &loops {
            order.rotate(f, &mut blocks, *header, body);
        }
        if !cold_split {
            order.blocks = blocks;
            return order;
        }
        let (hot, cold): (Vec<_>, Vec<_>) = blocks.into_iter().partition(|b| !f.blocks[b.0 as usize].cold);
        order.blocks = hot;
        order.blocks.extend(cold);
        order
    }

    /// Where a jump to `b` ends up.
    pub fn target(&self, b: MBlock) -> MBlock {
        self.forward[b.0 as usize]
    }

    /// The blocks that control really goes to from `b`.
    pub fn succs(&self, f: &Function, b: MBlock) -> Vec<MBlock> {
        f.blocks[b.0 as usize].succs().iter().map(|&s| self.target(s)).collect()
    }

    fn reverse_postorder(&self, f: &Function, loops: &[Loop]) -> Vec<MBlock> {
        let succs = |b: MBlock| {
            let mut out = self.succs(f, b);
            if let Some((_, body)) = loops.iter().find(|l| l.0 == b) {
                out.sort_by_key(|s| body.contains(s));
            }
            out
        };
        let mut seen = vec![false; f.blocks.len()];
        let mut out = Vec::new();
        let entry = self.target(MBlock(0));
        seen[entry.0 as usize] = true;
        // The first successor is visited last, so that it comes right behind.
        let mut stack = vec![(entry, succs(entry))];
        while let Some((b, rest)) = stack.last_mut() {
            match rest.pop() {
                Some(s) if !std::mem::replace(&mut seen[s.0 as usize], true) => {
                    stack.push((s, succs(s)));
                }
                Some(_) => {}
                None => {
                    out.push(*b);
                    stack.pop();
                }
            }
        }
        out.reverse();
        out
    }

    /// Puts the header of a loop that is tested at its top behind the loop's last block, which then needs no jump: the loop
    /// is entered with one jump instead of taking one each time around.
    fn rotate(&self, f: &Function, blocks: &mut [MBlock], header: MBlock, body: &FxHashSet<MBlock>) {
        let Some(start) = blocks.iter().position(|&b| b == header) else {
            return;
        };
        let end = start + blocks[start..].iter().take_while(|b| body.contains(b)).count();
        let succs = self.succs(f, header);
        let leaves = succs.len() == 2 && succs.iter().filter(|s| body.contains(s)).count() == 1;
        let whole = end - start == body.len() && body.len() > 1;
        // The entry block follows the prologue, and a header behind a jump gains nothing.
        let jumps_back = self.succs(f, blocks[end - 1]) == [header];
        let continues = succs.contains(&blocks[(start + 1).min(end - 1)]);
        if start > 0 && leaves && whole && jumps_back && continues {
            blocks[start..end].rotate_left(1);
        }
    }

    /// Loops by header, outer ones first. A loop's blocks are those that reach a backward jump to its header without
    /// passing through it.
    fn loops(&self, f: &Function, rpo: &[MBlock]) -> Vec<Loop> {
        let at: FxHashMap<MBlock, usize> = rpo.iter().enumerate().map(|(i, &b)| (b, i)).collect();
        let mut preds: FxHashMap<MBlock, Vec<MBlock>> = FxHashMap::default();
        for &b in rpo {
            for s in self.succs(f, b) {
                preds.entry(s).or_default().push(b);
            }
        }
        let mut out = Vec::new();
        for &header in rpo {
            let mut body = FxHashSet::default();
            let latches = preds.get(&header).into_iter().flatten().copied();
            let mut work: Vec<MBlock> = latches.filter(|l| at[l] >= at[&header]).collect();
            if work.is_empty() {
                continue;
            }
            body.insert(header);
            while let Some(b) = work.pop() {
                if at[&b] >= at[&header] && body.insert(b) {
                    work.extend(preds.get(&b).into_iter().flatten());
                }
            }
            out.push((header, body));
        }
        out
    }
}

/// Moves what does not belong to a loop out from between its blocks.
fn gather(blocks: &mut Vec<MBlock>, header: MBlock, body: &FxHashSet<MBlock>) {
    let Some(start) = blocks.iter().position(|&b| b == header) else {
        return;
    };
    let tail = blocks.split_off(start);
    let (inside, outside): (Vec<_>, Vec<_>) = tail.into_iter().partition(|b| body.contains(b));
    blocks.extend(inside);
    blocks.extend(outside);
}

/// The first block behind `b` that does anything, `b` itself included.
fn thread(f: &Function, allocation: &Allocation, b: MBlock) -> MBlock {
    let mut at = b;
    for _ in 0..f.blocks.len() {
        match only_jumps(f, allocation, at) {
            Some(next) => at = next,
            None => break,
        }
    }
    at
}

/// Where a block that does nothing but jump goes.
fn only_jumps(f: &Function, allocation: &Allocation, b: MBlock) -> Option<MBlock> {
    // Self calls come in here, and a prologue may stand here.
    if f.self_entry.is_some_and(|e| e.block == b) {
        return None;
    }
    let block = &f.blocks[b.0 as usize];
    let (last, body) = block.insts.split_last()?;
    let Inst::Jump { to } = last.inst else {
        return None;
    };
    let idle = body.iter().enumerate().all(|(i, d)| is_idle(&d.inst, allocation.places(b, i)));
    let edited = idle && allocation.edits.iter().any(|e| e.block == b);
    (idle && !edited).then_some(to)
}

/// Does an instruction do nothing, all its moves being from a place to itself?
pub fn is_idle(inst: &Inst, places: &[Loc]) -> bool {
    match inst {
        Inst::Mov { .. } => matches!(places, [s, d] if s == d),
        Inst::ParallelMove { moves } => {
            let (sources, destinations) = places.split_at(moves.len());
            sources == destinations
        }
        _ => false,
    }
}
