//! Leader election by a `coordination.k8s.io/v1` Lease.
//!
//! The rules are those of client-go: a lease of another holder has expired when *we* have not seen
//! it change for its duration, so clocks need not agree; a leader that cannot renew within the
//! deadline stops.

use std::time::Duration;

use common::artifact::{Algorithm, Digest};
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use kube::api::{Api, PostParams};
use kube::{Client, ResourceExt};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::flags::ElectionFlags;

/// The name of the lease: one per controller, and per label selector, so that shards coexist.
pub fn lease_name(controller: &str, label_selector: Option<&str>) -> String {
    match label_selector {
        None | Some("") => format!("{controller}-leader-election"),
        Some(selector) => {
            let digest = Digest::of(Algorithm::Sha256, selector.as_bytes());
            let suffix: String = digest.hex().chars().take(8).collect();
            format!("{controller}-leader-election-{suffix}")
        }
    }
}

/// A candidate for a lease.
pub struct Election {
    api: Api<Lease>,
    name: String,
    identity: String,
    flags: ElectionFlags,
    clock: std::sync::Arc<dyn crate::clock::Clock>,
}

/// A lease of another holder, and since when it has stood as it is.
struct Standing {
    version: Option<String>,
    since: Instant,
}

impl Election {
    /// A candidate named `identity` for the lease `name` in `namespace`.
    pub fn new(
        client: Client,
        (namespace, name): (&str, String),
        identity: String,
        flags: ElectionFlags,
        clock: std::sync::Arc<dyn crate::clock::Clock>,
    ) -> Self {
        Self { api: Api::namespaced(client, namespace), name, identity, flags, clock }
    }

    /// Waits until the lease is ours; `false` when the shutdown came first.
    pub async fn acquire(&self, shutdown: &CancellationToken) -> bool {
        let mut standing = None;
        loop {
            match self.try_acquire(&mut standing).await {
                Ok(true) => return true,
                Ok(false) => tracing::debug!(lease = self.name, "another instance leads"),
                Err(error) => tracing::warn!(lease = self.name, %error, "cannot acquire lease"),
            }
            tokio::select! {
                () = shutdown.cancelled() => return false,
                () = tokio::time::sleep(self.pause()) => {}
            }
        }
    }

    /// Renews until the lease is lost, or until the shutdown, when it is given back.
    /// Answers whether it was lost.
    pub async fn hold(&self, shutdown: &CancellationToken) -> bool {
        let mut renewed = Instant::now();
        loop {
            tokio::select! {
                () = shutdown.cancelled() => {
                    return false;
                }
                () = tokio::time::sleep(self.flags.retry_period) => {}
            }
            let deadline =
                (renewed + self.flags.renew_deadline).saturating_duration_since(Instant::now());
            match tokio::time::timeout(deadline, self.try_acquire(&mut None)).await {
                Ok(Ok(true)) => renewed = Instant::now(),
                Ok(Ok(false)) => return true,
                Ok(Err(error)) => tracing::warn!(lease = self.name, %error, "cannot renew lease"),
                Err(_) => return true,
            }
            if renewed.elapsed() >= self.flags.renew_deadline {
                return true;
            }
        }
    }

    /// How long a leader that could not renew in time may go on: until its lease expires.
    pub fn margin(&self) -> Duration {
        self.flags.lease_duration.saturating_sub(self.flags.renew_deadline)
    }

    /// Gives the lease back, so that the next instance need not wait for it to expire.
    pub async fn release(&self) {
        if !self.flags.release_on_cancel {
            return;
        }
        let released = async {
            let mut lease = self.api.get(&self.name).await?;
            let spec = lease.spec.get_or_insert_default();
            if spec.holder_identity.as_deref() == Some(self.identity.as_str()) {
                spec.holder_identity = Some(String::new());
                spec.lease_duration_seconds = Some(1);
                spec.renew_time = Some(self.now());
                self.api.replace(&self.name, &PostParams::default(), &lease).await?;
            }
            Ok::<(), kube::Error>(())
        };
        if let Err(error) = released.await {
            tracing::warn!(lease = self.name, %error, "cannot release lease");
        }
    }

    fn pause(&self) -> Duration {
        // Instances that start together should not ask together.
        self.flags.retry_period.mul_f64(1.0 + 0.2 * self.clock.chance())
    }

    fn now(&self) -> MicroTime {
        MicroTime(self.clock.now())
    }

    async fn try_acquire(&self, standing: &mut Option<Standing>) -> Result<bool, kube::Error> {
        let Some(lease) = self.api.get_opt(&self.name).await? else {
            let made = self.api.create(&PostParams::default(), &self.claimed(None)).await;
            return won(made);
        };
        let holder = lease.spec.as_ref().and_then(|spec| spec.holder_identity.clone());
        let version = lease.resource_version();
        let free = match holder.as_deref() {
            None | Some("") => true,
            Some(holder) if holder == self.identity => true,
            Some(_) => self.has_expired(&lease, version, standing),
        };
        if !free {
            return Ok(false);
        }
        let replaced =
            self.api.replace(&self.name, &PostParams::default(), &self.claimed(Some(lease))).await;
        won(replaced)
    }

    /// Whether we have seen another holder's lease stand still for its whole duration.
    fn has_expired(
        &self,
        lease: &Lease,
        version: Option<String>,
        standing: &mut Option<Standing>,
    ) -> bool {
        let seconds = lease.spec.as_ref().and_then(|spec| spec.lease_duration_seconds);
        let duration = seconds
            .and_then(|seconds| u64::try_from(seconds).ok())
            .map_or(self.flags.lease_duration, Duration::from_secs);
        match standing {
            Some(seen) if seen.version == version => seen.since.elapsed() >= duration,
            _ => {
                *standing = Some(Standing { version, since: Instant::now() });
                false
            }
        }
    }

    /// The lease with us as its holder.
    fn claimed(&self, lease: Option<Lease>) -> Lease {
        let now = self.now();
        let old = lease.as_ref().and_then(|lease| lease.spec.clone()).unwrap_or_default();
        let ours = old.holder_identity.as_deref() == Some(self.identity.as_str());
        let transitions = old.lease_transitions.unwrap_or(0);
        let first = lease.is_none();
        Lease {
            metadata: lease.map_or_else(
                || ObjectMeta { name: Some(self.name.clone()), ..ObjectMeta::default() },
                |lease| lease.metadata,
            ),
            spec: Some(LeaseSpec {
                holder_identity: Some(self.identity.clone()),
                lease_duration_seconds: i32::try_from(self.flags.lease_duration.as_secs()).ok(),
                acquire_time: if ours { old.acquire_time.clone() } else { Some(now.clone()) },
                renew_time: Some(now),
                lease_transitions: Some(if ours || first { transitions } else { transitions + 1 }),
                ..old
            }),
        }
    }
}

/// A conflict means that another instance was faster.
fn won<T>(answer: Result<T, kube::Error>) -> Result<bool, kube::Error> {
    match answer {
        Ok(_) => Ok(true),
        Err(kube::Error::Api(status)) if status.code == 409 => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests;
