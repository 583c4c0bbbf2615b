//! The console of a gate: who may use the switch, an API with every verb of the command line, and pages for people.
//!
//! [`Console::new`] is a router over one store and one instance; [`Console::serve`] puts it on a listener of its own, which
//! is never the visitors'. Everything that changes the State goes through [`backsoon::Control`], signed with who asked.
//!
//! A request passes, in this order:
//! 1. [`guard`]: the `Host` must be a name of this console (DNS rebinding), an unsafe method must come from its own origin,
//!    and nobody asks more often than is reasonable;
//! 2. [`caller`]: who asks (a session, a bearer token, a trusted proxy's word) and in which role;
//! 3. the handler, whose signature names the role that it needs.
//!
//! - [`people`] teaches you where users, passwords and the first link are kept.
//! - [`tokens`] and [`sessions`] teach you how callers are recognised, and forgotten.
//! - [`api`] is the list of verbs, and [`openapi`] the document about them.

pub mod api;
pub mod caller;
mod client;
mod console;
mod figures;
mod form;
pub mod guard;
mod known;
mod limits;
mod listener;
mod looks;
mod named;
pub mod openapi;
pub mod options;
mod pages;
pub mod people;
pub mod problem;
mod records;
mod seats;
pub mod sessions;
mod sign_in;
pub mod tokens;

pub use console::{Console, first_path};
pub use options::Options;
pub use people::{People, Role};
