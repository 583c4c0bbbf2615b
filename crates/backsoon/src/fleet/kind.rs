//! What an instance is, and what may be expected of it.

use serde::{Deserialize, Serialize};

/// What an instance is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Our reverse proxy.
    Gate,
    /// An application that answers HTTP.
    #[default]
    Web,
    /// A process that takes work from a queue.
    Worker,
    /// One run of a command.
    Job,
    /// It is asked by a proxy that was there before, and lets nobody in itself.
    Auth,
    /// It keeps files equal to the State, by which a proxy decides.
    Mirror,
}

/// What an instance does when nobody has heard from it for its lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnLost {
    /// It goes on by the last known State: visitors never notice that the store is away.
    #[default]
    Keep,
    /// It closes itself until it is heard from again, so that others may count on it.
    Close,
}

/// What an instance does with requests in [`Mode::Hold`](crate::Mode::Hold).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Holding {
    /// It lets them wait.
    #[default]
    Waits,
    /// It cannot, because a waiting request would take up a whole worker: it refuses them.
    Refuses,
}

/// Whether an instance knows of every request that runs because it said so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Counts {
    /// It does: each has a permit until its last byte.
    #[default]
    All,
    /// Only of those that pass through it. A proxy runs others by its word, and nobody tells when they end.
    Own,
}
