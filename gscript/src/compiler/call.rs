//! Fields, elements and calls; lists of values with an open end.

use super::Compiler;
use crate::bytecode::Op;
use crate::diagnostic::Checked;
use crate::syntax::ast::*;

/// What is done with the last link of a chain such as `a.b:c(d)[e]`.
#[derive(Clone, Copy)]
pub(super) enum Last {
    /// A field or element goes to this register. A call leaves one result in the chain's own register.
    Value(u8),
    /// It is a call with this operand C: results wanted + 1, or 0 for all.
    Results(u8),
    /// It is a call that a new goroutine makes.
    Go,
}

impl Compiler<'_> {
    /// One value of a field, an element or a call.
    pub fn postfix_to(&mut self, e: ExprId, dest: u8) -> Checked<()> {
        let at = self.ast.at(e);
        let is_call = matches!(self.ast.expr(e), Expr::Call(..) | Expr::Method(..));
        if !is_call && self.one_link(e, dest)? {
            return Ok(());
        }
        let reg = if self.is_top(dest) { dest } else { self.reserve(1, at)? };
        self.chain(e, reg, Last::Value(dest))?;
        if is_call && reg != dest {
            self.emit(Op::Move, dest, reg, 0, at);
        }
        Ok(())
    }

    /// `local.name` and `local[key]` need no register for the table.
    fn one_link(&mut self, e: ExprId, dest: u8) -> Checked<bool> {
        let (Expr::Field(object, _) | Expr::Index(object, _)) = self.ast.expr(e) else {
            return Ok(false);
        };
        let Some((reg, captured)) = self.local(object) else {
            return Ok(false);
        };
        if let Expr::Index(_, key) = self.ast.expr(e)
            && captured
            && !self.is_inert(key)
        {
            return Ok(false);
        }
        self.get(e, reg, dest)?;
        Ok(true)
    }

    /// A call with `c` = results wanted + 1 (0: all); the first register of the results, which is the next free one.
    pub fn call_results(&mut self, e: ExprId, c: u8) -> Checked<u8> {
        let reg = self.reserve(1, self.ast.at(e))?;
        self.chain(e, reg, Last::Results(c))?;
        Ok(reg)
    }

    /// `go` with this call.
    pub fn go(&mut self, e: ExprId) -> Checked<()> {
        let reg = self.reserve(1, self.ast.at(e))?;
        self.chain(e, reg, Last::Go)?;
        self.f.free = reg as usize;
        Ok(())
    }

    /// A chain of fields, elements and calls, from the left, in the register `reg`, which is the topmost in use.
    fn chain(&mut self, e: ExprId, reg: u8, last: Last) -> Checked<()> {
        let mut links = Vec::new();
        let mut object = e;
        while let Expr::Field(inner, _) | Expr::Index(inner, _) | Expr::Call(inner, _) | Expr::Method(inner, ..) =
            self.ast.expr(object)
        {
            links.push(object);
            object = inner;
        }
        // A local is read where it is, unless the first link must have it at hand in `reg`.
        let mut from = match (self.local(object), links.last().map(|&link| self.ast.expr(link))) {
            (Some((local, _)), Some(Expr::Field(..) | Expr::Method(..))) => local,
            (Some((local, captured)), Some(Expr::Index(_, key))) if !captured || self.is_inert(key) => local,
            _ => {
                self.expr_to(object, reg)?;
                reg
            }
        };
        while let Some(link) = links.pop() {
            let is_last = links.is_empty();
            let at = self.ast.at(link);
            match self.ast.expr(link) {
                Expr::Call(_, args) => self.call(reg, args, 0, if is_last { last } else { Last::Results(2) }, at)?,
                Expr::Method(_, name, args) => {
                    self.reserve(1, at)?;
                    let index = self.string(name);
                    self.emit_imm(Op::SelfGet, reg, from, 0, index, at);
                    self.call(reg, args, 1, if is_last { last } else { Last::Results(2) }, at)?;
                }
                _ => {
                    let dest = match last {
                        Last::Value(dest) if is_last => dest,
                        _ => reg,
                    };
                    self.get(link, from, dest)?;
                }
            }
            self.f.free = reg as usize + 1;
            from = reg;
        }
        Ok(())
    }

    /// Calls the function in `reg`; `fixed` arguments are behind it already.
    fn call(&mut self, reg: u8, args: ListId, fixed: u8, last: Last, at: u32) -> Checked<()> {
        let count = self.values(args)?;
        let b = count.map_or(0, |n| n + fixed + 1);
        match last {
            Last::Value(_) => self.emit(Op::Call, reg, b, 2, at),
            Last::Results(c) => self.emit(Op::Call, reg, b, c, at),
            Last::Go => self.emit(Op::Go, reg, b, 0, at),
        };
        Ok(())
    }

    /// Evaluates a list into the next registers, the last one with all its values. Their number, or `None` if it is
    /// known only when the program runs.
    pub fn values(&mut self, list: ListId) -> Checked<Option<u8>> {
        let ast = self.ast;
        let values = ast.list(list);
        let Some((&last, init)) = values.split_last() else {
            return Ok(Some(0));
        };
        for &value in init {
            self.fresh(value)?;
        }
        if !ast.is_multi(last) {
            self.fresh(last)?;
            return Ok(Some(values.len() as u8));
        }
        self.open(last)?;
        Ok(None)
    }

    /// All values of a call or `...`, in the next registers, which stay reserved as one.
    pub fn open(&mut self, e: ExprId) -> Checked<u8> {
        if self.ast.expr(e) != Expr::Vararg {
            return self.call_results(e, 0);
        }
        let at = self.ast.at(e);
        let reg = self.reserve(1, at)?;
        self.emit(Op::Vararg, reg, 0, 0, at);
        Ok(reg)
    }

    /// Reads the field or element `e` of the table in `object`.
    fn get(&mut self, e: ExprId, object: u8, dest: u8) -> Checked<()> {
        let at = self.ast.at(e);
        let free = self.f.free;
        match self.field_of(e) {
            Some(name) => {
                let index = self.string(name);
                self.emit_imm(Op::GetField, dest, object, 0, index, at);
            }
            None => {
                if let Expr::Index(_, key) = self.ast.expr(e) {
                    let key = self.operand(key)?;
                    self.emit(Op::GetTable, dest, object, key, at);
                }
            }
        }
        self.f.free = free;
        Ok(())
    }

    /// The field's name in `t.name` and `t["name"]`.
    pub fn field_of(&self, e: ExprId) -> Option<Sym> {
        match self.ast.expr(e) {
            Expr::Field(_, name) => Some(name),
            Expr::Index(_, key) => match self.ast.expr(self.strip(key)) {
                Expr::Str(name) => Some(name),
                _ => None,
            },
            _ => None,
        }
    }
}
