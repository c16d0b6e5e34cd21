//! Repositories on this disk, read in place: no copy, no server.

mod mirror;
mod watch;

use std::path::{Path, PathBuf};

use gix::bstr::ByteSlice as _;

pub use self::{mirror::Mirror, watch::Watch};
use crate::{
    Error, Local, RemoteRef, RepositoryKey, error::Doing as _, objects, worktree::Worktree,
};

/// An open repository on this disk.
pub(crate) struct Repository {
    local: Local,
    repo: gix::Repository,
}

impl Repository {
    pub(crate) fn open(local: &Local) -> Result<Self, Error> {
        let repo = objects::read(&local.path).map_err(|error| {
            Error::NotFound(format!("no Git repository in {}: {error}", local.path.display()))
        })?;
        Ok(Self { local: local.clone(), repo })
    }

    pub(crate) fn objects(&self) -> &gix::Repository {
        &self.repo
    }

    /// The files as they are now, when that is what a branch is to mean.
    pub(crate) fn worktree(&self) -> Result<Option<Worktree>, Error> {
        if !self.local.worktree || self.repo.workdir().is_none() || self.repo.head_id().is_err() {
            return Ok(None);
        }
        Worktree::read(&self.repo).map(Some)
    }

    /// References by prefix. A branch that exists only as `origin`'s is listed as if it were our
    /// own, since that is what it is at the URL this repository stands in for.
    pub(crate) fn refs(&self, prefixes: &[&str]) -> Result<Vec<RemoteRef>, Error> {
        let doing = || format!("cannot list the references of {}", self.local.path.display());
        let platform = self.repo.references().doing(doing)?;
        let mut own = Vec::new();
        let mut of_origin = Vec::new();
        for reference in platform.all().doing(doing)? {
            let reference = reference.doing(doing)?;
            let Ok(name) = reference.name().as_bstr().to_str().map(str::to_owned) else { continue };
            let origin = name
                .strip_prefix("refs/remotes/origin/")
                .map(|branch| format!("refs/heads/{branch}"));
            let shown = origin.as_deref().unwrap_or(&name);
            if !prefixes.is_empty() && !prefixes.iter().any(|prefix| shown.starts_with(prefix)) {
                continue;
            }
            let direct = reference.try_id().map(gix::Id::detach);
            let Ok(id) = reference.into_fully_peeled_id().map(gix::Id::detach) else { continue };
            let list = if origin.is_some() { &mut of_origin } else { &mut own };
            list.push(RemoteRef {
                name: shown.to_owned(),
                id,
                tag: direct.filter(|direct| *direct != id),
            });
        }
        of_origin.retain(|it| !own.iter().any(|mine| mine.name == it.name));
        own.append(&mut of_origin);
        if prefixes.contains(&"HEAD")
            && let Ok(head) = self.repo.head_id()
        {
            own.push(RemoteRef { name: "HEAD".to_owned(), id: head.detach(), tag: None });
        }
        own.sort_by(|left, right| left.name.cmp(&right.name));
        Ok(own)
    }
}

/// The root of the repository that `path` lies in.
///
/// # Errors
/// When it lies in none.
pub fn discover(path: &Path) -> Result<PathBuf, Error> {
    let none = |error: &dyn std::fmt::Display| {
        Error::NotFound(format!("{} is in no Git repository: {error}", path.display()))
    };
    let (found, _) = gix::discover::upwards(path).map_err(|error| none(&error))?;
    let (git_dir, work_dir) = found.into_repository_and_work_tree_directories();
    Ok(work_dir.unwrap_or(git_dir))
}

/// The commit that `revision` means, in the notation of `git rev-parse`: `main`, `v1.0.0`, `HEAD~3`,
/// a part of an id.
///
/// # Errors
/// When there is no repository at `path`, or no such commit in it.
pub fn rev_parse(path: &Path, revision: &str) -> Result<crate::ObjectId, Error> {
    let repo = Repository::open(&Local { path: path.to_owned(), worktree: false })?.repo;
    let missing = |error: gix::Error| {
        Error::NotFound(format!("no commit '{revision}' in {}: {error}", path.display()))
    };
    let object = repo.rev_parse_single(revision).and_then(|id| id.object()).map_err(missing)?;
    object.peel_to_commit().map(|commit| commit.id).map_err(missing)
}

/// The branch that is checked out, when one is.
///
/// # Errors
/// When there is no repository at `path`.
pub fn current_branch(path: &Path) -> Result<Option<String>, Error> {
    let repo = Repository::open(&Local { path: path.to_owned(), worktree: false })?.repo;
    let name = repo.head_name().doing(|| format!("cannot read HEAD of {}", path.display()))?;
    Ok(name.map(|name| name.shorten().to_str_lossy().into_owned()))
}

/// The URLs of a repository's remotes as its configuration has them, `origin`'s first.
///
/// # Errors
/// When there is no repository at `path`.
pub fn remote_urls(path: &Path) -> Result<Vec<String>, Error> {
    let repo = Repository::open(&Local { path: path.to_owned(), worktree: false })?.repo;
    let config = repo.config_snapshot();
    let mut sections: Vec<_> = config.sections_by_name("remote").into_iter().flatten().collect();
    sections.sort_by_key(|section| {
        section.header().subsection_name().is_none_or(|name| name != "origin")
    });
    let urls = sections.into_iter().flat_map(|section| section.values("url"));
    Ok(urls.filter_map(|url| url.to_str().ok().map(str::to_owned)).collect())
}

/// The URLs of a repository's remotes, as keys by which manifests that name them are recognised.
///
/// # Errors
/// When there is no repository at `path`.
pub fn remote_keys(path: &Path) -> Result<Vec<RepositoryKey>, Error> {
    let urls = remote_urls(path)?;
    let mut keys: Vec<_> = urls.iter().filter_map(|url| RepositoryKey::of(url)).collect();
    keys.sort();
    keys.dedup();
    Ok(keys)
}
