//! Transcripts of `gsx`: see `README.md` in this folder.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use libtest_mimic::{Arguments, Failed, Trial};

fn main() {
    let args = Arguments::from_args();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli");
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)
        .expect("the folder of transcripts")
        .map(|entry| entry.expect("a folder entry").path())
        .filter(|path| path.extension().is_some_and(|e| e == "txt"))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "no transcripts in {}", folder.display());
    let trials = files
        .into_iter()
        .map(|path| {
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            Trial::test(name, move || check(&path))
        })
        .collect();
    libtest_mimic::run(&args, trials).exit();
}

/// Runs a transcript's commands and compares, or rewrites it.
fn check(path: &Path) -> Result<(), Failed> {
    let expected = std::fs::read_to_string(path)?;
    let actual = replay(&expected)?;
    if actual == expected {
        return Ok(());
    }
    if std::env::var_os("GSX_BLESS").is_some() {
        std::fs::write(path, actual)?;
        return Ok(());
    }
    let mut message = format!("{} differs (GSX_BLESS=1 rewrites it)\n", path.display());
    let (old, new): (Vec<&str>, Vec<&str>) = (expected.lines().collect(), actual.lines().collect());
    let same = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let _ = writeln!(message, "first difference in line {}; expected and actual from there:", same + 1);
    for (mark, lines) in [('-', &old), ('+', &new)] {
        for line in lines.iter().skip(same).take(12) {
            let _ = writeln!(message, "{mark} {line}");
        }
    }
    Err(message.into())
}

/// The transcript as it would be if it were written now.
fn replay(text: &str) -> Result<String, Failed> {
    let mut out = String::new();
    for line in text.lines() {
        if line.starts_with("##") {
            // Commentary belongs to the command below it.
            if !out.is_empty() && !out.ends_with("\n\n") && !out.lines().last().unwrap_or("").starts_with("##") {
                out.push('\n');
            }
            let _ = writeln!(out, "{line}");
        } else if let Some(command) = line.strip_prefix("$ gsx") {
            if !out.is_empty() && !out.ends_with("\n\n") && !out.lines().last().unwrap_or("").starts_with("##") {
                out.push('\n');
            }
            let _ = writeln!(out, "{line}");
            out.push_str(&run(&words(command))?);
        }
    }
    Ok(out)
}

/// Runs gsx; its output in a transcript's form.
fn run(args: &[String]) -> Result<String, Failed> {
    let output = Command::new(env!("CARGO_BIN_EXE_gsx"))
        .args(args)
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
        .env_remove("RUST_BACKTRACE")
        .output()?;
    let mut text = without_times(&String::from_utf8(output.stdout)?);
    end_line(&mut text);
    if !output.stderr.is_empty() {
        text.push_str("[stderr]\n");
        text.push_str(&without_times(&String::from_utf8(output.stderr)?));
        end_line(&mut text);
    }
    match output.status.code() {
        Some(0) => {}
        Some(status) => {
            let _ = writeln!(text, "[status {status}]");
        }
        None => return Err(format!("gsx {args:?} was killed: {}", output.status).into()),
    }
    Ok(text)
}

fn end_line(text: &mut String) {
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
}

/// Words of a command; single quotes keep blanks.
fn words(command: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (i, part) in command.split('\'').enumerate() {
        match i % 2 {
            0 => words.extend(part.split_whitespace().map(str::to_string)),
            _ => words.push(part.to_string()),
        }
    }
    words
}

/// The text with `12.3 µs` and the like replaced: they differ from run to run.
fn without_times(text: &str) -> String {
    let mut out = String::new();
    let mut compile_ns = false;
    for (i, line) in text.split('\n').enumerate() {
        if i > 0 {
            out.push('\n');
        }
        // In JSON, they are the values of one object.
        if let Some((key, _)) = line.split_once(": ").filter(|_| compile_ns) {
            let comma = if line.ends_with(',') { "," } else { "" };
            let _ = write!(out, "{key}: <time>{comma}");
            continue;
        }
        compile_ns = line.ends_with("\"compile_ns\": {");
        let mut rest = line;
        while let Some((before, after)) = next_time(rest) {
            out.push_str(before);
            out.push_str("<time>");
            rest = after;
        }
        out.push_str(rest);
    }
    out
}

/// What stands before and behind the first duration.
fn next_time(text: &str) -> Option<(&str, &str)> {
    let (at, unit) = ["ns", "µs", "ms", "s"]
        .iter()
        .flat_map(|unit| text.match_indices(&format!(" {unit}")).map(|(at, _)| (at, *unit)).collect::<Vec<_>>())
        .filter(|(at, unit)| {
            let digit = text[..*at].ends_with(|c: char| c.is_ascii_digit());
            digit && !text[at + 1 + unit.len()..].starts_with(char::is_alphanumeric)
        })
        .min()?;
    let start = text[..at].rfind(|c: char| !c.is_ascii_digit() && c != '.').map_or(0, |i| i + 1);
    Some((&text[..start], &text[at + 1 + unit.len()..]))
}
