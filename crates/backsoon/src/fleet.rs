//! Who follows a store: what one instance says of itself, and the roster of all of them; and who still stands
//! behind the windows that programs have added.

mod claim;
mod forget;
mod kind;
mod known;
mod lease;
mod lookout;
mod place;
mod report;
mod roster;

pub use self::claim::NotClaimed;
pub use self::forget::NotForgotten;
pub use self::kind::{Counts, Holding, Kind, OnLost};
pub use self::known::UnknownSite;
pub use self::lease::{Lease, lapsed};
pub use self::lookout::Lookout;
pub use self::place::Place;
pub use self::report::Report;
pub(crate) use self::report::reports;
pub use self::roster::{Life, Member, Roster};

/// Where reports are filed.
pub(crate) const ROSTER: &str = "roster/";
