//! Whether a key made a signature, and may have.

use pgp::composed::{CleartextSignedMessage, SignedPublicKey, SignedPublicSubKey};
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{KeyFlags, Signature, SignatureType};
use pgp::types::{Duration, KeyDetails, Tag, Timestamp};

use super::Keyring;
use crate::{Error, Result};

/// The key of the ring that signed the message.
pub(super) fn signer<'k>(
    message: &CleartextSignedMessage,
    keyring: &'k Keyring,
    now: u64,
) -> Result<&'k SignedPublicKey> {
    let text = message.signed_text();
    let mut refusal = "openpgp: signature made by unknown entity".to_owned();
    for signature in message.signatures() {
        for key in keyring.public() {
            let found = match made_by(signature, key, text.as_bytes()) {
                Made::Elsewhere => continue,
                Made::Not => Err("openpgp: invalid signature"),
                Made::By(subkey) => may_sign(signature, key, subkey, now),
            };
            match found {
                Ok(()) => return Ok(key),
                Err(why) => refusal = format!("{why} (key {})", key.legacy_key_id()),
            }
        }
    }
    Err(Error::new(refusal))
}

enum Made<'k> {
    /// By another key.
    Elsewhere,
    /// It claims to be of this key and is not.
    Not,
    /// By this key, or by this subkey of it.
    By(Option<&'k SignedPublicSubKey>),
}

fn made_by<'k>(signature: &Signature, key: &'k SignedPublicKey, text: &[u8]) -> Made<'k> {
    let mut named = false;
    if is_issuer(signature, key) {
        named = true;
        if signature.verify(key, text).is_ok() {
            return Made::By(None);
        }
    }
    for subkey in key.public_subkeys.iter().filter(|subkey| is_issuer(signature, &subkey.key)) {
        named = true;
        if signature.verify(&subkey.key, text).is_ok() {
            return Made::By(Some(subkey));
        }
    }
    if named { Made::Not } else { Made::Elsewhere }
}

fn is_issuer(signature: &Signature, key: &impl KeyDetails) -> bool {
    let fingerprints = signature.issuer_fingerprint();
    if fingerprints.is_empty() {
        return signature.issuer_key_id().contains(&&key.legacy_key_id());
    }
    fingerprints.contains(&&key.fingerprint())
}

fn may_sign(
    signature: &Signature,
    key: &SignedPublicKey,
    subkey: Option<&SignedPublicSubKey>,
    now: u64,
) -> Result<(), &'static str> {
    if !matches!(signature.typ(), Some(SignatureType::Binary | SignatureType::Text)) {
        return Err("openpgp: the signature is not one over a document");
    }
    let weak = [HashAlgorithm::Md5, HashAlgorithm::Sha1, HashAlgorithm::Ripemd160];
    if signature.hash_alg().is_none_or(|hash| weak.contains(&hash)) {
        return Err("openpgp: insecure hash algorithm");
    }
    let made = signature.created().ok_or("openpgp: the signature has no date")?;
    if u64::from(made.as_secs()) > now {
        return Err("openpgp: the signature is from the future");
    }
    if expired(made, signature.signature_expiration_time(), now) {
        return Err("openpgp: signature expired");
    }
    let revocations = &key.details.revocation_signatures;
    if revocations.iter().any(|it| it.verify_key(&key.primary_key).is_ok()) {
        return Err("openpgp: signature made by revoked key");
    }
    let own = self_signature(key).ok_or("openpgp: the key carries no signature of its own")?;
    if expired(key.created_at(), own.key_expiration_time(), now) {
        return Err("openpgp: key expired");
    }
    match subkey {
        Some(subkey) => subkey_may_sign(key, subkey, now),
        None if own.key_flags().sign() || own.key_flags() == KeyFlags::default() => Ok(()),
        None => Err("openpgp: the key is not meant for signing"),
    }
}

fn subkey_may_sign(
    key: &SignedPublicKey,
    subkey: &SignedPublicSubKey,
    now: u64,
) -> Result<(), &'static str> {
    let newest = |kind: SignatureType| {
        let signatures = subkey.signatures.iter().filter(|it| it.typ() == Some(kind));
        let valid =
            signatures.filter(|it| it.verify_subkey_binding(&key.primary_key, &subkey.key).is_ok());
        valid.max_by_key(|it| it.created())
    };
    if newest(SignatureType::SubkeyRevocation).is_some() {
        return Err("openpgp: signature made by revoked key");
    }
    let unbound = "openpgp: the key does not vouch for the subkey";
    let binding = newest(SignatureType::SubkeyBinding).ok_or(unbound)?;
    // Without the signature back from the subkey, anyone could claim somebody else's signing key.
    let back = binding.embedded_signature();
    let vouched =
        back.is_some_and(|it| it.verify_primary_key_binding(&subkey.key, &key.primary_key).is_ok());
    if !vouched || !binding.key_flags().sign() {
        return Err(unbound);
    }
    if expired(subkey.key.created_at(), binding.key_expiration_time(), now) {
        return Err("openpgp: key expired");
    }
    Ok(())
}

/// The newest signature by which the key speaks for itself.
fn self_signature(key: &SignedPublicKey) -> Option<&Signature> {
    let of_users = key.details.users.iter().flat_map(|user| {
        let certifies = |it: &&Signature| {
            it.verify_certification(&key.primary_key, Tag::UserId, &user.id).is_ok()
        };
        user.signatures.iter().filter(certifies)
    });
    let direct = key.details.direct_signatures.iter();
    let direct = direct.filter(|it| it.verify_key(&key.primary_key).is_ok());
    of_users.chain(direct).max_by_key(|it| it.created())
}

fn expired(from: Timestamp, after: Option<Duration>, now: u64) -> bool {
    let seconds = after.map_or(0, |after| u64::from(after.as_secs()));
    seconds > 0 && u64::from(from.as_secs()) + seconds < now
}
