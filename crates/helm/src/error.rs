//! The error of this crate.

/// What went wrong, in Helm's words where Helm has some.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct Error {
    text: String,
    rendering: bool,
}

impl Error {
    /// An error with this text.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), rendering: false }
    }

    /// True when the chart was fine but its templates or what they gave was not.
    pub fn is_rendering(&self) -> bool {
        self.rendering
    }

    /// The same error, marked as one of rendering.
    pub(crate) fn rendering(self) -> Self {
        Self { rendering: true, ..self }
    }

    /// The same error after what was being done.
    pub(crate) fn context(self, what: impl std::fmt::Display) -> Self {
        Self { text: format!("{what}: {}", self.text), ..self }
    }
}

impl From<gotemplate::Error> for Error {
    fn from(error: gotemplate::Error) -> Self {
        Self::new(error.0)
    }
}

pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;
