//! Encoding of single machine instructions.

use gscript::layout::{self, Layout};
use gscript::nanbox;
use gscript::value::Tag;

use super::Emitter;
use super::asm::SP;
use super::frame::host_call;
use super::moves::sequence;
use super::order::is_idle;
use super::placement::Place;
use crate::code::{BackEdge, CallSite, Passing};
use crate::mir::{CallInst, CallTarget, Function, Inst, MBlock, Reg, Test};
use crate::reg::{BASE, DEPTH, NARGS, PReg, RESULT_ADDR, RESULT_COUNT, SCRATCH, SCRATCH2, ZERO};
use crate::regalloc::{Allocation, Loc};
use gsx_ir::graph::Origin;

/// The register of a place. Places of operands that must be in registers are; the allocation has been checked.
pub(super) fn loc_reg(loc: Loc) -> PReg {
    match loc {
        Loc::Reg(r) => r,
        Loc::Spill(_) => ZERO,
    }
}

/// Reads off the registers of an instruction's operands in the order in which `Function::operands` lists them.
struct Places<'a>(std::slice::Iter<'a, Loc>);

impl Places<'_> {
    fn reg(&mut self, r: Reg) -> PReg {
        match r {
            Reg::P(p) => p,
            Reg::V(_) => self.0.next().map_or(ZERO, |&l| loc_reg(l)),
        }
    }
}

impl Emitter<'_> {
    /// Emits an instruction that is not a jump.
    pub(super) fn inst(&mut self, inst: &Inst, places: &[Loc]) {
        if is_idle(inst, places) {
            return;
        }
        let mut at = Places(places.iter());
        let asm = &mut self.asm;
        match *inst {
            Inst::Mov { d: Reg::V(_), s: Reg::V(_) } => {
                if let [s, d] = *places {
                    self.move_loc(d, s);
                }
            }
            Inst::Mov { d, s } | Inst::FmovFromX { d, s } | Inst::FmovToX { d, s } => {
                let s = at.reg(s);
                let d = at.reg(d);
                if d != s {
                    asm.mov(d, s);
                }
            }
            Inst::MovImm { d, value } => asm.mov_imm(at.reg(d), value),
            Inst::FmovImm { d, bits } => asm.fmov_imm(at.reg(d), bits, SCRATCH),
            Inst::AddImm { d, n, offset } => {
                let n = at.reg(n);
                let d = at.reg(d);
                match offset {
                    0 if d == n => {}
                    0 => asm.mov(d, n),
                    _ => asm.add_imm(d.number(), n.number(), offset, SCRATCH),
                }
            }
            Inst::Alu { op, d, n, m } => {
                let (n, m) = (at.reg(n), at.reg(m));
                asm.alu(op, at.reg(d), n, m);
            }
            Inst::AluLsl { op, d, n, m, shift } => {
                let (n, m) = (at.reg(n), at.reg(m));
                asm.alu_lsl(op, at.reg(d), n, m, shift);
            }
            Inst::MulAdd { op, d, n, m, a } => {
                let (n, m) = (at.reg(n), at.reg(m));
                let a = at.reg(a);
                asm.mul_add(op, at.reg(d), n, m, a);
            }
            Inst::Lsl { d, n, shift } => {
                let n = at.reg(n);
                asm.lsl(at.reg(d), n, shift);
            }
            Inst::Asr { d, n, shift } => {
                let n = at.reg(n);
                asm.asr(at.reg(d), n, shift);
            }
            Inst::Logic { op, d, n, mask } => {
                let n = at.reg(n);
                asm.logic(op, at.reg(d), n, mask);
            }
            Inst::SetTop { d, n, top } => {
                let n = at.reg(n);
                let d = at.reg(d);
                if d != n {
                    asm.mov(d, n);
                }
                asm.set_top(d, top);
            }
            Inst::BoxInt { d, s } => {
                let s = at.reg(s);
                self.box_int(at.reg(d), s);
            }
            Inst::UnboxInt { d, s } => {
                let s = at.reg(s);
                self.unbox_int(at.reg(d), s);
            }
            Inst::NotBool { d, n } => {
                let n = at.reg(n);
                asm.eor_one(at.reg(d), n);
            }
            Inst::Fpu { op, d, n, m } => {
                let (n, m) = (at.reg(n), at.reg(m));
                asm.fpu(op, at.reg(d), n, m);
            }
            Inst::FpuUnary { op, d, n } => {
                let n = at.reg(n);
                asm.fpu_unary(op, at.reg(d), n);
            }
            Inst::Fcvtms { d, n } => {
                let n = at.reg(n);
                asm.fcvtms(at.reg(d), n);
            }
            Inst::Scvtf { d, n } => {
                let n = at.reg(n);
                asm.scvtf(at.reg(d), n);
            }
            Inst::Cmp { n, m } => {
                let n = at.reg(n);
                asm.cmp(n, at.reg(m));
            }
            Inst::CmpImm { n, value } => asm.cmp_imm(at.reg(n), value, SCRATCH),
            Inst::Fcmp { n, m } => {
                let n = at.reg(n);
                asm.fcmp(n, at.reg(m));
            }
            Inst::FcmpZero { n } => asm.fcmp_zero(at.reg(n)),
            Inst::CcmpImm { n, value, nzcv, cc } => asm.ccmp_imm(at.reg(n), value, nzcv, cc),
            Inst::Cset { d, cc } => asm.cset(at.reg(d), cc),
            Inst::Csel { d, n, m, cc } => {
                let (n, m) = (at.reg(n), at.reg(m));
                asm.csel(at.reg(d), n, m, cc);
            }
            Inst::Ldr { d, base, offset } => {
                let base = at.reg(base);
                asm.ldr(at.reg(d), base.number(), offset.into(), SCRATCH);
            }
            Inst::LdrW { d, base, offset } => {
                let base = at.reg(base);
                asm.ldr_w(at.reg(d), base.number(), offset.into(), SCRATCH);
            }
            Inst::LdrIndex { d, base, index } => {
                let (base, index) = (at.reg(base), at.reg(index));
                asm.ldr_index(at.reg(d), base, index);
            }
            Inst::StrIndex { s, base, index } => {
                let (s, base) = (at.reg(s), at.reg(base));
                asm.str_index(s, base, at.reg(index));
            }
            Inst::Ldp { d, d2, base, offset } => {
                let base = at.reg(base);
                let d = at.reg(d);
                asm.ldp(d, at.reg(d2), base.number(), offset.into(), SCRATCH);
            }
            Inst::Str { s, base, offset } => {
                let s = at.reg(s);
                asm.str(s, at.reg(base).number(), offset.into(), SCRATCH);
            }
            Inst::Stp { s, s2, base, offset } => {
                let (s, s2) = (at.reg(s), at.reg(s2));
                asm.stp(s, s2, at.reg(base).number(), offset.into(), SCRATCH);
            }
            Inst::ParallelMove { ref moves } => {
                let (sources, destinations) = places.split_at(moves.len());
                let all: Vec<_> = moves
                    .iter()
                    .zip(destinations.iter().zip(sources))
                    .map(|(&(d, _), (&to, &from))| (self.f.class(d), to, from))
                    .collect();
                for (d, s) in sequence(&all) {
                    self.move_loc(d, s);
                }
            }
            Inst::Call(CallInst { target, distance, frames, nargs, .. }) => {
                let target = match target {
                    CallTarget::Address(r) => Ok(at.reg(r)),
                    CallTarget::Fixed => Err(self.fixed_entry),
                    CallTarget::Generic => Err(self.generic_entry),
                    CallTarget::SelfEntry => Err(self.self_entry),
                };
                let (base, depth) = (BASE.number(), DEPTH.number());
                asm.add_imm(depth, depth, -i64::from(frames), SCRATCH2);
                asm.add_imm(base, base, distance.into(), SCRATCH2);
                let own_entry = target == Err(self.self_entry);
                if !own_entry {
                    asm.mov_imm(NARGS, nargs.into());
                }
                match target {
                    Ok(address) => asm.blr(address),
                    Err(label) => asm.bl(label),
                }
                let result = self.f.self_entry.filter(|_| own_entry).and_then(|e| e.result);
                self.call_site(self.now.origin, result);
                self.asm.add_imm(base, base, -i64::from(distance), SCRATCH2);
                self.asm.add_imm(depth, depth, frames.into(), SCRATCH2);
            }
            Inst::Host { call, x0, .. } => {
                asm.mov_imm(PReg::x(0), x0);
                asm.mov(PReg::x(1), BASE);
                asm.mov(PReg::x(2), DEPTH);
                host_call(asm, call);
                self.call_site(self.now.origin, None);
            }
            Inst::BranchExit { test, exit } => {
                let operands = usize::from(matches!(test, Test::Zero(Reg::V(_)) | Test::NonZero(Reg::V(_))));
                if test == Test::Never {
                    return;
                }
                // In line, the usual way jumps over the stub.
                let over = (!self.cold_split).then(|| self.asm.label());
                let (test, label) = match over {
                    Some(over) => (test.inverted(), over),
                    None => (test, self.exit_label(exit, &places[operands..])),
                };
                match test {
                    Test::Flags(cc) => self.asm.b_cc(cc, label),
                    Test::Zero(r) => self.asm.cb(true, at.reg(r), label),
                    Test::NonZero(r) => self.asm.cb(false, at.reg(r), label),
                    Test::Always => self.asm.b(label),
                    Test::Never => {}
                }
                if let Some(over) = over {
                    let now = self.now;
                    self.exit_stub(exit.0 as usize, &places[operands..], false);
                    self.set_now(now);
                    self.asm.bind(over);
                }
            }
            Inst::Exit { exit } => self.exit_stub(exit.0 as usize, places, false),
            Inst::Ret { first, count } => {
                let offset = self.layout.slot_offset(first.into()) as i64;
                asm.mov_imm(RESULT_COUNT, count.into());
                match offset {
                    0 => asm.mov(RESULT_ADDR, BASE),
                    _ => asm.add_imm(RESULT_ADDR.number(), BASE.number(), offset, SCRATCH),
                }
                self.frames.frame(self.place).leave(asm);
                asm.ret();
            }
            Inst::RetValue { .. } => {
                self.frames.frame(self.place).leave(asm);
                asm.ret();
            }
            Inst::EnterBody { .. } => self.enter_body(),
            Inst::LandingPad { exit, distance } => {
                self.exit_label(exit, places);
                let site = self.call_sites.len() - 1;
                self.pads.push((site, Some(exit)));
                self.pad_distances.insert(exit, distance);
            }
            Inst::Trap => asm.trap(),
            Inst::Jump { .. } | Inst::Branch { .. } => {}
        }
    }

    /// Calls the body from the entry, and gives its result to the entry's caller.
    fn enter_body(&mut self) {
        let body = self.self_entry;
        self.asm.bl(body);
        let result = self.f.self_entry.and_then(|e| e.result);
        self.call_site(None, result);
        if let Some(tag) = result {
            self.pads.push((self.call_sites.len() - 1, None));
            // The frame is dead: its first slot carries the result.
            let base = BASE.number();
            match (self.layout, tag) {
                (Layout::Tagged, Tag::Float) => {
                    self.asm.mov_imm(SCRATCH, tag as u64);
                    self.asm.str(SCRATCH, base, layout::TAG_OFFSET as i64, SCRATCH2);
                    self.asm.str(PReg::d(0), base, layout::PAYLOAD_OFFSET as i64, SCRATCH2);
                }
                (Layout::Tagged, _) => {
                    self.asm.mov_imm(SCRATCH, tag as u64);
                    self.asm.stp(SCRATCH, RESULT_COUNT, base, 0, SCRATCH2);
                }
                (Layout::NanBox, Tag::Float) => self.asm.str(PReg::d(0), base, 0, SCRATCH2),
                (Layout::NanBox, Tag::Int) => {
                    self.box_int(RESULT_ADDR, RESULT_COUNT);
                    self.asm.str(RESULT_ADDR, base, 0, SCRATCH2);
                }
                (Layout::NanBox, _) => {
                    let top = nanbox::top(tag).unwrap_or_default();
                    self.asm.set_top(RESULT_COUNT, top as u16);
                    self.asm.str(RESULT_COUNT, base, 0, SCRATCH2);
                }
            }
            self.asm.mov_imm(RESULT_COUNT, 1);
            self.asm.mov(RESULT_ADDR, BASE);
        }
        self.frames.frame(self.place).leave(&mut self.asm);
        self.asm.ret();
    }

    /// Goes to a block, by falling through if it is the next one.
    pub(super) fn jump(&mut self, to: MBlock, next: Option<MBlock>) {
        let to = self.order.target(to);
        if next != Some(to) {
            let label = self.blocks[&to];
            self.asm.b(label);
        }
    }

    /// Ends a block with a test.
    pub(super) fn branch(&mut self, test: Test, places: &[Loc], then: MBlock, other: MBlock, next: Option<MBlock>) {
        let loops = (self.loops_between(then), self.loops_between(other));
        let (then, other) = (self.order.target(then), self.order.target(other));
        let (test, to, rest, loops) = match next == Some(then) {
            true => (test.inverted(), other, then, (loops.1, loops.0)),
            false => (test, then, other, loops),
        };
        if then == other || test == Test::Never {
            return self.counted_jump(rest, next, loops.1);
        }
        let label = self.blocks[&to];
        let mut at = Places(places.iter());
        let word = self.asm.position();
        match test {
            Test::Flags(cc) => self.asm.b_cc(cc, label),
            Test::Zero(r) => self.asm.cb(true, at.reg(r), label),
            Test::NonZero(r) => self.asm.cb(false, at.reg(r), label),
            Test::Always | Test::Never => return self.counted_jump(to, next, loops.0),
        }
        // In the long form the test jumps over the branch.
        let (taken, not) = match self.asm.position() - word {
            1 => (Passing::Taken, Passing::NotTaken),
            _ => (Passing::NotTaken, Passing::Taken),
        };
        self.count_loops(word, taken, loops.0);
        self.count_loops(word, not, loops.1);
        self.jump(rest, next);
    }

    /// Goes to a block, and `loops` loops go around with that.
    pub(super) fn counted_jump(&mut self, to: MBlock, next: Option<MBlock>, loops: u32) {
        let word = self.asm.position();
        self.jump(to, next);
        if self.asm.position() > word {
            self.count_loops(word, Passing::Executed, loops);
        } else if let Some((word, passing)) = self.flow {
            self.count_loops(word, passing, loops);
        }
    }

    fn count_loops(&mut self, word: u32, passing: Passing, loops: u32) {
        if loops > 0 {
            self.back_edges.push(BackEdge { word, passing, loops });
        }
    }

    /// How many loops go around in the blocks that a jump to `b` skips.
    pub(super) fn loops_between(&self, b: MBlock) -> u32 {
        let (mut at, end, mut loops) = (b, self.order.target(b), 0);
        while at != end {
            loops += u32::from(self.f.repeats.contains(&at));
            let Some(&next) = self.f.blocks[at.0 as usize].succs().first() else { break };
            at = next;
        }
        loops
    }

    /// An instruction was emitted from word `before` on: notes how control gets behind it.
    pub(super) fn note_flow(&mut self, inst: &Inst, before: u32) {
        let end = self.asm.position();
        if end == before {
            return;
        }
        self.flow = Some(match inst {
            // The host returns behind the branch. Results that are moved come after it.
            Inst::Host { .. } => (end - 1, Passing::Executed),
            Inst::BranchExit { test, .. } if !self.cold_split && *test != Test::Always => {
                // The usual way jumps over the stub; in the long form, the branch does that.
                (before + u32::from(self.asm.is_far()), Passing::Taken)
            }
            _ => (end - 1, Passing::NotTaken),
        });
    }

    /// Moves between places; memory to memory through the second scratch register.
    pub(super) fn move_loc(&mut self, to: Loc, from: Loc) {
        let frame = self.frames.frame(self.place);
        match (to, from) {
            (Loc::Reg(d), Loc::Reg(s)) => self.asm.mov(d, s),
            (Loc::Reg(d), Loc::Spill(slot)) => {
                self.asm.ldr(d, SP, frame.spill_offset(slot), SCRATCH2);
            }
            (Loc::Spill(slot), Loc::Reg(s)) => {
                self.asm.str(s, SP, frame.spill_offset(slot), SCRATCH2);
            }
            (Loc::Spill(d), Loc::Spill(s)) => {
                self.asm.ldr(SCRATCH2, SP, frame.spill_offset(s), SCRATCH2);
                self.asm.str(SCRATCH2, SP, frame.spill_offset(d), SCRATCH2);
            }
        }
    }

    /// Notes a call that has just been emitted.
    /// `result`: tag of the result that the callee returns in a register; others come back at the landing pad.
    pub(super) fn call_site(&mut self, origin: Option<Origin>, result: Option<Tag>) {
        let frame = self.frames.frame(self.place);
        let (frame_bytes, link_offset) = match self.place {
            // Only exit stubs call from there, having pushed the return address.
            Place::Bare => (16, 0),
            _ => (frame.bytes, frame.link_offset()),
        };
        let return_word = self.asm.position();
        self.call_sites.push(CallSite { return_word, frame_bytes, link_offset, origin, result, landing_pad: None });
    }
}

/// An upper bound of the words that a function takes, with every conditional branch in its long form.
pub(super) fn words_at_most(f: &Function, allocation: &Allocation) -> u64 {
    // Entry, prologue, parameter stores, common end of the exits.
    let mut words: u64 = 64 + 5 * 256 + 12 * f.blocks.len() as u64;
    for (_, _, data) in f.insts() {
        words += match &data.inst {
            Inst::ParallelMove { moves } => 6 * moves.len() as u64,
            Inst::Call(_) | Inst::BoxInt { .. } | Inst::UnboxInt { .. } => 24,
            Inst::EnterBody { .. } => 48,
            Inst::Host { .. } => 12,
            Inst::Ret { .. } | Inst::RetValue { .. } => 24,
            Inst::Branch { .. } => 3,
            Inst::BranchExit { .. } | Inst::Alu { .. } | Inst::Cmp { .. } | Inst::CmpImm { .. } => 2,
            Inst::Ldr { offset, .. }
            | Inst::Str { offset, .. }
            | Inst::Ldp { offset, .. }
            | Inst::Stp { offset, .. } => {
                if super::imm::scaled_offset_fits((*offset).into()) {
                    1
                } else {
                    10
                }
            }
            _ => 6,
        };
    }
    words += allocation.edits.len() as u64;
    // Per write of an exit two constants of four words and two stores of five.
    words + f.exits.iter().map(|e| 24 + 18 * e.writes.len() as u64).sum::<u64>()
}
