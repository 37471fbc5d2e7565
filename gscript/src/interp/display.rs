//! Values as `print` shows them.

use super::number::{push_float, push_int};
use super::output::MAX_CAPTURE;
use super::{Cx, Fail, Vm};
use crate::error::ErrorKind;
use crate::layout::{CLOSURE_FUNC, FUNC_BUILTIN, FUNC_PROTO};
use crate::value::{Tag, Value};

impl Vm {
    /// Appends the print form of a value, `__tostring` aside.
    pub(crate) fn push_display(&mut self, out: &mut Vec<u8>, v: Value) {
        match v.tag {
            Tag::Nil => out.extend_from_slice(b"nil"),
            Tag::Bool => out.extend_from_slice(if v.truthy() { b"true" } else { b"false" }),
            Tag::Int => push_int(out, v.as_int()),
            Tag::Float => push_float(out, v.as_float()),
            Tag::Str => out.extend_from_slice(self.heap.bytes(v.bits)),
            Tag::Function => {
                out.extend_from_slice(b"function: ");
                out.extend_from_slice(self.function_name(v.bits).as_bytes());
            }
            Tag::Table | Tag::Coroutine | Tag::Channel => {
                let id = self.identity(v.bits);
                out.extend_from_slice(format!("{}: {id:#010x}", v.tag.type_name()).as_bytes());
            }
        }
    }

    /// Prints text.
    pub(crate) fn print_bytes(&mut self, bytes: &[u8]) -> Result<(), Fail> {
        if self.out.write(bytes) {
            return Ok(());
        }
        let mut e = self.error(format!("more than {MAX_CAPTURE} bytes of output"));
        e.kind = ErrorKind::Budget;
        Err(e)
    }

    /// Name of a function for people.
    pub(crate) fn function_name(&self, closure: u64) -> String {
        let record = self.heap.word(closure, CLOSURE_FUNC);
        match self.heap.half(record, FUNC_PROTO) {
            u32::MAX => {
                let builtin = self.builtins.get(self.heap.half(record, FUNC_BUILTIN) as usize);
                builtin.map_or("?", |b| b.name).to_string()
            }
            proto => self.program.protos.get(proto as usize).map_or("?", |p| &p.name).to_string(),
        }
    }

    /// A number for an object that does not depend on where it lies: objects are numbered when first shown.
    fn identity(&mut self, address: u64) -> u32 {
        // A collection forgets the numbers of dead objects; they are not given again.
        *self.identities.entry(address).or_insert_with(|| {
            self.last_identity = self.last_identity.wrapping_add(1);
            self.last_identity
        })
    }

    /// Appends the print form of a value, asking `__tostring`.
    pub(crate) fn push_tostring(&mut self, cx: &mut Cx, out: &mut Vec<u8>, v: Value) -> Result<(), Fail> {
        if v.tag == Tag::Table && self.heap.metatable(v.bits) != 0 {
            let f = self.metamethod(v, self.names.tostring);
            if !f.is_nil() {
                let s = self.call_values_1(cx, f, &[v])?;
                if s.tag != Tag::Str {
                    return Err(self.error("'__tostring' must return a string"));
                }
                out.extend_from_slice(self.heap.bytes(s.bits));
                return Ok(());
            }
            let name = self.heap.get_str(self.heap.metatable(v.bits), self.names.name);
            if name.tag == Tag::Str {
                out.extend_from_slice(self.heap.bytes(name.bits));
                let id = self.identity(v.bits);
                out.extend_from_slice(format!(": {id:#010x}").as_bytes());
                return Ok(());
            }
        }
        self.push_display(out, v);
        Ok(())
    }
}
