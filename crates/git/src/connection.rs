//! An open repository: resolving a reference, fetching one commit.

use std::{path::Path, sync::Arc, time::Instant};

use crate::{
    CheckoutOptions, Commit, Error, ObjectId, Range, Reference, Remote, Tag, checkout,
    error::Doing as _,
    local::Repository,
    objects, reference, semver,
    session::{Session, Want},
    wire::Wire,
    worktree::Worktree,
};

/// Tips asked for at once when a server only sends what its references show.
const MAX_WANTS: usize = 20_000;

/// An open repository.
pub struct Connection {
    remote: Remote,
    way: Way,
}

enum Way {
    Server { wire: Arc<Wire>, session: Option<Session> },
    Local(Box<Repository>),
}

/// A reference of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteRef {
    /// The full name, such as `refs/heads/main`.
    pub name: String,
    /// The object it leads to, through annotated tags.
    pub id: ObjectId,
    /// The annotated tag it points at itself.
    pub tag: Option<ObjectId>,
}

/// What a reference means at this moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tip {
    /// The commit.
    pub id: ObjectId,
    /// Its revision: `main@sha1:…`.
    pub revision: String,
    reference: Option<String>,
    tag: Option<ObjectId>,
    /// The tip of the branch whose history must contain the commit.
    within: Option<ObjectId>,
    worktree: bool,
}

/// One commit with its files.
pub struct Snapshot {
    remote: Remote,
    repo: gix::Repository,
    commit: Commit,
    worktree: Option<Worktree>,
}

impl Connection {
    pub(crate) fn open(remote: &Remote) -> Result<Self, Error> {
        let deadline = remote.deadline.unwrap_or_else(|| Instant::now() + remote.limits.timeout);
        let remote = &Remote { deadline: Some(deadline), ..remote.clone() };
        let way = if let Some(local) = &remote.local {
            Way::Local(Box::new(Repository::open(local)?))
        } else {
            let wire = Arc::new(Wire::new(remote, deadline)?);
            let session = Some(Session::open(remote, &wire)?);
            Way::Server { wire, session }
        };
        Ok(Self { remote: remote.clone(), way })
    }

    /// The references whose full names start with one of `prefixes`; all when there are none.
    ///
    /// # Errors
    /// When the server does not answer as it should.
    pub fn refs(&mut self, prefixes: &[&str]) -> Result<Vec<RemoteRef>, Error> {
        match &self.way {
            Way::Local(repository) => repository.refs(prefixes),
            Way::Server { .. } => {
                let mut session = self.session()?;
                let refs = session.refs(prefixes)?;
                self.keep(session);
                Ok(refs)
            }
        }
    }

    /// What `git fetch` would take a reference for: a name as it is, a tag, a branch, or a commit; `HEAD` where nothing
    /// is said.
    ///
    /// # Errors
    /// [`Error::NotFound`] when it is none of these, and when the server does not answer as it should.
    pub fn find(&mut self, reference: &str) -> Result<Reference, Error> {
        if reference.is_empty() {
            return Ok(Reference::Name("HEAD".to_owned()));
        }
        let names = [
            reference.to_owned(),
            format!("refs/{reference}"),
            format!("refs/tags/{reference}"),
            format!("refs/heads/{reference}"),
        ];
        let prefixes: Vec<&str> = names.iter().map(String::as_str).collect();
        let refs = self.refs(&prefixes)?;
        if let Some(name) = names.iter().find(|name| refs.iter().any(|it| it.name == **name)) {
            return Ok(match name.strip_prefix("refs/tags/") {
                Some(tag) => Reference::Tag(tag.to_owned()),
                None => Reference::Name(name.clone()),
            });
        }
        match ObjectId::from_hex(reference.as_bytes()) {
            Ok(id) => Ok(Reference::Commit { id, branch: None }),
            Err(_) => Err(Error::NotFound(format!("couldn't find remote ref '{reference}'"))),
        }
    }

    /// What `reference` means now. Fetches nothing, but for commits' dates where two tags of a
    /// semver range differ in build metadata alone.
    ///
    /// # Errors
    /// [`Error::Empty`] for a repository without any reference, [`Error::NotFound`] when the
    /// reference is not among them.
    pub fn resolve(&mut self, reference: &Reference) -> Result<Tip, Error> {
        match reference {
            Reference::Branch(branch) => self.named(&format!("refs/heads/{branch}")),
            Reference::Tag(tag) => self.named(&format!("refs/tags/{tag}")),
            Reference::Name(name) => {
                let mut tip = self.named(reference::without_peeling(name))?;
                tip.revision = reference::full_revision(name, tip.id);
                tip.worktree = false;
                Ok(tip)
            }
            Reference::Semver(range) => self.highest(range),
            Reference::Commit { id, branch } => self.pinned(*id, branch.as_deref()),
        }
    }

    fn named(&mut self, name: &str) -> Result<Tip, Error> {
        if let Way::Local(repository) = &self.way
            && name.starts_with("refs/heads/")
            && let Some(worktree) = repository.worktree()?
        {
            let revision = reference::revision(Some(name), worktree.id());
            return Ok(Tip { worktree: true, revision, ..Tip::of(name, worktree.head(), None) });
        }
        let found = self.refs(&[name])?.into_iter().find(|it| it.name == name);
        match found {
            Some(found) => Ok(Tip::of(name, found.id, found.tag)),
            None => {
                Err(self
                    .missing(format!("couldn't find remote ref '{name}' in '{}'", self.remote.url)))
            }
        }
    }

    /// The error for a reference that is not there, or for a repository without any.
    fn missing(&mut self, what: String) -> Error {
        match self.refs(&[]) {
            Ok(refs) if refs.is_empty() => Error::Empty { url: self.remote.url.to_string() },
            Ok(_) => Error::NotFound(what),
            Err(error) => error,
        }
    }

    fn pinned(&mut self, id: ObjectId, branch: Option<&str>) -> Result<Tip, Error> {
        let name = branch.map(|branch| format!("refs/heads/{branch}"));
        let within = match &name {
            Some(name) => Some(self.named(name)?.id),
            None => None,
        };
        let revision = reference::revision(name.as_deref(), id);
        Ok(Tip { id, revision, reference: name, tag: None, within, worktree: false })
    }

    fn highest(&mut self, range: &Range) -> Result<Tip, Error> {
        let mut tags = Vec::new();
        for found in self.refs(&["refs/tags/"])? {
            let version = found.name.strip_prefix("refs/tags/").and_then(semver::parse_version);
            if let Some(version) = version.filter(|version| range.matches(version)) {
                tags.push((version, found));
            }
        }
        tags.sort_by(|(left, a), (right, b)| {
            left.cmp_precedence(right).then_with(|| a.name.cmp(&b.name))
        });
        let Some((highest, last)) = tags.last().cloned() else {
            return Err(self.missing(format!(
                "no match found for semver: {range} among the tags of '{}'",
                self.remote.url
            )));
        };
        tags.retain(|(version, _)| version.cmp_precedence(&highest).is_eq());
        let equals: Vec<RemoteRef> = tags.into_iter().map(|(_, tag)| tag).collect();
        let newest = if equals.len() > 1 { self.newest(equals)? } else { last };
        Ok(Tip::of(&newest.name, newest.id, newest.tag))
    }

    /// The one of `tags` whose commit was made last.
    fn newest(&mut self, tags: Vec<RemoteRef>) -> Result<RemoteRef, Error> {
        let scratch =
            tempfile::tempdir().doing(|| "cannot make a temporary directory".to_owned())?;
        let repo = match &self.way {
            Way::Local(repository) => repository.objects().clone(),
            Way::Server { .. } => {
                let session = self.session()?;
                let repo = objects::open(scratch.path(), session.hash())?;
                let ids = tags.iter().map(|tag| tag.id).collect();
                let shallow = session.can_be_shallow();
                session
                    .fetch(&repo, Want { ids, shallow, commits_only: true, ..Want::default() })?;
                repo
            }
        };
        let mut dated = Vec::with_capacity(tags.len());
        for tag in tags {
            let doing = || format!("cannot resolve tag '{}' to a commit", tag.name);
            let seconds =
                repo.find_commit(tag.id).and_then(|commit| commit.time()).doing(doing)?.seconds;
            dated.push((seconds, tag));
        }
        dated.sort_by_key(|(seconds, _)| *seconds);
        let newest = dated.pop().map(|(_, tag)| tag);
        newest.ok_or_else(|| Error::NotFound("no tag to choose from".to_owned()))
    }

    /// Brings the commit of `tip` into the object store at `store`, which is made if need be and may
    /// be kept for the next fetch, that then transfers only what is new. A local repository is read
    /// in place and leaves `store` alone.
    ///
    /// # Errors
    /// When the server does not have the commit (any more), or a limit is reached.
    pub fn fetch(&mut self, tip: &Tip, store: &Path) -> Result<Snapshot, Error> {
        let (repo, worktree) = match &self.way {
            Way::Local(repository) => {
                let worktree = if tip.worktree { repository.worktree()? } else { None };
                (repository.objects().clone(), worktree)
            }
            Way::Server { .. } => (self.receive(tip, store)?, None),
        };
        if !repo.has_object(tip.id) {
            return Err(Error::NotFound(format!(
                "commit '{}' does not exist in '{}'",
                tip.id, self.remote.url
            )));
        }
        if let Some(branch) = tip.within
            && matches!(self.way, Way::Local(_))
            && !contains(&repo, branch, tip.id)?
        {
            return Err(self.not_on_branch(tip));
        }
        let mut commit = Commit::read(&repo, tip.id, tip.revision.clone())?;
        if worktree.as_ref().is_some_and(|worktree| worktree.id() != worktree.head()) {
            commit.set_uncommitted();
        }
        if let Some(name) =
            tip.reference.as_deref().and_then(|name| name.strip_prefix("refs/tags/"))
        {
            commit.tag = Some(Tag::read(&repo, tip.tag.unwrap_or(tip.id), name)?);
        }
        Ok(Snapshot { remote: self.remote.clone(), repo, commit, worktree })
    }

    fn receive(&mut self, tip: &Tip, store: &Path) -> Result<gix::Repository, Error> {
        let mut session = self.session()?;
        let repo = objects::open(store, session.hash())?;
        if let Some(branch) = tip.within.filter(|branch| *branch != tip.id) {
            if !session.can_filter() {
                // Without filters the branch comes whole anyway, and the commit with it.
                session.fetch(&repo, Want { ids: vec![branch], ..Want::default() })?;
                return if repo.has_object(tip.id) {
                    Ok(repo)
                } else {
                    Err(self.not_on_branch(tip))
                };
            }
            let scratch =
                tempfile::tempdir().doing(|| "cannot make a temporary directory".to_owned())?;
            let history = objects::open(scratch.path(), session.hash())?;
            session.fetch(
                &history,
                Want { ids: vec![branch], commits_only: true, ..Want::default() },
            )?;
            if !history.has_object(tip.id) {
                return Err(self.not_on_branch(tip));
            }
            session = self.session()?;
        }
        let wanted = tip.tag.unwrap_or(tip.id);
        if repo.has_object(wanted) && repo.has_object(tip.id) {
            self.keep(session);
            return Ok(repo);
        }
        if session.can_be_shallow() {
            let have = objects::complete(&repo).into_iter().collect();
            let want = Want { ids: vec![wanted], have, shallow: true, commits_only: false };
            match session.fetch(&repo, want) {
                Ok(()) => {}
                // Some servers send a commit only when a reference shows it.
                Err(Error::Failed { doing, source })
                    if tip.reference.is_none() || tip.within.is_some() =>
                {
                    tracing::debug!(url = %self.remote.url, doing, %source, "fetching all references instead of one commit");
                    self.receive_all(&repo)?;
                }
                Err(error) => return Err(error),
            }
        } else if tip.reference.is_some() && tip.within.is_none() {
            session.fetch(&repo, Want { ids: vec![wanted], ..Want::default() })?;
        } else {
            self.keep(session);
            self.receive_all(&repo)?;
        }
        if repo.has_object(tip.id) {
            objects::set_complete(&repo, tip.id)?;
        }
        Ok(repo)
    }

    fn receive_all(&mut self, repo: &gix::Repository) -> Result<(), Error> {
        let mut session = self.session()?;
        let refs = session.refs(&["refs/heads/", "refs/tags/"])?;
        let mut ids: Vec<ObjectId> = refs.into_iter().map(|it| it.id).collect();
        ids.sort_unstable();
        ids.dedup();
        if ids.len() > MAX_WANTS {
            return Err(Error::Limit(format!(
                "'{}' does not send single commits and has more than {MAX_WANTS} references",
                self.remote.url
            )));
        }
        session.fetch(repo, Want { ids, ..Want::default() })
    }

    fn not_on_branch(&self, tip: &Tip) -> Error {
        let branch = tip
            .reference
            .as_deref()
            .and_then(|name| name.strip_prefix("refs/heads/"))
            .unwrap_or_default();
        Error::NotFound(format!(
            "commit '{}' is not on branch '{branch}' of '{}'",
            tip.id, self.remote.url
        ))
    }

    /// The conversation with the server, resumed or begun anew; given back by [`Self::keep`] while
    /// it can be used further.
    fn session(&mut self) -> Result<Session, Error> {
        match &mut self.way {
            Way::Server { wire, session } => match session.take() {
                Some(session) => Ok(session),
                None => Session::open(&self.remote, wire),
            },
            Way::Local(_) => Err(Error::Invalid("a local repository has no server".to_owned())),
        }
    }

    fn keep(&mut self, kept: Session) {
        if let Way::Server { session, .. } = &mut self.way {
            *session = Some(kept);
        }
    }
}

fn contains(repo: &gix::Repository, tip: ObjectId, id: ObjectId) -> Result<bool, Error> {
    let doing = || format!("cannot read the history of commit '{tip}'");
    let mut history = repo.rev_walk([tip]).all().doing(doing)?;
    history.try_fold(false, |found, commit| Ok(found || commit.doing(doing)?.id == id))
}

impl Tip {
    fn of(name: &str, id: ObjectId, tag: Option<ObjectId>) -> Self {
        let revision = reference::revision(Some(name), id);
        Self { id, revision, reference: Some(name.to_owned()), tag, within: None, worktree: false }
    }
}

impl Snapshot {
    /// The commit.
    pub fn commit(&self) -> &Commit {
        &self.commit
    }

    /// The store that holds the commit's objects.
    pub(crate) fn objects(&self) -> &gix::Repository {
        &self.repo
    }

    /// Writes the commit's files below `into`, which is made if need be and must be empty.
    ///
    /// # Errors
    /// When the tree holds a name that is dangerous on any file system (`.git`, `..` and their
    /// disguises), a directory to check out does not exist, or a submodule cannot be fetched.
    pub fn checkout(&self, into: &Path, options: &CheckoutOptions) -> Result<(), Error> {
        match &self.worktree {
            Some(worktree) => worktree.copy(into, options),
            None => checkout::tree(&self.remote, &self.repo, self.commit.id, into, options),
        }
    }
}
