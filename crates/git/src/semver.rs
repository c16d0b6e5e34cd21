//! Version ranges as Masterminds' semver package for Go reads them, which is what `spec.ref.semver`
//! and its siblings mean: wider than the `semver` crate's grammar, and with its own rules for
//! prereleases and wildcards.

use std::{cmp::Ordering, fmt, str::FromStr};

use semver::{BuildMetadata, Prerelease, Version};

use crate::Error;

/// A range such as `>=1.2.0 <2.0.0 || ^3.x`, `1.2 - 2.4.5` or `~1.4.0-0`.
///
/// Prereleases match only where a comparison of the same `||` alternative names one.
#[derive(Debug, Clone)]
pub struct Range {
    text: String,
    alternatives: Vec<Vec<Comparison>>,
}

#[derive(Debug, Clone)]
struct Comparison {
    operator: Operator,
    version: Version,
    wildcard: Wildcard,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Greater,
    GreaterEqual,
    Less,
    LessEqual,
    Tilde,
    Caret,
}

/// The first part of a version that is missing, `x`, `X` or `*`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wildcard {
    None,
    Patch,
    Minor,
    Major,
}

/// Parses a tag as a version: three strict numbers, an optional `v` before them.
pub fn parse_version(tag: &str) -> Option<Version> {
    Version::parse(tag.strip_prefix('v').unwrap_or(tag)).ok()
}

impl Range {
    /// Whether `version` lies in the range.
    pub fn matches(&self, version: &Version) -> bool {
        self.alternatives.iter().any(|alternative| {
            let prereleases =
                alternative.iter().any(|comparison| !comparison.version.pre.is_empty());
            (version.pre.is_empty() || prereleases)
                && alternative.iter().all(|comparison| comparison.matches(version))
        })
    }
}

impl fmt::Display for Range {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl PartialEq for Range {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Range {}

impl Comparison {
    fn matches(&self, version: &Version) -> bool {
        let order = version.cmp_precedence(&self.version);
        match self.operator {
            Operator::Equal if self.wildcard == Wildcard::None => order == Ordering::Equal,
            Operator::Equal | Operator::Tilde => order != Ordering::Less && self.tilde(version),
            Operator::NotEqual => self.differs(version),
            Operator::Greater => self.greater(version),
            Operator::GreaterEqual => order != Ordering::Less,
            Operator::Less => order == Ordering::Less,
            Operator::LessEqual => self.less_or_equal(version),
            Operator::Caret => order != Ordering::Less && self.caret(version),
        }
    }

    fn same_major(&self, version: &Version) -> bool {
        version.major == self.version.major
    }

    fn same_minor(&self, version: &Version) -> bool {
        self.same_major(version) && version.minor == self.version.minor
    }

    fn tilde(&self, version: &Version) -> bool {
        let zero = (self.version.major, self.version.minor, self.version.patch) == (0, 0, 0);
        // `~0.0.0`, like `*`, accepts every version.
        if zero && matches!(self.wildcard, Wildcard::None | Wildcard::Major) {
            return true;
        }
        match self.wildcard {
            Wildcard::Minor => self.same_major(version),
            _ => self.same_minor(version),
        }
    }

    fn caret(&self, version: &Version) -> bool {
        if self.version.major > 0 || self.wildcard == Wildcard::Minor {
            return self.same_major(version);
        }
        if self.version.minor > 0 || self.wildcard == Wildcard::Patch {
            return self.same_minor(version);
        }
        self.same_minor(version) && version.patch == self.version.patch
    }

    fn differs(&self, version: &Version) -> bool {
        match self.wildcard {
            Wildcard::None => version.cmp_precedence(&self.version) != Ordering::Equal,
            Wildcard::Minor => !self.same_major(version),
            Wildcard::Patch if version.pre.is_empty() && self.version.pre.is_empty() => {
                !self.same_minor(version)
            }
            Wildcard::Patch => !self.same_minor(version) || version.pre != self.version.pre,
            Wildcard::Major => version.cmp_precedence(&self.version) != Ordering::Equal,
        }
    }

    fn greater(&self, version: &Version) -> bool {
        match self.wildcard {
            Wildcard::None | Wildcard::Major => {
                version.cmp_precedence(&self.version) == Ordering::Greater
            }
            Wildcard::Minor => version.major > self.version.major,
            Wildcard::Patch => {
                (version.major, version.minor) > (self.version.major, self.version.minor)
            }
        }
    }

    fn less_or_equal(&self, version: &Version) -> bool {
        match self.wildcard {
            Wildcard::None => version.cmp_precedence(&self.version) != Ordering::Greater,
            Wildcard::Minor => version.major <= self.version.major,
            Wildcard::Patch | Wildcard::Major => {
                (version.major, version.minor) <= (self.version.major, self.version.minor)
            }
        }
    }
}

impl FromStr for Range {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let alternatives = text.split("||").map(parse_alternative).collect::<Option<Vec<_>>>();
        let alternatives =
            alternatives.ok_or_else(|| Error::Invalid(format!("improper constraint: {text}")))?;
        Ok(Self { text: text.to_owned(), alternatives })
    }
}

/// Comparisons separated by spaces or commas, at least one.
fn parse_alternative(text: &str) -> Option<Vec<Comparison>> {
    let mut rest = text.trim();
    let mut comparisons = Vec::new();
    loop {
        let (operator, after) = parse_operator(rest);
        let (version, wildcard, after) = parse_partial(after.trim_start())?;
        let upper = after.trim_start().strip_prefix('-').filter(|upper| {
            after.starts_with(char::is_whitespace) && upper.starts_with(char::is_whitespace)
        });
        rest = match (operator, upper) {
            (None, Some(upper)) => {
                comparisons.push(Comparison {
                    operator: Operator::GreaterEqual,
                    version,
                    wildcard,
                });
                let (version, wildcard, after) = parse_partial(upper.trim_start())?;
                comparisons.push(Comparison { operator: Operator::LessEqual, version, wildcard });
                after
            }
            (operator, _) => {
                comparisons.push(Comparison {
                    operator: operator.unwrap_or(Operator::Equal),
                    version,
                    wildcard,
                });
                after
            }
        };
        let next = rest.trim_start();
        if next.is_empty() {
            return Some(comparisons);
        }
        rest = match next.strip_prefix(',') {
            Some(next) => next.trim_start(),
            None if rest.starts_with(char::is_whitespace) => next,
            None => return None,
        };
    }
}

fn parse_operator(text: &str) -> (Option<Operator>, &str) {
    const OPERATORS: [(&str, Operator); 11] = [
        (">=", Operator::GreaterEqual),
        ("=>", Operator::GreaterEqual),
        ("<=", Operator::LessEqual),
        ("=<", Operator::LessEqual),
        ("!=", Operator::NotEqual),
        ("~>", Operator::Tilde),
        ("=", Operator::Equal),
        (">", Operator::Greater),
        ("<", Operator::Less),
        ("~", Operator::Tilde),
        ("^", Operator::Caret),
    ];
    OPERATORS
        .iter()
        .find_map(|(sign, operator)| Some((Some(*operator), text.strip_prefix(sign)?)))
        .unwrap_or((None, text))
}

/// A version that may miss parts, with what follows it.
fn parse_partial(text: &str) -> Option<(Version, Wildcard, &str)> {
    let text = text.strip_prefix('v').unwrap_or(text);
    let end = text.find(|c: char| c.is_whitespace() || c == ',').unwrap_or(text.len());
    let (word, rest) = text.split_at_checked(end)?;
    let (word, _build) = match word.split_once('+') {
        Some((word, build)) => (word, BuildMetadata::new(build).ok().filter(|it| !it.is_empty())?),
        None => (word, BuildMetadata::EMPTY),
    };
    let (numbers, pre) = match word.split_once('-') {
        Some((numbers, pre)) => (numbers, Prerelease::new(pre).ok().filter(|it| !it.is_empty())?),
        None => (word, Prerelease::EMPTY),
    };
    let mut parts = numbers.split('.').map(parse_number);
    let major = parts.next()??;
    let minor = parts.next().unwrap_or(Some(Number::Any))?;
    let patch = parts.next().unwrap_or(Some(Number::Any))?;
    if parts.next().is_some() {
        return None;
    }
    let version =
        |major, minor, patch| Version { major, minor, patch, pre, build: BuildMetadata::EMPTY };
    let (version, wildcard) = match (major, minor, patch) {
        (Number::Any, _, _) => (version(0, 0, 0), Wildcard::Major),
        (Number::Exactly(major), Number::Any, _) => (version(major, 0, 0), Wildcard::Minor),
        (Number::Exactly(major), Number::Exactly(minor), Number::Any) => {
            (version(major, minor, 0), Wildcard::Patch)
        }
        (Number::Exactly(major), Number::Exactly(minor), Number::Exactly(patch)) => {
            (version(major, minor, patch), Wildcard::None)
        }
    };
    Some((version, wildcard, rest))
}

enum Number {
    Any,
    Exactly(u64),
}

fn parse_number(text: &str) -> Option<Number> {
    match text {
        "x" | "X" | "*" => Some(Number::Any),
        digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            digits.parse().ok().map(Number::Exactly)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
