//! Walking the native stack: the compiled activations of an error's call trace.

use gscript::error::RuntimeError;
use gscript::interp::Vm;
use gsx_machine::Registers;

use crate::jit::JitState;

/// Frames of a trace that are kept at either end when it is long.
const KEPT: usize = 10;

/// Appends the compiled activations between a failed host call and the interpreter below to the error's trace.
///
/// The activation that made the host call has already been named by the interpreter, which worked on its frame.
pub(crate) fn add_trace(vm: &Vm, state: &JitState, regs: &Registers, error: &mut RuntimeError) {
    let mut names: Vec<String> = Vec::new();
    let mut last: std::collections::VecDeque<String> = std::collections::VecDeque::new();
    let mut skipped = 0usize;
    let (low, high) = vm.heap().native_stack();
    let mut sp = regs.sp;
    let mut bytes = frame_bytes(state, regs.x[30]);
    while let Some(frame) = bytes.filter(|f| *f > 0 && sp >= low && sp + f <= high) {
        let lr = vm.heap().read_u64(sp + 8);
        sp += frame;
        bytes = frame_bytes(state, lr);
        let Some(name) = call_site(vm, state, lr) else { continue };
        if names.len() < KEPT {
            names.push(name);
        } else {
            last.push_back(name);
            if last.len() > KEPT {
                last.pop_front();
                skipped += 1;
            }
        }
    }
    if skipped > 0 {
        names.push(format!("… {skipped} more …"));
    }
    names.extend(last);
    error.trace.extend(names);
}

/// Bytes of the native frame of the code around `address`.
fn frame_bytes(state: &JitState, address: u64) -> Option<u64> {
    let (stub, len) = state.stub;
    if address >= stub && address <= stub + len {
        return Some(16);
    }
    let f = state.functions.iter().find(|f| address > f.address && address <= f.address + f.code.words.len() as u64 * 4)?;
    Some(u64::from(f.code.frame_bytes))
}

/// `name at file:line:column` of the call that returns to `address`.
fn call_site(vm: &Vm, state: &JitState, address: u64) -> Option<String> {
    let f = state.functions.iter().find(|f| address > f.address && address <= f.address + f.code.words.len() as u64 * 4)?;
    let word = ((address - f.address) / 4) as u32;
    let origin = f.code.call_sites.iter().find(|c| c.return_word == word)?.origin?;
    let proto = vm.program().proto(origin.proto);
    let pos = proto.spans.get(origin.pc as usize)?;
    Some(format!("{} at {}:{pos}", proto.name, vm.program().source.name))
}
