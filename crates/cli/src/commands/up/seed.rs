//! The first objects: what a bootstrap would have put into the cluster.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail};
use kube::Client;
use kube::api::{Api, DynamicObject, Patch, PatchParams};
use kube::core::{ApiResource, GroupVersionKind};
use manifest::Object;
use serde_json::{Value, json};

use super::repository::Repository;
use crate::kinds::{GIT_REPOSITORY, KUSTOMIZATION, Kind};

/// The name and namespace that bootstrapped repositories use.
const DEFAULT_NAME: &str = "flux-system";
/// Manifests of more bytes are not looked into for the objects of a bootstrap.
const MOST_BYTES: u64 = 4 << 20;
/// Folders nested deeper are not looked into.
const MOST_DEPTH: usize = 32;

/// The source and the Kustomization that everything else follows from.
#[derive(Debug)]
pub(super) struct Seed {
    source: Value,
    kustomization: Value,
}

impl Seed {
    /// Takes the repository's own objects for `path` where it has them, and makes them where it has none.
    pub(super) fn find(repository: &Repository, files: &Path, path: &str) -> Result<Self> {
        let below = within(path);
        let folder = files.join(below);
        if Path::new(below)
            .components()
            .any(|part| !matches!(part, std::path::Component::Normal(_)))
            || !folder.is_dir()
        {
            bail!("{path} is no folder of {}", repository.description);
        }
        let mut found = Found::default();
        found.look(&folder, 0)?;
        let source = found.source(repository);
        let source =
            source.cloned().unwrap_or_else(|| made_source(repository, &found.named_source()));
        let id = (text(&source, "/metadata/namespace"), text(&source, "/metadata/name"));
        let own = found
            .kustomizations
            .iter()
            .find(|object| refers_to(object, id) && same_path(object, below));
        let kustomization = own.cloned().unwrap_or_else(|| made_kustomization(id, below));
        Ok(Self { source, kustomization })
    }

    /// Applies the namespaces and the two objects.
    pub(super) async fn apply(&self, client: &Client) -> Result<()> {
        for object in [&self.source, &self.kustomization] {
            let namespace = text(object, "/metadata/namespace");
            let desired = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": namespace } });
            apply(cluster_wide(client, "", "v1", "Namespace"), &desired).await?;
        }
        for (kind, object) in
            [(&GIT_REPOSITORY, &self.source), (&KUSTOMIZATION, &self.kustomization)]
        {
            let namespace = text(object, "/metadata/namespace");
            apply(Api::namespaced_with(client.clone(), namespace, &kind.resource()), object)
                .await?;
        }
        Ok(())
    }

    /// Applies the controllers' service accounts with all rights, as an installation does: Kustomizations of
    /// locked-down clusters name them in `spec.serviceAccountName`.
    pub(super) async fn apply_accounts(&self, client: &Client) -> Result<()> {
        let namespace = text(&self.source, "/metadata/namespace");
        let mut subjects = Vec::new();
        for name in ["kustomize-controller", "helm-controller"] {
            let kind = GroupVersionKind::gvk("", "v1", "ServiceAccount");
            let api =
                Api::namespaced_with(client.clone(), namespace, &ApiResource::from_gvk(&kind));
            let metadata = json!({ "name": name, "namespace": namespace });
            apply(
                api,
                &json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata }),
            )
            .await?;
            subjects
                .push(json!({ "kind": "ServiceAccount", "name": name, "namespace": namespace }));
        }
        let group = "rbac.authorization.k8s.io";
        let binding = json!({
            "apiVersion": format!("{group}/v1"),
            "kind": "ClusterRoleBinding",
            "metadata": { "name": format!("cluster-reconciler-{namespace}") },
            "roleRef": { "apiGroup": group, "kind": "ClusterRole", "name": "cluster-admin" },
            "subjects": subjects,
        });
        apply(cluster_wide(client, group, "v1", "ClusterRoleBinding"), &binding).await
    }

    /// What a person is told about them.
    pub(super) fn describe(&self) -> String {
        format!(
            "GitRepository {}/{} and Kustomization {}/{} for {}",
            text(&self.source, "/metadata/namespace"),
            text(&self.source, "/metadata/name"),
            text(&self.kustomization, "/metadata/namespace"),
            text(&self.kustomization, "/metadata/name"),
            text(&self.kustomization, "/spec/path"),
        )
    }
}

fn cluster_wide(client: &Client, group: &str, version: &str, kind: &str) -> Api<DynamicObject> {
    Api::all_with(
        client.clone(),
        &ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind)),
    )
}

async fn apply(api: Api<DynamicObject>, object: &Value) -> Result<()> {
    let params = PatchParams::apply("weir").force();
    let name = text(object, "/metadata/name");
    let applied = api.patch(name, &params, &Patch::Apply(object)).await;
    applied.map(|_| ()).with_context(|| format!("cannot apply {} {name}", text(object, "/kind")))
}

/// The objects of a bootstrap that lie below a path.
#[derive(Default)]
struct Found {
    sources: Vec<Value>,
    kustomizations: Vec<Value>,
}

impl Found {
    fn look(&mut self, folder: &Path, depth: usize) -> Result<()> {
        if depth > MOST_DEPTH {
            return Ok(());
        }
        let entries =
            std::fs::read_dir(folder).and_then(Iterator::collect::<std::io::Result<Vec<_>>>);
        let mut entries = entries.with_context(|| format!("cannot list {}", folder.display()))?;
        entries.sort_by_key(std::fs::DirEntry::file_name);
        for entry in entries {
            let path = entry.path();
            let kind = entry.file_type()?;
            let manifest =
                path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
            if kind.is_dir() {
                self.look(&path, depth + 1)?;
            } else if kind.is_file() && manifest && entry.metadata()?.len() <= MOST_BYTES {
                let text = std::fs::read_to_string(&path).unwrap_or_default();
                // A file that is no manifest is the controllers' to complain about, not ours.
                self.take(manifest::parse_all(&text).unwrap_or_default());
            }
        }
        Ok(())
    }

    fn take(&mut self, objects: Vec<Object>) {
        for mut object in objects.into_iter().map(Object::into_value) {
            if text(&object, "/metadata/namespace").is_empty()
                && let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut)
            {
                // Where bootstrapped repositories keep theirs; a kustomization file may put its own elsewhere once it is built.
                metadata.insert("namespace".to_owned(), DEFAULT_NAME.into());
            }
            if is(&object, &GIT_REPOSITORY) {
                self.sources.push(object);
            } else if is(&object, &KUSTOMIZATION) {
                self.kustomizations.push(object);
            }
        }
    }

    /// The source object that stands for this repository.
    fn source(&self, repository: &Repository) -> Option<&Value> {
        let stands_for = |object: &&Value| {
            let url = text(object, "/spec/url");
            url == repository.url || repository.local_for(url).is_some()
        };
        self.sources.iter().find(stands_for)
    }

    /// The source that most Kustomizations refer to and nobody defines: it must be this repository.
    fn named_source(&self) -> (String, String) {
        let mut counts: BTreeMap<(String, String), usize> = BTreeMap::new();
        for object in self
            .kustomizations
            .iter()
            .filter(|object| text(object, "/spec/sourceRef/kind") == GIT_REPOSITORY.kind)
        {
            let id = source_of(object);
            let defined = |source: &Value| {
                (text(source, "/metadata/namespace"), text(source, "/metadata/name")) == id
            };
            if !self.sources.iter().any(defined) {
                *counts.entry((id.0.to_owned(), id.1.to_owned())).or_default() += 1;
            }
        }
        let most = counts.into_iter().max_by_key(|(_, count)| *count).map(|(id, _)| id);
        most.unwrap_or_else(|| (DEFAULT_NAME.to_owned(), DEFAULT_NAME.to_owned()))
    }
}

fn is(object: &Value, kind: &Kind) -> bool {
    text(object, "/kind") == kind.kind
        && text(object, "/apiVersion").starts_with(&format!("{}/", kind.group))
}

/// Namespace and name of the source that a Kustomization refers to.
fn source_of(kustomization: &Value) -> (&str, &str) {
    let namespace = Some(text(kustomization, "/spec/sourceRef/namespace"))
        .filter(|namespace| !namespace.is_empty());
    (
        namespace.unwrap_or_else(|| text(kustomization, "/metadata/namespace")),
        text(kustomization, "/spec/sourceRef/name"),
    )
}

fn refers_to(kustomization: &Value, source: (&str, &str)) -> bool {
    text(kustomization, "/spec/sourceRef/kind") == GIT_REPOSITORY.kind
        && source_of(kustomization) == source
}

fn same_path(kustomization: &Value, path: &str) -> bool {
    within(text(kustomization, "/spec/path")) == path
}

/// A path as its names alone: nothing for the repository's root.
fn within(path: &str) -> &str {
    let path = path.trim_start_matches("./").trim_end_matches('/');
    if path == "." { "" } else { path }
}

fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn made_source(repository: &Repository, (namespace, name): &(String, String)) -> Value {
    json!({
        "apiVersion": format!("{}/{}", GIT_REPOSITORY.group, GIT_REPOSITORY.version),
        "kind": GIT_REPOSITORY.kind,
        "metadata": { "name": name, "namespace": namespace },
        "spec": { "interval": "1m", "url": repository.url, "ref": { "branch": repository.branch } },
    })
}

fn made_kustomization((namespace, source): (&str, &str), path: &str) -> Value {
    json!({
        "apiVersion": format!("{}/{}", KUSTOMIZATION.group, KUSTOMIZATION.version),
        "kind": KUSTOMIZATION.kind,
        "metadata": { "name": source, "namespace": namespace },
        "spec": {
            "interval": "10m",
            "retryInterval": "1m",
            "sourceRef": { "kind": GIT_REPOSITORY.kind, "name": source },
            "path": format!("./{path}"),
            "prune": true,
        },
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Repository, Seed};

    fn check(files: &[(&str, &str)], path: &str, expected: &str) {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in files {
            let file = folder.path().join(name);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, content).unwrap();
        }
        let url = "https://git.example.com/fleet.git".to_owned();
        let key = git::RepositoryKey::of(&url).unwrap();
        let local = git::Local { path: Path::new("/nowhere").to_owned(), worktree: false };
        let repository = Repository {
            url,
            branch: "main".to_owned(),
            local: vec![(key, local)],
            description: "the test".to_owned(),
            folder: None,
        };
        let found = Seed::find(&repository, folder.path(), path);
        assert_eq!(found.map_or_else(|error| error.to_string(), |seed| seed.describe()), expected);
    }

    const SYNC: &str = "\
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: fleet, namespace: gitops}
spec: {interval: 1m, url: 'https://git.example.com/fleet', ref: {branch: main}}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: all, namespace: gitops}
spec: {interval: 10m, path: ./clusters/a, prune: true, sourceRef: {kind: GitRepository, name: fleet}}
";
    const APPS: &str = "\
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: apps, namespace: team}
spec: {interval: 10m, path: ./apps, prune: true, sourceRef: {kind: GitRepository, name: company}}
";

    #[test]
    fn a_bootstrapped_repository_keeps_its_own_objects() {
        let files = [("clusters/a/sync.yaml", SYNC)];
        check(
            &files,
            "clusters/a",
            "GitRepository gitops/fleet and Kustomization gitops/all for ./clusters/a",
        );
    }

    #[test]
    fn what_is_missing_is_made_under_the_name_that_others_refer_to() {
        check(
            &[("clusters/a/apps.yaml", APPS)],
            "./clusters/a/",
            "GitRepository team/company and Kustomization team/company for ./clusters/a",
        );
        check(
            &[
                ("a/configmap.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"),
                ("a/broken.yaml", "a: ["),
            ],
            "a",
            "GitRepository flux-system/flux-system and Kustomization flux-system/flux-system for ./a",
        );
    }

    #[test]
    fn root_is_a_path() {
        for path in [".", "./", "./.", ""] {
            check(
                &[("one.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n")],
                path,
                "GitRepository flux-system/flux-system and Kustomization flux-system/flux-system for ./",
            );
        }
        let sync = SYNC.replace("./clusters/a", "./");
        check(
            &[("a/sync.yaml", &sync)],
            ".",
            "GitRepository gitops/fleet and Kustomization gitops/all for ./",
        );
    }

    #[test]
    fn a_path_outside_or_missing_is_refused() {
        check(&[("a/b.yaml", "")], "../a", "../a is no folder of the test");
        check(&[("a/b.yaml", "")], "c", "c is no folder of the test");
    }
}
