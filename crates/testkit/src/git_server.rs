//! Real Git on loopback: repositories to commit to, served over HTTP(S) by `git http-backend` and
//! over SSH by `sshd`.

mod http;
mod keys;
mod ssh;

use std::{
    fs,
    io::{Error, Result},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
};

use tempfile::TempDir;

pub use self::{
    http::{HttpOptions, Instead},
    keys::{PgpKey, SshKey},
};

/// A server for the Git repositories below one directory. It ends when it is dropped.
#[derive(Debug)]
pub struct GitServer {
    folder: TempDir,
    base: String,
    requests: Arc<Mutex<Vec<String>>>,
    /// PEM of the authority that signed the server's certificate, with TLS.
    pub ca: Option<String>,
    /// PEM of a client certificate and its key that the server accepts, with TLS.
    pub client: Option<(String, String)>,
    /// The line for `known_hosts`, with SSH.
    pub known_hosts: Option<String>,
    /// The private key that may log in, with SSH.
    pub identity: Option<String>,
    running: Running,
}

#[derive(Debug)]
enum Running {
    Http { _server: http::Server },
    Ssh { _server: ssh::Server },
}

impl GitServer {
    /// Serves over HTTP, or HTTPS if the options say so. Pushes are allowed.
    ///
    /// # Errors
    /// When the server cannot listen.
    pub fn http(options: HttpOptions) -> Result<Self> {
        let folder = folder()?;
        let requests = Arc::new(Mutex::new(Vec::new()));
        let tls = options.tls.then(http::Tls::new).transpose()?;
        let ca = tls.as_ref().map(|tls| tls.ca.clone());
        let client = tls.as_ref().map(|tls| tls.client.clone());
        let server = http::Server::start(folder.path(), options, tls, Arc::clone(&requests))?;
        let base = server.base();
        let running = Running::Http { _server: server };
        Ok(Self { folder, base, requests, ca, client, known_hosts: None, identity: None, running })
    }

    /// Serves over SSH; `None`, with a line on standard error, on a machine without `sshd`.
    ///
    /// # Errors
    /// When `sshd` is there and does not start.
    pub fn ssh() -> Result<Option<Self>> {
        Self::ssh_with_host_keys(&["ed25519"])
    }

    /// As [`Self::ssh`], with host keys of the given types (`ed25519`, `ecdsa`, `rsa`).
    ///
    /// # Errors
    /// As [`Self::ssh`].
    #[expect(
        clippy::print_stderr,
        reason = "a skipped test says so where the person running it looks"
    )]
    pub fn ssh_with_host_keys(types: &[&str]) -> Result<Option<Self>> {
        let Some(program) = ssh::program() else {
            eprintln!("skipped: this machine has no sshd (Debian: openssh-server)");
            return Ok(None);
        };
        let folder = folder()?;
        let server = ssh::Server::start(&program, folder.path(), types)?;
        let base = server.base(&folder.path().join("repositories"));
        let (known_hosts, identity) = (Some(server.known_hosts()?), Some(server.identity()?));
        let running = Running::Ssh { _server: server };
        let requests = Arc::default();
        Ok(Some(Self {
            folder,
            base,
            requests,
            ca: None,
            client: None,
            known_hosts,
            identity,
            running,
        }))
    }

    /// Makes an empty bare repository, such as `team/app.git`, that others can clone and push to.
    ///
    /// # Errors
    /// When Git cannot make it.
    pub fn create(&self, name: &str) -> Result<GitRepository> {
        let path = self.repositories().join(name);
        fs::create_dir_all(&path)?;
        git(&path, &["init", "--quiet", "--bare", "--initial-branch=main"])?;
        git(&path, &["config", "http.receivepack", "true"])?;
        git(&path, &["config", "uploadpack.allowFilter", "true"])?;
        GitRepository::clone_of(&path)
    }

    /// The URL of the repository `name`.
    #[must_use]
    pub fn url(&self, name: &str) -> String {
        format!("{}/{name}", self.base)
    }

    /// Where the repositories lie.
    #[must_use]
    pub fn repositories(&self) -> PathBuf {
        self.folder.path().join("repositories")
    }

    /// Lets SSH accept one more public key.
    ///
    /// # Errors
    /// When the file of accepted keys cannot be written, or this is no SSH server.
    pub fn accept_key(&self, public_key: &str) -> Result<()> {
        match &self.running {
            Running::Ssh { .. } => ssh::accept_key(self.folder.path(), public_key),
            Running::Http { .. } => Err(Error::other("an HTTP server has no keys")),
        }
    }

    /// The requests so far, as `GET /team/app.git/info/refs?service=git-upload-pack`; HTTP only.
    #[must_use]
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Forgets the requests so far.
    pub fn forget_requests(&self) {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

fn folder() -> Result<TempDir> {
    let folder = tempfile::Builder::new().prefix("weir-git-").tempdir()?;
    fs::create_dir(folder.path().join("repositories"))?;
    Ok(folder)
}

/// A work tree to write and commit in, with the bare repository that it pushes to, if any.
#[derive(Debug)]
pub struct GitRepository {
    folder: TempDir,
    pushes: bool,
}

impl GitRepository {
    /// An empty repository on its own, with the branch `main`.
    ///
    /// # Errors
    /// When Git cannot make it.
    pub fn init() -> Result<Self> {
        Self::init_with(&[])
    }

    /// As [`Self::init`], with further arguments for `git init`, such as `--object-format=sha256`.
    ///
    /// # Errors
    /// When Git cannot make it.
    pub fn init_with(arguments: &[&str]) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("weir-git-").tempdir()?;
        git(folder.path(), &[&["init", "--quiet", "--initial-branch=main"], arguments].concat())?;
        Ok(Self { folder, pushes: false })
    }

    fn clone_of(bare: &Path) -> Result<Self> {
        let repository = Self::init()?;
        repository.git(&["remote", "add", "origin", &bare.to_string_lossy()])?;
        Ok(Self { pushes: true, ..repository })
    }

    /// The root of the work tree.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file of the work tree, with its directories.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, path: &str, content: &str) -> Result<()> {
        let path = self.path().join(path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(path, content)
    }

    /// Commits everything in the work tree, pushes it where there is a server, and returns the
    /// commit's id.
    ///
    /// # Errors
    /// When Git refuses.
    pub fn commit(&self, message: &str) -> Result<String> {
        self.git(&["add", "--all"])?;
        self.git(&["commit", "--quiet", "--allow-empty", "--message", message])?;
        self.push()?;
        self.git(&["rev-parse", "HEAD"])
    }

    /// Pushes all branches and tags, where there is a server.
    ///
    /// # Errors
    /// When Git refuses.
    pub fn push(&self) -> Result<()> {
        if self.pushes {
            self.git(&["push", "--quiet", "--force", "origin", "refs/heads/*", "refs/tags/*"])?;
        }
        Ok(())
    }

    /// Runs `git` in the work tree and returns what it printed, trimmed.
    ///
    /// # Errors
    /// When it fails; the error holds what it said.
    pub fn git(&self, arguments: &[&str]) -> Result<String> {
        git(self.path(), arguments)
    }

    /// As [`Self::git`], with environment variables, such as dates and key directories.
    ///
    /// # Errors
    /// When it fails; the error holds what it said.
    pub fn git_with(&self, environment: &[(&str, &str)], arguments: &[&str]) -> Result<String> {
        run(isolated(self.path()).envs(environment.iter().copied()).args(arguments))
    }
}

fn git(directory: &Path, arguments: &[&str]) -> Result<String> {
    run(isolated(directory).args(arguments))
}

/// `git` without the configuration of the person or machine that runs the tests.
#[expect(clippy::disallowed_methods, reason = "the counterpart of our Git is the real one")]
fn isolated(directory: &Path) -> Command {
    let mut command = Command::new("git");
    command
        .current_dir(directory)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_AUTHOR_NAME", "Joe")
        .env("GIT_AUTHOR_EMAIL", "joe@example.org")
        .env("GIT_COMMITTER_NAME", "Joe")
        .env("GIT_COMMITTER_EMAIL", "joe@example.org")
        .args(["-c", "protocol.file.allow=always", "-c", "safe.directory=*"])
        .stdin(Stdio::null());
    command
}

/// Runs a command to its end and returns what it printed, trimmed.
fn run(command: &mut Command) -> Result<String> {
    let output = command.output()?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(Error::other(format!("{command:?} failed: {said}")));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
