use serde_json::{Value as Json, json};

use super::documents::Draft;
use super::prepare::Validator;
use super::{known, plain, validate};

fn problems(schema: &Json, values: &Json) -> String {
    match validate(schema.to_string().as_bytes(), values) {
        Ok(()) => String::new(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn problems_nest_as_schemas_do() {
    let schema = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "required": ["b", "c"],
        "properties": {
            "a": { "type": "object", "required": ["x"], "minProperties": 2000 },
            "n": { "anyOf": [{ "pattern": "^z" }, { "type": "integer" }] },
            "big": { "maximum": 1000, "multipleOf": 0.1 },
        },
        "additionalProperties": false,
    });
    let values = json!({ "a": { "y": 1 }, "n": "it's", "big": 1_234_567.5, "z/z": 1 });
    assert_eq!(
        problems(&schema, &values),
        "- at '': missing properties 'b', 'c'\n\
         - at '/a': validation failed\n  \
           - at '/a': minProperties: got 1, want 2,000\n  \
           - at '/a': missing property 'x'\n\
         - at '/big': maximum: got 1.2345675×10⁰⁶, want 1,000\n\
         - at '/n': 'anyOf' failed\n  \
           - at '/n': 'it\\'s' does not match pattern '^z'\n  \
           - at '/n': got string, want integer\n\
         - at '': additional properties 'z/z' not allowed\n"
    );
}

#[test]
fn references_lead_into_the_document_and_nowhere_else() {
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$defs": { "port": { "$anchor": "port", "type": "integer", "maximum": 9 } },
        "properties": { "a": { "$ref": "#port" }, "b": { "$ref": "#/$defs/port" } },
    });
    assert_eq!(
        problems(&schema, &json!({ "a": 10, "b": "x" })),
        "- at '/a': maximum: got 10, want 9\n- at '/b': got string, want integer\n"
    );
    let outside = json!({ "properties": { "a": { "$ref": "other.json#/x" } } });
    assert_eq!(
        problems(&outside, &json!({})),
        "failing loading \"file:///other.json\": references to other documents are not followed"
    );
    let absent = json!({ "$ref": "#/$defs/none" });
    assert_eq!(
        problems(&absent, &json!({})),
        "json-pointer in \"file:///values.schema.json#/$defs/none\" not found"
    );
    // What only a URN names allows anything.
    assert_eq!(problems(&json!({ "$ref": "urn:a:b" }), &json!({ "a": 1 })), "");
}

#[test]
fn drafts_differ() {
    let with = |draft: &str, mut schema: Json| {
        schema["$schema"] = json!(draft);
        problems(&schema, &json!({ "a": "x" }))
    };
    let seven = "http://json-schema.org/draft-07/schema#";
    let newest = "https://json-schema.org/draft/2020-12/schema";
    // Beside a reference, old drafts see nothing.
    let beside =
        json!({ "$ref": "#/definitions/any", "required": ["b"], "definitions": { "any": {} } });
    assert_eq!(with(seven, beside.clone()), "");
    assert_eq!(with(newest, beside), "- at '': missing property 'b'\n");
    // New drafts only note formats.
    let format = json!({ "properties": { "a": { "format": "ipv4" } } });
    assert_eq!(
        with(seven, format.clone()),
        "- at '/a': 'x' is not valid ipv4: expected four decimals\n"
    );
    assert_eq!(with(newest, format), "");
    let unevaluated =
        json!({ "allOf": [{ "properties": { "a": {} } }], "unevaluatedProperties": false });
    assert_eq!(with(newest, unevaluated), "");
    let unevaluated = json!({ "anyOf": [{ "required": ["a"] }], "unevaluatedProperties": false });
    assert_eq!(with(newest, unevaluated), "- at '/a': false schema\n");
}

#[test]
fn a_broken_schema_is_an_error() {
    assert_eq!(
        problems(
            &json!({ "$schema": "http://json-schema.org/draft-07/schema#", "type": "text" }),
            &json!({})
        ),
        "\"file:///values.schema.json#\" is not valid against metaschema: jsonschema validation failed with \
         'http://json-schema.org/draft-07/schema#'\n\
         - at '/type': 'anyOf' failed\n  \
           - at '/type': value must be one of 'array', 'boolean', 'integer', 'null', 'number', 'object', 'string'\n  \
           - at '/type': got string, want array"
    );
    assert_eq!(
        problems(&json!({ "pattern": "(" }), &json!({})),
        "\"file:///values.schema.json#\" is not valid against metaschema: jsonschema validation failed with \
         'https://json-schema.org/draft/2020-12/schema#'\n\
         - at '': 'allOf' failed\n  \
           - at '/pattern': '(' is not valid regex: error parsing regexp: missing closing ): `(`"
    );
}

#[test]
fn references_that_go_round_end() {
    let round = json!({ "allOf": [{ "$ref": "#" }] });
    assert!(problems(&round, &json!({ "a": 1 })).contains("cycle"));
    // A reference to itself from deeper values is no cycle.
    let tree = json!({ "additionalProperties": { "$ref": "#" } });
    assert_eq!(problems(&tree, &json!({ "a": { "b": { "c": 1 } } })), "");
    // Doubling at every level ends at the limit of checks.
    let double = json!({
        "additionalProperties": { "allOf": [{ "$ref": "#" }, { "anyOf": [{ "$ref": "#" }] }] }
    });
    let mut deep = json!(1);
    for _ in 0..40 {
        deep = json!({ "a": deep });
    }
    assert!(problems(&double, &deep).contains("checks"));
}

/// What is taken for good without the schemas that describe schemas is good by them, and most good
/// schemas are.
#[test]
fn what_is_good_at_a_glance_is_good() {
    let values = [
        json!(null),
        json!(true),
        json!(0),
        json!(-1),
        json!(1.0),
        json!(2.5),
        json!(3),
        json!(""),
        json!("string"),
        json!("["),
        json!("#/$defs/a-b_c.d"),
        json!("#/a b"),
        json!("#/%"),
        json!("http://example.com/a.json"),
        json!("http://[/"),
        json!("http://json-schema.org/draft-07/schema#"),
        json!("json-schema.org/schema"),
        json!([]),
        json!(["string"]),
        json!(["string", "string"]),
        json!(["string", "null"]),
        json!([1, 1.0]),
        json!([true]),
        json!([{}]),
        json!([{ "type": "text" }]),
        json!({}),
        json!({ "a": true }),
        json!({ "a": {} }),
        json!({ "(": {} }),
        json!({ "type": "text" }),
        json!({ "properties": { "a": { "minimum": "1" } } }),
    ];
    let keywords = "$schema $ref $id $comment $anchor $defs $dynamicAnchor $dynamicRef $recursiveRef \
        $recursiveAnchor $vocabulary id type title description default examples enum const deprecated \
        readOnly writeOnly minimum maximum exclusiveMinimum exclusiveMaximum multipleOf maxLength minLength \
        pattern maxItems minItems uniqueItems maxProperties minProperties maxContains minContains required \
        properties patternProperties additionalProperties propertyNames definitions dependencies \
        dependentRequired dependentSchemas items additionalItems prefixItems contains unevaluatedItems \
        unevaluatedProperties allOf anyOf oneOf not if then else format contentEncoding contentMediaType \
        contentSchema unknown";
    let (mut glanced, mut good) = (0, 0);
    for draft in [Draft::D4, Draft::D6, Draft::D7, Draft::D2019, Draft::D2020] {
        let meta = Validator::meta(draft.meta(), known(draft.meta()).unwrap(), known).unwrap();
        for keyword in keywords.split_whitespace() {
            for value in &values {
                let schema = json!({ keyword: value });
                let by_meta = meta.validate(&schema).is_ok();
                let at_a_glance = plain::is_good(&schema, draft);
                assert!(by_meta || !at_a_glance, "{draft:?}: {schema}");
                glanced += usize::from(at_a_glance);
                good += usize::from(by_meta);
            }
        }
    }
    // Anything is good of keywords that a draft does not know, and those are not looked at here.
    assert!(glanced * 5 > good * 2, "{glanced} of {good}");
}
