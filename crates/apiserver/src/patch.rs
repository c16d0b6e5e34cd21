//! The four kinds of patch.

use serde_json::Value;

use crate::failure::Failure;
use crate::negotiate::{self, PatchType};
use crate::object;
use crate::rest::Call;
use crate::typed::Writer;
use crate::write::WriteOptions;

/// A patch that is read once and applied to whatever version is live.
pub(crate) struct Change<'c> {
    call: &'c Call<'c>,
    patch_type: PatchType,
    patch: Value,
    manager: String,
    subresource: &'c str,
    force: bool,
}

/// Operations in one JSON patch, as in the real server.
const MAX_OPERATIONS: usize = 10_000;

/// Reads the body of a PATCH.
pub(crate) fn decode(call: &Call<'_>, patch_type: PatchType) -> Result<Value, Failure> {
    match patch_type {
        PatchType::Apply => negotiate::decode_yaml(call.body),
        _ => serde_json::from_slice(call.body)
            .map_err(|_| Failure::bad_request("invalid JSON patch")),
    }
}

/// Applies a JSON or merge patch to a value without a schema (a Scale).
pub(crate) fn untyped(
    patch_type: PatchType,
    live: &Value,
    patch: &Value,
) -> Result<Value, Failure> {
    match patch_type {
        PatchType::Json => json_patch_to(live, patch),
        PatchType::Merge | PatchType::Strategic | PatchType::Apply => {
            let mut merged = live.clone();
            json_patch::merge(&mut merged, patch);
            Ok(merged)
        }
    }
}

impl<'c> Change<'c> {
    pub(crate) fn new(
        call: &'c Call<'c>,
        patch_type: PatchType,
        name: &str,
        subresource: &'c str,
        options: &WriteOptions,
    ) -> Result<Self, Failure> {
        let mut patch = decode(call, patch_type)?;
        if patch_type == PatchType::Strategic && call.resource.custom.is_some() {
            return Err(Failure::unsupported_media_type(&[
                "application/json-patch+json",
                "application/merge-patch+json",
                "application/apply-patch+yaml",
            ]));
        }
        if patch_type == PatchType::Apply {
            check_applied(call, name, &mut patch)?;
        }
        let manager = options.manager.clone();
        Ok(Self { call, patch_type, patch, manager, subresource, force: options.force })
    }

    /// The object that the live one becomes.
    pub(crate) fn to(&self, live: Option<&Value>) -> Result<Value, Failure> {
        let types = &self.call.resource.types;
        if self.patch_type == PatchType::Apply {
            let writer = Writer {
                manager: &self.manager,
                subresource: self.subresource,
                now: self.call.core.options.clock.now(),
            };
            return types.apply(live, &self.patch, &writer, self.force);
        }
        let live = live.unwrap_or(&Value::Null);
        match self.patch_type {
            PatchType::Strategic => types.strategic(live, &self.patch),
            other => untyped(other, live, &self.patch),
        }
    }
}

/// Applied configurations name their type and may not carry managedFields.
fn check_applied(call: &Call<'_>, name: &str, patch: &mut Value) -> Result<(), Failure> {
    if object::metadata(patch).is_some_and(|m| m.contains_key("managedFields")) {
        return Err(Failure::bad_request("metadata.managedFields must be nil"));
    }
    let (version, kind) = (object::api_version(patch), object::kind(patch));
    if version != call.resource.api_version() || kind != call.resource.kind {
        let group = if version.contains('/') { "" } else { "/" };
        let given = format!("invalid object type: {group}{version}, Kind={kind}");
        return Err(Failure::bad_request(given));
    }
    match object::name(patch) {
        "" => object::set_meta(patch, "name", name),
        given if given != name => {
            return Err(Failure::bad_request(format!(
                "the name of the object ({given}) does not match the name on the URL ({name})"
            )));
        }
        _ => {}
    }
    Ok(())
}

fn json_patch_to(live: &Value, patch: &Value) -> Result<Value, Failure> {
    let operations: json_patch::Patch = serde_json::from_value(patch.clone())
        .map_err(|why| Failure::bad_request(format!("error decoding patch: {why}")))?;
    if operations.0.len() > MAX_OPERATIONS {
        return Err(Failure::too_large(MAX_OPERATIONS));
    }
    let mut patched = live.clone();
    json_patch::patch(&mut patched, &operations).map_err(|_| Failure::unprocessable_patch())?;
    Ok(patched)
}
