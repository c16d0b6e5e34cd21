//! A set of templates that can call each other by name.

use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::{BuildHasher as _, Hash as _, Hasher as _, RandomState};
use std::rc::Rc;

use bytes::Bytes;

use crate::function::Functions;
use crate::hash::Fast;
use crate::lex::Token;
use crate::node::{Shown, Statement, Tree};
use crate::parse::{Trees, parse, parse_limited};
use crate::source::Source;
use crate::{Error, Result};

/// Templates by name. Clones share the templates; [`TemplateSet::overlay`] makes a set whose
/// additions stay its own.
#[derive(Clone, Default)]
pub struct TemplateSet {
    inner: Rc<Inner>,
}

#[derive(Default)]
struct Inner {
    /// The name of the first template, for errors only.
    name: Rc<str>,
    base: Option<TemplateSet>,
    trees: RefCell<HashMap<Rc<str>, Rc<Tree>>>,
    /// Shared with the sets above this one.
    parsed: Rc<RefCell<Parsed>>,
}

/// What was parsed before, by text: subcharts bring the same library along again and again, and one
/// text is given to `tpl` many times.
#[derive(Default)]
struct Parsed {
    /// The functions that were known then.
    functions: Functions,
    hasher: RandomState,
    /// By the hash of the text; where two have the same, the later one stays.
    by_hash: HashMap<u64, Vec<Rc<Tree>>, Fast>,
    /// The bytes of all texts.
    size: usize,
    /// A list that tokens were in before.
    tokens: Vec<Token>,
}

/// The most bytes of texts whose trees are kept for the next time.
const MAX_KEPT: usize = 4 << 20;

/// The most tokens that a list which is kept for the next text has room for.
const MAX_SPARE: usize = 1 << 16;

impl Parsed {
    /// A hash of the length and some stretches of a text: whether two texts are the same is looked
    /// at anyway, and nobody who wrote them so that the hash is the same gains by it.
    fn hash(&self, text: &[u8]) -> u64 {
        const STRETCH: usize = 64;
        let mut hasher = self.hasher.build_hasher();
        text.len().hash(&mut hasher);
        let step = (text.len() / 4).max(STRETCH);
        for stretch in text.chunks(step) {
            hasher.write(stretch.get(..STRETCH).unwrap_or(stretch));
        }
        hasher.write(text.get(text.len().saturating_sub(STRETCH)..).unwrap_or_default());
        hasher.finish()
    }

    fn get(
        &self,
        name: &Rc<str>,
        (text, hash): (&[u8], u64),
        functions: &Functions,
    ) -> Option<Vec<Rc<Tree>>> {
        let trees = self.by_hash.get(&hash).filter(|_| self.functions.same(functions))?;
        let (root, defined) = trees.split_last()?;
        if *root.text != *text {
            return None;
        }
        if root.name == *name {
            return Some(trees.clone());
        }
        if defined.iter().any(|tree| tree.name == *name) {
            return None;
        }
        let renamed = |tree: &Tree, own: &Rc<str>| Rc::new(tree.renamed(own, name));
        let trees = defined.iter().map(|tree| renamed(tree, &tree.name));
        Some(trees.chain([renamed(root, name)]).collect())
    }

    fn keep(&mut self, trees: &[Rc<Tree>], hash: u64, functions: &Functions) {
        if !self.functions.same(functions) {
            self.functions = functions.clone();
            self.by_hash.clear();
            self.size = 0;
        }
        let Some(root) = trees.last() else { return };
        let size = self.size + root.text.len();
        if size <= MAX_KEPT {
            self.size = size;
            self.by_hash.insert(hash, trees.to_vec());
        }
    }
}

impl TemplateSet {
    /// An empty set.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty set that errors call by a name.
    pub fn named(name: &str) -> Self {
        Self { inner: Rc::new(Inner { name: Rc::from(name), ..Inner::default() }) }
    }

    pub(crate) fn name(&self) -> &str {
        &self.inner.name
    }

    /// A set that sees the templates of this one; what is added to it is not seen here.
    #[must_use]
    pub fn overlay(&self) -> Self {
        let (name, parsed) = (self.inner.name.clone(), self.inner.parsed.clone());
        let inner = Inner { name, base: Some(self.clone()), trees: RefCell::default(), parsed };
        Self { inner: Rc::new(inner) }
    }

    /// Parses a text as the template `name`, with the templates it defines. A later definition
    /// replaces an earlier one, except that an empty one never replaces.
    ///
    /// # Errors
    /// With Go's text (`template: name:line: ...`).
    pub fn parse(
        &self,
        name: &str,
        text: impl Into<Source>,
        functions: &Functions,
    ) -> Result<(), Error> {
        for tree in self.trees(name, &text.into(), functions)? {
            if tree.is_empty() && self.lookup(&tree.name).is_some() {
                continue;
            }
            self.inner.trees.borrow_mut().insert(tree.name.clone(), tree);
        }
        Ok(())
    }

    fn trees(&self, name: &str, text: &Source, functions: &Functions) -> Result<Vec<Rc<Tree>>> {
        let name = Rc::from(name);
        let parsed = &self.inner.parsed;
        let hash = parsed.borrow().hash(text);
        if let Some(trees) = parsed.borrow().get(&name, (text, hash), functions) {
            return Ok(trees);
        }
        let spare = std::mem::take(&mut parsed.borrow_mut().tokens);
        let defined = |function: &str| functions.contains(function);
        let Trees { all, merged, spare } = parse(name, text, &defined, spare)?;
        if spare.capacity() <= MAX_SPARE {
            parsed.borrow_mut().tokens = spare;
        }
        let trees: Vec<Rc<Tree>> = all.into_iter().map(Rc::new).collect();
        if !merged {
            parsed.borrow_mut().keep(&trees, hash, functions);
        }
        Ok(trees)
    }

    /// The tree of a text printed back as Go prints it, literal texts quoted. Identifiers must be
    /// functions; parentheses nested deeper than `max_parens` are refused.
    ///
    /// # Errors
    /// With Go's text.
    pub fn canonical(
        name: &str,
        text: &str,
        functions: &Functions,
        max_parens: usize,
    ) -> Result<String, Error> {
        let defined = |function: &str| functions.contains(function);
        let trees =
            parse_limited(Rc::from(name), &text.into(), &defined, (max_parens, Vec::new()))?;
        Ok(trees
            .all
            .iter()
            .find(|tree| &*tree.name == name)
            .map(|tree| format!("{:#}", Shown(&*tree.root, &tree.text)))
            .unwrap_or_default())
    }

    /// True when the text holds only white space and definitions.
    ///
    /// # Errors
    /// With Go's text.
    pub fn is_empty_text(name: &str, text: &str) -> Result<bool, Error> {
        let trees = parse(Rc::from(name), &text.into(), &|_| false, Vec::new())?;
        Ok(trees.all.iter().find(|tree| &*tree.name == name).is_none_or(Tree::is_empty))
    }

    /// True when a template of this name was parsed.
    pub fn contains(&self, name: &str) -> bool {
        self.lookup(name).is_some()
    }

    /// What a template renders to if it was loaded and has nothing but text: its file, of which no copy need be made.
    pub fn verbatim(&self, name: &str) -> Option<Bytes> {
        let tree = self.lookup(name)?;
        let file = tree.text.loaded()?;
        match *tree.root {
            [Statement::Text(text)] if text.of(file).len() == file.len() => Some(file.clone()),
            _ => None,
        }
    }

    /// The names of all templates, sorted.
    pub fn names(&self) -> Vec<String> {
        let mut names = self.inner.base.as_ref().map(Self::names).unwrap_or_default();
        names.extend(self.inner.trees.borrow().keys().map(ToString::to_string));
        names.sort();
        names.dedup();
        names
    }

    /// True when the template was parsed into this set itself, not into what lies below it.
    pub(crate) fn own(&self, name: &str) -> bool {
        self.inner.trees.borrow().contains_key(name)
    }

    pub(crate) fn lookup(&self, name: &str) -> Option<Rc<Tree>> {
        let own = self.inner.trees.borrow().get(name).cloned();
        own.or_else(|| self.inner.base.as_ref()?.lookup(name))
    }
}
