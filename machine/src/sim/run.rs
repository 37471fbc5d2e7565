//! The run loop.

use super::alu::{Flags, shift};
use super::code::{CodeRegion, address_of, far_target, index_of};
use super::cpu::Cpu;
use super::decode::{Place, decode};
use super::float;
use super::op::{Code, Op};
use super::{HOST_ENTRY, rare};
use crate::FaultKind;

/// Why the run loop was left. Indices are those of words in the code region.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Exit {
    /// A branch to the host entry was executed; code goes on at the address in X30.
    Host {
        /// The branch.
        index: usize,
    },
    /// A branch to the return address was executed.
    Return {
        /// The branch.
        index: usize,
    },
    /// The instruction at `index` was not executed, because it cannot be.
    Fault { index: usize, kind: FaultKind },
    /// The instruction at `index` was not executed, because the fuel is used up.
    Fuel { index: usize },
}

/// Runs from word `start` until something happens. `return_address` is where the outermost function returns to.
///
/// Without `STEP`, the micro-operations run as they are (fused), and fuel is looked at on taken branches only: the
/// loop overdraws `fuel` by one straight run at most, so the caller keeps the longest one in reserve. With `STEP`,
/// the words are decoded again one by one and fuel is exact. `fuel` holds what is left on return.
///
/// Instructions are counted where it is cheapest: a taken branch counts itself, an indirect one also its target.
/// From these the executions of every word follow (see [`CodeRegion`]).
pub(super) fn run<const STEP: bool>(
    cpu: &mut Cpu,
    region: &mut CodeRegion,
    start: usize,
    return_address: u64,
    fuel: &mut i64,
) -> Exit {
    let parts = region.parts();
    let (ops, taken, entries) = (parts.ops, parts.taken, parts.entries);
    let len = ops.len();
    assert!(start < len && taken.len() == len);
    entries[start] = entries[start].wrapping_add(1);
    let mut pc = start;
    // The fuel at the start of the straight run that is being executed, plus the index of its first instruction:
    // less the index of an instruction of the run, it is the fuel in front of that one.
    let mut account = *fuel + start as i64;

    let (exit, next) = 'run: loop {
        let stepped: Op;
        let op: &Op = if STEP {
            if account - pc as i64 <= 0 {
                break (Exit::Fuel { index: pc }, pc);
            }
            // A branch that had no target at installation keeps counting as one, should it have one now.
            stepped = match ops[pc].code {
                Code::Far => ops[pc],
                _ => decode(parts.words[pc], Place { index: pc as u64, len: len as u64 }),
            };
            &stepped
        } else {
            // SAFETY: `pc < len` always: targets are checked when a branch is decoded (direct) or executed
            // (indirect), and every code object ends with an undefined word, which is never passed.
            unsafe { ops.get_unchecked(pc) }
        };

        macro_rules! x {
            ($field:ident) => {
                cpu.x[usize::from(op.$field)]
            };
        }
        macro_rules! w {
            ($field:ident) => {
                (cpu.x[usize::from(op.$field)] as u32)
            };
        }
        macro_rules! set_w {
            ($value:expr) => {
                x!(d) = u64::from($value)
            };
        }
        macro_rules! v {
            ($field:ident) => {
                cpu.v[usize::from(op.$field)]
            };
        }
        macro_rules! set_v {
            ($value:expr) => {{
                let value: u64 = $value;
                v!(d) = value;
                cpu.vh[usize::from(op.d)] = 0;
            }};
        }
        macro_rules! fault {
            ($kind:expr) => {
                break 'run (Exit::Fault { index: pc, kind: $kind }, pc)
            };
        }
        // The branch at `from` is taken.
        macro_rules! jump {
            ($from:expr, $target:expr) => {{
                let (from, target): (usize, usize) = ($from, $target);
                // SAFETY: `from` is `pc`, or the second word of a fused pair, which has its own micro-operation.
                unsafe { *taken.get_unchecked_mut(from) += 1 };
                account -= from as i64 + 1;
                if account < 0 {
                    account += target as i64;
                    break 'run (Exit::Fuel { index: target }, target);
                }
                account += target as i64;
                pc = target;
                continue 'run;
            }};
        }
        macro_rules! branch {
            ($condition:expr) => {
                if $condition {
                    jump!(pc, op.imm as u32 as usize)
                }
            };
        }
        macro_rules! indirect {
            ($target:expr, $link:expr) => {{
                let target: u64 = $target;
                if let Some(index) = index_of(target, len) {
                    if $link {
                        cpu.x[30] = address_of(pc + 1);
                    }
                    entries[index] = entries[index].wrapping_add(1);
                    jump!(pc, index)
                }
                let exit = if target == HOST_ENTRY {
                    Exit::Host { index: pc }
                } else if target == return_address {
                    Exit::Return { index: pc }
                } else {
                    fault!(FaultKind::Branch { target })
                };
                if $link {
                    cpu.x[30] = address_of(pc + 1);
                }
                taken[pc] += 1;
                break 'run (exit, pc + 1);
            }};
        }
        // Subtract and branch: both words are executed, and the flags are set.
        macro_rules! fused {
            ($flags:ident, $unsigned:ty, $type:ty, $n:expr, $m:expr, $comparison:tt) => {{
                let (n, m) = ($n, $m);
                cpu.flags = Flags::$flags(n, m);
                x!(d) = u64::from((n as $unsigned).wrapping_sub(m as $unsigned));
                if (n as $type) $comparison (m as $type) {
                    jump!(pc + 1, op.imm as u32 as usize)
                }
                pc += 2;
                continue 'run;
            }};
        }
        macro_rules! fused_xi {
            ($type:ty, $comparison:tt) => {
                fused!(sub_x, u64, $type, x!(n), op.imm >> 32, $comparison)
            };
        }
        macro_rules! fused_xr {
            ($type:ty, $comparison:tt) => {
                fused!(sub_x, u64, $type, x!(n), x!(m), $comparison)
            };
        }
        macro_rules! fused_wi {
            ($type:ty, $comparison:tt) => {
                fused!(sub_w, u32, $type, x!(n), op.imm >> 32, $comparison)
            };
        }
        macro_rules! fused_wr {
            ($type:ty, $comparison:tt) => {
                fused!(sub_w, u32, $type, x!(n), x!(m), $comparison)
            };
        }
        // SP must be aligned where it is the base of an access.
        macro_rules! align {
            () => {
                if x!(n) & u64::from(op.t) != 0 {
                    fault!(FaultKind::StackAlignment { sp: x!(n) })
                }
            };
        }
        macro_rules! at_immediate {
            () => {
                x!(n).wrapping_add(op.imm)
            };
        }
        macro_rules! at_register {
            () => {
                x!(n).wrapping_add(x!(m) << (op.s & 7))
            };
        }
        macro_rules! load {
            ($address:expr, $type:ty, $value:ident => $set:expr) => {{
                align!();
                let address: u64 = $address;
                match cpu.memory.read(address) {
                    Some(bytes) => {
                        let $value = <$type>::from_le_bytes(bytes);
                        $set;
                    }
                    None => fault!(FaultKind::Memory { address, size: size_of::<$type>() as u32 }),
                }
            }};
        }
        macro_rules! store {
            ($address:expr, $type:ty, $value:expr) => {{
                align!();
                let address: u64 = $address;
                if cpu.memory.write(address, ($value as $type).to_le_bytes()).is_none() {
                    fault!(FaultKind::Memory { address, size: size_of::<$type>() as u32 })
                }
            }};
        }
        macro_rules! load_pair {
            ($address:expr) => {{
                align!();
                let address: u64 = $address;
                match cpu.memory.read_pair(address) {
                    Some(pair) => pair,
                    None => fault!(FaultKind::Memory { address, size: 16 }),
                }
            }};
        }
        macro_rules! store_pair {
            ($address:expr, $first:expr, $second:expr) => {{
                align!();
                let address: u64 = $address;
                if cpu.memory.write_pair(address, $first, $second).is_none() {
                    fault!(FaultKind::Memory { address, size: 16 })
                }
            }};
        }

        match op.code {
            Code::Nop => {}
            Code::MovI => x!(d) = op.imm,
            Code::MovX => x!(d) = x!(m),
            Code::MovW => set_w!(w!(m)),
            Code::MovkX => x!(d) = x!(n) & !(0xffff << (op.s & 63)) | op.imm,
            Code::MovkW => set_w!(w!(n) & !(0xffff << (op.s & 31)) | op.imm as u32),

            Code::AddXI => x!(d) = x!(n).wrapping_add(op.imm),
            Code::AddWI => set_w!(w!(n).wrapping_add(op.imm as u32)),
            Code::AddXR => x!(d) = x!(n).wrapping_add(x!(m)),
            Code::AddWR => set_w!(w!(n).wrapping_add(w!(m))),
            Code::SubXR => x!(d) = x!(n).wrapping_sub(x!(m)),
            Code::SubWR => set_w!(w!(n).wrapping_sub(w!(m))),
            Code::AddXS => x!(d) = x!(n).wrapping_add(x!(m) << (op.s & 63)),
            Code::SubXS => x!(d) = x!(n).wrapping_sub(x!(m) << (op.s & 63)),
            Code::AddsXI => {
                cpu.flags = Flags::add_x(x!(n), op.imm);
                x!(d) = x!(n).wrapping_add(op.imm);
            }
            Code::AddsWI => {
                cpu.flags = Flags::add_w(x!(n), op.imm);
                set_w!(w!(n).wrapping_add(op.imm as u32));
            }
            Code::AddsXR => {
                cpu.flags = Flags::add_x(x!(n), x!(m));
                x!(d) = x!(n).wrapping_add(x!(m));
            }
            Code::AddsWR => {
                cpu.flags = Flags::add_w(x!(n), x!(m));
                set_w!(w!(n).wrapping_add(w!(m)));
            }
            Code::SubsXI => {
                cpu.flags = Flags::sub_x(x!(n), op.imm);
                x!(d) = x!(n).wrapping_sub(op.imm);
            }
            Code::SubsWI => {
                cpu.flags = Flags::sub_w(x!(n), op.imm);
                set_w!(w!(n).wrapping_sub(op.imm as u32));
            }
            Code::SubsXR => {
                cpu.flags = Flags::sub_x(x!(n), x!(m));
                x!(d) = x!(n).wrapping_sub(x!(m));
            }
            Code::SubsWR => {
                cpu.flags = Flags::sub_w(x!(n), x!(m));
                set_w!(w!(n).wrapping_sub(w!(m)));
            }

            Code::AndI => x!(d) = x!(n) & op.imm,
            Code::AndXR => x!(d) = x!(n) & x!(m),
            Code::AndWR => set_w!(w!(n) & w!(m)),
            Code::AndsXI => {
                x!(d) = x!(n) & op.imm;
                cpu.flags = Flags::bits_x(x!(d));
            }
            Code::AndsWI => {
                x!(d) = x!(n) & op.imm;
                cpu.flags = Flags::bits_w(x!(d));
            }
            Code::AndsXR => {
                x!(d) = x!(n) & x!(m);
                cpu.flags = Flags::bits_x(x!(d));
            }
            Code::AndsWR => {
                set_w!(w!(n) & w!(m));
                cpu.flags = Flags::bits_w(x!(d));
            }
            Code::OrrXI => x!(d) = x!(n) | op.imm,
            Code::OrrWI => set_w!(w!(n) | op.imm as u32),
            Code::OrrXR => x!(d) = x!(n) | x!(m),
            Code::OrrWR => set_w!(w!(n) | w!(m)),
            Code::EorXI => x!(d) = x!(n) ^ op.imm,
            Code::EorWI => set_w!(w!(n) ^ op.imm as u32),
            Code::EorXR => x!(d) = x!(n) ^ x!(m),
            Code::EorWR => set_w!(w!(n) ^ w!(m)),

            Code::Ubfm => x!(d) = (x!(n) << (op.s & 63)) >> (op.t & 63),
            Code::SbfmX => x!(d) = (((x!(n) << (op.s & 63)) as i64) >> (op.t & 63)) as u64,
            Code::SbfmW => set_w!((((x!(n) << (op.s & 63)) as i64) >> (op.t & 63)) as u32),
            Code::BfmX => x!(d) = x!(m) & !op.imm | x!(n).rotate_right(u32::from(op.s)) & op.imm,
            Code::BfmW => {
                set_w!((x!(m) & !op.imm | x!(n).rotate_right(u32::from(op.s)) & op.imm) as u32)
            }
            Code::LslX => x!(d) = x!(n) << (x!(m) & 63),
            Code::LslW => set_w!(w!(n) << (x!(m) & 31)),
            Code::LsrX => x!(d) = x!(n) >> (x!(m) & 63),
            Code::LsrW => set_w!(w!(n) >> (x!(m) & 31)),
            Code::AsrX => x!(d) = shift(x!(n), 2, x!(m) as u8 & 63, false),
            Code::AsrW => x!(d) = shift(x!(n), 2, x!(m) as u8 & 31, true),

            Code::MaddX => x!(d) = x!(a).wrapping_add(x!(n).wrapping_mul(x!(m))),
            Code::MaddW => set_w!(w!(a).wrapping_add(w!(n).wrapping_mul(w!(m)))),
            Code::MsubX => x!(d) = x!(a).wrapping_sub(x!(n).wrapping_mul(x!(m))),
            Code::MsubW => set_w!(w!(a).wrapping_sub(w!(n).wrapping_mul(w!(m)))),
            Code::Smaddl => x!(d) = x!(a).wrapping_add((w!(n) as i32 as u64).wrapping_mul(w!(m) as i32 as u64)),
            Code::Smsubl => x!(d) = x!(a).wrapping_sub((w!(n) as i32 as u64).wrapping_mul(w!(m) as i32 as u64)),
            Code::Umaddl => x!(d) = x!(a).wrapping_add(u64::from(w!(n)).wrapping_mul(u64::from(w!(m)))),
            Code::Umsubl => x!(d) = x!(a).wrapping_sub(u64::from(w!(n)).wrapping_mul(u64::from(w!(m)))),
            Code::Smulh => x!(d) = ((i128::from(x!(n) as i64) * i128::from(x!(m) as i64)) >> 64) as u64,
            Code::Umulh => x!(d) = ((u128::from(x!(n)) * u128::from(x!(m))) >> 64) as u64,
            Code::SdivX => {
                let (n, m) = (x!(n) as i64, x!(m) as i64);
                x!(d) = if m == 0 { 0 } else { n.wrapping_div(m) as u64 };
            }
            Code::SdivW => {
                let (n, m) = (w!(n) as i32, w!(m) as i32);
                set_w!(if m == 0 { 0 } else { n.wrapping_div(m) as u32 });
            }
            Code::UdivX => x!(d) = x!(n).checked_div(x!(m)).unwrap_or(0),
            Code::UdivW => set_w!(w!(n).checked_div(w!(m)).unwrap_or(0)),

            Code::CselX => x!(d) = if cpu.flags.hold(op.imm) { x!(n) } else { x!(m) },
            Code::CselW => set_w!(if cpu.flags.hold(op.imm) { w!(n) } else { w!(m) }),
            Code::CsincX => x!(d) = if cpu.flags.hold(op.imm) { x!(n) } else { x!(m).wrapping_add(1) },
            Code::CsincW => set_w!(if cpu.flags.hold(op.imm) { w!(n) } else { w!(m).wrapping_add(1) }),
            Code::CsinvX => x!(d) = if cpu.flags.hold(op.imm) { x!(n) } else { !x!(m) },
            Code::CsinvW => set_w!(if cpu.flags.hold(op.imm) { w!(n) } else { !w!(m) }),
            Code::CsnegX => x!(d) = if cpu.flags.hold(op.imm) { x!(n) } else { x!(m).wrapping_neg() },
            Code::CsnegW => set_w!(if cpu.flags.hold(op.imm) { w!(n) } else { w!(m).wrapping_neg() }),

            Code::B => branch!(true),
            Code::Bl => {
                cpu.x[30] = address_of(pc + 1);
                branch!(true);
            }
            Code::BCond => branch!(cpu.flags.hold(op.imm >> 32)),
            Code::CbzX => branch!(x!(n) == 0),
            Code::CbzW => branch!(w!(n) == 0),
            Code::CbnzX => branch!(x!(n) != 0),
            Code::CbnzW => branch!(w!(n) != 0),
            Code::Tbz => branch!(x!(n) >> (op.s & 63) & 1 == 0),
            Code::Tbnz => branch!(x!(n) >> (op.s & 63) & 1 != 0),
            Code::Br => indirect!(x!(n), false),
            Code::Blr => indirect!(x!(n), true),
            Code::Far => {
                let word = op.imm as u32;
                if rare::far_branch_taken(cpu, word) {
                    indirect!(far_target(word, pc), word >> 26 == 0b100101)
                }
            }

            Code::EqXI => fused_xi!(u64, ==),
            Code::NeXI => fused_xi!(u64, !=),
            Code::LtXI => fused_xi!(i64, <),
            Code::GeXI => fused_xi!(i64, >=),
            Code::GtXI => fused_xi!(i64, >),
            Code::LeXI => fused_xi!(i64, <=),
            Code::LoXI => fused_xi!(u64, <),
            Code::HsXI => fused_xi!(u64, >=),
            Code::HiXI => fused_xi!(u64, >),
            Code::LsXI => fused_xi!(u64, <=),
            Code::EqXR => fused_xr!(u64, ==),
            Code::NeXR => fused_xr!(u64, !=),
            Code::LtXR => fused_xr!(i64, <),
            Code::GeXR => fused_xr!(i64, >=),
            Code::GtXR => fused_xr!(i64, >),
            Code::LeXR => fused_xr!(i64, <=),
            Code::LoXR => fused_xr!(u64, <),
            Code::HsXR => fused_xr!(u64, >=),
            Code::HiXR => fused_xr!(u64, >),
            Code::LsXR => fused_xr!(u64, <=),
            Code::EqWI => fused_wi!(u32, ==),
            Code::NeWI => fused_wi!(u32, !=),
            Code::LtWI => fused_wi!(i32, <),
            Code::GeWI => fused_wi!(i32, >=),
            Code::GtWI => fused_wi!(i32, >),
            Code::LeWI => fused_wi!(i32, <=),
            Code::LoWI => fused_wi!(u32, <),
            Code::HsWI => fused_wi!(u32, >=),
            Code::HiWI => fused_wi!(u32, >),
            Code::LsWI => fused_wi!(u32, <=),
            Code::EqWR => fused_wr!(u32, ==),
            Code::NeWR => fused_wr!(u32, !=),
            Code::LtWR => fused_wr!(i32, <),
            Code::GeWR => fused_wr!(i32, >=),
            Code::GtWR => fused_wr!(i32, >),
            Code::LeWR => fused_wr!(i32, <=),
            Code::LoWR => fused_wr!(u32, <),
            Code::HsWR => fused_wr!(u32, >=),
            Code::HiWR => fused_wr!(u32, >),
            Code::LsWR => fused_wr!(u32, <=),

            Code::LdrbI => load!(at_immediate!(), u8, value => x!(d) = u64::from(value)),
            Code::LdrhI => load!(at_immediate!(), u16, value => x!(d) = u64::from(value)),
            Code::LdrwI => load!(at_immediate!(), u32, value => x!(d) = u64::from(value)),
            Code::LdrxI => load!(at_immediate!(), u64, value => x!(d) = value),
            Code::LdrswI => load!(at_immediate!(), i32, value => x!(d) = value as u64),
            Code::StrbI => store!(at_immediate!(), u8, x!(d)),
            Code::StrhI => store!(at_immediate!(), u16, x!(d)),
            Code::StrwI => store!(at_immediate!(), u32, x!(d)),
            Code::StrxI => store!(at_immediate!(), u64, x!(d)),
            Code::LdrsI => load!(at_immediate!(), u32, value => set_v!(u64::from(value))),
            Code::LdrdI => load!(at_immediate!(), u64, value => set_v!(value)),
            Code::StrsI => store!(at_immediate!(), u32, v!(d)),
            Code::StrdI => store!(at_immediate!(), u64, v!(d)),
            Code::LdrbR => load!(at_register!(), u8, value => x!(d) = u64::from(value)),
            Code::LdrwR => load!(at_register!(), u32, value => x!(d) = u64::from(value)),
            Code::LdrxR => load!(at_register!(), u64, value => x!(d) = value),
            Code::StrbR => store!(at_register!(), u8, x!(d)),
            Code::StrwR => store!(at_register!(), u32, x!(d)),
            Code::StrxR => store!(at_register!(), u64, x!(d)),
            Code::LdrdR => load!(at_register!(), u64, value => set_v!(value)),
            Code::StrdR => store!(at_register!(), u64, v!(d)),
            Code::LdpxI => (x!(d), x!(m)) = load_pair!(at_immediate!()),
            Code::StpxI => store_pair!(at_immediate!(), x!(d), x!(m)),
            Code::LdpxPost => {
                let base = at_immediate!();
                (x!(d), x!(m)) = load_pair!(x!(n));
                x!(n) = base;
            }
            Code::StpxPre => {
                store_pair!(at_immediate!(), x!(d), x!(m));
                x!(n) = at_immediate!();
            }
            Code::LdpdI => {
                (v!(d), v!(m)) = load_pair!(at_immediate!());
                (cpu.vh[usize::from(op.d)], cpu.vh[usize::from(op.m)]) = (0, 0);
            }
            Code::StpdI => store_pair!(at_immediate!(), v!(d), v!(m)),

            Code::FmovD => set_v!(v!(n)),
            Code::FmovI => set_v!(op.imm),
            Code::FmovXD => x!(d) = v!(n),
            Code::FmovDX => set_v!(x!(n)),
            Code::FaddD => set_v!(float::add::<f64>(v!(n), v!(m))),
            Code::FsubD => set_v!(float::sub::<f64>(v!(n), v!(m))),
            Code::FmulD => set_v!(float::mul::<f64>(v!(n), v!(m))),
            Code::FdivD => set_v!(float::div::<f64>(v!(n), v!(m))),
            Code::FsqrtD => set_v!(float::square_root::<f64>(v!(n))),
            Code::FnegD => set_v!(v!(n) ^ 1 << 63),
            Code::FabsD => set_v!(v!(n) & !(1 << 63)),
            Code::FmaddD => set_v!(float::multiply_add::<f64>(v!(a), v!(n), v!(m))),
            Code::FcmpD => cpu.flags = Flags::known(float::compare::<f64>(v!(n), v!(m))),
            Code::FcselD => set_v!(if cpu.flags.hold(op.imm) { v!(n) } else { v!(m) }),
            Code::ScvtfDX => set_v!((x!(n) as i64 as f64).to_bits()),
            Code::ScvtfDW => set_v!(f64::from(w!(n) as i32).to_bits()),
            Code::FcvtzsXD => x!(d) = f64::from_bits(v!(n)) as i64 as u64,

            _ => {
                if let Err(kind) = rare::execute(cpu, op) {
                    fault!(kind)
                }
            }
        }
        pc += 1;
    };

    if let Exit::Fault { index, .. } | Exit::Fuel { index } = exit {
        entries[index] = entries[index].wrapping_sub(1);
    }
    *fuel = account - next as i64;
    exit
}
