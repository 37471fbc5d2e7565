//! `matrix`: dense matrices, which are tables of tables of floats with keys from 0 on.

use super::{Args, Builtin, plain};
use crate::heap::HeapError;
use crate::interp::{Cx, Fail, Vm};
use crate::value::{Tag, Value};

pub(super) const FUNCTIONS: &[Builtin] =
    &[plain("matrix.dense", dense), plain("matrix.getf", getf), plain("matrix.setf", setf)];

/// Most elements of a matrix.
const MAX_ELEMENTS: i64 = 1 << 28;

fn dense(vm: &mut Vm, _: &mut Cx, args: Args) -> Result<usize, Fail> {
    let (rows, cols) = (vm.arg_int(&args, 0, "matrix.dense")?, vm.arg_int(&args, 1, "matrix.dense")?);
    if rows < 0 || cols < 0 || rows.checked_mul(cols.max(1)).is_none_or(|n| n > MAX_ELEMENTS) || cols > MAX_ELEMENTS {
        return Err(vm.error(format!("matrix.dense: {rows} x {cols} is not a possible size")));
    }
    let build = |vm: &mut Vm| -> Result<u64, HeapError> {
        let h = vm.heap_mut();
        let m = h.new_table(rows as u32, 0)?;
        for i in 0..rows {
            let row = h.new_table(cols as u32, 0)?;
            for j in 0..cols {
                h.set_int_key(row, j, Value::float(0.0))?;
            }
            h.set_int_key(m, i, Value::object(Tag::Table, row))?;
        }
        Ok(m)
    };
    let m = build(vm).map_err(|e| vm.heap_error(e))?;
    args.ret(Value::object(Tag::Table, m), vm)
}

/// Row, column, and the element there, of the first three arguments.
fn element(vm: &mut Vm, args: &Args, name: &str) -> Result<(u64, i64, f64), Fail> {
    let m = vm.arg_table(args, 0, name)?;
    let (i, j) = (vm.arg_int(args, 1, name)?, vm.arg_int(args, 2, name)?);
    let row = vm.heap().get_int(m, i);
    let v = if row.tag == Tag::Table { vm.heap().get_int(row.bits, j) } else { Value::NIL };
    match v.tag {
        Tag::Float => Ok((row.bits, j, v.as_float())),
        Tag::Int => Ok((row.bits, j, v.as_int() as f64)),
        _ => Err(vm.error(format!("{name}: no element at ({i}, {j})"))),
    }
}

fn getf(vm: &mut Vm, _: &mut Cx, args: Args) -> Result<usize, Fail> {
    let (_, _, x) = element(vm, &args, "matrix.getf")?;
    args.ret(Value::float(x), vm)
}

fn setf(vm: &mut Vm, _: &mut Cx, args: Args) -> Result<usize, Fail> {
    let (row, j, _) = element(vm, &args, "matrix.setf")?;
    let x = vm.arg_float(&args, 3, "matrix.setf")?;
    vm.heap_mut().set_int_key(row, j, Value::float(x)).map_err(|e| vm.heap_error(e))?;
    Ok(0)
}
