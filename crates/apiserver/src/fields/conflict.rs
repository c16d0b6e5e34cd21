//! Conflicts between an apply and the fields that others manage.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Value, json};

use super::managed::{Identity, Operation, Owned};
use super::path::PathElement;

/// A field that an apply would change and that another manager owns.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Conflict {
    /// The other manager as messages name it, such as `"kubectl" using apps/v1`.
    pub manager: String,
    /// The field, such as `.spec.replicas`.
    pub field: String,
    pub(super) path: Vec<PathElement>,
}

impl Conflict {
    pub(super) fn new(identity: &Identity, owned: &Owned, path: Vec<PathElement>) -> Self {
        let field = path.iter().map(ToString::to_string).collect();
        Self { manager: describe(identity, owned), field, path }
    }

    /// The cause in a `Status`.
    pub fn cause(&self) -> Value {
        json!({
            "reason": "FieldManagerConflict",
            "message": format!("conflict with {}", self.manager),
            "field": self.field,
        })
    }
}

fn describe(identity: &Identity, owned: &Owned) -> String {
    let through = match identity.subresource.as_str() {
        "" => String::new(),
        subresource => format!(" with subresource {subresource:?}"),
    };
    let using = match identity.operation {
        Operation::Apply => String::new(),
        Operation::Update => format!(" using {}", owned.api_version),
    };
    format!("{:?}{through}{using}", identity.manager)
}

/// All conflicts of an apply. Displays as the message of the `Status`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflicts(pub Vec<Conflict>);

impl Conflicts {
    /// `details.causes` of the `Status`.
    pub fn causes(&self) -> Vec<Value> {
        self.0.iter().map(Conflict::cause).collect()
    }
}

impl fmt::Display for Conflicts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [only] = self.0.as_slice() {
            return write!(
                f,
                "Apply failed with 1 conflict: conflict with {}: {}",
                only.manager, only.field
            );
        }
        let mut managers: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for conflict in &self.0 {
            managers.entry(&conflict.manager).or_default().push(&conflict.field);
        }
        let mut lines = Vec::new();
        for (manager, fields) in managers {
            lines.push(format!("conflicts with {manager}:"));
            lines.extend(fields.iter().map(|field| format!("- {field}")));
        }
        write!(f, "Apply failed with {} conflicts: {}", self.0.len(), lines.join("\n"))
    }
}
