//! Closures and the variables that they share with frames.

use super::Vm;
use super::frame::OpenUpval;
use crate::bytecode::ProtoId;
use crate::heap::HeapError;
use crate::layout::{
    CLOSURE_COUNT_SHIFT, CLOSURE_FUNC, CLOSURE_UPVALS, HEADER, KIND_CLOSURE, KIND_UPVAL, UPVAL_CLOSED, UPVAL_PTR,
};
use crate::value::{Tag, Value};

impl Vm {
    /// A closure of `proto` with these upvalue cells.
    pub(crate) fn new_closure(&mut self, proto: ProtoId, cells: &[u64]) -> Result<Value, HeapError> {
        let at = self.heap.alloc(CLOSURE_UPVALS + 8 * cells.len() as u64)?;
        let count = cells.len() as u64;
        self.heap.set_word(at, HEADER, KIND_CLOSURE | count << CLOSURE_COUNT_SHIFT | u64::from(proto.0) << 32);
        self.heap.set_word(at, CLOSURE_FUNC, self.func_records[proto.index()]);
        for (i, &cell) in cells.iter().enumerate() {
            self.heap.set_word(at, CLOSURE_UPVALS + 8 * i as u64, cell);
        }
        Ok(Value::object(Tag::Function, at))
    }

    /// `R[a] = closure of protos[index]`, in the frame at `base`.
    pub(super) fn make_closure(&mut self, base: *mut u8, nregs: u8, a: u8, index: i32) -> Result<(), HeapError> {
        let program = self.program.clone();
        let inner = &program.protos[index as usize];
        let mut cells = [0u64; 256];
        let cells = &mut cells[..inner.upvals.len().min(256)];
        for (cell, u) in cells.iter_mut().zip(&inner.upvals) {
            *cell = if u.from_register {
                self.capture(base, nregs, u.index)?
            } else {
                // SAFETY: the header slot below a frame's registers holds its closure, which has that upvalue.
                let closure = unsafe { self.slots().bits(base.sub(self.slots().size())) };
                self.heap.word(closure, CLOSURE_UPVALS + 8 * u64::from(u.index))
            };
        }
        let v = self.new_closure(inner.id, cells)?;
        // SAFETY: `a` is a register of the frame.
        unsafe { self.heap.put(base.add(a as usize * self.slots().size()), v) };
        Ok(())
    }

    /// The cell for register `reg` of the innermost frame.
    fn capture(&mut self, base: *mut u8, nregs: u8, reg: u8) -> Result<u64, HeapError> {
        let low = self.heap.guest(base);
        let high = low + nregs as u64 * self.slots().size() as u64;
        let target = low + reg as u64 * self.slots().size() as u64;
        // Cells of the innermost frame are at the end of the list.
        for open in self.open.iter().rev() {
            if open.slot == target {
                return Ok(open.cell);
            }
            if !(low..high).contains(&open.slot) {
                break;
            }
        }
        let cell = self.heap.alloc(self.heap.layout().upval_bytes())?;
        self.heap.set_word(cell, HEADER, KIND_UPVAL);
        self.heap.set_word(cell, UPVAL_PTR, target);
        self.open.push(OpenUpval { slot: target, cell });
        Ok(cell)
    }

    /// Closes the open upvalues of slots from `low` up to `high` (host addresses). They are at the end of the list.
    pub(super) fn close_range(&mut self, low: *const u8, frame: *const u8, high: *const u8) {
        let (low, frame, high) = (self.heap.guest(low), self.heap.guest(frame), self.heap.guest(high));
        let mut i = self.open.len();
        while i > 0 {
            let open = self.open[i - 1];
            // On the main stack what is above belongs to compiled frames that are gone.
            if open.slot < frame || (open.slot >= high && self.current != 0) {
                break;
            }
            i -= 1;
            if open.slot >= low {
                self.close_cell(open);
                self.open.remove(i);
            }
        }
    }

    /// Closes all open upvalues at or above a guest address of the main thread's stack. Compiled code asks for this
    /// before a frame with captured registers goes away.
    pub fn close_upvalues(&mut self, from: u64) {
        while let Some(&open) = self.open.last() {
            if open.slot < from {
                break;
            }
            self.close_cell(open);
            self.open.pop();
        }
    }

    pub(super) fn close_cell(&mut self, open: OpenUpval) {
        let closed = open.cell + UPVAL_CLOSED;
        // SAFETY: an open upvalue's slot is on a live stack; the cell has a slot of its own.
        unsafe { self.slots().copy(self.heap.host(closed), self.heap.host(open.slot)) };
        self.heap.set_word(open.cell, UPVAL_PTR, closed);
    }
}
