//! Go strings: bytes that are usually, but not always, UTF-8.

use std::borrow::{Borrow, Cow};
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::rc::Rc;

/// A Go string: immutable bytes, cheap to clone, usually UTF-8.
#[derive(Clone)]
pub struct Str(Bytes);

/// Most strings are short and copied to where their count of owners stands. Long ones, such as all of a chart printed,
/// stay where they were put together, because twice as much memory would be too much.
#[derive(Clone)]
enum Bytes {
    Short(Rc<[u8]>),
    Long(Rc<Vec<u8>>),
}

/// Strings from this size on are not copied, in bytes.
pub(crate) const LONG: usize = 32 << 10;

impl Str {
    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Bytes::Short(bytes) => bytes,
            Bytes::Long(bytes) => bytes,
        }
    }

    /// The text; invalid bytes become U+FFFD.
    pub fn text(&self) -> Cow<'_, str> {
        lossy(self.as_bytes())
    }

    /// Length in bytes, as Go's `len`.
    pub fn len(&self) -> usize {
        self.as_bytes().len()
    }

    /// True for the empty string.
    pub fn is_empty(&self) -> bool {
        self.as_bytes().is_empty()
    }
}

impl PartialEq for Str {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Str {}

impl PartialOrd for Str {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Str {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

impl Hash for Str {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

impl fmt::Debug for Str {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.text())
    }
}

impl Default for Str {
    fn default() -> Self {
        Self::from("")
    }
}

impl Borrow<[u8]> for Str {
    fn borrow(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl From<&str> for Str {
    fn from(text: &str) -> Self {
        Self::from(text.as_bytes())
    }
}

impl From<&[u8]> for Str {
    fn from(bytes: &[u8]) -> Self {
        Self(Bytes::Short(Rc::from(bytes)))
    }
}

impl From<String> for Str {
    fn from(text: String) -> Self {
        Self::from(text.into_bytes())
    }
}

impl From<Vec<u8>> for Str {
    fn from(mut bytes: Vec<u8>) -> Self {
        if bytes.len() < LONG {
            return Self(Bytes::Short(Rc::from(bytes)));
        }
        // A place that is given back whole is taken again by the next text of its size, one that shrank is not.
        if bytes.capacity() - bytes.len() > bytes.len() / 8 {
            bytes.shrink_to_fit();
        }
        Self(Bytes::Long(Rc::new(bytes)))
    }
}

/// The text of bytes that are usually UTF-8; invalid bytes become U+FFFD.
pub(crate) fn lossy(bytes: &[u8]) -> Cow<'_, str> {
    // Looking whether they are is much faster than looking for what is not.
    std::str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed)
}

/// The runes of Go bytes with the byte length of each: invalid bytes are U+FFFD of length 1.
pub(crate) fn runes(bytes: &[u8]) -> impl Iterator<Item = (char, usize)> + '_ {
    bytes.utf8_chunks().flat_map(|chunk| {
        let valid = chunk.valid().chars().map(|c| (c, c.len_utf8()));
        // Go counts each invalid byte by itself.
        valid.chain(chunk.invalid().iter().map(|_| (char::REPLACEMENT_CHARACTER, 1)))
    })
}

/// The first rune and its length in bytes, looking no further than one rune can reach.
pub(crate) fn first_rune(bytes: &[u8]) -> Option<(char, usize)> {
    match bytes.first() {
        Some(byte) if byte.is_ascii() => Some((char::from(*byte), 1)),
        _ => runes(bytes.get(..4).unwrap_or(bytes)).next(),
    }
}

/// Position of `needle` in `hay`.
pub(crate) fn find(hay: &[u8], needle: &[u8]) -> Option<usize> {
    memchr::memmem::find(hay, needle)
}

/// Splits as Go's `strings.SplitN(text, separator, limit)`; a negative limit means all.
pub(crate) fn split(text: &[u8], separator: &[u8], limit: i64) -> Vec<Vec<u8>> {
    if limit == 0 {
        return Vec::new();
    }
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    if separator.is_empty() {
        return explode(text, most);
    }
    let mut parts = Vec::new();
    let mut rest = text;
    while parts.len() + 1 < most {
        let Some(at) = find(rest, separator) else { break };
        let (head, tail) = rest.split_at(at);
        parts.push(head.to_vec());
        rest = tail.get(separator.len()..).unwrap_or_default();
    }
    parts.push(rest.to_vec());
    parts
}

fn explode(text: &[u8], most: usize) -> Vec<Vec<u8>> {
    let mut parts: Vec<Vec<u8>> = Vec::new();
    let mut rest = text;
    for (_, size) in runes(text) {
        if parts.len() + 1 == most {
            parts.push(rest.to_vec());
            return parts;
        }
        let (head, tail) = rest.split_at_checked(size).unwrap_or((rest, &[]));
        parts.push(head.to_vec());
        rest = tail;
    }
    parts
}

/// Replaces every `old` by `new` as Go's `strings.ReplaceAll`.
pub(crate) fn replace(text: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    if old.is_empty() {
        let mut rest = text;
        out.extend_from_slice(new);
        for (_, size) in runes(text) {
            let (head, tail) = rest.split_at_checked(size).unwrap_or((rest, &[]));
            out.extend_from_slice(head);
            out.extend_from_slice(new);
            rest = tail;
        }
        return out;
    }
    let mut rest = text;
    while let Some(at) = find(rest, old) {
        let (head, tail) = rest.split_at(at);
        out.extend_from_slice(head);
        out.extend_from_slice(new);
        rest = tail.get(old.len()..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_strings_are_like_short_ones() {
        let bytes = vec![b'x'; LONG];
        let (short, long) = (Str::from(bytes.as_slice()), Str::from(bytes));
        assert_eq!(short, long);
        assert_eq!((short.len(), long.len()), (LONG, LONG));
        assert!(long > Str::from("x"));
        assert_eq!(size_of::<Str>(), size_of::<&[u8]>());
    }
}
