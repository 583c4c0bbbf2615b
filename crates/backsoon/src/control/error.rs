//! Why the State was not read or changed, in sentences.

use super::update::PATIENCE;
use crate::document::Unreadable;
use crate::store;

/// Why the State was not read or changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The store could not do its part; nothing was written.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// What lies in the State's place must not be replaced, or cannot be read.
    #[error("the state in {store} cannot be used: {why}{}", way_out(.why))]
    Unreadable {
        /// The store's URL.
        store: String,
        /// Why.
        why: Unreadable,
    },
    /// The edit itself said no; nothing was written.
    #[error("{0}")]
    Refused(String),
    /// The store's answer to a write was lost, and it cannot be read back: the change may have landed or not.
    #[error(
        "the answer of {store} was lost while writing, so the change may have landed or not; look with `backsoon status` when the store is back ({source})"
    )]
    Unknown {
        /// The store's URL.
        store: String,
        /// What the store said last.
        source: store::Error,
    },
    /// Others kept changing the State for a minute; nothing was written.
    #[error("others kept changing the state in {store} for {} seconds; try again", PATIENCE.as_secs())]
    Contended {
        /// The store's URL.
        store: String,
    },
    /// There is no such revision in the history.
    #[error("revision {revision} is not in the history, which has {}", .known.as_deref().unwrap_or("none yet"))]
    NoRevision {
        /// The revision asked for.
        revision: u64,
        /// The range there is.
        known: Option<String>,
    },
}

fn way_out(why: &Unreadable) -> &'static str {
    match why {
        Unreadable::Newer { .. } => "",
        Unreadable::Damaged { .. } => {
            "; `backsoon on` or `off` sets the damaged bytes aside and goes on from the last known state"
        }
    }
}
