//! Calls in progress between evaluated functions, for messages and call traces of the interpreter.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gscript::bytecode::ProtoId;
use gscript::heap::Heap;
use gscript::jit::NativeFrames;

/// A call in progress: function and pc of the call instruction; none where evaluation was entered from the interpreter.
type Call = Option<(ProtoId, usize)>;

/// The calls in progress, outermost first. Clones share them.
#[derive(Clone, Default)]
pub(super) struct CallStack(Arc<Mutex<Vec<Call>>>);

impl CallStack {
    pub fn push(&self, call: Call) {
        self.lock().push(call);
    }

    pub fn len(&self) -> usize {
        self.lock().len()
    }

    pub fn truncate(&self, len: usize) {
        self.lock().truncate(len);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Call>> {
        // Each change is a single operation on the vector.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl NativeFrames for CallStack {
    /// In place of a native stack pointer: the number of calls that were in progress.
    fn walk(&self, _: &Heap, sp: u64, _: u64, visit: &mut dyn FnMut(ProtoId, usize) -> bool) {
        let calls = self.lock();
        let below = &calls[..calls.len().min(sp as usize)];
        for call in below.iter().rev() {
            match call {
                Some((proto, pc)) if visit(*proto, *pc) => {}
                _ => return,
            }
        }
    }
}
