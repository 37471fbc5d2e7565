//! Colours, on terminals only.

use std::io::IsTerminal;

/// Adds colours, or leaves text as it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Style {
    on: bool,
}

/// What a piece of text means.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Paint {
    /// As it is.
    #[default]
    Plain,
    /// A heading, or the figure to look at.
    Strong,
    /// Beside the point.
    Faint,
    /// As hoped for.
    Good,
    /// Wrong.
    Bad,
    /// Worth a look.
    Note,
}

impl Style {
    /// No colours.
    #[cfg(test)]
    pub const PLAIN: Style = Style { on: false };

    /// For standard output.
    pub fn stdout() -> Style {
        Style { on: std::io::stdout().is_terminal() && wanted() }
    }

    /// For standard error.
    pub fn stderr() -> Style {
        Style { on: std::io::stderr().is_terminal() && wanted() }
    }

    /// The text in its colour.
    pub fn paint(self, paint: Paint, text: &str) -> String {
        let code = match paint {
            Paint::Plain => return text.to_string(),
            Paint::Strong => "1",
            Paint::Faint => "2",
            Paint::Good => "32",
            Paint::Bad => "1;31",
            Paint::Note => "36",
        };
        if self.on { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_string() }
    }

    /// A heading.
    pub fn strong(self, text: &str) -> String {
        self.paint(Paint::Strong, text)
    }

    /// Text beside the point.
    pub fn faint(self, text: &str) -> String {
        self.paint(Paint::Faint, text)
    }
}

/// Neither NO_COLOR (<https://no-color.org>) nor a terminal without colours.
fn wanted() -> bool {
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|t| t == "dumb");
    !no_color && !dumb
}

/// Columns of the terminal on standard output; none when it is not a terminal.
pub fn terminal_width() -> Option<usize> {
    let (width, _) = terminal_size::terminal_size_of(std::io::stdout())?;
    Some(usize::from(width.0))
}
