//! `$patch` in strategic merge patches.

use crate::error::{Error, Result};
use crate::tree::{Kind, NodeId, Tree};

/// What a patch wants done with the place it is merged into.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Directive {
    Merge,
    Replace,
    Delete,
}

const KEY: &str = "$patch";

/// Reads the directive of a patch's map or list, and removes it from there.
pub(super) fn take(tree: &mut Tree, patch: NodeId) -> Result<Directive> {
    match tree.kind(patch) {
        Kind::Mapping => take_from_map(tree, patch),
        Kind::Sequence => take_from_list(tree, patch),
        Kind::Scalar | Kind::None => {
            let shown = crate::tree::read::to_text(tree, patch).unwrap_or_default();
            Err(Error::new(format!(
                "no implemented strategic merge patch strategy for '{}' ('{shown}')",
                short_tag(tree, patch)
            )))
        }
    }
}

fn short_tag(tree: &Tree, id: NodeId) -> &'static str {
    if tree.is_null(id) { "!!null" } else { "!!str" }
}

fn take_from_map(tree: &mut Tree, patch: NodeId) -> Result<Directive> {
    let Some(value) = tree.get_field(patch, KEY)? else {
        return Ok(Directive::Merge);
    };
    let directive = parse(tree.value(value))?;
    tree.clear_field(patch, KEY)?;
    Ok(directive)
}

/// In a list the directive is an element of its own: `- $patch: replace`.
fn take_from_list(tree: &mut Tree, patch: NodeId) -> Result<Directive> {
    let found = tree.items(patch).iter().find_map(|item| Some((*item, tree.field(*item, KEY)?)));
    let Some((_, value)) = found.filter(|(item, _)| tree.items(*item).len() <= 2) else {
        return Ok(Directive::Merge);
    };
    let text = tree.value(value).to_owned();
    let directive = parse(&text)?;
    tree.set_element(patch, None, &[KEY.to_owned()], &[text])?;
    Ok(directive)
}

fn parse(text: &str) -> Result<Directive> {
    match text {
        "merge" => Ok(Directive::Merge),
        "replace" => Ok(Directive::Replace),
        "delete" => Ok(Directive::Delete),
        other => Err(Error::new(format!("unknown patch strategy '{other}'"))),
    }
}
