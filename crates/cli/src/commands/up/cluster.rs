//! Where objects are applied: the embedded API server, or the cluster of a kubeconfig.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use apiserver::ApiServer;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::Client;
use kube::api::{Api, DynamicObject, Patch, PatchParams};
use kube::core::{ApiResource, GroupVersionKind};
use kube::runtime::wait::{await_condition, conditions};

use crate::connect::Flags;
use crate::files;
use crate::output;

/// A cluster to apply to.
pub(super) struct Cluster {
    /// For the controllers.
    pub(super) client: Client,
    /// For a person's kubectl.
    pub(super) kubeconfig: Option<PathBuf>,
    embedded: Option<apiserver::Handle>,
}

impl Cluster {
    /// Starts the embedded server and writes a kubeconfig for it.
    pub(super) async fn embedded(listen: SocketAddr, kubeconfig: &Path) -> Result<Self> {
        let server = ApiServer::new(apiserver::Options::default());
        server.install_crd_values(common::api::crd::all().into_iter().map(|crd| crd.object))?;
        let handle =
            server.serve(listen).await.with_context(|| format!("cannot listen on {listen}"))?;
        let text = server.kubeconfig(handle.address());
        files::write_private(kubeconfig, &text)?;
        // In process: the controllers need no socket.
        let client = Client::new(server.service(), "default");
        let shown = std::path::absolute(kubeconfig).unwrap_or_else(|_| kubeconfig.to_path_buf());
        Ok(Self { client, kubeconfig: Some(shown), embedded: Some(handle) })
    }

    /// Whether nobody but this process works on it.
    pub(super) fn is_embedded(&self) -> bool {
        self.embedded.is_some()
    }

    /// Connects to a real cluster and adds the definitions that it lacks.
    pub(super) async fn real(flags: &Flags) -> Result<Self> {
        let client = flags.client().await?;
        install_missing(&client).await?;
        Ok(Self { client, kubeconfig: flags.kubeconfig.clone(), embedded: None })
    }
}

/// Applies the definitions that are not there yet; one that is there belongs to whoever put it there.
async fn install_missing(client: &Client) -> Result<()> {
    let kind = GroupVersionKind::gvk("apiextensions.k8s.io", "v1", "CustomResourceDefinition");
    let resource = ApiResource::from_gvk_with_plural(&kind, "customresourcedefinitions");
    let api: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
    for crd in common::api::crd::all() {
        let name = format!("{}.{}", crd.plural, crd.group);
        let there = api
            .get_opt(&name)
            .await
            .context("cannot read the cluster's custom resource definitions")?;
        if there.is_some() {
            continue;
        }
        output::action(&format!("installing the definition {name}"));
        let applied =
            api.patch(&name, &PatchParams::apply("weir"), &Patch::Apply(&crd.object)).await;
        applied.with_context(|| format!("cannot install the definition {name}"))?;
        let typed: Api<CustomResourceDefinition> = Api::all(client.clone());
        await_condition(typed, &name, conditions::is_crd_established()).await?;
    }
    Ok(())
}
