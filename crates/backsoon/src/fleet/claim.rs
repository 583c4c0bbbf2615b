//! Taking a name on the roster that nobody else has.

use super::{Kind, Life, Place, ROSTER, Report, Roster};
use crate::store::{self, PutMode, Store};

/// Somebody else has the name.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotClaimed {
    /// Somebody with this name is on the roster.
    #[error(
        "somebody called `{name}` is on the roster already; take another name, or `backsoon fleet forget` it if it is lost"
    )]
    Taken {
        /// The name.
        name: String,
    },
    /// The store could not do its part.
    #[error(transparent)]
    Store(#[from] store::Error),
}

// === impl Roster ===

impl Roster {
    /// Puts this process on the roster as `name`, unless somebody else is there under it; an instance of that name may
    /// join then. Two that share a name would take each other's reports away, and a receipt would not wait for one of
    /// them.
    ///
    /// Whoever has ended on this machine without a farewell has no claim any more.
    ///
    /// # Errors
    /// When the name is taken, and when the store is away.
    pub async fn claim(store: &dyn Store, name: &str, kind: Kind) -> Result<(), NotClaimed> {
        let key = format!("{ROSTER}{name}");
        let report = Report::new(name, kind, Place::here());
        // A report is an object of plain fields and always serialises.
        let bytes = serde_json::to_vec(&report).unwrap_or_default();
        for _ in 0..3 {
            match store.put(&key, bytes.clone().into(), PutMode::Create).await {
                Ok(_) => return Ok(()),
                Err(store::Error::Conflict { .. }) => {}
                Err(error) => return Err(error.into()),
            }
            // It may have said farewell meanwhile.
            let Some(there) = store.get(&key).await? else { continue };
            let report = serde_json::from_slice::<Report>(&there.value).ok();
            if report.is_none_or(|report| report.lives() != Some(Life::Dead)) {
                break;
            }
            // In the place of exactly that one: somebody else may take it over just now.
            match store.put(&key, bytes.clone().into(), PutMode::Update(there.version)).await {
                Ok(_) => return Ok(()),
                Err(store::Error::Conflict { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(NotClaimed::Taken { name: name.to_owned() })
    }
}
