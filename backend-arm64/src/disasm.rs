//! Disassembly: decoding by yaxpeax-arm, text as GNU objdump writes it.

use std::fmt::Write;

use yaxpeax_arch::{Decoder, U8Reader};
use yaxpeax_arm::armv8::a64::InstDecoder;

/// Text of the word at `address`, as GNU objdump writes it, without objdump's comments. Branch targets are addresses.
/// A word that is no instruction is shown as `.inst`.
pub fn disassemble(word: u32, address: u64) -> String {
    let bytes = word.to_le_bytes();
    match InstDecoder::default().decode(&mut U8Reader::new(&bytes)) {
        Ok(inst) => as_objdump(&inst.to_string(), address),
        Err(_) => format!(".inst {word:#010x}"),
    }
}

/// Turns yaxpeax's text into objdump's.
fn as_objdump(text: &str, address: u64) -> String {
    let (mnemonic, operands) = text.split_once(' ').unwrap_or((text, ""));
    let mut out = match mnemonic.strip_prefix("b.") {
        Some(cc) => format!("b.{}", condition(cc)),
        None => mnemonic.to_owned(),
    };
    let decimal = matches!(mnemonic, "lsl" | "lsr" | "asr" | "ror" | "sbfx" | "ubfx" | "tbz" | "tbnz");
    // Offsets in and behind brackets are decimal, other numbers hexadecimal.
    let mut memory = false;
    for (i, operand) in operands.split(", ").filter(|o| !o.is_empty()).enumerate() {
        out += if i == 0 { " " } else { ", " };
        memory |= operand.starts_with('[');
        match operand {
            _ if operand.starts_with('$') => {
                let _ = write!(out, "{:#x}", branch_target(operand, address));
            }
            _ if mnemonic == "fmov" && operand.starts_with('#') => out += &float(operand),
            _ if operand.starts_with('#') && (memory || decimal) => out += &in_decimal(operand),
            "lo" | "hs" => out += condition(operand),
            _ => out += operand,
        }
    }
    out
}

/// objdump's names of conditions.
fn condition(cc: &str) -> &str {
    match cc {
        "lo" => "cc",
        "hs" => "cs",
        cc => cc,
    }
}

/// `$+0x10`, `$-0x8`
fn branch_target(operand: &str, address: u64) -> u64 {
    let distance = operand.get(4..).and_then(|d| u64::from_str_radix(d, 16).ok()).unwrap_or(0);
    match operand.as_bytes().get(1) {
        Some(b'-') => address.wrapping_sub(distance),
        _ => address.wrapping_add(distance),
    }
}

/// `#-0x20]!` as `#-32]!`
fn in_decimal(operand: &str) -> String {
    let Some((sign, rest)) = operand.split_once("0x") else {
        return operand.to_owned();
    };
    let digits = rest.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(rest.len());
    match u64::from_str_radix(&rest[..digits], 16) {
        Ok(n) => format!("{sign}{n}{}", &rest[digits..]),
        Err(_) => operand.to_owned(),
    }
}

/// `#1.0` as C's `%.18e` has it.
fn float(operand: &str) -> String {
    let Ok(value) = operand[1..].parse::<f64>() else {
        return operand.to_owned();
    };
    let text = format!("{value:.18e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("#{digits}e{sign}{:02}", exponent.abs())
}
