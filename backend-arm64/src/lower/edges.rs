//! Splits critical edges, so that allocators that move values on edges have a block to do it in.
//!
//! An edge is critical if its block branches and its target can be reached otherwise, too. A block without moves costs
//! nothing: the emitter sends jumps past it.

use crate::mir::{Block, Function, Inst, InstData, MBlock};

/// Puts a block on each critical edge.
pub(super) fn split_critical_edges(f: &mut Function) {
    let mut preds = vec![0u32; f.blocks.len()];
    // The entry is reached from outside, and so is the block that self calls come in at.
    preds[0] = 1;
    if let Some(entry) = f.self_entry {
        preds[entry.block.0 as usize] += 1;
    }
    for block in &f.blocks {
        for s in block.succs() {
            preds[s.0 as usize] += 1;
        }
    }
    for b in 0..f.blocks.len() {
        let Some(InstData { inst: Inst::Branch { then, other, .. }, node, origin }) = f.blocks[b].insts.last() else {
            continue;
        };
        let (targets, node, origin) = ([*then, *other], *node, *origin);
        if targets[0] == targets[1] {
            continue;
        }
        let mut split = targets;
        for (to, new) in targets.into_iter().zip(&mut split) {
            if preds[to.0 as usize] < 2 {
                continue;
            }
            *new = MBlock(f.blocks.len() as u32);
            let target = &f.blocks[to.0 as usize];
            let depth = target.depth.min(f.blocks[b].depth);
            let insts = vec![InstData { inst: Inst::Jump { to }, node, origin }];
            f.blocks.push(Block { insts, ir: None, depth, cold: target.cold });
        }
        if let Some(InstData { inst: Inst::Branch { then, other, .. }, .. }) = f.blocks[b].insts.last_mut() {
            [*then, *other] = split;
        }
    }
}
