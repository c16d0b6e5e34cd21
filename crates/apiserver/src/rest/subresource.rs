//! status, scale, and the subresources of single kinds.

use http::{Response, StatusCode};
use serde_json::{Value, json};

use super::Call;
use crate::body::{self, Body};
use crate::failure::Failure;
use crate::negotiate::{self, View};
use crate::object;
use crate::write::{Deleted, UpdateMode};

impl Call<'_> {
    pub(super) fn subresource(
        &self,
        name: &str,
        subresource: &str,
    ) -> Result<Response<Body>, Failure> {
        if !self.resource.has_subresource(subresource) {
            return Err(Failure::no_such_path());
        }
        match (subresource, self.parts.method.as_str()) {
            ("scale", _) => self.scale(name),
            ("log", "GET") => self.log(name),
            ("token", "POST") => self.token(name),
            ("binding", "POST") => self.bind(name),
            ("eviction", "POST") => self.evict(name),
            ("finalize", "PUT") => self.replace(name, "finalize"),
            ("status" | "approval" | "resize" | "ephemeralcontainers", "GET" | "HEAD") => {
                let view = negotiate::view(&self.parts.headers)?;
                Ok(self.one(StatusCode::OK, view, &self.stored(name)?))
            }
            ("status" | "approval" | "resize" | "ephemeralcontainers", "PUT") => {
                self.replace(name, subresource)
            }
            ("status" | "approval" | "resize" | "ephemeralcontainers", "PATCH") => {
                self.patch(name, subresource)
            }
            _ => Err(Failure::method_not_allowed()),
        }
    }

    fn scale(&self, name: &str) -> Result<Response<Body>, Failure> {
        match self.parts.method.as_str() {
            "GET" | "HEAD" => {
                let stored = self.stored(name)?;
                Ok(body::json(StatusCode::OK, &crate::scale::of(&self.resource, &stored.value)?))
            }
            "PUT" => {
                let wanted = negotiate::decode_object(&self.parts.headers, self.body)?;
                self.change_scale(name, None, &mut |_| Ok(wanted.clone()))
            }
            "PATCH" => {
                let patch_type = negotiate::patch_type(&self.parts.headers)?;
                let patch = crate::patch::decode(self, patch_type)?;
                self.change_scale(name, Some(patch_type), &mut |live| {
                    crate::patch::untyped(patch_type, live, &patch)
                })
            }
            _ => Err(Failure::method_not_allowed()),
        }
    }

    fn change_scale(
        &self,
        name: &str,
        patch_type: Option<negotiate::PatchType>,
        change: &mut dyn FnMut(&Value) -> Result<Value, Failure>,
    ) -> Result<Response<Body>, Failure> {
        let mut write = self.writer("scale", self.write_options(patch_type)?);
        let written = write.update(&self.key(name), UpdateMode::default(), &mut |live| {
            let live = live.cloned().unwrap_or_default();
            let scale = change(&crate::scale::of(&self.resource, &live)?)?;
            crate::scale::set(&self.resource, live, &scale)
        })?;
        Ok(body::json(StatusCode::OK, &crate::scale::of(&self.resource, &written.stored.value)?))
    }

    /// No container runs, so a Pod's log is what its annotation says, or nothing.
    fn log(&self, name: &str) -> Result<Response<Body>, Failure> {
        let pod = self.stored(name)?;
        let text =
            object::annotation(&pod.value, crate::workloads::LOG_ANNOTATION).unwrap_or_default();
        Ok(body::answer(StatusCode::OK, "text/plain", text.to_owned().into_bytes().into()))
    }

    fn token(&self, name: &str) -> Result<Response<Body>, Failure> {
        let account = self.stored(name)?;
        let request = negotiate::decode_object(&self.parts.headers, self.body)?;
        let issued = crate::access::issue_token(self.core, &account.value, request)?;
        Ok(body::json(StatusCode::CREATED, &issued))
    }

    fn bind(&self, name: &str) -> Result<Response<Body>, Failure> {
        let binding = negotiate::decode_object(&self.parts.headers, self.body)?;
        let node =
            binding.pointer("/target/name").and_then(Value::as_str).unwrap_or_default().to_owned();
        if node.is_empty() {
            return Err(Failure::bad_request("target.name: Required value"));
        }
        let mut write = self.writer("binding", self.write_options(None)?);
        write.update(&self.key(name), UpdateMode::default(), &mut |live| {
            let mut pod = live.cloned().unwrap_or_default();
            if pod.pointer("/spec/nodeName").and_then(Value::as_str).is_some_and(|n| !n.is_empty())
            {
                let why = format!("pod {name} is already assigned to node");
                return Err(Failure::conflict(self.resource.about(name), &why));
            }
            if let Some(spec) = pod.get_mut("spec") {
                object::set_field(spec, "nodeName", Some(node.clone().into()));
            }
            Ok(pod)
        })?;
        Ok(body::json(
            StatusCode::CREATED,
            &json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201 }),
        ))
    }

    fn evict(&self, name: &str) -> Result<Response<Body>, Failure> {
        let eviction = if self.body.is_empty() {
            Value::Null
        } else {
            negotiate::decode_object(&self.parts.headers, self.body)?
        };
        let pod = self.stored(name)?;
        crate::workloads::check_disruption(self.core, &pod.value)?;
        let given = eviction.get("deleteOptions").cloned().unwrap_or_default();
        let options = crate::write::DeleteOptions::parse(&given)?;
        let mut write = self.writer("", self.write_options(None)?);
        match write.delete(&self.key(name), &options)? {
            Deleted::Gone(_) | Deleted::Marked(_) => {}
        }
        Ok(body::json(
            StatusCode::CREATED,
            &json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201 }),
        ))
    }

    /// What `kubectl get cs` shows: three healthy parts.
    pub(super) fn component_statuses(&self) -> Result<Response<Body>, Failure> {
        let view = negotiate::view(&self.parts.headers)?;
        let parts: Vec<_> = ["controller-manager", "etcd-0", "scheduler"]
            .into_iter()
            .map(|name| {
                let status = json!({
                    "kind": "ComponentStatus",
                    "apiVersion": "v1",
                    "metadata": { "name": name },
                    "conditions": [{ "type": "Healthy", "status": "True", "message": "ok" }],
                });
                crate::store::Entry::new(0, status)
            })
            .collect();
        if let Some(name) = self.path.name {
            let found = parts.iter().find(|p| object::name(&p.value) == name);
            return Ok(self.one(
                StatusCode::OK,
                view,
                found.ok_or_else(|| Failure::not_found(self.resource.about(name)))?,
            ));
        }
        let metadata = json!({});
        Ok(match view {
            View::Table => {
                let printer = crate::table::Printer::new(&self.resource, self.core, &self.query);
                body::json(StatusCode::OK, &printer.of_list(&parts, metadata))
            }
            View::Whole | View::Partial => {
                let items: Vec<&Value> = parts.iter().map(|p| &p.value).collect();
                let list = json!({ "kind": "ComponentStatusList", "apiVersion": "v1", "metadata": metadata, "items": items });
                body::json(StatusCode::OK, &list)
            }
        })
    }
}
