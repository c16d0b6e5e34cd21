//! What comes over the network: values, indexes, packages, layers of registries. Everything has a limit.

use std::io::{Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use helm::{Error, RepositoryIndex};
use oci::Reference;
use reqwest::Url;

use super::files::{MAX_PACKAGE, read_limited};
use super::settings::Settings;

/// Flags that say how to reach repositories and registries.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct ConnectionArgs {
    /// The user name for the repository.
    #[arg(long, value_name = "NAME")]
    pub(super) username: Option<String>,
    /// The password for the repository.
    #[arg(long, value_name = "PASSWORD")]
    pub(super) password: Option<String>,
    /// A client certificate.
    #[arg(long, value_name = "FILE")]
    cert_file: Option<PathBuf>,
    /// The key of the client certificate.
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// Certificates of authorities to trust besides those of the system.
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Do not check certificates.
    #[arg(long)]
    insecure_skip_tls_verify: bool,
    /// Talk to registries over HTTP.
    #[arg(long)]
    plain_http: bool,
}

/// Name and password for a repository, and whether every host may get them.
#[derive(Clone, Default)]
pub(super) struct Login {
    pub(super) username: String,
    pub(super) password: String,
    pub(super) for_all: bool,
}

/// The largest index that is fetched, in bytes.
const MAX_INDEX: u64 = 256 << 20;
/// The largest file with values that is fetched, in bytes.
const MAX_VALUES: u64 = 16 << 20;
const CONNECT: Duration = Duration::from_secs(30);
const IDLE: Duration = Duration::from_mins(1);
const REDIRECTS: usize = 10;

const CHART_LAYERS: &[&str] =
    &["application/vnd.cncf.helm.chart.content.v1.tar+gzip", "application/tar+gzip"];
const PROVENANCE_LAYER: &str = "application/vnd.cncf.helm.chart.provenance.v1.prov";

/// A chart in a registry.
pub(super) struct Pulled {
    /// The package.
    pub(super) chart: Vec<u8>,
    /// Its provenance file, if it was asked for and there is one.
    pub(super) provenance: Option<Vec<u8>>,
    /// What was pulled.
    pub(super) reference: String,
    /// The digest of its manifest.
    pub(super) digest: String,
}

/// Fetches with the settings of one command.
pub(super) struct Fetcher<'f> {
    settings: &'f Settings,
    connection: ConnectionArgs,
    http: reqwest::Client,
    /// Commands on charts are one step after the other; only the network is waited for.
    runtime: tokio::runtime::Runtime,
}

/// An error with everything below it.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(below) = source {
        text.extend([": ", &below.to_string()]);
        source = below.source();
    }
    text
}

impl<'f> Fetcher<'f> {
    pub(super) fn new(settings: &'f Settings, connection: &ConnectionArgs) -> Result<Self, Error> {
        let failed = |error: reqwest::Error| {
            Error::new(format!("can't create TLS config: {}", chain(&error)))
        };
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("weir/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT)
            .read_timeout(IDLE)
            .redirect(reqwest::redirect::Policy::limited(REDIRECTS));
        if let Some(path) = &connection.ca_file {
            let bundle = read_limited(path, MAX_VALUES)?;
            for certificate in reqwest::Certificate::from_pem_bundle(&bundle).map_err(failed)? {
                builder = builder.add_root_certificate(certificate);
            }
        }
        if let (Some(certificate), Some(key)) = (&connection.cert_file, &connection.key_file) {
            let mut pem = read_limited(certificate, MAX_VALUES)?;
            pem.push(b'\n');
            pem.extend(read_limited(key, MAX_VALUES)?);
            builder = builder.identity(reqwest::Identity::from_pem(&pem).map_err(failed)?);
        }
        if connection.insecure_skip_tls_verify {
            builder = builder.tls_danger_accept_invalid_certs(true);
        }
        let http = builder.build().map_err(failed)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Error::new(error.to_string()))?;
        Ok(Self { settings, connection: connection.clone(), http, runtime })
    }

    pub(super) fn settings(&self) -> &Settings {
        self.settings
    }

    /// The login that the flags give.
    pub(super) fn login(&self) -> Login {
        let ConnectionArgs { username, password, .. } = &self.connection;
        Login {
            username: username.clone().unwrap_or_default(),
            password: password.clone().unwrap_or_default(),
            for_all: false,
        }
    }

    /// Fetches a file. The login is sent to the host of `owner` only, unless it is for all.
    fn get(&self, url: &str, owner: &str, login: &Login, limit: u64) -> Result<Vec<u8>, Error> {
        let mut data = Vec::new();
        self.get_into(&mut data, url, (owner, login), limit)?;
        Ok(data)
    }

    fn get_into(
        &self,
        target: &mut impl std::io::Write,
        url: &str,
        (owner, login): (&str, &Login),
        limit: u64,
    ) -> Result<(), Error> {
        let parsed = Url::parse(url)
            .map_err(|error| Error::new(format!("invalid chart URL format: {url}: {error}")))?;
        let (url, traced) = (without_login(url, &parsed), without_query(&parsed));
        if !matches!(parsed.scheme(), "http" | "https") {
            return Err(Error::new(format!("scheme {:?} not supported", parsed.scheme())));
        }
        let same = Url::parse(owner).is_ok_and(|owner| owner.origin() == parsed.origin());
        self.settings.trace("fetching", &[("url", &traced)]);
        let mut request = self.http.get(parsed);
        if (same || login.for_all) && !login.username.is_empty() && !login.password.is_empty() {
            request = request.basic_auth(&login.username, Some(&login.password));
        }
        let failed = |error: reqwest::Error| {
            Error::new(format!("Get {url:?}: {}", chain(&error.without_url())))
        };
        self.runtime.block_on(async {
            let mut response = request.send().await.map_err(failed)?;
            let length = response.content_length().map(|length| length.to_string());
            self.settings.trace(
                "fetch complete",
                &[
                    ("url", &traced),
                    ("status", &response.status().to_string()),
                    ("content-length", length.as_deref().unwrap_or("-1")),
                ],
            );
            if response.status() != reqwest::StatusCode::OK {
                return Err(Error::new(format!("failed to fetch {url} : {}", response.status())));
            }
            let mut left = limit;
            while let Some(chunk) = response.chunk().await.map_err(failed)? {
                left = left
                    .checked_sub(chunk.len() as u64)
                    .ok_or_else(|| Error::new(format!("{url} is larger than {limit} bytes")))?;
                target.write_all(&chunk).map_err(|error| Error::new(error.to_string()))?;
            }
            Ok(())
        })
    }

    /// A file with values.
    pub(super) fn values(&self, url: &str) -> Result<Vec<u8>, Error> {
        self.get(url, url, &Login::default(), MAX_VALUES)
    }

    /// A package or a provenance file of a repository.
    pub(super) fn package(&self, url: &str, owner: &str, login: &Login) -> Result<Vec<u8>, Error> {
        self.get(url, owner, login, MAX_PACKAGE)
    }

    /// The index of a repository, by way of a file: only what is kept of it takes memory.
    pub(super) fn index(&self, repository: &str, login: &Login) -> Result<RepositoryIndex, Error> {
        let url = resolve(repository, "index.yaml")?;
        let failed = |error: std::io::Error| Error::new(format!("cannot keep {url}: {error}"));
        let mut file = std::io::BufWriter::new(tempfile::tempfile().map_err(failed)?);
        self.get_into(&mut file, &url, (repository, login), MAX_INDEX)?;
        file.flush().map_err(failed)?;
        let mut file = file.into_inner().map_err(|error| failed(error.into_error()))?;
        file.rewind().map_err(failed)?;
        RepositoryIndex::read(std::io::BufReader::new(file))
    }

    fn registry(&self, reference: &Reference) -> oci::Client {
        let ConnectionArgs { username, password, plain_http, .. } = &self.connection;
        let given = username.as_ref().zip(password.as_ref());
        let given = given.map(|(username, password)| oci::Credentials {
            username: username.clone(),
            password: password.clone(),
        });
        let stored = || {
            let files = self.settings.registry_configs().into_iter();
            let mut read = files.filter_map(|file| read_limited(&file, MAX_VALUES).ok());
            read.find_map(|data| oci::Credentials::from_docker_config(&data, &reference.registry))
        };
        let options = oci::Options {
            plain_http: *plain_http,
            credentials: given.or_else(stored),
            ..oci::Options::default()
        };
        oci::Client::new(self.http.clone(), options)
    }

    /// The versions of a chart in a registry, newest first.
    pub(super) fn versions(&self, chart: &str) -> Result<Vec<String>, Error> {
        let reference: Reference = chart.parse().map_err(|error| oci_error(&error))?;
        let client = self.registry(&reference);
        self.settings.trace("fetching tags", &[("repository", chart)]);
        let tags =
            self.runtime.block_on(client.tags(&reference)).map_err(|error| oci_error(&error))?;
        let count = tags.len().to_string();
        self.settings.trace("fetch complete", &[("repository", chart), ("tags", &count)]);
        let mut versions: Vec<(helm::Version, String)> = tags
            .into_iter()
            .map(|tag| tag.replace('_', "+"))
            .filter_map(|tag| Some((helm::Version::parse_strict(&tag).ok()?, tag)))
            .collect();
        versions.sort_by(|(a, _), (b, _)| b.compare(a));
        Ok(versions.into_iter().map(|(_, tag)| tag).collect())
    }

    /// Pulls a chart from a registry, with its provenance file if that is asked for.
    pub(super) fn pull(&self, reference: &str, provenance: bool) -> Result<Pulled, Error> {
        let reference: Reference = reference.parse().map_err(|error| oci_error(&error))?;
        let client = self.registry(&reference);
        let pulled = self.runtime.block_on(async {
            let shown = reference.to_string();
            let trace = |message: &str, digest: &str, size: &str| {
                let fields = [("reference", shown.as_str()), ("digest", digest), ("size", size)];
                let known = fields.into_iter().filter(|(_, text)| !text.is_empty());
                self.settings.trace(message, &known.collect::<Vec<_>>());
            };
            trace("fetching manifest", "", "");
            let manifest = client.manifest(&reference).await?;
            trace("fetch complete", &manifest.digest, "");
            let blob = async |layer: &oci::Descriptor| {
                trace("fetching layer", &layer.digest, &layer.size.to_string());
                let data = client.blob(&reference, layer).await?;
                trace("fetch complete", &layer.digest, &data.len().to_string());
                Ok::<_, oci::Error>(data)
            };
            let layer = |wanted: &[&str]| {
                let mut layers = manifest.layers.iter();
                layers.find(|layer| wanted.contains(&layer.media_type.as_str())).cloned()
            };
            let chart = match layer(CHART_LAYERS) {
                Some(layer) => Some(blob(&layer).await?),
                None => None,
            };
            let signed = match layer(&[PROVENANCE_LAYER]).filter(|_| provenance) {
                Some(layer) => Some(blob(&layer).await?),
                None => None,
            };
            Ok((chart, signed, manifest.digest))
        });
        let (chart, provenance, digest) = pulled.map_err(|error: oci::Error| match error {
            oci::Error::NotFound(_) => Error::new(format!(
                "failed to perform \"FetchReference\" on source: {reference}: not found"
            )),
            error => oci_error(&error),
        })?;
        let chart = chart.ok_or_else(|| {
            Error::new(format!("manifest of {reference} does not contain a layer with a chart"))
        })?;
        Ok(Pulled { chart, provenance, reference: reference.to_string(), digest })
    }
}

fn oci_error(error: &oci::Error) -> Error {
    Error::new(chain(error))
}

/// An address as an error may show it.
fn without_login(text: &str, url: &Url) -> String {
    let mut shown = url.clone();
    // Only addresses that cannot have a login refuse to be without.
    let _ = shown.set_username("").and_then(|()| shown.set_password(None));
    if shown == *url { text.to_owned() } else { shown.to_string() }
}

/// An address as the log may show it: its query may be a signature, too.
fn without_query(url: &Url) -> String {
    let mut shown = url.clone();
    shown.set_query(None);
    without_login(shown.as_str(), &shown)
}

/// The address of a file of a repository: absolute, or relative to the repository's folder.
pub(super) fn resolve(repository: &str, file: &str) -> Result<String, Error> {
    if let Ok(url) = Url::parse(file) {
        return Ok(url.to_string());
    }
    let failed = |error| Error::new(format!("failed to parse {repository} as URL: {error}"));
    let mut base = Url::parse(repository).map_err(failed)?;
    if !base.path().ends_with('/') {
        let path = format!("{}/", base.path());
        base.set_path(&path);
    }
    let query = base.query().map(str::to_owned);
    let mut url = base.join(file).map_err(failed)?;
    url.set_query(query.as_deref());
    Ok(url.to_string())
}

/// The name of the file in a URL.
pub(super) fn file_name(url: &str) -> String {
    let path = Url::parse(url).map_or_else(|_| url.to_owned(), |url| url.path().to_owned());
    let name = Path::new(&path).file_name().map(|name| name.to_string_lossy().into_owned());
    name.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use reqwest::Url;

    use super::{file_name, resolve, without_login, without_query};

    #[test]
    fn addresses_in_an_index_are_relative_to_the_repository() {
        for (repository, file, expected) in [
            ("https://x.example/charts", "a-1.tgz", "https://x.example/charts/a-1.tgz"),
            ("https://x.example/charts/", "a-1.tgz", "https://x.example/charts/a-1.tgz"),
            ("https://x.example/charts", "/a-1.tgz", "https://x.example/a-1.tgz"),
            ("https://x.example/c?k=v", "a-1.tgz", "https://x.example/c/a-1.tgz?k=v"),
            ("https://x.example", "https://y.example/a.tgz", "https://y.example/a.tgz"),
        ] {
            assert_eq!(resolve(repository, file).unwrap(), expected);
        }
        assert!(resolve("not an address", "a").is_err());
        assert_eq!(file_name("https://x.example/c/a-1.tgz?k=v"), "a-1.tgz");
    }

    #[test]
    fn neither_errors_nor_the_log_show_secrets_of_an_address() {
        for (text, in_errors, in_log) in [
            ("http://u:p@x.example/a", "http://x.example/a", "http://x.example/a"),
            ("http://u@x.example/a?k=v", "http://x.example/a?k=v", "http://x.example/a"),
            ("http://x.example/a//b?k=v", "http://x.example/a//b?k=v", "http://x.example/a//b"),
            ("http://x.example", "http://x.example", "http://x.example/"),
        ] {
            let url = Url::parse(text).unwrap();
            assert_eq!(without_login(text, &url), in_errors);
            assert_eq!(without_query(&url), in_log);
        }
    }
}
