//! The functions of Sprig 3.3.

use crate::function::Row;

mod certificate;
mod crypto;
mod date;
mod der;
mod dict;
mod general;
mod list;
mod math;
mod merge;
mod network;
mod password;
mod path;
mod regex;
mod rsa_key;
mod strings;
mod words;

/// The tables of all functions.
pub(crate) const TABLES: &[&[Row]] = &[
    crypto::TABLE,
    certificate::TABLE,
    date::TABLE,
    dict::TABLE,
    general::TABLE,
    list::TABLE,
    math::TABLE,
    network::TABLE,
    path::TABLE,
    regex::TABLE,
    strings::TABLE,
];

/// Standard base64 with padding.
pub(crate) fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}
