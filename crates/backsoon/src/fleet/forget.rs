//! Taking lost instances off the roster.

use std::time::Duration;

use super::{Life, Lookout, Member, ROSTER, Roster};
use crate::store::{self, Store};

/// Why nobody was taken off the roster.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotForgotten {
    /// There is no such instance.
    #[error("nobody called `{name}` is on the roster")]
    Unknown {
        /// The name.
        name: String,
        /// Those who are there.
        known: Vec<String>,
    },
    /// It lives, so it may be serving, and would be back with its next report.
    #[error("`{name}` lives, so it is not forgotten; stop it, and it leaves the roster by itself")]
    Lives {
        /// Its name.
        name: String,
    },
    /// The store could not do its part; some may have been taken off.
    #[error(transparent)]
    Store(#[from] store::Error),
}

// === impl Roster ===

impl Roster {
    /// Takes the instances called `names` off the roster, all of them or none, so that no receipt waits for them any more.
    ///
    /// Only those who are lost, fenced or dead may be forgotten. Of whom nobody can tell yet, each is watched for its
    /// lease, and `each` is shown every look. One that comes back all the same reports again, and so is on the roster
    /// again.
    ///
    /// # Errors
    /// When one of them is not there or lives, and when the store is away.
    pub async fn forget(
        store: &dyn Store,
        names: &[impl AsRef<str>],
        mut each: impl FnMut(&Self),
    ) -> Result<(), NotForgotten> {
        let mut lookout = Lookout::new();
        let mut first = true;
        loop {
            let roster = Self::look(store, &mut lookout).await?;
            each(&roster);
            let mut unheard = false;
            for name in names.iter().map(AsRef::as_ref) {
                match roster.0.iter().find(|member| member.report.name == name) {
                    None if first => {
                        let known = roster.0.iter().map(|member| member.report.name.clone()).collect();
                        return Err(NotForgotten::Unknown { name: name.to_owned(), known });
                    }
                    // It has left by a farewell, or somebody else has forgotten it.
                    None => {}
                    // A process that is there may be stopped for good, or cut off.
                    Some(Member { life: Life::Live, .. }) if lookout.moves(name) => {
                        return Err(NotForgotten::Lives { name: name.to_owned() });
                    }
                    Some(Member { life: Life::Unheard | Life::Live, .. }) => unheard = true,
                    Some(_) => {}
                }
            }
            if !unheard {
                break;
            }
            first = false;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        for name in names.iter().map(AsRef::as_ref) {
            store.delete(&format!("{ROSTER}{name}")).await?;
        }
        Ok(())
    }
}
