//! The types of Kubernetes itself, one line of `types.txt` each (generated; facts from the OpenAPI documents that Kubernetes
//! publishes, without descriptions). The file is indexed once; a type is parsed when it is first used.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{LazyLock, OnceLock};

use serde_json::Value;

use super::node::{Kind, Schema};

/// The name of the type of `metadata`.
pub(crate) const OBJECT_META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";

static TEXT: &str = include_str!("types.txt");

static TABLE: LazyLock<Table> = LazyLock::new(|| Table::index(TEXT));

/// A built-in type.
pub struct Entry {
    /// The name of the type in the OpenAPI documents, such as `io.k8s.api.apps.v1.Deployment`.
    pub name: &'static str,
    json: &'static str,
    schema: OnceLock<Schema>,
    kind: Option<GroupVersionKind>,
    omitted: Vec<&'static str>,
    written: Vec<&'static str>,
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl Entry {
    /// The parsed schema.
    pub fn schema(&self) -> &Schema {
        self.schema.get_or_init(|| {
            let mut schema = Schema::parse(&self.openapi());
            schema.omitted_when_empty.clone_from(&self.omitted);
            schema.written_when_unset.clone_from(&self.written);
            match self.name {
                "io.k8s.apimachinery.pkg.api.resource.Quantity" => schema.kind = Kind::Quantity,
                "io.k8s.apimachinery.pkg.runtime.RawExtension" => schema.kind = Kind::Raw,
                _ => {}
            }
            schema
        })
    }

    /// The schema as OpenAPI v3 JSON; references hold bare type names.
    pub fn openapi(&self) -> Value {
        serde_json::from_str(self.json).unwrap_or_default()
    }
}

struct Table {
    types: BTreeMap<&'static str, Entry>,
    kinds: BTreeMap<GroupVersionKind, &'static str>,
}

type GroupVersionKind = (&'static str, &'static str, &'static str);

impl Table {
    fn index(text: &'static str) -> Self {
        let mut table = Self { types: BTreeMap::new(), kinds: BTreeMap::new() };
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let mut columns = line.split('\t');
            let (Some(name), Some(kind), Some(json)) =
                (columns.next(), columns.next(), columns.next())
            else {
                continue;
            };
            let mut names = || -> Vec<_> {
                columns
                    .next()
                    .unwrap_or_default()
                    .split(',')
                    .filter(|name| !name.is_empty())
                    .collect()
            };
            let kind = kind.rsplit_once(' ').map(|(version, kind)| {
                let (group, version) = version.split_once('/').unwrap_or(("", version));
                (group, version, kind)
            });
            table.kinds.extend(kind.map(|kind| (kind, name)));
            table.types.insert(
                name,
                Entry {
                    name,
                    json,
                    schema: OnceLock::new(),
                    kind,
                    omitted: names(),
                    written: names(),
                },
            );
        }
        table
    }
}

/// The built-in type of this OpenAPI name.
pub(crate) fn entry(name: &str) -> Option<&'static Entry> {
    TABLE.types.get(name)
}

/// The built-in type of this kind.
pub(crate) fn of_kind(group: &str, version: &str, kind: &str) -> Option<&'static Entry> {
    TABLE.kinds.get(&(group, version, kind)).and_then(|name| entry(name))
}

/// Group, version and kind of every built-in kind, sorted.
pub fn kinds() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    TABLE.kinds.keys().copied()
}

/// Group, version and kind of the built-in type of this OpenAPI name, if it is a kind.
pub(super) fn kind_of(name: &str) -> Option<GroupVersionKind> {
    entry(name).and_then(|entry| entry.kind)
}
