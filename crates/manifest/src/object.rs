use crate::{Error, ObjectId};
use serde_json::{Map, Value};

/// A Kubernetes object as data: JSON that is known to have an API version, a kind and a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    value: Value,
}

impl TryFrom<Value> for Object {
    type Error = Error;

    /// Checks the type and the name. `generateName` stands in for a name; [`Object::name`] is then
    /// empty.
    fn try_from(value: Value) -> Result<Self, Error> {
        let object = Self { value };
        if !object.value.is_object() {
            return Err(Error::new("not an object but a scalar or a list"));
        }
        for field in ["apiVersion", "kind"] {
            if object.string(&[field]).is_empty() {
                let found = object.value.get(field).map(|found| format!(", but {found}"));
                let found = found.unwrap_or_default();
                return Err(Error::new(format!(
                    "{field} must be a string that is not empty{found}"
                )));
            }
        }
        if object.name().is_empty() && object.string(&["metadata", "generateName"]).is_empty() {
            return Err(Error::new(format!(
                "metadata.name of {} {} must be a string that is not empty",
                object.api_version(),
                object.kind()
            )));
        }
        Ok(object)
    }
}

impl Object {
    fn string(&self, path: &[&str]) -> &str {
        path.iter()
            .try_fold(&self.value, |value, field| value.get(field))
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    /// `apiVersion`, for example `apps/v1`.
    pub fn api_version(&self) -> &str {
        self.string(&["apiVersion"])
    }

    /// The API group; empty for the core group.
    pub fn group(&self) -> &str {
        self.api_version().split_once('/').map_or("", |(group, _)| group)
    }

    /// The version without its group.
    pub fn version(&self) -> &str {
        let api_version = self.api_version();
        api_version.split_once('/').map_or(api_version, |(_, version)| version)
    }

    /// `kind`.
    pub fn kind(&self) -> &str {
        self.string(&["kind"])
    }

    /// `metadata.name`; empty if there is only a `generateName`.
    pub fn name(&self) -> &str {
        self.string(&["metadata", "name"])
    }

    /// `metadata.namespace`, if it is set and not empty.
    pub fn namespace(&self) -> Option<&str> {
        Some(self.string(&["metadata", "namespace"])).filter(|namespace| !namespace.is_empty())
    }

    /// Which object this is.
    pub fn id(&self) -> ObjectId {
        ObjectId {
            group: self.group().to_owned(),
            kind: self.kind().to_owned(),
            namespace: self.namespace().unwrap_or_default().to_owned(),
            name: self.name().to_owned(),
        }
    }

    /// `metadata.labels`; values that are no strings are left out.
    pub fn labels(&self) -> impl Iterator<Item = (&str, &str)> {
        self.strings("labels")
    }

    /// `metadata.annotations`; values that are no strings are left out.
    pub fn annotations(&self) -> impl Iterator<Item = (&str, &str)> {
        self.strings("annotations")
    }

    fn strings(&self, field: &str) -> impl Iterator<Item = (&str, &str)> {
        let map = self.value.get("metadata").and_then(|m| m.get(field)).and_then(Value::as_object);
        map.into_iter().flatten().filter_map(|(k, v)| Some((k.as_str(), v.as_str()?)))
    }

    /// One label.
    pub fn label(&self, key: &str) -> Option<&str> {
        self.metadata_value("labels", key)
    }

    /// One annotation.
    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.metadata_value("annotations", key)
    }

    fn metadata_value(&self, field: &str, key: &str) -> Option<&str> {
        self.value.get("metadata")?.get(field)?.get(key)?.as_str()
    }

    /// Sets a label.
    pub fn set_label(&mut self, key: &str, value: &str) {
        self.metadata_map("labels").insert(key.to_owned(), value.into());
    }

    /// Sets an annotation.
    pub fn set_annotation(&mut self, key: &str, value: &str) {
        self.metadata_map("annotations").insert(key.to_owned(), value.into());
    }

    /// Removes an annotation, and the map of annotations with the last of them.
    pub fn remove_annotation(&mut self, key: &str) {
        self.remove_metadata("annotations", key);
    }

    /// Removes a label, and the map of labels with the last of them.
    pub fn remove_label(&mut self, key: &str) {
        self.remove_metadata("labels", key);
    }

    fn remove_metadata(&mut self, field: &str, key: &str) {
        if self.metadata_value(field, key).is_none() {
            return;
        }
        let map = self.metadata_map(field);
        map.remove(key);
        if map.is_empty() {
            self.metadata().remove(field);
        }
    }

    /// Sets `metadata.namespace`.
    pub fn set_namespace(&mut self, namespace: &str) {
        self.metadata().insert("namespace".to_owned(), namespace.into());
    }

    /// The whole object.
    pub fn as_value(&self) -> &Value {
        &self.value
    }

    /// The whole object, to be changed. Type and name must stay what they are or be replaced by
    /// others; a caller who cannot promise that goes through [`Object::into_value`] and `try_from`.
    pub fn as_value_mut(&mut self) -> &mut Value {
        &mut self.value
    }

    /// The whole object.
    pub fn into_value(self) -> Value {
        self.value
    }

    fn metadata(&mut self) -> &mut Map<String, Value> {
        map_at(map_at_root(&mut self.value), "metadata")
    }

    fn metadata_map(&mut self, field: &str) -> &mut Map<String, Value> {
        map_at(self.metadata(), field)
    }
}

/// The map in a field, which is made if it is missing or no map.
fn map_at<'a>(map: &'a mut Map<String, Value>, field: &str) -> &'a mut Map<String, Value> {
    map_at_root(map.entry(field).or_insert(Value::Null))
}

fn map_at_root(value: &mut Value) -> &mut Map<String, Value> {
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    match value {
        Value::Object(map) => map,
        #[expect(clippy::unreachable, reason = "it was made an object in the lines above")]
        _ => unreachable!(),
    }
}
