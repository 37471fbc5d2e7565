//! Reading and writing tables through metatables and inline caches.

use super::frame::FieldCache;
use super::{Cx, Fail, Vm};
use crate::heap::shapes::DICTIONARY;
use crate::heap::slot::{self, Slots};
use crate::layout::{Layout, TABLE_FIELDS, TABLE_FIELDS_CAP_SHIFT, TABLE_META, TABLE_SHAPE};
use crate::value::{Tag, Value};

/// Longest chain of `__index` or `__newindex` tables.
const MAX_CHAIN: usize = 50;

impl Vm {
    /// `object[key]`
    pub(crate) fn index(&mut self, cx: &mut Cx, object: Value, key: Value) -> Result<Value, Fail> {
        let mut at = object;
        for _ in 0..MAX_CHAIN {
            let handler = match at.tag {
                Tag::Table => {
                    let v = self.heap.get(at.bits, key);
                    if !v.is_nil() {
                        return Ok(v);
                    }
                    let meta = self.heap.metatable(at.bits);
                    if meta == 0 {
                        return Ok(Value::NIL);
                    }
                    let handler = self.heap.get_str(meta, self.names.index);
                    if handler.is_nil() {
                        return Ok(Value::NIL);
                    }
                    handler
                }
                Tag::Str => Value::object(Tag::Table, self.string_library),
                _ => return Err(self.error(format!("attempt to index a {} value", at.tag.type_name()))),
            };
            if handler.tag == Tag::Function {
                return self.call_values_1(cx, handler, &[at, key]);
            }
            at = handler;
        }
        Err(self.error("__index chain too deep"))
    }

    /// `object[key] = v`
    pub(crate) fn set_index(&mut self, cx: &mut Cx, object: Value, key: Value, v: Value) -> Result<(), Fail> {
        let mut at = object;
        for _ in 0..MAX_CHAIN {
            if at.tag != Tag::Table {
                return Err(self.error(format!("attempt to index a {} value", at.tag.type_name())));
            }
            let meta = self.heap.metatable(at.bits);
            let handler = if meta == 0 || !self.heap.get(at.bits, key).is_nil() {
                Value::NIL
            } else {
                self.heap.get_str(meta, self.names.newindex)
            };
            if handler.is_nil() {
                return self.heap.set(at.bits, key, v).map_err(|e| self.heap_error(e));
            }
            if handler.tag == Tag::Function {
                return self.call_values(cx, handler, &[at, key, v]).map(|_| ());
            }
            at = handler;
        }
        Err(self.error("__newindex chain too deep"))
    }

    /// The value under string `key`, through `__index` tables as far as no function has to be called.
    #[inline]
    pub(super) fn find_str(&self, object: Value, key: u64) -> Option<Value> {
        let mut at = object;
        for _ in 0..MAX_CHAIN {
            if at.tag != Tag::Table {
                return None;
            }
            let v = self.heap.get_str(at.bits, key);
            if !v.is_nil() {
                return Some(v);
            }
            match self.heap.metatable(at.bits) {
                0 => return Some(Value::NIL),
                meta => at = self.heap.get_str(meta, self.names.index),
            }
            if at.is_nil() {
                return Some(Value::NIL);
            }
        }
        None
    }

    /// `object.key` when the inline cache did not know.
    pub(super) fn get_field_uncached(
        &mut self,
        cx: &mut Cx,
        cache: *mut FieldCache,
        object: Value,
        key: Value,
    ) -> Result<Value, Fail> {
        if object.tag == Tag::Table {
            let shape = self.heap.half(object.bits, TABLE_SHAPE);
            if let Some(slot) = self.heap.shapes().slot(shape, key.bits) {
                // SAFETY: the cache belongs to the instruction in progress.
                unsafe { *cache = FieldCache { shape, slot, new_shape: shape } };
            }
        }
        match self.find_str(object, key.bits) {
            Some(v) => Ok(v),
            None => self.index(cx, object, key),
        }
    }

    /// `object.key = v` when the inline cache did not know.
    pub(super) fn set_field_uncached(
        &mut self,
        cx: &mut Cx,
        cache: *mut FieldCache,
        object: Value,
        key: Value,
        v: Value,
    ) -> Result<(), Fail> {
        if object.tag != Tag::Table || self.heap.metatable(object.bits) != 0 {
            return self.set_index(cx, object, key, v);
        }
        let shape = self.heap.half(object.bits, TABLE_SHAPE);
        self.heap.set_str(object.bits, key.bits, v).map_err(|e| self.heap_error(e))?;
        let new_shape = self.heap.half(object.bits, TABLE_SHAPE);
        if new_shape != DICTIONARY
            && let Some(slot) = self.heap.shapes().slot(new_shape, key.bits)
        {
            // SAFETY: the cache belongs to the instruction in progress.
            unsafe { *cache = FieldCache { shape, slot, new_shape } };
        }
        Ok(())
    }

    /// Guest address of a field's slot by its inline cache; `None` if the cache does not know.
    ///
    /// # Safety
    /// `object` is the host address of a table, `cache` that of an inline cache.
    #[inline(always)]
    pub(super) unsafe fn cached_field(layout: Layout, cache: *const FieldCache, object: *const u8) -> Option<u64> {
        // SAFETY: by the contract; a shape's slots exist in every table that has the shape.
        unsafe {
            let shape = object.add(TABLE_SHAPE as usize).cast::<u32>().read();
            if shape != (*cache).shape {
                return None;
            }
            let fields = object.add(TABLE_FIELDS as usize).cast::<u64>().read();
            Some(fields.wrapping_add(layout.slot_offset((*cache).slot.into())))
        }
    }

    /// Writes a field through its inline cache, also one that the table does not have yet; false if the cache does not
    /// know or a metatable has a say.
    ///
    /// # Safety
    /// `object` is the host address of a table, `cache` that of an inline cache, `v` that of a slot.
    #[inline(always)]
    pub(super) unsafe fn store_cached_field(
        &self,
        s: Slots,
        cache: *const FieldCache,
        object: *mut u8,
        v: *const u8,
    ) -> bool {
        // SAFETY: by the contract; a shape's slots exist in every table that has the shape, and the capacity is checked
        // before a field is added.
        unsafe {
            let shape = object.add(TABLE_SHAPE as usize).cast::<u32>();
            let c = *cache;
            if shape.read() != c.shape {
                return false;
            }
            let fields = object.add(TABLE_FIELDS as usize).cast::<u64>().read();
            let to = self.heap.host(fields.wrapping_add(s.layout.slot_offset(c.slot.into())));
            let meta = object.add(TABLE_META as usize).cast::<u32>().read();
            if c.new_shape == c.shape {
                if meta != 0 && s.tag(to) == slot::NIL {
                    return false;
                }
            } else {
                let cap = u32::from((object.cast::<u64>().read() >> TABLE_FIELDS_CAP_SHIFT) as u16);
                if meta != 0 || c.slot >= cap || s.tag(v) == slot::NIL {
                    return false;
                }
                shape.write(c.new_shape);
            }
            s.copy(to, v);
            true
        }
    }
}
