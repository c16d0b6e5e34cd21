//! The command line of kustomize-controller.

use apply::StageKind;
use clap::Parser;
use runtime::Options;
use runtime::flags::{
    ApplierFlags, CommonFlags, FlagError, ScheduleFlags, TenancyFlags, bool_flag,
};

use crate::settings::{CONCURRENT, GATES, Settings, stage_kind};

/// Applies what Kustomizations point at, and keeps it that way.
#[derive(Debug, Clone, Parser)]
#[command(name = "kustomize-controller", version)]
pub struct Flags {
    /// Flags of every controller.
    #[command(flatten)]
    pub common: CommonFlags,
    /// Intervals.
    #[command(flatten)]
    pub schedule: ScheduleFlags,
    /// Tenancy.
    #[command(flatten)]
    pub tenancy: TenancyFlags,
    /// Applying.
    #[command(flatten)]
    pub applier: ApplierFlags,
    /// The number of objects of one Kustomization that are applied at the same time.
    #[arg(long, default_value_t = 4)]
    pub concurrent_ssa: usize,
    /// Refuse remote bases in kustomizations.
    #[arg(long, default_value = "false", value_parser = bool_flag, num_args = 0..=1, require_equals = true, default_missing_value = "true", action = clap::ArgAction::Set)]
    pub no_remote_bases: bool,
    /// A field manager to take over from; may be given several times.
    #[arg(long = "override-manager", value_delimiter = ',')]
    pub override_managers: Vec<String>,
    /// Kinds applied in a stage of their own, as group/Kind.
    #[arg(long = "custom-apply-stage-kinds", value_delimiter = ',', value_parser = stage_kind)]
    pub stage_kinds: Vec<StageKind>,
    /// A Secret with a fallback age key. Without effect: decryption is not available yet.
    #[arg(long, default_value = "")]
    pub sops_age_secret: String,
    /// A ConfigMap with the trusted Vault servers. Without effect, see --sops-age-secret.
    #[arg(long, default_value = "")]
    pub sops_vault_configmap: String,
    /// The service account used for decryption. Without effect, see --sops-age-secret.
    #[arg(long, default_value = "")]
    pub default_decryption_service_account: String,
    /// A host (and port) to fetch all artifacts from, for running outside of the cluster.
    #[arg(long, env = "SOURCE_CONTROLLER_LOCALHOST")]
    pub artifact_host: Option<String>,
}

impl Flags {
    /// What the flags say to the frame.
    ///
    /// # Errors
    /// For a value out of range and for an unknown feature gate.
    pub fn options(&self) -> Result<Options, FlagError> {
        let mut options = self.common.options(GATES, CONCURRENT)?;
        self.schedule.set(&mut options)?;
        self.tenancy.set(&mut options);
        self.applier.set(&mut options);
        Ok(options)
    }

    /// The flags that were given and that nothing listens to yet.
    pub fn without_effect(&self) -> Vec<&'static str> {
        let given = [
            ("--sops-age-secret", &self.sops_age_secret),
            ("--sops-vault-configmap", &self.sops_vault_configmap),
            ("--default-decryption-service-account", &self.default_decryption_service_account),
            (
                "--default-kubeconfig-service-account",
                &self.applier.default_kubeconfig_service_account,
            ),
        ];
        given.into_iter().filter(|(_, value)| !value.is_empty()).map(|(flag, _)| flag).collect()
    }

    /// What the flags say to the controller.
    pub fn settings(&self) -> Settings {
        Settings {
            concurrent_ssa: self.concurrent_ssa,
            override_managers: self.override_managers.clone(),
            stage_kinds: self.stage_kinds.clone(),
            no_remote_bases: self.no_remote_bases,
            http_retry: self.applier.http_retry,
            artifact_host: self.artifact_host.clone(),
            ..Settings::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_reach_their_places() {
        let flags = Flags::parse_from([
            "kustomize-controller",
            "--concurrent=7",
            "--concurrent-ssa=9",
            "--custom-apply-stage-kinds=example.com/Widget,Secret",
            "--feature-gates=ExternalArtifact=true",
            "--no-cross-namespace-refs",
            "--sops-age-secret=keys",
            "--no-remote-bases",
        ]);
        assert_eq!(flags.without_effect(), ["--sops-age-secret"]);
        let options = flags.options().unwrap();
        let settings = flags.settings().under(&options);
        assert_eq!((options.concurrent, settings.concurrent_ssa), (7, 9));
        assert_eq!(settings.stage_kinds.len(), 2);
        assert!(settings.no_remote_bases);
        assert!(settings.gate("ExternalArtifact") && settings.no_cross_namespace_refs);
        let unknown = Flags::parse_from(["kustomize-controller", "--feature-gates=Nope=true"]);
        assert!(unknown.options().is_err());
    }
}
