//! `weir kustomize build`: kustomize's own command, with its flags and its output.

use std::mem::ManuallyDrop;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use kustomize::{ChartRenderer, DirFiles, LoadRestriction, Options, Reorder, RepositoryUrl};

use super::helm::Inflater;
use crate::lazy::Lazy;
use crate::output::{self, Exit};

pub(crate) mod remote;

/// Arguments of `weir kustomize`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Print the objects that a kustomization stands for.
    Build(Lazy<BuildArgs>),
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  weir kustomize build overlays/production -o production.yaml")]
#[expect(clippy::struct_excessive_bools, reason = "every flag is one of kustomize's")]
struct BuildArgs {
    /// The directory with the kustomization, or the URL of a Git repository that has it, such as
    /// `https://host/team/app//overlays/production?ref=v1.2.0`.
    #[arg(default_value = ".", value_name = "DIR|URL")]
    directory: PathBuf,
    /// Write to this file, or one file per object into this directory.
    #[arg(long, short, value_name = "PATH")]
    output: Option<PathBuf>,
    /// Which files a kustomization may load.
    #[arg(long, value_enum, default_value_t = Restrictor::RootOnly, value_name = "WHICH")]
    load_restrictor: Restrictor,
    /// The order of the objects (deprecated, use the kustomization's `sortOptions`).
    #[arg(long, value_enum, value_name = "ORDER")]
    reorder: Option<Order>,
    /// Label objects with the tool's name (deprecated, use the kustomization's `buildMetadata`).
    #[arg(long)]
    enable_managedby_label: bool,
    /// Render the kustomization's `helmCharts`.
    #[arg(long)]
    enable_helm: bool,
    /// Accepted for scripts: charts are rendered without a program.
    #[arg(long, default_value = "helm", value_name = "PROGRAM")]
    helm_command: String,
    /// API versions that charts see in Capabilities.APIVersions.
    #[arg(long, value_name = "VERSION", value_delimiter = ',')]
    helm_api_versions: Vec<String>,
    /// Version of Kubernetes that charts see in Capabilities.KubeVersion.
    #[arg(long, default_value = "", value_name = "VERSION")]
    helm_kube_version: String,
    /// Accepted for scripts.
    #[arg(long)]
    helm_debug: bool,
    /// Refused: plugins are programs.
    #[arg(long)]
    enable_alpha_plugins: bool,
    /// Refused: functions are programs.
    #[arg(long)]
    enable_exec: bool,
    /// Refused: only functions could use a network.
    #[arg(long)]
    network: bool,
    /// Refused: only functions could use a network.
    #[arg(long, default_value = "bridge", value_name = "NAME")]
    network_name: String,
    /// Refused: only functions could use mounts.
    #[arg(long, value_name = "MOUNT")]
    mount: Vec<String>,
    /// Refused: only functions could use variables.
    #[arg(long, short, value_name = "NAME=VALUE")]
    env: Vec<String>,
    /// Refused: only functions could run as a user.
    #[arg(long)]
    as_current_user: bool,
    #[command(flatten)]
    ssh: remote::SshFlags,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Restrictor {
    #[value(name = "LoadRestrictionsRootOnly")]
    RootOnly,
    #[value(name = "LoadRestrictionsNone", alias = "none")]
    None,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Order {
    Legacy,
    None,
}

/// Runs one of kustomize's commands.
pub(crate) fn run(args: &Args) -> Result<Exit> {
    match &args.command {
        Command::Build(args) => args.run(),
    }
}

impl BuildArgs {
    fn run(&self) -> Result<Exit> {
        self.refuse_programs()?;
        if self.reorder.is_some() {
            output::complain(
                "Flag --reorder has been deprecated, use the new 'sortOptions' field in kustomization.yaml instead.",
            );
        }
        let remote = remote::Fetcher::new(&self.ssh);
        let charts = Inflater::new(&self.helm_api_versions, &self.helm_kube_version);
        let options = Options {
            load_restriction: match self.load_restrictor {
                Restrictor::RootOnly => LoadRestriction::RootOnly,
                Restrictor::None => LoadRestriction::None,
            },
            reorder: match self.reorder {
                Some(Order::None) => Reorder::None,
                Some(Order::Legacy) | None => Reorder::Legacy,
            },
            remote: Some(&remote),
            managed_by_label: self.enable_managedby_label,
            helm: self.enable_helm.then_some(&charts as &dyn ChartRenderer),
            ..Options::default()
        };
        match self.build(&remote, &options)? {
            Ok(built) => {
                // The program ends after this, so there is no sense in taking the result apart node by node.
                let built = ManuallyDrop::new(built);
                built.warnings.iter().for_each(|warning| output::complain(warning));
                self.write(&built)?;
                Ok(Exit::Done)
            }
            Err(error) => {
                // As kustomize prints it, for scripts that look at it.
                output::complain(&format!("Error: {}", error.chain()));
                Ok(Exit::Failed)
            }
        }
    }

    /// Builds the directory, or the one in the repository that stands in its place.
    fn build(
        &self,
        remote: &remote::Fetcher<'_>,
        options: &Options<'_>,
    ) -> Result<Result<kustomize::Built, kustomize::Error>> {
        if let Some(source) = self.directory.to_str().and_then(RepositoryUrl::parse) {
            let files = remote.top(&source)?;
            // A repository from elsewhere decides for itself what it reads, so it stays inside of its directories.
            let options = Options { load_restriction: LoadRestriction::RootOnly, ..*options };
            let directory = Path::new("/").join(&source.directory);
            return Ok(kustomize::build_yaml(&*files, &directory, &options));
        }
        let directory = std::path::absolute(&self.directory)
            .with_context(|| format!("cannot find {}", self.directory.display()))?;
        let files = DirFiles::jailed(Path::new("/"))?;
        Ok(kustomize::build_yaml(&files, &directory, options))
    }

    /// Plugins and functions are programs, and none is ever run; asking for one is better refused than ignored.
    fn refuse_programs(&self) -> Result<()> {
        let asked = [
            ("--enable-alpha-plugins", self.enable_alpha_plugins),
            ("--enable-exec", self.enable_exec),
            ("--network", self.network),
            ("--network-name", self.network_name != "bridge"),
            ("--mount", !self.mount.is_empty()),
            ("--env", !self.env.is_empty()),
            ("--as-current-user", self.as_current_user),
        ];
        match asked.into_iter().find(|(_, asked)| *asked) {
            Some((flag, _)) => {
                bail!("{flag} is for plugins and functions that are programs; they are never run")
            }
            None => Ok(()),
        }
    }

    fn write(&self, built: &kustomize::Built) -> Result<()> {
        let Some(path) = &self.output else {
            output::print(&built.yaml);
            return Ok(());
        };
        let write = |path: &Path, text: &str| {
            std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
        };
        if !path.is_dir() {
            return write(path, &built.yaml);
        }
        built.individual_files().iter().try_for_each(|(name, text)| write(&path.join(name), text))
    }
}
