//! String formats and patterns of structural schemas.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::{Timestamp, civil};
use regex::Regex;

use super::cel_value;

/// True if the text is of the format. Unknown formats accept everything, as on the API server.
pub(super) fn accepts(format: &str, text: &str) -> bool {
    match format {
        "date-time" | "datetime" => text.parse::<Timestamp>().is_ok(),
        "date" => text.parse::<civil::Date>().is_ok(),
        "duration" => cel_value::duration(text).is_some() || matches(SPOKEN_DURATION, text),
        "byte" => STANDARD.decode(text).is_ok(),
        "ipv4" => text.parse::<Ipv4Addr>().is_ok(),
        "ipv6" => text.parse::<Ipv6Addr>().is_ok(),
        "cidr" => is_cidr(text),
        "uri" => text.starts_with('/') || matches("^[A-Za-z][A-Za-z0-9+.-]*:[^ ]*$", text),
        "email" => {
            text.rsplit_once('@').is_some_and(|(user, host)| !user.is_empty() && !host.is_empty())
        }
        "hostname" => is_hostname(text),
        "mac" => matches("^([0-9A-Fa-f]{2}[:-]){5}([0-9A-Fa-f]{2}[:-]){0,2}[0-9A-Fa-f]{2}$", text),
        "uuid" => matches(UUID, text),
        "uuid3" | "uuid4" | "uuid5" => {
            matches(UUID, text) && version_of(text) == format.chars().last()
        }
        "bsonobjectid" => matches("^[0-9A-Fa-f]{24}$", text),
        "hexcolor" => matches("^#?([0-9A-Fa-f]{3}|[0-9A-Fa-f]{6})$", text),
        "ssn" => matches(r"^\d{3}[- ]?\d{2}[- ]?\d{4}$", text),
        _ => true,
    }
}

const UUID: &str =
    "^[0-9A-Fa-f]{8}-?[0-9A-Fa-f]{4}-?[0-9A-Fa-f]{4}-?[0-9A-Fa-f]{4}-?[0-9A-Fa-f]{12}$";

/// Such as `2 days`, which the validation library takes besides Go's notation.
const SPOKEN_DURATION: &str = r"^(\d+ *(ns|nano|us|micro|ms|milli|s|sec|second|m|min|minute|h|hr|hour|d|day|w|week|wk)s? *)+$";

fn version_of(uuid: &str) -> Option<char> {
    uuid.chars().filter(|c| *c != '-').nth(12)
}

/// An address and a number of bits.
pub(super) fn is_cidr(text: &str) -> bool {
    let Some((address, bits)) = text.split_once('/') else { return false };
    let Ok(bits) = bits.parse::<u8>() else { return false };
    (address.parse::<Ipv4Addr>().is_ok() && bits <= 32)
        || (address.parse::<Ipv6Addr>().is_ok() && bits <= 128)
}

/// One label, or several with a top-level domain of at least two letters.
fn is_hostname(text: &str) -> bool {
    let label = |label: &str| {
        let inner = label.chars().all(|c| c.is_alphanumeric() || c == '-');
        inner
            && !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let top = |label: &str| label.len() >= 2 && label.chars().all(char::is_alphabetic);
    match text.rsplit_once('.') {
        None => label(text),
        Some((labels, last)) => labels.split('.').all(label) && top(last) && last.len() <= 63,
    }
}

/// True if one of the expressions of this module matches; each is compiled once.
fn matches(pattern: &'static str, text: &str) -> bool {
    static COMPILED: Mutex<BTreeMap<&str, Option<Regex>>> = Mutex::new(BTreeMap::new());
    let mut compiled = COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
    let regex = compiled.entry(pattern).or_insert_with(|| Regex::new(pattern).ok());
    regex.as_ref().is_some_and(|regex| regex.is_match(text))
}
