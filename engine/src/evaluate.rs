//! The IR evaluator as an oracle: after every pass, the graphs are evaluated and must give the interpreter's result.

use gscript::bytecode::ProtoId;
use gscript::interp::Vm;
use gsx_ir::eval::EvalJit;

use crate::cell::{CellSpec, call_entry, fresh_vm};
use crate::error::CellError;
use crate::jit::JitState;

/// Evaluates the graphs of each stage on the warm-up arguments and compares with the interpreter.
///
/// # Errors
/// [`CellError::Miscompiled`], naming the first pass after which the result differs.
pub(crate) fn check_stages(spec: &CellSpec, state: &JitState) -> Result<(), CellError> {
    let stages = state.functions.iter().map(|f| f.stages.len()).min().unwrap_or(0);
    let reference = run(spec, |_| Vec::new())?;
    for stage in 0..stages {
        let units = |_: &Vm| -> Vec<(ProtoId, gsx_ir::Unit)> {
            state.protos.iter().zip(&state.functions).map(|(p, f)| (*p, f.stages[stage].1.clone())).collect()
        };
        let found = run(spec, units)?;
        if found != reference {
            let pass = state.functions[0].stages[stage].0;
            return Err(CellError::Miscompiled(format!(
                "after {pass} the graphs of {} give {} where the interpreter gives {} (evaluated on the warm-up arguments)",
                spec.entry,
                found.0.join(", "),
                reference.0.join(", "),
            )));
        }
    }
    Ok(())
}

type Seen = (Vec<String>, Vec<u8>);

fn run(spec: &CellSpec, units: impl Fn(&Vm) -> Vec<(ProtoId, gsx_ir::Unit)>) -> Result<Seen, CellError> {
    let mut vm = fresh_vm(spec, false)?;
    let units = units(&vm);
    for (proto, _) in &units {
        // The evaluator needs no code: any address marks the function as compiled.
        vm.set_compiled(*proto, 0);
    }
    let mut jit = EvalJit::new(units);
    call_entry(&mut vm, &mut jit, &spec.entry, &spec.warmup.args)
}
