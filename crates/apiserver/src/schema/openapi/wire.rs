//! An OpenAPI v2 document in the protobuf form that kubectl asks for (`OpenAPIv2.proto` of gnostic-models names the
//! messages and numbers).

use serde_json::Value;

/// Encodes a document that [`super::v2::v2`] made.
pub fn encode(document: &Value) -> Vec<u8> {
    let mut out = Message::default();
    out.text(1, text(document, "swagger"));
    let info = document.get("info").unwrap_or(&Value::Null);
    out.message(2, |out| {
        out.text(1, text(info, "title"));
        out.text(2, text(info, "version"));
    });
    out.message(8, |out| {
        out.named(2, document.get("paths"), path_item);
    });
    out.message(9, |out| out.named(1, document.get("definitions"), schema));
    out.0
}

/// A message under construction.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn varint(&mut self, mut value: u64) {
        while value > 0x7f {
            self.0.push(u8::try_from(value & 0x7f).unwrap_or_default() | 0x80);
            value >>= 7;
        }
        self.0.push(u8::try_from(value).unwrap_or_default());
    }

    fn bytes(&mut self, number: u64, bytes: &[u8]) {
        self.varint(number << 3 | 2);
        self.varint(u64::try_from(bytes.len()).unwrap_or_default());
        self.0.extend_from_slice(bytes);
    }

    /// A text field; an empty one is left out, as in every proto3 message.
    fn text(&mut self, number: u64, text: &str) {
        if !text.is_empty() {
            self.bytes(number, text.as_bytes());
        }
    }

    fn truth(&mut self, number: u64, value: Option<&Value>) {
        if value.and_then(Value::as_bool) == Some(true) {
            self.varint(number << 3);
            self.varint(1);
        }
    }

    fn message(&mut self, number: u64, fill: impl FnOnce(&mut Self)) {
        let mut inner = Self::default();
        fill(&mut inner);
        self.bytes(number, &inner.0);
    }

    /// A map as the list of named values that the format has in its place.
    fn named(&mut self, number: u64, map: Option<&Value>, fill: fn(&mut Self, &Value)) {
        for (name, value) in map.and_then(Value::as_object).into_iter().flatten() {
            self.message(number, |out| {
                out.text(1, name);
                out.message(2, |out| fill(out, value));
            });
        }
    }

    /// Fields whose names begin with `x-`, as YAML, of which JSON is a part.
    fn extensions(&mut self, number: u64, of: &Value) {
        let fields = of.as_object().into_iter().flatten();
        for (name, value) in
            fields.filter(|(name, value)| name.starts_with("x-") && !value.is_null())
        {
            self.message(number, |out| {
                out.text(1, name);
                out.message(2, |out| out.text(2, &value.to_string()));
            });
        }
    }
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn list<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    value.get(name).and_then(Value::as_array).into_iter().flatten()
}

fn path_item(out: &mut Message, item: &Value) {
    for (number, method) in [(2, "get"), (3, "put"), (4, "post"), (5, "delete"), (8, "patch")] {
        if let Some(it) = item.get(method) {
            out.message(number, |out| operation(out, it));
        }
    }
    parameters(out, 9, item);
}

fn operation(out: &mut Message, operation: &Value) {
    parameters(out, 8, operation);
    out.message(9, |out| {
        out.named(1, operation.get("responses"), |out, response| {
            out.message(1, |out| {
                out.text(1, text(response, "description"));
                if let Some(result) = response.get("schema").filter(|it| !it.is_null()) {
                    out.message(2, |out| out.message(1, |out| schema(out, result)));
                }
            });
        });
    });
    out.extensions(13, operation);
}

/// Parameters in the query and in the path; both are messages of nearly the same fields.
fn parameters(out: &mut Message, number: u64, of: &Value) {
    for parameter in list(of, "parameters") {
        let in_path = text(parameter, "in") == "path";
        let (variant, kind, unique) = if in_path { (4, 5, 19) } else { (3, 6, 20) };
        out.message(number, |out| {
            out.message(1, |out| {
                out.message(2, |out| {
                    out.message(variant, |out| {
                        out.truth(1, parameter.get("required"));
                        out.text(2, text(parameter, "in"));
                        out.text(4, text(parameter, "name"));
                        out.text(kind, text(parameter, "type"));
                        out.truth(unique, parameter.get("uniqueItems"));
                    });
                });
            });
        });
    }
}

fn schema(out: &mut Message, schema: &Value) {
    out.text(1, text(schema, "$ref"));
    out.text(2, text(schema, "format"));
    out.text(4, text(schema, "description"));
    if let Some(default) = schema.get("default") {
        out.message(5, |out| out.text(2, &default.to_string()));
    }
    out.text(13, text(schema, "pattern"));
    out.truth(16, schema.get("uniqueItems"));
    for name in list(schema, "required").filter_map(Value::as_str) {
        out.text(19, name);
    }
    match schema.get("additionalProperties") {
        Some(values @ Value::Object(_)) => {
            out.message(21, |out| out.message(1, |out| self::schema(out, values)));
        }
        values @ Some(Value::Bool(_)) => out.message(21, |out| out.truth(2, values)),
        _ => {}
    }
    if let Some(kind) = schema.get("type").and_then(Value::as_str) {
        out.message(22, |out| out.text(1, kind));
    }
    if let Some(items) = schema.get("items") {
        out.message(23, |out| out.message(1, |out| self::schema(out, items)));
    }
    if let Some(fields) = schema.get("properties") {
        out.message(25, |out| out.named(1, Some(fields), self::schema));
    }
    out.extensions(31, schema);
}
