//! Claims: bound to a volume made for them.

use std::time::Duration;

use serde_json::{Value, json};

use super::{End, Pace, Subject, children, end};
use crate::core::Core;
use crate::object;
use crate::store::{Key, Stored};
use crate::write::{UpdateMode, Write};

/// The default class, as most try-out clusters have it.
const CLASS: &str = "standard";

/// Makes the default storage class.
pub(super) fn make_class(core: &Core) {
    let Some(classes) = core.builtin("storage.k8s.io/v1", "storageclasses") else { return };
    let class = json!({
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": { "name": CLASS, "annotations": { "storageclass.kubernetes.io/is-default-class": "true" } },
        "provisioner": "weir.dev/simulated",
        "reclaimPolicy": "Delete",
        "volumeBindingMode": "Immediate",
    });
    children::create(core, &classes, class);
}

pub(super) fn look_at(subject: &Subject<'_>, pace: &mut Pace) -> Option<Duration> {
    if subject.text("/status/phase") != "Pending" {
        return None;
    }
    let fate = end(subject.core, subject.value());
    if fate == End::NeverReady {
        return None;
    }
    if let Err(wait) = pace.step(subject.core, subject.reference, subject.value()) {
        return Some(wait);
    }
    if fate == End::Fail {
        subject.set_status(&json!({ "phase": "Lost" }));
    } else {
        bind(subject);
    }
    None
}

fn bind(subject: &Subject<'_>) {
    let claim = subject.value();
    let volume = match subject.text("/spec/volumeName") {
        "" => make_volume(subject),
        given => Some(given.to_owned()),
    };
    let Some(volume) = volume else { return };
    subject.edit("", &mut |claim| {
        if let Some(spec) = claim.get_mut("spec") {
            object::set_field(spec, "volumeName", Some(volume.clone().into()));
        }
        if let Some(metadata) = object::metadata_mut(claim) {
            let annotations = metadata.entry("annotations").or_insert_with(|| json!({}));
            object::set_field(annotations, "pv.kubernetes.io/bind-completed", Some("yes".into()));
        }
    });
    subject.set_status(&json!({
        "phase": "Bound",
        "accessModes": claim.pointer("/spec/accessModes"),
        "capacity": { "storage": claim.pointer("/spec/resources/requests/storage") },
    }));
}

fn make_volume(subject: &Subject<'_>) -> Option<String> {
    let volumes = subject.core.builtin("v1", "persistentvolumes")?;
    let claim = subject.value();
    let name = format!("pvc-{}", subject.uid());
    let volume = json!({
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": { "name": name, "annotations": { "pv.kubernetes.io/provisioned-by": "weir.dev/simulated" } },
        "spec": {
            "accessModes": claim.pointer("/spec/accessModes"),
            "capacity": { "storage": claim.pointer("/spec/resources/requests/storage") },
            "claimRef": { "apiVersion": "v1", "kind": "PersistentVolumeClaim", "name": subject.name(),
                "namespace": subject.namespace(), "uid": subject.uid() },
            "hostPath": { "path": format!("/simulated/{name}") },
            "persistentVolumeReclaimPolicy": "Delete",
            "storageClassName": claim.pointer("/spec/storageClassName").cloned().unwrap_or_else(|| CLASS.into()),
            "volumeMode": claim.pointer("/spec/volumeMode").cloned().unwrap_or_else(|| "Filesystem".into()),
        },
    });
    let made = children::create(subject.core, &volumes, volume)?;
    let mut write = Write::controller(subject.core, &volumes, "status", super::status::MANAGER);
    let done = write.update(&Key::new("", &name), UpdateMode::default(), &mut |live| {
        let mut volume = live.cloned().unwrap_or_default();
        object::set_field(&mut volume, "status", Some(json!({ "phase": "Bound" })));
        Ok(volume)
    });
    if let Err(why) = done {
        tracing::warn!(error = %why, "cannot mark a simulated volume as bound");
    }
    Some(object::name(&made.value).to_owned())
}

/// A claim is gone: the volume made for it goes, too.
pub(super) fn release(core: &Core, claim: &Key) {
    let Some(volumes) = core.builtin("v1", "persistentvolumes") else { return };
    let of_claim = |v: &Stored| {
        let is = |pointer: &str, wanted: &str| {
            v.value.pointer(pointer).and_then(Value::as_str) == Some(wanted)
        };
        object::annotation(&v.value, "pv.kubernetes.io/provisioned-by").is_some()
            && is("/spec/claimRef/name", &claim.name)
            && is("/spec/claimRef/namespace", &claim.namespace)
    };
    for volume in core.store.list(volumes.shelf, None).1.into_iter().filter(of_claim) {
        children::delete(core, &volumes, &volume, None);
    }
}
