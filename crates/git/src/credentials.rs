//! Who we are to a server, read from the data of a Kubernetes Secret.

use std::{collections::BTreeMap, fmt};

use crate::{Error, RemoteUrl};

/// Text that is never shown: `Debug` prints a placeholder.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The text itself, to be sent and not to be printed.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("<hidden>")
    }
}

/// A client certificate with its key, both PEM.
#[derive(Debug, Clone)]
pub struct TlsIdentity {
    /// The certificate chain, PEM.
    pub certificate: String,
    /// The private key, PEM.
    pub key: Secret,
}

/// What a Secret offers for authentication. All of it is optional until a URL needs it.
#[derive(Debug, Clone, Default)]
pub struct Credentials {
    /// The user of basic authentication. The user of SSH stands in the URL.
    pub username: Option<String>,
    /// The password of basic authentication, or the passphrase of the SSH identity.
    pub password: Option<Secret>,
    /// A token sent as `Authorization: Bearer`, in place of user and password.
    pub bearer_token: Option<Secret>,
    /// Certificate authorities trusted beside the system's, PEM.
    pub ca: Option<String>,
    /// A client certificate for TLS.
    pub tls: Option<TlsIdentity>,
    /// An SSH private key in OpenSSH or PEM form.
    pub identity: Option<Secret>,
    /// The host keys to accept, in the format of `known_hosts`.
    pub known_hosts: Option<String>,
}

impl Credentials {
    /// Reads the keys that GitRepository Secrets use: `username`, `password`, `bearerToken`,
    /// `ca.crt` (or the older `caFile`), `tls.crt` with `tls.key` (or `certFile`, `keyFile`),
    /// `identity`, `known_hosts`. Other keys are left alone.
    ///
    /// # Errors
    /// When one of them is no UTF-8 text, or a certificate is given without its key.
    pub fn from_secret(data: &BTreeMap<String, Vec<u8>>) -> Result<Self, Error> {
        let text = |keys: &[&str]| -> Result<Option<String>, Error> {
            let Some((key, value)) =
                keys.iter().find_map(|key| data.get(*key).map(|value| (key, value)))
            else {
                return Ok(None);
            };
            let text = std::str::from_utf8(value)
                .map_err(|_| Error::Invalid(format!("the value of '{key}' is not UTF-8 text")))?;
            Ok((!text.is_empty()).then(|| text.to_owned()))
        };
        // A line break at the end is a habit of editors and of `echo`, and never part of a password.
        let word = |keys: &[&str]| -> Result<Option<String>, Error> {
            Ok(text(keys)?.map(|text| text.trim_end_matches(['\r', '\n']).to_owned()))
        };
        let tls = match (text(&["tls.crt", "certFile"])?, text(&["tls.key", "keyFile"])?) {
            (Some(certificate), Some(key)) => Some(TlsIdentity { certificate, key: key.into() }),
            (None, None) => None,
            (Some(_), None) => {
                return Err(Error::Invalid("'tls.crt' is given without 'tls.key'".to_owned()));
            }
            (None, Some(_)) => {
                return Err(Error::Invalid("'tls.key' is given without 'tls.crt'".to_owned()));
            }
        };
        Ok(Self {
            username: word(&["username"])?,
            password: word(&["password"])?.map(Into::into),
            bearer_token: word(&["bearerToken"])?.map(Into::into),
            ca: text(&["ca.crt", "caFile"])?,
            tls,
            identity: text(&["identity"])?.map(Into::into),
            known_hosts: text(&["known_hosts"])?,
        })
    }

    /// Checks that these credentials can be used for `url`.
    ///
    /// # Errors
    /// Names the key that is missing or contradicts another, and for SSH an identity that cannot be
    /// read, be it for want of its passphrase.
    pub fn check(&self, url: &RemoteUrl) -> Result<(), Error> {
        if url.is_ssh() {
            return crate::transport::ssh::check(self);
        }
        // A bearer token is used before all else, and then nothing is missing.
        let basic = self.bearer_token.is_none() && self.identity.is_none();
        if basic && self.password.is_some() && self.username.is_none() && url.user().is_none() {
            return Err(Error::Invalid("'password' requires 'username' to be set".to_owned()));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(entries: &[(&str, &str)]) -> BTreeMap<String, Vec<u8>> {
        entries.iter().map(|(key, value)| ((*key).to_owned(), value.as_bytes().to_vec())).collect()
    }

    #[test]
    fn secrets_are_never_shown() {
        let data = secret(&[
            ("username", "joe"),
            ("password", "hunter2"),
            ("bearerToken", "hunter2"),
            ("identity", "hunter2"),
            ("tls.crt", "x"),
            ("tls.key", "hunter2"),
        ]);
        let shown = format!("{:?}", Credentials::from_secret(&data).unwrap());
        assert!(!shown.contains("hunter2"), "{shown}");
        assert!(shown.contains("joe"));
    }

    #[test]
    fn older_names_of_tls_keys_are_read() {
        let data = secret(&[("caFile", "ca"), ("certFile", "cert"), ("keyFile", "key")]);
        let credentials = Credentials::from_secret(&data).unwrap();
        assert_eq!(credentials.ca.as_deref(), Some("ca"));
        assert_eq!(credentials.tls.unwrap().key.expose(), "key");
    }

    #[test]
    fn a_trailing_line_break_is_no_part_of_a_password() {
        let credentials =
            Credentials::from_secret(&secret(&[("username", "joe\n"), ("password", "x y\r\n")]))
                .unwrap();
        assert_eq!(credentials.username.as_deref(), Some("joe"));
        assert_eq!(credentials.password.unwrap().expose(), "x y");
    }

    #[test]
    fn a_user_may_stand_in_the_url_and_a_token_needs_none() {
        let check = |url: &str, entries: &[(&str, &str)]| {
            let url: RemoteUrl = url.parse().unwrap();
            Credentials::from_secret(&secret(entries)).unwrap().check(&url)
        };
        check("https://joe@e.org/a", &[("password", "x")]).unwrap();
        let both = [("username", "x"), ("password", "y"), ("bearerToken", "z")];
        check("https://e.org/a", &both).unwrap();
        check("https://e.org/a", &[("password", "y"), ("bearerToken", "z")]).unwrap();
    }

    #[test]
    fn what_is_missing_or_contradicts_is_named() {
        let check = |url: &str, entries: &[(&str, &str)], expected: &str| {
            let url: RemoteUrl = url.parse().unwrap();
            let error = Credentials::from_secret(&secret(entries))
                .and_then(|it| it.check(&url))
                .unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
        };
        check("https://e.org/a", &[("password", "x")], "'username'");
        check("https://e.org/a", &[("tls.crt", "x")], "'tls.key'");
        check("https://e.org/a", &[("tls.key", "x")], "'tls.crt'");
        check("ssh://e.org/a", &[], "'identity' is required");
        check("ssh://e.org/a", &[("identity", "x")], "'known_hosts' is required");
        check("ssh://e.org/a", &[("identity", "x"), ("known_hosts", "y")], "cannot be read");
    }
}
