//! `table`

use super::{Args, Builtin, base, plain};
use crate::heap::HeapError;
use crate::interp::{Cx, Fail, Vm};
use crate::value::{Tag, Value};

pub(super) const FUNCTIONS: &[Builtin] = &[
    plain("table.insert", insert),
    plain("table.remove", remove),
    plain("table.concat", concat),
    plain("table.sort", sort),
    plain("table.unpack", base::unpack),
    plain("table.pack", pack),
];

fn set(vm: &mut Vm, t: u64, k: i64, v: Value) -> Result<(), Fail> {
    vm.heap_mut().set_int_key(t, k, v).map_err(|e| vm.heap_error(e))
}

/// `table.insert(t, [pos,] value)`
fn insert(vm: &mut Vm, _: &mut Cx, args: Args) -> Result<usize, Fail> {
    let t = vm.arg_table(&args, 0, "table.insert")?;
    let n = vm.heap_mut().length(t);
    match args.n {
        2 => set(vm, t, n + 1, args.get(1))?,
        3 => {
            let pos = vm.arg_int(&args, 1, "table.insert")?;
            if pos < 1 || pos > n + 1 {
                return Err(vm.bad_argument(1, "table.insert", "position out of bounds"));
            }
            for k in (pos..=n).rev() {
                let v = vm.heap().get_int(t, k);
                set(vm, t, k + 1, v)?;
            }
            set(vm, t, pos, args.get(2))?;
        }
        _ => return Err(vm.error("wrong number of arguments to 'table.insert'")),
    }
    Ok(0)
}

/// `table.remove(t [, pos])`
fn remove(vm: &mut Vm, _: &mut Cx, args: Args) -> Result<usize, Fail> {
    let t = vm.arg_table(&args, 0, "table.remove")?;
    let n = vm.heap_mut().length(t);
    let pos = vm.opt_int(&args, 1, "table.remove", n)?;
    if args.n > 1 && (pos < 1 || pos > n + 1) && !(n == 0 && pos == 0) {
        return Err(vm.bad_argument(1, "table.remove", "position out of bounds"));
    }
    let removed = vm.heap().get_int(t, pos);
    for k in pos..n {
        let v = vm.heap().get_int(t, k + 1);
        set(vm, t, k, v)?;
    }
    if pos <= n {
        set(vm, t, n, Value::NIL)?;
    }
    args.ret(removed, vm)
}

/// `table.concat(t [, sep [, i [, j]]])`
fn concat(vm: &mut Vm, _: &mut Cx, args: Args) -> Result<usize, Fail> {
    let t = vm.arg_table(&args, 0, "table.concat")?;
    let sep = if args.get(1).is_nil() { Vec::new() } else { vm.arg_bytes(&args, 1, "table.concat")? };
    let first = vm.opt_int(&args, 2, "table.concat", 1)?;
    let end = vm.heap_mut().length(t);
    let last = vm.opt_int(&args, 3, "table.concat", end)?;
    let mut out = Vec::new();
    let mut k = first;
    while k <= last {
        let v = vm.heap().get_int(t, k);
        if !matches!(v.tag, Tag::Str | Tag::Int | Tag::Float) {
            let name = vm.type_name(v);
            return Err(vm.error(format!("invalid value (a {name}) at index {k} in table for 'table.concat'")));
        }
        vm.push_display(&mut out, v);
        if out.len() as u64 > vm.heap().limit() {
            return Err(vm.error("resulting string too large"));
        }
        if k < last {
            out.extend_from_slice(&sep);
        }
        let Some(next) = k.checked_add(1) else { break };
        k = next;
    }
    vm.ret_str(&args, &out)
}

/// `table.pack(…)`
fn pack(vm: &mut Vm, _: &mut Cx, args: Args) -> Result<usize, Fail> {
    let build = |vm: &mut Vm| -> Result<u64, HeapError> {
        let h = vm.heap_mut();
        let t = h.new_table(args.n as u32, 1)?;
        for i in 0..args.n {
            h.set_int_key(t, i as i64 + 1, args.get(i))?;
        }
        h.set_field(t, "n", Value::int(args.n as i64))?;
        Ok(t)
    };
    let t = build(vm).map_err(|e| vm.heap_error(e))?;
    args.ret(Value::object(Tag::Table, t), vm)
}

/// `table.sort(t [, less])`: a stable merge sort of `t[1..#t]`.
fn sort(vm: &mut Vm, cx: &mut Cx, args: Args) -> Result<usize, Fail> {
    let t = vm.arg_table(&args, 0, "table.sort")?;
    let less = if args.get(1).is_nil() { Value::NIL } else { vm.arg_function(&args, 1, "table.sort")? };
    let n = vm.heap_mut().length(t);
    let values: Vec<Value> = (1..=n).map(|k| vm.heap().get_int(t, k)).collect();
    // The comparison may remove them from the table.
    let values = vm.with_roots(&values.clone(), |vm| merge_sort(vm, cx, less, values))?;
    for (i, &v) in values.iter().enumerate() {
        set(vm, t, i as i64 + 1, v)?;
    }
    Ok(0)
}

fn merge_sort(vm: &mut Vm, cx: &mut Cx, less: Value, mut values: Vec<Value>) -> Result<Vec<Value>, Fail> {
    // Merging by hand: the comparison may fail, which `slice::sort_by` cannot express.
    let mut buffer = values.clone();
    let mut width = 1;
    while width < values.len() {
        for start in (0..values.len()).step_by(2 * width) {
            let mid = (start + width).min(values.len());
            let end = (start + 2 * width).min(values.len());
            let (mut i, mut j) = (start, mid);
            for slot in &mut buffer[start..end] {
                let right = j < end && (i >= mid || before(vm, cx, less, values[j], values[i])?);
                *slot = if right { values[j] } else { values[i] };
                if right {
                    j += 1;
                } else {
                    i += 1;
                }
            }
        }
        std::mem::swap(&mut values, &mut buffer);
        width *= 2;
    }
    Ok(values)
}

fn before(vm: &mut Vm, cx: &mut Cx, less: Value, a: Value, b: Value) -> Result<bool, Fail> {
    if less.is_nil() { vm.less_than(cx, a, b) } else { Ok(vm.call_values_1(cx, less, &[a, b])?.truthy()) }
}
