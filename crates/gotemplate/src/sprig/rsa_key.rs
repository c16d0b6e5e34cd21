//! Private keys: making, reading, writing, signing.

use crypto_bigint::{BoxedUint, Limb, NonZero};
use crypto_primes::hazmat::{SetBits, SmallFactorsSieveFactory};
use crypto_primes::{Flavor, is_prime, sieve_and_find};
use rsa::BigUint;
use rsa::pkcs1::{DecodeRsaPrivateKey, EncodeRsaPrivateKey, EncodeRsaPublicKey};
use rsa::pkcs8::{DecodePrivateKey, EncodePrivateKey};
use rsa::signature::{SignatureEncoding, Signer};
use sha2::Sha256;

use super::crypto::Random;
use super::der::{OID, bit_string, pem, read_pem, sequence, tagged};
use crate::function::Scope;
use crate::{Error, Result};

/// A private key of a kind that certificates can be made with.
pub(super) enum PrivateKey {
    Rsa(Box<rsa::RsaPrivateKey>),
    P256(p256::SecretKey),
    Ed25519(Box<ed25519_dalek::SigningKey>),
}

const RSA_ENCRYPTION: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
const SHA256_WITH_RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b];
const EC_PUBLIC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const PRIME256V1: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const ECDSA_WITH_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
const ED25519: &[u8] = &[0x2b, 0x65, 0x70];
const NULL: &[u8] = &[5, 0];

fn failed(error: &dyn std::fmt::Display) -> Error {
    Error(format!("error generating key: {error}"))
}

/// The exponent of public keys.
const EXPONENT: u32 = 65_537;

/// Steps that finding the primes of a key takes; the work grows with the third power of the size.
fn steps(bits: u32) -> usize {
    (bits as usize / 1024).pow(3).saturating_mul(125_000)
}

fn not_made(error: &dyn std::fmt::Display) -> Error {
    Error(format!("error generating rsa key: {error}"))
}

/// A random prime with its two highest bits set, so that the product of two has twice the bits.
fn prime(random: &mut Random<'_>, bits: u32) -> Result<BigUint> {
    let candidates = SmallFactorsSieveFactory::new(Flavor::Any, bits, SetBits::TwoMsb)
        .map_err(|error| not_made(&error))?;
    sieve_and_find(random, candidates, |_, number| is_usable(number))
        .map_err(|error| not_made(&error))?
        .map(|number| BigUint::from_bytes_be(&number.to_be_bytes()))
        .ok_or_else(|| not_made(&"no prime of its size"))
}

/// Whether a number is a prime for which the exponent of public keys has an inverse.
fn is_usable(number: &BoxedUint) -> bool {
    const DIVISOR: NonZero<Limb> = NonZero::<Limb>::new_unwrap(Limb::from_u32(EXPONENT));
    number.rem_limb(DIVISOR) != Limb::ONE && is_prime(Flavor::Any, number)
}

impl PrivateKey {
    pub(super) fn rsa(scope: &Scope<'_>, bits: u32) -> Result<Self> {
        scope.step(steps(bits))?;
        let mut random = Random(scope.environment());
        let (first, second) = (prime(&mut random, bits / 2)?, prime(&mut random, bits / 2)?);
        rsa::RsaPrivateKey::from_p_q(first, second, EXPONENT.into())
            .map(|key| Self::Rsa(Box::new(key)))
            .map_err(|error| not_made(&error))
    }

    pub(super) fn p256(scope: &Scope<'_>) -> Self {
        Self::P256(p256::SecretKey::random(&mut Random(scope.environment())))
    }

    pub(super) fn ed25519(scope: &Scope<'_>) -> Self {
        let mut random = Random(scope.environment());
        Self::Ed25519(Box::new(ed25519_dalek::SigningKey::generate(&mut random)))
    }

    /// Reads a PEM block as Sprig does.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let (kind, bytes) = read_pem(text).ok_or_else(|| Error::new("no PEM data in input"))?;
        if kind == "PRIVATE KEY" {
            return Self::pkcs8(&bytes);
        }
        let Some(kind) = kind.strip_suffix(" PRIVATE KEY") else {
            return Err(Error(format!("no private key data in PEM block of type {kind}")));
        };
        match kind {
            "RSA" => rsa::RsaPrivateKey::from_pkcs1_der(&bytes)
                .map(|key| Self::Rsa(Box::new(key)))
                .map_err(|e| Error(format!("parsing RSA private key from PEM: {e}"))),
            "EC" => p256::SecretKey::from_sec1_der(&bytes)
                .map(Self::P256)
                .map_err(|e| Error(format!("parsing EC private key from PEM: {e}"))),
            "DSA" => Err(Error::new("parsing DSA private key from PEM: DSA is not supported")),
            kind => Err(Error(format!("invalid private key type {kind}"))),
        }
    }

    fn pkcs8(bytes: &[u8]) -> Result<Self> {
        if let Ok(key) = rsa::RsaPrivateKey::from_pkcs8_der(bytes) {
            return Ok(Self::Rsa(Box::new(key)));
        }
        if let Ok(key) = p256::SecretKey::from_pkcs8_der(bytes) {
            return Ok(Self::P256(key));
        }
        ed25519_dalek::SigningKey::from_pkcs8_der(bytes)
            .map(|key| Self::Ed25519(Box::new(key)))
            .map_err(|e| Error(format!("decoding PEM as PKCS#8: {e}")))
    }

    /// The key as PEM, in the form Go's libraries choose for its kind.
    pub(super) fn pem(&self) -> Result<String> {
        Ok(match self {
            Self::Rsa(key) => {
                let der = key.to_pkcs1_der().map_err(|e| failed(&e))?;
                pem("RSA PRIVATE KEY", der.as_bytes())
            }
            Self::P256(key) => {
                let der = key.to_sec1_der().map_err(|e| failed(&e))?;
                pem("EC PRIVATE KEY", &der)
            }
            Self::Ed25519(key) => {
                // Without the public half, as Go writes it.
                let pair = ed25519_dalek::pkcs8::KeypairBytes {
                    secret_key: key.to_bytes(),
                    public_key: None,
                };
                let der = pair.to_pkcs8_der().map_err(|e| failed(&e))?;
                pem("PRIVATE KEY", der.as_bytes())
            }
        })
    }

    /// The public key as the bits of a SubjectPublicKeyInfo.
    pub(super) fn public_bits(&self) -> Result<Vec<u8>> {
        Ok(match self {
            Self::Rsa(key) => {
                key.to_public_key().to_pkcs1_der().map_err(|e| failed(&e))?.as_bytes().to_vec()
            }
            Self::P256(key) => key.public_key().to_sec1_bytes().to_vec(),
            Self::Ed25519(key) => key.verifying_key().to_bytes().to_vec(),
        })
    }

    /// The SubjectPublicKeyInfo.
    pub(super) fn public_info(&self) -> Result<Vec<u8>> {
        let algorithm = match self {
            Self::Rsa(_) => sequence(&[&tagged(OID, RSA_ENCRYPTION), NULL]),
            Self::P256(_) => sequence(&[&tagged(OID, EC_PUBLIC_KEY), &tagged(OID, PRIME256V1)]),
            Self::Ed25519(_) => sequence(&[&tagged(OID, ED25519)]),
        };
        Ok(sequence(&[&algorithm, &bit_string(&self.public_bits()?)]))
    }

    /// The AlgorithmIdentifier of its signatures.
    pub(super) fn signature_algorithm(&self) -> Vec<u8> {
        match self {
            Self::Rsa(_) => sequence(&[&tagged(OID, SHA256_WITH_RSA), NULL]),
            Self::P256(_) => sequence(&[&tagged(OID, ECDSA_WITH_SHA256)]),
            Self::Ed25519(_) => sequence(&[&tagged(OID, ED25519)]),
        }
    }

    pub(super) fn sign(&self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Rsa(key) => {
                let key = rsa::pkcs1v15::SigningKey::<Sha256>::new((**key).clone());
                key.sign(message).to_vec()
            }
            Self::P256(key) => {
                let key = p256::ecdsa::SigningKey::from(key);
                let signature: p256::ecdsa::DerSignature = key.sign(message);
                signature.to_vec()
            }
            Self::Ed25519(key) => key.sign(message).to_vec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Fixed;

    #[test]
    fn only_primes_are_usable_for_keys() {
        for (number, usable) in [
            // 2^127 - 1 and its neighbour.
            ("170141183460469231731687303715884105727", true),
            ("170141183460469231731687303715884105725", false),
            // A Carmichael number, and one that bases 2 to 37 take for a prime.
            ("349407515342287435050603204719587201", false),
            ("318665857834031151167461", false),
            // Primes; the second is one more than a multiple of 65537.
            ("65539", true),
            ("917519", false),
        ] {
            let number = BoxedUint::from_str_radix_vartime(number, 10).unwrap();
            assert_eq!(is_usable(&number), usable, "{number}");
        }
    }

    #[test]
    fn primes_have_their_two_highest_bits() {
        let environment = Fixed::default();
        let mut random = Random(&environment);
        for bits in [256, 512, 512, 1024] {
            let number = prime(&mut random, bits).unwrap();
            assert_eq!(number.bits(), bits as usize);
            assert_eq!(number >> (bits as usize - 2), BigUint::from(3_u8));
        }
    }
}
