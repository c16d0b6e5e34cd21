use crate::error::Mark;
use crate::node::ScalarStyle;
use std::borrow::Cow;

/// A token, from `start` up to but not including `end`.
#[derive(Debug, Clone)]
pub(crate) struct Token<'a> {
    pub(crate) kind: Kind,
    pub(crate) start: Mark,
    pub(crate) end: Mark,
    pub(crate) payload: Payload<'a>,
}

impl<'a> Token<'a> {
    pub(super) fn new(kind: Kind, start: Mark, end: Mark) -> Self {
        Self { kind, start, end, payload: Payload::None }
    }

    pub(super) fn with(self, payload: Payload<'a>) -> Self {
        Self { payload, ..self }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    StreamStart,
    StreamEnd,
    VersionDirective,
    TagDirective,
    DocumentStart,
    DocumentEnd,
    BlockSequenceStart,
    BlockMappingStart,
    BlockEnd,
    FlowSequenceStart,
    FlowSequenceEnd,
    FlowMappingStart,
    FlowMappingEnd,
    BlockEntry,
    FlowEntry,
    Key,
    Value,
    Alias,
    Anchor,
    Tag,
    Scalar,
}

/// What a token holds besides its kind.
#[derive(Debug, Clone)]
pub(crate) enum Payload<'a> {
    None,
    /// Of `%YAML`.
    Version(u32, u32),
    /// Of a tag: handle and suffix. Of `%TAG`: handle and prefix.
    Tag(Box<(String, String)>),
    /// Of an anchor or alias.
    Name(&'a str),
    Scalar(Cow<'a, str>, ScalarStyle),
}
