//! Watches: a cursor into the window of a shelf, so that a slow reader costs no memory; who falls out of
//! the window is told 410 and ends.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use futures::Stream;
use http::Response;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::Instant;

use super::{Call, parse_version, partial};
use crate::body::{self, Body};
use crate::core::Core;
use crate::failure::{Cause, Failure};
use crate::negotiate::{self, View};
use crate::object;
use crate::registry::Resource;
use crate::select::Selector;
use crate::store::{Action, Change, Stored};

/// Changes taken from the window at once.
const BATCH: usize = 256;
/// How often an idle watch that asked for bookmarks gets one.
const BOOKMARK_EVERY: Duration = Duration::from_mins(1);
/// The longest a watch lasts when the caller did not say; real servers pick between 30 and 60 minutes.
const DEFAULT_TIMEOUT: Duration = Duration::from_mins(45);
/// Marks the end of the initial list of `sendInitialEvents`.
const INITIAL_END: &str = "k8s.io/initial-events-end";

/// One running watch.
struct Watch {
    core: Arc<Core>,
    resource: Arc<Resource>,
    view: View,
    query: crate::path::Query,
    selector: Selector,
    namespace: Option<String>,
    name: Option<String>,
    cursor: u64,
    bookmarks: bool,
    /// Lines to send before the window is asked again.
    ready: VecDeque<Bytes>,
    tip: watch::Receiver<u64>,
    epoch: watch::Receiver<u64>,
    deadline: Instant,
    next_bookmark: Instant,
    /// The columns of a Table go out with its first row only.
    columns_sent: bool,
    ended: bool,
}

impl Call<'_> {
    pub(super) fn watch(&self, name: Option<&str>) -> Result<Response<Body>, Failure> {
        let view = negotiate::view(&self.parts.headers)?;
        let selector = self.selector()?;
        let tip = self.core.store.tip(self.resource.shelf).ok_or_else(Failure::no_such_path)?;
        let seconds = self.query.number("timeoutSeconds").filter(|s| *s > 0);
        let now = Instant::now();
        let name = name.map(str::to_owned).or_else(|| selector.wanted_name().map(str::to_owned));
        let mut watch = Watch {
            core: self.core.clone(),
            resource: self.resource.clone(),
            view,
            query: self.query.clone(),
            selector,
            namespace: self.path.namespace.filter(|_| self.resource.namespaced).map(str::to_owned),
            name,
            cursor: 0,
            bookmarks: self.query.flag("allowWatchBookmarks"),
            ready: VecDeque::new(),
            tip,
            epoch: self.core.epoch.subscribe(),
            deadline: now + seconds.map_or(DEFAULT_TIMEOUT, Duration::from_secs),
            next_bookmark: now + BOOKMARK_EVERY,
            columns_sent: false,
            ended: false,
        };
        watch.start(self.initial_events()?, self.query.get("resourceVersion"))?;
        let mut response = Response::new(Body::stream(watch.into_stream()));
        let json = http::HeaderValue::from_static("application/json");
        response.headers_mut().insert(http::header::CONTENT_TYPE, json);
        Ok(response)
    }

    /// What `sendInitialEvents` says, checked as the real server checks it.
    fn initial_events(&self) -> Result<Option<bool>, Failure> {
        let matching = self.query.get("resourceVersionMatch");
        let initial =
            self.query.get("sendInitialEvents").map(|_| self.query.flag("sendInitialEvents"));
        let refuse = |words: &str| {
            Failure::options("ListOptions", Cause::forbidden("resourceVersionMatch", words))
        };
        match (initial, matching) {
            (Some(_), Some("NotOlderThan")) | (None, None) => Ok(initial),
            (Some(_), _) => Err(refuse(
                "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
            )),
            (None, Some(_)) => Err(refuse(
                "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
            )),
        }
    }
}

impl Watch {
    /// Decides where the watch begins and queues the initial objects.
    fn start(&mut self, initial: Option<bool>, version: Option<&str>) -> Result<(), Failure> {
        let store = &self.core.clone().store;
        let asked = version.map(parse_version).transpose()?;
        let current = store.revision();
        if let Some(asked) = asked.filter(|asked| *asked > current) {
            return Err(Failure::too_large_version(asked, current));
        }
        let synthetic = initial.unwrap_or(matches!(asked, None | Some(0)));
        if !synthetic {
            self.cursor = asked.filter(|a| *a > 0).unwrap_or(current);
            // What is too old is said in the stream, not by the answer's code: that is where the real server says it,
            // and where clients look for it to list anew.
            if let Err(oldest) = store.changes(self.resource.shelf, self.cursor, 0) {
                self.end_expired(oldest);
            }
            return Ok(());
        }
        let (revision, objects) = store.list(self.resource.shelf, self.namespace.as_deref());
        self.cursor = revision;
        for stored in objects {
            if self.wants(&stored.value) {
                let line = self.line("ADDED", &stored);
                self.ready.push_back(line);
            }
        }
        if initial == Some(true) && self.bookmarks {
            let mark = self.bookmark(true);
            self.ready.push_back(mark);
        }
        Ok(())
    }

    fn into_stream(self) -> impl Stream<Item = Bytes> + Send {
        futures::stream::unfold(self, |mut watch| async move {
            watch.next().await.map(|bytes| (bytes, watch))
        })
    }

    /// The next piece of the body: one or more lines.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(lines) = self.take_ready() {
                return Some(lines);
            }
            if self.ended {
                return None;
            }
            self.tip.mark_unchanged();
            self.read_window();
            if !self.ready.is_empty() || self.ended {
                continue;
            }
            let wake =
                if self.bookmarks { self.deadline.min(self.next_bookmark) } else { self.deadline };
            tokio::select! {
                changed = self.tip.changed() => self.ended |= changed.is_err(),
                _ = self.epoch.changed() => self.ended = true,
                () = tokio::time::sleep_until(wake) => self.on_time(),
            }
        }
    }

    fn on_time(&mut self) {
        let now = Instant::now();
        if now >= self.deadline {
            self.ended = true;
        } else if self.bookmarks {
            self.next_bookmark = now + BOOKMARK_EVERY;
            let mark = self.bookmark(false);
            self.ready.push_back(mark);
        }
    }

    fn take_ready(&mut self) -> Option<Bytes> {
        if self.ready.len() <= 1 {
            return self.ready.pop_front();
        }
        let mut out = BytesMut::new();
        for line in self.ready.drain(..) {
            out.put(line);
        }
        Some(out.freeze())
    }

    fn read_window(&mut self) {
        match self.core.store.changes(self.resource.shelf, self.cursor, BATCH) {
            Ok((changes, reached)) => {
                for change in changes {
                    if let Some(line) = self.event(&change) {
                        self.ready.push_back(line);
                    }
                }
                self.cursor = reached;
            }
            Err(oldest) => {
                self.end_expired(oldest);
            }
        }
    }

    /// Tells the client that changes it asked for are forgotten, and ends.
    fn end_expired(&mut self, oldest: u64) {
        let status = Failure::expired(self.cursor, oldest).to_status();
        self.ready.push_back(event_line("ERROR", &body::to_bytes(&status)));
        self.ended = true;
    }

    fn wants(&self, object: &Value) -> bool {
        self.namespace.as_deref().is_none_or(|n| object::namespace(object) == n)
            && self.name.as_deref().is_none_or(|n| object::name(object) == n)
            && self.selector.matches(object)
    }

    /// A change as this watcher's selectors see it: coming into view is ADDED, leaving it is DELETED.
    fn event(&mut self, change: &Change) -> Option<Bytes> {
        let before = change.old.as_ref().is_some_and(|o| self.wants(&o.value));
        let after = change.action != Action::Deleted && self.wants(&change.new.value);
        let gone = change.action == Action::Deleted;
        match (before, after) {
            (false, true) => Some(self.line("ADDED", &change.new)),
            (true, true) => Some(self.line("MODIFIED", &change.new)),
            (true, false) if gone => Some(self.line("DELETED", &change.new)),
            (true, false) => {
                // The last state that was in view, at the revision in which it left.
                let mut last = change.old.as_ref()?.value.clone();
                object::set_resource_version(&mut last, change.revision);
                let last = crate::store::Entry::new(change.revision, last);
                Some(self.line("DELETED", &last))
            }
            (false, false) => None,
        }
    }

    fn line(&mut self, event: &str, stored: &Stored) -> Bytes {
        match self.view {
            View::Whole if self.resource.is_storage_version() => event_line(event, &stored.json()),
            View::Whole => {
                let object = crate::convert::from_storage(&self.resource, &stored.value);
                event_line(event, &body::to_bytes(&object))
            }
            View::Partial => event_line(event, &body::to_bytes(&partial(&stored.value, true))),
            View::Table => {
                let printer = crate::table::Printer::new(&self.resource, &self.core, &self.query);
                let mut table = printer.of_one(stored);
                if std::mem::replace(&mut self.columns_sent, true) {
                    object::set_field(&mut table, "columnDefinitions", Some(Value::Null));
                }
                event_line(event, &body::to_bytes(&table))
            }
        }
    }

    fn bookmark(&self, initial_end: bool) -> Bytes {
        let mut metadata =
            json!({ "resourceVersion": self.cursor.to_string(), "creationTimestamp": null });
        if initial_end {
            object::set_field(&mut metadata, "annotations", Some(json!({ INITIAL_END: "true" })));
        }
        let (kind, api_version) = match self.view {
            View::Whole => (self.resource.kind.clone(), self.resource.api_version()),
            View::Partial => ("PartialObjectMetadata".to_owned(), "meta.k8s.io/v1".to_owned()),
            View::Table => return self.table_bookmark(&metadata),
        };
        let object = json!({ "kind": kind, "apiVersion": api_version, "metadata": metadata });
        event_line("BOOKMARK", &body::to_bytes(&object))
    }

    fn table_bookmark(&self, metadata: &Value) -> Bytes {
        let row = json!({ "cells": [], "object": { "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1",
            "metadata": metadata } });
        let table = json!({ "kind": "Table", "apiVersion": "meta.k8s.io/v1",
            "metadata": { "resourceVersion": self.cursor.to_string() }, "columnDefinitions": null, "rows": [row] });
        event_line("BOOKMARK", &body::to_bytes(&table))
    }
}

fn event_line(event: &str, object: &[u8]) -> Bytes {
    let mut line = BytesMut::with_capacity(object.len() + 32);
    line.put_slice(b"{\"type\":\"");
    line.put_slice(event.as_bytes());
    line.put_slice(b"\",\"object\":");
    line.put_slice(object);
    line.put_slice(b"}\n");
    line.freeze()
}
