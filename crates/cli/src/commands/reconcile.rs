//! `weir reconcile`: one run now, and its outcome.

use anyhow::{Result, bail};
use clap::Subcommand;
use kube::Client;
use kube::api::DynamicObject;

use crate::connect::Flags;
use crate::kinds::{self, Kind};
use crate::objects;
use crate::output::{self, Exit};

/// Arguments of `weir reconcile`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  weir reconcile kustomization apps --with-source")]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Fetch a source.
    #[command(subcommand)]
    Source(Source),
    /// Build and apply a path.
    #[command(alias = "ks")]
    Kustomization {
        /// The object's name.
        name: String,
        /// Fetch its source first.
        #[arg(long)]
        with_source: bool,
    },
}

#[derive(Debug, Subcommand)]
enum Source {
    /// A Git repository.
    Git {
        /// The object's name.
        name: String,
    },
}

/// Asks for the run and waits for its end.
pub(crate) async fn run(flags: &Flags, args: &Args) -> Result<Exit> {
    let client = flags.client().await?;
    match &args.what {
        What::Source(Source::Git { name }) => {
            one(&client, flags, &kinds::GIT_REPOSITORY, (flags.namespace(), name)).await?;
        }
        What::Kustomization { name, with_source } => {
            let object =
                objects::get(&client, &kinds::KUSTOMIZATION, flags.namespace(), name).await?;
            if *with_source {
                let (kind, namespace, source) = source_of(&object, flags.namespace())?;
                one(&client, flags, kind, (&namespace, &source)).await?;
            }
            one(&client, flags, &kinds::KUSTOMIZATION, (flags.namespace(), name)).await?;
        }
    }
    Ok(Exit::Done)
}

async fn one(
    client: &Client,
    flags: &Flags,
    kind: &Kind,
    (namespace, name): (&str, &str),
) -> Result<()> {
    let object = objects::get(client, kind, namespace, name).await?;
    if objects::suspended(&object) {
        bail!("{} {namespace}/{name} is suspended; resume it first", kind.kind);
    }
    output::action(&format!("annotating {} {name} in {namespace} namespace", kind.kind));
    let token = objects::request(client, kind, namespace, name).await?;
    output::success(&format!("{} annotated", kind.kind));
    output::waiting(&format!("waiting for {} reconciliation", kind.kind));
    let ready =
        objects::wait_ready(client, kind, (namespace, name), Some(&token), flags.timeout).await?;
    let verb = if kind.kind == kinds::KUSTOMIZATION.kind { "applied" } else { "fetched" };
    output::success(&format!(
        "{verb} revision {}",
        output::short_hashes(objects::text(&ready, kind.revision))
    ));
    Ok(())
}

/// The source that a Kustomization refers to.
fn source_of(
    object: &DynamicObject,
    own_namespace: &str,
) -> Result<(&'static Kind, String, String)> {
    let field = |name: &str| objects::text(object, &format!("/spec/sourceRef/{name}")).to_owned();
    let (kind, name) = (field("kind"), field("name"));
    let namespace = Some(field("namespace"))
        .filter(|text| !text.is_empty())
        .unwrap_or_else(|| own_namespace.to_owned());
    match kinds::ALL.iter().find(|entry| entry.kind == kind) {
        Some(entry) => Ok((entry, namespace, name)),
        None => bail!(
            "spec.sourceRef.kind is {kind}, which this version cannot reconcile; leave --with-source out"
        ),
    }
}
