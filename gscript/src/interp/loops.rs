//! Hot loops: the interpreter counts backward jumps per loop, tells the JIT, and hands its frame over to the compiled loop.
//!
//! While compiled code runs the loop, the activation is compiled code's: its frame is taken off the interpreter's stack, so
//! that traces show it once, and comes back, with everything in its slots, when the loop ends or leaves.

use super::frame::{CallInfo, Helper};
use super::{Fail, MAX_JIT_LEVELS, Vm};
use crate::bytecode::ProtoId;
use crate::jit::{Jit, LoopEnd};
use crate::layout::{FRAME_SLOTS_RESERVED, MAX_DEPTH};

/// Backward jumps until a compiled loop that could not be entered is looked at again.
const RETRY: u32 = 1000;

impl Vm {
    /// Marks a loop as compiled, or not: [`Jit::enter_loop`] is asked at each of its backward jumps.
    pub fn set_loop_compiled(&mut self, proto: ProtoId, header: usize, compiled: bool) {
        let known = self.protos.get(proto.index()).filter(|_| header < self.program.proto(proto).code.len());
        let Some(&rt) = known else { return };
        if compiled {
            self.compiled_loops.insert((proto, header));
        } else {
            self.compiled_loops.remove(&(proto, header));
        }
        // SAFETY: the pointers in `protos` are live, with a counter per instruction.
        unsafe { *(*rt).loops.add(header) = if compiled { 1 } else { self.hot_loops } };
    }

    /// Sets the number of backward jumps after which [`Jit::hot_loop`] is told; loops without code start counting anew.
    pub fn set_hot_loops(&mut self, jumps: u32) {
        self.hot_loops = jumps.max(1);
        for (i, &rt) in self.protos.iter().enumerate() {
            let code = &self.program.protos[i].code;
            for header in (0..code.len()).filter(|&h| !self.compiled_loops.contains(&(ProtoId(i as u32), h))) {
                // SAFETY: the pointers in `protos` are live, with a counter per instruction.
                unsafe { *(*rt).loops.add(header) = self.hot_loops };
            }
        }
    }

    /// Sets after how many more backward jumps of a loop without code [`Jit::hot_loop`] is told.
    pub fn set_jumps_until_hot(&mut self, proto: ProtoId, header: usize, jumps: u32) {
        if header < self.program.proto(proto).code.len() && !self.compiled_loops.contains(&(proto, header)) {
            // SAFETY: the pointers in `protos` are live, with a counter per instruction.
            unsafe { *(*self.protos[proto.index()]).loops.add(header) = jumps };
        }
    }

    /// The innermost frame has jumped backwards to its pc, and that loop's counter has run out.
    #[cold]
    #[inline(never)]
    pub(super) fn loop_is_hot(&mut self, jit: &mut dyn Jit) -> Result<(), Fail> {
        let Some(ci) = self.frames.last().copied() else { return Ok(()) };
        // SAFETY: `rt` lives as long as its frames; `pc` points into its code.
        let (id, helper, header, counter) = unsafe {
            let header = ci.pc.offset_from((*ci.rt).code) as usize;
            ((*ci.rt).id, (*ci.rt).helper, header, (*ci.rt).loops.add(header))
        };
        // SAFETY: the counter lives as long as `rt`.
        let set = |n: u32| unsafe { *counter = n };
        let compiled = self.compiled_loops.contains(&(id, header));
        set(RETRY.min(self.hot_loops));
        if helper != Helper::None || self.current != 0 {
            return Ok(());
        }
        if !compiled {
            jit.hot_loop(self, id, header);
            if !self.compiled_loops.contains(&(id, header)) {
                set(u32::MAX);
                return Ok(());
            }
        }
        let (low, high) = self.heap.stack();
        let base = self.heap.guest(ci.base);
        let on_main_stack = base > low && base <= high - FRAME_SLOTS_RESERVED * self.heap.slot_bytes();
        if !on_main_stack || self.jit_levels >= MAX_JIT_LEVELS {
            return Ok(());
        }
        set(1);
        self.run_compiled_loop(jit, ci, (id, header), base)
    }

    fn run_compiled_loop(
        &mut self,
        jit: &mut dyn Jit,
        ci: CallInfo,
        (id, header): (ProtoId, usize),
        base: u64,
    ) -> Result<(), Fail> {
        self.frames.pop();
        let outer = std::mem::replace(&mut self.entry_depth, ci.depth);
        self.jit_levels += 1;
        let end = jit.enter_loop(self, id, header, base);
        self.jit_levels -= 1;
        self.entry_depth = outer;
        // Whatever happened, the frame is the interpreter's again.
        self.frames.push(ci);
        let pc_of = |pc: usize| -> *const crate::bytecode::Inst {
            // SAFETY: `rt` lives as long as its frames; the pc is checked below.
            unsafe { (*ci.rt).code.wrapping_add(pc) }
        };
        let top = self.frames.len() - 1;
        match end.map_err(Box::new)? {
            None => {}
            Some(LoopEnd::Done(pc)) if pc < self.program.proto(id).code.len() => self.frames[top].pc = pc_of(pc),
            Some(LoopEnd::Done(pc)) => {
                return Err(Box::new(self.fault(&format!("a compiled loop ended at {pc}, which is nowhere"))));
            }
            Some(LoopEnd::Left { frames, top: open }) => {
                let own = frames.first().filter(|f| f.proto == id && f.base == base);
                let Some(own) = own.copied() else {
                    return Err(Box::new(self.fault("a compiled loop left without its own frame")));
                };
                for f in &frames {
                    self.check_frame(f).map_err(Box::new)?;
                }
                let innermost = frames.len() == 1;
                self.frames[top].pc = pc_of(if innermost { own.pc } else { own.pc + 1 });
                for (i, f) in frames.iter().enumerate().skip(1) {
                    let depth = ci.depth + i as u64;
                    if depth > MAX_DEPTH {
                        return Err(self.stack_overflow());
                    }
                    let pc = if i + 1 == frames.len() { f.pc } else { f.pc + 1 };
                    self.push_resumed(f, self.protos[f.proto.index()], pc, 0, depth);
                }
                if let Some(open) = open {
                    self.top = self.heap.host(open);
                }
            }
        }
        Ok(())
    }
}
