//! Checks values against `values.schema.json`, with the messages of Helm's validator.

use std::collections::BTreeMap;

use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::{Draft, ValidationError};
use serde_json::Value as Json;

use crate::chart::Chart;
use crate::values::{Values, with_integers};
use crate::{Error, Result};

/// Checks the values of a chart and of all charts below it.
pub(crate) fn check(chart: &Chart, values: &Values) -> Result<()> {
    let mut problems = String::new();
    collect(chart, values, &mut problems);
    if problems.is_empty() {
        return Ok(());
    }
    Err(Error::new(format!(
        "values don't meet the specifications of the schema(s) in the following chart(s):\n{problems}"
    )))
}

fn collect(chart: &Chart, values: &Values, problems: &mut String) {
    if let Some(schema) = &chart.schema
        && let Err(error) = validate(schema, &Json::Object(values.clone()))
    {
        problems.extend([chart.name(), ":\n", &error.to_string()]);
    }
    for subchart in &chart.dependencies {
        match values.get(subchart.name()) {
            None | Some(Json::Null) => {}
            Some(Json::Object(inner)) => collect(subchart, inner, problems),
            Some(other) => {
                let found = go_type(other);
                let what = ":\ninvalid type for values: expected object (map), got ";
                problems.extend([subchart.name(), what, found, "\n"]);
            }
        }
    }
}

fn go_type(value: &Json) -> &'static str {
    match value {
        Json::Null => "<nil>",
        Json::Bool(_) => "bool",
        Json::Number(_) => "float64",
        Json::String(_) => "string",
        Json::Array(_) => "[]interface {}",
        Json::Object(_) => "map[string]interface {}",
    }
}

/// References to other documents are not followed: a chart must not make us ask the network.
struct Nowhere;

impl jsonschema::Retrieve for Nowhere {
    fn retrieve(
        &self,
        uri: &jsonschema::Uri<String>,
    ) -> Result<Json, Box<dyn std::error::Error + Send + Sync>> {
        if uri.as_str().starts_with("urn:") {
            return Ok(Json::Bool(true));
        }
        Err(format!("failed to load {uri}: references to other documents are not followed").into())
    }
}

/// Checks values against the text of a schema, drafts 4 to 2020-12.
///
/// # Errors
/// When the schema is broken or the values do not fit, one line a problem.
pub fn validate(schema: &[u8], values: &Json) -> Result<(), Error> {
    let schema: Json = serde_json::from_slice(schema).map_err(|e| Error::new(e.to_string()))?;
    let values = with_integers(values);
    let draft = Draft::default().detect(&schema);
    let validator = jsonschema::options()
        .with_draft(draft)
        .with_retriever(Nowhere)
        .build(&schema)
        .map_err(|error| Error::new(format!("jsonschema: {error}")))?;
    let errors: Vec<ValidationError<'_>> = validator.iter_errors(&values).collect();
    let mut lines = Vec::new();
    describe_all(&errors, 0, &mut lines);
    if lines.is_empty() {
        return Ok(());
    }
    Err(Error::new(format!("{}\n", lines.join("\n"))))
}

/// One line a problem, by path; absent properties of one object share a line.
fn describe_all(errors: &[ValidationError<'_>], depth: usize, lines: &mut Vec<String>) {
    let mut absent: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for error in errors {
        if let ValidationErrorKind::Required { property } = error.kind() {
            absent.entry(error.instance_path().as_str()).or_default().push(shown(property));
        }
    }
    let mut sorted: Vec<&ValidationError<'_>> = errors.iter().collect();
    sorted.sort_by_key(|error| error.instance_path().as_str());
    for error in sorted {
        if !matches!(error.kind(), ValidationErrorKind::Required { .. }) {
            describe(error, depth, lines);
        } else if let Some(names) = absent.remove(error.instance_path().as_str()) {
            let plural = if names.len() > 1 { "properties" } else { "property" };
            let (indent, path) = ("  ".repeat(depth), error.instance_path().as_str());
            let names = names.join(", ");
            lines.push(format!("{indent}- at '{path}': missing {plural} {names}"));
        }
    }
}

fn describe(error: &ValidationError<'_>, depth: usize, lines: &mut Vec<String>) {
    let indent = "  ".repeat(depth);
    let path = error.instance_path().as_str();
    let message = message(error.kind(), error.instance());
    lines.push(format!("{indent}- at '{path}': {message}"));
    if let ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context } =
        error.kind()
    {
        for branch in context {
            describe_all(branch, depth + 1, lines);
        }
    }
}

fn type_name(value: &Json) -> &'static str {
    match value {
        Json::Null => "null",
        Json::Bool(_) => "boolean",
        Json::Number(_) => "number",
        Json::String(_) => "string",
        Json::Array(_) => "array",
        Json::Object(_) => "object",
    }
}

fn shown(value: &Json) -> String {
    match value {
        Json::String(text) => format!("'{text}'"),
        other => other.to_string(),
    }
}

fn quoted(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("'{name}'")).collect();
    names.join(", ")
}

fn length(value: &Json) -> usize {
    match value {
        Json::String(text) => text.chars().count(),
        Json::Array(items) => items.len(),
        Json::Object(map) => map.len(),
        _ => 0,
    }
}

fn message(kind: &ValidationErrorKind, instance: &Json) -> String {
    use ValidationErrorKind as Kind;
    let got = length(instance);
    match kind {
        Kind::Type { kind } => {
            let wanted = match kind {
                TypeKind::Single(only) => only.to_string(),
                TypeKind::Multiple(many) => {
                    many.iter().map(|kind| kind.to_string()).collect::<Vec<_>>().join(" or ")
                }
            };
            format!("got {}, want {wanted}", type_name(instance))
        }
        Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
            format!("additional properties {} not allowed", quoted(unexpected))
        }
        Kind::Enum { options } => match options.as_array().map(Vec::as_slice) {
            Some([only]) => format!("value must be {}", shown(only)),
            Some(many) => {
                let many: Vec<String> = many.iter().map(shown).collect();
                format!("value must be one of {}", many.join(", "))
            }
            None => "value must be one of the allowed ones".to_owned(),
        },
        Kind::Constant { expected_value } => format!("value must be {}", shown(expected_value)),
        Kind::Minimum { limit } => format!("minimum: got {instance}, want {limit}"),
        Kind::Maximum { limit } => format!("maximum: got {instance}, want {limit}"),
        Kind::ExclusiveMinimum { limit } => {
            format!("exclusiveMinimum: got {instance}, want {limit}")
        }
        Kind::ExclusiveMaximum { limit } => {
            format!("exclusiveMaximum: got {instance}, want {limit}")
        }
        Kind::MinLength { limit } => format!("minLength: got {got}, want {limit}"),
        Kind::MaxLength { limit } => format!("maxLength: got {got}, want {limit}"),
        Kind::MinItems { limit } => format!("minItems: got {got}, want {limit}"),
        Kind::MaxItems { limit } => format!("maxItems: got {got}, want {limit}"),
        Kind::MinProperties { limit } => format!("minProperties: got {got}, want {limit}"),
        Kind::MaxProperties { limit } => format!("maxProperties: got {got}, want {limit}"),
        Kind::MultipleOf { multiple_of } => {
            format!("multipleOf: got {instance}, want {multiple_of}")
        }
        Kind::Pattern { pattern } => {
            format!("{} does not match pattern '{pattern}'", shown(instance))
        }
        Kind::Format { format } => format!("{} is not valid {format}", shown(instance)),
        Kind::AnyOf { .. } => "'anyOf' failed".to_owned(),
        Kind::OneOfNotValid { .. } => "'oneOf' failed, none matched".to_owned(),
        Kind::OneOfMultipleValid { .. } => "'oneOf' failed, more than one matched".to_owned(),
        Kind::Not { .. } => "'not' failed".to_owned(),
        Kind::FalseSchema => "false schema".to_owned(),
        Kind::UniqueItems => "items are not unique".to_owned(),
        Kind::Contains => "no items match contains schema".to_owned(),
        Kind::PropertyNames { error } => format!("invalid propertyName: {error}"),
        other => format!("{} failed", other.keyword()),
    }
}
