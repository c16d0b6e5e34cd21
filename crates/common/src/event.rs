//! An event on its way to notification-controller, as JSON.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::time::Time;

/// The longest message of an event in bytes.
pub const MAX_MESSAGE: usize = 39_000;

/// What happened to an object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// The object.
    pub involved_object: InvolvedObject,
    /// How grave it is.
    pub severity: Severity,
    /// When it happened.
    pub timestamp: Time,
    /// What happened, for people. At most [`MAX_MESSAGE`] bytes.
    pub message: String,
    /// What happened, in one word for programs.
    pub reason: String,
    /// Further data, with keys `<group>/<key>`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
    /// The controller that saw it.
    pub reporting_controller: String,
    /// The host (pod) of the controller.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reporting_instance: String,
}

/// The object that an event is about; the fields of `core/v1` ObjectReference that are used.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InvolvedObject {
    /// Its API version with the group.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub api_version: String,
    /// Its kind.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// Its namespace.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// Its name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Its uid.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub uid: String,
    /// Its resource version when the event was made.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub resource_version: String,
}

/// How grave an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Of interest to those who look closely; never sent on.
    Trace,
    /// As it should be.
    Info,
    /// A failure.
    Error,
}

impl Severity {
    /// The string on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Info => "info",
            Self::Error => "error",
        }
    }
}

impl Event {
    /// Adds what an object's annotations with the prefix [`crate::names::EVENT_PREFIX`] say to
    /// the metadata, under the same keys. What the controller itself put there stays.
    pub fn add_annotations<'a>(
        &mut self,
        annotations: impl IntoIterator<Item = (&'a String, &'a String)>,
    ) {
        for (key, value) in annotations {
            if key.starts_with(crate::names::EVENT_PREFIX) {
                self.metadata.entry(key.clone()).or_insert_with(|| value.clone());
            }
        }
    }

    /// The metadata key `<group>/<key>`.
    pub fn metadata_key(group: &str, key: &str) -> String {
        format!("{group}/{key}")
    }

    /// Cuts the message to [`MAX_MESSAGE`] bytes, at a character.
    pub fn shorten(&mut self) {
        if self.message.len() > MAX_MESSAGE {
            self.message.truncate(self.message.floor_char_boundary(MAX_MESSAGE - 3));
            self.message.push_str("...");
        }
    }
}

#[cfg(test)]
mod tests;
