//! The syntax tree: an arena of nodes that name each other by index.

pub use super::intern::{Interner, Sym};

/// Index of an expression.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ExprId(pub u32);

/// Index of a statement.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StmtId(pub u32);

/// Index of a function; 0 is the main chunk. Functions are numbered in the order of their `func` keywords, so that an
/// enclosing function comes before the ones in it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FuncId(pub u32);

/// Index of a list of expressions (or of a table's fields).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ListId(pub u32);

/// Index of one occurrence of a variable's name, declaration or use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NameId(pub u32);

/// A run of elements in one of the arena's lists.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Span {
    /// First element.
    pub start: u32,
    /// How many.
    pub len: u32,
}

impl Span {
    /// As a range of indices.
    pub fn range(self) -> std::ops::Range<usize> {
        self.start as usize..(self.start + self.len) as usize
    }
}

/// An expression.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Expr {
    /// `nil`
    Nil,
    /// `true`, `false`
    Bool(bool),
    /// An integer literal.
    Int(i64),
    /// A float literal.
    Float(f64),
    /// A string literal.
    Str(Sym),
    /// `...`
    Vararg,
    /// A variable.
    Name(NameId),
    /// `(e)`: cuts a call's results to one.
    Paren(ExprId),
    /// A prefix operator.
    Unary(UnOp, ExprId),
    /// An infix operator.
    Binary(BinOp, ExprId, ExprId),
    /// `a .. b .. c`, with all its operands.
    Concat(ListId),
    /// `e.name`
    Field(ExprId, Sym),
    /// `e[key]`
    Index(ExprId, ExprId),
    /// `f(args)`
    Call(ExprId, ListId),
    /// `e:name(args)`
    Method(ExprId, Sym, ListId),
    /// `func(…) {…}`
    Func(FuncId),
    /// `{…}`; the list is one of [`Ast::fields`].
    Table(ListId),
    /// `make(chan)`
    Chan,
    /// `make(chan, capacity)`
    ChanOf(ExprId),
}

/// Prefix operators.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UnOp {
    /// `-`
    Neg,
    /// `!`
    Not,
    /// `#`
    Len,
    /// `<-`
    Recv,
}

/// Infix operators, but for `..`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BinOp {
    /// `||`
    Or,
    /// `&&`
    And,
    /// `==`
    Eq,
    /// `!=`
    Ne,
    /// `<`
    Lt,
    /// `<=`
    Le,
    /// `>`
    Gt,
    /// `>=`
    Ge,
    /// `+`
    Add,
    /// `-`
    Sub,
    /// `*`
    Mul,
    /// `/`
    Div,
    /// `%`
    Mod,
    /// `**`
    Pow,
}

impl BinOp {
    /// Is it `==`, `!=`, `<`, `<=`, `>` or `>=`?
    pub fn is_comparison(self) -> bool {
        use BinOp::*;
        matches!(self, Eq | Ne | Lt | Le | Gt | Ge)
    }

    /// Is it `&&` or `||`?
    pub fn is_logical(self) -> bool {
        matches!(self, BinOp::And | BinOp::Or)
    }
}

/// A field of a table literal.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Field {
    /// `value`
    Item(ExprId),
    /// `name: value` or `"name": value`
    Named(Sym, ExprId),
    /// `[key]: value`
    Keyed(ExprId, ExprId),
}

/// A statement.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Stmt {
    /// `a, b := x, y` or `var a, b = x, y`; the names are a run of [`Ast::names`].
    Define(Span, ListId),
    /// `a, t.b = x, y`
    Assign(ListId, ListId),
    /// `a += x`, and `a++` as `a += 1`.
    OpAssign(BinOp, ExprId, ExprId),
    /// `ch <- x`
    Send(ExprId, ExprId),
    /// A call or a receive, its results dropped.
    Expr(ExprId),
    /// `if … else if … else …`: a run of [`Ast::arms`] and the `else` block.
    If(Span, Option<Block>),
    /// `for cond {…}`, `for {…}`
    While(Option<ExprId>, Block),
    /// `for init; cond; post {…}`: index into [`Ast::fors`].
    For(u32),
    /// `for k, v := range e {…}`: index into [`Ast::ranges`].
    Range(u32),
    /// `return x, y`
    Return(ListId),
    /// `break`
    Break,
    /// `continue`
    Continue,
    /// `go f(x)`
    Go(ExprId),
    /// `func name(…) {…}`
    Func(NameId, FuncId),
}

/// A block: a run of [`Ast::block_stmts`], and where its closing brace is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Block {
    /// Its statements.
    pub stmts: Span,
    /// Offset of the closing brace.
    pub end: u32,
}

/// One `if`/`else if` arm.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Arm {
    /// Condition.
    pub cond: ExprId,
    /// What runs if it holds.
    pub body: Block,
}

/// A C-style loop.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct For {
    /// First clause.
    pub init: StmtId,
    /// Second clause.
    pub cond: ExprId,
    /// Third clause.
    pub post: StmtId,
    /// Body.
    pub body: Block,
}

/// A range loop.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Range {
    /// First variable.
    pub key: NameId,
    /// Second variable.
    pub value: Option<NameId>,
    /// What it ranges over.
    pub iter: ExprId,
    /// Body.
    pub body: Block,
}

/// One occurrence of a name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Name {
    /// The name.
    pub sym: Sym,
    /// Byte offset.
    pub at: u32,
}

/// A function.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Func {
    /// Its name if it is declared with one.
    pub name: Option<Sym>,
    /// Offset of `func`.
    pub at: u32,
    /// Fixed parameters: a run of [`Ast::names`].
    pub params: Span,
    /// Takes extra arguments.
    pub is_vararg: bool,
    /// The variable that receives them as a table, in `func f(rest...)`.
    pub rest: Option<NameId>,
    /// Body.
    pub body: Block,
}

/// The syntax tree of one source.
#[derive(Default, Debug)]
pub struct Ast {
    /// Strings.
    pub strings: Interner,
    /// Expressions.
    pub exprs: Vec<Expr>,
    /// Byte offset of each expression: of the operator, the name, or what stands for it in a message.
    pub expr_at: Vec<u32>,
    /// Statements.
    pub stmts: Vec<Stmt>,
    /// Byte offset of each statement.
    pub stmt_at: Vec<u32>,
    /// Lists of expressions and of fields: runs of `list_items` and of `fields`.
    pub lists: Vec<Span>,
    /// Elements of expression lists.
    pub list_items: Vec<ExprId>,
    /// Elements of table literals.
    pub fields: Vec<Field>,
    /// Statements of blocks.
    pub block_stmts: Vec<StmtId>,
    /// Arms of `if`s.
    pub arms: Vec<Arm>,
    /// C-style loops.
    pub fors: Vec<For>,
    /// Range loops.
    pub ranges: Vec<Range>,
    /// Occurrences of names.
    pub names: Vec<Name>,
    /// Functions; index 0 is the main chunk.
    pub funcs: Vec<Func>,
}

impl Ast {
    /// The expression.
    pub fn expr(&self, id: ExprId) -> Expr {
        self.exprs[id.0 as usize]
    }

    /// Its byte offset.
    pub fn at(&self, id: ExprId) -> u32 {
        self.expr_at[id.0 as usize]
    }

    /// The statement.
    pub fn stmt(&self, id: StmtId) -> Stmt {
        self.stmts[id.0 as usize]
    }

    /// The expressions of a list.
    pub fn list(&self, id: ListId) -> &[ExprId] {
        &self.list_items[self.lists[id.0 as usize].range()]
    }

    /// The fields of a table literal.
    pub fn table(&self, id: ListId) -> &[Field] {
        &self.fields[self.lists[id.0 as usize].range()]
    }

    /// The occurrence of a name.
    pub fn name(&self, id: NameId) -> Name {
        self.names[id.0 as usize]
    }

    /// The function.
    pub fn func(&self, id: FuncId) -> Func {
        self.funcs[id.0 as usize]
    }

    /// Does this expression give any number of values? (`f()`, `obj:m()`, `...`)
    pub fn is_multi(&self, id: ExprId) -> bool {
        matches!(self.expr(id), Expr::Call(..) | Expr::Method(..) | Expr::Vararg)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_small() {
        assert_eq!(size_of::<Expr>(), 16);
    }
}
