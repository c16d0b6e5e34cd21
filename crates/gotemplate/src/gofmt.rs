//! Go's `fmt`: `Sprint`, `Sprintln`, `Sprintf`.

use crate::budget::Budget;
use crate::quote::{can_backquote, quote, quote_ascii, quote_rune};
use crate::text::{Str, runes};
use crate::value::{Element, Value};
use crate::{Error, Result};

mod float;
mod format;
mod integer;

pub(crate) use float::format as format_float;
pub(crate) use format::sprintf;

/// Values nested deeper than this are taken for a cycle.
const MAX_DEPTH: usize = 500;

/// The largest text one printing call may give, in bytes.
const MAX_PRINTED: usize = 256 << 20;

const TOO_LARGE: &str = "value is nested too deeply or too large to print";

/// The digits of a byte with a space behind them, and how many bytes that takes.
fn decimal(byte: usize) -> ([u8; 4], usize) {
    let digit = |value: usize| b"0123456789".get(value % 10).copied().unwrap_or_default();
    let (hundreds, tens, ones) = (digit(byte / 100), digit(byte / 10), digit(byte));
    match byte {
        0..10 => ([ones, b' ', b' ', b' '], 2),
        10..100 => ([tens, ones, b' ', b' '], 3),
        100.. => ([hundreds, tens, ones, b' '], 4),
    }
}

/// How many bytes these take as numbers with a space behind each. Written so that the compiler looks at many at once.
fn printed_size(bytes: &[u8]) -> usize {
    let digits = |byte: u8| 1 + u8::from(byte >= 10) + u8::from(byte >= 100);
    bytes.iter().map(|byte| usize::from(digits(*byte)) + 1).sum()
}

/// The flags of a verb.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "they are Go's independent flags")]
struct Flags {
    plus: bool,
    minus: bool,
    sharp: bool,
    space: bool,
    zero: bool,
    plus_v: bool,
    sharp_v: bool,
    width: Option<usize>,
    precision: Option<usize>,
}

/// Writes values as Go's `pp` does.
#[derive(Default)]
struct Printer {
    out: Vec<u8>,
    flags: Flags,
    /// While the text of a bad verb is written, methods are not called.
    erroring: bool,
    failed: Option<&'static str>,
}

/// The text of a value as `fmt.Sprint` gives it.
pub fn to_text(value: &Value) -> Result<Str> {
    if let Value::String(s) = value {
        return Ok(s.clone());
    }
    let mut printer = Printer::default();
    printer.argument(value, 'v');
    printer.finish().map(Str::from)
}

/// Go's `fmt.Sprintf`.
///
/// # Errors
/// When the text would be too large.
pub fn format(format: &str, arguments: &[Value]) -> Result<Vec<u8>, Error> {
    sprintf(format.as_bytes(), arguments)
}

/// Go's `fmt.Sprint`: spaces between operands when neither is a string.
pub fn print(values: &[Value]) -> Result<Vec<u8>> {
    let mut printer = Printer::default();
    let mut previous_string = true;
    for value in values {
        let is_string = matches!(value, Value::String(_));
        if !is_string && !previous_string {
            printer.out.push(b' ');
        }
        printer.argument(value, 'v');
        previous_string = is_string;
    }
    printer.finish()
}

/// Go's `fmt.Sprintln`.
pub(crate) fn println(values: &[Value]) -> Result<Vec<u8>> {
    let mut printer = Printer::default();
    for (index, value) in values.iter().enumerate() {
        if index > 0 {
            printer.out.push(b' ');
        }
        printer.argument(value, 'v');
    }
    printer.out.push(b'\n');
    printer.finish()
}

/// Prints one value for the output of an action.
pub(crate) fn print_one(value: &Value, budget: &Budget) -> Result<Vec<u8>> {
    let mut printer = Printer::default();
    printer.argument(value, 'v');
    let out = printer.finish()?;
    budget.step(out.len() as u64 / 64)?;
    Ok(out)
}

impl Printer {
    fn finish(self) -> Result<Vec<u8>> {
        match self.failed {
            Some(reason) => Err(Error::new(reason)),
            None => Ok(self.out),
        }
    }

    fn text(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    /// Prints a top-level operand.
    fn argument(&mut self, value: &Value, verb: char) {
        match (value, verb) {
            (Value::Missing | Value::Nil, 'T' | 'v') => self.pad(b"<nil>"),
            (Value::Missing | Value::Nil, _) => self.bad_verb(value, verb),
            (_, 'T') => {
                let name = value.type_name();
                self.string(name.as_bytes(), 's');
            }
            (Value::Map(_) | Value::List(_) | Value::Function(_), 'p') => self.pad(b"0xc000010000"),
            (_, 'p') => self.bad_verb(value, verb),
            _ => self.value(value, verb, 0),
        }
    }

    fn value(&mut self, value: &Value, verb: char, depth: usize) {
        if depth > MAX_DEPTH || self.out.len() > MAX_PRINTED {
            self.failed = Some(TOO_LARGE);
            return;
        }
        if !self.erroring && self.stringer(value, verb) {
            return;
        }
        match value {
            Value::Missing | Value::Nil if depth > 0 && self.flags.sharp_v => {
                self.text("interface {}(nil)");
            }
            Value::Missing | Value::Nil => self.text("<nil>"),
            Value::Bool(b) => match verb {
                't' | 'v' => self.pad(if *b { b"true" } else { b"false" }),
                _ => self.bad_verb(value, verb),
            },
            Value::Int(i) | Value::Int64(i) | Value::Duration(i) => {
                self.integer(value, verb, (i.unsigned_abs(), *i < 0), true);
            }
            Value::Uint8(i) => self.integer(value, verb, (u64::from(*i), false), false),
            Value::Uint64(i) => self.integer(value, verb, (*i, false), false),
            Value::Float(f) => self.float(value, verb, *f),
            Value::Complex(re, im) => self.complex(value, verb, (*re, *im)),
            Value::String(s) => match verb {
                'v' | 's' | 'x' | 'X' | 'q' => self.string(s.as_bytes(), verb),
                _ => self.bad_verb(value, verb),
            },
            Value::List(_) => self.list(value, verb, depth),
            Value::Map(_) => self.map(value, verb, depth),
            Value::Time(time) => {
                let text = crate::gotime::to_string(time);
                self.text(&text);
            }
            Value::Function(_) => self.pad(b"0x1000000"),
            Value::Object(object)
                if self.plainly(verb)
                    && let Some(entries) = object.byte_entries() =>
            {
                self.byte_map(&entries);
            }
            Value::Object(object) => {
                let plain = object.to_value();
                self.value(&plain, verb, depth + 1);
            }
        }
    }

    /// Prints what a `String()` method gives, if the value has one and the verb wants text.
    fn stringer(&mut self, value: &Value, verb: char) -> bool {
        if self.flags.sharp_v || !matches!(verb, 'v' | 's' | 'x' | 'X' | 'q') {
            return false;
        }
        let text = match value {
            Value::Time(time) => Str::from(crate::gotime::to_string(time)),
            Value::Duration(nanos) => Str::from(crate::gotime::format_duration(*nanos)),
            Value::Object(object) => match object.stringer() {
                Some(text) => text,
                None => return false,
            },
            _ => return false,
        };
        self.string(text.as_bytes(), verb);
        true
    }

    fn string(&mut self, text: &[u8], verb: char) {
        match verb {
            'v' if self.flags.sharp_v => self.quoted(text),
            'q' => self.quoted(text),
            'x' | 'X' => self.hex(text, verb == 'X'),
            _ => {
                let cut = self.truncated(text).to_vec();
                self.pad(&cut);
            }
        }
    }

    fn quoted(&mut self, text: &[u8]) {
        let cut = self.truncated(text).to_vec();
        let quoted = if self.flags.sharp && can_backquote(&cut) {
            format!("`{}`", String::from_utf8_lossy(&cut))
        } else if self.flags.plus {
            quote_ascii(&cut)
        } else {
            quote(&cut)
        };
        self.pad(quoted.as_bytes());
    }

    /// The text cut to the precision in runes.
    fn truncated<'t>(&self, text: &'t [u8]) -> &'t [u8] {
        let Some(most) = self.flags.precision else { return text };
        let length: usize = runes(text).take(most).map(|(_, size)| size).sum();
        text.get(..length).unwrap_or(text)
    }

    fn hex(&mut self, text: &[u8], upper: bool) {
        let most = self.flags.precision.unwrap_or(text.len());
        let mut out = String::new();
        for (index, byte) in text.iter().take(most).enumerate() {
            if self.flags.space && index > 0 {
                out.push(' ');
            }
            if self.flags.sharp && (self.flags.space || index == 0) {
                out.push_str(if upper { "0X" } else { "0x" });
            }
            let digits = if upper { format!("{byte:02X}") } else { format!("{byte:02x}") };
            out.push_str(&digits);
        }
        self.pad(out.as_bytes());
    }

    fn list(&mut self, value: &Value, verb: char, depth: usize) {
        let Value::List(list) = value else { return };
        if list.element() == Element::Byte && matches!(verb, 's' | 'q' | 'x' | 'X') {
            let bytes = crate::value::bytes_of(list);
            self.string(&bytes, verb);
            return;
        }
        if self.flags.sharp_v {
            let name = value.type_name();
            self.text(&name);
            if list.is_nil() {
                self.text("(nil)");
                return;
            }
        }
        self.out.push(if self.flags.sharp_v { b'{' } else { b'[' });
        for (index, item) in list.items().iter().enumerate() {
            if index > 0 {
                self.text(if self.flags.sharp_v { ", " } else { " " });
            }
            self.value(item, verb, depth + 1);
            if self.failed.is_some() {
                return;
            }
        }
        self.out.push(if self.flags.sharp_v { b'}' } else { b']' });
    }

    fn map(&mut self, value: &Value, verb: char, depth: usize) {
        let Value::Map(map) = value else { return };
        if self.flags.sharp_v {
            let name = value.type_name();
            self.text(&name);
            self.text("{");
        } else {
            self.text("map[");
        }
        for (index, (key, item)) in map.entries().into_iter().enumerate() {
            if index > 0 {
                self.text(if self.flags.sharp_v { ", " } else { " " });
            }
            self.value(&Value::String(key), verb, depth + 1);
            self.out.push(b':');
            self.value(&item, verb, depth + 1);
            if self.failed.is_some() {
                return;
            }
        }
        self.out.push(if self.flags.sharp_v { b'}' } else { b']' });
    }

    /// True when everything is printed in its own way and with nothing around it.
    fn plainly(&self, verb: char) -> bool {
        verb == 'v' && self.flags == Flags::default()
    }

    /// Prints a map to `[]byte` plainly.
    fn byte_map(&mut self, entries: &[(&str, &[u8])]) {
        let decimals = std::array::from_fn(decimal);
        let sizes =
            entries.iter().map(|(key, bytes)| key.len() + ":[] ".len() + printed_size(bytes));
        let size = "map[]".len() + sizes.sum::<usize>();
        if self.out.len() + size > MAX_PRINTED {
            self.failed = Some(TOO_LARGE);
            return;
        }
        // With some room for what stands around it, so that all of it is never copied to a larger place.
        self.out.reserve_exact(size + size / 16);
        self.text("map[");
        for (index, (key, bytes)) in entries.iter().enumerate() {
            if index > 0 {
                self.out.push(b' ');
            }
            self.text(key);
            self.text(":[");
            self.bytes(bytes, &decimals);
            self.out.push(b']');
        }
        self.out.push(b']');
    }

    /// Prints bytes as numbers with spaces between them. Charts that print `$` by accident print every byte of their
    /// files, so numbers are looked up and put together in blocks.
    fn bytes(&mut self, bytes: &[u8], decimals: &[([u8; 4], usize); 256]) {
        const BLOCK: usize = 1024;
        let mut block = [0; BLOCK];
        for part in bytes.chunks(BLOCK / 4) {
            let mut end = 0;
            for byte in part {
                let Some((digits, length)) = decimals.get(usize::from(*byte)) else { continue };
                if let Some(place) = block.get_mut(end..end + 4) {
                    place.copy_from_slice(digits);
                    end += length;
                }
            }
            self.out.extend_from_slice(block.get(..end).unwrap_or_default());
        }
        if !bytes.is_empty() {
            self.out.pop();
        }
    }

    fn bad_verb(&mut self, value: &Value, verb: char) {
        let outer = std::mem::replace(&mut self.erroring, true);
        self.text("%!");
        self.text(verb.encode_utf8(&mut [0; 4]));
        self.text("(");
        if value.is_nil() {
            self.text("<nil>");
        } else {
            let name = value.type_name();
            self.text(&name);
            self.text("=");
            self.argument(value, 'v');
        }
        self.text(")");
        self.erroring = outer;
    }

    /// Writes with padding to the width, counted in runes.
    fn pad(&mut self, text: &[u8]) {
        let Some(width) = self.flags.width else {
            self.out.extend_from_slice(text);
            return;
        };
        let missing = width.saturating_sub(runes(text).count());
        if self.flags.minus {
            self.out.extend_from_slice(text);
            self.out.extend(std::iter::repeat_n(b' ', missing));
        } else {
            let fill = if self.flags.zero { b'0' } else { b' ' };
            self.out.extend(std::iter::repeat_n(fill, missing));
            self.out.extend_from_slice(text);
        }
    }

    fn rune(&mut self, code: u64) {
        let c = u32::try_from(code)
            .ok()
            .and_then(char::from_u32)
            .unwrap_or(char::REPLACEMENT_CHARACTER);
        self.pad(c.encode_utf8(&mut [0; 4]).as_bytes());
    }

    fn rune_quoted(&mut self, code: u64) {
        let c = u32::try_from(code)
            .ok()
            .and_then(char::from_u32)
            .unwrap_or(char::REPLACEMENT_CHARACTER);
        let quoted = quote_rune(c, self.flags.plus);
        self.pad(quoted.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_printed_across_blocks() {
        for length in [0, 1, 255, 256, 257, 5000] {
            let bytes: Vec<u8> = (0..=u8::MAX).cycle().step_by(7).take(length).collect();
            let numbers: Vec<String> = bytes.iter().map(u8::to_string).collect();
            let mut printer = Printer::default();
            printer.byte_map(&[("a", &bytes), ("b", b"\x00\xff")]);
            let text = String::from_utf8(printer.finish().unwrap()).unwrap();
            assert_eq!(text, format!("map[a:[{}] b:[0 255]]", numbers.join(" ")));
        }
    }
}
