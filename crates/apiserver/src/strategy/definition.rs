//! The rules for custom resource definitions.

use serde_json::Value;

use crate::failure::Cause;
use crate::names;
use crate::object;

pub(super) fn check(new: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let text = |pointer: &str| new.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let (group, plural) = (text("/spec/group"), text("/spec/names/plural"));
    let expected = format!("{plural}.{group}");
    if object::name(new) != expected {
        causes.push(Cause::invalid(
            "metadata.name",
            &object::name(new).into(),
            "must be spec.names.plural+\".\"+spec.group",
        ));
    }
    if group.is_empty() {
        causes.push(Cause::required("spec.group", ""));
    } else if !group.contains('.') {
        causes.push(Cause::invalid(
            "spec.group",
            &group.into(),
            "should be a domain with at least one dot",
        ));
    }
    if !matches!(text("/spec/scope"), "Namespaced" | "Cluster") {
        let scope = text("/spec/scope");
        causes.push(if scope.is_empty() {
            Cause::required("spec.scope", "")
        } else {
            Cause::not_supported("spec.scope", &scope.into(), &["Cluster", "Namespaced"])
        });
    }
    for (field, value) in [("plural", plural), ("singular", text("/spec/names/singular"))] {
        let path = format!("spec.names.{field}");
        if value.is_empty() && field == "plural" {
            causes.push(Cause::required(&path, ""));
        } else if !value.is_empty() && !names::is_dns_label(value) {
            causes.push(Cause::invalid(&path, &value.into(), names::DNS_1035));
        }
    }
    if text("/spec/names/kind").is_empty() {
        causes.push(Cause::required("spec.names.kind", ""));
    }
    causes.extend(versions(new));
    causes
}

fn versions(new: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let versions = new
        .pointer("/spec/versions")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    let stored =
        versions.iter().filter(|v| v.get("storage").and_then(Value::as_bool) == Some(true)).count();
    if versions.is_empty() || stored != 1 {
        let shown = new.pointer("/spec/versions").cloned().unwrap_or_default();
        causes.push(Cause::invalid(
            "spec.versions",
            &shown,
            "must have exactly one version marked as storage version",
        ));
    }
    let mut seen: Vec<&str> = Vec::new();
    for (at, version) in versions.iter().enumerate() {
        let path = format!("spec.versions[{at}]");
        let name = version.get("name").and_then(Value::as_str).unwrap_or_default();
        if !names::is_dns_label(name) {
            causes.push(Cause::invalid(&format!("{path}.name"), &name.into(), names::DNS_1035));
        }
        if seen.contains(&name) {
            causes.push(Cause::invalid(
                &format!("{path}.name"),
                &name.into(),
                "must contain unique version names",
            ));
        }
        seen.push(name);
        if version.pointer("/schema/openAPIV3Schema").is_none_or(|s| !s.is_object()) {
            causes.push(Cause::required(
                &format!("{path}.schema.openAPIV3Schema"),
                "schemas are required",
            ));
        } else if version.pointer("/schema/openAPIV3Schema/type").and_then(Value::as_str)
            != Some("object")
        {
            let kind = version
                .pointer("/schema/openAPIV3Schema/type")
                .cloned()
                .unwrap_or_else(|| "".into());
            let field = format!("{path}.schema.openAPIV3Schema.type");
            causes.push(Cause::invalid(&field, &kind, "must be object at the root"));
        }
    }
    causes
}
