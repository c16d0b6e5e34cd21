//! kustomize builds: from a directory with a `kustomization.yaml` to the objects it stands for.
//!
//! The result has the same bytes as that of kustomize v5.8: the same order of steps, field specs, name references,
//! hashes, merge keys and errors.
//!
//! ```
//! use kustomize::{MemoryFiles, Options, build};
//! let files: MemoryFiles = [
//!     ("kustomization.yaml", "namePrefix: my-\nconfigMapGenerator:\n- name: a\n  literals: [k=v]\n"),
//! ].into_iter().collect();
//! let objects = build(&files, "/".as_ref(), &Options::default())?;
//! assert_eq!(objects[0].name(), "my-a-d644h29d8f");
//! # Ok::<(), kustomize::Error>(())
//! ```
//!
//! The engine does no I/O: files come through [`Files`] ([`MemoryFiles`], or [`DirFiles`] for a directory that nothing
//! leads out of), remote bases through [`Remote`], Helm charts through [`ChartRenderer`].
//!
//! Deliberately not here: plugins that are programs (they are refused), `kustomize edit`, and fetching.

mod build;
#[cfg(test)]
mod cases;
mod config;
mod error;
mod files;
pub mod flux;
mod generate;
mod id;
mod kustomization;
pub mod kyaml;
mod load;
mod origin;
mod plugin;
mod remote;
mod resmap;
mod resource;
pub mod substitute;
mod target;
mod transform;
mod tree;

pub use build::{Built, Options, Reorder, build, build_yaml};
pub use error::{Error, ErrorKind, Result};
pub use files::{DirFiles, FileError, FileKind, FileProblem, Files, Limits, MemoryFiles};
pub use generate::helm::{ChartRenderer, ChartRequest};
pub use kustomization::HelmChart;
pub use load::LoadRestriction;
pub use remote::{Remote, RemoteError, RepositoryUrl};
