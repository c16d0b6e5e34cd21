//! The frame that all controllers share: watches, the queue, visits, status, events, shutdown.
//!
//! A controller implements [`Reconcile`] for each of its kinds and says how a visit ended,
//! [`Ready`] or [`Stop`]. Everything else is done here, once: objects are visited when they or
//! what they refer to change, and after their interval; one object is never visited twice at the
//! same time; the outcome becomes conditions, an event and the next visit by the table in
//! [`status`]; a panic ends one visit, not the process.
//!
//! ```ignore
//! let context = Context::new("kustomize-controller", client, Parts::default());
//! let controller = Controller::new(&context, |links| KustomizeController::new(links));
//! controller.run().await; // until context.shutdown() fires
//! ```
//!
//! It deliberately knows no kind: what a spec means is the controller's business. It also keeps no
//! copy of what controllers reconcile; `objects` holds the kind's own objects only.

pub mod cel;
pub mod clients;
pub mod clock;
pub mod context;
pub mod controller;
pub mod dependencies;
mod draft;
pub mod election;
pub mod events;
pub mod flags;
pub mod gates;
pub mod kind;
pub mod logs;
pub mod metrics;
pub mod objects;
pub mod outcome;
mod queue;
pub mod reconcile;
pub mod run;
pub mod secrets;
pub mod serve;
pub mod start;
pub mod status;
mod visit;
pub mod wake;
pub mod watch;

pub use clock::{Clock, SystemClock};
pub use context::{Context, Observation, Observed, Observer, Options, Parts};
pub use controller::{Controller, Links};
pub use gates::Gates;
pub use kind::Key;
pub use objects::Objects;
pub use outcome::{BoxError, Cancel, OrStop, Ready, Stop, chain};
pub use reconcile::{Reconcile, Visits};
pub use run::Run;
pub use start::{StartError, run};
pub use status::{EventType, Note};
pub use wake::{Cause, Waker, Wakes};
pub use watch::Change;
