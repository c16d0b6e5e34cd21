//! Which files of a source are left out of its artifact: rules in the format of .gitignore.
//!
//! The rules are those of a `.sourceignore` file in any directory, and then those of
//! `spec.ignore`; the last rule that matches decides. They are read as the original reads them
//! (fluxcd/pkg, `sourceignore`), which differs from Git in ways that users rely on:
//!
//! - a rule that begins with `!` takes back in also what lies in a directory that is left out
//! - `dir/**` is the directory too, not only what lies in it
//! - a rule that is nothing but `/**` matches nothing
//!
//! Where the original fails to match what Git matches (`[!a]`, several places for `**` to stand
//! for, `**` inside a name), this follows Git.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use self::pattern::Pattern;

mod glob;
mod pattern;

/// The name of the files with rules.
pub const FILE_NAME: &str = ".sourceignore";

/// The longest list of rules, in bytes of a file or a spec. Real ones have a few lines; matching
/// costs rules times files.
const MAX_RULES_SIZE: u64 = 256 * 1024;

/// The deepest directory that is looked at. Deeper than any path that a system call takes.
const MAX_DEPTH: usize = 1024;

/// What version control keeps beside the files. Always left out.
const VERSION_CONTROL: &[&str] = &[".git/", ".gitignore", ".gitmodules", ".gitattributes"];

/// What is left out unless there are rules: media and archives, what is for CI, what is for tools.
const DEFAULT: &[&str] = &[
    "*.jpg",
    "*.jpeg",
    "*.gif",
    "*.png",
    "*.wmv",
    "*.flv",
    "*.tar.gz",
    "*.zip",
    ".github/",
    ".circleci/",
    ".travis.yml",
    ".gitlab-ci.yml",
    "appveyor.yml",
    ".drone.yml",
    "cloudbuild.yaml",
    "codeship-services.yml",
    "codeship-steps.yml",
    "**/.goreleaser.yml",
    "**/.sops.yaml",
    "**/.flux.yaml",
];

/// Rules that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum IgnoreError {
    /// A file or directory cannot be read.
    #[error("cannot read {} for ignore rules", path.display())]
    Read {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There are too many rules, or the tree is too deep.
    #[error("ignore rules in {} are beyond the limit of {limit}", path.display())]
    Limit {
        /// The file or directory.
        path: PathBuf,
        /// What is allowed.
        limit: &'static str,
    },
}

/// Rules that say for each path whether it is left out.
#[derive(Debug, Clone)]
pub struct Rules {
    patterns: Vec<Pattern>,
}

/// The rules that hold when there are no others: what version control keeps, and a list of file
/// types and tools that no cluster needs.
impl Default for Rules {
    fn default() -> Self {
        Self { patterns: built_in(VERSION_CONTROL).chain(built_in(DEFAULT)).collect() }
    }
}

fn built_in(list: &'static [&'static str]) -> impl Iterator<Item = Pattern> {
    list.iter().map(|line| Pattern::parse(line, &[]))
}

impl Rules {
    /// The rules of a tree: those of all its `.sourceignore` files and then those of the spec,
    /// if there are any, else [`Rules::default`].
    ///
    /// # Errors
    /// If a file or directory cannot be read, or a limit is passed.
    pub fn load(root: &Path, spec: Option<&str>) -> Result<Self, IgnoreError> {
        let mut given = Vec::new();
        load_directory(root, root, &mut Vec::new(), &mut given)?;
        if let Some(spec) = spec {
            check_size(spec.len() as u64, Path::new("spec.ignore"))?;
            given.extend(parse_lines(spec, &[]));
        }
        if given.is_empty() {
            return Ok(Self::default());
        }
        Ok(Self { patterns: built_in(VERSION_CONTROL).chain(given).collect() })
    }

    /// [`Rules::default`], then those of all `.sourceignore` files of a tree, then those of a text: what the command
    /// line leaves out of a build.
    ///
    /// # Errors
    /// As [`Rules::load`].
    pub fn load_over_default(root: &Path, text: &str) -> Result<Self, IgnoreError> {
        check_size(text.len() as u64, Path::new("the given rules"))?;
        let mut rules = Self::default();
        load_directory(root, root, &mut Vec::new(), &mut rules.patterns)?;
        Ok(rules.and(text))
    }

    /// The rules of a text and no others: nothing is left out by default. For lists of keys
    /// (buckets), where there is no tree to look at.
    pub fn parse(text: &str) -> Self {
        Self { patterns: parse_lines(text, &[]).collect() }
    }

    /// These rules and then those of a text.
    #[must_use]
    pub fn and(mut self, text: &str) -> Self {
        self.patterns.extend(parse_lines(text, &[]));
        self
    }

    /// Whether a path, relative to the root of the tree, is left out.
    pub fn ignores(&self, path: &Path, is_directory: bool) -> bool {
        let names: Vec<_> = path.iter().map(|name| name.to_string_lossy()).collect();
        let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
        self.ignores_names(&names, is_directory)
    }

    /// As [`Self::ignores`], for the names that the path is made of.
    pub(crate) fn ignores_names(&self, names: &[&str], is_directory: bool) -> bool {
        let last = self.patterns.iter().rev().find(|p| p.matches(names, is_directory));
        last.is_some_and(|pattern| !pattern.takes_back)
    }

    /// Whether some rule may take back what lies in a directory that is left out. If not, such a
    /// directory need not be looked at.
    pub(crate) fn take_back(&self) -> bool {
        self.patterns.iter().any(|pattern| pattern.takes_back)
    }
}

fn parse_lines<'a>(text: &'a str, domain: &'a [String]) -> impl Iterator<Item = Pattern> + 'a {
    let rule = |line: &&str| !line.starts_with('#') && !line.trim().is_empty();
    text.lines().filter(rule).map(|line| Pattern::parse(line, domain))
}

fn check_size(size: u64, path: &Path) -> Result<(), IgnoreError> {
    if size > MAX_RULES_SIZE {
        return Err(IgnoreError::Limit { path: path.to_owned(), limit: "256 KiB" });
    }
    Ok(())
}

/// Adds the rules of a directory, and then those of the directories in it, in order of name.
fn load_directory(
    root: &Path,
    directory: &Path,
    domain: &mut Vec<String>,
    patterns: &mut Vec<Pattern>,
) -> Result<(), IgnoreError> {
    if domain.len() > MAX_DEPTH {
        return Err(IgnoreError::Limit { path: directory.to_owned(), limit: "1024 directories" });
    }
    let failed = |path: &Path, source| IgnoreError::Read { path: path.to_owned(), source };
    let mut directories = Vec::new();
    for entry in fs::read_dir(directory).map_err(|error| failed(directory, error))? {
        let entry = entry.map_err(|error| failed(directory, error))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name == FILE_NAME {
            let path = entry.path();
            let text = read(root, &path).map_err(|error| failed(&path, error))?;
            check_size(text.len() as u64, &path)?;
            patterns.extend(parse_lines(&text, domain));
        }
        let is_directory = entry.file_type().is_ok_and(|file_type| file_type.is_dir());
        if is_directory && name != ".git" {
            directories.push((name, entry.path()));
        }
    }
    directories.sort();
    for (name, path) in directories {
        domain.push(name);
        load_directory(root, &path, domain, patterns)?;
        domain.pop();
    }
    Ok(())
}

/// The text of a file with rules, one byte beyond the limit at most. A symlink is followed inside
/// the tree and otherwise taken as absent, so that a repository cannot point at other files.
fn read(root: &Path, path: &Path) -> io::Result<String> {
    use io::Read as _;

    let (root, real) = match (root.canonicalize(), path.canonicalize()) {
        (Ok(root), Ok(real)) => (root, real),
        (Err(error), _) => return Err(error),
        (_, Err(error)) if error.kind() == io::ErrorKind::NotFound => return Ok(String::new()),
        (_, Err(error)) => return Err(error),
    };
    if !real.starts_with(&root) || !real.metadata()?.is_file() {
        return Ok(String::new());
    }
    let mut bytes = Vec::new();
    fs::File::open(real)?.take(MAX_RULES_SIZE + 1).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests;
