//! The maintenance switch for every server that a site runs on.
//!
//! An operator closes a site once, in a [`store`]; every [`Instance`] that follows the store refuses visitors with an
//! honest page from then on, knows which requests still run from before, and reopens when it is told to or when the
//! window ends. Everything is decided in one place, by one pure function, [`decide::decide`].
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use backsoon::{Admission, Control, Host, Instance, Mode, Request, Window, join::Options, store};
//!
//! let store = store::open("memory:").await?;
//! let instance = Instance::join(store.clone(), Options::default()).await;
//!
//! let control = Control::new(store, "ann");
//! control.begin(&Host::any(), Window::new(Mode::On).message("Back at noon.")).await?;
//! instance.closed().await;
//!
//! let request = Request::new("GET", "shop.example.com", "/", &backsoon::request::NO_HEADERS);
//! let Admission::Refused(reply, _) = instance.admit(&request).await else { panic!("it is closed") };
//! assert_eq!(reply.status, 503);
//! # Ok(()) }
//! ```
//!
//! # Learn more
//!
//! - [`adapters`] teaches you to put the switch before an application: a tower layer, an actix-web middleware.
//! - [`instance`] and [`join`](mod@join) teach you what a server does by itself: follow, refuse, drain, report.
//! - [`control`] and [`Control::during`] teach you to close and reopen from code.
//! - [`document`] and [`rules`] teach you what can be said about a site.
//! - [`decide`], [`reply`] and [`snapshot`] teach you how a request is decided and what it is told.
//! - [`pass`] teaches who goes through closings by invitation.
//! - [`impact`] says what a closing has done to visitors.
//! - [`store`] teaches you to write a store, and [`fleet`] who follows one.
//!
//! # Features
//!
//! `tower` (default), `axum`, `actix`, `file`, `sqlite`, and `testing` for those who write a store or a face.

pub mod accept;
pub mod adapters;
pub mod control;
pub mod decide;
pub mod document;
pub mod during;
pub mod fleet;
mod grant;
pub mod impact;
pub mod inspect;
pub mod instance;
pub mod join;
pub mod pass;
mod queue;
pub mod receipt;
pub mod reply;
pub mod request;
pub mod rules;
pub mod running;
pub mod snapshot;
pub mod store;
pub mod tally;
#[cfg(feature = "testing")]
pub mod testing;
pub mod time;

#[cfg(feature = "tower")]
pub use adapters::tower::MaintenanceLayer;
pub use control::Control;
pub use document::{Host, Mode, State, Window};
pub use instance::{Admission, Instance, Permit};
pub use request::{Request, User};
pub use rules::{Marks, Rule};

/// README's example compiles.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
