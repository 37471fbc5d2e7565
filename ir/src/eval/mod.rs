//! The evaluator: runs graphs directly, on a real frame of a real program.
//!
//! It is the oracle for every pass: a graph must compute what the interpreter computes, whatever was done to it.
//! Besides wrong results it catches what machine code would not notice: a payload load from a slot with another
//! tag, a self call that reaches another function, a value that is not there when it is used.
//!
//! Calls between functions that have graphs do not recurse in Rust, so that 100,000 frames are no problem. Everything
//! else is the runtime's: other callees, instructions without a shape of their own, and what happens behind a side exit.

mod calls;
mod jit;
mod machine;
pub mod pure;
mod tables;

use gscript::error::RuntimeError;
use gscript::interp::Vm;
use gscript::jit::{Jit, Results};

use crate::graph::{BlockId, NodeId};
use crate::schedule::Schedule;
use crate::unit::Unit;

use calls::CallStack;
use machine::{Code, Counts, Machine};

pub use jit::EvalJit;

/// How to evaluate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EvalOptions {
    /// Operations that may be executed before [`EvalError::Budget`].
    pub budget: u64,
    /// Leave at the guard or call with this number, counted from 0 in the order of execution, although it holds: side
    /// exits that no input takes can be tested this way.
    pub force_exit: Option<u64>,
}

impl Default for EvalOptions {
    /// A thousand million operations, no forced exit.
    fn default() -> Self {
        EvalOptions { budget: 1_000_000_000, force_exit: None }
    }
}

/// What an evaluation came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EvalOutcome {
    /// What the function returned.
    pub results: Results,
    /// Side exits taken, forced ones among them.
    pub exits: u64,
    /// Guards and calls executed: the numbers that [`EvalOptions::force_exit`] can take.
    pub guards_executed: u64,
    /// Operations executed, pure ones among them.
    pub ops_executed: u64,
}

/// Why an evaluation gave no results.
#[derive(Clone, Debug, thiserror::Error)]
pub enum EvalError {
    /// The program failed.
    #[error("{}", .0.message)]
    Runtime(RuntimeError),
    /// The graph is wrong: a bug in a pass or in the builder.
    #[error("wrong graph of {function} at {}: {message}", place(*.block, *.node))]
    Malformed {
        /// Function.
        function: String,
        /// Block.
        block: BlockId,
        /// Node; none for the block's terminator.
        node: Option<NodeId>,
        /// What is wrong.
        message: String,
    },
    /// [`EvalOptions::budget`] ran out.
    #[error("the evaluator's budget ran out")]
    Budget,
}

fn place(block: BlockId, node: Option<NodeId>) -> String {
    node.map_or_else(|| format!("the end of {block}"), |n| format!("{n} in {block}"))
}

impl From<RuntimeError> for EvalError {
    fn from(e: RuntimeError) -> EvalError {
        EvalError::Runtime(e)
    }
}

/// Evaluates `unit` on the frame at guest address `base`: function value in the header slot below, parameters in place.
/// Calls of the unit's own function are evaluated, others go through `vm` and `jit`.
///
/// # Errors
/// The program's error, a wrong graph, or the end of the budget.
pub fn evaluate(
    unit: &Unit,
    vm: &mut Vm,
    jit: &mut dyn Jit,
    base: u64,
    options: &EvalOptions,
) -> Result<EvalOutcome, EvalError> {
    let schedule = Schedule::new(&unit.graph);
    let code = Code { unit, schedule: &schedule };
    let counts = Counts::default();
    let find = |proto| (proto == unit.proto).then_some(code);
    let depth = vm.depth();
    let calls = CallStack::default();
    let machine = Machine { find: &find, counts: &counts, options: *options, calls: &calls, vm, jit, ended: None };
    let results = machine.run(code, base, depth)?;
    Ok(counts.outcome(results))
}
