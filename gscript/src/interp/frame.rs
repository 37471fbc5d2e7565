//! Frames, threads, and what the interpreter keeps per function.

use crate::bytecode::{Inst, Op, Pos, Program, ProtoId};
use crate::heap::slot::Slots;
use crate::value::Value;

/// The frame was entered from Rust: returning from it leaves the interpreter loop.
pub(crate) const BOUNDARY: u32 = 1;
/// The frame was called by a range loop (`TFORCALL`), not by a `CALL`.
pub(crate) const ITERATOR: u32 = 2;
/// Bottom frame of a coroutine or goroutine.
pub(crate) const ROOT: u32 = 4;
/// The frame is the first in its stack segment.
pub(crate) const SEGMENT: u32 = 8;
/// Errors that reach the frame end here: it is the helper frame of `pcall` or `xpcall`.
pub(crate) const PCALL: u32 = 16;
/// Together with `PCALL`: the frame belongs to `xpcall`.
pub(crate) const XPCALL: u32 = 32;
/// Flags that a return has to look at.
pub(crate) const RETURN_FLAGS: u32 = BOUNDARY | ITERATOR | ROOT | SEGMENT;

/// Slots above a frame's registers that are always there, for results of builtins and for the next header.
pub(crate) const SLACK_SLOTS: usize = 24;

/// One activation.
#[derive(Clone, Copy)]
pub(crate) struct CallInfo {
    /// Host address of `R[0]`.
    pub base: *mut u8,
    /// Next instruction.
    pub pc: *const Inst,
    /// Its function.
    pub rt: *mut ProtoRt,
    /// How many variable arguments lie below the header.
    pub nvarargs: u32,
    /// Flags above.
    pub flags: u32,
    /// Active frames up to and including this one.
    pub depth: u64,
}

/// Inline cache of one field access: the shape last seen and where the field was.
#[derive(Clone, Copy)]
pub(crate) struct FieldCache {
    pub shape: u32,
    pub slot: u32,
    /// For a store: the shape afterwards (differs from `shape` when the store adds the field).
    pub new_shape: u32,
}

impl FieldCache {
    /// Matches no table: no shape has this number, and dictionaries never match by construction.
    pub const EMPTY: FieldCache = FieldCache { shape: u32::MAX - 1, slot: 0, new_shape: 0 };
}

/// Which helper a function is, if it is none of the program's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Helper {
    /// A function of the program (or one instruction of it).
    None,
    /// Calls `R[0]` with what is behind it and returns its results.
    Call,
    /// The frame of `pcall` or `xpcall`.
    Protected,
}

/// What the interpreter keeps per function.
pub(crate) struct ProtoRt {
    /// First instruction.
    pub code: *const Inst,
    /// Constants.
    pub consts: *const Value,
    /// Inline caches, one per instruction.
    pub caches: *mut FieldCache,
    /// Registers.
    pub nregs: u8,
    /// Fixed parameters.
    pub nparams: u8,
    /// Takes `...`.
    pub is_vararg: bool,
    /// Has compiled code.
    pub compiled: bool,
    /// Some register may be captured: returns must close upvalues.
    pub captures: bool,
    /// Calls until the slow path has a look; 1 while every call must take it.
    pub countdown: u32,
    /// Calls counted by the slow path.
    pub slow_calls: u32,
    /// By instruction that backward jumps lead to: how many more of them until the slow path has a look; 1 while every one
    /// must take it.
    pub loops: *mut u32,
    /// The prototype.
    pub id: ProtoId,
    /// Program counter of `code[0]` (not 0 when this is a single instruction).
    pub first_pc: usize,
    /// Whether it is a function of the program.
    pub helper: Helper,
    owned_code: Vec<Inst>,
    owned_consts: Vec<Value>,
    /// Keeps what `caches` points to.
    _caches: Vec<FieldCache>,
    /// Keeps what `loops` points to.
    _loops: Vec<u32>,
}

impl ProtoRt {
    /// For a function of the program.
    pub fn new(program: &Program, id: ProtoId, consts: Vec<Value>) -> ProtoRt {
        let p = program.proto(id);
        let mut rt = ProtoRt::with_code(p.code.clone(), consts, p.nregs);
        rt.nparams = p.nparams;
        rt.is_vararg = p.is_vararg;
        rt.captures = !p.captured.is_empty();
        rt.id = id;
        rt
    }

    /// A helper with its own code.
    pub fn helper(helper: Helper, code: Vec<Inst>, nregs: u8) -> ProtoRt {
        let mut rt = ProtoRt::with_code(code, Vec::new(), nregs);
        rt.helper = helper;
        rt
    }

    /// The one instruction at `pc` of this function, followed by a return.
    pub fn single(&self, pc: usize) -> ProtoRt {
        let stop = inst(Op::Return, 0, 1, 0);
        // Twice: the instruction may skip one.
        let code = vec![self.owned_code[pc], stop, stop];
        let mut rt = ProtoRt::with_code(code, self.owned_consts.clone(), self.nregs);
        rt.id = self.id;
        rt.first_pc = pc;
        rt
    }

    fn with_code(code: Vec<Inst>, consts: Vec<Value>, nregs: u8) -> ProtoRt {
        let mut caches = vec![FieldCache::EMPTY; code.len()];
        let mut loops = vec![u32::MAX; code.len()];
        ProtoRt {
            // The heap blocks of the vectors stay where they are when the vectors move into the struct.
            code: code.as_ptr(),
            consts: consts.as_ptr(),
            caches: caches.as_mut_ptr(),
            loops: loops.as_mut_ptr(),
            nregs,
            nparams: 0,
            is_vararg: false,
            compiled: false,
            captures: false,
            countdown: u32::MAX,
            slow_calls: 0,
            id: ProtoId::MAIN,
            first_pc: 0,
            helper: Helper::None,
            owned_code: code,
            owned_consts: consts,
            _caches: caches,
            _loops: loops,
        }
    }

    /// Constants as values.
    pub fn consts(&self) -> &[Value] {
        &self.owned_consts
    }
}

impl CallInfo {
    /// Program counter of the instruction in progress (the one before the next).
    pub fn current_pc(&self) -> usize {
        // SAFETY: `rt` lives as long as its frames; `pc` points into its code.
        unsafe {
            let index = self.pc.offset_from((*self.rt).code);
            ((*self.rt).first_pc as isize + index - 1).max(0) as usize
        }
    }

    /// Source position of the instruction in progress; `None` in a helper.
    pub fn pos(&self, program: &Program) -> Option<Pos> {
        // SAFETY: `rt` lives as long as its frames.
        let rt = unsafe { &*self.rt };
        match rt.helper {
            Helper::None => program.proto(rt.id).spans.get(self.current_pc()).copied(),
            _ => None,
        }
    }

    /// Host address behind the last register.
    pub fn end(&self, slots: Slots) -> *mut u8 {
        // SAFETY: `rt` lives as long as its frames; a frame has `nregs` slots.
        unsafe { self.base.add((*self.rt).nregs as usize * slots.size()) }
    }
}

/// An upvalue that still refers to a stack slot.
#[derive(Clone, Copy)]
pub(crate) struct OpenUpval {
    /// Guest address of the slot.
    pub slot: u64,
    /// Guest address of the cell.
    pub cell: u64,
}

/// A contiguous piece of a thread's stack.
#[derive(Clone, Copy)]
pub(crate) struct Segment {
    /// Guest address of the first byte.
    pub low: u64,
    /// Guest address behind the last byte.
    pub high: u64,
}

/// What a thread is doing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Status {
    /// Running, or waiting for a coroutine that it resumed.
    Running,
    /// A coroutine that can be resumed.
    Suspended,
    /// Waiting for a channel, the clock, or its turn.
    Blocked,
    /// Finished.
    Dead,
}

/// What a thread is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ThreadKind {
    /// The main thread.
    Main,
    /// A coroutine.
    Coroutine,
    /// A goroutine.
    Goroutine,
}

/// The state of a thread: the main one, a coroutine or a goroutine.
pub(crate) struct Thread {
    /// What it is.
    pub kind: ThreadKind,
    /// What it is doing.
    pub status: Status,
    /// Frames, outermost first.
    pub frames: Vec<CallInfo>,
    /// Open upvalues by rising slot address within a segment, in the order of frames.
    pub open: Vec<OpenUpval>,
    /// Stack segments; the last is in use.
    pub segments: Vec<Segment>,
    /// For a running coroutine: the thread that resumed it.
    pub resumer: usize,
    /// For a running coroutine: errors and results are handed over as `coroutine.wrap` does.
    pub wrapped: bool,
    /// Interpreter loops entered from Rust that run frames of this thread.
    pub boundaries: u32,
    /// Guest address of the coroutine object; 0 for others.
    pub object: u64,
    /// Has not run yet.
    pub fresh: bool,
    /// Top of an open list of values, while the thread is not current.
    pub top: *mut u8,
    /// Error to raise in the thread when it runs again.
    pub wake_error: Option<&'static str>,
}

impl Thread {
    /// A thread without frames.
    pub fn new(kind: ThreadKind) -> Thread {
        Thread {
            kind,
            status: Status::Suspended,
            frames: Vec::new(),
            open: Vec::new(),
            segments: Vec::new(),
            resumer: 0,
            wrapped: false,
            boundaries: 0,
            object: 0,
            fresh: true,
            top: std::ptr::null_mut(),
            wake_error: None,
        }
    }
}

const fn inst(op: Op, a: u8, b: u8, c: u8) -> Inst {
    Inst { op, a, b, c, imm: 0 }
}

/// Code of [`Helper::Call`]: `R[0]` is called with the arguments up to the top.
pub(crate) fn call_code() -> Vec<Inst> {
    vec![inst(Op::Call, 0, 0, 0), inst(Op::Return, 0, 0, 0)]
}

/// Code of [`Helper::Protected`]: `R[0]` is the message handler, `R[1]` true, `R[2]` the function. The second half runs
/// after an error: `R[1]` false, `R[2]` the handler, `R[3]` the error value.
pub(crate) fn protected_code() -> Vec<Inst> {
    vec![inst(Op::Call, 2, 0, 0), inst(Op::Return, 1, 0, 0), inst(Op::Call, 2, 2, 0), inst(Op::Return, 1, 0, 0)]
}
