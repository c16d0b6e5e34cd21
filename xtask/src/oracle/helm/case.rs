//! One case: a chart, values and flags, as the original's command line and as calls of ours.

use super::mutate;
use crate::oracle::random::Random;
use anyhow::{Context, Result};
use gotemplate::Fixed;
use helm::capabilities::KubeVersion;
use helm::{Chart, Options, TextOptions, Values};
use serde_json::Value as Json;
use std::path::{Path, PathBuf};

/// A chart, and the values that come with it.
pub(super) struct Source {
    chart: PathBuf,
    values: Vec<PathBuf>,
}

/// The charts of a folder whose name contains a text.
pub(super) fn charts(corpus: &Path, part: Option<&str>) -> Result<Vec<Source>> {
    let mut sources = Vec::new();
    for folder in entries(corpus)? {
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if part.is_some_and(|part| !name.contains(part)) {
            continue;
        }
        let inner = folder.join("chart");
        let chart = if inner.is_dir() { inner } else { folder.clone() };
        if !chart.join("Chart.yaml").is_file()
            && folder.extension().is_none_or(|extension| extension != "tgz")
        {
            continue;
        }
        let cases = folder.join("cases");
        let mut values = Vec::new();
        if cases.is_dir() {
            for case in entries(&cases)? {
                let file = case.join("values.yaml");
                if std::fs::metadata(&file).is_ok_and(|file| file.len() > 0) {
                    values.push(file);
                }
            }
        }
        sources.push(Source { chart, values });
    }
    Ok(sources)
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries =
        std::fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

/// A flag that sets values, and its argument.
type Setting = (&'static str, String);

#[derive(Default)]
pub(super) struct Case {
    chart: PathBuf,
    release: String,
    namespace: String,
    values: Option<PathBuf>,
    settings: Vec<Setting>,
    kube_version: Option<&'static str>,
    api_versions: Vec<&'static str>,
    switches: Vec<&'static str>,
}

const RELEASES: &[&str] =
    &["rel", "release-name", "my.release", "a-rather-long-release-name-1234567890"];

const KUBE_VERSIONS: &[&str] = &[
    "1.19",
    "1.21.5",
    "v1.25.0",
    "1.27.3-gke.100",
    "1.29.0+k3s1",
    "1.33.1",
    "v1.37.2-rc.0",
    "2.0.0",
];

const API_VERSIONS: &[&str] = &[
    "monitoring.coreos.com/v1",
    "monitoring.coreos.com/v1/ServiceMonitor",
    "cert-manager.io/v1",
    "networking.k8s.io/v1/Ingress",
    "route.openshift.io/v1",
    "security.openshift.io/v1",
    "gateway.networking.k8s.io/v1",
    "policy/v1/PodDisruptionBudget",
    "autoscaling/v2beta2",
];

impl Case {
    /// A chart as it is.
    pub(super) fn plain(source: &Source) -> Self {
        Self {
            chart: source.chart.clone(),
            release: "rel".to_owned(),
            namespace: "default".to_owned(),
            ..Self::default()
        }
    }

    /// A random chart with random values and flags; a file of values goes to the scratch folder.
    pub(super) fn random(random: &mut Random, sources: &[Source], scratch: &Path) -> Result<Self> {
        let source = random.pick(sources).context("there are no charts")?;
        let mut case = Self::plain(source);
        random.word(RELEASES).clone_into(&mut case.release);
        if random.percent(30) {
            "team-a".clone_into(&mut case.namespace);
        }
        let user = match random.pick(&source.values) {
            Some(file) if random.percent(50) => values_file(file),
            _ => Values::new(),
        };
        let defaults = Chart::load_dir(&source.chart, Path::new("/"))
            .ok()
            .and_then(|chart| helm::merge_values(&chart, &user).ok())
            .unwrap_or_default();
        let mut user = user;
        for _ in 0..=random.below(4) {
            let path = mutate::path(random, &defaults);
            if path.is_empty() {
                continue;
            }
            let found = mutate::find(&defaults, &path);
            let value = mutate::value(random, found);
            if random.percent(70) {
                mutate::put(&mut user, &path, value);
            } else {
                case.settings.push(mutate::setting(random, &path, &value));
            }
        }
        if !user.is_empty() {
            let file = scratch.join("values.yaml");
            let text = serde_json::to_string_pretty(&Json::Object(user))?;
            std::fs::write(&file, text)?;
            case.values = Some(file);
        }
        case.flags(random);
        Ok(case)
    }

    fn flags(&mut self, random: &mut Random) {
        if random.percent(25) {
            self.kube_version = Some(random.word(KUBE_VERSIONS));
        }
        if random.percent(25) {
            self.api_versions = (0..=random.below(3)).map(|_| random.word(API_VERSIONS)).collect();
        }
        for (switch, chance) in [
            ("--is-upgrade", 20),
            ("--include-crds", 20),
            ("--no-hooks", 10),
            ("--skip-tests", 10),
            ("--skip-schema-validation", 30),
        ] {
            if random.percent(chance) {
                self.switches.push(switch);
            }
        }
    }

    pub(super) fn chart(&self) -> &Path {
        &self.chart
    }

    pub(super) fn values(&self) -> Option<&Path> {
        self.values.as_deref()
    }

    /// The original's arguments after `template`.
    pub(super) fn arguments(&self) -> Vec<String> {
        let mut arguments = vec![
            self.release.clone(),
            self.chart.display().to_string(),
            "--namespace".to_owned(),
            self.namespace.clone(),
        ];
        if let Some(values) = &self.values {
            arguments.extend(["-f".to_owned(), values.display().to_string()]);
        }
        for (flag, text) in &self.settings {
            arguments.extend([(*flag).to_owned(), text.clone()]);
        }
        if let Some(version) = self.kube_version {
            arguments.extend(["--kube-version".to_owned(), version.to_owned()]);
        }
        for version in &self.api_versions {
            arguments.extend(["--api-versions".to_owned(), (*version).to_owned()]);
        }
        arguments.extend(self.switches.iter().map(|switch| (*switch).to_owned()));
        arguments
    }

    /// What our engine says.
    pub(super) fn ours(&self) -> Result<String, String> {
        self.rendered().map_err(|error| error.to_string())
    }

    fn rendered(&self) -> Result<String, helm::Error> {
        let mut values = self.values.as_deref().map(values_file).unwrap_or_default();
        for flag in ["--set-json", "--set", "--set-string", "--set-literal"] {
            for (_, text) in self.settings.iter().filter(|(name, _)| *name == flag) {
                let result = match flag {
                    "--set-json" => helm::strvals::set_json(text, &mut values),
                    "--set-string" => helm::strvals::set_string(text, &mut values),
                    "--set-literal" => helm::strvals::set_literal(text, &mut values),
                    _ => helm::strvals::set(text, &mut values),
                };
                // The original does not say what is wrong with JSON.
                result.map_err(|error| match flag {
                    "--set-json" => helm::Error::new(format!("failed parsing {flag} data {text}")),
                    _ => helm::Error::new(format!("failed parsing {flag} data: {error}")),
                })?;
            }
        }
        let chart = if self.chart.is_dir() {
            Chart::load_dir(&self.chart, Path::new("/"))?
        } else {
            Chart::load_archive(&std::fs::read(&self.chart).unwrap_or_default())?
        };
        if !matches!(chart.metadata.kind.as_str(), "" | "application") {
            let kind = &chart.metadata.kind;
            return Err(helm::Error::new(format!("{kind} charts are not installable")));
        }
        let missing = chart.missing_dependencies();
        if !missing.is_empty() {
            let missing = missing.join(", ");
            return Err(helm::Error::new(format!(
                "an error occurred while checking for chart dependencies. You may need to run 'helm dependency build' to fetch missing dependencies: found in Chart.yaml, but missing in charts/ directory: {missing}"
            )));
        }
        let environment = Fixed::default();
        let mut options = Options::new(&self.release, &self.namespace, &environment);
        options.is_upgrade = self.has("--is-upgrade");
        options.skip_schema = self.has("--skip-schema-validation");
        if let Some(version) = self.kube_version {
            options.capabilities.kube_version = KubeVersion::parse(version)?;
        }
        let more = self.api_versions.iter().map(|version| (*version).to_owned());
        options.capabilities.api_versions.extend(more);
        let rendered = helm::render(&chart, &values, &options)?;
        Ok(rendered.text_with(TextOptions {
            include_crds: self.has("--include-crds"),
            no_hooks: self.has("--no-hooks"),
            skip_tests: self.has("--skip-tests"),
        }))
    }

    fn has(&self, switch: &str) -> bool {
        self.switches.contains(&switch)
    }
}

fn values_file(path: &Path) -> Values {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    helm::from_yaml(&text).unwrap_or_default()
}
