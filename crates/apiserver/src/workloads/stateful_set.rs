//! StatefulSets: numbered Pods with their claims, one after the other unless told otherwise.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::children::{self, MAX_PODS, PodName};
use super::{Subject, pod};
use crate::object;
use crate::store::Stored;

const REVISION_LABEL: &str = "controller-revision-hash";

pub(super) fn look_at(subject: &Subject<'_>) -> Option<Duration> {
    let pods = subject.core.builtin("v1", "pods")?;
    let revision = revision(subject);
    let start = subject.number("/spec/ordinals/start", 0);
    let wanted =
        subject.number("/spec/replicas", 1).clamp(0, i64::try_from(MAX_PODS).unwrap_or(i64::MAX));
    let owned = by_ordinal(subject, &children::of(subject, &pods));
    let parallel = subject.text("/spec/podManagementPolicy") == "Parallel";
    for ordinal in start..start + wanted {
        match owned.get(&ordinal) {
            None => {
                make(subject, ordinal, &revision);
                if !parallel {
                    break;
                }
            }
            Some(pod) if !parallel && !pod::is_ready(&pod.value) => break,
            Some(_) => {}
        }
    }
    for (_, extra) in
        owned.iter().filter(|(ordinal, _)| **ordinal >= start + wanted || **ordinal < start)
    {
        if !object::is_deleting(&extra.value) {
            children::delete(subject.core, &pods, extra, None);
        }
    }
    replace_outdated(subject, &owned, &revision);
    report(subject, &revision, &by_ordinal(subject, &children::of(subject, &pods)));
    None
}

fn by_ordinal(subject: &Subject<'_>, pods: &[Stored]) -> BTreeMap<i64, Stored> {
    let prefix = format!("{}-", subject.name());
    let ordinal = |pod: &Stored| object::name(&pod.value).strip_prefix(&prefix)?.parse().ok();
    pods.iter().filter_map(|pod| Some((ordinal(pod)?, pod.clone()))).collect()
}

/// The revision of the template, kept as a ControllerRevision.
fn revision(subject: &Subject<'_>) -> String {
    let template = subject.value().pointer("/spec/template").cloned().unwrap_or_default();
    let name = format!("{}-{}", subject.name(), children::template_hash(&template));
    let Some(revisions) = subject.core.builtin("apps/v1", "controllerrevisions") else {
        return name;
    };
    let owned = children::of(subject, &revisions);
    if !owned.iter().any(|r| object::name(&r.value) == name) {
        let number = |r: &Stored| r.value.get("revision").and_then(Value::as_i64).unwrap_or(0);
        let next = owned.iter().map(number).max().unwrap_or(0) + 1;
        let labels = subject
            .value()
            .pointer("/spec/selector/matchLabels")
            .cloned()
            .unwrap_or_else(|| json!({}));
        let revision = json!({
            "apiVersion": "apps/v1",
            "kind": "ControllerRevision",
            "metadata": { "name": name, "namespace": subject.namespace(), "labels": labels,
                "ownerReferences": children::owner(subject) },
            "data": { "spec": { "template": template } },
            "revision": next,
        });
        children::create(subject.core, &revisions, revision);
    }
    name
}

fn make(subject: &Subject<'_>, ordinal: i64, revision: &str) {
    let Some(pods) = subject.core.builtin("v1", "pods") else { return };
    let name = format!("{}-{ordinal}", subject.name());
    let index = ordinal.to_string();
    let labels = [
        (REVISION_LABEL, revision),
        ("statefulset.kubernetes.io/pod-name", name.as_str()),
        ("apps.kubernetes.io/pod-index", index.as_str()),
    ];
    let mut pod = children::pod(subject, PodName::Fixed(&name), &labels);
    let claims = claims(subject, &name);
    if let Some(spec) = pod.get_mut("spec") {
        let mut volumes =
            spec.get("volumes").and_then(Value::as_array).cloned().unwrap_or_default();
        volumes.extend(claims.iter().map(|(volume, claim)| {
            json!({ "name": volume, "persistentVolumeClaim": { "claimName": claim } })
        }));
        object::set_field(spec, "hostname", Some(name.clone().into()));
        if let Some(service) =
            subject.value().pointer("/spec/serviceName").filter(|s| s.as_str() != Some(""))
        {
            object::set_field(spec, "subdomain", Some(service.clone()));
        }
        if !volumes.is_empty() {
            object::set_field(spec, "volumes", Some(volumes.into()));
        }
    }
    children::create(subject.core, &pods, pod);
}

/// Makes the claims of one Pod: (volume name, claim name).
fn claims(subject: &Subject<'_>, pod: &str) -> Vec<(String, String)> {
    let Some(resource) = subject.core.builtin("v1", "persistentvolumeclaims") else {
        return Vec::new();
    };
    let templates = subject.value().pointer("/spec/volumeClaimTemplates").and_then(Value::as_array);
    let mut made = Vec::new();
    for template in templates.into_iter().flatten() {
        let volume = object::name(template).to_owned();
        let name = format!("{volume}-{pod}");
        if subject.core.lookup("v1", "persistentvolumeclaims", subject.namespace(), &name).is_none()
        {
            let mut claim = template.clone();
            object::set_field(&mut claim, "apiVersion", Some("v1".into()));
            object::set_field(&mut claim, "kind", Some("PersistentVolumeClaim".into()));
            object::set_field(&mut claim, "status", None);
            object::set_meta(&mut claim, "name", name.clone());
            object::set_meta(&mut claim, "namespace", subject.namespace());
            children::create(subject.core, &resource, claim);
        }
        made.push((volume, name));
    }
    made
}

/// A rolling update restarts the outdated Pods at or above the partition, the highest first and, as long
/// as one of them is not ready again, no other.
fn replace_outdated(subject: &Subject<'_>, owned: &BTreeMap<i64, Stored>, revision: &str) {
    let Some(pods) = subject.core.builtin("v1", "pods") else { return };
    if subject.text("/spec/updateStrategy/type") == "OnDelete" {
        return;
    }
    let partition = subject.number("/spec/updateStrategy/rollingUpdate/partition", 0);
    for (ordinal, pod) in owned.iter().rev() {
        let current = object::label(&pod.value, REVISION_LABEL) == Some(revision);
        if *ordinal < partition
            || object::is_deleting(&pod.value)
            || (current && !pod::is_ready(&pod.value))
        {
            return;
        }
        if !current {
            children::delete(subject.core, &pods, pod, None);
            return;
        }
    }
}

fn report(subject: &Subject<'_>, revision: &str, owned: &BTreeMap<i64, Stored>) {
    let count = children::count(owned.values());
    let alive = || owned.values().filter(|p| !object::is_deleting(&p.value));
    let has = |p: &&Stored| object::label(&p.value, REVISION_LABEL) == Some(revision);
    let updated = i64::try_from(alive().filter(has).count()).unwrap_or(0);
    let wanted = subject.number("/spec/replicas", 1);
    let before = subject.text("/status/currentRevision");
    let done = updated == wanted && count.ready == wanted && count.all == wanted;
    // The old revision stays current until the whole set is updated.
    let current = if done || before.is_empty() { revision } else { before };
    let on_current =
        alive().filter(|p| object::label(&p.value, REVISION_LABEL) == Some(current)).count();
    let mut status = json!({
        "observedGeneration": object::generation(subject.value()),
        "replicas": count.all,
        "availableReplicas": count.ready,
        "currentRevision": current,
        "updateRevision": revision,
        "collisionCount": 0,
    });
    let numbers = [
        ("readyReplicas", count.ready),
        ("currentReplicas", i64::try_from(on_current).unwrap_or(0)),
        ("updatedReplicas", updated),
    ];
    for (field, number) in numbers {
        if number > 0 {
            object::set_field(&mut status, field, Some(number.into()));
        }
    }
    subject.set_status(&status);
}
