//! The flags of this controller, and what they mean.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use clap::Parser;
use common::artifact::Algorithm;
use git::SshAlgorithms;
use runtime::{
    Options,
    flags::{Address, CommonFlags, FlagError, ScheduleFlags, duration},
};

use crate::LocalRepositories;

/// The feature gates with their defaults. None of them changes anything yet: Secrets are always
/// read afresh, and identities of service accounts come with the cloud providers.
pub const GATES: &[(&str, bool)] =
    &[("CacheSecretsAndConfigMaps", false), ("ObjectLevelWorkloadIdentity", false)];

/// Reconciles at the same time, per kind.
const CONCURRENT: usize = 2;

/// The command line.
#[derive(Debug, Clone, Parser)]
#[command(
    name = "source-controller",
    version,
    about = "Fetches sources and serves them as artifacts"
)]
pub struct Flags {
    /// Flags of every controller.
    #[command(flatten)]
    pub common: CommonFlags,
    /// Flags about time.
    #[command(flatten)]
    pub schedule: ScheduleFlags,
    /// The directory that artifacts are kept in.
    #[arg(long, env = "STORAGE_PATH", default_value = "/data")]
    pub storage_path: PathBuf,
    /// The address that artifacts are served on.
    #[arg(long, env = "STORAGE_ADDRESS", default_value = ":9090", value_parser = storage_address)]
    pub storage_addr: SocketAddr,
    /// The address in the URLs of artifacts; by default the one that they are served on.
    #[arg(long, env = "STORAGE_ADV_ADDR", default_value = "")]
    pub storage_adv_addr: String,
    /// How long an artifact that was replaced is kept.
    #[arg(long, default_value = "1m", value_parser = duration)]
    pub artifact_retention_ttl: Duration,
    /// How many artifacts of an object are kept at most once that time has passed.
    #[arg(long, default_value_t = 2)]
    pub artifact_retention_records: usize,
    /// The hash function of artifact digests: sha256, sha384, sha512, sha1 or blake3.
    #[arg(long, default_value = "sha256", value_parser = algorithm)]
    pub artifact_digest_algo: Algorithm,
    /// The SSH key exchange algorithms to offer, most preferred first.
    #[arg(long, value_delimiter = ',')]
    pub ssh_kex_algos: Vec<String>,
    /// The SSH host key algorithms to accept, most preferred first.
    #[arg(long, value_delimiter = ',')]
    pub ssh_hostkey_algos: Vec<String>,
}

/// What the controllers need to know beside the options of the frame.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The directory that artifacts are kept in.
    pub storage_path: PathBuf,
    /// The address that artifacts are served on; port 0 takes any that is free.
    pub storage_addr: SocketAddr,
    /// Host, and port if it is not 80, in the URLs of artifacts; by default where they are served.
    pub storage_adv_addr: Option<String>,
    /// How long an artifact that was replaced is kept.
    pub retention_ttl: Duration,
    /// How many artifacts of an object are kept at most once that time has passed.
    pub retention_records: usize,
    /// The hash function of artifact digests.
    pub digest_algorithm: Algorithm,
    /// SSH algorithms to offer.
    pub ssh: SshAlgorithms,
    /// Repositories on this disk that are read in place of their URLs.
    pub local: LocalRepositories,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            storage_path: PathBuf::from("/data"),
            storage_addr: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0),
            storage_adv_addr: None,
            retention_ttl: Duration::from_mins(1),
            retention_records: 2,
            digest_algorithm: Algorithm::Sha256,
            ssh: SshAlgorithms::default(),
            local: LocalRepositories::default(),
        }
    }
}

impl Flags {
    /// The settings these flags ask for.
    pub fn settings(&self) -> Settings {
        let advertised = Some(self.storage_adv_addr.clone()).filter(|text| !text.is_empty());
        Settings {
            storage_path: self.storage_path.clone(),
            storage_addr: self.storage_addr,
            storage_adv_addr: advertised,
            retention_ttl: self.artifact_retention_ttl,
            retention_records: self.artifact_retention_records,
            digest_algorithm: self.artifact_digest_algo,
            ssh: SshAlgorithms {
                key_exchange: self.ssh_kex_algos.clone(),
                host_key: self.ssh_hostkey_algos.clone(),
            },
            local: LocalRepositories::default(),
        }
    }

    /// The options of the frame these flags ask for.
    ///
    /// # Errors
    /// For flags whose values make no sense.
    pub fn options(&self) -> Result<Options, FlagError> {
        let mut options = self.common.options(GATES, CONCURRENT)?;
        self.schedule.set(&mut options)?;
        Ok(options)
    }
}

fn storage_address(text: &str) -> Result<SocketAddr, String> {
    let Address(address) = runtime::flags::address(text)?;
    address.ok_or_else(|| "an address is needed, such as ':9090'".to_owned())
}

fn algorithm(text: &str) -> Result<Algorithm, String> {
    text.parse().map_err(|error| format!("{error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(flags: &[&str]) -> Result<Flags, clap::Error> {
        Flags::try_parse_from(std::iter::once(&"source-controller").chain(flags))
    }

    #[test]
    fn the_defaults_are_those_of_the_original() {
        let flags = parse(&[]).unwrap();
        let settings = flags.settings();
        assert_eq!(settings.storage_addr.port(), 9090);
        assert_eq!(settings.retention_ttl, Duration::from_mins(1));
        assert_eq!(settings.retention_records, 2);
        assert_eq!(settings.digest_algorithm, Algorithm::Sha256);
        let options = flags.options().unwrap();
        assert_eq!(options.concurrent, 2);
        assert_eq!(options.requeue_dependency, Duration::from_secs(30));
    }

    #[test]
    fn the_flags_of_an_install_manifest_are_taken() {
        let flags = parse(&[
            "--events-addr=http://notification-controller.flux-system.svc.cluster.local./",
            "--watch-all-namespaces=true",
            "--log-level=info",
            "--log-encoding=json",
            "--enable-leader-election",
            "--storage-path=/data",
            "--storage-adv-addr=source-controller.flux-system.svc.cluster.local.",
            "--ssh-kex-algos=curve25519-sha256,ecdh-sha2-nistp256",
        ])
        .unwrap();
        let settings = flags.settings();
        assert_eq!(settings.ssh.key_exchange, ["curve25519-sha256", "ecdh-sha2-nistp256"]);
        assert!(settings.storage_adv_addr.unwrap().ends_with("cluster.local."));
    }

    #[test]
    fn values_that_make_no_sense_are_refused() {
        assert!(parse(&["--artifact-digest-algo=md5"]).is_err());
        assert!(parse(&["--storage-addr=nowhere"]).is_err());
        assert!(parse(&["--artifact-retention-ttl=soon"]).is_err());
    }
}
