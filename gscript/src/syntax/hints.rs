//! Ways out of common mistakes, shown as the help line of a syntax error.

use super::parser::Parser;
use super::token::{Kw, Punct, Tok};

/// What people write who think of another language, and what it is here.
const OTHER_LANGUAGES: &[(&[u8], &str)] = &[
    (b"local", "a local variable is made by `x := e` (or `var x = e`) inside a function or block"),
    (b"let", "a variable is made by `x := e` or `var x = e`"),
    (b"const", "there are no constants; write `x := e`"),
    (b"function", "functions are written `func name(a, b) { … }`"),
    (b"def", "functions are written `func name(a, b) { … }`"),
    (b"fn", "functions are written `func name(a, b) { … }`"),
    (b"while", "a while loop is `for cond { … }`"),
    (b"repeat", "a loop is `for { … if cond { break } }`"),
    (b"foreach", "a loop over a table is `for k, v := range pairs(t) { … }`"),
    (b"switch", "there is no `switch`; use `if … else if …`"),
    (b"goto", "there is no `goto`; use loops with `break` and `continue`"),
    (b"end", "blocks end with `}`"),
    (b"then", "the block follows the condition: `if cond { … }`"),
    (b"do", "the block follows the condition: `for cond { … }`"),
    (b"and", "logical and is `&&`"),
    (b"or", "logical or is `||`"),
    (b"not", "logical not is `!`"),
    (b"elif", "write `else if`"),
    (b"elsif", "write `else if`"),
    (b"null", "the missing value is `nil`"),
    (b"type", "there are no type declarations; tables and functions do"),
    (b"import", "there are no imports; libraries are globals"),
    (b"package", "there are no packages; remove the line"),
    (b"defer", "there is no `defer`"),
];

/// A hint for the parser's current, unexpected token.
pub(super) fn unexpected(parser: &Parser) -> Option<String> {
    // The word itself may be strange here, or the word before it.
    for tok in [parser.tok.tok, parser.prev] {
        if let Tok::Name(sym) = tok {
            let word = &parser.ast.strings.bytes(sym)[..];
            if let Some((_, hint)) = OTHER_LANGUAGES.iter().find(|(w, _)| *w == word) {
                return Some((*hint).to_owned());
            }
        }
    }
    let hint = match parser.tok.tok {
        Tok::Punct(Punct::Arrow) => {
            "`<-` is the channel arrow; to compare with a negative number put a space: `a < -1`"
        }
        Tok::Punct(Punct::MinusMinus) => "`--` is a statement; to subtract a negative number put a space: `a - -b`",
        Tok::Punct(Punct::PlusPlus) => "`++` is a statement of its own and has no value",
        Tok::Punct(Punct::Define) => "`:=` makes variables, so its left side is a list of names",
        Tok::Punct(Punct::Assign) if parser.prev == Tok::Punct(Punct::Percent) => "write `a = a % b`",
        Tok::Punct(Punct::Assign) if parser.prev == Tok::Punct(Punct::Pow) => "write `a = a ** b`",
        Tok::Punct(Punct::Assign) if parser.prev == Tok::Punct(Punct::Concat) => "write `a = a .. b`",
        Tok::Punct(Punct::Assign) => "`=` is a statement; to compare write `==`",
        Tok::Punct(Punct::Dot) => "a number needs a digit before its point: `0.5`",
        Tok::Punct(Punct::Slash) if parser.prev == Tok::Punct(Punct::Slash) => "comments start with `//`",
        Tok::Kw(Kw::ElseIf | Kw::Else) => "`else` belongs right behind the `}` of an `if`",
        Tok::Kw(Kw::Range) => "`range` is used as `for k, v := range e { … }`",
        Tok::Kw(Kw::Chan) => "a channel is made by `make(chan)` or `make(chan, n)`",
        Tok::Kw(Kw::In) => "a loop over a table is `for k, v := range pairs(t) { … }`",
        Tok::Kw(Kw::Var) => "`var x = e` is a statement of its own",
        _ => return None,
    };
    Some(hint.to_owned())
}
