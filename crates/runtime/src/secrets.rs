//! Reading Secrets and ConfigMaps.

use std::collections::BTreeMap;
use std::fmt;

use common::condition::Reason;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::Client;
use kube::api::Api;

use crate::outcome::Stop;

/// The data of a Secret. Never shown by `Debug`.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SecretData {
    /// The Secret's `type`.
    pub secret_type: String,
    data: BTreeMap<String, Vec<u8>>,
}

impl SecretData {
    /// A Secret's data from elsewhere than a cluster.
    pub fn new(secret_type: impl Into<String>, data: BTreeMap<String, Vec<u8>>) -> Self {
        Self { secret_type: secret_type.into(), data }
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&[u8]> {
        self.data.get(key).map(Vec::as_slice)
    }

    /// The value of a key as text, if it is UTF-8.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.get(key).and_then(|value| std::str::from_utf8(value).ok())
    }

    /// All keys and values.
    pub fn entries(&self) -> &BTreeMap<String, Vec<u8>> {
        &self.data
    }
}

impl fmt::Debug for SecretData {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("SecretData").field("keys", &self.data.keys()).finish_non_exhaustive()
    }
}

/// The Secret `namespace`/`name`, or `None` when it does not exist.
///
/// # Errors
/// When the server refuses or does not answer.
pub async fn find(
    client: &Client,
    namespace: &str,
    name: &str,
) -> Result<Option<SecretData>, kube::Error> {
    let secret = Api::<Secret>::namespaced(client.clone(), namespace).get_opt(name).await?;
    Ok(secret.map(|secret| SecretData {
        secret_type: secret.type_.unwrap_or_else(|| "Opaque".to_owned()),
        data: secret
            .data
            .unwrap_or_default()
            .into_iter()
            .map(|(key, value)| (key, value.0))
            .collect(),
    }))
}

/// The Secret `namespace`/`name`; a missing one fails with `reason`.
///
/// # Errors
/// [`Stop::Retry`] when it is missing or cannot be read.
pub async fn read(
    client: &Client,
    (namespace, name): (&str, &str),
    reason: Reason,
) -> Result<SecretData, Stop> {
    match find(client, namespace, name).await {
        Ok(Some(secret)) => Ok(secret),
        Ok(None) => Err(Stop::retry(reason, format!("secret '{namespace}/{name}' not found"))),
        Err(error) => {
            let what = format!("cannot read secret '{namespace}/{name}'");
            Err(Stop::retry(reason, ReadError { what, source: error }))
        }
    }
}

/// The data of the ConfigMap `namespace`/`name`, or `None` when it does not exist.
///
/// # Errors
/// When the server refuses or does not answer.
pub async fn config_map(
    client: &Client,
    namespace: &str,
    name: &str,
) -> Result<Option<BTreeMap<String, String>>, kube::Error> {
    let map = Api::<ConfigMap>::namespaced(client.clone(), namespace).get_opt(name).await?;
    Ok(map.map(|map| map.data.unwrap_or_default()))
}

#[derive(Debug, thiserror::Error)]
#[error("{what}")]
struct ReadError {
    what: String,
    source: kube::Error,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_names_keys_only() {
        let data = [("password".to_owned(), b"hunter2".to_vec())].into();
        let secret = SecretData::new("Opaque", data);
        let shown = format!("{secret:?}");
        assert!(shown.contains("password") && !shown.contains("hunter2"), "{shown}");
    }
}
