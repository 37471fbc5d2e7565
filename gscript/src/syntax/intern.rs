//! Interned byte strings: names, field names and string literals.

use std::sync::Arc;

use rustc_hash::FxHashMap;

/// An interned byte string.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Sym(pub u32);

/// Byte strings by number and back.
#[derive(Default, Debug)]
pub struct Interner {
    index: FxHashMap<Arc<[u8]>, Sym>,
    strings: Vec<Arc<[u8]>>,
}

impl Interner {
    /// The number of this string.
    pub fn intern(&mut self, bytes: &[u8]) -> Sym {
        if let Some(&sym) = self.index.get(bytes) {
            return sym;
        }
        let string: Arc<[u8]> = bytes.into();
        let sym = Sym(self.strings.len() as u32);
        self.strings.push(string.clone());
        self.index.insert(string, sym);
        sym
    }

    /// The string with this number.
    pub fn bytes(&self, sym: Sym) -> &Arc<[u8]> {
        &self.strings[sym.0 as usize]
    }

    /// The string with this number as text, for names and messages.
    pub fn text(&self, sym: Sym) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(self.bytes(sym))
    }
}
