//! Known results of single instructions and short sequences.

mod common;

use common::Machine;

/// Assembly text, its words (from the GNU assembler), X0 and up before, X0 after.
type Row<'a> = (&'a str, &'a [u32], &'a [u64], u64);

fn check(rows: &[Row]) {
    for &(text, code, x, expected) in rows {
        match Machine::new().run(code, x) {
            Ok(registers) => {
                let found = registers.x[0];
                assert_eq!(found, expected, "{text}: {found:#x} is not {expected:#x}");
            }
            Err(stop) => panic!("{text}: {stop}"),
        }
    }
}

#[test]
#[rustfmt::skip] // a row per line
fn addition_and_subtraction() {
    check(&[
        ("add x0, x0, #4095", &[0x913f_fc00], &[1], 4096),
        ("add x0, x0, #1, lsl #12", &[0x9140_0400], &[1], 4097),
        ("sub x0, x0, #1", &[0xd100_0400], &[0], 0xffff_ffff_ffff_ffff),
        ("add w0, w0, #1", &[0x1100_0400], &[0xffff_ffff_ffff_ffff], 0),
        ("sub w0, w0, #1", &[0x5100_0400], &[0], 0xffff_ffff),
        ("add x0, x0, x1", &[0x8b01_0000], &[5, 0xffff_ffff_ffff_ffff], 4),
        ("sub x0, x0, x1", &[0xcb01_0000], &[5, 7], 0xffff_ffff_ffff_fffe),
        ("add w0, w0, w1", &[0x0b01_0000], &[0x0000_0100_0000_0003, 4], 7),
        ("add x0, x0, x1, lsl #3", &[0x8b01_0c00], &[1, 5], 41),
        ("sub x0, x0, x1, asr #1", &[0xcb81_0400], &[0, 0xffff_ffff_ffff_fffc], 2),
        ("add x0, x0, x1, lsr #60", &[0x8b41_f000], &[0, 0xffff_ffff_ffff_ffff], 15),
        ("add x0, x0, w1, sxtw #2", &[0x8b21_c800], &[100, 0xffff_ffff], 96),
        ("add x0, x0, w1, uxtb", &[0x8b21_0000], &[1, 511], 256),
        ("sub x0, x0, w1, sxth #4", &[0xcb21_b000], &[0, 0x0000_8000], 0x0008_0000),
        ("neg x0, x0", &[0xcb00_03e0], &[5], 0xffff_ffff_ffff_fffb),
        ("adds x1, x0, #1; adc x0, x2, x3", &[0xb100_0401, 0x9a03_0040], &[0xffff_ffff_ffff_ffff, 0, 10, 20], 31),
        ("subs x1, x0, #1; sbc x0, x2, x3", &[0xf100_0401, 0xda03_0040], &[0, 0, 10, 3], 6),
        ("cmn x0, #1; cset x0, eq", &[0xb100_041f, 0x9a9f_17e0], &[0xffff_ffff_ffff_ffff], 1),
        ("adds w1, w0, w0; cset x0, vs", &[0x2b00_0001, 0x9a9f_77e0], &[0x4000_0000], 1),
        ("subs x1, x0, x1; cset x0, lt", &[0xeb01_0001, 0x9a9f_a7e0], &[0x8000_0000_0000_0000, 1], 1),
        ("mov sp, x1; add x0, sp, #16", &[0x9100_003f, 0x9100_43e0], &[0, 4096], 4112),
    ]);
}

#[test]
#[rustfmt::skip] // a row per line
fn bitwise() {
    check(&[
        ("and x0, x0, #0xff00ff00ff00ff00", &[0x9208_9c00], &[0xffff_ffff_ffff_ffff], 0xff00_ff00_ff00_ff00),
        ("orr w0, w0, #0x80000001", &[0x3201_0400], &[16], 0x8000_0011),
        ("eor x0, x0, #1", &[0xd240_0000], &[1], 0),
        ("bic x0, x0, x1", &[0x8a21_0000], &[255, 15], 240),
        ("orn x0, x0, x1", &[0xaa21_0000], &[0, 255], 0xffff_ffff_ffff_ff00),
        ("eon w0, w0, w1", &[0x4a21_0000], &[5, 5], 0xffff_ffff),
        ("ands x1, x0, x1; cset x0, eq", &[0xea01_0001, 0x9a9f_17e0], &[1, 2], 1),
        ("tst w0, #0x80000000; cset x0, mi", &[0x7201_001f, 0x9a9f_57e0], &[0x8000_0000], 1),
        ("bics x0, x0, x1, lsl #4", &[0xea21_1000], &[255, 1], 239),
        ("mvn x0, x0", &[0xaa20_03e0], &[0], 0xffff_ffff_ffff_ffff),
        ("mov w0, w1", &[0x2a01_03e0], &[0, 0xffff_ffff_ffff_ffff], 0xffff_ffff),
        ("and x0, x0, x1, ror #8", &[0x8ac1_2000], &[0xffff_ffff_ffff_ffff, 255], 0xff00_0000_0000_0000),
    ]);
}

#[test]
#[rustfmt::skip] // a row per line
fn moves() {
    check(&[
        ("movz x0, #0x1234, lsl #32", &[0xd2c2_4680], &[1], 0x0000_1234_0000_0000),
        ("movn x0, #0", &[0x9280_0000], &[1], 0xffff_ffff_ffff_ffff),
        ("movn w0, #1", &[0x1280_0020], &[1], 0xffff_fffe),
        ("movk x0, #0xbeef, lsl #16", &[0xf2b7_dde0], &[0xffff_ffff_ffff_ffff], 0xffff_ffff_beef_ffff),
        ("movk w0, #1", &[0x7280_0020], &[0xffff_ffff_ffff_ffff], 0xffff_0001),
        ("mov x0, #0xaaaaaaaaaaaaaaaa", &[0xb201_f3e0], &[0], 0xaaaa_aaaa_aaaa_aaaa),
        ("adr x0, .; adr x1, .; sub x0, x1, x0", &[0x1000_0000, 0x1000_0001, 0xcb00_0020], &[0], 4),
        ("adrp x0, .; and x0, x0, #0xfff", &[0x9000_0000, 0x9240_2c00], &[0], 0),
    ]);
}

#[test]
#[rustfmt::skip] // a row per line
fn shifts_and_bit_fields() {
    check(&[
        ("lsl x0, x0, #63", &[0xd341_0000], &[3], 0x8000_0000_0000_0000),
        ("lsr w0, w0, #4", &[0x5304_7c00], &[0x0000_0010_0000_0080], 8),
        ("asr x0, x0, #60", &[0x937c_fc00], &[0x8000_0000_0000_0000], 0xffff_ffff_ffff_fff8),
        ("asr w0, w0, #31", &[0x131f_7c00], &[0x8000_0000], 0xffff_ffff),
        ("lsl x0, x0, x1", &[0x9ac1_2000], &[1, 65], 2),
        ("lsr x0, x0, x1", &[0x9ac1_2400], &[4, 1], 2),
        ("asr w0, w0, w1", &[0x1ac1_2800], &[0x8000_0000, 33], 0xc000_0000),
        ("ror x0, x0, x1", &[0x9ac1_2c00], &[1, 1], 0x8000_0000_0000_0000),
        ("ror w0, w0, #4", &[0x1380_1000], &[1], 0x1000_0000),
        ("ubfx x0, x0, #8, #8", &[0xd348_3c00], &[0x0000_abcd], 171),
        ("sbfx x0, x0, #0, #48", &[0x9340_bc00], &[0x0000_8000_0000_0000], 0xffff_8000_0000_0000),
        ("bfi x0, x1, #48, #16", &[0xb350_3c20], &[4660, 0x0000_fffe], 0xfffe_0000_0000_1234),
        ("bfxil x0, x1, #4, #4", &[0xb344_1c20], &[240, 171], 250),
        ("sxtb w0, w0", &[0x1300_1c00], &[128], 0xffff_ff80),
        ("sxtw x0, w0", &[0x9340_7c00], &[0x8000_0000], 0xffff_ffff_8000_0000),
        ("uxth w0, w0", &[0x5300_3c00], &[0x0001_2345], 9029),
        ("ubfiz x0, x0, #4, #4", &[0xd37c_0c00], &[255], 240),
        ("sbfiz x0, x0, #4, #4", &[0x937c_0c00], &[8], 0xffff_ffff_ffff_ff80),
        ("extr x0, x0, x1, #8", &[0x93c1_2000], &[171, 0xcd00_0000_0000_0000], 0xabcd_0000_0000_0000),
        ("extr w0, w0, w1, #4", &[0x1381_1000], &[1, 0], 0x1000_0000),
        ("clz x0, x0", &[0xdac0_1000], &[1], 63),
        ("clz w0, w0", &[0x5ac0_1000], &[0], 32),
        ("cls x0, x0", &[0xdac0_1400], &[0xffff_ffff_ffff_ffff], 63),
        ("cls w0, w0", &[0x5ac0_1400], &[0x4000_0000], 0),
        ("rbit x0, x0", &[0xdac0_0000], &[1], 0x8000_0000_0000_0000),
        ("rbit w0, w0", &[0x5ac0_0000], &[1], 0x8000_0000),
        ("rev x0, x0", &[0xdac0_0c00], &[0x0102_0304_0506_0708], 0x0807_0605_0403_0201),
        ("rev w0, w0", &[0x5ac0_0800], &[0x0102_0304], 0x0403_0201),
        ("rev16 x0, x0", &[0xdac0_0400], &[0x0102_0304], 0x0201_0403),
        ("rev32 x0, x0", &[0xdac0_0800], &[0x0102_0304_0506_0708], 0x0403_0201_0807_0605),
    ]);
}

#[test]
#[rustfmt::skip] // a row per line
fn multiplication_and_division() {
    check(&[
        ("mul x0, x0, x1", &[0x9b01_7c00], &[0xffff_ffff_ffff_fffd, 5], 0xffff_ffff_ffff_fff1),
        ("madd x0, x0, x1, x2", &[0x9b01_0800], &[2, 3, 4], 10),
        ("msub x0, x0, x1, x2", &[0x9b01_8800], &[2, 3, 4], 0xffff_ffff_ffff_fffe),
        ("mul w0, w0, w1", &[0x1b01_7c00], &[0x0001_0000, 0x0001_0000], 0),
        ("mneg x0, x0, x1", &[0x9b01_fc00], &[2, 3], 0xffff_ffff_ffff_fffa),
        ("smulh x0, x0, x1", &[0x9b41_7c00], &[0xffff_ffff_ffff_ffff, 1], 0xffff_ffff_ffff_ffff),
        ("umulh x0, x0, x1", &[0x9bc1_7c00], &[0xffff_ffff_ffff_ffff, 0xffff_ffff_ffff_ffff], 0xffff_ffff_ffff_fffe),
        ("smull x0, w0, w1", &[0x9b21_7c00], &[0xffff_ffff, 2], 0xffff_ffff_ffff_fffe),
        ("umull x0, w0, w1", &[0x9ba1_7c00], &[0xffff_ffff, 2], 0x0000_0001_ffff_fffe),
        ("smsubl x0, w0, w1, x2", &[0x9b21_8800], &[0xffff_ffff, 2, 0], 2),
        ("sdiv x0, x0, x1", &[0x9ac1_0c00], &[0xffff_ffff_ffff_fff9, 2], 0xffff_ffff_ffff_fffd),
        ("sdiv x0, x0, x1", &[0x9ac1_0c00], &[0x8000_0000_0000_0000, 0xffff_ffff_ffff_ffff], 0x8000_0000_0000_0000),
        ("sdiv x0, x0, x1", &[0x9ac1_0c00], &[5, 0], 0),
        ("udiv w0, w0, w1", &[0x1ac1_0800], &[0xffff_ffff_ffff_ffff, 2], 0x7fff_ffff),
        ("udiv x0, x0, x1", &[0x9ac1_0800], &[9, 0], 0),
        ("sdiv w0, w0, w1", &[0x1ac1_0c00], &[0x8000_0000, 0xffff_ffff], 0x8000_0000),
    ]);
}

#[test]
#[rustfmt::skip] // a row per line
fn conditions() {
    check(&[
        ("cmp x0, x1; cset x0, eq", &[0xeb01_001f, 0x9a9f_17e0], &[0xffff_ffff_ffff_ffff, 1], 0),
        ("cmp x0, x1; b.eq 1f; mov x0, #7; b 2f; 1: mov x0, #9; 2:", &[0xeb01_001f, 0x5400_0060, 0xd280_00e0, 0x1400_0002, 0xd280_0120], &[0xffff_ffff_ffff_ffff, 1], 7),
        ("cmp w0, #1; b.eq 1f; mov x0, #7; b 2f; 1: mov x0, #9; 2:", &[0x7100_041f, 0x5400_0060, 0xd280_00e0, 0x1400_0002, 0xd280_0120], &[0xffff_ffff], 7),
        ("cmp x0, x1; cset x0, ne", &[0xeb01_001f, 0x9a9f_07e0], &[0xffff_ffff_ffff_ffff, 1], 1),
        ("cmp x0, x1; b.ne 1f; mov x0, #7; b 2f; 1: mov x0, #9; 2:", &[0xeb01_001f, 0x5400_0061, 0xd280_00e0, 0x1400_0002, 0xd280_0120], &[0xffff_ffff_ffff_ffff, 1], 9),
        ("cmp w0, #1; b.ne 1f; mov x0, #7; b 2f; 1: mov x0, #9; 2:", &[0x7100_041f, 0x5400_0061, 0xd280_00e0, 0x1400_0002, 0xd280_0120], &[0xffff_ffff], 9),
        ("cmp x0, x1; cset x0, lt", &[0xeb01_001f, 0x9a9f_a7e0], &[0xffff_ffff_ffff_ffff, 1], 1),
        ("cmp x0, x1; b.lt 1f; mov x0, #7; b 2f; 1: mov x0, #9; 2:", &[0xeb01_001f, 0x5400_006b, 0xd280_00e0, 0x1400_0002, 0xd280_0120], &[0xffff_ffff_ffff_ffff, 1], 9),
        ("cmp w0, #1; b.lt 1f; mov x0, #7; b 2f; 1: mov x0, #9; 2:", &[0x7100_041f, 0x5400_006b, 0xd280_00e0, 0x1400_0002, 0xd280_0120], &[0xffff_ffff], 9),
        ("cmp x0, x1; cset x0, ge", &[0xeb01_001f, 0x9a9f_b7e0], &[0xffff_ffff_ffff_ffff, 1], 0),
        ("cmp x0, x1; b.ge 1f; mov x0, #7; b 2f; 1: mov x0, #9; 2:", &[0xeb01_001f, 0x5400_006a, 0xd280_00e0, 0x1400_0002, 0xd280_0120], &[0xffff_ffff_ffff_ffff, 1], 7),
        ("cmp w0, #1; b.ge 1f; mov x0, #7; b 2f; 1: mov x0, #9; 2:", &[0x7100_041f, 0x5400_006a, 0xd280_00e0, 0x1400_0002, 0xd280_0120], &[0xffff_ffff], 7),
        ("cmp x0, x1; cset x0, gt", &[0xeb01_001f, 0x9a9f_d7e0], &[0xffff_ffff_ffff_ffff, 1], 0),
        ("cmp x0, x1; b.gt 1f; mov x0, #7; b 2f; 1: mov x0, #9; 2:", &[0xeb01_001f, 0x5400_006c, 0xd280_00e0, 0x1400_0002, 0xd280_0120], &[0xffff_ffff_ffff_ffff, 1], 7),
        ("cmp w0, #1; b.gt 1f; mov x0, #7; b 2f; 1: mov x0, #9; 2:", &[0x7100_041f, 0x5400_006c, 0xd280_00e0, 0x1400_0002, 0xd280_0120], &[0xffff_ffff], 7),
        ("cmp x0, x1; cset x0, le", &[0xeb01_001f, 0x9a9f_c7e0], &[0xffff_ffff_ffff_ffff, 1], 1),
        ("cmp x0, x1; b.le 1f; mov x0, #7; b 2f; 1: mov x0, #9; 2:", &[0xeb01_001f, 0x5400_006d, 0xd280_00e0, 0x1400_0002, 0xd280_0120], &[0xffff_ffff_ffff_ffff, 1], 9),
        ("cmp w0, #1; b.le 1f; mov x0, #7; b 2f; 1: mov x0, #9; 2:", &[0x7100_041f, 0x5400_006d, 0xd280_00e0, 0x1400_0002, 0xd280_0120], &[0xffff_ffff], 9),
        ("cmp x0, x1; cset x0, lo", &[0xeb01_001f, 0x9a9f_27e0], &[0xffff_ffff_ffff_ffff, 1], 0),
        ("cmp x0, x1; b.lo 1f; mov x0, #7; b 2f; 1: mov x0, #9; 2:", &[0xeb01_001f, 0x5400_0063, 0xd280_00e0, 0x1400_0002, 0xd280_0120], &[0xffff_ffff_ffff_ffff, 1], 7),
        ("cmp w0, #1; b.lo 1f; mov x0, #7; b 2f; 1: mov x0, #9; 2:", &[0x7100_041f, 0x5400_0063, 0xd280_00e0, 0x1400_0002, 0xd280_0120], &[0xffff_ffff], 7),
        ("cmp x0, x1; cset x0, hs", &[0xeb01_001f, 0x9a9f_37e0], &[0xffff_ffff_ffff_ffff, 1], 1),
        ("cmp x0, x1; b.hs 1f; mov x0, #7; b 2f; 1: mov x0, #9; 2:", &[0xeb01_001f, 0x5400_0062, 0xd280_00e0, 0x1400_0002, 0xd280_0120], &[0xffff_ffff_ffff_ffff, 1], 9),
        ("cmp w0, #1; b.hs 1f; mov x0, #7; b 2f; 1: mov x0, #9; 2:", &[0x7100_041f, 0x5400_0062, 0xd280_00e0, 0x1400_0002, 0xd280_0120], &[0xffff_ffff], 9),
        ("cmp x0, x1; cset x0, hi", &[0xeb01_001f, 0x9a9f_97e0], &[0xffff_ffff_ffff_ffff, 1], 1),
        ("cmp x0, x1; b.hi 1f; mov x0, #7; b 2f; 1: mov x0, #9; 2:", &[0xeb01_001f, 0x5400_0068, 0xd280_00e0, 0x1400_0002, 0xd280_0120], &[0xffff_ffff_ffff_ffff, 1], 9),
        ("cmp w0, #1; b.hi 1f; mov x0, #7; b 2f; 1: mov x0, #9; 2:", &[0x7100_041f, 0x5400_0068, 0xd280_00e0, 0x1400_0002, 0xd280_0120], &[0xffff_ffff], 9),
        ("cmp x0, x1; cset x0, ls", &[0xeb01_001f, 0x9a9f_87e0], &[0xffff_ffff_ffff_ffff, 1], 0),
        ("cmp x0, x1; b.ls 1f; mov x0, #7; b 2f; 1: mov x0, #9; 2:", &[0xeb01_001f, 0x5400_0069, 0xd280_00e0, 0x1400_0002, 0xd280_0120], &[0xffff_ffff_ffff_ffff, 1], 7),
        ("cmp w0, #1; b.ls 1f; mov x0, #7; b 2f; 1: mov x0, #9; 2:", &[0x7100_041f, 0x5400_0069, 0xd280_00e0, 0x1400_0002, 0xd280_0120], &[0xffff_ffff], 7),
        ("cmp x0, x1; cset x0, mi", &[0xeb01_001f, 0x9a9f_57e0], &[0xffff_ffff_ffff_ffff, 1], 1),
        ("cmp x0, x1; b.mi 1f; mov x0, #7; b 2f; 1: mov x0, #9; 2:", &[0xeb01_001f, 0x5400_0064, 0xd280_00e0, 0x1400_0002, 0xd280_0120], &[0xffff_ffff_ffff_ffff, 1], 9),
        ("cmp w0, #1; b.mi 1f; mov x0, #7; b 2f; 1: mov x0, #9; 2:", &[0x7100_041f, 0x5400_0064, 0xd280_00e0, 0x1400_0002, 0xd280_0120], &[0xffff_ffff], 9),
        ("cmp x0, x1; cset x0, pl", &[0xeb01_001f, 0x9a9f_47e0], &[0xffff_ffff_ffff_ffff, 1], 0),
        ("cmp x0, x1; b.pl 1f; mov x0, #7; b 2f; 1: mov x0, #9; 2:", &[0xeb01_001f, 0x5400_0065, 0xd280_00e0, 0x1400_0002, 0xd280_0120], &[0xffff_ffff_ffff_ffff, 1], 7),
        ("cmp w0, #1; b.pl 1f; mov x0, #7; b 2f; 1: mov x0, #9; 2:", &[0x7100_041f, 0x5400_0065, 0xd280_00e0, 0x1400_0002, 0xd280_0120], &[0xffff_ffff], 7),
        ("cmp x0, x1; cset x0, vs", &[0xeb01_001f, 0x9a9f_77e0], &[0xffff_ffff_ffff_ffff, 1], 0),
        ("cmp x0, x1; b.vs 1f; mov x0, #7; b 2f; 1: mov x0, #9; 2:", &[0xeb01_001f, 0x5400_0066, 0xd280_00e0, 0x1400_0002, 0xd280_0120], &[0xffff_ffff_ffff_ffff, 1], 7),
        ("cmp w0, #1; b.vs 1f; mov x0, #7; b 2f; 1: mov x0, #9; 2:", &[0x7100_041f, 0x5400_0066, 0xd280_00e0, 0x1400_0002, 0xd280_0120], &[0xffff_ffff], 7),
        ("cmp x0, x1; cset x0, vc", &[0xeb01_001f, 0x9a9f_67e0], &[0xffff_ffff_ffff_ffff, 1], 1),
        ("cmp x0, x1; b.vc 1f; mov x0, #7; b 2f; 1: mov x0, #9; 2:", &[0xeb01_001f, 0x5400_0067, 0xd280_00e0, 0x1400_0002, 0xd280_0120], &[0xffff_ffff_ffff_ffff, 1], 9),
        ("cmp w0, #1; b.vc 1f; mov x0, #7; b 2f; 1: mov x0, #9; 2:", &[0x7100_041f, 0x5400_0067, 0xd280_00e0, 0x1400_0002, 0xd280_0120], &[0xffff_ffff], 9),
        ("cmp x0, #0; csel x0, x1, x2, eq", &[0xf100_001f, 0x9a82_0020], &[0, 5, 6], 5),
        ("cmp x0, #0; csinc x0, x1, x2, ne", &[0xf100_001f, 0x9a82_1420], &[0, 5, 6], 7),
        ("cmp x0, #0; csinv w0, w1, w2, ne", &[0xf100_001f, 0x5a82_1020], &[0, 5, 0], 0xffff_ffff),
        ("cmp x0, #0; csneg x0, x1, x2, ne", &[0xf100_001f, 0xda82_1420], &[0, 5, 6], 0xffff_ffff_ffff_fffa),
        ("cmp x0, #1; ccmp x1, #2, #0, eq; cset x0, eq", &[0xf100_041f, 0xfa42_0820, 0x9a9f_17e0], &[1, 2], 1),
        ("cmp x0, #1; ccmp x1, x2, #4, eq; cset x0, eq", &[0xf100_041f, 0xfa42_0024, 0x9a9f_17e0], &[0, 2, 3], 1),
        ("cmp x0, #1; ccmn x1, #1, #0, eq; cset x0, eq", &[0xf100_041f, 0xba41_0820, 0x9a9f_17e0], &[1, 0xffff_ffff_ffff_ffff], 1),
        ("subs x0, x0, #1; b.ge 1f; mov x1, #3; 1: add x0, x0, x1", &[0xf100_0400, 0x5400_004a, 0xd280_0061, 0x8b01_0000], &[0, 0], 2),
    ]);
}

#[test]
#[rustfmt::skip] // a row per line
fn branches() {
    check(&[
        ("cbz x0, 1f; mov x0, #7; 1:", &[0xb400_0040, 0xd280_00e0], &[0x0000_0001_0000_0000], 7),
        ("cbz w0, 1f; mov x0, #7; 1:", &[0x3400_0040, 0xd280_00e0], &[0x0000_0001_0000_0000], 0x0000_0001_0000_0000),
        ("cbnz x0, 1f; mov x0, #7; 1:", &[0xb500_0040, 0xd280_00e0], &[0], 7),
        ("tbz x0, #40, 1f; mov x0, #7; 1:", &[0xb640_0040, 0xd280_00e0], &[0x0000_0100_0000_0000], 7),
        ("tbnz x0, #3, 1f; mov x0, #7; 1:", &[0x3718_0040, 0xd280_00e0], &[8], 8),
        ("mov x9, x30; bl 1f; b 2f; 1: mov x0, #5; ret; 2: add x0, x0, #1; mov x30, x9", &[0xaa1e_03e9, 0x9400_0002, 0x1400_0003, 0xd280_00a0, 0xd65f_03c0, 0x9100_0400, 0xaa09_03fe], &[0], 6),
        ("mov x9, x30; adr x1, 1f; blr x1; b 2f; 1: mov x0, #5; ret; 2: mov x30, x9", &[0xaa1e_03e9, 0x1000_0061, 0xd63f_0020, 0x1400_0003, 0xd280_00a0, 0xd65f_03c0, 0xaa09_03fe], &[0], 5),
        ("adr x1, 1f; br x1; mov x0, #9; 1:", &[0x1000_0061, 0xd61f_0020, 0xd280_0120], &[3], 3),
        ("mov x1, #0; 1: add x1, x1, x0; subs x0, x0, #1; b.ne 1b; mov x0, x1", &[0xd280_0001, 0x8b00_0021, 0xf100_0400, 0x54ff_ffc1, 0xaa01_03e0], &[100], 5050),
    ]);
}

#[test]
#[rustfmt::skip] // a row per line
fn loads_and_stores() {
    check(&[
        ("str x1, [x0, #8]; ldr x0, [x0, #8]", &[0xf900_0401, 0xf940_0400], &[0x0000_0001_0000_0000, 0x1122_3344_5566_7788], 0x1122_3344_5566_7788),
        ("str x1, [x0]; ldrb w0, [x0, #1]", &[0xf900_0001, 0x3940_0400], &[0x0000_0001_0000_0000, 0x0000_8180], 129),
        ("str x1, [x0]; ldrsb x0, [x0, #1]", &[0xf900_0001, 0x3980_0400], &[0x0000_0001_0000_0000, 0x0000_8180], 0xffff_ffff_ffff_ff81),
        ("str x1, [x0]; ldrsb w0, [x0]", &[0xf900_0001, 0x39c0_0000], &[0x0000_0001_0000_0000, 128], 0xffff_ff80),
        ("str x1, [x0]; ldrh w0, [x0, #2]", &[0xf900_0001, 0x7940_0400], &[0x0000_0001_0000_0000, 0x89ab_0000], 0x0000_89ab),
        ("str x1, [x0]; ldrsh x0, [x0]", &[0xf900_0001, 0x7980_0000], &[0x0000_0001_0000_0000, 0x0000_8000], 0xffff_ffff_ffff_8000),
        ("str x1, [x0]; ldrsw x0, [x0]", &[0xf900_0001, 0xb980_0000], &[0x0000_0001_0000_0000, 0x8000_0000], 0xffff_ffff_8000_0000),
        ("str x1, [x0]; ldr w0, [x0, #4]", &[0xf900_0001, 0xb940_0400], &[0x0000_0001_0000_0000, 0x0000_0005_0000_0007], 5),
        ("stp x1, x2, [x0, #16]; ldr x0, [x0, #24]", &[0xa901_0801, 0xf940_0c00], &[0x0000_0001_0000_0000, 3, 4], 4),
        ("stp w1, w2, [x0]; ldr x0, [x0]", &[0x2900_0801, 0xf940_0000], &[0x0000_0001_0000_0000, 3, 4], 0x0000_0004_0000_0003),
        ("str x1, [x0]; ldpsw x1, x2, [x0]; add x0, x1, x2", &[0xf900_0001, 0x6940_0801, 0x8b02_0020], &[0x0000_0001_0000_0000, 0x0000_0005_ffff_ffff], 4),
        ("str x1, [x0, #16]!; sub x0, x0, x2", &[0xf801_0c01, 0xcb02_0000], &[0x0000_0001_0000_0000, 3, 0x0000_0001_0000_0000], 16),
        ("str x1, [x0], #-8; sub x0, x0, x2", &[0xf81f_8401, 0xcb02_0000], &[0x0000_0001_0000_0000, 3, 0x0000_0001_0000_0000], 0xffff_ffff_ffff_fff8),
        ("str x1, [x0, x2, lsl #3]; ldr x0, [x0, #40]", &[0xf822_7801, 0xf940_1400], &[0x0000_0001_0000_0000, 9, 5], 9),
        ("stur x1, [x0, #-8]; ldr x0, [x0, w2, sxtw #3]", &[0xf81f_8001, 0xf862_d800], &[0x0000_0001_0000_0010, 9, 0xffff_ffff], 9),
        ("stur x1, [x0, #-8]; ldur x0, [x0, #-8]", &[0xf81f_8001, 0xf85f_8000], &[0x0000_0001_0000_0008, 9], 9),
        ("stp x1, x2, [sp, #-16]!; ldp x3, x0, [sp], #16", &[0xa9bf_0be1, 0xa8c1_03e3], &[0, 3, 4], 4),
        ("strh w1, [x0, w2, uxtw #1]; ldr w0, [x0, #4]", &[0x7822_5801, 0xb940_0400], &[0x0000_0001_0000_0000, 0x0001_2345, 2], 9029),
        ("strb w1, [x0, x2]; ldrb w0, [x0, x2]", &[0x3822_6801, 0x3862_6800], &[0x0000_0001_0000_0000, 511, 3], 255),
        ("fmov d1, x1; str d1, [x0, #8]; ldr x0, [x0, #8]", &[0x9e67_0021, 0xfd00_0401, 0xf940_0400], &[0x0000_0001_0000_0000, 77], 77),
        ("fmov d1, x1; fmov d2, x2; stp d1, d2, [x0]; ldp d3, d4, [x0]; fmov x0, d4", &[0x9e67_0021, 0x9e67_0042, 0x6d00_0801, 0x6d40_1003, 0x9e66_0080], &[0x0000_0001_0000_0000, 5, 6], 6),
        ("stp x1, x2, [x0]; ldr q1, [x0]; str q1, [x0, #32]; ldr x0, [x0, #40]", &[0xa900_0801, 0x3dc0_0001, 0x3d80_0801, 0xf940_1400], &[0x0000_0001_0000_0000, 5, 6], 6),
        ("stp x1, x2, [x0]; ldr q1, [x0]; fmov d1, d1; str q1, [x0, #32]; ldr x0, [x0, #40]", &[0xa900_0801, 0x3dc0_0001, 0x1e60_4021, 0x3d80_0801, 0xf940_1400], &[0x0000_0001_0000_0000, 5, 6], 0),
        ("str x1, [x0]; ldr s1, [x0, #4]; fmov w0, s1", &[0xf900_0001, 0xbd40_0401, 0x1e26_0020], &[0x0000_0001_0000_0000, 0x0000_0005_0000_0000], 5),
        ("stp x1, x2, [x0]; ldp q1, q2, [x0]; stp q2, q1, [x0]; ldr x0, [x0, #24]", &[0xa900_0801, 0xad40_0801, 0xad00_0402, 0xf940_0c00], &[0x0000_0001_0000_0000, 5, 6], 6),
        ("prfm pldl1keep, [x0]; mov x0, #1", &[0xf980_0000, 0xd280_0020], &[0], 1),
    ]);
}

#[test]
#[rustfmt::skip] // a row per line
fn floating_point() {
    check(&[
        ("fmov d1, x1; fmov d2, x2; fadd d0, d1, d2; fmov x0, d0", &[0x9e67_0021, 0x9e67_0042, 0x1e62_2820, 0x9e66_0000], &[0, 0x3ff8_0000_0000_0000, 0x4002_0000_0000_0000], 0x400e_0000_0000_0000),
        ("fmov d1, x1; fmov d2, x2; fsub d0, d1, d2; fmov x0, d0", &[0x9e67_0021, 0x9e67_0042, 0x1e62_3820, 0x9e66_0000], &[0, 0x3ff0_0000_0000_0000, 0x4008_0000_0000_0000], 0xc000_0000_0000_0000),
        ("fmov d1, x1; fmov d2, x2; fmul d0, d1, d2; fmov x0, d0", &[0x9e67_0021, 0x9e67_0042, 0x1e62_0820, 0x9e66_0000], &[0, 0x3ff8_0000_0000_0000, 0xc000_0000_0000_0000], 0xc008_0000_0000_0000),
        ("fmov d1, x1; fmov d2, x2; fdiv d0, d1, d2; fmov x0, d0", &[0x9e67_0021, 0x9e67_0042, 0x1e62_1820, 0x9e66_0000], &[0, 0x3ff0_0000_0000_0000, 0x4010_0000_0000_0000], 0x3fd0_0000_0000_0000),
        ("fmov d1, x1; fmov d2, x2; fdiv d0, d1, d2; fmov x0, d0", &[0x9e67_0021, 0x9e67_0042, 0x1e62_1820, 0x9e66_0000], &[0, 0x3ff0_0000_0000_0000, 0], 0x7ff0_0000_0000_0000),
        ("fmov d1, x1; fmov d2, x2; fnmul d0, d1, d2; fmov x0, d0", &[0x9e67_0021, 0x9e67_0042, 0x1e62_8820, 0x9e66_0000], &[0, 0x4000_0000_0000_0000, 0x4008_0000_0000_0000], 0xc018_0000_0000_0000),
        ("fmov d1, x1; fmov d2, x2; fmax d0, d1, d2; fmov x0, d0", &[0x9e67_0021, 0x9e67_0042, 0x1e62_4820, 0x9e66_0000], &[0, 0x8000_0000_0000_0000, 0], 0),
        ("fmov d1, x1; fmov d2, x2; fmin d0, d1, d2; fmov x0, d0", &[0x9e67_0021, 0x9e67_0042, 0x1e62_5820, 0x9e66_0000], &[0, 0, 0x8000_0000_0000_0000], 0x8000_0000_0000_0000),
        ("fmov d1, x1; fmov d2, x2; fmaxnm d0, d1, d2; fmov x0, d0", &[0x9e67_0021, 0x9e67_0042, 0x1e62_6820, 0x9e66_0000], &[0, 0x3ff0_0000_0000_0000, 0x4000_0000_0000_0000], 0x4000_0000_0000_0000),
        ("fmov d1, x1; fmov d2, x2; fmaxnm d0, d1, d2; fmov x0, d0", &[0x9e67_0021, 0x9e67_0042, 0x1e62_6820, 0x9e66_0000], &[0, 0x7ff8_0000_0000_0000, 0x4000_0000_0000_0000], 0x4000_0000_0000_0000),
        ("fmov d1, x1; fmov d2, x2; fmin d0, d1, d2; fmov x0, d0", &[0x9e67_0021, 0x9e67_0042, 0x1e62_5820, 0x9e66_0000], &[0, 0xfff8_0000_0000_0007, 0x4000_0000_0000_0000], 0xfff8_0000_0000_0007),
        ("fmov d1, x1; fmov d2, x2; fsub d0, d1, d2; fmov x0, d0", &[0x9e67_0021, 0x9e67_0042, 0x1e62_3820, 0x9e66_0000], &[0, 0x7ff0_0000_0000_0000, 0x7ff0_0000_0000_0000], 0x7ff8_0000_0000_0000),
        ("fmov d1, x1; fmov d2, x2; fadd d0, d1, d2; fmov x0, d0", &[0x9e67_0021, 0x9e67_0042, 0x1e62_2820, 0x9e66_0000], &[0, 0x7ff8_0000_0000_0001, 0x7ff0_0000_0000_0002], 0x7ff8_0000_0000_0002),
        ("fmov d1, x1; fsqrt d0, d1; fmov x0, d0", &[0x9e67_0021, 0x1e61_c020, 0x9e66_0000], &[0, 0x4002_0000_0000_0000], 0x3ff8_0000_0000_0000),
        ("fmov d1, x1; fsqrt d0, d1; fmov x0, d0", &[0x9e67_0021, 0x1e61_c020, 0x9e66_0000], &[0, 0xbff0_0000_0000_0000], 0x7ff8_0000_0000_0000),
        ("fmov d1, x1; fneg d0, d1; fmov x0, d0", &[0x9e67_0021, 0x1e61_4020, 0x9e66_0000], &[0, 0], 0x8000_0000_0000_0000),
        ("fmov d1, x1; fabs d0, d1; fmov x0, d0", &[0x9e67_0021, 0x1e60_c020, 0x9e66_0000], &[0, 0xc000_0000_0000_0000], 0x4000_0000_0000_0000),
        ("fmov d1, x1; frintm d0, d1; fmov x0, d0", &[0x9e67_0021, 0x1e65_4020, 0x9e66_0000], &[0, 0xbff8_0000_0000_0000], 0xc000_0000_0000_0000),
        ("fmov d1, x1; frintp d0, d1; fmov x0, d0", &[0x9e67_0021, 0x1e64_c020, 0x9e66_0000], &[0, 0xbfe0_0000_0000_0000], 0x8000_0000_0000_0000),
        ("fmov d1, x1; frintn d0, d1; fmov x0, d0", &[0x9e67_0021, 0x1e64_4020, 0x9e66_0000], &[0, 0x4004_0000_0000_0000], 0x4000_0000_0000_0000),
        ("fmov d1, x1; frinta d0, d1; fmov x0, d0", &[0x9e67_0021, 0x1e66_4020, 0x9e66_0000], &[0, 0x4004_0000_0000_0000], 0x4008_0000_0000_0000),
        ("fmov d1, x1; frintz d0, d1; fmov x0, d0", &[0x9e67_0021, 0x1e65_c020, 0x9e66_0000], &[0, 0xc005_9999_9999_999a], 0xc000_0000_0000_0000),
        ("fmov d1, x1; fmov d2, x2; fmov d3, x3; fmadd d0, d1, d2, d3; fmov x0, d0", &[0x9e67_0021, 0x9e67_0042, 0x9e67_0063, 0x1f42_0c20, 0x9e66_0000], &[0, 0x3ff0_0000_0000_0001, 0x3ff0_0000_0000_0001, 0xbff0_0000_0000_0002], 0x3970_0000_0000_0000),
        ("fmov d1, x1; fmov d2, x2; fmov d3, x3; fmsub d0, d1, d2, d3; fmov x0, d0", &[0x9e67_0021, 0x9e67_0042, 0x9e67_0063, 0x1f42_8c20, 0x9e66_0000], &[0, 0x4000_0000_0000_0000, 0x4008_0000_0000_0000, 0x4024_0000_0000_0000], 0x4010_0000_0000_0000),
        ("fmov d1, x1; fmov d2, x2; fmov d3, x3; fnmadd d0, d1, d2, d3; fmov x0, d0", &[0x9e67_0021, 0x9e67_0042, 0x9e67_0063, 0x1f62_0c20, 0x9e66_0000], &[0, 0x4000_0000_0000_0000, 0x4008_0000_0000_0000, 0x4024_0000_0000_0000], 0xc030_0000_0000_0000),
        ("fmov d1, x1; fmov d2, x2; fmov d3, x3; fnmsub d0, d1, d2, d3; fmov x0, d0", &[0x9e67_0021, 0x9e67_0042, 0x9e67_0063, 0x1f62_8c20, 0x9e66_0000], &[0, 0x4000_0000_0000_0000, 0x4008_0000_0000_0000, 0x4024_0000_0000_0000], 0xc010_0000_0000_0000),
        ("fmov d1, x1; fcvtzs x1, d1; fmov d0, x1; fmov x0, d0", &[0x9e67_0021, 0x9e78_0021, 0x9e67_0020, 0x9e66_0000], &[0, 0xc007_3333_3333_3333], 0xffff_ffff_ffff_fffe),
        ("fmov d1, x1; fcvtzs x1, d1; fmov d0, x1; fmov x0, d0", &[0x9e67_0021, 0x9e78_0021, 0x9e67_0020, 0x9e66_0000], &[0, 0x7e37_e43c_8800_759c], 0x7fff_ffff_ffff_ffff),
        ("fmov d1, x1; fcvtzs x1, d1; fmov d0, x1; fmov x0, d0", &[0x9e67_0021, 0x9e78_0021, 0x9e67_0020, 0x9e66_0000], &[0, 0x7ff8_0000_0000_0000], 0),
        ("fmov d1, x1; fcvtzu x1, d1; fmov d0, x1; fmov x0, d0", &[0x9e67_0021, 0x9e79_0021, 0x9e67_0020, 0x9e66_0000], &[0, 0xbff0_0000_0000_0000], 0),
        ("fmov d1, x1; fcvtms x1, d1; fmov d0, x1; fmov x0, d0", &[0x9e67_0021, 0x9e70_0021, 0x9e67_0020, 0x9e66_0000], &[0, 0xc000_cccc_cccc_cccd], 0xffff_ffff_ffff_fffd),
        ("fmov d1, x1; fcvtps x1, d1; fmov d0, x1; fmov x0, d0", &[0x9e67_0021, 0x9e68_0021, 0x9e67_0020, 0x9e66_0000], &[0, 0x4000_cccc_cccc_cccd], 3),
        ("fmov d1, x1; fcvtns x1, d1; fmov d0, x1; fmov x0, d0", &[0x9e67_0021, 0x9e60_0021, 0x9e67_0020, 0x9e66_0000], &[0, 0x4004_0000_0000_0000], 2),
        ("fmov d1, x1; fcvtas x1, d1; fmov d0, x1; fmov x0, d0", &[0x9e67_0021, 0x9e64_0021, 0x9e67_0020, 0x9e66_0000], &[0, 0x4004_0000_0000_0000], 3),
        ("fmov d1, x1; fcvtzs w1, d1; fmov d0, x1; fmov x0, d0", &[0x9e67_0021, 0x1e78_0021, 0x9e67_0020, 0x9e66_0000], &[0, 0xbff0_0000_0000_0000], 0xffff_ffff),
        ("scvtf d0, x1; fmov x0, d0", &[0x9e62_0020, 0x9e66_0000], &[0, 0xffff_ffff_ffff_fffd], 0xc008_0000_0000_0000),
        ("ucvtf d0, x1; fmov x0, d0", &[0x9e63_0020, 0x9e66_0000], &[0, 0xffff_ffff_ffff_ffff], 0x43f0_0000_0000_0000),
        ("scvtf d0, w1; fmov x0, d0", &[0x1e62_0020, 0x9e66_0000], &[0, 0xffff_ffff], 0xbff0_0000_0000_0000),
        ("ucvtf s0, w1; fmov w0, s0", &[0x1e23_0020, 0x1e26_0000], &[0, 3], 0x4040_0000),
        ("fmov d1, x1; fcvt s0, d1; fcvt d0, s0; fmov x0, d0", &[0x9e67_0021, 0x1e62_4020, 0x1e22_c000, 0x9e66_0000], &[0, 0x3fb9_9999_9999_999a], 0x3fb9_9999_a000_0000),
        ("fmov d1, x1; fcvt s0, d1; fmov x0, d0", &[0x9e67_0021, 0x1e62_4020, 0x9e66_0000], &[0, 0x7ff0_0000_2000_0000], 0x7fc0_0001),
        ("fmov s1, w1; fcvt d0, s1; fmov x0, d0", &[0x1e27_0021, 0x1e22_c020, 0x9e66_0000], &[0, 0x7f80_0001], 0x7ff8_0000_2000_0000),
        ("fmov s1, w1; fmov s2, w2; fadd s0, s1, s2; fmov w0, s0", &[0x1e27_0021, 0x1e27_0042, 0x1e22_2820, 0x1e26_0000], &[0, 0x3fc0_0000, 0x4000_0000], 0x4060_0000),
        ("fmov s1, w1; fmov s2, w2; fmul s0, s1, s2; fmov w0, s0", &[0x1e27_0021, 0x1e27_0042, 0x1e22_0820, 0x1e26_0000], &[0, 0x7fa0_0001, 0x4000_0000], 0x7fe0_0001),
        ("fmov d0, #1.0; fmov x0, d0", &[0x1e6e_1000, 0x9e66_0000], &[0], 0x3ff0_0000_0000_0000),
        ("movi d0, #0; fmov x0, d0", &[0x2f00_e400, 0x9e66_0000], &[0], 0),
        ("movi d0, #0xff00ff00ff0000ff; fmov x0, d0", &[0x2f05_e520, 0x9e66_0000], &[0], 0xff00_ff00_ff00_00ff),
        ("fmov s0, #-2.0; fmov x0, d0", &[0x1e30_1000, 0x9e66_0000], &[0], 0xc000_0000),
        ("fmov d1, x1; fmov d2, x2; fcmp d1, d2; cset x0, mi; cset x1, eq; cset x2, cs; cset x3, vs; orr x0, x3, x0, lsl #3; orr x0, x0, x1, lsl #2; orr x0, x0, x2, lsl #1", &[0x9e67_0021, 0x9e67_0042, 0x1e62_2020, 0x9a9f_57e0, 0x9a9f_17e1, 0x9a9f_37e2, 0x9a9f_77e3, 0xaa00_0c60, 0xaa01_0800, 0xaa02_0400], &[0, 0x3ff0_0000_0000_0000, 0x4000_0000_0000_0000], 8),
        ("fmov d1, x1; fmov d2, x2; fcmp d1, d2; cset x0, mi; cset x1, eq; cset x2, cs; cset x3, vs; orr x0, x3, x0, lsl #3; orr x0, x0, x1, lsl #2; orr x0, x0, x2, lsl #1", &[0x9e67_0021, 0x9e67_0042, 0x1e62_2020, 0x9a9f_57e0, 0x9a9f_17e1, 0x9a9f_37e2, 0x9a9f_77e3, 0xaa00_0c60, 0xaa01_0800, 0xaa02_0400], &[0, 0x4000_0000_0000_0000, 0x4000_0000_0000_0000], 6),
        ("fmov d1, x1; fmov d2, x2; fcmp d1, d2; cset x0, mi; cset x1, eq; cset x2, cs; cset x3, vs; orr x0, x3, x0, lsl #3; orr x0, x0, x1, lsl #2; orr x0, x0, x2, lsl #1", &[0x9e67_0021, 0x9e67_0042, 0x1e62_2020, 0x9a9f_57e0, 0x9a9f_17e1, 0x9a9f_37e2, 0x9a9f_77e3, 0xaa00_0c60, 0xaa01_0800, 0xaa02_0400], &[0, 0x4008_0000_0000_0000, 0x4000_0000_0000_0000], 2),
        ("fmov d1, x1; fcmp d1, d1; cset x0, vs", &[0x9e67_0021, 0x1e61_2020, 0x9a9f_77e0], &[0, 0x7ff8_0000_0000_0000], 1),
        ("fmov d1, x1; fcmp d1, #0.0; cset x0, eq", &[0x9e67_0021, 0x1e60_2028, 0x9a9f_17e0], &[0, 0x8000_0000_0000_0000], 1),
        ("fmov d1, x1; fcmp d1, #0.0; fcsel d0, d1, d2, pl; fmov x0, d0", &[0x9e67_0021, 0x1e60_2028, 0x1e62_5c20, 0x9e66_0000], &[0, 0x3ff0_0000_0000_0000], 0x3ff0_0000_0000_0000),
        ("fmov d1, x1; fcmp d1, d1; fccmp d1, d1, #0, ne; cset x0, eq", &[0x9e67_0021, 0x1e61_2020, 0x1e61_1420, 0x9a9f_17e0], &[0, 0x3ff0_0000_0000_0000], 0),
    ]);
}
