//! Volumes of Pods and where containers mount them.

use super::place::{At, Errors};

/// The kinds of volume, in the order in which the API server looks at them.
const SOURCES: [&str; 29] = [
    "emptyDir",
    "hostPath",
    "gitRepo",
    "gcePersistentDisk",
    "awsElasticBlockStore",
    "secret",
    "nfs",
    "iscsi",
    "glusterfs",
    "flexVolume",
    "configMap",
    "persistentVolumeClaim",
    "rbd",
    "cephfs",
    "flocker",
    "downwardAPI",
    "fc",
    "azureFile",
    "vsphereVolume",
    "quobyte",
    "photonPersistentDisk",
    "portworxVolume",
    "cinder",
    "azureDisk",
    "storageos",
    "projected",
    "scaleIO",
    "csi",
    "ephemeral",
];

/// The volumes of a Pod; returns their names.
pub(super) fn volumes<'a>(spec: &At<'a>, errors: &mut Errors) -> Vec<&'a str> {
    let mut names: Vec<&str> = Vec::new();
    for volume in spec.items("volumes") {
        let name = volume.at("name");
        if let Some(text) = name.need(errors) {
            name.dns_label(errors);
            if names.contains(&text) {
                errors.push(name.duplicate());
            }
            names.push(text);
        }
        source(&volume, errors);
    }
    names
}

fn source(volume: &At<'_>, errors: &mut Errors) {
    let mut found = false;
    for name in SOURCES {
        let source = volume.at(name);
        if !source.is_set() {
            continue;
        }
        if found {
            errors.push(source.forbidden("may not specify more than 1 volume type"));
            continue;
        }
        found = true;
        match name {
            "configMap" => {
                source.at("name").need(errors);
                files(&source, errors);
            }
            "secret" => {
                source.at("secretName").need(errors);
                files(&source, errors);
            }
            "hostPath" => {
                source.at("path").need(errors);
            }
            "persistentVolumeClaim" => {
                source.at("claimName").need(errors);
            }
            "nfs" => {
                source.at("server").need(errors);
                source.at("path").need(errors);
            }
            "csi" => {
                source.at("driver").need(errors);
            }
            "projected" | "downwardAPI" => mode(&source.at("defaultMode"), errors),
            _ => {}
        }
    }
}

/// The files that a ConfigMap or Secret is shown as.
fn files(source: &At<'_>, errors: &mut Errors) {
    mode(&source.at("defaultMode"), errors);
    for item in source.items("items") {
        item.at("key").need(errors);
        let path = item.at("path");
        if let Some(text) = path.need(errors) {
            if text.starts_with('/') {
                errors.push(path.invalid("must be a relative path"));
            }
            if text.split('/').any(|step| step == "..") {
                errors.push(path.invalid("must not contain '..'"));
            } else if text.starts_with("..") {
                errors.push(path.invalid("must not start with '..'"));
            }
        }
        mode(&item.at("mode"), errors);
    }
}

fn mode(mode: &At<'_>, errors: &mut Errors) {
    if mode.int().is_some_and(|bits| !(0..=0o777).contains(&bits)) {
        errors.push(mode.invalid("must be a number between 0 and 0777 (octal), both inclusive"));
    }
}

/// The mounts of a container.
pub(super) fn mounts(container: &At<'_>, volumes: &[&str], errors: &mut Errors) {
    let mut paths: Vec<&str> = Vec::new();
    for mount in container.items("volumeMounts") {
        let name = mount.at("name");
        if name.is_blank() {
            errors.push(name.required(""));
        }
        let path = mount.at("mountPath");
        path.need(errors);
        if paths.contains(&path.text()) {
            errors.push(path.invalid("must be unique"));
        }
        paths.push(path.text());
        if !volumes.contains(&name.text()) {
            errors
                .push(super::super::super::FieldError::not_found(&name.path, &name.text().into()));
        }
    }
}
