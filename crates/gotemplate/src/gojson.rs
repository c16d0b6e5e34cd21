//! JSON as Go's `encoding/json` writes and reads it.

use crate::text::Str;
use crate::value::{Element, Map, Value, bytes_of};
use crate::{Error, Result};

mod decode;

pub use decode::from_json_text;

/// Values nested deeper than this are taken for a cycle.
pub(crate) const MAX_DEPTH: usize = 500;

/// The largest JSON text written, in bytes.
const MAX_WRITTEN: usize = 256 << 20;

/// How to write JSON.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Style {
    /// `<`, `>` and `&` become `\u003c` and so on.
    pub(crate) escape_html: bool,
    /// Two spaces a level, one item a line.
    pub(crate) pretty: bool,
}

/// The JSON text of a value as `json.Marshal` gives it; `pretty` as `MarshalIndent` with two
/// spaces.
///
/// # Errors
/// For functions, NaN, infinities and cycles.
pub fn to_json_text(value: &Value, pretty: bool) -> Result<Vec<u8>, Error> {
    encode(value, Style { escape_html: true, pretty })
}

pub(crate) fn encode(value: &Value, style: Style) -> Result<Vec<u8>> {
    let mut encoder = Encoder { out: Vec::new(), style };
    encoder.value(value, 0)?;
    Ok(encoder.out)
}

struct Encoder {
    out: Vec<u8>,
    style: Style,
}

impl Encoder {
    fn text(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    fn value(&mut self, value: &Value, depth: usize) -> Result<()> {
        if depth > MAX_DEPTH || self.out.len() > MAX_WRITTEN {
            let name = value.type_name();
            return Err(Error(format!("json: unsupported value: encountered a cycle via {name}")));
        }
        match value {
            Value::Missing | Value::Nil => self.text("null"),
            Value::Bool(b) => self.text(if *b { "true" } else { "false" }),
            Value::Int(i) | Value::Int64(i) | Value::Duration(i) => self.text(&i.to_string()),
            Value::Uint8(i) => self.text(&i.to_string()),
            Value::Uint64(i) => self.text(&i.to_string()),
            Value::Float(f) => {
                let text = float(*f)?;
                self.text(&text);
            }
            Value::Complex(..) => return Err(Error::new("json: unsupported type: complex128")),
            Value::String(s) => self.string(s),
            Value::List(list) if list.is_nil() => self.text("null"),
            Value::List(list) if list.element() == Element::Byte => {
                let text = crate::sprig::base64(&bytes_of(list));
                self.text(&format!("\"{text}\""));
            }
            Value::List(list) => self.list(list.items(), depth)?,
            Value::Map(map) => self.map(map, depth)?,
            Value::Time(time) => {
                let text = crate::gotime::rfc3339(time);
                self.text(&format!("\"{text}\""));
            }
            Value::Function(function) => {
                let name = function.type_name();
                return Err(Error(format!("json: unsupported type: {name}")));
            }
            Value::Object(object) => self.value(&object.to_value(), depth + 1)?,
        }
        Ok(())
    }

    fn line(&mut self, depth: usize) {
        if self.style.pretty {
            self.out.push(b'\n');
            self.out.extend(std::iter::repeat_n(b' ', depth * 2));
        }
    }

    fn list(&mut self, items: &[Value], depth: usize) -> Result<()> {
        self.out.push(b'[');
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                self.out.push(b',');
            }
            self.line(depth + 1);
            self.value(item, depth + 1)?;
        }
        if !items.is_empty() {
            self.line(depth);
        }
        self.out.push(b']');
        Ok(())
    }

    fn map(&mut self, map: &Map, depth: usize) -> Result<()> {
        let entries = map.entries();
        self.out.push(b'{');
        for (index, (key, item)) in entries.iter().enumerate() {
            if index > 0 {
                self.out.push(b',');
            }
            self.line(depth + 1);
            self.string(key);
            self.text(if self.style.pretty { ": " } else { ":" });
            self.value(item, depth + 1)?;
        }
        if !entries.is_empty() {
            self.line(depth);
        }
        self.out.push(b'}');
        Ok(())
    }

    fn string(&mut self, text: &Str) {
        self.out.push(b'"');
        for chunk in text.as_bytes().utf8_chunks() {
            for c in chunk.valid().chars() {
                self.character(c);
            }
            for _ in chunk.invalid() {
                self.text("\\ufffd");
            }
        }
        self.out.push(b'"');
    }

    fn character(&mut self, c: char) {
        match c {
            '"' => self.text("\\\""),
            '\\' => self.text("\\\\"),
            '\n' => self.text("\\n"),
            '\r' => self.text("\\r"),
            '\t' => self.text("\\t"),
            '\u{8}' => self.text("\\b"),
            '\u{c}' => self.text("\\f"),
            '<' | '>' | '&' if self.style.escape_html => {
                self.text(&format!("\\u{:04x}", u32::from(c)));
            }
            '\0'..'\u{20}' | '\u{2028}' | '\u{2029}' => {
                self.text(&format!("\\u{:04x}", u32::from(c)));
            }
            c => self.text(c.encode_utf8(&mut [0; 4])),
        }
    }
}

fn float(f: f64) -> Result<String> {
    if !f.is_finite() {
        let shown = crate::gofmt::format_float(f, 'g', None);
        let shown = if shown == "Inf" { "+Inf".to_owned() } else { shown };
        return Err(Error(format!("json: unsupported value: {shown}")));
    }
    let size = f.abs();
    if size != 0.0 && !(1e-6..1e21).contains(&size) {
        let text = crate::gofmt::format_float(f, 'e', None);
        // Go writes e-9, not e-09.
        return Ok(text.replace("e-0", "e-"));
    }
    Ok(crate::gofmt::format_float(f, 'f', None))
}
