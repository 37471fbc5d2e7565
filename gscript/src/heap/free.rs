//! Lists of free runs.

use super::cells::GRANULE;
use std::collections::BTreeSet;

/// Largest cell, in bytes, that comes from the current region.
pub(super) const SMALL_BYTES: u64 = 1024;

/// Free runs by size.
#[derive(Default)]
pub(super) struct FreeRuns {
    /// Start addresses of runs of up to [`SMALL_BYTES`], by size in granules less one.
    small: Vec<Vec<u64>>,
    /// Size and start of the others.
    large: BTreeSet<(u64, u64)>,
}

impl FreeRuns {
    pub fn clear(&mut self) {
        self.small.resize_with((SMALL_BYTES / GRANULE) as usize, Vec::new);
        self.small.iter_mut().for_each(Vec::clear);
        self.large.clear();
    }

    pub fn add(&mut self, at: u64, bytes: u64) {
        if bytes > SMALL_BYTES {
            self.large.insert((bytes, at));
        } else {
            self.small[(bytes / GRANULE) as usize - 1].push(at);
        }
    }

    /// Small runs are used from the lowest address on.
    pub fn sort(&mut self) {
        self.small.iter_mut().for_each(|runs| runs.reverse());
    }

    /// The smallest run of at least so many bytes: start and size.
    pub fn at_least(&mut self, bytes: u64) -> Option<(u64, u64)> {
        if bytes <= SMALL_BYTES {
            for (i, runs) in self.small.iter_mut().enumerate().skip((bytes / GRANULE) as usize - 1) {
                if let Some(at) = runs.pop() {
                    return Some((at, (i as u64 + 1) * GRANULE));
                }
            }
        }
        let run = *self.large.range((bytes, 0)..).next()?;
        self.large.remove(&run);
        Some((run.1, run.0))
    }

    /// A run of exactly so many bytes.
    pub fn exactly(&mut self, bytes: u64) -> Option<u64> {
        self.small.get_mut((bytes / GRANULE) as usize - 1)?.pop()
    }
}
