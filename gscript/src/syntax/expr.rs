//! Expressions.

use super::ast::*;
use super::parser::Parser;
use super::token::{Kw, Punct, Tok};
use crate::diagnostic::{Checked, Problem};

/// Binding power of an infix operator that groups to the left; `..` and `**` are handled where they belong.
fn infix(tok: Tok) -> Option<(u8, BinOp)> {
    let Tok::Punct(punct) = tok else { return None };
    Some(match punct {
        Punct::OrOr => (1, BinOp::Or),
        Punct::AndAnd => (2, BinOp::And),
        Punct::EqEq => (3, BinOp::Eq),
        Punct::NotEq => (3, BinOp::Ne),
        Punct::Lt => (3, BinOp::Lt),
        Punct::Le => (3, BinOp::Le),
        Punct::Gt => (3, BinOp::Gt),
        Punct::Ge => (3, BinOp::Ge),
        Punct::Plus => (5, BinOp::Add),
        Punct::Minus => (5, BinOp::Sub),
        Punct::Star => (6, BinOp::Mul),
        Punct::Slash => (6, BinOp::Div),
        Punct::Percent => (6, BinOp::Mod),
        _ => return None,
    })
}

/// Level of `..`, between comparison and addition.
const CONCAT_LEVEL: u8 = 4;

impl Parser<'_> {
    /// An expression.
    pub fn expr(&mut self) -> Checked<ExprId> {
        self.nested(|p| p.binary(1))
    }

    /// A chain of infix operators of at least this level.
    fn binary(&mut self, min: u8) -> Checked<ExprId> {
        let mut left = self.power()?;
        loop {
            if min <= CONCAT_LEVEL && self.is(Punct::Concat) {
                left = self.concat(left)?;
                continue;
            }
            match infix(self.tok.tok) {
                Some((level, op)) if level >= min => {
                    let at = self.advance()?.start;
                    let right = self.binary(level + 1)?;
                    left = self.add(Expr::Binary(op, left, right), at);
                }
                _ => return Ok(left),
            }
        }
    }

    /// `first .. b .. c`: one node for the whole chain, which groups to the right.
    fn concat(&mut self, first: ExprId) -> Checked<ExprId> {
        let at = self.tok.start;
        let mut operands = vec![first];
        while self.eat(Punct::Concat)? {
            operands.push(self.binary(CONCAT_LEVEL + 1)?);
        }
        let list = self.add_list(&operands);
        Ok(self.add(Expr::Concat(list), at))
    }

    /// `a ** b ** c`, which groups to the right; prefix operators bind tighter.
    fn power(&mut self) -> Checked<ExprId> {
        let base = self.unary()?;
        if !self.is(Punct::Pow) {
            return Ok(base);
        }
        let at = self.advance()?.start;
        let exponent = self.nested(|p| p.power())?;
        Ok(self.add(Expr::Binary(BinOp::Pow, base, exponent), at))
    }

    fn unary(&mut self) -> Checked<ExprId> {
        let op = match self.tok.tok {
            Tok::Punct(Punct::Minus) => UnOp::Neg,
            Tok::Punct(Punct::Not) => UnOp::Not,
            Tok::Punct(Punct::Hash) => UnOp::Len,
            Tok::Punct(Punct::Arrow) => UnOp::Recv,
            _ => return self.postfix(),
        };
        let at = self.advance()?.start;
        let operand = self.nested(|p| p.unary())?;
        Ok(self.add(Expr::Unary(op, operand), at))
    }

    fn postfix(&mut self) -> Checked<ExprId> {
        let mut left = self.primary()?;
        loop {
            let Tok::Punct(punct) = self.tok.tok else {
                return Ok(left);
            };
            left = match punct {
                Punct::Dot => {
                    self.advance()?;
                    let name = self.field_name("behind `.`")?;
                    self.add(Expr::Field(left, name.sym), name.at)
                }
                Punct::LBracket => {
                    let at = self.advance()?.start;
                    let key = self.expr()?;
                    self.expect(Punct::RBracket, "to close the index")?;
                    self.add(Expr::Index(left, key), at)
                }
                Punct::LParen => {
                    // An error in a call names the function where it has a name, else the parenthesis.
                    let at = match self.ast.expr(left) {
                        Expr::Name(_) | Expr::Field(..) => self.ast.at(left),
                        _ => self.tok.start,
                    };
                    let args = self.call_args()?;
                    self.add(Expr::Call(left, args), at)
                }
                Punct::Colon => {
                    self.advance()?;
                    let name = self.field_name("behind `:`")?;
                    if !self.is(Punct::LParen) {
                        return Err(self.unexpected("expected `(` behind the method name"));
                    }
                    let args = self.call_args()?;
                    self.add(Expr::Method(left, name.sym, args), name.at)
                }
                _ => return Ok(left),
            };
        }
    }

    /// `(a, b, …)`
    fn call_args(&mut self) -> Checked<ListId> {
        self.expect(Punct::LParen, "before the arguments")?;
        let mut args = Vec::new();
        while !self.is(Punct::RParen) {
            args.push(self.expr()?);
            if !self.eat(Punct::Comma)? {
                break;
            }
        }
        self.expect(Punct::RParen, "to close the arguments")?;
        Ok(self.add_list(&args))
    }

    /// A name or a keyword, as a field's name.
    fn field_name(&mut self, wher: &str) -> Checked<Name> {
        match self.tok.tok {
            Tok::Kw(kw) => {
                let at = self.advance()?.start;
                Ok(Name { sym: self.ast.strings.intern(kw.text().as_bytes()), at })
            }
            _ => self.expect_name(wher),
        }
    }

    fn primary(&mut self) -> Checked<ExprId> {
        let at = self.tok.start;
        let expr = match self.tok.tok {
            Tok::Int(value) => Expr::Int(value),
            Tok::Float(value) => Expr::Float(value),
            Tok::Str(sym) => Expr::Str(sym),
            Tok::Kw(Kw::True) => Expr::Bool(true),
            Tok::Kw(Kw::False) => Expr::Bool(false),
            Tok::Kw(Kw::Nil) => Expr::Nil,
            Tok::Punct(Punct::Dots) => {
                if !self.in_vararg {
                    return Err(Problem::new("`...` outside of a function that takes `...`", at)
                        .len(3)
                        .help("declare it as in `func f(a, ...) { … }`"));
                }
                Expr::Vararg
            }
            Tok::Name(sym) => {
                self.advance()?;
                let is_make = self.ast.strings.bytes(sym)[..] == *b"make";
                if is_make && self.is(Punct::LParen) && self.peek()? == Tok::Kw(Kw::Chan) {
                    return self.make_chan(at);
                }
                let name = self.add_name(Name { sym, at });
                return Ok(self.add(Expr::Name(name), at));
            }
            Tok::Kw(Kw::Func) => {
                self.advance()?;
                if let Tok::Name(_) = self.tok.tok {
                    let problem = self.unexpected("expected `(`");
                    return Err(problem.help("a function inside an expression has no name: `func(a) { … }`"));
                }
                let func = self.func_rest(None, at)?;
                return Ok(self.add(Expr::Func(func), at));
            }
            Tok::Punct(Punct::LParen) => {
                self.advance()?;
                let inner = self.expr()?;
                self.expect(Punct::RParen, "to close the parenthesis")?;
                let at = self.ast.at(inner);
                return Ok(self.add(Expr::Paren(inner), at));
            }
            Tok::Punct(Punct::LBrace) => return self.table(at),
            _ => return Err(self.unexpected("expected an expression")),
        };
        self.advance()?;
        Ok(self.add(expr, at))
    }

    /// `(chan)` or `(chan, n)` behind `make`.
    fn make_chan(&mut self, at: u32) -> Checked<ExprId> {
        self.expect(Punct::LParen, "behind `make`")?;
        self.eat_kw(Kw::Chan)?;
        let expr = match self.eat(Punct::Comma)? {
            true => Expr::ChanOf(self.expr()?),
            false => Expr::Chan,
        };
        self.expect(Punct::RParen, "to close `make`")?;
        Ok(self.add(expr, at))
    }

    /// `{ fields }`; separators are optional.
    fn table(&mut self, at: u32) -> Checked<ExprId> {
        self.expect(Punct::LBrace, "to open the table")?;
        let mut fields = Vec::new();
        while !self.is(Punct::RBrace) {
            if self.tok.tok == Tok::Eof {
                return Err(Problem::new("table without an end", at).help("close it with `}`"));
            }
            fields.push(self.table_field()?);
            if !self.eat(Punct::Comma)? {
                self.eat(Punct::Semi)?;
            }
        }
        self.advance()?;
        let list = self.add_fields(&fields);
        Ok(self.add(Expr::Table(list), at))
    }

    fn table_field(&mut self) -> Checked<Field> {
        if self.eat(Punct::LBracket)? {
            let key = self.expr()?;
            self.expect(Punct::RBracket, "to close the key")?;
            self.expect(Punct::Colon, "between key and value")?;
            return Ok(Field::Keyed(key, self.expr()?));
        }
        let key = match self.tok.tok {
            Tok::Name(sym) | Tok::Str(sym) => Some(sym),
            Tok::Kw(kw) => Some(self.ast.strings.intern(kw.text().as_bytes())),
            _ => None,
        };
        match key {
            Some(sym) if self.peek()? == Tok::Punct(Punct::Colon) => {
                if let Tok::Kw(kw @ (Kw::True | Kw::False | Kw::Nil)) = self.tok.tok {
                    let word = kw.text();
                    return Err(Problem::new(format!("`{word}` as a table key is ambiguous"), self.tok.start)
                        .len(word.len() as u32)
                        .help(format!("write [{word}] for the value or \"{word}\" for the name")));
                }
                self.advance()?;
                self.advance()?;
                Ok(Field::Named(sym, self.expr()?))
            }
            _ => Ok(Field::Item(self.expr()?)),
        }
    }
}
