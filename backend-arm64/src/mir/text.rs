//! Text of machine instructions, for debugging and for messages of the checker.

use std::fmt;

use super::{CallInst, Function, Inst, Test};

impl fmt::Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Test::Always => f.write_str("always"),
            Test::Never => f.write_str("never"),
            Test::Flags(cc) => write!(f, "{cc}"),
            Test::Zero(r) => write!(f, "{r} == 0"),
            Test::NonZero(r) => write!(f, "{r} != 0"),
        }
    }
}

impl fmt::Display for Inst {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Inst::Mov { d, s } => write!(f, "{d} = {s}"),
            Inst::FmovFromX { d, s } | Inst::FmovToX { d, s } => write!(f, "{d} = bits {s}"),
            Inst::MovImm { d, value } => write!(f, "{d} = {:#x}", value),
            Inst::FmovImm { d, bits } => write!(f, "{d} = {:?}", f64::from_bits(*bits)),
            Inst::AddImm { d, n, offset } => write!(f, "{d} = {n} + {offset}"),
            Inst::Alu { op, d, n, m } => write!(f, "{d} = {op:?} {n}, {m}"),
            Inst::AluLsl { op, d, n, m, shift } => write!(f, "{d} = {op:?} {n}, {m} << {shift}"),
            Inst::MulAdd { op, d, n, m, a } => write!(f, "{d} = {op:?} {a}, {n} * {m}"),
            Inst::Lsl { d, n, shift } => write!(f, "{d} = {n} << {shift}"),
            Inst::Asr { d, n, shift } => write!(f, "{d} = {n} >> {shift}"),
            Inst::Logic { op, d, n, mask } => write!(f, "{d} = {op:?} {n}, {mask:#x}"),
            Inst::SetTop { d, n, top } => write!(f, "{d} = {n}, top {top:#x}"),
            Inst::BoxInt { d, s } => write!(f, "{d} = box {s}"),
            Inst::UnboxInt { d, s } => write!(f, "{d} = unbox {s}"),
            Inst::NotBool { d, n } => write!(f, "{d} = !{n}"),
            Inst::Fpu { op, d, n, m } => write!(f, "{d} = F{op:?} {n}, {m}"),
            Inst::FpuUnary { op, d, n } => write!(f, "{d} = F{op:?} {n}"),
            Inst::Fcvtms { d, n } => write!(f, "{d} = floor {n}"),
            Inst::LdrW { d, base, offset } => write!(f, "{d} = [{base} + {offset}] (32 bits)"),
            Inst::Scvtf { d, n } => write!(f, "{d} = double {n}"),
            Inst::Cmp { n, m } | Inst::Fcmp { n, m } => write!(f, "flags = {n} - {m}"),
            Inst::CmpImm { n, value } => write!(f, "flags = {n} - {value}"),
            Inst::FcmpZero { n } => write!(f, "flags = {n} - 0.0"),
            Inst::CcmpImm { n, value, nzcv, cc } => {
                write!(f, "flags = {cc} ? {n} - {value} : {nzcv:#x}")
            }
            Inst::Cset { d, cc } => write!(f, "{d} = {cc}"),
            Inst::Csel { d, n, m, cc } => write!(f, "{d} = {cc} ? {n} : {m}"),
            Inst::Ldr { d, base, offset } => write!(f, "{d} = [{base} + {offset}]"),
            Inst::Ldp { d, d2, base, offset } => write!(f, "{d}, {d2} = [{base} + {offset}]"),
            Inst::LdrIndex { d, base, index } => write!(f, "{d} = [{base} + 8 * {index}]"),
            Inst::StrIndex { s, base, index } => write!(f, "[{base} + 8 * {index}] = {s}"),
            Inst::Str { s, base, offset } => write!(f, "[{base} + {offset}] = {s}"),
            Inst::Stp { s, s2, base, offset } => write!(f, "[{base} + {offset}] = {s}, {s2}"),
            Inst::ParallelMove { moves } => {
                for (i, (d, s)) in moves.iter().enumerate() {
                    write!(f, "{}%{} = %{}", if i == 0 { "" } else { " | " }, d.0, s.0)?;
                }
                Ok(())
            }
            Inst::Call(CallInst { target, distance, frames, nargs, args, count, addr, float, destroys_all }) => {
                write!(f, "%{}, %{}", count.0, addr.0)?;
                if let Some(d) = float {
                    write!(f, ", %{}", d.0)?;
                }
                write!(f, " = call {target:?} +{distance} nargs {nargs}")?;
                for a in args {
                    write!(f, " %{}", a.0)?;
                }
                if *frames > 1 {
                    write!(f, " frames {frames}")?;
                }
                f.write_str(if *destroys_all { " destroys all" } else { "" })
            }
            Inst::LandingPad { exit, .. } => write!(f, "landing pad {}", exit.0),
            Inst::RetValue { value } => write!(f, "return %{}", value.0),
            Inst::EnterBody { to } => write!(f, "enter m{}", to.0),
            Inst::Host { call, x0, result } => {
                if let Some(r) = result {
                    write!(f, "%{} = ", r.0)?;
                }
                write!(f, "host {call:?} {x0:#x}")
            }
            Inst::BranchExit { test, exit } => write!(f, "if {test} exit {}", exit.0),
            Inst::Branch { test, then, other } => {
                write!(f, "if {test} goto m{} else m{}", then.0, other.0)
            }
            Inst::Jump { to } => write!(f, "goto m{}", to.0),
            Inst::Ret { first, count } => write!(f, "return R{first}..+{count}"),
            Inst::Exit { exit } => write!(f, "exit {}", exit.0),
            Inst::Trap => f.write_str("trap"),
        }
    }
}

impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (b, block) in self.blocks.iter().enumerate() {
            write!(f, "m{b}:")?;
            if let Some(ir) = block.ir {
                write!(f, " ; {ir}")?;
            }
            if block.depth > 0 {
                write!(f, " ; depth {}", block.depth)?;
            }
            writeln!(f, "{}", if block.cold { " ; cold" } else { "" })?;
            for data in &block.insts {
                writeln!(f, "    {}", data.inst)?;
            }
        }
        for (v, info) in self.vregs.iter().enumerate() {
            if let Some(fixed) = info.fixed {
                writeln!(f, "%{v} is {fixed}")?;
            }
        }
        Ok(())
    }
}
