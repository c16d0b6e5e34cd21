//! Keeping the data of Secrets out of what people read.
//!
//! A server that refuses a Secret may quote it: a value, a part of one, a value as Go or JSON writes
//! it. What is quoted is found by the values themselves, and by where servers put what they quote.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use manifest::Object;
use serde_json::Value;

/// What stands in the place of a secret value.
const MASK: &str = "*****";
/// Shorter values are masked in quotes only: masking every `1` or `no` would make a message
/// unreadable and hide nothing.
const SHORTEST: usize = 4;

/// `text` without the values of the object, when the object is a Secret.
pub(crate) fn masked(object: &Object, text: &str) -> String {
    if object.kind() != "Secret" || !object.group().is_empty() {
        return text.to_owned();
    }
    let mut values = BTreeSet::new();
    for field in ["data", "stringData"] {
        collect(object.as_value().get(field), &mut values);
    }
    mask(&without_quotes(text), values.iter().map(String::as_str))
}

/// `text` without these values, as they are and as programs quote them.
pub fn mask<'a>(text: &str, values: impl IntoIterator<Item = &'a str>) -> String {
    let mut forms = BTreeSet::new();
    for value in values {
        forms.insert(value.to_owned());
        forms.extend(
            value.lines().map(str::trim).filter(|l| l.len() >= SHORTEST).map(str::to_owned),
        );
        let quoted = Value::String(value.to_owned()).to_string();
        forms.insert(quoted.trim_matches('"').to_owned());
        forms.insert(STANDARD.encode(value));
        let plain = STANDARD.decode(value).ok().and_then(|plain| String::from_utf8(plain).ok());
        forms.extend(plain);
    }
    // A value may be part of another one: the longest goes first.
    let mut forms: Vec<String> = forms.into_iter().filter(|form| !form.is_empty()).collect();
    forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
    let mut text = text.to_owned();
    for form in forms {
        if form.len() >= SHORTEST {
            text = text.replace(&form, MASK);
        } else {
            text = text.replace(&format!("\"{form}\""), MASK);
        }
    }
    text
}

/// All that stands in a field, however deep and of whatever type: what is of a wrong type is quoted
/// most of all.
fn collect(value: Option<&Value>, values: &mut BTreeSet<String>) {
    match value {
        None | Some(Value::Null | Value::Bool(_)) => {}
        Some(Value::Number(number)) => {
            values.insert(number.to_string());
        }
        Some(Value::String(text)) => {
            values.insert(text.clone());
        }
        Some(Value::Array(items)) => items.iter().for_each(|item| collect(Some(item), values)),
        Some(Value::Object(fields)) => {
            fields.values().for_each(|field| collect(Some(field), values));
        }
    }
}

/// `text` without what the API server's validation and its typed objects quote.
fn without_quotes(text: &str) -> String {
    let after = |text: &str, mark: &str, end: &[&str]| {
        let mut parts = text.split(mark);
        let mut kept = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let rest = end.iter().filter_map(|end| part.find(end)).min();
            let rest = rest.and_then(|at| part.get(at..)).unwrap_or_default();
            kept.push_str(mark);
            kept.push_str(MASK);
            kept.push_str(rest);
        }
        kept
    };
    let text = after(text, "Invalid value: ", &[": ", "\n"]);
    after(&text, "got &", &["\n"])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_masked_in_all_forms_and_only_for_secrets() {
        let message = "illegal base64 data: aHVudGVyMg==, hunter2, plain-text, \"no\" is no use";
        let mut value = json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"},
            "data": {"a": "aHVudGVyMg=="}, "stringData": {"b": "plain-text", "c": "no"},
        });
        let secret = Object::try_from(value.clone()).unwrap();
        assert_eq!(
            masked(&secret, message),
            "illegal base64 data: *****, *****, *****, ***** is no use"
        );
        value["kind"] = json!("ConfigMap");
        assert_eq!(masked(&Object::try_from(value).unwrap(), message), message);
    }

    #[test]
    fn what_servers_quote_is_masked_wherever_it_stands() {
        let key = "-----BEGIN KEY-----\nMIIEvQ\"IBADAN\n-----END KEY-----\n";
        let secret = Object::try_from(json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"},
            "stringData": {"key": key, "n": 123_456, "deep": [{"x": "hunter2"}]},
        }))
        .unwrap();
        for message in [
            format!("bad value {key}"),
            format!("bad value {key:?}"),
            format!("bad value {}", json!(key)),
            "line 2 is MIIEvQ\"IBADAN".to_owned(),
            "data[n]: Invalid value: 123456: must be text".to_owned(),
            "expected string, got &value.valueUnstructured{Value:123456}".to_owned(),
            "got [map[x:hunter2]]".to_owned(),
            format!("as base64 {}", STANDARD.encode(key)),
        ] {
            let masked = masked(&secret, &message);
            let shown = ["MIIEvQ", "123456", "hunter2", "TUlJRXZR"];
            assert!(shown.iter().all(|part| !masked.contains(part)), "{masked}");
            assert!(masked.contains(MASK), "{masked}");
        }
        let kept = masked(&secret, "data[n]: Invalid value: 123456: must be text");
        assert_eq!(kept, "data[n]: Invalid value: *****: must be text");
    }
}
