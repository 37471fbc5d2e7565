//! Numbers as text, both ways.

/// Appends an integer in decimal.
pub fn push_int(out: &mut Vec<u8>, n: i64) {
    let mut buf = [0u8; 20];
    let mut at = buf.len();
    let mut rest = n.unsigned_abs();
    loop {
        at -= 1;
        buf[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if n < 0 {
        out.push(b'-');
    }
    out.extend_from_slice(&buf[at..]);
}

/// Appends a float in its print form: the shortest digits that read back as the same number, in exponent form when the
/// decimal exponent is below −4 or at least 6, and with `.0` when nothing else shows that it is a float.
pub fn push_float(out: &mut Vec<u8>, x: f64) {
    if !x.is_finite() {
        out.extend_from_slice(if x.is_nan() {
            b"NaN"
        } else if x > 0.0 {
            b"+Inf"
        } else {
            b"-Inf"
        });
        return;
    }
    // Rust's exponent form has the shortest digits: `-d.ddde-5`.
    let text = format!("{x:e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..6).contains(&exponent) {
        let plain = format!("{x}");
        out.extend_from_slice(plain.as_bytes());
        if !plain.contains('.') {
            out.extend_from_slice(b".0");
        }
    } else {
        out.extend_from_slice(digits.as_bytes());
        let sign = if exponent < 0 { '-' } else { '+' };
        out.extend_from_slice(format!("e{sign}{:02}", exponent.abs()).as_bytes());
    }
}

/// A number, as text can hold it.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Number {
    /// An integer.
    Int(i64),
    /// A float.
    Float(f64),
}

/// The number that a string holds, blanks around it aside: a decimal integer that fits 64 bits, else a decimal float.
pub fn parse_number(text: &[u8]) -> Option<Number> {
    let text = std::str::from_utf8(text).ok()?.trim_matches([' ', '\t', '\n', '\r', '\x0b', '\x0c']);
    if let Ok(n) = text.parse::<i64>() {
        return Some(Number::Int(n));
    }
    // Rust also reads "inf", "nan" and "infinity".
    let plain = text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'e' | b'E'));
    if !plain {
        return None;
    }
    text.parse::<f64>().ok().map(Number::Float)
}

/// The integer that a string holds in base 2–36, blanks around it aside; `None` if it holds none or it is too large.
pub fn parse_in_base(text: &[u8], base: u32) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?.trim();
    i64::from_str_radix(text, base).ok()
}

/// Is `a < b`? Exact for all values, also for integers that no float represents.
pub fn int_lt_float(a: i64, b: f64) -> bool {
    // Beyond ±2^63 the float decides alone; within, its integer part is exact.
    if b.is_nan() {
        false
    } else if b >= 9_223_372_036_854_775_808.0 {
        true
    } else if b < -9_223_372_036_854_775_808.0 {
        false
    } else {
        let whole = b.floor();
        a < whole as i64 || (a == whole as i64 && whole < b)
    }
}

/// Is `a <= b`? Exact for all values.
pub fn int_le_float(a: i64, b: f64) -> bool {
    if b.is_nan() {
        false
    } else if b >= 9_223_372_036_854_775_808.0 {
        true
    } else if b < -9_223_372_036_854_775_808.0 {
        false
    } else {
        a <= b.floor() as i64
    }
}

/// Is `a < b`? Exact for all values.
pub fn float_lt_int(a: f64, b: i64) -> bool {
    !a.is_nan() && !int_le_float(b, a)
}

/// Is `a <= b`? Exact for all values.
pub fn float_le_int(a: f64, b: i64) -> bool {
    !a.is_nan() && !int_lt_float(b, a)
}

/// Are they the same number? Exact for all values.
pub fn int_eq_float(a: i64, b: f64) -> bool {
    crate::heap::table::float_to_int(b) == Some(a)
}

/// Remainder with the sign of the divisor; the divisor is not 0.
pub fn floored_mod(a: i64, b: i64) -> i64 {
    let r = a.wrapping_rem(b);
    if r != 0 && (r ^ b) < 0 { r + b } else { r }
}

/// Remainder with the sign of the divisor; the divisor is not 0.
pub fn floored_fmod(a: f64, b: f64) -> f64 {
    let r = a % b;
    if r != 0.0 && (r < 0.0) != (b < 0.0) { r + b } else { r }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(x: f64) -> String {
        let mut out = Vec::new();
        push_float(&mut out, x);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn floats_print_with_shortest_digits() {
        let table = [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (5.0, "5.0"),
            (-1.5, "-1.5"),
            (0.1, "0.1"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (0.00012345, "0.00012345"),
            (999_999.0, "999999.0"),
            (1e6, "1e+06"),
            (1_234_567.5, "1.2345675e+06"),
            (123_456.789, "123456.789"),
            (1e100, "1e+100"),
            (1.5e-300, "1.5e-300"),
            (f64::MAX, "1.7976931348623157e+308"),
            (5e-324, "5e-324"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
            (f64::NAN, "NaN"),
        ];
        for (x, expected) in table {
            assert_eq!(text(x), expected);
        }
    }

    #[test]
    fn integers_print_at_their_limits() {
        for n in [0, 7, -7, i64::MAX, i64::MIN] {
            let mut out = Vec::new();
            push_int(&mut out, n);
            assert_eq!(String::from_utf8(out).unwrap(), n.to_string());
        }
    }

    #[test]
    fn strings_read_as_numbers() {
        assert_eq!(parse_number(b" 10 "), Some(Number::Int(10)));
        assert_eq!(parse_number(b"-3"), Some(Number::Int(-3)));
        assert_eq!(parse_number(b"1e3"), Some(Number::Float(1000.0)));
        assert_eq!(parse_number(b"9223372036854775808"), Some(Number::Float(9.223372036854776e18)));
        for bad in ["", " ", "abc", "0x10", "inf", "nan", "1 2", "e", "."] {
            assert_eq!(parse_number(bad.as_bytes()), None, "{bad}");
        }
        assert_eq!(parse_in_base(b"ff", 16), Some(255));
        assert_eq!(parse_in_base(b"12", 2), None);
    }

    #[test]
    fn mixed_comparison_is_exact() {
        let big = 9_007_199_254_740_993; // 2^53 + 1
        assert!(!int_eq_float(big, 9_007_199_254_740_992.0));
        assert!(float_lt_int(9_007_199_254_740_992.0, big));
        assert!(!int_le_float(big, 9_007_199_254_740_992.0));
        assert!(int_lt_float(i64::MAX, 9.223372036854776e18));
        assert!(int_lt_float(1, 1.5) && !int_lt_float(2, 1.5) && int_lt_float(-2, -1.5) && !int_lt_float(-1, -1.5));
        assert!(int_lt_float(i64::MAX, f64::INFINITY) && !int_lt_float(0, f64::NEG_INFINITY));
        for le in [int_le_float(1, f64::NAN), float_le_int(f64::NAN, 1), float_lt_int(f64::NAN, 1)] {
            assert!(!le);
        }
    }

    #[test]
    fn remainders_take_the_sign_of_the_divisor() {
        assert_eq!((floored_mod(7, 3), floored_mod(-7, 3), floored_mod(7, -3)), (1, 2, -2));
        assert_eq!(floored_mod(i64::MIN, -1), 0);
        assert_eq!((floored_fmod(5.5, 2.0), floored_fmod(-5.5, 2.0), floored_fmod(5.5, -2.0)), (1.5, 0.5, -0.5));
        assert_eq!(floored_fmod(1.0, f64::INFINITY), 1.0);
    }
}
