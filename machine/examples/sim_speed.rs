//! How fast the simulator executes: `cargo run --release -p gsx-machine --example sim_speed`.
//!
//! Prints million instructions per second, the best of five runs, for a counter loop, recursive Fibonacci numbers, a
//! sieve, and the Mandelbrot recurrence.

use gsx_machine::sim::Simulator;
use gsx_machine::{Executor, GuestMemory, Host, HostAction, Registers};
use std::time::Instant;

/// x1 = 0; do { x1 += x0; subs x0, x0, 1 } while x0 != 0
const COUNTER: &[u32] = &[0xd280_0001, 0x8b00_0021, 0xf100_0400, 0x54ff_ffc1, 0xaa01_03e0, 0xd65f_03c0];

#[path = "../tests/common/fibonacci.rs"]
mod fibonacci;

/// Sieve of Eratosthenes: x1 bytes at x0; the number of primes.
const SIEVE: &[u32] = &[
    0xd280_0003, // mov x3, #0
    0x3823_681f, // clear: strb wzr, [x0, x3]
    0x9100_0463, // add x3, x3, #1
    0xeb01_007f, // cmp x3, x1
    0x54ff_ffab, // b.lt clear
    0xd280_0002, // mov x2, #0
    0xd280_0043, // mov x3, #2
    0x3863_6804, // candidate: ldrb w4, [x0, x3]
    0x3500_0124, // cbnz w4, next
    0x9100_0442, // add x2, x2, #1
    0x8b03_0065, // add x5, x3, x3
    0x5280_0026, // mov w6, #1
    0xeb01_00bf, // mark: cmp x5, x1
    0x5400_008a, // b.ge next
    0x3825_6806, // strb w6, [x0, x5]
    0x8b03_00a5, // add x5, x5, x3
    0x17ff_fffc, // b mark
    0x9100_0463, // next: add x3, x3, #1
    0xeb01_007f, // cmp x3, x1
    0x54ff_fe8b, // b.lt candidate
    0xaa02_03e0, // mov x0, x2
    0xd65f_03c0, // ret
];

/// z = z * z + c, x0 times, in doubles.
const MANDELBROT: &[u32] = &[
    0x1e6c_1000, // fmov d0, #0.5
    0x1e6a_1001, // fmov d1, #0.25
    0x1e68_1002, // fmov d2, #0.125
    0x1e7a_1003, // fmov d3, #-0.25
    0x1e62_1007, // fmov d7, #4.0
    0x1e60_0804, // loop: fmul d4, d0, d0
    0x1e61_0825, // fmul d5, d1, d1
    0x1e65_2886, // fadd d6, d4, d5
    0x1e67_20c0, // fcmp d6, d7
    0x5400_010c, // b.gt done
    0x1e61_0801, // fmul d1, d0, d1
    0x1e61_2821, // fadd d1, d1, d1
    0x1e63_2821, // fadd d1, d1, d3
    0x1e65_3880, // fsub d0, d4, d5
    0x1e62_2800, // fadd d0, d0, d2
    0xf100_0400, // subs x0, x0, #1
    0x54ff_fea1, // b.ne loop
    0x9e78_0000, // done: fcvtzs x0, d0
    0xd65f_03c0, // ret
];

struct NoHost;

impl Host for NoHost {
    fn host_call(&mut self, _: &mut dyn Executor, _: &mut Registers) -> HostAction {
        HostAction::Unwind
    }
}

const BASE: u64 = 0x1_0000_0000;

fn measure(name: &str, code: &[u32], x0: u64, x1: u64, expected: u64) {
    let mut bytes = vec![0u8; 4 << 20];
    // SAFETY: `bytes` lives past the last call and is not used otherwise.
    let memory = unsafe { GuestMemory::new(BASE, bytes.as_mut_ptr(), bytes.len()) };
    let mut simulator = Simulator::new();
    let entry = simulator.install(code).expect("room for the code");
    let mut best = 0.0f64;
    for _ in 0..5 {
        simulator.reset_counters();
        let mut registers = Registers { sp: BASE + memory.len() as u64, ..Registers::default() };
        (registers.x[0], registers.x[1]) = (x0, x1);
        let start = Instant::now();
        simulator.call(&memory, entry, &mut registers, &mut NoHost).expect("the code returns");
        let seconds = start.elapsed().as_secs_f64();
        assert_eq!(registers.x[0], expected, "{name}");
        best = best.max(simulator.counters().instructions as f64 / seconds / 1e6);
    }
    println!("{name:<12} {best:6.0} million instructions/s ({} executed)", simulator.counters().instructions);
}

fn main() {
    measure("counter loop", COUNTER, 30_000_000, 0, 450_000_015_000_000);
    measure("fib(32)", fibonacci::FIBONACCI, 32, 0, 2_178_309);
    measure("sieve", SIEVE, BASE, 4_000_000, 283_146);
    measure("mandelbrot", MANDELBROT, 6_000_000, 0, 0);
}
