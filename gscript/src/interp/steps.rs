//! Parts of the interpreter loop that are not hot: unusual returns, list constructors, variable arguments, range loops.

use super::frame::{BOUNDARY, ITERATOR, ROOT, SEGMENT};
use super::{Cx, Fail, Vm};
use crate::heap::slot::TABLE;
use crate::value::{Tag, Value};

impl Vm {
    /// Returns `n` values from a frame that was not called by a plain `CALL`; `Some` if that leaves the loop.
    #[cold]
    pub(super) fn return_special(&mut self, from: *mut u8, n: usize) -> Result<Option<(*mut u8, usize)>, Fail> {
        let Some(ci) = self.frames.pop() else { return Ok(Some((from, n))) };
        if ci.flags & BOUNDARY != 0 {
            if ci.flags & SEGMENT != 0 {
                self.pop_segment();
            }
            return Ok(Some((from, n)));
        }
        if ci.flags & ROOT != 0 {
            self.thread_finished(from, n)?;
        } else if ci.flags & SEGMENT != 0 {
            // The results lie in the segment: it is given back only when they have been copied.
            let segment = self.take_segment();
            self.finish_call(from, n)?;
            self.give_back(segment);
        } else {
            debug_assert!(ci.flags & ITERATOR != 0);
            self.finish_call(from, n)?;
        }
        Ok(None)
    }

    /// `t[first + k] = values[k]` for `k = 1..=n`; table and values lie at `a`.
    pub(super) fn set_list(&mut self, a: *mut u8, first: i64, n: usize) -> Result<(), Fail> {
        for k in 1..=n {
            // SAFETY: `R[A]` is a table and the values lie behind it.
            let (t, v) = unsafe { (self.slots().load(a), self.slots().load(self.at(a, k))) };
            if t.tag != Tag::Table {
                return Err(self.error(format!("attempt to index a {} value", t.tag.type_name())));
            }
            self.heap.set_int_key(t.bits, first + k as i64, v).map_err(|e| self.heap_error(e))?;
        }
        Ok(())
    }

    /// `R[a..] = ...` in the innermost frame; `wanted` is one more than the number of values, or 0 for all.
    pub(super) fn varargs(&mut self, a: usize, wanted: usize) -> Result<(), Fail> {
        let Some(ci) = self.frames.last().copied() else { return Ok(()) };
        let n = ci.nvarargs as usize;
        let mut base = ci.base;
        if wanted == 0 && self.at(base, a + n) > self.stack_limit {
            base = self.move_frame(a, n)?;
        }
        self.spend_on_list(n);
        let given = if wanted == 0 { n } else { n.min(wanted - 1) };
        // SAFETY: variable arguments lie below the header; the values are registers, or there is room for them.
        unsafe {
            self.slots().copy_n(self.at(base, a), base.sub((n + 1) * self.slots().size()), given);
            if wanted == 0 {
                self.top = self.at(base, a + n);
            } else {
                self.slots().fill_nil(self.at(base, a + given), wanted - 1 - given);
            }
        }
        Ok(())
    }

    /// One step of the range loop whose iterator is at `f`, for `n` variables.
    pub(super) fn range_step(&mut self, cx: &mut Cx, f: *mut u8, n: usize) -> Result<(), Fail> {
        // SAFETY: iterator, state, control and variables are consecutive registers.
        unsafe {
            let (state, control, var) = (self.at(f, 1), self.at(f, 2), self.at(f, 3));
            let mut iterator = self.slots().load(f);
            match iterator.tag {
                Tag::Channel => return self.receive(iterator),
                // Ranging over a table is ranging over its pairs, over a number is counting from 0.
                Tag::Table if self.metamethod(iterator, self.names.call).is_nil() => {
                    self.slots().copy(state, f);
                    self.slots().set_nil(control);
                    iterator = self.hidden.next;
                    self.heap.put(f, iterator);
                }
                Tag::Int | Tag::Float => {
                    self.slots().copy(state, f);
                    self.heap.put(control, Value::int(-1));
                    iterator = self.hidden.count;
                    self.heap.put(f, iterator);
                }
                Tag::Function => {}
                _ => {}
            }
            if iterator == self.hidden.next && self.slots().tag(state) == TABLE {
                let entry = self
                    .heap
                    .next(self.slots().bits(state), self.slots().load(control))
                    .map_err(|e| self.heap_error(e))?;
                let (key, v) = entry.unwrap_or((Value::NIL, Value::NIL));
                self.heap.put(var, key);
                if n > 1 {
                    self.heap.put(self.at(var, 1), v);
                    self.slots().fill_nil(self.at(var, 2), n - 2);
                }
                return Ok(());
            }
            if iterator.tag == Tag::Function
                && let Some(rt) = self.proto_of(iterator)
            {
                self.tick(rt);
            }
            self.call_op(cx, iterator, state, 2, ITERATOR)
        }
    }
}
