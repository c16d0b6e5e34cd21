//! Where objects come from and what changed them, as `buildMetadata` writes it into annotations.

use crate::error::Result;
use crate::files::join_relative;
use crate::id::ResId;
use crate::remote::RepositoryUrl;
use crate::resource::{self, ORIGIN, TRANSFORMATIONS};
use crate::tree::{NodeId, Tree};

/// A file, or the generator or transformer that a file configures.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) path: String,
    pub(crate) repo: String,
    pub(crate) reference: String,
    pub(crate) configured_in: String,
    pub(crate) configured_by: Option<Configured>,
}

/// What a generator or transformer is called.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Configured {
    pub(crate) api_version: String,
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) namespace: String,
}

impl Origin {
    /// One step further: a path below, or another repository.
    pub(crate) fn append(&self, path: &str) -> Self {
        let mut next = self.clone();
        if let Some(url) = RepositoryUrl::parse(path) {
            next.repo = url.clone_url();
            next.path = join_relative("", &url.directory);
            next.reference = url.reference;
            return next;
        }
        next.path = join_relative(&self.path, path);
        next
    }

    /// The origin of what a built-in generator or transformer does.
    pub(crate) fn builtin(&self, file_name: &str, kind: &str) -> Self {
        Self {
            path: String::new(),
            configured_in: join_relative(&self.path, file_name),
            configured_by: Some(Configured {
                api_version: "builtin".to_owned(),
                kind: kind.to_owned(),
                ..Configured::default()
            }),
            ..self.clone()
        }
    }

    /// The origin of what a generator or transformer does that is configured by an object.
    pub(crate) fn of_config(tree: &Tree, object: NodeId) -> Option<Self> {
        let own = Self::parse(resource::annotation(tree, object, ORIGIN)?);
        let ResId { gvk, name, namespace } = resource::id(tree, object);
        Some(Self {
            path: String::new(),
            configured_in: own.path.clone(),
            configured_by: Some(Configured {
                api_version: gvk.api_version(),
                kind: gvk.kind.into_owned(),
                name,
                namespace,
            }),
            ..own
        })
    }

    fn parse(text: &str) -> Self {
        let value = yaml::to_json(text, yaml::Rules::V2).unwrap_or_default();
        let field = |name: &str| {
            value.get(name).and_then(|value| value.as_str()).unwrap_or_default().to_owned()
        };
        Self {
            path: field("path"),
            repo: field("repo"),
            reference: field("ref"),
            configured_in: field("configuredIn"),
            configured_by: None,
        }
    }

    /// The annotation's text.
    pub(crate) fn text(&self) -> String {
        yaml::emit(&[self.node()], yaml::Style::default())
    }

    fn node(&self) -> yaml::Node {
        let mut entries = strings(&[
            ("path", &self.path),
            ("repo", &self.repo),
            ("ref", &self.reference),
            ("configuredIn", &self.configured_in),
        ]);
        if let Some(by) = &self.configured_by {
            let by = strings(&[
                ("apiVersion", &by.api_version),
                ("kind", &by.kind),
                ("name", &by.name),
                ("namespace", &by.namespace),
            ]);
            entries.push((yaml::Node::string("configuredBy"), yaml::Node::mapping(by)));
        }
        yaml::Node::mapping(entries)
    }

    /// Says on an object that it comes from here.
    pub(crate) fn set(&self, tree: &mut Tree, object: NodeId) -> Result<()> {
        let mut all = resource::annotations(tree, object);
        all.insert(ORIGIN.to_owned(), self.text());
        resource::set_annotations(tree, object, &all)
    }

    /// Says on an object that this changed it. One of which nothing is known yet comes from here.
    pub(crate) fn add_transformation(&self, tree: &mut Tree, object: NodeId) -> Result<()> {
        if resource::annotation(tree, object, ORIGIN).is_none() {
            return self.set(tree, object);
        }
        let mut all = resource::annotations(tree, object);
        let item = yaml::emit(&[yaml::Node::sequence(vec![self.node()])], yaml::Style::default());
        all.entry(TRANSFORMATIONS.to_owned()).or_default().push_str(&item);
        resource::set_annotations(tree, object, &all)
    }
}

fn strings(fields: &[(&str, &String)]) -> Vec<(yaml::Node, yaml::Node)> {
    let said = fields.iter().filter(|(_, text)| !text.is_empty());
    said.map(|(name, text)| (yaml::Node::string(*name), yaml::Node::string(text.as_str())))
        .collect()
}
