//! Conditions, and the operators that jump: comparison, `&&`, `||`, `!`.

use super::Compiler;
use crate::bytecode::Op;
use crate::diagnostic::Checked;
use crate::syntax::ast::*;

impl Compiler<'_> {
    /// Compares two registers; the jump that must follow is taken if the result is `jump_if`.
    pub fn compare(&mut self, op: BinOp, left: u8, right: u8, jump_if: bool, at: u32) {
        let (code, flag, left, right) = match op {
            BinOp::Ne => (Op::Eq, !jump_if, left, right),
            BinOp::Lt => (Op::Lt, jump_if, left, right),
            BinOp::Le => (Op::Le, jump_if, left, right),
            BinOp::Gt => (Op::Lt, jump_if, right, left),
            BinOp::Ge => (Op::Le, jump_if, right, left),
            _ => (Op::Eq, jump_if, left, right),
        };
        self.emit(code, flag as u8, left, right, at);
    }

    /// Jumps if the truth of `e` is `jump_if`, and falls through otherwise. The jumps, still without a target, go to
    /// `jumps`.
    pub fn condition(&mut self, e: ExprId, jump_if: bool, jumps: &mut Vec<usize>) -> Checked<()> {
        let (mut e, mut jump_if) = (self.strip(e), jump_if);
        while let Expr::Unary(UnOp::Not, inner) = self.ast.expr(e) {
            e = self.strip(inner);
            jump_if = !jump_if;
        }
        let at = self.ast.at(e);
        let free = self.f.free;
        match self.ast.expr(e) {
            Expr::Binary(op, ..) if op.is_logical() => {
                return self.logical_condition(op, e, jump_if, jumps);
            }
            Expr::Binary(op, left, right) if op.is_comparison() => {
                let left = self.operand_before(left, right)?;
                let right = self.operand(right)?;
                self.compare(op, left, right, jump_if, at);
            }
            _ => {
                let reg = self.operand(e)?;
                self.emit(Op::Test, reg, 0, jump_if as u8, at);
            }
        }
        self.f.free = free;
        jumps.push(self.emit(Op::Jmp, 0, 0, 0, at));
        Ok(())
    }

    /// The operands of a chain of the same `&&` or `||`.
    fn operands_of(&self, op: BinOp, e: ExprId) -> Vec<ExprId> {
        let mut operands = Vec::new();
        let mut left = e;
        while let Expr::Binary(inner_op, inner, right) = self.ast.expr(left) {
            if inner_op != op {
                break;
            }
            operands.push(right);
            left = inner;
        }
        operands.push(left);
        operands.reverse();
        operands
    }

    fn logical_condition(&mut self, op: BinOp, e: ExprId, jump_if: bool, jumps: &mut Vec<usize>) -> Checked<()> {
        let operands = self.operands_of(op, e);
        // What one operand alone can decide: `||` is true if one is, `&&` is false if one is.
        let decided = op == BinOp::Or;
        if decided == jump_if {
            for &operand in &operands {
                self.condition(operand, jump_if, jumps)?;
            }
            return Ok(());
        }
        let mut skips = Vec::new();
        let last = operands.len() - 1;
        for &operand in &operands[..last] {
            self.condition(operand, decided, &mut skips)?;
        }
        self.condition(operands[last], jump_if, jumps)?;
        self.patch_here(&skips);
        Ok(())
    }

    /// `&&` and `||` for their value: the operand that decides.
    pub fn logical(&mut self, op: BinOp, e: ExprId, dest: u8) -> Checked<()> {
        let operands = self.operands_of(op, e);
        let flag = (op == BinOp::Or) as u8;
        let mut jumps = Vec::new();
        let last = operands.len() - 1;
        for &operand in &operands[..last] {
            let at = self.ast.at(operand);
            match self.local(operand) {
                Some((reg, _)) => {
                    self.emit(Op::TestSet, dest, reg, flag, at);
                }
                None => {
                    self.expr_to(operand, dest)?;
                    self.emit(Op::Test, dest, 0, flag, at);
                }
            }
            jumps.push(self.emit(Op::Jmp, 0, 0, 0, at));
        }
        self.expr_to(operands[last], dest)?;
        self.patch_here(&jumps);
        Ok(())
    }
}
