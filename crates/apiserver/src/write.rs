//! Creating, changing and removing objects: the pipeline every writer goes through, HTTP or controller.

mod delete;

use serde_json::Value;

use crate::core::Core;
use crate::failure::Failure;
use crate::object;
use crate::registry::Resource;
use crate::store::{Entry, Key, Lost, Stored};
use crate::strategy;
use crate::typed::Writer;

pub(crate) use delete::{DeleteOptions, Deleted, FOREGROUND, ORPHAN, Propagation};

/// What to do about fields that the schema does not know, and duplicates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FieldValidation {
    Ignore,
    Warn,
    Strict,
}

/// How a write is done.
#[derive(Debug, Clone)]
pub(crate) struct WriteOptions {
    pub(crate) dry_run: bool,
    pub(crate) manager: String,
    pub(crate) validation: FieldValidation,
    /// `force` of server-side apply.
    pub(crate) force: bool,
}

impl WriteOptions {
    /// For the server's own writers.
    pub(crate) fn controller(name: &str) -> Self {
        Self {
            dry_run: false,
            manager: name.to_owned(),
            validation: FieldValidation::Ignore,
            force: false,
        }
    }
}

/// One write to one kind; collects warnings for the caller.
pub(crate) struct Write<'a> {
    pub(crate) core: &'a Core,
    pub(crate) resource: &'a Resource,
    /// `status`, `scale`, ..., or empty.
    pub(crate) subresource: &'a str,
    pub(crate) options: WriteOptions,
    pub(crate) warnings: Vec<String>,
}

/// What a write led to.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) stored: Stored,
    pub(crate) created: bool,
}

/// The change to make to a live object: `None` when there is none yet (apply only).
pub(crate) type Change<'c> = dyn FnMut(Option<&Value>) -> Result<Value, Failure> + 'c;

/// What an update asks of the live object before and beside its change.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct UpdateMode {
    /// Server-side apply: the change computes managedFields itself, and may create.
    pub(crate) apply: bool,
    /// The object must name the version it replaces (PUT of a custom resource).
    pub(crate) needs_version: bool,
}

/// Lost races tried again before giving up, as etcd3's store does for patches.
const MAX_RETRIES: usize = 5;

impl<'a> Write<'a> {
    /// A write by the server itself.
    pub(crate) fn controller(
        core: &'a Core,
        resource: &'a Resource,
        subresource: &'a str,
        name: &str,
    ) -> Self {
        Self {
            core,
            resource,
            subresource,
            options: WriteOptions::controller(name),
            warnings: Vec::new(),
        }
    }

    fn writer(&self) -> Writer<'_> {
        Writer {
            manager: &self.options.manager,
            subresource: self.subresource,
            now: self.core.options.clock.now(),
        }
    }

    /// Stores a new object.
    pub(crate) fn create(&mut self, namespace: &str, object: Value) -> Result<Stored, Failure> {
        self.create_tracked(namespace, object, false)
    }

    fn create_tracked(
        &mut self,
        namespace: &str,
        mut object: Value,
        tracked: bool,
    ) -> Result<Stored, Failure> {
        self.check_type(&mut object)?;
        self.place(namespace, &mut object)?;
        let mut object = self.decode(object)?;
        if tracked {
            // An apply that names a version asks that nobody else wrote; nobody did.
            object::remove_meta(&mut object, "resourceVersion");
        }
        if object::resource_version_text(&object).is_some() {
            return Err(Failure::bad_request(
                "resourceVersion should not be set on objects to be created",
            ));
        }
        self.name(&mut object);
        self.core.check_namespace(self.resource, namespace, object::name(&object))?;
        strategy::prepare_create(self.core, self.resource, &mut object);
        self.resource.types.default(&mut object);
        // What admission adds from here on is nobody's.
        if !tracked {
            object = self.resource.types.update(None, object, &self.writer());
        }
        strategy::admit_create(self.core, self.resource, &mut object)?;
        self.validate(&object, None)?;
        self.finish_create(namespace, object)
    }

    fn finish_create(&self, namespace: &str, mut object: Value) -> Result<Stored, Failure> {
        let name = object::name(&object).to_owned();
        let key = Key::new(namespace, name.clone());
        crate::convert::to_storage(self.resource, &mut object);
        let taken = || Failure::already_exists(self.resource.about(&name));
        if self.options.dry_run {
            if self.core.store.get(self.resource.shelf, &key).is_some() {
                return Err(taken());
            }
            return Ok(Entry::new(0, object));
        }
        let stored =
            self.core.store.create(self.resource.shelf, key, object).map_err(|_| taken())?;
        strategy::after_create(self.core, self.resource, &stored);
        Ok(stored)
    }

    /// Changes an object. `change` sees the live object in this resource's version and may be called again.
    pub(crate) fn update(
        &mut self,
        key: &Key,
        mode: UpdateMode,
        change: &mut Change<'_>,
    ) -> Result<Written, Failure> {
        for _ in 0..MAX_RETRIES {
            let Some(live) = self.core.store.get(self.resource.shelf, key) else {
                if !mode.apply {
                    return Err(Failure::not_found(self.resource.about(&key.name)));
                }
                if !self.subresource.is_empty() {
                    return Err(Failure::not_found(self.resource.about(&key.name)));
                }
                let object = change(None)?;
                match self.create_tracked(&key.namespace, object, true) {
                    Ok(stored) => return Ok(Written { stored, created: true }),
                    Err(failure) if failure.reason == "AlreadyExists" => continue,
                    Err(failure) => return Err(failure),
                }
            };
            let warnings = self.warnings.len();
            match self.update_once(key, &live, mode, change)? {
                Some(stored) => return Ok(Written { stored, created: false }),
                None => self.warnings.truncate(warnings),
            }
        }
        Err(Failure::modified(self.resource.about(&key.name)))
    }

    /// `None` when another writer was faster.
    fn update_once(
        &mut self,
        key: &Key,
        live: &Stored,
        mode: UpdateMode,
        change: &mut Change<'_>,
    ) -> Result<Option<Stored>, Failure> {
        let old = crate::convert::from_storage(self.resource, &live.value);
        let mut new = change(Some(&old))?;
        self.check_type(&mut new)?;
        self.check_identity(&old, &new)?;
        self.check_version(live.revision, &new, mode)?;
        self.place(&key.namespace, &mut new)?;
        // What is stored has been through all that follows; most applies of a reconciler end here.
        object::copy_meta(&mut new, &old, "resourceVersion");
        crate::fields::keep_times(&old, &mut new);
        if old == new {
            return Ok(Some(live.clone()));
        }
        let mut new = self.decode(new)?;
        strategy::prepare_update(self.resource, self.subresource, &old, &mut new);
        self.resource.types.default(&mut new);
        strategy::admit_update(self.core, self.resource, &old, &mut new);
        self.validate(&new, Some(&old))?;
        strategy::bump_generation(self.resource, &old, &mut new);
        if !mode.apply {
            new = self.resource.types.update(Some(&old), new, &self.writer());
        }
        object::copy_meta(&mut new, &old, "resourceVersion");
        crate::fields::keep_times(&old, &mut new);
        if old == new {
            return Ok(Some(live.clone()));
        }
        crate::convert::to_storage(self.resource, &mut new);
        if self.options.dry_run {
            return Ok(Some(Entry::new(live.revision, new)));
        }
        self.commit_update(key, live, new)
    }

    fn commit_update(
        &self,
        key: &Key,
        live: &Stored,
        new: Value,
    ) -> Result<Option<Stored>, Failure> {
        let store = &self.core.store;
        let done = if delete::is_finished(self.resource, &new) {
            store.remove(self.resource.shelf, key, live.revision, new)
        } else {
            store.replace(self.resource.shelf, key, live.revision, new)
        };
        match done {
            Ok(stored) => {
                strategy::after_update(self.core, self.resource, live, &stored);
                Ok(Some(stored))
            }
            Err(Lost::Missing) => Err(Failure::not_found(self.resource.about(&key.name))),
            Err(Lost::Changed | Lost::Exists) => Ok(None),
        }
    }

    /// Fills in or checks `apiVersion` and `kind`.
    fn check_type(&self, object: &mut Value) -> Result<(), Failure> {
        let expected = self.resource.api_version();
        if !object.is_object() {
            return Err(Failure::bad_request("the body of the request is not an object"));
        }
        match object::api_version(object) {
            "" => object::set_field(object, "apiVersion", Some(expected.into())),
            given if given != expected => {
                return Err(Failure::bad_request(format!(
                    "the API version in the data ({given}) does not match the expected API version ({expected})"
                )));
            }
            _ => {}
        }
        match object::kind(object) {
            "" => object::set_field(object, "kind", Some(self.resource.kind.clone().into())),
            given if given != self.resource.kind => {
                return Err(Failure::bad_request(format!(
                    "{given} in version \"{}\" cannot be handled as a {}",
                    self.resource.version, self.resource.kind
                )));
            }
            _ => {}
        }
        Ok(())
    }

    /// The object lies where the request says.
    fn place(&self, namespace: &str, object: &mut Value) -> Result<(), Failure> {
        let given = object::namespace(object);
        let wanted = if self.resource.namespaced { namespace } else { "" };
        if !given.is_empty() && given != wanted {
            return Err(Failure::bad_request(
                "the namespace of the provided object does not match the namespace sent on the request",
            ));
        }
        if wanted.is_empty() {
            object::remove_meta(object, "namespace");
        } else if given.is_empty() {
            object::set_meta(object, "namespace", wanted);
        }
        Ok(())
    }

    /// Makes a name of `generateName`.
    fn name(&self, object: &mut Value) {
        if !object::name(object).is_empty() {
            return;
        }
        let base =
            object.pointer("/metadata/generateName").and_then(Value::as_str).unwrap_or_default();
        if !base.is_empty() {
            let name = self.core.random.generate(base);
            object::set_meta(object, "name", name);
        }
    }

    /// Reads the object as its type: wrong types are refused, unknown fields dropped.
    fn decode(&mut self, mut object: Value) -> Result<Value, Failure> {
        let (kind, version) = (&self.resource.kind, &self.resource.version);
        // Field sets are no typed data, and large.
        let managed = object::metadata_mut(&mut object).and_then(|m| m.remove("managedFields"));
        let (mut object, unknown) = self.resource.types.decode(object).map_err(|why| {
            Failure::bad_request(format!(
                "{kind} in version \"{version}\" cannot be handled as a {kind}: {why}"
            ))
        })?;
        if let Some(managed) = managed {
            object::set_meta(&mut object, "managedFields", managed);
        }
        if unknown.is_empty() {
            return Ok(object);
        }
        match self.options.validation {
            FieldValidation::Ignore => {}
            FieldValidation::Warn => self.warnings.extend(unknown),
            FieldValidation::Strict => {
                return Err(Failure::strict(self.resource, &unknown));
            }
        }
        Ok(object)
    }

    fn validate(&self, new: &Value, old: Option<&Value>) -> Result<(), Failure> {
        let mut causes = strategy::validate(self.resource, self.subresource, new, old);
        let (fixed, last) = strategy::immutable(self.resource, self.subresource, new, old);
        let rules = self.resource.types.validate(new, old);
        if last {
            causes.extend(rules);
            causes.extend(fixed);
        } else {
            causes.extend(fixed);
            causes.extend(rules);
        }
        if causes.is_empty() {
            return Ok(());
        }
        Err(Failure::invalid(self.resource.about_kind(object::name(new)), &causes))
    }

    /// A different uid means another object was meant.
    fn check_identity(&self, old: &Value, new: &Value) -> Result<(), Failure> {
        let name = object::name(old);
        let given = object::name(new);
        if !given.is_empty() && given != name {
            return Err(Failure::bad_request(format!(
                "the name of the object ({given}) does not match the name on the URL ({name})"
            )));
        }
        match (object::uid(new), object::uid(old)) {
            (Some(wanted), Some(actual)) if wanted != actual => {
                let why = format!(
                    "Precondition failed: UID in precondition: {wanted}, UID in object meta: {actual}"
                );
                Err(Failure::conflict(self.resource.about(name), &why))
            }
            _ => Ok(()),
        }
    }

    fn check_version(&self, live: u64, new: &Value, mode: UpdateMode) -> Result<(), Failure> {
        let about = || self.resource.about(object::name(new));
        match object::resource_version_text(new) {
            None | Some("0") if mode.needs_version => {
                let cause = crate::failure::Cause {
                    reason: "FieldValueInvalid".to_owned(),
                    message: "Invalid value: 0: must be specified for an update".to_owned(),
                    field: "metadata.resourceVersion".to_owned(),
                };
                Err(Failure::invalid(about(), &[cause]))
            }
            None | Some("0") => Ok(()),
            Some(text) if text.parse() == Ok(live) => Ok(()),
            Some(text) if text.parse::<u64>().is_err() => {
                Err(Failure::bad_request(format!("invalid resource version \"{text}\"")))
            }
            Some(_) => Err(Failure::modified(about())),
        }
    }
}
