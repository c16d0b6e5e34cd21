//! Who we are to a registry, and how it asks.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

/// A name and a password.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The name.
    pub username: String,
    /// The password.
    pub password: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("username", &self.username).finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct DockerConfig {
    #[serde(default)]
    auths: BTreeMap<String, DockerAuth>,
}

#[derive(Deserialize)]
struct DockerAuth {
    #[serde(default)]
    auth: String,
    #[serde(default)]
    username: String,
    #[serde(default)]
    password: String,
}

/// The host of a key in `auths`, which may be written as a URL.
fn host(key: &str) -> &str {
    let key = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://")).unwrap_or(key);
    key.split('/').next().unwrap_or(key)
}

impl Credentials {
    /// The credentials for a registry in a `config.json` of Docker's form. Credential helpers are programs and are not
    /// asked.
    pub fn from_docker_config(config: &[u8], registry: &str) -> Option<Self> {
        let config: DockerConfig = serde_json::from_slice(config).ok()?;
        let (_, entry) = config.auths.iter().find(|(key, _)| host(key) == registry)?;
        if entry.auth.is_empty() {
            let found = !entry.username.is_empty();
            return found.then(|| Self {
                username: entry.username.clone(),
                password: entry.password.clone(),
            });
        }
        let text = String::from_utf8(STANDARD.decode(&entry.auth).ok()?).ok()?;
        let (username, password) = text.split_once(':')?;
        Some(Self { username: username.to_owned(), password: password.to_owned() })
    }
}

/// What a registry asks for in `WWW-Authenticate`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Challenge {
    /// Name and password in each request.
    Basic,
    /// A token from another server.
    Bearer {
        /// Where to get it.
        realm: String,
        /// For which service.
        service: Option<String>,
        /// What it shall allow.
        scope: Option<String>,
    },
}

impl Challenge {
    pub(crate) fn parse(header: &str) -> Option<Self> {
        let (scheme, rest) = header.trim().split_once(' ').unwrap_or_else(|| (header.trim(), ""));
        if scheme.eq_ignore_ascii_case("basic") {
            return Some(Self::Basic);
        }
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let fields = fields(rest);
        let field = |name: &str| fields.get(name).cloned();
        Some(Self::Bearer {
            realm: field("realm")?,
            service: field("service"),
            scope: field("scope"),
        })
    }
}

/// `a="b",c=d`: values in quotes may hold commas.
fn fields(text: &str) -> BTreeMap<String, String> {
    let mut fields = BTreeMap::new();
    let mut rest = text.trim_start();
    while let Some((name, after)) = rest.split_once('=') {
        let (value, tail) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => after.split_once(',').map_or((after, ""), |(value, tail)| (value, tail)),
        };
        fields.insert(name.trim().to_ascii_lowercase(), value.trim().to_owned());
        rest = tail.trim_start_matches([',', ' ']);
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::{Challenge, Credentials};

    #[test]
    fn challenges_are_read() {
        let header = r#"Bearer realm="https://auth.example/token",service="registry.example",scope="repository:a/b:pull,push""#;
        assert_eq!(
            Challenge::parse(header),
            Some(Challenge::Bearer {
                realm: "https://auth.example/token".to_owned(),
                service: Some("registry.example".to_owned()),
                scope: Some("repository:a/b:pull,push".to_owned()),
            })
        );
        assert_eq!(Challenge::parse("Basic realm=\"x\""), Some(Challenge::Basic));
        assert_eq!(Challenge::parse("Negotiate"), None);
        assert_eq!(Challenge::parse("Bearer service=\"x\""), None);
    }

    #[test]
    fn docker_configs_are_read_and_never_shown() {
        let config = br#"{"auths":{"https://ghcr.io/v2/":{"auth":"dXNlcjpwYTpzcw=="},"plain:5000":{"username":"u","password":"secret"}}}"#;
        let found = Credentials::from_docker_config(config, "ghcr.io").unwrap();
        assert_eq!((found.username.as_str(), found.password.as_str()), ("user", "pa:ss"));
        let found = Credentials::from_docker_config(config, "plain:5000").unwrap();
        assert!(!format!("{found:?}").contains("secret"));
        assert_eq!(Credentials::from_docker_config(config, "other"), None);
    }
}
