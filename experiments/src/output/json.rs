//! Results for programs. The words are those of every command's `--json`.

use std::collections::BTreeMap;

use gsx_engine::{Arg, CellReport, CompiledFunction, ExitCount, SkippedFunction};
use gsx_passes::{Counter, Remark};
use serde::Serialize;
use serde_json::Value;

use crate::config::Core;

/// `gsx run --json`
#[derive(Serialize)]
pub struct RunJson<'a> {
    /// The baseline (its `passes` are empty), then the chosen cell.
    pub cells: Vec<CellJson<'a>>,
}

/// One measured cell. Counts are per measured call of the entry, in steady state. What this version does not measure is
/// null.
#[derive(Serialize)]
pub struct CellJson<'a> {
    program: &'a str,
    entry: &'a str,
    args: Vec<Value>,
    passes: &'a [&'static str],
    layout: &'a str,
    allocator: &'a str,
    core: &'static str,
    executor: &'static str,
    result: &'a [String],
    output: String,
    verified: bool,
    cycles: Option<u64>,
    nanoseconds: Option<u64>,
    instructions: u64,
    loads: u64,
    stores: u64,
    bytes_loaded: u64,
    bytes_stored: u64,
    branches: u64,
    branches_taken: u64,
    mispredicts: Option<u64>,
    exits: u64,
    exit_places: Vec<ExitJson<'a>>,
    host_calls: u64,
    host_calls_by_kind: &'a BTreeMap<&'static str, u64>,
    code_bytes: usize,
    heap_allocated: u64,
    heap_live: u64,
    heap_peak: u64,
    compile_ns: BTreeMap<&'static str, u64>,
    functions: Vec<FunctionJson<'a>>,
    dropped: &'a [String],
    skipped: Vec<SkippedJson<'a>>,
    remarks: Vec<RemarkJson<'a>>,
    counters: Vec<CounterJson<'a>>,
}

impl<'a> CellJson<'a> {
    /// Of a report.
    pub fn new(program: &'a str, entry: &'a str, args: &[Arg], core: Core, report: &'a CellReport) -> CellJson<'a> {
        let mut compile_ns = BTreeMap::new();
        for t in &report.compile_times {
            *compile_ns.entry(t.stage).or_default() += t.nanoseconds;
        }
        CellJson {
            program,
            entry,
            args: args.iter().map(arg).collect(),
            passes: &report.passes,
            layout: &report.layout,
            allocator: &report.allocator,
            core: core.name(),
            executor: "sim",
            result: &report.result,
            output: String::from_utf8_lossy(&report.output).into_owned(),
            // There is a report only if the result and the output are right.
            verified: true,
            cycles: None,
            nanoseconds: None,
            instructions: report.counters.instructions,
            loads: report.counters.loads,
            stores: report.counters.stores,
            bytes_loaded: report.counters.bytes_loaded,
            bytes_stored: report.counters.bytes_stored,
            branches: report.counters.branches,
            branches_taken: report.counters.branches_taken,
            mispredicts: None,
            exits: report.exit_count(),
            exit_places: report.exits.iter().map(ExitJson::new).collect(),
            host_calls: report.host_call_count(),
            host_calls_by_kind: &report.host_calls,
            code_bytes: report.code_bytes(),
            heap_allocated: report.heap.allocated,
            heap_live: report.heap.live,
            heap_peak: report.heap.peak,
            compile_ns,
            functions: report.functions.iter().map(FunctionJson::new).collect(),
            dropped: &report.dropped,
            skipped: report.skipped.iter().map(SkippedJson::new).collect(),
            remarks: report.remarks.iter().map(RemarkJson::new).collect(),
            counters: report.pass_counters.iter().map(CounterJson::new).collect(),
        }
    }
}

/// An argument as JSON has it; floats that JSON lacks become strings.
fn arg(arg: &Arg) -> Value {
    match arg {
        Arg::Nil => Value::Null,
        Arg::Bool(b) => Value::from(*b),
        Arg::Int(n) => Value::from(*n),
        Arg::Float(x) if x.is_finite() => Value::from(*x),
        Arg::Float(x) => Value::from(x.to_string()),
        Arg::Str(s) => Value::from(s.as_str()),
    }
}

/// A side exit that was taken.
#[derive(Serialize)]
pub struct ExitJson<'a> {
    function: &'a str,
    line: Option<u32>,
    pc: u32,
    reason: &'a str,
    count: u64,
}

impl<'a> ExitJson<'a> {
    /// Of a report's exit.
    pub fn new(e: &'a ExitCount) -> ExitJson<'a> {
        let line = Some(e.line).filter(|l| *l > 0);
        ExitJson { function: &e.function, line, pc: e.pc, reason: &e.reason, count: e.count }
    }
}

/// A function with code.
#[derive(Serialize)]
struct FunctionJson<'a> {
    name: &'a str,
    code_bytes: usize,
    frame_bytes: u32,
    spill_slots: u32,
}

impl<'a> FunctionJson<'a> {
    fn new(f: &'a CompiledFunction) -> FunctionJson<'a> {
        FunctionJson {
            name: &f.name,
            code_bytes: f.code.words.len() * 4,
            frame_bytes: f.code.frame_bytes,
            spill_slots: f.code.spill_slots,
        }
    }
}

/// A function without.
#[derive(Serialize)]
pub struct SkippedJson<'a> {
    name: &'a str,
    reason: &'a str,
}

impl<'a> SkippedJson<'a> {
    /// Of a report's skipped function.
    pub fn new(s: &'a SkippedFunction) -> SkippedJson<'a> {
        SkippedJson { name: &s.name, reason: &s.reason }
    }
}

#[derive(Serialize)]
struct RemarkJson<'a> {
    pass: &'static str,
    function: &'a str,
    line: Option<u32>,
    kind: String,
    text: &'a str,
}

impl<'a> RemarkJson<'a> {
    fn new(r: &'a Remark) -> RemarkJson<'a> {
        RemarkJson { pass: r.pass, function: &r.function, line: r.line, kind: r.kind.to_string(), text: &r.text }
    }
}

#[derive(Serialize)]
struct CounterJson<'a> {
    pass: &'static str,
    function: &'a str,
    name: &'static str,
    count: u64,
}

impl<'a> CounterJson<'a> {
    fn new(c: &'a Counter) -> CounterJson<'a> {
        CounterJson { pass: c.pass, function: &c.function, name: c.name, count: c.count }
    }
}

/// `gsx passes --json`
#[derive(Serialize)]
pub struct PassesJson {
    /// In pipeline order.
    pub passes: Vec<PassJson>,
    /// Groups.
    pub groups: Vec<GroupJson>,
}

/// A pass.
#[derive(Serialize)]
pub struct PassJson {
    /// Name.
    pub id: &'static str,
    /// One line.
    pub summary: &'static str,
    /// A paragraph or two.
    pub details: &'static str,
    /// Groups, `all` apart.
    pub groups: &'static [&'static str],
    /// Passes without which it does nothing.
    pub needs: &'static [&'static str],
    /// Where the idea comes from.
    pub origin: &'static str,
}

/// A group of passes.
#[derive(Serialize)]
pub struct GroupJson {
    /// Name.
    pub id: &'static str,
    /// One line; none for a group that only users' passes name.
    pub summary: Option<&'static str>,
    /// Its passes.
    pub passes: Vec<&'static str>,
}

/// One function's text: bytecode, IR, or a DOT graph.
#[derive(Serialize)]
pub struct TextJson<'a> {
    /// The function.
    pub function: &'a str,
    /// The stage: a pass's id or `build`; none for bytecode.
    pub stage: Option<&'a str>,
    /// `bytecode`, `ir` or `dot`.
    pub form: &'static str,
    /// The text.
    pub text: String,
}

/// `gsx bytecode --json`, `gsx ir --json`
#[derive(Serialize)]
pub struct TextsJson<'a> {
    /// The program's path.
    pub program: &'a str,
    /// By function.
    pub functions: Vec<TextJson<'a>>,
}
