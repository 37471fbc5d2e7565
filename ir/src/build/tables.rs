//! Elements of array parts, and lengths.
//!
//! Where the profile saw integer keys inside of the array part and values of one type, the checks are guards: what differs
//! leaves. Where it saw anything else, what differs is a runtime step, and compiled code goes on behind it.

use gscript::bytecode::Inst;
use gscript::profile::SiteFeedback;
use gscript::value::{Tag, Value};

use super::Builder;
use crate::graph::{BlockId, NodeId, Target, Terminator};
use crate::op::{Cond, Op, TablePart, Type};

/// What happens when an access is not of the usual kind.
#[derive(Clone, Copy)]
pub(super) enum Otherwise {
    /// It leaves.
    Exit,
    /// The runtime does it, in this block.
    Step(BlockId),
}

impl Builder<'_> {
    /// Goes on only if `cond` holds.
    fn require(&mut self, pc: usize, cond: NodeId, otherwise: Otherwise) {
        match otherwise {
            Otherwise::Exit => self.guard(pc, Op::Guard, cond, None),
            Otherwise::Step(slow) => {
                let next = self.graph.add_block(self.origin(pc));
                let (then, other) = (Target::new(next), Target::new(slow));
                self.graph.set_term(self.at, Terminator::Branch { cond, then, other });
                self.at = next;
            }
        }
    }

    /// Where unusual accesses of this instruction go.
    fn otherwise(&mut self, pc: usize, exits: bool) -> Otherwise {
        if exits { Otherwise::Exit } else { Otherwise::Step(self.graph.add_block(self.origin(pc))) }
    }

    /// Ends the usual path; the runtime's, if there is one, joins it here.
    fn join(&mut self, pc: usize, otherwise: Otherwise) {
        let Otherwise::Step(slow) = otherwise else { return };
        let join = self.graph.add_block(self.origin(pc));
        self.graph.set_term(self.at, Terminator::Jump(Target::new(join)));
        self.at = slow;
        self.step(pc);
        self.graph.set_term(slow, Terminator::Jump(Target::new(join)));
        self.at = join;
    }

    /// The address of the table in a register; anything else leaves.
    fn load_table(&mut self, pc: usize, reg: u8) -> NodeId {
        let table = self.load(pc, reg);
        self.guard(pc, Op::GuardTag(Tag::Table), table, None);
        self.pure(pc, Op::Unbox(Type::Ptr), &[table], Type::Ptr)
    }

    fn table_part(&mut self, pc: usize, table: NodeId, part: TablePart) -> NodeId {
        self.effect(pc, Op::TableLoad(part), &[table], Some(part.ty()))
    }

    /// Requires that a key lies in the array part; gives the part's address.
    fn array_with(&mut self, pc: usize, table: NodeId, key: NodeId, otherwise: Otherwise) -> NodeId {
        let len = self.table_part(pc, table, TablePart::ArrayLen);
        let inside = self.pure(pc, Op::InBounds, &[key, len], Type::Bool);
        self.require(pc, inside, otherwise);
        self.table_part(pc, table, TablePart::Array)
    }

    fn is_indexed_by_int(site: &SiteFeedback) -> bool {
        site.lhs.single() == Some(Tag::Table) && site.rhs.single() == Some(Tag::Int)
    }

    /// `R[A] = R[B][R[C]]`
    pub(super) fn get_element(&mut self, pc: usize, inst: Inst) {
        let site = self.site(pc);
        if !Self::is_indexed_by_int(&site) {
            return self.step(pc);
        }
        let seen = site.result.single().filter(|&tag| tag != Tag::Nil);
        let table = self.load_table(pc, inst.b);
        let key = self.load_as(pc, inst.c, Type::Int);
        let otherwise = self.otherwise(pc, seen.is_some() && !site.beyond);
        let array = self.array_with(pc, table, key, otherwise);
        let value = self.effect(pc, Op::ElemLoad, &[array, key], Some(Type::Boxed));
        match (otherwise, seen) {
            (Otherwise::Exit, Some(tag)) => self.guard(pc, Op::GuardTag(tag), value, None),
            // Nil may come from elsewhere: the hash part, or a metatable.
            _ => self.require_value(pc, value, otherwise),
        }
        self.store(pc, inst.a, value);
        self.join(pc, otherwise);
    }

    /// Requires that a boxed value is not nil.
    fn require_value(&mut self, pc: usize, value: NodeId, otherwise: Otherwise) {
        let is_nil = self.pure(pc, Op::HasTag(Tag::Nil), &[value], Type::Bool);
        let is_there = self.pure(pc, Op::BNot, &[is_nil], Type::Bool);
        self.require(pc, is_there, otherwise);
    }

    /// `R[A][R[B]] = R[C]`
    pub(super) fn set_element(&mut self, pc: usize, inst: Inst) {
        let site = self.site(pc);
        if !Self::is_indexed_by_int(&site) {
            return self.step(pc);
        }
        let table = self.load_table(pc, inst.a);
        let key = self.load_as(pc, inst.b, Type::Int);
        let value = self.load(pc, inst.c);
        let otherwise = self.otherwise(pc, !site.beyond);
        self.require_no_metatable(pc, table, otherwise);
        let array = self.array_with(pc, table, key, otherwise);
        self.effect(pc, Op::ElemStore, &[array, key, value], None);
        self.join(pc, otherwise);
    }

    fn require_no_metatable(&mut self, pc: usize, table: NodeId, otherwise: Otherwise) {
        let meta = self.table_part(pc, table, TablePart::Meta);
        let zero = self.pure(pc, Op::IConst(0), &[], Type::Int);
        let has_none = self.pure(pc, Op::ICmp(Cond::Eq), &[meta, zero], Type::Bool);
        self.require(pc, has_none, otherwise);
    }

    /// `R[A] = #R[B]` for a table: the last key of the array part, if there is a value there.
    pub(super) fn length(&mut self, pc: usize, inst: Inst) {
        let site = self.site(pc);
        if site.lhs.single() != Some(Tag::Table) {
            return self.step(pc);
        }
        let table = self.load_table(pc, inst.b);
        let otherwise = self.otherwise(pc, !site.beyond);
        self.require_no_metatable(pc, table, otherwise);
        let len = self.table_part(pc, table, TablePart::ArrayLen);
        let one = self.pure(pc, Op::IConst(1), &[], Type::Int);
        let last = self.pure(pc, Op::ISub, &[len, one], Type::Int);
        let inside = self.pure(pc, Op::InBounds, &[last, len], Type::Bool);
        self.require(pc, inside, otherwise);
        let array = self.table_part(pc, table, TablePart::Array);
        let value = self.effect(pc, Op::ElemLoad, &[array, last], Some(Type::Boxed));
        self.require_value(pc, value, otherwise);
        self.store(pc, inst.a, last);
        self.join(pc, otherwise);
    }

    /// The value of a function that lies at an offset in the arena, as a pointer.
    pub(super) fn closure_address(&mut self, pc: usize, offset: u64) -> NodeId {
        let closure = Value::object(Tag::Function, offset);
        let boxed = self.pure(pc, Op::BoxedConst(closure), &[], Type::Boxed);
        self.pure(pc, Op::Unbox(Type::Ptr), &[boxed], Type::Ptr)
    }
}
