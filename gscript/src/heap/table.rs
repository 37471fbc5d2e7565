//! Tables: an array part for keys 0, 1, 2 …, a fields block ruled by a shape for string keys, and a hash part.
//!
//! The array part covers the keys `0..size`; programs may count from 0 or from 1 and both index it directly. A positive
//! key below [`PADDED_KEYS`], or the next key, extends it; others go to the hash part. `len` (at most `size`) is one
//! past the last key that may be non-nil; it shrinks lazily, when the length is asked for.
//!
//! Order of iteration: array part, fields in shape order, hash part in insertion order.

use super::shapes::{DICTIONARY, MAX_FIELDS};
use super::{Heap, HeapError, slot};
use crate::layout::{
    ARRAY_HEADER_BYTES, HEADER, KIND_TABLE, TABLE_ARRAY, TABLE_ARRAY_LEN, TABLE_BYTES, TABLE_FIELDS, TABLE_SHAPE,
};
use crate::value::{Tag, Value};

/// A positive integer key below this always goes to the array part, over nil padding if need be.
pub const PADDED_KEYS: u64 = 1024;
/// Most slots of an array part.
const MAX_ARRAY: u64 = 1 << 31;

/// The key under which a table files `key`: an integral float is its integer.
#[inline]
pub fn normalize_key(key: Value) -> Value {
    match key.tag {
        Tag::Float => float_to_int(key.as_float()).map_or(key, Value::int),
        _ => key,
    }
}

/// The integer equal to a float, if there is one.
#[inline]
pub fn float_to_int(x: f64) -> Option<i64> {
    // −2^63 is a float, 2^63 is the first one too large.
    ((-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&x) && x.trunc() == x).then_some(x as i64)
}

impl Heap {
    /// A new table with room for `array` items with keys from 1 on and for `fields` string keys.
    pub fn new_table(&mut self, array: u32, fields: u32) -> Result<u64, HeapError> {
        let t = self.alloc(TABLE_BYTES)?;
        self.set_word(t, HEADER, KIND_TABLE);
        if array > 0 {
            self.resize_array(t, u64::from(array) + 1)?;
        }
        if fields > 0 {
            self.resize_fields(t, fields.min(MAX_FIELDS as u32))?;
        }
        Ok(t)
    }

    /// Copies `n` slots from block to block.
    fn copy_block(&mut self, to: u64, from: u64, n: usize) -> Result<(), HeapError> {
        let bytes = n as u64 * self.slot_bytes();
        // Wrong compiled code may have changed the address of the old one.
        let (Some(to), Some(from)) = (self.span(to, bytes), self.span(from & !7, bytes)) else {
            return Err(HeapError::Full);
        };
        // SAFETY: both ranges lie in the arena.
        unsafe { self.slots.copy_n(to, from, n) };
        Ok(())
    }

    fn resize_array(&mut self, t: u64, cap: u64) -> Result<(), HeapError> {
        if cap > MAX_ARRAY {
            return Err(HeapError::Full);
        }
        let new = self.new_array_block(t, cap)?;
        let old = self.array_block(t);
        if old != 0 {
            let size = self.array_size(t) as usize;
            self.copy_block(new + ARRAY_HEADER_BYTES, old.wrapping_add(ARRAY_HEADER_BYTES), size)?;
            self.free_block(old);
        }
        self.set_word(t, TABLE_ARRAY, new + ARRAY_HEADER_BYTES);
        Ok(())
    }

    fn resize_fields(&mut self, t: u64, cap: u32) -> Result<(), HeapError> {
        let new = self.alloc_slots(0, u64::from(cap))?;
        let (old, old_cap) = (self.word(t, TABLE_FIELDS), self.fields_cap(t));
        if old != 0 {
            self.copy_block(new, old, old_cap as usize)?;
            self.free_block(old);
        }
        self.set_word(t, TABLE_FIELDS, new);
        self.set_fields_cap(t, cap);
        Ok(())
    }

    #[inline]
    fn array_slot(&self, t: u64, k: u64) -> *mut u8 {
        self.host(self.word(t, TABLE_ARRAY).wrapping_add(k * self.slot_bytes()))
    }

    #[inline]
    fn field_slot(&self, t: u64, i: u32) -> *mut u8 {
        self.host(self.word(t, TABLE_FIELDS).wrapping_add(u64::from(i) * self.slot_bytes()))
    }

    /// The value under an integer key; nil if there is none. Metatables are not asked.
    #[inline]
    pub fn get_int(&self, t: u64, k: i64) -> Value {
        if (k as u64) < u64::from(self.half(t, TABLE_ARRAY_LEN)) {
            // SAFETY: keys below `len` have slots.
            return unsafe { self.slots.load(self.array_slot(t, k as u64)) };
        }
        self.hash_get(self.hash_part(t), Value::int(k))
    }

    /// The value under a string key; nil if there is none. Metatables are not asked.
    #[inline]
    pub fn get_str(&self, t: u64, s: u64) -> Value {
        let shape = self.half(t, TABLE_SHAPE);
        if let Some(i) = self.shapes.slot(shape, s) {
            // SAFETY: a shape's slots exist in every table that has the shape.
            return unsafe { self.slots.load(self.field_slot(t, i)) };
        }
        if shape == DICTIONARY || !self.is_interned(s) {
            return self.hash_get(self.hash_part(t), Value::object(Tag::Str, s));
        }
        Value::NIL
    }

    /// The value under `key`; nil if there is none. Metatables are not asked.
    pub fn get(&self, t: u64, key: Value) -> Value {
        let key = normalize_key(key);
        match key.tag {
            Tag::Int => self.get_int(t, key.as_int()),
            Tag::Str => self.get_str(t, key.bits),
            Tag::Nil => Value::NIL,
            _ => self.hash_get(self.hash_part(t), key),
        }
    }

    /// The value of the field with this name. Metatables are not asked.
    pub fn get_field(&mut self, t: u64, name: &str) -> Result<Value, HeapError> {
        let s = self.new_string(name.as_bytes())?;
        Ok(self.get_str(t, s))
    }

    /// Writes `v` under `key`; nil deletes. Metatables are not asked.
    pub fn set(&mut self, t: u64, key: Value, v: Value) -> Result<(), HeapError> {
        let key = normalize_key(key);
        match key.tag {
            Tag::Int => self.set_int_key(t, key.as_int(), v),
            Tag::Str => self.set_str(t, key.bits, v),
            Tag::Nil => Err(HeapError::NilKey),
            Tag::Float if key.as_float().is_nan() => Err(HeapError::NanKey),
            _ => self.set_hash(t, key, v),
        }
    }

    /// Writes the field with this name.
    pub fn set_field(&mut self, t: u64, name: &str, v: Value) -> Result<(), HeapError> {
        let s = self.new_string(name.as_bytes())?;
        self.set_str(t, s, v)
    }

    fn set_hash(&mut self, t: u64, key: Value, v: Value) -> Result<(), HeapError> {
        if self.array_block(t) == 0 {
            if v.is_nil() {
                return Ok(());
            }
            // The block without slots, for its header.
            self.resize_array(t, 0)?;
        }
        let new = self.hash_set(self.hash_part(t), key, v)?;
        self.set_hash_part(t, new);
        Ok(())
    }

    /// Writes `v` under an integer key; nil deletes.
    pub fn set_int_key(&mut self, t: u64, k: i64, v: Value) -> Result<(), HeapError> {
        let n = k as u64;
        if n < u64::from(self.half(t, TABLE_ARRAY_LEN)) {
            // SAFETY: keys below `len` have slots.
            unsafe { self.put(self.array_slot(t, n), v) };
            return Ok(());
        }
        let size = u64::from(self.array_size(t));
        if n >= size {
            if n > size && n >= PADDED_KEYS {
                return self.set_hash(t, Value::int(k), v);
            }
            if v.is_nil() {
                return Ok(());
            }
            let cap = u64::from(self.array_cap(t));
            if n >= cap {
                self.resize_array(t, (n + 1).max(cap * 2).max(4))?;
            }
            self.set_array_size(t, (n as u32).wrapping_add(1));
        } else if v.is_nil() {
            return Ok(());
        }
        self.set_half(t, TABLE_ARRAY_LEN, (n as u32).wrapping_add(1));
        // SAFETY: there is room for key `n` now.
        unsafe { self.put(self.array_slot(t, n), v) };
        if n >= size && self.hash_has_ints(self.hash_part(t)) {
            self.pull_from_hash(t)?;
        }
        Ok(())
    }

    /// Moves the keys that follow the array part from the hash part into it.
    #[cold]
    fn pull_from_hash(&mut self, t: u64) -> Result<(), HeapError> {
        loop {
            let k = self.array_size(t);
            let block = self.hash_part(t);
            let Some(n) = self.hash_find(block, Value::int(i64::from(k))) else { return Ok(()) };
            let v = self.hash_entry(block, n).1;
            if v.is_nil() {
                return Ok(());
            }
            self.hash_set_value(block, n, Value::NIL);
            if k >= self.array_cap(t) {
                self.resize_array(t, (u64::from(k) * 2).max(4))?;
            }
            self.set_array_size(t, k.wrapping_add(1));
            self.set_half(t, TABLE_ARRAY_LEN, k.wrapping_add(1));
            // SAFETY: there is room for key `k` now.
            unsafe { self.put(self.array_slot(t, u64::from(k)), v) };
        }
    }

    /// Writes `v` under a string key; nil deletes.
    pub fn set_str(&mut self, t: u64, s: u64, v: Value) -> Result<(), HeapError> {
        let shape = self.half(t, TABLE_SHAPE);
        if let Some(i) = self.shapes.slot(shape, s) {
            // SAFETY: a shape's slots exist in every table that has the shape.
            unsafe { self.put(self.field_slot(t, i), v) };
            return Ok(());
        }
        if shape == DICTIONARY || !self.is_interned(s) {
            return self.set_hash(t, Value::object(Tag::Str, s), v);
        }
        if v.is_nil() {
            return Ok(());
        }
        let Some(child) = self.shapes.child(shape, s) else {
            self.become_dictionary(t)?;
            return self.set_hash(t, Value::object(Tag::Str, s), v);
        };
        let i = self.shapes.keys(shape).len() as u32;
        let cap = self.fields_cap(t);
        if i >= cap {
            self.resize_fields(t, cap.saturating_mul(2).clamp(4, MAX_FIELDS as u32))?;
        }
        // SAFETY: there is room for slot `i` now.
        unsafe { self.put(self.field_slot(t, i), v) };
        self.set_half(t, TABLE_SHAPE, child);
        Ok(())
    }

    #[cold]
    fn become_dictionary(&mut self, t: u64) -> Result<(), HeapError> {
        let shape = self.half(t, TABLE_SHAPE);
        for i in 0..self.shapes.keys(shape).len() {
            let key = Value::object(Tag::Str, self.shapes.keys(shape)[i]);
            // SAFETY: a shape's slots exist in every table that has the shape.
            let v = unsafe { self.slots.load(self.field_slot(t, i as u32)) };
            self.set_hash(t, key, v)?;
        }
        self.free_block(self.word(t, TABLE_FIELDS));
        self.set_word(t, TABLE_FIELDS, 0);
        self.set_fields_cap(t, 0);
        self.set_half(t, TABLE_SHAPE, DICTIONARY);
        Ok(())
    }

    /// A table's shape number.
    pub fn shape_of(&self, t: u64) -> u32 {
        self.half(t, TABLE_SHAPE)
    }

    /// Keys from 0 below this are in the array part.
    pub fn array_extent(&self, t: u64) -> u32 {
        self.half(t, TABLE_ARRAY_LEN)
    }

    /// Length of the array part; 0 for one that wrong compiled code has damaged.
    fn array_len(&self, t: u64) -> u32 {
        let len = self.half(t, TABLE_ARRAY_LEN);
        if u64::from(len) * self.slot_bytes() <= self.limit() { len } else { 0 }
    }

    /// The length `#t`: the highest non-nil key of the array part; key 0 and hash keys do not count.
    #[inline]
    pub fn length(&mut self, t: u64) -> i64 {
        let old = self.half(t, TABLE_ARRAY_LEN);
        let mut len = self.array_len(t);
        // SAFETY: keys below `len` have slots.
        while len > 0 && unsafe { self.slots.tag(self.array_slot(t, u64::from(len) - 1)) } == slot::NIL {
            len -= 1;
        }
        if len != old {
            self.set_half(t, TABLE_ARRAY_LEN, len);
        }
        i64::from(len.saturating_sub(1))
    }

    /// The key and value after `key` (nil: the first), or `None` at the end.
    pub fn next(&self, t: u64, key: Value) -> Result<Option<(Value, Value)>, HeapError> {
        let key = normalize_key(key);
        let shape = self.half(t, TABLE_SHAPE);
        let block = self.hash_part(t);
        let in_array = |k: u64| k < u64::from(self.array_size(t));
        let field = if key.tag == Tag::Str { self.shapes.slot(shape, key.bits) } else { None };
        let (array, field, entry) = match (key.tag, field) {
            (Tag::Nil, _) => (0, 0, 0),
            (Tag::Int, _) if in_array(key.bits) => (key.bits + 1, 0, 0),
            (_, Some(i)) => (u64::MAX, i as usize + 1, 0),
            _ => (u64::MAX, usize::MAX, self.hash_find(block, key).ok_or(HeapError::BadNextKey)? + 1),
        };
        for k in array..u64::from(self.array_len(t)) {
            // SAFETY: keys below `len` have slots.
            let v = unsafe { self.slots.load(self.array_slot(t, k)) };
            if !v.is_nil() {
                return Ok(Some((Value::int(k as i64), v)));
            }
        }
        for (i, &name) in self.shapes.keys(shape).iter().enumerate().skip(field) {
            // SAFETY: a shape's slots exist in every table that has the shape.
            let v = unsafe { self.slots.load(self.field_slot(t, i as u32)) };
            if !v.is_nil() {
                return Ok(Some((Value::object(Tag::Str, name), v)));
            }
        }
        for n in entry..self.hash_used(block) {
            let (key, v) = self.hash_entry(block, n);
            if !v.is_nil() {
                return Ok(Some((key, v)));
            }
        }
        Ok(None)
    }

    /// Has the table no fields and no entries of any kind?
    pub fn is_table_empty(&self, t: u64) -> bool {
        matches!(self.next(t, Value::NIL), Ok(None))
    }
}
