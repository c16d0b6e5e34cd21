//! Roles and their bindings.

use serde_json::Value;

use super::super::super::FieldError;
use super::place::{At, Errors};

const GROUP: &str = "rbac.authorization.k8s.io";

pub(super) fn role(role: &At<'_>, errors: &mut Errors) {
    rules(role, true, errors);
}

pub(super) fn cluster_role(role: &At<'_>, errors: &mut Errors) {
    rules(role, false, errors);
    let aggregation = role.at("aggregationRule");
    let selectors = aggregation.at("clusterRoleSelectors");
    if aggregation.is_set() && selectors.count() == 0 {
        let detail = "at least one clusterRoleSelector required if aggregationRule is non-nil";
        errors.push(selectors.required(detail));
    }
    for selector in aggregation.items("clusterRoleSelectors") {
        selector.selector(errors);
    }
}

fn rules(role: &At<'_>, namespaced: bool, errors: &mut Errors) {
    for rule in role.items("rules") {
        if rule.at("verbs").count() == 0 {
            errors.push(rule.at("verbs").required(""));
        }
        let (urls, groups, resources) =
            (rule.at("nonResourceURLs"), rule.at("apiGroups"), rule.at("resources"));
        let named = rule.at("resourceNames").count() > 0;
        if urls.count() > 0 {
            if namespaced {
                errors.push(urls.invalid("namespaced rules cannot apply to non-resource URLs"));
            }
            if groups.count() > 0 || resources.count() > 0 || named {
                errors.push(
                    urls.invalid(
                        "rules cannot apply to both regular resources and non-resource URLs",
                    ),
                );
            }
            continue;
        }
        if groups.count() == 0 {
            errors.push(groups.required("resource rules must supply at least one api group"));
        }
        if resources.count() == 0 {
            errors.push(resources.required("resource rules must supply at least one resource"));
        }
    }
}

pub(super) fn role_binding(binding: &At<'_>, errors: &mut Errors) {
    bind(binding, &["Role", "ClusterRole"], errors);
}

pub(super) fn cluster_role_binding(binding: &At<'_>, errors: &mut Errors) {
    bind(binding, &["ClusterRole"], errors);
}

fn bind(binding: &At<'_>, kinds: &[&str], errors: &mut Errors) {
    let role = binding.at("roleRef");
    role.at("apiGroup").one_of(&[GROUP], errors);
    role.at("kind").one_of(kinds, errors);
    let name = role.at("name");
    if name.need(errors).is_some() {
        for detail in segment_problems(name.text()) {
            errors.push(name.invalid(detail));
        }
    }
    for subject in binding.items("subjects") {
        let (name, group) = (subject.at("name"), subject.at("apiGroup"));
        name.need(errors);
        match subject.at("kind").text() {
            "ServiceAccount" => {
                if !name.is_blank() {
                    name.dns_subdomain(errors);
                }
                if !group.is_blank() {
                    errors.push(FieldError::not_supported(&group.path, group.value, &[""]));
                }
                if subject.at("namespace").is_blank() && !kinds.contains(&"Role") {
                    errors.push(subject.at("namespace").required(""));
                }
            }
            "User" | "Group" => {
                if group.text() != GROUP {
                    let shown = Value::from(group.text());
                    errors.push(FieldError::not_supported(&group.path, &shown, &[GROUP]));
                }
            }
            _ => subject.at("kind").one_of(&["ServiceAccount", "User", "Group"], errors),
        }
    }
}

/// Names of roles are segments of URLs.
fn segment_problems(name: &str) -> Vec<String> {
    if matches!(name, "." | "..") {
        return vec![format!("may not be '{name}'")];
    }
    let illegal = ["/", "%"].into_iter().filter(|part| name.contains(part));
    illegal.map(|part| format!("may not contain '{part}'")).collect()
}
