//! Encoder tests: instruction, words, text; the texts are GNU objdump's.

use super::asm::{Asm, SP};
use crate::disasm::disassemble;
use crate::mir::{AluOp, Cc, FpuOp, FpuUnary, LogicOp};
use crate::reg::{FRAME, LINK, PReg};

const fn x(n: u8) -> PReg {
    PReg::x(n)
}
const fn d(n: u8) -> PReg {
    PReg::d(n)
}

type Row = (fn(&mut Asm), &'static [(u32, &'static str)]);

const ROWS: &[Row] = &[
    (|a| a.mov(x(1), x(2)), &[(0xaa0203e1, "mov x1, x2")]),
    (|a| a.mov(x(0), x(31)), &[(0xaa1f03e0, "mov x0, xzr")]),
    (|a| a.mov(d(1), d(30)), &[(0x1e6043c1, "fmov d1, d30")]),
    (|a| a.mov(d(1), x(2)), &[(0x9e670041, "fmov d1, x2")]),
    (|a| a.mov(d(0), x(31)), &[(0x9e6703e0, "fmov d0, xzr")]),
    (|a| a.mov(x(1), d(2)), &[(0x9e660041, "fmov x1, d2")]),
    (|a| a.mov_from_sp(x(29)), &[(0x910003fd, "mov x29, sp")]),
    (|a| a.mov_imm(x(0), 0), &[(0xd2800000, "mov x0, #0x0")]),
    (|a| a.mov_imm(x(1), 0xffff), &[(0xd29fffe1, "mov x1, #0xffff")]),
    (|a| a.mov_imm(x(1), 0x1_0000), &[(0xd2a00021, "mov x1, #0x10000")]),
    (
        |a| a.mov_imm(x(2), 0x1234_5678_9abc_def0),
        &[
            (0xd29bde02, "mov x2, #0xdef0"),
            (0xf2b35782, "movk x2, #0x9abc, lsl #16"),
            (0xf2cacf02, "movk x2, #0x5678, lsl #32"),
            (0xf2e24682, "movk x2, #0x1234, lsl #48"),
        ],
    ),
    (|a| a.mov_imm(x(3), u64::MAX), &[(0x92800003, "mov x3, #0xffffffffffffffff")]),
    (|a| a.mov_imm(x(3), -2i64 as u64), &[(0x92800023, "mov x3, #0xfffffffffffffffe")]),
    (
        |a| a.mov_imm(x(3), 0xffff_ffff_0000_1234),
        &[(0x929db963, "mov x3, #0xffffffffffff1234"), (0xf2a00003, "movk x3, #0x0, lsl #16")],
    ),
    (|a| a.mov_imm(x(4), 0x5555_5555_5555_5555), &[(0xb200f3e4, "mov x4, #0x5555555555555555")]),
    (|a| a.mov_imm(x(5), 0x0000_ffff_ffff_0000), &[(0xb2707fe5, "mov x5, #0xffffffff0000")]),
    (|a| a.asr(x(1), x(2), 48), &[(0x9370fc41, "asr x1, x2, #48")]),
    (|a| a.low48(x(16), x(3)), &[(0x9340bc70, "sbfx x16, x3, #0, #48")]),
    (|a| a.set_top(x(4), 0xfffb), &[(0xf2ffff64, "movk x4, #0xfffb, lsl #48")]),
    (|a| a.logic(LogicOp::And, x(1), x(2), (1 << 48) - 1), &[(0x9240bc41, "and x1, x2, #0xffffffffffff")]),
    (|a| a.logic(LogicOp::Orr, x(1), x(2), 0xffff << 48), &[(0xb2503c41, "orr x1, x2, #0xffff000000000000")]),
    (|a| a.logic(LogicOp::Eor, x(1), x(2), 0xfffc << 48), &[(0xd24e3441, "eor x1, x2, #0xfffc000000000000")]),
    (
        |a| a.logic(LogicOp::And, x(1), x(2), 0xfff9 << 48),
        &[(0xd2ffff21, "mov x1, #0xfff9000000000000"), (0x8a010041, "and x1, x2, x1")],
    ),
    (|a| a.tst(x(7), !0 << 47), &[(0xf25140ff, "tst x7, #0xffff800000000000")]),
    (|a| a.ldr_index(x(1), x(2), x(3)), &[(0xf8637841, "ldr x1, [x2, x3, lsl #3]")]),
    (|a| a.ldr_index(d(1), x(2), x(3)), &[(0xfc637841, "ldr d1, [x2, x3, lsl #3]")]),
    (|a| a.str_index(x(1), x(2), x(31)), &[(0xf83f7841, "str x1, [x2, xzr, lsl #3]")]),
    (|a| a.str_index(d(1), x(2), x(3)), &[(0xfc237841, "str d1, [x2, x3, lsl #3]")]),
    (|a| a.fmov_imm(d(0), 0, x(16)), &[(0x2f00e400, "movi d0, #0x0")]),
    (|a| a.fmov_imm(d(1), 1.0f64.to_bits(), x(16)), &[(0x1e6e1001, "fmov d1, #1.000000000000000000e+00")]),
    (|a| a.fmov_imm(d(2), (-31.0f64).to_bits(), x(16)), &[(0x1e77f002, "fmov d2, #-3.100000000000000000e+01")]),
    (
        |a| a.fmov_imm(d(3), 0.1f64.to_bits(), x(16)),
        &[
            (0xd2933350, "mov x16, #0x999a"),
            (0xf2b33330, "movk x16, #0x9999, lsl #16"),
            (0xf2d33330, "movk x16, #0x9999, lsl #32"),
            (0xf2e7f730, "movk x16, #0x3fb9, lsl #48"),
            (0x9e670203, "fmov d3, x16"),
        ],
    ),
    (
        |a| a.fmov_imm(d(3), (-0.0f64).to_bits(), x(16)),
        &[(0xd2f00010, "mov x16, #0x8000000000000000"), (0x9e670203, "fmov d3, x16")],
    ),
    (|a| a.add_imm(0, 1, 4095, x(16)), &[(0x913ffc20, "add x0, x1, #0xfff")]),
    (|a| a.add_imm(0, 1, 4096, x(16)), &[(0x91400420, "add x0, x1, #0x1, lsl #12")]),
    (|a| a.add_imm(0, 1, 4097, x(16)), &[(0x91400420, "add x0, x1, #0x1, lsl #12"), (0x91000400, "add x0, x0, #0x1")]),
    (|a| a.add_imm(0, 1, -1, x(16)), &[(0xd1000420, "sub x0, x1, #0x1")]),
    (|a| a.add_imm(0, 1, -0xfff000, x(16)), &[(0xd17ffc20, "sub x0, x1, #0xfff, lsl #12")]),
    (
        |a| a.add_imm(0, 1, 0xffffff, x(16)),
        &[(0x917ffc20, "add x0, x1, #0xfff, lsl #12"), (0x913ffc00, "add x0, x0, #0xfff")],
    ),
    (|a| a.add_imm(0, 1, 0x1000000, x(16)), &[(0xd2a02010, "mov x16, #0x1000000"), (0x8b100020, "add x0, x1, x16")]),
    (
        |a| a.add_imm(0, 1, -0x1000001, x(16)),
        &[(0x92a02010, "mov x16, #0xfffffffffeffffff"), (0x8b100020, "add x0, x1, x16")],
    ),
    (
        |a| a.add_imm(0, 1, i64::MIN, x(16)),
        &[(0xd2f00010, "mov x16, #0x8000000000000000"), (0x8b100020, "add x0, x1, x16")],
    ),
    (|a| a.add_imm(SP, SP, -1024, x(16)), &[(0xd11003ff, "sub sp, sp, #0x400")]),
    (
        |a| a.add_imm(SP, SP, 0x1000008, x(16)),
        &[(0xd2800110, "mov x16, #0x8"), (0xf2a02010, "movk x16, #0x100, lsl #16"), (0x8b3063ff, "add sp, sp, x16")],
    ),
    (|a| a.add_imm(3, 3, 0, x(16)), &[]),
    (|a| a.alu(AluOp::Add, x(1), x(2), x(3)), &[(0x8b030041, "add x1, x2, x3")]),
    (|a| a.alu(AluOp::Sub, x(1), x(2), x(3)), &[(0xcb030041, "sub x1, x2, x3")]),
    (|a| a.alu(AluOp::Sub, x(1), x(31), x(3)), &[(0xcb0303e1, "neg x1, x3")]),
    (|a| a.alu(AluOp::Mul, x(1), x(2), x(3)), &[(0x9b037c41, "mul x1, x2, x3")]),
    (|a| a.alu_lsl(AluOp::Add, x(1), x(2), x(3), 4), &[(0x8b031041, "add x1, x2, x3, lsl #4")]),
    (|a| a.alu_lsl(AluOp::Sub, x(1), x(2), x(3), 63), &[(0xcb03fc41, "sub x1, x2, x3, lsl #63")]),
    (|a| a.alu_lsl(AluOp::Sub, x(1), x(31), x(3), 1), &[(0xcb0307e1, "neg x1, x3, lsl #1")]),
    (|a| a.mul_add(AluOp::Add, x(1), x(2), x(3), x(4)), &[(0x9b031041, "madd x1, x2, x3, x4")]),
    (|a| a.mul_add(AluOp::Sub, x(1), x(2), x(3), x(4)), &[(0x9b039041, "msub x1, x2, x3, x4")]),
    (|a| a.lsl(x(1), x(2), 1), &[(0xd37ff841, "lsl x1, x2, #1")]),
    (|a| a.lsl(x(1), x(2), 63), &[(0xd3410041, "lsl x1, x2, #63")]),
    (|a| a.eor_one(x(1), x(2)), &[(0xd2400041, "eor x1, x2, #0x1")]),
    (|a| a.fpu(FpuOp::Add, d(1), d(2), d(3)), &[(0x1e632841, "fadd d1, d2, d3")]),
    (|a| a.fpu(FpuOp::Sub, d(1), d(2), d(3)), &[(0x1e633841, "fsub d1, d2, d3")]),
    (|a| a.fpu(FpuOp::Mul, d(1), d(2), d(3)), &[(0x1e630841, "fmul d1, d2, d3")]),
    (|a| a.fpu(FpuOp::Div, d(1), d(2), d(31)), &[(0x1e7f1841, "fdiv d1, d2, d31")]),
    (|a| a.alu(AluOp::Div, x(1), x(2), x(3)), &[(0x9ac30c41, "sdiv x1, x2, x3")]),
    (|a| a.alu(AluOp::And, x(1), x(2), x(3)), &[(0x8a030041, "and x1, x2, x3")]),
    (|a| a.alu(AluOp::Eor, x(1), x(2), x(3)), &[(0xca030041, "eor x1, x2, x3")]),
    (|a| a.fpu_unary(FpuUnary::Neg, d(1), d(2)), &[(0x1e614041, "fneg d1, d2")]),
    (|a| a.fpu_unary(FpuUnary::Abs, d(1), d(2)), &[(0x1e60c041, "fabs d1, d2")]),
    (|a| a.fpu_unary(FpuUnary::Sqrt, d(1), d(2)), &[(0x1e61c041, "fsqrt d1, d2")]),
    (|a| a.fcvtms(x(1), d(2)), &[(0x9e700041, "fcvtms x1, d2")]),
    (|a| a.ldr_w(x(0), 26, 8, x(16)), &[(0xb9400b40, "ldr w0, [x26, #8]")]),
    (|a| a.ldr_w(x(0), 26, 16380, x(16)), &[(0xb97fff40, "ldr w0, [x26, #16380]")]),
    (|a| a.ldr_w(x(0), 26, 16384, x(16)), &[(0xd2880010, "mov x16, #0x4000"), (0xb8706b40, "ldr w0, [x26, x16]")]),
    (|a| a.scvtf(d(1), x(2)), &[(0x9e620041, "scvtf d1, x2")]),
    (|a| a.cmp(x(1), x(2)), &[(0xeb02003f, "cmp x1, x2")]),
    (|a| a.cmp(x(1), x(31)), &[(0xeb1f003f, "cmp x1, xzr")]),
    (|a| a.cmp_imm(x(1), 0, x(16)), &[(0xf100003f, "cmp x1, #0x0")]),
    (|a| a.cmp_imm(x(1), 4095, x(16)), &[(0xf13ffc3f, "cmp x1, #0xfff")]),
    (|a| a.cmp_imm(x(1), 0x1000, x(16)), &[(0xf140043f, "cmp x1, #0x1, lsl #12")]),
    (|a| a.cmp_imm(x(1), -1, x(16)), &[(0xb100043f, "cmn x1, #0x1")]),
    (|a| a.cmp_imm(x(1), 10_000, x(16)), &[(0xd284e210, "mov x16, #0x2710"), (0xeb10003f, "cmp x1, x16")]),
    (
        |a| a.cmp_imm(x(1), i64::MIN, x(16)),
        &[(0xd2f00010, "mov x16, #0x8000000000000000"), (0xeb10003f, "cmp x1, x16")],
    ),
    (|a| a.fcmp(d(1), d(2)), &[(0x1e622020, "fcmp d1, d2")]),
    (|a| a.fcmp_zero(d(1)), &[(0x1e602028, "fcmp d1, #0.0")]),
    (|a| a.ldr(x(0), 26, 0, x(16)), &[(0xf9400340, "ldr x0, [x26]")]),
    (|a| a.ldr(x(0), 26, 32760, x(16)), &[(0xf97fff40, "ldr x0, [x26, #32760]")]),
    (|a| a.ldr(x(0), 26, 32768, x(16)), &[(0xd2900010, "mov x16, #0x8000"), (0xf8706b40, "ldr x0, [x26, x16]")]),
    (|a| a.ldr(x(0), 26, -24, x(16)), &[(0xf85e8340, "ldur x0, [x26, #-24]")]),
    (|a| a.ldr(x(0), 26, -256, x(16)), &[(0xf8500340, "ldur x0, [x26, #-256]")]),
    (
        |a| a.ldr(x(0), 26, -264, x(16)),
        &[(0x928020f0, "mov x16, #0xfffffffffffffef8"), (0xf8706b40, "ldr x0, [x26, x16]")],
    ),
    (|a| a.ldr(d(0), 26, 8, x(16)), &[(0xfd400740, "ldr d0, [x26, #8]")]),
    (|a| a.ldr(d(0), 26, -8, x(16)), &[(0xfc5f8340, "ldur d0, [x26, #-8]")]),
    (|a| a.ldr(d(0), 26, 1 << 20, x(16)), &[(0xd2a00210, "mov x16, #0x100000"), (0xfc706b40, "ldr d0, [x26, x16]")]),
    (|a| a.ldr(x(0), SP, 16, x(16)), &[(0xf9400be0, "ldr x0, [sp, #16]")]),
    (|a| a.str(x(0), 26, 32760, x(16)), &[(0xf93fff40, "str x0, [x26, #32760]")]),
    (|a| a.str(x(0), 26, 32768, x(16)), &[(0xd2900010, "mov x16, #0x8000"), (0xf8306b40, "str x0, [x26, x16]")]),
    (|a| a.str(x(31), 26, -24, x(16)), &[(0xf81e835f, "stur xzr, [x26, #-24]")]),
    (|a| a.str(d(0), 26, 8, x(16)), &[(0xfd000740, "str d0, [x26, #8]")]),
    (|a| a.str(d(0), 26, -8, x(16)), &[(0xfc1f8340, "stur d0, [x26, #-8]")]),
    (|a| a.str(d(0), 26, 1 << 20, x(16)), &[(0xd2a00210, "mov x16, #0x100000"), (0xfc306b40, "str d0, [x26, x16]")]),
    (|a| a.ldp(x(0), x(1), 26, 504, x(16)), &[(0xa95f8740, "ldp x0, x1, [x26, #504]")]),
    (|a| a.ldp(x(0), x(1), 26, -512, x(16)), &[(0xa9600740, "ldp x0, x1, [x26, #-512]")]),
    (
        |a| a.ldp(x(0), x(1), 26, 512, x(16)),
        &[(0xf9410340, "ldr x0, [x26, #512]"), (0xf9410741, "ldr x1, [x26, #520]")],
    ),
    (|a| a.ldp(d(8), d(9), SP, 16, x(16)), &[(0x6d4127e8, "ldp d8, d9, [sp, #16]")]),
    (|a| a.stp(x(31), x(31), 26, 504, x(16)), &[(0xa91fff5f, "stp xzr, xzr, [x26, #504]")]),
    (
        |a| a.stp(x(0), x(1), 26, 32752, x(16)),
        &[(0xf93ffb40, "str x0, [x26, #32752]"), (0xf93fff41, "str x1, [x26, #32760]")],
    ),
    (
        |a| a.stp(x(0), x(1), 26, 32760, x(30)),
        &[(0xf93fff40, "str x0, [x26, #32760]"), (0xd290001e, "mov x30, #0x8000"), (0xf83e6b41, "str x1, [x26, x30]")],
    ),
    (|a| a.stp(d(8), d(9), SP, 16, x(16)), &[(0x6d0127e8, "stp d8, d9, [sp, #16]")]),
    (|a| a.push_pair(FRAME, LINK, 512), &[(0xa9a07bfd, "stp x29, x30, [sp, #-512]!")]),
    (|a| a.push_pair(FRAME, LINK, 16), &[(0xa9bf7bfd, "stp x29, x30, [sp, #-16]!")]),
    (|a| a.pop_pair(FRAME, LINK, 504), &[(0xa8dffbfd, "ldp x29, x30, [sp], #504")]),
    (|a| a.push(LINK, 16), &[(0xf81f0ffe, "str x30, [sp, #-16]!")]),
    (|a| a.push(LINK, 240), &[(0xf8110ffe, "str x30, [sp, #-240]!")]),
    (|a| a.pop(LINK, 240), &[(0xf84f07fe, "ldr x30, [sp], #240")]),
    (|a| a.ret_to(PReg::x(2)), &[(0xd65f0040, "ret x2")]),
    (|a| a.blr(x(16)), &[(0xd63f0200, "blr x16")]),
    (|a| a.ret(), &[(0xd65f03c0, "ret")]),
    (|a| a.trap(), &[(0xd4200000, "brk #0x0")]),
];

fn assemble(f: fn(&mut Asm)) -> Vec<u32> {
    let mut asm = Asm::new(false);
    f(&mut asm);
    asm.finish().unwrap()
}

#[test]
fn words_and_texts() {
    for (f, expected) in ROWS {
        let words = assemble(*f);
        let got: Vec<(u32, String)> =
            words.iter().enumerate().map(|(i, &w)| (w, disassemble(w, 4 * i as u64))).collect();
        let expected: Vec<(u32, String)> = expected.iter().map(|&(w, t)| (w, t.to_owned())).collect();
        assert_eq!(got, expected, "got {got:x?}");
    }
}

#[test]
fn every_condition() {
    for (i, cc) in Cc::ALL.into_iter().enumerate() {
        let mut asm = Asm::new(false);
        let label = asm.label();
        asm.bind(label);
        asm.b_cc(cc, label);
        asm.csel(x(1), x(2), x(3), cc);
        asm.csel(d(1), d(2), d(3), cc);
        asm.cset(x(4), cc);
        asm.ccmp_imm(x(5), 31, 4, cc);
        let i = i as u32;
        let expected = [0x5400_0000 | i, 0x9a83_0041 | i << 12, 0x1e63_0c41 | i << 12, 0x9a9f_07e4 | (i ^ 1) << 12];
        let words = asm.finish().unwrap();
        assert_eq!(words[..4], expected, "{cc}");
        assert_eq!(words[4], 0xfa5f_08a4 | i << 12, "{cc}");
    }
}

#[test]
fn objdump_agrees() {
    let words: Vec<u32> = ROWS.iter().flat_map(|(f, _)| assemble(*f)).collect();
    let path = std::env::temp_dir().join(format!("gsx-encoding-{}.bin", std::process::id()));
    let bytes: Vec<u8> = words.iter().flat_map(|w| w.to_le_bytes()).collect();
    std::fs::write(&path, bytes).unwrap();
    let run = std::process::Command::new("aarch64-linux-gnu-objdump")
        .args(["-D", "-z", "-b", "binary", "-m", "aarch64"])
        .arg(&path)
        .output();
    std::fs::remove_file(&path).unwrap();
    let Ok(run) = run else {
        // The test harness hides what is printed through its macros; this line must be seen.
        let _ = std::io::Write::write_all(&mut std::io::stderr(), b"skipped: there is no aarch64-linux-gnu-objdump\n");
        return;
    };
    let text = String::from_utf8(run.stdout).unwrap();
    let lines: Vec<String> = text
        .lines()
        .filter_map(|l| {
            let mut fields = l.splitn(3, '\t');
            fields.next()?.trim().strip_suffix(':').filter(|a| u64::from_str_radix(a, 16).is_ok())?;
            let text = fields.nth(1)?;
            Some(text.split("//").next()?.trim().replace('\t', " "))
        })
        .collect();
    assert_eq!(lines.len(), words.len());
    for (i, (word, line)) in words.iter().zip(&lines).enumerate() {
        assert_eq!(disassemble(*word, 4 * i as u64), *line, "{word:08x}");
    }
}

#[test]
fn far_branches_go_around() {
    let mut asm = Asm::new(true);
    let label = asm.label();
    asm.b_cc(Cc::Lt, label);
    asm.cb(true, x(3), label);
    asm.cb(false, x(3), label);
    asm.tbz(x(3), 48, label);
    asm.bind(label);
    let words = asm.finish().unwrap();
    let texts: Vec<String> = words.iter().enumerate().map(|(i, &w)| disassemble(w, 4 * i as u64)).collect();
    assert_eq!(
        texts,
        ["b.ge 0x8", "b 0x20", "cbnz x3, 0x10", "b 0x20", "cbz x3, 0x18", "b 0x20", "tbnz x3, #48, 0x20", "b 0x20"]
    );
}
