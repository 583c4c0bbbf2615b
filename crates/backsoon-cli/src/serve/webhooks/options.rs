//! What `[[webhook]]` in `backsoon.toml` says: where to send, how to sign, what and for how long.

use std::path::PathBuf;
use std::time::Duration;

use backsoon::Host;
use serde::{Deserialize, Deserializer, de};

use super::event::Type;
use super::hidden::Hidden;
use crate::serve::options::span;
use crate::when;

/// One receiver.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// What it is called in metrics, messages and the store.
    pub name: String,
    /// Where it listens. It is never shown whole: some have their secret in its path.
    pub url: Hidden,
    /// What signs the deliveries.
    pub secret: Option<Hidden>,
    /// The environment variable that holds it.
    pub secret_env: Option<String>,
    /// The file that holds it; a relative path is relative to `backsoon.toml`.
    pub secret_file: Option<PathBuf>,
    /// What it is told; everything unless given.
    #[serde(default = "everything")]
    pub events: Vec<Type>,
    /// The hosts whose news it is told; all unless given.
    #[serde(default)]
    pub sites: Vec<Host>,
    /// For how long a delivery is tried again.
    #[serde(rename = "for", default = "a_day", deserialize_with = "days")]
    pub lasts: Duration,
    /// The pause before the second try; the later ones are longer in proportion.
    #[serde(default = "five_seconds", deserialize_with = "duration")]
    pub first_retry: Duration,
    /// How long a server may take to confirm a closing before it is late.
    #[serde(default = "half_a_minute", deserialize_with = "duration")]
    pub late_after: Duration,
    /// Whether `http:` may leave this machine.
    #[serde(default)]
    pub unencrypted: Unencrypted,
}

/// Whether deliveries may travel so that anybody on the way can read them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unencrypted {
    /// They may not, but within this machine.
    #[default]
    Refused,
    /// They may.
    Allowed,
}

fn everything() -> Vec<Type> {
    Type::NEWS.to_vec()
}

fn a_day() -> Duration {
    Duration::from_secs(24 * 3600)
}

fn five_seconds() -> Duration {
    Duration::from_secs(5)
}

fn half_a_minute() -> Duration {
    Duration::from_secs(30)
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    span(&String::deserialize(deserializer)?).map_err(de::Error::custom)
}

/// Also in days, which the gate's own durations have no use for.
fn days<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    when::duration(&String::deserialize(deserializer)?).map_err(de::Error::custom)
}
