//! Digests, passwords, ciphers.

#![expect(clippy::unnecessary_wraps, reason = "the functions of a table share one signature")]

use aes::cipher::{BlockDecryptMut, BlockEncryptMut, KeyIvInit, block_padding::NoPadding};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};

use crate::function::{Args, Row, Scope, Type};
use crate::value::Value;
use crate::{Error, Result};

use Type::{Int, String as Text, Uint32};

pub(crate) const TABLE: &[Row] = &[
    Row("sha1sum", &[Text], None, |_, a| Ok(hex(&Sha1::digest(a.str(0).as_bytes())))),
    Row("sha256sum", &[Text], None, |_, a| Ok(hex(&Sha256::digest(a.str(0).as_bytes())))),
    Row("sha512sum", &[Text], None, |_, a| Ok(hex(&Sha512::digest(a.str(0).as_bytes())))),
    Row("adler32sum", &[Text], None, |_, a| {
        Ok(Value::string(adler32(a.str(0).as_bytes()).to_string()))
    }),
    Row("bcrypt", &[Text], None, |s, a| Ok(Value::string(bcrypt_hash(s, a.str(0).as_bytes())))),
    Row("htpasswd", &[Text, Text], None, htpasswd),
    Row("randBytes", &[Int], None, random_bytes),
    Row("uuidv4", &[], None, uuid),
    Row("derivePassword", &[Uint32, Text, Text, Text, Text], None, derive_password),
    Row("encryptAES", &[Text, Text], None, encrypt),
    Row("decryptAES", &[Text, Text], None, decrypt),
];

fn hex(bytes: &[u8]) -> Value {
    let digits: Vec<String> = bytes.iter().map(|b| format!("{b:02x}")).collect();
    Value::string(digits.concat())
}

fn adler32(bytes: &[u8]) -> u32 {
    const MODULUS: u32 = 65521;
    let (mut low, mut high) = (1_u32, 0_u32);
    for byte in bytes {
        low = (low + u32::from(*byte)) % MODULUS;
        high = (high + low) % MODULUS;
    }
    high << 16 | low
}

/// What Go's `DefaultCost` is.
const BCRYPT_COST: u32 = 10;

/// The longest password bcrypt takes, in bytes.
const BCRYPT_MAX: usize = 72;

fn bcrypt_hash(scope: &Scope<'_>, password: &[u8]) -> String {
    if password.len() > BCRYPT_MAX {
        return "failed to encrypt string with bcrypt: bcrypt: password length exceeds 72 bytes"
            .to_owned();
    }
    let mut salt = [0; 16];
    scope.environment().random(&mut salt);
    match bcrypt::hash_with_salt(password, BCRYPT_COST, salt) {
        Ok(parts) => parts.format_for_version(bcrypt::Version::TwoA),
        Err(error) => format!("failed to encrypt string with bcrypt: {error}"),
    }
}

fn htpasswd(scope: &mut Scope<'_>, args: Args<'_>) -> Result<Value> {
    let name = args.text(0);
    if name.contains(':') {
        return Ok(Value::string(format!("invalid username: {name}")));
    }
    let hash = bcrypt_hash(scope, args.str(1).as_bytes());
    Ok(Value::string(format!("{name}:{hash}")))
}

fn random_bytes(scope: &mut Scope<'_>, args: Args<'_>) -> Result<Value> {
    let count = usize::try_from(args.int(0))
        .map_err(|_| Error::new("runtime error: makeslice: len out of range"))?;
    scope.bytes(count.saturating_mul(2))?;
    let mut bytes = vec![0; count];
    scope.environment().random(&mut bytes);
    Ok(Value::string(STANDARD.encode(bytes)))
}

fn uuid(scope: &mut Scope<'_>, _: Args<'_>) -> Result<Value> {
    let mut bytes = [0_u8; 16];
    scope.environment().random(&mut bytes);
    let number = u128::from_be_bytes(bytes);
    // Version 4, variant 10.
    let number = number & !(0xf << 76) | 4 << 76;
    let number = number & !(0b11 << 62) | 0b10 << 62;
    let digits = format!("{number:032x}");
    let mut out = String::with_capacity(36);
    for (index, digit) in digits.chars().enumerate() {
        if matches!(index, 8 | 12 | 16 | 20) {
            out.push('-');
        }
        out.push(digit);
    }
    Ok(Value::string(out))
}

const PASSWORD_SEED: &[u8] = b"com.lyndir.masterpassword";

/// The templates of the Master Password algorithm, by type.
fn password_templates(kind: &str) -> Option<&'static [&'static str]> {
    Some(match kind {
        "maximum" => &["anoxxxxxxxxxxxxxxxxx", "axxxxxxxxxxxxxxxxxno"],
        "long" => &[
            "CvcvnoCvcvCvcv",
            "CvcvCvcvnoCvcv",
            "CvcvCvcvCvcvno",
            "CvccnoCvcvCvcv",
            "CvccCvcvnoCvcv",
            "CvccCvcvCvcvno",
            "CvcvnoCvccCvcv",
            "CvcvCvccnoCvcv",
            "CvcvCvccCvcvno",
            "CvcvnoCvcvCvcc",
            "CvcvCvcvnoCvcc",
            "CvcvCvcvCvccno",
            "CvccnoCvccCvcv",
            "CvccCvccnoCvcv",
            "CvccCvccCvcvno",
            "CvcvnoCvccCvcc",
            "CvcvCvccnoCvcc",
            "CvcvCvccCvccno",
            "CvccnoCvcvCvcc",
            "CvccCvcvnoCvcc",
            "CvccCvcvCvccno",
        ],
        "medium" => &["CvcnoCvc", "CvcCvcno"],
        "short" => &["Cvcn"],
        "basic" => &["aaanaaan", "aannaaan", "aaannaaa"],
        "pin" => &["nnnn"],
        _ => return None,
    })
}

fn password_alphabet(class: char) -> &'static [u8] {
    match class {
        'V' => b"AEIOU",
        'C' => b"BCDFGHJKLMNPQRSTVWXYZ",
        'v' => b"aeiou",
        'c' => b"bcdfghjklmnpqrstvwxyz",
        'A' => b"AEIOUBCDFGHJKLMNPQRSTVWXYZ",
        'a' => b"AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz",
        'n' => b"0123456789",
        'o' => b"@&%?,=[]_:-+*$#!'^~;()/.",
        _ => b"AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz0123456789!@#$%^&*()",
    }
}

fn derive_password(_: &mut Scope<'_>, args: Args<'_>) -> Result<Value> {
    let counter = u32::try_from(args.int(0)).unwrap_or_default();
    let (kind, password, user, site) = (args.text(1), args.str(2), args.str(3), args.str(4));
    let Some(templates) = password_templates(&kind) else {
        return Ok(Value::string(format!("cannot find password template {kind}")));
    };
    let sized = |text: &[u8]| {
        let length = u32::try_from(text.len()).unwrap_or_default().to_be_bytes();
        [PASSWORD_SEED, &length, text].concat()
    };
    let failed =
        |error: &dyn std::fmt::Display| Error(format!("failed to derive password: {error}"));
    let parameters = scrypt::Params::new(15, 8, 2, 64).map_err(|e| failed(&e))?;
    let mut key = [0; 64];
    scrypt::scrypt(password.as_bytes(), &sized(user.as_bytes()), &parameters, &mut key)
        .map_err(|e| failed(&e))?;
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).map_err(|e| failed(&e))?;
    mac.update(&sized(site.as_bytes()));
    mac.update(&counter.to_be_bytes());
    let seed = mac.finalize().into_bytes();
    let mut seed = seed.iter().map(|byte| usize::from(*byte));
    let choice = seed.next().unwrap_or_default() % templates.len().max(1);
    let template = templates.get(choice).copied().unwrap_or_default();
    let chosen = template.chars().zip(seed).filter_map(|(class, byte)| {
        let alphabet = password_alphabet(class);
        alphabet.get(byte % alphabet.len().max(1)).copied()
    });
    Ok(Value::string(chosen.collect::<Vec<u8>>()))
}

const BLOCK: usize = 16;

fn aes_key(password: &[u8]) -> [u8; 32] {
    let mut key = [0; 32];
    for (slot, byte) in key.iter_mut().zip(password) {
        *slot = *byte;
    }
    key
}

fn encrypt(scope: &mut Scope<'_>, args: Args<'_>) -> Result<Value> {
    let text = args.str(1);
    if text.is_empty() {
        return Ok(Value::string(""));
    }
    let padding = BLOCK - text.len() % BLOCK;
    let mut content = text.as_bytes().to_vec();
    content.extend(std::iter::repeat_n(u8::try_from(padding).unwrap_or_default(), padding));
    let mut iv = [0; BLOCK];
    scope.environment().random(&mut iv);
    let key = aes_key(args.str(0).as_bytes());
    let cipher = cbc::Encryptor::<aes::Aes256>::new(&key.into(), &iv.into());
    let mut out = iv.to_vec();
    out.extend(cipher.encrypt_padded_vec_mut::<NoPadding>(&content));
    Ok(Value::string(STANDARD.encode(out)))
}

fn decrypt(_: &mut Scope<'_>, args: Args<'_>) -> Result<Value> {
    let text = args.str(1);
    if text.is_empty() {
        return Ok(Value::string(""));
    }
    let bad = |what: &str| Error(what.to_owned());
    let data = super::strings::base64_decoded(&text)
        .map_err(|at| Error(format!("illegal base64 data at input byte {at}")))?;
    let Some((iv, body)) = data.split_at_checked(BLOCK) else {
        let capacity = text.len() / 4 * 3;
        return Err(Error(if capacity < BLOCK {
            format!("runtime error: slice bounds out of range [:{BLOCK}] with capacity {capacity}")
        } else {
            format!("runtime error: slice bounds out of range [{BLOCK}:{}]", data.len())
        }));
    };
    let iv: [u8; BLOCK] = iv.try_into().unwrap_or_default();
    let key = aes_key(args.str(0).as_bytes());
    let cipher = cbc::Decryptor::<aes::Aes256>::new(&key.into(), &iv.into());
    let plain = cipher
        .decrypt_padded_vec_mut::<NoPadding>(body)
        .map_err(|_| bad("crypto/cipher: input not full blocks"))?;
    let padding = usize::from(plain.last().copied().unwrap_or_default());
    let length = plain.len().checked_sub(padding);
    let cut = length.and_then(|length| plain.get(..length));
    Ok(Value::string(cut.ok_or_else(|| bad("runtime error: slice bounds out of range"))?))
}

/// Random bytes for the crates that make keys.
pub(super) struct Random<'a>(pub(super) &'a dyn crate::Environment);

impl rand_core::RngCore for Random<'_> {
    fn next_u32(&mut self) -> u32 {
        let mut bytes = [0; 4];
        self.0.random(&mut bytes);
        u32::from_le_bytes(bytes)
    }

    fn next_u64(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.0.random(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    fn fill_bytes(&mut self, buffer: &mut [u8]) {
        self.0.random(buffer);
    }

    fn try_fill_bytes(&mut self, buffer: &mut [u8]) -> Result<(), rand_core::Error> {
        self.0.random(buffer);
        Ok(())
    }
}

impl rand_core::CryptoRng for Random<'_> {}

// The crate that finds primes has newer traits.
impl crypto_bigint::rand_core::TryRng for Random<'_> {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> std::result::Result<u32, Self::Error> {
        Ok(rand_core::RngCore::next_u32(self))
    }

    fn try_next_u64(&mut self) -> std::result::Result<u64, Self::Error> {
        Ok(rand_core::RngCore::next_u64(self))
    }

    fn try_fill_bytes(&mut self, buffer: &mut [u8]) -> std::result::Result<(), Self::Error> {
        self.0.random(buffer);
        Ok(())
    }
}

impl crypto_bigint::rand_core::TryCryptoRng for Random<'_> {}
