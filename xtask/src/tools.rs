//! `cargo xtask tools`: builds the real programs of `tests/tools` (a Go module with tool directives) into a cache.
//!
//! The cache's name holds a digest of the module's files, so a changed version builds anew and an unchanged one costs
//! nothing.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use crate::cargo;

/// Which programs, and where each comes from in `tests/tools/go.mod`.
const TOOLS: &[(&str, &str)] = &[
    ("kustomize", "sigs.k8s.io/kustomize/kustomize/v5"),
    ("kube-apiserver", "k8s.io/kubernetes/cmd/kube-apiserver"),
    ("etcd", "go.etcd.io/etcd/server/v3"),
    ("kube-controller-manager", "k8s.io/kubernetes/cmd/kube-controller-manager"),
    ("kube-scheduler", "k8s.io/kubernetes/cmd/kube-scheduler"),
    ("kubectl", "k8s.io/kubernetes/cmd/kubectl"),
    ("helm", "helm.sh/helm/v4/cmd/helm"),
    ("helm3", "helm.sh/helm/v3/cmd/helm"),
    ("registry", "github.com/distribution/distribution/v3/cmd/registry"),
    ("kwok", "sigs.k8s.io/kwok/cmd/kwok"),
];

/// kube-apiserver refuses to start without a version; released binaries get theirs this way too.
const LINKER_FLAGS: &str = "-s -w -X k8s.io/component-base/version.gitVersion=v1.37.2";

/// Arguments of `cargo xtask tools`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Build only these programs.
    names: Vec<String>,
    /// Print the folder that holds (or would hold) the programs, and build nothing.
    #[arg(long)]
    path: bool,
}

/// Builds what is missing and returns the folder that holds the programs.
pub(crate) fn run(args: &Args) -> Result<PathBuf> {
    let folder = folder()?;
    if args.path {
        println!("{}", folder.display());
        return Ok(folder);
    }
    build(&folder, &args.names)?;
    Ok(folder)
}

/// Builds every program that is not there yet.
pub(crate) fn all() -> Result<PathBuf> {
    let folder = folder()?;
    build(&folder, &[])?;
    Ok(folder)
}

/// Builds the program that runs the original engines as libraries, which only measuring needs.
pub(crate) fn library() -> Result<()> {
    build_one(&folder()?, "library", "./library").context("cannot build tests/tools/library")
}

/// Whether every program is there.
pub(crate) fn present(folder: &Path) -> bool {
    TOOLS.iter().all(|(name, _)| folder.join(name).is_file())
}

/// The folder for the programs: `$WEIR_TOOLS`, or one in the user's cache named after the module's content.
#[expect(clippy::disallowed_methods, reason = "tasks may read the environment")]
pub(crate) fn folder() -> Result<PathBuf> {
    if let Ok(folder) = std::env::var("WEIR_TOOLS") {
        return Ok(PathBuf::from(folder));
    }
    let mut hash = Sha256::new();
    for file in ["go.mod", "go.sum"] {
        let path = cargo::root().join("tests/tools").join(file);
        hash.update(
            std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?,
        );
    }
    hash.update(LINKER_FLAGS);
    let digest = hash
        .finalize()
        .iter()
        .take(6)
        .fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
    let cache = std::env::var("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|_| std::env::var("HOME").map(|home| Path::new(&home).join(".cache")));
    Ok(cache.context("neither XDG_CACHE_HOME nor HOME is set")?.join("weir/tools").join(digest))
}

fn build(folder: &Path, only: &[String]) -> Result<()> {
    std::fs::create_dir_all(folder)
        .with_context(|| format!("cannot create {}", folder.display()))?;
    for (name, package) in TOOLS {
        let wanted = only.is_empty() || only.iter().any(|one| one == name);
        if wanted && !folder.join(name).is_file() {
            let started = Instant::now();
            println!("building {name}");
            build_one(folder, name, package)?;
            println!("built {name} in {} s", started.elapsed().as_secs());
        }
    }
    Ok(())
}

/// Builds under another name and renames, so that a program in the cache is always a whole one.
fn build_one(folder: &Path, name: &str, package: &str) -> Result<()> {
    let unfinished = folder.join(format!("{name}.unfinished"));
    let mut go = cargo::command("go");
    go.current_dir(cargo::root().join("tests/tools")).env("CGO_ENABLED", "0");
    go.args(["build", "-trimpath", "-buildvcs=false", "-ldflags", LINKER_FLAGS, "-o"])
        .arg(&unfinished)
        .arg(package);
    cargo::check(&mut go)
        .context("the Go toolchain builds the real programs; install Go 1.26 or newer")?;
    std::fs::rename(&unfinished, folder.join(name))
        .with_context(|| format!("cannot put {name} into the cache"))
}
