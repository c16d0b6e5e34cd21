//! Lists.

#![expect(clippy::unnecessary_wraps, reason = "the functions of a table share one signature")]

use std::borrow::Cow;

use super::general::{empty, text_of};
use crate::cast::to_int;
use crate::compare::deep_equal;
use crate::function::{Args, Row, Scope, Type};
use crate::text::Str;
use crate::value::{Element, List, Value};
use crate::{Error, Result};

use Type::{Any, Int, String as Text};

pub(crate) const TABLE: &[Row] = &[
    Row("list", &[], Some(Any), list),
    Row("tuple", &[], Some(Any), list),
    Row("append", &[Any, Any], None, append),
    Row("push", &[Any, Any], None, append),
    Row("mustAppend", &[Any, Any], None, append),
    Row("mustPush", &[Any, Any], None, append),
    Row("prepend", &[Any, Any], None, prepend),
    Row("mustPrepend", &[Any, Any], None, prepend),
    Row("first", &[Any], None, |_, a| {
        Ok(items(a.any(0), "Cannot find first on type")?.first().cloned().unwrap_or(Value::Nil))
    }),
    Row("mustFirst", &[Any], None, |_, a| {
        Ok(items(a.any(0), "Cannot find first on type")?.first().cloned().unwrap_or(Value::Nil))
    }),
    Row("last", &[Any], None, |_, a| {
        Ok(items(a.any(0), "Cannot find last on type")?.last().cloned().unwrap_or(Value::Nil))
    }),
    Row("mustLast", &[Any], None, |_, a| {
        Ok(items(a.any(0), "Cannot find last on type")?.last().cloned().unwrap_or(Value::Nil))
    }),
    Row("rest", &[Any], None, rest),
    Row("mustRest", &[Any], None, rest),
    Row("initial", &[Any], None, initial),
    Row("mustInitial", &[Any], None, initial),
    Row("reverse", &[Any], None, reverse),
    Row("mustReverse", &[Any], None, reverse),
    Row("compact", &[Any], None, compact),
    Row("mustCompact", &[Any], None, compact),
    Row("uniq", &[Any], None, uniq),
    Row("mustUniq", &[Any], None, uniq),
    Row("without", &[Any], Some(Any), without),
    Row("mustWithout", &[Any], Some(Any), without),
    Row("has", &[Any, Any], None, has),
    Row("mustHas", &[Any, Any], None, has),
    Row("slice", &[Any], Some(Any), slice),
    Row("mustSlice", &[Any], Some(Any), slice),
    Row("concat", &[], Some(Any), concat),
    Row("chunk", &[Int, Any], None, chunk),
    Row("mustChunk", &[Int, Any], None, chunk),
    Row("sortAlpha", &[Any], None, sort_alpha),
    Row("join", &[Text, Any], None, join),
    Row("toStrings", &[Any], None, |_, a| Ok(Value::List(List::strings(strings(a.any(0))?)))),
    Row("until", &[Int], None, |s, a| {
        let step = if a.int(0) < 0 { -1 } else { 1 };
        until(s, (0, a.int(0)), step)
    }),
    Row("untilStep", &[Int, Int, Int], None, |s, a| until(s, (a.int(0), a.int(1)), a.int(2))),
    Row("seq", &[], Some(Int), seq),
];

/// The items of a slice, or of a host object that is one; anything else is Sprig's error for the
/// function.
fn items<'a>(value: &'a Value, problem: &str) -> Result<Cow<'a, [Value]>> {
    match value {
        Value::List(list) => Ok(Cow::Borrowed(list.items())),
        Value::Missing | Value::Nil => {
            Err(Error::new("runtime error: invalid memory address or nil pointer dereference"))
        }
        Value::Object(object) if object.kind_name() == "slice" => {
            let entries = object.entries().unwrap_or_default();
            Ok(Cow::Owned(entries.into_iter().map(|(_, item)| item).collect()))
        }
        other => Err(Error(format!("{problem} {}", other.kind_name()))),
    }
}

fn list(_: &mut Scope<'_>, args: Args<'_>) -> Result<Value> {
    Ok(Value::list(args.rest(0).to_vec()))
}

fn append(scope: &mut Scope<'_>, args: Args<'_>) -> Result<Value> {
    let mut all = items(args.any(0), "Cannot push on type")?.to_vec();
    scope.step(all.len() / 16)?;
    all.push(args.any(1).clone());
    Ok(Value::list(all))
}

fn prepend(scope: &mut Scope<'_>, args: Args<'_>) -> Result<Value> {
    let old = items(args.any(0), "Cannot prepend on type")?;
    scope.step(old.len() / 16)?;
    let mut all = vec![args.any(1).clone()];
    all.extend_from_slice(&old);
    Ok(Value::list(all))
}

fn rest(_: &mut Scope<'_>, args: Args<'_>) -> Result<Value> {
    Ok(match &*items(args.any(0), "Cannot find rest on type")? {
        [] => Value::List(List::nil(Element::Any)),
        [_, rest @ ..] => Value::list(rest.to_vec()),
    })
}

fn initial(_: &mut Scope<'_>, args: Args<'_>) -> Result<Value> {
    Ok(match &*items(args.any(0), "Cannot find initial on type")? {
        [] => Value::List(List::nil(Element::Any)),
        [initial @ .., _] => Value::list(initial.to_vec()),
    })
}

fn reverse(_: &mut Scope<'_>, args: Args<'_>) -> Result<Value> {
    let items = items(args.any(0), "Cannot find reverse on type")?;
    Ok(Value::list(items.iter().rev().cloned().collect()))
}

fn compact(_: &mut Scope<'_>, args: Args<'_>) -> Result<Value> {
    let items = items(args.any(0), "Cannot compact on type")?;
    Ok(Value::list(items.iter().filter(|v| !empty(v)).cloned().collect()))
}

fn in_list(scope: &Scope<'_>, list: &[Value], needle: &Value) -> Result<bool> {
    scope.step(list.len() / 8)?;
    Ok(list.iter().any(|item| deep_equal(needle, item, 0)))
}

fn uniq(scope: &mut Scope<'_>, args: Args<'_>) -> Result<Value> {
    let mut kept: Vec<Value> = Vec::new();
    for item in items(args.any(0), "Cannot find uniq on type")?.iter() {
        if !in_list(scope, &kept, item)? {
            kept.push(item.clone());
        }
    }
    Ok(Value::list(kept))
}

fn without(scope: &mut Scope<'_>, args: Args<'_>) -> Result<Value> {
    let mut kept = Vec::new();
    for item in items(args.any(0), "Cannot find without on type")?.iter() {
        if !in_list(scope, args.rest(1), item)? {
            kept.push(item.clone());
        }
    }
    Ok(Value::list(kept))
}

fn has(scope: &mut Scope<'_>, args: Args<'_>) -> Result<Value> {
    if args.any(1).is_nil() {
        return Ok(Value::Bool(false));
    }
    let items = items(args.any(1), "Cannot find has on type")?;
    in_list(scope, &items, args.any(0)).map(Value::Bool)
}

fn slice(_: &mut Scope<'_>, args: Args<'_>) -> Result<Value> {
    let items = items(args.any(0), "list should be type of slice or array but")?;
    if items.is_empty() {
        return Ok(Value::Nil);
    }
    let start = if args.len() > 1 { to_int(args.any(1)) } else { 0 };
    let length = i64::try_from(items.len()).unwrap_or(i64::MAX);
    let end = if args.len() > 2 { to_int(args.any(2)) } else { length };
    let part = usize::try_from(start)
        .ok()
        .zip(usize::try_from(end).ok())
        .and_then(|(start, end)| items.get(start..end))
        .ok_or_else(|| Error::new("reflect.Value.Slice: slice index out of bounds"))?;
    let element = args.list(0).map(List::element).unwrap_or_default();
    Ok(Value::List(List::typed(part.to_vec(), element)))
}

fn concat(scope: &mut Scope<'_>, args: Args<'_>) -> Result<Value> {
    let mut all = Vec::new();
    for value in args.rest(0) {
        match value {
            Value::List(list) => {
                scope.step(list.items().len() / 16)?;
                scope.bytes(size_of_val(list.items()))?;
                all.extend_from_slice(list.items());
            }
            Value::Object(object) if object.kind_name() == "slice" => {
                all.extend_from_slice(&items(value, "")?);
            }
            Value::Missing | Value::Nil => {
                return Err(Error::new(
                    "runtime error: invalid memory address or nil pointer dereference",
                ));
            }
            other => {
                return Err(Error(format!("Cannot concat type {} as list", other.kind_name())));
            }
        }
    }
    Ok(Value::List(if all.is_empty() { List::nil(Element::Any) } else { List::new(all) }))
}

fn chunk(_: &mut Scope<'_>, args: Args<'_>) -> Result<Value> {
    let items = items(args.any(1), "Cannot chunk type")?;
    let size = usize::try_from(args.int(0)).unwrap_or_default();
    if size == 0 {
        return Err(Error::new("runtime error: makeslice: len out of range"));
    }
    let chunks = items.chunks(size).map(|chunk| Value::list(chunk.to_vec())).collect();
    Ok(Value::List(List::typed(chunks, Element::List)))
}

/// Sprig's `strslice`: the texts of the items that are not nil.
pub(crate) fn strings(value: &Value) -> Result<Vec<Str>> {
    match value {
        Value::List(list) => list.items().iter().filter(|v| !v.is_nil()).map(text_of).collect(),
        Value::Object(object) if object.kind_name() == "slice" => strings(&object.to_value()),
        Value::Missing | Value::Nil => Ok(Vec::new()),
        other => Ok(vec![text_of(other)?]),
    }
}

fn sort_alpha(_: &mut Scope<'_>, args: Args<'_>) -> Result<Value> {
    let value = args.any(0);
    let mut texts = match value {
        Value::List(_) => strings(value)?,
        other => vec![text_of(other)?],
    };
    texts.sort();
    Ok(Value::List(List::strings(texts)))
}

fn join(scope: &mut Scope<'_>, args: Args<'_>) -> Result<Value> {
    let separator = args.str(0);
    let texts = strings(args.any(1))?;
    let length: usize = texts.iter().map(|text| text.len() + separator.len()).sum();
    scope.bytes(length)?;
    let mut out = Vec::with_capacity(length);
    for (index, text) in texts.iter().enumerate() {
        if index > 0 {
            out.extend_from_slice(separator.as_bytes());
        }
        out.extend_from_slice(text.as_bytes());
    }
    Ok(Value::string(out))
}

/// The numbers from start towards stop, as Sprig's `untilStep` counts them.
fn steps(scope: &Scope<'_>, (start, stop): (i64, i64), step: i64) -> Result<Vec<i64>> {
    let forward = start < stop;
    if step == 0 || (step > 0) != forward {
        return Ok(Vec::new());
    }
    let count = usize::try_from(start.abs_diff(stop) / step.unsigned_abs()).unwrap_or(usize::MAX);
    scope.step(count)?;
    scope.bytes(count.saturating_mul(size_of::<Value>()))?;
    let mut numbers = Vec::new();
    let mut number = start;
    while if forward { number < stop } else { number > stop } {
        numbers.push(number);
        let Some(next) = number.checked_add(step) else { break };
        number = next;
    }
    Ok(numbers)
}

fn until(scope: &mut Scope<'_>, bounds: (i64, i64), step: i64) -> Result<Value> {
    let numbers = steps(scope, bounds, step)?;
    Ok(Value::List(List::typed(numbers.into_iter().map(Value::Int).collect(), Element::Int)))
}

fn seq(scope: &mut Scope<'_>, args: Args<'_>) -> Result<Value> {
    let (start, end, step) = match args.len() {
        1 => (1, args.int(0), if args.int(0) < 1 { -1 } else { 1 }),
        2 => (args.int(0), args.int(1), if args.int(1) < args.int(0) { -1 } else { 1 }),
        3 => (args.int(0), args.int(2), args.int(1)),
        _ => return Ok(Value::string("")),
    };
    if args.len() == 3 && end < start && step > 0 {
        return Ok(Value::string(""));
    }
    let past = end.saturating_add(if end < start { -1 } else { 1 });
    let numbers = steps(scope, (start, past), step)?;
    let texts: Vec<String> = numbers.iter().map(ToString::to_string).collect();
    Ok(Value::string(texts.join(" ")))
}
