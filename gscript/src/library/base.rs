//! The functions that are globals themselves.

use super::{Action, Args, Builtin, plain};
use crate::interp::number::{self, Number};
use crate::interp::{Cx, Fail, Vm};
use crate::value::{Tag, Value};

pub(super) const FUNCTIONS: &[Builtin] = &[
    plain("print", print),
    plain("type", type_name),
    plain("tostring", tostring),
    plain("tonumber", tonumber),
    plain("pairs", pairs),
    plain("ipairs", ipairs),
    plain("next", next),
    plain("select", select),
    plain("error", error),
    plain("assert", assert),
    Builtin { name: "pcall", action: Action::Pcall },
    Builtin { name: "xpcall", action: Action::Xpcall },
    plain("rawget", rawget),
    plain("rawset", rawset),
    plain("rawequal", rawequal),
    plain("rawlen", rawlen),
    plain("setmetatable", setmetatable),
    plain("getmetatable", getmetatable),
    plain("unpack", unpack),
    plain("close", close),
    plain("ipairs.next", ipairs_next),
    plain("range.count", range_count),
];

fn print(vm: &mut Vm, cx: &mut Cx, args: Args) -> Result<usize, Fail> {
    let mut out = Vec::new();
    for i in 0..args.n {
        if i > 0 {
            out.push(b'\t');
        }
        vm.push_tostring(cx, &mut out, args.get(i))?;
        vm.print_bytes(&out)?;
        out.clear();
    }
    vm.print_bytes(b"\n")?;
    Ok(0)
}

fn type_name(vm: &mut Vm, _: &mut Cx, args: Args) -> Result<usize, Fail> {
    let v = vm.arg_any(&args, 0, "type")?;
    vm.ret_str(&args, v.tag.type_name().as_bytes())
}

fn tostring(vm: &mut Vm, cx: &mut Cx, args: Args) -> Result<usize, Fail> {
    let v = vm.arg_any(&args, 0, "tostring")?;
    if v.tag == Tag::Str {
        return args.ret(v, vm);
    }
    let mut out = Vec::new();
    vm.push_tostring(cx, &mut out, v)?;
    vm.ret_str(&args, &out)
}

fn tonumber(vm: &mut Vm, _: &mut Cx, args: Args) -> Result<usize, Fail> {
    let v = vm.arg_any(&args, 0, "tonumber")?;
    if args.n > 1 {
        let base = vm.arg_int(&args, 1, "tonumber")?;
        if !(2..=36).contains(&base) {
            return Err(vm.bad_argument(1, "tonumber", "base out of range"));
        }
        let text = vm.arg_bytes(&args, 0, "tonumber")?;
        return args.ret(number::parse_in_base(&text, base as u32).map_or(Value::NIL, Value::int), vm);
    }
    args.ret(
        match vm.to_number(v) {
            Some(Number::Int(n)) => Value::int(n),
            Some(Number::Float(x)) => Value::float(x),
            None => Value::NIL,
        },
        vm,
    )
}

fn pairs(vm: &mut Vm, _: &mut Cx, args: Args) -> Result<usize, Fail> {
    vm.arg_table(&args, 0, "pairs")?;
    let next = vm.hidden.next;
    vm.ret_many(&args, &[next, args.get(0), Value::NIL])
}

fn next(vm: &mut Vm, _: &mut Cx, args: Args) -> Result<usize, Fail> {
    let t = vm.arg_table(&args, 0, "next")?;
    match vm.heap().next(t, args.get(1)) {
        Ok(Some((k, v))) => vm.ret_many(&args, &[k, v]),
        Ok(None) => args.ret(Value::NIL, vm),
        Err(e) => Err(vm.heap_error(e)),
    }
}

fn ipairs(vm: &mut Vm, _: &mut Cx, args: Args) -> Result<usize, Fail> {
    vm.arg_any(&args, 0, "ipairs")?;
    let next = vm.hidden.inext;
    vm.ret_many(&args, &[next, args.get(0), Value::int(0)])
}

fn ipairs_next(vm: &mut Vm, cx: &mut Cx, args: Args) -> Result<usize, Fail> {
    let i = Value::int(vm.arg_int(&args, 1, "ipairs")?.wrapping_add(1));
    let v = vm.index(cx, args.get(0), i)?;
    if v.is_nil() { args.ret(Value::NIL, vm) } else { vm.ret_many(&args, &[i, v]) }
}

fn range_count(vm: &mut Vm, _: &mut Cx, args: Args) -> Result<usize, Fail> {
    let i = Value::int(args.get(1).as_int().wrapping_add(1));
    let n = args.get(0);
    let more = match n.tag {
        Tag::Int => i.as_int() < n.as_int(),
        _ => number::int_lt_float(i.as_int(), vm.arg_float(&args, 0, "range")?),
    };
    args.ret(if more { i } else { Value::NIL }, vm)
}

fn select(vm: &mut Vm, _: &mut Cx, args: Args) -> Result<usize, Fail> {
    let which = args.get(0);
    if vm.str_bytes(which) == b"#" {
        return args.ret(Value::int(args.n as i64 - 1), vm);
    }
    let n = vm.arg_int(&args, 0, "select")?;
    let count = args.n as i64 - 1;
    let skip = if n < 0 { count.saturating_add(n) } else { n - 1 };
    if n == 0 || skip < 0 {
        return Err(vm.bad_argument(0, "select", "index out of range"));
    }
    let skip = skip.min(count);
    let n = (count - skip) as usize;
    let to = vm.results_room(args.ret, n)?;
    // SAFETY: the last `n` arguments exist, and there is room for as many results.
    unsafe { vm.slots().copy_n(to, args.base.add((skip as usize + 1) * vm.slots().size()), n) };
    Ok(n)
}

fn error(vm: &mut Vm, _: &mut Cx, args: Args) -> Result<usize, Fail> {
    let v = args.get(0);
    let level = vm.opt_int(&args, 1, "error", 1)?;
    if v.tag != Tag::Str {
        let message = vm.display(v);
        return Err(vm.error_value(message, v));
    }
    let mut text = if level > 0 { vm.where_at(level) } else { String::new() }.into_bytes();
    text.extend_from_slice(vm.str_bytes(v));
    let value = vm.heap_mut().string_value(&text).map_err(|e| vm.heap_error(e))?;
    Err(vm.error_value(String::from_utf8_lossy(&text).into_owned(), value))
}

fn assert(vm: &mut Vm, _: &mut Cx, args: Args) -> Result<usize, Fail> {
    let v = vm.arg_any(&args, 0, "assert")?;
    if v.truthy() {
        let to = vm.results_room(args.ret, args.n)?;
        // SAFETY: there are `n` arguments and room for as many results.
        unsafe { vm.slots().copy_n(to, args.base, args.n) };
        return Ok(args.n);
    }
    if args.n > 1 {
        let message = args.get(1);
        let text = vm.display(message);
        return Err(vm.error_value(text, message));
    }
    Err(vm.error("assertion failed!"))
}

fn rawget(vm: &mut Vm, _: &mut Cx, args: Args) -> Result<usize, Fail> {
    let t = vm.arg_table(&args, 0, "rawget")?;
    args.ret(vm.heap().get(t, args.get(1)), vm)
}

fn rawset(vm: &mut Vm, _: &mut Cx, args: Args) -> Result<usize, Fail> {
    let t = vm.arg_table(&args, 0, "rawset")?;
    vm.heap_mut().set(t, args.get(1), args.get(2)).map_err(|e| vm.heap_error(e))?;
    args.ret(args.get(0), vm)
}

fn rawequal(vm: &mut Vm, _: &mut Cx, args: Args) -> Result<usize, Fail> {
    args.ret(Value::bool(vm.equal_raw(args.get(0), args.get(1))), vm)
}

fn rawlen(vm: &mut Vm, _: &mut Cx, args: Args) -> Result<usize, Fail> {
    let v = args.get(0);
    match v.tag {
        Tag::Str => args.ret(Value::int(vm.heap().bytes(v.bits).len() as i64), vm),
        _ => {
            let t = vm.arg_table(&args, 0, "rawlen")?;
            let n = vm.heap_mut().length(t);
            args.ret(Value::int(n), vm)
        }
    }
}

fn setmetatable(vm: &mut Vm, _: &mut Cx, args: Args) -> Result<usize, Fail> {
    let t = vm.arg_table(&args, 0, "setmetatable")?;
    let meta = args.get(1);
    let meta = match meta.tag {
        Tag::Nil if args.n > 1 => 0,
        Tag::Table => meta.bits,
        _ => return Err(vm.bad_argument(1, "setmetatable", "nil or table expected")),
    };
    let old = vm.heap().metatable(t);
    if old != 0 && !vm.heap().get_str(old, vm.names.metatable).is_nil() {
        return Err(vm.error("cannot change a protected metatable"));
    }
    vm.heap_mut().set_metatable(t, meta);
    args.ret(args.get(0), vm)
}

fn getmetatable(vm: &mut Vm, _: &mut Cx, args: Args) -> Result<usize, Fail> {
    let v = vm.arg_any(&args, 0, "getmetatable")?;
    let meta = if v.tag == Tag::Table { vm.heap().metatable(v.bits) } else { 0 };
    if meta == 0 {
        return args.ret(Value::NIL, vm);
    }
    let shown = vm.heap().get_str(meta, vm.names.metatable);
    args.ret(if shown.is_nil() { Value::object(Tag::Table, meta) } else { shown }, vm)
}

/// `unpack(t [, i [, j]])`
pub(super) fn unpack(vm: &mut Vm, _: &mut Cx, args: Args) -> Result<usize, Fail> {
    let t = vm.arg_table(&args, 0, "unpack")?;
    let first = vm.opt_int(&args, 1, "unpack", 1)?;
    let end = vm.heap_mut().length(t);
    let last = vm.opt_int(&args, 2, "unpack", end)?;
    if first > last {
        return Ok(0);
    }
    let n = (last as i128) - (first as i128) + 1;
    if n > 1 << 20 {
        return Err(vm.error("too many results to unpack"));
    }
    let to = vm.results_room(args.ret, n as usize)?;
    for i in 0..n as usize {
        let v = vm.heap().get_int(t, first + i as i64);
        let to = vm.at(to, i);
        // SAFETY: `results_room` made sure of room.
        unsafe { vm.heap_mut().put(to, v) };
    }
    Ok(n as usize)
}

fn close(vm: &mut Vm, _: &mut Cx, args: Args) -> Result<usize, Fail> {
    vm.close_channel(args.get(0))?;
    Ok(0)
}
