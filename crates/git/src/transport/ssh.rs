//! Git's smart protocol over SSH, without an `ssh` program.

pub(crate) mod known_hosts;
mod tunnel;

use std::{
    borrow::Cow,
    io::{self, Cursor, Read, Write},
    sync::{Arc, Mutex, PoisonError},
};

use gix::protocol::transport::{
    Protocol,
    client::git::{ConnectMode, blocking_io::Connection},
};
use russh::{
    Channel, ChannelMsg, ChannelReadHalf, ChannelWriteHalf, Preferred,
    client::{self, AuthResult, Handle, Msg},
    keys::{Algorithm, PrivateKey, PrivateKeyWithHashAlg, PublicKeyOrCertificate},
};

use self::known_hosts::{KnownHosts, Verdict};
use crate::{Credentials, Error, Remote, Secret, error::Doing as _, wire::Wire};

/// The user when the URL names none, as on all the large Git hosts.
const DEFAULT_USER: &str = "git";

/// Bytes kept of what the server writes to its error stream; enough for any message.
const MAX_STDERR: usize = 4096;

/// Checks that `credentials` can be used over SSH.
pub(crate) fn check(credentials: &Credentials) -> Result<(), Error> {
    if credentials.identity.is_none() {
        return Err(Error::Invalid("invalid 'ssh' auth option: 'identity' is required".to_owned()));
    }
    if credentials.known_hosts.is_none() {
        return Err(Error::Invalid(
            "invalid 'ssh' auth option: 'known_hosts' is required".to_owned(),
        ));
    }
    identity(credentials).map(drop)
}

fn identity(credentials: &Credentials) -> Result<PrivateKey, Error> {
    let text = credentials.identity.as_ref().map_or("", Secret::expose);
    let password = credentials.password.as_ref().map(Secret::expose);
    // The formats end their lines in LF; a Secret made on Windows may not.
    let text = text.replace("\r\n", "\n");
    russh::keys::decode_secret_key(&text, password).map_err(|error| {
        Error::Invalid(match (error, password) {
            (russh::keys::Error::KeyIsEncrypted, None) => {
                "SSH identity key is encrypted but no 'password' field was provided".to_owned()
            }
            (_, Some(_)) => {
                "'identity' cannot be read as an SSH private key with the given 'password'"
                    .to_owned()
            }
            // The cause may quote the key, so it is not repeated.
            (_, None) => "'identity' cannot be read as an SSH private key".to_owned(),
        })
    })
}

/// Connects, authenticates, and starts `git-upload-pack` on the server.
pub(super) fn open(remote: &Remote, wire: &Arc<Wire>) -> Result<Connection<Output, Input>, Error> {
    let key = identity(&remote.credentials)?;
    let known = KnownHosts::parse(remote.credentials.known_hosts.as_deref().unwrap_or_default());
    let (session, channel) = wire.wait(start(remote, key, known))?;
    let (read, write) = channel.split();
    let shared =
        Arc::new(Shared { wire: Arc::clone(wire), url: remote.url.to_string(), _session: session });
    let output = Output {
        shared: Arc::clone(&shared),
        channel: read,
        chunk: Cursor::default(),
        said: Vec::new(),
    };
    let input = Input { shared, channel: write };
    let path = remote.url.ssh_path();
    Ok(Connection::new(
        output,
        input,
        Protocol::V2,
        path,
        None::<(String, _)>,
        ConnectMode::Process,
        false,
    ))
}

async fn start(
    remote: &Remote,
    key: PrivateKey,
    known: KnownHosts,
) -> Result<(Handle<Host>, Channel<Msg>), Error> {
    let refusal = Arc::new(Mutex::new(None));
    let host = Host {
        name: remote.url.host().to_owned(),
        port: remote.url.port(),
        refusal: Arc::clone(&refusal),
        known,
    };
    let config = Arc::new(config(remote, &host)?);
    let stream = tunnel::connect(&remote.url, remote.proxy.as_ref()).await?;
    let connecting = client::connect_stream(config, stream, host).await;
    let refusal = refusal.lock().unwrap_or_else(PoisonError::into_inner).take();
    let mut session = match (connecting, refusal) {
        (_, Some(refusal)) => return Err(Error::Authentication(refusal)),
        (connecting, None) => {
            connecting.doing(|| format!("cannot open an SSH session with '{}'", remote.url))?
        }
    };
    authenticate(remote, &mut session, key).await?;
    let doing = || format!("cannot run git-upload-pack on '{}'", remote.url);
    let channel = session.channel_open_session().await.doing(doing)?;
    // Servers that do not accept the variable speak the older protocol, which works as well.
    channel.set_env(false, "GIT_PROTOCOL", "version=2").await.doing(doing)?;
    channel
        .exec(true, format!("git-upload-pack {}", quote(&remote.url.ssh_path())))
        .await
        .doing(doing)?;
    Ok((session, channel))
}

async fn authenticate(
    remote: &Remote,
    session: &mut Handle<Host>,
    key: PrivateKey,
) -> Result<(), Error> {
    let doing = || format!("cannot authenticate with '{}'", remote.url);
    let user = remote.url.user().unwrap_or_else(|| DEFAULT_USER.to_owned());
    let hash = match key.algorithm() {
        // RSA keys sign with SHA-2 unless the server says that it knows only SHA-1.
        Algorithm::Rsa { .. } => {
            let supported = session.best_supported_rsa_hash().await.doing(doing)?;
            supported.unwrap_or(Some(russh::keys::HashAlg::Sha512))
        }
        _ => None,
    };
    let fingerprint = key.fingerprint(russh::keys::HashAlg::Sha256);
    let key = PrivateKeyWithHashAlg::new(Arc::new(key), hash);
    match session.authenticate_publickey(user.clone(), key).await.doing(doing)? {
        AuthResult::Success => Ok(()),
        AuthResult::Failure { .. } => Err(Error::Authentication(format!(
            "the server of '{}' does not accept the key {fingerprint} for user '{user}'",
            remote.url
        ))),
    }
}

/// The client's configuration: our flags where set, and host key algorithms that `known_hosts` has
/// a key for before all others, so that a server with several keys shows one that we can check.
fn config(remote: &Remote, host: &Host) -> Result<client::Config, Error> {
    let mut preferred = Preferred::default();
    if !remote.ssh.key_exchange.is_empty() {
        let names = remote.ssh.key_exchange.iter().map(|name| {
            russh::kex::Name::try_from(name.as_str()).map_err(|()| {
                Error::Invalid(format!("unknown SSH key exchange algorithm '{name}'"))
            })
        });
        preferred.kex = Cow::Owned(names.collect::<Result<_, _>>()?);
    }
    let mut algorithms = preferred.key.to_vec();
    if !remote.ssh.host_key.is_empty() {
        let names = remote.ssh.host_key.iter().map(|name| {
            name.parse::<Algorithm>()
                .map_err(|_| Error::Invalid(format!("unknown SSH host key algorithm '{name}'")))
        });
        algorithms = names.collect::<Result<_, _>>()?;
    }
    let recorded = host.known.algorithms(&host.name, host.port);
    algorithms.sort_by_key(|algorithm| {
        !recorded.iter().any(|it| known_hosts::same_family(it, algorithm))
    });
    preferred.key = Cow::Owned(algorithms);
    Ok(client::Config { preferred, nodelay: true, ..client::Config::default() })
}

/// Single quotes as a POSIX shell reads them, since servers hand the command to one.
fn quote(path: &str) -> String {
    format!("'{}'", path.replace('\'', r"'\''").replace('!', r"'\!'"))
}

/// Decides whether the server is who it should be.
struct Host {
    name: String,
    port: u16,
    known: KnownHosts,
    refusal: Arc<Mutex<Option<String>>>,
}

impl client::Handler for Host {
    type Error = russh::Error;

    async fn check_server_key(
        &mut self,
        shown: &PublicKeyOrCertificate,
    ) -> Result<bool, russh::Error> {
        let key = shown.public_key();
        let verdict = self.known.judge(&self.name, self.port, &key);
        let what = format!(
            "host key {} of '{}'",
            key.fingerprint(russh::keys::HashAlg::Sha256),
            known_hosts::name(&self.name, self.port)
        );
        let refusal = match verdict {
            Verdict::Known => return Ok(true),
            Verdict::Unknown => {
                format!("{what} is unknown: 'known_hosts' has no entry for this host")
            }
            Verdict::Mismatch { expected } => {
                format!(
                    "{what} does not match 'known_hosts', which expects {}",
                    expected.join(" or ")
                )
            }
            Verdict::Revoked => format!("{what} is marked as revoked in 'known_hosts'"),
        };
        *self.refusal.lock().unwrap_or_else(PoisonError::into_inner) = Some(refusal);
        Ok(false)
    }
}

struct Shared {
    wire: Arc<Wire>,
    url: String,
    _session: Handle<Host>,
}

/// The remote program's output.
pub(super) struct Output {
    shared: Arc<Shared>,
    channel: ChannelReadHalf,
    chunk: Cursor<Vec<u8>>,
    said: Vec<u8>,
}

impl Output {
    fn next_chunk(&mut self) -> Result<Option<Vec<u8>>, Error> {
        let Self { shared, channel, said, .. } = self;
        shared.wire.wait(async {
            while let Some(message) = channel.wait().await {
                match message {
                    ChannelMsg::Data { data } => return Ok(Some(data.to_vec())),
                    ChannelMsg::ExtendedData { data, .. } => {
                        let room = MAX_STDERR.saturating_sub(said.len());
                        said.extend(data.iter().take(room));
                    }
                    ChannelMsg::ExitStatus { exit_status } if exit_status != 0 => {
                        return Err(refused(&shared.url, said));
                    }
                    ChannelMsg::Failure => return Err(refused(&shared.url, said)),
                    _ => {}
                }
            }
            Ok(None)
        })
    }
}

/// The error for a remote program that ended badly, with what it said about it.
fn refused(url: &str, said: &[u8]) -> Error {
    let said = String::from_utf8_lossy(said);
    let said =
        said.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ");
    let lower = said.to_lowercase();
    let missing = [
        "not found",
        "does not exist",
        "does not appear to be a git repository",
        "not a git repository",
    ];
    if missing.iter().any(|text| lower.contains(text)) {
        return Error::NotFound(format!("repository '{url}' not found: {said}"));
    }
    let said = if said.is_empty() { "it gave no reason".to_owned() } else { said };
    Error::failed(format!("the server refused to send '{url}'"), said)
}

impl Read for Output {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let count = self.chunk.read(buffer)?;
            if count > 0 || buffer.is_empty() {
                return Ok(count);
            }
            let next = self.next_chunk().map_err(|error| self.shared.wire.fail(error))?;
            let Some(next) = next else { return Ok(0) };
            self.shared.wire.count(next.len()).map_err(|error| self.shared.wire.fail(error))?;
            self.chunk = Cursor::new(next);
        }
    }
}

/// The remote program's input.
pub(super) struct Input {
    shared: Arc<Shared>,
    channel: ChannelWriteHalf<Msg>,
}

impl Write for Input {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Self { shared, channel } = self;
        let sent = shared.wire.wait(async {
            channel
                .data_bytes(bytes.to_vec())
                .await
                .doing(|| format!("cannot send to '{}'", shared.url))
        });
        sent.map_err(|error| shared.wire.fail(error))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_cannot_leave_their_quotes() {
        assert_eq!(quote("/team/app.git"), "'/team/app.git'");
        assert_eq!(quote("/a'; touch /tmp/x; '"), r"'/a'\''; touch /tmp/x; '\'''");
        assert_eq!(quote("/a!b"), r"'/a'\!'b'");
    }

    #[test]
    fn what_the_server_says_decides_what_is_reported() {
        let missing = refused("ssh://e.org/a", b"ERROR: Repository not found.\n\n");
        assert!(
            matches!(&missing, Error::NotFound(text) if text.contains("ERROR: Repository")),
            "{missing}"
        );
        let other = refused("ssh://e.org/a", b"");
        assert!(matches!(other, Error::Failed { .. }));
    }
}
