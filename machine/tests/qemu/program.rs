//! The test program: code that loads a state, runs a sequence, stores the state, for each sequence.

use crate::generate::{self, Random};

/// Guest address of the code: that of the simulator's first code object.
pub const CODE_BASE: u64 = 0x4000_0000;
/// Guest address of the data area.
pub const DATA_BASE: u64 = 0x5000_0000;

// A slot: X0–X30 and SP, V0–V31, N Z C V, scratch memory.
const VECTORS: usize = 256;
const FLAGS: usize = VECTORS + 512;
const SCRATCH: usize = FLAGS + 64;
const SCRATCH_SIZE: usize = 1536;
/// Where X28 and SP point to.
const MIDDLE: usize = SCRATCH + 640;
/// Bytes per sequence in the data area.
pub const SLOT_SIZE: usize = SCRATCH + SCRATCH_SIZE;

/// Bytes behind the slots: some that the last sequence may reach, and the return address.
const TAIL: usize = 512;

/// Instructions per sequence.
const LENGTH: usize = 10;

/// The program.
pub struct Program {
    /// Its code; entered at the start, it returns with RET.
    pub code: Vec<u32>,
    /// The data area before it runs. Its end is not a slot.
    pub data: Vec<u8>,
    /// The random words of each slot.
    pub sequences: Vec<Vec<u32>>,
}

/// What a 64-bit word of a slot is, for messages.
pub fn slot_word_name(index: usize) -> String {
    match index * 8 {
        248 => "sp".into(),
        offset if offset < VECTORS => format!("x{index}"),
        offset if offset < FLAGS => {
            let half = (offset - VECTORS) / 8;
            format!("v{}.{}", half / 2, if half & 1 == 0 { "low" } else { "high" })
        }
        offset if offset < SCRATCH => {
            format!("flag {}", ["n", "z", "c", "v", "-", "-", "-", "-"][(offset - FLAGS) / 8])
        }
        offset => format!("[x28, {}]", offset as i64 - MIDDLE as i64),
    }
}

/// LDP (`load`) or STP of X registers at an offset from X27.
fn pair(load: bool, first: u32, second: u32, offset: usize) -> u32 {
    0xa900_0000 | u32::from(load) << 22 | (offset as u32 / 8) << 15 | second << 10 | 27 << 5 | first
}

/// LDP or STP of Q registers at an offset from X27.
fn vector_pair(load: bool, first: u32, offset: usize) -> u32 {
    0xad00_0000 | u32::from(load) << 22 | (offset as u32 / 16) << 15 | (first + 1) << 10 | 27 << 5 | first
}

/// MOVZ and MOVK of a 32-bit value.
fn load_address(register: u32, address: u64) -> [u32; 2] {
    let (low, high) = (address as u32 & 0xffff, (address >> 16) as u32);
    [0xd280_0000 | low << 5 | register, 0xf2a0_0000 | high << 5 | register]
}

impl Program {
    /// A program of random sequences.
    pub fn random(seed: u64, sequences: usize) -> Program {
        let mut random = Random(seed);
        let mut program =
            Program { code: Vec::new(), data: vec![0; sequences * SLOT_SIZE + TAIL], sequences: Vec::new() };
        let return_slot = DATA_BASE + (sequences * SLOT_SIZE + TAIL - 16) as u64;
        // Keep the return address where no sequence reaches it.
        program.code.extend(load_address(27, return_slot));
        program.code.push(0xf900_037e);
        for number in 0..sequences {
            program.add_sequence(&mut random, number);
        }
        // It is cleared afterwards, since it differs between the executors.
        program.code.extend(load_address(27, return_slot));
        program.code.extend([0xf940_037e, 0xf900_037f, 0xd65f_03c0]);
        program
    }

    fn add_sequence(&mut self, random: &mut Random, number: usize) {
        let slot = number * SLOT_SIZE;
        self.fill_slot(random, slot);
        let nzcv = random.below(16) as u32;
        let code = &mut self.code;
        code.extend(load_address(27, DATA_BASE + slot as u64));
        for register in (0..32).step_by(2) {
            code.push(vector_pair(true, register, VECTORS + 16 * register as usize));
        }
        // cmp xzr, xzr; ccmp xzr, xzr, #nzcv, ne
        code.extend([0xeb1f_03ff, 0xfa5f_13e0 | nzcv]);
        for register in (0..26).step_by(2) {
            code.push(pair(true, register, register + 1, 8 * register as usize));
        }
        // ldr x26; ldp x29, x30; add x28, x27, #MIDDLE; mov sp, x28
        code.extend([0xf940_0000 | 26 << 10 | 27 << 5 | 26, pair(true, 29, 30, 8 * 29)]);
        code.extend([0x9100_0000 | (MIDDLE as u32) << 10 | 27 << 5 | 28, 0x9100_0000 | 28 << 5 | 31]);

        let words = generate::sequence(random, LENGTH);
        code.extend(&words);
        self.sequences.push(words);

        let code = &mut self.code;
        for register in (0..30).step_by(2) {
            code.push(pair(false, register, register + 1, 8 * register as usize));
        }
        // mov x0, sp; stp x30, x0; cset n, z, c, v
        code.extend([0x9100_03e0, pair(false, 30, 0, 240)]);
        for (register, inverse) in [(0, 5), (1, 1), (2, 3), (3, 7)] {
            code.push(0x9a9f_07e0 | inverse << 12 | register);
        }
        for register in 0..4 {
            // str xN, [x27, #FLAGS + 8 * N]
            code.push(0xf900_0000 | (FLAGS as u32 / 8 + register) << 10 | 27 << 5 | register);
        }
        for register in (0..32).step_by(2) {
            code.push(vector_pair(false, register, VECTORS + 16 * register as usize));
        }
    }

    fn fill_slot(&mut self, random: &mut Random, slot: usize) {
        let mut put = |offset: usize, value: u64| {
            self.data[slot + offset..][..8].copy_from_slice(&value.to_le_bytes());
        };
        for register in 0..31 {
            let value = match register {
                24 => random.next() << 32 | random.below(24),
                25 => random.next() << 32 | random.below(16).wrapping_neg() & 0xffff_ffff,
                26 => random.below(24).wrapping_sub(8),
                _ => generate::integer(random),
            };
            put(8 * register, value);
        }
        for half in 0..64 {
            put(VECTORS + 8 * half, generate::float(random));
        }
        for word in 0..SCRATCH_SIZE / 8 {
            let value = if word % 2 == 0 { generate::integer(random) } else { generate::float(random) };
            put(SCRATCH + 8 * word, value);
        }
    }
}
