//! What names mean: which occurrence is which variable, who captures it, who assigns it.

use rustc_hash::FxHashMap;

use crate::diagnostic::{Checked, Problem};
use crate::syntax::ast::*;

/// Index of a local variable, in [`Resolution::vars`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct VarId(pub u32);

impl VarId {
    /// As an index.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// What an occurrence of a name refers to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Binding {
    /// A local variable of the same function.
    Local(VarId),
    /// An upvalue of the function, by index.
    Upval(u8),
    /// A global, by index.
    Global(u32),
}

/// A local variable.
#[derive(Debug)]
pub struct Var {
    /// Its name.
    pub name: Sym,
    /// Nesting level of the function it belongs to.
    level: u32,
    /// Does an inner function use it?
    pub captured: bool,
    /// Byte offsets of all assignments, its declaration apart; in ascending order unless it is captured.
    pub assigns: Vec<u32>,
}

/// Where a closure finds an upvalue.
#[derive(Clone, Copy, Debug)]
pub enum UpvalFrom {
    /// A local of the enclosing function.
    Var(VarId),
    /// An upvalue of the enclosing function.
    Upval(u8),
}

/// All that is known about the names of a source.
#[derive(Default, Debug)]
pub struct Resolution {
    /// By [`NameId`].
    pub bindings: Vec<Binding>,
    /// By [`VarId`].
    pub vars: Vec<Var>,
    /// By [`FuncId`]: names and origins of the function's upvalues.
    pub upvals: Vec<Vec<(Sym, UpvalFrom)>>,
    /// Names of the globals.
    pub globals: Vec<Sym>,
}

/// Upvalues that a function may have.
const MAX_UPVALUES: usize = 255;

/// Resolves all names of a source.
pub fn resolve(ast: &Ast) -> Checked<Resolution> {
    let mut resolver = Resolver {
        ast,
        out: Resolution {
            // Names on the left of `:=` are parsed as expressions first; those occurrences stay unused.
            bindings: vec![Binding::Global(u32::MAX); ast.names.len()],
            upvals: vec![Vec::new(); ast.funcs.len()],
            ..Resolution::default()
        },
        globals: FxHashMap::default(),
        visible: FxHashMap::default(),
        scopes: Vec::new(),
        funcs: Vec::new(),
        work: Vec::new(),
    };
    resolver.func(FuncId(0))?;
    Ok(resolver.out)
}

struct Resolver<'a> {
    ast: &'a Ast,
    out: Resolution,
    globals: FxHashMap<Sym, u32>,
    /// The variables of each name that are in scope, the innermost last.
    visible: FxHashMap<Sym, Vec<VarId>>,
    /// Names declared in each open scope, the innermost last; a function's outermost scope has its parameters.
    scopes: Vec<Vec<Sym>>,
    /// Functions around the current place, with the upvalues that they have so far.
    funcs: Vec<(FuncId, FxHashMap<VarId, u8>)>,
    /// Expressions that are still to be visited.
    work: Vec<ExprId>,
}

impl Resolver<'_> {
    fn func(&mut self, id: FuncId) -> Checked<()> {
        let func = self.ast.func(id);
        self.funcs.push((id, FxHashMap::default()));
        self.scopes.push(Vec::new());
        for index in func.params.range() {
            self.declare(NameId(index as u32));
        }
        if let Some(rest) = func.rest {
            self.declare(rest);
        }
        self.stmts(func.body)?;
        self.leave_scope();
        self.funcs.pop();
        Ok(())
    }

    fn level(&self) -> u32 {
        self.funcs.len() as u32
    }

    fn leave_scope(&mut self) {
        for sym in self.scopes.pop().unwrap_or_default() {
            if let Some(vars) = self.visible.get_mut(&sym) {
                vars.pop();
            }
        }
    }

    fn block(&mut self, block: Block) -> Checked<()> {
        self.scopes.push(Vec::new());
        self.stmts(block)?;
        self.leave_scope();
        Ok(())
    }

    fn stmts(&mut self, block: Block) -> Checked<()> {
        let ast = self.ast;
        for &stmt in &ast.block_stmts[block.stmts.range()] {
            self.stmt(stmt)?;
        }
        Ok(())
    }

    /// Makes a new local variable, or at the outermost level of the main chunk a global.
    fn declare(&mut self, name: NameId) {
        let sym = self.ast.name(name).sym;
        if self.scopes.len() == 1 {
            self.out.bindings[name.0 as usize] = Binding::Global(self.global(sym));
            return;
        }
        let var = VarId(self.out.vars.len() as u32);
        self.out.vars.push(Var { name: sym, level: self.level(), captured: false, assigns: Vec::new() });
        self.out.bindings[name.0 as usize] = Binding::Local(var);
        self.visible.entry(sym).or_default().push(var);
        if let Some(scope) = self.scopes.last_mut() {
            scope.push(sym);
        }
    }

    fn global(&mut self, sym: Sym) -> u32 {
        let next = self.out.globals.len() as u32;
        let index = *self.globals.entry(sym).or_insert(next);
        if index == next {
            self.out.globals.push(sym);
        }
        index
    }

    /// Resolves the use of a name; the variable, if it is one.
    fn name(&mut self, name: NameId) -> Checked<Option<VarId>> {
        let Name { sym, at } = self.ast.name(name);
        let var = self.visible.get(&sym).and_then(|vars| vars.last()).copied();
        self.out.bindings[name.0 as usize] = match var {
            None => Binding::Global(self.global(sym)),
            Some(var) if self.out.vars[var.index()].level == self.level() => Binding::Local(var),
            Some(var) => Binding::Upval(self.capture(var, sym, at)?),
        };
        Ok(var)
    }

    /// Makes `var` of an enclosing function reach the current one, through all functions between.
    fn capture(&mut self, var: VarId, sym: Sym, at: u32) -> Checked<u8> {
        if let Some(&index) = self.funcs.last().and_then(|(_, upvals)| upvals.get(&var)) {
            return Ok(index);
        }
        self.out.vars[var.index()].captured = true;
        let owner = self.out.vars[var.index()].level as usize;
        let mut from = UpvalFrom::Var(var);
        let mut index = 0;
        for (func, known) in &mut self.funcs[owner..] {
            let upvals = &mut self.out.upvals[func.0 as usize];
            index = match known.get(&var) {
                Some(&index) => index,
                None if upvals.len() >= MAX_UPVALUES => {
                    let message =
                        format!("a function uses more than {MAX_UPVALUES} variables of the functions around it");
                    return Err(Problem::new(message, at).help("keep some of them in a table"));
                }
                None => {
                    let index = upvals.len() as u8;
                    upvals.push((sym, from));
                    known.insert(var, index);
                    index
                }
            };
            from = UpvalFrom::Upval(index);
        }
        Ok(index)
    }

    fn assign(&mut self, name: NameId) -> Checked<()> {
        if let Some(var) = self.name(name)? {
            self.out.vars[var.index()].assigns.push(self.ast.name(name).at);
        }
        Ok(())
    }

    fn target(&mut self, target: ExprId) -> Checked<()> {
        match self.ast.expr(target) {
            Expr::Name(name) => self.assign(name),
            _ => self.expr(target),
        }
    }

    fn exprs(&mut self, list: ListId) -> Checked<()> {
        let ast = self.ast;
        for &expr in ast.list(list) {
            self.expr(expr)?;
        }
        Ok(())
    }

    /// Visits an expression in the order of its text. Only functions in it recurse.
    fn expr(&mut self, root: ExprId) -> Checked<()> {
        let ast = self.ast;
        let base = self.work.len();
        self.work.push(root);
        while self.work.len() > base {
            let Some(id) = self.work.pop() else { break };
            match ast.expr(id) {
                Expr::Nil | Expr::Bool(_) | Expr::Int(_) | Expr::Float(_) | Expr::Str(_) => {}
                Expr::Vararg | Expr::Chan => {}
                Expr::Name(name) => {
                    self.name(name)?;
                }
                Expr::Paren(e) | Expr::Unary(_, e) | Expr::Field(e, _) | Expr::ChanOf(e) => self.work.push(e),
                Expr::Binary(_, left, right) | Expr::Index(left, right) => self.work.extend([right, left]),
                Expr::Concat(list) => self.work.extend(ast.list(list).iter().rev()),
                Expr::Call(callee, args) | Expr::Method(callee, _, args) => {
                    self.work.extend(ast.list(args).iter().rev());
                    self.work.push(callee);
                }
                Expr::Func(func) => self.func(func)?,
                Expr::Table(list) => {
                    for &field in ast.table(list).iter().rev() {
                        match field {
                            Field::Item(value) | Field::Named(_, value) => self.work.push(value),
                            Field::Keyed(key, value) => self.work.extend([value, key]),
                        }
                    }
                }
            }
        }
        Ok(())
    }

    fn stmt(&mut self, id: StmtId) -> Checked<()> {
        let ast = self.ast;
        match ast.stmt(id) {
            Stmt::Define(names, values) => {
                self.exprs(values)?;
                for index in names.range() {
                    self.declare(NameId(index as u32));
                }
            }
            Stmt::Assign(targets, values) => {
                self.exprs(values)?;
                for &target in ast.list(targets) {
                    self.target(target)?;
                }
            }
            Stmt::OpAssign(_, target, value) => {
                self.target(target)?;
                self.expr(value)?;
            }
            Stmt::Send(channel, value) => {
                self.expr(channel)?;
                self.expr(value)?;
            }
            Stmt::Expr(e) | Stmt::Go(e) => self.expr(e)?,
            Stmt::If(arms, otherwise) => {
                for arm in &ast.arms[arms.range()] {
                    self.expr(arm.cond)?;
                    self.block(arm.body)?;
                }
                if let Some(block) = otherwise {
                    self.block(block)?;
                }
            }
            Stmt::While(cond, body) => {
                if let Some(cond) = cond {
                    self.expr(cond)?;
                }
                self.block(body)?;
            }
            Stmt::For(index) => {
                let For { init, cond, post, body } = ast.fors[index as usize];
                self.scopes.push(Vec::new());
                self.stmt(init)?;
                self.expr(cond)?;
                // The third clause stands before the body in the text and sees none of the body's variables.
                self.stmt(post)?;
                self.block(body)?;
                self.leave_scope();
            }
            Stmt::Range(index) => {
                let Range { key, value, iter, body } = ast.ranges[index as usize];
                self.expr(iter)?;
                self.scopes.push(Vec::new());
                self.declare(key);
                if let Some(value) = value {
                    self.declare(value);
                }
                self.block(body)?;
                self.leave_scope();
            }
            Stmt::Return(values) => self.exprs(values)?,
            Stmt::Break | Stmt::Continue => {}
            Stmt::Func(name, func) => {
                self.assign(name)?;
                self.func(func)?;
            }
        }
        Ok(())
    }
}
