//! The library that programs see: one file per global table, each with its list of functions.

mod base;
mod bits;
mod coroutine;
mod format;
mod math;
mod matrix;
mod pattern;
mod string;
mod table;
mod time;

use crate::heap::HeapError;
use crate::heap::slot::Slots;
use crate::interp::{Cx, Fail, Vm};
use crate::value::{Tag, Value};

/// Seed of `math.random` before a program sets one: runs are repeatable.
pub(crate) const DEFAULT_SEED: u64 = 0x2545_f491_4f6c_dd1d;

/// A library function's code: takes its arguments, returns how many results it left behind `Args::ret`.
pub(crate) type BuiltinFn = fn(&mut Vm, &mut Cx, Args) -> Result<usize, Fail>;

/// What calling a library function does.
#[derive(Clone, Copy)]
pub(crate) enum Action {
    /// Runs Rust code.
    Plain(BuiltinFn),
    /// `pcall`
    Pcall,
    /// `xpcall`
    Xpcall,
    /// `coroutine.resume`
    Resume,
    /// `coroutine.yield`
    Yield,
    /// A function made by `coroutine.wrap`.
    Wrapped,
    /// `time.sleep`
    Sleep,
}

/// A library function.
#[derive(Clone, Copy)]
pub(crate) struct Builtin {
    /// Name for messages: `string.format`.
    pub name: &'static str,
    /// What it does.
    pub action: Action,
}

/// The arguments of a library function, in place on the stack.
#[derive(Clone, Copy)]
pub(crate) struct Args {
    /// Host address of the first.
    pub base: *mut u8,
    /// How many.
    pub n: usize,
    /// Where the results go.
    pub ret: *mut u8,
    /// Guest address of the function's closure.
    pub callee: u64,
    /// How to read them.
    pub slots: Slots,
}

impl Args {
    /// Argument `i` (from 0), nil if missing.
    #[inline]
    pub fn get(&self, i: usize) -> Value {
        if i < self.n {
            // SAFETY: there are `n` arguments.
            unsafe { self.slots.load(self.base.add(i * self.slots.size())) }
        } else {
            Value::NIL
        }
    }

    /// Leaves one result.
    #[inline]
    pub fn ret(&self, v: Value, vm: &mut Vm) -> Result<usize, Fail> {
        // SAFETY: a few result slots are always there.
        unsafe { vm.heap_mut().put(self.ret, v) };
        Ok(1)
    }
}

impl Vm {
    /// Leaves any number of results.
    pub(crate) fn ret_many(&mut self, args: &Args, values: &[Value]) -> Result<usize, Fail> {
        let to = self.results_room(args.ret, values.len())?;
        for (i, &v) in values.iter().enumerate() {
            let to = self.at(to, i);
            // SAFETY: `results_room` made sure of room.
            unsafe { self.heap_mut().put(to, v) };
        }
        Ok(values.len())
    }

    /// Leaves a string.
    pub(crate) fn ret_str(&mut self, args: &Args, bytes: &[u8]) -> Result<usize, Fail> {
        let v = self.heap_mut().string_value(bytes).map_err(|e| self.heap_error(e))?;
        args.ret(v, self)
    }

    /// `bad argument #i to 'name' (what)`
    #[cold]
    pub(crate) fn bad_argument(&mut self, i: usize, name: &str, what: &str) -> Fail {
        self.error(format!("bad argument #{} to '{name}' ({what})", i + 1))
    }

    #[cold]
    fn wrong_type(&mut self, args: &Args, i: usize, name: &str, expected: &str) -> Fail {
        let got = if i < args.n { args.get(i).tag.type_name() } else { "no value" };
        self.bad_argument(i, name, &format!("{expected} expected, got {got}"))
    }

    /// Argument `i`, which must be there.
    pub(crate) fn arg_any(&mut self, args: &Args, i: usize, name: &str) -> Result<Value, Fail> {
        if i < args.n { Ok(args.get(i)) } else { Err(self.bad_argument(i, name, "value expected")) }
    }

    /// Argument `i` as a table's address.
    pub(crate) fn arg_table(&mut self, args: &Args, i: usize, name: &str) -> Result<u64, Fail> {
        let v = args.get(i);
        if v.tag == Tag::Table { Ok(v.bits) } else { Err(self.wrong_type(args, i, name, "table")) }
    }

    /// Argument `i` as a function or a callable table.
    pub(crate) fn arg_function(&mut self, args: &Args, i: usize, name: &str) -> Result<Value, Fail> {
        let v = args.get(i);
        if v.tag == Tag::Function || !self.metamethod(v, self.names.call).is_nil() {
            Ok(v)
        } else {
            Err(self.wrong_type(args, i, name, "function"))
        }
    }

    /// Argument `i` as a float; strings that hold numbers will do.
    pub(crate) fn arg_float(&mut self, args: &Args, i: usize, name: &str) -> Result<f64, Fail> {
        match self.to_float(args.get(i)) {
            Some(x) => Ok(x),
            None => Err(self.wrong_type(args, i, name, "number")),
        }
    }

    /// Argument `i` as an integer; integral floats and strings will do.
    pub(crate) fn arg_int(&mut self, args: &Args, i: usize, name: &str) -> Result<i64, Fail> {
        match self.to_integer(args.get(i)) {
            Some(n) => Ok(n),
            None if self.to_number(args.get(i)).is_some() => {
                Err(self.bad_argument(i, name, "number has no integer representation"))
            }
            None => Err(self.wrong_type(args, i, name, "number")),
        }
    }

    /// The same with a default for a missing or nil argument.
    pub(crate) fn opt_int(&mut self, args: &Args, i: usize, name: &str, default: i64) -> Result<i64, Fail> {
        if args.get(i).is_nil() { Ok(default) } else { self.arg_int(args, i, name) }
    }

    /// Argument `i` as bytes; numbers will do in their print form.
    pub(crate) fn arg_bytes(&mut self, args: &Args, i: usize, name: &str) -> Result<Vec<u8>, Fail> {
        let v = args.get(i);
        match v.tag {
            Tag::Str => Ok(self.heap().bytes(v.bits).to_vec()),
            Tag::Int | Tag::Float => {
                let mut out = Vec::new();
                self.push_display(&mut out, v);
                Ok(out)
            }
            _ => Err(self.wrong_type(args, i, name, "string")),
        }
    }
}

/// Shorthand for lists of functions.
pub(crate) const fn plain(name: &'static str, run: BuiltinFn) -> Builtin {
    Builtin { name, action: Action::Plain(run) }
}

/// Makes the library and sets the globals that the program mentions.
pub(crate) fn install(vm: &mut Vm) -> Result<(), HeapError> {
    for &b in base::FUNCTIONS {
        let index = vm.add_builtin(b)?;
        let f = vm.builtin_value(index, Value::NIL)?;
        vm.define_global(b.name, f);
        match b.name {
            "next" => vm.hidden.next = f,
            "range.count" => vm.hidden.count = f,
            "ipairs.next" => vm.hidden.inext = f,
            _ => {}
        }
    }
    vm.hidden.wrapped = vm.add_builtin(coroutine::WRAPPED)?;
    vm.hidden.gmatch = vm.add_builtin(string::GMATCH_NEXT)?;
    let tables: [(&str, &[Builtin]); 8] = [
        ("string", string::FUNCTIONS),
        ("table", table::FUNCTIONS),
        ("math", math::FUNCTIONS),
        ("coroutine", coroutine::FUNCTIONS),
        ("time", time::FUNCTIONS),
        ("matrix", matrix::FUNCTIONS),
        ("bit32", bits::FUNCTIONS),
        ("os", time::OS_FUNCTIONS),
    ];
    for (name, functions) in tables {
        // Methods of strings are found without the program naming the library.
        if name != "string" && vm.program().global_index(name).is_none() {
            continue;
        }
        let t = vm.heap_mut().new_table(0, functions.len() as u32)?;
        for &b in functions {
            let index = vm.add_builtin(b)?;
            let f = vm.builtin_value(index, Value::NIL)?;
            let short = b.name.rsplit_once('.').map_or(b.name, |(_, s)| s);
            vm.heap_mut().set_field(t, short, f)?;
        }
        match name {
            "string" => vm.set_string_library(t),
            "math" => math::constants(vm, t)?,
            _ => {}
        }
        vm.define_global(name, Value::object(Tag::Table, t));
    }
    Ok(())
}
