//! Lines for a log, in the form of Go's `slog` text handler.

use std::fmt;

use crate::quote::{is_printable, quote};

/// How much a line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// For those who look for a mistake.
    Debug,
    /// For those who want to know.
    Info,
    /// Something is probably wrong.
    Warn,
    /// Something is wrong.
    Error,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Warn => "WARN",
            Self::Error => "ERROR",
        })
    }
}

/// Something worth telling that is no error.
#[derive(Debug, Clone, Copy)]
pub struct LogLine<'l> {
    /// How much it matters.
    pub level: Level,
    /// What happened.
    pub message: &'l str,
    /// To what: names with texts.
    pub fields: &'l [(&'l str, &'l str)],
}

impl fmt::Display for LogLine<'_> {
    /// `level=WARN msg="what happened" name=text`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "level={} msg={}", self.level, shown(self.message))?;
        self.fields.iter().try_for_each(|(name, text)| write!(f, " {name}={}", shown(text)))
    }
}

/// A text, in quotes where it could be misread without.
fn shown(text: &str) -> String {
    let plain = |c: char| match c {
        ' ' | '=' | '"' | '\u{fffd}' => false,
        '\u{7f}' => true,
        c => is_printable(c),
    };
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        quote(text.as_bytes())
    }
}
