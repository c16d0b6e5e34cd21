//! Reads request bodies in Kubernetes' protobuf encoding, which typed Go clients (`kubectl create`, Helm,
//! controller-runtime) prefer for built-in kinds. Answers are always JSON, which the same clients accept.
//!
//! Messages are decoded straight into JSON by a table of field numbers (`protobuf/messages.txt`).

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Map, Value};

/// What every encoded object begins with.
const MAGIC: &[u8] = b"k8s\0";
/// Objects nest less than this; JSON schemas in definitions are the deepest.
const MAX_DEPTH: usize = 100;

static TABLE: LazyLock<BTreeMap<&'static str, Vec<Field>>> = LazyLock::new(|| {
    let lines = include_str!("protobuf/messages.txt").lines().filter(|line| !line.starts_with('#'));
    lines
        .filter_map(|line| line.split_once('|'))
        .map(|(name, fields)| (name, fields.split('|').filter_map(Field::parse).collect()))
        .collect()
});

#[derive(Debug, Clone, Copy)]
struct Field {
    number: u64,
    /// The name in JSON; `-` for a field whose own fields stand in its place.
    name: &'static str,
    shape: Shape,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    One,
    Many,
    Map,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Integer,
    Boolean,
    Bytes,
    Double,
    Message(&'static str),
}

impl Field {
    fn parse(text: &'static str) -> Option<Self> {
        let mut parts = text.split(' ');
        let (number, name, kind) = (parts.next()?.parse().ok()?, parts.next()?, parts.next()?);
        let (shape, kind) = match (kind.strip_prefix('*'), kind.strip_prefix('%')) {
            (Some(kind), _) => (Shape::Many, kind),
            (_, Some(kind)) => (Shape::Map, kind),
            _ => (Shape::One, kind),
        };
        let kind = match kind {
            "s" => Kind::Text,
            "i" => Kind::Integer,
            "b" => Kind::Boolean,
            "y" => Kind::Bytes,
            "d" => Kind::Double,
            message => Kind::Message(message),
        };
        Some(Self { number, name, shape, kind })
    }
}

/// One field as it is on the wire.
#[derive(Debug, Clone, Copy)]
enum Wire<'a> {
    Varint(u64),
    Fixed(u64),
    Bytes(&'a [u8]),
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn varint(&mut self) -> Result<u64, String> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let (first, rest) = self.0.split_first().ok_or("unexpected end")?;
            self.0 = rest;
            value |= u64::from(first & 0x7f) << shift;
            if first & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err("a number is too long".to_owned())
    }

    fn take(&mut self, length: u64) -> Result<&'a [u8], String> {
        let length = usize::try_from(length).map_err(|_| "a length is too large")?;
        let (taken, rest) = self.0.split_at_checked(length).ok_or("unexpected end")?;
        self.0 = rest;
        Ok(taken)
    }

    fn little_endian(&mut self, length: u64) -> Result<u64, String> {
        Ok(self.take(length)?.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte)))
    }

    /// The next field: its number and content; `None` at the end.
    fn field(&mut self) -> Result<Option<(u64, Wire<'a>)>, String> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let tag = self.varint()?;
        let wire = match tag & 7 {
            0 => Wire::Varint(self.varint()?),
            1 => Wire::Fixed(self.little_endian(8)?),
            2 => {
                let length = self.varint()?;
                Wire::Bytes(self.take(length)?)
            }
            5 => Wire::Fixed(self.little_endian(4)?),
            other => return Err(format!("wire type {other} is not in use")),
        };
        Ok(Some((tag >> 3, wire)))
    }
}

impl<'a> Wire<'a> {
    fn bytes(self) -> Result<&'a [u8], String> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            Self::Varint(_) | Self::Fixed(_) => {
                Err("a field has another type than its definition".to_owned())
            }
        }
    }

    fn number(self) -> Result<u64, String> {
        match self {
            Self::Varint(number) | Self::Fixed(number) => Ok(number),
            Self::Bytes(_) => Err("a field has another type than its definition".to_owned()),
        }
    }
}

/// Reads an object with its `apiVersion` and `kind`.
///
/// # Errors
/// The bytes are not in the encoding, or the kind is not in the table.
pub(crate) fn decode(body: &[u8]) -> Result<Value, String> {
    let mut reader = Reader(body.strip_prefix(MAGIC).ok_or("the body lacks the protobuf prefix")?);
    let (mut api_version, mut kind, mut raw) = (String::new(), String::new(), Vec::new());
    while let Some((number, wire)) = reader.field()? {
        match number {
            1 => {
                let mut of = Reader(wire.bytes()?);
                while let Some((number, wire)) = of.field()? {
                    let text = text(wire.bytes()?)?;
                    if number == 1 { api_version = text } else { kind = text }
                }
            }
            2 => raw = wire.bytes()?.to_vec(),
            _ => {}
        }
    }
    let message = message_name(&api_version, &kind)
        .ok_or_else(|| format!("no protobuf encoding of {api_version} {kind} is known"))?;
    let mut object = message_of(message, &raw, 0)?;
    if let Value::Object(fields) = &mut object {
        fields.insert("apiVersion".to_owned(), api_version.into());
        fields.insert("kind".to_owned(), kind.into());
    }
    Ok(object)
}

fn message_name(api_version: &str, kind: &str) -> Option<&'static str> {
    let (group, version) = crate::object::split_api_version(api_version);
    let package = group.split('.').next().filter(|g| !g.is_empty()).unwrap_or("core");
    // Options are sent in the version of the group they are about.
    let name = if kind.ends_with("Options") {
        format!("meta/v1.{kind}")
    } else {
        format!("{package}/{version}.{kind}")
    };
    TABLE.get_key_value(name.as_str()).map(|(name, _)| *name)
}

fn text(bytes: &[u8]) -> Result<String, String> {
    String::from_utf8(bytes.to_vec()).map_err(|_| "a text is not UTF-8".to_owned())
}

fn message_of(name: &'static str, bytes: &[u8], depth: usize) -> Result<Value, String> {
    if depth > MAX_DEPTH {
        return Err(format!("nested deeper than {MAX_DEPTH}"));
    }
    if let Some(special) = special(name, bytes, depth)? {
        return Ok(special);
    }
    let mut object = Map::new();
    fill(&mut object, name, bytes, depth)?;
    Ok(Value::Object(object))
}

fn fill(
    object: &mut Map<String, Value>,
    name: &'static str,
    bytes: &[u8],
    depth: usize,
) -> Result<(), String> {
    let fields = TABLE.get(name).ok_or_else(|| format!("message {name} is not known"))?;
    let mut reader = Reader(bytes);
    while let Some((number, wire)) = reader.field()? {
        let Some(field) = fields.iter().find(|f| f.number == number) else { continue };
        match (field.name, field.kind) {
            ("-", Kind::Message(inline)) => fill(object, inline, wire.bytes()?, depth + 1)?,
            _ => put(object, field, wire, depth)?,
        }
    }
    Ok(())
}

fn put(
    object: &mut Map<String, Value>,
    field: &Field,
    wire: Wire<'_>,
    depth: usize,
) -> Result<(), String> {
    match field.shape {
        Shape::One => {
            object.insert(field.name.to_owned(), value_of(field.kind, wire, depth)?);
        }
        Shape::Many => {
            let value = value_of(field.kind, wire, depth)?;
            let list = object.entry(field.name).or_insert_with(|| Value::Array(Vec::new()));
            if let Value::Array(list) = list {
                list.push(value);
            }
        }
        Shape::Map => {
            let mut entry = Reader(wire.bytes()?);
            let (mut key, mut value) = (String::new(), None);
            while let Some((number, wire)) = entry.field()? {
                if number == 1 {
                    key = text(wire.bytes()?)?;
                } else {
                    value = Some(value_of(field.kind, wire, depth)?);
                }
            }
            let value = value.map_or_else(|| value_of(field.kind, Wire::Bytes(&[]), depth), Ok)?;
            let map = object.entry(field.name).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(map) = map {
                map.insert(key, value);
            }
        }
    }
    Ok(())
}

fn value_of(kind: Kind, wire: Wire<'_>, depth: usize) -> Result<Value, String> {
    Ok(match kind {
        Kind::Text => text(wire.bytes()?)?.into(),
        Kind::Integer => wire.number()?.cast_signed().into(),
        Kind::Boolean => (wire.number()? != 0).into(),
        Kind::Bytes => STANDARD.encode(wire.bytes()?).into(),
        Kind::Double => f64::from_bits(wire.number()?).into(),
        Kind::Message(name) => message_of(name, wire.bytes()?, depth + 1)?,
    })
}

/// Types whose JSON is not an object of their fields.
fn special(name: &'static str, bytes: &[u8], depth: usize) -> Result<Option<Value>, String> {
    let first = |wanted: u64| -> Result<Option<Wire<'_>>, String> {
        let mut reader = Reader(bytes);
        let mut found = None;
        while let Some((number, wire)) = reader.field()? {
            if number == wanted {
                found = Some(wire);
            }
        }
        Ok(found)
    };
    Ok(Some(match name {
        "meta/v1.Time" => time(first(1)?, first(2)?, false)?,
        "meta/v1.MicroTime" => time(first(1)?, first(2)?, true)?,
        "meta/v1.Duration" => {
            let nanos = first(1)?.map_or(Ok(0), Wire::number)?.cast_signed();
            duration(nanos).into()
        }
        "resource.Quantity" => match first(1)? {
            Some(wire) => text(wire.bytes()?)?.into(),
            None => "0".into(),
        },
        "intstr.IntOrString" => match first(1)?.map_or(Ok(0), Wire::number)? {
            0 => first(2)?.map_or(Ok(0), Wire::number)?.cast_signed().into(),
            _ => first(3)?.map_or(Ok(String::new()), |w| text(w.bytes()?))?.into(),
        },
        "meta/v1.FieldsV1" | "runtime.RawExtension" | "apiextensions/v1.JSON" => match first(1)? {
            Some(wire) if !wire.bytes()?.is_empty() => serde_json::from_slice(wire.bytes()?)
                .map_err(|why| format!("embedded JSON: {why}"))?,
            _ => Value::Null,
        },
        "authorization/v1.ExtraValue"
        | "authentication/v1.ExtraValue"
        | "certificates/v1.ExtraValue"
        | "meta/v1.Verbs" => {
            let mut list = Map::new();
            fill(&mut list, name, bytes, depth)?;
            list.remove("items").unwrap_or_else(|| Value::Array(Vec::new()))
        }
        "apiextensions/v1.JSONSchemaPropsOrArray"
        | "apiextensions/v1.JSONSchemaPropsOrBool"
        | "apiextensions/v1.JSONSchemaPropsOrStringArray" => {
            let mut either = Map::new();
            fill(&mut either, name, bytes, depth)?;
            ["schema", "jSONSchemas", "property", "allows"]
                .iter()
                .find_map(|f| either.remove(*f))
                .unwrap_or(Value::Null)
        }
        _ => return Ok(None),
    }))
}

fn time(seconds: Option<Wire<'_>>, nanos: Option<Wire<'_>>, micro: bool) -> Result<Value, String> {
    let Some(seconds) = seconds else { return Ok(Value::Null) };
    let seconds = seconds.number()?.cast_signed();
    let fraction = nanos.map_or(Ok(0), Wire::number)?;
    let fraction = i32::try_from(fraction).map_err(|_| "a time is out of range")?;
    let at = Timestamp::new(seconds, fraction).map_err(|_| "a time is out of range")?;
    let format = if micro { "%Y-%m-%dT%H:%M:%S.%6fZ" } else { "%Y-%m-%dT%H:%M:%SZ" };
    Ok(at.strftime(format).to_string().into())
}

/// Whole seconds in Go's notation (`1h0m5s`); the few durations in these types are.
fn duration(nanos: i64) -> String {
    const NANOS: i64 = 1_000_000_000;
    let seconds = nanos / NANOS;
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let fraction = nanos % NANOS;
    let rest = if fraction == 0 {
        format!("{rest}s")
    } else {
        format!("{rest}.{}s", format!("{fraction:09}").trim_end_matches('0'))
    };
    match (hours, minutes) {
        (0, 0) => rest,
        (0, minutes) => format!("{minutes}m{rest}"),
        (hours, minutes) => format!("{hours}h{minutes}m{rest}"),
    }
}
