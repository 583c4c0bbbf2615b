//! A gate that is built without tunnels: it hands WebSocket handshakes on as ordinary requests, and says so at its start.

use backsoon::Permit;
use http::{Request, Response};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::answer::AnswerBody;
use super::body::RequestBody;
use super::failure::Failure;
use super::proxy::NoAnswer;
use super::upstream::UpstreamUrl;

/// All tunnels of this gate, which are none.
#[derive(Debug, Clone)]
pub(crate) struct Tunnels {
    pub(crate) running: TaskTracker,
    pub(crate) cut: CancellationToken,
}

/// One upstream, to which no tunnel leads.
#[derive(Debug)]
pub(crate) struct Target;

/// Never: an upgrade that is not made is an ordinary request (RFC 9110 §7.8).
pub(crate) fn is_wanted(_: &Request<RequestBody>) -> bool {
    false
}

// === impl Tunnels ===

impl Tunnels {
    pub(crate) fn target(&self, _: &UpstreamUrl) -> Target {
        tracing::warn!("this build has no tunnels: WebSockets do not pass");
        Target
    }
}

// === impl Target ===

impl Target {
    pub(crate) async fn open(
        &self,
        _: Request<RequestBody>,
        _: Option<Permit>,
    ) -> Result<Response<AnswerBody>, NoAnswer> {
        Err(NoAnswer { failure: Failure::Tunnel, detail: "this build has no tunnels".to_owned() })
    }
}
