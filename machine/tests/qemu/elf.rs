//! Writes a test program as a static ELF file.

use crate::program::{CODE_BASE, DATA_BASE, Program};
use std::io::Write;
use std::path::Path;

/// The file offset of the code; that of the data is the next multiple of this behind the code.
const PAGE: usize = 0x10000;

/// What stands behind the code: call the program, write the data area to standard output, exit.
fn start(program: &Program) -> Vec<u32> {
    let back = -(program.code.len() as i64);
    let length = program.data.len() as u32;
    let load = |register: u32, value: u32| {
        [0xd280_0000 | (value & 0xffff) << 5 | register, 0xf2a0_0000 | (value >> 16) << 5 | register]
    };
    let mut code = vec![0x9400_0000 | (back as u32 & 0x03ff_ffff)];
    code.extend(load(1, DATA_BASE as u32));
    code.extend(load(2, length));
    // loop: write(1, x1, x2); x1 += x0; x2 -= x0; until x2 == 0. Short writes happen on pipes.
    code.extend([0xd280_0020, 0xd280_0808, 0xd400_0001, 0x8b00_0021, 0xeb00_0042, 0x54ff_ff61]);
    // exit(0)
    code.extend([0xd280_0000, 0xd280_0ba8, 0xd400_0001]);
    code
}

/// Writes the program to `path` and makes it executable.
pub fn write(path: &Path, program: &Program) -> std::io::Result<()> {
    let mut code = program.code.clone();
    let entry = CODE_BASE + 4 * code.len() as u64;
    code.extend(start(program));
    let code_bytes = code.len() * 4;
    let data_offset = (PAGE + code_bytes).next_multiple_of(PAGE);

    let mut header = Vec::new();
    header.extend([0x7f, b'E', b'L', b'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    let half = |header: &mut Vec<u8>, value: u16| header.extend(value.to_le_bytes());
    let word = |header: &mut Vec<u8>, value: u32| header.extend(value.to_le_bytes());
    let wide = |header: &mut Vec<u8>, value: u64| header.extend(value.to_le_bytes());
    half(&mut header, 2); // executable
    half(&mut header, 183); // AArch64
    word(&mut header, 1);
    wide(&mut header, entry);
    wide(&mut header, 64); // program headers
    wide(&mut header, 0); // section headers
    word(&mut header, 0);
    for value in [64, 56, 2, 0, 0, 0] {
        half(&mut header, value);
    }
    for (flags, offset, address, size) in
        [(5, PAGE, CODE_BASE, code_bytes), (6, data_offset, DATA_BASE, program.data.len())]
    {
        word(&mut header, 1); // load
        word(&mut header, flags);
        wide(&mut header, offset as u64);
        wide(&mut header, address);
        wide(&mut header, address);
        wide(&mut header, size as u64);
        wide(&mut header, size as u64);
        wide(&mut header, PAGE as u64);
    }

    let mut bytes = header;
    bytes.resize(PAGE, 0);
    bytes.extend(code.iter().flat_map(|word| word.to_le_bytes()));
    bytes.resize(data_offset, 0);
    bytes.extend(&program.data);

    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o755);
    options.open(path)?.write_all(&bytes)
}
