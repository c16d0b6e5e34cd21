//! Disruption budgets and autoscalers.

use super::super::super::FieldError;
use super::place::{At, Errors, internal};

pub(super) fn disruption_budget(budget: &At<'_>, errors: &mut Errors) {
    let spec = budget.at("spec");
    let (least, most) = (spec.at("minAvailable"), spec.at("maxUnavailable"));
    if least.is_set() && most.is_set() {
        let (selector, policy) = (spec.at("selector"), spec.at("unhealthyPodEvictionPolicy"));
        let shown = internal(&[
            ("MinAvailable", least.value),
            ("Selector", selector.value),
            ("MaxUnavailable", most.value),
            ("UnhealthyPodEvictionPolicy", policy.value),
        ]);
        let error = spec.invalid("minAvailable and maxUnavailable cannot be both set");
        errors.push(FieldError { value: Some(shown), ..error });
    }
    for amount in [least, most] {
        amount.int_or_percent(errors);
        amount.at_most_all(errors);
    }
    spec.at("selector").selector(errors);
    spec.at("unhealthyPodEvictionPolicy")
        .one_of_if_set(&["AlwaysAllow", "IfHealthyBudget"], errors);
}

pub(super) fn autoscaler(scaler: &At<'_>, errors: &mut Errors) {
    let spec = scaler.at("spec");
    let (least, most) = (spec.at("minReplicas"), spec.at("maxReplicas"));
    least.not_negative(errors);
    match most.int().unwrap_or(0) {
        0 => errors.push(most.required("")),
        number if number < 1 => errors.push(most.invalid("must be greater than 0")),
        _ => {}
    }
    if most.int().unwrap_or(0) < least.int().unwrap_or(1) {
        errors.push(most.invalid("must be greater than or equal to `minReplicas`"));
    }
    let target = spec.at("scaleTargetRef");
    target.at("kind").need(errors);
    target.at("name").need(errors);
    let scales_to_zero =
        |metric: &At<'_>| matches!(metric.at("type").text(), "Object" | "External");
    if least.int() == Some(0) && !spec.items("metrics").iter().any(scales_to_zero) {
        let detail = "must specify at least one Object or External metric to support scaling to zero replicas";
        errors.push(spec.at("metrics").forbidden(detail));
    }
    for metric in spec.items("metrics") {
        check_metric(&metric, errors);
    }
    for name in ["scaleUp", "scaleDown"] {
        let window = spec.down(&["behavior", name, "stabilizationWindowSeconds"]);
        window.not_negative(errors);
        if window.int().is_some_and(|seconds| seconds > 3600) {
            errors.push(window.invalid("must be less than or equal to 3600"));
        }
    }
}

fn check_metric(metric: &At<'_>, errors: &mut Errors) {
    let kind = metric.at("type");
    let source = match kind.text() {
        "" => return errors.push(kind.required("must specify a metric source type")),
        "Resource" => "resource",
        "ContainerResource" => "containerResource",
        "Pods" => "pods",
        "Object" => "object",
        "External" => "external",
        _ => {
            return kind
                .one_of(&["ContainerResource", "External", "Object", "Pods", "Resource"], errors);
        }
    };
    let source = metric.at(source);
    if !source.is_set() {
        errors.push(source.required("must populate information for the given metric source"));
        return;
    }
    let target = source.at("target");
    let utilization = target.at("averageUtilization");
    if utilization.int().is_some_and(|percent| percent < 1) {
        errors.push(utilization.invalid("must be greater than 0"));
    }
    if kind.text() == "Resource" {
        if source.at("name").is_blank() {
            errors.push(source.at("name").required("must specify a resource name"));
        }
        let average = target.at("averageValue");
        match (utilization.is_set(), average.is_set()) {
            (false, false) => {
                errors.push(
                    utilization
                        .required("must set either a target raw value or a target utilization"),
                );
            }
            (true, true) => {
                errors.push(
                    average
                        .forbidden("may not set both a target raw value and a target utilization"),
                );
            }
            _ => {}
        }
    }
}
