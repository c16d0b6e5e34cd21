//! JSON of typed data, as Go's `encoding/json` writes it.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::Formatter;

use crate::{Error, Result};

/// The JSON text of a value: struct fields in their order, `<`, `>` and `&` escaped, floats in
/// Go's spelling (a whole one as an integer).
pub(crate) fn to_string(value: &impl Serialize) -> Result<String> {
    let mut out = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut out, Go);
    value.serialize(&mut serializer).map_err(|error| Error::new(error.to_string()))?;
    String::from_utf8(out).map_err(|error| Error::new(error.to_string()))
}

struct Go;

impl Formatter for Go {
    fn write_f64<W: ?Sized + Write>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        let size = value.abs();
        if size != 0.0 && !(1e-6..1e21).contains(&size) {
            let text = format!("{value:e}");
            // Go writes the sign of every exponent.
            return match text.split_once('e') {
                Some((digits, exponent)) if !exponent.starts_with('-') => {
                    write!(writer, "{digits}e+{exponent}")
                }
                _ => writer.write_all(text.as_bytes()),
            };
        }
        write!(writer, "{value}")
    }

    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(at) = rest.find(['<', '>', '&', '\u{2028}', '\u{2029}']) {
            let (plain, special) = rest.split_at(at);
            writer.write_all(plain.as_bytes())?;
            let mut chars = special.chars();
            if let Some(special) = chars.next() {
                write!(writer, "\\u{:04x}", u32::from(special))?;
            }
            rest = chars.as_str();
        }
        writer.write_all(rest.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    #[test]
    fn floats_and_texts_are_spelled_as_go_spells_them() {
        let value = json!([
            1.0,
            1e20,
            1e21,
            1.5e300,
            1e-6,
            1.5e-7,
            0.1,
            -2.0,
            -0.0,
            12_345_678_901_i64,
            "<a> & \u{2028}é\u{8}\n\u{1f}"
        ]);
        assert_eq!(
            super::to_string(&value).unwrap(),
            r#"[1,100000000000000000000,1e+21,1.5e+300,0.000001,1.5e-7,0.1,-2,-0,12345678901,"\u003ca\u003e \u0026 \u2028é\b\n\u001f"]"#
        );
    }
}
