//! Passes of a user's own: they join gsx's, and when they are wrong gsx says so and keeps no figure.
//!
//! With `GSX_AS_PROGRAM` set, this test is itself a `gsx` with the passes below: what a user's `main` would be.

use std::path::Path;
use std::process::{Command, ExitCode};

use gsx_ir::{NodeId, Op, Type, Unit};
use gsx_passes::{Outcome, Pass, PassContext, PassError, PassInfo, RemarkKind};
use libtest_mimic::{Arguments, Failed, Trial};

/// A pass with its information and what it does.
struct OwnPass(PassInfo, fn(&mut Unit, &mut PassContext) -> Result<Outcome, PassError>);

impl Pass for OwnPass {
    fn info(&self) -> &'static PassInfo {
        // The passes below are statics, so their information is, too.
        PASSES.iter().map(|p| &p.0).find(|i| i.id == self.0.id).expect("one of the statics")
    }
    fn run(&self, unit: &mut Unit, cx: &mut PassContext) -> Result<Outcome, PassError> {
        (self.1)(unit, cx)
    }
}

const fn info(id: &'static str) -> PassInfo {
    PassInfo {
        id,
        summary: "a pass of the tests",
        details: "It exists only in the tests.",
        groups: &["own"],
        needs: &[],
        origin: "tests",
    }
}

static PASSES: [&OwnPass; 6] = [
    &OwnPass(info("count-adds"), |unit, cx| {
        let adds = additions(unit);
        cx.count("additions seen", adds.len() as u64);
        cx.remark(RemarkKind::Note, "only looks");
        Ok(Outcome::Unchanged)
    }),
    // Well-formed and wrong: only running it shows.
    &OwnPass(info("subtract"), |unit, _| {
        for n in additions(unit) {
            let args = unit.graph.node(n).args.clone();
            unit.graph.rewrite(n, Op::ISub, &args);
        }
        Ok(Outcome::Changed)
    }),
    // Right but for the third of its rewrites.
    &OwnPass(info("third-wrong"), |unit, cx| {
        for (i, n) in arithmetic(unit).into_iter().enumerate() {
            if !cx.permits(|| format!("looked at {n}")) {
                continue;
            }
            if i == 2 {
                let [a, b] = unit.graph.node(n).args[..] else { continue };
                let wrong = if unit.graph.node(n).op == Op::IAdd { Op::ISub } else { Op::IAdd };
                unit.graph.rewrite(n, wrong, &[a, b]);
            }
        }
        Ok(Outcome::Changed)
    }),
    // Malformed: an integer addition of floats.
    &OwnPass(info("confuse-types"), |unit, _| {
        for n in additions(unit) {
            let origin = unit.graph.node(n).origin;
            let float = unit.graph.pure(Op::FConst(0), &[], Type::Float, origin);
            unit.graph.rewrite(n, Op::IAdd, &[float, float]);
        }
        Ok(Outcome::Changed)
    }),
    &OwnPass(info("give-up"), |unit, _| {
        let function = unit.name().to_string();
        Err(PassError { pass: "give-up", function, reason: "it is too hard".into() })
    }),
    &OwnPass(info("panic"), |_, _| panic!("the pass lost its head")),
];

fn additions(unit: &Unit) -> Vec<NodeId> {
    let nodes = (0..unit.graph.node_count()).map(|i| NodeId(i as u32));
    nodes.filter(|n| unit.graph.node(*n).op == Op::IAdd).collect()
}

fn arithmetic(unit: &Unit) -> Vec<NodeId> {
    let nodes = (0..unit.graph.node_count()).map(|i| NodeId(i as u32));
    nodes.filter(|n| matches!(unit.graph.node(*n).op, Op::IAdd | Op::ISub)).collect()
}

fn main() -> ExitCode {
    if std::env::var_os("GSX_AS_PROGRAM").is_some() {
        let passes: Vec<&'static dyn Pass> = PASSES.iter().map(|p| *p as &'static dyn Pass).collect();
        return gsx_experiments::cli::main_with(&passes);
    }
    // `cargo test` builds the examples, `cargo test --test own_pass` does not.
    let example = example();
    let has_no_example = !example.exists();
    let trials = vec![
        Trial::test("the_example_is_gsx_with_a_pass_more", move || {
            let run = |args: &[&str]| program(&example, args);
            let (status, out, err) = run(&["passes"])?;
            expect(status == 0 && out.contains("adding an integer to itself"), &(out + &err))?;
            let inputs = ["--entry", "entry", "--args", "5", "experiments/tests/cli/inputs/double.gs"];
            let (status, out, err) =
                run(&[&["run", "--verify-each", "--passes", "double,r0-pin"], &inputs[..]].concat())?;
            expect(
                status == 0 && out.contains("1 additions became shifts") && out.contains("result    15"),
                &(out + &err),
            )
        })
        .with_ignored_flag(has_no_example),
        Trial::test("own_passes_are_listed", || {
            let (status, out, _) = gsx(&["passes"])?;
            expect(status == 0 && out.contains("count-adds") && out.contains("passes of yours"), &out)
        }),
        Trial::test("an_own_pass_runs", || {
            let (status, out, err) =
                gsx(&["run", "--passes", "own,-subtract,-third-wrong,-confuse-types,-give-up,-panic", FIB])?;
            expect(status == 0 && out.contains("additions seen") && out.contains("only looks"), &(out + &err))
        }),
        Trial::test("wrong_code_is_caught_by_the_final_check", || {
            let (status, out, err) = gsx(&["run", "--passes", "subtract", FIB])?;
            expect(
                status == 3
                    && out.is_empty()
                    && err.starts_with("error: wrong code: ")
                    && err.contains("instead of 6765"),
                &(out + &err),
            )
        }),
        Trial::test("wrong_code_is_caught_by_the_evaluator_which_names_the_pass", || {
            let (status, out, err) = gsx(&["run", "--verify-each", "--passes", "seed,subtract", FIB])?;
            expect(status == 3 && out.is_empty() && err.contains("after subtract"), &(out + &err))
        }),
        Trial::test("a_malformed_graph_is_caught_by_the_verifier", || {
            for verify in [&["run", "--verify-each"][..], &["run"]] {
                let (status, out, err) = gsx(&[verify, &["--passes", "confuse-types", FIB]].concat())?;
                expect(status == 3 && out.is_empty() && err.contains("verifier rejects"), &(out + &err))?;
            }
            Ok(())
        }),
        Trial::test("a_pass_that_gives_up_is_named", || {
            let (status, _, err) = gsx(&["run", "--passes", "give-up", FIB])?;
            expect(status == 3 && err.contains("pass give-up failed on fib: it is too hard"), &err)
        }),
        Trial::test("bisect_finds_the_wrong_rewrite", || {
            let (status, out, err) = gsx(&["bisect", "--passes", "const-prop,dse,third-wrong", FIB])?;
            let line = "rewrite 3 of 3 in pass third-wrong: looked at v";
            expect(status == 3 && out.contains(line) && err.is_empty(), &(out + &err))?;
            let (status, out, err) = gsx(&["bisect", "--json", "--passes", "const-prop,dse,third-wrong", FIB])?;
            let json: serde_json::Value = serde_json::from_str(&out)?;
            let culprit = &json["culprit"];
            let said = culprit["pass"] == "third-wrong"
                && culprit["place"] == 3
                && culprit["needs"] == serde_json::json!([])
                && culprit["rewrite"]["number"] == 3
                && culprit["rewrite"]["function"] == "fib";
            expect(status == 3 && said, &(out + &err))
        }),
        Trial::test("bisect_finds_a_pass_that_does_not_ask", || {
            let (status, out, err) = gsx(&["bisect", "--passes", "seed,subtract", FIB])?;
            expect(status == 3 && out.contains("subtract, pass ") && out.contains("without asking"), &(out + &err))
        }),
        Trial::test("bisect_finds_what_the_verifier_rejects", || {
            let (status, out, err) = gsx(&["bisect", "--passes", "dse,confuse-types", FIB])?;
            let found = out.contains("confuse-types, pass 2 of 2") && out.contains("verifier rejects");
            expect(status == 3 && found, &(out + &err))
        }),
        Trial::test("a_panic_is_a_message", || {
            let (status, _, err) = gsx(&["run", "--passes", "panic", FIB])?;
            let says = err.starts_with("error: internal error: the pass lost its head (") && err.contains("report");
            expect(status == 3 && says && !err.contains("panicked"), &err)
        }),
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

const FIB: &str = "configs/fib.toml";

/// The example `own_pass`, which lies in a folder beside that of the tests.
fn example() -> std::path::PathBuf {
    let name = format!("own_pass{}", std::env::consts::EXE_SUFFIX);
    let tests = std::env::current_exe().unwrap_or_default();
    tests.ancestors().nth(2).unwrap_or(Path::new("")).join("examples").join(name)
}

/// Status, standard output, standard error of this test as a program.
fn gsx(args: &[&str]) -> Result<(i32, String, String), Failed> {
    program(&std::env::current_exe()?, args)
}

fn program(path: &Path, args: &[&str]) -> Result<(i32, String, String), Failed> {
    let output = Command::new(path)
        .args(args)
        .env("GSX_AS_PROGRAM", "1")
        .env_remove("RUST_BACKTRACE")
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
        .output()?;
    let text = |bytes: Vec<u8>| String::from_utf8(bytes);
    Ok((output.status.code().unwrap_or(-1), text(output.stdout)?, text(output.stderr)?))
}

fn expect(good: bool, seen: &str) -> Result<(), Failed> {
    if good { Ok(()) } else { Err(format!("gsx said:\n{seen}").into()) }
}
