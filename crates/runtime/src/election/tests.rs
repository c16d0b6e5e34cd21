use std::sync::Arc;

use testkit::apiserver::{ApiServer, Options};

use super::*;
use crate::clock::SystemClock;

fn flags() -> ElectionFlags {
    ElectionFlags {
        enable_leader_election: true,
        lease_duration: Duration::from_secs(1),
        renew_deadline: Duration::from_millis(200),
        retry_period: Duration::from_millis(20),
        release_on_cancel: true,
    }
}

fn candidate(client: &Client, identity: &str) -> Election {
    let lease = ("default", lease_name("kustomize-controller", None));
    Election::new(client.clone(), lease, identity.to_owned(), flags(), Arc::new(SystemClock))
}

#[test]
fn shards_have_leases_of_their_own() {
    assert_eq!(lease_name("kustomize-controller", None), "kustomize-controller-leader-election");
    // printf 'sharding.fluxcd.io/key=shard1' | sha256sum | cut -c-8
    assert_eq!(
        lease_name("kustomize-controller", Some("sharding.fluxcd.io/key=shard1")),
        "kustomize-controller-leader-election-73fdc1be"
    );
}

#[tokio::test]
async fn one_leads_until_it_gives_the_lease_back() {
    let server = ApiServer::new(Options::default());
    let client = Client::new(server.service(), "default");
    let (a, b) = (candidate(&client, "a"), candidate(&client, "b"));
    let (shutdown, never) = (CancellationToken::new(), CancellationToken::new());
    assert!(a.acquire(&never).await);
    let waiting = tokio::time::timeout(Duration::from_millis(100), b.acquire(&never)).await;
    assert!(waiting.is_err(), "b must wait while a leads");
    shutdown.cancel();
    assert!(!a.hold(&shutdown).await, "ended by the shutdown, not lost");
    a.release().await;
    assert!(tokio::time::timeout(Duration::from_millis(500), b.acquire(&never)).await.unwrap());
    let lease = b.api.get("kustomize-controller-leader-election").await.unwrap().spec.unwrap();
    assert_eq!((lease.holder_identity.as_deref(), lease.lease_transitions), (Some("b"), Some(1)));
}

#[tokio::test]
async fn a_lease_that_stands_still_is_taken_and_its_holder_stops() {
    let server = ApiServer::new(Options::default());
    let client = Client::new(server.service(), "default");
    let (a, b) = (candidate(&client, "a"), candidate(&client, "b"));
    let never = CancellationToken::new();
    assert!(a.acquire(&never).await);
    // a renews no more, as if its process hung; b waits for the whole duration of the lease.
    let started = Instant::now();
    assert!(b.acquire(&never).await);
    assert!(started.elapsed() >= Duration::from_secs(1));
    let lost = tokio::time::timeout(Duration::from_secs(1), a.hold(&never)).await;
    assert!(lost.unwrap(), "a must learn that it lost");
}
