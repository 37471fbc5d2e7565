//! Making a [`Vm`]: arena, function records, constants, library.

use super::frame::{CallInfo, Helper, ProtoRt, Status, Thread, ThreadKind, call_code, protected_code};
use super::output::OutputBuffer;
use super::schedule::Scheduler;
use super::{Vm, VmOptions, observe, verify};
use crate::bytecode::{Const, Program, ProtoId};
use crate::error::{ErrorKind, RuntimeError};
use crate::heap::{Heap, HeapError};
use crate::layout::{
    CLOSURE_COUNT_SHIFT, CLOSURE_FUNC, CLOSURE_UPVALS, FUNC_BUILTIN, FUNC_BYTES, FUNC_CODE, FUNC_NPARAMS, FUNC_PROTO,
    HEADER, KIND_CLOSURE, KIND_FUNC,
};
use crate::library::{self, Builtin};
use crate::value::{Tag, Value};
use rustc_hash::FxHashMap;
use std::sync::Arc;

macro_rules! names {
    ($($field:ident = $text:literal),* $(,)?) => {
        /// Guest addresses of the strings that the interpreter looks up itself.
        pub(crate) struct Names {
            $(#[doc = $text] pub $field: u64,)*
        }
        impl Names {
            fn new(heap: &mut Heap) -> Result<Names, HeapError> {
                Ok(Names { $($field: heap.new_string($text.as_bytes())?,)* })
            }

            /// All of them.
            pub fn all(&self) -> Vec<u64> {
                vec![$(self.$field),*]
            }
        }
    };
}

names! {
    index = "__index", newindex = "__newindex", call = "__call", add = "__add", sub = "__sub", mul = "__mul",
    div = "__div", modulo = "__mod", pow = "__pow", unm = "__unm", len = "__len", eq = "__eq", lt = "__lt", le = "__le",
    concat = "__concat", tostring = "__tostring", metatable = "__metatable", name = "__name",
}

/// Builtins that programs get only as results of others, or without knowing.
#[derive(Clone, Copy)]
pub(crate) struct Hidden {
    /// Index of what `coroutine.wrap` returns.
    pub wrapped: u32,
    /// Index of what `string.gmatch` returns.
    pub gmatch: u32,
    /// The value of `next`.
    pub next: Value,
    /// What `ipairs` returns.
    pub inext: Value,
    /// The iterator of a range over a number.
    pub count: Value,
}

fn no_place(message: String, kind: ErrorKind) -> RuntimeError {
    RuntimeError { kind, message, value: Value::NIL, trace: Vec::new() }
}

impl Vm {
    /// Prepares a program to run. Fails if the arena cannot be reserved or is too small for the program's constants, or
    /// if the bytecode is malformed.
    pub fn new(program: Arc<Program>, options: VmOptions) -> Result<Vm, RuntimeError> {
        verify::verify(&program).map_err(|e| no_place(e, ErrorKind::Fault))?;
        let early = |e: HeapError| match e {
            HeapError::NoMemory(_) => no_place(e.to_string(), ErrorKind::HeapLimit),
            _ => no_place(
                format!("heap limit of {} bytes reached (--heap-limit raises it)", options.heap_limit),
                ErrorKind::HeapLimit,
            ),
        };
        let mut heap =
            Heap::new(program.globals.len(), options.heap_limit, options.guest_base, options.layout).map_err(early)?;
        let names = Names::new(&mut heap).map_err(early)?;
        let (low, high) = heap.stack();
        let mut main = Thread::new(ThreadKind::Main);
        main.status = Status::Running;
        main.segments.push(super::frame::Segment { low, high });
        let limit = heap.host(high - super::frame::SLACK_SLOTS as u64 * heap.slot_bytes());
        let raw = |rt: ProtoRt| Box::into_raw(Box::new(rt));
        let mut vm = Vm {
            top: heap.host(low),
            stack_limit: limit,
            heap,
            profile: observe::empty_profile(&program),
            protos: Vec::new(),
            singles: FxHashMap::default(),
            call_helper: raw(ProtoRt::helper(Helper::Call, call_code(), 1)),
            protected_helper: raw(ProtoRt::helper(Helper::Protected, protected_code(), 5)),
            func_records: Vec::new(),
            default_code: 0,
            builtins: Vec::new(),
            names,
            string_library: 0,
            hidden: Hidden { wrapped: 0, gmatch: 0, next: Value::NIL, inext: Value::NIL, count: Value::NIL },
            frames: Vec::<CallInfo>::new(),
            open: Vec::new(),
            threads: vec![main],
            free_threads: Vec::new(),
            current: 0,
            channels: Vec::new(),
            free_channels: Vec::new(),
            scheduler: Scheduler::default(),
            budget: options.step_budget.saturating_add(1),
            budget_start: options.step_budget.saturating_add(1),
            steps_before: 0,
            back_edges: 0,
            hot_calls: options.hot_calls,
            hot_loops: u32::MAX,
            compiled_loops: Default::default(),
            profiling: options.profile,
            native_levels: 0,
            jit_levels: 0,
            entry_depth: 0,
            native_caller: None,
            native_marks: Vec::new(),
            native_frames: None,
            fatal: false,
            big_results: None,
            scratch: Vec::new(),
            roots: Vec::new(),
            pinned: Vec::new(),
            forgotten: None,
            identities: FxHashMap::default(),
            last_identity: 0,
            out: OutputBuffer::new(options.output),
            rng: library::DEFAULT_SEED,
            program: program.clone(),
        };
        for p in &program.protos {
            vm.add_proto(&program, p.id).map_err(early)?;
        }
        library::install(&mut vm).map_err(early)?;
        if vm.heap.used() > vm.heap.limit() {
            return Err(early(HeapError::Full));
        }
        vm.heap.set_stress(options.gc_stress);
        vm.set_hot_loops(options.hot_loops);
        Ok(vm)
    }

    fn add_proto(&mut self, program: &Program, id: ProtoId) -> Result<(), HeapError> {
        let p = program.proto(id);
        let record = self.heap.alloc(FUNC_BYTES)?;
        self.heap.set_word(record, HEADER, KIND_FUNC);
        self.heap.set_half(record, FUNC_NPARAMS, u32::from(p.nparams));
        self.heap.set_half(record, FUNC_PROTO, id.0);
        let mut consts = Vec::with_capacity(p.consts.len());
        for c in &p.consts {
            consts.push(match c {
                Const::Int(n) => Value::int(*n),
                Const::Float(x) => Value::float(*x),
                Const::Str(s) => self.heap.string_value(s)?,
            });
        }
        self.func_records.push(record);
        let rt = Box::into_raw(Box::new(ProtoRt::new(program, id, consts)));
        self.protos.push(rt);
        self.reset_countdown(rt);
        Ok(())
    }

    /// Adds a builtin to the library and returns its index.
    pub(crate) fn add_builtin(&mut self, builtin: Builtin) -> Result<u32, HeapError> {
        let index = self.builtins.len() as u32;
        let record = self.heap.alloc(FUNC_BYTES)?;
        self.heap.set_word(record, HEADER, KIND_FUNC);
        self.heap.set_word(record, FUNC_CODE, self.default_code);
        self.heap.set_half(record, FUNC_PROTO, u32::MAX);
        self.heap.set_half(record, FUNC_BUILTIN, index);
        self.func_records.push(record);
        self.builtins.push(builtin);
        Ok(index)
    }

    /// A function value for builtin `index` that holds `captured`.
    pub(crate) fn builtin_value(&mut self, index: u32, captured: Value) -> Result<Value, HeapError> {
        let at = self.heap.alloc(CLOSURE_UPVALS + self.heap.slot_bytes())?;
        let words = self.heap.slot_bytes() / 8;
        self.heap.set_word(at, HEADER, KIND_CLOSURE | words << CLOSURE_COUNT_SHIFT | u64::from(u32::MAX) << 32);
        let record = self.func_records[self.protos.len() + index as usize];
        self.heap.set_word(at, CLOSURE_FUNC, record);
        // SAFETY: the object was just allocated with a slot behind its fixed part.
        unsafe { self.heap.put(self.heap.host(at + CLOSURE_UPVALS), captured) };
        Ok(Value::object(Tag::Function, at))
    }

    /// What `builtin_value` captured.
    pub(crate) fn captured(&self, closure: u64) -> Value {
        // SAFETY: only called for builtins, which have that slot.
        unsafe { self.slots().load(self.heap.host(closure + CLOSURE_UPVALS)) }
    }

    /// Sets a global if the program mentions it.
    pub(crate) fn define_global(&mut self, name: &str, v: Value) {
        if let Some(i) = self.program.global_index(name) {
            let at = self.heap.global_slot(i);
            self.heap.store(at, v);
        }
    }

    /// Remembers the table in which methods of strings are found.
    pub(crate) fn set_string_library(&mut self, table: u64) {
        self.string_library = table;
    }
}
