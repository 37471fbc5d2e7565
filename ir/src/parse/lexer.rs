//! Words of the text form.

use super::ParseError;

/// What a token is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// A word: letters, digits, `_`, `.`, `-`, not starting with a digit.
    Word(String),
    /// A number, as written.
    Number(String),
    /// A quoted name, without its quotes.
    Quoted(String),
    /// One of `= : , ( ) [ ] { } ; @ ! |`. A `;` is one only inside of brackets; elsewhere it starts a comment.
    Punct(char),
    /// End of a line that has tokens.
    Newline,
    /// End of the text.
    End,
}

impl Kind {
    /// For messages.
    pub(super) fn describe(&self) -> String {
        match self {
            Kind::Word(s) | Kind::Number(s) => format!("`{s}`"),
            Kind::Quoted(s) => format!("{s:?}"),
            Kind::Punct(c) => format!("`{c}`"),
            Kind::Newline => "the end of the line".to_owned(),
            Kind::End => "the end of the text".to_owned(),
        }
    }
}

/// A token with its place.
#[derive(Clone, Debug)]
pub(super) struct Token {
    /// What it is.
    pub kind: Kind,
    /// 1-based line.
    pub line: u32,
    /// 1-based column, in characters.
    pub col: u32,
}

/// Splits text into tokens; the last one is [`Kind::End`].
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, ParseError> {
    let mut out: Vec<Token> = Vec::new();
    let mut last = 1;
    for (i, line) in text.lines().enumerate() {
        last = i as u32 + 1;
        let before = out.len();
        line_tokens(line, last, &mut out)?;
        if out.len() > before {
            out.push(Token { kind: Kind::Newline, line: last, col: line.chars().count() as u32 + 1 });
        }
    }
    out.push(Token { kind: Kind::End, line: last, col: 1 });
    Ok(out)
}

fn line_tokens(text: &str, line: u32, out: &mut Vec<Token>) -> Result<(), ParseError> {
    let chars: Vec<char> = text.chars().collect();
    let mut brackets = 0usize;
    let mut i = 0;
    while let Some(&c) = chars.get(i) {
        let start = i;
        let kind = match c {
            _ if c.is_whitespace() => {
                i += 1;
                continue;
            }
            ';' if brackets == 0 => return Ok(()),
            '=' | ':' | ',' | '(' | ')' | '[' | ']' | '{' | '}' | ';' | '@' | '!' | '|' => {
                match c {
                    '[' => brackets += 1,
                    ']' => brackets = brackets.saturating_sub(1),
                    _ => {}
                }
                i += 1;
                Kind::Punct(c)
            }
            '"' => Kind::Quoted(quoted(&chars, &mut i, line)?),
            _ if c.is_ascii_digit() || c == '-' => {
                i += 1;
                while chars.get(i).is_some_and(|&d| number_goes_on(&chars[start..i], d)) {
                    i += 1;
                }
                Kind::Number(chars[start..i].iter().collect())
            }
            _ if c.is_ascii_alphabetic() || c == '_' => {
                while chars.get(i).is_some_and(|&c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-')) {
                    i += 1;
                }
                Kind::Word(chars[start..i].iter().collect())
            }
            _ => return Err(ParseError::new(line, start as u32 + 1, format!("unexpected character `{c}`"))),
        };
        out.push(Token { kind, line, col: start as u32 + 1 });
    }
    Ok(())
}

/// Does `next` continue the number `so_far`? A sign does only behind a decimal exponent's `e`.
fn number_goes_on(so_far: &[char], next: char) -> bool {
    let hexadecimal = so_far.contains(&'x');
    match next {
        '+' | '-' => !hexadecimal && matches!(so_far.last(), Some('e' | 'E')),
        '.' => !hexadecimal,
        _ => next.is_ascii_alphanumeric(),
    }
}

fn quoted(chars: &[char], i: &mut usize, line: u32) -> Result<String, ParseError> {
    let start = *i;
    *i += 1;
    let mut out = String::new();
    while let Some(&c) = chars.get(*i) {
        *i += 1;
        match c {
            '"' => return Ok(out),
            '\\' => {
                match chars.get(*i) {
                    Some('n') => out.push('\n'),
                    Some(&c) => out.push(c),
                    None => break,
                }
                *i += 1;
            }
            c => out.push(c),
        }
    }
    Err(ParseError::new(line, start as u32 + 1, "this name has no closing quote"))
}
