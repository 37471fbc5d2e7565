//! Machine instructions over virtual registers: what lowering makes, allocation colours and the emitter encodes.
//!
//! A function is a list of blocks; block parameters do not exist at this level: values reach a block through the
//! parallel moves at the end of its predecessors. Most instructions are one machine word; the *pseudo-instructions*
//! (constants, addresses, calls, parallel moves) become as many as they need.

mod operands;
mod text;

use std::fmt;

use gscript::value::Tag;
use gsx_ir::graph::{BlockId, NodeId, Origin};
use smallvec::SmallVec;

use crate::host::HostCall;
use crate::reg::{Class, PReg, RegSet};

/// A virtual register.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct VReg(pub u32);

/// What is known about a virtual register.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct VRegInfo {
    /// Its class.
    pub class: Class,
    /// The machine register that it must be in, if any (arguments, results, pinned parameters).
    pub fixed: Option<PReg>,
}

/// An operand register: virtual, or one of the registers that are outside of allocation.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Reg {
    /// Virtual.
    V(VReg),
    /// Reserved machine register.
    P(PReg),
}

impl From<VReg> for Reg {
    fn from(v: VReg) -> Reg {
        Reg::V(v)
    }
}

impl From<PReg> for Reg {
    fn from(r: PReg) -> Reg {
        Reg::P(r)
    }
}

impl fmt::Display for Reg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reg::V(v) => write!(f, "%{}", v.0),
            Reg::P(r) => write!(f, "{r}"),
        }
    }
}

/// A block of machine instructions.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct MBlock(pub u32);

/// Index into [`Function::exits`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct ExitId(pub u32);

/// A machine condition.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum Cc {
    /// equal
    Eq,
    /// not equal (or unordered)
    Ne,
    /// unsigned higher or same
    Hs,
    /// unsigned lower
    Lo,
    /// negative: float less
    Mi,
    /// positive or zero, or unordered
    Pl,
    /// overflow: unordered
    Vs,
    /// no overflow
    Vc,
    /// unsigned higher
    Hi,
    /// unsigned lower or same: float less or equal
    Ls,
    /// greater or equal
    Ge,
    /// less (or unordered)
    Lt,
    /// greater
    Gt,
    /// less or equal (or unordered)
    Le,
}

impl Cc {
    /// All of them, by encoding.
    pub const ALL: [Cc; 14] = [
        Cc::Eq,
        Cc::Ne,
        Cc::Hs,
        Cc::Lo,
        Cc::Mi,
        Cc::Pl,
        Cc::Vs,
        Cc::Vc,
        Cc::Hi,
        Cc::Ls,
        Cc::Ge,
        Cc::Lt,
        Cc::Gt,
        Cc::Le,
    ];

    /// The opposite: exact for unordered floats too, being the same flags read the other way.
    pub fn inverted(self) -> Cc {
        Cc::ALL[self as usize ^ 1]
    }
}

impl fmt::Display for Cc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Cc::Eq => "eq",
            Cc::Ne => "ne",
            Cc::Hs => "hs",
            Cc::Lo => "lo",
            Cc::Mi => "mi",
            Cc::Pl => "pl",
            Cc::Vs => "vs",
            Cc::Vc => "vc",
            Cc::Hi => "hi",
            Cc::Ls => "ls",
            Cc::Ge => "ge",
            Cc::Lt => "lt",
            Cc::Gt => "gt",
            Cc::Le => "le",
        })
    }
}

/// What a branch looks at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Test {
    /// Always taken.
    Always,
    /// Never taken.
    Never,
    /// The flags that the instruction just before has set.
    Flags(Cc),
    /// The register is zero.
    Zero(Reg),
    /// The register is not zero.
    NonZero(Reg),
}

impl Test {
    /// The opposite test.
    pub fn inverted(self) -> Test {
        match self {
            Test::Always => Test::Never,
            Test::Never => Test::Always,
            Test::Flags(c) => Test::Flags(c.inverted()),
            Test::Zero(r) => Test::NonZero(r),
            Test::NonZero(r) => Test::Zero(r),
        }
    }
}

/// Two-operand integer operations on registers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AluOp {
    /// `n + m`
    Add,
    /// `n - m`
    Sub,
    /// `n * m`
    Mul,
    /// `n / m`, signed, towards zero; 0 if `m` is.
    Div,
    /// `n & m`
    And,
    /// `n ^ m`
    Eor,
}

/// Integer operations with a bitmask immediate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LogicOp {
    /// `n & mask`
    And,
    /// `n | mask`
    Orr,
    /// `n ^ mask`
    Eor,
}

/// One-operand float operations.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FpuUnary {
    /// `-n`
    Neg,
    /// `|n|`
    Abs,
    /// Square root.
    Sqrt,
}

/// Two-operand float operations.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FpuOp {
    /// `n + m`
    Add,
    /// `n - m`
    Sub,
    /// `n * m`
    Mul,
    /// `n / m`
    Div,
}

/// How control gets to a GScript callee.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CallTarget {
    /// The address in a register.
    Address(Reg),
    /// This unit, all parameters being there.
    Fixed,
    /// This unit's entry for any number of arguments.
    Generic,
    /// This unit's entry for self calls.
    SelfEntry,
}

/// A machine instruction. Registers named `d` are written, all others read.
#[derive(Clone, PartialEq, Debug)]
#[allow(missing_docs)] // the fields are operands, named in each instruction's line
pub enum Inst {
    /// `d = s`, same class. Any location will do for a virtual register if both are virtual.
    Mov { d: Reg, s: Reg },
    /// Moves bits from a general to a float register.
    FmovFromX { d: Reg, s: Reg },
    /// Moves bits from a float to a general register.
    FmovToX { d: Reg, s: Reg },
    /// `d = value`, in as few words as possible.
    MovImm { d: Reg, value: u64 },
    /// `d` = the double with these bits.
    FmovImm { d: Reg, bits: u64 },
    /// `d = n + offset`, any offset.
    AddImm { d: Reg, n: Reg, offset: i64 },
    /// Integer operation on registers.
    Alu { op: AluOp, d: Reg, n: Reg, m: Reg },
    /// Addition or subtraction of a shifted register: `d = n op (m << shift)`, the shift from 1 to 63.
    AluLsl { op: AluOp, d: Reg, n: Reg, m: Reg, shift: u8 },
    /// Addition or subtraction of a product: `d = a op n * m`.
    MulAdd { op: AluOp, d: Reg, n: Reg, m: Reg, a: Reg },
    /// `d = n << shift`
    Lsl { d: Reg, n: Reg, shift: u8 },
    /// `d = n >> shift`, signed
    Asr { d: Reg, n: Reg, shift: u8 },
    /// Logical operation; the mask must be a bitmask immediate.
    Logic { op: LogicOp, d: Reg, n: Reg, mask: u64 },
    /// `d` = `n` with the top 16 bits replaced.
    SetTop { d: Reg, n: Reg, top: u16 },
    /// `d` = the NaN-boxed word of an integer. One that needs a box of its own gets it from the host, out of line; all other
    /// registers are preserved.
    BoxInt { d: Reg, s: Reg },
    /// `d` = the integer in a NaN-boxed word, also one in a box; any number if the word is no integer's.
    UnboxInt { d: Reg, s: Reg },
    /// `d = n ^ 1`
    NotBool { d: Reg, n: Reg },
    /// Float operation.
    Fpu { op: FpuOp, d: Reg, n: Reg, m: Reg },
    /// Float operation on one operand.
    FpuUnary { op: FpuUnary, d: Reg, n: Reg },
    /// Double to signed integer, rounding down.
    Fcvtms { d: Reg, n: Reg },
    /// Signed integer to double.
    Scvtf { d: Reg, n: Reg },
    /// Flags of `n - m`.
    Cmp { n: Reg, m: Reg },
    /// Flags of `n - value`; the value or its opposite must be an arithmetic immediate.
    CmpImm { n: Reg, value: i64 },
    /// Float comparison.
    Fcmp { n: Reg, m: Reg },
    /// Float comparison with 0.0.
    FcmpZero { n: Reg },
    /// If `cc` holds, flags of `n - value`, else the flags `nzcv`.
    CcmpImm { n: Reg, value: u8, nzcv: u8, cc: Cc },
    /// 1 if the flags say so, else 0.
    Cset { d: Reg, cc: Cc },
    /// `n` if the flags say so, else `m`; either class.
    Csel { d: Reg, n: Reg, m: Reg, cc: Cc },
    /// Loads 8 bytes, either class.
    Ldr { d: Reg, base: Reg, offset: i32 },
    /// Loads the 8 bytes with this index from an address, either class.
    LdrIndex { d: Reg, base: Reg, index: Reg },
    /// Stores the 8 bytes with this index from an address, either class.
    StrIndex { s: Reg, base: Reg, index: Reg },
    /// Loads 4 bytes, unsigned, into a general register.
    LdrW { d: Reg, base: Reg, offset: i32 },
    /// Loads two general registers; the offset must fit.
    Ldp { d: Reg, d2: Reg, base: Reg, offset: i32 },
    /// Stores 8 bytes, either class.
    Str { s: Reg, base: Reg, offset: i32 },
    /// Stores two general registers; the offset must fit.
    Stp { s: Reg, s2: Reg, base: Reg, offset: i32 },
    /// All at once: `d = s` for each pair. Any location will do for either side.
    ParallelMove { moves: Vec<(VReg, VReg)> },
    /// Calls GScript code: steps X25, X26 and (but at the self entry) X1, the number of arguments, to the callee's frame,
    /// branches, steps back.
    Call(CallInst),
    /// Behind a call at the self entry: where an activation returns to that gave another result than one of the type that
    /// self calls return. Emits nothing here: the exit's stub gives the frame back, `distance` bytes below the callee's.
    LandingPad { exit: ExitId, distance: u32 },
    /// Calls the host about a bytecode instruction; `result`, if wanted, is fixed to X0.
    Host { call: HostCall, x0: u64, result: Option<VReg> },
    /// Leaves through an exit if the test holds. Its values may be anywhere.
    BranchExit { test: Test, exit: ExitId },
    /// Ends a block: goes on at `then` if the test holds, else at `other`.
    Branch { test: Test, then: MBlock, other: MBlock },
    /// Ends a block.
    Jump { to: MBlock },
    /// Ends a block: returns `count` slots from `first` on.
    Ret { first: u16, count: u16 },
    /// Ends a block: returns a value, in the register that self calls expect it in, to a call at the self entry.
    RetValue { value: VReg },
    /// Ends the code of the entry where the unit's body has a frame of its own: calls the body at the self entry, whose
    /// parameters are in place, and returns what it gives to a caller of any kind.
    EnterBody { to: MBlock },
    /// Ends a block: leaves through an exit.
    Exit { exit: ExitId },
    /// Ends a block that cannot be left.
    Trap,
}

/// A call of GScript code.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CallInst {
    /// Where to.
    pub target: CallTarget,
    /// Bytes from this frame's `R[0]` to the callee's.
    pub distance: u32,
    /// Frames that the callee's is above the unit's own: one, and those of inlined calls in between.
    pub frames: u8,
    /// Number of arguments, for X1; the self entry does not look at it.
    pub nargs: u8,
    /// Arguments in registers, each fixed to its own.
    pub args: Vec<VReg>,
    /// Number of results; at the self entry the result itself, if that is returned in X0.
    pub count: VReg,
    /// Address of the first result.
    pub addr: VReg,
    /// A result that is returned in D0.
    pub float: Option<VReg>,
    /// The callee preserves no register but those that are never allocated.
    pub destroys_all: bool,
}

/// What an operand does with its virtual register.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// Reads it, in a machine register.
    Use,
    /// Reads it, wherever it is.
    UseAnywhere,
    /// Writes it, in a machine register, after all reads.
    Def,
    /// Writes it, wherever it is, after all reads.
    DefAnywhere,
}

impl Role {
    /// Does it write?
    pub fn is_def(self) -> bool {
        matches!(self, Role::Def | Role::DefAnywhere)
    }
}

/// An operand as register allocation sees it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Operand {
    /// The register.
    pub vreg: VReg,
    /// What happens to it.
    pub role: Role,
}

/// Operands of an instruction, in a fixed order.
pub type Operands = SmallVec<[Operand; 4]>;

/// A value that an exit stub writes back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ExitValue {
    /// A constant word.
    Imm(u64),
    /// The guest address of an object at this offset in the arena.
    Object(u64),
    /// The same as a NaN-boxed word of this tag.
    Tagged(Tag, u64),
    /// In a register, or spilled.
    Reg(VReg),
}

/// A slot that an exit stub writes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ExitWrite {
    /// The slot.
    pub slot: u16,
    /// Its tag word; none where the payload is the whole value.
    pub tag: Option<ExitValue>,
    /// Its payload.
    pub payload: ExitValue,
}

/// What is left to do when compiled code leaves.
#[derive(Clone, PartialEq, Debug)]
pub struct Exit {
    /// Slots to write.
    pub writes: Vec<ExitWrite>,
    /// Number and address of a call's results, for an exit behind a call.
    pub results: Option<(VReg, VReg)>,
    /// Description for the engine and for people.
    pub info: crate::code::ExitInfo,
    /// The node that leaves, if it is not a block's end.
    pub node: Option<NodeId>,
}

impl Exit {
    /// The virtual registers it reads.
    pub fn uses(&self) -> impl Iterator<Item = VReg> + '_ {
        let values = self.writes.iter().flat_map(|w| w.tag.into_iter().chain([w.payload]));
        let regs = values.filter_map(|v| match v {
            ExitValue::Reg(r) => Some(r),
            ExitValue::Imm(_) | ExitValue::Object(_) | ExitValue::Tagged(..) => None,
        });
        regs.chain(self.results.into_iter().flat_map(|(count, addr)| [count, addr]))
    }
}

/// An instruction with what it comes from.
#[derive(Clone, PartialEq, Debug)]
pub struct InstData {
    /// The instruction.
    pub inst: Inst,
    /// The node that it computes.
    pub node: Option<NodeId>,
    /// The bytecode position.
    pub origin: Option<Origin>,
}

/// A block's instructions and place in the graph.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Block {
    /// Instructions; the last one, and only it, ends the block.
    pub insts: Vec<InstData>,
    /// The block of the graph that starts here.
    pub ir: Option<BlockId>,
    /// Loops around it.
    pub depth: u32,
    /// Out of the way: entered only in unusual cases.
    pub cold: bool,
}

impl Block {
    /// Where control goes from here, each once.
    pub fn succs(&self) -> SmallVec<[MBlock; 2]> {
        match self.insts.last().map(|d| &d.inst) {
            Some(Inst::Branch { then, other, .. }) if then != other => SmallVec::from_slice(&[*then, *other]),
            Some(Inst::Branch { then, .. }) => SmallVec::from_slice(&[*then]),
            Some(Inst::Jump { to } | Inst::EnterBody { to }) => SmallVec::from_slice(&[*to]),
            _ => SmallVec::new(),
        }
    }
}

/// A unit's machine code before allocation.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Function {
    /// Blocks; the first is the entry.
    pub blocks: Vec<Block>,
    /// Virtual registers.
    pub vregs: Vec<VRegInfo>,
    /// Exits.
    pub exits: Vec<Exit>,
    /// Registers that some block parameter is pinned to: allocation uses them for others only as a last resort.
    pub pinned: RegSet,
    /// The second way in, if the unit has one.
    pub self_entry: Option<SelfEntry>,
    /// Blocks that end in a backward jump of the graph and nothing else does: each time that one runs to its end, a loop goes
    /// around.
    pub repeats: rustc_hash::FxHashSet<MBlock>,
}

/// How calls at the self entry get into a function's body and out of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SelfEntry {
    /// Where they come in.
    pub block: MBlock,
    /// Does the entry call the body ([`Inst::EnterBody`]), so that each has a native frame of its own?
    pub wrapped: bool,
    /// Tag of the result that is returned in a register.
    pub result: Option<Tag>,
    /// The closure that exits must write to the frame's header: its offset in the arena.
    pub header: Option<u64>,
}

impl Function {
    /// A new virtual register.
    pub fn vreg(&mut self, class: Class) -> VReg {
        self.vregs.push(VRegInfo { class, fixed: None });
        VReg(self.vregs.len() as u32 - 1)
    }

    /// A new virtual register that must be in `reg`.
    pub fn fixed(&mut self, reg: PReg) -> VReg {
        self.vregs.push(VRegInfo { class: reg.class(), fixed: Some(reg) });
        VReg(self.vregs.len() as u32 - 1)
    }

    /// Class of a virtual register.
    pub fn class(&self, v: VReg) -> Class {
        self.vregs[v.0 as usize].class
    }

    /// Class of an operand.
    pub fn class_of(&self, r: Reg) -> Class {
        match r {
            Reg::V(v) => self.class(v),
            Reg::P(p) => p.class(),
        }
    }

    /// All instructions, by block and position.
    pub fn insts(&self) -> impl Iterator<Item = (MBlock, usize, &InstData)> {
        self.blocks
            .iter()
            .enumerate()
            .flat_map(|(b, block)| block.insts.iter().enumerate().map(move |(i, d)| (MBlock(b as u32), i, d)))
    }
}
