//! Bearer tokens: the administrator's, and JSON web tokens for service accounts (HS256 with the server's
//! own secret).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Block size of SHA-256, for HMAC (RFC 2104).
const BLOCK: usize = 64;

fn hmac(secret: &[u8; 32], message: &[u8]) -> [u8; 32] {
    let pad = |with: u8| {
        let mut block = [with; BLOCK];
        for (byte, key) in block.iter_mut().zip(secret) {
            *byte ^= key;
        }
        block
    };
    let inner = Sha256::new().chain_update(pad(0x36)).chain_update(message).finalize();
    Sha256::new().chain_update(pad(0x5c)).chain_update(inner).finalize().into()
}

/// The administrator's token, the same for the life of the secret.
pub(crate) fn admin(secret: &[u8; 32]) -> String {
    format!("weir-{}", URL_SAFE_NO_PAD.encode(hmac(secret, b"cluster-admin")))
}

/// A signed token with these claims.
pub(crate) fn sign(secret: &[u8; 32], claims: &Value) -> String {
    let header = URL_SAFE_NO_PAD.encode(json!({ "alg": "HS256", "typ": "JWT" }).to_string());
    let body = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims.to_string()));
    let signature = URL_SAFE_NO_PAD.encode(hmac(secret, body.as_bytes()));
    format!("{body}.{signature}")
}

/// The claims of a token that this server signed. Expiry is the caller's to check.
pub(crate) fn verify(secret: &[u8; 32], token: &str) -> Option<Value> {
    let (body, signature) = token.rsplit_once('.')?;
    let given = URL_SAFE_NO_PAD.decode(signature).ok()?;
    if !same(&given, &hmac(secret, body.as_bytes())) {
        return None;
    }
    let (_, claims) = body.split_once('.')?;
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()
}

/// Compares without telling by time where the difference is.
pub(crate) fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |differences, (a, b)| differences | (a ^ b)) == 0
}
