//! Settling: code whose speculation fails again and again is given up, the interpreter looks anew, and other code is made.
//!
//! A few exits are no harm: a type that comes once, a path that was never seen. But when one guard, or all of a unit's,
//! have failed often, the code is dropped: callers find the runtime's stub in its place, and activations that are still
//! in it run on (code is never moved or freed). The function or loop is interpreted for a while, with feedback, and compiled
//! again. The second version knows only what was seen since, as far as that ran again: types that a program has left behind
//! make no code. From the third on, what was seen ever counts, and the instructions whose guards failed get code that does
//! not speculate. After [`MOST_VERSIONS`] the part is interpreted for good. So exits are bounded: there are at most
//! [`MOST_VERSIONS`] × [`UNIT_EXITS`], and those of activations that were already in dropped code.

use std::collections::{BTreeMap, BTreeSet};

use gscript::bytecode::{Op, Program, ProtoId};
use gscript::interp::Vm;
use gscript::profile::ProtoProfile;
use gsx_backend_arm64::ExitInfo;

use crate::compile::Part;
use crate::jit::JitState;

/// Exits through one guard after which the code is dropped.
pub const GUARD_EXITS: u32 = 8;
/// Exits from one code object after which it is dropped.
pub const UNIT_EXITS: u32 = 32;
/// Versions of the code of one function or loop, the first one among them.
pub const MOST_VERSIONS: u32 = 4;
/// Interpreted calls, or times around, before the next version.
const LOOK_AGAIN: u32 = 25;

/// What is known of speculation that failed.
#[derive(Default)]
pub(crate) struct Settling {
    /// Exits by code object, and by exit in it.
    failed: BTreeMap<u32, BTreeMap<u32, u32>>,
    /// Versions made so far.
    versions: BTreeMap<Part, u32>,
    /// What was seen before the current version was dropped, where it is to be forgotten.
    older: BTreeMap<ProtoId, ProtoProfile>,
    /// Globals whose functions change.
    pub unstable: BTreeSet<u32>,
    /// Parts whose code was dropped, in order.
    pub dropped: Vec<Part>,
}

impl Settling {
    /// May there be another version of a part? Counts it.
    pub fn begin_version(&mut self, vm: &mut Vm, part: Part) -> bool {
        let versions = self.versions.entry(part).or_insert(0);
        *versions += 1;
        if let Some(older) = self.older.remove(&part.proto) {
            vm.fill_function_profile(part.proto, &older);
        }
        *versions <= MOST_VERSIONS
    }
}

impl JitState {
    /// Names of the parts whose code was dropped, as often as it was.
    pub fn dropped(&self, program: &Program) -> Vec<String> {
        self.settling.dropped.iter().map(|part| part.name(program)).collect()
    }

    /// A code object was left because its speculation failed. Drops it when that has happened too often.
    pub fn note_failure(&mut self, vm: &mut Vm, unit: u32, exit: u32) {
        let part = self.parts[unit as usize];
        let exits = self.settling.failed.entry(unit).or_default();
        *exits.entry(exit).or_insert(0) += 1;
        let too_often = exits[&exit] >= GUARD_EXITS || exits.values().sum::<u32>() >= UNIT_EXITS;
        if !too_often || self.code.get(&part) != Some(&(unit as usize)) {
            return;
        }
        self.code.remove(&part);
        self.settling.dropped.push(part);
        let version = self.settling.versions.get(&part).copied().unwrap_or(1);
        match part.header {
            None => vm.clear_compiled(part.proto),
            Some(header) => vm.set_loop_compiled(part.proto, header, false),
        }
        if version >= MOST_VERSIONS {
            match part.header {
                None => vm.set_calls_until_hot(part.proto, u32::MAX),
                Some(header) => vm.set_jumps_until_hot(part.proto, header, u32::MAX),
            }
            return;
        }
        vm.set_profiling(true);
        match part.header {
            None => vm.set_calls_until_hot(part.proto, LOOK_AGAIN),
            Some(header) => vm.set_jumps_until_hot(part.proto, header, LOOK_AGAIN),
        }
        if version == 1 {
            let seen = vm.take_function_profile(part.proto);
            self.settling.older.insert(part.proto, seen);
            return;
        }
        let failed: Vec<u32> = self.settling.failed[&unit].keys().copied().collect();
        for exit in failed {
            let info = self.functions[unit as usize].code.exits[exit as usize].clone();
            self.give_up_speculation(vm, part, &info);
        }
    }

    /// The instruction of an exit will be compiled for all types from now on.
    fn give_up_speculation(&mut self, vm: &mut Vm, part: Part, info: &ExitInfo) {
        let (proto, pc) = (info.origin.proto, info.origin.pc as usize);
        vm.widen_profile(proto, pc);
        if let Some(inst) = vm.program().proto(proto).code.get(pc).filter(|i| i.op == Op::GetGlobal) {
            self.settling.unstable.insert(inst.imm as u32);
        }
        // A guard in front of everything is about the parameters.
        if part == Part::function(proto) && pc == 0 {
            vm.widen_parameters(proto);
        }
    }
}
