//! Lowering of block ends: jumps with their parallel moves, branches, returns.

use gsx_ir::graph::{BlockId, Graph, Target, Terminator};

use super::{Half, Lower};
use crate::code::CodegenError;
use crate::mir::{Inst, MBlock, Test, VReg};
use crate::reg::Class;

/// Does a block do nothing but leave to the interpreter in the end?
pub(super) fn is_exit(graph: &Graph, b: BlockId) -> bool {
    matches!(graph.block(b).term, Terminator::Exit(_) | Terminator::Unreachable)
}

impl Lower<'_> {
    pub(super) fn terminator(&mut self, b: BlockId) -> Result<(), CodegenError> {
        match self.graph.block(b).term.clone() {
            Terminator::Jump(target) => {
                let pairs = self.edge_pairs(&target)?;
                self.edge_moves(pairs)?;
                let to = self.blocks[&target.block];
                match self.f.self_entry {
                    Some(entry) if entry.wrapped && entry.block == to => self.emit(Inst::EnterBody { to }),
                    _ => self.emit(Inst::Jump { to }),
                }
            }
            Terminator::Branch { cond, then, other } => {
                let then = self.edge(&then)?;
                let other = self.edge(&other)?;
                // The test comes last: nothing may stand between compare and branch.
                let test = self.test(cond)?;
                match test {
                    _ if then == other => self.emit(Inst::Jump { to: then }),
                    Test::Always => self.emit(Inst::Jump { to: then }),
                    Test::Never => self.emit(Inst::Jump { to: other }),
                    _ => self.emit(Inst::Branch { test, then, other }),
                }
            }
            Terminator::Return { first, count } => self.emit(Inst::Ret { first, count }),
            Terminator::ReturnValue(v) => self.return_value(v)?,
            Terminator::Exit(s) => {
                let exit = self.exit_at_end(b, s)?;
                self.emit(Inst::Exit { exit });
            }
            Terminator::Unreachable => self.emit(Inst::Trap),
        }
        Ok(())
    }

    /// The block that a branch goes to for a target: its own, or a new one with the moves of the edge.
    fn edge(&mut self, target: &Target) -> Result<MBlock, CodegenError> {
        let to = self.blocks[&target.block];
        let pairs = self.edge_pairs(target)?;
        if pairs.is_empty() {
            return Ok(to);
        }
        let from = self.cur;
        let edge = self.new_block(false);
        let depth_of = |b: MBlock| self.f.blocks[b.0 as usize].depth;
        let depth = depth_of(from).min(depth_of(to));
        let cold = self.f.blocks[to.0 as usize].cold;
        let block = &mut self.f.blocks[edge.0 as usize];
        (block.depth, block.cold) = (depth, cold);
        self.cur = edge;
        self.edge_moves(pairs)?;
        self.emit(Inst::Jump { to });
        self.cur = from;
        Ok(edge)
    }

    /// What has to be moved where on the way to a target.
    fn edge_pairs(&self, target: &Target) -> Result<Vec<(VReg, Half)>, CodegenError> {
        let params = &self.graph.block(target.block).params;
        if params.len() != target.args.len() {
            return Err(CodegenError::Malformed(format!(
                "{} takes {} arguments and gets {}",
                target.block,
                params.len(),
                target.args.len()
            )));
        }
        let mut pairs = Vec::new();
        for (p, &a) in params.iter().zip(&target.args) {
            let to = self.params[p];
            if let Half::Reg(d) = to.tag {
                pairs.push((d, self.val(a)?.tag));
            }
            if let Half::Reg(d) = to.payload {
                pairs.push((d, self.val(a)?.payload));
            }
        }
        Ok(pairs)
    }

    pub(super) fn edge_moves(&mut self, pairs: Vec<(VReg, Half)>) -> Result<(), CodegenError> {
        let mut moves = Vec::with_capacity(pairs.len());
        // A constant that is moved is made where it goes.
        let at_block = self.at_block.take();
        for (d, half) in pairs {
            let s = match self.f.class(d) {
                Class::X => self.x_vreg(half)?,
                Class::D => self.d(half)?,
            };
            moves.push((d, s));
        }
        self.at_block = at_block;
        if !moves.is_empty() {
            self.emit(Inst::ParallelMove { moves });
        }
        Ok(())
    }
}
