//! Repository URLs: parsing, what may be shown of them, and when two mean the same repository.

use std::{fmt, str::FromStr};

use crate::Error;

/// The URL of a repository: `http`, `https` or `ssh`.
///
/// `Display` and `Debug` never show a user name with its password, nor a query.
#[derive(Clone, PartialEq, Eq)]
pub struct RemoteUrl(reqwest::Url);

/// How a URL is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scheme {
    Http,
    Https,
    Ssh,
}

impl RemoteUrl {
    /// How the URL is reached.
    pub(crate) fn scheme(&self) -> Scheme {
        match self.0.scheme() {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            _ => Scheme::Ssh,
        }
    }

    /// Whether credentials for this URL are an SSH identity.
    pub fn is_ssh(&self) -> bool {
        self.scheme() == Scheme::Ssh
    }

    /// The host name or address, without brackets.
    pub fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default().trim_matches(['[', ']'])
    }

    /// The port, or the usual one of the scheme.
    pub fn port(&self) -> u16 {
        let usual = match self.scheme() {
            Scheme::Http => 80,
            Scheme::Https => 443,
            Scheme::Ssh => 22,
        };
        self.0.port().unwrap_or(usual)
    }

    /// The user named in the URL.
    pub(crate) fn user(&self) -> Option<String> {
        (!self.0.username().is_empty()).then(|| percent_decode(self.0.username()))
    }

    /// The password written into the URL.
    pub(crate) fn password(&self) -> Option<String> {
        self.0.password().map(percent_decode)
    }

    /// The path on the server as `git-upload-pack` takes it: percent-decoded, `/~user` as `~user`.
    pub(crate) fn ssh_path(&self) -> String {
        let path = percent_decode(self.0.path());
        match path.strip_prefix("/~") {
            Some(rest) => format!("~{rest}"),
            None => path,
        }
    }

    /// The same URL with neither user nor password, for requests (credentials travel in headers).
    pub(crate) fn anonymous(&self) -> reqwest::Url {
        let mut url = self.0.clone();
        // Both only fail for URLs without a host, which parsing refused.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        url
    }

    /// Whether `other` is served by the same host, port and scheme, so that credentials may be shared.
    pub(crate) fn same_server(&self, other: &Self) -> bool {
        self.scheme() == other.scheme()
            && self.host() == other.host()
            && self.port() == other.port()
    }

    /// The URL that a submodule's `url` means in a repository at this URL.
    ///
    /// Relative ones (`./x`, `../x`) are resolved as Git does; scp-like ones become `ssh://`.
    ///
    /// # Errors
    /// When the result is no `http`, `https` or `ssh` URL, or would be read as an option.
    pub(crate) fn join_submodule(&self, url: &str) -> Result<Self, Error> {
        if url.starts_with('-') || url.chars().any(char::is_control) {
            return Err(Error::Invalid(format!(
                "submodule url '{}' is not allowed",
                url.escape_debug()
            )));
        }
        if !url.starts_with("./") && !url.starts_with("../") {
            return match scp_like(url) {
                Some((user_host, path)) => format!("ssh://{user_host}/{path}").parse(),
                None => url.parse(),
            };
        }
        let mut base: Vec<&str> =
            self.0.path().split('/').filter(|part| !part.is_empty()).collect();
        for part in url.split('/') {
            match part {
                "" | "." => {}
                ".." => {
                    if base.pop().is_none() {
                        return Err(Error::Invalid(format!(
                            "submodule url '{url}' leaves the server's root"
                        )));
                    }
                }
                name => base.push(name),
            }
        }
        let mut joined = self.0.clone();
        joined.set_path(&base.join("/"));
        Ok(Self(joined))
    }
}

impl FromStr for RemoteUrl {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let url = reqwest::Url::parse(text).map_err(|error| {
            Error::Invalid(format!("failed to parse url '{}': {error}", redact(text)))
        })?;
        if !matches!(url.scheme(), "http" | "https" | "ssh") {
            return Err(Error::Invalid(format!(
                "url '{}' has the scheme '{}'; http, https and ssh are supported",
                redact(text),
                url.scheme()
            )));
        }
        if url.host_str().unwrap_or_default().is_empty() {
            return Err(Error::Invalid(format!("url '{}' names no host", redact(text))));
        }
        // A host or user that starts with a dash has been taken for an option by other tools;
        // refusing it here keeps such URLs from ever being passed on.
        let dashed = |part: &str| part.starts_with('-');
        if dashed(url.host_str().unwrap_or_default()) || dashed(url.username()) {
            return Err(Error::Invalid(format!("url '{}' is not allowed", redact(text))));
        }
        Ok(Self(url))
    }
}

impl fmt::Display for RemoteUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = self.0.clone();
        if self.scheme() != Scheme::Ssh {
            let _ = shown.set_username("");
        }
        let _ = shown.set_password(None);
        shown.set_query(None);
        shown.set_fragment(None);
        formatter.write_str(shown.as_str())
    }
}

impl fmt::Debug for RemoteUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "RemoteUrl({self})")
    }
}

/// `text` without what stands between `//` and `@`, and without a query, for messages about text
/// that did not parse as a URL.
fn redact(text: &str) -> String {
    let text = text.split(['?', '#']).next().unwrap_or_default();
    match (text.split_once("://"), text.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, rest))) => format!("{scheme}://{rest}"),
        _ => text.to_owned(),
    }
}

fn percent_decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let decoded = match (first, tail.split_at_checked(2)) {
            (b'%', Some((hex, after))) => std::str::from_utf8(hex)
                .ok()
                .and_then(|hex| u8::from_str_radix(hex, 16).ok())
                .map(|byte| (byte, after)),
            _ => None,
        };
        let (byte, after) = decoded.unwrap_or((first, tail));
        bytes.push(byte);
        rest = after;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// `user@host:path` split at its colon, when `text` is that and no URL.
fn scp_like(text: &str) -> Option<(&str, &str)> {
    if text.contains("://") {
        return None;
    }
    let (user_host, path) = text.split_once(':')?;
    // Two colons would ask Git for a helper program (`ext::…`).
    (!user_host.contains('/') && !user_host.is_empty() && !path.starts_with(':'))
        .then(|| (user_host, path.trim_start_matches('/')))
}

/// What is left of a repository URL when scheme, user, default port and `.git` are taken away: two
/// URLs with the same key mean the same repository.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RepositoryKey(String);

impl RepositoryKey {
    /// The key of `url`, which may also be scp-like (`git@host:team/app.git`) as remotes in a
    /// repository's configuration often are; `None` when it names no host.
    pub fn of(url: &str) -> Option<Self> {
        let parsed: RemoteUrl = match scp_like(url) {
            Some((user_host, path)) => format!("ssh://{user_host}/{path}").parse().ok()?,
            None => url.parse().ok()?,
        };
        let port = match parsed.0.port() {
            None | Some(22 | 80 | 443) => String::new(),
            Some(port) => format!(":{port}"),
        };
        let path = percent_decode(parsed.0.path());
        let path = path.trim_matches('/');
        let path = path.strip_suffix(".git").unwrap_or(path);
        Some(Self(format!("{}{port}/{path}", parsed.host().to_ascii_lowercase())))
    }
}

#[cfg(test)]
mod tests;
