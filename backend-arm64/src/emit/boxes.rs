//! Integers in NaN-boxed words: the usual way in line, the wide ones out of line.

use gscript::layout::WIDE_VALUE;
use gscript::nanbox;

use super::Emitter;
use super::asm::Label;
use super::frame::host_call;
use super::placement::Place;
use crate::code::{CallSite, Part, Provenance};
use crate::host::HostCall;
use crate::mir::{Cc, LogicOp};
use crate::reg::{LINK, PReg, SCRATCH, SCRATCH2};

/// Native stack that a call of the host for a box takes: the return address and the integer.
const BOX_FRAME_BYTES: u32 = 16;

/// The bits that are clear in an integer from 0 up that fits 48 bits.
const TOP_17: u64 = !0 << 47;

/// Boxing or unboxing of a wide integer, to be emitted.
#[derive(Clone, Copy, Debug)]
pub(super) struct BoxStub {
    label: Label,
    back: Label,
    boxes: bool,
    d: PReg,
    s: PReg,
    place: Place,
    provenance: Provenance,
}

impl Emitter<'_> {
    /// The word of an integer: with the bits of the tag all set, one OR makes it of an integer that fits. Those that are not
    /// negative are told by a single test; the others have a closer look out of line.
    pub(super) fn box_int(&mut self, d: PReg, s: PReg) {
        let (label, back) = (self.asm.label(), self.asm.label());
        let stub = BoxStub { label, back, boxes: true, d, s, place: self.place, provenance: self.now };
        self.asm.tst(s, TOP_17);
        self.asm.b_cc(Cc::Ne, label);
        self.asm.logic(LogicOp::Orr, d, s, nanbox::INT << nanbox::SHIFT);
        self.asm.bind(back);
        self.boxes.push(stub);
    }

    /// The integer in a word: the lowest bit of the tag tells the one in line from the one in a box.
    pub(super) fn unbox_int(&mut self, d: PReg, s: PReg) {
        let (label, back) = (self.asm.label(), self.asm.label());
        let stub = BoxStub { label, back, boxes: false, d, s, place: self.place, provenance: self.now };
        self.asm.tbz(s, nanbox::SHIFT as u8, label);
        self.asm.low48(d, s);
        self.asm.bind(back);
        self.boxes.push(stub);
    }

    /// Emits what stands out of line.
    pub(super) fn box_stubs(&mut self) {
        let place = self.place;
        for stub in std::mem::take(&mut self.boxes) {
            self.set_now(Provenance { part: Part::Cold, ..stub.provenance });
            self.place = stub.place;
            self.asm.bind(stub.label);
            self.box_stub(stub);
        }
        self.place = place;
    }

    fn box_stub(&mut self, stub: BoxStub) {
        let BoxStub { back, boxes, d, s, .. } = stub;
        if boxes {
            let fits = self.asm.label();
            self.asm.low48(SCRATCH, s);
            self.asm.cmp(SCRATCH, s);
            self.asm.b_cc(Cc::Eq, fits);
            // The host preserves all other registers.
            self.asm.push_pair(LINK, s, BOX_FRAME_BYTES);
            host_call(&mut self.asm, HostCall::BoxInt);
            self.box_call_site();
            self.asm.pop(LINK, BOX_FRAME_BYTES);
            self.asm.mov(d, SCRATCH);
            self.asm.b(back);
            self.asm.bind(fits);
            self.asm.logic(LogicOp::Orr, d, s, nanbox::INT << nanbox::SHIFT);
        } else {
            // A word that is no integer may come here where what is made of it is not used: its payload is no address then.
            self.asm.logic(LogicOp::And, SCRATCH, s, nanbox::PAYLOAD);
            self.asm.asr(SCRATCH2, s, nanbox::SHIFT as u8);
            self.asm.low48(d, s);
            self.asm.cmp_imm(SCRATCH2, (nanbox::WIDE as i64) << nanbox::SHIFT >> nanbox::SHIFT, LINK);
            self.asm.b_cc(Cc::Ne, back);
            self.asm.ldr(d, SCRATCH.number(), WIDE_VALUE as i64, SCRATCH2);
        }
        self.asm.b(back);
    }

    /// Notes the call of the host, from a frame with the return address and the integer on top.
    fn box_call_site(&mut self) {
        let frame = self.frames.frame(self.place);
        let (frame_bytes, link_offset) = match self.place {
            Place::Bare => (BOX_FRAME_BYTES, 0),
            _ => (frame.bytes + BOX_FRAME_BYTES, frame.link_offset() + BOX_FRAME_BYTES),
        };
        let return_word = self.asm.position();
        let origin = self.now.origin;
        self.call_sites.push(CallSite {
            return_word,
            frame_bytes,
            link_offset,
            origin,
            result: None,
            landing_pad: None,
        });
    }
}
