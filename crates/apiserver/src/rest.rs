//! The REST verbs on resources.

mod list;
mod subresource;
mod watch;

use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};

use crate::access::User;
use crate::body::{self, Body};
use crate::core::Core;
use crate::failure::{self, Cause, Failure};
use crate::negotiate::{self, PatchType, View};
use crate::object;
use crate::path::{Query, ResourcePath};
use crate::registry::{Resource, Verbs};
use crate::store::{Key, Stored};
use crate::write::{
    DeleteOptions, Deleted, FieldValidation, Propagation, UpdateMode, Write, WriteOptions,
};

/// A request for a resource, with everything that was read from it.
pub(crate) struct Call<'a> {
    pub(crate) core: &'a Arc<Core>,
    pub(crate) resource: Arc<Resource>,
    pub(crate) path: ResourcePath<'a>,
    pub(crate) query: Query,
    pub(crate) parts: &'a Parts,
    pub(crate) body: &'a Bytes,
    pub(crate) user: &'a User,
}

impl Call<'_> {
    /// Answers the request.
    pub(crate) fn answer(&self) -> Result<Response<Body>, Failure> {
        if self.resource.verbs == Verbs::Create {
            return crate::reviews::answer(self);
        }
        if self.resource.namespaced && self.path.namespace.is_none() && self.path.name.is_some() {
            return Err(Failure::no_such_path());
        }
        if !self.resource.namespaced
            && self.resource.kind != "Namespace"
            && self.path.namespace.is_some()
        {
            return Err(Failure::no_such_path());
        }
        if self.resource.verbs == Verbs::Read {
            return self.component_statuses();
        }
        if let (Some(name), Some(subresource)) = (self.path.name, self.path.subresource) {
            return self.subresource(name, subresource);
        }
        match (self.parts.method.as_str(), self.path.name) {
            ("GET" | "HEAD", Some(name)) if self.path.watch => self.watch(Some(name)),
            ("GET" | "HEAD", Some(name)) => self.get(name),
            ("GET" | "HEAD", None) if self.path.watch || self.query.flag("watch") => {
                self.watch(None)
            }
            ("GET" | "HEAD", None) => self.list(),
            ("POST", None) => self.create(),
            ("PUT", Some(name)) => self.replace(name, ""),
            ("PATCH", Some(name)) => self.patch(name, ""),
            ("DELETE", Some(name)) => self.delete(name),
            ("DELETE", None) if self.resource.kind != "Namespace" => self.delete_collection(),
            _ => Err(Failure::method_not_allowed()),
        }
    }

    pub(crate) fn namespace(&self) -> &str {
        if self.resource.namespaced { self.path.namespace.unwrap_or_default() } else { "" }
    }

    pub(crate) fn key(&self, name: &str) -> Key {
        Key::new(self.namespace(), name)
    }

    pub(crate) fn stored(&self, name: &str) -> Result<Stored, Failure> {
        let stored = self.core.store.get(self.resource.shelf, &self.key(name));
        stored.ok_or_else(|| Failure::not_found(self.resource.about(name)))
    }

    fn get(&self, name: &str) -> Result<Response<Body>, Failure> {
        let view = negotiate::view(&self.parts.headers)?;
        if let Some(version) = self.query.get("resourceVersion") {
            let asked = parse_version(version)?;
            let current = self.core.store.revision();
            if asked > current {
                return Err(Failure::too_large_version(asked, current));
            }
        }
        let stored = self.stored(name)?;
        Ok(self.one(StatusCode::OK, view, &stored))
    }

    /// One object in the shape that was asked for.
    pub(crate) fn one(&self, code: StatusCode, view: View, stored: &Stored) -> Response<Body> {
        match view {
            View::Whole if self.resource.is_storage_version() => {
                self.warned(body::json_bytes(code, stored.json()))
            }
            View::Whole => {
                let object = crate::convert::from_storage(&self.resource, &stored.value);
                self.warned(body::json(code, &object))
            }
            View::Partial => self.warned(body::json(code, &partial(&stored.value, true))),
            View::Table => {
                let table = crate::table::Printer::new(&self.resource, self.core, &self.query);
                self.warned(body::json(code, &table.of_one(stored)))
            }
        }
    }

    /// Adds what must be said about the version used.
    pub(crate) fn warned(&self, mut response: Response<Body>) -> Response<Body> {
        let custom = self.resource.custom.as_ref();
        let builtin = match (self.resource.group.as_str(), self.resource.kind.as_str()) {
            ("", "Endpoints") => {
                Some("v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice")
            }
            ("", "ComponentStatus") => Some("v1 ComponentStatus is deprecated in v1.19+"),
            _ => None,
        };
        let text = match custom {
            Some(custom) => custom.deprecation.as_deref(),
            None => builtin,
        };
        if let Some(text) = text {
            add_warning(&mut response, text);
        }
        response
    }

    pub(crate) fn write_options(&self, patch: Option<PatchType>) -> Result<WriteOptions, Failure> {
        let kind = match self.parts.method.as_str() {
            "POST" => "CreateOptions",
            "PUT" => "UpdateOptions",
            "PATCH" => "PatchOptions",
            _ => "DeleteOptions",
        };
        let refuse = |cause: Cause| Err(Failure::options(kind, cause));
        let dry_run = match self.query.get("dryRun") {
            None => false,
            Some("All") => true,
            Some(other) => {
                return refuse(Cause::not_supported("dryRun", &json!([other]), &["All"]));
            }
        };
        let validation = match self.query.get("fieldValidation") {
            Some("Ignore") => FieldValidation::Ignore,
            Some("Strict") => FieldValidation::Strict,
            None | Some("Warn") => FieldValidation::Warn,
            Some(other) => {
                let allowed = ["", "Ignore", "Strict", "Warn"];
                return refuse(Cause::not_supported("fieldValidation", &other.into(), &allowed));
            }
        };
        let force = self.query.flag("force");
        if force && patch.is_some_and(|p| p != PatchType::Apply) {
            return refuse(Cause::forbidden("force", "may not be specified for non-apply patch"));
        }
        let manager = self.query.get("fieldManager");
        if patch == Some(PatchType::Apply) && manager.is_none() {
            return refuse(Cause::required("fieldManager", "is required for apply patch"));
        }
        let manager = manager.map_or_else(|| manager_of_agent(self.parts), str::to_owned);
        Ok(WriteOptions { dry_run, manager, validation, force })
    }

    /// What a body says twice: warned about or refused, as `fieldValidation` has it.
    fn check_duplicates(&self, write: &mut Write<'_>) -> Result<(), Failure> {
        if write.options.validation == FieldValidation::Ignore || !self.body.starts_with(b"{") {
            return Ok(());
        }
        let twice = crate::duplicates::find(self.body);
        if write.options.validation == FieldValidation::Strict && !twice.is_empty() {
            return Err(Failure::strict(&self.resource, &twice));
        }
        write.warnings.extend(twice);
        Ok(())
    }

    pub(crate) fn writer<'w>(&'w self, subresource: &'w str, options: WriteOptions) -> Write<'w> {
        Write {
            core: self.core,
            resource: &self.resource,
            subresource,
            options,
            warnings: Vec::new(),
        }
    }

    fn create(&self) -> Result<Response<Body>, Failure> {
        let view = negotiate::view(&self.parts.headers)?;
        if self.resource.namespaced && self.path.namespace.is_none() {
            return Err(Failure::method_not_allowed());
        }
        let object = negotiate::decode_object(&self.parts.headers, self.body)?;
        if self.resource.custom.as_ref().is_some_and(|c| c.terminating) {
            return Err(Failure::method_not_allowed());
        }
        crate::rbac::check_escalation(self.core, self.user, &self.resource, &object)?;
        let mut write = self.writer("", self.write_options(None)?);
        self.check_duplicates(&mut write)?;
        let stored = write.create(self.namespace(), object)?;
        let mut response = self.one(StatusCode::CREATED, view, &stored);
        add_warnings(&mut response, &write.warnings);
        Ok(response)
    }

    pub(crate) fn replace(&self, name: &str, subresource: &str) -> Result<Response<Body>, Failure> {
        let view = negotiate::view(&self.parts.headers)?;
        let object = negotiate::decode_object(&self.parts.headers, self.body)?;
        crate::rbac::check_escalation(self.core, self.user, &self.resource, &object)?;
        let mode = UpdateMode {
            apply: false,
            needs_version: crate::strategy::needs_version(&self.resource),
        };
        let mut write = self.writer(subresource, self.write_options(None)?);
        self.check_duplicates(&mut write)?;
        if object::name(&object).is_empty() {
            return Err(Failure::bad_request(format!(
                "the name of the object () does not match the name on the URL ({name})"
            )));
        }
        // A PUT that names a version is never tried again on another one: the version check refuses it.
        let written = write.update(&self.key(name), mode, &mut |_| Ok(object.clone()))?;
        let mut response = self.one(StatusCode::OK, view, &written.stored);
        add_warnings(&mut response, &write.warnings);
        Ok(response)
    }

    pub(crate) fn patch(&self, name: &str, subresource: &str) -> Result<Response<Body>, Failure> {
        let view = negotiate::view(&self.parts.headers)?;
        let patch_type = negotiate::patch_type(&self.parts.headers)?;
        let mut write = self.writer(subresource, self.write_options(Some(patch_type))?);
        if patch_type == PatchType::Apply {
            self.check_duplicates(&mut write)?;
        }
        let change =
            crate::patch::Change::new(self, patch_type, name, subresource, &write.options)?;
        let mode = UpdateMode { apply: patch_type == PatchType::Apply, needs_version: false };
        if mode.apply && self.resource.custom.as_ref().is_some_and(|c| c.terminating) {
            self.stored(name)?;
        }
        let written = write.update(&self.key(name), mode, &mut |live| change.to(live))?;
        let code = if written.created { StatusCode::CREATED } else { StatusCode::OK };
        let mut response = self.one(code, view, &written.stored);
        add_warnings(&mut response, &write.warnings);
        Ok(response)
    }

    pub(crate) fn delete_options(&self) -> Result<(DeleteOptions, WriteOptions), Failure> {
        let given = if self.body.is_empty() {
            Value::Null
        } else {
            negotiate::decode_object(&self.parts.headers, self.body)?
        };
        let mut options = DeleteOptions::parse(&given)?;
        if let Some(policy) = self.query.get("propagationPolicy") {
            options.propagation = Some(Propagation::parse(policy)?);
        }
        if let Some(grace) = self.query.get("gracePeriodSeconds").and_then(|g| g.parse().ok()) {
            options.grace = Some(grace);
        }
        let mut write = self.write_options(None)?;
        write.dry_run |= given.pointer("/dryRun/0").and_then(Value::as_str) == Some("All");
        Ok((options, write))
    }

    fn delete(&self, name: &str) -> Result<Response<Body>, Failure> {
        let view = negotiate::view(&self.parts.headers)?;
        let (options, write) = self.delete_options()?;
        let mut write = self.writer("", write);
        let mut response = match write.delete(&self.key(name), &options)? {
            Deleted::Gone(last) if returns_object(&self.resource) => {
                self.one(StatusCode::OK, view, &last)
            }
            Deleted::Gone(last) => {
                let about = self.resource.about(name);
                self.warned(body::json(
                    StatusCode::OK,
                    &failure::success(about, object::uid(&last.value)),
                ))
            }
            Deleted::Marked(stored) => self.one(StatusCode::OK, view, &stored),
        };
        if self.resource.is("batch", "Job") && options.propagation.is_none() {
            let words = "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to \
                remove them or set propagationPolicy=Orphan to suppress this warning";
            add_warning(&mut response, words);
        }
        Ok(response)
    }
}

/// Kinds whose DELETE answers with the object (`ReturnDeletedObject` in their storage).
fn returns_object(resource: &Resource) -> bool {
    const CORE: [&str; 8] = [
        "Namespace",
        "PersistentVolume",
        "PersistentVolumeClaim",
        "Pod",
        "PodTemplate",
        "ResourceQuota",
        "Service",
        "ServiceAccount",
    ];
    resource.custom.is_none()
        && match resource.group.as_str() {
            "" => CORE.contains(&resource.kind.as_str()),
            "storage.k8s.io" => resource.kind != "CSIStorageCapacity",
            "resource.k8s.io" => true,
            _ => false,
        }
}

/// The object's metadata alone.
pub(crate) fn partial(object: &Value, typed: bool) -> Value {
    let mut partial = serde_json::Map::new();
    if typed {
        partial.insert("kind".to_owned(), "PartialObjectMetadata".into());
        partial.insert("apiVersion".to_owned(), "meta.k8s.io/v1".into());
    }
    partial.insert("metadata".to_owned(), object.get("metadata").cloned().unwrap_or_default());
    Value::Object(partial)
}

pub(crate) fn parse_version(text: &str) -> Result<u64, Failure> {
    text.parse().map_err(|_| {
        Failure::bad_request(format!(
            "invalid resource version: resourceVersion: Invalid value: \"{text}\": strconv.ParseUint: parsing \"{text}\": invalid syntax"
        ))
    })
}

/// The part of the User-Agent before the first slash, as the real server names unnamed managers.
fn manager_of_agent(parts: &Parts) -> String {
    /// `validation.FieldManagerMaxLength`.
    const MAX: usize = 128;
    let agent =
        parts.headers.get(header::USER_AGENT).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let name = agent.split('/').next().unwrap_or_default();
    let name: String = name.chars().filter(|c| !c.is_control()).take(MAX).collect();
    if name.is_empty() { "unknown".to_owned() } else { name }
}

/// Adds a `Warning` header (RFC 7234: code 299, no agent).
pub(crate) fn add_warning(response: &mut Response<Body>, text: &str) {
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let quoted = clean.replace('\\', "\\\\").replace('"', "\\\"");
    if let Ok(value) = HeaderValue::from_str(&format!("299 - \"{quoted}\"")) {
        response.headers_mut().append(header::WARNING, value);
    }
}

pub(crate) fn add_warnings(response: &mut Response<Body>, warnings: &[String]) {
    for text in warnings {
        add_warning(response, text);
    }
}
