//! HorizontalPodAutoscaler between `autoscaling/v1` and `autoscaling/v2`: v1 knows only a CPU target.

use serde_json::{Map, Value, json};

use crate::object;

/// Where v1 keeps the v2 metrics that it has no field for.
const METRICS_ANNOTATION: &str = "autoscaling.alpha.kubernetes.io/metrics";
/// Where v1 keeps the v2 behaviour.
const BEHAVIOR_ANNOTATION: &str = "autoscaling.alpha.kubernetes.io/behavior";

/// Turns v1 into v2 (`to_v2`) or back.
pub(crate) fn convert(object: &mut Value, to_v2: bool) {
    if to_v2 { to_second(object) } else { to_first(object) }
}

fn to_second(object: &mut Value) {
    let stashed = take_annotation(object, METRICS_ANNOTATION);
    let behavior = take_annotation(object, BEHAVIOR_ANNOTATION);
    let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) else { return };
    let target = spec.remove("targetCPUUtilizationPercentage");
    let mut metrics: Vec<Value> = target.map(cpu_metric).into_iter().collect();
    if let Some(Value::Array(more)) = stashed {
        metrics.extend(more);
    }
    if !metrics.is_empty() {
        spec.insert("metrics".to_owned(), metrics.into());
    }
    if let Some(behavior) = behavior {
        spec.insert("behavior".to_owned(), behavior);
    }
}

fn to_first(object: &mut Value) {
    let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) else { return };
    let mut others = Vec::new();
    let metrics = spec.remove("metrics");
    for metric in metrics.as_ref().and_then(Value::as_array).into_iter().flatten() {
        match cpu_target(metric) {
            Some(percent) if !spec.contains_key("targetCPUUtilizationPercentage") => {
                spec.insert("targetCPUUtilizationPercentage".to_owned(), percent.clone());
            }
            _ => others.push(metric.clone()),
        }
    }
    let behavior = spec.remove("behavior");
    if !others.is_empty() {
        put_annotation(object, METRICS_ANNOTATION, &Value::Array(others));
    }
    if let Some(behavior) = behavior {
        put_annotation(object, BEHAVIOR_ANNOTATION, &behavior);
    }
}

fn cpu_metric(percent: Value) -> Value {
    json!({
        "type": "Resource",
        "resource": { "name": "cpu", "target": { "type": "Utilization", "averageUtilization": percent } },
    })
}

fn cpu_target(metric: &Value) -> Option<&Value> {
    let resource =
        metric.get("resource").filter(|r| r.get("name").and_then(Value::as_str) == Some("cpu"))?;
    resource.pointer("/target/averageUtilization")
}

fn take_annotation(object: &mut Value, name: &str) -> Option<Value> {
    let metadata = object::metadata_mut(object)?;
    let annotations = metadata.get_mut("annotations")?.as_object_mut()?;
    let text = annotations.remove(name)?;
    if annotations.is_empty() {
        metadata.remove("annotations");
    }
    serde_json::from_str(text.as_str()?).ok()
}

fn put_annotation(object: &mut Value, name: &str, value: &Value) {
    let Some(metadata) = object::metadata_mut(object) else { return };
    let annotations = metadata.entry("annotations").or_insert_with(|| Value::Object(Map::new()));
    object::set_field(annotations, name, Some(value.to_string().into()));
}
