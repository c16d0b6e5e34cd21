//! The directory that received objects are kept in: a bare repository without references but one.

use std::{fs, path::Path};

use gix::hash::Kind;

use crate::{Error, ObjectId, error::Doing as _};

/// The file that names the last commit received whole, which the next fetch builds on.
const COMPLETE: &str = "weir-complete";

/// Packs after which a store is begun anew: each fetch adds one, and each one slows every lookup.
const MAX_PACKS: usize = 32;

/// Opens the store at `dir`, making it if it is absent, of another hash function, or worn out.
pub(crate) fn open(dir: &Path, hash: Kind) -> Result<gix::Repository, Error> {
    let doing = || format!("cannot make an object store in {}", dir.display());
    if let Ok(repo) = read(dir)
        && repo.object_hash() == hash
        && packs(dir) < MAX_PACKS
    {
        return Ok(repo);
    }
    if dir.exists() {
        fs::remove_dir_all(dir).doing(doing)?;
    }
    for part in ["objects/pack", "objects/info", "refs/heads"] {
        fs::create_dir_all(dir.join(part)).doing(doing)?;
    }
    let config = match hash {
        Kind::Sha256 => {
            "[core]\n\trepositoryformatversion = 1\n\tbare = true\n[extensions]\n\tobjectFormat = sha256\n"
        }
        _ => "[core]\n\trepositoryformatversion = 0\n\tbare = true\n",
    };
    fs::write(dir.join("config"), config).doing(doing)?;
    fs::write(dir.join("HEAD"), "ref: refs/heads/none\n").doing(doing)?;
    read(dir).doing(doing)
}

/// Opens a repository on this disk for reading, with no regard for the user's configuration.
pub(crate) fn read(dir: &Path) -> gix::Result<gix::Repository> {
    let options = gix::open::Options::isolated().with(gix::sec::Trust::Full);
    let mut repo = gix::open_opts(dir, options)?;
    // Deltas are resolved against the same few bases over and over while a tree is walked.
    repo.object_cache_size_if_unset(4 * 1024 * 1024);
    Ok(repo)
}

fn packs(dir: &Path) -> usize {
    let files = fs::read_dir(dir.join("objects/pack")).into_iter().flatten().flatten();
    files.filter(|file| file.path().extension().is_some_and(|it| it == "pack")).count()
}

/// The commit last received whole.
pub(crate) fn complete(repo: &gix::Repository) -> Option<ObjectId> {
    let text = fs::read(repo.git_dir().join(COMPLETE)).ok()?;
    ObjectId::from_hex(&text).ok().filter(|id| repo.has_object(id))
}

/// Remembers `id` as received whole.
pub(crate) fn set_complete(repo: &gix::Repository, id: ObjectId) -> Result<(), Error> {
    let path = repo.git_dir().join(COMPLETE);
    fs::write(&path, id.to_string()).doing(|| format!("cannot write {}", path.display()))
}
