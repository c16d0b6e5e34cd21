//! Deployments, StatefulSets, DaemonSets, ReplicaSets, Jobs, CronJobs.

use jiff::tz::TimeZone;
use serde_json::Value;

use super::super::super::FieldError;
use super::place::{At, Errors, internal};
use super::pod;
use crate::select::Labels;

/// What a missing selector leads to; an empty one is refused in these words.
struct Selector {
    required: bool,
    empty: &'static str,
}

pub(super) fn deployment(object: &At<'_>, errors: &mut Errors) {
    let spec = object.at("spec");
    for name in ["replicas", "minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds"] {
        spec.at(name).not_negative(errors);
    }
    selector_and_template(
        &spec,
        &Selector { required: true, empty: "empty selector is invalid for deployment" },
        errors,
    );
    always_restarts(&spec, "ReplicaSet", errors);
    let (deadline, ready) =
        (spec.at("progressDeadlineSeconds"), spec.at("minReadySeconds").int().unwrap_or(0));
    if deadline.int().is_some_and(|deadline| deadline <= ready) {
        errors.push(deadline.invalid("must be greater than minReadySeconds"));
    }
    let strategy = spec.at("strategy");
    let rolling = strategy.at("rollingUpdate");
    match strategy.at("type").text() {
        "Recreate" if rolling.is_set() => {
            errors
                .push(rolling.forbidden("may not be specified when strategy `type` is 'Recreate'"));
        }
        "Recreate" => {}
        "RollingUpdate" => {
            let (unavailable, surge) = (rolling.at("maxUnavailable"), rolling.at("maxSurge"));
            unavailable.int_or_percent(errors);
            surge.int_or_percent(errors);
            if is_zero(&unavailable) && is_zero(&surge) {
                errors.push(unavailable.invalid("may not be 0 when `maxSurge` is 0"));
            }
            unavailable.at_most_all(errors);
        }
        _ => {
            let error = FieldError::not_supported(
                &strategy.path,
                strategy.value,
                &["Recreate", "RollingUpdate"],
            );
            errors.push(about_strategy(&strategy, error));
        }
    }
}

fn is_zero(amount: &At<'_>) -> bool {
    amount.int() == Some(0) || amount.text().trim_end_matches('%').parse::<u32>() == Ok(0)
}

/// An error about a strategy, which is shown as the server's own type.
fn about_strategy(strategy: &At<'_>, error: FieldError) -> FieldError {
    let (kind, rolling) = (strategy.at("type"), strategy.at("rollingUpdate"));
    FieldError {
        value: Some(internal(&[("Type", kind.value), ("RollingUpdate", rolling.value)])),
        ..error
    }
}

pub(super) fn replica_set(object: &At<'_>, errors: &mut Errors) {
    let spec = object.at("spec");
    spec.at("replicas").not_negative(errors);
    spec.at("minReadySeconds").not_negative(errors);
    selector_and_template(
        &spec,
        &Selector { required: true, empty: "empty selector is invalid for deployment" },
        errors,
    );
    always_restarts(&spec, "ReplicaSet", errors);
}

pub(super) fn daemon_set(object: &At<'_>, errors: &mut Errors) {
    let spec = object.at("spec");
    spec.at("minReadySeconds").not_negative(errors);
    spec.at("revisionHistoryLimit").not_negative(errors);
    selector_and_template(
        &spec,
        &Selector { required: false, empty: "empty selector is invalid for daemonset" },
        errors,
    );
    always_restarts(&spec, "DaemonSet", errors);
    let strategy = spec.at("updateStrategy");
    let rolling = strategy.at("rollingUpdate");
    match strategy.at("type").text() {
        "OnDelete" => {}
        "RollingUpdate" => {
            let (unavailable, surge) = (rolling.at("maxUnavailable"), rolling.at("maxSurge"));
            unavailable.int_or_percent(errors);
            unavailable.at_most_all(errors);
            surge.int_or_percent(errors);
            surge.at_most_all(errors);
            if !is_zero(&unavailable) && !is_zero(&surge) {
                errors.push(surge.invalid("may not be set when maxUnavailable is non-zero"));
            }
            if is_zero(&unavailable) && is_zero(&surge) {
                errors.push(unavailable.required("cannot be 0 when maxSurge is 0"));
            }
        }
        _ => {
            let error = FieldError::not_supported(
                &strategy.path,
                strategy.value,
                &["RollingUpdate", "OnDelete"],
            );
            errors.push(about_strategy(&strategy, error));
        }
    }
}

pub(super) fn stateful_set(object: &At<'_>, errors: &mut Errors) {
    let spec = object.at("spec");
    for name in ["replicas", "minReadySeconds", "revisionHistoryLimit"] {
        spec.at(name).not_negative(errors);
    }
    let policy = spec.at("podManagementPolicy");
    if !matches!(policy.text(), "OrderedReady" | "Parallel") {
        errors.push(policy.invalid("must be 'OrderedReady' or 'Parallel'"));
    }
    let strategy = spec.at("updateStrategy");
    match strategy.at("type").text() {
        "OnDelete" => {}
        "RollingUpdate" => strategy.down(&["rollingUpdate", "partition"]).not_negative(errors),
        _ => {
            let error = strategy.invalid("must be 'RollingUpdate' or 'OnDelete'");
            errors.push(about_strategy(&strategy, error));
        }
    }
    let service = spec.at("serviceName");
    if !service.is_blank() {
        service.dns_label(errors);
    }
    selector_and_template(
        &spec,
        &Selector { required: true, empty: "empty selector is invalid for statefulset" },
        errors,
    );
    always_restarts(&spec, "StatefulSet", errors);
    for claim in spec.items("volumeClaimTemplates") {
        super::storage::claim_spec(&claim.at("spec"), errors);
    }
}

fn selector_and_template(spec: &At<'_>, rule: &Selector, errors: &mut Errors) {
    let selector = spec.at("selector");
    selector.selector(errors);
    let empty =
        selector.at("matchLabels").count() == 0 && selector.at("matchExpressions").count() == 0;
    if !selector.is_set() && rule.required {
        errors.push(selector.required(""));
    } else if selector.is_set() && empty {
        errors.push(selector.invalid(rule.empty));
    }
    let template = spec.at("template");
    let labels = template.down(&["metadata", "labels"]);
    let matches = selector.is_set()
        && Labels::from_value(selector.value).matches(labels.is_set().then_some(labels.value));
    if !matches {
        errors.push(labels.invalid("`selector` does not match template `labels`"));
    }
    let claims: Vec<_> = spec
        .items("volumeClaimTemplates")
        .iter()
        .map(|claim| claim.down(&["metadata", "name"]).text())
        .collect();
    pod::template(&template, &claims, errors);
}

/// Pods that run on and on.
fn always_restarts(spec: &At<'_>, kind: &str, errors: &mut Errors) {
    let pod = spec.down(&["template", "spec"]);
    pod.at("restartPolicy").one_of_if_set(&["Always"], errors);
    let deadline = pod.at("activeDeadlineSeconds");
    if deadline.is_set() {
        errors
            .push(deadline.forbidden(&format!("activeDeadlineSeconds in {kind} is not Supported")));
    }
}

pub(super) fn job(object: &At<'_>, errors: &mut Errors) {
    job_spec(&object.at("spec"), errors);
    let spec = object.at("spec");
    let manual = spec.at("manualSelector").value == &Value::Bool(true);
    if manual && !spec.at("selector").is_set() {
        errors.push(spec.at("selector").required(""));
    }
}

fn job_spec(spec: &At<'_>, errors: &mut Errors) {
    for name in [
        "parallelism",
        "completions",
        "activeDeadlineSeconds",
        "backoffLimit",
        "ttlSecondsAfterFinished",
    ] {
        spec.at(name).not_negative(errors);
    }
    let mode = spec.at("completionMode");
    mode.one_of_if_set(&["NonIndexed", "Indexed"], errors);
    if mode.text() == "Indexed" && !spec.at("completions").is_set() {
        errors.push(spec.at("completions").required("when completion mode is Indexed"));
    }
    pod::template(&spec.at("template"), &[], errors);
    let policy = spec.down(&["template", "spec", "restartPolicy"]);
    match policy.text() {
        "OnFailure" | "Never" => {}
        "" | "Always" => errors.push(policy.required("valid values: \"OnFailure\", \"Never\"")),
        _ => policy.one_of(&["OnFailure", "Never"], errors),
    }
}

pub(super) fn cron_job(object: &At<'_>, errors: &mut Errors) {
    let name = object.down(&["metadata", "name"]);
    if name.text().len() > 52 {
        errors.push(name.invalid("must be no more than 52 characters"));
    }
    let spec = object.at("spec");
    let schedule = spec.at("schedule");
    if let Some(text) = schedule.need(errors)
        && let Some(detail) = schedule_problem(text)
    {
        errors.push(schedule.invalid(detail));
    }
    spec.at("startingDeadlineSeconds").not_negative(errors);
    spec.at("concurrencyPolicy").one_of_if_set(&["Allow", "Forbid", "Replace"], errors);
    spec.at("successfulJobsHistoryLimit").not_negative(errors);
    spec.at("failedJobsHistoryLimit").not_negative(errors);
    let zone = spec.at("timeZone");
    if zone.value.as_str() == Some("") {
        errors.push(zone.invalid("timeZone must be nil or non-empty string"));
    } else if zone.is_set() && TimeZone::get(zone.text()).is_err() {
        errors.push(zone.invalid(format!("unknown time zone {}", zone.text())));
    }
    job_spec(&spec.down(&["jobTemplate", "spec"]), errors);
}

/// What is wrong with a cron expression.
fn schedule_problem(text: &str) -> Option<String> {
    const FIELDS: [(u32, u32, &[&str]); 5] = [
        (0, 59, &[]),
        (0, 23, &[]),
        (1, 31, &[]),
        (
            1,
            12,
            &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
        ),
        (0, 6, &["sun", "mon", "tue", "wed", "thu", "fri", "sat"]),
    ];
    if let Some(name) = text.strip_prefix('@') {
        let known = ["yearly", "annually", "monthly", "weekly", "daily", "midnight", "hourly"];
        let every = name.strip_prefix("every ").is_some();
        return (!known.contains(&name) && !every)
            .then(|| format!("unrecognized descriptor: {text}"));
    }
    let fields: Vec<_> = text.split_whitespace().collect();
    if fields.len() != FIELDS.len() {
        return Some(format!(
            "expected exactly 5 fields, found {}: [{}]",
            fields.len(),
            fields.join(" ")
        ));
    }
    let parts = fields
        .iter()
        .zip(FIELDS)
        .flat_map(|(field, bounds)| field.split(',').map(move |part| (part, bounds)));
    parts.into_iter().find_map(|(part, bounds)| range_problem(part, bounds))
}

fn range_problem(part: &str, (least, most, words): (u32, u32, &[&str])) -> Option<String> {
    let (range, step) =
        part.split_once('/').map_or((part, None), |(range, step)| (range, Some(step)));
    let number = |text: &str| {
        let word = words
            .iter()
            .position(|word| text.eq_ignore_ascii_case(word))
            .and_then(|at| u32::try_from(at).ok());
        word.map(|at| at + least).or_else(|| text.parse().ok())
    };
    if step.is_some_and(|step| step.parse::<u32>().is_err()) {
        return Some(format!(
            "failed to parse int from {}: strconv.Atoi: parsing {:?}: invalid syntax",
            step?, step?
        ));
    }
    if step == Some("0") {
        return Some(format!("step of range should be a positive number: {part}"));
    }
    if matches!(range, "*" | "?") {
        return None;
    }
    let (first, last) = range.split_once('-').unwrap_or((range, range));
    let (Some(start), Some(end)) = (number(first), number(last)) else {
        let bad = if number(first).is_none() { first } else { last };
        return Some(format!(
            "failed to parse int from {bad}: strconv.Atoi: parsing {bad:?}: invalid syntax"
        ));
    };
    if start < least {
        return Some(format!("beginning of range ({start}) below minimum ({least}): {part}"));
    }
    if end > most {
        return Some(format!("end of range ({end}) above maximum ({most}): {part}"));
    }
    (start > end)
        .then(|| format!("beginning of range ({start}) beyond end of range ({end}): {part}"))
}
