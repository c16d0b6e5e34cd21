//! Custom resource definitions: what they serve, their conditions, their end.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::core::Core;
use crate::failure::Failure;
use crate::object;
use crate::registry::{Custom, PrinterColumn, Resource, ScalePaths, Verbs};
use crate::store::{Key, Store, Stored};
use crate::typed::Types;
use crate::write::{UpdateMode, Write};

const API: &str = "apiextensions.k8s.io/v1";
const PLURAL: &str = "customresourcedefinitions";
const MANAGER: &str = "kube-apiserver";
/// Holds a definition until its objects are gone.
pub(crate) const CLEANUP: &str = "customresourcecleanup.apiextensions.k8s.io";

/// Definitions in one text; far more than any project has.
const MAX_DOCUMENTS: usize = 10_000;

/// Reads the objects of a YAML stream; `List`s are taken apart, empty documents left out.
pub(crate) fn documents(yaml: &str) -> Result<Vec<Value>, String> {
    let mut found = Vec::new();
    for (at, document) in serde_yaml::Deserializer::from_str(yaml).enumerate() {
        if at >= MAX_DOCUMENTS {
            return Err(format!("more than {MAX_DOCUMENTS} documents"));
        }
        let value =
            Value::deserialize(document).map_err(|why| format!("document {}: {why}", at + 1))?;
        match value.get("items").and_then(Value::as_array) {
            Some(items) if object::kind(&value).ends_with("List") => {
                found.extend(items.iter().cloned());
            }
            _ if value.is_null() => {}
            _ => found.push(value),
        }
    }
    Ok(found)
}

/// Creates a definition or replaces the spec of the one that is there.
pub(crate) fn install(core: &Core, definition: Value) -> Result<(), Failure> {
    let resource = core.builtin(API, PLURAL).ok_or_else(Failure::no_such_path)?;
    let mut write = Write::controller(core, &resource, "", "weir-apiserver");
    let key = Key::new("", object::name(&definition));
    if core.store.get(resource.shelf, &key).is_none() {
        return write.create("", definition).map(|_| ());
    }
    let done = write.update(&key, UpdateMode::default(), &mut |live| {
        let mut next = live.cloned().unwrap_or_default();
        for field in ["apiVersion", "kind", "spec"] {
            object::set_field(&mut next, field, definition.get(field).cloned());
        }
        for field in ["labels", "annotations"] {
            object::copy_meta(&mut next, &definition, field);
        }
        Ok(next)
    });
    done.map(|_| ())
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn strings(value: &Value, pointer: &str) -> Vec<String> {
    let list = value.pointer(pointer).and_then(Value::as_array).into_iter().flatten();
    list.filter_map(Value::as_str).map(str::to_owned).collect()
}

fn condition_is(definition: &Value, kind: &str, status: &str) -> bool {
    let conditions =
        definition.pointer("/status/conditions").and_then(Value::as_array).into_iter().flatten();
    conditions.into_iter().any(|c| text(c, "/type") == kind && text(c, "/status") == status)
}

/// What an established definition serves: one resource per served version.
pub(crate) fn resources(store: &Store, definition: &Value) -> Vec<Arc<Resource>> {
    if !condition_is(definition, "Established", "True") {
        return Vec::new();
    }
    let versions = definition.pointer("/spec/versions").and_then(Value::as_array);
    let versions = versions.map(Vec::as_slice).unwrap_or_default();
    let storage = versions.iter().find(|v| v.get("storage").and_then(Value::as_bool) == Some(true));
    let storage = storage.map(|v| text(v, "/name")).unwrap_or_default();
    let served = versions.iter().filter(|v| v.get("served").and_then(Value::as_bool) == Some(true));
    served.map(|version| Arc::new(resource(store, definition, version, storage))).collect()
}

fn resource(store: &Store, definition: &Value, version: &Value, storage: &str) -> Resource {
    let group = text(definition, "/spec/group").to_owned();
    let kind = text(definition, "/spec/names/kind").to_owned();
    let plural = text(definition, "/spec/names/plural").to_owned();
    let name = text(version, "/name").to_owned();
    let namespaced = text(definition, "/spec/scope") == "Namespaced";
    let or =
        |given: &str, default: String| if given.is_empty() { default } else { given.to_owned() };
    let mut subresources = Vec::new();
    for subresource in ["scale", "status"] {
        if version.pointer(&format!("/subresources/{subresource}")).is_some_and(Value::is_object) {
            subresources.push(subresource.to_owned());
        }
    }
    let mut selectable = crate::select::selectable_fields(&group, &kind, namespaced);
    for field in version.get("selectableFields").and_then(Value::as_array).into_iter().flatten() {
        let path = text(field, "/jsonPath");
        selectable.push((path.trim_start_matches('.').to_owned(), path.replace('.', "/")));
    }
    Resource {
        list_kind: or(text(definition, "/spec/names/listKind"), format!("{kind}List")),
        singular: or(text(definition, "/spec/names/singular"), kind.to_lowercase()),
        short_names: strings(definition, "/spec/names/shortNames"),
        categories: strings(definition, "/spec/names/categories"),
        namespaced,
        subresources,
        verbs: Verbs::All,
        shelf: store.shelf(&format!("{plural}.{group}")),
        storage_api_version: format!("{group}/{storage}"),
        types: Types::custom(&group, &kind, version),
        selectable,
        custom: Some(custom(definition, version, &name)),
        group,
        version: name,
        kind,
        plural,
    }
}

fn custom(definition: &Value, version: &Value, name: &str) -> Custom {
    let deprecated = version.get("deprecated").and_then(Value::as_bool) == Some(true);
    let warning = match text(version, "/deprecationWarning") {
        "" => format!(
            "{}/{name} {} is deprecated",
            text(definition, "/spec/group"),
            text(definition, "/spec/names/kind")
        ),
        own => own.to_owned(),
    };
    let pointer = |path: &str| path.replace('.', "/");
    let scale =
        version.pointer("/subresources/scale").filter(|s| s.is_object()).map(|scale| ScalePaths {
            spec: pointer(text(scale, "/specReplicasPath")),
            status: pointer(text(scale, "/statusReplicasPath")),
            selector: Some(pointer(text(scale, "/labelSelectorPath"))).filter(|p| !p.is_empty()),
        });
    Custom {
        printer_columns: printer_columns(version),
        scale,
        deprecation: deprecated.then_some(warning),
        terminating: object::is_deleting(definition),
    }
}

fn printer_columns(version: &Value) -> Vec<PrinterColumn> {
    let given = version.get("additionalPrinterColumns").and_then(Value::as_array);
    let columns: Vec<PrinterColumn> = given
        .into_iter()
        .flatten()
        .map(|column| PrinterColumn {
            name: text(column, "/name").to_owned(),
            kind: text(column, "/type").to_owned(),
            format: text(column, "/format").to_owned(),
            description: text(column, "/description").to_owned(),
            priority: column.get("priority").and_then(Value::as_i64).unwrap_or(0),
            json_path: text(column, "/jsonPath").to_owned(),
        })
        .collect();
    if !columns.is_empty() {
        return columns;
    }
    vec![PrinterColumn {
        name: "Age".to_owned(),
        kind: "date".to_owned(),
        format: String::new(),
        description: "CreationTimestamp is a timestamp representing the server time when this object was created. It is \
            not guaranteed to be set in happens-before order across separate operations. Clients may not set this value. \
            It is represented in RFC3339 form and is in UTC.\n\nPopulated by the system. Read-only. Null for lists. More \
            info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata"
            .to_owned(),
        priority: 0,
        json_path: ".metadata.creationTimestamp".to_owned(),
    }]
}

/// Accepts a definition that was written, and serves it.
pub(crate) fn installed(core: &Core, stored: &Stored) {
    let definition = &stored.value;
    let conflict = name_conflict(core, definition);
    let status = status(core, definition, conflict);
    if let Some(resource) = core.builtin(API, PLURAL)
        && definition.get("status") != Some(&status)
    {
        let mut write = Write::controller(core, &resource, "status", MANAGER);
        let done = write.update(
            &Key::new("", object::name(definition)),
            UpdateMode::default(),
            &mut |live| {
                let mut next = live.cloned().unwrap_or_default();
                object::set_field(&mut next, "status", Some(status.clone()));
                Ok(next)
            },
        );
        if let Err(why) = done {
            tracing::warn!(error = %why, "cannot write the status of a definition");
        }
    }
    core.reload_custom_resources();
}

/// Another kind of the group that has one of the names already: (reason, message).
fn name_conflict(core: &Core, definition: &Value) -> Option<(&'static str, String)> {
    let names = |d: &Value| {
        let mut all = strings(d, "/spec/names/shortNames");
        all.extend(["plural", "singular"].map(|n| text(d, &format!("/spec/names/{n}")).to_owned()));
        all.retain(|n| !n.is_empty());
        all
    };
    let own = names(definition);
    let kinds =
        |d: &Value| ["kind", "listKind"].map(|n| text(d, &format!("/spec/names/{n}")).to_owned());
    for other in core.list(API, PLURAL, None) {
        let other = &other.value;
        let same = object::name(other) == object::name(definition);
        let group = text(other, "/spec/group") == text(definition, "/spec/group");
        if same || !group || !condition_is(other, "NamesAccepted", "True") {
            continue;
        }
        let taken = names(other);
        if let Some(name) = own.iter().find(|n| taken.contains(n)) {
            return Some(("NamesConflict", format!("\"{name}\" is already in use")));
        }
        if let Some(kind) =
            kinds(definition).iter().find(|k| !k.is_empty() && kinds(other).contains(k))
        {
            return Some(("KindConflict", format!("\"{kind}\" is already in use")));
        }
    }
    None
}

fn status(core: &Core, definition: &Value, conflict: Option<(&'static str, String)>) -> Value {
    let now = core.now_text();
    let old = definition.pointer("/status/conditions").and_then(Value::as_array);
    let condition = |kind: &str, set: bool, reason: &str, message: &str| {
        let status = if set { "True" } else { "False" };
        let kept = old
            .into_iter()
            .flatten()
            .find(|c| text(c, "/type") == kind && text(c, "/status") == status);
        let since = kept.map_or(now.as_str(), |c| text(c, "/lastTransitionTime"));
        json!({ "type": kind, "status": status, "lastTransitionTime": since, "reason": reason, "message": message })
    };
    let was_established = condition_is(definition, "Established", "True");
    let conditions = match &conflict {
        None => vec![
            condition("NamesAccepted", true, "NoConflicts", "no conflicts found"),
            condition(
                "Established",
                true,
                "InitialNamesAccepted",
                "the initial names have been accepted",
            ),
        ],
        Some((reason, message)) => vec![
            condition("NamesAccepted", false, reason, message),
            if was_established {
                condition(
                    "Established",
                    true,
                    "InitialNamesAccepted",
                    "the initial names have been accepted",
                )
            } else {
                condition("Established", false, "NotAccepted", "not all names are accepted")
            },
        ],
    };
    let versions =
        definition.pointer("/spec/versions").and_then(Value::as_array).into_iter().flatten();
    let storage =
        versions.into_iter().find(|v| v.get("storage").and_then(Value::as_bool) == Some(true));
    let mut stored = strings(definition, "/status/storedVersions");
    if let Some(name) = storage.map(|v| text(v, "/name").to_owned())
        && !stored.contains(&name)
    {
        stored.push(name);
    }
    let accepted = if conflict.is_none() {
        definition.pointer("/spec/names").cloned()
    } else {
        definition.pointer("/status/acceptedNames").cloned()
    };
    json!({
        "conditions": conditions,
        "acceptedNames": accepted.unwrap_or_else(|| json!({ "plural": "", "kind": "" })),
        "storedVersions": stored,
    })
}

/// Deletes the objects of a definition that is being deleted, then lets it go.
pub(crate) fn clean_up(core: &Arc<Core>, live: &Stored) {
    if !object::has_finalizer(&live.value, CLEANUP) {
        return;
    }
    let registry = core.registry();
    let (group, kind) = (text(&live.value, "/spec/group"), text(&live.value, "/spec/names/kind"));
    if let Some(resource) = registry.of_group_kind(group, kind) {
        let (_, objects) = core.store.list(resource.shelf, None);
        for stored in objects.iter().filter(|o| !object::is_deleting(&o.value)) {
            let key = Key::new(object::namespace(&stored.value), object::name(&stored.value));
            let mut write = Write::controller(core, resource, "", MANAGER);
            if let Err(why) = write.delete(&key, &crate::write::DeleteOptions::default()) {
                tracing::debug!(error = %why, "cannot delete an instance of a deleted definition");
            }
        }
        if core.store.count(resource.shelf) > 0 {
            return;
        }
    }
    let Some(definitions) = core.builtin(API, PLURAL) else { return };
    let mut write = Write::controller(core, &definitions, "", MANAGER);
    let done = write.update(
        &Key::new("", object::name(&live.value)),
        UpdateMode::default(),
        &mut |live| {
            let mut next = live.cloned().unwrap_or_default();
            object::remove_meta(&mut next, "resourceVersion");
            object::remove_finalizer(&mut next, CLEANUP);
            Ok(next)
        },
    );
    if let Err(why) = done {
        tracing::debug!(error = %why, "cannot let a deleted definition go");
    }
    core.reload_custom_resources();
}
