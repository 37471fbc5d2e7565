//! Micro-operations: what a code word is decoded to, once, when it is installed.

/// Slot of the register file that always holds zero: reads of XZR.
pub(super) const ZERO: u8 = 31;
/// Slot of SP.
pub(super) const SP: u8 = 32;
/// Slot that swallows writes to XZR.
pub(super) const SINK: u8 = 33;

/// One decoded instruction, or a fused compare and branch.
///
/// Register fields are slots of the register file (see [`ZERO`], [`SP`], [`SINK`]), so that execution never asks
/// what register 31 means. What the other fields mean depends on the code.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(super) struct Op {
    /// What to do.
    pub code: Code,
    /// Destination (or the register that is stored; first of a pair).
    pub d: u8,
    /// First source, or base register.
    pub n: u8,
    /// Second source, or index register (second register of a pair).
    pub m: u8,
    /// Third source, or a sub-operation.
    pub a: u8,
    /// Shift amount, bit number, or flags.
    pub s: u8,
    /// Second shift amount; for memory accesses 15 where the base is SP (the alignment mask), otherwise 0.
    pub t: u8,
    /// Width of rarely used operations: 1 for 32 bits (W, S), 0 for 64 (X, D).
    pub w: u8,
    /// Immediate, branch target (index of a word), condition mask.
    pub imm: u64,
}

impl Op {
    /// An operation with all fields zero.
    pub(super) const fn new(code: Code) -> Op {
        Op { code, d: 0, n: 0, m: 0, a: 0, s: 0, t: 0, w: 0, imm: 0 }
    }
    /// The word is no instruction that we know.
    pub(super) const fn undefined(word: u32) -> Op {
        let mut op = Op::new(Code::Undefined);
        op.imm = word as u64;
        op
    }
    pub(super) const fn d(mut self, d: u8) -> Op {
        self.d = d;
        self
    }
    pub(super) const fn n(mut self, n: u8) -> Op {
        self.n = n;
        self
    }
    pub(super) const fn m(mut self, m: u8) -> Op {
        self.m = m;
        self
    }
    pub(super) const fn a(mut self, a: u8) -> Op {
        self.a = a;
        self
    }
    pub(super) const fn s(mut self, s: u8) -> Op {
        self.s = s;
        self
    }
    pub(super) const fn t(mut self, t: u8) -> Op {
        self.t = t;
        self
    }
    pub(super) const fn w(mut self, w: bool) -> Op {
        self.w = w as u8;
        self
    }
    pub(super) const fn imm(mut self, imm: u64) -> Op {
        self.imm = imm;
        self
    }
}

/// What a micro-operation does. In names, `X`/`W` and `D`/`S` give the width; a final `I` an immediate operand, `R` a
/// plain register; `Any` marks operations that cover the rare forms of a group and look at the fields again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(super) enum Code {
    // Moves. MovI: d = imm. Movk: 16 bits of `imm` at bit `s`.
    Nop,
    MovI,
    MovX,
    MovW,
    MovkX,
    MovkW,
    // Addition and subtraction. AddXI also subtracts; S: the second register shifted left by `s`.
    AddXI,
    AddWI,
    AddXR,
    AddWR,
    SubXR,
    SubWR,
    AddXS,
    SubXS,
    AddsXI,
    AddsWI,
    AddsXR,
    AddsWR,
    SubsXI,
    SubsWI,
    SubsXR,
    SubsWR,
    // Bitwise. AndI serves both widths.
    AndI,
    AndXR,
    AndWR,
    AndsXI,
    AndsWI,
    AndsXR,
    AndsWR,
    OrrXI,
    OrrWI,
    OrrXR,
    OrrWR,
    EorXI,
    EorWI,
    EorXR,
    EorWR,
    // Second operand shifted (`s` is the amount, `t` the kind) or extended (`t` is the extension, `s` the shift);
    // `a` says which operation (see `alu::Binary`).
    ShiftedAny,
    ExtendedAny,
    // Carry: `a` is 1 for SBC, `s` is 1 when flags are set.
    AdcAny,
    // Bit fields: shift left by `s`, then right by `t`. Bfm: rotate right by `s`, insert under mask `imm`.
    Ubfm,
    SbfmX,
    SbfmW,
    BfmX,
    BfmW,
    LslX,
    LslW,
    LsrX,
    LsrW,
    AsrX,
    AsrW,
    Ror,
    Extr,
    // One source.
    Clz,
    Cls,
    Rbit,
    Rev16,
    Rev32,
    Rev64,
    // Multiplication and division.
    MaddX,
    MaddW,
    MsubX,
    MsubW,
    Smaddl,
    Umaddl,
    Smsubl,
    Umsubl,
    Smulh,
    Umulh,
    SdivX,
    SdivW,
    UdivX,
    UdivW,
    // Conditional. `imm` is the condition mask. Ccmp: `a` is 1 for CCMN, `s` is 1 when m is an immediate, `t` = nzcv.
    CselX,
    CselW,
    CsincX,
    CsincW,
    CsinvX,
    CsinvW,
    CsnegX,
    CsnegW,
    CcmpAny,
    // Branches. `imm` is the target; B.cond: the condition mask is in the upper half. Far: a direct branch to where no
    // code was at installation; `imm` is the word.
    B,
    Bl,
    BCond,
    CbzX,
    CbzW,
    CbnzX,
    CbnzW,
    Tbz,
    Tbnz,
    Br,
    Blr,
    Far,
    // Fused compare and branch: the target is in the lower half of `imm`, an immediate operand in the upper half. Each
    // stands for two words; the second word keeps its own micro-operation for those who jump to it.
    EqXI,
    NeXI,
    LtXI,
    GeXI,
    GtXI,
    LeXI,
    LoXI,
    HsXI,
    HiXI,
    LsXI,
    EqXR,
    NeXR,
    LtXR,
    GeXR,
    GtXR,
    LeXR,
    LoXR,
    HsXR,
    HiXR,
    LsXR,
    EqWI,
    NeWI,
    LtWI,
    GeWI,
    GtWI,
    LeWI,
    LoWI,
    HsWI,
    HiWI,
    LsWI,
    EqWR,
    NeWR,
    LtWR,
    GeWR,
    GtWR,
    LeWR,
    LoWR,
    HsWR,
    HiWR,
    LsWR,
    // Loads and stores. I: base plus `imm`. R: base plus m shifted left by `s`. Any: `a` is the access (see
    // `access::Access`), `s` the addressing mode.
    LdrbI,
    LdrhI,
    LdrwI,
    LdrxI,
    LdrswI,
    StrbI,
    StrhI,
    StrwI,
    StrxI,
    LdrsI,
    LdrdI,
    StrsI,
    StrdI,
    LdrbR,
    LdrwR,
    LdrxR,
    StrbR,
    StrwR,
    StrxR,
    LdrdR,
    StrdR,
    LdpxI,
    StpxI,
    LdpxPost,
    StpxPre,
    LdpdI,
    StpdI,
    LoadStoreAny,
    PairAny,
    // Floating point, double.
    FmovD,
    FmovI,
    FmovXD,
    FmovDX,
    FaddD,
    FsubD,
    FmulD,
    FdivD,
    FsqrtD,
    FnegD,
    FabsD,
    FmaddD,
    FcmpD,
    FcselD,
    ScvtfDX,
    ScvtfDW,
    FcvtzsXD,
    // Floating point, the rest: `a` is the operation, `w` says single.
    FpUnaryAny,
    FpBinaryAny,
    FpTernaryAny,
    FcmpAny,
    FccmpAny,
    FcselAny,
    FmovAny,
    FpToIntAny,
    IntToFpAny,
    // Not an instruction: `imm` is the word.
    Undefined,
}
