//! The cluster to apply to, as the identity to apply as.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use apply::Cluster;
use common::condition::Reason;
use common::names;
use runtime::{Context, OrStop, Stop, clients, secrets};

use crate::controller::KustomizeController;
use crate::plan::ClusterRef;

/// Remote clusters whose clients are kept. Each holds a connection or two and the list of its kinds.
const KEPT: usize = 32;

/// A cluster, and whether it is the one we run on.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) cluster: Cluster,
    local: bool,
}

impl Target {
    /// Whether the watches of the controller show this cluster.
    pub(crate) fn is_local(&self) -> bool {
        self.local
    }
}

/// Clients of remote clusters by the digest of their kubeconfig, the one used last at the end.
#[derive(Default)]
pub(crate) struct RemoteClusters {
    kept: Mutex<VecDeque<(common::artifact::Digest, Cluster)>>,
}

/// The cluster of a plan.
pub(crate) async fn cluster(
    controller: &KustomizeController,
    context: &Context,
    reference: &ClusterRef,
) -> Result<Target, Stop> {
    let (cluster, local) = match &reference.kubeconfig {
        None => (controller.cluster.clone(), true),
        Some(secret) => {
            let key = (reference.namespace.as_str(), secret.name.as_str());
            let data = secrets::read(context.client(), key, Reason::ReconciliationFailed).await?;
            let keys = match secret.key.as_deref().filter(|key| !key.is_empty()) {
                Some(key) => vec![key],
                None => vec!["value", "value.yaml"],
            };
            let text = keys.iter().find_map(|key| data.text(key)).ok_or_else(|| {
                let (namespace, name) = key;
                let message = format!(
                    "secret '{namespace}/{name}' does not contain a kubeconfig in '{}'",
                    keys.join("' or '")
                );
                Stop::retry(Reason::ReconciliationFailed, message)
            })?;
            (controller.remote.get(text, context, controller.settings.concurrent_ssa).await?, false)
        }
    };
    Ok(Target { cluster: cluster.acting_as(&reference.identity), local })
}

impl RemoteClusters {
    async fn get(
        &self,
        text: &str,
        context: &Context,
        concurrency: usize,
    ) -> Result<Cluster, Stop> {
        let digest =
            common::artifact::Digest::of(common::artifact::Algorithm::Sha256, text.as_bytes());
        if let Some(cluster) = self.take(&digest) {
            return Ok(cluster);
        }
        let client =
            clients::from_secret(text, context.options().kubeconfig, context.metrics()).await;
        let client = client.or_stop(Reason::ReconciliationFailed)?;
        let cluster =
            Cluster::new(client, names::KUSTOMIZE_CONTROLLER).with_concurrency(concurrency);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push_back((digest, cluster.clone()));
        if kept.len() > KEPT {
            kept.pop_front();
        }
        Ok(cluster)
    }

    /// The cluster of a kubeconfig, now the one used last.
    fn take(&self, digest: &common::artifact::Digest) -> Option<Cluster> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let index = kept.iter().position(|(own, _)| own == digest)?;
        let entry = kept.remove(index)?;
        let cluster = entry.1.clone();
        kept.push_back(entry);
        Some(cluster)
    }
}
