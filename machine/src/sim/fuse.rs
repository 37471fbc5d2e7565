//! Fuses a comparison (or another flag-setting subtraction) with the conditional branch behind it, the commonest pair
//! in compiled code.

use super::op::{Code, Op};

/// The fused operation for two neighbouring ones, if there is one.
///
/// The comparison's registers stay in place, the branch's target goes to the lower half of `imm`, an immediate operand
/// to the upper half. Flags are still set: code behind the branch may read them.
pub(super) fn fuse(compare: &Op, branch: &Op) -> Option<Op> {
    if branch.code != Code::BCond {
        return None;
    }
    let codes = match compare.code {
        Code::SubsXI => &XI,
        Code::SubsXR => &XR,
        Code::SubsWI => &WI,
        Code::SubsWR => &WR,
        _ => return None,
    };
    let mask = branch.imm >> 32;
    let condition = CONDITIONS.iter().position(|&c| super::alu::condition_mask(c) == mask)?;
    // An immediate operand has at most 24 bits.
    let operand = if matches!(compare.code, Code::SubsXI | Code::SubsWI) { compare.imm << 32 } else { 0 };
    let mut fused = *compare;
    fused.code = codes[condition];
    Some(fused.imm(operand | branch.imm & 0xffff_ffff))
}

/// EQ, NE, LT, GE, GT, LE, LO, HS, HI, LS: the order of the tables below.
const CONDITIONS: [u32; 10] = [0, 1, 11, 10, 12, 13, 3, 2, 8, 9];

macro_rules! codes {
    ($($name:ident: $($code:ident)*;)*) => {
        $(const $name: [Code; 10] = [$(Code::$code),*];)*
    };
}

codes! {
    XI: EqXI NeXI LtXI GeXI GtXI LeXI LoXI HsXI HiXI LsXI;
    XR: EqXR NeXR LtXR GeXR GtXR LeXR LoXR HsXR HiXR LsXR;
    WI: EqWI NeWI LtWI GeWI GtWI LeWI LoWI HsWI HiWI LsWI;
    WR: EqWR NeWR LtWR GeWR GtWR LeWR LoWR HsWR HiWR LsWR;
}
