//! A simulator with a little memory, for tests.
#![allow(dead_code, reason = "each test file uses a part")]

pub mod fibonacci;

use gsx_machine::sim::Simulator;
use gsx_machine::{Executor, GuestMemory, Host, HostAction, Registers, Stop};

/// Guest address of the memory.
pub const BASE: u64 = 0x1_0000_0000;
/// Its size; no power of two, so that accesses of all sizes can end at the end.
pub const SIZE: usize = 4096;

/// RET.
pub const RET: u32 = 0xd65f_03c0;
/// BLR X16.
pub const BLR_X16: u32 = 0xd63f_0200;

/// The simulator and its memory.
pub struct Machine {
    pub simulator: Simulator,
    pub bytes: Vec<u8>,
}

impl Machine {
    pub fn new() -> Machine {
        Machine { simulator: Simulator::new(), bytes: vec![0; SIZE] }
    }

    /// Calls `entry` with X0 and up as given, SP at the end of the memory and X16 at the host entry.
    pub fn call_with(&mut self, entry: u64, x: &[u64], host: &mut dyn Host) -> Result<Registers, Stop> {
        let mut registers = Registers { sp: BASE + SIZE as u64, ..Registers::default() };
        registers.x[..x.len()].copy_from_slice(x);
        registers.x[16] = self.simulator.host_entry();
        // SAFETY: `bytes` outlives the call and hosts in these tests do not touch it.
        let memory = unsafe { GuestMemory::new(BASE, self.bytes.as_mut_ptr(), self.bytes.len()) };
        self.simulator.call(&memory, entry, &mut registers, host).map(|()| registers)
    }

    /// The same without host calls.
    pub fn call(&mut self, entry: u64, x: &[u64]) -> Result<Registers, Stop> {
        self.call_with(entry, x, &mut NoHost)
    }

    /// Installs words.
    pub fn install(&mut self, code: &[u32]) -> u64 {
        self.simulator.install(code).expect("room for the code")
    }

    /// Installs the words and RET, and calls them.
    pub fn run(&mut self, code: &[u32], x: &[u64]) -> Result<Registers, Stop> {
        let mut code = code.to_vec();
        code.push(RET);
        let entry = self.install(&code);
        self.call(entry, x)
    }

    /// The 64-bit word at an offset.
    pub fn word(&self, offset: usize) -> u64 {
        u64::from_le_bytes(self.bytes[offset..offset + 8].try_into().expect("8 bytes"))
    }
}

/// A host that ends the call.
pub struct NoHost;

impl Host for NoHost {
    fn host_call(&mut self, _: &mut dyn Executor, _: &mut Registers) -> HostAction {
        HostAction::Unwind
    }
}

/// A host that is a closure.
pub struct HostFn<F>(pub F);

impl<F: FnMut(&mut dyn Executor, &mut Registers) -> HostAction> Host for HostFn<F> {
    fn host_call(&mut self, executor: &mut dyn Executor, registers: &mut Registers) -> HostAction {
        self.0(executor, registers)
    }
}
