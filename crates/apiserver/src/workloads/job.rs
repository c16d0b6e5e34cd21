//! Jobs: Pods until enough of them have succeeded, or one too many has failed.

use std::time::Duration;

use serde_json::{Value, json};

use super::children::{self, MAX_PODS, PodName};
use super::status::{Condition, Times, conditions};
use super::{Pace, Subject, pod};
use crate::object;
use crate::store::Stored;

const DEFAULT_BACKOFF_LIMIT: i64 = 6;

pub(super) fn look_at(subject: &Subject<'_>, pace: &mut Pace) -> Option<Duration> {
    if finished(subject.value()) {
        return expire(subject, pace);
    }
    let pods = subject.core.builtin("v1", "pods")?;
    let owned = children::of(subject, &pods);
    if subject.value().pointer("/spec/suspend").and_then(Value::as_bool) == Some(true) {
        for pod in owned.iter().filter(|p| !is_over(p)) {
            children::delete(subject.core, &pods, pod, None);
        }
        let condition = [Condition::new("Suspended", true, "JobSuspended", "Job suspended")];
        let list = conditions(subject.value(), &condition, Times::Probe, &subject.core.now_text());
        subject.set_status(&json!({ "conditions": list, "ready": 0, "terminating": 0, "uncountedTerminatedPods": {} }));
        return None;
    }
    let tally = Tally::of(subject, &owned);
    if tally.failed > subject.number("/spec/backoffLimit", DEFAULT_BACKOFF_LIMIT) {
        let message = "Job has reached the specified backoff limit";
        finish(
            subject,
            &tally,
            [
                ("FailureTarget", "BackoffLimitExceeded", message),
                ("Failed", "BackoffLimitExceeded", message),
            ],
        );
    } else if tally.succeeded >= tally.wanted && tally.active == 0 {
        let message = "Reached expected number of succeeded pods";
        finish(
            subject,
            &tally,
            [
                ("SuccessCriteriaMet", "CompletionsReached", message),
                ("Complete", "CompletionsReached", message),
            ],
        );
    } else {
        start(subject, &tally);
        let tally = Tally::of(subject, &children::of(subject, &pods));
        subject.set_status(&status(subject, &tally, Vec::new()));
    }
    None
}

struct Tally {
    wanted: i64,
    active: i64,
    ready: i64,
    succeeded: i64,
    failed: i64,
}

impl Tally {
    fn of(subject: &Subject<'_>, owned: &[Stored]) -> Self {
        let with = |phase: &str| {
            i64::try_from(owned.iter().filter(|p| pod::phase(&p.value) == phase).count())
                .unwrap_or(0)
        };
        let count = children::count(owned.iter().filter(|p| !is_over(p)));
        // Without completions, one success ends the work of all.
        let wanted =
            subject.number("/spec/completions", subject.number("/spec/parallelism", 1).min(1));
        Self {
            wanted,
            active: count.all,
            ready: count.ready,
            succeeded: with("Succeeded"),
            failed: with("Failed"),
        }
    }
}

fn is_over(pod: &Stored) -> bool {
    matches!(pod::phase(&pod.value), "Succeeded" | "Failed")
}

fn finished(job: &Value) -> bool {
    let conditions =
        job.pointer("/status/conditions").and_then(Value::as_array).into_iter().flatten();
    conditions.into_iter().any(|c| {
        matches!(c.get("type").and_then(Value::as_str), Some("Complete" | "Failed"))
            && c.get("status").and_then(Value::as_str) == Some("True")
    })
}

fn start(subject: &Subject<'_>, tally: &Tally) {
    let Some(pods) = subject.core.builtin("v1", "pods") else { return };
    let parallel = subject.number("/spec/parallelism", 1);
    let missing = (tally.wanted - tally.succeeded - tally.active).min(parallel - tally.active);
    let indexed = subject.text("/spec/completionMode") == "Indexed";
    let prefix = format!("{}-", subject.name());
    for at in 0..usize::try_from(missing).unwrap_or(0).min(MAX_PODS) {
        let index = (tally.succeeded + tally.active + i64::try_from(at).unwrap_or(0)).to_string();
        let labels: &[(&str, &str)] =
            if indexed { &[("batch.kubernetes.io/job-completion-index", &index)] } else { &[] };
        children::create(
            subject.core,
            &pods,
            children::pod(subject, PodName::Prefix(&prefix), labels),
        );
    }
}

fn status(subject: &Subject<'_>, tally: &Tally, list: Vec<Condition>) -> Value {
    let now = subject.core.now_text();
    let started = Some(subject.text("/status/startTime").to_owned()).filter(|s| !s.is_empty());
    let mut status = json!({
        "startTime": started.unwrap_or_else(|| now.clone()),
        "ready": tally.ready,
        "terminating": 0,
        "uncountedTerminatedPods": {},
    });
    for (field, number) in
        [("active", tally.active), ("succeeded", tally.succeeded), ("failed", tally.failed)]
    {
        if number > 0 {
            object::set_field(&mut status, field, Some(number.into()));
        }
    }
    if !list.is_empty() {
        object::set_field(
            &mut status,
            "conditions",
            Some(conditions(subject.value(), &list, Times::Probe, &now)),
        );
    }
    status
}

fn finish(subject: &Subject<'_>, tally: &Tally, reasons: [(&'static str, &str, &str); 2]) {
    let list = reasons
        .iter()
        .map(|(kind, reason, message)| Condition::new(kind, true, reason, *message))
        .collect();
    let mut status = status(subject, tally, list);
    if reasons.iter().any(|(kind, _, _)| *kind == "Complete") {
        object::set_field(&mut status, "completionTime", Some(subject.core.now_text().into()));
    }
    subject.set_status(&status);
}

/// `ttlSecondsAfterFinished`: the whole Job goes after that time.
fn expire(subject: &Subject<'_>, pace: &mut Pace) -> Option<Duration> {
    let seconds =
        subject.value().pointer("/spec/ttlSecondsAfterFinished").and_then(Value::as_u64)?;
    if let Err(wait) = pace.wait(subject.reference, Duration::from_secs(seconds)) {
        return Some(wait);
    }
    children::delete(subject.core, subject.resource, subject.live, None);
    None
}
