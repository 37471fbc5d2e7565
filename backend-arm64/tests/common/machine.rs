//! Runs code objects on the simulator, with a small memory and a host that a test scripts.

use gscript::layout::{self, Layout};
use gscript::nanbox;
use gscript::value::{Tag, Value};
use gsx_backend_arm64::{CodeObject, HostCall, call_stub};
use gsx_machine::sim::Simulator;
use gsx_machine::{Executor, GuestMemory, Host, HostAction, Registers, Stop};

/// A value in memory: tag, payload.
pub type Slot = (u64, u64);

/// Guest address of the arena.
pub const ARENA: u64 = layout::GUEST_BASE;
const BYTES: usize = 4 << 20;
/// Offset of the function record of the function under test; its closure follows at `CLOSURE`.
pub const RECORD: u64 = 0x4000;
/// Offset of the closure of the function under test.
pub const CLOSURE: u64 = 0x4040;
/// Offset of the closure of a function without code.
pub const OTHER: u64 = 0x4100;
const OTHER_RECORD: u64 = 0x40c0;
/// Offset of the upvalue cell of the closure under test.
pub const CELL: u64 = 0x4200;
/// Offset of `R[0]` of the frame under test.
pub const FRAME: u64 = 0x10000;
const NATIVE_TOP: u64 = BYTES as u64 - 4096;

pub fn int(n: i64) -> Slot {
    (Tag::Int as u64, n as u64)
}
pub fn float(x: f64) -> Slot {
    (Tag::Float as u64, x.to_bits())
}
pub const NIL: Slot = (0, 0);

/// Words of guest memory, as host and tests see them.
#[derive(Clone, Copy)]
pub struct Memory(GuestMemory, Layout);

/// Offset of the word that says where the next box goes.
const NEXT_BOX: u64 = 128;
/// Offset of the boxes of wide integers.
const BOXES: u64 = 0x20_0000;

impl Memory {
    fn at(&self, address: u64) -> *mut u64 {
        let offset = address - self.0.base();
        assert!(offset.is_multiple_of(8) && offset + 8 <= self.0.len() as u64, "address {address:#x}");
        self.0.ptr().wrapping_add(offset as usize).cast()
    }
    pub fn read(&self, address: u64) -> u64 {
        // SAFETY: within the memory, which outlives every use in a test, and aligned.
        unsafe { self.at(address).read() }
    }
    pub fn write(&self, address: u64, value: u64) {
        // SAFETY: as above.
        unsafe { self.at(address).write(value) }
    }
    pub fn slot_bytes(&self) -> u64 {
        self.1.slot_bytes()
    }
    pub fn slot(&self, base: u64, i: u64) -> Slot {
        let at = base + self.1.slot_offset(i);
        match self.1 {
            Layout::Tagged => (self.read(at), self.read(at + 8)),
            Layout::NanBox => match nanbox::decode(self.read(at)) {
                Ok(v) => (v.tag as u64, v.bits),
                Err(at) => (Tag::Int as u64, self.read(at + layout::WIDE_VALUE)),
            },
        }
    }
    pub fn set_slot(&self, base: u64, i: u64, v: Slot) {
        let at = base + self.1.slot_offset(i);
        match self.1 {
            Layout::Tagged => {
                self.write(at, v.0);
                self.write(at + 8, v.1);
            }
            Layout::NanBox => self.write(at, self.word(v)),
        }
    }
    fn word(&self, v: Slot) -> u64 {
        let tag = Tag::from_u64(v.0).expect("a tag");
        nanbox::encode(Value { tag, bits: v.1 }).unwrap_or_else(|| {
            let at = self.read(ARENA + NEXT_BOX);
            self.write(ARENA + NEXT_BOX, at + layout::WIDE_BYTES);
            self.write(at + layout::WIDE_VALUE, v.1);
            nanbox::WIDE << nanbox::SHIFT | at
        })
    }
    /// Boxes the payloads that an exit has left.
    pub fn box_payloads(&self, base: u64, raw: &[(u16, Tag)]) {
        for &(slot, tag) in raw {
            let payload = self.read(base + self.1.slot_offset(slot.into()));
            self.set_slot(base, slot.into(), (tag as u64, payload));
        }
    }
}

/// A host call as the test's script sees it.
pub struct Call<'a> {
    pub memory: Memory,
    pub call: HostCall,
    pub x: [u64; 5],
    /// Where the call returns to.
    pub link: u64,
    pub sp: u64,
    pub executor: &'a mut dyn Executor,
}

/// Answers a host call with X0 and X1.
pub type Script<'a> = dyn FnMut(Call) -> (u64, u64) + 'a;

struct ScriptHost<'a, 'b> {
    memory: Memory,
    script: &'a mut Script<'b>,
}

impl Host for ScriptHost<'_, '_> {
    fn host_call(&mut self, executor: &mut dyn Executor, regs: &mut Registers) -> HostAction {
        let call = HostCall::try_from(regs.x[17]).expect("a host call");
        if call == HostCall::BoxInt {
            let n = self.memory.read(regs.sp + 8);
            assert!(!nanbox::fits(n as i64), "{n} needs no box");
            return HostAction::Preserve(self.memory.word((Tag::Int as u64, n)));
        }
        let x = [regs.x[0], regs.x[1], regs.x[2], regs.x[3], regs.x[4]];
        let (a, b) = (self.script)(Call { memory: self.memory, call, x, link: regs.x[30], sp: regs.sp, executor });
        (regs.x[0], regs.x[1]) = (a, b);
        HostAction::Continue
    }
}

/// A machine with one compiled function.
pub struct Machine {
    pub sim: Simulator,
    pub memory: Memory,
    _bytes: Vec<u64>,
    pub entry: u64,
    pub words: usize,
}

impl Machine {
    pub fn new(code: &CodeObject) -> Machine {
        Machine::with_layout(code, Layout::Tagged)
    }

    pub fn with_layout(code: &CodeObject, layout: Layout) -> Machine {
        let mut bytes = vec![0u64; BYTES / 8];
        // SAFETY: the vector's buffer is kept, and never touched through the vector again.
        let memory = Memory(unsafe { GuestMemory::new(ARENA, bytes.as_mut_ptr().cast(), BYTES) }, layout);
        let mut sim = Simulator::new();
        sim.set_convention_check(true);
        sim.set_counting(true);
        sim.set_budget(50_000_000);
        let entry = sim.install(&code.words).unwrap();
        let stub = sim.install(&call_stub()).unwrap();
        memory.write(ARENA + layout::CTX_HOST_ENTRY, sim.host_entry());
        memory.write(ARENA + RECORD + layout::FUNC_CODE, entry);
        memory.write(ARENA + CLOSURE + layout::CLOSURE_FUNC, ARENA + RECORD);
        memory.write(ARENA + CLOSURE + layout::CLOSURE_UPVALS, ARENA + CELL);
        memory.write(ARENA + CELL + layout::UPVAL_PTR, ARENA + CELL + layout::UPVAL_CLOSED);
        memory.write(ARENA + OTHER_RECORD + layout::FUNC_CODE, stub);
        memory.write(ARENA + OTHER + layout::CLOSURE_FUNC, ARENA + OTHER_RECORD);
        memory.write(ARENA + NEXT_BOX, ARENA + BOXES);
        memory.set_slot(ARENA + FRAME - layout.slot_bytes(), 0, (Tag::Function as u64, ARENA + CLOSURE));
        Machine { sim, memory, _bytes: bytes, entry, words: code.words.len() }
    }

    /// Guest address of `R[0]`.
    pub fn base(&self) -> u64 {
        ARENA + FRAME
    }

    /// Puts values into the frame's slots.
    pub fn set(&self, first: u64, values: &[Slot]) {
        for (i, &v) in values.iter().enumerate() {
            self.memory.set_slot(self.base(), first + i as u64, v);
        }
    }

    /// Calls the function with `nargs` arguments that are in the frame.
    pub fn run(&mut self, nargs: u64, script: &mut Script) -> Result<Vec<Slot>, Stop> {
        self.run_with_depth(nargs, 1000, script)
    }

    pub fn run_with_depth(&mut self, nargs: u64, depth: u64, script: &mut Script) -> Result<Vec<Slot>, Stop> {
        let mut regs = Registers::default();
        for (i, x) in regs.x.iter_mut().enumerate() {
            *x = 0x1111_0000 + i as u64;
        }
        regs.x[1] = nargs;
        regs.x[25] = depth;
        regs.x[26] = self.base();
        regs.x[28] = ARENA;
        regs.sp = ARENA + NATIVE_TOP;
        let memory = self.memory;
        self.sim.call(&memory.0, self.entry, &mut regs, &mut ScriptHost { memory, script })?;
        let (count, addr) = (regs.x[0], regs.x[1]);
        Ok((0..count).map(|i| memory.slot(addr, i)).collect())
    }
}

/// A script for code that must not ask for anything.
pub fn no_host(call: Call) -> (u64, u64) {
    panic!("unexpected host call {:?} {:x?}", call.call, call.x)
}
