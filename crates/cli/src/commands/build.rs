//! `weir build kustomization`: what kustomize-controller would apply, from files on this disk.
//!
//! Nothing on the disk is changed, also not for a moment: what Flux writes into the directory is kept in memory here.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use common::api::kustomize::Kustomization;
use common::artifact::ignore::Rules;
use kube::{Api, Client, ResourceExt};
use kustomize::substitute::{self, Vars};
use kustomize::{DirFiles, flux};
use kustomize_controller as controller;
use manifest::Object;
use runtime::Key;

use super::kustomize::remote::{Fetcher, SshFlags};
use crate::connect::Flags;
use crate::output::{self, Exit};

mod mask;

/// Kustomizations that one build may lead to.
const MAX_KUSTOMIZATIONS: usize = 1_000;

/// Arguments of `weir build`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Print the objects that a Kustomization stands for, as kustomize-controller would apply them.
    #[command(visible_alias = "ks")]
    Kustomization(Box<KustomizationArgs>),
}

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  weir build kustomization apps --path ./apps/production\n  weir build kustomization apps --path ./apps/production --kustomization-file ./clusters/production/apps.yaml --dry-run\n  weir build kustomization flux-system --path ./clusters/production --recursive --local-sources GitRepository/flux-system/flux-system=."
)]
#[expect(clippy::struct_excessive_bools, reason = "every flag is one of the flux CLI's")]
struct KustomizationArgs {
    /// The Kustomization's name; its namespace is that of --namespace.
    name: String,
    /// The folder with the manifests.
    #[arg(long, value_name = "DIR")]
    path: PathBuf,
    /// A file with the Kustomization, in place of the one in the cluster.
    #[arg(long, value_name = "FILE")]
    kustomization_file: Option<PathBuf>,
    /// Paths to leave out, as in .gitignore.
    #[arg(long, value_name = "PATTERN", value_delimiter = ',')]
    ignore_paths: Vec<String>,
    /// Talk to no cluster: variables from ConfigMaps and Secrets are left out.
    #[arg(long, requires = "kustomization_file")]
    dry_run: bool,
    /// Fail on variables that are neither given nor have a default.
    #[arg(long)]
    strict_substitute: bool,
    /// Also build the Kustomizations among the objects, and those among theirs.
    #[arg(long, short)]
    recursive: bool,
    /// Where sources are on this disk, for --recursive.
    #[arg(long, value_name = "KIND/NAMESPACE/NAME=DIR", value_delimiter = ',', value_parser = local_source)]
    local_sources: Vec<(String, PathBuf)>,
    /// Read nothing outside of the working directory.
    #[arg(long)]
    in_memory_build: bool,
    #[command(flatten)]
    ssh: SshFlags,
}

fn local_source(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((source, path)) if source.split('/').count() == 3 => {
            Ok((source.to_owned(), PathBuf::from(path)))
        }
        _ => Err("write it as GitRepository/NAMESPACE/NAME=DIR".to_owned()),
    }
}

/// Runs `weir build`.
pub(crate) async fn run(connection: &Flags, args: &Args) -> Result<Exit> {
    match &args.what {
        What::Kustomization(args) => {
            let client = if args.dry_run { None } else { Some(connection.client().await?) };
            let objects = args.build(client.as_ref(), connection.namespace()).await?;
            let documents =
                objects.iter().map(|object| yaml::from_json(object.as_value()) + "---\n");
            output::print(&documents.collect::<String>());
            Ok(Exit::Done)
        }
    }
}

/// A Kustomization that is still to be built.
struct Job {
    kustomization: Kustomization,
    path: PathBuf,
    /// Those whose objects it is among.
    within: BTreeSet<Key>,
}

impl KustomizationArgs {
    async fn build(&self, client: Option<&Client>, namespace: &str) -> Result<Vec<Object>> {
        if !self.path.is_dir() {
            bail!("--path {}: it is no directory", self.path.display());
        }
        let first = self.first(client, namespace).await?;
        let mut jobs =
            vec![Job { kustomization: first, path: self.path.clone(), within: BTreeSet::new() }];
        let mut all = Vec::new();
        let mut count = 0;
        while let Some(job) = jobs.pop() {
            count += 1;
            if count > MAX_KUSTOMIZATIONS {
                bail!("more than {MAX_KUSTOMIZATIONS} Kustomizations lead to each other");
            }
            let key = key(&job.kustomization);
            let shown = || format!("Kustomization/{key} in {}", job.path.display());
            let post_build = job.kustomization.spec.post_build.as_ref();
            let vars = match post_build {
                Some(post_build) => {
                    let vars = controller::variables(client, &key.namespace, post_build).await;
                    vars.map_err(|stop| anyhow!("{}", stop.message())).with_context(shown)?
                }
                None => None,
            };
            let render = || self.render(&job.kustomization, &job.path, vars.as_ref());
            // Remote bases are fetched by a runtime of their own, which is allowed in a blocking section only.
            let objects = tokio::task::block_in_place(render).with_context(shown)?;
            if self.recursive {
                jobs.extend(self.inner(client, &objects, &job).await?.into_iter().rev());
            }
            all.extend(objects);
        }
        Ok(all)
    }

    /// The Kustomization that the command names.
    async fn first(&self, client: Option<&Client>, namespace: &str) -> Result<Kustomization> {
        let live = match client {
            Some(client) => {
                Some(live(client, namespace, &self.name).await?.with_context(|| {
                    format!("Kustomization/{namespace}/{} is not in the cluster", self.name)
                })?)
            }
            None => None,
        };
        match (&self.kustomization_file, live) {
            (Some(path), _) => from_file(path, namespace, &self.name),
            (None, Some(live)) => Ok(live),
            (None, None) => bail!("--dry-run needs --kustomization-file"),
        }
    }

    /// The objects of one Kustomization.
    fn render(
        &self,
        kustomization: &Kustomization,
        path: &Path,
        vars: Option<&Vars>,
    ) -> Result<Vec<Object>> {
        let injection =
            controller::injection(kustomization).map_err(|stop| anyhow!("{}", stop.message()))?;
        let directory = std::fs::canonicalize(path)
            .with_context(|| format!("cannot find {}", path.display()))?;
        let root = if self.in_memory_build {
            std::fs::canonicalize(".").context("cannot find the working directory")?
        } else {
            PathBuf::from("/")
        };
        let inside = directory.strip_prefix(&root).with_context(|| {
            format!("{} is outside of the working directory", directory.display())
        })?;
        let rules = Rules::load_over_default(&directory, &self.ignore_paths.join("\n"))?;
        let remote = Fetcher::new(&self.ssh);
        let mut objects = flux::build_without(
            &DirFiles::jailed(&root)?,
            &Path::new("/").join(inside),
            &injection,
            &|path, is_directory| rules.ignores(path, is_directory),
            Some(&remote),
        )
        .map_err(|error| anyhow!("kustomize build failed: {}", error.chain()))?;
        if let Some(vars) = vars {
            let replace = |object| substitute::object(object, vars, self.strict_substitute);
            let replaced: Result<_, _> = objects.into_iter().map(replace).collect();
            objects = replaced.map_err(|error| anyhow!("{}", error.chain()))?;
        }
        let owner = controller::owner_labels(&key(kustomization));
        for object in &mut objects {
            for (name, value) in &owner {
                object.set_label(name, value);
            }
            mask::encrypted(object)?;
        }
        if let Some(common) = &kustomization.spec.common_metadata {
            flux::set_common_metadata(&mut objects, &common.labels, &common.annotations);
        }
        Ok(objects)
    }

    /// The Kustomizations among objects. One that leads back to itself is not built again.
    async fn inner(
        &self,
        client: Option<&Client>,
        objects: &[Object],
        outer: &Job,
    ) -> Result<Vec<Job>> {
        let mut within = outer.within.clone();
        within.insert(key(&outer.kustomization));
        let mut jobs = Vec::new();
        for object in objects.iter().filter(|object| is_kustomization(object)) {
            let kustomization = typed(object)?;
            let key = key(&kustomization);
            if within.contains(&key) {
                continue;
            }
            let path = self.local_path(&kustomization)?;
            let live = match client {
                Some(client) => live(client, &key.namespace, &key.name).await?,
                None => None,
            };
            let kustomization = live.unwrap_or(kustomization);
            jobs.push(Job { kustomization, path, within: within.clone() });
        }
        Ok(jobs)
    }

    /// The folder on this disk that a Kustomization's source and path mean.
    fn local_path(&self, kustomization: &Kustomization) -> Result<PathBuf> {
        let source = &kustomization.spec.source_ref;
        let namespace = source.namespace.clone().or_else(|| kustomization.namespace());
        let name = format!("{}/{}/{}", source.kind, namespace.unwrap_or_default(), source.name);
        let sources: BTreeMap<_, _> = self.local_sources.iter().map(|(a, b)| (a, b)).collect();
        let root = sources.get(&name).with_context(|| {
            format!(
                "Kustomization/{}: say where its source is with --local-sources {name}=DIR",
                key(kustomization)
            )
        })?;
        let path = kustomization.spec.path.as_deref().unwrap_or_default();
        Ok(root.join(path.trim_start_matches('/')))
    }
}

async fn live(client: &Client, namespace: &str, name: &str) -> Result<Option<Kustomization>> {
    let api = Api::<Kustomization>::namespaced(client.clone(), namespace);
    let found = api.get_opt(name).await;
    found.with_context(|| format!("cannot get Kustomization/{namespace}/{name}"))
}

fn from_file(path: &Path, namespace: &str, name: &str) -> Result<Kustomization> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let objects = manifest::parse_all(&text).with_context(|| path.display().to_string())?;
    let found = objects.iter().find(|object| {
        is_kustomization(object)
            && object.name() == name
            && object.namespace().is_none_or(|own| own == namespace)
    });
    let found = found.with_context(|| {
        format!("{} has no Kustomization '{name}' in namespace '{namespace}'", path.display())
    })?;
    typed(found).with_context(|| path.display().to_string())
}

fn is_kustomization(object: &Object) -> bool {
    object.group() == "kustomize.toolkit.fluxcd.io" && object.kind() == "Kustomization"
}

fn typed(object: &Object) -> Result<Kustomization> {
    serde_json::from_value(object.as_value().clone())
        .with_context(|| format!("cannot read {}", object.id()))
}

fn key(kustomization: &Kustomization) -> Key {
    Key::new(kustomization.namespace().unwrap_or_default(), kustomization.name_any())
}

#[cfg(test)]
mod tests;
