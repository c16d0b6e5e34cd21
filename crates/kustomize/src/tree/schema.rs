//! What is known of the types of objects: which lists are merged and how, and which kinds have no namespace.
//!
//! Kubernetes' own types come from a table (`data/schema.txt`), further ones from a kustomization's `openapi.path`.

mod builtin;
mod custom;

use super::Node;
use crate::error::{Error, Result};
use builtin::Type;
pub(crate) use builtin::is_namespaced;
use custom::Definitions;
use serde_json::Value;
use std::cell::Cell;
use std::sync::Arc;

/// The type of one place in an object.
#[derive(Clone, Debug)]
pub(crate) enum Schema {
    /// A built-in type.
    Builtin {
        /// The type, if anything in it is ever merged.
        of: Option<&'static Type>,
        /// For a merged list, its keys.
        merge: Option<&'static [String]>,
    },
    /// A schema given by the user, references resolved.
    Custom(Arc<Value>),
}

impl Schema {
    /// Whether this is a list whose elements are merged.
    pub(crate) fn merges(&self) -> bool {
        match self {
            Self::Builtin { merge, .. } => merge.is_some(),
            Self::Custom(schema) => custom::merges(schema),
        }
    }

    /// The keys by which a list's elements are told apart; none for lists of scalars.
    pub(crate) fn merge_keys(&self) -> Vec<String> {
        match self {
            Self::Builtin { merge, .. } => merge.map(<[String]>::to_vec).unwrap_or_default(),
            Self::Custom(schema) => custom::merge_keys(schema),
        }
    }
}

/// All that is known of types in one build.
#[derive(Debug, Default)]
pub(crate) struct Schemas {
    custom: Option<Definitions>,
    version_chosen: bool,
    /// The built-in types were consulted, so they stay known next to a schema set later (as in the original, where
    /// what was loaded once stays).
    builtin_used: Cell<bool>,
}

/// The only version of the built-in schema, as a kustomization's `openapi.version` names it.
const BUILTIN_VERSION: &str = "v1.21.2";

impl Schemas {
    /// Takes a kustomization's `openapi` field into account. Only the first one met in a build counts, unless `reset`.
    pub(crate) fn set(
        &mut self,
        version: Option<&str>,
        document: Option<&[u8]>,
        reset: bool,
    ) -> Result<()> {
        if (self.version_chosen || self.custom.is_some()) && !reset {
            return Ok(());
        }
        if let Some(document) = document {
            if version.is_some() {
                return Err(Error::new(
                    "builtin version and custom schema provided, cannot use both",
                ));
            }
            self.custom = Some(Definitions::parse(document)?);
            return Ok(());
        }
        match version {
            None | Some("") => Ok(()),
            Some(BUILTIN_VERSION) => {
                self.version_chosen = true;
                self.custom = None;
                Ok(())
            }
            Some(_) => Err(Error::new("the specified OpenAPI version is not built in")),
        }
    }

    /// Keeps the built-in types known next to any schema set later.
    pub(crate) fn keep_builtin(&self) {
        self.builtin_used.set(true);
    }

    fn has_builtin(&self) -> bool {
        self.custom.is_none() || self.builtin_used.get()
    }

    /// The schema of a kind of object.
    pub(crate) fn of_kind(&self, api_version: &str, kind: &str) -> Option<Schema> {
        if let Some(custom) = &self.custom
            && let Some(schema) = custom.of_kind(api_version, kind)
        {
            return Some(Schema::Custom(schema));
        }
        if self.has_builtin() {
            self.builtin_used.set(true);
            return builtin::of_kind(api_version, kind);
        }
        builtin::of_kind(api_version, kind)
            .filter(|_| api_version.starts_with("kustomize.config.k8s.io/"))
    }

    /// Whether objects of a kind are known to have no namespace.
    pub(crate) fn is_cluster_scoped(&self, api_version: &str, kind: &str) -> bool {
        if let Some(namespaced) = is_namespaced(api_version, kind) {
            return !namespaced;
        }
        if let Some(custom) = &self.custom {
            return custom.is_namespaced(api_version, kind) == Some(false);
        }
        self.builtin_used.set(true);
        false
    }

    /// The schema of a field.
    pub(crate) fn field(&self, schema: &Schema, name: &str) -> Option<Schema> {
        match schema {
            Schema::Builtin { of, .. } => builtin::field((*of)?, name),
            Schema::Custom(schema) => self.resolve(custom::field(schema, name)?),
        }
    }

    /// The schema of a list's elements.
    pub(crate) fn elements(&self, schema: &Schema) -> Option<Schema> {
        match schema {
            Schema::Builtin { of, .. } => Some(Schema::Builtin { of: *of, merge: None }),
            Schema::Custom(schema) => self.resolve(custom::items(schema)?),
        }
    }

    /// A schema written into a comment as JSON.
    pub(crate) fn in_comments(&self, node: &Node) -> Option<Schema> {
        let comments = node.comments.as_ref()?;
        [&comments.line, &comments.head].into_iter().find_map(|comment| {
            let text = comment.trim_start_matches('#').trim();
            let schema = text
                .starts_with('{')
                .then(|| serde_json::from_str::<Value>(text).ok())
                .flatten()?;
            let known = schema.as_object()?.keys().any(|key| {
                matches!(key.as_str(), "$ref" | "type" | "items" | "properties")
                    || key.starts_with("x-kubernetes-")
            });
            if known { self.resolve(&schema) } else { None }
        })
    }

    /// Follows references until something is said.
    fn resolve(&self, schema: &Value) -> Option<Schema> {
        const MAX_REFERENCES: usize = 32;
        let mut schema = schema;
        for _ in 0..MAX_REFERENCES {
            let Some(reference) = schema.get("$ref").and_then(Value::as_str) else {
                return Some(Schema::Custom(Arc::new(schema.clone())));
            };
            let name = reference.strip_prefix("#/definitions/")?;
            match self.custom.as_ref().and_then(|custom| custom.definition(name)) {
                Some(next) => schema = next,
                None => return builtin::definition(name),
            }
        }
        None
    }
}
