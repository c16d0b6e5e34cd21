//! OpenSSH's `sshd` on a loopback port, with a configuration of its own.

use std::{
    fs,
    io::{Error, Result},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use super::{keys::keygen, run};

/// How long `sshd` may take to listen.
const PATIENCE: Duration = Duration::from_secs(20);

/// Where `sshd` is, if anywhere. It insists on being started by its full path.
pub(super) fn program() -> Option<PathBuf> {
    let places = ["/usr/sbin/sshd", "/usr/local/sbin/sshd", "/usr/bin/sshd"];
    places.into_iter().map(PathBuf::from).find(|path| path.is_file())
}

#[derive(Debug)]
pub(super) struct Server {
    child: Child,
    port: u16,
    folder: PathBuf,
    types: Vec<String>,
}

impl Server {
    pub(super) fn start(program: &Path, folder: &Path, types: &[&str]) -> Result<Self> {
        let types: Vec<String> = types.iter().map(|it| (*it).to_owned()).collect();
        for kind in &types {
            keygen(&folder.join(format!("host_{kind}")), kind, "")?;
        }
        keygen(&folder.join("client"), "ed25519", "")?;
        fs::write(folder.join("authorized_keys"), fs::read(folder.join("client.pub"))?)?;
        // Compiled into sshd, and absent where it never ran as a service.
        let _ = fs::create_dir_all("/run/sshd");
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        fs::write(folder.join("sshd_config"), configuration(folder, port, &types))?;
        #[expect(clippy::disallowed_methods, reason = "the counterpart of our SSH is the real one")]
        let child = Command::new(program)
            .args(["-D", "-e", "-f"])
            .arg(folder.join("sshd_config"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(folder.join("sshd.log"))?)
            .spawn()?;
        let mut server = Self { child, port, folder: folder.to_owned(), types };
        server.wait()?;
        Ok(server)
    }

    fn wait(&mut self) -> Result<()> {
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            if begun.elapsed() > PATIENCE || self.child.try_wait()?.is_some() {
                let log = fs::read_to_string(self.folder.join("sshd.log")).unwrap_or_default();
                return Err(Error::other(format!("sshd does not start: {log}")));
            }
            std::thread::park_timeout(Duration::from_millis(20));
        }
        Ok(())
    }

    pub(super) fn base(&self, repositories: &Path) -> String {
        format!("ssh://{}@127.0.0.1:{}{}", user(), self.port, repositories.display())
    }

    pub(super) fn known_hosts(&self) -> Result<String> {
        let lines = self.types.iter().map(|kind| {
            let key = fs::read_to_string(self.folder.join(format!("host_{kind}.pub")))?;
            Ok(format!("[127.0.0.1]:{} {key}", self.port))
        });
        lines.collect()
    }

    pub(super) fn identity(&self) -> Result<String> {
        fs::read_to_string(self.folder.join("client"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Lets one more public key log in.
pub(super) fn accept_key(folder: &Path, public_key: &str) -> Result<()> {
    let path = folder.join("authorized_keys");
    let keys = fs::read_to_string(&path)?;
    fs::write(path, format!("{keys}{}\n", public_key.trim()))
}

fn configuration(folder: &Path, port: u16, types: &[String]) -> String {
    let path = |name: &str| folder.join(name).display().to_string();
    let mut text = format!(
        "Port {port}\nListenAddress 127.0.0.1\nPidFile none\nUsePAM no\nStrictModes no\nPermitRootLogin yes\n\
         PasswordAuthentication no\nKbdInteractiveAuthentication no\nAcceptEnv GIT_PROTOCOL\n\
         AuthorizedKeysFile {}\nLogLevel VERBOSE\n",
        path("authorized_keys")
    );
    let keys = types.iter().map(|kind| format!("HostKey {}\n", path(&format!("host_{kind}"))));
    text.extend(keys);
    text
}

#[expect(clippy::disallowed_methods, reason = "sshd lets in nobody but the user that runs it")]
fn user() -> String {
    run(Command::new("id").arg("-un")).unwrap_or_else(|_| "root".to_owned())
}
