//! Key rings: OpenPGP packets, armored or not, or a GnuPG keybox.

use pgp::composed::{PublicOrSecret, SignedKeyDetails, SignedPublicKey, SignedSecretKey};
use pgp::types::SecretParams;

use crate::{Error, Result};

/// Public keys, and secret ones where the file has them.
#[derive(Debug, Clone, Default)]
pub struct Keyring {
    public: Vec<SignedPublicKey>,
    secret: Vec<SignedSecretKey>,
}

/// A key to sign with. Its content is never shown.
#[derive(Clone)]
pub struct SecretKey(pub(super) SignedSecretKey);

impl std::fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("SecretKey").field(&names(&self.0.details)).finish()
    }
}

/// The largest key ring that is read, in bytes.
const MAX_KEYRING: usize = 64 << 20;

const ARMOR: &str = "-----BEGIN PGP";

/// The names that a key goes by.
pub(super) fn names(details: &SignedKeyDetails) -> Vec<String> {
    let users = details.users.iter();
    users.map(|user| String::from_utf8_lossy(user.id.id()).into_owned()).collect()
}

impl Keyring {
    /// Reads a key ring.
    ///
    /// # Errors
    /// When it is none, or too large.
    pub fn parse(data: &[u8]) -> Result<Self, Error> {
        if data.len() > MAX_KEYRING {
            return Err(Error::new("the keyring is too large"));
        }
        let mut ring = Self::default();
        if is_keybox(data) {
            for keys in keybox(data)? {
                ring.add(&without_trust(keys))?;
            }
            return Ok(ring);
        }
        match std::str::from_utf8(data).ok().filter(|text| text.trim_start().starts_with(ARMOR)) {
            // Rings are often made by writing several armored blocks one after the other.
            Some(text) => {
                for block in text.split(ARMOR).skip(1) {
                    ring.add(format!("{ARMOR}{block}").as_bytes())?;
                }
            }
            None => ring.add(&without_trust(data))?,
        }
        Ok(ring)
    }

    fn add(&mut self, data: &[u8]) -> Result<()> {
        let failed = |error: pgp::errors::Error| Error::new(format!("reading keyring: {error}"));
        let (keys, _) = PublicOrSecret::from_reader_many(data).map_err(failed)?;
        for key in keys {
            match key.map_err(failed)? {
                PublicOrSecret::Public(key) => self.public.push(key),
                PublicOrSecret::Secret(key) => {
                    self.public.push(key.to_public_key());
                    self.secret.push(key);
                }
            }
        }
        Ok(())
    }

    /// The public keys.
    pub(super) fn public(&self) -> &[SignedPublicKey] {
        &self.public
    }

    /// The key to sign with: the one that goes by `id`, else the only one whose name holds it.
    ///
    /// # Errors
    /// When there is none, several, or it is no secret key.
    pub fn secret(&self, id: &str) -> Result<SecretKey, Error> {
        let mut candidates = self
            .public
            .iter()
            .filter(|key| names(&key.details).iter().any(|name| name.contains(id)));
        let exact = self.public.iter().find(|key| names(&key.details).iter().any(|it| it == id));
        let chosen = match (exact, candidates.next(), candidates.next()) {
            (Some(exact), ..) => exact,
            (None, Some(_), Some(_)) => {
                return Err(Error::new(format!("more than one key contain the id {id:?}")));
            }
            (None, Some(only), None) => only,
            (None, None, _) => return Err(Error::new("private key not found")),
        };
        let secret = self.secret.iter().find(|key| key.to_public_key() == *chosen);
        secret.cloned().map(SecretKey).ok_or_else(|| {
            Error::new(
                "provided key is not a private key. Try providing a keyring with secret keys",
            )
        })
    }
}

impl SecretKey {
    /// Whether a passphrase is needed to sign.
    pub fn is_locked(&self) -> bool {
        matches!(self.0.primary_key.secret_params(), SecretParams::Encrypted(_))
    }

    /// A name of the key, to ask for its passphrase.
    pub fn name(&self) -> String {
        names(&self.0.details).into_iter().next().unwrap_or_else(|| "Unknown".to_owned())
    }
}

/// Packets without those by which GnuPG remembers whom it trusts: they stand between the others,
/// where no reader of keys expects them.
fn without_trust(data: &[u8]) -> Vec<u8> {
    const TRUST: u8 = 12;
    let mut kept = Vec::with_capacity(data.len());
    let mut rest = data;
    while let Some((tag, length)) = packet(rest) {
        let Some((packet, tail)) = rest.split_at_checked(length) else { break };
        if tag != TRUST {
            kept.extend_from_slice(packet);
        }
        rest = tail;
    }
    // What is no whole packet is for the reader of keys to refuse.
    kept.extend_from_slice(rest);
    kept
}

/// The kind of the first packet, and its length with its header.
pub(super) fn packet(data: &[u8]) -> Option<(u8, usize)> {
    let byte = |at: usize| data.get(at).map(|byte| usize::from(*byte));
    let number = |from: usize, count: usize| {
        (from..from + count).try_fold(0_usize, |number, at| Some(number << 8 | byte(at)?))
    };
    let first = *data.first()?;
    if first & 0x80 == 0 {
        return None;
    }
    let (tag, (header, body)) = if first & 0x40 != 0 {
        let length = match byte(1)? {
            short @ 0..=191 => (2, short),
            two @ 192..=223 => (3, ((two - 192) << 8) + byte(2)? + 192),
            255 => (6, number(2, 4)?),
            _ => return None,
        };
        (first & 0x3f, length)
    } else {
        let length = match first & 3 {
            0 => (2, number(1, 1)?),
            1 => (3, number(1, 2)?),
            2 => (5, number(1, 4)?),
            _ => return None,
        };
        ((first >> 2) & 0x0f, length)
    };
    Some((tag, header + body))
}

/// A keybox starts with a header that says so.
fn is_keybox(data: &[u8]) -> bool {
    data.get(4) == Some(&1) && data.get(8..12) == Some(b"KBXf")
}

/// The OpenPGP keys in a keybox: a chain of blobs, each of which starts with its length and kind;
/// those of kind 2 say at 8 and 12 where in them the key is.
fn keybox(data: &[u8]) -> Result<Vec<&[u8]>> {
    let broken = |at: usize| Error::new(format!("reading keybox: broken blob at offset {at}"));
    let number = |bytes: &[u8], at: usize| {
        let bytes: [u8; 4] = bytes.get(at..at + 4)?.try_into().ok()?;
        usize::try_from(u32::from_be_bytes(bytes)).ok()
    };
    let mut keys = Vec::new();
    let mut at = 0;
    while at < data.len() {
        let rest = data.get(at..).unwrap_or_default();
        let length = number(rest, 0).filter(|length| *length >= 5).ok_or_else(|| broken(at))?;
        let blob = rest.get(..length).ok_or_else(|| broken(at))?;
        // A key that is marked as ephemeral is not in the ring.
        let ephemeral = blob.get(7).is_some_and(|flags| flags & 2 != 0);
        if blob.get(4) == Some(&2) && !ephemeral {
            let key = number(blob, 8).zip(number(blob, 12));
            let key = key.and_then(|(start, length)| blob.get(start..start.checked_add(length)?));
            keys.push(key.ok_or_else(|| broken(at))?);
        }
        at += length;
    }
    if keys.is_empty() {
        return Err(Error::new("reading keybox: keybox contains no OpenPGP keys"));
    }
    Ok(keys)
}
