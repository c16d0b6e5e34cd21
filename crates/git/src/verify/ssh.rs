//! SSH signatures, as `git` makes them with `gpg.format=ssh`.

use russh::keys::{
    HashAlg, PublicKey,
    ssh_key::{SshSig, authorized_keys::AuthorizedKeys},
};

use super::VerifyError;

/// What the signature must have been made for.
const NAMESPACE: &str = "git";

/// Checks `signature` over `payload` against keys in the format of `authorized_keys`.
pub(super) fn verify(
    signature: &str,
    payload: &[u8],
    files: &[(String, String)],
) -> Result<String, VerifyError> {
    let signature = SshSig::from_pem(signature.trim()).map_err(|error| {
        VerifyError::Untrusted(format!("the SSH signature cannot be read: {error}"))
    })?;
    if signature.namespace() != NAMESPACE {
        return Err(VerifyError::Untrusted(format!(
            "the SSH signature is for the namespace '{}', not '{NAMESPACE}'",
            signature.namespace().escape_debug()
        )));
    }
    let signer = PublicKey::from(signature.public_key().clone());
    let fingerprint = signer.fingerprint(HashAlg::Sha256).to_string();
    for (name, text) in files {
        for entry in AuthorizedKeys::new(text) {
            let entry = entry.map_err(|error| {
                VerifyError::Keys(format!(
                    "'{name}' is not in the format of authorized_keys: {error}"
                ))
            })?;
            if entry.public_key().key_data() == signer.key_data() {
                return entry
                    .public_key()
                    .verify(NAMESPACE, payload, &signature)
                    .map(|()| fingerprint.clone())
                    .map_err(|_| {
                        VerifyError::Untrusted(format!(
                            "the signature by key {fingerprint} does not fit the content"
                        ))
                    });
            }
        }
    }
    Err(VerifyError::Untrusted(format!(
        "unable to verify payload with any of the given authorized keys: signed by {fingerprint}"
    )))
}
