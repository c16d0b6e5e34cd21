//! The rendering and packaging half of Helm 4.3: a chart and values become manifests, hooks and
//! notes; charts become packages; releases become the records that Helm stores.
//!
//! Everything is value in, value out: no clock, network, cluster or environment. Time, randomness
//! and the like come from a [`gotemplate::Environment`]; and so do the cluster's
//! answers to `lookup`; only [`Chart::load_dir`] reads files.
//!
//! ```no_run
//! use helm::{Chart, Options, Values, render};
//!
//! let chart = Chart::load_archive(&std::fs::read("podinfo-6.1.0.tgz").unwrap()).unwrap();
//! let mut values = Values::new();
//! helm::strvals::set("replicaCount=2", &mut values).unwrap();
//! let environment = gotemplate::Fixed::default();
//! let rendered = render(&chart, &values, &Options::new("podinfo", "default", &environment)).unwrap();
//! print!("{}", rendered.text());
//! ```
//!
//! It does not install anything, talk to registries or repositories, or run plugins.

pub mod capabilities;
mod chart;
mod dependencies;
mod engine;
mod error;
mod glob;
mod gojson;
mod ignore;
mod index;
pub mod lint;
mod metadata;
mod order;
mod package;
mod postrender;
pub mod provenance;
mod release;
mod render;
mod resolve;
mod schema;
mod sort;
pub mod strvals;
mod toml;
mod values;

pub use capabilities::Capabilities;
pub use chart::{Chart, Crd, File, Lock};
pub use error::Error;
pub use glob::matches_file;
pub use gotemplate::semver::Version;
pub use gotemplate::{
    Environment, Error as TemplateError, Level, Limits, LogLine, ObjectReference,
};
pub use index::{ChartVersion, RepositoryIndex};
pub use metadata::{Dependency, Maintainer, Metadata};
pub use package::{file_name as package_name, package};
pub use postrender::{PostRenderer, Strategy};
pub use release::{Driver, Hook, HookEvent, HookExecution, Info, Release, Stamp};
pub use render::{
    Mode, Options, Rendered, TextOptions, release_name, render, render_files, render_prepared,
};
pub use resolve::{Resolved, Source, newest, resolve, satisfies};
pub use schema::validate as validate_schema;
pub use sort::{Manifest, Sorted, sort_manifests, split_manifests};
pub use values::{
    Values, coalesce_tables, coalesce_values, from_yaml, from_yaml_documents, merge_maps,
    merge_tables, merge_values, to_json, to_yaml,
};

pub(crate) use error::Result;

#[cfg(test)]
mod tests;
