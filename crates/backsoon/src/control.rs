//! The only writer of the State: read, change until the change lands, history, rollback.

mod base;
mod error;
mod history;
mod opens;
mod passes;
mod swap;
mod update;
mod windows;

use std::sync::Arc;

pub(crate) use self::base::newest;
pub use self::error::Error;
pub use self::opens::Opens;
pub use self::update::Outcome;
pub(crate) use self::update::Strays;
use crate::document::{State, Unreadable};
use crate::store::{self, Store};

/// Where the State is filed.
pub(crate) const STATE: &str = "state";
/// Where documents are filed that an instance held when it found the store empty or damaged.
pub(crate) const KEPT: &str = "kept/";

/// Reads and changes the State of one store, in the name of one person or program.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// use backsoon::control::Control;
/// use backsoon::document::{Host, Mode, Window};
///
/// let store = backsoon::store::open("memory:").await?;
/// let control = Control::new(store, "ann@laptop");
/// let window = Window::new(Mode::On).message("We are moving house. Back at noon.");
/// control.begin(&Host::any(), window.clone()).await?;
/// control.end(&window.id).await?;
/// assert_eq!(control.history().await?.len(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Control {
    store: Arc<dyn Store>,
    by: String,
    opens: Opens,
}

/// What lies in the State's place.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Found {
    /// Nothing.
    Nothing,
    /// A State.
    State(Box<State>),
    /// Bytes that are no State which this build may use.
    Unreadable(Unreadable),
}

// === impl Control ===

impl Control {
    /// A control over `store` that signs its changes with `by`.
    pub fn new(store: Arc<dyn Store>, by: impl Into<String>) -> Self {
        Self { store, by: by.into(), opens: Opens::Nothing }
    }

    /// The store.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// The name that changes are signed with; a store may want more behind it ([`Store::signature`]).
    pub fn by(&self) -> &str {
        &self.by
    }

    /// What lies in the State's place.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn find(&self) -> Result<Found, Error> {
        Ok(match self.store.get(STATE).await {
            Ok(None) => Found::Nothing,
            Ok(Some(entry)) => match State::from_bytes(&entry.value) {
                Ok(state) => Found::State(Box::new(state)),
                Err(why) => Found::Unreadable(why),
            },
            Err(error @ store::Error::TooLarge { .. }) => {
                Found::Unreadable(Unreadable::Damaged { why: error.to_string() })
            }
            Err(error) => return Err(error.into()),
        })
    }

    /// The State, or `None` where nobody has asked for anything yet.
    ///
    /// # Errors
    /// When the store is away, or what lies there is no State that this build may use.
    pub async fn read(&self) -> Result<Option<State>, Error> {
        match self.find().await? {
            Found::Nothing => Ok(None),
            Found::State(state) => Ok(Some(*state)),
            Found::Unreadable(why) => Err(Error::Unreadable { store: self.store.url(), why }),
        }
    }
}
