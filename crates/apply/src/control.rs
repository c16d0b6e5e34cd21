//! What the labels and annotations of an object ask of whoever applies it.

use serde_json::Value;

/// The group whose keys steer applying: `<group>/ssa`, `<group>/reconcile`, `<group>/force`,
/// `<group>/prune`.
pub(crate) const GROUP: &str = "kustomize.toolkit.fluxcd.io";

/// `<group>/ssa`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Ours wins, other managers of our kind are taken over.
    Override,
    /// Ours wins, nobody is taken over.
    Merge,
    /// Only created.
    IfNotPresent,
    /// Left alone.
    Ignore,
}

/// The values of `<group>/<key>`, as an annotation and as a label.
fn values<'a>(object: &'a Value, key: &str) -> impl Iterator<Item = &'a str> {
    let name = format!("{GROUP}/{key}");
    let metadata = object.get("metadata");
    ["annotations", "labels"]
        .into_iter()
        .filter_map(move |field| metadata?.get(field)?.get(&name)?.as_str())
}

fn is(object: &Value, key: &str, wanted: &str) -> bool {
    values(object, key).any(|value| value.eq_ignore_ascii_case(wanted))
}

/// How the object asks to be applied. Where label and annotation differ, the more careful one counts.
pub(crate) fn mode(object: &Value) -> Mode {
    let asks = |mode: &str| is(object, "ssa", mode);
    match () {
        () if asks("Ignore") => Mode::Ignore,
        () if asks("IfNotPresent") => Mode::IfNotPresent,
        () if asks("Merge") => Mode::Merge,
        () => Mode::Override,
    }
}

/// Whether the object, as wanted or as it is in the cluster, asks to be left alone.
pub(crate) fn is_left_alone(object: &Value) -> bool {
    is(object, "reconcile", "disabled") || mode(object) == Mode::Ignore
}

/// Whether the object asks never to be pruned.
pub(crate) fn is_kept(object: &Value) -> bool {
    is(object, "prune", "disabled") || is_left_alone(object)
}

/// Whether the object, as wanted or as it is in the cluster, may be made anew when an immutable field
/// changes.
pub(crate) fn may_be_recreated(object: &Value) -> bool {
    is(object, "force", "enabled")
}

/// Whether the object may stay encrypted.
pub(crate) fn is_decryption_disabled(object: &Value) -> bool {
    is(object, "decrypt", "disabled")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn labels_and_annotations_steer_alike_in_any_case() {
        let object = |field: &str, key: &str, value: &str| json!({"metadata": {field: {format!("{GROUP}/{key}"): value}}});
        assert_eq!(mode(&object("annotations", "ssa", "Merge")), Mode::Merge);
        assert_eq!(mode(&object("labels", "ssa", "IfNotPresent")), Mode::IfNotPresent);
        assert_eq!(mode(&object("labels", "ssa", "whatever")), Mode::Override);
        assert!(is_left_alone(&object("labels", "reconcile", "Disabled")));
        assert!(is_left_alone(&object("annotations", "ssa", "ignore")));
        assert!(is_kept(&object("annotations", "prune", "disabled")));
        assert!(!is_kept(&object("annotations", "ssa", "IfNotPresent")));
    }
}
