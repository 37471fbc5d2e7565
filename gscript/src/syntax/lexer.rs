//! Source text to tokens, one at a time.

use super::intern::Interner;
use super::token::{Kw, Punct, Tok, Token};
use crate::diagnostic::{Checked, Problem};

/// Reads tokens off a source text.
pub struct Lexer<'a> {
    text: &'a str,
    src: &'a [u8],
    at: usize,
}

impl<'a> Lexer<'a> {
    /// At the start of `text`, behind a byte order mark if there is one.
    pub fn new(text: &'a str) -> Lexer<'a> {
        let at = if text.starts_with('\u{feff}') { 3 } else { 0 };
        Lexer { text, src: text.as_bytes(), at }
    }

    fn byte(&self, ahead: usize) -> u8 {
        // A NUL in the source is no token either, so that 0 can stand for the end.
        self.src.get(self.at + ahead).copied().unwrap_or(0)
    }

    /// The next token.
    pub fn next(&mut self, strings: &mut Interner) -> Checked<Token> {
        let newline_before = self.skip_space()?;
        let start = self.at;
        let tok = match self.byte(0) {
            _ if start >= self.src.len() => Tok::Eof,
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => self.word(strings),
            b'0'..=b'9' => self.number()?,
            b'"' => self.string(strings)?,
            _ => self.punct()?,
        };
        Ok(Token { tok, start: start as u32, end: self.at as u32, newline_before })
    }

    /// Skips white space and comments. Was there a line break?
    fn skip_space(&mut self) -> Checked<bool> {
        let mut newline = self.at == 0;
        loop {
            match (self.byte(0), self.byte(1)) {
                (b'\n', _) => {
                    newline = true;
                    self.at += 1;
                }
                (b' ' | b'\t' | b'\r', _) => self.at += 1,
                (b'/', b'/') => {
                    let rest = &self.src[self.at..];
                    self.at += rest.iter().position(|&b| b == b'\n').unwrap_or(rest.len());
                }
                (b'/', b'*') => {
                    let start = self.at;
                    let body = &self.src[start + 2..];
                    let Some(len) = body.windows(2).position(|pair| pair == b"*/") else {
                        return Err(Problem::new("comment without an end", start as u32)
                            .len(2)
                            .help("close it with `*/`"));
                    };
                    newline |= body[..len].contains(&b'\n');
                    self.at = start + 2 + len + 2;
                }
                _ => return Ok(newline),
            }
        }
    }

    fn word(&mut self, strings: &mut Interner) -> Tok {
        let rest = &self.src[self.at..];
        let len = rest.iter().position(|&b| !is_word(b)).unwrap_or(rest.len());
        let word = &rest[..len];
        self.at += len;
        match Kw::ALL.iter().find(|kw| kw.text().as_bytes() == word) {
            Some(&kw) => Tok::Kw(kw),
            None => Tok::Name(strings.intern(word)),
        }
    }

    fn digits(&mut self) -> usize {
        let rest = &self.src[self.at..];
        let len = rest.iter().position(|b| !b.is_ascii_digit()).unwrap_or(rest.len());
        self.at += len;
        len
    }

    fn number(&mut self) -> Checked<Tok> {
        let start = self.at;
        if self.byte(0) == b'0' && matches!(self.byte(1), b'x' | b'X') {
            return self.hex();
        }
        self.digits();
        let mut is_float = false;
        // `1..2` is a concatenation, not `1.` and `.2`.
        if self.byte(0) == b'.' && self.byte(1) != b'.' {
            is_float = true;
            self.at += 1;
            self.digits();
        }
        if matches!(self.byte(0), b'e' | b'E') {
            let mark = self.at;
            is_float = true;
            self.at += 1;
            if matches!(self.byte(0), b'+' | b'-') {
                self.at += 1;
            }
            if self.digits() == 0 {
                return Err(Problem::new("exponent without digits", mark as u32).help("write for example `1e3`"));
            }
        }
        self.end_of_number(start)?;
        let text = &self.text[start..self.at];
        if !is_float {
            if text.len() > 1 && text.starts_with('0') {
                return Err(self
                    .problem("an integer literal must not start with 0", start)
                    .help("it could be read as octal or as decimal: drop the zeros, or write hexadecimal as `0x8`"));
            }
            if let Ok(value) = text.parse() {
                return Ok(Tok::Int(value));
            }
        }
        match text.parse() {
            Ok(value) => Ok(Tok::Float(value)),
            Err(_) => Err(self.problem("malformed number", start)),
        }
    }

    fn hex(&mut self) -> Checked<Tok> {
        let start = self.at;
        self.at += 2;
        let rest = &self.src[self.at..];
        let len = rest.iter().position(|b| !b.is_ascii_hexdigit()).unwrap_or(rest.len());
        self.at += len;
        self.end_of_number(start)?;
        if len == 0 {
            return Err(self.problem("hexadecimal literal without digits", start));
        }
        match u64::from_str_radix(self.text[start + 2..self.at].trim_start_matches('0'), 16) {
            Ok(bits) => Ok(Tok::Int(bits as i64)),
            Err(_) if self.text[start + 2..self.at].bytes().all(|b| b == b'0') => Ok(Tok::Int(0)),
            Err(_) => Err(self.problem("hexadecimal literal wider than 64 bits", start)),
        }
    }

    /// A literal must not run into a name: `10x`, `1_000`, `0b1`.
    fn end_of_number(&mut self, start: usize) -> Checked<()> {
        if !is_word(self.byte(0)) {
            return Ok(());
        }
        let literal = &self.text[start..self.at];
        let help = match self.byte(0) {
            b'_' => "digits cannot be separated by `_`".to_owned(),
            b'b' | b'B' | b'o' | b'O' if literal == "0" => "write the number in decimal, or as `0x…`".to_owned(),
            _ => "put a space or an operator between them".to_owned(),
        };
        Err(Problem::new("a number runs into a name", self.at as u32).help(help))
    }

    fn problem(&self, message: &str, start: usize) -> Box<Problem> {
        Problem::new(message, start as u32).len((self.at - start) as u32)
    }

    fn string(&mut self, strings: &mut Interner) -> Checked<Tok> {
        let start = self.at;
        self.at += 1;
        let mut bytes = Vec::new();
        loop {
            let rest = &self.src[self.at..];
            let plain = rest.iter().position(|b| matches!(b, b'"' | b'\\' | b'\n')).unwrap_or(rest.len());
            self.at += plain;
            if self.byte(0) == b'"' {
                // Most strings have no escapes and need no copy.
                let sym = match bytes.is_empty() {
                    true => strings.intern(&rest[..plain]),
                    false => {
                        bytes.extend_from_slice(&rest[..plain]);
                        strings.intern(&bytes)
                    }
                };
                self.at += 1;
                return Ok(Tok::Str(sym));
            }
            bytes.extend_from_slice(&rest[..plain]);
            if self.byte(0) != b'\\' {
                return Err(Problem::new("string without an end", start as u32)
                    .help("close it with `\"` on the same line; write a line break as `\\n`"));
            }
            bytes.push(self.escape()?);
        }
    }

    fn escape(&mut self) -> Checked<u8> {
        let at = self.at as u32;
        let byte = match self.byte(1) {
            b'n' => b'\n',
            b't' => b'\t',
            b'r' => b'\r',
            b'\\' => b'\\',
            b'"' => b'"',
            b'0' if self.byte(2).is_ascii_digit() => {
                return Err(Problem::new("a digit behind `\\0` is ambiguous", at)
                    .len(3)
                    .help("write the bytes as `\\xHH`; there are no octal escapes"));
            }
            b'0' => 0,
            b'x' => {
                let Some(value) = hex_digit(self.byte(2)).zip(hex_digit(self.byte(3))) else {
                    return Err(Problem::new("`\\x` needs two hexadecimal digits", at).len(2));
                };
                self.at += 2;
                value.0 << 4 | value.1
            }
            _ => {
                let shown = self.text[self.at + 1..].chars().next().filter(|c| !c.is_control());
                let shown = shown.map(String::from).unwrap_or_default();
                return Err(Problem::new(format!("unknown escape `\\{shown}`"), at)
                    .len(2)
                    .help("known are \\n \\t \\r \\0 \\xHH \\\\ \\\"; a backslash itself is `\\\\`"));
            }
        };
        self.at += 2;
        Ok(byte)
    }

    fn punct(&mut self) -> Checked<Tok> {
        let rest = &self.src[self.at..];
        if let Some(&punct) = Punct::ALL.iter().find(|p| rest.starts_with(p.text().as_bytes())) {
            self.at += punct.text().len();
            return Ok(Tok::Punct(punct));
        }
        let at = self.at as u32;
        // `at` is a character boundary: all tokens end at one.
        let shown = self.text[self.at..].chars().next().unwrap_or('?');
        let problem =
            Problem::new(format!("unexpected character `{}`", shown.escape_debug()), at).len(shown.len_utf8() as u32);
        Err(match shown {
            '&' => problem.help("logical and is `&&`; bits are handled by the library `bit32`"),
            '|' => problem.help("logical or is `||`; bits are handled by the library `bit32`"),
            '^' => problem.help("a power is `a ** b`; bits are handled by the library `bit32`"),
            '~' => problem.help("unequal is `!=`, logical not is `!`"),
            '\'' | '`' => problem.help("strings are written with double quotes"),
            '?' => problem.help("there is no conditional operator; use `if`"),
            _ => problem,
        })
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn hex_digit(byte: u8) -> Option<u8> {
    (byte as char).to_digit(16).map(|d| d as u8)
}
