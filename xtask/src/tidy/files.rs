//! Rules about single files.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::cargo;

/// Longer files need a reason on their first line.
const MOST_LINES: usize = 600;
/// Marks of unfinished work and of tests that are switched off. Spelled in halves so that this file is clean.
const FORBIDDEN: &[(&str, &str)] = &[
    (concat!("#[", "ignore"), "a test that lacks its tool says so and passes"),
    (concat!("#[", "should_panic"), "assert the error instead"),
    (concat!("TO", "DO"), "a known gap is a line in docs/shortcomings.md"),
    (concat!("FIX", "ME"), "a known gap is a line in docs/shortcomings.md"),
];

/// Complaints about Rust files, manifests and documents.
pub(super) fn check() -> Result<Vec<String>> {
    let root = cargo::root();
    let mut complaints = Vec::new();
    for file in tracked()? {
        let path = root.join(&file);
        let name = file.display().to_string();
        match path.extension().and_then(|ext| ext.to_str()) {
            Some("rs") => complaints.extend(rust(&name, &read(&path)?)),
            Some("toml") if name.ends_with("Cargo.toml") && name != "Cargo.toml" => {
                complaints.extend(member(&name, &read(&path)?, &path));
            }
            _ => {}
        }
    }
    complaints.extend(pages(&root));
    complaints.extend(artifact_is_alone(&root)?);
    Ok(complaints)
}

fn tracked() -> Result<Vec<PathBuf>> {
    let text = cargo::output(cargo::command("git").args([
        "ls-files",
        "--cached",
        "--others",
        "--exclude-standard",
    ]))?;
    Ok(text.lines().map(PathBuf::from).filter(|path| cargo::root().join(path).is_file()).collect())
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

fn rust(name: &str, text: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    let lines = text.lines().count();
    if lines > MOST_LINES && !text.starts_with("// Long because: ") {
        complaints.push(format!(
            "{name}: {lines} lines; split it, or say why on line 1 (`// Long because: …`)"
        ));
    }
    if name.ends_with("/mod.rs") {
        complaints.push(format!("{name}: write foo.rs beside foo/ instead of foo/mod.rs"));
    }
    for (mark, advice) in FORBIDDEN {
        for (number, _) in text.lines().enumerate().filter(|(_, line)| line.contains(mark)) {
            complaints.push(format!("{name}:{}: {mark}: {advice}", number + 1));
        }
    }
    complaints
}

/// Members inherit lints, and name no versions of their own.
fn member(name: &str, text: &str, path: &Path) -> Vec<String> {
    let mut complaints = Vec::new();
    if name.starts_with("fuzz/") {
        return complaints;
    }
    if !text.contains("[lints]\nworkspace = true") {
        complaints.push(format!("{name}: does not inherit the workspace's lints"));
    }
    for (number, line) in text.lines().enumerate() {
        let own_version =
            line.contains("version = \"") || line.contains(" = \"") && line.ends_with('"');
        let package_key =
            ["name", "path", "description", "readme"].iter().any(|key| line.starts_with(key));
        if own_version && !package_key && !line.starts_with("version.") {
            complaints
                .push(format!("{name}:{}: versions stand in the root Cargo.toml only", number + 1));
        }
    }
    let folder = path.parent().unwrap_or(path);
    let documented = folder.join("README.md").is_file()
        || ["src/lib.rs", "src/main.rs", "lib.rs"].iter().any(|file| {
            std::fs::read_to_string(folder.join(file)).is_ok_and(|text| text.contains("//!"))
        });
    if !documented {
        complaints.push(format!("{name}: the crate has neither README.md nor `//!` documentation"));
    }
    complaints
}

/// A page for every kind that a controller reconciles.
fn pages(root: &Path) -> Vec<String> {
    let kinds = [
        ("gitrepository", "controllers/source-controller"),
        ("kustomization", "controllers/kustomize-controller"),
    ];
    let missing =
        kinds.iter().filter(|(kind, _)| !root.join(format!("docs/spec/{kind}.md")).is_file());
    missing
        .map(|(kind, controller)| format!("docs/spec/{kind}.md is missing for {controller}"))
        .collect()
}

/// The artifact exchange is an HTTP matter: it may not know the Kubernetes half of its crate.
fn artifact_is_alone(root: &Path) -> Result<Vec<String>> {
    let mut complaints = Vec::new();
    for file in tracked()?.into_iter().filter(|file| file.starts_with("crates/common/src/artifact"))
    {
        let text = read(&root.join(&file))?;
        for (number, line) in text.lines().enumerate() {
            if line.contains("kube::") || line.contains("crate::api") {
                complaints.push(format!(
                    "{}:{}: the artifact half may not name kube or crate::api",
                    file.display(),
                    number + 1
                ));
            }
        }
    }
    Ok(complaints)
}
