//! Lists: selectors, pages, consistency, and their deletion as a whole.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::{BufMut, Bytes, BytesMut};
use http::{Response, StatusCode};
use serde_json::{Value, json};

use super::{Call, parse_version, partial};
use crate::body::{self, Body};
use crate::failure::{Cause, Failure};
use crate::negotiate::{self, View};
use crate::object;
use crate::select::Selector;
use crate::store::{Key, Stored};

/// One page of a list.
struct Page {
    revision: u64,
    objects: Vec<Stored>,
    next: Option<String>,
    remaining: Option<usize>,
}

impl Call<'_> {
    pub(super) fn selector(&self) -> Result<Selector, Failure> {
        let (labels, fields) = (self.query.get("labelSelector"), self.query.get("fieldSelector"));
        Selector::parse(labels, fields, &self.resource.selectable)
    }

    pub(super) fn list(&self) -> Result<Response<Body>, Failure> {
        let view = negotiate::view(&self.parts.headers)?;
        let page = self.page()?;
        let metadata = page.metadata();
        Ok(self.warned(match view {
            View::Whole => {
                body::json_bytes(StatusCode::OK, self.whole_list(&page.objects, &metadata))
            }
            View::Partial => {
                let items: Vec<Value> =
                    page.objects.iter().map(|o| partial(&o.value, false)).collect();
                let list = json!({
                    "kind": "PartialObjectMetadataList",
                    "apiVersion": "meta.k8s.io/v1",
                    "metadata": metadata,
                    "items": items,
                });
                body::json(StatusCode::OK, &list)
            }
            View::Table => {
                let printer = crate::table::Printer::new(&self.resource, self.core, &self.query);
                body::json(StatusCode::OK, &printer.of_list(&page.objects, metadata))
            }
        }))
    }

    fn whole_list(&self, objects: &[Stored], metadata: &Value) -> Bytes {
        let head = format!(
            "{{\"kind\":{},\"apiVersion\":{},\"metadata\":{metadata},\"items\":[",
            json!(self.resource.list_kind),
            json!(self.resource.api_version()),
        );
        let mut out = BytesMut::with_capacity(head.len() + objects.len() * 1024);
        out.put_slice(head.as_bytes());
        let storage = self.resource.is_storage_version();
        for (at, stored) in objects.iter().enumerate() {
            if at > 0 {
                out.put_u8(b',');
            }
            // Items of built-in lists carry no kind, items of custom ones do: as Go encodes them.
            if self.resource.custom.is_some() && storage {
                out.put_slice(&stored.json());
            } else {
                let mut item = crate::convert::from_storage(&self.resource, &stored.value);
                if self.resource.custom.is_none() {
                    object::set_field(&mut item, "kind", None);
                    object::set_field(&mut item, "apiVersion", None);
                }
                out.put_slice(&body::to_bytes(&item));
            }
        }
        out.put_slice(b"]}");
        out.freeze()
    }

    fn page(&self) -> Result<Page, Failure> {
        const FIELD: &str = "resourceVersionMatch";
        if let Some(text) = self.query.get("limit").filter(|l| l.parse::<i64>().is_err()) {
            let words = format!("strconv.ParseInt: parsing \"{text}\": invalid syntax");
            return Err(Failure::bad_request(words));
        }
        let selector = self.selector()?;
        let limit =
            self.query.number("limit").filter(|l| *l > 0).and_then(|l| usize::try_from(l).ok());
        if let Some(token) = self.query.get("continue") {
            return self.next_page(token, &selector, limit);
        }
        let current = self.core.store.revision();
        let matching = self.query.get("resourceVersionMatch");
        let asked = self.query.get("resourceVersion").map(parse_version).transpose()?;
        match (matching, asked) {
            (Some(_), None) => Err(Failure::options(
                "ListOptions",
                Cause::forbidden(
                    FIELD,
                    "resourceVersionMatch is forbidden unless resourceVersion is provided",
                ),
            )),
            (Some("Exact"), Some(0)) => Err(Failure::options(
                "ListOptions",
                Cause::forbidden(
                    FIELD,
                    "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"",
                ),
            )),
            (Some("Exact"), Some(asked)) if asked != current => {
                if asked > current {
                    return Err(Failure::too_large_version(asked, current));
                }
                self.page_at(asked, None, &selector, limit)
                    .ok_or_else(|| Failure::expired(asked, current))
            }
            (Some("Exact" | "NotOlderThan") | None, asked) => match asked {
                Some(asked) if asked > current => Err(Failure::too_large_version(asked, current)),
                _ => Ok(self.first_page(&selector, limit)),
            },
            (Some(other), Some(_)) => Err(Failure::options(
                "ListOptions",
                Cause::not_supported(FIELD, &other.into(), &["Exact", "NotOlderThan", ""]),
            )),
        }
    }

    fn first_page(&self, selector: &Selector, limit: Option<usize>) -> Page {
        let namespace = self.path.namespace.filter(|_| self.resource.namespaced);
        let (revision, objects) = self.core.store.list(self.resource.shelf, namespace);
        paginate(revision, objects, selector, limit)
    }

    fn page_at(
        &self,
        revision: u64,
        after: Option<&Key>,
        selector: &Selector,
        limit: Option<usize>,
    ) -> Option<Page> {
        let namespace = self.path.namespace.filter(|_| self.resource.namespaced);
        let page = self.core.store.list_at(self.resource.shelf, namespace, revision, after)?;
        let objects = page.objects.into_iter().map(|(_, stored)| stored).collect();
        Some(paginate(page.revision, objects, selector, limit))
    }

    fn next_page(
        &self,
        token: &str,
        selector: &Selector,
        limit: Option<usize>,
    ) -> Result<Page, Failure> {
        let bad =
            || Failure::bad_request("continue key is not valid: illegal base64 data or format");
        let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| bad())?;
        let token: Value = serde_json::from_slice(&bytes).map_err(|_| bad())?;
        let revision = token.get("rv").and_then(Value::as_u64).ok_or_else(bad)?;
        let start = token.get("start").and_then(Value::as_str).ok_or_else(bad)?;
        let (namespace, name) = start.split_once('/').ok_or_else(bad)?;
        let after = Key::new(namespace, name);
        self.page_at(revision, Some(&after), selector, limit).ok_or_else(Failure::continue_expired)
    }

    pub(super) fn delete_collection(&self) -> Result<Response<Body>, Failure> {
        let (options, write) = self.delete_options()?;
        let page = self.page()?;
        let mut write = self.writer("", write);
        let mut deleted = Vec::new();
        for stored in &page.objects {
            let key = Key::new(object::namespace(&stored.value), object::name(&stored.value));
            match write.delete(&key, &options) {
                Ok(crate::write::Deleted::Gone(last) | crate::write::Deleted::Marked(last)) => {
                    deleted.push(last);
                }
                Err(failure) if failure.reason == "NotFound" => {}
                Err(failure) => return Err(failure),
            }
        }
        let metadata = json!({ "resourceVersion": page.revision.to_string() });
        Ok(body::json_bytes(StatusCode::OK, self.whole_list(&deleted, &metadata)))
    }
}

fn paginate(
    revision: u64,
    objects: Vec<Stored>,
    selector: &Selector,
    limit: Option<usize>,
) -> Page {
    let mut matching: Vec<Stored> = if selector.is_everything() {
        objects
    } else {
        objects.into_iter().filter(|o| selector.matches(&o.value)).collect()
    };
    let more = limit.map_or(0, |limit| matching.len().saturating_sub(limit));
    if let Some(limit) = limit {
        matching.truncate(limit);
    }
    let next = if more > 0 {
        matching.last().map(|last| continue_token(revision, &last.value))
    } else {
        None
    };
    // With a selector the real server does not count what remains.
    let remaining = (more > 0 && selector.is_everything()).then_some(more);
    Page { revision, objects: matching, next, remaining }
}

fn continue_token(revision: u64, last: &Value) -> String {
    let start = format!("{}/{}", object::namespace(last), object::name(last));
    let token = json!({ "v": "meta.k8s.io/v1", "rv": revision, "start": start });
    URL_SAFE_NO_PAD.encode(token.to_string())
}

impl Page {
    fn metadata(&self) -> Value {
        let mut metadata = json!({ "resourceVersion": self.revision.to_string() });
        if let Some(next) = &self.next {
            object::set_field(&mut metadata, "continue", Some(next.clone().into()));
        }
        if let Some(remaining) = self.remaining {
            object::set_field(&mut metadata, "remainingItemCount", Some(remaining.into()));
        }
        metadata
    }
}
