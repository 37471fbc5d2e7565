//! Exit stubs: out of line, one per exit; they write values back to their slots and ask the host to go on.

use gscript::layout;

use super::Emitter;
use super::frame::host_call;
use super::inst::loc_reg;
use super::moves::sequence;
use crate::code::{Part, Provenance};
use crate::host::HostCall;
use crate::mir::{Exit, ExitValue};
use crate::reg::{BASE, CONTEXT, Class, DEPTH, LINK, PReg, SCRATCH, SCRATCH2, ZERO};
use crate::regalloc::Loc;

impl Emitter<'_> {
    /// Emits the stubs of all exits in use that are not there yet, and their common end.
    pub(super) fn exit_stubs(&mut self) {
        let waiting: Vec<usize> = (0..self.f.exits.len()).filter(|&n| self.exits[n].is_some()).collect();
        for &n in &waiting {
            let Some((label, places)) = self.exits[n].take() else {
                continue;
            };
            let last = waiting.last() == Some(&n);
            self.asm.bind(label);
            self.exit_stub(n, &places, last);
        }
        if self.any_exit {
            self.set_now(Provenance { node: None, origin: None, part: Part::Exit });
            let tail = self.exit_tail;
            self.asm.bind(tail);
            self.asm.mov(PReg::x(1), BASE);
            self.asm.mov(PReg::x(2), DEPTH);
            host_call(&mut self.asm, HostCall::Exit);
            self.call_site(None);
            self.frame.leave(&mut self.asm);
        }
    }

    /// Writes an exit's values back and goes to the common end, which may come right behind.
    pub(super) fn exit_stub(&mut self, index: usize, places: &[Loc], falls_through: bool) {
        self.any_exit = true;
        let exit: &Exit = &self.f.exits[index];
        self.set_now(Provenance { node: exit.node, origin: Some(exit.info.origin), part: Part::Exit });
        let mut places = places.iter().copied();
        // What the first scratch register holds already.
        let mut known = None;
        for &(slot, tag, payload) in &exit.writes {
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
            let offset = layout::slot_offset(slot.into()) as i64;
            // The return address is in the frame, so X30 is free for an address that is far away.
            if payload.class() == Class::X {
                self.asm.stp(tag, payload, BASE.number(), offset, LINK);
            } else {
                self.asm.str(tag, BASE.number(), offset, LINK);
                self.asm.str(payload, BASE.number(), offset + 8, LINK);
            }
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
        if !falls_through {
            let tail = self.exit_tail;
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
            ExitValue::Reg(_) => match places.next() {
                Some(Loc::Spill(slot)) => {
                    let offset = self.frame.spill_offset(slot);
                    self.asm.ldr(scratch, super::asm::SP, offset, scratch);
                    scratch
                }
                loc => loc.map_or(ZERO, loc_reg),
            },
        }
    }
}
