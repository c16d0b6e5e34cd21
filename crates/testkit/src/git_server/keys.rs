//! Keys made by the real `ssh-keygen` and `gpg`.

use std::{
    fs,
    io::Result,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

use super::run;

/// An SSH key pair.
#[derive(Debug)]
pub struct SshKey {
    folder: TempDir,
    /// The private key, in OpenSSH's format.
    pub private: String,
    /// The line for `authorized_keys`.
    pub public: String,
}

impl SshKey {
    /// Makes a key of a type that `ssh-keygen` knows (`ed25519`, `ecdsa`, `rsa`).
    ///
    /// # Errors
    /// When `ssh-keygen` fails.
    pub fn new(kind: &str, passphrase: &str) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("weir-key-").tempdir()?;
        let path = folder.path().join("key");
        keygen(&path, kind, passphrase)?;
        let private = fs::read_to_string(&path)?;
        let public = fs::read_to_string(path.with_extension("pub"))?;
        Ok(Self { folder, private, public })
    }

    /// Where the private key stands as a file.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("key")
    }
}

/// Makes a key pair at `path` and `path.pub`.
#[expect(
    clippy::disallowed_methods,
    reason = "keys for the real sshd come from the real ssh-keygen"
)]
pub(super) fn keygen(path: &Path, kind: &str, passphrase: &str) -> Result<()> {
    let mut command = Command::new("ssh-keygen");
    command.args(["-q", "-t", kind, "-N", passphrase, "-C", "test", "-f"]).arg(path);
    run(&mut command).map(drop)
}

/// An OpenPGP key in a key directory of its own.
#[derive(Debug)]
pub struct PgpKey {
    home: TempDir,
    /// The fingerprint of the primary key, in upper-case hex.
    pub fingerprint: String,
    /// The public key, armored.
    pub public: String,
}

impl PgpKey {
    /// Makes a key for `joe@example.org` that signs; `None`, with a line on standard error, without
    /// `gpg`.
    ///
    /// # Errors
    /// When `gpg` is there and fails.
    #[expect(
        clippy::print_stderr,
        reason = "a skipped test says so where the person running it looks"
    )]
    pub fn new() -> Result<Option<Self>> {
        let home = tempfile::Builder::new().prefix("weir-gpg-").tempdir()?;
        if run(gpg(home.path()).arg("--version")).is_err() {
            eprintln!("skipped: this machine has no gpg");
            return Ok(None);
        }
        run(gpg(home.path()).args([
            "--quick-generate-key",
            "Joe <joe@example.org>",
            "ed25519",
            "cert,sign",
            "never",
        ]))?;
        let listed = run(gpg(home.path()).args(["--with-colons", "--list-keys"]))?;
        let fingerprint = listed.lines().find_map(|line| line.strip_prefix("fpr:"));
        let fingerprint = fingerprint.unwrap_or_default().trim_matches(':').to_owned();
        let mut key = Self { home, fingerprint, public: String::new() };
        key.export()?;
        Ok(Some(key))
    }

    /// Adds a signing subkey, with which `gpg` signs from now on.
    ///
    /// # Errors
    /// When `gpg` fails.
    pub fn add_subkey(&mut self) -> Result<()> {
        run(gpg(self.home.path()).args([
            "--quick-add-key",
            &self.fingerprint,
            "ed25519",
            "sign",
            "never",
        ]))?;
        self.export()
    }

    /// Lets the key expire at the end of the day `date`, as `2030-01-01`.
    ///
    /// # Errors
    /// When `gpg` fails.
    pub fn expire(&mut self, date: &str) -> Result<()> {
        run(gpg(self.home.path()).args(["--quick-set-expire", &self.fingerprint, date]))?;
        self.export()
    }

    /// Revokes the key.
    ///
    /// # Errors
    /// When `gpg` fails.
    pub fn revoke(&mut self) -> Result<()> {
        let file =
            self.home.path().join("openpgp-revocs.d").join(format!("{}.rev", self.fingerprint));
        // gpg writes a certificate beforehand, with a colon that keeps it from being used by mistake.
        let text = fs::read_to_string(&file)?.replace(":-----BEGIN", "-----BEGIN");
        fs::write(&file, text)?;
        run(gpg(self.home.path()).arg("--import").arg(&file))?;
        self.export()
    }

    /// The key directory, for `GNUPGHOME`.
    #[must_use]
    pub fn home(&self) -> String {
        self.home.path().display().to_string()
    }

    fn export(&mut self) -> Result<()> {
        self.public = run(gpg(self.home.path()).args(["--armor", "--export"]))?;
        Ok(())
    }
}

impl Drop for PgpKey {
    #[expect(clippy::disallowed_methods, reason = "ends the agent that the real gpg left running")]
    fn drop(&mut self) {
        let mut stop = Command::new("gpgconf");
        stop.arg("--homedir").arg(self.home.path()).args(["--kill", "gpg-agent"]);
        let _ = run(&mut stop);
    }
}

#[expect(clippy::disallowed_methods, reason = "signatures to check come from the real gpg")]
fn gpg(home: &Path) -> Command {
    let mut command = Command::new("gpg");
    command.arg("--homedir").arg(home).args([
        "--batch",
        "--yes",
        "--no-tty",
        "--pinentry-mode",
        "loopback",
        "--passphrase",
        "",
    ]);
    command
}
