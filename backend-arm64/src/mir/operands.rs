//! Which registers an instruction reads and writes.

use super::{CallInst, CallTarget, Function, Inst, Operand, Operands, Reg, Role, Test, VReg};
use crate::reg::RegSet;

impl Function {
    /// The operands of an instruction of this function that are virtual registers: reads before writes, in the order in
    /// which an allocation lists their places.
    pub fn operands(&self, inst: &Inst) -> Operands {
        let mut out = Operands::new();
        let mut push = |r: Reg, role: Role| {
            if let Reg::V(vreg) = r {
                out.push(Operand { vreg, role });
            }
        };
        use Role::{Def, DefAnywhere, Use, UseAnywhere};
        match *inst {
            // A move copies from anywhere to anywhere, unless one side is outside of allocation.
            Inst::Mov { d: Reg::V(d), s: Reg::V(s) } => {
                push(s.into(), UseAnywhere);
                push(d.into(), DefAnywhere);
            }
            Inst::Mov { d, s } | Inst::FmovFromX { d, s } | Inst::FmovToX { d, s } => {
                push(s, Use);
                push(d, Def);
            }
            Inst::MovImm { d, .. } | Inst::FmovImm { d, .. } | Inst::Cset { d, .. } => push(d, Def),
            Inst::AddImm { d, n, .. }
            | Inst::Lsl { d, n, .. }
            | Inst::Asr { d, n, .. }
            | Inst::Logic { d, n, .. }
            | Inst::SetTop { d, n, .. }
            | Inst::BoxInt { d, s: n }
            | Inst::UnboxInt { d, s: n }
            | Inst::NotBool { d, n }
            | Inst::FpuUnary { d, n, .. }
            | Inst::Fcvtms { d, n }
            | Inst::Scvtf { d, n } => {
                push(n, Use);
                push(d, Def);
            }
            Inst::Alu { d, n, m, .. } | Inst::Fpu { d, n, m, .. } | Inst::Csel { d, n, m, .. } => {
                push(n, Use);
                push(m, Use);
                push(d, Def);
            }
            Inst::AluLsl { d, n, m, .. } => {
                push(n, Use);
                push(m, Use);
                push(d, Def);
            }
            Inst::MulAdd { d, n, m, a, .. } => {
                push(n, Use);
                push(m, Use);
                push(a, Use);
                push(d, Def);
            }
            Inst::Cmp { n, m } | Inst::Fcmp { n, m } => {
                push(n, Use);
                push(m, Use);
            }
            Inst::CmpImm { n, .. } | Inst::FcmpZero { n } | Inst::CcmpImm { n, .. } => push(n, Use),
            Inst::Ldr { d, base, .. } | Inst::LdrW { d, base, .. } => {
                push(base, Use);
                push(d, Def);
            }
            Inst::LdrIndex { d, base, index } => {
                push(base, Use);
                push(index, Use);
                push(d, Def);
            }
            Inst::StrIndex { s, base, index } => {
                push(s, Use);
                push(base, Use);
                push(index, Use);
            }
            Inst::Ldp { d, d2, base, .. } => {
                push(base, Use);
                push(d, Def);
                push(d2, Def);
            }
            Inst::Str { s, base, .. } => {
                push(s, Use);
                push(base, Use);
            }
            Inst::Stp { s, s2, base, .. } => {
                push(s, Use);
                push(s2, Use);
                push(base, Use);
            }
            Inst::ParallelMove { ref moves } => {
                for &(_, s) in moves {
                    push(s.into(), UseAnywhere);
                }
                for &(d, _) in moves {
                    push(d.into(), DefAnywhere);
                }
            }
            Inst::Call(CallInst { target, ref args, count, addr, float, .. }) => {
                if let CallTarget::Address(r) = target {
                    push(r, Use);
                }
                for &a in args {
                    push(a.into(), Use);
                }
                push(count.into(), Def);
                push(addr.into(), Def);
                if let Some(d) = float {
                    push(d.into(), Def);
                }
            }
            Inst::RetValue { value } => push(value.into(), Use),
            Inst::Host { result, .. } => {
                if let Some(r) = result {
                    push(r.into(), Def);
                }
            }
            Inst::BranchExit { test, exit } => {
                push_test(test, &mut push);
                for v in self.exits[exit.0 as usize].uses() {
                    push(v.into(), UseAnywhere);
                }
            }
            Inst::Exit { exit } | Inst::LandingPad { exit, .. } => {
                for v in self.exits[exit.0 as usize].uses() {
                    push(v.into(), UseAnywhere);
                }
            }
            Inst::Branch { test, .. } => push_test(test, &mut push),
            Inst::Jump { .. } | Inst::EnterBody { .. } | Inst::Ret { .. } | Inst::Trap => {}
        }
        out
    }
}

fn push_test(test: Test, push: &mut impl FnMut(Reg, Role)) {
    match test {
        Test::Zero(r) | Test::NonZero(r) => push(r, Role::Use),
        Test::Always | Test::Never | Test::Flags(_) => {}
    }
}

impl Inst {
    /// Registers that it destroys besides writing its results.
    pub fn clobbers(&self) -> RegSet {
        match self {
            Inst::Call(call) if call.destroys_all => RegSet::ALLOCATABLE,
            Inst::Call(_) | Inst::Host { .. } => RegSet::CALLER_SAVED,
            _ => RegSet::EMPTY,
        }
    }

    /// Does it end a block?
    pub fn is_terminator(&self) -> bool {
        let goes_on = matches!(self, Inst::Branch { .. } | Inst::Jump { .. } | Inst::EnterBody { .. });
        goes_on || matches!(self, Inst::Ret { .. } | Inst::RetValue { .. } | Inst::Exit { .. } | Inst::Trap)
    }

    /// Moves between virtual registers that it makes: destination, source.
    pub fn moves(&self) -> impl Iterator<Item = (VReg, VReg)> + '_ {
        let single = match self {
            Inst::Mov { d: Reg::V(d), s: Reg::V(s) } => Some((*d, *s)),
            _ => None,
        };
        let parallel: &[_] = match self {
            Inst::ParallelMove { moves } => moves,
            _ => &[],
        };
        single.into_iter().chain(parallel.iter().copied())
    }
}
