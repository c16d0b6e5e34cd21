//! Semantic versions and constraints as Masterminds/semver 3.5 reads them, which is what Helm,
//! Sprig and Flux use.

use std::cmp::Ordering;
use std::fmt;

use crate::quote::quote;
use crate::{Error, Result};

mod constraint;

pub use constraint::Constraint;

/// The longest version text read, in bytes.
const MAX_VERSION: usize = 256;

/// A version; `v1.2` is read as 1.2.0.
#[derive(Debug, Clone, Default)]
pub struct Version {
    /// The first number.
    pub major: u64,
    /// The second number.
    pub minor: u64,
    /// The third number.
    pub patch: u64,
    /// What follows the dash, empty if nothing.
    pub pre: String,
    /// What follows the plus, empty if nothing; ignored when comparing.
    pub metadata: String,
    original: String,
}

/// The parts of a version at the start of a text.
struct Parts<'t> {
    /// Up to three numbers; those that are missing are empty.
    numbers: [&'t str; 3],
    pre: &'t str,
    metadata: &'t str,
    /// What follows the version.
    rest: &'t str,
}

impl<'t> Parts<'t> {
    /// Reads the longest version: `v?N(.N)?(.N)?(-A(.A)*)?(+A(.A)*)?`; `None` without a number.
    fn of(text: &'t str, is_digit: fn(u8) -> bool) -> Option<Self> {
        let mut numbers = [""; 3];
        let mut rest = text.strip_prefix('v').unwrap_or(text);
        for (index, slot) in numbers.iter_mut().enumerate() {
            let tail = if index == 0 { Some(rest) } else { rest.strip_prefix('.') };
            let Some((number, after)) = tail.and_then(|tail| run(tail, is_digit)) else { break };
            (*slot, rest) = (number, after);
        }
        if numbers.first()?.is_empty() {
            return None;
        }
        let mut pre = "";
        if let Some((found, after)) = rest.strip_prefix('-').and_then(identifiers) {
            (pre, rest) = (found, after);
        }
        let mut metadata = "";
        if let Some((found, after)) = rest.strip_prefix('+').and_then(identifiers) {
            (metadata, rest) = (found, after);
        }
        Some(Self { numbers, pre, metadata, rest })
    }
}

/// The bytes of a kind that a text starts with, one at least, and the rest.
fn run(text: &str, belongs: fn(u8) -> bool) -> Option<(&str, &str)> {
    let length = text.bytes().take_while(|byte| belongs(*byte)).count();
    if length == 0 { None } else { text.split_at_checked(length) }
}

/// The identifiers with dots between them that a text starts with, and the rest.
fn identifiers(text: &str) -> Option<(&str, &str)> {
    let belongs = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let (_, mut rest) = run(text, belongs)?;
    while let Some((_, after)) = rest.strip_prefix('.').and_then(|tail| run(tail, belongs)) {
        rest = after;
    }
    text.split_at_checked(text.len() - rest.len())
}

impl Version {
    /// Reads a version leniently: a leading `v` and missing numbers are allowed.
    ///
    /// # Errors
    /// With Masterminds' text.
    pub fn parse(text: &str) -> Result<Self, Error> {
        if text.len() > MAX_VERSION {
            return Err(Error(format!("version string is too long (max {MAX_VERSION} bytes)")));
        }
        let invalid = || Error::new("invalid semantic version");
        let parts = Parts::of(text, |byte| byte.is_ascii_digit()).ok_or_else(invalid)?;
        if !parts.rest.is_empty() {
            return Err(invalid());
        }
        let number = |digits: &str| {
            match digits {
            "" => Ok(0),
            digits => digits.parse::<u64>().map_err(|_| {
                let shown = quote(digits.as_bytes());
                Error(format!(
                    "error parsing version segment: strconv.ParseUint: parsing {shown}: value out of range"
                ))
            }),
        }
        };
        let [major, minor, patch] = parts.numbers;
        let version = Self {
            major: number(major)?,
            minor: number(minor)?,
            patch: number(patch)?,
            pre: parts.pre.to_owned(),
            metadata: parts.metadata.to_owned(),
            original: text.to_owned(),
        };
        version.check_prerelease()?;
        Ok(version)
    }

    /// Reads a version strictly: three numbers, no `v`, no leading zeros.
    ///
    /// # Errors
    /// With Masterminds' text.
    pub fn parse_strict(text: &str) -> Result<Self, Error> {
        if text.is_empty() {
            return Err(Error::new("version string empty"));
        }
        let parts: Vec<&str> = text.splitn(3, '.').collect();
        let [major, minor, rest] = parts.as_slice() else {
            return Err(Error::new("invalid semantic version"));
        };
        let patch = rest.split(['+', '-']).next().unwrap_or_default();
        for part in [*major, *minor, patch] {
            if part.is_empty() || !part.bytes().all(|b| b.is_ascii_digit()) {
                return Err(Error::new("invalid characters in version"));
            }
            if part.len() > 1 && part.starts_with('0') {
                return Err(Error::new("version segment starts with 0"));
            }
        }
        Self::parse(text)
    }

    fn check_prerelease(&self) -> Result<()> {
        for part in self.pre.split('.').filter(|p| !p.is_empty()) {
            let numeric = part.bytes().all(|b| b.is_ascii_digit());
            if numeric && part.len() > 1 && part.starts_with('0') {
                return Err(Error::new("version segment starts with 0"));
            }
        }
        Ok(())
    }

    /// The text it was read from.
    pub fn original(&self) -> &str {
        &self.original
    }

    /// Compares by precedence; build metadata does not count.
    pub fn compare(&self, other: &Self) -> Ordering {
        let numbers = |v: &Self| (v.major, v.minor, v.patch);
        numbers(self).cmp(&numbers(other)).then_with(|| compare_prerelease(&self.pre, &other.pre))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)?;
        if !self.pre.is_empty() {
            write!(f, "-{}", self.pre)?;
        }
        if !self.metadata.is_empty() {
            write!(f, "+{}", self.metadata)?;
        }
        Ok(())
    }
}

fn compare_prerelease(left: &str, right: &str) -> Ordering {
    match (left.is_empty(), right.is_empty()) {
        (true, true) => return Ordering::Equal,
        (true, false) => return Ordering::Greater,
        (false, true) => return Ordering::Less,
        (false, false) => {}
    }
    let (mut left, mut right) = (left.split('.'), right.split('.'));
    loop {
        match (left.next(), right.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(l), Some(r)) => {
                let ordering = compare_part(l, r);
                if ordering != Ordering::Equal {
                    return ordering;
                }
            }
        }
    }
}

fn compare_part(left: &str, right: &str) -> Ordering {
    match (left.parse::<u64>(), right.parse::<u64>()) {
        (Ok(l), Ok(r)) => l.cmp(&r),
        (Ok(_), Err(_)) => Ordering::Less,
        (Err(_), Ok(_)) => Ordering::Greater,
        (Err(_), Err(_)) => left.cmp(right),
    }
}
