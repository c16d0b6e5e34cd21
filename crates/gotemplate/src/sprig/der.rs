//! Just enough DER and PEM to write certificates and to read the few fields that signing needs.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;
pub(super) const INTEGER: u8 = 0x02;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const OID: u8 = 0x06;

/// A tagged value with its length.
pub(super) fn tagged(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    let length = content.len();
    if let Ok(short @ 0..0x80) = u8::try_from(length) {
        out.push(short);
    } else {
        let bytes = length.to_be_bytes();
        let significant: Vec<u8> = bytes.iter().copied().skip_while(|b| *b == 0).collect();
        out.push(0x80 | u8::try_from(significant.len()).unwrap_or_default());
        out.extend(significant);
    }
    out.extend_from_slice(content);
    out
}

/// A sequence of encoded values.
pub(super) fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    tagged(SEQUENCE, &parts.concat())
}

/// A non-negative integer from its big-endian bytes.
pub(super) fn integer(bytes: &[u8]) -> Vec<u8> {
    let mut significant: Vec<u8> = bytes.iter().copied().skip_while(|b| *b == 0).collect();
    if significant.first().is_none_or(|b| *b >= 0x80) {
        significant.insert(0, 0);
    }
    tagged(INTEGER, &significant)
}

/// A bit string of whole bytes.
pub(super) fn bit_string(bytes: &[u8]) -> Vec<u8> {
    tagged(BIT_STRING, &[&[0], bytes].concat())
}

/// One value read from DER.
#[derive(Debug, Clone, Copy)]
pub(super) struct Element<'a> {
    pub(super) tag: u8,
    pub(super) content: &'a [u8],
    /// Tag, length and content together.
    pub(super) whole: &'a [u8],
}

/// Reads one value; gives it and what follows.
pub(super) fn read(bytes: &[u8]) -> Option<(Element<'_>, &[u8])> {
    let (tag, rest) = bytes.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = if *first < 0x80 {
        (usize::from(*first), rest)
    } else {
        let (digits, rest) = rest.split_at_checked(usize::from(*first & 0x7f))?;
        if digits.len() > 4 {
            return None;
        }
        (digits.iter().fold(0, |total, digit| total << 8 | usize::from(*digit)), rest)
    };
    let (content, tail) = rest.split_at_checked(length)?;
    let whole = bytes.get(..bytes.len() - tail.len())?;
    Some((Element { tag: *tag, content, whole }, tail))
}

/// All values that stand one after the other.
pub(super) fn read_all(mut bytes: &[u8]) -> Option<Vec<Element<'_>>> {
    let mut elements = Vec::new();
    while !bytes.is_empty() {
        let (element, rest) = read(bytes)?;
        elements.push(element);
        bytes = rest;
    }
    Some(elements)
}

/// A PEM block.
pub(super) fn pem(kind: &str, bytes: &[u8]) -> String {
    let mut body = String::new();
    let text = STANDARD.encode(bytes);
    for (index, c) in text.chars().enumerate() {
        if index > 0 && index % 64 == 0 {
            body.push('\n');
        }
        body.push(c);
    }
    format!("-----BEGIN {kind}-----\n{body}\n-----END {kind}-----\n")
}

/// The first PEM block: its kind and its bytes.
pub(super) fn read_pem(text: &str) -> Option<(String, Vec<u8>)> {
    let (_, after) = text.split_once("-----BEGIN ")?;
    let (kind, after) = after.split_once("-----")?;
    let (body, _) = after.split_once(&format!("-----END {kind}-----"))?;
    // Headers (`Proc-Type: ...`) end with an empty line.
    let body = match body.split_once("\n\n") {
        Some((headers, body)) if headers.contains(':') => body,
        _ => body,
    };
    let digits: String = body.chars().filter(|c| !c.is_whitespace()).collect();
    Some((kind.to_owned(), STANDARD.decode(digits).ok()?))
}
