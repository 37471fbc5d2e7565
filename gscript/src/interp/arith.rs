//! Arithmetic, comparison, concatenation and length, in full generality. The interpreter loop has the common cases inline.

use super::number::{self, Number, parse_number};
use super::{Cx, Fail, Vm};
use crate::bytecode::Op;
use crate::heap::{Heap, table::float_to_int};
use crate::value::{Tag, Value};

/// Raw equality: numbers by value, strings by content, other objects by identity.
#[inline]
pub(super) fn raw_equal(heap: &Heap, a: Value, b: Value) -> bool {
    match (a.tag, b.tag) {
        (Tag::Int, Tag::Float) => number::int_eq_float(a.as_int(), b.as_float()),
        (Tag::Float, Tag::Int) => number::int_eq_float(b.as_int(), a.as_float()),
        (Tag::Float, Tag::Float) => a.as_float() == b.as_float(),
        (Tag::Str, Tag::Str) => heap.string_eq(a.bits, b.bits),
        _ => a == b,
    }
}

fn float(n: Number) -> f64 {
    match n {
        Number::Int(n) => n as f64,
        Number::Float(x) => x,
    }
}

impl Vm {
    /// The number that a value is or, as a string, holds.
    pub(crate) fn to_number(&self, v: Value) -> Option<Number> {
        match v.tag {
            Tag::Int => Some(Number::Int(v.as_int())),
            Tag::Float => Some(Number::Float(v.as_float())),
            Tag::Str => parse_number(self.heap.bytes(v.bits)),
            _ => None,
        }
    }

    /// The same as a float.
    pub(crate) fn to_float(&self, v: Value) -> Option<f64> {
        self.to_number(v).map(float)
    }

    /// The same as an integer, if it is one exactly.
    pub(crate) fn to_integer(&self, v: Value) -> Option<i64> {
        match self.to_number(v)? {
            Number::Int(n) => Some(n),
            Number::Float(x) => float_to_int(x),
        }
    }

    /// The metamethod of `v` with this name; nil if there is none.
    #[inline]
    pub(crate) fn metamethod(&self, v: Value, name: u64) -> Value {
        if v.tag != Tag::Table {
            return Value::NIL;
        }
        match self.heap.metatable(v.bits) {
            0 => Value::NIL,
            meta => self.heap.get_str(meta, name),
        }
    }

    fn binary_metamethod(&mut self, cx: &mut Cx, name: u64, a: Value, b: Value) -> Option<Result<Value, Fail>> {
        let mut f = self.metamethod(a, name);
        if f.is_nil() {
            f = self.metamethod(b, name);
        }
        (!f.is_nil()).then(|| self.call_values_1(cx, f, &[a, b]))
    }

    /// `a op b` for `Add` … `Pow`.
    #[cold]
    pub(super) fn arith(&mut self, cx: &mut Cx, op: Op, a: Value, b: Value) -> Result<Value, Fail> {
        if let (Some(x), Some(y)) = (self.to_number(a), self.to_number(b)) {
            return self.arith_numbers(op, x, y);
        }
        let name = match op {
            Op::Add => self.names.add,
            Op::Sub => self.names.sub,
            Op::Mul => self.names.mul,
            Op::Div => self.names.div,
            Op::Mod => self.names.modulo,
            _ => self.names.pow,
        };
        match self.binary_metamethod(cx, name, a, b) {
            Some(result) => result,
            None => {
                let (a, b) = (a.tag.type_name(), b.tag.type_name());
                Err(self.error(format!("attempt to perform arithmetic on {a} and {b}")))
            }
        }
    }

    fn arith_numbers(&mut self, op: Op, a: Number, b: Number) -> Result<Value, Fail> {
        if let (Number::Int(x), Number::Int(y)) = (a, b) {
            match op {
                Op::Add => return Ok(Value::int(x.wrapping_add(y))),
                Op::Sub => return Ok(Value::int(x.wrapping_sub(y))),
                Op::Mul => return Ok(Value::int(x.wrapping_mul(y))),
                Op::Mod if y != 0 => return Ok(Value::int(number::floored_mod(x, y))),
                _ => {}
            }
        }
        let (x, y) = (float(a), float(b));
        Ok(Value::float(match op {
            Op::Add => x + y,
            Op::Sub => x - y,
            Op::Mul => x * y,
            Op::Div => x / y,
            Op::Mod if y == 0.0 => return Err(self.error("attempt to perform 'n%0'")),
            Op::Mod => number::floored_fmod(x, y),
            _ => x.powf(y),
        }))
    }

    /// `-v`
    #[cold]
    pub(super) fn negate(&mut self, cx: &mut Cx, v: Value) -> Result<Value, Fail> {
        match self.to_number(v) {
            Some(Number::Int(n)) => Ok(Value::int(n.wrapping_neg())),
            Some(Number::Float(x)) => Ok(Value::float(-x)),
            None => {
                let f = self.metamethod(v, self.names.unm);
                if f.is_nil() {
                    return Err(self.error(format!("attempt to negate a {} value", v.tag.type_name())));
                }
                self.call_values_1(cx, f, &[v, v])
            }
        }
    }

    /// `#v`
    pub(crate) fn length(&mut self, cx: &mut Cx, v: Value) -> Result<Value, Fail> {
        match v.tag {
            Tag::Str => Ok(Value::int(self.heap.bytes(v.bits).len() as i64)),
            Tag::Table => {
                let f = self.metamethod(v, self.names.len);
                if f.is_nil() {
                    return Ok(Value::int(self.heap.length(v.bits)));
                }
                self.call_values_1(cx, f, &[v])
            }
            Tag::Channel => Ok(Value::int(self.channel_len(v) as i64)),
            _ => Err(self.error(format!("attempt to get length of a {} value", v.tag.type_name()))),
        }
    }

    /// `a == b`
    pub(crate) fn equal(&mut self, cx: &mut Cx, a: Value, b: Value) -> Result<bool, Fail> {
        if raw_equal(&self.heap, a, b) {
            return Ok(true);
        }
        if a.tag != Tag::Table || b.tag != Tag::Table {
            return Ok(false);
        }
        match self.binary_metamethod(cx, self.names.eq, a, b) {
            Some(result) => Ok(result?.truthy()),
            None => Ok(false),
        }
    }

    /// `a < b`
    pub(crate) fn less_than(&mut self, cx: &mut Cx, a: Value, b: Value) -> Result<bool, Fail> {
        match (a.tag, b.tag) {
            (Tag::Int, Tag::Int) => Ok(a.as_int() < b.as_int()),
            (Tag::Float, Tag::Float) => Ok(a.as_float() < b.as_float()),
            (Tag::Int, Tag::Float) => Ok(number::int_lt_float(a.as_int(), b.as_float())),
            (Tag::Float, Tag::Int) => Ok(number::float_lt_int(a.as_float(), b.as_int())),
            (Tag::Str, Tag::Str) => Ok(self.heap.bytes(a.bits) < self.heap.bytes(b.bits)),
            _ => self.compare_objects(cx, self.names.lt, a, b),
        }
    }

    /// `a <= b`
    pub(crate) fn less_equal(&mut self, cx: &mut Cx, a: Value, b: Value) -> Result<bool, Fail> {
        match (a.tag, b.tag) {
            (Tag::Int, Tag::Int) => Ok(a.as_int() <= b.as_int()),
            (Tag::Float, Tag::Float) => Ok(a.as_float() <= b.as_float()),
            (Tag::Int, Tag::Float) => Ok(number::int_le_float(a.as_int(), b.as_float())),
            (Tag::Float, Tag::Int) => Ok(number::float_le_int(a.as_float(), b.as_int())),
            (Tag::Str, Tag::Str) => Ok(self.heap.bytes(a.bits) <= self.heap.bytes(b.bits)),
            _ => self.compare_objects(cx, self.names.le, a, b),
        }
    }

    fn compare_objects(&mut self, cx: &mut Cx, name: u64, a: Value, b: Value) -> Result<bool, Fail> {
        match self.binary_metamethod(cx, name, a, b) {
            Some(result) => Ok(result?.truthy()),
            None => {
                let (a, b) = (a.tag.type_name(), b.tag.type_name());
                Err(self.error(format!("attempt to compare {a} with {b}")))
            }
        }
    }

    /// `R[b] .. … .. R[c]` of the frame at `base`.
    pub(super) fn concat(&mut self, cx: &mut Cx, base: *mut u8, b: u8, c: u8) -> Result<Value, Fail> {
        let slots = self.slots();
        // SAFETY: callers pass registers of the frame.
        let reg = |i: u8| unsafe { slots.load(base.add(i as usize * slots.size())) };
        let plain = |v: Value| matches!(v.tag, Tag::Str | Tag::Int | Tag::Float);
        if (b..=c).all(|i| plain(reg(i))) {
            let mut out = Vec::new();
            for i in b..=c {
                self.push_display(&mut out, reg(i));
                if out.len() as u64 > self.heap.limit() {
                    return Err(self.heap_full());
                }
            }
            return self.heap.string_value(&out).map_err(|e| self.heap_error(e));
        }
        let mut right = reg(c);
        for i in (b..c).rev() {
            let left = reg(i);
            right = if plain(left) && plain(right) {
                let mut out = Vec::new();
                self.push_display(&mut out, left);
                self.push_display(&mut out, right);
                self.heap.string_value(&out).map_err(|e| self.heap_error(e))?
            } else {
                match self.binary_metamethod(cx, self.names.concat, left, right) {
                    Some(result) => result?,
                    None => {
                        let culprit = if plain(left) { right } else { left };
                        let name = culprit.tag.type_name();
                        return Err(self.error(format!("attempt to concatenate a {name} value")));
                    }
                }
            };
        }
        Ok(right)
    }
}
