use crate::resolve::Rules;
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
    /// The line go-yaml prints, which is not always the right one; 0 if it prints none.
    go_line: u32,
    /// Whether Go finds it while it unmarshals, in a list of such errors.
    unmarshal: bool,
}

const UNSUPPORTED_KEY: &str = "unsupported map key of type";
const JSON: &str = "json: ";

impl Error {
    /// Something in the document's content, where go-yaml names no line.
    pub(crate) fn new(at: Mark, message: impl Into<String>) -> Self {
        Self {
            line: at.line as usize + 1,
            column: at.column as usize + 1,
            message: message.into(),
            go_line: 0,
            unmarshal: false,
        }
    }

    /// A complaint that has no place.
    pub(crate) fn unplaced(message: &str) -> Self {
        Self { line: 0, column: 0, message: message.to_owned(), go_line: 0, unmarshal: false }
    }

    /// A complaint of the scanner about a text that went wrong at `at`, in a token that started at
    /// `context`.
    pub(crate) fn scanner(rules: Rules, at: Mark, context: Mark, message: &str) -> Self {
        let go_line = match (rules, at.line, context.line) {
            (Rules::V2, 0, context) => context,
            (Rules::V2, at, _) | (Rules::V3, at @ 1.., 0) => at + 1,
            (Rules::V3, 0, 0) => 0,
            (Rules::V3, _, context) => context + 1,
        };
        Self { go_line, ..Self::new(at, message) }
    }

    /// A complaint of the parser about the token at `at`, in something that started at `context`.
    pub(crate) fn parser(rules: Rules, at: Mark, context: Option<Mark>, message: &str) -> Self {
        let context = context.map_or(0, |context| context.line);
        let go_line = match (rules, at.line, context) {
            (Rules::V2, 0, context) => context,
            (Rules::V2, at, _) | (Rules::V3, at, 0) => at,
            (Rules::V3, _, context) => context,
        };
        Self { go_line, ..Self::new(at, message) }
    }

    /// Something in the document's content that Go reports with its line.
    pub(crate) fn unmarshal(at: Mark, message: impl Into<String>) -> Self {
        Self { go_line: at.line + 1, unmarshal: true, ..Self::new(at, message) }
    }

    /// The same complaint about something that stands in no text.
    pub(crate) fn without_place(self) -> Self {
        Self { line: 0, column: 0, ..self }
    }

    /// When Go finds it: while it decodes, at the end of that, when it makes keys texts, when it writes JSON.
    pub(crate) fn round(&self) -> u8 {
        if self.unmarshal {
            1
        } else if self.message.starts_with(UNSUPPORTED_KEY) {
            2
        } else if self.message.starts_with(JSON) {
            3
        } else {
            0
        }
    }

    /// The error as go-yaml words it, with the line it would name, which may be one too low.
    pub fn go_message(&self) -> String {
        match self.go_line {
            line if self.unmarshal => {
                format!("yaml: unmarshal errors:\n  line {line}: {}", self.message)
            }
            // These two are not go-yaml's own.
            0 if self.round() > 1 => self.message.clone(),
            0 => format!("yaml: {}", self.message),
            line => format!("yaml: line {line}: {}", self.message),
        }
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
