//! TOML as Helm's `toToml` writes it and `fromToml` reads it.

use gotemplate::{Error, Map, Result, Str, Value};

/// Values nested deeper than this are taken for a cycle.
const MAX_DEPTH: usize = 200;

/// Why a value was not written.
#[derive(Debug)]
pub(crate) enum Failure {
    /// TOML has no form for it; `toToml` gives the words in place of a text.
    Unsupported(Error),
    /// The template ends here.
    Fatal(Error),
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Unsupported(error) | Failure::Fatal(error) => error,
        }
    }
}

/// Writes a map: plain values first, then tables, each by sorted key. Anything else that has a
/// form as a value is written as that.
pub(crate) fn encode(value: &Value) -> Result<String, Failure> {
    match value {
        Value::Missing | Value::Nil => {
            Err(Failure::Fatal(Error::new("reflect: call of reflect.Value.Type on zero Value")))
        }
        Value::Map(map) => {
            let mut out = String::new();
            table(&mut out, map, &mut Vec::new()).map_err(Failure::Unsupported)?;
            Ok(out)
        }
        value if is_table_list(value) => Err(Failure::Unsupported(Error::new(
            "toml: top-level values must be Go maps or structs",
        ))),
        value => inline(value, 0).map_err(Failure::Unsupported),
    }
}

fn is_table(value: &Value) -> bool {
    matches!(value, Value::Map(_))
}

fn is_table_list(value: &Value) -> bool {
    value
        .as_list()
        .is_some_and(|list| !list.items().is_empty() && list.items().iter().all(is_table))
}

fn key_text(key: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if !key.is_empty() && key.chars().all(bare) { key.to_owned() } else { quoted(key) }
}

fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            c if c.is_control() => {
                out.push_str("\\u");
                let digits = format!("{:04x}", u32::from(c));
                out.push_str(&digits);
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

fn table(out: &mut String, map: &Map, path: &mut Vec<String>) -> Result<()> {
    if path.len() > MAX_DEPTH {
        return Err(Error::new("toml: value is nested too deeply"));
    }
    let indent = "  ".repeat(path.len());
    let entries = map.entries();
    for (key, value) in &entries {
        if value.is_nil() || is_table(value) || is_table_list(value) {
            continue;
        }
        let shown = inline(value, 0)?;
        out.extend([&indent, &key_text(&key.text()), " = ", &shown, "\n"]);
    }
    for (key, value) in &entries {
        path.push(key_text(&key.text()));
        match value {
            Value::Map(inner) => header(out, inner, path, ("[", "]"))?,
            value if is_table_list(value) => {
                for item in value.as_list().map(gotemplate::List::items).unwrap_or_default() {
                    if let Value::Map(inner) = item {
                        header(out, inner, path, ("[[", "]]"))?;
                    }
                }
            }
            _ => {}
        }
        path.pop();
    }
    Ok(())
}

fn header(
    out: &mut String,
    map: &Map,
    path: &mut Vec<String>,
    (open, close): (&str, &str),
) -> Result<()> {
    if !out.is_empty() && (path.len() == 1 || open == "[[") {
        out.push('\n');
    }
    let indent = "  ".repeat(path.len().saturating_sub(1));
    out.extend([&indent, open, &path.join("."), close, "\n"]);
    table(out, map, path)
}

fn inline(value: &Value, depth: usize) -> Result<String> {
    if depth > MAX_DEPTH {
        return Err(Error::new("toml: value is nested too deeply"));
    }
    Ok(match value {
        Value::Missing | Value::Nil => {
            return Err(Error::new("toml: cannot encode array with nil element"));
        }
        Value::Bool(b) => b.to_string(),
        Value::String(text) => quoted(&text.text()),
        Value::Float(_) => {
            let shown = gotemplate::to_text(value)?.text().into_owned();
            let whole = !shown.contains(['.', 'e', 'I', 'N']);
            if whole { format!("{shown}.0") } else { shown.to_lowercase() }
        }
        Value::List(list) => {
            let items: Result<Vec<String>> =
                list.items().iter().map(|item| inline(item, depth + 1)).collect();
            format!("[{}]", items?.join(", "))
        }
        Value::Map(map) => {
            let mut parts = Vec::new();
            // Plain values stand before tables here, too.
            let (tables, plain): (Vec<_>, Vec<_>) = map
                .entries()
                .into_iter()
                .filter(|(_, item)| !item.is_nil())
                .partition(|(_, item)| is_table(item) || is_table_list(item));
            for (key, item) in plain.into_iter().chain(tables) {
                parts.push(format!("{} = {}", key_text(&key.text()), inline(&item, depth + 1)?));
            }
            format!("{{{}}}", parts.join(", "))
        }
        Value::Duration(_) => quoted(&gotemplate::to_text(value)?.text()),
        other => gotemplate::to_text(other)?.text().into_owned(),
    })
}

/// Reads TOML; whole numbers become `int64`. Errors name the line as Helm's do, in the words of this reader.
pub(crate) fn decode(text: &str) -> Result<Value> {
    let table: ::toml::Table = text.parse().map_err(|error: ::toml::de::Error| {
        let start = error.span().map(|span| span.start).unwrap_or_default();
        let before = text.as_bytes().get(..start).unwrap_or(text.as_bytes());
        let line = 1 + memchr::memchr_iter(b'\n', before).count();
        Error(format!("toml: line {line}: {}", error.message()))
    })?;
    Ok(from_toml(::toml::Value::Table(table)))
}

fn from_toml(value: ::toml::Value) -> Value {
    match value {
        ::toml::Value::String(text) => Value::string(text),
        ::toml::Value::Integer(number) => Value::Int64(number),
        ::toml::Value::Float(number) => Value::Float(number),
        ::toml::Value::Boolean(b) => Value::Bool(b),
        ::toml::Value::Datetime(moment) => Value::string(moment.to_string()),
        ::toml::Value::Array(items) => Value::list(items.into_iter().map(from_toml).collect()),
        ::toml::Value::Table(table) => Value::Map(
            table.into_iter().map(|(key, value)| (Str::from(key), from_toml(value))).collect(),
        ),
    }
}
