//! `bit32`: bitwise operations on 32-bit unsigned integers.

use super::{Args, Builtin, plain};
use crate::interp::{Cx, Fail, Vm};
use crate::value::Value;

pub(super) const FUNCTIONS: &[Builtin] = &[
    plain("bit32.band", |vm, _, a| fold(vm, a, "bit32.band", u32::MAX, |x, y| x & y)),
    plain("bit32.bor", |vm, _, a| fold(vm, a, "bit32.bor", 0, |x, y| x | y)),
    plain("bit32.bxor", |vm, _, a| fold(vm, a, "bit32.bxor", 0, |x, y| x ^ y)),
    plain("bit32.bnot", bnot),
    plain("bit32.btest", btest),
    plain("bit32.lshift", |vm, _, a| shift(vm, a, "bit32.lshift", left)),
    plain("bit32.rshift", |vm, _, a| shift(vm, a, "bit32.rshift", |x, n| left(x, -n))),
    plain("bit32.arshift", |vm, _, a| shift(vm, a, "bit32.arshift", arithmetic)),
    plain("bit32.lrotate", |vm, _, a| shift(vm, a, "bit32.lrotate", |x, n| x.rotate_left(n.rem_euclid(32) as u32))),
    plain("bit32.rrotate", |vm, _, a| shift(vm, a, "bit32.rrotate", |x, n| x.rotate_right(n.rem_euclid(32) as u32))),
    plain("bit32.extract", extract),
    plain("bit32.replace", replace),
];

fn word(vm: &mut Vm, args: &Args, i: usize, name: &str) -> Result<u32, Fail> {
    vm.arg_int(args, i, name).map(|n| n as u32)
}

fn ret(vm: &mut Vm, args: &Args, x: u32) -> Result<usize, Fail> {
    args.ret(Value::int(i64::from(x)), vm)
}

fn fold(vm: &mut Vm, args: Args, name: &str, start: u32, f: fn(u32, u32) -> u32) -> Result<usize, Fail> {
    let mut acc = start;
    for i in 0..args.n {
        acc = f(acc, word(vm, &args, i, name)?);
    }
    ret(vm, &args, acc)
}

fn bnot(vm: &mut Vm, _: &mut Cx, args: Args) -> Result<usize, Fail> {
    let x = word(vm, &args, 0, "bit32.bnot")?;
    ret(vm, &args, !x)
}

fn btest(vm: &mut Vm, _: &mut Cx, args: Args) -> Result<usize, Fail> {
    let mut acc = u32::MAX;
    for i in 0..args.n {
        acc &= word(vm, &args, i, "bit32.btest")?;
    }
    args.ret(Value::bool(acc != 0), vm)
}

fn left(x: u32, n: i64) -> u32 {
    match n {
        0..=31 => x << n,
        -31..=-1 => x >> -n,
        _ => 0,
    }
}

fn arithmetic(x: u32, n: i64) -> u32 {
    if n < 0 { left(x, n.saturating_neg()) } else { (x as i32 >> n.min(31)) as u32 }
}

fn shift(vm: &mut Vm, args: Args, name: &str, f: fn(u32, i64) -> u32) -> Result<usize, Fail> {
    let x = word(vm, &args, 0, name)?;
    let n = vm.arg_int(&args, 1, name)?.clamp(-64, 64);
    ret(vm, &args, f(x, n))
}

/// Field and width arguments from `i` on, as shift and mask.
fn field(vm: &mut Vm, args: &Args, i: usize, name: &str) -> Result<(u32, u32), Fail> {
    let at = vm.arg_int(args, i, name)?;
    let width = vm.opt_int(args, i + 1, name, 1)?;
    if at < 0 || width < 1 || at.saturating_add(width) > 32 {
        return Err(vm.bad_argument(i, name, "trying to access non-existent bits"));
    }
    Ok((at as u32, u32::MAX >> (32 - width)))
}

fn extract(vm: &mut Vm, _: &mut Cx, args: Args) -> Result<usize, Fail> {
    let x = word(vm, &args, 0, "bit32.extract")?;
    let (at, mask) = field(vm, &args, 1, "bit32.extract")?;
    ret(vm, &args, (x >> at) & mask)
}

fn replace(vm: &mut Vm, _: &mut Cx, args: Args) -> Result<usize, Fail> {
    let (x, v) = (word(vm, &args, 0, "bit32.replace")?, word(vm, &args, 1, "bit32.replace")?);
    let (at, mask) = field(vm, &args, 2, "bit32.replace")?;
    ret(vm, &args, (x & !(mask << at)) | (v & mask) << at)
}
