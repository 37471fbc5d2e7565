//! What goes wrong at run time: each failure is told apart, names its place, and leaves no figures.

mod common;

use common::{cell, ints, passes};
use gsx_engine::exec::exec_captured;
use gsx_engine::{Arg, CellError, Engine, ExecSpec, Limits, UnitKind, run_cell};

#[test]
fn a_program_error_names_place_and_activations() {
    let source = "func inner(n) {\n    if n == 0 { return n + {} }\n    return inner(n - 1) + 1\n}\n\
                  func entry(n) { return inner(n) + 1 }";
    let spec = cell(source, "entry", &ints(&[3]), &ints(&[3]));
    let Err(CellError::Program(e)) = run_cell(&spec) else { panic!("the program fails") };
    assert!(e.message.starts_with("test.gs:2:"), "{}", e.message);
    assert!(e.trace.len() >= 4, "{:?}", e.trace);
}

/// Runs a program to its end with everything compiled at the first call, and in the interpreter; gives both errors.
fn failures(source: &str) -> [gscript::error::RuntimeError; 2] {
    [Engine::Sim, Engine::Interp].map(|engine| {
        let spec = ExecSpec {
            program: cell(source, "", &[], &[]).program,
            engine,
            pipeline: passes("all"),
            hot_calls: 1,
            hot_loops: 2,
            unit: UnitKind::Method,
            limits: Limits { heap_bytes: 64 << 20, ..Limits::default() },
            gc_stress: 0,
        };
        match exec_captured(&spec) {
            Err(CellError::Program(e)) => *e,
            other => panic!("the program fails with an error: {other:?}"),
        }
    })
}

#[test]
fn messages_and_traces_are_the_interpreters() {
    for source in [
        // The error lies in a compiled function, a runtime operation, a builtin, a builtin with a level.
        "func f(n) { if n == 0 { return n + {} } return f(n - 1) + 1 }\nfunc g(n) { return f(n) + 1 }\ng(3)",
        "func f(n) { t := nil return t[n] }\nfunc g(n) { return f(n) + 1 }\ng(3)",
        "func f(n) { return error(\"boom\") }\nfunc g(n) { return f(n) + 1 }\ng(3)",
        "func f(n) { error(\"boom\", 2) return 1 }\nfunc g(n) {\n return f(n) + 1 }\ng(3)",
        "func f(n) { error(\"boom\", 3) return 1 }\nfunc g(n) { return f(n) + 1 }\nfunc h(n) {\n return g(n) + 1 }\nh(3)",
        "func f(n) { return string.rep(n, {}) }\nfunc g(n) { return f(n) + 1 }\ng(3)",
        // Interpreted functions between compiled ones (variable arguments are not compiled), callbacks of builtins.
        "func f(n) { return n + {} }\nfunc v(...) { return f(...) + 1 }\nfunc g(n) { return v(n) + 1 }\ng(3)",
        "func f(a, b) { return a < {} }\nfunc g(n) { table.sort({3, 2, 1}, f) return 1 }\nfunc h(n) { return g(n) + 1 }\nh(3)",
        "func f(n) { return 1 + f(n + 1) }\nfunc g(n) { return f(n) + 1 }\ng(3)",
        // The stack overflows in a self call, behind others of them and in a function with a loop: the innermost place counts.
        "func f(n) { s := 0 for i := 0; i < 2; i++ { s = s + i }\n if n < 0 { return s }\n return 1 +\n f(n + 1) }\nf(3)",
        "func f(n, x) { return f(n + 1, x) + g(n) }\nfunc g(n) { return n }\npcall(f, 1, 2)\nf(1, 0.5)",
        "func e(n) { return o(n + 1) + 1 }\nfunc o(n) { return e(n + 1) - 1 }\ne(3)",
        "func f(n) { return pcall(error, \"inner\", 2) }\nfunc g(n) { ok, e := f(n) error(e) }\ng(3)",
    ] {
        let [compiled, interpreted] = failures(source);
        assert_eq!(compiled.message, interpreted.message, "{source}");
        assert_eq!(compiled.trace, interpreted.trace, "{source}");
        assert!(compiled.trace.len() >= 2, "{:?}", compiled.trace);
    }
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
    spec.expected = Some(["5".into(), "5".into()]);
    spec.pipeline = passes("all");
    let error = run_cell(&spec).expect_err("4 is not 5");
    assert!(matches!(&error, CellError::Unexpected { expected, found } if expected == "5" && found == "4"), "{error}");
}

#[test]
fn exits_are_counted_with_place_and_reason() {
    let source =
        "func entry(n) {\n    s := 0\n    for i := 0; i < 10; i++ {\n        s = s + n\n    }\n    return s\n}";
    let mut spec = cell(source, "entry", &ints(&[2]), &[Arg::Float(0.5)]);
    spec.pipeline = passes("none");
    let report = run_cell(&spec).expect("floats leave to the interpreter");
    assert_eq!(report.result, ["5.0"]);
    assert_eq!(report.exit_count(), 1);
    let exit = &report.exits[0];
    assert_eq!((exit.function.as_str(), exit.line), ("entry", 4));
    assert!(exit.reason.contains("is not int"), "{}", exit.reason);
}
