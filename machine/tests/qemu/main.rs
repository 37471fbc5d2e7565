//! The simulator against QEMU: random instruction sequences on random states.
//!
//! One program is made of some thousands of short sequences. Each loads all registers and flags from its slot in the
//! data area, runs its random instructions, and stores all registers and flags to the slot. The same words run on the
//! simulator and, wrapped into an ELF file, under `qemu-aarch64`, at the same addresses; then the data areas must be
//! equal, byte by byte.

mod elf;
mod generate;
mod patterns;
mod program;

use generate::Random;
use gsx_machine::sim::Simulator;
use gsx_machine::{Executor, GuestMemory, Host, HostAction, Registers, Stop};
use program::{DATA_BASE, Program, SLOT_SIZE};
use std::io::Write as _;
use std::process::{Command, Stdio};

struct NoHost;

impl Host for NoHost {
    fn host_call(&mut self, _: &mut dyn Executor, _: &mut Registers) -> HostAction {
        HostAction::Unwind
    }
}

/// The data area after the program has run under QEMU.
fn run_on_qemu(program: &Program, name: &str) -> Vec<u8> {
    let directory = std::env::temp_dir().join(format!("gsx-machine-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("a directory for the test program");
    let path = directory.join(name);
    elf::write(&path, program).expect("the test program is written");
    let output = Command::new("qemu-aarch64").arg(&path).stderr(Stdio::inherit()).output().expect("qemu starts");
    let _ = std::fs::remove_dir_all(&directory);
    assert!(output.status.success(), "qemu: {}", output.status);
    assert_eq!(output.stdout.len(), program.data.len());
    output.stdout
}

/// Runs the program on the simulator. Gives how it ended, the registers then, and the data area.
fn run_on_simulator(simulator: &mut Simulator, program: &Program) -> (Result<(), Stop>, Registers, Vec<u8>) {
    let mut data = program.data.clone();
    // SAFETY: `data` lives past the call and is not touched during it.
    let memory = unsafe { GuestMemory::new(DATA_BASE, data.as_mut_ptr(), data.len()) };
    let mut registers = Registers::default();
    let result = simulator.call(&memory, program::CODE_BASE, &mut registers, &mut NoHost);
    (result, registers, data)
}

/// A simulator with the program.
fn simulator_with(program: &Program) -> Simulator {
    let mut simulator = Simulator::new();
    assert_eq!(simulator.install(&program.code), Ok(program::CODE_BASE));
    simulator.set_counting(true);
    simulator
}

fn words(bytes: &[u8]) -> Vec<u64> {
    bytes.chunks_exact(8).map(|chunk| u64::from_le_bytes(chunk.try_into().expect("8 bytes"))).collect()
}

fn compare(program: &Program, expected: &[u8], found: &[u8]) {
    let slots = expected.chunks_exact(SLOT_SIZE).zip(found.chunks_exact(SLOT_SIZE));
    for (number, (expected, found)) in slots.enumerate() {
        if expected == found {
            continue;
        }
        let before = words(&program.data[number * SLOT_SIZE..][..SLOT_SIZE]);
        let mut report = format!("sequence {number} differs\n");
        for (index, &word) in program.sequences[number].iter().enumerate() {
            report += &format!("  {index}: {word:08x}\n");
        }
        for (index, (expected, found)) in words(expected).into_iter().zip(words(found)).enumerate() {
            let name = program::slot_word_name(index);
            let mark = if expected == found { " " } else { "*" };
            if expected != found || index < 96 {
                report +=
                    &format!("{mark} {name:<12} before {:016x} qemu {expected:016x} sim {found:016x}\n", before[index]);
            }
        }
        panic!("{report}");
    }
}

#[test]
fn random_sequences_agree_with_qemu() {
    if Command::new("qemu-aarch64").arg("--version").stdout(Stdio::null()).status().is_err() {
        // The test harness hides what is printed through its macros; this line must be seen.
        let _ = writeln!(std::io::stderr(), "skipped: qemu-aarch64 is not installed");
        return;
    }
    // More sequences, or others: GSX_QEMU_SEQUENCES=20000 GSX_QEMU_SEED=7 cargo test -p gsx-machine --test qemu
    let number =
        |name: &str, default: u64| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default);
    let sequences = number("GSX_QEMU_SEQUENCES", 6000);
    let program = Program::random(number("GSX_QEMU_SEED", 1), sequences as usize);
    let (result, _, found) = run_on_simulator(&mut simulator_with(&program), &program);
    assert_eq!(result, Ok(()));
    let expected = run_on_qemu(&program, "sequences");
    compare(&program, &expected, &found);
}

/// Fused operations against single steps: registers, memory, and all counts, wherever the budget runs out.
#[test]
fn fused_and_single_stepped_execution_agree() {
    let mut random = Random(99);
    let program = Program::random(2, 300);
    let mut fused = simulator_with(&program);
    let mut stepped = simulator_with(&program);
    // The simulator steps while the budget is below the longest run of code without a branch.
    stepped.install(&vec![0xd503_201f; 1 << 16]).expect("room for the code");
    let total = {
        let (result, ..) = run_on_simulator(&mut fused, &program);
        assert_eq!(result, Ok(()));
        fused.counters().instructions
    };
    assert!(total < 1 << 16);
    for _ in 0..100 {
        let budget = random.below(total + 100);
        let outcome = |simulator: &mut Simulator| {
            simulator.reset_counters();
            simulator.set_budget(budget);
            let run = run_on_simulator(simulator, &program);
            (run, simulator.counters(), simulator.execution_counts(program::CODE_BASE, program.code.len()))
        };
        let (by_fused, by_steps) = (outcome(&mut fused), outcome(&mut stepped));
        assert_eq!(by_fused.1.instructions, budget.min(total));
        assert!(by_fused == by_steps, "budget {budget}: {:?} and {:?}", by_fused.1, by_steps.1);
    }
}
