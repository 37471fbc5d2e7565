//! Exit stubs, one per exit, out of line or where they are branched to; they write values back to their slots and ask the host to go on.

use gscript::layout::{self, Layout};
use gscript::nanbox;
use gscript::value::Tag;

use super::frame::host_call;
use super::inst::loc_reg;
use super::moves::sequence;
use super::placement::Place;
use super::{Emitter, Stub};
use crate::code::{ExitKind, Part, Provenance};
use crate::host::HostCall;
use crate::mir::{Exit, ExitId, ExitValue, ExitWrite};
use crate::reg::{BASE, CONTEXT, Class, DEPTH, LINK, PReg, SCRATCH, SCRATCH2, ZERO};
use crate::regalloc::Loc;

/// Native frame of a stub without one: the return address.
const BARE_STUB_BYTES: u32 = 16;

impl Emitter<'_> {
    /// Emits the stubs of all exits in use that are not there yet, and their common end.
    pub(super) fn exit_stubs(&mut self) {
        for place in Place::ALL {
            self.place = place;
            let here = |stub: &Option<Stub>| stub.as_ref().is_some_and(|s| s.place == place);
            let waiting: Vec<usize> = (0..self.f.exits.len()).filter(|&n| here(&self.exits[n])).collect();
            for &n in &waiting {
                let Some(stub) = self.exits[n].take() else {
                    continue;
                };
                let last = waiting.last() == Some(&n);
                self.asm.bind(stub.label);
                self.stub_words.insert(ExitId(n as u32), self.asm.position());
                self.exit_stub(n, &stub.values, last);
            }
            if let Some(&tail) = self.exit_tails.get(&place) {
                self.set_now(Provenance { node: None, origin: None, part: Part::Exit });
                self.asm.bind(tail);
                self.exit_tail();
            }
        }
    }

    /// The common end of the exits of a place: the host finishes the activation, and its results are returned.
    fn exit_tail(&mut self) {
        self.asm.mov(PReg::x(1), BASE);
        self.asm.mov(PReg::x(2), DEPTH);
        host_call(&mut self.asm, HostCall::Exit);
        self.call_site(None, None);
        match self.place {
            Place::Bare => self.asm.pop(LINK, BARE_STUB_BYTES),
            place => self.frames.frame(place).leave(&mut self.asm),
        }
        // Where a self call expects a value, the host says where to return to: to a landing pad if it is another one.
        match self.f.self_entry.and_then(|e| e.result).filter(|_| self.place != Place::Entry) {
            Some(tag) => {
                if tag == Tag::Float {
                    self.asm.mov(PReg::d(0), PReg::x(0));
                }
                self.asm.ret_to(PReg::x(2));
            }
            None => self.asm.ret(),
        }
    }

    /// Emits the landing pads that are no exits, and tells the call sites where theirs are.
    pub(super) fn landing_pads(&mut self) {
        for (site, exit) in std::mem::take(&mut self.pads) {
            let word = match exit {
                Some(exit) => self.stub_words.get(&exit).copied(),
                None => {
                    // The body gave results like any other function: they are the entry's.
                    self.set_now(Provenance { node: None, origin: None, part: Part::Exit });
                    let word = self.asm.position();
                    self.frames.frame(Place::Entry).leave(&mut self.asm);
                    self.asm.ret();
                    Some(word)
                }
            };
            self.call_sites[site].landing_pad = word;
        }
    }

    /// Writes an exit's values back and goes to the common end, which may come right behind.
    pub(super) fn exit_stub(&mut self, index: usize, places: &[Loc], falls_through: bool) {
        let exit: &Exit = &self.f.exits[index];
        self.set_now(Provenance { node: exit.node, origin: Some(exit.info.origin), part: Part::Exit });
        if let Some(&distance) = self.pad_distances.get(&ExitId(index as u32)) {
            // Control comes from the callee, past the instructions behind the call.
            let (base, depth) = (BASE.number(), DEPTH.number());
            self.asm.add_imm(base, base, -i64::from(distance), SCRATCH2);
            self.asm.add_imm(depth, depth, 1, SCRATCH2);
        }
        if self.place == Place::Bare {
            self.asm.push(LINK, BARE_STUB_BYTES);
        }
        let mut places = places.iter().copied();
        if let Some(closure) = self.f.self_entry.and_then(|e| e.header).filter(|_| self.place != Place::Entry) {
            let header = -(self.layout.slot_offset(layout::FRAME_HEADER_SLOTS) as i64);
            let base = BASE.number();
            self.asm.add_imm(SCRATCH2.number(), CONTEXT.number(), closure as i64, SCRATCH2);
            match self.layout {
                Layout::Tagged => {
                    self.asm.mov_imm(SCRATCH, Tag::Function as u64);
                    self.asm.stp(SCRATCH, SCRATCH2, base, header, LINK);
                }
                Layout::NanBox => {
                    self.asm.set_top(SCRATCH2, nanbox::FUNCTION as u16);
                    self.asm.str(SCRATCH2, base, header, LINK);
                }
            }
        }
        // What the first scratch register holds already.
        let mut known = None;
        for &ExitWrite { slot, tag, payload } in &exit.writes {
            let offset = self.layout.slot_offset(slot.into()) as i64;
            let Some(tag) = tag else {
                let word = self.exit_value(payload, &mut places, SCRATCH2);
                self.asm.str(word, BASE.number(), offset, LINK);
                continue;
            };
            let tag = match tag {
                ExitValue::Imm(v) if v != 0 && known == Some(v) => SCRATCH,
                _ => {
                    let reg = self.exit_value(tag, &mut places, SCRATCH);
                    if reg == SCRATCH {
                        known = if let ExitValue::Imm(v) = tag { Some(v) } else { None };
                    }
                    reg
                }
            };
            let payload = self.exit_value(payload, &mut places, SCRATCH2);
            // The return address is in the frame, so X30 is free for an address that is far away.
            if payload.class() == Class::X {
                self.asm.stp(tag, payload, BASE.number(), offset, LINK);
            } else {
                self.asm.str(tag, BASE.number(), offset, LINK);
                self.asm.str(payload, BASE.number(), offset + 8, LINK);
            }
        }
        // Raw payloads become values at the host, which then lets the loop return as it would here.
        if exit.info.kind == ExitKind::LoopEnd && exit.info.raw.is_empty() {
            let pc = exit.info.frames.last().map_or(0, |f| f.pc);
            self.asm.mov_imm(PReg::x(0), pc.into());
            match self.place {
                Place::Bare => self.asm.pop(LINK, BARE_STUB_BYTES),
                place => self.frames.frame(place).leave(&mut self.asm),
            }
            self.asm.ret();
            return;
        }
        if exit.results.is_some() {
            let (count, addr) = (places.next(), places.next());
            let moves: Vec<_> = [(3, count), (4, addr)]
                .into_iter()
                .filter_map(|(n, loc)| Some((Class::X, Loc::Reg(PReg::x(n)), loc?)))
                .collect();
            for (d, s) in sequence(&moves) {
                self.move_loc(d, s);
            }
        }
        self.asm.mov_imm(PReg::x(0), u64::from(self.unit_id) << 32 | index as u64);
        let tail = self.exit_tails.get(&self.place).copied().unwrap_or_else(|| self.asm.label());
        self.exit_tails.insert(self.place, tail);
        if !falls_through {
            self.asm.b(tail);
        }
    }

    /// A value of an exit in a register.
    fn exit_value(&mut self, value: ExitValue, places: &mut impl Iterator<Item = Loc>, scratch: PReg) -> PReg {
        match value {
            ExitValue::Imm(0) => ZERO,
            ExitValue::Imm(v) => {
                self.asm.mov_imm(scratch, v);
                scratch
            }
            ExitValue::Object(offset) => {
                self.asm.add_imm(scratch.number(), CONTEXT.number(), offset as i64, scratch);
                scratch
            }
            ExitValue::Tagged(tag, offset) => {
                self.asm.add_imm(scratch.number(), CONTEXT.number(), offset as i64, scratch);
                self.asm.set_top(scratch, nanbox::top(tag).unwrap_or_default() as u16);
                scratch
            }
            ExitValue::Reg(_) => match places.next() {
                Some(Loc::Spill(slot)) => {
                    let offset = self.frames.frame(self.place).spill_offset(slot);
                    self.asm.ldr(scratch, super::asm::SP, offset, scratch);
                    scratch
                }
                loc => loc.map_or(ZERO, loc_reg),
            },
        }
    }
}
