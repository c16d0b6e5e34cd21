//! Which crate may reach which: the most important property of a crate is what it does not depend on.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use serde_json::Value;

use crate::cargo;

/// Engines: value in, value out.
const ENGINES: &[&str] = &["yaml", "gotemplate", "manifest", "kustomize", "helm"];
/// What an engine must never reach.
const NOT_FOR_ENGINES: &[&str] =
    &["kube", "kube-client", "k8s-openapi", "tokio", "hyper", "reqwest", "axum"];

/// The edges between our own packages; anything else is a complaint.
const ALLOWED: &[(&str, &[&str])] = &[
    ("yaml", &[]),
    ("gotemplate", &[]),
    ("git", &[]),
    ("oci", &[]),
    ("common", &[]),
    ("apiserver", &[]),
    ("manifest", &["yaml"]),
    ("runtime", &["common"]),
    ("testkit", &["apiserver"]),
    ("kustomize", &["manifest", "yaml"]),
    ("helm", &["manifest", "gotemplate", "yaml"]),
    ("apply", &["manifest"]),
    ("source-controller", &["runtime", "common", "git"]),
    ("kustomize-controller", &["runtime", "common", "git", "kustomize", "apply", "manifest"]),
    (
        "cli",
        &[
            "source-controller",
            "kustomize-controller",
            "apiserver",
            "runtime",
            "common",
            "apply",
            "manifest",
            "kustomize",
            "helm",
            "git",
            "oci",
            "yaml",
        ],
    ),
    ("xtask", &["kustomize", "gotemplate", "helm", "manifest", "yaml"]),
    (
        "tests",
        &[
            "cli",
            "source-controller",
            "kustomize-controller",
            "testkit",
            "apiserver",
            "runtime",
            "common",
            "apply",
            "helm",
            "kustomize",
            "manifest",
            "git",
            "yaml",
        ],
    ),
];

/// What a package must not reach through any chain of normal dependencies.
fn banned_for(package: &str) -> Vec<&'static str> {
    match package {
        name if ENGINES.contains(&name) => NOT_FOR_ENGINES.to_vec(),
        "git" | "oci" => vec!["kube", "k8s-openapi", "common"],
        "apiserver" => vec!["kube", "k8s-openapi", "common", "apply"],
        "apply" => vec!["common", "runtime"],
        _ => Vec::new(),
    }
}

/// Complaints about edges between packages.
pub(super) fn check(graph: &Graph) -> Result<Vec<String>> {
    let mut complaints = Vec::new();
    for name in &graph.members {
        let direct = graph.edges.get(name).cloned().unwrap_or_default();
        let allowed =
            ALLOWED.iter().find(|(package, _)| package == name).map(|(_, allowed)| *allowed);
        let Some(allowed) = allowed else {
            complaints.push(format!("{name}: not in the list of edges in xtask/src/tidy/edges.rs"));
            continue;
        };
        for other in direct.iter().filter(|other| graph.members.contains(*other)) {
            if !allowed.contains(&other.as_str()) {
                complaints
                    .push(format!("{name} depends on {other}, which the architecture forbids"));
            }
        }
        let banned = banned_for(name);
        let reached =
            if banned.is_empty() { BTreeSet::new() } else { reach(&format!("--package={name}"))? };
        for banned in banned {
            if reached.contains(banned) {
                complaints.push(format!("{name} reaches {banned}, which the architecture forbids"));
            }
        }
    }
    Ok(complaints)
}

/// Our packages, and every normal dependency below them, by name.
pub(super) struct Graph {
    members: BTreeSet<String>,
    edges: BTreeMap<String, BTreeSet<String>>,
}

impl Graph {
    /// Normal (not development or build) dependencies by package name.
    pub(super) fn read(metadata: &Value) -> Self {
        let names: BTreeMap<&str, &str> = list(metadata, "packages")
            .filter_map(|package| {
                Some((package.get("id")?.as_str()?, package.get("name")?.as_str()?))
            })
            .collect();
        let member_ids: BTreeSet<&str> =
            list(metadata, "workspace_members").filter_map(Value::as_str).collect();
        let members = member_ids
            .iter()
            .filter_map(|id| names.get(id))
            .map(|name| (*name).to_owned())
            .collect();
        let mut edges: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for node in metadata.get("resolve").into_iter().flat_map(|resolve| list(resolve, "nodes")) {
            let Some(from) = node.get("id").and_then(Value::as_str).and_then(|id| names.get(id))
            else {
                continue;
            };
            for dep in list(node, "deps").filter(|dep| is_normal(dep)) {
                let to = dep.get("pkg").and_then(Value::as_str).and_then(|id| names.get(id));
                edges.entry((*from).to_owned()).or_default().extend(to.map(|to| (*to).to_owned()));
            }
        }
        Self { members, edges }
    }

    /// Everything that ends up in one of our binaries.
    pub(super) fn linked() -> Result<BTreeSet<String>> {
        reach("--workspace")
    }
}

/// The names below a package (`--package=NAME`) or below all (`--workspace`). Asked of `cargo tree`, because the graph of
/// `cargo metadata` also holds optional dependencies that no feature turns on.
fn reach(of: &str) -> Result<BTreeSet<String>> {
    let args = ["tree", "--locked", of, "--edges", "normal", "--prefix", "none", "--format", "{p}"];
    let text = cargo::output(cargo::command("cargo").args(args))?;
    Ok(text.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect())
}

fn list<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value.get(key).and_then(Value::as_array).into_iter().flatten()
}

fn is_normal(dep: &Value) -> bool {
    list(dep, "dep_kinds").any(|kind| kind.get("kind").is_none_or(Value::is_null))
}
