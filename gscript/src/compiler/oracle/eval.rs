//! Evaluates the syntax tree of a small part of the language: integers, strings, tables, closures.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use crate::syntax::ast::*;

/// A value.
#[derive(Clone)]
pub enum V {
    Nil,
    Bool(bool),
    Int(i64),
    Str(Rc<[u8]>),
    Table(Rc<RefCell<HashMap<Key, V>>>),
    Func(Rc<(FuncId, Rc<Scope>)>),
    Print,
}

/// A table's key.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Key {
    Bool(bool),
    Int(i64),
    Str(Rc<[u8]>),
}

/// What is in scope at some place: a list of variables, the innermost first. A closure keeps the list of the place
/// where it is made, so that it does not see what is declared behind it.
pub struct Scope {
    /// `None` at the start of a block.
    var: Option<(Sym, RefCell<V>)>,
    outer: Option<Rc<Scope>>,
    /// The main chunk's outermost block, where variables are globals.
    is_root: bool,
    varargs: Rc<Vec<V>>,
}

/// Why evaluation stopped.
#[derive(Debug, PartialEq)]
pub enum Stop {
    /// A runtime error.
    Error,
    /// The program runs too long to be of use.
    Fuel,
}

enum Flow {
    Next,
    Break,
    Continue,
    Return(Vec<V>),
}

type Res<T> = Result<T, Stop>;

/// Evaluates programs.
pub struct Eval<'a> {
    ast: &'a Ast,
    /// What was printed.
    pub out: String,
    fuel: u32,
    depth: u32,
    globals: HashMap<Sym, V>,
}

impl<'a> Eval<'a> {
    /// For this program.
    pub fn new(ast: &'a Ast) -> Eval<'a> {
        Eval { ast, out: String::new(), fuel: 20_000, depth: 0, globals: HashMap::new() }
    }

    /// Runs the main chunk.
    pub fn main(&mut self) -> Res<()> {
        let root = Scope { var: None, outer: None, is_root: true, varargs: Rc::default() };
        self.stmts(self.ast.func(FuncId(0)).body, Rc::new(root)).map(|_| ())
    }

    fn burn(&mut self) -> Res<()> {
        self.fuel = self.fuel.checked_sub(1).ok_or(Stop::Fuel)?;
        Ok(())
    }

    /// The scope of a block in `scope`.
    fn inner(&self, scope: &Rc<Scope>) -> Rc<Scope> {
        let varargs = scope.varargs.clone();
        Rc::new(Scope { var: None, outer: Some(scope.clone()), is_root: false, varargs })
    }

    fn declare(&mut self, scope: &mut Rc<Scope>, sym: Sym, value: V) {
        if scope.is_root {
            self.globals.insert(sym, value);
            return;
        }
        let (outer, varargs) = (Some(scope.clone()), scope.varargs.clone());
        *scope = Rc::new(Scope { var: Some((sym, RefCell::new(value))), outer, is_root: false, varargs });
    }

    fn find<'s>(&self, scope: &'s Rc<Scope>, sym: Sym) -> Option<&'s RefCell<V>> {
        let mut scope = Some(scope);
        while let Some(current) = scope {
            match &current.var {
                Some((name, cell)) if *name == sym => return Some(cell),
                _ => scope = current.outer.as_ref(),
            }
        }
        None
    }

    fn get_name(&self, scope: &Rc<Scope>, name: NameId) -> V {
        let sym = self.ast.name(name).sym;
        match self.find(scope, sym) {
            Some(cell) => cell.borrow().clone(),
            None if self.ast.strings.bytes(sym)[..] == *b"print" => V::Print,
            None => self.globals.get(&sym).cloned().unwrap_or(V::Nil),
        }
    }

    fn set_name(&mut self, scope: &Rc<Scope>, name: NameId, value: V) {
        let sym = self.ast.name(name).sym;
        match self.find(scope, sym) {
            Some(cell) => *cell.borrow_mut() = value,
            None => drop(self.globals.insert(sym, value)),
        }
    }

    fn stmts(&mut self, block: Block, mut scope: Rc<Scope>) -> Res<Flow> {
        let ast = self.ast;
        for &stmt in &ast.block_stmts[block.stmts.range()] {
            match self.stmt(stmt, &mut scope)? {
                Flow::Next => {}
                other => return Ok(other),
            }
        }
        Ok(Flow::Next)
    }

    fn block(&mut self, block: Block, scope: &Rc<Scope>) -> Res<Flow> {
        let scope = self.inner(scope);
        self.stmts(block, scope)
    }

    fn stmt(&mut self, stmt: StmtId, scope: &mut Rc<Scope>) -> Res<Flow> {
        self.burn()?;
        let ast = self.ast;
        match ast.stmt(stmt) {
            Stmt::Define(names, values) => {
                let mut values = self.list(values, scope)?.into_iter();
                for name in &ast.names[names.range()] {
                    self.declare(scope, name.sym, values.next().unwrap_or(V::Nil));
                }
            }
            Stmt::Assign(targets, values) => {
                let mut values = self.list(values, scope)?.into_iter();
                for &target in ast.list(targets) {
                    let value = values.next().unwrap_or(V::Nil);
                    self.store(target, value, scope)?;
                }
            }
            Stmt::OpAssign(op, target, value) => {
                if let Expr::Name(name) = ast.expr(target) {
                    let old = self.get_name(scope, name);
                    let value = self.one(value, scope)?;
                    let new = binary(op, old, value)?;
                    self.set_name(scope, name, new);
                    return Ok(Flow::Next);
                }
                let (table, key) = self.place(target, scope)?;
                let old = index(&table, &key)?;
                let value = self.one(value, scope)?;
                set_index(&table, &key, binary(op, old, value)?)?;
            }
            Stmt::Expr(e) => drop(self.multi(e, scope)?),
            Stmt::If(arms, otherwise) => {
                for arm in &ast.arms[arms.range()] {
                    if truthy(&self.one(arm.cond, scope)?) {
                        return self.block(arm.body, scope);
                    }
                }
                if let Some(block) = otherwise {
                    return self.block(block, scope);
                }
            }
            Stmt::While(cond, body) => loop {
                self.burn()?;
                if let Some(cond) = cond
                    && !truthy(&self.one(cond, scope)?)
                {
                    break;
                }
                match self.block(body, scope)? {
                    Flow::Break => break,
                    Flow::Return(values) => return Ok(Flow::Return(values)),
                    Flow::Next | Flow::Continue => {}
                }
            },
            Stmt::For(index) => {
                let For { init, cond, post, body } = ast.fors[index as usize];
                let mut scope = self.inner(scope);
                self.stmt(init, &mut scope)?;
                while truthy(&self.one(cond, &scope)?) {
                    match self.block(body, &scope)? {
                        Flow::Break => break,
                        Flow::Return(values) => return Ok(Flow::Return(values)),
                        Flow::Next | Flow::Continue => {}
                    }
                    self.stmt(post, &mut scope)?;
                }
            }
            Stmt::Range(index) => {
                let Range { key, value, iter, body } = ast.ranges[index as usize];
                let mut state = match ast.is_multi(iter) {
                    true => self.multi(iter, scope)?,
                    false => vec![self.one(iter, scope)?],
                };
                state.resize(3, V::Nil);
                loop {
                    self.burn()?;
                    let results = self.call(state[0].clone(), state[1..].to_vec())?;
                    let mut results = results.into_iter();
                    let first = results.next().unwrap_or(V::Nil);
                    if let V::Nil = first {
                        break;
                    }
                    state[2] = first.clone();
                    let mut scope = self.inner(scope);
                    self.declare(&mut scope, ast.name(key).sym, first);
                    if let Some(value) = value {
                        self.declare(&mut scope, ast.name(value).sym, results.next().unwrap_or(V::Nil));
                    }
                    match self.block(body, &scope)? {
                        Flow::Break => break,
                        Flow::Return(values) => return Ok(Flow::Return(values)),
                        Flow::Next | Flow::Continue => {}
                    }
                }
            }
            Stmt::Return(values) => return Ok(Flow::Return(self.list(values, scope)?)),
            Stmt::Break => return Ok(Flow::Break),
            Stmt::Continue => return Ok(Flow::Continue),
            Stmt::Func(name, func) => {
                let value = V::Func(Rc::new((func, scope.clone())));
                self.set_name(scope, name, value);
            }
            Stmt::Send(..) | Stmt::Go(_) => unreachable!("not generated"),
        }
        Ok(Flow::Next)
    }

    fn place(&mut self, target: ExprId, scope: &Rc<Scope>) -> Res<(V, V)> {
        match self.ast.expr(target) {
            Expr::Field(object, name) => {
                let table = self.one(object, scope)?;
                Ok((table, V::Str(self.ast.strings.bytes(name)[..].into())))
            }
            Expr::Index(object, key) => Ok((self.one(object, scope)?, self.one(key, scope)?)),
            _ => unreachable!("not a place"),
        }
    }

    fn store(&mut self, target: ExprId, value: V, scope: &Rc<Scope>) -> Res<()> {
        if let Expr::Name(name) = self.ast.expr(target) {
            self.set_name(scope, name, value);
            return Ok(());
        }
        let (table, key) = self.place(target, scope)?;
        set_index(&table, &key, value)
    }

    /// The values of a list, all of the last one's.
    fn list(&mut self, list: ListId, scope: &Rc<Scope>) -> Res<Vec<V>> {
        let ast = self.ast;
        let mut values = Vec::new();
        for (i, &e) in ast.list(list).iter().enumerate() {
            match i + 1 == ast.list(list).len() {
                true => values.extend(self.multi(e, scope)?),
                false => values.push(self.one(e, scope)?),
            }
        }
        Ok(values)
    }

    fn one(&mut self, e: ExprId, scope: &Rc<Scope>) -> Res<V> {
        Ok(self.multi(e, scope)?.into_iter().next().unwrap_or(V::Nil))
    }

    fn multi(&mut self, e: ExprId, scope: &Rc<Scope>) -> Res<Vec<V>> {
        self.burn()?;
        let ast = self.ast;
        let value = match ast.expr(e) {
            Expr::Nil => V::Nil,
            Expr::Bool(value) => V::Bool(value),
            Expr::Int(value) => V::Int(value),
            Expr::Str(sym) => V::Str(ast.strings.bytes(sym)[..].into()),
            Expr::Vararg => return Ok(scope.varargs.to_vec()),
            Expr::Name(name) => self.get_name(scope, name),
            Expr::Paren(inner) => self.one(inner, scope)?,
            Expr::Unary(op, inner) => match (op, self.one(inner, scope)?) {
                (UnOp::Not, value) => V::Bool(!truthy(&value)),
                (UnOp::Neg, V::Int(value)) => V::Int(value.wrapping_neg()),
                (UnOp::Len, V::Str(value)) => V::Int(value.len() as i64),
                _ => return Err(Stop::Error),
            },
            Expr::Binary(BinOp::And, left, right) => match self.one(left, scope)? {
                value if truthy(&value) => self.one(right, scope)?,
                value => value,
            },
            Expr::Binary(BinOp::Or, left, right) => match self.one(left, scope)? {
                value if truthy(&value) => value,
                _ => self.one(right, scope)?,
            },
            Expr::Binary(op, left, right) => {
                let left = self.one(left, scope)?;
                let right = self.one(right, scope)?;
                binary(op, left, right)?
            }
            Expr::Concat(list) => {
                let mut bytes = Vec::new();
                let mut fails = false;
                for &operand in ast.list(list) {
                    match self.one(operand, scope)? {
                        V::Str(value) => bytes.extend_from_slice(&value),
                        V::Int(value) => bytes.extend(value.to_string().bytes()),
                        _ => fails = true,
                    }
                }
                if fails || bytes.len() > 1000 {
                    return Err(if fails { Stop::Error } else { Stop::Fuel });
                }
                V::Str(bytes.into())
            }
            Expr::Field(..) | Expr::Index(..) => {
                let (table, key) = self.place(e, scope)?;
                index(&table, &key)?
            }
            Expr::Call(callee, args) => {
                let callee = self.one(callee, scope)?;
                let args = self.list(args, scope)?;
                return self.call(callee, args);
            }
            Expr::Method(object, name, args) => {
                let object = self.one(object, scope)?;
                let method = index(&object, &V::Str(ast.strings.bytes(name)[..].into()))?;
                let mut all = vec![object];
                all.extend(self.list(args, scope)?);
                return self.call(method, all);
            }
            Expr::Func(func) => V::Func(Rc::new((func, scope.clone()))),
            Expr::Table(fields) => self.table(fields, scope)?,
            Expr::Float(_) | Expr::Chan | Expr::ChanOf(_) => unreachable!("not generated"),
        };
        Ok(vec![value])
    }

    fn table(&mut self, fields: ListId, scope: &Rc<Scope>) -> Res<V> {
        let ast = self.ast;
        let fields = ast.table(fields);
        let table = V::Table(Rc::default());
        let mut next = 1;
        for (i, &field) in fields.iter().enumerate() {
            match field {
                Field::Item(value) => {
                    let mut values = self.multi(value, scope)?;
                    if i + 1 < fields.len() || !ast.is_multi(value) {
                        values.resize(1, V::Nil);
                    }
                    for value in values {
                        set_index(&table, &V::Int(next), value)?;
                        next += 1;
                    }
                }
                Field::Named(name, value) => {
                    let value = self.one(value, scope)?;
                    set_index(&table, &V::Str(ast.strings.bytes(name)[..].into()), value)?;
                }
                Field::Keyed(key, value) => {
                    let key = self.one(key, scope)?;
                    let value = self.one(value, scope)?;
                    set_index(&table, &key, value)?;
                }
            }
        }
        Ok(table)
    }

    fn call(&mut self, callee: V, args: Vec<V>) -> Res<Vec<V>> {
        self.burn()?;
        match callee {
            V::Print => {
                // How objects are shown is not modelled: a program that prints one is of no use.
                let texts: Option<Vec<_>> = args.iter().map(show).collect();
                let texts = texts.ok_or(Stop::Fuel)?;
                self.out.push_str(&texts.join("\t"));
                self.out.push('\n');
                Ok(Vec::new())
            }
            V::Func(closure) => {
                if self.depth == 40 {
                    return Err(Stop::Fuel);
                }
                let func = self.ast.func(closure.0);
                let fixed = func.params.len as usize;
                let extra: Vec<V> = match func.is_vararg {
                    true => args.iter().skip(fixed).cloned().collect(),
                    false => Vec::new(),
                };
                let rest = V::Table(Rc::default());
                for (i, value) in extra.iter().enumerate() {
                    set_index(&rest, &V::Int(i as i64 + 1), value.clone())?;
                }
                let scope =
                    Scope { var: None, outer: Some(closure.1.clone()), is_root: false, varargs: Rc::new(extra) };
                let mut scope = Rc::new(scope);
                let mut args = args.into_iter();
                for name in &self.ast.names[func.params.range()] {
                    self.declare(&mut scope, name.sym, args.next().unwrap_or(V::Nil));
                }
                if let Some(name) = func.rest {
                    self.declare(&mut scope, self.ast.name(name).sym, rest);
                }
                self.depth += 1;
                let flow = self.stmts(func.body, scope);
                self.depth -= 1;
                match flow? {
                    Flow::Return(values) => Ok(values),
                    _ => Ok(Vec::new()),
                }
            }
            _ => Err(Stop::Error),
        }
    }
}

fn truthy(value: &V) -> bool {
    !matches!(value, V::Nil | V::Bool(false))
}

fn show(value: &V) -> Option<String> {
    match value {
        V::Nil => Some("nil".into()),
        V::Bool(value) => Some(value.to_string()),
        V::Int(value) => Some(value.to_string()),
        V::Str(value) => Some(String::from_utf8_lossy(value).into_owned()),
        V::Table(_) | V::Func(_) | V::Print => None,
    }
}

fn binary(op: BinOp, left: V, right: V) -> Res<V> {
    if let BinOp::Eq | BinOp::Ne = op {
        return Ok(V::Bool(equal(&left, &right) == (op == BinOp::Eq)));
    }
    match (left, right) {
        (V::Int(a), V::Int(b)) => Ok(match op {
            BinOp::Add => V::Int(a.wrapping_add(b)),
            BinOp::Sub => V::Int(a.wrapping_sub(b)),
            BinOp::Mul => V::Int(a.wrapping_mul(b)),
            BinOp::Mod if b == 0 => return Err(Stop::Error),
            BinOp::Mod => {
                let rest = a.wrapping_rem(b);
                V::Int(if rest != 0 && (rest < 0) != (b < 0) { rest + b } else { rest })
            }
            BinOp::Lt => V::Bool(a < b),
            BinOp::Le => V::Bool(a <= b),
            BinOp::Gt => V::Bool(a > b),
            BinOp::Ge => V::Bool(a >= b),
            _ => unreachable!("not generated"),
        }),
        (V::Str(a), V::Str(b)) if op.is_comparison() => Ok(V::Bool(match op {
            BinOp::Lt => a < b,
            BinOp::Le => a <= b,
            BinOp::Gt => a > b,
            _ => a >= b,
        })),
        _ => Err(Stop::Error),
    }
}

fn equal(left: &V, right: &V) -> bool {
    match (left, right) {
        (V::Nil, V::Nil) | (V::Print, V::Print) => true,
        (V::Bool(a), V::Bool(b)) => a == b,
        (V::Int(a), V::Int(b)) => a == b,
        (V::Str(a), V::Str(b)) => a == b,
        (V::Table(a), V::Table(b)) => Rc::ptr_eq(a, b),
        (V::Func(a), V::Func(b)) => Rc::ptr_eq(a, b),
        _ => false,
    }
}

fn key_of(key: &V) -> Res<Option<Key>> {
    match key {
        V::Nil => Ok(None),
        V::Bool(key) => Ok(Some(Key::Bool(*key))),
        V::Int(key) => Ok(Some(Key::Int(*key))),
        V::Str(key) => Ok(Some(Key::Str(key.clone()))),
        // Objects as keys: not modelled.
        _ => Err(Stop::Fuel),
    }
}

fn index(table: &V, key: &V) -> Res<V> {
    match table {
        V::Table(table) => {
            let Some(key) = key_of(key)? else {
                return Ok(V::Nil);
            };
            Ok(table.borrow().get(&key).cloned().unwrap_or(V::Nil))
        }
        // Methods of strings: not modelled.
        V::Str(_) => Err(Stop::Fuel),
        _ => Err(Stop::Error),
    }
}

fn set_index(table: &V, key: &V, value: V) -> Res<()> {
    let V::Table(table) = table else {
        return Err(Stop::Error);
    };
    if let Some(key) = key_of(key)? {
        table.borrow_mut().insert(key, value);
    }
    Ok(())
}
