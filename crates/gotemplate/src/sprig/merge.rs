//! Deep merging with the rules of mergo: the destination is changed in place, and without
//! overwriting, zero values count as unset.

use crate::function::{Args, Scope};
use crate::value::{Map, Value};
use crate::{Error, Result};

/// Deeper maps are taken for a cycle.
const MAX_DEPTH: usize = 500;

/// Merges the maps from the second on into the first.
pub(super) fn merge(scope: &mut Scope<'_>, args: Args<'_>, overwrite: bool) -> Result<Value> {
    let destination = args.map(0).cloned().unwrap_or_default();
    for source in args.rest(1).iter().filter_map(Value::as_map) {
        merge_into(scope, &destination, source, (overwrite, 0))?;
    }
    Ok(Value::Map(destination))
}

fn merge_into(
    scope: &Scope<'_>,
    destination: &Map,
    source: &Map,
    (overwrite, depth): (bool, usize),
) -> Result<()> {
    if depth > MAX_DEPTH {
        return Err(Error::new("merge: maps are nested too deeply"));
    }
    if destination.same(source) {
        return Ok(());
    }
    for (key, new) in source.entries() {
        scope.step(1)?;
        let old = destination.get(key.as_bytes());
        if new.is_nil() {
            if overwrite {
                destination.set(key, Value::Nil);
            }
            continue;
        }
        if let (Some(Value::Map(old)), Value::Map(new)) = (&old, &new) {
            merge_into(scope, old, new, (overwrite, depth + 1))?;
            if !old.is_empty() {
                continue;
            }
        }
        let unset = old.as_ref().is_none_or(|old| !old.truth());
        if overwrite || unset {
            destination.set(key, new);
        }
    }
    Ok(())
}
