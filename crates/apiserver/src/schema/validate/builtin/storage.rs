//! Claims, storage classes, priority classes.

use serde_json::Value;

use super::super::super::FieldError;
use super::place::{At, Errors};

/// User-defined priorities end here; above are those of the system.
const HIGHEST_PRIORITY: i64 = 1_000_000_000;

pub(super) fn claim(claim: &At<'_>, errors: &mut Errors) {
    claim_spec(&claim.at("spec"), errors);
}

/// The spec of a claim or of a claim template.
pub(super) fn claim_spec(spec: &At<'_>, errors: &mut Errors) {
    let modes = spec.at("accessModes");
    if modes.count() == 0 {
        errors.push(modes.required("at least 1 access mode is required"));
    }
    let known = ["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"];
    for mode in spec.items("accessModes").iter().filter(|mode| !known.contains(&mode.text())) {
        errors.push(FieldError::not_supported(&modes.path, mode.value, &known));
    }
    spec.at("selector").selector(errors);
    let storage = spec.down(&["resources", "requests", "storage"]);
    let shown = At { path: format!("{}.resources[storage]", spec.path), ..storage };
    match shown.quantity() {
        None => errors.push(shown.required("")),
        Some(amount) if amount.nanos() <= 0 => {
            errors.push(shown.invalid("must be greater than zero"));
        }
        Some(_) => {}
    }
    let class = spec.at("storageClassName");
    if !class.is_blank() {
        class.dns_subdomain(errors);
    }
    spec.at("volumeMode").one_of_if_set(&["Block", "Filesystem"], errors);
}

pub(super) fn storage_class(class: &At<'_>, errors: &mut Errors) {
    let provisioner = class.at("provisioner");
    if provisioner.need(errors).is_some() {
        for detail in super::place::qualified(&provisioner.text().to_lowercase()) {
            errors.push(provisioner.invalid(detail));
        }
    }
    for (key, _) in class.entries("parameters") {
        if key.is_empty() {
            errors.push(FieldError::invalid(
                "parameters",
                &Value::from(key),
                "field can not be empty.",
            ));
        }
    }
    class.at("reclaimPolicy").one_of_if_set(&["Delete", "Retain"], errors);
    class.at("volumeBindingMode").one_of_if_set(&["Immediate", "WaitForFirstConsumer"], errors);
}

pub(super) fn priority_class(class: &At<'_>, errors: &mut Errors) {
    let (name, value) = (class.down(&["metadata", "name"]), class.at("value"));
    if name.text().starts_with("system-")
        && !matches!(name.text(), "system-node-critical" | "system-cluster-critical")
    {
        let detail = format!(
            "priority class names with 'system-' prefix are reserved for system use only. error: {} is not a known system \
             priority class",
            name.text()
        );
        errors.push(name.forbidden(&detail));
    } else if value.int().is_some_and(|value| value > HIGHEST_PRIORITY) {
        let detail =
            format!("maximum allowed value of a user defined priority is {HIGHEST_PRIORITY}");
        errors.push(value.forbidden(&detail));
    }
    class.at("preemptionPolicy").one_of_if_set(&["PreemptLowerPriority", "Never"], errors);
}
