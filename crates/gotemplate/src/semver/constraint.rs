//! Constraints: `>=1.2 <2 || ^3.0.0-0`.

use std::cmp::Ordering;
use std::sync::OnceLock;

use regex::Regex;

use super::{Parts, Version, compare_prerelease};
use crate::quote::quote;
use crate::{Error, Result};

/// The longest constraint text read, in bytes.
const MAX_CONSTRAINT: usize = 512;

/// The most alternatives separated by `||`.
const MAX_GROUPS: usize = 32;

/// A constraint on versions: alternatives of comparisons that must all hold.
#[derive(Debug, Clone)]
pub struct Constraint {
    groups: Vec<Vec<Comparison>>,
}

#[derive(Debug, Clone)]
struct Comparison {
    operator: Operator,
    version: Version,
    original: String,
    minor_dirty: bool,
    dirty: bool,
    patch_dirty: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Greater,
    Less,
    GreaterEqual,
    LessEqual,
    Tilde,
    Caret,
}

struct Patterns {
    valid: Regex,
    find: Regex,
    single: Regex,
    range: Regex,
}

fn patterns() -> Option<&'static Patterns> {
    static PATTERNS: OnceLock<Option<Patterns>> = OnceLock::new();
    PATTERNS.get_or_init(|| build_patterns().ok()).as_ref()
}

fn build_patterns() -> Result<Patterns, regex::Error> {
    let version = concat!(
        r"v?([0-9|x|X|\*]+)(\.[0-9|x|X|\*]+)?(\.[0-9|x|X|\*]+)?",
        r"(-([0-9A-Za-z\-]+(\.[0-9A-Za-z\-]+)*))?",
        r"(\+([0-9A-Za-z\-]+(\.[0-9A-Za-z\-]+)*))?"
    );
    let operators = r"=||!=|>|<|>=|=>|<=|=<|~|~>|\^";
    Ok(Patterns {
        valid: Regex::new(&format!(
            r"^([\t\n\f\r ]*({operators})[\t\n\f\r ]*({version})[\t\n\f\r ]*)((?:[\t\n\f\r ]+|,[\t\n\f\r ]*)({operators})[\t\n\f\r ]*({version})[\t\n\f\r ]*)*$"
        ))?,
        find: Regex::new(&format!(r"({operators})[\t\n\f\r ]*({version})"))?,
        single: Regex::new(&format!(
            r"^[\t\n\f\r ]*({operators})[\t\n\f\r ]*({version})[\t\n\f\r ]*$"
        ))?,
        range: Regex::new(&format!(
            r"[\t\n\f\r ]*({version})[\t\n\f\r ]+-[\t\n\f\r ]+({version})[\t\n\f\r ]*"
        ))?,
    })
}

impl Constraint {
    /// Reads a constraint.
    ///
    /// # Errors
    /// With Masterminds' text.
    pub fn parse(text: &str) -> Result<Self, Error> {
        if text.len() > MAX_CONSTRAINT {
            return Err(Error(format!(
                "constraint string is too long (max {MAX_CONSTRAINT} bytes)"
            )));
        }
        let groups = plain(text).unwrap_or_else(|| by_expressions(text))?;
        Ok(Self { groups })
    }

    /// True when the version satisfies one of the alternatives. A prerelease satisfies only an
    /// alternative that names a prerelease itself.
    pub fn check(&self, version: &Version) -> bool {
        self.groups.iter().any(|group| {
            let pre = group.iter().any(|c| !c.version.pre.is_empty());
            group.iter().all(|comparison| comparison.holds(version, pre).is_ok())
        })
    }

    /// Why the version does not satisfy the constraint; empty when it does.
    pub fn failures(&self, version: &Version) -> Vec<String> {
        let mut failures = Vec::new();
        let mut told = false;
        for group in &self.groups {
            let pre = group.iter().any(|c| !c.version.pre.is_empty());
            let mut holds = true;
            for comparison in group {
                if let Err(failure) = comparison.holds(version, pre) {
                    holds = false;
                    let prerelease = !pre && !version.pre.is_empty();
                    if !prerelease || !told {
                        failures.push(failure);
                    }
                    told |= prerelease;
                }
            }
            if holds {
                return Vec::new();
            }
        }
        failures
    }
}

/// Reads any constraint.
fn by_expressions(text: &str) -> Result<Vec<Vec<Comparison>>> {
    let patterns = patterns().ok_or_else(|| Error::new("constraint parser error"))?;
    let text = rewrite_ranges(text, patterns);
    let alternatives: Vec<&str> = text.split("||").collect();
    if alternatives.len() > MAX_GROUPS {
        return Err(Error(format!("too many constraint groups (max {MAX_GROUPS})")));
    }
    let mut groups = Vec::with_capacity(alternatives.len());
    for alternative in alternatives {
        if !patterns.valid.is_match(alternative) {
            return Err(improper(alternative));
        }
        let found = patterns.find.find_iter(alternative).map(|m| m.as_str());
        let group: Result<Vec<_>> = found.map(|text| Comparison::parse(text, patterns)).collect();
        groups.push(group?);
    }
    Ok(groups)
}

/// Reads a constraint that is written as most are, without compiling the expressions that decide
/// about all others; `None` when it is one of those.
fn plain(text: &str) -> Option<Result<Vec<Vec<Comparison>>>> {
    let bytes = text.as_bytes();
    let may_be_range = bytes.windows(2).any(|pair| matches!(pair, [b, b'-'] if is_space(*b)));
    if may_be_range || text.split("||").count() > MAX_GROUPS {
        return None;
    }
    let groups: Option<Vec<_>> = text.split("||").map(plain_group).collect();
    let comparisons = |group: Vec<(Operator, &str, Parts<'_>)>| -> Result<Vec<Comparison>> {
        let group = group.into_iter();
        group.map(|(operator, whole, parts)| Comparison::of(operator, whole, &parts)).collect()
    };
    Some(groups?.into_iter().map(comparisons).collect())
}

/// The comparisons of an alternative, each with its version as it is written.
fn plain_group(text: &str) -> Option<Vec<(Operator, &str, Parts<'_>)>> {
    const OPERATORS: &[&str] = &["!=", ">=", "=>", "<=", "=<", "~>", "=", ">", "<", "~", "^"];
    let is_digit = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'x' | b'X' | b'*');
    let mut found = Vec::new();
    let mut rest = text.trim_start_matches(SPACES);
    loop {
        let operator = OPERATORS.iter().find(|operator| rest.starts_with(**operator));
        let operator = operator.copied().unwrap_or_default();
        let whole = rest.strip_prefix(operator)?.trim_start_matches(SPACES);
        let parts = Parts::of(whole, is_digit)?;
        let after = parts.rest;
        found.push((Operator::of(operator), whole.strip_suffix(after)?, parts));
        rest = after.trim_start_matches(SPACES);
        if rest.is_empty() {
            return Some(found);
        }
        let spaced = rest.len() < after.len();
        match rest.strip_prefix(',') {
            Some(tail) => rest = tail.trim_start_matches(SPACES),
            None if spaced => {}
            None => return None,
        }
    }
}

/// What the expressions take for white space.
const SPACES: [char; 5] = ['\t', '\n', '\x0c', '\r', ' '];

fn is_space(byte: u8) -> bool {
    SPACES.contains(&char::from(byte))
}

impl Operator {
    fn of(text: &str) -> Self {
        match text {
            "!=" => Self::NotEqual,
            ">" => Self::Greater,
            "<" => Self::Less,
            ">=" | "=>" => Self::GreaterEqual,
            "<=" | "=<" => Self::LessEqual,
            "~" | "~>" => Self::Tilde,
            "^" => Self::Caret,
            _ => Self::Equal,
        }
    }
}

fn improper(text: &str) -> Error {
    Error(format!("improper constraint: {}", quote(text.as_bytes())))
}

/// `1.2 - 3` becomes `>= 1.2, <= 3 `.
fn rewrite_ranges(text: &str, patterns: &Patterns) -> String {
    let mut out = text.to_owned();
    for captures in patterns.range.captures_iter(text) {
        let part = |index: usize| captures.get(index).map_or("", |m| m.as_str());
        let rewritten = format!(">= {}, <= {} ", part(1), part(11));
        out = out.replacen(part(0), &rewritten, 1);
    }
    out
}

fn is_x(text: &str) -> bool {
    matches!(text, "x" | "X" | "*")
}

impl Comparison {
    fn parse(text: &str, patterns: &Patterns) -> Result<Self> {
        let captures = patterns.single.captures(text).ok_or_else(|| improper(text))?;
        let part = |index: usize| captures.get(index).map_or("", |m| m.as_str());
        let bare = |index: usize| part(index).trim_start_matches('.');
        let numbers = [part(3), bare(4), bare(5)];
        let pre = part(6).strip_prefix('-').unwrap_or_default();
        let parts = Parts { numbers, pre, metadata: "", rest: "" };
        Self::of(Operator::of(part(1)), part(2), &parts)
    }

    /// A comparison with a version of these parts, written as `whole`.
    fn of(operator: Operator, whole: &str, parts: &Parts<'_>) -> Result<Self> {
        let [major, minor, patch] = parts.numbers;
        let dash = if parts.pre.is_empty() { "" } else { "-" };
        let pre = parts.pre;
        let (mut dirty, mut minor_dirty, mut patch_dirty) = (true, false, false);
        let version = if is_x(major) || major.is_empty() {
            format!("0.0.0{dash}{pre}")
        } else if is_x(minor) || minor.is_empty() {
            minor_dirty = true;
            format!("{major}.0.0{dash}{pre}")
        } else if is_x(patch) || patch.is_empty() {
            patch_dirty = true;
            format!("{major}.{minor}.0{dash}{pre}")
        } else {
            dirty = false;
            whole.to_owned()
        };
        let version =
            Version::parse(&version).map_err(|_| Error::new("constraint parser error"))?;
        let original = whole.to_owned();
        Ok(Self { operator, version, original, minor_dirty, dirty, patch_dirty })
    }

    fn holds(&self, version: &Version, pre: bool) -> Result<(), String> {
        if !version.pre.is_empty() && !pre {
            let shown = quote(version.to_string().as_bytes());
            return Err(format!(
                "{shown} is a prerelease version and the constraint is only looking for release versions"
            ));
        }
        match self.operator {
            Operator::Equal if self.dirty => self.tilde(version),
            Operator::Equal => {
                self.demand(version.compare(&self.version).is_eq(), version, "is not equal to")
            }
            Operator::NotEqual => self.demand(self.differs(version), version, "is equal to"),
            Operator::Greater => {
                self.demand(self.is_below(version), version, "is less than or equal to")
            }
            Operator::Less => {
                let less = version.compare(&self.version).is_lt();
                self.demand(less, version, "is greater than or equal to")
            }
            Operator::GreaterEqual => self.not_less(version),
            Operator::LessEqual => {
                self.demand(self.is_at_most(version), version, "is greater than")
            }
            Operator::Tilde => self.tilde(version),
            Operator::Caret => self.caret(version),
        }
    }

    fn demand(&self, holds: bool, version: &Version, otherwise: &str) -> Result<(), String> {
        if holds {
            return Ok(());
        }
        let version = quote(version.to_string().as_bytes());
        let original = quote(self.original.as_bytes());
        Err(format!("{version} {otherwise} {original}"))
    }

    fn not_less(&self, version: &Version) -> Result<(), String> {
        self.demand(version.compare(&self.version).is_ge(), version, "is less than")
    }

    fn differs(&self, version: &Version) -> bool {
        let wanted = &self.version;
        if !self.dirty {
            return version.compare(wanted) != Ordering::Equal;
        }
        if wanted.major != version.major {
            return true;
        }
        if self.minor_dirty {
            return false;
        }
        if wanted.minor != version.minor {
            return true;
        }
        if self.patch_dirty {
            return (!version.pre.is_empty() || !wanted.pre.is_empty())
                && compare_prerelease(&version.pre, &wanted.pre) != Ordering::Equal;
        }
        wanted.patch != version.patch || version.compare(wanted) != Ordering::Equal
    }

    fn is_below(&self, version: &Version) -> bool {
        let wanted = &self.version;
        if !self.dirty {
            return version.compare(wanted).is_gt();
        }
        match version.major.cmp(&wanted.major) {
            Ordering::Greater => true,
            Ordering::Less => false,
            Ordering::Equal if self.minor_dirty => false,
            Ordering::Equal if self.patch_dirty => version.minor > wanted.minor,
            Ordering::Equal => version.compare(wanted).is_gt(),
        }
    }

    fn is_at_most(&self, version: &Version) -> bool {
        let wanted = &self.version;
        if !self.dirty {
            return version.compare(wanted).is_le();
        }
        version.major <= wanted.major
            && (version.major != wanted.major || version.minor <= wanted.minor || self.minor_dirty)
    }

    fn tilde(&self, version: &Version) -> Result<(), String> {
        let wanted = &self.version;
        self.not_less(version)?;
        let zero = (wanted.major, wanted.minor, wanted.patch) == (0, 0, 0);
        if zero && !self.minor_dirty && !self.patch_dirty {
            return Ok(());
        }
        self.demand(version.major == wanted.major, version, "does not have same major version as")?;
        self.demand(
            version.minor == wanted.minor || self.minor_dirty,
            version,
            "does not have same major and minor version as",
        )
    }

    fn caret(&self, version: &Version) -> Result<(), String> {
        const MAJOR: &str = "does not have same major version as";
        const MINOR: &str = "does not have same minor version as";
        let wanted = &self.version;
        self.not_less(version)?;
        if wanted.major > 0 || self.minor_dirty {
            return self.demand(version.major == wanted.major, version, MAJOR);
        }
        self.demand(version.major == 0, version, MAJOR)?;
        if wanted.minor > 0 || self.patch_dirty {
            return self.demand(version.minor == wanted.minor, version, MINOR).map_err(|e| {
                format!("{e}. Expected minor versions to match when constraint major version is 0")
            });
        }
        self.demand(version.minor == 0, version, MINOR)?;
        self.demand(version.patch == wanted.patch, version, "does not equal").map_err(|e| {
            format!(
                "{e}. Expect version and constraint to equal when major and minor versions are 0"
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{by_expressions, plain};

    /// What is read without expressions is what they would read.
    #[test]
    fn plain_constraints_mean_what_the_expressions_say() {
        let texts = [
            "1",
            "1.2",
            "v1.2.3",
            "=1.2.3",
            "!=1.2.3",
            ">1",
            ">=1.2",
            "=>1.2",
            "<1",
            "<=1",
            "=<1",
            "~1.2",
            "~>1.2.3",
            "^1.2.3",
            "^1.2.3-0",
            ">=1.2.3--x.y+b.c",
            ">= 1.2 < 3",
            ">=1.2,<3",
            ">=1.2 , <3",
            " >=1.2\t<3 || ^4 ",
            "*",
            "x",
            "1.x",
            "1.2.*",
            "1.X.3",
            ">=1.21.0-0",
            "1.2.3+meta",
            ">=1.2-0 <2.0.0-0",
            "11x",
            "1xx.2",
            "1.2 1.3",
            "> v1.2",
            "~ 1",
            "01.2",
            "1.2.3-01",
            "99999999999999999999",
        ];
        for text in texts {
            let plain = plain(text).expect(text);
            assert_eq!(format!("{plain:?}"), format!("{:?}", by_expressions(text)), "{text}");
        }
    }

    #[test]
    fn all_others_are_left_to_the_expressions() {
        let texts = [
            "",
            " ",
            "1.2.3.4",
            "1.2 - 2",
            "1 ||",
            "a",
            ">",
            ">=1.2;<3",
            "1|2",
            ">=1.2,",
            ",1",
            "1.2.3-",
            ">==1",
            "1.2.",
            ">=1.2.3-a..b",
            "v",
            "1é",
        ];
        for text in texts {
            assert!(plain(text).is_none(), "{text}");
        }
    }
}
