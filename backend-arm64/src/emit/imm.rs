//! What fits into the immediate fields of A64 instructions. The assembler panics on what does not, so everything is asked
//! here first.

use dynasmrt::aarch64::{encode_floating_point_immediate, encode_logical_immediate_64bit};
use smallvec::SmallVec;

/// Does `value` fit an `add` immediate: 12 bits, perhaps shifted left by 12? Then `(bits, shift)`.
pub fn arithmetic(value: u64) -> Option<(u32, u32)> {
    match value {
        0..=0xfff => Some((value as u32, 0)),
        _ if value & 0xfff == 0 && value <= 0xfff << 12 => Some(((value >> 12) as u32, 12)),
        _ => None,
    }
}

/// Can `value` be added, subtracted or compared with one instruction (`sub` for negative values, `cmn` for `cmp`)?
pub fn is_add_immediate(value: i64) -> bool {
    arithmetic(value.unsigned_abs()).is_some()
}

/// Is `value` cheaper to add in two parts, high and low, than to make in a register first?
pub fn is_split_add_immediate(value: i64) -> bool {
    value.unsigned_abs() < 1 << 24 && Recipe::of(value as u64).words() > 1
}

/// Does an offset fit `ldp` and `stp` of 8-byte registers?
pub fn pair_offset_fits(offset: i64) -> bool {
    offset % 8 == 0 && (-512..=504).contains(&offset)
}

/// Does an offset fit the scaled form of `ldr` and `str` of an 8-byte register?
pub fn scaled_offset_fits(offset: i64) -> bool {
    offset % 8 == 0 && (0..=32760).contains(&offset)
}

/// Does an offset fit `ldur` and `stur`?
pub fn unscaled_offset_fits(offset: i64) -> bool {
    (-256..=255).contains(&offset)
}

/// Is `value` a bitmask immediate of a 64-bit logical instruction?
pub fn is_logical(value: u64) -> bool {
    encode_logical_immediate_64bit(value).is_some()
}

/// Is the double with these bits an immediate of `fmov`? Then as a float, which every such value is exactly.
pub fn float(bits: u64) -> Option<f32> {
    let value = f64::from_bits(bits) as f32;
    let exact = f64::from(value).to_bits() == bits;
    (exact && encode_floating_point_immediate(value).is_some()).then_some(value)
}

/// A part of a constant being built: `movz` or `movn` first, then `movk`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Chunk {
    /// 16 bits.
    pub bits: u32,
    /// Where they go: 0, 16, 32 or 48.
    pub shift: u32,
}

/// The parts of a constant, at most four.
pub type Chunks = SmallVec<[Chunk; 4]>;

/// How to make a constant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Recipe {
    /// `movz`, then `movk` for the rest.
    Movz(Chunks),
    /// `movn` of the first chunk (bits already inverted), then `movk` for the rest.
    Movn(Chunks),
    /// `orr` of XZR and a bitmask immediate.
    Logical,
}

impl Recipe {
    /// How many instructions it takes.
    pub fn words(&self) -> usize {
        match self {
            Recipe::Movz(chunks) | Recipe::Movn(chunks) => chunks.len(),
            Recipe::Logical => 1,
        }
    }

    /// The shortest recipe for a constant; `movz` wins ties.
    pub fn of(value: u64) -> Recipe {
        let chunk = |i: u32| (value >> (16 * i)) as u32 & 0xffff;
        let others = |filler: u32| -> Chunks {
            (0..4).filter(|&i| chunk(i) != filler).map(|i| Chunk { bits: chunk(i), shift: 16 * i }).collect()
        };
        let (mut zeros, mut ones) = (others(0), others(0xffff));
        if zeros.is_empty() {
            zeros.push(Chunk { bits: 0, shift: 0 });
        }
        if ones.is_empty() {
            ones.push(Chunk { bits: 0xffff, shift: 0 });
        }
        let shortest = zeros.len().min(ones.len());
        if shortest > 1 && is_logical(value) {
            Recipe::Logical
        } else if zeros.len() == shortest {
            Recipe::Movz(zeros)
        } else {
            ones[0].bits ^= 0xffff;
            Recipe::Movn(ones)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value_of(recipe: &Recipe) -> Option<u64> {
        let movk = |start: u64, rest: &[Chunk]| {
            rest.iter().fold(start, |v, c| v & !(0xffff << c.shift) | u64::from(c.bits) << c.shift)
        };
        match recipe {
            Recipe::Movz(c) => Some(movk(u64::from(c[0].bits) << c[0].shift, &c[1..])),
            Recipe::Movn(c) => Some(movk(!(u64::from(c[0].bits) << c[0].shift), &c[1..])),
            Recipe::Logical => None,
        }
    }

    #[test]
    fn recipes_make_their_values() {
        let mut values = vec![0, 1, 0xffff, 0x10000, u64::MAX, u64::MAX - 1, i64::MIN as u64, i64::MAX as u64];
        values.extend([0x1234_5678_9abc_def0, 0xffff_0000_ffff_1234, 0x5555_5555_5555_5555, 1.1f64.to_bits()]);
        for v in values {
            let recipe = Recipe::of(v);
            match value_of(&recipe) {
                Some(made) => assert_eq!(made, v, "{recipe:?}"),
                None => assert!(is_logical(v)),
            }
        }
        assert_eq!(Recipe::of(0x5555_5555_5555_5555), Recipe::Logical);
        assert!(matches!(Recipe::of(-2i64 as u64), Recipe::Movn(c) if c.len() == 1));
        assert!(matches!(Recipe::of(0xffff_0000), Recipe::Movz(c) if c.len() == 1));
    }

    #[test]
    fn constants_that_are_added_in_two_parts() {
        for (v, split) in
            [(5000, false), (70_000, true), (-70_000, true), (0xff_ffff, false), (0xab_cdef, true), (0x100_0001, false)]
        {
            assert_eq!(is_split_add_immediate(v), split, "{v}");
        }
    }

    #[test]
    fn limits_of_immediates() {
        for (v, fits) in [(0, true), (4095, true), (4096, true), (4097, false), (0xfff000, true), (0x1000000, false)] {
            assert_eq!(is_add_immediate(v), fits, "{v}");
            assert_eq!(is_add_immediate(-v), fits, "-{v}");
        }
        assert!(!is_add_immediate(i64::MIN));
        for (o, fits) in [(504, true), (512, false), (-512, true), (-520, false), (4, false)] {
            assert_eq!(pair_offset_fits(o), fits, "{o}");
        }
        for (o, fits) in [(32760, true), (32768, false), (-8, false), (12, false)] {
            assert_eq!(scaled_offset_fits(o), fits, "{o}");
        }
        assert_eq!(float(1.0f64.to_bits()), Some(1.0));
        assert_eq!(float((-31.0f64).to_bits()), Some(-31.0));
        assert_eq!(float(0.0f64.to_bits()), None);
        assert_eq!(float(0.1f64.to_bits()), None);
        assert_eq!(float(f64::NAN.to_bits()), None);
    }
}
