//! One function: its code, registers, scopes and constants.

use rustc_hash::FxHashMap;

use super::Compiler;
use super::resolve::{UpvalFrom, VarId};
use crate::bytecode::{Const, Inst, LocalVar, MAX_REGISTERS, Op, Pos, Proto, ProtoId, UpvalDesc};
use crate::diagnostic::{Checked, Problem};
use crate::syntax::ast::*;

/// Most instructions of a function, so that jump distances fit.
const MAX_CODE: usize = 1 << 30;

/// State of the function that is being compiled.
#[derive(Default)]
pub(super) struct FuncState {
    id: u32,
    code: Vec<Inst>,
    spans: Vec<Pos>,
    consts: Vec<Const>,
    const_index: FxHashMap<ConstKey, i32>,
    locals: Vec<LocalVar>,
    captured: Vec<u8>,
    /// Variables in scope.
    pub active: Vec<Active>,
    /// First register that is not a variable's.
    pub local_top: usize,
    /// First register that is not in use.
    pub free: usize,
    /// Registers used at most.
    high: usize,
    /// Loops around the current place.
    pub loops: Vec<Loop>,
}

/// A variable in scope.
pub(super) struct Active {
    /// Its register.
    pub reg: u8,
    /// Does a closure capture it?
    pub captured: bool,
    /// Index of its entry in the list of locals.
    local: usize,
}

/// A scope's start, to go back to at its end.
pub(super) struct Scope {
    /// Number of variables in scope before.
    pub active: usize,
    local_top: usize,
    free: usize,
}

/// A loop that `break` and `continue` can leave.
pub(super) struct Loop {
    /// Jumps to behind the loop.
    pub breaks: Vec<usize>,
    /// Jumps to the end of the body.
    pub continues: Vec<usize>,
    /// Number of variables in scope outside of an iteration.
    pub active: usize,
}

#[derive(PartialEq, Eq, Hash)]
enum ConstKey {
    Int(i64),
    Float(u64),
    Str(Sym),
}

impl Compiler<'_> {
    /// Compiles one function.
    pub fn function(&mut self, id: FuncId) -> Checked<Proto> {
        let func = self.ast.func(id);
        self.f = FuncState { id: id.0, ..FuncState::default() };
        let nparams = func.params.len as usize;
        self.reserve(nparams, func.at)?;
        for (reg, index) in func.params.range().enumerate() {
            self.activate(NameId(index as u32), reg as u8);
        }
        if let Some(rest) = func.rest {
            let at = self.ast.name(rest).at;
            let table = self.reserve(1, at)?;
            self.emit(Op::NewTable, table, 0, 0, at);
            let first = self.reserve(1, at)?;
            self.emit(Op::Vararg, first, 0, 0, at);
            self.emit(Op::SetList, table, crate::bytecode::SETLIST_OPEN, 0, at);
            self.f.free = table as usize + 1;
            self.activate(rest, table);
        }
        self.stmts(func.body)?;
        if !self.ends_in_return(func.body) {
            self.emit(Op::Return, 0, 1, 0, func.body.end);
        }
        self.end_locals(0);
        if self.f.code.len() > MAX_CODE {
            return Err(Problem::new("a function is too long", func.at).help("split it into smaller ones"));
        }
        let pos = self.lines.pos(func.at);
        let name = match func.name {
            _ if id.0 == 0 => "main".to_owned(),
            Some(sym) => self.ast.strings.text(sym).into_owned(),
            None => format!("function@{pos}"),
        };
        let upvals = self.res.upvals[id.0 as usize].iter().map(|&(name, from)| {
            let name = self.ast.strings.text(name).into_owned();
            match from {
                UpvalFrom::Var(var) => UpvalDesc { name, from_register: true, index: self.var_reg[var.index()] },
                UpvalFrom::Upval(index) => UpvalDesc { name, from_register: false, index },
            }
        });
        let upvals = upvals.collect();
        let state = std::mem::take(&mut self.f);
        Ok(Proto {
            id: ProtoId(id.0),
            name,
            pos,
            nparams: nparams as u8,
            is_vararg: func.is_vararg,
            nregs: state.high as u8 + 1,
            code: state.code,
            spans: state.spans,
            consts: state.consts,
            upvals,
            captured: state.captured,
            locals: state.locals,
        })
    }

    fn ends_in_return(&self, body: Block) -> bool {
        let last = self.ast.block_stmts[body.stmts.range()].last();
        last.is_some_and(|&stmt| matches!(self.ast.stmt(stmt), Stmt::Return(_)))
    }

    /// Appends an instruction and returns its pc.
    pub fn emit(&mut self, op: Op, a: u8, b: u8, c: u8, at: u32) -> usize {
        self.emit_imm(op, a, b, c, 0, at)
    }

    /// Appends an instruction with an immediate and returns its pc.
    pub fn emit_imm(&mut self, op: Op, a: u8, b: u8, c: u8, imm: i32, at: u32) -> usize {
        self.f.code.push(Inst { op, a, b, c, imm });
        self.f.spans.push(self.lines.pos(at));
        self.f.code.len() - 1
    }

    /// The pc of the next instruction.
    pub fn here(&self) -> usize {
        self.f.code.len()
    }

    /// Lets the jump at `pc` go to `target`.
    pub fn patch(&mut self, pc: usize, target: usize) {
        self.f.code[pc].imm = (target as i64 - pc as i64 - 1) as i32;
    }

    /// Lets jumps go to the next instruction.
    pub fn patch_here(&mut self, jumps: &[usize]) {
        let here = self.here();
        for &pc in jumps {
            self.patch(pc, here);
        }
    }

    /// A jump to a pc that is known.
    pub fn jump_to(&mut self, target: usize, at: u32) {
        let pc = self.emit(Op::Jmp, 0, 0, 0, at);
        self.patch(pc, target);
    }

    /// Takes the next `count` registers and returns the first.
    pub fn reserve(&mut self, count: usize, at: u32) -> Checked<u8> {
        let first = self.f.free;
        if first + count > MAX_REGISTERS {
            let what = if self.f.id == 0 { "the main chunk" } else { "this function" };
            let message =
                format!("{what} needs more than {MAX_REGISTERS} registers here (variables and intermediate values)");
            return Err(Problem::new(message, at)
                .help("split it into smaller functions or statements, or keep values in a table"));
        }
        self.f.free += count;
        self.f.high = self.f.high.max(self.f.free);
        Ok(first as u8)
    }

    /// Is the register above all variables, and the topmost one in use?
    pub fn is_top(&self, reg: u8) -> bool {
        reg as usize >= self.f.local_top && reg as usize + 1 == self.f.free
    }

    /// Puts the newly declared variable in scope; its register must be reserved.
    pub fn activate(&mut self, name: NameId, reg: u8) {
        if let super::resolve::Binding::Local(var) = self.res.bindings[name.0 as usize] {
            self.activate_var(var, reg);
        }
    }

    fn activate_var(&mut self, var: VarId, reg: u8) {
        self.var_reg[var.index()] = reg;
        let info = &self.res.vars[var.index()];
        let start = self.here() as u32;
        let name = self.ast.strings.text(info.name).into_owned();
        self.f.active.push(Active { reg, captured: info.captured, local: self.f.locals.len() });
        self.f.locals.push(LocalVar { name, reg, start, end: start });
        self.f.local_top = reg as usize + 1;
        if info.captured && !self.f.captured.contains(&reg) {
            self.f.captured.push(reg);
        }
    }

    /// Starts a scope.
    pub fn enter(&mut self) -> Scope {
        Scope { active: self.f.active.len(), local_top: self.f.local_top, free: self.f.free }
    }

    /// Ends a scope: its variables' registers are free again. Closing upvalues is up to the caller.
    pub fn leave(&mut self, scope: Scope) {
        self.end_locals(scope.active);
        self.f.local_top = scope.local_top;
        self.f.free = scope.free;
    }

    fn end_locals(&mut self, from: usize) {
        let end = self.here() as u32;
        for active in self.f.active.drain(from..) {
            self.f.locals[active.local].end = end;
        }
    }

    /// Closes the upvalues of the variables that came into scope after `active`.
    pub fn close_from(&mut self, active: usize, at: u32) {
        let captured = self.f.active[active..].iter().find(|var| var.captured);
        if let Some(reg) = captured.map(|var| var.reg) {
            self.emit(Op::Close, reg, 0, 0, at);
        }
    }

    /// Index of a string constant.
    pub fn string(&mut self, sym: Sym) -> i32 {
        self.constant(ConstKey::Str(sym), || Const::Str(self.ast.strings.bytes(sym).clone()))
    }

    /// Loads a number.
    pub fn load_int(&mut self, dest: u8, value: i64, at: u32) {
        match i32::try_from(value) {
            Ok(imm) => self.emit_imm(Op::LoadInt, dest, 0, 0, imm, at),
            Err(_) => {
                let index = self.constant(ConstKey::Int(value), || Const::Int(value));
                self.emit_imm(Op::LoadK, dest, 0, 0, index, at)
            }
        };
    }

    /// Loads a float.
    pub fn load_float(&mut self, dest: u8, value: f64, at: u32) {
        let index = self.constant(ConstKey::Float(value.to_bits()), || Const::Float(value));
        self.emit_imm(Op::LoadK, dest, 0, 0, index, at);
    }

    fn constant(&mut self, key: ConstKey, value: impl FnOnce() -> Const) -> i32 {
        let f = &mut self.f;
        *f.const_index.entry(key).or_insert_with(|| {
            f.consts.push(value());
            f.consts.len() as i32 - 1
        })
    }
}
