//! Git repositories as sources: what a remote offers, one commit of it, and who signed that.
//!
//! A [`Remote`] is a URL with its credentials; [`Remote::connect`] opens it over HTTP(S), SSH, or in
//! place on this disk. A [`Connection`] resolves a [`Reference`] (branch, tag, semver range, full
//! reference name or commit) to a [`Tip`] without fetching anything, which is all that is needed to
//! see that nothing changed. [`Connection::fetch`] then brings exactly that one commit, and the
//! [`Snapshot`] writes its files to a directory:
//!
//! ```ignore
//! let remote = Remote::new("https://example.org/team/app.git".parse()?);
//! let mut connection = remote.connect()?;
//! let tip = connection.resolve(&Reference::branch("main"))?;
//! let snapshot = connection.fetch(&tip, &scratch.join("objects"))?;
//! snapshot.checkout(&scratch.join("files"), &CheckoutOptions::default())?;
//! println!("{}", snapshot.commit().revision); // main@sha1:4c1f…
//! ```
//!
//! Everything here blocks the calling thread (the wire formats underneath are synchronous), so an
//! async program calls it from its pool of blocking threads; a deadline and a cancellation token of
//! the [`Remote`] bound every wait.
//!
//! What it deliberately does not do: run `git`, `ssh` or any other program; read the user's Git or
//! SSH configuration; keep a work tree or an index; apply smudge filters (files under Git LFS stay
//! pointers) or line-ending conversion.

pub mod local;
pub mod verify;

mod checkout;
mod commit;
mod connection;
mod credentials;
mod error;
mod objects;
mod proxy;
mod reference;
mod remote;
mod semver;
mod session;
mod submodules;
mod transport;
mod url;
mod wire;
mod worktree;

pub use checkout::CheckoutOptions;
pub use commit::{Commit, Person, Tag};
pub use connection::{Connection, RemoteRef, Snapshot, Tip};
pub use credentials::{Credentials, Secret, TlsIdentity};
pub use error::Error;
pub use gix::ObjectId;
pub use proxy::Proxy;
pub use reference::Reference;
pub use remote::{Limits, Local, Remote, SshAlgorithms};
pub use semver::{Range, parse_version};
pub use url::{RemoteUrl, RepositoryKey};

#[cfg(test)]
mod tests;
