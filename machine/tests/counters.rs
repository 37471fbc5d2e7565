//! Counters and execution counts against a trace made by single steps, and exact budgets.

mod common;

use common::fibonacci::FIBONACCI;
use common::{BASE, BLR_X16, HostFn, Machine, RET};
use gsx_machine::sim::CODE_BASE;
use gsx_machine::{Counters, Executor, HostAction, Registers, Stop};

/// Accesses of all kinds in a loop, with branches taken and not taken, into the middle of a fused pair too.
const MIXED: &[u32] = &[
    0x3900_0401, // loop: strb w1, [x0, #1]
    0x7940_0002, // ldrh w2, [x0]
    0xb840_8403, // ldr w3, [x0], #8
    0xfc1f_0001, // stur d1, [x0, #-16]
    0x3dc0_0002, // ldr q2, [x0]
    0xad00_0c02, // stp q2, q3, [x0]
    0x2940_1403, // ldp w3, w5, [x0]
    0x6940_1403, // ldpsw x3, x5, [x0]
    0x3600_0041, // tbz w1, #0, even
    0x1400_0002, // b check
    0xeb01_003f, // even: cmp x1, x1
    0x5400_0040, // check: b.eq odd
    0xd503_201f, // nop
    0xf100_0421, // odd: subs x1, x1, #1
    0x54ff_fe41, // b.ne loop
    0xb400_0040, // cbz x0, +8
    0x1000_0067, // adr x7, #12
    0xd61f_00e0, // br x7
    0xd503_201f, // nop
    RET,
];

/// What a word counts as: (loads, bytes, stores, bytes, branch).
fn classify(word: u32) -> (u64, u64, u64, u64, bool) {
    match word {
        0xa9be_7bfd | 0xa901_53f3 => (0, 0, 1, 16, false),
        0xa941_53f3 | 0xa8c2_7bfd => (1, 16, 0, 0, false),
        0x3900_0401 => (0, 0, 1, 1, false),
        0x7940_0002 => (1, 2, 0, 0, false),
        0xb840_8403 => (1, 4, 0, 0, false),
        0xfc1f_0001 => (0, 0, 1, 8, false),
        0x3dc0_0002 => (1, 16, 0, 0, false),
        0xad00_0c02 => (0, 0, 1, 32, false),
        0x2940_1403 | 0x6940_1403 => (1, 8, 0, 0, false),
        0x5400_010b | 0x97ff_fff9 | 0x97ff_fff6 | RET | 0x3600_0041 | 0x1400_0002 => (0, 0, 0, 0, true),
        0x5400_0040 | 0x54ff_fe41 | 0xb400_0040 | 0xd61f_00e0 => (0, 0, 0, 0, true),
        _ => (0, 0, 0, 0, false),
    }
}

/// The executed addresses, found by running with every budget from 0 up.
fn trace(code: &[u32], x: &[u64]) -> Vec<u64> {
    let mut pcs = Vec::new();
    loop {
        let mut machine = Machine::new();
        let entry = machine.install(code);
        machine.simulator.set_budget(pcs.len() as u64);
        match machine.call(entry, x) {
            Ok(_) => return pcs,
            Err(Stop::Budget { pc }) => {
                assert_eq!(machine.simulator.counters().instructions, pcs.len() as u64);
                pcs.push(pc);
            }
            Err(stop) => panic!("{stop}"),
        }
    }
}

fn check(code: &[u32], x: &[u64]) {
    let pcs = trace(code, x);
    let mut expected = Counters::default();
    let mut executions = vec![0u64; code.len()];
    for (index, &pc) in pcs.iter().enumerate() {
        let word = ((pc - CODE_BASE) / 4) as usize;
        executions[word] += 1;
        let (loads, bytes_loaded, stores, bytes_stored, branch) = classify(code[word]);
        expected.instructions += 1;
        expected.loads += loads;
        expected.bytes_loaded += bytes_loaded;
        expected.stores += stores;
        expected.bytes_stored += bytes_stored;
        expected.branches += u64::from(branch);
        // The last instruction is the RET that ends the call.
        let taken = pcs.get(index + 1).is_none_or(|&next| next != pc + 4);
        expected.branches_taken += u64::from(branch && taken);
    }
    let mut machine = Machine::new();
    machine.simulator.set_counting(true);
    let entry = machine.install(code);
    machine.call(entry, x).expect("the code returns");
    assert_eq!(machine.simulator.counters(), expected);
    assert_eq!(machine.simulator.execution_counts(entry, code.len()), Some(executions));
}

#[test]
fn recursion_counts_as_single_steps_do() {
    check(FIBONACCI, &[9]);
}

#[test]
fn a_loop_with_all_kinds_of_accesses_counts_as_single_steps_do() {
    check(MIXED, &[BASE + 64, 7]);
}

#[test]
fn counters_of_a_known_run() {
    let mut machine = Machine::new();
    let entry = machine.install(FIBONACCI);
    let registers = machine.call(entry, &[10]).expect("the code returns");
    assert_eq!(registers.x[0], 55);
    // fib(10) makes 177 calls, 88 of them recursive.
    let counters = machine.simulator.counters();
    assert_eq!(counters.instructions, 177 * 8 + 88 * 7);
    assert_eq!((counters.loads, counters.stores), (2 * 177, 2 * 177));
    assert_eq!((counters.bytes_loaded, counters.bytes_stored), (32 * 177, 32 * 177));
    assert_eq!(counters.branches, 2 * 177 + 2 * 88);
    assert_eq!(counters.branches_taken, 177 + 89 + 2 * 88);
    machine.simulator.reset_counters();
    assert_eq!(machine.simulator.counters(), Counters::default());
}

#[test]
fn counts_are_kept_apart_by_code_object_and_are_off_by_default() {
    let mut machine = Machine::new();
    let first = machine.install(&[RET]);
    let second = machine.install(FIBONACCI);
    assert_eq!(machine.simulator.execution_counts(first, 1), None);
    machine.simulator.set_counting(true);
    machine.call(first, &[]).expect("the code returns");
    machine.call(first, &[]).expect("the code returns");
    machine.call(second, &[1]).expect("the code returns");
    assert_eq!(machine.simulator.execution_counts(first, 1), Some(vec![2]));
    let counts = machine.simulator.execution_counts(second, FIBONACCI.len()).expect("counting is on");
    assert_eq!(counts, [1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1]);
    assert_eq!(machine.simulator.execution_counts(0x1000, 1), None);
}

#[test]
fn a_budget_spans_calls_and_stops_between_the_halves_of_a_fused_pair() {
    let mut machine = Machine::new();
    // cmp x0, x0; b.eq +8; nop; ret
    let entry = machine.install(&[0xeb00_001f, 0x5400_0040, 0xd503_201f, RET]);
    machine.simulator.set_budget(4);
    machine.call(entry, &[]).expect("three instructions");
    assert_eq!(machine.call(entry, &[]), Err(Stop::Budget { pc: entry + 4 }));
    assert_eq!(machine.call(entry, &[]), Err(Stop::Budget { pc: entry }));
    assert_eq!(machine.simulator.counters().instructions, 4);
    machine.simulator.set_budget(3);
    assert!(machine.call(entry, &[]).is_ok());
}

#[test]
fn counters_are_exact_in_the_middle_of_host_calls_and_at_faults() {
    let mut machine = Machine::new();
    // mov x19, x30; blr x16; blr x16; undefined
    let entry = machine.install(&[0xaa1e_03f3, 0xaa10_03f5, BLR_X16, 0xaa15_03f0, BLR_X16, 0x0000_1234]);
    let mut seen = Vec::new();
    let mut host = HostFn(|executor: &mut dyn Executor, _: &mut Registers| {
        seen.push(executor.counters());
        HostAction::Continue
    });
    let stop = machine.call_with(entry, &[], &mut host);
    assert!(matches!(stop, Err(Stop::Fault { pc, .. }) if pc == entry + 20));
    let counts = |instructions, calls| Counters {
        instructions,
        branches: calls,
        branches_taken: calls,
        host_calls: calls,
        ..Counters::default()
    };
    assert_eq!(seen, [counts(3, 1), counts(5, 2)]);
    assert_eq!(machine.simulator.counters(), counts(5, 2));
}
