//! Strings.

#![expect(clippy::unnecessary_wraps, reason = "the functions of a table share one signature")]

use base64::Engine as _;

use super::general::text_of;
use super::words;
use crate::function::{Args, Row, Scope, Type};
use crate::gofmt;
use crate::quote::quote;
use crate::text::{Str, find, replace, split};
use crate::value::{Element, List, Map, Value};
use crate::{Error, Result};

use Type::{Any, Int, String as Text};

const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
const DIGITS: &[u8] = b"0123456789";
const ALPHANUMERIC: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

pub(crate) const TABLE: &[Row] = &[
    Row("abbrev", &[Int, Text], None, |_, a| abbreviate(0, a.int(0), &a.str(1))),
    Row("abbrevboth", &[Int, Int, Text], None, |_, a| {
        abbreviate_both(a.int(0), a.int(1), &a.str(2))
    }),
    Row("trunc", &[Int, Text], None, trunc),
    Row("trim", &[Text], None, |_, a| on_text(a, 0, |t| t.trim().to_owned())),
    Row("upper", &[Text], None, |_, a| on_text(a, 0, words::upper)),
    Row("lower", &[Text], None, |_, a| on_text(a, 0, words::lower)),
    Row("title", &[Text], None, |_, a| on_text(a, 0, words::title)),
    Row("untitle", &[Text], None, |_, a| on_text(a, 0, words::untitle)),
    Row("substr", &[Int, Int, Text], None, substr),
    Row("repeat", &[Int, Text], None, repeat),
    Row("trimall", &[Text, Text], None, trim_all),
    Row("trimAll", &[Text, Text], None, trim_all),
    Row("trimSuffix", &[Text, Text], None, |_, a| {
        let text = a.str(1);
        let cut = text.as_bytes().strip_suffix(a.str(0).as_bytes()).map(Str::from);
        Ok(Value::String(cut.unwrap_or(text)))
    }),
    Row("trimPrefix", &[Text, Text], None, |_, a| {
        let text = a.str(1);
        let cut = text.as_bytes().strip_prefix(a.str(0).as_bytes()).map(Str::from);
        Ok(Value::String(cut.unwrap_or(text)))
    }),
    Row("nospace", &[Text], None, |_, a| {
        Ok(Value::string(words::without_space(a.str(0).as_bytes())))
    }),
    Row("initials", &[Text], None, |_, a| on_text(a, 0, words::initials)),
    Row("randAlphaNum", &[Int], None, |s, a| random(s, a, ALPHANUMERIC)),
    Row("randAlpha", &[Int], None, |s, a| random(s, a, LETTERS)),
    Row("randAscii", &[Int], None, |s, a| {
        let printable: Vec<u8> = (b' '..=b'~').collect();
        random(s, a, &printable)
    }),
    Row("randNumeric", &[Int], None, |s, a| random(s, a, DIGITS)),
    Row("swapcase", &[Text], None, |_, a| on_text(a, 0, words::swap_case)),
    Row("shuffle", &[Text], None, shuffle),
    Row("snakecase", &[Text], None, |_, a| on_text(a, 0, |t| words::snake(t, '_'))),
    Row("camelcase", &[Text], None, |_, a| on_text(a, 0, words::pascal)),
    Row("kebabcase", &[Text], None, |_, a| on_text(a, 0, |t| words::snake(t, '-'))),
    Row("wrap", &[Int, Text], None, |s, a| wrap(s, a.int(0), (b"\n", false), a.str(1).as_bytes())),
    Row("wrapWith", &[Int, Text, Text], None, |s, a| {
        wrap(s, a.int(0), (a.str(1).as_bytes(), true), a.str(2).as_bytes())
    }),
    Row("contains", &[Text, Text], None, |_, a| {
        Ok(Value::Bool(find(a.str(1).as_bytes(), a.str(0).as_bytes()).is_some()))
    }),
    Row("hasPrefix", &[Text, Text], None, |_, a| {
        Ok(Value::Bool(a.str(1).as_bytes().starts_with(a.str(0).as_bytes())))
    }),
    Row("hasSuffix", &[Text, Text], None, |_, a| {
        Ok(Value::Bool(a.str(1).as_bytes().ends_with(a.str(0).as_bytes())))
    }),
    Row("quote", &[], Some(Any), |_, a| {
        joined(a, |v| Ok(quote(text_of(v)?.as_bytes()).into_bytes()))
    }),
    Row("squote", &[], Some(Any), |_, a| {
        joined(a, |v| Ok([b"'", gofmt::to_text(v)?.as_bytes(), b"'"].concat()))
    }),
    Row("cat", &[], Some(Any), |_, a| joined(a, |v| Ok(gofmt::to_text(v)?.as_bytes().to_vec()))),
    Row("indent", &[Int, Text], None, |s, a| indent(s, a, b"")),
    Row("nindent", &[Int, Text], None, |s, a| indent(s, a, b"\n")),
    Row("replace", &[Text, Text, Text], None, replaced),
    Row("plural", &[Text, Text, Int], None, |_, a| Ok(a.any(usize::from(a.int(2) != 1)).clone())),
    Row("toString", &[Any], None, |_, a| text_of(a.any(0)).map(Value::String)),
    Row("split", &[Text, Text], None, |_, a| {
        Ok(numbered(split(a.str(1).as_bytes(), a.str(0).as_bytes(), -1)))
    }),
    Row("splitn", &[Text, Int, Text], None, |_, a| {
        Ok(numbered(split(a.str(2).as_bytes(), a.str(0).as_bytes(), a.int(1))))
    }),
    Row("splitList", &[Text, Text], None, |_, a| {
        let parts = split(a.str(1).as_bytes(), a.str(0).as_bytes(), -1);
        Ok(Value::List(List::strings(parts)))
    }),
    Row("b64enc", &[Text], None, |_, a| Ok(Value::string(super::base64(a.str(0).as_bytes())))),
    Row("b64dec", &[Text], None, |_, a| Ok(Value::string(base64_decode(&a.str(0))))),
    Row("b32enc", &[Text], None, |_, a| Ok(Value::string(words::base32(a.str(0).as_bytes())))),
    Row("b32dec", &[Text], None, |_, a| Ok(Value::string(words::base32_decode(&a.text(0))))),
];

fn on_text(args: Args<'_>, index: usize, change: impl FnOnce(&str) -> String) -> Result<Value> {
    let text = args.str(index);
    Ok(Value::string(change(&text.text())))
}

/// What each argument that is not nil becomes, separated by spaces.
fn joined(args: Args<'_>, show: impl Fn(&Value) -> Result<Vec<u8>>) -> Result<Value> {
    let shown: Result<Vec<_>> = args.rest(0).iter().filter(|v| !v.is_nil()).map(show).collect();
    Ok(Value::string(shown?.join(&b' ')))
}

fn abbreviate(offset: i64, width: i64, text: &Str) -> Result<Value> {
    if width < 4 && offset == 0 {
        return Ok(Value::String(text.clone()));
    }
    let to_size = |number: i64| usize::try_from(number).unwrap_or_default();
    Ok(Value::string(words::abbreviate(text.as_bytes(), to_size(offset), to_size(width))))
}

fn abbreviate_both(left: i64, right: i64, text: &Str) -> Result<Value> {
    if right < 4 || (left > 0 && right < 7) {
        return Ok(Value::String(text.clone()));
    }
    abbreviate(left.max(0), right, text)
}

fn out_of_bounds(from: i64, to: i64, length: usize) -> Error {
    let within = usize::try_from(to).is_ok_and(|to| to <= length);
    Error(match within {
        _ if to < 0 => format!("runtime error: slice bounds out of range [:{to}]"),
        true => format!("runtime error: slice bounds out of range [{from}:{to}]"),
        false => format!("runtime error: slice bounds out of range [:{to}] with length {length}"),
    })
}

fn trunc(_: &mut Scope<'_>, args: Args<'_>) -> Result<Value> {
    let text = args.str(1);
    let size = usize::try_from(args.int(0).unsigned_abs()).unwrap_or(usize::MAX);
    let bytes = text.as_bytes();
    let cut = if args.int(0) < 0 {
        bytes.get(bytes.len().saturating_sub(size)..)
    } else {
        bytes.get(..size)
    };
    Ok(cut.map_or_else(|| Value::String(text.clone()), Value::string))
}

fn substr(_: &mut Scope<'_>, args: Args<'_>) -> Result<Value> {
    let (start, end, text) = (args.int(0), args.int(1), args.str(2));
    let length = i64::try_from(text.len()).unwrap_or(i64::MAX);
    let (from, to) = if start < 0 {
        (0, end)
    } else if end < 0 || end > length {
        (start, length)
    } else {
        (start, end)
    };
    let part = usize::try_from(from)
        .ok()
        .zip(usize::try_from(to).ok())
        .and_then(|(from, to)| text.as_bytes().get(from..to))
        .ok_or_else(|| out_of_bounds(from, to, text.len()))?;
    Ok(Value::string(part))
}

fn repeat(scope: &mut Scope<'_>, args: Args<'_>) -> Result<Value> {
    let count =
        usize::try_from(args.int(0)).map_err(|_| Error::new("strings: negative Repeat count"))?;
    let text = args.str(1);
    scope.bytes(text.len().saturating_mul(count))?;
    Ok(Value::string(text.as_bytes().repeat(count)))
}

fn trim_all(_: &mut Scope<'_>, args: Args<'_>) -> Result<Value> {
    let cut = args.text(0);
    on_text(args, 1, |text| text.trim_matches(|c| cut.contains(c)).to_owned())
}

fn random(scope: &mut Scope<'_>, args: Args<'_>, alphabet: &[u8]) -> Result<Value> {
    super::password::characters(scope, args.int(0), alphabet).map(Value::string)
}

fn shuffle(scope: &mut Scope<'_>, args: Args<'_>) -> Result<Value> {
    let mut characters: Vec<char> = args.text(0).chars().collect();
    scope.step(characters.len())?;
    for index in (1..characters.len()).rev() {
        let bound = u64::try_from(index + 1).unwrap_or(1);
        let other = usize::try_from(super::password::below(scope, bound)).unwrap_or_default();
        characters.swap(index, other);
    }
    Ok(Value::string(characters.into_iter().collect::<String>()))
}

fn wrap(
    scope: &Scope<'_>,
    width: i64,
    (separator, long_words): (&[u8], bool),
    text: &[u8],
) -> Result<Value> {
    let width = usize::try_from(width).unwrap_or_default().max(1);
    scope.bytes(text.len().saturating_add((text.len() / width).saturating_mul(separator.len())))?;
    let separator: &[u8] = if separator.is_empty() { b"\n" } else { separator };
    Ok(Value::string(words::wrap(text, width, separator, long_words)))
}

fn indent(scope: &mut Scope<'_>, args: Args<'_>, lead: &[u8]) -> Result<Value> {
    let spaces =
        usize::try_from(args.int(0)).map_err(|_| Error::new("strings: negative Repeat count"))?;
    let text = args.str(1);
    let breaks: usize = text.as_bytes().iter().map(|b| usize::from(*b == b'\n')).sum();
    let lines = breaks + 1;
    scope.bytes(lines.saturating_mul(spaces))?;
    let mut out = Vec::with_capacity(lead.len() + text.len() + lines * spaces);
    out.extend_from_slice(lead);
    out.extend(std::iter::repeat_n(b' ', spaces));
    for byte in text.as_bytes() {
        out.push(*byte);
        if *byte == b'\n' {
            out.extend(std::iter::repeat_n(b' ', spaces));
        }
    }
    Ok(Value::string(out))
}

fn replaced(scope: &mut Scope<'_>, args: Args<'_>) -> Result<Value> {
    let (old, new, text) = (args.str(0), args.str(1), args.str(2));
    if new.len() > old.len() {
        let most = text.len() / old.len().max(1) + 1;
        scope.bytes(
            most.saturating_mul(new.len() - old.len()).min(most.saturating_mul(new.len())),
        )?;
    }
    Ok(Value::string(replace(text.as_bytes(), old.as_bytes(), new.as_bytes())))
}

/// The parts as a `map[string]string` with the keys `_0`, `_1` and so on.
fn numbered(parts: Vec<Vec<u8>>) -> Value {
    let entries = parts.into_iter().enumerate();
    let entries = entries.map(|(i, part)| (Str::from(format!("_{i}")), Value::string(part)));
    Value::Map(Map::typed(entries.collect(), Element::String))
}

/// Decodes base64; the text of the error when it is not base64.
fn base64_decode(text: &Str) -> Vec<u8> {
    base64_decoded(text)
        .unwrap_or_else(|at| format!("illegal base64 data at input byte {at}").into_bytes())
}

/// Decodes base64 leniently about line ends, or tells the byte where it is none.
pub(super) fn base64_decoded(text: &Str) -> Result<Vec<u8>, usize> {
    let mut significant = Vec::with_capacity(text.len());
    let mut positions = Vec::with_capacity(text.len());
    for (index, byte) in text.as_bytes().iter().enumerate() {
        if !matches!(byte, b'\r' | b'\n') {
            significant.push(*byte);
            positions.push(index);
        }
    }
    let engine = base64::engine::GeneralPurpose::new(
        &base64::alphabet::STANDARD,
        base64::engine::GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
    );
    engine.decode(&significant).map_err(|_| {
        let bad = words::bad_base64(&significant);
        positions.get(bad).copied().unwrap_or(text.len())
    })
}
