//! Defaults, JSON, reflection.

#![expect(clippy::unnecessary_wraps, reason = "the functions of a table share one signature")]

use crate::compare::deep_equal;
use crate::function::{Args, Row, Scope, Type};
use crate::gofmt::to_text;
use crate::gojson::{Style, encode, from_json_text};
use crate::value::{List, Map, Value};
use crate::{Error, Result};

use Type::{Any, Bool, String as Text};

pub(crate) const TABLE: &[Row] = &[
    Row("hello", &[], None, |_, _| Ok(Value::string("Hello!"))),
    Row("default", &[Any], Some(Any), default),
    Row("empty", &[Any], None, |_, a| Ok(Value::Bool(empty(a.any(0))))),
    Row("coalesce", &[], Some(Any), |_, a| {
        Ok(a.rest(0).iter().find(|v| !empty(v)).cloned().unwrap_or(Value::Nil))
    }),
    Row("all", &[], Some(Any), |_, a| Ok(Value::Bool(!a.rest(0).iter().any(empty)))),
    Row("any", &[], Some(Any), |_, a| Ok(Value::Bool(!a.rest(0).iter().all(empty)))),
    Row("ternary", &[Any, Any, Bool], None, |_, a| Ok(a.any(usize::from(!a.bool(2))).clone())),
    Row("fromJson", &[Text], None, |_, a| {
        Ok(from_json_text(a.str(0).as_bytes()).unwrap_or(Value::Nil))
    }),
    Row("mustFromJson", &[Text], None, |_, a| from_json_text(a.str(0).as_bytes())),
    Row("toJson", &[Any], None, |_, a| Ok(json(a, HTML).unwrap_or_else(|_| Value::string("")))),
    Row("mustToJson", &[Any], None, |_, a| json(a, HTML)),
    Row("toPrettyJson", &[Any], None, |_, a| {
        Ok(json(a, PRETTY).unwrap_or_else(|_| Value::string("")))
    }),
    Row("mustToPrettyJson", &[Any], None, |_, a| json(a, PRETTY)),
    Row("toRawJson", &[Any], None, |_, a| json(a, RAW)),
    Row("mustToRawJson", &[Any], None, |_, a| json(a, RAW)),
    Row("deepCopy", &[Any], None, whole_copy),
    Row("mustDeepCopy", &[Any], None, whole_copy),
    Row("typeOf", &[Any], None, |_, a| Ok(Value::string(a.any(0).type_name()))),
    Row("typeIs", &[Text, Any], None, |_, a| Ok(Value::Bool(a.text(0) == a.any(1).type_name()))),
    Row("typeIsLike", &[Text, Any], None, |_, a| {
        let name = a.any(1).type_name();
        Ok(Value::Bool(a.text(0) == name || format!("*{}", a.text(0)) == name))
    }),
    Row("kindOf", &[Any], None, |_, a| Ok(Value::string(a.any(0).kind_name()))),
    Row("kindIs", &[Text, Any], None, |_, a| Ok(Value::Bool(a.text(0) == a.any(1).kind_name()))),
    Row("deepEqual", &[Any, Any], None, |_, a| Ok(Value::Bool(deep_equal(a.any(0), a.any(1), 0)))),
    Row("fail", &[Text], None, |_, a| Err(Error(a.text(0)))),
    Row("env", &[Text], None, |s, a| Ok(Value::string(s.environment().variable(&a.text(0))))),
    Row("expandenv", &[Text], None, expand),
    Row("semver", &[Text], None, |_, a| {
        Ok(Value::object(Version(crate::semver::Version::parse(&a.text(0))?)))
    }),
    Row("semverCompare", &[Text, Text], None, |_, a| {
        let constraint = crate::semver::Constraint::parse(&a.text(0))?;
        let version = crate::semver::Version::parse(&a.text(1))?;
        Ok(Value::Bool(constraint.check(&version)))
    }),
];

const HTML: Style = Style { escape_html: true, pretty: false };
const PRETTY: Style = Style { escape_html: true, pretty: true };
const RAW: Style = Style { escape_html: false, pretty: false };

fn json(args: Args<'_>, style: Style) -> Result<Value> {
    encode(args.any(0), style).map(Value::string)
}

/// Sprig's idea of an empty value: the zero value of its kind.
pub(crate) fn empty(value: &Value) -> bool {
    match value {
        Value::Time(_) => false,
        Value::Object(object) => object.entries().is_some_and(|entries| entries.is_empty()),
        value => !value.truth(),
    }
}

fn default(_: &mut Scope<'_>, args: Args<'_>) -> Result<Value> {
    let given = args.any(1);
    let use_default = args.len() < 2 || empty(given);
    Ok(args.any(usize::from(!use_default)).clone())
}

/// Sprig's `strval`.
pub(crate) fn text_of(value: &Value) -> Result<crate::Str> {
    match value {
        Value::List(list) if list.element() == crate::value::Element::Byte => {
            Ok(crate::value::bytes_of(list).into())
        }
        value => to_text(value),
    }
}

/// Deeper values are taken for a cycle.
const MAX_DEPTH: usize = 500;

fn whole_copy(scope: &mut Scope<'_>, args: Args<'_>) -> Result<Value> {
    if args.any(0).is_nil() {
        return Err(Error::new("reflect: call of reflect.Value.Type on zero Value"));
    }
    deep_copy(scope, args.any(0), 0)
}

pub(crate) fn deep_copy(scope: &Scope<'_>, value: &Value, depth: usize) -> Result<Value> {
    if depth > MAX_DEPTH {
        return Err(Error::new("deepCopy error: value is nested too deeply"));
    }
    scope.step(1)?;
    Ok(match value {
        Value::List(list) if list.is_nil() => value.clone(),
        Value::List(list) => {
            let items: Result<Vec<_>> =
                list.items().iter().map(|i| deep_copy(scope, i, depth + 1)).collect();
            Value::List(List::typed(items?, list.element()))
        }
        Value::Map(map) => {
            let mut entries = std::collections::BTreeMap::new();
            for (key, item) in map.entries() {
                entries.insert(key, deep_copy(scope, &item, depth + 1)?);
            }
            Value::Map(Map::typed(entries, map.element()).renamed(map))
        }
        value => value.clone(),
    })
}

/// Go's `os.ExpandEnv`.
fn expand(scope: &mut Scope<'_>, args: Args<'_>) -> Result<Value> {
    let text = args.text(0);
    let mut out = String::new();
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        let (name, tail) = variable_name(after);
        match name {
            Some(name) => out.push_str(&scope.environment().variable(name)),
            None if tail.len() == after.len() => out.push('$'),
            None => {}
        }
        rest = tail;
    }
    out.push_str(rest);
    Ok(Value::string(out))
}

/// The variable's name after a dollar sign and what follows it.
fn variable_name(text: &str) -> (Option<&str>, &str) {
    if let Some(inner) = text.strip_prefix('{') {
        return match inner.split_once('}') {
            Some(("", tail)) => (None, tail),
            Some((name, tail)) => (Some(name), tail),
            None => (None, inner),
        };
    }
    let special = text.starts_with(|c: char| "*#$@!?-0123456789".contains(c));
    let size = if special {
        1
    } else {
        text.bytes().take_while(|b| *b == b'_' || b.is_ascii_alphanumeric()).count()
    };
    match text.split_at_checked(size) {
        Some((name, tail)) if size > 0 => (Some(name), tail),
        _ => (None, text),
    }
}

/// A version as templates see it.
struct Version(crate::semver::Version);

impl crate::Object for Version {
    fn type_name(&self) -> String {
        "*semver.Version".to_owned()
    }

    fn kind_name(&self) -> &'static str {
        "ptr"
    }

    fn field(&self, _: &str) -> Option<Value> {
        None
    }

    fn method(&self, _: &mut Scope<'_>, name: &str, args: &[Value]) -> Option<Result<Value>> {
        let version = &self.0;
        let other = match args.first() {
            Some(Value::Object(object)) => {
                let text = object.stringer().unwrap_or_default();
                crate::semver::Version::parse(&text.text()).unwrap_or_default()
            }
            _ => crate::semver::Version::default(),
        };
        let bumped = |major, minor, patch| {
            let text = format!("{major}.{minor}.{patch}");
            crate::semver::Version::parse(&text).map(|v| Value::object(Self(v)))
        };
        let ordering = version.compare(&other);
        Some(Ok(match name {
            "Major" => Value::Uint64(version.major),
            "Minor" => Value::Uint64(version.minor),
            "Patch" => Value::Uint64(version.patch),
            "Prerelease" => Value::string(version.pre.as_str()),
            "Metadata" => Value::string(version.metadata.as_str()),
            "Original" => Value::string(version.original()),
            "String" => Value::string(version.to_string()),
            "IncMajor" => return Some(bumped(version.major + 1, 0, 0)),
            "IncMinor" => return Some(bumped(version.major, version.minor + 1, 0)),
            "IncPatch" if version.pre.is_empty() => {
                return Some(bumped(version.major, version.minor, version.patch + 1));
            }
            "IncPatch" => return Some(bumped(version.major, version.minor, version.patch)),
            "Compare" => Value::Int(ordering as i64),
            "Equal" => Value::Bool(ordering.is_eq()),
            "GreaterThan" => Value::Bool(ordering.is_gt()),
            "GreaterThanEqual" => Value::Bool(ordering.is_ge()),
            "LessThan" => Value::Bool(ordering.is_lt()),
            "LessThanEqual" => Value::Bool(ordering.is_le()),
            _ => return None,
        }))
    }

    fn stringer(&self) -> Option<crate::Str> {
        Some(self.0.to_string().into())
    }

    fn to_value(&self) -> Value {
        Value::string(self.0.to_string())
    }
}
