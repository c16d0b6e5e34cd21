//! Provider.

use std::time::Duration;

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::api::meta::{DurationError, Interval, LocalObjectReference, Timeout, is_false};

/// The time for sending an event when the spec has none.
pub const DEFAULT_PROVIDER_TIMEOUT: Duration = Duration::from_secs(15);

/// The desired state of a Provider.
#[derive(CustomResource, Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "notification.toolkit.fluxcd.io",
    version = "v1beta3",
    kind = "Provider",
    plural = "providers",
    namespaced,
    schema = "disabled",
    derive = "PartialEq"
)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [{
    "rule": "self.type == 'github' || self.type == 'gitlab' || self.type == 'gitea' || self.type == 'bitbucketserver' || self.type == 'bitbucket' || self.type == 'azuredevops' || !has(self.commitStatusExpr)",
    "message": "spec.commitStatusExpr is only supported for the 'github', 'gitlab', 'gitea', 'bitbucketserver', 'bitbucket', 'azuredevops' provider types",
}]))]
pub struct ProviderSpec {
    /// Address to send to: a webhook, a repository or whatever the type takes. May stand in the
    /// Secret instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2048))]
    pub address: Option<String>,
    /// Secret with TLS data: `ca.crt`, `tls.crt`, `tls.key`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cert_secret_ref: Option<LocalObjectReference>,
    /// Channel to send to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2048))]
    pub channel: Option<String>,
    /// CEL expression that yields the id of a commit status, a string. Its variables are `event`,
    /// `alert` and `provider`. Only for types that set commit statuses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit_status_expr: Option<String>,
    /// Deprecated: accepted and without effect. Providers are not reconciled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<Interval>,
    /// Deprecated: use `proxySecretRef`. Address of the proxy to use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2048), regex(pattern = r"^(http|https)://.*$"))]
    pub proxy: Option<String>,
    /// Secret with the proxy to use: `address`, and if needed `username` and `password`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy_secret_ref: Option<LocalObjectReference>,
    /// Secret with credentials, and with an address if it is to be kept secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<LocalObjectReference>,
    /// ServiceAccount whose identity is used, for types that belong to a cloud.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_account_name: Option<String>,
    /// Stop sending until this is unset.
    #[serde(default, skip_serializing_if = "is_false")]
    pub suspend: bool,
    /// Time for sending one event. Defaults to 15 seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Timeout>,
    /// What to send to.
    #[serde(rename = "type")]
    pub type_: ProviderType,
    /// Name to send under.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2048))]
    pub username: Option<String>,
}

impl ProviderSpec {
    /// The time for sending one event, 15 seconds if the spec has none.
    pub fn timeout(&self) -> Result<Duration, DurationError> {
        self.timeout.as_ref().map_or(Ok(DEFAULT_PROVIDER_TIMEOUT), Timeout::get)
    }
}

wire_enum! {
    /// What a Provider sends to.
    pub enum ProviderType {
        /// Slack.
        Slack = "slack",
        /// Discord.
        Discord = "discord",
        /// Microsoft Teams.
        MsTeams = "msteams",
        /// Rocket.Chat.
        Rocket = "rocket",
        /// Any webhook.
        Generic = "generic",
        /// Any webhook, with a signature.
        GenericHmac = "generic-hmac",
        /// Commit statuses on GitHub.
        Github = "github",
        /// Commit statuses on GitLab.
        Gitlab = "gitlab",
        /// Commit statuses on Gitea.
        Gitea = "gitea",
        /// Comments on pull requests on Gitea.
        GiteaPullRequestComment = "giteapullrequestcomment",
        /// Commit statuses on Bitbucket Server.
        BitbucketServer = "bitbucketserver",
        /// Commit statuses on Bitbucket.
        Bitbucket = "bitbucket",
        /// Commit statuses on Azure DevOps.
        AzureDevOps = "azuredevops",
        /// Google Chat.
        GoogleChat = "googlechat",
        /// Google Pub/Sub.
        GooglePubSub = "googlepubsub",
        /// Webex.
        Webex = "webex",
        /// Sentry.
        Sentry = "sentry",
        /// Azure Event Hub.
        AzureEventHub = "azureeventhub",
        /// Telegram.
        Telegram = "telegram",
        /// Lark.
        Lark = "lark",
        /// Matrix.
        Matrix = "matrix",
        /// Opsgenie.
        Opsgenie = "opsgenie",
        /// Prometheus Alertmanager.
        Alertmanager = "alertmanager",
        /// Grafana annotations.
        Grafana = "grafana",
        /// Repository dispatches on GitHub.
        GithubDispatch = "githubdispatch",
        /// Comments on pull requests on GitHub.
        GithubPullRequestComment = "githubpullrequestcomment",
        /// Comments on merge requests on GitLab.
        GitlabMergeRequestComment = "gitlabmergerequestcomment",
        /// PagerDuty.
        PagerDuty = "pagerduty",
        /// Datadog.
        DataDog = "datadog",
        /// NATS.
        Nats = "nats",
        /// Zulip.
        Zulip = "zulip",
        /// OpenTelemetry traces.
        Otel = "otel",
        /// Zoom.
        Zoom = "zoom",
        /// incident.io.
        IncidentIo = "incident.io",
    }
}
