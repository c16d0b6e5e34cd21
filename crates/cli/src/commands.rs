//! One file per command.

pub(crate) mod apiserver;
pub(crate) mod build;
pub(crate) mod get;
pub(crate) mod helm;
pub(crate) mod kustomize;
pub(crate) mod reconcile;
pub(crate) mod suspend;
pub(crate) mod tree;
pub(crate) mod up;
pub(crate) mod version;
