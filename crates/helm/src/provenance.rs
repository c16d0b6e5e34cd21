//! Provenance files (`.prov`): a clear-signed message with the chart's metadata and the digest of
//! its package, read, verified and written.

use std::collections::BTreeMap;

use pgp::composed::{ArmorOptions, CleartextSignedMessage};
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{SignatureConfig, SignatureType, Subpacket, SubpacketData};
use pgp::types::{KeyDetails as _, Password, Timestamp};
use sha2::Digest as _;

use crate::{Error, Result};

mod keyring;
mod trust;

pub use keyring::{Keyring, SecretKey};

/// What a provenance file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provenance {
    message: CleartextSignedMessage,
    /// The digests of the packages by file name, as `sha256:...`.
    pub files: BTreeMap<String, String>,
}

/// What a good signature says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verification {
    /// The names that the signing key goes by.
    pub signed_by: Vec<String>,
    /// The fingerprint of the primary key, in upper-case hexadecimal.
    pub fingerprint: String,
    /// The digest of the package, as `sha256:...`.
    pub file_hash: String,
}

/// The largest provenance file that is read, in bytes; they hold one `Chart.yaml`.
const MAX_PROVENANCE: usize = 4 << 20;

impl Provenance {
    /// Reads a provenance file.
    ///
    /// # Errors
    /// When it is no clear-signed message or names no files.
    pub fn parse(text: &str) -> Result<Self, Error> {
        const BEGIN: &str = "-----BEGIN PGP SIGNED MESSAGE-----";
        let broken = || Error::new("signature block not found");
        if text.len() > MAX_PROVENANCE {
            return Err(Error::new("the provenance file is too large"));
        }
        let start = text.find(BEGIN).and_then(|at| text.get(at..)).ok_or_else(broken)?;
        let (message, _) =
            CleartextSignedMessage::from_string(start.trim_end()).map_err(|_| broken())?;
        let plain = message.signed_text().replace("\r\n", "\n");
        let (_, sums) = plain
            .split_once("\n...\n")
            .ok_or_else(|| Error::new("message block must have at least two parts"))?;
        let sums = sums.split("\n...\n").next().unwrap_or(sums);
        let sums =
            yaml::to_json(sums, yaml::Rules::V2).map_err(|error| Error::new(error.to_string()))?;
        let files = sums.get("files").and_then(serde_json::Value::as_object);
        let files = files.into_iter().flatten();
        let files = files.filter_map(|(name, sum)| Some((name.clone(), sum.as_str()?.to_owned())));
        Ok(Self { files: files.collect(), message })
    }

    /// Checks that one of the keys signed this, and that the package is the one that was signed.
    /// `now` is in seconds since 1970.
    ///
    /// # Errors
    /// When no key made the signature, the key may not sign, or the package is another one.
    pub fn verify(
        &self,
        keyring: &Keyring,
        name: &str,
        package: &[u8],
        now: u64,
    ) -> Result<Verification, Error> {
        let key = trust::signer(&self.message, keyring, now)?;
        let file_hash = self.check(name, package)?;
        Ok(Verification {
            signed_by: keyring::names(&key.details),
            fingerprint: key.fingerprint().to_string().to_uppercase(),
            file_hash,
        })
    }

    /// Checks a package's bytes against the digest that the file names for it.
    fn check(&self, name: &str, package: &[u8]) -> Result<String> {
        let claimed = self.files.get(name).ok_or_else(|| {
            Error::new(format!("provenance does not contain a SHA for a file named {name:?}"))
        })?;
        let found = digest(package);
        if *claimed == found {
            Ok(found)
        } else {
            Err(Error::new(format!(
                "sha256 sum does not match for {name}: {claimed:?} != {found:?}"
            )))
        }
    }
}

/// The digest of a package as provenance files write it.
fn digest(package: &[u8]) -> String {
    let hash = sha2::Sha256::digest(package);
    let digits: Vec<String> = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{}", digits.concat())
}

/// Writes the provenance file of a package: `metadata` is the `Chart.yaml` in it, as YAML. `now`
/// is in seconds since 1970.
///
/// # Errors
/// When the passphrase does not open the key.
pub fn sign(
    name: &str,
    package: &[u8],
    metadata: &str,
    (key, passphrase): (&SecretKey, &str),
    now: u64,
) -> Result<String, Error> {
    let failed = |error: pgp::errors::Error| Error::new(format!("cannot sign {name}: {error}"));
    let sums = yaml::from_json(&serde_json::json!({"files": {name: digest(package)}}));
    let text = format!("{metadata}\n...\n{sums}");
    let key = &key.0.primary_key;
    let mut config =
        SignatureConfig::v4(SignatureType::Text, key.algorithm(), HashAlgorithm::Sha512);
    let created = Timestamp::from_secs(u32::try_from(now).unwrap_or(u32::MAX));
    config.hashed_subpackets = vec![
        Subpacket::regular(SubpacketData::SignatureCreationTime(created)).map_err(failed)?,
        Subpacket::regular(SubpacketData::IssuerFingerprint(key.fingerprint())).map_err(failed)?,
    ];
    config.unhashed_subpackets =
        vec![Subpacket::regular(SubpacketData::IssuerKeyId(key.legacy_key_id())).map_err(failed)?];
    let message = CleartextSignedMessage::new(&text, config, key, &Password::from(passphrase))
        .map_err(failed)?;
    message.to_armored_string(ArmorOptions::default()).map_err(failed)
}

#[cfg(test)]
mod tests;
