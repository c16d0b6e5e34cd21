//! Writes the custom resource definitions into the directory `crds`, or tells that they are stale.
//!
//! `cargo run -p common --example crds` writes; the test of this file compares.

use std::{fs, io, path::PathBuf};

use common::api::crd::{self, Crd};

/// The first line of every file.
const MARK: &str =
    "# Generated from the types in crates/common by `cargo xtask crds`; do not edit.\n";

fn main() -> io::Result<()> {
    let directory = directory();
    fs::create_dir_all(&directory)?;
    for crd in crd::all() {
        fs::write(directory.join(crd.file_name()), text(&crd)?)?;
    }
    Ok(())
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
        let mut expected = BTreeSet::new();
        for crd in super::crd::all() {
            let path = super::directory().join(crd.file_name());
            let current = fs::read_to_string(&path).unwrap_or_default();
            let hint = "is stale: run `cargo xtask crds`";
            assert!(current == super::text(&crd).unwrap(), "{} {hint}", path.display());
            expected.insert(crd.file_name());
        }
        let found: BTreeSet<String> = fs::read_dir(super::directory())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        assert_eq!(found, expected, "a file of a kind that is gone");
    }
}
