//! What the endpoint is told, by `--auth` or by `[gate.auth]` in `backsoon.toml`.

use std::net::SocketAddr;
use std::time::Duration;

use http::StatusCode;
use serde::Deserialize;

use crate::serve::options::duration;

/// Where proxies ask, and what they are told.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    /// Where they connect; nobody may ask unless given. Port 0 lets the system choose one.
    pub listen: Option<SocketAddr>,
    /// How long the proxy waits for an answer: where the site holds, a question waits no longer than this. `1ms`
    /// refuses at once.
    #[serde(deserialize_with = "duration")]
    pub patience: Duration,
    /// The status of a refusal, for proxies that understand no other; the reply's own unless given.
    pub refuse_status: Option<RefuseStatus>,
}

/// A status that says "no" to every proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "u16")]
pub enum RefuseStatus {
    /// 401.
    Unauthorized,
    /// 403.
    Forbidden,
}

// === impl Options ===

impl Default for Options {
    fn default() -> Self {
        // Half of what nginx waits.
        Options { listen: None, patience: Duration::from_secs(30), refuse_status: None }
    }
}

// === impl RefuseStatus ===

impl RefuseStatus {
    pub(crate) fn code(self) -> StatusCode {
        match self {
            RefuseStatus::Unauthorized => StatusCode::UNAUTHORIZED,
            RefuseStatus::Forbidden => StatusCode::FORBIDDEN,
        }
    }
}

impl TryFrom<u16> for RefuseStatus {
    type Error = String;

    fn try_from(code: u16) -> Result<Self, String> {
        match code {
            401 => Ok(RefuseStatus::Unauthorized),
            403 => Ok(RefuseStatus::Forbidden),
            _ => Err(format!("{code} is not one of 401 and 403, which every proxy takes for a refusal")),
        }
    }
}
