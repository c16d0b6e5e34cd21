//! The order of the result.

use crate::error::{Error, Result};
use crate::id::ResId;
use crate::kustomization::{LegacySortOptions, SortOptions};
use crate::resmap::ResMap;
use crate::tree::Tree;
use manifest::order::{LEGACY_FIRST, LEGACY_LAST};
use std::cmp::Ordering;

/// Sorts as `sortOptions` says.
pub(crate) fn by_options(tree: &Tree, map: &mut ResMap, options: &SortOptions) -> Result<()> {
    match options.order.as_str() {
        "legacy" => {
            by_kind(tree, map, options.legacy_sort_options.as_ref());
            Ok(())
        }
        "fifo" if options.legacy_sort_options.is_some() => Err(Error::new(
            "the field 'sortOptions.legacySortOptions' is set but the selected sort order is 'fifo', not 'legacy'",
        )),
        "fifo" => Ok(()),
        _ => Err(Error::new("the field 'sortOptions.order' must be one of [fifo, legacy]")),
    }
}

/// Sorts by kind, those given first in front and those given last at the end, then by group, version, kind and name.
pub(crate) fn by_kind(tree: &Tree, map: &mut ResMap, options: Option<&LegacySortOptions>) {
    let default = || LegacySortOptions {
        order_first: LEGACY_FIRST.iter().map(|kind| (*kind).to_owned()).collect(),
        order_last: LEGACY_LAST.iter().map(|kind| (*kind).to_owned()).collect(),
    };
    let options = options.cloned().unwrap_or_else(default);
    let mut keyed: Vec<_> = std::mem::take(&mut map.list)
        .into_iter()
        .map(|resource| (resource.id(tree), resource))
        .collect();
    keyed.sort_by(|(a, _), (b, _)| compare(a, b, &options));
    map.list = keyed.into_iter().map(|(_, resource)| resource).collect();
}

fn rank(kind: &str, options: &LegacySortOptions) -> isize {
    // A kind that is named twice counts where it is named last.
    let at = |list: &[String]| {
        list.iter().rposition(|known| known == kind).and_then(|at| isize::try_from(at).ok())
    };
    let before = isize::try_from(options.order_first.len()).unwrap_or_default();
    at(&options.order_last)
        .map(|at| at + 1)
        .or_else(|| at(&options.order_first).map(|at| at - before))
        .unwrap_or_default()
}

fn or<'t>(text: &'t str, default: &'t str) -> &'t str {
    if text.is_empty() { default } else { text }
}

fn compare(a: &ResId, b: &ResId, options: &LegacySortOptions) -> Ordering {
    if a.gvk.same(&b.gvk) {
        let text =
            |id: &ResId| format!("{}|{}|{}", id.gvk, or(&id.namespace, "~X"), or(&id.name, "~N"));
        return text(a).cmp(&text(b));
    }
    let order = rank(&a.gvk.kind, options).cmp(&rank(&b.gvk.kind, options));
    order.then_with(|| {
        let order = a.gvk.sort_key().cmp(b.gvk.sort_key());
        let core_namespace = a.gvk.kind == "Namespace"
            && b.gvk.kind == "Namespace"
            && (a.gvk.group.is_empty() || b.gvk.group.is_empty());
        if core_namespace { order.reverse() } else { order }
    })
}
