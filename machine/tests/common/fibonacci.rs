//! A recursive function in machine code, for counting and for measuring.

/// fib(x0), with a full frame and two calls.
pub const FIBONACCI: &[u32] = &[
    0xa9be_7bfd, // stp x29, x30, [sp, #-32]!
    0x9100_03fd, // mov x29, sp
    0xa901_53f3, // stp x19, x20, [sp, #16]
    0xf100_081f, // cmp x0, #2
    0x5400_010b, // b.lt
    0xaa00_03f3, // mov x19, x0
    0xd100_0660, // sub x0, x19, #1
    0x97ff_fff9, // bl fib
    0xaa00_03f4, // mov x20, x0
    0xd100_0a60, // sub x0, x19, #2
    0x97ff_fff6, // bl fib
    0x8b14_0000, // add x0, x0, x20
    0xa941_53f3, // ldp x19, x20, [sp, #16]
    0xa8c2_7bfd, // ldp x29, x30, [sp], #32
    0xd65f_03c0, // ret
];
