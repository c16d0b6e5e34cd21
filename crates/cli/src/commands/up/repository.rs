//! The repository that `weir up` was pointed at: a Git repository on disk, a plain folder, or a URL.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use git::{CheckoutOptions, Local, Reference, Remote, RemoteRef, RemoteUrl, RepositoryKey};
use tempfile::TempDir;

/// Shown as the URL of what has none; `.invalid` never resolves, so nothing can be fetched from it by mistake.
const NO_URL: &str = "https://folder.invalid/";

/// What is reconciled, and which URLs are read from disk instead of the network.
#[derive(Debug)]
pub(super) struct Repository {
    /// For `spec.url` of a GitRepository that is made for it.
    pub(super) url: String,
    /// For `spec.ref.branch` of a GitRepository that is made for it.
    pub(super) branch: String,
    /// URLs that stand for repositories on this disk.
    pub(super) local: Vec<(RepositoryKey, Local)>,
    /// What a person is told about it.
    pub(super) description: String,
    /// Set when a plain folder is kept as a repository of its own.
    pub(super) folder: Option<Folder>,
}

/// A plain folder, and the repository that follows it.
#[derive(Debug)]
pub(super) struct Folder {
    /// Commits the folder's files as they change.
    pub(super) mirror: git::local::Mirror,
    _repository: TempDir,
}

/// What of the command line says which repository is meant.
#[derive(Debug)]
pub(super) struct Wanted<'a> {
    /// A path or a URL.
    pub(super) source: &'a str,
    /// Another branch than the one checked out.
    pub(super) branch: Option<&'a str>,
    /// `URL=PATH`.
    pub(super) map: &'a [String],
    /// Take uncommitted files too.
    pub(super) worktree: bool,
}

impl Repository {
    /// Finds out what was named, and reads as much of it as is needed to know that it is there.
    pub(super) fn open(wanted: &Wanted<'_>) -> Result<Self> {
        let mut repository = match wanted.source.parse::<RemoteUrl>() {
            Ok(url) if wanted.source.contains("://") => Self::remote(url, wanted)?,
            Err(error) if wanted.source.contains("://") => return Err(error.into()),
            _ => Self::on_disk(Path::new(wanted.source), wanted)?,
        };
        for entry in wanted.map {
            repository.local.push(mapping(entry, wanted.worktree)?);
        }
        Ok(repository)
    }

    /// The files at the branch's tip, in a folder that goes away with the value.
    pub(super) fn files(&self) -> Result<TempDir> {
        let mut remote = Remote::new(self.url.parse()?);
        remote.local = self.local_for(&self.url).cloned();
        let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
        let mut connection =
            remote.connect().with_context(|| format!("cannot read {}", self.description))?;
        let tip = connection.resolve(&Reference::branch(&self.branch))?;
        let snapshot = connection.fetch(&tip, &folder.path().join("objects"))?;
        snapshot.checkout(&folder.path().join("files"), &CheckoutOptions::default())?;
        Ok(folder)
    }

    /// The repository on disk that a URL stands for, if one does.
    pub(super) fn local_for(&self, url: &str) -> Option<&Local> {
        let key = RepositoryKey::of(url)?;
        self.local.iter().find(|(mapped, _)| *mapped == key).map(|(_, local)| local)
    }

    fn remote(url: RemoteUrl, wanted: &Wanted<'_>) -> Result<Self> {
        let branch = match wanted.branch {
            Some(branch) => branch.to_owned(),
            None => default_branch(&Remote::new(url))?,
        };
        Ok(Self {
            url: wanted.source.to_owned(),
            description: format!("{} at branch {branch}", wanted.source),
            branch,
            local: Vec::new(),
            folder: None,
        })
    }

    fn on_disk(path: &Path, wanted: &Wanted<'_>) -> Result<Self> {
        let path = std::path::absolute(path).and_then(|path| path.canonicalize());
        let path = path.with_context(|| format!("cannot read {}", wanted.source))?;
        if !path.is_dir() {
            bail!("{} is not a folder", path.display());
        }
        match git::local::discover(&path) {
            Ok(root) if same(&root, &path) => Self::git(&path, wanted),
            _ if wanted.branch.is_some() => {
                bail!(
                    "{} is a plain folder, which has no branches; leave --branch out",
                    path.display()
                )
            }
            _ => Self::folder(&path),
        }
    }

    fn git(path: &Path, wanted: &Wanted<'_>) -> Result<Self> {
        let current = git::local::current_branch(path)?;
        let branch = wanted.branch.map(str::to_owned).or(current);
        let branch = branch.with_context(|| {
            format!("no branch is checked out in {}; name one with --branch", path.display())
        })?;
        let local = Local { path: path.to_owned(), worktree: wanted.worktree };
        let urls = git::local::remote_urls(path)?;
        let url = urls.iter().find_map(|url| source_url(url));
        let url = url.unwrap_or_else(|| made_up_url(path));
        let keys = urls.iter().chain([&url]).filter_map(|url| RepositoryKey::of(url));
        let description = format!("{} at branch {branch}", path.display());
        Ok(Self {
            local: keys.map(|key| (key, local.clone())).collect(),
            url,
            branch,
            description,
            folder: None,
        })
    }

    /// A folder that is no repository's root becomes a repository of its own.
    fn folder(path: &Path) -> Result<Self> {
        let repository = tempfile::Builder::new()
            .prefix("weir-folder-")
            .tempdir()
            .context("cannot make a temporary folder")?;
        let mirror = git::local::Mirror::new(path, repository.path())?;
        let url = made_up_url(path);
        let local = Local { path: repository.path().to_owned(), worktree: false };
        Ok(Self {
            local: RepositoryKey::of(&url).map(|key| (key, local)).into_iter().collect(),
            url,
            branch: git::local::Mirror::BRANCH.to_owned(),
            description: format!("the folder {}", path.display()),
            folder: Some(Folder { mirror, _repository: repository }),
        })
    }
}

/// The branch that the remote's `HEAD` is at.
fn default_branch(remote: &Remote) -> Result<String> {
    let url = remote.url.to_string();
    let refs = remote.connect().and_then(|mut it| it.refs(&["HEAD", "refs/heads/"]));
    let refs = refs.with_context(|| format!("cannot read {url}"))?;
    default_among(&refs).with_context(|| {
        format!("{url} does not say which branch is its default; name one with --branch")
    })
}

/// The branch at the commit of `HEAD`; where several are, the one with the usual name.
fn default_among(refs: &[RemoteRef]) -> Option<String> {
    let head = refs.iter().find(|it| it.name == "HEAD")?;
    let at_head = refs.iter().filter(|it| it.id == head.id);
    let branches: Vec<&str> =
        at_head.filter_map(|it| it.name.strip_prefix("refs/heads/")).collect();
    let usual = ["main", "master"].into_iter().find(|name| branches.contains(name));
    usual.or_else(|| branches.first().copied()).map(str::to_owned)
}

/// A remote's URL in the form that `spec.url` of a GitRepository takes: `git@host:path` becomes `ssh://git@host/path`.
/// `None` for what no GitRepository can name, such as a path.
fn source_url(remote: &str) -> Option<String> {
    if remote.contains("://") {
        return remote.parse::<RemoteUrl>().is_ok().then(|| remote.to_owned());
    }
    let (host, path) = remote.split_once(':')?;
    let url = format!("ssh://{host}/{}", path.trim_start_matches('/'));
    (!host.contains('/') && url.parse::<RemoteUrl>().is_ok()).then_some(url)
}

fn made_up_url(path: &Path) -> String {
    let name = path
        .file_name()
        .map_or_else(|| "repository".to_owned(), |name| name.to_string_lossy().into_owned());
    let safe = name.replace(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '.', "-");
    format!("{NO_URL}{safe}.git")
}

fn mapping(entry: &str, worktree: bool) -> Result<(RepositoryKey, Local)> {
    let Some((url, path)) = entry.rsplit_once('=') else {
        bail!("--map {entry:?} is not URL=PATH")
    };
    let key = RepositoryKey::of(url)
        .with_context(|| format!("--map {entry:?}: {url:?} is no repository URL"))?;
    let path =
        git::local::discover(&PathBuf::from(path)).with_context(|| format!("--map {entry:?}"))?;
    Ok((key, Local { path, worktree }))
}

fn same(a: &Path, b: &Path) -> bool {
    a.canonicalize().is_ok_and(|a| b.canonicalize().is_ok_and(|b| a == b))
}

#[cfg(test)]
mod tests {
    use git::{ObjectId, RemoteRef};

    use super::{default_among, source_url};

    #[test]
    fn remote_becomes_the_url_of_a_source() {
        let check = |remote: &str, expected: Option<&str>| {
            assert_eq!(source_url(remote).as_deref(), expected, "{remote}");
        };
        check("git@example.com:team/fleet.git", Some("ssh://git@example.com/team/fleet.git"));
        check("example.com:/srv/fleet", Some("ssh://example.com/srv/fleet"));
        check("https://example.com/fleet", Some("https://example.com/fleet"));
        check("ssh://git@example.com:2222/fleet", Some("ssh://git@example.com:2222/fleet"));
        check("/srv/git/fleet.git", None);
        check("../fleet:old", None);
        check("file:///srv/git/fleet.git", None);
    }

    #[test]
    fn default_branch_is_where_head_is() {
        let id = |digit: &str| ObjectId::from_hex(digit.repeat(40).as_bytes()).unwrap();
        let refs = |list: &[(&str, &str)]| -> Vec<RemoteRef> {
            let one = |&(name, digit): &(&str, &str)| RemoteRef {
                name: name.to_owned(),
                id: id(digit),
                tag: None,
            };
            list.iter().map(one).collect()
        };
        let check = |list: &[(&str, &str)], expected: Option<&str>| {
            assert_eq!(default_among(&refs(list)).as_deref(), expected);
        };
        check(&[("HEAD", "a"), ("refs/heads/dev", "b"), ("refs/heads/trunk", "a")], Some("trunk"));
        check(&[("HEAD", "a"), ("refs/heads/dev", "a"), ("refs/heads/main", "a")], Some("main"));
        check(&[("HEAD", "a"), ("refs/heads/dev", "b"), ("refs/tags/v1", "a")], None);
        check(&[("refs/heads/main", "a")], None);
    }
}
