//! Submodules: what `.gitmodules` says, and their files.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use gix::bstr::ByteSlice as _;

use crate::{
    CheckoutOptions, Error, ObjectId, Reference, Remote,
    checkout::{self, Gitlink},
    error::Doing as _,
    objects,
};

/// Submodules within submodules.
const MAX_NESTING: usize = 10;

/// Bytes of a `.gitmodules` file; one submodule takes about a hundred.
const MAX_GITMODULES: usize = 1024 * 1024;

/// The submodules of one tree.
pub(crate) struct Submodules<'a> {
    remote: &'a Remote,
    git_dir: PathBuf,
    by_path: BTreeMap<PathBuf, Submodule>,
}

struct Submodule {
    name: String,
    url: String,
}

impl<'a> Submodules<'a> {
    /// Reads `.gitmodules` in the tree `root`.
    pub(crate) fn read(
        remote: &'a Remote,
        repo: &gix::Repository,
        root: ObjectId,
    ) -> Result<Self, Error> {
        let doing = || "cannot read .gitmodules".to_owned();
        let tree = repo.find_tree(root).doing(doing)?;
        let mut by_path = BTreeMap::new();
        if let Some(entry) = tree.lookup_entry_by_path(".gitmodules").doing(doing)? {
            let blob = entry.object().doing(doing)?;
            if blob.data.len() > MAX_GITMODULES {
                return Err(Error::Limit(format!(
                    ".gitmodules is larger than {MAX_GITMODULES} bytes"
                )));
            }
            by_path = parse(&blob.data)?;
        }
        Ok(Self { remote, git_dir: repo.git_dir().to_owned(), by_path })
    }

    /// Fetches each of `links` and writes its files below `into`.
    pub(crate) fn checkout(
        &self,
        links: Vec<Gitlink>,
        into: &Path,
        nesting: usize,
    ) -> Result<(), Error> {
        if nesting >= MAX_NESTING {
            return Err(Error::Limit(format!(
                "submodules are nested more than {MAX_NESTING} deep"
            )));
        }
        for link in links {
            let path = link.path.display();
            let Some(submodule) = self.by_path.get(&link.path) else {
                return Err(Error::Invalid(format!(
                    "no url found for submodule path '{path}' in .gitmodules"
                )));
            };
            self.one(submodule, &link, (&into.join(&link.path), nesting + 1))
                .map_err(|error| in_submodule(&submodule.name, error))?;
        }
        Ok(())
    }

    fn one(
        &self,
        submodule: &Submodule,
        link: &Gitlink,
        place: (&Path, usize),
    ) -> Result<(), Error> {
        let options = CheckoutOptions { sparse: Vec::new(), submodules: true };
        let remote = self.remote.for_submodule(self.remote.url.join_submodule(&submodule.url)?);
        // A local repository usually holds its submodules' objects too.
        let modules = self.git_dir.join("modules").join(&submodule.name);
        if self.remote.local.is_some()
            && let Ok(repo) = objects::read(&modules)
            && repo.has_object(link.commit)
        {
            return checkout::tree_at_depth(&remote, &repo, link.commit, place, &options);
        }
        let store = tempfile::tempdir().doing(|| "cannot make a temporary directory".to_owned())?;
        let mut connection = remote.connect()?;
        let tip = connection.resolve(&Reference::Commit { id: link.commit, branch: None })?;
        let snapshot = connection.fetch(&tip, store.path())?;
        checkout::tree_at_depth(&remote, snapshot.objects(), link.commit, place, &options)
    }
}

/// Names the submodule in an error whose kind matters less than where it happened.
fn in_submodule(name: &str, error: Error) -> Error {
    match error {
        Error::Cancelled | Error::TimedOut(_) => error,
        other => Error::failed(format!("cannot check out submodule '{name}'"), other),
    }
}

fn parse(text: &[u8]) -> Result<BTreeMap<PathBuf, Submodule>, Error> {
    let invalid = |why: String| Error::Invalid(format!(".gitmodules: {why}"));
    let metadata = gix::config::file::Metadata::api();
    let file = gix::config::File::from_bytes_no_includes(
        text,
        metadata,
        gix::config::file::init::Options::default(),
    )
    .map_err(|error| invalid(error.to_string()))?;
    let mut found = BTreeMap::new();
    for section in file.sections_by_name("submodule").into_iter().flatten() {
        let Some(name) = section.header().subsection_name().and_then(|name| name.to_str().ok())
        else {
            continue;
        };
        let value =
            |key| section.value(key).and_then(|value| value.to_str().ok().map(str::to_owned));
        let (Some(path), Some(url)) = (value("path"), value("url")) else { continue };
        // A name becomes a path below .git/modules, so it is held to the same rules as a path.
        for part in name.split(['/', '\\']).chain(path.split('/')) {
            let options = gix::validate::path::component::Options {
                protect_windows: false,
                ..Default::default()
            };
            if gix::validate::path::component(part.into(), None, options).is_err() {
                return Err(invalid(format!(
                    "submodule '{}' has a dangerous name or path",
                    name.escape_debug()
                )));
            }
        }
        if name.starts_with('-') || path.starts_with('-') {
            return Err(invalid(format!(
                "submodule '{}' has a dangerous name or path",
                name.escape_debug()
            )));
        }
        found.insert(PathBuf::from(path), Submodule { name: name.to_owned(), url });
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn submodules_are_found_by_path() {
        let text = b"[submodule \"lib one\"]\n\tpath = vendor/lib\n\turl = ../lib.git\n[submodule \"empty\"]\n\tpath = x\n";
        let found = parse(text).unwrap();
        assert_eq!(found.len(), 1);
        let lib = &found[Path::new("vendor/lib")];
        assert_eq!((lib.name.as_str(), lib.url.as_str()), ("lib one", "../lib.git"));
    }

    #[test]
    fn dangerous_names_and_paths_are_refused() {
        for (name, path) in [
            ("../../hooks", "lib"),
            ("lib", "../lib"),
            ("a/../b", "lib"),
            ("-x", "lib"),
            ("lib", ".git/hooks"),
            ("x", "/etc"),
        ] {
            let text = format!("[submodule \"{name}\"]\n\tpath = {path}\n\turl = ../lib\n");
            assert!(parse(text.as_bytes()).is_err(), "{name} {path}");
        }
    }
}
