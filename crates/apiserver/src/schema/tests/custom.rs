//! Custom resources: pruning, defaulting, validation, rules.

use serde_json::{Value, json};

use super::super::*;

fn type_of(spec: &Value) -> TypeRef {
    let schema = json!({ "type": "object", "properties": { "spec": spec } });
    TypeRef::custom(&CustomType {
        group: "x.y",
        version: "v1",
        kind: "Foo",
        schema: &schema,
        status_subresource: true,
    })
}

fn foo(spec: &Value) -> Value {
    json!({ "apiVersion": "x.y/v1", "kind": "Foo", "metadata": { "name": "f" }, "spec": spec })
}

/// The spec as it would be stored, or what is wrong with it.
fn write(of: &TypeRef, spec: &Value, old: Option<&Value>) -> Result<Value, Vec<String>> {
    let mut object = decode(of, foo(spec)).map_err(|error| vec![error])?.object;
    default(of, &mut object);
    let errors = validate(of, &object, old.map(foo).as_ref());
    if errors.is_empty() {
        Ok(object["spec"].clone())
    } else {
        Err(errors.iter().map(ToString::to_string).collect())
    }
}

#[test]
fn unknown_fields_are_pruned_and_named() {
    let of = type_of(&json!({
        "type": "object",
        "properties": {
            "a": { "type": "string" },
            "open": { "type": "object", "x-kubernetes-preserve-unknown-fields": true, "properties": { "b": { "type": "object" } } },
            "map": { "type": "object", "additionalProperties": { "type": "object", "properties": { "c": { "type": "integer" } } } },
        },
    }));
    let spec = json!({ "a": "x", "z": 1, "open": { "y": 1, "b": { "q": 1 } }, "map": { "k": { "c": 1, "d": 2 } } });
    let mut object = foo(&spec);
    assert_eq!(prune(&of, &mut object), ["spec.map.k.d", "spec.open.b.q", "spec.z"]);
    assert_eq!(
        object["spec"],
        json!({ "a": "x", "open": { "y": 1, "b": {} }, "map": { "k": { "c": 1 } } })
    );
}

#[test]
fn defaults_fill_what_is_unset_and_nulls_that_may_not_be() {
    let of = type_of(&json!({
        "type": "object",
        "properties": {
            "a": { "type": "string", "default": "x" },
            "nullable": { "type": "string", "nullable": true, "default": "x" },
            "plain": { "type": "string" },
            "inner": { "type": "object", "default": {}, "properties": { "deep": { "type": "integer", "default": 1 } } },
            "list": { "type": "array", "items": { "type": "object", "properties": { "p": { "type": "string", "default": "TCP" } } } },
        },
    }));
    let spec = json!({ "a": null, "nullable": null, "plain": null, "list": [{}] });
    assert_eq!(
        write(&of, &spec, None).unwrap(),
        json!({ "a": "x", "nullable": null, "inner": { "deep": 1 }, "list": [{ "p": "TCP" }] })
    );
}

#[test]
fn value_limits_are_worded_as_the_api_server_words_them() {
    let of = type_of(&json!({
        "type": "object",
        "required": ["name"],
        "properties": {
            "name": { "type": "string", "pattern": "^[a-z]+$" },
            "mode": { "type": "string", "enum": ["a", "b"] },
            "count": { "type": "integer", "minimum": 1, "maximum": 3 },
            "text": { "type": "string", "maxLength": 3 },
            "list": { "type": "array", "maxItems": 1, "x-kubernetes-list-type": "set", "items": { "type": "string" } },
        },
    }));
    let check = |spec: Value, expected: &[&str]| {
        let errors = write(&of, &spec, None).unwrap_err();
        let errors: Vec<_> = errors.iter().filter(|error| !error.starts_with("<nil>")).collect();
        assert_eq!(errors, expected);
    };
    check(json!({}), &["spec.name: Required value"]);
    check(
        json!({ "name": "A" }),
        &["spec.name: Invalid value: \"A\": spec.name in body should match '^[a-z]+$'"],
    );
    check(
        json!({ "name": 1 }),
        &[
            "spec.name: Invalid value: \"integer\": spec.name in body must be of type string: \"integer\"",
        ],
    );
    check(
        json!({ "name": "a", "mode": "c" }),
        &["spec.mode: Unsupported value: \"c\": supported values: \"a\", \"b\""],
    );
    check(
        json!({ "name": "a", "count": 4 }),
        &["spec.count: Invalid value: 4: spec.count in body should be less than or equal to 3"],
    );
    check(
        json!({ "name": "a", "text": "long" }),
        &["spec.text: Too long: may not be more than 3 bytes"],
    );
    check(
        json!({ "name": "a", "list": ["x", "x"] }),
        &[
            "spec.list: Too many: 2: must have at most 1 item",
            "spec.list[1]: Duplicate value: \"x\"",
        ],
    );
}

#[test]
fn rules_see_typed_values_and_the_old_object() {
    let of = type_of(&json!({
        "type": "object",
        "x-kubernetes-validations": [
            { "rule": "!has(self.min) || self.min <= self.max_count", "messageExpression": "'at most ' + string(self.max_count)" },
        ],
        "properties": {
            "min": { "type": "integer" },
            "max_count": { "type": "integer", "default": 5 },
            "fixed": { "type": "string", "x-kubernetes-validations": [{ "rule": "self == oldSelf", "message": "is immutable" }] },
            "wait": { "type": "string", "format": "duration", "x-kubernetes-validations": [{ "rule": "self < duration('1h')" }] },
        },
    }));
    let check = |spec: Value, old: Option<Value>, expected: &[&str]| {
        assert_eq!(write(&of, &spec, old.as_ref()).err().unwrap_or_default(), expected);
    };
    check(json!({ "min": 3, "fixed": "a", "wait": "59m" }), None, &[]);
    check(json!({ "min": 7 }), None, &["spec: Invalid value: at most 5"]);
    check(
        json!({ "wait": "61m" }),
        None,
        &["spec.wait: Invalid value: \"61m\": failed rule: self < duration('1h')"],
    );
    check(
        json!({ "fixed": "b" }),
        Some(json!({ "fixed": "a" })),
        &["spec.fixed: Invalid value: \"b\": is immutable"],
    );
    // What was wrong before and did not change is let through.
    check(
        json!({ "wait": "61m", "fixed": "a" }),
        Some(json!({ "wait": "61m", "fixed": "a" })),
        &[],
    );
}
