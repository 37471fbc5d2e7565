//! Shape caches: a field access compares the table's shape with those that the profile saw there, and reaches the field's
//! slot directly.
//!
//! Without it a field access is a runtime step. A shape tells which field is in which slot of the fields block; a slot with
//! nil in it is an absent field, about which a metatable may have a say: that, and any table that the profile did not see,
//! is not for the cache. Where one shape was seen, and values of one type, the checks are guards, and what differs leaves.
//! Elsewhere the runtime step stays, for what differs, and compiled code goes on behind it.

use gscript::bytecode::{Inst, Op as Bytecode};
use gscript::profile::{FieldAccess, SiteFeedback};
use gscript::value::Tag;
use gsx_ir::graph::{Graph, Origin, Target, Terminator};
use gsx_ir::op::{Cond, TablePart};
use gsx_ir::{BlockId, NodeId, Op, SnapshotId, Type, Unit};

use crate::support::{can_resume_at, counted, resume_at, source_line};
use crate::{Outcome, Pass, PassContext, PassError, PassInfo, RemarkKind};

/// The pass.
pub struct ShapeCache;

static INFO: PassInfo = PassInfo {
    id: "shape-cache",
    summary: "field accesses go straight to the slot that the table's shape names",
    details: "Reading or writing `t.name` becomes a comparison of the table's shape with those that the profile saw at this place, \
              up to four, and a load or store of the field's slot. With one shape and one type of value the checks are \
              guards, which other passes can hoist and merge; otherwise the runtime does what the comparisons do not catch. \
              Fields that are added to a table, and methods found through metatables, stay with the runtime.",
    groups: &["memory"],
    needs: &[],
    origin: "hidden classes and inline caches: Chambers, Ungar, Lee, \"An efficient implementation of SELF\", 1989; Hölzle, \
             Chambers, Ungar, \"Optimizing dynamically-typed object-oriented languages with polymorphic inline caches\", 1991",
};

impl Pass for ShapeCache {
    fn info(&self) -> &'static PassInfo {
        &INFO
    }

    fn run(&self, unit: &mut Unit, cx: &mut PassContext) -> Result<Outcome, PassError> {
        let (mut guarded, mut branched) = (0, 0);
        for b in unit.graph.reverse_postorder() {
            for n in unit.graph.block(b).effects.clone() {
                let Some(site) = Site::of(unit, n) else { continue };
                if let Err(why) = &site.plan {
                    let text = format!("{} stays with the runtime: {why}", site.text(unit));
                    cx.remark_at(unit, site.origin, RemarkKind::Missed, text);
                    continue;
                }
                if !cx.permits(|| format!("{} by its table's shape", site.text(unit))) {
                    continue;
                }
                match site.plan {
                    Ok(Plan::Guards) => guarded += 1,
                    _ => branched += 1,
                }
                Expansion::of(unit, site).run();
            }
        }
        cx.count("field accesses with guards", guarded);
        cx.count("field accesses with branches", branched);
        if guarded + branched == 0 {
            return Ok(Outcome::Unchanged);
        }
        let text = format!(
            "{} of fields by shape: {guarded} with guards, {branched} with the runtime for the rest",
            counted(guarded + branched, "use")
        );
        cx.remark(RemarkKind::Applied, text);
        Ok(Outcome::Changed)
    }
}

/// How an access is made.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Plan {
    /// What differs leaves.
    Guards,
    /// What differs is the runtime's.
    Branches,
}

/// A runtime step that accesses a field.
struct Site {
    step: NodeId,
    block: BlockId,
    origin: Origin,
    inst: Inst,
    /// Slot of the activation's `R[0]`.
    base: u16,
    feedback: SiteFeedback,
    /// Accesses to fields that the table has, one for each shape.
    accesses: Vec<FieldAccess>,
    plan: Result<Plan, &'static str>,
}

impl Site {
    fn of(unit: &Unit, step: NodeId) -> Option<Site> {
        let node = unit.graph.node(step);
        let (Op::Step, Some(block)) = (node.op, node.block) else { return None };
        let inst = *unit.program.proto(node.origin.proto).code.get(node.origin.pc as usize)?;
        if !matches!(inst.op, Bytecode::GetField | Bytecode::SetField | Bytecode::SelfGet) {
            return None;
        }
        let feedback = unit.feedback_at(node.origin).copied().unwrap_or_default();
        let present = |a: &FieldAccess| a.slot.is_some() && a.grows_to.is_none();
        let accesses: Vec<FieldAccess> = feedback.fields.iter().filter(present).collect();
        let plan = if feedback.count == 0 {
            Err("it was never executed")
        } else if feedback.lhs.single() != Some(Tag::Table) {
            Err("not only tables were seen")
        } else if accesses.is_empty() {
            Err("no table had the field")
        } else if feedback.fields.single().is_some()
            && (inst.op == Bytecode::SetField || seen_value(&feedback).is_some())
            && can_resume_at(unit, block, node.origin)
        {
            Ok(Plan::Guards)
        } else {
            Ok(Plan::Branches)
        };
        let base = unit.graph.frame_base(node.origin.frame);
        Some(Site { step, block, origin: node.origin, inst, base, feedback, accesses, plan })
    }

    fn text(&self, unit: &Unit) -> String {
        let what = if self.inst.op == Bytecode::SetField { "write" } else { "read" };
        format!("the field {what} at {}", source_line(unit, self.origin))
    }
}

/// The one type of value that was seen, nil aside.
fn seen_value(feedback: &SiteFeedback) -> Option<Tag> {
    feedback.result.single().filter(|&tag| tag != Tag::Nil)
}

/// A step that is being replaced.
struct Expansion<'a> {
    unit: &'a mut Unit,
    site: Site,
    /// Where the next effect goes.
    at: BlockId,
    /// Position in `at`.
    position: usize,
    /// The blocks of the runtime's step and behind it, with branches.
    slow: Option<BlockId>,
    blocks: Vec<BlockId>,
}

impl Expansion<'_> {
    fn of(unit: &mut Unit, site: Site) -> Expansion<'_> {
        let at = site.block;
        let position = unit.graph.block(at).effects.iter().position(|&e| e == site.step).unwrap_or(0);
        Expansion { unit, site, at, position, slow: None, blocks: Vec::new() }
    }

    fn graph(&mut self) -> &mut Graph {
        &mut self.unit.graph
    }

    fn block(&mut self) -> BlockId {
        let origin = self.site.origin;
        let b = self.graph().add_block(origin);
        self.blocks.push(b);
        b
    }

    fn effect(&mut self, op: Op, args: &[NodeId], ty: Option<Type>, snapshot: Option<SnapshotId>) -> NodeId {
        let (at, position, origin) = (self.at, self.position, self.site.origin);
        self.position += 1;
        self.graph().insert_effect(at, position, op, args, ty, snapshot, origin)
    }

    fn pure(&mut self, op: Op, args: &[NodeId], ty: Type) -> NodeId {
        let origin = self.site.origin;
        self.graph().pure(op, args, ty, origin)
    }

    fn guard(&mut self, op: Op, arg: NodeId) {
        let origin = self.site.origin;
        let snapshot = resume_at(self.graph(), origin);
        self.effect(op, &[arg], None, Some(snapshot));
    }

    /// Ends the block: goes on in a new one if the condition holds, else at `other`.
    fn branch(&mut self, cond: NodeId, other: BlockId) {
        let (from, then) = (self.at, self.block());
        let term = Terminator::Branch { cond, then: Target::new(then), other: Target::new(other) };
        self.graph().set_term(from, term);
        (self.at, self.position) = (then, 0);
    }

    /// Goes on only if the condition holds.
    fn require(&mut self, cond: NodeId) {
        match self.slow {
            None => self.guard(Op::Guard, cond),
            Some(slow) => self.branch(cond, slow),
        }
    }

    fn run(mut self) {
        let (plan, step, origin) = (self.site.plan, self.site.step, self.site.origin);
        if plan == Ok(Plan::Guards) {
            self.graph().remove_effect(step);
            let table = self.table();
            self.access(table, 0, None);
            return;
        }
        // The step moves to a block of its own, and what follows it to another.
        let (block, at) = (self.at, self.position);
        let slow = self.graph().split_block(block, at, origin);
        let rest = self.graph().split_block(slow, 1, origin);
        self.blocks.extend([slow, rest]);
        self.slow = Some(slow);
        let table = self.table();
        for i in 0..self.site.accesses.len() {
            let last = i + 1 == self.site.accesses.len();
            let next = if last { slow } else { self.block() };
            self.access(table, i, Some(next));
            let from = self.at;
            self.graph().set_term(from, Terminator::Jump(Target::new(rest)));
            (self.at, self.position) = (next, 0);
        }
        // Whoever keeps a slot in a register throughout the block does so throughout its parts.
        let blocks = std::mem::take(&mut self.blocks);
        for pinned in self.unit.pinned.iter_mut().filter(|p| p.blocks.contains(&block)) {
            pinned.blocks.extend(&blocks);
        }
    }

    /// The table and its address.
    fn table(&mut self) -> (NodeId, NodeId) {
        let register = if self.site.inst.op == Bytecode::SetField { self.site.inst.a } else { self.site.inst.b };
        let slot = self.site.base + u16::from(register);
        let table = self.effect(Op::SlotLoad(slot, Type::Boxed), &[], Some(Type::Boxed), None);
        match self.slow {
            None => self.guard(Op::GuardTag(Tag::Table), table),
            Some(slow) => {
                let is_table = self.pure(Op::HasTag(Tag::Table), &[table], Type::Bool);
                self.branch(is_table, slow);
            }
        }
        (table, self.pure(Op::Unbox(Type::Ptr), &[table], Type::Ptr))
    }

    fn part(&mut self, table: NodeId, part: TablePart) -> NodeId {
        self.effect(Op::TableLoad(part), &[table], Some(part.ty()), None)
    }

    fn is_part(&mut self, table: NodeId, part: TablePart, value: i64) -> NodeId {
        let word = self.part(table, part);
        let value = self.pure(Op::IConst(value), &[], Type::Int);
        self.pure(Op::ICmp(Cond::Eq), &[word, value], Type::Bool)
    }

    /// The access for one shape; tables of another one leave, or go to `next`.
    fn access(&mut self, (value, table): (NodeId, NodeId), i: usize, next: Option<BlockId>) {
        let access = self.site.accesses[i];
        let slot = access.slot.unwrap_or(0); // present: that is how accesses were chosen
        let same = self.is_part(table, TablePart::Shape, access.shape.into());
        match next {
            None => self.guard(Op::Guard, same),
            Some(next) => self.branch(same, next),
        }
        let (inst, base) = (self.site.inst, self.site.base);
        let register = |r: u8| base + u16::from(r);
        if inst.op == Bytecode::SetField {
            let has_none = self.is_part(table, TablePart::Meta, 0);
            self.require(has_none);
            let fields = self.part(table, TablePart::Fields);
            let new = self.effect(Op::SlotLoad(register(inst.c), Type::Boxed), &[], Some(Type::Boxed), None);
            self.effect(Op::FieldStore(slot), &[fields, new], None, None);
            return;
        }
        let fields = self.part(table, TablePart::Fields);
        let field = self.effect(Op::FieldLoad(slot), &[fields], Some(Type::Boxed), None);
        match (next, seen_value(&self.site.feedback)) {
            (None, Some(tag)) => self.guard(Op::GuardTag(tag), field),
            _ => {
                let is_nil = self.pure(Op::HasTag(Tag::Nil), &[field], Type::Bool);
                let is_there = self.pure(Op::BNot, &[is_nil], Type::Bool);
                self.require(is_there);
            }
        }
        if inst.op == Bytecode::SelfGet {
            self.effect(Op::SlotStore(register(inst.a + 1)), &[value], None, None);
        }
        self.effect(Op::SlotStore(register(inst.a)), &[field], None, None);
    }
}
