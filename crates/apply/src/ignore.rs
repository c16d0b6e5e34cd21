//! Ignore rules: fields that are neither corrected nor fought over.

use crate::field::Field as _;
use manifest::Object;
use regex::Regex;
use serde_json::Value;

use crate::error::Error;

/// Fields to leave alone on the objects that a target matches.
#[derive(Debug, Clone, Default)]
pub struct IgnoreRule {
    /// JSON pointers (RFC 6901).
    pub paths: Vec<String>,
    /// The objects; all of them when `None`.
    pub target: Option<Target>,
}

/// Which objects a rule is for. Every field that is set must match; group, version, kind, name and
/// namespace are regular expressions over the whole value.
#[derive(Debug, Clone, Default)]
pub struct Target {
    group: Option<Regex>,
    version: Option<Regex>,
    kind: Option<Regex>,
    name: Option<Regex>,
    namespace: Option<Regex>,
    labels: Option<Selector>,
    annotations: Option<Selector>,
}

/// The same as it stands in a spec.
#[derive(Debug, Clone, Default)]
pub struct TargetSpec<'a> {
    /// API group.
    pub group: Option<&'a str>,
    /// API version.
    pub version: Option<&'a str>,
    /// Kind.
    pub kind: Option<&'a str>,
    /// Name.
    pub name: Option<&'a str>,
    /// Namespace.
    pub namespace: Option<&'a str>,
    /// Label selector.
    pub label_selector: Option<&'a str>,
    /// Selector over annotations, in the syntax of label selectors.
    pub annotation_selector: Option<&'a str>,
}

impl Target {
    /// Reads a target.
    ///
    /// # Errors
    /// For a regular expression or selector that is none.
    pub fn new(spec: &TargetSpec<'_>) -> Result<Self, Error> {
        let regex = |pattern: Option<&str>| match pattern.filter(|pattern| !pattern.is_empty()) {
            None => Ok(None),
            Some(pattern) => Regex::new(&format!("^(?:{pattern})$"))
                .map(Some)
                .map_err(|error| Error::Expression(format!("invalid target '{pattern}': {error}"))),
        };
        let selector = |text: Option<&str>| match text.filter(|text| !text.trim().is_empty()) {
            None => Ok(None),
            Some(text) => Selector::parse(text).map(Some),
        };
        Ok(Self {
            group: regex(spec.group)?,
            version: regex(spec.version)?,
            kind: regex(spec.kind)?,
            name: regex(spec.name)?,
            namespace: regex(spec.namespace)?,
            labels: selector(spec.label_selector)?,
            annotations: selector(spec.annotation_selector)?,
        })
    }

    fn matches(&self, object: &Object) -> bool {
        let fits = |regex: &Option<Regex>, text: &str| {
            regex.as_ref().is_none_or(|regex| regex.is_match(text))
        };
        fits(&self.group, object.group())
            && fits(&self.version, object.version())
            && fits(&self.kind, object.kind())
            && fits(&self.name, object.name())
            && fits(&self.namespace, object.namespace().unwrap_or_default())
            && self.labels.as_ref().is_none_or(|s| s.matches(|key| object.label(key)))
            && self.annotations.as_ref().is_none_or(|s| s.matches(|key| object.annotation(key)))
    }
}

/// A label selector in its text form.
#[derive(Debug, Clone)]
struct Selector {
    requirements: Vec<Requirement>,
}

#[derive(Debug, Clone)]
enum Requirement {
    In(String, Vec<String>),
    NotIn(String, Vec<String>),
    Exists(String),
    Absent(String),
}

impl Selector {
    fn parse(text: &str) -> Result<Self, Error> {
        let requirements = split_outside_parentheses(text)
            .into_iter()
            .map(|part| {
                requirement(part.trim())
                    .ok_or_else(|| Error::Expression(format!("invalid selector '{text}'")))
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { requirements })
    }

    fn matches<'a>(&self, value: impl Fn(&str) -> Option<&'a str>) -> bool {
        self.requirements.iter().all(|requirement| match requirement {
            Requirement::In(key, values) => {
                value(key).is_some_and(|value| values.iter().any(|wanted| wanted == value))
            }
            Requirement::NotIn(key, values) => {
                value(key).is_none_or(|value| values.iter().all(|unwanted| unwanted != value))
            }
            Requirement::Exists(key) => value(key).is_some(),
            Requirement::Absent(key) => value(key).is_none(),
        })
    }
}

fn split_outside_parentheses(text: &str) -> Vec<&str> {
    let mut depth = 0_i32;
    text.split(|c| {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        c == ',' && depth == 0
    })
    .collect()
}

fn requirement(part: &str) -> Option<Requirement> {
    let one = |key: &str, value: &str| (key.trim().to_owned(), vec![value.trim().to_owned()]);
    if let Some(key) = part.strip_prefix('!') {
        return Some(Requirement::Absent(key.trim().to_owned()));
    }
    if let Some((key, value)) = part.split_once("!=") {
        let (key, values) = one(key, value);
        return Some(Requirement::NotIn(key, values));
    }
    if let Some((key, value)) = part.split_once('=') {
        let (key, values) = one(key, value.strip_prefix('=').unwrap_or(value));
        return Some(Requirement::In(key, values));
    }
    let mut words = part.splitn(3, ' ').map(str::trim);
    match (words.next().filter(|key| !key.is_empty())?, words.next(), words.next()) {
        (key, None, _) => Some(Requirement::Exists(key.to_owned())),
        (key, Some(operator), Some(values)) => {
            let values = values.strip_prefix('(')?.strip_suffix(')')?;
            let values = values.split(',').map(|value| value.trim().to_owned()).collect();
            match operator {
                "in" => Some(Requirement::In(key.to_owned(), values)),
                "notin" => Some(Requirement::NotIn(key.to_owned(), values)),
                _ => None,
            }
        }
        _ => None,
    }
}

/// The pointers of all rules that are for this object.
pub(crate) fn pointers<'a>(rules: &'a [IgnoreRule], object: &Object) -> Vec<&'a str> {
    rules
        .iter()
        .filter(|rule| rule.target.as_ref().is_none_or(|target| target.matches(object)))
        .flat_map(|rule| rule.paths.iter().map(String::as_str))
        .collect()
}

/// Takes the value at a pointer out of an object; an element of a list leaves its place.
pub(crate) fn remove(object: &mut Value, pointer: &str) -> Option<Value> {
    let (parent, last) = pointer.rsplit_once('/')?;
    let key = last.replace("~1", "/").replace("~0", "~");
    match object.pointer_mut(parent)? {
        Value::Object(fields) => fields.remove(&key),
        Value::Array(items) => {
            let index: usize = key.parse().ok()?;
            (index < items.len()).then(|| items.remove(index))
        }
        _ => None,
    }
}

/// Puts a value at a pointer, making the maps on the way.
fn put(object: &mut Value, pointer: &str, value: Value) -> Option<()> {
    let (parent, last) = pointer.rsplit_once('/')?;
    let key = last.replace("~1", "/").replace("~0", "~");
    if object.pointer(parent).is_none() {
        put(object, parent, Value::Object(serde_json::Map::new()))?;
    }
    match object.pointer_mut(parent)? {
        Value::Object(fields) => {
            fields.insert(key, value);
        }
        Value::Array(items) => *items.get_mut(key.parse::<usize>().ok()?)? = value,
        _ => return None,
    }
    Some(())
}

/// The object to apply so that the ignored fields stay as they are: what another apply manager owns
/// is left out; what nobody or an updater owns is adopted with its live value.
pub(crate) fn adjusted(object: &Object, live: &Value, pointers: &[&str], manager: &str) -> Object {
    let mut adjusted = object.clone();
    let value = adjusted.as_value_mut();
    for pointer in pointers {
        match live.pointer(pointer) {
            Some(_) if owned_by_other(live, pointer, manager) => {
                remove(value, pointer);
            }
            Some(current) if value.pointer(pointer).is_some() => {
                put(value, pointer, current.clone());
            }
            Some(_) => {}
            None => {
                remove(value, pointer);
            }
        }
    }
    adjusted
}

/// Whether another manager applies this field.
fn owned_by_other(live: &Value, pointer: &str, manager: &str) -> bool {
    let entries = live.at("metadata.managedFields").as_array();
    entries.into_iter().flatten().any(|entry| {
        entry.at("operation") == "Apply"
            && entry.at("manager") != manager
            && owns(live, entry.at("fieldsV1"), pointer)
    })
}

/// Whether a set of fields (`fieldsV1`) holds the field at a pointer.
fn owns(live: &Value, fields: &Value, pointer: &str) -> bool {
    let (mut live, mut fields) = (live, fields);
    for segment in pointer.split('/').skip(1) {
        let key = segment.replace("~1", "/").replace("~0", "~");
        let next = if let Value::Array(items) = live {
            let item = key.parse::<usize>().ok().and_then(|index| items.get(index));
            let Some(item) = item else { return false };
            live = item;
            element(fields, item)
        } else {
            live = live.get(&key).unwrap_or(&Value::Null);
            fields.get(format!("f:{key}"))
        };
        match next {
            Some(next) => fields = next,
            None => return false,
        }
    }
    true
}

/// The fields of a list element: `k:{"name":"x"}` names it by its keys, `v:"x"` by its value.
fn element<'a>(fields: &'a Value, item: &Value) -> Option<&'a Value> {
    let fields = fields.as_object()?;
    let found = fields.iter().find(|(name, _)| {
        if let Some(keys) = name.strip_prefix("k:") {
            let keys = serde_json::from_str::<serde_json::Map<String, Value>>(keys);
            keys.is_ok_and(|keys| keys.iter().all(|(key, value)| item.get(key) == Some(value)))
        } else {
            name.strip_prefix("v:")
                .and_then(|value| serde_json::from_str::<Value>(value).ok())
                .is_some_and(|value| value == *item)
        }
    });
    found.map(|(_, inner)| inner)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn deployment() -> Object {
        Object::try_from(json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "web", "namespace": "a", "labels": {"tier": "front"}},
            "spec": {"replicas": 1, "paused": false},
        }))
        .unwrap()
    }

    fn matches(spec: &TargetSpec<'_>) -> bool {
        Target::new(spec).unwrap().matches(&deployment())
    }

    #[test]
    fn targets_match_whole_values_and_selectors() {
        let any = TargetSpec::default();
        assert!(matches(&any));
        for (spec, fits) in [
            (TargetSpec { kind: Some("Dep.*"), ..any.clone() }, true),
            (TargetSpec { kind: Some("Dep"), ..any.clone() }, false),
            (TargetSpec { name: Some("web|api"), namespace: Some("a"), ..any.clone() }, true),
            (TargetSpec { label_selector: Some("tier in (front, back),!x"), ..any.clone() }, true),
            (TargetSpec { label_selector: Some("tier!=front"), ..any.clone() }, false),
            (TargetSpec { annotation_selector: Some("missing"), ..any.clone() }, false),
        ] {
            assert_eq!(matches(&spec), fits, "{spec:?}");
        }
        assert!(Target::new(&TargetSpec { kind: Some("("), ..any.clone() }).is_err());
        assert!(Target::new(&TargetSpec { label_selector: Some("a like b"), ..any }).is_err());
    }

    #[test]
    fn fields_of_other_appliers_are_left_out_and_the_rest_adopted() {
        let live = json!({
            "metadata": {"managedFields": [
                {"manager": "hpa", "operation": "Apply", "fieldsV1": {"f:spec": {"f:replicas": {}}}},
                {"manager": "web", "operation": "Update", "fieldsV1": {"f:spec": {"f:paused": {}}}},
            ]},
            "spec": {"replicas": 5, "paused": true},
        });
        let object =
            adjusted(&deployment(), &live, &["/spec/replicas", "/spec/paused", "/x"], "ours");
        assert_eq!(object.as_value()["spec"], json!({"paused": true}));
    }

    #[test]
    fn list_elements_are_found_by_their_keys() {
        let live = json!({"spec": {"containers": [{"name": "a", "image": "x"}]}});
        let fields = json!({"f:spec": {"f:containers": {"k:{\"name\":\"a\"}": {"f:image": {}}}}});
        assert!(owns(&live, &fields, "/spec/containers/0/image"));
        assert!(!owns(&live, &fields, "/spec/containers/0/name"));
        assert!(!owns(&live, &fields, "/spec/containers/1/image"));
    }
}
