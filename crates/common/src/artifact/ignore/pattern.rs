//! One rule: a pattern for paths below a directory.

use super::glob::Glob;

/// One rule.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    /// The directory that the rule was written in.
    domain: Vec<String>,
    /// Whether the rule takes files back in (`!`).
    pub(super) takes_back: bool,
    /// Whether the rule is for directories only (`/` at the end).
    only_directories: bool,
    shape: Shape,
}

#[derive(Debug, Clone)]
enum Shape {
    /// A name at any depth.
    Name(Glob),
    /// A path from the directory of the rule on, with a `/` in it.
    Path(Vec<Segment>),
    /// Malformed, or nothing but `/**`.
    Nothing,
}

#[derive(Debug, Clone)]
enum Segment {
    Name(Glob),
    /// `**`: any number of directories.
    Directories,
}

impl Pattern {
    /// Reads one line, which is neither empty nor a comment, written in a directory.
    pub(super) fn parse(line: &str, domain: &[String]) -> Self {
        let (takes_back, text) = match line.strip_prefix('!') {
            Some(text) => (true, text),
            None => (false, line),
        };
        let text = if text.ends_with("\\ ") { text } else { text.trim_end_matches(' ') };
        let (only_directories, text) = match text.strip_suffix('/') {
            Some(text) => (true, text),
            None => (false, text),
        };
        Self { domain: domain.to_vec(), takes_back, only_directories, shape: Shape::parse(text) }
    }

    /// Whether the rule is for a path, given by its names from the root on.
    pub(super) fn matches(&self, names: &[&str], is_directory: bool) -> bool {
        let Some((start, names)) = names.split_at_checked(self.domain.len()) else { return false };
        if start != self.domain {
            return false;
        }
        // What lies in a matching directory matches too; only the last name may be a file.
        let allowed = |end: usize| end < names.len() || is_directory || !self.only_directories;
        match &self.shape {
            Shape::Nothing => false,
            Shape::Name(glob) => {
                names.iter().enumerate().any(|(i, name)| allowed(i + 1) && glob.matches(name))
            }
            Shape::Path(segments) => ends(segments, names).into_iter().any(allowed),
        }
    }
}

impl Shape {
    fn parse(text: &str) -> Self {
        if !text.contains('/') {
            return Glob::parse(text).map_or(Self::Nothing, Self::Name);
        }
        let mut segments = Vec::new();
        for part in text.split('/').filter(|part| !part.is_empty()) {
            match (part, Glob::parse(part)) {
                ("**", _) => segments.push(Segment::Directories),
                (_, Some(glob)) => segments.push(Segment::Name(glob)),
                (_, None) => return Self::Nothing,
            }
        }
        if segments.iter().any(|segment| matches!(segment, Segment::Name(_))) {
            Self::Path(segments)
        } else {
            Self::Nothing
        }
    }
}

/// How many names, counted from the first, the segments can stand for. Keeps all possibilities at
/// once, so that several `**` cost no more than the product of both lengths.
fn ends(segments: &[Segment], names: &[&str]) -> Vec<usize> {
    let mut reached = vec![0];
    for segment in segments {
        reached = match segment {
            Segment::Directories => {
                let first = reached.first().copied().unwrap_or(names.len() + 1);
                (first..=names.len()).collect()
            }
            Segment::Name(glob) => reached
                .into_iter()
                .filter(|at| names.get(*at).is_some_and(|name| glob.matches(name)))
                .map(|at| at + 1)
                .collect(),
        };
    }
    reached
}
