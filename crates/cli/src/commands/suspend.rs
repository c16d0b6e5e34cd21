//! `weir suspend` and `weir resume`.

use anyhow::{Result, bail};
use clap::Subcommand;
use kube::api::ListParams;
use kube::{Client, ResourceExt};
use serde_json::json;

use crate::connect::Flags;
use crate::kinds::{self, Kind};
use crate::objects;
use crate::output::{self, Exit};

/// Arguments of `weir suspend` and `weir resume`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  weir suspend kustomization apps\n  weir resume kustomization apps"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
    /// Every object of the kind in the namespace.
    #[arg(long, global = true)]
    all: bool,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Where artifacts come from.
    #[command(subcommand)]
    Source(Source),
    /// What is applied.
    #[command(alias = "ks")]
    Kustomization {
        /// The objects' names.
        names: Vec<String>,
    },
}

#[derive(Debug, Subcommand)]
enum Source {
    /// Git repositories.
    Git {
        /// The objects' names.
        names: Vec<String>,
    },
}

/// Sets `spec.suspend`.
pub(crate) async fn suspend(flags: &Flags, args: &Args) -> Result<Exit> {
    let client = flags.client().await?;
    let (kind, names) = named(&client, flags, args).await?;
    for name in names {
        output::action(&format!(
            "suspending {} {name} in {} namespace",
            kind.kind,
            flags.namespace()
        ));
        set(&client, flags, kind, &name, true).await?;
        output::success(&format!("{} suspended", kind.kind));
    }
    Ok(Exit::Done)
}

/// Clears `spec.suspend` and waits until the objects are ready; one that fails does not keep the others waiting.
pub(crate) async fn resume(flags: &Flags, args: &Args) -> Result<Exit> {
    let client = flags.client().await?;
    let (kind, names) = named(&client, flags, args).await?;
    let mut exit = Exit::Done;
    for name in names {
        output::action(&format!(
            "resuming {} {name} in {} namespace",
            kind.kind,
            flags.namespace()
        ));
        set(&client, flags, kind, &name, false).await?;
        let token = objects::request(&client, kind, flags.namespace(), &name).await?;
        output::success(&format!("{} resumed", kind.kind));
        output::waiting(&format!("waiting for {} reconciliation", kind.kind));
        let object = (flags.namespace(), name.as_str());
        match objects::wait_ready(&client, kind, object, Some(&token), flags.timeout).await {
            Ok(ready) => {
                let revision = output::short_hashes(objects::text(&ready, kind.revision));
                output::success(&format!("{} {name} is ready at revision {revision}", kind.kind));
            }
            Err(error) => {
                output::failure(&format!("{} {name}: {error:#}", kind.kind));
                exit = Exit::Failed;
            }
        }
    }
    Ok(exit)
}

async fn set(client: &Client, flags: &Flags, kind: &Kind, name: &str, suspend: bool) -> Result<()> {
    objects::get(client, kind, flags.namespace(), name).await?;
    let patch = json!({ "spec": { "suspend": suspend } });
    objects::merge(client, kind, (flags.namespace(), name), &patch).await.map(|_| ())
}

async fn named(
    client: &Client,
    flags: &Flags,
    args: &Args,
) -> Result<(&'static Kind, Vec<String>)> {
    let (kind, names) = match &args.what {
        What::Source(Source::Git { names }) => (&kinds::GIT_REPOSITORY, names),
        What::Kustomization { names } => (&kinds::KUSTOMIZATION, names),
    };
    match (names.is_empty(), args.all) {
        (true, false) => bail!("name an object, or say --all"),
        (false, true) => bail!("--all goes without names"),
        (false, false) => Ok((kind, names.clone())),
        (true, true) => {
            let list = objects::api(client, kind, Some(flags.namespace()))
                .list(&ListParams::default())
                .await?;
            Ok((kind, list.items.iter().map(ResourceExt::name_any).collect()))
        }
    }
}
