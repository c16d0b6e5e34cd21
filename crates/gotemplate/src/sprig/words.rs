//! Words, case and encodings of text, as the Go libraries under Sprig see them.

use std::sync::OnceLock;

use regex::Regex;

/// The simple upper-case mapping of a character.
fn to_upper(c: char) -> char {
    let mut upper = c.to_uppercase();
    match (upper.next(), upper.next()) {
        (Some(only), None) => only,
        _ => c,
    }
}

/// The simple lower-case mapping of a character.
fn to_lower(c: char) -> char {
    if c == '\u{130}' {
        return 'i';
    }
    let mut lower = c.to_lowercase();
    match (lower.next(), lower.next()) {
        (Some(only), None) => only,
        _ => c,
    }
}

pub(super) fn upper(text: &str) -> String {
    text.chars().map(to_upper).collect()
}

pub(super) fn lower(text: &str) -> String {
    text.chars().map(to_lower).collect()
}

/// Go's `strings.Title`.
pub(super) fn title(text: &str) -> String {
    let mut previous = ' ';
    text.chars()
        .map(|c| {
            let starts = separates(previous);
            previous = c;
            if starts { to_upper(c) } else { c }
        })
        .collect()
}

fn separates(c: char) -> bool {
    if c.is_ascii() {
        return !(c.is_ascii_alphanumeric() || c == '_');
    }
    !(c.is_alphabetic() || c.is_numeric()) && c.is_whitespace()
}

/// Lower-cases the first letter of each word.
pub(super) fn untitle(text: &str) -> String {
    let mut start = true;
    text.chars()
        .map(|c| {
            if c.is_whitespace() {
                start = true;
                c
            } else if std::mem::take(&mut start) {
                to_lower(c)
            } else {
                c
            }
        })
        .collect()
}

/// Swaps case; a lower-case letter at the start of a word gets title case.
pub(super) fn swap_case(text: &str) -> String {
    let mut space = true;
    text.chars()
        .map(|c| {
            if c.is_uppercase() {
                space = false;
                to_lower(c)
            } else if c.is_lowercase() {
                space = false;
                to_upper(c)
            } else {
                space = c.is_whitespace();
                c
            }
        })
        .collect()
}

pub(super) fn initials(text: &str) -> String {
    // The library takes each byte for a character.
    let letters: String = text.bytes().map(char::from).collect();
    letters.split_whitespace().filter_map(|word| word.chars().next()).collect()
}

/// Removes white space byte by byte, each byte taken for a Latin-1 character, as the library does.
pub(super) fn without_space(text: &[u8]) -> Vec<u8> {
    let is_space = |b: u8| matches!(b, b'\t'..=b'\r' | b' ' | 0x85 | 0xa0);
    if !text.iter().any(|b| is_space(*b)) {
        return text.to_vec();
    }
    let kept: String = text.iter().filter(|b| !is_space(**b)).map(|b| char::from(*b)).collect();
    kept.into_bytes()
}

pub(super) fn abbreviate(text: &[u8], offset: usize, width: usize) -> Vec<u8> {
    const MARK: &[u8] = b"...";
    if text.len() <= width {
        return text.to_vec();
    }
    let mut offset = offset.min(text.len());
    let shown = width.saturating_sub(3);
    if text.len() - offset < shown {
        offset = text.len() - shown;
    }
    if offset <= 4 {
        return [text.get(..shown).unwrap_or(text), MARK].concat();
    }
    if width < 7 {
        return Vec::new();
    }
    if offset + shown < text.len() {
        let tail = abbreviate(text.get(offset..).unwrap_or_default(), 0, shown);
        return [MARK, &tail].concat();
    }
    [MARK, text.get(text.len() - shown..).unwrap_or_default()].concat()
}

/// Wraps at spaces; words longer than the width are cut only when asked.
pub(super) fn wrap(text: &[u8], width: usize, separator: &[u8], long_words: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while rest.len() > width {
        if let Some(tail) = rest.strip_prefix(b" ") {
            rest = tail;
            continue;
        }
        let window = rest.get(..=width).unwrap_or(rest);
        let space = window.iter().rposition(|b| *b == b' ').or_else(|| {
            let tail = rest.get(width..).filter(|_| !long_words)?;
            tail.iter().position(|b| *b == b' ').map(|at| at + width)
        });
        let (line, tail) = match space {
            Some(at) => (rest.get(..at), rest.get(at + 1..)),
            None if long_words => (rest.get(..width), rest.get(width..)),
            None => break,
        };
        out.extend_from_slice(line.unwrap_or_default());
        out.extend_from_slice(separator);
        rest = tail.unwrap_or_default();
    }
    out.extend_from_slice(rest);
    out
}

fn is_connector(c: char) -> bool {
    c == '-' || c == '_' || c.is_whitespace()
}

fn is_punctuation(c: char) -> bool {
    static CLASS: OnceLock<Option<Regex>> = OnceLock::new();
    if c.is_ascii() {
        return c.is_ascii_punctuation() && !"$+<=>^`|~".contains(c);
    }
    let class = CLASS.get_or_init(|| Regex::new(r"^\p{P}$").ok());
    class.as_ref().is_some_and(|class| class.is_match(c.encode_utf8(&mut [0; 4])))
}

/// A letter, save the CJK ideographs.
fn is_alphabet(c: char) -> bool {
    c.is_alphabetic()
        && !matches!(c, '\u{4E00}'..='\u{9FCC}' | '\u{3400}'..='\u{4D85}' | '\u{20000}'..='\u{2B81D}')
}

/// `some_words` becomes `SomeWords`.
pub(super) fn pascal(text: &str) -> String {
    let mut out = String::new();
    let mut chars = text.chars();
    let mut first_upper = false;
    let mut current = None;
    let mut last_connector = None;
    for c in chars.by_ref() {
        if !is_connector(c) {
            first_upper = c.is_uppercase();
            current = Some(to_upper(c));
            break;
        }
        out.push(c);
        last_connector = Some(c);
    }
    let rest: Vec<char> = chars.collect();
    let Some(mut current) = current else {
        // Only connectors: the library writes the last one twice.
        out.extend(last_connector);
        return out;
    };
    for next in rest {
        let previous = std::mem::replace(&mut current, next);
        if is_connector(current) && is_connector(previous) {
            out.push(previous);
            continue;
        }
        if is_connector(previous) {
            first_upper = current.is_uppercase();
            current = to_upper(current);
        } else {
            if first_upper {
                if current.is_uppercase() {
                    current = to_lower(current);
                } else {
                    first_upper = false;
                }
            }
            out.push(previous);
        }
    }
    out.push(current);
    out
}

/// The kinds of words that snake case tells apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Invalid,
    Number,
    Upper,
    Alphabet,
    Connector,
    Punctuation,
    Other,
}

/// `SomeWords` becomes `some_words`, or with dashes.
pub(super) fn snake(text: &str, connector: char) -> String {
    let mut out = String::new();
    if text.is_empty() {
        return out;
    }
    let (mut kind, mut word, mut rest) = next_word(text);
    while !rest.is_empty() {
        if kind != Kind::Connector {
            push_lower(&mut out, kind, word, connector);
        }
        let (previous, last) = (kind, word);
        (kind, word, rest) = next_word(rest);
        match previous {
            Kind::Number => {
                while matches!(kind, Kind::Alphabet | Kind::Number) {
                    push_lower(&mut out, kind, word, connector);
                    (kind, word, rest) = next_word(rest);
                }
                if !matches!(kind, Kind::Invalid | Kind::Punctuation | Kind::Connector) {
                    out.push(connector);
                }
            }
            Kind::Connector => push_lower(&mut out, previous, last, connector),
            Kind::Punctuation => {}
            _ if kind != Kind::Number => {
                if !matches!(kind, Kind::Connector | Kind::Punctuation) {
                    out.push(connector);
                }
            }
            _ if rest.is_empty() => {}
            _ => {
                let number = word;
                (kind, word, rest) = next_word(rest);
                if kind != Kind::Alphabet {
                    push_lower(&mut out, Kind::Number, number, connector);
                    if !matches!(kind, Kind::Connector | Kind::Punctuation) {
                        out.push(connector);
                    }
                    continue;
                }
                out.push(connector);
                push_lower(&mut out, Kind::Number, number, connector);
                while matches!(kind, Kind::Alphabet | Kind::Number) {
                    push_lower(&mut out, kind, word, connector);
                    (kind, word, rest) = next_word(rest);
                }
                if !matches!(kind, Kind::Invalid | Kind::Connector | Kind::Punctuation) {
                    out.push(connector);
                }
            }
        }
    }
    push_lower(&mut out, kind, word, connector);
    out
}

fn push_lower(out: &mut String, kind: Kind, word: &str, connector: char) {
    if !matches!(kind, Kind::Upper | Kind::Connector) {
        out.push_str(word);
        return;
    }
    for c in word.chars() {
        out.push(if is_connector(c) { connector } else { to_lower(c) });
    }
}

fn take(text: &str, accept: impl Fn(char) -> bool) -> usize {
    text.chars().take_while(|c| accept(*c)).map(char::len_utf8).sum()
}

/// The next word, its kind and what follows.
fn next_word(text: &str) -> (Kind, &str, &str) {
    let Some(first) = text.chars().next() else { return (Kind::Invalid, "", "") };
    let tail = text.get(first.len_utf8()..).unwrap_or_default();
    let lower = |c: char| is_alphabet(c) && !c.is_uppercase();
    let (kind, more) = if is_connector(first) {
        (Kind::Connector, take(tail, is_connector))
    } else if is_punctuation(first) {
        (Kind::Punctuation, take(tail, is_punctuation))
    } else if first.is_uppercase() {
        (Kind::Upper, upper_word(tail))
    } else if is_alphabet(first) {
        (Kind::Alphabet, take(tail, lower))
    } else if first.is_numeric() {
        (Kind::Number, take(tail, char::is_numeric))
    } else {
        let other =
            |c: char| !(is_connector(c) || is_alphabet(c) || c.is_numeric() || is_punctuation(c));
        (Kind::Other, take(tail, other))
    };
    let size = first.len_utf8() + more;
    let (word, rest) = text.split_at_checked(size).unwrap_or((text, ""));
    (kind, word, rest)
}

/// How much of what follows an upper-case letter belongs to its word: `HTTPServer` is `HTTP` and
/// `Server`.
fn upper_word(tail: &str) -> usize {
    let Some(second) = tail.chars().next() else { return 0 };
    if second.is_uppercase() {
        let size = take(tail, char::is_uppercase);
        let after = tail.get(size..).and_then(|t| t.chars().next());
        let last = tail.get(..size).and_then(|t| t.chars().next_back()).map_or(0, char::len_utf8);
        return if after.is_some_and(is_alphabet) { size - last } else { size };
    }
    if is_alphabet(second) {
        return take(tail, |c| is_alphabet(c) && !c.is_uppercase());
    }
    0
}

const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// Standard base32 with padding.
pub(super) fn base32(bytes: &[u8]) -> String {
    let mut out = String::new();
    for block in bytes.chunks(5) {
        let mut bits = 0_u64;
        for index in 0..5 {
            bits = bits << 8 | u64::from(block.get(index).copied().unwrap_or_default());
        }
        let digits = (block.len() * 8).div_ceil(5);
        for index in 0..8 {
            if index >= digits {
                out.push('=');
                continue;
            }
            let value = usize::try_from(bits >> (35 - 5 * index) & 31).unwrap_or_default();
            out.push(BASE32.get(value).map_or('A', |b| char::from(*b)));
        }
    }
    out
}

/// Decodes base32; the text of the error when it is not base32.
pub(super) fn base32_decode(text: &str) -> Vec<u8> {
    let clean: Vec<u8> = text.bytes().filter(|b| !matches!(b, b'\r' | b'\n')).collect();
    base32_bytes(&clean)
        .unwrap_or_else(|at| format!("illegal base32 data at input byte {at}").into_bytes())
}

/// Decodes base32, or tells the byte at which Go's decoder gives up.
fn base32_bytes(clean: &[u8]) -> Result<Vec<u8>, usize> {
    let mut out = Vec::new();
    let mut at = 0;
    while at < clean.len() {
        let (mut bits, mut digits) = (0_u64, 0);
        while digits < 8 {
            let Some(byte) = clean.get(at) else { return Err(clean.len() - digits) };
            let rest = clean.get(at + 1..).unwrap_or_default();
            if *byte == b'=' && digits >= 2 && rest.len() < 8 {
                if rest.len() + digits < 7 {
                    return Err(clean.len());
                }
                if let Some(bad) = rest.iter().take(7 - digits).position(|b| *b != b'=') {
                    return Err(at + bad);
                }
                if matches!(digits, 3 | 6) {
                    return Err(at);
                }
                bits <<= 5 * (8 - digits);
                out.extend(bits.to_be_bytes().iter().skip(3).take(digits * 5 / 8));
                return Ok(out);
            }
            let value = BASE32.iter().position(|b| b == byte).ok_or(at)?;
            bits = bits << 5 | value as u64;
            digits += 1;
            at += 1;
        }
        out.extend(bits.to_be_bytes().iter().skip(3));
    }
    Ok(out)
}

/// Where Go's decoder finds that a text is not base64.
pub(super) fn bad_base64(text: &[u8]) -> usize {
    let is_digit = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/');
    let good = text.iter().take_while(|b| is_digit(b)).count();
    match (text.get(good), good % 4) {
        (None, rest) => good - rest,
        (Some(b'='), 2) if text.get(good + 1) == Some(&b'=') => good + 2,
        (Some(b'='), 2) => good + 1,
        (Some(b'='), 3) => good + 1,
        _ => good,
    }
}
