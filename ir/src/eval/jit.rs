//! Evaluation of whole programs.

use std::collections::BTreeMap;
use std::rc::Rc;

use gscript::bytecode::ProtoId;
use gscript::error::{ErrorKind, RuntimeError};
use gscript::interp::Vm;
use gscript::jit::{Jit, LoopEnd, Results};
use gscript::value::Value;

use super::calls::CallStack;
use super::machine::{Code, Counts, Machine};
use super::{EvalError, EvalOptions, EvalOutcome};
use crate::schedule::Schedule;
use crate::unit::Unit;

/// A function, or its loop with this header.
type Part = (ProtoId, Option<usize>);

/// Graphs in place of compiled code: when the interpreter calls a function that has one, or comes to such a loop, the graph is
/// evaluated.
///
/// The functions must be marked as compiled ([`Vm::set_compiled`]; the address does not matter), loops by
/// [`Vm::set_loop_compiled`].
pub struct EvalJit {
    /// By function and, for loops, header.
    units: Rc<BTreeMap<Part, (Unit, Schedule)>>,
    options: EvalOptions,
    counts: Rc<Counts>,
    calls: CallStack,
    error: Option<EvalError>,
}

impl EvalJit {
    /// Evaluates these functions, without a forced exit.
    pub fn new(units: impl IntoIterator<Item = (ProtoId, Unit)>) -> EvalJit {
        EvalJit::with_options(units, EvalOptions::default())
    }

    /// Evaluates these functions. Budget and forced exit count through all evaluations.
    pub fn with_options(units: impl IntoIterator<Item = (ProtoId, Unit)>, options: EvalOptions) -> EvalJit {
        EvalJit {
            units: Rc::new(units.into_iter().map(|(p, unit)| ((p, header(&unit)), with_schedule(unit))).collect()),
            options,
            counts: Rc::new(Counts::default()),
            calls: CallStack::default(),
            error: None,
        }
    }

    /// What was counted so far; the results are empty.
    pub fn outcome(&self) -> EvalOutcome {
        self.counts.outcome(Results { addr: 0, count: 0 })
    }

    /// The first error that was not the program's own: a wrong graph, or the end of the budget. The interpreter sees
    /// it as a fault.
    pub fn error(&self) -> Option<&EvalError> {
        self.error.as_ref()
    }
}

fn header(unit: &Unit) -> Option<usize> {
    unit.region.as_ref().map(|r| r.header as usize)
}

fn with_schedule(unit: Unit) -> (Unit, Schedule) {
    let schedule = Schedule::new(&unit.graph);
    (unit, schedule)
}

impl EvalJit {
    /// Evaluates the graph of a part, if there is one.
    fn evaluate<T>(
        &mut self,
        vm: &mut Vm,
        part: Part,
        run: impl for<'a> FnOnce(Machine<'a, '_>, Code<'a>, u64) -> Result<T, EvalError>,
    ) -> Result<Option<T>, RuntimeError> {
        let (units, counts, options) = (Rc::clone(&self.units), Rc::clone(&self.counts), self.options);
        let code = |part: Part| units.get(&part).map(|(unit, schedule)| Code { unit, schedule });
        let find = |p: ProtoId| code((p, None));
        let Some(code) = code(part) else { return Ok(None) };
        let depth = vm.depth();
        let calls = self.calls.clone();
        let machine = Machine { find: &find, counts: &counts, options, calls: &calls, vm, jit: self, ended: None };
        match run(machine, code, depth) {
            Ok(done) => Ok(Some(done)),
            Err(EvalError::Runtime(e)) => Err(e),
            Err(error) => {
                let kind = match error {
                    EvalError::Budget => ErrorKind::Budget,
                    _ => ErrorKind::Fault,
                };
                let message = error.to_string();
                self.error.get_or_insert(error);
                Err(RuntimeError { kind, message, value: Value::NIL, trace: Vec::new() })
            }
        }
    }
}

impl Jit for EvalJit {
    fn invoke(&mut self, vm: &mut Vm, proto: ProtoId, base: u64) -> Result<Option<Results>, RuntimeError> {
        self.evaluate(vm, (proto, None), |machine, code, depth| machine.run(code, base, depth))
    }

    fn enter_loop(
        &mut self,
        vm: &mut Vm,
        proto: ProtoId,
        header: usize,
        base: u64,
    ) -> Result<Option<LoopEnd>, RuntimeError> {
        self.evaluate(vm, (proto, Some(header)), |machine, code, depth| machine.run_loop(code, base, depth))
    }

    fn hot(&mut self, _: &mut Vm, _: ProtoId) {}
}
