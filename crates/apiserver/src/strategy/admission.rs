//! What the admission chain and the storage layer of a cluster add to built-in objects.

use serde_json::{Value, json};

use crate::core::Core;
use crate::failure::Failure;
use crate::object;
use crate::options::Simulation;
use crate::registry::Resource;

/// Fills in a new object.
pub(super) fn create(core: &Core, resource: &Resource, object: &mut Value) -> Result<(), Failure> {
    if resource.custom.is_some() {
        return Ok(());
    }
    match (resource.group.as_str(), resource.kind.as_str()) {
        ("", "Namespace") => namespace(object),
        ("", "Pod") => pod(core, resource, object)?,
        ("", "Service") => service(core, object, None),
        ("", "PersistentVolumeClaim") => claim(core, object),
        ("", "PersistentVolume") => volume(core, object),
        ("", "Secret") => token_secret(core, resource, object)?,
        ("batch", "Job") => job(object),
        ("apps", "DaemonSet") => daemon_set(object, 1),
        _ => {}
    }
    Ok(())
}

/// Keeps what the server gave out before.
pub(super) fn update(core: &Core, resource: &Resource, old: &Value, object: &mut Value) {
    if resource.is("", "Service") {
        service(core, object, Some(old));
    }
    if resource.is("batch", "Job") {
        keep(object, old, &["/spec/selector"]);
    }
    if resource.is("apps", "DaemonSet") {
        let changed = old.pointer("/spec/template") != object.pointer("/spec/template");
        let before =
            object::annotation(old, TEMPLATE_GENERATION).and_then(|g| g.parse().ok()).unwrap_or(1);
        daemon_set(object, before + i64::from(changed));
    }
}

const TEMPLATE_GENERATION: &str = "deprecated.daemonset.template.generation";

fn daemon_set(object: &mut Value, generation: i64) {
    let Some(metadata) = object::metadata_mut(object) else { return };
    let annotations = metadata.entry("annotations").or_insert_with(|| json!({}));
    object::set_field(annotations, TEMPLATE_GENERATION, Some(generation.to_string().into()));
}

fn keep(object: &mut Value, old: &Value, pointers: &[&str]) {
    for pointer in pointers {
        if object.pointer(pointer).is_none_or(Value::is_null)
            && let Some(value) = old.pointer(pointer)
        {
            crate::scale::set_pointer(object, pointer, value.clone());
        }
    }
}

fn namespace(object: &mut Value) {
    let name = object::name(object).to_owned();
    if let Some(metadata) = object::metadata_mut(object) {
        let labels = metadata.entry("labels").or_insert_with(|| json!({}));
        object::set_field(labels, "kubernetes.io/metadata.name", Some(name.into()));
    }
    let mut finalizers =
        object.pointer("/spec/finalizers").and_then(Value::as_array).cloned().unwrap_or_default();
    if !finalizers.iter().any(|f| f == "kubernetes") {
        finalizers.push("kubernetes".into());
    }
    object::set_field(object, "spec", Some(json!({ "finalizers": finalizers })));
    object::set_field(object, "status", Some(json!({ "phase": "Active" })));
}

fn pod(core: &Core, resource: &Resource, object: &mut Value) -> Result<(), Failure> {
    let (namespace, name) = (object::namespace(object).to_owned(), object::name(object).to_owned());
    let account = object
        .pointer("/spec/serviceAccountName")
        .and_then(Value::as_str)
        .filter(|a| !a.is_empty());
    let account = account.unwrap_or("default").to_owned();
    let Some(found) = core.lookup("v1", "serviceaccounts", &namespace, &account) else {
        let why = format!(
            "error looking up service account {namespace}/{account}: serviceaccount \"{account}\" not found"
        );
        return Err(Failure::forbidden(resource.about(&name), &why));
    };
    let qos = crate::workloads::qos(object);
    object::set_field(object, "status", Some(json!({ "phase": "Pending", "qosClass": qos })));
    let Some(spec) = object.get_mut("spec").filter(|s| s.is_object()) else { return Ok(()) };
    let set = |spec: &mut Value, field: &str, value: Value| {
        if spec.get(field).is_none_or(Value::is_null) {
            object::set_field(spec, field, Some(value));
        }
    };
    object::set_field(spec, "serviceAccountName", Some(account.clone().into()));
    object::set_field(spec, "serviceAccount", Some(account.into()));
    set(spec, "enableServiceLinks", true.into());
    set(spec, "preemptionPolicy", "PreemptLowerPriority".into());
    let class = spec.get("priorityClassName").and_then(Value::as_str).unwrap_or_default();
    let value = core.lookup("scheduling.k8s.io/v1", "priorityclasses", "", class);
    let value = value.and_then(|c| c.value.get("value").cloned()).unwrap_or_else(|| 0.into());
    set(spec, "priority", value);
    tolerate(spec);
    let mounts = |value: &Value| value.get("automountServiceAccountToken").and_then(Value::as_bool);
    if mounts(spec).or_else(|| mounts(&found.value)) != Some(false) {
        mount_token(core, spec);
    }
    Ok(())
}

/// `DefaultTolerationSeconds`: five minutes on a node that is not ready or unreachable.
fn tolerate(spec: &mut Value) {
    let mut tolerations =
        spec.get("tolerations").and_then(Value::as_array).cloned().unwrap_or_default();
    for key in ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"] {
        let covered = tolerations.iter().any(|t| {
            let text = |field: &str| t.get(field).and_then(Value::as_str).unwrap_or_default();
            (text("key") == key || text("key").is_empty())
                && matches!(text("effect"), "" | "NoExecute")
        });
        if !covered {
            tolerations.push(json!({ "effect": "NoExecute", "key": key, "operator": "Exists", "tolerationSeconds": 300 }));
        }
    }
    object::set_field(spec, "tolerations", Some(tolerations.into()));
}

/// Where containers find the token of their service account.
const TOKEN_PATH: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// The projected volume that the ServiceAccount admission adds.
fn mount_token(core: &Core, spec: &mut Value) {
    let name = format!("kube-api-access-{}", core.random.suffix());
    let mut used = false;
    for list in ["containers", "initContainers"] {
        for container in spec.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            let mut mounts = container
                .get("volumeMounts")
                .and_then(Value::as_array)
                .cloned()
                .unwrap_or_default();
            if mounts.iter().any(|m| m.get("mountPath").and_then(Value::as_str) == Some(TOKEN_PATH))
            {
                continue;
            }
            mounts.push(json!({ "name": name, "readOnly": true, "mountPath": TOKEN_PATH }));
            object::set_field(container, "volumeMounts", Some(mounts.into()));
            used = true;
        }
    }
    if !used {
        return;
    }
    let mut volumes = spec.get("volumes").and_then(Value::as_array).cloned().unwrap_or_default();
    volumes.push(json!({ "name": name, "projected": { "defaultMode": 420, "sources": [
        { "serviceAccountToken": { "expirationSeconds": 3607, "path": "token" } },
        { "configMap": { "name": "kube-root-ca.crt", "items": [{ "key": "ca.crt", "path": "ca.crt" }] } },
        { "downwardAPI": { "items": [{ "path": "namespace",
            "fieldRef": { "apiVersion": "v1", "fieldPath": "metadata.namespace" } }] } },
    ] } }));
    object::set_field(spec, "volumes", Some(volumes.into()));
}

/// Addresses, families and node ports, kept over updates that do not name them.
fn service(core: &Core, object: &mut Value, old: Option<&Value>) {
    let kind = |o: &Value| {
        o.pointer("/spec/type").and_then(Value::as_str).unwrap_or("ClusterIP").to_owned()
    };
    let new_kind = kind(object);
    if let Some(old) = old
        && new_kind != "ExternalName"
        && kind(old) != "ExternalName"
    {
        keep(
            object,
            old,
            &["/spec/clusterIP", "/spec/clusterIPs", "/spec/ipFamilies", "/spec/ipFamilyPolicy"],
        );
    }
    let takes_ports = matches!(new_kind.as_str(), "NodePort" | "LoadBalancer")
        && object.pointer("/spec/allocateLoadBalancerNodePorts").and_then(Value::as_bool)
            != Some(false);
    let Some(spec) = object.get_mut("spec").filter(|s| s.is_object()) else { return };
    if new_kind == "ExternalName" {
        for field in ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"] {
            object::set_field(spec, field, None);
        }
        return;
    }
    let given = spec
        .get("clusterIP")
        .and_then(Value::as_str)
        .filter(|ip| !ip.is_empty())
        .map(str::to_owned);
    let listed = spec.pointer("/clusterIPs/0").and_then(Value::as_str).map(str::to_owned);
    let ip = given.or(listed).unwrap_or_else(|| core.addresses.service());
    object::set_field(spec, "clusterIP", Some(ip.clone().into()));
    if spec.pointer("/clusterIPs/0").and_then(Value::as_str) != Some(&ip) {
        object::set_field(spec, "clusterIPs", Some(json!([ip])));
    }
    for (field, value) in
        [("ipFamilies", json!(["IPv4"])), ("ipFamilyPolicy", "SingleStack".into())]
    {
        if spec.get(field).is_none_or(Value::is_null) {
            object::set_field(spec, field, Some(value));
        }
    }
    if takes_ports {
        node_ports(core, spec, old);
    }
    core.addresses.reserve(object);
}

fn node_ports(core: &Core, spec: &mut Value, old: Option<&Value>) {
    let id = |port: &Value| (port.get("port").cloned(), port.get("protocol").cloned());
    let before = old
        .and_then(|o| o.pointer("/spec/ports")?.as_array())
        .map(Vec::as_slice)
        .unwrap_or_default();
    for port in spec.get_mut("ports").and_then(Value::as_array_mut).into_iter().flatten() {
        if port.get("nodePort").and_then(Value::as_i64).unwrap_or(0) != 0 {
            continue;
        }
        let kept = before
            .iter()
            .find(|b| id(b) == id(port))
            .and_then(|b| b.get("nodePort"))
            .filter(|n| n.as_i64() != Some(0));
        let number = kept.cloned().unwrap_or_else(|| core.addresses.node_port().into());
        object::set_field(port, "nodePort", Some(number));
    }
    let local = spec.get("externalTrafficPolicy").and_then(Value::as_str) == Some("Local");
    if local && spec.get("type").and_then(Value::as_str) == Some("LoadBalancer") {
        let kept = old.and_then(|o| o.pointer("/spec/healthCheckNodePort")).cloned();
        if spec.get("healthCheckNodePort").and_then(Value::as_i64).unwrap_or(0) == 0 {
            let number = kept.unwrap_or_else(|| core.addresses.node_port().into());
            object::set_field(spec, "healthCheckNodePort", Some(number));
        }
    }
}

/// `StorageObjectInUseProtection`; the controllers take them away from what is deleted.
pub(crate) const PROTECTIONS: [&str; 2] =
    ["kubernetes.io/pvc-protection", "kubernetes.io/pv-protection"];

fn claim(core: &Core, object: &mut Value) {
    object::add_finalizer(object, "kubernetes.io/pvc-protection");
    object::set_field(object, "status", Some(json!({ "phase": "Pending" })));
    let Some(spec) = object.get_mut("spec").filter(|s| s.is_object()) else { return };
    if spec.get("storageClassName").is_none_or(Value::is_null) {
        let classes = core.list("storage.k8s.io/v1", "storageclasses", None);
        let marked = |c: &&crate::store::Stored| {
            object::annotation(&c.value, "storageclass.kubernetes.io/is-default-class")
                == Some("true")
        };
        if let Some(class) = classes.iter().find(marked) {
            object::set_field(spec, "storageClassName", Some(object::name(&class.value).into()));
        }
    }
}

/// A volume that nobody claims is available at once where a cluster is simulated.
fn volume(core: &Core, object: &mut Value) {
    object::add_finalizer(object, "kubernetes.io/pv-protection");
    let simulated = core.options.controllers && core.options.simulation != Simulation::Off;
    let free = object.pointer("/spec/claimRef").is_none_or(Value::is_null);
    let phase = if simulated && free { "Available" } else { "Pending" };
    let now = core.now_text();
    object::set_field(
        object,
        "status",
        Some(json!({ "phase": phase, "lastPhaseTransitionTime": now })),
    );
}

/// Secrets of the older kind of service account token get one.
fn token_secret(core: &Core, resource: &Resource, object: &mut Value) -> Result<(), Failure> {
    const ACCOUNT: &str = "kubernetes.io/service-account.name";
    if object.get("type").and_then(Value::as_str) != Some("kubernetes.io/service-account-token") {
        return Ok(());
    }
    let (namespace, name) = (object::namespace(object).to_owned(), object::name(object).to_owned());
    let Some(account) = object::annotation(object, ACCOUNT).map(str::to_owned) else {
        let cause = crate::failure::Cause::required(
            "metadata.annotations[kubernetes.io/service-account.name]",
            "",
        );
        return Err(Failure::invalid(resource.about_kind(&name), &[cause]));
    };
    // The token controller deletes such a Secret when the account is missing.
    let Some(found) = core.lookup("v1", "serviceaccounts", &namespace, &account) else {
        return Ok(());
    };
    let token = crate::access::lasting_token(core, &found.value);
    let data = object::metadata_mut(object).map(|metadata| {
        let annotations = metadata.entry("annotations").or_insert_with(|| json!({}));
        let uid = object::uid(&found.value).unwrap_or_default();
        object::set_field(annotations, "kubernetes.io/service-account.uid", Some(uid.into()));
        crate::access::token_data(&token, &namespace)
    });
    object::set_field(object, "data", data);
    Ok(())
}

/// A Job without a manual selector selects by its uid.
fn job(object: &mut Value) {
    if object.pointer("/spec/manualSelector").and_then(Value::as_bool) == Some(true) {
        return;
    }
    let uid = object::uid(object).unwrap_or_default().to_owned();
    let name = object::name(object).to_owned();
    let labelled = object::metadata(object).is_some_and(|m| m.contains_key("labels"));
    let Some(spec) = object.get_mut("spec").filter(|s| s.is_object()) else { return };
    let selector = json!({ "matchLabels": { "batch.kubernetes.io/controller-uid": uid } });
    object::set_field(spec, "selector", Some(selector));
    let Some(template) = spec.get_mut("template").filter(|t| t.is_object()) else { return };
    let Some(metadata) = object::metadata_mut(template) else { return };
    let labels = metadata.entry("labels").or_insert_with(|| json!({}));
    if !labels.is_object() {
        *labels = json!({});
    }
    for (label, value) in [
        ("batch.kubernetes.io/controller-uid", &uid),
        ("batch.kubernetes.io/job-name", &name),
        ("controller-uid", &uid),
        ("job-name", &name),
    ] {
        object::set_field(labels, label, Some(value.clone().into()));
    }
    let labels = labels.clone();
    // A Job without labels has those of its template.
    if !labelled {
        object::set_meta(object, "labels", labels);
    }
}
