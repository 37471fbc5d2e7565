//! Random numbers, values and instructions, the same on every run.

use crate::patterns::{COMPUTE, FLOAT, MEMORY};

/// SplitMix64.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
    /// A number below `limit`.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }
}

/// An integer: often one at the edge of a width.
pub fn integer(random: &mut Random) -> u64 {
    match random.below(6) {
        0 => random.below(64),
        1 => random.below(16).wrapping_neg(),
        2 => {
            let edge = 1u64 << random.pick(&[7, 8, 15, 16, 31, 32, 47, 48, 62, 63]);
            edge.wrapping_add(random.below(3)).wrapping_sub(1)
        }
        3 => random.next() >> random.below(64),
        _ => random.next(),
    }
}

const DOUBLES: [u64; 14] = [
    0x7ff8_0000_0000_0000,
    0xfff8_0000_0000_0001,
    0x7ff8_1234_5678_9abc,
    0x7ff0_0000_0000_0001,
    0xfff4_0000_dead_beef,
    0x7ff0_0000_0000_0000,
    0xfff0_0000_0000_0000,
    0x0000_0000_0000_0000,
    0x8000_0000_0000_0000,
    0x0000_0000_0000_0001,
    0x800f_ffff_ffff_ffff,
    0x0010_0000_0000_0000,
    0x7fef_ffff_ffff_ffff,
    0x3ff0_0000_0000_0000,
];

const SINGLES: [u32; 14] = [
    0x7fc0_0000,
    0xffc0_0001,
    0x7fc1_2345,
    0x7f80_0001,
    0xffa0_beef,
    0x7f80_0000,
    0xff80_0000,
    0x0000_0000,
    0x8000_0000,
    0x0000_0001,
    0x807f_ffff,
    0x0080_0000,
    0x7f7f_ffff,
    0x3f80_0000,
];

/// The bits of a double, or of a single under random upper bits.
pub fn float(random: &mut Random) -> u64 {
    let halves = random.below(200) as f64 / 2.0 - 50.0;
    match random.below(8) {
        0 => random.pick(&DOUBLES),
        1 => random.next() << 32 | u64::from(random.pick(&SINGLES)),
        2 => halves.to_bits(),
        3 => random.next() << 32 | u64::from((halves as f32).to_bits()),
        4 => ((random.next() as i64) as f64 / 1024.0).to_bits(),
        5 => {
            // Near the edges of the integer types.
            let edge = random.pick(&[31, 32, 63, 64]) as f64;
            let value = edge.exp2() + random.pick(&[-1.0, -0.5, 0.0, 0.5, 1.0]);
            random.pick(&[value, -value]).to_bits()
        }
        6 => random.next() << 32 | u64::from(((random.next() as i32) as f32 / 64.0).to_bits()),
        _ => random.next(),
    }
}

/// General registers that sequences may write; X24–X28 steer memory accesses.
fn written(random: &mut Random) -> u32 {
    match random.below(26) as u32 {
        register @ 0..24 => register,
        register => register - 24 + 29,
    }
}

/// An instruction word from a pattern.
fn instantiate(pattern: &str, random: &mut Random) -> u32 {
    let characters: Vec<char> = pattern.chars().filter(|c| *c != ' ').collect();
    assert_eq!(characters.len(), 32, "{pattern}");
    let mut word = 0u32;
    let mut at = 0;
    while at < 32 {
        let character = characters[at];
        let is_register = !matches!(character, '0' | '1' | 'x' | 's');
        if !is_register {
            let bit = match character {
                '0' => 0,
                '1' => 1,
                _ => random.below(2) as u32,
            };
            word |= bit << (31 - at);
            at += 1;
            continue;
        }
        assert!(characters[at..at + 5].iter().all(|c| *c == character), "{pattern}");
        let register = match character {
            'd' if random.below(16) == 0 => 31,
            'd' | 'e' => written(random),
            'b' => random.pick(&[28, 28, 31]),
            'w' => 28,
            _ => random.below(32) as u32,
        };
        word |= register << (27 - at);
        at += 5;
    }
    word
}

/// A bitwise operation with an immediate.
fn logical_immediate(random: &mut Random) -> u32 {
    let is_64 = random.below(2) as u32;
    let length = 1 + random.below(5 + u64::from(is_64)) as u32;
    let size = 1 << length;
    let ones = random.below(size - 1) as u32;
    let rotate = random.below(64) as u32 & if is_64 == 1 { 63 } else { 31 };
    let imms = if length == 6 { ones } else { 0x3f & !((size as u32) * 2 - 1) | ones };
    let operation = random.below(4) as u32;
    let d = written(random);
    let n = random.below(32) as u32;
    let element_is_64 = u32::from(length == 6);
    is_64 << 31 | operation << 29 | 0b100100 << 23 | element_is_64 << 22 | rotate << 16 | imms << 10 | n << 5 | d
}

/// A branch `distance` words forward.
fn branch(random: &mut Random, distance: u32) -> u32 {
    let register = random.below(32) as u32;
    match random.below(6) {
        0 => 0x1400_0000 | distance,
        1 => 0x9400_0000 | distance,
        2 | 3 => 0x5400_0000 | distance << 5 | random.below(16) as u32,
        4 => (random.below(2) as u32) << 31 | 0x3400_0000 | (random.below(2) as u32) << 24 | distance << 5 | register,
        _ => {
            let bit = random.below(64) as u32;
            bit >> 5 << 31 | 0x3600_0000 | (random.below(2) as u32) << 24 | (bit & 31) << 19 | distance << 5 | register
        }
    }
}

/// Two results in one register are unpredictable.
fn is_predictable(word: u32) -> bool {
    let is_pair_load = word >> 27 & 7 == 0b101 && word >> 22 & 1 == 1 && word >> 25 & 1 == 0;
    !is_pair_load || word & 31 != word >> 10 & 31
}

fn memory(random: &mut Random) -> u32 {
    loop {
        let pattern = random.pick(MEMORY);
        let word = instantiate(pattern, random);
        if is_predictable(word) {
            return word;
        }
    }
}

/// A sequence of `length` instructions.
pub fn sequence(random: &mut Random, length: usize) -> Vec<u32> {
    let mut words: Vec<u32> = Vec::with_capacity(length);
    // Indices of words that are jumped to.
    let mut targets = Vec::new();
    while words.len() < length {
        let rest = (length - words.len()) as u64;
        match random.below(20) {
            0..=7 => {
                let pattern = random.pick(COMPUTE);
                words.push(instantiate(pattern, random));
            }
            8 => words.push(logical_immediate(random)),
            9..=12 => {
                let pattern = random.pick(FLOAT);
                words.push(instantiate(pattern, random));
            }
            13..=16 => words.push(memory(random)),
            17 => {
                let distance = 1 + random.below(rest.min(4)) as u32;
                targets.push(words.len() + distance as usize);
                words.push(branch(random, distance));
            }
            18 if rest >= 2 => {
                // A comparison and a branch on it.
                let compare = random.pick(&[
                    "s111000100xxxxxxxxxxxxnnnnn11111",
                    "s111000100000000xxxxxxnnnnn11111",
                    "s1101011000mmmmm000000nnnnn11111",
                ]);
                words.push(instantiate(compare, random));
                let distance = 1 + random.below((rest - 1).min(4)) as u32;
                targets.push(words.len() + distance as usize);
                words.push(0x5400_0000 | distance << 5 | random.below(16) as u32);
            }
            19 if rest >= 3 && !targets.contains(&(words.len() + 1)) => {
                // adr xN, target; br, blr or ret xN
                let register = written(random);
                let distance = 2 + random.below((rest - 1).min(3)) as u32;
                targets.push(words.len() + distance as usize);
                words.push(0x1000_0000 | distance << 5 | register);
                words.push(random.pick(&[0xd61f_0000, 0xd63f_0000, 0xd65f_0000]) | register << 5);
            }
            _ => {}
        }
    }
    words
}
