use std::fmt;

/// Why a text is not YAML as Go reads it, and where.
///
/// `line` and `column` count from 1; both are 0 when no place in a text can be named (a value that
/// JSON cannot hold, for example, found in a tree that was built in memory).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// Line of the offending character, from 1.
    pub line: usize,
    /// Column of the offending character in characters, from 1.
    pub column: usize,
    /// What is wrong, in go-yaml's words where it has some.
    pub message: String,
}

impl Error {
    pub(crate) fn new(at: Mark, message: impl Into<String>) -> Self {
        Self { line: at.line as usize + 1, column: at.column as usize + 1, message: message.into() }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 0 {
            write!(f, "line {}, column {}: ", self.line, self.column)?;
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

/// A place in the text. All three count from 0; `offset` is in bytes, `column` in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Mark {
    pub(crate) offset: usize,
    pub(crate) line: u32,
    pub(crate) column: u32,
}
