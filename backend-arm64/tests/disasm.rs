//! The disassembler against GNU objdump, over all words of random programs.

mod common;

use std::collections::BTreeMap;
use std::io::Write;
use std::process::Command;

use common::generate::{Shape, generate};
use gsx_backend_arm64::{compile, disassemble};

const OBJDUMP: &str = "aarch64-linux-gnu-objdump";

/// What objdump makes of words at addresses 0, 4, …: text without comments; none when there is no objdump.
fn objdump(words: &[u32]) -> Option<Vec<String>> {
    let path = std::env::temp_dir().join(format!("gsx-disasm-{}.bin", std::process::id()));
    let mut file = std::fs::File::create(&path).unwrap();
    for w in words {
        file.write_all(&w.to_le_bytes()).unwrap();
    }
    drop(file);
    let run = Command::new(OBJDUMP).args(["-D", "-z", "-b", "binary", "-m", "aarch64"]).arg(&path).output();
    std::fs::remove_file(&path).unwrap();
    let out = match run {
        Ok(out) => String::from_utf8(out.stdout).unwrap(),
        Err(_) => {
            // The test harness hides what is printed through its macros; this line must be seen.
            let _ = writeln!(std::io::stderr(), "skipped: there is no {OBJDUMP}");
            return None;
        }
    };
    let lines = out.lines().filter_map(|l| {
        let mut parts = l.splitn(3, '\t');
        let address = parts.next()?.trim().strip_suffix(':')?;
        u64::from_str_radix(address, 16).ok()?;
        let text = parts.nth(1)?;
        let text = text.split("\t//").next().unwrap().split(" //").next().unwrap();
        Some(text.trim().replace('\t', " "))
    });
    let lines: Vec<String> = lines.collect();
    assert_eq!(lines.len(), words.len());
    Some(lines)
}

#[test]
fn words_of_random_programs() {
    let mut words = Vec::new();
    for seed in 0..60 {
        let shape = Shape { size: 100, pressure: 20, calls: true, pins: true };
        words.extend(compile(&generate(seed, shape), seed as u32).unwrap().words);
    }
    let Some(expected) = objdump(&words) else {
        return;
    };
    let mut wrong = BTreeMap::new();
    for (i, (&word, expected)) in words.iter().zip(&expected).enumerate() {
        let got = disassemble(word, i as u64 * 4);
        if got != *expected {
            let key = expected.split(' ').next().unwrap().to_string();
            wrong.entry(key).or_insert_with(Vec::new).push((got, expected.clone()));
        }
    }
    for v in wrong.values() {
        for (got, expected) in v.iter().take(4) {
            println!("{expected:50} {got}");
        }
    }
    assert!(wrong.is_empty(), "{} mnemonics differ", wrong.len());
}
