//! Keeping the data of Secrets out of what people read.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use manifest::Object;
use serde_json::Value;

/// What stands in the place of a secret value.
const MASK: &str = "*****";
/// Shorter values are left: masking `1` or `no` would make a message unreadable and hide nothing.
const SHORTEST: usize = 4;

/// `text` without the values of the object, when the object is a Secret.
pub(crate) fn masked(object: &Object, text: &str) -> String {
    let mut text = text.to_owned();
    if object.kind() != "Secret" || !object.group().is_empty() {
        return text;
    }
    for field in ["data", "stringData"] {
        for value in strings(object.as_value().get(field)) {
            hide(&mut text, value);
            if let Ok(plain) = STANDARD.decode(value)
                && let Ok(plain) = String::from_utf8(plain)
            {
                hide(&mut text, &plain);
            }
        }
    }
    text
}

fn strings(map: Option<&Value>) -> impl Iterator<Item = &str> {
    map.and_then(Value::as_object).into_iter().flatten().filter_map(|(_, value)| value.as_str())
}

fn hide(text: &mut String, value: &str) {
    if value.len() >= SHORTEST && text.contains(value) {
        *text = text.replace(value, MASK);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_masked_in_both_forms_and_only_for_secrets() {
        let message = "illegal base64 data: aHVudGVyMg==, hunter2, plain-text";
        let mut value = json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"},
            "data": {"a": "aHVudGVyMg=="}, "stringData": {"b": "plain-text"},
        });
        let secret = Object::try_from(value.clone()).unwrap();
        assert_eq!(masked(&secret, message), "illegal base64 data: *****, *****, *****");
        value["kind"] = json!("ConfigMap");
        assert_eq!(masked(&Object::try_from(value).unwrap(), message), message);
    }
}
