//! `weir helm verify`, and what other commands need of it.

use std::path::{Path, PathBuf};

use helm::Error;
use helm::provenance::{Keyring, Provenance, Verification};

use super::complain;
use super::files::{MAX_PACKAGE, io_error, read_limited};
use super::settings::{default_keyring, now};
use crate::output::{self, Exit};

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  weir helm verify podinfo-6.1.0.tgz --keyring keys.gpg")]
pub(super) struct Args {
    /// The package; its provenance file lies beside it.
    #[arg(value_name = "PACKAGE")]
    package: PathBuf,
    /// The key ring with those whose signature counts.
    #[arg(long, value_name = "FILE")]
    keyring: Option<PathBuf>,
}

/// The largest provenance file or key ring that is read, in bytes.
const MAX_KEYS: u64 = 64 << 20;

pub(super) fn run(args: &Args) -> Exit {
    let ring = args.keyring.clone().unwrap_or_else(default_keyring);
    match file(&args.package, &ring) {
        Ok(found) => {
            for name in &found.signed_by {
                output::print(&format!("Signed by: {name}\n"));
            }
            output::print(&format!("Using Key With Fingerprint: {}\n", found.fingerprint));
            output::print(&format!("Chart Hash Verified: {}\n", found.file_hash));
            Exit::Done
        }
        Err(error) => complain(&error),
    }
}

/// Reads a key ring.
pub(super) fn keyring(path: &Path) -> Result<Keyring, Error> {
    Keyring::parse(&read_limited(path, MAX_KEYS)?)
}

/// Checks a package against the provenance file beside it.
pub(super) fn file(path: &Path, ring: &Path) -> Result<Verification, Error> {
    let found = std::fs::metadata(path).map_err(|error| io_error("stat", path, &error))?;
    if found.is_dir() {
        return Err(Error::new("unpacked charts cannot be verified"));
    }
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    if !name.to_lowercase().ends_with(".tgz") {
        return Err(Error::new("chart must be a tgz file"));
    }
    let mut signed = path.as_os_str().to_owned();
    signed.push(".prov");
    let signed = PathBuf::from(signed);
    std::fs::metadata(&signed).map_err(|error| {
        let why = io_error("stat", &signed, &error);
        Error::new(format!("could not load provenance file {}: {why}", signed.display()))
    })?;
    let ring = keyring(ring).map_err(|e| Error::new(format!("failed to load keyring: {e}")))?;
    let package = read_limited(path, MAX_PACKAGE)?;
    let provenance = read_limited(&signed, MAX_KEYS)?;
    Provenance::parse(&String::from_utf8_lossy(&provenance))?.verify(&ring, &name, &package, now())
}
