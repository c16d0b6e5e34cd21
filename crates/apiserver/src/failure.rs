//! Every error the server answers with, as the `metav1.Status` of apimachinery's `api/errors`.

use http::StatusCode;
use serde_json::{Value, json};

/// A refused request; becomes a `Status` object of kind `Failure`.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Failure {
    pub(crate) code: StatusCode,
    pub(crate) reason: &'static str,
    pub(crate) message: String,
    details: Option<Value>,
}

/// Not a reason of the API: marks what is answered in plain text.
const PAGE: &str = "page";

/// What an error is about: the resource of the path (for most errors) or the kind (for `Invalid`).
#[derive(Debug, Clone, Copy)]
pub(crate) struct About<'a> {
    pub(crate) group: &'a str,
    /// Plural for most errors, the kind for `Invalid`.
    pub(crate) resource: &'a str,
    pub(crate) name: &'a str,
}

impl About<'_> {
    pub(crate) fn qualified(&self) -> String {
        if self.group.is_empty() {
            self.resource.to_owned()
        } else {
            format!("{}.{}", self.resource, self.group)
        }
    }

    fn details(&self) -> Value {
        let mut details = json!({ "kind": self.resource });
        if let Some(map) = details.as_object_mut() {
            if !self.name.is_empty() {
                map.insert("name".to_owned(), self.name.into());
            }
            if !self.group.is_empty() {
                map.insert("group".to_owned(), self.group.into());
            }
        }
        details
    }
}

/// One entry of `details.causes`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cause {
    /// `FieldValueInvalid`, `FieldValueRequired`, `FieldManagerConflict`, ...
    pub(crate) reason: String,
    pub(crate) message: String,
    pub(crate) field: String,
}

impl Cause {
    /// A value that is there and wrong. `value` is shown as Go's `field.Error` shows it.
    pub(crate) fn invalid(field: &str, value: &Value, detail: &str) -> Self {
        Self {
            reason: "FieldValueInvalid".to_owned(),
            message: format!("Invalid value: {value}: {detail}"),
            field: field.to_owned(),
        }
    }

    /// A value that must be there.
    pub(crate) fn required(field: &str, detail: &str) -> Self {
        let message = if detail.is_empty() {
            "Required value".to_owned()
        } else {
            format!("Required value: {detail}")
        };
        Self { reason: "FieldValueRequired".to_owned(), message, field: field.to_owned() }
    }

    /// A value that may not be there in this state.
    pub(crate) fn forbidden(field: &str, detail: &str) -> Self {
        Self {
            reason: "FieldValueForbidden".to_owned(),
            message: format!("Forbidden: {detail}"),
            field: field.to_owned(),
        }
    }

    /// A value of too many bytes.
    pub(crate) fn too_long(field: &str, limit: usize) -> Self {
        Self {
            reason: "FieldValueTooLong".to_owned(),
            message: format!("Too long: may not be more than {limit} bytes"),
            field: field.to_owned(),
        }
    }

    /// A value outside an enumeration.
    pub(crate) fn not_supported(field: &str, value: &Value, allowed: &[&str]) -> Self {
        let allowed = allowed.iter().map(|a| format!("\"{a}\"")).collect::<Vec<_>>().join(", ");
        Self {
            reason: "FieldValueNotSupported".to_owned(),
            message: format!("Unsupported value: {value}: supported values: {allowed}"),
            field: field.to_owned(),
        }
    }
}

impl Failure {
    fn new(
        code: StatusCode,
        reason: &'static str,
        message: String,
        details: Option<Value>,
    ) -> Self {
        Self { code, reason, message, details }
    }

    pub(crate) fn not_found(about: About<'_>) -> Self {
        let message = format!("{} \"{}\" not found", about.qualified(), about.name);
        Self::new(StatusCode::NOT_FOUND, "NotFound", message, Some(about.details()))
    }

    /// A path outside every API group: the mux of the real server answers, in plain text.
    pub(crate) fn no_such_page() -> Self {
        Self::new(StatusCode::NOT_FOUND, PAGE, "404 page not found\n".to_owned(), None)
    }

    /// The plain text to answer with, where that is what the real server does.
    pub(crate) fn as_text(&self) -> Option<&str> {
        (self.reason == PAGE).then_some(&self.message)
    }

    /// Options of a request that are wrong; `kind` is `CreateOptions`, `ListOptions`, ...
    pub(crate) fn options(kind: &str, cause: Cause) -> Self {
        Self::invalid(About { group: "meta.k8s.io", resource: kind, name: "" }, &[cause])
    }

    /// A path in an API group that leads nowhere.
    pub(crate) fn no_such_path() -> Self {
        let message = "the server could not find the requested resource".to_owned();
        Self::new(StatusCode::NOT_FOUND, "NotFound", message, Some(json!({})))
    }

    pub(crate) fn already_exists(about: About<'_>) -> Self {
        let message = format!("{} \"{}\" already exists", about.qualified(), about.name);
        Self::new(StatusCode::CONFLICT, "AlreadyExists", message, Some(about.details()))
    }

    pub(crate) fn conflict(about: About<'_>, why: &str) -> Self {
        let message = format!(
            "Operation cannot be fulfilled on {} \"{}\": {why}",
            about.qualified(),
            about.name
        );
        Self::new(StatusCode::CONFLICT, "Conflict", message, Some(about.details()))
    }

    /// The stored object moved on since the caller read it.
    pub(crate) fn modified(about: About<'_>) -> Self {
        let why = "the object has been modified; please apply your changes to the latest version and try again";
        Self::conflict(about, why)
    }

    /// Server-side apply would take fields that others own.
    pub(crate) fn apply_conflict(message: String, causes: Vec<Value>) -> Self {
        Self::new(StatusCode::CONFLICT, "Conflict", message, Some(json!({ "causes": causes })))
    }

    /// An applied configuration that does not fit its type; the real server gives no reason either.
    pub(crate) fn untyped(message: String) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "", message, None)
    }

    pub(crate) fn forbidden(about: About<'_>, why: &str) -> Self {
        let message = if about.name.is_empty() {
            format!("{} is forbidden: {why}", about.qualified())
        } else {
            format!("{} \"{}\" is forbidden: {why}", about.qualified(), about.name)
        };
        Self::new(StatusCode::FORBIDDEN, "Forbidden", message, Some(about.details()))
    }

    /// A creation in a namespace on its way out.
    pub(crate) fn namespace_terminating(about: About<'_>, why: &str, namespace: &str) -> Self {
        let mut failure = Self::forbidden(about, why);
        let cause = json!({
            "reason": "NamespaceTerminating",
            "message": format!("namespace {namespace} is being terminated"),
            "field": "metadata.namespace",
        });
        if let Some(details) = failure.details.as_mut().and_then(Value::as_object_mut) {
            details.insert("causes".to_owned(), Value::Array(vec![cause]));
        }
        failure
    }

    /// A non-resource path the caller may not use.
    pub(crate) fn forbidden_path(user: &str, verb: &str, path: &str) -> Self {
        let message = format!("forbidden: User \"{user}\" cannot {verb} path \"{path}\"");
        Self::new(StatusCode::FORBIDDEN, "Forbidden", message, Some(json!({})))
    }

    pub(crate) fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "Unauthorized", "Unauthorized".to_owned(), None)
    }

    /// `about.resource` is the kind here, as in the real server's message.
    pub(crate) fn invalid(about: About<'_>, causes: &[Cause]) -> Self {
        let lines: Vec<String> =
            causes.iter().map(|c| format!("{}: {}", c.field, c.message)).collect();
        let what = match lines.as_slice() {
            [one] => one.clone(),
            many => format!("[{}]", many.join(", ")),
        };
        let message = format!("{} \"{}\" is invalid: {what}", about.qualified(), about.name);
        let mut details = about.details();
        if let Some(map) = details.as_object_mut() {
            map.insert("causes".to_owned(), cause_list(causes));
        }
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", message, Some(details))
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BadRequest", message.into(), None)
    }

    /// A JSON patch that does not fit the object.
    pub(crate) fn unprocessable_patch() -> Self {
        let message = "the server rejected our request due to an error in our request".to_owned();
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", message, Some(json!({})))
    }

    /// `fieldValidation=Strict` found something.
    pub(crate) fn strict(resource: &crate::registry::Resource, found: &[String]) -> Self {
        let (kind, version) = (&resource.kind, &resource.version);
        let found = found.join(", ");
        Self::bad_request(format!(
            "{kind} in version \"{version}\" cannot be handled as a {kind}: strict decoding error: {found}"
        ))
    }

    pub(crate) fn method_not_allowed() -> Self {
        let message = "the server does not allow this method on the requested resource".to_owned();
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", message, Some(json!({})))
    }

    pub(crate) fn not_acceptable(accepted: &[&str]) -> Self {
        let message = format!(
            "406: Not Acceptable

Available representations: {}",
            accepted.join(", ")
        );
        Self::new(StatusCode::NOT_ACCEPTABLE, "NotAcceptable", message, Some(json!({})))
    }

    pub(crate) fn unsupported_media_type(accepted: &[&str]) -> Self {
        let message = format!(
            "the body of the request was in an unknown format - accepted media types include: {}",
            accepted.join(", ")
        );
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "UnsupportedMediaType",
            message,
            Some(json!({})),
        )
    }

    pub(crate) fn too_large(limit: usize) -> Self {
        let message = format!("Request entity too large: limit is {limit}");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge", message, None)
    }

    /// The watch or list window has moved past `asked`.
    pub(crate) fn expired(asked: u64, oldest: u64) -> Self {
        let message = format!("too old resource version: {asked} ({oldest})");
        Self::new(StatusCode::GONE, "Expired", message, None)
    }

    /// A continue token whose snapshot is gone.
    pub(crate) fn continue_expired() -> Self {
        let message =
            "The provided continue parameter is too old to display a consistent list result. \
            You can start a new list without the continue parameter."
                .to_owned();
        Self::new(StatusCode::GONE, "Expired", message, None)
    }

    /// A resource version from the future.
    pub(crate) fn too_large_version(asked: u64, current: u64) -> Self {
        let message = format!("Too large resource version: {asked}, current: {current}");
        let details = json!({
            "causes": [{ "reason": "ResourceVersionTooLarge", "message": "Too large resource version" }],
            "retryAfterSeconds": 1,
        });
        Self::new(StatusCode::GATEWAY_TIMEOUT, "Timeout", message, Some(details))
    }

    pub(crate) fn too_many_requests(message: &str) -> Self {
        let details = json!({ "causes": [{ "reason": "DisruptionBudget", "message": message }] });
        let text = "Cannot evict pod as it would violate the pod's disruption budget.".to_owned();
        Self::new(StatusCode::TOO_MANY_REQUESTS, "TooManyRequests", text, Some(details))
    }

    pub(crate) fn internal(message: impl Into<String>) -> Self {
        let message = format!("Internal error occurred: {}", message.into());
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "InternalError", message, None)
    }

    /// The `Status` object.
    pub(crate) fn to_status(&self) -> Value {
        let mut status = json!({
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "code": self.code.as_u16(),
        });
        if let Some(map) = status.as_object_mut().filter(|_| !self.reason.is_empty()) {
            map.insert("reason".to_owned(), self.reason.into());
        }
        if let (Some(details), Some(map)) = (&self.details, status.as_object_mut()) {
            map.insert("details".to_owned(), details.clone());
        }
        status
    }
}

fn cause_list(causes: &[Cause]) -> Value {
    causes
        .iter()
        .map(|c| json!({ "reason": c.reason, "message": c.message, "field": c.field }))
        .collect()
}

/// The `Status` of a success without an object, as a DELETE answers it.
pub(crate) fn success(about: About<'_>, uid: Option<&str>) -> Value {
    let mut details = about.details();
    if let (Some(uid), Some(map)) = (uid, details.as_object_mut()) {
        map.insert("uid".to_owned(), uid.into());
    }
    json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details })
}
