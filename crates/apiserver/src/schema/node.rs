//! One node of a structural schema, parsed from OpenAPI v3 JSON: the built-in table's lines and the `openAPIV3Schema` of a
//! custom resource definition go through the same parser.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use regex::Regex;
use serde_json::{Map, Value};

use super::table::{self, Entry};
use super::validate::rules::Compiled;

/// How deep schemas may nest; the API server's own limit for custom resource definitions is lower than this.
const MAX_DEPTH: usize = 128;

/// What JSON a node takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Anything: no `type` was given.
    Any,
    /// An object, with named fields or as a map.
    Object,
    /// A list.
    Array,
    /// A string.
    String,
    /// A whole number.
    Integer,
    /// Any number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// A whole number or a string (`IntOrString`).
    IntOrString,
    /// A resource quantity: a string or a number, written back in canonical form.
    Quantity,
    /// Any JSON that is owned as one (`RawExtension`).
    Raw,
}

/// How the items of a list are told apart (`x-kubernetes-list-type`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListType {
    /// The list is one value.
    Atomic,
    /// Scalars, each once.
    Set,
    /// Objects, told apart by these fields.
    Map(Vec<Box<str>>),
}

/// What stands for keys that are not named fields.
#[derive(Debug, Clone)]
pub enum Additional {
    /// Nothing was said.
    Unset,
    /// `additionalProperties: false`.
    Closed,
    /// `additionalProperties: true`.
    Open,
    /// Each value has this schema.
    Typed(Box<Schema>),
}

/// How strategic merge patches treat a field.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PatchStrategy {
    /// `x-kubernetes-patch-merge-key`.
    pub merge_key: Option<Box<str>>,
    /// `merge` is among the strategies.
    pub merge: bool,
    /// `replace` is among the strategies.
    pub replace: bool,
    /// `retainKeys` is among the strategies.
    pub retain_keys: bool,
}

/// A regular expression, compiled when it is first used.
#[derive(Debug, Clone)]
pub struct Pattern {
    /// As the schema has it.
    pub text: Box<str>,
    compiled: Arc<OnceLock<Option<Regex>>>,
}

impl Pattern {
    fn new(text: &str) -> Self {
        Self { text: text.into(), compiled: Arc::default() }
    }

    /// True if the text matches. A pattern that cannot be compiled matches nothing.
    pub fn matches(&self, text: &str) -> bool {
        let compiled = self.compiled.get_or_init(|| Regex::new(&self.text).ok());
        compiled.as_ref().is_some_and(|regex| regex.is_match(text))
    }
}

/// Value limits of a custom resource's schema; rare, so kept apart from [`Schema`].
#[derive(Debug, Clone, Default)]
pub struct Limits {
    /// The allowed values.
    pub choices: Vec<Value>,
    /// What a string must match somewhere.
    pub pattern: Option<Pattern>,
    /// Inclusive or exclusive lower bound.
    pub minimum: Option<(f64, bool)>,
    /// Inclusive or exclusive upper bound.
    pub maximum: Option<(f64, bool)>,
    /// The number must be a multiple of this.
    pub multiple_of: Option<f64>,
    /// Characters of a string.
    pub length: (Option<u64>, Option<u64>),
    /// Items of a list.
    pub items: (Option<u64>, Option<u64>),
    /// Fields of an object.
    pub properties: (Option<u64>, Option<u64>),
    /// No two items are equal.
    pub unique_items: bool,
    /// Value validations that must all hold.
    pub all_of: Vec<Schema>,
    /// Value validations of which one or more must hold.
    pub any_of: Vec<Schema>,
    /// Value validations of which exactly one must hold.
    pub one_of: Vec<Schema>,
    /// A value validation that must not hold.
    pub not: Option<Box<Schema>>,
}

/// A CEL rule (`x-kubernetes-validations`).
#[derive(Debug, Clone, Default)]
pub struct Rule {
    /// The expression.
    pub rule: String,
    /// What to say when it is false.
    pub message: Option<String>,
    /// An expression that gives the message.
    pub message_expression: Option<String>,
    /// `FieldValueInvalid` (the default), `FieldValueForbidden`, `FieldValueRequired` or `FieldValueDuplicate`.
    pub reason: Option<String>,
    /// The field below the node that the failure is about, such as `.spec.x`.
    pub field_path: Option<String>,
    /// A transition rule that also runs when there is no old value.
    pub optional_old_self: bool,
    compiled: Arc<OnceLock<Result<Compiled, String>>>,
}

impl Rule {
    /// The rule ready to run; compiled when it is first asked for.
    ///
    /// # Errors
    /// What is wrong with its text.
    pub(crate) fn compiled(&self) -> Result<&Compiled, &str> {
        self.compiled.get_or_init(|| Compiled::new(self)).as_ref().map_err(String::as_str)
    }
}

/// One node of a structural schema.
#[expect(clippy::struct_excessive_bools, reason = "each is a keyword of the format")]
#[derive(Debug, Clone)]
pub struct Schema {
    /// What JSON it takes. For a reference, ask [`Schema::resolve`] first.
    pub kind: Kind,
    /// The built-in type that the node refers to.
    pub reference: Option<&'static Entry>,
    /// `format`.
    pub format: Option<Box<str>>,
    /// The named fields.
    pub properties: BTreeMap<Box<str>, Self>,
    /// What other keys hold.
    pub additional: Additional,
    /// What a list holds.
    pub items: Option<Box<Self>>,
    /// How list items are told apart.
    pub list_type: ListType,
    /// `x-kubernetes-map-type`: `Some(true)` for atomic, `Some(false)` for granular.
    pub atomic_map: Option<bool>,
    /// The fields that must be present.
    pub required: Vec<Box<str>>,
    /// The default.
    pub default: Option<Value>,
    /// `null` is a value.
    pub nullable: bool,
    /// Unknown fields of this object are kept (`x-kubernetes-preserve-unknown-fields`).
    pub preserve_unknown: bool,
    /// This node or one above keeps unknown fields: field ownership then takes undeclared fields.
    pub open: bool,
    /// The object is itself a Kubernetes object (`x-kubernetes-embedded-resource`).
    pub embedded: bool,
    /// Strategic merge patch facts.
    pub patch: Option<Box<PatchStrategy>>,
    /// Value limits.
    pub limits: Option<Box<Limits>>,
    /// CEL rules.
    pub rules: Vec<Rule>,
    /// Names of fields that Go writes only when they hold something (`omitempty` on a value type). Built-in types only.
    pub omitted_when_empty: Vec<&'static str>,
    /// Names of fields that Go writes even when they are not set: as `null`, or as the zero of a type with a form of its own.
    /// Built-in types only.
    pub written_when_unset: Vec<&'static str>,
}

impl Schema {
    /// A node that says nothing: it takes anything.
    pub(crate) const fn any() -> Self {
        Self {
            kind: Kind::Any,
            reference: None,
            format: None,
            properties: BTreeMap::new(),
            additional: Additional::Unset,
            items: None,
            list_type: ListType::Atomic,
            atomic_map: None,
            required: Vec::new(),
            default: None,
            nullable: false,
            preserve_unknown: false,
            open: false,
            embedded: false,
            patch: None,
            limits: None,
            rules: Vec::new(),
            omitted_when_empty: Vec::new(),
            written_when_unset: Vec::new(),
        }
    }

    /// Parses an OpenAPI v3 schema. Keywords that are unknown or mistyped are ignored, as JSON decoding in Go would have
    /// rejected them before; nesting beyond the limit reads as "anything".
    pub fn parse(json: &Value) -> Self {
        parse(json, false, 0)
    }

    /// The schema of a key: of the named field, or of the values of a map.
    pub fn child(&self, name: &str) -> Option<&Self> {
        match (self.properties.get(name), &self.additional) {
            (Some(field), _) => Some(field),
            (None, Additional::Typed(schema)) => Some(schema),
            (None, _) => None,
        }
    }

    /// The node that holds the facts: the type referred to, or this one.
    pub fn resolve(&self) -> &Self {
        self.reference.map_or(self, Entry::schema)
    }
}

fn parse(json: &Value, open_above: bool, depth: usize) -> Schema {
    let mut node = Schema::any();
    let Some(json) = json.as_object() else { return node };
    if depth > MAX_DEPTH {
        return node;
    }
    node.preserve_unknown = flag(json, "x-kubernetes-preserve-unknown-fields");
    node.open = open_above || node.preserve_unknown;
    node.reference = text(json, "$ref").and_then(table::entry);
    node.format = text(json, "format").map(Into::into);
    node.nullable = flag(json, "nullable");
    node.embedded = flag(json, "x-kubernetes-embedded-resource");
    node.default = json.get("default").cloned();
    node.required = strings(json, "required");
    node.kind = kind(json);
    node.list_type = list_type(json);
    node.atomic_map = text(json, "x-kubernetes-map-type").map(|kind| kind == "atomic");
    node.patch = patch_strategy(json);
    node.rules = rules(json);
    parse_children(&mut node, json, depth);
    node.limits = limits(json, depth);
    node
}

fn parse_children(node: &mut Schema, json: &Map<String, Value>, depth: usize) {
    if let Some(properties) = json.get("properties").and_then(Value::as_object) {
        node.properties = properties
            .iter()
            .map(|(name, schema)| (name.as_str().into(), parse(schema, node.open, depth + 1)))
            .collect();
    }
    if let Some(items) = json.get("items") {
        node.items = Some(Box::new(parse(items, node.open, depth + 1)));
    }
    node.additional = match json.get("additionalProperties") {
        None => Additional::Unset,
        Some(Value::Bool(false)) => Additional::Closed,
        Some(Value::Bool(true)) => Additional::Open,
        Some(schema) => Additional::Typed(Box::new(parse(schema, node.open, depth + 1))),
    };
    if node.embedded {
        let metadata = Schema { reference: table::entry(table::OBJECT_META), ..Schema::any() };
        let word = Schema { kind: Kind::String, ..Schema::any() };
        node.properties.insert("apiVersion".into(), word.clone());
        node.properties.insert("kind".into(), word);
        node.properties.insert("metadata".into(), metadata);
    }
}

fn kind(json: &Map<String, Value>) -> Kind {
    if flag(json, "x-kubernetes-int-or-string") || text(json, "format") == Some("int-or-string") {
        return Kind::IntOrString;
    }
    match text(json, "type") {
        Some("object") => Kind::Object,
        Some("array") => Kind::Array,
        Some("string") => Kind::String,
        Some("integer") => Kind::Integer,
        Some("number") => Kind::Number,
        Some("boolean") => Kind::Boolean,
        _ => Kind::Any,
    }
}

/// `x-kubernetes-list-type`, or what the patch strategy implies, as field ownership reads it.
fn list_type(json: &Map<String, Value>) -> ListType {
    match text(json, "x-kubernetes-list-type") {
        Some("set") => return ListType::Set,
        Some("map") => return ListType::Map(strings(json, "x-kubernetes-list-map-keys")),
        Some(_) => return ListType::Atomic,
        None => {}
    }
    match text(json, "x-kubernetes-patch-strategy") {
        Some("merge" | "merge,retainKeys") => text(json, "x-kubernetes-patch-merge-key")
            .map_or(ListType::Set, |key| ListType::Map(vec![key.into()])),
        _ => ListType::Atomic,
    }
}

fn patch_strategy(json: &Map<String, Value>) -> Option<Box<PatchStrategy>> {
    let strategy = text(json, "x-kubernetes-patch-strategy")?;
    let has = |name| strategy.split(',').any(|part| part == name);
    Some(Box::new(PatchStrategy {
        merge_key: text(json, "x-kubernetes-patch-merge-key").map(Into::into),
        merge: has("merge"),
        replace: has("replace"),
        retain_keys: has("retainKeys"),
    }))
}

fn rules(json: &Map<String, Value>) -> Vec<Rule> {
    let rules = json.get("x-kubernetes-validations").and_then(Value::as_array);
    let owned = |rule: &Map<String, Value>, key| text(rule, key).map(str::to_owned);
    let rule = |rule: &Map<String, Value>| Rule {
        rule: owned(rule, "rule").unwrap_or_default(),
        message: owned(rule, "message").filter(|message| !message.is_empty()),
        message_expression: owned(rule, "messageExpression").filter(|message| !message.is_empty()),
        reason: owned(rule, "reason"),
        field_path: owned(rule, "fieldPath").filter(|path| !path.is_empty()),
        optional_old_self: flag(rule, "optionalOldSelf"),
        compiled: Arc::default(),
    };
    rules.into_iter().flatten().filter_map(Value::as_object).map(rule).collect()
}

fn limits(json: &Map<String, Value>, depth: usize) -> Option<Box<Limits>> {
    const KEYWORDS: [&str; 17] = [
        "enum",
        "pattern",
        "minimum",
        "maximum",
        "multipleOf",
        "minLength",
        "maxLength",
        "minItems",
        "maxItems",
        "minProperties",
        "maxProperties",
        "uniqueItems",
        "allOf",
        "anyOf",
        "oneOf",
        "not",
        "exclusiveMinimum",
    ];
    if !KEYWORDS.iter().any(|keyword| json.contains_key(*keyword)) {
        return None;
    }
    let number = |key| json.get(key).and_then(Value::as_f64);
    let count = |key| json.get(key).and_then(Value::as_u64);
    let schemas = |key| {
        let list = json.get(key).and_then(Value::as_array);
        list.into_iter().flatten().map(|schema| parse(schema, false, depth + 1)).collect()
    };
    Some(Box::new(Limits {
        choices: json.get("enum").and_then(Value::as_array).cloned().unwrap_or_default(),
        pattern: text(json, "pattern").filter(|pattern| !pattern.is_empty()).map(Pattern::new),
        minimum: number("minimum").map(|bound| (bound, flag(json, "exclusiveMinimum"))),
        maximum: number("maximum").map(|bound| (bound, flag(json, "exclusiveMaximum"))),
        multiple_of: number("multipleOf").filter(|divisor| *divisor > 0.0),
        length: (count("minLength"), count("maxLength")),
        items: (count("minItems"), count("maxItems")),
        properties: (count("minProperties"), count("maxProperties")),
        unique_items: flag(json, "uniqueItems"),
        all_of: schemas("allOf"),
        any_of: schemas("anyOf"),
        one_of: schemas("oneOf"),
        not: json.get("not").map(|schema| Box::new(parse(schema, false, depth + 1))),
    }))
}

fn text<'a>(json: &'a Map<String, Value>, key: &str) -> Option<&'a str> {
    json.get(key).and_then(Value::as_str)
}

fn flag(json: &Map<String, Value>, key: &str) -> bool {
    json.get(key).and_then(Value::as_bool).unwrap_or(false)
}

fn strings(json: &Map<String, Value>, key: &str) -> Vec<Box<str>> {
    let list = json.get(key).and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str).map(Into::into).collect()
}
