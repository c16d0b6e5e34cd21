//! Bases and files that a kustomization names by URL: Git repositories and files over HTTP(S).
//!
//! Nothing of the user's Git configuration is read and no program is run. SSH takes the keys and known hosts of
//! `~/.ssh`, or those that flags name.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use git::{CheckoutOptions, Credentials, Limits, Reference, RemoteUrl};
use kustomize::{DirFiles, Files, Remote, RemoteError, RepositoryUrl};

/// Repositories that one build may fetch.
const MAX_REPOSITORIES: usize = 100;
/// Files that one build may fetch.
const MAX_FILES: usize = 1_000;
/// Bytes of one fetched file; the limit that files on disk have.
const MAX_FILE_SIZE: u64 = 64 << 20;
/// Bytes that one repository may send. Only one commit is asked for.
const MAX_REPOSITORY_SIZE: u64 = 1 << 30;
/// How long one file may take, as long as a repository by default.
const FILE_TIMEOUT: Duration = Duration::from_secs(27);
/// A kustomization may ask for more time for a repository, up to this.
const MAX_TIMEOUT: Duration = Duration::from_mins(10);
/// Redirects from one URL to the next.
const MAX_REDIRECTS: usize = 5;
/// The names of keys that are looked for in `~/.ssh`, in this order.
const IDENTITIES: [&str; 3] = ["id_ed25519", "id_ecdsa", "id_rsa"];

/// Where SSH finds keys.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct SshFlags {
    /// The private key for repositories over SSH; without it the first of ~/.ssh/id_ed25519, id_ecdsa and id_rsa.
    #[arg(long, value_name = "FILE")]
    ssh_identity: Option<PathBuf>,
    /// The host keys that repositories over SSH may have; without it ~/.ssh/known_hosts.
    #[arg(long, value_name = "FILE")]
    ssh_known_hosts: Option<PathBuf>,
}

/// Fetches what kustomizations name. A repository is fetched once per build and reference.
pub(crate) struct Fetcher<'f> {
    ssh: &'f SshFlags,
    repositories: RefCell<BTreeMap<(String, String, bool), Rc<DirFiles>>>,
    files: Cell<usize>,
    /// Whether `file://` repositories may be named: not by what came from elsewhere.
    reads_disk: Cell<bool>,
}

impl<'f> Fetcher<'f> {
    /// A fetcher that has fetched nothing yet; making one does no work.
    pub(crate) fn new(ssh: &'f SshFlags) -> Self {
        Self {
            ssh,
            repositories: RefCell::default(),
            files: Cell::new(0),
            reads_disk: Cell::new(true),
        }
    }

    /// The repository that is built in place of a directory.
    pub(crate) fn top(&self, source: &RepositoryUrl) -> Result<Rc<dyn Files>> {
        let fetched = self.fetch(source)?;
        self.reads_disk.set(source.is_local());
        Ok(fetched)
    }

    fn fetch(&self, source: &RepositoryUrl) -> Result<Rc<DirFiles>> {
        if source.is_local() && !self.reads_disk.get() {
            bail!("a repository from elsewhere may not name one on this disk");
        }
        let key = (source.clone_url(), source.reference.clone(), source.submodules);
        if let Some(known) = self.repositories.borrow().get(&key) {
            return Ok(Rc::clone(known));
        }
        if self.repositories.borrow().len() >= MAX_REPOSITORIES {
            bail!("more than {MAX_REPOSITORIES} repositories are needed");
        }
        let fetched = Rc::new(self.checkout(source)?);
        self.repositories.borrow_mut().insert(key, Rc::clone(&fetched));
        Ok(fetched)
    }

    fn checkout(&self, source: &RepositoryUrl) -> Result<DirFiles> {
        let directory = tempfile::tempdir().context("cannot make a temporary directory")?;
        let mut remote = match source.clone_url().strip_prefix("file://") {
            Some(path) => local(Path::new(path))?,
            None => self.remote(&url(&source.clone_url())?)?,
        };
        let timeout = Duration::from_secs(source.timeout_seconds).min(MAX_TIMEOUT);
        remote.limits = Limits { timeout, max_bytes: MAX_REPOSITORY_SIZE };
        let mut connection = remote.connect()?;
        let reference = match &remote.local {
            Some(local) => {
                let revision = Some(source.reference.as_str()).filter(|text| !text.is_empty());
                let id = git::local::rev_parse(&local.path, revision.unwrap_or("HEAD"))?;
                Reference::Commit { id, branch: None }
            }
            None => connection.find(&source.reference)?,
        };
        let tip = connection.resolve(&reference)?;
        let snapshot = connection.fetch(&tip, &directory.path().join("objects"))?;
        let files = directory.path().join("files");
        let options =
            CheckoutOptions { submodules: source.submodules, ..CheckoutOptions::default() };
        snapshot.checkout(&files, &options)?;
        Ok(DirFiles::jailed(&files)?.keeping(directory))
    }

    fn remote(&self, url: &RemoteUrl) -> Result<git::Remote> {
        let mut remote = git::Remote::new(url.clone());
        if url.is_ssh() {
            remote.credentials = self.ssh.credentials()?;
        }
        Ok(remote)
    }

    fn download(&self, url: &str) -> Result<Vec<u8>, RemoteError> {
        let failed =
            |error: anyhow::Error| RemoteError { message: format!("{error:#}"), status: None };
        let count = self.files.get() + 1;
        if count > MAX_FILES {
            return Err(failed(anyhow!("more than {MAX_FILES} files are fetched")));
        }
        self.files.set(count);
        let _already_chosen = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let client = reqwest::blocking::Client::builder()
            .timeout(FILE_TIMEOUT)
            .redirect(reqwest::redirect::Policy::limited(MAX_REDIRECTS))
            .build();
        let answer = client.and_then(|client| client.get(url).send()).map_err(|error| {
            failed(anyhow::Error::new(error.without_url()).context("cannot fetch it"))
        })?;
        if !answer.status().is_success() {
            let status = answer.status();
            let reason = status.canonical_reason().unwrap_or_default();
            let message = format!("HTTP Error: status code {} ({reason})", status.as_u16());
            return Err(RemoteError { message, status: Some(status.as_u16()) });
        }
        let mut content = Vec::new();
        let read = answer.take(MAX_FILE_SIZE + 1).read_to_end(&mut content);
        read.context("the answer broke off").map_err(failed)?;
        if content.len() as u64 > MAX_FILE_SIZE {
            return Err(failed(anyhow!("it is larger than {MAX_FILE_SIZE} bytes")));
        }
        Ok(content)
    }
}

impl Remote for Fetcher<'_> {
    fn file(&self, url: &str) -> Result<Vec<u8>, RemoteError> {
        self.download(url)
    }

    fn repository(&self, source: &RepositoryUrl) -> Result<Rc<dyn Files>, RemoteError> {
        match self.fetch(source) {
            Ok(checkout) => Ok(checkout),
            Err(error) => Err(RemoteError { message: format!("{error:#}"), status: None }),
        }
    }
}

/// A repository's URL. Git also takes `user@host:path` for one over SSH.
fn url(text: &str) -> Result<RemoteUrl> {
    let spelled = match text.split_once(':') {
        Some((host, path)) if !text.contains("://") => {
            format!("ssh://{host}/{}", path.trim_start_matches('/'))
        }
        _ => text.to_owned(),
    };
    Ok(spelled.parse()?)
}

/// A repository on this disk, read in place.
fn local(path: &Path) -> Result<git::Remote> {
    // The URL only stands in messages; nothing is fetched from it.
    let mut remote = git::Remote::new("ssh://localhost/local".parse()?);
    remote.local = Some(git::Local { path: path.to_owned(), worktree: false });
    Ok(remote)
}

impl SshFlags {
    fn credentials(&self) -> Result<Credentials> {
        let home = home();
        let in_home = |name: &str| home.as_ref().map(|home| home.join(".ssh").join(name));
        let identity = self.ssh_identity.clone().or_else(|| {
            IDENTITIES.iter().filter_map(|name| in_home(name)).find(|path| path.is_file())
        });
        let identity = identity.context(
            "a repository over SSH needs a private key; name one with --ssh-identity FILE",
        )?;
        let hosts = self.ssh_known_hosts.clone().or_else(|| in_home("known_hosts"));
        let hosts = hosts.context(
            "a repository over SSH needs known hosts; name a file with --ssh-known-hosts FILE",
        )?;
        Ok(Credentials {
            identity: Some(read(&identity)?.into()),
            known_hosts: Some(read(&hosts)?),
            ..Credentials::default()
        })
    }
}

fn home() -> Option<PathBuf> {
    std::env::var_os("HOME").map(PathBuf::from)
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

#[cfg(test)]
mod tests;
