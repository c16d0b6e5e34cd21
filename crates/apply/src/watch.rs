//! Following objects of a kind: streaming lists first, a paged list where the server has none.

use std::fmt::Debug;
use std::time::Duration;

use futures::stream::{self, BoxStream, StreamExt};
use kube::runtime::watcher::{self, Config, Event};
use serde::de::DeserializeOwned;

/// Delay after a failed watch. An API server that restarts is back in seconds.
const RETRY: Duration = Duration::from_secs(1);
/// Longest delay: a watch that is not allowed may be allowed later, but is not worth many requests.
const LONGEST_RETRY: Duration = Duration::from_mins(1);

type Events<T> = BoxStream<'static, watcher::Result<Event<T>>>;

/// The events of a watch that `start` makes, forever.
pub(crate) fn follow<T, F>(start: F) -> BoxStream<'static, Event<T>>
where
    T: Clone + Debug + DeserializeOwned + Send + 'static,
    F: Fn(Config) -> Events<T> + Send + 'static,
{
    let first = start(Config::default().streaming_lists());
    let state = Following { stream: first, start, streaming: true, failures: 0 };
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

struct Following<T, F> {
    stream: Events<T>,
    start: F,
    streaming: bool,
    failures: u32,
}

impl<T, F: Fn(Config) -> Events<T>> Following<T, F> {
    async fn failed(&mut self, error: &watcher::Error) {
        if self.streaming && refuses_streaming(error) {
            self.streaming = false;
            self.stream = (self.start)(Config::default());
            return;
        }
        tracing::debug!(%error, "watch ended, beginning again");
        let delay = RETRY.saturating_mul(1 << self.failures.min(6)).min(LONGEST_RETRY);
        self.failures = self.failures.saturating_add(1);
        tokio::time::sleep(delay).await;
    }
}

fn refuses_streaming(error: &watcher::Error) -> bool {
    let said = |status: &kube::core::Status| {
        matches!(status.code, 400 | 403 | 422) && status.message.contains("sendInitialEvents")
    };
    match error {
        watcher::Error::WatchStartFailed(kube::Error::Api(status))
        | watcher::Error::InitialListFailed(kube::Error::Api(status)) => said(status),
        watcher::Error::WatchError(status) => said(status),
        _ => false,
    }
}
