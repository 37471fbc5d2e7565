//! Loops.

use super::Compiler;
use super::func::Loop;
use super::resolve::{Binding, VarId};
use crate::bytecode::Op;
use crate::diagnostic::Checked;
use crate::syntax::ast::*;

/// A C-style loop that the `For…` operations can run.
struct Counted {
    /// Declaration of the loop variable.
    name: NameId,
    /// Its first value.
    init: ExprId,
    /// The comparison is `<=`, not `<`.
    or_equal: bool,
    /// A literal, or a local that does not change.
    limit: ExprId,
    /// A positive literal.
    step: i64,
    /// Place of the comparison.
    cond_at: u32,
    /// Place of the increment.
    post_at: u32,
}

impl Compiler<'_> {
    fn enter_loop(&mut self, active: usize) {
        self.f.loops.push(Loop { breaks: Vec::new(), continues: Vec::new(), active });
    }

    fn leave_loop_state(&mut self) -> Loop {
        let none = Loop { breaks: Vec::new(), continues: Vec::new(), active: 0 };
        self.f.loops.pop().unwrap_or(none)
    }

    /// `for cond {…}` and `for {…}`
    pub fn while_loop(&mut self, cond: Option<ExprId>, body: Block, at: u32) -> Checked<()> {
        let top = self.here();
        let mut exits = Vec::new();
        if let Some(cond) = cond {
            self.condition(cond, false, &mut exits)?;
        }
        self.enter_loop(self.f.active.len());
        self.block(body)?;
        let state = self.leave_loop_state();
        for &jump in &state.continues {
            self.patch(jump, top);
        }
        self.jump_to(top, at);
        self.patch_here(&exits);
        self.patch_here(&state.breaks);
        Ok(())
    }

    /// `for init; cond; post {…}`
    pub fn for_loop(&mut self, stmt: For, at: u32) -> Checked<()> {
        if let Some(counted) = self.counted(stmt, at) {
            return self.counted_loop(counted, stmt.body);
        }
        let scope = self.enter();
        self.stmt(stmt.init)?;
        let top = self.here();
        let mut exits = Vec::new();
        self.condition(stmt.cond, false, &mut exits)?;
        self.enter_loop(self.f.active.len());
        self.block(stmt.body)?;
        let state = self.leave_loop_state();
        self.patch_here(&state.continues);
        self.stmt(stmt.post)?;
        self.jump_to(top, at);
        self.patch_here(&exits);
        self.patch_here(&state.breaks);
        self.close_from(scope.active, at);
        self.leave(scope);
        Ok(())
    }

    /// Recognises `for v := init; v < limit; v += step` where nothing can tell the `For…` operations from the loop as
    /// written: only the third clause assigns `v`, the limit cannot change, and no closure sees either of them.
    fn counted(&self, stmt: For, at: u32) -> Option<Counted> {
        let ast = self.ast;
        let Stmt::Define(names, values) = ast.stmt(stmt.init) else {
            return None;
        };
        let &[init] = ast.list(values) else {
            return None;
        };
        if names.len != 1 {
            return None;
        }
        let name = NameId(names.start);
        let Binding::Local(var) = self.binding(name) else {
            return None;
        };
        let info = &self.res.vars[var.index()];
        if info.captured || info.assigns.len() != 1 {
            return None;
        }
        let Expr::Binary(op @ (BinOp::Lt | BinOp::Le), left, limit) = ast.expr(self.strip(stmt.cond)) else {
            return None;
        };
        if self.var_of(left) != Some(var) || !self.is_fixed(limit, var, at..stmt.body.end) {
            return None;
        }
        let step = match ast.stmt(stmt.post) {
            Stmt::OpAssign(BinOp::Add, target, step) if self.var_of(target) == Some(var) => step,
            Stmt::Assign(targets, values) => {
                let (&[target], &[value]) = (ast.list(targets), ast.list(values)) else {
                    return None;
                };
                match ast.expr(self.strip(value)) {
                    Expr::Binary(BinOp::Add, left, step)
                        if self.var_of(target) == Some(var) && self.var_of(left) == Some(var) =>
                    {
                        step
                    }
                    _ => return None,
                }
            }
            _ => return None,
        };
        match ast.expr(self.strip(step)) {
            Expr::Int(step) if step > 0 => Some(Counted {
                name,
                init,
                or_equal: op == BinOp::Le,
                limit,
                step,
                cond_at: ast.at(self.strip(stmt.cond)),
                post_at: ast.stmt_at[stmt.post.0 as usize],
            }),
            _ => None,
        }
    }

    fn var_of(&self, e: ExprId) -> Option<VarId> {
        match self.ast.expr(self.strip(e)) {
            Expr::Name(name) => match self.binding(name) {
                Binding::Local(var) => Some(var),
                _ => None,
            },
            _ => None,
        }
    }

    /// Is it a number literal, or a local other than `var` that keeps its value in this part of the source?
    fn is_fixed(&self, e: ExprId, var: VarId, source: std::ops::Range<u32>) -> bool {
        let is_number = |e| matches!(self.ast.expr(self.strip(e)), Expr::Int(_) | Expr::Float(_));
        if is_number(e) {
            return true;
        }
        if let Expr::Unary(UnOp::Neg, inner) = self.ast.expr(self.strip(e)) {
            return is_number(inner);
        }
        let Some(limit) = self.var_of(e) else {
            return false;
        };
        let info = &self.res.vars[limit.index()];
        let first = info.assigns.partition_point(|&at| at < source.start);
        let assigned = info.assigns.get(first).is_some_and(|&at| at < source.end);
        limit != var && !info.captured && !assigned
    }

    fn counted_loop(&mut self, counted: Counted, body: Block) -> Checked<()> {
        let scope = self.enter();
        let var = self.fresh(counted.init)?;
        self.activate(counted.name, var);
        let limit = self.fresh(counted.limit)?;
        let step = self.reserve(1, counted.post_at)?;
        self.load_int(step, counted.step, counted.post_at);
        self.f.local_top = self.f.free;
        debug_assert_eq!((limit, step), (var + 1, var + 2));
        let (prep_op, loop_op) = match counted.or_equal {
            true => (Op::ForPrepLe, Op::ForLoopLe),
            false => (Op::ForPrepLt, Op::ForLoopLt),
        };
        let prep = self.emit(prep_op, var, 0, 0, counted.cond_at);
        let top = self.here();
        self.enter_loop(self.f.active.len());
        self.block(body)?;
        let state = self.leave_loop_state();
        self.patch_here(&state.continues);
        let back = self.emit(loop_op, var, 0, 0, counted.post_at);
        self.patch(back, top);
        self.patch_here(&[prep]);
        self.patch_here(&state.breaks);
        self.leave(scope);
        Ok(())
    }

    /// `for k, v := range e {…}`
    pub fn range_loop(&mut self, stmt: Range, at: u32) -> Checked<()> {
        let scope = self.enter();
        let iter_at = self.ast.at(stmt.iter);
        let state = if self.ast.is_multi(stmt.iter) {
            self.several(stmt.iter, 3)?
        } else {
            let reg = self.fresh(stmt.iter)?;
            let nils = self.reserve(2, at)?;
            self.emit(Op::LoadNil, nils, 1, 0, at);
            reg
        };
        let enter = self.emit(Op::Jmp, 0, 0, 0, at);
        let outside = self.f.active.len();
        let count = 1 + stmt.value.is_some() as u8;
        // The iterator's call takes three registers behind its state.
        let key = self.reserve(3, at)?;
        self.f.free = (key + count) as usize;
        self.activate(stmt.key, key);
        if let Some(value) = stmt.value {
            self.activate(value, key + 1);
        }
        let top = self.here();
        self.enter_loop(outside);
        let inner = self.enter();
        self.stmts(stmt.body)?;
        if !self.leaves(stmt.body) {
            // The variables are fresh in each iteration.
            self.close_from(outside, stmt.body.end);
        }
        self.leave(inner);
        let jumps = self.leave_loop_state();
        self.patch_here(&[enter]);
        self.patch_here(&jumps.continues);
        self.emit(Op::TForCall, state, 0, count, iter_at);
        let back = self.emit(Op::TForLoop, state, 0, 0, iter_at);
        self.patch(back, top);
        self.patch_here(&jumps.breaks);
        self.leave(scope);
        Ok(())
    }
}
