//! Lines of volumes and their classes.

use jiff::Timestamp;
use serde_json::Value;

use super::text::{age, at, at_or, list, truth};
use crate::object;

/// Access modes in their short form.
fn modes(o: &Value, pointer: &str) -> String {
    let has = |mode: &str| list(o, pointer).iter().any(|m| m.as_str() == Some(mode));
    let short = [
        ("ReadWriteOnce", "RWO"),
        ("ReadOnlyMany", "ROX"),
        ("ReadWriteMany", "RWX"),
        ("ReadWriteOncePod", "RWOP"),
    ];
    short
        .iter()
        .filter(|(mode, _)| has(mode))
        .map(|(_, short)| *short)
        .collect::<Vec<_>>()
        .join(",")
}

fn phase(o: &Value) -> Value {
    if object::is_deleting(o) { "Terminating".into() } else { at(o, "/status/phase").into() }
}

pub(super) fn volume(o: &Value, now: Timestamp) -> Vec<Value> {
    let claim = o.pointer("/spec/claimRef").filter(|c| c.is_object());
    let claim =
        claim.map(|c| format!("{}/{}", at(c, "/namespace"), at(c, "/name"))).unwrap_or_default();
    vec![
        at_or(o, "/spec/capacity/storage", "0").into(),
        modes(o, "/spec/accessModes").into(),
        at(o, "/spec/persistentVolumeReclaimPolicy").into(),
        phase(o),
        claim.into(),
        at(o, "/spec/storageClassName").into(),
        at_or(o, "/spec/volumeAttributesClassName", "<unset>").into(),
        at(o, "/status/reason").into(),
        age(o, now),
        at_or(o, "/spec/volumeMode", "<unset>").into(),
    ]
}

pub(super) fn claim(o: &Value, now: Timestamp) -> Vec<Value> {
    let volume = at(o, "/spec/volumeName");
    let bound = !volume.is_empty();
    let capacity = if bound { at_or(o, "/status/capacity/storage", "0") } else { "" };
    let modes = if bound { modes(o, "/status/accessModes") } else { String::new() };
    vec![
        phase(o),
        volume.into(),
        capacity.into(),
        modes.into(),
        at(o, "/spec/storageClassName").into(),
        at_or(o, "/spec/volumeAttributesClassName", "<unset>").into(),
        age(o, now),
        at_or(o, "/spec/volumeMode", "<unset>").into(),
    ]
}

pub(super) fn class(o: &Value, now: Timestamp) -> Vec<Value> {
    vec![
        at(o, "/provisioner").into(),
        at_or(o, "/reclaimPolicy", "Delete").into(),
        at_or(o, "/volumeBindingMode", "Immediate").into(),
        truth(o, "/allowVolumeExpansion").into(),
        age(o, now),
    ]
}

pub(super) fn driver(o: &Value, now: Timestamp) -> Vec<Value> {
    let attach = o.pointer("/spec/attachRequired").and_then(Value::as_bool).unwrap_or(true);
    vec![
        attach.into(),
        truth(o, "/spec/podInfoOnMount").into(),
        truth(o, "/spec/storageCapacity").into(),
        age(o, now),
    ]
}

pub(super) fn attachment(o: &Value, now: Timestamp) -> Vec<Value> {
    vec![
        at(o, "/spec/attacher").into(),
        at(o, "/spec/source/persistentVolumeName").into(),
        at(o, "/spec/nodeName").into(),
        truth(o, "/status/attached").into(),
        age(o, now),
    ]
}
