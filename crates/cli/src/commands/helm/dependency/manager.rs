//! Resolves and fetches a chart's dependencies.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use helm::{Chart, Dependency, Error, RepositoryIndex, Source, Version};

use super::super::fetch::{ConnectionArgs, Fetcher, Login, file_name, resolve};
use super::super::files::{clean, io_error, load, load_folder, make_folder, write};
use super::super::locate::{oci_file_name, oci_reference};
use super::super::repositories::{self, Repository};
use super::super::settings::{Settings, now, pack};
use super::super::verify;
use super::Say;

/// How packages are checked against their provenance files.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Verification {
    /// Those that have one.
    IfPossible,
    /// All of them.
    Always,
}

/// Looks after the dependencies of one chart.
pub(super) struct Manager<'m> {
    path: &'m Path,
    fetcher: Fetcher<'m>,
    known: Vec<Repository>,
    date: Option<u64>,
    say: &'m dyn Say,
    pub(super) skip_refresh: bool,
    pub(super) verification: Option<(Verification, PathBuf)>,
}

/// A repository that a dependency names, and its index if it could be read.
struct Remote {
    url: String,
    login: Login,
    index: Result<RepositoryIndex, Error>,
}

/// Where versions of dependencies are known from.
struct Versions<'v> {
    manager: &'v Manager<'v>,
    remotes: &'v [Remote],
}

/// The folder of a `file://` repository.
fn local_path(chart: &Path, repository: &str) -> Result<PathBuf, Error> {
    let clean = clean(&chart.join(repository.strip_prefix("file://").unwrap_or(repository)));
    if clean.exists() {
        return Ok(clean);
    }
    Err(Error::new(format!("directory {} not found", clean.display())))
}

fn missing_provenance(address: &str) -> Error {
    Error::new(format!("failed to fetch provenance {address:?}"))
}

fn is_local(repository: &str) -> bool {
    repository.is_empty() || repository.starts_with("file://")
}

fn is_oci(repository: &str) -> bool {
    repository.starts_with("oci://")
}

impl Source for Versions<'_> {
    fn index(&self, repository: &str) -> Result<&RepositoryIndex, Error> {
        let remote = self.remotes.iter().find(|it| repositories::same(&it.url, repository));
        let remote = remote.ok_or_else(|| Error::new(format!("repo {repository} not found")))?;
        remote.index.as_ref().map_err(|error| {
            Error::new(format!("no cached repository for {repository} found: {error}"))
        })
    }

    fn tags(&self, repository: &str, name: &str) -> Result<Vec<String>, Error> {
        let chart = format!("{}/{name}", repository.trim_end_matches('/'));
        self.manager.fetcher.versions(&chart).map_err(|error| {
            Error::new(format!(
                "could not retrieve list of tags for repository {repository}: {error}"
            ))
        })
    }

    fn local(&self, repository: &str, name: &str) -> Result<String, Error> {
        if repository.is_empty() {
            local_path(self.manager.path, &format!("charts/{name}"))?;
            return Ok(String::new());
        }
        let path = local_path(self.manager.path, repository)?;
        load_folder(&path).map(|chart| chart.metadata.version)
    }
}

impl<'m> Manager<'m> {
    pub(super) fn new(
        path: &'m Path,
        settings: &'m Settings,
        connection: &ConnectionArgs,
        date: Option<u64>,
        say: &'m dyn Say,
    ) -> Result<Self, Error> {
        Ok(Self {
            path,
            fetcher: Fetcher::new(settings, connection)?,
            known: repositories::known(settings)?,
            date,
            say,
            skip_refresh: false,
            verification: None,
        })
    }

    fn chart(&self) -> Result<Chart, Error> {
        let found = std::fs::metadata(self.path).map_err(|error| {
            let why = io_error("stat", self.path, &error);
            Error::new(format!("could not find {}: {why}", self.path.display()))
        })?;
        if !found.is_dir() {
            return Err(Error::new("only unpacked charts can be updated"));
        }
        load_folder(self.path)
    }

    /// Says what is of interest to those who look for a mistake only.
    fn say_more(&self, text: &str) {
        if self.fetcher.settings().debug {
            self.say.say(text);
        }
    }

    /// Puts the locked dependencies into `charts/`; without a lock, updates.
    pub(super) fn build(&self) -> Result<(), Error> {
        let chart = self.chart()?;
        let Some(lock) = &chart.lock else { return self.update() };
        let mut wanted = chart.metadata.dependencies.clone();
        let old = chart.metadata.api_version == "v1";
        let original = wanted.clone();
        self.name_repositories(&mut wanted)?;
        let fits = lock.fits(&wanted) || (old && lock.fits_helm_2(&original));
        if !fits {
            return Err(Error::new(if old {
                "the lock file (requirements.lock) is out of sync with the dependencies file (requirements.yaml). Please update the dependencies"
            } else {
                "the lock file (Chart.lock) is out of sync with the dependencies file (Chart.yaml). Please update the dependencies with 'helm dependency update'"
            }));
        }
        let remotes = self.remotes(&lock.dependencies);
        self.fetch_all(&lock.dependencies, &remotes)
    }

    /// Puts the newest fitting dependencies into `charts/` and locks them.
    pub(super) fn update(&self) -> Result<(), Error> {
        let chart = self.chart()?;
        let mut wanted = chart.metadata.dependencies.clone();
        if wanted.is_empty() {
            return Ok(());
        }
        self.name_repositories(&mut wanted)?;
        let remotes = self.remotes(&wanted);
        let source = Versions { manager: self, remotes: &remotes };
        let resolved = helm::resolve(&wanted, &source, &timestamp())?;
        self.fetch_all(&resolved.lock.dependencies, &remotes)?;
        if chart.lock.as_ref().is_some_and(|lock| lock.digest == resolved.lock.digest) {
            return Ok(());
        }
        let old = chart.metadata.api_version == "v1";
        self.write_lock(&resolved.lock, if old { "requirements.lock" } else { "Chart.lock" })
    }

    /// Puts addresses in the place of repositories' names.
    fn name_repositories(&self, wanted: &mut [Dependency]) -> Result<(), Error> {
        let mut missing = Vec::new();
        for dependency in wanted.iter_mut() {
            let repository = &dependency.repository;
            if repository.starts_with("file://") {
                local_path(self.path, repository)?;
                self.say_more(&format!("Repository from local path: {repository}\n"));
            }
            if is_local(repository) || is_oci(repository) {
                continue;
            }
            let alias = repository.strip_prefix('@').or_else(|| repository.strip_prefix("alias:"));
            let named = self.known.iter().find(|it| Some(it.name.as_str()) == alias);
            if let Some(named) = named {
                dependency.repository.clone_from(&named.url);
            } else if !repository.contains("://") && !repository.starts_with('/') {
                missing.push(repository.clone());
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        let named = |name: &String| name.starts_with('@') || name.starts_with("alias:");
        let hint = if missing.iter().all(named) {
            ""
        } else {
            "\nNote that repositories must be URLs or aliases. For example, to refer to the \"example\"\nrepository, use \"https://charts.example.com/\" or \"@example\" instead of\n\"example\". Don't forget to add the repo, too ('helm repo add')."
        };
        Err(Error::new(format!(
            "no repository definition for {}. Please add them via 'helm repo add'{hint}",
            missing.join(", ")
        )))
    }

    /// The repositories of the dependencies, with their indexes.
    fn remotes(&self, dependencies: &[Dependency]) -> Vec<Remote> {
        let mut urls: Vec<&str> = Vec::new();
        for Dependency { repository, .. } in dependencies {
            let new = !urls.iter().any(|url| repositories::same(url, repository));
            if new && !is_local(repository) && !is_oci(repository) {
                urls.push(repository);
            }
        }
        let known = |url: &str| self.known.iter().find(|it| repositories::same(&it.url, url));
        let (named, unnamed): (Vec<&str>, Vec<&str>) =
            urls.into_iter().partition(|url| known(url).is_some());
        let mut remotes = Vec::new();
        if !unnamed.is_empty() {
            self.say.say("Getting updates for unmanaged Helm repositories...\n");
        }
        for url in unnamed {
            let login = self.fetcher.login();
            let index = self.fetcher.index(url, &login);
            self.report(&index, &format!("{url:?} chart repository"));
            remotes.push(Remote { url: url.to_owned(), login, index });
        }
        if !self.known.is_empty() && !self.skip_refresh {
            self.say.say("Hang tight while we grab the latest from your chart repositories...\n");
        }
        for repository in named.into_iter().filter_map(known) {
            let login = repository.login();
            let index = if self.skip_refresh {
                repository.cached_index(self.fetcher.settings())
            } else {
                let index = self.fetcher.index(&repository.url, &login);
                let Repository { name, url, .. } = repository;
                let shown = match &index {
                    Ok(_) => format!("{name:?} chart repository"),
                    Err(_) => format!("{name:?} chart repository ({url})"),
                };
                self.report(&index, &shown);
                index
            };
            remotes.push(Remote { url: repository.url.clone(), login, index });
        }
        if !self.known.is_empty() && !self.skip_refresh {
            self.say.say("Update Complete. ⎈Happy Helming!⎈\n");
        }
        remotes
    }

    fn report(&self, index: &Result<RepositoryIndex, Error>, what: &str) {
        self.say.say(&match index {
            Ok(_) => format!("...Successfully got an update from the {what}\n"),
            Err(error) => format!("...Unable to get an update from the {what}:\n\t{error}\n"),
        });
    }

    /// Fetches all dependencies, then moves them into `charts/` and removes what was there before.
    fn fetch_all(&self, dependencies: &[Dependency], remotes: &[Remote]) -> Result<(), Error> {
        let charts = self.path.join("charts");
        if charts.exists() && !charts.is_dir() {
            return Err(Error::new(format!("{:?} is not a directory", charts.display())));
        }
        make_folder(&charts)?;
        let staged = tempfile::Builder::new().prefix("tmpcharts-").tempdir_in(self.path);
        let staged = staged.map_err(|error| io_error("mkdir", self.path, &error))?;
        self.say.say(&format!("Saving {} charts\n", dependencies.len()));
        let mut addresses = BTreeSet::new();
        for dependency in dependencies {
            let saved = self.fetch(dependency, remotes, staged.path(), &mut addresses);
            if let Err(error) = saved {
                self.say.say(&format!("Save error occurred:  {error}\n"));
                return Err(error);
            }
        }
        self.move_into(&charts, staged.path(), dependencies)
    }

    fn fetch(
        &self,
        dependency: &Dependency,
        remotes: &[Remote],
        folder: &Path,
        addresses: &mut BTreeSet<String>,
    ) -> Result<(), Error> {
        let Dependency { name, version, repository, .. } = dependency;
        if repository.is_empty() {
            return self.check_present(dependency);
        }
        if is_local(repository) {
            self.say_more(&format!("Archiving {name} from repo {repository}\n"));
            let mut chart = load_folder(&local_path(self.path, repository)?)?;
            if !helm::satisfies(&chart.metadata.version, version)? {
                return Err(Error::new(format!("can't get a valid version for dependency {name}")));
            }
            let data = pack(&mut chart, self.date)?;
            return write(&folder.join(helm::package_name(&chart)), &data);
        }
        let remote = remotes.iter().find(|it| repositories::same(&it.url, repository));
        let address = match remote {
            None => format!("{}/{name}", repository.trim_end_matches('/')),
            Some(remote) => address(remote, dependency)
                .map_err(|error| Error::new(format!("could not find {name}: {error}")))?,
        };
        // Of a registry, the versions of one chart share an address.
        if remote.is_some() && !addresses.insert(address.clone()) {
            self.say.say(&format!("Already downloaded {name} from repo {repository}\n"));
            return Ok(());
        }
        self.say.say(&format!("Downloading {name} from repo {repository}\n"));
        self.download(&address, version, remote, folder)
            .map_err(|error| Error::new(format!("could not download {address}: {error}")))
    }

    /// A dependency without a repository lies in `charts/` and must fit.
    fn check_present(&self, dependency: &Dependency) -> Result<(), Error> {
        let Dependency { name, version, .. } = dependency;
        self.say.say(&format!(
            "Dependency {name} did not declare a repository. Assuming it exists in the charts directory\n"
        ));
        let path = self.path.join("charts").join(name);
        let chart = load_folder(&path).map_err(|error| {
            Error::new(format!("unable to load chart '{}': {error}", path.display()))
        })?;
        let found = &chart.metadata.version;
        if helm::satisfies(found, version)? {
            return Ok(());
        }
        Err(Error::new(format!(
            "dependency {name} at version {found} does not satisfy the constraint {version}"
        )))
    }

    fn download(
        &self,
        address: &str,
        version: &str,
        remote: Option<&Remote>,
        folder: &Path,
    ) -> Result<(), Error> {
        let wants_proof = self.verification.is_some();
        let (name, package, proof) = match remote.filter(|_| !is_oci(address)) {
            None => {
                let reference = oci_reference(address, version, &self.fetcher)?;
                let pulled = self.fetcher.pull(&reference, wants_proof)?;
                self.say.say(&format!("Pulled: {}\nDigest: {}\n", pulled.reference, pulled.digest));
                let missing = || missing_provenance(&format!("{reference}.prov"));
                (oci_file_name(&reference), pulled.chart, pulled.provenance.ok_or_else(missing))
            }
            Some(remote) => {
                let package = self.fetcher.package(address, &remote.url, &remote.login)?;
                let source = format!("{address}.prov");
                let proof = if wants_proof {
                    self.fetcher.package(&source, &remote.url, &remote.login)
                } else {
                    Err(missing_provenance(&source))
                };
                (file_name(address), package, proof)
            }
        };
        self.verify(address, &name, &package, proof)?;
        write(&folder.join(name), &package)
    }

    fn verify(
        &self,
        address: &str,
        name: &str,
        package: &[u8],
        proof: Result<Vec<u8>, Error>,
    ) -> Result<(), Error> {
        let Some((verification, ring)) = &self.verification else { return Ok(()) };
        let proof = match proof {
            Ok(proof) => proof,
            Err(_) if *verification == Verification::Always => {
                return Err(missing_provenance(&format!("{address}.prov")));
            }
            Err(error) => {
                let text = format!("WARNING: Verification not found for {address}: {error}\n");
                self.say.say(&text);
                return Ok(());
            }
        };
        let ring = verify::keyring(ring)?;
        let proof = helm::provenance::Provenance::parse(&String::from_utf8_lossy(&proof))?;
        proof.verify(&ring, name, package, now()).map(|_| ())
    }

    fn move_into(
        &self,
        charts: &Path,
        staged: &Path,
        dependencies: &[Dependency],
    ) -> Result<(), Error> {
        let names = |folder: &Path| -> Result<BTreeMap<String, PathBuf>, Error> {
            let entries =
                std::fs::read_dir(folder).map_err(|error| io_error("open", folder, &error))?;
            let files = entries.flatten().map(|entry| entry.path()).filter(|path| !path.is_dir());
            let named =
                files.filter_map(|path| Some((path.file_name()?.to_str()?.to_owned(), path)));
            Ok(named.collect())
        };
        let (new, old) = (names(staged)?, names(charts)?);
        for (name, path) in &new {
            if let Err(error) = load(path) {
                self.say.say(&format!("Could not verify {name} for moving: {error} (Skipping)\n"));
                continue;
            }
            let target = charts.join(name);
            std::fs::rename(path, &target).map_err(|error| io_error("rename", &target, &error))?;
        }
        self.say.say("Deleting outdated charts\n");
        for (_, path) in old.iter().filter(|(name, _)| !new.contains_key(*name)) {
            let chart = match load(path) {
                Ok(chart) => chart,
                Err(error) => {
                    self.say.say(&format!(
                        "Could not verify {} for deletion: {error} (Skipping)\n",
                        path.display()
                    ));
                    continue;
                }
            };
            let local = |it: &Dependency| it.repository.is_empty() && it.name == chart.name();
            if !dependencies.iter().any(local) {
                std::fs::remove_file(path).map_err(|error| io_error("remove", path, &error))?;
            }
        }
        Ok(())
    }

    fn write_lock(&self, lock: &helm::Lock, name: &str) -> Result<(), Error> {
        let target = self.path.join(name);
        if let Ok(link) = std::fs::read_link(&target) {
            return Err(Error::new(format!(
                "the {name} file is a symlink to {:?}",
                link.display()
            )));
        }
        let json = serde_json::to_value(lock).map_err(|error| Error::new(error.to_string()))?;
        write(&target, helm::to_yaml(&json).as_bytes())
    }
}

#[expect(clippy::disallowed_methods, reason = "the command line is where time comes from")]
fn timestamp() -> String {
    jiff::Timestamp::now().to_string()
}

/// Where the package of a locked dependency is.
fn address(remote: &Remote, dependency: &Dependency) -> Result<String, Error> {
    let index = remote.index.as_ref().map_err(Clone::clone)?;
    let entries = index.entries.get(&dependency.name);
    let entries = entries.ok_or_else(|| Error::new("entry not found"))?;
    let wanted = Version::parse(&dependency.version).ok();
    let equal = |version: &str| match (&wanted, Version::parse(version)) {
        (Some(wanted), Ok(version)) => wanted.compare(&version).is_eq(),
        (None, _) => version == dependency.version,
        (Some(_), Err(_)) => false,
    };
    let found = entries.iter().find(|it| !it.urls.is_empty() && equal(&it.metadata.version));
    let url = found.and_then(|it| it.urls.first());
    resolve(&remote.url, url.ok_or_else(|| Error::new("no matching version"))?)
}
