//! The parser's state: tokens with one of lookahead, the arena, the nesting depth.

use super::MAX_NESTING;
use super::ast::*;
use super::hints;
use super::lexer::Lexer;
use super::token::{Kw, Punct, Tok, Token};
use crate::diagnostic::{Checked, Problem};

/// Longest source, so that offsets, node indices and jump distances fit their fields.
const MAX_SOURCE: usize = 1 << 30;

/// Recursive descent, except along left spines and lists, which are loops.
pub(super) struct Parser<'a> {
    lexer: Lexer<'a>,
    text: &'a str,
    /// The token that is looked at.
    pub tok: Token,
    peeked: Option<Token>,
    /// End of the token before.
    pub prev_end: u32,
    /// The token before, to explain what ran into what.
    pub prev: Tok,
    depth: u32,
    /// The tree so far.
    pub ast: Ast,
    /// Does the function being parsed take `...`?
    pub in_vararg: bool,
}

/// Parses a whole source; the main chunk is function 0.
pub(crate) fn parse(text: &str) -> Checked<Ast> {
    if text.len() > MAX_SOURCE {
        return Err(Problem::new("the source is longer than 1 GiB", 0).help("split it into several files"));
    }
    let mut ast = Ast::default();
    let mut lexer = Lexer::new(text);
    let tok = lexer.next(&mut ast.strings)?;
    let mut parser = Parser {
        lexer,
        text,
        tok,
        peeked: None,
        prev_end: 0,
        prev: Tok::Punct(Punct::Semi),
        depth: 0,
        ast,
        in_vararg: false,
    };
    parser.program()?;
    Ok(parser.ast)
}

impl Parser<'_> {
    fn program(&mut self) -> Checked<()> {
        let empty = Block { stmts: Span::default(), end: 0 };
        self.ast.funcs.push(Func {
            name: None,
            at: 0,
            params: Span::default(),
            is_vararg: false,
            rest: None,
            body: empty,
        });
        let mut stmts = Vec::new();
        loop {
            while self.eat(Punct::Semi)? {}
            if self.tok.tok == Tok::Eof {
                break;
            }
            if self.is(Punct::RBrace) {
                return Err(Problem::new("unexpected `}`", self.tok.start).help("no block is open here"));
            }
            stmts.push(self.stmt()?);
        }
        let stmts = self.add_block(&stmts);
        self.ast.funcs[0].body = Block { stmts, end: self.tok.start };
        Ok(())
    }

    /// Moves on by one token and returns the one it was at.
    pub fn advance(&mut self) -> Checked<Token> {
        let next = match self.peeked.take() {
            Some(token) => token,
            None => self.lexer.next(&mut self.ast.strings)?,
        };
        let token = std::mem::replace(&mut self.tok, next);
        self.prev_end = token.end;
        self.prev = token.tok;
        Ok(token)
    }

    /// The token behind the one that is looked at.
    pub fn peek(&mut self) -> Checked<Tok> {
        if self.peeked.is_none() {
            self.peeked = Some(self.lexer.next(&mut self.ast.strings)?);
        }
        Ok(self.peeked.map_or(Tok::Eof, |token| token.tok))
    }

    /// Is the current token this one?
    pub fn is(&self, punct: Punct) -> bool {
        self.tok.tok == Tok::Punct(punct)
    }

    /// Is the current token this keyword?
    pub fn is_kw(&self, kw: Kw) -> bool {
        self.tok.tok == Tok::Kw(kw)
    }

    /// Skips the token if it is this one.
    pub fn eat(&mut self, punct: Punct) -> Checked<bool> {
        let found = self.is(punct);
        if found {
            self.advance()?;
        }
        Ok(found)
    }

    /// Skips the keyword if it is this one.
    pub fn eat_kw(&mut self, kw: Kw) -> Checked<bool> {
        let found = self.is_kw(kw);
        if found {
            self.advance()?;
        }
        Ok(found)
    }

    /// Requires this token.
    pub fn expect(&mut self, punct: Punct, wher: &str) -> Checked<Token> {
        if self.is(punct) {
            return self.advance();
        }
        Err(self.unexpected(&format!("expected `{}` {wher}", punct.text())))
    }

    /// Requires a name.
    pub fn expect_name(&mut self, wher: &str) -> Checked<Name> {
        match self.tok.tok {
            Tok::Name(sym) => {
                let at = self.advance()?.start;
                Ok(Name { sym, at })
            }
            Tok::Kw(kw) => {
                let problem = self.unexpected(&format!("expected a name {wher}"));
                Err(problem.help(format!("`{}` is a keyword; choose another name", kw.text())))
            }
            _ => Err(self.unexpected(&format!("expected a name {wher}"))),
        }
    }

    /// "`wanted`, found …" at the current token, with a hint where one is known.
    pub fn unexpected(&self, wanted: &str) -> Box<Problem> {
        let found = self.describe(self.tok);
        let len = (self.tok.end - self.tok.start).max(1);
        let problem = Problem::new(format!("{wanted}, found {found}"), self.tok.start).len(len);
        match hints::unexpected(self) {
            Some(help) => problem.help(help),
            None => problem,
        }
    }

    /// A token as messages call it.
    pub fn describe(&self, token: Token) -> String {
        match token.tok {
            Tok::Name(sym) => format!("`{}`", shorten(&self.ast.strings.text(sym))),
            Tok::Int(_) | Tok::Float(_) => {
                format!("the number {}", shorten(&self.text[token.start as usize..token.end as usize]))
            }
            Tok::Str(_) => "a string".to_owned(),
            Tok::Kw(kw) => format!("keyword `{}`", kw.text()),
            Tok::Punct(punct) => format!("`{}`", punct.text()),
            Tok::Eof => "the end of the file".to_owned(),
        }
    }

    /// Runs `body` one nesting level deeper.
    pub fn nested<T>(&mut self, body: impl FnOnce(&mut Self) -> Checked<T>) -> Checked<T> {
        if self.depth >= MAX_NESTING {
            return Err(Problem::new(format!("nested more than {MAX_NESTING} levels deep"), self.tok.start)
                .help("move the inner part into a function or a variable of its own"));
        }
        self.depth += 1;
        let result = body(self);
        self.depth -= 1;
        result
    }

    /// Adds an expression to the arena.
    pub fn add(&mut self, expr: Expr, at: u32) -> ExprId {
        let id = ExprId(self.ast.exprs.len() as u32);
        self.ast.exprs.push(expr);
        self.ast.expr_at.push(at);
        id
    }

    /// Adds a statement to the arena.
    pub fn add_stmt(&mut self, stmt: Stmt, at: u32) -> StmtId {
        let id = StmtId(self.ast.stmts.len() as u32);
        self.ast.stmts.push(stmt);
        self.ast.stmt_at.push(at);
        id
    }

    /// Adds the occurrence of a name.
    pub fn add_name(&mut self, name: Name) -> NameId {
        let id = NameId(self.ast.names.len() as u32);
        self.ast.names.push(name);
        id
    }

    /// Adds the occurrences of several names.
    pub fn add_names(&mut self, names: &[Name]) -> Span {
        let start = self.ast.names.len() as u32;
        self.ast.names.extend_from_slice(names);
        Span { start, len: names.len() as u32 }
    }

    /// Adds a list of expressions.
    pub fn add_list(&mut self, items: &[ExprId]) -> ListId {
        let start = self.ast.list_items.len() as u32;
        self.ast.list_items.extend_from_slice(items);
        self.add_span(Span { start, len: items.len() as u32 })
    }

    /// Adds the fields of a table.
    pub fn add_fields(&mut self, fields: &[Field]) -> ListId {
        let start = self.ast.fields.len() as u32;
        self.ast.fields.extend_from_slice(fields);
        self.add_span(Span { start, len: fields.len() as u32 })
    }

    fn add_span(&mut self, span: Span) -> ListId {
        let id = ListId(self.ast.lists.len() as u32);
        self.ast.lists.push(span);
        id
    }

    /// Adds the statements of a block.
    pub fn add_block(&mut self, stmts: &[StmtId]) -> Span {
        let start = self.ast.block_stmts.len() as u32;
        self.ast.block_stmts.extend_from_slice(stmts);
        Span { start, len: stmts.len() as u32 }
    }
}

/// Long names are cut in messages.
fn shorten(text: &str) -> String {
    match text.char_indices().nth(40) {
        Some((cut, _)) => format!("{}…", &text[..cut]),
        None => text.to_owned(),
    }
}
