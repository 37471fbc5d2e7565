//! Statements.

use super::Compiler;
use super::resolve::Binding;
use crate::bytecode::Op;
use crate::diagnostic::{Checked, Problem};
use crate::syntax::ast::*;

impl Compiler<'_> {
    /// The statements of a block, in the scope that the caller opened.
    pub fn stmts(&mut self, block: Block) -> Checked<()> {
        let ast = self.ast;
        for &stmt in &ast.block_stmts[block.stmts.range()] {
            self.stmt(stmt)?;
        }
        Ok(())
    }

    /// A block with a scope of its own.
    pub fn block(&mut self, block: Block) -> Checked<()> {
        let scope = self.enter();
        self.stmts(block)?;
        if !self.leaves(block) {
            self.close_from(scope.active, block.end);
        }
        self.leave(scope);
        Ok(())
    }

    /// Does the block end in a jump out of it?
    pub fn leaves(&self, block: Block) -> bool {
        let last = self.ast.block_stmts[block.stmts.range()].last();
        last.is_some_and(|&stmt| matches!(self.ast.stmt(stmt), Stmt::Return(_) | Stmt::Break | Stmt::Continue))
    }

    /// A statement.
    pub fn stmt(&mut self, id: StmtId) -> Checked<()> {
        let at = self.ast.stmt_at[id.0 as usize];
        match self.ast.stmt(id) {
            Stmt::Define(names, values) => self.define(names, values, at)?,
            Stmt::Assign(targets, values) => self.assign(targets, values, at)?,
            Stmt::OpAssign(op, target, value) => self.op_assign(op, target, value, at)?,
            Stmt::Send(channel, value) => {
                let free = self.f.free;
                let reg = self.operand_before(channel, value)?;
                let value = self.operand(value)?;
                self.emit(Op::Send, reg, value, 0, at);
                self.f.free = free;
            }
            Stmt::Expr(e) => {
                let free = self.f.free;
                match self.ast.expr(e) {
                    Expr::Call(..) | Expr::Method(..) => self.call_results(e, 1)?,
                    _ => self.fresh(e)?,
                };
                self.f.free = free;
            }
            Stmt::If(arms, otherwise) => self.if_stmt(arms, otherwise, at)?,
            Stmt::While(cond, body) => self.while_loop(cond, body, at)?,
            Stmt::For(index) => self.for_loop(self.ast.fors[index as usize], at)?,
            Stmt::Range(index) => self.range_loop(self.ast.ranges[index as usize], at)?,
            Stmt::Return(values) => self.return_stmt(values, at)?,
            Stmt::Break => self.leave_loop(true, at)?,
            Stmt::Continue => self.leave_loop(false, at)?,
            Stmt::Go(call) => self.go(call)?,
            Stmt::Func(name, func) => {
                let free = self.f.free;
                let reg = match self.binding(name) {
                    Binding::Local(var) => self.var_reg[var.index()],
                    _ => self.reserve(1, at)?,
                };
                self.emit_imm(Op::Closure, reg, 0, 0, func.0 as i32, at);
                match self.binding(name) {
                    Binding::Local(_) => {}
                    Binding::Upval(index) => {
                        self.emit(Op::SetUpval, reg, index, 0, at);
                    }
                    Binding::Global(index) => {
                        self.emit_imm(Op::SetGlobal, reg, 0, 0, index as i32, at);
                    }
                }
                self.f.free = free;
            }
        }
        Ok(())
    }

    fn if_stmt(&mut self, arms: Span, otherwise: Option<Block>, at: u32) -> Checked<()> {
        let ast = self.ast;
        let mut ends = Vec::new();
        let mut skips = Vec::new();
        for (i, arm) in ast.arms[arms.range()].iter().enumerate() {
            self.condition(arm.cond, false, &mut skips)?;
            self.block(arm.body)?;
            let is_last = i + 1 == arms.len as usize && otherwise.is_none();
            if !is_last && !self.leaves(arm.body) {
                ends.push(self.emit(Op::Jmp, 0, 0, 0, at));
            }
            self.patch_here(&skips);
            skips.clear();
        }
        if let Some(block) = otherwise {
            self.block(block)?;
        }
        self.patch_here(&ends);
        Ok(())
    }

    fn return_stmt(&mut self, values: ListId, at: u32) -> Checked<()> {
        let free = self.f.free;
        if let &[value] = self.ast.list(values)
            && let Some((reg, _)) = self.local(value)
        {
            self.emit(Op::Return, reg, 2, 0, at);
            return Ok(());
        }
        let count = self.values(values)?;
        let first = if count == Some(0) { 0 } else { free as u8 };
        self.emit(Op::Return, first, count.map_or(0, |n| n + 1), 0, at);
        self.f.free = free;
        Ok(())
    }

    /// `break` or `continue`.
    fn leave_loop(&mut self, is_break: bool, at: u32) -> Checked<()> {
        let word = if is_break { "break" } else { "continue" };
        let Some(innermost) = self.f.loops.last() else {
            return Err(Problem::new(format!("`{word}` outside of a loop"), at).len(word.len() as u32));
        };
        self.close_from(innermost.active, at);
        let jump = self.emit(Op::Jmp, 0, 0, 0, at);
        if let Some(innermost) = self.f.loops.last_mut() {
            let jumps = if is_break { &mut innermost.breaks } else { &mut innermost.continues };
            jumps.push(jump);
        }
        Ok(())
    }
}
