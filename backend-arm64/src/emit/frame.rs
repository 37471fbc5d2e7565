//! Native frames: layout, prologue, epilogue; and the stub for functions without compiled code.

use gscript::layout;

use super::asm::{Asm, SP};
use crate::code::CodegenError;
use crate::host::HostCall;
use crate::reg::{BASE, CONTEXT, Class, DEPTH, FRAME, LINK, NARGS, PReg, RegSet, SCRATCH, SCRATCH2};

/// A native frame, from SP up: the frame record (X29, X30) or X30 alone, saved registers, spill slots.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    /// Its size, a multiple of 16; 0 for no frame.
    pub bytes: u32,
    /// Registers saved, in order of their places.
    saved: Vec<PReg>,
    /// Does it begin with a frame record, and X29 point to it?
    record: bool,
}

/// Most bytes that a pair can be pushed or popped with.
const PAIR_REACH: u32 = 504;
/// Most bytes that one register can be pushed or popped with.
const SINGLE_REACH: u32 = 240;

impl Frame {
    /// No frame.
    pub const NONE: Frame = Frame { bytes: 0, saved: Vec::new(), record: false };

    /// A frame that saves these registers beside X30, with room for spilled values.
    pub fn new(record: bool, saved: RegSet, spill_slots: u32) -> Result<Frame, CodegenError> {
        let of = |class| saved.intersection(RegSet::of_class(class)).iter();
        let first: &[PReg] = if record { &[FRAME, LINK] } else { &[LINK] };
        let saved: Vec<PReg> = first.iter().copied().chain(of(Class::X)).chain(of(Class::D)).collect();
        let words = saved.len() as u64 + u64::from(spill_slots);
        let bytes = (8 * words).next_multiple_of(16);
        if bytes > layout::NATIVE_FRAME_BYTES {
            return Err(CodegenError::FrameTooLarge { bytes });
        }
        Ok(Frame { bytes: bytes as u32, saved, record })
    }

    /// Offset of a spill slot from SP.
    pub fn spill_offset(&self, slot: u32) -> i64 {
        8 * (self.saved.len() as i64 + i64::from(slot))
    }

    /// Offset of the return address from SP.
    pub fn link_offset(&self) -> u32 {
        if self.record { 8 } else { 0 }
    }

    /// Saved registers two by two (or one) of a class, with their offsets; the first entry has X30.
    fn saves(&self) -> Vec<(PReg, Option<PReg>, i64)> {
        let mut out: Vec<(PReg, Option<PReg>, i64)> = Vec::new();
        for (i, &reg) in self.saved.iter().enumerate() {
            match out.last_mut() {
                Some((first, second @ None, _)) if first.class() == reg.class() => *second = Some(reg),
                _ => out.push((reg, None, 8 * i as i64)),
            }
        }
        out
    }

    /// Enters the frame.
    pub fn enter(&self, asm: &mut Asm) {
        let saves = self.saves();
        let Some((&first, rest)) = saves.split_first() else { return };
        match first {
            (a, Some(b), _) if self.bytes <= PAIR_REACH => asm.push_pair(a, b, self.bytes),
            (a, None, _) if self.bytes <= SINGLE_REACH => asm.push(a, self.bytes),
            first => {
                asm.add_imm(SP, SP, -i64::from(self.bytes), SCRATCH);
                save(asm, first);
            }
        }
        if self.record {
            asm.mov_from_sp(FRAME);
        }
        for &entry in rest {
            save(asm, entry);
        }
    }

    /// Restores what the frame saved, X30 among it, and gives the frame up.
    pub fn leave(&self, asm: &mut Asm) {
        let saves = self.saves();
        let Some((&first, rest)) = saves.split_first() else { return };
        for &entry in rest {
            restore(asm, entry);
        }
        match first {
            (a, Some(b), _) if self.bytes <= PAIR_REACH => asm.pop_pair(a, b, self.bytes),
            (a, None, _) if self.bytes <= SINGLE_REACH => asm.pop(a, self.bytes),
            first => {
                restore(asm, first);
                asm.add_imm(SP, SP, self.bytes.into(), SCRATCH);
            }
        }
    }
}

fn save(asm: &mut Asm, (a, b, at): (PReg, Option<PReg>, i64)) {
    match b {
        Some(b) => asm.stp(a, b, SP, at, SCRATCH),
        None => asm.str(a, SP, at, SCRATCH),
    }
}

fn restore(asm: &mut Asm, (a, b, at): (PReg, Option<PReg>, i64)) {
    match b {
        Some(b) => asm.ldp(a, b, SP, at, SCRATCH),
        None => asm.ldr(a, SP, at, SCRATCH),
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
    let frame = Frame { bytes: 16, saved: vec![FRAME, LINK], record: true };
    frame.enter(&mut asm);
    asm.mov(PReg::x(0), BASE);
    debug_assert_eq!(NARGS, PReg::x(1));
    asm.mov(PReg::x(2), DEPTH);
    host_call(&mut asm, HostCall::CallFrame);
    frame.leave(&mut asm);
    asm.ret();
    asm.finish().expect("code without labels always assembles")
}
