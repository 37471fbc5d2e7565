//! Where printed text goes.

use std::io::{self, Write};

/// Where printed text goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Output {
    /// Kept in memory for [`Vm::take_output`](super::Vm::take_output).
    #[default]
    Capture,
    /// Standard output, buffered.
    Stdout,
}

/// Buffered printed text.
pub(crate) struct OutputBuffer {
    mode: Output,
    buffer: Vec<u8>,
    /// Nothing more can be written.
    closed: bool,
    /// Why, unless nobody reads on: that is no error.
    error: Option<io::Error>,
}

const FLUSH_AT: usize = 1 << 16;
/// Most bytes of printed text that are kept in memory.
pub(super) const MAX_CAPTURE: usize = 1 << 28;

impl OutputBuffer {
    pub fn new(mode: Output) -> OutputBuffer {
        OutputBuffer { mode, buffer: Vec::new(), closed: false, error: None }
    }

    /// Appends text. False if there would be too much of it to keep.
    #[must_use]
    pub fn write(&mut self, bytes: &[u8]) -> bool {
        if self.buffer.len() + bytes.len() > MAX_CAPTURE && self.mode == Output::Capture {
            return false;
        }
        self.buffer.extend_from_slice(bytes);
        if self.mode == Output::Stdout && self.buffer.len() >= FLUSH_AT {
            self.flush();
        }
        true
    }

    /// Hands buffered text to standard output.
    pub fn flush(&mut self) {
        if self.mode == Output::Stdout {
            if !self.closed {
                let mut out = io::stdout().lock();
                if let Err(e) = out.write_all(&self.buffer).and_then(|()| out.flush()) {
                    self.closed = true;
                    self.error = Some(e).filter(|e| e.kind() != io::ErrorKind::BrokenPipe);
                }
            }
            self.buffer.clear();
        }
    }

    /// Writes what is buffered; gives the first error since the last time it was asked for.
    pub fn finish(&mut self) -> io::Result<()> {
        self.flush();
        self.error.take().map_or(Ok(()), Err)
    }

    /// Takes captured text.
    pub fn take(&mut self) -> Vec<u8> {
        match self.mode {
            Output::Capture => std::mem::take(&mut self.buffer),
            Output::Stdout => Vec::new(),
        }
    }
}

impl Drop for OutputBuffer {
    fn drop(&mut self) {
        self.flush();
    }
}
