//! Checking JSON against the shape of Go structs before it is read, with Go's errors.

use crate::error::{Error, Result, quoted};
use serde_json::{Map, Value};

/// What a value has to look like.
#[derive(Debug)]
pub(crate) enum Shape {
    Text,
    Bool,
    /// An integer, with the name of its Go type.
    Int(&'static str),
    /// A list of these.
    List(&'static Self),
    /// A map from strings to these.
    Map(&'static Self),
    Struct(&'static Fields),
    /// As [`Shape::Struct`], behind a pointer.
    Optional(&'static Fields),
    /// As [`Shape::Text`], behind a pointer.
    OptionalText,
    Any,
}

/// A Go struct.
#[derive(Debug)]
pub(crate) struct Fields {
    pub(crate) name: &'static str,
    pub(crate) fields: &'static [(&'static str, Shape)],
}

/// How much of Go's readers is in play.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Reading {
    /// Plain JSON, unknown fields are errors: how kustomizations are read.
    Strict,
    /// Numbers and booleans become texts where texts are wanted, unknown fields are errors: `yaml.UnmarshalStrict`.
    Known,
    /// As [`Reading::Known`], but unknown fields are ignored: `yaml.Unmarshal`.
    Lenient,
}

/// Checks a value and makes it fit: field names get their right case, nulls become what Go leaves there.
pub(crate) fn conform(value: &mut Value, shape: &'static Fields, reading: Reading) -> Result<()> {
    if value.is_null() {
        *value = Value::Object(Map::new());
    }
    let mut check = Check { reading, structs: Vec::new(), path: Vec::new() };
    match value {
        Value::Object(map) => check.fields(map, shape),
        other => Err(check.mismatch(other, &Shape::Struct(shape))),
    }
}

struct Check {
    reading: Reading,
    structs: Vec<&'static str>,
    path: Vec<&'static str>,
}

impl Check {
    fn value(&mut self, value: &mut Value, shape: &'static Shape) -> Result<()> {
        if value.is_null() {
            *value = zero(shape);
            return Ok(());
        }
        match (shape, value) {
            (Shape::Any, _)
            | (Shape::Text | Shape::OptionalText, Value::String(_))
            | (Shape::Bool, Value::Bool(_)) => Ok(()),
            (Shape::Int(_), Value::Number(number)) if number.is_i64() => Ok(()),
            (Shape::List(item), Value::Array(items)) => {
                items.iter_mut().try_for_each(|value| self.value(value, item))
            }
            (Shape::Map(item), Value::Object(map)) => {
                map.values_mut().try_for_each(|value| self.value(value, item))
            }
            (Shape::Struct(fields) | Shape::Optional(fields), Value::Object(map)) => {
                self.fields(map, fields)
            }
            (Shape::Text | Shape::OptionalText, value) if self.reading != Reading::Strict => {
                match as_text(value) {
                    Some(text) => {
                        *value = Value::String(text);
                        Ok(())
                    }
                    None => Err(self.mismatch(value, shape)),
                }
            }
            (_, value) => Err(self.mismatch(value, shape)),
        }
    }

    fn fields(&mut self, map: &mut Map<String, Value>, shape: &'static Fields) -> Result<()> {
        let mut names: Vec<String> = map.keys().cloned().collect();
        names.sort();
        self.structs.push(shape.name);
        for name in names {
            let exact = shape.fields.iter().find(|(known, _)| *known == name);
            let known = exact.or_else(|| {
                shape.fields.iter().find(|(known, _)| known.eq_ignore_ascii_case(&name))
            });
            let Some((known, field)) = known else {
                if self.reading != Reading::Lenient {
                    return Err(Error::new(format!("json: unknown field {}", quoted(&name))));
                }
                map.remove(&name);
                continue;
            };
            let Some(mut value) = map.remove(&name).filter(|value| !value.is_null()) else {
                continue;
            };
            self.path.push(known);
            self.value(&mut value, field)?;
            self.path.pop();
            map.insert((*known).to_owned(), value);
        }
        self.structs.pop();
        Ok(())
    }

    fn mismatch(&self, value: &Value, shape: &Shape) -> Error {
        let found = match value {
            Value::Null => "null".to_owned(),
            Value::Bool(_) => "bool".to_owned(),
            Value::Number(number) if matches!(shape, Shape::Int(_)) => format!("number {number}"),
            Value::Number(_) => "number".to_owned(),
            Value::String(_) => "string".to_owned(),
            Value::Array(_) => "array".to_owned(),
            Value::Object(_) => "object".to_owned(),
        };
        let place = match self.structs.last() {
            Some(name) if !self.path.is_empty() => {
                format!("struct field {name}.{} of type ", self.path.join("."))
            }
            _ => "value of type ".to_owned(),
        };
        Error::new(format!("json: cannot unmarshal {found} into Go {place}{}", go_type(shape)))
    }
}

/// A number or boolean as sigs.k8s.io/yaml writes it where a text is wanted.
fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::Bool(value) => Some(value.to_string()),
        Value::Number(number) if number.is_f64() => {
            number.as_f64().map(crate::tree::json::go_float)
        }
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn zero(shape: &Shape) -> Value {
    match shape {
        Shape::Text => Value::String(String::new()),
        Shape::Bool => Value::Bool(false),
        Shape::Int(_) => Value::from(0),
        Shape::List(_) => Value::Array(Vec::new()),
        Shape::Map(_) | Shape::Struct(_) => Value::Object(Map::new()),
        Shape::Optional(_) | Shape::OptionalText | Shape::Any => Value::Null,
    }
}

fn go_type(shape: &Shape) -> String {
    match shape {
        Shape::Text | Shape::OptionalText => "string".to_owned(),
        Shape::Bool => "bool".to_owned(),
        Shape::Int(name) => (*name).to_owned(),
        Shape::List(item) => format!("[]{}", go_type(item)),
        Shape::Map(item) => format!("map[string]{}", go_type(item)),
        Shape::Struct(fields) | Shape::Optional(fields) => format!("types.{}", fields.name),
        Shape::Any => "interface {}".to_owned(),
    }
}
