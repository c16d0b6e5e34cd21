//! The repositories that a person gave names to.

use std::path::Path;

use helm::{Error, RepositoryIndex};
use serde::Deserialize;

use super::fetch::Login;
use super::files::{io_error, read_limited};
use super::settings::Settings;

#[derive(Default, Deserialize)]
#[serde(default)]
struct File {
    repositories: Vec<Repository>,
}

/// A repository with a name.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Repository {
    pub(super) name: String,
    pub(super) url: String,
    username: String,
    password: String,
    pass_credentials_all: bool,
}

impl Repository {
    /// Name and password for it.
    pub(super) fn login(&self) -> Login {
        Login {
            username: self.username.clone(),
            password: self.password.clone(),
            for_all: self.pass_credentials_all,
        }
    }

    /// Its index, as it was when it was last fetched.
    pub(super) fn cached_index(&self, settings: &Settings) -> Result<RepositoryIndex, Error> {
        let path = settings.repository_cache().join(format!("{}-index.yaml", self.name));
        let file = std::fs::File::open(&path).map_err(|error| io_error("open", &path, &error))?;
        RepositoryIndex::read(std::io::BufReader::new(file))
            .map_err(|error| Error::new(format!("error loading {}: {error}", path.display())))
    }
}

/// The largest list of repositories that is read, in bytes.
const MAX_CONFIG: u64 = 8 << 20;

/// All repositories that have names; none when there is no list of them.
pub(super) fn known(settings: &Settings) -> Result<Vec<Repository>, Error> {
    let path = settings.repository_config();
    if !Path::new(&path).exists() {
        return Ok(Vec::new());
    }
    let data = read_limited(&path, MAX_CONFIG)?;
    let failed = |error: &dyn std::fmt::Display| {
        Error::new(format!("couldn't load repositories file ({}): {error}", path.display()))
    };
    let text = String::from_utf8(data).map_err(|error| failed(&error))?;
    let json = yaml::to_json(&text, yaml::Rules::V2).map_err(|error| failed(&error))?;
    let file: Option<File> = serde_json::from_value(json).map_err(|error| failed(&error))?;
    Ok(file.unwrap_or_default().repositories)
}

/// Whether two addresses name the same repository.
pub(super) fn same(a: &str, b: &str) -> bool {
    a.trim_end_matches('/') == b.trim_end_matches('/')
}
