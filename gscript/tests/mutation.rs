//! Mutated programs: whatever a program says, it runs to a result or to a clean error, the same one with profiling and
//! when hot functions are "compiled" (and leave through a side exit at once).
//!
//! `GSX_MUTATIONS` sets how many programs are tried, `GSX_SEED` where the random sequence starts.

use gscript::bytecode::{Program, ProtoId, Source};
use gscript::compiler::compile;
use gscript::error::{ErrorKind, RuntimeError};
use gscript::interp::{Vm, VmOptions};
use gscript::jit::{Jit, NoJit, Results, ResumeFrame};
use gscript::layout::Layout;
use gscript::random::Random;
use std::fs;
use std::path::Path;
use std::sync::Arc;

struct ExitJit;

impl Jit for ExitJit {
    fn invoke(&mut self, vm: &mut Vm, proto: ProtoId, base: u64) -> Result<Option<Results>, RuntimeError> {
        let depth = vm.depth();
        vm.resume(self, &[ResumeFrame { proto, base, pc: 0 }], depth).map(Some)
    }
    fn hot(&mut self, vm: &mut Vm, proto: ProtoId) {
        vm.set_compiled(proto, 1);
    }
}

/// What the program prints and how it ends; `None` if a limit that depends on how it was run was hit.
fn outcome(program: &Arc<Program>, options: VmOptions, jit: &mut dyn Jit) -> Option<String> {
    let mut vm = Vm::new(program.clone(), options).ok()?;
    let result = vm.run_main(jit);
    let mut out = String::from_utf8_lossy(&vm.take_output()).into_owned();
    if let Err(e) = result {
        assert_ne!(e.kind, ErrorKind::Fault, "{}", e.message);
        if e.kind != ErrorKind::Program {
            return None;
        }
        out.push_str(&e.message);
    }
    // How deep callbacks nest, and what a yield has to cross, depends on which functions are compiled.
    let nesting = out.contains("too many nested") || out.contains("across a library");
    (!nesting).then_some(out)
}

/// Splits a line into words and single other characters; strings stay whole.
fn tokens(line: &str) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut word = String::new();
    let mut in_string = false;
    for c in line.chars() {
        in_string ^= c == '"';
        if in_string || c.is_alphanumeric() || matches!(c, '_' | '.' | '"') {
            word.push(c);
        } else {
            out.extend((!word.is_empty()).then(|| std::mem::take(&mut word)));
            out.push(c.to_string());
        }
    }
    out.extend((!word.is_empty()).then_some(word));
    out
}

const ODD: &[&str] = &[
    "nil",
    "0",
    "-1",
    "1.5",
    "{}",
    "...",
    "\"x\"",
    "9223372036854775807",
    "print",
    "t",
    "1e300",
    "unpack(t)",
    "pcall",
    "coroutine.yield()",
    "func() { }",
];

fn mutate(random: &mut Random, corpus: &[String]) -> String {
    let mut lines: Vec<String> = random.choose(corpus).lines().map(String::from).collect();
    if random.below(3) == 0 {
        let keep = 1 + random.below(lines.len());
        lines.truncate(keep);
    }
    for _ in 0..random.below(6) {
        let other: Vec<&str> = random.choose(corpus).lines().collect();
        let line = (*random.choose(&other)).to_string();
        let at = random.below(lines.len() + 1);
        lines.insert(at, line);
    }
    for _ in 0..1 + random.below(4) {
        let n = random.below(lines.len());
        let mut line = tokens(&lines[n]);
        if line.is_empty() {
            continue;
        }
        let (a, b) = (random.below(line.len()), random.below(line.len()));
        match random.below(5) {
            0 => drop(line.remove(a)),
            1 => line.swap(a, b),
            2 => line.insert(b, line[a].clone()),
            3 => {
                let other: &String = random.choose(&lines);
                let other = tokens(other);
                if !other.is_empty() {
                    line[a] = random.choose(&other).clone();
                }
            }
            _ => line[a] = (*random.choose(ODD)).to_string(),
        }
        lines[n] = line.concat();
    }
    lines.join("\n")
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|v| v.parse().ok()).unwrap_or(default)
}

#[test]
fn mutated_programs_end_cleanly_and_alike() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs");
    let mut paths: Vec<_> = fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()).collect();
    paths.retain(|p| p.extension().is_some_and(|e| e == "gs"));
    paths.sort();
    // Nothing may depend on the clock, or wait for it.
    let clockless = |text: String| text.replace("time.sleep", "type").replace("time.now", "type");
    let corpus: Vec<String> = paths.iter().map(|p| clockless(fs::read_to_string(p).unwrap())).collect();
    let mut random = Random::new(setting("GSX_SEED", 20_260_319));
    let mut compiled = 0;
    for _ in 0..setting("GSX_MUTATIONS", 4000) {
        let text = mutate(&mut random, &corpus);
        let Ok(program) = compile(Arc::new(Source { name: "mutant".into(), text: text.clone() })) else { continue };
        compiled += 1;
        let program = Arc::new(program);
        let options = VmOptions { step_budget: 100_000, heap_limit: 1 << 24, ..VmOptions::default() };
        let plain = outcome(&program, options.clone(), &mut NoJit);
        let profiled = outcome(&program, VmOptions { profile: true, ..options.clone() }, &mut NoJit);
        assert_eq!(plain, profiled, "{text}");
        let boxed = outcome(&program, VmOptions { layout: Layout::NanBox, ..options.clone() }, &mut NoJit);
        let exits = outcome(&program, VmOptions { hot_calls: 3, ..options }, &mut ExitJit);
        // What the heap limit ends in one layout may go on in the other.
        if plain.is_some() && boxed.is_some() {
            assert_eq!(plain, boxed, "{text}");
        }
        if plain.is_some() && exits.is_some() {
            assert_eq!(plain, exits, "{text}");
        }
    }
    assert!(compiled > 50, "only {compiled} programs compiled");
}
