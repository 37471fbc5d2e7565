//! The architectural state of the simulated core.

use super::access::Memory;
use super::alu::Flags;
use super::op::{SP, ZERO};
use crate::Registers;

/// Registers, flags and the memory of the running call.
///
/// The register files have 256 entries so that a byte indexes them without a check; 34 (32) are in use, see
/// [`super::op`].
#[derive(Clone, Debug)]
pub(super) struct Cpu {
    /// General registers: X0–X30, the zero slot, SP, the sink.
    pub x: [u64; 256],
    /// Lower halves of V0–V31.
    pub v: [u64; 256],
    /// Upper halves of V0–V31.
    pub vh: [u64; 256],
    pub flags: Flags,
    pub memory: Memory,
}

/// The state that a nested call must not disturb.
#[derive(Clone, Debug)]
pub(super) struct Saved {
    x: [u64; 34],
    v: [u64; 32],
    vh: [u64; 32],
    flags: Flags,
    memory: Memory,
}

/// What destroyed general registers hold: no valid address, and no small number.
pub const POISON_X: u64 = 0xdead_beef_dead_0000;
/// What destroyed vector registers hold: a signalling NaN in every double.
pub const POISON_V: u64 = 0x7ff4_dead_beef_0000;
/// What destroyed flags are: N and V set.
pub const POISON_NZCV: u32 = 0b1001;

/// Names of the registers that a callee preserves, in the order of [`Cpu::preserved`].
pub(super) const PRESERVED: [&str; 20] = [
    "x19", "x20", "x21", "x22", "x23", "x24", "x25", "x26", "x27", "x28", "x29", "sp", "d8", "d9", "d10", "d11", "d12",
    "d13", "d14", "d15",
];

impl Cpu {
    pub(super) fn new() -> Cpu {
        let flags = Flags::known(POISON_NZCV);
        Cpu { x: [0; 256], v: [0; 256], vh: [0; 256], flags, memory: Memory::none() }
    }

    pub(super) fn save(&self) -> Saved {
        Saved {
            x: std::array::from_fn(|i| self.x[i]),
            v: std::array::from_fn(|i| self.v[i]),
            vh: std::array::from_fn(|i| self.vh[i]),
            flags: self.flags,
            memory: self.memory,
        }
    }

    pub(super) fn restore(&mut self, saved: &Saved) {
        self.x[..34].copy_from_slice(&saved.x);
        self.v[..32].copy_from_slice(&saved.v);
        self.vh[..32].copy_from_slice(&saved.vh);
        self.flags = saved.flags;
        self.memory = saved.memory;
    }

    pub(super) fn registers(&self) -> Registers {
        Registers { x: std::array::from_fn(|i| self.x[i]), sp: self.x[usize::from(SP)] }
    }

    /// The registers that a callee preserves.
    pub(super) fn preserved(&self) -> [u64; PRESERVED.len()] {
        std::array::from_fn(|i| match i {
            0..=10 => self.x[19 + i],
            11 => self.x[usize::from(SP)],
            _ => self.v[i - 4],
        })
    }

    /// The state at a call from outside: only the general registers mean something.
    pub(super) fn enter(&mut self, registers: &Registers, memory: Memory) {
        self.x[..31].copy_from_slice(&registers.x);
        self.x[usize::from(ZERO)] = 0;
        self.x[usize::from(SP)] = registers.sp;
        for i in 0..32 {
            (self.v[i], self.vh[i]) = (POISON_V + i as u64, POISON_V);
        }
        self.flags = Flags::known(POISON_NZCV);
        self.memory = memory;
    }

    /// Destroys what any call destroys, down to veneers: X16, X17 and the flags.
    pub(super) fn poison_scratch(&mut self) {
        for i in 16..=17 {
            self.x[i] = POISON_X + i as u64;
        }
        self.flags = Flags::known(POISON_NZCV);
    }

    /// Destroys what the procedure call standard lets a callee destroy, save for X0 and X1.
    pub(super) fn poison_caller_saved(&mut self) {
        for i in 2..=17 {
            self.x[i] = POISON_X + i as u64;
        }
        for i in 0..32 {
            if !(8..16).contains(&i) {
                self.v[i] = POISON_V + i as u64;
            }
            self.vh[i] = POISON_V;
        }
        self.flags = Flags::known(POISON_NZCV);
    }
}
