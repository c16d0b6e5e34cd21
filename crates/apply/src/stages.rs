//! In which order objects go to the cluster: what others stand on goes first, and is waited for.

use manifest::{Object, order};

/// One stage: all of it is checked before any of it is written.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Stage {
    pub(crate) objects: Vec<Object>,
    /// Later stages need these to be there, not only to be accepted.
    pub(crate) awaited: bool,
}

/// A kind of a stage of its own (`--custom-apply-stage-kinds`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StageKind {
    /// API group; empty for the core group.
    pub group: String,
    /// Kind.
    pub kind: String,
}

/// Splits objects into stages: definitions (CRDs, namespaces, cluster roles), classes, the kinds
/// asked for, and the rest. Each is in the order of `manifest::order::apply`.
pub(crate) fn split(mut objects: Vec<Object>, custom: &[StageKind]) -> Vec<Stage> {
    order::apply(&mut objects);
    let mut stages: [Vec<Object>; 4] = Default::default();
    for object in objects {
        let [definitions, classes, asked_for, rest] = &mut stages;
        let stage = match (object.group(), object.kind()) {
            ("apiextensions.k8s.io", "CustomResourceDefinition")
            | ("", "Namespace")
            | ("rbac.authorization.k8s.io", "ClusterRole") => definitions,
            (_, kind) if kind.ends_with("Class") => classes,
            (group, kind) if custom.iter().any(|c| c.group == group && c.kind == kind) => asked_for,
            _ => rest,
        };
        stage.push(object);
    }
    // Definitions and classes are waited for; what is in the third only comes before the rest.
    let stages = stages.into_iter().zip([true, true, false, false]);
    let stages = stages.map(|(objects, awaited)| Stage { objects, awaited });
    stages.filter(|stage| !stage.objects.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(api_version: &str, kind: &str) -> Object {
        let value = json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": "x"}});
        Object::try_from(value).unwrap()
    }

    #[test]
    fn definitions_come_before_classes_before_the_rest() {
        let objects = vec![
            object("apps/v1", "Deployment"),
            object("example.com/v1", "Widget"),
            object("storage.k8s.io/v1", "StorageClass"),
            object("v1", "Namespace"),
            object("v1", "ConfigMap"),
            object("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
        ];
        let custom = [StageKind { group: "example.com".to_owned(), kind: "Widget".to_owned() }];
        let stages: Vec<(Vec<String>, bool)> = split(objects, &custom)
            .into_iter()
            .map(|stage| {
                (stage.objects.iter().map(|o| o.kind().to_owned()).collect(), stage.awaited)
            })
            .collect();
        let kinds = |kinds: &[&str]| kinds.iter().map(|k| (*k).to_owned()).collect::<Vec<_>>();
        assert_eq!(
            stages,
            [
                (kinds(&["CustomResourceDefinition", "Namespace"]), true),
                (kinds(&["StorageClass"]), true),
                (kinds(&["Widget"]), false),
                (kinds(&["ConfigMap", "Deployment"]), false),
            ]
        );
    }
}
