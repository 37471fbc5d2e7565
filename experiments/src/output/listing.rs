//! Machine code for people: one line per instruction, with what is known about it.

use std::collections::BTreeMap;

use gscript::bytecode::Program;
use gsx_backend_arm64::{Part, Provenance, disassemble};
use gsx_engine::CompiledFunction;
use gsx_ir::graph::Origin;
use serde::Serialize;

/// An instruction with its surroundings.
#[derive(Clone, Serialize)]
pub struct Instruction {
    /// Bytes from the start of the function.
    pub offset: usize,
    /// Executions during the measured call, if they were counted.
    pub count: Option<u64>,
    /// The word, in hexadecimal.
    pub word: String,
    /// Disassembly; a branch within the function names its label.
    pub text: String,
    /// The label before it, if something branches here.
    pub label: Option<String>,
    /// IR node that it computes.
    pub node: Option<String>,
    /// `entry`, `body`, `cold` or `exit`.
    pub part: &'static str,
    /// Function of the source that it comes from: another one where a pass inlined.
    pub function: Option<String>,
    /// Position in that function's bytecode.
    pub pc: Option<u32>,
    /// Source line.
    pub line: Option<u32>,
    /// Disassembly without labels, which differ where code before them does: what makes two instructions the same.
    #[serde(skip)]
    pub key: String,
}

/// The instructions of a function, in order of address.
pub fn instructions(program: &Program, f: &CompiledFunction) -> Vec<Instruction> {
    let words = &f.code.words;
    let targets: Vec<Option<usize>> = words.iter().enumerate().map(|(i, w)| target(*w, i, words.len())).collect();
    let labels = labels(f, &targets);
    let one = |(i, &word): (usize, &u32)| {
        let text = disassemble(word, f.address + 4 * i as u64);
        // A branch's target is the last operand.
        let without = match text.rfind([' ', ',']) {
            Some(at) if targets[i].is_some() => text[..=at].trim_end().to_string(),
            _ => text.clone(),
        };
        let text = match targets[i].and_then(|t| labels.get(&t)) {
            Some(label) => format!("{without} {label}"),
            None => text,
        };
        let p = f.code.provenance.get(i);
        let origin = p.and_then(|p| p.origin);
        Instruction {
            offset: 4 * i,
            count: f.executions.as_ref().and_then(|e| e.get(i).copied()),
            word: format!("{word:08x}"),
            text,
            label: labels.get(&i).cloned(),
            node: p.and_then(|p| p.node).map(|n| n.to_string()),
            part: p.map_or("body", part),
            function: origin.map(|o| program.proto(o.proto).name.clone()),
            pc: origin.map(|o| o.pc),
            line: origin.and_then(|o| line(program, o)),
            key: without,
        }
    };
    words.iter().enumerate().map(one).collect()
}

fn part(p: &Provenance) -> &'static str {
    match p.part {
        Part::Entry => "entry",
        Part::Body => "body",
        Part::Cold => "cold",
        Part::Exit => "exit",
    }
}

/// Source line of a bytecode position.
fn line(program: &Program, o: Origin) -> Option<u32> {
    let spans = &program.proto(o.proto).spans;
    spans.get(o.pc as usize).map(|p| p.line).filter(|l| *l > 0)
}

/// Names of the words that something branches to: the block's, where one starts there.
fn labels(f: &CompiledFunction, targets: &[Option<usize>]) -> BTreeMap<usize, String> {
    let blocks: BTreeMap<usize, String> =
        f.code.block_starts.iter().map(|(b, w)| (*w as usize, b.to_string())).collect();
    let mut labels = BTreeMap::new();
    let mut wanted: Vec<usize> = targets.iter().flatten().copied().collect();
    wanted.sort_unstable();
    wanted.dedup();
    for (n, word) in wanted.iter().filter(|w| !blocks.contains_key(w)).enumerate() {
        labels.insert(*word, format!("L{}", n + 1));
    }
    labels.extend(blocks);
    labels
}

/// The word that a PC-relative branch at word `at` goes to, if it is one and stays within `len` words.
fn target(word: u32, at: usize, len: usize) -> Option<usize> {
    let signed = |shift: u32, bits: u32| ((word << (32 - shift - bits)) as i32 >> (32 - bits)) as i64;
    let distance = if word & 0x7c00_0000 == 0x1400_0000 {
        signed(0, 26) // B, BL
    } else if word & 0xff00_0000 == 0x5400_0000 || word & 0x7e00_0000 == 0x3400_0000 {
        signed(5, 19) // B.cond, CBZ, CBNZ
    } else if word & 0x7e00_0000 == 0x3600_0000 {
        signed(5, 14) // TBZ, TBNZ
    } else {
        return None;
    };
    usize::try_from(at as i64 + distance).ok().filter(|t| *t < len)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn branch_targets() {
        for (word, at, to) in [
            (0x1400_0002, 3, Some(5)), // b .+8
            (0x9400_0000, 3, Some(3)), // bl .
            (0x17ff_ffff, 3, Some(2)), // b .-4
            (0x54ff_ffeb, 3, Some(2)), // b.lt .-4
            (0xb400_0040, 3, Some(5)), // cbz x0, .+8
            (0x3500_0020, 3, Some(4)), // cbnz w0, .+4
            (0x3607_ffe0, 3, Some(2)), // tbz w0, #0, .-4
            (0xb700_0040, 3, Some(5)), // tbnz x0, #32, .+8
            (0x17ff_fff0, 3, None),    // out of the function
            (0xd65f_03c0, 3, None),    // ret
            (0xd63f_0100, 3, None),    // blr x8
            (0x8b01_0000, 3, None),    // add x0, x0, x1
        ] {
            assert_eq!(target(word, at, 10), to, "{word:08x}");
        }
    }
}
