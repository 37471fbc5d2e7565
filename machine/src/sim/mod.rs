//! The functional simulator.
//!
//! Code objects are decoded once, when they are installed, into micro-operations (`op`, `decode`, `fuse`); the run
//! loop (`run`) executes these with exact A64 semantics. Memory accesses are bounds-checked, code is not readable as
//! data, and whatever code does wrong ends in a [`Stop::Fault`].
//!
//! Code that relies on what it must not rely on is caught: at a call from outside and after each host call, all
//! registers without a defined content hold [`POISON_X`] and [`POISON_V`] (plus the register's number).

mod access;
mod alu;
mod code;
mod cpu;
mod decode;
mod float;
mod fuse;
mod op;
mod rare;
mod run;

pub use cpu::{POISON_NZCV, POISON_V, POISON_X};

use crate::{Counters, Executor, FaultKind, GuestMemory, Host, HostAction, InstallError, Registers, Stop};
use access::Memory;
use code::{CodeRegion, address_of};
use cpu::{Cpu, PRESERVED, Saved};
use run::{Exit, run};

/// Guest address of the first code word.
pub const CODE_BASE: u64 = 0x4000_0000;
/// The address that code branches to for a host call.
pub const HOST_ENTRY: u64 = 0x2000_0000;
/// What X30 holds at a call from outside; calls nested in host calls count down from here in steps of 4, so that a
/// return to the wrong level is a fault.
pub const RETURN_ADDRESS: u64 = 0x1fff_fffc;

/// Executes ARM64 code on any host.
#[derive(Debug)]
pub struct Simulator {
    cpu: Box<Cpu>,
    code: CodeRegion,
    /// Instructions that may still be executed.
    budget: u64,
    host_calls: u64,
    /// Calls that are being executed.
    depth: u64,
    /// The states that nested calls interrupted.
    interrupted: Vec<Saved>,
    counting: bool,
    checking: bool,
}

impl Default for Simulator {
    fn default() -> Self {
        Simulator::new()
    }
}

impl Simulator {
    /// A simulator without code and with an unlimited budget.
    pub fn new() -> Simulator {
        Simulator {
            cpu: Box::new(Cpu::new()),
            code: CodeRegion::default(),
            budget: u64::MAX,
            host_calls: 0,
            depth: 0,
            interrupted: Vec::new(),
            counting: false,
            checking: false,
        }
    }

    /// Makes [`Executor::execution_counts`] available. The counts cost nothing: the counters are made from them.
    pub fn set_counting(&mut self, counting: bool) {
        self.counting = counting;
    }

    /// Makes it a fault, from the next call on, if a call from outside returns without having restored X19–X29, SP
    /// or D8–D15. Off at first. Only the simulator can see the D registers; natively, the host's would be lost.
    pub fn set_convention_check(&mut self, checking: bool) {
        self.checking = checking;
    }

    /// Runs from a word of the code until code leaves for the outside, or cannot go on.
    fn run_from(&mut self, start: usize, return_address: u64) -> Exit {
        const MOST: u64 = i64::MAX as u64 / 4;
        let mut start = start;
        loop {
            // The fast loop may overdraw its fuel by one straight run: that much is kept back.
            let granted = self.budget.min(MOST) as i64;
            let reserve = self.code.longest_run() as i64;
            let mut fuel = granted - reserve;
            let step = fuel < 0;
            let exit = if step {
                fuel = granted;
                run::<true>(&mut self.cpu, &mut self.code, start, return_address, &mut fuel)
            } else {
                let exit = run::<false>(&mut self.cpu, &mut self.code, start, return_address, &mut fuel);
                fuel += reserve;
                exit
            };
            self.budget -= (granted - fuel) as u64;
            match exit {
                Exit::Fuel { index } if self.budget > 0 => start = index,
                exit => return exit,
            }
        }
    }

    /// Runs from `entry` to the return, with host calls in between.
    fn run_call(&mut self, entry: u64, return_address: u64, host: &mut dyn Host) -> Result<(), Stop> {
        let no_code = |pc, target| Stop::Fault { pc, kind: FaultKind::Branch { target } };
        let before = self.checking.then(|| self.cpu.preserved());
        let mut start = self.code.index(entry).ok_or(no_code(entry, entry))?;
        loop {
            match self.run_from(start, return_address) {
                Exit::Return { index } => return self.check_preserved(before, index),
                Exit::Fault { index, kind } => {
                    return Err(Stop::Fault { pc: address_of(index), kind });
                }
                Exit::Fuel { index } => {
                    return Err(Stop::Budget { pc: address_of(index) });
                }
                Exit::Host { index } => {
                    self.host_call(host)?;
                    let next = self.cpu.x[30];
                    if next == return_address {
                        return self.check_preserved(before, index);
                    }
                    start = self.code.index(next).ok_or(no_code(address_of(index), next))?;
                }
            }
        }
    }

    /// Compares what a call must preserve with what was there `before`; the call returned by the branch at `index`.
    fn check_preserved(&self, before: Option<[u64; PRESERVED.len()]>, index: usize) -> Result<(), Stop> {
        let Some(before) = before else { return Ok(()) };
        let after = self.cpu.preserved();
        match before.iter().zip(after).position(|(before, after)| *before != after) {
            None => Ok(()),
            Some(number) => {
                let kind = FaultKind::NotPreserved { register: PRESERVED[number] };
                Err(Stop::Fault { pc: address_of(index), kind })
            }
        }
    }

    fn host_call(&mut self, host: &mut dyn Host) -> Result<(), Stop> {
        self.host_calls += 1;
        let mut registers = self.cpu.registers();
        let third = registers.x[2];
        let action = host.host_call(self, &mut registers);
        if let HostAction::Preserve(x16) = action {
            self.cpu.poison_scratch();
            self.cpu.x[16] = x16;
            return Ok(());
        }
        self.cpu.x[0] = registers.x[0];
        self.cpu.x[1] = registers.x[1];
        self.cpu.poison_caller_saved();
        if registers.x[2] != third {
            self.cpu.x[2] = registers.x[2];
        }
        match action {
            HostAction::Continue | HostAction::Preserve(_) => Ok(()),
            HostAction::Unwind => Err(Stop::Unwound),
        }
    }
}

impl Executor for Simulator {
    fn install(&mut self, code: &[u32]) -> Result<u64, InstallError> {
        self.code.install(code)
    }

    fn call(
        &mut self,
        memory: &GuestMemory,
        entry: u64,
        regs: &mut Registers,
        host: &mut dyn Host,
    ) -> Result<(), Stop> {
        if self.depth > 0 {
            self.interrupted.push(self.cpu.save());
        }
        let return_address = RETURN_ADDRESS - 4 * self.depth;
        self.cpu.enter(regs, Memory::new(memory));
        self.cpu.x[30] = return_address;
        self.depth += 1;
        let result = self.run_call(entry, return_address, host);
        self.depth -= 1;
        *regs = self.cpu.registers();
        match self.interrupted.pop() {
            Some(saved) => self.cpu.restore(&saved),
            // No pointer to the caller's memory outlives the call.
            None => self.cpu.memory = Memory::none(),
        }
        result
    }

    fn host_entry(&self) -> u64 {
        HOST_ENTRY
    }

    fn counters(&self) -> Counters {
        Counters { host_calls: self.host_calls, ..self.code.counters() }
    }

    fn reset_counters(&mut self) {
        self.code.reset_counts();
        self.host_calls = 0;
    }

    fn set_budget(&mut self, instructions: u64) {
        self.budget = instructions;
    }

    fn execution_counts(&self, address: u64, words: usize) -> Option<Vec<u64>> {
        let start = self.code.index(address).filter(|_| self.counting)?;
        let end = start.checked_add(words).filter(|&end| end <= self.code.len())?;
        Some(self.code.executions(start, end))
    }

    fn taken_counts(&self, address: u64, words: usize) -> Option<Vec<u64>> {
        let start = self.code.index(address).filter(|_| self.counting)?;
        let end = start.checked_add(words).filter(|&end| end <= self.code.len())?;
        Some(self.code.taken(start, end))
    }
}
