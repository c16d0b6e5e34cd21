//! Go's `strconv.Quote` and `strconv.Unquote`.

use std::fmt::Write as _;
use std::sync::OnceLock;

use regex::Regex;

use crate::text::{Str, first_rune};
use crate::{Error, Result};

/// Go's `strconv.Quote`.
pub fn quote(text: &[u8]) -> String {
    quote_with(text, '"', false)
}

/// Go's `strconv.QuoteToASCII`.
pub(crate) fn quote_ascii(text: &[u8]) -> String {
    quote_with(text, '"', true)
}

/// Go's `strconv.QuoteRune`, or `QuoteRuneToASCII`.
pub(crate) fn quote_rune(rune: char, ascii: bool) -> String {
    let mut out = String::from("'");
    push_escaped(&mut out, rune, '\'', ascii);
    out.push('\'');
    out
}

fn quote_with(text: &[u8], delimiter: char, ascii: bool) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push(delimiter);
    for chunk in text.utf8_chunks() {
        for c in chunk.valid().chars() {
            push_escaped(&mut out, c, delimiter, ascii);
        }
        for byte in chunk.invalid() {
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    out.push(delimiter);
    out
}

fn push_escaped(out: &mut String, c: char, delimiter: char, ascii: bool) {
    match c {
        '\\' => out.push_str("\\\\"),
        c if c == delimiter => {
            out.push('\\');
            out.push(c);
        }
        c if is_printable(c) && (!ascii || c.is_ascii()) => out.push(c),
        '\u{7}' => out.push_str("\\a"),
        '\u{8}' => out.push_str("\\b"),
        '\u{c}' => out.push_str("\\f"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\u{b}' => out.push_str("\\v"),
        c => {
            let code = u32::from(c);
            let _ = match code {
                0..0x20 | 0x7f => write!(out, "\\x{code:02x}"),
                0..0x1_0000 => write!(out, "\\u{code:04x}"),
                _ => write!(out, "\\U{code:08x}"),
            };
        }
    }
}

/// Go's `unicode.IsPrint`: letters, marks, numbers, punctuation, symbols and the ASCII space.
pub(crate) fn is_printable(c: char) -> bool {
    static PRINTABLE: OnceLock<Option<Regex>> = OnceLock::new();
    if c.is_ascii() {
        return (' '..='~').contains(&c);
    }
    let class = PRINTABLE.get_or_init(|| Regex::new(r"^[\p{L}\p{M}\p{N}\p{P}\p{S}]$").ok());
    let mut buffer = [0; 4];
    class.as_ref().is_some_and(|class| class.is_match(c.encode_utf8(&mut buffer)))
}

/// Go's `strconv.CanBackquote`.
pub(crate) fn can_backquote(text: &[u8]) -> bool {
    std::str::from_utf8(text).is_ok_and(|text| {
        text.chars()
            .all(|c| c != '\u{feff}' && c != '`' && c != '\u{7f}' && (c >= ' ' || c == '\t'))
    })
}

/// The value of a quoted or raw string constant of a template.
pub(crate) fn unquote(text: &[u8]) -> Result<Str> {
    let invalid = || Error::new("invalid syntax");
    if let Some(raw) = text.strip_prefix(b"`").and_then(|t| t.strip_suffix(b"`")) {
        if !raw.contains(&b'\r') {
            return Ok(Str::from(raw));
        }
        let kept: Vec<u8> = raw.iter().copied().filter(|b| *b != b'\r').collect();
        return Ok(Str::from(kept));
    }
    let inner = text.strip_prefix(b"\"").and_then(|t| t.strip_suffix(b"\"")).ok_or_else(invalid)?;
    if memchr::memchr3(b'"', b'\\', b'\n', inner).is_none() {
        return Ok(Str::from(inner));
    }
    let mut out = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while let Some((unit, tail)) = next_unit(rest, b'"') {
        match unit {
            Unit::Byte(byte) => out.push(byte),
            Unit::Rune(c) => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            Unit::Invalid => return Err(invalid()),
        }
        rest = tail;
    }
    Ok(Str::from(out))
}

/// The code of a character constant (`'a'`); `None` when it is malformed.
pub(crate) fn unquote_rune(text: &str) -> Option<u32> {
    let inner = text.strip_prefix('\'')?.strip_suffix('\'')?.as_bytes();
    let (first, rest) = first_rune(inner).and_then(|(c, n)| Some((c, inner.get(n..)?)))?;
    if first != '\\' {
        return rest.is_empty().then_some(u32::from(first));
    }
    let (unit, tail) = next_unit(inner, b'\'')?;
    if !tail.is_empty() {
        return None;
    }
    match unit {
        Unit::Byte(byte) => Some(u32::from(byte)),
        Unit::Rune(c) => Some(u32::from(c)),
        Unit::Invalid => None,
    }
}

enum Unit {
    Byte(u8),
    Rune(char),
    Invalid,
}

/// The next character or escape of a quoted string and what follows it.
fn next_unit(text: &[u8], quote: u8) -> Option<(Unit, &[u8])> {
    let (first, rest) = text.split_first()?;
    if *first != b'\\' {
        let bad = *first == quote || *first == b'\n';
        return Some((if bad { Unit::Invalid } else { Unit::Byte(*first) }, rest));
    }
    let Some((kind, rest)) = rest.split_first() else { return Some((Unit::Invalid, rest)) };
    let unit = match kind {
        b'a' => Unit::Byte(7),
        b'b' => Unit::Byte(8),
        b'f' => Unit::Byte(12),
        b'n' => Unit::Byte(b'\n'),
        b'r' => Unit::Byte(b'\r'),
        b't' => Unit::Byte(b'\t'),
        b'v' => Unit::Byte(11),
        b'\\' => Unit::Byte(b'\\'),
        kind if *kind == quote => Unit::Byte(quote),
        b'x' => return Some(digits(rest, 2, 16, true)),
        b'u' => return Some(digits(rest, 4, 16, false)),
        b'U' => return Some(digits(rest, 8, 16, false)),
        b'0'..=b'7' => {
            let all = text.get(1..).unwrap_or_default();
            return Some(digits(all, 3, 8, true));
        }
        _ => Unit::Invalid,
    };
    Some((unit, rest))
}

fn digits(text: &[u8], count: usize, radix: u32, byte: bool) -> (Unit, &[u8]) {
    let Some((digits, rest)) = text.split_at_checked(count) else { return (Unit::Invalid, &[]) };
    let code = std::str::from_utf8(digits)
        .ok()
        .filter(|d| d.chars().all(|c| c.is_digit(radix)))
        .and_then(|d| u32::from_str_radix(d, radix).ok());
    let unit = match code {
        Some(code) if byte => u8::try_from(code).map_or(Unit::Invalid, Unit::Byte),
        Some(code) => char::from_u32(code).map_or(Unit::Invalid, Unit::Rune),
        None => Unit::Invalid,
    };
    (unit, rest)
}
