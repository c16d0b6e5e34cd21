//! Releases as Helm stores them: gzipped JSON in base64, in a Secret or a ConfigMap.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::chart::Chart;
use crate::values::Values;

mod record;
mod storage;

pub use storage::{Driver, Stamp};

/// When a hook runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HookEvent {
    /// Before anything is installed.
    PreInstall,
    /// After everything was installed.
    PostInstall,
    /// Before anything is deleted.
    PreDelete,
    /// After everything was deleted.
    PostDelete,
    /// Before an upgrade.
    PreUpgrade,
    /// After an upgrade.
    PostUpgrade,
    /// Before a rollback.
    PreRollback,
    /// After a rollback.
    PostRollback,
    /// When tests are asked for.
    Test,
}

impl HookEvent {
    /// Reads one name of the annotation `helm.sh/hook`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        Some(match text.trim().to_lowercase().as_str() {
            "pre-install" => Self::PreInstall,
            "post-install" => Self::PostInstall,
            "pre-delete" => Self::PreDelete,
            "post-delete" => Self::PostDelete,
            "pre-upgrade" => Self::PreUpgrade,
            "post-upgrade" => Self::PostUpgrade,
            "pre-rollback" => Self::PreRollback,
            "post-rollback" => Self::PostRollback,
            "test" | "test-success" => Self::Test,
            _ => return None,
        })
    }
}

/// What became of a hook when it last ran.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HookExecution {
    /// When it started, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<String>,
    /// When it ended, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub completed_at: Option<String>,
    /// `Unknown`, `Running`, `Succeeded` or `Failed`; empty before the first run.
    pub phase: String,
}

/// A hook of a release.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Hook {
    /// The object's name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The object's kind.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// The template it came from.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// The YAML text.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub manifest: String,
    /// When it runs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<HookEvent>,
    /// What became of it.
    pub last_run: HookExecution,
    /// Lower ones run first.
    #[serde(skip_serializing_if = "is_zero")]
    pub weight: i64,
    /// When it is deleted: `hook-succeeded`, `hook-failed`, `before-hook-creation`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub delete_policies: Vec<String>,
    /// When its output is logged: `hook-succeeded`, `hook-failed`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub output_log_policies: Vec<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &i64) -> bool {
    *number == 0
}

impl Hook {
    /// The policies of deletion, with Helm's default when none is given.
    pub fn deletion(&self) -> Vec<&str> {
        if self.delete_policies.is_empty() {
            return vec!["before-hook-creation"];
        }
        self.delete_policies.iter().map(String::as_str).collect()
    }
}

/// The hooks of an event in the order they run: by weight, then by name.
pub(crate) fn in_order(hooks: &[Hook], event: HookEvent) -> Vec<&Hook> {
    let mut chosen: Vec<&Hook> = hooks.iter().filter(|h| h.events.contains(&event)).collect();
    chosen.sort_by(|a, b| (a.weight, &a.name).cmp(&(b.weight, &b.name)));
    chosen
}

/// What is known of a release's life.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Info {
    /// RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_deployed: Option<String>,
    /// RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_deployed: Option<String>,
    /// RFC 3339; Helm 3 wrote an empty text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deleted: Option<String>,
    /// What last happened, in words.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// `deployed`, `failed`, `superseded`, `uninstalled`, `pending-install` and so on.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub status: String,
    /// The revision that a rollback went back to.
    #[serde(skip_serializing_if = "is_zero")]
    pub rollback_revision: i64,
    /// The rendered notes.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub notes: String,
}

/// A release as it is stored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Release {
    /// Its name.
    pub name: String,
    /// What is known of its life.
    pub info: Info,
    /// The chart that was installed.
    pub chart: Chart,
    /// The user's values.
    pub config: Values,
    /// The rendered objects.
    pub manifest: String,
    /// The rendered hooks.
    pub hooks: Vec<Hook>,
    /// The revision, from 1.
    pub version: i64,
    /// Its namespace.
    pub namespace: String,
    /// `ssa` or `csa`; empty in releases of Helm 3.
    pub apply_method: String,
    /// Labels of the storage object, not part of the record.
    pub labels: BTreeMap<String, String>,
}

impl Release {
    /// The hooks of an event in the order they run.
    pub fn hooks_for(&self, event: HookEvent) -> Vec<&Hook> {
        in_order(&self.hooks, event)
    }
}
