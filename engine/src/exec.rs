//! A whole program, run to completion.

use std::sync::Arc;

use gscript::bytecode::Program;
use gscript::interp::{Output, Vm, VmOptions};
use gscript::jit::NoJit;
use gsx_machine::Executor;
use gsx_machine::sim::Simulator;
use gsx_passes::Pipeline;

use crate::cell::{Limits, exit_counts, runtime_error};
use crate::compile::{Settings, UnitKind};
use crate::error::CellError;
use crate::jit::{JitSide, JitState};
use crate::report::ExecReport;

/// What executes hot functions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Engine {
    /// The interpreter only.
    Interp,
    /// Hot functions compiled and run on the simulated core.
    Sim,
}

/// A program to run.
#[derive(Clone, Debug)]
pub struct ExecSpec {
    /// The program.
    pub program: Arc<Program>,
    /// Engine.
    pub engine: Engine,
    /// Passes for hot functions.
    pub pipeline: Pipeline,
    /// What is compiled by itself.
    pub unit: UnitKind,
    /// Calls after which a function is compiled.
    pub hot_calls: u32,
    /// Backward jumps after which a loop is compiled.
    pub hot_loops: u32,
    /// Limits.
    pub limits: Limits,
    /// Collect garbage at every so manieth safe point ([`VmOptions::gc_stress`]); 0: when it is needed.
    pub gc_stress: u32,
}

/// Runs a program; what it prints goes to standard output as it is printed.
///
/// # Errors
/// See [`CellError`].
pub fn exec(spec: &ExecSpec) -> Result<ExecReport, CellError> {
    exec_to(spec, Output::Stdout).map(|(report, _)| report)
}

/// Runs a program and gives what it printed.
///
/// # Errors
/// See [`CellError`].
pub fn exec_captured(spec: &ExecSpec) -> Result<(ExecReport, Vec<u8>), CellError> {
    exec_to(spec, Output::Capture)
}

fn exec_to(spec: &ExecSpec, output: Output) -> Result<(ExecReport, Vec<u8>), CellError> {
    let compiled = spec.engine == Engine::Sim;
    let options = VmOptions {
        heap_limit: spec.limits.heap_bytes,
        layout: spec.pipeline.layout(),
        step_budget: spec.limits.steps,
        hot_calls: if compiled { spec.hot_calls } else { u32::MAX },
        hot_loops: if compiled { spec.hot_loops } else { u32::MAX },
        profile: compiled,
        gc_stress: spec.gc_stress,
        output,
        ..VmOptions::default()
    };
    let mut vm = Vm::new(spec.program.clone(), options).map_err(runtime_error)?;
    if !compiled {
        let done = vm.run_main(&mut NoJit);
        vm.flush_output().map_err(CellError::Output)?;
        done.map_err(runtime_error)?;
        let report = ExecReport { interpreter: vm.stats(), ..ExecReport::default() };
        return Ok((report, vm.take_output()));
    }
    let mut executor = Simulator::new();
    executor.set_budget(spec.limits.instructions);
    // Its counts say how many loop iterations were compiled code's.
    executor.set_counting(true);
    let settings = Settings { unit: spec.unit, verify_each: false, keep_stages: false };
    let mut state = JitState::attach(&mut vm, &mut executor, spec.pipeline.clone(), settings)
        .map_err(|e| CellError::Compiler(e.to_string()))?;
    let done = vm.run_main(&mut JitSide { executor: &mut executor, state: &mut state });
    vm.flush_output().map_err(CellError::Output)?;
    if let Some(bug) = state.bug {
        return Err(CellError::Compiler(bug));
    }
    done.map_err(runtime_error)?;
    let loop_iterations = state.loop_iterations(&executor);
    let loops = state.parts.iter().filter(|p| p.header.is_some()).count();
    let functions = std::mem::take(&mut state.functions);
    let report = ExecReport {
        counters: executor.counters(),
        exits: exit_counts(&state, &functions),
        loop_iterations,
        loops,
        compiled: functions.iter().map(|f| f.name.clone()).collect(),
        dropped: state.dropped(vm.program()),
        skipped: state.skipped,
        interpreter: vm.stats(),
    };
    Ok((report, vm.take_output()))
}
