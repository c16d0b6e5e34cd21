//! OpenPGP signatures.

use std::time::{Duration, SystemTime};

use pgp::{
    composed::{Deserializable as _, DetachedSignature, SignedPublicKey, SignedPublicSubKey},
    crypto::hash::HashAlgorithm,
    packet::{Signature, SignatureType},
    types::{KeyDetails as _, Tag},
};

use super::VerifyError;

/// Checks `signature` over `payload` against key rings, at the time `now`.
pub(super) fn verify(
    signature: &str,
    payload: &[u8],
    rings: &[(String, Vec<u8>)],
    now: SystemTime,
) -> Result<String, VerifyError> {
    let (signature, _) =
        DetachedSignature::from_armor_single(signature.as_bytes()).map_err(|error| {
            VerifyError::Untrusted(format!("the OpenPGP signature cannot be read: {error}"))
        })?;
    let signature = signature.signature;
    let mut refusal = None;
    for (name, ring) in rings {
        for key in read_ring(name, ring)? {
            match with_key(&signature, payload, &key, now) {
                Outcome::OtherKey => {}
                Outcome::Good => return Ok(id(&key)),
                Outcome::Bad(why) => refusal = Some(format!("the key {} {why}", id(&key))),
            }
        }
    }
    Err(VerifyError::Untrusted(refusal.unwrap_or_else(|| {
        format!(
            "unable to verify payload with any of the given key rings: signed by {}",
            signer(&signature)
        )
    })))
}

/// How a primary key is named: its 64-bit id in upper-case hex.
fn id(key: &SignedPublicKey) -> String {
    key.legacy_key_id().to_string().to_uppercase()
}

fn signer(signature: &Signature) -> String {
    let fingerprint =
        signature.issuer_fingerprint().first().map(|it| it.to_string().to_uppercase());
    let id = || signature.issuer_key_id().first().map(|it| it.to_string().to_uppercase());
    fingerprint.or_else(id).unwrap_or_else(|| "an unnamed key".to_owned())
}

fn read_ring(name: &str, ring: &[u8]) -> Result<Vec<SignedPublicKey>, VerifyError> {
    const BEGIN: &str = "-----BEGIN PGP PUBLIC KEY BLOCK-----";
    let unreadable = |error: pgp::errors::Error| {
        VerifyError::Keys(format!("'{name}' is not an OpenPGP public key ring: {error}"))
    };
    let Some(text) = std::str::from_utf8(ring).ok().filter(|text| text.contains(BEGIN)) else {
        let keys = SignedPublicKey::from_bytes_many(ring).map_err(unreadable)?;
        return keys.collect::<Result<_, _>>().map_err(unreadable);
    };
    let mut found = Vec::new();
    // Rings are often made by writing several armored blocks one after the other.
    for block in text.split(BEGIN).skip(1) {
        let block = format!("{BEGIN}{block}");
        let (keys, _) = SignedPublicKey::from_armor_many(block.as_bytes()).map_err(unreadable)?;
        for key in keys {
            found.push(key.map_err(unreadable)?);
        }
    }
    Ok(found)
}

enum Outcome {
    OtherKey,
    Good,
    Bad(&'static str),
}

fn with_key(
    signature: &Signature,
    payload: &[u8],
    key: &SignedPublicKey,
    now: SystemTime,
) -> Outcome {
    if is_issuer(signature, key) && signature.verify(key, payload).is_ok() {
        return check(signature, key, None, now);
    }
    for subkey in &key.public_subkeys {
        if is_issuer(signature, &subkey.key) && signature.verify(&subkey.key, payload).is_ok() {
            return check(signature, key, Some(subkey), now);
        }
    }
    let named = is_issuer(signature, key)
        || key.public_subkeys.iter().any(|it| is_issuer(signature, &it.key));
    let anonymous =
        signature.issuer_fingerprint().is_empty() && signature.issuer_key_id().is_empty();
    if named && !anonymous {
        Outcome::Bad("did not make this signature over this content")
    } else {
        Outcome::OtherKey
    }
}

fn is_issuer(signature: &Signature, key: &impl pgp::types::KeyDetails) -> bool {
    let fingerprints = signature.issuer_fingerprint();
    let ids = signature.issuer_key_id();
    match (fingerprints.is_empty(), ids.is_empty()) {
        (true, true) => true,
        (false, _) => fingerprints.contains(&&key.fingerprint()),
        (true, false) => ids.contains(&&key.legacy_key_id()),
    }
}

/// The signature fits; may the key make it?
fn check(
    signature: &Signature,
    key: &SignedPublicKey,
    subkey: Option<&SignedPublicSubKey>,
    now: SystemTime,
) -> Outcome {
    if !matches!(signature.typ(), Some(SignatureType::Binary | SignatureType::Text)) {
        return Outcome::Bad("made a signature that is not one over a document");
    }
    let weak = [HashAlgorithm::Md5, HashAlgorithm::Sha1, HashAlgorithm::Ripemd160];
    if signature.hash_alg().is_none_or(|hash| weak.contains(&hash)) {
        return Outcome::Bad("signed with a hash function that is broken");
    }
    let Some(made) = signature.created().map(SystemTime::from) else {
        return Outcome::Bad("made a signature without a date");
    };
    if expired(made, signature.signature_expiration_time(), now) {
        return Outcome::Bad("made a signature that has expired");
    }
    let revoked =
        key.details.revocation_signatures.iter().any(|it| it.verify_key(&key.primary_key).is_ok());
    if revoked {
        return Outcome::Bad("is revoked");
    }
    let Some(own) = self_signature(key) else {
        return Outcome::Bad("carries no valid signature of its own");
    };
    let created = SystemTime::from(key.created_at());
    if expired(created, own.key_expiration_time(), now) {
        return Outcome::Bad("has expired");
    }
    match subkey {
        Some(subkey) => check_subkey(key, subkey, now),
        None if own.key_flags().sign() || own.key_flags() == pgp::packet::KeyFlags::default() => {
            Outcome::Good
        }
        None => Outcome::Bad("is not meant for signing"),
    }
}

fn check_subkey(key: &SignedPublicKey, subkey: &SignedPublicSubKey, now: SystemTime) -> Outcome {
    let valid = |kind: SignatureType| {
        let mut found: Vec<&Signature> = subkey
            .signatures
            .iter()
            .filter(|it| {
                it.typ() == Some(kind)
                    && it.verify_subkey_binding(&key.primary_key, &subkey.key).is_ok()
            })
            .collect();
        found.sort_by_key(|it| it.created().map(SystemTime::from));
        found
    };
    if !valid(SignatureType::SubkeyRevocation).is_empty() {
        return Outcome::Bad("has revoked the subkey that signed");
    }
    let bindings = valid(SignatureType::SubkeyBinding);
    let Some(binding) = bindings.last() else {
        return Outcome::Bad("does not vouch for the subkey that signed");
    };
    // Without the signature back from the subkey, anyone could claim somebody else's signing key.
    let vouched = binding
        .embedded_signature()
        .is_some_and(|back| back.verify_primary_key_binding(&subkey.key, &key.primary_key).is_ok());
    if !binding.key_flags().sign() || !vouched {
        return Outcome::Bad("does not let the subkey that signed make signatures");
    }
    if expired(SystemTime::from(subkey.key.created_at()), binding.key_expiration_time(), now) {
        return Outcome::Bad("signed with a subkey that has expired");
    }
    Outcome::Good
}

/// The newest signature by which the key speaks for itself.
fn self_signature(key: &SignedPublicKey) -> Option<&Signature> {
    let of_users = key.details.users.iter().flat_map(|user| {
        user.signatures
            .iter()
            .filter(|it| it.verify_certification(&key.primary_key, Tag::UserId, &user.id).is_ok())
    });
    let direct =
        key.details.direct_signatures.iter().filter(|it| it.verify_key(&key.primary_key).is_ok());
    of_users.chain(direct).max_by_key(|it| it.created().map(SystemTime::from))
}

fn expired(from: SystemTime, after: Option<pgp::types::Duration>, now: SystemTime) -> bool {
    let after = after.map(Duration::from).filter(|after| !after.is_zero());
    after.is_some_and(|after| from + after < now)
}
