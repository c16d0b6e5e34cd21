//! One conversation with a server: the handshake, listing references, receiving a pack.

use std::sync::{Arc, atomic::AtomicBool};

use gix::{
    bstr::ByteSlice as _,
    hash::Kind,
    protocol::{
        Handshake, LsRefsCommand,
        fetch::{self, Shallow, Tags, negotiate},
        handshake::Ref,
        ls_refs::RefPrefixes,
        transport::{Protocol, Service, client::Capabilities},
    },
};

use crate::{
    Error, ObjectId, Remote, RemoteUrl,
    connection::RemoteRef,
    transport::{self, Transport},
    wire::Wire,
};

/// One conversation with a server.
pub(crate) struct Session {
    wire: Arc<Wire>,
    transport: Box<dyn Transport>,
    handshake: Handshake,
    url: RemoteUrl,
}

/// What to receive.
#[derive(Debug, Default)]
pub(crate) struct Want {
    /// Tips to receive.
    pub(crate) ids: Vec<ObjectId>,
    /// Commits that are complete on our side.
    pub(crate) have: Vec<ObjectId>,
    /// Only the tips themselves, without their history.
    pub(crate) shallow: bool,
    /// Commits alone, no trees and files, where the server can leave those out.
    pub(crate) commits_only: bool,
}

impl Session {
    /// Connects and exchanges capabilities.
    pub(crate) fn open(remote: &Remote, wire: &Arc<Wire>) -> Result<Self, Error> {
        let mut transport = transport::open(remote, wire)?;
        let no_helper = |_| {
            Err(gix::Error::from_error(std::io::Error::other("the server wants other credentials")))
        };
        let handshake = gix::protocol::handshake(
            &mut transport,
            Service::UploadPack,
            no_helper,
            Vec::new(),
            &mut gix::progress::Discard,
        )
        .map_err(|error| wire.reason(|| format!("cannot talk to '{}'", remote.url), error))?;
        Ok(Self { wire: Arc::clone(wire), transport, handshake, url: remote.url.clone() })
    }

    /// The hash function of the server's repository.
    pub(crate) fn hash(&self) -> Kind {
        let format = self.handshake.capabilities.capability("object-format");
        match format.and_then(|it| it.value().map(|value| value == b"sha256".as_bstr())) {
            Some(true) => Kind::Sha256,
            _ => Kind::Sha1,
        }
    }

    /// Whether the server can send a commit without its history.
    pub(crate) fn can_be_shallow(&self) -> bool {
        self.can(|capabilities| capabilities.contains("shallow"), "shallow")
    }

    /// Whether the server can leave trees and files out.
    pub(crate) fn can_filter(&self) -> bool {
        self.can(|capabilities| capabilities.contains("filter"), "filter")
    }

    fn can(&self, older: impl Fn(&Capabilities) -> bool, feature: &str) -> bool {
        let capabilities = &self.handshake.capabilities;
        match self.handshake.server_protocol_version {
            Protocol::V2 => capabilities
                .capability("fetch")
                .and_then(|it| it.supports(feature))
                .unwrap_or_default(),
            _ => older(capabilities),
        }
    }

    /// The server's references whose names start with one of `prefixes`; all when there are none.
    pub(crate) fn refs(&mut self, prefixes: &[&str]) -> Result<Vec<RemoteRef>, Error> {
        if self.handshake.refs.is_none() {
            let listed = self.list(prefixes)?;
            return Ok(select(&listed, prefixes));
        }
        Ok(select(self.handshake.refs.as_deref().unwrap_or_default(), prefixes))
    }

    fn list(&mut self, prefixes: &[&str]) -> Result<Vec<Ref>, Error> {
        let wanted = (!prefixes.is_empty()).then(|| {
            let mut wanted = RefPrefixes::new();
            wanted.extend(prefixes.iter().map(|prefix| (*prefix).into()));
            wanted
        });
        let command = LsRefsCommand::new(wanted, &self.handshake.capabilities, agent());
        command.invoke_blocking(&mut self.transport, &mut gix::progress::Discard, false).map_err(
            |error| {
                self.wire.reason(|| format!("cannot list the references of '{}'", self.url), error)
            },
        )
    }

    /// Receives what `want` says into `repo`.
    pub(crate) fn fetch(mut self, repo: &gix::Repository, want: Want) -> Result<(), Error> {
        let doing = || format!("cannot fetch from '{}'", self.url);
        let shallow = if want.shallow {
            Shallow::DepthAtRemote(std::num::NonZeroU32::MIN)
        } else {
            Shallow::NoChange
        };
        let options = fetch::Options {
            shallow_file: repo.git_dir().join("shallow"),
            shallow: &shallow,
            tags: Tags::None,
            reject_shallow_remote: false,
        };
        let context = fetch::Context {
            handshake: &mut self.handshake,
            transport: &mut self.transport,
            user_agent: agent(),
            trace_packetlines: false,
        };
        let received = gix::protocol::fetch(
            &mut Asking(want),
            |pack, progress, interrupt| store(repo, pack, progress, interrupt).map(|()| true),
            gix::progress::Discard,
            &AtomicBool::new(false),
            context,
            options,
        );
        received.map(drop).map_err(|error| self.wire.reason(doing, error))
    }
}

fn agent() -> gix::protocol::command::Feature {
    ("agent", Some(concat!("git/weir-", env!("CARGO_PKG_VERSION")).to_owned()))
}

fn select(refs: &[Ref], prefixes: &[&str]) -> Vec<RemoteRef> {
    let wanted =
        |name: &str| prefixes.is_empty() || prefixes.iter().any(|prefix| name.starts_with(prefix));
    let found = refs.iter().filter_map(|it| {
        let (name, direct, peeled) = it.unpack();
        let (name, direct) = (name.to_str().ok()?, direct?.to_owned());
        wanted(name).then(|| RemoteRef {
            name: name.to_owned(),
            id: peeled.map_or(direct, ToOwned::to_owned),
            tag: peeled.map(|_| direct),
        })
    });
    found.collect()
}

fn store(
    repo: &gix::Repository,
    pack: &mut dyn std::io::BufRead,
    progress: &mut dyn gix::DynNestedProgress,
    interrupt: &AtomicBool,
) -> gix::Result<()> {
    let written = gix::odb::pack::Bundle::write_to_directory(
        pack,
        Some(&repo.objects.store_ref().path().join("pack")),
        progress,
        interrupt,
        Some(Box::new(repo.objects.clone())),
        repo.object_hash(),
        gix::odb::pack::bundle::write::Options::default(),
    )?;
    // The `.keep` file guards against a garbage collection that never runs here.
    if let Some(keep) = written.keep_path {
        let _ = std::fs::remove_file(keep);
    }
    Ok(())
}

/// A negotiation with nothing to negotiate: the tips are known, and so is what we have.
struct Asking(Want);

impl fetch::Negotiate for Asking {
    fn mark_complete_and_common_ref(&mut self) -> gix::Result<negotiate::Action> {
        Ok(negotiate::Action::MustNegotiate { remote_ref_target_known: Vec::new() })
    }

    fn add_wants(&mut self, arguments: &mut fetch::Arguments, _known: &[bool]) -> bool {
        if self.0.commits_only && arguments.can_use_filter() {
            arguments.filter("tree:0");
        }
        self.0.ids.iter().for_each(|id| arguments.want(id));
        !self.0.ids.is_empty()
    }

    fn one_round(
        &mut self,
        _state: &mut negotiate::one_round::State,
        arguments: &mut fetch::Arguments,
        _previous: Option<&fetch::Response>,
    ) -> gix::Result<(negotiate::Round, bool)> {
        self.0.have.iter().for_each(|id| arguments.have(id));
        let round = negotiate::Round {
            haves_sent: self.0.have.len(),
            in_vain: 0,
            haves_to_send: self.0.have.len(),
            previous_response_had_at_least_one_in_common: false,
        };
        Ok((round, true))
    }
}
