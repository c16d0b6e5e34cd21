//! Checks values against `values.schema.json`, with the messages of Helm's validator.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use referencing::meta;
use serde_json::Value as Json;

use crate::chart::Chart;
use crate::values::{Values, with_integers};
use crate::{Environment, Error, Level, LogLine, Result};

mod check;
mod documents;
mod format;
mod number;
mod place;
mod plain;
mod prepare;
mod problem;
mod value;

use documents::{Draft, named_draft};
use prepare::Validator;

/// Checks the values of a chart and of all charts below it.
pub(crate) fn check(chart: &Chart, values: &Values, environment: &dyn Environment) -> Result<()> {
    let mut check = Check { environment, problems: String::new(), warned: BTreeSet::new() };
    check.chart(chart, values);
    let problems = check.problems;
    if problems.is_empty() {
        return Ok(());
    }
    Err(Error::new(format!(
        "values don't meet the specifications of the schema(s) in the following chart(s):\n{problems}"
    )))
}

/// A check of a tree of charts.
struct Check<'e> {
    environment: &'e dyn Environment,
    problems: String,
    /// The URNs that a warning was logged about.
    warned: BTreeSet<String>,
}

impl Check<'_> {
    fn chart(&mut self, chart: &Chart, values: &Values) {
        let environment = self.environment;
        let log = |level, message: &str, fields: &[(&str, &str)]| {
            environment.log(&LogLine { level, message, fields });
        };
        if chart.schema.is_some() {
            log(Level::Debug, "chart name", &[("chart-name", chart.name())]);
        }
        let count = chart.dependencies.len().to_string();
        let fields = [("chart", chart.name()), ("dependencies", count.as_str())];
        log(Level::Debug, "number of dependencies in the chart", &fields);
        if let Some(schema) = &chart.schema {
            let mut unresolved = |urn: &str| {
                if self.warned.insert(urn.to_owned()) {
                    let what = "unresolved URN reference ignored; using permissive schema";
                    log(Level::Warn, what, &[("urn", urn)]);
                }
            };
            let checked = validated(schema, &Json::Object(values.clone()), &mut unresolved);
            if let Err(error) = checked {
                self.problems.extend([chart.name(), ":\n", &error.to_string()]);
            }
        }
        for subchart in &chart.dependencies {
            match values.get(subchart.name()) {
                None | Some(Json::Null) => {}
                Some(Json::Object(inner)) => self.chart(subchart, inner),
                Some(other) => {
                    let found = go_type(other);
                    let what = ":\ninvalid type for values: expected object (map), got ";
                    self.problems.extend([subchart.name(), what, found, "\n"]);
                }
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

/// The URI that Helm gives a chart's schema; references in it are relative to this.
const URI: &str = "file:///values.schema.json";

static DRAFT4: LazyLock<Json> = LazyLock::new(|| with_strict_enum(&meta::DRAFT4));
static DRAFT6: LazyLock<Json> = LazyLock::new(|| {
    let mut document = with_strict_enum(&meta::DRAFT6);
    if let Some(Json::Object(patterns)) = document.pointer_mut("/properties/patternProperties") {
        patterns.remove("propertyNames");
    }
    document
});
static DRAFT7: LazyLock<Json> = LazyLock::new(|| with_strict_enum(&meta::DRAFT7));

/// A description of an old draft as Helm's validator has it: lists of `enum` have items, each once.
fn with_strict_enum(document: &Json) -> Json {
    let mut document = document.clone();
    if let Some(Json::Object(list)) = document.pointer_mut("/properties/enum") {
        list.insert("minItems".to_owned(), Json::from(1));
        list.insert("uniqueItems".to_owned(), Json::Bool(true));
    }
    document
}

/// What Helm takes a document for that only a URN names.
static ANYTHING: Json = Json::Bool(true);

/// The documents that every schema may refer to: those that describe schemas themselves.
fn known(uri: &str) -> Option<&'static Json> {
    if uri.starts_with("urn:") {
        return Some(&ANYTHING);
    }
    let rest = uri.strip_prefix("http://").or_else(|| uri.strip_prefix("https://"))?;
    let document = match rest.strip_prefix("json-schema.org/")? {
        "draft-04/schema" => return Some(&DRAFT4),
        "draft-06/schema" => return Some(&DRAFT6),
        "draft-07/schema" => return Some(&DRAFT7),
        "draft/2019-09/schema" => &meta::DRAFT201909,
        "draft/2019-09/meta/applicator" => &meta::DRAFT201909_APPLICATOR,
        "draft/2019-09/meta/content" => &meta::DRAFT201909_CONTENT,
        "draft/2019-09/meta/core" => &meta::DRAFT201909_CORE,
        "draft/2019-09/meta/format" => &meta::DRAFT201909_FORMAT,
        "draft/2019-09/meta/meta-data" => &meta::DRAFT201909_META_DATA,
        "draft/2019-09/meta/validation" => &meta::DRAFT201909_VALIDATION,
        "draft/2020-12/schema" => &meta::DRAFT202012,
        "draft/2020-12/meta/applicator" => &meta::DRAFT202012_APPLICATOR,
        "draft/2020-12/meta/content" => &meta::DRAFT202012_CONTENT,
        "draft/2020-12/meta/core" => &meta::DRAFT202012_CORE,
        "draft/2020-12/meta/format-annotation" => &meta::DRAFT202012_FORMAT_ANNOTATION,
        "draft/2020-12/meta/format-assertion" => &meta::DRAFT202012_FORMAT_ASSERTION,
        "draft/2020-12/meta/meta-data" => &meta::DRAFT202012_META_DATA,
        "draft/2020-12/meta/unevaluated" => &meta::DRAFT202012_UNEVALUATED,
        "draft/2020-12/meta/validation" => &meta::DRAFT202012_VALIDATION,
        _ => return None,
    };
    Some(document)
}

/// Checks values against the text of a schema, drafts 4 to 2020-12. References to documents other
/// than the schema itself and those of json-schema.org are not followed: a chart must not make us
/// ask the network.
///
/// # Errors
/// When the schema is broken or the values do not fit, one line a problem.
pub fn validate(schema: &[u8], values: &Json) -> Result<(), Error> {
    validated(schema, values, &mut |_| {})
}

/// [`validate`], telling of each URN that a reference follows.
fn validated(schema: &[u8], values: &Json, unresolved: &mut dyn FnMut(&str)) -> Result<()> {
    // The other reader takes all that this one takes, and has the words for what neither does.
    let schema: Json = serde_json::from_slice(schema).map_err(|error| {
        let words = gotemplate::from_json_text(schema).err().map(|error| error.0);
        Error::new(words.unwrap_or_else(|| error.to_string()))
    })?;
    check_schema(&schema)?;
    let validator = Validator::new(URI, &schema, known)?;
    let resources = validator.documents.resources.iter();
    resources
        .filter(|it| std::ptr::eq(it.root, &raw const ANYTHING))
        .for_each(|it| unresolved(&it.uri));
    let values = with_integers(values);
    validator.validate(&values).map_err(|problem| Error::new(format!("{}\n", problem.lines())))
}

/// Checks a schema against the one that describes its draft.
fn check_schema(schema: &Json) -> Result<()> {
    let draft = named_draft(schema, URI)?.unwrap_or(Draft::D2020);
    if plain::is_good(schema, draft) {
        return Ok(());
    }
    check_by_meta(schema, draft)
}

fn check_by_meta(schema: &Json, draft: Draft) -> Result<()> {
    let uri = draft.meta();
    let Some(meta) = known(uri) else { return Ok(()) };
    Validator::meta(uri, meta, known)?.validate(schema).map_err(|problem| {
        let lines = problem.lines();
        Error::new(format!(
            "\"{URI}#\" is not valid against metaschema: jsonschema validation failed with '{uri}#'\n{lines}"
        ))
    })
}

#[cfg(test)]
mod tests;
