//! `weir helm template`.

use std::path::{Path, PathBuf};

use anyhow::Result;
use helm::capabilities::KubeVersion;
use helm::{Capabilities, Chart, Error, Level, LogLine, Options, Rendered, TextOptions, Values};

use super::files::detect;
use super::locate::{ChartArgs, Located};
use super::settings::{Settings, source_date};
use super::system::System;
use super::values::ValueArgs;
use super::{complain, dependency, warn};
use crate::output::{self, Exit};

mod output_dir;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  weir helm template podinfo ./podinfo -n demo --set replicaCount=2"
)]
#[expect(clippy::struct_excessive_bools, reason = "every flag is one of Helm's")]
pub(super) struct Args {
    /// The release's name, which may be left out, and the chart: a folder, a package, REPOSITORY/CHART or a URL.
    #[arg(required = true, value_names = ["NAME", "CHART"], num_args = 1..)]
    arguments: Vec<String>,
    #[command(flatten)]
    values: ValueArgs,
    #[command(flatten)]
    chart: ChartArgs,
    #[command(flatten)]
    accepted: Accepted,
    /// Print CRDs too.
    #[arg(long)]
    include_crds: bool,
    /// Render as for an upgrade.
    #[arg(long)]
    is_upgrade: bool,
    /// Leave hooks out.
    #[arg(long)]
    no_hooks: bool,
    /// Leave test hooks out.
    #[arg(long)]
    skip_tests: bool,
    /// The version of Kubernetes that charts see.
    #[arg(long, value_name = "VERSION")]
    kube_version: Option<String>,
    /// More API versions that charts see.
    #[arg(long, short, value_delimiter = ',', value_name = "VERSION")]
    api_versions: Vec<String>,
    /// Do not check values against schemas.
    #[arg(long)]
    skip_schema_validation: bool,
    /// Let `getHostByName` ask the resolver.
    #[arg(long)]
    enable_dns: bool,
    /// Fetch dependencies that are missing first.
    #[arg(long)]
    dependency_update: bool,
    /// Print only what came from these templates.
    #[arg(long, short, value_name = "TEMPLATE")]
    show_only: Vec<String>,
    /// Write one file per template into this folder.
    #[arg(long, value_name = "DIR")]
    output_dir: Option<PathBuf>,
    /// Write into a folder with the release's name in that folder.
    #[arg(long)]
    release_name: bool,
    /// Leave the name to Helm: it is `release-name`.
    #[arg(long, short)]
    generate_name: bool,
    /// A template that gives the release's name.
    #[arg(long, default_value = "", value_name = "TEMPLATE")]
    name_template: String,
    /// Refused: it asks the cluster.
    #[arg(long, conflicts_with = "dry_run")]
    validate: bool,
    /// `client` is what this command does; `server`, which asks the cluster, is refused.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "unset", value_name = "WHERE")]
    dry_run: Option<String>,
    /// Refused: post-renderers are programs.
    #[arg(long, default_value = "", value_name = "NAME")]
    post_renderer: String,
    /// Refused with `--post-renderer`.
    #[arg(long = "post-renderer-args", value_name = "ARGUMENT", allow_hyphen_values = true)]
    post_renderer_arguments: Vec<String>,
}

/// Flags of an installation. Helm's own `template` takes them as well, and they change nothing there either.
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "every flag is one of Helm's")]
struct Accepted {
    #[arg(long, hide = true)]
    create_namespace: bool,
    #[arg(long, hide = true, conflicts_with = "force_conflicts")]
    force_replace: bool,
    #[arg(long, hide = true, conflicts_with = "force_conflicts")]
    force: bool,
    #[arg(long, hide = true)]
    force_conflicts: bool,
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    server_side: Option<String>,
    #[arg(long, hide = true)]
    replace: bool,
    #[arg(long, hide = true)]
    wait_for_jobs: bool,
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true, default_missing_value = "watcher")]
    wait: Option<String>,
    #[arg(long, hide = true)]
    description: Option<String>,
    #[arg(long, hide = true)]
    disable_openapi_validation: bool,
    #[arg(long, hide = true)]
    rollback_on_failure: bool,
    #[arg(long, hide = true)]
    atomic: bool,
    #[arg(long, hide = true)]
    skip_crds: bool,
    #[arg(long, short, hide = true)]
    labels: Vec<String>,
    #[arg(long, hide = true)]
    hide_notes: bool,
    #[arg(long, hide = true)]
    render_subchart_notes: bool,
    #[arg(long, hide = true)]
    take_ownership: bool,
}

/// What is to be rendered.
struct Job {
    name: String,
    chart: Chart,
    values: Values,
}

pub(super) fn run(args: &Args, settings: &Settings) -> Exit {
    let job = match args.job(settings) {
        Ok(job) => job,
        Err(error) => return complain(&error),
    };
    let system = System::of(settings);
    let options = match args.options(&job.name, &settings.namespace, &system) {
        Ok(options) => options,
        Err(error) => return complain(&error),
    };
    match helm::render(&job.chart, &job.values, &options) {
        Ok(rendered) => {
            let exit = args.write(&job.name, &rendered);
            // The process ends here; taking these apart piece by piece would be for nothing.
            std::mem::forget((job, rendered));
            exit
        }
        Err(error) if error.is_rendering() && settings.debug => {
            print_broken(&job, &Options { environment: &System::silent(), ..options });
            complain(&error)
        }
        Err(error) if error.is_rendering() => {
            complain(&Error::new(format!("{error}\n\nUse --debug flag to render out invalid YAML")))
        }
        Err(error) => {
            log_of("chart dependencies processing failed", &error);
            complain(&error)
        }
    }
}

/// Prints the files that the templates gave, though they are no manifests. What there was for the log it has by now.
fn print_broken(job: &Job, options: &Options<'_>) {
    let files = helm::render_files(&job.chart, &job.values, options).unwrap_or_default();
    let shown =
        files.iter().filter(|(name, text)| !text.trim().is_empty() && !name.ends_with("NOTES.txt"));
    let mut out = String::new();
    for (name, text) in shown {
        out.extend(["---\n# Source: ", name, "\n", text, "\n"]);
    }
    output::print(&format!("{}\n", out.trim()));
}

impl Args {
    fn name_and_chart(&self) -> Result<(String, &str), Error> {
        match self.arguments.as_slice() {
            [chart] if self.name_template.is_empty() => Ok(("release-name".to_owned(), chart)),
            [chart] => Ok((from_template(&self.name_template)?, chart)),
            [_, _] if self.generate_name => {
                Err(Error::new("cannot set --generate-name and also specify a name"))
            }
            [_, _] if !self.name_template.is_empty() => {
                Err(Error::new("cannot set --name-template and also specify a name"))
            }
            [name, chart] => Ok((name.clone(), chart)),
            [_, _, more @ ..] => Err(Error::new(format!(
                "expected at most two arguments, unexpected arguments: {}",
                more.join(", ")
            ))),
            [] => Err(Error::new("\"helm template\" requires at least 1 argument")),
        }
    }

    /// What needs programs or a cluster is refused, not ignored.
    fn refuse(&self) -> Result<(), Error> {
        if !self.post_renderer.is_empty() || !self.post_renderer_arguments.is_empty() {
            return Err(Error::new(
                "--post-renderer runs a program, and none is ever run; pipe the output through `weir kustomize build` instead",
            ));
        }
        let server = || {
            Err(Error::new(
                "--dry-run=server and --validate ask the cluster, and this command renders without one; give it what charts need to know by --kube-version and --api-versions",
            ))
        };
        if self.validate {
            output::complain("Flag --validate has been deprecated, use '--dry-run=server' instead");
            return server();
        }
        let Some(given) = self.dry_run.as_deref() else { return Ok(()) };
        match given {
            "client" => {}
            "unset" => {
                warn("--dry-run is deprecated and should be replaced with '--dry-run=client'");
            }
            "server" => return server(),
            "1" | "t" | "T" | "TRUE" | "true" | "True" => warn(&format!(
                "boolean '--dry-run={given}' flag is deprecated and must be replaced with '--dry-run=client'"
            )),
            "none" | "0" | "f" | "F" | "FALSE" | "false" | "False" => {
                return Err(Error::new(format!(
                    "invalid dry-run value ({given:?}). Must be \"server\" or \"client\""
                )));
            }
            _ => {
                return Err(Error::new(format!(
                    "invalid dry-run value ({given:?}). Must be \"none\", \"server\", or \"client\""
                )));
            }
        }
        Ok(())
    }

    fn deprecations(&self) {
        let no_effect = "this flag has no effect for 'helm template' and will be removed in Helm 5";
        let given = &self.accepted;
        for (flag, given, instead) in [
            ("force", given.force, "use --force-replace instead"),
            ("atomic", given.atomic, "use --rollback-on-failure instead"),
            ("hide-notes", given.hide_notes, no_effect),
            ("render-subchart-notes", given.render_subchart_notes, no_effect),
        ] {
            if given {
                output::complain(&format!("Flag --{flag} has been deprecated, {instead}"));
            }
        }
    }

    fn job(&self, settings: &Settings) -> Result<Job, Error> {
        self.deprecations();
        self.kubernetes()?;
        self.refuse()?;
        self.chart.trace_version("Original chart version", settings);
        let (name, argument) = self.name_and_chart()?;
        let located = self.chart.locate(argument, settings)?;
        if let Located::Path(path) = &located {
            let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
            let path: PathBuf = path.components().collect();
            settings.trace("Chart path", &[("path", &path.to_string_lossy())]);
        }
        let values = self.values.merged(settings)?;
        let chart = self.complete(located, settings)?;
        check_name(&name)?;
        Ok(Job { name, chart, values })
    }

    /// The chart with its dependencies, which are fetched when that is asked for.
    fn complete(&self, located: Located, settings: &Settings) -> Result<Chart, Error> {
        if let Located::Path(path) = &located
            && path.is_dir()
        {
            detect(path)?;
        }
        let chart = located.load()?;
        if !matches!(chart.metadata.kind.as_str(), "" | "application") {
            let kind = &chart.metadata.kind;
            return Err(Error::new(format!("{kind} charts are not installable")));
        }
        if chart.metadata.deprecated {
            warn("this chart is deprecated");
        }
        let missing = chart.missing_dependencies();
        if missing.is_empty() {
            return Ok(chart);
        }
        match &located {
            Located::Path(path) if self.dependency_update => {
                let connection = &self.chart.connection;
                dependency::update(path, settings, connection, source_date()?)?;
                located.load()
            }
            _ => Err(Error::new(format!(
                "an error occurred while checking for chart dependencies. You may need to run 'helm dependency build' to fetch missing dependencies: found in Chart.yaml, but missing in charts/ directory: {}",
                missing.join(", ")
            ))),
        }
    }

    fn kubernetes(&self) -> Result<Option<KubeVersion>, Error> {
        let given = self.kube_version.as_ref().filter(|version| !version.is_empty());
        given.map(|version| kube_version(version)).transpose()
    }

    fn options<'a>(
        &self,
        name: &'a str,
        namespace: &'a str,
        system: &'a System,
    ) -> Result<Options<'a>, Error> {
        let mut capabilities = Capabilities::default();
        if let Some(version) = self.kubernetes()? {
            capabilities.kube_version = version;
        }
        capabilities.api_versions.extend(self.api_versions.iter().cloned());
        Ok(Options {
            is_upgrade: self.is_upgrade,
            capabilities,
            dns: self.enable_dns,
            skip_schema: self.skip_schema_validation,
            ..Options::new(name, namespace, system)
        })
    }

    fn write(&self, name: &str, rendered: &Rendered) -> Exit {
        let options = TextOptions {
            include_crds: self.include_crds,
            no_hooks: self.no_hooks,
            skip_tests: self.skip_tests,
        };
        let text = match &self.output_dir {
            Some(folder) => {
                let release = self.release_name.then_some(name);
                if let Err(error) = output_dir::write(rendered, options, folder, release) {
                    return complain(&error);
                }
                "\n".to_owned()
            }
            None if self.show_only.is_empty() => {
                output::print_parts(&rendered.parts(options));
                return Exit::Done;
            }
            None => rendered.text_with(options),
        };
        if self.show_only.is_empty() {
            output::print(&text);
            return Exit::Done;
        }
        match chosen(&text, &self.show_only) {
            Ok(text) => {
                output::print(&text);
                Exit::Done
            }
            Err(error) => complain(&error),
        }
    }
}

/// The documents that came from the templates that patterns name, pattern by pattern.
fn chosen(text: &str, patterns: &[String]) -> Result<String, Error> {
    let documents = helm::split_manifests(text);
    let mut out = String::new();
    for pattern in patterns {
        let before = out.len();
        for document in &documents {
            if source(document).is_some_and(|path| helm::matches_file(pattern, path)) {
                out.extend(["---\n", document.as_str(), "\n"]);
            }
        }
        if out.len() == before {
            return Err(Error::new(format!("could not find template {pattern} in chart")));
        }
    }
    Ok(out)
}

/// The template that a printed document came from, below the chart's own folder.
fn source(document: &str) -> Option<&str> {
    const MARK: &str = "# Source: ";
    let lines = document.lines().filter_map(|line| {
        let at = line.find(MARK)?;
        line.get(at + MARK.len()..)
    });
    lines.filter_map(|path| path.split_once('/')).map(|(_, path)| path).find(|it| !it.is_empty())
}

/// Reads a version of Kubernetes.
pub(super) fn kube_version(text: &str) -> Result<KubeVersion, Error> {
    KubeVersion::parse(text)
        .map_err(|error| Error::new(format!("invalid kube version '{text}': {error}")))
}

/// The release's name from a template without data.
fn from_template(template: &str) -> Result<String, Error> {
    helm::release_name(template, &System::silent())
}

/// Names of releases are like names of objects, and 53 bytes at most.
fn valid_name(name: &str) -> Result<(), Error> {
    let problem = if name.is_empty() {
        "no name provided"
    } else if name.len() > 53 || !is_name(name) {
        "invalid release name, must match regex ^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$ and the length must not be longer than 53"
    } else {
        return Ok(());
    };
    Err(Error::new(format!("release name check failed: release name {name:?}: {problem}")))
}

/// As [`valid_name`]; what is wrong is logged too, as Helm does.
fn check_name(name: &str) -> Result<(), Error> {
    valid_name(name).inspect_err(|error| log_of("release name check failed", error))
}

/// Some errors Helm logs before it prints them; this is such a line if the error starts with `what`.
fn log_of(what: &str, error: &Error) {
    let text = error.to_string();
    let Some(text) = text.strip_prefix(what).and_then(|rest| rest.strip_prefix(": ")) else {
        return;
    };
    super::log(&LogLine { level: Level::Error, message: what, fields: &[("error", text)] });
}

fn is_name(name: &str) -> bool {
    let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    name.split('.').all(|label| {
        let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        edge(label.chars().next()) && edge(label.chars().next_back()) && label.chars().all(inner)
    })
}

/// For a chart in a kustomization: renders with the flags that kustomize gives to Helm.
pub(super) fn for_kustomization(
    name: &str,
    name_template: &str,
    chart: &Path,
    values: &Values,
    (options, text): (Options<'_>, TextOptions),
) -> Result<String, Error> {
    let name = match (name, name_template) {
        ("", "") => "release-name".to_owned(),
        ("", template) => from_template(template)?,
        (_, template) if !template.is_empty() => {
            return Err(Error::new("cannot set --name-template and also specify a name"));
        }
        (name, _) => name.to_owned(),
    };
    valid_name(&name)?;
    let chart = Located::Path(chart.to_owned()).load()?;
    if !matches!(chart.metadata.kind.as_str(), "" | "application") {
        return Err(Error::new(format!("{} charts are not installable", chart.metadata.kind)));
    }
    let missing = chart.missing_dependencies();
    if !missing.is_empty() {
        return Err(Error::new(format!(
            "found in Chart.yaml, but missing in charts/ directory: {}",
            missing.join(", ")
        )));
    }
    let rendered = helm::render(&chart, values, &Options { name: &name, ..options })?;
    Ok(rendered.text_with(text))
}
