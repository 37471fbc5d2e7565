//! `math`

use super::{Args, Builtin, plain};
use crate::heap::{HeapError, table::float_to_int};
use crate::interp::number::Number;
use crate::interp::{Cx, Fail, Vm};
use crate::value::{Tag, Value};

pub(super) const FUNCTIONS: &[Builtin] = &[
    plain("math.floor", floor),
    plain("math.ceil", ceil),
    plain("math.sqrt", |vm, _, a| unary(vm, a, "math.sqrt", f64::sqrt)),
    plain("math.abs", abs),
    plain("math.max", max),
    plain("math.min", min),
    plain("math.sin", |vm, _, a| unary(vm, a, "math.sin", f64::sin)),
    plain("math.cos", |vm, _, a| unary(vm, a, "math.cos", f64::cos)),
    plain("math.tan", |vm, _, a| unary(vm, a, "math.tan", f64::tan)),
    plain("math.asin", |vm, _, a| unary(vm, a, "math.asin", f64::asin)),
    plain("math.acos", |vm, _, a| unary(vm, a, "math.acos", f64::acos)),
    plain("math.atan", atan),
    plain("math.exp", |vm, _, a| unary(vm, a, "math.exp", f64::exp)),
    plain("math.log", log),
    plain("math.pow", pow),
    plain("math.fmod", fmod),
    plain("math.modf", modf),
    plain("math.random", random),
    plain("math.randomseed", randomseed),
    plain("math.tointeger", tointeger),
    plain("math.type", math_type),
];

/// `math.pi`, `math.huge` and the limits of integers.
pub(super) fn constants(vm: &mut Vm, t: u64) -> Result<(), HeapError> {
    let h = vm.heap_mut();
    h.set_field(t, "pi", Value::float(std::f64::consts::PI))?;
    h.set_field(t, "huge", Value::float(f64::INFINITY))?;
    h.set_field(t, "maxinteger", Value::int(i64::MAX))?;
    h.set_field(t, "mininteger", Value::int(i64::MIN))
}

fn unary(vm: &mut Vm, args: Args, name: &str, f: fn(f64) -> f64) -> Result<usize, Fail> {
    let x = vm.arg_float(&args, 0, name)?;
    args.ret(Value::float(f(x)), vm)
}

/// The integer equal to an integral float; the float itself if none is.
fn whole(x: f64) -> Value {
    float_to_int(x).map_or(Value::float(x), Value::int)
}

fn floor(vm: &mut Vm, _: &mut Cx, args: Args) -> Result<usize, Fail> {
    match vm.to_number(args.get(0)) {
        Some(Number::Int(n)) => args.ret(Value::int(n), vm),
        _ => {
            let x = vm.arg_float(&args, 0, "math.floor")?;
            args.ret(whole(x.floor()), vm)
        }
    }
}

fn ceil(vm: &mut Vm, _: &mut Cx, args: Args) -> Result<usize, Fail> {
    match vm.to_number(args.get(0)) {
        Some(Number::Int(n)) => args.ret(Value::int(n), vm),
        _ => {
            let x = vm.arg_float(&args, 0, "math.ceil")?;
            args.ret(whole(x.ceil()), vm)
        }
    }
}

fn abs(vm: &mut Vm, _: &mut Cx, args: Args) -> Result<usize, Fail> {
    match vm.to_number(args.get(0)) {
        Some(Number::Int(n)) => args.ret(Value::int(n.wrapping_abs()), vm),
        _ => unary(vm, args, "math.abs", f64::abs),
    }
}

fn extreme(vm: &mut Vm, cx: &mut Cx, args: Args, name: &str, max: bool) -> Result<usize, Fail> {
    vm.arg_float(&args, 0, name)?;
    let mut best = args.get(0);
    for i in 1..args.n {
        vm.arg_float(&args, i, name)?;
        let v = args.get(i);
        let better = if max { vm.less_than(cx, best, v)? } else { vm.less_than(cx, v, best)? };
        if better {
            best = v;
        }
    }
    args.ret(best, vm)
}

fn max(vm: &mut Vm, cx: &mut Cx, args: Args) -> Result<usize, Fail> {
    extreme(vm, cx, args, "math.max", true)
}

fn min(vm: &mut Vm, cx: &mut Cx, args: Args) -> Result<usize, Fail> {
    extreme(vm, cx, args, "math.min", false)
}

fn atan(vm: &mut Vm, _: &mut Cx, args: Args) -> Result<usize, Fail> {
    let y = vm.arg_float(&args, 0, "math.atan")?;
    let x = if args.n > 1 { vm.arg_float(&args, 1, "math.atan")? } else { 1.0 };
    args.ret(Value::float(y.atan2(x)), vm)
}

fn log(vm: &mut Vm, _: &mut Cx, args: Args) -> Result<usize, Fail> {
    let x = vm.arg_float(&args, 0, "math.log")?;
    if args.n < 2 {
        return args.ret(Value::float(x.ln()), vm);
    }
    let base = vm.arg_float(&args, 1, "math.log")?;
    args.ret(
        Value::float(match base {
            2.0 => x.log2(),
            10.0 => x.log10(),
            _ => x.ln() / base.ln(),
        }),
        vm,
    )
}

fn pow(vm: &mut Vm, _: &mut Cx, args: Args) -> Result<usize, Fail> {
    let (x, y) = (vm.arg_float(&args, 0, "math.pow")?, vm.arg_float(&args, 1, "math.pow")?);
    args.ret(Value::float(x.powf(y)), vm)
}

/// Truncated remainder: the sign of the dividend.
fn fmod(vm: &mut Vm, _: &mut Cx, args: Args) -> Result<usize, Fail> {
    if let (Tag::Int, Tag::Int) = (args.get(0).tag, args.get(1).tag) {
        let (a, b) = (args.get(0).as_int(), args.get(1).as_int());
        if b == 0 {
            return Err(vm.bad_argument(1, "math.fmod", "zero"));
        }
        return args.ret(Value::int(a.wrapping_rem(b)), vm);
    }
    let (x, y) = (vm.arg_float(&args, 0, "math.fmod")?, vm.arg_float(&args, 1, "math.fmod")?);
    args.ret(Value::float(x % y), vm)
}

fn modf(vm: &mut Vm, _: &mut Cx, args: Args) -> Result<usize, Fail> {
    let x = vm.arg_float(&args, 0, "math.modf")?;
    let fraction = if x.is_infinite() { 0.0 } else { x - x.trunc() };
    vm.ret_many(&args, &[Value::float(x.trunc()), Value::float(fraction)])
}

/// xorshift64*: small, good enough, and the same everywhere.
fn next_random(vm: &mut Vm) -> u64 {
    let mut x = vm.rng;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    vm.rng = x;
    x.wrapping_mul(0x2545_f491_4f6c_dd1d)
}

fn random(vm: &mut Vm, _: &mut Cx, args: Args) -> Result<usize, Fail> {
    if args.n == 0 {
        let x = (next_random(vm) >> 11) as f64 / (1u64 << 53) as f64;
        return args.ret(Value::float(x), vm);
    }
    let first = vm.arg_int(&args, 0, "math.random")?;
    let (low, high) = if args.n == 1 { (1, first) } else { (first, vm.arg_int(&args, 1, "math.random")?) };
    if low > high {
        return Err(vm.bad_argument(args.n - 1, "math.random", "interval is empty"));
    }
    let span = (high as u64).wrapping_sub(low as u64).wrapping_add(1);
    let r = next_random(vm);
    // The high half of the product spreads evenly over the span; a span of 0 is all of 2^64.
    let offset = if span == 0 { r } else { ((u128::from(r) * u128::from(span)) >> 64) as u64 };
    args.ret(Value::int((low as u64).wrapping_add(offset) as i64), vm)
}

fn randomseed(vm: &mut Vm, _: &mut Cx, args: Args) -> Result<usize, Fail> {
    let seed = if args.n == 0 { super::DEFAULT_SEED } else { vm.arg_float(&args, 0, "math.randomseed")?.to_bits() };
    // Any seed but 0 will do for xorshift; mixing makes small seeds differ from the start.
    vm.rng = (seed ^ 0x9e37_79b9_7f4a_7c15).wrapping_mul(0xbf58_476d_1ce4_e5b9).max(1);
    Ok(0)
}

fn tointeger(vm: &mut Vm, _: &mut Cx, args: Args) -> Result<usize, Fail> {
    let v = vm.arg_any(&args, 0, "math.tointeger")?;
    args.ret(vm.to_integer(v).map_or(Value::NIL, Value::int), vm)
}

fn math_type(vm: &mut Vm, _: &mut Cx, args: Args) -> Result<usize, Fail> {
    let v = vm.arg_any(&args, 0, "math.type")?;
    match v.tag {
        Tag::Int => vm.ret_str(&args, b"integer"),
        Tag::Float => vm.ret_str(&args, b"float"),
        _ => args.ret(Value::NIL, vm),
    }
}
