//! Pods and the specs of Pods.

use std::collections::BTreeSet;

use super::container::{self, Role};
use super::place::{At, Errors};
use super::volume;

pub(super) fn pod(pod: &At<'_>, errors: &mut Errors) {
    spec(&pod.at("spec"), &[], errors);
}

/// The template of a workload; `claims` are the volumes that it gets besides its own.
pub(super) fn template(template: &At<'_>, claims: &[&str], errors: &mut Errors) {
    let labels = template.down(&["metadata", "labels"]);
    // The messages shorten this path.
    At { path: format!("{}.labels", template.path), ..labels }.labels(errors);
    spec(&template.at("spec"), claims, errors);
}

fn spec(spec: &At<'_>, claims: &[&str], errors: &mut Errors) {
    let mut names = volume::volumes(spec, errors);
    names.extend(claims);
    containers(spec, &names, errors);
    spec.at("restartPolicy").one_of_if_set(&["Always", "OnFailure", "Never"], errors);
    let policies = ["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"];
    spec.at("dnsPolicy").one_of_if_set(&policies, errors);
    spec.at("nodeSelector").labels(errors);
    for name in ["serviceAccountName", "nodeName", "priorityClassName"] {
        let field = spec.at(name);
        if !field.is_blank() {
            field.dns_subdomain(errors);
        }
    }
    for name in ["hostname", "subdomain"] {
        let field = spec.at(name);
        if !field.is_blank() {
            field.dns_label(errors);
        }
    }
    let deadline = spec.at("activeDeadlineSeconds");
    if deadline.int().is_some_and(|seconds| !(1..=i64::from(i32::MAX)).contains(&seconds)) {
        errors.push(deadline.invalid("must be between 1 and 2147483647, inclusive"));
    }
    tolerations(spec, errors);
    spread(spec, errors);
    affinity(&spec.at("affinity"), errors);
}

fn containers(spec: &At<'_>, volumes: &[&str], errors: &mut Errors) {
    let list = spec.at("containers");
    if list.count() == 0 {
        errors.push(list.required(""));
    }
    let mut names: BTreeSet<&str> = BTreeSet::new();
    for (field, role) in [("containers", Role::Main), ("initContainers", Role::Init)] {
        for container in spec.items(field) {
            container::check(&container, role, volumes, errors);
            let name = container.at("name");
            if !name.is_blank() && !names.insert(name.text()) {
                errors.push(name.duplicate());
            }
        }
    }
}

fn tolerations(spec: &At<'_>, errors: &mut Errors) {
    for toleration in spec.items("tolerations") {
        let (key, operator) = (toleration.at("key"), toleration.at("operator"));
        if !key.is_blank() {
            key.key(errors);
        } else if operator.text() != "Exists" {
            let detail = "operator must be Exists when `key` is empty, which means \"match all values and all keys\"";
            errors.push(operator.invalid(detail));
        }
        let effect = toleration.at("effect");
        if toleration.at("tolerationSeconds").is_set() && effect.text() != "NoExecute" {
            errors
                .push(effect.invalid("effect must be 'NoExecute' when `tolerationSeconds` is set"));
        }
        match operator.text() {
            "" | "Equal" => {}
            "Exists" if !toleration.at("value").is_blank() => {
                errors.push(operator.invalid("value must be empty when `operator` is 'Exists'"));
            }
            "Exists" => {}
            _ => operator.one_of(&["Equal", "Exists"], errors),
        }
        if !effect.is_blank() {
            effect.one_of(&["NoSchedule", "PreferNoSchedule", "NoExecute"], errors);
        }
    }
}

fn spread(spec: &At<'_>, errors: &mut Errors) {
    for constraint in spec.items("topologySpreadConstraints") {
        let skew = constraint.at("maxSkew");
        if skew.int().is_none_or(|skew| skew <= 0) {
            errors.push(skew.invalid("must be greater than zero"));
        }
        let key = constraint.at("topologyKey");
        if key.is_blank() {
            errors.push(key.required("can not be empty"));
        }
        constraint.at("whenUnsatisfiable").one_of(&["DoNotSchedule", "ScheduleAnyway"], errors);
        constraint.at("labelSelector").selector(errors);
    }
}

fn affinity(affinity: &At<'_>, errors: &mut Errors) {
    let required = "requiredDuringSchedulingIgnoredDuringExecution";
    for kind in ["podAffinity", "podAntiAffinity"] {
        let rules = affinity.at(kind);
        for term in rules.items(required) {
            pod_term(&term, errors);
        }
        for term in rules.items("preferredDuringSchedulingIgnoredDuringExecution") {
            let weight = term.at("weight");
            if weight.int().is_none_or(|weight| !(1..=100).contains(&weight)) {
                errors.push(weight.invalid("must be in the range 1-100"));
            }
            pod_term(&term.at("podAffinityTerm"), errors);
        }
    }
    let nodes = affinity.down(&["nodeAffinity", required]);
    if nodes.is_set() {
        if nodes.at("nodeSelectorTerms").count() == 0 {
            errors.push(
                nodes.at("nodeSelectorTerms").required("must have at least one node selector term"),
            );
        }
        for expression in
            nodes.items("nodeSelectorTerms").iter().flat_map(|term| term.items("matchExpressions"))
        {
            let values = expression.at("values");
            if matches!(expression.at("operator").text(), "In" | "NotIn") && values.count() == 0 {
                errors
                    .push(values.required("must be specified when `operator` is 'In' or 'NotIn'"));
            }
            expression.at("key").key(errors);
        }
    }
}

fn pod_term(term: &At<'_>, errors: &mut Errors) {
    term.at("labelSelector").selector(errors);
    let key = term.at("topologyKey");
    if key.is_blank() {
        errors.push(key.required("can not be empty"));
    }
    key.key(errors);
}
