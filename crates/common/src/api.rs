//! The custom resources of the toolkit.fluxcd.io API groups, as wire types.
//!
//! One module per API group; each kind is a struct made by kube's derive from its `…Spec`. Field
//! docs become the descriptions in the CRDs, see [`crd`]. Enumerations of the wire keep a value
//! that this build does not know (`Other`), so that an object written against a newer CRD never
//! breaks the list it is in; whoever acts on such a field refuses it with a clear message.
//!
//! Every kind with a status (all but Alert and Provider) implements [`Object`], every status
//! [`Status`], which is what a generic frame needs.

#[macro_use]
mod wire_enum;

pub mod crd;
pub mod duration;
pub mod helm;
pub mod image;
pub mod kustomize;
pub mod meta;
pub mod notification;
pub mod object;
pub mod source;
pub mod source_extensions;

pub use object::{Object, Status};

#[cfg(test)]
mod tests;
