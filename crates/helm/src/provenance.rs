//! Provenance files (`.prov`): a clear-signed message with the chart's metadata and the digest of
//! its package. Whether the signature is good is for a caller with keys to say; here is what it
//! signs and what it claims.

use serde_json::Value as Json;

use crate::{Error, Result};

/// What a provenance file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provenance {
    /// The text that is signed, with line ends as they are signed (`\r\n`).
    pub signed_text: Vec<u8>,
    /// The armored signature.
    pub signature: String,
    /// The digests of the packages by file name, as `sha256:...`.
    pub files: std::collections::BTreeMap<String, String>,
}

impl Provenance {
    /// Reads a provenance file.
    ///
    /// # Errors
    /// When it is no clear-signed message or names no files.
    pub fn parse(text: &str) -> Result<Self, Error> {
        const MESSAGE: &str = "-----BEGIN PGP SIGNED MESSAGE-----";
        const SIGNATURE: &str = "-----BEGIN PGP SIGNATURE-----";
        let broken = || Error::new("signature block not found");
        let text = text.replace("\r\n", "\n");
        let (_, rest) = text.split_once(MESSAGE).ok_or_else(broken)?;
        let (_, rest) = rest.split_once("\n\n").ok_or_else(broken)?;
        let (body, signature) = rest.split_once(SIGNATURE).ok_or_else(broken)?;
        let body = body.strip_suffix('\n').unwrap_or(body);
        let lines: Vec<String> = body
            .split('\n')
            .map(|line| line.strip_prefix("- ").unwrap_or(line).trim_end().to_owned())
            .collect();
        let plain = lines.join("\n");
        let (_, sums) = plain
            .split_once("\n...\n")
            .ok_or_else(|| Error::new("message block must have at least two parts"))?;
        let sums =
            yaml::to_json(sums, yaml::Rules::V2).map_err(|error| Error::new(error.to_string()))?;
        let files = sums.get("files").and_then(Json::as_object);
        let files = files.ok_or_else(|| Error::new("provenance file names no files"))?;
        let files = files
            .iter()
            .filter_map(|(name, sum)| Some((name.clone(), sum.as_str()?.to_owned())))
            .collect();
        Ok(Self {
            signed_text: lines.join("\r\n").into_bytes(),
            signature: format!("{SIGNATURE}{signature}"),
            files,
        })
    }

    /// Checks a package's bytes against the digest that the file names for it.
    ///
    /// # Errors
    /// When the file is not named or the digest differs.
    pub fn check(&self, name: &str, package: &[u8]) -> Result<(), Error> {
        use sha2::Digest as _;
        let claimed = self.files.get(name).ok_or_else(|| {
            Error::new(format!("provenance does not contain a SHA for a file named {name:?}"))
        })?;
        let hash = sha2::Sha256::digest(package);
        let digits: Vec<String> = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        let found = format!("sha256:{}", digits.concat());
        if *claimed == found {
            Ok(())
        } else {
            Err(Error::new(format!(
                "sha256 sum does not match for {name}: {claimed:?} != {found:?}"
            )))
        }
    }
}
