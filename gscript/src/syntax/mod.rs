//! Lexer, syntax tree, parser.
