use common::api::meta::ConditionStatus;

use super::*;

/// One line per condition and one for the rest: what a person would want to compare.
fn show(after: &After) -> String {
    let mut text = String::new();
    for condition in &after.conditions {
        let (type_, status, reason) = (&condition.type_, &condition.status, &condition.reason);
        text = format!("{text}{type_}={status} {reason}: {}\n", condition.message);
    }
    let observed = after.observed_generation.unwrap_or(-1);
    let handled = after.handled.as_deref().unwrap_or("-");
    let event = after.event.as_ref().map_or_else(
        || "none".to_owned(),
        |event| format!("{:?} {} {}", event.event_type, event.reason, event.message),
    );
    text + &format!("observed {observed}, handled {handled}, event {event}, next {:?}", after.visit)
}

fn now() -> Timestamp {
    "2026-01-02T03:04:05Z".parse().unwrap()
}

fn conditions(list: &[(ConditionType, ConditionStatus, Reason, &str)]) -> Vec<Condition> {
    let mut conditions = Vec::new();
    for (type_, status, reason, message) in list {
        let stamp = Stamp { generation: 1, now: "2026-01-01T00:00:00Z".parse().unwrap() };
        set_condition(&mut conditions, *type_, (status.clone(), *reason, message), stamp);
    }
    conditions
}

/// An object of generation 2 that was ready at generation 1 and is being worked on.
fn ready_before() -> Before {
    use ConditionStatus::{True, Unknown};
    let ready = (ConditionType::Ready, True, Reason::Succeeded, "stored r1");
    Before {
        conditions: conditions(&[
            (ConditionType::Reconciling, True, Reason::Progressing, "fetching r2"),
            (ConditionType::Ready, Unknown, Reason::Progressing, "fetching r2"),
            (ConditionType::ArtifactInStorage, True, Reason::Succeeded, "stored r1"),
        ]),
        ready: conditions(&[ready]).into_iter().next(),
        generation: 2,
        observed_generation: Some(1),
        requested_at: Some("t2".to_owned()),
        handled: Some("t1".to_owned()),
        retry_interval: None,
    }
}

/// The same object after a failure with this message.
fn failed_before(reason: Reason, message: &str) -> Before {
    let ready = (ConditionType::Ready, ConditionStatus::False, reason, message);
    Before {
        conditions: conditions(std::slice::from_ref(&ready)),
        ready: conditions(&[ready]).into_iter().next(),
        ..ready_before()
    }
}

fn check(before: &Before, outcome: Result<Ready, Stop>, expected: &[&str]) {
    let after = after(before, &Outcome::Ended(outcome), now());
    assert_eq!(show(&after), expected.join("\n"));
}

#[test]
fn ready_says_so_once() {
    let expected = |event: &str| {
        [
            "Ready=True Succeeded: stored r2".to_owned(),
            "ArtifactInStorage=True Succeeded: stored r1".to_owned(),
            format!("observed 2, handled t2, event {event}, next Interval"),
        ]
    };
    let ready = || Ready::new(Reason::Succeeded, "stored r2").at("r2");
    let told = expected("Normal Succeeded stored r2");
    check(&ready_before(), Ok(ready()), &told.each_ref().map(String::as_str));
    let told = expected("Normal NewArtifact stored 3 files");
    let ready_with_event = ready().event(Reason::NewArtifact, "stored 3 files");
    check(&ready_before(), Ok(ready_with_event), &told.each_ref().map(String::as_str));
    let same = conditions(&[(
        ConditionType::Ready,
        ConditionStatus::True,
        Reason::Succeeded,
        "stored r2",
    )]);
    let before = Before { ready: same.into_iter().next(), ..ready_before() };
    let quiet = expected("none");
    check(&before, Ok(ready()), &quiet.each_ref().map(String::as_str));
}

#[test]
fn recovery_is_news_even_with_the_same_message() {
    let before = failed_before(Reason::BuildFailed, "applied r1");
    let after =
        after(&before, &Outcome::Ended(Ok(Ready::new(Reason::Succeeded, "applied r1"))), now());
    assert!(after.event.is_some());
}

#[test]
fn waiting_keeps_the_generation_unobserved_and_tells_once() {
    let stop = || Stop::wait(Reason::DependencyNotReady, "dependency 'a/b' is not ready");
    check(
        &ready_before(),
        Err(stop()),
        &[
            "Reconciling=True ProgressingWithRetry: fetching r2",
            "Ready=False DependencyNotReady: dependency 'a/b' is not ready",
            "ArtifactInStorage=True Succeeded: stored r1",
            "observed 1, handled t2, event Normal DependencyNotReady \
             Dependencies do not meet ready condition: dependency 'a/b' is not ready, next Dependency",
        ],
    );
    let before = failed_before(Reason::DependencyNotReady, "dependency 'a/b' is not ready");
    check(
        &before,
        Err(stop()),
        &[
            "Reconciling=True ProgressingWithRetry: dependency 'a/b' is not ready",
            "Ready=False DependencyNotReady: dependency 'a/b' is not ready",
            "observed 1, handled t2, event none, next Dependency",
        ],
    );
}

#[test]
fn waiting_for_a_source_is_a_trace() {
    let stop = Stop::wait(Reason::ArtifactFailed, "source has none yet");
    let after = after(&ready_before(), &Outcome::Ended(Err(stop)), now());
    assert_eq!(after.event.map(|event| event.event_type), Some(EventType::Trace));
}

#[test]
fn a_failure_warns_every_time_and_comes_back() {
    let stop = || Stop::retry(Reason::BuildFailed, "kustomize build failed");
    let lines = |next: &str| {
        [
            "Reconciling=True ProgressingWithRetry: fetching r2".to_owned(),
            "Ready=False BuildFailed: kustomize build failed".to_owned(),
            "ArtifactInStorage=True Succeeded: stored r1".to_owned(),
            format!(
                "observed 1, handled t2, event Warning BuildFailed kustomize build failed, next {next}"
            ),
        ]
    };
    check(&ready_before(), Err(stop()), &lines("Backoff").each_ref().map(String::as_str));
    let before = Before { retry_interval: Some(Duration::from_mins(1)), ..ready_before() };
    check(&before, Err(stop()), &lines("After(60s)").each_ref().map(String::as_str));
}

#[test]
fn a_stall_is_final_until_the_spec_changes() {
    let stop = || Stop::stall(Reason::AccessDenied, "no cross-namespace references");
    check(
        &ready_before(),
        Err(stop()),
        &[
            "Stalled=True AccessDenied: no cross-namespace references",
            "Ready=False AccessDenied: no cross-namespace references",
            "ArtifactInStorage=True Succeeded: stored r1",
            "observed 2, handled t2, event Warning AccessDenied no cross-namespace references, next Never",
        ],
    );
    let again = failed_before(Reason::AccessDenied, "no cross-namespace references");
    let after = after(&again, &Outcome::Ended(Err(stop())), now());
    assert_eq!(after.event, None);
}

#[test]
fn a_cancelled_visit_leaves_the_request_unhandled() {
    let newer = |message: Option<&str>| {
        Err(Stop::Cancelled { by: Cancel::NewerWork, message: message.map(str::to_owned) })
    };
    check(
        &ready_before(),
        newer(Some("new revision detected")),
        &[
            "Reconciling=True Progressing: new revision detected",
            "Ready=False HealthCheckCanceled: new revision detected",
            "ArtifactInStorage=True Succeeded: stored r1",
            "observed 1, handled t1, event none, next Now",
        ],
    );
    check(
        &ready_before(),
        newer(None),
        &[
            "Reconciling=True Progressing: reconciliation starts over with newer work",
            "Ready=True Succeeded: stored r1",
            "ArtifactInStorage=True Succeeded: stored r1",
            "observed 1, handled t1, event none, next Now",
        ],
    );
    check(
        &ready_before(),
        Err(Stop::Cancelled { by: Cancel::Shutdown, message: None }),
        &[
            "Reconciling=True Progressing: fetching r2",
            "Ready=True Succeeded: stored r1",
            "ArtifactInStorage=True Succeeded: stored r1",
            "observed 1, handled t1, event none, next Never",
        ],
    );
}

#[test]
fn a_panic_is_a_failure_with_a_growing_delay() {
    let outcome = Outcome::Panicked("index out of bounds".to_owned());
    let before = Before { retry_interval: Some(Duration::from_mins(1)), ..ready_before() };
    let after = after(&before, &outcome, now());
    assert_eq!(after.visit, Visit::Backoff);
    assert_eq!(after.event.map(|event| event.event_type), Some(EventType::Warning));
    let ready = condition::get(&after.conditions, ConditionType::Ready).unwrap();
    assert_eq!(
        (ready.reason.as_str(), ready.message.as_str()),
        ("InternalError", "reconciler panicked: index out of bounds")
    );
}

#[test]
fn long_messages_are_cut_between_characters() {
    let long = "ä".repeat(MAX_MESSAGE);
    assert_eq!(cut(&long).len(), MAX_MESSAGE);
    assert_eq!(cut(&format!("a{long}")).len(), MAX_MESSAGE - 1);
    assert_eq!(cut("short"), "short");
}
