//! Finds the chart that an argument names: a folder, a package, or something to fetch.

use std::path::{Path, PathBuf};

use helm::{Chart, Error};

use super::fetch::{ConnectionArgs, Fetcher, Login, file_name, resolve};
use super::files::{self, load};
use super::settings::{Settings, default_keyring, now};
use super::{repositories, verify};
use crate::output;

/// Flags that say which chart.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct ChartArgs {
    /// A version, or a constraint on it; without it the newest.
    #[arg(long, default_value = "", value_name = "VERSION")]
    version: String,
    /// Take prereleases too; the same as the version '>0.0.0-0'.
    #[arg(long)]
    devel: bool,
    /// The address of the repository that has the chart.
    #[arg(long, default_value = "", value_name = "URL")]
    repo: String,
    /// Check the package against its provenance file.
    #[arg(long)]
    verify: bool,
    /// The key ring with those whose signature counts.
    #[arg(long, value_name = "FILE")]
    keyring: Option<PathBuf>,
    /// Send the credentials to every host.
    #[arg(long)]
    pass_credentials: bool,
    #[command(flatten)]
    pub(super) connection: ConnectionArgs,
}

/// A chart that was found.
pub(super) enum Located {
    /// A folder or a file.
    Path(PathBuf),
    /// A package that was fetched.
    Package(Vec<u8>),
}

impl Located {
    pub(super) fn load(&self) -> Result<Chart, Error> {
        match self {
            Self::Path(path) => load(path),
            Self::Package(data) => Chart::load_archive(data),
        }
    }
}

impl ChartArgs {
    /// For a chart of a repository.
    pub(super) fn of(repo: &str, version: &str, devel: bool) -> Self {
        Self { repo: repo.to_owned(), version: version.to_owned(), devel, ..Self::default() }
    }

    fn wanted(&self) -> &str {
        match self.version.trim() {
            "" if self.devel => ">0.0.0-0",
            version => version,
        }
    }

    /// Logs which version was asked for.
    pub(super) fn trace_version(&self, message: &str, settings: &Settings) {
        settings.trace(message, &[("version", &self.version)]);
        if self.version.is_empty() && self.devel {
            settings.trace("setting version to >0.0.0-0", &[]);
        }
    }

    fn keyring(&self) -> PathBuf {
        self.keyring.clone().unwrap_or_else(default_keyring)
    }

    /// Finds the chart with this name.
    pub(super) fn locate(&self, name: &str, settings: &Settings) -> Result<Located, Error> {
        let name = name.trim();
        let path = Path::new(name);
        if self.repo.is_empty() {
            if path.exists() {
                if self.verify {
                    verify::file(path, &self.keyring())?;
                }
                return Ok(Located::Path(path.to_owned()));
            }
            if path.is_absolute() || name.starts_with('.') {
                return Err(Error::new(format!("path {name:?} not found")));
            }
        }
        let fetcher = Fetcher::new(settings, &self.connection)?;
        if self.repo.is_empty() && name.starts_with("oci://") {
            return self.pull(name, &fetcher);
        }
        let login = Login { for_all: self.pass_credentials, ..fetcher.login() };
        let (url, owner, login) = if !self.repo.is_empty() {
            (self.in_repository(name, &fetcher, &login)?, self.repo.clone(), login)
        } else if name.contains("://") {
            (name.to_owned(), name.to_owned(), login)
        } else {
            self.named(name, &fetcher)?
        };
        if url.starts_with("oci://") {
            return self.pull(&url, &fetcher);
        }
        let package = fetcher.package(&url, &owner, &login)?;
        if self.verify {
            let address = format!("{url}.prov");
            let provenance = fetcher.package(&address, &owner, &login);
            let provenance = provenance
                .map_err(|_| Error::new(format!("failed to fetch provenance {address:?}")))?;
            self.check(&file_name(&url), &package, &provenance)?;
        }
        Ok(Located::Package(package))
    }

    fn check(&self, name: &str, package: &[u8], provenance: &[u8]) -> Result<(), Error> {
        let ring = verify::keyring(&self.keyring())?;
        let provenance = helm::provenance::Provenance::parse(&String::from_utf8_lossy(provenance))?;
        provenance.verify(&ring, name, package, now()).map(|_| ())
    }

    /// The address of a chart in the repository of `--repo`.
    fn in_repository(
        &self,
        name: &str,
        fetcher: &Fetcher<'_>,
        login: &Login,
    ) -> Result<String, Error> {
        let repo = &self.repo;
        let index = fetcher.index(repo, login).map_err(|error| {
            Error::new(format!(
                "looks like {repo:?} is not a valid chart repository or cannot be reached: {error}"
            ))
        })?;
        let what = match self.wanted() {
            "" => format!("chart {name:?}"),
            version => format!("chart {name:?} version {version:?}"),
        };
        let found = index
            .get(name, self.wanted())
            .map_err(|_| Error::new(format!("{what} not found in {repo} repository")))?;
        let url = found.urls.first();
        resolve(repo, url.ok_or_else(|| Error::new(format!("{what} has no downloadable URLs")))?)
    }

    /// The address, the owner and the login of `REPOSITORY/CHART`.
    fn named(&self, name: &str, fetcher: &Fetcher<'_>) -> Result<(String, String, Login), Error> {
        let (repository, chart) = name.split_once('/').ok_or_else(|| {
            Error::new(format!(
                "non-absolute URLs should be in form of repo_name/path_to_chart, got: {name}"
            ))
        })?;
        let settings = fetcher.settings();
        let known = repositories::known(settings)?;
        let found = known.iter().find(|it| it.name == repository);
        let found = found.ok_or_else(|| Error::new(format!("repo {repository} not found")))?;
        let index = found.cached_index(settings).map_err(|error| {
            Error::new(format!("no cached repo found. (try 'helm repo update'): {error}"))
        })?;
        let version = self.wanted();
        let entry = index.get(chart, version).map_err(|error| {
            Error::new(format!(
                "chart {chart:?} matching {version} not found in {repository} index. (try 'helm repo update'): {error}"
            ))
        })?;
        let url = entry.urls.first();
        let url =
            url.ok_or_else(|| Error::new(format!("chart {name:?} has no downloadable URLs")))?;
        Ok((resolve(&found.url, url)?, found.url.clone(), found.login()))
    }

    fn pull(&self, name: &str, fetcher: &Fetcher<'_>) -> Result<Located, Error> {
        let reference = oci_reference(name, self.wanted(), fetcher)?;
        let pulled = fetcher.pull(&reference, self.verify)?;
        output::complain(&format!("Pulled: {}\nDigest: {}", pulled.reference, pulled.digest));
        if self.verify {
            let provenance = pulled.provenance.ok_or_else(|| {
                Error::new(format!("failed to fetch provenance {:?}", format!("{reference}.prov")))
            })?;
            self.check(&oci_file_name(&reference), &pulled.chart, &provenance)?;
        }
        Ok(Located::Package(pulled.chart))
    }

    /// Fetches a chart and unpacks it below a folder, as `helm pull --untar` does.
    pub(super) fn unpack(
        &self,
        name: &str,
        folder: &Path,
        settings: &Settings,
    ) -> Result<(), Error> {
        let Located::Package(data) = self.locate(name, settings)? else {
            return Err(Error::new(format!("{name} is not in a repository")));
        };
        let chart = Chart::load_archive(&data)?;
        for file in &chart.raw {
            let target = folder.join(chart.name()).join(&file.name);
            if let Some(parent) = target.parent() {
                files::make_folder(parent)?;
            }
            files::write(&target, &file.data)?;
        }
        Ok(())
    }
}

/// The name that a provenance file has for the package of a reference.
pub(super) fn oci_file_name(reference: &str) -> String {
    let base = reference.rsplit('/').next().unwrap_or(reference);
    match base.split_once(':') {
        Some((name, version)) => format!("{name}-{version}.tgz"),
        None => base.to_owned(),
    }
}

/// The reference of a chart with its tag: the version itself, or the newest that fits.
pub(super) fn oci_reference(
    name: &str,
    version: &str,
    fetcher: &Fetcher<'_>,
) -> Result<String, Error> {
    // A version's plus is a tag's underscore; who writes the tag has to write it so.
    let tag = name.rsplit('/').next().and_then(|last| Some(last.split_once(':')?.1));
    if let Some(tag) = tag.filter(|tag| tag.contains('+')) {
        return Err(Error::new(format!("invalid reference: invalid tag {tag:?}")));
    }
    let parsed: oci::Reference =
        name.parse().map_err(|error: oci::Error| Error::new(error.to_string()))?;
    let own = parsed.tag.clone().unwrap_or_default().replace('_', "+");
    if !version.is_empty() && !own.is_empty() && own != version {
        return Err(Error::new(format!(
            "chart reference and version mismatch: {version} is not {own}"
        )));
    }
    if parsed.digest.is_some() {
        return Ok(name.to_owned());
    }
    let version = if version.is_empty() { own.as_str() } else { version };
    let base = format!("oci://{}/{}", parsed.registry, parsed.repository);
    if helm::Version::parse(version).is_ok() {
        return Ok(format!("{base}:{version}"));
    }
    let versions = fetcher.versions(&base)?;
    if versions.is_empty() {
        return Err(Error::new(format!(
            "unable to locate any tags in provided repository: {name}"
        )));
    }
    let found = helm::newest(&versions, version)?;
    let found = found.ok_or_else(|| {
        Error::new(format!("could not locate a version matching provided version string {version}"))
    })?;
    Ok(format!("{base}:{found}"))
}
