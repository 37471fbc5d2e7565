//! `string.format`

use super::Args;
use crate::interp::number::{Number, push_float};
use crate::interp::{Cx, Fail, Vm};
use crate::value::Tag;

const NAME: &str = "string.format";
/// Largest width or precision.
const MAX_WIDTH: usize = 999;

/// One conversion: `%-08.3f`.
#[derive(Default)]
struct Spec {
    left: bool,
    plus: bool,
    space: bool,
    alternate: bool,
    zero: bool,
    width: usize,
    precision: Option<usize>,
}

impl Spec {
    /// Appends a number's sign and digits, padded; `numeric` allows zeros between them.
    fn push_number(&self, out: &mut Vec<u8>, negative: bool, digits: &[u8], zero_ok: bool) {
        let sign: &[u8] = match (negative, self.plus, self.space) {
            (true, _, _) => b"-",
            (_, true, _) => b"+",
            (_, _, true) => b" ",
            _ => b"",
        };
        let fill = self.width.saturating_sub(sign.len() + digits.len());
        let zeros = self.zero && zero_ok && !self.left;
        if !self.left && !zeros {
            out.resize(out.len() + fill, b' ');
        }
        out.extend_from_slice(sign);
        if zeros {
            out.resize(out.len() + fill, b'0');
        }
        out.extend_from_slice(digits);
        if self.left {
            out.resize(out.len() + fill, b' ');
        }
    }

    fn push_text(&self, out: &mut Vec<u8>, text: &[u8]) {
        let fill = self.width.saturating_sub(text.len());
        if !self.left {
            out.resize(out.len() + fill, b' ');
        }
        out.extend_from_slice(text);
        if self.left {
            out.resize(out.len() + fill, b' ');
        }
    }

    fn push_integer(&self, out: &mut Vec<u8>, negative: bool, mut digits: String) {
        if let Some(p) = self.precision {
            if digits.len() < p {
                digits.insert_str(0, &"0".repeat(p - digits.len()));
            } else if p == 0 && digits == "0" {
                digits.clear();
            }
        }
        self.push_number(out, negative, digits.as_bytes(), self.precision.is_none());
    }
}

/// Exponent form with at least two exponent digits.
fn exponent_form(x: f64, precision: usize) -> (String, i32) {
    let text = format!("{x:.precision$e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let sign = if exponent < 0 { '-' } else { '+' };
    (format!("{mantissa}e{sign}{:02}", exponent.abs()), exponent)
}

fn strip_zeros(text: &str) -> String {
    let (mantissa, exponent) = match text.find('e') {
        Some(at) => text.split_at(at),
        None => (text, ""),
    };
    if !mantissa.contains('.') {
        return text.to_string();
    }
    format!("{}{exponent}", mantissa.trim_end_matches('0').trim_end_matches('.'))
}

/// The digits of `|x|` as `verb` wants them.
fn float_digits(x: f64, verb: u8, spec: &Spec) -> String {
    let precision = spec.precision.unwrap_or(6);
    let text = match verb.to_ascii_lowercase() {
        b'f' => format!("{x:.precision$}"),
        b'e' => exponent_form(x, precision).0,
        _ => {
            let precision = precision.max(1);
            let (text, exponent) = exponent_form(x, precision - 1);
            let text = if (-4..precision as i32).contains(&exponent) {
                format!("{x:.*}", (precision as i32 - 1 - exponent) as usize)
            } else {
                text
            };
            if spec.alternate { text } else { strip_zeros(&text) }
        }
    };
    let text = if spec.alternate && !text.contains('.') {
        match text.find('e') {
            Some(at) => format!("{}.{}", &text[..at], &text[at..]),
            None => text + ".",
        }
    } else {
        text
    };
    if verb.is_ascii_uppercase() { text.to_ascii_uppercase() } else { text }
}

fn push_quoted(out: &mut Vec<u8>, text: &[u8]) {
    out.push(b'"');
    for &b in text {
        match b {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', b]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            _ => out.push(b),
        }
    }
    out.push(b'"');
}

fn number_argument(vm: &mut Vm, args: &Args, i: usize) -> Result<Number, Fail> {
    let v = args.get(i);
    match vm.to_number(v) {
        Some(n) => Ok(n),
        // A string that holds no number counts as 0.
        None if v.tag == Tag::Str => Ok(Number::Int(0)),
        None => {
            let got = v.tag.type_name();
            Err(vm.bad_argument(i, NAME, &format!("number expected, got {got}")))
        }
    }
}

fn truncated(n: Number) -> i64 {
    match n {
        Number::Int(n) => n,
        Number::Float(x) => x as i64,
    }
}

pub(super) fn format(vm: &mut Vm, cx: &mut Cx, args: Args) -> Result<usize, Fail> {
    let pattern = vm.arg_bytes(&args, 0, NAME)?;
    let mut out = Vec::with_capacity(pattern.len() + 16);
    let mut next = 1;
    let mut i = 0;
    while i < pattern.len() {
        let b = pattern[i];
        i += 1;
        if b != b'%' {
            out.push(b);
            continue;
        }
        let mut spec = Spec::default();
        while let Some(&b) = pattern.get(i) {
            match b {
                b'-' => spec.left = true,
                b'+' => spec.plus = true,
                b' ' => spec.space = true,
                b'#' => spec.alternate = true,
                b'0' => spec.zero = true,
                _ => break,
            }
            i += 1;
        }
        let digits = |i: &mut usize| {
            let mut n = 0usize;
            while let Some(d) = pattern.get(*i).filter(|b| b.is_ascii_digit()) {
                n = (n * 10 + (d - b'0') as usize).min(MAX_WIDTH + 1);
                *i += 1;
            }
            n
        };
        spec.width = digits(&mut i);
        if pattern.get(i) == Some(&b'.') {
            i += 1;
            spec.precision = Some(digits(&mut i));
        }
        if spec.width > MAX_WIDTH || spec.precision.is_some_and(|p| p > MAX_WIDTH) {
            return Err(vm.error(format!("invalid conversion in '{NAME}' (width or precision too large)")));
        }
        let Some(&verb) = pattern.get(i) else {
            return Err(vm.error(format!("invalid conversion '%' to '{NAME}'")));
        };
        i += 1;
        if verb == b'%' {
            out.push(b'%');
            continue;
        }
        if !b"diufeEgGxXocsq".contains(&verb) {
            let verb = String::from_utf8_lossy(&[verb]).into_owned();
            return Err(vm.error(format!("invalid conversion '%{verb}' to '{NAME}'")));
        }
        if next >= args.n {
            return Err(vm.bad_argument(next, NAME, "no value"));
        }
        conversion(vm, cx, &args, next, &spec, verb, &mut out)?;
        if out.len() as u64 > vm.heap().limit() {
            return Err(vm.error("resulting string too large"));
        }
        next += 1;
    }
    vm.ret_str(&args, &out)
}

fn conversion(
    vm: &mut Vm,
    cx: &mut Cx,
    args: &Args,
    i: usize,
    spec: &Spec,
    verb: u8,
    out: &mut Vec<u8>,
) -> Result<(), Fail> {
    match verb {
        b'd' | b'i' | b'u' => {
            let n = truncated(number_argument(vm, args, i)?);
            spec.push_integer(out, n < 0, n.unsigned_abs().to_string());
        }
        b'x' | b'X' | b'o' => {
            let n = truncated(number_argument(vm, args, i)?);
            let (prefix, digits) = match verb {
                b'x' => ("0x", format!("{n:x}")),
                b'X' => ("0X", format!("{n:X}")),
                _ => ("0", format!("{n:o}")),
            };
            let prefix = if spec.alternate && n != 0 { prefix } else { "" };
            spec.push_integer(out, false, format!("{prefix}{digits}"));
        }
        b'c' => {
            let n = truncated(number_argument(vm, args, i)?);
            spec.push_text(out, &[n as u8]);
        }
        b's' => {
            let mut text = Vec::new();
            vm.push_tostring(cx, &mut text, args.get(i))?;
            text.truncate(spec.precision.unwrap_or(usize::MAX));
            spec.push_text(out, &text);
        }
        b'q' => {
            let v = args.get(i);
            if v.tag == Tag::Str {
                push_quoted(out, vm.str_bytes(v));
            } else {
                vm.push_display(out, v);
            }
        }
        _ => {
            let x = match number_argument(vm, args, i)? {
                Number::Int(n) => n as f64,
                Number::Float(x) => x,
            };
            if x.is_finite() {
                let digits = float_digits(x.abs(), verb, spec);
                spec.push_number(out, x.is_sign_negative(), digits.as_bytes(), true);
            } else {
                let mut text = Vec::new();
                push_float(&mut text, x);
                spec.push_text(out, &text);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn general_form_follows_c() {
        let g = |x: f64, p: Option<usize>| float_digits(x, b'g', &Spec { precision: p, ..Spec::default() });
        assert_eq!(g(0.0, None), "0");
        assert_eq!(g(100_000.0, None), "100000");
        assert_eq!(g(1e6, None), "1e+06");
        assert_eq!(g(0.0001, None), "0.0001");
        assert_eq!(g(0.00001, None), "1e-05");
        assert_eq!(g(std::f64::consts::PI, Some(3)), "3.14");
        assert_eq!(g(123_456_789.0, Some(4)), "1.235e+08");
    }
}
