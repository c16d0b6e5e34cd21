//! The custom resource definitions of all kinds, made from the types.
//!
//! Each kind is described by one entry of [`all`]; its schema comes from the types by way of
//! [`schema`]. Older versions that manifests in the wild still use are served with the schema of
//! the newest one, which is a superset: the few fields that were lost on the way are still there,
//! marked as deprecated. So no conversion is needed, and no webhook.

use kube::Resource;
use schemars::JsonSchema;
use serde_json::{Value, json};

use super::{
    helm::{HelmRelease, HelmReleaseSpec, HelmReleaseStatus},
    image::{
        ImagePolicy, ImagePolicySpec, ImagePolicyStatus, ImageRepository, ImageRepositorySpec,
        ImageRepositoryStatus, ImageUpdateAutomation, ImageUpdateAutomationSpec,
        ImageUpdateAutomationStatus,
    },
    kustomize::{Kustomization, KustomizationSpec, KustomizationStatus},
    notification::{
        Alert, AlertSpec, Provider, ProviderSpec, Receiver, ReceiverSpec, ReceiverStatus,
    },
    source::{
        Bucket, BucketSpec, BucketStatus, ExternalArtifact, ExternalArtifactSpec,
        ExternalArtifactStatus, GitRepository, GitRepositorySpec, GitRepositoryStatus, HelmChart,
        HelmChartSpec, HelmChartStatus, HelmRepository, HelmRepositorySpec, HelmRepositoryStatus,
        OCIRepository, OCIRepositorySpec, OCIRepositoryStatus,
    },
    source_extensions::{ArtifactGenerator, ArtifactGeneratorSpec, ArtifactGeneratorStatus},
};
use crate::names;

use self::schema::set;

mod schema;

/// A custom resource definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crd {
    /// The API group.
    pub group: String,
    /// The plural, as it stands in addresses.
    pub plural: String,
    /// The object to apply, its keys in order.
    pub object: Value,
}

impl Crd {
    /// The name of its file, `<group>_<plural>.yaml`.
    pub fn file_name(&self) -> String {
        format!("{}_{}.yaml", self.group, self.plural)
    }
}

/// The definitions of all fifteen kinds, in the order of their file names.
pub fn all() -> Vec<Crd> {
    let mut crds = sources();
    crds.extend(appliers());
    crds.extend(notifications());
    crds.extend(images());
    crds.sort_by_key(Crd::file_name);
    crds
}

fn sources() -> Vec<Crd> {
    vec![
        Entry {
            doc: "A Git repository whose content is fetched and made an artifact.",
            family: "fluxcd-sources",
            short_names: &["gitrepo"],
            older: &["v1beta2", "v1beta1"],
            columns: &[URL, AGE, READY, STATUS],
        }
        .crd::<GitRepository, GitRepositorySpec, GitRepositoryStatus>(),
        Entry {
            doc: "A repository in a container registry whose content is pulled and made an artifact.",
            family: "fluxcd-sources",
            short_names: &["ocirepo"],
            older: &["v1beta2"],
            columns: &[URL, READY, STATUS, AGE],
        }
        .crd::<OCIRepository, OCIRepositorySpec, OCIRepositoryStatus>(),
        Entry {
            doc: "A bucket of an object storage whose content is fetched and made an artifact.",
            family: "fluxcd-sources",
            short_names: &[],
            older: &["v1beta2", "v1beta1"],
            columns: &[column("Endpoint", ".spec.endpoint"), AGE, READY, STATUS],
        }
        .crd::<Bucket, BucketSpec, BucketStatus>(),
        Entry {
            doc: "A repository of Helm charts whose index is fetched.",
            family: "fluxcd-sources",
            short_names: &["helmrepo"],
            older: &["v1beta2", "v1beta1"],
            columns: &[URL, AGE, READY, STATUS],
        }
        .crd::<HelmRepository, HelmRepositorySpec, HelmRepositoryStatus>(),
        Entry {
            doc: "A Helm chart that is fetched or packaged, and made an artifact.",
            family: "fluxcd-sources",
            short_names: &["hc"],
            older: &["v1beta2", "v1beta1"],
            columns: &[
                column("Chart", ".spec.chart"),
                column("Version", ".spec.version"),
                column("Source Kind", ".spec.sourceRef.kind"),
                column("Source Name", ".spec.sourceRef.name"),
                AGE,
                READY,
                STATUS,
            ],
        }
        .crd::<HelmChart, HelmChartSpec, HelmChartStatus>(),
        Entry {
            doc: "An artifact that a controller outside of this API group makes.",
            family: "fluxcd-sources",
            short_names: &["ea"],
            older: &[],
            columns: &[AGE, READY, STATUS, column("Source", ".spec.sourceRef.name")],
        }
        .crd::<ExternalArtifact, ExternalArtifactSpec, ExternalArtifactStatus>(),
        Entry {
            doc: "A recipe for ExternalArtifacts made from the artifacts of sources.",
            family: "fluxcd-sources",
            short_names: &["ag"],
            older: &[],
            columns: &[AGE, READY, STATUS],
        }
        .crd::<ArtifactGenerator, ArtifactGeneratorSpec, ArtifactGeneratorStatus>(),
    ]
}

fn appliers() -> Vec<Crd> {
    vec![
        Entry {
            doc: "A directory of a source that is built with kustomize and applied to a cluster.",
            family: "fluxcd-appliers",
            short_names: &["ks"],
            older: &["v1beta2", "v1beta1"],
            columns: &[AGE, READY, STATUS],
        }
        .crd::<Kustomization, KustomizationSpec, KustomizationStatus>(),
        Entry {
            doc: "A release of a Helm chart that is kept as it is described.",
            family: "fluxcd-appliers",
            short_names: &["hr"],
            older: &["v2beta2", "v2beta1"],
            columns: &[AGE, READY, STATUS],
        }
        .crd::<HelmRelease, HelmReleaseSpec, HelmReleaseStatus>(),
    ]
}

fn notifications() -> Vec<Crd> {
    vec![
        Entry {
            doc: "A choice of events to send to a Provider.",
            family: "fluxcd-notifications",
            short_names: &[],
            older: &["v1beta2", "v1beta1"],
            columns: &[AGE],
        }
        .without_status::<Alert, AlertSpec>(),
        Entry {
            doc: "A place to send events to.",
            family: "fluxcd-notifications",
            short_names: &[],
            older: &["v1beta2", "v1beta1"],
            columns: &[AGE],
        }
        .without_status::<Provider, ProviderSpec>(),
        Entry {
            doc: "A webhook that makes objects reconcile when it is called.",
            family: "fluxcd-notifications",
            short_names: &[],
            older: &["v1beta2", "v1beta1"],
            columns: &[AGE, READY, STATUS],
        }
        .crd::<Receiver, ReceiverSpec, ReceiverStatus>(),
    ]
}

fn images() -> Vec<Crd> {
    vec![
        Entry {
            doc: "An image in a container registry whose tags are listed.",
            family: "fluxcd-images",
            short_names: &["imgrepo", "imagerepo"],
            older: &["v1beta2", "v1beta1"],
            columns: &[
                column("Image", ".spec.image"),
                column("Tags", ".status.lastScanResult.tagCount"),
                READY,
                STATUS,
                Column { priority: 1, ..column("Last scan", ".status.lastScanResult.scanTime") },
                AGE,
            ],
        }
        .crd::<ImageRepository, ImageRepositorySpec, ImageRepositoryStatus>(),
        Entry {
            doc: "A policy that finds the newest tag of an image.",
            family: "fluxcd-images",
            short_names: &["imgpol", "imagepol"],
            older: &["v1beta2", "v1beta1"],
            columns: &[
                column("Image", ".status.latestRef.name"),
                column("Tag", ".status.latestRef.tag"),
                READY,
                STATUS,
                AGE,
            ],
        }
        .crd::<ImagePolicy, ImagePolicySpec, ImagePolicyStatus>(),
        Entry {
            doc: "An automation that writes the newest images into a Git repository.",
            family: "fluxcd-images",
            short_names: &["iua", "imgupd", "imgauto"],
            older: &["v1beta2", "v1beta1"],
            columns: &[
                READY,
                STATUS,
                Column { priority: 1, ..column("Last run", ".status.lastAutomationRunTime") },
                AGE,
            ],
        }
        .crd::<ImageUpdateAutomation, ImageUpdateAutomationSpec, ImageUpdateAutomationStatus>(),
    ]
}

/// What cannot be read from the types of a kind.
struct Entry<'a> {
    /// What an object of the kind is, in a sentence.
    doc: &'static str,
    /// The category beside `all` and `fluxcd`.
    family: &'static str,
    short_names: &'static [&'static str],
    /// The older versions that are served, newest first.
    older: &'static [&'static str],
    columns: &'a [Column],
}

/// A column of `kubectl get`.
struct Column {
    name: &'static str,
    path: &'static str,
    type_: &'static str,
    priority: u8,
}

const fn column(name: &'static str, path: &'static str) -> Column {
    Column { name, path, type_: "string", priority: 0 }
}

const URL: Column = column("URL", ".spec.url");
const READY: Column = column("Ready", r#".status.conditions[?(@.type=="Ready")].status"#);
const STATUS: Column = column("Status", r#".status.conditions[?(@.type=="Ready")].message"#);
const AGE: Column = Column { type_: "date", ..column("Age", ".metadata.creationTimestamp") };

impl Entry<'_> {
    fn crd<K: Resource<DynamicType = ()>, Spec: JsonSchema, Status: JsonSchema>(&self) -> Crd {
        self.object::<K>(schema::root::<Spec>(self.doc, Some(schema::status::<Status>())), true)
    }

    fn without_status<K: Resource<DynamicType = ()>, Spec: JsonSchema>(&self) -> Crd {
        self.object::<K>(schema::root::<Spec>(self.doc, None), false)
    }

    fn object<K: Resource<DynamicType = ()>>(&self, schema: Value, status: bool) -> Crd {
        let (group, kind) = (K::group(&()), K::kind(&()));
        let (plural, newest) = (K::plural(&()), K::version(&()));
        let mut versions = vec![self.version(&newest, true, &schema, status)];
        for older in self.older {
            let mut version = self.version(older, false, &schema, status);
            let warning = format!("{older} {kind} is deprecated, upgrade to {newest}");
            set(&mut version, "deprecated", json!(true));
            set(&mut version, "deprecationWarning", json!(warning));
            versions.push(version);
        }
        let mut names = json!({
            "categories": ["all", "fluxcd", self.family],
            "kind": kind,
            "listKind": format!("{kind}List"),
            "plural": plural,
            "singular": kind.to_ascii_lowercase(),
        });
        if !self.short_names.is_empty() {
            set(&mut names, "shortNames", json!(self.short_names));
        }
        let mut annotations = json!({});
        set(&mut annotations, names::KUSTOMIZE_SUBSTITUTE, json!(names::DISABLED));
        let object = json!({
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"annotations": annotations, "name": format!("{plural}.{group}")},
            "spec": {"group": group, "names": names, "scope": "Namespaced", "versions": versions},
        });
        Crd { group: group.into_owned(), plural: plural.into_owned(), object: sorted(object) }
    }

    fn version(&self, name: &str, newest: bool, schema: &Value, status: bool) -> Value {
        let columns: Vec<Value> = self.columns.iter().map(Column::object).collect();
        let subresources = if status { json!({"status": {}}) } else { json!({}) };
        json!({
            "additionalPrinterColumns": columns,
            "name": name,
            "schema": {"openAPIV3Schema": schema},
            "served": true,
            "storage": newest,
            "subresources": subresources,
        })
    }
}

impl Column {
    fn object(&self) -> Value {
        let mut object = json!({"jsonPath": self.path, "name": self.name, "type": self.type_});
        if self.priority != 0 {
            set(&mut object, "priority", json!(self.priority));
        }
        object
    }
}

/// The same value with the keys of all maps in order, however the map keeps them.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<_> = map.into_iter().collect();
            entries.sort_by(|(a, _), (b, _)| a.cmp(b));
            entries.into_iter().map(|(key, value)| (key, sorted(value))).collect()
        }
        Value::Array(items) => items.into_iter().map(sorted).collect(),
        other => other,
    }
}

#[cfg(test)]
mod tests;
