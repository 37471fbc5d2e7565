//! What goes wrong at run time: each failure is told apart, names its place, and leaves no figures.

mod common;

use common::{cell, ints, passes};
use gsx_engine::{Arg, CellError, run_cell};

#[test]
fn a_program_error_names_place_and_activations() {
    let source = "func inner(n) {\n    if n == 0 { return n + {} }\n    return inner(n - 1) + 1\n}\n\
                  func entry(n) { return inner(n) + 1 }";
    let spec = cell(source, "entry", &ints(&[3]), &ints(&[3]));
    let Err(CellError::Program(e)) = run_cell(&spec) else { panic!("the program fails") };
    assert!(e.message.starts_with("test.gs:2:"), "{}", e.message);
    assert!(e.trace.len() >= 4, "{:?}", e.trace);
}

#[test]
fn errors_in_compiled_code_have_the_interpreters_trace() {
    // The failing call comes after two good ones, so that the functions are compiled when it fails.
    let source = "calls := 0\n\
                  func inner(n) {\n    if n == 0 { return text(n) }\n    return inner(n - 1) + 1\n}\n\
                  func text(n) { if calls > 3 { return n + {} } return n }\n\
                  func entry(n) { calls = calls + 1 ok, e := pcall(inner, n) return ok, e }";
    let spec = cell(source, "entry", &ints(&[3]), &ints(&[3]));
    run_cell(&spec).expect("caught errors are results like others");
}

#[test]
fn unknown_entries_are_the_users_business() {
    let spec = cell("func fib(n) { return n } x := 5", "fob", &[], &[]);
    let error = run_cell(&spec).expect_err("there is no fob");
    assert_eq!(error.status(), 2);
    assert!(error.to_string().contains("fob") && error.to_string().contains("fib"), "{error}");
    let spec = cell("func fib(n) { return n } x := 5", "x", &[], &[]);
    assert_eq!(run_cell(&spec).expect_err("x is no function").status(), 2);
}

#[test]
fn wrong_arguments_fail_like_any_program() {
    let spec = cell("func entry(n) { return n + 1 }", "entry", &ints(&[1]), &[Arg::Str("abc".into())]);
    let error = run_cell(&spec).expect_err("a string is no number");
    assert_eq!(error.status(), 1);
    assert!(error.to_string().contains("test.gs:1:"), "{error}");
}

#[test]
fn limits_end_endless_loops() {
    let source = "func entry(n) { for n > 0 { n = n + 1 } return n }";
    let mut spec = cell(source, "entry", &ints(&[0]), &ints(&[1]));
    spec.limits.steps = 10_000;
    let error = run_cell(&spec).expect_err("the loop is endless");
    assert!(matches!(error, CellError::Limit(_)), "{error}");
    assert!(error.to_string().contains("--max-steps"), "{error}");
    assert_eq!(error.status(), 1);
}

#[test]
fn the_instruction_budget_ends_compiled_loops() {
    let source = "func entry(n) { s := 0 for i := 0; i < n; i++ { s = s + i } return s }";
    let mut spec = cell(source, "entry", &ints(&[10]), &ints(&[100_000]));
    spec.limits.instructions = 10_000;
    let error = run_cell(&spec).expect_err("not enough instructions");
    assert!(matches!(error, CellError::Limit(_)), "{error}");
    assert!(error.to_string().contains("--max-instructions"), "{error}");
}

#[test]
fn the_heap_limit_names_its_option() {
    let source = "func entry(n) { t := {} for i := 1; i < n; i++ { t[i] = {i} } return #t }";
    let mut spec = cell(source, "entry", &ints(&[10]), &ints(&[1_000_000]));
    spec.limits.heap_bytes = 1 << 20;
    let error = run_cell(&spec).expect_err("the heap is small");
    assert!(matches!(error, CellError::Limit(_)), "{error}");
    assert!(error.to_string().contains("--heap-limit"), "{error}");
}

#[test]
fn an_unexpected_result_is_reported() {
    let mut spec = cell("func entry(n) { return n + 1 }", "entry", &ints(&[1]), &ints(&[3]));
    spec.expected = Some("5".into());
    spec.pipeline = passes("all");
    let error = run_cell(&spec).expect_err("4 is not 5");
    assert!(matches!(&error, CellError::Unexpected { expected, found } if expected == "5" && found == "4"), "{error}");
}

#[test]
fn exits_are_counted_with_place_and_reason() {
    let source = "func entry(n) {\n    s := 0\n    for i := 0; i < 10; i++ {\n        s = s + n\n    }\n    return s\n}";
    let mut spec = cell(source, "entry", &ints(&[2]), &[Arg::Float(0.5)]);
    spec.pipeline = passes("none");
    let report = run_cell(&spec).expect("floats leave to the interpreter");
    assert_eq!(report.result, ["5.0"]);
    assert_eq!(report.exit_count(), 1);
    let exit = &report.exits[0];
    assert_eq!((exit.function.as_str(), exit.line), ("entry", 4));
    assert!(exit.reason.contains("is not int"), "{}", exit.reason);
}
