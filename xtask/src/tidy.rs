//! `cargo xtask tidy`: rules about the tree that a person would forget to check.

mod edges;
mod files;
mod licences;

use anyhow::{Result, bail};
use serde_json::Value;

use crate::cargo;

/// Runs every check and prints all complaints, so that one run shows all there is to mend.
pub(crate) fn run() -> Result<()> {
    let metadata = metadata()?;
    let mut complaints = Vec::new();
    let graph = edges::Graph::read(&metadata);
    complaints.extend(edges::check(&graph)?);
    complaints.extend(licences::check(&metadata, &edges::Graph::linked()?));
    complaints.extend(files::check()?);
    for complaint in &complaints {
        println!("{complaint}");
    }
    if !complaints.is_empty() {
        bail!("tidy: {} complaints", complaints.len());
    }
    println!("tidy: nothing to complain about");
    Ok(())
}

fn metadata() -> Result<Value> {
    let text = cargo::output(cargo::command("cargo").args([
        "metadata",
        "--format-version",
        "1",
        "--locked",
    ]))?;
    Ok(serde_json::from_str(&text)?)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_tree_is_tidy() {
        super::run().expect("cargo xtask tidy");
    }
}
