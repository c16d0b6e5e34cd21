//! Regular expressions.

use crate::function::{Args, Row, Scope, Type};
use crate::regexp;
use crate::value::{Element, List, Value};
use crate::{Error, Result};
use regex::bytes::Regex;

use Type::{Int, String as Text};

pub(crate) const TABLE: &[Row] = &[
    Row("regexMatch", &[Text, Text], None, |s, a| Ok(matches(s, a).unwrap_or(Value::Bool(false)))),
    Row("mustRegexMatch", &[Text, Text], None, matches),
    Row("regexFindAll", &[Text, Text, Int], None, |s, a| panicking(a, find_all(s, a))),
    Row("mustRegexFindAll", &[Text, Text, Int], None, find_all),
    Row("regexFind", &[Text, Text], None, |s, a| panicking(a, find(s, a))),
    Row("mustRegexFind", &[Text, Text], None, find),
    Row("regexReplaceAll", &[Text, Text, Text], None, |s, a| panicking(a, replace(s, a, true))),
    Row("mustRegexReplaceAll", &[Text, Text, Text], None, |s, a| replace(s, a, true)),
    Row("regexReplaceAllLiteral", &[Text, Text, Text], None, |s, a| {
        panicking(a, replace(s, a, false))
    }),
    Row("mustRegexReplaceAllLiteral", &[Text, Text, Text], None, |s, a| replace(s, a, false)),
    Row("regexSplit", &[Text, Text, Int], None, |s, a| panicking(a, split(s, a))),
    Row("mustRegexSplit", &[Text, Text, Int], None, split),
    Row("regexQuoteMeta", &[Text], None, |_, a| {
        let mut out = String::new();
        for c in a.text(0).chars() {
            if r"\.+*?()|[]{}^$".contains(c) {
                out.push('\\');
            }
            out.push(c);
        }
        Ok(Value::string(out))
    }),
];

/// Go's `MustCompile` panics, with a text of its own.
fn panicking(args: Args<'_>, result: Result<Value>) -> Result<Value> {
    result.map_err(|error| match error.0.strip_prefix("error parsing regexp") {
        Some(_) => {
            let shown = backquoted(&args.text(0));
            Error(format!("regexp: Compile({shown}): {error}"))
        }
        None => error,
    })
}

fn backquoted(text: &str) -> String {
    if crate::quote::can_backquote(text.as_bytes()) {
        format!("`{text}`")
    } else {
        crate::quote::quote(text.as_bytes())
    }
}

/// Compiles an expression, at the expense of the rendering.
fn compile(scope: &Scope<'_>, expression: &str) -> Result<Regex> {
    scope.step(regexp::cost(expression))?;
    regexp::compile(expression)
}

fn matches(scope: &mut Scope<'_>, args: Args<'_>) -> Result<Value> {
    Ok(Value::Bool(compile(scope, &args.text(0))?.is_match(args.str(1).as_bytes())))
}

fn find_all(scope: &mut Scope<'_>, args: Args<'_>) -> Result<Value> {
    let regex = compile(scope, &args.text(0))?;
    let text = args.str(1);
    let most = usize::try_from(args.int(2)).unwrap_or(usize::MAX);
    let found: Vec<&[u8]> = regex
        .find_iter(text.as_bytes())
        .filter(|found| !splits_character(text.as_bytes(), found))
        .take(most)
        .map(|m| m.as_bytes())
        .collect();
    Ok(Value::List(if found.is_empty() {
        List::nil(Element::String)
    } else {
        List::strings(found)
    }))
}

fn find(scope: &mut Scope<'_>, args: Args<'_>) -> Result<Value> {
    let regex = compile(scope, &args.text(0))?;
    let text = args.str(1);
    let found = regex.find(text.as_bytes()).map(|m| m.as_bytes());
    Ok(Value::string(found.unwrap_or_default()))
}

/// True for an empty match between the bytes of one character, which Go does not look at.
fn splits_character(text: &[u8], found: &regex::bytes::Match<'_>) -> bool {
    found.is_empty() && text.get(found.start()).is_some_and(|byte| (0x80..0xc0).contains(byte))
}

fn replace(scope: &mut Scope<'_>, args: Args<'_>, expand: bool) -> Result<Value> {
    let regex = compile(scope, &args.text(0))?;
    let (text, new) = (args.str(1), args.str(2));
    let mut out = Vec::with_capacity(text.len());
    let mut end = 0;
    for captures in regex.captures_iter(text.as_bytes()) {
        let Some(found) = captures.get(0).filter(|m| !splits_character(text.as_bytes(), m)) else {
            continue;
        };
        out.extend_from_slice(text.as_bytes().get(end..found.start()).unwrap_or_default());
        let before = out.len();
        if expand {
            captures.expand(new.as_bytes(), &mut out);
        } else {
            out.extend_from_slice(new.as_bytes());
        }
        scope.bytes(out.len() - before)?;
        end = found.end();
    }
    out.extend_from_slice(text.as_bytes().get(end..).unwrap_or_default());
    Ok(Value::string(out))
}

fn split(scope: &mut Scope<'_>, args: Args<'_>) -> Result<Value> {
    let regex = compile(scope, &args.text(0))?;
    let (text, limit) = (args.str(1), args.int(2));
    if limit == 0 {
        return Ok(Value::List(List::nil(Element::String)));
    }
    let bytes = text.as_bytes();
    if bytes.is_empty() && !args.str(0).is_empty() {
        return Ok(Value::List(List::strings([""])));
    }
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut parts: Vec<&[u8]> = Vec::new();
    let (mut begin, mut end) = (0, 0);
    let matches = regex.find_iter(bytes).filter(|found| !splits_character(bytes, found));
    for found in matches.take(most) {
        if parts.len() + 1 == most {
            break;
        }
        end = found.start();
        if found.end() != 0 {
            parts.push(bytes.get(begin..end).unwrap_or_default());
        }
        begin = found.end();
    }
    if end != bytes.len() {
        parts.push(bytes.get(begin..).unwrap_or_default());
    }
    Ok(Value::List(List::strings(parts)))
}
