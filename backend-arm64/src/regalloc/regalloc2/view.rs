//! A function as the regalloc2 crate sees it, and the way back.

use ::regalloc2 as ra2;

use crate::mir::MBlock;
use crate::regalloc::Places;

/// A place for moves: before or behind an instruction of the function.
#[derive(Clone, Copy)]
pub(super) struct Side {
    pub block: MBlock,
    pub inst: u32,
    pub after: bool,
}

/// Where moves before and behind an instruction of the view belong.
#[derive(Clone, Copy)]
pub(super) struct Sides {
    pub before: Side,
    pub after: Side,
}

/// Operand `operand` of the view's instruction `inst` is operand `slot` of instruction `at` of a block.
pub(super) struct Home {
    pub inst: u32,
    pub operand: u32,
    pub block: MBlock,
    pub at: u32,
    pub slot: u32,
}

/// A block of the view.
#[derive(Default)]
pub(super) struct Block {
    pub first: u32,
    pub end: u32,
    pub succs: Vec<ra2::Block>,
    pub preds: Vec<ra2::Block>,
    pub params: Vec<ra2::VReg>,
    /// What it gives to the parameters of its successor, if that has any: it has only the one then.
    pub args: Vec<ra2::VReg>,
}

/// An instruction of the view.
pub(super) struct Inst {
    /// Its operands, in [`View::operands`].
    pub operands: std::ops::Range<usize>,
    pub clobbers: ra2::PRegSet,
    /// Does it end its block?
    pub ends: bool,
}

/// A function in SSA form.
pub(super) struct View {
    pub blocks: Vec<Block>,
    pub insts: Vec<Inst>,
    pub operands: Vec<ra2::Operand>,
    pub vregs: usize,
    /// By instruction.
    pub sides: Vec<Sides>,
    pub homes: Vec<Home>,
    /// Places that need no allocation; the others are filled in by way of `homes`.
    pub places: Vec<Vec<Places>>,
}

impl ra2::Function for View {
    fn num_insts(&self) -> usize {
        self.insts.len()
    }
    fn num_blocks(&self) -> usize {
        self.blocks.len()
    }
    fn entry_block(&self) -> ra2::Block {
        ra2::Block::new(0)
    }
    fn block_insns(&self, block: ra2::Block) -> ra2::InstRange {
        let block = &self.blocks[block.index()];
        ra2::InstRange::new(ra2::Inst::new(block.first as usize), ra2::Inst::new(block.end as usize))
    }
    fn block_succs(&self, block: ra2::Block) -> &[ra2::Block] {
        &self.blocks[block.index()].succs
    }
    fn block_preds(&self, block: ra2::Block) -> &[ra2::Block] {
        &self.blocks[block.index()].preds
    }
    fn block_params(&self, block: ra2::Block) -> &[ra2::VReg] {
        &self.blocks[block.index()].params
    }
    fn is_ret(&self, inst: ra2::Inst) -> bool {
        self.insts[inst.index()].ends && !self.is_branch(inst)
    }
    fn is_branch(&self, inst: ra2::Inst) -> bool {
        // Blocks are in the order of their instructions.
        let block = self.blocks.partition_point(|b| b.end as usize <= inst.index());
        self.insts[inst.index()].ends && !self.blocks[block].succs.is_empty()
    }
    fn branch_blockparams(&self, block: ra2::Block, _: ra2::Inst, _: usize) -> &[ra2::VReg] {
        &self.blocks[block.index()].args
    }
    fn inst_operands(&self, inst: ra2::Inst) -> &[ra2::Operand] {
        &self.operands[self.insts[inst.index()].operands.clone()]
    }
    fn inst_clobbers(&self, inst: ra2::Inst) -> ra2::PRegSet {
        self.insts[inst.index()].clobbers
    }
    fn num_vregs(&self) -> usize {
        self.vregs
    }
    fn spillslot_size(&self, _: ra2::RegClass) -> usize {
        1
    }
}
