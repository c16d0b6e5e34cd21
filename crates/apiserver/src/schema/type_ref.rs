//! A handle on the type of a resource: what field ownership, patches, defaulting and validation work by.

use std::sync::Arc;

use serde_json::Value;

use super::node::{Additional, Kind, Schema};
use super::table::{self, Entry};

/// The type of one kind in one version. Cheap to clone.
#[derive(Debug, Clone)]
pub struct TypeRef(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    api_version: String,
    kind: String,
    root: Root,
    status: bool,
}

#[derive(Debug)]
enum Root {
    Builtin(&'static Entry),
    Custom { schema: Box<Schema>, openapi: Value },
}

/// What a custom resource definition says about one of its versions.
#[derive(Debug, Clone, Copy)]
pub struct CustomType<'a> {
    /// `spec.group`.
    pub group: &'a str,
    /// `spec.versions[].name`.
    pub version: &'a str,
    /// `spec.names.kind`.
    pub kind: &'a str,
    /// `spec.versions[].schema.openAPIV3Schema`.
    pub schema: &'a Value,
    /// `spec.versions[].subresources.status` is set.
    pub status_subresource: bool,
}

impl TypeRef {
    /// The type of a built-in kind.
    pub fn builtin(group: &str, version: &str, kind: &str) -> Option<Self> {
        let entry = table::of_kind(group, version, kind)?;
        let status = entry.schema().properties.contains_key("status");
        Some(Self::new(group, version, kind, Root::Builtin(entry), status))
    }

    /// The type of a custom resource.
    pub fn custom(definition: &CustomType<'_>) -> Self {
        let mut schema = Schema::parse(definition.schema);
        schema.kind = Kind::Object;
        schema
            .properties
            .insert("apiVersion".into(), Schema { kind: Kind::String, ..Schema::any() });
        schema.properties.insert("kind".into(), Schema { kind: Kind::String, ..Schema::any() });
        let metadata = Schema { reference: table::entry(table::OBJECT_META), ..Schema::any() };
        schema.properties.insert("metadata".into(), metadata);
        if schema.properties.len() == 3 && matches!(schema.additional, Additional::Unset) {
            schema.open = schema.preserve_unknown;
        }
        let root = Root::Custom { schema: Box::new(schema), openapi: definition.schema.clone() };
        Self::new(
            definition.group,
            definition.version,
            definition.kind,
            root,
            definition.status_subresource,
        )
    }

    fn new(group: &str, version: &str, kind: &str, root: Root, status: bool) -> Self {
        let api_version =
            if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
        Self(Arc::new(Inner { api_version, kind: kind.to_owned(), root, status }))
    }

    /// `group/version`, or the version alone for the core group.
    pub fn api_version(&self) -> &str {
        &self.0.api_version
    }

    /// The API group, empty for the core group.
    pub fn group(&self) -> &str {
        self.0.api_version.split_once('/').map_or("", |(group, _)| group)
    }

    /// The kind.
    pub fn kind(&self) -> &str {
        &self.0.kind
    }

    /// The schema of the whole object.
    pub fn schema(&self) -> &Schema {
        match &self.0.root {
            Root::Builtin(entry) => entry.schema(),
            Root::Custom { schema, .. } => schema,
        }
    }

    /// True for the kinds of Kubernetes itself, which decode into Go types.
    pub fn is_builtin(&self) -> bool {
        matches!(self.0.root, Root::Builtin(_))
    }

    /// True if writes of the object leave its `status` alone.
    pub fn has_status_subresource(&self) -> bool {
        self.0.status
    }

    /// The OpenAPI name of a built-in type.
    pub fn openapi_name(&self) -> Option<&'static str> {
        self.entry().map(|entry| entry.name)
    }

    /// The built-in type.
    pub(super) fn entry(&self) -> Option<&'static Entry> {
        match &self.0.root {
            Root::Builtin(entry) => Some(entry),
            Root::Custom { .. } => None,
        }
    }

    /// The schema as the custom resource definition gave it.
    pub fn custom_openapi(&self) -> Option<&Value> {
        match &self.0.root {
            Root::Builtin(_) => None,
            Root::Custom { openapi, .. } => Some(openapi),
        }
    }
}
