//! `.helmignore`.

use crate::glob::{self, Glob};
use crate::{Error, Result};

/// The rules of a `.helmignore`.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    patterns: Vec<Pattern>,
}

#[derive(Debug)]
struct Pattern {
    glob: Glob,
    /// Matches the last name only, not the whole path.
    base_only: bool,
    negate: bool,
    folders_only: bool,
}

impl Rules {
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let mut rules = Self::default();
        for line in text.lines() {
            rules.add(line)?;
        }
        Ok(rules)
    }

    /// What is always ignored: hidden files in `templates/`.
    pub(crate) fn add_defaults(&mut self) {
        // The pattern is valid, so nothing is lost.
        let _ = self.add("templates/.?*");
    }

    fn add(&mut self, line: &str) -> Result<()> {
        let rule = line.trim();
        if rule.is_empty() || rule.starts_with('#') {
            return Ok(());
        }
        if rule.contains("**") {
            return Err(Error::new("double-star (**) syntax is not supported"));
        }
        let (negate, rule) = match rule.strip_prefix('!') {
            Some(rule) => (true, rule),
            None => (false, rule),
        };
        let (folders_only, rule) = match rule.strip_suffix('/') {
            Some(rule) => (true, rule),
            None => (false, rule),
        };
        let base_only = !rule.contains('/');
        let glob = glob::file_match(rule.strip_prefix('/').unwrap_or(rule))
            .ok_or_else(|| Error::new("syntax error in pattern"))?;
        self.patterns.push(Pattern { glob, base_only, negate, folders_only });
        Ok(())
    }

    /// True when a path is left out.
    pub(crate) fn ignores(&self, path: &str, is_dir: bool) -> bool {
        let base = path.rsplit('/').next().unwrap_or(path);
        for pattern in &self.patterns {
            let matches = pattern.glob.is_match(if pattern.base_only { base } else { path });
            if pattern.negate {
                if (pattern.folders_only && !is_dir) || !matches {
                    return true;
                }
                continue;
            }
            if matches && (!pattern.folders_only || is_dir) {
                return true;
            }
        }
        false
    }
}
