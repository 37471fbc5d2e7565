//! Inputs that are too large to write down: gsx ends with a message, and in bounded time and memory.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Runs `gsx exec` on a program; status, standard output, standard error.
fn exec(name: &str, text: impl AsRef<[u8]>, options: &[&str]) -> (i32, String, String) {
    let path: PathBuf = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, text).expect("a file for the test");
    let output = Command::new(env!("CARGO_BIN_EXE_gsx"))
        .arg("exec")
        .arg(&path)
        .args(options)
        .env_remove("RUST_BACKTRACE")
        .output()
        .expect("gsx starts");
    fs::remove_file(&path).ok();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    // No exit code: killed by a signal, as by a stack overflow.
    (output.status.code().unwrap_or(-1), text(output.stdout), text(output.stderr))
}

/// The program is refused: a message with its place, no panic, no wall of text.
fn refused(name: &str, text: &str, says: &str) {
    let (status, out, err) = exec(name, text, &[]);
    let shown: String = err.chars().take(2000).collect();
    assert_eq!(status, 2, "{name}: {shown}");
    assert_eq!(out, "", "{name}");
    assert!(err.contains(says), "{name}: {shown}");
    assert!(!err.contains("internal error"), "{name}: {shown}");
    assert!(err.len() < 2000, "{name}: a message of {} bytes: {shown}", err.len());
}

/// Deep nesting is either run or refused, whatever nests.
#[test]
fn deep_nesting() {
    let deep = |open: &str, middle: &str, close: &str| {
        let n = 200_000;
        format!("{}{middle}{}", open.repeat(n), close.repeat(n))
    };
    for (name, text) in [
        ("parentheses.gs", format!("x := {}", deep("(", "1", ")"))),
        ("minus.gs", format!("x := {}", deep("- ", "1", ""))),
        ("not.gs", format!("x := {}", deep("!", "true", ""))),
        ("tables.gs", format!("x := {}", deep("{", "", "}"))),
        ("index.gs", format!("x := {}", deep("t[", "1", "]"))),
        ("calls.gs", format!("x := {}", deep("f(", "1", ")"))),
        ("power.gs", format!("x := {}", deep("2 ** ", "1", ""))),
        ("functions.gs", format!("x := {}", deep("func() { return ", "1", " }"))),
        ("ifs.gs", deep("if true { ", "", " }")),
        ("fors.gs", deep("for true { ", "", " }")),
        ("function-statements.gs", deep("func f() { ", "", " }")),
    ] {
        refused(name, &text, "nest");
    }
    // All operands of a concatenation are in registers at once.
    let concat = format!("x := {}", deep("\"a\" .. ", "\"b\"", ""));
    refused("concat.gs", &concat, "registers");
}

/// Long chains of operators nest in the tree, not in the text.
#[test]
fn long_chains() {
    for (name, text, says) in [
        ("sum.gs", format!("x := 1{}\nprint(x)", " + 1".repeat(200_000)), "200001"),
        (
            "elseif.gs",
            format!("x := 9\nif x == 0 {{ }}{} else {{ print(\"end\") }}", " elseif x == 1 { }".repeat(50_000)),
            "end",
        ),
        ("fields.gs", format!("t := {{}}\nt.a = t\nprint(type(t{}))", ".a".repeat(100_000)), "table"),
        ("statements.gs", format!("x := 0\n{}print(x)", "x = x + 1\n".repeat(100_000)), "100000"),
    ] {
        let (status, out, err) = exec(name, &text, &[]);
        let shown: String = err.chars().take(2000).collect();
        let ran = status == 0 && out.contains(says);
        let refused = status == 2 && !err.contains("internal error") && err.len() < 2000;
        assert!(ran || refused, "{name}: status {status}, {out} {shown}");
    }
}

/// A line of 10 MB, good or bad, is no wall of text.
#[test]
fn a_line_of_10_mb() {
    let good = format!("x := \"{}\"\nprint(#x)", "a".repeat(10 << 20));
    let (status, out, err) = exec("long-good.gs", good, &[]);
    assert_eq!((status, out.trim()), (0, "10485760"), "{err}");
    refused("long-bad.gs", &format!("x := {} @", "1 + ".repeat(5 << 19)), "long-bad.gs:1:");
    refused("long-string.gs", &format!("x := \"{}", "a".repeat(10 << 20)), "long-string.gs:1:");
    refused("long-name.gs", &format!("{} =", "a".repeat(10 << 20)), "long-name.gs:1:");
}

/// More of everything than a function can hold.
#[test]
fn too_much_for_a_function() {
    let locals: String = (0..1000).map(|i| format!("x{i} := {i}\n")).collect();
    refused("locals.gs", &format!("func f() {{ {locals} }}"), "regist");
    let params: Vec<String> = (0..1000).map(|i| format!("p{i}")).collect();
    refused("params.gs", &format!("func f({}) {{ }}", params.join(", ")), "params.gs:1:");
    let args = vec!["1"; 1000].join(", ");
    refused("arguments.gs", &format!("print({args})"), "arguments.gs:1:");
}

/// Files that hold no program.
#[test]
fn no_program() {
    let (status, _, err) = exec("binary.gs", b"\x7fELF\0\0\0", &[]);
    assert!(status == 2 && err.contains("not a text file"), "{err}");
    let (status, _, err) = exec("latin1.gs", b"x := 1\ny := \"\xe9\"\n", &[]);
    assert!(status == 2 && err.contains("not UTF-8") && err.contains("line 2"), "{err}");
    let (status, out, err) = exec("empty.gs", b"", &[]);
    assert_eq!((status, out.as_str(), err.as_str()), (0, "", ""));
}

/// Programs without end or measure reach a limit that says how to raise it, on both engines.
#[test]
fn endless_programs() {
    for engine in ["interp", "sim"] {
        for (name, text, option, value, status) in [
            ("loop.gs", "for true { }", "--max-steps", "1M", 1),
            ("loop-call.gs", "func f() { for { } }\nf()", "--max-steps", "1M", 1),
            ("strings.gs", "s := \"x\"\nfor { s = s .. s }", "--heap-limit", "16MiB", 1),
            ("tables.gs", "t := {}\nfor { t = {t} }", "--heap-limit", "16MiB", 1),
        ] {
            let (got, _, err) = exec(&format!("{engine}-{name}"), text, &["--engine", engine, option, value]);
            assert_eq!(got, status, "{engine} {name}: {err}");
            assert!(err.contains(option), "{engine} {name}: {err}");
        }
        let name = format!("{engine}-recursion.gs");
        let (status, _, err) = exec(&name, "func f(n) { return 1 + f(n + 1) }\nprint(f(0))", &["--engine", engine]);
        assert!(status == 1 && err.contains("stack overflow") && err.len() < 4000, "{engine}: {status} {err}");
    }
    // Compiled code that does not end has a limit of its own.
    let text =
        "func f(n) { i := 0\nfor i < n { i = i + 1 }\nreturn i }\nfor j := 0; j < 200; j++ { f(10) }\nf(1000000000)";
    let (status, _, err) = exec("sim-hot-loop.gs", text, &["--max-instructions", "10M"]);
    assert!(status == 1 && err.contains("--max-instructions"), "{err}");
}
