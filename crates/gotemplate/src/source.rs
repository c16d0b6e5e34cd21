//! What templates are parsed from.

use std::ops::Deref;

use bytes::Bytes;

use crate::text::Str;

/// The text of a template. It is shared with who loaded it, because charts bring megabytes of templates.
#[derive(Debug, Clone)]
pub struct Source(Owner);

#[derive(Debug, Clone)]
enum Owner {
    /// A string that was made while rendering.
    Made(Str),
    /// A file that was loaded.
    Loaded(Bytes),
}

impl Source {
    /// All of it, if it was loaded.
    pub(crate) fn loaded(&self) -> Option<&Bytes> {
        match &self.0 {
            Owner::Made(_) => None,
            Owner::Loaded(bytes) => Some(bytes),
        }
    }
}

impl Deref for Source {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Owner::Made(text) => text.as_bytes(),
            Owner::Loaded(bytes) => bytes,
        }
    }
}

impl From<Str> for Source {
    fn from(text: Str) -> Self {
        Self(Owner::Made(text))
    }
}

impl From<Bytes> for Source {
    fn from(bytes: Bytes) -> Self {
        Self(Owner::Loaded(bytes))
    }
}

impl From<&[u8]> for Source {
    fn from(bytes: &[u8]) -> Self {
        Str::from(bytes).into()
    }
}

impl From<&str> for Source {
    fn from(text: &str) -> Self {
        Str::from(text).into()
    }
}
