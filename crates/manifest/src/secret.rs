use crate::Object;
use serde_json::Value;

/// What stands in the place of a secret value, and of one that changed.
const MASK: &str = "*****";
const MASK_BEFORE: &str = "***** (before)";
const MASK_AFTER: &str = "***** (after)";

/// Where `kubectl apply` keeps a copy of the whole object.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Puts `*****` in the place of every value of a Secret, and of kubectl's copy of it, so that the
/// object can be shown. Other objects stay as they are.
pub fn mask_secrets(object: &mut Object) {
    if !is_secret(object) {
        return;
    }
    for value in values(object) {
        *value = MASK.into();
    }
    mask_copy(object);
}

/// Masks two versions of an object like [`mask_secrets`], but so that values which differ still do:
/// one becomes `***** (before)`, the other `***** (after)`.
pub fn mask_secret_change(old: &mut Object, new: &mut Object) {
    if !(is_secret(old) && is_secret(new)) {
        mask_secrets(old);
        mask_secrets(new);
        return;
    }
    for field in ["data", "stringData"] {
        let (Some(old), Some(new)) = (map(old, field), map(new, field)) else { continue };
        for (key, before) in old.iter_mut() {
            let Some(after) = new.get_mut(key) else { continue };
            if before != after {
                *before = MASK_BEFORE.into();
                *after = MASK_AFTER.into();
            }
        }
    }
    for object in [old, new] {
        for value in values(object) {
            let shown = value.as_str();
            if shown != Some(MASK_BEFORE) && shown != Some(MASK_AFTER) {
                *value = MASK.into();
            }
        }
        mask_copy(object);
    }
}

fn is_secret(object: &Object) -> bool {
    object.kind() == "Secret" && object.group().is_empty()
}

fn map<'a>(object: &'a mut Object, field: &str) -> Option<&'a mut serde_json::Map<String, Value>> {
    object.as_value_mut().get_mut(field)?.as_object_mut()
}

fn values(object: &mut Object) -> impl Iterator<Item = &mut Value> {
    let fields = object.as_value_mut().as_object_mut().into_iter().flatten();
    fields
        .filter(|(name, _)| matches!(name.as_str(), "data" | "stringData"))
        .filter_map(|(_, map)| map.as_object_mut())
        .flat_map(|map| map.values_mut())
}

fn mask_copy(object: &mut Object) {
    if object.annotation(LAST_APPLIED).is_some() {
        object.set_annotation(LAST_APPLIED, MASK);
    }
}
