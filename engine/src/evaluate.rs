//! The IR evaluator as an oracle: after every pass, the graphs are evaluated and must give the interpreter's result, also
//! when they leave to the interpreter at guards that hold.

use gscript::bytecode::ProtoId;
use gscript::interp::Vm;
use gscript::jit::NoJit;
use gscript::value::{Tag, Value};
use gsx_ir::Unit;
use gsx_ir::eval::{EvalJit, EvalOptions};

use crate::cell::{CellSpec, Seen, call_entry, difference, fresh_vm, reference_vm, warm_up};
use crate::error::CellError;
use crate::jit::JitState;

/// Exits forced per stage, spread evenly over the guards and calls that the evaluation executes.
const FORCED_EXITS: u64 = 12;

/// Evaluates the graphs of each stage on the warm-up arguments and compares with the interpreter: once as they are, and with
/// one exit forced at a time, which shows whether the snapshots are complete.
///
/// # Errors
/// [`CellError::Miscompiled`], naming the first pass after which the result differs.
pub(crate) fn check_stages(spec: &CellSpec, vm: &Vm, state: &JitState) -> Result<(), CellError> {
    let stages = state.functions.iter().map(|f| f.stages.len()).min().unwrap_or(0);
    let pinned = vm.pinned();
    let mut right = reference_vm(spec)?;
    warm_up(&mut right, spec, spec.warmup.calls, &mut NoJit)?;
    let reference = call_entry(&mut right, &mut NoJit, &spec.entry, &spec.warmup.args)?;
    for stage in 0..stages {
        let pass = state.functions[0].stages[stage].0;
        let units: Vec<(ProtoId, Unit)> =
            state.parts.iter().zip(&state.functions).map(|(part, f)| (part.proto, f.stages[stage].1.clone())).collect();
        let (found, guards) = run(spec, pinned, &units, None).map_err(|e| after(pass, &e.to_string()))?;
        compare(spec, pass, &found, &reference, "")?;
        let every = guards.div_ceil(FORCED_EXITS).max(1);
        for k in (0..guards).step_by(every as usize) {
            let (found, _) = run(spec, pinned, &units, Some(k)).map_err(|e| after(pass, &e.to_string()))?;
            compare(spec, pass, &found, &reference, &format!(" when guard or call {k} is made to leave"))?;
        }
    }
    Ok(())
}

fn after(pass: &str, error: &str) -> CellError {
    CellError::Miscompiled(format!("after {pass}, evaluating the graphs on the warm-up arguments: {error}"))
}

fn compare(spec: &CellSpec, pass: &str, found: &Seen, reference: &Seen, when: &str) -> Result<(), CellError> {
    if found == reference {
        return Ok(());
    }
    Err(CellError::Miscompiled(format!(
        "after {pass} evaluating the graphs of {} on the warm-up arguments{when} differs from the interpreter: {}",
        spec.entry,
        difference(found, reference),
    )))
}

/// A program in the state in which its functions were compiled: behind the warm-up, so that objects which graphs name by their
/// addresses are there, and with these pinned, so that they stay.
fn warm_vm(spec: &CellSpec, pinned: &[u64]) -> Result<Vm, CellError> {
    let mut vm = fresh_vm(spec, false)?;
    warm_up(&mut vm, spec, spec.warmup.calls, &mut NoJit)?;
    // The interpreter left right tags, and values, in the very frames that the graphs will use.
    vm.clear_stack();
    for &address in pinned {
        vm.pin(Value::object(Tag::Function, address));
    }
    Ok(vm)
}

/// Result, and the number of guards and calls that the graphs executed.
fn run(
    spec: &CellSpec,
    pinned: &[u64],
    units: &[(ProtoId, Unit)],
    force_exit: Option<u64>,
) -> Result<(Seen, u64), CellError> {
    let mut vm = warm_vm(spec, pinned)?;
    for (proto, unit) in units {
        match &unit.region {
            // The evaluator needs no code: any address marks the function as compiled.
            None => vm.set_compiled(*proto, 0),
            Some(region) => vm.set_loop_compiled(*proto, region.header as usize, true),
        }
    }
    let options = EvalOptions { force_exit, ..EvalOptions::default() };
    let mut jit = EvalJit::with_options(units.to_vec(), options);
    let seen = call_entry(&mut vm, &mut jit, &spec.entry, &spec.warmup.args);
    if let Some(error) = jit.error() {
        return Err(CellError::Compiler(error.to_string()));
    }
    Ok((seen?, jit.outcome().guards_executed))
}
