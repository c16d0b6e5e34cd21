//! Following the objects of a kind: streaming lists first, a paged list where the server has none.

use std::fmt::Debug;

use common::api::Object;
use futures::stream::{self, BoxStream, StreamExt};
use kube::api::Api;
use kube::runtime::watcher::{self, Config, Event};
use kube::{Client, Resource};
use serde::de::DeserializeOwned;

use crate::context::Options;

/// A change to an object.
#[derive(Debug, Clone)]
pub enum Change<K> {
    /// It is there, new or changed.
    Is(K),
    /// It is gone.
    Gone(K),
}

impl<K> Change<K> {
    /// The object, as it is or was last.
    pub fn object(&self) -> &K {
        match self {
            Self::Is(object) | Self::Gone(object) => object,
        }
    }
}

/// The API for all watched objects of a kind: one namespace or all.
pub fn api<K: Object>(client: &Client, options: &Options) -> Api<K> {
    match &options.watch_namespace {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::all(client.clone()),
    }
}

/// Follows a kind forever, whatever `api` names; errors are logged and the watch begins again after
/// a growing delay.
pub fn follow<T>(api: Api<T>, config: Config, streaming: bool) -> BoxStream<'static, Event<T>>
where
    T: Resource<DynamicType: Clone> + Clone + DeserializeOwned + Debug + Send + Sync + 'static,
{
    let stream = watch(&api, &config, streaming);
    let state = Following { stream, api, config, streaming, failures: 0 };
    stream::unfold(state, |mut state| async {
        loop {
            match state.stream.next().await? {
                Ok(event) => {
                    state.failures = 0;
                    return Some((event, state));
                }
                Err(error) => state.failed(&error).await,
            }
        }
    })
    .boxed()
}

fn watch<T>(
    api: &Api<T>,
    config: &Config,
    streaming: bool,
) -> BoxStream<'static, watcher::Result<Event<T>>>
where
    T: Resource<DynamicType: Clone> + Clone + DeserializeOwned + Debug + Send + Sync + 'static,
{
    let config = config.clone();
    let config = if streaming { config.streaming_lists() } else { config };
    watcher::watcher(api.clone(), config).boxed()
}

struct Following<T> {
    stream: BoxStream<'static, watcher::Result<Event<T>>>,
    api: Api<T>,
    config: Config,
    streaming: bool,
    failures: u32,
}

impl<T> Following<T>
where
    T: Resource<DynamicType: Clone> + Clone + DeserializeOwned + Debug + Send + Sync + 'static,
{
    /// Waits before the next try; a server that refuses streaming lists is asked without.
    async fn failed(&mut self, error: &watcher::Error) {
        if self.streaming && refused(error) {
            tracing::debug!("no streaming lists here, listing instead");
            self.streaming = false;
            self.stream = watch(&self.api, &self.config, false);
            return;
        }
        if expired(error) {
            // The watcher would ask for the same lost version again and again.
            self.stream = watch(&self.api, &self.config, self.streaming);
        }
        self.failures = self.failures.saturating_add(1);
        if self.failures == 1 {
            tracing::debug!(%error, "watch ended, beginning again");
        } else {
            tracing::warn!(%error, failures = self.failures, "cannot watch");
        }
        tokio::time::sleep(crate::clock::backoff(self.failures, FIRST_DELAY, LONGEST_DELAY)).await;
    }
}

/// Delay after the first failure of a watch.
const FIRST_DELAY: std::time::Duration = std::time::Duration::from_millis(100);
/// Longest delay between tries of a watch: an API server that restarts is back in seconds.
const LONGEST_DELAY: std::time::Duration = std::time::Duration::from_secs(10);

/// Whether the server answered the watch itself with 410 Gone, instead of saying so in its stream.
fn expired(error: &watcher::Error) -> bool {
    matches!(error, watcher::Error::WatchStartFailed(kube::Error::Api(status)) if status.code == 410)
}

/// Whether the server said that it has no streaming lists.
fn refused(error: &watcher::Error) -> bool {
    match error {
        watcher::Error::WatchStartFailed(kube::Error::Api(status))
        | watcher::Error::InitialListFailed(kube::Error::Api(status)) => {
            matches!(status.code, 400 | 403 | 422) && status.message.contains("sendInitialEvents")
        }
        watcher::Error::WatchError(status) => {
            matches!(status.code, 400 | 403 | 422) && status.message.contains("sendInitialEvents")
        }
        _ => false,
    }
}
