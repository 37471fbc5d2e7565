//! Every configuration under a sample of the pass sets, through the program itself.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use gsx_passes::{Registry, sampling};
use serde_json::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn gsx(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_gsx")).args(args).current_dir(root()).output().expect("gsx starts")
}

/// The chosen cell of `run --json`.
fn cell(args: &[&str]) -> Value {
    let output = gsx(&[&["run", "--json"], args].concat());
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?}: {errors}");
    let mut value: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let cells = value["cells"].as_array_mut().expect("cells");
    assert_eq!(cells[0]["passes"], Value::Array(Vec::new()), "the baseline comes first");
    cells.pop().expect("a cell")
}

/// A configuration gives its result under each subset, without leaving compiled code.
fn check_subsets(config: &str, result: &str) {
    for pipeline in sampling::subsets(&Registry::default(), sampling::random_sets()) {
        let passes = match pipeline.ids()[..] {
            [] => "none".to_string(),
            ref ids => ids.join(","),
        };
        let c = cell(&["--passes", &passes, config]);
        assert_eq!(c["result"], serde_json::json!([result]), "{passes}");
        assert_eq!(c["verified"], true, "{passes}");
        assert_eq!(c["exits"], 0, "{passes}: {}", c["exit_places"]);
        assert_eq!(c["skipped"], serde_json::json!([]), "{passes}");
        assert!(c["instructions"].as_u64() > Some(0), "{passes}");
    }
}

#[test]
fn fib_under_subsets() {
    check_subsets("configs/fib.toml", "6765");
}

#[test]
fn ackermann_under_subsets() {
    check_subsets("configs/ackermann.toml", "125");
}

#[test]
fn call_many_under_subsets() {
    check_subsets("configs/call-many.toml", "10000");
}

/// Every configuration gives its result in both layouts.
#[test]
fn layouts_agree() {
    let mut configs: Vec<PathBuf> = std::fs::read_dir(root().join("configs"))
        .expect("configs")
        .map(|e| e.expect("an entry").path())
        .filter(|p| p.extension().is_some_and(|e| e == "toml"))
        .collect();
    configs.sort();
    assert!(configs.len() >= 9);
    for config in configs {
        let config = config.to_str().expect("a name");
        let results: Vec<Value> = ["none", "nan-box", "seed", "seed,-nan-box", "all", "all,-nan-box"]
            .into_iter()
            .map(|passes| {
                let mut c = cell(&["--passes", passes, config]);
                assert_eq!(c["verified"], true, "{config} {passes}");
                let layout = if passes.ends_with("-nan-box") || passes == "none" { "tagged-32" } else { "nan-box" };
                assert_eq!(c["layout"], layout, "{config} {passes}");
                c["result"].take()
            })
            .collect();
        assert!(results.iter().all(|r| *r == results[0]), "{config}: {results:?}");
    }
}

/// The words that other programs rely on.
#[test]
fn json_has_the_promised_words() {
    let c = cell(&["--passes", "pin,dse", "configs/fib.toml"]);
    assert_eq!(c["program"], "benchmarks/fib.gs");
    assert_eq!(c["entry"], "fib");
    assert_eq!(c["args"], serde_json::json!([20]));
    assert_eq!(c["passes"], serde_json::json!(["acc-pin", "r0-pin", "dse"]));
    for key in ["layout", "allocator", "core", "executor"] {
        assert!(c[key].is_string(), "{key}");
    }
    for key in ["cycles", "nanoseconds", "mispredicts"] {
        assert!(c.get(key).is_some_and(Value::is_null), "{key} is not measured by this version");
    }
    for key in [
        "instructions",
        "loads",
        "stores",
        "bytes_loaded",
        "bytes_stored",
        "branches",
        "exits",
        "host_calls",
        "code_bytes",
        "heap_allocated",
        "heap_live",
        "heap_peak",
    ] {
        assert!(c[key].is_u64(), "{key}");
    }
    for stage in ["build", "acc-pin", "r0-pin", "dse", "backend"] {
        assert!(c["compile_ns"][stage].is_u64(), "{stage}");
    }
    assert!(c["remarks"].is_array());
}

/// Figures do not depend on the run.
#[test]
fn figures_are_reproducible() {
    let mut a = cell(&["configs/fib.toml"]);
    let mut b = cell(&["configs/fib.toml"]);
    for c in [&mut a, &mut b] {
        c["compile_ns"] = Value::Null;
    }
    assert_eq!(a, b);
}

/// Everything the README tells a newcomer to type.
#[test]
fn readme_names_its_two_commands() {
    let Ok(readme) = std::fs::read_to_string(root().join("README.md")) else {
        return;
    };
    for command in ["cargo run --release -- run --passes pin,dse configs/fib.toml", "cargo test --workspace"] {
        assert!(readme.contains(command), "README.md lacks `{command}`");
    }
}

/// A reader that has seen enough is no error, whether gsx prints or the program that it runs.
#[cfg(unix)]
#[test]
fn a_closed_pipe_ends_quietly() {
    use std::process::Stdio;
    let forever = "experiments/tests/cli/inputs/forever.gs";
    for args in [&["ir", "configs/fib.toml"][..], &["exec", "--max-steps", "1G", forever]] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_gsx"))
            .args(args)
            .current_dir(root())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("gsx starts");
        drop(child.stdout.take());
        let output = child.wait_with_output().expect("gsx ends");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{args:?}");
        // No code: ended by the signal that says so.
        assert!(matches!(output.status.code(), Some(0) | None), "{args:?}: {}", output.status);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_reported() {
    for args in [&["run", "configs/fib.toml"][..], &["exec", "experiments/tests/cli/inputs/hello.gs"]] {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("Linux has /dev/full");
        let output = Command::new(env!("CARGO_BIN_EXE_gsx"))
            .args(args)
            .current_dir(root())
            .stdout(full)
            .output()
            .expect("gsx starts");
        let message = String::from_utf8_lossy(&output.stderr);
        assert!(message.starts_with("error: cannot write the output: "), "{args:?}: {message}");
        assert_eq!(output.status.code(), Some(1), "{args:?}");
    }
}

/// Each pass, switched off alone, changes the code of some benchmark; the exceptions have a reason.
#[test]
fn every_pass_matters_in_all() {
    // It gives way to regalloc2.
    let without_effect = ["linear-scan"];
    let configs = ["fib", "ackermann", "call-many", "nbody", "spectral-norm"].map(|c| format!("configs/{c}.toml"));
    let listing = |passes: &str| -> Vec<Vec<u8>> {
        configs.iter().map(|c| gsx(&["asm", "--passes", passes, c]).stdout).collect()
    };
    let all = listing("all");
    let tagged = listing("all,-nan-box");
    for pass in Registry::default().passes() {
        let id = pass.info().id;
        // With values of one word there are no tags to leave out.
        let (base, layout) = if id == "tag-elim" { (&tagged, ",-nan-box") } else { (&all, "") };
        let differs = words(base) != words(&listing(&format!("all{layout},-{id}")));
        assert_eq!(differs, !without_effect.contains(&id), "{id}");
    }
}

/// The hexadecimal words in listings of code.
fn words(listings: &[Vec<u8>]) -> Vec<String> {
    let text = listings.iter().flat_map(|l| String::from_utf8_lossy(l).lines().map(str::to_string).collect::<Vec<_>>());
    let is_word = |w: &&str| w.len() == 8 && w.chars().all(|c| c.is_ascii_hexdigit());
    text.filter_map(|line| line.split_whitespace().find(is_word).map(str::to_string)).collect()
}

/// With all passes, the programs execute no more instructions than they have to.
#[test]
fn all_passes_reach_the_figures() {
    for (config, most) in [("fib", 440_000), ("ackermann", 250_000), ("call-many", 40_100), ("mandelbrot", 17_000_000)]
    {
        let config = format!("configs/{config}.toml");
        let executed = cell(&["--passes", "all", &config])["instructions"].as_u64();
        assert!(executed.is_some_and(|n| n <= most), "{config}: {executed:?}, at most {most}");
    }
}
