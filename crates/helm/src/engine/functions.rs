//! What Helm adds to Sprig.

use crate::render::{Mode, Options};
use crate::toml;
use crate::values::conversion;
use gotemplate::{
    Args, Element, Error, Function, Functions, List, Map, ObjectReference, Result, Type, Value,
};

use Type::{Any, String as Text};

/// One function of one argument.
type Unary = fn(&Value) -> Result<Value>;

const FROM_VALUE: &[(&str, Unary)] = &[
    ("toYaml", |v| Ok(Value::string(yaml_of(v).unwrap_or_default()))),
    ("mustToYaml", |v| yaml_of(v).map(Value::string)),
    ("toYamlPretty", |v| match v {
        Value::Complex(..) => Err(Error::new("cannot marshal type: complex128")),
        v => Ok(Value::string(pretty_yaml(v))),
    }),
    ("toJson", |v| Ok(Value::string(gotemplate::to_json_text(v, false).unwrap_or_default()))),
    ("mustToJson", |v| gotemplate::to_json_text(v, false).map(Value::string)),
    ("toToml", |v| match toml::encode(v) {
        Ok(text) => Ok(Value::string(text)),
        Err(toml::Failure::Unsupported(error)) => Ok(Value::string(error.0)),
        Err(toml::Failure::Fatal(error)) => Err(error),
    }),
    ("mustToToml", |v| Ok(Value::string(toml::encode(v)?))),
    ("mustToDuration", |v| duration(v).map(Value::Duration)),
    ("durationSeconds", |v| Ok(Value::Float(scaled(v, 1)))),
    ("durationMinutes", |v| Ok(Value::Float(scaled(v, 60)))),
    ("durationHours", |v| Ok(Value::Float(scaled(v, 3600)))),
    ("durationDays", |v| Ok(Value::Float(scaled(v, 3600) / 24.0))),
    ("durationWeeks", |v| Ok(Value::Float(scaled(v, 3600) / 24.0 / 7.0))),
    ("durationMilliseconds", |v| Ok(Value::Int64(duration(v).unwrap_or_default() / 1_000_000))),
    ("durationMicroseconds", |v| Ok(Value::Int64(duration(v).unwrap_or_default() / 1_000))),
    ("durationNanoseconds", |v| Ok(Value::Int64(duration(v).unwrap_or_default()))),
];

/// One function of one text, which cannot fail.
type FromText = fn(&str) -> Value;

const FROM_TEXT: &[(&str, FromText)] = &[
    ("fromYaml", |text| object_or_error(yaml_value(text), CONVERTED)),
    ("fromYamlArray", |text| match array_or_error(yaml_value(text), CONVERTED) {
        // Unlike that of JSON, this decoder leaves the empty list it is given.
        Value::List(list) if list.is_nil() => Value::list(Vec::new()),
        value => value,
    }),
    ("fromJson", |text| object_or_error(json_value(text), "")),
    ("fromJsonArray", |text| array_or_error(json_value(text), "")),
    ("fromToml", |text| object_or_error(toml::decode(text), "")),
];

/// What stands before errors about JSON that came from YAML.
const CONVERTED: &str = "error unmarshaling JSON: while decoding JSON: ";

/// Sprig's functions and Helm's, without those that render templates.
pub(super) fn all(options: &Options<'_>) -> Functions {
    let mut functions = Functions::sprig();
    functions.remove("env");
    functions.remove("expandenv");
    for (name, body) in FROM_VALUE {
        functions.add(Function::new(name, &[Any], None, |_, args| body(args.any(0))));
    }
    for (name, body) in FROM_TEXT {
        functions.add(Function::new(name, &[Text], None, |_, args| Ok(body(&args.text(0)))));
    }
    functions.add(Function::new("durationRoundTo", &[Any, Any], None, |_, args| {
        Ok(Value::Duration(rounded(args, true)))
    }));
    functions.add(Function::new("durationTruncateTo", &[Any, Any], None, |_, args| {
        Ok(Value::Duration(rounded(args, false)))
    }));
    if !options.dns {
        functions.add(Function::new("getHostByName", &[Text], None, |_, _| Ok(Value::string(""))));
    }
    functions.add(lookup(options.mode == Mode::Lint));
    functions
}

fn lookup(lint: bool) -> Function {
    Function::new("lookup", &[Text, Text, Text, Text], None, move |scope, args| {
        let texts = [args.text(0), args.text(1), args.text(2), args.text(3)];
        let [api_version, kind, namespace, name] = &texts;
        let reference = ObjectReference { api_version, kind, namespace, name };
        let found = if lint { None } else { scope.environment().lookup(&reference)? };
        Ok(found.map_or_else(|| Value::Map(Map::new()), |json| Value::from_json_int64(&json)))
    })
}

fn yaml_of(value: &Value) -> Result<String> {
    let json = value.to_json().ok_or_else(|| {
        Error(format!("error marshaling into JSON: json: unsupported type: {}", value.type_name()))
    })?;
    let text = yaml::from_json(&json);
    Ok(text.strip_suffix('\n').unwrap_or(&text).to_owned())
}

fn pretty_yaml(value: &Value) -> String {
    let Some(json) = value.to_json_floats() else { return String::new() };
    let text = yaml::from_json_indented(&json, 2);
    text.strip_suffix('\n').unwrap_or(&text).to_owned()
}

fn yaml_value(text: &str) -> Result<Value> {
    match yaml::to_json(text, yaml::Rules::V2) {
        Ok(json) => Ok(Value::from_json_floats(&json)),
        Err(error) => Err(Error(conversion(&error).to_string())),
    }
}

fn json_value(text: &str) -> Result<Value> {
    gotemplate::from_json_text(text.as_bytes())
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::String(_) => "string",
        Value::Bool(_) => "bool",
        Value::List(_) => "array",
        Value::Map(_) => "object",
        _ => "number",
    }
}

fn object_or_error(value: Result<Value>, context: &str) -> Value {
    let message = match value {
        Ok(Value::Map(map)) => return Value::Map(map),
        Ok(Value::Nil | Value::Missing) => return Value::Map(Map::new()),
        Ok(other) => unmarshal_error(context, kind_of(&other), "map[string]interface {}"),
        Err(error) => error.0,
    };
    let map = Map::new();
    map.set("Error", Value::string(message));
    Value::Map(map)
}

fn array_or_error(value: Result<Value>, context: &str) -> Value {
    let message = match value {
        Ok(Value::List(list)) => return Value::List(list),
        Ok(Value::Nil | Value::Missing) => return Value::List(List::nil(Element::Any)),
        Ok(other) => unmarshal_error(context, kind_of(&other), "[]interface {}"),
        Err(error) => error.0,
    };
    Value::list(vec![Value::string(message)])
}

fn unmarshal_error(context: &str, kind: &str, wanted: &str) -> String {
    format!("{context}json: cannot unmarshal {kind} into Go value of type {wanted}")
}

const SECOND: f64 = 1e9;

/// Nanoseconds of what Helm takes for a duration: a text, or a number of seconds.
fn duration(value: &Value) -> Result<i64> {
    let seconds = |seconds: i64| {
        seconds
            .checked_mul(1_000_000_000)
            .ok_or_else(|| Error(format!("duration seconds overflow: {seconds}")))
    };
    match value {
        Value::Duration(nanos) => Ok(*nanos),
        Value::String(text) => {
            let text = text.text();
            let trimmed = text.trim();
            if trimmed.is_empty() {
                return Err(Error::new("empty duration"));
            }
            if let Ok(nanos) = gotemplate::parse_duration(trimmed) {
                return Ok(nanos);
            }
            // Go's numbers may have underscores; what is not finite is refused later.
            let number = gotemplate::parse_float(trimmed);
            match number.or_else(|| trimmed.parse().ok()) {
                Some(number) => from_float(number),
                None => Err(Error(format!("could not parse duration {text:?}"))),
            }
        }
        Value::Int(number) | Value::Int64(number) => seconds(*number),
        Value::Uint8(number) => seconds(i64::from(*number)),
        Value::Uint64(number) => seconds(i64::try_from(*number).unwrap_or(i64::MAX)),
        Value::Float(number) => from_float(*number),
        Value::Missing | Value::Nil => Err(Error::new("invalid duration")),
        other => Err(Error(format!("unsupported duration type {}", other.type_name()))),
    }
}

fn from_float(seconds: f64) -> Result<i64> {
    const LIMIT: f64 = 9_223_372_036.854_776;
    if !seconds.is_finite() {
        return Err(Error(format!("invalid duration seconds: {seconds}")));
    }
    if seconds.abs() > LIMIT {
        return Err(Error(format!("duration seconds overflow: {seconds}")));
    }
    #[expect(clippy::cast_possible_truncation, reason = "in range; Go truncates too")]
    let nanos = (seconds * SECOND) as i64;
    Ok(nanos)
}

/// A duration in units of so many seconds. Go adds what is left of the last whole unit as a fraction.
#[expect(clippy::cast_precision_loss, reason = "Go's float results round too")]
fn scaled(value: &Value, seconds: i64) -> f64 {
    let unit = seconds * 1_000_000_000;
    let nanos = duration(value).unwrap_or_default();
    (nanos / unit) as f64 + (nanos % unit) as f64 / unit as f64
}

fn rounded(args: Args<'_>, half_up: bool) -> i64 {
    let Ok(nanos) = duration(args.any(0)) else { return 0 };
    let Ok(unit) = duration(args.any(1)) else { return nanos };
    if unit <= 0 {
        return nanos;
    }
    let rest = nanos % unit;
    let down = nanos - rest;
    if !half_up || rest.unsigned_abs() * 2 < unit.unsigned_abs() {
        return down;
    }
    down.checked_add(if nanos < 0 { -unit } else { unit }).unwrap_or(down)
}
