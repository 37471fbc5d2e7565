//! The map of cells: where each object and each block begins.
//!
//! The heap from its start to its top is tiled by cells: objects (which begin with a header word), blocks (slots of a
//! table, a coroutine's stack; no header) and free runs. Two bits for every 16 bytes of heap say what begins there, so a
//! cell ends where the next one begins, blocks need no header for their size, and an address inside of a cell is traced
//! back to its beginning. A third bit is the mark of a collection.

/// Cells begin at multiples of this many bytes.
pub(super) const GRANULE: u64 = 16;

/// What begins at an address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Cell {
    /// Memory that belongs to nobody.
    Free,
    /// Memory without a header that belongs to an object or to the interpreter.
    Block,
    /// An object.
    Object,
}

/// The map.
#[derive(Default)]
pub(super) struct CellMap {
    /// Guest address of the heap's first byte.
    base: u64,
    /// Guest address behind the last cell.
    top: u64,
    /// Bits of objects and blocks.
    cell: Vec<u64>,
    /// Bits of objects and free runs: with `cell`, four states.
    other: Vec<u64>,
    mark: Vec<u64>,
}

impl CellMap {
    /// An empty heap from `base` on.
    pub fn new(base: u64) -> CellMap {
        CellMap { base, top: base, ..CellMap::default() }
    }

    /// Guest address behind the last cell.
    pub fn top(&self) -> u64 {
        self.top
    }

    /// Moves the top; what lies between the old and the new one must be covered by cells, or must have no cells.
    pub fn set_top(&mut self, top: u64) {
        self.top = top;
        let words = ((top - self.base) / GRANULE).div_ceil(64) as usize;
        if words > self.cell.len() {
            for bits in [&mut self.cell, &mut self.other, &mut self.mark] {
                bits.resize(words, 0);
            }
        }
    }

    /// Word and bit of an address of the heap.
    #[inline(always)]
    fn place(&self, at: u64) -> (usize, u64) {
        let granule = (at - self.base) / GRANULE;
        ((granule / 64) as usize, 1 << (granule % 64))
    }

    /// Notes what begins at `at`, an address below the top.
    #[inline(always)]
    pub fn set(&mut self, at: u64, what: Cell) {
        let (word, bit) = self.place(at);
        let put = |bits: &mut u64, on: bool| *bits = if on { *bits | bit } else { *bits & !bit };
        put(&mut self.cell[word], what != Cell::Free);
        put(&mut self.other[word], what != Cell::Block);
    }

    /// Nothing begins at `at`: it becomes part of the cell before.
    pub fn clear(&mut self, at: u64) {
        let (word, bit) = self.place(at);
        self.cell[word] &= !bit;
        self.other[word] &= !bit;
    }

    /// What begins at exactly this address, whatever it is.
    #[inline]
    pub fn get(&self, at: u64) -> Option<Cell> {
        if at < self.base || at >= self.top || !at.is_multiple_of(GRANULE) {
            return None;
        }
        let (word, bit) = self.place(at);
        match (self.cell[word] & bit != 0, self.other[word] & bit != 0) {
            (false, false) => None,
            (false, true) => Some(Cell::Free),
            (true, false) => Some(Cell::Block),
            (true, true) => Some(Cell::Object),
        }
    }

    /// The first place at or behind `at` where something begins; the top if there is none.
    pub fn first_from(&self, at: u64) -> u64 {
        if at >= self.top {
            return self.top;
        }
        let (mut word, bit) = self.place(at);
        let mut bits = (self.cell[word] | self.other[word]) & !(bit - 1);
        while bits == 0 {
            word += 1;
            if word as u64 * 64 * GRANULE >= self.top - self.base {
                return self.top;
            }
            bits = self.cell[word] | self.other[word];
        }
        let granule = word as u64 * 64 + u64::from(bits.trailing_zeros());
        (self.base + granule * GRANULE).min(self.top)
    }

    /// Where the cell that begins at `at` ends.
    pub fn end(&self, at: u64) -> u64 {
        self.first_from(at + GRANULE)
    }

    /// Where the cell begins that an address lies in, whatever the address.
    pub fn find(&self, address: u64) -> Option<(u64, Cell)> {
        if address < self.base || address >= self.top {
            return None;
        }
        let (mut word, bit) = self.place(address);
        let mut bits = (self.cell[word] | self.other[word]) & (bit | (bit - 1));
        while bits == 0 {
            word = word.checked_sub(1)?;
            bits = self.cell[word] | self.other[word];
        }
        let granule = word as u64 * 64 + 63 - u64::from(bits.leading_zeros());
        let at = self.base + granule * GRANULE;
        Some((at, self.get(at)?))
    }

    /// Is the cell at `at` marked?
    pub fn is_marked(&self, at: u64) -> bool {
        if at < self.base || at >= self.top {
            return false;
        }
        let (word, bit) = self.place(at);
        self.mark[word] & bit != 0
    }

    /// Marks the cell at `at`; true if it was not marked before.
    #[inline]
    pub fn mark(&mut self, at: u64) -> bool {
        let (word, bit) = self.place(at);
        let new = self.mark[word] & bit == 0;
        self.mark[word] |= bit;
        new
    }

    /// Removes all marks below an address.
    pub fn clear_marks(&mut self, below: u64) {
        let words = ((below - self.base) / GRANULE).div_ceil(64) as usize;
        self.mark[..words].fill(0);
    }
}
