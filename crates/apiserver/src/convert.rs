//! Between the version of a request and the version on the shelf.

use serde_json::Value;

use crate::object;
use crate::registry::Resource;

/// A stored object in the version of `resource`.
pub(crate) fn from_storage(resource: &Resource, stored: &Value) -> Value {
    let mut object = stored.clone();
    if !resource.is_storage_version() {
        convert(resource, &mut object, Direction::Out);
    }
    object
}

/// An object of `resource` as it is stored.
pub(crate) fn to_storage(resource: &Resource, object: &mut Value) {
    if !resource.is_storage_version() {
        convert(resource, object, Direction::In);
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    In,
    Out,
}

fn convert(resource: &Resource, object: &mut Value, direction: Direction) {
    if resource.custom.is_none() {
        match (resource.group.as_str(), resource.kind.as_str()) {
            ("events.k8s.io", "Event") => rename_event(object, direction),
            ("autoscaling", "HorizontalPodAutoscaler") => {
                crate::autoscaler::convert(object, direction == Direction::In);
            }
            _ => {}
        }
    }
    let api_version = match direction {
        Direction::In => resource.storage_api_version.clone(),
        Direction::Out => resource.api_version(),
    };
    object::set_field(object, "apiVersion", Some(api_version.into()));
}

/// The same event under the names of `v1` and of `events.k8s.io/v1`.
const EVENT_FIELDS: [(&str, &str); 7] = [
    ("involvedObject", "regarding"),
    ("message", "note"),
    ("source", "deprecatedSource"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("count", "deprecatedCount"),
    ("reportingComponent", "reportingController"),
];

fn rename_event(object: &mut Value, direction: Direction) {
    for (core, events) in EVENT_FIELDS {
        let (from, to) = if direction == Direction::In { (events, core) } else { (core, events) };
        let value = object.as_object_mut().and_then(|map| map.remove(from));
        if value.is_some() {
            object::set_field(object, to, value);
        }
    }
}
