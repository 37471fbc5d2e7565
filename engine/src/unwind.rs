//! Walking the native stack: where compiled activations stand, for messages and call traces; and where an activation
//! returns to.
//!
//! Each call instruction is known by its return address: the size of the frame that it is in, where the return address of
//! that frame is, and its bytecode position.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use gscript::bytecode::ProtoId;
use gscript::heap::Heap;
use gscript::jit::NativeFrames;
use gscript::value::Tag;
use gsx_backend_arm64::CodeObject;
use gsx_ir::graph::{FrameState, activations};

/// What unwinding needs to know of a call instruction.
#[derive(Clone)]
struct Site {
    frame_bytes: u64,
    link_offset: u64,
    /// The activations in it, the unit's own first and then those of inlined calls, each with its bytecode position and the
    /// slot of its `R[0]`; none for the calls of exit stubs.
    activations: Arc<[FrameState]>,
    /// The tag of the result that is expected in a register, and where other results are expected.
    landing: Option<(Tag, u64)>,
}

/// Call instructions of all code objects, by return address. Clones share one table: the engine fills it, the interpreter
/// asks it.
#[derive(Clone, Default)]
pub(crate) struct UnwindTable(Arc<Mutex<BTreeMap<u64, Site>>>);

impl UnwindTable {
    /// Adds a code object.
    pub fn add(&self, address: u64, code: &CodeObject) {
        let at = |word: u32| address + u64::from(word) * 4;
        self.lock().extend(code.call_sites.iter().map(|c| {
            let site = Site {
                frame_bytes: u64::from(c.frame_bytes),
                link_offset: u64::from(c.link_offset),
                activations: c.origin.map(|o| activations(&code.inlined, o).as_slice().into()).unwrap_or_default(),
                landing: c.result.zip(c.landing_pad.map(at)),
            };
            (at(c.return_word), site)
        }));
    }

    /// The innermost activation at the call that returns to an address, and how many more lie around it in the unit.
    pub fn innermost(&self, return_address: u64) -> Option<(FrameState, u64)> {
        let table = self.lock();
        let (innermost, outer) = table.get(&return_address)?.activations.split_last()?;
        Some((*innermost, outer.len() as u64))
    }

    /// Where the activation returns to that has called what returns to `return_address`, with native stack pointer `sp` in
    /// its frame.
    pub fn caller(&self, heap: &Heap, sp: u64, return_address: u64) -> Option<u64> {
        let site = self.lock().get(&return_address)?.clone();
        link(heap, sp, &site)
    }

    /// What is expected by the call that returns to an address: a result with this tag in a register, others at this
    /// landing pad; none where any results are.
    pub fn landing(&self, return_address: u64) -> Option<(Tag, u64)> {
        self.lock().get(&return_address)?.landing
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<u64, Site>> {
        // The table is consistent between any two insertions, also if a panic came in between.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The return address in a frame, if the frame lies on the native stack.
fn link(heap: &Heap, sp: u64, site: &Site) -> Option<u64> {
    let (low, high) = heap.native_stack();
    let inside = site.frame_bytes > 0 && sp >= low && sp.checked_add(site.frame_bytes)? <= high;
    inside.then(|| heap.read_u64(sp + site.link_offset))
}

impl NativeFrames for UnwindTable {
    fn walk(&self, heap: &Heap, sp: u64, return_address: u64, visit: &mut dyn FnMut(ProtoId, usize) -> bool) {
        let table = self.lock();
        let mut sp = sp;
        let mut site = table.get(&return_address);
        // The innermost activation is known to whoever asks.
        let mut known = 1;
        while let Some(here) = site {
            for f in here.activations.iter().rev().skip(known) {
                if !visit(f.proto, f.pc as usize) {
                    return;
                }
            }
            known = 0;
            let Some(lr) = link(heap, sp, here) else { return };
            sp += here.frame_bytes;
            site = table.get(&lr);
        }
    }
}
