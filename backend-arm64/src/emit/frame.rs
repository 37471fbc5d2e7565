//! Native frames: layout, prologue, epilogue; and the stub for functions without compiled code.

use gscript::layout;

use super::Emitter;
use super::asm::{Asm, SP};
use crate::code::CodegenError;
use crate::host::HostCall;
use crate::mir::Function;
use crate::reg::{BASE, CONTEXT, Class, DEPTH, FRAME, LINK, NARGS, PReg, RegSet, SCRATCH, SCRATCH2};
use crate::regalloc::{Allocation, Loc};

/// The native frame of a unit, from SP up: frame record (X29, X30), saved registers, spill slots.
pub(super) struct Frame {
    /// Its size, a multiple of 16.
    pub bytes: u32,
    saved_x: Vec<PReg>,
    saved_d: Vec<PReg>,
}

const RECORD_BYTES: u64 = 16;

impl Frame {
    /// Lays out the frame for what an allocation uses.
    pub fn new(f: &Function, allocation: &Allocation) -> Result<Frame, CodegenError> {
        let places = allocation.places.iter().flatten().flatten();
        let used: RegSet = places
            .chain(allocation.edits.iter().map(|e| &e.to))
            .filter_map(|loc| match loc {
                Loc::Reg(r) => Some(*r),
                Loc::Spill(_) => None,
            })
            .collect();
        let saved = used.union(f.pinned).intersection(RegSet::CALLEE_SAVED);
        let of = |class| saved.intersection(RegSet::of_class(class)).iter().collect::<Vec<PReg>>();
        let (saved_x, saved_d) = (of(Class::X), of(Class::D));
        let words = (saved_x.len() + saved_d.len()) as u64 + u64::from(allocation.spill_slots);
        let bytes = (RECORD_BYTES + 8 * words).next_multiple_of(16);
        if bytes > layout::NATIVE_FRAME_BYTES {
            return Err(CodegenError::FrameTooLarge { bytes });
        }
        Ok(Frame { bytes: bytes as u32, saved_x, saved_d })
    }

    /// Offset of a spill slot from SP.
    pub fn spill_offset(&self, slot: u32) -> i64 {
        (RECORD_BYTES as usize + 8 * (self.saved_x.len() + self.saved_d.len())) as i64 + 8 * i64::from(slot)
    }

    /// Saved registers two by two (or one), with their offsets.
    fn saves(&self) -> Vec<(PReg, Option<PReg>, i64)> {
        let mut out = Vec::new();
        let mut at = RECORD_BYTES as i64;
        for regs in [&self.saved_x, &self.saved_d] {
            for pair in regs.chunks(2) {
                out.push((pair[0], pair.get(1).copied(), at));
                at += 8 * pair.len() as i64;
            }
        }
        out
    }

    /// Enters the frame.
    fn enter(&self, asm: &mut Asm) {
        if self.bytes <= 512 {
            asm.push_record(self.bytes);
        } else {
            asm.add_imm(SP, SP, -i64::from(self.bytes), SCRATCH);
            asm.stp(FRAME, LINK, SP, 0, SCRATCH);
        }
        asm.mov_from_sp(FRAME);
        for (a, b, at) in self.saves() {
            match b {
                Some(b) => asm.stp(a, b, SP, at, SCRATCH),
                None => asm.str(a, SP, at, SCRATCH),
            }
        }
    }

    /// Leaves the frame and returns.
    pub fn leave(&self, asm: &mut Asm) {
        for (a, b, at) in self.saves() {
            match b {
                Some(b) => asm.ldp(a, b, SP, at, SCRATCH),
                None => asm.ldr(a, SP, at, SCRATCH),
            }
        }
        if self.bytes <= 504 {
            asm.pop_record(self.bytes);
        } else {
            asm.ldp(FRAME, LINK, SP, 0, SCRATCH);
            asm.add_imm(SP, SP, self.bytes.into(), SCRATCH);
        }
        asm.ret();
    }
}

impl Emitter<'_> {
    /// Emits the prologue. Returns its first word.
    pub(super) fn prologue(&mut self) -> u32 {
        let at = self.asm.position();
        self.frame.enter(&mut self.asm);
        at
    }
}

/// Calls the host; its arguments are in place.
pub(super) fn host_call(asm: &mut Asm, call: HostCall) {
    asm.ldr(SCRATCH, CONTEXT.number(), layout::CTX_HOST_ENTRY as i64, SCRATCH);
    asm.mov_imm(SCRATCH2, call as u64);
    asm.blr(SCRATCH);
}

/// The code for functions that have none of their own: has the host run the frame that the caller has made. It keeps a
/// frame record of 16 bytes.
pub fn call_stub() -> Vec<u32> {
    let mut asm = Asm::new(false);
    let frame = Frame { bytes: RECORD_BYTES as u32, saved_x: Vec::new(), saved_d: Vec::new() };
    frame.enter(&mut asm);
    asm.mov(PReg::x(0), BASE);
    debug_assert_eq!(NARGS, PReg::x(1));
    asm.mov(PReg::x(2), DEPTH);
    host_call(&mut asm, HostCall::CallFrame);
    frame.leave(&mut asm);
    asm.finish().expect("code without labels always assembles")
}
