//! Tests of the lexer.

use super::intern::Interner;
use super::lexer::Lexer;
use super::token::{Kw, Punct, Tok};
use crate::diagnostic::Problem;

/// All tokens of a text, as text.
fn tokens(text: &str) -> Result<Vec<String>, Box<Problem>> {
    let mut strings = Interner::default();
    let mut lexer = Lexer::new(text);
    let mut out = Vec::new();
    loop {
        out.push(match lexer.next(&mut strings)?.tok {
            Tok::Name(sym) => strings.text(sym).into_owned(),
            Tok::Int(value) => format!("{value}i"),
            Tok::Float(value) => format!("{value:?}f"),
            Tok::Str(sym) => format!("{:?}", strings.text(sym)),
            Tok::Kw(kw) => format!("kw:{}", kw.text()),
            Tok::Punct(punct) => punct.text().to_owned(),
            Tok::Eof => return Ok(out),
        });
    }
}

#[track_caller]
fn lexes(text: &str, expected: &str) {
    match tokens(text) {
        Ok(found) => assert_eq!(found.join(" "), expected),
        Err(problem) => panic!("{}", problem.message),
    }
}

#[track_caller]
fn fails(text: &str, at: u32, message: &str) {
    match tokens(text) {
        Ok(found) => panic!("lexes as {found:?}"),
        Err(problem) => {
            assert!(problem.message.contains(message), "{}", problem.message);
            assert_eq!(problem.at, at);
        }
    }
}

#[test]
fn words() {
    lexes("func funcs _x1 Nil nil", "kw:func funcs _x1 Nil kw:nil");
    lexes("switch end local", "switch end local");
    for kw in Kw::ALL {
        lexes(kw.text(), &format!("kw:{}", kw.text()));
    }
}

#[test]
fn operators_take_the_longest_match() {
    lexes("a<-1 a--b a< -1", "a <- 1i a -- b a < - 1i");
    lexes(".... .. . ::= :=", "... . .. . : := :=");
    lexes("=== !== **= &&||", "== = != = ** = && ||");
    for (i, longer) in Punct::ALL.iter().enumerate() {
        lexes(longer.text(), longer.text());
        let hidden = Punct::ALL[..i].iter().any(|p| longer.text().starts_with(p.text()));
        assert!(!hidden, "{} is never reached", longer.text());
    }
}

#[test]
fn numbers() {
    lexes("0 7 42 1000000", "0i 7i 42i 1000000i");
    lexes("1.5 1. 0.25 1e3 1E+2 2.5e-1 1.e1", "1.5f 1.0f 0.25f 1000.0f 100.0f 0.25f 10.0f");
    lexes("1..2 1...", "1i .. 2i 1i ...");
    lexes("9223372036854775807 9223372036854775808", "9223372036854775807i 9.223372036854776e18f");
    lexes("1e999", "inff");
    lexes("0x10 0XfF 0x0 0x00", "16i 255i 0i 0i");
    lexes("0xffffffffffffffff 0x8000000000000000", "-1i -9223372036854775808i");
    lexes("00.5 0e1", "0.5f 0.0f");
    fails("010", 0, "start with 0");
    fails("x = 09", 4, "start with 0");
    fails("00", 0, "start with 0");
    fails("0x", 0, "without digits");
    fails("0xg", 2, "runs into");
    fails("0x1ffffffffffffffff", 0, "64 bits");
    fails("1e", 1, "exponent");
    fails("1e+", 1, "exponent");
    fails("1_000", 1, "runs into");
    fails("0b1", 1, "runs into");
    fails("3x", 1, "runs into");
}

#[test]
fn strings() {
    lexes(r#""" "a b" "é""#, r#""" "a b" "é""#);
    lexes(r#""\n\t\r\\\"\0\x41\x7a""#, r#""\n\t\r\\\"\0Az""#);
    lexes("\"\\0x\"", r#""\0x""#);
    let mut strings = Interner::default();
    let token = Lexer::new(r#""\xff\xFE""#).next(&mut strings);
    match token.map(|t| t.tok) {
        Ok(Tok::Str(sym)) => assert_eq!(strings.bytes(sym)[..], [0xff, 0xfe]),
        _ => panic!("not a string"),
    }
    fails("\"abc", 0, "string without an end");
    fails("x \"ab\nc\"", 2, "string without an end");
    fails("\"ab\\", 3, "unknown escape");
    fails("\"ab\\q\"", 3, "unknown escape `\\q`");
    fails("\"\\é\"", 1, "unknown escape `\\é`");
    fails("\"\\x4\"", 1, "two hexadecimal");
    fails("\"\\012\"", 1, "ambiguous");
}

#[test]
fn comments_and_space() {
    lexes("a // b\nc /* d\n * e */ f//", "a c f");
    lexes("/**/a/***/b/* /* */c", "a b c");
    lexes("\u{feff}a\t\r\nb", "a b");
    fails("a /* b", 2, "comment");
    fails("/*/", 0, "comment");
}

#[test]
fn strange_characters() {
    for (text, at) in [("a & b", 2), ("a | b", 2), ("'a'", 0), ("é", 0), ("a\0", 1), ("@", 0), ("`x`", 0), ("x ^ y", 2)]
    {
        fails(text, at, "unexpected character");
    }
}

#[test]
fn line_breaks_are_noticed() {
    let mut strings = Interner::default();
    let mut lexer = Lexer::new("a b\nc // x\nd /*\n*/ e /* */ f");
    let mut breaks = Vec::new();
    while let Ok(token) = lexer.next(&mut strings) {
        if token.tok == Tok::Eof {
            break;
        }
        breaks.push(token.newline_before);
    }
    assert_eq!(breaks, [true, false, true, true, true, false]);
}
