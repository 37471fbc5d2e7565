//! The code region: installed words, their micro-operations, and how often each was executed.

use super::CODE_BASE;
use super::decode::{Place, decode, direct_offset};
use super::fuse::fuse;
use super::op::{Code, Op};
use crate::{Counters, InstallError};

/// Words that can be installed in all.
pub(super) const LIMIT: usize = 64 << 20;

/// Code objects start at multiples of this many words, a cache line, as JIT compilers have it.
const ALIGNMENT: usize = 16;

/// All installed code.
///
/// Executions are not counted one by one. `taken` counts the taken branches by word; `entries` the entries to a
/// word other than through a direct branch, less the stops in front of it (modulo 2^64). Executions of a word are
/// those of the word before it, less that one's taken branches, plus the entries to it and the direct branches to it.
#[derive(Debug, Default)]
pub(super) struct CodeRegion {
    words: Vec<u32>,
    ops: Vec<Op>,
    taken: Vec<u64>,
    entries: Vec<u64>,
    longest_run: usize,
}

/// What the run loop works on. All slices have the same length.
pub(super) struct Parts<'a> {
    pub words: &'a [u32],
    pub ops: &'a [Op],
    pub taken: &'a mut [u64],
    pub entries: &'a mut [u64],
}

impl CodeRegion {
    /// Words installed, with the padding between objects.
    pub(super) fn len(&self) -> usize {
        self.words.len()
    }

    /// The most instructions that can be executed in a row without a taken branch.
    pub(super) fn longest_run(&self) -> usize {
        self.longest_run
    }

    pub(super) fn parts(&mut self) -> Parts<'_> {
        Parts { words: &self.words, ops: &self.ops, taken: &mut self.taken, entries: &mut self.entries }
    }

    /// Index of the word at a guest address, if code is there.
    pub(super) fn index(&self, address: u64) -> Option<usize> {
        index_of(address, self.len())
    }

    /// Appends a code object and gives its guest address.
    pub(super) fn install(&mut self, code: &[u32]) -> Result<u64, InstallError> {
        let start = self.len();
        // At least one word of padding (UDF #0) ends each object, so that no execution goes on to the next.
        let end = (start + code.len() + 1).next_multiple_of(ALIGNMENT);
        if code.len() > LIMIT || end > LIMIT {
            return Err(InstallError::Full { words: code.len(), limit: LIMIT });
        }
        self.words.extend_from_slice(code);
        self.words.resize(end, 0);
        self.taken.resize(end, 0);
        self.entries.resize(end, 0);
        for index in start..end {
            let place = Place { index: index as u64, len: end as u64 };
            self.ops.push(decode(self.words[index], place));
        }
        let mut run = 0;
        for op in self.ops[start..].iter().rev() {
            run = if matches!(op.code, Code::B | Code::Bl | Code::Br | Code::Blr) { 1 } else { run + 1 };
            self.longest_run = self.longest_run.max(run);
        }
        for index in start..end - 1 {
            if let Some(fused) = fuse(&self.ops[index], &self.ops[index + 1]) {
                self.ops[index] = fused;
            }
        }
        Ok(address_of(start))
    }

    /// Forgets all counts.
    pub(super) fn reset_counts(&mut self) {
        self.taken.fill(0);
        self.entries.fill(0);
    }

    /// Executions of each word from `start` (the start of a code object) to `end`.
    pub(super) fn executions(&self, start: usize, end: usize) -> Vec<u64> {
        let mut arrivals = self.entries.clone();
        for (index, &taken) in self.taken.iter().enumerate() {
            if taken != 0
                && let Some(target) = self.direct_target(index)
            {
                arrivals[target] = arrivals[target].wrapping_add(taken);
            }
        }
        let mut count = 0u64;
        let mut left = 0u64;
        let words = arrivals[start..end].iter().zip(&self.taken[start..end]);
        words
            .map(|(arrived, taken)| {
                count = count.wrapping_sub(left).wrapping_add(*arrived);
                left = *taken;
                count
            })
            .collect()
    }

    /// Taken branches of each word from `start` to `end`.
    pub(super) fn taken(&self, start: usize, end: usize) -> Vec<u64> {
        self.taken[start..end].to_vec()
    }

    /// Where the direct branch at `index` goes, if the run loop leaves its entries to be derived.
    fn direct_target(&self, index: usize) -> Option<usize> {
        use Code::*;
        match self.ops[index].code {
            B | Bl | BCond | CbzX | CbzW | CbnzX | CbnzW | Tbz | Tbnz => {
                Some((self.ops[index].imm & 0xffff_ffff) as usize)
            }
            _ => None,
        }
    }

    /// Sums of all counts; host calls are not known here.
    pub(super) fn counters(&self) -> Counters {
        let mut counters = Counters::default();
        for (index, count) in self.executions(0, self.len()).into_iter().enumerate() {
            if count == 0 {
                continue;
            }
            counters.instructions += count;
            match event(self.words[index]) {
                Event::Load(bytes) => {
                    counters.loads += count;
                    counters.bytes_loaded += count * bytes;
                }
                Event::Store(bytes) => {
                    counters.stores += count;
                    counters.bytes_stored += count * bytes;
                }
                Event::Branch => {
                    counters.branches += count;
                    counters.branches_taken += self.taken[index];
                }
                Event::Other => {}
            }
        }
        counters
    }
}

/// Index of the word at `address` in a region of `len` words.
#[inline(always)]
pub(super) fn index_of(address: u64, len: usize) -> Option<usize> {
    // Rotating moves the two low bits to the top, so that one comparison rejects misaligned addresses too.
    let index = address.wrapping_sub(CODE_BASE).rotate_right(2);
    (index < len as u64).then_some(index as usize)
}

/// Guest address of a word.
#[inline(always)]
pub(super) fn address_of(index: usize) -> u64 {
    CODE_BASE + 4 * index as u64
}

/// Index of the target of a direct branch that had no target when it was installed.
pub(super) fn far_target(word: u32, index: usize) -> u64 {
    address_of(index).wrapping_add((direct_offset(word) * 4) as u64)
}

/// What an executed word counts as.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Event {
    Load(u64),
    Store(u64),
    Branch,
    Other,
}

/// Classifies a word that was executed, hence is a known instruction.
fn event(word: u32) -> Event {
    let is_vector = word >> 26 & 1 != 0;
    let size = word >> 30;
    match word >> 25 & 0b1111 {
        0b1010 | 0b1011 if word >> 24 != 0xd5 => Event::Branch,
        0b0100 | 0b0110 | 0b1100 | 0b1110 => {
            let is_pair = word >> 27 & 7 == 0b101;
            if is_pair {
                let element = if is_vector { 4 << size } else { 4 << (size >> 1) };
                return if word >> 22 & 1 != 0 { Event::Load(2 * element) } else { Event::Store(2 * element) };
            }
            match (is_vector, word >> 22 & 3) {
                (false, 0b10) if size == 3 => Event::Other,
                (_, 0b00) => Event::Store(1 << size),
                (true, 0b10) => Event::Store(16),
                (true, 0b11) => Event::Load(16),
                _ => Event::Load(1 << size),
            }
        }
        _ => Event::Other,
    }
}
