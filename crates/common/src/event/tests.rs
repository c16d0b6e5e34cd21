use serde_json::json;

use super::{Event, MAX_MESSAGE, Severity};

fn event() -> Event {
    serde_json::from_value(json!({
        "involvedObject": {"apiVersion": "a.example/v1", "kind": "A", "namespace": "n", "name": "x"},
        "severity": "info",
        "timestamp": "2026-01-02T03:04:05Z",
        "message": "stored artifact",
        "reason": "NewArtifact",
        "reportingController": "source-controller",
    }))
    .unwrap()
}

#[test]
fn wire_form_has_no_empty_fields() {
    let value = serde_json::to_value(event()).unwrap();
    assert_eq!(
        value,
        json!({
            "involvedObject": {"apiVersion": "a.example/v1", "kind": "A", "namespace": "n", "name": "x"},
            "severity": "info",
            "timestamp": "2026-01-02T03:04:05Z",
            "message": "stored artifact",
            "reason": "NewArtifact",
            "reportingController": "source-controller",
        })
    );
    assert_eq!(serde_json::to_value(Severity::Error).unwrap(), json!(Severity::Error.as_str()));
}

#[test]
fn annotations_of_the_prefix_become_metadata() {
    let mut event = event();
    let key = Event::metadata_key("event.toolkit.fluxcd.io", "env");
    event
        .metadata
        .insert(Event::metadata_key("event.toolkit.fluxcd.io", "kept"), "ours".to_owned());
    let annotations = [
        (key.clone(), "prod".to_owned()),
        ("event.toolkit.fluxcd.io/kept".to_owned(), "theirs".to_owned()),
        ("other.io/env".to_owned(), "no".to_owned()),
    ];
    event.add_annotations(annotations.iter().map(|(k, v)| (k, v)));
    assert_eq!(event.metadata.len(), 2);
    assert_eq!(event.metadata[&key], "prod");
    assert_eq!(event.metadata["event.toolkit.fluxcd.io/kept"], "ours");
}

#[test]
fn long_messages_are_cut() {
    let mut event = event();
    event.message = "x".repeat(MAX_MESSAGE + 1);
    event.shorten();
    assert_eq!(event.message.len(), MAX_MESSAGE);
    assert!(event.message.ends_with("x..."));
}
