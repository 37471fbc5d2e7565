//! What programs print: the rules of the language that the front end is responsible for.

use std::sync::Arc;

use gscript::interp::{Vm, VmOptions};
use gscript::jit::NoJit;

/// What a program prints, and the message of the error that ends it.
#[track_caller]
fn run(text: &str) -> (String, Option<String>) {
    let program = Arc::new(super::program(text));
    let mut vm = Vm::new(program, VmOptions::default()).expect("a heap");
    let result = vm.run_main(&mut NoJit);
    let output = String::from_utf8_lossy(&vm.take_output()).into_owned();
    (output, result.err().map(|error| error.message))
}

/// Runs a program that prints these words, on however many lines.
#[track_caller]
fn prints(text: &str, expected: &str) {
    let (output, error) = run(text);
    assert_eq!(error, None, "{text}\n{output}");
    let words: Vec<_> = output.split_whitespace().collect();
    assert_eq!(words.join(" "), expected, "{text}");
}

#[test]
fn operators() {
    prints("print(-2**2, 2**-1, 2**3**2, 1 < 2 == true, 7 % -3)", "4.0 0.5 512.0 true -2");
    prints("print(1 + 2 .. 3 + 4, 1 .. 2 == \"12\", 10 - 4 - 3, 2 * 3 / 4)", "37 true 3 1.5");
    prints("print(nil && 1, false || nil, 0 && \"\", nil == false || 3, !0, !nil)", "nil nil 3 false true");
    prints("print(1 && 2 || 3, nil && 2 || 3, (1 || 2) && 3)", "2 3 3");
    prints("a := 5 print(a > 3, a >= 5, a != 5, !(a < 5))", "true true false true");
    prints("x := 0/0 print(x == x, x < 1, x <= 1, !(x > 1), x >= 1)", "false false false true false");
}

#[test]
fn literals() {
    prints(
        "print(9223372036854775807, 9223372036854775808, 1e3, 1., 0x10, 0xffffffffffffffff)",
        "9223372036854775807 9.223372036854776e+18 1000.0 1.0 16 -1",
    );
    prints(r#"print("a\tb\\\"\x41" .. "\0" == "a	b\\\"A\x00", #"\0\n\xff")"#, "true 3");
    prints("print(-9223372036854775807 - 1, -0.0, - 5)", "-9223372036854775808 -0.0 -5");
}

#[test]
fn statements_need_no_separator() {
    prints("x := 3 print(x) y = 4; print(y)", "3 4");
    prints("func f() { return\n5 } print(f())", "5");
    prints("func g() { return; } print(g())", "");
    prints("func f(s) { return func(t) { print(s, t) } } b := f\n(\"x\")(\"y\")", "x y");
    prints("var a, b = 1 var c print(a, b, c)", "1 nil nil");
    prints(
        "x := 1 if x == 2 { print(2) } else if x == 1 { print(1) } elseif x == 3 { print(3) } else { print(4) }",
        "1",
    );
}

#[test]
fn values_of_lists() {
    let head = "func m() { return 1, 2, 3 } func z() {} ";
    prints(&format!("{head} p, q, r = 0, m() print(p, q, r)"), "0 1 2");
    prints(&format!("{head} p, q, r = m(), 0 print(p, q, r)"), "1 0 nil");
    prints(&format!("{head} p, q, r, s = m() print(p, q, r, s)"), "1 2 3 nil");
    prints(&format!("{head} p = m(), print(\"evaluated\") print(p)"), "evaluated 1");
    prints(&format!("{head} print(m(), m(), (m()), z(), (z()))"), "1 1 1 nil nil");
    prints(&format!("{head} print(0, z())"), "0");
    prints(&format!("{head} t := {{m(), m()}} print(#t, t[1], t[2], t[4])"), "4 1 1 3");
    prints(&format!("{head} t := {{m(), x: 1}} print(#t) u := {{(m())}} print(#u)"), "1 1");
    prints("func f(...) { x, y := ... t := {...} return x, y, #t, select(\"#\", ...) } print(f(7, 8, 9))", "7 8 3 3");
    prints(
        "func f(a, rest...) { return a, #rest, rest[1], rest[2], ... } print(f(1, 2, 3)) print(f())",
        "1 2 2 3 2 3 nil 0 nil nil",
    );
}

#[test]
fn assignment_order() {
    prints("a, b = 1, 2 a, b = b, a print(a, b)", "2 1");
    prints("i, t = 1, {} i, t[i] = 2, 5 print(t[1], t[2])", "nil 5");
    prints(
        "func s(x) { print(x) return t } t = {} func f() { t = {} s(\"t\")[s(\"k\") && 1] = s(\"v\") } f()",
        "v t k",
    );
    prints("n := 0 func k() { n++ return n } t := {} t[k()] = 5 t[k() - 1] += 1 print(n, t[1])", "2 6");
    prints("func f(a) { g := func() { a = 10 return 1 } return a + g(), a } print(f(1))", "2 10");
    prints("func f(a) { g := func() { a = 10 return 1 } a += g() return a } print(f(1))", "2");
}

#[test]
fn scopes() {
    prints("func f() { a := 1 a := a + 1 return a } print(f())", "2");
    prints("x := 1 func f() { x := x + 1 if true { x := 10 x = 11 } return x } print(f(), x)", "2 1");
    prints(
        "func f() { h := nil func h() { return 7 } func deep() { return 8 } return h() } print(f(), h, deep())",
        "7 nil 8",
    );
    prints("func f() { g := func(n) { return g } return g(1) } print(f())", "nil");
    prints("for i := 0; i < 1; i++ { y := 5 } print(i, y)", "nil nil");
    prints("switch := 1 end := 2 print(switch + end, {range: 3}.range, {\"a b\": 4}[\"a b\"])", "3 3 4");
}

#[test]
fn loops_behave_as_written() {
    prints("for i := 0; i < 3; i++ { print(i) i = i + 1 }", "0 2");
    prints("for i := 0; i < 2.5; i++ { print(i) }", "0 1 2");
    prints("for x := 0.0; x < 1.0; x += 0.25 { print(x) }", "0.0 0.25 0.5 0.75");
    prints("for x := 0.5; x <= 3; x += 1 { print(x) }", "0.5 1.5 2.5");
    prints("func f(n) { for i := 0; i < n; i++ { n = n - 1 print(i, n) } } f(4)", "0 3 1 2");
    prints("func f(n) { c := 0 for i := n; i <= n; i++ { c++ if c == 3 { return c } } return c } print(f(5))", "1");
    prints(
        "func f() { for i := 9223372036854775806; i <= 9223372036854775807; i++ { print(i) if i < 0 { return } } } f()",
        "9223372036854775806 9223372036854775807 -9223372036854775808",
    );
    prints("for i := 5; i < 3; i++ { print(i) } print(\"none\")", "none");
    prints("s := 0 for i := 0; i < 10; i++ { if i % 2 == 0 { continue } if i > 6 { break } s += i } print(s)", "9");
    prints("i := 3 for i > 0 { i-- if i == 1 { continue } print(i) } for { break } print(i)", "2 0 0");
}

#[test]
fn variables_of_loops_and_closures() {
    let calls = "for i := 1; i <= 3; i++ { print(t[i]()) }";
    prints(&format!("t := {{}} for i := 1; i <= 3; i++ {{ t[i] = func() {{ return i }} }} {calls}"), "4 4 4");
    prints(&format!("t := {{}} for i := 1; i <= 3; i++ {{ j := i t[i] = func() {{ return j }} }} {calls}"), "1 2 3");
    prints(
        &format!("t := {{}} for i, v := range ipairs({{4, 5, 6}}) {{ t[i] = func() {{ return v }} }} {calls}"),
        "4 5 6",
    );
    prints(
        "func f() { t := {} for i := 1; i <= 3; i++ { x := i if i == 2 { t[i] = func() { return x } continue } \
         t[i] = func() { x += 10 return x } } return t } t := f() print(t[1](), t[2](), t[3](), t[1]())",
        "11 2 13 21",
    );
}

#[test]
fn methods_pass_self() {
    prints("o := {n: 1} o.inc = func(self, k) { self.n += k return self } o:inc(2) o:inc(3):inc(4) print(o.n)", "10");
    prints("o := {} o.go = func(self) { return 5 } print(o:go())", "5");
}

#[test]
fn channels() {
    prints("ch := make(chan, 2) ch <- 1 ch <- 2 print(<-ch + <-ch)", "3");
    prints("ch := make(chan) go func(c, v) { c <- v }(ch, 7) print(<-ch)", "7");
    prints("ch := make(chan, 3) for i := 0; i < 3; i++ { ch <- i } close(ch) for v := range ch { print(v) }", "0 1 2");
}

#[test]
fn runtime_errors_name_the_place() {
    for (text, place) in [
        ("x = 1 +\n  nil", "1:7"),
        ("x = f\n  .g.h", "2:4"),
        ("t = {}\nt.x.y = 1", "2:5"),
        ("t = {}\nt.f(1)", "2:3"),
        ("print(1)\nnothing(2)", "2:1"),
        ("if 1 <\n {} { }", "1:6"),
        ("x = -{}", "1:5"),
        ("t = {}\nt[1][2]++", "2:5"),
        ("func f(n) {\n  for i := 0; i < n; i++ { }\n}\nf({})", "2:17"),
        ("for k := range nil { }", "1:16"),
    ] {
        let (_, error) = run(text);
        let error = error.unwrap_or_default();
        assert!(error.starts_with(&format!("test.gs:{place}: ")), "{text}\n{error}");
    }
}
