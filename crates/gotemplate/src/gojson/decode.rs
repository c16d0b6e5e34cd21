//! Reads JSON with the errors of Go's scanner.

use crate::quote::quote;
use crate::text::Str;
use crate::value::{List, Map, Value};
use crate::{Error, Result};

/// Containers nested deeper than this are refused; Go's own limit is 10000, which would need
/// more stack than it is worth.
const MAX_DEPTH: usize = 1000;

/// The value of a JSON text as `json.Unmarshal` into an `interface{}` gives it.
///
/// # Errors
/// With Go's text.
pub fn from_json_text(text: &[u8]) -> Result<Value, Error> {
    let mut decoder = Decoder { text, at: 0, depth: 0 };
    decoder.space();
    let value = decoder.value()?;
    decoder.space();
    match decoder.peek() {
        None => Ok(value),
        Some(_) => decoder.invalid("after top-level value"),
    }
}

struct Decoder<'a> {
    text: &'a [u8],
    at: usize,
    depth: usize,
}

impl Decoder<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    fn invalid<T>(&self, context: &str) -> Result<T> {
        // Go tries a space at the end of input, which some states refuse.
        let refuses_space = context.starts_with("in literal")
            || context.contains("numeric literal")
            || context.contains("escape");
        let byte = match self.peek() {
            Some(byte) => byte,
            None if refuses_space => b' ',
            None => return Err(Error::new("unexpected end of JSON input")),
        };
        let shown = match byte {
            b'\'' => r"'\''".to_owned(),
            b'"' => r#"'"'"#.to_owned(),
            byte => {
                let quoted = quote(char::from(byte).encode_utf8(&mut [0; 4]).as_bytes());
                format!("'{}'", quoted.trim_matches('"'))
            }
        };
        Err(Error(format!("invalid character {shown} {context}")))
    }

    fn value(&mut self) -> Result<Value> {
        match self.peek() {
            Some(b'{') => self.nested(Self::object),
            Some(b'[') => self.nested(Self::array),
            Some(b'"') => self.string().map(Value::String),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.literal("true", Value::Bool(true)),
            Some(b'f') => self.literal("false", Value::Bool(false)),
            Some(b'n') => self.literal("null", Value::Nil),
            _ => self.invalid("looking for beginning of value"),
        }
    }

    fn nested(&mut self, read: fn(&mut Self) -> Result<Value>) -> Result<Value> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Error::new("exceeded max depth"));
        }
        let value = read(self);
        self.depth -= 1;
        value
    }

    fn literal(&mut self, word: &str, value: Value) -> Result<Value> {
        for expected in word.bytes() {
            if self.peek() != Some(expected) {
                let wanted = char::from(expected);
                return self.invalid(&format!("in literal {word} (expecting '{wanted}')"));
            }
            self.at += 1;
        }
        Ok(value)
    }

    fn object(&mut self) -> Result<Value> {
        self.at += 1;
        let map = Map::new();
        self.space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Value::Map(map));
        }
        loop {
            self.space();
            if self.peek() != Some(b'"') {
                return self.invalid("looking for beginning of object key string");
            }
            let key = self.string()?;
            self.space();
            if self.peek() != Some(b':') {
                return self.invalid("after object key");
            }
            self.at += 1;
            self.space();
            let value = self.value()?;
            map.set(key, value);
            self.space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(Value::Map(map));
                }
                _ => return self.invalid("after object key:value pair"),
            }
        }
    }

    fn array(&mut self) -> Result<Value> {
        self.at += 1;
        let mut items = Vec::new();
        self.space();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Value::List(List::new(items)));
        }
        loop {
            self.space();
            items.push(self.value()?);
            self.space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(Value::List(List::new(items)));
                }
                _ => return self.invalid("after array element"),
            }
        }
    }

    fn digits(&mut self) -> Result<()> {
        if !self.peek().is_some_and(|b| b.is_ascii_digit()) {
            return self.invalid("in numeric literal");
        }
        while self.peek().is_some_and(|b| b.is_ascii_digit()) {
            self.at += 1;
        }
        Ok(())
    }

    fn number(&mut self) -> Result<Value> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            if !self.peek().is_some_and(|b| b.is_ascii_digit()) {
                return self.invalid("after decimal point in numeric literal");
            }
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            if !self.peek().is_some_and(|b| b.is_ascii_digit()) {
                return self.invalid("in exponent of numeric literal");
            }
            self.digits()?;
        }
        let text = self.text.get(start..self.at).unwrap_or_default();
        let text = String::from_utf8_lossy(text);
        match text.parse::<f64>().ok().filter(|f| f.is_finite()) {
            Some(number) => Ok(Value::Float(number)),
            None => Err(Error(format!(
                "json: cannot unmarshal number {text} into Go value of type float64"
            ))),
        }
    }

    fn string(&mut self) -> Result<Str> {
        self.at += 1;
        let mut out: Vec<u8> = Vec::new();
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    break;
                }
                Some(b'\\') => {
                    self.at += 1;
                    let c = self.escape()?;
                    out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                }
                Some(byte) if byte >= 0x20 => {
                    out.push(byte);
                    self.at += 1;
                }
                _ => return self.invalid("in string literal"),
            }
        }
        Ok(match String::from_utf8(out) {
            Ok(text) => Str::from(text),
            Err(error) => Str::from(String::from_utf8_lossy(error.as_bytes()).into_owned()),
        })
    }

    fn escape(&mut self) -> Result<char> {
        let c = match self.peek() {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                self.at += 1;
                return self.unicode();
            }
            _ => return self.invalid("in string escape code"),
        };
        self.at += 1;
        Ok(c)
    }

    fn unicode(&mut self) -> Result<char> {
        let high = self.hex4()?;
        if (0xd800..0xdc00).contains(&high)
            && self.text.get(self.at..).is_some_and(|rest| rest.starts_with(b"\\u"))
        {
            let before = self.at;
            self.at += 2;
            let low = self.hex4()?;
            if (0xdc00..0xe000).contains(&low) {
                let code = 0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00);
                return Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            self.at = before;
        }
        Ok(char::from_u32(high).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn hex4(&mut self) -> Result<u32> {
        let mut code = 0;
        for _ in 0..4 {
            let digit = self.peek().and_then(|b| char::from(b).to_digit(16));
            let Some(digit) = digit else {
                return self.invalid("in \\u hexadecimal character escape");
            };
            code = code * 16 + digit;
            self.at += 1;
        }
        Ok(code)
    }
}
