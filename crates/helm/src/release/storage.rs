//! The Secret or ConfigMap that holds a record.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value as Json, json};

use super::Release;
use crate::{Error, Result};

/// Which kind of object holds the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Driver {
    /// A Secret of the type `helm.sh/release.v1`.
    #[default]
    Secret,
    /// A ConfigMap.
    ConfigMap,
}

/// Whether the object is made or changed, and when, in seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stamp {
    /// It is new.
    Created(i64),
    /// It replaces one with the same name.
    Modified(i64),
}

/// Labels that Helm sets itself.
const SYSTEM_LABELS: &[&str] = &["name", "owner", "status", "version", "createdAt", "modifiedAt"];

/// The type of the Secret.
const SECRET_TYPE: &str = "helm.sh/release.v1";

impl Release {
    /// The name of the object that holds this revision.
    pub fn storage_name(&self) -> String {
        format!("sh.helm.release.v1.{}.v{}", self.name, self.version)
    }

    /// The object that holds this revision, as Helm's drivers write it.
    ///
    /// # Errors
    /// When the record cannot be written, or a label of the release is one of Helm's own.
    pub fn to_object(&self, driver: Driver, stamp: Stamp) -> Result<Json, Error> {
        if let Some(taken) = self.labels.keys().find(|key| SYSTEM_LABELS.contains(&key.as_str())) {
            return Err(Error::new(format!("the label {taken} is set by Helm itself")));
        }
        let mut labels = self.labels.clone();
        let (name, time) = match stamp {
            Stamp::Created(time) => ("createdAt", time),
            Stamp::Modified(time) => ("modifiedAt", time),
        };
        for (key, value) in [
            ("name", self.name.clone()),
            ("owner", "helm".to_owned()),
            ("status", self.info.status.clone()),
            ("version", self.version.to_string()),
            (name, time.to_string()),
        ] {
            labels.insert(key.to_owned(), value);
        }
        let record = self.encode()?;
        let metadata =
            json!({"name": self.storage_name(), "namespace": self.namespace, "labels": labels});
        Ok(match driver {
            Driver::Secret => json!({
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": metadata,
                "type": SECRET_TYPE,
                "data": {"release": STANDARD.encode(record)},
            }),
            Driver::ConfigMap => json!({
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": metadata,
                "data": {"release": record},
            }),
        })
    }

    /// Reads the release from its Secret or ConfigMap, with the labels that are not Helm's own.
    ///
    /// # Errors
    /// When the object holds no record. The text names the object, never its content.
    pub fn from_object(object: &Json) -> Result<Self, Error> {
        let text = |pointer: &str| object.pointer(pointer).and_then(Json::as_str);
        let name = text("/metadata/name").unwrap_or_default();
        let failed = |error: Error| error.context(name);
        let data = text("/data/release").ok_or_else(|| failed(Error::new("holds no release")))?;
        let record = if text("/kind") == Some("ConfigMap") {
            data.to_owned()
        } else {
            let bytes = STANDARD.decode(data).ok();
            bytes
                .and_then(|bytes| String::from_utf8(bytes).ok())
                .ok_or_else(|| failed(Error::new("its data is not base64")))?
        };
        let mut release = Self::decode(&record).map_err(failed)?;
        let labels = object.pointer("/metadata/labels").and_then(Json::as_object);
        release.labels = labels
            .into_iter()
            .flatten()
            .filter(|(key, _)| !SYSTEM_LABELS.contains(&key.as_str()))
            .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
            .collect();
        Ok(release)
    }
}
