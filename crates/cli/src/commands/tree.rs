//! `weir tree`: what an object applied, and what those objects applied in turn.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use clap::{Subcommand, ValueEnum};
use kube::Client;
use kube::api::DynamicObject;
use manifest::ObjectId;
use serde_json::{Value, json};

use crate::connect::Flags;
use crate::kinds::{self, Kind};
use crate::objects;
use crate::output::{self, Exit};

/// Arguments of `weir tree`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  weir tree kustomization flux-system")]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// The inventory of a Kustomization.
    #[command(alias = "ks")]
    Kustomization {
        /// The object's name.
        name: String,
        /// Only objects that apply others in turn.
        #[arg(long)]
        compact: bool,
        /// How to print the tree.
        #[arg(long, short, value_enum, default_value_t = Format::Tree)]
        output: Format,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    Tree,
    Json,
    Yaml,
}

/// An object and what it applied.
struct Node {
    id: ObjectId,
    children: Vec<Self>,
}

/// Prints the tree.
pub(crate) async fn run(flags: &Flags, args: &Args) -> Result<Exit> {
    let What::Kustomization { name, compact, output: format } = &args.what;
    let client = flags.client().await?;
    let root = objects::get(&client, &kinds::KUSTOMIZATION, flags.namespace(), name).await?;
    let id = ObjectId {
        group: kinds::KUSTOMIZATION.group.to_owned(),
        kind: kinds::KUSTOMIZATION.kind.to_owned(),
        namespace: flags.namespace().to_owned(),
        name: name.clone(),
    };
    let tree = grow(&client, id, &root, &mut BTreeSet::new(), *compact).await?;
    let text = match format {
        Format::Tree => drawn(&tree),
        Format::Json => format!("{:#}\n", as_json(&tree)),
        Format::Yaml => yaml::from_json(&as_json(&tree)),
    };
    output::print(&text);
    Ok(Exit::Done)
}

/// Follows inventories downwards; an object that is its own ancestor is shown once and not followed again.
async fn grow(
    client: &Client,
    id: ObjectId,
    object: &DynamicObject,
    seen: &mut BTreeSet<ObjectId>,
    compact: bool,
) -> Result<Node> {
    let mut children = Vec::new();
    seen.insert(id.clone());
    for child in inventory(object)? {
        let kind = Kind::find(&child.group, &child.kind)
            .filter(|kind| kind.kind == kinds::KUSTOMIZATION.kind);
        match kind {
            Some(kind) if !seen.contains(&child) => {
                match objects::api(client, kind, Some(&child.namespace))
                    .get_opt(&child.name)
                    .await?
                {
                    Some(found) => {
                        children.push(Box::pin(grow(client, child, &found, seen, compact)).await?);
                    }
                    None => children.push(Node { id: child, children: Vec::new() }),
                }
            }
            Some(_) => {}
            None if compact => {}
            None => children.push(Node { id: child, children: Vec::new() }),
        }
    }
    Ok(Node { id, children })
}

fn inventory(object: &DynamicObject) -> Result<Vec<ObjectId>> {
    let entries = object.data.pointer("/status/inventory/entries").and_then(Value::as_array);
    let mut ids = Vec::new();
    for entry in entries.into_iter().flatten() {
        let text = entry.get("id").and_then(Value::as_str).unwrap_or_default();
        let id = ObjectId::from_inventory(text)
            .with_context(|| format!("status.inventory has an entry {text:?}"))?;
        ids.push(id);
    }
    Ok(ids)
}

fn drawn(root: &Node) -> String {
    let mut text = format!("{}\n", root.id);
    draw(&root.children, "", &mut text);
    text
}

fn draw(nodes: &[Node], indent: &str, text: &mut String) {
    for (number, node) in nodes.iter().enumerate() {
        let last = number + 1 == nodes.len();
        let (branch, below) = if last { ("└── ", "    ") } else { ("├── ", "│   ") };
        text.extend([indent, branch, &node.id.to_string(), "\n"]);
        draw(&node.children, &format!("{indent}{below}"), text);
    }
}

fn as_json(node: &Node) -> Value {
    let resource = json!({
        "Namespace": node.id.namespace,
        "Name": node.id.name,
        "GroupKind": { "Group": node.id.group, "Kind": node.id.kind },
    });
    let children: Vec<Value> = node.children.iter().map(as_json).collect();
    if children.is_empty() {
        json!({ "resource": resource })
    } else {
        json!({ "resource": resource, "resources": children })
    }
}
