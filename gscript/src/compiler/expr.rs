//! Expressions that give one value.

use super::Compiler;
use super::resolve::Binding;
use crate::bytecode::Op;
use crate::diagnostic::Checked;
use crate::syntax::ast::*;

impl Compiler<'_> {
    /// The expression without parentheses around it.
    pub fn strip(&self, mut e: ExprId) -> ExprId {
        while let Expr::Paren(inner) = self.ast.expr(e) {
            e = inner;
        }
        e
    }

    /// What a name refers to.
    pub fn binding(&self, name: NameId) -> Binding {
        self.res.bindings[name.0 as usize]
    }

    /// The register of a local variable of this function, and whether a closure captures it.
    pub fn local(&self, e: ExprId) -> Option<(u8, bool)> {
        let Expr::Name(name) = self.ast.expr(self.strip(e)) else {
            return None;
        };
        let Binding::Local(var) = self.binding(name) else {
            return None;
        };
        Some((self.var_reg[var.index()], self.res.vars[var.index()].captured))
    }

    /// A register with the expression's value: a local's own, else a new one.
    pub fn operand(&mut self, e: ExprId) -> Checked<u8> {
        match self.local(e) {
            Some((reg, _)) => Ok(reg),
            None => self.fresh(e),
        }
    }

    /// As [`operand`](Self::operand), for a value that is used after `next` is evaluated: if `next` may run code that
    /// assigns a captured local, the local's value is copied now.
    pub fn operand_before(&mut self, e: ExprId, next: ExprId) -> Checked<u8> {
        match self.local(e) {
            Some((reg, captured)) if !captured || self.is_inert(next) => Ok(reg),
            _ => self.fresh(e),
        }
    }

    /// Can evaluating this run no code of the program's?
    pub fn is_inert(&self, e: ExprId) -> bool {
        use Expr::*;
        matches!(
            self.ast.expr(self.strip(e)),
            Nil | Bool(_) | Int(_) | Float(_) | Str(_) | Vararg | Name(_) | Func(_) | Chan
        )
    }

    /// The value in a new register.
    pub fn fresh(&mut self, e: ExprId) -> Checked<u8> {
        let dest = self.reserve(1, self.ast.at(e))?;
        self.expr_to(e, dest)?;
        Ok(dest)
    }

    /// Puts the value into `dest`: an intermediate register, or the register of a local for which
    /// [`writes_last`](Self::writes_last) holds.
    pub fn expr_to(&mut self, e: ExprId, dest: u8) -> Checked<()> {
        let e = self.strip(e);
        let at = self.ast.at(e);
        let free = self.f.free;
        match self.ast.expr(e) {
            Expr::Nil => {
                self.emit(Op::LoadNil, dest, 0, 0, at);
            }
            Expr::Bool(value) => {
                self.emit(Op::LoadBool, dest, value as u8, 0, at);
            }
            Expr::Int(value) => self.load_int(dest, value, at),
            Expr::Float(value) => self.load_float(dest, value, at),
            Expr::Str(sym) => {
                let index = self.string(sym);
                self.emit_imm(Op::LoadK, dest, 0, 0, index, at);
            }
            Expr::Vararg => {
                self.emit(Op::Vararg, dest, 2, 0, at);
            }
            Expr::Name(name) => {
                match self.binding(name) {
                    Binding::Local(var) => match self.var_reg[var.index()] {
                        reg if reg == dest => 0,
                        reg => self.emit(Op::Move, dest, reg, 0, at),
                    },
                    Binding::Upval(index) => self.emit(Op::GetUpval, dest, index, 0, at),
                    Binding::Global(index) => self.emit_imm(Op::GetGlobal, dest, 0, 0, index as i32, at),
                };
            }
            Expr::Unary(op, operand) => self.unary(op, operand, dest, at)?,
            Expr::Binary(op, ..) if op.is_logical() => self.logical(op, e, dest)?,
            Expr::Binary(..) => self.binary(e, dest)?,
            Expr::Concat(list) => {
                let operands = self.ast.list(list);
                let first = self.reserve(operands.len(), at)?;
                // Each operand is evaluated with only its predecessors' registers taken.
                self.f.free = first as usize;
                for &operand in operands {
                    self.fresh(operand)?;
                }
                let last = first + (operands.len() - 1) as u8;
                self.emit(Op::Concat, dest, first, last, at);
            }
            Expr::Field(..) | Expr::Index(..) | Expr::Call(..) | Expr::Method(..) => self.postfix_to(e, dest)?,
            Expr::Func(func) => {
                self.emit_imm(Op::Closure, dest, 0, 0, func.0 as i32, at);
            }
            Expr::Table(list) => self.table(list, dest, at)?,
            Expr::Chan => {
                self.emit(Op::MakeChan, dest, 0, 0, at);
            }
            Expr::ChanOf(capacity) => {
                let reg = self.operand(capacity)?;
                self.emit(Op::MakeChan, dest, reg, 1, at);
            }
            Expr::Paren(_) => {}
        }
        self.f.free = free;
        Ok(())
    }

    /// Is `dest` written only after everything in the expression has been read? Then it may be the register of a
    /// variable that occurs in the expression.
    pub fn writes_last(&self, e: ExprId) -> bool {
        match self.ast.expr(self.strip(e)) {
            Expr::Binary(op, ..) => !op.is_logical(),
            Expr::Call(..) | Expr::Method(..) | Expr::Table(_) => false,
            _ => true,
        }
    }

    fn unary(&mut self, op: UnOp, operand: ExprId, dest: u8, at: u32) -> Checked<()> {
        let code = match (op, self.ast.expr(operand)) {
            (UnOp::Neg, Expr::Int(value)) => {
                self.load_int(dest, value.wrapping_neg(), at);
                return Ok(());
            }
            (UnOp::Neg, Expr::Float(value)) => {
                self.load_float(dest, -value, at);
                return Ok(());
            }
            (UnOp::Neg, _) => Op::Unm,
            (UnOp::Not, _) => Op::Not,
            (UnOp::Len, _) => Op::Len,
            (UnOp::Recv, _) => Op::Recv,
        };
        let reg = self.operand(operand)?;
        self.emit(code, dest, reg, 0, at);
        Ok(())
    }

    /// Arithmetic and comparison: a chain of operators that group to the left is a loop here, however long it is.
    fn binary(&mut self, e: ExprId, dest: u8) -> Checked<()> {
        let mut chain = Vec::new();
        let mut left = e;
        while let Expr::Binary(op, inner, right) = self.ast.expr(left) {
            if op.is_logical() {
                break;
            }
            chain.push((op, right, self.ast.at(left)));
            left = inner;
        }
        chain.reverse();
        let first_right = chain[0].1;
        let mut reg = self.operand_before(left, first_right)?;
        let last = chain.len() - 1;
        for (i, &(op, right, at)) in chain.iter().enumerate() {
            // Intermediate results share one register, below the right operands.
            if i < last && !self.is_top(reg) {
                let copy = self.reserve(1, at)?;
                let other = self.operand(right)?;
                self.binary_op(op, copy, reg, other, at);
                reg = copy;
            } else {
                let other = self.operand(right)?;
                self.binary_op(op, if i == last { dest } else { reg }, reg, other, at);
            }
            if i < last {
                self.f.free = reg as usize + 1;
            }
        }
        Ok(())
    }

    /// One operation on registers.
    pub fn binary_op(&mut self, op: BinOp, dest: u8, left: u8, right: u8, at: u32) {
        let code = match op {
            BinOp::Add => Op::Add,
            BinOp::Sub => Op::Sub,
            BinOp::Mul => Op::Mul,
            BinOp::Div => Op::Div,
            BinOp::Mod => Op::Mod,
            BinOp::Pow => Op::Pow,
            _ => {
                self.compare(op, left, right, true, at);
                let jump = self.emit(Op::Jmp, 0, 0, 0, at);
                self.emit(Op::LoadBool, dest, 0, 1, at);
                self.patch_here(&[jump]);
                self.emit(Op::LoadBool, dest, 1, 0, at);
                return;
            }
        };
        self.emit(code, dest, left, right, at);
    }
}
