//! Which kinds are served: the built-in table and the custom resources installed so far.

mod builtin;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::store::ShelfId;
use crate::typed::Types;

pub(crate) use builtin_kind::{Builtin, Verbs};

mod builtin_kind {
    /// A row of the built-in table.
    #[derive(Debug, Clone, Copy)]
    pub(crate) struct Builtin {
        pub(crate) group: &'static str,
        pub(crate) version: &'static str,
        pub(crate) kind: &'static str,
        pub(crate) plural: &'static str,
        pub(crate) namespaced: bool,
        pub(crate) short_names: &'static [&'static str],
        pub(crate) categories: &'static [&'static str],
        pub(crate) subresources: &'static [&'static str],
        pub(crate) verbs: Verbs,
    }

    /// Which verbs a kind has.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(crate) enum Verbs {
        /// Stored: all eight.
        All,
        /// Answered, never stored: reviews.
        Create,
        /// Made up by the server.
        Read,
    }

    impl Verbs {
        pub(crate) fn names(self) -> &'static [&'static str] {
            match self {
                Self::All => &[
                    "create",
                    "delete",
                    "deletecollection",
                    "get",
                    "list",
                    "patch",
                    "update",
                    "watch",
                ],
                Self::Create => &["create"],
                Self::Read => &["get", "list"],
            }
        }
    }

    impl Builtin {
        pub(super) const fn new(
            group: &'static str,
            version: &'static str,
            kind: &'static str,
            plural: &'static str,
        ) -> Self {
            Self {
                group,
                version,
                kind,
                plural,
                namespaced: false,
                short_names: &[],
                categories: &[],
                subresources: &[],
                verbs: Verbs::All,
            }
        }
        pub(super) const fn namespaced(mut self) -> Self {
            self.namespaced = true;
            self
        }
        pub(super) const fn short(mut self, names: &'static [&'static str]) -> Self {
            self.short_names = names;
            self
        }
        pub(super) const fn categories(mut self, names: &'static [&'static str]) -> Self {
            self.categories = names;
            self
        }
        pub(super) const fn subresources(mut self, names: &'static [&'static str]) -> Self {
            self.subresources = names;
            self
        }
        pub(super) const fn verbs(mut self, verbs: Verbs) -> Self {
            self.verbs = verbs;
            self
        }
    }
}

/// A kind in one version, as it is served.
#[derive(Debug)]
pub(crate) struct Resource {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) kind: String,
    pub(crate) list_kind: String,
    pub(crate) plural: String,
    pub(crate) singular: String,
    pub(crate) short_names: Vec<String>,
    pub(crate) categories: Vec<String>,
    pub(crate) namespaced: bool,
    pub(crate) subresources: Vec<String>,
    pub(crate) verbs: Verbs,
    /// Where its objects lie; versions of one kind share a shelf.
    pub(crate) shelf: ShelfId,
    /// `apiVersion` of the objects on the shelf.
    pub(crate) storage_api_version: String,
    pub(crate) types: Types,
    /// Extra fields of field selectors, as (name, JSON pointer).
    pub(crate) selectable: Vec<(String, String)>,
    /// What a CustomResourceDefinition adds; `None` for built-in kinds.
    pub(crate) custom: Option<Custom>,
}

/// The CRD-only facts of one version.
#[derive(Debug, Default)]
pub(crate) struct Custom {
    pub(crate) printer_columns: Vec<PrinterColumn>,
    pub(crate) scale: Option<ScalePaths>,
    pub(crate) deprecation: Option<String>,
    /// Being deleted: no more creates.
    pub(crate) terminating: bool,
}

/// `additionalPrinterColumns[]`.
#[derive(Debug, Clone)]
pub(crate) struct PrinterColumn {
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) format: String,
    pub(crate) description: String,
    pub(crate) priority: i64,
    pub(crate) json_path: String,
}

/// `subresources.scale`, as JSON pointers.
#[derive(Debug, Clone)]
pub(crate) struct ScalePaths {
    pub(crate) spec: String,
    pub(crate) status: String,
    pub(crate) selector: Option<String>,
}

impl Resource {
    pub(crate) fn api_version(&self) -> String {
        crate::object::join_api_version(&self.group, &self.version)
    }

    /// Objects go out as they lie on the shelf.
    pub(crate) fn is_storage_version(&self) -> bool {
        let (group, version) = crate::object::split_api_version(&self.storage_api_version);
        group == self.group && version == self.version
    }

    pub(crate) fn has_subresource(&self, name: &str) -> bool {
        self.subresources.iter().any(|s| s == name)
    }

    /// True for a built-in kind of this group.
    pub(crate) fn is(&self, group: &str, kind: &str) -> bool {
        self.custom.is_none() && self.group == group && self.kind == kind
    }

    pub(crate) fn about<'a>(&'a self, name: &'a str) -> crate::failure::About<'a> {
        crate::failure::About { group: &self.group, resource: &self.plural, name }
    }

    pub(crate) fn about_kind<'a>(&'a self, name: &'a str) -> crate::failure::About<'a> {
        crate::failure::About { group: &self.group, resource: &self.kind, name }
    }
}

/// One group, for discovery.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    pub(crate) name: String,
    /// Most preferred first.
    pub(crate) versions: Vec<GroupVersion>,
}

/// One version of a group.
#[derive(Debug, Clone)]
pub(crate) struct GroupVersion {
    pub(crate) version: String,
    pub(crate) resources: Vec<Arc<Resource>>,
}

/// Everything that is served at one moment. Replaced as a whole when a CRD changes.
#[derive(Debug, Clone)]
pub(crate) struct Registry {
    groups: Vec<Group>,
    by_path: BTreeMap<String, BTreeMap<String, Arc<Resource>>>,
    by_shelf: BTreeMap<ShelfId, Arc<Resource>>,
}

impl Registry {
    /// The built-in kinds and these custom ones.
    pub(crate) fn new(
        builtin: &[Arc<Resource>],
        custom: impl IntoIterator<Item = Arc<Resource>>,
    ) -> Self {
        let mut groups: Vec<Group> = Vec::new();
        let mut custom: Vec<Arc<Resource>> = custom.into_iter().collect();
        custom.sort_by(|a, b| {
            let versions = || version_order(&b.version).cmp(&version_order(&a.version));
            a.group.cmp(&b.group).then_with(versions).then_with(|| a.plural.cmp(&b.plural))
        });
        let mut by_path: BTreeMap<String, BTreeMap<String, Arc<Resource>>> = BTreeMap::new();
        for resource in builtin.iter().cloned().chain(custom) {
            by_path
                .entry(resource.api_version())
                .or_default()
                .insert(resource.plural.clone(), resource.clone());
            let group = if let Some(at) = groups.iter_mut().position(|g| g.name == resource.group) {
                at
            } else {
                groups.push(Group { name: resource.group.clone(), versions: Vec::new() });
                groups.len() - 1
            };
            let Some(group) = groups.get_mut(group) else { continue };
            match group.versions.iter_mut().find(|v| v.version == resource.version) {
                Some(version) => version.resources.push(resource),
                None => group.versions.push(GroupVersion {
                    version: resource.version.clone(),
                    resources: vec![resource],
                }),
            }
        }
        let all = groups.iter().flat_map(|g| &g.versions).flat_map(|v| &v.resources);
        let stored = all.filter(|r| r.verbs == Verbs::All && r.is_storage_version());
        let by_shelf = stored.map(|r| (r.shelf, r.clone())).collect();
        Self { groups, by_path, by_shelf }
    }

    /// The resource of a group version (`v1`, `apps/v1`) and plural.
    pub(crate) fn find(&self, group_version: &str, plural: &str) -> Option<&Arc<Resource>> {
        self.by_path.get(group_version)?.get(plural)
    }

    /// The resource of a group and kind in its preferred version.
    pub(crate) fn of_group_kind(&self, group: &str, kind: &str) -> Option<&Arc<Resource>> {
        let group = self.groups.iter().find(|g| g.name == group)?;
        group.versions.iter().flat_map(|v| &v.resources).find(|r| r.kind == kind)
    }

    pub(crate) fn groups(&self) -> &[Group] {
        &self.groups
    }

    pub(crate) fn group_version(
        &self,
        group_version: &str,
    ) -> Option<&BTreeMap<String, Arc<Resource>>> {
        self.by_path.get(group_version)
    }

    /// One resource per shelf: every kind of object that can be stored.
    pub(crate) fn stored(&self) -> Vec<Arc<Resource>> {
        self.by_shelf.values().cloned().collect()
    }

    /// The resource in whose version a shelf's objects are.
    pub(crate) fn of_shelf(&self, shelf: ShelfId) -> Option<&Arc<Resource>> {
        self.by_shelf.get(&shelf)
    }
}

/// Kubernetes' order of versions: `v2` before `v1` before `v1beta1` before `v1alpha1` before `foo`.
pub(crate) fn version_order(version: &str) -> (u8, u64, u64, std::cmp::Reverse<String>) {
    let parsed = version.strip_prefix('v').and_then(|rest| {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (major, rest) = rest.split_at_checked(digits)?;
        let major: u64 = major.parse().ok()?;
        if rest.is_empty() {
            return Some((3, major, 0));
        }
        if let Some(minor) = rest.strip_prefix("beta") {
            return Some((2, major, minor.parse().ok()?));
        }
        Some((1, major, rest.strip_prefix("alpha")?.parse().ok()?))
    });
    let (stage, major, minor) = parsed.unwrap_or_default();
    (stage, major, minor, std::cmp::Reverse(version.to_owned()))
}

/// The built-in kinds as resources of `store`.
pub(crate) fn builtin_resources(store: &crate::store::Store) -> Vec<Arc<Resource>> {
    builtin::BUILTIN.iter().map(|row| Arc::new(builtin_resource(row, store))).collect()
}

fn builtin_resource(row: &Builtin, store: &crate::store::Store) -> Resource {
    let (shelf_name, storage) = match (row.group, row.kind) {
        // One store, two faces.
        ("events.k8s.io", "Event") => ("events".to_owned(), "v1".to_owned()),
        ("autoscaling", "HorizontalPodAutoscaler") => {
            ("horizontalpodautoscalers.autoscaling".to_owned(), "autoscaling/v2".to_owned())
        }
        ("", _) => (row.plural.to_owned(), row.version.to_owned()),
        _ => (format!("{}.{}", row.plural, row.group), format!("{}/{}", row.group, row.version)),
    };
    let own = |list: &[&str]| list.iter().map(|s| (*s).to_owned()).collect();
    Resource {
        group: row.group.to_owned(),
        version: row.version.to_owned(),
        kind: row.kind.to_owned(),
        list_kind: format!("{}List", row.kind),
        plural: row.plural.to_owned(),
        singular: row.kind.to_lowercase(),
        short_names: own(row.short_names),
        categories: own(row.categories),
        namespaced: row.namespaced,
        subresources: own(row.subresources),
        verbs: row.verbs,
        shelf: store.shelf(&shelf_name),
        storage_api_version: storage,
        types: Types::builtin(row.group, row.version, row.kind),
        selectable: crate::select::selectable_fields(row.group, row.kind, row.namespaced),
        custom: None,
    }
}
