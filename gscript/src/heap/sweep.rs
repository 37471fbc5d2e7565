//! A collection as the heap sees it: begin, (mark), finish; and when the next one is due.

use super::Heap;
use super::alloc::POISON;
use super::cells::Cell;
use super::mark::Marker;

/// Bytes that are always allocated between two collections, unless the limit is near. Below it, collecting would cost
/// more time than the memory is worth: it takes at least some 600 objects of the library and the whole stack.
pub(super) const MIN_GROWTH: u64 = 1 << 20;

/// Words that a collection may search without becoming rarer under stress. A program with a deep stack would never end
/// if all of it were searched at every step.
const CHEAP_WORDS: u64 = 4096;

/// Collections after which they become half as frequent under stress, again and again, so that long programs end.
const PATIENCE: u64 = 2048;

impl Heap {
    /// Should the interpreter collect at its next safe point?
    #[inline(always)]
    pub(crate) fn collection_due(&self) -> bool {
        self.due
    }

    /// Makes a collection due at the next safe point.
    pub(super) fn demand_collection(&mut self) {
        self.due = true;
    }

    /// The same as a decision: under stress, which counts safe points.
    pub(crate) fn decide_collection(&mut self) -> bool {
        if self.stress == 0 || self.used() > self.threshold || self.is_out_of_boxes() {
            return true;
        }
        self.until_stress = self.until_stress.saturating_sub(1);
        if self.until_stress > 0 {
            return false;
        }
        true
    }

    /// Makes a collection due at every `every`th safe point (0: when it is needed only), less often as soon as much has to be
    /// searched or has happened, and poisons what is free.
    pub(crate) fn set_stress(&mut self, every: u32) {
        self.stress = every;
        self.until_stress = every;
        self.due = every > 0;
        self.give_back_region();
    }

    /// Collections so far.
    pub fn collections(&self) -> u64 {
        self.collections
    }

    /// Bytes that were alive after the last collection.
    pub fn live(&self) -> u64 {
        self.live
    }

    /// Bytes of all objects and blocks that were ever allocated.
    pub fn allocated(&self) -> u64 {
        self.freed + self.used()
    }

    /// The most bytes that were ever in use, give or take the current region.
    pub fn peak(&self) -> u64 {
        self.peak.max(self.used())
    }

    /// Begins a collection: completes the map of cells. Roots are marked next.
    pub(crate) fn begin_collection(&mut self) -> Marker {
        self.note_inline();
        self.peak = self.peak.max(self.used());
        self.give_back_region();
        Marker::default()
    }

    /// Marks what the heap itself refers to: the field names of shapes, which inline caches and compiled code know by number.
    pub(crate) fn mark_own_roots(&mut self, marker: &mut Marker) {
        for shape in 0..self.shapes.count() as u32 {
            // The other names are those of the shapes that it was made from.
            if let Some(&name) = self.shapes.keys(shape).last() {
                self.mark_object(marker, name);
            }
        }
    }

    /// Ends a collection: what is not marked is free.
    pub(crate) fn finish_collection(&mut self, marker: &Marker) {
        let cost = 1 + marker.searched() / CHEAP_WORDS;
        let cost = cost << (self.collections / PATIENCE).min(16);
        self.until_stress = u32::try_from(cost).unwrap_or(u32::MAX).saturating_mul(self.stress);
        self.drop_unmarked_strings();
        let top = self.cells.top();
        let before = self.used();
        self.sweep();
        self.freed += before - self.used();
        self.cells.clear_marks(top);
        self.collections += 1;
        self.live = self.reserved;
        self.threshold = self.live.saturating_add(self.live.max(MIN_GROWTH)).min(self.limit);
        self.due = self.stress > 0;
    }

    fn sweep(&mut self) {
        self.free.clear();
        self.reserved = 0;
        let top = self.cells.top();
        let mut run = None;
        let mut at = self.cells.first_from(self.heap_start);
        while at < top {
            let end = self.cells.end(at);
            let what = self.cells.get(at);
            if what != Some(Cell::Free) && self.cells.is_marked(at) {
                self.reserved += end - at;
                if let Some(start) = run.take() {
                    self.free.add(start, at - start);
                }
            } else {
                if self.stress > 0 && what != Some(Cell::Free) {
                    self.fill(at, end - at, POISON);
                }
                match run {
                    Some(_) => self.cells.clear(at),
                    None => {
                        self.cells.set(at, Cell::Free);
                        run = Some(at);
                    }
                }
            }
            at = end;
        }
        if let Some(start) = run {
            self.cells.clear(start);
            self.cells.set_top(start);
        }
        self.free.sort();
    }
}
