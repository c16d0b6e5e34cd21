//! Digests of bytes, written as `algorithm:hex`.

use std::{fmt, str::FromStr};

use sha1::Sha1;
use sha2::{Digest as _, Sha256, Sha384, Sha512};

/// A text that is no digest, or one of an algorithm that is not supported.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid digest {text:?}: {reason}")]
pub struct DigestError {
    /// The text as it was written.
    pub text: String,
    reason: &'static str,
}

/// An algorithm that makes digests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// SHA-1. Accepted because Git has it; not for new artifacts.
    Sha1,
    /// SHA-256, the default.
    #[default]
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
    /// BLAKE3 with 256 bits.
    Blake3,
}

impl Algorithm {
    /// The name in front of the colon.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
            Self::Blake3 => "blake3",
        }
    }

    /// The number of bytes of a digest.
    pub const fn size(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 | Self::Blake3 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    /// A hasher that starts from nothing.
    pub fn hasher(self) -> Hasher {
        Hasher(match self {
            Self::Sha1 => State::Sha1(Sha1::new()),
            Self::Sha256 => State::Sha256(Sha256::new()),
            Self::Sha384 => State::Sha384(Sha384::new()),
            Self::Sha512 => State::Sha512(Sha512::new()),
            Self::Blake3 => State::Blake3(Box::default()),
        })
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Algorithm {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        Ok(match text {
            "sha1" => Self::Sha1,
            "sha256" => Self::Sha256,
            "sha384" => Self::Sha384,
            "sha512" => Self::Sha512,
            "blake3" => Self::Blake3,
            _ => return Err(error(text, "unsupported algorithm")),
        })
    }
}

/// Makes a digest out of bytes as they come. It is a [`std::io::Write`] that never fails.
#[derive(Debug, Clone)]
pub struct Hasher(State);

#[derive(Debug, Clone)]
enum State {
    Sha1(Sha1),
    Sha256(Sha256),
    Sha384(Sha384),
    Sha512(Sha512),
    Blake3(Box<blake3::Hasher>),
}

impl Hasher {
    /// Takes in more bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            State::Sha1(state) => state.update(bytes),
            State::Sha256(state) => state.update(bytes),
            State::Sha384(state) => state.update(bytes),
            State::Sha512(state) => state.update(bytes),
            State::Blake3(state) => {
                state.update(bytes);
            }
        }
    }

    /// The digest of all bytes taken in.
    pub fn finish(self) -> Digest {
        let (algorithm, bytes) = match self.0 {
            State::Sha1(state) => (Algorithm::Sha1, state.finalize().to_vec()),
            State::Sha256(state) => (Algorithm::Sha256, state.finalize().to_vec()),
            State::Sha384(state) => (Algorithm::Sha384, state.finalize().to_vec()),
            State::Sha512(state) => (Algorithm::Sha512, state.finalize().to_vec()),
            State::Blake3(state) => (Algorithm::Blake3, state.finalize().as_bytes().to_vec()),
        };
        Digest { algorithm, bytes }
    }
}

impl std::io::Write for Hasher {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A digest, such as `sha256:2c26…`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest {
    algorithm: Algorithm,
    bytes: Vec<u8>,
}

impl Digest {
    /// The digest of some bytes.
    pub fn of(algorithm: Algorithm, bytes: &[u8]) -> Self {
        let mut hasher = algorithm.hasher();
        hasher.update(bytes);
        hasher.finish()
    }

    /// The algorithm that made it.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The bytes of the digest itself.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The part after the colon, in lower case.
    pub fn hex(&self) -> String {
        hex(&self.bytes)
    }
}

/// Bytes as lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm, self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let (algorithm, digits) =
            text.split_once(':').ok_or_else(|| error(text, "expected algorithm:hex"))?;
        let algorithm: Algorithm =
            algorithm.parse().map_err(|_| error(text, "unsupported algorithm"))?;
        let bytes = unhex(digits).ok_or_else(|| error(text, "expected lower-case hex digits"))?;
        if bytes.len() != algorithm.size() {
            return Err(error(text, "wrong length for the algorithm"));
        }
        Ok(Self { algorithm, bytes })
    }
}

fn unhex(digits: &str) -> Option<Vec<u8>> {
    let nibble = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs.iter().map(|[high, low]| Some(nibble(*high)? << 4 | nibble(*low)?)).collect()
}

fn error(text: &str, reason: &'static str) -> DigestError {
    DigestError { text: text.to_owned(), reason }
}

#[cfg(test)]
mod tests;
