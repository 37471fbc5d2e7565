//! What code does wrong becomes a fault that names the place.

mod common;

use common::{BASE, Machine, RET, SIZE};
use gsx_machine::sim::{CODE_BASE, Simulator};
use gsx_machine::{Executor, FaultKind, InstallError, Stop};

/// The fault of running `code`: index of the word, and kind.
fn fault(code: &[u32], x: &[u64]) -> (u64, FaultKind) {
    let mut machine = Machine::new();
    match machine.run(code, x) {
        Err(Stop::Fault { pc, kind }) => ((pc - CODE_BASE) / 4, kind),
        other => panic!("{other:?}"),
    }
}

#[test]
fn accesses_are_checked_to_the_byte() {
    let end = BASE + SIZE as u64;
    // (word, size): ldrb, ldrh, ldr w, ldr x, ldr q, ldp x, ldp q, strb, str x, stp x, all at [x0]
    let accesses = [
        (0x3940_0001, 1),
        (0x7940_0001, 2),
        (0xb940_0001, 4),
        (0xf940_0001, 8),
        (0x3dc0_0001, 16),
        (0xa940_0801, 16),
        (0xad40_0801, 32),
        (0x3900_0001, 1),
        (0xf900_0001, 8),
        (0xa900_0801, 16),
        (0x2900_0801, 8),
        (0x6d00_0801, 16),
    ];
    for (word, size) in accesses {
        let mut machine = Machine::new();
        assert!(machine.run(&[word], &[BASE]).is_ok(), "{word:08x}");
        assert!(machine.run(&[word], &[end - u64::from(size)]).is_ok(), "{word:08x}");
        for address in [BASE - 1, end - u64::from(size) + 1, end, u64::MAX, 0, CODE_BASE] {
            assert_eq!(fault(&[word], &[address]), (0, FaultKind::Memory { address, size }), "{word:08x}");
        }
    }
}

#[test]
fn a_faulting_access_changes_nothing() {
    let mut machine = Machine::new();
    // str x1, [x0, #8]!; the base keeps its value, and no byte of a pair that is half outside is written.
    let entry = machine.install(&[0xf800_8c01, RET]);
    let address = BASE + SIZE as u64 - 8;
    assert!(machine.call(entry, &[address, 1]).is_err());
    let entry = machine.install(&[0xa900_0801, RET]);
    assert!(machine.call(entry, &[address, u64::MAX, u64::MAX]).is_err());
    assert!(machine.bytes.iter().all(|&byte| byte == 0));
}

#[test]
fn memory_smaller_than_an_access() {
    let mut machine = Machine::new();
    machine.bytes.truncate(4);
    assert!(machine.run(&[0xb940_0001], &[BASE]).is_ok());
    let stop = machine.run(&[0xf940_0001], &[BASE]);
    assert!(matches!(stop, Err(Stop::Fault { kind: FaultKind::Memory { size: 8, .. }, .. })));
    machine.bytes.clear();
    assert!(machine.run(&[0x3940_0001], &[BASE]).is_err());
}

#[test]
fn a_misaligned_stack_pointer_faults_only_at_accesses() {
    let mut machine = Machine::new();
    // sub sp, sp, #8; add sp, sp, #8
    assert!(machine.run(&[0xd100_23ff, 0x9100_23ff], &[]).is_ok());
    let sp = BASE + SIZE as u64 - 8;
    // ldr x0, [sp]; stp x29, x30, [sp, #-16]!; ldr d0, [sp]; ldrsb x0, [sp, x1]; ldp d0, d1, [sp], #16
    for word in [0xf940_03e0, 0xa9bf_7bfd, 0xfd40_03e0, 0x38a1_6be0, 0x6cc1_07e0] {
        assert_eq!(fault(&[0xd100_23ff, word], &[]), (1, FaultKind::StackAlignment { sp }), "{word:08x}");
    }
}

#[test]
fn undefined_words_fault_when_they_are_executed() {
    let mut machine = Machine::new();
    // b +8; udf; ret
    assert!(machine.run(&[0x1400_0002, 0], &[]).is_ok());
    // udf, brk, hlt, svc, an SVE word, ldr literal, a load pair into one register, write-back to the data register,
    // a movk with a shift out of range
    let words =
        [0, 0xd420_0000, 0xd440_0000, 0xd400_0001, 0x0420_0000, 0x5800_0040, 0xa940_0400 | 1, 0xf840_8400, 0x72c0_0000];
    for word in words {
        assert_eq!(fault(&[0xd503_201f, word], &[BASE, BASE]), (1, FaultKind::Undefined { word }), "{word:08x}");
    }
}

#[test]
fn branches_to_where_no_code_is() {
    for word in [0xd61f_0000, 0xd63f_0000, 0xd65f_0000] {
        for target in [0, BASE, CODE_BASE - 4, CODE_BASE + 2, CODE_BASE + 0x1000, u64::MAX] {
            assert_eq!(fault(&[word], &[target]), (0, FaultKind::Branch { target }), "{word:08x}");
        }
    }
    // Direct ones: b, bl, b.eq (flags from cmp), cbz, tbz, each 0x1000 words (tbz: 0x100) back.
    let back = |word: u32, low: u32, bits: u32, words: u32| word | (words.wrapping_neg() & ((1 << bits) - 1)) << low;
    for (word, distance) in [
        (back(0x1400_0000, 0, 26, 0x1000), 0x1000),
        (back(0x9400_0000, 0, 26, 0x1000), 0x1000),
        (back(0x5400_0000, 5, 19, 0x1000), 0x1000),
        (back(0xb400_0000, 5, 19, 0x1000), 0x1000),
        (back(0x3600_0000, 5, 14, 0x100), 0x100),
    ] {
        // cmp x0, x0 in front makes EQ hold.
        let target = CODE_BASE + 4 - 4 * distance;
        assert_eq!(fault(&[0xeb00_001f, word], &[0]), (1, FaultKind::Branch { target }), "{word:08x}");
    }
    // Not taken: no fault.
    let mut machine = Machine::new();
    let not_taken =
        [back(0x5400_0001, 5, 19, 0x1000), back(0xb500_0000, 5, 19, 0x1000), back(0x3700_0000, 5, 14, 0x100)];
    for word in not_taken {
        assert!(machine.run(&[0xeb00_001f, word], &[0]).is_ok(), "{word:08x}");
    }
    let stop = machine.call(0x1234, &[]);
    assert_eq!(stop, Err(Stop::Fault { pc: 0x1234, kind: FaultKind::Branch { target: 0x1234 } }));
}

#[test]
fn a_branch_may_reach_code_that_was_installed_later() {
    let mut machine = Machine::new();
    // Objects start at multiples of 16 words: b +16 goes to the next one, mov x0, #5; ret.
    let entry = machine.install(&[0x1400_0010]);
    assert!(machine.call(entry, &[]).is_err());
    machine.install(&[0xd280_00a0, RET]);
    machine.simulator.reset_counters();
    assert_eq!(machine.call(entry, &[]).map(|registers| registers.x[0]), Ok(5));
    assert_eq!(machine.simulator.counters().instructions, 3);
    machine.simulator.set_budget(2);
    assert!(matches!(machine.call(entry, &[]), Err(Stop::Budget { .. })));
    assert_eq!(machine.simulator.counters().instructions, 5);
}

#[test]
fn execution_does_not_run_on_into_the_next_object() {
    let mut machine = Machine::new();
    let entry = machine.install(&[0xd503_201f; 16]);
    machine.install(&[RET]);
    let stop = machine.call(entry, &[]);
    assert_eq!(stop, Err(Stop::Fault { pc: entry + 64, kind: FaultKind::Undefined { word: 0 } }));
}

#[test]
fn the_code_region_has_a_limit() {
    let mut simulator = Simulator::new();
    let words = vec![RET; (64 << 20) + 1];
    let error = simulator.install(&words);
    assert_eq!(error, Err(InstallError::Full { words: words.len(), limit: 64 << 20 }));
    assert_eq!(simulator.install(&[RET]), Ok(CODE_BASE));
}

#[test]
fn arbitrary_words_do_no_worse_than_fault() {
    let mut state = 1u64;
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    // Words of the allocated groups with random fields, from where execution is started at each.
    let groups = [0x1000_0000, 0x1400_0000, 0x0800_0000, 0x0a00_0000, 0x1e00_0000, 0x1a00_0000];
    let code: Vec<u32> =
        (0..40_000).map(|index| (random() as u32 & 0xe1ff_ffff) | groups[index % groups.len()]).collect();
    let mut machine = Machine::new();
    let entry = machine.install(&code);
    for index in 0..code.len() as u64 {
        let x: Vec<u64> = (0..31).map(|i| if i % 3 == 0 { BASE + 256 } else { random() }).collect();
        machine.simulator.set_budget(20);
        // Returning, running out of budget and faults are all fine.
        let _ = machine.call(entry + 4 * index, &x);
    }
    // Most words are unallocated or access memory that is not there, but by far not all.
    assert!(machine.simulator.counters().instructions > 10_000);
}
