//! Tokens.

use super::intern::Sym;

/// Kind of a token, with its value.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Tok {
    /// A name.
    Name(Sym),
    /// An integer literal.
    Int(i64),
    /// A float literal.
    Float(f64),
    /// A string literal.
    Str(Sym),
    /// A keyword.
    Kw(Kw),
    /// An operator or separator.
    Punct(Punct),
    /// The end of the source.
    Eof,
}

/// A token and where it is.
#[derive(Clone, Copy, Debug)]
pub struct Token {
    /// Kind and value.
    pub tok: Tok,
    /// Byte offset of its first byte.
    pub start: u32,
    /// Byte offset behind its last byte.
    pub end: u32,
    /// Is there a line break between the token before and this one?
    pub newline_before: bool,
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum $name { $(#[doc = $text] $variant,)* }

        impl $name {
            /// All of them.
            pub const ALL: &[$name] = &[$($name::$variant,)*];
            /// As written in the source.
            pub fn text(self) -> &'static str {
                match self { $($name::$variant => $text,)* }
            }
        }
    };
}

words! {
    /// Reserved words.
    Kw {
        Func = "func", Return = "return", If = "if", Else = "else", ElseIf = "elseif", For = "for", Range = "range",
        Break = "break", Continue = "continue", In = "in", Var = "var", True = "true", False = "false", Nil = "nil",
        Go = "go", Chan = "chan",
    }
}

words! {
    /// Operators and separators. Longer ones come before their prefixes: the lexer takes the first that matches.
    Punct {
        Dots = "...", Concat = "..", Dot = ".", Define = ":=", Colon = ":", EqEq = "==", Assign = "=", NotEq = "!=",
        Not = "!", Arrow = "<-", Le = "<=", Lt = "<", Ge = ">=", Gt = ">", AndAnd = "&&", OrOr = "||",
        PlusPlus = "++", PlusAssign = "+=", Plus = "+", MinusMinus = "--", MinusAssign = "-=", Minus = "-",
        Pow = "**", StarAssign = "*=", Star = "*", SlashAssign = "/=", Slash = "/", Percent = "%", Hash = "#",
        LParen = "(", RParen = ")", LBrace = "{", RBrace = "}", LBracket = "[", RBracket = "]", Comma = ",", Semi = ";",
    }
}
