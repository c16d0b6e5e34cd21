//! The grammar of `--set` and its relatives.

use serde_json::Value as Json;

use crate::values::{Values, with_floats};
use crate::{Error, Result};

/// The largest list index.
const MAX_INDEX: usize = 65_536;

/// The most names in a path.
const MAX_NESTED: usize = 30;

/// Sets `a.b[0]=1,c={x,y}` into values; numbers become integers, `true`, `false` and `null` what
/// they say.
///
/// # Errors
/// With Helm's text when the grammar is broken.
pub fn set(text: &str, values: &mut Values) -> Result<(), Error> {
    Parser::new(text, Mode::Typed).run(values)
}

/// As [`set`], but every value is a string.
///
/// # Errors
/// With Helm's text when the grammar is broken.
pub fn set_string(text: &str, values: &mut Values) -> Result<(), Error> {
    Parser::new(text, Mode::Strings).run(values)
}

/// Sets `a.b=JSON,c=JSON`, or merges a whole JSON object.
///
/// # Errors
/// With Helm's text when the grammar is broken.
pub fn set_json(text: &str, values: &mut Values) -> Result<(), Error> {
    let trimmed = text.trim();
    if trimmed.starts_with('{') {
        let json: Json = serde_json::from_str(trimmed).map_err(|error| {
            Error::new(format!("failed parsing --set-json data JSON: {text}: {error}"))
        })?;
        if let Json::Object(map) = with_floats(json) {
            *values = crate::values::merge_maps(std::mem::take(values), map);
        }
        return Ok(());
    }
    Parser::new(text, Mode::Json).run(values)
}

/// Sets one value literally: everything after the equals sign.
///
/// # Errors
/// With Helm's text when the grammar is broken.
pub fn set_literal(text: &str, values: &mut Values) -> Result<(), Error> {
    Parser::new(text, Mode::Literal).run(values)
}

/// As [`set`], but each value names a file whose content `read` gives.
///
/// # Errors
/// With Helm's text when the grammar is broken, or what `read` gives.
pub fn set_file(
    text: &str,
    values: &mut Values,
    read: &dyn Fn(&str) -> Result<String, Error>,
) -> Result<(), Error> {
    Parser::new(text, Mode::Files(read)).run(values)
}

#[derive(Clone, Copy)]
enum Mode<'a> {
    Typed,
    Strings,
    Json,
    Literal,
    Files(&'a dyn Fn(&str) -> Result<String, Error>),
}

/// Why a step ended.
enum Stop {
    /// The input ended; all is well.
    End,
    Failed(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

type Step<T> = Result<T, Stop>;

fn fail<T>(text: impl Into<String>) -> Step<T> {
    Err(Stop::Failed(Error::new(text)))
}

struct Parser<'a> {
    rest: &'a str,
    mode: Mode<'a>,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str, mode: Mode<'a>) -> Self {
        Self { rest: text, mode }
    }

    fn run(mut self, values: &mut Values) -> Result<()> {
        loop {
            match self.key(values, 0) {
                Ok(()) => {}
                Err(Stop::End) => return Ok(()),
                Err(Stop::Failed(error)) => return Err(error),
            }
        }
    }

    fn next(&mut self) -> Option<char> {
        let c = self.rest.chars().next()?;
        self.rest = self.rest.get(c.len_utf8()..).unwrap_or_default();
        Some(c)
    }

    /// Reads up to one of the characters; `None` for it at the end of input.
    fn until(&mut self, stop: &str) -> (String, Option<char>) {
        let mut text = String::new();
        let escapes = !matches!(self.mode, Mode::Literal);
        while let Some(c) = self.next() {
            if stop.contains(c) {
                return (text, Some(c));
            }
            if c == '\\' && escapes {
                match self.next() {
                    Some(next) => text.push(next),
                    None => return (text, None),
                }
            } else {
                text.push(c);
            }
        }
        (text, None)
    }

    fn key(&mut self, values: &mut Values, level: usize) -> Step<()> {
        let literal = matches!(self.mode, Mode::Literal);
        let (key, last) = self.until(if literal { "=[." } else { "=[,." });
        match last {
            None if key.is_empty() => Err(Stop::End),
            None => fail(format!("key {key:?} has no value")),
            Some('[') => {
                let index = self.index()?;
                let list = match values.get(&key) {
                    None => Vec::new(),
                    Some(Json::Array(list)) => list.clone(),
                    Some(other) => return fail(conversion(other, "[]interface {}")),
                };
                let mut list = list;
                let result = self.list_item(&mut list, index, level);
                insert(values, key, Json::Array(list));
                result
            }
            Some('=') => self.assign(values, key),
            Some('.') => self.nested(values, key, level + 1),
            Some(_) => {
                insert(values, key.clone(), Json::String(String::new()));
                fail(format!("key {key:?} has no value (cannot end with ,)"))
            }
        }
    }

    fn assign(&mut self, values: &mut Values, key: String) -> Step<()> {
        match self.value() {
            Ok((value, ended)) => {
                insert(values, key, value);
                if ended { Err(Stop::End) } else { Ok(()) }
            }
            Err(stop) => Err(stop),
        }
    }

    fn nested(&mut self, values: &mut Values, key: String, level: usize) -> Step<()> {
        if level > MAX_NESTED {
            return fail(format!(
                "value name nested level is greater than maximum supported nested level of {MAX_NESTED}"
            ));
        }
        let mut inner = match values.get(&key) {
            None => Values::new(),
            Some(Json::Object(inner)) => inner.clone(),
            Some(other) => return fail(conversion(other, "map[string]interface {}")),
        };
        let result = self.key(&mut inner, level);
        if result.is_ok() && inner.is_empty() {
            return fail(format!("key map {key:?} has no value"));
        }
        if !inner.is_empty() {
            insert(values, key, Json::Object(inner));
        }
        result
    }

    fn index(&mut self) -> Step<i64> {
        let (text, last) = self.until("]");
        if last.is_none() {
            // Helm takes the end of the input inside an index for the end of all settings.
            return Err(Stop::End);
        }
        text.parse().or_else(|_| {
            fail(format!("error parsing index: strconv.Atoi: parsing {text:?}: invalid syntax"))
        })
    }

    fn list_item(&mut self, list: &mut Vec<Json>, index: i64, level: usize) -> Step<()> {
        let Ok(at) = usize::try_from(index) else {
            return fail(format!("negative {index} index not allowed"));
        };
        let (text, last) = self.until("[.=");
        if !text.is_empty() {
            // Go shows single characters here.
            let shown: Vec<String> = text.chars().map(|c| format!("{c:?}")).collect();
            let shown = shown.join(" ");
            return fail(format!("unexpected data at end of array index: [{shown}]"));
        }
        match last {
            None => Err(Stop::End),
            Some('=') => {
                let (value, ended) = self.value()?;
                set_index(list, at, value)?;
                if ended && matches!(self.mode, Mode::Json) { Err(Stop::End) } else { Ok(()) }
            }
            Some('[') => {
                let next = self.index()?;
                let mut inner = match list.get(at) {
                    None | Some(Json::Null) => Vec::new(),
                    Some(Json::Array(inner)) => inner.clone(),
                    Some(other) => return fail(conversion(other, "[]interface {}")),
                };
                self.list_item(&mut inner, next, level)?;
                set_index(list, at, Json::Array(inner))
            }
            Some(_) => {
                let mut inner = match list.get(at) {
                    Some(Json::Object(inner)) => inner.clone(),
                    _ => Values::new(),
                };
                let result = self.key(&mut inner, level);
                match result {
                    Ok(()) => set_index(list, at, Json::Object(inner)),
                    Err(Stop::End) if at < list.len() => {
                        set_index(list, at, Json::Object(inner))?;
                        Err(Stop::End)
                    }
                    Err(stop) => Err(stop),
                }
            }
        }
    }

    /// The value after an equals sign, and whether the input ended with it.
    fn value(&mut self) -> Step<(Json, bool)> {
        match self.mode {
            Mode::Literal => {
                let text = std::mem::take(&mut self.rest);
                Ok((Json::String(text.to_owned()), false))
            }
            Mode::Json => self.json(),
            _ if self.rest.is_empty() => Ok((Json::String(String::new()), true)),
            _ if self.rest.starts_with('{') => self.list().map(|list| (list, false)),
            _ => {
                let (text, _) = self.until(",");
                Ok((self.scalar(&text)?, false))
            }
        }
    }

    fn json(&mut self) -> Step<(Json, bool)> {
        if self.skip_to_value() {
            return Ok((Json::Null, false));
        }
        let mut stream = serde_json::Deserializer::from_str(self.rest).into_iter::<Json>();
        let value = match stream.next() {
            Some(Ok(value)) => value,
            Some(Err(error)) => return fail(error.to_string()),
            None => return fail("EOF"),
        };
        let used = stream.byte_offset();
        self.rest = self.rest.get(used..).unwrap_or_default();
        self.skip_to_value();
        Ok((with_floats(value), false))
    }

    /// Skips white space and a comma; true when nothing but that came.
    fn skip_to_value(&mut self) -> bool {
        let trimmed = self.rest.trim_start();
        if let Some(rest) = trimmed.strip_prefix(',') {
            self.rest = rest;
            return true;
        }
        self.rest = trimmed;
        trimmed.is_empty()
    }

    fn list(&mut self) -> Step<Json> {
        self.next();
        let mut list = Vec::new();
        loop {
            let (text, last) = self.until(",}");
            match last {
                None => return fail("list must terminate with '}'"),
                Some('}') => {
                    self.rest = self.rest.strip_prefix(',').unwrap_or(self.rest);
                    list.push(self.scalar(&text)?);
                    return Ok(Json::Array(list));
                }
                Some(_) => list.push(self.scalar(&text)?),
            }
        }
    }

    fn scalar(&self, text: &str) -> Step<Json> {
        Ok(match self.mode {
            Mode::Files(read) => Json::String(read(text)?),
            Mode::Typed => typed(text),
            Mode::Strings | Mode::Json | Mode::Literal => Json::String(text.to_owned()),
        })
    }
}

/// A value as `--set` understands it.
fn typed(text: &str) -> Json {
    match text.to_lowercase().as_str() {
        "true" => Json::Bool(true),
        "false" => Json::Bool(false),
        "null" => Json::Null,
        "0" => Json::from(0),
        _ if text.starts_with('0') => Json::String(text.to_owned()),
        _ => text.parse::<i64>().map_or_else(|_| Json::String(text.to_owned()), Json::from),
    }
}

fn conversion(found: &Json, wanted: &str) -> String {
    let found = match found {
        Json::Null => "nil",
        Json::Bool(_) => "bool",
        Json::Number(number) if number.is_f64() => "float64",
        Json::Number(_) => "int64",
        Json::String(_) => "string",
        Json::Array(_) => "[]interface {}",
        Json::Object(_) => "map[string]interface {}",
    };
    format!("unable to parse key: interface conversion: interface {{}} is {found}, not {wanted}")
}

fn insert(values: &mut Values, key: String, value: Json) {
    if !key.is_empty() {
        values.insert(key, value);
    }
}

fn set_index(list: &mut Vec<Json>, index: usize, value: Json) -> Step<()> {
    if index > MAX_INDEX {
        return fail(format!(
            "index of {index} is greater than maximum supported index of {MAX_INDEX}"
        ));
    }
    if list.len() <= index {
        list.resize(index + 1, Json::Null);
    }
    if let Some(slot) = list.get_mut(index) {
        *slot = value;
    }
    Ok(())
}
