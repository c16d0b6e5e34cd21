//! Go's own functions of templates.

#![expect(clippy::unnecessary_wraps, reason = "the functions of a table share one signature")]

use std::fmt::Write as _;

use crate::compare::{equal, less};
use crate::function::{Args, Row, Scope, Type};
use crate::gofmt;
use crate::quote::is_printable;
use crate::text::{Str, runes};
use crate::value::{Element, List, Value};
use crate::{Error, Result};

use Type::{Any, Reflect, String as Text};

pub(crate) const TABLE: &[Row] = &[
    Row("and", &[Reflect], Some(Reflect), last),
    Row("or", &[Reflect], Some(Reflect), last),
    Row("call", &[Reflect], Some(Reflect), last),
    Row("html", &[], Some(Any), html),
    Row("index", &[Reflect], Some(Reflect), index),
    Row("slice", &[Reflect], Some(Reflect), slice),
    Row("js", &[], Some(Any), js),
    Row("len", &[Reflect], None, length),
    Row("not", &[Reflect], None, |_, a| Ok(Value::Bool(!a.any(0).truth()))),
    Row("print", &[], Some(Any), |_, a| gofmt::print(a.rest(0)).map(Value::string)),
    Row("printf", &[Text], Some(Any), |_, a| {
        gofmt::sprintf(a.str(0).as_bytes(), a.rest(1)).map(Value::string)
    }),
    Row("println", &[], Some(Any), |_, a| gofmt::println(a.rest(0)).map(Value::string)),
    Row("urlquery", &[], Some(Any), |_, a| {
        Ok(Value::string(crate::url::query_escape(joined(a)?.as_bytes())))
    }),
    Row("eq", &[Reflect], Some(Reflect), eq),
    Row("ne", &[Reflect, Reflect], None, |_, a| Ok(Value::Bool(!equal(a.any(0), a.any(1))?))),
    Row("lt", &[Reflect, Reflect], None, |_, a| Ok(Value::Bool(less(a.any(0), a.any(1))?))),
    Row("le", &[Reflect, Reflect], None, |_, a| Ok(Value::Bool(less_or_equal(a)?))),
    Row("gt", &[Reflect, Reflect], None, |_, a| Ok(Value::Bool(!less_or_equal(a)?))),
    Row("ge", &[Reflect, Reflect], None, |_, a| Ok(Value::Bool(!less(a.any(0), a.any(1))?))),
];

/// `and`, `or` and `call` are evaluated where calls are; this gives the last argument.
fn last(_: &mut Scope<'_>, args: Args<'_>) -> Result<Value> {
    Ok(args.rest(0).last().cloned().unwrap_or(Value::Missing))
}

fn less_or_equal(args: Args<'_>) -> Result<bool> {
    Ok(less(args.any(0), args.any(1))? || equal(args.any(0), args.any(1))?)
}

fn eq(_: &mut Scope<'_>, args: Args<'_>) -> Result<Value> {
    if args.len() < 2 {
        return Err(Error::new("missing argument for comparison"));
    }
    for other in args.rest(1) {
        if equal(args.any(0), other)? {
            return Ok(Value::Bool(true));
        }
    }
    Ok(Value::Bool(false))
}

/// Calls a function value; `callee` is how the template names it.
pub(crate) fn call(scope: &mut Scope<'_>, callee: &str, args: &[Value]) -> Result<Value> {
    let function = match args.first() {
        None | Some(Value::Missing | Value::Nil) => return Err(Error::new("call of nil")),
        Some(Value::Function(function)) => function.clone(),
        Some(value) => {
            return Err(Error(format!("non-function {callee} of type {}", value.type_name())));
        }
    };
    let given = args.get(1..).unwrap_or_default();
    let wanted = function.parameters().len();
    if function.rest().is_some() && given.len() < wanted {
        return Err(Error(format!(
            "wrong number of args for {callee}: got {} want at least {wanted}",
            given.len()
        )));
    }
    if function.rest().is_none() && given.len() != wanted {
        return Err(Error(format!(
            "wrong number of args for {callee}: got {} want {wanted}",
            given.len()
        )));
    }
    for (index, value) in given.iter().enumerate() {
        let kind = function.parameters().get(index).copied().or_else(|| function.rest());
        let Some(kind) = kind else { continue };
        if value.is_nil() && !kind.can_be_nil() {
            return Err(Error(format!(
                "arg {index}: value is nil; should be of type {}",
                kind.name()
            )));
        }
        if !value.is_nil() && !kind.accepts(value) {
            let found = value.type_name();
            return Err(Error(format!(
                "arg {index}: value has type {found}; should be {}",
                kind.name()
            )));
        }
    }
    function.call(scope, given)
}

fn position(index: &Value, most: usize) -> Result<usize> {
    let number = match index {
        Value::Int(i) | Value::Int64(i) | Value::Duration(i) => *i,
        Value::Uint8(i) => i64::from(*i),
        Value::Uint64(i) => i.cast_signed(),
        Value::Missing | Value::Nil => {
            return Err(Error::new("cannot index slice/array with nil"));
        }
        other => {
            return Err(Error(format!("cannot index slice/array with type {}", other.type_name())));
        }
    };
    match usize::try_from(number) {
        Ok(position) if position <= most => Ok(position),
        _ => Err(Error(format!("index out of range: {number}"))),
    }
}

/// What Go's runtime says of an index that is just past the end.
fn past_end() -> Error {
    Error::new("reflect: slice index out of range")
}

fn index(_: &mut Scope<'_>, args: Args<'_>) -> Result<Value> {
    let mut item = args.any(0).clone();
    if item.is_nil() {
        return Err(Error::new("index of untyped nil"));
    }
    for index in args.rest(1) {
        item = match &item {
            Value::Missing | Value::Nil => return Err(Error::new("index of nil pointer")),
            Value::String(text) => {
                let at = position(index, text.len())?;
                let byte = text.as_bytes().get(at);
                Value::Uint8(*byte.ok_or_else(|| Error::new("reflect: string index out of range"))?)
            }
            Value::List(list) => {
                let at = position(index, list.items().len())?;
                list.items().get(at).cloned().ok_or_else(past_end)?
            }
            Value::Map(map) => {
                let key = map_key(index)?;
                map.get(key.as_bytes()).unwrap_or(match map.element() {
                    Element::String => Value::string(""),
                    _ => Value::Nil,
                })
            }
            Value::Object(object) if object.kind_name() == "map" => {
                let key = map_key(index)?;
                object.field(&key.text()).unwrap_or(Value::Nil)
            }
            Value::Object(object) if object.kind_name() == "slice" => {
                let entries = object.entries().unwrap_or_default();
                let at = position(index, entries.len())?;
                entries.get(at).map(|(_, value)| value.clone()).ok_or_else(past_end)?
            }
            other => {
                let name = other.type_name();
                let name = name.strip_prefix('*').unwrap_or(&name);
                return Err(Error(format!("can't index item of type {name}")));
            }
        };
    }
    Ok(item)
}

fn map_key(index: &Value) -> Result<Str> {
    match index {
        Value::String(key) => Ok(key.clone()),
        Value::Missing | Value::Nil => Err(Error::new("value is nil; should be of type string")),
        other => Err(Error(format!("value has type {}; should be string", other.type_name()))),
    }
}

fn slice(_: &mut Scope<'_>, args: Args<'_>) -> Result<Value> {
    let item = args.any(0);
    let indexes = args.rest(1);
    if item.is_nil() {
        return Err(Error::new("slice of untyped nil"));
    }
    if indexes.len() > 3 {
        return Err(Error(format!("too many slice indexes: {}", indexes.len())));
    }
    let length = match item {
        Value::String(_) if indexes.len() == 3 => {
            return Err(Error::new("cannot 3-index slice a string"));
        }
        Value::String(text) => text.len(),
        Value::List(list) => list.items().len(),
        other => return Err(Error(format!("can't slice item of type {}", other.type_name()))),
    };
    let mut bounds = [0, length, length];
    for (bound, index) in bounds.iter_mut().zip(indexes) {
        *bound = position(index, length)?;
    }
    let [from, to, most] = bounds;
    if from > to {
        return Err(Error(format!("invalid slice index: {from} > {to}")));
    }
    if to > most {
        return Err(Error(format!("invalid slice index: {to} > {most}")));
    }
    Ok(match item {
        Value::List(list) => {
            let items = list.items().get(from..to).unwrap_or_default().to_vec();
            Value::List(List::typed(items, list.element()))
        }
        item => {
            let text = item.as_str().cloned().unwrap_or_default();
            Value::string(text.as_bytes().get(from..to).unwrap_or_default())
        }
    })
}

fn length(_: &mut Scope<'_>, args: Args<'_>) -> Result<Value> {
    let length = match args.any(0) {
        Value::Missing => {
            return Err(Error::new("reflect: call of reflect.Value.Type on zero Value"));
        }
        Value::Nil => return Err(Error::new("len of nil pointer")),
        Value::String(text) => text.len(),
        Value::List(list) => list.items().len(),
        Value::Map(map) => map.len(),
        Value::Object(object) => match object.entries() {
            Some(entries) => entries.len(),
            None => return Err(Error(format!("len of type {}", object.type_name()))),
        },
        other => return Err(Error(format!("len of type {}", other.type_name()))),
    };
    Ok(Value::Int(i64::try_from(length).unwrap_or(i64::MAX)))
}

/// The arguments as one text, as the escaping functions take them.
fn joined(args: Args<'_>) -> Result<Str> {
    if let [Value::String(text)] = args.rest(0) {
        return Ok(text.clone());
    }
    let shown: Vec<Value> = args
        .rest(0)
        .iter()
        .map(|v| if v.is_nil() { Value::string("<no value>") } else { v.clone() })
        .collect();
    gofmt::print(&shown).map(Str::from)
}

fn html(_: &mut Scope<'_>, args: Args<'_>) -> Result<Value> {
    let text = joined(args)?;
    let mut out = Vec::with_capacity(text.len());
    for byte in text.as_bytes() {
        match byte {
            0 => out.extend_from_slice("\u{fffd}".as_bytes()),
            b'"' => out.extend_from_slice(b"&#34;"),
            b'\'' => out.extend_from_slice(b"&#39;"),
            b'&' => out.extend_from_slice(b"&amp;"),
            b'<' => out.extend_from_slice(b"&lt;"),
            b'>' => out.extend_from_slice(b"&gt;"),
            other => out.push(*other),
        }
    }
    Ok(Value::string(out))
}

fn js(_: &mut Scope<'_>, args: Args<'_>) -> Result<Value> {
    let text = joined(args)?;
    let mut out = String::with_capacity(text.len());
    for (c, _) in runes(text.as_bytes()) {
        match c {
            '\\' => out.push_str("\\\\"),
            '\'' => out.push_str("\\'"),
            '"' => out.push_str("\\\""),
            '<' | '>' | '&' | '=' => {
                write!(out, "\\u{:04X}", u32::from(c)).map_err(|e| Error(e.to_string()))?;
            }
            c if c < ' ' || (!c.is_ascii() && !is_printable(c)) => {
                write!(out, "\\u{:04X}", u32::from(c)).map_err(|e| Error(e.to_string()))?;
            }
            c => out.push(c),
        }
    }
    Ok(Value::string(out))
}
