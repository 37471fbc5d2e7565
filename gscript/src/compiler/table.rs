//! Table literals.

use super::Compiler;
use crate::bytecode::{Op, SETLIST_OPEN};
use crate::diagnostic::Checked;
use crate::syntax::ast::*;

/// Items that are gathered in registers before they are stored together.
const BATCH: usize = 50;
/// Where registers are short (deep inside of other literals), fewer.
const SMALL_BATCH: usize = 4;
/// First register from which on they count as short.
const SHORT: usize = 100;

impl Compiler<'_> {
    /// `{…}` into `dest`.
    pub fn table(&mut self, list: ListId, dest: u8, at: u32) -> Checked<()> {
        let ast = self.ast;
        let fields = ast.table(list);
        let items = fields.iter().filter(|field| matches!(field, Field::Item(_))).count();
        let table = if self.is_top(dest) { dest } else { self.reserve(1, at)? };
        let room = (fields.len() - items).min(u8::MAX as usize) as u8;
        self.emit_imm(Op::NewTable, table, 0, room, items as i32, at);
        let batch = if self.f.free > SHORT { SMALL_BATCH } else { BATCH };
        let mut stored = 0;
        let mut pending = 0;
        for (i, &field) in fields.iter().enumerate() {
            match field {
                Field::Item(value) if i + 1 == fields.len() && ast.is_multi(value) => {
                    self.open(value)?;
                    self.emit_imm(Op::SetList, table, SETLIST_OPEN, 0, stored, ast.at(value));
                    pending = 0;
                }
                Field::Item(value) => {
                    self.fresh(value)?;
                    pending += 1;
                    if pending == batch {
                        self.store_items(table, &mut pending, &mut stored, at);
                    }
                }
                Field::Named(name, value) => {
                    let free = self.f.free;
                    let reg = self.operand(value)?;
                    let index = self.string(name);
                    self.emit_imm(Op::SetField, table, 0, reg, index, ast.at(value));
                    self.f.free = free;
                }
                Field::Keyed(key, value) => {
                    // The key may be one of the positions before it: later fields win.
                    self.store_items(table, &mut pending, &mut stored, at);
                    let free = self.f.free;
                    match ast.expr(self.strip(key)) {
                        Expr::Str(name) => {
                            let reg = self.operand(value)?;
                            let index = self.string(name);
                            self.emit_imm(Op::SetField, table, 0, reg, index, ast.at(key));
                        }
                        _ => {
                            let key_reg = self.operand_before(key, value)?;
                            let reg = self.operand(value)?;
                            self.emit(Op::SetTable, table, key_reg, reg, ast.at(key));
                        }
                    }
                    self.f.free = free;
                }
            }
        }
        self.store_items(table, &mut pending, &mut stored, at);
        self.f.free = table as usize + 1;
        if table != dest {
            self.emit(Op::Move, dest, table, 0, at);
        }
        Ok(())
    }

    /// Stores the items that wait in the registers behind the table.
    fn store_items(&mut self, table: u8, pending: &mut usize, stored: &mut i32, at: u32) {
        if *pending > 0 {
            self.emit_imm(Op::SetList, table, *pending as u8, 0, *stored, at);
            *stored += *pending as i32;
            *pending = 0;
            self.f.free = table as usize + 1;
        }
    }
}
