//! Why a build failed.

use std::fmt::Write as _;

/// What went wrong in a build, with the steps that led there as its sources.
///
/// `Display` shows this step only; [`Error::chain`] shows all of them, joined by `: ` as kustomize does.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    message: String,
    kind: ErrorKind,
    source: Option<Box<Self>>,
}

/// The kinds of failure that a caller or the engine itself tells apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The input asks for something that makes no sense.
    Invalid,
    /// A file is not YAML at all.
    MalformedYaml,
    /// A file or directory is missing.
    NotFound,
    /// A path leads out of where the build may read.
    Forbidden,
    /// A limit on size, count or depth was hit.
    Limit,
    /// The input needs something that this engine refuses to do, for instance running a program.
    Unsupported,
    /// A remote source could not be read.
    Remote,
    /// A value has another shape than the operation needs; `scalar` says whether it is a scalar.
    WrongKind {
        /// Whether the value found is a scalar.
        scalar: bool,
    },
}

/// The result of everything in this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error about the input.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self::of(ErrorKind::Invalid, message)
    }

    /// An error of a kind.
    pub(crate) fn of(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { message: message.into(), kind, source: None }
    }

    pub(crate) fn wrong_kind(message: String, scalar: bool) -> Self {
        Self::of(ErrorKind::WrongKind { scalar }, message)
    }

    /// Says what was being tried when this happened.
    #[must_use]
    pub(crate) fn during(self, message: impl Into<String>) -> Self {
        Self { message: message.into(), kind: self.kind, source: Some(Box::new(self)) }
    }

    /// The kind of the first cause.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The whole story, outermost step first, joined by `: `.
    pub fn chain(&self) -> String {
        let mut text = self.message.clone();
        let mut next = self.source.as_deref();
        while let Some(error) = next {
            let _ = write!(text, ": {}", error.message);
            next = error.source.as_deref();
        }
        text
    }
}

/// Adds what was being tried to a failure.
pub(crate) trait Context<T> {
    /// See [`Error::during`].
    fn context(self, message: impl FnOnce() -> String) -> Result<T>;
}

impl<T> Context<T> for Result<T> {
    fn context(self, message: impl FnOnce() -> String) -> Self {
        self.map_err(|error| error.during(message()))
    }
}

/// Go's `%q`: the text in double quotes, escaped.
pub(crate) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{b}' => out.push_str("\\v"),
            '\u{c}' => out.push_str("\\f"),
            c if (c as u32) < 0x20 || c as u32 == 0x7f => {
                let _ = write!(out, "\\x{:02x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
