//! Shapes (hidden classes): which string-keyed field of a table lies in which slot of its fields block.
//!
//! Tables that get the same fields in the same order share a shape, so one comparison of shape numbers tells compiled
//! code and inline caches where a field is. Shapes form a tree: adding a field goes to a child. Deleting one only
//! writes nil into its slot.

use rustc_hash::FxHashMap;

/// Most string fields that a shape holds; a table with more becomes a dictionary.
pub const MAX_FIELDS: usize = 64;
/// Shape of a table without fields.
pub const EMPTY: u32 = 0;
/// Shape number of a table whose string keys are all in its hash part.
pub const DICTIONARY: u32 = u32::MAX;
/// Most shapes that a program makes; further tables become dictionaries.
const MAX_SHAPES: usize = 1 << 14;
/// Up to this many fields a shape is searched linearly.
const LINEAR: usize = 8;

/// One shape.
#[derive(Default)]
pub struct Shape {
    /// Guest addresses of the field names (interned strings), in slot order.
    keys: Vec<u64>,
    /// Slot by field name, for shapes with many fields.
    index: FxHashMap<u64, u32>,
}

/// All shapes of a program, by number.
pub struct Shapes {
    list: Vec<Shape>,
    transitions: FxHashMap<(u32, u64), u32>,
}

impl Shapes {
    pub(super) fn new() -> Shapes {
        Shapes { list: vec![Shape::default()], transitions: FxHashMap::default() }
    }

    /// Slot of the field whose name is the interned string at `key`.
    #[inline]
    pub fn slot(&self, shape: u32, key: u64) -> Option<u32> {
        let shape = self.list.get(shape as usize)?;
        if shape.keys.len() <= LINEAR {
            shape.keys.iter().position(|&k| k == key).map(|i| i as u32)
        } else {
            shape.index.get(&key).copied()
        }
    }

    /// Field names in slot order; none for [`DICTIONARY`].
    pub fn keys(&self, shape: u32) -> &[u64] {
        self.list.get(shape as usize).map_or(&[], |s| &s.keys)
    }

    /// How many shapes there are.
    pub fn count(&self) -> usize {
        self.list.len()
    }

    /// The shape with one more field, if some table has had it already.
    pub fn known_child(&self, shape: u32, key: u64) -> Option<u32> {
        self.transitions.get(&(shape, key)).copied()
    }

    /// The shape with one more field, or `None` if there can be none and the table must become a dictionary.
    pub(super) fn child(&mut self, shape: u32, key: u64) -> Option<u32> {
        if let Some(&child) = self.transitions.get(&(shape, key)) {
            return Some(child);
        }
        let parent = self.list.get(shape as usize)?;
        if parent.keys.len() >= MAX_FIELDS || self.list.len() >= MAX_SHAPES {
            return None;
        }
        let mut keys = Vec::with_capacity(parent.keys.len() + 1);
        keys.extend_from_slice(&parent.keys);
        keys.push(key);
        let index = if keys.len() > LINEAR {
            keys.iter().enumerate().map(|(i, &k)| (k, i as u32)).collect()
        } else {
            FxHashMap::default()
        };
        let child = self.list.len() as u32;
        self.list.push(Shape { keys, index });
        self.transitions.insert((shape, key), child);
        Some(child)
    }
}
