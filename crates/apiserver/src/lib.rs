//! A Kubernetes API server in memory.
//!
//! It is for trying, testing and previewing: a newcomer needs no cluster, a test needs no socket, a whole
//! repository can be reconciled offline. It speaks the real protocol (discovery, CRUD, watches, all four
//! patches, server-side apply with field ownership, custom resources, Tables, RBAC for impersonated
//! callers), runs the few controllers without which objects do not behave (namespaces, garbage
//! collection), and simulates workloads so that health checks mean something.
//!
//! ```ignore
//! let server = apiserver::ApiServer::new(apiserver::Options::default());
//! server.install_crds(include_str!("crds.yaml"))?;
//! let client = kube::Client::new(server.service(), "default");
//!
//! let listening = server.serve(([127, 0, 0, 1], 0).into()).await?;
//! std::fs::write("kubeconfig", server.kubeconfig(listening.address()))?;
//! ```
//!
//! Start at [`ApiServer`] and [`Options`].
//!
//! It deliberately has no admission webhooks, no aggregated API servers, no conversion webhooks, no exec,
//! attach, port-forward or proxy, no scheduling decisions, no networking, and one process only. It shares
//! no types with the clients it is used to test, so that a mistake cannot agree with itself.

mod access;
mod autoscaler;
mod body;
mod bootstrap;
mod controllers;
mod convert;
mod core;
mod counters;
mod crd;
mod discovery;
mod duplicates;
mod failure;
pub mod fields;
mod journal;
mod names;
mod negotiate;
mod object;
mod openapi;
mod options;
mod patch;
mod path;
mod protobuf;
mod rbac;
mod registry;
mod rest;
mod reviews;
mod scale;
pub mod schema;
mod select;
mod serve;
mod server;
mod service;
mod service_network;
mod store;
mod strategy;
mod table;
mod tokens;
mod typed;
mod workloads;
mod write;

#[cfg(test)]
mod tests;

pub use body::Body;
pub use counters::RequestKind;
pub use options::{Clock, Options, Simulation};
pub use serve::Handle;
pub use server::{ApiServer, Error};
pub use service::Service;
