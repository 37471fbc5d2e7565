//! Maps with few entries.

use smallvec::SmallVec;

/// A map for few entries, kept in one sorted vector: what analyses know at a point, which is copied, compared and met with
/// others far more often than it grows. Its methods are those of [`BTreeMap`](std::collections::BTreeMap).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SmallMap<K, V> {
    entries: SmallVec<[(K, V); 8]>,
}

impl<K, V> Default for SmallMap<K, V> {
    fn default() -> Self {
        SmallMap { entries: SmallVec::new() }
    }
}

impl<K: Ord, V> SmallMap<K, V> {
    /// An empty map.
    pub fn new() -> Self {
        Self::default()
    }

    /// The position of a key, or where it would have to be.
    fn position(&self, key: &K) -> Result<usize, usize> {
        self.entries.binary_search_by(|(k, _)| k.cmp(key))
    }

    /// The value of a key.
    pub fn get(&self, key: &K) -> Option<&V> {
        self.position(key).ok().map(|i| &self.entries[i].1)
    }

    /// Sets the value of a key.
    pub fn insert(&mut self, key: K, value: V) {
        match self.position(&key) {
            Ok(i) => self.entries[i].1 = value,
            Err(i) => self.entries.insert(i, (key, value)),
        }
    }

    /// Removes a key, if it is there.
    pub fn remove(&mut self, key: &K) {
        if let Ok(i) = self.position(key) {
            self.entries.remove(i);
        }
    }

    /// The value of a key, a new one if it has none.
    pub fn get_or_insert_with(&mut self, key: K, new: impl FnOnce() -> V) -> &mut V {
        let i = self.position(&key).unwrap_or_else(|i| {
            self.entries.insert(i, (key, new()));
            i
        });
        &mut self.entries[i].1
    }

    /// The value of a key, a default one if it has none.
    pub fn get_or_default(&mut self, key: K) -> &mut V
    where
        V: Default,
    {
        self.get_or_insert_with(key, V::default)
    }

    /// Keys and values, ascending.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.entries.iter().map(|(k, v)| (k, v))
    }

    /// The values, by ascending keys.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.entries.iter_mut().map(|(_, v)| v)
    }

    /// Keeps the entries for which `keep` says so; it is asked in ascending order.
    pub fn retain(&mut self, mut keep: impl FnMut(&K, &mut V) -> bool) {
        self.entries.retain(|(k, v)| keep(k, v));
    }
}

impl<K: Ord, V> Extend<(K, V)> for SmallMap<K, V> {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
        for (key, value) in entries {
            self.insert(key, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use gscript::random::Random;

    use super::*;

    #[test]
    fn it_is_the_same_map_as_a_tree() {
        let mut random = Random::new(1);
        for _ in 0..200 {
            let (mut small, mut tree) = (SmallMap::new(), BTreeMap::new());
            for step in 0..40u32 {
                let key = random.below(20) as u16;
                match random.below(5) {
                    0 => {
                        small.remove(&key);
                        tree.remove(&key);
                    }
                    1 => {
                        *small.get_or_default(key) += 1;
                        *tree.entry(key).or_default() += 1;
                    }
                    2 => {
                        let keep = |k: &u16, v: &mut u32| k % 3 != (*v % 2) as u16;
                        small.retain(keep);
                        tree.retain(keep);
                    }
                    _ => {
                        small.insert(key, step);
                        tree.insert(key, step);
                    }
                }
                assert_eq!(small.get(&key), tree.get(&key));
                assert!(small.iter().eq(tree.iter()));
            }
            assert!(small.values_mut().eq(tree.values_mut()));
            let mut copy = SmallMap::new();
            copy.extend(tree);
            assert_eq!(small, copy);
        }
    }
}
