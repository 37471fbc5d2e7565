//! Errors: where, what, and the way out.

use super::error;
use gscript::bytecode::Source;

fn render(text: &str) -> String {
    error(text).render(&Source { name: "test.gs".into(), text: text.into() })
}

#[test]
fn a_rendered_error_shows_place_line_and_caret() {
    let expected = "\
error: expected an expression, found `}`
 --> test.gs:2:8
  |
2 |   x := }
  |        ^
";
    assert_eq!(render("func f() {\n  x := }\n"), expected);
}

#[test]
fn a_rendered_error_shows_the_way_out() {
    let expected = "\
error: expected `{` behind the condition, found `<-`
  --> test.gs:12:5
   |
12 | if a<-1 { }
   |     ^^
   |
   = help: `<-` is the channel arrow; to compare with a negative number put a space: `a < -1`
";
    assert_eq!(render(&format!("{}if a<-1 {{ }}", "\n".repeat(11))), expected);
}

#[test]
fn the_caret_stands_under_wide_characters_and_tabs() {
    let shown = render("\tx := \"日本\" + ");
    let lines: Vec<_> = shown.lines().collect();
    assert!(lines[1].ends_with("test.gs:1:18"), "{shown}");
    let shown = render("x = \"é\" @");
    let lines: Vec<_> = shown.lines().collect();
    let column = |line: &str, c: char| line.chars().position(|x| x == c);
    assert_eq!(column(lines[3], '@'), column(lines[4], '^'), "{shown}");
}

#[test]
fn a_long_line_is_cut_around_the_error() {
    let text = format!("{}x = ) {}", "f() ".repeat(100), "g() ".repeat(100));
    let shown = render(&text);
    assert!(shown.contains("--> test.gs:1:405"), "{shown}");
    let lines: Vec<_> = shown.lines().collect();
    assert!(lines[3].len() < 200 && lines[3].contains("... ") && lines[3].ends_with(" ..."), "{shown}");
    let caret = lines[4].find('^').expect("a caret");
    assert_eq!(&lines[3][caret..=caret], ")", "{shown}");
}

#[test]
fn an_error_at_the_end_of_the_file() {
    let found = error("x = 1 +");
    assert_eq!(found.to_string(), "test.gs:1:8: expected an expression, found the end of the file");
    assert!(render("x = 1 +").contains("x = 1 +"));
    assert!(render("x = 1 +\n").contains("test.gs:2:1"));
    assert_eq!(error("func f() {\n  x = 1\n").pos.to_string(), "1:10");
}

/// Source, position, part of the message, part of the help.
const ERRORS: &[(&str, &str, &str, &str)] = &[
    ("x := a<-1", "1:7", "`<-` behind an expression", "a < -1"),
    ("return a<-1", "1:9", "`<-` behind an expression", "a < -1"),
    ("(a<-1)", "1:3", "expected `)`", "a < -1"),
    ("x := a--b", "1:7", "expected a statement, found `--`", "a - -b"),
    ("x = y++", "1:6", "expected a statement, found `++`", "no value"),
    ("a %= b", "1:4", "expected an expression", "a = a % b"),
    ("a **= b", "1:5", "expected an expression", "a = a ** b"),
    ("a ..= b", "1:5", "expected an expression", "a = a .. b"),
    ("if a = b {}", "1:6", "expected `{`", "write `==`"),
    ("x = .5", "1:5", "expected an expression", "0.5"),
    ("x = 010", "1:5", "must not start with 0", "octal"),
    ("1 + 2", "1:1", "not a statement", "call it"),
    ("a.b", "1:1", "not a statement", "call it"),
    ("a, b", "1:5", "expected `:=` or `=`", ""),
    ("a.b := 1", "1:3", "not a name", "assign to fields and elements with `=`"),
    ("f() = 1", "1:1", "cannot assign to the result of a call", ""),
    ("(a) = 1", "1:2", "cannot assign to a parenthesis", ""),
    ("1 = 1", "1:1", "cannot assign", "t.field"),
    ("-a += 1", "1:1", "cannot assign", ""),
    ("...", "1:1", "`...` outside", "func f(a, ...)"),
    ("func f() { return ... }", "1:19", "`...` outside", ""),
    ("func f(...) { return func() { return ... } }", "1:38", "`...` outside", ""),
    ("func f(..., a) {}", "1:11", "behind `...`", "comes last"),
    ("func f(a b) {}", "1:10", "expected `)`", ""),
    ("func t.f() {}", "1:7", "expected `(`", "t.f = func"),
    ("x = func f() {}", "1:10", "expected `(`", "has no name"),
    ("break", "1:1", "`break` outside of a loop", ""),
    ("for { func f() { continue } }", "1:18", "`continue` outside of a loop", ""),
    ("go f", "1:4", "`go` needs a call", "go f(x)"),
    ("for i := 0; i < 3 {}", "1:19", "expected `;`", ""),
    ("for a, b, c := range t {}", "1:11", "at most two", ""),
    ("for t.x := range t {}", "1:7", "must be a name", ""),
    ("for var i = 0; i < 3; i++ {}", "1:5", "expected an expression", "i := 0"),
    ("else {}", "1:1", "expected a statement", "belongs right behind"),
    ("}", "1:1", "unexpected `}`", "no block is open"),
    ("x = {1, 2", "1:5", "table without an end", "`}`"),
    ("x = {true: 1}", "1:6", "ambiguous", "[true]"),
    ("var range = 1", "1:5", "expected a name", "is a keyword"),
    ("x = a ? b : c", "1:7", "unexpected character `?`", "use `if`"),
    ("local x = 1", "1:1", "not a statement", "x := e"),
    ("while x {}", "1:1", "not a statement", "for cond"),
    ("if a then x = 1 end", "1:6", "expected `{`", "if cond { … }"),
    ("function f() {}", "1:1", "not a statement", "func name"),
    ("if a and b {}", "1:6", "expected `{`", "`&&`"),
    ("obj:m", "1:6", "expected `(`", ""),
    ("obj.1", "1:5", "expected a name", ""),
    ("switch x {}", "1:1", "not a statement", "no `switch`"),
];

#[test]
fn messages() {
    for &(text, pos, message, help) in ERRORS {
        let found = error(text);
        let shown = format!("{text}\n{found}");
        assert_eq!(found.pos.to_string(), pos, "{shown}");
        assert!(found.message.contains(message), "{shown}");
        assert!(found.help.as_deref().unwrap_or("").contains(help), "{shown}");
        assert_eq!(found.file, "test.gs");
    }
}
