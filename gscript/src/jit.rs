//! The seam between the interpreter and compiled code: what each asks of the other.

use crate::bytecode::ProtoId;
use crate::error::RuntimeError;
use crate::heap::Heap;
use crate::interp::Vm;

/// Results of an activation: `count` slots from guest address `addr` on. They stay valid until the next call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Results {
    /// Guest address of the first result's slot.
    pub addr: u64,
    /// How many.
    pub count: u64,
}

/// Compiled code as the interpreter sees it.
///
/// The interpreter asks for compiled code only on the main thread (never inside a coroutine or goroutine, so that a
/// yield never has to cross a native frame).
pub trait Jit {
    /// Runs the compiled code of `proto`. The callee's frame is complete: function value in the header slot below
    /// `base`, all fixed parameters in place. `Ok(None)`: not run, interpret it instead.
    fn invoke(&mut self, vm: &mut Vm, proto: ProtoId, base: u64) -> Result<Option<Results>, RuntimeError>;

    /// Runs the compiled code of the loop of `proto` that begins at `header`, in the interpreter's frame with its `R[0]` at
    /// `base`. `Ok(None)`: not run, interpret it instead.
    fn enter_loop(
        &mut self,
        _vm: &mut Vm,
        _proto: ProtoId,
        _header: usize,
        _base: u64,
    ) -> Result<Option<LoopEnd>, RuntimeError> {
        Ok(None)
    }

    /// A loop of `proto` has just gone around [`VmOptions::hot_loops`](crate::interp::VmOptions::hot_loops) times; it begins
    /// at `header`. The JIT may compile it now and mark it with [`Vm::set_loop_compiled`].
    fn hot_loop(&mut self, _vm: &mut Vm, _proto: ProtoId, _header: usize) {}

    /// `proto` has just reached [`VmOptions::hot_calls`](crate::interp::VmOptions::hot_calls) calls. The JIT may compile
    /// it now and mark it with [`Vm::set_compiled`].
    fn hot(&mut self, vm: &mut Vm, proto: ProtoId);
}

/// How compiled code of a loop ended: all slots are in the frame, and the interpreter goes on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LoopEnd {
    /// The loop is over: at this instruction.
    Done(usize),
    /// It left in these activations, outermost first, the first one being the loop's own.
    Left {
        /// As for [`Vm::resume`].
        frames: Vec<ResumeFrame>,
        /// Guest address behind the results of an open call, if the instruction to go on at takes them.
        top: Option<u64>,
    },
}

/// Where compiled activations stand on the native stack, for error messages and call traces.
///
/// Asked only when an error is made, so that calls from compiled code cost nothing.
pub trait NativeFrames: Send {
    /// Visits function and pc of the activations from the *caller* of the one whose code `return_address` lies in, outwards to
    /// where compiled code was entered, until `visit` says stop by `false`. `sp` is the native stack pointer in that
    /// one's frame.
    fn walk(&self, heap: &Heap, sp: u64, return_address: u64, visit: &mut dyn FnMut(ProtoId, usize) -> bool);
}

/// No compiled code: everything is interpreted.
pub struct NoJit;

impl Jit for NoJit {
    fn invoke(&mut self, _: &mut Vm, _: ProtoId, _: u64) -> Result<Option<Results>, RuntimeError> {
        Ok(None)
    }
    fn hot(&mut self, _: &mut Vm, _: ProtoId) {}
}

/// One interpreter frame to rebuild when compiled code leaves through a side exit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ResumeFrame {
    /// Function of the activation.
    pub proto: ProtoId,
    /// Guest address of its `R[0]`.
    pub base: u64,
    /// Where it goes on: for the innermost frame the next instruction to execute; for an outer one the pc of the `Call`
    /// that is in progress.
    pub pc: usize,
}
