//! The proxy through which a server is reached.

use std::collections::BTreeMap;

use crate::{Error, Secret};

/// An HTTP, HTTPS or SOCKS5 proxy.
#[derive(Debug, Clone)]
pub struct Proxy {
    address: reqwest::Url,
    username: Option<String>,
    password: Option<Secret>,
}

impl Proxy {
    /// Reads the keys `address` (required), `username` and `password` of a proxy Secret.
    ///
    /// # Errors
    /// When `address` is missing, or no URL with one of the schemes http, https and socks5.
    pub fn from_secret(data: &BTreeMap<String, Vec<u8>>) -> Result<Self, Error> {
        let text = |key: &str| -> Result<Option<String>, Error> {
            let Some(value) = data.get(key) else { return Ok(None) };
            let text = std::str::from_utf8(value)
                .map_err(|_| Error::Invalid(format!("the value of '{key}' is not UTF-8 text")))?;
            Ok(Some(text.trim().to_owned()).filter(|text| !text.is_empty()))
        };
        let address =
            text("address")?.ok_or_else(|| Error::Invalid("key 'address' not found".to_owned()))?;
        let mut address = reqwest::Url::parse(&address).map_err(|error| {
            Error::Invalid(format!("failed to parse the proxy's 'address': {error}"))
        })?;
        if !matches!(address.scheme(), "http" | "https" | "socks5" | "socks5h")
            || address.host_str().is_none()
        {
            return Err(Error::Invalid(format!(
                "the proxy's 'address' has the scheme '{}'; http, https and socks5 are supported",
                address.scheme()
            )));
        }
        let in_address = (!address.username().is_empty()).then(|| address.username().to_owned());
        let username = text("username")?.or(in_address);
        let password =
            text("password")?.or_else(|| address.password().map(str::to_owned)).map(Secret::from);
        // Both only fail for URLs without a host, which was refused above.
        let _ = address.set_username("");
        let _ = address.set_password(None);
        Ok(Self { address, username, password })
    }

    /// Whether the proxy speaks SOCKS5 rather than HTTP.
    pub(crate) fn is_socks(&self) -> bool {
        self.address.scheme().starts_with("socks5")
    }

    /// Whether the proxy itself is reached over TLS.
    pub(crate) fn is_tls(&self) -> bool {
        self.address.scheme() == "https"
    }

    /// Host and port of the proxy.
    pub(crate) fn host_and_port(&self) -> (String, u16) {
        let usual = if self.is_socks() {
            1080
        } else {
            self.address.port_or_known_default().unwrap_or(8080)
        };
        let host = self.address.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        (host, self.address.port().unwrap_or(usual))
    }

    /// User and password, when the proxy wants them.
    pub(crate) fn login(&self) -> Option<(&str, &str)> {
        let username = self.username.as_deref()?;
        Some((username, self.password.as_ref().map_or("", Secret::expose)))
    }

    /// The proxy as the HTTP client takes it.
    pub(crate) fn for_http(&self) -> Result<reqwest::Proxy, Error> {
        let mut address = self.address.clone();
        if self.is_socks() {
            // The proxy resolves names, as it alone may be able to; SOCKS logins travel in the URL.
            let _ = address.set_scheme("socks5h");
            if let Some((username, password)) = self.login() {
                let _ = address.set_username(username);
                let _ = address.set_password(Some(password));
            }
        }
        let proxy = reqwest::Proxy::all(address).map_err(|error| {
            Error::Invalid(format!("the proxy's 'address' cannot be used: {error}"))
        })?;
        Ok(match self.login() {
            Some((username, password)) if !self.is_socks() => proxy.basic_auth(username, password),
            _ => proxy,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy(entries: &[(&str, &str)]) -> Result<Proxy, Error> {
        let data = entries
            .iter()
            .map(|(key, value)| ((*key).to_owned(), value.as_bytes().to_vec()))
            .collect();
        Proxy::from_secret(&data)
    }

    #[test]
    fn address_and_login_are_read() {
        let proxy =
            proxy(&[("address", "socks5://joe@proxy:1081"), ("password", "hunter2")]).unwrap();
        assert!(proxy.is_socks());
        assert_eq!(proxy.host_and_port(), ("proxy".to_owned(), 1081));
        assert_eq!(proxy.login(), Some(("joe", "hunter2")));
        assert!(!format!("{proxy:?}").contains("hunter2"));
    }

    #[test]
    fn an_address_is_required_and_of_a_known_scheme() {
        assert!(proxy(&[("username", "joe")]).unwrap_err().to_string().contains("'address'"));
        assert!(proxy(&[("address", "ftp://proxy")]).unwrap_err().to_string().contains("'ftp'"));
        assert!(proxy(&[("address", "proxy")]).is_err());
    }
}
