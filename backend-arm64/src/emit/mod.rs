//! Emission: machine instructions with registers become words.

mod asm;
mod boxes;
#[cfg(test)]
mod encoding;
mod exits;
mod frame;
pub mod imm;
mod inst;
mod moves;
mod order;
mod placement;

pub use frame::call_stub;

use gscript::layout::Layout;
use gscript::nanbox;
use gsx_ir::graph::BlockId;
use gsx_ir::unit::{FrameStyle, Unit};
use rustc_hash::FxHashMap;

use crate::code::{BackEdge, CallSite, CodeObject, CodegenError, Part, Passing, Provenance};
use crate::mir::{Cc, ExitId, Function, Inst, MBlock};
use crate::reg::{BASE, NARGS, SCRATCH, SCRATCH2, ZERO};
use crate::regalloc::{Allocation, Loc};
use asm::{Asm, Label};
use boxes::BoxStub;
use order::Order;
use placement::{Frames, Place};

/// Words that a conditional branch spans in either direction.
const NEAR_WORDS: u64 = 1 << 18;
/// Words that a test of a single bit spans in either direction.
const BIT_WORDS: u64 = 1 << 13;
/// Words that an unconditional branch spans in either direction.
const FAR_WORDS: u64 = 1 << 25;

struct Emitter<'a> {
    asm: Asm,
    f: &'a Function,
    allocation: &'a Allocation,
    order: Order,
    /// Do exit stubs stand behind all other code?
    cold_split: bool,
    layout: Layout,
    /// Unusual ways to box and unbox integers that are not emitted yet.
    boxes: Vec<BoxStub>,
    frames: Frames,
    /// Where the code being emitted runs.
    place: Place,
    unit_id: u32,
    provenance: Vec<Provenance>,
    now: Provenance,
    blocks: FxHashMap<MBlock, Label>,
    /// Labels of the exits that some instruction leaves through, with the places of their values.
    exits: Vec<Option<Stub>>,
    /// The common ends of exit stubs, by place: its label, once some stub needs it.
    exit_tails: FxHashMap<Place, Label>,
    call_sites: Vec<CallSite>,
    back_edges: Vec<BackEdge>,
    /// The instruction that leads to the current position in the block being emitted, and when.
    flow: Option<(u32, Passing)>,
    /// Landing pads of call sites (by index) that are not emitted yet: an exit's stub, or none for the entry's pad.
    pads: Vec<(usize, Option<ExitId>)>,
    /// Exits whose stubs are landing pads: how far the callee's frame, which control comes from, lies above this one's.
    pad_distances: FxHashMap<ExitId, u32>,
    /// Where exits' stubs begin.
    stub_words: FxHashMap<ExitId, u32>,
    /// Positions of edits in the allocation's list, by block.
    edits: FxHashMap<MBlock, std::ops::Range<usize>>,
    generic_entry: Label,
    fixed_entry: Label,
    self_entry: Label,
}

/// An exit's stub that some instruction branches to.
#[derive(Clone, Debug)]
struct Stub {
    label: Label,
    /// The places of the exit's values.
    values: Vec<Loc>,
    /// Where the instruction runs.
    place: Place,
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
    let order = Order::new(f, allocation, unit.cold_split);
    let frames = Frames::new(f, allocation, &order, unit.frames == FrameStyle::Compact)?;
    let mut asm = Asm::new(far);
    if words <= BIT_WORDS {
        asm.set_bits_near();
    }
    let blocks = order.blocks.iter().map(|&b| (b, asm.label())).collect();
    let (generic_entry, fixed_entry, self_entry) = (asm.label(), asm.label(), asm.label());
    let mut edits: FxHashMap<MBlock, std::ops::Range<usize>> = FxHashMap::default();
    for (i, e) in allocation.edits.iter().enumerate() {
        edits.entry(e.block).or_insert(i..i).end = i + 1;
    }
    let place = frames.place(order.target(MBlock(0)));
    let emitter = Emitter {
        asm,
        f,
        allocation,
        order,
        cold_split: unit.cold_split,
        layout: unit.layout,
        boxes: Vec::new(),
        place,
        frames,
        unit_id,
        provenance: Vec::new(),
        now: Provenance { node: None, origin: None, part: Part::Entry },
        blocks,
        exits: vec![None; f.exits.len()],
        exit_tails: FxHashMap::default(),
        call_sites: Vec::new(),
        back_edges: Vec::new(),
        flow: None,
        pads: Vec::new(),
        pad_distances: FxHashMap::default(),
        stub_words: FxHashMap::default(),
        edits,
        generic_entry,
        fixed_entry,
        self_entry,
    };
    let code = emitter.run(unit)?;
    debug_assert!(code.words.len() as u64 <= words, "{} words, not {words} at most", code.words.len());
    Ok(code)
}

impl Emitter<'_> {
    fn run(mut self, unit: &Unit) -> Result<CodeObject, CodegenError> {
        let fill = self.entry(unit.nparams());
        let fixed_entry = self.asm.position();
        let first = self.order.target(MBlock(0));
        if self.place == Place::Entry || self.frames.enters(first) {
            self.frames.frame(self.place).enter(&mut self.asm);
        }
        let mut starts: FxHashMap<MBlock, u32> = FxHashMap::default();
        let blocks = self.order.blocks.clone();
        // The entry block follows the prologue, unless a loop was rotated or it is empty.
        if blocks.first() != Some(&self.order.target(MBlock(0))) {
            self.jump(MBlock(0), None);
        }
        for (i, &b) in blocks.iter().enumerate() {
            self.place = self.frames.place(b);
            self.start_block(b, &mut starts);
            // What comes in at the self entry has its prologue in between.
            let next = blocks.get(i + 1).copied().filter(|&n| !self.is_self_entry(n));
            self.block(b, next);
        }
        if let Some(fill) = fill {
            self.fill_parameters(fill, unit.nparams());
        }
        self.box_stubs();
        self.exit_stubs();
        self.landing_pads();
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
            back_edges: self.back_edges,
            inlined: unit.graph.inlined.clone(),
            block_starts,
            fixed_entry,
            frame_bytes: self.frames.frame(Place::Body).bytes,
            result: self.f.self_entry.and_then(|e| e.result),
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

    /// Emits what stands in front of a block's instructions: its label, and the prologue where a frame is entered.
    fn start_block(&mut self, b: MBlock, starts: &mut FxHashMap<MBlock, u32>) {
        let (label, entry) = (self.blocks[&b], self.self_entry);
        let first = b == self.order.target(MBlock(0));
        let prologue = !first && self.frames.enters(b);
        self.set_now(Provenance { node: None, origin: None, part: Part::Entry });
        if self.is_self_entry(b) && !self.f.self_entry.is_some_and(|e| e.wrapped) {
            // Two ways in: the entry's code comes with the frame that this one still has to enter.
            self.asm.bind(entry);
            self.frames.frame(self.place).enter(&mut self.asm);
            starts.insert(b, self.asm.position());
            self.asm.bind(label);
            return;
        }
        if self.is_self_entry(b) {
            self.asm.bind(entry);
        }
        starts.insert(b, self.asm.position());
        self.asm.bind(label);
        if prologue {
            self.frames.frame(self.place).enter(&mut self.asm);
        }
    }

    /// Is it the block that self calls come in at?
    fn is_self_entry(&self, b: MBlock) -> bool {
        self.f.self_entry.is_some_and(|e| self.order.target(e.block) == b)
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
            let offset = self.layout.slot_offset(i as u64) as i64;
            match self.layout {
                Layout::Tagged => self.asm.stp(ZERO, ZERO, BASE.number(), offset, SCRATCH),
                Layout::NanBox => {
                    self.asm.mov_imm(SCRATCH2, nanbox::NIL);
                    self.asm.str(SCRATCH2, BASE.number(), offset, SCRATCH);
                }
            }
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
        self.flow = None;
        for (i, data) in block.insts.iter().enumerate() {
            let part = if block.cold { Part::Cold } else { Part::Body };
            self.set_now(Provenance { node: data.node, origin: data.origin, part });
            while let Some(e) = edits.get(at).filter(|e| e.inst as usize == i && !e.after) {
                self.move_loc(e.to, e.from);
                self.flow = Some((self.asm.position() - 1, Passing::NotTaken));
                at += 1;
            }
            let before = self.asm.position();
            let places = self.allocation.places(b, i);
            match data.inst {
                Inst::Jump { to } => {
                    let loops = u32::from(f.repeats.contains(&b)) + self.loops_between(to);
                    self.counted_jump(to, next, loops);
                }
                Inst::Branch { test, then, other } => {
                    self.branch(test, places, then, other, next);
                }
                _ => {
                    self.inst(&data.inst, places);
                    self.note_flow(&data.inst, before);
                }
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
        if let Some(stub) = &self.exits[n] {
            return stub.label;
        }
        let label = self.asm.label();
        self.exits[n] = Some(Stub { label, values: places.to_vec(), place: self.place });
        label
    }
}
