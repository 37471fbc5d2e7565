//! Emission: machine instructions with registers become words.

mod asm;
#[cfg(test)]
mod encoding;
mod exits;
mod frame;
pub mod imm;
mod inst;
mod moves;
mod order;

pub use frame::call_stub;

use gscript::layout;
use gsx_ir::graph::BlockId;
use gsx_ir::unit::Unit;
use rustc_hash::FxHashMap;

use crate::code::{CallSite, CodeObject, CodegenError, Part, Provenance};
use crate::mir::{Cc, ExitId, Function, Inst, MBlock};
use crate::reg::{BASE, NARGS, SCRATCH, ZERO};
use crate::regalloc::{Allocation, Loc};
use asm::{Asm, Label};
use frame::Frame;
use order::Order;

/// Words that a conditional branch spans in either direction.
const NEAR_WORDS: u64 = 1 << 18;
/// Words that an unconditional branch spans in either direction.
const FAR_WORDS: u64 = 1 << 25;

struct Emitter<'a> {
    asm: Asm,
    f: &'a Function,
    allocation: &'a Allocation,
    order: Order,
    frame: Frame,
    unit_id: u32,
    provenance: Vec<Provenance>,
    now: Provenance,
    blocks: FxHashMap<MBlock, Label>,
    /// Labels of the exits that some instruction leaves through, with the places of their values.
    exits: Vec<Option<(Label, Vec<Loc>)>>,
    /// The common end of exit stubs.
    exit_tail: Label,
    /// Has some stub been emitted?
    any_exit: bool,
    call_sites: Vec<CallSite>,
    /// Positions of edits in the allocation's list, by block.
    edits: FxHashMap<MBlock, std::ops::Range<usize>>,
    generic_entry: Label,
    fixed_entry: Label,
}

/// Which form conditional branches take.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Branches {
    /// Short ones where all of the unit is surely in reach (1 MiB), else long ones.
    #[default]
    Auto,
    /// Long ones: the opposite condition around an unconditional branch, which reaches 128 MiB.
    Far,
}

/// Emits a function.
///
/// # Errors
/// [`CodegenError::FrameTooLarge`], [`CodegenError::CodeTooLarge`], and the assembler's complaints.
pub fn emit(
    unit: &Unit,
    unit_id: u32,
    f: &Function,
    allocation: &Allocation,
    branches: Branches,
) -> Result<CodeObject, CodegenError> {
    let words = inst::words_at_most(f, allocation);
    if words > FAR_WORDS {
        return Err(CodegenError::CodeTooLarge { words, limit: FAR_WORDS });
    }
    let far = branches == Branches::Far || words > NEAR_WORDS;
    let frame = Frame::new(f, allocation)?;
    let order = Order::new(f, allocation);
    let mut asm = Asm::new(far);
    let blocks = order.blocks.iter().map(|&b| (b, asm.label())).collect();
    let (generic_entry, fixed_entry) = (asm.label(), asm.label());
    let exit_tail = asm.label();
    let mut edits: FxHashMap<MBlock, std::ops::Range<usize>> = FxHashMap::default();
    for (i, e) in allocation.edits.iter().enumerate() {
        edits.entry(e.block).or_insert(i..i).end = i + 1;
    }
    let emitter = Emitter {
        asm,
        f,
        allocation,
        order,
        frame,
        unit_id,
        provenance: Vec::new(),
        now: Provenance { node: None, origin: None, part: Part::Entry },
        blocks,
        exits: vec![None; f.exits.len()],
        exit_tail,
        any_exit: false,
        call_sites: Vec::new(),
        edits,
        generic_entry,
        fixed_entry,
    };
    let code = emitter.run(unit)?;
    debug_assert!(code.words.len() as u64 <= words, "{} words, not {words} at most", code.words.len());
    Ok(code)
}

impl Emitter<'_> {
    fn run(mut self, unit: &Unit) -> Result<CodeObject, CodegenError> {
        let fill = self.entry(unit.bytecode().nparams);
        let fixed_entry = self.prologue();
        let mut starts: FxHashMap<MBlock, u32> = FxHashMap::default();
        let blocks = self.order.blocks.clone();
        // The entry block follows the prologue, unless a loop was rotated or it is empty.
        if blocks.first() != Some(&self.order.target(MBlock(0))) {
            self.jump(MBlock(0), None);
        }
        for (i, &b) in blocks.iter().enumerate() {
            starts.insert(b, self.asm.position());
            let label = self.blocks[&b];
            self.asm.bind(label);
            self.block(b, blocks.get(i + 1).copied());
        }
        if let Some(fill) = fill {
            self.fill_parameters(fill, unit.bytecode().nparams);
        }
        self.exit_stubs();
        self.mark();

        let mut block_starts: Vec<(BlockId, u32)> = Vec::new();
        for (b, block) in self.f.blocks.iter().enumerate() {
            let at = starts.get(&self.order.target(MBlock(b as u32)));
            if let (Some(ir), Some(&word)) = (block.ir, at) {
                block_starts.push((ir, word));
            }
        }
        block_starts.sort_by_key(|&(b, word)| (word, b));
        let spill_instructions = self.allocation.edits.len() as u32;
        Ok(CodeObject {
            provenance: self.provenance,
            exits: self.f.exits.iter().map(|e| e.info.clone()).collect(),
            call_sites: self.call_sites,
            block_starts,
            fixed_entry,
            frame_bytes: self.frame.bytes,
            spill_slots: self.allocation.spill_slots,
            spill_instructions,
            words: self.asm.finish()?,
        })
    }

    /// Notes the provenance of all words emitted since the last time.
    fn mark(&mut self) {
        self.provenance.resize(self.asm.position() as usize, self.now);
    }

    /// What is emitted from here on is this.
    fn set_now(&mut self, now: Provenance) {
        self.mark();
        self.now = now;
    }

    /// The entry for any number of arguments; gives the label of the way for too few, if there can be.
    fn entry(&mut self, nparams: u8) -> Option<Label> {
        let (generic, fixed) = (self.generic_entry, self.fixed_entry);
        self.asm.bind(generic);
        let fill = (nparams > 0).then(|| {
            let fill = self.asm.label();
            self.asm.cmp_imm(NARGS, nparams.into(), SCRATCH);
            self.asm.b_cc(Cc::Lo, fill);
            fill
        });
        self.asm.bind(fixed);
        fill
    }

    /// Out of line: missing parameters are nil.
    fn fill_parameters(&mut self, start: Label, nparams: u8) {
        self.set_now(Provenance { node: None, origin: None, part: Part::Cold });
        self.asm.bind(start);
        let labels: Vec<Label> = (0..nparams).map(|_| self.asm.label()).collect();
        // Straight to the first missing parameter; from there on all are nil.
        for (i, &label) in labels.iter().enumerate().skip(1).rev() {
            self.asm.cmp_imm(NARGS, i as i64, SCRATCH);
            self.asm.b_cc(Cc::Hs, label);
        }
        for (i, &label) in labels.iter().enumerate() {
            self.asm.bind(label);
            let offset = layout::slot_offset(i as u64) as i64;
            self.asm.stp(ZERO, ZERO, BASE.number(), offset, SCRATCH);
        }
        let fixed = self.fixed_entry;
        self.asm.b(fixed);
    }

    fn block(&mut self, b: MBlock, next: Option<MBlock>) {
        let f = self.f;
        let block = &f.blocks[b.0 as usize];
        let edits = self.edits.get(&b).cloned().unwrap_or_default();
        let edits = &self.allocation.edits[edits];
        let mut at = 0;
        for (i, data) in block.insts.iter().enumerate() {
            let part = if block.cold { Part::Cold } else { Part::Body };
            self.set_now(Provenance { node: data.node, origin: data.origin, part });
            while let Some(e) = edits.get(at).filter(|e| e.inst as usize == i && !e.after) {
                self.move_loc(e.to, e.from);
                at += 1;
            }
            let places = self.allocation.places(b, i);
            match data.inst {
                Inst::Jump { to } => self.jump(to, next),
                Inst::Branch { test, then, other } => {
                    self.branch(test, places, then, other, next);
                }
                _ => self.inst(&data.inst, places),
            }
            while let Some(e) = edits.get(at).filter(|e| e.inst as usize == i && e.after) {
                self.move_loc(e.to, e.from);
                at += 1;
            }
        }
    }

    /// The label of an exit, which is emitted because of this.
    fn exit_label(&mut self, exit: ExitId, places: &[Loc]) -> Label {
        let n = exit.0 as usize;
        if let Some((label, _)) = self.exits[n] {
            return label;
        }
        let label = self.asm.label();
        self.exits[n] = Some((label, places.to_vec()));
        label
    }
}
