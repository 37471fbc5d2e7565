//! Hostile sources: deep, long, wide. Nothing panics or runs out of stack.

use super::{compile, error, program};

/// Runs on a stack that is smaller than any that the front end is used on.
fn on_small_stack(test: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(1 << 19).spawn(test);
    thread.expect("a thread").join().expect("no panic");
}

/// `open` n times, `inside`, `close` n times.
fn nest(open: &str, inside: &str, close: &str, n: usize) -> String {
    format!("{}{inside}{}", open.repeat(n), close.repeat(n))
}

const NESTS: &[(&str, &str, &str)] = &[
    ("x = ", "(", "1"),
    ("x = ", "- ", "1"),
    ("x = ", "!", "1"),
    ("x = ", "- -!#<-", "1"),
    ("x = ", "2**", "1"),
    ("x = ", "{", "1"),
    ("x = ", "{[1]: 2, a: ", "1"),
    ("x = ", "f(", "1"),
    ("x = ", "f(1, ", "1"),
    ("x = ", "a[", "1"),
    ("x = ", "1 || 2 && 3 == 4 .. 5 + 6 * 7 ** -a[", "1"),
    ("x = ", "1 || 2 && 3 == 4 .. 5 + 6 * 7 ** -f(1).x:y({(", "1"),
    ("x = ", "func() { return ", "1"),
    ("", "if true { ", "x = 1"),
    ("", "if a { } else { ", "x = 1"),
    ("", "for { ", "x = 1"),
    ("", "for i := 0; i < 3; i++ { ", "x = 1"),
    ("", "for k, v := range t { ", "x = 1"),
    ("", "func f() { ", "x = 1"),
    ("x = ", "func() { if a { for { y = f({a: ", "1"),
    ("", "for func() { ", "x = 1"),
    ("", "go f(func() { ", "x = 1"),
];

/// What closes the brackets that are left open.
fn closing(open: &str) -> String {
    let mut pairs = Vec::new();
    for c in open.chars() {
        match c {
            '(' => pairs.push(')'),
            '[' => pairs.push(']'),
            '{' => pairs.push('}'),
            ')' | ']' | '}' => {
                pairs.pop();
            }
            _ => {}
        }
    }
    pairs.iter().rev().collect()
}

#[test]
fn deep_nesting_is_an_error_and_not_a_crash() {
    on_small_stack(|| {
        for &(head, open, inside) in NESTS {
            for n in [300, 100_000] {
                let text = format!("{head}{}", nest(open, inside, &closing(open), n));
                let found = error(&text);
                assert!(found.message.contains("nested more than 200 levels"), "{open}: {found}");
                assert!(compile(&format!("{head}{}", open.repeat(n))).is_err());
            }
        }
    });
}

#[test]
fn moderate_nesting_compiles() {
    on_small_stack(|| {
        for (head, open, inside, close, depth) in [
            ("x = ", "(", "1", ")", 195),
            ("x = ", "- ", "1", "", 195),
            ("x = ", "{", "1", "}", 195),
            ("x = ", "f(", "1", ")", 120),
            ("x = ", "2 ** ", "1", "", 120),
            ("x = ", "1 || 2 && 3 == 4 .. 5 + 6 * -(", "1", ")", 20),
            ("", "if true { ", "x = 1", "}", 195),
            ("", "func f() { ", "x = 1", "}", 195),
            ("", "for k := range t { ", "x = 1", "}", 40),
        ] {
            program(&format!("{head}{}", nest(open, inside, close, depth)));
        }
    });
}

/// Chains that group to the left, and lists: any length, no depth.
#[test]
fn long_chains_compile() {
    on_small_stack(|| {
        let n = 100_000;
        for (head, unit, tail) in [
            ("x = 1", "+1", ""),
            ("x = 1", "-y", ""),
            ("x = 1", "*2+y%3-f()", ""),
            ("x = 1", "<1", ""),
            ("x = 1", " && y", ""),
            ("x = 1", " || y && z", ""),
            ("if 1", " || y", " { x = 1 }"),
            ("if 1", " && y != 2", " { x = 1 }"),
            ("x = f", "()", ""),
            ("x = f", "(1)", ""),
            ("x = f", ".a", ""),
            ("x = f", "[1]", ""),
            ("x = f", ":m(1)", ""),
            ("f", "(1)", ""),
            ("x = {", "1,", "}"),
            ("x = {", "a:1,", "}"),
            ("x = {", "[y]:1;", "}"),
            ("x = {", "{} ", "}"),
            ("", "x = 1 ", ""),
            ("", ";", ""),
            ("if a { x = 1 }", " else if b { x = 2 }", ""),
            ("if a { x = 1 }", " elseif b { x = 2 }", " else { x = 3 }"),
            ("", "func f() {}", ""),
            ("", "if a { break_ = 1 }", ""),
            ("for {", "break;", "}"),
        ] {
            program(&format!("{head}{}{tail}", unit.repeat(n)));
        }
    });
}

#[test]
fn what_needs_registers_ends_at_their_limit() {
    for (head, unit, tail) in [
        ("x = 1", " .. 1", ""),
        ("f(1", ", 1", ")"),
        ("go f(1", ", 1", ")"),
        ("x = f(1", ", 1", ")"),
        ("return 1", ", 1", ""),
        ("x = 1", ", 1", ""),
        ("var a", ", a", ""),
        ("func f(a", ", a", ") {}"),
        ("func f() {", "a := 1;", "}"),
        ("func f() { x = func(a", ", a", ") {} }"),
    ] {
        for n in [260, 70_000] {
            let result = compile(&format!("{head}{}{tail}", unit.repeat(n)));
            if head == "x = 1" && unit == ", 1" {
                // Values too many are evaluated one by one.
                assert!(result.is_ok());
                continue;
            }
            let found = result.expect_err(head);
            assert!(found.message.contains("more than 250 registers"), "{found}");
            assert!(found.help.is_some());
        }
        program(&format!("{head}{}{tail}", unit.repeat(200)));
    }
    let targets = format!("x{} = 1", ", x".repeat(300));
    assert!(error(&targets).message.contains("registers"));
}

#[test]
fn too_many_upvalues_are_an_error() {
    // 256 variables do not fit one function's registers, so two functions share them.
    let names = |from: usize| (from..from + 150).map(|i| format!("v{i} := {i}\n")).collect::<String>();
    let uses: String = (0..300).map(|i| format!("x = v{i}\n")).collect();
    let text = format!("func f() {{ {} g = func() {{ {} h = func() {{ {uses} }} }} }}", names(0), names(150));
    let found = error(&text);
    assert!(found.message.contains("255 variables of the functions around it"), "{found}");
}

#[test]
fn a_line_of_ten_megabytes() {
    on_small_stack(|| {
        let text = format!("x = 1{}", "+1".repeat(5_000_000));
        assert_eq!(text.len(), 10_000_005);
        let compiled = program(&text);
        assert_eq!(compiled.protos[0].code.len(), 10_000_003);
        drop(compiled);
        // An error at its end is shown as a short excerpt.
        let text = format!("{text} + }}");
        let found = error(&text);
        assert_eq!(found.pos.col, 10_000_009);
        let source = gscript::bytecode::Source { name: "test.gs".into(), text };
        let shown = found.render(&source);
        assert!(shown.len() < 1000, "{} bytes", shown.len());
        assert!(shown.contains("test.gs:1:10000009"), "{shown}");
        assert!(shown.contains("+1+1 + }"), "{shown}");
    });
}

#[test]
fn long_tokens() {
    let long = "a".repeat(1 << 20);
    program(&format!("{long} = \"{long}\""));
    let digits = "1".repeat(1 << 20);
    program(&format!("x = {digits}"));
    program(&format!("x = 0.{digits}"));
    assert!(error(&format!("x = 0x{digits}")).message.contains("64 bits"));
    assert!(error(&format!("{long} {long}")).message.len() < 200);
    assert!(error(&format!("x = + {digits}")).message.len() < 200);
    program(&format!("// {long}\n/* {long} */"));
    assert!(error(&format!("/* {long}")).message.contains("comment"));
    assert!(error(&format!("x = \"{long}")).message.contains("string"));
    assert!(error(&"{".repeat(1 << 20)).message.contains("nested"));
    program(&"\n".repeat(1 << 20));
}
