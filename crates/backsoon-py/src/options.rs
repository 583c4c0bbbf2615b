//! How an instance joins, as Python says it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use backsoon::Rule;
use backsoon::decide::Local;
use backsoon::document::Health;
use backsoon::fleet::{Holding, Kind, OnLost};
use backsoon::join::{self, OnUnknown};
use backsoon::rules::TrustedProxies;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use serde::Deserialize;

/// The members of the JSON object that Python hands over; all of them may be left out.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Options {
    name: Option<String>,
    kind: Kind,
    on_unknown: OnUnknown,
    on_lost: OnLost,
    holding: Holding,
    copy: Option<PathBuf>,
    serves: Vec<backsoon::Host>,
    trusted_proxies: Arc<TrustedProxies>,
    rules: Vec<Rule>,
    health: Health,
    /// Seconds.
    poll: Option<f64>,
    /// Seconds.
    beat: Option<f64>,
    /// Seconds.
    lease: Option<f64>,
}

// === impl Options ===

impl Options {
    /// # Errors
    /// `ValueError` with the place of what is wrong in front: `rules[1].when: …`.
    pub(crate) fn read(json: &str) -> PyResult<Self> {
        let wrong = |sentence: String| PyValueError::new_err(sentence);
        // By way of a value: positions in a JSON that nobody wrote help nobody.
        let value: serde_json::Value =
            serde_json::from_str(json).map_err(|error| wrong(error.to_string()))?;
        let read: Self =
            serde_path_to_error::deserialize(value).map_err(|error| match error.path().iter().next() {
                None => wrong(error.inner().to_string()),
                Some(_) => wrong(format!("{}: {}", error.path(), error.inner())),
            })?;
        for (name, given) in [("poll", read.poll), ("beat", read.beat), ("lease", read.lease)] {
            if let Some(seconds) = given.filter(|seconds| !(0.01..=86_400.0).contains(seconds)) {
                return Err(wrong(format!(
                    "{name}: it is {seconds} s; say a number of seconds between 0.01 and 86400"
                )));
            }
        }
        Ok(read)
    }

    /// Whose `X-Forwarded-For` is believed.
    pub(crate) fn proxies(&self) -> &Arc<TrustedProxies> {
        &self.trusted_proxies
    }

    pub(crate) fn to_join(&self) -> join::Options {
        let mut options = join::Options::default();
        options.name = self.name.as_deref().map(own_name);
        options.kind = self.kind;
        options.local = Local {
            rules: self.rules.clone().into(),
            proxies: Arc::clone(&self.trusted_proxies),
            health: self.health,
        };
        options.on_unknown = self.on_unknown;
        options.on_lost = self.on_lost;
        options.holding = self.holding;
        options.copy = self.copy.clone();
        options.serves = self.serves.clone();
        let seconds = |given: Option<f64>, or: Duration| given.map_or(or, Duration::from_secs_f64);
        options.poll = seconds(self.poll, options.poll);
        options.beat = seconds(self.beat, options.beat);
        options.lease = seconds(self.lease, options.lease);
        options
    }
}

/// A name that no other member has: all workers of a site are given the same one, and reports of one name overwrite one
/// another, so that a receipt would confirm for all of them what one has said.
fn own_name(given: &str) -> String {
    format!("{given}-{}-{:08x}", std::process::id(), fastrand::u32(..))
}
