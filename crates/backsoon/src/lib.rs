//! The maintenance switch for every server that a site runs on.

mod accept;
pub mod adapters;
pub mod control;
pub mod decide;
pub mod document;
mod during;
pub mod fleet;
pub mod inspect;
pub mod instance;
pub mod join;
pub mod reply;
pub mod request;
pub mod rules;
pub mod snapshot;
pub mod store;
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
