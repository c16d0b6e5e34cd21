//! Rules of the built-in kinds beyond their schema: the ones that manifests in the wild break.

use serde_json::{Value, json};

use super::metadata::labels;
use crate::failure::Cause;
use crate::names;
use crate::object;
use crate::registry::Resource;
use crate::select::Labels;

/// The data of a ConfigMap or Secret together, in bytes.
const MAX_DATA: usize = 1024 * 1024;

pub(super) fn check(resource: &Resource, new: &Value) -> Vec<Cause> {
    match (resource.group.as_str(), resource.kind.as_str()) {
        ("", "ConfigMap" | "Secret") => data(new),
        ("", "Pod") => pod_spec(new.get("spec").unwrap_or(&Value::Null), "spec"),
        ("", "Service") => service(new),
        ("", "PersistentVolumeClaim") => claim(new.get("spec").unwrap_or(&Value::Null), "spec"),
        ("apps", "Deployment" | "ReplicaSet" | "StatefulSet" | "DaemonSet") => {
            workload(new, "Always")
        }
        ("batch", "Job") => job(new.get("spec").unwrap_or(&Value::Null), "spec"),
        ("batch", "CronJob") => cron_job(new),
        ("networking.k8s.io", "Ingress") => ingress(new),
        ("policy", "PodDisruptionBudget") => budget(new),
        ("autoscaling", "HorizontalPodAutoscaler") => autoscaler(new),
        ("rbac.authorization.k8s.io", "RoleBinding" | "ClusterRoleBinding") => {
            binding(resource, new)
        }
        ("rbac.authorization.k8s.io", "Role" | "ClusterRole") => role(resource, new),
        ("apiextensions.k8s.io", "CustomResourceDefinition") => super::definition::check(new),
        _ => Vec::new(),
    }
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value.get(field).and_then(Value::as_str).unwrap_or_default()
}

fn list<'a>(value: &'a Value, field: &str) -> &'a [Value] {
    value.get(field).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn data(new: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let mut total = 0;
    for field in ["data", "binaryData"] {
        for (key, value) in new.get(field).and_then(Value::as_object).into_iter().flatten() {
            total += value.as_str().map_or(0, str::len);
            let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
            if key.is_empty() || !key.chars().all(good) || key == "." || key.starts_with("..") {
                let why = "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  \
                    or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";
                causes.push(Cause::invalid(&format!("{field}[{key}]"), &key.as_str().into(), why));
            }
        }
    }
    // Secrets count decoded bytes; base64 is a third longer.
    let total = if new.get("kind").and_then(Value::as_str) == Some("Secret") {
        total / 4 * 3
    } else {
        total
    };
    if total > MAX_DATA {
        causes.push(Cause::too_long(if total > 0 { "data" } else { "" }, MAX_DATA));
    }
    causes
}

fn workload(new: &Value, restart: &str) -> Vec<Cause> {
    let mut causes = Vec::new();
    let null = Value::Null;
    let spec = new.get("spec").unwrap_or(&null);
    if let Some(replicas) = spec.get("replicas").and_then(Value::as_i64).filter(|r| *r < 0) {
        causes.push(Cause::invalid(
            "spec.replicas",
            &replicas.into(),
            "must be greater than or equal to 0",
        ));
    }
    let template = spec.get("template").unwrap_or(&null);
    let template_labels = template.pointer("/metadata/labels");
    match spec.get("selector").filter(|s| !s.is_null()) {
        None => causes.push(Cause::required("spec.selector", "")),
        Some(selector) if selector.as_object().is_some_and(serde_json::Map::is_empty) => {
            causes.push(Cause::invalid(
                "spec.selector",
                selector,
                "empty selector is invalid for deployment",
            ));
        }
        Some(selector) if !Labels::from_value(selector).matches(template_labels) => {
            let shown = template_labels.cloned().unwrap_or_else(|| json!({}));
            let why = "`selector` does not match template `labels`";
            causes.push(Cause::invalid("spec.template.metadata.labels", &shown, why));
        }
        Some(_) => {}
    }
    causes.extend(labels("spec.template.labels", template_labels.and_then(Value::as_object)));
    // A StatefulSet's Pods may mount the claims made for them.
    let claims: Vec<&str> = list(spec, "volumeClaimTemplates").iter().map(object::name).collect();
    causes.extend(pod_rules(template.get("spec").unwrap_or(&null), "spec.template.spec", &claims));
    let policy = template.pointer("/spec/restartPolicy").and_then(Value::as_str).unwrap_or(restart);
    if policy != restart {
        causes.push(Cause::not_supported(
            "spec.template.spec.restartPolicy",
            &policy.into(),
            &[restart],
        ));
    }
    for (at, claim_template) in list(spec, "volumeClaimTemplates").iter().enumerate() {
        let path = format!("spec.volumeClaimTemplates[{at}].spec");
        causes.extend(claim(claim_template.get("spec").unwrap_or(&null), &path));
    }
    causes
}

fn pod_spec(spec: &Value, path: &str) -> Vec<Cause> {
    pod_rules(spec, path, &[])
}

fn pod_rules(spec: &Value, path: &str, claims: &[&str]) -> Vec<Cause> {
    let mut causes = Vec::new();
    if list(spec, "containers").is_empty() {
        causes.push(Cause::required(&format!("{path}.containers"), ""));
    }
    let volumes: Vec<&str> = list(spec, "volumes").iter().map(|v| text(v, "name")).collect();
    for (at, volume) in list(spec, "volumes").iter().enumerate() {
        let path = format!("{path}.volumes[{at}]");
        let name = text(volume, "name");
        if name.is_empty() {
            causes.push(Cause::required(&format!("{path}.name"), ""));
        } else if !names::is_dns_label(name) {
            causes.push(Cause::invalid(&format!("{path}.name"), &name.into(), names::DNS_LABEL));
        } else if volumes.iter().take(at).any(|v| *v == name) {
            causes.push(Cause::duplicate(&format!("{path}.name"), &name.into()));
        }
    }
    let volumes = [volumes.as_slice(), claims].concat();
    let mut seen: Vec<&str> = Vec::new();
    for field in ["initContainers", "containers"] {
        for (at, container) in list(spec, field).iter().enumerate() {
            let path = format!("{path}.{field}[{at}]");
            causes.extend(container_rules(container, &path, &volumes, &seen));
            seen.push(text(container, "name"));
        }
    }
    causes
}

fn container_rules(container: &Value, path: &str, volumes: &[&str], seen: &[&str]) -> Vec<Cause> {
    let mut causes = Vec::new();
    let name = text(container, "name");
    let name_path = format!("{path}.name");
    if name.is_empty() {
        causes.push(Cause::required(&name_path, ""));
    } else if !names::is_dns_label(name) {
        causes.push(Cause::invalid(&name_path, &name.into(), names::DNS_LABEL));
    } else if seen.contains(&name) {
        causes.push(Cause::duplicate(&name_path, &name.into()));
    }
    if text(container, "image").is_empty() {
        causes.push(Cause::required(&format!("{path}.image"), ""));
    }
    for (at, port) in list(container, "ports").iter().enumerate() {
        let number = port.get("containerPort").and_then(Value::as_i64).unwrap_or(0);
        if !(1..=65535).contains(&number) {
            let field = format!("{path}.ports[{at}].containerPort");
            causes.push(if number == 0 {
                Cause::required(&field, "")
            } else {
                Cause::invalid(&field, &number.into(), PORT_RANGE)
            });
        }
    }
    for (at, mount) in list(container, "volumeMounts").iter().enumerate() {
        let path = format!("{path}.volumeMounts[{at}]");
        let volume = text(mount, "name");
        if !volumes.contains(&volume) {
            causes.push(Cause::not_found(&format!("{path}.name"), &volume.into()));
        }
        if text(mount, "mountPath").is_empty() {
            causes.push(Cause::required(&format!("{path}.mountPath"), ""));
        }
    }
    for (at, variable) in list(container, "env").iter().enumerate() {
        if text(variable, "name").is_empty() {
            causes.push(Cause::required(&format!("{path}.env[{at}].name"), ""));
        }
        let both = !text(variable, "value").is_empty()
            && variable.get("valueFrom").is_some_and(Value::is_object);
        if both {
            let why = "may not be specified when `value` is not empty";
            causes.push(Cause::invalid(&format!("{path}.env[{at}].valueFrom"), &"".into(), why));
        }
    }
    causes
}

const PORT_RANGE: &str = "must be between 1 and 65535, inclusive";

fn service(new: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let null = Value::Null;
    let spec = new.get("spec").unwrap_or(&null);
    let kind = text(spec, "type");
    let ports = list(spec, "ports");
    let headless = text(spec, "clusterIP") == "None";
    if ports.is_empty() && !headless && kind != "ExternalName" {
        causes.push(Cause::required("spec.ports", ""));
    }
    if kind == "ExternalName" && text(spec, "externalName").is_empty() {
        causes.push(Cause::required("spec.externalName", ""));
    }
    let mut seen: Vec<(&str, Option<i64>, &str)> = Vec::new();
    for (at, port) in ports.iter().enumerate() {
        let path = format!("spec.ports[{at}]");
        let name = text(port, "name");
        if ports.len() > 1 && name.is_empty() {
            causes.push(Cause::required(&format!("{path}.name"), ""));
        } else if !name.is_empty() && !names::is_dns_label(name) {
            causes.push(Cause::invalid(&format!("{path}.name"), &name.into(), names::DNS_LABEL));
        } else if !name.is_empty() && seen.iter().any(|(n, _, _)| *n == name) {
            causes.push(Cause::duplicate(&format!("{path}.name"), &name.into()));
        }
        let number = port.get("port").and_then(Value::as_i64);
        if !number.is_some_and(|n| (1..=65535).contains(&n)) {
            let shown = port.get("port").cloned().unwrap_or_else(|| 0.into());
            causes.push(Cause::invalid(&format!("{path}.port"), &shown, PORT_RANGE));
        }
        let protocol = text(port, "protocol");
        if !protocol.is_empty() && !matches!(protocol, "TCP" | "UDP" | "SCTP") {
            let field = format!("{path}.protocol");
            causes.push(Cause::not_supported(&field, &protocol.into(), &["SCTP", "TCP", "UDP"]));
        }
        if seen.iter().any(|(_, n, p)| *n == number && *p == protocol) {
            let shown = json!({ "protocol": protocol, "port": number });
            causes.push(Cause::duplicate(&path, &shown));
        }
        seen.push((name, number, protocol));
    }
    causes
}

fn claim(spec: &Value, path: &str) -> Vec<Cause> {
    let mut causes = Vec::new();
    if list(spec, "accessModes").is_empty() {
        causes.push(Cause::required(
            &format!("{path}.accessModes"),
            "at least 1 access mode is required",
        ));
    }
    if spec.pointer("/resources/requests/storage").is_none_or(Value::is_null) {
        causes.push(Cause::required(&format!("{path}.resources[storage]"), ""));
    }
    causes
}

fn job(spec: &Value, path: &str) -> Vec<Cause> {
    let null = Value::Null;
    let template = spec.get("template").unwrap_or(&null);
    let mut causes =
        pod_spec(template.get("spec").unwrap_or(&null), &format!("{path}.template.spec"));
    let policy =
        template.pointer("/spec/restartPolicy").and_then(Value::as_str).unwrap_or("Always");
    if !matches!(policy, "OnFailure" | "Never") {
        let why = "valid values: \"OnFailure\", \"Never\"";
        causes.push(Cause {
            reason: "FieldValueRequired".to_owned(),
            message: format!("Required value: {why}"),
            field: format!("{path}.template.spec.restartPolicy"),
        });
    }
    causes
}

fn cron_job(new: &Value) -> Vec<Cause> {
    let null = Value::Null;
    let spec = new.get("spec").unwrap_or(&null);
    let mut causes = Vec::new();
    let schedule = text(spec, "schedule");
    if schedule.is_empty() {
        causes.push(Cause::required("spec.schedule", ""));
    } else if !schedule.starts_with('@') && schedule.split_whitespace().count() != 5 {
        let found = schedule.split_whitespace().count();
        let why = format!("expected exactly 5 fields, found {found}: [{schedule}]");
        causes.push(Cause::invalid("spec.schedule", &schedule.into(), &why));
    }
    let job_spec = spec.pointer("/jobTemplate/spec").unwrap_or(&null);
    causes.extend(job(job_spec, "spec.jobTemplate.spec"));
    causes
}

fn ingress(new: &Value) -> Vec<Cause> {
    let null = Value::Null;
    let spec = new.get("spec").unwrap_or(&null);
    let rules = list(spec, "rules");
    let mut causes = Vec::new();
    if rules.is_empty() && spec.get("defaultBackend").is_none_or(Value::is_null) {
        let why = "either `defaultBackend` or `rules` must be specified";
        causes.push(Cause::invalid("spec", &json!([]), why));
    }
    for (at, rule) in rules.iter().enumerate() {
        for (path_at, path) in
            rule.pointer("/http/paths").and_then(Value::as_array).into_iter().flatten().enumerate()
        {
            let field = format!("spec.rules[{at}].http.paths[{path_at}]");
            match text(path, "pathType") {
                "" => causes.push(Cause::required(
                    &format!("{field}.pathType"),
                    "pathType must be specified",
                )),
                "Exact" | "Prefix" | "ImplementationSpecific" => {}
                other => causes.push(Cause::not_supported(
                    &format!("{field}.pathType"),
                    &other.into(),
                    &["Exact", "ImplementationSpecific", "Prefix"],
                )),
            }
            let written = text(path, "path");
            if !written.starts_with('/') && text(path, "pathType") != "ImplementationSpecific" {
                causes.push(Cause::invalid(
                    &format!("{field}.path"),
                    &written.into(),
                    "must be an absolute path",
                ));
            }
        }
    }
    causes
}

fn budget(new: &Value) -> Vec<Cause> {
    let null = Value::Null;
    let spec = new.get("spec").unwrap_or(&null);
    let set = |field: &str| spec.get(field).is_some_and(|v| !v.is_null());
    if set("minAvailable") && set("maxUnavailable") {
        let why = "minAvailable and maxUnavailable cannot be both set";
        return vec![Cause::invalid("spec", spec, why)];
    }
    Vec::new()
}

fn autoscaler(new: &Value) -> Vec<Cause> {
    let number = |field: &str| new.pointer(&format!("/spec/{field}")).and_then(Value::as_i64);
    let mut causes = Vec::new();
    let maximum = number("maxReplicas").unwrap_or(0);
    if maximum < 1 {
        causes.push(Cause::invalid(
            "spec.maxReplicas",
            &maximum.into(),
            "must be greater than or equal to 1",
        ));
    } else if number("minReplicas").is_some_and(|m| m > maximum) {
        let why = "must be greater than or equal to `minReplicas`";
        causes.push(Cause::invalid("spec.maxReplicas", &maximum.into(), why));
    }
    causes
}

fn binding(resource: &Resource, new: &Value) -> Vec<Cause> {
    let null = Value::Null;
    let role = new.get("roleRef").unwrap_or(&null);
    let mut causes = Vec::new();
    if !matches!(text(role, "apiGroup"), "" | "rbac.authorization.k8s.io") {
        let group = text(role, "apiGroup");
        causes.push(Cause::not_supported(
            "roleRef.apiGroup",
            &group.into(),
            &["rbac.authorization.k8s.io"],
        ));
    }
    let kinds: &[&str] =
        if resource.kind == "RoleBinding" { &["Role", "ClusterRole"] } else { &["ClusterRole"] };
    let kind = text(role, "kind");
    if !kinds.contains(&kind) {
        causes.push(Cause::not_supported("roleRef.kind", &kind.into(), kinds));
    }
    if text(role, "name").is_empty() {
        causes.push(Cause::required("roleRef.name", ""));
    }
    for (at, subject) in list(new, "subjects").iter().enumerate() {
        let path = format!("subjects[{at}]");
        if text(subject, "name").is_empty() {
            causes.push(Cause::required(&format!("{path}.name"), ""));
        }
        match text(subject, "kind") {
            "ServiceAccount"
                if text(subject, "namespace").is_empty()
                    && resource.kind == "ClusterRoleBinding" =>
            {
                causes.push(Cause::required(&format!("{path}.namespace"), ""));
            }
            "ServiceAccount" | "User" | "Group" => {}
            other => causes.push(Cause::not_supported(
                &format!("{path}.kind"),
                &other.into(),
                &["ServiceAccount", "User", "Group"],
            )),
        }
    }
    causes
}

fn role(resource: &Resource, new: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    for (at, rule) in list(new, "rules").iter().enumerate() {
        let path = format!("rules[{at}]");
        if list(rule, "verbs").is_empty() {
            causes.push(Cause::required(
                &format!("{path}.verbs"),
                "verbs must contain at least one value",
            ));
        }
        if !list(rule, "nonResourceURLs").is_empty() {
            if resource.kind == "Role" {
                let why = "namespaced rules cannot apply to non-resource URLs";
                let urls = rule.get("nonResourceURLs").cloned().unwrap_or_default();
                causes.push(Cause::invalid(&format!("{path}.nonResourceURLs"), &urls, why));
            }
            continue;
        }
        if list(rule, "apiGroups").is_empty() {
            let why = "resource rules must supply at least one api group";
            causes.push(Cause::required(&format!("{path}.apiGroups"), why));
        }
        if list(rule, "resources").is_empty() {
            let why = "resource rules must supply at least one resource";
            causes.push(Cause::required(&format!("{path}.resources"), why));
        }
    }
    causes
}
