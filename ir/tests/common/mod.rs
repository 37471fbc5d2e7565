//! Programs run twice: by the interpreter, and with graphs in place of their functions.
#![allow(dead_code, missing_docs)] // each test file uses its part

use std::collections::BTreeMap;
use std::sync::Arc;

use gscript::bytecode::{Program, ProtoId, Source};
use gscript::interp::{Vm, VmOptions};
use gscript::jit::{Jit, NoJit};
use gscript::profile::Profile;
use gscript::value::Value;
use gsx_ir::Unit;
use gsx_ir::build::{Constants, build};
use gsx_ir::dot::to_dot;
use gsx_ir::eval::{EvalError, EvalJit, EvalOptions};
use gsx_ir::parse::parse_unit;
use gsx_ir::text::{TextOptions, unit_to_string, unit_to_string_with};
use gsx_ir::verify::verify;

/// What the outside sees of a call: results as text, or the error, and what was printed.
#[derive(Clone, PartialEq, Debug)]
pub struct Seen {
    pub results: Result<Vec<String>, String>,
    pub output: String,
}

pub struct ConstantsOf<'a>(&'a mut Vm);

impl Constants for ConstantsOf<'_> {
    fn constant(&mut self, proto: ProtoId, k: usize) -> Value {
        let v = self.0.const_value(proto, k);
        if v.tag.is_object() { Value { bits: v.bits - self.0.heap().guest_base(), ..v } } else { v }
    }
}

pub fn compile(text: &str) -> Arc<Program> {
    let source = Arc::new(Source { name: "test.gs".to_owned(), text: text.to_owned() });
    Arc::new(gscript::compiler::compile(source).unwrap_or_else(|e| panic!("{e:?}")))
}

pub fn fresh(program: &Arc<Program>, profile: bool) -> Vm {
    let options = VmOptions { heap_limit: 64 << 20, profile, step_budget: 100_000_000, ..VmOptions::default() };
    let mut vm = Vm::new(program.clone(), options).unwrap_or_else(|e| panic!("{e:?}"));
    vm.run_main(&mut NoJit).unwrap_or_else(|e| panic!("{}", e.message));
    vm.take_output();
    vm
}

pub fn call(vm: &mut Vm, jit: &mut dyn Jit, entry: &str, args: &[Value]) -> Seen {
    let f = vm.global(entry).unwrap_or(Value::NIL);
    let results = match vm.call(jit, f, args) {
        Ok(values) => Ok(values.iter().map(|&v| vm.display(v)).collect()),
        Err(e) => Err(e.message),
    };
    Seen { results, output: String::from_utf8_lossy(&vm.take_output()).into_owned() }
}

pub fn profile(program: &Arc<Program>, entry: &str, warmup: &[Value]) -> Profile {
    let mut vm = fresh(program, true);
    call(&mut vm, &mut NoJit, entry, warmup);
    vm.take_profile()
}

/// Graphs of all functions but the main chunk that can be compiled.
pub fn units(program: &Arc<Program>, profile: &Profile, vm: &mut Vm) -> BTreeMap<ProtoId, Unit> {
    let mut out = BTreeMap::new();
    for proto in program.protos.iter().skip(1) {
        let Ok(unit) = build(program, proto.id, &profile.protos[proto.id.index()], &mut ConstantsOf(vm)) else {
            continue;
        };
        check_forms(&unit);
        out.insert(proto.id, unit);
    }
    out
}

/// The unit verifies, survives the text form, and can be drawn.
pub fn check_forms(unit: &Unit) {
    if let Err(e) = verify(unit) {
        panic!("{e}");
    }
    let text = unit_to_string(unit);
    let again = parse_unit(&text, &unit.program).unwrap_or_else(|e| panic!("{e}\n{text}"));
    assert_eq!(unit_to_string(&again), text);
    let listing = unit_to_string_with(unit, TextOptions { feedback: true, ..TextOptions::LISTING });
    let again = parse_unit(&listing, &unit.program).unwrap_or_else(|e| panic!("{e}\n{listing}"));
    assert_eq!(unit_to_string(&again), text);
    assert_eq!(again.feedback, unit.feedback);
    assert!(to_dot(unit).starts_with("digraph"));
}

pub struct Evaluated {
    pub seen: Seen,
    pub exits: u64,
    pub points: u64,
    pub error: Option<EvalError>,
}

pub fn run_graphs(
    program: &Arc<Program>,
    profile: &Profile,
    entry: &str,
    args: &[Value],
    force: Option<u64>,
) -> Evaluated {
    let mut vm = fresh(program, false);
    let units = units(program, profile, &mut vm);
    for &proto in units.keys() {
        vm.set_compiled(proto, 0);
    }
    let mut jit = EvalJit::with_options(units, EvalOptions { force_exit: force, ..EvalOptions::default() });
    let seen = call(&mut vm, &mut jit, entry, args);
    let outcome = jit.outcome();
    Evaluated { seen, exits: outcome.exits, points: outcome.guards_executed, error: jit.error().cloned() }
}
