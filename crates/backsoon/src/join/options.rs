//! How an instance joins, and what it does while nobody knows.

use std::path::PathBuf;
use std::time::Duration;

use crate::decide::Local;
use crate::document::Host;
use crate::fleet::{Counts, Holding, Kind, OnLost};
use crate::rules::Marks;

/// How an instance joins.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Options {
    /// The name on the roster; by default the host's name, the process and a random part.
    pub name: Option<String>,
    /// What it is.
    pub kind: Kind,
    /// This server's own part of every decision.
    pub local: Local,
    /// The marks on the application's routes.
    pub marks: Marks,
    /// What to do at start when neither the store nor the local copy can be read.
    pub on_unknown: OnUnknown,
    /// What to do when nobody has heard from this instance for its lease.
    pub on_lost: OnLost,
    /// Whether requests can wait here.
    pub holding: Holding,
    /// Whether every request that is let in holds its permit until its last byte.
    pub counts: Counts,
    /// When a State that this instance has is in force there.
    pub takes_effect: TakesEffect,
    /// Where to keep a copy of the last known State, for a start while the store is away.
    pub copy: Option<PathBuf>,
    /// The hosts that this server is known to serve, if it knows.
    pub serves: Vec<Host>,
    /// How often to look at the store even without a hint; less often in a fleet of more than 500.
    pub poll: Duration,
    /// How often to report even without news; less often in a fleet of more than 1,000.
    pub beat: Duration,
    /// After this long without a report others call this instance lost; four beats at least in a large fleet.
    pub lease: Duration,
}

/// What to do when nobody can say whether the site is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnUnknown {
    /// Serve.
    #[default]
    Open,
    /// Refuse until the store or a State says otherwise.
    Closed,
}

/// When a State is in force that an instance has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TakesEffect {
    /// As soon as the instance has it, for it decides by itself.
    #[default]
    AtOnce,
    /// When [`Instance::carried_out`](crate::Instance::carried_out) says so, for others decide by what the instance
    /// tells them.
    WhenSaid,
}

// === impl Options ===

impl Default for Options {
    /// Looks once a second, reports once a second, is lost after ten; opens if nobody knows.
    fn default() -> Self {
        Self {
            name: None,
            kind: Kind::Web,
            local: Local::default(),
            marks: Marks::new(),
            on_unknown: OnUnknown::Open,
            on_lost: OnLost::Keep,
            holding: Holding::Waits,
            counts: Counts::All,
            takes_effect: TakesEffect::AtOnce,
            copy: None,
            serves: Vec::new(),
            poll: Duration::from_secs(1),
            beat: Duration::from_secs(1),
            lease: Duration::from_secs(10),
        }
    }
}
