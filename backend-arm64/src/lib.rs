//! ARM64 back end: from the graph IR to machine code.
//!
//! [`compile`] goes through three stages, each with its own data:
//!
//! 1. [`lower`]: the graph becomes machine instructions over virtual registers ([`mir`]);
//! 2. [`regalloc`]: each virtual register gets a machine register or a spill slot;
//! 3. [`emit`]: instructions become words, through dynasmrt.
//!
//! # Calling convention of compiled functions
//!
//! In: X26 = address of the callee's `R[0]`; the header slot below it holds the function value; X1 = number of arguments,
//! which are in slots from 0 on; X25 = frames that may still be pushed, this one being counted already; X28 = the arena.
//! Out: X0 = number of results, X1 = address of the first. X19–X29, SP and D8–D15 are preserved. Word 0 is the entry for
//! any number of arguments; self calls with all parameters use a second entry behind the check.
//!
//! Code of a loop is entered with X25, X26 and X28 as its function's would be. Out: X0 = the bytecode position behind the loop,
//! or [`LOOP_LEFT`] if a side exit has told the host where the interpreter goes on.
//!
//! The native frame starts with the frame record (X29, X30), at SP, so that a stack can be walked with
//! [`CallSite::frame_bytes`].

pub mod code;
pub mod disasm;
pub mod emit;
pub mod host;
pub mod lower;
pub mod mir;
pub mod reg;
pub mod regalloc;

pub use code::{
    BackEdge, CallSite, CodeObject, CodegenError, ExitInfo, ExitKind, LOOP_LEFT, Part, Passing, Provenance,
};
pub use disasm::disassemble;
pub use emit::call_stub;
pub use host::{HostCall, UnknownHostCall};

use gsx_ir::unit::Unit;

/// Compiles a unit. `unit_id` comes back in X0 of its exits.
///
/// # Errors
/// [`CodegenError`]: the function then stays interpreted.
pub fn compile(unit: &Unit, unit_id: u32) -> Result<CodeObject, CodegenError> {
    let f = lower::lower(unit)?;
    let allocation = regalloc::allocator(unit.allocator).allocate(&f)?;
    if cfg!(debug_assertions) {
        regalloc::checker::check(&f, &allocation).map_err(|e| CodegenError::Allocation(format!("{e}\n{f}")))?;
    }
    emit::emit(unit, unit_id, &f, &allocation, emit::Branches::Auto)
}
