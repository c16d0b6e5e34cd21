//! Reaching the cluster that the kubeconfig names.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

/// Flags that every command takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Flags {
    /// The kubeconfig file; without it $KUBECONFIG, then ~/.kube/config, then the pod's own service account.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// The kubeconfig context to use.
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) context: Option<String>,
    /// The namespace of the objects; without it $FLUX_SYSTEM_NAMESPACE, then flux-system. For Helm's commands that of the
    /// release, `default` without it.
    #[arg(long, short, global = true)]
    pub(crate) namespace: Option<String>,
    /// Where scripts say once and for all which namespace they mean.
    #[arg(long, hide = true, global = true, env = "FLUX_SYSTEM_NAMESPACE")]
    system_namespace: Option<String>,
    /// How long to wait for an outcome, such as 30s, 5m or 1h.
    #[arg(long, global = true, default_value = "5m", value_parser = duration)]
    pub(crate) timeout: Duration,
    /// Act as this user.
    #[arg(long = "as", global = true, value_name = "USER")]
    pub(crate) impersonate: Option<String>,
}

impl Flags {
    /// The namespace of the objects of commands about toolkit.fluxcd.io kinds.
    pub(crate) fn namespace(&self) -> &str {
        self.namespace.as_deref().or(self.system_namespace.as_deref()).unwrap_or("flux-system")
    }

    /// A client for the cluster that the flags name.
    pub(crate) async fn client(&self) -> Result<Client> {
        let options =
            KubeConfigOptions { context: self.context.clone(), ..KubeConfigOptions::default() };
        let mut config = match &self.kubeconfig {
            Some(path) => {
                let file = Kubeconfig::read_from(path)
                    .with_context(|| format!("cannot read {}", path.display()))?;
                Config::from_custom_kubeconfig(file, &options)
                    .await
                    .with_context(|| format!("{} names no usable cluster", path.display()))?
            }
            None if self.context.is_some() => {
                Config::from_kubeconfig(&options).await.context("no usable kubeconfig")?
            }
            None => Config::infer()
                .await
                .context("no cluster to talk to; name one with --kubeconfig FILE")?,
        };
        config.auth_info.impersonate.clone_from(&self.impersonate);
        client(config)
    }
}

/// A client for this configuration.
pub(crate) fn client(config: Config) -> Result<Client> {
    // Both providers may be compiled in by dependencies; the choice is made once, and a second call changes nothing.
    let _already_chosen = rustls::crypto::aws_lc_rs::default_provider().install_default();
    Client::try_from(config).context("cannot make a client from the kubeconfig")
}

/// Reads a duration as Go writes it: `1h30m`, `90s`, `500ms`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is no duration; write one like 30s, 5m or 1h30m");
    let mut total = 0.0_f64;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.chars().take_while(|c| c.is_ascii_digit() || *c == '.').count();
        let (number, tail) = rest.split_at_checked(digits).ok_or_else(wrong)?;
        let number: f64 = number.parse().map_err(|_| wrong())?;
        let units = [("ms", 0.001), ("h", 3600.0), ("m", 60.0), ("s", 1.0)];
        let (unit, seconds) =
            units.into_iter().find(|(unit, _)| tail.starts_with(unit)).ok_or_else(wrong)?;
        total += number * seconds;
        rest = tail.strip_prefix(unit).unwrap_or_default();
    }
    if text.is_empty() {
        return Err(wrong());
    }
    Duration::try_from_secs_f64(total).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::duration;

    #[test]
    fn durations_are_read_as_go_writes_them() {
        for (text, millis) in [
            ("30s", 30_000),
            ("5m", 300_000),
            ("1h30m", 5_400_000),
            ("500ms", 500),
            ("1.5s", 1_500),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "5", "m", "5 m", "-1s", "1x"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
