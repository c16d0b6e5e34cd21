//! The rules for names, and the names the server makes itself.

/// Why a name was refused, in the words of apimachinery's `validation` package.
pub(crate) const DNS_SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric \
    characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used \
    for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
/// The message for names that must be one DNS label.
pub(crate) const DNS_LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters \
    or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for \
    validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
/// The message for names that must start with a letter.
pub(crate) const DNS_1035: &str = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', \
    start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', \
    regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
/// The message for label values.
pub(crate) const LABEL_VALUE: &str = "a valid label must be an empty string or consist of alphanumeric characters, \
    '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or \
    '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
/// The message for the name part of label and annotation keys.
pub(crate) const QUALIFIED: &str = "name part must consist of alphanumeric characters, '-', '_' or '.', and must \
    start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for \
    validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";

/// The longest DNS label, label value and name part of a key.
pub(crate) const LABEL_MAX: usize = 63;
const SUBDOMAIN_MAX: usize = 253;

/// One lower case DNS label.
pub(crate) fn is_dns_label(text: &str) -> bool {
    let inner = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
    !text.is_empty()
        && text.len() <= LABEL_MAX
        && text.bytes().all(inner)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// Dots between DNS labels, at most 253 bytes.
pub(crate) fn is_dns_subdomain(text: &str) -> bool {
    let label = |part: &str| {
        let inner = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
        !part.is_empty()
            && part.bytes().all(inner)
            && !part.starts_with('-')
            && !part.ends_with('-')
    };
    text.len() <= SUBDOMAIN_MAX && text.split('.').all(label)
}

/// The name part of a label key, and a non-empty label value.
pub(crate) fn is_qualified_part(text: &str) -> bool {
    let edge = |c: Option<u8>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    text.len() <= LABEL_MAX
        && edge(text.bytes().next())
        && edge(text.bytes().last())
        && text.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.'))
}

/// What a kind's names look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NameRule {
    Subdomain,
    Label,
    /// A path segment: anything but `.`, `..`, `/` and `%` (RBAC objects).
    Segment,
}

impl NameRule {
    /// The rule for a built-in kind; custom resources take subdomains.
    pub(crate) fn of(group: &str, kind: &str) -> Self {
        match (group, kind) {
            ("", "Namespace" | "Service") => Self::Label,
            ("rbac.authorization.k8s.io", _) => Self::Segment,
            _ => Self::Subdomain,
        }
    }

    /// The message to refuse `name` with, when it breaks the rule.
    pub(crate) fn check(self, name: &str) -> Option<String> {
        let too_long = |max: usize| {
            (name.len() > max).then(|| format!("must be no more than {max} characters"))
        };
        match self {
            Self::Subdomain if !is_dns_subdomain(name) => {
                Some(too_long(SUBDOMAIN_MAX).unwrap_or_else(|| DNS_SUBDOMAIN.to_owned()))
            }
            Self::Label if !is_dns_label(name) => {
                Some(too_long(LABEL_MAX).unwrap_or_else(|| DNS_LABEL.to_owned()))
            }
            Self::Segment if matches!(name, "." | "..") => Some(format!("may not be '{name}'")),
            Self::Segment => {
                let bad = name.chars().find(|c| matches!(c, '/' | '%'))?;
                Some(format!("may not contain '{bad}'"))
            }
            _ => None,
        }
    }
}

/// The longest base of a generated name; five random characters follow.
const GENERATED_BASE_MAX: usize = 58;
const GENERATED_ALPHABET: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";

/// A source of uids and name suffixes: SplitMix64, seeded per server. Not for secrets.
#[derive(Debug)]
pub(crate) struct Random(std::sync::atomic::AtomicU64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(std::sync::atomic::AtomicU64::new(seed))
    }

    pub(crate) fn next(&self) -> u64 {
        const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;
        let state =
            self.0.fetch_add(GAMMA, std::sync::atomic::Ordering::Relaxed).wrapping_add(GAMMA);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A version 4 UUID.
    pub(crate) fn uid(&self) -> String {
        let (high, low) = (self.next(), self.next());
        format!(
            "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xffff,
            high & 0xfff,
            0x8000 | (low >> 48) & 0x3fff,
            low & 0xffff_ffff_ffff
        )
    }

    /// Five characters of the alphabet that `generateName` uses.
    pub(crate) fn suffix(&self) -> String {
        let mut random = self.next();
        (0..5)
            .filter_map(|_| {
                let at = usize::try_from(random % 27).ok()?;
                random /= 27;
                GENERATED_ALPHABET.get(at).map(|b| char::from(*b))
            })
            .collect()
    }

    /// `generateName` made into a name.
    pub(crate) fn generate(&self, base: &str) -> String {
        let end = (0..=base.len().min(GENERATED_BASE_MAX))
            .rev()
            .find(|at| base.is_char_boundary(*at))
            .unwrap_or(0);
        format!("{}{}", base.get(..end).unwrap_or_default(), self.suffix())
    }
}
