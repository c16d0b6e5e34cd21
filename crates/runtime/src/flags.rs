//! The command-line flags all controllers share, with the names and defaults of the original.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use clap::{ArgAction, Args};
use thiserror::Error;

use crate::clients::Allow;
use crate::context::Options;
use crate::gates::{GateError, Gates, parse_bool};
use crate::logs::{LogEncoding, LogLevel};

/// A flag that was refused.
#[derive(Debug, Error)]
pub enum FlagError {
    /// `--feature-gates`.
    #[error("invalid --feature-gates")]
    Gates(#[from] GateError),
    /// A percentage out of range.
    #[error("--interval-jitter-percentage must be at least 0 and below 100, is {0}")]
    Jitter(f64),
    /// `--watch-all-namespaces=false` without a namespace to watch.
    #[error("--watch-all-namespaces=false needs the environment variable RUNTIME_NAMESPACE")]
    Namespace,
}

/// Flags of every controller.
#[derive(Debug, Clone, Args)]
pub struct CommonFlags {
    /// The address the metric endpoint binds to.
    #[arg(long, env = "METRICS_ADDR", default_value = ":8080", value_parser = address)]
    pub metrics_addr: Address,
    /// The address the health endpoint binds to.
    #[arg(long, default_value = ":9440", value_parser = address)]
    pub health_addr: Address,
    /// The address of the events receiver.
    #[arg(long, env = "EVENTS_ADDR", default_value = "")]
    pub events_addr: String,
    /// The number of concurrent reconciles per kind.
    #[arg(long)]
    pub concurrent: Option<usize>,
    /// Log verbosity level.
    #[arg(long, value_enum, default_value = "info")]
    pub log_level: LogLevel,
    /// Log encoding format.
    #[arg(long, value_enum, default_value = "json")]
    pub log_encoding: LogEncoding,
    #[command(flatten)]
    #[expect(missing_docs, reason = "a doc comment would become the help text of the command")]
    pub election: ElectionFlags,
    /// Requests per second to the API server. Without effect: API priority and fairness, on in
    /// every supported Kubernetes version, switches the client's own limit off.
    #[arg(long, default_value_t = 50.0)]
    pub kube_api_qps: f32,
    /// Burst of requests to the API server. Without effect, see --kube-api-qps.
    #[arg(long, default_value_t = 300)]
    pub kube_api_burst: u32,
    /// Watch for custom resources in all namespaces; if false, in the controller's own only.
    #[arg(long, default_value = "true", value_parser = bool_flag, num_args = 0..=1, require_equals = true, default_missing_value = "true", action = ArgAction::Set)]
    pub watch_all_namespaces: bool,
    /// Watch for custom resources with matching labels, e.g. 'sharding.fluxcd.io/key=shard1'.
    #[arg(long, default_value = "")]
    pub watch_label_selector: String,
    /// Feature gates as name=true,name=false.
    #[arg(long, default_value = "")]
    pub feature_gates: String,
    /// The delay before the first retry of a failed reconcile.
    #[arg(long, default_value = "750ms", value_parser = duration)]
    pub min_retry_delay: Duration,
    /// The longest delay between retries.
    #[arg(long, default_value = "15m", value_parser = duration)]
    pub max_retry_delay: Duration,
    /// The number of cached access tokens; 0 disables the cache.
    #[arg(long, default_value_t = 100)]
    pub token_cache_max_size: usize,
    /// The longest time an access token is cached.
    #[arg(long, default_value = "1h", value_parser = duration)]
    pub token_cache_max_duration: Duration,
    /// The namespace the controller runs in.
    #[arg(long, env = "RUNTIME_NAMESPACE", default_value = "", hide = true)]
    pub runtime_namespace: String,
    /// A kubeconfig file; without it, KUBECONFIG, ~/.kube/config or the cluster the Pod runs in.
    #[arg(long)]
    pub kubeconfig: Option<std::path::PathBuf>,
}

/// Flags of leader election.
#[derive(Debug, Clone, Args)]
pub struct ElectionFlags {
    /// Enable leader election, so that one instance is active.
    #[arg(long, default_value = "false", value_parser = bool_flag, num_args = 0..=1, require_equals = true, default_missing_value = "true", action = ArgAction::Set)]
    pub enable_leader_election: bool,
    /// How long a lease that is not renewed stands.
    #[arg(long = "leader-election-lease-duration", default_value = "35s", value_parser = duration)]
    pub lease_duration: Duration,
    /// How long a leader tries to renew before it gives up.
    #[arg(long = "leader-election-renew-deadline", default_value = "30s", value_parser = duration)]
    pub renew_deadline: Duration,
    /// Time between tries.
    #[arg(long = "leader-election-retry-period", default_value = "5s", value_parser = duration)]
    pub retry_period: Duration,
    /// Give the lease back on a clean stop.
    #[arg(long = "leader-election-release-on-cancel", default_value = "true", value_parser = bool_flag, num_args = 0..=1, require_equals = true, default_missing_value = "true", action = ArgAction::Set)]
    pub release_on_cancel: bool,
}

/// Flags of controllers whose objects refer to others and are visited at intervals.
#[derive(Debug, Clone, Args)]
pub struct ScheduleFlags {
    /// Percentage by which intervals vary, so that objects of one interval spread out.
    #[arg(long, default_value_t = 5.0)]
    pub interval_jitter_percentage: f64,
    /// The delay before an object whose dependencies are not ready is looked at again.
    #[arg(long, default_value = "30s", value_parser = duration)]
    pub requeue_dependency: Duration,
}

/// Flags about references to other namespaces and the identity used when a spec names none.
#[derive(Debug, Clone, Args)]
pub struct TenancyFlags {
    /// Refuse references to objects in other namespaces.
    #[arg(long, default_value = "false", value_parser = bool_flag, num_args = 0..=1, require_equals = true, default_missing_value = "true", action = ArgAction::Set)]
    pub no_cross_namespace_refs: bool,
    /// The service account to impersonate when a spec names none.
    #[arg(long, default_value = "")]
    pub default_service_account: String,
}

/// Flags of the controllers that apply objects.
#[derive(Debug, Clone, Args)]
pub struct ApplierFlags {
    /// Allow exec plugins in kubeconfigs from Secrets.
    #[arg(long, default_value = "false", value_parser = bool_flag, num_args = 0..=1, require_equals = true, default_missing_value = "true", action = ArgAction::Set)]
    pub insecure_kubeconfig_exec: bool,
    /// Allow kubeconfigs from Secrets that skip TLS verification.
    #[arg(long, default_value = "false", value_parser = bool_flag, num_args = 0..=1, require_equals = true, default_missing_value = "true", action = ArgAction::Set)]
    pub insecure_kubeconfig_tls: bool,
    /// The service account used with kubeconfigs from ConfigMaps that name none.
    #[arg(long, default_value = "")]
    pub default_kubeconfig_service_account: String,
    /// Labels of the ConfigMaps and Secrets whose changes reconcile what refers to them.
    #[arg(long, default_value = "reconcile.fluxcd.io/watch=Enabled")]
    pub watch_configs_label_selector: String,
    /// The number of tries to fetch an artifact.
    #[arg(long, default_value_t = 9)]
    pub http_retry: u32,
}

impl CommonFlags {
    /// The options these flags ask for, with the gates and the concurrency of the controller.
    ///
    /// # Errors
    /// For an unknown feature gate and for a namespace that is needed and missing.
    pub fn options(&self, gates: &[(&str, bool)], concurrent: usize) -> Result<Options, FlagError> {
        let mut all_gates = Gates::new(gates);
        all_gates.set(&self.feature_gates)?;
        let watch_namespace = match (self.watch_all_namespaces, self.runtime_namespace.as_str()) {
            (true, _) => None,
            (false, "") => return Err(FlagError::Namespace),
            (false, namespace) => Some(namespace.to_owned()),
        };
        Ok(Options {
            concurrent: self.concurrent.unwrap_or(concurrent),
            min_retry_delay: self.min_retry_delay,
            max_retry_delay: self.max_retry_delay,
            watch_namespace,
            watch_label_selector: some(&self.watch_label_selector),
            events_addr: some(&self.events_addr),
            gates: all_gates,
            ..Options::default()
        })
    }
}

impl ScheduleFlags {
    /// Puts these flags into the options.
    ///
    /// # Errors
    /// For a percentage that is negative or 100 and more.
    pub fn set(&self, options: &mut Options) -> Result<(), FlagError> {
        if !(0.0..100.0).contains(&self.interval_jitter_percentage) {
            return Err(FlagError::Jitter(self.interval_jitter_percentage));
        }
        options.interval_jitter = self.interval_jitter_percentage;
        options.requeue_dependency = self.requeue_dependency;
        Ok(())
    }
}

impl TenancyFlags {
    /// Puts these flags into the options.
    pub fn set(&self, options: &mut Options) {
        options.no_cross_namespace_refs = self.no_cross_namespace_refs;
        options.default_service_account = some(&self.default_service_account);
    }
}

impl ApplierFlags {
    /// Puts these flags into the options.
    pub fn set(&self, options: &mut Options) {
        options.kubeconfig = Allow {
            exec: self.insecure_kubeconfig_exec,
            insecure_tls: self.insecure_kubeconfig_tls,
        };
        options.watch_configs_label_selector.clone_from(&self.watch_configs_label_selector);
    }
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned()).filter(|text| !text.is_empty())
}

/// Where to listen; `None` for `0`, which switches an endpoint off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Address(pub Option<SocketAddr>);

/// Reads an address as Go's `net.Listen` does: `:8080` is port 8080 of every interface, and nothing
/// or `0` is no address. For other flags of controllers, too.
///
/// # Errors
/// When the text is no address.
pub fn address(text: &str) -> Result<Address, String> {
    if text.is_empty() || text == "0" {
        return Ok(Address(None));
    }
    if let Some(port) = text.strip_prefix(':') {
        let port = port.parse().map_err(|error| format!("invalid port: {error}"))?;
        return Ok(Address(Some(SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), port))));
    }
    let text = text.replace("localhost:", "127.0.0.1:");
    text.parse().map(|address| Address(Some(address))).map_err(|error| format!("{error}"))
}

/// Reads a duration in Go's notation. For other flags of controllers, too.
///
/// # Errors
/// When the text is no duration.
pub fn duration(text: &str) -> Result<Duration, String> {
    common::api::duration::parse(text).map_err(|error| error.to_string())
}

/// Reads a bool as Go's flags do. For other flags of controllers, too.
///
/// # Errors
/// When the text is no bool.
pub fn bool_flag(text: &str) -> Result<bool, String> {
    parse_bool(text).ok_or_else(|| format!("'{text}' is neither true nor false"))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Flags {
        #[command(flatten)]
        common: CommonFlags,
        #[command(flatten)]
        schedule: ScheduleFlags,
        #[command(flatten)]
        tenancy: TenancyFlags,
    }

    fn parse(flags: &[&str]) -> Flags {
        Flags::parse_from(std::iter::once(&"controller").chain(flags))
    }

    #[test]
    fn the_defaults_are_those_of_the_original() {
        let flags = parse(&[]);
        let options = flags.common.options(&[], 4).unwrap();
        assert_eq!(options.concurrent, 4);
        assert_eq!(options.min_retry_delay, Duration::from_millis(750));
        assert_eq!(options.max_retry_delay, Duration::from_mins(15));
        assert_eq!(flags.common.health_addr, address(":9440").unwrap());
        assert!(flags.common.watch_all_namespaces && !flags.common.election.enable_leader_election);
    }

    #[test]
    fn bools_are_read_as_go_reads_them() {
        let flags = parse(&["--enable-leader-election", "--no-cross-namespace-refs=T"]);
        assert!(flags.common.election.enable_leader_election);
        assert!(flags.tenancy.no_cross_namespace_refs);
        let flags = parse(&["--watch-all-namespaces=false"]);
        assert!(matches!(flags.common.options(&[], 4), Err(FlagError::Namespace)));
    }

    #[test]
    fn an_unknown_gate_and_a_mad_jitter_end_the_start() {
        let flags = parse(&["--feature-gates=Nope=true", "--interval-jitter-percentage=100"]);
        assert!(matches!(flags.common.options(&[("Yes", true)], 4), Err(FlagError::Gates(_))));
        assert!(flags.schedule.set(&mut Options::default()).is_err());
    }

    #[test]
    fn addresses_are_read_as_go_reads_them() {
        assert_eq!(address("0"), Ok(Address(None)));
        assert_eq!(address("127.0.0.1:80").unwrap().0.unwrap().to_string(), "127.0.0.1:80");
        assert_eq!(address(":80").unwrap().0.unwrap().to_string(), "[::]:80");
        assert!(address(":eighty").is_err());
    }
}
