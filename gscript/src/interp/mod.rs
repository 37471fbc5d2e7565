//! The interpreter: the definition of what programs mean.
//!
//! [`Vm`] holds one running program. Its frames lie in the arena, where compiled code finds them too ([`layout`]);
//! beside each frame of interpreted code there is a `CallInfo` on the Rust side. One Rust-level loop (`execute`) runs any
//! number of nested calls, `pcall`s and coroutines; it nests only under compiled code, metamethods and library
//! callbacks, and there within limits.

mod arith;
mod call;
mod collect;
mod coroutine;
mod display;
mod execute;
mod frame;
mod index;
mod loops;
mod native;
pub mod number;
mod observe;
mod output;
mod schedule;
mod setup;
mod steps;
mod unwind;
mod upvalue;
mod verify;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_gc;

pub use crate::heap::GuestBase;
pub use collect::{NativeRoots, RootSet};
pub use output::Output;

use crate::bytecode::{Program, ProtoId};
use crate::error::{ErrorKind, RuntimeError};
use crate::heap::Heap;
use crate::jit::Jit;
use crate::layout::{self, Layout};
use crate::library::Builtin;
use crate::profile::{Profile, ProtoProfile, TypeSet};
use crate::value::{Tag, Value};
use frame::{CallInfo, OpenUpval, ProtoRt, Thread};
use output::OutputBuffer;
use rustc_hash::FxHashMap;
use schedule::{Channel, Scheduler};
use setup::Names;
use std::sync::Arc;

/// An error on its way through the interpreter: boxed, so that results stay small.
pub(crate) type Fail = Box<RuntimeError>;

/// How to run a program.
#[derive(Clone, Debug)]
pub struct VmOptions {
    /// Most bytes of objects.
    pub heap_limit: u64,
    /// Where compiled code sees the arena.
    pub guest_base: GuestBase,
    /// How values lie in memory.
    pub layout: Layout,
    /// Backward jumps plus calls that interpreted code may execute; `u64::MAX` for no limit.
    pub step_budget: u64,
    /// Calls of a function after which [`Jit::hot`] is told; `u32::MAX` for never.
    pub hot_calls: u32,
    /// Backward jumps of a loop after which [`Jit::hot_loop`] is told; `u32::MAX` for never.
    pub hot_loops: u32,
    /// Collect type feedback.
    pub profile: bool,
    /// Collect garbage at every so manieth safe point, whether it is needed or not, and poison free memory; 0 for never. A
    /// reference that the collector does not know of shows that way.
    pub gc_stress: u32,
    /// Where printed text goes.
    pub output: Output,
}

impl Default for VmOptions {
    fn default() -> Self {
        VmOptions {
            heap_limit: 1 << 30,
            guest_base: GuestBase::Simulated,
            layout: Layout::Tagged,
            step_budget: u64::MAX,
            hot_calls: u32::MAX,
            hot_loops: u32::MAX,
            profile: false,
            gc_stress: 0,
            output: Output::Capture,
        }
    }
}

/// Counts of what interpreted code did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Stats {
    /// Backward jumps plus calls that were executed.
    pub steps: u64,
    /// Backward jumps among them.
    pub back_edges: u64,
    /// Bytes of objects, garbage that was not collected yet included.
    pub heap_bytes: u64,
    /// The most that they ever were.
    pub heap_peak: u64,
    /// Bytes of objects alive after the last collection; 0 before the first.
    pub heap_live: u64,
    /// Garbage collections.
    pub collections: u64,
}

/// What a library function or a slow path needs in order to call back into the program.
pub(crate) struct Cx<'a> {
    /// Compiled code.
    pub jit: &'a mut dyn Jit,
    /// First free stack address: frames of callbacks go here.
    pub at: *mut u8,
    /// Active frames below a callback.
    pub depth: u64,
}

/// Deepest nesting of metamethods and library callbacks.
pub(crate) const MAX_NATIVE_LEVELS: u32 = 200;
/// Deepest nesting of [`Jit::invoke`]; beyond it functions are interpreted.
pub(crate) const MAX_JIT_LEVELS: u32 = 150;

/// A running program.
pub struct Vm {
    heap: Heap,
    program: Arc<Program>,
    /// By prototype; each made by `Box::into_raw` and freed by `drop`.
    protos: Vec<*mut ProtoRt>,
    /// Single instructions made for [`Vm::step`], by prototype and pc.
    singles: FxHashMap<(ProtoId, usize), *mut ProtoRt>,
    call_helper: *mut ProtoRt,
    protected_helper: *mut ProtoRt,
    /// Guest addresses of function records: of the prototypes, then of the builtins.
    func_records: Vec<u64>,
    default_code: u64,
    pub(crate) builtins: Vec<Builtin>,
    pub(crate) names: Names,
    /// The table in which methods of strings are found.
    string_library: u64,
    /// `coroutine.wrap`'s and `string.gmatch`'s hidden builtins.
    pub(crate) hidden: setup::Hidden,

    /// Frames of the current thread (its `Thread` holds an empty vector meanwhile).
    frames: Vec<CallInfo>,
    open: Vec<OpenUpval>,
    /// Host address up to which frames of the current thread may reach.
    stack_limit: *mut u8,
    /// Host address behind the last of an open list of values.
    top: *mut u8,
    threads: Vec<Thread>,
    free_threads: Vec<usize>,
    current: usize,
    pub(crate) channels: Vec<Channel>,
    free_channels: Vec<usize>,
    scheduler: Scheduler,

    budget: u64,
    budget_start: u64,
    steps_before: u64,
    back_edges: u64,
    hot_calls: u32,
    hot_loops: u32,
    compiled_loops: rustc_hash::FxHashSet<(ProtoId, usize)>,
    profiling: bool,
    profile: Profile,
    native_levels: u32,
    jit_levels: u32,
    /// Depth told by `depth()`: of the activation that compiled code is asked to run.
    entry_depth: u64,
    /// Where compiled code is, for messages of the functions that it calls.
    native_caller: Option<crate::jit::ResumeFrame>,
    /// Host calls of compiled code in progress, outermost first.
    native_marks: Vec<native::Mark>,
    native_frames: Option<Box<dyn crate::jit::NativeFrames>>,
    /// An error has escaped from a goroutine: nothing may catch it any more.
    fatal: bool,
    /// Where a builtin left results that did not fit behind its arguments.
    big_results: Option<*mut u8>,
    scratch: Vec<Value>,
    /// What Rust code in progress refers to, as words.
    roots: Vec<u64>,
    /// Objects that live as long as the program: compiled code knows their addresses.
    pinned: Vec<u64>,
    /// Roots that are left out, to test the tests.
    forgotten: Option<RootSet>,
    /// Numbers of objects that were printed, by address.
    identities: FxHashMap<u64, u32>,
    last_identity: u32,
    pub(crate) out: OutputBuffer,
    pub(crate) rng: u64,
}

// SAFETY: all raw pointers of a `Vm` point into memory that it owns (the arena, the boxed `ProtoRt`s), so moving it to
// another thread moves everything they refer to. It is not `Sync`.
unsafe impl Send for Vm {}

impl Drop for Vm {
    fn drop(&mut self) {
        let helpers = [self.call_helper, self.protected_helper];
        for rt in self.protos.drain(..).chain(self.singles.drain().map(|(_, rt)| rt)).chain(helpers) {
            // SAFETY: each came from `Box::into_raw` and is in one place only.
            drop(unsafe { Box::from_raw(rt) });
        }
    }
}

impl Vm {
    /// The program.
    pub fn program(&self) -> &Arc<Program> {
        &self.program
    }

    /// The arena.
    pub fn heap(&self) -> &Heap {
        &self.heap
    }

    /// The arena, for writing.
    pub fn heap_mut(&mut self) -> &mut Heap {
        &mut self.heap
    }

    /// Runs the main chunk. When it ends, goroutines that have not ended stay where they are.
    ///
    /// # Errors
    /// What the program does not catch itself, and limits that it reaches.
    pub fn run_main(&mut self, jit: &mut dyn Jit) -> Result<(), RuntimeError> {
        let main = self.new_closure(ProtoId::MAIN, &[]).map_err(|e| *self.heap_error(e));
        let result = main.and_then(|f| self.call(jit, f, &[]));
        self.out.flush();
        result.map(|_| ())
    }

    /// Name of a library function, as in `math.sqrt`.
    pub fn builtin_name(&self, index: u32) -> Option<&'static str> {
        self.builtins.get(index as usize).map(|b| b.name)
    }

    /// The function that a closure runs; none for a builtin, and for what is no closure.
    pub fn closure_proto(&self, f: Value) -> Option<ProtoId> {
        if f.tag != Tag::Function {
            return None;
        }
        let record = self.heap.read_u64(f.bits + layout::CLOSURE_FUNC);
        let proto = ProtoId(self.heap.read_u32(record + layout::FUNC_PROTO));
        (proto.index() < self.program.protos.len()).then_some(proto)
    }

    /// The value of the global with this name; `None` if the program does not mention it.
    pub fn global(&self, name: &str) -> Option<Value> {
        let index = self.program.global_index(name)?;
        Some(self.heap.load(self.heap.global_slot(index)))
    }

    /// Calls `f` from outside of the program (compiled code uses [`Vm::call_frame`]).
    ///
    /// # Errors
    /// What the program does not catch itself. The program can be called again afterwards.
    pub fn call(&mut self, jit: &mut dyn Jit, f: Value, args: &[Value]) -> Result<Vec<Value>, RuntimeError> {
        if self.frames.is_empty() && self.current == 0 {
            self.fatal = false;
        }
        let at = match self.frames.last() {
            Some(ci) => ci.end(self.slots()),
            None => self.heap.host(self.heap.stack().0),
        };
        let depth = self.frames.last().map_or(0, |ci| ci.depth);
        let mut cx = Cx { jit, at, depth };
        self.call_values(&mut cx, f, args).map_err(|e| *e)
    }

    /// Clears what earlier calls left in the first slots of the stack, where the next call's frames will be. Nothing may read
    /// it: whoever looks for code that does, clears it first.
    ///
    /// # Panics
    /// If a call is in progress.
    pub fn clear_stack(&mut self) {
        assert!(self.frames.is_empty() && self.current == 0, "a call is in progress");
        let (low, high) = self.heap.stack();
        let bytes = (high - low).min(64 << 10) as usize;
        // SAFETY: these bytes are the stack's, and no frame is in use.
        unsafe { self.heap.host(low).write_bytes(0, bytes) };
    }

    /// Depth of the activation that [`Jit::invoke`] is asked to run: active frames including it.
    pub fn depth(&self) -> u64 {
        self.entry_depth
    }

    /// The feedback collected so far.
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// Takes from older feedback what was not seen since.
    pub fn fill_profile(&mut self, older: &Profile) {
        self.profile.fill_from(older);
    }

    /// Takes the feedback collected so far; collecting starts anew.
    pub fn take_profile(&mut self) -> Profile {
        let empty = observe::empty_profile(&self.program);
        std::mem::replace(&mut self.profile, empty)
    }

    /// Takes the feedback of one function; collecting starts anew for it.
    pub fn take_function_profile(&mut self, proto: ProtoId) -> ProtoProfile {
        let empty = observe::empty_function(self.program.proto(proto));
        std::mem::replace(&mut self.profile.protos[proto.index()], empty)
    }

    /// Takes from older feedback of a function what was not seen since.
    pub fn fill_function_profile(&mut self, proto: ProtoId, older: &ProtoProfile) {
        self.profile.protos[proto.index()].fill_from(older);
    }

    /// Lets an instruction look as if everything had been seen there.
    pub fn widen_profile(&mut self, proto: ProtoId, pc: usize) {
        if let Some(site) = self.profile.protos[proto.index()].sites.get_mut(pc) {
            site.widen();
        }
    }

    /// The same for the parameters of a function.
    pub fn widen_parameters(&mut self, proto: ProtoId) {
        self.profile.protos[proto.index()].params.fill(TypeSet::ALL);
    }

    /// Switches collecting on or off, for calls that start from now on.
    pub fn set_profiling(&mut self, on: bool) {
        self.profiling = on;
    }

    /// Sets the number of calls after which [`Jit::hot`] is told; functions start counting anew.
    pub fn set_hot_calls(&mut self, calls: u32) {
        self.hot_calls = calls;
        for rt in self.protos.clone() {
            // SAFETY: the pointers in `protos` are live.
            unsafe { (*rt).slow_calls = 0 };
            self.reset_countdown(rt);
        }
    }

    /// Sets after how many more interpreted calls of a function without code [`Jit::hot`] is told.
    pub fn set_calls_until_hot(&mut self, proto: ProtoId, calls: u32) {
        // SAFETY: the pointers in `protos` are live.
        let rt = unsafe { &mut *self.protos[proto.index()] };
        if !rt.is_vararg && !rt.compiled {
            rt.countdown = calls;
        }
    }

    /// Takes what the program printed since the last time ([`Output::Capture`]).
    pub fn take_output(&mut self) -> Vec<u8> {
        self.out.take()
    }

    /// Writes printed text that is still buffered ([`Output::Stdout`]).
    ///
    /// # Errors
    /// The first error since the last call, other than that nobody reads on.
    pub fn flush_output(&mut self) -> std::io::Result<()> {
        self.out.finish()
    }

    /// Grants `steps` more backward jumps and calls from now on; `u64::MAX` for no limit.
    pub fn set_step_budget(&mut self, steps: u64) {
        self.steps_before = self.stats().steps;
        self.budget = steps.saturating_add(1);
        self.budget_start = self.budget;
    }

    /// Counts of what interpreted code did.
    pub fn stats(&self) -> Stats {
        Stats {
            steps: self.steps_before + (self.budget_start - self.budget),
            back_edges: self.back_edges,
            heap_bytes: self.heap.used(),
            heap_peak: self.heap.peak(),
            heap_live: self.heap.live(),
            collections: self.heap.collections(),
        }
    }

    /// Guest address of a prototype's function record.
    pub fn func_record(&self, proto: ProtoId) -> u64 {
        self.func_records[proto.index()]
    }

    /// Marks a prototype as compiled: calls of it go to [`Jit::invoke`], and compiled code finds `code` in its record.
    pub fn set_compiled(&mut self, proto: ProtoId, code: u64) {
        let rt = self.protos[proto.index()];
        // SAFETY: the pointers in `protos` are live.
        unsafe { (*rt).compiled = true };
        self.reset_countdown(rt);
        self.heap.set_word(self.func_records[proto.index()], layout::FUNC_CODE, code);
    }

    /// Takes a prototype's compiled code away again.
    pub fn clear_compiled(&mut self, proto: ProtoId) {
        let rt = self.protos[proto.index()];
        // SAFETY: the pointers in `protos` are live.
        unsafe { (*rt).compiled = false };
        self.reset_countdown(rt);
        self.heap.set_word(self.func_records[proto.index()], layout::FUNC_CODE, self.default_code);
    }

    /// Sets the code that compiled code calls for functions without compiled code, builtins included.
    pub fn set_default_code(&mut self, code: u64) {
        self.default_code = code;
        for (i, &record) in self.func_records.iter().enumerate() {
            // SAFETY: the pointers in `protos` are live.
            let compiled = self.protos.get(i).is_some_and(|&rt| unsafe { (*rt).compiled });
            if !compiled {
                self.heap.set_word(record, layout::FUNC_CODE, code);
            }
        }
    }

    /// Constant `k` of a prototype. Constants are allocated once and stay.
    pub fn const_value(&mut self, proto: ProtoId, k: usize) -> Value {
        // SAFETY: the pointers in `protos` are live.
        let rt = unsafe { &*self.protos[proto.index()] };
        rt.consts().get(k).copied().unwrap_or(Value::NIL)
    }

    /// Raw equality: numbers by value, strings by content, other objects by identity.
    pub fn equal_raw(&self, a: Value, b: Value) -> bool {
        arith::raw_equal(&self.heap, a, b)
    }

    /// Interns or allocates a string. It lives until the program runs again, and longer if the program can reach it then.
    pub fn new_string(&mut self, bytes: &[u8]) -> Result<Value, RuntimeError> {
        self.heap.string_value(bytes).map_err(|e| *self.heap_error(e))
    }

    /// What `print` shows for a value, `__tostring` aside.
    pub fn display(&mut self, v: Value) -> String {
        let mut out = Vec::new();
        self.push_display(&mut out, v);
        String::from_utf8_lossy(&out).into_owned()
    }

    fn reset_countdown(&mut self, rt: *mut ProtoRt) {
        // SAFETY: the pointers in `protos` are live.
        let rt = unsafe { &mut *rt };
        rt.countdown = if rt.is_vararg || rt.compiled { 1 } else { self.hot_calls };
    }

    /// Reads `n` values from consecutive slots.
    pub(crate) fn values_at(&self, at: *const u8, n: usize) -> Vec<Value> {
        // SAFETY: callers pass results of calls: `n` slots.
        (0..n).map(|i| unsafe { self.slots().load(at.add(i * self.slots().size())) }).collect()
    }

    pub(crate) fn heap_full(&mut self) -> Fail {
        let limit = self.heap.limit();
        let mut e = self.error(format!("heap limit of {limit} bytes reached (--heap-limit raises it)"));
        e.kind = ErrorKind::HeapLimit;
        e
    }
}
