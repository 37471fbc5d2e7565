//! The example is gsx with one more pass: it is listed, chosen by name or group, run, and checked.

use std::process::Command;

/// What the program prints, if it succeeds.
fn own_pass(args: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_own-pass")).args(args).output().expect("the example starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{args:?}: {}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

/// `run` on the example's program, with these passes.
fn run(passes: &str) -> String {
    let program = concat!(env!("CARGO_MANIFEST_DIR"), "/double.gs");
    own_pass(&["run", "--verify-each", "--passes", passes, "--entry", "double", "--args", "100", program])
}

#[test]
fn the_pass_is_listed_and_explained() {
    let list = own_pass(&["passes"]);
    assert!(list.contains("double-add") && list.contains("x * 2 becomes x + x"), "{list}");
    let text = own_pass(&["passes", "double-add"]);
    assert!(text.contains("wrap in the same way"), "{text}");
}

#[test]
fn the_pass_runs_among_the_others() {
    for passes in ["const-prop,dse,double-add", "const-prop,own"] {
        let text = run(passes);
        assert!(text.contains("doubled by an addition") && text.contains("9900"), "{text}");
    }
    let alone = run("double-add");
    assert!(!alone.contains("doubled by an addition"), "the constant comes from a slot: {alone}");
    let all = run("all");
    assert!(all.contains("double-add"), "{all}");
}

#[test]
fn the_pass_stays_short() {
    let lines = include_str!("../src/main.rs").lines().count();
    assert!(lines < 60, "{lines} lines");
}
