//! Syntax errors and how they are shown.

use std::fmt;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use crate::bytecode::{Pos, Source};

/// An error that the front end found: a place, what is wrong there, and where possible the way out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Diagnostic {
    /// File name, as in [`Source::name`].
    pub file: String,
    /// What is wrong, in one line without the place.
    pub message: String,
    /// Where.
    pub pos: Pos,
    /// How many bytes of the source line it covers (0: just the place).
    pub len: u32,
    /// A few words shown beside the caret.
    pub label: Option<String>,
    /// What to write instead.
    pub help: Option<String>,
}

impl std::error::Error for Diagnostic {}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.pos, self.message)?;
        if let Some(help) = &self.help {
            write!(f, " ({help})")?;
        }
        Ok(())
    }
}

/// Bytes of a line shown on either side of the error; longer lines are cut.
const WINDOW: usize = 60;

impl Diagnostic {
    /// The message with its place, the source line and a caret, as plain text without colours.
    ///
    /// `source` must be the source the diagnostic came from; with another one the excerpt is merely meaningless.
    pub fn render(&self, source: &Source) -> String {
        let line = source.line(self.pos.line).unwrap_or("");
        let (excerpt, at) = window(line, (self.pos.col as usize).saturating_sub(1));
        let end = at + char_len(&excerpt, at, self.len as usize);
        let mut annotation = AnnotationKind::Primary.span(at..end);
        if let Some(label) = &self.label {
            annotation = annotation.label(label);
        }
        let snippet = Snippet::source(excerpt).line_start(self.pos.line as usize).annotation(annotation);
        let mut group = Group::with_title(Level::ERROR.primary_title(&self.message)).element(snippet);
        if let Some(help) = &self.help {
            group = group.element(Level::HELP.message(help));
        }
        let text = Renderer::plain().render(&[group]);
        // The renderer would count the column in the excerpt, so the place is put in here.
        let (title, rest) = text.split_once('\n').unwrap_or((&text, ""));
        let indent = " ".repeat(self.pos.line.to_string().len());
        format!("{title}\n{indent}--> {}:{}\n{rest}\n", self.file, self.pos)
    }
}

/// The part of `line` around byte `at`, with the byte's place in it.
fn window(line: &str, at: usize) -> (String, usize) {
    let at = floor_boundary(line, at.min(line.len()));
    if line.len() <= 3 * WINDOW {
        return (line.to_owned(), at);
    }
    let from = floor_boundary(line, at.saturating_sub(WINDOW));
    let to = floor_boundary(line, (at + WINDOW).min(line.len()));
    let mut text = String::new();
    if from > 0 {
        text.push_str("... ");
    }
    let at = text.len() + at - from;
    text.push_str(&line[from..to]);
    if to < line.len() {
        text.push_str(" ...");
    }
    (text, at)
}

/// Bytes of `text` from `at` to mark: `len`, whole characters, within the text.
fn char_len(text: &str, at: usize, len: usize) -> usize {
    let mut end = at.saturating_add(len).min(text.len());
    while !text.is_char_boundary(end) {
        end += 1;
    }
    end - at
}

/// The nearest character boundary at or before `at`.
fn floor_boundary(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// An error before its line and column are known: what the lexer, the parser and the compiler pass on.
#[derive(Debug)]
pub(crate) struct Problem {
    /// What is wrong.
    pub message: String,
    /// Byte offset in the source.
    pub at: u32,
    /// Bytes covered.
    pub len: u32,
    /// Text beside the caret.
    pub label: Option<String>,
    /// The way out.
    pub help: Option<String>,
}

/// Result of a front-end step. Boxed, because every recursive function returns it.
pub(crate) type Checked<T> = Result<T, Box<Problem>>;

impl Problem {
    /// A problem at byte `at`.
    pub fn new(message: impl Into<String>, at: u32) -> Box<Problem> {
        Box::new(Problem { message: message.into(), at, len: 1, label: None, help: None })
    }

    /// Covers `len` bytes.
    pub fn len(mut self: Box<Self>, len: u32) -> Box<Problem> {
        self.len = len;
        self
    }

    /// With text beside the caret.
    pub fn label(mut self: Box<Self>, label: impl Into<String>) -> Box<Problem> {
        self.label = Some(label.into());
        self
    }

    /// With a way out.
    pub fn help(mut self: Box<Self>, help: impl Into<String>) -> Box<Problem> {
        self.help = Some(help.into());
        self
    }

    /// With its place.
    pub fn locate(self, source: &Source, lines: &LineMap) -> Diagnostic {
        Diagnostic {
            file: source.name.clone(),
            message: self.message,
            pos: lines.pos(self.at),
            len: self.len,
            label: self.label,
            help: self.help,
        }
    }
}

/// Where each line of a source starts: byte offsets to lines and columns.
pub(crate) struct LineMap {
    starts: Vec<u32>,
}

impl LineMap {
    /// Of this text, or of its first 4 GiB.
    pub fn new(text: &str) -> LineMap {
        let ends = text.bytes().take(u32::MAX as usize).enumerate().filter(|&(_, b)| b == b'\n');
        let starts = std::iter::once(0).chain(ends.map(|(i, _)| i as u32 + 1)).collect();
        LineMap { starts }
    }

    /// Line and column of a byte offset.
    pub fn pos(&self, offset: u32) -> Pos {
        let line = self.starts.partition_point(|&start| start <= offset);
        let start = line.checked_sub(1).map_or(0, |i| self.starts[i]);
        Pos { line: line as u32, col: offset - start + 1 }
    }
}
