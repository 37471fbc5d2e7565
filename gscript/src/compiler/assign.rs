//! Declarations and assignments.

use super::Compiler;
use super::resolve::Binding;
use crate::bytecode::Op;
use crate::diagnostic::{Checked, Problem};
use crate::syntax::ast::*;

impl Compiler<'_> {
    /// `a, b := x, y`
    pub fn define(&mut self, names: Span, values: ListId, at: u32) -> Checked<()> {
        let free = self.f.free;
        let first = self.values_exactly(values, names.len as usize, at)?;
        for (i, index) in names.range().enumerate() {
            let name = NameId(index as u32);
            let reg = first + i as u8;
            match self.binding(name) {
                Binding::Global(index) => {
                    self.emit_imm(Op::SetGlobal, reg, 0, 0, index as i32, self.ast.name(name).at);
                    if i + 1 == names.len as usize {
                        self.f.free = free;
                    }
                }
                _ => self.activate(name, reg),
            }
        }
        Ok(())
    }

    /// Evaluates a list into exactly `count` new registers: missing values are nil, those too many are evaluated and
    /// dropped. The first register.
    fn values_exactly(&mut self, list: ListId, count: usize, at: u32) -> Checked<u8> {
        let ast = self.ast;
        let values = ast.list(list);
        let first = self.f.free;
        for (i, &value) in values.iter().enumerate() {
            let is_last = i + 1 == values.len();
            if i >= count {
                let free = self.f.free;
                self.fresh(value)?;
                self.f.free = free;
            } else if is_last && count > values.len() && ast.is_multi(value) {
                self.several(value, count - i)?;
                return Ok(first as u8);
            } else {
                self.fresh(value)?;
            }
        }
        if count > values.len() {
            let missing = count - values.len();
            let reg = self.reserve(missing, at)?;
            self.emit(Op::LoadNil, reg, (missing - 1) as u8, 0, at);
        }
        Ok(first as u8)
    }

    /// Exactly `count` values of a call or `...`, in new registers.
    pub fn several(&mut self, e: ExprId, count: usize) -> Checked<u8> {
        let at = self.ast.at(e);
        // Asks for all the registers first: `count` then fits its operand.
        let first = self.reserve(count, at)?;
        self.f.free = first as usize;
        match self.ast.expr(e) {
            Expr::Vararg => {
                self.emit(Op::Vararg, first, count as u8 + 1, 0, at);
            }
            _ => {
                self.call_results(e, count as u8 + 1)?;
            }
        }
        self.f.free = first as usize + count;
        Ok(first)
    }

    /// `a, t.b = x, y`
    pub fn assign(&mut self, targets: ListId, values: ListId, at: u32) -> Checked<()> {
        let ast = self.ast;
        let free = self.f.free;
        match (ast.list(targets), ast.list(values)) {
            (&[target], &[value]) => self.assign_one(target, value)?,
            (targets, _) => {
                let first = self.values_exactly(values, targets.len(), at)?;
                for (i, &target) in targets.iter().enumerate() {
                    self.store(target, first + i as u8)?;
                }
            }
        }
        self.f.free = free;
        Ok(())
    }

    fn assign_one(&mut self, target: ExprId, value: ExprId) -> Checked<()> {
        let at = self.ast.at(target);
        if let Some((local, _)) = self.local(target) {
            if self.writes_last(value) {
                return self.expr_to(value, local);
            }
            let reg = self.fresh(value)?;
            self.emit(Op::Move, local, reg, 0, at);
            return Ok(());
        }
        // The value comes first: what the target's table and key do must not change it.
        let reg = match self.ast.expr(target) {
            Expr::Field(object, _) => self.operand_before(value, object)?,
            Expr::Index(object, key) if self.is_inert(object) => self.operand_before(value, key)?,
            Expr::Index(object, _) => self.operand_before(value, object)?,
            _ => self.operand(value)?,
        };
        self.store(target, reg)
    }

    /// Stores a register in a target, whose table and key are evaluated now.
    fn store(&mut self, target: ExprId, reg: u8) -> Checked<()> {
        let free = self.f.free;
        let at = self.ast.at(target);
        match self.ast.expr(target) {
            Expr::Name(name) => {
                match self.binding(name) {
                    Binding::Local(var) => self.emit(Op::Move, self.var_reg[var.index()], reg, 0, at),
                    Binding::Upval(index) => self.emit(Op::SetUpval, reg, index, 0, at),
                    Binding::Global(index) => self.emit_imm(Op::SetGlobal, reg, 0, 0, index as i32, at),
                };
            }
            _ => {
                let place = self.place(target, None)?;
                self.set(place, reg, at);
            }
        }
        self.f.free = free;
        Ok(())
    }

    /// `t.f += x`, `a -= x`, `i++`
    pub fn op_assign(&mut self, op: BinOp, target: ExprId, value: ExprId, at: u32) -> Checked<()> {
        let free = self.f.free;
        let target_at = self.ast.at(target);
        if let Some((local, _)) = self.local(target) {
            let left = self.operand_before(target, value)?;
            let right = self.operand(value)?;
            self.binary_op(op, local, left, right, at);
        } else if let Expr::Name(_) = self.ast.expr(target) {
            let left = self.fresh(target)?;
            let right = self.operand(value)?;
            self.binary_op(op, left, left, right, at);
            self.store(target, left)?;
        } else {
            let place = self.place(target, Some(value))?;
            let left = self.reserve(1, at)?;
            match place {
                Place::Field(object, name) => self.emit_imm(Op::GetField, left, object, 0, name, target_at),
                Place::Element(object, key) => self.emit(Op::GetTable, left, object, key, target_at),
            };
            let right = self.operand(value)?;
            self.binary_op(op, left, left, right, at);
            self.set(place, left, target_at);
        }
        self.f.free = free;
        Ok(())
    }

    /// Evaluates the table and key of `t.f` or `t[k]`; `then` is evaluated before the place is used.
    fn place(&mut self, target: ExprId, then: Option<ExprId>) -> Checked<Place> {
        let inert_then = then.is_none_or(|e| self.is_inert(e));
        match (self.ast.expr(target), self.field_of(target)) {
            (Expr::Field(object, _) | Expr::Index(object, _), Some(name)) => {
                let object = if inert_then { self.operand(object)? } else { self.stable(object)? };
                Ok(Place::Field(object, self.string(name)))
            }
            (Expr::Index(object, key), None) => {
                let inert_key = self.is_inert(key);
                let object = if inert_then && inert_key { self.operand(object)? } else { self.stable(object)? };
                let key = if inert_then { self.operand(key)? } else { self.stable(key)? };
                Ok(Place::Element(object, key))
            }
            // The parser lets nothing else through.
            _ => Err(Problem::new("cannot assign to this expression", self.ast.at(target))),
        }
    }

    /// A register whose value no closure can change.
    fn stable(&mut self, e: ExprId) -> Checked<u8> {
        match self.local(e) {
            Some((reg, false)) => Ok(reg),
            _ => self.fresh(e),
        }
    }

    fn set(&mut self, place: Place, reg: u8, at: u32) {
        match place {
            Place::Field(object, name) => self.emit_imm(Op::SetField, object, 0, reg, name, at),
            Place::Element(object, key) => self.emit(Op::SetTable, object, key, reg, at),
        };
    }
}

/// Where a table stores something.
#[derive(Clone, Copy)]
enum Place {
    /// Table register, and name as a constant's index.
    Field(u8, i32),
    /// Table register, key register.
    Element(u8, u8),
}
