//! The run loop.

use super::access::check_alignment;
use super::alu::Flags;
use super::code::CodeRegion;
use super::cpu::Cpu;
use super::float;
use super::op::{Code, Op};
use super::rare;
use super::{CODE_BASE, decode};
use crate::FaultKind;

/// Why the run loop was left. Indices are those of words in the code region.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Exit {
    /// The branch at `index` was executed; it goes to an address outside of the code.
    Outside { index: usize, target: u64 },
    /// The instruction at `index` was not executed, because it cannot be.
    Fault { index: usize, kind: FaultKind },
    /// The instruction at `index` was not executed, because the fuel is used up.
    Fuel { index: usize },
}

/// Runs from word `start` until something happens.
///
/// Without `STEP`, the micro-operations run as they are (fused), and fuel is taken off at taken branches only: the
/// loop may overdraw `fuel` by one straight run, so the caller keeps the longest one in reserve. With `STEP`, the
/// words are decoded again one by one and fuel is exact. `fuel` holds what is left on return.
///
/// Instructions are counted where it is cheapest: a taken branch counts itself, and an entry through an indirect
/// branch counts its target. From these the executions of every word follow (see [`CodeRegion`]).
pub(super) fn run<const STEP: bool>(cpu: &mut Cpu, code: &mut CodeRegion, start: usize, fuel: &mut i64) -> Exit {
    let len = code.len();
    debug_assert!(start < len);
    code.enter(start);
    let (ops, taken) = code.hot_parts();
    let mut pc = start;
    // Fuel at the start of a straight run, plus the run's first index: subtracting the index behind its last
    // instruction gives the fuel then.
    let mut account = *fuel + start as i64;
    let exit = loop {
        let stepped: Op;
        let op: &Op = if STEP {
            if account - pc as i64 <= 0 {
                break Exit::Fuel { index: pc };
            }
            stepped = code_word(code_words(&ops), pc, len);
            &stepped
        } else {
            // SAFETY: `pc < len`: branch targets are checked when they are decoded (direct) or taken (indirect), and
            // the region ends with an operation that does not go on.
            unsafe { &*ops.add(pc) }
        };
        todo!()
    };
    exit
}
