//! Containers of Pods.

use serde_json::Value;

use super::super::super::FieldError;
use super::place::{At, Errors, PORT};
use super::volume;

/// What kind of list a container stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Main,
    Init,
}

/// One container. `volumes` are the names that it may mount.
pub(super) fn check(container: &At<'_>, role: Role, volumes: &[&str], errors: &mut Errors) {
    if container.at("name").need(errors).is_some() {
        container.at("name").dns_label(errors);
    }
    container.at("image").need(errors);
    container.at("imagePullPolicy").one_of_if_set(&["Always", "IfNotPresent", "Never"], errors);
    container
        .at("terminationMessagePolicy")
        .one_of_if_set(&["File", "FallbackToLogsOnError"], errors);
    ports(container, errors);
    env(container, errors);
    volume::mounts(container, volumes, errors);
    resources(&container.at("resources"), errors);
    security(&container.at("securityContext"), errors);
    for name in ["livenessProbe", "readinessProbe", "startupProbe"] {
        let probe = container.at(name);
        let sidecar = container.at("restartPolicy").text() == "Always";
        if probe.is_set() && role == Role::Init && !sidecar {
            errors.push(
                probe.forbidden("may not be set for init containers without restartPolicy=Always"),
            );
        } else if probe.is_set() {
            check_probe(&probe, name != "readinessProbe", errors);
        }
    }
    for name in ["postStart", "preStop"] {
        let hook = container.at("lifecycle").at(name);
        if hook.is_set() {
            handler(&hook, errors);
        }
    }
}

fn ports(container: &At<'_>, errors: &mut Errors) {
    let mut names: Vec<&str> = Vec::new();
    for port in container.items("ports") {
        let name = port.at("name");
        if !name.is_blank() {
            let details = super::place::port_name(name.text());
            if details.is_empty() && names.contains(&name.text()) {
                errors.push(name.duplicate());
            }
            names.push(name.text());
            errors.extend(details.into_iter().map(|detail| name.invalid(detail)));
        }
        let number = port.at("containerPort");
        match number.int() {
            None | Some(0) => errors.push(number.required("")),
            Some(1..=65535) => {}
            Some(_) => errors.push(number.invalid(PORT)),
        }
        let host = port.at("hostPort");
        if host.int().is_some_and(|number| number != 0 && !(1..=65535).contains(&number)) {
            errors.push(host.invalid(PORT));
        }
        port.at("protocol").one_of_if_set(&["SCTP", "TCP", "UDP"], errors);
    }
}

fn env(container: &At<'_>, errors: &mut Errors) {
    for variable in container.items("env") {
        let name = variable.at("name");
        let allowed = |byte: u8| (b' '..=b'~').contains(&byte) && byte != b'=';
        if name.need(errors).is_some_and(|name| !name.bytes().all(allowed)) {
            let detail = "a valid environment variable name must consist only of printable ASCII characters other than '='";
            errors.push(name.invalid(detail));
        }
        let source = variable.at("valueFrom");
        if source.is_set() {
            value_from(&source, !variable.at("value").is_blank(), errors);
        }
    }
    let list = container.at("envFrom");
    for source in container.items("envFrom") {
        let (config, secret) = (source.at("configMapRef"), source.at("secretRef"));
        for reference in [&config, &secret].into_iter().filter(|reference| reference.is_set()) {
            reference.at("name").need(errors);
        }
        match (config.is_set(), secret.is_set()) {
            (false, false) => errors
                .push(list.invalid_whole("must specify one of: `configMapRef` or `secretRef`")),
            (true, true) => errors
                .push(list.invalid_whole("may not have more than one field specified at a time")),
            _ => {}
        }
    }
}

fn value_from(source: &At<'_>, has_value: bool, errors: &mut Errors) {
    let field = source.at("fieldRef");
    if field.is_set() {
        field_path(&field.at("fieldPath"), errors);
    }
    for name in ["configMapKeyRef", "secretKeyRef"] {
        let key = source.at(name);
        if key.is_set() {
            key.at("name").need(errors);
            key.at("key").need(errors);
        }
    }
    let sources = ["fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef"];
    match sources.iter().filter(|name| source.at(name).is_set()).count() {
        0 => errors.push(source.invalid_whole(
            "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`",
        )),
        _ if has_value => errors.push(source.invalid_whole("may not be specified when `value` is not empty")),
        1 => {}
        _ => errors.push(source.invalid_whole("may not have more than one field specified at a time")),
    }
}

/// A field of the Pod that an environment variable may show.
fn field_path(path: &At<'_>, errors: &mut Errors) {
    let Some(text) = path.need(errors) else { return };
    let plain = [
        "metadata.name",
        "metadata.namespace",
        "metadata.uid",
        "spec.nodeName",
        "spec.serviceAccountName",
        "status.hostIP",
        "status.hostIPs",
        "status.podIP",
        "status.podIPs",
    ];
    let subscript = (text.starts_with("metadata.annotations['")
        || text.starts_with("metadata.labels['"))
        && text.ends_with("']");
    if !plain.contains(&text) && !subscript {
        errors.push(
            path.invalid(format!("error converting fieldPath: field label not supported: {text}")),
        );
    }
}

/// Requests and limits of a container.
pub(super) fn resources(resources: &At<'_>, errors: &mut Errors) {
    let limits = resources.entries("limits");
    let requests = resources.entries("requests");
    for (name, amount) in limits.iter().chain(&requests) {
        resource_name(name, amount, errors);
        if amount.quantity().is_some_and(|quantity| quantity.nanos() < 0) {
            errors.push(amount.invalid(super::place::NOT_NEGATIVE));
        }
    }
    for (name, request) in &requests {
        let Some((_, limit)) = limits.iter().find(|(other, _)| other == name) else { continue };
        let (Some(asked), Some(most)) = (request.quantity(), limit.quantity()) else { continue };
        if asked.nanos() > most.nanos() {
            let detail = format!("must be less than or equal to {name} limit of {}", limit.text());
            errors.push(FieldError::invalid(resources.at("requests").path, request.value, detail));
        }
    }
}

fn resource_name(name: &str, amount: &At<'_>, errors: &mut Errors) {
    let standard =
        matches!(name, "cpu" | "memory" | "ephemeral-storage") || name.starts_with("hugepages-");
    if standard {
        return;
    }
    let shown = Value::from(name);
    let mut refuse =
        |detail: String| errors.push(FieldError::invalid(&amount.path, &shown, detail));
    super::place::qualified(name).into_iter().for_each(&mut refuse);
    if !name.contains('/') {
        refuse("must be a standard resource type or fully qualified".to_owned());
        refuse("must be a standard resource for containers".to_owned());
    }
}

fn security(context: &At<'_>, errors: &mut Errors) {
    for name in ["runAsUser", "runAsGroup"] {
        let id = context.at(name);
        if id.int().is_some_and(|id| !(0..=i64::from(i32::MAX)).contains(&id)) {
            errors.push(id.invalid("must be between 0 and 2147483647, inclusive"));
        }
    }
}

fn check_probe(probe: &At<'_>, succeeds_once: bool, errors: &mut Errors) {
    handler(probe, errors);
    for name in [
        "initialDelaySeconds",
        "timeoutSeconds",
        "periodSeconds",
        "successThreshold",
        "failureThreshold",
    ] {
        probe.at(name).not_negative(errors);
    }
    let grace = probe.at("terminationGracePeriodSeconds");
    if grace.int().is_some_and(|seconds| seconds <= 0) {
        errors.push(grace.invalid("must be greater than 0"));
    }
    let successes = probe.at("successThreshold");
    if succeeds_once && successes.int().is_some_and(|count| count != 1) {
        errors.push(successes.invalid("must be 1"));
    }
}

/// The one action of a probe or hook.
fn handler(place: &At<'_>, errors: &mut Errors) {
    let mut found = false;
    for name in ["exec", "httpGet", "tcpSocket", "grpc", "sleep"] {
        let action = place.at(name);
        if !action.is_set() {
            continue;
        }
        if found {
            errors.push(action.forbidden("may not specify more than 1 handler type"));
            continue;
        }
        found = true;
        match name {
            "exec" if action.at("command").count() == 0 => {
                errors.push(action.at("command").required(""));
            }
            "httpGet" => {
                action.at("path").need(errors);
                action.at("port").port(errors);
                action.at("scheme").one_of(&["HTTP", "HTTPS"], errors);
            }
            "tcpSocket" | "grpc" => action.at("port").port(errors),
            _ => {}
        }
    }
    if !found {
        errors.push(place.required("must specify a handler type"));
    }
}
