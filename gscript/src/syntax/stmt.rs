//! Statements, blocks and functions.

use super::ast::*;
use super::hints;
use super::parser::Parser;
use super::token::{Kw, Punct, Tok, Token};
use crate::diagnostic::{Checked, Problem};

impl Parser<'_> {
    /// A statement.
    pub fn stmt(&mut self) -> Checked<StmtId> {
        let Token { tok, start: at, .. } = self.tok;
        match tok {
            Tok::Kw(Kw::Func) if self.peek()? != Tok::Punct(Punct::LParen) => {
                self.advance()?;
                let name = self.expect_name("behind `func`")?;
                if self.is(Punct::Dot) || self.is(Punct::Colon) {
                    let problem = self.unexpected("expected `(` behind the function's name");
                    return Err(problem.help("a function in a table is assigned: `t.f = func(a) { … }`"));
                }
                let id = self.add_name(name);
                let func = self.func_rest(Some(name.sym), at)?;
                Ok(self.add_stmt(Stmt::Func(id, func), at))
            }
            Tok::Kw(Kw::If) => self.if_stmt(),
            Tok::Kw(Kw::For) => self.for_stmt(),
            Tok::Kw(Kw::Var) => {
                self.advance()?;
                let mut names = vec![self.expect_name("behind `var`")?];
                while self.eat(Punct::Comma)? {
                    names.push(self.expect_name("behind the comma")?);
                }
                let values = match self.eat(Punct::Assign)? {
                    true => self.expr_list()?,
                    false => Vec::new(),
                };
                let names = self.add_names(&names);
                let values = self.add_list(&values);
                Ok(self.add_stmt(Stmt::Define(names, values), at))
            }
            Tok::Kw(Kw::Return) => {
                self.advance()?;
                let values = match self.starts_expr() {
                    true => self.expr_list()?,
                    false => Vec::new(),
                };
                let values = self.add_list(&values);
                Ok(self.add_stmt(Stmt::Return(values), at))
            }
            Tok::Kw(Kw::Break) => {
                self.advance()?;
                Ok(self.add_stmt(Stmt::Break, at))
            }
            Tok::Kw(Kw::Continue) => {
                self.advance()?;
                Ok(self.add_stmt(Stmt::Continue, at))
            }
            Tok::Kw(Kw::Go) => {
                self.advance()?;
                let call = self.expr()?;
                if !matches!(self.ast.expr(call), Expr::Call(..) | Expr::Method(..)) {
                    return Err(Problem::new("`go` needs a call", self.ast.at(call)).help("write `go f(x)`"));
                }
                Ok(self.add_stmt(Stmt::Go(call), at))
            }
            _ => self.simple_stmt(),
        }
    }

    /// Can the current token start an expression?
    fn starts_expr(&self) -> bool {
        match self.tok.tok {
            Tok::Name(_) | Tok::Int(_) | Tok::Float(_) | Tok::Str(_) => true,
            Tok::Kw(kw) => matches!(kw, Kw::True | Kw::False | Kw::Nil | Kw::Func),
            Tok::Punct(punct) => {
                use Punct::*;
                matches!(punct, Dots | LParen | LBrace | Minus | Not | Hash | Arrow)
            }
            Tok::Eof => false,
        }
    }

    fn expr_list(&mut self) -> Checked<Vec<ExprId>> {
        let mut list = vec![self.expr()?];
        while self.eat(Punct::Comma)? {
            list.push(self.expr()?);
        }
        Ok(list)
    }

    /// A statement that starts with an expression.
    fn simple_stmt(&mut self) -> Checked<StmtId> {
        let at = self.tok.start;
        self.check_arrow()?;
        if !self.starts_expr() {
            return Err(self.unexpected("expected a statement"));
        }
        let left = self.expr_list()?;
        self.simple_rest(left, at)
    }

    /// `x := a<-1` is two statements to the grammar, `x := a` and `<-1`. It is hardly ever meant, so a statement that
    /// starts with an arrow must start a line or follow a `;` or a brace.
    fn check_arrow(&self) -> Checked<()> {
        let separated = matches!(self.prev, Tok::Punct(Punct::Semi | Punct::LBrace | Punct::RBrace));
        if self.is(Punct::Arrow) && !self.tok.newline_before && !separated {
            let help = hints::unexpected(self).unwrap_or_default();
            return Err(Problem::new("`<-` behind an expression", self.tok.start).len(2).help(help));
        }
        Ok(())
    }

    /// What follows the left side of a simple statement.
    fn simple_rest(&mut self, left: Vec<ExprId>, at: u32) -> Checked<StmtId> {
        let op_at = self.tok.start;
        let first = left[0];
        let stmt = match self.tok.tok {
            Tok::Punct(Punct::Define) => {
                let mut names = Vec::with_capacity(left.len());
                for &target in &left {
                    match self.ast.expr(target) {
                        Expr::Name(name) => names.push(self.ast.name(name)),
                        _ => {
                            return Err(Problem::new(
                                "`:=` makes variables, and this is not a name",
                                self.ast.at(target),
                            )
                            .help("assign to fields and elements with `=`"));
                        }
                    }
                }
                self.advance()?;
                let values = self.expr_list()?;
                let names = self.add_names(&names);
                Stmt::Define(names, self.add_list(&values))
            }
            Tok::Punct(Punct::Assign) => {
                for &target in &left {
                    self.check_target(target)?;
                }
                self.advance()?;
                let values = self.expr_list()?;
                let left = self.add_list(&left);
                Stmt::Assign(left, self.add_list(&values))
            }
            _ if left.len() > 1 => {
                return Err(self.unexpected("expected `:=` or `=` behind a list"));
            }
            // `f()` and, on the next line, `<-ch` are two statements, as they are to any reader.
            Tok::Punct(Punct::Arrow) if !(self.tok.newline_before && self.is_statement(first)) => {
                self.advance()?;
                Stmt::Send(first, self.expr()?)
            }
            Tok::Punct(Punct::PlusPlus | Punct::MinusMinus) => {
                self.check_target(first)?;
                let op = if self.is(Punct::PlusPlus) { BinOp::Add } else { BinOp::Sub };
                self.advance()?;
                let one = self.add(Expr::Int(1), op_at);
                return Ok(self.add_stmt(Stmt::OpAssign(op, first, one), op_at));
            }
            Tok::Punct(punct) if compound(punct).is_some() => {
                self.check_target(first)?;
                self.advance()?;
                let op = compound(punct).unwrap_or(BinOp::Add);
                let value = self.expr()?;
                return Ok(self.add_stmt(Stmt::OpAssign(op, first, value), op_at));
            }
            _ if self.is_statement(first) => Stmt::Expr(first),
            _ => {
                let help = hints::unexpected(self).unwrap_or_else(|| "assign its value, or call it: `f()`".to_owned());
                return Err(Problem::new("this expression is not a statement", at)
                    .len(self.prev_end.saturating_sub(at).max(1))
                    .help(help));
            }
        };
        Ok(self.add_stmt(stmt, at))
    }

    /// Is the expression a statement of its own?
    fn is_statement(&self, e: ExprId) -> bool {
        matches!(self.ast.expr(e), Expr::Call(..) | Expr::Method(..) | Expr::Unary(UnOp::Recv, _))
    }

    fn check_target(&self, target: ExprId) -> Checked<()> {
        match self.ast.expr(target) {
            Expr::Name(_) | Expr::Field(..) | Expr::Index(..) => Ok(()),
            Expr::Paren(_) => Err(Problem::new("cannot assign to a parenthesis", self.ast.at(target))),
            Expr::Call(..) | Expr::Method(..) => {
                Err(Problem::new("cannot assign to the result of a call", self.ast.at(target)))
            }
            _ => Err(Problem::new("cannot assign to this expression", self.ast.at(target))
                .help("a target is a name, `t.field` or `t[key]`")),
        }
    }

    fn if_stmt(&mut self) -> Checked<StmtId> {
        let at = self.advance()?.start;
        let mut arms = vec![self.arm()?];
        let otherwise = loop {
            if self.eat_kw(Kw::ElseIf)? {
                arms.push(self.arm()?);
            } else if self.eat_kw(Kw::Else)? {
                if !self.eat_kw(Kw::If)? {
                    break Some(self.block("behind `else`")?);
                }
                arms.push(self.arm()?);
            } else {
                break None;
            }
        };
        let start = self.ast.arms.len() as u32;
        self.ast.arms.extend_from_slice(&arms);
        let span = Span { start, len: arms.len() as u32 };
        Ok(self.add_stmt(Stmt::If(span, otherwise), at))
    }

    fn arm(&mut self) -> Checked<Arm> {
        let cond = self.expr()?;
        let body = self.block("behind the condition")?;
        Ok(Arm { cond, body })
    }

    fn for_stmt(&mut self) -> Checked<StmtId> {
        let at = self.advance()?.start;
        if self.is(Punct::LBrace) {
            let body = self.block("of the loop")?;
            return Ok(self.add_stmt(Stmt::While(None, body), at));
        }
        if self.is_kw(Kw::Var) {
            let problem = self.unexpected("expected an expression or `v := e`");
            return Err(problem.help("a loop variable is made by `:=`: `for i := 0; i < n; i++ { … }`"));
        }
        let init_at = self.tok.start;
        let left = self.expr_list()?;
        if left.len() == 1 && self.is(Punct::LBrace) {
            let body = self.block("of the loop")?;
            return Ok(self.add_stmt(Stmt::While(Some(left[0]), body), at));
        }
        if self.is(Punct::Define) && self.peek()? == Tok::Kw(Kw::Range) {
            return self.range_rest(&left, at);
        }
        let init = self.simple_rest(left, init_at)?;
        self.expect(Punct::Semi, "behind the loop's first clause")?;
        let cond = self.expr()?;
        self.expect(Punct::Semi, "behind the loop's condition")?;
        let post = self.simple_stmt()?;
        let body = self.block("of the loop")?;
        let index = self.ast.fors.len() as u32;
        self.ast.fors.push(For { init, cond, post, body });
        Ok(self.add_stmt(Stmt::For(index), at))
    }

    /// `:= range e {…}` behind the variables.
    fn range_rest(&mut self, left: &[ExprId], at: u32) -> Checked<StmtId> {
        let mut names = Vec::new();
        for &target in left {
            match self.ast.expr(target) {
                Expr::Name(name) if names.len() < 2 => names.push(self.ast.name(name)),
                Expr::Name(_) => {
                    return Err(Problem::new("a range loop has at most two variables", self.ast.at(target)));
                }
                _ => {
                    return Err(Problem::new("a range loop's variable must be a name", self.ast.at(target)));
                }
            }
        }
        self.advance()?;
        self.advance()?;
        let iter = self.expr()?;
        let key = self.add_name(names[0]);
        let value = names.get(1).map(|&name| self.add_name(name));
        let body = self.block("of the loop")?;
        let index = self.ast.ranges.len() as u32;
        self.ast.ranges.push(Range { key, value, iter, body });
        Ok(self.add_stmt(Stmt::Range(index), at))
    }

    /// `{ … }`
    fn block(&mut self, wher: &str) -> Checked<Block> {
        let open = self.expect(Punct::LBrace, wher)?.start;
        let mut stmts = Vec::new();
        self.nested(|p| {
            loop {
                while p.eat(Punct::Semi)? {}
                if p.is(Punct::RBrace) {
                    return Ok(());
                }
                if p.tok.tok == Tok::Eof {
                    return Err(Problem::new("block without an end", open)
                        .label("opened here")
                        .help("close it with `}`"));
                }
                stmts.push(p.stmt()?);
            }
        })?;
        let end = self.advance()?.start;
        Ok(Block { stmts: self.add_block(&stmts), end })
    }

    /// Parameters and body of a function.
    pub fn func_rest(&mut self, name: Option<Sym>, at: u32) -> Checked<FuncId> {
        let id = FuncId(self.ast.funcs.len() as u32);
        let empty = Block { stmts: Span::default(), end: at };
        let mut func = Func { name, at, params: Span::default(), is_vararg: false, rest: None, body: empty };
        // The place is taken now, so that functions are numbered from the outside inwards.
        self.ast.funcs.push(func);
        self.expect(Punct::LParen, "before the parameters")?;
        let mut params: Vec<Name> = Vec::new();
        let mut rest = None;
        while !self.is(Punct::RParen) {
            if self.eat(Punct::Dots)? {
                func.is_vararg = true;
                break;
            }
            let param = self.expect_name("of a parameter")?;
            if self.eat(Punct::Dots)? {
                func.is_vararg = true;
                rest = Some(param);
                break;
            }
            params.push(param);
            if !self.eat(Punct::Comma)? {
                break;
            }
        }
        if func.is_vararg && self.is(Punct::Comma) {
            return Err(Problem::new("a parameter behind `...`", self.tok.start).help("`...` comes last"));
        }
        self.expect(Punct::RParen, "to close the parameters")?;
        func.params = self.add_names(&params);
        func.rest = rest.map(|name| self.add_name(name));
        let outer = std::mem::replace(&mut self.in_vararg, func.is_vararg);
        let body = self.block("of the function");
        self.in_vararg = outer;
        func.body = body?;
        self.ast.funcs[id.0 as usize] = func;
        Ok(id)
    }
}

/// The operator of a compound assignment.
fn compound(punct: Punct) -> Option<BinOp> {
    Some(match punct {
        Punct::PlusAssign => BinOp::Add,
        Punct::MinusAssign => BinOp::Sub,
        Punct::StarAssign => BinOp::Mul,
        Punct::SlashAssign => BinOp::Div,
        _ => return None,
    })
}
