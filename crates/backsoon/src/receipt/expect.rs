//! What is asked of a receipt.

use serde::Serialize;

use crate::document::Host;
use crate::time::Timestamp;

/// What a receipt is asked to prove.
#[derive(Debug, Clone, Default)]
pub struct Expect {
    /// The sites that the change is about.
    pub sites: Vec<Host>,
    /// Fewer instances than this confirm nothing.
    pub instances: usize,
    /// What to do about lost instances.
    pub lost: Lost,
    /// When the change was asked for: what its windows closed then is to be closed when it is confirmed, although their time
    /// may be over since. None: what they close at the time of the look.
    pub asked: Option<Timestamp>,
}

/// What to do about an instance whose beat has stopped without a farewell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lost {
    /// It may still be serving, so it blocks the receipt.
    #[default]
    Blocks,
    /// Whoever asks knows better; the receipt says so.
    Accepted,
}
