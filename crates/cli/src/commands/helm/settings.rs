//! Where Helm keeps what it knows: repositories, registries, key rings.

use std::path::{Path, PathBuf};

use anyhow::Result;
use helm::{Chart, Error, Level, LogLine};

/// Flags that all of Helm's commands take.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct Settings {
    /// The file with the names and addresses of repositories.
    #[arg(long, global = true, env = "HELM_REPOSITORY_CONFIG", value_name = "FILE")]
    repository_config: Option<PathBuf>,
    /// The folder with the indexes of those repositories.
    #[arg(long, global = true, env = "HELM_REPOSITORY_CACHE", value_name = "DIR")]
    repository_cache: Option<PathBuf>,
    /// The file with credentials for registries.
    #[arg(long, global = true, env = "HELM_REGISTRY_CONFIG", value_name = "FILE")]
    registry_config: Option<PathBuf>,
    /// Accepted for scripts: charts are not cached.
    #[arg(long, global = true, env = "HELM_CONTENT_CACHE", value_name = "DIR", hide = true)]
    content_cache: Option<PathBuf>,
    /// Log what is done, and print what could be rendered even if it is broken.
    #[arg(long, global = true)]
    pub(super) debug: bool,
    #[arg(skip = "default".to_owned())]
    pub(super) namespace: String,
}

/// A variable of the environment, if it is set to something.
#[expect(clippy::disallowed_methods, reason = "the command line takes Helm's variables")]
pub(super) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// One of Helm's folders: its own variable, that of XDG, or below the home folder.
fn folder(own: &str, xdg: &str, home: &str) -> PathBuf {
    if let Some(folder) = variable(own) {
        return folder.into();
    }
    let base = variable(xdg).map(PathBuf::from);
    let base = base.or_else(|| Some(PathBuf::from(variable("HOME")?).join(home)));
    base.unwrap_or_default().join("helm")
}

impl Settings {
    /// With all configuration in one folder, and nothing of the person's own; an empty folder is none.
    pub(super) fn in_folder(folder: &str) -> Self {
        let folder = if folder.is_empty() { Path::new("/nonexistent") } else { Path::new(folder) };
        Self {
            repository_config: Some(folder.join("repositories.yaml")),
            repository_cache: Some(folder.join(".cache/repository")),
            registry_config: Some(folder.join("registry/config.json")),
            ..Self::default()
        }
    }

    /// Logs a step for those who look for a mistake, if that was asked for.
    pub(super) fn trace(&self, message: &str, fields: &[(&str, &str)]) {
        if self.debug {
            super::log(&LogLine { level: Level::Debug, message, fields });
        }
    }

    /// The file with the names of repositories.
    pub(super) fn repository_config(&self) -> PathBuf {
        let default = || config_folder().join("repositories.yaml");
        self.repository_config.clone().unwrap_or_else(default)
    }

    /// The folder with the cached indexes.
    pub(super) fn repository_cache(&self) -> PathBuf {
        let default = || folder("HELM_CACHE_HOME", "XDG_CACHE_HOME", ".cache").join("repository");
        self.repository_cache.clone().unwrap_or_else(default)
    }

    /// Files that may hold credentials for registries, the first that has some counts.
    pub(super) fn registry_configs(&self) -> Vec<PathBuf> {
        let own = self.registry_config.clone();
        let own = own.unwrap_or_else(|| config_folder().join("registry/config.json"));
        let docker = variable("DOCKER_CONFIG").map(PathBuf::from);
        let docker = docker.or_else(|| Some(PathBuf::from(variable("HOME")?).join(".docker")));
        std::iter::once(own).chain(docker.map(|docker| docker.join("config.json"))).collect()
    }
}

fn config_folder() -> PathBuf {
    folder("HELM_CONFIG_HOME", "XDG_CONFIG_HOME", ".config")
}

/// The key ring that is used when none is named.
pub(super) fn default_keyring() -> PathBuf {
    let home = || PathBuf::from(variable("HOME").unwrap_or_default()).join(".gnupg");
    let folder = variable("GNUPGHOME").map_or_else(home, PathBuf::from);
    let legacy = folder.join("pubring.gpg");
    let keybox = folder.join("pubring.kbx");
    if !legacy.exists() && keybox.exists() { keybox } else { legacy }
}

/// `SOURCE_DATE_EPOCH`, which makes packages the same whenever they are made.
pub(super) fn source_date() -> Result<Option<u64>, Error> {
    let Some(text) = variable("SOURCE_DATE_EPOCH") else { return Ok(None) };
    match text.parse::<i64>() {
        Ok(seconds) if seconds < 0 => {
            Err(Error::new("invalid SOURCE_DATE_EPOCH: must not be negative"))
        }
        Ok(seconds) => Ok(u64::try_from(seconds).ok()),
        Err(_) => Err(Error::new(format!(
            "invalid SOURCE_DATE_EPOCH: strconv.ParseInt: parsing {text:?}: invalid syntax"
        ))),
    }
}

/// The time, in seconds since 1970.
#[expect(clippy::disallowed_methods, reason = "the command line is where time comes from")]
pub(super) fn now() -> u64 {
    u64::try_from(jiff::Timestamp::now().as_second()).unwrap_or_default()
}

/// Packs a chart; files without an age of their own are as old as `SOURCE_DATE_EPOCH` says.
pub(super) fn pack(chart: &mut Chart, date: Option<u64>) -> Result<Vec<u8>, Error> {
    if let Some(date) = date {
        chart.stamp(date);
    }
    helm::package(chart, date.unwrap_or_else(now))
}
