//! NaN-boxing: a value in 64 bits.
//!
//! A double is its own bits. Everything else is a NaN that no double ever is: its top 16 bits, from [`FIRST`] to `0xffff`,
//! say what it is, the 48 bits below are the payload.
//!
//! That works because the only NaNs among doubles are those with an empty payload, of either sign. Processors make the
//! positive one (A64) or the negative one (x86) out of numbers, and hand on the payload of an operand that is a NaN, so
//! arithmetic on such NaNs gives such NaNs. Where other ones could come in (library functions), [`canonical`] replaces
//! them. Programs cannot tell NaNs apart.
//!
//! Integers of 48 bits are in line; all others are boxed in an immutable object of the heap. Addresses of objects are guest
//! addresses; they fit 48 bits on every host.

use crate::value::{Tag, Value};

/// Lowest bit of the top part.
pub const SHIFT: u32 = 48;
/// The payload's bits.
pub const PAYLOAD: u64 = (1 << SHIFT) - 1;

/// Top part of integers in line. With all its bits set, boxing a 48-bit integer is one OR, whatever its sign.
pub const INT: u64 = 0xffff;
/// Top part of integers in a box, whose address is the payload. It differs from [`INT`] in the lowest bit, so one
/// comparison accepts both.
pub const WIDE: u64 = 0xfffe;
/// Top part of tables.
pub const TABLE: u64 = 0xfffd;
/// Top part of booleans; the payload is 0 or 1.
pub const BOOL: u64 = 0xfffc;
/// Top part of functions.
pub const FUNCTION: u64 = 0xfffb;
/// Top part of strings.
pub const STR: u64 = 0xfffa;
/// Top part of nil (payload 0), coroutines, and channels (address plus [`CHANNEL`]).
pub const OTHER: u64 = 0xfff9;
/// The lowest top part that is no double's.
pub const FIRST: u64 = OTHER;
/// Added to the address of a channel; objects begin at multiples of 16.
pub const CHANNEL: u64 = 8;

/// nil
pub const NIL: u64 = OTHER << SHIFT;
/// false
pub const FALSE: u64 = BOOL << SHIFT;

/// Does an integer fit in line?
#[inline(always)]
pub const fn fits(n: i64) -> bool {
    n << 16 >> 16 == n
}

/// Is the word a double?
#[inline(always)]
pub const fn is_float(word: u64) -> bool {
    word < FIRST << SHIFT
}

/// The word of an integer that fits.
#[inline(always)]
pub const fn int(n: i64) -> u64 {
    n as u64 | INT << SHIFT
}

/// The bits of a double, those of a NaN without payload if it is one.
#[inline(always)]
pub const fn canonical(bits: u64) -> u64 {
    if f64::from_bits(bits).is_nan() { bits & 1 << 63 | 0x7ff8 << SHIFT } else { bits }
}

/// Top part of values with this tag; integers taken as those in line. None for floats.
pub const fn top(tag: Tag) -> Option<u64> {
    Some(match tag {
        Tag::Nil | Tag::Coroutine | Tag::Channel => OTHER,
        Tag::Bool => BOOL,
        Tag::Int => INT,
        Tag::Float => return None,
        Tag::Str => STR,
        Tag::Table => TABLE,
        Tag::Function => FUNCTION,
    })
}

/// The word of a value; none for an integer that needs a box.
#[inline(always)]
pub const fn encode(v: Value) -> Option<u64> {
    Some(match v.tag {
        Tag::Int if fits(v.as_int()) => int(v.as_int()),
        Tag::Int => return None,
        Tag::Float => canonical(v.bits),
        Tag::Nil => NIL,
        Tag::Bool => FALSE | v.bits & 1,
        Tag::Channel => NIL | v.bits & PAYLOAD | CHANNEL,
        Tag::Coroutine => NIL | v.bits & PAYLOAD,
        Tag::Str => STR << SHIFT | v.bits & PAYLOAD,
        Tag::Table => TABLE << SHIFT | v.bits & PAYLOAD,
        Tag::Function => FUNCTION << SHIFT | v.bits & PAYLOAD,
    })
}

/// What a word is: a value, or the address of a boxed integer.
#[inline(always)]
pub const fn decode(word: u64) -> Result<Value, u64> {
    let payload = word & PAYLOAD;
    let tag = match word >> SHIFT {
        INT => return Ok(Value::int((word << 16) as i64 >> 16)),
        WIDE => return Err(payload),
        TABLE => Tag::Table,
        BOOL => return Ok(Value { tag: Tag::Bool, bits: payload & 1 }),
        FUNCTION => Tag::Function,
        STR => Tag::Str,
        OTHER if payload == 0 => Tag::Nil,
        OTHER if payload & CHANNEL != 0 => return Ok(Value { tag: Tag::Channel, bits: payload & !CHANNEL }),
        OTHER => Tag::Coroutine,
        _ => return Ok(Value { tag: Tag::Float, bits: word }),
    };
    Ok(Value { tag, bits: payload })
}

/// The guest address that a word refers to, if it refers to an object.
#[inline(always)]
pub const fn object(word: u64) -> Option<u64> {
    match word >> SHIFT {
        WIDE | TABLE | FUNCTION | STR => Some(word & PAYLOAD),
        OTHER if word != NIL => Some(word & PAYLOAD & !CHANNEL),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_mean_what_they_were_made_of() {
        let mut all = vec![Value::NIL, Value::bool(false), Value::bool(true)];
        for n in [0, 1, -1, 1 << 40, -(1 << 40), (1 << 47) - 1, -(1 << 47)] {
            assert!(fits(n));
            all.push(Value::int(n));
        }
        for x in [0.0, -0.0, 1.5, f64::INFINITY, f64::NEG_INFINITY, f64::MIN, f64::MAX, f64::from_bits(1)] {
            all.extend([Value::float(x), Value::float(-x)]);
        }
        for tag in Tag::ALL.into_iter().filter(|t| t.is_object()) {
            all.extend([0x1_0000_0000, 0x7fff_ffff_fff0].map(|at| Value::object(tag, at)));
        }
        let words: Vec<u64> = all.iter().map(|&v| encode(v).unwrap()).collect();
        for (i, (&v, &w)) in all.iter().zip(&words).enumerate() {
            assert_eq!(decode(w), Ok(v));
            assert_eq!(is_float(w), v.tag == Tag::Float);
            assert_eq!(object(w), v.tag.is_object().then_some(v.bits));
            assert_eq!(top(v.tag), (!is_float(w)).then_some(w >> SHIFT));
            assert!(words[..i].iter().zip(&all).all(|(&x, &u)| (x == w) == (u == v)));
        }
    }

    #[test]
    fn wide_integers_need_a_box() {
        for n in [1 << 47, -(1 << 47) - 1, i64::MAX, i64::MIN] {
            assert!(!fits(n) && encode(Value::int(n)).is_none());
        }
        assert_eq!(decode(WIDE << SHIFT | 0x1_0000_0040), Err(0x1_0000_0040));
        assert_eq!(object(WIDE << SHIFT | 0x1_0000_0040), Some(0x1_0000_0040));
    }

    #[test]
    fn a_nan_is_never_a_tagged_value() {
        for bits in [0x7ff8 << 48, 0xfff8 << 48, u64::MAX, 0x7ff0_0000_0000_0001, 0xfff9_0000_1234_5670] {
            let word = encode(Value { tag: Tag::Float, bits }).unwrap();
            assert!(is_float(word) && f64::from_bits(word).is_nan());
            assert_eq!((word >> 63, word & 0x7ff << 52, word & ((1 << 51) - 1)), (bits >> 63, 0x7ff << 52, 0));
        }
    }
}
