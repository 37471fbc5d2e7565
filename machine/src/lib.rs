//! Executors for ARM64 code objects.
//!
//! One trait, [`Executor`], and one implementation so far: [`sim::Simulator`], an exact functional simulator of the
//! A64 instructions that the backend emits. A native executor and the timing model will share the trait. This crate
//! imports no other crate of the workspace: it sees code words, a flat memory, and host calls.

pub mod sim;

/// The memory that code may touch: one contiguous range of guest addresses backed by host memory.
///
/// Every access of simulated code is checked against this range.
#[derive(Clone, Copy, Debug)]
pub struct GuestMemory {
    base: u64,
    ptr: *mut u8,
    len: usize,
}

impl GuestMemory {
    /// Describes `len` bytes at host address `ptr` that code sees at guest address `base`.
    ///
    /// # Safety
    /// The bytes must stay allocated and readable and writable through `ptr`, and no Rust reference to them may be
    /// live while code runs, for as long as the value (or a copy) is used.
    pub unsafe fn new(base: u64, ptr: *mut u8, len: usize) -> GuestMemory {
        GuestMemory { base, ptr, len }
    }
    /// Guest address of the first byte.
    pub fn base(&self) -> u64 {
        self.base
    }
    /// Host address of the first byte.
    pub fn ptr(&self) -> *mut u8 {
        self.ptr
    }
    /// Size in bytes.
    pub fn len(&self) -> usize {
        self.len
    }
    /// Is it empty?
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

/// What an executed instruction stream cost, in events.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counters {
    /// Instructions executed (architectural: a fused pair counts two).
    pub instructions: u64,
    /// Load instructions (a pair counts one).
    pub loads: u64,
    /// Store instructions (a pair counts one).
    pub stores: u64,
    /// Bytes loaded.
    pub bytes_loaded: u64,
    /// Bytes stored.
    pub bytes_stored: u64,
    /// Branch instructions executed, of any kind.
    pub branches: u64,
    /// Of these, how many were taken.
    pub branches_taken: u64,
    /// Host calls.
    pub host_calls: u64,
}

/// Registers at a call from outside, or at a host call.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Registers {
    /// X0–X30.
    pub x: [u64; 31],
    /// SP.
    pub sp: u64,
}

/// The host's answer to a host call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HostAction {
    /// Go on behind the call.
    Continue,
    /// Go on behind the call, with this in X16 and all registers preserved but X17 and X30.
    Preserve(u64),
    /// Leave compiled code altogether: [`Executor::call`] returns [`Stop::Unwound`].
    Unwind,
}

/// What code may ask of its surroundings.
pub trait Host {
    /// A host call. The call's number is in `regs.x[17]`, arguments in `regs.x[0..8]`; results are written to
    /// `regs.x[0]`, `regs.x[1]` and, where the call has a third one, `regs.x[2]`. Callee-saved registers and SP must be
    /// left alone: changes to anything else are ignored, and the other caller-saved registers (X2, if the host has not
    /// changed it, among them) are destroyed. `executor` may be used to run code again.
    fn host_call(&mut self, executor: &mut dyn Executor, regs: &mut Registers) -> HostAction;
}

/// Why code stopped other than by returning.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Stop {
    /// The host asked to leave.
    #[error("the host left compiled code")]
    Unwound,
    /// The instruction budget ran out.
    #[error("the instruction budget ran out at {pc:#x}")]
    Budget {
        /// Address of the instruction that was not executed.
        pc: u64,
    },
    /// The code did something it must not do.
    #[error("{kind} at {pc:#x}")]
    Fault {
        /// Address of the instruction.
        pc: u64,
        /// What it did.
        kind: FaultKind,
    },
}

/// Faults of compiled code: each is a bug in gsx, never the user's.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum FaultKind {
    /// An access outside of the guest memory.
    #[error("memory access of {size} bytes at {address:#x}, outside of the cell's memory")]
    Memory {
        /// Guest address.
        address: u64,
        /// Bytes.
        size: u32,
    },
    /// A branch to an address that holds no code.
    #[error("branch to {target:#x}, where there is no code")]
    Branch {
        /// Target.
        target: u64,
    },
    /// An instruction that the simulator does not know.
    #[error("undefined instruction {word:#010x}")]
    Undefined {
        /// The word.
        word: u32,
    },
    /// SP was not 16-byte aligned at an access through it.
    #[error("stack pointer {sp:#x} is not 16-byte aligned")]
    StackAlignment {
        /// SP.
        sp: u64,
    },
    /// A call returned without having restored a register that the procedure call standard preserves.
    #[error("{register} is not preserved")]
    NotPreserved {
        /// The register's name.
        register: &'static str,
    },
}

/// Errors of installing code.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum InstallError {
    /// The code region is full.
    #[error("no room for {words} more words of code (limit {limit})")]
    Full {
        /// Words asked for.
        words: usize,
        /// Words that fit in all.
        limit: usize,
    },
}

/// Runs code objects.
pub trait Executor {
    /// Makes `code` executable and gives its guest address. Code is never moved or removed. A word that is no known
    /// instruction is a fault only when it is executed.
    fn install(&mut self, code: &[u32]) -> Result<u64, InstallError>;

    /// Calls `entry` with the registers of `regs` (X30 is set by the executor) and runs until that call returns. On
    /// return `regs` holds the final registers. May be called again from within a host call.
    fn call(&mut self, memory: &GuestMemory, entry: u64, regs: &mut Registers, host: &mut dyn Host)
    -> Result<(), Stop>;

    /// The address that code branches to (with BLR) for a host call.
    fn host_entry(&self) -> u64;

    /// Events since the last [`Executor::reset_counters`].
    fn counters(&self) -> Counters;

    /// Sets all counters and execution counts to zero.
    fn reset_counters(&mut self);

    /// Instructions that may still be executed before [`Stop::Budget`].
    fn set_budget(&mut self, instructions: u64);

    /// How often each word of the object installed at `address` was executed since the last reset, if the executor
    /// counts that and counting was on.
    fn execution_counts(&self, address: u64, words: usize) -> Option<Vec<u64>>;

    /// How many of these executions were branches that were taken.
    fn taken_counts(&self, address: u64, words: usize) -> Option<Vec<u64>>;
}
