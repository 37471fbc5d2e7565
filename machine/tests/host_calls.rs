//! Host calls: arguments, results, what they destroy, nesting, leaving.

mod common;

use common::{BASE, BLR_X16, HostFn, Machine, RET, SIZE};
use gsx_machine::sim::{POISON_V, POISON_X, RETURN_ADDRESS, Simulator};
use gsx_machine::{Executor, FaultKind, GuestMemory, HostAction, Registers, Stop};

/// mov x19, x30
const KEEP_LINK: u32 = 0xaa1e_03f3;
/// mov x30, x19
const LINK_BACK: u32 = 0xaa13_03fe;

#[test]
fn the_simulator_can_move_between_threads() {
    fn is_send<T: Send>() {}
    is_send::<Simulator>();
}

#[test]
fn a_host_call_sees_registers_and_gives_results() {
    let mut machine = Machine::new();
    // mov x17, #42; blr x16; add x0, x0, x1
    let entry = machine.install(&[KEEP_LINK, 0xd280_0551, BLR_X16, 0x8b01_0000, LINK_BACK, RET]);
    let mut seen = None;
    let mut host = HostFn(|_: &mut dyn Executor, registers: &mut Registers| {
        seen = Some(*registers);
        (registers.x[0], registers.x[1]) = (1000, 7);
        // These are ignored.
        (registers.x[19], registers.x[30], registers.sp) = (0, 0, 0);
        HostAction::Continue
    });
    let result = machine.call_with(entry, &[1, 2, 3, 4], &mut host).expect("the code returns");
    assert_eq!(result.x[0], 1007);
    let seen = seen.expect("the host was called");
    assert_eq!(seen.x[..4], [1, 2, 3, 4]);
    assert_eq!((seen.x[17], seen.x[30], seen.sp), (42, entry + 12, BASE + SIZE as u64));
    assert_eq!(machine.simulator.counters().host_calls, 1);
}

#[test]
fn a_host_call_destroys_what_the_call_standard_lets_it_destroy() {
    let mut machine = Machine::new();
    // fmov d0, #1; fmov d8, #1; fmov d16, #1; cmp x0, x0 (Z, C); blr x16; cset x2, eq; then all to the caller:
    // fmov x3, d0; fmov x4, d8; fmov x5, d16
    let code = [
        KEEP_LINK,
        0x1e6e_1000,
        0x1e6e_1008,
        0x1e6e_1010,
        0xeb00_001f,
        BLR_X16,
        0x9a9f_17e2,
        0x9e66_0003,
        0x9e66_0104,
        0x9e66_0205,
        LINK_BACK,
        RET,
    ];
    let entry = machine.install(&code);
    let mut host = HostFn(|_: &mut dyn Executor, _: &mut Registers| HostAction::Continue);
    let before: Vec<u64> = (0..29).map(|i| if i == 16 { 0 } else { 100 + i }).collect();
    let after = machine.call_with(entry, &before, &mut host).expect("the code returns");
    assert_eq!(after.x[..2], [100, 101]);
    assert_eq!(after.x[2..6], [0, POISON_V, 1.0f64.to_bits(), POISON_V + 16]);
    for register in 6..18 {
        assert_eq!(after.x[register], POISON_X + register as u64);
    }
    assert_eq!(after.x[18], 118);
    assert_eq!(after.x[20..29], before[20..29]);
}

#[test]
fn registers_without_a_defined_content_are_poisoned_at_entry() {
    let mut machine = Machine::new();
    // fmov x0, d5
    let after = machine.run(&[0x9e66_00a0], &[]).expect("the code returns");
    assert_eq!(after.x[0], POISON_V + 5);
    assert!(f64::from_bits(POISON_V).is_nan());
}

#[test]
fn a_tail_call_to_the_host_returns_to_the_caller() {
    let mut machine = Machine::new();
    // br x16
    let entry = machine.install(&[0xd61f_0200]);
    let mut host = HostFn(|_: &mut dyn Executor, registers: &mut Registers| {
        registers.x[0] = 5;
        HostAction::Continue
    });
    assert_eq!(machine.call_with(entry, &[], &mut host).map(|registers| registers.x[0]), Ok(5));
    let counters = machine.simulator.counters();
    assert_eq!((counters.instructions, counters.branches_taken), (1, 1));
}

#[test]
fn the_host_can_unwind() {
    let mut machine = Machine::new();
    let entry = machine.install(&[BLR_X16, RET]);
    let mut host = HostFn(|_: &mut dyn Executor, _: &mut Registers| HostAction::Unwind);
    assert_eq!(machine.call_with(entry, &[], &mut host), Err(Stop::Unwound));
    assert_eq!(machine.simulator.counters().instructions, 1);
    // The simulator is as good as new.
    assert!(machine.run(&[], &[]).is_ok());
}

#[test]
fn calls_nest() {
    // count(x0): if x0 == 0 return 0; x0 = host(x0 - 1) + 1. The host calls count again.
    let mut machine = Machine::new();
    let code = [
        0xb400_0120, // cbz x0, out
        0xa9be_7bfd, // stp x29, x30, [sp, #-32]!
        0xf900_0bf3, // str x19, [sp, #16]
        0xaa00_03f3, // mov x19, x0
        0x1e62_0008, // scvtf d8, w0
        0xd100_0400, // sub x0, x0, #1
        BLR_X16,
        0x9100_0400, // add x0, x0, #1
        0x1400_0002, // b rest
        RET,         // out:
        0xeb13_001f, // rest: cmp x0, x19
        0x5400_0080, // b.eq right
        0xd280_0000, // mov x0, #0
        0x1400_0002, // b right
        0xd503_201f, // nop
        0x1e78_0101, // right: fcvtzs w1, d8
        0xf940_0bf3, // ldr x19, [sp, #16]
        0xa8c2_7bfd, // ldp x29, x30, [sp], #32
        RET,
    ];
    let entry = machine.install(&code);
    machine.simulator.set_counting(true);
    struct Nested {
        entry: u64,
        bytes: *mut u8,
        deepest: u64,
    }
    impl gsx_machine::Host for Nested {
        fn host_call(&mut self, executor: &mut dyn Executor, registers: &mut Registers) -> HostAction {
            // SAFETY: the test's memory lives past the call.
            let memory = unsafe { GuestMemory::new(BASE, self.bytes, SIZE) };
            let mut inner = Registers { sp: registers.sp, ..Registers::default() };
            inner.x[0] = registers.x[0];
            inner.x[16] = executor.host_entry();
            self.deepest = registers.x[0];
            // Code installed in the middle of a call runs at once, and moves nothing.
            let nop = executor.install(&[RET]).expect("room for the code");
            assert!(executor.call(&memory, nop, &mut Registers::default(), self).is_ok());
            match executor.call(&memory, self.entry, &mut inner, self) {
                Ok(()) => {
                    registers.x[0] = inner.x[0];
                    HostAction::Continue
                }
                Err(_) => HostAction::Unwind,
            }
        }
    }
    let mut host = Nested { entry, bytes: machine.bytes.as_mut_ptr(), deepest: u64::MAX };
    let after = machine.call_with(entry, &[50], &mut host).expect("the code returns");
    assert_eq!((after.x[0], after.x[1], host.deepest), (50, 50, 0));
    assert_eq!(after.sp, BASE + SIZE as u64);
    let counts = machine.simulator.execution_counts(entry, code.len()).expect("counting is on");
    assert_eq!((counts[0], counts[9], counts[18], counts[12]), (51, 1, 50, 0));
    assert_eq!(machine.simulator.counters().host_calls, 50);

    // The budget is shared by all levels, and running out ends all of them.
    machine.simulator.set_budget(100);
    machine.simulator.reset_counters();
    assert_eq!(machine.call_with(entry, &[50], &mut host), Err(Stop::Unwound));
    assert_eq!(machine.simulator.counters().instructions, 100);
}

#[test]
fn a_return_to_another_level_is_a_fault() {
    let mut machine = Machine::new();
    let entry = machine.install(&[BLR_X16, RET]);
    // ret to the outermost call's return address from a nested call
    let wrong = machine.install(&[RET - (30 << 5)]);
    let mut inner = None;
    let mut host = HostFn(|executor: &mut dyn Executor, _: &mut Registers| {
        let mut registers = Registers::default();
        registers.x[0] = RETURN_ADDRESS;
        // SAFETY: no byte can be accessed.
        let memory = unsafe { GuestMemory::new(0, std::ptr::null_mut(), 0) };
        let mut none = HostFn(|_: &mut dyn Executor, _: &mut Registers| HostAction::Unwind);
        inner = Some(executor.call(&memory, wrong, &mut registers, &mut none));
        HostAction::Unwind
    });
    assert_eq!(machine.call_with(entry, &[], &mut host), Err(Stop::Unwound));
    let kind = FaultKind::Branch { target: RETURN_ADDRESS };
    assert_eq!(inner, Some(Err(Stop::Fault { pc: wrong, kind })));
}

#[test]
fn the_convention_check_names_a_register_that_was_not_preserved() {
    // Each ends with RET: nothing; mov x19, #1; sub sp, sp, #16; fmov d9, #1; fmov d7, #1
    let cases = [
        (0xd503_201f, None),
        (0xd280_0033, Some("x19")),
        (0xd100_43ff, Some("sp")),
        (0x1e6e_1009, Some("d9")),
        (0x1e6e_1007, None),
    ];
    let mut machine = Machine::new();
    for (word, expected) in cases {
        machine.simulator.set_convention_check(false);
        assert!(machine.run(&[word], &[]).is_ok());
        machine.simulator.set_convention_check(true);
        let register = match machine.run(&[word], &[]) {
            Err(Stop::Fault { kind: FaultKind::NotPreserved { register }, .. }) => Some(register),
            _ => None,
        };
        assert_eq!(register, expected);
    }
}
