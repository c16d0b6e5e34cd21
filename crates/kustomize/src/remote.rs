//! Bases and files that are elsewhere.

#[cfg(test)]
mod tests;

use crate::files::Files;
use std::rc::Rc;

/// Fetches what a kustomization names by URL. Without one, remote sources are errors.
pub trait Remote {
    /// The bytes behind an `http(s)` URL.
    ///
    /// # Errors
    /// A text that says why not.
    fn file(&self, url: &str) -> Result<Vec<u8>, RemoteError>;

    /// A repository's files; `/` is the root of its work tree.
    ///
    /// # Errors
    /// A text that says why not.
    fn repository(&self, source: &RepositoryUrl) -> Result<Rc<dyn Files>, RemoteError>;
}

/// Why a remote source could not be had.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct RemoteError {
    /// What happened.
    pub message: String,
    /// The HTTP status, if the server answered with one that is no success.
    pub status: Option<u16>,
}

/// A Git repository with a path in it, as kustomize writes it: `https://host/org/repo//path?ref=v1&timeout=10s`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepositoryUrl {
    /// The text as it stands in the kustomization.
    pub raw: String,
    /// Scheme, user and host, up to and including the separator before the path.
    pub host: String,
    /// The repository's path on the host.
    pub path: String,
    /// The directory in the repository; empty for its root.
    pub directory: String,
    /// The branch, tag or commit; empty for the default branch.
    pub reference: String,
    /// Whether submodules are wanted.
    pub submodules: bool,
    /// Seconds that fetching may take.
    pub timeout_seconds: u64,
}

const DEFAULT_TIMEOUT_SECONDS: u64 = 27;

impl RepositoryUrl {
    /// The URL to clone.
    pub fn clone_url(&self) -> String {
        format!("{}{}", self.host, self.path)
    }

    /// Whether the repository is on this disk.
    pub fn is_local(&self) -> bool {
        self.host.starts_with("file://")
    }

    /// Takes a reference to a repository apart; `None` if the text is none.
    ///
    /// The rules are kustomize's `api/internal/git/repospec.go`: a text that could be a local path is no URL.
    pub fn parse(raw: &str) -> Option<Self> {
        if raw.starts_with('/') {
            return None;
        }
        let (text, query) = raw.split_once('?').unwrap_or((raw, ""));
        let (host, rest) = split_host(text)?;
        let (path, directory) = split_path(rest, host.starts_with("file://"))?;
        if path.is_empty() || leaves_repository(directory) {
            return None;
        }
        let (reference, timeout_seconds, submodules) = parse_query(query);
        Some(Self {
            raw: raw.to_owned(),
            path: path.to_owned(),
            directory: directory.strip_prefix('/').unwrap_or(directory).to_owned(),
            host,
            reference,
            submodules,
            timeout_seconds,
        })
    }
}

fn strip_prefix_ignoring_case<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (head, rest) = text.split_at_checked(prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then_some(rest)
}

fn split_host(text: &str) -> Option<(String, &str)> {
    let text = strip_prefix_ignoring_case(text, "git::").unwrap_or(text);
    let schemes = ["ssh://", "https://", "http://", "file://"];
    let (scheme, text) = schemes
        .into_iter()
        .find_map(|scheme| strip_prefix_ignoring_case(text, scheme).map(|rest| (scheme, rest)))
        .unwrap_or(("", text));
    let (user, text) = split_user(text);
    let lower = text.to_ascii_lowercase();
    let is_github = lower.starts_with("github.com/") || lower.starts_with("github.com:");
    let scp_style = scheme.is_empty() && (!user.is_empty() || is_github);
    if scheme.is_empty() && !scp_style {
        return None;
    }
    if scheme == "file://" {
        return Some((scheme.to_owned() + user, text));
    }
    let slash = text.find('/');
    let separator = match text.find(':') {
        Some(colon) if scp_style && slash.is_none_or(|slash| colon > 0 && colon < slash) => {
            Some(colon)
        }
        _ => slash,
    };
    let (host, rest) = match separator {
        Some(at) => text.split_at_checked(at + 1)?,
        None => (text, ""),
    };
    if is_github {
        let host = if scheme.starts_with("ssh://") || !user.is_empty() {
            format!("{user}github.com:")
        } else {
            "https://github.com/".to_owned()
        };
        return Some((host, rest));
    }
    (!host.is_empty()).then(|| (format!("{scheme}{user}{host}"), rest))
}

/// Takes `name@` off.
fn split_user(text: &str) -> (&str, &str) {
    let is_name = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_alphabetic())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    match text.find('@') {
        Some(at) if text.get(..at).is_some_and(is_name) => text.split_at(at + 1),
        _ => ("", text),
    }
}

fn split_path(text: &str, is_file: bool) -> Option<(&str, &str)> {
    if let Some(at) = text.find("_git/") {
        let after = at + "_git/".len();
        let name = text.get(after..)?;
        let end = after + name.find('/').unwrap_or(name.len());
        return Some((text.get(..end)?, text.get(end..)?.trim_start_matches('/')));
    }
    if let Some((path, directory)) = text.split_once("//") {
        return Some((path, directory));
    }
    if let Some(at) = text.find(".git") {
        return text.split_at_checked(at + ".git".len());
    }
    if is_file {
        return Some((text, ""));
    }
    let (at, _) = text.match_indices('/').nth(1).unwrap_or((text.len(), ""));
    text.contains('/')
        .then(|| (text.get(..at).unwrap_or_default(), text.get(at + 1..).unwrap_or_default()))
}

fn leaves_repository(directory: &str) -> bool {
    crate::files::join_relative("", directory.strip_prefix('/').unwrap_or(directory))
        .split('/')
        .next()
        == Some("..")
}

fn parse_query(query: &str) -> (String, u64, bool) {
    let mut reference = String::new();
    let mut version = String::new();
    let mut timeout = DEFAULT_TIMEOUT_SECONDS;
    let mut submodules = true;
    for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
        match name {
            "ref" if reference.is_empty() => value.clone_into(&mut reference),
            "version" if version.is_empty() => value.clone_into(&mut version),
            "timeout" => timeout = parse_seconds(value).unwrap_or(timeout),
            "submodules" => {
                submodules = !matches!(value, "0" | "f" | "F" | "false" | "FALSE" | "False");
            }
            _ => {}
        }
    }
    (if reference.is_empty() { version } else { reference }, timeout, submodules)
}

/// Seconds as a number or a Go duration of one unit.
fn parse_seconds(text: &str) -> Option<u64> {
    let (number, factor) = match text.strip_suffix('s') {
        Some(number) => (number, 1),
        None => match text.strip_suffix('m') {
            Some(number) => (number, 60),
            None => text.strip_suffix('h').map_or((text, 1), |number| (number, 3600)),
        },
    };
    number.parse::<u64>().ok().filter(|number| *number > 0).map(|number| number * factor)
}
