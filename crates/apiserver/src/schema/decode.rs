//! What decoding into the server's types does to an object: wrong types are refused, unknown fields dropped and named, values
//! written as they will be written back.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::TypeRef;
use super::node::{Additional, Kind, Schema};
use super::prune::prune;
use super::quantity::Quantity;
use super::time;

/// An object as its type holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    /// The object without unknown fields, values in canonical form.
    pub object: Value,
    /// What was dropped, as warnings and strict errors word it: `unknown field "spec.foo"`. In order of occurrence.
    pub unknown: Vec<String>,
}

impl Decoded {
    /// The message of the error that `fieldValidation=Strict` makes of dropped fields.
    pub fn strict_error(&self) -> Option<String> {
        (!self.unknown.is_empty())
            .then(|| format!("strict decoding error: {}", self.unknown.join(", ")))
    }
}

/// Decodes an object of the type.
///
/// # Errors
/// A value of the wrong type, worded as the Go decoder does. The server prefixes it with
/// `<Kind> in version "<version>" cannot be handled as a <Kind>: ` and answers 400.
pub fn decode(of: &TypeRef, object: Value) -> Result<Decoded, String> {
    if !of.is_builtin() {
        return decode_custom(of, object);
    }
    let mut decoder = Decoder { path: Vec::new(), unknown: Vec::new() };
    let object = decoder.value(of.schema(), object, of.kind())?;
    Ok(Decoded { object, unknown: decoder.unknown })
}

/// Custom objects keep their values as they are, but for object metadata, which has a Go type.
fn decode_custom(of: &TypeRef, mut object: Value) -> Result<Decoded, String> {
    let pruned = prune(of, &mut object);
    let mut unknown: Vec<_> = pruned.iter().map(|path| format!("unknown field {path:?}")).collect();
    if let (Some(place), Some(own)) =
        (of.schema().properties.get("metadata"), object.get_mut("metadata"))
    {
        let mut decoder = Decoder { path: vec![("metadata".to_owned(), false)], unknown };
        *own = decoder.value(place, own.take(), "ObjectMeta")?;
        unknown = decoder.unknown;
    }
    for (name, field) in of.schema().properties.iter().filter(|(name, _)| &***name != "metadata") {
        if let Some(value) = object.get_mut(&**name) {
            decode_embedded(field, value, name)?;
        }
    }
    Ok(Decoded { object, unknown })
}

/// Decodes the metadata of embedded objects.
fn decode_embedded(place: &Schema, value: &mut Value, path: &str) -> Result<(), String> {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let path = format!("{path}.{name}");
                let Some(field) = place.child(name) else { continue };
                if place.embedded && name == "metadata" {
                    let mut decoder = Decoder { path: Vec::new(), unknown: Vec::new() };
                    let decoded = decoder.value(field, value.clone(), "ObjectMeta");
                    *value = decoded
                        .map_err(|error| format!("{path}: Invalid value: {value}: {error}"))?;
                } else {
                    decode_embedded(field, value, &path)?;
                }
            }
        }
        Value::Array(items) => {
            let Some(schema) = &place.items else { return Ok(()) };
            for (index, item) in items.iter_mut().enumerate() {
                decode_embedded(schema, item, &format!("{path}[{index}]"))?;
            }
        }
        _ => {}
    }
    Ok(())
}

struct Decoder {
    /// Each step with whether the Go decoder names it in errors: it does not name keys of maps.
    path: Vec<(String, bool)>,
    unknown: Vec<String>,
}

impl Decoder {
    fn value(&mut self, place: &Schema, value: Value, holder: &str) -> Result<Value, String> {
        let schema = place.resolve();
        match (schema.kind, value) {
            (_, Value::Null) => Ok(Value::Null),
            (Kind::Object, Value::Object(fields)) => {
                self.object(place, fields, holder).map(Value::Object)
            }
            (Kind::Array, Value::Array(items)) => self.array(schema, items, holder),
            (Kind::String, Value::String(text)) => string(place, text),
            (Kind::Boolean, value @ Value::Bool(_)) | (Kind::Any | Kind::Raw, value) => Ok(value),
            (Kind::Number, value @ Value::Number(_))
            | (Kind::IntOrString, value @ Value::String(_)) => Ok(value),
            (Kind::Integer, Value::Number(number)) => self.integer(place, &number, holder),
            (Kind::IntOrString, Value::Number(number)) => {
                match number.as_i64().and_then(|n| i32::try_from(n).ok()) {
                    Some(number) => Ok(number.into()),
                    None => Err(format!(
                        "json: cannot unmarshal number {number} into Go value of type int32"
                    )),
                }
            }
            (Kind::Quantity, Value::String(text)) => quantity(&text),
            (Kind::Quantity, Value::Number(number)) => quantity(&number.to_string()),
            (Kind::Quantity, other) => quantity(&other.to_string()),
            (_, value) => Err(self.mismatch(place, &word(&value), holder)),
        }
    }

    fn object(
        &mut self,
        place: &Schema,
        fields: Map<String, Value>,
        holder: &str,
    ) -> Result<Map<String, Value>, String> {
        let schema = place.resolve();
        let holder = place
            .reference
            .map_or(holder, |entry| entry.name.rsplit('.').next().unwrap_or_default());
        let mut out = Map::new();
        for (name, value) in fields {
            let is_map = schema.properties.is_empty();
            let field = match (schema.properties.get(name.as_str()), &schema.additional) {
                (Some(field), _) => field,
                (None, Additional::Typed(field)) => field,
                (None, Additional::Unset | Additional::Open) if is_map => {
                    out.insert(name, value);
                    continue;
                }
                (None, _) => {
                    self.unknown.push(format!("unknown field {:?}", self.place(&name)));
                    continue;
                }
            };
            self.path.push((name.clone(), !is_map));
            let value = self.value(field, value, holder)?;
            self.path.pop();
            let omitted = is_zero(&value) && schema.omitted_when_empty.contains(&name.as_str());
            if (!omitted || name == "managedFields") && !value.is_null() {
                out.insert(name, value);
            }
        }
        fill_fields(schema, &mut out);
        Ok(out)
    }

    fn array(&mut self, schema: &Schema, items: Vec<Value>, holder: &str) -> Result<Value, String> {
        let Some(item) = &schema.items else { return Ok(Value::Array(items)) };
        let (last, named) = self.path.pop().unwrap_or_default();
        let mut out = Vec::with_capacity(items.len());
        for (index, value) in items.into_iter().enumerate() {
            self.path.push((format!("{last}[{index}]"), named));
            let value = match self.value(item, value, holder)? {
                // A null item decodes as the zero value of its type.
                Value::Null => zero_item(item),
                value => value,
            };
            out.push(value);
            self.path.pop();
        }
        self.path.push((last, named));
        Ok(Value::Array(out))
    }

    fn integer(
        &self,
        place: &Schema,
        number: &serde_json::Number,
        holder: &str,
    ) -> Result<Value, String> {
        let small = place.format.as_deref() == Some("int32");
        let fits = |number: i64| !small || i32::try_from(number).is_ok();
        let whole = number.as_i64().or_else(|| number.as_f64().and_then(exact));
        match whole {
            Some(whole) if fits(whole) && number.as_i64().is_some() => Ok(whole.into()),
            _ => Err(self.mismatch(place, &format!("number {number}"), holder)),
        }
    }

    fn mismatch(&self, place: &Schema, found: &str, holder: &str) -> String {
        let path = self.place_without_indexes();
        format!(
            "json: cannot unmarshal {found} into Go struct field {holder}.{path} of type {}",
            go_type(place)
        )
    }

    fn place(&self, name: &str) -> String {
        let mut path =
            self.path.iter().map(|(step, _)| step.as_str()).collect::<Vec<_>>().join(".");
        if !path.is_empty() {
            path.push('.');
        }
        path + name
    }

    fn place_without_indexes(&self) -> String {
        let named = self.path.iter().filter(|(_, named)| *named);
        named.filter_map(|(step, _)| step.split('[').next()).collect::<Vec<_>>().join(".")
    }
}

/// Sets the fields of a built-in object that Go writes even when they are unset, everywhere in it: `status: {}`,
/// `resources: {}`, required strings and numbers. Decoding does this; what changes an object afterwards calls it again.
///
/// Empty lists and maps that are always written become `null`, as they do on their way through the real server's storage.
pub fn fill(of: &TypeRef, object: &mut Value) {
    if of.is_builtin() {
        empty_to_null(of.schema(), object);
        fill_value(of.schema(), object);
    }
}

fn empty_to_null(place: &Schema, value: &mut Value) {
    let schema = place.resolve();
    match value {
        Value::Object(fields) => {
            for (name, value) in fields.iter_mut() {
                let Some(field) = schema.child(name) else { continue };
                let map = matches!(field.resolve().additional, Additional::Typed(_));
                let empty = match &*value {
                    Value::Array(items) => items.is_empty(),
                    Value::Object(fields) => map && fields.is_empty(),
                    _ => false,
                };
                if empty && schema.written_when_unset.contains(&name.as_str()) {
                    *value = Value::Null;
                }
                empty_to_null(field, value);
            }
        }
        Value::Array(items) => {
            if let Some(schema) = &schema.items {
                for item in items {
                    empty_to_null(schema, item);
                }
            }
        }
        _ => {}
    }
}

/// [`fill`] without the turn to null.
pub(super) fn fill_value(place: &Schema, value: &mut Value) {
    let schema = place.resolve();
    match value {
        Value::Object(fields) => {
            for (name, value) in fields.iter_mut() {
                if let Some(field) = schema.child(name) {
                    fill_value(field, value);
                }
            }
            fill_fields(schema, fields);
        }
        Value::Array(items) => {
            if let Some(schema) = &schema.items {
                for item in items {
                    fill_value(schema, item);
                }
            }
        }
        _ => {}
    }
}

/// The fields of one object.
fn fill_fields(schema: &Schema, fields: &mut Map<String, Value>) {
    for name in &schema.written_when_unset {
        let kind = schema.properties.get(*name).map(|field| field.resolve().kind);
        fields.entry(*name).or_insert_with(|| match kind {
            Some(Kind::Quantity) => "0".into(),
            Some(Kind::IntOrString) => 0.into(),
            _ => Value::Null,
        });
    }
    for (name, field) in &schema.properties {
        let Some(default) = &field.default else { continue };
        let omitted = !default.is_object() && schema.omitted_when_empty.contains(&&**name);
        if is_zero(default) && !omitted && fields.get(&**name).is_none_or(Value::is_null) {
            let mut value = default.clone();
            fill_value(field, &mut value);
            fields.insert(name.to_string(), value);
        }
    }
}

fn exact(number: f64) -> Option<i64> {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "checked by the comparison with the original"
    )]
    let whole = number as i64;
    #[expect(clippy::cast_precision_loss, clippy::float_cmp, reason = "equality is what is asked")]
    let same = whole as f64 == number;
    same.then_some(whole)
}

fn string(place: &Schema, text: String) -> Result<Value, String> {
    let precise = place.reference.is_some_and(|entry| entry.name.ends_with(".MicroTime"));
    match place.resolve().format.as_deref() {
        Some("date-time") => time::canonical(&text, precise).map(Value::String),
        Some("byte") => match base64_problem(&text) {
            None => Ok(Value::String(text)),
            Some(at) => Err(format!("illegal base64 data at input byte {at}")),
        },
        _ => Ok(Value::String(text)),
    }
}

/// Where Go's decoder stops in text that is no base64.
fn base64_problem(text: &str) -> Option<usize> {
    if STANDARD.decode(text).is_ok() {
        return None;
    }
    // Line breaks are skipped by Go.
    let plain: String = text.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
    if plain.len() != text.len() && STANDARD.decode(&plain).is_ok() {
        return None;
    }
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    Some(text.bytes().position(|byte| !allowed(byte)).unwrap_or(text.len()))
}

fn quantity(text: &str) -> Result<Value, String> {
    Quantity::parse(text).map(|quantity| quantity.canonical().into()).map_err(str::to_owned)
}

fn zero_item(item: &Schema) -> Value {
    match item.resolve().kind {
        Kind::Object => Value::Object(Map::new()),
        Kind::String => "".into(),
        Kind::Integer | Kind::Number => 0.into(),
        Kind::Boolean => false.into(),
        _ => Value::Null,
    }
}

/// True for what Go's `omitempty` leaves out.
pub(super) fn is_zero(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(value) => !value,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
    }
}

/// What the Go decoder calls a JSON value.
fn word(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(_) => "bool".to_owned(),
        Value::Number(_) => "number".to_owned(),
        Value::String(_) => "string".to_owned(),
        Value::Array(_) => "array".to_owned(),
        Value::Object(_) => "object".to_owned(),
    }
}

/// The Go type of a place, as decoding errors name it.
fn go_type(place: &Schema) -> String {
    if let Some(entry) = place.reference {
        let mut parts = entry.name.rsplit('.');
        let kind = parts.next().unwrap_or_default();
        return format!("{}.{kind}", parts.next().unwrap_or_default());
    }
    match (place.kind, &place.additional, &place.items) {
        (Kind::Object, Additional::Typed(value), _) => format!("map[string]{}", go_type(value)),
        (Kind::Array, _, Some(items)) => format!("[]{}", go_type(items)),
        (Kind::String, _, _) if place.format.as_deref() == Some("byte") => "[]uint8".to_owned(),
        (Kind::String, _, _) => "string".to_owned(),
        (Kind::Integer, _, _) => place.format.as_deref().unwrap_or("int").to_owned(),
        (Kind::Number, _, _) => "float64".to_owned(),
        (Kind::Boolean, _, _) => "bool".to_owned(),
        _ => "map[string]interface {}".to_owned(),
    }
}
