//! The benchmarks: each gives what it is known to give, and what it gives in C and in Lua.

mod common;

use std::path::{Path, PathBuf};
use std::process::Command;

use common::{cell, config, names, root};
use gsx_engine::run_cell;
use gsx_experiments::config::{Call, Expected};
use gsx_passes::{Pipeline, Registry};

/// The small size in the interpreter, in code without passes, and in code with all. (`run_cell` compares all three with the
/// known result.)
#[test]
fn small_sizes_give_the_known_results() {
    for name in names() {
        let config = config(&name);
        assert!(config.call.expected.is_some(), "{name} has no known result");
        for passes in ["none", "all"] {
            let pipeline = Pipeline::select(&Registry::default(), passes).expect("known groups");
            let report = run_cell(&cell(&config, &config.call, pipeline)).unwrap_or_else(|e| panic!("{name}: {e}"));
            assert!(report.skipped.is_empty(), "{name} with {passes}: {:?}", report.skipped);
            assert!(report.counters.instructions > 0, "{name} with {passes} executes nothing");
        }
    }
}

#[test]
fn every_benchmark_has_its_counterparts() {
    for name in names() {
        let config = config(&name);
        for extension in ["lua", "c"] {
            let path = config.program_path().with_extension(extension);
            assert!(path.is_file(), "{} is missing", path.display());
        }
        // callMany has no argument to make larger.
        assert_eq!(config.full.is_none(), name == "call-many", "{name}");
        assert!(config.full.iter().all(|call| call.expected.is_some()), "{name}: the full size has no known result");
    }
}

/// Both sizes in LuaJIT, where it is installed.
#[test]
fn luajit_gives_the_known_results() {
    if !is_installed("luajit", "-v") {
        println!("skipped: no luajit");
        return;
    }
    for name in names() {
        let config = config(&name);
        let program = config.program_path().with_extension("lua");
        for call in std::iter::once(&config.call).chain(&config.full) {
            check(call, || {
                let mut command = Command::new("luajit");
                command.arg(&program);
                command
            });
        }
    }
}

/// Both sizes in C, where gcc is installed.
#[test]
fn c_gives_the_known_results() {
    if !is_installed("gcc", "--version") {
        println!("skipped: no gcc");
        return;
    }
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("benchmarks");
    std::fs::create_dir_all(&folder).expect("a folder for executables");
    for name in names() {
        let config = config(&name);
        let executable = folder.join(&name);
        build(&config.program_path().with_extension("c"), &executable);
        for call in std::iter::once(&config.call).chain(&config.full) {
            check(call, || Command::new(&executable));
        }
    }
}

fn is_installed(program: &str, option: &str) -> bool {
    Command::new(program).arg(option).output().is_ok_and(|o| o.status.success())
}

/// Compiles a C program. Fused operations would round differently.
fn build(source: &Path, executable: &Path) {
    let output = Command::new("gcc")
        .args(["-O2", "-Wall", "-Wextra", "-Werror", "-ffp-contract=off", "-o"])
        .args([executable, source])
        .arg("-lm")
        .output()
        .expect("gcc starts");
    assert!(output.status.success(), "{}: {}", source.display(), String::from_utf8_lossy(&output.stderr));
}

/// Makes the call in a counterpart, as often as the known results say, and compares the last results to the bit.
fn check(call: &Call, program: impl Fn() -> Command) {
    let known = match call.expected.as_ref().expect("a known result") {
        Expected::Always(result) => vec![(1, result)],
        Expected::InTurn([first, second]) => vec![(call.warmup.calls + 1, first), (call.warmup.calls + 2, second)],
    };
    for (calls, result) in known {
        let mut command = program();
        command.arg(&call.entry.value).arg(calls.to_string()).args(call.args.iter().map(ToString::to_string));
        let output = command.current_dir(root()).output().expect("a counterpart starts");
        let found = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
        let number = |text: &str| text.trim().parse::<f64>().unwrap_or_else(|_| panic!("{command:?} gives {text}"));
        assert_eq!(number(&found).to_bits(), number(result).to_bits(), "{command:?} gives {found} instead of {result}");
    }
}
