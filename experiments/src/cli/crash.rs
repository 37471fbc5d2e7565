//! No panic reaches a user as one.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::Write;
use std::panic;
use std::sync::atomic::{AtomicBool, Ordering};

use super::failure::STATUS_WRONG_CODE;

/// Set when the panic was only that nobody reads standard output any more.
static CLOSED_OUTPUT: AtomicBool = AtomicBool::new(false);

/// Makes a panic a message that says whose fault it is and what to do.
pub fn install_hook() {
    panic::set_hook(Box::new(|info| {
        let payload = info.payload();
        let what = payload
            .downcast_ref::<&str>()
            .map(|s| s.to_string())
            .or_else(|| payload.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "unknown cause".to_string());
        // The standard library's `print!` panics so when the reader of a pipe is gone.
        if what.starts_with("failed printing to stdout") {
            CLOSED_OUTPUT.store(true, Ordering::Relaxed);
            return;
        }
        let place = info.location().map(|l| format!(" ({}:{})", l.file(), l.line())).unwrap_or_default();
        let mut text = format!(
            "error: internal error: {what}{place}\nhelp: this is a bug in gsx, not in your program; please report it \
             with the command and the files it read"
        );
        let backtrace = Backtrace::capture();
        match backtrace.status() {
            BacktraceStatus::Captured => text.push_str(&format!("\n{backtrace}")),
            _ => text.push_str(" (RUST_BACKTRACE=1 adds a backtrace)"),
        }
        let _ = writeln!(std::io::stderr(), "{text}");
    }));
}

/// Exit status after a panic.
pub fn status() -> u8 {
    if CLOSED_OUTPUT.load(Ordering::Relaxed) { 0 } else { STATUS_WRONG_CODE }
}
