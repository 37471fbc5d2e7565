//! What a run gives.

use std::collections::BTreeMap;

use gsx_backend_arm64::CodeObject;
use gsx_ir::Unit;
use gsx_machine::Counters;
use gsx_passes::{Counter, Remark};

/// Bytes of heap objects: tables and their parts, strings, closures, boxes of integers; the library's own among them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct HeapFigures {
    /// Allocated by the measured call.
    pub allocated: u64,
    /// Alive behind it.
    pub live: u64,
    /// The most that were in use at once, garbage included, from the program's beginning on.
    pub peak: u64,
}

/// Result and measurements of one verified cell. All counts are of one call of the entry in steady state, after warm-up,
/// compilation and one compiled call that is not measured.
#[derive(Clone, Debug)]
pub struct CellReport {
    /// The entry's results as `print` shows them. Equal to the interpreter's, or there would be no report.
    pub result: Vec<String>,
    /// What the measured call printed.
    pub output: Vec<u8>,
    /// Passes that ran, in order.
    pub passes: Vec<&'static str>,
    /// Value layout, by name.
    pub layout: String,
    /// Register allocator, by name.
    pub allocator: String,
    /// Executed instructions, loads, stores, branches.
    pub counters: Counters,
    /// What the heap held and gave.
    pub heap: HeapFigures,
    /// Side exits taken, by place.
    pub exits: Vec<ExitCount>,
    /// Calls from compiled code to the runtime, by kind (exits are not among them).
    pub host_calls: BTreeMap<&'static str, u64>,
    /// Compiled functions.
    pub functions: Vec<CompiledFunction>,
    /// Functions and loops whose code was dropped because its guards failed too often, each time by name.
    pub dropped: Vec<String>,
    /// Functions that ran but stay interpreted.
    pub skipped: Vec<SkippedFunction>,
    /// Host nanoseconds of each compilation stage, over all functions: `build`, each pass by id, `backend`.
    pub compile_times: Vec<StageTime>,
    /// What the passes had to say.
    pub remarks: Vec<Remark>,
    /// What the passes counted.
    pub pass_counters: Vec<Counter>,
    /// Host nanoseconds that the simulator took for the measured call: its speed, not the program's.
    pub host_nanoseconds: u64,
}

impl CellReport {
    /// Side exits taken, in all.
    pub fn exit_count(&self) -> u64 {
        self.exits.iter().map(|e| e.count).sum()
    }
    /// Bytes of machine code, in all.
    pub fn code_bytes(&self) -> usize {
        self.functions.iter().map(|f| f.code.words.len() * 4).sum()
    }
    /// Host calls, exits not among them.
    pub fn host_call_count(&self) -> u64 {
        self.host_calls.values().sum()
    }
}

/// A side exit that was taken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ExitCount {
    /// Function.
    pub function: String,
    /// Source line (0 when unknown).
    pub line: u32,
    /// Bytecode position at which the interpreter went on.
    pub pc: u32,
    /// Why.
    pub reason: String,
    /// How often.
    pub count: u64,
}

/// A function with its graph at each stage and its code.
#[derive(Clone, Debug)]
pub struct CompiledFunction {
    /// Name.
    pub name: String,
    /// The graph as built (`build`) and after each pass (its id), if stages were asked for; else only the last.
    pub stages: Vec<(&'static str, Unit)>,
    /// Machine code with provenance.
    pub code: CodeObject,
    /// Guest address of the first instruction.
    pub address: u64,
    /// Executions of each word during the measured call, if counting was asked for.
    pub executions: Option<Vec<u64>>,
}

/// A function that stays interpreted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SkippedFunction {
    /// Name.
    pub name: String,
    /// Why.
    pub reason: String,
}

/// Time that a compilation stage took.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StageTime {
    /// `build`, a pass's id, or `backend`.
    pub stage: &'static str,
    /// Host nanoseconds.
    pub nanoseconds: u64,
}

/// What a program run to completion came to.
#[derive(Clone, Debug, Default)]
pub struct ExecReport {
    /// Events of compiled code.
    pub counters: Counters,
    /// Side exits taken.
    pub exits: Vec<ExitCount>,
    /// How often loops went around in compiled code.
    pub loop_iterations: u64,
    /// How many of the compiled are loops.
    pub loops: usize,
    /// Names of the functions and loops (`name@line`) that were compiled, in order of compilation.
    pub compiled: Vec<String>,
    /// Functions and loops whose code was dropped because its guards failed too often, each time by name.
    pub dropped: Vec<String>,
    /// Functions that got hot but stay interpreted.
    pub skipped: Vec<SkippedFunction>,
    /// Counts of interpreter and heap.
    pub interpreter: gscript::interp::Stats,
}

impl ExecReport {
    /// The share of the executed loop iterations (backward jumps) that were compiled code's; none if no loop went around.
    pub fn compiled_share(&self) -> Option<f64> {
        let all = self.loop_iterations + self.interpreter.back_edges;
        (all > 0).then(|| self.loop_iterations as f64 / all as f64)
    }
}
