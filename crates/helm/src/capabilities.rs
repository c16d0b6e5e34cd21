//! What a cluster can do, as templates see it.

use gotemplate::{Element, List, Map, Object, Result, Scope, Str, Value};

/// The Kubernetes version that Helm 4.3 assumes without a cluster.
pub const DEFAULT_KUBE_VERSION: &str = "v1.37.0";

/// What `.Capabilities.HelmVersion.Version` says.
pub const HELM_VERSION: &str = "v4.3";

/// The API versions that Helm 4.3 assumes without a cluster: those of client-go 0.37's scheme,
/// in its order.
pub const DEFAULT_API_VERSIONS: &[&str] = &[
    "v1",
    "admissionregistration.k8s.io/v1",
    "admissionregistration.k8s.io/v1alpha1",
    "admissionregistration.k8s.io/v1beta1",
    "internal.apiserver.k8s.io/v1alpha1",
    "apps/v1",
    "apps/v1beta1",
    "apps/v1beta2",
    "authentication.k8s.io/v1",
    "authentication.k8s.io/v1alpha1",
    "authentication.k8s.io/v1beta1",
    "authorization.k8s.io/v1",
    "authorization.k8s.io/v1beta1",
    "autoscaling/v1",
    "autoscaling/v2",
    "batch/v1",
    "batch/v1beta1",
    "certificates.k8s.io/v1",
    "certificates.k8s.io/v1beta1",
    "certificates.k8s.io/v1alpha1",
    "coordination.k8s.io/v1alpha2",
    "coordination.k8s.io/v1beta1",
    "coordination.k8s.io/v1",
    "discovery.k8s.io/v1",
    "discovery.k8s.io/v1beta1",
    "events.k8s.io/v1",
    "events.k8s.io/v1beta1",
    "extensions/v1beta1",
    "flowcontrol.apiserver.k8s.io/v1",
    "flowcontrol.apiserver.k8s.io/v1beta1",
    "flowcontrol.apiserver.k8s.io/v1beta2",
    "flowcontrol.apiserver.k8s.io/v1beta3",
    "lifecycle.k8s.io/v1alpha1",
    "networking.k8s.io/v1",
    "networking.k8s.io/v1beta1",
    "node.k8s.io/v1",
    "node.k8s.io/v1alpha1",
    "node.k8s.io/v1beta1",
    "policy/v1",
    "policy/v1beta1",
    "rbac.authorization.k8s.io/v1",
    "rbac.authorization.k8s.io/v1beta1",
    "rbac.authorization.k8s.io/v1alpha1",
    "resource.k8s.io/v1",
    "resource.k8s.io/v1beta2",
    "resource.k8s.io/v1beta1",
    "resource.k8s.io/v1alpha3",
    "scheduling.k8s.io/v1alpha3",
    "scheduling.k8s.io/v1beta1",
    "scheduling.k8s.io/v1",
    "storage.k8s.io/v1beta1",
    "storage.k8s.io/v1",
    "storage.k8s.io/v1alpha1",
    "storagemigration.k8s.io/v1",
    "storagemigration.k8s.io/v1beta1",
    "apiextensions.k8s.io/v1beta1",
    "apiextensions.k8s.io/v1",
];

/// A version of Kubernetes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KubeVersion {
    /// The full version (`v1.33.4-gke.1245000`).
    pub version: String,
    /// Without what the vendor adds (`v1.33.4`).
    pub normalized: String,
    /// The first number.
    pub major: String,
    /// The second number.
    pub minor: String,
}

impl KubeVersion {
    /// Reads a version; a leading `v` and the patch number may be absent.
    ///
    /// # Errors
    /// When it is no version.
    pub fn parse(text: &str) -> std::result::Result<Self, crate::Error> {
        let invalid = || crate::Error::new(format!("could not parse {text:?} as version"));
        let bare = text.trim().trim_start_matches('v');
        let end = bare.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(bare.len());
        let numbers = bare.get(..end).unwrap_or_default().trim_end_matches('.');
        let parts: Option<Vec<u64>> = numbers.split('.').map(|part| part.parse().ok()).collect();
        let parts = parts.filter(|parts| parts.len() >= 2).ok_or_else(invalid)?;
        let part = |index: usize| parts.get(index).copied().unwrap_or_default();
        let shown: Vec<String> = parts.iter().map(ToString::to_string).collect();
        let version = if text.starts_with('v') { text.to_owned() } else { format!("v{text}") };
        Ok(Self {
            version,
            normalized: format!("v{}", shown.join(".")),
            major: part(0).to_string(),
            minor: part(1).to_string(),
        })
    }
}

/// What a cluster can do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capabilities {
    /// Its version.
    pub kube_version: KubeVersion,
    /// Its API versions (`apps/v1`), and maybe kinds (`apps/v1/Deployment`).
    pub api_versions: Vec<String>,
}

impl Default for Capabilities {
    fn default() -> Self {
        let version = DEFAULT_KUBE_VERSION.to_owned();
        Self {
            kube_version: KubeVersion {
                version: version.clone(),
                normalized: version,
                major: "1".to_owned(),
                minor: "37".to_owned(),
            },
            api_versions: DEFAULT_API_VERSIONS.iter().map(ToString::to_string).collect(),
        }
    }
}

fn text(text: &str) -> Value {
    Value::string(text)
}

/// `.Capabilities`.
pub(crate) struct CapabilitiesObject(pub(crate) Capabilities);

impl Object for CapabilitiesObject {
    fn type_name(&self) -> String {
        "*common.Capabilities".to_owned()
    }

    fn kind_name(&self) -> &'static str {
        "ptr"
    }

    fn field(&self, name: &str) -> Option<Value> {
        Some(match name {
            "KubeVersion" => Value::object(KubeVersionObject(self.0.kube_version.clone())),
            "APIVersions" => Value::object(VersionSet(self.0.api_versions.clone())),
            "HelmVersion" => Value::object(HelmVersion),
            _ => return None,
        })
    }

    fn to_value(&self) -> Value {
        fields(self, &["KubeVersion", "APIVersions", "HelmVersion"])
    }
}

fn fields(object: &dyn Object, names: &[&str]) -> Value {
    let entries = names.iter().filter_map(|name| Some((Str::from(*name), object.field(name)?)));
    Value::Map(entries.collect::<Map>())
}

struct KubeVersionObject(KubeVersion);

impl Object for KubeVersionObject {
    fn type_name(&self) -> String {
        "common.KubeVersion".to_owned()
    }

    fn field(&self, name: &str) -> Option<Value> {
        Some(match name {
            "Version" => text(&self.0.version),
            "Major" => text(&self.0.major),
            "Minor" => text(&self.0.minor),
            _ => return None,
        })
    }

    fn method(&self, _: &mut Scope<'_>, name: &str, _: &[Value]) -> Option<Result<Value>> {
        match name {
            "String" => Some(Ok(text(&self.0.normalized))),
            "GitVersion" => Some(Ok(text(&self.0.version))),
            _ => None,
        }
    }

    fn printed(&self) -> Option<Str> {
        Some(Str::from(self.0.normalized.as_str()))
    }

    /// What Go prints of a struct without a `String()` method.
    fn stringer(&self) -> Option<Str> {
        let KubeVersion { version, normalized, major, minor } = &self.0;
        Some(Str::from(format!("{{{version} {normalized} {major} {minor}}}")))
    }

    fn to_value(&self) -> Value {
        fields(self, &["Version", "Major", "Minor"])
    }
}

struct VersionSet(Vec<String>);

impl VersionSet {
    fn list(&self) -> List {
        let items = self.0.iter().map(|version| text(version)).collect();
        List::typed(items, Element::String)
    }
}

impl Object for VersionSet {
    fn type_name(&self) -> String {
        "common.VersionSet".to_owned()
    }

    fn kind_name(&self) -> &'static str {
        "slice"
    }

    fn field(&self, _: &str) -> Option<Value> {
        None
    }

    fn method(&self, _: &mut Scope<'_>, name: &str, args: &[Value]) -> Option<Result<Value>> {
        let wanted = args.first().and_then(Value::as_str).cloned().unwrap_or_default();
        let has = self.0.iter().any(|version| version.as_bytes() == wanted.as_bytes());
        (name == "Has").then_some(Ok(Value::Bool(has)))
    }

    fn entries(&self) -> Option<Vec<(Value, Value)>> {
        let items = self.list();
        let index = |i: usize| Value::Int(i64::try_from(i).unwrap_or(i64::MAX));
        Some(items.items().iter().enumerate().map(|(i, v)| (index(i), v.clone())).collect())
    }

    fn to_value(&self) -> Value {
        Value::List(self.list())
    }
}

struct HelmVersion;

impl Object for HelmVersion {
    fn type_name(&self) -> String {
        "version.BuildInfo".to_owned()
    }

    fn field(&self, name: &str) -> Option<Value> {
        Some(match name {
            "Version" => text(HELM_VERSION),
            "KubeClientVersion" => text("v1.37"),
            "GitCommit" | "GitTreeState" | "GoVersion" => text(""),
            _ => return None,
        })
    }

    fn to_value(&self) -> Value {
        fields(self, &["Version", "GitCommit", "GitTreeState", "GoVersion", "KubeClientVersion"])
    }
}
