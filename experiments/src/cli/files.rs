//! Reads text files, whatever the user calls one.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use gscript::bytecode::{Program, Source};

use super::failure::Failure;

/// Largest file read: positions are 32-bit, and nobody writes more.
const MAX_BYTES: u64 = 256 << 20;

/// The text of a file. `what` names its role in messages: "program", "configuration".
pub fn read_text(path: &Path, what: &str) -> Result<Source, Failure> {
    let name = path.display().to_string();
    let cannot = |why: String| Failure::usage(format!("cannot read the {what} {name}: {why}"));
    if path.is_dir() {
        return Err(cannot("it is a directory".into()));
    }
    let file = File::open(path).map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => cannot("there is no such file".into()),
        _ => cannot(e.to_string()),
    })?;
    let mut bytes = Vec::new();
    // A device or a pipe may never end: stop behind the limit.
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(|e| cannot(e.to_string()))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(cannot(format!("it is larger than {} MiB", MAX_BYTES >> 20)));
    }
    if bytes.contains(&0) {
        return Err(cannot("it is not a text file (it holds zero bytes)".into()));
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Source { name, text }),
        Err(e) => {
            let at = e.utf8_error().valid_up_to();
            let line = 1 + e.as_bytes()[..at].iter().filter(|&&b| b == b'\n').count();
            Err(cannot(format!("it is not UTF-8 text (line {line})")))
        }
    }
}

/// Is this the name of a program, not of a configuration?
pub fn is_program(path: &Path) -> bool {
    path.extension().is_some_and(|e| e.eq_ignore_ascii_case("gs"))
}

/// A program's bytecode.
pub fn read_program(path: &Path) -> Result<Arc<Program>, Failure> {
    let source = Arc::new(read_text(path, "program")?);
    gsx_engine::compile_source(source.clone()).map_err(|d| Failure::at(&d, &source))
}
