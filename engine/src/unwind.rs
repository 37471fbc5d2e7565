//! Walking the native stack: where compiled activations stand, for messages and call traces.
//!
//! Every frame begins with a frame record, so a return address is at `[sp + 8]`, and the code object that it lies in knows
//! the size of its frame and the bytecode position of each of its calls.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use gscript::bytecode::ProtoId;
use gscript::heap::Heap;
use gscript::jit::NativeFrames;
use gsx_backend_arm64::CodeObject;

/// What unwinding needs to know of a code object.
struct Frames {
    /// Guest address behind the last word.
    end: u64,
    frame_bytes: u64,
    /// Bytecode position of the call that returns to an address.
    calls: BTreeMap<u64, (ProtoId, usize)>,
}

/// Code objects by guest address. Clones share one table: the engine fills it, the interpreter asks it.
#[derive(Clone, Default)]
pub(crate) struct UnwindTable(Arc<Mutex<BTreeMap<u64, Frames>>>);

impl UnwindTable {
    /// Adds a code object.
    pub fn add(&self, address: u64, code: &CodeObject) {
        let calls = code.call_sites.iter().filter_map(|c| {
            let origin = c.origin?;
            Some((address + u64::from(c.return_word) * 4, (origin.proto, origin.pc as usize)))
        });
        let frames = Frames {
            end: address + code.words.len() as u64 * 4,
            frame_bytes: u64::from(code.frame_bytes),
            calls: calls.collect(),
        };
        self.lock().insert(address, frames);
    }

    /// The call that returns to an address.
    pub fn call(&self, return_address: u64) -> Option<(ProtoId, usize)> {
        let table = self.lock();
        find(&table, return_address)?.calls.get(&return_address).copied()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<u64, Frames>> {
        // The table is consistent between any two insertions, also if a panic came in between.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The code object that a return address lies in (a return address may be just behind the last word).
fn find(table: &BTreeMap<u64, Frames>, return_address: u64) -> Option<&Frames> {
    let (_, frames) = table.range(..return_address).next_back()?;
    (return_address <= frames.end).then_some(frames)
}

impl NativeFrames for UnwindTable {
    fn walk(&self, heap: &Heap, sp: u64, return_address: u64, visit: &mut dyn FnMut(ProtoId, usize) -> bool) {
        let table = self.lock();
        let (low, high) = heap.native_stack();
        let mut sp = sp;
        let mut code = find(&table, return_address);
        while let Some(frames) = code {
            if frames.frame_bytes == 0 || sp < low || sp + frames.frame_bytes > high {
                return;
            }
            let lr = heap.read_u64(sp + 8);
            sp += frames.frame_bytes;
            code = find(&table, lr);
            if let Some(&(proto, pc)) = code.and_then(|f| f.calls.get(&lr))
                && !visit(proto, pc)
            {
                return;
            }
        }
    }
}
