//! The two ways to a server. Both hand the protocol layer a [`Transport`] and report their own
//! failures through the [`Wire`](crate::wire::Wire).

pub(crate) mod http;
pub(crate) mod ssh;

use std::sync::Arc;

pub(crate) use gix::protocol::transport::client::blocking_io::Transport;

use crate::{Error, Remote, url::Scheme, wire::Wire};

/// Opens a transport for fetching from `remote`.
pub(crate) fn open(remote: &Remote, wire: &Arc<Wire>) -> Result<Box<dyn Transport>, Error> {
    remote.credentials.check(&remote.url)?;
    match remote.url.scheme() {
        Scheme::Http | Scheme::Https => Ok(Box::new(http::open(remote, wire)?)),
        Scheme::Ssh => Ok(Box::new(ssh::open(remote, wire)?)),
    }
}
