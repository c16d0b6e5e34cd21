//! `weir version`.

use anyhow::Result;
use clap::ValueEnum;
use serde_json::json;

use crate::connect::Flags;
use crate::output::{self, Exit};

/// Arguments of `weir version`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  weir version --client")]
pub(crate) struct Args {
    /// Only the client's own version; no cluster is asked.
    #[arg(long)]
    client: bool,
    /// Print as a document.
    #[arg(long, short, value_enum)]
    output: Option<Format>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    Json,
    Yaml,
}

/// Prints the versions, one a line.
pub(crate) async fn run(flags: &Flags, args: &Args) -> Result<Exit> {
    let mut versions = json!({ "weir": env!("CARGO_PKG_VERSION") });
    if !args.client {
        let server = flags.client().await?.apiserver_version().await?;
        if let Some(versions) = versions.as_object_mut() {
            versions.insert("kubernetes".to_owned(), server.git_version.into());
        }
    }
    let text = match args.output {
        Some(Format::Json) => format!("{versions:#}\n"),
        Some(Format::Yaml) => yaml::from_json(&versions),
        None => versions.as_object().into_iter().flatten().fold(
            String::new(),
            |text, (name, version)| {
                format!("{text}{name}: {}\n", version.as_str().unwrap_or_default())
            },
        ),
    };
    output::print(&text);
    Ok(Exit::Done)
}
