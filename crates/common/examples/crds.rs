//! Writes the custom resource definitions into the directory `crds`, or tells that they are stale.
//!
//! `cargo run -p common --example crds` writes; the test of this file compares.

use std::{collections::BTreeMap, fs, io, path::PathBuf};

use common::api::crd::{self, Crd};

/// The first line of every file.
const MARK: &str =
    "# Generated from the types in crates/common by `cargo xtask crds`; do not edit.\n";

fn main() -> io::Result<()> {
    let directory = directory();
    fs::create_dir_all(&directory)?;
    for (name, text) in files()? {
        fs::write(directory.join(name), text)?;
    }
    Ok(())
}

/// Every file by name: one per kind, and a kustomization that lists them.
fn files() -> io::Result<BTreeMap<String, String>> {
    let mut files = BTreeMap::new();
    let mut list = format!(
        "{MARK}apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n"
    );
    for crd in crd::all() {
        let name = crd.file_name();
        list.extend(["  - ", &name, "\n"]);
        files.insert(name, text(&crd)?);
    }
    files.insert("kustomization.yaml".to_owned(), list);
    Ok(files)
}

fn directory() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "..", "..", "crds"].iter().collect()
}

fn text(crd: &Crd) -> io::Result<String> {
    let yaml = serde_yaml::to_string(&crd.object).map_err(io::Error::other)?;
    Ok(format!("{MARK}---\n{yaml}"))
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs};

    #[test]
    fn files_are_current() {
        let expected = super::files().unwrap();
        for (name, text) in &expected {
            let path = super::directory().join(name);
            let current = fs::read_to_string(&path).unwrap_or_default();
            assert!(current == *text, "{} is stale: run `cargo xtask crds`", path.display());
        }
        let found: BTreeSet<String> = fs::read_dir(super::directory())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        assert_eq!(found, expected.into_keys().collect(), "a file of a kind that is gone");
    }
}
