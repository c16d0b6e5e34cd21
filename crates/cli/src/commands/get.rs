//! `weir get`: objects and their state as a table.

use anyhow::{Context, Result, bail};
use clap::Subcommand;
use futures::TryStreamExt;
use kube::ResourceExt;
use kube::api::{DynamicObject, ListParams};
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, watcher};

use crate::connect::Flags;
use crate::kinds::{self, Kind};
use crate::objects;
use crate::output::{self, Exit, Table};

/// Arguments of `weir get`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  weir get kustomizations --all-namespaces")]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
    /// Objects of every namespace.
    #[arg(long, short = 'A', global = true)]
    all_namespaces: bool,
    /// Keep printing rows as objects change.
    #[arg(long, short, global = true)]
    watch: bool,
    /// Only objects with these labels, such as team=web,tier!=test.
    #[arg(long, short = 'l', global = true, value_name = "SELECTOR")]
    label_selector: Option<String>,
    /// Only objects whose condition has this status, such as ready=false.
    #[arg(long, global = true, value_name = "CONDITION=STATUS")]
    status_selector: Option<String>,
    /// Leave the headings out.
    #[arg(long, global = true)]
    no_header: bool,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Where artifacts come from.
    #[command(alias = "source", subcommand)]
    Sources(Sources),
    /// What is applied.
    #[command(alias = "kustomization", alias = "ks")]
    Kustomizations {
        /// Only the object of this name.
        name: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
enum Sources {
    /// Git repositories.
    Git {
        /// Only the object of this name.
        name: Option<String>,
    },
}

/// Prints the table, and with `--watch` a row for every later change.
pub(crate) async fn run(flags: &Flags, args: &Args) -> Result<Exit> {
    let (kind, name) = match &args.what {
        What::Sources(Sources::Git { name }) => (&kinds::GIT_REPOSITORY, name),
        What::Kustomizations { name } => (&kinds::KUSTOMIZATION, name),
    };
    let status = args.status_selector.as_deref().map(parse_status).transpose()?;
    let client = flags.client().await?;
    let namespace = (!args.all_namespaces).then_some(flags.namespace());
    let api = objects::api(&client, kind, namespace);
    let shown = |object: &DynamicObject| {
        name.as_ref().is_none_or(|name| object.name_any() == *name)
            && status
                .as_ref()
                .is_none_or(|(condition, status)| has_status(object, condition, status))
    };

    let params =
        ListParams { label_selector: args.label_selector.clone(), ..ListParams::default() };
    let mut found =
        api.list(&params).await.with_context(|| format!("cannot list {}", kind.plural))?.items;
    found.retain(shown);
    found.sort_by_key(|object| (objects::namespace(object), object.name_any()));
    if found.is_empty() && !args.watch {
        let place = namespace
            .map_or_else(|| "any namespace".to_owned(), |name| format!("namespace {name}"));
        match name {
            Some(name) => bail!("{} {name} not found in {place}", kind.kind),
            None => bail!("no {} objects found in {place}", kind.kind),
        }
    }
    output::print(&table(kind, &found, args.all_namespaces).render(!args.no_header));
    if !args.watch {
        return Ok(Exit::Done);
    }
    let config = watcher::Config {
        label_selector: args.label_selector.clone(),
        ..watcher::Config::default()
    };
    let mut changes = std::pin::pin!(watcher(api, config).default_backoff().applied_objects());
    while let Some(object) =
        changes.try_next().await.with_context(|| format!("cannot watch {}", kind.plural))?
    {
        if shown(&object) {
            output::print(&table(kind, &[object], args.all_namespaces).render(false));
        }
    }
    Ok(Exit::Done)
}

fn table(kind: &Kind, objects: &[DynamicObject], with_namespace: bool) -> Table {
    let headings = ["Namespace", "Name", "Revision", "Suspended", "Ready", "Message"];
    let skipped = usize::from(!with_namespace);
    let mut table = Table::new(headings.get(skipped..).unwrap_or_default());
    for object in objects {
        let (ready, message) = objects::condition(object, "Ready").unwrap_or(("Unknown", ""));
        let row = [
            objects::namespace(object),
            object.name_any(),
            output::short_hashes(objects::text(object, kind.revision)),
            if objects::suspended(object) { "True" } else { "False" }.to_owned(),
            ready.to_owned(),
            output::short_hashes(message.lines().next().unwrap_or_default()),
        ];
        table.push(row.into_iter().skip(skipped).collect());
    }
    table
}

fn parse_status(selector: &str) -> Result<(String, String)> {
    let parts = selector
        .split_once('=')
        .filter(|(condition, status)| !condition.is_empty() && !status.is_empty());
    let (condition, status) =
        parts.with_context(|| format!("{selector:?} is not CONDITION=STATUS, like ready=false"))?;
    Ok((condition.to_lowercase(), status.to_lowercase()))
}

fn has_status(object: &DynamicObject, condition: &str, status: &str) -> bool {
    let conditions = object.data.pointer("/status/conditions").and_then(|value| value.as_array());
    conditions.into_iter().flatten().any(|entry| {
        let is = |key: &str, wanted: &str| {
            entry
                .get(key)
                .and_then(|value| value.as_str())
                .is_some_and(|value| value.eq_ignore_ascii_case(wanted))
        };
        is("type", condition) && is("status", status)
    })
}
