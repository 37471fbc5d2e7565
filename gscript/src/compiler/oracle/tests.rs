//! Random programs on both.

use std::sync::Arc;

use super::eval::{Eval, Stop};
use super::generate::program;
use crate::bytecode::Source;
use crate::interp::{Vm, VmOptions};
use crate::jit::NoJit;
use crate::random::Random;
use crate::syntax::parse;

/// What became of the programs of one run.
#[derive(Default)]
struct Tally {
    finished: u32,
    failed: u32,
    unused: u32,
}

/// Runs `text` on both sides and compares what they print, and whether they fail.
fn compare(text: &str, tally: &mut Tally) {
    let ast = match parse(text) {
        Ok(ast) => ast,
        Err(problem) => panic!("{} at {}\n{text}", problem.message, problem.at),
    };
    let mut eval = Eval::new(&ast);
    let fails = match eval.main() {
        Ok(()) => false,
        Err(Stop::Error) => true,
        Err(Stop::Fuel) => {
            tally.unused += 1;
            return;
        }
    };
    let source = Arc::new(Source { name: "random.gs".into(), text: text.into() });
    let compiled = match crate::compiler::compile(source) {
        Ok(compiled) => Arc::new(compiled),
        Err(error) => panic!("{error}\n{text}"),
    };
    // Every third program runs under stress: the evaluator has no garbage collector.
    let gc_stress = u32::from((tally.finished + tally.failed).is_multiple_of(3));
    let options = VmOptions { step_budget: 1_000_000, gc_stress, ..VmOptions::default() };
    let mut vm = match Vm::new(compiled.clone(), options) {
        Ok(vm) => vm,
        Err(error) => panic!("{}\n{text}", error.message),
    };
    let result = vm.run_main(&mut NoJit);
    let output = String::from_utf8_lossy(&vm.take_output()).into_owned();
    let message = result.as_ref().err().map(|error| error.message.clone());
    if output != eval.out || result.is_err() != fails {
        let listing = crate::disasm::program_to_string(&compiled);
        let expected = &eval.out;
        panic!("{text}\n{listing}\nexpected (error: {fails}):\n{expected}\nfound ({message:?}):\n{output}");
    }
    match fails {
        true => tally.failed += 1,
        false => tally.finished += 1,
    }
}

fn run(seed: u64, programs: u32, fuel: usize) {
    let test = move || {
        let mut rng = Random::new(seed);
        let mut tally = Tally::default();
        for _ in 0..programs {
            compare(&program(&mut rng, fuel), &mut tally);
        }
        // A generator that produces mostly nonsense would test nothing.
        assert!(tally.finished > programs / 5 * 4, "{} finished", tally.finished);
        assert!(tally.failed > 0 && tally.unused < programs / 10);
    };
    // The evaluator recurses for each call of the program.
    let thread = std::thread::Builder::new().stack_size(1 << 26).spawn(test);
    thread.expect("a thread").join().expect("both agree");
}

#[test]
fn small_programs_mean_the_same() {
    run(0x1234_5678_9abc_def1, 3000, 30);
}

#[test]
fn larger_programs_mean_the_same() {
    run(0xfedc_ba98_7654_3211, 1000, 300);
}
