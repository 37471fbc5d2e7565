//! `coroutine`: what does not switch threads itself.

use super::{Action, Args, Builtin, plain};
use crate::interp::{Cx, Fail, Vm};
use crate::value::{Tag, Value};

pub(super) const FUNCTIONS: &[Builtin] = &[
    plain("coroutine.create", create),
    Builtin { name: "coroutine.resume", action: Action::Resume },
    Builtin { name: "coroutine.yield", action: Action::Yield },
    plain("coroutine.wrap", wrap),
    plain("coroutine.status", status),
    plain("coroutine.isyieldable", isyieldable),
    plain("coroutine.running", running),
];

pub(super) const WRAPPED: Builtin = Builtin { name: "coroutine.wrap", action: Action::Wrapped };

fn create(vm: &mut Vm, _: &mut Cx, args: Args) -> Result<usize, Fail> {
    let f = vm.arg_function(&args, 0, "coroutine.create")?;
    let co = vm.new_coroutine(f)?;
    args.ret(co, vm)
}

fn wrap(vm: &mut Vm, _: &mut Cx, args: Args) -> Result<usize, Fail> {
    let f = vm.arg_function(&args, 0, "coroutine.wrap")?;
    let co = vm.new_coroutine(f)?;
    let wrapped = vm.hidden.wrapped;
    let f = vm.builtin_value(wrapped, co).map_err(|e| vm.heap_error(e))?;
    args.ret(f, vm)
}

fn status(vm: &mut Vm, _: &mut Cx, args: Args) -> Result<usize, Fail> {
    let co = args.get(0);
    if co.tag != Tag::Coroutine {
        return Err(vm.bad_argument(0, "coroutine.status", "coroutine expected"));
    }
    let status = vm.coroutine_status(co);
    vm.ret_str(&args, status.as_bytes())
}

fn isyieldable(vm: &mut Vm, _: &mut Cx, args: Args) -> Result<usize, Fail> {
    args.ret(Value::bool(vm.is_yieldable()), vm)
}

/// The running coroutine (nil outside of any), and whether this is the main thread.
fn running(vm: &mut Vm, _: &mut Cx, args: Args) -> Result<usize, Fail> {
    let co = vm.running_coroutine();
    vm.ret_many(&args, &[co, Value::bool(co.is_nil())])
}
